/* The sender: when a segment leaves, leaves again, or does not leave. */
#include "tests/netsim/drill.h"

#include <stdlib.h>

static drill D;

static void setup(void)
{
    drill_setup(&D, false);
    plain(&D); /* segments of 1000 bytes, no options; tests switch on what they need */
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

/* --- RFC 6298 --- */

START_TEST(a_retransmission_time_out_doubles_up_to_two_minutes_and_ends_after_924_600_ms)
{
    double at = 100, rto = 300; /* SRTT 100, RTTVAR 50: 100 + max(200, 4 * 50) */
    open_active(&D, 100);
    write_n(&D, 100);
    expect(&D, 100, "PA", 1, 1, 100);
    for (int i = 0; i < 15; i++) {
        at += rto;
        expect(&D, at, "PA", 1, 1, 100);
        rto = rto * 2 < 120000 ? rto * 2 : 120000;
    }
    quiet(&D, 924699);
    no_event(&D);
    to(&D, 924700);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_TIMEOUT);
    quiet(&D, 2000000);
}
END_TEST

START_TEST(the_least_and_the_first_time_out_are_the_sockets)
{
    D.o.rto_min = 1000 * IT_MS;
    D.o.rto_init = 2000 * IT_MS;
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    D.local.port = info().local.port;
    expect(&D, 0, "S", 0, 0, 0);
    to(&D, 40);
    with_syn_options(&D);
    put(&D, "SA", 0, 1, 0);
    expect(&D, 40, "A", 1, 1, 0);
    write_n(&D, 1);
    expect(&D, 40, "PA", 1, 1, 1);
    expect(&D, 40 + 40 + 1000, "PA", 1, 1, 1);
}
END_TEST

START_TEST(a_retransmitted_segment_gives_no_sample_without_timestamps)
{
    open_active(&D, 100);
    write_n(&D, 100);
    expect(&D, 100, "PA", 1, 1, 100);
    expect(&D, 400, "PA", 1, 1, 100);
    to(&D, 450);
    put(&D, "A", 1, 101, 0);
    ck_assert_int_eq(info().srtt, 100 * IT_MS);
    write_n(&D, 100);
    expect(&D, 450, "PA", 101, 1, 100);
    expect(&D, 450 + 600, "PA", 101, 1, 100); /* still backed off */
    to(&D, 1100);
    put(&D, "A", 1, 201, 0);
    write_n(&D, 100);
    expect(&D, 1100, "PA", 201, 1, 100);
    to(&D, 1200);
    put(&D, "A", 1, 301, 0); /* a clean sample of 100 ms: RTTVAR 37.5, the back-off is over */
    ck_assert_int_eq(info().rttvar, 37500 * IT_US);
    ck_assert_int_eq(info().rto, 300 * IT_MS);
}
END_TEST

START_TEST(a_timestamp_tells_which_one_was_acknowledged)
{
    D.o.timestamps = true;
    open_active(&D, 100);
    write_n(&D, 100);
    expect(&D, 100, "PA", 1, 1, 100);
    uint32_t again = expect(&D, 400, "PA", 1, 1, 100)->tsval;
    to(&D, 450);
    D.tsecr = again;
    put(&D, "A", 1, 101, 0);
    ck_assert_int_eq(info().srtt, 93750 * IT_US); /* (7 * 100 + 50) / 8 */
    ck_assert_int_eq(info().rto, 293750 * IT_US);
}
END_TEST

START_TEST(the_timer_starts_anew_with_every_acknowledgment_of_new_data)
{
    open_active(&D, 100);
    write_n(&D, 2000);
    burst(100, 1, 2, true);
    to(&D, 250);
    put(&D, "A", 1, 1001, 0); /* 150 ms: SRTT 106.25, RTTVAR 50 */
    expect(&D, 250 + 306.25, "PA", 1001, 1, 1000);
    to(&D, 600);
    put(&D, "A", 1, 2001, 0);
    quiet(&D, 100000); /* all is acknowledged: no timer */
}
END_TEST

START_TEST(after_a_lost_syn_data_begins_with_three_seconds_and_one_segment)
{
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    D.local.port = info().local.port;
    expect(&D, 0, "S", 0, 0, 0);
    expect(&D, 1000, "S", 0, 0, 0);
    to(&D, 1100);
    with_syn_options(&D);
    put(&D, "SA", 0, 1, 0);
    expect(&D, 1100, "A", 1, 1, 0);
    write_n(&D, 5000);
    expect(&D, 1100, "A", 1, 1, 1000);
    expect(&D, 4100, "A", 1, 1, 1000);
}
END_TEST

/* --- RFC 5681, 6928 --- */

