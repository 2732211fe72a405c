/* stack/rtmfp/server/server.c: introductions and their limits, RFC 7016 sections 3.5.1.4 to 3.5.1.6 and 5. */
#include "stack/rtmfp/server/server.h"
#include "tests/stack/rtmfp/net.h"

static net *n;
static it_rtmfp_server_cfg cfg;
static it_addr heard[NET_ENDS][256];
static int heard_n[NET_ENDS];
static size_t largest;

/* Every end but the server is behind a NAT that lets in who was sent to, at its very address. */
static bool filter(net *w, const net_packet *p)
{
    if (it_addr_eq(p->from, w->outer[0]) && p->n > largest)
        largest = p->n;
    for (int i = 1; i < NET_ENDS; i++)
        if (it_addr_eq(w->outer[i], p->from) && heard_n[i] < 256)
            heard[i][heard_n[i]++] = p->to;
    for (int i = 1; i < NET_ENDS; i++) {
        if (!it_addr_eq(w->outer[i], p->to))
            continue;
        for (int k = 0; k < heard_n[i]; k++)
            if (it_addr_eq(heard[i][k], p->from))
                return true;
        return false;
    }
    return true;
}

static void setup(void)
{
    n = net_new(1, NULL);
    n->keep = filter;
    memset(heard_n, 0, sizeof heard_n);
    largest = 0;
    cfg = (it_rtmfp_server_cfg){.alloc = n->alloc};
    it_rng_init(&cfg.rng, 1, "server");
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

static void serve(void)
{
    it_rtmfp_server *s;
    ck_assert_int_eq(it_rtmfp_server_new(&cfg, n->now, &s), 0);
    n->ops = &it_rtmfp_server_ops;
    n->obj = s;
    net_bind(n, 0);
}

static it_rtmfp_server_stats stats(void)
{
    return it_rtmfp_server_stat(n->obj);
}

/* End |i| gets a session with the server, and trusts it. */
static void join(int i)
{
    uint8_t epd[64];
    uint32_t s = 0;
    net_start(n, i);
    it_bytes e = kit_hex(epd, "160a72746d66703a2f2f6c6f63616c686f73742f617070");
    ck_assert_int_eq(it_rtmfp_connect(n->end[i], n->now, e, &n->outer[0], 1, &s), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, i, IT_RTMFP_EV_OPEN), 1);
    ck_assert_int_eq(it_rtmfp_trust(n->end[i], s), 0);
}

START_TEST(one_source_does_not_have_all_sessions)
{
    uint8_t epd[64];
    uint32_t s = 0;
    cfg.each = 1;
    n->outer[2] = it_addr_of(n->outer[1].ip, 2000); /* of the same address */
    serve();
    join(1);
    net_start(n, 2);
    it_bytes e = kit_hex(epd, "160a72746d66703a2f2f6c6f63616c686f73742f617070");
    ck_assert_int_eq(it_rtmfp_connect(n->end[2], n->now, e, &n->outer[0], 1, &s), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, 2, IT_RTMFP_EV_OPEN), 0);
    ck_assert_uint_eq(stats().opened, 1);
    join(3);
    ck_assert_uint_eq(stats().opened, 2);
}
END_TEST

START_TEST(two_peers_behind_nats_meet_through_it)
{
    serve();
    join(1);
    join(2);
    it_time begun = n->now;
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 2);
    ck_assert_uint_eq(net_count(n, 2, IT_RTMFP_EV_OPEN), 2);
    ck_assert(it_addr_eq(net_info(n, 1).path.remote, n->outer[2]));
    ck_assert(net_last(n, 1, IT_RTMFP_EV_OPEN)->at - begun <= 6 * NET_DELAY);
    ck_assert_uint_eq(stats().introduced, 1);
    ck_assert_uint_eq(stats().sessions, 2);
    ck_assert_mem_eq(net_info(n, 1).print, it_rtmfp_print(n->end[2]), IT_RTMFP_PRINT);
}
END_TEST

/* By redirect alone only an open end is reached, by forwarding alone too where the far end's answer comes in. */
START_TEST(behind_nats_both_ways_of_introducing_are_needed)
{
    cfg.no_forward = _i & 1;
    cfg.no_redirect = _i & 2;
    serve();
    join(1);
    join(2);
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + 96 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), _i == 0 ? 2 : 1);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_FAILED), _i == 0 ? 0 : 1);
}
END_TEST

START_TEST(in_the_open_a_redirect_is_enough)
{
    n->keep = NULL;
    cfg.no_forward = _i == 0;
    cfg.no_redirect = _i == 1;
    serve();
    join(1);
    join(2);
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + 5 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 2);
}
END_TEST

START_TEST(both_at_once_end_in_one_session)
{
    serve();
    for (int i = 1; i < 3; i++)
        join(i);
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_connect_at(n, 2, 1, &n->outer[0], 1);
    net_run(n, n->now + 20 * IT_SEC);
    for (int i = 1; i < 3; i++)
        ck_assert_uint_eq(net_count(n, i, IT_RTMFP_EV_OPEN), 2);
    ck_assert(net_info(n, 1).initiator != net_info(n, 2).initiator);
}
END_TEST

START_TEST(who_is_not_there_is_not_introduced)
{
    serve();
    join(1);
    net_start(n, 2);
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + 96 * IT_SEC);
    ck_assert_uint_eq(stats().absent, 12);
    ck_assert_uint_eq(stats().introduced, 0);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_FAILED);
    ck_assert(e && e->ev.cause == IT_RTMFP_CAUSE_TIMEOUT);
}
END_TEST

