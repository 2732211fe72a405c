/* lab/lang/pattern/pattern.c: find, match, gmatch and gsub do what Lua's own do, and what they do is counted. */
#include "tests/lab/lang/pattern/pattern.h"

/* What both give for the same words, errors included; the text of the first difference, or nil. Written in Lua, run in
 * a state that has the real library as |string| and ours as |mine|. */
static const char SAME[] =
    "function show(...)\n"
    "  local out = {}\n"
    "  for i = 1, select('#', ...) do\n"
    "    local v = select(i, ...)\n"
    "    out[i] = type(v) == 'string' and ('%q'):format(v) or math.type(v) == 'integer' and ('%d'):format(v) or "
    "type(v)\n"
    "  end\n"
    "  return table.concat(out, ' ')\n"
    "end\n"
    "function outcome(lib, f, ...)\n"
    "  local r\n"
    "  if f == 'gmatch' then\n"
    "    local function all(...)\n"
    "      local out = {}\n"
    "      for a, b, c in lib.gmatch(...) do out[#out + 1] = show(a, b, c) end\n"
    "      return table.concat(out, '|')\n"
    "    end\n"
    "    r = table.pack(pcall(all, ...))\n"
    "  else\n"
    "    r = table.pack(pcall(lib[f], ...))\n"
    "  end\n"
    "  if not r[1] then r[2] = r[2]:gsub(\"'string%.%a+'\", \"'?'\") end -- only the real ones have a name here\n"
    "  return show(table.unpack(r, 1, r.n))\n"
    "end\n"
    "function same(f, ...)\n"
    "  local theirs, ours = outcome(string, f, ...), outcome(mine, f, ...)\n"
    "  if theirs ~= ours then return f .. '(' .. show(...) .. '): ' .. theirs .. ' and not ' .. ours end\n"
    "end\n";

static lua_State *state(void)
{
    lua_State *L = pattern_state();
    pattern_do(L, SAME);
    return L;
}

/* The examples of the manual, section 6.4, and what is said of each function there. */
static const char *const CALLS[] = {
    "'find', 'hello world', 'wor'",
    "'find', 'hello', 'l+'",
    "'find', 'hello', ''",
    "'find', 'hello', '', 6",
    "'find', 'hello', '', 7",
    "'find', 'hello', '', -100",
    "'find', 'hello', 'l', -2",
    "'find', 'hello', 'l', 0",
    "'find', 'a.b', '.', 2, true",
    "'find', 'a+b', '+', 1, true",
    "'find', 'a\\0b', 'b'",
    "'find', 'a\\0b', '%z'",
    "'find', 'a\\0b', '\\0'",
    "'find', '', ''",
    "'find', 12321, 2",
    "'find', 'hello', '(l)(l)'",
    "'find', 'hello', '()ll()'",
    "'match', 'key = value', '^(%w+)%s*=%s*(%w+)$'",
    "'match', '  trim me  ', '^%s*(.-)%s*$'",
    "'match', '2024-01-02', '(%d+)-(%d+)-(%d+)'",
    "'match', 'THE (quick) fox', '%((%a+)%)'",
    "'match', 'f(a(b)c)d', '%b()'",
    "'match', 'THE (quick) fox', '%f[%a]%a+%f[%A]'",
    "'match', 'say \"hi\" and', '([\"\\'])(.-)%1'",
    "'match', 'x]y', '[]]'",
    "'match', 'x-y', '[a%-z]+'",
    "'match', 'x^y', '[x^]+'",
    "'match', '\\xff\\xfe', '[\\xf0-\\xff]+'",
    "'match', 'aaa', 'a-$'",
    "'match', 'aaab', '^a-b'",
    "'match', 'ab', 'a$b'",
    "'match', 'hello', '.-(l+)', 3",
    "'gmatch', 'hello world from Lua', '%a+'",
    "'gmatch', 'from=world, to=Lua', '(%w+)=(%w+)'",
    "'gmatch', 'abc', ''",
    "'gmatch', 'abc', 'b*'",
    "'gmatch', '^a^a', '^a'",
    "'gmatch', 'hello', 'l', 4",
    "'gmatch', 'hello', '()', -2",
    "'gmatch', 'hello', 'l', 99",
    "'gsub', 'hello world', '(%w+)', '%1 %1'",
    "'gsub', 'hello world', '%w+', '%0 %0', 1",
    "'gsub', 'hello world from Lua', '(%w+)%s*(%w+)', '%2 %1'",
    "'gsub', 'abc', '', '-'",
    "'gsub', 'abc', 'b*', '-'",
    "'gsub', 'abc', '^', '-'",
    "'gsub', 'aaa', '^a', '-'",
    "'gsub', 'abc', '%w', '%%%0'",
    "'gsub', 'abc', '()', '%1'",
    "'gsub', 'abcdefghi', ('(.)'):rep(9), '%9%8%1'",
    "'gsub', 'hello', 'l', { l = 'L' }",
    "'gsub', 'hello', '(h)(e)', { h = 'H' }",
    "'gsub', 'hello', '.', { h = false, e = 3 }",
    "'gsub', 'hello', '.', { h = true }",
    "'gsub', 'hello', '.', function(c) if c == 'l' then return c:upper() end end",
    "'gsub', 'hello', '(l)(l)', function(a, b) return #a + #b end",
    "'gsub', 'hello', 'l', function() return {} end",
    "'gsub', 'hello', 'l', 'x', 0",
    "'gsub', 'hello', 'l', 'x', -1",
    "'gsub', 'hello', 'l', 7",
    /* what is no pattern, and no call */
    "'match', 'a', '%'",
    "'match', 'a', '[a'",
    "'match', 'a', '[a%'",
    "'match', 'a', '[]'",
    "'match', 'a', '(a'",
    "'match', 'a', 'a)'",
    "'match', 'a', '%1'",
    "'match', 'aa', '(a)%2'",
    "'match', 'aa', '(a%1)'",
    "'match', 'aa', '()%1'",
    "'match', 'a', '%b'",
    "'match', 'a', '%bx'",
    "'match', 'a', '%f'",
    "'match', 'a', '%fa'",
    "'match', 'a', ('(a)'):rep(33)",
    "'match', ('a'):rep(40), ('(a)'):rep(32)",
    "'match', ('a'):rep(300), ('a?'):rep(300)",
    "'gsub', 'a', 'a', '%2'",
    "'gsub', 'a', 'a', '%x'",
    "'gsub', 'a', 'a', '%'",
    "'gsub', 'a', 'a'",
    "'gsub', 'a', 'a', true",
    "'match', nil, 'a'",
    "'match', 'a'",
    "'match', 'a', {}",
    "'find', 'a', 'a', 'x'",
    "'gmatch', 'a'",
    "'gsub', 'a', 'a', 'b', {}",
};

