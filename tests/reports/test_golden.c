/* What the reports of one run say, to the letter: tests/reports/golden/pages, made from tests/reports/golden/run.
 *
 * A page is held without its style and script, a tag a line. `make golden` writes the files anew: read the difference
 * before it is committed. The run has NAT classes against each other, models that are not built, a wire that is cut, a
 * path that comes back, an interface that goes, a hypothesis that is not as known; three of its cases have a trace. */
#include "tests/golden.h"
#include "tests/reports/folder.h"

#define RUN "tests/reports/golden/run/"
#define PAGES "tests/reports/golden/pages/"

static const char *const CASES[] = {"classes", "hole", "move"};

static void copy_run(folder *f)
{
    folder_open(f);
    char *text = golden_read(RUN "results.jsonl");
    folder_put(f, "results.jsonl", text);
    free(text);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char name[64], from[128];
        snprintf(name, sizeof name, "cases/%s.trace.jsonl", CASES[i]);
        snprintf(from, sizeof from, RUN "%s", name);
        text = golden_read(from);
        folder_put(f, name, text);
        free(text);
    }
}

/* Where what begins with |open| at |p| and ends with |close| is over; |p| itself when nothing begins there. */
static const char *behind(const char *p, const char *open, const char *close)
{
    if (strncmp(p, open, strlen(open)) != 0)
        return p;
    const char *end = strstr(p, close);
    ck_assert_ptr_nonnull(end);
    return end + strlen(close);
}

/* The page |html| without style and script, every tag on a line of its own; freed by the caller. */
static char *plain(const char *html)
{
    char *out = calloc(2, strlen(html) + 1), *o = out;
    for (const char *p = html; *p;) {
        const char *q = behind(behind(p, "<style>", "</style>"), "<script>", "</script>");
        if (q != p) {
            p = q;
            continue;
        }
        if (*p == '<' && o > out && o[-1] != '\n')
            *o++ = '\n';
        *o++ = *p++;
    }
    return out;
}

static void ck_assert_golden_page(const folder *f, const char *page, const char *golden)
{
    char *html = folder_get(f, page);
    ck_assert_ptr_nonnull(html);
    char *text = plain(html);
    ck_assert_golden(golden, text);
    free(text);
    free(html);
}

START_TEST(the_overview_says_what_it_said)
{
    folder f;
    copy_run(&f);
    ck_assert_int_eq(folder_report(&f), 0);
    ck_assert_golden_page(&f, "index.html", PAGES "index.html.txt");
    char *xml = folder_get(&f, "junit.xml");
    ck_assert_ptr_nonnull(xml);
    ck_assert_golden(PAGES "junit.xml", xml);
    free(xml);
    folder_close(&f);
}
END_TEST

START_TEST(the_page_of_a_case_says_what_it_said)
{
    folder f;
    char page[64], golden[128];
    copy_run(&f);
    ck_assert_int_eq(folder_report(&f), 0);
    snprintf(page, sizeof page, "cases/%s.html", CASES[_i]);
    snprintf(golden, sizeof golden, PAGES "%s.html.txt", CASES[_i]);
    ck_assert_golden_page(&f, page, golden);
    folder_close(&f);
}
END_TEST

START_TEST(the_summary_at_a_terminal_says_what_it_said)
{
    folder f;
    it_report_count n;
    char *text = NULL;
    size_t size = 0;
    copy_run(&f);
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(it_report_print(&f.alloc, &(it_summary_cfg){f.dir, "icetank", out, true, _i == 1}, &n, f.err), 0);
    fclose(out);
    /* the folder's own name is another each time */
    for (char *p = strstr(text, f.dir); p; p = strstr(p, f.dir))
        memmove(p, p + strlen(f.dir), strlen(p + strlen(f.dir)) + 1);
    ck_assert_golden(_i ? PAGES "summary-color.txt" : PAGES "summary.txt", text);
    free(text);
    folder_close(&f);
}
END_TEST

/* Every case of the run as `icetank show` prints it, one after the other. */
START_TEST(a_case_at_a_terminal_says_what_it_said)
{
    char *results = golden_read(RUN "results.jsonl"), *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (char *l = strtok(results, "\n"); l; l = strtok(NULL, "\n")) {
        json_t *c = json_loads(l, JSON_ALLOW_NUL, NULL);
        ck_assert_ptr_nonnull(c);
        if (json_object_get(c, "case"))
            it_report_case(c, "out", "icetank", out, false);
        json_decref(c);
    }
    fclose(out);
    ck_assert_golden(PAGES "cases.txt", text);
    free(text);
    free(results);
}
END_TEST

START_TEST(the_ladder_at_a_terminal_says_what_it_said)
{
    it_alloc alloc;
    char err[512], from[128], golden[128], *text = NULL;
    size_t size = 0;
    it_alloc_init(&alloc);
    snprintf(from, sizeof from, RUN "cases/%s.trace.jsonl", CASES[_i]);
    snprintf(golden, sizeof golden, PAGES "%s.ladder.txt", CASES[_i]);
    FILE *out = open_memstream(&text, &size);
    ck_assert_msg(it_ladder_text(&alloc, from, out, err) == 0, "%s", err);
    fclose(out);
    ck_assert_golden(golden, text);
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/golden");
    TCase *c = tcase_create("golden");
    int n = (int)(sizeof CASES / sizeof *CASES);
    tcase_add_test(c, the_overview_says_what_it_said);
    tcase_add_loop_test(c, the_page_of_a_case_says_what_it_said, 0, n);
    tcase_add_loop_test(c, the_summary_at_a_terminal_says_what_it_said, 0, 2);
    tcase_add_test(c, a_case_at_a_terminal_says_what_it_said);
    tcase_add_loop_test(c, the_ladder_at_a_terminal_says_what_it_said, 0, n);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
