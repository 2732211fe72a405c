/* The client moves its allocation with a ticket (RFC 8016), over datagrams and DTLS, at our server. */
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
    n->echo = true;
    n->ccfg.mobility = n->scfg.mobility = true;
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
    pki_fini(&p);
}

static void start(bool dtls)
{
    n->ccfg.tls = dtls ? &p.client : NULL;
    n->scfg.tls = dtls ? &p.server : NULL;
    net_serve(n);
    net_join(n, 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
}

/* Sends |count| datagrams to the peer, which answers; each must come back. */
static void exchange(uint32_t count)
{
    uint32_t before = n->counts[0][IT_TURN_CLIENT_DATA];
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_int_eq(it_turn_client_send(n->c[0], n->now, peer, it_bytes_str("data"), false), 0);
        net_run(n, n->now + 100 * IT_MS);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_DATA], before + count);
}

/* The host has another address; nothing comes to the old one any more. */
static int move(const char *to)
{
    n->host[0] = net_addr(to);
    return it_turn_client_move(n->c[0], n->now, n->ccfg.flow, n->host[0]);
}

/* Sections 3.2.1 to 3.2.3: by Send indications and by a channel, and again with the new ticket. */
START_TEST(it_moves_and_data_goes_on)
{
    n->ccfg.bind_after = _i / 2 ? 3 : 0;
    start(_i % 2);
    ck_assert(it_turn_client_mobile(n->c[0]));
    exchange(10);
    for (uint32_t k = 1; k <= 3; k++) {
        ck_assert_int_eq(move(k % 2 ? "192.0.2.77:5000" : "192.0.2.78:5001"), 0);
        ck_assert_int_eq(it_turn_client_send(n->c[0], n->now, peer, it_bytes_str("x"), false), IT_ERR_FULL);
        net_run(n, n->now + IT_SEC);
        ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_MOVED], k);
        exchange(10);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_ALLOCATED], 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 1);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 1);
}
END_TEST

/* Section 3.2.1: a Refresh from where it is has no ticket, or it would be refused. */
START_TEST(it_is_kept_for_hours_where_it_is)
{
    start(_i != 0);
    exchange(1);
    ck_assert_int_eq(move("192.0.2.77:5000"), 0);
    for (int i = 0; i < 120; i++) {
        net_run(n, n->now + 59 * IT_SEC);
        exchange(1);
    }
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
}
END_TEST

/* Between two networks there is no socket: nothing leaves, and the allocation waits as long as it lives. */
START_TEST(without_a_socket_it_waits)
{
    start(_i != 0);
    exchange(1);
    ck_assert_int_eq(it_turn_client_move(n->c[0], n->now, 0, (it_addr){{0, 0}, 0}), 0);
    ck_assert_int_eq(it_turn_client_permit(n->c[0], n->now, net_addr("203.0.113.8:1").ip), 0);
    uint32_t out = n->client_out[0];
    net_run(n, n->now + 60 * IT_SEC);
    ck_assert_uint_eq(n->client_out[0], out);
    ck_assert_int_eq(move("192.0.2.77:5000"), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_MOVED], 1);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 2); /* what was wanted meanwhile is asked for */
    exchange(3);
    ck_assert_int_eq(it_turn_client_move(n->c[0], n->now, 0, (it_addr){{0, 0}, 0}), 0);
    net_run(n, n->now + 590 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 0);
    net_run(n, n->now + 20 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_LOST], 1);
    ck_assert(!it_turn_client_mobile(n->c[0]));
}
END_TEST

/* What was on its way when the socket went is asked for again from the new one. */
START_TEST(requests_that_the_old_socket_took_along_are_made_again)
{
    start(_i != 0);
    ck_assert_int_eq(it_turn_client_bind(n->c[0], n->now, peer), 0);
    ck_assert_int_eq(move("192.0.2.77:5000"), 0);
    net_run(n, n->now + 2 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_PERMITTED], 1);
    ck_assert_uint_eq(it_turn_server_channels(n->s), 1);
    exchange(3);
}
END_TEST

