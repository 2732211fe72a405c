/* The STUN server by TCP: clients whose bytes come in any pieces, who read or do not, end or wait. What it takes it
 * answers, whole and in order; what is no STUN ends its stream and nobody else's.
 *
 * The input is steps: a byte that chooses the client and what happens, and how many bytes of the input it says. */
#include "stack/stun/server_tcp.h"
#include "tests/fuzz/fuzz.h"

enum { CLIENTS = 4, PART = 24 };

typedef struct client {
    bool live, fin;
    uint8_t said[65536]; /* by the server */
    size_t n_said, room;
} client;

typedef struct rig {
    it_alloc mem;
    it_stun_tcp *s;
    it_time now;
    client c[CLIENTS];
    uint64_t accepted;
} rig;

static int put(rig *r, int k, enum it_io_kind kind, it_bytes data)
{
    it_io in = {.kind = kind, .flow = (uint32_t)k + 1, .data = data};
    in.local = it_addr_of(it_ip4(0xc0000201), 3478);
    in.remote = it_addr_of(it_ip4(0xc0000202), (uint16_t)(1000 + k));
    int n = it_stun_tcp_input(r->s, r->now, &in);
    MUST(n >= 0);
    return n;
}

static void opens(rig *r, int k)
{
    r->c[k].live = true;
    r->c[k].fin = false;
    r->c[k].n_said = 0;
    r->c[k].room = 700;
    r->accepted++;
    (void)put(r, k, IT_IO_ACCEPTED, it_bytes_of(NULL, 700));
}

/* Takes what the server puts out. */
static void drain(rig *r)
{
    uint8_t buf[300];
    it_io out;
    for (int n = 0; it_stun_tcp_output(r->s, r->now, &out, buf, sizeof buf) == 1; n++) {
        MUST(out.flow >= 1 && out.flow <= CLIENTS && n < 10000);
        client *c = &r->c[out.flow - 1];
        MUST(c->live);
        c->live = out.kind == IT_IO_DATA || out.kind == IT_IO_WRITABLE;
        if (out.kind != IT_IO_DATA)
            continue;
        MUST(out.data.n > 0 && out.data.n <= c->room && out.data.n <= sizeof buf);
        c->room -= out.data.n;
        if (c->n_said + out.data.n <= sizeof c->said)
            memcpy(c->said + c->n_said, out.data.p, out.data.n);
        c->n_said += out.data.n;
    }
}

/* What client |k| was told is whole messages, but for the last one. */
static void check_said(const client *c)
{
    size_t n = c->n_said < sizeof c->said ? c->n_said : sizeof c->said;
    for (size_t at = 0; at + IT_STUN_HEADER <= n;) {
        it_stun_msg m;
        size_t one = (size_t)IT_STUN_HEADER + it_get16(c->said + at + 2);
        if (at + one > n)
            return;
        MUST(it_stun_parse(&m, it_bytes_of(c->said + at, one)) == 0);
        MUST(m.cls == IT_STUN_SUCCESS || m.cls == IT_STUN_ERROR);
        at += one;
    }
}

static void step(rig *r, uint8_t what, it_bytes part)
{
    int k = what & 3;
    client *c = &r->c[k];
    if (!c->live)
        opens(r, k);
    switch (what >> 2 & 7) {
    case 0:
        c->room = 700;
        (void)put(r, k, IT_IO_WRITABLE, it_bytes_of(NULL, 700));
        break;
    case 1:
        c->fin = true;
        (void)put(r, k, IT_IO_FIN, it_bytes_of(NULL, 0));
        break;
    case 2:
        c->live = false;
        (void)put(r, k, IT_IO_RST, it_bytes_of(NULL, 0));
        break;
    case 3:
        r->now += 7 * IT_SEC;
        MUST(it_stun_tcp_tick(r->s, r->now) == 0);
        MUST(it_stun_tcp_next(r->s) > r->now);
        break;
    default:
        if (!c->fin)
            MUST(put(r, k, IT_IO_DATA, part) <= (int)part.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rig r;
    static const it_stun_tcp_limits LIMITS = {.conns = 3, .first = 10 * IT_SEC, .idle = 30 * IT_SEC};
    memset(&r, 0, sizeof r);
    it_alloc_init(&r.mem);
    it_stun_server_cfg cfg = {.alloc = &r.mem, .software = "fuzz"};
    it_rng_init(&cfg.rng, 1, "server");
    r.s = it_stun_tcp_new(&cfg, &LIMITS);
    for (size_t at = 0; at < size;) {
        uint8_t what = data[at++];
        size_t n = size - at < PART ? size - at : PART;
        bool says = (what >> 2 & 7) > 3;
        step(&r, what, it_bytes_of(data + at, says ? n : 0));
        at += says ? n : 0;
        drain(&r);
        for (int k = 0; k < CLIENTS; k++)
            check_said(&r.c[k]);
    }
    MUST(it_stun_tcp_stat(r.s)->accepted == r.accepted);
    it_stun_tcp_free(r.s);
    MUST(r.mem.live == 0);
    return 0;
}
