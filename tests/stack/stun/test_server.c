/* The server: what it answers, what it does not, RFC 5780, credentials end to end, memory. */
#include "stack/stun/server.h"
#include "stack/stun/longterm.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t TXID[IT_STUN_TXID] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const it_stun_user USERS[] = {{"alice", "secret"}, {"bob", "hunter2"}};

static it_alloc mem;
static it_stun_server *s;
static it_stun_server_cfg cfg;
static it_addr client, here;
static uint8_t wire[2048], answer[IT_STUN_SERVER_OUT];
static it_buf b;
static it_io out;
static it_stun_msg resp;

static it_addr addr(const char *text)
{
    it_addr a;

    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static void setup(void)
{
    it_alloc_init(&mem);
    memset(&cfg, 0, sizeof(cfg));
    cfg.alloc = &mem;
    it_rng_init(&cfg.rng, 1, "server");
    client = addr("192.0.2.9:4444");
    here = addr("198.51.100.1:3478");
    s = NULL;
}

static void teardown(void)
{
    it_stun_server_free(s);
    ck_assert_int_eq(mem.live, 0);
}

static void begin(void)
{
    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
}

/* Sends what was built and fetches the response; false when there is none. */
static bool ask(void)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 7, .local = here, .remote = client, .data = {NULL, 0}};
    int n = it_stun_end(&b);

    ck_assert_int_gt(n, 0);
    in.data = it_bytes_of(wire, (size_t)n);
    if (!s)
        s = it_stun_server_new(&cfg);
    ck_assert_int_eq(it_stun_server_input(s, 0, &in), n);
    if (it_stun_server_output(s, 0, &out, answer, sizeof(answer)) == 0)
        return false;
    ck_assert_int_eq(it_stun_parse(&resp, out.data), 0);
    ck_assert_mem_eq(resp.txid, TXID, sizeof(TXID));
    ck_assert_uint_eq(resp.method, IT_STUN_BINDING);
    ck_assert_uint_eq(out.flow, 7);
    ck_assert_int_eq(it_stun_server_output(s, 0, &out, answer, sizeof(answer)), 0);
    return true;
}

static int code_of(void)
{
    int code = 0;

    if (resp.cls == IT_STUN_ERROR)
        ck_assert_int_eq(it_stun_get_error(&resp, &code, NULL), 0);
    else
        ck_assert_int_eq(resp.cls, IT_STUN_SUCCESS);
    return code;
}

static void expect_addr(uint16_t type, const char *want)
{
    char text[IT_ADDR_TEXT];
    it_addr a;

    if (!want) {
        ck_assert_int_eq(it_stun_get_addr(&resp, type, &a), IT_ERR_NOTFOUND);
        return;
    }
    ck_assert_int_eq(it_stun_get_addr(&resp, type, &a), 0);
    ck_assert_str_eq(it_addr_text(a, text), want);
}

START_TEST(a_binding_request_gets_its_source)
{
    static const char *const SOURCES[] = {"192.0.2.9:4444", "[2001:db8::9]:5"};

    client = addr(SOURCES[_i]);
    cfg.software = "tank";
    begin();
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
    expect_addr(IT_STUN_XOR_MAPPED_ADDRESS, SOURCES[_i]);
    expect_addr(IT_STUN_MAPPED_ADDRESS, NULL);
    expect_addr(IT_STUN_OTHER_ADDRESS, NULL);
    ck_assert(it_bytes_eq(it_stun_get(&resp, IT_STUN_SOFTWARE)->value, it_bytes_str("tank")));
    ck_assert_ptr_null(it_stun_get(&resp, IT_STUN_FINGERPRINT));
    ck_assert(it_addr_eq(out.remote, client) && it_addr_eq(out.local, here));
}
END_TEST

START_TEST(a_retransmission_gets_the_same_response)
{
    uint8_t first[IT_STUN_SERVER_OUT];
    size_t n;

    begin();
    ck_assert(ask());
    n = resp.raw.n;
    memcpy(first, answer, n);
    begin();
    ck_assert(ask());
    ck_assert(it_bytes_eq(resp.raw, it_bytes_of(first, n)));
}
END_TEST

START_TEST(fingerprint_is_answered_with_fingerprint)
{
    begin();
    it_stun_put_fingerprint(&b);
    ck_assert(ask());
    ck_assert_uint_eq(resp.attrs[resp.n_attrs - 1].type, IT_STUN_FINGERPRINT);
}
END_TEST

