/* reports/text/text.c: what reaches a terminal of a result, and what may not. */
#include "tests/reports/folder.h"

/* A failing case all of whose texts have control characters: an escape of ASCII, one of ISO 6429's second set. */
#define EVIL "\\u001b[31m\\u009b2J\\u0007\\u007f\\n"
static const char HOSTILE[] =
    "{\"case\":\"" EVIL "\",\"file\":\"" EVIL "\",\"title\":\"" EVIL "\",\"verdict\":\"fail\",\"capture\":\"" EVIL
    "\",\"trace\":\"" EVIL ".trace.jsonl\",\"fingerprint\":\"" EVIL "\",\"repeat\":\"" EVIL
    "\",\"oracle\":{\"outcome\":\"" EVIL "\",\"path\":\"" EVIL "\",\"why\":\"" EVIL "\"},\"checks\":[{\"name\":\"" EVIL
    "\",\"ok\":false,\"expected\":\"" EVIL "\",\"observed\":\"" EVIL "\",\"where\":\"" EVIL
    "\"}],\"faults\":[{\"t\":1,\"text\":\"" EVIL "\",\"where\":\"" EVIL "\"}],\"events\":[{\"t\":1,\"end\":\"" EVIL
    "\",\"name\":\"" EVIL "\",\"path\":\"" EVIL "\",\"kinds\":\"" EVIL "\",\"reason\":\"" EVIL "\",\"why\":\"" EVIL
    "\"}],\"metrics\":{\"" EVIL "\":1}}\n";
static const char HOSTILE_END[] =
    "{\"end\":\"complete\",\"problems\":[\"" EVIL "\"],\"hypotheses\":[{\"hypothesis\":\"" EVIL "\",\"title\":\"" EVIL
    "\",\"claim\":\"" EVIL "\",\"verdict\":\"" EVIL "\",\"known\":\"" EVIL "\",\"predictions\":[{\"text\":\"" EVIL
    "\",\"value\":\"" EVIL "\",\"interval\":\"" EVIL "\",\"verdict\":\"" EVIL "\"}]}]}\n";

/* No byte of |text| but line ends is a control character. */
static void ck_assert_harmless(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        ck_assert_msg(*p >= 0x20 || *p == '\n', "byte %02x at %td", *p, p - (const unsigned char *)text);
        ck_assert_int_ne(*p, 0x7f);
        ck_assert(!(p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f));
    }
}

START_TEST(no_control_character_of_a_results_file_reaches_the_terminal)
{
    folder f;
    it_report_count n;
    char *text = NULL;
    size_t size = 0;
    folder_open(&f);
    char all[8192];
    snprintf(all, sizeof all, "%s%s%s", PLAN, HOSTILE, HOSTILE_END);
    folder_put(&f, "results.jsonl", all);
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(it_report_print(&f.alloc, &(it_summary_cfg){f.dir, "./icetank", out, true, false}, &n, f.err), 0);
    json_t *c = json_loads(HOSTILE, JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(c);
    it_report_case(c, f.dir, "./icetank", out, false);
    json_decref(c);
    fclose(out);
    ck_assert_harmless(text);
    ck_assert_ptr_nonnull(strstr(text, "\\x1b[31m\\x9b2J\\x07\\x7f\\x0a"));
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(the_verdict_of_a_run_counts_cases_problems_and_hypotheses)
{
    folder f;
    it_report_count n;
    folder_open(&f);
    folder_put(&f, "results.jsonl",
               PLAN "{\"case\":\"a\",\"verdict\":\"pass\"}\n{\"case\":\"b\",\"verdict\":\"pass\"}\n"
                    "{\"case\":\"c\",\"verdict\":\"fail\"}\n{\"case\":\"d\",\"verdict\":\"error\"}\n"
                    "{\"case\":\"e\",\"verdict\":\"unsupported\"}\n"
                    "{\"end\":\"complete\",\"problems\":[\"p\"],\"hypotheses\":[{\"ok\":true},{\"ok\":false}]}\n");
    FILE *out = fopen("/dev/null", "w");
    ck_assert_int_eq(it_report_print(&f.alloc, &(it_summary_cfg){f.dir, "./icetank", out, true, false}, &n, f.err), 0);
    ck_assert_int_eq(n.pass, 2);
    ck_assert_int_eq(n.fail, 1);
    ck_assert_int_eq(n.error, 1);
    ck_assert_int_eq(n.unsupported, 1);
    ck_assert_int_eq(n.problems, 2);
    ck_assert(n.whole);
    folder_put(&f, "results.jsonl", PLAN "{\"case\":\"a\",\"verdict\":\"pass\"}\n");
    ck_assert_int_eq(it_report_print(&f.alloc, &(it_summary_cfg){f.dir, "./icetank", out, true, false}, &n, f.err), 0);
    ck_assert(!n.whole);
    fclose(out);
    folder_close(&f);
}
END_TEST

/* A case with two faults, and a rule that could not be judged. */
static const char TWO_FAULTS[] = "{\"case\":\"s\",\"file\":\"s.lua\",\"title\":\"t\",\"verdict\":\"pass\",\"checks\":[{"
                                 "\"name\":\"oracle\",\"ok\":true,"
                                 "\"judged\":false,\"expected\":\"what the oracle says\",\"observed\":\"not judged: "
                                 "cut < open\",\"where\":\"s.lua:3\"},"
                                 "{\"name\":\"check\",\"ok\":true,\"where\":\"s.lua:4\"}],\"outages\":[],\"faults\":[{"
                                 "\"t\":1000000000,\"text\":\"wifi "
                                 "down\",\"where\":\"s.lua:1\",\"takes\":{\"a\":\"part\"}},{\"t\":2000000000,\"text\":"
                                 "\"cut\",\"where\":\"s.lua:2\",\"takes\":{"
                                 "\"a\":\"all\"},\"counts\":[\"a\",\"b\"]}],\"events\":[{\"t\":1000000000,\"end\":"
                                 "\"a\",\"name\":\"open\"},{\"t\":4500000000,"
                                 "\"end\":\"b\",\"name\":\"stalled\",\"fault\":1}]}\n";

START_TEST(faults_tell_what_they_take_and_events_from_which_they_count)
{
    folder f;
    char *text = NULL;
    size_t size = 0;
    folder_open(&f);
    FILE *out = open_memstream(&text, &size);
    json_t *c = json_loads(TWO_FAULTS, 0, NULL);
    ck_assert_ptr_nonnull(c);
    it_report_case(c, f.dir, "./icetank", out, false);
    json_decref(c);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "  fault    1s  wifi down; another way is left to a   s.lua:1\n"));
    ck_assert_ptr_nonnull(strstr(text, "  fault    2s  cut; nothing is left to a; counts for a, b   s.lua:2\n"));
    ck_assert_ptr_nonnull(strstr(text, "  event    1s  a: open\n"));
    ck_assert_ptr_nonnull(strstr(text, "  event    4.5s  b: stalled, +2.5s\n"));
    ck_assert_ptr_nonnull(strstr(text, "  -        oracle, not judged   s.lua:3\n"));
    ck_assert_ptr_nonnull(strstr(text, "  ok       check   s.lua:4\n"));
    free(text);
    folder_close(&f);
}
END_TEST

