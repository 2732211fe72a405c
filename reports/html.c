/* The HTML overview: one file, readable without script or network. A sentence, what was not as predicted, the matrices, every case. */
#include "reports/results.h"

#include <string.h>

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
    "<title>icetank</title>\n<style>\n"
    ":root{--paper:#fdfcf9;--soft:#f4f1ea;--ink:#1b1d20;--muted:#595e65;--hair:#ddd9cf;--accent:#a8230f;--ground:#f8e8e2;--d:#2463c0}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#15171b;--soft:#1e2126;--ink:#e8e5de;--muted:#a5a9af;--hair:#31353b;"
    "--accent:#ff7a4d;--ground:#33211c;--d:#5b9bf5}}\n"
    "body{max-width:1200px;margin:0 auto;padding:24px;background:var(--paper);color:var(--ink);font:14px/1.5 system-ui,sans-serif}\n"
    "h1{font:34px/1.2 Charter,Palatino,Georgia,serif;margin:24px 0 12px}h2{font:12px system-ui,sans-serif;color:var(--muted);"
    "border-top:1px solid var(--ink);padding-top:8px;margin-top:50px}p.claim{font:20px/1.4 Charter,Palatino,Georgia,serif;margin:6px 0 16px}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}td,th{padding:2px 8px;text-align:left;"
    "border-bottom:1px solid var(--hair);font-size:13px;font-weight:400;vertical-align:top}th{color:var(--muted)}\n"
    "table.m td{text-align:center;border:1px solid var(--hair);padding:2px 5px}.d{color:var(--d)}.x{color:var(--accent);background:var(--ground)}\n"
    "code{font:12px ui-monospace,monospace}td.id{font:12px ui-monospace,monospace;overflow-wrap:anywhere}\n"
    "</style></head><body>\n";

static void text(it_str *out, const char *s)
{
    it_results_escape(out, s);
}

static bool is(const json_t *c, const char *verdict)
{
    return strcmp(it_results_str(c, "verdict"), verdict) == 0;
}

static bool unexpected(const json_t *c)
{
    return is(c, "fail") || is(c, "error");
}

static int count(const it_results *r, const char *verdict)
{
    int n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += is(r->v[i], verdict);
    return n;
}

static void sentence(const it_results *r, it_str *out)
{
    int pass = count(r, "pass"), bad = count(r, "fail") + count(r, "error"), later = count(r, "unsupported");
    it_str_puts(out, "<h1>icetank</h1>\n<p class=\"claim\">");
    if (bad == 0)
        it_str_printf(out, "All %d cases came out as predicted.", pass);
    else
        it_str_printf(out, "%d of %d cases came out otherwise than predicted.", bad, pass + bad);
    if (later)
        it_str_printf(out, " %d more ask for something that this version does not have.", later);
    if (strcmp(it_results_str(r->end, "end"), "complete") != 0)
        it_str_puts(out, " The run was interrupted: what follows is what was finished.");
    it_str_puts(out, "</p>\n");
}

static void unexpected_rows(const it_results *r, it_str *out)
{
    int n = 0;
    it_str_puts(out, "<h2>Not as predicted</h2>\n");
    for (size_t i = 0; i < r->n; i++)
        n += unexpected(r->v[i]);
    if (!n) {
        it_str_puts(out, "<p>Nothing.</p>\n");
        return;
    }
    it_str_puts(out, "<div class=\"scroll\"><table><tr><th>case<th>expected<th>observed<th>where<th>repeat</tr>\n");
    int shown = 0;
    for (size_t i = 0; i < r->n && shown < 50; i++) {
        const json_t *c = r->v[i], *b = it_results_broken(c);
        if (!unexpected(c))
            continue;
        shown++;
        it_str_puts(out, "<tr><td class=\"id x\">&#10005; ");
        text(out, it_results_str(c, "case"));
        it_str_puts(out, "<td>");
        text(out, b ? it_results_str(b, "expected") : "the scenario runs");
        it_str_puts(out, "<td>");
        text(out, b ? it_results_str(b, "observed") : it_results_str(c, "error"));
        it_str_puts(out, "<td><code>");
        text(out, b ? it_results_str(b, "where") : "");
        it_str_puts(out, "</code><td><code>");
        text(out, it_results_str(c, "repeat"));
        it_str_puts(out, "</code></tr>\n");
    }
    it_str_puts(out, "</table></div>\n");
    if (n > shown)
        it_str_printf(out, "<p>%d more are in results.jsonl.</p>\n", n - shown);
}

static const char *cell(const json_t *c, const char *axis)
{
    return it_results_str(json_object_get(c, "cell"), axis);
}

/* The part of an id before its first axis: the scenario. */
static size_t stem(const char *id)
{
    const char *eq = strchr(id, '=');
    size_t n = eq ? (size_t)(eq - id) : strlen(id);
    while (n && id[n] != '/')
        n--;
    return eq ? n : strlen(id);
}

static bool same_group(const json_t *a, const json_t *b)
{
    const char *x = it_results_str(a, "case"), *y = it_results_str(b, "case");
    return stem(x) == stem(y) && strncmp(x, y, stem(x)) == 0 && strcmp(cell(a, "model"), cell(b, "model")) == 0 &&
           strcmp(cell(a, "session"), cell(b, "session")) == 0;
}