START_TEST(other_classes_and_methods_are_not_answered)
{
    static const struct {
        enum it_stun_class cls;
        uint16_t method;
    } CASES[] = {
        {IT_STUN_INDICATION, IT_STUN_BINDING}, {IT_STUN_SUCCESS, IT_STUN_BINDING}, {IT_STUN_ERROR, IT_STUN_BINDING},
        {IT_STUN_REQUEST, IT_STUN_ALLOCATE},   {IT_STUN_REQUEST, 0xfff},
    };

    it_buf_init(&b, wire, sizeof(wire));
    it_stun_begin(&b, CASES[_i].cls, CASES[_i].method, TXID);
    it_stun_put(&b, 0x7ffe, it_bytes_str("unknown"));
    ck_assert(!ask());
}
END_TEST

START_TEST(malformed_messages_are_not_answered)
{
    begin();
    it_buf_u32(&b, 0x00060010); /* USERNAME that runs out of the message */
    ck_assert(!ask());
    begin();
    it_stun_put_fingerprint(&b);
    wire[27] ^= 1;
    ck_assert(!ask());
}
END_TEST

START_TEST(unknown_comprehension_required_attributes_are_listed_in_a_420)
{
    uint16_t types[8] = {0};

    begin();
    it_stun_put(&b, 0x7ffe, it_bytes_of(NULL, 0));
    it_stun_put(&b, 0x8ffe, it_bytes_of(NULL, 0)); /* optional: ignored */
    it_stun_put_u32(&b, IT_STUN_LIFETIME, 1);
    it_stun_put_u32(&b, IT_STUN_CHANGE_REQUEST, 6);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 420);
    ck_assert_int_eq(it_stun_get_types(&resp, IT_STUN_UNKNOWN_ATTRIBUTES, types, 8), 3);
    ck_assert_uint_eq(types[0], 0x7ffe);
    ck_assert_uint_eq(types[1], IT_STUN_LIFETIME);
    ck_assert_uint_eq(types[2], IT_STUN_CHANGE_REQUEST);
}
END_TEST

START_TEST(known_but_unexpected_attributes_are_ignored)
{
    begin();
    it_stun_put_error(&b, 500, NULL);
    it_stun_put(&b, 0x8ffe, it_bytes_str("x"));
    it_stun_put_addr(&b, IT_STUN_XOR_MAPPED_ADDRESS, client);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
}
END_TEST

START_TEST(responses_leave_in_the_order_of_their_requests)
{
    s = it_stun_server_new(&cfg);
    for (uint16_t i = 0; i < 3; i++) {
        begin();
        int n = it_stun_end(&b);
        client.port = (uint16_t)(5000 + i);
        it_io in = {.kind = IT_IO_DGRAM, .local = here, .remote = client, .data = it_bytes_of(wire, (size_t)n)};
        ck_assert_int_eq(it_stun_server_input(s, 0, &in), n);
    }
    for (uint16_t i = 0; i < 3; i++) {
        ck_assert_int_eq(it_stun_server_output(s, 0, &out, answer, sizeof(answer)), 1);
        ck_assert_uint_eq(out.remote.port, 5000 + i);
    }
    ck_assert_int_eq(it_stun_server_output(s, 0, &out, answer, sizeof(answer)), 0);
}
END_TEST

START_TEST(requests_beyond_the_queue_are_dropped)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = here, .remote = client, .data = {NULL, 0}};
    int n = 0;

    begin();
    ck_assert(ask());
    in.data = it_bytes_of(wire, b.len);
    for (uint32_t i = 0; i < IT_STUN_SERVER_QUEUE + 5; i++)
        ck_assert_int_eq(it_stun_server_input(s, 0, &in), (int)b.len);
    while (it_stun_server_output(s, 0, &out, answer, sizeof(answer)) == 1)
        n++;
    ck_assert_int_eq(n, IT_STUN_SERVER_QUEUE);
    ck_assert_int_eq(it_stun_server_tick(s, 0), 0);
    ck_assert_int_eq(it_stun_server_next(s), IT_NEVER);
}
END_TEST

START_TEST(a_response_that_does_not_fit_is_dropped)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = here, .remote = client, .data = {NULL, 0}};

    begin();
    ck_assert(ask());
    in.data = it_bytes_of(wire, b.len);
    ck_assert_int_gt(it_stun_server_input(s, 0, &in), 0);
    ck_assert_int_eq(it_stun_server_output(s, 0, &out, answer, 31), 0);
    ck_assert_int_gt(it_stun_server_input(s, 0, &in), 0);
    ck_assert_int_eq(it_stun_server_output(s, 0, &out, answer, 32), 1);
}
END_TEST

