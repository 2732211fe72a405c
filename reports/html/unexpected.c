/* What is not as predicted, worst first: expected, observed, why, where, how to repeat it. */
#include "reports/html/html.h"

#include <string.h>

static void heading(const it_view_case *c, const it_view_group *g, it_str *out)
{
    it_str_puts(out, "<h3>");
    if (c->page) {
        it_str_puts(out, "<a href=\"");
        it_html_url(out, c->page);
        it_str_puts(out, "\">");
    }
    it_html_text(out, *c->title ? c->title : c->id);
    it_str_puts(out, c->page ? "</a>" : "");
    if (g->n > 1) {
        it_str_puts(out, " <span class=\"times\">");
        it_html_count(out, (int64_t)g->n, "case", "cases");
        it_str_puts(out, "</span>");
    }
    it_str_puts(out, "</h3>\n");
}

/* The article of the |i|-th sort of unexpected result, told by case |c|. */
static void article_of(const it_view *w, size_t i, const it_view_case *c, it_str *out)
{
    const it_view_group *g = &w->groups[i];
    const json_t *b = it_results_broken(c->o);
    it_str_printf(out, "<article class=\"un fm f%d\" id=\"u%d\">\n<div class=\"uv\"><span class=\"um\">",
                  (int)it_view_model(w, c->model), (int)i + 1);
    it_html_text(out, c->model);
    it_str_printf(out, "</span><span class=\"vd\"><span aria-hidden=\"true\">%s</span> ",
                  it_html_verdict_sign(c->verdict));
    it_html_text(out, c->verdict);
    it_str_puts(out, "</span></div>\n");
    heading(c, g, out);
    it_str_puts(out, "<div class=\"ub\"><p class=\"id\">");
    it_html_text(out, c->id);
    it_str_puts(out, "</p><p class=\"eo\"><span>expected</span>");
    it_html_text(out, it_results_expected(c->o));
    it_str_puts(out, "</p><p class=\"eo\"><span>observed</span>");
    it_html_text(out, it_results_observed(c->o));
    it_str_puts(out, "</p></div>\n<dl>");
    if (c->cause) {
        it_str_puts(out, "<dt>why</dt><dd>");
        it_html_text(out, c->cause);
        it_str_puts(out, "</dd>");
    }
    it_str_puts(out, "<dt>where</dt><dd>");
    if (b) {
        it_html_text(out, it_results_str(b, "name"));
        it_str_puts(out, "; ");
    }
    it_html_text(out, b ? it_results_str(b, "where") : it_results_str(c->o, "file"));
    it_str_puts(out, "</dd></dl>\n<p class=\"rep\"><span class=\"mut\">repeat</span>");
    it_html_command(out, it_results_str(c->o, "repeat"));
    if (c->page) {
        it_str_puts(out, "<span class=\"op\"><span class=\"mut\">open</span> <a href=\"");
        it_html_url(out, c->page);
        it_str_puts(out, "\">case page</a> · <a href=\"");
        it_html_url(out, c->page);
        it_str_puts(out, "#ladder\">ladder</a></span>");
    }
    it_str_puts(out, "</p></article>\n");
}

static void article(const it_view *w, size_t i, it_str *out)
{
    it_view_case whole;
    it_view_open(w, w->groups[i].first, &whole);
    article_of(w, i, &whole, out);
    it_view_close(&whole);
}

enum { BY_SCENARIO, BY_ORACLE, BY_RULE, BY_N };

/* By which of them |c| failed: by its first check that did not hold. BY_N: by none. */
static int failed_by(const it_view_case *c)
{
    static const char RULES[] = "silent-freeze false-alarms death-once stream-freeze whitelist stranger";
    const json_t *broken = c->bad ? it_results_broken(c->o) : NULL;
    if (!broken)
        return BY_N;
    const char *name = it_results_str(broken, "name");
    if (strcmp(name, "oracle") == 0)
        return BY_ORACLE;
    return it_facts_is_one(RULES, name) ? BY_RULE : BY_SCENARIO;
}

