/* stack/rtmfp/ws/session.c */
#include "tests/stack/rtmfp/ws/pair.h"

static pair *p;

static void setup(void)
{
    p = pair_new(NULL);
}

static void teardown(void)
{
    pair_free(p);
}

START_TEST(a_ping_is_answered_at_once_with_what_it_says)
{
    ck_assert_int_eq(pair_take(p, "01 616263"), 0);
    pair_gives(p, "41 616263");
    ck_assert_int_eq(pair_take(p, "01"), 0);
    pair_gives(p, "41");
    ck_assert_int_eq(pair_take(p, "41 78"), 0);
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
}
END_TEST

/* Answers wait where the far end does not read: so much, and then its pings do. */
START_TEST(a_far_end_that_asks_and_does_not_listen_is_not_read_any_more)
{
    static uint8_t ping[60000] = {IT_RTWS_PING};
    for (int i = 0; i < 4; i++) {
        ck_assert(!it_rtws_full(&p->s[0]));
        ck_assert_int_eq(it_rtws_take(&p->s[0], 0, it_bytes_of(ping, sizeof ping)), 0);
    }
    ck_assert_int_eq(it_rtws_take(&p->s[0], 0, it_bytes_of(ping, sizeof ping)), 0);
    ck_assert(it_rtws_full(&p->s[0]));
    pair_give(p, 0);
    ck_assert(!it_rtws_full(&p->s[0]));
}
END_TEST

START_TEST(silence_is_asked_after_10_s_and_is_death_after_20_more)
{
    ck_assert_int_eq(it_rtws_next(&p->s[0]), 10 * IT_SEC);
    p->now = 10 * IT_SEC;
    ck_assert(!it_rtws_tick(&p->s[0], p->now));
    pair_gives(p, "01");
    ck_assert_int_eq(it_rtws_next(&p->s[0]), 30 * IT_SEC);
    p->now = 29 * IT_SEC;
    ck_assert(!it_rtws_tick(&p->s[0], p->now));
    ck_assert_uint_eq(pair_give(p, 0).n, 0); /* once: the stream loses nothing */
    p->now = 30 * IT_SEC;
    ck_assert(it_rtws_tick(&p->s[0], p->now));
}
END_TEST

START_TEST(anything_that_comes_is_life)
{
    p->now = 10 * IT_SEC;
    it_rtws_tick(&p->s[0], p->now);
    p->now = 29 * IT_SEC;
    ck_assert_int_eq(pair_take(p, "77"), 0); /* of no known type even */
    ck_assert_int_eq(it_rtws_next(&p->s[0]), 39 * IT_SEC);
    it_rtws_keepalive(&p->s[0], 60 * IT_SEC);
    ck_assert_int_eq(it_rtws_next(&p->s[0]), 89 * IT_SEC);
    it_rtws_keepalive(&p->s[0], IT_NEVER);
    ck_assert(it_rtws_next(&p->s[0]) == IT_NEVER);
}
END_TEST

START_TEST(broken_messages_end_the_session)
{
    pair_breaks(NULL, "10");
    pair_breaks(NULL, "1c 83ffffffffffffffff7f");
}
END_TEST

START_TEST(two_ends_carry_messages_of_all_sizes_both_ways_in_order)
{
    static uint8_t big[300000];
    static const size_t SIZES[] = {0, 1, 1399, 1400, 1401, 2800, 65536, 300000};
    uint64_t id[2];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + (i >> 8));
    for (int i = 0; i < 2; i++) {
        id[i] = pair_open(p, i, 0);
        for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++)
            pair_write(p, i, id[i], it_bytes_of(big, SIZES[k]), 0);
    }
    for (int turn = 0; turn < 100; turn++) {
        p->now += 20 * IT_MS;
        for (int i = 0; i < 2; i++)
            ck_assert(!it_rtws_tick(&p->s[i], p->now));
        pair_settle(p);
    }
    for (int i = 0; i < 2; i++) {
        pair_told(p, i, IT_RTMFP_EV_FLOW);
        for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
            it_rtmfp_event ev = pair_told(p, i, IT_RTMFP_EV_MESSAGE);
            ck_assert(!ev.gap && it_bytes_eq(ev.data, it_bytes_of(big, SIZES[k])));
        }
        ck_assert_uint_eq(p->s[i].sent, p->s[i].acked);
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_ping_is_answered_at_once_with_what_it_says);
    tcase_add_test(t, a_far_end_that_asks_and_does_not_listen_is_not_read_any_more);
    tcase_add_test(t, silence_is_asked_after_10_s_and_is_death_after_20_more);
    tcase_add_test(t, anything_that_comes_is_life);
    tcase_add_test(t, broken_messages_end_the_session);
    tcase_add_test(t, two_ends_carry_messages_of_all_sizes_both_ways_in_order);
}

int main(void)
{
    return kit_main("rtmfp/ws/session", add);
}
