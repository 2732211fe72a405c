/* Reading two runs, and how each case changed. */
#include "reports/diff/impl.h"

#include "reports/read/lines.h"

#include <stdlib.h>
#include <string.h>

/* --- how one case changed --- */

static bool is_bad(const it_diff *d, uint32_t verdict)
{
    const char *v = it_diff_word(d, verdict);
    return strcmp(v, "fail") == 0 || strcmp(v, "error") == 0;
}

static bool is_unjudged(const it_diff *d, uint32_t verdict)
{
    return strcmp(it_diff_word(d, verdict), "unsupported") == 0;
}

/* How a case of one verdict before and now changed: |bad| is it. */
static enum it_diff_kind kind_within(bool bad, bool path, bool reason)
{
    if (bad)
        return path || reason ? IT_DIFF_OTHER : IT_DIFF_SAME;
    if (path)
        return IT_DIFF_PATH;
    return reason ? IT_DIFF_REASON : IT_DIFF_SAME;
}

static enum it_diff_kind kind_of(const it_diff *d, const it_diff_side *a, const it_diff_side *b)
{
    bool was_bad = is_bad(d, a->verdict), bad = is_bad(d, b->verdict);
    if (a->verdict == b->verdict)
        return kind_within(bad, a->path != b->path || a->outcome != b->outcome, a->reason != b->reason);
    if (bad)
        return was_bad ? IT_DIFF_OTHER : IT_DIFF_WORSE;
    return is_unjudged(d, b->verdict) ? IT_DIFF_UNJUDGED : IT_DIFF_BETTER;
}

/* --- groups --- */

/* Notes what the first of group |g|, whose result is |o|, was expected to do and did. NULL: nothing is known. */
static int group_why(it_diff *d, it_diff_group *g, const json_t *o)
{
    bool bad = g->kind == IT_DIFF_WORSE || g->kind == IT_DIFF_OTHER;
    if (!o || !bad)
        return 0;
    int rc = it_diff_intern(d, it_results_expected(o), &g->expected);
    return rc < 0 ? rc : it_diff_intern(d, it_results_observed(o), &g->observed);
}

/* The group of a change like |c| of a case of |of|, whose newer result is |o|; made if need be. */
static int group_of(it_diff *d, const it_diff_change *c, const it_diff_case *of, const json_t *o, size_t *at)
{
    const it_diff_side *a = &c->old, *b = &c->now;
    uint64_t key[5] = {(uint64_t)c->kind << 32 | of->model, (uint64_t)of->stem << 32 | a->verdict,
                       (uint64_t)a->path << 32 | b->path, (uint64_t)a->reason << 32 | b->reason,
                       (uint64_t)a->outcome << 32 | b->outcome};
    key[0] ^= (uint64_t)b->verdict << 40;
    if (c->kind == IT_DIFF_NEW || c->kind == IT_DIFF_GONE) /* by their verdicts alone */
        key[2] = key[3] = key[4] = 0;
    uint32_t found = it_map_get(&d->group_map, key);
    if (found != IT_MAP_NONE) {
        *at = found;
        return 0;
    }
    if (it_grow(d->alloc, &d->groups, &d->cap_groups, d->n_groups + 1, sizeof *d->groups) < 0 ||
        it_map_put(&d->group_map, key, (uint32_t)d->n_groups) < 0)
        return IT_ERR_NOMEM;
    *at = d->n_groups++;
    it_diff_group *g = &d->groups[*at];
    *g = (it_diff_group){c->kind, of->stem, of->model, *a, *b, 0, 0, d->n_changes, d->n_changes, 0};
    return group_why(d, g, o);
}

