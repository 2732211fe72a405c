/* stack/signal/client*.c and server.c: sessions of both kinds, what becomes of messages when streams die. */
#include "stack/dns/stub.h"
#include "tests/stack/signal/net.h"

#include "stack/ws/handshake.h"

static net N;
static const enum it_signal_mode MODE[] = {IT_SIGNAL_WEBSOCKET, IT_SIGNAL_POLL};

static void setup(void)
{
    net_begin(&N);
}

static void teardown(void)
{
    net_end(&N);
}

static void two(enum it_signal_mode mode)
{
    net_client(&N, 0, "alice", mode);
    net_client(&N, 1, "bob", mode);
    net_run(&N, IT_SEC);
}

START_TEST(messages_arrive_once_and_in_order)
{
    two(MODE[_i]);
    for (int k = 0; k < 30; k++) {
        char text[16];
        snprintf(text, sizeof text, "m%d", k);
        net_send(&N, 0, "bob", text);
    }
    net_run(&N, 2 * IT_SEC);
    char want[NET_LOG] = "UP\n";
    for (int k = 0; k < 30; k++)
        snprintf(want + strlen(want), sizeof want - strlen(want), "alice: m%d\n", k);
    ck_assert_str_eq(N.log[1], want);
    ck_assert_str_eq(N.log[0], "UP\n");
    net_run(&N, 60 * IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(N.server)->delivered, 30);
    ck_assert_str_eq(N.log[1], want);
}
END_TEST

START_TEST(a_message_for_who_is_not_there_yet_waits)
{
    net_client(&N, 0, "alice", MODE[_i]);
    net_send(&N, 0, "bob", "early");
    net_run(&N, IT_SEC);
    net_client(&N, 1, "bob", MODE[_i]);
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[1], "UP\nalice: early\n");
}
END_TEST

START_TEST(what_a_cut_stream_lost_comes_again)
{
    two(MODE[_i]);
    net_send(&N, 0, "bob", "one");
    net_run(&N, IT_SEC);
    net_cut(&N);
    net_send(&N, 0, "bob", "two");
    net_run(&N, 10 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nDOWN reset\nUP\n");
    ck_assert_str_eq(N.log[1], "UP\nalice: one\nDOWN reset\nUP\nalice: two\n");
}
END_TEST

START_TEST(messages_survive_cuts_at_any_time)
{
    two(MODE[_i & 1]);
    for (int k = 0; k < 20; k++) {
        char text[16];
        snprintf(text, sizeof text, "m%d", k);
        net_send(&N, 0, "bob", text);
        net_run(&N, (it_time)((_i * 37 + k * 61) % 200) * IT_MS);
        if (k % 3 == 0)
            net_cut(&N);
    }
    net_run(&N, 90 * IT_SEC);
    const char *at = N.log[1];
    for (int k = 0; k < 20; k++) {
        char want[24];
        snprintf(want, sizeof want, "alice: m%d\n", k);
        at = strstr(at, want);
        ck_assert_msg(at != NULL, "no %s in %s", want, N.log[1]);
        ck_assert_ptr_null(strstr(at + 1, want));
    }
}
END_TEST

START_TEST(a_server_that_restarts_is_found_again)
{
    two(MODE[_i]);
    net_send(&N, 0, "bob", "one");
    net_run(&N, 3 * IT_SEC);
    net_cut(&N);
    it_signal_server_ops.free(N.server);
    N.server = NULL;
    net_run(&N, 5 * IT_SEC);
    net_serve(&N, (it_signal_server_cfg){0});
    net_run(&N, 40 * IT_SEC);
    net_send(&N, 0, "bob", "two");
    net_run(&N, 2 * IT_SEC);
    ck_assert_ptr_nonnull(strstr(N.log[0], "UP\nDOWN reset\nUP\n")); /* the rounds in vain between are not told */
    ck_assert_ptr_nonnull(strstr(N.log[1], "UP\nalice: two\n"));
}
END_TEST

START_TEST(pauses_grow_and_end)
{
    N.refuses = true;
    net_client(&N, 0, "alice", MODE[_i]);
    net_run(&N, 300 * IT_SEC);
    int rounds = (int)N.opens / 2; /* each tries two ports */
    ck_assert_int_ge(rounds, 300 / 30 + 4);
    ck_assert_int_le(rounds, 30);
    ck_assert_str_eq(N.log[0], "DOWN refused\n"); /* once */
    N.refuses = false;
    net_run(&N, 31 * IT_SEC);
    ck_assert(it_signal_client_up(N.c[0]));
}
END_TEST

START_TEST(a_silent_server_is_noticed)
{
    two(MODE[_i]);
    N.mute = true;
    net_run(&N, 72 * IT_SEC);
    ck_assert_ptr_nonnull(strstr(N.log[0], "DOWN ping\n"));
}
END_TEST

START_TEST(an_idle_session_stays_up)
{
    two(MODE[_i]);
    net_run(&N, 1000 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_uint_eq(it_signal_server_stat(N.server)->connections, 2);
}
END_TEST

START_TEST(of_two_clients_of_a_mailbox_the_latest_counts)
{
    two(MODE[_i & 1]);
    net_client(&N, 2, "bob", MODE[_i >> 1]);
    net_run(&N, 100 * IT_SEC);
    net_send(&N, 0, "bob", "hello");
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[1], "UP\nDOWN replaced\n");
    ck_assert_str_eq(N.log[2], "UP\nalice: hello\n");
}
END_TEST

START_TEST(a_full_mailbox_refuses_and_the_sender_is_told)
{
    it_signal_server_ops.free(N.server);
    net_serve(&N, (it_signal_server_cfg){.messages = 2});
    net_client(&N, 0, "alice", MODE[_i]);
    net_run(&N, IT_SEC);
    for (int k = 0; k < 3; k++)
        net_send(&N, 0, "bob", k == 2 ? "the third" : "x");
    net_send(&N, 0, "bob", "");
    net_send(&N, 0, "bob", "\xff\xfe");
    net_run(&N, 3 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nUNSENT 3 full, to bob: the third\nUNSENT 4 full, to bob: \nUNSENT 5 full, to bob: "
                               "\xff\xfe\n");
    net_client(&N, 1, "bob", MODE[_i]);
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[1], "UP\nalice: x\nalice: x\n");
}
END_TEST

