/* The overview and the pages: what they say, what they leave out, what hostile results cannot do. */
#include "tests/reports/folder.h"

#include <malloc.h>

static char PASS[] =
    "{\"case\":\"s/far=%s/model=B/"
    "near=%s\",\"title\":\"t\",\"model\":\"B\",\"cell\":{\"far\":\"%s\",\"model\":\"B\",\"near\":\"%s\"},"
    "\"checks\":[],\"events\":[],\"faults\":[],\"metrics\":{\"t_conn\":682502224},\"outcome\":\"open\",\"path\":"
    "\"direct_udp\","
    "\"oracle\":{\"outcome\":\"open\",\"why\":\"they meet\"},\"verdict\":\"pass\"}";

static void good_case(lines *l, const char *near, const char *far)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    line(l, PASS, far, near, far, near);
#pragma GCC diagnostic pop
}

/* A case that failed, with a trace unless |trace| is NULL. */
static void bad_case(lines *l, int number, const char *expected, const char *trace)
{
    line(
        l,
        "{\"case\":\"s/n=%d/model=B\",\"title\":\"it "
        "fails\",\"model\":\"B\",\"cell\":{\"model\":\"B\",\"n\":\"%d\"},\"checks\":[{\"name\":\"expect\",\"ok\":false,"
        "\"expected\":\"%s\",\"observed\":\"nothing\",\"where\":\"s.lua:7\"}],\"events\":[],\"faults\":[],\"outcome\":"
        "\"open\",\"path\":\"direct_udp\","
        "\"verdict\":\"fail\",\"repeat\":\"icetank run x\"%s%s%s}",
        number, number, expected, trace ? ",\"trace\":\"" : "", trace ? trace : "", trace ? "\"" : "");
}

static const char *const CLASSES[] = {"eim-eif",  "adm-eif",  "apdm-eif", "eim-adf",  "adm-adf",
                                      "apdm-adf", "eim-apdf", "adm-apdf", "apdm-apdf"};

