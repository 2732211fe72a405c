/* The Lua state of one case: its limits, its C functions, loading of the language, planning and running. */
#include "lab/lang/pattern/pattern.h"
#include "lab/lang/bind/impl.h"
#include "netsim/see/trips.h"

#include <lua5.4/lualib.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUDGET_STEP 1000 /* instructions between two looks at what was spent */
#define BUDGET_BYTES 32  /* bytes of new memory that count as an instruction: one alone may join texts of many MB */

#define MOST ((size_t)4 * IT_SCRIPT_MEMORY) /* bytes of a state that one more block may not take it beyond */
#define BLOCK ((size_t)1 << 20) /* bytes of a block that counts as one: others are as many as instructions */

static const char BUDGET_KEY = 0; /* its address names the state in the registry */

/* --- limits --- */

/* The state behind any coroutine of |L|'s: the allocator's. */
static it_script *script_at(lua_State *L)
{
    void *s;
    (void)lua_getallocf(L, &s);
    return s;
}

/* The line of the scenario or library that |L| is at, as "FILE:LINE"; "" when there is none. Takes no memory. */
static void where_now(lua_State *L, char *out, size_t cap)
{
    lua_Debug ar;
    *out = '\0';
    for (int level = 0; lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "Sl", &ar) && *ar.source == '@' && ar.currentline > 0) {
            snprintf(out, cap, "%s:%d", ar.source + 1, ar.currentline);
            return;
        }
}

static void count(it_script *s, uint64_t n)
{
    s->spent += n;
    s->spent_still += n;
    s->spent_in_all += n;
}

/* How much memory a state holds differs by a little from run to run: the shape of its tables hangs on addresses and on
 * the seed of Lua's hashes, which is not ours. So the moment at which a case that grows over time meets the limit is
 * no part of its result, and neither is the line, unless the coroutine that runs took half of the memory in one go.
 * |block|: what is about to come beside what there is. */
static void note_place(it_script *s, size_t block)
{
    if (s->running && (block > IT_SCRIPT_MEMORY / 2 || s->memory > s->memory_before + IT_SCRIPT_MEMORY / 2))
        where_now(s->running, s->over_where, sizeof s->over_where);
}

/* Ends the case when |L|'s state holds more than the limit, garbage apart. It is looked at between two instructions:
 * an allocator that refuses has Lua 5.4 collect garbage while an object is half made, at each of its hundreds of
 * requests, and now and then that ended in a wrong access. */
static void spend_memory(lua_State *L, it_script *s)
{
    if (s->memory <= IT_SCRIPT_MEMORY)
        return;
    lua_gc(L, LUA_GCCOLLECT);
    if (s->memory <= IT_SCRIPT_MEMORY)
        return;
    note_place(s, 0);
    s->out_of_memory = s->over_limit = true;
    lua_pushliteral(L, "not enough memory");
    lua_error(L);
}

/* Notes that the error value on |L|'s stack, Lua's own "not enough memory", came from the limit. */
static void memory_ended(lua_State *L, it_script *s)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (s->refused && strcmp(text, "not enough memory") == 0)
        s->out_of_memory = s->over_limit = true;
}

/* True for what is refused at once, as there is no instruction at which to look before it is there: one block, a text
 * or a table, that goes far beyond the limit. */
static bool is_far_over(const it_script *s, size_t block)
{
    return block >= BLOCK && (s->memory > MOST || block > MOST - s->memory);
}

/* Lua's allocator: the case's. */
static void *allocate(void *ud, void *p, size_t old, size_t size)
{
    it_script *s = ud;
    if (!p)
        old = 0;
    if (size == 0) {
        it_free(s->alloc, p);
        s->memory -= old;
        return NULL;
    }
    if (size > old && is_far_over(s, size - old)) {
        s->refused = true;
        note_place(s, size - old);
        return NULL;
    }
    void *q = it_realloc(s->alloc, p, 1, size);
    if (!q) {
        s->out_of_memory = true;
        return NULL;
    }
    s->memory += size - old;
    if (size > old)
        count(s, (size - old) / BUDGET_BYTES);
    return q;
}

/* While a file is loaded: remembers the line. A tail call ("return tank.scenario { ... }") takes its frame off the
 * stack. */
static void line_hook(lua_State *L, lua_Debug *ar)
{
    it_script *s = script_at(L);
    if (lua_getinfo(L, "S", ar) && *ar->source == '@')
        snprintf(s->last_line, sizeof s->last_line, "%s:%d", ar->source + 1, ar->currentline);
}

static int raise_here(lua_State *L, const char *text)
{
    char where[512];
    where_now(L, where, sizeof where);
    return it_script_raise(L, "error", where, text);
}

