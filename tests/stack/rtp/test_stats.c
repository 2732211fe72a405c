/* stack/rtp/stats.c: validity, loss, jitter, lateness, gaps, freezes. */
#include "stack/rtp/stats.h"

#include "base/rng.h"
#include "tests/stack/rtp/kit.h"

#define VOICE (20 * IT_MS)

static enum it_rtp_verdict take(it_rtp_stats *s, it_time now, uint16_t seq, uint32_t ts, bool marker)
{
    it_rtp p = {.seq = seq, .ts = ts, .marker = marker, .payload = {(const uint8_t *)"x", 1}};
    return it_rtp_stats_take(s, now, &p);
}

/* Packet |i| of voice, sent at 20 ms times |i|, that took |transit|. */
static enum it_rtp_verdict voice(it_rtp_stats *s, uint32_t i, it_time transit)
{
    return take(s, i * VOICE + transit, (uint16_t)(65000 + i), 0xfffff000u + i * 160, false);
}

static it_rtp_stats begun(uint8_t probation)
{
    it_rtp_stats s;
    it_rtp_stats_init(&s, 8000, false, 0, probation);
    return s;
}

START_TEST(a_source_is_valid_after_packets_in_sequence)
{
    it_rtp_stats s = begun(0);
    ck_assert_int_eq(take(&s, 0, 7, 0, false), IT_RTP_UNPROVEN);
    ck_assert_int_eq(take(&s, 0, 100, 0, false), IT_RTP_UNPROVEN);
    ck_assert(!it_rtp_stats_valid(&s) && it_rtp_stats_expected(&s) == 0);
    ck_assert_int_eq(take(&s, 0, 101, 0, false), IT_RTP_TAKEN);
    ck_assert(it_rtp_stats_valid(&s) && it_rtp_stats_expected(&s) == 1 && it_rtp_stats_lost(&s) == 0);
    s = begun(1);
    ck_assert_int_eq(take(&s, 0, 100, 0, false), IT_RTP_TAKEN);
    ck_assert(it_rtp_stats_valid(&s));
}
END_TEST

START_TEST(a_number_too_far_away_is_invalid_until_another_follows_it)
{
    it_rtp_stats s = begun(1);
    take(&s, 0, 100, 0, false);
    ck_assert_int_eq(take(&s, 0, 100 + 2999, 0, false), IT_RTP_TAKEN);
    ck_assert_int_eq(take(&s, 0, 3099 + 3000, 0, false), IT_RTP_INVALID);
    ck_assert_int_eq(take(&s, 0, 3100, 0, false), IT_RTP_TAKEN);
    ck_assert_int_eq(take(&s, 0, 30000, 0, false), IT_RTP_INVALID);
    ck_assert_int_eq(take(&s, 0, 30001, 0, false), IT_RTP_TAKEN);
    ck_assert(s.restarts == 1 && s.invalid == 2 && it_rtp_stats_expected(&s) == 1);
    ck_assert_int_eq(take(&s, 0, 30001 - 99, 0, false), IT_RTP_REORDERED);
    ck_assert_int_eq(take(&s, 0, 30001 - 100, 0, false), IT_RTP_INVALID);
}
END_TEST

START_TEST(losses_duplicates_and_turns_are_counted)
{
    it_rtp_stats s = begun(1);
    it_rng r;
    uint64_t sent = 0, lost = 0, duplicates = 0;
    it_rng_init(&r, 1, "stats");
    for (uint32_t i = 0; i < 200000; i++, sent++) {
        if (i > 0 && i < 199999 && it_rng_chance(&r, 100000)) {
            lost++;
            continue;
        }
        ck_assert_int_eq(voice(&s, i, 0), IT_RTP_TAKEN);
        if (it_rng_chance(&r, 50000)) {
            ck_assert_int_eq(voice(&s, i, 0), IT_RTP_DUPLICATE);
            duplicates++;
        }
    }
    ck_assert_uint_eq(it_rtp_stats_expected(&s), sent);
    ck_assert_uint_eq(it_rtp_stats_lost(&s), lost);
    ck_assert_uint_eq(s.duplicates, duplicates);
    ck_assert_uint_eq(s.late, 0);
}
END_TEST

