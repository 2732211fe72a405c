/* stack/rtp/interval.c: RFC 3550 sections 6.2 and 6.3. */
#include "stack/rtp/interval.h"

#include "tests/stack/rtp/kit.h"

static it_rtcp_interval joined(uint32_t bandwidth, uint32_t size, uint64_t seed)
{
    it_rtcp_interval v;
    it_rng r;
    it_rng_init(&r, seed, "rtcp");
    it_rtcp_interval_init(&v, 0, r, bandwidth, size, 0);
    return v;
}

START_TEST(the_first_report_comes_after_half_the_minimum_randomised)
{
    it_time least = IT_NEVER, most = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        it_rtcp_interval v = joined(1000, 100, seed);
        least = v.tn < least ? v.tn : least;
        most = v.tn > most ? v.tn : most;
        ck_assert(!it_rtcp_interval_due(&v, v.tn - 1));
    }
    /* 2.5 s times 0.5 to 1.5, by 1.21828 */
    ck_assert_int_ge(least, 1026036 * IT_US);
    ck_assert_int_lt(least, 1035000 * IT_US);
    ck_assert_int_le(most, 3078110 * IT_US);
    ck_assert_int_gt(most, 3070000 * IT_US);
}
END_TEST

static const struct {
    uint32_t members, senders, bandwidth, size;
    bool we_sent, initial;
    it_time td;
} ROWS[] = {
    {2, 1, 1000, 100, true, false, 5 * IT_SEC},         {2, 1, 1000, 100, true, true, 5 * IT_SEC / 2},
    {1000, 10, 1000, 100, true, false, 5 * IT_SEC},     /* 10 x 100 / 250 = 4 s */
    {1000, 20, 1000, 100, true, false, 8 * IT_SEC},     /* senders share a quarter */
    {1000, 10, 1000, 100, false, false, 132 * IT_SEC},  /* 990 x 100 / 750 */
    {1000, 250, 1000, 100, false, false, 100 * IT_SEC}, /* exactly a quarter: split */
    {1000, 251, 1000, 100, false, false, 100 * IT_SEC}, /* more: all alike */
    {1000, 500, 1000, 100, true, false, 100 * IT_SEC},  {1u << 30, 0, 1, 1500, false, false, IT_RTCP_INTERVAL_MAX},
};

START_TEST(the_calculated_interval_is_that_of_section_631)
{
    it_rtcp_interval v = joined(ROWS[_i].bandwidth, ROWS[_i].size, 1);
    v.members = ROWS[_i].members;
    v.senders = ROWS[_i].senders;
    v.initial = ROWS[_i].initial;
    ck_assert_int_eq(it_rtcp_interval_td(&v, ROWS[_i].we_sent), ROWS[_i].td);
}
END_TEST

START_TEST(a_timer_that_expires_among_many_more_is_set_again)
{
    it_rtcp_interval v = joined(1000, 100, 3);
    it_time was = v.tn;
    it_rtcp_interval_members(&v, was, 10000, 0);
    ck_assert(!it_rtcp_interval_due(&v, was));
    ck_assert_int_gt(v.tn, was + 100 * IT_SEC);
    ck_assert_uint_eq(v.pmembers, 10000);
}
END_TEST

START_TEST(when_members_leave_the_next_report_comes_earlier)
{
    it_rtcp_interval v = joined(1000, 100, 3);
    v.members = v.pmembers = 10000;
    v.tp = 100 * IT_SEC;
    v.tn = 1100 * IT_SEC;
    it_rtcp_interval_members(&v, 600 * IT_SEC, 1000, 0);
    ck_assert_int_eq(v.tn, 650 * IT_SEC);
    ck_assert_int_eq(v.tp, 550 * IT_SEC);
    ck_assert_uint_eq(v.pmembers, 1000);
    it_rtcp_interval_members(&v, 600 * IT_SEC, 2000, 0);
    ck_assert_int_eq(v.tn, 650 * IT_SEC);
}
END_TEST

START_TEST(the_average_size_follows_what_is_sent_and_received)
{
    it_rtcp_interval v = joined(1000, 100, 3);
    it_rtcp_interval_received(&v, 260);
    ck_assert_uint_eq(v.size16, 1600 + 160);
    it_rtcp_interval_sent(&v, IT_SEC, 110);
    ck_assert_uint_eq(v.size16, 1760);
    ck_assert(!v.initial && v.tp == IT_SEC && v.tn > IT_SEC);
}
END_TEST

/* Over many reports the mean is that of the calculated interval, which is what the divisor is for when nobody joins:
 * 5 s / 1.21828. */
START_TEST(the_mean_of_many_intervals_is_as_calculated)
{
    it_rtcp_interval v = joined(1000, 100, 4);
    int n = 0;
    it_time now = 0;
    for (; n < 5000; now = v.tn)
        if (it_rtcp_interval_due(&v, now)) {
            it_rtcp_interval_sent(&v, now, 100);
            n++;
        }
    /* Reconsideration lengthens it: an expiry counts when another draw is not longer. */
    ck_assert_int_gt(now / n, 4100 * IT_MS);
    ck_assert_int_lt(now / n, 5500 * IT_MS);
}
END_TEST

START_TEST(a_bye_among_few_leaves_at_once_and_among_many_waits)
{
    it_rtcp_interval v = joined(1000, 100, 3);
    it_rtcp_interval_members(&v, IT_SEC, IT_RTCP_BYE_MEMBERS, 0);
    it_rtcp_interval_leave(&v, IT_SEC, 80);
    ck_assert(it_rtcp_interval_due(&v, IT_SEC));
    it_rtcp_interval_sent(&v, IT_SEC, 80);
    ck_assert(v.tn == IT_NEVER && !it_rtcp_interval_due(&v, 100 * IT_SEC));
    v = joined(1000, 100, 3);
    it_rtcp_interval_members(&v, IT_SEC, IT_RTCP_BYE_MEMBERS + 1, 0);
    it_rtcp_interval_leave(&v, IT_SEC, 80);
    ck_assert(!it_rtcp_interval_due(&v, IT_SEC));
    ck_assert_int_gt(v.tn, 2 * IT_SEC);
    for (int i = 0; i < 10000; i++)
        it_rtcp_interval_bye(&v, 80);    /* all the others leave too */
    it_rtcp_interval_received(&v, 1000); /* which alone count */
    ck_assert(v.members == 10001 && v.size16 == 80 * 16);
    ck_assert(!it_rtcp_interval_due(&v, v.tn));
    ck_assert_int_gt(v.tn, 100 * IT_SEC);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/interval");
    TCase *t = tcase_create("interval");
    suite_add_tcase(s, t);
    tcase_add_test(t, the_first_report_comes_after_half_the_minimum_randomised);
    tcase_add_loop_test(t, the_calculated_interval_is_that_of_section_631, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, a_timer_that_expires_among_many_more_is_set_again);
    tcase_add_test(t, when_members_leave_the_next_report_comes_earlier);
    tcase_add_test(t, the_average_size_follows_what_is_sent_and_received);
    tcase_add_test(t, the_mean_of_many_intervals_is_as_calculated);
    tcase_add_test(t, a_bye_among_few_leaves_at_once_and_among_many_waits);
    return kit_run(s);
}
