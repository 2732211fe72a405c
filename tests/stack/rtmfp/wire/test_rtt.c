/* stack/rtmfp/wire/rtt.c: timestamps and timeouts, RFC 7016 section 3.5.2.2. */
#include "stack/rtmfp/wire/rtt.h"

#include "tests/stack/rtmfp/kit.h"

static it_rtmfp_rtt rtt;
static it_rtmfp_head head;

static void setup(void)
{
    it_rtmfp_rtt_init(&rtt);
    head = (it_rtmfp_head){.mode = IT_RTMFP_BY_INITIATOR};
}

/* An echo of |ms| milliseconds ago at |now|. */
static bool sample(it_time now, int ms)
{
    it_rtmfp_head h = {.has_echo = true, .echo = (uint16_t)((now - ms * IT_MS) / IT_RTMFP_TICK)};
    return it_rtmfp_rtt_receive(&rtt, now, &h);
}

START_TEST(before_a_sample_the_timeout_is_three_seconds)
{
    ck_assert(rtt.mrto == 250 * IT_MS && rtt.erto == 3 * IT_SEC);
}
END_TEST

START_TEST(samples_of_100_and_60_ms_give_500_and_485)
{
    ck_assert(sample(IT_SEC, 100));
    ck_assert(rtt.srtt == 100 * IT_MS && rtt.rttvar == 50 * IT_MS && rtt.mrto == 500 * IT_MS && rtt.erto == rtt.mrto);
    ck_assert(sample(2 * IT_SEC, 60));
    ck_assert(rtt.srtt == 95 * IT_MS && rtt.rttvar == 47500 * IT_US && rtt.mrto == 485 * IT_MS);
}
END_TEST

START_TEST(the_timeout_is_never_below_250_ms_and_an_answer_undoes_backing_off)
{
    for (int i = 0; i < 40; i++)
        sample((i + 1) * IT_SEC, 0);
    ck_assert(rtt.mrto == 200 * IT_MS && rtt.erto == 250 * IT_MS);
    it_rtmfp_rtt_back_off(&rtt);
    ck_assert(rtt.erto == 353550 * IT_US);
    sample(100 * IT_SEC, 0);
    ck_assert(rtt.erto == 250 * IT_MS);
}
END_TEST

/* Sends at 0, 3.000, 7.243, 13.242, 21.728, 31.728 seconds, then every ten. */
START_TEST(backing_off_ends_at_ten_seconds)
{
    static const int WANT[] = {3000, 7242, 13242, 21727, 31727, 41727};
    it_time at = 0;
    for (int i = 0; i < 6; i++) {
        at += rtt.erto;
        ck_assert_int_eq((int)(at / IT_MS), WANT[i]);
        it_rtmfp_rtt_back_off(&rtt);
    }
    ck_assert(rtt.erto == 10 * IT_SEC);
}
END_TEST

START_TEST(a_path_slower_than_the_cap_keeps_its_timeout)
{
    sample(100 * IT_SEC, 20000);
    it_time mrto = rtt.mrto;
    ck_assert(mrto > IT_RTMFP_ERTO_CAP);
    it_rtmfp_rtt_back_off(&rtt);
    ck_assert(rtt.erto == mrto);
}
END_TEST

START_TEST(a_timestamp_is_sent_once_a_tick)
{
    it_rtmfp_rtt_send(&rtt, 10 * IT_MS, &head);
    ck_assert(head.has_ts && head.ts == 2 && !head.has_echo);
    it_rtmfp_rtt_send(&rtt, 11 * IT_MS, &head);
    ck_assert(!head.has_ts);
    it_rtmfp_rtt_send(&rtt, 12 * IT_MS, &head);
    ck_assert(head.has_ts && head.ts == 3);
    it_rtmfp_rtt_send(&rtt, 65536 * IT_RTMFP_TICK, &head);
    ck_assert(head.has_ts && head.ts == 0);
}
END_TEST

/* The echo is advanced by the time that its receiver held it, and only a new one is sent. */
START_TEST(an_echo_counts_the_time_it_was_held_and_is_forgotten_after_128_s)
{
    it_rtmfp_head in = {.has_ts = true, .ts = 0xffff};
    it_rtmfp_rtt_receive(&rtt, IT_SEC, &in);
    it_rtmfp_rtt_send(&rtt, IT_SEC + 9 * IT_MS, &head);
    ck_assert(head.has_echo && head.echo == 1);
    it_rtmfp_rtt_send(&rtt, IT_SEC + 10 * IT_MS, &head);
    ck_assert(!head.has_echo);
    it_rtmfp_rtt_receive(&rtt, IT_SEC + 11 * IT_MS, &in); /* the same: its time stays */
    it_rtmfp_rtt_send(&rtt, IT_SEC + 12 * IT_MS, &head);
    ck_assert(head.has_echo && head.echo == 2);
    it_rtmfp_rtt_send(&rtt, 129 * IT_SEC, &head);
    ck_assert(head.has_echo);
    it_rtmfp_rtt_send(&rtt, 129 * IT_SEC + 1, &head);
    ck_assert(!head.has_echo && !rtt.has_rx);
}
END_TEST

START_TEST(an_echo_seen_before_or_from_the_future_measures_nothing)
{
    ck_assert(sample(IT_SEC, 100));
    it_rtmfp_head again = {.has_echo = true, .echo = rtt.echo_rx};
    ck_assert(!it_rtmfp_rtt_receive(&rtt, 2 * IT_SEC, &again));
    ck_assert(rtt.srtt == 100 * IT_MS);
    ck_assert(!sample(3 * IT_SEC, -8));
    ck_assert(rtt.srtt == 100 * IT_MS);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, before_a_sample_the_timeout_is_three_seconds);
    tcase_add_test(t, samples_of_100_and_60_ms_give_500_and_485);
    tcase_add_test(t, the_timeout_is_never_below_250_ms_and_an_answer_undoes_backing_off);
    tcase_add_test(t, backing_off_ends_at_ten_seconds);
    tcase_add_test(t, a_path_slower_than_the_cap_keeps_its_timeout);
    tcase_add_test(t, a_timestamp_is_sent_once_a_tick);
    tcase_add_test(t, an_echo_counts_the_time_it_was_held_and_is_forgotten_after_128_s);
    tcase_add_test(t, an_echo_seen_before_or_from_the_future_measures_nothing);
}

int main(void)
{
    return kit_main("rtmfp/wire/rtt", add);
}
