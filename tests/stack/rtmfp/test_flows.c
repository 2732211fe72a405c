/* stack/rtmfp/flows.c: flows over sessions. */
#include "tests/stack/rtmfp/net.h"

static net *n;

static void setup(void)
{
    n = net_new(1, NULL);
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

static uint64_t flow_open(int i, bool urgent)
{
    uint64_t id = 0;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m"), .urgent = urgent};
    ck_assert_int_eq(it_rtmfp_flow_open(n->end[i], n->now, net_session(n, i), &o, &id), 0);
    return id;
}

static void flow_write(int i, uint64_t id, it_bytes data)
{
    ck_assert_int_eq(it_rtmfp_flow_write(n->end[i], n->now, net_session(n, i), id, data, NULL, NULL), 0);
}

/* In every mode of integrity, over a link that loses and reorders. */
START_TEST(messages_cross_a_session_in_order)
{
    static uint8_t big[60000];
    n->cfg[0].policy.mac = _i & 1 ? IT_RTMFP_REQUIRE : IT_RTMFP_ALLOW;
    n->cfg[0].policy.seq = _i & 2 ? IT_RTMFP_REQUIRE : IT_RTMFP_ALLOW;
    net_pair(n);
    n->loss = _i & 4 ? 100000 : 0;
    n->jitter_ms = _i & 4 ? 30 : 0;
    uint64_t id = flow_open(1, false);
    for (int k = 0; k < 5; k++)
        flow_write(1, id, it_bytes_of(big, sizeof big - (size_t)k));
    ck_assert_int_eq(it_rtmfp_flow_close(n->end[1], n->now, net_session(n, 1), id, false), 0);
    net_run(n, 120 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_FLOW), 1);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_MESSAGE), 5);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_COMPLETE), 1);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_SENT), 1);
    for (uint32_t k = 0, want = 0; k < n->events[0]; k++)
        if (n->event[0][k].ev.kind == IT_RTMFP_EV_MESSAGE)
            ck_assert_uint_eq(n->event[0][k].ev.data.n, sizeof big - want++);
}
END_TEST

START_TEST(flows_are_there_in_open_sessions_only)
{
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m")};
    uint64_t id;
    net_start(n, 0);
    net_start(n, 1);
    uint32_t s = net_connect(n, 1, 0);
    ck_assert_int_eq(it_rtmfp_flow_open(n->end[1], 0, s, &o, &id), IT_ERR_NOTFOUND);
    net_run(n, IT_SEC);
    id = flow_open(1, false);
    flow_write(1, id, it_bytes_str("x"));
    ck_assert_uint_eq(it_rtmfp_flow_queued(n->end[1], s, id), 1);
    ck_assert_int_eq(it_rtmfp_close(n->end[1], n->now, s), 0);
    ck_assert_int_eq(it_rtmfp_flow_write(n->end[1], n->now, s, id, it_bytes_str("x"), NULL, NULL), IT_ERR_NOTFOUND);
    ck_assert_uint_eq(it_rtmfp_flow_queued(n->end[1], s, id), 0);
    net_run(n, 2 * IT_SEC);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_FLOW)); /* what was not sent is gone (section 3.5.5) */
    ck_assert_ptr_nonnull(net_last(n, 0, IT_RTMFP_EV_CLOSED));
}
END_TEST

/* What was received before an end is told before the end. */
START_TEST(messages_come_before_the_end_of_their_session)
{
    net_pair(n);
    uint64_t id = flow_open(1, false);
    flow_write(1, id, it_bytes_str("x"));
    net_drain(n, 1);
    ck_assert_int_eq(it_rtmfp_abort(n->end[1], n->now, net_session(n, 1)), 0);
    net_run(n, 2 * IT_SEC);
    uint32_t k = n->events[0];
    ck_assert_uint_ge(k, 3);
    ck_assert(n->event[0][k - 1].ev.kind == IT_RTMFP_EV_CLOSED);
    ck_assert(n->event[0][k - 2].ev.kind == IT_RTMFP_EV_MESSAGE);
    ck_assert(n->event[0][k - 3].ev.kind == IT_RTMFP_EV_FLOW);
}
END_TEST

