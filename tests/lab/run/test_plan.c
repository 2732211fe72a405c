/* lab/run/plan.c and lab/run/files.c: patterns over ids, names of ids and files, words for shells. */
#include "lab/run/impl.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *glob, *id;
    bool match;
} GLOBS[] = {
    {"hello", "hello", true},
    {"hello", "hello2", false},
    {"hell", "hello", false},
    {"*", "hello", true},
    {"*", "", true},
    {"*", "a/b", false},
    {"**", "a/b/c", true},
    {"a/*", "a/b", true},
    {"a/*", "a/b/c", false},
    {"a/*", "a", false},
    {"a/**", "a/b/c", true},
    {"a/**", "a", false},
    {"a*/c", "ab/c", true},
    {"a*/c", "a/b/c", false},
    {"a**/c", "a/b/c", true},
    {"**/c", "a/b/c", true},
    {"**/c", "c", false},
    {"**/model=B", "x/far=y/model=B", true},
    {"**/model=B", "x/far=y/model=B@2", false},
    {"**/model=B*", "x/far=y/model=B@2", true},
    {"*=*", "a=b", true},
    {"a?", "ab", false},
    {"[a]", "a", false},
    {"", "", true},
    {"", "a", false},
};

START_TEST(a_star_stays_in_its_segment_two_do_not)
{
    ck_assert_msg(it_run_match(GLOBS[_i].glob, GLOBS[_i].id) == GLOBS[_i].match, "%s over %s", GLOBS[_i].glob,
                  GLOBS[_i].id);
}
END_TEST

static const struct {
    const char *path, *stem; /* NULL: no name for a case */
} STEMS[] = {
    {"hello.lua", "hello"},
    {"scenarios/hello.lua", "hello"},
    {"./scenarios/compare/death.lua", "compare/death"},
    {"/home/me/scenarios/a/b.lua", "a/b"},
    {"old/scenarios/new/scenarios/x.lua", "x"},
    {"myscenarios/x.lua", "myscenarios/x"},
    {"dir/x.lua", "dir/x"},
    {"./dir/x.lua", "dir/x"},
    {"/tmp/dir/x.lua", "tmp/dir/x"},
    {"../x.lua", "../x"},
    {"dir/x.txt", "dir/x.txt"},
    {".lua", ".lua"},
    {"a b/x.lua", "a%20b/x"},
    {"a=b,c/x.lua", "a%3Db%2Cc/x"},
    {"scenarios/a b.lua", NULL},
    {"scenarios/\xff.lua", NULL},
    {"scenarios/a,b.lua", NULL},
    {"scenarios/a*b.lua", NULL},
    {"scenarios/a=b.lua", NULL},
    {"dir/", NULL},
};

START_TEST(ids_begin_with_the_path_of_the_file)
{
    char stem[64] = "";
    bool ok = it_run_stem(STEMS[_i].path, stem, sizeof stem);
    ck_assert_msg(ok == (STEMS[_i].stem != NULL), "%s", STEMS[_i].path);
    if (ok)
        ck_assert_str_eq(stem, STEMS[_i].stem);
}
END_TEST

START_TEST(a_stem_too_long_is_refused_not_cut)
{
    char path[200], stem[64];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    ck_assert(!it_run_stem(path, stem, sizeof stem));
}
END_TEST

START_TEST(libraries_stand_below_scenarios_or_beside)
{
    char lib[128];
    it_run_lib_dir("a/scenarios/b/x.lua", lib, sizeof lib);
    ck_assert_str_eq(lib, "a/scenarios/lib");
    it_run_lib_dir("a/b/x.lua", lib, sizeof lib);
    ck_assert_str_eq(lib, "a/b/lib");
    it_run_lib_dir("x.lua", lib, sizeof lib);
    ck_assert_str_eq(lib, "./lib");
}
END_TEST

START_TEST(files_of_a_case_have_its_id_with_commas)
{
    char name[IT_RUN_NAME];
    it_run_case_file("a/b/c=1@2", "pcapng", name);
    ck_assert_str_eq(name, "cases/a,b,c=1@2.pcapng");
}
END_TEST

START_TEST(long_ids_have_short_file_names_that_differ)
{
    char id[2000], a[IT_RUN_NAME], b[IT_RUN_NAME];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    it_run_case_file(id, "trace.jsonl", a);
    id[1500] = 'y';
    it_run_case_file(id, "trace.jsonl", b);
    ck_assert_str_ne(a, b);
    ck_assert_uint_lt(strlen(a) + strlen(".part"), 255);
    ck_assert_str_eq(a + strlen(a) - strlen(".trace.jsonl"), ".trace.jsonl");
}
END_TEST

static const struct {
    const char *word, *quoted;
} WORDS[] = {
    {"scenarios/hello.lua", "scenarios/hello.lua"},
    {"a b", "'a b'"},
    {"it's", "'it'\\''s'"},
    {"$(x)", "'$(x)'"},
    {"a\nb", "'a\nb'"},
    {"-x", "./'-x'"},
    {"", "''"},
    {"~", "'~'"},
};

START_TEST(a_path_is_one_word_of_a_shell)
{
    it_alloc a;
    it_str s;
    it_alloc_init(&a);
    it_str_init(&s, &a);
    it_run_quote(&s, WORDS[_i].word);
    ck_assert_str_eq(it_str_c(&s), WORDS[_i].quoted);
    it_str_fini(&s);
}
END_TEST

START_TEST(a_result_is_kept_only_with_its_fingerprint)
{
    static const char LINE[] =
        "{\"error\":\"\\\"keep\\\":null\",\"trace\":null,\"keep\":null,\"fingerprint\":\"00000000000000ab\"}\n";
    it_alloc a;
    it_str s;
    it_alloc_init(&a);
    it_str_init(&s, &a);
    ck_assert(!it_run_mark_kept(&s, "a/b", LINE, "00000000000000ac"));
    it_str_clear(&s);
    ck_assert(it_run_mark_kept(&s, "a/b", LINE, "00000000000000ab"));
    ck_assert_str_eq(it_str_c(&s),
                     "{\"error\":\"\\\"keep\\\":null\",\"trace\":\"cases/a,b.trace.jsonl\",\"keep\":\"first\","
                     "\"fingerprint\":\"00000000000000ab\"}\n");
    it_str_fini(&s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/run_plan");
    TCase *c = tcase_create("scenarios.md, case ids");
    tcase_add_loop_test(c, a_star_stays_in_its_segment_two_do_not, 0, (int)(sizeof GLOBS / sizeof *GLOBS));
    tcase_add_loop_test(c, ids_begin_with_the_path_of_the_file, 0, (int)(sizeof STEMS / sizeof *STEMS));
    tcase_add_test(c, a_stem_too_long_is_refused_not_cut);
    tcase_add_test(c, libraries_stand_below_scenarios_or_beside);
    suite_add_tcase(s, c);
    c = tcase_create("files");
    tcase_add_test(c, files_of_a_case_have_its_id_with_commas);
    tcase_add_test(c, long_ids_have_short_file_names_that_differ);
    tcase_add_loop_test(c, a_path_is_one_word_of_a_shell, 0, (int)(sizeof WORDS / sizeof *WORDS));
    tcase_add_test(c, a_result_is_kept_only_with_its_fingerprint);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
