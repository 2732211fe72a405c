/* lab/lang/bind/plan.c and planning.c: cases made from axes, one by one. */
#include "lab/lang/bind/script.h"

#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc mem;
static it_plan plan;
static it_profiles *profiles;

static void begin(void)
{
    char err[IT_PROFILE_ERR];
    it_alloc_init(&mem);
    it_plan_init(&plan, &mem);
    profiles = it_profiles_builtin(&mem, err);
    ck_assert_ptr_nonnull(profiles);
}

static void end(void)
{
    it_profiles_free(profiles);
    it_plan_fini(&plan);
    ck_assert_int_eq(mem.live, 0);
}

/* Plans |text| as FILE "f.lua" of stem "f". */
static int add(const char *text, uint64_t seed, char err[512])
{
    it_script *s = it_script_new(&(it_script_cfg){.alloc = &mem, .profiles = profiles, .seed = seed});
    ck_assert_ptr_nonnull(s);
    int rc = it_script_plan(s, &plan, it_bytes_str(text), "f.lua", "f", err);
    it_script_free(s);
    return rc;
}

static void must_add(const char *text)
{
    char err[512] = "";
    ck_assert_msg(add(text, 1, err) == 0, "%s", err);
}

static void id_is(size_t i, const char *id)
{
    it_str s;
    it_str_init(&s, &mem);
    it_plan_id(&plan, i, &s);
    ck_assert_str_eq(it_str_c(&s), id);
    it_str_fini(&s);
}

#define HEAD "local tank = require 'icetank' return tank.scenario { 'title', run = function() end, "

START_TEST(the_last_axis_is_the_fastest_and_repetitions_stand_side_by_side)
{
    must_add(HEAD "seeds = 2, matrix = { b = { 'x', 'y' }, a = { 1, 2 } } }");
    ck_assert_uint_eq(plan.n, 8);
    id_is(0, "f/a=1/b=x");
    id_is(1, "f/a=1/b=x@2");
    id_is(2, "f/a=1/b=y");
    id_is(4, "f/a=2/b=x");
    id_is(7, "f/a=2/b=y@2");
}
END_TEST

START_TEST(a_case_says_all_that_its_result_will)
{
    it_case c;
    must_add(HEAD
             "allow = { whitelist = 'why' }, matrix = { model = { 'B', 'E', false }, near = { { 'two', x = 2 } } } }");
    ck_assert_int_eq(it_plan_case(&plan, 1, &c), 0);
    ck_assert_str_eq(c.id, "f/model=E/near=two");
    ck_assert_str_eq(c.file, "f.lua");
    ck_assert_str_eq(c.key, "");
    ck_assert_str_eq(c.index, "2,1");
    ck_assert_str_eq(c.title, "title");
    ck_assert_str_eq(c.model, "E");
    ck_assert_str_eq(c.cell, "{\"model\":\"E\",\"near\":\"two\"}");
    ck_assert_str_eq(c.needs, "axis:model axis:near allow:whitelist");
    ck_assert_int_eq(c.k, 1);
    it_case_fini(&mem, &c);
    ck_assert_int_eq(it_plan_case(&plan, 2, &c), 0); /* false is no model */
    ck_assert_ptr_null(c.model);
    it_case_fini(&mem, &c);
}
END_TEST

START_TEST(where_leaves_the_cells_it_is_true_for)
{
    must_add(HEAD "matrix = { a = { 1, 2, 3 }, b = { 1, 2, 3 } }, where = function(c) return c.a + c.b == 4 end }");
    ck_assert_uint_eq(plan.n, 3);
    id_is(0, "f/a=1/b=3");
    id_is(1, "f/a=2/b=2");
    id_is(2, "f/a=3/b=1");
}
END_TEST

START_TEST(chosen_cases_are_counted_anew)
{
    uint32_t at;
    must_add(HEAD "matrix = { a = { 1, 2, 3 } } }");
    must_add(HEAD "matrix = { b = { 1, 2, 3 } } }");
    plan.pick = it_calloc(&mem, 2, sizeof *plan.pick);
    plan.pick[0] = 1;
    plan.pick[1] = 5;
    plan.n = 2;
    id_is(0, "f/a=2");
    id_is(1, "f/b=3");
    ck_assert_ptr_eq(it_plan_scenario(&plan, 1, &at), &plan.v[1]);
    ck_assert_uint_eq(at, 2);
}
END_TEST

