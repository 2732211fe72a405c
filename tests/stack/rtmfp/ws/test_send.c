/* stack/rtmfp/ws/send.c */
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

START_TEST(a_flow_is_opened_at_once_and_sends_what_is_written)
{
    uint64_t id = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    pair_write(p, 0, id, it_bytes_str("ab"), 0);
    pair_gives(p, "1d 01 6162");
    pair_gives(p, "0a 9570"); /* the round trip is measured: acknowledge every 2,800 bytes from here on */
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
    pair_write(p, 0, id, it_bytes_of(NULL, 0), 0);
    pair_gives(p, "1d 01");
}
END_TEST

START_TEST(a_flow_in_return_names_the_far_one_as_the_wire_does)
{
    pair_take(p, "10 8101 6d");
    pair_told(p, 0, IT_RTMFP_EV_FLOW);
    pair_give(p, 0);
    it_rtmfp_flow_opts o = {.returns = 2};
    uint64_t id;
    ck_assert_int_eq(it_rtws_flow_open(&p->s[0], &o, &id), IT_ERR_NOTFOUND);
    pair_open(p, 0, 1);
    pair_gives(p, "30 01 8101 6d");
    ck_assert_int_eq(it_rtws_flow_reject(&p->s[0], p->now, 1, 0), 0);
    o.returns = 1;
    ck_assert_int_eq(it_rtws_flow_open(&p->s[0], &o, &id), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(commands_that_cannot_be_say_so)
{
    uint64_t id = pair_open(p, 0, 0), other;
    it_rtmfp_flow_opts o = {.metadata.n = IT_RTMFP_METADATA + 1};
    ck_assert_int_eq(it_rtws_flow_open(&p->s[0], &o, &other), IT_ERR_RANGE);
    ck_assert_int_eq(it_rtws_flow_write(&p->s[0], 0, id + 1, it_bytes_str("x"), NULL, NULL), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], id + 1, false), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], id, false), 0);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], id, false), IT_ERR_STATE);
    ck_assert_int_eq(it_rtws_flow_write(&p->s[0], 0, id, it_bytes_str("x"), NULL, NULL), IT_ERR_STATE);
    for (int i = 1; i < IT_RTMFP_FLOWS; i++)
        pair_open(p, 0, 0);
    o.metadata.n = 0;
    ck_assert_int_eq(it_rtws_flow_open(&p->s[0], &o, &other), IT_ERR_FULL);
}
END_TEST

/* How many bytes of user data session 0 gives now; |*n| messages. */
static size_t user_data(size_t *n)
{
    size_t bytes = 0;
    *n = 0;
    for (it_bytes m; (m = pair_give(p, 0)).n;) {
        bool data = m.p[0] == IT_RTWS_MORE || m.p[0] == IT_RTWS_LAST;
        bytes += data ? m.n : 0;
        *n += data;
    }
    return bytes;
}

static uint8_t big[400000];

START_TEST(messages_go_in_parts_and_no_further_than_the_receiver_has_room)
{
    size_t n;
    uint64_t id = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    pair_take(p, "5a 01 00 9f20"); /* room for 4,000 */
    pair_write(p, 0, id, it_bytes_of(big, 10000), 0);
    ck_assert_uint_ge(user_data(&n), 4000);
    ck_assert_uint_eq(n, 3); /* 1,402 twice, then what is left; the last one's head is beyond it */
    ck_assert_int_eq(pair_take(p, "5a 01 9f20 00"), 0);
    ck_assert_uint_eq(user_data(&n), 0); /* none */
    ck_assert_int_eq(pair_take(p, "5a 01 00 ffff7f"), 0);
    user_data(&n);
    ck_assert_uint_eq(n, 5);
}
END_TEST

START_TEST(before_the_receiver_has_said_so_it_has_room_for_65536)
{
    size_t n;
    uint64_t id = pair_open(p, 0, 0);
    pair_write(p, 0, id, it_bytes_of(big, 100000), 0);
    size_t bytes = user_data(&n);
    ck_assert(bytes >= 65536 && bytes < 65536 + 1402);
}
END_TEST

/* All flows together have no more on its way than the path holds, whatever their receivers have room for: 64 KiB until
 * more has been seen to pass. */
