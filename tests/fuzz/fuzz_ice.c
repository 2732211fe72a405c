/* The ICE agent under a hostile far side and a careless owner: forged and well-made requests and answers, candidates,
 * credentials, restarts, interfaces that come and go, time in odd steps.
 *
 * An input is a list of steps. What holds throughout: outputs are STUN messages from a base that is there to where
 * somebody can be, next() lies ahead after a tick, results are 0 or documented errors, nothing is left at the end. */
#include "stack/ice/agent.h"
#include "stack/stun/auth.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stun.h"

#define N_BASES 4
#define N_ASKED 8

typedef struct asked {
    it_addr local, remote;
    uint32_t flow;
    uint8_t txid[IT_STUN_TXID];
} asked;

typedef struct rig {
    it_alloc mem;
    it_ice *a;
    it_time now;
    it_addr base[N_BASES];
    bool have[N_BASES];
    char pwd[IT_ICE_PWD_MAX + 1]; /* the far side's */
    char ufrag[IT_ICE_UFRAG_MAX + 1];
    asked last[N_ASKED];
    uint32_t n_asked;
} rig;

static const char *const FAR[] = {"198.51.100.9:5000", "10.0.0.9:5000", "203.0.113.1:3478", "[2001:db8::9]:5000",
                                  "192.0.2.55:1",      "10.0.0.9:5001", "[fe80::1]:6",      "203.0.113.2:3478"};
/* where nobody can be */
static const char *const NOWHERE[] = {"127.0.0.1:5000", "224.0.0.1:5000", "0.0.0.0:9",
                                      "[::1]:5000",     "[ff02::1]:5",    "192.0.2.55:0"};

static it_addr far_addr(fuzz *f)
{
    it_addr a;
    unsigned k = fuzz_u8(f);
    MUST(it_addr_parse(&a, (k & 0xb8) == 0xb8 ? NOWHERE[(k & 7) % 6] : FAR[k & 7]) == 0);
    if (k & 64)
        a.port = fuzz_u16(f);
    return a;
}

static void known(int r)
{
    MUST(r >= 0 || r == IT_ERR_RANGE || r == IT_ERR_FULL || r == IT_ERR_EXISTS || r == IT_ERR_STATE);
}

static void drain(rig *r)
{
    it_io out;
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_ice_event ev;
    it_stun_msg m;
    int n;
    for (int round = 0; (n = it_ice_output(r->a, r->now, &out, buf, sizeof buf)) != 0; round++) {
        MUST(n == 1 && round < 1000 && it_stun_parse(&m, out.data) == 0);
        MUST(out.flow < N_BASES && r->have[out.flow] && it_addr_eq(out.local, r->base[out.flow]));
        MUST(it_ice_addr_usable(out.remote));
        if (m.cls != IT_STUN_REQUEST)
            continue;
        asked *q = &r->last[r->n_asked++ % N_ASKED];
        *q = (asked){.local = out.local, .remote = out.remote, .flow = out.flow};
        memcpy(q->txid, m.txid, sizeof q->txid);
    }
    for (int round = 0; it_ice_event_next(r->a, &ev) == 1; round++) {
        MUST(round < 5000);
        MUST(ev.kind != IT_ICE_PEER || (ev.why && *ev.why));
    }
}

static void give(rig *r, uint32_t flow, it_addr remote, it_bytes d)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = flow, .local = r->base[flow], .remote = remote, .data = d};
    uint8_t *exact = fuzz_exact(d);
    in.data.p = exact;
    int n = it_ice_input(r->a, r->now, &in);
    MUST(n == (int)d.n);
    free(exact);
}

