/* Two relay objects at a relay, over streams of 10 ms that a test may cut, or keep silent. */
#ifndef IT_TESTS_STACK_D_PAIR_H
#define IT_TESTS_STACK_D_PAIR_H

#include "stack/crypto/ossl.h"
#include "stack/d/relay.h"
#include "stack/stream/layer.h"
#include "stack/wsrelay/server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ROOM "0123456789abcdef"
#define WIRE (10 * IT_MS)
enum { LOG = 4096, FLIGHT = 4096, ENDS = 3, SPACE = 1000000, STREAMS = 64 };

typedef struct told {
    it_model_event ev;
    char why[200];
    size_t n;
    uint8_t data[64];
} told;

typedef struct end {
    it_alloc alloc;
    it_d_relay *r;
    told log[LOG];
    int n_log;
    bool mute;   /* nothing passes, either way, and nobody is told */
    bool deaf;   /* no stream can be opened */
    bool no_udp; /* nor does a datagram leave */
    bool open[STREAMS];
    it_dtls_cert *cert;
} end;

typedef struct flying {
    it_time at;
    int to; /* an end; -1: the relay */
    it_io io;
    uint8_t *bytes;
} flying;

typedef struct pair {
    it_time now;
    it_alloc alloc;
    it_dtls_shared *shared;
    it_wsrelay_server *s;
    end e[ENDS];
    flying fly[FLIGHT];
    int n_fly;
    int to_relay;                                          /* datagrams */
    void (*bend)(const it_io *io, uint8_t *bytes, int to); /* may change what is on its way; NULL */
} pair;

static inline it_addr pair_addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static inline it_d_relay_cfg pair_cfg(pair *p, int who)
{
    static const char *const NAMES[] = {"alice", "bob", "carol"};
    it_d_relay_cfg cfg = {.alloc = &p->e[who].alloc, .seed = 7, .name = NAMES[who], .shared = p->shared};
    cfg.cert = p->e[who].cert;
    cfg.way[0] = (it_wsrelay_way){.server = pair_addr("203.0.113.9:80")};
    cfg.n_ways = 1;
    memcpy(cfg.host, "relay", 6);
    cfg.room = ROOM;
    cfg.id = NAMES[who];
    cfg.secret = "between us";
    cfg.ping = true;
    ck_assert_int_eq(it_timers_named(&cfg.timers, "rfc"), 0);
    return cfg;
}

/* A relay, and nobody. */
static inline pair *pair_new(void)
{
    pair *p = calloc(1, sizeof *p);
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&p->alloc);
    p->now = IT_SEC;
    p->shared = it_dtls_shared_new(&p->alloc);
    it_wsrelay_server_cfg s = {.alloc = &p->alloc};
    it_rng_init(&s.rng, 1, "relay");
    p->s = it_wsrelay_server_new(&s);
    for (int i = 0; i < ENDS; i++) {
        it_rng rng;
        it_rng_init(&rng, (uint64_t)i, "cert");
        p->e[i].cert = it_dtls_cert_new(&p->alloc, &rng, 0);
        it_alloc_init(&p->e[i].alloc);
    }
    return p;
}

/* The base |flow| of end |who|. */
static inline it_addr pair_base(int who, uint32_t flow)
{
    it_addr a = pair_addr("192.0.2.1:1000");
    a.ip.lo += (uint64_t)who;
    a.port = (uint16_t)(1000 + flow);
    return a;
}

/* Puts object |who| there as |cfg| says, with one interface, and starts it. */
static inline void pair_add(pair *p, int who, const it_d_relay_cfg *cfg)
{
    end *e = &p->e[who];
    e->r = it_d_relay_new(cfg);
    ck_assert_ptr_nonnull(e->r);
    it_io bound = {.kind = IT_IO_BOUND, .flow = 1, .local = pair_base(who, 1)};
    ck_assert_int_eq(it_d_relay_ops.input(e->r, p->now, &bound), 0);
    it_d_relay_start(e->r, p->now);
}

