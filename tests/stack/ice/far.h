/* One agent against a far side that a test plays by hand: forged requests in, chosen answers to what the agent sends.
 */
#ifndef IT_TESTS_STACK_ICE_FAR_H
#define IT_TESTS_STACK_ICE_FAR_H

#include "tests/stack/ice/net.h"

#define FAR_UFRAG "farU"
#define FAR_PWD "farPasswordOf22Letters"
#define FAR_OUT 2048
#define FAR_EVENTS 512

typedef struct far_sent {
    it_time at;
    uint32_t flow;
    it_addr local, remote;
    size_t n;
    uint8_t data[600];
} far_sent;

typedef struct far {
    it_alloc alloc;
    it_ice *a;
    it_time now;
    far_sent out[FAR_OUT];
    size_t n_out;
    size_t read; /* tests' own mark in |out| */
    it_ice_event ev[FAR_EVENTS];
    it_ice_cand cand[FAR_EVENTS];
    it_time ev_at[FAR_EVENTS];
    size_t n_ev;
    it_rng rng;
} far;

static inline far *far_new(bool controlling, int streams, int comps, void (*tweak)(it_ice_cfg *, int))
{
    far *f = calloc(1, sizeof *f);
    it_ice_cfg cfg;
    ck_assert_ptr_nonnull(f);
    it_alloc_init(&f->alloc);
    it_ice_cfg_default(&cfg);
    cfg.alloc = &f->alloc;
    cfg.seed = 7;
    cfg.name = "alice";
    cfg.controlling = controlling;
    if (tweak)
        tweak(&cfg, 0);
    it_rng_init(&f->rng, 1, "far");
    f->a = it_ice_new(&cfg);
    ck_assert_ptr_nonnull(f->a);
    for (int i = 0; i < streams; i++)
        ck_assert_int_eq(it_ice_add_stream(f->a, comps), i);
    return f;
}

static inline void far_free(far *f)
{
    it_ice_free(f->a);
    ck_assert_int_eq(f->alloc.live, 0);
    free(f);
}

static inline void far_pump(far *f)
{
    it_io io;
    uint8_t buf[IT_IO_DGRAM_MAX];
    while (it_ice_output(f->a, f->now, &io, buf, sizeof buf) == 1) {
        ck_assert_uint_lt(f->n_out, FAR_OUT);
        far_sent *s = &f->out[f->n_out++];
        *s = (far_sent){.at = f->now, .flow = io.flow, .local = io.local, .remote = io.remote, .n = io.data.n};
        memcpy(s->data, io.data.p, io.data.n);
    }
    it_ice_event ev;
    while (it_ice_event_next(f->a, &ev) == 1) {
        ck_assert_uint_lt(f->n_ev, FAR_EVENTS);
        f->ev[f->n_ev] = ev;
        f->ev_at[f->n_ev] = f->now;
        if (ev.cand)
            f->cand[f->n_ev] = *ev.cand;
        f->n_ev++;
    }
}

/* Lets time pass to |t|, ticking when the agent asks for it. */
static inline void far_until(far *f, it_time t)
{
    far_pump(f);
    for (;;) {
        it_time next = it_ice_next(f->a);
        if (next > t)
            break;
        if (next > f->now)
            f->now = next;
        ck_assert_int_eq(it_ice_tick(f->a, f->now), 0);
        ck_assert_int_gt(it_ice_next(f->a), f->now);
        far_pump(f);
    }
    if (t > f->now)
        f->now = t;
}

static inline void far_after(far *f, it_time d)
{
    far_until(f, f->now + d);
}

static inline void far_base(far *f, int stream, int component, int flow, const char *addr)
{
    ck_assert_int_eq(it_ice_add_base(f->a, f->now, stream, component, flow, net_addr(addr)), 0);
}

/* An ICMP error of |type| and |code| from |from| comes about the |i|-th datagram sent, quoting |quoted| bytes of it. */
static inline void far_icmp(far *f, size_t i, uint8_t type, uint8_t code, it_ip from, size_t quoted)
{
    it_io e = {.kind = IT_IO_ERROR, .flow = f->out[i].flow, .local = f->out[i].local, .remote = f->out[i].remote};
    e.data = it_bytes_of(f->out[i].data, quoted < f->out[i].n ? quoted : f->out[i].n);
    e.icmp = (it_io_icmp){.type = type, .code = code, .from = from};
    ck_assert_int_eq(it_ice_input(f->a, f->now, &e), 0);
    far_pump(f);
}

static inline void far_creds(far *f)
{
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, FAR_PWD), 0);
}

static inline it_ice_cand far_cand(enum it_ice_kind kind, int component, const char *addr, uint16_t pref,
                                   const char *foundation)
{
    it_ice_cand c = {.kind = kind, .component = (uint16_t)component, .addr = net_addr(addr), .flow = -1};
    c.priority = it_ice_priority(kind, pref, (uint16_t)component);
    (void)snprintf(c.foundation, sizeof c.foundation, "%s", foundation);
    return c;
}

