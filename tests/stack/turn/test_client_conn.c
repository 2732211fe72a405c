/* The client of RFC 6062 with our server: connections both ways, their bytes, their errors, their ends. TIMEOUT */
#include "stack/stream/queue.h"
#include "tests/stack/turn/pki.h"
#include "tests/stack/turn/wires.h"

static wires *t;
static pki p;
static it_addr peer;
static uint32_t conn;

static const char PEER_AT[] = "203.0.113.7:7000";

static void setup(void)
{
    t = wires_new(NULL);
    pki_init(&p);
    peer = wires_addr(PEER_AT);
}

static void teardown(void)
{
    ck_assert_int_eq(t->err, 0);
    wires_free(t);
    pki_fini(&p);
}

/* An allocation, over TLS or not. */
static void start(bool tls)
{
    t->ccfg.tls = tls ? &p.client : NULL;
    t->scfg.tls = tls ? &p.server : NULL;
    wires_start(t);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_ALLOCATED), 1);
    ck_assert(it_addr_eq(wires_last(t, IT_TURN_CLIENT_ALLOCATED)->relayed[0], t->relayed));
}

static void pass(it_time time)
{
    wires_run(t, t->now + time);
}

static void connect_out(void)
{
    ck_assert_int_eq(it_turn_client_connect(t->c, t->now, peer, &conn), 0);
    pass(50 * IT_MS);
}

/* The code that connecting to |to| ends with; 0: it is open. */
static int code_of(const char *to)
{
    size_t ended = wires_count(t, IT_TURN_CLIENT_CONN_ENDED);
    peer = wires_addr(to);
    connect_out();
    if (wires_count(t, IT_TURN_CLIENT_CONN_ENDED) == ended)
        return 0;
    ck_assert_uint_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->conn, conn);
    ck_assert_ptr_nonnull(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->why);
    return wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->code;
}

/* Reads what there is; it must be the pattern from |*at| on. Returns how many bytes. */
static size_t read_some(size_t *at, size_t most)
{
    static uint8_t buf[IT_QUEUE_MAX];
    size_t sum = 0;
    for (int n = 1; n > 0 && sum < most; sum += (size_t)n) {
        n = it_turn_client_read(t->c, t->now, conn, buf, most - sum < sizeof buf ? most - sum : sizeof buf);
        ck_assert_int_ge(n, 0);
        for (int i = 0; i < n; i++)
            ck_assert_uint_eq(buf[i], wires_pattern((*at)++));
    }
    return sum;
}

/* Writes the pattern from |at| on. Returns how many bytes found room. */
static size_t write_some(size_t at, size_t n)
{
    static uint8_t buf[8000];
    n = n < sizeof buf ? n : sizeof buf;
    for (size_t i = 0; i < n; i++)
        buf[i] = wires_pattern(at + i);
    int taken = it_turn_client_write(t->c, t->now, conn, it_bytes_of(buf, n));
    ck_assert_int_ge(taken, 0);
    return (size_t)taken;
}

/* |total| bytes both ways, by windows; what goes up writes until it is told to wait. */
static void exchange(wire *w, size_t total)
{
    size_t up = 0, down = 0, read = 0, rounds = 0;
    while (up < total || read < total || wires_peer_end(w)->got < total) {
        for (size_t n = 1; n > 0 && up < total; up += n)
            n = write_some(up, total - up);
        down += wires_peer_says(w, down, total - down);
        wires_settle(t, false);
        (void)read_some(&read, SIZE_MAX);
        wires_settle(t, false);
        ck_assert_uint_lt(rounds++, 1000);
    }
    ck_assert_uint_eq(read, total);
    ck_assert_uint_eq(wires_peer_end(w)->got, total);
}

