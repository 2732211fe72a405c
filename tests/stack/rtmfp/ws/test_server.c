/* stack/rtmfp/ws/server.c and link.c, from the server's end. */
#include "tests/stack/rtmfp/ws/net.h"

static net *w;

static void setup(void)
{
    w = net_new(NULL, NULL);
}

static void teardown(void)
{
    net_free(w);
}

/* A binary frame of a client with |hex|, under a mask of zeros. */
static void frame(const char *hex)
{
    uint8_t f[128] = {0x82};
    size_t n = kit_unhex(f + 6, hex);
    f[1] = (uint8_t)(0x80 | n);
    net_say(w, it_bytes_of(f, 6 + n));
}

START_TEST(what_asks_for_no_websocket_is_told_so_and_closed)
{
    static const struct {
        const char *request, *answer;
    } SOME[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"},
                {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                 "AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 8\r\n\r\n",
                 "HTTP/1.1 426 "},
                {"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                 "AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
                 "HTTP/1.1 405 "},
                {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                 "AAAA\r\nSec-WebSocket-Version: 13\r\n\r\n",
                 "HTTP/1.1 400 "},
                {"junk\r\n\r\n", "HTTP/1.1 400 "}};
    net_raw(w);
    net_say(w, it_bytes_str(SOME[_i].request));
    ck_assert_msg(strncmp(w->raw, SOME[_i].answer, strlen(SOME[_i].answer)) == 0, "%s", w->raw);
    ck_assert(w->fin);
    ck_assert_int_eq(net_count(w, 1, IT_RTMFP_EV_OPEN), 0);
}
END_TEST

START_TEST(a_request_becomes_a_session_whatever_its_target)
{
    net_raw(w);
    net_say(w, it_bytes_str(NET_REQUEST));
    ck_assert_int_eq(strncmp(w->raw, "HTTP/1.1 101 ", 13), 0);
    ck_assert_int_eq(net_count(w, 1, IT_RTMFP_EV_OPEN), 1);
    ck_assert_uint_ge(net_last(w, 1, IT_RTMFP_EV_OPEN)->session, IT_RTWS_SESSIONS);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).connections, 1);
    w->raws = 0;
    frame("01 7071");
    ck_assert_mem_eq(w->raw, "\x82\x03\x41pq", 5);
    frame("10 00 6d");
    ck_assert_uint_eq(net_last(w, 1, IT_RTMFP_EV_FLOW)->flow, 1);
    frame("1d 00 6869");
    ck_assert_str_eq(net_last(w, 1, IT_RTMFP_EV_MESSAGE)->text, "hi");
}
END_TEST

START_TEST(what_breaks_the_protocol_is_closed_with_1002)
{
    net_raw(w);
    net_say(w, it_bytes_str(NET_REQUEST));
    w->raws = 0;
    frame("1d 00 6869");
    const told *t = net_last(w, 1, IT_RTMFP_EV_CLOSED);
    ck_assert_int_eq(t->cause, IT_RTMFP_CAUSE_PROTOCOL);
    ck_assert_str_eq(t->why, "user data of a flow that is not open");
    ck_assert_mem_eq(w->raw, "\x88\x02\x03\xea", 4);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).broken, 1);
    net_run(w, 11 * IT_SEC); /* whether it answers or not, it is gone then */
    ck_assert(w->rst);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).connections, 0);
    ck_assert_int_eq(net_count(w, 1, IT_RTMFP_EV_CLOSED), 1);
}
END_TEST

/* RFC 6455 section 7.1.7: an unmasked frame, which no session hears of. */
START_TEST(who_breaks_the_framing_is_gone_in_5_s)
{
    net_raw(w);
    net_say(w, it_bytes_str(NET_REQUEST));
    net_say(w, it_bytes_of("\x82\x01x", 3));
    ck_assert(w->fin && !w->rst);
    net_run(w, 5 * IT_SEC);
    ck_assert(w->rst);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).connections, 0);
}
END_TEST

START_TEST(who_does_not_ask_is_reset_after_30_s)
{
    net_raw(w);
    net_run(w, 29 * IT_SEC);
    ck_assert(!w->rst);
    net_run(w, 2 * IT_SEC);
    ck_assert(w->rst);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).silent, 1);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).connections, 0);
}
END_TEST

START_TEST(who_falls_silent_is_given_up)
{
    net_raw(w);
    net_say(w, it_bytes_str(NET_REQUEST));
    net_run(w, 29 * IT_SEC);
    ck_assert_int_eq(net_count(w, 1, IT_RTMFP_EV_CLOSED), 0);
    net_run(w, 2 * IT_SEC);
    ck_assert_int_eq(net_last(w, 1, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_SILENCE);
    ck_assert(w->rst);
}
END_TEST

START_TEST(a_connection_too_many_is_reset)
{
    net_free(w);
    w = net_new(&(it_rtws_server_cfg){.connections = 1}, NULL);
    uint32_t session[2];
    net_up(w, session);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW + 1, .data = {NULL, ROOMY}}, out;
    ck_assert_int_eq(it_rtws_server_input(w->s, w->now, &in), 0);
    uint8_t buf[64];
    ck_assert_int_eq(it_rtws_server_output(w->s, w->now, &out, buf, sizeof buf), 1);
    ck_assert(out.kind == IT_IO_RST && out.flow == IT_IO_ACCEPTED_FLOW + 1);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).reset, 1);
}
END_TEST

START_TEST(a_stream_that_is_reset_or_ends_is_a_session_less)
{
    uint32_t session[2];
    net_up(w, session);
    to_server(w, &(it_io){.kind = IT_IO_RST, .end = IT_IO_END_RESET});
    net_settle(w);
    const told *t = net_last(w, 1, IT_RTMFP_EV_CLOSED);
    ck_assert_uint_eq(t->session, session[1]);
    ck_assert_int_eq(t->cause, IT_RTMFP_CAUSE_STREAM);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).connections, 0);
    uint64_t id;
    it_rtmfp_carrier by = net_carrier(w, 1);
    ck_assert_int_eq(by.ops->open(by.o, w->now, session[1], &(it_rtmfp_flow_opts){0}, &id), IT_ERR_NOTFOUND);
    ck_assert_int_eq(by.ops->end(by.o, w->now, session[1], false), IT_ERR_NOTFOUND);
    ck_assert_int_eq(by.ops->keepalive(by.o, w->now, session[1], 1), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(a_server_that_stops_says_goodbye)
{
    uint32_t session[2];
    net_up(w, session);
    ck_assert_int_eq(it_rtws_server_stop(w->s, w->now), 0);
    net_settle(w);
    ck_assert_int_eq(net_last(w, 0, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_FAR);
    ck_assert_int_eq(net_last(w, 1, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_NEAR);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, what_asks_for_no_websocket_is_told_so_and_closed, 0, 5);
    tcase_add_test(t, a_request_becomes_a_session_whatever_its_target);
    tcase_add_test(t, what_breaks_the_protocol_is_closed_with_1002);
    tcase_add_test(t, who_breaks_the_framing_is_gone_in_5_s);
    tcase_add_test(t, who_does_not_ask_is_reset_after_30_s);
    tcase_add_test(t, who_falls_silent_is_given_up);
    tcase_add_test(t, a_connection_too_many_is_reset);
    tcase_add_test(t, a_stream_that_is_reset_or_ends_is_a_session_less);
    tcase_add_test(t, a_server_that_stops_says_goodbye);
}

int main(void)
{
    return kit_main("rtmfp/ws/server", add);
}
