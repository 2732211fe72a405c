/* stack/rtmfp/flow/send.c: sending flows, RFC 7016 section 3.6.2. */
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

/* The |nth| chunk of end 0's last packet as user data of flow |id|. */
static it_rtmfp_data sent(int nth)
{
    it_rtmfp_chunk c;
    it_rtmfp_data d = {.part = IT_RTMFP_WHOLE};
    for (int k = 0; k <= nth; k++) {
        ck_assert(link_sent(l, 0, k, &c));
        if (c.type == IT_RTMFP_USER_DATA)
            ck_assert(it_rtmfp_data_get(c.payload, &d));
        else
            ck_assert(c.type == IT_RTMFP_NEXT_USER_DATA && it_rtmfp_next_data_get(c.payload, &d));
    }
    return d;
}

static uint64_t write_timed(uint64_t id, const char *text, it_time until, uint32_t sends)
{
    uint64_t m = 0;
    it_rtmfp_write_opts o = {.until = until, .sends = sends};
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_str(text), &o, &m), 0);
    return m;
}

/* Sections 3.6.2.3.1, 3.6.2.3.2: options on the first chunk of each packet until the first acknowledgment. */
START_TEST(the_first_chunk_has_the_options_and_those_behind_it_are_next_chunks)
{
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "one");
    link_write(l, 0, id, "two");
    link_drain(l, 0);
    it_rtmfp_chunk c;
    it_rtmfp_data d = sent(0);
    ck_assert(d.has_options && d.seq == 1 && d.fsn == 0 && d.flow == id);
    kit_expect(d.options, "02006d");
    ck_assert(link_sent(l, 0, 1, &c) && c.type == IT_RTMFP_NEXT_USER_DATA);
    d = sent(1);
    ck_assert(!d.has_options && d.seq == 2 && it_bytes_eq(d.data, it_bytes_str("two")));
    link_write(l, 0, id, "three");
    link_drain(l, 0);
    ck_assert(sent(0).has_options);
    link_run(l, IT_SEC);
    link_write(l, 0, id, "four");
    link_drain(l, 0);
    ck_assert(!sent(0).has_options && sent(0).fsn == 3);
    link_run(l, 2 * IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 4);
    ck_assert_uint_eq(it_rtmfp_flows_queued(&l->flows[0], id), 0);
}
END_TEST

START_TEST(a_return_flow_says_to_which)
{
    uint64_t id = link_open(l, 0), back = 0;
    link_write(l, 0, id, "x");
    link_run(l, IT_SEC);
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("r"), .returns = id};
    ck_assert_int_eq(it_rtmfp_flows_open(&l->flows[1], &o, &back), 0);
    link_write(l, 1, back, "y");
    link_run(l, 2 * IT_SEC);
    ck_assert_uint_eq(l->ev[0][IT_RTMFP_EV_FLOW].returns, id);
    o.returns = 77;
    ck_assert_int_eq(it_rtmfp_flows_open(&l->flows[1], &o, &back), IT_ERR_NOTFOUND);
    o = (it_rtmfp_flow_opts){.metadata.n = IT_RTMFP_METADATA + 1};
    ck_assert_int_eq(it_rtmfp_flows_open(&l->flows[1], &o, &back), IT_ERR_RANGE);
}
END_TEST

START_TEST(a_large_message_is_cut_and_joined)
{
    static uint8_t big[300000];
    uint64_t id = link_open(l, 0);
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(big, sizeof big), NULL, NULL), 0);
    link_run(l, 20 * IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 1);
    ck_assert_uint_eq(l->got[1], sizeof big);
}
END_TEST

/* RX_BUFFER_SIZE <= F_OUTSTANDING_BYTES MUST stop new data; a closed window is probed (section 3.6.2.9). */
START_TEST(a_closed_window_stops_the_sender_and_is_probed)
{
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "x");
    link_run(l, IT_SEC);
    it_rtmfp_recv_opts o = {.window = 0};
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[1], id, &o), 0);
    link_run(l, 2 * IT_SEC);
    uint64_t before = l->packets[0];
    link_write(l, 0, id, "y");
    it_time erto = l->rtt[0].erto;
    link_run(l, l->now + 10 * IT_SEC);
    ck_assert(erto < IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 1);
    /* closed at about 1.02 s, probes at 2.02, 3.02, 4.43, 6.43, 9.26 s */
    ck_assert_uint_eq(l->packets[0] - before, 5);
    it_rtmfp_chunk c;
    ck_assert(link_sent(l, 0, 0, &c) && c.type == IT_RTMFP_BUFFER_PROBE);
    o.window = 65536;
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[1], id, &o), 0);
    link_run(l, l->now + IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 2);
    ck_assert(l->flows[0].send[0]->probe_at == IT_NEVER);
}
END_TEST

