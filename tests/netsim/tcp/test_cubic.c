/* CUBIC against the formulas of RFC 9438. */
#include "netsim/tcp/impl.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static it_tcp_conn C;

static void setup(void)
{
    C = (it_tcp_conn){.o = {.abc = 2, .hystart = true}, .cc = &it_tcp_cubic_cc, .mss = 1000};
    C.cc->start(&C, 0);
}

static void teardown(void)
{
}

/* Acknowledgments for |rounds| round trips of |rtt|, one a segment, evenly spread. Returns the time behind them. */
static it_time grow(it_time now, it_time rtt, int rounds)
{
    C.cubic.rtt_min = rtt;
    for (int i = 0; i < rounds; i++) {
        uint32_t n = C.cwnd;
        for (uint32_t k = 0; k < n; k++)
            C.cc->grow(&C, now + rtt * k / n, 1);
        now += rtt;
    }
    return now;
}

/* W_cubic(t), section 4.2, t in seconds since the loss. */
static double curve(double t, double w_max, double cwnd)
{
    double k = cbrt((w_max - cwnd) / 0.4);
    return 0.4 * pow(t - k, 3) + w_max;
}

START_TEST(the_window_comes_down_by_three_tenths)
{
    C.cwnd = 1000;
    ck_assert_uint_eq(C.cc->ssthresh(&C), 700); /* section 4.6 */
    C.cwnd = 2;
    ck_assert_uint_eq(C.cc->ssthresh(&C), 2);
}
END_TEST

START_TEST(after_a_loss_it_follows_the_curve)
{
    static const it_time RTT[] = {20 * IT_MS, 100 * IT_MS, 300 * IT_MS};
    it_time rtt = RTT[_i], now = IT_SEC;
    C.cwnd = 1000;
    C.cwnd = C.ssthresh = C.cc->ssthresh(&C);
    for (int i = 0; i < 40; i++) {
        now = grow(now, rtt, 1 + (int)(500 * IT_MS / rtt));
        double t = (double)(now - IT_SEC) / 1e9, want = curve(t, 1000, 700);
        double reno = 700 + 8.0 / 15 * t * 1e9 / (double)rtt; /* section 4.3 */
        want = reno > want ? reno : want;
        ck_assert_msg(fabs(C.cwnd - want) < 0.01 * want + 2, "after %g s %u, not %g", t, C.cwnd, want);
    }
    ck_assert_uint_gt(C.cwnd, 1000);
}
END_TEST

START_TEST(it_reaches_its_plateau_after_k)
{
    it_time now = IT_SEC;
    C.cwnd = 1000;
    C.cwnd = C.ssthresh = C.cc->ssthresh(&C);
    now = grow(now, 100 * IT_MS, 90); /* K is 9.09 s */
    ck_assert_uint_ge(C.cwnd, 995);
    ck_assert_uint_le(C.cwnd, 1001);
    ck_assert_uint_eq(C.cubic.k, (unsigned)(cbrt(300 / 0.400390625) * 1024));
}
END_TEST

START_TEST(a_flow_that_comes_down_gives_way)
{
    C.cwnd = 1000;
    C.cwnd = C.cc->ssthresh(&C);
    ck_assert_uint_eq(C.cubic.w_max, 1000);
    (void)C.cc->ssthresh(&C);
    ck_assert_uint_eq(C.cubic.w_max, 700 * (1024 + 717) / 2048); /* section 4.7: fast convergence */
}
END_TEST

START_TEST(small_windows_are_never_slower_than_reno)
{
    it_time now = IT_SEC;
    C.cwnd = 20;
    C.cwnd = C.ssthresh = C.cc->ssthresh(&C);
    (void)grow(now, 10 * IT_MS, 100);                   /* a second, in which the curve alone would stay below 15 */
    ck_assert_uint_ge(C.cwnd, 14 + 100 * 53 / 100 - 3); /* section 4.3: alpha is 0.53 */
}
END_TEST

