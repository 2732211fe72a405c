/* Ways to a relay: whose turn it is, and for how long. */
#include "stack/wsrelay/ways.h"

#include <check.h>

static const it_wsrelay_way WAYS[] = {{.server = {{0, 0xffffcb007109}, 80}},
                                      {.server = {{UINT64_C(0x20010db800000000), 9}, 443}, .tls = true},
                                      {.server = {{0, 0xffffcb007109}, 443}, .tls = true}};

START_TEST(all_have_their_turn_from_the_first_on)
{
    it_wsrelay_turn t = {0, 0};
    for (int i = 0; i < 7; i++) {
        ck_assert(it_wsrelay_turn_next(&t, WAYS, 3, true, true));
        ck_assert_int_eq(t.at, i % 3);
    }
}
END_TEST

START_TEST(a_way_of_a_family_that_is_not_there_is_passed_over)
{
    it_wsrelay_turn t = {0, 0};
    ck_assert(it_wsrelay_turn_next(&t, WAYS, 3, false, true));
    ck_assert_int_eq(t.at, 1);
    ck_assert(it_wsrelay_turn_next(&t, WAYS, 3, false, true));
    ck_assert_int_eq(t.at, 1);
    ck_assert(!it_wsrelay_turn_next(&t, WAYS, 3, false, false));
    t = (it_wsrelay_turn){0, 0};
    ck_assert(it_wsrelay_turn_next(&t, WAYS, 3, true, false));
    ck_assert(it_wsrelay_turn_next(&t, WAYS, 3, true, false));
    ck_assert_int_eq(t.at, 2);
}
END_TEST

/* What counts for the family is the first hop. */
START_TEST(a_proxy_says_which_family_is_needed)
{
    it_wsrelay_way way = WAYS[0];
    it_wsrelay_turn t = {0, 0};
    way.via.kind = IT_VIA_HTTP;
    way.via.proxy = WAYS[1].server;
    ck_assert(!it_wsrelay_turn_next(&t, &way, 1, true, false));
    ck_assert(it_wsrelay_turn_next(&t, &way, 1, false, true));
}
END_TEST

START_TEST(patience_grows_by_rounds_and_so_does_the_pause_after_one)
{
    it_wsrelay_turn t = {0, 0};
    static const it_time PATIENCE[] = {4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 64, 64};
    static const it_time PAUSE[] = {0, 2, 0, 4, 0, 8, 0, 16, 0, 16, 0, 16};
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(it_wsrelay_turn_patience(&t, 2), PATIENCE[i] * IT_SEC);
        ck_assert(it_wsrelay_turn_next(&t, WAYS, 2, true, true));
        ck_assert_int_eq(it_wsrelay_turn_pause(&t, 2), PAUSE[i] * IT_SEC);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/wsrelay/ways");
    TCase *t = tcase_create("ways");
    tcase_add_test(t, all_have_their_turn_from_the_first_on);
    tcase_add_test(t, a_way_of_a_family_that_is_not_there_is_passed_over);
    tcase_add_test(t, a_proxy_says_which_family_is_needed);
    tcase_add_test(t, patience_grows_by_rounds_and_so_does_the_pause_after_one);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
