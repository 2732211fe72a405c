/* Case ids: no two are the same, and which of them a run is about. */
#include "lab/run/impl.h"

#include "base/text/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As it_run_match, of a |glob| that begins with a star: "*" is any part of a name, "**" any part of a path. */
static bool match_star(const char *glob, const char *id)
{
    bool deep = glob[1] == '*';
    const char *rest = glob + (deep ? 2 : 1);
    for (;; id++) {
        if (it_run_match(rest, id))
            return true;
        if (!*id || (*id == '/' && !deep))
            return false;
    }
}

bool it_run_match(const char *glob, const char *id)
{
    for (; *glob; glob++, id++) {
        if (*glob == '*')
            return match_star(glob, id);
        if (*glob != *id)
            return false;
    }
    return !*id;
}

/* --- no two cases have one id --- */

static int no_memory(char err[IT_RUN_ERR])
{
    snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
    return IT_ERR_NOMEM;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 1 when two values of |x| have one name, 0 when none do, or IT_ERR_NOMEM. */
static int names_twice(it_alloc *a, const it_axis *x)
{
    char **v = x->value ? it_calloc(a, x->n, sizeof *v) : NULL;
    int twice = 0;
    if (!x->value)
        return 0;
    if (!v)
        return IT_ERR_NOMEM;
    memcpy(v, x->value, x->n * sizeof *v);
    qsort(v, x->n, sizeof *v, by_text);
    for (uint32_t i = 0; i + 1 < x->n; i++)
        twice |= strcmp(v[i], v[i + 1]) == 0;
    it_free(a, v);
    return twice;
}

/* A scenario on its way to be compared with those of the same beginning of ids. */
static int by_stem(const void *a, const void *b)
{
    const it_planned *x = *(const it_planned *const *)a, *y = *(const it_planned *const *)b;
    int d = strcmp(x->stem, y->stem);
    return d ? d : x < y ? -1 : x > y;
}

/* A case with its id written out. */
typedef struct named {
    char *id;
    const it_planned *s;
    size_t number;
} named;

static int by_id(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int d = strcmp(x->id, y->id);
    return d ? d : x->number < y->number ? -1 : x->number > y->number;
}

/* The two cases that have one id, if any, of |n| that are in order. */
static int say_twice(const named *v, size_t n, char err[IT_RUN_ERR])
{
    for (size_t i = 0; i + 1 < n; i++) {
        const named *x = &v[i], *y = &v[i + 1];
        if (strcmp(x->id, y->id) != 0)
            continue;
        bool one = strcmp(x->s->file, y->s->file) == 0;
        snprintf(err, IT_RUN_ERR, "%s: two cases are called %s%s%s", y->s->file, y->id, one ? "" : ", the other in ",
                 one ? "" : x->s->file);
        return IT_ERR_EXISTS;
    }
    return 0;
}

/* Writes out the ids of the scenarios |v|, which may have some in common, and looks. */
static int compare_ids(const it_plan *plan, it_planned *const *v, size_t n_v, char err[IT_RUN_ERR])
{
    size_t n = 0, all = 0;
    for (size_t k = 0; k < n_v; k++)
        all += (size_t)v[k]->n_cells * v[k]->seeds;
    named *c = it_calloc(plan->alloc, all + 1, sizeof *c);
    it_str id;
    it_str_init(&id, plan->alloc);
    bool ok = c != NULL;
    for (size_t k = 0; ok && k < n_v; k++)
        for (size_t i = 0; ok && i < (size_t)v[k]->n_cells * v[k]->seeds; i++) {
            c[n] = (named){NULL, v[k], v[k]->first + i};
            it_plan_id(plan, c[n].number, &id);
            c[n].id = id.oom ? NULL : it_strdup(plan->alloc, it_str_c(&id));
            ok = c[n].id != NULL;
            n += ok;
        }
    if (ok)
        qsort(c, n, sizeof *c, by_id);
    int rc = ok ? say_twice(c, n, err) : no_memory(err);
    for (size_t i = 0; i < n; i++)
        it_free(plan->alloc, c[i].id);
    it_free(plan->alloc, c);
    it_str_fini(&id);
    return rc;
}

/* Whether the ids of scenario |s| alone have to be compared: 1, 0, or IT_ERR_NOMEM. */
static int doubtful(it_alloc *a, const it_planned *s)
{
    int rc = 0;
    for (int i = 0; i < s->n_axes && rc == 0; i++)
        rc = names_twice(a, &s->axis[i]);
    return rc;
}

/* Ids can be the same where the names of two values are, or what the ids of two scenarios begin with. */
static int check_ids(const it_plan *plan, char err[IT_RUN_ERR])
{
    it_planned **v = it_calloc(plan->alloc, plan->n_v + 1, sizeof *v);
    int rc = 0;
    if (!v)
        return no_memory(err);
    for (size_t i = 0; i < plan->n_v; i++)
        v[i] = &plan->v[i];
    qsort(v, plan->n_v, sizeof *v, by_stem);
    for (size_t from = 0, to; from < plan->n_v && rc == 0; from = to) {
        for (to = from + 1; to < plan->n_v && strcmp(v[from]->stem, v[to]->stem) == 0; to++)
            ;
        int look = to - from > 1 ? 1 : doubtful(plan->alloc, v[from]);
        if (look < 0)
            rc = no_memory(err);
        else if (look)
            rc = compare_ids(plan, v + from, to - from, err);
    }
    it_free(plan->alloc, v);
    return rc;
}

/* --- finding and choosing --- */

long it_run_find(const it_plan *plan, const char *id)
{
    it_str text;
    long found = -1;
    it_str_init(&text, plan->alloc);
    for (size_t i = 0; i < plan->n && found < 0 && !text.oom; i++) {
        it_plan_id(plan, i, &text);
        if (!text.oom && strcmp(it_str_c(&text), id) == 0)
            found = (long)i;
    }
    it_str_fini(&text);
    return found;
}

bool it_run_nearest(const it_plan *plan, const char *word, it_str *out)
{
    it_near near;
    it_str text;
    it_near_init(&near, word);
    it_str_init(&text, plan->alloc);
    it_str_clear(out);
    for (size_t i = 0; i < plan->n && !text.oom; i++) {
        const char *before = near.best;
        it_plan_id(plan, i, &text);
        it_near_try(&near, it_str_c(&text));
        if (near.best != before) { /* the text is another's next time */
            it_str_clear(out);
            it_str_puts(out, it_str_c(&text));
        }
        near.best = out->n ? it_str_c(out) : NULL;
    }
    it_str_fini(&text);
    return out->n > 0 && !out->oom;
}

bool it_run_is_whole(const it_run_cfg *cfg)
{
    return cfg->n_only == 0 && cfg->n_ids == 0;
}

/* The ids of |cfg| in order; NULL on no memory. */
static const char **sorted_ids(const it_run_cfg *cfg, it_alloc *a)
{
    const char **v = it_calloc(a, cfg->n_ids + 1, sizeof *v);
    if (v && cfg->n_ids) {
        memcpy(v, cfg->ids, cfg->n_ids * sizeof *v);
        qsort(v, cfg->n_ids, sizeof *v, by_text);
    }
    return v;
}

/* True when |id| is among the |n| that are |listed|, in order, or all are. */
static bool is_listed(const char *const *listed, size_t n, const char *id)
{
    return n == 0 || bsearch(&id, listed, n, sizeof *listed, by_text);
}

/* Which of the patterns names |id|: their bits. */
static uint32_t chosen(const it_run_cfg *cfg, const char *id)
{
    uint32_t bits = 0;
    for (int k = 0; k < cfg->n_only; k++)
        if (it_run_match(cfg->only[k], id))
            bits |= UINT32_C(1) << k;
    return bits;
}

/* Every pattern has to name a case: a typo must not make a run smaller without a word. |seen| are those that did. */
static int check_patterns(const it_run_cfg *cfg, const it_plan *plan, uint32_t seen, char err[IT_RUN_ERR])
{
    it_str near;
    for (int k = 0; k < cfg->n_only; k++) {
        if (seen >> k & 1)
            continue;
        it_str_init(&near, plan->alloc);
        bool any = it_run_nearest(plan, cfg->only[k], &near);
        snprintf(err, IT_RUN_ERR, "no case matches --only %s%s%s%s", cfg->only[k], any ? "; did you mean " : "",
                 any ? it_str_c(&near) : "", any ? "?" : "");
        it_str_fini(&near);
        return IT_ERR_NOTFOUND;
    }
    return 0;
}

/* Leaves only the cases that were asked for. */
static int choose(const it_run_cfg *cfg, it_plan *plan, char err[IT_RUN_ERR])
{
    size_t kept = 0, cap = 0;
    uint32_t seen = 0, *pick = NULL;
    const char **listed = sorted_ids(cfg, plan->alloc);
    it_str id;
    int rc = listed ? 0 : IT_ERR_NOMEM;
    it_str_init(&id, plan->alloc);
    for (size_t i = 0; i < plan->n && rc == 0; i++) {
        it_plan_id(plan, i, &id);
        uint32_t by = chosen(cfg, it_str_c(&id));
        seen |= by;
        if (!id.oom && (!is_listed(listed, cfg->n_ids, it_str_c(&id)) || (cfg->n_only > 0 && !by)))
            continue;
        rc = id.oom ? IT_ERR_NOMEM : it_grow(plan->alloc, &pick, &cap, kept + 1, sizeof *pick);
        if (rc == 0)
            pick[kept++] = (uint32_t)i;
    }
    it_str_fini(&id);
    it_free(plan->alloc, listed);
    rc = rc == 0 ? check_patterns(cfg, plan, seen, err) : no_memory(err);
    if (rc < 0) {
        it_free(plan->alloc, pick);
        return rc;
    }
    it_free(plan->alloc, plan->pick);
    plan->pick = pick;
    plan->n = kept;
    return 0;
}

int it_run_select(const it_run_cfg *cfg, it_plan *plan, char err[IT_RUN_ERR])
{
    int rc = check_ids(plan, err);
    if (rc != 0 || it_run_is_whole(cfg) || plan->n == 0)
        return rc;
    return choose(cfg, plan, err);
}