static inline void far_add(far *f, int stream, it_ice_cand c)
{
    ck_assert_int_eq(it_ice_add_remote(f->a, f->now, stream, &c), 0);
}

/* A pair put into a checklist by hand: foundation of its remote candidate, component, priority of its remote candidate.
 */
static inline it_ice_pair *far_put(far *f, int stream, int component, const char *foundation, uint32_t prio)
{
    int flow = stream * 10 + component;
    it_ice_cand l = far_cand(IT_ICE_HOST, component, "198.51.100.7:5000", 65535, "L");
    it_ice_cand r = far_cand(IT_ICE_HOST, component, "203.0.113.7:1", 65535, foundation);
    it_ice_pair *p;
    l.addr.port = (uint16_t)(5000 + flow);
    l.base = l.addr;
    l.flow = flow;
    r.addr.port = (uint16_t)(6000 + f->a->last_id);
    r.priority = prio;
    ck_assert_int_eq(it_ice_pair_add(f->a, stream, &l, &r, &p), 0);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* The far side's remote address of the usual tests. */
#define FAR_ADDR "203.0.113.7:6000"
#define OWN_ADDR "198.51.100.7:5000"

/* One stream, one component, base 0 at OWN_ADDR, gathered; the far side's credentials and one host candidate known. */
static inline far *far_usual(bool controlling)
{
    far *f = far_new(controlling, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, f->now);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_pump(f);
    return f;
}

typedef struct far_req {
    int flow;
    const char *from;  /* NULL: FAR_ADDR */
    const char *user;  /* NULL: right */
    const char *pwd;   /* NULL: right */
    const char *ufrag; /* far fragment in |user|; NULL: FAR_UFRAG */
    bool no_user, no_integrity, no_fingerprint, sha256, no_priority, no_role;
    bool controlling; /* of the far side */
    bool same_role;   /* as the agent */
    bool use;
    uint64_t tie;
    uint32_t priority;   /* 0: a usual one */
    uint16_t extra;      /* an unknown attribute */
    uint32_t nomination; /* NOMINATION, 0: none */
} far_req;

/* Sends a check to the agent. Returns the index in |out| of the first thing it sent then. */
static inline size_t far_request(far *f, far_req q)
{
    uint8_t buf[600], txid[IT_STUN_TXID];
    char user[600];
    it_buf b;
    it_hmac_key key;
    far_pump(f);
    size_t mark = f->n_out;
    it_rng_bytes(&f->rng, txid, sizeof txid);
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    (void)snprintf(user, sizeof user, "%s:%s", it_ice_ufrag(f->a), q.ufrag ? q.ufrag : FAR_UFRAG);
    if (!q.no_user)
        it_stun_put(&b, IT_STUN_USERNAME, it_bytes_str(q.user ? q.user : user));
    if (!q.no_priority)
        it_stun_put_u32(&b, IT_STUN_PRIORITY, q.priority ? q.priority : it_ice_priority(IT_ICE_PRFLX, 65535, 1));
    bool controlling = q.same_role ? it_ice_controlling(f->a) : !it_ice_controlling(f->a);
    if (!q.no_role)
        it_stun_put_u64(&b, controlling ? IT_STUN_ICE_CONTROLLING : IT_STUN_ICE_CONTROLLED, q.tie);
    if (q.use)
        it_stun_put(&b, IT_STUN_USE_CANDIDATE, it_bytes_of(NULL, 0));
    if (q.nomination)
        it_stun_put_u32(&b, IT_STUN_NOMINATION, q.nomination);
    if (q.extra)
        it_stun_put(&b, q.extra, it_bytes_of("abcd", 4));
    it_stun_key_short(&key, it_bytes_str(q.pwd ? q.pwd : it_ice_pwd(f->a)));
    if (!q.no_integrity && q.sha256)
        it_stun_put_integrity_sha256(&b, &key);
    else if (!q.no_integrity)
        it_stun_put_integrity(&b, &key);
    if (!q.no_fingerprint)
        it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    const it_ice_base *base = it_ice_base_of(f->a, q.flow);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)q.flow,
                .local = base ? base->addr : net_addr(OWN_ADDR),
                .remote = net_addr(q.from ? q.from : FAR_ADDR),
                .data = it_bytes_of(buf, (size_t)n)};
    ck_assert_int_eq(it_ice_input(f->a, f->now, &in), n);
    far_pump(f);
    return mark;
}

static inline void far_parse(const far *f, size_t i, it_stun_msg *m)
{
    ck_assert_uint_lt(i, f->n_out);
    ck_assert_int_eq(it_stun_parse(m, it_bytes_of(f->out[i].data, f->out[i].n)), 0);
}

/* The next request at or after |*i|; false at the end. |*i| moves behind it; its own index is |*i| - 1. */
static inline bool far_next_request(const far *f, size_t *i, it_stun_msg *m)
{
    for (; *i < f->n_out; (*i)++) {
        far_parse(f, *i, m);
        if (m->cls == IT_STUN_REQUEST) {
            (*i)++;
            return true;
        }
    }
    return false;
}

