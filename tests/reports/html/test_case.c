/* The page of a case: the verdict and why, what was judged, the line that failed, drops, files. */
#include "tests/reports/case.h"

START_TEST(the_page_begins_with_the_verdict_and_what_came_of_the_call)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    page_says(html, "<header", "</header>",
              "✓ pass two interfaces s/x/model=B Opens by direct UDP after 1.10 s, as predicted: they meet.");
    page_says(
        html, "class=\"lead\"", "</p>",
        "At 30.0 s near.cell cut: near death(link_down_no_alternative) +0 ms, far death(consent_expired) +28.0 s. "
        "There are 3 faults; each end is counted from the one that decided for it.");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(each_end_is_counted_from_the_fault_that_decided_for_it)
{
    folder f;
    folder_open(&f);
    char *html = case_page(
        &f,
        &(parts){.faults =
                     "[{\"t\":10000000000,\"what\":\"flush\",\"text\":\"one\",\"counts\":[\"far\"]},{\"t\":20000000000,"
                     "\"what\":\"flush\",\"text\":\"two & more\",\"counts\":[\"near\"]}]",
                 .outages = "[]",
                 .events = "[{\"end\":\"near\",\"name\":\"open\",\"t\":1},{\"end\":\"far\",\"name\":\"open\",\"t\":2},"
                           "{\"end\":\"far\",\"name\":\"stalled\",\"t\":12000000000,\"fault\":0}]"});
    page_says(
        html, "class=\"lead\"", "</p>",
        "At 10.0 s one: far stalled +2.00 s. At 20.0 s two &amp; more: near noticed nothing. There are 2 faults;");
    page_says(html, "id=\"time\"", "</p>", "one at 10.0 s; two &amp; more at 20.0 s.");
    LACKS(html, "faults in all");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(the_timeline_names_the_fault_that_counts_and_how_many_there_are)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    page_says(html, "id=\"time\"", "</p>", "near.cell cut at 30.0 s. 3 faults in all.");
    free(html);
    html = case_page(&f, &(parts){.faults = "[]", .outages = "[]"});
    LACKS(html, "id=\"time\"");
    LACKS(html, "faults");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(what_was_not_judged_is_no_pass)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.faults = NULL});
    page_says(html, "id=\"checks\"", "</p>", "What was judged held, 1 was not judged.");
    HAS(html, "<tr class=\"none\"><th scope=\"row\">stranger</th><td data-l=\"expected\">the same</td><td "
              "data-l=\"observed\">not "
              "judged: loss</td><td data-l=\"verdict\" class=\"nb\">– not judged</td></tr>");
    ck_assert_uint_eq(count_of(html, "✓ pass"), 2); /* the verdict and the oracle */
    free(html);
    folder_close(&f);
}
END_TEST

/* Checks of a case and what the section says of them; h: held, b: broken, u: not judged. */
static const struct {
    const char *checks, *says;
} COUNTS[] = {
    {"", "Nothing was judged."},
    {"u", "Nothing was judged."},
    {"h", "What was judged held."},
    {"hh", "All 2 that were judged held."},
    {"hhuu", "All 2 that were judged held, 2 were not judged."},
    {"b", "1 of 1 did not hold."},
    {"hbu", "1 of 2 did not hold, 1 was not judged."},
};

START_TEST(checks_are_counted_by_what_came_of_them)
{
    folder f;
    char checks[1024] = "[";
    folder_open(&f);
    for (const char *p = COUNTS[_i].checks; *p; p++)
        sprintf(checks + strlen(checks), "%s{\"name\":\"n\",\"ok\":%s%s}", checks[1] ? "," : "",
                *p == 'b' ? "false" : "true", *p == 'u' ? ",\"judged\":false" : "");
    strcat(checks, "]");
    char *html = case_page(&f, &(parts){.checks = checks});
    char want[200];
    snprintf(want, sizeof want, "Expected and observed %s ", COUNTS[_i].says);
    page_says(html, "id=\"checks\">", "<table", want + 0);
    free(html);
    folder_close(&f);
}
END_TEST

#define BROKEN                                                                                                         \
    "[{\"name\":\"expect\",\"ok\":false,\"expected\":\"failover within 10s\",\"observed\":\"near: nothing of that by " \
    "35s; last: death at 30s\",\"where\":\"s.lua:7\",\"t\":35000000000}]"
#define SOURCE ",\"source\":{\"line\":7,\"from\":6,\"lines\":[\"six\",\"  c:expect { \\\"failover\\\" }\",\"eight\"]}"

