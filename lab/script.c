/* The Lua state of one case: its limits, its C functions, loading of the language, planning and running. */
#include "lab/script_impl.h"

#include <lua5.4/lualib.h>

#include <stdio.h>
#include <string.h>

/* The parts of the language, embedded by the build. */
#define PART(name)                                                                                                                         \
    extern const unsigned char it_embed_##name[];                                                                                          \
    extern const size_t it_embed_##name##_size;
PART(base)
PART(schema)
PART(sched)
PART(topo)
PART(peers)
PART(judge)
PART(tank)

static const struct {
    const char *name;
    const unsigned char *text;
    const size_t *size;
} PARTS[] = {
    {"base", it_embed_base, &it_embed_base_size},    {"schema", it_embed_schema, &it_embed_schema_size},
    {"sched", it_embed_sched, &it_embed_sched_size}, {"topo", it_embed_topo, &it_embed_topo_size},
    {"peers", it_embed_peers, &it_embed_peers_size}, {"judge", it_embed_judge, &it_embed_judge_size},
};

static const char BUDGET_KEY = 0; /* its address names the state in the registry */

/* --- limits --- */

/* Lua's allocator: the case's, with the limit on memory. */
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
    if (size > old && s->memory + (size - old) > IT_SCRIPT_MEMORY) {
        s->out_of_memory = true;
        return NULL;
    }
    void *q = it_realloc(s->alloc, p, 1, size);
    if (!q) {
        s->out_of_memory = true;
        return NULL;
    }
    s->memory += size - old;
    return q;
}

static void budget_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    luaL_error(L, "no yield for %d instructions: an endless loop?", IT_SCRIPT_BUDGET);
}

/* budget(): the count of instructions starts over, for coroutines made from now on and all that share the hook. */
static int f_budget(lua_State *L)
{
    lua_sethook(L, budget_hook, LUA_MASKCOUNT, IT_SCRIPT_BUDGET);
    return 0;
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
    lua_call(L, 0, 1);
    return 1;
}

static void set_functions(lua_State *L, it_script *s, const luaL_Reg *list)
{
    lua_pushlightuserdata(L, s);
    luaL_setfuncs(L, list, 1);
}

static const luaL_Reg OWN[] = {{"budget", f_budget}, {NULL, NULL}};

/* Runs protected: opens libraries, loads every part, leaves the language's table in the registry. */
static int open_language(lua_State *L)
{
    it_script *s = lua_touserdata(L, 1);
    static const luaL_Reg LIBS[] = {
        {"_G", luaopen_base},          {"table", luaopen_table}, {"string", luaopen_string}, {"math", luaopen_math},
        {"coroutine", luaopen_coroutine}, {"utf8", luaopen_utf8},   {"debug", luaopen_debug},
    };
    for (size_t i = 0; i < sizeof LIBS / sizeof *LIBS; i++) {
        luaL_requiref(L, LIBS[i].name, LIBS[i].func, 1);
        lua_pop(L, 1);
    }
    if (luaL_loadbuffer(L, (const char *)it_embed_tank, it_embed_tank_size, "=[icetank]") != LUA_OK)
        return lua_error(L);
    lua_newtable(L);
    set_functions(L, s, OWN);
    set_functions(L, s, IT_SCRIPT_NET);
    set_functions(L, s, IT_SCRIPT_PEER);
    set_functions(L, s, IT_SCRIPT_DATA);
    lua_newtable(L);
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        if (luaL_loadbuffer(L, (const char *)PARTS[i].text, *PARTS[i].size, "=[icetank]") != LUA_OK)
            return lua_error(L);
        lua_pushcclosure(L, f_part, 1);
        lua_setfield(L, -2, PARTS[i].name);
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
    s->lab = it_lab_new(&(it_lab_cfg){cfg->alloc, cfg->seed, cfg->shared});
    it_world *w = s->lab ? it_lab_world(s->lab) : NULL;
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
    it_lab_free(s->lab);
    it_free(s->alloc, s->rngs);
    it_free(s->alloc, s);
}

/* Pushes function |name| of the language. */
static void push_function(it_script *s, const char *name)
{
    lua_rawgetp(s->L, LUA_REGISTRYINDEX, &BUDGET_KEY);
    lua_getfield(s->L, -1, name);
    lua_remove(s->L, -2);
}

