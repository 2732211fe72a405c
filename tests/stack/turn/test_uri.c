/* URIs of servers (RFC 7064 section 3, RFC 7065 section 3). */
#include "stack/turn/uri.h"

#include <check.h>
#include <string.h>

static const struct {
    const char *s;
    bool turn, secure;
    enum it_turn_transport transport;
    const char *host;
    uint16_t port;
    bool named_port, literal;
} GOOD[] = {
    {"stun:example.org", false, false, IT_TURN_OVER_UDP, "example.org", 3478, false, false},
    {"stuns:example.org", false, true, IT_TURN_OVER_TLS, "example.org", 5349, false, false},
    {"turn:example.org", true, false, IT_TURN_OVER_UDP, "example.org", 3478, false, false},
    {"turns:example.org", true, true, IT_TURN_OVER_TLS, "example.org", 5349, false, false},
    {"turn:example.org:8000", true, false, IT_TURN_OVER_UDP, "example.org", 8000, true, false},
    {"turn:example.org?transport=udp", true, false, IT_TURN_OVER_UDP, "example.org", 3478, false, false},
    {"turn:example.org?transport=tcp", true, false, IT_TURN_OVER_TCP, "example.org", 3478, false, false},
    {"turns:example.org?transport=tcp", true, true, IT_TURN_OVER_TLS, "example.org", 5349, false, false},
    {"turns:example.org:1?transport=udp", true, true, IT_TURN_OVER_DTLS, "example.org", 1, true, false},
    {"TURN:192.0.2.1:65535", true, false, IT_TURN_OVER_UDP, "192.0.2.1", 65535, true, true},
    {"turn:[2001:db8::1]", true, false, IT_TURN_OVER_UDP, "2001:db8::1", 3478, false, true},
    {"turn:[2001:db8::1]:99?transport=TCP", true, false, IT_TURN_OVER_TCP, "2001:db8::1", 99, true, true},
    {"stun:192.0.2.1", false, false, IT_TURN_OVER_UDP, "192.0.2.1", 3478, false, true},
    {"turns:192.0.2.1", true, true, IT_TURN_OVER_TLS, "192.0.2.1", 5349, false, true},
    {"turn:a-b.c_d~e:", true, false, IT_TURN_OVER_UDP, "a-b.c_d~e", 3478, false, false},
};

static const struct {
    const char *s;
    int err;
} BAD[] = {
    {"", IT_ERR_PARSE},
    {"turn", IT_ERR_PARSE},
    {"turn:", IT_ERR_PARSE},
    {"http:example.org", IT_ERR_PARSE},
    {"turnx:example.org", IT_ERR_PARSE},
    {"turn://example.org", IT_ERR_PARSE},
    {"turn:user@example.org", IT_ERR_PARSE},
    {"turn::3478", IT_ERR_PARSE},
    {"turn:example.org:0", IT_ERR_PARSE},
    {"turn:example.org:65536", IT_ERR_PARSE},
    {"turn:example.org:99999999999999999999", IT_ERR_PARSE},
    {"turn:example.org:x", IT_ERR_PARSE},
    {"turn:example.org/path", IT_ERR_PARSE},
    {"turn:[2001:db8::1", IT_ERR_PARSE},
    {"turn:[192.0.2.1]", IT_ERR_PARSE},
    {"turn:[]", IT_ERR_PARSE},
    {"turn:2001:db8::1", IT_ERR_PARSE},
    {"turn:example.org?", IT_ERR_PARSE},
    {"turn:example.org?transport=", IT_ERR_PARSE},
    {"turn:example.org?transport=udp&x=1", IT_ERR_UNSUPPORTED},
    {"turn:example.org?transport=sctp", IT_ERR_UNSUPPORTED},
    {"stun:example.org?transport=udp", IT_ERR_PARSE}, /* RFC 7064 has none */
    {"stuns:192.0.2.1", IT_ERR_PARSE},                /* RFC 8489 section 8.1 */
    {"stuns:[2001:db8::1]:5349", IT_ERR_PARSE},
};

START_TEST(each_part_is_read)
{
    it_turn_uri u;
    const char *why = "?";
    ck_assert_msg(it_turn_uri_parse(&u, GOOD[_i].s, &why) == 0, "%s: %s", GOOD[_i].s, why);
    ck_assert_ptr_null(why);
    ck_assert_int_eq(u.turn, GOOD[_i].turn);
    ck_assert_int_eq(u.secure, GOOD[_i].secure);
    ck_assert_int_eq(u.transport, GOOD[_i].transport);
    ck_assert_str_eq(u.host, GOOD[_i].host);
    ck_assert_uint_eq(u.port, GOOD[_i].port);
    ck_assert_int_eq(u.named_port, GOOD[_i].named_port);
    ck_assert_int_eq(!it_ip_none(u.ip), GOOD[_i].literal);
    ck_assert_int_eq(u.named_transport, strchr(GOOD[_i].s, '?') != NULL);
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_a_reason)
{
    it_turn_uri u;
    const char *why = NULL;
    ck_assert_msg(it_turn_uri_parse(&u, BAD[_i].s, &why) == BAD[_i].err, "%s", BAD[_i].s);
    ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(a_host_is_at_most_255_bytes)
{
    char s[400] = "turn:";
    it_turn_uri u;
    memset(s + 5, 'a', 255);
    ck_assert_int_eq(it_turn_uri_parse(&u, s, NULL), 0);
    s[5 + 255] = 'a';
    ck_assert_int_eq(it_turn_uri_parse(&u, s, NULL), IT_ERR_PARSE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/uri");
    TCase *tc = tcase_create("RFC 7065 section 3");
    SRunner *sr;
    int failed;
    tcase_add_loop_test(tc, each_part_is_read, 0, (int)(sizeof GOOD / sizeof GOOD[0]));
    tcase_add_loop_test(tc, what_is_wrong_is_refused_with_a_reason, 0, (int)(sizeof BAD / sizeof BAD[0]));
    tcase_add_test(tc, a_host_is_at_most_255_bytes);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
