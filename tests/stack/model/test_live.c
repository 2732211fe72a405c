/* stack/model/live.c: when silence is a stall, what freezes go unannounced, when the rate has changed. */
#include "stack/model/live.h"

#include <check.h>
#include <stdlib.h>

#define STALL (2 * IT_SEC)

static it_live l;
static int asked; /* questions of until() so far */

static void setup(void)
{
    asked = 0;
    it_live_init(&l, STALL);
    it_live_open(&l, 0);
    ck_assert(it_live_ask(&l, 0)); /* no round trip is known: it is measured */
    it_live_rtt(&l, 60 * IT_MS);
}

/* The far side streams, or one check, sent at |unanswered|, waits. */
static void due(it_time now, bool streaming, it_time unanswered)
{
    it_live_due(
        &l, now,
        &(it_live_want){
            .streaming = streaming, .begun = true, .unanswered = unanswered, .asked = unanswered, .no_path = IT_NEVER});
}

/* Lets the clock run to |t| as it asks to; the events in between, one digit each, oldest first: 1 stalled, 2 up, 3
 * down. */
static int until(it_time t)
{
    int seen = 0;
    for (it_time now = it_live_next(&l); now <= t; now = it_live_next(&l)) {
        int ev;
        asked += it_live_ask(&l, now);
        while ((ev = it_live_tick(&l, now)) >= 0)
            seen = seen * 10 + (ev == IT_EV_STALLED ? 1 : ev == IT_EV_RATE_UP ? 2 : 3);
        ck_assert_int_gt(it_live_next(&l), now);
    }
    return seen;
}

/* --- stalls --- */

START_TEST(silence_is_a_stall_after_exactly_t_stall_while_the_far_side_streams)
{
    ck_assert_int_eq(it_live_rx(&l, IT_SEC / 2, 100), 0);
    due(IT_SEC / 2, true, IT_NEVER);
    ck_assert_int_eq(until(IT_SEC / 2 + STALL - 1), 0);
    ck_assert_int_eq(until(IT_SEC / 2 + STALL), 1);
    ck_assert(l.stalled);
    ck_assert_int_eq(until(100 * IT_SEC), 0); /* once */
}
END_TEST

START_TEST(silence_that_is_not_due_is_none)
{
    due(0, false, IT_NEVER);
    ck_assert_int_eq(until(100 * IT_SEC), 0);
    ck_assert_int_eq(l.freeze, 0);
}
END_TEST

START_TEST(every_receipt_puts_the_stall_off)
{
    due(0, true, IT_NEVER);
    for (it_time t = IT_SEC; t <= 20 * IT_SEC; t += IT_SEC) {
        ck_assert_int_eq(until(t), 0);
        ck_assert_int_eq(it_live_rx(&l, t, 0), 0);
    }
    ck_assert_int_eq(until(22 * IT_SEC - 1), 0);
    ck_assert_int_eq(until(22 * IT_SEC), 1);
}
END_TEST

START_TEST(an_unanswered_check_makes_silence_due_from_its_sending)
{
    due(5 * IT_SEC, false, 5 * IT_SEC);
    ck_assert_int_eq(until(7 * IT_SEC - 1), 0);
    ck_assert_int_eq(until(7 * IT_SEC), 1);
}
END_TEST

START_TEST(a_receipt_later_than_the_check_is_as_good_as_its_answer)
{
    ck_assert_int_eq(it_live_rx(&l, 6 * IT_SEC, 10), 0);
    due(6 * IT_SEC, false, 5 * IT_SEC);
    ck_assert_int_eq(until(100 * IT_SEC), 0);
    ck_assert_int_eq(asked, 0);
}
END_TEST

START_TEST(a_check_later_than_the_receipt_counts_though_an_earlier_one_was_lost)
{
    ck_assert_int_eq(it_live_rx(&l, 6 * IT_SEC, 10), 0);
    it_live_want w = {.begun = true, .unanswered = 5 * IT_SEC, .asked = 10 * IT_SEC, .no_path = IT_NEVER};
    it_live_due(&l, 10 * IT_SEC, &w);
    w.asked = 11 * IT_SEC; /* a later one does not put it off */
    it_live_due(&l, 11 * IT_SEC, &w);
    ck_assert_int_eq(until(12 * IT_SEC - 1), 0);
    ck_assert_int_eq(until(12 * IT_SEC), 1);
}
END_TEST

