/* The summary of a run, made while its results are read: no line is kept. */
#include "reports/text/impl.h"

#include "base/rng.h"
#include "reports/read/lines.h"

#include <inttypes.h>
#include <string.h>

/* --- texts that are told once --- */

/* One of them. */
typedef struct told {
    char *text, *where; /* |where|: that of the first, "" when it is not known */
    int n;              /* how often it came */
} told;

typedef struct told_list {
    it_alloc *alloc;
    told *v; /* in order of being added */
    size_t n, cap;
    it_map by; /* text -> place in |v| */
} told_list;

static void told_init(told_list *l, it_alloc *alloc)
{
    *l = (told_list){.alloc = alloc};
    it_map_init(&l->by, alloc, 2);
}

static void told_fini(told_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        it_free(l->alloc, l->v[i].text);
        it_free(l->alloc, l->v[i].where);
    }
    it_free(l->alloc, l->v);
    it_map_fini(&l->by);
}

/* Counts |text|, whose place is the first |n_where| bytes of |where|. Returns 0 or IT_ERR_NOMEM. */
static int told_add(told_list *l, const char *text, const char *where, size_t n_where)
{
    uint64_t key[2] = {it_hash_mix(1, it_hash_str(text)), it_hash_mix(strlen(text), it_hash_str(text))};
    uint32_t at = it_map_get(&l->by, key);
    if (at != IT_MAP_NONE && strcmp(l->v[at].text, text) == 0) {
        l->v[at].n++;
        return 0;
    }
    if (it_grow(l->alloc, &l->v, &l->cap, l->n + 1, sizeof *l->v) < 0)
        return IT_ERR_NOMEM;
    told *t = &l->v[l->n];
    *t = (told){it_strdup(l->alloc, text), it_calloc(l->alloc, n_where + 1, 1), 1};
    l->n++;
    if (!t->text || !t->where)
        return IT_ERR_NOMEM;
    memcpy(t->where, where, n_where);
    return at == IT_MAP_NONE ? it_map_put(&l->by, key, (uint32_t)(l->n - 1)) : 0;
}

/* --- reading --- */

struct it_summary {
    it_alloc *alloc;
    it_report_count n;
    const char *dir, *program;
    FILE *out;
    bool cases, color;
    size_t read, pages;
    told_list notes, lacking; /* what cases have to say besides their verdicts; why they could not be judged */
    json_t *plan, *end;
};

/* What |c| lacks, without the line that asks for it, which is before. */
static int add_lacking(it_summary *s, const json_t *c)
{
    const char *error = it_results_str(c, "error");
    size_t n = it_text_place(error);
    const char *text = n ? error + n + 1 + (error[n + 1] == ' ') : error;
    return told_add(&s->lacking, text, error, n);
}

static int add_notes(it_summary *s, const json_t *c)
{
    size_t i;
    json_t *x;
    int rc = 0;
    json_array_foreach(json_object_get(c, "notes"), i, x)
    {
        if (rc == 0)
            rc = told_add(&s->notes, json_is_string(x) ? json_string_value(x) : "", "", 0);
    }
    return rc;
}

static int add_case(it_summary *s, const json_t *c)
{
    it_report_count *n = &s->n;
    const struct {
        const char *verdict;
        int *n;
    } COUNTS[] = {{"pass", &n->pass}, {"fail", &n->fail}, {"error", &n->error}, {"unsupported", &n->unsupported}};
    const char *verdict = it_results_str(c, "verdict");
    s->read++;
    n->either += json_is_true(json_object_get(json_object_get(c, "oracle"), "either"));
    for (size_t k = 0; k < sizeof COUNTS / sizeof *COUNTS; k++)
        *COUNTS[k].n += strcmp(verdict, COUNTS[k].verdict) == 0;
    if (s->cases)
        s->pages += it_report_failure(c, s->dir, s->program, s->pages, s->out, s->color);
    int rc = strcmp(verdict, "unsupported") == 0 ? add_lacking(s, c) : 0;
    return rc < 0 ? rc : add_notes(s, c);
}

int it_summary_line(void *self, json_t *o)
{
    it_summary *s = self;
    json_t **line = json_object_get(o, "plan") ? &s->plan : json_object_get(o, "end") ? &s->end : NULL;
    if (line) {
        json_decref(*line);
        *line = json_incref(o);
        return 0;
    }
    return it_results_is_case(o) ? add_case(s, o) : IT_ERR_PARSE;
}

static void count_run(it_summary *s)
{
    size_t i;
    json_t *h;
    s->n.problems = (int)json_array_size(json_object_get(s->end, "problems"));
    json_array_foreach(json_object_get(s->end, "hypotheses"), i, h)
    {
        s->n.problems += !it_results_as_known(h);
    }
    s->n.whole = strcmp(it_results_str(s->end, "end"), "complete") == 0;
}

/* --- printing --- */

