/* The last sections of the overview: all scenarios, the pages there are, the words, where all this comes from. */
#include "reports/html/html.h"

#include "base/rng.h"
#include "base/table/map.h"

#include <string.h>

/* --- all scenarios --- */

/* The values of |axis| that its cases have: the first eight are listed, all are counted. */
static void axis_values(const it_view *w, size_t from, size_t end, const char *axis, it_str *out)
{
    it_map seen;
    size_t values = 0;
    it_map_init(&seen, w->alloc, 1);
    for (size_t i = from; i < end; i++) {
        const char *value = it_view_axis(&w->v[i], axis);
        uint64_t key = it_hash_str(value);
        if (it_map_get(&seen, &key) != IT_MAP_NONE)
            continue;
        out->oom = out->oom || it_map_put(&seen, &key, 1) < 0;
        if (values++ < 8) {
            it_str_puts(out, values > 1 ? ", " : " ");
            it_html_text(out, value);
        }
    }
    if (values > 8)
        it_str_printf(out, " and %d more", (int)values - 8);
    it_map_fini(&seen);
}

/* "near 9, far 9, session yes no": axes with few values list them, others count them. */
static void axes(const it_view *w, size_t from, size_t end, it_str *out)
{
    const char *key;
    json_t *v;
    bool any = false;
    json_object_foreach(json_object_get(w->v[from].o, "cell"), key, v)
    {
        if (strcmp(key, "model") == 0)
            continue;
        it_str_puts(out, any ? "; " : "");
        it_html_text(out, key);
        any = true;
        axis_values(w, from, end, key, out);
    }
}

static void score(const it_view *w, size_t from, size_t end, size_t m, it_str *out)
{
    int all = 0, n = 0, good = 0, group = 0, bad = 0;
    for (size_t i = from; i < end; i++) {
        const it_view_case *c = &w->v[i];
        if (strcmp(c->model, w->models[m]) != 0)
            continue;
        all++;
        n += !c->unsupported;
        good += !c->unsupported && !c->bad;
        bad += c->bad;
        if (c->bad && !group)
            group = (int)c->group;
    }
    it_str_printf(out, "<td class=\"fm f%d\" data-l=\"", (int)m);
    it_html_text(out, w->models[m]);
    it_str_puts(out, "\">");
    if (n == 0)
        it_str_puts(out, all ? "<span class=\"mut\">○</span>" : "<span class=\"mut\">–</span>");
    else
        it_html_num(out, good);
    if (bad)
        it_str_printf(out, " <a class=\"acc b\" href=\"#u%d\">✕" NBSP "%d</a>", group, bad);
    it_str_puts(out, "</td>");
}

static void scenario_row(const it_view *w, size_t from, size_t end, it_str *out)
{
    it_str_puts(out, "<tr><th scope=\"row\">");
    it_html_textn(out, w->v[from].id, w->v[from].stem);
    it_str_puts(out, "</th><td class=\"w\">");
    it_html_text(out, w->v[from].title);
    it_str_puts(out, "</td><td class=\"w mut\">");
    axes(w, from, end, out);
    it_str_puts(out, "</td><td data-l=\"cases\">");
    it_html_num(out, (int64_t)(end - from));
    it_str_puts(out, "</td>");
    for (size_t m = 0; m < w->n_models; m++)
        score(w, from, end, m, out);
    it_str_puts(out, "</tr>\n");
}