/* Notes that |of|, called |id|, changed from |a| to |b|. */
static int add_change(it_diff *d, enum it_diff_kind kind, const char *id, const it_diff_case *of, const it_diff_side *a,
                      const it_diff_side *b, const json_t *o)
{
    static const it_diff_side NOTHING = {0, 0, 0, 0};
    it_diff_change c = {.kind = kind, .next = IT_DIFF_NONE, .old = a ? *a : NOTHING, .now = b ? *b : NOTHING};
    int rc = it_grow(d->alloc, &d->changes, &d->cap_changes, d->n_changes + 1, sizeof *d->changes);
    if (rc == 0)
        rc = group_of(d, &c, of, o, &c.group);
    c.id = rc == 0 ? it_strdup(d->alloc, id) : NULL;
    if (!c.id)
        return IT_ERR_NOMEM;
    it_diff_group *g = &d->groups[c.group];
    if (g->n++)
        d->changes[g->last].next = d->n_changes;
    g->last = d->n_changes;
    d->changes[d->n_changes++] = c;
    return 0;
}

/* --- reading --- */

typedef struct diff_reading {
    it_diff *d;
    it_diff_run *run;
    const char *twice; /* the id of a case that stands there a second time; the diff's or the line's */
    char id[300];
} diff_reading;

/* Refuses case |id|, which stands there already. */
static int twice(diff_reading *g, const char *id)
{
    snprintf(g->id, sizeof g->id, "%s", id);
    g->twice = g->id;
    return IT_ERR_EXISTS;
}

/* The case called |id| of the older run; NULL when it has none. */
static it_diff_case *find_case(const it_diff *d, const char *id)
{
    uint64_t key[2];
    it_diff_key(id, key);
    uint32_t at = it_map_get(&d->case_map, key);
    return at != IT_MAP_NONE && strcmp(d->cases[at].id, id) == 0 ? &d->cases[at] : NULL;
}

static int take_old(diff_reading *g, const json_t *o)
{
    it_diff *d = g->d;
    const char *id = it_results_str(o, "case");
    uint64_t key[2];
    it_diff_case c;
    if (find_case(d, id))
        return twice(g, id);
    it_diff_key(id, key);
    if (it_diff_facts(d, o, &c) < 0 ||
        it_grow(d->alloc, &d->cases, &d->cap_cases, d->n_cases + 1, sizeof *d->cases) < 0 ||
        it_map_put(&d->case_map, key, (uint32_t)d->n_cases) < 0)
        return IT_ERR_NOMEM;
    c.id = it_strdup(d->alloc, id);
    d->cases[d->n_cases++] = c;
    return c.id ? 0 : IT_ERR_NOMEM;
}

/* Compares case |now|, whose result is |o|, with |old|. */
static int compare(it_diff *d, it_diff_case *old, const it_diff_case *now, const json_t *o)
{
    enum it_diff_kind kind = kind_of(d, &old->side, &now->side);
    d->count[kind]++;
    d->rerun += kind == IT_DIFF_SAME && old->print != now->print;
    int rc = it_diff_pair(d, old, now);
    if (rc < 0 || kind == IT_DIFF_SAME)
        return rc;
    return add_change(d, kind, old->id, now, &old->side, &now->side, o);
}

static int take_now(diff_reading *g, const json_t *o)
{
    it_diff *d = g->d;
    const char *id = it_results_str(o, "case");
    it_diff_case now, *old = find_case(d, id);
    size_t metrics = d->n_metrics;
    if (old && old->seen)
        return twice(g, id);
    int rc = it_diff_facts(d, o, &now);
    if (rc == 0 && old) {
        old->seen = true;
        rc = compare(d, old, &now, o);
    } else if (rc == 0) {
        d->count[IT_DIFF_NEW]++;
        rc = add_change(d, IT_DIFF_NEW, id, &now, NULL, &now.side, o);
    }
    d->n_metrics = metrics;
    return rc;
}

static int take_line(void *self, json_t *o)
{
    diff_reading *g = self;
    json_t **line = NULL;
    if (json_object_get(o, "plan"))
        line = &g->run->plan;
    else if (json_object_get(o, "end"))
        line = &g->run->end;
    if (line) {
        json_decref(*line);
        *line = json_incref(o);
        return 0;
    }
    if (!it_results_is_case(o))
        return IT_ERR_PARSE;
    g->run->cases++;
    return g->run == &g->d->old ? take_old(g, o) : take_now(g, o);
}

