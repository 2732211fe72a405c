/* The page of one case. */
#include "reports/read/cause.h"
#include "reports/html/html.h"
#include "reports/read/ladder.h"

#include "base/time.h"

#include <string.h>

/* --- head --- */

static void crumbs(const it_view *w, const it_view_case *c, it_str *out)
{
    const char *key;
    json_t *value;
    it_str_puts(out, "<header class=\"top\" id=\"main\"><p class=\"crumb\"><a class=\"wm\" href=\"../index.html\" "
                     "style=\"text-decoration:none\">");
    it_html_wordmark(out);
    it_str_puts(out, "</a><a href=\"../index.html#all\">");
    it_html_textn(out, c->id, c->stem);
    it_str_puts(out, "</a>");
    json_object_foreach(json_object_get(c->o, "cell"), key, value)
    {
        it_str_puts(out, "<span>");
        it_html_text(out, key);
        it_str_putc(out, ' ');
        it_html_text(out, json_string_value(value) ? json_string_value(value) : "");
        it_str_puts(out, "</span>");
    }
    it_str_printf(out, "<span>seed %lld</span>", (long long)it_results_int(c->o, "seed", 0));
    if (c->group)
        it_str_printf(out, "<span class=\"nx\"><a href=\"../index.html#u%d\">unexpected result %d of %d</a></span>",
                      (int)c->group, (int)c->group, (int)w->n_groups);
    it_str_puts(out, "</p>\n");
}

static void end_words(const it_view_case *c, const char *end, it_str *out)
{
    const json_t *e = it_facts_event(c->o, end, "open stalled resumed failover death closed", 0);
    if (!e)
        return;
    int64_t after = it_faults_after(c->o, e);
    it_html_text(out, it_results_str(e, "name"));
    if (*it_results_str(e, "reason")) {
        it_str_putc(out, '(');
        it_html_text(out, it_results_str(e, "reason"));
        if (*it_results_str(e, "why")) {
            it_str_puts(out, ": ");
            it_html_text(out, it_results_str(e, "why"));
        }
        it_str_putc(out, ')');
    }
    it_str_puts(out, after >= 0 ? " +" : " at ");
    it_html_time(out, after >= 0 ? after : it_results_time(e, "t", 0));
}

/* What |end| was told after the fault at |fault|. */
static void told_of(const it_view_case *c, const char *end, int fault, it_str *out)
{
    int64_t t = it_faults_time(c->o, fault);
    it_html_text(out, end);
    it_str_putc(out, ' ');
    if (it_facts_event(c->o, end, "stalled resumed failover death closed", t))
        end_words(c, end, out);
    else
        it_str_puts(out, "noticed nothing");
}

/* " At 10 s near-gw reboots: near stalled +2 s, far noticed nothing" of the ends for which that fault counts; nothing
 * when there are none. */
static void one_fault(const it_view_case *c, int fault, const char *const ends[2], it_str *out)
{
    int n = 0;
    for (int k = 0; k < 2 && *ends[k]; k++) {
        if (it_faults_counting(c->o, ends[k]) != fault)
            continue;
        if (n++ == 0) {
            it_str_puts(out, " At ");
            it_html_time(out, it_faults_time(c->o, fault));
            it_str_putc(out, ' ');
            it_html_text(out, it_faults_text(c->o, fault));
        }
        it_str_puts(out, n == 1 ? ": " : ", ");
        told_of(c, ends[k], fault, out);
    }
    it_str_puts(out, n ? "." : "");
}

/* What the faults that count did to both ends. */
static void aftermath(const it_view_case *c, it_str *out)
{
    const char *ends[2];
    int all = it_faults_count(c->o);
    it_facts_ends(c->o, ends);
    for (int i = 0; it_faults_time(c->o, i) >= 0; i++)
        one_fault(c, i, ends, out);
    if (all > 1 && *ends[0])
        it_str_printf(out, " There are %d faults; each end is counted from the one that decided for it.", all);
}

