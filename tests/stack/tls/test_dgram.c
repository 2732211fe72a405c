/* Associations of DTLS: handshakes over bad paths, cookies, names, datagrams (RFC 6347, RFC 7350). */
#include "stack/tls/dgram.h"
#include "tests/stack/tls/ends.h"

static ends w;
static it_hmac_key secret;
static it_tls_dgram *d[2];
static it_addr where;
static it_rng luck;
static uint32_t loss; /* of a million */

static void setup(void)
{
    ends_init(&w);
    it_hmac_key_init(&secret, it_bytes_str("secret"));
    it_rng_init(&luck, 1, "luck");
    loss = 0;
    ck_assert_int_eq(it_addr_parse(&where, "192.0.2.1:4000"), 0);
    for (int i = 0; i < 2; i++) {
        it_tls_cfg c = ends_cfg(&w, i);
        d[i] = it_tls_dgram_new(&c);
        ck_assert_ptr_nonnull(d[i]);
    }
}

static void teardown(void)
{
    it_tls_dgram_free(d[CLIENT]);
    it_tls_dgram_free(d[SERVER]);
    it_tls_cert_free(w.leaf);
    it_tls_cert_free(w.other);
    it_tls_cert_free(w.root);
    it_tls_trust_free(w.trust);
    it_tls_shared_free(w.shared);
    ck_assert_int_eq(w.own.live, 0);
}

/* What end |i| has to send next, 0: nothing. */
static size_t out(int i, uint8_t buf[2000])
{
    return it_tls_dgram_output(d[i], buf, 2000);
}

static bool accepted;

static void give(int to, it_bytes in)
{
    if (it_rng_chance(&luck, loss))
        return;
    if (to == SERVER && !accepted)
        accepted = it_tls_dgram_hello(d[SERVER], w.now, &secret, where, in) == 1;
    else
        ck_assert_int_eq(it_tls_dgram_input(d[to], w.now, in), 0);
}

/* Carries what there is to and fro, and lets time pass, up to |until|. */
static void carry(it_time until)
{
    uint8_t buf[2000];
    for (;;) {
        bool any = false;
        for (int i = 0; i < 2; i++)
            for (size_t n; (n = out(i, buf)) > 0; any = true)
                give(1 - i, it_bytes_of(buf, n));
        if (any)
            continue;
        it_time a = it_tls_dgram_next(d[0]), b = it_tls_dgram_next(d[1]), next = a < b ? a : b;
        if (next > until)
            break;
        w.now = next > w.now ? next : w.now;
        for (int i = 0; i < 2; i++)
            if (it_tls_dgram_next(d[i]) <= w.now) {
                ck_assert_int_eq(it_tls_dgram_tick(d[i], w.now), 0);
                ck_assert(it_tls_dgram_next(d[i]) > w.now);
            }
    }
    w.now = until;
}

static void begin(it_time within)
{
    accepted = false;
    ck_assert_int_eq(it_tls_dgram_start(d[CLIENT], w.now), 0);
    carry(w.now + within);
}

static void says(int from, const char *text)
{
    uint8_t buf[2000];
    ck_assert_int_eq(it_tls_dgram_write(d[from], w.now, it_bytes_str(text)), 0);
    carry(w.now);
    size_t n = it_tls_dgram_read(d[1 - from], buf, sizeof buf);
    ck_assert(it_bytes_eq(it_bytes_of(buf, n), it_bytes_str(text)));
    ck_assert_uint_eq(it_tls_dgram_read(d[1 - from], buf, sizeof buf), 0);
}

START_TEST(both_open_and_datagrams_pass)
{
    begin(IT_SEC);
    ck_assert(it_tls_dgram_info(d[CLIENT])->open && it_tls_dgram_info(d[SERVER])->open);
    says(CLIENT, "hello");
    says(SERVER, "and back");
    ck_assert(it_tls_dgram_next(d[CLIENT]) == IT_NEVER);
    it_tls_dgram_close(d[CLIENT], w.now);
    carry(w.now);
    ck_assert_int_eq(it_tls_dgram_info(d[SERVER])->end, IT_TLS_END_CLOSED);
    ck_assert_int_eq(it_tls_dgram_write(d[CLIENT], w.now, it_bytes_str("x")), IT_ERR_STATE);
}
END_TEST

START_TEST(flights_that_are_lost_are_sent_again)
{
    loss = 300000;
    it_rng_init(&luck, (uint64_t)_i, "luck");
    begin(200 * IT_SEC);
    ck_assert(it_tls_dgram_info(d[CLIENT])->open && it_tls_dgram_info(d[SERVER])->open);
    loss = 0;
    says(CLIENT, "x");
}
END_TEST

/* RFC 6347 section 4.2.4.1. */
START_TEST(the_first_flight_is_repeated_after_a_second_doubled)
{
    uint8_t buf[2000];
    it_time began = w.now;
    ck_assert_int_eq(it_tls_dgram_start(d[CLIENT], w.now), 0);
    for (int wait = 1; wait <= 16; wait *= 2) {
        ck_assert_uint_gt(out(CLIENT, buf), 0);
        ck_assert_uint_eq(out(CLIENT, buf), 0);
        ck_assert(it_tls_dgram_next(d[CLIENT]) == began + (2 * wait - 1) * IT_SEC);
        w.now = it_tls_dgram_next(d[CLIENT]);
        ck_assert_int_eq(it_tls_dgram_tick(d[CLIENT], w.now), 0);
    }
}
END_TEST