/* A Binding request as the far side makes them, with hostile attributes among its own. */
static void request(rig *r, fuzz *f)
{
    uint8_t wire[2600], txid[IT_STUN_TXID] = {0};
    char user[2 * IT_ICE_UFRAG_MAX + 2];
    it_hmac_key key;
    it_buf b;
    unsigned flags = fuzz_u8(f);
    it_put32(txid, fuzz_u32(f));
    it_buf_init(&b, wire, sizeof wire);
    it_stun_begin(&b, flags & 1 ? IT_STUN_INDICATION : IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    snprintf(user, sizeof user, "%s:%s", it_ice_ufrag(r->a), r->ufrag);
    it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(user));
    it_stun_put_u32(&b, IT_STUN_PRIORITY, flags & 2 ? fuzz_u32(f) : 1862270975u);
    it_stun_put_u64(&b, flags & 4 ? IT_STUN_ICE_CONTROLLING : IT_STUN_ICE_CONTROLLED,
                    flags & 8 ? UINT64_MAX : fuzz_u32(f));
    if (flags & 16)
        it_stun_put_u32(&b, IT_STUN_USE_CANDIDATE, 0);
    if (flags & 32)
        it_stun_put(&b, (uint16_t)(0x7000 | fuzz_u8(f)), fuzz_bytes(f));
    it_stun_key_short(&key, it_bytes_str(it_ice_pwd(r->a)));
    it_stun_put_integrity(&b, &key);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    if (n > 0)
        give(r, fuzz_u8(f) % N_BASES, far_addr(f), it_bytes_of(wire, (size_t)n));
}

/* An answer to one of the latest requests, in some way wrong or right. */
static void answer(rig *r, fuzz *f)
{
    uint8_t wire[2600];
    it_hmac_key key;
    it_buf b;
    if (!r->n_asked)
        return;
    unsigned flags = fuzz_u8(f);
    const asked *q = &r->last[fuzz_u8(f) % (r->n_asked < N_ASKED ? r->n_asked : N_ASKED)];
    it_buf_init(&b, wire, sizeof wire);
    it_stun_begin(&b, flags & 1 ? IT_STUN_ERROR : IT_STUN_SUCCESS, IT_STUN_BINDING, q->txid);
    if (flags & 1)
        it_stun_put_error(&b, flags & 2 ? 487 : 300 + fuzz_u8(f), NULL);
    else
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, flags & 2 ? far_addr(f) : q->local);
    if (flags & 4)
        it_stun_put(&b, fuzz_u16(f), fuzz_bytes(f));
    it_stun_key_short(&key, it_bytes_str(r->pwd));
    if (!(flags & 8))
        it_stun_put_integrity(&b, &key);
    it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    if (n > 0)
        give(r, flags & 16 ? fuzz_u8(f) % N_BASES : q->flow, flags & 32 ? far_addr(f) : q->remote,
             it_bytes_of(wire, (size_t)n));
}

static void candidate(rig *r, fuzz *f)
{
    it_ice_cand c = {.flow = -1};
    unsigned flags = fuzz_u8(f);
    if (flags & 1) {
        if (it_ice_cand_read(&c, fuzz_bytes(f)) < 0)
            return;
    } else {
        c.kind = (enum it_ice_kind)(flags >> 1 & 3);
        c.component = (uint16_t)(1 + (flags >> 3 & 1));
        c.priority = 1 + (fuzz_u32(f) & 0x7ffffffe);
        c.addr = far_addr(f);
        c.base = c.kind == IT_ICE_HOST ? (it_addr){{0, 0}, 0} : far_addr(f);
        snprintf(c.foundation, sizeof c.foundation, "%u", flags >> 4);
    }
    known(it_ice_add_remote(r->a, r->now, flags >> 6 & 1, &c));
}

static void credentials(rig *r, fuzz *f)
{
    unsigned flags = fuzz_u8(f);
    char ufrag[32], pwd[64];
    snprintf(ufrag, sizeof ufrag, "far%u", flags & 7);
    snprintf(pwd, sizeof pwd, "%s%u", FUZZ_PASSWORD, flags & 7);
    if (flags & 128) {
        it_bytes t = fuzz_bytes(f);
        snprintf(ufrag, sizeof ufrag, "%.*s", (int)t.n, (const char *)t.p);
    }
    if (flags & 64)
        it_ice_set_remote_pacing(r->a, (it_time)fuzz_u32(f) * IT_MS);
    int n = it_ice_set_remote(r->a, r->now, ufrag, pwd);
    known(n);
    if (n >= 0) {
        snprintf(r->ufrag, sizeof r->ufrag, "%s", ufrag);
        snprintf(r->pwd, sizeof r->pwd, "%s", pwd);
    }
}

