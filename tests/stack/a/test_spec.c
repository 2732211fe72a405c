/* Destination specifiers (RFC 3986, 7064, 7065). */
#include "stack/a/spec.h"

#include "base/rng.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static it_alloc Mem;

static it_a_spec good(const char *url)
{
    it_a_spec s;
    it_a_fault fault;
    int err = it_a_spec_read(&s, url, &fault);
    ck_assert_msg(err == 0, "%s: %s at %zu", url, fault.why, fault.at);
    return s;
}

START_TEST(each_part_is_read)
{
    it_a_spec s =
        good("icets://[2001:db8::1]:4443/b%C3%B6b?stun=stun:a.example&stun=stun:192.0.2.1:99"
             "&turn=turn:b.example?transport=tcp&turn=turns:c%2Eexample&ws=wss://d.example&ws=ws://d.example:81/"
             "&user=u%26&password=p+%3D&by=poll&wait=60");
    ck_assert(s.server.secure && it_ip_is6(s.server.ip) && s.server.port == 4443);
    ck_assert_str_eq(s.server.host, "2001:db8::1");
    ck_assert_str_eq(s.name, "b\xc3\xb6"
                             "b");
    ck_assert_int_eq(s.n_stun, 2);
    ck_assert_str_eq(s.stun[0].host, "a.example");
    ck_assert_uint_eq(s.stun[1].port, 99);
    ck_assert_int_eq(s.n_turn, 2);
    ck_assert_int_eq(s.turn[0].transport, IT_TURN_OVER_TCP);
    ck_assert(s.turn[1].secure);
    ck_assert_str_eq(s.turn[1].host, "c.example");
    ck_assert_int_eq(s.n_web, 2);
    ck_assert(s.web[0].secure && s.web[0].port == 0);
    ck_assert(!s.web[1].secure && s.web[1].port == 81);
    ck_assert_str_eq(s.user, "u&");
    ck_assert_str_eq(s.password, "p+=");
    ck_assert(s.poll && s.wait == 60);
}
END_TEST

START_TEST(what_is_not_said_is_as_usual)
{
    it_a_spec s = good("ICET://Meet.example/bob");
    ck_assert(!s.server.secure && it_ip_none(s.server.ip) && s.server.port == 0);
    ck_assert_str_eq(s.server.host, "Meet.example");
    ck_assert(s.n_stun == 0 && s.n_turn == 0 && s.n_web == 0 && !s.poll && s.wait == 0);
    ck_assert_uint_eq(good("icet://a:/x").server.port, 0); /* RFC 3986 section 3.2.3 */
}
END_TEST

