/* The client's side of the long-term mechanism against our own server and against answers of a hostile one (RFC 8489
 * section 9.2.5). */
#include "stack/stun/longterm.h"
#include "stack/stun/server.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const it_stun_user USERS[] = {{"alice", "secret"}};

static it_alloc mem;
static it_stun_server *server;
static it_stun_server_cfg cfg;
static it_stun_longterm lt;
static it_addr client, here;
static uint8_t sent[2048], got[IT_STUN_SERVER_OUT];
static it_buf b;
static it_stun_msg resp;
static const char *why;

static void setup(void)
{
    it_alloc_init(&mem);
    memset(&cfg, 0, sizeof(cfg));
    cfg.alloc = &mem;
    it_rng_init(&cfg.rng, 1, "server");
    cfg.auth.realm = "example.org";
    cfg.auth.users = USERS;
    cfg.auth.n_users = 1;
    client = it_addr_of(it_ip4(0xc0000201), 4444);
    here = it_addr_of(it_ip4(0xc6336401), 3478);
    it_stun_longterm_init(&lt, it_bytes_str("alice"), it_bytes_str("secret"));
    server = it_stun_server_new(&cfg);
}

static void teardown(void)
{
    it_stun_server_free(server);
    ck_assert_int_eq(mem.live, 0);
}

static void again(void)
{
    it_stun_server_free(server);
    server = it_stun_server_new(&cfg);
}

/* The next request; its bytes are in |sent|, its views in |req|. */
static void request(it_stun_msg *req)
{
    static uint32_t serial;
    uint8_t txid[IT_STUN_TXID] = {0};

    it_put32(txid, ++serial);
    it_buf_init(&b, sent, sizeof(sent));
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    it_stun_longterm_put(&lt, &b);
    it_stun_longterm_sign(&lt, &b);
    ck_assert_int_gt(it_stun_end(&b), 0);
    ck_assert_int_eq(it_stun_parse(req, it_bytes_of(sent, b.len)), 0);
}

static int code_of(void)
{
    int code = 0;

    if (resp.cls == IT_STUN_ERROR)
        ck_assert_int_eq(it_stun_get_error(&resp, &code, NULL), 0);
    return code;
}

/* One request to our server at |now|; returns the error code or 0, and what the client makes of it in |act|. */
static int exchange(it_time now, enum it_stun_longterm_act *act)
{
    it_io in = {.kind = IT_IO_DGRAM, .flow = 0, .local = here, .remote = client, .data = {NULL, 0}}, out;
    it_stun_msg req;

    request(&req);
    in.data = it_bytes_of(sent, b.len);
    ck_assert_int_gt(it_stun_server_input(server, now, &in), 0);
    ck_assert_int_eq(it_stun_server_output(server, now, &out, got, sizeof(got)), 1);
    ck_assert_int_eq(it_stun_parse(&resp, out.data), 0);
    *act = it_stun_longterm_response(&lt, &resp, in.data, &why);
    return code_of();
}

static void expect(it_time now, int code, enum it_stun_longterm_act want)
{
    enum it_stun_longterm_act act;

    ck_assert_int_eq(exchange(now, &act), code);
    ck_assert_msg(act == want, "%d: %s", (int)act, why ? why : "-");
    ck_assert_int_eq(why == NULL, want == IT_STUN_LONGTERM_ACCEPT);
}

START_TEST(a_401_leads_to_one_signed_request)
{
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    expect(0, 0, IT_STUN_LONGTERM_ACCEPT);
    ck_assert(lt.proven);
    expect(IT_SEC, 0, IT_STUN_LONGTERM_ACCEPT); /* section 9.2.3.2: later requests are signed at once */
}
END_TEST

START_TEST(the_first_request_carries_nothing)
{
    it_stun_msg req;

    request(&req);
    ck_assert_uint_eq(req.n_attrs, 0);
}
END_TEST

