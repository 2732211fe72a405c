/* The overview for programs: what its tables say, as JSON. */
#include "reports/impl.h"

#include "base/text/json.h"

#include <stdlib.h>
#include <string.h>

/* What is counted of a model. */
typedef struct tally {
    int64_t cases, connect, open, faults, survived;
    int64_t paths[IT_VIEW_GLYPHS]; /* of cases without a fault, in the order of PATHS */
    int64_t silence;               /* the longest, ns */
    it_numbers conn, death, recover;
} tally;

static void tally_add(tally *s, const it_view_case *c)
{
    enum it_view_kind kind = it_view_kind_of(c);
    const int64_t *metric = c->facts->metric;
    s->cases++;
    s->silence = metric[IT_FACTS_FREEZE] > s->silence ? metric[IT_FACTS_FREEZE] : s->silence;
    if (kind == IT_VIEW_CONNECT) {
        s->connect++;
        s->open += strcmp(c->outcome, "open") == 0;
        s->paths[it_view_glyph(c->glyph)]++;
        if (metric[IT_FACTS_T_CONN] >= 0)
            it_numbers_add(&s->conn, metric[IT_FACTS_T_CONN]);
        return;
    }
    if (metric[IT_FACTS_T_DEATH] >= 0)
        it_numbers_add(&s->death, metric[IT_FACTS_T_DEATH]);
    if (kind != IT_VIEW_RECOVERY)
        return;
    s->faults++;
    s->survived += !c->facts->died;
    if (metric[IT_FACTS_T_RECOVER] >= 0)
        it_numbers_add(&s->recover, metric[IT_FACTS_T_RECOVER]);
}

static void put_numbers(it_json *j, const char *key, it_numbers *x, it_str *out)
{
    it_json_obj(j, key);
    it_json_int(j, "n", (int64_t)x->n);
    if (x->n) {
        it_json_int(j, "p50", it_numbers_rank(x, 50));
        it_json_int(j, "p95", it_numbers_rank(x, 95));
        it_json_int(j, "p99", it_numbers_rank(x, 99));
        it_json_int(j, "max", it_numbers_rank(x, 100));
    }
    it_json_end_obj(j);
    it_numbers_fini(x, out);
}

/* The object of model |m|. */
static void put_model(it_json *j, const it_view *w, size_t m, it_str *out)
{
    static const char *const PATHS[IT_VIEW_GLYPHS] = {"direct_udp", "direct_tcp", "relay_udp",  "relay_tcp",
                                                      "none",       "error",      "unsupported"};
    tally s = {.conn = {.alloc = w->alloc}, .death = {.alloc = w->alloc}, .recover = {.alloc = w->alloc}};
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        if (!c->unsupported && strcmp(c->model, w->models[m]) == 0 && it_view_kind_of(c) != IT_VIEW_NO_CALL)
            tally_add(&s, c);
    }
    it_json_obj(j, NULL);
    it_json_str(j, "model", w->models[m]);
    it_json_int(j, "cases", s.cases);
    it_json_int(j, "worlds", s.connect);
    it_json_int(j, "connected", s.open);
    it_json_obj(j, "paths");
    for (size_t k = 0; k < IT_VIEW_GLYPHS; k++)
        if (s.paths[k])
            it_json_int(j, PATHS[k], s.paths[k]);
    it_json_end_obj(j);
    it_json_int(j, "faults", s.faults);
    it_json_int(j, "survived", s.survived);
    it_json_int(j, "longest_silence", s.silence);
    put_numbers(j, "t_conn", &s.conn, out);
    put_numbers(j, "t_death", &s.death, out);
    put_numbers(j, "t_recover", &s.recover, out);
    it_json_end_obj(j);
}

/* The verdicts of the cases of |span|, and its title. */
static void put_scenario(it_json *j, const it_view *w, const it_view_span *span)
{
    static const char *const VERDICTS[] = {"pass", "fail", "error", "unsupported"};
    const it_view_case *first = &w->v[span->from];
    it_json_obj(j, NULL);
    it_json_strn(j, "scenario", first->id, first->stem);
    it_json_str(j, "title", first->title);
    it_json_int(j, "cases", (int64_t)(span->to - span->from));
    for (size_t k = 0; k < sizeof VERDICTS / sizeof *VERDICTS; k++) {
        int64_t n = 0;
        for (size_t i = span->from; i < span->to; i++)
            n += strcmp(w->v[i].verdict, VERDICTS[k]) == 0;
        it_json_int(j, VERDICTS[k], n);
    }
    it_json_end_obj(j);
}

/* A group of results that are not as predicted, by its first case. */
static void put_group(it_json *j, const it_view *w, const it_view_group *g)
{
    const it_view_case *c = &w->v[g->first];
    it_json_obj(j, NULL);
    it_json_str(j, "case", c->id);
    it_json_int(j, "cases", (int64_t)g->n);
    it_json_str(j, "model", *c->model ? c->model : NULL);
    it_json_str(j, "title", c->title);
    it_json_str(j, "verdict", c->verdict);
    it_json_str(j, "expected", it_results_expected(c->o));
    it_json_str(j, "observed", it_results_observed(c->o));
    it_json_str(j, "why", c->cause);
    it_json_str(j, "page", c->page);
    it_json_end_obj(j);
}

/* Appends member |key| of the end line as it is there; an empty list where there is none. */
static void put_end(it_json *j, const it_view *w, const char *key, it_str *out)
{
    json_t *v = json_object_get(w->r->end, key);
    char *text = json_is_array(v) ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (json_is_array(v) && !text)
        out->oom = true;
    it_json_raw(j, key, text ? text : "[]");
    free(text);
}

void it_report_twin(const it_view *w, it_str *out)
{
    it_json j;
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "report", "icetank");
    it_json_str(&j, "version", it_results_str(w->r->plan, "version"));
    it_json_int(&j, "seed", it_results_int(w->r->plan, "seed", 0));
    it_json_int(&j, "cases", (int64_t)w->n);
    it_json_str(&j, "end", w->r->end ? it_results_str(w->r->end, "end") : NULL);
    it_json_arr(&j, "models");
    for (size_t m = 0; m < w->n_models; m++)
        if (it_view_calls(w, m))
            put_model(&j, w, m, out);
    it_json_end_arr(&j);
    it_json_arr(&j, "unexpected");
    for (size_t i = 0; i < w->n_groups; i++)
        put_group(&j, w, &w->groups[i]);
    it_json_end_arr(&j);
    put_end(&j, w, "hypotheses", out);
    put_end(&j, w, "problems", out);
    it_json_arr(&j, "scenarios");
    for (size_t i = 0; i < w->n_spans; i++)
        put_scenario(&j, w, &w->spans[i]);
    it_json_end_arr(&j);
    it_json_end_obj(&j);
    it_json_newline(&j);
}
