/* reports/diff: what changed between two runs, in every form. */
#include "reports/diff/diff.h"
#include "tests/reports/folder.h"

/* Two runs under way: of the older one and of the newer one a folder and its lines. */
typedef struct two {
    folder f[2];
    lines l[2];
    it_diff d;
    char err[512];
} two;

enum { OLD, NEW };

static void two_open(two *t)
{
    memset(t, 0, sizeof *t);
    folder_open(&t->f[OLD]);
    folder_open(&t->f[NEW]);
}

/* Adds case |id| of model B to |run|: its verdict, its path (NULL: it died of |reason|), and its t_conn. */
static void two_case(two *t, int run, const char *id, const char *verdict, const char *path, const char *reason,
                     long long t_conn)
{
    line(&t->l[run],
         "{\"case\":\"%s\",\"title\":\"t\",\"model\":\"B\",\"checks\":[{\"name\":\"expect\",\"ok\":%s,\"expected\":"
         "\"open\",\"observed\":\"at %lldns\"}],\"ends\":[\"near\",\"far\"],\"events\":[{\"end\":\"far\",\"t\":%lld,"
         "\"name\":\"%s\",\"reason\":\"%s\"}],\"outcome\":\"%s\",\"path\":\"%s\",\"verdict\":\"%s\",\"metrics\":{"
         "\"t_conn\":%lld,\"connected\":1},\"fingerprint\":\"%016llx\"}",
         id, strcmp(verdict, "fail") == 0 ? "false" : "true", t_conn, t_conn, path ? "open" : "death", reason,
         path ? "open" : "death", path ? path : "", verdict, t_conn, (unsigned long long)t_conn);
}

/* Writes both runs, between a plan and the end lines |old| and |now|, and compares them. */
static int two_read(two *t, int bound, const char *old, const char *now)
{
    for (int k = 0; k < 2; k++) {
        const char *all = t->l[k].p ? t->l[k].p : "", *end = k ? now : old;
        char *text = malloc(strlen(all) + strlen(end) + 200);
        sprintf(text, PLAN "%s%s", all, end);
        folder_put(&t->f[k], "results.jsonl", text);
        free(text);
    }
    return it_diff_read(&t->d, &t->f[OLD].alloc, t->f[OLD].dir, t->f[NEW].dir, bound, t->err);
}

static void two_close(two *t)
{
    it_diff_fini(&t->d);
    for (int k = 0; k < 2; k++) {
        free(t->l[k].p);
        folder_close(&t->f[k]);
    }
}

/* The comparison in one form, freed by the caller. */
static char *two_form(two *t, void (*put)(const it_diff *d, it_str *out))
{
    it_str out;
    it_str_init(&out, t->d.alloc);
    put(&t->d, &out);
    ck_assert(!out.oom);
    char *text = strdup(it_str_c(&out));
    it_str_fini(&out);
    return text;
}

static void put_text(const it_diff *d, it_str *out)
{
    it_diff_text(d, "icetank", out);
}

#define MS(n) ((n)*1000000LL)
#define COUNT(t, kind) ck_assert_uint_eq((t).d.count[kind], 1)

START_TEST(equal_runs_are_one_line_in_text_and_in_markdown)
{
    two t;
    two_open(&t);
    for (int k = 0; k < 2; k++)
        two_case(&t, k, "s/n=1", "pass", "direct_udp", "", MS(700));
    ck_assert_int_eq(two_read(&t, 0, END, END), 0);
    ck_assert(!it_diff_changed(&t.d));
    char *text = two_form(&t, put_text), *md = two_form(&t, it_diff_markdown);
    ck_assert_str_eq(text, "no difference\n");
    ck_assert_str_eq(md, "**icetank diff:** no difference\n");
    free(text);
    free(md);
    two_close(&t);
}
END_TEST

static const struct {
    const char *verdict[2], *path[2], *reason[2];
    enum it_diff_kind kind;
} CHANGES[] = {
    {{"pass", "fail"}, {"direct_udp", "direct_udp"}, {"", ""}, IT_DIFF_WORSE},
    {{"unsupported", "error"}, {NULL, NULL}, {"", ""}, IT_DIFF_WORSE},
    {{"fail", "error"}, {NULL, NULL}, {"", ""}, IT_DIFF_OTHER},
    {{"fail", "fail"}, {NULL, NULL}, {"a", "b"}, IT_DIFF_OTHER},
    {{"fail", "unsupported"}, {NULL, NULL}, {"", ""}, IT_DIFF_UNJUDGED},
    {{"pass", "pass"}, {"direct_udp", "relay_udp"}, {"", ""}, IT_DIFF_PATH},
    {{"pass", "pass"}, {"direct_udp", NULL}, {"", "connect_failed"}, IT_DIFF_PATH},
    {{"pass", "pass"}, {NULL, NULL}, {"connect_failed", "rejected"}, IT_DIFF_REASON},
    {{"fail", "pass"}, {"direct_udp", "direct_udp"}, {"", ""}, IT_DIFF_BETTER},
    {{"unsupported", "pass"}, {NULL, "direct_udp"}, {"", ""}, IT_DIFF_BETTER},
};

