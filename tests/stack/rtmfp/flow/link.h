/* The flows of two ends of a session against each other, without the session: plain packets over a link that takes its
 * time, loses, doubles and reorders as the seed says, and may be narrow. */
#ifndef IT_TESTS_STACK_RTMFP_FLOW_LINK_H
#define IT_TESTS_STACK_RTMFP_FLOW_LINK_H

#include "stack/rtmfp/flow/impl.h"
#include "tests/stack/rtmfp/kit.h"

#define LINK_DELAY (20 * IT_MS)
#define LINK_FLIGHT 4096
#define LINK_ROOM 1140 /* bytes of a packet's chunks */

typedef struct link_packet {
    it_time at;
    uint64_t seq;
    int to;
    size_t n;
    uint8_t data[LINK_ROOM + IT_RTMFP_HEAD_MAX];
} link_packet;

typedef struct link {
    it_alloc mem;
    it_rng rng;
    it_time now;
    it_rtmfp_flows flows[2];
    it_rtmfp_rtt rtt[2];
    it_rtmfp_events events[2];
    it_rtmfp_shared shared[2];
    uint32_t loss, twice, jitter_ms; /* of a million, of a million, up to */
    uint64_t rate;                   /* bytes a second of each direction; 0: no limit */
    it_time busy[2];                 /* until when a narrow link is */
    it_time queue;                   /* what waits longer is dropped */
    bool tcr[2];                     /* its packets say so */
    link_packet *flight;
    uint32_t flights;
    uint64_t seq, packets[2], bytes[2], dropped;
    link_packet last[2]; /* that each has sent */
    void (*told)(struct link *, int, const it_rtmfp_event *);
    uint32_t count[2][IT_RTMFP_EV_WRITABLE + 1];
    it_rtmfp_event ev[2][IT_RTMFP_EV_WRITABLE + 1]; /* the last of each kind, without what it pointed to */
    uint8_t text[2][64];                            /* of the last message */
    uint64_t got[2];                                /* bytes of messages */
} link_;

static inline link_ *link_new(uint64_t seed)
{
    link_ *l = calloc(1, sizeof *l);
    it_alloc_init(&l->mem);
    it_rng_init(&l->rng, seed, "link");
    l->flight = calloc(LINK_FLIGHT, sizeof *l->flight);
    l->queue = 200 * IT_MS;
    for (int i = 0; i < 2; i++) {
        it_rtmfp_rtt_init(&l->rtt[i]);
        it_rtmfp_events_init(&l->events[i], &l->mem);
        l->shared[i].tc_sent_at = -(IT_NEVER / 2);
        it_rtmfp_flows_init(&l->flows[i], &l->mem, &l->events[i], &l->rtt[i], &l->shared[i], 1);
    }
    return l;
}

static inline void link_free(link_ *l)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(l->flows[i].err, 0);
        it_rtmfp_flows_fini(&l->flows[i]);
        it_rtmfp_events_fini(&l->events[i]);
    }
    ck_assert_int_eq(l->mem.live, 0);
    free(l->flight);
    free(l);
}

/* Puts a packet of end |i| on its way. */
static inline void link_send(link_ *l, int i, it_bytes d)
{
    int copies = it_rng_chance(&l->rng, l->twice) ? 2 : 1;
    it_time at = l->now;
    l->packets[i]++;
    l->bytes[i] += d.n;
    l->last[i].n = d.n;
    memcpy(l->last[i].data, d.p, d.n);
    if (l->rate) {
        at = l->busy[i] > at ? l->busy[i] : at;
        if (at - l->now > l->queue) {
            l->dropped++;
            return;
        }
        at += (it_time)((d.n + 60) * 1000000000 / l->rate);
        l->busy[i] = at;
    }
    for (int c = 0; c < copies; c++) {
        if (it_rng_chance(&l->rng, l->loss))
            continue;
        ck_assert_uint_lt(l->flights, LINK_FLIGHT);
        link_packet *p = &l->flight[l->flights++];
        p->at = at + LINK_DELAY + (l->jitter_ms ? (it_time)it_rng_below(&l->rng, l->jitter_ms) * IT_MS : 0);
        p->seq = l->seq++;
        p->to = !i;
        p->n = d.n;
        memcpy(p->data, d.p, d.n);
    }
}

static inline void link_hear(link_ *l, int i)
{
    it_rtmfp_event ev;
    while (it_rtmfp_events_take(&l->events[i], &ev)) {
        l->count[i][ev.kind]++;
        l->ev[i][ev.kind] = ev;
        if (ev.kind == IT_RTMFP_EV_MESSAGE) {
            size_t n = ev.data.n < sizeof l->text[i] - 1 ? ev.data.n : sizeof l->text[i] - 1;
            memcpy(l->text[i], ev.data.p, n);
            l->text[i][n] = 0;
            l->got[i] += ev.data.n;
        }
        if (l->told)
            l->told(l, i, &ev);
    }
}