START_TEST(a_plan_of_a_million_cases_is_as_small_as_its_axes)
{
    must_add(HEAD "matrix = { p = tank.draw { pairs = 1000000, from = { { 1, behind = 'full-cone' } } } } }");
    ck_assert_uint_eq(plan.n, 1000000);
    id_is(0, "f/p=0000001");
    id_is(999999, "f/p=1000000");
    ck_assert_int_lt(mem.live, 1000); /* profiles among them */
    it_plan_cut(&plan, 0);
    must_add("local t, ten = require 'icetank', {} for i = 1, 10 do ten[i] = i end return t.scenario { 'm', run = "
             "function() end, "
             "matrix = { a = ten, b = ten, c = ten, d = ten, e = ten, f = ten } }");
    ck_assert_uint_eq(plan.n, 1000000);
    id_is(123456, "f/a=2/b=3/c=4/d=5/e=6/f=7");
}
END_TEST

/* An allocator that counts what it is asked and how much it holds at most. */
static uint64_t n_asked;
static size_t held, held_most;

static void *counted(it_alloc *self, void *p, size_t size)
{
    size_t before = p ? malloc_usable_size(p) : 0;
    n_asked++;
    if (size == 0) {
        self->live -= p != NULL;
        held -= before;
        free(p);
        return NULL;
    }
    void *q = realloc(p, size);
    ck_assert_ptr_nonnull(q);
    self->live += p == NULL;
    held += malloc_usable_size(q) - before;
    held_most = held > held_most ? held : held_most;
    return q;
}

/* Begins again with that allocator. */
static void begin_counted(void)
{
    char err[IT_PROFILE_ERR];
    end();
    mem.resize = counted;
    profiles = it_profiles_builtin(&mem, err);
    ck_assert_ptr_nonnull(profiles);
}

/* How many allocations planning |text| takes; |*bytes|: what it held at most beyond what was there. */
static uint64_t cost_of(const char *text, size_t *bytes)
{
    uint64_t asked = n_asked;
    size_t before = held;
    held_most = held;
    must_add(text);
    *bytes = held_most - before;
    return n_asked - asked;
}

#define PAIRS(n) HEAD "matrix = { p = tank.draw { pairs = " #n ", from = { { 1, behind = 'full-cone' } } } } }"

START_TEST(a_million_cases_are_planned_in_the_steps_and_bytes_of_ten)
{
    size_t few, many;
    begin_counted();
    uint64_t ten = cost_of(PAIRS(10), &few), million = cost_of(PAIRS(1000000), &many);
    ck_assert_uint_le(million, ten + 100);
    ck_assert_uint_le(many, few + 4096);
    ck_assert_uint_eq(plan.n, 1000010);
}
END_TEST

START_TEST(a_filter_over_a_million_cells_holds_four_bytes_for_each_it_leaves)
{
    size_t all, filtered;
    begin_counted();
#define SQUARE(more)                                                                                                   \
    "local t, x = require 'icetank', {} for i = 1, 1000 do x[i] = i end return t.scenario { 'm', run = function() "    \
    "end, matrix = { a = x, b = x }" more " }"
    (void)cost_of(SQUARE(""), &all);
    (void)cost_of(SQUARE(", where = function(c) return c.a ~= c.b end"), &filtered);
    ck_assert_uint_eq(plan.n, 1999000);
    /* the list grows by doubling and is then copied: 2 to 3 times 4 bytes; a table of Lua would take 16 more */
    ck_assert_uint_le(filtered, all + 3 * 4 * 1048576);
    id_is(1000000, "f/a=1/b=2");
    id_is(1998999, "f/a=1000/b=999");
}
END_TEST

