/* Plans: cases made from the axes of their scenarios. */
#include "lab/lang/bind/plan.h"

#include "base/text/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void it_plan_init(it_plan *p, it_alloc *alloc)
{
    *p = (it_plan){.alloc = alloc};
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

static void axis_fini(it_alloc *a, it_axis *x)
{
    for (uint32_t i = 0; x->value && i < x->n; i++)
        it_free(a, x->value[i]);
    it_free(a, x->value);
    it_free(a, x->text);
    it_free(a, x->name);
}

void it_planned_fini(it_alloc *a, it_planned *s)
{
    for (int i = 0; i < s->n_axes; i++)
        axis_fini(a, &s->axis[i]);
    char *parts[] = {s->stem, s->file, s->key, s->title, s->needs};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        it_free(a, parts[i]);
    it_free(a, s->axis);
    it_free(a, s->cell);
}

int it_plan_add(it_plan *p, it_planned *s)
{
    uint64_t more = (uint64_t)s->n_cells * s->seeds;
    int rc = 0;
    if (p->n + more > IT_PLAN_CASES_MAX)
        rc = IT_ERR_LIMIT;
    else
        rc = it_grow(p->alloc, &p->v, &p->cap_v, p->n_v + 1, sizeof *p->v);
    if (rc < 0) {
        it_planned_fini(p->alloc, s);
        return rc;
    }
    s->first = p->n;
    p->v[p->n_v++] = *s;
    p->n += more;
    return 0;
}

void it_plan_cut(it_plan *p, size_t n)
{
    while (p->n_v > n) {
        p->n = p->v[--p->n_v].first;
        it_planned_fini(p->alloc, &p->v[p->n_v]);
    }
}

void it_plan_fini(it_plan *p)
{
    it_plan_cut(p, 0);
    for (size_t i = 0; i < p->n_texts; i++)
        it_free(p->alloc, p->texts[i]);
    it_free(p->alloc, p->texts);
    it_free(p->alloc, p->pick);
    it_free(p->alloc, p->v);
    it_plan_init(p, p->alloc);
}

/* --- cases --- */

const it_planned *it_plan_scenario(const it_plan *p, size_t i, uint32_t *at)
{
    size_t number = p->pick ? p->pick[i] : i, lo = 0, hi = p->n_v;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->v[mid].first <= number)
            lo = mid;
        else
            hi = mid;
    }
    *at = (uint32_t)(number - p->v[lo].first);
    return &p->v[lo];
}

/* A case by its place: the scenario, which value of each axis, the repetition from 1. */
typedef struct place {
    const it_planned *s;
    uint32_t value[IT_PLAN_AXES_MAX];
    uint32_t k;
} place;

static place place_of(const it_plan *p, size_t i)
{
    uint32_t at;
    place w = {.s = it_plan_scenario(p, i, &at)};
    uint32_t cell = at / w.s->seeds;
    w.k = at % w.s->seeds + 1;
    if (w.s->cell)
        cell = w.s->cell[cell];
    for (int a = w.s->n_axes - 1; a >= 0; a--) { /* the last axis is the fastest */
        w.value[a] = cell % w.s->axis[a].n;
        cell /= w.s->axis[a].n;
    }
    return w;
}

/* What value |i| of |x| is called; |room| is for one that is a number. */
static const char *value_name(const it_axis *x, uint32_t i, char room[16])
{
    if (x->value)
        return x->value[i];
    snprintf(room, 16, "%0*" PRIu32, x->width, i + 1);
    return room;
}

static void put_id(const place *w, it_str *out)
{
    char room[16];
    it_str_puts(out, w->s->stem);
    for (int a = 0; a < w->s->n_axes; a++) {
        it_str_putc(out, '/');
        it_str_puts(out, w->s->axis[a].name);
        it_str_putc(out, '=');
        it_str_puts(out, value_name(&w->s->axis[a], w->value[a], room));
    }
    if (w->k > 1)
        it_str_printf(out, "@%" PRIu32, w->k);
}

void it_plan_id(const it_plan *p, size_t i, it_str *out)
{
    place w = place_of(p, i);
    it_str_clear(out);
    put_id(&w, out);
}

/* The cell's names as a JSON object, keys in order. */
static void put_cell(const place *w, it_str *out)
{
    char room[16];
    it_json j;
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    for (int a = 0; a < w->s->n_axes; a++)
        it_json_str(&j, w->s->axis[a].name, value_name(&w->s->axis[a], w->value[a], room));
    it_json_end_obj(&j);
}

static void put_index(const place *w, it_str *out)
{
    for (int a = 0; a < w->s->n_axes; a++)
        it_str_printf(out, "%s%" PRIu32, a ? "," : "", w->value[a] + 1);
}

/* The model that the cell names, NULL when none. */
static const char *model_in(const place *w)
{
    for (int a = 0; a < w->s->n_axes; a++) {
        const it_axis *x = &w->s->axis[a];
        if (x->text && x->text[w->value[a]])
            return x->value[w->value[a]];
    }
    return NULL;
}

/* A copy of |text|, NULL when that is; |*ok| turns false on no memory. */
static char *copy(it_alloc *a, const char *text, bool *ok)
{
    char *out = text ? it_strdup(a, text) : NULL;
    *ok = *ok && (out || !text);
    return out;
}

/* The same of what |put| writes. */
static char *made(const place *w, it_alloc *a, void (*put)(const place *, it_str *), bool *ok)
{
    it_str text;
    it_str_init(&text, a);
    put(w, &text);
    char *out = text.oom ? NULL : copy(a, it_str_c(&text), ok);
    *ok = *ok && out;
    it_str_fini(&text);
    return out;
}

int it_plan_case(const it_plan *p, size_t i, it_case *c)
{
    place w = place_of(p, i);
    it_alloc *a = p->alloc;
    bool ok = true;
    *c = (it_case){.k = w.k, .text = w.s->text};
    c->file = copy(a, w.s->file, &ok);
    c->key = copy(a, w.s->key, &ok);
    c->title = copy(a, w.s->title, &ok);
    c->needs = copy(a, w.s->needs, &ok);
    c->model = copy(a, model_in(&w), &ok);
    c->id = made(&w, a, put_id, &ok);
    c->index = made(&w, a, put_index, &ok);
    c->cell = made(&w, a, put_cell, &ok);
    if (ok)
        return 0;
    it_case_fini(a, c);
    return IT_ERR_NOMEM;
}

void it_case_fini(it_alloc *a, it_case *c)
{
    char *parts[] = {c->id, c->file, c->key, c->index, c->title, c->model, c->cell, c->needs};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        it_free(a, parts[i]);
}