/* What came of it, in one sentence. */
static void case_lead(const it_view_case *c, it_str *out)
{
    const json_t *oracle = json_object_get(c->o, "oracle");
    it_str_puts(out, "<p class=\"lead\">");
    if (c->bad) {
        it_str_puts(out, "Expected <b>");
        it_html_text(out, it_results_expected(c->o));
        it_str_puts(out, "</b>; observed <b>");
        it_html_text(out, it_results_observed(c->o));
        it_str_puts(out, "</b>.");
        if (c->cause) {
            it_str_puts(out, " Why: ");
            it_html_text(out, c->cause);
            it_str_putc(out, '.');
        }
    } else if (strcmp(c->outcome, "open") == 0) {
        it_str_printf(out, "Opens by %s", it_html_glyph_words(c->glyph));
        if (c->facts->metric[IT_FACTS_T_CONN] >= 0) {
            it_str_puts(out, " after ");
            it_html_time(out, c->facts->metric[IT_FACTS_T_CONN]);
        }
        it_str_puts(out, *it_results_str(oracle, "why") ? ", as predicted: " : ".");
        it_html_text(out, it_results_str(oracle, "why"));
        it_str_puts(out, *it_results_str(oracle, "why") ? "." : "");
        aftermath(c, out);
    } else {
        it_str_puts(out, "No path, as predicted: ");
        it_html_text(out, it_results_str(oracle, "why"));
        it_str_putc(out, '.');
    }
    it_str_puts(out, "</p>\n");
}

/* The rungs of the oracle, one line. */
static void ways(const it_view_case *c, it_str *out)
{
    it_str line;
    it_str_init(&line, out->alloc);
    it_results_ways(c->o, &line);
    if (line.n) {
        it_str_puts(out, "<p class=\"note\">Ways by the oracle: ");
        it_html_text(out, it_str_c(&line));
        it_str_puts(out, ".</p>\n");
    }
    out->oom |= line.oom;
    it_str_fini(&line);
}

static void headline(const it_view *w, const it_view_case *c, const it_rtrace *t, it_str *out)
{
    crumbs(w, c, out);
    it_str_printf(out, "<div class=\"hd\"><div><p class=\"vdt%s\">%s ", c->bad ? "" : " ok",
                  it_html_verdict_sign(c->verdict));
    it_html_text(out, c->verdict);
    it_str_puts(out, "</p><h1>");
    it_html_text(out, *c->title ? c->title : c->id);
    it_str_puts(out, "</h1><p class=\"cid\"><code>");
    it_html_text(out, c->id);
    it_str_puts(out, "</code></p>\n");
    case_lead(c, out);
    it_str_puts(out, "<p class=\"qk\">repeat ");
    it_html_command(out, it_results_str(c->o, "repeat"));
    it_str_puts(out, "</p></div>\n");
    it_html_map(out, t);
    it_str_puts(out, "</div></header>\n<main>\n");
}

/* --- expected and observed --- */

/* In the order of enum it_held. */
static const struct {
    const char *css, *words;
} HELD[] = {{"pass", "✓ pass"}, {"fail", "✕ fail"}, {"none", "– not judged"}};

static void check_row(const json_t *x, it_str *out)
{
    enum it_held held = it_results_held(x);
    const char *where = it_results_str(x, "where"), *at = strrchr(where, ':');
    it_str_printf(out, "<tr class=\"%s\"><th scope=\"row\">", HELD[held].css);
    it_html_text(out, it_results_str(x, "name"));
    if (at) {
        it_str_puts(out, ", line ");
        it_html_text(out, at + 1);
    }
    it_str_puts(out, "</th><td data-l=\"expected\">");
    it_html_text(out, it_results_str(x, "expected"));
    it_str_puts(out, "</td><td data-l=\"observed\">");
    it_html_text(out, it_results_str(x, "observed"));
    it_str_printf(out, "</td><td data-l=\"verdict\" class=\"nb\">%s</td></tr>\n", HELD[held].words);
}

