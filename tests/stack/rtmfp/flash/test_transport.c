/* stack/rtmfp/flash/transport.c: a connection over RTWebSocket, and how a client comes to it. */
#include "tests/stack/rtmfp/flash/party.h"

static party *p;
static it_rtws_client_cfg web;

static void setup(void)
{
    p = party_new(NULL);
    web = (it_rtws_client_cfg){.server = kit_addr("192.0.2.1:80")};
}

static void teardown(void)
{
    party_free(p);
}

static int up(int i)
{
    return party_count(p, i, 0, IT_RTMFP_NC_SUCCESS);
}

/* Client |i| with |cfg| and the WebSocket. */
static void join(int i, it_rtmfp_client_cfg cfg)
{
    cfg.web = &web;
    party_join(p, i, cfg);
}

START_TEST(where_datagrams_pass_the_connection_is_over_udp)
{
    join(0, (it_rtmfp_client_cfg){.alloc = NULL});
    party_run(p, 10 * IT_SEC);
    ck_assert_int_eq(up(0), 1);
    ck_assert(!it_rtmfp_client_over_ws(p->client[0]));
    ck_assert_ptr_nonnull(it_rtmfp_client_far(p->client[0]));
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).web.connections, 0);
}
END_TEST

START_TEST(where_they_do_not_it_falls_back_after_5_s_or_as_is_said)
{
    static const it_time SAID[] = {0, 2 * IT_SEC, 60 * IT_SEC}, IS[] = {5 * IT_SEC, 2 * IT_SEC, 10 * IT_SEC};
    for (int i = 0; i < 3; i++) {
        p->deaf[1 + i] = true;
        join(i, (it_rtmfp_client_cfg){.fallback = SAID[i], .open = 20 * IT_SEC}); /* half of |open| at most */
    }
    party_run(p, 15 * IT_SEC);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(up(i), 1);
        ck_assert_int_eq(party_when(p, i, 0, IT_RTMFP_NC_SUCCESS), IS[i]);
        ck_assert(it_rtmfp_client_over_ws(p->client[i]));
        ck_assert_ptr_null(it_rtmfp_client_far(p->client[i]));
        ck_assert_int_eq(party_count(p, i, 0, IT_RTMFP_NC_FAILED), 0);
    }
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).web.connections, 3);
}
END_TEST

START_TEST(it_may_be_the_only_way_or_none)
{
    join(0, (it_rtmfp_client_cfg){.transport = IT_RTMFP_WS_ONLY});
    p->deaf[2] = true;
    join(1, (it_rtmfp_client_cfg){.transport = IT_RTMFP_UDP_ONLY, .open = 8 * IT_SEC});
    party_run(p, 100 * IT_MS);
    ck_assert_int_eq(up(0), 1);
    party_run(p, 10 * IT_SEC);
    ck_assert_int_eq(party_when(p, 1, 0, IT_RTMFP_NC_FAILED), 8 * IT_SEC);
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).web.connections, 1);
}
END_TEST

START_TEST(clients_of_both_kinds_hear_each_other)
{
    join(0, (it_rtmfp_client_cfg){.transport = IT_RTMFP_WS_ONLY});
    party_join(p, 1, (it_rtmfp_client_cfg){.alloc = NULL});
    join(2, (it_rtmfp_client_cfg){.transport = IT_RTMFP_WS_ONLY});
    party_run(p, IT_SEC);
    for (int from = 0; from < 2; from++) {
        uint32_t s[3];
        for (int i = 0; i < 3; i++)
            s[i] = party_stream(p, i, IT_RTMFP_VIA_SERVER, -1);
        it_bytes name = it_bytes_str(from ? "by udp" : "by ws");
        ck_assert_int_eq(it_rtmfp_client_publish(p->client[from], p->now, s[from], name), 0);
        for (int i = 0; i < 3; i++)
            if (i != from)
                ck_assert_int_eq(it_rtmfp_client_play(p->client[i], p->now, s[i], name), 0);
        party_run(p, IT_SEC);
        ck_assert_int_eq(party_count(p, from, s[from], IT_RTMFP_PUBLISH_START), 1);
        party_say(p, from, s[from], IT_RTMFP_MSG_AUDIO, "one");
        party_run(p, IT_SEC);
        for (int i = 0; i < 3; i++)
            if (i != from)
                ck_assert_str_eq(party_heard(p, i, s[i]), "one,");
        it_rtmfp_info info;
        bool relayed;
        ck_assert_int_eq(it_rtmfp_client_path(p->client[0], s[0], &info, &relayed), 0);
        ck_assert(relayed && info.stream && info.state == IT_RTMFP_OPENED);
        ck_assert(it_addr_eq(info.path.remote, web.server));
        ck_assert_int_eq(it_rtmfp_client_path(p->client[1], s[1], &info, &relayed), 0);
        ck_assert(relayed && !info.stream);
    }
}
END_TEST