START_TEST(a_stream_of_posts_that_ends_is_no_end_of_the_session)
{
    two(IT_SIGNAL_POLL);
    for (int k = 0; k < 3; k++) {
        net_send(&N, 0, "bob", "x");
        net_run(&N, 2 * IT_SEC);
        if (k == 0)
            net_reset_youngest(&N, 0); /* by somebody in between */
        else
            net_run(&N, 100 * IT_SEC); /* by the server, as it is idle */
    }
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_str_eq(N.log[1], "UP\nalice: x\nalice: x\nalice: x\n");
}
END_TEST

START_TEST(a_refusal_that_was_lost_is_told)
{
    it_signal_server_ops.free(N.server);
    net_serve(&N, (it_signal_server_cfg){.messages = 1});
    net_client(&N, 0, "alice", MODE[_i]);
    net_run(&N, IT_SEC);
    N.deaf = true;
    for (int k = 0; k < 2; k++)
        net_send(&N, 0, "bob", "x");
    net_send(&N, 0, "carol", "x");
    net_run(&N, IT_SEC);
    net_cut(&N);
    N.deaf = false;
    net_run(&N, 10 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nDOWN reset\nUP\nUNSENT 2 full, to bob: x\n");
    ck_assert_uint_eq(it_signal_server_stat(N.server)->messages, 2);
}
END_TEST

/* Without its word the server takes nothing behind 256 of them. */
START_TEST(refusals_are_known_however_many_there_are)
{
    it_signal_server_ops.free(N.server);
    net_serve(&N, (it_signal_server_cfg){.messages = 1});
    net_client(&N, 0, "alice", MODE[_i]);
    net_run(&N, IT_SEC);
    for (int k = 0; k < 600; k++) {
        net_send(&N, 0, "bob", "x");
        if (k % 20 < 19)
            continue;
        net_run(&N, IT_SEC);
        ck_assert_ptr_null(strstr(N.log[0], "DOWN"));
        N.log[0][0] = '\0';
    }
    ck_assert_uint_eq(it_signal_server_stat(N.server)->refused, 599);
}
END_TEST

/* A mailbox keeps 64 messages that were not acknowledged. */
START_TEST(a_burst_that_is_read_is_not_refused)
{
    two(MODE[_i]);
    for (int k = 0; k < 200; k++) {
        net_send(&N, 0, "bob", "x");
        if (k % 20 == 0)
            net_run(&N, 10 * IT_MS);
    }
    net_run(&N, 2 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_uint_eq(it_signal_server_stat(N.server)->delivered, 200);
}
END_TEST

/* It runs anew, and nobody has ended the stream by which it was asked. */
START_TEST(a_poll_that_the_server_does_not_hold_any_more_is_asked_again)
{
    two(IT_SIGNAL_POLL);
    net_send(&N, 0, "bob", "one");
    net_run(&N, 3 * IT_SEC);
    it_signal_server_ops.free(N.server);
    net_serve(&N, (it_signal_server_cfg){0});
    net_reset_youngest(&N, 0);
    net_send(&N, 0, "alice", "two"); /* to itself */
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nalice: two\n");
}
END_TEST

/* It accepts, it upgrades, and says no more. */
START_TEST(no_hello_is_noticed)
{
    it_io out;
    char response[512];
    it_addr a = {{0, 0x0a000001}, 1};
    net_client(&N, 0, "alice", IT_SIGNAL_WEBSOCKET);
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_OPENED, .flow = out.flow, .local = a, .data = {NULL, NET_ROOM}});
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    int n = it_ws_response_write(response, sizeof response, out.data, IT_SIGNAL_PROTOCOL);
    ck_assert_int_gt(n, 0);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_DATA, .flow = out.flow, .data = it_bytes_of(response, (size_t)n)});
    N.refuses = true;
    net_run(&N, 9 * IT_SEC);
    ck_assert_str_eq(N.log[0], "");
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[0], "DOWN timeout\n");
}
END_TEST

