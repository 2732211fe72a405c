/* Tail loss probes. RFC 8985 section 7. */
#include "tests/netsim/drill.h"

#include <stdlib.h>

static drill D;

static void setup(void)
{
    drill_setup(&D, false);
    D.o.timestamps = false; /* segments of 1000 bytes */
}

static void teardown(void)
{
    drill_done(&D);
}

static it_tcp_info info(void)
{
    it_tcp_info i;
    ck_assert(it_host_tcp_info(D.h, D.s, &i));
    return i;
}

/* |n| whole segments from |seq| on, sent at |ms|; the last with PSH when |push|. */
static void burst(double ms, uint32_t seq, int n, bool push)
{
    for (int i = 0; i < n; i++)
        expect(&D, ms, push && i == n - 1 ? "PA" : "A", seq + (uint32_t)i * 1000, 1, 1000);
}

START_TEST(a_lost_tail_is_probed_after_two_round_trips_and_mended_before_a_time_out)
{
    open_active(&D, 100);
    write_n(&D, 3000);
    burst(100, 1, 3, true);
    quiet(&D, 301);
    expect(&D, 302, "PA", 2001, 1, 1000); /* 2 SRTT: the last one again */
    to(&D, 402);
    SACK(&D, 2001, 3001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 402, "A", 1, 1, 1000); /* section 7.1: what the probe shows is mended by fast recovery */
    to(&D, 502);
    SACK(&D, 2001, 3001);
    put(&D, "A", 1, 1001, 0);
    expect(&D, 502, "A", 1001, 1, 1000);
    to(&D, 602);
    put(&D, "A", 1, 3001, 0);
    ck_assert_uint_eq(info().timeouts, 0);
    ck_assert_uint_eq(info().tail_probes, 1);
    quiet(&D, 2000);
}
END_TEST

START_TEST(a_single_segment_waits_for_a_delayed_acknowledgment_too)
{
    D.o.rto_min = IT_SEC;
    open_active(&D, 100);
    write_n(&D, 1000);
    expect(&D, 100, "PA", 1, 1, 1000);
    quiet(&D, 499);
    expect(&D, 500, "PA", 1, 1, 1000);        /* 2 SRTT + 200 ms */
    expect(&D, 500 + 1100, "PA", 1, 1, 1000); /* the time-out, from the probe on */
    ck_assert_uint_eq(info().timeouts, 1);
}
END_TEST

START_TEST(a_probe_never_comes_later_than_the_time_out_would)
{
    open_active(&D, 100);
    write_n(&D, 1000);
    expect(&D, 100, "PA", 1, 1, 1000);
    expect(&D, 400, "PA", 1, 1, 1000);
    ck_assert_uint_eq(info().tail_probes, 1);
    ck_assert_uint_eq(info().timeouts, 0);
}
END_TEST

START_TEST(new_data_is_the_probe_whatever_the_window_says)
{
    open_active(&D, 100);
    write_n(&D, 12000);
    burst(100, 1, 10, false);
    expect(&D, 302, "A", 10001, 1, 1000);
    ck_assert_uint_eq(info().retransmits, 0);
}
END_TEST

START_TEST(a_loss_that_the_probe_mended_brings_the_window_down)
{
    open_active(&D, 100);
    write_n(&D, 2000);
    burst(100, 1, 2, true);
    to(&D, 200);
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "PA", 1001, 1, 1000);
    to(&D, 600);
    put(&D, "A", 1, 2001, 0);
    write_n(&D, 1000);
    expect(&D, 600, "PA", 2001, 1, 1000);
    to(&D, 700);
    put(&D, "A", 1, 3001, 0); /* section 7.4.2: more than the probe, and no D-SACK */
    ck_assert_uint_eq(info().ssthresh, 7000);
    ck_assert_uint_eq(info().cwnd, 7000);
}
END_TEST

START_TEST(a_probe_that_came_twice_does_not)
{
    open_active(&D, 100);
    write_n(&D, 2000);
    burst(100, 1, 2, true);
    to(&D, 200);
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "PA", 1001, 1, 1000);
    to(&D, 510);
    put(&D, "A", 1, 2001, 0);
    to(&D, 600);
    SACK(&D, 1001, 2001);
    put(&D, "A", 1, 2001, 0);
    write_n(&D, 1000);
    expect(&D, 600, "PA", 2001, 1, 1000);
    to(&D, 700);
    put(&D, "A", 1, 3001, 0);
    ck_assert_uint_eq(info().cwnd, 10000);
}
END_TEST

START_TEST(without_probes_the_tail_waits_for_the_time_out)
{
    D.o.tlp = false;
    open_active(&D, 100);
    write_n(&D, 3000);
    burst(100, 1, 3, true);
    quiet(&D, 399);
    expect(&D, 400, "A", 1, 1, 1000);
    ck_assert_uint_eq(info().timeouts, 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp tail loss probes");
    TCase *t = tcase_create("RFC 8985 section 7: TLP");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_lost_tail_is_probed_after_two_round_trips_and_mended_before_a_time_out);
    tcase_add_test(t, a_single_segment_waits_for_a_delayed_acknowledgment_too);
    tcase_add_test(t, a_probe_never_comes_later_than_the_time_out_would);
    tcase_add_test(t, new_data_is_the_probe_whatever_the_window_says);
    tcase_add_test(t, a_loss_that_the_probe_mended_brings_the_window_down);
    tcase_add_test(t, a_probe_that_came_twice_does_not);
    tcase_add_test(t, without_probes_the_tail_waits_for_the_time_out);
    suite_add_tcase(s, t);
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