/* --- RFC 3489 --- */

/* Sends what was built with |first| where the cookie is, and fetches the response, its cookie put back; false when
 * there is none.
 */
static bool ask_classic(uint32_t first)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 7, .local = here, .remote = client, .data = {NULL, 0}};
    int n = it_stun_end(&b);

    ck_assert_int_gt(n, 0);
    it_put32(wire + 4, first);
    in.data = it_bytes_of(wire, (size_t)n);
    if (!s)
        s = it_stun_server_new(&cfg);
    ck_assert_int_eq(it_stun_server_input(s, 0, &in), n);
    ck_assert_uint_eq(it_get32(wire + 4), first); /* what was handed over is not touched */
    if (it_stun_server_output(s, 0, &out, answer, sizeof(answer)) == 0)
        return false;
    ck_assert_uint_eq(it_get32(out.data.p + 4), first);
    it_put32(answer + 4, IT_STUN_COOKIE);
    ck_assert_int_eq(it_stun_parse(&resp, out.data), 0);
    ck_assert_mem_eq(resp.txid, TXID, sizeof(TXID));
    return true;
}

/* RFC 5389 section 12.2, RFC 3489 section 8.1: the 16 bytes of the transaction id come back, and only what that client
 * knows. */
START_TEST(a_client_of_rfc_3489_gets_what_it_knows)
{
    static const uint32_t FLAGS[] = {0, 2, 4, 6};
    static const char *const FROM[] = {"198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478",
                                       "198.51.100.2:3479"};

    cfg.classic = cfg.discovery = true;
    cfg.primary = addr(FROM[0]);
    cfg.alternate = addr(FROM[3]);
    begin();
    it_stun_put_u32(&b, IT_STUN_CHANGE_REQUEST, FLAGS[_i]);
    ck_assert(ask_classic(0x01020304));
    ck_assert_int_eq(code_of(), 0);
    ck_assert(it_addr_eq(out.local, addr(FROM[_i])));
    expect_addr(IT_STUN_MAPPED_ADDRESS, "192.0.2.9:4444");
    expect_addr(IT_STUN_SOURCE_ADDRESS, FROM[_i]);
    expect_addr(IT_STUN_CHANGED_ADDRESS, FROM[3]);
    ck_assert_uint_eq(resp.n_attrs, 3);
}
END_TEST

START_TEST(with_classic_others_are_answered_as_ever)
{
    cfg.classic = true;
    begin();
    ck_assert(ask());
    expect_addr(IT_STUN_XOR_MAPPED_ADDRESS, "192.0.2.9:4444");
    expect_addr(IT_STUN_MAPPED_ADDRESS, NULL);
}
END_TEST

START_TEST(a_client_of_rfc_3489_is_told_an_even_number_of_unknown_attributes)
{
    uint16_t types[4] = {0};

    cfg.classic = true;
    begin();
    it_stun_put(&b, 0x0002, it_bytes_of(TXID, 8)); /* RESPONSE-ADDRESS */
    ck_assert(ask_classic(1));
    ck_assert_int_eq(code_of(), 420);
    ck_assert_int_eq(it_stun_get_types(&resp, IT_STUN_UNKNOWN_ATTRIBUTES, types, 4), 2);
    ck_assert_uint_eq(types[0], 0x0002);
    ck_assert_uint_eq(types[1], 0x0002);
}
END_TEST

START_TEST(without_a_cookie_nothing_is_answered_unless_asked_for)
{
    begin();
    ck_assert(!ask_classic(0x01020304));
    it_stun_server_free(s);
    s = NULL;
    cfg.classic = true;
    begin();
    it_buf_fill(&b, 0, IT_STUN_SERVER_CLASSIC); /* too large */
    ck_assert(!ask_classic(0x01020304));
    begin();
    it_buf_u32(&b, 0x00060010); /* runs out of the message */
    ck_assert(!ask_classic(0x01020304));
}
END_TEST

/* --- RFC 5780 --- */

static void discovery(void)
{
    cfg.discovery = true;
    cfg.primary = addr("198.51.100.1:3478");
    cfg.alternate = addr("198.51.100.2:3479");
}