static void cause_line(const it_rtrace *t, const it_rmsg *m, uint64_t n, it_str *out)
{
    it_str_puts(out, "<li><span>");
    it_str_printf(out, "%lld.%03d", (long long)(m->t / IT_SEC), (int)(m->t / IT_MS % 1000));
    it_str_puts(out, "</span><span></span><span>");
    if (m->kind == IT_RT_FAULT) {
        it_str_puts(out, "<b>");
        it_html_text(out, m->text);
        it_str_puts(out, "</b>");
    } else if (m->kind == IT_RT_EVENT) {
        it_html_text(out, m->from < 0 ? "" : t->nodes[m->from].name);
        it_str_puts(out, ": <code>");
        it_html_text(out, m->label);
        it_str_puts(out, "</code>");
    } else {
        it_html_text(out, m->to < 0 ? "" : t->nodes[m->to].name);
        it_str_puts(out, ": ");
        it_html_text(out, m->label);
        it_str_puts(out, " dropped, ");
        it_html_text(out, m->rule);
        it_str_puts(out, *m->rfc ? ", " : "");
        it_html_text(out, m->rfc);
        it_str_puts(out, " (");
        it_html_count(out, (int64_t)n, "packet", "packets");
        it_str_puts(out, ")");
    }
    it_str_puts(out, "</span></li>\n");
}

#define SHOWN 16 /* lines from the trace before the rest is folded away */

/* How many packets the cause that |m| begins took; 0 when it begins none. */
static uint64_t begins_cause(const it_causes *d, const it_rmsg *m)
{
    uint64_t n = 0;
    for (size_t k = 0; k < d->n; k++)
        if (d->v[k].first == m)
            n = d->v[k].n;
    return n;
}

static bool is_telling(const it_causes *d, const it_rmsg *m)
{
    return m->kind == IT_RT_FAULT || it_rmsg_told(m) || begins_cause(d, m) > 0;
}

/* Every fault, the first drop of each box and rule, and what apps were told, in order of time; a long list is folded
 * behind its first lines. */
static void from_trace(const it_rtrace *t, const it_causes *d, it_str *out)
{
    int lines = 0, all = 0;
    for (size_t i = 0; i < t->n; i++)
        all += is_telling(d, &t->v[i]);
    if (all == 0)
        return;
    it_str_puts(out, "<h3>From the trace</h3><ol class=\"cause\">\n");
    for (size_t i = 0; i < t->n; i++) {
        const it_rmsg *m = &t->v[i];
        if (!is_telling(d, m))
            continue;
        if (lines++ == SHOWN)
            it_str_printf(out, "</ol><details><summary>%d more</summary><ol class=\"cause\">\n", all - SHOWN);
        cause_line(t, m, begins_cause(d, m), out);
    }
    it_str_puts(out, all > SHOWN ? "</ol></details>\n" : "</ol>\n");
}

/* The scenario around the line that the verdict is about. */
static void source(const it_view_case *c, it_str *out)
{
    const json_t *s = json_object_get(c->o, "source"), *lines = json_object_get(s, "lines");
    int64_t number = it_results_int(s, "from", 1), at = it_results_int(s, "line", 0);
    size_t i;
    json_t *text;
    if (!json_is_array(lines))
        return;
    it_str_puts(out, "<h3>The scenario, ");
    it_html_text(out, it_results_str(c->o, "file"));
    it_str_puts(out, "</h3><pre class=\"src\" tabindex=\"0\">");
    json_array_foreach(lines, i, text)
    {
        bool here = number == at;
        it_str_printf(out, "%s%5lld%s  ", here ? "<b>" : "", (long long)number, here ? " &gt;" : "  ");
        it_html_text(out, json_string_value(text) ? json_string_value(text) : "");
        it_str_puts(out, here ? "</b>\n" : "\n");
        number++;
    }
    it_str_puts(out, "</pre>\n");
}

