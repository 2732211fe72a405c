/* Recoveries in vain are taken back. RFC 5682, 3522, 4015, 2883, 3708. */
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

/* Ten segments, of which a delay and no loss has made the timer run out at 400 ms. */
static void late_acknowledgments(void)
{
    D.o.tlp = false;
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    expect(&D, 400, "A", 1, 1, 1000);
    ck_assert_uint_eq(info().cwnd, 1000);
    to(&D, 420);
}

START_TEST(a_spurious_time_out_is_found_by_new_data_and_undone)
{
    late_acknowledgments();
    put(&D, "A", 1, 1001, 0);
    burst(420, 10001, 2, false); /* RFC 5682 section 3.1 step 2.b: new data, nothing again */
    put(&D, "A", 1, 2001, 0);    /* step 3.b: something that was sent once */
    ck_assert_uint_eq(info().undone, 1);
    ck_assert_uint_ge(info().cwnd, 10000);
    ck_assert_uint_eq(info().ssthresh, UINT32_MAX);
    ck_assert_uint_eq(info().retransmits, 1);
    D.head = D.n;
    put(&D, "A", 1, 10001, 0);
    to(&D, 430);
    ck_assert_uint_eq(info().retransmits, 1);
}
END_TEST

START_TEST(a_time_out_after_a_loss_is_not)
{
    late_acknowledgments();
    put(&D, "A", 1, 1001, 0);
    burst(420, 10001, 2, false);
    to(&D, 520);
    SACK(&D, 10001, 11001);
    put(&D, "A", 1, 1001, 0); /* step 3.a: what was sent before has not come */
    expect(&D, 520, "A", 1001, 1, 1000);
    ck_assert_uint_eq(info().undone, 0);
    ck_assert_uint_eq(info().ssthresh, 7000);
}
END_TEST

START_TEST(with_nothing_new_to_send_what_is_lost_is_sent_again)
{
    D.o.tlp = false;
    open_active(&D, 100);
    write_n(&D, 3000);
    burst(100, 1, 3, true);
    expect(&D, 400, "A", 1, 1, 1000);
    to(&D, 500);
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "A", 1001, 1, 1000);
    expect(&D, 500, "PA", 2001, 1, 1000);
}
END_TEST

START_TEST(without_f_rto_slow_start_goes_back)
{
    D.o.frto = false;
    late_acknowledgments();
    put(&D, "A", 1, 1001, 0);
    burst(420, 1001, 2, false);
    ck_assert_uint_eq(info().undone, 0);
}
END_TEST

START_TEST(an_echo_from_before_the_retransmission_undoes_a_recovery)
{
    D.o.timestamps = true;
    D.mss = 1012;
    D.tsval = 1;
    open_active(&D, 100);
    write_n(&D, 10000);
    uint32_t first = 0;
    for (int i = 0; i < 10; i++)
        first = got(&D, 100)->tsval;
    to(&D, 200);
    D.tsecr = first;
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    ck_assert_uint_eq(got(&D, 200)->seq, 1);
    ck_assert_uint_eq(info().recoveries, 1);
    to(&D, 210);
    put(&D, "A", 1, 4001, 0); /* RFC 3522 section 3.2: it echoes the first transmission */
    ck_assert_uint_eq(info().undone, 1);
    ck_assert_uint_ge(info().cwnd, 10000);
}
END_TEST

START_TEST(a_report_that_the_retransmission_came_twice_undoes_it)
{
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 200, "A", 1, 1, 1000);
    to(&D, 210);
    put(&D, "A", 1, 4001, 0); /* partial */
    ck_assert_uint_eq(info().undone, 0);
    SACK(&D, 1, 1001);
    put(&D, "A", 1, 4001, 0);
    ck_assert_uint_eq(info().undone, 1); /* RFC 3708 section 3 */
    ck_assert_uint_ge(info().cwnd, 10000);
}
END_TEST

START_TEST(without_d_sack_it_stays)
{
    D.o.dsack = false;
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 200, "A", 1, 1, 1000);
    to(&D, 210);
    SACK(&D, 1, 1001, 5001, 6001);
    put(&D, "A", 1, 4001, 0);
    ck_assert_uint_eq(info().undone, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp undo");
    TCase *t = tcase_create("RFC 5682, 3522, 2883: undo");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_spurious_time_out_is_found_by_new_data_and_undone);
    tcase_add_test(t, a_time_out_after_a_loss_is_not);
    tcase_add_test(t, with_nothing_new_to_send_what_is_lost_is_sent_again);
    tcase_add_test(t, without_f_rto_slow_start_goes_back);
    tcase_add_test(t, an_echo_from_before_the_retransmission_undoes_a_recovery);
    tcase_add_test(t, a_report_that_the_retransmission_came_twice_undoes_it);
    tcase_add_test(t, without_d_sack_it_stays);
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
