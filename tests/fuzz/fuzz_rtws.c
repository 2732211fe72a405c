/* RTWebSocket: its messages; two sessions against each other; a server's end, from a stranger's stream.
 *
 * The first byte chooses: bit 0 the server's end, bit 1 whether the handshake is made first. There, pieces of what the
 * far side says follow; an empty one lets a second pass. Else steps: commands, messages handed over, messages of the
 * input's own. A message is read the same again when it is written anew; no message is told that was not written,
 * unless some were forged; counts of what is on its way and what waits are true, memory is bounded and given back. */
#include "tests/fuzz/fuzz.h"

#include "stack/rtmfp/ws/impl.h"
#include "stack/rtmfp/ws/server.h"

static const char REQUEST[] = "GET /app HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void read_wire(it_bytes in)
{
    static uint8_t room[4096];
    it_rtws_msg m, again;
    it_buf b;
    if (in.n > 2048 || it_rtws_get(in, &m) != IT_RTWS_READ)
        return;
    it_buf_init(&b, room, sizeof room);
    it_rtws_put(&b, &m);
    MUST(!b.overflow && b.len <= IT_RTWS_HEAD_MAX + m.data.n);
    MUST(it_rtws_get(it_bytes_of(b.p, b.len), &again) == IT_RTWS_READ);
    MUST(again.type == m.type && again.flow == m.flow && again.associated == m.associated);
    MUST(again.count == m.count && again.buffer == m.buffer && again.code == m.code);
    MUST(it_bytes_eq(again.data, m.data));
}

/* --- two sessions --- */

typedef struct pair {
    it_alloc mem;
    it_time now;
    it_rtws s[2];
    it_rtmfp_events events[2];
    bool forged, broken[2];
    uint64_t written[2], told[2];
    uint64_t heard[2]; /* receiving flows so far */
} pair;

static void check(const it_rtws *s)
{
    uint64_t way = 0;
    size_t control = 0;
    for (size_t i = 0; i < s->sends; i++) {
        const it_rtws_send *f = s->send[i];
        size_t queued = 0;
        for (const it_rtws_item *m = f->first; m; m = m->next) {
            MUST(m->at == 0 || m == f->first);
            queued += m->n;
        }
        MUST(queued == f->queued && f->acked <= f->sent);
        way += f->sent - f->acked;
    }
    for (const it_rtws_control *c = s->first; c; c = c->next)
        control += c->n;
    MUST(way == s->sent - s->acked && control == s->control);
    for (size_t i = 0; i < s->recvs; i++)
        MUST(s->recv[i]->part_n <= IT_RTMFP_MESSAGE_MOST && (s->recv[i]->parts || s->recv[i]->part_n == 0));
    MUST(s->sends <= IT_RTMFP_FLOWS && s->recvs <= IT_RTMFP_FLOWS);
}

static void hear(pair *p, int i)
{
    it_rtmfp_event ev;
    while (it_rtmfp_events_take(&p->events[i], &ev)) {
        p->told[i] += ev.kind == IT_RTMFP_EV_MESSAGE;
        p->heard[i] += ev.kind == IT_RTMFP_EV_FLOW;
        MUST(ev.session == 7 && ev.flow > 0);
    }
    MUST(p->forged || p->told[i] <= p->written[!i]);
    check(&p->s[i]);
}

static void take(pair *p, int i, it_bytes m)
{
    int err = it_rtws_take(&p->s[i], p->now, m);
    MUST(err == 0 || (err == IT_ERR_PARSE && p->s[i].why));
    MUST(err == 0 || p->forged);
    p->broken[i] |= err != 0;
    hear(p, i);
}

/* Hands over as many messages of |i| as |most| says. */
static void hand(pair *p, int i, int most)
{
    static uint8_t room[IT_RTWS_MESSAGE];
    for (int k = 0; k < most; k++) {
        it_buf b;
        it_buf_init(&b, room, sizeof room);
        int n = it_rtws_give(&p->s[i], p->now, &b);
        MUST(n >= 0 && !b.overflow && b.len <= sizeof room);
        hear(p, i);
        if (n == 0)
            return;
        uint8_t *exact = fuzz_exact(it_bytes_of(b.p, b.len));
        take(p, !i, it_bytes_of(exact, b.len));
        free(exact);
    }
}