void it_html_scenarios(const it_view *w, it_str *out)
{
    size_t scenarios = 0;
    for (size_t i = 0; i < w->n; i++)
        scenarios += i == 0 || !it_view_same_scenario(&w->v[i - 1], &w->v[i]);
    it_html_section(out, "all", "All scenarios");
    it_html_count(out, (int64_t)scenarios, "scenario", "scenarios");
    it_str_puts(out, ", ");
    it_html_count(out, (int64_t)w->n, "case", "cases");
    it_str_puts(out, "; a model's column counts what is as predicted.");
    it_html_claim_end(out);
    if (w->n == 0)
        return;
    it_str_puts(out, "<table class=\"sc\"><thead><tr><th scope=\"col\">scenario</th><th scope=\"col\">what "
                     "happens</th><th scope=\"col\">what varies</th>"
                     "<th scope=\"col\">cases</th>");
    for (size_t m = 0; m < w->n_models; m++) {
        it_str_printf(out, "<th scope=\"col\" class=\"fm f%d\">", (int)m);
        it_html_text(out, *w->models[m] ? w->models[m] : "no model");
        it_str_puts(out, "</th>");
    }
    it_str_puts(out, "</tr></thead>\n<tbody>");
    for (size_t i = 0; i < w->n;) {
        size_t end = i;
        while (end < w->n && it_view_same_scenario(&w->v[i], &w->v[end]))
            end++;
        scenario_row(w, i, end, out);
        i = end;
    }
    it_str_puts(out, "</tbody></table>\n");
}

/* --- pages --- */

void it_html_pages(const it_view *w, it_str *out)
{
    it_html_section(out, "pages", "Cases drawn in full");
    if (w->pages == 0)
        it_str_puts(out, "None: the run kept no traces.");
    else {
        it_html_count(out, (int64_t)w->pages, "case has", "cases have");
        it_str_puts(out,
                    " a page with a ladder: what is not as predicted, and the first case of every course of events.");
    }
    it_html_claim_end(out);
    if (w->pages) {
        it_str_puts(out, "<ul class=\"pg\">");
        for (size_t i = 0; i < w->n; i++) {
            const it_view_case *c = &w->v[i];
            if (!c->page)
                continue;
            it_str_printf(out, "<li>%s <a href=\"", it_html_verdict_sign(c->verdict));
            it_html_url(out, c->page);
            it_str_puts(out, "\">");
            it_html_text(out, c->id);
            it_str_puts(out, "</a></li>\n");
        }
        it_str_puts(out, "</ul>\n");
    }
    it_str_puts(out, "<p class=\"note wide\">");
    if (w->left_out) {
        it_html_count(out, (int64_t)w->left_out, "more case has", "more cases have");
        it_str_printf(out, " a trace and no page, %d being the limit. ", IT_VIEW_PAGES);
    }
    if (w->unreadable) {
        it_html_count(out, (int64_t)w->unreadable, "trace", "traces");
        it_str_puts(out, " could not be read. ");
    }
    if (w->n > w->pages) {
        it_html_count(out, (int64_t)(w->n - w->pages), "case is", "cases are");
        it_str_puts(out, " not drawn; ");
        it_html_command(out, "icetank show CASE --ladder");
        it_str_puts(out, " shows any of them.");
    }
    it_str_puts(out, "</p>\n");
}

/* --- words --- */

typedef struct word {
    const char *term, *meaning;
} word;

static void words(const char *title, const word *v, size_t n, it_str *out)
{
    it_str_printf(out, "<section class=\"keep\"><h3>%s</h3><dl>", title);
    for (size_t i = 0; i < n; i++)
        it_str_printf(out, "<dt>%s</dt><dd>%s</dd>", v[i].term, v[i].meaning);
    it_str_puts(out, "</dl></section>\n");
}