/* Lets time pass until the agent sends a request; its index. */
static inline size_t far_wait_request(far *f, it_stun_msg *m)
{
    for (int k = 0; k < 100; k++) {
        if (far_next_request(f, &f->read, m))
            return f->read - 1;
        far_until(f, it_ice_next(f->a));
    }
    ck_abort_msg("no request");
    return 0;
}

static inline size_t far_count(const far *f, size_t from, enum it_stun_class cls)
{
    size_t n = 0;
    for (size_t i = from; i < f->n_out; i++) {
        it_stun_msg m;
        far_parse(f, i, &m);
        n += m.cls == cls;
    }
    return n;
}

typedef struct far_ans {
    const char *from;   /* NULL: where the request went */
    const char *mapped; /* NULL: the request's local address */
    int flow;           /* + 1; 0: the request's */
    int code;           /* 0: success */
    const char *pwd;    /* NULL: FAR_PWD */
    bool no_integrity, no_fingerprint, no_mapped, sha256;
    uint16_t extra;
} far_ans;

/* Answers the request number |i| of |out|. */
static inline void far_answer(far *f, size_t i, far_ans q)
{
    uint8_t buf[600];
    it_buf b;
    it_stun_msg m;
    it_hmac_key key;
    far_parse(f, i, &m);
    ck_assert_int_eq(m.cls, IT_STUN_REQUEST);
    const far_sent s = f->out[i];
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, q.code ? IT_STUN_ERROR : IT_STUN_SUCCESS, IT_STUN_BINDING, m.txid);
    if (q.code)
        it_stun_put_error(&b, q.code, "No");
    else if (!q.no_mapped)
        it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, q.mapped ? net_addr(q.mapped) : s.local);
    if (q.extra)
        it_stun_put(&b, q.extra, it_bytes_of("abcd", 4));
    it_stun_key_short(&key, it_bytes_str(q.pwd ? q.pwd : FAR_PWD));
    if (!q.no_integrity && q.sha256)
        it_stun_put_integrity_sha256(&b, &key);
    else if (!q.no_integrity)
        it_stun_put_integrity(&b, &key);
    if (!q.no_fingerprint)
        it_stun_put_fingerprint(&b);
    int n = it_stun_end(&b);
    ck_assert_int_gt(n, 0);
    uint32_t flow = q.flow ? (uint32_t)q.flow - 1 : s.flow;
    const it_ice_base *base = it_ice_base_of(f->a, (int)flow);
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = flow,
                .local = base ? base->addr : s.local,
                .remote = q.from ? net_addr(q.from) : s.remote,
                .data = it_bytes_of(buf, (size_t)n)};
    ck_assert_int_eq(it_ice_input(f->a, f->now, &in), n);
    far_pump(f);
}

static inline size_t far_events(const far *f, enum it_ice_event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_ev; i++)
        n += f->ev[i].kind == kind;
    return n;
}

/* The last event of |kind|; fails when there was none. */
static inline const it_ice_event *far_event(const far *f, enum it_ice_event_kind kind)
{
    for (size_t i = f->n_ev; i-- > 0;)
        if (f->ev[i].kind == kind)
            return &f->ev[i];
    ck_abort_msg("no event of kind %d", (int)kind);
    return NULL;
}

/* The dump as text; the caller frees it. */
static inline char *far_dump(far *f)
{
    it_str s;
    it_alloc m;
    it_alloc_init(&m);
    it_str_init(&s, &m);
    it_ice_dump(f->a, &s);
    char *copy = strdup(it_str_c(&s));
    it_str_fini(&s);
    return copy;
}

/* Asserts that the dump has a line that begins with |want|. */
static inline void far_has(far *f, const char *want)
{
    char *d = far_dump(f);
    bool found = strncmp(d, want, strlen(want)) == 0;
    for (const char *p = d; (p = strchr(p, '\n')) != NULL; p++)
        found |= strncmp(p + 1, want, strlen(want)) == 0;
    ck_assert_msg(found, "no line \"%s...\" in\n%s", want, d);
    free(d);
}

static inline size_t far_pairs(far *f)
{
    char *d = far_dump(f);
    size_t n = 0;
    for (const char *p = d; (p = strchr(p, '\n')) != NULL; p++)
        n++;
    free(d);
    return n;
}

/* Runs the usual far peer to its selected pair: the far side answers every check at once and nominates when it
 * controls. */
static inline void far_connect(far *f)
{
    it_stun_msg m;
    it_ice_pair_view v;
    for (int k = 0; k < 100 && it_ice_selected(f->a, 0, 1, &v); k++) {
        far_after(f, 10 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, (far_ans){0});
        if (!it_ice_controlling(f->a))
            (void)far_request(f, (far_req){.use = true, .tie = 1});
    }
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
}

#define IT_ICE_TEST_MAIN(name, add)                                                                                    \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        Suite *s = suite_create(name);                                                                                 \
        add(s);                                                                                                        \
        SRunner *r = srunner_create(s);                                                                                \
        srunner_run_all(r, CK_NORMAL);                                                                                 \
        int failed = srunner_ntests_failed(r);                                                                         \
        srunner_free(r);                                                                                               \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                                                   \
    }

#endif
