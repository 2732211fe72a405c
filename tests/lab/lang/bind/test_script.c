/* lab/lang/bind/script.c: the limits on what a script may spend, and that one case never sees another. */
#include "lab/lang/bind/script.h"
#include "stack/crypto/ossl.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_profiles *profiles;
static it_dtls_shared *shared;

static void once(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&alloc);
    ck_assert_int_eq(it_ossl_init(), 0);
    shared = it_dtls_shared_new(&alloc);
    profiles = it_profiles_builtin(&alloc, err);
    ck_assert(shared && profiles);
}

static void once_end(void)
{
    it_profiles_free(profiles);
    it_dtls_shared_free(shared);
    it_ossl_fini();
    ck_assert_int_eq(alloc.live, 0);
}

/* A scenario whose run is |body|; its only case. Free the result. */
static char *run(const char *body, it_script_cfg cfg)
{
    static const it_case CASE = {.id = (char *)"f",
                                 .file = (char *)"f.lua",
                                 .key = (char *)"",
                                 .index = (char *)"",
                                 .title = (char *)"t",
                                 .cell = (char *)"{}",
                                 .k = 1};
    char text[2048], verdict[16] = "";
    it_str out;
    it_json j;
    snprintf(text, sizeof text,
             "local tank = require \"icetank\"\nreturn tank.scenario { \"t\", run = function(t)\n%s\nend }\n", body);
    cfg.alloc = &alloc;
    cfg.profiles = profiles;
    cfg.shared = shared;
    it_script *s = it_script_new(&cfg);
    ck_assert_ptr_nonnull(s);
    it_str_init(&out, &alloc);
    it_json_init(&j, &out);
    it_json_obj(&j, NULL);
    ck_assert_int_eq(it_script_run(s, &CASE, it_bytes_str(text), &j, verdict), 0);
    it_json_hex64(&j, "fingerprint", it_script_fingerprint(s));
    it_json_end_obj(&j);
    char *copy = strdup(it_str_c(&out));
    it_str_fini(&out);
    it_script_free(s);
    return copy;
}

static void says(const char *body, it_script_cfg cfg, const char *what)
{
    char *out = run(body, cfg);
    ck_assert_msg(strstr(out, what) != NULL, "%s", out);
    ck_assert_msg(strstr(out, "\"verdict\":\"error\"") != NULL, "%s", out);
    free(out);
}

static const it_script_cfg SMALL = {.seed = 1, .budget = 1000000, .budget_in_all = 10000000};

START_TEST(a_loop_without_a_yield_ends)
{
    says("while true do end", SMALL, "no yield for 1000000 instructions");
}
END_TEST

START_TEST(a_loop_that_yields_while_time_stands_ends)
{
    says("while true do t:sleep \"0s\" end", SMALL, "f.lua:3: woke 1001 times at 0s: a loop in which no time passes?");
}
END_TEST

START_TEST(a_loop_of_tiny_steps_in_time_ends)
{
    says("while true do t:sleep \"1ns\" end", SMALL, "more than 10000000 instructions in one case");
}
END_TEST

/* Coroutines that each wake once and do next to nothing count as well. */
START_TEST(an_endless_line_of_short_coroutines_ends)
{
    says("local function f() t:sleep \"0s\" t:spawn(f) end f() t:sleep \"1s\"", SMALL,
         "time does not move for 2000000 instructions");
}
END_TEST

START_TEST(a_case_that_lets_time_pass_may_spend_more_than_a_turn)
{
    char *out = run("for i = 1, 20 do for k = 1, 90000 do end t:sleep \"1s\" end t:check { \"c\", true }", SMALL);
    ck_assert_msg(strstr(out, "\"verdict\":\"pass\"") != NULL, "%s", out);
    free(out);
}
END_TEST

START_TEST(virtual_time_is_bounded_by_the_caller_too)
{
    it_script_cfg c = SMALL;
    c.limit = 2 * IT_SEC;
    says("t:sleep \"3s\"", c, "not finished after 2s");
}
END_TEST

/* Loops in C, where no instruction is counted. */
static const char *const IN_C[] = {
    "local x = (\"\"):rep(1 << 62)",
    "table.move({}, 1, math.maxinteger - 1, 2)",
    "table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)",
    "table.remove(setmetatable({}, { __len = function() return 1 << 60 end }), 1)",
    "local x = table.concat(setmetatable({}, { __len = function() return 1 << 60 end, __index = function() return \"\" "
    "end }))",
};

START_TEST(what_loops_in_c_is_refused_before_it_begins)
{
    char *out = run(IN_C[_i], SMALL);
    ck_assert_msg(strstr(out, "\"verdict\":\"error\"") != NULL, "%s", out);
    free(out);
}
END_TEST

static const char CALL[] =
    "local a = t:host { \"alice\", behind = \"linux-masq\" }\nlocal b = t:host { \"bob\", behind = \"port-cone\" }\n"
    "t:call { a, b, model = \"B\", media = \"voice\" }:await { \"open\", within = \"5s\" }\nt:sleep \"1s\"";

START_TEST(a_case_after_a_hundred_others_is_as_alone)
{
    it_script_cfg c = {.seed = 1};
    char *alone = run(CALL, c);
    for (int i = 0; i < 100; i++)
        free(run(i & 1 ? "t:host \"x\" t:sleep \"1s\"" : "t:log(math.random(1, 6))", SMALL));
    char *other = run("t:host \"x\" error \"no\"", SMALL);
    char *later = run(CALL, c);
    ck_assert_str_eq(alone, later);
    ck_assert(strstr(alone, "\"verdict\":\"pass\"") != NULL);
    free(alone);
    free(other);
    free(later);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("lab/script");
    TCase *t = tcase_create("limits");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_test(t, a_loop_without_a_yield_ends);
    tcase_add_test(t, a_loop_that_yields_while_time_stands_ends);
    tcase_add_test(t, a_loop_of_tiny_steps_in_time_ends);
    tcase_add_test(t, an_endless_line_of_short_coroutines_ends);
    tcase_add_test(t, a_case_that_lets_time_pass_may_spend_more_than_a_turn);
    tcase_add_test(t, virtual_time_is_bounded_by_the_caller_too);
    tcase_add_loop_test(t, what_loops_in_c_is_refused_before_it_begins, 0, (int)(sizeof IN_C / sizeof *IN_C));
    suite_add_tcase(s, t);
    t = tcase_create("architecture section 4");
    tcase_set_timeout(t, 30);
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_test(t, a_case_after_a_hundred_others_is_as_alone);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