START_TEST(a_packet_behind_a_later_one_is_reordered_and_not_lost)
{
    it_rtp_stats s = begun(1);
    voice(&s, 1, 0);
    ck_assert_int_eq(voice(&s, 3, 0), IT_RTP_TAKEN);
    ck_assert_uint_eq(it_rtp_stats_lost(&s), 1);
    ck_assert_int_eq(voice(&s, 2, 0), IT_RTP_REORDERED);
    ck_assert_int_eq(voice(&s, 0, 0), IT_RTP_REORDERED); /* before the first */
    ck_assert_int_eq(voice(&s, 2, 0), IT_RTP_DUPLICATE);
    ck_assert(it_rtp_stats_lost(&s) == 0 && it_rtp_stats_expected(&s) == 4 && s.reordered == 2);
}
END_TEST

/* The text of appendix A.8, in floating point, is never far away. */
START_TEST(jitter_is_that_of_appendix_a8)
{
    it_rtp_stats s = begun(1);
    it_rng r;
    double jitter = 0;
    int32_t was = 0;
    it_rng_init(&r, 2, "jitter");
    for (uint32_t i = 0; i < 5000; i++) {
        it_time transit = it_rng_range(&r, 0, 80) * 125 * IT_US;
        int32_t ticks = (int32_t)(transit / (125 * IT_US));
        voice(&s, i, transit);
        if (i > 0)
            jitter += (abs(ticks - was) - jitter) / 16;
        was = ticks;
        ck_assert_int_le(labs((long)(s.jitter16 >> 4) - (long)jitter), 1);
    }
    ck_assert_int_gt(it_rtp_stats_jitter(&s), 2 * IT_MS);
    s = begun(1);
    for (uint32_t i = 0; i < 100; i++)
        voice(&s, i, 50 * IT_MS);
    ck_assert_uint_eq(s.jitter16, 0);
}
END_TEST

START_TEST(late_is_more_than_the_deadline_after_the_quickest)
{
    it_rtp_stats s = begun(1);
    for (uint32_t i = 0; i < 10; i++)
        voice(&s, i, 40 * IT_MS);
    voice(&s, 11, 190 * IT_MS);
    ck_assert_uint_eq(s.late, 0);
    voice(&s, 12, 190 * IT_MS + 1);
    ck_assert_uint_eq(s.late, 1);
    voice(&s, 10, 190 * IT_MS + 1); /* reordered too */
    ck_assert(s.late == 2 && s.reordered == 1);
    voice(&s, 13, 30 * IT_MS);
    voice(&s, 14, 185 * IT_MS); /* by the new quickest */
    ck_assert_uint_eq(s.late, 3);
}
END_TEST

START_TEST(gaps_are_between_arrivals_and_end_with_the_stream)
{
    it_rtp_stats s = begun(1);
    for (uint32_t i = 0; i < 100; i++)
        if (i < 40 || i >= 60)
            voice(&s, i, 0);
    ck_assert_int_eq(it_rtp_stats_gap(&s, 99 * VOICE), 21 * VOICE);
    ck_assert_int_eq(it_rtp_stats_gap(&s, 199 * VOICE), 100 * VOICE); /* the one under way */
    it_rtp_stats_end(&s);
    ck_assert_int_eq(it_rtp_stats_gap(&s, 199 * VOICE), 21 * VOICE);
    voice(&s, 500, 0); /* it streams again; silence in between was none of its */
    ck_assert_int_eq(it_rtp_stats_gap(&s, 500 * VOICE), 21 * VOICE);
}
END_TEST