static void command(pair *p, int i, uint8_t what, fuzz *f)
{
    static uint8_t big[20000];
    uint64_t id = 1 + (fuzz_u8(f) & 7);
    it_rtws *s = &p->s[i];
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m"), .priority = what >> 6};
    it_rtmfp_write_opts w = {.until = what & 16 ? p->now + IT_SEC : 0};
    switch (what & 3) {
    case 0:
        o.returns = what & 32 ? id : 0;
        (void)it_rtws_flow_open(s, &o, &id);
        break;
    case 1:
        p->written[i] += it_rtws_flow_write(s, p->now, id, it_bytes_of(big, fuzz_u8(f) * 70u), &w, NULL) == 0;
        break;
    case 2:
        (void)it_rtws_flow_close(s, id, what & 16);
        break;
    default:
        (void)it_rtws_flow_reject(s, p->now, id, what);
        break;
    }
    hear(p, i);
}

static void forge(pair *p, int i, fuzz *f)
{
    it_bytes m = fuzz_bytes(f);
    uint8_t *exact = fuzz_exact(m);
    p->forged = true;
    take(p, i, it_bytes_of(exact, m.n));
    free(exact);
}

static void run_pair(fuzz *f)
{
    static pair all;
    pair *p = &all;
    *p = (pair){.now = IT_SEC};
    it_alloc_init(&p->mem);
    for (int i = 0; i < 2; i++) {
        it_rtmfp_events_init(&p->events[i], &p->mem);
        it_rtws_cfg cfg = {.alloc = &p->mem, .events = &p->events[i], .session = 7, .window = 5000};
        it_rtws_init(&p->s[i], &cfg, p->now);
    }
    while (f->n > 0) {
        uint8_t step = fuzz_u8(f);
        int i = step & 1;
        if (step & 2) {
            command(p, i, step >> 2, f);
        } else if (step & 4) {
            hand(p, i, 1 + (step >> 3));
        } else if (step & 8) {
            forge(p, i, f);
        } else {
            p->now += (step >> 4) * 50 * IT_MS;
            for (int k = 0; k < 2; k++) {
                bool dead = it_rtws_tick(&p->s[k], p->now);
                MUST(dead || it_rtws_next(&p->s[k]) > p->now);
                hear(p, k);
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        it_rtws_fini(&p->s[i]);
        it_rtmfp_events_fini(&p->events[i]);
    }
    MUST(p->mem.live == 0);
}

/* --- a server --- */

static void drain(it_rtws_server *s, it_time now)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    it_rtmfp_event ev;
    int n;
    while ((n = it_rtws_server_output(s, now, &out, buf, sizeof buf)) != 0)
        MUST(n > 0 && out.data.n <= sizeof buf);
    while (it_rtws_server_event_next(s, &ev))
        MUST(ev.session >= IT_RTWS_SESSIONS);
}

static void say(it_rtws_server *s, it_time now, it_bytes data)
{
    uint8_t *exact = fuzz_exact(data);
    size_t at = 0;
    for (int n = 1; n > 0 && at < data.n; at += (size_t)n) {
        it_io in = {.kind = IT_IO_DATA, .flow = IT_IO_ACCEPTED_FLOW, .data = it_bytes_of(exact + at, data.n - at)};
        n = it_rtws_server_input(s, now, &in);
        MUST(n >= 0 && (size_t)n <= data.n - at);
        drain(s, now);
    }
    free(exact);
}

static void run_server(fuzz *f, bool hands)
{
    it_alloc mem;
    it_time now = IT_SEC;
    it_alloc_init(&mem);
    it_rtws_server_cfg cfg = {.alloc = &mem};
    it_rng_init(&cfg.rng, 1, "s");
    it_rtws_server *s = it_rtws_server_new(&cfg);
    MUST(s);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW, .data = {NULL, 1000000}};
    MUST(it_rtws_server_input(s, now, &in) >= 0);
    if (hands)
        say(s, now, it_bytes_str(REQUEST));
    while (f->n > 0) {
        it_bytes piece = fuzz_bytes(f);
        say(s, now, piece);
        if (piece.n > 0)
            continue;
        now += IT_SEC;
        MUST(it_rtws_server_tick(s, now) >= 0);
        drain(s, now);
        MUST(it_rtws_server_next(s) > now);
    }
    it_rtws_server_free(s);
    MUST(mem.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz f = {data, n};
    uint8_t how = fuzz_u8(&f);
    uint8_t *exact = fuzz_exact(it_bytes_of(f.p, f.n));
    read_wire(it_bytes_of(exact, f.n));
    free(exact);
    if (how & 1)
        run_server(&f, how & 2);
    else
        run_pair(&f);
    return 0;
}