static inline void pair_free(pair *p)
{
    for (int i = 0; i < ENDS; i++) {
        it_d_relay_free(p->e[i].r);
        ck_assert_int_eq(p->e[i].alloc.live, 0);
        it_dtls_cert_free(p->e[i].cert);
    }
    for (int i = 0; i < p->n_fly; i++)
        free(p->fly[i].bytes);
    it_wsrelay_server_ops.free(p->s);
    it_dtls_shared_free(p->shared);
    ck_assert_int_eq(p->alloc.live, 0);
    it_ossl_fini();
    free(p);
}

static inline void pair_fly(pair *p, int to, const it_io *io)
{
    ck_assert_int_lt(p->n_fly, FLIGHT);
    flying *f = &p->fly[p->n_fly++];
    *f = (flying){.at = p->now + WIRE, .to = to, .io = *io, .bytes = malloc(io->data.n + 1)};
    if (io->data.p && io->data.n)
        memcpy(f->bytes, io->data.p, io->data.n);
    if (io->data.p)
        f->io.data.p = f->bytes;
}

/* The number of stream |flow| of end |who| at the relay. */
static inline uint32_t pair_flow(int who, uint32_t flow)
{
    return IT_IO_ACCEPTED_FLOW + (uint32_t)who * STREAMS + flow;
}

/* What end |who| puts out. */
static inline bool pair_from_end(pair *p, int who)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    end *e = &p->e[who];
    it_io out;
    int n = e->r ? it_d_relay_ops.output(e->r, p->now, &out, buf, sizeof buf) : 0;
    ck_assert_int_ge(n, 0);
    if (n == 0)
        return false;
    ck_assert_uint_lt(out.flow, STREAMS);
    if (out.kind == IT_IO_DGRAM) {
        it_io in = {.kind = IT_IO_DGRAM, .local = out.remote, .remote = out.local, .data = out.data};
        p->to_relay++;
        if (!e->mute && !e->no_udp)
            pair_fly(p, -1, &in);
        return true;
    }
    if (out.kind == IT_IO_WRITABLE || e->mute || (out.kind == IT_IO_OPEN && e->deaf))
        return true;
    uint32_t flow = out.flow;
    if (out.kind == IT_IO_OPEN) {
        it_io opened = {.kind = IT_IO_OPENED, .flow = flow, .data = {NULL, SPACE}};
        out = (it_io){.kind = IT_IO_ACCEPTED, .local = out.remote, .data = {NULL, SPACE}};
        e->open[flow] = true;
        pair_fly(p, who, &opened);
    }
    out.flow = pair_flow(who, flow);
    pair_fly(p, -1, &out);
    return true;
}

static inline bool pair_from_relay(pair *p)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    int n = it_wsrelay_server_ops.output(p->s, p->now, &out, buf, sizeof buf);
    ck_assert_int_ge(n, 0);
    if (n == 0)
        return false;
    if (out.kind == IT_IO_DGRAM) {
        for (int i = 0; i < ENDS; i++) {
            it_io in = {.kind = IT_IO_DGRAM, .local = out.remote, .remote = out.local, .data = out.data};
            in.flow = (uint32_t)(out.remote.port - 1000);
            if (out.remote.ip.lo == pair_base(i, 1).ip.lo && !p->e[i].mute)
                pair_fly(p, i, &in);
        }
        return true;
    }
    int who = (int)((out.flow - IT_IO_ACCEPTED_FLOW) / STREAMS);
    out.flow = (out.flow - IT_IO_ACCEPTED_FLOW) % STREAMS;
    if (out.kind != IT_IO_WRITABLE && !p->e[who].mute)
        pair_fly(p, who, &out);
    return true;
}

static inline void pair_listen(pair *p, int who)
{
    end *e = &p->e[who];
    it_object_event ev;
    while (e->r && it_d_relay_ops.event(e->r, &ev) > 0) {
        const it_model_event *m = ev.u.model;
        if (m->kind == IT_EV_SECRET)
            continue;
        ck_assert_int_lt(e->n_log, LOG);
        told *t = &e->log[e->n_log++];
        t->ev = *m;
        t->n = m->data.n < sizeof t->data ? m->data.n : sizeof t->data;
        if (t->n)
            memcpy(t->data, m->data.p, t->n);
        if (m->why)
            strncpy(t->why, m->why, sizeof t->why - 1);
    }
}