/* RFC 6062 sections 4.1, 4.3, 4.5: over TCP and over TLS. */
START_TEST(it_connects_to_a_peer_and_bytes_pass_both_ways)
{
    start(_i != 0);
    connect_out();
    ck_assert_uint_eq(wires_last(t, IT_TURN_CLIENT_CONN_OPEN)->conn, conn);
    ck_assert(it_addr_eq(wires_last(t, IT_TURN_CLIENT_CONN_OPEN)->peer, peer));
    wire *w = wires_with(t, peer);
    ck_assert(it_addr_eq(w->from, t->relayed)); /* section 5.2 */
    exchange(w, 300000);
    ck_assert_int_eq(it_turn_client_finish(t->c, t->now, conn), 0);
    pass(20 * IT_MS);
    ck_assert(wires_peer_end(w)->saw_fin);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 0);
    ck_assert_int_eq(it_turn_client_write(t->c, t->now, conn, it_bytes_str("x")), IT_ERR_STATE);
    w->e[w->e[0].who == WIRES_PEER].fin = true;
    pass(20 * IT_MS);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_FIN), 1);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 1);
    ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->code, 0);
    ck_assert_ptr_null(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->why);
    ck_assert_uint_eq(it_turn_server_stats_of(t->s)->bytes_up, 300000);
    ck_assert_uint_eq(it_turn_server_stats_of(t->s)->bytes_down, 300000);
}
END_TEST

/* Section 4.4; what the peer says before it is fetched waits. */
START_TEST(a_peer_that_connects_is_accepted)
{
    start(_i != 0);
    ck_assert_int_eq(it_turn_client_permit(t->c, t->now, peer.ip), 0);
    pass(50 * IT_MS);
    wire *w = wires_peer_connects(t, PEER_AT);
    const it_turn_client_event *ev = wires_last(t, IT_TURN_CLIENT_CONN_ATTEMPT);
    ck_assert(it_addr_eq(ev->peer, peer));
    conn = ev->conn;
    ck_assert_uint_eq(wires_peer_says(w, 0, 1000), 1000);
    pass(29 * IT_SEC);
    ck_assert_int_eq(it_turn_client_accept(t->c, t->now, conn), 0);
    ck_assert_int_eq(it_turn_client_accept(t->c, t->now, conn), IT_ERR_STATE);
    pass(50 * IT_MS);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 1);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_READABLE), 1);
    size_t at = 0;
    ck_assert_uint_eq(read_some(&at, SIZE_MAX), 1000);
    for (size_t up = 0; up < 9000;)
        up += write_some(up, 9000 - up);
    pass(IT_SEC);
    ck_assert_uint_eq(wires_peer_end(w)->got, 9000);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 0);
}
END_TEST

/* Section 5.3: without a permission nothing is told. */
START_TEST(a_peer_without_permission_is_not_told)
{
    start(false);
    wire *w = wires_peer_connects(t, PEER_AT);
    ck_assert(wires_peer_end(w)->saw_rst);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ATTEMPT), 0);
}
END_TEST

/* A reader that does not read closes the window up to the peer, and a peer that does not read that of the writer. */
START_TEST(who_does_not_read_is_not_written_to)
{
    size_t said = 0, up = 0, at = 0;
    start(_i != 0);
    connect_out();
    wire *w = wires_with(t, peer);
    w->slow = true;
    for (size_t n = 1, idle = 0; idle < 20;) {
        n = wires_peer_says(w, said, SIZE_MAX);
        said += n;
        size_t more = write_some(up, 8000);
        up += more;
        idle = n || more ? 0 : idle + 1;
        wires_settle(t, false);
        ck_assert_uint_lt(said, 200000);
        ck_assert_uint_lt(up, 200000);
    }
    ck_assert_uint_gt(said, IT_QUEUE_MAX);
    ck_assert_uint_gt(up, IT_QUEUE_MAX);
    /* A little is read: the rest is not told anew. Then all of it: every byte is there. */
    size_t told = wires_count(t, IT_TURN_CLIENT_CONN_READABLE);
    ck_assert_uint_eq(read_some(&at, 100), 100);
    wires_settle(t, false);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_READABLE), told);
    w->slow = false;
    for (int i = 0; i < 100 && at < said; i++) {
        (void)read_some(&at, SIZE_MAX);
        wires_settle(t, false);
    }
    ck_assert_uint_eq(at, said);
    ck_assert_uint_eq(wires_peer_end(w)->got, up);
    ck_assert_uint_gt(wires_count(t, IT_TURN_CLIENT_CONN_READABLE), told);
    ck_assert_uint_ge(wires_count(t, IT_TURN_CLIENT_CONN_WRITABLE), 1);
}
END_TEST