START_TEST(slow_start_begins_with_ten_segments_and_adds_one_an_acknowledgment)
{
    open_active(&D, 100);
    write_n(&D, 60000);
    burst(100, 1, 10, false);
    quiet(&D, 199);
    to(&D, 200);
    for (uint32_t i = 0; i < 5; i++) {
        put(&D, "A", 1, 2001 + i * 2000, 0);
        burst(200, 10001 + i * 3000, 3, false);
    }
    ck_assert_uint_eq(info().cwnd, 15000);
    quiet(&D, 201);
}
END_TEST

START_TEST(a_window_that_is_not_used_does_not_grow)
{
    open_active(&D, 100);
    for (uint32_t i = 0; i < 50; i++) {
        double at = now_ms(&D);
        write_n(&D, 1000);
        expect(&D, at, "PA", 1 + i * 1000, 1, 1000);
        to(&D, at + 100);
        put(&D, "A", 1, 1001 + i * 1000, 0);
    }
    ck_assert_uint_eq(info().cwnd, 10000);
}
END_TEST

START_TEST(a_long_pause_takes_a_large_window_back)
{
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200);
    for (uint32_t i = 0; i < 10; i++)
        put(&D, "A", 1, 1001 + i * 1000, 0);
    burst(200, 10001, 20, true);
    to(&D, 300);
    put(&D, "A", 1, 30001, 0);
    ck_assert_uint_gt(info().cwnd, 20000);
    to(&D, 10000);
    write_n(&D, 40000);
    burst(10000, 30001, 10, false); /* RFC 5681 section 4.1 */
    quiet(&D, 10001);
}
END_TEST

/* --- RFC 3042, 6582 --- */

START_TEST(new_reno_mends_two_holes_without_sack)
{
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200); /* the first and the third are lost */
    put(&D, "A", 1, 1, 0);
    burst(200, 10001, 1, false); /* limited transmit */
    put(&D, "A", 1, 1, 0);
    burst(200, 11001, 1, false);
    put(&D, "A", 1, 1, 0);
    burst(200, 1, 1, false);                  /* fast retransmit */
    ck_assert_uint_eq(info().ssthresh, 5000); /* what limited transmit sent does not count */
    ck_assert_uint_eq(info().cwnd, 5000); /* what RFC 6582 adds for each duplicate is taken from what is under way */
    for (int i = 0; i < 4; i++)
        put(&D, "A", 1, 1, 0);
    quiet(&D, 200);
    put(&D, "A", 1, 1, 0);
    burst(200, 12001, 1, false); /* the window is inflated enough */
    to(&D, 300);
    put(&D, "A", 1, 2001, 0);                   /* partial */
    ck_assert_int_eq(info().srtt, 100 * IT_MS); /* Karn: the segment that was timed was sent again */
    burst(300, 2001, 1, false);
    burst(300, 13001, 1, false);
    to(&D, 400);
    put(&D, "A", 1, 12001, 0);            /* full */
    ck_assert_uint_eq(info().cwnd, 3000); /* min(ssthresh, FlightSize + SMSS) */
    burst(400, 14001, 1, false);
    ck_assert_uint_eq(info().recoveries, 1);
    ck_assert_uint_eq(info().timeouts, 0);
    quiet(&D, 401);
}
END_TEST

START_TEST(what_is_no_duplicate_does_not_count)
{
    open_active(&D, 100);
    write_n(&D, 5000);
    burst(100, 1, 5, true);
    to(&D, 150);
    put(&D, "A", 1, 1, 0);
    put(&D, "A", 1, 1, 0);
    D.wnd = 60000;
    put(&D, "A", 1, 1, 0);   /* a window update */
    put(&D, "PA", 1, 1, 10); /* data */
    expect(&D, 190, "A", 5001, 11, 0);
    quiet(&D, 190);
    ck_assert_uint_eq(info().recoveries, 0);
    put(&D, "A", 11, 1, 0);
    expect(&D, 190, "A", 1, 11, 1000);
    ck_assert_uint_eq(info().recoveries, 1);
}
END_TEST

START_TEST(duplicates_after_a_time_out_begin_no_recovery)
{
    open_active(&D, 100);
    write_n(&D, 5000);
    burst(100, 1, 5, true);
    expect(&D, 400, "A", 1, 1, 1000);
    for (int i = 0; i < 5; i++)
        put(&D, "A", 1, 1, 0);
    quiet(&D, 401);
    put(&D, "A", 1, 5001, 0);
    write_n(&D, 5000); /* RFC 6582 section 3.2 step 2: acknowledgments that cover no more than "recover" */
    burst(401, 5001, 2, false);
    for (int i = 0; i < 5; i++)
        put(&D, "A", 1, 5001, 0);
    ck_assert_uint_eq(info().recoveries, 0);
}
END_TEST

