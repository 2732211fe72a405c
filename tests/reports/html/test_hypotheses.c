/* Hypotheses, and what only a whole run can tell, in the overview and in JUnit. */
#include "tests/reports/folder.h"

#define CASE(file, k)                                                                                                  \
    "{\"case\":\"pub/" file "/n=1@" k "\",\"file\":\"scenarios/pub/" file                                              \
    ".lua\",\"title\":\"t\",\"model\":null,\"cell\":{\"n\":\"1\"},"                                                    \
    "\"checks\":[],\"outcome\":null,\"verdict\":\"pass\",\"repeat\":\"icetank run scenarios/pub/" file                 \
    ".lua --only 'pub/" file "/n=1@" k "' --seed 7 --pcap all\"}\n"
#define CASES CASE("a", "1") CASE("a", "2") CASE("b", "1")
#define KNOWN(v) "\"known\":\"" v "\","
#define HYPOTHESIS(name, known, predictions, verdict, ok)                                                              \
    "{\"hypothesis\":\"pub/" name "\",\"title\":\"title of " name "\",\"claim\":\"said by " name "\"," known           \
    "\"predictions\":[" predictions "],\"verdict\":\"" verdict "\",\"ok\":" ok "}"
#define PREDICTION(text, n, value, interval, verdict)                                                                  \
    "{\"text\":\"" text "\",\"n\":" n ",\"value\":\"" value "\",\"interval\":\"" interval "\",\"verdict\":\"" verdict  \
    "\"}"
#define GOOD                                                                                                           \
    HYPOTHESIS("b", KNOWN("refuted"), PREDICTION("hit below 3", "1234", "7", "6 to 8", "refuted"), "refuted", "true")
#define OFF                                                                                                            \
    HYPOTHESIS("a", KNOWN("supported"),                                                                                \
               PREDICTION("hit at least 50%", "380", "49.10%", "46.00% to 52.20%",                                     \
                          "mixed") "," PREDICTION("x equals 1", "2", "1", "1 to 1", "supported"),                      \
               "mixed", "false")
#define FRESH HYPOTHESIS("c", "", PREDICTION("y above 0", "0", "-", "-", "mixed"), "mixed", "true")

/* The overview and JUnit of |cases| and an end line with |hypotheses| and |problems|. */
static char *report(folder *f, const char *cases, const char *hypotheses, const char *problems, char **junit)
{
    char *all = malloc(strlen(cases) + strlen(hypotheses) + strlen(problems) + 300);
    sprintf(all,
            "{\"plan\":\"icetank\",\"version\":\"9.8.7\",\"cases\":3,\"seed\":7}\n%s{\"end\":\"complete\",\"problems\":"
            "[%s],\"hypotheses\":[%s]}\n",
            cases, problems, hypotheses);
    folder_put(f, "results.jsonl", all);
    free(all);
    ck_assert_int_eq(folder_report(f), 0);
    *junit = folder_get(f, "junit.xml");
    return folder_get(f, "index.html");
}

/* The end line's members, and the claim that the section begins with. */
static const struct {
    const char *hypotheses, *claim;
} CLAIMS[] = {
    {GOOD, "1\xc2\xa0hypothesis: 1\xc2\xa0refuted; it is the known verdict.</p>"},
    {GOOD "," GOOD, "2\xc2\xa0hypotheses: 2\xc2\xa0refuted; all as known before.</p>"},
    {GOOD "," OFF, "2\xc2\xa0hypotheses: 1\xc2\xa0refuted, 1\xc2\xa0mixed; 1\xc2\xa0verdict is not the known one.</p>"},
    {OFF "," OFF, "2\xc2\xa0hypotheses: 2\xc2\xa0mixed; 2\xc2\xa0verdicts are not the known ones.</p>"},
    {GOOD "," FRESH,
     "2\xc2\xa0hypotheses: 1\xc2\xa0refuted, 1\xc2\xa0mixed; it is the known verdict, 1 without a known verdict.</p>"},
    {FRESH, "1\xc2\xa0hypothesis: 1\xc2\xa0mixed.</p>"},
};