/* Sections 3.6.2.5, 3.6.2.6. */
START_TEST(three_negative_acknowledgments_are_a_loss)
{
    uint64_t id = link_open(l, 0);
    for (int i = 0; i < 5; i++) {
        link_write(l, 0, id, "x");
        link_drain(l, 0);
        l->flights = 0; /* all are lost */
    }
    static const char *const ACKS[] = {"51 0005 01 40 00 00 00", "51 0007 01 40 00 00 00 00 00",
                                       "51 0005 01 40 00 00 03"};
    for (int i = 0; i < 3; i++) {
        uint64_t before = l->packets[0];
        if (i == 1) {
            link_say(l, 0, "51 0005 01 40 00 00 01");
            ck_assert_uint_eq(l->packets[0], before);
            continue;
        }
        link_say(l, 0, ACKS[i]);
        ck_assert_uint_eq(l->packets[0], before + (i == 2));
    }
    ck_assert_uint_eq(sent(0).seq, 1);
}
END_TEST

/* RFC 5681 section 4.3, which appendix A does not contradict: a window is cut once for all that is lost of it. */
START_TEST(what_is_lost_of_one_window_cuts_it_once)
{
    static const char *const ACKS[] = {"51 0005 01 40 00 00 00", "51 0007 01 40 00 00 00 00 00",
                                       "51 0007 01 40 00 00 00 00 01", "51 0007 01 40 00 00 00 00 02"};
    uint64_t id = link_open(l, 0);
    for (int i = 0; i < 6; i++) {
        link_write(l, 0, id, "x");
        link_drain(l, 0);
        l->flights = 0; /* all are lost */
    }
    it_rtmfp_congestion *cc = &l->flows[0].cc;
    cc->cwnd = cc->ssthresh = 100000;
    for (int i = 0; i < 3; i++)
        link_say(l, 0, ACKS[i]);
    ck_assert_uint_eq(cc->cwnd, IT_RTMFP_CWND_INIT); /* the first is lost: half of what little is in flight */
    cc->cwnd = cc->ssthresh = 50000;
    uint64_t before = l->packets[0];
    link_say(l, 0, ACKS[3]); /* and the third, which had been sent before */
    ck_assert_uint_eq(l->packets[0], before + 1);
    ck_assert_uint_eq(sent(0).seq, 3);
    ck_assert_uint_eq(cc->cwnd, 50000);
}
END_TEST

/* Nothing acknowledged: at 0, 3.000, 7.243 s and so on. */
START_TEST(without_acknowledgments_it_backs_off)
{
    static const int AT[] = {0, 3000, 7243, 13243, 21728, 31728, 41728};
    uint64_t id = link_open(l, 0);
    l->loss = 1000000;
    link_write(l, 0, id, "x");
    for (size_t i = 0; i < 7; i++) {
        link_run(l, AT[i] * IT_MS);
        ck_assert_uint_eq(l->packets[0], i + 1);
    }
    ck_assert(l->flows[0].stalled);
}
END_TEST

START_TEST(not_more_than_six_packets_leave_between_acknowledgments)
{
    static uint8_t big[20000];
    uint64_t id = link_open(l, 0);
    l->flows[0].cc.cwnd = 1 << 20;
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(big, sizeof big), NULL, NULL), 0);
    link_drain(l, 0);
    ck_assert_uint_eq(l->packets[0], IT_RTMFP_BURST);
}
END_TEST

START_TEST(not_more_than_the_window_is_in_flight)
{
    static uint8_t big[20000];
    uint64_t id = link_open(l, 0);
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(big, sizeof big), NULL, NULL), 0);
    link_drain(l, 0);
    ck_assert(l->flows[0].outstanding >= IT_RTMFP_CWND_INIT);
    ck_assert(l->flows[0].outstanding < IT_RTMFP_CWND_INIT + LINK_ROOM);
}
END_TEST

