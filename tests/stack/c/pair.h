/* Two ends of model C and their server in a network in memory: 20 ms in each direction, nothing is lost unless it says
 * so. An end may be elsewhere from one packet to the next, as behind a NAT that has forgotten it. */
#ifndef IT_TESTS_STACK_C_PAIR_H
#define IT_TESTS_STACK_C_PAIR_H

#include "stack/c/c.h"
#include "stack/crypto/ossl.h"
#include "stack/rtmfp/server/server.h"
#include "tests/stack/rtmfp/kit.h"

#define PAIR_DELAY (20 * IT_MS)
#define PAIR_TOLD 256

enum { SERVER, NEAR, FAR, STRANGER, PLACES };

typedef struct pair_packet {
    it_time at;
    int to;
    it_addr from;
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} pair_packet;

typedef struct pair_told {
    it_time at;
    it_model_event ev;
    char text[96]; /* of a status, a reason, a message */
} pair_told;

typedef struct pair {
    it_alloc mem;
    it_time now;
    it_rtmfp_server *server;
    it_c *end[PLACES]; /* none at SERVER */
    it_addr seen[PLACES], own[PLACES];
    bool cut[PLACES], apart; /* nothing goes to or from it; nothing goes between ends */
    uint64_t between;        /* packets between ends */
    pair_packet *flight;
    size_t flights;
    pair_told told[PLACES][PAIR_TOLD];
    size_t tolds[PLACES];
} pair;

static inline void pair_input(pair *p, int i, const it_io *in)
{
    if (i == SERVER)
        ck_assert_int_ge(it_rtmfp_server_ops.input(p->server, p->now, in), 0);
    else if (p->end[i])
        ck_assert_int_ge(it_c_ops.input(p->end[i], p->now, in), 0);
}

/* Adds an end at place |i| as |cfg| says; what is not said: the timers of |timers|, 10 s for a stream. */
static inline void pair_join(pair *p, int i, const char *timers, it_c_cfg cfg)
{
    char name[16];
    snprintf(name, sizeof name, "end %d", i);
    cfg.alloc = &p->mem;
    cfg.seed = 1;
    cfg.name = name;
    cfg.server[0] = p->own[SERVER];
    cfg.servers = 1;
    cfg.uri = "rtmfp://server/app";
    ck_assert_int_eq(it_timers_named(&cfg.timers, timers), 0);
    ck_assert_int_eq(it_c_new(&cfg, p->now, &p->end[i]), 0);
    pair_input(p, i, &(it_io){.kind = IT_IO_BOUND, .local = p->own[i]});
}

static inline pair *pair_new(void)
{
    pair *p = calloc(1, sizeof *p);
    it_rtmfp_server_cfg cfg = {.alloc = &p->mem};
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&p->mem);
    p->flight = calloc(8192, sizeof *p->flight);
    for (int i = 0; i < PLACES; i++) {
        char text[32];
        snprintf(text, sizeof text, "192.0.2.%d:1935", 1 + i);
        p->own[i] = p->seen[i] = kit_addr(text);
    }
    it_rng_init(&cfg.rng, 1, "server");
    ck_assert_int_eq(it_rtmfp_server_new(&cfg, 0, &p->server), 0);
    pair_input(p, SERVER, &(it_io){.kind = IT_IO_BOUND, .local = p->own[SERVER]});
    return p;
}

static inline void pair_free(pair *p)
{
    for (int i = NEAR; i < PLACES; i++)
        if (p->end[i])
            it_c_ops.free(p->end[i]);
    it_rtmfp_server_ops.free(p->server);
    ck_assert_int_eq(p->mem.live, 0);
    free(p->flight);
    free(p);
}

static inline void pair_send(pair *p, int from, const it_io *io)
{
    int to = 0;
    while (to < PLACES && !it_addr_eq(io->remote, p->seen[to]))
        to++;
    bool ends = from != SERVER && to != SERVER;
    if (to == PLACES || p->cut[to] || p->cut[from] || (ends && p->apart))
        return;
    p->between += ends;
    pair_packet *q = &p->flight[p->flights++];
    ck_assert_uint_lt(p->flights, 8192);
    *q = (pair_packet){.at = p->now + PAIR_DELAY, .to = to, .from = p->seen[from], .n = io->data.n};
    memcpy(q->data, io->data.p, io->data.n);
}

static inline void pair_hear(pair *p, int i)
{
    it_object_event o;
    while (p->end[i] && it_c_ops.event(p->end[i], &o) > 0) {
        if (o.u.model->kind == IT_EV_SECRET)
            continue;
        pair_told *t = &p->told[i][p->tolds[i]++];
        ck_assert_uint_lt(p->tolds[i], PAIR_TOLD);
        t->at = p->now;
        t->ev = *o.u.model;
        const char *text = t->ev.why ? t->ev.why : "";
        if (t->ev.kind == IT_EV_MESSAGE)
            snprintf(t->text, sizeof t->text, "%.*s", (int)t->ev.data.n, (const char *)t->ev.data.p);
        else
            snprintf(t->text, sizeof t->text, "%s", text);
    }
}

