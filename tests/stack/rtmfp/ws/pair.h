/* One session of RTWebSocket and the messages of a far end that a test writes by hand, or two sessions joined. */
#ifndef IT_TESTS_STACK_RTMFP_WS_PAIR_H
#define IT_TESTS_STACK_RTMFP_WS_PAIR_H

#include "stack/rtmfp/ws/session.h"
#include "stack/rtmfp/ws/wire.h"
#include "tests/stack/rtmfp/kit.h"

typedef struct pair {
    it_alloc mem;
    it_time now;
    it_rtws s[2];
    it_rtmfp_events ev[2];
    uint8_t buf[IT_RTWS_MESSAGE];
} pair;

static inline pair *pair_new(const it_rtws_cfg *how)
{
    pair *p = calloc(1, sizeof *p);
    it_alloc_init(&p->mem);
    for (int i = 0; i < 2; i++) {
        it_rtws_cfg cfg = how ? *how : (it_rtws_cfg){0};
        it_rtmfp_events_init(&p->ev[i], &p->mem);
        cfg.alloc = &p->mem;
        cfg.events = &p->ev[i];
        cfg.session = 7;
        it_rtws_init(&p->s[i], &cfg, 0);
    }
    return p;
}

static inline void pair_free(pair *p)
{
    for (int i = 0; i < 2; i++) {
        it_rtws_fini(&p->s[i]);
        it_rtmfp_events_fini(&p->ev[i]);
    }
    ck_assert_int_eq(p->mem.live, 0);
    free(p);
}

/* Session 0 takes the message |hex|. */
static inline int pair_take(pair *p, const char *hex)
{
    uint8_t room[512];
    return it_rtws_take(&p->s[0], p->now, kit_hex(room, hex));
}

/* The next message that session |i| gives, {NULL, 0}: none. */
static inline it_bytes pair_give(pair *p, int i)
{
    it_buf b;
    it_buf_init(&b, p->buf, sizeof p->buf);
    int n = it_rtws_give(&p->s[i], p->now, &b);
    ck_assert_int_ge(n, 0);
    return n ? kit_buf(&b) : it_bytes_of(NULL, 0);
}

/* Session 0 gives |hex| next. */
static inline void pair_gives(pair *p, const char *hex)
{
    kit_expect(pair_give(p, 0), hex);
}

/* The next event of session |i|; its kind is |kind|. */
static inline it_rtmfp_event pair_told(pair *p, int i, enum it_rtmfp_event_kind kind)
{
    it_rtmfp_event ev = {.session = 0};
    ck_assert_int_eq(it_rtmfp_events_take(&p->ev[i], &ev), 1);
    ck_assert_int_eq(ev.kind, kind);
    ck_assert_uint_eq(ev.session, 7);
    return ev;
}

static inline void pair_told_nothing(pair *p, int i)
{
    it_rtmfp_event ev;
    ck_assert_int_eq(it_rtmfp_events_take(&p->ev[i], &ev), 0);
}

/* Hands messages over in both directions until there are none. Returns how many bytes. */
static inline size_t pair_settle(pair *p)
{
    size_t n = 0;
    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < 2; i++)
            for (it_bytes m; (m = pair_give(p, i)).n;) {
                ck_assert_int_eq(it_rtws_take(&p->s[!i], p->now, m), 0);
                n += m.n;
                any = true;
            }
    }
    return n;
}

/* A sending flow of session |i| with metadata "m", in return to |returns|. */
static inline uint64_t pair_open(pair *p, int i, uint64_t returns)
{
    uint64_t id;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m"), .returns = returns};
    ck_assert_int_eq(it_rtws_flow_open(&p->s[i], &o, &id), 0);
    return id;
}

static inline void pair_write(pair *p, int i, uint64_t id, it_bytes data, it_time until)
{
    it_rtmfp_write_opts o = {.until = until};
    ck_assert_int_eq(it_rtws_flow_write(&p->s[i], p->now, id, data, &o, NULL), 0);
}

/* Session 0 is broken by |hex|, and takes and gives nothing any more. */
static inline void pair_breaks(const char *before, const char *hex)
{
    pair *p = pair_new(NULL);
    if (before)
        ck_assert_int_eq(pair_take(p, before), 0);
    ck_assert_int_eq(pair_take(p, hex), IT_ERR_PARSE);
    ck_assert_ptr_nonnull(p->s[0].why);
    ck_assert_int_eq(pair_take(p, "01"), IT_ERR_PARSE);
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    ck_assert(it_rtws_next(&p->s[0]) == IT_NEVER);
    pair_free(p);
}

#endif