START_TEST(who_closes_waits_for_the_other_end)
{
    two(MODE[_i]);
    net_run(&N, 17 * IT_SEC);
    it_signal_client_close(N.c[0], N.now);
    ck_assert_int_ge(it_signal_client_ops.next(N.c[0]), N.now + 5 * IT_SEC);
    net_run(&N, IT_SEC);
    ck_assert_int_eq(it_signal_client_ops.next(N.c[0]), IT_NEVER);
}
END_TEST

START_TEST(any_bytes_pass)
{
    static const char RAW[] = "\x00\xff\xfe quote\" back\\ \r\n";
    two(MODE[_i]);
    ck_assert_int_gt(it_signal_client_send(N.c[0], "bob", it_bytes_of(RAW, sizeof RAW - 1)), 0);
    net_send(&N, 0, "bob", "line\r\nquote\" \x01 \xc3\xa9");
    net_run(&N, IT_SEC);
    ck_assert_ptr_nonnull(strstr(N.log[1], "alice: line\r\nquote\" \x01 \xc3\xa9\n"));
    ck_assert_uint_eq(it_signal_server_stat(N.server)->messages, 2);
}
END_TEST

START_TEST(what_is_too_large_or_goes_to_nobody_is_refused_at_once)
{
    static uint8_t large[IT_SIGNAL_LARGEST + 1];
    two(MODE[_i]);
    ck_assert_int_eq(it_signal_client_send(N.c[0], "bob", it_bytes_of(large, sizeof large)), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_signal_client_send(N.c[0], "b b", it_bytes_str("x")), IT_ERR_RANGE);
    memset(large, 'x', sizeof large);
    ck_assert_int_gt(it_signal_client_send(N.c[0], "bob", it_bytes_of(large, IT_SIGNAL_LARGEST)), 0);
    net_run(&N, IT_SEC);
    ck_assert_uint_eq(it_signal_server_stat(N.server)->messages, 1);
    ck_assert_ptr_nonnull(strstr(N.log[1], "alice: xxx"));
}
END_TEST

START_TEST(a_client_that_closes_leaves)
{
    two(MODE[_i]);
    it_signal_client_close(N.c[0], N.now);
    net_run(&N, 61 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_uint_eq(it_signal_server_stat(N.server)->connections, 1);
}
END_TEST

START_TEST(no_memory_is_survived)
{
    for (uint64_t k = 0; k < 400; k++) {
        it_alloc alloc;
        it_alloc_init_countdown(&alloc, k);
        it_signal_client_cfg cfg = {.alloc = &alloc, .mode = MODE[_i], .box = "a", .server = {{0, 1}, 80}};
        it_signal_client *c = it_signal_client_new(&cfg);
        it_io out;
        ck_assert(c || alloc.live == 0);
        if (!c)
            continue;
        int err = it_signal_client_ops.tick(c, 1);
        while (err >= 0 && it_signal_client_ops.output(c, 1, &out, N.buf, sizeof N.buf) == 1)
            if (out.kind == IT_IO_OPEN)
                err = it_signal_client_ops.input(
                    c, 1, &(it_io){.kind = IT_IO_OPENED, .flow = out.flow, .data = {NULL, 9999}});
        it_signal_client_ops.free(c);
        ck_assert_int_eq(alloc.live, 0);
    }
}
END_TEST

/* --- ways --- */

static it_ip ip4(const char *text)
{
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, text), 0);
    return ip;
}

