/* stack/rtmfp/session.c and queue.c: how sessions are found, and what waits. */
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

START_TEST(a_session_is_found_by_peer_and_by_what_selects_it)
{
    uint8_t epd[IT_RTMFP_PRINT_EPD], host[8];
    n->cfg[0].identity.host = "a";
    net_pair(n);
    uint32_t s = net_session(n, 1);
    it_rtmfp_epd_of_print(it_rtmfp_print(n->end[0]), epd);
    ck_assert_uint_eq(it_rtmfp_find(n->end[1], it_rtmfp_print(n->end[0])), s);
    ck_assert_uint_eq(it_rtmfp_select(n->end[1], it_bytes_of(epd, sizeof epd)), s);
    ck_assert_uint_eq(it_rtmfp_select(n->end[1], kit_hex(host, "020061")), s);
    ck_assert_uint_eq(it_rtmfp_select(n->end[1], kit_hex(host, "020062")), 0);
    ck_assert_uint_eq(it_rtmfp_select(n->end[1], kit_hex(host, "020f62")), 0);
    ck_assert_uint_eq(it_rtmfp_select(n->end[1], kit_hex(host, "09")), 0);
    ck_assert_uint_eq(it_rtmfp_find(n->end[1], it_rtmfp_print(n->end[1])), 0);
    ck_assert_int_eq(it_rtmfp_close(n->end[1], n->now, s), 0);
    ck_assert_uint_eq(it_rtmfp_find(n->end[1], it_rtmfp_print(n->end[0])), 0); /* a closing one is none */
    ck_assert_int_eq(it_rtmfp_trust(n->end[1], s + 1), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(of_two_sessions_of_one_peer_the_other_is_left)
{
    net_pair(n);
    n->end[2] = n->end[1]; /* the same peer, from another address, as it opened another one */
    it_rtmfp_session *s = it_rtmfp_session_no(n->end[1], net_session(n, 1));
    s->state = IT_RTMFP_FARCLOSE_LINGER; /* it has forgotten the first */
    s->close_end = n->now + IT_RTMFP_CLOSE_LINGER;
    n->end[2] = NULL;
    n->outer[1].port = 77;
    net_connect(n, 1, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_OPEN), 2);
    uint32_t second = net_session(n, 0), first = n->event[0][0].ev.session;
    const uint8_t *print = it_rtmfp_print(n->end[1]);
    ck_assert_uint_eq(it_rtmfp_find(n->end[0], print), second);
    ck_assert_int_eq(it_rtmfp_abort(n->end[0], n->now, second), 0);
    ck_assert_uint_eq(it_rtmfp_find(n->end[0], print), first);
    ck_assert_int_eq(it_rtmfp_abort(n->end[0], n->now, first), 0);
    ck_assert_uint_eq(it_rtmfp_find(n->end[0], print), 0);
}
END_TEST

START_TEST(a_session_that_is_not_open_yet_is_given_up)
{
    net_start(n, 0);
    net_start(n, 1);
    for (int i = 0; i < 2; i++) {
        uint32_t s = net_connect(n, 1, 0);
        ck_assert_int_eq(i ? it_rtmfp_abort(n->end[1], 0, s) : it_rtmfp_close(n->end[1], 0, s), 0);
        net_drain_all(n);
        const net_event *e = net_last(n, 1, IT_RTMFP_EV_FAILED);
        ck_assert(e && e->ev.session == s && e->ev.cause == IT_RTMFP_CAUSE_NEAR);
    }
    ck_assert(it_rtmfp_next(n->end[1]) == IT_NEVER);
}
END_TEST

START_TEST(what_waits_for_output_is_bounded)
{
    net_start(n, 0);
    it_rtmfp_path p = {0, n->inner[0], kit_addr("192.0.2.9:1")};
    for (int i = 0; i < IT_RTMFP_QUEUE; i++)
        ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], p, it_bytes_str("t"), NULL, 0), 0);
    ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], p, it_bytes_str("t"), NULL, 0), IT_ERR_FULL);
    net_drain_all(n);
    ck_assert_uint_eq(n->sent[0], IT_RTMFP_QUEUE);
    ck_assert_int_eq(it_rtmfp_redirect_send(n->end[0], p, it_bytes_str("t"), NULL, 0), 0);
}
END_TEST

START_TEST(the_last_sequence_number_ends_the_session)
{
    n->cfg[0].policy.seq = IT_RTMFP_REQUIRE;
    net_pair(n);
    it_rtmfp_session_no(n->end[1], net_session(n, 1))->keys.next = UINT64_MAX;
    net_run(n, 12 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_CLOSED);
    ck_assert(e && e->ev.cause == IT_RTMFP_CAUSE_LIBRARY);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_session_is_found_by_peer_and_by_what_selects_it);
    tcase_add_test(t, of_two_sessions_of_one_peer_the_other_is_left);
    tcase_add_test(t, a_session_that_is_not_open_yet_is_given_up);
    tcase_add_test(t, what_waits_for_output_is_bounded);
    tcase_add_test(t, the_last_sequence_number_ends_the_session);
}

int main(void)
{
    return kit_main("rtmfp/session", add);
}
