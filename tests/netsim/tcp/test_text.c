/* When data is acknowledged, what is reported, and how buffers grow. */
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

/* The peer sends |n| segments of |len| bytes, |gap| ms apart, from |seq| on. */
static void stream_in(uint32_t seq, int n, uint32_t len, double gap)
{
    for (int i = 0; i < n; i++) {
        put(&D, "PA", seq + (uint32_t)i * len, 1, len);
        to(&D, now_ms(&D) + gap);
    }
}

/* --- delayed acknowledgments --- */

START_TEST(the_first_segments_are_acknowledged_one_by_one)
{
    open_active(&D, 100);
    for (uint32_t i = 0; i < 16; i++) {
        put(&D, "A", 1 + i * 1000, 1, 1000);
        expect(&D, 100, "A", 1, 1 + (i + 1) * 1000, 0);
    }
    put(&D, "A", 16001, 1, 1000);
    quiet(&D, 139);
    expect(&D, 140, "A", 1, 17001, 0); /* then after 40 ms */
}
END_TEST

START_TEST(two_full_segments_are_acknowledged_at_once)
{
    open_active(&D, 100);
    stream_in(1, 16, 1000, 0);
    D.head = D.n;
    put(&D, "A", 16001, 1, 1000);
    quiet(&D, 100);
    put(&D, "A", 17001, 1, 1000);
    expect(&D, 100, "A", 1, 18001, 0);
}
END_TEST

START_TEST(an_answer_takes_the_acknowledgment_along)
{
    D.read = true;
    open_active(&D, 100);
    put(&D, "PA", 1, 1, 100);
    expect(&D, 100, "A", 1, 101, 0);
    write_n(&D, 10); /* the holder answers: from now on acknowledgments wait for that */
    expect(&D, 100, "PA", 1, 101, 10);
    to(&D, 120);
    put(&D, "PA", 101, 11, 100);
    quiet(&D, 130);
    write_n(&D, 10);
    expect(&D, 130, "PA", 11, 201, 10);
    to(&D, 150);
    put(&D, "PA", 201, 21, 100);
    expect(&D, 200, "A", 21, 301, 0); /* no answer came; segments 20 and 30 ms apart have made it 50 ms */
    put(&D, "PA", 301, 21, 100);
    expect(&D, 200, "A", 21, 401, 0);
}
END_TEST

START_TEST(small_segments_that_were_read_are_acknowledged_then)
{
    open_active(&D, 100);
    stream_in(1, 20, 1000, 0);
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 20000);
    to(&D, 300);
    D.head = D.n;
    put(&D, "PA", 20001, 1, 200);
    quiet(&D, 310);
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 200);
    expect(&D, 310, "A", 1, 20201, 0);
}
END_TEST

START_TEST(duplicates_bring_immediate_acknowledgments_back)
{
    open_active(&D, 100);
    stream_in(1, 20, 1000, 0);
    to(&D, 300);
    D.head = D.n;
    put(&D, "A", 19001, 1, 1000);
    expect(&D, 300, "A", 1, 20001, 0);
    put(&D, "A", 20001, 1, 1000);
    expect(&D, 300, "A", 1, 21001, 0);
}
END_TEST

START_TEST(by_the_simple_rule_the_first_waits_too)
{
    D.o.quickack = false;
    open_active(&D, 100);
    put(&D, "A", 1, 1, 1000);
    expect(&D, 140, "A", 1, 1001, 0);
}
END_TEST

/* --- RFC 2883 --- */

static void reported(const drill_seg *g, int k, uint32_t lo, uint32_t hi)
{
    ck_assert_int_gt(g->n_sack, k);
    ck_assert_uint_eq(g->sack[2 * k], lo);
    ck_assert_uint_eq(g->sack[2 * k + 1], hi);
}

START_TEST(a_duplicate_is_reported_once)
{
    open_active(&D, 100);
    put(&D, "A", 1, 1, 1000);
    expect(&D, 100, "A", 1, 1001, 0);
    put(&D, "A", 1, 1, 1000);
    reported(expect(&D, 100, "A", 1, 1001, 0), 0, 1, 1001);
    put(&D, "A", 1001, 1, 1000);
    ck_assert_int_eq(expect(&D, 100, "A", 1, 2001, 0)->n_sack, 0);
}
END_TEST