/* Counts |n| instructions. Scripts have no pcall: the error ends the case. */
static void spend(lua_State *L, uint64_t n)
{
    it_script *s = script_at(L);
    char text[128];
    count(s, n);
    spend_memory(L, s);
    if (s->spent >= s->cfg.budget && s->cfg.budget == IT_SCRIPT_BUDGET)
        snprintf(text, sizeof text, "no yield for 100,000,000 instructions: an endless loop?");
    else if (s->spent >= s->cfg.budget)
        snprintf(text, sizeof text, "no yield for %" PRIu64 " instructions: an endless loop?", s->cfg.budget);
    else if (s->spent_still >= 2 * s->cfg.budget)
        snprintf(text, sizeof text, "time does not move for %" PRIu64 " instructions: an endless loop?",
                 2 * s->cfg.budget);
    else if (s->spent_in_all >= s->cfg.budget_in_all) {
        s->over_budget = true;
        snprintf(text, sizeof text, "more than %" PRIu64 " instructions in one case", s->cfg.budget_in_all);
    } else
        return;
    raise_here(L, text);
}

/* Every BUDGET_STEP instructions of a coroutine. */
static void budget_hook(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE)
        line_hook(L, ar);
    else
        spend(L, BUDGET_STEP);
}

static const it_pattern_meter PATTERN_METER = {spend, raise_here};

/* spend(n): what a function in C does n times counts as n instructions. */
static int f_spend(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    if (n > 0)
        spend(L, (uint64_t)n);
    return 0;
}

/* budget(coroutine or nil): its count of instructions starts over; nil is the main one. Only the count of those without
 * a yield: what is spent while time stands, and in all, goes on. */
static int f_budget(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    it_script *s = it_script_of(L);
    it_time now = it_lab_now(s->lab);
    spend_memory(L, s);
    s->running = co ? co : s->L;
    s->memory_before = s->memory;
    if (co)
        *s->over_where = '\0';
    s->spent = 0;
    if (now != s->still_at)
        s->spent_still = 0;
    s->still_at = now;
    if (!lua_gethook(s->running)) /* set anew, a hook would forget what was spent since it last fired */
        lua_sethook(s->running, budget_hook, LUA_MASKCOUNT, BUDGET_STEP);
    return 0;
}

/* lines(on) -> the line that was last begun while it was on, "FILE:LINE", or nil. */
static int f_lines(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (lua_isboolean(L, 1)) {
        *s->last_line = '\0';
        lua_sethook(s->L, budget_hook, LUA_MASKCOUNT | (lua_toboolean(L, 1) ? LUA_MASKLINE : 0), BUDGET_STEP);
    }
    if (!*s->last_line)
        return 0;
    lua_pushstring(L, s->last_line);
    return 1;
}

uint64_t it_script_instructions(const it_script *s)
{
    return s->spent_in_all;
}

/* limit() -> the most virtual time that a case may take, 0 when it alone decides. */
static int f_limit(lua_State *L)
{
    lua_pushinteger(L, it_script_of(L)->cfg.limit);
    return 1;
}

/* over_limit(error) -> where the memory limit was hit ("" when that is not known), or nil when it was not. */
static int f_over_limit(lua_State *L)
{
    it_script *s = it_script_of(L);
    lua_settop(L, 1);
    memory_ended(L, s);
    if (!s->over_limit)
        return 0;
    lua_pushstring(L, s->over_where);
    return 1;
}

/* by_limit() -> whether the case ended by a limit that other runs of it meet at another moment. */
static int f_by_limit(lua_State *L)
{
    lua_pushboolean(L, it_script_by_limit(it_script_of(L)));
    return 1;
}

bool it_script_by_limit(const it_script *s)
{
    return s->over_limit || s->over_budget;
}

/* --- what the binding's files share --- */

it_script *it_script_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

it_node *it_script_node(lua_State *L, int arg)
{
    it_node *n = it_world_node(it_lab_world(it_script_of(L)->lab), (uint32_t)luaL_checkinteger(L, arg));
    if (!n)
        luaL_error(L, "no such node");
    return n;
}

it_host *it_script_host(lua_State *L, int arg)
{
    it_host *h = it_host_of(it_script_node(L, arg));
    const char *device = it_script_edge_of(it_script_of(L), it_script_node(L, arg));
    char text[160];
    if (device) {
        snprintf(text, sizeof text,
                 "%s is device %s of this machine: no app of the tank runs there, and it has no state",
                 it_script_node(L, arg)->name, device);
        it_script_raise(L, "error", NULL, text);
    }
    if (!h)
        luaL_error(L, "not a host");
    return h;
}