START_TEST(all_flows_together_fill_the_path_and_no_more)
{
    size_t n, bytes;
    uint64_t id[3];
    for (int i = 0; i < 3; i++) {
        id[i] = pair_open(p, 0, 0);
        pair_write(p, 0, id[i], it_bytes_of(big, sizeof big), 0);
    }
    bytes = user_data(&n);
    ck_assert(bytes >= IT_RTWS_FLIGHT && bytes < IT_RTWS_FLIGHT + 1402);
    ck_assert_uint_eq(p->s[0].sent - p->s[0].acked, bytes);
    /* It comes to be acknowledged after 50 ms: so much in 50 ms, and 50 ms of queue, are twice as much. */
    p->now = 50 * IT_MS;
    for (int i = 0; i < 3; i++) {
        it_buf b;
        it_rtws_msg m = {
            .type = IT_RTWS_ACK, .flow = id[i], .buffer = IT_RTWS_WINDOW, .count = bytes / 3 / 1402 * 1402};
        it_buf_init(&b, p->buf, sizeof p->buf);
        it_rtws_put(&b, &m);
        ck_assert_int_eq(it_rtws_take(&p->s[0], p->now, kit_buf(&b)), 0);
    }
    ck_assert_int_eq(p->s[0].rtt, 50 * IT_MS);
    ck_assert_uint_eq(p->s[0].most, 2 * bytes);
    bytes = user_data(&n);
    ck_assert_uint_ge(bytes, IT_RTWS_FLIGHT);
}
END_TEST

START_TEST(the_more_urgent_flow_goes_first_and_equal_ones_take_turns)
{
    it_rtmfp_flow_opts o = {.priority = 1};
    uint64_t a = pair_open(p, 0, 0), b = pair_open(p, 0, 0), urgent;
    ck_assert_int_eq(it_rtws_flow_open(&p->s[0], &o, &urgent), 0);
    while (pair_give(p, 0).n)
        continue;
    pair_write(p, 0, a, it_bytes_of(big, 5000), 0);
    pair_write(p, 0, b, it_bytes_of(big, 5000), 0);
    uint8_t first = pair_give(p, 0).p[1];
    pair_give(p, 0); /* the window of acknowledgments */
    uint8_t second = pair_give(p, 0).p[1];
    ck_assert_uint_ne(first, second);
    pair_write(p, 0, urgent, it_bytes_str("now"), 0);
    pair_gives(p, "1d 03 6e6f77");
}
END_TEST

START_TEST(a_message_that_is_too_late_is_given_up_before_it_is_sent)
{
    uint64_t id = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    pair_write(p, 0, id, it_bytes_str("a"), 100 * IT_MS);
    pair_write(p, 0, id, it_bytes_str("b"), 100 * IT_MS);
    pair_write(p, 0, id, it_bytes_str("c"), 0);
    ck_assert_int_eq(it_rtws_next(&p->s[0]), 100 * IT_MS);
    p->now = 100 * IT_MS;
    ck_assert(!it_rtws_tick(&p->s[0], p->now));
    pair_gives(p, "1a 01 01"); /* two */
    pair_gives(p, "1d 01 63");
}
END_TEST

START_TEST(a_message_that_is_too_late_within_is_given_up_with_what_was_sent)
{
    uint64_t id = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    pair_take(p, "5a 01 00 02"); /* room for two bytes */
    pair_write(p, 0, id, it_bytes_str("abc"), 100 * IT_MS);
    pair_gives(p, "3d 01 6162");
    p->now = 100 * IT_MS;
    pair_gives(p, "0a 9570");
    pair_gives(p, "1a 01");
    ck_assert_uint_eq(pair_give(p, 0).n, 0);
}
END_TEST