static void base(rig *r, fuzz *f)
{
    unsigned k = fuzz_u8(f), i = k % N_BASES;
    if (r->have[i]) {
        it_ice_remove_base(r->a, r->now, (int)i);
        r->have[i] = false;
        return;
    }
    int n = it_ice_add_base(r->a, r->now, k >> 2 & 1, 1 + (k >> 3 & 1), (int)i, r->base[i]);
    known(n);
    r->have[i] = n == 0;
}

static void advance(rig *r, it_time to)
{
    r->now = to < r->now ? r->now : to;
    MUST(it_ice_tick(r->a, r->now) == 0);
    MUST(it_ice_next(r->a) > r->now);
}

static void owner(rig *r, fuzz *f)
{
    it_str text;
    it_ice_pair_view v;
    switch (fuzz_u8(f) % 6) {
    case 0:
        it_ice_restart(r->a, r->now);
        break;
    case 1:
        it_ice_remote_done(r->a, r->now);
        break;
    case 2:
        it_ice_revoke(r->a, r->now);
        break;
    case 3:
        it_ice_sent_data(r->a, r->now, fuzz_u8(f) & 1, 1 + (fuzz_u8(f) & 1));
        break;
    case 4:
        known(it_ice_set_role(r->a, fuzz_u8(f) & 1));
        break;
    default:
        it_str_init(&text, &r->mem);
        it_ice_dump(r->a, &text);
        it_str_fini(&text);
        (void)it_ice_selected(r->a, fuzz_u8(f), fuzz_u8(f), &v);
    }
}

static void step(rig *r, fuzz *f)
{
    unsigned op = fuzz_u8(f), flow;
    switch (op & 7) {
    case 0:
        flow = fuzz_u8(f) % N_BASES;
        give(r, flow, far_addr(f), fuzz_bytes(f));
        break;
    case 1:
        request(r, f);
        break;
    case 2:
        answer(r, f);
        break;
    case 3:
        candidate(r, f);
        break;
    case 4:
        credentials(r, f);
        break;
    case 5:
        (op & 8 ? base : owner)(r, f);
        break;
    case 6:
        advance(r, r->now + (it_time)fuzz_u16(f) * IT_MS);
        break;
    default:
        if (it_ice_next(r->a) != IT_NEVER)
            advance(r, it_ice_next(r->a));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const BASES[N_BASES] = {"10.0.0.2:4000", "192.168.1.2:4000", "[2001:db8::2]:4000",
                                               "10.0.0.2:4001"};
    fuzz f = {data, size};
    static rig r;
    memset(&r, 0, sizeof r);
    it_ice_cfg cfg;
    it_alloc_init(&r.mem);
    it_ice_cfg_default(&cfg);
    cfg.alloc = &r.mem;
    cfg.seed = 1;
    unsigned options = fuzz_u8(&f);
    cfg.controlling = options & 1;
    MUST(it_addr_parse(&cfg.stun[0], FAR[2]) == 0 && it_addr_parse(&cfg.stun[1], FAR[7]) == 0);
    cfg.n_stun = (options & 2 ? 1 : 0) + (options & 4 ? 1 : 0);
    if (options & 8)
        cfg.consent_interval = 0;
    if (options & 16)
        cfg.max_pairs = 3;
    r.a = it_ice_new(&cfg);
    MUST(r.a);
    MUST(it_ice_add_stream(r.a, 2) == 0 && it_ice_add_stream(r.a, 1) == 1);
    for (int i = 0; i < N_BASES; i++)
        MUST(it_addr_parse(&r.base[i], BASES[i]) == 0);
    r.have[0] = it_ice_add_base(r.a, 0, 0, 1, 0, r.base[0]) == 0;
    it_ice_gather(r.a, 0);
    for (int i = 0; f.n && i < 200; i++) {
        step(&r, &f);
        drain(&r);
    }
    it_ice_free(r.a);
    MUST(r.mem.live == 0);
    return 0;
}
