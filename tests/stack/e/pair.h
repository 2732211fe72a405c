/* Two sockets of model E on a wire of 10 ms that a test may cut, bend or speak on itself. Independent of netsim. */
#ifndef IT_TESTS_STACK_E_PAIR_H
#define IT_TESTS_STACK_E_PAIR_H

#include "stack/crypto/ossl.h"
#include "stack/e/e.h"
#include "stack/stun/auth.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WIRE (10 * IT_MS)
#define LOG 16384
#define A_PWD "passwordOfAliceOf22Let"
#define B_PWD "passwordOfBobOf22Lettr"

typedef struct packet {
    it_time sent, at;
    int flow;
    it_addr from, to;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} packet;

typedef struct told {
    it_model_event ev;
    int media;
    char user[300];
    size_t n;
    uint8_t data[64];
} told;

typedef struct end {
    it_alloc alloc;
    it_e *e;
    told log[LOG];
    int n_log;
    packet *sent;        /* all that left, LOG of them */
    int n_sent, carried; /* and how many of them were put on the wire */
    int err;
} end;

typedef struct pair {
    it_time now;
    end a, b;
    packet *wire[LOG]; /* in flight: pointers into sent */
    int n_wire;
    bool (*pass)(const packet *p); /* NULL: everything passes */
    it_alloc alloc;
    it_dtls_shared *shared;
    it_dtls_cert *cert[2];
} pair;

static inline it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

#define A1 at("192.0.2.1:1000")
#define A2 at("192.0.2.2:2000") /* alice's second interface */
#define B1 at("198.51.100.1:5000")
#define B2 at("198.51.100.1:6000")
#define STUN at("203.0.113.1:3478")
static const it_addr ANY = {{0, 0}, 0};

static inline it_e_cfg e_cfg(pair *p, int who, it_alloc *alloc)
{
    it_e_cfg cfg = {.alloc = alloc, .seed = 7, .name = who ? "bob/e1" : "alice/e1", .ufrag = who ? "bobU" : "aliU"};
    cfg.pwd = who ? B_PWD : A_PWD;
    cfg.shared = p->shared;
    cfg.cert = p->cert[who];
    cfg.stun[cfg.n_stun++] = STUN;
    ck_assert_int_eq(it_timers_named(&cfg.timers, "rfc"), 0);
    return cfg;
}

/* |tweak| (may be NULL) changes the configuration of alice (0) and bob (1). */
static inline pair *pair_new(void (*tweak)(it_e_cfg *, int))
{
    pair *p = calloc(1, sizeof *p);
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&p->alloc);
    p->shared = it_dtls_shared_new(&p->alloc);
    for (int i = 0; i < 2; i++) {
        end *x = i ? &p->b : &p->a;
        it_rng rng;
        it_rng_init(&rng, 1, i ? "bob/cert" : "alice/cert");
        p->cert[i] = it_dtls_cert_new(&p->alloc, &rng, 0);
        it_alloc_init(&x->alloc);
        it_e_cfg cfg = e_cfg(p, i, &x->alloc);
        if (tweak)
            tweak(&cfg, i);
        x->e = it_e_new(&cfg);
        x->sent = calloc(LOG, sizeof *x->sent);
        ck_assert_ptr_nonnull(x->e);
    }
    ck_assert_int_eq(it_e_add_base(p->a.e, 0, 1, A1), 0);
    ck_assert_int_eq(it_e_add_base(p->b.e, 0, 1, B1), 0);
    return p;
}

static inline void pair_free(pair *p)
{
    end *ends[] = {&p->a, &p->b};
    for (int i = 0; i < 2; i++) {
        it_e_free(ends[i]->e);
        ck_assert_int_eq(ends[i]->alloc.live, 0);
        free(ends[i]->sent);
        it_dtls_cert_free(p->cert[i]);
    }
    it_dtls_shared_free(p->shared);
    ck_assert_int_eq(p->alloc.live, 0);
    it_ossl_fini();
    free(p);
}

/* Takes all that |x| has to send and to say. True when there was anything. */
static inline bool drain(pair *p, end *x)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    bool any = false;
    int n;
    while ((n = it_e_output(x->e, p->now, &io, buf, sizeof buf)) > 0) {
        ck_assert_int_lt(x->n_sent, LOG);
        packet *q = &x->sent[x->n_sent++];
        *q = (packet){.sent = p->now,
                      .at = p->now + WIRE,
                      .flow = (int)io.flow,
                      .from = io.local,
                      .to = io.remote,
                      .n = io.data.n};
        memcpy(q->data, io.data.p, io.data.n);
        any = true;
    }
    x->err = n < 0 ? n : x->err;
    told t;
    while (it_e_event_next(x->e, &t.ev, &t.media) > 0) {
        ck_assert_int_lt(x->n_log, LOG);
        t.n = t.ev.data.n < sizeof t.data ? t.ev.data.n : sizeof t.data;
        if (t.n)
            memcpy(t.data, t.ev.data.p, t.n);
        t.user[0] = '\0';
        if (t.ev.user)
            strncat(t.user, t.ev.user, sizeof t.user - 1);
        x->log[x->n_log++] = t;
        any = true;
    }
    return any;
}