START_TEST(voice_freezes_when_nothing_in_time_comes_for_long)
{
    it_rtp_stats s = begun(1);
    for (uint32_t i = 0; i < 100; i++)
        if (i < 40 || i >= 47)
            voice(&s, i, 0);
    ck_assert_uint_eq(s.freezes, 0); /* 160 ms: less than 20 + 150 */
    for (uint32_t i = 108; i < 200; i++)
        voice(&s, i, 0);
    ck_assert(s.freezes == 1 && s.frozen == 180 * IT_MS && s.longest_freeze == 180 * IT_MS);
    for (uint32_t i = 200; i < 220; i++)
        voice(&s, i, IT_SEC); /* all too late to be heard */
    for (uint32_t i = 275; i < 300; i++)
        voice(&s, i, 0);
    ck_assert(s.freezes == 2 && s.longest_freeze == 76 * VOICE && s.late == 20);
    ck_assert_int_eq(it_rtp_stats_freeze(&s, 299 * VOICE + 100 * IT_MS), 76 * VOICE);
    ck_assert_int_eq(it_rtp_stats_freeze(&s, 299 * VOICE + 9 * IT_SEC), 9 * IT_SEC);
}
END_TEST

/* Video of |n| frames of three packets; those of |lost| (numbers of packets) are missing. */
static it_rtp_stats video(uint32_t n, const uint32_t *lost, size_t n_lost)
{
    it_rtp_stats s;
    it_rtp_stats_init(&s, 90000, true, 0, 1);
    for (uint32_t i = 0; i < 3 * n; i++) {
        bool gone = false;
        for (size_t k = 0; k < n_lost; k++)
            gone = gone || lost[k] == i;
        if (!gone)
            take(&s, (it_time)i * 11 * IT_MS, (uint16_t)(65530 + i), i / 3 * 3000, i % 3 == 2);
    }
    return s;
}

START_TEST(a_frame_is_shown_when_all_of_it_has_come)
{
    static const uint32_t MIDDLE[] = {31}, FIRST[] = {30}, MARKER[] = {32}, ALL[] = {30, 31, 32};
    it_rtp_stats s = video(100, NULL, 0);
    ck_assert(s.shown == 100 && s.freezes == 0);
    s = video(100, MIDDLE, 1);
    ck_assert_uint_eq(s.shown, 99);
    s = video(100, FIRST, 1);
    ck_assert_uint_eq(s.shown, 99);
    s = video(100, MARKER, 1); /* where the next one begins is not known */
    ck_assert_uint_eq(s.shown, 98);
    s = video(100, ALL, 3);
    ck_assert_uint_eq(s.shown, 98);
}
END_TEST

START_TEST(video_freezes_when_frames_are_missing_for_long)
{
    uint32_t lost[30];
    for (uint32_t i = 0; i < 30; i++)
        lost[i] = 90 + i;
    it_rtp_stats s = video(100, lost, 9); /* three frames and the one behind: 165 ms, less than 33 + 150 */
    ck_assert_uint_eq(s.freezes, 0);
    s = video(100, lost, 30);
    ck_assert(s.freezes == 1 && s.shown == 89);
    ck_assert_int_eq(s.longest_freeze, (IT_MS * 11) * 36);
}
END_TEST

START_TEST(packets_of_a_frame_may_come_in_any_order)
{
    it_rtp_stats s;
    it_rtp_stats_init(&s, 90000, true, 0, 1);
    static const uint32_t ORDER[] = {0, 1, 2, 5, 3, 4, 8, 9, 10, 7, 11, 6};
    for (uint32_t i = 0; i < 12; i++)
        take(&s, i * IT_MS, (uint16_t)ORDER[i], ORDER[i] / 3 * 3000, ORDER[i] % 3 == 2);
    ck_assert_uint_eq(s.shown, 3); /* the fourth was whole before the third, which then comes too late */
    ck_assert_uint_eq(it_rtp_stats_lost(&s), 0);
}
END_TEST