static const word PATHS[] = {
    {"<b class=\"g d\">d</b> direct UDP", "packets go from host to host"},
    {"<b class=\"g e\">e</b> direct TCP", "the same by TCP"},
    {"<b class=\"g r\">r</b> relayed UDP", "through a relay"},
    {"<b class=\"g t\">t</b> relayed TCP", "through a relay, by TCP"},
    {"<b class=\"g n\">–</b> no path", "open never came; <code>death(connect_failed)</code>"},
};
static const word VERDICTS[] = {
    {"<span class=\"vg\">✓</span> pass", "every expectation, the oracle and every standing rule held"},
    {"<span class=\"vg\">✕</span> fail", "one of them did not hold"},
    {"<span class=\"vg\">–</span> not judged", "of a standing rule: something it cannot speak of came first"},
    {"<span class=\"vg\">○</span> unsupported", "model or capability missing: neither failure nor pass"},
    {"<span class=\"vg\">!</span> error", "script, limit or crash: nothing was judged"},
};
static const word EVENTS[] = {
    {"stalled", "nothing authentic received for 2 s while the far side streams, or a check unanswered"},
    {"resumed", "data flows again on the same path"},
    {"failover", "data flows again on another path"},
    {"death", "final, once, with a reason; nothing follows"},
    {"silent freeze", "no data for more than 2.5 s and no event: forbidden in every case"},
};
static const word MEASURES[] = {
    {"t_conn", "start to <code>open</code>, both sides"},
    {"t_detect", "from the fault that counts to the first event that tells of it; the longest"},
    {"t_death", "from the fault that counts to <code>death</code>, later of both sides"},
    {"t_recover", "from the fault that counts to <code>resumed</code> or <code>failover</code>; the longest"},
    {"the fault that counts",
     "of those since the last sign of life the first that is still in effect; else the first of them"},
    {"median, p95", "over cases, not over packets; nearest rank"},
    {"as predicted",
     "equal to the oracle, which derives the result from the boxes alone, and to what the scenario expects"},
    {"a course of events", "scenario, model, verdict, faults and what both ends saw, in order"},
};
static const word CLASSES[] = {
    {"EIM, ADM, APDM",
     "mapping: endpoint-independent, address-dependent, address-and-port-dependent (RFC 4787 section 4.1)"},
    {"EIF, ADF, APDF", "filtering, likewise (section 5)"},
    {"full, restricted, port-restricted cone", "EIM with EIF, ADF, APDF"},
    {"symmetric", "APDM with APDF"},
    {"inbound session",
     "an accepted inbound packet opens a session, so that the reply leaves from the port it came in on"},
};

#define WORDS(title, list) words(title, list, sizeof list / sizeof *list, out)

void it_html_words(const it_view *w, it_str *out)
{
    (void)w;
    it_html_section(out, "words", "Words");
    it_str_puts(out, "Every word and sign on this page.");
    it_html_claim_end(out);
    it_str_puts(out, "<div class=\"words\">");
    WORDS("Paths", PATHS);
    WORDS("Verdicts", VERDICTS);
    WORDS("Events", EVENTS);
    WORDS("Measures", MEASURES);
    WORDS("NAT classes", CLASSES);
    it_str_puts(out, "</div>\n");
}

/* --- provenance --- */

static void row(const char *term, it_str *out)
{
    it_str_printf(out, "<dt>%s</dt><dd>", term);
}

void it_html_provenance(const it_view *w, it_str *out)
{
    const char *version = it_results_str(w->r->plan, "version"), *last = "";
    it_html_section(out, "prov", "Provenance");
    it_str_puts(out, "Equal results give this page byte for byte; it holds no date, host name or duration.");
    it_html_claim_end(out);
    it_str_puts(out, "<dl class=\"kv\">");
    row("seed", out);
    it_str_printf(out, "%lld</dd>", (long long)it_results_int(w->r->plan, "seed", 0));
    if (*version) {
        row("icetank", out);
        it_html_text(out, version);
        it_str_puts(out, "</dd>");
    }
    row("scenarios", out);
    for (size_t i = 0, n = 0; i < w->n; i++) {
        const char *file = it_results_str(w->v[i].o, "file");
        if (strcmp(file, last) == 0)
            continue;
        it_str_puts(out, n++ ? ", " : "");
        it_html_text(out, file);
        last = file;
    }
    it_str_puts(out, "</dd>");
    row("results", out);
    it_str_puts(out, "<a href=\"results.jsonl\">results.jsonl</a> · <a href=\"junit.xml\">junit.xml</a></dd>");
    row("made again by", out);
    it_html_command(out, "icetank report DIR");
    it_str_puts(out, "</dd></dl>\n");
}