/* 60 ms and the least allowance of 100 ms are the time of an answer: questions leave at 160, 360, ..., 1760 ms, the
 * last that can be answered before 2 s. */
START_TEST(nine_more_questions_stand_between_a_lost_check_and_the_alarm)
{
    ck_assert_int_eq(it_live_answer(&l), 160 * IT_MS);
    due(5 * IT_SEC, false, 5 * IT_SEC);
    ck_assert_int_eq(until(5 * IT_SEC + 160 * IT_MS - 1), 0);
    ck_assert_int_eq(asked, 0);
    ck_assert_int_eq(until(5 * IT_SEC + 160 * IT_MS), 0);
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(until(7 * IT_SEC - 1), 0);
    ck_assert_int_eq(asked, 9);
    ck_assert_int_eq(until(7 * IT_SEC), 1);
    ck_assert_int_eq(until(100 * IT_SEC), 0);
    ck_assert_int_eq(asked, 9); /* the alarm is given: no more */
}
END_TEST

START_TEST(one_answer_to_any_question_is_enough)
{
    due(5 * IT_SEC, false, 5 * IT_SEC);
    ck_assert_int_eq(until(6900 * IT_MS), 0);
    ck_assert_int_eq(it_live_rx(&l, 6900 * IT_MS, 0), 0);
    due(6900 * IT_MS, false, 5 * IT_SEC);
    ck_assert_int_eq(until(100 * IT_SEC), 0);
    ck_assert_int_eq(l.freeze, 1900 * IT_MS);
}
END_TEST

/* An answer takes 2.1 s and an eighth: 2362.5 ms. Four more questions at 2362.5, 2562.5, 2762.5 and 2962.5 ms have had
 * their time at 5325 ms. */
START_TEST(where_an_answer_takes_longer_than_t_stall_five_questions_have_their_time)
{
    it_live_rtt_forget(&l);
    it_live_rtt(&l, 2100 * IT_MS);
    ck_assert_int_eq(it_live_answer(&l), 2362500 * IT_US);
    due(5 * IT_SEC, false, 5 * IT_SEC);
    ck_assert_int_eq(until(5 * IT_SEC + 5325 * IT_MS - 1), 0);
    ck_assert_int_eq(asked, 4);
    ck_assert_int_eq(until(5 * IT_SEC + 5325 * IT_MS), 1);
    ck_assert_int_eq(l.patience, 5325 * IT_MS);
}
END_TEST

START_TEST(round_trips_are_smoothed_as_rfc_6298_says)
{
    it_live_rtt(&l, 460 * IT_MS); /* SRTT 7/8 of 60 and 1/8 of 460 = 110, RTTVAR 1/4 of 400 = 100 */
    ck_assert_int_eq(it_live_answer(&l), (110 + 400) * IT_MS);
    it_live_rtt(&l, 110 * IT_MS); /* 110; 75 */
    ck_assert_int_eq(it_live_answer(&l), (110 + 300) * IT_MS);
    it_live_rtt(&l, 0); /* no sample */
    ck_assert_int_eq(it_live_answer(&l), (110 + 300) * IT_MS);
    it_live_rtt(&l, 3600 * IT_SEC);
    ck_assert_int_eq(it_live_answer(&l), IT_LIVE_ANSWER_MAX);
    it_live_rtt_forget(&l);
    ck_assert_int_eq(it_live_answer(&l), IT_LIVE_ANSWER_NEW);
}
END_TEST

START_TEST(without_a_path_silence_counts_from_its_loss)
{
    it_live_want w = {
        .streaming = true, .begun = true, .unanswered = IT_NEVER, .asked = IT_NEVER, .no_path = 3 * IT_SEC};
    it_live_due(&l, 3 * IT_SEC, &w);
    ck_assert_int_eq(until(5 * IT_SEC - 1), 0);
    ck_assert_int_eq(until(5 * IT_SEC), 1);
    ck_assert_int_eq(asked, 0);
}
END_TEST