/* Which attributes a retry has, by what the server offers: bit 0 no algorithms, bit 1 anonymity. */
START_TEST(a_retry_carries_what_section_9_2_5_wants)
{
    bool algos = !(_i & 1), anonymous = _i & 2;
    uint16_t algo = 0;
    it_stun_msg req;

    cfg.auth.no_algorithms = !algos;
    cfg.auth.anonymity = anonymous;
    again();
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    request(&req);
    ck_assert_int_eq(it_stun_get(&req, IT_STUN_USERHASH) != NULL, anonymous);
    ck_assert_int_eq(it_stun_get(&req, IT_STUN_USERNAME) != NULL, !anonymous);
    ck_assert(it_bytes_eq(it_stun_get(&req, IT_STUN_REALM)->value, it_bytes_str("example.org")));
    ck_assert(it_bytes_eq(it_stun_get(&req, IT_STUN_NONCE)->value, it_stun_get(&resp, IT_STUN_NONCE)->value));
    ck_assert_int_eq(it_stun_get(&req, IT_STUN_PASSWORD_ALGORITHMS) != NULL, algos);
    ck_assert_int_eq(it_stun_get_algos(&req, IT_STUN_PASSWORD_ALGORITHM, &algo, 1), algos ? 1 : IT_ERR_NOTFOUND);
    ck_assert_uint_eq(algo, algos ? IT_STUN_ALGO_SHA256 : 0);
    ck_assert_int_eq(it_stun_get(&req, IT_STUN_MESSAGE_INTEGRITY_SHA256) != NULL, algos);
    ck_assert_int_eq(it_stun_get(&req, IT_STUN_MESSAGE_INTEGRITY) != NULL, !algos);
    expect(0, 0, IT_STUN_LONGTERM_ACCEPT);
}
END_TEST

START_TEST(wrong_credentials_are_not_tried_twice)
{
    it_stun_longterm_init(&lt, it_bytes_str("alice"), it_bytes_str("wrong"));
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    expect(0, 401, IT_STUN_LONGTERM_FAIL);
    it_stun_longterm_init(&lt, it_bytes_str("mallory"), it_bytes_str("secret"));
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    expect(0, 401, IT_STUN_LONGTERM_FAIL);
}
END_TEST

START_TEST(a_stale_nonce_is_replaced)
{
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    expect(0, 0, IT_STUN_LONGTERM_ACCEPT);
    expect(2 * 3600 * IT_SEC, 438, IT_STUN_LONGTERM_RETRY);
    expect(2 * 3600 * IT_SEC, 0, IT_STUN_LONGTERM_ACCEPT);
}
END_TEST

START_TEST(a_moved_client_gets_a_new_nonce)
{
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    expect(0, 0, IT_STUN_LONGTERM_ACCEPT);
    client.port++;
    expect(IT_SEC, 438, IT_STUN_LONGTERM_RETRY);
    expect(IT_SEC, 0, IT_STUN_LONGTERM_ACCEPT);
}
END_TEST

START_TEST(a_new_realm_is_another_try)
{
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    cfg.auth.realm = "example.net";
    again();
    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    expect(0, 0, IT_STUN_LONGTERM_ACCEPT);
}
END_TEST

/* --- answers made by hand --- */

static const uint16_t BOTH[] = {2, 1}, MD5_ONLY[] = {1}, NONE_KNOWN[] = {3, 9};

#define COOKIE_ALGOS "obMatJos2gAAA"
#define COOKIE_NONE "obMatJos2AAAA"