START_TEST(a_case_that_changed_is_told_by_the_worst_of_it)
{
    two t;
    two_open(&t);
    for (int k = 0; k < 2; k++)
        two_case(&t, k, "s/n=1", CHANGES[_i].verdict[k], CHANGES[_i].path[k], CHANGES[_i].reason[k], MS(700));
    ck_assert_int_eq(two_read(&t, 5, END, END), 0);
    ck_assert_uint_eq(t.d.n_changes, 1);
    ck_assert_int_eq(t.d.changes[0].kind, CHANGES[_i].kind);
    two_close(&t);
}
END_TEST

START_TEST(cases_gone_and_new_are_told_wherever_they_stand)
{
    two t;
    two_open(&t);
    two_case(&t, OLD, "s/n=0", "pass", "direct_udp", "", MS(700));
    two_case(&t, OLD, "s/n=1", "pass", "direct_udp", "", MS(700));
    two_case(&t, NEW, "s/n=2", "pass", "direct_udp", "", MS(700));
    two_case(&t, NEW, "s/n=1", "pass", "direct_udp", "", MS(700));
    ck_assert_int_eq(two_read(&t, 5, END, END), 0);
    COUNT(t, IT_DIFF_GONE);
    COUNT(t, IT_DIFF_NEW);
    COUNT(t, IT_DIFF_SAME);
    ck_assert_uint_eq(t.d.n_numbers, 0);
    char *text = two_form(&t, put_text);
    ck_assert_ptr_nonnull(strstr(text, "1 case is gone, 1 is new\n"));
    ck_assert_ptr_nonnull(strstr(text, "icetank show s/n=0 --out "));
    free(text);
    two_close(&t);
}
END_TEST

START_TEST(groups_are_worst_first_and_hold_their_cases)
{
    two t;
    two_open(&t);
    for (int i = 0; i < 6; i++) {
        char id[32];
        snprintf(id, sizeof id, "s/n=%d", i);
        two_case(&t, OLD, id, "pass", "direct_udp", "", MS(700));
        two_case(&t, NEW, id, i % 3 == 2 ? "fail" : "pass", i % 3 == 0 ? "relay_udp" : "direct_udp", "", MS(700));
    }
    ck_assert_int_eq(two_read(&t, 5, END, END), 0);
    ck_assert_uint_eq(t.d.n_groups, 2);
    ck_assert_int_eq(t.d.groups[0].kind, IT_DIFF_WORSE);
    ck_assert_str_eq(t.d.changes[t.d.groups[0].first].id, "s/n=2");
    ck_assert_str_eq(t.d.changes[t.d.changes[t.d.groups[0].first].next].id, "s/n=5");
    ck_assert_uint_eq(t.d.groups[1].n, 2);
    char *text = two_form(&t, put_text);
    ck_assert_ptr_nonnull(strstr(text, "  s  model B  2 cases: pass, direct_udp -> fail, direct_udp: expect\n"
                                       "      expected  open\n      observed  at 700000000ns\n"));
    ck_assert_ptr_nonnull(strstr(text, "  s  model B  2 cases: direct_udp -> relay_udp\n"));
    free(text);
    two_close(&t);
}
END_TEST

static const struct {
    int bound;
    long long t[2];
    size_t told;
    bool changed;
} MOVES[] = {
    {5, {MS(1000), MS(1050)}, 0, false},
    {5, {MS(1000), MS(1051)}, 1, true},
    {5, {MS(1000), MS(949)}, 1, true},
    {0, {MS(1000), MS(1000) + 1}, 1, true},
    {1000, {0, 1}, 1, true},
    {1000, {MS(1), MS(10)}, 0, false},
};

START_TEST(a_number_is_told_when_it_moved_by_more_than_the_bound)
{
    two t;
    two_open(&t);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3; i++) {
            char id[32];
            snprintf(id, sizeof id, "s/n=%d", i);
            two_case(&t, k, id, "pass", "direct_udp", "", MOVES[_i].t[k]);
        }
    ck_assert_int_eq(two_read(&t, MOVES[_i].bound, END, END), 0);
    ck_assert_uint_eq(t.d.n_numbers, MOVES[_i].told);
    ck_assert_int_eq(it_diff_changed(&t.d), MOVES[_i].changed);
    ck_assert_uint_eq(t.d.rerun, 3); /* their fingerprints differ */
    two_close(&t);
}
END_TEST

