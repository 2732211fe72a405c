/* stack/rtmfp/flash/connection.c against the server: RFC 7425 section 5.3. */
#include "stack/rtmfp/flash/connection.h"
#include "stack/rtmfp/server/server.h"
#include "tests/stack/rtmfp/net.h"

static net *n;
static it_rtmfp_connection conn;
static it_addr asked[64];
static int asked_n;

/* Counts where end 1 sends to. */
static bool note(net *w, const net_packet *p)
{
    if (it_addr_eq(p->from, w->outer[1]) && asked_n < 64)
        asked[asked_n++] = p->to;
    return true;
}

static bool was_asked(const char *a)
{
    for (int i = 0; i < asked_n; i++)
        if (it_addr_eq(asked[i], kit_addr(a)))
            return true;
    return false;
}

/* Ends 1 and 2 with sessions to the server. */
static void setup(void)
{
    it_rtmfp_server *s;
    n = net_new(1, NULL);
    it_rtmfp_server_cfg cfg = {.alloc = n->alloc};
    it_rng_init(&cfg.rng, 1, "server");
    ck_assert_int_eq(it_rtmfp_server_new(&cfg, 0, &s), 0);
    n->ops = &it_rtmfp_server_ops;
    n->obj = s;
    net_bind(n, 0);
    for (int i = 1; i < 3; i++) {
        uint32_t session;
        it_bytes e = it_bytes_of("\x16\x0artmfp://localhost/app", 23);
        net_start(n, i);
        ck_assert_int_eq(it_rtmfp_connect(n->end[i], 0, e, &n->outer[0], 1, &session), 0);
    }
    net_run(n, IT_SEC);
    conn = (it_rtmfp_connection){.session = 0};
    asked_n = 0;
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

/* Gives end 2's events of flows to |conn|, from the first on; they have lost what they pointed to, so it hears them as
 * they come. */
static void hear(it_time until)
{
    it_rtmfp_event ev;
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    while (n->now < until) {
        while (it_rtmfp_event_next(n->end[2], &ev))
            it_rtmfp_connection_event(&conn, n->now, &ev);
        while (it_rtmfp_output(n->end[2], n->now, &io, buf, sizeof buf) == 1)
            net_send(n, n->outer[2], io.remote, io.data);
        int k = net_first(n);
        it_time at = k < 0 ? until : n->flight[k].at;
        if (at > until)
            at = until;
        if (k >= 0 && n->flight[k].at <= at && it_addr_eq(n->flight[k].to, n->outer[2])) {
            net_packet p = n->flight[k];
            n->flight[k] = n->flight[--n->flights];
            n->now = at;
            it_io in = {.kind = IT_IO_DGRAM, .local = n->inner[2], .remote = p.from, .data = it_bytes_of(p.data, p.n)};
            ck_assert_int_ge(it_rtmfp_input(n->end[2], n->now, &in), 0);
        } else if (k >= 0 && n->flight[k].at <= at) {
            n->now = at;
            net_deliver(n, k);
        } else {
            n->now = at;
        }
        for (int i = 0; i < 3; i++)
            if (net_next(n, i) <= n->now)
                ck_assert_int_ge(net_tick(n, i), 0);
        net_drain(n, 0);
        net_drain(n, 1);
    }
}

static void connect_up(void)
{
    ck_assert_int_eq(it_rtmfp_connection_open(&conn, it_rtmfp_carrier_of(n->end[2]), n->now, net_session(n, 2),
                                              it_bytes_str("rtmfp://x")),
                     0);
    ck_assert(conn.state == IT_RTMFP_CONNECTION_ASKED);
    hear(n->now + IT_SEC);
    ck_assert(conn.state == IT_RTMFP_CONNECTION_UP);
    ck_assert(conn.back != 0);
    ck_assert_uint_eq(it_rtmfp_server_stat(n->obj).connected, 1);
}

START_TEST(connect_is_answered_over_a_flow_in_return)
{
    connect_up();
}
END_TEST

/* RFC 7425 section 5.3.3, RFC 7016 section 3.5.1.6: reported addresses are told besides the one that is seen. */
START_TEST(addresses_of_peer_info_are_told_to_who_asks)
{
    it_addr own[4] = {kit_addr("192.168.1.7:1"), kit_addr("127.0.0.1:1"), kit_addr("[fe80::1]:1"),
                      kit_addr("10.0.0.9:2")};
    ck_assert_int_eq(it_rtmfp_connection_peer_info(&conn, n->now, own, 4), IT_ERR_STATE);
    connect_up();
    ck_assert_int_eq(it_rtmfp_connection_peer_info(&conn, n->now, own, 4), 0);
    hear(n->now + IT_SEC);
    n->keep = note;
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + IT_SEC / 2);
    ck_assert(was_asked("192.168.1.7:1") && was_asked("10.0.0.9:2") && was_asked("192.0.2.3:1935"));
    ck_assert(!was_asked("127.0.0.1:1") && !was_asked("[fe80::1]:1"));
}
END_TEST

