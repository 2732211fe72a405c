/* TCP allocations (RFC 6062): what each request is answered with, connections both ways, how they end. */
#include "tests/stack/turn/server/rig.h"

enum { CONTROL = 0, DATA = 1, PEER = 2 };
#define IT_TURN_CONN_FLOW 0x10000u /* the first that the server opens: stack/turn/server/impl.h */
#define FLOW(i) (IT_IO_ACCEPTED_FLOW + 1u + (uint32_t)(i))
static const uint8_t ROOM[1];

static rig r;
static it_addr relayed;
static const char PEER_AT[] = "203.0.113.7:7000";

/* What the server has put out of streams since it was looked at last. */
static it_io last;
static uint8_t last_bytes[4096];
static uint32_t opens, resets, fins;

static void look(void)
{
    uint8_t buf[4096];
    it_io out;
    opens = resets = fins = 0;
    last = (it_io){.flow = 0};
    while (it_turn_server_output(r.s, r.now, &out, buf, sizeof buf) == 1) {
        opens += out.kind == IT_IO_OPEN;
        resets += out.kind == IT_IO_RST;
        fins += out.kind == IT_IO_FIN;
        if (out.kind != IT_IO_DATA && out.kind != IT_IO_OPEN)
            continue;
        last = out;
        memcpy(last_bytes, out.data.p, out.data.n);
        last.data.p = last_bytes;
    }
}

static int give(it_io in)
{
    return it_turn_server_input(r.s, r.now, &in);
}

static void connected(int i, const char *from, it_addr to)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = FLOW(i), .local = to, .remote = rig_addr(from)};
    in.data = it_bytes_of(ROOM, 1 << 20);
    ck_assert_int_eq(give(in), 0);
}

static int allocate(uint32_t transport)
{
    rig_begin(&r, IT_STUN_ALLOCATE);
    it_stun_put_u32(&r.b, IT_STUN_REQUESTED_TRANSPORT, transport);
    return rig_ask(&r);
}

/* A TCP allocation over the control connection, with a permission for PEER_AT. */
static void start(void)
{
    r.cfg.tcp_peers = true;
    rig_start(&r);
    rig_connect(&r, FLOW(CONTROL), "192.0.2.9:5000");
    rig_challenge(&r, "alice");
    ck_assert_int_eq(allocate(IT_TURN_TCP), 0);
    relayed = rig_relayed(&r);
    ck_assert_int_eq(rig_permit(&r, PEER_AT), 0);
}

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_fini(&r);
}

static int connect_to(const char *peer)
{
    rig_begin(&r, IT_STUN_CONNECT);
    if (peer)
        it_stun_put_addr(&r.b, IT_STUN_XOR_PEER_ADDRESS, rig_addr(peer));
    return rig_ask(&r);
}

static int fetch(uint32_t id)
{
    rig_begin(&r, IT_STUN_CONNECTION_BIND);
    if (id)
        it_stun_put_u32(&r.b, IT_STUN_CONNECTION_ID, id);
    int code = rig_ask(&r);
    r.now += 20 * IT_MS;
    ck_assert_int_eq(it_turn_server_tick(r.s, r.now), 0);
    return code;
}

/* Fetches |id| by a new data connection. */
static void joined(uint32_t id)
{
    rig_connect(&r, FLOW(DATA), "192.0.2.9:5001");
    ck_assert_int_eq(fetch(id), 0);
}

/* A peer that is permitted connects; the id that the client is told. */
static uint32_t attempt(void)
{
    it_stun_msg m;
    it_addr who;
    uint32_t id = 0;
    connected(PEER, PEER_AT, relayed);
    look();
    ck_assert_uint_eq(last.flow, FLOW(CONTROL));
    ck_assert_int_eq(it_stun_parse(&m, last.data), 0);
    ck_assert_uint_eq(m.method, IT_STUN_CONNECTION_ATTEMPT);
    ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_PEER_ADDRESS, &who), 0);
    ck_assert(it_addr_eq(who, rig_addr(PEER_AT)));
    ck_assert_int_eq(it_stun_get_u32(&m, IT_STUN_CONNECTION_ID, &id), 0);
    return id;
}

