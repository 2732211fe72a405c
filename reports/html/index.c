/* The overview: its head, the verdict in sentences, one square a case, and the order of the sections. */
#include "reports/html/html.h"

#include "base/rng.h"

#include <string.h>

static size_t index_count(const it_view *w, const char *verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += strcmp(w->v[i].verdict, verdict) == 0;
    return n;
}

static size_t count_kind(const it_view *w, enum it_view_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += !w->v[i].unsupported && it_view_kind_of(&w->v[i]) == kind;
    return n;
}

/* Whether all cases are of one scenario. */
static bool one_scenario(const it_view *w)
{
    for (size_t i = 1; i < w->n; i++)
        if (!it_view_same_scenario(&w->v[0], &w->v[i]))
            return false;
    return w->n > 0;
}

/* What the cases are about, by the kinds there are. */
static const char *subject(const it_view *w)
{
    static const char *const SUBJECTS[2][2][2] = {
        /* [connect][death][recovery] */
        {{"What was measured", "How peers come back"},
         {"How peers notice death", "How peers notice death and come back"}},
        {{"How peers connect", "How peers connect and come back"},
         {"How peers connect and notice death", "How peers connect, notice death and come back"}},
    };
    bool connect = count_kind(w, IT_VIEW_CONNECT) > 0, death = count_kind(w, IT_VIEW_DEATH) > 0,
         back = count_kind(w, IT_VIEW_RECOVERY) > 0;
    if (!connect && !death && !back && json_array_size(json_object_get(w->r->end, "hypotheses")))
        return "Claims, and what was measured";
    return SUBJECTS[connect][death][back];
}

static void title(const it_view *w, it_str *out)
{
    if (w->n == 0)
        it_str_puts(out, "Nothing was run");
    else if (one_scenario(w) && *w->v[0].title)
        it_html_text(out, w->v[0].title);
    else
        it_str_puts(out, subject(w));
}

/* --- the verdict --- */

/* "connects in all 12 worlds that have a path". */
static void worlds(size_t open, size_t want, it_str *out)
{
    if (want == 1) {
        it_str_puts(out, open ? " connects in the one world that has a path"
                              : " does not connect in the one world that has a path");
        return;
    }
    it_str_puts(out, open == want ? " connects in all " : " connects in ");
    it_html_num(out, (int64_t)open);
    if (open < want)
        it_str_printf(out, " of %d", (int)want);
    it_str_puts(out, NBSP "worlds that have a path");
}

/* One sentence a built model: what it connects of what has a path, and how fast. */
static void connects(const it_view *w, size_t m, it_str *out)
{
    size_t open = 0, want = 0, dark = 0;
    it_numbers t = {.alloc = w->alloc};
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        if (c->unsupported || strcmp(c->model, w->models[m]) != 0 || it_view_kind_of(c) != IT_VIEW_CONNECT)
            continue;
        bool path = strcmp(it_results_str(json_object_get(c->o, "oracle"), "outcome"), "open") == 0;
        want += path;
        dark += !path;
        open += path && strcmp(c->outcome, "open") == 0;
        if (c->facts->metric[IT_FACTS_T_CONN] >= 0)
            it_numbers_add(&t, c->facts->metric[IT_FACTS_T_CONN]);
    }
    if (want) {
        it_str_puts(out, "<span>");
        it_html_text(out, *w->models[m] ? w->models[m] : "The call");
        worlds(open, want, out);
        if (t.n) {
            it_str_puts(out, t.n == 1 ? ", within " : ", half of them within ");
            it_html_time(out, it_numbers_rank(&t, 50));
        }
        if (dark)
            it_str_printf(out, "; %d more have none, by the rules of their boxes alone", (int)dark);
        it_str_puts(out, ".</span>\n");
    }
    it_numbers_fini(&t, out);
}

static void deaths(const it_view *w, it_str *out)
{
    it_numbers t = {.alloc = w->alloc};
    for (size_t i = 0; i < w->n; i++) {
        if (w->v[i].unsupported)
            continue;
        if (it_view_kind_of(&w->v[i]) == IT_VIEW_DEATH && w->v[i].facts->metric[IT_FACTS_T_DEATH] >= 0)
            it_numbers_add(&t, w->v[i].facts->metric[IT_FACTS_T_DEATH]);
    }
    if (t.n) {
        it_str_puts(out, "<span>When the last way is gone for good the later side knows for certain after ");
        it_html_time(out, it_numbers_rank(&t, 50));
        it_str_puts(out, " (median, at most ");
        it_html_time(out, it_numbers_rank(&t, 100));
        it_str_puts(out, ").</span>\n");
    }
    it_numbers_fini(&t, out);
}