START_TEST(section_begins_with_what_came_of_them)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, CLAIMS[_i].hypotheses, "", &junit);
    ck_assert_msg(strstr(html, CLAIMS[_i].claim) != NULL, "%s", strstr(html, "id=\"hypotheses\""));
    ck_assert_ptr_nonnull(strstr(html, "<a href=\"#hypotheses\">Hypotheses</a>"));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(a_row_tells_prediction_value_interval_cases_and_verdict)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, GOOD "," FRESH, "", &junit);
    ck_assert_ptr_nonnull(strstr(
        html,
        "<span class=\"ht\">title of b</span><span class=\"mut\">said by b</span><span class=\"id\">pub/b</span></th>"
        "<td data-l=\"prediction\">hit below 3</td><td data-l=\"measured\" class=\"nu\">7</td><td data-l=\"95 % "
        "interval\" "
        "class=\"nu\">6 to 8</td><td data-l=\"cases\" class=\"nu\">1,234</td><td data-l=\"finding\">refuted</td><td "
        "data-l=\"verdict\" "
        "class=\"b\" rowspan=\"1\"><span aria-hidden=\"true\">✓</span> refuted</td><td data-l=\"known\" "
        "rowspan=\"1\">refuted</td>"));
    /* nothing measured is a dash, nothing known is said and has no tick */
    ck_assert_ptr_nonnull(
        strstr(html, "<td data-l=\"measured\" class=\"nu\">–</td><td data-l=\"95 % interval\" class=\"nu\">–</td>"));
    ck_assert_ptr_nonnull(strstr(html, "rowspan=\"1\">mixed</td><td data-l=\"known\" rowspan=\"1\">nothing</td>"));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(another_verdict_than_the_known_one_is_unexpected_and_comes_first)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, GOOD "," OFF, "", &junit);
    const char *a = strstr(html, "<tbody id=\"h2\" class=\"off\">"), *b = strstr(html, "<tbody id=\"h1\">");
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert(a < b);
    ck_assert_ptr_nonnull(strstr(
        html, "<a class=\"acc\" href=\"#unexpected\">1\xc2\xa0verdict on a hypothesis is not the known one</a>."));
    ck_assert_ptr_nonnull(
        strstr(html, "0 of\xc2\xa0"
                     "3\xc2\xa0judged results; 1\xc2\xa0verdict on a hypothesis is not the known one.</p>"));
    ck_assert_ptr_nonnull(strstr(html, "<h3><a href=\"#h2\">title of a</a></h3>"));
    ck_assert_ptr_nonnull(strstr(
        html, "<span>expected</span>supported, the known verdict</p><p class=\"eo\"><span>observed</span>mixed</p>"));
    ck_assert_ptr_null(strstr(html, "Nothing: "));
    /* both rows of it are there, and only the first names it */
    ck_assert_ptr_nonnull(strstr(html, "<th scope=\"rowgroup\" rowspan=\"2\">"));
    ck_assert_ptr_nonnull(strstr(html, "<tr><td data-l=\"prediction\">x equals 1</td>"));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(repeat_runs_its_scenario_and_no_other)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, OFF, "", &junit);
    ck_assert_ptr_nonnull(strstr(html, "<code>icetank run scenarios/pub/a.lua --seed 7 --pcap none</code>"));
    free(html);
    free(junit);
    /* cases that do not say how they are repeated */
    html = report(&f, "{\"case\":\"pub/a/n=1\",\"verdict\":\"pass\"}\n", OFF, "", &junit);
    ck_assert_ptr_null(strstr(html, "--pcap none"));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(faults_of_the_whole_run_are_unexpected)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, "", "\"allow \\\"x\\\" is stale\",\"axis y\"", &junit);
    ck_assert_ptr_nonnull(strstr(html, "2\xc2\xa0"
                                       "faults of the whole run</a>."));
    ck_assert_ptr_nonnull(strstr(html, "<h3>allow &quot;x&quot; is stale</h3>"));
    ck_assert_ptr_null(strstr(html, "Nothing: "));
    ck_assert_ptr_null(strstr(html, "id=\"hypotheses\""));
    ck_assert_ptr_nonnull(strstr(junit, "tests=\"5\" failures=\"2\" errors=\"0\" skipped=\"0\""));
    ck_assert_ptr_nonnull(
        strstr(junit, "<testcase classname=\"run\" name=\"axis y\">\n      <failure message=\"axis y\"></failure>"));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(junit_has_a_test_case_a_hypothesis)
{
    folder f;
    char *junit;
    folder_open(&f);
    free(report(&f, CASES, GOOD "," OFF "," FRESH, "", &junit));
    ck_assert_ptr_nonnull(strstr(junit, "tests=\"6\" failures=\"1\" errors=\"0\" skipped=\"0\""));
    ck_assert_ptr_nonnull(strstr(junit, "<testcase classname=\"hypothesis\" name=\"pub/b\"/>"));
    ck_assert_ptr_nonnull(strstr(junit, "<testcase classname=\"hypothesis\" name=\"pub/c\"/>"));
    ck_assert_ptr_nonnull(
        strstr(junit, "<testcase classname=\"hypothesis\" name=\"pub/a\">\n      <failure message=\"mixed, known: "
                      "supported\">hit at least 50%: 49.10%: "
                      "46.00% to 52.20%: mixed; x equals 1: 1: 1 to 1: supported</failure>\n    </testcase>"));
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(cases_without_a_call_are_no_models_and_no_connections)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, GOOD, "", &junit);
    ck_assert_ptr_nonnull(strstr(html, "<h1>Claims, and what was measured</h1>"));
    ck_assert_ptr_null(strstr(html, "#models"));
    ck_assert_ptr_null(strstr(html, "id=\"models\""));
    ck_assert_ptr_null(strstr(html, "id=\"nat\""));
    free(html);
    free(junit);
    html = report(&f, CASES "{\"case\":\"s/model=A\",\"model\":\"A\",\"verdict\":\"unsupported\"}\n", "", "", &junit);
    ck_assert_ptr_nonnull(strstr(html, "None of the models is built."));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(version_of_the_run_is_in_head_foot_and_provenance)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, "", "", &junit);
    ck_assert_ptr_nonnull(strstr(html, "<span>version 9.8.7</span>"));
    ck_assert_ptr_nonnull(strstr(html, "<dt>icetank</dt><dd>9.8.7</dd>"));
    ck_assert_ptr_nonnull(strstr(html, "<footer><p>icetank 9.8.7, seed 7."));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

