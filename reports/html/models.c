/* The table of models: what each came to, in one line. Columns for which the run has no data are left out. */
#include "reports/html/html.h"

#include "base/time.h"

#include <string.h>

/* What is known of one model. */
typedef struct sums {
    int cases, connect, open; /* worlds without faults, and those that opened */
    int paths[256];
    int faults, back; /* faults after which something passes again, and apps that came back */
    int64_t freeze;
    it_numbers t_conn, t_death, t_recover;
} sums;

static void add_fault(sums *s, const it_view_case *c)
{
    s->faults++;
    s->back += !c->facts->died;
    if (c->facts->metric[IT_FACTS_T_RECOVER] >= 0)
        it_numbers_add(&s->t_recover, c->facts->metric[IT_FACTS_T_RECOVER]);
}

static void add_case(sums *s, const it_view_case *c)
{
    enum it_view_kind kind = it_view_kind_of(c);
    if (kind == IT_VIEW_NO_CALL)
        return;
    s->cases++;
    if (c->facts->metric[IT_FACTS_FREEZE] > s->freeze)
        s->freeze = c->facts->metric[IT_FACTS_FREEZE];
    if (kind == IT_VIEW_RECOVERY)
        add_fault(s, c);
    if (kind != IT_VIEW_CONNECT && c->facts->metric[IT_FACTS_T_DEATH] >= 0)
        it_numbers_add(&s->t_death, c->facts->metric[IT_FACTS_T_DEATH]);
    if (kind != IT_VIEW_CONNECT)
        return;
    s->connect++;
    s->open += strcmp(c->outcome, "open") == 0;
    s->paths[(unsigned char)c->glyph]++;
    if (c->facts->metric[IT_FACTS_T_CONN] >= 0)
        it_numbers_add(&s->t_conn, c->facts->metric[IT_FACTS_T_CONN]);
}

static sums sum(const it_view *w, size_t m)
{
    sums s = {.t_conn = {.alloc = w->alloc}, .t_death = {.alloc = w->alloc}, .t_recover = {.alloc = w->alloc}};
    for (size_t i = 0; i < w->n; i++)
        if (!w->v[i].unsupported && strcmp(w->v[i].model, w->models[m]) == 0)
            add_case(&s, &w->v[i]);
    return s;
}

static void sum_fini(sums *s, it_str *out)
{
    it_numbers_fini(&s->t_conn, out);
    it_numbers_fini(&s->t_death, out);
    it_numbers_fini(&s->t_recover, out);
}

/* --- cells --- */

static const char *what_is(const char *model)
{
    static const char *const WORDS[][2] = {
        {"A", "one object, signaling inside"}, {"B", "one object, app carries blobs"},
        {"C", "parent connection, streams"},   {"D", "two objects, script chooses"},
        {"E", "bare UDP, script does ICE"},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(model, WORDS[i][0]) == 0)
            return WORDS[i][1];
    return "";
}

static void share_cell(const sums *s, it_str *out)
{
    it_str_puts(out, "<td data-l=\"connects\">");
    if (s->connect) {
        it_str_puts(out, "<span class=\"v\">");
        it_html_num(out, s->open);
        it_str_puts(out, "</span><span class=\"w\">of" NBSP);
        it_html_num(out, s->connect);
        it_str_puts(out, ", ");
        it_html_share(out, s->open, s->connect);
        it_str_puts(out, "</span>");
    } else {
        it_str_puts(out, "<span class=\"v n\">–</span>");
    }
    it_str_puts(out, "</td>\n");
}

static void mix_cell(const sums *s, it_str *out)
{
    static const struct {
        it_glyph g;
        const char *style;
    } PARTS[] = {{'d', "fill=\"var(--d)\" stroke=\"var(--d)\""},
                 {'e', "fill=\"var(--e)\" stroke=\"var(--e)\""},
                 {'r', "fill=\"var(--r2)\" stroke=\"var(--r)\""},
                 {'t', "fill=\"var(--t2)\" stroke=\"var(--t)\""},
                 {'-', "fill=\"none\" stroke=\"var(--line)\" stroke-dasharray=\"2 2\""},
                 {'!', "fill=\"none\" stroke=\"var(--acc)\""}};
    int64_t x = 6;
    it_str_puts(out, "<td data-l=\"path mix\">");
    if (!s->connect) {
        it_str_puts(out, "<span class=\"v n\">–</span></td>\n");
        return;
    }
    it_str_puts(out, "<svg viewBox=\"0 0 190 12\" width=\"160\" height=\"10\" aria-hidden=\"true\">");
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        int64_t n = s->paths[(unsigned char)PARTS[i].g], wide = 1888 * n / s->connect;
        if (n == 0)
            continue;
        it_str_puts(out, "<rect x=\"");
        it_html_dec(out, x);
        it_str_puts(out, "\" y=\".6\" width=\"");
        it_html_dec(out, wide > 18 ? wide - 12 : 6);
        it_str_printf(out, "\" height=\"10.8\" %s stroke-width=\"1.2\"/>", PARTS[i].style);
        x += wide;
    }
    it_str_puts(out, "</svg><div class=\"mixn\">");
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++)
        if (s->paths[(unsigned char)PARTS[i].g]) {
            it_str_puts(out, "<span>");
            it_html_glyph(out, PARTS[i].g);
            it_str_puts(out, NBSP);
            it_html_num(out, s->paths[(unsigned char)PARTS[i].g]);
            it_str_puts(out, "</span> ");
        }
    it_str_puts(out, "</div></td>\n");
}

