/* Two ends of model B joined by a little network: for tests of the model and of its memory. Independent of netsim and
 * lab.
 *
 * The network has a delay and a rule of loss, no NAT. Blobs travel by a carrier with its own luck: lost, doubled,
 * overtaken. Every event is kept, with its time. Certificates and contexts are made once per process. */
#ifndef IT_TESTS_STACK_B_PAIR_H
#define IT_TESTS_STACK_B_PAIR_H

#include "stack/crypto/ossl.h"
#include "stack/b/b.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define PAIR_EVENTS 4096
#define PAIR_BOUND 64

typedef struct pair_event {
    enum it_model_event_kind kind;
    it_time at;
    int media; /* the stream it is of, -1: the whole */
    enum it_reason reason;
    enum it_path path;
    bool local; /* CLOSED: by us */
    char text[48];
} pair_event;

typedef struct pair_bound { /* a socket that the object bound for itself */
    uint32_t flow;
    it_addr at;
    bool given_back;
} pair_bound;

typedef struct pair_end {
    it_alloc own, *alloc;
    pair_bound bound[PAIR_BOUND];
    int n_bound;
    bool refuses; /* every BIND */
    it_b *b;
    it_addr base[2];
    bool has[2];
    pair_event *ev;
    size_t n_ev;
    int err;
} pair_end;

typedef struct pair_item { /* a datagram or a blob on its way */
    it_time at;
    uint64_t seq;
    int to;
    bool blob;
    it_addr src, dst;
    size_t n;
    uint8_t *data;
} pair_item;

typedef struct pair {
    it_time now;
    uint64_t seq;
    pair_end e[2];
    pair_item *q;
    size_t n_q, cap_q;
    it_time delay, signal_delay;
    bool (*drop)(struct pair *p, int from, it_addr src, it_addr dst, it_bytes d); /* NULL: nothing is lost */
    it_bytes (*edit)(struct pair *p, int from, it_bytes blob); /* NULL: blobs go as they are; an empty one does not */
    bool unlucky; /* blobs: each lost with 30 %, doubled with 30 %, delayed by up to 2 s; every fifth comes through in
                     any case */
    it_rng luck;
    int blobs;
    it_time repeat; /* the carrier repeats each end's latest blob this often; 0: never */
    it_time repeat_at;
    uint8_t *latest[2];
    size_t n_latest[2];
    uint64_t hash; /* over everything that was sent */
    void *arg;
} pair;

static it_dtls_shared *pair_shared;
static it_dtls_cert *pair_cert[2];
static it_alloc pair_outside;

/* Makes what a process needs once. */
static inline void pair_once(void)
{
    if (pair_shared)
        return;
    it_alloc_init(&pair_outside);
    ck_assert_int_eq(it_ossl_init(), 0);
    pair_shared = it_dtls_shared_new(&pair_outside);
    for (int i = 0; i < 2; i++) {
        it_rng r;
        it_rng_init(&r, 1, i ? "bob/cert" : "alice/cert");
        pair_cert[i] = it_dtls_cert_new(&pair_outside, &r, 0);
        ck_assert(pair_cert[i] && pair_shared);
    }
}

static inline void pair_once_end(void)
{
    for (int i = 0; i < 2; i++) {
        it_dtls_cert_free(pair_cert[i]);
        pair_cert[i] = NULL;
    }
    it_dtls_shared_free(pair_shared);
    pair_shared = NULL;
    it_ossl_fini();
}

static inline it_addr pair_addr(const char *s)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, s), 0);
    return a;
}

/* Two ends, not started, a base each. |tweak| may change a configuration. |mem| may bring allocators, which may run
 * out. */