static bool first_on_axis(const it_results *r, size_t from, size_t i, const char *axis)
{
    for (size_t k = from; k < i; k++)
        if (same_group(r->v[k], r->v[i]) && strcmp(cell(r->v[k], axis), cell(r->v[i], axis)) == 0)
            return false;
    return true;
}

static void mark(it_str *out, const json_t *c)
{
    bool open = strcmp(it_results_str(c, "outcome"), "open") == 0;
    const char *sign = is(c, "unsupported") ? "&#9675;" : unexpected(c) ? "&#10005;" : open ? "&#9679; d" : "&#8211;";
    it_str_printf(out, "<td class=\"%s\" title=\"", unexpected(c) ? "x" : open ? "d" : "");
    text(out, it_results_str(c, "case"));
    it_str_puts(out, ": ");
    text(out, it_results_str(json_object_get(c, "oracle"), "why"));
    it_str_printf(out, "\">%s", sign);
}

/* One table: rows are the values of "near", columns those of "far". */
static void matrix(const it_results *r, size_t from, it_str *out)
{
    const json_t *head = r->v[from];
    it_str_puts(out, "<h2>");
    text(out, it_results_str(head, "title"));
    if (*cell(head, "model"))
        it_str_printf(out, ", model %s", cell(head, "model"));
    if (*cell(head, "session"))
        it_str_printf(out, ", inbound sessions: %s", cell(head, "session"));
    it_str_puts(out, "</h2>\n<div class=\"scroll\"><table class=\"m\"><tr><th>near &#8595; far &#8594;");
    for (size_t i = from; i < r->n; i++)
        if (same_group(head, r->v[i]) && first_on_axis(r, from, i, "far")) {
            it_str_puts(out, "<th>");
            text(out, cell(r->v[i], "far"));
        }
    it_str_puts(out, "</tr>\n");
    for (size_t i = from; i < r->n; i++) {
        if (!same_group(head, r->v[i]) || !first_on_axis(r, from, i, "near"))
            continue;
        it_str_puts(out, "<tr><th>");
        text(out, cell(r->v[i], "near"));
        for (size_t c = from; c < r->n; c++) {
            if (!same_group(head, r->v[c]) || !first_on_axis(r, from, c, "far"))
                continue;
            for (size_t k = from; k < r->n; k++)
                if (same_group(head, r->v[k]) && strcmp(cell(r->v[k], "near"), cell(r->v[i], "near")) == 0 &&
                    strcmp(cell(r->v[k], "far"), cell(r->v[c], "far")) == 0) {
                    mark(out, r->v[k]);
                    break;
                }
        }
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</table></div>\n");
}

static void matrices(const it_results *r, it_str *out)
{
    for (size_t i = 0; i < r->n; i++) {
        bool first = true;
        if (!*cell(r->v[i], "near") || !*cell(r->v[i], "far") || is(r->v[i], "unsupported"))
            continue;
        for (size_t k = 0; k < i && first; k++)
            first = !same_group(r->v[k], r->v[i]) || is(r->v[k], "unsupported");
        if (first)
            matrix(r, i, out);
    }
}

static void time_cell(it_str *out, const json_t *metrics, const char *key)
{
    const json_t *v = json_object_get(metrics, key);
    it_str_puts(out, "<td>");
    if (v)
        it_str_printf(out, "%lld&nbsp;ms", (long long)(json_integer_value(v) / 1000000));
}

static void all_cases(const it_results *r, it_str *out)
{
    it_str_puts(out, "<h2>Every case</h2>\n<details><summary>The list</summary><div class=\"scroll\"><table><tr><th>case<th>verdict"
                     "<th>outcome<th>path<th>connects<th>notices<th>dies<th>recovers<th>lost</tr>\n");
    for (size_t i = 0; i < r->n; i++) {
        const json_t *c = r->v[i], *m = json_object_get(c, "metrics");
        it_str_printf(out, "<tr><td class=\"id\">");
        text(out, it_results_str(c, "case"));
        it_str_printf(out, "<td%s>", unexpected(c) ? " class=\"x\"" : "");
        text(out, it_results_str(c, "verdict"));
        it_str_puts(out, "<td>");
        text(out, it_results_str(c, "outcome"));
        it_str_puts(out, "<td>");
        text(out, it_results_str(c, "path"));
        static const char *const TIMES[] = {"t_conn", "t_detect", "t_death", "t_recover"};
        for (size_t k = 0; k < 4; k++)
            time_cell(out, m, TIMES[k]);
        it_str_puts(out, "<td>");
        if (json_object_get(m, "lost"))
            it_str_printf(out, "%lld", (long long)json_integer_value(json_object_get(m, "lost")));
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</table></div></details>\n");
}

static void legend(it_str *out)
{
    it_str_puts(out, "<h2>Legend</h2>\n<p>&#9679; <b>d</b> direct UDP. &#8211; no path, as the oracle says. &#9675; not built into this version. "
                     "&#10005; not as predicted. What a cell must show is derived from the boxes alone, without running anything.</p>\n");
}

void it_report_html(const it_results *r, it_str *out)
{
    it_str_puts(out, HEAD);
    sentence(r, out);
    unexpected_rows(r, out);
    matrices(r, out);
    all_cases(r, out);
    legend(out);
    it_str_puts(out, "</body></html>\n");
}