/* x of a connect time between 50 ms and 15 s, logarithmic: log2 in steps of an eighth, by integers. */
static int64_t log_x(int64_t ns)
{
    int64_t v = ns / (50 * IT_MS), x = 0, base = 1;
    while (base * 2 <= v && x < 80)
        base *= 2, x += 8;
    for (int k = 0; k < 8 && ns > 50 * IT_MS * base + 50 * IT_MS * base / 8 * k; k++)
        x++;
    return (ns < 50 * IT_MS ? 0 : x) * 920 / 66;
}

/* The share connected over time as a staircase. */
static void curve(it_numbers *t, int all, it_str *out)
{
    it_str_puts(out, "<svg viewBox=\"0 0 92 27\" width=\"92\" height=\"27\" role=\"img\" aria-label=\"share connected "
                     "over time, 50 ms to 15 s, "
                     "logarithmic\"><path class=\"hl\" d=\"M0 2H92\"/><path class=\"ax\" d=\"M0 26H92\"/>");
    static const int LINES[] = {100, 1000, 10000};
    for (size_t i = 0; i < 3; i++) {
        it_str_puts(out, "<path class=\"hl\" d=\"M");
        it_html_dec(out, log_x(LINES[i] * IT_MS));
        it_str_puts(out, " 2V26\"/>");
    }
    it_str_puts(out, "<path d=\"M0 26");
    int64_t before = -1;
    for (size_t i = 0; i < t->n; i++) {
        int64_t x = log_x(t->v[i]);
        if (i + 1 < t->n && log_x(t->v[i + 1]) == x)
            continue; /* one step a place */
        if (x != before) {
            it_str_putc(out, 'H');
            it_html_dec(out, x > 920 ? 920 : x);
        }
        before = x;
        it_str_putc(out, 'V');
        it_html_dec(out, 260 - 240 * (int64_t)(i + 1) / all);
    }
    it_str_puts(out, "H92\" fill=\"none\" stroke=\"var(--ink)\" stroke-width=\"1.4\"/></svg>");
}

static void times_cell(const char *label, it_numbers *t, int all, it_str *out)
{
    it_str_printf(out, "<td data-l=\"%s\">", label);
    if (t->n) {
        it_str_puts(out, all ? "<div class=\"sp\"><span><span class=\"v\">" : "<span class=\"v\">");
        it_html_time(out, it_numbers_rank(t, 50));
        it_str_puts(out, "</span><span class=\"w\">p95" NBSP);
        it_html_time(out, it_numbers_rank(t, 95));
        if (!all) {
            it_str_puts(out, ", max" NBSP);
            it_html_time(out, it_numbers_rank(t, 100));
        }
        it_str_puts(out, all ? "</span></span>" : "</span>");
        if (all) {
            curve(t, all, out);
            it_str_puts(out, "</div>");
        }
    } else {
        it_str_puts(out, "<span class=\"v n\">–</span>");
    }
    it_str_puts(out, "</td>\n");
}

static void back_cell(sums *s, it_str *out)
{
    it_str_puts(out, "<td data-l=\"survived\">");
    if (s->faults) {
        it_str_puts(out, "<span class=\"v\">");
        it_html_num(out, s->back);
        it_str_puts(out, " <small>of" NBSP);
        it_html_num(out, s->faults);
        it_str_puts(out, "</small></span>");
        if (s->t_recover.n) {
            it_str_puts(out, "<span class=\"w\">back after ");
            it_html_time(out, it_numbers_rank(&s->t_recover, 50));
            it_str_puts(out, "</span>");
        }
    } else {
        it_str_puts(out, "<span class=\"v n\">–</span>");
    }
    it_str_puts(out, "</td>\n<td data-l=\"longest silence\"><span class=\"v\">");
    it_html_time(out, s->freeze);
    it_str_puts(out, "</span></td></tr>\n");
}

