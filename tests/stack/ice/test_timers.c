/* stack/ice/timers.c: the pace of new transactions. */
#include "tests/stack/ice/far.h"

#include <signal.h>

/* --- 14.2 --- */

static void pion_pace(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->ta = 200 * IT_MS;
}

START_TEST(new_checks_leave_one_per_ta)
{
    far *f = far_new(false, 1, 1, _i ? pion_pace : NULL);
    it_time ta = _i ? 200 * IT_MS : 50 * IT_MS;
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    for (int i = 0; i < 6; i++) {
        char found[8];
        (void)snprintf(found, sizeof found, "f%d", i);
        far_put(f, 0, 1, found, (uint32_t)(100 - i));
    }
    far_creds(f);
    far_pump(f);
    for (; f->now <= 5 * ta; f->now += 10 * IT_MS) { /* an owner that ticks too often does not make it faster */
        ck_assert_int_eq(it_ice_tick(f->a, f->now), 0);
        far_pump(f);
    }
    size_t first[6], n = 0;
    for (size_t i = 0; i < f->n_out; i++) { /* the first to each candidate: the others are retransmissions */
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen |= it_addr_eq(f->out[k].remote, f->out[i].remote);
        if (!seen && n < 6)
            first[n++] = i;
    }
    ck_assert_uint_eq(n, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_int_eq(f->out[first[i]].at, (it_time)i * ta);
    far_free(f);
}
END_TEST

/* Ours 50 ms or 200 ms, theirs as told: both MUST use the larger. */
START_TEST(the_larger_of_both_proposals_paces_checks)
{
    static const struct {
        bool pion;
        it_time far, want; /* |far| -1: never told */
    } rows[] = {{false, -1, 50 * IT_MS},
                {false, 20 * IT_MS, 50 * IT_MS},
                {false, 80 * IT_MS, 80 * IT_MS},
                {true, 50 * IT_MS, 200 * IT_MS},
                {true, -1, 200 * IT_MS},
                {false, 0, 50 * IT_MS},
                {false, INT64_MAX / 2, IT_ICE_TA_MAX}};
    far *f = far_new(false, 1, 1, rows[_i].pion ? pion_pace : NULL);
    it_time own = rows[_i].pion ? 200 * IT_MS : 50 * IT_MS;
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    far_put(f, 0, 1, "f1", 100);
    far_put(f, 0, 1, "f2", 99);
    far_put(f, 0, 1, "f3", 98)->state = IT_ICE_SUCCEEDED;
    if (rows[_i].far >= 0)
        it_ice_set_remote_pacing(f->a, rows[_i].far);
    ck_assert_int_eq(it_ice_ta(f->a), own); /* until the far side has spoken it is ours alone */
    far_creds(f);
    ck_assert_int_eq(it_ice_ta(f->a), rows[_i].want);
    far_until(f, rows[_i].want - 1);
    ck_assert(it_addr_eq(f->out[f->n_out - 1].remote, f->out[0].remote)); /* the first, and what repeats it */
    far_until(f, rows[_i].want);
    ck_assert(!it_addr_eq(f->out[f->n_out - 1].remote, f->out[0].remote));
    far_free(f);
}
END_TEST

static void fast_pace(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->ta = 5 * IT_MS;
}

START_TEST(one_that_proposes_less_than_the_default_to_a_silent_far_side_goes_by_the_default)
{
    far *f = far_new(false, 1, 1, fast_pace);
    ck_assert_int_eq(it_ice_ta(f->a), 5 * IT_MS);
    far_creds(f);
    ck_assert_int_eq(it_ice_ta(f->a), 50 * IT_MS);
    it_ice_set_remote_pacing(f->a, 5 * IT_MS);
    ck_assert_int_eq(it_ice_ta(f->a), 5 * IT_MS);
    it_ice_restart(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "anew", "anotherPasswordOf22Chars"), 0);
    ck_assert_int_eq(it_ice_ta(f->a), 5 * IT_MS); /* what was told stays */
    far_free(f);
}
END_TEST

static void wild(it_ice_cfg *cfg, int i)
{
    static const it_time ta[] = {IT_ICE_TA_MIN - 1, 0, IT_ICE_TA_MAX + 1, IT_ICE_TA_MIN};
    cfg->ta = ta[i];
    cfg->timing.rto = i == 3 ? 0 : IT_ICE_RTO_MIN;
}

/* The owner's mistake, not an event: the language refuses such timers before. */
START_TEST(no_agent_goes_below_5_ms_or_has_no_rto)
{
    it_ice_cfg cfg;
    it_alloc m;
    it_alloc_init(&m);
    it_ice_cfg_default(&cfg);
    cfg.alloc = &m;
    wild(&cfg, _i);
    (void)it_ice_new(&cfg);
}
END_TEST

START_TEST(a_check_after_a_pause_waits_no_longer_than_ta_since_the_last)
{
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    far_put(f, 0, 1, "f1", 100);
    far_creds(f);
    far_until(f, 30 * IT_MS);
    far_put(f, 0, 1, "f2", 99); /* too early */
    far_until(f, 300 * IT_MS);
    far_put(f, 0, 1, "f3", 98); /* long after */
    far_until(f, 301 * IT_MS);
    ck_assert_uint_eq(f->n_out, 3);
    ck_assert_int_eq(f->out[1].at, 50 * IT_MS);
    ck_assert_int_eq(f->out[2].at, 300 * IT_MS);
    far_free(f);
}
END_TEST

static void add(Suite *s)
{
    TCase *t = tcase_create("RFC 8445 14.2");
    tcase_add_loop_test(t, new_checks_leave_one_per_ta, 0, 2);
    tcase_add_loop_test(t, the_larger_of_both_proposals_paces_checks, 0, 7);
    tcase_add_test(t, one_that_proposes_less_than_the_default_to_a_silent_far_side_goes_by_the_default);
    tcase_add_loop_test_raise_signal(t, no_agent_goes_below_5_ms_or_has_no_rto, SIGABRT, 0, 4);
    tcase_add_test(t, a_check_after_a_pause_waits_no_longer_than_ta_since_the_last);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/timers", add)
