/* Two ends of RTMFP against each other, and a stranger. Each input is a list of steps: a packet in flight is delivered,
 * lost, doubled or changed; time passes; an end opens, closes or moves; a plain packet of the input's own is sealed by
 * the default key and given to an end. Nothing leaks, next is always later, and a session that is open at both ends has
 * the same keys. */
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/impl.h"
#include "tests/fuzz/fuzz.h"

#define FLIGHT 64

typedef struct packet {
    it_addr from, to;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} packet;

typedef struct ends {
    it_alloc mem;
    it_time now;
    it_rtmfp *end[2];
    it_addr outer[2];
    packet flight[FLIGHT];
    uint32_t n;
    uint32_t session[2];
} ends;

static void drain(ends *e, int i)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    it_rtmfp_event ev;
    while (it_rtmfp_output(e->end[i], e->now, &io, buf, sizeof buf) == 1) {
        MUST(io.data.n <= IT_RTMFP_DATAGRAM);
        if (e->n == FLIGHT)
            continue;
        packet *p = &e->flight[e->n++];
        p->from = e->outer[i];
        p->to = io.remote;
        p->n = io.data.n;
        memcpy(p->data, io.data.p, io.data.n);
    }
    while (it_rtmfp_event_next(e->end[i], &ev))
        if (ev.kind == IT_RTMFP_EV_OPEN)
            e->session[i] = ev.session;
}

static void give(ends *e, int i, it_addr from, it_bytes d)
{
    uint8_t *exact = fuzz_exact(d);
    it_io io = {.kind = IT_IO_DGRAM, .local = e->outer[i], .remote = from, .data = it_bytes_of(exact, d.n)};
    MUST(it_rtmfp_input(e->end[i], e->now, &io) == (int)d.n);
    free(exact);
    drain(e, i);
}

static void deliver(ends *e, uint32_t k, bool keep)
{
    packet p = e->flight[k];
    if (!keep) {
        memmove(&e->flight[k], &e->flight[k + 1], (e->n - k - 1) * sizeof p);
        e->n--;
    }
    for (int i = 0; i < 2; i++)
        if (it_addr_eq(e->outer[i], p.to))
            give(e, i, p.from, it_bytes_of(p.data, p.n));
}

static void pass(ends *e, it_time t)
{
    e->now += t;
    for (int i = 0; i < 2; i++) {
        MUST(it_rtmfp_tick(e->end[i], e->now) == 0);
        MUST(it_rtmfp_next(e->end[i]) > e->now);
        drain(e, i);
    }
}

/* A packet of the input's own, by the default key. */
static void forge(ends *e, fuzz *f)
{
    uint8_t d[IT_IO_DGRAM_MAX];
    it_rtmfp_keys k;
    uint8_t who = fuzz_u8(f);
    it_bytes plain = fuzz_bytes(f);
    uint32_t sid = 0;
    it_rtmfp *r = e->end[who & 1];
    for (uint32_t i = 0; who & 2 && i < r->slots; i++)
        if (r->slot[i])
            sid = r->slot[i]->rx_sid;
    MUST(it_rtmfp_keys_init_default(&k) == 0);
    int n = it_rtmfp_seal(&k, sid, plain, d, sizeof d);
    it_rtmfp_keys_wipe(&k);
    if (n > 0)
        give(e, who & 1, e->outer[!(who & 1)], it_bytes_of(d, (size_t)n));
}

static void step(ends *e, fuzz *f)
{
    uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
    int i = arg & 1;
    uint32_t k = e->n ? arg % e->n : 0, session;
    uint8_t epd[IT_RTMFP_PRINT_EPD];
    uint64_t id = 1;
    it_rtmfp_flow_opts opts = {.metadata = it_bytes_str("m")};
    switch (what % 12) {
    case 0:
    case 1:
        if (e->n)
            deliver(e, k, what % 12);
        break;
    case 2:
        if (e->n)
            e->flight[k].data[fuzz_u8(f) % e->flight[k].n] ^= fuzz_u8(f);
        break;
    case 3:
        pass(e, (it_time)arg * 20 * IT_MS);
        break;
    case 4:
        it_rtmfp_epd_of_print(it_rtmfp_print(e->end[!i]), epd);
        it_rtmfp_connect(e->end[i], e->now, it_bytes_of(epd, sizeof epd), &e->outer[!i], 1, &session);
        drain(e, i);
        break;
    case 5:
        it_rtmfp_close(e->end[i], e->now, e->session[i]);
        drain(e, i);
        break;
    case 6:
        e->outer[i].port ^= 1;
        break;
    case 7:
        forge(e, f);
        break;
    case 8:
        it_rtmfp_abort(e->end[i], e->now, e->session[i]);
        drain(e, i);
        break;
    case 10:
        it_rtmfp_flow_open(e->end[i], e->now, e->session[i], &opts, &id);
        it_rtmfp_flow_write(e->end[i], e->now, e->session[i], id, it_bytes_of(e->flight, arg * 20u), NULL, NULL);
        drain(e, i);
        break;
    case 11:
        it_rtmfp_flow_close(e->end[i], e->now, e->session[i], 1, arg & 2);
        it_rtmfp_flow_reject(e->end[!i], e->now, e->session[!i], 1, arg);
        drain(e, 0);
        drain(e, 1);
        break;
    default:
        while (e->n)
            deliver(e, 0, false);
        break;
    }
}

static void agree(const ends *e)
{
    it_rtmfp_info a, b;
    if (it_rtmfp_describe(e->end[0], e->session[0], &a) || it_rtmfp_describe(e->end[1], e->session[1], &b))
        return;
    if (memcmp(a.near_nonce, b.far_nonce, sizeof a.near_nonce) == 0)
        MUST(a.mac_tx == b.mac_rx && a.seq_tx == b.seq_rx && a.initiator != b.initiator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ends room;
    ends *e = &room;
    fuzz f = {data, size};
    MUST(it_ossl_init() == 0);
    memset(e, 0, sizeof *e);
    it_alloc_init(&e->mem);
    uint8_t what = fuzz_u8(&f);
    for (int i = 0; i < 2; i++) {
        it_rtmfp_cfg cfg = {.alloc = &e->mem, .accept = true, .sessions = 4, .identity.is_static = i};
        cfg.policy.mac = what & 1 ? IT_RTMFP_REQUIRE : IT_RTMFP_ALLOW;
        cfg.policy.seq = what & 2 ? IT_RTMFP_REQUIRE : IT_RTMFP_ALLOW;
        cfg.move_unproven = what & 4;
        it_rng_init(&cfg.rng, 1, i ? "one" : "zero");
        MUST(it_rtmfp_new(&cfg, 0, &e->end[i]) == 0);
        e->outer[i] = it_addr_of(it_ip4(0xc0000201u + (uint32_t)i), 1936);
        it_io io = {.kind = IT_IO_BOUND, .local = e->outer[i]};
        MUST(it_rtmfp_input(e->end[i], 0, &io) == 0);
    }
    while (f.n)
        step(e, &f);
    agree(e);
    pass(e, 200 * IT_SEC);
    it_rtmfp_free(e->end[0]);
    it_rtmfp_free(e->end[1]);
    MUST(e->mem.live == 0);
    return 0;
}
