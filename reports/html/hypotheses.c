/* Hypotheses and published results: what was claimed, what was predicted, what the cases measured, the verdict and the
 * known one. Those whose verdict is not the known one come first, here and among what is not as predicted. */
#include "reports/html/html.h"

#include <string.h>

static const json_t *all(const it_view *w)
{
    return json_object_get(w->r->end, "hypotheses");
}

/* --- the table --- */

/* "6 supported, 1 refuted"; verdicts that nobody got are left out. */
static void verdicts(const json_t *list, it_str *out)
{
    static const char *const V[] = {"supported", "refuted", "mixed", "unsupported"};
    bool any = false;
    for (size_t k = 0; k < sizeof V / sizeof *V; k++) {
        int n = 0;
        size_t i;
        json_t *h;
        json_array_foreach(list, i, h) n += strcmp(it_results_str(h, "verdict"), V[k]) == 0;
        if (n)
            it_str_printf(out, "%s%d" NBSP "%s", any ? ", " : "", n, V[k]);
        any = any || n;
    }
}

static void claim(const it_view *w, it_str *out)
{
    int fresh = 0;
    size_t i, n = json_array_size(all(w));
    json_t *h;
    json_array_foreach(all(w), i, h) fresh += !*it_results_str(h, "known");
    it_html_count(out, (int64_t)n, "hypothesis", "hypotheses");
    it_str_puts(out, ": ");
    verdicts(all(w), out);
    if (w->bad_hypotheses) {
        it_str_puts(out, "; ");
        it_html_count(out, (int64_t)w->bad_hypotheses, "verdict is", "verdicts are");
        it_str_puts(out, w->bad_hypotheses == 1 ? " not the known one" : " not the known ones");
    } else if (fresh < (int)n) {
        it_str_puts(out, n - (size_t)fresh == 1 ? "; it is the known verdict" : "; all as known before");
    }
    if (fresh && fresh < (int)n)
        it_str_printf(out, ", %d without a known verdict", fresh);
    it_str_putc(out, '.');
}

static void cell(const char *label, const char *text, bool number, it_str *out)
{
    it_str_printf(out, "<td data-l=\"%s\"%s>", label, number ? " class=\"nu\"" : "");
    it_html_text(out, strcmp(text, "-") == 0 ? "–" : text);
    it_str_puts(out, "</td>");
}

/* What was claimed by whom, what for: the same for all rows of a hypothesis. */
static void head(const json_t *h, size_t rows, it_str *out)
{
    it_str_printf(out, "<th scope=\"rowgroup\" rowspan=\"%d\"><span class=\"ht\">", (int)rows);
    it_html_text(out, it_results_str(h, "title"));
    it_str_puts(out, "</span><span class=\"mut\">");
    it_html_text(out, it_results_str(h, "claim"));
    it_str_puts(out, "</span><span class=\"id\">");
    it_html_text(out, it_results_str(h, "hypothesis"));
    it_str_puts(out, "</span></th>");
}

static void hypothesis_known(const json_t *h, size_t rows, it_str *out)
{
    const char *before = it_results_str(h, "known");
    bool ok = it_results_as_known(h);
    it_str_printf(out, "<td data-l=\"verdict\" class=\"%s\" rowspan=\"%d\">", ok ? "b" : "b acc", (int)rows);
    if (*before)
        it_str_printf(out, "<span aria-hidden=\"true\">%s</span> ", ok ? "✓" : "✕");
    it_html_text(out, it_results_str(h, "verdict"));
    it_str_printf(out, "</td><td data-l=\"known\" rowspan=\"%d\">", (int)rows);
    it_html_text(out, *before ? before : "nothing");
    it_str_puts(out, "</td>");
}