/* Table 1 of section 6.1 for each of the four addresses a request can come to. */
START_TEST(change_request_decides_where_the_response_leaves_from)
{
    static const char *const HERE[] = {"198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478",
                                       "198.51.100.2:3479"};
    int at = _i / 5, flags = _i % 5 < 4 ? 2 * (_i % 5) : -1;
    int from = at ^ (flags > 0 && flags & 2 ? 1 : 0) ^ (flags > 0 && flags & 4 ? 2 : 0);

    discovery();
    here = addr(HERE[at]);
    begin();
    if (flags >= 0)
        it_stun_put_u32(&b, IT_STUN_CHANGE_REQUEST, (uint32_t)flags);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
    ck_assert(it_addr_eq(out.local, addr(HERE[from])));
    ck_assert(it_addr_eq(out.remote, client));
    expect_addr(IT_STUN_RESPONSE_ORIGIN, HERE[from]);
    expect_addr(IT_STUN_OTHER_ADDRESS, HERE[at ^ 3]);
    expect_addr(IT_STUN_MAPPED_ADDRESS, "192.0.2.9:4444");
    expect_addr(IT_STUN_XOR_MAPPED_ADDRESS, "192.0.2.9:4444");
}
END_TEST

START_TEST(without_a_second_address_change_request_is_unknown)
{
    uint16_t type = 0;

    discovery();
    if (_i == 0)
        cfg.alternate = (it_addr){{0, 0}, 0};
    else if (_i == 1)
        cfg.alternate.port = cfg.primary.port;
    else
        here = addr("198.51.100.9:3478"); /* came to an address that is not configured */
    begin();
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
    expect_addr(IT_STUN_OTHER_ADDRESS, NULL);
    begin();
    it_stun_put_u32(&b, IT_STUN_CHANGE_REQUEST, 0);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 420);
    ck_assert_int_eq(it_stun_get_types(&resp, IT_STUN_UNKNOWN_ATTRIBUTES, &type, 1), 1);
    ck_assert_uint_eq(type, IT_STUN_CHANGE_REQUEST);
}
END_TEST

START_TEST(response_port_replaces_the_port_only)
{
    discovery();
    begin();
    it_stun_put_u32(&b, IT_STUN_RESPONSE_PORT, 9999);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
    ck_assert(it_addr_eq(out.remote, addr("192.0.2.9:9999")));
    expect_addr(IT_STUN_XOR_MAPPED_ADDRESS, "192.0.2.9:4444");
}
END_TEST

START_TEST(padding_is_answered_with_padding)
{
    discovery();
    begin();
    it_stun_put(&b, IT_STUN_PADDING, it_bytes_str("free-form"));
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
    ck_assert_uint_eq(it_stun_get(&resp, IT_STUN_PADDING)->value.n, IT_STUN_SERVER_PADDING);
}
END_TEST

START_TEST(padding_with_response_port_is_a_400)
{
    discovery();
    begin();
    it_stun_put(&b, IT_STUN_PADDING, it_bytes_str("pad"));
    it_stun_put_u32(&b, IT_STUN_RESPONSE_PORT, 9999);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 400);
    ck_assert(it_addr_eq(out.remote, client));
    begin();
    it_stun_put_u32(&b, IT_STUN_RESPONSE_PORT, 0);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 400);
}
END_TEST

START_TEST(without_discovery_its_attributes_are_unknown)
{
    uint16_t types[3];

    begin();
    it_stun_put(&b, IT_STUN_PADDING, it_bytes_str("pad"));
    it_stun_put_u32(&b, IT_STUN_RESPONSE_PORT, 9999);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 420);
    ck_assert_int_eq(it_stun_get_types(&resp, IT_STUN_UNKNOWN_ATTRIBUTES, types, 3), 2);
}
END_TEST

/* --- credentials, end to end --- */

static void credentials(void)
{
    cfg.auth.realm = "example.org";
    cfg.auth.users = USERS;
    cfg.auth.n_users = 2;
}

START_TEST(a_challenged_client_gets_in)
{
    it_stun_longterm lt;

    credentials();
    it_stun_longterm_init(&lt, it_bytes_str("bob"), it_bytes_str("hunter2"));
    begin();
    it_stun_longterm_put(&lt, &b);
    it_stun_longterm_sign(&lt, &b);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 401);
    ck_assert_int_eq(it_stun_longterm_response(&lt, &resp, it_bytes_of(wire, b.len), NULL), IT_STUN_LONGTERM_RETRY);
    begin();
    it_stun_longterm_put(&lt, &b);
    it_stun_longterm_sign(&lt, &b);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 0);
    ck_assert_int_eq(it_stun_longterm_response(&lt, &resp, it_bytes_of(wire, b.len), NULL), IT_STUN_LONGTERM_ACCEPT);
    expect_addr(IT_STUN_XOR_MAPPED_ADDRESS, "192.0.2.9:4444");
}
END_TEST