/* What a results file may hold in place of hypotheses. */
#define EVIL "\"<script>\""
#define EVIL_PREDICTION "{\"text\":" EVIL ",\"value\":" EVIL ",\"interval\":" EVIL ",\"verdict\":" EVIL "}"
#define EVIL_HYPOTHESIS                                                                                                \
    "{\"hypothesis\":" EVIL ",\"title\":" EVIL ",\"claim\":" EVIL ",\"known\":" EVIL ",\"verdict\":" EVIL              \
    ",\"ok\":false,\"predictions\":[" EVIL_PREDICTION "]}"
static const char *const HOSTILE[] = {
    "1,\"x\",null,[]",
    "{\"hypothesis\":7,\"predictions\":{\"a\":1},\"ok\":false}",
    "{\"hypothesis\":\"\",\"predictions\":[1,[],{\"n\":-9223372036854775807}],\"ok\":true}",
    EVIL_HYPOTHESIS,
};

START_TEST(odd_hypotheses_do_no_harm)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, HOSTILE[_i], "", &junit);
    ck_assert_uint_eq(count_of(html, "<script>"), 1); /* ours */
    ck_assert_uint_eq(count_of(junit, "<script>"), 0);
    ck_assert_uint_eq(count_of(html, "<tbody"), count_of(html, "</tbody>"));
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

START_TEST(no_memory_is_an_error_each_time)
{
    folder f;
    char *junit;
    folder_open(&f);
    char *html = report(&f, CASES, OFF "," GOOD, "\"x\"", &junit);
    int rc = IT_ERR_NOMEM;
    for (uint64_t n = 0; rc < 0; n++) {
        it_alloc_init_countdown(&f.alloc, n);
        rc = folder_report(&f);
        ck_assert(rc == 0 || rc == IT_ERR_NOMEM);
        ck_assert_int_eq(f.alloc.live, 0);
    }
    char *again = folder_get(&f, "index.html"), *xml = folder_get(&f, "junit.xml");
    ck_assert_str_eq(html, again);
    ck_assert_str_eq(junit, xml);
    free(again);
    free(xml);
    free(html);
    free(junit);
    folder_close(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("reports/hypotheses");
    TCase *o = tcase_create("overview");
    tcase_add_loop_test(o, section_begins_with_what_came_of_them, 0, sizeof CLAIMS / sizeof *CLAIMS);
    tcase_add_test(o, a_row_tells_prediction_value_interval_cases_and_verdict);
    tcase_add_test(o, another_verdict_than_the_known_one_is_unexpected_and_comes_first);
    tcase_add_test(o, repeat_runs_its_scenario_and_no_other);
    tcase_add_test(o, faults_of_the_whole_run_are_unexpected);
    tcase_add_test(o, cases_without_a_call_are_no_models_and_no_connections);
    tcase_add_test(o, version_of_the_run_is_in_head_foot_and_provenance);
    tcase_set_timeout(o, 60);
    suite_add_tcase(s, o);
    TCase *j = tcase_create("JUnit");
    tcase_add_test(j, junit_has_a_test_case_a_hypothesis);
    suite_add_tcase(s, j);
    TCase *h = tcase_create("hostile results");
    tcase_add_loop_test(h, odd_hypotheses_do_no_harm, 0, sizeof HOSTILE / sizeof *HOSTILE);
    tcase_add_test(h, no_memory_is_an_error_each_time);
    tcase_set_timeout(h, 60);
    suite_add_tcase(s, h);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
