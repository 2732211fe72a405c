/* stack/rtmfp/flow/recv.c: receiving flows, RFC 7016 section 3.6.3. */
#include "tests/stack/rtmfp/flow/link.h"

static link_ *l;

static void setup(void)
{
    l = link_new(1);
}

static void teardown(void)
{
    link_free(l);
}

/* What end 0 has answered in its last packet, as hexadecimal of its |nth| chunk. */
static void answered(int nth, uint8_t type, const char *hex)
{
    it_rtmfp_chunk c;
    ck_assert(link_sent(l, 0, nth, &c));
    ck_assert_uint_eq(c.type, type);
    kit_expect(c.payload, hex);
}

#define OPTS "02006d 00" /* metadata "m" */

/* Section 3.6.3.1: it is acknowledged at once. */
START_TEST(a_flow_begins_with_its_metadata)
{
    ck_assert_int_eq(link_say(l, 0, "10 000a 80 05 01 01" OPTS "6869"), 1);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_FLOW], 1);
    ck_assert_uint_eq(l->ev[0][IT_RTMFP_EV_FLOW].flow, 5);
    ck_assert_str_eq((char *)l->text[0], "hi");
    answered(0, IT_RTMFP_ACK_RANGES, "05 40 01"); /* 64 blocks */
}
END_TEST

/* The same section: MUST reject, code 0. */
START_TEST(a_flow_that_breaks_a_rule_is_rejected_with_code_0)
{
    static const char *const BAD[] = {
        "10 0005 00 05 01 01 78",                      /* no metadata */
        "10 000b 80 05 01 01 02006d 020a07 00",        /* in return to a flow that there is not */
        "10 000a 80 05 01 01 02006d 0109 00",          /* an unknown option */
        "10 000e 80 05 01 01 02006d 020a01 020a01 00", /* in return to two */
    };
    ck_assert_int_eq(link_say(l, 0, BAD[_i]), 1);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_REJECTED], 1);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_FLOW], 0);
    answered(0, IT_RTMFP_FLOW_EXCEPTION, "05 00");
    answered(1, IT_RTMFP_ACK_RANGES, "05 40 01");
    ck_assert_int_eq(link_say(l, 0, "10 0005 00 05 02 01 78"), 1); /* and goes on being acknowledged */
    answered(0, IT_RTMFP_FLOW_EXCEPTION, "05 00");
    answered(1, IT_RTMFP_ACK_RANGES, "05 40 02");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 0);
}
END_TEST

/* Section 2.3.11.1: below 8192 MUST reject, also later; from there on MUST ignore. */
START_TEST(unknown_options_are_rejected_or_ignored_by_their_type)
{
    link_say(l, 0, "10 000d 80 05 01 01 02006d 03c00061 0078");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
    link_say(l, 0, "10 0008 80 05 02 01 0109 00 78");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_REJECTED], 1);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
}
END_TEST

START_TEST(a_return_flow_names_a_flow_that_is_open)
{
    uint64_t id = link_open(l, 0);
    ck_assert_uint_eq(id, 1);
    link_say(l, 0, "10 000c 80 05 01 01 02006d 020a01 0078");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_FLOW], 1);
    ck_assert_uint_eq(l->ev[0][IT_RTMFP_EV_FLOW].returns, 1);
}
END_TEST

/* Section 3.6.3.3. */
START_TEST(messages_come_in_order_and_fragments_as_one)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    link_say(l, 0, "10 0005 10 05 03 03 63"); /* begins */
    link_say(l, 0, "10 0005 20 05 05 05 65"); /* ends */
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
    answered(0, IT_RTMFP_ACK_RANGES, "05 40 01 00 00 00 00");
    link_say(l, 0, "10 0005 30 05 04 04 64"); /* middle */
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
    link_say(l, 0, "10 0005 00 05 02 02 62");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 3);
    ck_assert_str_eq((char *)l->text[0], "cde");
    ck_assert(!l->ev[0][IT_RTMFP_EV_MESSAGE].gap);
}
END_TEST

START_TEST(unordered_messages_come_when_they_are_complete)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    it_rtmfp_recv_opts o = {.window = 65536, .unordered = true};
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    link_say(l, 0, "10 0005 10 05 03 03 63");
    link_say(l, 0, "10 0005 00 05 05 05 65");
    ck_assert_str_eq((char *)l->text[0], "e");
    link_say(l, 0, "10 0005 20 05 04 04 64");
    ck_assert_str_eq((char *)l->text[0], "cd");
    link_say(l, 0, "10 0005 00 05 02 02 62");
    ck_assert_str_eq((char *)l->text[0], "b");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 4);
}
END_TEST

