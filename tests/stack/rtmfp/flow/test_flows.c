/* stack/rtmfp/flow/flows.c: all flows of a session over links that lose, double, reorder, and are narrow. */
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

static uint32_t expected[8], wrong;

/* Messages are their numbers. */
static void in_order(link_ *w, int i, const it_rtmfp_event *ev)
{
    (void)w, (void)i;
    if (ev->kind != IT_RTMFP_EV_MESSAGE)
        return;
    uint32_t n = it_get32(ev->data.p);
    wrong += n != expected[ev->flow % 8] || ev->gap;
    expected[ev->flow % 8] = n + 1;
}

static void write_number(uint64_t id, uint32_t n, size_t size)
{
    static uint8_t room[5000];
    it_put32(room, n);
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(room, size), NULL, NULL), 0);
}

/* Every byte, in order, whatever the link does. */
START_TEST(reliable_flows_deliver_every_message_in_order)
{
    static const uint32_t LOSS[] = {0, 20000, 50000, 100000, 250000};
    link_free(l);
    l = link_new((uint64_t)_i);
    l->loss = LOSS[_i % 5];
    l->twice = _i & 1 ? 50000 : 0;
    l->jitter_ms = _i & 2 ? 60 : 0;
    l->told = in_order;
    memset(expected, 0, sizeof expected);
    wrong = 0;
    uint64_t id[3];
    for (int k = 0; k < 3; k++)
        id[k] = link_open(l, 0);
    for (uint32_t n = 0; n < 60; n++)
        for (int k = 0; k < 3; k++)
            write_number(id[k], n, 4 + (n * 97 + (uint32_t)k * 31) % 3000);
    for (int k = 0; k < 3; k++)
        ck_assert_int_eq(it_rtmfp_flows_close(&l->flows[0], id[k], false), 0);
    link_run(l, 600 * IT_SEC);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 180);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_COMPLETE], 3);
    ck_assert_uint_eq(l->count[0][IT_RTMFP_EV_SENT], 3);
    ck_assert_uint_eq(l->flows[0].outstanding, 0);
}
END_TEST

static uint32_t late, rising;
static it_time born[2000];

static void in_time(link_ *w, int i, const it_rtmfp_event *ev)
{
    (void)i;
    if (ev->kind != IT_RTMFP_EV_MESSAGE)
        return;
    uint32_t n = it_get32(ev->data.p);
    late += w->now - born[n] > 150 * IT_MS + LINK_DELAY + 30 * IT_MS;
    wrong += n < rising;
    rising = n + 1;
}

/* A message that is delivered is whole, in order, and no later than its life and a way. Silence before others is a gap.
 */
START_TEST(partly_reliable_messages_are_never_late)
{
    link_free(l);
    l = link_new((uint64_t)_i);
    l->loss = 100000;
    l->jitter_ms = 30;
    l->told = in_time;
    wrong = late = rising = 0;
    uint64_t id = link_open(l, 0);
    uint8_t room[400] = {0};
    link_write(l, 0, id, "\0\0\0\0");
    it_put32(room, 0);
    ck_assert_int_eq(it_rtmfp_flows_abandon(&l->flows[0], id, 1), 0);
    while (!l->flows[1].recvs)
        link_run(l, l->now + 20 * IT_MS);
    it_rtmfp_recv_opts opts = {.window = 65536, .unordered = _i & 1};
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[1], id, &opts), 0);
    for (uint32_t n = 0; n < 1500; n++) {
        it_rtmfp_write_opts o = {.until = l->now + 150 * IT_MS};
        it_put32(room, n);
        born[n] = l->now;
        ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(room, sizeof room), &o, NULL), 0);
        link_run(l, l->now + 20 * IT_MS);
    }
    link_run(l, l->now + 20 * IT_SEC);
    ck_assert_uint_eq(_i & 1 ? late : wrong, 0);
    ck_assert_uint_gt(l->count[1][IT_RTMFP_EV_MESSAGE], 1200);
    ck_assert_uint_eq(it_rtmfp_flows_queued(&l->flows[0], id), 0);
}
END_TEST

/* What is held up in one flow does not hold up another (H-C1). */
static uint32_t of_flow[3];

static void count_flows(link_ *w, int i, const it_rtmfp_event *ev)
{
    (void)w, (void)i;
    if (ev->kind == IT_RTMFP_EV_MESSAGE)
        of_flow[ev->flow % 3]++;
}

START_TEST(a_gap_in_one_flow_does_not_hold_up_another)
{
    l->told = count_flows;
    memset(of_flow, 0, sizeof of_flow);
    uint64_t a = link_open(l, 0), b = link_open(l, 0);
    write_number(a, 0, 4);
    write_number(b, 0, 4);
    link_run(l, IT_SEC);
    write_number(a, 1, 4);
    l->loss = 1000000;
    link_drain(l, 0); /* is lost */
    l->loss = 0;
    write_number(a, 2, 4);
    write_number(b, 1, 4);
    link_run(l, l->now + 30 * IT_MS);
    ck_assert(of_flow[a % 3] == 1 && of_flow[b % 3] == 2);
    link_run(l, l->now + 5 * IT_SEC);
    ck_assert(of_flow[a % 3] == 3);
}
END_TEST

START_TEST(the_flow_of_higher_priority_goes_first)
{
    static uint8_t big[200000];
    uint64_t low = link_open(l, 0), high = 0;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("h"), .priority = 5};
    ck_assert_int_eq(it_rtmfp_flows_open(&l->flows[0], &o, &high), 0);
    l->rate = 50000;
    ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], low, it_bytes_of(big, sizeof big), NULL, NULL), 0);
    link_run(l, IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 0);
    link_write(l, 0, high, "now");
    link_run(l, l->now + 700 * IT_MS);
    ck_assert_str_eq((char *)l->text[1], "now");
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 1);
    link_run(l, 60 * IT_SEC);
    ck_assert_uint_eq(l->count[1][IT_RTMFP_EV_MESSAGE], 2);
}
END_TEST

