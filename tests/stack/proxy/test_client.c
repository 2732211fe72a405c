/* Asking a proxy, and the messages of SOCKS5 both ways. */
#include "stack/proxy/client.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static it_proxy_client C;

static void start(const char *url)
{
    it_via v;
    it_addr to;
    ck_assert_int_eq(it_via_parse(&v, url), 0);
    ck_assert_int_eq(it_addr_parse(&to, "198.51.100.1:443"), 0);
    ck_assert_int_eq(it_proxy_client_init(&C, &v, to, NULL), 0);
}

static int in(const void *p, size_t n)
{
    return it_proxy_client_input(&C, it_bytes_of(p, n));
}

static void ck_out(const void *p, size_t n)
{
    ck_assert_uint_eq(C.n_out, n);
    ck_assert_int_eq(memcmp(C.out, p, n), 0);
    C.n_out = 0;
}

START_TEST(ways_are_read_from_urls)
{
    it_via v;
    ck_assert_int_eq(it_via_parse(&v, "http://10.9.9.9:3128"), 0);
    ck_assert(v.kind == IT_VIA_HTTP && v.proxy.port == 3128 && !v.user[0]);
    ck_assert_int_eq(it_via_parse(&v, "socks5://alice:se:cret@[2001:db8::9]:1080"), 0);
    ck_assert(v.kind == IT_VIA_SOCKS5 && it_ip_is6(v.proxy.ip) && strcmp(v.user, "alice") == 0 &&
              strcmp(v.password, "se:cret") == 0);
    static const char *const bad[] = {"",
                                      "ftp://1.2.3.4:5",
                                      "http://",
                                      "http://1.2.3.4",
                                      "http://1.2.3.4:0",
                                      "http://a@1.2.3.4:5",
                                      "http://:b@1.2.3.4:5",
                                      "http://a:@1.2.3.4:5",
                                      "http://proxy:5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(it_via_parse(&v, bad[i]) == IT_ERR_PARSE, "%s", bad[i]);
}
END_TEST

START_TEST(connect_and_its_answer_cut_anywhere)
{
    static const char want[] = "CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: 198.51.100.1:443\r\n\r\n";
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nrest";
    size_t head = strlen(answer) - 4;
    for (size_t cut = 0; cut <= head; cut++) {
        start("http://10.9.9.9:3128");
        ck_out(want, strlen(want));
        ck_assert_int_eq(in(answer, cut), (int)cut);
        ck_assert_int_eq(C.state, cut == head ? IT_VIA_OPEN : IT_VIA_ASKING);
        if (cut < head)
            ck_assert_int_eq(in(answer + cut, sizeof answer - 1 - cut), (int)(head - cut));
        ck_assert_int_eq(C.state, IT_VIA_OPEN);
    }
}
END_TEST

/* The proxy is asked to find the address: RFC 9110 section 9.3.6, RFC 1928 section 5. */
START_TEST(a_name_is_left_to_the_proxy)
{
    static const char http[] = "CONNECT bob.tank:443 HTTP/1.1\r\nHost: bob.tank:443\r\n\r\n";
    static const char socks[] = "\x05\x01\x00\x03\x08"
                                "bob.tank"
                                "\x01\xbb";
    char longest[256];
    it_via v;
    it_addr to = {{0, 0}, 443};
    memset(longest, 'a', sizeof longest);
    ck_assert_int_eq(it_via_parse(&v, "http://10.9.9.9:3128"), 0);
    ck_assert_int_eq(it_proxy_client_init(&C, &v, to, "bob.tank"), 0);
    ck_out(http, sizeof http - 1);
    longest[254] = 0;
    ck_assert_int_eq(it_proxy_client_init(&C, &v, to, longest), IT_ERR_RANGE);
    longest[253] = 0;
    ck_assert_int_eq(it_proxy_client_init(&C, &v, to, longest), 0);
    ck_assert_uint_eq(C.n_out, 2 * (253 + 4) + strlen("CONNECT  HTTP/1.1\r\nHost: \r\n\r\n"));
    ck_assert_int_eq(it_via_parse(&v, "socks5://10.9.9.9:1080"), 0);
    ck_assert_int_eq(it_proxy_client_init(&C, &v, to, "bob.tank"), 0);
    C.n_out = 0;
    ck_assert_int_eq(in("\x05\x00", 2), 2);
    ck_out(socks, sizeof socks - 1);
    ck_assert_uint_eq(it_socks_name_write(C.out, IT_SOCKS_CONNECT, it_bytes_of(NULL, 0), 1), 0);
}
END_TEST

/* RFC 1928 sections 4, 7: by a stream, and then by datagrams with a header to where the proxy said. */
START_TEST(an_association_is_asked_for_and_its_datagrams_have_headers)
{
    it_via v;
    it_socks_msg m;
    uint8_t head[IT_SOCKS_MAX];
    ck_assert_int_eq(it_via_parse(&v, "http://10.9.9.9:3128"), 0);
    ck_assert_int_eq(it_proxy_client_associate(&C, &v), IT_ERR_RANGE);
    ck_assert_int_eq(it_via_parse(&v, "socks5://10.9.9.9:1080"), 0);
    ck_assert_int_eq(it_proxy_client_associate(&C, &v), 0);
    C.n_out = 0;
    ck_assert_int_eq(in("\x05\x00", 2), 2);
    ck_out("\x05\x03\x00\x01\0\0\0\0\0\0", 10);
    ck_assert_int_eq(in("\x05\x00\x00\x01\x0a\x09\x09\x09\x04\x38", 10), 10);
    ck_assert(C.state == IT_VIA_OPEN && it_addr_eq(C.to, v.proxy));
    it_addr six;
    ck_assert_int_eq(it_addr_parse(&six, "[2001:db8::1]:7000"), 0);
    size_t n = it_socks_datagram(head, six);
    ck_assert_uint_eq(n, 22);
    for (size_t k = 0; k < n; k++)
        ck_assert_int_eq(it_socks_read_datagram(it_bytes_of(head, k), &m), IT_ERR_PARSE);
    ck_assert_int_eq(it_socks_read_datagram(it_bytes_of(head, n), &m), (int)n);
    ck_assert(it_addr_eq(m.addr, six));
    head[2] = 1; /* a fragment */
    ck_assert_int_eq(it_socks_read_datagram(it_bytes_of(head, n), &m), IT_ERR_PARSE);
}
END_TEST

/* What is asked next has |text| in it; it is then written. */
static void ck_asks(const char *text)
{
    ck_assert_uint_lt(C.n_out, sizeof C.out);
    C.out[C.n_out] = 0;
    ck_assert_msg(strstr((char *)C.out, text) != NULL, "%s", (char *)C.out);
    C.n_out = 0;
}

static void ck_hears(const char *text)
{
    ck_assert_int_eq(in(text, strlen(text)), (int)strlen(text));
}

#define WANTS "HTTP/1.1 407 Who\r\nProxy-Authenticate: "
#define BASIC WANTS "Basic realm=\"x\"\r\nContent-Length: 4\r\n\r\nbody"
#define DIGEST WANTS "Digest realm=\"x\", qop=\"auth\", algorithm=SHA-256, nonce=\"abc\"\r\nContent-Length: 0\r\n\r\n"
#define STALE                                                                                                          \
    WANTS "Digest realm=\"x\", qop=\"auth\", algorithm=SHA-256, nonce=\"def\", stale=true\r\nContent-Length: "         \
          "0\r\n\r\n"

/* RFC 7617 section 2; the password goes to no proxy that has not asked for it. */
START_TEST(a_password_goes_with_connect_once_it_was_asked_for)
{
    start("http://Aladdin:open sesame@10.9.9.9:3128");
    ck_out("CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: 198.51.100.1:443\r\n\r\n", 61);
    for (size_t i = 0; i < strlen(BASIC); i++) {
        ck_assert_uint_eq(C.n_out, 0);
        ck_assert_int_eq(in(BASIC + i, 1), 1);
    }
    ck_asks("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    ck_hears("HTTP/1.1 200 OK\r\n\r\n");
    ck_assert_int_eq(C.state, IT_VIA_OPEN);
}
END_TEST

/* RFC 7616 section 3.4. */
START_TEST(a_challenge_of_digest_is_answered)
{
    start("http://alice:secret@10.9.9.9:3128");
    C.n_out = 0;
    ck_hears(DIGEST);
    ck_asks("\r\nProxy-Authorization: Digest username=\"alice\", realm=\"x\", uri=\"198.51.100.1:443\", "
            "algorithm=SHA-256, nonce=\"abc\", nc=00000001, cnonce=\"");
    ck_hears("HTTP/1.1 200 OK\r\n\r\n");
    ck_assert_int_eq(C.state, IT_VIA_OPEN);
}
END_TEST

START_TEST(a_stale_nonce_is_answered_once_more_and_a_wrong_password_not)
{
    static const char *const SECOND[] = {DIGEST, STALE, BASIC};
    start("http://alice:secret@10.9.9.9:3128");
    C.n_out = 0;
    ck_hears(DIGEST);
    ck_asks("nonce=\"abc\"");
    ck_assert_int_gt(in(SECOND[_i], strlen(SECOND[_i])), 0);
    ck_assert_int_eq(C.state, _i == 1 ? IT_VIA_ASKING : IT_VIA_REFUSED);
    if (_i != 1) {
        ck_assert_int_eq(C.status, 407);
        return;
    }
    ck_asks("nonce=\"def\"");
    ck_hears(STALE); /* and no third time */
    ck_assert_int_eq(C.state, IT_VIA_REFUSED);
}
END_TEST

START_TEST(two_requests_have_two_cnonces_and_two_salts_too)
{
    char first[2][40];
    for (uint64_t salt = 0; salt < 2; salt++) {
        start("http://alice:secret@10.9.9.9:3128");
        C.via.salt = salt;
        C.n_out = 0;
        ck_hears(DIGEST);
        C.out[C.n_out] = 0;
        memcpy(first[salt], strstr((char *)C.out, "cnonce="), 24);
        first[salt][24] = 0;
        C.n_out = 0;
        ck_hears(STALE);
        C.out[C.n_out] = 0;
        ck_assert_ptr_null(strstr((char *)C.out, first[salt]));
    }
    ck_assert_str_ne(first[0], first[1]);
}
END_TEST

START_TEST(a_407_that_ends_the_connection_or_asks_for_nothing_we_have_is_a_no)
{
    static const char *const LAST[] = {
        WANTS "Basic realm=\"x\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        WANTS "Basic realm=\"x\"\r\n\r\n", /* its body ends with the stream */
        "HTTP/1.0 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
        WANTS "Negotiate\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"};
    start("http://alice:secret@10.9.9.9:3128");
    C.n_out = 0;
    ck_assert_int_gt(in(LAST[_i], strlen(LAST[_i])), 0);
    ck_assert_int_eq(C.state, IT_VIA_REFUSED);
    ck_assert_int_eq(C.status, 407);
    ck_assert_uint_eq(C.n_out, 0);
}
END_TEST

START_TEST(a_no_of_http_is_told_by_its_status)
{
    static const struct {
        const char *answer;
        int status;
    } no[] = {{"HTTP/1.1 407 Auth\r\n\r\n", 407},
              {"HTTP/1.0 302 Found\r\nLocation: x\r\n\r\n", 302},
              {"SSH-2.0-x\r\n\r\n", -1},
              {"HTTP/1.1 200 OK\r\n bad\r\n\r\n", -1}};
    start("http://10.9.9.9:3128");
    ck_assert_int_ge(in(no[_i].answer, strlen(no[_i].answer)), 0);
    ck_assert_int_eq(C.state, IT_VIA_REFUSED);
    ck_assert_int_eq(C.status, no[_i].status);
}
END_TEST

START_TEST(socks_byte_by_byte)
{
    start("socks5://alice:secret@10.9.9.9:1080");
    ck_out("\x05\x02\x00\x02", 4);
    ck_assert_int_eq(in("\x05", 1), 1);
    ck_assert_uint_eq(C.n_out, 0);
    ck_assert_int_eq(in("\x02", 1), 1);
    ck_out("\x01\x05"
           "alice\x06"
           "secret",
           14);
    ck_assert_int_eq(in("\x01", 1), 1);
    ck_assert_int_eq(in("\x00", 1), 1);
    ck_out("\x05\x01\x00\x01\xc6\x33\x64\x01\x01\xbb", 10);
    static const char reply[] = "\x05\x00\x00\x04"
                                "0123456789abcdef\x01\x02rest";
    for (int i = 0; i < 22; i++) {
        ck_assert_int_eq(C.state, IT_VIA_ASKING);
        ck_assert_int_eq(in(reply + i, 1), 1);
    }
    ck_assert_int_eq(C.state, IT_VIA_OPEN);
    ck_assert_int_eq(in(reply + 22, 4), 0);
}
END_TEST

static const struct {
    const char *url, *bytes;
    size_t n;
    int status;
} NO[] = {
    {"socks5://10.9.9.9:1080", "\x05\xff", 2, 255},
    {"socks5://10.9.9.9:1080", "\x05\x02", 2, 255}, /* chosen though not offered */
    {"socks5://a:b@10.9.9.9:1080", "\x05\x02\x01\x01", 4, 256},
    {"socks5://10.9.9.9:1080", "\x05\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00", 12, 2},
    {"socks5://10.9.9.9:1080", "HTTP/1.1 400", 12, -1},
    {"socks5://a:b@10.9.9.9:1080", "\x05\x02\x05", 3, -1},
};

START_TEST(a_no_of_socks_is_told_by_its_reply)
{
    start(NO[_i].url);
    ck_assert_int_ge(in(NO[_i].bytes, NO[_i].n), 0);
    ck_assert_int_eq(C.state, IT_VIA_REFUSED);
    ck_assert_int_eq(C.status, NO[_i].status);
}
END_TEST

START_TEST(socks_messages_are_read_as_they_were_written)
{
    uint8_t b[IT_SOCKS_MAX];
    it_socks_msg m;
    it_bytes user, pass;
    unsigned offers;
    static const char *const addr[] = {"198.51.100.1:443", "[2001:db8::1]:65535"};
    for (int i = 0; i < 2; i++) {
        it_addr a;
        ck_assert_int_eq(it_addr_parse(&a, addr[i]), 0);
        size_t n = it_socks_msg_write(b, IT_SOCKS_CONNECT, a);
        for (size_t k = 0; k < n; k++)
            ck_assert_int_eq(it_socks_read_msg(it_bytes_of(b, k), &m), 0);
        ck_assert_int_eq(it_socks_read_msg(it_bytes_of(b, n), &m), (int)n);
        ck_assert(m.code == IT_SOCKS_CONNECT && it_addr_eq(m.addr, a));
    }
    char big[256];
    memset(big, 'x', sizeof big);
    size_t n = it_socks_password(b, it_bytes_of(big, 255), it_bytes_of(big, 255));
    ck_assert_uint_eq(n, IT_SOCKS_MAX);
    for (size_t k = 0; k < n; k++)
        ck_assert_int_eq(it_socks_read_password(it_bytes_of(b, k), &user, &pass), 0);
    ck_assert_int_eq(it_socks_read_password(it_bytes_of(b, n), &user, &pass), (int)n);
    ck_assert(user.n == 255 && pass.n == 255);
    ck_assert_uint_eq(it_socks_password(b, it_bytes_of(big, 256), it_bytes_of(big, 1)), 0);
    ck_assert_uint_eq(it_socks_password(b, it_bytes_of(big, 1), it_bytes_of(big, 0)), 0);
    ck_assert_int_eq(it_socks_read_greeting(it_bytes_of("\x05\x03\x01\x02\x00", 5), &offers), 5);
    ck_assert_uint_eq(offers, 3);
    ck_assert_int_eq(it_socks_read_greeting(it_bytes_of("\x04\x01\x00", 3), &offers), IT_ERR_PARSE);
    ck_assert_int_eq(it_socks_read_msg(it_bytes_of("\x05\x01\x00\x03\x00\x00\x50", 7), &m),
                     IT_ERR_PARSE); /* an empty name */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy/client");
    TCase *t = tcase_create("RFC 9110 section 9.3.6");
    tcase_add_test(t, ways_are_read_from_urls);
    tcase_add_test(t, connect_and_its_answer_cut_anywhere);
    tcase_add_test(t, a_name_is_left_to_the_proxy);
    tcase_add_test(t, an_association_is_asked_for_and_its_datagrams_have_headers);
    tcase_add_test(t, a_password_goes_with_connect_once_it_was_asked_for);
    tcase_add_test(t, a_challenge_of_digest_is_answered);
    tcase_add_loop_test(t, a_stale_nonce_is_answered_once_more_and_a_wrong_password_not, 0, 3);
    tcase_add_test(t, two_requests_have_two_cnonces_and_two_salts_too);
    tcase_add_loop_test(t, a_407_that_ends_the_connection_or_asks_for_nothing_we_have_is_a_no, 0, 5);
    tcase_add_loop_test(t, a_no_of_http_is_told_by_its_status, 0, 4);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 1928, RFC 1929");
    tcase_add_test(t, socks_byte_by_byte);
    tcase_add_loop_test(t, a_no_of_socks_is_told_by_its_reply, 0, (int)(sizeof NO / sizeof *NO));
    tcase_add_test(t, socks_messages_are_read_as_they_were_written);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