START_TEST(a_time_out_goes_back_with_one_segment)
{
    open_active(&D, 100);
    write_n(&D, 20000);
    burst(100, 1, 10, false);
    expect(&D, 400, "A", 1, 1, 1000);
    ck_assert_uint_eq(info().cwnd, 1000);
    ck_assert_uint_eq(info().ssthresh, 5000);
    to(&D, 500);
    put(&D, "A", 1, 1001, 0);
    burst(500, 1001, 2, false); /* slow start: what was sent before counts as lost */
    put(&D, "A", 1, 8001, 0);   /* it was not */
    burst(500, 8001, 3, false);
    ck_assert_uint_eq(info().ssthresh, 5000);
}
END_TEST

START_TEST(a_second_time_out_halves_again_only_for_another_segment)
{
    open_active(&D, 100);
    write_n(&D, 20000);
    burst(100, 1, 10, false);
    expect(&D, 400, "A", 1, 1, 1000);
    expect(&D, 1000, "A", 1, 1, 1000); /* the same */
    ck_assert_uint_eq(info().ssthresh, 5000);
    put(&D, "A", 1, 5001, 0);
    D.head = D.n;
    to(&D, 10000); /* another: 5000 of those before are still out, and what was sent since */
    ck_assert_uint_lt(info().ssthresh, 5000);
}
END_TEST

/* --- RFC 6675 --- */

START_TEST(sack_mends_three_holes_in_one_round_trip)
{
    D.o.sack = true;
    open_active(&D, 100);
    write_n(&D, 30000);
    burst(100, 1, 10, false);
    to(&D, 200); /* lost: 1, 2001, 4001 */
    SACK(&D, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    burst(200, 10001, 1, false);
    SACK(&D, 3001, 4001, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    burst(200, 11001, 1, false);
    SACK(&D, 5001, 6001, 3001, 4001, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    burst(200, 1, 1, false);
    ck_assert_uint_eq(info().cwnd, 5000);
    SACK(&D, 5001, 7001, 3001, 4001, 1001, 2001); /* pipe 7000 */
    put(&D, "A", 1, 1, 0);
    SACK(&D, 5001, 8001, 3001, 4001, 1001, 2001); /* pipe 5000 */
    put(&D, "A", 1, 1, 0);
    quiet(&D, 200);
    SACK(&D, 5001, 9001, 3001, 4001, 1001, 2001); /* pipe 4000 */
    put(&D, "A", 1, 1, 0);
    burst(200, 2001, 1, false);
    SACK(&D, 5001, 10001, 3001, 4001, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    burst(200, 4001, 1, false);
    SACK(&D, 5001, 11001, 3001, 4001, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    burst(200, 12001, 1, false); /* no hole is left: new data, NextSeg rule 2 */
    to(&D, 300);
    SACK(&D, 3001, 4001, 5001, 12001);
    put(&D, "A", 1, 2001, 0);
    burst(300, 13001, 2, false);
    put(&D, "A", 1, 12001, 0);
    ck_assert_uint_eq(info().cwnd, 5000);
    burst(300, 15001, 2, false);
    ck_assert_uint_eq(info().recoveries, 1);
    ck_assert_uint_eq(info().retransmits, 3);
    ck_assert_uint_eq(info().timeouts, 0);
}
END_TEST

START_TEST(enough_sacked_bytes_are_as_good_as_three_duplicates)
{
    D.o.sack = true;
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 150);
    SACK(&D, 1001, 3001);
    put(&D, "A", 1, 1, 0); /* 2000 bytes: not yet */
    quiet(&D, 150);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 150, "A", 1, 1, 1000);
}
END_TEST

START_TEST(with_sack_a_bare_duplicate_is_nothing)
{
    D.o.sack = true;
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 150);
    for (int i = 0; i < 9; i++) /* RFC 6675 section 8: forged acknowledgments */
        put(&D, "A", 1, 1, 0);
    SACK(&D, 5000, 4000); /* nonsense */
    put(&D, "A", 1, 1, 0);
    SACK(&D, 1001, 20001); /* never sent */
    put(&D, "A", 1, 1, 0);
    quiet(&D, 399);
    ck_assert_uint_eq(info().recoveries, 0);
}
END_TEST

START_TEST(the_last_segment_lost_again_is_rescued_once)
{
    D.o.sack = true;
    open_active(&D, 100);
    write_n(&D, 10000);
    burst(100, 1, 10, true);
    to(&D, 150); /* lost: the first and the last */
    SACK(&D, 1001, 2001);
    put(&D, "A", 1, 1, 0);
    SACK(&D, 1001, 3001);
    put(&D, "A", 1, 1, 0);
    SACK(&D, 1001, 4001);
    put(&D, "A", 1, 1, 0);
    burst(150, 1, 1, false);
    for (uint32_t i = 5; i <= 9; i++) {
        SACK(&D, 1001, i * 1000 + 1);
        put(&D, "A", 1, 1, 0);
    }
    quiet(&D, 150);
    to(&D, 250);
    put(&D, "A", 1, 9001, 0);
    expect(&D, 250, "PA", 9001, 1, 1000); /* NextSeg rule 4 */
    quiet(&D, 300);
    to(&D, 350);
    put(&D, "A", 1, 10001, 0);
    ck_assert_uint_eq(info().timeouts, 0);
}
END_TEST

START_TEST(a_time_out_forgets_the_scoreboard_but_learns_it_again)
{
    D.o.sack = true;
    open_active(&D, 100);
    write_n(&D, 5000);
    burst(100, 1, 5, true);
    SACK(&D, 2001, 3001);
    put(&D, "A", 1, 1, 0);
    expect(&D, 400, "A", 1, 1, 1000);
    to(&D, 500);
    SACK(&D, 2001, 3001);
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "A", 1001, 1, 1000);
    expect(&D, 500, "A", 3001, 1, 1000); /* 2001 is there */
    put(&D, "A", 1, 4001, 0);
    expect(&D, 500, "PA", 4001, 1, 1000);
}
END_TEST

/* --- RFC 9293 section 3.8.6 --- */

START_TEST(a_closed_window_is_probed_for_as_long_as_probes_are_answered)
{
    double at = 200, wait = 300;
    D.wnd = 2000;
    open_active(&D, 100);
    write_n(&D, 3000);
    burst(100, 1, 2, false);
    to(&D, 200);
    D.wnd = 0;
    put(&D, "A", 1, 2001, 0);
    for (int i = 0; i < 40; i++) {
        at += wait;
        expect(&D, at, "A", 2001, 1, 1);
        put(&D, "A", 1, 2001, 0);
        wait = wait * 2 < 120000 ? wait * 2 : 120000;
    }
    ck_assert(at > 3 * 924600); /* long after the user time-out */
    no_event(&D);
    to(&D, at + 5);
    D.wnd = 4000;
    put(&D, "A", 1, 2001, 0);
    expect(&D, at + 5, "PA", 2001, 1, 1000);
    ck_assert_uint_eq(info().cwnd, 10000); /* nothing was lost */
}
END_TEST

START_TEST(a_probe_that_is_taken_counts)
{
    D.wnd = 1000;
    open_active(&D, 100);
    write_n(&D, 2000);
    burst(100, 1, 1, false);
    to(&D, 200);
    D.wnd = 0;
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "A", 1001, 1, 1);
    D.wnd = 5000;
    put(&D, "A", 1, 1002, 0);
    expect(&D, 500, "PA", 1002, 1, 999);
}
END_TEST