START_TEST(junit_says_what_was_not_judged)
{
    folder f;
    folder_open(&f);
    free(overview(&f, TWO_FAULTS));
    char *xml = folder_get(&f, "junit.xml");
    ck_assert_ptr_nonnull(strstr(xml, "tests=\"1\" failures=\"0\""));
    ck_assert_ptr_nonnull(
        strstr(xml, "<testcase classname=\"s.lua\" name=\"s\">\n      <system-out>oracle: not judged: cut &lt; "
                    "open</system-out>\n    </testcase>\n"));
    free(xml);
    free(overview(&f, "{\"case\":\"s\",\"verdict\":\"pass\",\"checks\":[{\"name\":\"x\",\"ok\":true}]}\n"));
    xml = folder_get(&f, "junit.xml");
    ck_assert_ptr_nonnull(strstr(xml, "<testcase classname=\"\" name=\"s\"/>\n"));
    free(xml);
    folder_close(&f);
}
END_TEST

START_TEST(only_the_first_failures_have_a_page)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *c = json_loads("{\"case\":\"a\",\"verdict\":\"fail\",\"trace\":\"cases/a.trace.jsonl\"}", 0, NULL);
    ck_assert(it_report_failure(c, "out", "./icetank", IT_VIEW_PAGES - 1, out, false));
    fflush(out);
    ck_assert_ptr_nonnull(strstr(text, "      page      out/cases/a.html\n"));
    size_t one = strlen(text);
    ck_assert(it_report_failure(c, "out", "./icetank", IT_VIEW_PAGES, out, false));
    fclose(out);
    ck_assert_ptr_null(strstr(text + one, "page"));
    json_decref(c);
    c = json_loads("{\"case\":\"a\",\"verdict\":\"pass\"}", 0, NULL);
    ck_assert(!it_report_failure(c, "out", "./icetank", 0, stdout, false));
    json_decref(c);
    free(text);
}
END_TEST

/* What |error| of a case without a check comes to at a terminal; freed by the caller. */
static char *told_error(const char *error)
{
    char line[256], *text = NULL;
    size_t size = 0;
    snprintf(line, sizeof line, "{\"case\":\"a\",\"verdict\":\"error\",\"file\":\"f.lua\",\"error\":\"%s\"}", error);
    json_t *c = json_loads(line, 0, NULL);
    ck_assert_ptr_nonnull(c);
    FILE *out = open_memstream(&text, &size);
    ck_assert(it_report_failure(c, "out", "icetank", IT_VIEW_PAGES, out, false));
    fclose(out);
    json_decref(c);
    return text;
}

START_TEST(a_place_is_digits_between_two_colons)
{
    static const struct {
        const char *error, *row, *where;
    } V[] = {
        {"s.lua:12: no field", "error     no field\n", "where     s.lua:12\n"},
        {"C:s.lua:7: no field", "error     no field\n", "where     C:s.lua:7\n"},
        {"the ratio 8:9 is none", "error     the ratio 8:9 is none\n", "where     f.lua\n"},
        {"nothing :: at all", "error     nothing :: at all\n", "where     f.lua\n"},
        {"it ends with :5", "error     it ends with :5\n", "where     f.lua\n"},
        {"f.lua: no line", "error     no line\n", "where     f.lua\n"},
    };
    char *text = told_error(V[_i].error);
    ck_assert_msg(strstr(text, V[_i].row) != NULL, "%s", text);
    ck_assert_msg(strstr(text, V[_i].where) != NULL, "%s", text);
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/text/text");
    TCase *c = tcase_create("text");
    tcase_add_test(c, no_control_character_of_a_results_file_reaches_the_terminal);
    tcase_add_test(c, the_verdict_of_a_run_counts_cases_problems_and_hypotheses);
    tcase_add_test(c, only_the_first_failures_have_a_page);
    tcase_add_test(c, faults_tell_what_they_take_and_events_from_which_they_count);
    tcase_add_test(c, junit_says_what_was_not_judged);
    tcase_add_loop_test(c, a_place_is_digits_between_two_colons, 0, 6);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