static void binds(int i, uint32_t flow, const char *ip)
{
    net_to_client(&N, i, (it_io){.kind = IT_IO_BOUND, .flow = flow, .local = {ip4(ip), 5000}});
}

START_TEST(the_other_port_is_tried_when_one_fails)
{
    static const struct {
        uint16_t refused, silent, broken;
        it_time within;
    } CASE[] = {{80, 0, 0, 0}, {0, 80, 0, IT_SEC}, {0, 0, 80, 0}};
    N.refused = CASE[_i / 2].refused;
    N.silent = CASE[_i / 2].silent;
    N.broken = CASE[_i / 2].broken;
    net_client(&N, 0, "alice", MODE[_i % 2]);
    net_run(&N, CASE[_i / 2].within);
    ck_assert_str_eq(N.log[0], "UP\n");
    net_run(&N, 60 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_uint_eq(N.opens, 2);
    ck_assert_uint_eq(it_signal_server_stat(N.server)->connections, 1);
}
END_TEST

START_TEST(one_attempt_is_enough_where_it_opens)
{
    net_client(&N, 0, "alice", MODE[_i]);
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    net_run(&N, 10 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_uint_eq(N.opens, 1);
}
END_TEST

/* What one round of attempts has come to is told once, with the reason of the first way. */
START_TEST(a_round_ends_when_every_way_has_failed)
{
    N.refused = 443;
    N.silent = 80;
    net_client(&N, 0, "alice", MODE[_i]);
    net_run(&N, 10 * IT_SEC - 1);
    ck_assert_str_eq(N.log[0], "");
    net_run(&N, 1);
    ck_assert_str_eq(N.log[0], "DOWN timeout\n");
}
END_TEST

START_TEST(an_interface_that_is_dead_is_passed_by)
{
    net_client(&N, 0, "alice", MODE[_i]);
    N.lost = ip4("10.0.0.1");
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    net_run(&N, 250 * IT_MS);
    ck_assert_str_eq(N.log[0], "UP\n");
    net_send(&N, 0, "alice", "x"); /* a poll's second stream goes the same way */
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nalice: x\n");
}
END_TEST

/* The address of the session's stream goes, and another one is there. */
START_TEST(an_address_that_goes_takes_the_session_to_another)
{
    net_client(&N, 0, "alice", MODE[_i]);
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    net_run(&N, IT_SEC);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_UNBIND, .flow = 1});
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "UP\nDOWN local\nUP\n");
    net_to_client(&N, 0, (it_io){.kind = IT_IO_UNBIND, .flow = 2}); /* the last one: it may come back */
    net_run(&N, IT_SEC);
    binds(0, 2, "10.0.1.1");
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nDOWN local\nUP\n");
    net_to_client(&N, 0, (it_io){.kind = IT_IO_UNBIND, .flow = 2});
    binds(0, 2, "10.0.2.1"); /* it does not */
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "UP\nDOWN local\nUP\nDOWN local\nUP\n");
}
END_TEST

