/* stack/rtmfp/flow/congestion.c: RFC 7016 appendix A, and what section 3.5.2.1 demands. */
#include "stack/rtmfp/flow/congestion.h"

#include "tests/stack/rtmfp/kit.h"

static it_rtmfp_congestion c;
static const it_rtmfp_urgency FAST = {.fast = true}, SLOW = {.fast = false}, URGENT = {.fast = false, .tc_sent = true};

static void setup(void)
{
    it_rtmfp_congestion_init(&c);
}

static void acked(uint64_t outstanding, uint64_t bytes, it_rtmfp_urgency u)
{
    it_rtmfp_congestion_begin(&c, outstanding);
    it_rtmfp_congestion_acked(&c, bytes);
    it_rtmfp_congestion_end(&c, u);
}

static void lost(uint64_t outstanding, it_rtmfp_urgency u)
{
    it_rtmfp_congestion_begin(&c, outstanding);
    it_rtmfp_congestion_loss(&c);
    it_rtmfp_congestion_end(&c, u);
}

START_TEST(slow_start_adds_what_was_acknowledged_up_to_a_segment)
{
    ck_assert_uint_eq(c.cwnd, 4380);
    acked(4380, 1000, FAST);
    ck_assert_uint_eq(c.cwnd, 5380);
    acked(5380, 3000, FAST);
    ck_assert_uint_eq(c.cwnd, 6840);
}
END_TEST

START_TEST(a_window_that_is_not_used_does_not_grow_nor_one_with_a_nak)
{
    acked(4379, 1000, FAST);
    ck_assert_uint_eq(c.cwnd, 4380);
    it_rtmfp_congestion_begin(&c, 4380);
    it_rtmfp_congestion_acked(&c, 1000);
    it_rtmfp_congestion_nak(&c);
    it_rtmfp_congestion_end(&c, FAST);
    ck_assert_uint_eq(c.cwnd, 4380);
    it_rtmfp_congestion_begin(&c, 4380);
    it_rtmfp_congestion_end(&c, FAST); /* no acknowledgment in it */
    ck_assert_uint_eq(c.cwnd, 4380);
}
END_TEST

/* About 768 bytes a round trip: 48 for each sixteenth. */
START_TEST(beyond_slow_start_it_grows_by_768_bytes_a_round_trip)
{
    c.cwnd = c.ssthresh = 32000;
    for (int i = 0; i < 16; i++)
        acked(32000 + (uint64_t)i * 48, 2000, FAST);
    ck_assert(c.cwnd >= 32000 + 15 * 48 && c.cwnd <= 32000 + 16 * 48);
}
END_TEST

START_TEST(a_loss_halves_and_an_eighth_goes_of_a_large_or_an_urgent_one)
{
    lost(40000, FAST);
    ck_assert(c.cwnd == 20000 && c.ssthresh == 20000);
    lost(80000, FAST);
    ck_assert_uint_eq(c.cwnd, 70000);
    lost(80000, SLOW);
    ck_assert_uint_eq(c.cwnd, 40000);
    lost(40000, URGENT);
    ck_assert_uint_eq(c.cwnd, 35000);
    lost(100, FAST);
    ck_assert_uint_eq(c.cwnd, 4380);
}
END_TEST

START_TEST(a_timeout_with_loss_leaves_one_segment_and_one_without_the_first_window)
{
    c.cwnd = 40000;
    c.ssthresh = 10000;
    it_rtmfp_congestion_timeout(&c, true);
    ck_assert(c.cwnd == 1460 && c.ssthresh == 30000);
    acked(1460, 100, FAST);
    ck_assert_uint_eq(c.cwnd, 4380);
    it_rtmfp_congestion_timeout(&c, false);
    ck_assert(c.cwnd == 4380 && c.ssthresh == 30000);
    /* what had been counted towards the next step begins anew: this is one byte short of a step */
    it_rtmfp_congestion_init(&c);
    c.ssthresh = 0;
    c.accumulated = 50;
    it_rtmfp_congestion_timeout(&c, false);
    c.ssthresh = 0;
    acked(c.cwnd, c.cwnd / 16 - 1, FAST);
    ck_assert_uint_eq(c.cwnd, IT_RTMFP_CWND_INIT);
}
END_TEST

/* Section 3.5.2.1: MUST act as if SSTHRESH were 0, SHOULD NOT grow by more than 0.5 % or 384 bytes a round trip. */
START_TEST(who_is_told_of_urgent_data_elsewhere_has_no_slow_start)
{
    c.cwnd = 10000;
    for (int i = 0; i < 16; i++)
        acked(c.cwnd, 10000 / 16, SLOW);
    ck_assert(c.cwnd > 10000 + 300 && c.cwnd <= 10000 + 384);
}
END_TEST

START_TEST(who_sends_urgent_data_itself_doubles_in_three_round_trips)
{
    c.cwnd = 10000;
    acked(10000, 1000, URGENT);
    ck_assert_uint_eq(c.cwnd, 10250);
    acked(10250, 1001, URGENT);
    ck_assert_uint_eq(c.cwnd, 10501);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, slow_start_adds_what_was_acknowledged_up_to_a_segment);
    tcase_add_test(t, a_window_that_is_not_used_does_not_grow_nor_one_with_a_nak);
    tcase_add_test(t, beyond_slow_start_it_grows_by_768_bytes_a_round_trip);
    tcase_add_test(t, a_loss_halves_and_an_eighth_goes_of_a_large_or_an_urgent_one);
    tcase_add_test(t, a_timeout_with_loss_leaves_one_segment_and_one_without_the_first_window);
    tcase_add_test(t, who_is_told_of_urgent_data_elsewhere_has_no_slow_start);
    tcase_add_test(t, who_sends_urgent_data_itself_doubles_in_three_round_trips);
}

int main(void)
{
    return kit_main("rtmfp/flow/congestion", add);
}