START_TEST(a_stream_that_has_not_begun_has_the_time_of_an_answer_more)
{
    it_live_want w = {.streaming = true, .unanswered = IT_NEVER, .asked = IT_NEVER, .no_path = IT_NEVER};
    it_live_due(&l, 0, &w);
    ck_assert_int_eq(until(STALL + 160 * IT_MS - 1), 0);
    ck_assert_int_eq(until(STALL + 160 * IT_MS), 1);
}
END_TEST

START_TEST(what_is_no_longer_due_does_not_stall)
{
    due(0, true, IT_NEVER);
    ck_assert_int_eq(until(STALL - 1), 0);
    due(STALL - 1, false, IT_NEVER);
    ck_assert_int_eq(until(100 * IT_SEC), 0);
}
END_TEST

START_TEST(the_first_receipt_ends_a_stall_and_the_next_may_begin)
{
    due(0, true, IT_NEVER);
    ck_assert_int_eq(until(STALL), 1);
    ck_assert_int_eq(it_live_rx(&l, 9 * IT_SEC, 5), 1);
    ck_assert(!l.stalled);
    ck_assert_int_eq(it_live_rx(&l, 9 * IT_SEC, 5), 0);
    due(9 * IT_SEC, true, IT_NEVER);
    ck_assert_int_eq(until(11 * IT_SEC - 1), 0);
    ck_assert_int_eq(until(11 * IT_SEC), 1);
}
END_TEST

/* --- no silent freeze --- */

START_TEST(the_longest_silence_that_was_due_is_kept)
{
    due(0, true, IT_NEVER);
    it_live_rx(&l, 300 * IT_MS, 1);
    ck_assert_int_eq(l.freeze, 300 * IT_MS);
    it_live_rx(&l, 1500 * IT_MS, 1);
    ck_assert_int_eq(l.freeze, 1200 * IT_MS);
    it_live_rx(&l, 1600 * IT_MS, 1);
    ck_assert_int_eq(l.freeze, 1200 * IT_MS);
    due(3 * IT_SEC, false, IT_NEVER); /* the stream ends: up to here it was due */
    ck_assert_int_eq(l.freeze, 1400 * IT_MS);
    it_live_rx(&l, 50 * IT_SEC, 1);
    ck_assert_int_eq(l.freeze, 1400 * IT_MS);
}
END_TEST

START_TEST(an_announced_silence_counts_up_to_its_announcement_only)
{
    due(0, true, IT_NEVER);
    ck_assert_int_eq(until(30 * IT_SEC), 1);
    ck_assert_int_eq(it_live_rx(&l, 30 * IT_SEC, 1), 1);
    ck_assert_int_eq(l.freeze, STALL);
}
END_TEST

START_TEST(a_tick_that_comes_late_shows_in_the_freeze)
{
    due(0, true, IT_NEVER);
    ck_assert_int_eq(it_live_tick(&l, 7 * IT_SEC), IT_EV_STALLED);
    ck_assert_int_eq(l.freeze, 7 * IT_SEC);
}
END_TEST

/* --- rates: one digit a window of a second, in units of 100 bytes --- */

static const struct {
    const char *windows; /* from the opening on */
    int events;          /* as until() tells them */
    int at;              /* the window after which the last one came; 0: none */
} RATES[] = {
    {"5555555555", 0, 0},  {"1555555555", 0, 0}, /* the ramp at the start is no change, nor is a first window that the
                                                    stream filled in part only */
    {"1599999999", 0, 0},  {"9555555555", 0, 0}, {"2224444444", 2, 4}, /* twice the reference */
    {"2223333333", 0, 0},                                              /* less than twice */
    {"4442222222", 3, 6},                                              /* half for three windows */
    {"4442224444", 3, 6},  {"4442244444", 0, 0},                       /* two are too few */
    {"4442242244", 0, 0},                                              /* and do not add up */
    {"4443333333", 0, 0},                                              /* more than half */
    {"2224444888", 22, 8},                                             /* and again, after the refractory time */
    {"2224488888", 2, 4}, /* what comes in it is the new reference's ramp */
    {"4440000044", 0, 0}, /* silence is no rate */
    {"4442020244", 3, 8}, /* nor does it end a row of low ones */
};