START_TEST(a_peer_that_has_left_is_not_introduced_any_more)
{
    serve();
    join(1);
    join(2);
    ck_assert_int_eq(it_rtmfp_close(n->end[2], n->now, net_session(n, 2)), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(stats().sessions, 1);
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + IT_SEC / 2);
    ck_assert_uint_eq(stats().absent, 1);
}
END_TEST

/* A moved peer is introduced where it is now. */
START_TEST(a_peer_that_has_moved_is_introduced_where_it_is)
{
    cfg.policy.mac = IT_RTMFP_REQUIRE;
    serve();
    join(1);
    join(2);
    n->outer[2] = kit_addr("203.0.113.9:4000");
    net_run(n, n->now + 40 * IT_SEC); /* its keepalive shows it */
    net_connect_at(n, 1, 2, &n->outer[0], 1);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 2);
    ck_assert(it_addr_eq(net_info(n, 1).path.remote, n->outer[2]));
}
END_TEST

/* An IHello for end 2 from |from|. */
static void ask(it_addr from)
{
    uint8_t epd[IT_RTMFP_PRINT_EPD], room[256];
    it_buf b;
    it_rtmfp_epd_of_print(it_rtmfp_print(n->end[2]), epd);
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_ihello_put(&b, it_bytes_of(epd, sizeof epd), it_bytes_str("0123456789abcdef"));
    net_startup(n, 0, from, 0, kit_buf(&b));
}

/* RFC 7016 section 5: nobody is flooded by way of it, from one address or from many. */
START_TEST(introductions_are_limited_for_who_asks_and_for_who_is_asked_for)
{
    serve();
    join(2);
    n->now += 10 * IT_SEC;
    for (uint16_t i = 0; i < 100; i++)
        ask(it_addr_of(it_ip4(0xc6336409), (uint16_t)(1000 + i))); /* one host, many ports */
    ck_assert_uint_eq(stats().introduced, 20);
    ck_assert_uint_eq(stats().limited, 80);
    n->now += IT_SEC;
    for (uint32_t i = 0; i < 100; i++)
        ask(it_addr_of(it_ip4(0xcb007100 + i), 1000)); /* many hosts, one peer */
    ck_assert_uint_eq(stats().introduced, 30);
    n->now += 500 * IT_MS;
    for (uint32_t i = 0; i < 100; i++)
        ask(it_addr_of(it_ip4(0xcb007100 + i), 1000));
    ck_assert_uint_eq(stats().introduced, 35);
}
END_TEST

START_TEST(what_it_sends_to_a_stranger_is_bounded_by_what_he_sends)
{
    uint8_t room[256], epd[64];
    it_buf b;
    serve();
    it_bytes e = kit_hex(epd, "160a72746d66703a2f2f6c6f63616c686f73742f617070");
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_ihello_put(&b, e, it_bytes_str("0123456789abcdef"));
    net_startup(n, 0, kit_addr("198.51.100.9:9"), 0, kit_buf(&b));
    ck_assert_uint_eq(n->sent[0], 1);
    ck_assert_uint_le(largest, 52 * 35 / 10);
    n->keep = NULL;
    join(2);
    n->keep = filter;
    largest = 0;
    ask(kit_addr("198.51.100.9:9"));
    ck_assert_uint_gt(largest, 0);
    ck_assert_uint_eq(stats().introduced, 1);
}
END_TEST

START_TEST(it_takes_no_flows)
{
    uint64_t id = 0;
    it_rtmfp_flow_opts o = {.metadata = it_bytes_str("TC\4")};
    serve();
    join(1);
    uint32_t s = net_session(n, 1);
    ck_assert_int_eq(it_rtmfp_flow_open(n->end[1], n->now, s, &o, &id), 0);
    ck_assert_int_eq(it_rtmfp_flow_write(n->end[1], n->now, s, id, it_bytes_str("x"), NULL, NULL), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_ptr_nonnull(net_last(n, 1, IT_RTMFP_EV_EXCEPTION));
    ck_assert_uint_eq(stats().rejected, 1);
}
END_TEST

START_TEST(it_has_as_many_sessions_as_it_may)
{
    cfg.sessions = 1;
    serve();
    join(1);
    uint8_t epd[8];
    uint32_t s = 0;
    net_start(n, 2);
    ck_assert_int_eq(it_rtmfp_connect(n->end[2], n->now, kit_hex(epd, "160a72"), &n->outer[0], 1, &s), IT_ERR_RANGE);
    it_bytes e = it_bytes_of("\x16\x0artmfp://localhost/app", 23);
    ck_assert_int_eq(it_rtmfp_connect(n->end[2], n->now, e, &n->outer[0], 1, &s), 0);
    net_run(n, n->now + 5 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 2, IT_RTMFP_EV_OPEN), 0);
    ck_assert_uint_eq(stats().sessions, 1);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, one_source_does_not_have_all_sessions);
    tcase_add_test(t, two_peers_behind_nats_meet_through_it);
    tcase_add_loop_test(t, behind_nats_both_ways_of_introducing_are_needed, 0, 4);
    tcase_add_loop_test(t, in_the_open_a_redirect_is_enough, 0, 2);
    tcase_add_test(t, both_at_once_end_in_one_session);
    tcase_add_test(t, who_is_not_there_is_not_introduced);
    tcase_add_test(t, a_peer_that_has_left_is_not_introduced_any_more);
    tcase_add_test(t, a_peer_that_has_moved_is_introduced_where_it_is);
    tcase_add_test(t, introductions_are_limited_for_who_asks_and_for_who_is_asked_for);
    tcase_add_test(t, what_it_sends_to_a_stranger_is_bounded_by_what_he_sends);
    tcase_add_test(t, it_takes_no_flows);
    tcase_add_test(t, it_has_as_many_sessions_as_it_may);
}

int main(void)
{
    return kit_main("rtmfp/server", add);
}
