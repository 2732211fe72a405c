/* Two sessions and the wire between them, which may lose what the test says. */
#ifndef IT_TESTS_STACK_RTP_PAIR_H
#define IT_TESTS_STACK_RTP_PAIR_H

#include "stack/rtp/session.h"
#include "tests/stack/rtp/kit.h"

#define PAIR_QUEUE 4096

typedef struct pair_datagram {
    it_time at;
    int to;
    size_t n;
    uint8_t p[1472];
} pair_datagram;

typedef struct pair {
    it_alloc mem;
    it_rtp_session *end[2];
    it_time now, delay;
    uint32_t loss_ppm;
    bool cut[2]; /* nothing from that end arrives */
    it_rng rng;
    pair_datagram *v;
    size_t head, n;
    int events[2][5];
    it_rtp_event last[2][5];
} pair;

static inline it_rtp_session_cfg pair_cfg(pair *x, int i)
{
    static const char *const NAMES[] = {"alice", "bob"};
    it_rng rng;
    it_rng_init(&rng, 1, NAMES[i]);
    it_rtp_session_cfg cfg = {.alloc = &x->mem,
                              .source = it_rtp_voice(100 + (uint32_t)i, IT_RTP_PT_OPUS, rng),
                              .formats = {{IT_RTP_PT_OPUS, 48000, false}, {IT_RTP_PT_VIDEO, 90000, true}},
                              .cname = NAMES[i],
                              .bandwidth = 100000,
                              .probation = 1,
                              .rng = rng};
    return cfg;
}

static inline void pair_join(pair *x, int i, const it_rtp_session_cfg *cfg)
{
    ck_assert_int_eq(it_rtp_session_new(cfg, x->now, &x->end[i]), 0);
}

/* Both in a voice session, silent. */
static inline void pair_init(pair *x)
{
    *x = (pair){.delay = 30 * IT_MS};
    it_alloc_init(&x->mem);
    it_rng_init(&x->rng, 1, "wire");
    x->v = calloc(PAIR_QUEUE, sizeof *x->v);
    ck_assert_ptr_nonnull(x->v);
    for (int i = 0; i < 2; i++) {
        it_rtp_session_cfg cfg = pair_cfg(x, i);
        pair_join(x, i, &cfg);
    }
}

static inline void pair_fini(pair *x)
{
    it_rtp_session_free(x->end[0]);
    it_rtp_session_free(x->end[1]);
    free(x->v);
    ck_assert_int_eq(x->mem.live, 0);
}

static inline void pair_drain(pair *x, int i)
{
    it_io out;
    it_rtp_event ev;
    uint8_t buf[1472];
    while (it_rtp_session_output(x->end[i], x->now, &out, buf, sizeof buf) > 0) {
        if (x->cut[i] || it_rng_chance(&x->rng, x->loss_ppm))
            continue;
        ck_assert_uint_lt(x->n - x->head, PAIR_QUEUE);
        pair_datagram *d = &x->v[x->n++ % PAIR_QUEUE];
        *d = (pair_datagram){.at = x->now + x->delay, .to = 1 - i, .n = out.data.n};
        memcpy(d->p, out.data.p, out.data.n);
    }
    while (it_rtp_session_event(x->end[i], &ev)) {
        x->events[i][ev.kind]++;
        x->last[i][ev.kind] = ev;
    }
}

/* Goes on until |until|. */
static inline void pair_run(pair *x, it_time until)
{
    for (;;) {
        pair_drain(x, 0);
        pair_drain(x, 1);
        it_time next = x->head < x->n ? x->v[x->head % PAIR_QUEUE].at : IT_NEVER;
        for (int i = 0; i < 2; i++)
            next = it_rtp_session_next(x->end[i]) < next ? it_rtp_session_next(x->end[i]) : next;
        if (next > until)
            break;
        x->now = next;
        for (; x->head < x->n && x->v[x->head % PAIR_QUEUE].at <= x->now; x->head++) {
            pair_datagram *d = &x->v[x->head % PAIR_QUEUE];
            it_io in = {.kind = IT_IO_DGRAM, .data = {d->p, d->n}};
            ck_assert_int_eq(it_rtp_session_input(x->end[d->to], x->now, &in), (int)d->n);
        }
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(it_rtp_session_tick(x->end[i], x->now), 0);
            ck_assert_int_gt(it_rtp_session_next(x->end[i]), x->now);
        }
    }
    x->now = until;
}

#endif