START_TEST(the_420_of_an_authenticated_request_is_signed)
{
    it_stun_longterm lt;

    credentials();
    it_stun_longterm_init(&lt, it_bytes_str("alice"), it_bytes_str("secret"));
    begin();
    it_stun_put(&b, 0x7ffe, it_bytes_of(NULL, 0));
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 401); /* authentication comes first, section 6.3 */
    ck_assert_int_eq(it_stun_longterm_response(&lt, &resp, it_bytes_of(wire, b.len), NULL), IT_STUN_LONGTERM_RETRY);
    begin();
    it_stun_put(&b, 0x7ffe, it_bytes_of(NULL, 0));
    it_stun_longterm_put(&lt, &b);
    it_stun_longterm_sign(&lt, &b);
    ck_assert(ask());
    ck_assert_int_eq(code_of(), 420);
    ck_assert_int_eq(it_stun_longterm_response(&lt, &resp, it_bytes_of(wire, b.len), NULL), IT_STUN_LONGTERM_ACCEPT);
}
END_TEST

START_TEST(every_failed_allocation_is_clean)
{
    uint8_t d[64];
    it_io in = {.kind = IT_IO_DGRAM,
                .flow = 0,
                .local = addr("198.51.100.1:3478"),
                .remote = addr("192.0.2.9:4444"),
                .data = {NULL, 0}};
    bool done = false;

    credentials();
    it_buf_init(&b, d, sizeof(d));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, TXID);
    in.data = it_bytes_of(d, (size_t)it_stun_end(&b));
    for (uint64_t n = 0; !done; n++) {
        it_alloc a;
        it_stun_server *x;
        int good = 0;

        it_alloc_init_countdown(&a, n);
        cfg.alloc = &a;
        x = it_stun_server_new(&cfg);
        for (int i = 0; x && i < 3; i++) {
            int err = it_stun_server_input(x, 0, &in);

            ck_assert(err == (int)in.data.n || err == IT_ERR_NOMEM);
            good += err > 0;
        }
        done = good == 3;
        it_stun_server_free(x);
        ck_assert_int_eq(a.live, 0);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stun/server");
    TCase *basic = tcase_create("RFC 8489 section 6.3"), *behavior = tcase_create("RFC 5780 section 6");
    TCase *auth = tcase_create("RFC 8489 section 9.2");
    SRunner *r = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(basic, setup, teardown);
    tcase_add_loop_test(basic, a_binding_request_gets_its_source, 0, 2);
    tcase_add_test(basic, a_retransmission_gets_the_same_response);
    tcase_add_test(basic, fingerprint_is_answered_with_fingerprint);
    tcase_add_loop_test(basic, other_classes_and_methods_are_not_answered, 0, 5);
    tcase_add_test(basic, malformed_messages_are_not_answered);
    tcase_add_test(basic, unknown_comprehension_required_attributes_are_listed_in_a_420);
    tcase_add_test(basic, known_but_unexpected_attributes_are_ignored);
    tcase_add_test(basic, responses_leave_in_the_order_of_their_requests);
    tcase_add_test(basic, requests_beyond_the_queue_are_dropped);
    tcase_add_test(basic, a_response_that_does_not_fit_is_dropped);
    tcase_add_loop_test(basic, a_client_of_rfc_3489_gets_what_it_knows, 0, 4);
    tcase_add_test(basic, with_classic_others_are_answered_as_ever);
    tcase_add_test(basic, a_client_of_rfc_3489_is_told_an_even_number_of_unknown_attributes);
    tcase_add_test(basic, without_a_cookie_nothing_is_answered_unless_asked_for);
    suite_add_tcase(suite, basic);
    tcase_add_checked_fixture(behavior, setup, teardown);
    tcase_add_loop_test(behavior, change_request_decides_where_the_response_leaves_from, 0, 20);
    tcase_add_loop_test(behavior, without_a_second_address_change_request_is_unknown, 0, 3);
    tcase_add_test(behavior, response_port_replaces_the_port_only);
    tcase_add_test(behavior, padding_is_answered_with_padding);
    tcase_add_test(behavior, padding_with_response_port_is_a_400);
    tcase_add_test(behavior, without_discovery_its_attributes_are_unknown);
    suite_add_tcase(suite, behavior);
    tcase_add_checked_fixture(auth, setup, teardown);
    tcase_add_test(auth, a_challenged_client_gets_in);
    tcase_add_test(auth, the_420_of_an_authenticated_request_is_signed);
    tcase_add_test(auth, every_failed_allocation_is_clean);
    suite_add_tcase(suite, auth);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
