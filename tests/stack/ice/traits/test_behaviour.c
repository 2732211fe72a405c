/* Behaviours of ICE agents: the table. */
#include "stack/ice/traits/behaviour.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(every_behaviour_is_found_by_its_name_and_has_a_source)
{
    int n = 0;
    it_ice_behaviour b;
    for (; it_ice_behaviour_name(n); n++) {
        ck_assert(it_ice_behaviour_named(&b, it_ice_behaviour_name(n)));
        ck_assert_uint_gt(strlen(it_ice_behaviour_source(n)), 10);
        ck_assert_int_eq(b.role, IT_ICE_ROLE_AGREED);
        ck_assert(!b.lite && !b.has_tiebreaker && !b.consent_needs_use);
    }
    ck_assert_int_eq(n, 6);
    ck_assert_ptr_null(it_ice_behaviour_source(n));
    ck_assert_ptr_null(it_ice_behaviour_name(-1));
}
END_TEST

START_TEST(an_unknown_name_changes_nothing)
{
    it_ice_behaviour b = {.tiebreaker = 7};
    ck_assert(!it_ice_behaviour_named(&b, "rfc "));
    ck_assert_uint_eq(b.tiebreaker, 7);
}
END_TEST

START_TEST(the_rfcs_behaviour_is_all_zeros)
{
    it_ice_behaviour b;
    ck_assert(it_ice_behaviour_named(&b, "rfc"));
    ck_assert_int_eq(b.nomination, IT_ICE_REGULAR);
    ck_assert_int_eq(b.conflict, IT_ICE_CONFLICT_REDRAWS);
    ck_assert(!b.consent_nominates && !b.consent_fixed && !b.renominates);
}
END_TEST

START_TEST(no_profile_renominates_by_numbers_unless_asked_and_libwebrtc_switches_without)
{
    it_ice_behaviour b;
    for (int i = 0; it_ice_behaviour_name(i); i++) {
        const char *name = it_ice_behaviour_name(i);
        ck_assert(it_ice_behaviour_named(&b, name));
        ck_assert(!b.renominates && !b.continual && !b.sped);
        ck_assert_int_eq(b.switches, strcmp(name, "libwebrtc") == 0);
    }
}
END_TEST

START_TEST(every_word_is_another_one)
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < i; k++) {
            ck_assert_str_ne(it_ice_nomination_name((enum it_ice_nomination)i),
                             it_ice_nomination_name((enum it_ice_nomination)k));
            ck_assert_str_ne(it_ice_conflict_name((enum it_ice_conflict)i),
                             it_ice_conflict_name((enum it_ice_conflict)k));
            ck_assert_str_ne(it_ice_role_name((enum it_ice_role)i), it_ice_role_name((enum it_ice_role)k));
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/ice/traits/behaviour");
    TCase *t = tcase_create("table");
    tcase_add_test(t, every_behaviour_is_found_by_its_name_and_has_a_source);
    tcase_add_test(t, an_unknown_name_changes_nothing);
    tcase_add_test(t, the_rfcs_behaviour_is_all_zeros);
    tcase_add_test(t, no_profile_renominates_by_numbers_unless_asked_and_libwebrtc_switches_without);
    tcase_add_test(t, every_word_is_another_one);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
