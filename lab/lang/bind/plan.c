/* Plans: the cases of scenario files, as the language unfolds them. */
#include "lab/lang/bind/impl.h"

#include <stdio.h>

void it_plan_init(it_plan *p, it_alloc *alloc)
{
    *p = (it_plan){.alloc = alloc};
}

void it_case_fini(it_alloc *a, it_case *c)
{
    char *parts[] = {c->id, c->file, c->key, c->index, c->title, c->model, c->cell, c->needs};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        it_free(a, parts[i]);
}

int it_plan_keep(it_plan *p, char *text)
{
    if (it_grow(p->alloc, &p->texts, &p->cap_texts, p->n_texts + 1, sizeof *p->texts) < 0) {
        it_free(p->alloc, text);
        return IT_ERR_NOMEM;
    }
    p->texts[p->n_texts++] = text;
    return 0;
}

void it_plan_fini(it_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        it_case_fini(p->alloc, &p->v[i]);
    for (size_t i = 0; i < p->n_texts; i++)
        it_free(p->alloc, p->texts[i]);
    it_free(p->alloc, p->texts);
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
static int add_case(lua_State *L, it_plan *plan, it_bytes text, const char *file)
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
    c->needs = copy_field(L, plan->alloc, "needs", &ok);
    c->k = it_script_int(L, -1, "k", 1);
    c->text = text;
    c->file = it_strdup(plan->alloc, file);
    c->cell = copy_cell(L, plan->alloc, &ok);
    if (!ok || !c->file) {
        it_case_fini(plan->alloc, c);
        return IT_ERR_NOMEM;
    }
    plan->n++;
    return 0;
}

/* What the protected part of planning works on. */
typedef struct job {
    it_script *s;
    it_plan *plan;
    it_bytes text;
    const char *file, *stem;
    int rc;
} job;

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
        b->rc = add_case(L, b->plan, b->text, b->file);
        lua_pop(L, 1);
    }
    return 0;
}

int it_script_plan(it_script *s, it_plan *plan, it_bytes text, const char *file, const char *stem, char err[512])
{
    lua_State *L = s->L;
    job b = {s, plan, text, file, stem, 0};
    size_t before = plan->n;
    lua_pushcfunction(L, plan_protected);
    lua_pushlightuserdata(L, &b);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        it_script_error_text(s, file, err, 512);
        b.rc = s->out_of_memory && !s->over_limit ? IT_ERR_NOMEM : IT_ERR_PARSE;
    } else if (b.rc < 0) {
        snprintf(err, 512, "%s: %s", file, it_err_str(b.rc));
    }
    while (b.rc < 0 && plan->n > before) /* a file is planned whole or not at all */
        it_case_fini(plan->alloc, &plan->v[--plan->n]);
    lua_settop(L, 0);
    return b.rc;
}