/* The way of the session swallows everything, without a sign of it. */
START_TEST(a_message_without_an_answer_takes_the_session_to_another_way)
{
    net_client(&N, 0, "alice", MODE[_i]);
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    net_run(&N, 5 * IT_SEC);
    N.lost = ip4("10.0.0.1");
    net_send(&N, 0, "alice", "x");
    net_run(&N, 2 * IT_SEC - 1);
    ck_assert_str_eq(N.log[0], "UP\n");
    net_run(&N, IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nDOWN ping\nUP\nalice: x\n");
    net_run(&N, 100 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nDOWN ping\nUP\nalice: x\n");
}
END_TEST

/* Nothing is to be said, and another interface comes or goes. */
START_TEST(a_change_of_addresses_has_the_session_asked)
{
    net_client(&N, 0, "alice", MODE[_i]);
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    net_run(&N, 5 * IT_SEC);
    N.lost = ip4("10.0.0.1");
    binds(0, 3, "10.0.2.1");
    net_run(&N, 3 * IT_SEC);
    ck_assert_str_eq(N.log[0], "UP\nDOWN ping\nUP\n");
}
END_TEST

START_TEST(an_address_that_comes_ends_the_pause)
{
    N.refuses = true;
    net_client(&N, 0, "alice", MODE[_i]);
    net_run(&N, 100 * IT_SEC);
    N.refuses = false;
    binds(0, 1, "10.0.0.1");
    net_run(&N, 0);
    ck_assert(it_signal_client_up(N.c[0]));
}
END_TEST

static void by_name(int i, const char *proxy)
{
    it_signal_client_cfg cfg = {.alloc = &N.alloc, .box = "alice", .host = "signal.tank", .server = {{0, 0}, 80}};
    ck_assert_int_eq(it_addr_parse(&cfg.resolver, "198.51.100.53:53"), 0);
    if (proxy)
        ck_assert_int_eq(it_via_parse(&cfg.via, proxy), 0);
    it_rng_init(&cfg.rng, 1, "name");
    N.c[i] = it_signal_client_new(&cfg);
    ck_assert_ptr_nonnull(N.c[i]);
}

/* The queries that go out now, which must be |n|, each from base |flow|, are answered by |rcode|, of IPv4 with an
 * address where that is 0. */
static void resolves(int n, uint32_t flow, uint8_t rcode)
{
    it_io out;
    uint8_t m[600];
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    while (n-- > 0) {
        ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
        ck_assert_int_eq(out.kind, IT_IO_DGRAM);
        ck_assert_uint_eq(out.flow, flow);
        size_t size = out.data.n;
        memcpy(m, out.data.p, size);
        bool a = m[size - 3] == 1; /* QTYPE: A */
        m[2] |= 0x80;
        m[3] = (uint8_t)(0x80 | rcode);
        if (rcode == 0 && a) {
            m[7] = 1;
            memcpy(m + size, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\x09", 16);
            size += 16;
        }
        net_to_client(&N, 0, (it_io){.kind = IT_IO_DGRAM, .flow = flow, .remote = out.remote, .data = {m, size}});
    }
}

START_TEST(a_server_is_found_by_its_name)
{
    by_name(0, NULL);
    net_run(&N, IT_SEC);
    ck_assert_uint_eq(N.opens, 0);
    binds(0, 7, "10.0.0.1");
    resolves(1, 7, 0);
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "UP\n");
}
END_TEST

START_TEST(a_name_that_nobody_knows_is_told)
{
    by_name(0, NULL);
    binds(0, 7, "10.0.0.1");
    resolves(1, 7, 3);
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "DOWN name\n");
}
END_TEST

/* Each time from another base: one may lead nowhere. */
START_TEST(a_resolver_that_is_silent_is_asked_by_another_interface)
{
    it_io out;
    by_name(0, NULL);
    binds(0, 7, "10.0.0.1");
    binds(0, 8, "10.0.1.1");
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    ck_assert_uint_eq(out.flow, 7);
    N.now = it_signal_client_ops.next(N.c[0]);
    resolves(1, 8, 0);
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "UP\n");
}
END_TEST

START_TEST(a_proxy_finds_the_name)
{
    it_io out;
    by_name(0, "http://10.9.9.9:3128");
    binds(0, 7, "10.0.0.1");
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_OPEN);
    ck_assert_uint_eq(out.remote.port, 3128);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_OPENED, .flow = out.flow, .data = {NULL, NET_ROOM}});
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    ck_assert_ptr_nonnull(memmem(out.data.p, out.data.n, "CONNECT signal.tank:80 ", 23));
}
END_TEST

/* A host with a proxy at one interface and none at the other. */
START_TEST(each_interface_has_its_proxy)
{
    it_io out;
    it_signal_client_cfg cfg = {.alloc = &N.alloc, .box = "alice", .n_exits = 1};
    ck_assert_int_eq(it_addr_parse(&cfg.server, "198.51.100.9:80"), 0);
    ck_assert_int_eq(it_via_parse(&cfg.exits[0].via, "http://10.9.9.9:3128"), 0);
    cfg.exits[0].local = ip4("10.0.0.1");
    it_rng_init(&cfg.rng, 1, "exits");
    N.c[0] = it_signal_client_new(&cfg);
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    ck_assert(out.kind == IT_IO_OPEN && out.remote.port == 3128 && it_ip_eq(out.local.ip, cfg.exits[0].local));
    N.now += 250 * IT_MS;
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    ck_assert_int_eq(it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf), 1);
    ck_assert(out.kind == IT_IO_OPEN && out.remote.port == 80 && it_ip_eq(out.local.ip, ip4("10.0.1.1")));
}
END_TEST

