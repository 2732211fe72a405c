/* How the call comes back: a panel a world with a fault that passes or leaves another way, a line a model. */
#include "reports/html/html.h"

#include "base/time.h"

#include <string.h>

#define PANELS_MAX 60
#define LINES_MAX 60 /* of a panel: the repetitions of a world are more */
enum { X0 = 180, X1 = 3220, WIDTH = 3840, LINE = 170 };
enum { LEAD = 8 }; /* seconds drawn before the fault */

static bool is_recovery(const it_view_case *c)
{
    return !c->unsupported && it_view_kind_of(c) == IT_VIEW_RECOVERY;
}

static void outcome(const it_view_case *c, const char *end, it_str *out)
{
    const json_t *death = it_facts_told(c->o, end, "death"), *back = it_facts_told(c->o, end, "resumed failover");
    if (death || back) {
        it_str_puts(out, death ? "† " : "");
        it_html_time(out, it_faults_after(c->o, death ? death : back));
    } else {
        it_str_puts(out, it_facts_told(c->o, end, "stalled") ? "stalled" : "unnoticed");
    }
}

/* |after|: how long the axis goes on behind the fault. */
static it_html_axis axis_of(const it_view_case *c, int64_t after)
{
    int64_t zero = it_facts_zero(c->o);
    return (it_html_axis){X0, X1, zero - LEAD * IT_SEC, zero + after};
}

static void line(const it_view *w, const it_view_case *c, int64_t after, int64_t y, it_str *out)
{
    const char *end = it_facts_slower(c->o);
    it_html_axis a = axis_of(c, after);
    it_str_printf(out, "<g class=\"fm f%d\"><title>", (int)it_view_model(w, c->model));
    it_html_text(out, c->model);
    it_str_puts(out, ", ");
    it_html_text(out, end);
    it_str_puts(out, "</title><text class=\"b\" x=\"0\" y=\"");
    it_html_dec(out, y + 40);
    it_str_puts(out, "\">");
    it_html_text(out, *c->model ? c->model : "no model");
    it_str_puts(out, "</text>");
    it_html_line(out, &a, c, end, y);
    it_str_puts(out, "<text x=\"");
    it_html_dec(out, WIDTH);
    it_str_puts(out, "\" y=\"");
    it_html_dec(out, y + 40);
    it_str_printf(out, "\" text-anchor=\"end\"%s>", c->bad ? " class=\"a b\"" : "");
    outcome(c, end, out);
    it_str_puts(out, "</text></g>\n");
}

/* Title of a panel: the scenario and what varies. */
static void caption(const it_view *w, size_t at, it_str *out)
{
    const it_view_case *c = &w->v[at];
    const char *key;
    json_t *v;
    it_str_puts(out, "<figure><figcaption>");
    for (size_t i = at; i < w->n && !c->page; i = w->v[i].next)
        if (w->v[i].page)
            c = &w->v[i];
    if (c->page) {
        it_str_puts(out, "<a href=\"");
        it_html_url(out, c->page);
        it_str_puts(out, "\">");
    }
    it_str_puts(out, "<b>");
    it_html_text(out, c->title);
    it_str_puts(out, "</b>");
    json_object_foreach(json_object_get(c->o, "cell"), key, v) if (strcmp(key, "model") != 0)
    {
        it_str_puts(out, ", ");
        it_html_text(out, key);
        it_str_putc(out, ' ');
        it_html_text(out, json_string_value(v) ? json_string_value(v) : "");
    }
    it_str_puts(out, c->page ? "</a></figcaption>" : "</figcaption>");
}

/* How long after its fault the longest case goes on, a second at least: all panels have this one scale. */
static int64_t scale(const it_view *w)
{
    int64_t most = IT_SEC;
    for (size_t i = 0; i < w->n; i++) {
        int64_t after = is_recovery(&w->v[i]) ? w->v[i].facts->after : 0;
        if (after > most)
            most = after;
    }
    return most;
}

/* The lines of the cases of the world whose first is case |at|, |rows| of them, each with its whole line of the results
 * for as long as it is drawn. */