/* Section 3.1.4: forbidden, it is not asked for again, and the allocation is had without. */
START_TEST(a_server_that_forbids_it_gives_one_that_stays)
{
    n->scfg.mobility = false;
    start(false);
    ck_assert(!it_turn_client_mobile(n->c[0]));
    ck_assert_int_eq(move("192.0.2.77:5000"), IT_ERR_STATE);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_FAILED], 0);
}
END_TEST

/* Who does not ask gets no ticket; and over a stream the stream is the socket. */
START_TEST(without_a_ticket_nothing_moves)
{
    n->ccfg.mobility = _i != 0;
    n->ccfg.stream = _i != 0;
    start(false);
    ck_assert(!it_turn_client_mobile(n->c[0]));
    ck_assert_int_eq(it_turn_client_move(n->c[0], n->now, 3, n->host[0]), IT_ERR_STATE);
    exchange(1);
}
END_TEST

/* Section 3.2.2: 437 for a ticket whose allocation is gone. */
START_TEST(a_server_that_has_forgotten_it_ends_it)
{
    start(false);
    it_turn_server_free(n->s);
    for (int i = 0; i < NET_SOCKETS; i++)
        n->sockets[i].addr.port = 0;
    it_rng_init(&n->scfg.rng, 2, "another server");
    net_serve(n);
    ck_assert_int_eq(move("192.0.2.77:5000"), 0);
    net_run(n, n->now + IT_SEC);
    ck_assert_int_eq(net_last(n, IT_TURN_CLIENT_LOST)->ev.code, 400); /* a ticket of another's */
}
END_TEST

/* Section 3.2: what is closed on the way is deleted by its ticket. */
START_TEST(one_that_is_closed_on_the_way_is_deleted)
{
    start(_i != 0);
    ck_assert_int_eq(move("192.0.2.77:5000"), 0);
    ck_assert_int_eq(it_turn_client_close(n->c[0], n->now), 0);
    net_run(n, n->now + 2 * IT_SEC);
    ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_CLOSED], 1);
    ck_assert_uint_eq(it_turn_server_allocations(n->s), 0);
}
END_TEST

/* Datagrams are lost, doubled and reordered. */
START_TEST(it_moves_over_a_bad_way)
{
    start(_i != 0);
    n->loss = 200000;
    n->twice = n->late = 100000;
    for (int k = 1; k <= 5; k++) {
        n->host[0].port = (uint16_t)(6000 + k);
        ck_assert_int_eq(it_turn_client_move(n->c[0], n->now, n->ccfg.flow, n->host[0]), 0);
        net_run(n, n->now + 20 * IT_SEC);
        ck_assert_uint_eq(n->counts[0][IT_TURN_CLIENT_MOVED], (uint32_t)k);
    }
    n->loss = n->twice = n->late = 0;
    net_run(n, n->now + IT_SEC);
    exchange(3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/client_move");
    TCase *tc = tcase_create("mobility");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, it_moves_and_data_goes_on, 0, 4);
    tcase_add_loop_test(tc, it_is_kept_for_hours_where_it_is, 0, 2);
    tcase_add_loop_test(tc, without_a_socket_it_waits, 0, 2);
    tcase_add_loop_test(tc, requests_that_the_old_socket_took_along_are_made_again, 0, 2);
    tcase_add_test(tc, a_server_that_forbids_it_gives_one_that_stays);
    tcase_add_loop_test(tc, without_a_ticket_nothing_moves, 0, 2);
    tcase_add_test(tc, a_server_that_has_forgotten_it_ends_it);
    tcase_add_loop_test(tc, one_that_is_closed_on_the_way_is_deleted, 0, 2);
    tcase_add_loop_test(tc, it_moves_over_a_bad_way, 0, 2);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