/* --- ways by proxies and ways by names, beside each other --- */

/* The next output of client 0 of |kind|, all before it passed over. */
static it_io puts_out(enum it_io_kind kind)
{
    it_io out;
    int got;
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    while ((got = it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf)) == 1 && out.kind != kind)
        continue;
    ck_assert_int_eq(got, 1);
    return out;
}

static bool is_silent(void)
{
    it_io out;
    ck_assert_int_eq(it_signal_client_ops.tick(N.c[0], N.now), 0);
    return it_signal_client_ops.output(N.c[0], N.now, &out, N.buf, sizeof N.buf) == 0;
}

/* Client 0 knows its server by name and has a proxy at |local| alone. */
static void by_name_and_proxy(const char *local, const char *proxy)
{
    it_signal_client_cfg cfg = {
        .alloc = &N.alloc, .box = "alice", .host = "signal.tank", .server = {{0, 0}, 80}, .n_exits = 1};
    ck_assert_int_eq(it_addr_parse(&cfg.resolver, "198.51.100.53:53"), 0);
    ck_assert_int_eq(it_via_parse(&cfg.exits[0].via, proxy), 0);
    cfg.exits[0].local = ip4(local);
    it_rng_init(&cfg.rng, 1, "both");
    N.c[0] = it_signal_client_new(&cfg);
    ck_assert_ptr_nonnull(N.c[0]);
}

START_TEST(a_way_by_a_proxy_does_not_wait_for_the_name_that_another_one_needs)
{
    by_name_and_proxy(_i ? "10.0.0.1" : "10.0.1.1", "http://10.9.9.9:3128");
    binds(0, 7, "10.0.0.1");
    binds(0, 8, "10.0.1.1");
    it_io asks = puts_out(IT_IO_DGRAM); /* from the one that has no proxy */
    ck_assert_uint_eq(asks.flow, _i ? 8 : 7);
    it_io out = puts_out(IT_IO_OPEN);
    ck_assert_uint_eq(out.remote.port, 3128);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_RST, .flow = out.flow, .end = IT_IO_END_REFUSED});
    ck_assert(is_silent()); /* the answer may come yet */
    ck_assert_str_eq(N.log[0], "");
    N.now += IT_DNS_STUB_WAIT;
    resolves(1, _i ? 8 : 7, 0);
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "UP\n");
}
END_TEST

START_TEST(a_way_without_a_proxy_is_tried_where_the_proxy_is_silent)
{
    by_name_and_proxy(_i ? "10.0.0.1" : "10.0.1.1", "http://10.9.9.9:3128");
    binds(0, 7, "10.0.0.1");
    binds(0, 8, "10.0.1.1");
    resolves(1, _i ? 8 : 7, 0);
    it_io one = puts_out(IT_IO_OPEN);
    N.now += 250 * IT_MS;
    it_io two = puts_out(IT_IO_OPEN);
    ck_assert_uint_eq(one.remote.port == 3128 ? two.remote.port : one.remote.port, 80);
    ck_assert_uint_eq(one.remote.port == 3128 ? one.remote.port : two.remote.port, 3128);
}
END_TEST

/* The reason is the first way's, whenever it has failed. */
START_TEST(a_name_that_nobody_knows_is_the_reason_where_its_way_is_the_first)
{
    by_name_and_proxy(_i ? "10.0.0.1" : "10.0.1.1", "http://10.9.9.9:3128");
    binds(0, 7, "10.0.0.1");
    binds(0, 8, "10.0.1.1");
    resolves(1, _i ? 8 : 7, 3);
    it_io out = puts_out(IT_IO_OPEN);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_RST, .flow = out.flow, .end = IT_IO_END_REFUSED});
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], _i ? "DOWN refused\n" : "DOWN name\n");
}
END_TEST

START_TEST(a_proxy_is_asked_where_the_name_server_has_no_address_of_the_own_family)
{
    by_name(0, "http://[fd00:9::9]:3128");
    it_io in = {.kind = IT_IO_BOUND, .flow = 7, .local = {{0x20010db800000000, 1}, 5000}};
    net_to_client(&N, 0, in);
    ck_assert_int_le(it_signal_client_ops.next(N.c[0]), N.now);
    it_io out = puts_out(IT_IO_OPEN);
    ck_assert_uint_eq(out.remote.port, 3128);
}
END_TEST

