/* stack/rtmfp/ws/client.c and link.c, against the server. */
#include "stack/crypto/ossl.h"
#include "tests/stack/rtmfp/ws/net.h"

static net *w;
static uint32_t session[2];

static void setup(void)
{
    w = net_new(NULL, NULL);
}

static void teardown(void)
{
    net_free(w);
}

/* End |i| opens a flow in return to |returns|; its number. */
static uint64_t open_flow(int i, uint64_t returns)
{
    uint64_t id;
    it_rtmfp_carrier by = net_carrier(w, i);
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("meta"), .returns = returns};
    ck_assert_int_eq(by.ops->open(by.o, w->now, session[i], &o, &id), 0);
    return id;
}

static int write_flow(int i, uint64_t id, it_bytes data)
{
    it_rtmfp_carrier by = net_carrier(w, i);
    return by.ops->write(by.o, w->now, session[i], id, data, NULL, NULL);
}

START_TEST(flows_pass_both_ways_and_end)
{
    net_up(w, session);
    uint64_t id = open_flow(0, 0);
    ck_assert_int_eq(write_flow(0, id, it_bytes_str("to the server")), 0);
    net_settle(w);
    ck_assert_str_eq(net_last(w, 1, IT_RTMFP_EV_FLOW)->text, "meta");
    ck_assert_str_eq(net_last(w, 1, IT_RTMFP_EV_MESSAGE)->text, "to the server");
    uint64_t back = open_flow(1, net_last(w, 1, IT_RTMFP_EV_FLOW)->flow);
    ck_assert_int_eq(write_flow(1, back, it_bytes_str("to the client")), 0);
    net_settle(w);
    ck_assert_str_eq(net_last(w, 0, IT_RTMFP_EV_MESSAGE)->text, "to the client");
    it_rtmfp_carrier c = net_carrier(w, 0), s = net_carrier(w, 1);
    ck_assert_int_eq(c.ops->close(c.o, w->now, session[0], id, false), 0);
    ck_assert_int_eq(c.ops->reject(c.o, w->now, session[0], net_last(w, 0, IT_RTMFP_EV_FLOW)->flow, 5), 0);
    net_settle(w);
    ck_assert_int_eq(net_count(w, 1, IT_RTMFP_EV_COMPLETE), 1);
    ck_assert_int_eq(net_count(w, 0, IT_RTMFP_EV_SENT), 1);
    ck_assert_uint_eq(net_last(w, 1, IT_RTMFP_EV_EXCEPTION)->flow, back);
    ck_assert_int_eq(s.ops->close(s.o, w->now, session[1], back, false), IT_ERR_NOTFOUND); /* it is closed */
}
END_TEST

START_TEST(an_orderly_end_takes_along_what_was_said_before)
{
    net_up(w, session);
    uint64_t id = open_flow(0, 0);
    ck_assert_int_eq(write_flow(0, id, it_bytes_str("last words")), 0);
    it_rtmfp_carrier by = net_carrier(w, 0);
    ck_assert_int_eq(by.ops->end(by.o, w->now, session[0], false), 0);
    ck_assert_int_eq(by.ops->end(by.o, w->now, session[0], false), IT_ERR_STATE);
    net_settle(w);
    ck_assert_str_eq(net_last(w, 1, IT_RTMFP_EV_MESSAGE)->text, "last words");
    ck_assert_int_eq(net_last(w, 1, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_FAR);
    ck_assert_int_eq(net_last(w, 0, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_NEAR);
    ck_assert_uint_eq(it_rtws_server_stat(w->s).connections, 0);
    ck_assert(it_rtws_client_next(w->c) == IT_NEVER);
}
END_TEST

START_TEST(an_abrupt_end_is_a_reset)
{
    net_up(w, session);
    it_rtmfp_carrier by = net_carrier(w, 0);
    ck_assert_int_eq(by.ops->end(by.o, w->now, session[0], true), 0);
    net_settle(w);
    ck_assert_int_eq(net_last(w, 1, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_STREAM);
}
END_TEST

START_TEST(another_session_resets_the_stream_whose_closing_is_not_over)
{
    net_up(w, session);
    uint32_t before = session[0];
    ck_assert_int_eq(it_rtws_client_connect(w->c, w->now, &session[0]), IT_ERR_STATE);
    it_rtmfp_carrier by = net_carrier(w, 0);
    ck_assert_int_eq(by.ops->end(by.o, w->now, before, false), 0);
    ck_assert_int_eq(it_rtws_client_connect(w->c, w->now, &session[0]), 0);
    ck_assert_uint_gt(session[0], before);
    uint8_t buf[4096];
    it_io out;
    ck_assert_int_eq(it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf), 1);
    ck_assert(out.kind == IT_IO_RST && out.flow == 1);
    ck_assert_int_eq(it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf), 1);
    ck_assert(out.kind == IT_IO_OPEN && out.flow == 2);
    ck_assert_int_eq(by.ops->end(by.o, w->now, before, false), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(all_of_it_arrives_through_a_stream_of_little_room)
{
    static uint8_t big[200000];
    w->room = 700; /* half a part */
    net_up(w, session);
    uint64_t id = open_flow(0, 0);
    ck_assert_int_eq(write_flow(0, id, it_bytes_of(big, sizeof big)), 0);
    ck_assert_int_eq(write_flow(0, id, it_bytes_str("behind")), 0);
    net_run(w, 5 * IT_SEC);
    ck_assert_int_eq(net_count(w, 1, IT_RTMFP_EV_MESSAGE), 2);
    ck_assert_str_eq(net_last(w, 1, IT_RTMFP_EV_MESSAGE)->text, "behind");
}
END_TEST

/* What the far end of the client's stream says, until it is told. */
static const told *refused(const char *answer, enum it_io_end end)
{
    uint8_t buf[4096];
    it_io out;
    ck_assert_int_eq(it_rtws_client_connect(w->c, w->now, &session[0]), 0);
    do /* the stream of an attempt before may have to be reset first */
        ck_assert_int_eq(it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf), 1);
    while (out.kind == IT_IO_RST);
    ck_assert_int_eq(out.kind, IT_IO_OPEN);
    w->flow = out.flow;
    if (answer) {
        to_client(w, &(it_io){.kind = IT_IO_OPENED, .data = {NULL, ROOMY}});
        while (it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf) == 1)
            continue;
        to_client(w, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(answer)});
    } else {
        to_client(w, &(it_io){.kind = IT_IO_RST, .end = end});
    }
    while (it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf) == 1)
        continue;
    net_hear(w, 0);
    w->flow = 0;
    ck_assert_int_eq(net_count(w, 0, IT_RTMFP_EV_OPEN), 0);
    return net_last(w, 0, IT_RTMFP_EV_FAILED);
}