/* One packet of end |i|, if it has one. */
static inline bool link_put(link_ *l, int i)
{
    uint8_t chunks[LINK_ROOM], plain[LINK_ROOM + IT_RTMFP_HEAD_MAX];
    it_buf b, p;
    it_rtmfp_head h = {.mode = i ? IT_RTMFP_BY_RESPONDER : IT_RTMFP_BY_INITIATOR, .tcr = l->tcr[i]};
    it_buf_init(&b, chunks, sizeof chunks);
    if (!it_rtmfp_flows_ready(&l->flows[i], l->now))
        return false;
    it_rtmfp_flows_put(&l->flows[i], l->now, &b, &h);
    if (b.len == 0)
        return false;
    it_rtmfp_rtt_send(&l->rtt[i], l->now, &h);
    it_buf_init(&p, plain, sizeof plain);
    it_rtmfp_head_put(&p, &h);
    it_buf_put(&p, b.p, b.len);
    link_send(l, i, kit_buf(&p));
    return true;
}

static inline void link_drain(link_ *l, int i)
{
    while (link_put(l, i))
        continue;
    link_hear(l, i);
}

/* Gives |d| to end |i|; how many of its chunks were taken. */
static inline int link_give(link_ *l, int i, it_bytes d)
{
    it_rd r;
    it_rtmfp_head h;
    it_rtmfp_chunk c;
    int taken = 0;
    ck_assert_int_eq(it_rtmfp_head_get(&r, d, &h), 0);
    it_rtmfp_rtt_receive(&l->rtt[i], l->now, &h);
    it_rtmfp_flows_begin(&l->flows[i], l->now, &h);
    while (it_rtmfp_chunk_next(&r, &c))
        taken += it_rtmfp_flows_chunk(&l->flows[i], l->now, &c);
    it_rtmfp_flows_end(&l->flows[i], l->now);
    return taken;
}

/* The same of hexadecimal chunks, and what it answers. */
static inline int link_say(link_ *l, int i, const char *hex)
{
    uint8_t d[2048] = {i ? IT_RTMFP_BY_INITIATOR : IT_RTMFP_BY_RESPONDER};
    size_t n = kit_unhex(d + 1, hex);
    int taken = link_give(l, i, it_bytes_of(d, n + 1));
    link_drain(l, i);
    return taken;
}

static inline int link_first(const link_ *l)
{
    int best = -1;
    for (uint32_t i = 0; i < l->flights; i++) {
        const link_packet *p = &l->flight[i], *b = best < 0 ? NULL : &l->flight[best];
        if (!b || p->at < b->at || (p->at == b->at && p->seq < b->seq))
            best = (int)i;
    }
    return best;
}

static inline void link_run(link_ *l, it_time until)
{
    for (int i = 0; i < 2; i++)
        link_drain(l, i);
    for (;;) {
        int k = link_first(l), who = -1;
        it_time at = k < 0 ? IT_NEVER : l->flight[k].at;
        for (int i = 0; i < 2; i++)
            if (it_rtmfp_flows_next(&l->flows[i], l->now) < at) {
                at = it_rtmfp_flows_next(&l->flows[i], l->now);
                who = i;
            }
        if (at > until)
            break;
        ck_assert(at >= l->now);
        l->now = at;
        if (who >= 0) {
            it_rtmfp_flows_tick(&l->flows[who], l->now);
            link_drain(l, who);
            continue;
        }
        link_packet p = l->flight[k];
        l->flight[k] = l->flight[--l->flights];
        link_give(l, p.to, it_bytes_of(p.data, p.n));
        link_drain(l, p.to);
    }
    l->now = until;
}

/* A flow of end |i| with metadata "m". */
static inline uint64_t link_open(link_ *l, int i)
{
    uint64_t id = 0;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m")};
    ck_assert_int_eq(it_rtmfp_flows_open(&l->flows[i], &o, &id), 0);
    return id;
}

static inline void link_write(link_ *l, int i, uint64_t id, const char *text)
{
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[i], id, it_bytes_str(text), NULL, NULL), 0);
}

/* The |nth| chunk that end |i| has sent in its last packet. */
static inline bool link_sent(link_ *l, int i, int nth, it_rtmfp_chunk *c)
{
    it_rd r;
    it_rtmfp_head h;
    ck_assert_int_eq(it_rtmfp_head_get(&r, it_bytes_of(l->last[i].data, l->last[i].n), &h), 0);
    for (int k = 0; it_rtmfp_chunk_next(&r, c); k++)
        if (k == nth)
            return true;
    return false;
}

#endif