START_TEST(probes_nobody_answers_end_in_the_user_time_out)
{
    D.wnd = 1000;
    D.o.user_timeout = 10 * IT_SEC;
    open_active(&D, 100);
    write_n(&D, 2000);
    burst(100, 1, 1, false);
    to(&D, 200);
    D.wnd = 0;
    put(&D, "A", 1, 1001, 0);
    to(&D, 10199);
    no_event(&D);
    to(&D, 10200);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_TIMEOUT);
}
END_TEST

START_TEST(a_window_that_shrinks_under_data_is_probed_without_loss_of_cwnd)
{
    open_active(&D, 100);
    write_n(&D, 3000);
    burst(100, 1, 3, true);
    to(&D, 200);
    D.wnd = 0;
    put(&D, "A", 1, 1001, 0); /* MUST-34, MUST-35 */
    expect(&D, 500, "A", 1001, 1, 1);
    put(&D, "A", 1, 1001, 0);
    D.wnd = 5000;
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "A", 1001, 1, 1000);
    expect(&D, 500, "PA", 2001, 1, 1000);
    ck_assert_uint_eq(info().cwnd, 10000);
}
END_TEST

START_TEST(a_fin_waits_for_the_window_too)
{
    D.wnd = 1000;
    open_active(&D, 100);
    write_n(&D, 1000);
    it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s);
    expect(&D, 100, "PA", 1, 1, 1000);
    to(&D, 200);
    D.wnd = 0;
    put(&D, "A", 1, 1001, 0);
    expect(&D, 500, "FA", 1001, 1, 0);
    put(&D, "A", 1, 1002, 0);
    ck_assert_int_eq(state(&D), IT_TCP_FIN_WAIT_2);
}
END_TEST

START_TEST(silly_windows_are_not_filled_before_a_time_out)
{
    D.wnd = 10000;
    open_active(&D, 100);
    D.wnd = 500;
    put(&D, "A", 1, 1, 0);
    write_n(&D, 3000);
    quiet(&D, 399);
    expect(&D, 400, "A", 1, 1, 500); /* override, section 3.8.6.2.1 (4) */
    D.wnd = 5000;
    put(&D, "A", 1, 501, 0);
    expect(&D, 400, "A", 501, 1, 1000);
    expect(&D, 400, "A", 1501, 1, 1000);
    expect(&D, 400, "PA", 2501, 1, 500); /* no small segment is unacknowledged */
}
END_TEST

START_TEST(half_the_largest_window_is_worth_sending)
{
    D.wnd = 800;
    open_active(&D, 100);
    D.wnd = 400;
    put(&D, "A", 1, 1, 0);
    write_n(&D, 3000);
    expect(&D, 100, "A", 1, 1, 400);
}
END_TEST