/* Nothing else moves: when the peer reads again the server itself must ask the client's host for what waits there, and
 * of TLS for what waits in its layers, too. */
START_TEST(an_upload_goes_on_when_the_peer_reads_again)
{
    size_t up = 0;
    start(_i != 0);
    connect_out();
    wire *w = wires_with(t, peer);
    w->slow = true;
    for (size_t n = 1; n > 0; up += n) {
        n = write_some(up, 8000);
        wires_settle(t, false);
    }
    ck_assert_uint_gt(up, 2 * WIRES_WINDOW + IT_QUEUE_MAX);
    w->slow = false;
    wires_settle(t, false);
    ck_assert_uint_eq(wires_peer_end(w)->got, up);
}
END_TEST

/* Sections 5.2 and 6.3. */
START_TEST(each_error_of_connect_is_told)
{
    start(false);
    ck_assert_int_eq(code_of("10.0.0.1:80"), 403);
    t->peers = WIRES_REFUSES;
    ck_assert_int_eq(code_of("203.0.113.8:80"), 447);
    t->peers = WIRES_IS_SILENT;
    ck_assert_int_eq(code_of("203.0.113.9:80"), 0);
    pass(31 * IT_SEC);
    ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->code, 447);
    ck_assert_int_eq(code_of("[2001:db8::1]:80"), 443);
    /* one that was let go here waits there for half a minute */
    t->peers = WIRES_ACCEPTS;
    t->no_data = true;
    ck_assert_int_eq(code_of("203.0.113.10:80"), 0);
    it_turn_client_reset(t->c, t->now, conn);
    pass(IT_MS);
    ck_assert_int_eq(code_of("203.0.113.10:80"), 446);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 0);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_LOST), 0);
}
END_TEST

/* Section 4.3: no two at once, and not again before 10 s. */
START_TEST(connects_to_one_peer_keep_their_distance)
{
    uint32_t other;
    start(false);
    t->peers = WIRES_IS_SILENT;
    connect_out();
    ck_assert_int_eq(it_turn_client_connect(t->c, t->now, peer, &other), IT_ERR_EXISTS);
    pass(30 * IT_SEC);
    ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->code, 447);
    t->peers = WIRES_ACCEPTS;
    uint64_t requests = it_turn_server_stats_of(t->s)->requests;
    ck_assert_int_eq(it_turn_client_connect(t->c, t->now, peer, &conn), 0);
    ck_assert_int_eq(it_turn_client_connect(t->c, t->now, peer, &other), IT_ERR_EXISTS);
    pass(9 * IT_SEC);
    ck_assert_uint_eq(it_turn_server_stats_of(t->s)->requests, requests);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 0);
    pass(IT_SEC);
    ck_assert_uint_eq(wires_last(t, IT_TURN_CLIENT_CONN_OPEN)->conn, conn);
    /* another peer need not wait */
    peer = wires_addr("203.0.113.8:80");
    connect_out();
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 2);
}
END_TEST

