/* stack/rtmfp/ws/recv.c */
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

START_TEST(a_flow_that_begins_is_told_and_acknowledged_at_once)
{
    ck_assert_int_eq(pair_take(p, "10 00 6d6574"), 0);
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_FLOW);
    ck_assert_uint_eq(ev.flow, 1); /* 0 on the wire is none to the owner */
    ck_assert_uint_eq(ev.returns, 0);
    ck_assert(it_bytes_eq(ev.data, it_bytes_str("met")));
    pair_gives(p, "5a 00 00 ffff7f");
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
}
END_TEST

START_TEST(parts_make_a_message_and_flows_do_not_mix)
{
    pair_take(p, "10 05");
    pair_take(p, "10 06");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    ck_assert_int_eq(pair_take(p, "3d 05 6162"), 0);
    ck_assert_int_eq(pair_take(p, "3d 06 7778"), 0);
    ck_assert_int_eq(pair_take(p, "3d 05"), 0);
    pair_told_nothing(p, 0);
    ck_assert_int_eq(pair_take(p, "1d 05 63"), 0);
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_MESSAGE);
    ck_assert_uint_eq(ev.flow, 1);
    ck_assert(it_bytes_eq(ev.data, it_bytes_str("abc")) && !ev.gap);
    ck_assert_int_eq(pair_take(p, "1d 06"), 0);
    ev = pair_told(p, 0, IT_RTMFP_EV_MESSAGE);
    ck_assert(ev.flow == 2 && it_bytes_eq(ev.data, it_bytes_str("wx")));
    ck_assert_int_eq(pair_take(p, "1d 06"), 0); /* empty ones are messages too */
    ck_assert_uint_eq(pair_told(p, 0, IT_RTMFP_EV_MESSAGE).data.n, 0);
}
END_TEST

/* The protocol: the one being assembled is dropped; with none in assembly they were never sent. Either is a gap. */
START_TEST(what_is_abandoned_is_a_gap)
{
    pair_take(p, "10 05");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    pair_take(p, "3d 05 6162");
    ck_assert_int_eq(pair_take(p, "1a 05"), 0);
    ck_assert_int_eq(pair_take(p, "1d 05 63"), 0);
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_MESSAGE);
    ck_assert(it_bytes_eq(ev.data, it_bytes_str("c")) && ev.gap);
    ck_assert_int_eq(pair_take(p, "1d 05 64"), 0);
    ck_assert(!pair_told(p, 0, IT_RTMFP_EV_MESSAGE).gap);
    ck_assert_int_eq(pair_take(p, "1a 05 81ffffffffffffffff7f"), 0);
    ck_assert_int_eq(pair_take(p, "1d 05 65"), 0);
    ck_assert(pair_told(p, 0, IT_RTMFP_EV_MESSAGE).gap);
}
END_TEST

START_TEST(user_data_is_acknowledged_within_250_ms_all_flows_together)
{
    pair_take(p, "10 05");
    pair_take(p, "10 06");
    pair_give(p, 0);
    pair_give(p, 0);
    pair_take(p, "1d 05 6162");
    p->now = 100 * IT_MS;
    pair_take(p, "1d 06 61");
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    ck_assert_int_eq(it_rtws_next(&p->s[0]), 250 * IT_MS);
    p->now = 250 * IT_MS;
    ck_assert(!it_rtws_tick(&p->s[0], p->now));
    ck_assert(it_rtws_next(&p->s[0]) > p->now);
    pair_gives(p, "5a 05 04 ffff7f"); /* with headers, since the last one */
    pair_gives(p, "5a 06 03 ffff7f");
    pair_take(p, "1d 05 61");
    p->now = 500 * IT_MS;
    it_rtws_tick(&p->s[0], p->now);
    pair_gives(p, "5a 05 03 ffff7f");
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
}
END_TEST

/* Session 0 takes a part of |n| bytes with its head of flow 5. */
static void part(size_t n)
{
    static uint8_t big[IT_RTWS_MESSAGE];
    memset(big, 'x', n);
    big[0] = IT_RTWS_MORE;
    big[1] = 5;
    ck_assert_int_eq(it_rtws_take(&p->s[0], p->now, it_bytes_of(big, n)), 0);
}

START_TEST(as_much_as_the_ack_window_is_acknowledged_at_once)
{
    pair_take(p, "10 05");
    pair_give(p, 0);
    part(2799);
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    part(2);
    pair_gives(p, "5a 05 9571 ffff7f"); /* 2,801 */
    part(2798);
    ck_assert_uint_eq(pair_give(p, 0).n, 0); /* one was left over: every 2,800 bytes, not after 2,800 */
    part(2);
    ck_assert_uint_gt(pair_give(p, 0).n, 0);
    ck_assert_int_eq(pair_take(p, "0a 80 80 01"), 0); /* never less than 2,800 */
    part(2799);
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    ck_assert_int_eq(pair_take(p, "0a bb40"), 0); /* 7,616: counted from here */
    part(7615);
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    part(2);
    ck_assert_uint_gt(pair_give(p, 0).n, 0);
}
END_TEST

START_TEST(half_of_what_a_flow_had_room_for_is_acknowledged_at_once)
{
    pair_free(p);
    p = pair_new(&(it_rtws_cfg){.window = 2000});
    pair_take(p, "10 05");
    pair_gives(p, "5a 05 00 8f50");
    part(999);
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    part(2);
    pair_gives(p, "5a 05 8769 8f50");
}
END_TEST