/* A gap MUST be reported (section 3.6.3.3), and no part is ever delivered. */
START_TEST(what_was_abandoned_is_a_gap_and_never_a_part)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    link_say(l, 0, "10 0005 10 05 02 02 62"); /* a begin whose end will not come */
    link_say(l, 0, "10 0005 20 05 05 05 65"); /* an end whose begin will not */
    link_say(l, 0, "10 0005 00 05 06 02 66"); /* FSN 4 */
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 2);
    ck_assert_str_eq((char *)l->text[0], "f");
    ck_assert(l->ev[0][IT_RTMFP_EV_MESSAGE].gap);
    link_say(l, 0, "10 0005 00 05 07 07 67");
    ck_assert(!l->ev[0][IT_RTMFP_EV_MESSAGE].gap);
    ck_assert_uint_eq(l->flows[0].recv[0]->buffered, 0);
}
END_TEST

/* Section 3.6.2.7.1: the update closes a gap by itself. */
START_TEST(an_update_of_the_forward_number_closes_a_gap)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    link_say(l, 0, "10 0005 00 05 03 03 63");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
    link_say(l, 0, "10 0004 02 05 02 00");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 2);
    ck_assert(l->ev[0][IT_RTMFP_EV_MESSAGE].gap);
    answered(0, IT_RTMFP_ACK_RANGES, "05 40 03");
}
END_TEST

START_TEST(a_duplicate_is_acknowledged_at_once_and_not_delivered_again)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    uint64_t before = l->packets[0];
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_uint_eq(l->packets[0], before + 1);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
}
END_TEST

/* Section 3.6.3.4: 200 ms, or every second packet, or at once beside a gap. */
START_TEST(acknowledgments_wait_for_200_ms_or_a_second_packet)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    uint64_t before = l->packets[0];
    link_say(l, 0, "10 0005 00 05 02 02 61");
    ck_assert_uint_eq(l->packets[0], before);
    link_run(l, 200 * IT_MS - 1);
    ck_assert_uint_eq(l->packets[0], before);
    link_run(l, 200 * IT_MS);
    ck_assert_uint_eq(l->packets[0], before + 1);
    link_say(l, 0, "10 0005 00 05 03 03 61");
    link_say(l, 0, "10 0005 00 05 04 04 61");
    ck_assert_uint_eq(l->packets[0], before + 2);
    link_say(l, 0, "10 0005 00 05 06 06 61");
    ck_assert_uint_eq(l->packets[0], before + 3);
    link_say(l, 0, "10 0005 00 05 05 05 61");
    ck_assert_uint_eq(l->packets[0], before + 4);
}
END_TEST

/* Sections 3.6.3.2, 2.3.12: what hangs on a broken chunk is not known. */
START_TEST(next_user_data_needs_user_data_before_it)
{
    ck_assert_int_eq(link_say(l, 0, "11 0002 0061"), 0);
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_int_eq(link_say(l, 0, "10 0005 00 05 02 02 62 18 0001 05 11 0002 0063"), 3);
    ck_assert_str_eq((char *)l->text[0], "c");
    ck_assert_int_eq(link_say(l, 0, "10 0005 00 05 04 04 64 10 0004 00 05 05 00 11 0002 0065"), 1);
    ck_assert_str_eq((char *)l->text[0], "d");
}
END_TEST

/* Section 3.6.3.8: complete, for 120 seconds, in which it answers. */
START_TEST(a_complete_flow_lingers_and_its_number_may_come_again)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    link_say(l, 0, "10 0005 01 05 03 03 63"); /* final */
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_COMPLETE], 0);
    link_say(l, 0, "10 0005 00 05 04 04 64"); /* behind the end: not even acknowledged */
    answered(0, IT_RTMFP_ACK_RANGES, "05 40 01 00 00");
    link_say(l, 0, "10 0005 00 05 02 02 62");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_COMPLETE], 1);
    ck_assert(!l->ev[0][IT_RTMFP_EV_COMPLETE].gap);
    answered(0, IT_RTMFP_ACK_RANGES, "05 40 03");
    uint64_t before = l->packets[0];
    link_say(l, 0, "10 0005 01 05 03 03 63");
    ck_assert_uint_eq(l->packets[0], before + 1);
    link_say(l, 0, "10 0005 00 05 04 04 64"); /* behind the end */
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 3);
    link_run(l, 120 * IT_SEC - 1);
    ck_assert_uint_eq(l->flows[0].recvs, 1);
    link_run(l, 121 * IT_SEC);
    ck_assert_uint_eq(l->flows[0].recvs, 0);
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_FLOW], 2);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_COMPLETE], 1);
}
END_TEST

START_TEST(an_end_without_a_message_is_no_gap_and_one_that_was_abandoned_is)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    if (_i)
        link_say(l, 0, "10 0004 02 05 02 00");
    link_say(l, 0, _i ? "10 0004 03 05 03 00" : "10 0004 03 05 02 00");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_COMPLETE], 1);
    ck_assert(l->ev[0][IT_RTMFP_EV_COMPLETE].gap == _i);
}
END_TEST

