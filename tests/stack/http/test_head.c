/* HTTP heads, CONNECT targets, base64. */
#include "stack/http/head.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define REQ "CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: 198.51.100.1:443\r\nProxy-Authorization: Basic YTpi\r\n\r\n"

static it_http_head H;

static int feed(const char *text, size_t n)
{
    return it_http_head_feed(&H, it_bytes_of(text, n));
}

static int request(const char *text)
{
    it_http_request r;
    return it_http_request_parse(it_bytes_str(text), &r);
}

START_TEST(a_head_split_at_every_byte_is_the_same_head)
{
    const char text[] = "\r\n" REQ "tunnel bytes";
    size_t head = strlen("\r\n" REQ);
    for (size_t cut = 0; cut <= head; cut++) {
        memset(&H, 0, sizeof H);
        ck_assert_int_eq(feed(text, cut), (int)cut);
        ck_assert_int_eq(H.done, cut == head);
        if (cut < head)
            ck_assert_int_eq(feed(text + cut, sizeof text - 1 - cut), (int)(head - cut));
        ck_assert(H.done && it_bytes_eq(it_bytes_of(H.buf, H.n), it_bytes_str(REQ)));
        ck_assert_int_eq(feed(text, 5), 0);
    }
}
END_TEST

START_TEST(a_head_byte_by_byte_is_the_same_head)
{
    memset(&H, 0, sizeof H);
    for (size_t i = 0; i < strlen(REQ); i++) {
        ck_assert(!H.done);
        ck_assert_int_eq(feed(REQ + i, 1), 1);
    }
    ck_assert(H.done);
}
END_TEST

START_TEST(a_head_that_does_not_end_is_too_big)
{
    static char x[IT_HTTP_HEAD_MAX + 1];
    memset(x, 'x', sizeof x);
    memset(&H, 0, sizeof H);
    ck_assert_int_eq(feed(x, IT_HTTP_HEAD_MAX), IT_HTTP_HEAD_MAX);
    ck_assert_int_eq(feed(x, 1), IT_ERR_TOOBIG);
}
END_TEST

/* RFC 9112 section 2.2: a lone LF may end lines. */
START_TEST(lone_line_feeds_end_lines)
{
    memset(&H, 0, sizeof H);
    ck_assert_int_eq(feed("GET / HTTP/1.0\nA: b\n\nX", 22), 21);
    ck_assert(H.done);
    it_bytes v;
    ck_assert(it_http_field(it_bytes_of(H.buf, H.n), "a", 0, &v) && it_bytes_eq(v, it_bytes_str("b")));
}
END_TEST

START_TEST(parts_of_a_request)
{
    it_http_request r;
    it_bytes v, head = it_bytes_str("GET /a HTTP/1.0\r\nA: 1\r\na:\t 2 \r\nB:\r\n\r\n");
    ck_assert_int_eq(it_http_request_parse(head, &r), 0);
    ck_assert(it_bytes_eq(r.method, it_bytes_str("GET")) && it_bytes_eq(r.target, it_bytes_str("/a")));
    ck_assert_int_eq(r.minor, 0);
    ck_assert(it_http_field(head, "A", 1, &v) && it_bytes_eq(v, it_bytes_str("2")));
    ck_assert(it_http_field(head, "b", 0, &v) && v.n == 0);
    ck_assert(!it_http_field(head, "A", 2, &v) && !it_http_field(head, "GET", 0, &v));
}
END_TEST

static const char *const WRONG[] = {
    "CONNECT a:1 HTTP/1.1\r\nHost : a\r\n\r\n",        /* RFC 9112 section 5.1 */
    "CONNECT a:1 HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", /* section 5.2 */
    "CONNECT a:1 HTTP/1.1\r\nA: b\rc\r\n\r\n",         /* section 2.2: bare CR */
    "CONNECT a:1 HTTP/1.1\r\nA\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\n: b\r\n\r\n",
    "CONNECT  a:1 HTTP/1.1\r\n\r\n",
    "CONNECT a:1 HTTP/2.0\r\n\r\n",
    "CONNECT a:1 HTTP/1.1 \r\n\r\n",
    "CONNECT a:1\r\n\r\n",
    " a:1 HTTP/1.1\r\n\r\n",
    "CON(ECT a:1 HTTP/1.1\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nA: b\r\n", /* no end */
    "CONNECT a:1 HTTP/1.1\r\n\r\nrest", /* behind the end */
    "CONNECT a:1 HTTP/1.1\r\nA: \001\r\n\r\n",
    "",
};

