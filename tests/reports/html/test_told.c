/* reports/html/told.c: what each end was told after its fault; index.json beside the page; rows that a cursor finds. */
#include "tests/reports/case.h"

START_TEST(both_ends_of_every_model_say_what_they_were_told_and_when)
{
    folder f;
    folder_open(&f);
    lines l = {0};
    const parts b = {.model = "B"}, e = {.model = "E"};
    case_line(&l, &b);
    case_line(&l, &e);
    folder_put(&f, "cases/x.trace.jsonl", MAP_WORLD);
    char *html = overview(&f, l.p);
    HAS(html, "<h2 id=\"told\">What each app was told</h2>");
    HAS(html, "near.wifi down at 10.0\xc2\xa0s; near.wifi up at 20.0\xc2\xa0s");
    HAS(html, "<td data-l=\"far\"><code>stalled</code> +2.02\xc2\xa0s, then <code>death</code> +28.0\xc2\xa0s "
              "(consent_expired)</td>");
    ck_assert_uint_eq(count_of(html, "(link_down_no_alternative)</td>"), 2);
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(a_call_without_a_fault_was_told_of_none)
{
    folder f;
    folder_open(&f);
    const parts p = {.faults = "[]", .outages = "[]"};
    char *html = case_overview(&f, &p);
    LACKS(html, "id=\"told\"");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(the_twin_says_the_same_to_programs)
{
    folder f;
    folder_open(&f);
    const parts p = {.verdict = "fail",
                     .checks = "[{\"name\":\"expect\",\"ok\":false,\"expected\":\"e\",\"observed\":"
                               "\"o\",\"where\":\"s.lua:1\"}]"};
    free(case_overview(&f, &p));
    char *text = folder_get(&f, "index.json");
    json_t *o = json_loads(text ? text : "", 0, NULL);
    ck_assert_ptr_nonnull(o);
    const json_t *bad = json_array_get(json_object_get(o, "unexpected"), 0);
    const json_t *model = json_array_get(json_object_get(o, "models"), 0);
    const json_t *scenario = json_array_get(json_object_get(o, "scenarios"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(bad, "case")), "s/x/model=B");
    ck_assert_str_eq(json_string_value(json_object_get(bad, "expected")), "e");
    ck_assert_str_eq(json_string_value(json_object_get(model, "model")), "B");
    ck_assert_int_eq(json_integer_value(json_object_get(scenario, "fail")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(scenario, "scenario")), "s/x");
    json_decref(o);
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(the_timeline_tells_its_cursor_where_times_are)
{
    folder f;
    folder_open(&f);
    const parts p = {.trace = NULL};
    char *html = case_page(&f, &p);
    HAS(html, "<svg id=\"tl\" data-x0=\"128\" data-x1=\"894\" data-end=\"80000\" data-fault=\"30000\" ");
    HAS(html, "id=\"cur\"");
    free(html);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/told");
    TCase *c = tcase_create("told");
    tcase_add_test(c, both_ends_of_every_model_say_what_they_were_told_and_when);
    tcase_add_test(c, a_call_without_a_fault_was_told_of_none);
    tcase_add_test(c, the_twin_says_the_same_to_programs);
    tcase_add_test(c, the_timeline_tells_its_cursor_where_times_are);
    suite_add_tcase(s, c);
    return case_run(s);
}