/* Of another family there is no base to ask from: that is told, too. */
START_TEST(who_cannot_ask_for_the_name_says_so)
{
    by_name(0, NULL);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_BOUND, .flow = 7, .local = {{0x20010db800000000, 1}, 5000}});
    net_run(&N, IT_DNS_STUB_TRIES * IT_DNS_STUB_WAIT - 1);
    ck_assert_str_eq(N.log[0], "");
    net_run(&N, 1);
    ck_assert_str_eq(N.log[0], "DOWN name\n");
    ck_assert_uint_eq(N.opens, 0);
}
END_TEST

START_TEST(a_question_waits_for_the_base_that_it_leaves_from)
{
    by_name(0, NULL);
    net_to_client(&N, 0, (it_io){.kind = IT_IO_BOUND, .flow = 7, .local = {{0x20010db800000000, 1}, 5000}});
    ck_assert(is_silent());
    N.now += 500 * IT_MS; /* before the stub asks again */
    binds(0, 8, "10.0.0.1");
    ck_assert_uint_eq(puts_out(IT_IO_DGRAM).flow, 8);
}
END_TEST

START_TEST(the_other_port_is_tried_however_many_ways_there_are_to_the_first)
{
    it_signal_client_cfg cfg = {.alloc = &N.alloc, .box = "alice", .also = 443};
    ck_assert_int_eq(it_addr_parse(&cfg.server, "198.51.100.9:80"), 0);
    cfg.server_too = ip4("198.51.100.10");
    N.refused = 80;
    it_rng_init(&cfg.rng, 1, "many");
    N.c[0] = it_signal_client_new(&cfg);
    for (int b = 0; b < IT_SIGNAL_BASES; b++) {
        it_io in = {.kind = IT_IO_BOUND, .flow = (uint32_t)b, .local = {it_ip4(0x0a000001u + (uint32_t)b), 5000}};
        net_to_client(&N, 0, in);
    }
    net_run(&N, 0);
    ck_assert_str_eq(N.log[0], "UP\n");
    ck_assert_uint_eq(N.opens, 2 * IT_SIGNAL_BASES + 1);
}
END_TEST

static void says(uint32_t flow, const char *text)
{
    net_to_client(&N, 0, (it_io){.kind = IT_IO_DATA, .flow = flow, .data = it_bytes_str(text)});
}

