/* Running a case: what the language says of it becomes the members of its result. And two questions to the language
 * alone. */
#include "lab/lang/bind/impl.h"

#include <stdio.h>
#include <string.h>

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

void it_script_no_result(it_json *j, const it_case *c, const char *why)
{
    /* in the order of a whole result, so that a case that a limit ends says the same wherever it meets it */
    static const char *const LISTS[] = {"events", "faults"};
    static const char *const NULLS[] = {"oracle", "outcome", "path"};
    it_json_arr(j, "checks");
    it_json_end_arr(j);
    it_json_str(j, "error", why);
    for (size_t i = 0; i < 2; i++) {
        it_json_arr(j, LISTS[i]);
        it_json_end_arr(j);
    }
    it_json_obj(j, "metrics");
    it_json_end_obj(j);
    if (!c->model)
        it_json_null(j, "model");
    for (size_t i = 0; i < 3; i++)
        it_json_null(j, NULLS[i]);
    it_json_str(j, "verdict", "error");
}

const char *it_script_uses(const it_script *s)
{
    return it_str_c(&s->uses);
}

/* What the protected part of a run works on. */
typedef struct job {
    it_script *s;
    const it_case *c;
    it_bytes text;
    it_json *j;
    char *verdict;
} job;

/* Takes string |key| out of the result on the stack; "" when it is none. */
static const char *take_field(lua_State *L, const char *key)
{
    lua_getfield(L, -1, key);
    const char *v = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    lua_pop(L, 1); /* the result still holds it */
    return v;
}

/* Protected: any of this may run out of memory. */
static int run_protected(lua_State *L)
{
    job *b = lua_touserdata(L, 1);
    it_script *s = b->s;
    it_script_push(s, "run");
    lua_pushlstring(L, (const char *)b->text.p, b->text.n);
    lua_pushstring(L, b->c->file);
    lua_pushstring(L, b->c->key);
    lua_pushstring(L, b->c->index);
    lua_pushinteger(L, b->c->k);
    lua_call(L, 5, 1);
    it_str_puts(&s->uses, take_field(L, "uses"));
    snprintf(b->verdict, 16, "%s", take_field(L, "verdict"));
    lua_pushnil(L);
    lua_setfield(L, -2, "uses");
    write_members(L, b->j);
    return 0;
}

int it_script_run(it_script *s, const it_case *c, it_bytes text, it_json *j, char verdict[16])
{
    lua_State *L = s->L;
    job b = {s, c, text, j, verdict};
    const it_json before = *j;
    const size_t written = j->out->n;
    const uint64_t refused = s->alloc->refused;
    int rc = 0;
    it_str_clear(&s->uses);
    lua_pushcfunction(L, run_protected);
    lua_pushlightuserdata(L, &b);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        /* The script's state could not even say what went wrong. */
        char why[512];
        it_script_error_text(s, c->file, why, sizeof why);
        it_str_clear(&s->uses);
        it_str_puts(&s->uses, "*");
        snprintf(verdict, 16, "error");
        *j = before; /* without the members that were written when memory ran out */
        it_str_cut(j->out, written);
        if (s->out_of_memory && !s->over_limit)
            rc = IT_ERR_NOMEM;
        else
            it_script_no_result(j, c, why);
    }
    lua_settop(L, 0);
    if (j->out->oom || s->uses.oom)
        return IT_ERR_NOMEM;
    /* What was lost for want of memory may be why it failed, whoever lost it. */
    bool lost = s->alloc->refused > refused;
    return lost && strcmp(verdict, "fail") == 0 ? IT_ERR_NOMEM : rc;
}

/* What the protected part of judging a hypothesis works on. */
typedef struct claim {
    it_script *s;
    const it_case *c;
    const char *name;
    it_bytes data;
    it_json *j;
    bool ok;
} claim;

static int claim_protected(lua_State *L)
{
    claim *q = lua_touserdata(L, 1);
    it_script_push(q->s, "hypothesis");
    lua_pushlstring(L, (const char *)q->c->text.p, q->c->text.n);
    lua_pushstring(L, q->c->file);
    lua_pushstring(L, q->c->key);
    lua_pushstring(L, q->name);
    lua_pushlstring(L, (const char *)q->data.p, q->data.n);
    lua_call(L, 5, 1);
    lua_getfield(L, -1, "ok");
    q->ok = lua_toboolean(L, -1);
    lua_pop(L, 1);
    write_members(L, q->j);
    return 0;
}

int it_script_hypothesis(it_script *s, const it_case *c, const char *name, it_bytes data, it_json *j, bool *ok,
                         char err[512])
{
    lua_State *L = s->L;
    claim q = {s, c, name, data, j, false};
    int rc = 0;
    lua_pushcfunction(L, claim_protected);
    lua_pushlightuserdata(L, &q);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        it_script_error_text(s, c->file, err, 512);
        rc = s->out_of_memory ? IT_ERR_NOMEM : IT_ERR_PARSE;
    }
    lua_settop(L, 0);
    *ok = q.ok;
    return j->out->oom ? IT_ERR_NOMEM : rc;
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

/* A question to the language: function |name| of up to three strings. */
typedef struct ask {
    it_script *s;
    const char *name, *arg[3];
    it_str *out;
} ask;

static int ask_protected(lua_State *L)
{
    ask *q = lua_touserdata(L, 1);
    it_script_push(q->s, q->name);
    for (int i = 0; i < 3; i++)
        lua_pushstring(L, q->arg[i]);
    lua_call(L, 3, 1);
    it_str_puts(q->out, lua_tostring(L, -1));
    return 0;
}

static int answer(ask *q, char err[512])
{
    lua_State *L = q->s->L;
    int rc = IT_ERR_PARSE;
    lua_pushcfunction(L, ask_protected);
    lua_pushlightuserdata(L, q);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) {
        rc = 0;
    } else if (lua_istable(L, -1) && !q->s->out_of_memory) {
        snprintf(err, 512, "%s", take_field(L, "text"));
        rc = strcmp(take_field(L, "kind"), "unsupported") == 0 ? IT_ERR_UNSUPPORTED : IT_ERR_PARSE;
    } else {
        it_script_error_text(q->s, q->name, err, 512);
        rc = q->s->out_of_memory ? IT_ERR_NOMEM : IT_ERR_PARSE;
    }
    lua_settop(L, 0);
    return q->out->oom ? IT_ERR_NOMEM : rc;
}

int it_script_oracle(it_script *s, const char *near, const char *far, const char *model, it_str *out, char err[512])
{
    return answer(&(ask){s, "oracle", {near, far, model}, out}, err);
}

int it_script_profiles(it_script *s, const char *word, bool json, it_str *out, char err[512])
{
    return answer(&(ask){s, "profiles", {word, json ? "json" : NULL, NULL}, out}, err);
}

int it_script_d_lua(it_script *s, it_str *out)
{
    char err[512];
    return answer(&(ask){s, "d_lua", {NULL, NULL, NULL}, out}, err);
}