/* Starts an error response to what was sent last. */
static void answer(it_buf *a, int code, const char *realm, const char *nonce, const uint16_t *algos, int n)
{
    it_buf_init(a, got, sizeof(got));
    it_stun_begin(a, code ? IT_STUN_ERROR : IT_STUN_SUCCESS, IT_STUN_BINDING, sent + 8);
    if (code)
        it_stun_put_error(a, code, NULL);
    if (realm)
        it_stun_put(a, IT_STUN_REALM, it_bytes_str(realm));
    if (nonce)
        it_stun_put(a, IT_STUN_NONCE, it_bytes_str(nonce));
    if (algos)
        it_stun_put_algos(a, IT_STUN_PASSWORD_ALGORITHMS, algos, n);
}

static enum it_stun_longterm_act judge(it_buf *a)
{
    ck_assert_int_gt(it_stun_end(a), 0);
    ck_assert_int_eq(it_stun_parse(&resp, it_bytes_of(got, a->len)), 0);
    return it_stun_longterm_response(&lt, &resp, it_bytes_of(sent, b.len), &why);
}

START_TEST(first_challenges_are_judged)
{
    static const struct {
        const char *realm, *nonce;
        const uint16_t *algos;
        int n;
        enum it_stun_longterm_act act;
        uint16_t algo;
    } CASES[] = {
        {"r", COOKIE_ALGOS "n", BOTH, 2, IT_STUN_LONGTERM_RETRY, IT_STUN_ALGO_SHA256},
        {"r", COOKIE_ALGOS "n", MD5_ONLY, 1, IT_STUN_LONGTERM_RETRY, IT_STUN_ALGO_MD5},
        {"r", COOKIE_ALGOS "n", NONE_KNOWN, 2, IT_STUN_LONGTERM_FAIL, 0},
        {"r", COOKIE_ALGOS "n", NONE_KNOWN, 0, IT_STUN_LONGTERM_FAIL, 0},
        {"r", COOKIE_ALGOS "n", NULL, 0, IT_STUN_LONGTERM_FAIL, 0}, /* the list was stripped: bid-down */
        {"r", COOKIE_NONE "n", NULL, 0, IT_STUN_LONGTERM_RETRY, IT_STUN_ALGO_MD5},
        {"r", "an old server", NULL, 0, IT_STUN_LONGTERM_RETRY, IT_STUN_ALGO_MD5},
        {NULL, "n", NULL, 0, IT_STUN_LONGTERM_FAIL, 0},
        {"r", NULL, NULL, 0, IT_STUN_LONGTERM_FAIL, 0},
    };
    it_stun_msg req;
    it_buf a;

    request(&req);
    answer(&a, 401, CASES[_i].realm, CASES[_i].nonce, CASES[_i].algos, CASES[_i].n);
    ck_assert_int_eq(judge(&a), CASES[_i].act);
    ck_assert_int_eq(lt.challenged, CASES[_i].act == IT_STUN_LONGTERM_RETRY);
    if (CASES[_i].algo)
        ck_assert_int_eq((int)lt.algo, CASES[_i].algo);
}
END_TEST

/* RFC 8489 section 9.2.5: the first that is known; RFC 8656 section 6: of both SHA-256, for those who want it. */
START_TEST(of_both_algorithms_the_first_is_taken_or_sha256)
{
    static const uint16_t MD5_FIRST[] = {7, IT_STUN_ALGO_MD5, IT_STUN_ALGO_SHA256};
    it_stun_msg req;
    it_buf a;
    request(&req);
    lt.prefers_sha256 = _i;
    answer(&a, 401, "r", COOKIE_ALGOS "n", MD5_FIRST, 3);
    ck_assert_int_eq(judge(&a), IT_STUN_LONGTERM_RETRY);
    ck_assert_int_eq(lt.algo, _i ? IT_STUN_ALGO_SHA256 : IT_STUN_ALGO_MD5);
}
END_TEST

START_TEST(a_later_challenge_may_not_take_the_algorithms_back)
{
    it_stun_msg req;
    it_buf a;

    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    request(&req);
    answer(&a, 438, "example.org", "no cookie", NULL, 0);
    ck_assert_int_eq(judge(&a), IT_STUN_LONGTERM_FAIL);
}
END_TEST

