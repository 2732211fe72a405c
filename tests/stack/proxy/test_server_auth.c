/* Whom a proxy lets in: Basic and Digest, asked by our own client. RFC 7616, 7617. */
#include "stack/proxy/client.h"
#include "stack/proxy/server_impl.h"

#include <check.h>

static it_alloc mem;
static it_proxy *P;
static it_proxy_client C;
static int asked;

static void server(enum it_proxy_scheme scheme)
{
    it_proxy_cfg cfg = {.kind = IT_PROXY_HTTP, .allow_all = true, .auth = "alice:se:cret", .scheme = scheme};
    it_alloc_init(&mem);
    cfg.alloc = &mem;
    it_rng_init(&cfg.rng, 1, "proxy");
    P = it_proxy_new(&cfg);
    ck_assert_ptr_nonnull(P);
}

static void stop(void)
{
    it_proxy_free(P);
    ck_assert_int_eq(mem.live, 0);
}

static void client(const char *url)
{
    it_via v;
    ck_assert_int_eq(it_via_parse(&v, url), 0);
    ck_assert_int_eq(it_proxy_client_init(&C, &v, (it_addr){it_ip4(0xc6336401), 443}, NULL), 0);
    asked = 0;
}

/* Gives the proxy what the client asks, and the client what it answers to credentials that are wrong. */
static enum it_proxy_verdict step(void)
{
    static it_http_head head;
    it_http_request r;
    uint8_t answer[IT_PROXY_CHALLENGE];
    memset(&head, 0, sizeof head);
    ck_assert_int_eq(it_http_head_feed(&head, it_bytes_of(C.out, C.n_out)), (int)C.n_out);
    ck_assert(head.done);
    C.n_out = 0;
    asked++;
    ck_assert_int_eq(it_http_request_parse(it_bytes_of(head.buf, head.n), &r), 0);
    enum it_proxy_verdict v = it_proxy_authorize(P, it_bytes_of(head.buf, head.n), r.target);
    if (v != IT_PROXY_WELCOME) {
        size_t n = it_proxy_challenge(P, v == IT_PROXY_STALE, answer, sizeof answer);
        ck_assert_int_eq(it_proxy_client_input(&C, it_bytes_of(answer, n)), (int)n);
    }
    return v;
}

START_TEST(the_right_password_opens_with_the_second_request)
{
    server((enum it_proxy_scheme)_i);
    client("http://alice:se:cret@10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    ck_assert_int_eq(step(), IT_PROXY_WELCOME);
    ck_assert_int_eq(C.challenge.scheme, _i == IT_PROXY_BASIC    ? IT_HTTP_BASIC
                                         : _i == IT_PROXY_DIGEST ? IT_HTTP_DIGEST_SHA256
                                                                 : IT_HTTP_DIGEST_MD5);
    stop();
}
END_TEST

START_TEST(a_wrong_password_user_or_none_does_not)
{
    static const char *const WRONG[] = {"http://alice:secret@10.9.9.9:3128", "http://bob:se:cret@10.9.9.9:3128"};
    for (int k = 0; k < 2; k++) {
        server((enum it_proxy_scheme)_i);
        client(WRONG[k]);
        ck_assert_int_eq(step(), IT_PROXY_WHO);
        ck_assert_int_eq(step(), IT_PROXY_WHO);
        ck_assert(C.state == IT_VIA_REFUSED && C.status == 407 && asked == 2);
        stop();
    }
    server((enum it_proxy_scheme)_i);
    client("http://10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    ck_assert(C.state == IT_VIA_REFUSED && C.status == 407 && asked == 1);
    stop();
}
END_TEST

START_TEST(a_nonce_that_is_too_old_is_stale_and_a_fresh_one_helps)
{
    server(IT_PROXY_DIGEST);
    client("http://alice:se:cret@10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    P->now = IT_PROXY_NONCE + 1;
    ck_assert_int_eq(step(), IT_PROXY_STALE);
    ck_assert_int_eq(step(), IT_PROXY_WELCOME);
    stop();
}
END_TEST

START_TEST(to_the_last_instant_it_is_not)
{
    server(IT_PROXY_DIGEST);
    client("http://alice:se:cret@10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    P->now = IT_PROXY_NONCE;
    ck_assert_int_eq(step(), IT_PROXY_WELCOME);
    stop();
}
END_TEST

/* RFC 7616 section 3.4: the same nc seen twice is a replay. */
START_TEST(credentials_are_good_for_once)
{
    static it_http_head head;
    it_http_request r;
    server(IT_PROXY_DIGEST_MD5);
    client("http://alice:se:cret@10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    ck_assert_int_eq(it_http_head_feed(&head, it_bytes_of(C.out, C.n_out)), (int)C.n_out);
    it_bytes h = it_bytes_of(head.buf, head.n);
    ck_assert_int_eq(it_http_request_parse(h, &r), 0);
    ck_assert_int_eq(it_proxy_authorize(P, h, r.target), IT_PROXY_WELCOME);
    ck_assert_int_eq(it_proxy_authorize(P, h, r.target), IT_PROXY_STALE);
    /* section 3.4.6: a request for another server than the one that was meant */
    ck_assert_int_eq(it_proxy_authorize(P, h, it_bytes_str("198.51.100.1:25")), IT_PROXY_NONSENSE);
    stop();
}
END_TEST

START_TEST(a_nonce_that_many_came_after_is_stale)
{
    uint8_t answer[IT_PROXY_CHALLENGE];
    server(IT_PROXY_DIGEST);
    client("http://alice:se:cret@10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    for (int i = 0; i < IT_PROXY_NONCES - 1 + _i; i++)
        ck_assert_uint_gt(it_proxy_challenge(P, false, answer, sizeof answer), 0);
    ck_assert_int_eq(step(), _i ? IT_PROXY_STALE : IT_PROXY_WELCOME);
    stop();
}
END_TEST

START_TEST(a_nonce_of_somebody_elses_is_none)
{
    server(IT_PROXY_DIGEST);
    client("http://alice:se:cret@10.9.9.9:3128");
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    it_hmac_key_init(&P->nonce_key, it_bytes_str("another"));
    ck_assert_int_eq(step(), IT_PROXY_WHO);
    ck_assert_int_eq(C.state, IT_VIA_REFUSED);
    stop();
}
END_TEST

START_TEST(two_sets_of_credentials_are_nonsense)
{
    server(IT_PROXY_BASIC);
    ck_assert_int_eq(it_proxy_authorize(P,
                                        it_bytes_str("CONNECT a:1 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic "
                                                     "YQ==\r\nProxy-Authorization: Basic YQ==\r\n\r\n"),
                                        it_bytes_str("a:1")),
                     IT_PROXY_NONSENSE);
    stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/proxy/server_auth");
    TCase *t = tcase_create("RFC 7616, 7617");
    tcase_add_loop_test(t, the_right_password_opens_with_the_second_request, 0, 3);
    tcase_add_loop_test(t, a_wrong_password_user_or_none_does_not, 0, 3);
    tcase_add_test(t, a_nonce_that_is_too_old_is_stale_and_a_fresh_one_helps);
    tcase_add_test(t, to_the_last_instant_it_is_not);
    tcase_add_test(t, credentials_are_good_for_once);
    tcase_add_loop_test(t, a_nonce_that_many_came_after_is_stale, 0, 2);
    tcase_add_test(t, a_nonce_of_somebody_elses_is_none);
    tcase_add_test(t, two_sets_of_credentials_are_nonsense);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