/* The longest silence of all, where anything was to be noticed. */
static void silence(const it_view *w, it_str *out)
{
    int64_t freeze = 0;
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].unsupported && w->v[i].facts->metric[IT_FACTS_FREEZE] > freeze)
            freeze = w->v[i].facts->metric[IT_FACTS_FREEZE];
    if (freeze == 0 || count_kind(w, IT_VIEW_DEATH) == 0)
        return;
    it_str_puts(out, "<span>No application sat in silence for more than ");
    it_html_time(out, freeze);
    it_str_puts(out, " without being told.</span>\n");
}

static void predicted(const it_view *w, it_str *out)
{
    size_t bad = 0, unsupported = index_count(w, "unsupported"), judged = w->n - unsupported;
    for (size_t i = 0; i < w->n; i++)
        bad += w->v[i].bad;
    it_str_puts(out, "<span>");
    if (judged == 0)
        it_str_puts(out, "No case was judged.");
    else if (bad == 0 && judged == 1)
        it_str_puts(out, "The result is as predicted.");
    else if (bad == 0) {
        it_str_puts(out, "All ");
        it_html_num(out, (int64_t)judged);
        it_str_puts(out, NBSP "results are as predicted.");
    } else {
        it_str_puts(out, "Of ");
        it_html_count(out, (int64_t)judged, "result", "results");
        it_str_puts(out, " <a class=\"acc\" href=\"#unexpected\">");
        it_html_num(out, (int64_t)bad);
        it_str_puts(out, bad == 1 ? NBSP "is not as predicted</a>." : NBSP "are not as predicted</a>.");
    }
    if (w->bad_hypotheses) {
        it_str_puts(out, " <a class=\"acc\" href=\"#unexpected\">");
        it_html_count(out, (int64_t)w->bad_hypotheses, "verdict on a hypothesis is not the known one",
                      "verdicts on hypotheses are not the known ones");
        it_str_puts(out, "</a>.");
    }
    if (w->problems) {
        it_str_puts(out, " <a class=\"acc\" href=\"#unexpected\">");
        it_html_count(out, (int64_t)w->problems, "fault", "faults");
        it_str_puts(out, " of the whole run</a>.");
    }
    if (unsupported) {
        it_str_putc(out, ' ');
        it_html_count(out, (int64_t)unsupported, "more case asks", "more cases ask");
        it_str_puts(out, " for what this version does not have.");
    }
    it_str_puts(out, "</span>\n");
    const char *end = it_results_str(w->r->end, "end");
    if (strcmp(end, "stopped") == 0)
        it_str_puts(
            out,
            "<span class=\"acc\">The run was ended by --max-failures: what follows is what was finished.</span>\n");
    else if (strcmp(end, "complete") != 0)
        it_str_puts(out, "<span class=\"acc\">The run was interrupted: what follows is what was finished.</span>\n");
}

/* What the run has shown, in a few sentences: the models compared where there are several, else what the one did. */
static void verdict(const it_view *w, it_str *out)
{
    bool compares = it_html_verdict(w, out);
    predicted(w, out);
    for (size_t m = 0; m < w->n_models && !compares; m++)
        connects(w, m, out);
    if (!compares)
        deaths(w, out);
    silence(w, out);
}

/* --- squares --- */

enum { SQUARE = 46, ROW = 20, FIELD = 1000 };

/* How many times smaller the squares are drawn, and how many times more stand in a row, so that a field is not much
 * higher than wide. */
static size_t shrink_for(size_t most)
{
    size_t s = 1;
    while (most > ROW * ROW * s * s && s < 20)
        s++;
    return s;
}

static void square_at(it_str *out, size_t k, size_t row, int64_t grow, const char *more)
{
    it_str_puts(out, "<rect x=\"");
    it_html_dec(out, (int64_t)(k % row) * SQUARE - grow);
    it_str_puts(out, "\" y=\"");
    it_html_dec(out, (int64_t)(k / row) * SQUARE + 3 - grow);
    it_str_puts(out, "\" width=\"");
    it_html_dec(out, 34 + 2 * grow);
    it_str_puts(out, "\" height=\"");
    it_html_dec(out, 34 + 2 * grow);
    it_str_printf(out, "\" %s/>", more);
}