static inline pair *pair_new(uint64_t seed, void (*tweak)(it_b_cfg *, int), it_alloc *const mem[2])
{
    static const char *const BASE[2][2] = {{"192.0.2.1:1000", "192.0.2.2:1001"},
                                           {"198.51.100.1:2000", "198.51.100.2:2001"}};
    pair_once();
    pair *p = calloc(1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    p->delay = 20 * IT_MS;
    p->signal_delay = 50 * IT_MS;
    p->repeat_at = IT_NEVER;
    it_rng_init(&p->luck, seed, "carrier");
    for (int i = 0; i < 2; i++) {
        pair_end *e = &p->e[i];
        it_b_cfg cfg = {.seed = seed,
                        .name = i ? "bob/b1" : "alice/b1",
                        .shared = pair_shared,
                        .cert = pair_cert[i],
                        .voice = true,
                        .restart = true};
        ck_assert_int_eq(it_timers_named(&cfg.timers, "rfc"), 0);
        it_alloc_init(&e->own);
        cfg.alloc = e->alloc = mem && mem[i] ? mem[i] : &e->own;
        if (tweak)
            tweak(&cfg, i);
        e->ev = calloc(PAIR_EVENTS, sizeof *e->ev);
        for (int k = 0; k < 2; k++)
            e->base[k] = pair_addr(BASE[i][k]);
        e->b = it_b_new(&cfg);
        ck_assert(e->b || mem);
        e->err = e->b ? it_b_add_base(e->b, 0, 0, e->base[0]) : IT_ERR_NOMEM;
        e->has[0] = e->err == 0;
    }
    return p;
}

static inline void pair_free(pair *p)
{
    for (int i = 0; i < 2; i++) {
        it_b_free(p->e[i].b);
        ck_assert_int_eq(p->e[i].alloc->live, 0);
        free(p->e[i].ev);
        free(p->latest[i]);
    }
    for (size_t i = 0; i < p->n_q; i++)
        free(p->q[i].data);
    free(p->q);
    free(p);
}

static inline void pair_put(pair *p, pair_item it, it_bytes d)
{
    if (p->n_q == p->cap_q)
        p->q = realloc(p->q, (p->cap_q = p->cap_q * 2 + 64) * sizeof *p->q);
    ck_assert_ptr_nonnull(p->q);
    it.seq = ++p->seq;
    it.n = d.n;
    it.data = malloc(d.n ? d.n : 1);
    memcpy(it.data, d.p, d.n);
    p->q[p->n_q++] = it;
}

static inline void pair_carry(pair *p, int from, it_bytes d)
{
    pair_item it = {.at = p->now + p->signal_delay, .to = 1 - from, .blob = true};
    if (p->edit)
        d = p->edit(p, from, d);
    if (!d.n)
        return;
    if (!p->unlucky) {
        pair_put(p, it, d);
        return;
    }
    for (int copy = 0; copy < 2; copy++) {
        bool there = it_rng_chance(&p->luck, copy ? 300000 : 700000);
        it_time late = (it_time)it_rng_below(&p->luck, 2000) * IT_MS;
        it.at = p->now + late;
        if (there || (copy == 0 && p->blobs % 5 == 4))
            pair_put(p, it, d);
    }
    p->blobs++;
}

static inline void pair_on_event(pair *p, int i, const it_model_event *ev, int media)
{
    pair_end *e = &p->e[i];
    ck_assert_uint_lt(e->n_ev, PAIR_EVENTS);
    pair_event *x = &e->ev[e->n_ev++];
    *x = (pair_event){.kind = ev->kind, .at = ev->at, .media = media, .reason = ev->reason, .path = ev->path};
    x->local = ev->kind == IT_EV_CLOSED && ev->by == IT_CLOSED_LOCAL;
    if (ev->kind == IT_EV_MESSAGE)
        snprintf(x->text, sizeof x->text, "%.*s", (int)ev->data.n, (const char *)ev->data.p);
    else if (ev->why)
        snprintf(x->text, sizeof x->text, "%s", ev->why);
    if (ev->kind != IT_EV_SIGNAL)
        return;
    free(p->latest[i]);
    p->n_latest[i] = ev->data.n;
    p->latest[i] = malloc(ev->data.n);
    memcpy(p->latest[i], ev->data.p, ev->data.n);
    pair_carry(p, i, ev->data);
}

static inline void pair_note(pair *p, int i, int r)
{
    if (r < 0 && !p->e[i].err)
        p->e[i].err = r;
}

/* Answers a BIND of end |i| at once. */
static inline void pair_bind(pair *p, int i, const it_io *out)
{
    pair_end *e = &p->e[i];
    it_io in = {.kind = IT_IO_BOUND, .flow = out->flow};
    if (out->kind == IT_IO_UNBIND) {
        for (int k = 0; k < e->n_bound; k++)
            if (e->bound[k].flow == out->flow)
                e->bound[k].given_back = true;
        return;
    }
    ck_assert(out->kind == IT_IO_BIND && out->flow >= IT_IO_BOUND_FLOW && e->n_bound < PAIR_BOUND);
    if (!e->refuses) {
        in.local = it_addr_of(out->local.ip, (uint16_t)(5000 + e->n_bound));
        e->bound[e->n_bound++] = (pair_bound){.flow = out->flow, .at = in.local};
    }
    pair_note(p, i, it_b_input(e->b, p->now, &in));
}

/* The flow by which end |e| knows its socket at |at|; -1: it has none there. */
static inline int64_t pair_flow(const pair_end *e, it_addr at)
{
    for (int k = 0; k < 2; k++)
        if (e->has[k] && it_addr_eq(e->base[k], at))
            return k;
    for (int k = 0; k < e->n_bound; k++)
        if (it_addr_eq(e->bound[k].at, at) && !e->bound[k].given_back)
            return e->bound[k].flow;
    return -1;
}

static inline void pair_pump(pair *p)
{
    bool more = true;
    for (int round = 0; more; round++) {
        ck_assert_int_lt(round, 1000);
        more = false;
        for (int i = 0; i < 2; i++) {
            pair_end *e = &p->e[i];
            it_io out;
            uint8_t buf[IT_IO_DGRAM_MAX];
            it_model_event ev;
            int r, media;
            if (!e->b || e->err)
                continue;
            while ((r = it_b_output(e->b, p->now, &out, buf, sizeof buf)) == 1) {
                more = true;
                if (out.kind != IT_IO_DGRAM) {
                    pair_bind(p, i, &out);
                    continue;
                }
                ck_assert_msg(pair_flow(e, out.local) == out.flow, "sent from a base that is not there");
                p->hash = it_hash_mix(p->hash, (uint64_t)p->now);
                for (size_t k = 0; k < out.data.n; k++)
                    p->hash = it_hash_mix(p->hash, out.data.p[k]);
                if (!p->drop || !p->drop(p, i, out.local, out.remote, out.data))
                    pair_put(p, (pair_item){.at = p->now + p->delay, .to = 1 - i, .src = out.local, .dst = out.remote},
                             out.data);
            }
            pair_note(p, i, r);
            while (it_b_event_next(e->b, &ev, &media) == 1) {
                more = true;
                pair_on_event(p, i, &ev, media);
            }
        }
    }
}

static inline void pair_deliver(pair *p, pair_item *it)
{
    pair_end *e = &p->e[it->to];
    if (!e->b || e->err)
        return;
    if (it->blob) {
        int r = it_b_signal(e->b, p->now, it_bytes_of(it->data, it->n));
        pair_note(p, it->to, r == IT_ERR_STATE ? 0 : r);
        return;
    }
    int64_t flow = pair_flow(e, it->dst);
    if (flow < 0)
        return;
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = (uint32_t)flow,
                .local = it->dst,
                .remote = it->src,
                .data = it_bytes_of(it->data, it->n)};
    pair_note(p, it->to, it_b_input(e->b, p->now, &in));
}

