/* Proportional rate reduction. RFC 6937. */
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

/* |n| segments left at |ms|, of whatever. */
static void left(double ms, size_t n)
{
    to(&D, ms);
    ck_assert_uint_eq(D.n - D.head, n);
    D.head = D.n;
}

START_TEST(what_leaves_in_recovery_is_a_share_of_what_was_delivered)
{
    static const size_t want[] = {3, 0, 1, 1, 0, 1}; /* the next integer of 0.7 (14 / 20) a segment delivered */
    D.o.cwnd = 20;
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 20, false);
    for (uint32_t i = 0; i < 6; i++) {
        to(&D, 200 + i);
        SACK(&D, 1001, (i + 4) * 1000 + 1);
        put(&D, "A", 1, 1, 0);
        left(200 + i, want[i]);
    }
    ck_assert_uint_eq(info().ssthresh, 14000);
}
END_TEST

START_TEST(below_ssthresh_it_grows_again_as_in_slow_start)
{
    D.o.cwnd = 20;
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 20, false);
    to(&D, 200);
    SACK(&D, 15001, 20001); /* fifteen lost: the pipe is far below ssthresh */
    put(&D, "A", 1, 1, 0);
    left(200, 5); /* PRR-CRB: as many as were delivered */
    to(&D, 300);
    SACK(&D, 15001, 20001);
    put(&D, "A", 1, 1001, 0);
    left(300, 2); /* PRR-SSRB: one more */
}
END_TEST

START_TEST(at_the_end_the_window_is_ssthresh)
{
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 10, false);
    to(&D, 200);
    SACK(&D, 1001, 10001);
    put(&D, "A", 1, 1, 0);
    D.head = D.n;
    to(&D, 300);
    put(&D, "A", 1, 10001 + 6000, 0);
    ck_assert_uint_eq(info().cwnd, 7000);
}
END_TEST

START_TEST(without_it_the_window_comes_down_at_once)
{
    D.o.prr = false;
    D.o.cwnd = 20;
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 20, false);
    to(&D, 200);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    left(200, 1);
    ck_assert_uint_eq(info().cwnd, 14000);
    SACK(&D, 1001, 5001);
    put(&D, "A", 1, 1, 0);
    left(200, 0); /* RFC 6675 section 5: silence until the pipe is below it */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp PRR");
    TCase *t = tcase_create("RFC 6937: PRR");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_leaves_in_recovery_is_a_share_of_what_was_delivered);
    tcase_add_test(t, below_ssthresh_it_grows_again_as_in_slow_start);
    tcase_add_test(t, at_the_end_the_window_is_ssthresh);
    tcase_add_test(t, without_it_the_window_comes_down_at_once);
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