static int bytes(int i, const char *text)
{
    return give((it_io){.kind = IT_IO_DATA, .flow = FLOW(i), .data = it_bytes_str(text)});
}

/* RFC 6062 section 5.1. */
START_TEST(each_fault_of_an_allocation_has_its_code)
{
    r.cfg.tcp_peers = _i != 0;
    rig_start(&r);
    if (_i != 1)
        rig_connect(&r, FLOW(CONTROL), "192.0.2.9:5000");
    rig_challenge(&r, "alice");
    rig_begin(&r, IT_STUN_ALLOCATE);
    it_stun_put_u32(&r.b, IT_STUN_REQUESTED_TRANSPORT, _i == 5 ? 99 : IT_TURN_TCP);
    if (_i == 2)
        it_stun_put(&r.b, IT_STUN_DONT_FRAGMENT, it_bytes_of(NULL, 0));
    if (_i == 3)
        it_stun_put_u32(&r.b, IT_STUN_EVEN_PORT, 0x80);
    if (_i == 4)
        it_stun_put(&r.b, IT_STUN_RESERVATION_TOKEN, it_bytes_str("12345678"));
    ck_assert_int_eq(rig_ask(&r), _i == 0 || _i == 5 ? 442 : 400);
}
END_TEST

/* Sections 5.2, 5.4, 5.5: opened from the relayed address, fetched, bytes both ways, an end each way. */
START_TEST(a_client_connects_to_a_peer_and_bytes_pass)
{
    start();
    ck_assert_int_eq(connect_to(PEER_AT), -1); /* no answer yet */
    uint32_t flow = IT_TURN_CONN_FLOW;
    it_io opened = {.kind = IT_IO_OPENED, .flow = flow, .local = relayed, .remote = rig_addr(PEER_AT)};
    opened.data = it_bytes_of(ROOM, 1 << 20);
    ck_assert_int_eq(give(opened), 0);
    r.n_sent = 0;
    rig_drain(&r);
    ck_assert_int_eq(it_stun_parse(&r.resp, r.sent[r.n_sent - 1].io.data), 0);
    joined(rig_u32(&r, IT_STUN_CONNECTION_ID));
    ck_assert_int_eq(bytes(DATA, "hello"), 5);
    look();
    ck_assert_uint_eq(last.flow, flow);
    ck_assert(it_bytes_eq(last.data, it_bytes_str("hello")));
    ck_assert_int_eq(give((it_io){.kind = IT_IO_DATA, .flow = flow, .data = it_bytes_str("back")}), 4);
    look();
    ck_assert_uint_eq(last.flow, FLOW(DATA));
    ck_assert(it_bytes_eq(last.data, it_bytes_str("back")));
}
END_TEST

/* Section 5.3, 5.4: what the peer has said waits. */
START_TEST(a_peer_that_is_permitted_connects_and_what_it_says_waits)
{
    start();
    uint32_t id = attempt();
    ck_assert_int_eq(bytes(PEER, "early"), 0); /* its host keeps it */
    joined(id);
    rig_drain(&r);
    ck_assert_int_eq(bytes(PEER, "early"), 5);
    look();
    ck_assert_uint_eq(last.flow, FLOW(DATA));
    ck_assert(it_bytes_eq(last.data, it_bytes_str("early")));
    ck_assert_int_eq(bytes(DATA, "GET / that is no STUN"), 21);
    look();
    ck_assert_uint_eq(last.flow, FLOW(PEER));
    ck_assert(it_bytes_eq(last.data, it_bytes_str("GET / that is no STUN")));
    ck_assert_int_eq(give((it_io){.kind = IT_IO_FIN, .flow = FLOW(PEER)}), 0);
    look();
    ck_assert_uint_eq(fins, 1);
    ck_assert_int_eq(give((it_io){.kind = IT_IO_FIN, .flow = FLOW(DATA)}), 0);
    look();
    ck_assert_uint_eq(fins, 1);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 1);
}
END_TEST