/* Sections 5.2, 5.3. */
START_TEST(what_is_not_fetched_in_30_s_has_ended)
{
    start(false);
    ck_assert_int_eq(it_turn_client_permit(t->c, t->now, peer.ip), 0);
    pass(50 * IT_MS);
    t->no_data = true;
    it_time at = t->now;
    if (_i == 0) {
        (void)wires_peer_connects(t, PEER_AT);
        conn = wires_last(t, IT_TURN_CLIENT_CONN_ATTEMPT)->conn;
    } else {
        connect_out();
    }
    wires_run(t, at + 30 * IT_SEC - IT_MS);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 0);
    pass(IT_SEC);
    ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->code, 408);
    ck_assert_uint_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->conn, conn);
    ck_assert_int_eq(it_turn_client_accept(t->c, t->now, conn), IT_ERR_STATE);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 0);
}
END_TEST

/* Section 5.5. */
START_TEST(a_reset_on_either_side_is_one_on_the_other)
{
    start(_i >= 2);
    connect_out();
    wire *w = wires_with(t, peer);
    uint32_t flow = w->e[0].flow;
    if (_i % 2 == 0) {
        it_turn_client_reset(t->c, t->now, conn);
        pass(20 * IT_MS);
        ck_assert(wires_peer_end(w)->saw_rst);
    } else {
        it_io rst = {.kind = IT_IO_RST, .flow = flow};
        w->used = false;
        (void)wires_give(t, WIRES_SERVER, &rst);
        pass(20 * IT_MS);
    }
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 1);
    ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->code, 0);
    ck_assert_ptr_nonnull(wires_last(t, IT_TURN_CLIENT_CONN_ENDED)->why);
    /* and the peer may be connected to again, at the same place */
    uint32_t before = conn;
    connect_out();
    ck_assert_uint_eq(conn, before);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 2);
}
END_TEST

/* Section 4.6: the allocation is refreshed, and the connections live as long as it does. */
START_TEST(connections_live_as_long_as_the_allocation)
{
    start(_i != 0);
    connect_out();
    for (int i = 0; i < 120; i++)
        pass(60 * IT_SEC);
    wire *w = wires_with(t, peer);
    exchange(w, 3000);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 0);
    ck_assert_int_eq(it_turn_client_close(t->c, t->now), 0);
    pass(IT_SEC);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 1);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CLOSED), 1);
    ck_assert(wires_peer_end(w)->saw_rst);
    ck_assert(it_turn_client_over(t->c));
    ck_assert_int_eq(it_turn_client_connect(t->c, t->now, peer, &conn), IT_ERR_STATE);
}
END_TEST

/* Section 5.2: 437, as the server has forgotten it; and the end of the control connection. */
START_TEST(without_its_allocation_no_connection_stays)
{
    start(false);
    connect_out();
    if (_i == 0) {
        uint32_t other;
        for (int i = 1; i <= 2; i++) { /* it expires, and its stream has some seconds left */
            t->skew = (i == 1 ? 590 : 605) * IT_SEC;
            ck_assert_int_eq(it_turn_server_tick(t->s, t->now + t->skew), 0);
        }
        ck_assert_int_eq(it_turn_client_connect(t->c, t->now, wires_addr("203.0.113.8:80"), &other), 0);
        pass(IT_SEC);
        ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_LOST)->code, 437);
        ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 2);
        return;
    }
    it_io rst = {.kind = IT_IO_RST, .flow = WIRES_FLOW};
    (void)wires_give(t, WIRES_CLIENT, &rst);
    pass(IT_SEC);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_LOST), 1);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), 1);
}
END_TEST