START_TEST(more_cases_than_the_most_are_refused_at_their_line)
{
    char err[512] = "";
    ck_assert_int_eq(add("local t, x = require 'icetank', {} for i = 1, 2000 do x[i] = i end\nreturn t.scenario { 'm', "
                         "run = function() end, "
                         "matrix = { a = x, b = x, c = x } }",
                         1, err),
                     IT_ERR_PARSE);
    ck_assert_str_eq(err, "f.lua:2: more than 100000000 cases");
    ck_assert_uint_eq(plan.n, 0);
    ck_assert_int_eq(add(HEAD "seeds = 100, matrix = { a = tank.draw { pairs = 900000, from = { { 1 } } } } }", 1, err),
                     0);
    ck_assert_int_eq(add(HEAD "seeds = 100, matrix = { a = tank.draw { pairs = 900000, from = { { 1 } } } } }", 1, err),
                     IT_ERR_LIMIT);
    ck_assert_str_eq(err, "f.lua: more than 100000000 cases");
    ck_assert_uint_eq(plan.n, 90000000);
}
END_TEST

/* Which of ten homes of a population, a digit each, are behind the second kind of box. */
static void drawn(const char *text, uint64_t seed, char out[16])
{
    char err[512] = "", verdict[16];
    it_str line;
    it_json j;
    it_case c;
    it_plan_cut(&plan, 0);
    ck_assert_msg(add(text, seed, err) == 0, "%s", err);
    it_str_init(&line, &mem);
    it_json_init(&j, &line);
    it_json_obj(&j, NULL);
    it_script *s = it_script_new(&(it_script_cfg){.alloc = &mem, .profiles = profiles, .seed = seed});
    ck_assert_int_eq(it_plan_case(&plan, 0, &c), 0);
    ck_assert_int_eq(it_script_run(s, &c, c.text, &j, verdict), 0);
    it_json_end_obj(&j);
    const char *at = strstr(it_str_c(&line), "drawn ");
    ck_assert_msg(at != NULL, "%s", it_str_c(&line));
    snprintf(out, 16, "%.10s", at + 6);
    it_script_free(s);
    it_case_fini(&mem, &c);
    it_str_fini(&line);
}

#define DRAW(n, order)                                                                                                 \
    "local tank = require 'icetank'\n"                                                                                 \
    "local homes = tank.draw { pairs = " n ", from = { { 1, behind = 'full-cone' }, { 1, behind = 'symmetric' } } }\n" \
    "return tank.scenario { 'd', run = function(t)\n"                                                                  \
    "  local kind = {}\n"                                                                                              \
    "  for _, i in ipairs { " order " } do kind[i] = homes[i].a.behind == 'symmetric' and 1 or 0 end\n"                \
    "  error('drawn ' .. table.concat(kind))\n"                                                                        \
    "end }"

START_TEST(a_home_of_a_population_is_the_same_whatever_was_drawn_before)
{
    char ten[16], back[16], more[16], other[16];
    drawn(DRAW("10", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"), 1, ten);
    drawn(DRAW("10", "10, 9, 8, 7, 6, 5, 4, 3, 2, 1"), 1, back);
    drawn(DRAW("1000", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"), 1, more);
    drawn(DRAW("10", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"), 2, other);
    ck_assert_str_eq(ten, back);
    ck_assert_str_eq(ten, more);
    ck_assert_str_ne(ten, other);
    ck_assert(strchr(ten, '0') && strchr(ten, '1'));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/plan");
    TCase *t = tcase_create("plan");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, the_last_axis_is_the_fastest_and_repetitions_stand_side_by_side);
    tcase_add_test(t, a_case_says_all_that_its_result_will);
    tcase_add_test(t, where_leaves_the_cells_it_is_true_for);
    tcase_add_test(t, chosen_cases_are_counted_anew);
    tcase_add_test(t, a_plan_of_a_million_cases_is_as_small_as_its_axes);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_million_cases_are_planned_in_the_steps_and_bytes_of_ten);
    tcase_add_test(t, a_filter_over_a_million_cells_holds_four_bytes_for_each_it_leaves);
    tcase_add_test(t, more_cases_than_the_most_are_refused_at_their_line);
    tcase_add_test(t, a_home_of_a_population_is_the_same_whatever_was_drawn_before);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