START_TEST(a_close_is_acknowledged_with_all_data_and_its_number_is_free)
{
    pair_take(p, "10 05");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    pair_give(p, 0);
    pair_take(p, "1d 05 61");
    pair_told(p, 0, IT_RTMFP_EV_MESSAGE);
    ck_assert_int_eq(pair_take(p, "1c 05"), 0);
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_COMPLETE);
    ck_assert(ev.flow == 1 && !ev.gap);
    ck_assert_int_eq(pair_take(p, "10 05 6e"), 0);
    ck_assert_uint_eq(pair_told(p, 0, IT_RTMFP_EV_FLOW).flow, 2); /* another one, to the owner */
    pair_gives(p, "5a 05 03 ffff7f");
    pair_gives(p, "5c 05");
    pair_gives(p, "5a 05 00 ffff7f");
}
END_TEST

START_TEST(a_close_within_a_message_is_a_gap)
{
    pair_take(p, "10 05");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    pair_take(p, "3d 05 61");
    ck_assert_int_eq(pair_take(p, "1c 05"), 0);
    ck_assert(pair_told(p, 0, IT_RTMFP_EV_COMPLETE).gap);
}
END_TEST

START_TEST(a_rejected_flow_tells_nothing_more_and_takes_no_data)
{
    pair_take(p, "10 05");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    pair_give(p, 0);
    ck_assert_int_eq(it_rtws_flow_reject(&p->s[0], p->now, 1, 9), 0);
    ck_assert_int_eq(it_rtws_flow_reject(&p->s[0], p->now, 1, 9), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtws_flow_reject(&p->s[0], p->now, 2, 9), IT_ERR_NOTFOUND);
    pair_gives(p, "5e 05 09");
    pair_gives(p, "5a 05 00 00");
    ck_assert_int_eq(pair_take(p, "1d 05 61"), 0); /* it was under way */
    ck_assert_int_eq(pair_take(p, "1a 05"), 0);
    ck_assert_int_eq(pair_take(p, "1c 05"), 0);
    pair_told_nothing(p, 0);
    pair_gives(p, "5a 05 03 00");
    pair_gives(p, "5c 05");
}
END_TEST

START_TEST(a_flow_in_return_to_none_of_ours_is_rejected)
{
    ck_assert_int_eq(pair_take(p, "30 05 01 6d"), 0);
    pair_told_nothing(p, 0);
    it_rtws_msg m;
    ck_assert_int_eq(it_rtws_get(pair_give(p, 0), &m), IT_RTWS_READ);
    ck_assert(m.type == IT_RTWS_EXCEPTION && m.flow == 5 && m.code == 0 && m.data.n > 0);
    pair_gives(p, "5a 05 00 00");
    uint64_t id = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    ck_assert_int_eq(pair_take(p, "30 06 01 6d"), 0);
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_FLOW);
    ck_assert_uint_eq(ev.returns, id);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], id, false), 0);
    ck_assert_int_eq(pair_take(p, "30 07 01 6d"), 0); /* it is open no more */
    pair_told_nothing(p, 0);
}
END_TEST

/* The sender would keep us without room, or fill our memory: a message has 8 MiB at most. */
START_TEST(a_message_larger_than_any_is_rejected_and_the_session_goes_on)
{
    pair_take(p, "10 05");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    for (size_t n = 0; n <= IT_RTMFP_MESSAGE_MOST; n += 65000 - 2) {
        part(65000);
        while (pair_give(p, 0).n)
            continue;
    }
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_REJECTED);
    ck_assert(ev.flow == 1 && ev.why);
    ck_assert_ptr_null(p->s[0].why);
    pair_told_nothing(p, 0);
}
END_TEST

START_TEST(what_breaks_the_protocol_ends_the_session)
{
    pair_breaks("10 05", "10 05");    /* open already */
    pair_breaks("10 05", "30 05 01"); /* likewise */
    pair_breaks(NULL, "1d 05 61");    /* not open */
    pair_breaks(NULL, "3d 05 61");
    pair_breaks(NULL, "1a 05");
    pair_breaks(NULL, "1c 05");
    pair_breaks("10 05", "1c 06");
}
END_TEST

START_TEST(too_many_flows_end_the_session)
{
    for (int i = 0; i < IT_RTMFP_FLOWS; i++) {
        uint8_t open[] = {0x10, (uint8_t)(0x80 | i >> 7), (uint8_t)(i & 0x7f)};
        ck_assert_int_eq(it_rtws_take(&p->s[0], p->now, it_bytes_of(open, sizeof open)), 0);
    }
    ck_assert_int_eq(pair_take(p, "10 8800"), IT_ERR_PARSE);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_flow_that_begins_is_told_and_acknowledged_at_once);
    tcase_add_test(t, parts_make_a_message_and_flows_do_not_mix);
    tcase_add_test(t, what_is_abandoned_is_a_gap);
    tcase_add_test(t, user_data_is_acknowledged_within_250_ms_all_flows_together);
    tcase_add_test(t, as_much_as_the_ack_window_is_acknowledged_at_once);
    tcase_add_test(t, half_of_what_a_flow_had_room_for_is_acknowledged_at_once);
    tcase_add_test(t, a_close_is_acknowledged_with_all_data_and_its_number_is_free);
    tcase_add_test(t, a_close_within_a_message_is_a_gap);
    tcase_add_test(t, a_rejected_flow_tells_nothing_more_and_takes_no_data);
    tcase_add_test(t, a_flow_in_return_to_none_of_ours_is_rejected);
    tcase_add_test(t, a_message_larger_than_any_is_rejected_and_the_session_goes_on);
    tcase_add_test(t, what_breaks_the_protocol_ends_the_session);
    tcase_add_test(t, too_many_flows_end_the_session);
}

int main(void)
{
    return kit_main("rtmfp/ws/recv", add);
}