/* "2 of 5 did not hold, 1 was not judged." */
static void how_many_held(const json_t *checks, it_str *out)
{
    int n[3] = {0, 0, 0}; /* by enum it_held */
    size_t i;
    json_t *x;
    json_array_foreach(checks, i, x)
    {
        n[it_results_held(x)]++;
    }
    int judged = n[IT_HELD] + n[IT_BROKEN], not = n[IT_UNJUDGED];
    if (judged == 0)
        it_str_puts(out, "Nothing was judged.");
    else if (n[IT_BROKEN])
        it_str_printf(out, "%d of %d did not hold", n[IT_BROKEN], judged);
    else if (judged == 1)
        it_str_puts(out, "What was judged held");
    else
        it_str_printf(out, "All %d that were judged held", judged);
    if (judged && not )
        it_str_printf(out, ", %d %s not judged", not, not == 1 ? "was" : "were");
    it_str_puts(out, judged ? "." : "");
}

static void expected(const it_view_case *c, const it_rtrace *t, const it_causes *d, it_str *out)
{
    const json_t *checks = json_object_get(c->o, "checks");
    size_t i;
    json_t *x;
    it_html_section(out, "checks", "Expected and observed");
    how_many_held(checks, out);
    it_html_claim_end(out);
    it_str_puts(out, "<div class=\"two w\"><div><table class=\"ex\"><thead><tr><th scope=\"col\">rule</th><th "
                     "scope=\"col\">expected</th>"
                     "<th scope=\"col\">observed</th><th scope=\"col\">verdict</th></tr></thead><tbody>\n");
    json_array_foreach(checks, i, x)
    {
        check_row(x, out);
    }
    it_str_puts(out, "</tbody></table>\n");
    source(c, out);
    it_str_puts(out, "</div><div>");
    from_trace(t, d, out);
    it_str_puts(out, "</div></div>\n");
}

/* --- timeline --- */

/* "a.wifi cut at 30 s; near-gw reboots at 40 s. 3 faults in all." */
static void faults_that_count(const it_view_case *c, it_str *out)
{
    int shown = 0, all = it_faults_count(c->o), first = it_faults_counting(c->o, NULL);
    for (int i = 0; it_faults_time(c->o, i) >= 0; i++) {
        if (i != first && !it_faults_counts(c->o, i, NULL))
            continue;
        it_str_puts(out, shown++ ? "; " : "");
        it_html_text(out, it_faults_text(c->o, i));
        it_str_puts(out, " at ");
        it_html_time(out, it_faults_time(c->o, i));
    }
    it_str_putc(out, '.');
    if (all > shown)
        it_str_printf(out, " %d faults in all.", all);
}

/* Opens the drawing of the timeline, |end| ns long, with what its cursor needs to know. */
static void timeline_open(const it_view_case *c, int64_t end, it_str *out)
{
    it_str_puts(out, "<p class=\"hint\">Scrolls sideways.</p><section class=\"scroll\" tabindex=\"0\" "
                     "aria-label=\"Timeline\"><svg id=\"tl\" data-x0=\"128\" data-x1=\"894\" ");
    it_str_printf(out, "data-end=\"%lld\" data-fault=\"%lld\" ", (long long)(end / IT_MS),
                  (long long)(c->facts->fault / IT_MS));
    it_str_puts(out, "viewBox=\"0 0 1180 132\" style=\"min-width:900px\" role=\"group\" aria-label=\"What each app was "
                     "told against what passed\">");
}

/* The cursor, which the script moves, and the end of the drawing. */
static void timeline_close(it_str *out)
{
    it_str_puts(out, "<rect width=\"1180\" height=\"132\" fill=\"transparent\"/><g id=\"cur\" "
                     "visibility=\"hidden\"><path class=\"ux\" d=\"M0 16V104\"/></g><text id=\"says\" class=\"a s\" "
                     "y=\"11\" text-anchor=\"middle\"></text></svg></section>\n");
}

