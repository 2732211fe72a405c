/* RACK: which segments are lost, by time. RFC 8985 section 6. */
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

/* --- section 6.2 --- */

START_TEST(one_later_arrival_is_given_a_quarter_of_a_round_trip)
{
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 200);
    SACK(&D, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    quiet(&D, 225);
    expect(&D, 226, "A", 1, 1, 1000); /* 25 ms, and the timer's granularity */
    ck_assert_uint_eq(info().recoveries, 1);
    ck_assert_uint_eq(info().timeouts, 0);
}
END_TEST

START_TEST(three_later_arrivals_are_enough_while_nothing_was_reordered)
{
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 200);
    SACK(&D, 1001, 3001);
    put(&D, "A", 1, 1, 0);
    quiet(&D, 200);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 200, "A", 1, 1, 1000);
}
END_TEST

START_TEST(reordering_is_not_taken_for_loss)
{
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 200);
    SACK(&D, 1001, 3001);
    put(&D, "A", 1, 1, 0);
    to(&D, 220);
    put(&D, "A", 1, 3001, 0); /* the first came late, not never */
    quiet(&D, 290);
    put(&D, "A", 1, 10001, 0);
    write_n(&D, 10000);
    burst(290, 10001, 10, true);
    to(&D, 390);
    SACK(&D, 11001, 18001); /* seven later ones: section 6.2 step 4 waits now that reordering was seen */
    put(&D, "A", 1, 10001, 0);
    quiet(&D, 410);
    put(&D, "A", 1, 20001, 0);
    ck_assert_uint_eq(info().retransmits, 0);
    ck_assert_uint_eq(info().recoveries, 0);
    ck_assert_uint_ge(info().cwnd, 10000);
}
END_TEST

START_TEST(by_count_the_same_reordering_is_a_loss)
{
    D.o.rack = D.o.tlp = false;
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 200);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 200, "A", 1, 1, 1000); /* RFC 6675 section 4 */
}
END_TEST

START_TEST(a_lost_retransmission_is_sent_again_without_a_time_out)
{
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 200, "A", 1, 1, 1000);
    for (uint32_t i = 5; i <= 10; i++) {
        SACK(&D, 1001, i * 1000 + 1);
        put(&D, "A", 1, 1, 0);
    }
    to(&D, 250);
    ck_assert_uint_gt(D.n, D.head); /* new data behind the retransmission */
    ck_assert_uint_eq(D.log[D.head].seq, 10001);
    D.head = D.n;
    to(&D, 300);
    SACK(&D, 1001, 11001);
    put(&D, "A", 1, 1, 0); /* what left after the retransmission is there */
    expect(&D, 300, "A", 1, 1, 1000);
    ck_assert_uint_eq(info().timeouts, 0);
}
END_TEST

START_TEST(reports_of_duplicates_widen_the_window_for_reordering)
{
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 200);
    SACK(&D, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 226, "A", 1, 1, 1000);
    to(&D, 230);
    put(&D, "A", 1, 10001, 0);
    to(&D, 326);
    SACK(&D, 1, 1001); /* RFC 2883: it was not lost */
    put(&D, "A", 1, 10001, 0);
    write_n(&D, 10000);
    burst(326, 10001, 10, true);
    to(&D, 426);
    SACK(&D, 11001, 12001);
    put(&D, "A", 1, 10001, 0);
    quiet(&D, 475);
    expect(&D, 477, "A", 10001, 1, 1000); /* twice min_rtt / 4 */
}
END_TEST

/* --- RFC 2018 section 8 --- */

START_TEST(a_peer_that_drops_what_it_had_sacked_gets_it_again)
{
    D.o.tlp = false;
    open_active(&D, 100);
    write_n(&D, 3000);
    burst(100, 1, 3, true);
    to(&D, 150);
    SACK(&D, 1001, 3001);
    put(&D, "A", 1, 1, 0);
    to(&D, 160);
    put(&D, "A", 1, 1001, 0); /* up to what it said it had, and no further */
    quiet(&D, 200);
    expect(&D, 160 + 44.765625, "A", 1001, 1, 1000); /* half a round trip later */
    put(&D, "A", 1, 2001, 0);
    expect(&D, 160 + 44.765625, "PA", 2001, 1, 1000);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp RACK");
    TCase *t = tcase_create("RFC 8985 section 6: RACK");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_later_arrival_is_given_a_quarter_of_a_round_trip);
    tcase_add_test(t, three_later_arrivals_are_enough_while_nothing_was_reordered);
    tcase_add_test(t, reordering_is_not_taken_for_loss);
    tcase_add_test(t, by_count_the_same_reordering_is_a_loss);
    tcase_add_test(t, a_lost_retransmission_is_sent_again_without_a_time_out);
    tcase_add_test(t, reports_of_duplicates_widen_the_window_for_reordering);
    suite_add_tcase(s, t);
    TCase *t1 = tcase_create("RFC 2018 section 8: reneging");
    tcase_add_checked_fixture(t1, setup, teardown);
    tcase_add_test(t1, a_peer_that_drops_what_it_had_sacked_gets_it_again);
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