START_TEST(why_it_could_not_be_opened_is_told)
{
    const told *t = refused(NULL, IT_IO_END_REFUSED);
    ck_assert_int_eq(t->cause, IT_RTMFP_CAUSE_STREAM);
    ck_assert_str_eq(t->why, "nobody accepts streams there");
    t = refused("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0);
    ck_assert_int_eq(t->cause, IT_RTMFP_CAUSE_STREAM);
    ck_assert_ptr_nonnull(strstr(t->why, "RFC 6455"));
    net_free(w);
    it_rtws_client_cfg cfg = {.target = "/app"};
    ck_assert_int_eq(it_via_parse(&cfg.via, "http://10.9.9.9:3128"), 0);
    w = net_new(NULL, &cfg);
    t = refused("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 0);
    ck_assert_str_eq(t->why, "the proxy does not allow it (RFC 9110 section 15.5.4)");
    t = refused("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", 0);
    ck_assert_str_eq(t->why, "the proxy wants another password, or one at all (RFC 9110 section 15.5.8)");
    t = refused("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", 0);
    ck_assert_str_eq(t->why, "the proxy has no way to the server (RFC 9110 section 15.6)");
}
END_TEST

START_TEST(a_server_that_falls_silent_is_given_up)
{
    net_up(w, session);
    w->mute = true;
    net_run(w, 31 * IT_SEC);
    ck_assert_int_eq(net_last(w, 0, IT_RTMFP_EV_CLOSED)->cause, IT_RTMFP_CAUSE_SILENCE);
    w->mute = false;
}
END_TEST

START_TEST(a_host_or_target_that_is_none_is_refused)
{
    it_rtws_client_cfg cfg = {.alloc = &w->mem, .host = "not a host"};
    ck_assert_ptr_null(it_rtws_client_new(&cfg));
    cfg = (it_rtws_client_cfg){.alloc = &w->mem, .target = "/a b"};
    ck_assert_ptr_null(it_rtws_client_new(&cfg));
}
END_TEST

START_TEST(what_it_was_made_with_may_be_gone_when_it_connects)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    it_tls_shared *shared = it_tls_shared_new(&w->mem);
    it_tls_trust *trust = it_tls_trust_new(&w->mem);
    it_rtws_client *c;
    char name[] = "meet.example";
    ck_assert(shared && trust);
    {
        it_tls_cfg tls = {.shared = shared, .client = true, .name = name, .trust = trust};
        it_rtws_client_cfg cfg = {.alloc = &w->mem, .server = {it_ip4(0xcb007101), 443}, .host = name, .tls = &tls};
        c = it_rtws_client_new(&cfg);
        memset(name, ' ', sizeof name - 1); /* a name that is none */
        memset(&tls, 0, sizeof tls);
    }
    uint32_t number;
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(it_rtws_client_connect(c, 0, &number), 0);
    it_rtws_client_free(c);
    it_tls_trust_free(trust);
    it_tls_shared_free(shared);
    it_ossl_fini();
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, flows_pass_both_ways_and_end);
    tcase_add_test(t, an_orderly_end_takes_along_what_was_said_before);
    tcase_add_test(t, an_abrupt_end_is_a_reset);
    tcase_add_test(t, another_session_resets_the_stream_whose_closing_is_not_over);
    tcase_add_test(t, all_of_it_arrives_through_a_stream_of_little_room);
    tcase_add_test(t, why_it_could_not_be_opened_is_told);
    tcase_add_test(t, a_server_that_falls_silent_is_given_up);
    tcase_add_test(t, a_host_or_target_that_is_none_is_refused);
    tcase_add_test(t, what_it_was_made_with_may_be_gone_when_it_connects);
}

int main(void)
{
    return kit_main("rtmfp/ws/client", add);
}