START_TEST(wrong_requests_are_refused)
{
    ck_assert_int_eq(request("CONNECT a:1 HTTP/1.1\r\n\r\n"), 0);
    ck_assert_int_eq(request(WRONG[_i]), IT_ERR_PARSE);
}
END_TEST

START_TEST(status_lines)
{
    it_http_response r;
    ck_assert_int_eq(it_http_response_parse(it_bytes_str("HTTP/1.1 407 Proxy Auth\r\nA: b\r\n\r\n"), &r), 0);
    ck_assert_int_eq(r.status, 407);
    ck_assert_int_eq(it_http_response_parse(it_bytes_str("HTTP/1.0 200\r\n\r\n"), &r), 0);
    static const char *const bad[] = {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/3.1 200 OK\r\n\r\n",
                                      "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(it_http_response_parse(it_bytes_str(bad[i]), &r), IT_ERR_PARSE);
}
END_TEST

START_TEST(tokens_of_a_list)
{
    ck_assert(it_http_has_token(it_bytes_str("keep-alive,  Upgrade "), "upgrade"));
    ck_assert(!it_http_has_token(it_bytes_str("upgraded, x upgrade"), "upgrade"));
    ck_assert(!it_http_has_token(it_bytes_str(""), "upgrade"));
}
END_TEST

/* RFC 9110 section 9.3.6. */
START_TEST(targets_of_connect)
{
    it_bytes h;
    it_addr a;
    ck_assert_int_eq(it_http_authority(it_bytes_str("198.51.100.1:443"), &h, &a), 0);
    ck_assert(a.port == 443 && it_ip_is4(a.ip));
    ck_assert_int_eq(it_http_authority(it_bytes_str("[2001:db8::1]:25"), &h, &a), 0);
    ck_assert(a.port == 25 && it_ip_is6(a.ip) && it_bytes_eq(h, it_bytes_str("2001:db8::1")));
    ck_assert_int_eq(it_http_authority(it_bytes_str("bob.example:8443"), &h, &a), 0);
    ck_assert(a.port == 8443 && it_ip_none(a.ip) && it_bytes_eq(h, it_bytes_str("bob.example")));
    static const char *const bad[] = {"",
                                      ":",
                                      ":443",
                                      "a:",
                                      "a",
                                      "a:0",
                                      "a:65536",
                                      "a:99999999",
                                      "a:4x",
                                      "2001:db8::1:443",
                                      "[::1:443",
                                      "[]:443",
                                      "[1.2.3.4]:443",
                                      "a/b:443",
                                      "u@a:443",
                                      "http://a:443",
                                      "a b:443"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(it_http_authority(it_bytes_str(bad[i]), &h, &a) == IT_ERR_PARSE, "%s", bad[i]);
}
END_TEST

/* RFC 4648 section 10. */
START_TEST(base64_of_the_rfc)
{
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const text[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < 7; i++) {
        char out[16];
        uint8_t in[16];
        int n = it_base64_encode(out, sizeof out, it_bytes_str(plain[i]));
        ck_assert(n == (int)strlen(text[i]) && memcmp(out, text[i], (size_t)n) == 0);
        n = it_base64_decode(in, sizeof in, it_bytes_str(text[i]));
        ck_assert(n == (int)strlen(plain[i]) && memcmp(in, plain[i], (size_t)n) == 0);
    }
    uint8_t in[4];
    ck_assert_int_eq(it_base64_decode(in, sizeof in, it_bytes_str("Zg=")), IT_ERR_PARSE);
    ck_assert_int_eq(it_base64_decode(in, sizeof in, it_bytes_str("Z===")), IT_ERR_PARSE);
    ck_assert_int_eq(it_base64_decode(in, sizeof in, it_bytes_str("Zg=x")), IT_ERR_PARSE);
    ck_assert_int_eq(it_base64_decode(in, sizeof in, it_bytes_str("Zm9vYmFy")), IT_ERR_TOOBIG);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy/head");
    TCase *t = tcase_create("RFC 9112 section 2");
    tcase_add_test(t, a_head_split_at_every_byte_is_the_same_head);
    tcase_add_test(t, a_head_byte_by_byte_is_the_same_head);
    tcase_add_test(t, a_head_that_does_not_end_is_too_big);
    tcase_add_test(t, lone_line_feeds_end_lines);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 9112 sections 3 to 5");
    tcase_add_test(t, parts_of_a_request);
    tcase_add_loop_test(t, wrong_requests_are_refused, 0, (int)(sizeof WRONG / sizeof *WRONG));
    tcase_add_test(t, status_lines);
    tcase_add_test(t, tokens_of_a_list);
    tcase_add_test(t, targets_of_connect);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4648");
    tcase_add_test(t, base64_of_the_rfc);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
