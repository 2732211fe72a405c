/* Challenges and credentials of Basic and Digest. RFC 9110 section 11, RFC 7616, 7617. */
#include "stack/http/auth.h"

#include <check.h>
#include <stdio.h>

/* --- RFC 7616 section 3.9.1 --- */

#define REALM "http-auth@example.org"
#define NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define OPAQUE "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
#define CHALLENGE(algorithm)                                                                                           \
    "Digest realm=\"" REALM "\", qop=\"auth, auth-int\", algorithm=" algorithm ", nonce=\"" NONCE                      \
    "\", opaque=\"" OPAQUE "\""

static const it_http_login MUFASA = {
    "Mufasa", "Circle of Life", "GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1};

static bool choose(const char *lines, it_http_challenge *c)
{
    char head[2048];
    snprintf(head, sizeof head, "HTTP/1.1 401 No\r\n%s\r\n\r\n", lines);
    return it_http_challenge_choose(it_bytes_str(head), "WWW-Authenticate", c);
}

START_TEST(the_example_of_the_rfc_is_answered_as_there)
{
    static const struct {
        const char *challenge, *response;
    } ALL[] = {{CHALLENGE("MD5"), "response=\"8ca523f5e9506fed4657c9700eebdbec\""},
               {CHALLENGE("SHA-256"), "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""}};
    char line[1024], value[IT_HTTP_AUTH_VALUE];
    it_http_challenge c;
    it_http_credentials back;
    snprintf(line, sizeof line, "WWW-Authenticate: %s", ALL[_i].challenge);
    ck_assert(choose(line, &c));
    ck_assert_int_gt(it_http_credentials_write(&c, &MUFASA, value, sizeof value), 0);
    ck_assert_ptr_nonnull(strstr(value, ALL[_i].response));
    ck_assert_ptr_nonnull(strstr(value, "opaque=\"" OPAQUE "\""));
    ck_assert_int_eq(it_http_credentials_read(it_bytes_str(value), &back), 0);
    ck_assert(it_http_credentials_prove(&back, "Mufasa", "Circle of Life", REALM, "GET"));
    ck_assert(!it_http_credentials_prove(&back, "Mufasa", "Circle Of Life", REALM, "GET"));
    ck_assert(!it_http_credentials_prove(&back, "Scar", "Circle of Life", REALM, "GET"));
    ck_assert(!it_http_credentials_prove(&back, "Mufasa", "Circle of Life", "elsewhere", "GET"));
    ck_assert(!it_http_credentials_prove(&back, "Mufasa", "Circle of Life", REALM, "POST"));
    back.nc = 2;
    ck_assert(!it_http_credentials_prove(&back, "Mufasa", "Circle of Life", REALM, "GET"));
}
END_TEST

START_TEST(the_first_challenge_that_can_be_answered_is)
{
    static const struct {
        const char *lines;
        enum it_http_scheme scheme;
    } ALL[] = {
        {"WWW-Authenticate: " CHALLENGE("SHA-256") "\r\nWWW-Authenticate: " CHALLENGE("MD5"), IT_HTTP_DIGEST_SHA256},
        {"WWW-Authenticate: " CHALLENGE("SHA-512-256") "\r\nWWW-Authenticate: " CHALLENGE("MD5"), IT_HTTP_DIGEST_MD5},
        {"WWW-Authenticate: Negotiate, Basic realm=\"a, b\"", IT_HTTP_BASIC},
        {"WWW-Authenticate: Negotiate YWJj==, Newauth realm=\"apps\", type=1, basic realm=simple", IT_HTTP_BASIC},
        {"WWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\" , Basic realm=\"c\"", IT_HTTP_DIGEST_MD5},
        {"WWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\", Basic realm=\"c\"", IT_HTTP_BASIC},
        {"WWW-Authenticate: Digest realm=\"a\", qop=\"auth\", Basic realm=\"c\"", IT_HTTP_BASIC},
        {"WWW-Authenticate: Basic", IT_HTTP_NO_AUTH},
        {"WWW-Authenticate: Basic realm=\"a", IT_HTTP_NO_AUTH},
        {"WWW-Authenticate: =", IT_HTTP_NO_AUTH},
        {"WWW-Authenticate: ", IT_HTTP_NO_AUTH},
        {"Server: x", IT_HTTP_NO_AUTH},
    };
    it_http_challenge c = {.scheme = IT_HTTP_NO_AUTH};
    ck_assert_int_eq(choose(ALL[_i].lines, &c), ALL[_i].scheme != IT_HTTP_NO_AUTH);
    ck_assert_int_eq(c.scheme, ALL[_i].scheme);
}
END_TEST

START_TEST(what_is_challenged_is_read_as_it_was_written)
{
    char value[IT_HTTP_AUTH_VALUE], line[IT_HTTP_AUTH_VALUE + 32];
    it_http_challenge c = {IT_HTTP_DIGEST_SHA256, "tank", "n0", "o", true, true}, back;
    ck_assert_int_gt(it_http_challenge_write(&c, value, sizeof value), 0);
    snprintf(line, sizeof line, "WWW-Authenticate: %s", value);
    ck_assert(choose(line, &back));
    ck_assert_mem_eq(&c, &back, sizeof c);
    ck_assert_int_eq(it_http_challenge_write(&c, value, 20), IT_ERR_TOOBIG);
}
END_TEST

/* RFC 7616 section 3.4.4. */
START_TEST(a_hashed_user_is_nobody_else)
{
    char value[IT_HTTP_AUTH_VALUE];
    it_http_challenge c = {IT_HTTP_DIGEST_SHA256, REALM, NONCE, "", false, true};
    it_http_credentials back;
    ck_assert_int_gt(it_http_credentials_write(&c, &MUFASA, value, sizeof value), 0);
    ck_assert_ptr_null(strstr(value, "Mufasa"));
    ck_assert_int_eq(it_http_credentials_read(it_bytes_str(value), &back), 0);
    ck_assert(back.userhash);
    ck_assert(it_http_credentials_prove(&back, "Mufasa", "Circle of Life", REALM, "GET"));
    ck_assert(!it_http_credentials_prove(&back, "Scar", "Circle of Life", REALM, "GET"));
    back.userhash = false;
    ck_assert(!it_http_credentials_prove(&back, "Mufasa", "Circle of Life", REALM, "GET"));
}
END_TEST

START_TEST(a_user_that_cannot_be_sent_is_said)
{
    char value[IT_HTTP_AUTH_VALUE], big[200];
    it_http_challenge digest = {IT_HTTP_DIGEST_MD5, "r", "n", "", false, false};
    it_http_challenge basic = {IT_HTTP_BASIC, "r", "", "", false, false};
    it_http_login l = MUFASA;
    l.user = "a:b";
    ck_assert_int_eq(it_http_credentials_write(&basic, &l, value, sizeof value), IT_ERR_RANGE);
    l.user = "a\"b";
    ck_assert_int_eq(it_http_credentials_write(&digest, &l, value, sizeof value), IT_ERR_RANGE);
    ck_assert_int_gt(it_http_credentials_write(&basic, &l, value, sizeof value), 0);
    memset(big, 'a', sizeof big);
    big[199] = 0;
    l.user = big;
    ck_assert_int_eq(it_http_credentials_write(&basic, &l, value, sizeof value), IT_ERR_TOOBIG);
    l = MUFASA;
    ck_assert_int_eq(it_http_credentials_write(&digest, &l, value, 60), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_http_credentials_write(&basic, &l, value, 10), IT_ERR_TOOBIG);
}
END_TEST

#define ALL_OF "username=\"u\", realm=\"r\", nonce=\"n\", cnonce=\"c\", response=\"00\", uri=\"/\", nc=00000001"

START_TEST(credentials_that_lack_or_repeat_something_are_none)
{
    static const struct {
        const char *value;
        int err;
    } ALL[] = {{"Digest " ALL_OF ", qop=auth", 0},
               {"digest " ALL_OF ", qop=auth, algorithm=SHA-256, future=\"x\"", 0},
               {"Digest " ALL_OF, IT_ERR_PARSE},
               {"Digest " ALL_OF ", qop=auth, nonce=\"m\"", IT_ERR_PARSE},
               {"Digest " ALL_OF ", qop=auth-int", IT_ERR_PARSE},
               {"Digest " ALL_OF ", qop=auth, algorithm=SHA-512-256", IT_ERR_UNSUPPORTED},
               {"Digest username=\"u\", nc=1", IT_ERR_PARSE},
               {"Digest nc=0000000g", IT_ERR_PARSE},
               {"Digest YWJj", IT_ERR_PARSE},
               {"Digest", IT_ERR_PARSE},
               {"Basic YTpi", 0},
               {"Basic", IT_ERR_PARSE},
               {"Basic YWI=", IT_ERR_PARSE}, /* no colon */
               {"Basic a=b", IT_ERR_PARSE},
               {"Negotiate YWJj", IT_ERR_UNSUPPORTED},
               {"", IT_ERR_PARSE}};
    it_http_credentials c;
    ck_assert_int_eq(it_http_credentials_read(it_bytes_str(ALL[_i].value), &c), ALL[_i].err);
}
END_TEST

START_TEST(the_count_of_a_nonce_is_read_in_hex)
{
    it_http_credentials c;
    ck_assert_int_eq(it_http_credentials_read(
                         it_bytes_str("Digest username=\"u\", realm=\"r\", nonce=\"n\", cnonce=\"c\", response=\"00\", "
                                      "uri=\"/x\", nc=00aBcdeF, qop=auth"),
                         &c),
                     0);
    ck_assert_uint_eq(c.nc, 0xabcdef);
    ck_assert(it_bytes_eq(c.uri, it_bytes_str("/x")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/http/auth");
    TCase *t = tcase_create("RFC 7616, 7617");
    tcase_add_loop_test(t, the_example_of_the_rfc_is_answered_as_there, 0, 2);
    tcase_add_loop_test(t, the_first_challenge_that_can_be_answered_is, 0, 12);
    tcase_add_test(t, what_is_challenged_is_read_as_it_was_written);
    tcase_add_test(t, a_hashed_user_is_nobody_else);
    tcase_add_test(t, a_user_that_cannot_be_sent_is_said);
    tcase_add_loop_test(t, credentials_that_lack_or_repeat_something_are_none, 0, 16);
    tcase_add_test(t, the_count_of_a_nonce_is_read_in_hex);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