static const struct {
    const char *url;
    int err;
    size_t at;
    const char *why; /* begins so */
} BAD[] = {
    {"", IT_ERR_PARSE, 0, "it begins neither"},
    {"http://a/x", IT_ERR_PARSE, 0, "it begins neither"},
    {"icet:a/x", IT_ERR_PARSE, 0, "it begins neither"},
    {"icet://", IT_ERR_PARSE, 7, "there is no host"},
    {"icet:///x", IT_ERR_PARSE, 7, "there is no host"},
    {"icet://me@a/x", IT_ERR_PARSE, 7, "nobody logs in"},
    {"icet://[::1/x", IT_ERR_PARSE, 7, "there is no ']'"},
    {"icet://[a]/x", IT_ERR_PARSE, 8, "what is in brackets"},
    {"icet://[192.0.2.1]/x", IT_ERR_PARSE, 8, "what is in brackets"},
    {"icet://a:65536/x", IT_ERR_PARSE, 9, "the port is above"},
    {"icet://a:0/x", IT_ERR_PARSE, 9, "port 0"},
    {"icet://a%62/x", IT_ERR_PARSE, 8, "what follows the host"},
    {"icet://a", IT_ERR_PARSE, 8, "there is no name"},
    {"icet://a/", IT_ERR_PARSE, 9, "there is no name"},
    {"icet://a/?wait=1", IT_ERR_PARSE, 9, "there is no name"},
    {"icet://a?wait=1", IT_ERR_PARSE, 8, "what follows the host"},
    {"icet://a/x/y", IT_ERR_PARSE, 10, "the path is one name"},
    {"icet://a/x%", IT_ERR_PARSE, 10, "a '%' without"},
    {"icet://a/x%4", IT_ERR_PARSE, 10, "a '%' without"},
    {"icet://a/x%4g", IT_ERR_PARSE, 10, "a '%' without"},
    {"icet://a/x%00", IT_ERR_PARSE, 10, "a NUL"},
    {"icet://a/x y", IT_ERR_PARSE, 10, "a character that"},
    {"icet://a/\xc3\xb6", IT_ERR_PARSE, 9, "a character that"},
    {"icet://a/%0a", IT_ERR_PARSE, 9, "a name is UTF-8"},
    {"icet://a/%c3", IT_ERR_PARSE, 9, "a name is UTF-8"},
    {"icet://a/%ed%a0%80", IT_ERR_PARSE, 9, "a name is UTF-8"},
    {"icet://a/x#y", IT_ERR_PARSE, 10, "a specifier has no fragment"},
    {"icet://a/x?", IT_ERR_PARSE, 11, "an empty parameter"},
    {"icet://a/x?wait=1&", IT_ERR_PARSE, 18, "an empty parameter"},
    {"icet://a/x?wait", IT_ERR_PARSE, 11, "a parameter without '='"},
    {"icet://a/x?wiat=1", IT_ERR_PARSE, 11, "no such parameter"},
    {"icet://a/x?wait=", IT_ERR_PARSE, 16, "an empty value"},
    {"icet://a/x?wait=1s", IT_ERR_PARSE, 16, "wait= is a number"},
    {"icet://a/x?wait=3601", IT_ERR_PARSE, 16, "wait= is 3600"},
    {"icet://a/x?wait=99999999999999999999", IT_ERR_PARSE, 16, "wait= is 3600"},
    {"icet://a/x?wait=1&wait=2", IT_ERR_PARSE, 23, "wait= is there twice"},
    {"icet://a/x?by=mail", IT_ERR_PARSE, 14, "by= is websocket"},
    {"icet://a/x?by=poll&by=poll", IT_ERR_PARSE, 22, "by= is there twice"},
    {"icet://a/x?user=u", IT_ERR_PARSE, 17, "user= without"},
    {"icet://a/x?password=u", IT_ERR_PARSE, 21, "password= without"},
    {"icet://a/x?user=u&user=u", IT_ERR_PARSE, 23, "user= is there twice"},
    {"icet://a/x?password=u&password=u", IT_ERR_PARSE, 31, "password= is there twice"},
    {"icet://a/x?user=", IT_ERR_PARSE, 16, "an empty value"},
    {"icet://a/x?stun=turn:b", IT_ERR_PARSE, 16, "that is a TURN server"},
    {"icet://a/x?stun=stuns:b", IT_ERR_UNSUPPORTED, 16, "a STUN server is asked"},
    {"icet://a/x?stun=b", IT_ERR_PARSE, 16, "there is no ':'"},
    {"icet://a/x?turn=stun:b", IT_ERR_PARSE, 16, "that is a STUN server"},
    {"icet://a/x?turn=turn:b?transport=sctp", IT_ERR_UNSUPPORTED, 16, "the transport is none"},
    {"icet://a/x?stun=stun:a&stun=stun:a&stun=stun:a&stun=stun:a&stun=stun:a", IT_ERR_FULL, 64, "more than 4"},
    {"icet://a/x?ws=http://b", IT_ERR_PARSE, 14, "a relay over WebSocket begins"},
    {"icet://a/x?ws=ws://", IT_ERR_PARSE, 14, "there is no host"},
    {"icet://a/x?ws=ws://b:0", IT_ERR_PARSE, 14, "port 0"},
    {"icet://a/x?ws=ws://b/c", IT_ERR_PARSE, 14, "something follows"},
    {"icet://a/x?ws=ws://b&ws=wss://c", IT_ERR_PARSE, 24, "the ways to a relay"},
};

START_TEST(what_is_wrong_is_refused_with_a_place_and_a_reason)
{
    it_a_spec s;
    it_a_fault fault;
    int err = it_a_spec_read(&s, BAD[_i].url, &fault);
    ck_assert_msg(err == BAD[_i].err, "%s: %d", BAD[_i].url, err);
    ck_assert_msg(strncmp(fault.why, BAD[_i].why, strlen(BAD[_i].why)) == 0, "%s: %s", BAD[_i].url, fault.why);
    ck_assert_msg(fault.at == BAD[_i].at, "%s: at %zu", BAD[_i].url, fault.at);
    ck_assert_int_eq(it_a_spec_read(&s, BAD[_i].url, NULL), BAD[_i].err);
}
END_TEST

