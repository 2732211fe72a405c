/* Working results out. */
#include "reports/read/view.h"

#include "base/rng.h"
#include "base/table/map.h"

#include <stdlib.h>
#include <string.h>

/* --- one case --- */

size_t it_view_stem(const char *id)
{
    const char *eq = strchr(id, '=');
    size_t n = eq ? (size_t)(eq - id) : strlen(id);
    while (eq && n && id[n] != '/')
        n--;
    if (!eq && strchr(id, '@'))
        n = (size_t)(strchr(id, '@') - id);
    return n;
}

static it_glyph glyph_of(const json_t *o)
{
    static const struct {
        const char *path;
        it_glyph glyph;
    } PATHS[] = {{"direct_udp", 'd'}, {"direct_tcp", 'e'}, {"relay_udp", 'r'}, {"relay_tcp", 't'}};
    if (strcmp(it_results_str(o, "verdict"), "unsupported") == 0)
        return 'o';
    if (strcmp(it_results_str(o, "verdict"), "error") == 0)
        return '!';
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++)
        if (strcmp(it_results_str(o, "outcome"), "open") == 0 && strcmp(it_results_str(o, "path"), PATHS[i].path) == 0)
            return PATHS[i].glyph;
    return '-';
}

static void view_fill(it_view_case *c, const json_t *o, const it_facts *facts)
{
    c->o = o;
    c->facts = facts;
    c->id = it_results_str(o, "case");
    c->model = it_results_str(o, "model");
    c->title = it_results_str(o, "title");
    c->verdict = it_results_str(o, "verdict");
    c->outcome = it_results_str(o, "outcome");
    c->stem = it_view_stem(c->id);
    c->glyph = glyph_of(o);
    c->bad = strcmp(c->verdict, "fail") == 0 || strcmp(c->verdict, "error") == 0;
    c->unsupported = c->glyph == 'o';
}

const char *it_view_axis(const it_view_case *c, const char *axis)
{
    return it_results_str(json_object_get(c->o, "cell"), axis);
}

bool it_view_same_scenario(const it_view_case *a, const it_view_case *b)
{
    return a->stem == b->stem && strncmp(a->id, b->id, a->stem) == 0;
}

void it_view_key(const it_view_case *c, const char *but, uint64_t key[2])
{
    const char *axis;
    json_t *value;
    key[0] = it_hash_mix(1, c->span);
    key[1] = it_hash_mix(2, c->span);
    json_object_foreach(json_object_get(c->o, "cell"), axis, value)
    {
        const char *text = json_string_value(value);
        if (strcmp(axis, "model") == 0 || strcmp(axis, but) == 0)
            continue;
        uint64_t h = it_hash_mix(it_hash_str(axis), it_hash_str(text ? text : ""));
        key[0] += it_hash_mix(3, h); /* a sum: whatever the order of the axes */
        key[1] += it_hash_mix(4, h);
    }
}

static const char GLYPHS[IT_VIEW_GLYPHS + 1] = "dert-!o";

size_t it_view_glyph(it_glyph glyph)
{
    const char *at = strchr(GLYPHS, glyph);
    return at && glyph ? (size_t)(at - GLYPHS) : IT_VIEW_GLYPHS - 1;
}

enum it_view_kind it_view_kind_of(const it_view_case *c)
{
    if (!*c->model && !*c->outcome)
        return IT_VIEW_NO_CALL;
    if (c->facts->fault < 0)
        return IT_VIEW_CONNECT;
    return c->facts->final ? IT_VIEW_DEATH : IT_VIEW_RECOVERY;
}

/* --- models --- */

size_t it_view_model(const it_view *w, const char *model)
{
    size_t i = 0;
    while (i < w->n_models && strcmp(w->models[i], model) != 0)
        i++;
    return i;
}

static void add_model(it_view *w, const char *model)
{
    size_t i = w->n_models;
    if (it_view_model(w, model) < w->n_models || i == IT_VIEW_MODELS)
        return;
    for (; i > 0 && strcmp(w->models[i - 1], model) > 0; i--)
        w->models[i] = w->models[i - 1];
    w->models[i] = model;
    w->n_models++;
}

bool it_view_built(const it_view *w, size_t model)
{
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].unsupported && strcmp(w->v[i].model, w->models[model]) == 0)
            return true;
    return false;
}

bool it_view_calls(const it_view *w, size_t model)
{
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].unsupported && strcmp(w->v[i].model, w->models[model]) == 0 &&
            it_view_kind_of(&w->v[i]) != IT_VIEW_NO_CALL)
            return true;
    return false;
}

bool it_view_compares(const it_view *w)
{
    for (size_t m = 0; m < w->n_models; m++)
        if (it_view_calls(w, m) || (*w->models[m] && !it_view_built(w, m)))
            return true;
    return false;
}

/* --- unexpected results --- */