/* The squares of one model: as predicted grey, unsupported hollow, the others red and linked. Returns how many are red.
 */
static size_t squares(const it_view *w, size_t m, size_t shrink, it_str *out)
{
    size_t n = 0, bad = 0, k = 0, each = ROW * shrink;
    for (size_t i = 0; i < w->n; i++)
        n += strcmp(w->v[i].model, w->models[m]) == 0;
    if (shrink > 1)
        it_str_printf(out, "<g transform=\"scale(.%04d)\">", 10000 / (int)shrink);
    it_str_puts(out, "<path d=\"");
    for (size_t row = 0; row * each < n; row++) {
        size_t here = n - row * each < each ? n - row * each : each;
        it_str_puts(out, "M0 ");
        it_html_dec(out, (int64_t)row * SQUARE + 20);
        it_str_puts(out, "h");
        it_html_dec(out, (int64_t)here * SQUARE - 12);
    }
    it_str_puts(out, "\" stroke=\"var(--line)\" stroke-opacity=\".55\" stroke-width=\"3.4\" stroke-dasharray=\"3.4 "
                     "1.2\" fill=\"none\"/>");
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        if (strcmp(c->model, w->models[m]) != 0)
            continue;
        if (c->unsupported) {
            square_at(out, k, each, 4, "fill=\"var(--bg)\"");
            square_at(out, k, each, -3, "fill=\"none\" stroke=\"var(--mut)\" stroke-width=\".7\"");
        } else if (c->bad) {
            it_str_printf(out, "<a href=\"#u%d\" aria-label=\"", (int)c->group);
            it_html_text(out, c->title);
            it_str_puts(out, "\"><title>");
            it_html_text(out, c->title);
            it_str_puts(out, "</title>");
            square_at(out, k, each, 20 * (int64_t)shrink, "class=\"ua\"");
            it_str_puts(out, "</a>");
            bad++;
        }
        k++;
    }
    it_str_puts(out, shrink > 1 ? "</g>" : "");
    return bad;
}

static void tally(const it_view *w, it_str *out)
{
    size_t most = 0;
    for (size_t m = 0; m < w->n_models; m++) {
        size_t n = 0;
        for (size_t i = 0; i < w->n; i++)
            n += strcmp(w->v[i].model, w->models[m]) == 0;
        most = n > most ? n : most;
    }
    size_t shrink = shrink_for(most), rows = (most + ROW * shrink - 1) / (ROW * shrink);
    int64_t height = ((int64_t)rows * SQUARE + (int64_t)shrink - 1) / (int64_t)shrink;
    it_str_puts(out, "<div class=\"tally\"><svg viewBox=\"-2 -2 ");
    it_html_dec(out, (int64_t)(w->n_models < 5 ? 5 : w->n_models) * FIELD - 40);
    it_str_putc(out, ' ');
    it_html_dec(out, height + 200);
    it_str_puts(out, "\" role=\"group\" aria-label=\"One square a case, a field a model.\">\n");
    for (size_t m = 0; m < w->n_models; m++) {
        it_str_printf(out, "<g class=\"fm f%d\" transform=\"translate(%d 0)\">", (int)m, (int)m * 100);
        size_t bad = squares(w, m, shrink, out);
        it_str_puts(out, "<text y=\"");
        it_html_dec(out, height + 130);
        it_str_puts(out, "\" class=\"b\">");
        it_html_text(out, w->models[m]);
        it_str_puts(out, "</text>");
        if (bad) {
            it_str_puts(out, "<text x=\"14\" y=\"");
            it_html_dec(out, height + 130);
            it_str_printf(out, "\" class=\"a b\">%d</text>", (int)bad);
        }
        it_str_puts(out, "</g>\n");
    }
    it_str_puts(out, "</svg><p>One square a case");
    if (index_count(w, "unsupported"))
        it_str_puts(out, ", hollow ones ask for what is not built");
    it_str_puts(out, w->n_groups ? "; what is not as predicted is large and red.</p></div>\n"
                                 : "; what is not as predicted would be large and red.</p></div>\n");
}

