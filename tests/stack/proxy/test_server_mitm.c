/* An inspector in the middle: whom a client that trusts it sees, what it reads, and whom it lets be. */
#include "stack/proxy/server.h"
#include "tests/stack/tls/ends.h"

#define INSIDE (IT_IO_ACCEPTED_FLOW + 1)

static ends w;
static it_tls_cfg c, s;
static it_proxy *P;
static it_tls_trust *both; /* the world's root and the inspector's */
static uint32_t outside;   /* flow of its connection to the server; 0: none */
static bool refuse_server;

static void set_up(void)
{
    ends_init(&w);
    c = ends_cfg(&w, CLIENT);
    s = ends_cfg(&w, SERVER);
    both = it_tls_trust_new(&w.own);
    ck_assert(both && it_tls_trust_add(both, w.root) == 0 && it_tls_trust_add(both, w.other) == 0);
    outside = 0;
    refuse_server = false;
}

static void inspector(const char *pass)
{
    it_proxy_cfg cfg = {.alloc = &w.own, .kind = IT_PROXY_INSPECT, .allow_all = true, .pass = pass};
    cfg.tls = w.shared;
    cfg.ca = w.other;
    cfg.trust = w.trust;
    it_rng_init(&cfg.rng, 3, "inspector");
    P = it_proxy_new(&cfg);
    ck_assert_ptr_nonnull(P);
}

static void tear_down(void)
{
    it_proxy_free(P);
    ends_clear(&w);
    it_tls_trust_free(both);
    ends_fini(&w);
}

/* Gives the inspector what an end has said. False: it has nothing. */
static bool from_end(int i)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    if (w.e[i].ls.n == 0 || it_layers_output(&w.e[i].ls, w.now, &out, buf, sizeof buf) != 1)
        return false;
    out.flow = i == CLIENT ? INSIDE : outside;
    for (size_t at = 0; at < out.data.n || out.kind != IT_IO_DATA;) {
        it_io in = out;
        in.data = it_bytes_of(out.data.p + at, out.data.n - at);
        int n = it_proxy_input(P, w.now, &in);
        ck_assert_int_ge(n, 0);
        if (out.kind != IT_IO_DATA)
            break;
        at += (size_t)n;
        while (n == 0 && it_proxy_output(P, w.now, &in, buf, 0) == 1)
            ck_abort_msg("it waits for something that a test does not give");
    }
    return true;
}

/* Does what the inspector wants. */
static bool from_inspector(void)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out, in;
    if (it_proxy_output(P, w.now, &out, buf, sizeof buf) != 1)
        return false;
    if (out.kind != IT_IO_OPEN) {
        (void)ends_give(&w, out.flow == INSIDE ? CLIENT : SERVER, &out);
        return true;
    }
    in = (it_io){.kind = refuse_server ? IT_IO_RST : IT_IO_OPENED, .flow = out.flow, .data = {NULL, 1000000}};
    outside = out.flow;
    if (!refuse_server)
        ends_begin(&w, SERVER, &s);
    ck_assert_int_eq(it_proxy_input(P, w.now, &in), 0);
    return true;
}

static void run(void)
{
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 2; i++)
            more |= ends_read(&w, i) | from_end(i);
        more |= from_inspector();
    }
}

/* The client connects by way of the inspector. */
static void connect_client(void)
{
    it_addr server;
    ck_assert_int_eq(it_addr_parse(&server, "203.0.113.9:443"), 0);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = INSIDE, .local = server, .data = {NULL, 1000000}};
    ck_assert_int_eq(it_proxy_input(P, w.now, &in), 0);
    ends_begin(&w, CLIENT, &c);
    run();
}

#define REQUEST "GET /chat HTTP/1.1\r\nHost: relay.example\r\n\r\n"