START_TEST(a_peer_without_permission_is_closed)
{
    start();
    connected(PEER, "203.0.113.8:1", relayed);
    look();
    ck_assert_uint_eq(resets, 1);
    ck_assert_uint_eq(last.flow, 0); /* and the client hears nothing */
}
END_TEST

/* Section 5.2. */
START_TEST(each_fault_of_connect_has_its_code)
{
    start();
    ck_assert_int_eq(connect_to(NULL), 400);
    ck_assert_int_eq(connect_to("10.0.0.1:80"), 403);
    ck_assert_int_eq(connect_to("198.51.100.1:3478"), 403); /* the server's own */
    ck_assert_int_eq(connect_to("[2001:db8::7]:80"), 443);
    ck_assert_int_eq(connect_to(PEER_AT), -1);
    ck_assert_int_eq(connect_to(PEER_AT), 446);
    ck_assert_int_eq(give((it_io){.kind = IT_IO_RST, .flow = IT_TURN_CONN_FLOW, .end = IT_IO_END_REFUSED}), 0);
    look();
    ck_assert_int_eq(it_stun_parse(&r.resp, last.data), 0);
    int code = 0;
    ck_assert_int_eq(it_stun_get_error(&r.resp, &code, NULL), 0);
    ck_assert_int_eq(code, 447);
    ck_assert_int_eq(connect_to(PEER_AT), -1); /* it may be tried again */
}
END_TEST

/* Section 5.2: 30 seconds to connect. */
START_TEST(a_peer_that_does_not_answer_is_447_after_30_s)
{
    start();
    ck_assert_int_eq(connect_to(PEER_AT), -1);
    r.now += 30 * IT_SEC;
    ck_assert_int_eq(it_turn_server_tick(r.s, r.now), 0);
    look();
    int code = 0;
    ck_assert_int_eq(it_stun_parse(&r.resp, last.data), 0);
    ck_assert_int_eq(it_stun_get_error(&r.resp, &code, NULL), 0);
    ck_assert_int_eq(code, 447);
    ck_assert_uint_eq(resets, 1);
}
END_TEST

/* Section 5.4; and 30 seconds to be fetched. */
START_TEST(each_fault_of_connection_bind_has_its_code)
{
    start();
    uint32_t id = attempt();
    ck_assert_int_eq(fetch(id), 400); /* on the control connection */
    rig_connect(&r, FLOW(DATA), "192.0.2.9:5001");
    ck_assert_int_eq(fetch(id + 1), 438); /* nobody's, and its nonce is the control connection's */
    ck_assert_int_eq(fetch(id + 1), 400);
    ck_assert_int_eq(fetch(0), 400);
    r.now += 30 * IT_SEC;
    ck_assert_int_eq(it_turn_server_tick(r.s, r.now), 0);
    look();
    ck_assert_uint_eq(resets, 1);
    ck_assert_int_eq(fetch(id), 400);
}
END_TEST

/* Section 5.5. */
START_TEST(the_end_of_an_allocation_ends_its_connections)
{
    start();
    joined(attempt());
    rig_drain(&r);
    r.stream = FLOW(CONTROL);
    r.client = rig_addr("192.0.2.9:5000");
    rig_login(&r, "alice");
    ck_assert_int_eq(rig_refresh(&r, 0), 401);
    rig_begin(&r, IT_STUN_REFRESH);
    it_stun_put_u32(&r.b, IT_STUN_LIFETIME, 0);
    it_stun_longterm_put(&r.lt, &r.b);
    it_stun_longterm_sign(&r.lt, &r.b);
    int n = it_stun_end(&r.b);
    rig_client(&r, it_bytes_of(r.wire, (size_t)n), (it_io_meta){.ttl = 0});
    look();
    ck_assert_uint_eq(resets, 2);
    ck_assert_uint_eq(it_turn_server_allocations(r.s), 0);
}
END_TEST