START_TEST(a_failure_tells_what_came_instead_and_why)
{
    folder f;
    folder_open(&f);
    char *html = case_page(
        &f,
        &(parts){.verdict = "fail",
                 .checks = BROKEN,
                 .more = SOURCE,
                 .trace = MAP_WORLD
                 "{\"t_ns\":30000000000,\"node\":\"\",\"kind\":\"fault\",\"what\":\"cut\",\"text\":\"near.cell cut\"}\n"
                 "{\"t_ns\":30000000000,\"node\":\"near\",\"kind\":\"death\",\"text\":\"near: link_down\"}\n"
                 /* what is dropped after an end was over is no reason */
                 "{\"t_ns\":31000000000,\"node\":\"far\",\"kind\":\"send\",\"packet\":1,\"src\":\"a\",\"dst\":\"b\","
                 "\"label\":\"check\"}\n"
                 "{\"t_ns\":31000000001,\"node\":\"cell-gw\",\"kind\":\"drop\",\"packet\":1,\"reason\":\"r\",\"rule\":"
                 "\"no mapping\"}\n"});
    page_says(html, "class=\"lead\"", "</p>",
              "Expected failover within 10s ; observed near: nothing of that by 35s; last: death at 30s . Why: "
              "near.cell cut; "
              "then near: death, near: link_down.");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(the_overview_tells_of_a_failure_what_was_expected_observed_and_where)
{
    folder f;
    folder_open(&f);
    char *html = case_overview(&f, &(parts){.verdict = "fail", .checks = BROKEN});
    page_says(html, "<p class=\"verdict\">", "</p>", "Of 1 result 1 is not as predicted .");
    page_says(
        html, "<article", "</article>",
        "B ✕ fail two interfaces s/x/model=B expected failover within 10s observed near: nothing of that by 35s; last: "
        "death at 30s where expect; s.lua:7 repeat icetank run x ");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(the_line_that_failed_is_marked_in_the_scenario)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.verdict = "fail", .checks = BROKEN, .more = SOURCE});
    HAS(html, "<pre class=\"src\" tabindex=\"0\">    6    six\n<b>    7 &gt;    c:expect { &quot;failover&quot; "
              "}</b>\n    8    eight\n</pre>");
    HAS(html, "<th scope=\"row\">expect, line 7</th>");
    free(html);
    html = case_page(&f, &(parts){.faults = NULL});
    LACKS(html, "<pre class=\"src\"");
    free(html);
    folder_close(&f);
}
END_TEST

#define SEND(id)                                                                                                       \
    "{\"t_ns\":1,\"node\":\"far\",\"kind\":\"send\",\"packet\":" #id                                                   \
    ",\"src\":\"a\",\"dst\":\"b\",\"label\":\"check\"}\n"
#define DROP(id, node, rule, rfc)                                                                                      \
    "{\"t_ns\":2,\"node\":\"" node "\",\"kind\":\"drop\",\"packet\":" #id ",\"reason\":\"" rule "\",\"rule\":\"" rule  \
    "\",\"rfc\":\"" rfc "\"}\n"

START_TEST(drops_are_counted_by_box_and_reason)
{
    folder f;
    folder_open(&f);
    char *html =
        case_page(&f, &(parts){.trace = MAP_WORLD SEND(1) DROP(1, "far-gw", "full", "RFC 1") SEND(2)
                                   DROP(2, "far-gw", "full", "RFC 1") SEND(3) DROP(3, "cell-gw", "cut", "") SEND(4)});
    page_says(html, "id=\"capture\"", "<h3>", "4 packets sent; every drop carries its reason.");
    HAS(html, "<tr><th scope=\"row\">far-gw</th><td>full</td><td>RFC 1</td><td>2</td></tr>");
    HAS(html, "<tr><th scope=\"row\">cell-gw</th><td>cut</td><td>the scenario</td><td>1</td></tr>");
    page_says(html, "From the trace", "</ol>", "0.000 far-gw: check dropped, full, RFC 1 (2 packets)");
    free(html);
    html = case_page(&f, &(parts){.faults = NULL});
    HAS(html, "No packet was dropped.");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(a_capture_comes_with_filters_for_it)
{
    folder f;
    folder_open(&f);
    char *html = case_page(&f, &(parts){.more = ",\"capture\":\"cases/x.pcapng\""});
    page_says(html, "Display filters for Wireshark", "</dl>",
              "frame.comment contains \"DROP\" every drop, with box, rule and RFC section");
    page_says(html, "Display filters for Wireshark", "</dl>", "stun checks and consent dtls.handshake the handshake;");
    HAS(html, "<dt>capture</dt><dd><a href=\"x.pcapng\">x.pcapng</a></dd>");
    free(html);
    html = case_page(&f, &(parts){.faults = NULL});
    LACKS(html, "Display filters");
    HAS(html, "The repeat command above writes the capture.");
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(numbers_are_times_where_they_are)
{
    folder f;
    folder_open(&f);
    char *html = case_page(
        &f,
        &(parts){.more =
                     ",\"metrics\":{\"t_conn\":1500000000,\"lost\":12345,\"freeze_silent\":20000000,\"odd\":\"x\"}"});
    page_says(html, "<h3>Metrics", "</table>", "Metrics t_conn 1.50 s lost 12,345 freeze_silent 20 ms ");
    free(html);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/html/case");
    TCase *c = tcase_create("page");
    tcase_add_test(c, the_page_begins_with_the_verdict_and_what_came_of_the_call);
    tcase_add_test(c, each_end_is_counted_from_the_fault_that_decided_for_it);
    tcase_add_test(c, the_timeline_names_the_fault_that_counts_and_how_many_there_are);
    tcase_add_test(c, what_was_not_judged_is_no_pass);
    tcase_add_loop_test(c, checks_are_counted_by_what_came_of_them, 0, sizeof COUNTS / sizeof *COUNTS);
    tcase_add_test(c, a_failure_tells_what_came_instead_and_why);
    tcase_add_test(c, the_overview_tells_of_a_failure_what_was_expected_observed_and_where);
    tcase_add_test(c, the_line_that_failed_is_marked_in_the_scenario);
    tcase_add_test(c, drops_are_counted_by_box_and_reason);
    tcase_add_test(c, a_capture_comes_with_filters_for_it);
    tcase_add_test(c, numbers_are_times_where_they_are);
    suite_add_tcase(s, c);
    return case_run(s);
}