/* Section 3.6.3.7. */
START_TEST(the_owner_rejects_a_flow_with_a_code)
{
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_int_eq(it_rtmfp_flows_reject(&l->flows[0], 5, 300), 0);
    link_drain(l, 0);
    answered(0, IT_RTMFP_FLOW_EXCEPTION, "05 822c");
    ck_assert_int_eq(it_rtmfp_flows_reject(&l->flows[0], 5, 300), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtmfp_flows_reject(&l->flows[0], 6, 300), IT_ERR_NOTFOUND);
    link_say(l, 0, "10 0005 01 05 02 02 63");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE] + l->count[0][IT_RTMFP_EV_COMPLETE], 1);
}
END_TEST

/* Section 3.6.3.5: one block at least, unless suspended or without a buffer at all. */
START_TEST(the_window_tells_what_there_is_room_for)
{
    it_rtmfp_recv_opts o = {.window = 4096, .suspended = true};
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    link_drain(l, 0);
    answered(0, IT_RTMFP_ACK_RANGES, "05 04 01");
    char big[2 * 2000 + 64] = "10 07d4 00 05 02 02";
    size_t at = strlen(big);
    memset(big + at, '1', 4000);
    link_say(l, 0, big);
    link_say(l, 0, "18 0001 05");
    answered(0, IT_RTMFP_ACK_RANGES, "05 02 02"); /* 4096 less 2000 and what a fragment costs */
    big[15] = big[18] = '3';
    link_say(l, 0, big);
    link_say(l, 0, "18 0001 05");
    answered(0, IT_RTMFP_ACK_RANGES, "05 00 03");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 1);
    o.suspended = false;
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    link_drain(l, 0);
    answered(0, IT_RTMFP_ACK_RANGES, "05 04 03");
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_MESSAGE], 3);
    o.window = 0;
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    link_drain(l, 0);
    answered(0, IT_RTMFP_ACK_RANGES, "05 00 03");
    o.window = 1;
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    link_drain(l, 0);
    answered(0, IT_RTMFP_ACK_RANGES, "05 01 03");
}
END_TEST

/* Section 3.6.3.5: or a gap would stay open for ever. */
START_TEST(a_full_buffer_with_a_gap_still_has_a_block)
{
    it_rtmfp_recv_opts o = {.window = 1024};
    char big[2 * 1500 + 64] = "10 05e0 00 05 03 03";
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    size_t at = strlen(big);
    memset(big + at, '1', 3000);
    link_say(l, 0, big);
    ck_assert_uint_gt(l->flows[0].recv[0]->buffered, 1024);
    answered(0, IT_RTMFP_ACK_RANGES, "05 01 01 00 00");
}
END_TEST

/* RFC 7016 section 5: a sender that ignores the window costs no more than twice of it. */
START_TEST(memory_is_bounded_and_what_has_no_room_is_not_acknowledged)
{
    it_rtmfp_recv_opts o = {.window = 1024};
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    for (int i = 3; i < 120; i++) {
        char hex[64];
        snprintf(hex, sizeof hex, "10 0005 00 05 %02x %02x 61", i, i);
        link_say(l, 0, hex);
    }
    const it_rtmfp_recv *v = l->flows[0].recv[0];
    ck_assert_uint_le(v->buffered, 3 * 1024);
    ck_assert(v->seen.n == 1 && v->seen.v[0].to < 60);
    link_say(l, 0, "10 0005 00 05 02 02 61"); /* what fills the gap is taken all the same */
    ck_assert_uint_eq(v->buffered, 0);
}
END_TEST

/* The same, whatever window its owner wants: a message that never ends is given up at 8 MB. */
START_TEST(a_message_larger_than_any_buffer_breaks_its_flow)
{
    it_rtmfp_recv_opts o = {.window = 64 << 20};
    uint8_t d[1200] = {IT_RTMFP_BY_RESPONDER}, room[1100];
    uint64_t seq = 1;
    link_say(l, 0, "10 0009 90 05 01 01" OPTS "61"); /* it begins */
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    while (l->count[0][IT_RTMFP_EV_REJECTED] == 0 && seq < 20000) {
        it_buf c, b;
        it_buf_init(&c, room, sizeof room);
        it_buf_u8(&c, 0x30); /* and goes on */
        it_buf_u8(&c, 5);
        it_rtmfp_vlu_put(&c, ++seq);
        it_rtmfp_vlu_put(&c, seq);
        it_buf_fill(&c, 'x', 1000);
        it_buf_init(&b, d + 1, sizeof d - 1);
        it_buf_u8(&b, IT_RTMFP_USER_DATA);
        it_buf_u16(&b, (uint16_t)c.len);
        it_buf_put(&b, c.p, c.len);
        link_give(l, 0, it_bytes_of(d, b.len + 1));
        link_drain(l, 0);
    }
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_REJECTED], 1);
    ck_assert(seq > 7000 && seq < 9000);
    ck_assert_uint_eq(l->flows[0].recv[0]->buffered, 0);
}
END_TEST

