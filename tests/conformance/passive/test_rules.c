/* The table of rules against the table of requirements. */
#include "tests/conformance/passive/main.h"

#include "conformance/passive/rules.h"

#include <stdio.h>
#include <string.h>

START_TEST(every_rule_is_a_row_of_the_requirements)
{
    FILE *f = fopen("conformance/requirements.tsv", "rb");
    char line[4096];
    bool found = false;
    size_t n = strlen(IT_PASSIVE_RULES[_i].id);
    ck_assert_ptr_nonnull(f);
    while (!found && fgets(line, sizeof line, f))
        found = strncmp(line, IT_PASSIVE_RULES[_i].id, n) == 0 && line[n] == '\t';
    fclose(f);
    ck_assert_msg(found, "%s is no row", IT_PASSIVE_RULES[_i].id);
}
END_TEST

START_TEST(every_rule_says_what_must_be_seen)
{
    const char *says = IT_PASSIVE_RULES[_i].says;
    ck_assert_ptr_nonnull(says);
    ck_assert_uint_gt(strlen(says), 10);
    ck_assert_int_ne(says[strlen(says) - 1], '.');
}
END_TEST

START_TEST(an_id_tells_its_rfc_and_section)
{
    char rfc[IT_PASSIVE_REF], section[IT_PASSIVE_REF];
    it_passive_ref(&IT_PASSIVE_RULES[IT_RULE_CRC], rfc, section);
    ck_assert_str_eq(rfc, "8489");
    ck_assert_str_eq(section, "14.7");
    it_passive_ref(&IT_PASSIVE_RULES[IT_RULE_CONFLICT_TIEBREAKER], rfc, section);
    ck_assert_str_eq(rfc, "8445");
    ck_assert_str_eq(section, "7.2.5.1");
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("rules");
    tcase_add_loop_test(c, every_rule_is_a_row_of_the_requirements, 0, IT_RULES);
    tcase_add_loop_test(c, every_rule_says_what_must_be_seen, 0, IT_RULES);
    tcase_add_test(c, an_id_tells_its_rfc_and_section);
    return run_case("passive rules", c);
}