START_TEST(the_server_closes_its_control_flow_with_ours)
{
    connect_up();
    ck_assert_int_eq(it_rtmfp_flow_close(n->end[2], n->now, conn.session, conn.control, false), 0);
    hear(n->now + IT_SEC);
    ck_assert(conn.state == IT_RTMFP_CONNECTION_CLOSED);
}
END_TEST

START_TEST(an_exception_on_the_control_flow_is_a_refusal_or_the_end)
{
    for (int up = 0; up < 2; up++) {
        it_rtmfp_connection c = {.state = up ? IT_RTMFP_CONNECTION_UP : IT_RTMFP_CONNECTION_ASKED, .session = 5};
        c.control = 3;
        it_rtmfp_event ev = {.kind = IT_RTMFP_EV_EXCEPTION, .session = 5, .flow = 4};
        ck_assert(it_rtmfp_connection_event(&c, n->now, &ev));
        ck_assert(c.state == (up ? IT_RTMFP_CONNECTION_UP : IT_RTMFP_CONNECTION_ASKED));
        ev.flow = 3;
        ck_assert(it_rtmfp_connection_event(&c, n->now, &ev));
        ck_assert(c.state == (up ? IT_RTMFP_CONNECTION_CLOSED : IT_RTMFP_CONNECTION_REFUSED));
        ev.session = 6;
        ck_assert(!it_rtmfp_connection_event(&c, n->now, &ev));
    }
}
END_TEST

START_TEST(an_error_is_a_refusal_and_what_is_no_answer_changes_nothing)
{
    uint8_t room[512];
    it_buf b;
    it_rtmfp_connection c = {.state = IT_RTMFP_CONNECTION_ASKED, .session = 5, .control = 3, .back = 4};
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_MESSAGE, .session = 5, .flow = 4};
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_connect_answer_put(&b, 2, true); /* of another command */
    ev.data = kit_buf(&b);
    it_rtmfp_connection_event(&c, n->now, &ev);
    ck_assert(c.state == IT_RTMFP_CONNECTION_ASKED);
    ev.data = it_bytes_str("junk");
    it_rtmfp_connection_event(&c, n->now, &ev);
    ck_assert(c.state == IT_RTMFP_CONNECTION_ASKED);
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_connect_answer_put(&b, 1, false);
    ev.data = kit_buf(&b);
    ev.flow = 9; /* over another flow */
    it_rtmfp_connection_event(&c, n->now, &ev);
    ck_assert(c.state == IT_RTMFP_CONNECTION_ASKED);
    ev.flow = 4;
    it_rtmfp_connection_event(&c, n->now, &ev);
    ck_assert(c.state == IT_RTMFP_CONNECTION_REFUSED);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, connect_is_answered_over_a_flow_in_return);
    tcase_add_test(t, addresses_of_peer_info_are_told_to_who_asks);
    tcase_add_test(t, the_server_closes_its_control_flow_with_ours);
    tcase_add_test(t, an_exception_on_the_control_flow_is_a_refusal_or_the_end);
    tcase_add_test(t, an_error_is_a_refusal_and_what_is_no_answer_changes_nothing);
}

int main(void)
{
    return kit_main("rtmfp/flash/connection", add);
}