START_TEST(empty_run_says_that_nothing_was_run)
{
    folder f;
    folder_open(&f);
    char *html = overview(&f, "");
    ck_assert_ptr_nonnull(strstr(html, "<h1>Nothing was run</h1>"));
    ck_assert_ptr_nonnull(strstr(html, "No case was judged."));
    ck_assert_ptr_null(strstr(html, "id=\"nat\""));
    ck_assert_ptr_null(strstr(html, "id=\"death\""));
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(all_as_predicted_is_said_in_words)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    good_case(&l, "a", "b");
    good_case(&l, "a", "c");
    char *html = overview(&f, l.p);
    ck_assert_ptr_nonnull(strstr(html, "All 2\xc2\xa0results are as predicted."));
    ck_assert_ptr_nonnull(
        strstr(html, "B connects in all 2\xc2\xa0worlds that have a path, half of them within 683\xc2\xa0ms."));
    ck_assert_ptr_nonnull(strstr(html, "Nothing: 2\xc2\xa0judged results are as"));
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(class_matrix_counts_pairs_both_ways)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    for (int a = 0; a < 9; a++)
        for (int b = 0; b < 9; b++)
            good_case(&l, CLASSES[a], CLASSES[b]);
    char *html = overview(&f, l.p);
    ck_assert_ptr_nonnull(strstr(html, "45 of the 45 pairs of NAT classes must connect directly"));
    ck_assert_ptr_nonnull(strstr(html, "</b> 81 of 81 open"));
    ck_assert_uint_eq(count_of(html, "<td class=\"d\"><span title=\"they meet; icetank show 's/far="), 81);
    ck_assert_ptr_nonnull(strstr(html, "data-t=\"683,683,"));
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

/* A population of |n| homes: every third one does not connect. */
static char *population(folder *f, int n)
{
    lines l = {0};
    for (int i = 0; i < n; i++)
        line(&l,
             "{\"case\":\"s/model=B/"
             "pair=%04d\",\"title\":\"homes\",\"model\":\"B\",\"cell\":{\"model\":\"B\",\"pair\":\"%04d\"},\"outcome\":"
             "\"%s\","
             "\"path\":\"direct_udp\",\"verdict\":\"pass\"}",
             i, i, i % 3 ? "open" : "death");
    char *html = overview(f, l.p);
    free(l.p);
    return html;
}

START_TEST(populations_are_counted_and_small_ones_drawn)
{
    folder f;
    folder_open(&f);
    char *html = population(&f, 60);
    ck_assert_ptr_nonnull(strstr(html, "<th scope=\"row\">0059</th>"));
    ck_assert_ptr_null(strstr(html, "cases, counted"));
    free(html);
    html = population(&f, 61);
    ck_assert_ptr_null(strstr(html, "<th scope=\"row\">0059</th>"));
    ck_assert_ptr_nonnull(strstr(html,
                                 "<b>homes</b> 61\xc2\xa0"
                                 "cases, counted</figcaption>\n<table><tr class=\"fm f0\"><th scope=\"row\">B</th>"
                                 "<td><b class=\"g d\">d</b>40</td><td><b class=\"g n\">–</b>21</td></tr>"));
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(squares_get_smaller_so_that_a_field_stays_a_field)
{
    folder f;
    folder_open(&f);
    char *html = population(&f, 400);
    ck_assert_ptr_nonnull(strstr(html, "viewBox=\"-2 -2 496 112\"")); /* 20 rows of 4.6, and the label below */
    ck_assert_ptr_null(strstr(html, "scale("));
    free(html);
    html = population(&f, 1600);
    ck_assert_ptr_nonnull(strstr(html, "viewBox=\"-2 -2 496 112\"")); /* 40 rows half as high */
    ck_assert_ptr_nonnull(strstr(html, "<g transform=\"scale(.5000)\"><path d=\"M0 2h182.8M0 6.6h"));
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(what_scenarios_write_is_escaped_everywhere)
{
    folder f;
    folder_open(&f);
    static const char *const EVIL = "<script>alert('x')</script>\\\" onload=\\\"x";
    char line_[4096];
    snprintf(line_, sizeof line_,
             "{\"case\":\"s/"
             "a=%s\",\"file\":\"%s\",\"title\":\"%s\",\"model\":\"%s\",\"cell\":{\"%s\":\"%s\",\"near\":\"%s\",\"far\":"
             "\"%s\"},\"checks\":[{\"name\":\"%s\","
             "\"ok\":false,\"expected\":\"%s\",\"observed\":\"%s\",\"where\":\"%s\"}],\"events\":[{\"end\":\"%s\","
             "\"name\":\"death\",\"t\":6,\"reason\":\"%s\"}],"
             "\"faults\":[{\"t\":5,\"what\":\"cut\",\"text\":\"%s\",\"on\":\"%s\"}],\"outcome\":\"open\",\"path\":\"%"
             "s\",\"oracle\":{\"why\":\"%s\"},"
             "\"verdict\":\"fail\",\"repeat\":\"%s\",\"metrics\":{\"%s\":5},\"trace\":\"cases/"
             "x.trace.jsonl\",\"capture\":\"cases/%s\",\"fingerprint\":\"%s\"}\n",
             EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL,
             EVIL, EVIL, EVIL, EVIL);
    char trace[2048];
    snprintf(trace, sizeof trace,
             "{\"node\":\"%s\",\"kind\":\"node\",\"what\":\"host\"}\n{\"node\":\"n\",\"kind\":\"node\",\"what\":"
             "\"router\"}\n"
             "{\"node\":\"x<b>\",\"kind\":\"node\",\"what\":\"host\"}\n{\"node\":\"x<b>\",\"kind\":\"link\",\"peer\":"
             "\"n\"}\n"
             "{\"node\":\"x<b>\",\"kind\":\"send\",\"packet\":1,\"src\":\"%s\",\"dst\":\"%s\",\"label\":\"%s\"}\n"
             "{\"node\":\"n\",\"kind\":\"drop\",\"packet\":1,\"reason\":\"r\",\"rule\":\"%s\",\"rfc\":\"%s\"}\n"
             "{\"node\":\"x<b>\",\"kind\":\"death\",\"text\":\"%s\"}\n",
             "y<i>", EVIL, EVIL, EVIL, EVIL, EVIL, EVIL);
    folder_put(&f, "cases/x.trace.jsonl", trace);
    char *html = overview(&f, line_), *page = folder_get(&f, "cases/x.html");
    ck_assert_ptr_nonnull(page);
    char *both[] = {html, page};
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(strstr(both[i], "<script>alert"));
        ck_assert_ptr_null(strstr(both[i], "\" onload"));
        ck_assert_ptr_null(strstr(both[i], "x<b>"));
        ck_assert_ptr_null(strstr(both[i], "y<i>"));
        ck_assert_ptr_nonnull(strstr(both[i], "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;x"));
        ck_assert_uint_eq(count_of(both[i], "<script>"), 1); /* ours */
    }
    free(html);
    free(page);
    folder_close(&f);
}
END_TEST

START_TEST(fifty_sorts_are_listed_and_the_rest_counted)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    for (int i = 0; i < 60; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "thing %d", i);
        bad_case(&l, i, expected, NULL);
    }
    for (int i = 60; i < 63; i++)
        bad_case(&l, i, "thing 0", NULL);
    char *html = overview(&f, l.p);
    ck_assert_uint_eq(count_of(html, "<article class=\"un"), 50);
    ck_assert_ptr_nonnull(strstr(html, "<span class=\"times\">4\xc2\xa0"
                                       "cases</span>"));
    ck_assert_ptr_nonnull(strstr(html, "10\xc2\xa0more cases of 10 other sorts"));
    ck_assert_ptr_nonnull(strstr(html, "63 of\xc2\xa0"
                                       "63\xc2\xa0judged results: 63 fail (63 by the scenario's own expectations)."));
    /* every square's link leads somewhere */
    ck_assert_ptr_nonnull(strstr(html, "id=\"u60\""));
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(two_hundred_cases_have_pages_and_the_rest_is_counted)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    for (int i = 0; i < 205; i++) {
        char trace[64];
        snprintf(trace, sizeof trace, "cases/%d.trace.jsonl", i);
        bad_case(&l, i, "x", trace);
        folder_put(&f, trace, "{\"node\":\"a\",\"kind\":\"node\",\"what\":\"host\"}\n");
    }
    char *html = overview(&f, l.p), *last = folder_get(&f, "cases/199.html"), *none = folder_get(&f, "cases/200.html");
    ck_assert_ptr_nonnull(strstr(html, "200\xc2\xa0"
                                       "cases have a page"));
    ck_assert_ptr_nonnull(strstr(html, "5\xc2\xa0more cases have a trace and no page, 200 being the limit."));
    ck_assert_ptr_nonnull(last);
    ck_assert_ptr_null(none);
    free(last);
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

/* What a results file says about traces must not lead out of its folder, nor to something that is no trace. */
static const char *const PATHS[] = {
    "/etc/passwd", "cases/../../x.trace.jsonl", "../x.trace.jsonl", "cases/.trace.jsonl", "cases/x.html", "cases/", ""};

START_TEST(odd_trace_names_get_no_page)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    bad_case(&l, 1, "x", PATHS[_i]);
    char *html = overview(&f, l.p);
    ck_assert_ptr_nonnull(strstr(html, "None: the run kept no traces."));
    ck_assert_ptr_null(strstr(html, "could not be read")); /* nobody tried */
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(missing_and_broken_traces_cost_only_their_page)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    bad_case(&l, 1, "x", "cases/gone.trace.jsonl");
    bad_case(&l, 2, "x", "cases/broken.trace.jsonl");
    folder_put(&f, "cases/broken.trace.jsonl", "{\"node\":\"a\",\"kind\":\"node\"}\nnot json\n");
    char *html = overview(&f, l.p);
    ck_assert_ptr_nonnull(strstr(html, "2\xc2\xa0traces could not be read."));
    ck_assert_ptr_null(strstr(html, "cases/gone.html"));
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

/* A line that is no line of results, and what is said about it. */
static const struct {
    const char *text, *want;
} BROKEN[] = {
    {PLAN "[1]\n", "results.jsonl:2: not a line of results"},
    {PLAN "{\"case\":5,\"verdict\":\"pass\"}\n", "results.jsonl:2: not a line of results"},
    {"nonsense\n", "results.jsonl:1: not a line of results"},
    {"{\"case\":\"a\xff\",\"verdict\":\"pass\"}\n", "results.jsonl:1: not a line of results"},
};

START_TEST(broken_results_are_one_clear_line)
{
    folder f;
    folder_open(&f);
    folder_put(&f, "results.jsonl", BROKEN[_i].text);
    ck_assert_int_lt(folder_report(&f), 0);
    ck_assert_msg(strstr(f.err, BROKEN[_i].want) != NULL, "%s", f.err);
    ck_assert_ptr_null(strchr(f.err, '\n'));
    folder_close(&f);
}
END_TEST

START_TEST(missing_results_are_one_clear_line)
{
    folder f;
    folder_open(&f);
    ck_assert_int_eq(folder_report(&f), IT_ERR_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(f.err, "results.jsonl: No such file"));
    folder_close(&f);
}
END_TEST

START_TEST(old_results_without_new_members_are_readable)
{
    folder f;
    folder_open(&f);
    char *html = overview(&f, "{\"case\":\"s\",\"verdict\":\"pass\"}\n{\"case\":\"s2/"
                              "a=1\",\"verdict\":\"somethingnew\",\"events\":7,\"metrics\":[],\"checks\":{}}\n");
    ck_assert_ptr_nonnull(strstr(html, "All 2\xc2\xa0results are as predicted."));
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(times_beyond_reason_do_no_harm)
{
    folder f;
    folder_open(&f);
    char *html =
        overview(&f, "{\"case\":\"s/"
                     "model=B\",\"model\":\"B\",\"verdict\":\"pass\",\"outcome\":\"open\",\"t_end\":"
                     "9223372036854775807,\"metrics\":{\"t_conn\":"
                     "9223372036854775807,\"t_death\":-9223372036854775808,\"freeze_silent\":9223372036854775807},"
                     "\"faults\":[{\"t\":-5,\"what\":\"reboot\","
                     "\"lasts\":9223372036854775807},{\"t\":9223372036854775807,\"what\":\"up\"}],\"events\":[{\"end\":"
                     "\"a\",\"name\":\"open\",\"t\":"
                     "-9223372036854775808},{\"end\":\"a\",\"name\":\"stalled\",\"t\":9223372036854775807}]}\n");
    ck_assert_ptr_nonnull(strstr(html, "id=\"recovery\""));
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(same_results_give_the_same_bytes)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    bad_case(&l, 1, "x", "cases/a.trace.jsonl");
    good_case(&l, "a", "b");
    folder_put(&f, "cases/a.trace.jsonl", "{\"node\":\"a\",\"kind\":\"node\",\"what\":\"host\"}\n");
    char *one = overview(&f, l.p), *page = folder_get(&f, "cases/a.html");
    char *two = overview(&f, l.p), *again = folder_get(&f, "cases/a.html");
    ck_assert_str_eq(one, two);
    ck_assert_str_eq(page, again);
    free(one);
    free(two);
    free(page);
    free(again);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(two_thousand_cases_fit_into_300_kilobytes)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    for (int part = 0; part < 10; part++)
        for (int s = 0; s < 2; s++)
            for (int k = part < 5 ? 0 : 81; k < (part < 5 ? 81 : 200); k++) {
                int m = part % 5;
                const char *near = CLASSES[k / 9 % 9], *far = CLASSES[k % 9];
                bool classes = k < 81;
                line(&l,
                     "{\"case\":\"%s/far=%s%d/model=%c/near=%s/"
                     "session=%s\",\"title\":\"worlds\",\"model\":\"%c\",\"cell\":{\"far\":\"%s%s%.0d\",\"model\":\"%"
                     "c\",\"near\":"
                     "\"%s\",\"session\":\"%s\"},\"outcome\":\"open\",\"path\":\"direct_udp\",\"metrics\":{\"t_conn\":"
                     "1000000},\"oracle\":{\"outcome\":\"open\","
                     "\"why\":\"w\"},\"verdict\":\"pass\"}",
                     classes ? "a" : "b", far, k, 'A' + m, near, s ? "yes" : "no", 'A' + m, far, classes ? "" : "-x",
                     classes ? 0 : k / 40, 'A' + m, near, s ? "yes" : "no");
            }
    char *html = overview(&f, l.p);
    ck_assert_uint_eq(count_of(l.p, "\n"), 2000);
    ck_assert_uint_lt(strlen(html), 300000);
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

START_TEST(no_memory_is_an_error_each_time)
{
    folder f;
    lines l = {0};
    folder_open(&f);
    bad_case(&l, 1, "x", "cases/a.trace.jsonl");
    good_case(&l, "a", "b");
    line(&l, "{\"case\":\"d/"
             "model=B\",\"model\":\"B\",\"verdict\":\"pass\",\"faults\":[{\"t\":5,\"what\":\"cut\"}],\"metrics\":{\"t_"
             "death\":7},\"events\":"
             "[{\"end\":\"a\",\"name\":\"open\",\"t\":1},{\"end\":\"a\",\"name\":\"death\",\"t\":12}]}");
    folder_put(&f, "cases/a.trace.jsonl",
               "{\"node\":\"a\",\"kind\":\"node\",\"what\":\"host\"}\n{\"node\":\"a\",\"kind\":\"send\",\"packet\":1,"
               "\"label\":\"x\"}\n"
               "{\"node\":\"b\",\"kind\":\"drop\",\"packet\":1,\"reason\":\"r\",\"rule\":\"no mapping\"}\n");
    char *html = overview(&f, l.p), *page = folder_get(&f, "cases/a.html");
    ck_assert_ptr_nonnull(strstr(html, "b: no mapping (1 packet)"));
    int rc = IT_ERR_NOMEM, tries = 0;
    for (uint64_t n = 0; rc < 0; n++, tries++) {
        it_alloc_init_countdown(&f.alloc, n);
        rc = folder_report(&f);
        ck_assert(rc == 0 || rc == IT_ERR_NOMEM);
        ck_assert_int_eq(f.alloc.live, 0);
    }
    ck_assert_int_gt(tries, 10);
    char *again = folder_get(&f, "index.html"), *same = folder_get(&f, "cases/a.html");
    ck_assert_str_eq(html, again);
    ck_assert_str_eq(page, same);
    free(again);
    free(page);
    free(same);
    free(html);
    free(l.p);
    folder_close(&f);
}
END_TEST

/* What jansson holds, and held at most. */
static size_t json_held, json_most;

static void *json_take(size_t n)
{
    void *p = malloc(n);
    json_held += p ? malloc_usable_size(p) : 0;
    json_most = json_held > json_most ? json_held : json_most;
    return p;
}

static void json_give(void *p)
{
    json_held -= p ? malloc_usable_size(p) : 0;
    free(p);
}

#define MANY 20000

/* A result of the size that they have: its call was interrupted and came back. */
static void put_long_case(FILE *out, int i)
{
    fprintf(out,
            "{\"case\":\"many/model=B/n=%05d\",\"file\":\"many.lua\",\"title\":\"one of "
            "many\",\"model\":\"B\",\"cell\":{\"model\":\"B\",\"n\":\"%05d\"},\"ends\":[\"a\",\"b\"],\"checks\":[",
            i, i);
    for (int k = 0; k < 8; k++)
        fprintf(out,
                "%s{\"expected\":\"no unannounced silence beyond 2.5s\",\"name\":\"silent-freeze\",\"observed\":"
                "\"near/b%d: %d ns\",\"ok\":true,\"t\":39643480094,\"where\":\"many.lua:8\"}",
                k ? "," : "", k, i);
    fputs("],\"events\":[", out);
    for (int k = 0; k < 8; k++)
        fprintf(out,
                "%s{\"end\":\"%c\",\"fault\":0,\"name\":\"%s\",\"serial\":%d,\"t\":%d,\"why\":\"nothing came for 2 s, "
                "%d\"}",
                k ? "," : "", k % 2 ? 'b' : 'a', k % 4 < 2 ? "stalled" : "resumed", k, 2000000000 + k * 1000 + i, i);
    fprintf(out,
            "],\"faults\":[{\"t\":1000000000,\"what\":\"cut\",\"on\":\"l\",\"text\":\"cut "
            "l\",\"counts\":[\"a\",\"b\"]}],\"outages\":[],\"metrics\":{\"t_conn\":68%05d,\"t_recover\":100%05d},"
            "\"outcome\":\"open\",\"path\":\"direct_udp\",\"t_end\":9000000000,\"verdict\":\"pass\",\"repeat\":"
            "\"icetank run many.lua --only 'many/model=B/n=%05d'\"}\n",
            i, i, i);
}

START_TEST(twenty_thousand_cases_take_less_than_two_kilobytes_each)
{
    folder f;
    char path[128], err[512];
    it_report_count n;
    folder_open(&f);
    snprintf(path, sizeof path, "%s/results.jsonl", f.dir);
    FILE *out = fopen(path, "wb");
    fputs(PLAN, out);
    for (int i = 0; i < MANY; i++)
        put_long_case(out, i);
    fputs(END, out);
    fclose(out);
    json_set_alloc_funcs(json_take, json_give);
    ck_assert_int_eq(folder_report(&f), 0);
    ck_assert_uint_eq(json_held, 0);
    ck_assert_uint_lt(json_most, (size_t)MANY * 2000); /* the lines as objects: 14 kB each */
    json_most = 0;
    FILE *nowhere = fopen("/dev/null", "wb");
    ck_assert_int_eq(it_report_print(&f.alloc, &(it_summary_cfg){f.dir, "icetank", nowhere, true, false}, &n, err), 0);
    fclose(nowhere);
    json_set_alloc_funcs(malloc, free);
    ck_assert_int_eq(n.pass, MANY);
    ck_assert_uint_lt(json_most, 100000); /* a line at a time */
    char *html = folder_get(&f, "index.html");
    ck_assert_ptr_nonnull(strstr(html, "Of 20000 calls with faults that pass or leave another way 20000 survive;"));
    ck_assert_uint_lt(strlen(html), 300000);
    ck_assert_uint_eq(count_of(html, "<figure><figcaption><b>one of many"), 60);
    free(html);
    folder_close(&f);
}
END_TEST

START_TEST(no_cell_leads_to_the_page_of_a_trace_that_cannot_be_read)
{
    folder f;
    folder_open(&f);
    char *html =
        overview(&f, "{\"case\":\"s/far=x/model=B\",\"title\":\"t\",\"model\":\"B\",\"cell\":{\"far\":\"x\",\"model\":"
                     "\"B\"},\"events\":[],\"faults\":[],\"outcome\":\"open\",\"path\":\"direct_udp\",\"verdict\":"
                     "\"pass\",\"keep\":\"first\",\"trace\":\"cases/gone.trace.jsonl\"}\n"
                     "{\"case\":\"s/far=y/model=B\",\"title\":\"t\",\"model\":\"B\",\"cell\":{\"far\":\"y\",\"model\":"
                     "\"B\"},\"events\":[],\"faults\":[],\"outcome\":\"open\",\"path\":\"direct_udp\",\"verdict\":"
                     "\"pass\"}\n");
    ck_assert_ptr_nonnull(strstr(html, "1\xc2\xa0trace could not be read."));
    ck_assert_uint_eq(count_of(html, "<span title=\"icetank show 's/far="), 2);
    ck_assert_ptr_null(strstr(html, "\" title=\"icetank show")); /* an end of a link */
    free(html);
    folder_close(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("reports/report");
    TCase *o = tcase_create("overview");
    tcase_add_test(o, empty_run_says_that_nothing_was_run);
    tcase_add_test(o, all_as_predicted_is_said_in_words);
    tcase_add_test(o, class_matrix_counts_pairs_both_ways);
    tcase_add_test(o, same_results_give_the_same_bytes);
    tcase_set_timeout(o, 60);
    suite_add_tcase(s, o);
    TCase *m = tcase_create("limits");
    tcase_add_test(m, fifty_sorts_are_listed_and_the_rest_counted);
    tcase_add_test(m, two_hundred_cases_have_pages_and_the_rest_is_counted);
    tcase_add_test(m, populations_are_counted_and_small_ones_drawn);
    tcase_add_test(m, squares_get_smaller_so_that_a_field_stays_a_field);
    tcase_add_test(m, two_thousand_cases_fit_into_300_kilobytes);
    tcase_add_test(m, twenty_thousand_cases_take_less_than_two_kilobytes_each);
    tcase_set_timeout(m, 120);
    suite_add_tcase(s, m);
    TCase *h = tcase_create("hostile results");
    tcase_add_test(h, what_scenarios_write_is_escaped_everywhere);
    tcase_add_loop_test(h, odd_trace_names_get_no_page, 0, sizeof PATHS / sizeof *PATHS);
    tcase_add_test(h, missing_and_broken_traces_cost_only_their_page);
    tcase_add_test(h, no_cell_leads_to_the_page_of_a_trace_that_cannot_be_read);
    tcase_add_loop_test(h, broken_results_are_one_clear_line, 0, sizeof BROKEN / sizeof *BROKEN);
    tcase_add_test(h, missing_results_are_one_clear_line);
    tcase_add_test(h, old_results_without_new_members_are_readable);
    tcase_add_test(h, times_beyond_reason_do_no_harm);
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
