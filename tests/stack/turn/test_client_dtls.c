/* The client and the server over DTLS (RFC 7350, RFC 8489 sections 6.2.3, 10). TIMEOUT */
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

START_TEST(it_allocates_and_relays_over_dtls)
{
    n->ccfg.bind_after = 5;
    start();
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    /* a cookie, the handshake's two, a challenge, the answer: a round trip each */
    ck_assert(net_last(n, IT_TURN_CLIENT_ALLOCATED)->at == 100 * IT_MS);
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

/* RFC 7983 section 7: on the same port. */
START_TEST(a_server_with_dtls_takes_clients_without)
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

START_TEST(a_server_without_dtls_is_silence)
{
    n->scfg.tls = NULL;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 40 * IT_SEC);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 408);
    ck_assert_uint_ge(n->client_out[0], 5); /* the hello, again and again */
}
END_TEST

/* What is in clear anybody could have written: neither end hears it once there is DTLS. */
START_TEST(what_is_in_clear_is_not_heard)
{
    static const uint8_t DATA[] = {0x40, 0, 0, 1, 'x'};
    start();
    ck_assert_int_eq(it_turn_client_bind(n->c[0], n->now, peer), 0);
    net_run(n, n->now + IT_SEC);
    it_io in = {.kind = IT_IO_DGRAM, .flow = n->ccfg.flow, .remote = n->server, .data = {DATA, sizeof DATA}};
    ck_assert_int_eq(it_turn_client_input(n->c[0], n->now, &in), 5);
    in.flow = 0;
    in.local = n->server;
    in.remote = n->host[0];
    ck_assert_int_eq(it_turn_server_input(n->s, n->now, &in), 5);
    uint8_t room[200];
    it_io out;
    memcpy(room + 100, DATA, sizeof DATA);
    in.data.p = room + 100;
    ck_assert(!it_turn_server_relay(n->s, n->now, &in, room + 100, &out));
    it_io back = {.kind = IT_IO_DGRAM, .flow = IT_IO_BOUND_FLOW, .remote = peer, .data = {room + 100, 4}};
    ck_assert(!it_turn_server_relay(n->s, n->now, &back, room + 100, &out));
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 0);
    ck_assert_uint_eq(n->at_peers, 0);
    exchange(1, 10);
    ck_assert_uint_eq(n->at_peers, 1);
}
END_TEST

/* RFC 6347 section 4.2.8: a client that has lost its state shows where it is, and its old association ends. */
START_TEST(a_client_that_begins_anew_replaces_itself)
{
    start();
    it_turn_client_free(n->c[0]);
    n->c[0] = NULL;
    it_rng_init(&p.client.rng, 3, "client");
    net_join(n, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 2);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 1);
    exchange(1, 10);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], 1);
}
END_TEST

/* And one that goes during its handshake, too: what it had begun is not waited for. */
START_TEST(a_client_that_begins_anew_in_its_handshake_replaces_itself)
{
    net_serve(n);
    net_join(n, 0);
    net_run(n, n->now + _i * 10 * IT_MS);
    it_turn_client_free(n->c[0]);
    n->c[0] = NULL;
    net_run(n, n->now + 200 * IT_MS);
    it_rng_init(&p.client.rng, 3, "client");
    net_join(n, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
}
END_TEST

/* Strangers' hellos leave nothing behind, whatever address they come from. */
START_TEST(hellos_without_cookies_take_no_memory)
{
    uint8_t hello[2000], buf[2000];
    it_io out;
    net_serve(n);
    net_join(n, 0);
    ck_assert_int_eq(it_turn_client_output(n->c[0], 0, &out, hello, sizeof hello), 1);
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = n->server, .data = out.data};
    int64_t live = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        in.remote = it_addr_of(it_ip4(0xc6336400u + i), 9);
        ck_assert_int_eq(it_turn_server_input(n->s, 0, &in), (int)in.data.n);
        ck_assert_int_eq(it_turn_server_output(n->s, 0, &out, buf, sizeof buf), 1);
        ck_assert_uint_lt(out.data.n, in.data.n);
        ck_assert_int_eq(it_turn_server_output(n->s, 0, &out, buf, sizeof buf), 0);
        if (i == IT_TURN_SERVER_QUEUE) /* each place of the queue has its memory */
            live = n->mem->live;
    }
    ck_assert_int_eq(n->mem->live, live);
    ck_assert(it_turn_server_next(n->s) == IT_NEVER);
}
END_TEST

/* An association without an allocation is closed after a minute, and the client hears it. */
START_TEST(an_idle_association_is_closed_after_a_minute)
{
    n->ccfg.password = "wrong";
    start();
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_FAILED)->ev.code, 401);
    net_run(n, 70 * IT_SEC);
    ck_assert(it_turn_server_next(n->s) == IT_NEVER);
}
END_TEST

/* Loss, doubling, reordering. */
START_TEST(it_holds_over_a_bad_path)
{
    net_free(n);
    n = net_new((uint64_t)_i + 100, NULL);
    n->ccfg.tls = &p.client;
    n->scfg.tls = &p.server;
    n->loss = 100000;
    n->twice = 100000;
    n->late = 200000;
    n->ccfg.persist = true;
    n->ccfg.bind_after = 2;
    net_serve(n);
    net_join(n, 0);
    net_run(n, 120 * IT_SEC);
    ck_assert_uint_ge(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    n->echo = true;
    int sent = 0;
    for (; n->now < 1500 * IT_SEC; sent++) {
        (void)it_turn_client_send(n->c[0], n->now, peer, it_bytes_str("data"), false);
        net_run(n, n->now + 5 * IT_SEC);
    }
    ck_assert_uint_ge(n->counts[0][IT_TURN_CLIENT_DATA] * 100, (uint32_t)sent * 50);
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
    net_run(n, 105 * IT_MS);
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
        n->ccfg.tls = &p.client;
        n->scfg.tls = &p.server;
        net_serve(n);
        if (n->err == 0)
            net_join(n, 0);
        if (n->err == 0)
            net_run(n, 10 * IT_SEC);
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
    Suite *suite = suite_create("stack/turn/client_dtls");
    TCase *tc = tcase_create("RFC 7350");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, it_allocates_and_relays_over_dtls);
    tcase_add_test(tc, it_is_kept_for_hours);
    tcase_add_loop_test(tc, a_server_that_is_not_who_it_should_be_hears_nothing, 0, 2);
    tcase_add_test(tc, a_server_with_dtls_takes_clients_without);
    tcase_add_test(tc, a_server_without_dtls_is_silence);
    tcase_add_test(tc, what_is_in_clear_is_not_heard);
    tcase_add_test(tc, a_client_that_begins_anew_replaces_itself);
    tcase_add_loop_test(tc, a_client_that_begins_anew_in_its_handshake_replaces_itself, 1, 9);
    tcase_add_test(tc, hellos_without_cookies_take_no_memory);
    tcase_add_test(tc, an_idle_association_is_closed_after_a_minute);
    tcase_add_loop_test(tc, it_holds_over_a_bad_path, 0, 10);
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