static int read_run(it_diff *d, it_diff_run *run, char err[512])
{
    char path[4200];
    diff_reading g = {.d = d, .run = run};
    const it_lines l = {.what = "results", .cut = true, .self = &g, .take = take_line};
    if (snprintf(path, sizeof path, "%s/results.jsonl", run->dir) >= (int)sizeof path) {
        snprintf(err, 512, "the path of a folder is too long");
        return IT_ERR_PARSE;
    }
    int rc = it_lines_read(&l, path, err);
    if (!g.twice)
        return rc;
    snprintf(err, 512, "%.180s: case \"%s\" is there twice", path, g.twice);
    return IT_ERR_PARSE;
}

/* --- order --- */

static int by_badness(const void *pa, const void *pb)
{
    const it_diff_group *a = pa, *b = pb;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* Puts groups in order, and tells changes where theirs now are. */
static int sort_groups(it_diff *d)
{
    if (d->n_groups > 0)
        qsort(d->groups, d->n_groups, sizeof *d->groups, by_badness);
    size_t *to = it_calloc(d->alloc, d->n_groups + 1, sizeof *to);
    if (!to)
        return IT_ERR_NOMEM;
    for (size_t i = 0; i < d->n_groups; i++)
        to[d->changes[d->groups[i].first].group] = i;
    for (size_t i = 0; i < d->n_changes; i++)
        d->changes[i].group = to[d->changes[i].group];
    it_free(d->alloc, to);
    return 0;
}

static int add_gone(it_diff *d)
{
    int rc = 0;
    for (size_t i = 0; i < d->n_cases && rc == 0; i++) {
        const it_diff_case *c = &d->cases[i];
        if (c->seen)
            continue;
        d->count[IT_DIFF_GONE]++;
        rc = add_change(d, IT_DIFF_GONE, c->id, c, &c->side, NULL, NULL);
    }
    return rc;
}

int it_diff_read(it_diff *d, it_alloc *alloc, const char *old, const char *now, int bound, char err[512])
{
    uint32_t nothing;
    *d = (it_diff){.alloc = alloc, .bound = bound, .old = {.dir = old}, .now = {.dir = now}};
    it_map_init(&d->text_map, alloc, 2);
    it_map_init(&d->case_map, alloc, 2);
    it_map_init(&d->group_map, alloc, 5);
    it_map_init(&d->number_map, alloc, 2);
    int rc = it_diff_intern(d, "", &nothing);
    if (rc == 0)
        rc = read_run(d, &d->old, err);
    if (rc == 0)
        rc = read_run(d, &d->now, err);
    if (rc == 0)
        rc = add_gone(d);
    if (rc == 0)
        rc = sort_groups(d);
    if (rc == 0)
        rc = it_diff_claims(d);
    if (rc == 0)
        it_diff_settle_numbers(d);
    if (rc == IT_ERR_NOMEM)
        snprintf(err, 512, "out of memory");
    return rc;
}

void it_diff_fini(it_diff *d)
{
    for (size_t i = 0; i < d->n_texts; i++)
        it_free(d->alloc, d->texts[i]);
    for (size_t i = 0; i < d->n_cases; i++)
        it_free(d->alloc, d->cases[i].id);
    for (size_t i = 0; i < d->n_changes; i++)
        it_free(d->alloc, d->changes[i].id);
    for (size_t i = 0; i < d->n_numbers; i++)
        it_diff_number_fini(d, &d->numbers[i]);
    void *const lists[] = {d->texts, d->cases, d->metrics, d->changes, d->groups, d->numbers, d->claims, d->problems};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        it_free(d->alloc, lists[i]);
    it_map *const maps[] = {&d->text_map, &d->case_map, &d->group_map, &d->number_map};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        it_map_fini(maps[i]);
    json_t *const lines[] = {d->old.plan, d->old.end, d->now.plan, d->now.end};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        json_decref(lines[i]);
}

bool it_diff_changed(const it_diff *d)
{
    bool packets = d->bound == 0 && d->rerun;
    return d->n_changes || d->n_numbers || d->n_claims || d->n_problems || packets;
}