static void timeline(const it_view_case *c, it_str *out)
{
    const char *ends[2];
    int64_t end = it_results_time(c->o, "t_end", 0);
    it_facts_ends(c->o, ends);
    if (c->facts->fault < 0 || !*ends[0] || end < IT_SEC)
        return;
    it_html_axis a = {1280, 8940, 0, end};
    it_html_section(out, "time", "Timeline");
    faults_that_count(c, out);
    it_html_claim_end(out);
    timeline_open(c, end, out);
    it_html_ticks(out, &a, 0, 160, 1040);
    it_str_puts(out, "<text class=\"b\" x=\"0\" y=\"34\">truth</text>");
    it_html_truth(out, &a, c, 260);
    for (int k = 0; k < 2 && *ends[k]; k++) {
        int64_t y = 560 + k * 300;
        it_str_puts(out, "<text class=\"b\" x=\"0\" y=\"");
        it_html_dec(out, y + 40);
        it_str_puts(out, "\">");
        it_html_text(out, ends[k]);
        it_str_puts(out, "</text><g>");
        it_html_line(out, &a, c, ends[k], y);
        it_str_puts(out, "</g><text x=\"910\" y=\"");
        it_html_dec(out, y + 40);
        it_str_puts(out, "\">");
        end_words(c, ends[k], out);
        it_str_puts(out, "</text>");
    }
    timeline_close(out);
    it_html_line_legend(out);
}

/* --- numbers, drops, files --- */

static bool is_time(const char *key)
{
    return strncmp(key, "t_", 2) == 0 || strncmp(key, "freeze", 6) == 0;
}

static void metrics(const it_view_case *c, it_str *out)
{
    const char *key;
    json_t *v;
    it_str_puts(out, "<h3>Metrics</h3><table class=\"me\"><tbody>\n");
    json_object_foreach(json_object_get(c->o, "metrics"), key, v)
    {
        if (!json_is_integer(v))
            continue;
        it_str_puts(out, "<tr><th scope=\"row\"><code>");
        it_html_text(out, key);
        it_str_puts(out, "</code></th><td>");
        if (is_time(key))
            it_html_time(out, it_results_time(json_object_get(c->o, "metrics"), key, 0));
        else
            it_html_num(out, (int64_t)json_integer_value(v));
        it_str_puts(out, "</td></tr>\n");
    }
    it_str_puts(out, "</tbody></table>\n");
}

/* The numbers that a media stream may have, in the order of the columns. */
static const char *const STREAM_KEYS[] = {"connected", "path",     "t_conn",    "t_first_media", "lost",
                                          "late",      "t_detect", "t_recover", "t_death",       "freeze_silent"};
#define N_STREAM_KEYS (sizeof STREAM_KEYS / sizeof *STREAM_KEYS)

static void stream_cell(const json_t *s, const char *key, it_str *out)
{
    const json_t *v = json_object_get(s, key);
    it_str_puts(out, "<td>");
    if (json_is_string(v))
        it_html_text(out, json_string_value(v));
    else if (json_is_integer(v) && is_time(key))
        it_html_time(out, it_results_time(s, key, 0));
    else if (json_is_integer(v))
        it_html_num(out, (int64_t)json_integer_value(v));
    it_str_puts(out, "</td>");
}

/* A table of the media streams, where the call has several. */
static void streams(const it_view_case *c, it_str *out)
{
    const json_t *list = json_object_get(c->o, "streams"), *s;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    it_str_puts(out, "<h3>Media streams</h3><table class=\"me\"><thead><tr><th scope=\"col\">stream</th>");
    for (size_t k = 0; k < N_STREAM_KEYS; k++)
        it_str_printf(out, "<th scope=\"col\"><code>%s</code></th>", STREAM_KEYS[k]);
    it_str_puts(out, "</tr></thead><tbody>\n");
    json_array_foreach(list, i, s)
    {
        it_str_printf(out, "<tr><th scope=\"row\">%zu</th>", i + 1);
        for (size_t k = 0; k < N_STREAM_KEYS; k++)
            stream_cell(s, STREAM_KEYS[k], out);
        it_str_puts(out, "</tr>\n");
    }
    it_str_puts(out, "</tbody></table>\n");
}