START_TEST(names_texts_and_values_have_their_bounds)
{
    char url[1200] = "icet://a/";
    it_a_spec s;
    it_a_fault fault;
    memset(url + 9, 'n', 64);
    ck_assert_uint_eq(strlen(good(url).name), 64);
    url[9 + 64] = 'n';
    ck_assert_int_eq(it_a_spec_read(&s, url, &fault), IT_ERR_PARSE);
    ck_assert_str_eq(fault.why, "the name is longer than 64 bytes");
    snprintf(url, sizeof url, "icet://a/x?password=p&user=");
    size_t at = strlen(url);
    memset(url + at, 'u', 63);
    url[at + 63] = '\0';
    ck_assert_uint_eq(strlen(good(url).user), 63);
    memset(url + at, 'u', 64);
    url[at + 64] = '\0';
    ck_assert_int_eq(it_a_spec_read(&s, url, &fault), IT_ERR_PARSE);
    memset(url + at, 'u', 600);
    url[at + 600] = '\0';
    ck_assert_int_eq(it_a_spec_read(&s, url, &fault), IT_ERR_PARSE);
    ck_assert_str_eq(fault.why, "a value longer than 511 bytes");
    snprintf(url, sizeof url, "icet://");
    memset(url + 7, 'h', 255);
    snprintf(url + 7 + 255, 8, "/x");
    ck_assert_uint_eq(strlen(good(url).server.host), 255);
    memset(url + 7, 'h', 256);
    snprintf(url + 7 + 256, 8, "/x");
    ck_assert_int_eq(it_a_spec_read(&s, url, NULL), IT_ERR_PARSE);
}
END_TEST

/* --- what is written is read as it was --- */

static void text_of(it_rng *r, char *out, size_t cap)
{
    static const char *const PIECES[] = {"a", "Z", "9", "-", ".", "&",        "=",           "%",
                                         "/", "?", "#", " ", "+", "\xc3\xb6", "\xe2\x82\xac"};
    size_t n = 1 + it_rng_below(r, 12), at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *p = PIECES[it_rng_below(r, sizeof PIECES / sizeof *PIECES)];
        if (at + strlen(p) >= cap)
            break;
        memcpy(out + at, p, strlen(p));
        at += strlen(p);
    }
    out[at] = '\0';
}

static void write_random(it_rng *r, it_str *url)
{
    static const char *const SERVERS[] = {"stun=stun:a.example",
                                          "stun=stun:[2001:db8::9]:5",
                                          "turn=turn:192.0.2.7",
                                          "turn=turns:b?transport=udp",
                                          "ws=ws://w",
                                          "ws=wss://w:9/",
                                          "by=poll"};
    it_a_spec s = {.server = {.secure = it_rng_below(r, 2), .host = "meet.example"}};
    text_of(r, s.name, sizeof s.name);
    s.server.port = (uint16_t)it_rng_below(r, 65536);
    s.wait = (uint32_t)it_rng_below(r, 3601);
    if (it_rng_below(r, 2)) {
        text_of(r, s.user, sizeof s.user);
        text_of(r, s.password, sizeof s.password);
    }
    it_a_spec_write(url, &s);
    for (size_t i = 0; i < sizeof SERVERS / sizeof *SERVERS; i++) {
        if (!it_rng_below(r, 2))
            continue;
        it_str_putc(url, strchr(it_str_c(url), '?') ? '&' : '?');
        it_str_puts(url, SERVERS[i]);
    }
}

START_TEST(what_is_written_is_read_as_it_was)
{
    it_rng r;
    it_rng_init(&r, (uint64_t)_i, "spec");
    it_str url, again;
    it_str_init(&url, &Mem);
    it_str_init(&again, &Mem);
    write_random(&r, &url);
    it_a_spec s = good(it_str_c(&url));
    it_str_clear(&url);
    it_a_spec_write(&url, &s);
    it_a_spec t = good(it_str_c(&url));
    ck_assert_str_eq(s.name, t.name);
    ck_assert_str_eq(s.user, t.user);
    ck_assert_str_eq(s.password, t.password);
    ck_assert(s.wait == t.wait && s.poll == t.poll && s.n_stun == t.n_stun && s.n_turn == t.n_turn &&
              s.n_web == t.n_web);
    it_a_spec_write(&again, &t);
    ck_assert_str_eq(it_str_c(&url), it_str_c(&again));
    it_str_fini(&url);
    it_str_fini(&again);
    ck_assert_int_eq(Mem.live, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/a/spec");
    TCase *tc = tcase_create("specifiers");
    it_alloc_init(&Mem);
    tcase_add_test(tc, each_part_is_read);
    tcase_add_test(tc, what_is_not_said_is_as_usual);
    tcase_add_loop_test(tc, what_is_wrong_is_refused_with_a_place_and_a_reason, 0, (int)(sizeof BAD / sizeof *BAD));
    tcase_add_test(tc, names_texts_and_values_have_their_bounds);
    tcase_add_loop_test(tc, what_is_written_is_read_as_it_was, 0, 200);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