START_TEST(a_call_gives_what_luas_own_gives)
{
    lua_State *L = state();
    char text[256];
    snprintf(text, sizeof text, "local d = same(%s) assert(not d, d)", CALLS[_i]);
    pattern_do(L, text);
    lua_close(L);
}
END_TEST

/* Patterns and texts of few letters, so that they often meet. */
START_TEST(so_does_any_call)
{
    lua_State *L = state();
    char seed[64];
    snprintf(seed, sizeof seed, "math.randomseed(%d)", _i + 1);
    pattern_do(L, seed);
    pattern_do(
        L, "local PIECES = { 'a', 'b', '.', '%a', '%A', '%d', '[ab]', '[^a]', '[a-c]', '[%a-]', '[]a]', '%b()', "
           "'%f[a]', '%f[^a]', "
           "'(', ')',\n"
           "  '()', '%1', '%2', '$', '^', '%%', '%s', '%S', '%w', '%W', '-', '*', '+', '?', '(a', 'b)', '\\0', '%', "
           "'[', ']', 'é' "
           "}\n"
           "local QUANT = { '', '', '', '*', '+', '-', '?' }\n"
           "local CHARS = { 'a', 'a', 'b', 'c', '1', ' ', '(', ')', '-', ']', '\\0', 'é', 'A', '^', '$', '%' }\n"
           "local REPL = { 'x', '%0', '%1', '%2', '%%', '%', { a = 'A', b = false, [1] = 'n' }, function(a, b) return "
           "b or a end }\n"
           "local function text(list, n)\n"
           "  local out = {}\n"
           "  for i = 1, math.random(0, n) do out[i] = list[math.random(#list)] end\n"
           "  return table.concat(out)\n"
           "end\n"
           "for _ = 1, 20000 do\n"
           "  local p = math.random(4) == 1 and '^' or ''\n"
           "  for _ = 1, math.random(0, 5) do p = p .. PIECES[math.random(#PIECES)] .. QUANT[math.random(#QUANT)] end\n"
           "  local s, init = text(CHARS, 12), math.random(-14, 14)\n"
           "  for _, f in ipairs { 'find', 'match', 'gmatch' } do\n"
           "    local d = same(f, s, p, init)\n"
           "    assert(not d, d)\n"
           "  end\n"
           "  local r = REPL[math.random(#REPL)]\n"
           "  local theirs, ours = outcome(string, 'gsub', s, p, r, init), outcome(mine, 'gsub', s, p, r, init)\n"
           "  assert(theirs == ours, show(s, p) .. theirs .. ' and not ' .. ours)\n"
           "end\n");
    lua_close(L);
}
END_TEST

START_TEST(every_call_is_counted)
{
    static const char *const DO[] = {"mine.find('aaaa', 'a+')", "mine.match('aaaa', 'a+')",
                                     "mine.gmatch('aaaa', 'a+')()", "mine.gsub('aaaa', 'a', 'b')",
                                     "mine.find('aaaa', 'b', 1, true)"};
    lua_State *L = pattern_state();
    pattern_spent = 0;
    pattern_do(L, DO[_i]);
    ck_assert_uint_gt(pattern_spent, 0);
    ck_assert_uint_lt(pattern_spent, 30);
    lua_close(L);
}
END_TEST

/* Text is searched for in time that grows with both texts, not with their product. */
START_TEST(a_plain_search_takes_no_longer_than_its_text_is_long)
{
    lua_State *L = pattern_state();
    pattern_spent = 0;
    pattern_do(
        L, "local s = ('a'):rep(4000000) .. 'b'\nassert(mine.find(s, ('a'):rep(2000000) .. 'b', 1, true) == 2000001)\n"
           "assert(mine.find(s, ('a'):rep(2000000) .. 'c') == nil)");
    ck_assert_uint_gt(pattern_spent, 100000);
    lua_close(L);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/pattern");
    TCase *t = tcase_create("like Lua's own");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_call_gives_what_luas_own_gives, 0, (int)(sizeof CALLS / sizeof *CALLS));
    tcase_add_loop_test(t, so_does_any_call, 0, 4);
    suite_add_tcase(s, t);
    t = tcase_create("counted");
    tcase_add_loop_test(t, every_call_is_counted, 0, 5);
    tcase_add_test(t, a_plain_search_takes_no_longer_than_its_text_is_long);
    suite_add_tcase(s, t);
    return pattern_main(s);
}
