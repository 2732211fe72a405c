/* The four functions over the matcher of pattern_match.c. */
#include "lab/lang/pattern/impl.h"

#include <string.h>

/* The matcher's state for the call that runs; |name| is the function's, for messages. */
static void begin_match(lua_State *L, it_match *m, const char *name, const char *s, size_t n, const char *p, size_t pn)
{
    *m = (it_match){.L = L,
                    .meter = lua_touserdata(L, lua_upvalueindex(1)),
                    .name = name,
                    .src = s,
                    .end = s + n,
                    .p_end = p + pn,
                    .left = IT_PATTERN_STEPS};
}

static void pattern_finish(const it_match *m)
{
    m->meter->spend(m->L, IT_PATTERN_STEPS - m->left);
}

/* Where argument |arg| says to begin, from 0; beyond |n| when that is after the end. */
static size_t init_of(lua_State *L, int arg, size_t n)
{
    lua_Integer i = luaL_optinteger(L, arg, 1);
    if (i > 0)
        return (lua_Unsigned)i - 1 <= n ? (size_t)i - 1 : n + 1;
    if (i == 0 || i < -(lua_Integer)n)
        return 0;
    return n - (size_t)(-i);
}

/* Text as it is. glibc's memmem takes time in proportion to what it is given. */
static int find_plain(const it_match *m, const char *s, const char *p, size_t pn)
{
    const char *at = memmem(s, (size_t)(m->end - s), p, pn);
    m->meter->spend(m->L, (uint64_t)(m->end - s) / 16 + 1);
    if (!at) {
        lua_pushnil(m->L);
        return 1;
    }
    lua_pushinteger(m->L, at - m->src + 1);
    lua_pushinteger(m->L, at - m->src + (lua_Integer)pn);
    return 2;
}

/* True when no character of the pattern means anything but itself. */
static bool is_plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] && strchr("^$*+?.([%-", p[i]))
            return false;
    return true;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t n, pn;
    const char *s = luaL_checklstring(L, 1, &n), *p = luaL_checklstring(L, 2, &pn);
    size_t init = init_of(L, 3, n);
    it_match m;
    begin_match(L, &m, find ? "find" : "match", s, n, p, pn);
    if (init > n) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(p, pn)))
        return find_plain(&m, s + init, p, pn);
    bool anchor = pn > 0 && *p == '^';
    const char *e = NULL, *at = s + init;
    for (; at <= m.end; at++) {
        e = it_match_run(&m, at, p + anchor);
        if (e || anchor)
            break;
    }
    pattern_finish(&m);
    if (!e) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return it_match_push(&m, at, e);
    lua_pushinteger(L, at - s + 1);
    lua_pushinteger(L, e - s);
    return 2 + it_match_push(&m, NULL, NULL);
}

static int f_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int f_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* gmatch's iterator. Upvalues: the meter, text, pattern, where to go on, where the last match ended (-1: none yet). */
static int next_match(lua_State *L)
{
    size_t n, pn;
    const char *s = lua_tolstring(L, lua_upvalueindex(2), &n), *p = lua_tolstring(L, lua_upvalueindex(3), &pn);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(5));
    it_match m;
    begin_match(L, &m, "gmatch", s, n, p, pn);
    for (const char *at = s + lua_tointeger(L, lua_upvalueindex(4)); at <= m.end; at++) {
        const char *e = it_match_run(&m, at, p);
        if (!e || e - s == last) /* an empty match where the last one ended is none */
            continue;
        pattern_finish(&m);
        lua_pushinteger(L, e - s);
        lua_copy(L, -1, lua_upvalueindex(4));
        lua_replace(L, lua_upvalueindex(5));
        return it_match_push(&m, at, e);
    }
    pattern_finish(&m);
    lua_pushinteger(L, (lua_Integer)n + 1);
    lua_replace(L, lua_upvalueindex(4));
    return 0;
}

static int f_gmatch(lua_State *L)
{
    size_t n;
    (void)luaL_checklstring(L, 1, &n);
    (void)luaL_checkstring(L, 2);
    lua_Integer init = (lua_Integer)init_of(L, 3, n);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushinteger(L, init);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 5);
    return 1;
}

/* --- gsub --- */

/* Appends the replacement text at argument 3, in which %0 to %9 stand for captures and %% for a %. */
static void add_text(it_match *m, luaL_Buffer *b, const char *s, const char *e)
{
    size_t n;
    const char *r = lua_tolstring(m->L, 3, &n);
    for (size_t i = 0; i < n; i++) {
        if (r[i] != '%') {
            luaL_addchar(b, r[i]);
            continue;
        }
        i++;
        if (i < n && r[i] == '%') {
            luaL_addchar(b, '%');
        } else if (i < n && r[i] == '0') {
            luaL_addlstring(b, s, (size_t)(e - s));
        } else if (i < n && r[i] >= '1' && r[i] <= '9') {
            it_match_push_one(m, r[i] - '1', s, e);
            luaL_tolstring(m->L, -1, NULL); /* a position is a number */
            lua_remove(m->L, -2);
            luaL_addvalue(b);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Appends what stands for the match from |s| to |e|. */
static void add_value(it_match *m, luaL_Buffer *b, const char *s, const char *e, int type)
{
    lua_State *L = m->L;
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, it_match_push(m, s, e), 1);
    } else if (type == LUA_TTABLE) {
        it_match_push_one(m, 0, s, e);
        lua_gettable(L, 3);
    } else {
        add_text(m, b, s, e);
        return;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, s, (size_t)(e - s));
    } else if (lua_isstring(L, -1)) {
        luaL_addvalue(b);
    } else {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
}

static int f_gsub(lua_State *L)
{
    size_t n, pn;
    const char *s = luaL_checklstring(L, 1, &n), *p = luaL_checklstring(L, 2, &pn), *last = NULL;
    int type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)n + 1), done = 0;
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                     "string/function/table");
    bool anchor = pn > 0 && *p == '^';
    it_match m;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    begin_match(L, &m, "gsub", s, n, p, pn);
    while (done < most) {
        const char *e = it_match_run(&m, s, p + anchor);
        if (e && e != last) {
            done++;
            add_value(&m, &b, s, e, type);
            s = last = e;
        } else if (s < m.end) {
            luaL_addchar(&b, *s++);
        } else {
            break;
        }
        if (anchor)
            break;
    }
    pattern_finish(&m);
    luaL_addlstring(&b, s, (size_t)(m.end - s));
    luaL_pushresult(&b);
    lua_pushinteger(L, done);
    return 2;
}

void it_pattern_open(lua_State *L, const it_pattern_meter *meter)
{
    static const luaL_Reg LIST[] = {
        {"find", f_find}, {"match", f_match}, {"gmatch", f_gmatch}, {"gsub", f_gsub}, {NULL, NULL}};
    luaL_newlibtable(L, LIST);
    lua_pushlightuserdata(L, (void *)(uintptr_t)meter);
    luaL_setfuncs(L, LIST, 1);
}
