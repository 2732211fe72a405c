/* The congestion window outside of recovery. RFC 3465, 5681, 7661. */
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

/* --- RFC 3465 --- */

START_TEST(one_acknowledgment_of_many_segments_adds_two)
{
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 10, false);
    to(&D, 200);
    put(&D, "A", 1, 4001, 0);
    ck_assert_uint_eq(info().cwnd, 12000);
    put(&D, "A", 1, 5001, 0);
    ck_assert_uint_eq(info().cwnd, 13000);
}
END_TEST

START_TEST(acknowledgments_of_parts_of_a_segment_add_one_for_all)
{
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 10, false);
    to(&D, 200);
    for (uint32_t i = 100; i < 1000; i += 100) /* RFC 3465 section 3.1: divided acknowledgments */
        put(&D, "A", 1, 1 + i, 0);
    ck_assert_uint_eq(info().cwnd, 10000);
    put(&D, "A", 1, 1001, 0);
    ck_assert_uint_eq(info().cwnd, 11000);
}
END_TEST

START_TEST(after_a_time_out_one_acknowledgment_adds_one)
{
    D.o.tlp = D.o.frto = false;
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 10, false);
    expect(&D, 400, "A", 1, 1, 1000);
    to(&D, 500);
    put(&D, "A", 1, 3001, 0); /* RFC 3465 section 2.3 */
    ck_assert_uint_eq(info().cwnd, 2000);
}
END_TEST

/* --- RFC 5681 section 4.1, RFC 7661 --- */

/* Thirty segments under way in a window of thirty or more. */
static void large_window(void)
{
    D.o.hystart = false;
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200);
    for (uint32_t i = 0; i < 10; i++)
        put(&D, "A", 1, 1001 + i * 1000, 0);
    burst(200, 10001, 20, true);
    to(&D, 300);
    for (uint32_t i = 10; i < 30; i++)
        put(&D, "A", 1, 1001 + i * 1000, 0);
    ck_assert_uint_ge(info().cwnd, 20000);
}

START_TEST(a_pause_halves_the_window_for_each_time_out_that_passes)
{
    large_window();
    uint32_t before = info().cwnd;
    to(&D, 300 + 320); /* one of about 300 ms, counted from the last segment at 200 */
    write_n(&D, 1000);
    ck_assert_uint_eq(info().cwnd, before / 2 / 1000 * 1000);
}
END_TEST

START_TEST(a_window_hardly_used_comes_half_way_down)
{
    large_window();
    uint32_t before = info().cwnd;
    double at = 300;
    for (uint32_t i = 0; i < 10; i++) { /* a message of one segment every 100 ms */
        at += 100;
        to(&D, at);
        write_n(&D, 1000);
        to(&D, at + 99);
        put(&D, "A", 1, 31001 + i * 1000, 0);
    }
    ck_assert_uint_lt(info().cwnd, before);
    ck_assert_uint_ge(info().cwnd, 10000);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp congestion window");
    TCase *t = tcase_create("RFC 3465: byte counting, L = 2");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_acknowledgment_of_many_segments_adds_two);
    tcase_add_test(t, acknowledgments_of_parts_of_a_segment_add_one_for_all);
    tcase_add_test(t, after_a_time_out_one_acknowledgment_adds_one);
    suite_add_tcase(s, t);
    TCase *t1 = tcase_create("RFC 5681 section 4.1, RFC 7661");
    tcase_add_checked_fixture(t1, setup, teardown);
    tcase_add_test(t1, a_pause_halves_the_window_for_each_time_out_that_passes);
    tcase_add_test(t1, a_window_hardly_used_comes_half_way_down);
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