static inline void input(pair *p, end *x, int flow, it_addr from, const uint8_t *data, size_t n)
{
    it_io io = {.kind = IT_IO_DGRAM, .flow = (uint32_t)flow, .remote = from, .data = it_bytes_of(data, n)};
    int err = it_e_input(x->e, p->now, &io);
    x->err = err < 0 ? err : x->err;
    drain(p, x);
}

/* Puts on the wire what was sent since; only what goes to the other end's addresses arrives. */
static inline void carry(pair *p)
{
    end *ends[] = {&p->a, &p->b};
    for (int i = 0; i < 2; i++)
        for (end *x = ends[i]; x->carried < x->n_sent; x->carried++) {
            packet *q = &x->sent[x->carried];
            if ((!p->pass || p->pass(q)) && p->n_wire < LOG)
                p->wire[p->n_wire++] = q;
        }
}

static inline void arrive(pair *p, const packet *q)
{
    if (it_addr_eq(q->to, A1) || it_addr_eq(q->to, A2))
        input(p, &p->a, it_addr_eq(q->to, A1) ? 1 : 2, q->from, q->data, q->n);
    else if (it_addr_eq(q->to, B1) || it_addr_eq(q->to, B2))
        input(p, &p->b, it_addr_eq(q->to, B1) ? 1 : 2, q->from, q->data, q->n);
}

static inline it_time least(it_time x, it_time y)
{
    return x < y ? x : y;
}

static inline void tick(pair *p, end *x)
{
    if (it_e_next(x->e) > p->now || x->err)
        return;
    int err = it_e_tick(x->e, p->now);
    x->err = err < 0 ? err : x->err;
    if (!x->err)
        ck_assert_int_gt(it_e_next(x->e), p->now); /* stack/io.h */
}

/* Lets time pass up to |until|. */
static inline void run(pair *p, it_time until)
{
    for (;;) {
        for (bool more = true; more;) {
            more = drain(p, &p->a);
            more = drain(p, &p->b) || more;
        }
        carry(p);
        it_time next = least(it_e_next(p->a.e), it_e_next(p->b.e));
        int first = -1;
        for (int i = 0; i < p->n_wire; i++)
            if (p->wire[i]->at < next || (first < 0 && p->wire[i]->at == next)) {
                next = p->wire[i]->at;
                first = i;
            }
        if (next > until || p->a.err || p->b.err) {
            p->now = until;
            return;
        }
        p->now = next;
        if (first >= 0) {
            const packet *q = p->wire[first];
            memmove(&p->wire[first], &p->wire[first + 1], (size_t)(p->n_wire - first - 1) * sizeof p->wire[0]);
            p->n_wire--;
            arrive(p, q);
        }
        tick(p, &p->a);
        tick(p, &p->b);
    }
}

/* How often |kind| was told, of media session |media| (-1: the socket). */
static inline int count(const end *x, enum it_model_event_kind kind, int media)
{
    int n = 0;
    for (int i = 0; i < x->n_log; i++)
        n += x->log[i].ev.kind == kind && x->log[i].media == media;
    return n;
}

static inline const told *last(const end *x, enum it_model_event_kind kind, int media)
{
    for (int i = x->n_log; i-- > 0;)
        if (x->log[i].ev.kind == kind && x->log[i].media == media)
            return &x->log[i];
    ck_abort_msg("no such event");
    return NULL;
}

/* alice asks bob, and the other way round. */
static inline it_e_check ask_b(it_addr to)
{
    return (it_e_check){.to = to, .ufrag = "bobU", .pwd = B_PWD, .controlling = true};
}

static inline it_e_check ask_a(it_addr to)
{
    return (it_e_check){.to = to, .ufrag = "aliU", .pwd = A_PWD};
}

static inline int test_b(pair *p, it_addr to)
{
    it_e_check c = ask_b(to);
    return it_e_test(p->a.e, p->now, &c);
}

static inline int test_a(pair *p, it_addr to)
{
    it_e_check c = ask_a(to);
    return it_e_test(p->b.e, p->now, &c);
}

/* Both succeed at each other's first address. */
static inline void meet(pair *p)
{
    ck_assert_int_eq(test_b(p, B1), 0);
    ck_assert_int_eq(test_a(p, A1), 0);
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(count(&p->a, IT_EV_SUCCESS, -1), 1);
    ck_assert_int_eq(count(&p->b, IT_EV_SUCCESS, -1), 1);
}

static inline int say(pair *p, it_addr to, const char *text)
{
    return it_e_send(p->a.e, p->now, to, ANY, it_bytes_str(text));
}

#endif