/* --- RFC 9293 section 3.7.4 --- */

START_TEST(a_small_segment_waits_while_another_small_one_is_under_way)
{
    open_active(&D, 100);
    write_n(&D, 10);
    expect(&D, 100, "PA", 1, 1, 10);
    write_n(&D, 10);
    write_n(&D, 10);
    quiet(&D, 150);
    write_n(&D, 990); /* a whole segment is there */
    expect(&D, 150, "A", 11, 1, 1000);
    quiet(&D, 200);
    put(&D, "A", 1, 11, 0); /* the small one has arrived, the full one has not: Minshall's rule lets the next go */
    expect(&D, 200, "PA", 1011, 1, 10);
    write_n(&D, 5);
    quiet(&D, 250);
    put(&D, "A", 1, 1011, 0); /* the full one: the small one behind it still counts */
    quiet(&D, 250);
    it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s); /* nothing to wait for any more */
    expect(&D, 250, "FPA", 1021, 1, 5);
}
END_TEST

START_TEST(the_tail_of_a_burst_leaves_with_it)
{
    open_active(&D, 100);
    write_n(&D,
            3400); /* a reply of several segments: pure Nagle would keep its end for a round trip and a delayed ACK */
    burst(100, 1, 3, false);
    expect(&D, 100, "PA", 3001, 1, 400);
    write_n(&D, 1200); /* a full segment goes on, its tail waits for the tail before */
    expect(&D, 100, "A", 3401, 1, 1000);
    quiet(&D, 180);
    put(&D, "A", 1, 3001, 0); /* not the small one yet */
    quiet(&D, 190);
    put(&D, "A", 1, 3401, 0);
    expect(&D, 190, "PA", 4401, 1, 200);
}
END_TEST

START_TEST(a_small_segment_that_is_lost_keeps_the_next_until_it_is_repeated)
{
    open_active(&D, 100);
    write_n(&D, 10);
    expect(&D, 100, "PA", 1, 1, 10);
    write_n(&D, 20);
    quiet(&D, 399);
    expect(&D, 400, "A", 1, 1, 10);
    to(&D, 450);
    put(&D, "A", 1, 11, 0);
    expect(&D, 450, "PA", 11, 1, 20);
    put(&D, "A", 1, 31, 0);
    write_n(&D, 5);
    expect(&D, 450, "PA", 31, 1, 5);
}
END_TEST

START_TEST(appended_pieces_leave_as_one_write)
{
    static const uint8_t data[1472];
    open_active(&D, 100);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(it_host_tcp_append(D.h, D.s, it_bytes_of(data, sizeof data)), sizeof data);
    quiet(&D, 150);
    it_host_tcp_push(D.h, it_world_now(D.w), D.s);
    burst(150, 1, 4, false);
    expect(&D, 150, "PA", 4001, 1, 416);
}
END_TEST

START_TEST(without_nagle_small_segments_leave_at_once)
{
    D.o.nagle = false;
    open_active(&D, 100);
    for (uint32_t i = 0; i < 5; i++) {
        write_n(&D, 10);
        expect(&D, 100, "PA", 1 + i * 10, 1, 10);
    }
}
END_TEST

/* --- RFC 9293 section 3.8.4, RFC 5482 --- */

START_TEST(keepalive_probes_come_after_idling_and_end_the_connection)
{
    D.o.keep_idle = 10 * IT_SEC;
    D.o.keep_interval = 2 * IT_SEC;
    D.o.keep_count = 3;
    open_active(&D, 100);
    expect(&D, 10100, "A", 0, 1, 0);
    to(&D, 10150);
    put(&D, "A", 1, 1, 0); /* alive */
    expect(&D, 20150, "A", 0, 1, 0);
    expect(&D, 22150, "A", 0, 1, 0);
    expect(&D, 24150, "A", 0, 1, 0);
    quiet(&D, 26149);
    no_event(&D);
    expect(&D, 26150, "RA", 1, 1, 0);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_KEEPALIVE);
}
END_TEST

START_TEST(a_keepalive_probe_is_answered)
{
    open_active(&D, 100);
    put(&D, "A", 0, 1, 0);
    expect(&D, 100, "A", 1, 1, 0);
    put(&D, "A", 0, 1, 1); /* the old kind, with a byte */
    expect(&D, 100, "A", 1, 1, 0);
}
END_TEST

START_TEST(the_user_time_out_counts_from_the_last_progress)
{
    D.o.user_timeout = 5 * IT_SEC;
    open_active(&D, 100);
    write_n(&D, 2000);
    to(&D, 3000);
    put(&D, "A", 1, 1001, 0);
    to(&D, 7999);
    no_event(&D);
    to(&D, 8000);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_TIMEOUT);
}
END_TEST

/* --- RFC 1191, 8201, 5927 --- */