/* Standing rules first, then what disagrees with the oracle, what came late or not, other checks, errors. */
static int rank_of(const it_view_case *c)
{
    static const char *const ORDER[] = {"silent-freeze", "death-once", "whitelist", "oracle",
                                        "await",         "expect",     "forbid"};
    const json_t *b = it_results_broken(c->o);
    if (strcmp(c->verdict, "error") == 0)
        return 20;
    for (int i = 0; b && i < (int)(sizeof ORDER / sizeof *ORDER); i++)
        if (strcmp(it_results_str(b, "name"), ORDER[i]) == 0)
            return i;
    return 10;
}

/* What stands for the sort of unexpected result |c|: scenario, model, verdict, and what was expected or the error. */
static void sort_key(const it_view_case *c, uint64_t key[2])
{
    const json_t *b = it_results_broken(c->o);
    const char *parts[] = {c->model, c->verdict, b ? it_results_str(b, "name") : "error",
                           it_results_str(b ? b : c->o, b ? "expected" : "error")};
    key[0] = it_hash_mix(1, c->span);
    key[1] = it_hash_mix(2, c->span);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (int k = 0; k < 2; k++)
            key[k] = it_hash_mix(key[k], it_hash_str(parts[i]));
}

/* Adds |c|, the |i|-th, to its group, whose number, from 1, it gets; they are in order of being begun. */
static int add_to_group(it_view *w, it_map *by, size_t i)
{
    uint64_t key[2];
    it_view_case *c = &w->v[i];
    sort_key(c, key);
    uint32_t g = it_map_get(by, key);
    if (g == IT_MAP_NONE) {
        if (it_grow(w->alloc, &w->groups, &w->cap_groups, w->n_groups + 1, sizeof *w->groups) < 0 ||
            it_map_put(by, key, (uint32_t)w->n_groups) < 0)
            return IT_ERR_NOMEM;
        g = (uint32_t)w->n_groups++;
        w->groups[g] = (it_view_group){i, 0, rank_of(c)};
    }
    w->groups[g].n++;
    c->group = g + 1;
    return 0;
}

static int by_rank(const void *a, const void *b)
{
    const it_view_group *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Puts the groups in order, worst first, and gives the cases their new numbers. */
static int order_groups(it_view *w)
{
    size_t *place = it_calloc(w->alloc, w->n_groups, sizeof *place);
    if (!place)
        return IT_ERR_NOMEM;
    qsort(w->groups, w->n_groups, sizeof *w->groups, by_rank);
    for (size_t g = 0; g < w->n_groups; g++)
        place[w->v[w->groups[g].first].group - 1] = g + 1;
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].group)
            w->v[i].group = place[w->v[i].group - 1];
    it_free(w->alloc, place);
    return 0;
}

static int group_unexpected(it_view *w)
{
    it_map by;
    int rc = 0;
    it_map_init(&by, w->alloc, 2);
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (w->v[i].bad)
            rc = add_to_group(w, &by, i);
    it_map_fini(&by);
    return rc < 0 || w->n_groups == 0 ? rc : order_groups(w);
}

/* --- scenarios and worlds --- */

static int find_spans(it_view *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (i == 0 || !it_view_same_scenario(&w->v[i - 1], &w->v[i])) {
            if (it_grow(w->alloc, &w->spans, &w->cap_spans, w->n_spans + 1, sizeof *w->spans) < 0)
                return IT_ERR_NOMEM;
            w->spans[w->n_spans++] = (it_view_span){.from = i};
        }
        w->spans[w->n_spans - 1].to = i + 1;
        w->v[i].span = w->n_spans - 1;
    }
    return 0;
}

/* Joins the cases of each world to a list in plan order: from the last on, so that the first is found in the map at the
 * end. */
static int find_worlds(it_view *w)
{
    it_map first;
    int rc = 0;
    it_map_init(&first, w->alloc, 2);
    for (size_t i = w->n; i-- > 0 && rc == 0;) {
        uint64_t key[2];
        it_view_key(&w->v[i], "", key);
        uint32_t next = it_map_get(&first, key);
        w->v[i].next = next == IT_MAP_NONE ? w->n : next;
        w->v[i].head = i;
        rc = it_map_put(&first, key, (uint32_t)i);
    }
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (w->v[i].next < w->n)
            w->v[w->v[i].next].head = w->v[i].head;
    it_map_fini(&first);
    return rc;
}

/* The facts of the cases, worked out where the results have none. NULL on no memory. */
static const it_facts *view_facts(it_view *w)
{
    if (w->r->facts)
        return w->r->facts;
    w->facts = it_calloc(w->alloc, w->r->n + 1, sizeof *w->facts);
    for (size_t i = 0; w->facts && i < w->r->n; i++)
        it_facts_of(&w->facts[i], w->r->v[i]);
    return w->facts;
}