it_ip it_script_ip(lua_State *L, int arg)
{
    it_ip ip = {0, 0};
    const char *text = luaL_checkstring(L, arg);
    if (it_ip_parse(&ip, text) < 0)
        luaL_error(L, "\"%s\" is no IP address", text);
    return ip;
}

void it_script_check(lua_State *L, int err, const char *what)
{
    if (err == IT_ERR_NOMEM)
        it_script_of(L)->out_of_memory = true;
    if (err < 0)
        luaL_error(L, "%s: %s", what, it_err_str(err));
}

int it_script_raise(lua_State *L, const char *kind, const char *where, const char *text)
{
    lua_newtable(L);
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    if (where && *where) {
        lua_pushstring(L, where);
        lua_setfield(L, -2, "where");
    }
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
    return lua_error(L);
}

int64_t it_script_int(lua_State *L, int index, const char *key, int64_t otherwise)
{
    index = lua_absindex(L, index);
    lua_getfield(L, index, key);
    int64_t v = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : otherwise;
    lua_pop(L, 1);
    return v;
}

bool it_script_bool(lua_State *L, int index, const char *key)
{
    lua_getfield(L, index, key);
    bool v = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return v;
}

/* --- loading --- */

/* A function that returns the compiled part on its stack as upvalue 1: parts.base() */
static int f_part(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static void set_functions(lua_State *L, it_script *s, const luaL_Reg *list)
{
    lua_pushlightuserdata(L, s);
    luaL_setfuncs(L, list, 1);
}

/* left(cell): `where` leaves cell number |cell| of the scenario being planned; left(): how many were left so far. */
static int f_left(lua_State *L)
{
    it_script *s = it_script_of(L);
    if (lua_isinteger(L, 1)) {
        if (it_grow(s->alloc, &s->left, &s->cap_left, s->n_left + 1, sizeof *s->left) < 0) {
            s->out_of_memory = true;
            return luaL_error(L, "not enough memory");
        }
        s->left[s->n_left++] = (uint32_t)lua_tointeger(L, 1);
    }
    lua_pushinteger(L, (lua_Integer)s->n_left);
    return 1;
}

static const luaL_Reg OWN[] = {{"budget", f_budget},         {"left", f_left},   {"spend", f_spend},
                               {"over_limit", f_over_limit}, {"lines", f_lines}, {"limit", f_limit},
                               {"by_limit", f_by_limit},     {NULL, NULL}};

/* Pushes part |i| as a function. */
static void load_part(lua_State *L, it_script *s, int i)
{
    it_bytes code = it_code_part(s->code, i);
    if (luaL_loadbufferx(L, (const char *)code.p, code.n, "=[icetank]", "b") != LUA_OK)
        lua_error(L);
}

/* Puts the functions of every file into the table on top. */
static void set_all_functions(lua_State *L, it_script *s)
{
    const luaL_Reg *const ALL[] = {OWN,
                                   IT_SCRIPT_NET,
                                   IT_SCRIPT_SERVICE,
                                   IT_SCRIPT_WALL,
                                   IT_SCRIPT_LINK,
                                   IT_SCRIPT_PEER,
                                   IT_SCRIPT_E,
                                   IT_SCRIPT_DATA,
                                   IT_SCRIPT_ADDR,
                                   IT_SCRIPT_ORACLE,
                                   IT_SCRIPT_SIGNAL,
                                   IT_SCRIPT_A,
                                   IT_SCRIPT_B,
                                   IT_SCRIPT_RELAY,
                                   IT_SCRIPT_TURN,
                                   IT_SCRIPT_CHECKRELAY,
                                   IT_SCRIPT_TCP,
                                   IT_SCRIPT_RTMFP,
                                   IT_SCRIPT_NETCONNECTION,
                                   IT_SCRIPT_C,
                                   IT_SCRIPT_BEHAVIOUR,
                                   IT_SCRIPT_TRIPS,
                                   IT_SCRIPT_ATTACK,
                                   IT_SCRIPT_EDGE};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        set_functions(L, s, ALL[i]);
}

/* Runs protected: opens libraries, loads every part, leaves the language's table in the registry. */
static int open_language(lua_State *L)
{
    it_script *s = lua_touserdata(L, 1);
    static const luaL_Reg LIBS[] = {
        {"_G", luaopen_base},     {"table", luaopen_table},         {"string", luaopen_string},
        {"math", luaopen_math},   {"coroutine", luaopen_coroutine}, {"utf8", luaopen_utf8},
        {"debug", luaopen_debug},
    };
    for (size_t i = 0; i < sizeof LIBS / sizeof *LIBS; i++) {
        luaL_requiref(L, LIBS[i].name, LIBS[i].func, 1);
        lua_pop(L, 1);
    }
    load_part(L, s, IT_CODE_TANK);
    lua_newtable(L);
    set_all_functions(L, s);
    it_pattern_open(L, &PATTERN_METER);
    lua_setfield(L, -2, "pattern");
    lua_pushlightuserdata(L, NULL); /* null in a result */
    lua_setfield(L, -2, "null");
    lua_newtable(L);
    for (int i = 0; i < IT_CODE_TANK; i++) {
        load_part(L, s, i);
        lua_pushcclosure(L, f_part, 1);
        lua_setfield(L, -2, it_code_part_name(i));
    }
    lua_call(L, 2, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &BUDGET_KEY);
    return 0;
}

it_script *it_script_new(const it_script_cfg *cfg)
{
    it_script *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = *cfg;
    s->alloc = cfg->alloc;
    s->cfg.budget = cfg->budget ? cfg->budget : IT_SCRIPT_BUDGET;
    s->cfg.budget_in_all = cfg->budget_in_all ? cfg->budget_in_all : IT_SCRIPT_BUDGET_IN_ALL;
    it_str_init(&s->uses, s->alloc);
    s->code = cfg->code ? cfg->code : (s->own_code = it_code_new(s->alloc));
    if (!s->code) {
        it_script_free(s);
        return NULL;
    }
    s->lab = it_lab_new(&(it_lab_cfg){cfg->alloc, cfg->seed});
    it_world *w = s->lab ? it_lab_world(s->lab) : NULL;
    if (s->lab)
        it_lab_listen_services(s->lab, (it_lab_services){s, it_script_service_told});
    bool watched = w && (!cfg->capture || it_world_observe(w, it_capture_observer(cfg->capture)) == 0) &&
                   (!cfg->trace || it_world_observe(w, it_trace_observer(cfg->trace)) == 0);
    s->L = watched ? lua_newstate(allocate, s) : NULL;
    if (!s->L) {
        it_script_free(s);
        return NULL;
    }
    lua_pushcfunction(s->L, open_language);
    lua_pushlightuserdata(s->L, s);
    if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) {
        /* Only memory may be missing here; anything else is a mistake in the embedded parts. */
        if (!s->out_of_memory)
            fprintf(stderr, "icetank: internal error: %s\n", lua_tostring(s->L, -1));
        it_script_free(s);
        return NULL;
    }
    return s;
}

