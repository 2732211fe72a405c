/* Planning: what the language says of a file's scenarios, taken into a plan. */
#include "lab/lang/bind/impl.h"

#include <stdio.h>
#include <string.h>

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

/* The names of an axis' values, a list on the stack. */
static void copy_names(lua_State *L, it_alloc *a, it_axis *x, bool *ok)
{
    x->value = it_calloc(a, x->n, sizeof *x->value);
    *ok = *ok && x->value;
    for (uint32_t i = 0; *ok && i < x->n; i++) {
        lua_geti(L, -1, (lua_Integer)i + 1);
        x->value[i] = it_strdup(a, lua_tostring(L, -1));
        *ok = x->value[i] != NULL;
        lua_pop(L, 1);
    }
}

/* Which of an axis' values are text, a list of true and false on the stack. */
static void copy_flags(lua_State *L, it_alloc *a, it_axis *x, bool *ok)
{
    x->text = it_calloc(a, x->n, sizeof *x->text);
    *ok = *ok && x->text;
    for (uint32_t i = 0; *ok && i < x->n; i++) {
        lua_geti(L, -1, (lua_Integer)i + 1);
        x->text[i] = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
}

/* The axis on the stack: { name, n, names or width, text }. */
static void copy_axis(lua_State *L, it_alloc *a, it_axis *x, bool *ok)
{
    x->name = copy_field(L, a, "name", ok);
    x->n = (uint32_t)it_script_int(L, -1, "n", 0);
    x->width = (int)it_script_int(L, -1, "width", 1);
    if (lua_getfield(L, -1, "names") == LUA_TTABLE)
        copy_names(L, a, x, ok);
    if (lua_getfield(L, -2, "text") == LUA_TTABLE)
        copy_flags(L, a, x, ok);
    lua_pop(L, 2);
}

static void copy_axes(lua_State *L, it_alloc *a, it_planned *s, bool *ok)
{
    lua_getfield(L, -1, "axes");
    int n = (int)luaL_len(L, -1);
    s->axis = it_calloc(a, (size_t)n, sizeof *s->axis);
    *ok = *ok && (s->axis || n == 0);
    while (*ok && s->n_axes < n) {
        it_axis *x = &s->axis[s->n_axes++];
        lua_geti(L, -1, s->n_axes);
        copy_axis(L, a, x, ok);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The cells that are left: all of so many, or those of |left| from the scenario's first on. */
static void copy_cells(lua_State *L, it_alloc *a, const uint32_t *left, it_planned *s, bool *ok)
{
    int64_t from = it_script_int(L, -1, "left_from", -1);
    s->n_cells = (uint32_t)it_script_int(L, -1, "n_cells", 0);
    if (from < 0)
        return;
    s->cell = it_calloc(a, s->n_cells, sizeof *s->cell);
    *ok = *ok && s->cell;
    if (s->cell)
        memcpy(s->cell, left + from, s->n_cells * sizeof *s->cell);
}

/* What the protected part of planning works on. */
typedef struct job {
    it_script *s;
    it_plan *plan;
    it_bytes text;
    const char *file, *stem;
    it_planned now; /* what is being made */
    int rc;
} job;

/* Appends the scenario on the stack. */
static int add_scenario(lua_State *L, job *b)
{
    it_alloc *a = b->plan->alloc;
    it_planned *s = &b->now;
    bool ok = true;
    *s = (it_planned){.text = b->text, .seeds = (uint32_t)it_script_int(L, -1, "seeds", 1)};
    s->stem = copy_field(L, a, "stem", &ok);
    s->key = copy_field(L, a, "key", &ok);
    s->title = copy_field(L, a, "title", &ok);
    s->needs = copy_field(L, a, "needs", &ok);
    s->file = it_strdup(a, b->file);
    ok = ok && s->file;
    copy_axes(L, a, s, &ok);
    copy_cells(L, a, b->s->left, s, &ok);
    if (!ok)
        return IT_ERR_NOMEM;
    it_planned whole = *s;
    *s = (it_planned){0};
    return it_plan_add(b->plan, &whole);
}

/* Protected: any of this may run out of memory. */
static int plan_protected(lua_State *L)
{
    job *b = lua_touserdata(L, 1);
    it_script_push(b->s, "plan");
    lua_pushlstring(L, (const char *)b->text.p, b->text.n);
    lua_pushstring(L, b->file);
    lua_pushstring(L, b->stem);
    lua_call(L, 3, 1);
    for (lua_Integer i = 1; b->rc == 0 && i <= luaL_len(L, 2); i++) {
        lua_geti(L, 2, i);
        b->rc = add_scenario(L, b);
        lua_pop(L, 1);
    }
    return 0;
}

int it_script_plan(it_script *s, it_plan *plan, it_bytes text, const char *file, const char *stem, char err[512])
{
    lua_State *L = s->L;
    job b = {.s = s, .plan = plan, .text = text, .file = file, .stem = stem};
    size_t before = plan->n_v;
    lua_pushcfunction(L, plan_protected);
    lua_pushlightuserdata(L, &b);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        it_script_error_text(s, file, err, 512);
        b.rc = s->out_of_memory && !s->over_limit ? IT_ERR_NOMEM : IT_ERR_PARSE;
    } else if (b.rc == IT_ERR_LIMIT) {
        snprintf(err, 512, "%s: more than %d cases", file, IT_PLAN_CASES_MAX);
    } else if (b.rc < 0) {
        snprintf(err, 512, "%s: %s", file, it_err_str(b.rc));
    }
    it_planned_fini(plan->alloc, &b.now);
    if (b.rc < 0) /* a file is planned whole or not at all */
        it_plan_cut(plan, before);
    lua_settop(L, 0);
    return b.rc;
}