static inline void pair_drain(pair *p)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    while (it_rtmfp_server_ops.output(p->server, p->now, &io, buf, sizeof buf) == 1)
        pair_send(p, SERVER, &io);
    for (int i = NEAR; i < PLACES; i++) {
        while (p->end[i] && it_c_ops.output(p->end[i], p->now, &io, buf, sizeof buf) == 1)
            pair_send(p, i, &io);
        pair_hear(p, i);
    }
}

static inline it_time pair_next(const pair *p)
{
    it_time at = it_rtmfp_server_ops.next(p->server);
    for (size_t k = 0; k < p->flights; k++)
        at = p->flight[k].at < at ? p->flight[k].at : at;
    for (int i = NEAR; i < PLACES; i++)
        if (p->end[i] && it_c_ops.next(p->end[i]) < at)
            at = it_c_ops.next(p->end[i]);
    return at;
}

static inline bool pair_deliver(pair *p)
{
    for (size_t k = 0; k < p->flights; k++) {
        if (p->flight[k].at > p->now)
            continue;
        pair_packet q = p->flight[k];
        memmove(&p->flight[k], &p->flight[k + 1], (--p->flights - k) * sizeof q);
        pair_input(p, q.to,
                   &(it_io){.kind = IT_IO_DGRAM, .local = p->own[q.to], .remote = q.from, .data = {q.data, q.n}});
        return true;
    }
    return false;
}

/* Runs for |d|. */
static inline void pair_run(pair *p, it_time d)
{
    it_time until = p->now + d;
    for (;;) {
        pair_drain(p);
        it_time at = pair_next(p);
        if (at > until)
            break;
        p->now = at > p->now ? at : p->now;
        if (pair_deliver(p))
            continue;
        if (it_rtmfp_server_ops.next(p->server) <= p->now)
            ck_assert_int_ge(it_rtmfp_server_ops.tick(p->server, p->now), 0);
        for (int i = NEAR; i < PLACES; i++)
            if (p->end[i] && it_c_ops.next(p->end[i]) <= p->now)
                ck_assert_int_ge(it_c_ops.tick(p->end[i], p->now), 0);
    }
    p->now = until;
}

/* How often end |i| has told |kind|, with |text| unless NULL; the last of these. */
static inline int pair_count(const pair *p, int i, enum it_model_event_kind kind, const char *text)
{
    int n = 0;
    for (size_t k = 0; k < p->tolds[i]; k++)
        n += p->told[i][k].ev.kind == kind && (!text || strcmp(text, p->told[i][k].text) == 0);
    return n;
}
static inline const pair_told *pair_last(const pair *p, int i, enum it_model_event_kind kind)
{
    for (size_t k = p->tolds[i]; k-- > 0;)
        if (p->told[i][k].ev.kind == kind)
            return &p->told[i][k];
    ck_abort_msg("end %d never told %s", i, it_model_event_name(kind));
    return NULL;
}

static inline void pair_both(pair *p, int i, enum it_c_via via)
{
    (void)it_c_publish(p->end[i], p->now, via);
    (void)it_c_play(p->end[i], p->now, via);
}

/* Both ends, connected, call each other and try the direct way. */
static inline void pair_call(pair *p)
{
    ck_assert_int_eq(it_c_call(p->end[NEAR], p->now, it_c_near(p->end[FAR])), 0);
    ck_assert_int_eq(it_c_call(p->end[FAR], p->now, it_c_near(p->end[NEAR])), 0);
    pair_run(p, IT_SEC);
    pair_both(p, NEAR, IT_C_DIRECT);
    pair_both(p, FAR, IT_C_DIRECT);
}

/* Two ends with a call that is open; |cfg| is of both. */
static inline pair *pair_open(const char *timers, it_c_cfg cfg)
{
    pair *p = pair_new();
    pair_join(p, NEAR, timers, cfg);
    pair_join(p, FAR, timers, cfg);
    pair_call(p);
    pair_run(p, IT_SEC);
    for (int i = NEAR; i <= FAR; i++)
        ck_assert_int_eq(it_c_state(p->end[i]), IT_STATE_OPEN);
    return p;
}

/* The same by the server. */
static inline pair *pair_relayed(const char *timers, it_c_cfg cfg)
{
    pair *p = pair_new();
    p->apart = true;
    pair_join(p, NEAR, timers, cfg);
    pair_join(p, FAR, timers, cfg);
    pair_call(p);
    pair_both(p, NEAR, IT_C_SERVER);
    pair_both(p, FAR, IT_C_SERVER);
    pair_run(p, IT_SEC);
    for (int i = NEAR; i <= FAR; i++)
        ck_assert_int_eq(it_c_path(p->end[i]), IT_PATH_RELAY_UDP);
    return p;
}

/* End |i| is somewhere else from now on, and does not know it. */
static inline void pair_move(pair *p, int i, const char *where)
{
    p->seen[i] = kit_addr(where);
}

#endif