START_TEST(a_pause_is_not_the_curves)
{
    it_time now = IT_SEC;
    C.cwnd = 1000;
    C.cwnd = C.ssthresh = C.cc->ssthresh(&C);
    now = grow(now, 100 * IT_MS, 10);
    uint32_t before = C.cwnd;
    C.cc->resume(&C, now + 8 * IT_SEC, 8 * IT_SEC);
    (void)grow(now + 8 * IT_SEC, 100 * IT_MS, 1);
    ck_assert_uint_le(C.cwnd, before + 30); /* section 5.8 */
}
END_TEST

START_TEST(a_time_out_begins_with_nothing)
{
    C.cwnd = 1000;
    (void)C.cc->ssthresh(&C);
    C.cc->start(&C, IT_SEC);
    ck_assert_uint_eq(C.cubic.w_max, 0); /* section 4.8 */
    C.cwnd = C.ssthresh = 500;
    it_time now = grow(IT_SEC, 100 * IT_MS, 1);
    ck_assert_uint_eq(C.cubic.k, 0);
    (void)grow(now, 100 * IT_MS, 10);
    ck_assert_uint_gt(C.cwnd, 500);
}
END_TEST

/* --- section 4.10: HyStart --- */

START_TEST(slow_start_ends_when_round_trips_grow_by_an_eighth)
{
    C.cwnd = 20;
    C.ssthresh = 1u << 20;
    for (int i = 0; i < 20; i++)
        C.cc->sample(&C, IT_SEC + i * 10 * IT_MS, 100 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 1u << 20);
    C.snd_una = 1000; /* a new round */
    C.snd_nxt = 2000;
    for (int i = 0; i < 8; i++)
        C.cc->sample(&C, 2 * IT_SEC + i * 10 * IT_MS, 114 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 1u << 20); /* eight samples first */
    C.cc->sample(&C, 2 * IT_SEC + 80 * IT_MS, 114 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 20);
}
END_TEST

START_TEST(slow_start_ends_when_acknowledgments_fill_half_a_round_trip)
{
    C.cwnd = 20;
    C.ssthresh = 1u << 20;
    C.snd_una = 1000;
    C.snd_nxt = 2000;
    for (int i = 0; i < 51; i++)
        C.cc->sample(&C, IT_SEC + i * IT_MS, 100 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 1u << 20);
    C.cc->sample(&C, IT_SEC + 51 * IT_MS, 100 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 20);
}
END_TEST

START_TEST(small_windows_and_those_without_it_go_on)
{
    C.cwnd = 15;
    C.ssthresh = 1u << 20;
    C.snd_una = 1000;
    C.snd_nxt = 2000;
    for (int i = 0; i < 100; i++)
        C.cc->sample(&C, IT_SEC + i * IT_MS, 100 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 1u << 20);
    C.o.hystart = false;
    C.cwnd = 1000;
    for (int i = 0; i < 100; i++)
        C.cc->sample(&C, 2 * IT_SEC + i * IT_MS, 200 * IT_MS);
    ck_assert_uint_eq(C.ssthresh, 1u << 20);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp CUBIC");
    TCase *t = tcase_create("RFC 9438: the curve");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_window_comes_down_by_three_tenths);
    tcase_add_loop_test(t, after_a_loss_it_follows_the_curve, 0, 3);
    tcase_add_test(t, it_reaches_its_plateau_after_k);
    tcase_add_test(t, a_flow_that_comes_down_gives_way);
    tcase_add_test(t, small_windows_are_never_slower_than_reno);
    tcase_add_test(t, a_pause_is_not_the_curves);
    tcase_add_test(t, a_time_out_begins_with_nothing);
    suite_add_tcase(s, t);
    TCase *t1 = tcase_create("RFC 9438 section 4.10: HyStart");
    tcase_add_checked_fixture(t1, setup, teardown);
    tcase_add_test(t1, slow_start_ends_when_round_trips_grow_by_an_eighth);
    tcase_add_test(t1, slow_start_ends_when_acknowledgments_fill_half_a_round_trip);
    tcase_add_test(t1, small_windows_and_those_without_it_go_on);
    suite_add_tcase(s, t1);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