int it_view_init(it_view *w, it_alloc *alloc, const it_results *r)
{
    *w = (it_view){.alloc = alloc, .r = r};
    const it_facts *facts = view_facts(w);
    w->v = facts ? it_calloc(alloc, r->n, sizeof *w->v) : NULL;
    if (!w->v)
        return IT_ERR_NOMEM;
    w->n = r->n;
    for (size_t i = 0; i < w->n; i++) {
        view_fill(&w->v[i], r->v[i], &facts[i]);
        add_model(w, w->v[i].model);
    }
    size_t i;
    json_t *h;
    json_array_foreach(json_object_get(r->end, "hypotheses"), i, h) w->bad_hypotheses += !it_results_as_known(h);
    w->problems = json_array_size(json_object_get(r->end, "problems"));
    int rc = find_spans(w);
    if (rc == 0)
        rc = find_worlds(w);
    return rc < 0 ? rc : group_unexpected(w);
}

void it_view_fini(it_view *w)
{
    for (size_t i = 0; i < w->n; i++) {
        it_free(w->alloc, w->v[i].page);
        it_free(w->alloc, w->v[i].cause);
    }
    it_free(w->alloc, w->v);
    it_free(w->alloc, w->facts);
    it_free(w->alloc, w->groups);
    it_free(w->alloc, w->spans);
}

void it_view_open(const it_view *w, size_t i, it_view_case *c)
{
    *c = w->v[i];
    c->o = it_results_whole(w->r, i);
}

void it_view_close(it_view_case *c)
{
    json_decref((json_t *)(uintptr_t)c->o);
    c->o = NULL;
}

/* --- pages --- */

/* The page's name from the trace's, so that what a results file says cannot lead out of its folder. */
static int give_page(it_view *w, it_view_case *c)
{
    static const char HEAD[] = "cases/", TAIL[] = ".trace.jsonl";
    const char *trace = it_results_str(c->o, "trace");
    size_t n = strlen(trace), head = sizeof HEAD - 1, tail = sizeof TAIL - 1;
    if (c->page || n <= head + tail || n > 1000 || strncmp(trace, HEAD, head) != 0 ||
        strcmp(trace + n - tail, TAIL) != 0)
        return 0;
    if (strchr(trace + head, '/') || trace[head] == '.')
        return 0;
    if (w->pages == IT_VIEW_PAGES) {
        w->left_out++;
        return 0;
    }
    c->page = it_malloc(w->alloc, n - tail + sizeof ".html");
    if (!c->page)
        return IT_ERR_NOMEM;
    memcpy(c->page, trace, n - tail);
    memcpy(c->page + n - tail, ".html", sizeof ".html");
    w->pages++;
    return 0;
}

/* Whether the results say which cases are kept as the first of their course of events. */
static bool tell_kept(const it_view *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (*it_results_str(w->v[i].o, "keep"))
            return true;
    return false;
}

/* Gives the cases that came out as predicted their pages: those that are kept, or |all|. */
static int give_good_pages(it_view *w, bool all)
{
    int rc = 0;
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (!w->v[i].bad && (all || *it_results_str(w->v[i].o, "keep")))
            rc = give_page(w, &w->v[i]);
    return rc;
}

void it_view_spread_pages(it_view *w)
{
    for (size_t i = w->n; i-- > 0;) {
        const it_view_case *c = &w->v[i];
        size_t m = it_view_model(w, c->model);
        if (c->page && !c->bad && m < w->n_models)
            w->spans[c->span].page[m][it_view_glyph(c->glyph)] = c->page;
    }
}

int it_view_choose_pages(it_view *w)
{
    int rc = 0;
    for (size_t g = 0; g < w->n_groups && rc == 0; g++) /* one of each sort before the rest */
        rc = give_page(w, &w->v[w->groups[g].first]);
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (w->v[i].bad)
            rc = give_page(w, &w->v[i]);
    if (rc == 0)
        rc = give_good_pages(w, !tell_kept(w));
    return rc;
}

/* --- numbers --- */

void it_numbers_add(it_numbers *x, int64_t v)
{
    if (it_grow(x->alloc, &x->v, &x->cap, x->n + 1, sizeof *x->v) < 0) {
        x->oom = true;
        return;
    }
    x->v[x->n++] = v;
    x->sorted = false;
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int64_t it_numbers_rank(it_numbers *x, int percent)
{
    if (x->n == 0)
        return 0;
    if (!x->sorted)
        qsort(x->v, x->n, sizeof *x->v, by_number);
    x->sorted = true;
    size_t i = (x->n * (size_t)percent + 99) / 100;
    return x->v[i ? i - 1 : 0];
}

void it_numbers_fini(it_numbers *x, it_str *out)
{
    out->oom = out->oom || x->oom;
    it_free(x->alloc, x->v);
}