/* What there is to tell is told however late, and places that are taken are not taken again before. */
START_TEST(no_connection_is_forgotten)
{
    start(false);
    t->scfg.limits.connections = 1000;
    ck_assert_int_eq(it_turn_client_permit(t->c, t->now, peer.ip), 0);
    pass(50 * IT_MS);
    for (uint16_t i = 0; i < IT_TURN_CLIENT_CONNS; i++) {
        it_addr to = it_addr_of(it_ip4(0xcb007100u + i), 80);
        ck_assert_int_eq(it_turn_client_connect(t->c, t->now, to, &conn), 0);
        ck_assert_uint_eq(conn, i);
        it_turn_client_reset(t->c, t->now, conn);
    }
    wires_settle(t, true);
    ck_assert_int_eq(it_turn_client_connect(t->c, t->now, peer, &conn), IT_ERR_FULL);
    wires_settle(t, false);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_ENDED), IT_TURN_CLIENT_CONNS);
    connect_out();
    ck_assert_uint_eq(conn, 0);
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 1);
}
END_TEST

/* Section 4.1: what is of datagrams is not of a TCP allocation. */
START_TEST(datagrams_are_not_of_tcp_allocations)
{
    start(false);
    ck_assert_int_eq(it_turn_client_send(t->c, t->now, peer, it_bytes_str("x"), false), IT_ERR_STATE);
    ck_assert_int_eq(it_turn_client_bind(t->c, t->now, peer), IT_ERR_STATE);
    ck_assert_int_eq(it_turn_client_read(t->c, t->now, 0, NULL, 0), IT_ERR_STATE);
    ck_assert_int_eq(it_turn_client_write(t->c, t->now, 0, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_turn_client_finish(t->c, t->now, 0), IT_ERR_STATE);
}
END_TEST

/* A server that knows no TCP allocations: 442. */
START_TEST(a_server_without_them_says_442)
{
    t->scfg.tcp_peers = false;
    wires_start(t);
    ck_assert_int_eq(wires_last(t, IT_TURN_CLIENT_FAILED)->code, 442);
}
END_TEST

/* Without memory at any point nothing is left behind. */
START_TEST(without_memory_nothing_is_left)
{
    it_alloc few;
    bool done = false;
    for (uint64_t k = 0; !done; k++) {
        wires_free(t);
        it_alloc_init_countdown(&few, k);
        t = wires_new(&few);
        t->ccfg.tls = _i ? &p.client : NULL;
        t->scfg.tls = _i ? &p.server : NULL;
        wires_start(t);
        int err = t->err ? t->err : it_turn_client_connect(t->c, t->now, peer, &conn);
        if (err == 0)
            pass(IT_SEC);
        done = err == 0 && t->err == 0;
        t->err = 0;
        few.countdown = UINT64_MAX;
        ck_assert_uint_lt(k, 2000);
    }
    ck_assert_uint_eq(wires_count(t, IT_TURN_CLIENT_CONN_OPEN), 1);
    wires_free(t);
    t = wires_new(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/client_conn");
    TCase *tc = tcase_create("TCP allocations");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, it_connects_to_a_peer_and_bytes_pass_both_ways, 0, 2);
    tcase_add_loop_test(tc, a_peer_that_connects_is_accepted, 0, 2);
    tcase_add_test(tc, a_peer_without_permission_is_not_told);
    tcase_add_loop_test(tc, who_does_not_read_is_not_written_to, 0, 2);
    tcase_add_loop_test(tc, an_upload_goes_on_when_the_peer_reads_again, 0, 2);
    tcase_add_test(tc, each_error_of_connect_is_told);
    tcase_add_test(tc, connects_to_one_peer_keep_their_distance);
    tcase_add_loop_test(tc, what_is_not_fetched_in_30_s_has_ended, 0, 2);
    tcase_add_loop_test(tc, a_reset_on_either_side_is_one_on_the_other, 0, 4);
    tcase_add_loop_test(tc, connections_live_as_long_as_the_allocation, 0, 2);
    tcase_add_loop_test(tc, without_its_allocation_no_connection_stays, 0, 2);
    tcase_add_test(tc, no_connection_is_forgotten);
    tcase_add_test(tc, datagrams_are_not_of_tcp_allocations);
    tcase_add_test(tc, a_server_without_them_says_442);
    tcase_add_loop_test(tc, without_memory_nothing_is_left, 0, 2);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