START_TEST(too_big_makes_segments_smaller_and_sends_them_again)
{
    bool v6 = _i;
    drill_done(&D);
    drill_setup(&D, v6);
    plain(&D);
    D.mss = 1400;
    open_active(&D, 100);
    write_n(&D, 2800);
    expect(&D, 100, "A", 1, 1, 1400);
    expect(&D, 100, "PA", 1401, 1, 1400);
    uint8_t type = v6 ? 2 : 3, code = v6 ? 0 : 4;
    uint32_t mtu = v6 ? 1300 : 1000;
    complain(&D, type, code, 2801, mtu); /* RFC 5927 section 4.1: about nothing that is under way */
    complain(&D, type, code, 0, mtu);
    quiet(&D, 150);
    complain(&D, type, code, 1, mtu);
    uint32_t mss = v6 ? 1240 : 960;
    ck_assert_uint_eq(info().mss, mss);
    expect(&D, 150, "A", 1, 1, mss);
    expect(&D, 150, "A", 1 + mss, 1, mss);
    expect(&D, 150, "PA", 1 + 2 * mss, 1, 2800 - 2 * mss);
    ck_assert_uint_eq(info().timeouts, 0);
    complain(&D, type, code, 1401, mtu);  /* about the second: known */
    complain(&D, type, code, 1401, 1400); /* larger: never believed */
    quiet(&D, 200);
    put(&D, "A", 1, 2801, 0);
    to(&D, 601000); /* RFC 1191 section 6.3: after ten minutes the old size is tried */
    write_n(&D, 1400);
    expect(&D, 601000, "PA", 2801, 1, 1400);
}
END_TEST

START_TEST(a_router_that_names_no_mtu_means_the_next_plateau)
{
    D.mss = 1400;
    open_active(&D, 100);
    write_n(&D, 1400);
    expect(&D, 100, "PA", 1, 1, 1400);
    complain(&D, 3, 4, 1, 0); /* the complaint quotes a segment of 40 bytes: nothing smaller exists */
    ck_assert_uint_eq(info().mss, 48);
}
END_TEST

START_TEST(absurd_mtus_are_not_believed)
{
    drill_done(&D);
    drill_setup(&D, true);
    plain(&D);
    D.mss = 1400;
    open_active(&D, 100);
    write_n(&D, 1400);
    complain(&D, 2, 0, 1, 100);
    ck_assert_uint_eq(info().mss, 1220);
}
END_TEST

START_TEST(without_path_mtu_discovery_too_big_is_ignored)
{
    D.o.pmtu = false;
    open_active(&D, 100);
    write_n(&D, 1000);
    expect(&D, 100, "PA", 1, 1, 1000);
    complain(&D, 3, 4, 1, 600);
    quiet(&D, 399);
}
END_TEST

START_TEST(segments_shrink_when_large_ones_vanish)
{
    D.mss = 1400;
    D.o.blackhole = true;
    open_active(&D, 100);
    write_n(&D, 1400);
    expect(&D, 100, "PA", 1, 1, 1400);
    expect(&D, 400, "PA", 1, 1, 1400);
    expect(&D, 1000, "PA", 1, 1, 1400);
    expect(&D, 2200, "PA", 1, 1, 1400);
    expect(&D, 4600, "A", 1, 1, 1024); /* 3 s after the first repetition */
    put(&D, "A", 1, 1025, 0);
    expect(&D, 4600, "PA", 1025, 1, 376);
}
END_TEST

START_TEST(the_links_own_mtu_counts)
{
    it_link_dir_cfg small = {.mtu = 500};
    open_active(&D, 100);
    ck_assert_int_eq(it_link_set(D.w, it_world_now(D.w), D.link, 0, &small), 0);
    write_n(&D, 920);
    expect(&D, 100, "A", 1, 1, 460);
    expect(&D, 100, "PA", 461, 1, 460);
}
END_TEST

START_TEST(without_an_mss_option_segments_are_small)
{
    drill_done(&D);
    drill_setup(&D, _i);
    plain(&D);
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    D.local.port = info().local.port;
    expect(&D, 0, "S", 0, 0, 0);
    put(&D, "SA", 0, 1, 0);
    expect(&D, 0, "A", 1, 1, 0);
    write_n(&D, 3000);
    expect(&D, 0, "A", 1, 1, _i ? 1220 : 536); /* RFC 9293 section 3.7.1, MUST-15 */
}
END_TEST

/* --- RFC 9293 section 3.9.2.2 --- */