START_TEST(a_rate_changes_when_it_is_twice_or_for_three_windows_half_of_the_reference)
{
    int seen = 0, last = 0;
    for (int i = 0; RATES[_i].windows[i]; i++) {
        int n = RATES[_i].windows[i] - '0';
        for (int k = 0; k < n; k++)
            ck_assert_int_eq(it_live_rx(&l, i * IT_SEC + (k + 1) * 50 * IT_MS, 100), 0);
        int ev = until((i + 1) * IT_SEC);
        if (ev) {
            seen = seen * 10 + ev;
            last = i + 1;
        }
    }
    ck_assert_msg(seen == RATES[_i].events && last == RATES[_i].at, "%s: %d at %d", RATES[_i].windows, seen, last);
}
END_TEST

START_TEST(the_first_rate_after_a_stall_is_of_a_whole_window)
{
    for (int i = 0; i < 5; i++) {
        it_live_rx(&l, i * IT_SEC + 10 * IT_MS, 1000);
        ck_assert_int_eq(until((i + 1) * IT_SEC), 0);
    }
    due(5 * IT_SEC, true, IT_NEVER);
    ck_assert_int_eq(until(20 * IT_SEC), 1);
    ck_assert_int_eq(it_live_rx(&l, 20 * IT_SEC + 900 * IT_MS, 1000), 1);
    due(20 * IT_SEC + 900 * IT_MS, false, IT_NEVER);
    ck_assert_int_eq(it_live_next(&l), 21 * IT_SEC + 900 * IT_MS);
}
END_TEST

START_TEST(before_the_opening_no_clock_runs)
{
    it_live x;
    it_live_init(&x, STALL);
    ck_assert_int_eq(it_live_next(&x), IT_NEVER);
    ck_assert_int_eq(it_live_tick(&x, 100 * IT_SEC), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/live");
    TCase *t = tcase_create("stalls");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, silence_is_a_stall_after_exactly_t_stall_while_the_far_side_streams);
    tcase_add_test(t, silence_that_is_not_due_is_none);
    tcase_add_test(t, every_receipt_puts_the_stall_off);
    tcase_add_test(t, an_unanswered_check_makes_silence_due_from_its_sending);
    tcase_add_test(t, a_receipt_later_than_the_check_is_as_good_as_its_answer);
    tcase_add_test(t, a_check_later_than_the_receipt_counts_though_an_earlier_one_was_lost);
    tcase_add_test(t, nine_more_questions_stand_between_a_lost_check_and_the_alarm);
    tcase_add_test(t, one_answer_to_any_question_is_enough);
    tcase_add_test(t, where_an_answer_takes_longer_than_t_stall_five_questions_have_their_time);
    tcase_add_test(t, round_trips_are_smoothed_as_rfc_6298_says);
    tcase_add_test(t, without_a_path_silence_counts_from_its_loss);
    tcase_add_test(t, a_stream_that_has_not_begun_has_the_time_of_an_answer_more);
    tcase_add_test(t, what_is_no_longer_due_does_not_stall);
    tcase_add_test(t, the_first_receipt_ends_a_stall_and_the_next_may_begin);
    tcase_add_test(t, before_the_opening_no_clock_runs);
    suite_add_tcase(s, t);
    t = tcase_create("freezes");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, the_longest_silence_that_was_due_is_kept);
    tcase_add_test(t, an_announced_silence_counts_up_to_its_announcement_only);
    tcase_add_test(t, a_tick_that_comes_late_shows_in_the_freeze);
    suite_add_tcase(s, t);
    t = tcase_create("rates");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_loop_test(t, a_rate_changes_when_it_is_twice_or_for_three_windows_half_of_the_reference, 0,
                        (int)(sizeof RATES / sizeof RATES[0]));
    tcase_add_test(t, the_first_rate_after_a_stall_is_of_a_whole_window);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