/* One segment may have both: what comes behind finds nothing of the allocation. */
START_TEST(a_bind_behind_the_end_of_its_allocation_is_400)
{
    static uint8_t both[2048];
    start();
    uint32_t id = attempt();
    it_buf all;
    it_buf_init(&all, both, sizeof both);
    for (int i = 0; i < 2; i++) {
        rig_begin(&r, i ? IT_STUN_CONNECTION_BIND : IT_STUN_REFRESH);
        it_stun_put_u32(&r.b, i ? IT_STUN_CONNECTION_ID : IT_STUN_LIFETIME, i ? id : 0);
        it_stun_longterm_put(&r.lt, &r.b);
        it_stun_longterm_sign(&r.lt, &r.b);
        int n = it_stun_end(&r.b);
        ck_assert_int_gt(n, 0);
        it_buf_put(&all, r.wire, (size_t)n);
    }
    ck_assert_int_ge(give((it_io){.kind = IT_IO_DATA, .flow = FLOW(CONTROL), .data = it_bytes_of(both, all.len)}), 0);
    look();
    ck_assert_uint_eq(it_turn_server_stats_of(r.s)->connections, 0);
}
END_TEST

START_TEST(a_reset_on_either_side_is_one_on_the_other)
{
    start();
    joined(attempt());
    rig_drain(&r);
    ck_assert_int_eq(give((it_io){.kind = IT_IO_RST, .flow = FLOW(_i ? PEER : DATA)}), 0);
    look();
    ck_assert_uint_eq(resets, 1);
}
END_TEST

/* Datagrams have no place there. */
START_TEST(a_tcp_allocation_sends_no_datagrams_and_binds_no_channel)
{
    start();
    rig_send(&r, PEER_AT, "x", false, (it_io_meta){.ttl = 0});
    ck_assert_uint_eq(r.n_sent, 0);
    ck_assert_int_eq(rig_channel(&r, 0x4000, PEER_AT), 400);
}
END_TEST

START_TEST(connections_are_bounded)
{
    r.cfg.limits.connections = 2;
    start();
    for (int i = 0; i < 3; i++) {
        char at[40];
        snprintf(at, sizeof at, "203.0.113.7:%d", 7000 + i);
        connected(PEER + i, at, relayed);
        look();
        ck_assert_uint_eq(resets, i == 2);
    }
    ck_assert_int_eq(connect_to("203.0.113.9:1"), 508);
}
END_TEST

START_TEST(without_memory_nothing_is_left)
{
    for (uint64_t k = 0; k < 60; k++) {
        rig_fini(&r);
        rig_init(&r);
        start();
        r.mem->countdown = k;
        it_io in = {.kind = IT_IO_ACCEPTED, .flow = FLOW(PEER), .local = relayed, .remote = rig_addr(PEER_AT)};
        in.data = it_bytes_of(ROOM, 1000);
        (void)give(in);
        r.mem->countdown = UINT64_MAX;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/tcp");
    TCase *tc = tcase_create("RFC 6062");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, each_fault_of_an_allocation_has_its_code, 0, 6);
    tcase_add_test(tc, a_client_connects_to_a_peer_and_bytes_pass);
    tcase_add_test(tc, a_peer_that_is_permitted_connects_and_what_it_says_waits);
    tcase_add_test(tc, a_peer_without_permission_is_closed);
    tcase_add_test(tc, each_fault_of_connect_has_its_code);
    tcase_add_test(tc, a_peer_that_does_not_answer_is_447_after_30_s);
    tcase_add_test(tc, each_fault_of_connection_bind_has_its_code);
    tcase_add_test(tc, the_end_of_an_allocation_ends_its_connections);
    tcase_add_test(tc, a_bind_behind_the_end_of_its_allocation_is_400);
    tcase_add_loop_test(tc, a_reset_on_either_side_is_one_on_the_other, 0, 2);
    tcase_add_test(tc, a_tcp_allocation_sends_no_datagrams_and_binds_no_channel);
    tcase_add_test(tc, connections_are_bounded);
    tcase_add_test(tc, without_memory_nothing_is_left);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