START_TEST(hard_errors_end_an_opening_and_soft_ones_do_not)
{
    static const struct {
        uint8_t v6, type, code;
        bool hard;
    } cases[] = {{0, 3, 0, false}, {0, 3, 1, false}, {0, 3, 5, false}, {0, 11, 0, false}, {0, 12, 0, false},
                 {0, 3, 2, true},  {0, 3, 3, true},  {0, 3, 13, true}, {1, 1, 0, false},  {1, 1, 3, false},
                 {1, 3, 0, false}, {1, 4, 0, false}, {1, 1, 1, true},  {1, 1, 4, true}};
    drill_done(&D);
    drill_setup(&D, cases[_i].v6);
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    D.local.port = info().local.port;
    expect(&D, 0, "S", 0, 0, 0);
    complain(&D, cases[_i].type, cases[_i].code, 5, 0); /* not ours */
    no_event(&D);
    complain(&D, cases[_i].type, cases[_i].code, 0, 0);
    it_host_event *ev = event(&D, cases[_i].hard ? IT_HOST_TCP_RST : IT_HOST_ICMP);
    ck_assert_int_eq(ev->icmp_type, cases[_i].type);
    ck_assert_int_eq(ev->icmp_code, cases[_i].code);
    ck_assert_int_eq(ev->socket, D.s);
    if (cases[_i].hard) {
        ck_assert_int_eq(ev->reason, IT_TCP_UNREACHABLE);
        quiet(&D, 10000);
    } else {
        expect(&D, 1000, "S", 0, 0, 0);
        to(&D, 127000);
        ev = event(&D, IT_HOST_TCP_RST); /* what is known is told in the end, SHLD-25 */
        ck_assert_int_eq(ev->reason, IT_TCP_TIMEOUT);
        ck_assert_int_eq(ev->icmp_type, cases[_i].type);
    }
}
END_TEST

START_TEST(a_connection_survives_hard_errors)
{
    open_active(&D, 100);
    write_n(&D, 10);
    expect(&D, 100, "PA", 1, 1, 10);
    complain(&D, 3, 3, 1, 0); /* RFC 5927 section 5.2 */
    ck_assert_int_eq(event(&D, IT_HOST_ICMP)->icmp_code, 3);
    complain(&D, 4, 0, 1, 0); /* source quench: MUST-55 */
    no_event(&D);
    put(&D, "A", 1, 11, 0);
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
}
END_TEST

/* --- the send buffer --- */

START_TEST(whoever_writes_what_it_was_granted_is_told_of_more)
{
    /* 16384 bytes of buffer. The holder never writes more than it was told it may, and everything is acknowledged in
     * between, so the buffer is never short: it must still be told, or it would stop for ever after 16384 bytes. */
    D.o.snd_buf = 16384;
    open_active(&D, 100);
    uint32_t granted = it_host_tcp_room(D.h, D.s), seq = 1;
    ck_assert_uint_eq(granted, 16384);
    no_event(&D);
    for (int i = 0; i < 40; i++) {
        write_n(&D, 1000);
        granted -= 1000;
        expect(&D, 100 + 10 * i, "PA", seq, 1, 1000);
        seq += 1000;
        to(&D, 105 + 10 * i);
        put(&D, "A", 1, seq, 0);
        if (granted < 16384 / 3) {
            event(&D, IT_HOST_TCP_WRITABLE);
            granted = it_host_tcp_room(D.h, D.s);
            ck_assert_uint_eq(granted, 16384);
        }
        no_event(&D);
        to(&D, 110 + 10 * i);
    }
    ck_assert_int_eq(info().still, 0);
}
END_TEST

START_TEST(a_stream_stands_still_when_its_holder_is_not_told)
{
    D.o.snd_buf = 16384;
    open_active(&D, 100);
    ck_assert_uint_eq(it_host_tcp_room(D.h, D.s), 16384);
    for (uint32_t i = 0; i < 16; i++)
        write_n(&D, 1024);
    put(&D, "A", 1, 9001, 0);
    event(&D, IT_HOST_TCP_WRITABLE); /* heard, but the holder does not ask how much */
    to(&D, 300);
    put(&D, "A", 1, 16385, 0);
    ck_assert_int_eq(info().still, 0);
    to(&D, 5300);
    ck_assert_int_eq(info().still, 5000 * IT_MS);
    (void)it_host_tcp_room(D.h, D.s);
    to(&D, 9000);
    ck_assert_int_eq(info().still, 5000 * IT_MS);
}
END_TEST

START_TEST(a_closed_window_or_a_silent_path_is_no_standing_still)
{
    open_active(&D, 100);
    D.wnd = _i == 0 ? 0 : 60000;
    put(&D, "A", 1, 1, 0);
    write_n(&D, 3000);
    to(&D, 20000);
    ck_assert_int_eq(info().still, 0);
}
END_TEST

START_TEST(a_full_buffer_takes_no_more_and_says_when_to_go_on)
{
    static uint8_t data[20000];
    D.o.snd_buf = 16384;
    open_active(&D, 100);
    ck_assert_int_eq(it_host_tcp_write(D.h, it_world_now(D.w), D.s, it_bytes_of(data, sizeof data)), 16384);
    ck_assert_int_eq(it_host_tcp_write(D.h, it_world_now(D.w), D.s, it_bytes_of(data, 1)), 0);
    put(&D, "A", 1, 5001, 0);
    no_event(&D);
    put(&D, "A", 1, 6001, 0); /* a third is free */
    event(&D, IT_HOST_TCP_WRITABLE);
    put(&D, "A", 1, 8001, 0);
    no_event(&D); /* told once */
}
END_TEST

