/* Reading results.jsonl. */
#include "reports/read/results.h"

#include "base/rng.h"
#include "base/text/near.h"
#include "reports/read/facts.h"
#include "reports/read/lines.h"

#include <stdlib.h>
#include <string.h>

const char *it_results_str(const json_t *o, const char *key)
{
    const char *v = json_string_value(json_object_get(o, key));
    return v ? v : "";
}

int64_t it_results_int(const json_t *o, const char *key, int64_t otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

int64_t it_results_time(const json_t *o, const char *key, int64_t otherwise)
{
    const int64_t most = 10000000000000000;
    int64_t v = it_results_int(o, key, otherwise);
    return v == otherwise ? v : v < 0 ? 0 : v > most ? most : v;
}

enum it_held it_results_held(const json_t *check)
{
    if (!json_is_true(json_object_get(check, "ok")))
        return IT_BROKEN;
    return json_is_false(json_object_get(check, "judged")) ? IT_UNJUDGED : IT_HELD;
}

const json_t *it_results_broken(const json_t *c)
{
    size_t i;
    json_t *x, *checks = json_object_get(c, "checks");
    json_array_foreach(checks, i, x) if (!json_is_true(json_object_get(x, "ok"))) return x;
    return NULL;
}

bool it_results_as_known(const json_t *h)
{
    return json_is_true(json_object_get(h, "ok"));
}

const char *it_results_expected(const json_t *c)
{
    const json_t *b = it_results_broken(c);
    return b ? it_results_str(b, "expected") : "that the scenario runs";
}

const char *it_results_observed(const json_t *c)
{
    const json_t *b = it_results_broken(c);
    return b ? it_results_str(b, "observed") : it_results_str(c, "error");
}

/* What a way is called: its rung, or its path where that is the same. */
static const char *way_name(const json_t *way)
{
    const char *rung = it_results_str(way, "rung");
    return *rung ? rung : it_results_str(way, "path");
}

/* Appends the kinds that |way| lets the two |ends| use. */
static void put_kinds(const json_t *way, const json_t *ends, it_str *out)
{
    const json_t *kinds = json_object_get(way, "kinds");
    for (size_t i = 0; i < 2 && json_array_size(kinds); i++) {
        const char *end = json_string_value(json_array_get(ends, i));
        it_str_printf(out, "%s%s", i ? "; " : " (", end ? end : i ? "far" : "near");
        size_t k;
        json_t *pair;
        json_array_foreach(json_array_get(kinds, i), k, pair)
        {
            it_str_printf(out, " %s", json_is_string(pair) ? json_string_value(pair) : "");
        }
    }
    it_str_puts(out, json_array_size(kinds) ? ")" : "");
}

void it_results_ways(const json_t *c, it_str *out)
{
    const json_t *ways = json_object_get(json_object_get(c, "oracle"), "ways");
    const char *lead = "";
    size_t i;
    json_t *way;
    json_array_foreach(ways, i, way)
    {
        const char *outcome = it_results_str(way, "outcome");
        if (strcmp(outcome, "not built") == 0)
            continue;
        it_str_printf(out, "%s%s %s", lead, way_name(way), outcome);
        put_kinds(way, json_object_get(c, "ends"), out);
        lead = "; ";
    }
    bool first = true;
    json_array_foreach(ways, i, way)
    {
        if (strcmp(it_results_str(way, "outcome"), "not built") != 0)
            continue;
        it_str_printf(out, "%s%s", first ? lead : "", first ? "not built: " : ", ");
        it_str_puts(out, way_name(way));
        first = false;
    }
}

void it_results_escape(it_str *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '<')
            it_str_puts(out, "&lt;");
        else if (*s == '>')
            it_str_puts(out, "&gt;");
        else if (*s == '&')
            it_str_puts(out, "&amp;");
        else if (*s == '"')
            it_str_puts(out, "&quot;");
        else if (*s == '\'')
            it_str_puts(out, "&#39;");
        else if ((unsigned char)*s >= 0x20 || *s == '\t')
            it_str_putc(out, *s);
    }
}

/* --- skimming --- */

/* What stands for the content of |v|, a string or a flat object of strings and truths: two of equal content have equal
 * keys. */
static void content_key(const json_t *v, uint64_t key[2])
{
    const char *name;
    json_t *x;
    key[0] = it_hash_mix(1, (uint64_t)json_typeof(v));
    key[1] = it_hash_mix(2, (uint64_t)json_typeof(v));
    if (json_is_string(v)) {
        uint64_t h = it_hash_str(json_string_value(v));
        key[0] = it_hash_mix(key[0], h);
        key[1] = it_hash_mix(key[1], h);
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, x)
    {
        uint64_t h = it_hash_mix(it_hash_str(name), it_hash_str(json_is_string(x) ? json_string_value(x) : ""));
        key[0] = it_hash_mix(key[0], h);
        key[1] = it_hash_mix(key[1], h + (uint64_t)json_typeof(x));
    }
}

