/* Which peers are denied unless allowed: every kind, every disguise, lists (RFC 8656 section 21). */
#include "stack/turn/server/policy.h"

#include <check.h>

static it_ip ip(const char *text)
{
    it_ip v;
    ck_assert_int_eq(it_ip_parse(&v, text), 0);
    return v;
}

static it_prefix prefix(const char *text)
{
    it_prefix p;
    ck_assert_int_eq(it_prefix_parse(&p, text), 0);
    return p;
}

static const struct {
    const char *ip;
    enum it_turn_peer kind;
} ROWS[] = {
    {"203.0.113.1", IT_TURN_PEER_ALLOWED},
    {"8.8.8.8", IT_TURN_PEER_ALLOWED},
    {"2001:db8::1", IT_TURN_PEER_ALLOWED},
    {"0.0.0.0", IT_TURN_PEER_UNSPECIFIED},
    {"0.255.0.1", IT_TURN_PEER_UNSPECIFIED},
    {"::", IT_TURN_PEER_UNSPECIFIED},
    {"127.0.0.1", IT_TURN_PEER_LOOPBACK},
    {"127.255.255.254", IT_TURN_PEER_LOOPBACK},
    {"::1", IT_TURN_PEER_LOOPBACK},
    {"10.0.0.1", IT_TURN_PEER_PRIVATE},
    {"172.15.255.255", IT_TURN_PEER_ALLOWED},
    {"172.16.0.0", IT_TURN_PEER_PRIVATE},
    {"172.31.255.255", IT_TURN_PEER_PRIVATE},
    {"172.32.0.0", IT_TURN_PEER_ALLOWED},
    {"192.168.255.1", IT_TURN_PEER_PRIVATE},
    {"fd12::1", IT_TURN_PEER_PRIVATE},
    {"fec0::1", IT_TURN_PEER_PRIVATE},
    {"100.63.255.255", IT_TURN_PEER_ALLOWED},
    {"100.64.0.1", IT_TURN_PEER_SHARED},
    {"100.127.255.255", IT_TURN_PEER_SHARED},
    {"169.254.1.1", IT_TURN_PEER_LINK_LOCAL},
    {"fe80::1", IT_TURN_PEER_LINK_LOCAL},
    {"169.254.169.254", IT_TURN_PEER_METADATA},
    {"fd00:ec2::254", IT_TURN_PEER_METADATA},
    {"224.0.0.1", IT_TURN_PEER_MULTICAST},
    {"ff02::1", IT_TURN_PEER_MULTICAST},
    {"240.0.0.1", IT_TURN_PEER_RESERVED},
    {"255.255.255.255", IT_TURN_PEER_RESERVED},
    {"64:ff9b::7f00:1", IT_TURN_PEER_LOOPBACK},
    {"64:ff9b::a00:1", IT_TURN_PEER_PRIVATE},
    {"64:ff9b::a9fe:a9fe", IT_TURN_PEER_METADATA},
    {"64:ff9b::cb00:7101", IT_TURN_PEER_ALLOWED},
    {"64:ff9b:1::cb00:7101", IT_TURN_PEER_RESERVED},
    {"2002:7f00:1::1", IT_TURN_PEER_TUNNEL},
    {"2002:c0a8:101::", IT_TURN_PEER_TUNNEL},
    {"2002:cb00:7101::1", IT_TURN_PEER_TUNNEL},
    {"2001:0:1:2:3:4:80ff:fffe", IT_TURN_PEER_TUNNEL},
    {"2001:1::1", IT_TURN_PEER_ALLOWED},
    {"2003::1", IT_TURN_PEER_ALLOWED},
    {"2001:db8::5efe:a00:1", IT_TURN_PEER_PRIVATE},
    {"2001:db8::200:5efe:a00:1", IT_TURN_PEER_PRIVATE},
    {"::7f00:1", IT_TURN_PEER_LOOPBACK},
    {"::ffff:0:7f00:1", IT_TURN_PEER_LOOPBACK},
    {"::ffff:127.0.0.1", IT_TURN_PEER_LOOPBACK},
};

START_TEST(each_kind_is_denied)
{
    it_turn_policy p = {.open = 0};
    enum it_turn_peer kind = it_turn_policy_ip(&p, ip(ROWS[_i].ip));
    ck_assert_msg(kind == ROWS[_i].kind, "%s: %s", ROWS[_i].ip, it_turn_peer_name(kind));
}
END_TEST