static void hypothesis(const json_t *h, size_t number, it_str *out)
{
    const json_t *list = json_object_get(h, "predictions");
    size_t n = json_array_size(list), rows = n ? n : 1;
    it_str_printf(out, "<tbody id=\"h%d\"%s>", (int)number, it_results_as_known(h) ? "" : " class=\"off\"");
    for (size_t i = 0; i < rows; i++) {
        const json_t *p = json_array_get(list, i);
        it_str_puts(out, "<tr>");
        if (i == 0)
            head(h, rows, out);
        cell("prediction", it_results_str(p, "text"), false, out);
        cell("measured", it_results_str(p, "value"), true, out);
        cell("95 % interval", it_results_str(p, "interval"), true, out);
        it_str_puts(out, "<td data-l=\"cases\" class=\"nu\">");
        it_html_num(out, it_results_int(p, "n", 0));
        it_str_puts(out, "</td>");
        cell("finding", it_results_str(p, "verdict"), false, out);
        if (i == 0)
            hypothesis_known(h, rows, out);
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</tbody>\n");
}

/* --- tables of all its cases --- */

static void study_row(const json_t *row, const char *tag, it_str *out)
{
    size_t i;
    json_t *v;
    it_str_puts(out, "<tr>");
    json_array_foreach(row, i, v)
    {
        it_str_printf(out, "<%s%s>", tag, *tag == 't' && tag[1] == 'h' ? " scope=\"col\"" : "");
        it_html_text(out, json_string_value(v) ? json_string_value(v) : "");
        it_str_printf(out, "</%s>", tag);
    }
    it_str_puts(out, "</tr>\n");
}

static void study_tables(const json_t *h, it_str *out)
{
    size_t i, k;
    json_t *t, *row;
    json_array_foreach(json_object_get(h, "tables"), i, t)
    {
        it_str_puts(out, "<h3>");
        it_html_text(out, it_results_str(t, "title"));
        it_str_puts(out, "</h3>\n<p class=\"note\">");
        it_html_text(out, it_results_str(h, "hypothesis"));
        it_str_puts(out, ": ");
        it_html_text(out, it_results_str(t, "note"));
        it_str_puts(out, ".</p>\n<table class=\"hy\"><thead>");
        study_row(json_object_get(t, "head"), "th", out);
        it_str_puts(out, "</thead><tbody>\n");
        json_array_foreach(json_object_get(t, "rows"), k, row) study_row(row, "td", out);
        it_str_puts(out, "</tbody></table>\n");
    }
}

void it_html_hypotheses(const it_view *w, it_str *out)
{
    size_t i;
    json_t *h;
    if (json_array_size(all(w)) == 0)
        return;
    it_html_section(out, "hypotheses", "Hypotheses and published results");
    claim(w, out);
    it_html_claim_end(out);
    it_str_puts(out, "<table class=\"hy\"><thead><tr><th scope=\"col\">claim</th><th scope=\"col\">prediction</th><th "
                     "scope=\"col\" class=\"nu\">measured</th>"
                     "<th scope=\"col\" class=\"nu\">95" NBSP
                     "% interval</th><th scope=\"col\" class=\"nu\">cases</th><th scope=\"col\">finding</th>"
                     "<th scope=\"col\">verdict</th><th scope=\"col\">known</th></tr></thead>\n");
    for (int good = 0; good < 2; good++)
        json_array_foreach(all(w), i, h) if (it_results_as_known(h) == (good == 1)) hypothesis(h, i + 1, out);
    it_str_puts(out, "</table>\n<p class=\"note\">A prediction speaks of the mean over its cases; the interval is a "
                     "bootstrap over them. Supported: the whole "
                     "interval agrees with it; refuted: none of it; mixed: some; "
                     "unsupported: no case of it can run yet.</p>\n");
    json_array_foreach(all(w), i, h) study_tables(h, out);
}

/* --- among what is not as predicted --- */

/* |command|, which repeats one case, without the choice of the case: it runs the whole scenario again. */
static void repeat_all(const it_view *w, const char *command, it_str *out)
{
    static const char CHOICE[] = " --only ";
    const char *end = NULL;
    for (const char *p = strstr(command, CHOICE); p; p = strstr(p + 1, CHOICE))
        end = p;
    if (!end)
        return;
    it_str text;
    it_str_init(&text, w->alloc);
    it_str_put(&text, command, (size_t)(end - command));
    it_str_printf(&text, " --seed %lld --pcap none", (long long)it_results_int(w->r->plan, "seed", 1));
    out->oom = out->oom || text.oom;
    it_str_puts(out, "<p class=\"rep\"><span class=\"mut\">repeat</span>");
    it_html_command(out, text.oom ? "" : it_str_c(&text));
    it_str_puts(out, "</p>");
    it_str_fini(&text);
}

/* The command that runs the scenario of hypothesis |name| again, from that of its first case. */
static void repeat(const it_view *w, const char *name, it_str *out)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < w->n && n; i++) {
        if (strncmp(w->v[i].id, name, n) != 0 || w->v[i].stem != n)
            continue;
        it_view_case whole;
        it_view_open(w, i, &whole);
        repeat_all(w, it_results_str(whole.o, "repeat"), out);
        it_view_close(&whole);
        return;
    }
}

void it_html_surprises(const it_view *w, it_str *out)
{
    size_t i;
    json_t *h;
    json_array_foreach(all(w), i, h)
    {
        if (it_results_as_known(h))
            continue;
        it_str_printf(out,
                      "<article class=\"un\">\n<div class=\"uv\"><span class=\"vd\"><span "
                      "aria-hidden=\"true\">✕</span> hypothesis</span></div>\n"
                      "<h3><a href=\"#h%d\">",
                      (int)i + 1);
        it_html_text(out, it_results_str(h, "title"));
        it_str_puts(out, "</a></h3>\n<div class=\"ub\"><p class=\"id\">");
        it_html_text(out, it_results_str(h, "hypothesis"));
        it_str_puts(out, "</p><p class=\"eo\"><span>expected</span>");
        it_html_text(out, it_results_str(h, "known"));
        it_str_puts(out, ", the known verdict</p><p class=\"eo\"><span>observed</span>");
        it_html_text(out, it_results_str(h, "verdict"));
        it_str_puts(out, "</p></div>\n<dl><dt>claim</dt><dd>");
        it_html_text(out, it_results_str(h, "claim"));
        it_str_puts(out, "</dd></dl>\n");
        repeat(w, it_results_str(h, "hypothesis"), out);
        it_str_puts(out, "</article>\n");
    }
}

void it_html_problems(const it_view *w, it_str *out)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(w->r->end, "problems"), i, p)
    {
        it_str_puts(out, "<article class=\"un\">\n<div class=\"uv\"><span class=\"vd\"><span "
                         "aria-hidden=\"true\">!</span> run</span></div>\n<h3>");
        it_html_text(out, json_string_value(p) ? json_string_value(p) : "");
        it_str_puts(out, "</h3>\n</article>\n");
    }
}
