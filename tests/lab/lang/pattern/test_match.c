/* lab/lang/pattern/match.c: the bound on steps. What matches is test_pattern.c's, beside Lua's own. */
#include "tests/lab/lang/pattern/pattern.h"

/* Each tries more ways than anyone has time for, or as many as the text is long for each place in it. */
static const char *const ENDLESS[] = {
    "mine.match(('a'):rep(40), ('a*'):rep(20) .. 'b')",
    "mine.find(('a'):rep(40), ('a-'):rep(20) .. 'b')",
    "mine.match(('a'):rep(60), ('a?'):rep(60) .. ('a'):rep(60) .. 'b')",
    "mine.gmatch(('a'):rep(40), ('(a+)'):rep(20) .. 'b')()",
    "mine.gsub(('a'):rep(40), ('.*'):rep(20) .. 'b', '')",
    "mine.match(('('):rep(10000), '%b()')",                         /* to the end from every place */
    "mine.gsub(('x'):rep(10000), '.-y', '')",                       /* likewise */
    "mine.match(('x'):rep(1000), '[' .. ('a'):rep(100000) .. ']')", /* a long set, looked through everywhere */
    "mine.match(('ab'):rep(10000), '(.*)%1c')",                     /* long captures, compared again and again */
    "mine.match(('a'):rep(20000), '%f[' .. ('b'):rep(1000) .. ']')",
};

START_TEST(a_pattern_that_tries_too_many_ways_ends_with_one_line)
{
    lua_State *L = pattern_state();
    char text[256];
    snprintf(text, sizeof text,
             "local ok, why = pcall(function() return %s end)\n"
             "assert(not ok and why:find(': the pattern takes more than 10,000,000 steps over a text of %%d+ bytes$'), "
             "why)\n"
             "assert(not why:find '\\n')",
             ENDLESS[_i]);
    pattern_do(L, text);
    lua_close(L);
}
END_TEST

START_TEST(what_people_write_is_far_from_the_bound)
{
    lua_State *L = pattern_state();
    pattern_spent = 0;
    pattern_do(L, "local line = ('a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\\r\\n'):rep(100)\n"
                  "local n = 0\n"
                  "for found, comp, addr, port in mine.gmatch(line, 'a=candidate:(%S+) (%d+) UDP %d+ (%S+) (%d+) typ "
                  "(%a+)\\r\\n') do n = n + 1 end\n"
                  "assert(n == 100)\n"
                  "assert(mine.match(line, '^.-typ (%w+)%s*$') == 'host')\n"
                  "assert(#mine.gsub(line, '%s+', ' ') > 5000)");
    ck_assert_uint_lt(pattern_spent, 200000);
    lua_close(L);
}
END_TEST

/* The same text and pattern take the same steps: where a script is stopped does not depend on the machine. */
START_TEST(steps_are_the_same_every_time)
{
    uint64_t first = 0;
    for (int i = 0; i < 3; i++) {
        lua_State *L = pattern_state();
        pattern_spent = 0;
        pattern_do(L, "for n = 1, 12 do mine.match(('a'):rep(n), ('a*'):rep(4) .. 'b') end");
        ck_assert(i == 0 || pattern_spent == first);
        first = pattern_spent;
        lua_close(L);
    }
    ck_assert_uint_gt(first, 1000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/pattern_match");
    TCase *t = tcase_create("steps");
    tcase_set_timeout(t, 20);
    tcase_add_loop_test(t, a_pattern_that_tries_too_many_ways_ends_with_one_line, 0,
                        (int)(sizeof ENDLESS / sizeof *ENDLESS));
    tcase_add_test(t, what_people_write_is_far_from_the_bound);
    tcase_add_test(t, steps_are_the_same_every_time);
    suite_add_tcase(s, t);
    return pattern_main(s);
}