START_TEST(a_number_is_told_with_its_middle_and_the_case_that_moved_most)
{
    static const long long T[2][3] = {{MS(100), MS(200), MS(300)}, {MS(100), MS(250), MS(600)}};
    two t;
    two_open(&t);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3; i++) {
            char id[32];
            snprintf(id, sizeof id, "s/n=%d", i);
            two_case(&t, k, id, "pass", "direct_udp", "", T[k][i]);
        }
    ck_assert_int_eq(two_read(&t, 5, END, END), 0);
    char *text = two_form(&t, put_text);
    ck_assert_ptr_nonnull(strstr(text, "  s  model B  t_conn  in 2 of 3 cases\n"
                                       "      mean      200.000 ms -> 316.666 ms (+58.3 %)\n"
                                       "      median    200.000 ms -> 250.000 ms (+25.0 %)\n"
                                       "      95 %      300.000 ms -> 600.000 ms (+100.0 %)\n"
                                       "      most      300.000 ms -> 600.000 ms (+100.0 %)  s/n=2\n"));
    free(text);
    two_close(&t);
}
END_TEST

#define CLAIM(name, verdict, ok)                                                                                       \
    "{\"hypothesis\":\"" name "\",\"title\":\"t\",\"verdict\":\"" verdict "\",\"ok\":" ok "}"

START_TEST(hypotheses_and_problems_of_the_whole_run_are_compared)
{
    two t;
    two_open(&t);
    ck_assert_int_eq(
        two_read(&t, 5,
                 "{\"end\":\"complete\",\"problems\":[\"p\",\"q\"],\"hypotheses\":[" CLAIM(
                     "same", "supported", "true") "," CLAIM("h", "supported", "true") "," CLAIM("gone", "mixed",
                                                                                                "true") "]}\n",
                 "{\"end\":\"complete\",\"problems\":[\"q\",\"r\"],\"hypotheses\":[" CLAIM(
                     "same", "supported", "true") "," CLAIM("fresh", "mixed", "true") "," CLAIM("h", "refuted",
                                                                                                "false") "]}\n"),
        0);
    ck_assert_uint_eq(t.d.n_claims, 3);
    ck_assert_str_eq(t.d.claims[0].name, "h");
    ck_assert_str_eq(t.d.claims[1].name, "fresh");
    ck_assert_str_eq(t.d.claims[2].name, "gone");
    ck_assert_uint_eq(t.d.n_problems, 2);
    char *text = two_form(&t, put_text);
    ck_assert_ptr_nonnull(strstr(text, "h  supported -> refuted, not the known verdict\n"));
    ck_assert_ptr_nonnull(strstr(text, "  new   r\n  gone  p\n"));
    free(text);
    two_close(&t);
}
END_TEST

START_TEST(markdown_stays_below_its_size_and_counts_what_found_no_room)
{
    two t;
    two_open(&t);
    for (int i = 0; i < 2000; i++) {
        char id[200];
        snprintf(id, sizeof id, "s%d-with-a-name-that-takes-some-room-in-every-row-of-a-table/n=1", i);
        two_case(&t, OLD, id, "pass", "direct_udp", "", MS(700));
        two_case(&t, NEW, id, i == 1999 ? "fail" : "pass", "relay_udp", "", MS(700));
    }
    ck_assert_int_eq(two_read(&t, 5, END, END), 0);
    char *md = two_form(&t, it_diff_markdown);
    ck_assert_uint_le(strlen(md), IT_DIFF_MARKDOWN);
    ck_assert_uint_gt(strlen(md), IT_DIFF_MARKDOWN - 1000);
    const char *worse = strstr(md, "`s1999-"), *path = strstr(md, "`s0-");
    ck_assert(worse && path && worse < path);
    ck_assert_ptr_nonnull(strstr(md, " rows are left out; "));
    free(md);
    two_close(&t);
}
END_TEST