/* " (3 by the scenario's own expectations, 1 by the oracle, 2 by another standing rule)" */
static void against(const it_view *w, it_str *out)
{
    static const char *const WORDS[] = {"the scenario's own expectations", "the oracle", "another standing rule"};
    int n[BY_N + 1] = {0}, said = 0;
    for (size_t i = 0; i < w->n; i++)
        n[failed_by(&w->v[i])]++;
    for (int k = 0; k < BY_N; k++)
        if (n[k])
            it_str_printf(out, "%s%d by %s", said++ ? ", " : " (", n[k], WORDS[k]);
    it_str_puts(out, said ? ")" : "");
}

/* "1 of 2 judged results: 1 fail; 1 verdict on a hypothesis is not the known one." */
static void how_many(const it_view *w, size_t bad, size_t judged, size_t errors, it_str *out)
{
    it_html_num(out, (int64_t)bad);
    it_str_puts(out, " of" NBSP);
    it_html_count(out, (int64_t)judged, "judged result", "judged results");
    if (bad)
        it_str_printf(out, ": %d fail", (int)(bad - errors));
    against(w, out);
    if (errors)
        it_str_printf(out, ", %d error%s", (int)errors, errors == 1 ? "" : "s");
    if (w->bad_hypotheses) {
        it_str_puts(out, "; ");
        it_html_count(out, (int64_t)w->bad_hypotheses, "verdict on a hypothesis is not the known one",
                      "verdicts on hypotheses are not the known ones");
    }
    if (w->problems) {
        it_str_puts(out, "; ");
        it_html_count(out, (int64_t)w->problems, "fault", "faults");
        it_str_puts(out, " of the whole run");
    }
    it_str_putc(out, '.');
}

void it_html_unexpected(const it_view *w, it_str *out)
{
    size_t bad = 0, judged = 0, errors = 0;
    for (size_t i = 0; i < w->n; i++) {
        bad += w->v[i].bad;
        judged += !w->v[i].unsupported;
        errors += strcmp(w->v[i].verdict, "error") == 0;
    }
    it_html_section(out, "unexpected", "Not as predicted");
    if (bad + w->bad_hypotheses + w->problems == 0) {
        if (judged == 0) {
            it_str_puts(out, "Nothing was judged.");
        } else {
            it_str_puts(out, judged == 1 ? "Nothing: the one judged result is" : "Nothing: ");
            if (judged > 1)
                it_html_count(out, (int64_t)judged, "judged result is", "judged results are");
            it_str_puts(out, " as the oracle, the expectations and the standing rules said.");
        }
        it_html_claim_end(out);
        return;
    }
    how_many(w, bad, judged, errors, out);
    it_html_claim_end(out);
    it_str_puts(out, "<div class=\"us\">");
    it_html_surprises(w, out);
    it_html_problems(w, out);
    size_t shown = w->n_groups < IT_VIEW_SHOWN ? w->n_groups : IT_VIEW_SHOWN, left = 0;
    for (size_t i = 0; i < shown; i++)
        article(w, i, out);
    it_str_puts(out, "</div>\n");
    for (size_t i = shown; i < w->n_groups; i++)
        left += w->groups[i].n;
    if (left) {
        it_str_puts(out, "<p class=\"note\">");
        it_html_count(out, (int64_t)left, "more case", "more cases");
        it_str_printf(
            out, " of %d other sorts, less grave than these, are in <a href=\"results.jsonl\">results.jsonl</a>.</p>\n",
            (int)(w->n_groups - shown));
        it_str_puts(out, "<div hidden>");
        for (size_t i = shown; i < w->n_groups; i++)
            it_str_printf(out, "<i id=\"u%d\"></i>", (int)i + 1);
        it_str_puts(out, "</div>\n");
    }
}