START_TEST(a_kind_that_is_open_is_allowed_and_others_are_not)
{
    it_turn_policy p = {.open = 1u << ROWS[_i].kind};
    enum it_turn_peer want = IT_TURN_PEER_ALLOWED;
    if (it_ip_none(ip(ROWS[_i].ip)))
        want = IT_TURN_PEER_UNSPECIFIED;
    if (ROWS[_i].kind == IT_TURN_PEER_TUNNEL) /* whatever is open */
        want = IT_TURN_PEER_TUNNEL;
    ck_assert_int_eq(it_turn_policy_ip(&p, ip(ROWS[_i].ip)), want);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("10.1.2.3")),
                     ROWS[_i].kind == IT_TURN_PEER_PRIVATE ? IT_TURN_PEER_ALLOWED : IT_TURN_PEER_PRIVATE);
}
END_TEST

START_TEST(the_most_specific_prefix_decides_before_kinds)
{
    it_prefix allow[] = {prefix("10.1.0.0/16"), prefix("203.0.113.128/32"), prefix("2001:db8::/32")};
    it_prefix deny[] = {prefix("10.1.2.0/24"), prefix("203.0.113.0/24"), prefix("2001:db8::/32")};
    it_turn_policy p = {.allow = allow, .n_allow = 3, .deny = deny, .n_deny = 3};
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("10.1.1.1")), IT_TURN_PEER_ALLOWED);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("10.1.2.1")), IT_TURN_PEER_DENIED);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("10.2.2.1")), IT_TURN_PEER_PRIVATE);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("203.0.113.1")), IT_TURN_PEER_DENIED);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("203.0.113.128")), IT_TURN_PEER_ALLOWED);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("2001:db8::1")), IT_TURN_PEER_DENIED); /* equals: denied */
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("64:ff9b::cb00:7101")), IT_TURN_PEER_DENIED);
    ck_assert(it_turn_policy_named(&p, ip("203.0.113.128")));
    ck_assert(!it_turn_policy_named(&p, ip("10.1.1.1"))); /* a network is not an address */
    ck_assert(!it_turn_policy_named(&p, ip("8.8.8.8")));
    deny[1] = prefix("203.0.113.128/32");
    ck_assert(!it_turn_policy_named(&p, ip("203.0.113.128")));
}
END_TEST

/* RFC 8656 section 21.4: MUST NOT. */
START_TEST(no_list_allows_a_tunnel)
{
    it_prefix allow[] = {prefix("::/0"), prefix("2002:cb00:7101::1/128"), prefix("2001::/32")};
    it_turn_policy p = {.open = UINT32_MAX, .allow = allow, .n_allow = 3};
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("2002:cb00:7101::1")), IT_TURN_PEER_TUNNEL);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("2001::1")), IT_TURN_PEER_TUNNEL);
    ck_assert_int_eq(it_turn_policy_ip(&p, ip("2001:db8::1")), IT_TURN_PEER_ALLOWED);
}
END_TEST

/* RFC 6052 section 2.2: every length that a translator's prefix may have. */
START_TEST(an_address_behind_a_translator_is_judged_by_what_it_carries)
{
    static const char *const PREFIXES[] = {"2001:db8::/32",         "2001:db8:100::/40",     "2001:db8:122::/48",
                                           "2001:db8:122:300::/56", "2001:db8:122:344::/64", "2001:db8:122:344::/96"};
    it_prefix nat64 = prefix(PREFIXES[_i]);
    it_turn_policy p = {.nat64 = &nat64, .n_nat64 = 1}, none = {.open = 0};
    it_ip inside = it_pref64_embed(nat64, 0x0a000001), outside = it_pref64_embed(nat64, 0xcb007101);
    ck_assert_int_eq(it_turn_policy_ip(&p, inside), IT_TURN_PEER_PRIVATE);
    ck_assert_int_eq(it_turn_policy_ip(&p, outside), IT_TURN_PEER_ALLOWED);
    ck_assert_int_eq(it_turn_policy_ip(&none, inside), IT_TURN_PEER_ALLOWED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/server/policy");
    TCase *tc = tcase_create("RFC 8656 section 21");
    SRunner *sr;
    int failed;
    tcase_add_loop_test(tc, each_kind_is_denied, 0, (int)(sizeof ROWS / sizeof ROWS[0]));
    tcase_add_loop_test(tc, a_kind_that_is_open_is_allowed_and_others_are_not, 0, (int)(sizeof ROWS / sizeof ROWS[0]));
    tcase_add_test(tc, the_most_specific_prefix_decides_before_kinds);
    tcase_add_test(tc, no_list_allows_a_tunnel);
    tcase_add_loop_test(tc, an_address_behind_a_translator_is_judged_by_what_it_carries, 0, 6);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