/* Section 3.6.2.7: whole messages, and the receiver goes on behind them. */
START_TEST(a_message_that_is_too_late_is_abandoned_whole)
{
    static char big[4000];
    memset(big, 'b', sizeof big - 1);
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "first");
    link_run(l, IT_SEC);
    l->loss = 1000000;
    write_timed(id, big, l->now + 100 * IT_MS, 0);
    link_run(l, l->now + 100 * IT_MS);
    l->loss = 0;
    link_write(l, 0, id, "last");
    link_run(l, l->now + 5 * IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 2);
    ck_assert_str_eq((char *)l->text[1], "last");
    ck_assert(l->ev[1][IT_RTMFP_EV_MESSAGE].gap);
    ck_assert_uint_eq(it_rtmfp_flows_queued(&l->flows[0], id), 0);
}
END_TEST

START_TEST(a_message_that_was_sent_often_enough_is_given_up)
{
    uint64_t id = link_open(l, 0);
    l->loss = 1000000;
    write_timed(id, "x", 0, 2);
    link_run(l, 7 * IT_SEC);
    ck_assert_uint_eq(l->packets[0], 2);
    l->loss = 0;
    link_run(l, 30 * IT_SEC); /* its number still has to be told of */
    ck_assert_uint_eq(l->packets[0], 3);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 0);
    ck_assert_ptr_null(l->flows[0].send[0]->first);
}
END_TEST

START_TEST(the_owner_abandons_a_message_once)
{
    uint64_t id = link_open(l, 0), m = write_timed(id, "x", 0, 0), k = write_timed(id, "y", 0, 0);
    ck_assert_int_eq(it_rtmfp_flows_abandon(&l->flows[0], id, m), 0);
    ck_assert_int_eq(it_rtmfp_flows_abandon(&l->flows[0], id, m), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtmfp_flows_abandon(&l->flows[0], 9, m), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtmfp_flows_abandon(&l->flows[0], id, 0), IT_ERR_NOTFOUND);
    link_run(l, IT_SEC);
    ck_assert_str_eq((char *)l->text[1], "y");
    ck_assert(l->ev[1][IT_RTMFP_EV_MESSAGE].gap);
    ck_assert_int_eq(it_rtmfp_flows_abandon(&l->flows[0], id, k), IT_ERR_NOTFOUND);
}
END_TEST

/* Section 3.6.2.10: the last message says so, or one more number does; then 130 seconds. */
START_TEST(a_closed_flow_ends_when_all_was_acknowledged)
{
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "x");
    if (_i)
        link_run(l, IT_SEC);
    ck_assert_int_eq(it_rtmfp_flows_close(&l->flows[0], id, false), 0);
    ck_assert_int_eq(it_rtmfp_flows_close(&l->flows[0], id, false), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_str("y"), NULL, NULL), IT_ERR_STATE);
    it_time begun = l->now;
    link_run(l, l->now + IT_SEC);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_SENT], 1);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_COMPLETE], 1);
    ck_assert(!l->ev[1][IT_RTMFP_EV_COMPLETE].gap);
    ck_assert_uint_eq(l->flows[1].recv[0]->final, _i ? 2 : 1);
    link_run(l, begun + 130 * IT_SEC);
    ck_assert_uint_eq(l->flows[0].sends, 1);
    link_run(l, begun + 131 * IT_SEC);
    ck_assert_uint_eq(l->flows[0].sends, 0);
    ck_assert_int_eq(it_rtmfp_flows_close(&l->flows[0], id, false), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(a_flow_without_a_message_begins_and_ends_all_the_same)
{
    uint64_t id = link_open(l, 0);
    link_run(l, IT_SEC);
    ck_assert_uint_eq(l->packets[0], 0);
    ck_assert_int_eq(it_rtmfp_flows_close(&l->flows[0], id, false), 0);
    link_run(l, 2 * IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_FLOW], 1);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_COMPLETE], 1);
    ck_assert(!l->ev[1][IT_RTMFP_EV_COMPLETE].gap);
}
END_TEST

START_TEST(what_was_queued_is_given_up_when_a_flow_is_closed_so)
{
    uint64_t id = link_open(l, 0);
    for (int i = 0; i < 50; i++)
        link_write(l, 0, id, "x");
    ck_assert_int_eq(it_rtmfp_flows_close(&l->flows[0], id, true), 0);
    link_run(l, IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 0);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_COMPLETE], 1);
    ck_assert(l->ev[1][IT_RTMFP_EV_COMPLETE].gap);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_SENT], 1);
}
END_TEST