/* The earliest item's place; n_q when there is none. */
static inline size_t pair_first(const pair *p)
{
    size_t best = p->n_q;
    for (size_t i = 0; i < p->n_q; i++)
        if (best == p->n_q || p->q[i].at < p->q[best].at ||
            (p->q[i].at == p->q[best].at && p->q[i].seq < p->q[best].seq))
            best = i;
    return best;
}

/* Runs to |until|, or until an end reports an error. */
static inline void pair_run(pair *p, it_time until)
{
    pair_pump(p);
    for (uint64_t turns = 0; !p->e[0].err && !p->e[1].err; turns++) {
        ck_assert_uint_lt(turns, 10000000);
        size_t i = pair_first(p);
        it_time t = i < p->n_q ? p->q[i].at : IT_NEVER;
        int who = -1;
        for (int k = 0; k < 2; k++)
            if (p->e[k].b && it_b_next(p->e[k].b) < t) {
                t = it_b_next(p->e[k].b);
                who = k;
            }
        if (p->repeat_at < t) {
            t = p->repeat_at;
            who = 2;
        }
        if (t > until)
            break;
        p->now = t > p->now ? t : p->now;
        if (who == 2) {
            for (int k = 0; k < 2; k++)
                if (p->latest[k])
                    pair_carry(p, k, it_bytes_of(p->latest[k], p->n_latest[k]));
            p->repeat_at += p->repeat;
        } else if (who >= 0) {
            pair_note(p, who, it_b_tick(p->e[who].b, p->now));
            ck_assert(p->e[who].err || it_b_next(p->e[who].b) > p->now);
        } else {
            pair_item it = p->q[i];
            p->q[i] = p->q[--p->n_q];
            pair_deliver(p, &it);
            free(it.data);
        }
        pair_pump(p);
    }
    if (p->now < until)
        p->now = until;
}

static inline void pair_start(pair *p)
{
    for (int i = 0; i < 2; i++)
        if (p->e[i].b && !p->e[i].err)
            it_b_start(p->e[i].b, p->now);
    if (p->repeat)
        p->repeat_at = p->now + p->repeat;
}

/* How many events of |kind| end |i| had. */
static inline int pair_count(const pair *p, int i, enum it_model_event_kind kind)
{
    int n = 0;
    for (size_t k = 0; k < p->e[i].n_ev; k++)
        n += p->e[i].ev[k].kind == kind;
    return n;
}

/* How many of |kind| end |i| had of stream |media|. */
static inline int pair_count_of(const pair *p, int i, int media, enum it_model_event_kind kind)
{
    int n = 0;
    for (size_t k = 0; k < p->e[i].n_ev; k++)
        n += p->e[i].ev[k].kind == kind && p->e[i].ev[k].media == media;
    return n;
}

/* The first event of |kind| of stream |media| of end |i|, NULL when there is none. */
static inline const pair_event *pair_find_of(const pair *p, int i, int media, enum it_model_event_kind kind)
{
    for (size_t k = 0; k < p->e[i].n_ev; k++)
        if (p->e[i].ev[k].kind == kind && p->e[i].ev[k].media == media)
            return &p->e[i].ev[k];
    return NULL;
}

/* The first event of |kind| of end |i|, NULL when there is none. */
static inline const pair_event *pair_find(const pair *p, int i, enum it_model_event_kind kind)
{
    for (size_t k = 0; k < p->e[i].n_ev; k++)
        if (p->e[i].ev[k].kind == kind)
            return &p->e[i].ev[k];
    return NULL;
}

#endif