/* Responses to a signed request. */
START_TEST(responses_without_right_integrity_are_discarded)
{
    enum { NO_MAC, SHORT_MAC, WRONG_MAC, WEAK_MAC, STRIPPED, RIGHT };
    static const struct {
        int code, mac;
        enum it_stun_longterm_act act;
    } CASES[] = {
        {0, NO_MAC, IT_STUN_LONGTERM_DISCARD},     {400, NO_MAC, IT_STUN_LONGTERM_DISCARD},
        {420, NO_MAC, IT_STUN_LONGTERM_DISCARD},   {0, WRONG_MAC, IT_STUN_LONGTERM_DISCARD},
        {0, WEAK_MAC, IT_STUN_LONGTERM_DISCARD},   {0, SHORT_MAC, IT_STUN_LONGTERM_DISCARD},
        {500, STRIPPED, IT_STUN_LONGTERM_DISCARD}, {0, RIGHT, IT_STUN_LONGTERM_ACCEPT},
        {400, RIGHT, IT_STUN_LONGTERM_ACCEPT},     {420, RIGHT, IT_STUN_LONGTERM_ACCEPT},
    };
    uint8_t zeros[16] = {0};
    it_stun_msg req;
    it_hmac_key key;
    it_buf a;

    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    request(&req);
    key = lt.key;
    if (CASES[_i].mac == WRONG_MAC)
        it_stun_key_short(&key, it_bytes_str("guess"));
    answer(&a, CASES[_i].code, NULL, CASES[_i].mac == STRIPPED ? COOKIE_ALGOS : NULL, NULL, 0);
    if (CASES[_i].mac == WEAK_MAC)
        it_stun_put_integrity(&a, &key);
    else if (CASES[_i].mac == SHORT_MAC)
        it_stun_put(&a, IT_STUN_MESSAGE_INTEGRITY_SHA256, it_bytes_of(zeros, sizeof(zeros)));
    else if (CASES[_i].mac != NO_MAC)
        it_stun_put_integrity_sha256(&a, &key);
    ck_assert_int_eq(judge(&a), CASES[_i].act);
}
END_TEST

START_TEST(responses_to_an_unsigned_request_need_no_integrity)
{
    static const int CODES[] = {0, 300, 400, 420, 500};
    it_stun_msg req;
    it_buf a;

    request(&req);
    answer(&a, CODES[_i], NULL, NULL, NULL, 0);
    ck_assert_int_eq(judge(&a), IT_STUN_LONGTERM_ACCEPT);
}
END_TEST

START_TEST(a_server_that_always_says_stale_is_left)
{
    char nonce[32];
    it_stun_msg req;
    it_buf a;
    int tries = 0;

    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    for (;; tries++) {
        ck_assert_int_lt(tries, 100);
        request(&req);
        snprintf(nonce, sizeof(nonce), COOKIE_ALGOS "%d", tries);
        answer(&a, 438, "example.org", nonce, BOTH, 2);
        if (judge(&a) == IT_STUN_LONGTERM_FAIL)
            break;
    }
    ck_assert_int_eq(tries, IT_STUN_STALE_MAX);
}
END_TEST

START_TEST(late_refusals_of_an_old_nonce_do_not_count)
{
    uint8_t old[2048];
    it_stun_msg req;
    it_buf a;
    size_t n;

    expect(0, 401, IT_STUN_LONGTERM_RETRY);
    request(&req); /* many requests under way with the first nonce */
    n = b.len;
    memcpy(old, sent, n);
    for (int i = 0; i < 3 * IT_STUN_STALE_MAX; i++) {
        answer(&a, 438, "example.org", COOKIE_ALGOS "new", BOTH, 2);
        ck_assert_int_gt(it_stun_end(&a), 0);
        ck_assert_int_eq(it_stun_parse(&resp, it_bytes_of(got, a.len)), 0);
        ck_assert_int_eq(it_stun_longterm_response(&lt, &resp, it_bytes_of(old, n), NULL), IT_STUN_LONGTERM_RETRY);
    }
}
END_TEST