START_TEST(a_duplicate_above_a_gap_comes_before_the_block_it_lies_in)
{
    open_active(&D, 100);
    put(&D, "A", 2001, 1, 1000);
    reported(expect(&D, 100, "A", 1, 1, 0), 0, 2001, 3001);
    put(&D, "A", 3001, 1, 1000);
    reported(expect(&D, 100, "A", 1, 1, 0), 0, 2001, 4001);
    put(&D, "A", 2001, 1, 1000);
    drill_seg *g = expect(&D, 100, "A", 1, 1, 0);
    reported(g, 0, 2001, 3001);
    reported(g, 1, 2001, 4001);
}
END_TEST

START_TEST(without_d_sack_nothing_is_reported)
{
    D.o.dsack = false;
    open_active(&D, 100);
    put(&D, "A", 1, 1, 1000);
    expect(&D, 100, "A", 1, 1001, 0);
    put(&D, "A", 1, 1, 1000);
    ck_assert_int_eq(expect(&D, 100, "A", 1, 1001, 0)->n_sack, 0);
}
END_TEST

/* --- buffers --- */

START_TEST(the_receive_window_grows_with_what_is_read_in_a_round_trip)
{
    D.read = true;
    open_active(&D, 100);
    ck_assert_uint_eq(info().rcv_room, 64 << 10);
    uint32_t seq = 1;
    for (uint32_t round = 0; round < 4; round++) {
        int n = 20 << round;
        stream_in(seq, n, 1000, 0);
        seq += (uint32_t)n * 1000;
        to(&D, now_ms(&D) + 100);
    }
    ck_assert_uint_ge(info().rcv_room, 2 * (20 << 2) * 1000);
    ck_assert_uint_ge(info().rcv_wnd, 2 * (20 << 2) * 1000);
}
END_TEST

START_TEST(a_reader_that_is_slow_gets_no_larger_window)
{
    open_active(&D, 100);
    for (uint32_t i = 0; i < 30; i++) {
        put(&D, "A", 1 + i * 1000, 1, 1000);
        it_host_tcp_take(D.h, it_world_now(D.w), D.s, 500);
        to(&D, now_ms(&D) + 100);
    }
    ck_assert_uint_eq(info().rcv_room, 64 << 10);
}
END_TEST

START_TEST(a_size_that_was_asked_for_stays)
{
    D.read = true;
    D.o.rcv_buf = D.o.snd_buf = 32 << 10;
    open_active(&D, 100);
    for (uint32_t i = 0; i < 5; i++) {
        stream_in(1 + i * 30000, 30, 1000, 0);
        to(&D, now_ms(&D) + 100);
    }
    ck_assert_uint_eq(info().rcv_room, 32 << 10);
    ck_assert_uint_eq(info().snd_room, 32 << 10);
}
END_TEST

START_TEST(the_send_buffer_holds_twice_the_window)
{
    D.o.cwnd = 200;
    open_active(&D, 100);
    ck_assert_uint_eq(info().snd_room, 256 << 10);
    write_n(&D, 200000);
    to(&D, 200);
    D.head = D.n;
    put(&D, "A", 1, 60001, 0);
    ck_assert_uint_ge(info().snd_room, 2 * info().cwnd);
    ck_assert_uint_gt(info().snd_room, 256 << 10);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp acknowledgments and buffers");
    TCase *t = tcase_create("RFC 9293 section 3.8.6.3: delayed acknowledgments");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_first_segments_are_acknowledged_one_by_one);
    tcase_add_test(t, two_full_segments_are_acknowledged_at_once);
    tcase_add_test(t, an_answer_takes_the_acknowledgment_along);
    tcase_add_test(t, small_segments_that_were_read_are_acknowledged_then);
    tcase_add_test(t, duplicates_bring_immediate_acknowledgments_back);
    tcase_add_test(t, by_the_simple_rule_the_first_waits_too);
    suite_add_tcase(s, t);
    TCase *t1 = tcase_create("RFC 2883: D-SACK");
    tcase_add_checked_fixture(t1, setup, teardown);
    tcase_add_test(t1, a_duplicate_is_reported_once);
    tcase_add_test(t1, a_duplicate_above_a_gap_comes_before_the_block_it_lies_in);
    tcase_add_test(t1, without_d_sack_nothing_is_reported);
    suite_add_tcase(s, t1);
    TCase *t2 = tcase_create("buffers that grow");
    tcase_add_checked_fixture(t2, setup, teardown);
    tcase_add_test(t2, the_receive_window_grows_with_what_is_read_in_a_round_trip);
    tcase_add_test(t2, a_reader_that_is_slow_gets_no_larger_window);
    tcase_add_test(t2, a_size_that_was_asked_for_stays);
    tcase_add_test(t2, the_send_buffer_holds_twice_the_window);
    suite_add_tcase(s, t2);
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
