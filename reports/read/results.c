/* Reading results.jsonl. */
#include "reports/read/results.h"

#include "base/text/near.h"
#include "reports/read/lines.h"

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

/* Whether all checks of |o| were judged; what was not is told of. */
static bool all_judged(const json_t *o)
{
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(o, "checks"), i, x)
    {
        if (it_results_held(x) == IT_UNJUDGED)
            return false;
    }
    return true;
}

/* Leaves out of case |o| what an overview does not show. */
static void skim(json_t *o)
{
    const char *verdict = it_results_str(o, "verdict");
    if (strcmp(verdict, "fail") == 0 || strcmp(verdict, "error") == 0 || *it_results_str(o, "trace"))
        return;
    if (all_judged(o))
        (void)json_object_del(o, "checks");
    (void)json_object_del(o, "links");
    (void)json_object_del(json_object_get(o, "oracle"), "ways");
}

/* Keeps a line: the plan, the end, or a case. */
static int take_line(void *self, json_t *o)
{
    it_results *r = self;
    json_t **line = json_object_get(o, "plan") ? &r->plan : json_object_get(o, "end") ? &r->end : NULL;
    if (line) {
        json_decref(*line);
        *line = json_incref(o);
        return 0;
    }
    if (!json_is_string(json_object_get(o, "case")) || !json_is_string(json_object_get(o, "verdict")))
        return IT_ERR_PARSE;
    if (it_grow(r->alloc, &r->v, &r->cap, r->n + 1, sizeof *r->v) < 0)
        return IT_ERR_NOMEM;
    if (r->skim)
        skim(o);
    r->v[r->n++] = json_incref(o);
    return 0;
}

static int read_results(it_results *r, it_alloc *alloc, bool skims, const char *path, char err[512])
{
    const it_lines l = {.what = "results", .cut = true, .self = r, .take = take_line};
    *r = (it_results){.alloc = alloc, .skim = skims};
    return it_lines_read(&l, path, err);
}

int it_results_read(it_results *r, it_alloc *alloc, const char *path, char err[512])
{
    return read_results(r, alloc, false, path, err);
}

int it_results_skim(it_results *r, it_alloc *alloc, const char *path, char err[512])
{
    return read_results(r, alloc, true, path, err);
}

void it_results_free(it_results *r)
{
    for (size_t i = 0; i < r->n; i++)
        json_decref(r->v[i]);
    json_decref(r->plan);
    json_decref(r->end);
    it_free(r->alloc, r->v);
}

const json_t *it_results_case(const it_results *r, const char *id)
{
    for (size_t i = r->n; i-- > 0;)
        if (strcmp(it_results_str(r->v[i], "case"), id) == 0)
            return r->v[i];
    return NULL;
}

const char *it_results_nearest(const it_results *r, const char *id)
{
    it_near near;
    it_near_init(&near, id);
    for (size_t i = 0; i < r->n; i++)
        it_near_try(&near, it_results_str(r->v[i], "case"));
    return near.best;
}