static void add_recovery(Suite *s)
{
    TCase *t = tcase_create("RFC 6298: retransmission timer");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_retransmission_time_out_doubles_up_to_two_minutes_and_ends_after_924_600_ms);
    tcase_add_test(t, the_least_and_the_first_time_out_are_the_sockets);
    tcase_add_test(t, a_retransmitted_segment_gives_no_sample_without_timestamps);
    tcase_add_test(t, a_timestamp_tells_which_one_was_acknowledged);
    tcase_add_test(t, the_timer_starts_anew_with_every_acknowledgment_of_new_data);
    tcase_add_test(t, after_a_lost_syn_data_begins_with_three_seconds_and_one_segment);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5681, 6928: congestion window");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, slow_start_begins_with_ten_segments_and_adds_one_an_acknowledgment);
    tcase_add_test(t, a_window_that_is_not_used_does_not_grow);
    tcase_add_test(t, a_long_pause_takes_a_large_window_back);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 3042, 6582: NewReno");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, new_reno_mends_two_holes_without_sack);
    tcase_add_test(t, what_is_no_duplicate_does_not_count);
    tcase_add_test(t, duplicates_after_a_time_out_begin_no_recovery);
    tcase_add_test(t, a_time_out_goes_back_with_one_segment);
    tcase_add_test(t, a_second_time_out_halves_again_only_for_another_segment);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6675: SACK recovery");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, sack_mends_three_holes_in_one_round_trip);
    tcase_add_test(t, enough_sacked_bytes_are_as_good_as_three_duplicates);
    tcase_add_test(t, with_sack_a_bare_duplicate_is_nothing);
    tcase_add_test(t, the_last_segment_lost_again_is_rescued_once);
    tcase_add_test(t, a_time_out_forgets_the_scoreboard_but_learns_it_again);
    suite_add_tcase(s, t);
}

static void add_windows_and_paths(Suite *s)
{
    TCase *t = tcase_create("RFC 9293 section 3.8.6: the window");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_closed_window_is_probed_for_as_long_as_probes_are_answered);
    tcase_add_test(t, a_probe_that_is_taken_counts);
    tcase_add_test(t, probes_nobody_answers_end_in_the_user_time_out);
    tcase_add_test(t, a_window_that_shrinks_under_data_is_probed_without_loss_of_cwnd);
    tcase_add_test(t, a_fin_waits_for_the_window_too);
    tcase_add_test(t, silly_windows_are_not_filled_before_a_time_out);
    tcase_add_test(t, half_the_largest_window_is_worth_sending);
    tcase_add_test(t, a_full_buffer_takes_no_more_and_says_when_to_go_on);
    tcase_add_test(t, whoever_writes_what_it_was_granted_is_told_of_more);
    tcase_add_test(t, a_stream_stands_still_when_its_holder_is_not_told);
    tcase_add_loop_test(t, a_closed_window_or_a_silent_path_is_no_standing_still, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 9293 section 3.7.4, 3.8.4, RFC 5482");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_small_segment_waits_while_another_small_one_is_under_way);
    tcase_add_test(t, the_tail_of_a_burst_leaves_with_it);
    tcase_add_test(t, a_small_segment_that_is_lost_keeps_the_next_until_it_is_repeated);
    tcase_add_test(t, appended_pieces_leave_as_one_write);
    tcase_add_test(t, without_nagle_small_segments_leave_at_once);
    tcase_add_test(t, keepalive_probes_come_after_idling_and_end_the_connection);
    tcase_add_test(t, a_keepalive_probe_is_answered);
    tcase_add_test(t, the_user_time_out_counts_from_the_last_progress);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 1191, 8201, 5927: path MTU and ICMP");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, too_big_makes_segments_smaller_and_sends_them_again, 0, 2);
    tcase_add_test(t, a_router_that_names_no_mtu_means_the_next_plateau);
    tcase_add_test(t, absurd_mtus_are_not_believed);
    tcase_add_test(t, without_path_mtu_discovery_too_big_is_ignored);
    tcase_add_test(t, segments_shrink_when_large_ones_vanish);
    tcase_add_test(t, the_links_own_mtu_counts);
    tcase_add_loop_test(t, without_an_mss_option_segments_are_small, 0, 2);
    tcase_add_loop_test(t, hard_errors_end_an_opening_and_soft_ones_do_not, 0, 14);
    tcase_add_test(t, a_connection_survives_hard_errors);
    suite_add_tcase(s, t);
}

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp sender");
    add_recovery(s);
    add_windows_and_paths(s);
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