static void drops(const it_rtrace *t, const it_causes *d, it_str *out)
{
    it_str_puts(out, "<h3>Drops by reason</h3>");
    if (d->n == 0) {
        it_str_puts(out, "<p class=\"note\">No packet was dropped.</p>\n");
        return;
    }
    it_str_puts(out, "<table class=\"me dr\"><thead><tr><th scope=\"col\">box</th><th scope=\"col\">reason</th><th "
                     "scope=\"col\">source</th>"
                     "<th scope=\"col\">packets</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < d->n; i++) {
        it_str_puts(out, "<tr><th scope=\"row\">");
        it_html_text(out, d->v[i].node < 0 ? "?" : t->nodes[d->v[i].node].name);
        it_str_puts(out, "</th><td>");
        it_html_text(out, d->v[i].first->rule);
        it_str_puts(out, "</td><td>");
        it_html_text(out, *d->v[i].first->rfc ? d->v[i].first->rfc : "the scenario");
        it_str_puts(out, "</td><td>");
        it_html_num(out, (int64_t)d->v[i].n);
        it_str_puts(out, "</td></tr>\n");
    }
    it_str_puts(out, "</tbody></table>\n");
}

/* A file of this folder, named relative to the page. */
static void file(const char *what, const char *path, it_str *out)
{
    if (strncmp(path, "cases/", 6) != 0 || strchr(path + 6, '/'))
        return;
    it_str_printf(out, "<dt>%s</dt><dd><a href=\"", what);
    it_html_url(out, path + 6);
    it_str_puts(out, "\">");
    it_html_text(out, path + 6);
    it_str_puts(out, "</a></dd>");
}

static void files(const it_view_case *c, it_str *out)
{
    bool captured = *it_results_str(c->o, "capture") != '\0';
    it_str_puts(out, "<h3>Files</h3><dl class=\"kv\">");
    file("capture", it_results_str(c->o, "capture"), out);
    file("trace", it_results_str(c->o, "trace"), out);
    it_str_puts(out, "<dt>scenario</dt><dd>");
    it_html_text(out, it_results_str(c->o, "file"));
    it_str_puts(out, "</dd><dt>fingerprint</dt><dd><code>");
    it_html_text(out, it_results_str(c->o, "fingerprint"));
    it_str_puts(out, "</code></dd></dl>\n");
    if (captured)
        it_str_puts(out, "<h3>Display filters for Wireshark</h3><dl class=\"fil\"><dt><span "
                         "class=\"cmd\"><code>frame.comment contains "
                         "\"DROP\"</code></span></dt><dd>every drop, with box, rule and RFC section</dd><dt><span "
                         "class=\"cmd\"><code>stun</code>"
                         "</span></dt><dd>checks and consent</dd><dt><span "
                         "class=\"cmd\"><code>dtls.handshake</code></span></dt><dd>the handshake; "
                         "the keys are in the file</dd></dl>\n");
    else
        it_str_puts(out, "<p class=\"note\">The repeat command above writes the capture.</p>\n");
}

void it_html_case(const it_view *w, const it_view_case *c, const it_rtrace *t, it_str *out)
{
    it_causes d;
    it_causes_of(&d, t);
    it_html_head(out, IT_HTML_CASE, c->id);
    headline(w, c, t, out);
    expected(c, t, &d, out);
    ways(c, out);
    timeline(c, out);
    it_html_ladder(out, c, t);
    it_html_section(out, "capture", "Packets");
    it_html_count(out, (int64_t)t->n_packets, "packet", "packets");
    it_str_puts(out, " sent; every drop carries its reason.");
    it_html_claim_end(out);
    it_str_puts(out, "<div class=\"two\"><div>");
    drops(t, &d, out);
    files(c, out);
    it_str_puts(out, "</div><div>");
    metrics(c, out);
    streams(c, out);
    it_str_puts(out, "</div></div>\n</main>\n");
    it_html_foot(out, w, IT_HTML_HOVER);
}