START_TEST(a_report_tells_the_interval_since_the_last)
{
    it_rtp_stats s = begun(1);
    it_rtcp_block b;
    for (uint32_t i = 0; i < 100; i++)
        if (i % 4 != 1)
            voice(&s, i, 0);
    it_rtp_stats_report(&s, &b);
    ck_assert(b.fraction == 64 && b.lost == 25 && b.highest == 65099);
    it_rtp_stats_report(&s, &b);
    ck_assert(b.fraction == 0 && b.lost == 25);
    for (uint32_t i = 100; i < 600; i++)
        voice(&s, i, 0);
    voice(&s, 600, 0);
    voice(&s, 600, 0); /* one twice: appendix A.3 counts it as received */
    it_rtp_stats_report(&s, &b);
    ck_assert(b.fraction == 0 && b.lost == 24 && b.highest == 65600);
}
END_TEST

START_TEST(what_was_lost_before_a_restart_stays_lost_and_the_new_clock_is_not_late)
{
    it_rtp_stats s = begun(1);
    for (uint32_t i = 0; i < 100; i++)
        if (i != 50)
            voice(&s, i, 0);
    voice(&s, 99, 0);
    ck_assert(it_rtp_stats_lost(&s) == 1 && it_rtp_stats_duplicates(&s) == 1);
    /* Two in sequence, far away, with another clock that would put them 10 s behind. */
    for (uint32_t i = 0; i < 50; i++)
        if (i != 20)
            take(&s, 3 * IT_SEC + i * VOICE, (uint16_t)(20000 + i), 0xfffff000u - 80000 + i * 160, false);
    ck_assert_uint_eq(s.restarts, 1);
    ck_assert_uint_eq(it_rtp_stats_lost(&s), 2);
    ck_assert_uint_eq(it_rtp_stats_duplicates(&s), 1);
    ck_assert_uint_eq(it_rtp_stats_received(&s), 99 + 48); /* the first of the new ones was not believed yet */
    ck_assert_uint_eq(s.late, 0);
    ck_assert_uint_eq(s.jitter16, 0);
}
END_TEST

START_TEST(a_timestamp_that_leaps_again_and_again_overflows_nothing)
{
    it_rtp_stats s;
    it_rtp_stats_init(&s, 1000, false, 0, 1);
    for (uint32_t i = 0; i < 20000; i++)
        take(&s, i * VOICE, (uint16_t)i, i * 0x7fffffffu, false);
    ck_assert_uint_eq(s.late, 0);
    ck_assert_uint_gt(s.jitter16 >> 4, UINT32_MAX / 8);
    ck_assert_int_gt(it_rtp_stats_jitter(&s), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/stats");
    TCase *t = tcase_create("stats");
    suite_add_tcase(s, t);
    tcase_add_test(t, a_source_is_valid_after_packets_in_sequence);
    tcase_add_test(t, a_number_too_far_away_is_invalid_until_another_follows_it);
    tcase_add_test(t, losses_duplicates_and_turns_are_counted);
    tcase_add_test(t, a_packet_behind_a_later_one_is_reordered_and_not_lost);
    tcase_add_test(t, jitter_is_that_of_appendix_a8);
    tcase_add_test(t, late_is_more_than_the_deadline_after_the_quickest);
    tcase_add_test(t, gaps_are_between_arrivals_and_end_with_the_stream);
    tcase_add_test(t, voice_freezes_when_nothing_in_time_comes_for_long);
    tcase_add_test(t, a_frame_is_shown_when_all_of_it_has_come);
    tcase_add_test(t, video_freezes_when_frames_are_missing_for_long);
    tcase_add_test(t, packets_of_a_frame_may_come_in_any_order);
    tcase_add_test(t, a_report_tells_the_interval_since_the_last);
    tcase_add_test(t, what_was_lost_before_a_restart_stays_lost_and_the_new_clock_is_not_late);
    tcase_add_test(t, a_timestamp_that_leaps_again_and_again_overflows_nothing);
    return kit_run(s);
}
