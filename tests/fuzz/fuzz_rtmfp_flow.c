/* The flows of two ends of a session against each other. Steps of an input: commands; packets delivered, lost, doubled,
 * cut; chunks of the input's own. No message is delivered that was not written, unless chunks were forged; memory is
 * bounded and given back, and what is in flight is what queues say. */
#include "stack/rtmfp/flow/impl.h"
#include "tests/fuzz/fuzz.h"

#define FLIGHT 32
#define ROOM 1140

typedef struct packet {
    int to;
    size_t n;
    uint8_t data[ROOM + 1];
} packet;

typedef struct pair {
    it_alloc mem;
    it_time now;
    it_rtmfp_flows flows[2];
    it_rtmfp_rtt rtt[2];
    it_rtmfp_events events[2];
    it_rtmfp_shared shared[2];
    packet flight[FLIGHT];
    uint32_t n;
    bool forged;
    uint64_t written[2], got[2];
} pair;

static void check(const it_rtmfp_flows *f)
{
    uint64_t all = 0;
    for (size_t i = 0; i < f->sends; i++) {
        uint64_t one = 0, last = 0;
        size_t queued = 0;
        for (const it_rtmfp_entry *e = f->send[i]->first; e; e = e->next) {
            MUST(e->seq > last);
            last = e->seq;
            queued += e->n;
            one += e->in_flight ? e->transmit : 0;
        }
        MUST(one == f->send[i]->outstanding && queued == f->send[i]->queued);
        all += one;
    }
    MUST(all == f->outstanding && f->err == 0 && f->burst <= IT_RTMFP_BURST);
    for (size_t i = 0; i < f->recvs; i++) {
        size_t buffered = 0;
        for (const it_rtmfp_piece *p = f->recv[i]->first; p; p = p->next) {
            MUST(!p->next || p->next->seq > p->seq);
            MUST(it_rtmfp_ranges_has(&f->recv[i]->seen, p->seq));
            buffered += p->n + IT_RTMFP_OVERHEAD;
        }
        MUST(buffered == f->recv[i]->buffered);
    }
}

static void drain(pair *p, int i)
{
    it_rtmfp_event ev;
    it_rtmfp_flows *f = &p->flows[i];
    for (int k = 0; it_rtmfp_flows_ready(f, p->now); k++) {
        packet out = {.to = !i};
        it_rtmfp_head h = {.mode = IT_RTMFP_BY_INITIATOR};
        it_buf b;
        MUST(k < 1000);
        it_buf_init(&b, out.data + 1, ROOM);
        it_rtmfp_flows_put(f, p->now, &b, &h);
        MUST(!b.overflow);
        out.data[0] = IT_RTMFP_BY_INITIATOR;
        out.n = b.len + 1;
        if (b.len == 0)
            break;
        if (p->n < FLIGHT)
            p->flight[p->n++] = out;
    }
    while (it_rtmfp_events_take(&p->events[i], &ev))
        p->got[i] += ev.kind == IT_RTMFP_EV_MESSAGE;
    check(f);
}

static void give(pair *p, int i, it_bytes d)
{
    it_rd r;
    it_rtmfp_head h;
    it_rtmfp_chunk c;
    uint8_t *exact = fuzz_exact(d);
    if (it_rtmfp_head_get(&r, it_bytes_of(exact, d.n), &h) == 0) {
        it_rtmfp_flows_begin(&p->flows[i], p->now, &h);
        while (it_rtmfp_chunk_next(&r, &c))
            it_rtmfp_flows_chunk(&p->flows[i], p->now, &c);
        it_rtmfp_flows_end(&p->flows[i], p->now);
    }
    free(exact);
    drain(p, i);
}

static void command(pair *p, int i, uint8_t arg, fuzz *f)
{
    static const uint8_t BIG[3000] = {1};
    it_rtmfp_flows *x = &p->flows[i];
    uint64_t id = 1 + (arg >> 1) % 4;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m"), .returns = arg >> 6, .urgent = arg & 8};
    it_rtmfp_write_opts w = {.sends = arg >> 6, .until = arg & 8 ? p->now + 100 * IT_MS : 0};
    it_rtmfp_recv_opts v = {.window = (size_t)(arg >> 4) * 500, .suspended = arg & 8, .unordered = arg & 2};
    switch (fuzz_u8(f) % 7) {
    case 0:
        it_rtmfp_flows_open(x, &o, &id);
        break;
    case 1:
    case 2:
        p->written[i] += it_rtmfp_flows_write(x, id, it_bytes_of(BIG, (size_t)fuzz_u8(f) * 11), &w, NULL) == 0;
        break;
    case 3:
        it_rtmfp_flows_close(x, id, arg & 16);
        break;
    case 4:
        it_rtmfp_flows_reject(x, id, arg);
        break;
    case 5:
        it_rtmfp_flows_tune(x, id, &v);
        break;
    default:
        it_rtmfp_flows_abandon(x, id, fuzz_u8(f));
        break;
    }
    drain(p, i);
}

static void step(pair *p, fuzz *f)
{
    uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
    uint32_t k = p->n ? arg % p->n : 0;
    switch (what % 6) {
    case 0:
    case 1:
        command(p, arg & 1, arg, f);
        break;
    case 2:
        if (p->n) {
            packet d = p->flight[k];
            p->flight[k] = p->flight[--p->n];
            give(p, d.to, it_bytes_of(d.data, d.n));
        }
        break;
    case 3:
        if (p->n)
            give(p, p->flight[k].to, it_bytes_of(p->flight[k].data, p->flight[k].n));
        break;
    case 4:
        p->now += arg * 10 * IT_MS;
        for (int i = 0; i < 2; i++) {
            it_rtmfp_flows_tick(&p->flows[i], p->now);
            drain(p, i);
            MUST(it_rtmfp_flows_next(&p->flows[i], p->now) > p->now);
        }
        break;
    default:
        p->forged = true;
        give(p, arg & 1, fuzz_bytes(f));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pair room;
    pair *p = &room;
    fuzz f = {data, size};
    memset(p, 0, sizeof *p);
    it_alloc_init(&p->mem);
    for (int i = 0; i < 2; i++) {
        it_rtmfp_rtt_init(&p->rtt[i]);
        it_rtmfp_events_init(&p->events[i], &p->mem);
        it_rtmfp_flows_init(&p->flows[i], &p->mem, &p->events[i], &p->rtt[i], &p->shared[i], 1);
    }
    while (f.n)
        step(p, &f);
    for (int i = 0; i < 2; i++)
        MUST(p->forged || p->got[i] <= p->written[!i]);
    for (int i = 0; i < 2; i++) {
        it_rtmfp_flows_fini(&p->flows[i]);
        it_rtmfp_events_fini(&p->events[i]);
    }
    MUST(p->mem.live == 0);
    return 0;
}
