/* The table of drop reasons: complete, keys unique. */
#include "netsim/core/drop.h"

#include <check.h>
#include <string.h>

START_TEST(every_reason_has_a_key_a_rule_and_a_source)
{
    enum it_drop r = (enum it_drop)_i;
    ck_assert_uint_gt(strlen(it_drop_key(r)), 0);
    ck_assert_uint_gt(strlen(it_drop_rule(r)), 0);
    ck_assert_ptr_nonnull(it_drop_rfc(r));
    ck_assert(it_drop_rfc(r)[0] == '\0' || strncmp(it_drop_rfc(r), "RFC ", 4) == 0);
    for (int i = 0; i < _i; i++)
        ck_assert_str_ne(it_drop_key(r), it_drop_key((enum it_drop)i));
}
END_TEST

START_TEST(a_number_that_is_no_reason_is_a_question_mark)
{
    ck_assert_str_eq(it_drop_key(IT_DROP_COUNT), "?");
    ck_assert_str_eq(it_drop_key((enum it_drop)1000), "?");
}
END_TEST

START_TEST(filtering_names_its_rfc)
{
    ck_assert_str_eq(it_drop_key(IT_DROP_NAT_FILTER_PORT), "nat.filter_port");
    ck_assert_str_eq(it_drop_rfc(IT_DROP_NAT_FILTER_PORT), "RFC 4787 section 5");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/drop");
    TCase *t = tcase_create("table");
    tcase_add_loop_test(t, every_reason_has_a_key_a_rule_and_a_source, 0, IT_DROP_COUNT);
    tcase_add_test(t, a_number_that_is_no_reason_is_a_question_mark);
    tcase_add_test(t, filtering_names_its_rfc);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