START_TEST(a_client_that_trusts_it_is_read)
{
    inspector(NULL);
    c.trust = both;
    c.version = _i ? IT_TLS_1_3 : IT_TLS_1_2;
    connect_client();
    ck_assert(w.e[CLIENT].opened && w.e[SERVER].opened);
    ck_assert_uint_gt(ends_say(&w, CLIENT, it_bytes_str(REQUEST "and more")), 0);
    run();
    ck_assert_uint_eq(w.e[SERVER].n_heard, strlen(REQUEST "and more"));
    ck_assert_mem_eq(w.e[SERVER].heard, REQUEST "and more", w.e[SERVER].n_heard);
    ck_assert_uint_eq(ends_say(&w, SERVER, it_bytes_str("HTTP/1.1 200 OK\r\n\r\n")), 19);
    run();
    ck_assert_mem_eq(w.e[CLIENT].heard, "HTTP/1.1 200 OK\r\n\r\n", 19);
    ck_assert_uint_eq(it_proxy_stat(P)->intercepted, 1);
    ck_assert_uint_eq(it_proxy_stat(P)->requests, 2); /* the ClientHello and what is inside */
    ends_finish(&w, CLIENT);
    run();
    ck_assert(w.e[SERVER].fin && !w.e[SERVER].rst);
    ends_finish(&w, SERVER);
    run();
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 0);
}
END_TEST

START_TEST(a_client_that_does_not_says_unknown_ca)
{
    inspector(NULL);
    connect_client();
    ck_assert(w.e[CLIENT].rst && !w.e[CLIENT].opened);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_UNKNOWN_CA);
    ck_assert_uint_eq(it_proxy_stat(P)->untrusted, 1);
    ck_assert_uint_eq(it_proxy_stat(P)->intercepted, 0);
    ck_assert_uint_eq(it_proxy_stat(P)->broken, 1);
}
END_TEST

START_TEST(an_upgrade_is_stripped_inside_too)
{
    inspector(NULL);
    c.trust = both;
    connect_client();
    (void)ends_say(&w, CLIENT,
                   it_bytes_str("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: x\r\n\r\n"));
    run();
    ck_assert_uint_eq(w.e[SERVER].n_heard, 27);
    ck_assert_mem_eq(w.e[SERVER].heard, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    ck_assert_uint_eq(it_proxy_stat(P)->stripped, 1);
}
END_TEST

START_TEST(what_is_no_http_inside_is_reset)
{
    inspector(NULL);
    c.trust = both;
    connect_client();
    (void)ends_say(&w, CLIENT, it_bytes_of("\x00\x03\x00\x08\x21\x12\xa4\x42\r\n\r\n", 12));
    run();
    ck_assert(w.e[CLIENT].rst);
    ck_assert_uint_eq(w.e[SERVER].n_heard, 0);
    ck_assert_uint_eq(it_proxy_stat(P)->broken, 1);
}
END_TEST

START_TEST(who_is_on_its_list_is_let_be)
{
    static const char *const LISTS[] = {"relay.example", "a.example,*.example"};
    inspector(LISTS[_i]);
    connect_client();
    ck_assert(w.e[CLIENT].opened && w.e[SERVER].opened);
    (void)ends_say(&w, CLIENT, it_bytes_str("any bytes"));
    run();
    ck_assert_uint_eq(w.e[SERVER].n_heard, 9);
    ck_assert_uint_eq(it_proxy_stat(P)->passed, 1);
    ck_assert_uint_eq(it_proxy_stat(P)->intercepted, 0);
}
END_TEST

START_TEST(a_server_that_proves_nothing_is_told_by_an_alert)
{
    it_tls_cert *leaf = ends_leaf(&w, w.root, "elsewhere.example");
    inspector(NULL);
    c.trust = both;
    s.cert = leaf;
    connect_client();
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_ALERT);
    ck_assert_int_eq(ends_info(&w, CLIENT)->alert, IT_TLS_HANDSHAKE_FAILURE);
    ck_assert_int_eq(ends_info(&w, SERVER)->alert, IT_TLS_BAD_CERTIFICATE);
    ends_clear(&w);
    it_tls_cert_free(leaf);
}
END_TEST

