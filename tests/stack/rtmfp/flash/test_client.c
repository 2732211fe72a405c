/* stack/rtmfp/flash/client.c: a connection, by RFC 7425 section 5.3. */
#include "tests/stack/rtmfp/flash/party.h"

static party *p;

static void teardown(void)
{
    party_free(p);
}

START_TEST(a_connection_succeeds_in_three_round_trips_and_knows_its_server)
{
    p = party_new(NULL);
    party_join(p, 0, (it_rtmfp_client_cfg){0});
    ck_assert(!it_rtmfp_client_connected(p->client[0]) && !it_rtmfp_client_far(p->client[0]));
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_SUCCESS), 1);
    /* IHello, IIKeying, connect: three exchanges */
    ck_assert_int_eq(party_when(p, 0, 0, IT_RTMFP_NC_SUCCESS), 6 * PARTY_DELAY);
    ck_assert(it_rtmfp_client_connected(p->client[0]));
    ck_assert_mem_eq(it_rtmfp_client_far(p->client[0]), it_rtmfp_server_print(p->server), IT_RTMFP_PRINT);
    ck_assert_int_eq(it_rtmfp_client_connect(p->client[0], p->now), IT_ERR_STATE);
    teardown();
}
END_TEST

START_TEST(nobody_there_is_a_failure_within_the_time_given)
{
    static const it_time OPEN[] = {10 * IT_SEC, 0}, WHEN[] = {10 * IT_SEC, 95 * IT_SEC};
    p = party_new(NULL);
    p->cut[0] = true;
    party_join(p, 0, (it_rtmfp_client_cfg){.open = OPEN[_i]});
    party_run(p, 100 * IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_FAILED), 1);
    ck_assert_int_eq(party_when(p, 0, 0, IT_RTMFP_NC_FAILED), WHEN[_i]);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 0);
    p->cut[0] = false;
    ck_assert_int_eq(it_rtmfp_client_connect(p->client[0], p->now), 0);
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_SUCCESS), 1);
    teardown();
}
END_TEST

START_TEST(a_server_that_has_gone_silent_is_closed_with_the_streams_on_it)
{
    p = party_new(NULL);
    party_join(p, 0, (it_rtmfp_client_cfg){.keepalive = 10 * IT_SEC, .death = 20 * IT_SEC});
    party_run(p, IT_SEC);
    uint32_t s = party_stream(p, 0, IT_RTMFP_VIA_SERVER, -1);
    party_run(p, IT_SEC);
    p->cut[0] = true;
    party_run(p, 60 * IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 1);
    ck_assert_int_eq(party_count(p, 0, s, IT_RTMFP_NS_CLOSED), 1);
    ck_assert(!it_rtmfp_client_connected(p->client[0]));
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[0], p->now, s, it_bytes_str("x")), IT_ERR_NOTFOUND);
    uint32_t no;
    ck_assert_int_eq(it_rtmfp_client_stream(p->client[0], p->now, IT_RTMFP_VIA_SERVER, NULL, &no), IT_ERR_STATE);
    teardown();
}
END_TEST

START_TEST(closing_is_orderly_and_told_once)
{
    p = party_new(NULL);
    party_join(p, 0, (it_rtmfp_client_cfg){0});
    party_run(p, IT_SEC);
    it_rtmfp_client_close(p->client[0], p->now);
    it_rtmfp_client_close(p->client[0], p->now);
    party_run(p, 5 * IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_CLOSED), 1);
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).sessions, 0);
    teardown();
}
END_TEST

START_TEST(an_interface_that_comes_or_goes_is_a_network_change)
{
    p = party_new(NULL);
    party_join(p, 0, (it_rtmfp_client_cfg){0});
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_NETWORK_CHANGE), 0);
    it_io in = {.kind = IT_IO_BOUND, .flow = 1, .local = kit_addr("198.51.100.9:5000")};
    ck_assert_int_ge(it_rtmfp_client_input(p->client[0], p->now, &in), 0);
    in.kind = IT_IO_UNBIND;
    ck_assert_int_ge(it_rtmfp_client_input(p->client[0], p->now, &in), 0);
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, 0, IT_RTMFP_NC_NETWORK_CHANGE), 2);
    ck_assert(it_rtmfp_client_connected(p->client[0]));
    teardown();
}
END_TEST

/* RFC 7425 section 5.3.4; the least that a client takes is 5 s. */
START_TEST(the_server_says_after_how_much_silence_to_ping)
{
    static const it_time TOLD[] = {30 * IT_SEC, IT_SEC}, DEAD[] = {30 * IT_SEC, 5 * IT_SEC};
    it_rtmfp_server_cfg how = {.client_keepalive = TOLD[_i], .peer_keepalive = TOLD[_i], .keepalive = IT_NEVER};
    p = party_new(&how);
    party_join(p, 0, (it_rtmfp_client_cfg){.keepalive = 10 * IT_SEC, .death = IT_SEC});
    party_run(p, 2 * IT_SEC);
    p->cut[0] = true;
    party_run(p, 100 * IT_SEC);
    it_time at = party_when(p, 0, 0, IT_RTMFP_NC_CLOSED);
    ck_assert(at > DEAD[_i] + IT_SEC && at < DEAD[_i] + 4 * IT_SEC);
    teardown();
}
END_TEST

/* For captures: a line for either direction of a session that it has initiated, before it is used. */
START_TEST(keys_are_told_where_that_is_wanted)
{
    p = party_new(NULL);
    party_join(p, 0, (it_rtmfp_client_cfg){.tell_keys = _i});
    party_run(p, IT_SEC);
    size_t secrets = 0;
    for (size_t k = 0; k < p->tolds[0]; k++)
        if (p->told[0][k].ev.kind == IT_RTMFP_TELLS_SECRET) {
            secrets++;
            ck_assert_int_eq(strncmp(p->told[0][k].text, "RTMFP ", 6), 0);
            ck_assert_uint_lt(k, 2);
        }
    ck_assert_uint_eq(secrets, _i ? 2 : 0);
    teardown();
}
END_TEST

START_TEST(a_uri_that_is_too_long_is_refused)
{
    char uri[400];
    it_rtmfp_client *c;
    it_alloc mem;
    memset(uri, 'a', sizeof uri - 1);
    uri[sizeof uri - 1] = '\0';
    it_alloc_init(&mem);
    it_rtmfp_client_cfg cfg = {.alloc = &mem, .uri = uri, .servers = 1, .server = {kit_addr("192.0.2.1:1935")}};
    it_rng_init(&cfg.rng, 1, "x");
    ck_assert_int_eq(it_ossl_init(), 0);
    ck_assert_int_eq(it_rtmfp_client_new(&cfg, 0, &c), IT_ERR_RANGE);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, a_connection_succeeds_in_three_round_trips_and_knows_its_server);
    tcase_add_loop_test(t, nobody_there_is_a_failure_within_the_time_given, 0, 2);
    tcase_add_test(t, a_server_that_has_gone_silent_is_closed_with_the_streams_on_it);
    tcase_add_test(t, closing_is_orderly_and_told_once);
    tcase_add_test(t, an_interface_that_comes_or_goes_is_a_network_change);
    tcase_add_loop_test(t, the_server_says_after_how_much_silence_to_ping, 0, 2);
    tcase_add_loop_test(t, keys_are_told_where_that_is_wanted, 0, 2);
    tcase_add_test(t, a_uri_that_is_too_long_is_refused);
}

int main(void)
{
    return kit_main("rtmfp/flash/client", add);
}