/* One line for the error value on the stack: a table with where and text, or a string. */
static void error_text(lua_State *L, char *out, size_t cap)
{
    const char *where = NULL, *text = NULL;
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "where");
        lua_getfield(L, -2, "text");
        where = lua_tostring(L, -2);
        text = lua_tostring(L, -1);
        snprintf(out, cap, "%s%s%s", where ? where : "", where ? ": " : "", text ? text : "error");
        lua_pop(L, 2);
    } else {
        text = lua_tostring(L, -1);
        snprintf(out, cap, "%s", text ? text : "error");
    }
    for (char *p = out; *p; p++)
        if (*p == '\n')
            *p = ' ';
}

/* --- planning --- */

void it_plan_init(it_plan *p, it_alloc *alloc)
{
    *p = (it_plan){.alloc = alloc};
}

static void case_fini(it_alloc *a, it_case *c)
{
    char *parts[] = {c->id, c->file, c->key, c->index, c->title, c->model, c->cell};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        it_free(a, parts[i]);
}

void it_plan_fini(it_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        case_fini(p->alloc, &p->v[i]);
    it_free(p->alloc, p->v);
    it_plan_init(p, p->alloc);
}

/* A copy of string field |key| of the table on the stack, NULL when absent; |*ok| turns false on no memory. */
static char *copy_field(lua_State *L, it_alloc *a, const char *key, bool *ok)
{
    lua_getfield(L, -1, key);
    const char *v = lua_tostring(L, -1);
    char *out = v ? it_strdup(a, v) : NULL;
    *ok = *ok && (out || !v);
    lua_pop(L, 1);
    return out;
}

/* The cell's names as a JSON object, keys in order. */
static char *copy_cell(lua_State *L, it_alloc *a, bool *ok)
{
    it_str text;
    it_json j;
    it_str_init(&text, a);
    it_json_init(&j, &text);
    it_json_obj(&j, NULL);
    lua_getfield(L, -1, "cell");
    /* Sorted by insertion into an array of keys: there are few axes. */
    const char *keys[32];
    int n = 0;
    for (lua_pushnil(L); lua_next(L, -2);) {
        const char *k = lua_tostring(L, -2);
        int i = n < 32 ? n++ : 31;
        while (i > 0 && strcmp(keys[i - 1], k) > 0) {
            keys[i] = keys[i - 1];
            i--;
        }
        keys[i] = k;
        lua_pop(L, 1);
    }
    for (int i = 0; i < n; i++) {
        lua_getfield(L, -1, keys[i]);
        it_json_str(&j, keys[i], lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    it_json_end_obj(&j);
    char *out = text.oom ? NULL : it_strdup(a, it_str_c(&text));
    it_str_fini(&text);
    *ok = *ok && out;
    return out;
}

/* Appends the planned case on the stack. */
static int add_case(lua_State *L, it_plan *plan, const char *file)
{
    if (it_grow(plan->alloc, &plan->v, &plan->cap, plan->n + 1, sizeof *plan->v) < 0)
        return IT_ERR_NOMEM;
    bool ok = true;
    it_case *c = &plan->v[plan->n];
    *c = (it_case){0};
    c->id = copy_field(L, plan->alloc, "id", &ok);
    c->key = copy_field(L, plan->alloc, "key", &ok);
    c->index = copy_field(L, plan->alloc, "index", &ok);
    c->title = copy_field(L, plan->alloc, "title", &ok);
    c->model = copy_field(L, plan->alloc, "model", &ok);
    c->k = it_script_int(L, -1, "k", 1);
    c->file = it_strdup(plan->alloc, file);
    c->cell = copy_cell(L, plan->alloc, &ok);
    if (!ok || !c->file) {
        case_fini(plan->alloc, c);
        return IT_ERR_NOMEM;
    }
    plan->n++;
    return 0;
}

int it_script_plan(it_script *s, it_plan *plan, it_bytes text, const char *file, const char *stem, char err[512])
{
    lua_State *L = s->L;
    push_function(s, "plan");
    lua_pushlstring(L, (const char *)text.p, text.n);
    lua_pushstring(L, file);
    lua_pushstring(L, stem);
    if (lua_pcall(L, 3, 1, 0) != LUA_OK) {
        error_text(L, err, 512);
        lua_settop(L, 0);
        return s->out_of_memory ? IT_ERR_NOMEM : IT_ERR_PARSE;
    }
    int rc = 0;
    for (lua_Integer i = 1; rc == 0 && i <= luaL_len(L, 1); i++) {
        lua_geti(L, 1, i);
        rc = add_case(L, plan, file);
        lua_pop(L, 1);
    }
    if (rc < 0)
        snprintf(err, 512, "%s: %s", file, it_err_str(rc));
    lua_settop(L, 0);
    return rc;
}

/* --- running --- */

static void write_value(lua_State *L, it_json *j, const char *key);

static int by_text(lua_State *L, const char **keys, int cap)
{
    int n = 0;
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING || n == cap)
            continue;
        const char *k = lua_tostring(L, -1);
        int i = n++;
        while (i > 0 && strcmp(keys[i - 1], k) > 0) {
            keys[i] = keys[i - 1];
            i--;
        }
        keys[i] = k;
    }
    return n;
}