START_TEST(streams_with_peers_fail_over_it_and_so_do_those_that_were_early)
{
    party_join(p, 1, (it_rtmfp_client_cfg){.alloc = NULL});
    p->deaf[1] = true;
    join(0, (it_rtmfp_client_cfg){.fallback = IT_SEC});
    uint32_t early = party_stream(p, 0, IT_RTMFP_FROM_PEER, 1), direct = party_stream(p, 0, IT_RTMFP_DIRECT, -1);
    party_run(p, 3 * IT_SEC);
    ck_assert_int_eq(party_when(p, 0, early, IT_RTMFP_NS_FAILED), IT_SEC);
    ck_assert_int_eq(party_when(p, 0, direct, IT_RTMFP_NS_FAILED), IT_SEC);
    uint32_t late = party_stream(p, 0, IT_RTMFP_FROM_PEER, 1);
    direct = party_stream(p, 0, IT_RTMFP_DIRECT, -1);
    party_drain(p);
    ck_assert_int_eq(party_count(p, 0, late, IT_RTMFP_NS_FAILED), 1);
    ck_assert_int_eq(party_count(p, 0, direct, IT_RTMFP_NS_FAILED), 1);
    ck_assert_int_eq(it_rtmfp_client_play(p->client[0], p->now, late, it_bytes_str("x")), IT_ERR_NOTFOUND);
    ck_assert_int_eq(party_stream(p, 0, IT_RTMFP_VIA_SERVER, -1) > 0, 1);
}
END_TEST

START_TEST(silence_closes_it_and_connecting_again_tries_udp_first)
{
    p->deaf[1] = true;
    join(0, (it_rtmfp_client_cfg){.fallback = IT_SEC});
    party_run(p, 2 * IT_SEC);
    uint32_t s = party_stream(p, 0, IT_RTMFP_VIA_SERVER, -1);
    party_run(p, IT_SEC);
    ck_assert_int_eq(it_rtmfp_client_connect(p->client[0], p->now), IT_ERR_STATE);
    p->cut[1] = true;
    party_run(p, 32 * IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 1);
    ck_assert_int_eq(party_count(p, 0, s, IT_RTMFP_NS_CLOSED), 1);
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).sessions, 0);
    p->cut[1] = p->deaf[1] = false;
    ck_assert_int_eq(it_rtmfp_client_connect(p->client[0], p->now), 0);
    party_run(p, IT_SEC);
    ck_assert_int_eq(up(0), 2);
    ck_assert(!it_rtmfp_client_over_ws(p->client[0]));
}
END_TEST

START_TEST(a_client_that_closes_is_gone_at_the_server)
{
    join(0, (it_rtmfp_client_cfg){.transport = IT_RTMFP_WS_ONLY});
    party_run(p, IT_SEC);
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).sessions, 1);
    it_rtmfp_client_close(p->client[0], p->now);
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 1);
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).sessions, 0);
    ck_assert_int_eq(it_rtmfp_client_connect(p->client[0], p->now), 0);
    party_run(p, IT_SEC);
    ck_assert_int_eq(up(0), 2);
}
END_TEST

/* RFC 7425 section 5.3.4: what the server says of keepalives is for the session that it is said over. */
START_TEST(the_servers_keepalive_is_obeyed_over_it)
{
    party_free(p);
    p = party_new(&(it_rtmfp_server_cfg){.client_keepalive = 40 * IT_SEC, .peer_keepalive = 40 * IT_SEC});
    join(0, (it_rtmfp_client_cfg){.transport = IT_RTMFP_WS_ONLY});
    party_run(p, IT_SEC);
    p->cut[0] = true;
    party_run(p, 50 * IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 0);
    party_run(p, 12 * IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 1);
}
END_TEST

START_TEST(a_websocket_that_is_none_is_refused)
{
    it_rtmfp_client *c;
    it_rtmfp_client_cfg cfg = {.alloc = &p->mem, .uri = "rtmfp://x", .servers = 1, .web = &web};
    cfg.server[0] = p->addr[0];
    web.host = "no host";
    ck_assert_int_eq(it_rtmfp_client_new(&cfg, 0, &c), IT_ERR_RANGE);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, where_datagrams_pass_the_connection_is_over_udp);
    tcase_add_test(t, where_they_do_not_it_falls_back_after_5_s_or_as_is_said);
    tcase_add_test(t, it_may_be_the_only_way_or_none);
    tcase_add_test(t, clients_of_both_kinds_hear_each_other);
    tcase_add_test(t, streams_with_peers_fail_over_it_and_so_do_those_that_were_early);
    tcase_add_test(t, silence_closes_it_and_connecting_again_tries_udp_first);
    tcase_add_test(t, a_client_that_closes_is_gone_at_the_server);
    tcase_add_test(t, the_servers_keepalive_is_obeyed_over_it);
    tcase_add_test(t, a_websocket_that_is_none_is_refused);
}

int main(void)
{
    return kit_main("rtmfp/flash/transport", add);
}