/* A hypothesis: its claim, what was predicted and measured, the verdict. */
static void put_hypothesis(FILE *out, const json_t *h, bool color)
{
    const char *verdict = it_results_str(h, "verdict"), *known = it_results_str(h, "known");
    size_t i;
    json_t *p;
    const char *word = strcmp(verdict, "unsupported") == 0 ? verdict : it_results_as_known(h) ? "pass" : "fail";
    it_text_word(out, word, color);
    fputc(' ', out);
    it_text_put(out, it_results_str(h, "hypothesis"));
    fputs(": ", out);
    it_text_put(out, verdict);
    fputs(*known ? " (known: " : "", out);
    it_text_put(out, known);
    fputs(*known ? ")\n      " : "\n      ", out);
    it_text_put(out, it_results_str(h, "title"));
    fputc('\n', out);
    it_text_row(out, "claim", it_results_str(h, "claim"));
    json_array_foreach(json_object_get(h, "predictions"), i, p)
    {
        fputs("      ", out);
        it_text_put(out, it_results_str(p, "text"));
        fputs(": ", out);
        it_text_put(out, it_results_str(p, "value"));
        fputs(" (95 %: ", out);
        it_text_put(out, it_results_str(p, "interval"));
        fprintf(out, ", %" PRId64 " cases): ", it_results_int(p, "n", 0));
        it_text_put(out, it_results_str(p, "verdict"));
        fputc('\n', out);
    }
    json_array_foreach(json_object_get(h, "tables"), i, p) it_text_table(out, p);
}

static void put_notes(const it_summary *s)
{
    for (size_t i = 0; i < s->notes.n; i++) {
        fputs("NOTE  ", s->out);
        it_text_put(s->out, s->notes.v[i].text);
        fputc('\n', s->out);
    }
}

/* Why cases could not be judged: each reason once. */
static void put_lacking(const it_summary *s)
{
    for (size_t i = 0; i < s->lacking.n; i++) {
        const told *t = &s->lacking.v[i];
        it_text_word(s->out, "unsupported", s->color);
        fprintf(s->out, " %d %s: ", t->n, t->n == 1 ? "case" : "cases");
        it_text_put(s->out, t->text);
        fputs(!*t->where ? "" : t->n == 1 ? "   " : "   first at ", s->out);
        it_text_put(s->out, t->where);
        fputc('\n', s->out);
    }
}

static void put_end(const it_summary *s)
{
    const it_report_count *n = &s->n;
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(s->end, "problems"), i, p)
    {
        it_text_word(s->out, "error", s->color);
        fputs(" ", s->out);
        it_text_put(s->out, json_string_value(p) ? json_string_value(p) : "");
        fputc('\n', s->out);
    }
    json_array_foreach(json_object_get(s->end, "hypotheses"), i, p)
    {
        put_hypothesis(s->out, p, s->color);
    }
    put_notes(s);
    put_lacking(s);
    if (n->either)
        fprintf(s->out, "%d %s: which of two outcomes is right hangs on who is first, or on chance\n", n->either,
                n->either == 1 ? "either verdict" : "either verdicts");
    fprintf(s->out, "%d as predicted, %d not, %d %s, %d unsupported\n", n->pass, n->fail, n->error,
            n->error == 1 ? "error" : "errors", n->unsupported);
    bool stopped = strcmp(it_results_str(s->end, "end"), "stopped") == 0;
    if (!n->whole)
        fprintf(s->out, "%s: %zu of %" PRId64 " cases were finished\n",
                stopped ? "stopped by --max-failures" : "incomplete", s->read, it_results_int(s->plan, "cases", 0));
}

it_summary *it_summary_new(it_alloc *alloc, const it_summary_cfg *cfg)
{
    it_summary *s = it_calloc(alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->alloc = alloc;
    s->dir = cfg->dir;
    s->program = cfg->program;
    s->out = cfg->out;
    s->cases = cfg->cases;
    s->color = cfg->color;
    told_init(&s->notes, alloc);
    told_init(&s->lacking, alloc);
    return s;
}

void it_summary_end(it_summary *s, it_report_count *n)
{
    count_run(s);
    put_end(s);
    *n = s->n;
}

void it_summary_free(it_summary *s)
{
    told_fini(&s->notes);
    told_fini(&s->lacking);
    json_decref(s->plan);
    json_decref(s->end);
    it_free(s->alloc, s);
}

int it_report_print(it_alloc *alloc, const it_summary_cfg *cfg, it_report_count *n, char err[512])
{
    char path[4200];
    it_summary *s = it_summary_new(alloc, cfg);
    const it_lines l = {.what = "results", .cut = true, .self = s, .take = it_summary_line};
    if (!s) {
        snprintf(err, 512, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    snprintf(path, sizeof path, "%s/results.jsonl", cfg->dir);
    int rc = it_lines_read(&l, path, err);
    if (rc == 0)
        it_summary_end(s, n);
    it_summary_free(s);
    return rc;
}