START_TEST(probes_are_answered_for_flows_that_there_are)
{
    ck_assert_int_eq(link_say(l, 0, "18 0001 05"), 1);
    ck_assert_uint_eq(l->packets[0], 0);
    ck_assert_int_eq(link_say(l, 0, "18 0000"), 0);
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    uint64_t before = l->packets[0];
    link_say(l, 0, "18 0001 05");
    ck_assert_uint_eq(l->packets[0], before + 1);
}
END_TEST

/* Section 3.6.3.4.2: a first acknowledgment that does not fit is cut, from its end. */
START_TEST(an_acknowledgment_that_does_not_fit_is_cut)
{
    it_rtmfp_chunk c;
    it_rtmfp_ack a;
    uint64_t from, to, n = 0;
    link_say(l, 0, "10 0009 80 05 01 01" OPTS "61");
    it_rtmfp_recv_opts o = {.window = 1 << 20};
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[0], 5, &o), 0);
    for (int i = 0; i < 500; i++) {
        uint8_t d[64] = {IT_RTMFP_BY_RESPONDER};
        it_buf b;
        uint64_t seq = 1000 + 200 * (uint64_t)i;
        it_rtmfp_data data = {.flow = 5, .seq = seq, .fsn = 0, .data = it_bytes_str("x")};
        it_buf_init(&b, d + 1, sizeof d - 1);
        it_rtmfp_data_put(&b, &data, false);
        link_give(l, 0, it_bytes_of(d, b.len + 1));
    }
    link_drain(l, 0);
    ck_assert(link_sent(l, 0, 0, &c) && it_rtmfp_ack_get(c.type, c.payload, &a));
    while (it_rtmfp_ack_next(&a, &from, &to))
        ck_assert_uint_eq(from, 1000 + 200 * n++);
    ck_assert(n > 300 && n < 500);
}
END_TEST

START_TEST(there_are_256_flows_at_most)
{
    for (int i = 0; i < 300; i++) {
        char hex[64];
        snprintf(hex, sizeof hex, "10 000a 80 82%02x 01 01 02006d 00 61", i & 127);
        if (i >= 128)
            snprintf(hex, sizeof hex, "10 000a 80 %02x%02x 01 01 02006d 00 61", 131 + i / 128, i & 127);
        link_say(l, 0, hex);
    }
    ck_assert_uint_eq(l->flows[0].recvs, IT_RTMFP_FLOWS);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_FLOW], IT_RTMFP_FLOWS);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_flow_begins_with_its_metadata);
    tcase_add_loop_test(t, a_flow_that_breaks_a_rule_is_rejected_with_code_0, 0, 4);
    tcase_add_test(t, unknown_options_are_rejected_or_ignored_by_their_type);
    tcase_add_test(t, a_return_flow_names_a_flow_that_is_open);
    tcase_add_test(t, messages_come_in_order_and_fragments_as_one);
    tcase_add_test(t, unordered_messages_come_when_they_are_complete);
    tcase_add_test(t, what_was_abandoned_is_a_gap_and_never_a_part);
    tcase_add_test(t, an_update_of_the_forward_number_closes_a_gap);
    tcase_add_test(t, a_duplicate_is_acknowledged_at_once_and_not_delivered_again);
    tcase_add_test(t, acknowledgments_wait_for_200_ms_or_a_second_packet);
    tcase_add_test(t, next_user_data_needs_user_data_before_it);
    tcase_add_test(t, a_complete_flow_lingers_and_its_number_may_come_again);
    tcase_add_loop_test(t, an_end_without_a_message_is_no_gap_and_one_that_was_abandoned_is, 0, 2);
    tcase_add_test(t, the_owner_rejects_a_flow_with_a_code);
    tcase_add_test(t, the_window_tells_what_there_is_room_for);
    tcase_add_test(t, a_full_buffer_with_a_gap_still_has_a_block);
    tcase_add_test(t, memory_is_bounded_and_what_has_no_room_is_not_acknowledged);
    tcase_add_test(t, a_message_larger_than_any_buffer_breaks_its_flow);
    tcase_add_test(t, probes_are_answered_for_flows_that_there_are);
    tcase_add_test(t, an_acknowledgment_that_does_not_fit_is_cut);
    tcase_add_test(t, there_are_256_flows_at_most);
}

int main(void)
{
    return kit_main("rtmfp/flow/recv", add);
}
