/* Working results out. */
#include "reports/read/view.h"

#include <string.h>

/* --- one case --- */

/* Up to the segment with the first axis, without the slash. */
static size_t stem_of(const char *id)
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

static void view_fill(it_view_case *c, const json_t *o)
{
    c->o = o;
    c->id = it_results_str(o, "case");
    c->model = it_results_str(o, "model");
    c->title = it_results_str(o, "title");
    c->verdict = it_results_str(o, "verdict");
    c->outcome = it_results_str(o, "outcome");
    c->stem = stem_of(c->id);
    c->glyph = glyph_of(o);
    c->bad = strcmp(c->verdict, "fail") == 0 || strcmp(c->verdict, "error") == 0;
    c->unsupported = c->glyph == 'o';
    c->fault = it_faults_time(o, it_faults_counting(o, NULL));
}

const char *it_view_axis(const it_view_case *c, const char *axis)
{
    return it_results_str(json_object_get(c->o, "cell"), axis);
}

bool it_view_same_scenario(const it_view_case *a, const it_view_case *b)
{
    return a->stem == b->stem && strncmp(a->id, b->id, a->stem) == 0;
}

bool it_view_same_cell(const it_view_case *a, const it_view_case *b, const char *but)
{
    json_t *x = json_object_get(a->o, "cell");
    const char *key;
    json_t *value;
    if (!it_view_same_scenario(a, b) || json_object_size(x) != json_object_size(json_object_get(b->o, "cell")))
        return false;
    json_object_foreach(x, key, value)
    {
        const char *text = json_string_value(value);
        if ((!but || strcmp(key, but) != 0) && strcmp(text ? text : "", it_view_axis(b, key)) != 0)
            return false;
    }
    return true;
}

int64_t it_view_metric(const it_view_case *c, const char *key)
{
    return it_results_time(json_object_get(c->o, "metrics"), key, -1);
}

enum it_view_kind it_view_kind_of(const it_view_case *c)
{
    if (!*c->model && !*c->outcome)
        return IT_VIEW_NO_CALL;
    if (c->fault < 0)
        return IT_VIEW_CONNECT;
    return it_faults_final(c->o) ? IT_VIEW_DEATH : IT_VIEW_RECOVERY;
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

static bool same_sort(const it_view_case *a, const it_view_case *b)
{
    const json_t *x = it_results_broken(a->o), *y = it_results_broken(b->o);
    if (!it_view_same_scenario(a, b) || strcmp(a->model, b->model) != 0 || strcmp(a->verdict, b->verdict) != 0)
        return false;
    if (!x || !y)
        return !x && !y && strcmp(it_results_str(a->o, "error"), it_results_str(b->o, "error")) == 0;
    return strcmp(it_results_str(x, "name"), it_results_str(y, "name")) == 0 &&
           strcmp(it_results_str(x, "expected"), it_results_str(y, "expected")) == 0;
}

static int add_to_group(it_view *w, size_t i)
{
    for (size_t g = 0; g < w->n_groups; g++)
        if (same_sort(&w->v[w->groups[g].first], &w->v[i])) {
            w->groups[g].n++;
            return 0;
        }
    if (it_grow(w->alloc, &w->groups, &w->cap_groups, w->n_groups + 1, sizeof *w->groups) < 0)
        return IT_ERR_NOMEM;
    int rank = rank_of(&w->v[i]);
    size_t g = w->n_groups++;
    for (; g > 0 && w->groups[g - 1].rank > rank; g--)
        w->groups[g] = w->groups[g - 1];
    w->groups[g] = (it_view_group){i, 1, rank};
    return 0;
}

/* The number of the group that |c| is of, from 1; 0: of none. */
static size_t group_of(const it_view *w, const it_view_case *c)
{
    for (size_t g = 0; g < w->n_groups; g++)
        if (same_sort(&w->v[w->groups[g].first], c))
            return g + 1;
    return 0;
}

static int group_unexpected(it_view *w)
{
    int rc = 0;
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (w->v[i].bad)
            rc = add_to_group(w, i);
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (w->v[i].bad)
            w->v[i].group = group_of(w, &w->v[i]);
    return rc;
}

int it_view_init(it_view *w, it_alloc *alloc, const it_results *r)
{
    *w = (it_view){.alloc = alloc, .r = r, .n = r->n};
    w->v = it_calloc(alloc, r->n, sizeof *w->v);
    if (!w->v) {
        w->n = 0;
        return IT_ERR_NOMEM;
    }
    for (size_t i = 0; i < w->n; i++) {
        view_fill(&w->v[i], r->v[i]);
        add_model(w, w->v[i].model);
    }
    size_t i;
    json_t *h;
    json_array_foreach(json_object_get(r->end, "hypotheses"), i, h) w->bad_hypotheses += !it_results_as_known(h);
    w->problems = json_array_size(json_object_get(r->end, "problems"));
    return group_unexpected(w);
}

void it_view_fini(it_view *w)
{
    for (size_t i = 0; i < w->n; i++) {
        it_free(w->alloc, w->v[i].page);
        it_free(w->alloc, w->v[i].cause);
    }
    it_free(w->alloc, w->v);
    it_free(w->alloc, w->groups);
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

int it_view_choose_pages(it_view *w)
{
    int rc = 0;
    for (size_t g = 0; g < w->n_groups && rc == 0; g++) /* one of each sort before the rest */
        rc = give_page(w, &w->v[w->groups[g].first]);
    for (size_t i = 0; i < w->n && rc == 0; i++)
        if (w->v[i].bad)
            rc = give_page(w, &w->v[i]);
    return rc == 0 ? give_good_pages(w, !tell_kept(w)) : rc;
}

/* --- numbers --- */

void it_numbers_add(it_numbers *x, int64_t v)
{
    if (it_grow(x->alloc, &x->v, &x->cap, x->n + 1, sizeof *x->v) < 0) {
        x->oom = true;
        return;
    }
    size_t i = x->n++;
    for (; i > 0 && x->v[i - 1] > v; i--)
        x->v[i] = x->v[i - 1];
    x->v[i] = v;
}

int64_t it_numbers_rank(const it_numbers *x, int percent)
{
    if (x->n == 0)
        return 0;
    size_t i = (x->n * (size_t)percent + 99) / 100;
    return x->v[i ? i - 1 : 0];
}

void it_numbers_fini(it_numbers *x, it_str *out)
{
    out->oom = out->oom || x->oom;
    it_free(x->alloc, x->v);
}