static void lines(const it_view *w, size_t at, int64_t after, int64_t rows, it_str *out)
{
    int64_t y = 340;
    for (size_t i = at; i < w->n && rows > 0; i = w->v[i].next) {
        it_view_case whole;
        if (!is_recovery(&w->v[i]))
            continue;
        it_view_open(w, i, &whole);
        line(w, &whole, after, y, out);
        it_view_close(&whole);
        y += LINE;
        rows--;
    }
}

static void panel(const it_view *w, size_t at, int64_t after, it_str *out)
{
    int64_t rows = 0;
    it_view_case first;
    for (size_t i = at; i < w->n && rows < LINES_MAX; i = w->v[i].next)
        rows += is_recovery(&w->v[i]);
    int64_t bottom = 260 + rows * LINE;
    it_view_open(w, at, &first);
    it_html_axis a = axis_of(&first, after);
    caption(w, at, out);
    it_str_puts(out, "<svg viewBox=\"0 0 384 ");
    it_html_dec(out, bottom + 200);
    it_str_puts(out, "\" role=\"group\" aria-label=\"What each model's app saw\">");
    it_html_ticks(out, &a, a.t0 + LEAD * IT_SEC, 140, bottom);
    it_str_puts(out, "<text class=\"m s\" x=\"0\" y=\"23.5\">truth</text>");
    it_html_truth(out, &a, &first, 160);
    it_str_putc(out, '\n');
    it_view_close(&first);
    lines(w, at, after, rows, out);
    it_str_puts(out, "</svg></figure>\n");
}

static void claim(const it_view *w, it_str *out)
{
    int n = 0, dead = 0, unnoticed = 0;
    it_numbers t = {.alloc = w->alloc};
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        if (!is_recovery(c))
            continue;
        n++;
        dead += !c->facts->survived;
        unnoticed += !c->facts->noticed;
        if (c->facts->metric[IT_FACTS_T_RECOVER] >= 0 && c->facts->survived)
            it_numbers_add(&t, c->facts->metric[IT_FACTS_T_RECOVER]);
    }
    it_html_section(out, "recovery", "How the call comes back");
    it_str_printf(out,
                  n == 1 ? "Of %d call with faults that pass or leave another way "
                         : "Of %d calls with faults that pass or leave another way ",
                  n);
    if (dead == n)
        it_str_puts(out, "none survives");
    else
        it_str_printf(out, n - dead == 1 ? "%d survives" : "%d survive", n - dead);
    if (unnoticed)
        it_str_printf(out, ", %d of them unnoticed", unnoticed);
    if (t.n) {
        it_str_puts(out, "; data flows again on both sides after ");
        it_html_time(out, it_numbers_rank(&t, 50));
        it_str_puts(out, " (median, from the fault on)");
    }
    it_str_putc(out, '.');
    it_html_claim_end(out);
    it_numbers_fini(&t, out);
}

void it_html_recovery(const it_view *w, it_str *out)
{
    int shown = 0, left = 0;
    int64_t after = scale(w);
    for (size_t i = 0; i < w->n; i++) {
        if (!is_recovery(&w->v[i]))
            continue;
        size_t first = w->v[i].head; /* of its world */
        while (!is_recovery(&w->v[first]))
            first = w->v[first].next;
        if (first != i)
            continue;
        if (shown == PANELS_MAX) {
            left++;
            continue;
        }
        if (shown++ == 0) {
            claim(w, out);
            it_str_puts(out, "<div class=\"rec\">");
        }
        panel(w, i, after, out);
    }
    if (!shown)
        return;
    it_str_puts(out, "</div>\n");
    it_html_line_legend(out);
    it_str_puts(
        out,
        "<p class=\"note wide\">Seconds after the fault that counts; the side of each call that had the worse of it; "
        "at the right the time until "
        "data flowed again, † death. Worlds with a title that is a link are drawn in full.");
    if (left) {
        it_str_putc(out, ' ');
        it_html_count(out, left, "more world is", "more worlds are");
        it_str_puts(out, " not drawn here.");
    }
    it_str_puts(out, "</p>\n");
}