/* A reference to |v|, or to what was equal to it before. NULL on no memory. */
static json_t *share(it_results *r, json_t *v)
{
    uint64_t key[2];
    content_key(v, key);
    uint32_t at = it_map_get(&r->seen, key);
    if (at != IT_MAP_NONE) /* of two that only hash alike the second is kept as it is */
        return json_incref(json_equal(r->shared[at], v) ? r->shared[at] : v);
    if (it_grow(r->alloc, &r->shared, &r->cap_shared, r->n_shared + 1, sizeof *r->shared) < 0 ||
        it_map_put(&r->seen, key, (uint32_t)r->n_shared) < 0)
        return NULL;
    r->shared[r->n_shared++] = json_incref(v);
    return json_incref(v);
}

/* Puts |v|, shared, under |key| into |to|. Returns 0 or IT_ERR_NOMEM. */
static int put_shared(it_results *r, json_t *to, const char *key, json_t *v)
{
    json_t *mine = share(r, v);
    return mine && json_object_set_new(to, key, mine) == 0 ? 0 : IT_ERR_NOMEM;
}

/* The members |keys| of |o|, as an object of their own; NULL on no memory. */
static json_t *members(const json_t *o, const char *const *keys)
{
    json_t *out = json_object();
    for (size_t k = 0; out && keys[k]; k++) {
        json_t *v = json_object_get(o, keys[k]);
        if (v && !json_is_null(v) && json_object_set(out, keys[k], v) < 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* The axes of |o| with shared values. */
static int skim_cell(it_results *r, json_t *to, const json_t *o)
{
    const char *axis;
    json_t *v, *cell = json_object_get(o, "cell");
    if (!json_is_object(cell))
        return 0;
    json_t *mine = json_object();
    int rc = mine ? 0 : IT_ERR_NOMEM;
    json_object_foreach(cell, axis, v)
    {
        if (rc == 0)
            rc = put_shared(r, mine, axis, v);
    }
    if (rc < 0) {
        json_decref(mine);
        return rc;
    }
    return json_object_set_new(to, "cell", mine) == 0 ? 0 : IT_ERR_NOMEM;
}

/* The oracle's word without the ways. */
static int skim_oracle(it_results *r, json_t *to, const json_t *o)
{
    static const char *const KEYS[] = {"outcome", "why", "either", NULL};
    json_t *oracle = json_object_get(o, "oracle");
    if (!json_is_object(oracle))
        return 0;
    json_t *mine = members(oracle, KEYS);
    int rc = mine ? put_shared(r, to, "oracle", mine) : IT_ERR_NOMEM;
    json_decref(mine);
    return rc;
}

/* The first check that did not hold, and those that could not be judged. */
static int skim_checks(json_t *to, const json_t *o)
{
    static const char *const KEYS[] = {"ok", "judged", "name", "expected", "observed", "where", NULL};
    const json_t *broken = it_results_broken(o);
    json_t *list = NULL, *x;
    size_t i;
    json_array_foreach(json_object_get(o, "checks"), i, x)
    {
        if (x != broken && it_results_held(x) != IT_UNJUDGED)
            continue;
        list = list ? list : json_array();
        json_t *mine = members(x, KEYS);
        if (!list || !mine || json_array_append_new(list, mine) < 0) {
            json_decref(list);
            return IT_ERR_NOMEM;
        }
    }
    return !list || json_object_set_new(to, "checks", list) == 0 ? 0 : IT_ERR_NOMEM;
}

/* What is kept of case |o|; NULL on no memory. */
static json_t *skim(it_results *r, const json_t *o)
{
    static const char *const OWN[] = {"case", "error", "trace", "notes", NULL};
    static const char *const SHARED[] = {"file", "title", "model", "verdict", "outcome", "path", "keep"};
    json_t *out = members(o, OWN);
    int rc = out ? 0 : IT_ERR_NOMEM;
    for (size_t k = 0; k < sizeof SHARED / sizeof *SHARED && rc == 0; k++) {
        json_t *v = json_object_get(o, SHARED[k]);
        rc = v && !json_is_null(v) ? put_shared(r, out, SHARED[k], v) : 0;
    }
    if (rc == 0)
        rc = skim_cell(r, out, o);
    if (rc == 0)
        rc = skim_oracle(r, out, o);
    if (rc == 0)
        rc = skim_checks(out, o);
    if (rc == 0)
        return out;
    json_decref(out);
    return NULL;
}

/* --- reading --- */

/* A reading under way. */
typedef struct reading {
    it_results *r;
    bool skims;
    const it_results_watch *watch; /* NULL: nobody */
    int64_t at;                    /* where the line begins */
} reading;

/* Keeps case |o|, or of it what an overview shows. */
static int take_case(const reading *g, json_t *o)
{
    it_results *r = g->r;
    int rc = it_grow(r->alloc, &r->v, &r->cap, r->n + 1, sizeof *r->v);
    if (rc == 0 && g->skims)
        rc = it_grow(r->alloc, &r->facts, &r->cap_facts, r->n + 1, sizeof *r->facts);
    if (rc == 0 && g->skims)
        rc = it_grow(r->alloc, &r->at, &r->cap_at, r->n + 1, sizeof *r->at);
    if (rc < 0)
        return rc;
    json_t *kept = g->skims ? skim(r, o) : json_incref(o);
    if (!kept)
        return IT_ERR_NOMEM;
    if (g->skims) {
        it_facts_of(&r->facts[r->n], o);
        r->at[r->n] = g->at;
    }
    r->v[r->n++] = kept;
    return 0;
}

bool it_results_is_case(const json_t *o)
{
    return json_is_string(json_object_get(o, "case")) && json_is_string(json_object_get(o, "verdict"));
}

/* Keeps a line: the plan, the end, or a case. */
static int take_line(void *self, json_t *o)
{
    reading *g = self;
    int rc = g->watch ? g->watch->line(g->watch->self, o) : 0;
    if (rc < 0)
        return rc;
    json_t **line = json_object_get(o, "plan") ? &g->r->plan : json_object_get(o, "end") ? &g->r->end : NULL;
    if (line) {
        json_decref(*line);
        *line = json_incref(o);
        return 0;
    }
    return it_results_is_case(o) ? take_case(g, o) : IT_ERR_PARSE;
}

static int read_results(it_results *r, it_alloc *alloc, bool skims, const it_results_watch *watch, const char *path,
                        char err[512])
{
    reading g = {r, skims, watch, 0};
    const it_lines l = {.what = "results", .cut = true, .at = &g.at, .self = &g, .take = take_line};
    *r = (it_results){.alloc = alloc};
    it_map_init(&r->seen, alloc, 2);
    int rc = it_lines_read(&l, path, err);
    if (rc == 0 && skims)
        r->file = fopen(path, "rbe");
    return rc;
}

int it_results_read(it_results *r, it_alloc *alloc, const char *path, char err[512])
{
    return read_results(r, alloc, false, NULL, path, err);
}

int it_results_skim(it_results *r, it_alloc *alloc, const it_results_watch *watch, const char *path, char err[512])
{
    return read_results(r, alloc, true, watch, path, err);
}

void it_results_free(it_results *r)
{
    for (size_t i = 0; i < r->n; i++)
        json_decref(r->v[i]);
    for (size_t i = 0; i < r->n_shared; i++)
        json_decref(r->shared[i]);
    json_decref(r->plan);
    json_decref(r->end);
    if (r->file)
        fclose(r->file);
    it_map_fini(&r->seen);
    it_free(r->alloc, r->shared);
    it_free(r->alloc, r->facts);
    it_free(r->alloc, r->at);
    it_free(r->alloc, r->v);
}

json_t *it_results_whole(const it_results *r, size_t i)
{
    char *line = NULL;
    size_t cap = 0;
    json_t *o = NULL;
    if (r->file && fseeko(r->file, (off_t)r->at[i], SEEK_SET) == 0) {
        ssize_t n = getline(&line, &cap, r->file);
        o = n > 0 ? json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL) : NULL;
    }
    free(line);
    if (o && strcmp(it_results_str(o, "case"), it_results_str(r->v[i], "case")) == 0)
        return o;
    json_decref(o);
    return json_incref(r->v[i]);
}

size_t it_results_find(const it_results *r, const char *id)
{
    for (size_t i = r->n; i-- > 0;)
        if (strcmp(it_results_str(r->v[i], "case"), id) == 0)
            return i;
    return r->n;
}

const char *it_results_nearest(const it_results *r, const char *id)
{
    it_near near;
    it_near_init(&near, id);
    for (size_t i = 0; i < r->n; i++)
        it_near_try(&near, it_results_str(r->v[i], "case"));
    return near.best;
}