static inline void pair_drain(pair *p)
{
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < ENDS; i++) {
            more |= pair_from_end(p, i);
            pair_listen(p, i);
        }
        more |= pair_from_relay(p);
    }
}

static inline void pair_land(pair *p, flying *f)
{
    uint8_t *bytes = f->bytes;
    it_io io = f->io;
    if (f->to >= 0 && p->bend && io.kind == IT_IO_DATA)
        p->bend(&io, bytes, f->to);
    for (size_t at = 0; io.kind != IT_IO_DATA || at < io.data.n;) {
        it_io part = io;
        if (io.kind == IT_IO_DATA)
            part.data = it_bytes_of(bytes + at, io.data.n - at);
        int n = 0;
        if (f->to < 0)
            n = it_wsrelay_server_ops.input(p->s, p->now, &part);
        else if (p->e[f->to].r)
            n = it_d_relay_ops.input(p->e[f->to].r, p->now, &part);
        ck_assert_int_ge(n, 0);
        pair_drain(p);
        if (io.kind != IT_IO_DATA || n == 0)
            break;
        at += (size_t)n;
    }
    free(bytes);
}

static inline it_time pair_next(const pair *p)
{
    it_time at = it_wsrelay_server_ops.next(p->s);
    for (int i = 0; i < ENDS; i++) {
        it_time own = p->e[i].r ? it_d_relay_ops.next(p->e[i].r) : IT_NEVER;
        at = own < at ? own : at;
    }
    for (int i = 0; i < p->n_fly; i++)
        at = p->fly[i].at < at ? p->fly[i].at : at;
    return at;
}

static inline void pair_step(pair *p)
{
    while (p->n_fly && p->fly[0].at <= p->now) {
        flying f = p->fly[0];
        memmove(&p->fly[0], &p->fly[1], (size_t)--p->n_fly * sizeof *p->fly);
        pair_land(p, &f);
    }
    ck_assert_int_eq(it_wsrelay_server_ops.tick(p->s, p->now), 0);
    for (int i = 0; i < ENDS; i++)
        if (p->e[i].r && it_d_relay_ops.next(p->e[i].r) <= p->now)
            ck_assert_int_eq(it_d_relay_ops.tick(p->e[i].r, p->now), 0);
    pair_drain(p);
    for (int i = 0; i < ENDS; i++) /* stack/io.h */
        ck_assert(!p->e[i].r || it_d_relay_ops.next(p->e[i].r) > p->now);
}

/* Lets |time| pass. */
static inline void pair_run(pair *p, it_time time)
{
    it_time until = p->now + time;
    pair_drain(p);
    for (it_time at; (at = pair_next(p)) <= until;) {
        p->now = at > p->now ? at : p->now;
        pair_step(p);
    }
    p->now = until;
}

/* The latest event of |kind| that |who| told; NULL: there was none. */
static inline const told *pair_told(const pair *p, int who, enum it_model_event_kind kind)
{
    for (int i = p->e[who].n_log; i-- > 0;)
        if (p->e[who].log[i].ev.kind == kind)
            return &p->e[who].log[i];
    return NULL;
}

static inline int pair_count(const pair *p, int who, enum it_model_event_kind kind)
{
    int n = 0;
    for (int i = 0; i < p->e[who].n_log; i++)
        n += p->e[who].log[i].ev.kind == kind;
    return n;
}

/* Resets every stream of end |who|, for both. */
static inline void pair_reset(pair *p, int who, enum it_io_end why)
{
    for (uint32_t f = 0; f < STREAMS; f++) {
        if (!p->e[who].open[f])
            continue;
        it_io to_end = {.kind = IT_IO_RST, .flow = f, .end = why};
        it_io to_relay = {.kind = IT_IO_RST, .flow = pair_flow(who, f), .end = IT_IO_END_RESET};
        p->e[who].open[f] = false;
        pair_fly(p, who, &to_end);
        pair_fly(p, -1, &to_relay);
    }
}

#endif