/* Data that nobody acknowledges shows a dead peer sooner than a keepalive would. */
START_TEST(unanswered_data_is_followed_by_pings_and_the_end)
{
    for (int i = 0; i < 2; i++)
        n->cfg[i].keepalive = 600 * IT_SEC;
    net_pair(n);
    n->loss = 1000000;
    flow_write(1, flow_open(1, false), it_bytes_str("x"));
    net_run(n, 60 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_CLOSED);
    ck_assert(e && e->ev.cause == IT_RTMFP_CAUSE_SILENCE);
    ck_assert(e->at > 20 * IT_SEC && e->at < 40 * IT_SEC);
}
END_TEST

/* Section 3.5.2.1: who sends something else is told that this end receives urgent data of another. */
START_TEST(urgent_data_of_one_peer_is_told_to_the_others)
{
    net_start(n, 0);
    for (int i = 1; i < 3; i++) {
        net_start(n, i);
        net_connect(n, i, 0);
        net_run(n, n->now + IT_SEC);
    }
    uint64_t urgent = flow_open(1, true), plain = flow_open(2, false);
    it_rtmfp_session *a = it_rtmfp_session_no(n->end[1], net_session(n, 1));
    it_rtmfp_session *b = it_rtmfp_session_no(n->end[2], net_session(n, 2));
    flow_write(2, plain, it_bytes_str("x"));
    net_run(n, n->now + IT_SEC);
    ck_assert(b->flows.tcr_at < 0);
    flow_write(1, urgent, it_bytes_str("x"));
    net_run(n, n->now + 50 * IT_MS);
    flow_write(2, plain, it_bytes_str("x"));
    net_run(n, n->now + 500 * IT_MS);
    ck_assert(b->flows.tcr_at > 0);
    ck_assert(a->flows.tcr_at < 0); /* not to itself */
    it_time told = b->flows.tcr_at;
    net_run(n, n->now + 2 * IT_SEC);
    flow_write(2, plain, it_bytes_str("x"));
    net_run(n, n->now + 500 * IT_MS);
    ck_assert(b->flows.tcr_at == told); /* forgotten after 800 ms */
}
END_TEST

START_TEST(commands_reach_the_flow_they_name)
{
    it_rtmfp_recv_opts o = {.window = 1000, .suspended = true};
    uint64_t m = 0;
    net_pair(n);
    uint32_t near = net_session(n, 1), far = net_session(n, 0);
    uint64_t id = flow_open(1, false);
    flow_write(1, id, it_bytes_str("x"));
    net_run(n, 2 * IT_SEC);
    ck_assert_int_eq(it_rtmfp_flow_tune(n->end[0], n->now, far, id, &o), 0);
    ck_assert_int_eq(it_rtmfp_flow_tune(n->end[0], n->now, far, id + 1, &o), IT_ERR_NOTFOUND);
    net_run(n, 3 * IT_SEC);
    flow_write(1, id, it_bytes_str("y"));
    net_run(n, 4 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_MESSAGE), 1);
    ck_assert_int_eq(it_rtmfp_flow_write(n->end[1], n->now, near, id, it_bytes_str("z"), NULL, &m), 0);
    ck_assert_int_eq(it_rtmfp_flow_abandon(n->end[1], n->now, near, id, m), 0);
    ck_assert_int_eq(it_rtmfp_flow_reject(n->end[0], n->now, far, id, 9), 0);
    net_run(n, 5 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_EXCEPTION);
    ck_assert(e && e->ev.code == 9 && e->ev.flow == id);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, messages_cross_a_session_in_order, 0, 8);
    tcase_add_test(t, flows_are_there_in_open_sessions_only);
    tcase_add_test(t, messages_come_before_the_end_of_their_session);
    tcase_add_test(t, unanswered_data_is_followed_by_pings_and_the_end);
    tcase_add_test(t, urgent_data_of_one_peer_is_told_to_the_others);
    tcase_add_test(t, commands_reach_the_flow_they_name);
}

int main(void)
{
    return kit_main("rtmfp/flows", add);
}