/* --- head --- */

/* Sixteen digits in four groups. */
static void print_of(it_str *out, uint64_t h)
{
    for (int k = 48; k >= 0; k -= 16)
        it_str_printf(out, "%04x%s", (unsigned)(h >> k & 0xffff), k ? NBSP : "");
}

static void header(const it_view *w, it_str *out)
{
    uint64_t plan = 0;
    const char *version = it_results_str(w->r->plan, "version");
    for (size_t i = 0; i < w->n; i++)
        plan = it_hash_mix(plan, it_hash_str(w->v[i].id));
    it_str_puts(out, "<header class=\"top\" id=\"main\"><p class=\"run\"><span class=\"wm\">");
    it_html_wordmark(out);
    it_str_puts(out, "</span><span>");
    it_html_count(out, (int64_t)w->n, "case", "cases");
    it_str_printf(out, "</span><span>seed %lld</span>", (long long)it_results_int(w->r->plan, "seed", 0));
    if (*version) {
        it_str_puts(out, "<span>version ");
        it_html_text(out, version);
        it_str_puts(out, "</span>");
    }
    it_str_puts(out, "<span>plan ");
    print_of(out, plan);
    it_str_puts(out, "</span></p>\n<div class=\"hero\"><h1>");
    title(w, out);
    it_str_puts(out, "</h1>\n<p class=\"verdict\">");
    verdict(w, out);
    it_str_puts(out, "</p>\n");
    if (w->n)
        tally(w, out);
    it_str_puts(out, "</div></header>\n");
}

/* Sections and, where there is a choice, models. Radio buttons and :has() filter without script. */
static void bar(const it_view *w, it_str *out)
{
    it_str_puts(out, "<nav class=\"bar noprint\" aria-label=\"Sections and models\"><div><div class=\"toc\">");
    if (it_view_compares(w))
        it_str_puts(out, "<a href=\"#models\">Models</a>");
    it_str_puts(out, "<a href=\"#unexpected\">Unexpected</a>");
    if (json_array_size(json_object_get(w->r->end, "hypotheses")))
        it_str_puts(out, "<a href=\"#hypotheses\">Hypotheses</a>");
    if (count_kind(w, IT_VIEW_CONNECT))
        it_str_puts(out, "<a href=\"#nat\">Connecting</a>");
    if (count_kind(w, IT_VIEW_DEATH))
        it_str_puts(out, "<a href=\"#death\">Death</a>");
    if (count_kind(w, IT_VIEW_RECOVERY))
        it_str_puts(out, "<a href=\"#recovery\">Recovery</a>");
    it_str_puts(
        out, "<a href=\"#all\">All scenarios</a><a href=\"#words\">Words</a><a href=\"#prov\">Provenance</a></div>\n");
    if (w->n_models > 1) {
        it_str_puts(out, "<fieldset class=\"fl\"><legend>Show model</legend><label><input type=\"radio\" name=\"m\" "
                         "id=\"mAll\" checked><span>all</span></label>");
        for (size_t m = 0; m < w->n_models; m++) {
            it_str_printf(out, "<label><input type=\"radio\" name=\"m\" id=\"m%d\"><span>", (int)m);
            it_html_text(out, *w->models[m] ? w->models[m] : "none");
            it_str_puts(out, "</span></label>");
        }
        it_str_puts(out, "</fieldset>");
    }
    it_str_puts(out, "</div></nav>\n<main>\n");
}

void it_html_index(const it_view *w, it_str *out)
{
    it_str name;
    it_str_init(&name, w->alloc);
    it_str_printf(&name, "icetank: %d cases", (int)w->n);
    it_html_head(out, IT_HTML_INDEX, it_str_c(&name));
    it_str_fini(&name);
    header(w, out);
    bar(w, out);
    it_html_models(w, out);
    it_html_unexpected(w, out);
    it_html_hypotheses(w, out);
    bool pairs = it_html_matrices(w, out);
    it_html_death(w, out);
    it_html_recovery(w, out);
    it_html_told(w, out);
    it_html_scenarios(w, out);
    it_html_pages(w, out);
    it_html_words(w, out);
    it_html_provenance(w, out);
    it_str_puts(out, "</main>\n");
    it_html_foot(out, w, pairs ? IT_HTML_PAIRS : IT_HTML_NO_SCRIPT);
}