START_TEST(long_realms_and_nonces_are_echoed)
{
    uint8_t text[IT_STUN_REASON_MAX];
    it_stun_msg req;
    it_buf a;

    memset(text, 'q', sizeof(text));
    request(&req);
    answer(&a, 401, NULL, NULL, NULL, 0);
    for (int i = 0; i < 2; i++) { /* longer than may be sent of one's own, but accepted (section 14.9) */
        it_buf_u16(&a, i ? IT_STUN_NONCE : IT_STUN_REALM);
        it_buf_u16(&a, sizeof(text));
        it_buf_put(&a, text, sizeof(text));
        it_buf_u8(&a, 0);
    }
    ck_assert_int_eq(judge(&a), IT_STUN_LONGTERM_RETRY);
    request(&req);
    ck_assert(it_bytes_eq(it_stun_get(&req, IT_STUN_REALM)->value, it_bytes_of(text, sizeof(text))));
    ck_assert(it_bytes_eq(it_stun_get(&req, IT_STUN_NONCE)->value, it_bytes_of(text, sizeof(text))));
    ck_assert_int_eq(it_stun_check(&req, &lt.key, NULL), 0);
}
END_TEST

START_TEST(a_list_too_long_to_echo_is_refused)
{
    uint16_t algos[IT_STUN_ALGOS_MAX / 4 + 1];
    it_stun_msg req;
    it_buf a;

    for (size_t i = 0; i < sizeof(algos) / sizeof(algos[0]); i++)
        algos[i] = 2;
    request(&req);
    answer(&a, 401, "r", COOKIE_ALGOS, algos, IT_STUN_ALGOS_MAX / 4 + 1);
    ck_assert_int_eq(judge(&a), IT_STUN_LONGTERM_FAIL);
    answer(&a, 401, "r", COOKIE_ALGOS, algos, IT_STUN_ALGOS_MAX / 4);
    ck_assert_int_eq(judge(&a), IT_STUN_LONGTERM_RETRY);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun/longterm");
    TCase *ours = tcase_create("our server"), *hostile = tcase_create("RFC 8489 section 9.2.5");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(ours, setup, teardown);
    tcase_add_test(ours, a_401_leads_to_one_signed_request);
    tcase_add_test(ours, the_first_request_carries_nothing);
    tcase_add_loop_test(ours, a_retry_carries_what_section_9_2_5_wants, 0, 4);
    tcase_add_test(ours, wrong_credentials_are_not_tried_twice);
    tcase_add_test(ours, a_stale_nonce_is_replaced);
    tcase_add_test(ours, a_moved_client_gets_a_new_nonce);
    tcase_add_test(ours, a_new_realm_is_another_try);
    suite_add_tcase(s, ours);
    tcase_add_checked_fixture(hostile, setup, teardown);
    tcase_add_loop_test(hostile, first_challenges_are_judged, 0, 9);
    tcase_add_loop_test(hostile, of_both_algorithms_the_first_is_taken_or_sha256, 0, 2);
    tcase_add_test(hostile, a_later_challenge_may_not_take_the_algorithms_back);
    tcase_add_loop_test(hostile, responses_without_right_integrity_are_discarded, 0, 10);
    tcase_add_loop_test(hostile, responses_to_an_unsigned_request_need_no_integrity, 0, 5);
    tcase_add_test(hostile, a_server_that_always_says_stale_is_left);
    tcase_add_test(hostile, late_refusals_of_an_old_nonce_do_not_count);
    tcase_add_test(hostile, long_realms_and_nonces_are_echoed);
    tcase_add_test(hostile, a_list_too_long_to_echo_is_refused);
    suite_add_tcase(s, hostile);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
