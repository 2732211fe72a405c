/* stack/ice/cand.c: kinds and priorities. */
#include "stack/ice/cand.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    enum it_ice_kind kind;
    uint16_t pref, component;
    uint32_t want; /* 2^24 * type + 2^8 * local + (256 - component), worked out by hand */
} WORKED[] = {
    {IT_ICE_HOST, 65535, 1, 2130706431},   {IT_ICE_HOST, 65535, 2, 2130706430},
    {IT_ICE_HOST, 65535, 256, 2130706176}, {IT_ICE_HOST, 0, 256, 2113929216},
    {IT_ICE_HOST, 0, 1, 2113929471},       {IT_ICE_SRFLX, 65535, 1, 1694498815},
    {IT_ICE_PRFLX, 65535, 1, 1862270975},  {IT_ICE_RELAY, 65535, 1, 16777215},
    {IT_ICE_RELAY, 1, 256, 256},           {IT_ICE_RELAY, 0, 1, 255},
};

START_TEST(the_priority_is_that_of_the_formula)
{
    ck_assert_uint_eq(it_ice_priority(WORKED[_i].kind, WORKED[_i].pref, WORKED[_i].component), WORKED[_i].want);
}
END_TEST

/* Section 5.1.2: "a positive integer between 1 and 2**31 - 1". The formula alone would give 0 here. */
START_TEST(the_least_priority_is_1)
{
    ck_assert_uint_eq(it_ice_priority(IT_ICE_RELAY, 0, 256), 1);
}
END_TEST

START_TEST(kind_outweighs_preference_and_preference_outweighs_component)
{
    /* Section 5.1.2.2: host 126, prflx 110 above srflx 100, relay 0. */
    static const enum it_ice_kind falling[] = {IT_ICE_HOST, IT_ICE_PRFLX, IT_ICE_SRFLX, IT_ICE_RELAY};
    for (int i = 0; i < 3; i++)
        ck_assert_uint_gt(it_ice_priority(falling[i], 0, 256), it_ice_priority(falling[i + 1], 65535, 1));
    for (int i = 0; i < 4; i++)
        for (unsigned pref = 1; pref <= 65535; pref++)
            ck_assert_uint_gt(it_ice_priority(falling[i], (uint16_t)pref, 256),
                              it_ice_priority(falling[i], (uint16_t)(pref - 1), 1));
}
END_TEST

START_TEST(no_two_components_or_preferences_share_a_priority)
{
    uint32_t last = 0;
    for (unsigned pref = 1; pref <= 300; pref++)
        for (unsigned component = 256; component >= 1; component--) {
            uint32_t p = it_ice_priority(IT_ICE_RELAY, (uint16_t)pref, (uint16_t)component);
            ck_assert_uint_gt(p, last);
            last = p;
        }
}
END_TEST

START_TEST(kinds_have_the_names_of_rfc_8839)
{
    ck_assert_str_eq(it_ice_kind_name(IT_ICE_HOST), "host");
    ck_assert_str_eq(it_ice_kind_name(IT_ICE_SRFLX), "srflx");
    ck_assert_str_eq(it_ice_kind_name(IT_ICE_PRFLX), "prflx");
    ck_assert_str_eq(it_ice_kind_name(IT_ICE_RELAY), "relay");
}
END_TEST

/* RFC 8445 section 5.1.1.1, RFC 1122 section 3.2.1.3, RFC 4291 section 2.5. */
static const struct {
    const char *addr;
    bool usable;
} ADDRS[] = {
    {"192.0.2.1:1", true},       {"10.0.0.1:65535", true},     {"169.254.1.1:5", true},
    {"1.0.0.0:5", true},         {"126.255.255.255:5", true},  {"128.0.0.0:5", true},
    {"223.255.255.255:5", true}, {"240.0.0.1:5", true},        {"[2001:db8::1]:5", true},
    {"[fd00::1]:5", true},       {"[fe80::1]:5", true},        {"[febf:ffff::1]:5", true},
    {"[64:ff9b::1]:5", true},    {"[::1:0:0:1]:5", true},      {"192.0.2.1:0", false},
    {"[2001:db8::1]:0", false},  {"0.0.0.0:9", false},         {"0.0.0.0:5", false},
    {"0.255.255.255:5", false},  {"127.0.0.1:5", false},       {"127.255.255.255:5", false},
    {"224.0.0.0:5", false},      {"239.255.255.255:5", false}, {"255.255.255.255:5", false},
    {"[::]:9", false},           {"[::1]:5", false},           {"[::192.0.2.1]:5", false},
    {"[fec0::1]:5", false},      {"[feff:ffff::1]:5", false},  {"[ff02::1]:5", false},
    {"[ff00::]:5", false},       {"[ffff::1]:5", false},
};

START_TEST(a_candidate_has_a_unicast_address_that_others_can_send_to_and_a_port)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, ADDRS[_i].addr), 0);
    ck_assert_msg(it_ice_addr_usable(a) == ADDRS[_i].usable, "%s", ADDRS[_i].addr);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ice/cand");
    TCase *t = tcase_create("RFC 8445 5.1.2");
    tcase_add_loop_test(t, the_priority_is_that_of_the_formula, 0, (int)(sizeof WORKED / sizeof WORKED[0]));
    tcase_add_test(t, the_least_priority_is_1);
    tcase_add_test(t, kind_outweighs_preference_and_preference_outweighs_component);
    tcase_add_test(t, no_two_components_or_preferences_share_a_priority);
    tcase_add_test(t, kinds_have_the_names_of_rfc_8839);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 5.1.1.1");
    tcase_add_loop_test(t, a_candidate_has_a_unicast_address_that_others_can_send_to_and_a_port, 0,
                        (int)(sizeof ADDRS / sizeof ADDRS[0]));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