void it_script_listen(it_script *s, it_lab_listener l)
{
    it_lab_listen(s->lab, l);
}

void it_script_free(it_script *s)
{
    if (!s)
        return;
    if (s->L)
        lua_close(s->L);
    it_trips_free(s->trips);
    it_script_edges_fini(s);
    it_lab_free(s->lab);
    it_script_pki_fini(s);
    it_script_attackers_fini(s);
    it_str_fini(&s->uses);
    it_watch_free(s->watch);
    it_code_free(s->own_code);
    it_free(s->alloc, s->left);
    it_free(s->alloc, s->lives);
    it_free(s->alloc, s->said);
    it_free(s->alloc, s->rngs);
    it_free(s->alloc, s);
}

void it_script_push(it_script *s, const char *name)
{
    lua_rawgetp(s->L, LUA_REGISTRYINDEX, &BUDGET_KEY);
    lua_getfield(s->L, -1, name);
    lua_remove(s->L, -2);
}

/* "WHERE: TEXT" when memory ran out; false when it did not. */
static bool memory_text(const it_script *s, const char *file, char *out, size_t cap)
{
    if (s->over_limit)
        snprintf(out, cap, "%s: %s", *s->over_where ? s->over_where : file, IT_SCRIPT_OVER);
    else if (s->out_of_memory)
        snprintf(out, cap, "%s: %s", file, it_err_str(IT_ERR_NOMEM));
    return s->out_of_memory;
}

/* Line breaks become spaces. */
static void one_line(char *text)
{
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
}

void it_script_error_text(it_script *s, const char *file, char *out, size_t cap)
{
    lua_State *L = s->L;
    memory_ended(L, s);
    if (memory_text(s, file, out, cap))
        return;
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "where");
        lua_getfield(L, -2, "text");
        const char *where = lua_tostring(L, -2), *text = lua_tostring(L, -1);
        snprintf(out, cap, "%s: %s", where ? where : file, text ? text : "error");
        lua_pop(L, 2);
    } else {
        const char *text = lua_tostring(L, -1);
        snprintf(out, cap, "%s", text ? text : "error");
    }
    one_line(out);
}
