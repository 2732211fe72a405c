/* Tables of many cases as aligned text. */
#include "reports/text/impl.h"

#include <check.h>

#include <stdlib.h>
#include <string.h>

/* What |json| is printed as; to be freed. */
static char *printed(const char *json)
{
    char *text = NULL;
    size_t n = 0;
    json_t *o = json_loads(json, 0, NULL);
    FILE *f = open_memstream(&text, &n);
    ck_assert(o && f);
    it_text_table(f, o);
    ck_assert(fclose(f) == 0);
    json_decref(o);
    return text;
}

START_TEST(columns_begin_below_each_other_also_where_a_letter_has_two_bytes)
{
    char *text = printed("{\"title\":\"T\",\"note\":\"n\",\"head\":[\"a\",\"b\"],"
                         "\"rows\":[[\"\\u00e4\\u00e4\\u00e4\\u00e4\",\"1\"],[\"x\",\"2\"]]}");
    ck_assert_str_eq(text, "    T\n      n\n      a     b\n      \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4  1\n      x     2\n");
    free(text);
}
END_TEST

START_TEST(what_is_no_table_prints_nothing_of_it_and_control_characters_do_not_reach_the_terminal)
{
    char *text = printed("{\"title\":\"\\u001b[31m\",\"head\":3,\"rows\":[7,[null,\"x\"]]}");
    ck_assert(!strchr(text, '\x1b'));
    ck_assert(strstr(text, "x"));
    free(text);
}
END_TEST

START_TEST(more_columns_than_a_terminal_has_are_left_out)
{
    char json[512] = "{\"title\":\"\",\"head\":[";
    for (int i = 0; i < 40; i++)
        strcat(json, i ? ",\"c\"" : "\"c\"");
    strcat(json, "],\"rows\":[]}");
    char *text = printed(json);
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += *p == 'c';
    ck_assert_uint_eq(n, 24);
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/tables");
    TCase *t = tcase_create("text");
    tcase_add_test(t, columns_begin_below_each_other_also_where_a_letter_has_two_bytes);
    tcase_add_test(t, what_is_no_table_prints_nothing_of_it_and_control_characters_do_not_reach_the_terminal);
    tcase_add_test(t, more_columns_than_a_terminal_has_are_left_out);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