/* RFC 6347 section 4.2.1: who has not shown that he is there gets less than he sent, and leaves nothing behind. */
START_TEST(without_a_cookie_a_hello_is_answered_by_less)
{
    uint8_t hello[2000], buf[2000];
    ck_assert_int_eq(it_tls_dgram_start(d[CLIENT], w.now), 0);
    size_t n = out(CLIENT, hello);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(it_tls_dgram_hello(d[SERVER], w.now, &secret, where, it_bytes_of(hello, n)), 0);
        size_t back = out(SERVER, buf);
        ck_assert_uint_gt(back, 0);
        ck_assert_uint_lt(back, n);
        ck_assert_uint_eq(out(SERVER, buf), 0);
        ck_assert(it_tls_dgram_next(d[SERVER]) == IT_NEVER);
    }
    begin(IT_SEC); /* and it can still be somebody's */
}
END_TEST

/* A cookie is good at its address, under its secret, for a minute or two. */
START_TEST(a_cookie_of_somebody_else_is_none)
{
    uint8_t hello[2000], buf[2000];
    it_hmac_key other;
    ck_assert_int_eq(it_tls_dgram_start(d[CLIENT], w.now), 0);
    size_t n = out(CLIENT, hello);
    ck_assert_int_eq(it_tls_dgram_hello(d[SERVER], w.now, &secret, where, it_bytes_of(hello, n)), 0);
    n = out(SERVER, buf);
    ck_assert_int_eq(it_tls_dgram_input(d[CLIENT], w.now, it_bytes_of(buf, n)), 0);
    n = out(CLIENT, hello);
    it_hmac_key_init(&other, it_bytes_str("other"));
    if (_i == 0)
        where.port++;
    if (_i == 1)
        w.now += 130 * IT_SEC;
    int r = it_tls_dgram_hello(d[SERVER], w.now, _i == 2 ? &other : &secret, where, it_bytes_of(hello, n));
    ck_assert_int_eq(r, _i == 3);
    ck_assert_uint_gt(out(SERVER, buf), 0);
    ck_assert_int_eq(it_tls_dgram_is_own_hello(d[SERVER], it_bytes_of(hello, n)), _i == 3);
}
END_TEST

/* RFC 8489 section 6.2.3. */
START_TEST(a_server_that_is_not_who_it_should_be_is_left)
{
    it_tls_cfg c = ends_cfg(&w, CLIENT);
    it_tls_trust *nobody = it_tls_trust_new(&w.own);
    it_tls_dgram_free(d[CLIENT]);
    c.name = _i ? "relay.example" : "other.example";
    c.trust = _i ? nobody : w.trust;
    d[CLIENT] = it_tls_dgram_new(&c);
    begin(IT_SEC);
    ck_assert_int_eq(it_tls_dgram_info(d[CLIENT])->end, _i ? IT_TLS_END_UNKNOWN_CA : IT_TLS_END_NAME);
    ck_assert_ptr_nonnull(strstr(it_tls_dgram_why(d[CLIENT]), _i ? "RFC 5280" : "RFC 9525"));
    ck_assert(!it_tls_dgram_info(d[SERVER])->open);
    it_tls_dgram_free(d[CLIENT]);
    it_tls_trust_free(nobody);
    d[CLIENT] = NULL;
}
END_TEST

START_TEST(what_is_no_part_of_it_is_dropped)
{
    uint8_t buf[2000], junk[100];
    begin(IT_SEC);
    for (int i = 0; i < 200; i++) {
        it_rng_bytes(&luck, junk, sizeof junk);
        if (i % 2) {
            memcpy(junk, (const uint8_t[]){23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 87}, 13);
        }
        ck_assert_int_eq(it_tls_dgram_input(d[SERVER], w.now, it_bytes_of(junk, sizeof junk)), 0);
    }
    ck_assert_uint_eq(it_tls_dgram_read(d[SERVER], buf, sizeof buf), 0);
    says(CLIENT, "still here");
}
END_TEST

START_TEST(without_memory_there_is_none)
{
    it_alloc few;
    it_tls_cfg c = ends_cfg(&w, CLIENT);
    for (uint64_t k = 0; k < 2; k++) {
        it_alloc_init_countdown(&few, k);
        c.alloc = &few;
        it_tls_dgram *x = it_tls_dgram_new(&c);
        if (x)
            ck_assert_int_eq(it_tls_dgram_start(x, w.now), k ? IT_ERR_NOMEM : 0);
        it_tls_dgram_free(x);
        ck_assert_int_eq(few.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/tls/dgram");
    TCase *tc = tcase_create("RFC 6347");
    SRunner *sr;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, both_open_and_datagrams_pass);
    tcase_add_loop_test(tc, flights_that_are_lost_are_sent_again, 0, 20);
    tcase_add_test(tc, the_first_flight_is_repeated_after_a_second_doubled);
    tcase_add_test(tc, without_a_cookie_a_hello_is_answered_by_less);
    tcase_add_loop_test(tc, a_cookie_of_somebody_else_is_none, 0, 4);
    tcase_add_loop_test(tc, a_server_that_is_not_who_it_should_be_is_left, 0, 2);
    tcase_add_test(tc, what_is_no_part_of_it_is_dropped);
    tcase_add_test(tc, without_memory_there_is_none);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