/* Whatever place its proxy has in the list. */
START_TEST(a_stream_that_is_opened_again_goes_by_the_proxy_of_its_address)
{
    it_signal_client_cfg cfg = {.alloc = &N.alloc, .box = "alice", .mode = IT_SIGNAL_POLL, .n_exits = 2};
    it_signal_exit *x = cfg.exits;
    ck_assert_int_eq(it_addr_parse(&cfg.server, "198.51.100.9:80"), 0);
    ck_assert_int_eq(it_via_parse(&x[0].via, "http://10.9.9.1:3128"), 0);
    ck_assert_int_eq(it_via_parse(&x[1].via, "http://10.9.9.2:3128"), 0);
    x[0].local = ip4("10.0.0.1");
    x[1].local = ip4("10.0.1.1");
    it_rng_init(&cfg.rng, 1, "again");
    N.c[0] = it_signal_client_new(&cfg);
    binds(0, 1, "10.0.0.1");
    binds(0, 2, "10.0.1.1");
    it_io out = puts_out(IT_IO_OPEN);
    ck_assert(it_ip_eq(out.remote.ip, ip4("10.9.9.1")));
    net_to_client(&N, 0, (it_io){.kind = IT_IO_RST, .flow = out.flow, .end = IT_IO_END_REFUSED});
    uint32_t flow = puts_out(IT_IO_OPEN).flow;
    net_to_client(&N, 0, (it_io){.kind = IT_IO_OPENED, .flow = flow, .data = {NULL, NET_ROOM}});
    (void)puts_out(IT_IO_DATA);
    says(flow, "HTTP/1.1 200 OK\r\n\r\n");
    (void)puts_out(IT_IO_DATA);
    says(flow, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"hello\":\"r\",\"taken\":0}\n");
    ck_assert(it_signal_client_up(N.c[0]));
    it_signal_exit swapped[] = {x[1], x[0]};
    it_signal_client_exits(N.c[0], swapped, 2);
    net_send(&N, 0, "bob", "x");
    out = puts_out(IT_IO_OPEN); /* for the POST */
    ck_assert(it_ip_eq(out.local.ip, ip4("10.0.1.1")));
    ck_assert(it_ip_eq(out.remote.ip, ip4("10.9.9.2")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("signal_client");
    TCase *t = tcase_create("session");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, messages_arrive_once_and_in_order, 0, 2);
    tcase_add_loop_test(t, a_message_for_who_is_not_there_yet_waits, 0, 2);
    tcase_add_loop_test(t, what_a_cut_stream_lost_comes_again, 0, 2);
    tcase_add_loop_test(t, messages_survive_cuts_at_any_time, 0, 20);
    tcase_add_loop_test(t, a_server_that_restarts_is_found_again, 0, 2);
    tcase_add_loop_test(t, pauses_grow_and_end, 0, 2);
    tcase_add_loop_test(t, a_silent_server_is_noticed, 0, 2);
    tcase_add_loop_test(t, an_idle_session_stays_up, 0, 2);
    tcase_add_loop_test(t, of_two_clients_of_a_mailbox_the_latest_counts, 0, 4);
    tcase_add_test(t, a_stream_of_posts_that_ends_is_no_end_of_the_session);
    tcase_add_loop_test(t, a_refusal_that_was_lost_is_told, 0, 2);
    tcase_add_loop_test(t, refusals_are_known_however_many_there_are, 0, 2);
    tcase_add_loop_test(t, a_burst_that_is_read_is_not_refused, 0, 2);
    tcase_add_test(t, a_poll_that_the_server_does_not_hold_any_more_is_asked_again);
    tcase_add_test(t, no_hello_is_noticed);
    tcase_add_loop_test(t, who_closes_waits_for_the_other_end, 0, 2);
    tcase_add_loop_test(t, a_full_mailbox_refuses_and_the_sender_is_told, 0, 2);
    tcase_add_loop_test(t, any_bytes_pass, 0, 2);
    tcase_add_loop_test(t, what_is_too_large_or_goes_to_nobody_is_refused_at_once, 0, 2);
    tcase_add_loop_test(t, a_client_that_closes_leaves, 0, 2);
    tcase_add_loop_test(t, no_memory_is_survived, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("ways");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_other_port_is_tried_when_one_fails, 0, 6);
    tcase_add_loop_test(t, one_attempt_is_enough_where_it_opens, 0, 2);
    tcase_add_loop_test(t, a_round_ends_when_every_way_has_failed, 0, 2);
    tcase_add_loop_test(t, an_interface_that_is_dead_is_passed_by, 0, 2);
    tcase_add_loop_test(t, an_address_that_goes_takes_the_session_to_another, 0, 2);
    tcase_add_loop_test(t, a_message_without_an_answer_takes_the_session_to_another_way, 0, 2);
    tcase_add_loop_test(t, a_change_of_addresses_has_the_session_asked, 0, 2);
    tcase_add_loop_test(t, an_address_that_comes_ends_the_pause, 0, 2);
    tcase_add_test(t, a_server_is_found_by_its_name);
    tcase_add_test(t, a_name_that_nobody_knows_is_told);
    tcase_add_test(t, a_resolver_that_is_silent_is_asked_by_another_interface);
    tcase_add_test(t, a_proxy_finds_the_name);
    tcase_add_test(t, each_interface_has_its_proxy);
    tcase_add_loop_test(t, a_way_by_a_proxy_does_not_wait_for_the_name_that_another_one_needs, 0, 2);
    tcase_add_loop_test(t, a_way_without_a_proxy_is_tried_where_the_proxy_is_silent, 0, 2);
    tcase_add_loop_test(t, a_name_that_nobody_knows_is_the_reason_where_its_way_is_the_first, 0, 2);
    tcase_add_test(t, a_proxy_is_asked_where_the_name_server_has_no_address_of_the_own_family);
    tcase_add_test(t, who_cannot_ask_for_the_name_says_so);
    tcase_add_test(t, a_question_waits_for_the_base_that_it_leaves_from);
    tcase_add_test(t, the_other_port_is_tried_however_many_ways_there_are_to_the_first);
    tcase_add_test(t, a_stream_that_is_opened_again_goes_by_the_proxy_of_its_address);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