START_TEST(a_server_that_is_not_there_is_a_reset)
{
    inspector(NULL);
    refuse_server = true;
    connect_client();
    ck_assert(w.e[CLIENT].rst);
    ck_assert_int_eq(ends_info(&w, CLIENT)->end, IT_TLS_END_NONE);
    ck_assert_uint_eq(it_proxy_stat(P)->failed, 1);
}
END_TEST

START_TEST(protocols_are_http_1_1_or_none)
{
    static const struct {
        const char *offered, *agreed;
    } ALL[] = {{"h2,http/1.1", "http/1.1"}, {NULL, ""}, {"h2", NULL}, {"stun.turn", NULL}};
    inspector(NULL);
    c.trust = both;
    c.alpn = ALL[_i].offered;
    s.alpn = "h2,http/1.1";
    connect_client();
    if (ALL[_i].agreed) {
        ck_assert_str_eq(ends_info(&w, CLIENT)->protocol, ALL[_i].agreed);
        ck_assert_str_eq(ends_info(&w, SERVER)->protocol, ALL[_i].agreed);
    } else {
        ck_assert_int_eq(ends_info(&w, CLIENT)->alert, IT_TLS_NO_APPLICATION_PROTOCOL);
        ck_assert_uint_eq(outside, 0);
    }
}
END_TEST

START_TEST(a_client_that_goes_while_the_server_is_asked_leaves_nothing)
{
    it_io out, in;
    static uint8_t buf[IT_LAYER_MESSAGE];
    inspector(NULL);
    in = (it_io){.kind = IT_IO_ACCEPTED, .flow = INSIDE, .local = {it_ip4(1), 443}, .data = {NULL, 1000000}};
    ck_assert_int_eq(it_proxy_input(P, w.now, &in), 0);
    ends_begin(&w, CLIENT, &c);
    ck_assert(from_end(CLIENT));
    ck_assert_int_eq(it_proxy_output(P, w.now, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_OPEN);
    ck_assert_int_eq(it_proxy_input(P, w.now, &(it_io){.kind = IT_IO_RST, .flow = INSIDE}), 0);
    while (it_proxy_output(P, w.now, &out, buf, sizeof buf) == 1)
        ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_uint_eq(it_proxy_stat(P)->tunnels, 0);
}
END_TEST

START_TEST(much_goes_through_both_ways)
{
    static uint8_t all[50000];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 11 + i / 253);
    inspector(NULL);
    c.trust = both;
    connect_client();
    (void)ends_say(&w, CLIENT, it_bytes_str(REQUEST));
    run();
    w.e[SERVER].n_heard = 0;
    for (int i = 0; i < 2; i++) {
        for (size_t at = 0; at < sizeof all; run())
            at += ends_say(&w, i, it_bytes_of(all + at, sizeof all - at));
        ck_assert_uint_eq(w.e[1 - i].n_heard, sizeof all);
        ck_assert_mem_eq(w.e[1 - i].heard, all, sizeof all);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/proxy/server_mitm");
    TCase *t = tcase_create("interception");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_client_that_trusts_it_is_read, 0, 2);
    tcase_add_test(t, a_client_that_does_not_says_unknown_ca);
    tcase_add_test(t, an_upgrade_is_stripped_inside_too);
    tcase_add_test(t, what_is_no_http_inside_is_reset);
    tcase_add_loop_test(t, who_is_on_its_list_is_let_be, 0, 2);
    tcase_add_test(t, a_server_that_proves_nothing_is_told_by_an_alert);
    tcase_add_test(t, a_server_that_is_not_there_is_a_reset);
    tcase_add_loop_test(t, protocols_are_http_1_1_or_none, 0, 4);
    tcase_add_test(t, a_client_that_goes_while_the_server_is_asked_leaves_nothing);
    tcase_add_test(t, much_goes_through_both_ways);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