START_TEST(a_close_goes_behind_what_was_written_or_instead_of_it)
{
    uint64_t id = pair_open(p, 0, 0), other = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    pair_gives(p, "10 02 6d");
    pair_write(p, 0, id, it_bytes_str("a"), 0);
    pair_write(p, 0, other, it_bytes_str("b"), 0);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], id, false), 0);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], other, true), 0);
    pair_gives(p, "1d 01 61");
    pair_gives(p, "0a 9570");
    pair_gives(p, "1a 02");
    pair_gives(p, "1c 01");
    pair_gives(p, "1c 02");
    ck_assert_int_eq(pair_take(p, "5c 01"), 0);
    ck_assert_uint_eq(pair_told(p, 0, IT_RTMFP_EV_SENT).flow, id);
    ck_assert_uint_eq(p->s[0].sent, p->s[0].acked);
    ck_assert_int_eq(it_rtws_flow_close(&p->s[0], id, false), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(an_exception_is_told_once_and_closes_the_flow)
{
    uint64_t id = pair_open(p, 0, 0);
    pair_gives(p, "10 01 6d");
    pair_write(p, 0, id, it_bytes_str("a"), 0);
    ck_assert_int_eq(pair_take(p, "5e 01 07 6e6f"), 0);
    it_rtmfp_event ev = pair_told(p, 0, IT_RTMFP_EV_EXCEPTION);
    ck_assert(ev.flow == id && ev.code == 7);
    ck_assert_int_eq(it_rtws_flow_write(&p->s[0], 0, id, it_bytes_str("x"), NULL, NULL), IT_ERR_STATE);
    ck_assert_int_eq(pair_take(p, "5e 01 07"), 0);
    pair_told_nothing(p, 0);
    pair_gives(p, "1a 01"); /* what waited will not be sent */
    pair_gives(p, "1c 01");
}
END_TEST

START_TEST(a_full_flow_says_when_it_is_no_more)
{
    size_t n;
    uint64_t id = pair_open(p, 0, 0);
    for (int i = 0; i < 2; i++)
        pair_write(p, 0, id, it_bytes_of(big, sizeof big), 0);
    ck_assert_int_eq(it_rtws_flow_write(&p->s[0], 0, id, it_bytes_of(big, sizeof big), NULL, NULL), IT_ERR_FULL);
    p->s[0].most = UINT64_MAX;
    pair_take(p, "5a 01 00 ffff7f");
    pair_told_nothing(p, 0);
    user_data(&n);
    ck_assert_uint_eq(pair_told(p, 0, IT_RTMFP_EV_WRITABLE).flow, id);
    pair_write(p, 0, id, it_bytes_of(big, sizeof big), 0);
}
END_TEST

START_TEST(what_breaks_the_protocol_ends_the_session)
{
    pair_breaks(NULL, "5a 01 00 00"); /* of no flow */
    pair_breaks(NULL, "5c 01");
    pair_breaks(NULL, "5e 01");
    pair_open(p, 0, 0);
    ck_assert_int_eq(pair_take(p, "5a 01 01 00"), IT_ERR_PARSE); /* more than was sent */
    pair_free(p);
    p = pair_new(NULL);
    pair_open(p, 0, 0);
    ck_assert_int_eq(pair_take(p, "5c 01"), IT_ERR_PARSE); /* it is not closed */
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_flow_is_opened_at_once_and_sends_what_is_written);
    tcase_add_test(t, a_flow_in_return_names_the_far_one_as_the_wire_does);
    tcase_add_test(t, commands_that_cannot_be_say_so);
    tcase_add_test(t, messages_go_in_parts_and_no_further_than_the_receiver_has_room);
    tcase_add_test(t, before_the_receiver_has_said_so_it_has_room_for_65536);
    tcase_add_test(t, all_flows_together_fill_the_path_and_no_more);
    tcase_add_test(t, the_more_urgent_flow_goes_first_and_equal_ones_take_turns);
    tcase_add_test(t, a_message_that_is_too_late_is_given_up_before_it_is_sent);
    tcase_add_test(t, a_message_that_is_too_late_within_is_given_up_with_what_was_sent);
    tcase_add_test(t, a_close_goes_behind_what_was_written_or_instead_of_it);
    tcase_add_test(t, an_exception_is_told_once_and_closes_the_flow);
    tcase_add_test(t, a_full_flow_says_when_it_is_no_more);
    tcase_add_test(t, what_breaks_the_protocol_ends_the_session);
}

int main(void)
{
    return kit_main("rtmfp/ws/send", add);
}
