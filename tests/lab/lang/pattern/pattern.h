/* A Lua state with Lua's own string library as |string| and lab/lang/pattern/pattern.h's functions as |mine|, for the
 * tests of both of its files. */
#ifndef IT_TESTS_LAB_BIND_PATTERN_H
#define IT_TESTS_LAB_BIND_PATTERN_H

#include "lab/lang/pattern/pattern.h"

#include <check.h>
#include <lua5.4/lualib.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t pattern_spent;

static inline void pattern_spend(lua_State *L, uint64_t steps)
{
    (void)L;
    pattern_spent += steps;
}

static inline int pattern_raise(lua_State *L, const char *text)
{
    return luaL_error(L, "%s", text);
}

static inline lua_State *pattern_state(void)
{
    static const it_pattern_meter METER = {pattern_spend, pattern_raise};
    lua_State *L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    luaL_openlibs(L);
    it_pattern_open(L, &METER);
    lua_setglobal(L, "mine");
    return L;
}

/* Runs |text|; it must not fail. */
static inline void pattern_do(lua_State *L, const char *text)
{
    ck_assert_msg(luaL_dostring(L, text) == LUA_OK, "%s", lua_tostring(L, -1));
}

static inline int pattern_main(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