START_TEST(what_a_hostile_run_says_commands_nothing)
{
    two t;
    two_open(&t);
    two_case(&t, OLD, "s/n=1", "pass", "direct_udp", "", MS(700));
    two_case(&t, NEW, "s';x `y|<b>\\u001b[2J/n=1", "fail", "<script>`|", "", MS(700));
    two_case(&t, NEW, "s/n=1", "fail", "<script>`|\\u009b", "", MS(700));
    ck_assert_int_eq(two_read(&t, 5, END, END), 0);
    char *text = two_form(&t, put_text), *md = two_form(&t, it_diff_markdown), *html = two_form(&t, it_diff_html);
    char *json = two_form(&t, it_diff_json);
    ck_assert_ptr_null(strchr(text, '\033'));
    ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
    ck_assert_ptr_nonnull(strstr(text, "show 's'\\'';x `y|<b>\\x1b[2J/n=1'"));
    ck_assert_ptr_nonnull(strstr(md, "`pass, direct_udp` | `fail, <script>'\\|"));
    ck_assert_ptr_null(strchr(md, '\033'));
    ck_assert_ptr_null(strstr(html, "<b>"));
    ck_assert_ptr_null(strstr(html, "<script>`"));
    page_check(html);
    json_t *o = json_loads(json, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(o, "cases")), 2);
    json_decref(o);
    free(text);
    free(md);
    free(html);
    free(json);
    two_close(&t);
}
END_TEST

START_TEST(a_case_that_is_there_twice_is_refused)
{
    two t;
    two_open(&t);
    two_case(&t, OLD, "s/n=1", "pass", "direct_udp", "", MS(700));
    for (int i = 0; i < 2; i++)
        two_case(&t, _i == 0 ? OLD : NEW, "s/n=1", "pass", "direct_udp", "", MS(700));
    ck_assert_int_eq(two_read(&t, 5, END, END), IT_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(t.err, "results.jsonl: case \"s/n=1\" is there twice"));
    two_close(&t);
}
END_TEST

START_TEST(runs_that_are_not_whole_or_of_other_seeds_say_so)
{
    two t;
    two_open(&t);
    two_case(&t, OLD, "s/n=1", "pass", "direct_udp", "", MS(700));
    ck_assert_int_eq(two_read(&t, 5, END, ""), 0);
    char *text = two_form(&t, put_text);
    ck_assert_ptr_nonnull(strstr(text, "0 cases, seed 1, killed before its end\n"));
    ck_assert_ptr_nonnull(strstr(text, "A run is not whole: what is gone or new may only not have run."));
    free(text);
    two_close(&t);
}
END_TEST

START_TEST(no_memory_at_any_point_is_told_and_leaks_nothing)
{
    two t;
    two_open(&t);
    two_case(&t, OLD, "s/n=1", "pass", "direct_udp", "", MS(700));
    two_case(&t, OLD, "s/n=2", "pass", "direct_udp", "", MS(700));
    two_case(&t, NEW, "s/n=1", "fail", "relay_udp", "", MS(800));
    two_case(&t, NEW, "s/n=3", "pass", "direct_udp", "", MS(700));
    int rc = two_read(&t, 5, END, END);
    ck_assert_int_eq(rc, 0);
    uint64_t refused = 0;
    for (uint64_t k = 0;; k++) {
        it_diff_fini(&t.d);
        t.f[OLD].alloc.countdown = k;
        rc = it_diff_read(&t.d, &t.f[OLD].alloc, t.f[OLD].dir, t.f[NEW].dir, 5, t.err);
        t.f[OLD].alloc.countdown = UINT64_MAX;
        if (rc == 0)
            break;
        ck_assert_int_eq(rc, IT_ERR_NOMEM);
        ck_assert_str_eq(t.err, "out of memory");
        refused++;
    }
    ck_assert_uint_gt(refused, 20);
    two_close(&t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/diff/diff");
    TCase *c = tcase_create("diff");
    tcase_add_test(c, equal_runs_are_one_line_in_text_and_in_markdown);
    tcase_add_loop_test(c, a_case_that_changed_is_told_by_the_worst_of_it, 0, (int)(sizeof CHANGES / sizeof *CHANGES));
    tcase_add_test(c, cases_gone_and_new_are_told_wherever_they_stand);
    tcase_add_test(c, groups_are_worst_first_and_hold_their_cases);
    tcase_add_loop_test(c, a_number_is_told_when_it_moved_by_more_than_the_bound, 0,
                        (int)(sizeof MOVES / sizeof *MOVES));
    tcase_add_test(c, a_number_is_told_with_its_middle_and_the_case_that_moved_most);
    tcase_add_test(c, hypotheses_and_problems_of_the_whole_run_are_compared);
    tcase_add_test(c, markdown_stays_below_its_size_and_counts_what_found_no_room);
    tcase_add_test(c, what_a_hostile_run_says_commands_nothing);
    tcase_add_loop_test(c, a_case_that_is_there_twice_is_refused, 0, 2);
    tcase_add_test(c, runs_that_are_not_whole_or_of_other_seeds_say_so);
    tcase_add_test(c, no_memory_at_any_point_is_told_and_leaks_nothing);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
