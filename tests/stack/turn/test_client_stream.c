/* The client and the server over TLS (RFC 8489 sections 6.2.3, 8.1, 10; RFC 8656 section 3.1). TIMEOUT */
#include "tests/stack/turn/net.h"
#include "tests/stack/turn/pki.h"

static net *n;
static pki p;
static it_addr peer;

static void setup(void)
{
    n = net_new(1, NULL);
    pki_init(&p);
    peer = net_addr("203.0.113.7:7777");
    n->ccfg.stream = true;
    n->ccfg.tls = &p.client;
    n->scfg.tls = &p.server;
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
    pki_fini(&p);
}

static void start(void)
{
    net_serve(n);
    net_join(n, 0);
    net_run(n, n->now + IT_SEC);
}

/* Sends |count| datagrams of |size| bytes to the peer, which answers. */
static void exchange(int count, size_t size)
{
    static uint8_t data[8000];
    n->echo = true;
    for (int i = 0; i < count; i++) {
        data[0] = (uint8_t)i;
        ck_assert_int_eq(it_turn_client_send(n->c[0], n->now, peer, it_bytes_of(data, size), false), 0);
        net_run(n, n->now + 100 * IT_MS);
    }
}

START_TEST(it_allocates_and_relays_over_tls)
{
    p.client.version = _i ? IT_TLS_1_2 : IT_TLS_1_3;
    n->ccfg.bind_after = 5;
    start();
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    /* to connect, TLS, a challenge, the answer: a round trip each, of TLS 1.2 two */
    ck_assert(net_last(n, IT_TURN_CLIENT_ALLOCATED)->at == (_i ? 100 : 80) * IT_MS);
    exchange(20, 1000);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 20);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_CLOSED], 1);
    ck_assert(it_turn_client_over(n->c[0]));
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 0);
}
END_TEST

START_TEST(it_is_kept_for_hours)
{
    start();
    for (int i = 0; i < 360; i++) {
        exchange(1, 100);
        net_run(n, n->now + 20 * IT_SEC);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 360);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
}
END_TEST

/* RFC 8489 section 6.2.3: nothing is sent to a server that is not who it should be. */
START_TEST(a_server_that_is_not_who_it_should_be_hears_nothing)
{
    if (_i == 0)
        p.client.name = "other.example";
    else
        p.client.trust = p.nobody;
    start();
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 0);
    ck_assert_ptr_nonnull(strstr(net_last(n, IT_TURN_CLIENT_FAILED)->ev.why, _i ? "RFC 5280" : "RFC 9525"));
    ck_assert_uint_eq(it_turn_server_stats_of(n->s)->requests, 0);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert(it_turn_client_over(n->c[0]));
}
END_TEST

/* RFC 8489 section 8.1: on the same port. */
START_TEST(a_server_with_tls_takes_clients_without)
{
    n->ccfg.tls = NULL;
    start();
    exchange(3, 100);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 3);
    n->ccfg.tls = &p.client;
    net_join(n, 1);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[1][IT_TURN_CLIENT_ALLOCATED], 1);
}
END_TEST

START_TEST(a_server_without_tls_is_told_as_such)
{
    n->scfg.tls = NULL;
    start();
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_FAILED], 1);
}
END_TEST

/* A server that never answers the hello. */
START_TEST(a_handshake_without_an_end_is_given_up)
{
    n->deaf = true;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 20 * IT_MS);
    static const uint8_t ROOM[1];
    it_io in = {.kind = IT_IO_OPENED, .flow = n->ccfg.flow, .data = it_bytes_of(ROOM, 100000)};
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), 0);
    net_run(n, 40 * IT_SEC);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 408);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, 41 * IT_SEC);
    ck_assert(it_turn_client_over(n->c[0]));
}
END_TEST

/* RFC 8489 section 10: the other server's certificate is of ALTERNATE-DOMAIN, or of the same name. */
START_TEST(a_redirect_names_whose_certificate_it_is)
{
    it_addr other = net_addr("198.51.100.2:5349");
    it_tls_cert *leaf = pki_leaf(&p, "second.example");
    n->scfg.alternate4 = other;
    n->scfg.alternate_domain = _i ? "second.example" : NULL;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 85 * IT_MS);
    ck_assert(it_addr_eq(it_turn_client_server(n->c[0]), other));
    it_turn_server_free(n->s);
    n->server = other;
    n->scfg.alternate4 = (it_addr){{0, 0}, 0};
    p.server.cert = leaf;
    net_serve(n);
    net_run(n, IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], (uint32_t)_i);
    if (_i == 0)
        ck_assert_ptr_nonnull(strstr(net_last(n, IT_TURN_CLIENT_FAILED)->ev.why, "RFC 9525"));
    it_tls_cert_free(leaf);
}
END_TEST

/* Much at once both ways: what a record does not take waits. */
START_TEST(large_messages_pass)
{
    n->ccfg.bind_after = 1;
    start();
    exchange(3, 3000);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 3);
}
END_TEST

/* Without memory at any point nothing is left behind. */
START_TEST(without_memory_nothing_is_left)
{
    it_alloc few;
    bool done = false;
    for (uint64_t k = 0; !done; k++) {
        net_free(n);
        it_alloc_init_countdown(&few, k);
        n = net_new(1, &few);
        n->ccfg.stream = true;
        n->ccfg.tls = &p.client;
        n->scfg.tls = &p.server;
        net_serve(n);
        if (n->err == 0)
            net_join(n, 0);
        if (n->err == 0)
            net_run(n, IT_SEC);
        done = n->err == 0;
        n->err = 0;
        few.countdown = UINT64_MAX;
        ck_assert_uint_lt(k, 500);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    net_free(n);
    n = net_new(1, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/client_stream");
    TCase *tc = tcase_create("TLS");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, it_allocates_and_relays_over_tls, 0, 2);
    tcase_add_test(tc, it_is_kept_for_hours);
    tcase_add_loop_test(tc, a_server_that_is_not_who_it_should_be_hears_nothing, 0, 2);
    tcase_add_test(tc, a_server_with_tls_takes_clients_without);
    tcase_add_test(tc, a_server_without_tls_is_told_as_such);
    tcase_add_test(tc, a_handshake_without_an_end_is_given_up);
    tcase_add_loop_test(tc, a_redirect_names_whose_certificate_it_is, 0, 2);
    tcase_add_test(tc, large_messages_pass);
    tcase_add_test(tc, without_memory_nothing_is_left);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