/* Section 3.6.2.9, exception: closes, tells, and abandons all. */
START_TEST(a_rejected_flow_is_closed_with_its_code)
{
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "x");
    link_run(l, IT_SEC);
    for (int i = 0; i < 50; i++)
        link_write(l, 0, id, "y");
    ck_assert_int_eq(it_rtmfp_flows_reject(&l->flows[1], id, 42), 0);
    link_run(l, 2 * IT_SEC);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_EXCEPTION], 1);
    ck_assert_uint_eq(l->ev[0][IT_RTMFP_EV_EXCEPTION].code, 42);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_SENT], 1);
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_str("y"), NULL, NULL), IT_ERR_STATE);
    ck_assert_uint_eq(l->flows[1].recv[0]->state, IT_RTMFP_RF_COMPLETE_LINGER);
}
END_TEST

START_TEST(a_full_queue_says_so_and_when_it_is_not_any_more)
{
    static uint8_t part[100000];
    uint64_t id = link_open(l, 0);
    int r = 0, n = 0;
    while ((r = it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(part, sizeof part), NULL, NULL)) == 0)
        n++;
    ck_assert_int_eq(r, IT_ERR_FULL);
    ck_assert_int_eq(n, 10);
    link_run(l, 60 * IT_SEC);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_WRITABLE], 1);
    ck_assert_uint_eq(l->got[1], 10 * sizeof part);
}
END_TEST

/* Numbers that were never sent, flows that there are not, ranges beyond everything. */
START_TEST(an_acknowledgment_of_what_was_not_sent_changes_nothing)
{
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "x");
    link_say(l, 0, "51 0003 09 40 05");
    link_say(l, 0, "51 0004 01 40 00 00");
    ck_assert_uint_gt(it_rtmfp_flows_queued(&l->flows[0], id), 0);
    link_say(l, 0, "51 000d 01 40 00 81ffffffffffffffff7f");
    link_say(l, 0, "51 000c 01 81ffffffffffffffff7f 00");
    ck_assert_uint_gt(it_rtmfp_flows_queued(&l->flows[0], id), 0);
    for (int i = 0; i < 5000; i++)
        link_write(l, 0, id, "abc");
    link_say(l, 0, "51 0004 01 40 ff7f"); /* only what was sent is gone */
    ck_assert_uint_gt(it_rtmfp_flows_queued(&l->flows[0], id), 3000);
    link_run(l, 60 * IT_SEC);
    ck_assert_uint_eq(it_rtmfp_flows_queued(&l->flows[0], id), 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_first_chunk_has_the_options_and_those_behind_it_are_next_chunks);
    tcase_add_test(t, a_return_flow_says_to_which);
    tcase_add_test(t, a_large_message_is_cut_and_joined);
    tcase_add_test(t, a_closed_window_stops_the_sender_and_is_probed);
    tcase_add_test(t, three_negative_acknowledgments_are_a_loss);
    tcase_add_test(t, what_is_lost_of_one_window_cuts_it_once);
    tcase_add_test(t, without_acknowledgments_it_backs_off);
    tcase_add_test(t, not_more_than_six_packets_leave_between_acknowledgments);
    tcase_add_test(t, not_more_than_the_window_is_in_flight);
    tcase_add_test(t, a_message_that_is_too_late_is_abandoned_whole);
    tcase_add_test(t, a_message_that_was_sent_often_enough_is_given_up);
    tcase_add_test(t, the_owner_abandons_a_message_once);
    tcase_add_loop_test(t, a_closed_flow_ends_when_all_was_acknowledged, 0, 2);
    tcase_add_test(t, a_flow_without_a_message_begins_and_ends_all_the_same);
    tcase_add_test(t, what_was_queued_is_given_up_when_a_flow_is_closed_so);
    tcase_add_test(t, a_rejected_flow_is_closed_with_its_code);
    tcase_add_test(t, a_full_queue_says_so_and_when_it_is_not_any_more);
    tcase_add_test(t, an_acknowledgment_of_what_was_not_sent_changes_nothing);
}

int main(void)
{
    return kit_main("rtmfp/flow/send", add);
}