/* Keeps a megabit of queue full for a while; bytes that arrived. */
static uint64_t fill(it_time span)
{
    static uint8_t part[20000];
    uint64_t id = link_open(l, 0);
    it_time end = l->now + span;
    uint64_t before = l->got[1];
    while (l->now < end) {
        while (it_rtmfp_flows_queued(&l->flows[0], id) < 200000)
            ck_assert_int_eq(it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(part, sizeof part), NULL, NULL), 0);
        link_run(l, l->now + 50 * IT_MS);
    }
    return l->got[1] - before;
}

/* 2 Mbit/s, 40 ms round trip, 200 ms of queue. */
START_TEST(a_narrow_link_is_used_without_a_storm_of_losses)
{
    l->rate = 250000;
    uint64_t got = fill(30 * IT_SEC);
    ck_assert_uint_gt(got, 250000 * 30 * 80 / 100);
    ck_assert_uint_lt(l->dropped * 100, l->packets[0] * 5);
}
END_TEST

/* 100 Mbit/s, 40 ms round trip: half a megabyte in flight, where the receiver has room for it. */
START_TEST(a_long_fat_link_is_used)
{
    l->rate = 12500000;
    uint64_t id = link_open(l, 0);
    link_write(l, 0, id, "x");
    link_run(l, IT_SEC);
    it_rtmfp_recv_opts o = {.window = 4 << 20};
    ck_assert_int_eq(it_rtmfp_flows_tune(&l->flows[1], id, &o), 0);
    static uint8_t part[20000];
    uint64_t before = 0;
    for (int i = 0; i < 400; i++) {
        if (i == 200)
            before = l->got[1];
        while (it_rtmfp_flows_write(&l->flows[0], id, it_bytes_of(part, sizeof part), NULL, NULL) == 0)
            continue;
        link_run(l, l->now + 20 * IT_MS);
    }
    ck_assert_uint_gt(l->got[1] - before, 45000000); /* in four seconds */
}
END_TEST

/* Section 3.5.2.1: MUST act as if SSTHRESH were 0. */
START_TEST(a_notification_of_urgent_data_elsewhere_is_obeyed)
{
    l->rate = 10000000;
    l->tcr[1] = _i;
    fill(2 * IT_SEC);
    uint64_t cwnd = l->flows[0].cc.cwnd;
    if (_i)
        ck_assert_uint_lt(cwnd, 4380 + 2 * 1000 / 40 * 2 * 384);
    else
        ck_assert_uint_gt(cwnd, 60000);
}
END_TEST

START_TEST(packets_of_urgent_flows_say_so_and_others_do_not)
{
    uint64_t id = 0, plain = link_open(l, 0);
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("u"), .urgent = true};
    ck_assert_int_eq(it_rtmfp_flows_open(&l->flows[0], &o, &id), 0);
    link_write(l, 0, plain, "x");
    link_drain(l, 0);
    ck_assert(!(l->last[0].data[0] & 0x80));
    link_write(l, 0, id, "x");
    link_drain(l, 0);
    ck_assert(l->last[0].data[0] & 0x80);
    ck_assert(l->shared[0].tc_sent_at == l->now && l->flows[0].tc_sent_at == l->now);
}
END_TEST

/* Section 3.6.3.4.6. */
START_TEST(acknowledgments_ride_with_user_data)
{
    uint64_t a = link_open(l, 0), b = link_open(l, 1);
    link_write(l, 0, a, "x");
    link_write(l, 1, b, "x");
    link_run(l, IT_SEC);
    link_write(l, 0, a, "y");
    link_run(l, l->now + 30 * IT_MS); /* it has come, and its acknowledgment waits */
    uint64_t before = l->packets[1];
    link_write(l, 1, b, "y");
    link_run(l, l->now + 190 * IT_MS);
    ck_assert_uint_eq(l->packets[1], before + 1);
    it_rtmfp_chunk c;
    ck_assert(link_sent(l, 1, 0, &c) && c.type == IT_RTMFP_USER_DATA);
    ck_assert(link_sent(l, 1, 1, &c) && c.type == IT_RTMFP_ACK_RANGES);
}
END_TEST

START_TEST(malformed_chunks_are_not_taken)
{
    ck_assert_int_eq(link_say(l, 0, "51 0001 80 50 0000 5e 0001 01 18 0001 80 10 0001 00 77 0000"), 0);
    ck_assert_uint_eq(l->packets[0], 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, reliable_flows_deliver_every_message_in_order, 0, 40);
    tcase_add_loop_test(t, partly_reliable_messages_are_never_late, 0, 8);
    tcase_add_test(t, a_gap_in_one_flow_does_not_hold_up_another);
    tcase_add_test(t, the_flow_of_higher_priority_goes_first);
    tcase_add_test(t, a_narrow_link_is_used_without_a_storm_of_losses);
    tcase_add_test(t, a_long_fat_link_is_used);
    tcase_add_loop_test(t, a_notification_of_urgent_data_elsewhere_is_obeyed, 0, 2);
    tcase_add_test(t, packets_of_urgent_flows_say_so_and_others_do_not);
    tcase_add_test(t, acknowledgments_ride_with_user_data);
    tcase_add_test(t, malformed_chunks_are_not_taken);
}

int main(void)
{
    return kit_main("rtmfp/flow/flows", add);
}