static void name_cell(const it_view *w, size_t m, it_str *out)
{
    it_str_printf(out, "<tr class=\"fm f%d\"><th scope=\"row\"><span class=\"ml\">", (int)m);
    it_html_text(out, *w->models[m] ? w->models[m] : "no model");
    it_str_puts(out, "</span>");
    if (*what_is(w->models[m]))
        it_str_printf(out, "<span class=\"mn\">%s</span>", what_is(w->models[m]));
    it_str_puts(out, "</th>\n");
}

static void row(const it_view *w, size_t m, it_str *out)
{
    name_cell(w, m, out);
    sums s = sum(w, m);
    share_cell(&s, out);
    mix_cell(&s, out);
    times_cell("connect time", &s.t_conn, s.connect, out);
    times_cell("death noticed", &s.t_death, 0, out);
    back_cell(&s, out);
    sum_fini(&s, out);
}

/* One row for all models that are not built. */
static void unbuilt(const it_view *w, it_str *out)
{
    int n = 0;
    for (size_t m = 0; m < w->n_models; m++) {
        if (it_view_built(w, m) || !*w->models[m])
            continue;
        it_str_puts(out, n++ ? NBSP : "<tr><th scope=\"row\" class=\"ub\"><span class=\"ml\">");
        it_html_text(out, w->models[m]);
    }
    if (n)
        it_str_puts(out,
                    "</span></th><td colspan=\"6\" class=\"mut\">○ unsupported: not built in this version</td></tr>\n");
}

/* How many models there are to compare, those not built among them. */
static int count_models(const it_view *w)
{
    int n = 0;
    for (size_t m = 0; m < w->n_models; m++)
        n += it_view_calls(w, m) || (*w->models[m] && !it_view_built(w, m));
    return n;
}

/* "A, B and C"; returns how many were named. */
static int name_measured(const it_view *w, it_str *out)
{
    size_t all = 0, n = 0;
    for (size_t m = 0; m < w->n_models; m++)
        all += it_view_calls(w, m);
    for (size_t m = 0; m < w->n_models; m++) {
        if (!it_view_calls(w, m))
            continue;
        if (n++)
            it_str_puts(out, n == all ? " and " : ", ");
        it_html_text(out, *w->models[m] ? w->models[m] : "the call");
    }
    return (int)n;
}

static void claim(const it_view *w, it_str *out)
{
    int models = count_models(w);
    it_html_section(out, "models", models > 1 ? "Models" : "In numbers");
    int built = name_measured(w, out);
    it_str_puts(out, built == 0 ? "None of the models is built." : built == 1 ? " was measured" : " were measured");
    if (built && built < models)
        it_str_printf(out, "; %d of the %d models %s not built yet", models - built, models,
                      models - built == 1 ? "is" : "are");
    it_str_puts(out, built ? "." : "");
    it_html_claim_end(out);
}

void it_html_models(const it_view *w, it_str *out)
{
    if (!it_view_compares(w))
        return;
    claim(w, out);
    it_str_puts(out, "<section class=\"scroll\" tabindex=\"0\" aria-label=\"Comparison of the models\"><table "
                     "class=\"ae\">\n<thead><tr>"
                     "<th scope=\"col\">model</th><th scope=\"col\">connects</th><th scope=\"col\">path mix</th><th "
                     "scope=\"col\">connect time</th>"
                     "<th scope=\"col\">death noticed</th><th scope=\"col\">survived</th><th scope=\"col\">longest "
                     "silence</th></tr></thead>\n<tbody>");
    for (size_t m = 0; m < w->n_models; m++)
        if (it_view_calls(w, m))
            row(w, m, out);
    unbuilt(w, out);
    it_str_puts(
        out,
        "</tbody></table></section>\n<ul class=\"notes\"><li><b>Large figures</b> are counts or medians.</li>"
        "<li><b>Connects, path mix, connect time:</b> worlds without a fault (– where every case has one); the curve "
        "is the share connected from 50" NBSP "ms to 15" NBSP "s, logarithmic, lines at 0.1, 1 and 10" NBSP
        "s.</li><li><b>Death noticed:</b> from the fault that counts to the death, of the side that died later.</li>"
        "<li><b>Survived:</b> faults that pass or leave another way, without a death.</li><li><b>Longest "
        "silence:</b> the longest time "
        "without data of which the application was not told.</li></ul>\n");
}