/* The table on the stack as members of the open object, keys in order. A trailing "_" of a key is left out ("end_"). */
static void write_members(lua_State *L, it_json *j)
{
    const char *keys[128];
    int n = by_text(L, keys, 128);
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", keys[i]);
        size_t len = strlen(name);
        if (len && name[len - 1] == '_')
            name[len - 1] = '\0';
        lua_getfield(L, -1, keys[i]);
        write_value(L, j, name);
        lua_pop(L, 1);
    }
}

static void write_table(lua_State *L, it_json *j, const char *key)
{
    lua_Integer n = luaL_len(L, -1);
    lua_pushnil(L);
    bool empty = lua_next(L, -2) == 0;
    if (!empty)
        lua_pop(L, 2);
    bool list = n > 0 || (empty && key && strcmp(key, "metrics") != 0);
    if (!list) {
        it_json_obj(j, key);
        write_members(L, j);
        it_json_end_obj(j);
        return;
    }
    it_json_arr(j, key);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, -1, i);
        write_value(L, j, NULL);
        lua_pop(L, 1);
    }
    it_json_end_arr(j);
}

static void write_value(lua_State *L, it_json *j, const char *key)
{
    size_t n;
    const char *text;
    luaL_checkstack(L, 8, NULL);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &n);
        it_json_strn(j, key, text, n);
        break;
    case LUA_TNUMBER:
        it_json_int(j, key, (int64_t)lua_tointeger(L, -1));
        break;
    case LUA_TBOOLEAN:
        it_json_bool(j, key, lua_toboolean(L, -1));
        break;
    case LUA_TTABLE:
        write_table(L, j, key);
        break;
    default:
        it_json_null(j, key);
    }
}

/* The result of a case whose script state could not even say what went wrong. */
static void write_error(it_script *s, it_json *j, char verdict[16])
{
    char text[512];
    error_text(s->L, text, sizeof text);
    it_json_str(j, "verdict", "error");
    it_json_str(j, "error", s->out_of_memory ? "the script needs more than 64 MB of memory" : text);
    it_json_arr(j, "checks");
    it_json_end_arr(j);
    snprintf(verdict, 16, "error");
}

static int write_result(lua_State *L)
{
    it_json *j = lua_touserdata(L, 2);
    lua_settop(L, 1);
    write_members(L, j);
    return 0;
}

int it_script_run(it_script *s, const it_case *c, it_bytes text, it_json *j, char verdict[16])
{
    lua_State *L = s->L;
    push_function(s, "run");
    lua_pushlstring(L, (const char *)text.p, text.n);
    lua_pushstring(L, c->file);
    lua_pushstring(L, c->key);
    lua_pushstring(L, c->index);
    lua_pushinteger(L, c->k);
    if (lua_pcall(L, 5, 1, 0) != LUA_OK) {
        write_error(s, j, verdict);
        lua_settop(L, 0);
        return j->out->oom ? IT_ERR_NOMEM : 0;
    }
    lua_getfield(L, -1, "verdict");
    snprintf(verdict, 16, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    lua_pushcfunction(L, write_result);
    lua_insert(L, 1);
    lua_pushlightuserdata(L, j);
    int rc = lua_pcall(L, 2, 0, 0) == LUA_OK && !j->out->oom ? 0 : IT_ERR_NOMEM;
    lua_settop(L, 0);
    return rc;
}

uint64_t it_script_fingerprint(it_script *s)
{
    return it_world_fingerprint(it_lab_world(s->lab));
}

uint64_t it_script_cause(const it_script *s, bool *by_fault)
{
    *by_fault = it_lab_link_changed(s->lab);
    return it_lab_cause(s->lab);
}

int it_script_d_lua(it_script *s, it_str *out)
{
    push_function(s, "d_lua");
    if (lua_pcall(s->L, 0, 1, 0) != LUA_OK) {
        lua_settop(s->L, 0);
        return IT_ERR_NOMEM;
    }
    it_str_puts(out, lua_tostring(s->L, -1));
    lua_settop(s->L, 0);
    return out->oom ? IT_ERR_NOMEM : 0;
}
