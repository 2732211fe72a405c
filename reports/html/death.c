/* How death is noticed: strips of dots, a row a model, one panel for each way of finding out. */
#include "reports/html/html.h"

#include "base/time.h"

#include <stdlib.h>
#include <string.h>

/* One app that lost its last way. */
typedef struct seen {
    int64_t stalled, death; /* after the fault that counts; -1: never */
    size_t order;           /* of being added */
} seen;

typedef struct seen_list {
    it_alloc *alloc;
    seen *v;
    size_t n, cap;
    bool oom;
} seen_list;

enum panel { CARRIER, STREAMING, IDLE, PANELS };
static const char *const PANEL[] = {"the side that sees its carrier go", "no signal, streaming", "no signal, idle"};

static enum panel panel_of(const it_view_case *c, const it_facts_end *end)
{
    if (end->carrier)
        return CARRIER;
    return strcmp(it_view_axis(c, "media"), "none") == 0 ? IDLE : STREAMING;
}

static void death_add(seen_list *l, seen s)
{
    if (it_grow(l->alloc, &l->v, &l->cap, l->n + 1, sizeof *l->v) < 0) {
        l->oom = true;
        return;
    }
    s.order = l->n;
    l->v[l->n++] = s;
}

static int by_death(const void *a, const void *b)
{
    const seen *x = a, *y = b;
    if (x->death != y->death)
        return x->death < y->death ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Adds the ends of |c| that died of a fault in the way of |panel|. */
static void collect_case(const it_view_case *c, enum panel panel, seen_list *l)
{
    for (int k = 0; k < 2; k++) {
        const it_facts_end *end = &c->facts->end[k];
        if (end->death >= 0 && panel_of(c, end) == panel)
            death_add(l, (seen){end->stalled, end->death, 0});
    }
}

static void collect(const it_view *w, size_t m, enum panel panel, seen_list *l)
{
    for (size_t i = 0; i < w->n; i++) {
        const it_view_case *c = &w->v[i];
        if (!c->unsupported && it_view_kind_of(c) == IT_VIEW_DEATH && strcmp(c->model, w->models[m]) == 0)
            collect_case(c, panel, l);
    }
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_death);
}

/* --- drawing --- */

enum { LEFT = 220, RIGHT = 3200, WIDTH = 3840, ROW = 420 };
enum { DOTS_MAX = 400 }; /* of a row */

static void dot(it_str *out, int64_t x, int64_t y, bool full)
{
    it_str_puts(out, "<circle cx=\"");
    it_html_dec(out, x);
    it_str_puts(out, "\" cy=\"");
    it_html_dec(out, y);
    it_str_puts(out, full ? "\" r=\"2.2\"/>" : "\" r=\"2\" fill=\"var(--bg)\" stroke=\"var(--mut)\"/>");
}

/* One row: a small cumulative curve of circles (stalled) and dots (death), from bottom to top. */
static void row(const it_view *w, size_t m, const seen_list *l, const it_html_axis *a, int64_t y, it_str *out)
{
    it_numbers t = {.alloc = w->alloc};
    it_str_printf(out, "<g class=\"fm f%d\"><text class=\"b\" x=\"0\" y=\"", (int)m);
    it_html_dec(out, y + 40);
    it_str_puts(out, "\">");
    it_html_text(out, *w->models[m] ? w->models[m] : "no model");
    it_str_puts(out, "</text><path class=\"hl\" d=\"M");
    it_html_dec(out, LEFT);
    it_str_putc(out, ' ');
    it_html_dec(out, y);
    it_str_puts(out, "H");
    it_html_dec(out, RIGHT);
    it_str_puts(out, "\"/><g fill=\"var(--ink)\">");
    size_t drawn =
        l->n < DOTS_MAX ? l->n : DOTS_MAX; /* of many, evenly spaced ones, the first and the last among them */
    for (size_t k = 0; k < drawn; k++) {
        size_t i = drawn > 1 ? k * (l->n - 1) / (drawn - 1) : 0;
        int64_t at = y + 140 - (int64_t)(280 * i / (l->n > 1 ? l->n - 1 : 1));
        if (l->n == 1)
            at = y;
        if (l->v[i].stalled >= 0)
            dot(out, it_html_x(a, l->v[i].stalled), at, false);
        dot(out, it_html_x(a, l->v[i].death), at, true);
    }
    for (size_t i = 0; i < l->n; i++)
        it_numbers_add(&t, l->v[i].death);
    it_str_puts(out, "</g><text x=\"");
    it_html_dec(out, WIDTH);
    it_str_puts(out, "\" y=\"");
    it_html_dec(out, y + 40);
    it_str_puts(out, "\" text-anchor=\"end\">");
    it_html_time(out, it_numbers_rank(&t, 50));
    it_str_puts(out, "</text></g>\n");
    it_numbers_fini(&t, out);
}

static void panel(const it_view *w, enum panel p, it_str *out)
{
    seen_list l[IT_VIEW_MODELS];
    int64_t most = 0, rows = 0;
    size_t n = 0;
    for (size_t m = 0; m < w->n_models; m++) {
        l[m] = (seen_list){.alloc = w->alloc};
        collect(w, m, p, &l[m]);
        rows += l[m].n > 0;
        n += l[m].n;
        if (l[m].n && l[m].v[l[m].n - 1].death > most)
            most = l[m].v[l[m].n - 1].death;
    }
    if (rows) {
        it_html_axis a = {LEFT, RIGHT, 0, most + most / 20 < 2 * IT_SEC ? 2 * IT_SEC : most + most / 20};
        int64_t bottom = 240 + rows * ROW, y = 240 + ROW / 2;
        it_str_printf(
            out, "<figure><figcaption><b>%s</b> <span class=\"mut\">%d apps</span></figcaption><svg viewBox=\"0 0 384 ",
            PANEL[p], (int)n);
        it_html_dec(out, bottom + 200);
        it_str_printf(out, "\" role=\"img\" aria-label=\"Seconds from the fault to stalled and to death, %s\">",
                      PANEL[p]);
        it_html_ticks(out, &a, 0, 200, bottom);
        it_str_puts(out, "<text class=\"m s\" x=\"384\" y=\"15\" text-anchor=\"end\">death</text>\n");
        for (size_t m = 0; m < w->n_models; m++)
            if (l[m].n) {
                row(w, m, &l[m], &a, y, out);
                y += ROW;
            }
        it_str_puts(out, "</svg></figure>\n");
    }
    for (size_t m = 0; m < w->n_models; m++) {
        out->oom = out->oom || l[m].oom;
        it_free(w->alloc, l[m].v);
    }
}

/* How many cases of this section have a page. */
static void pages(const it_view *w, it_str *out)
{
    int n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += w->v[i].page && it_view_kind_of(&w->v[i]) == IT_VIEW_DEATH;
    if (n == 0)
        return;
    it_str_puts(out, " <a href=\"#pages\">");
    it_html_count(out, n, "case is", "cases are");
    it_str_puts(out, " drawn in full</a>.");
}

/* The times from fault to death in |panel|, of all models. */
static it_numbers deaths_of(const it_view *w, enum panel panel, it_str *out)
{
    it_numbers t = {.alloc = w->alloc};
    for (size_t m = 0; m < w->n_models; m++) {
        seen_list l = {.alloc = w->alloc};
        collect(w, m, panel, &l);
        for (size_t i = 0; i < l.n; i++)
            it_numbers_add(&t, l.v[i].death);
        out->oom = out->oom || l.oom;
        it_free(w->alloc, l.v);
    }
    return t;
}

/* "A side that sees its carrier go knows at once"; |n|: how many of these were said before. */
static void death_say(enum panel panel, int n, int64_t most, it_str *out)
{
    static const char *const SAY[][2] = {
        {"A side that sees its carrier go knows ", "a side that sees its carrier go knows "},
        {"Without a signal and streaming it takes at most ", "without a signal and streaming it takes at most "},
        {"Idle it takes at most ", "idle it takes at most "}};
    it_str_puts(out, n ? "; " : "");
    it_str_puts(out, SAY[panel][n > 0]);
    if (panel == CARRIER && most == 0) {
        it_str_puts(out, "at once");
        return;
    }
    it_str_puts(out, panel == CARRIER ? "within " : "");
    it_html_time(out, most);
}

static void claim(const it_view *w, it_str *out)
{
    int n = 0;
    it_html_section(out, "death", "How death is noticed");
    for (int p = 0; p < PANELS; p++) {
        it_numbers t = deaths_of(w, (enum panel)p, out);
        if (t.n)
            death_say((enum panel)p, n++, it_numbers_rank(&t, 100), out);
        it_numbers_fini(&t, out);
    }
    it_str_puts(out, n ? "." : "Nobody was told.");
    it_html_claim_end(out);
}

void it_html_death(const it_view *w, it_str *out)
{
    bool any = false;
    for (size_t i = 0; i < w->n; i++)
        any = any || (!w->v[i].unsupported && it_view_kind_of(&w->v[i]) == IT_VIEW_DEATH);
    if (!any)
        return;
    claim(w, out);
    it_str_puts(out, "<div class=\"rec\">");
    for (int p = 0; p < PANELS; p++)
        panel(w, (enum panel)p, out);
    it_str_puts(out, "</div>\n<p class=\"note wide\"><svg viewBox=\"0 0 12 12\" width=\"11\" height=\"11\" "
                     "style=\"display:inline;vertical-align:-1px\" "
                     "aria-hidden=\"true\"><circle cx=\"6\" cy=\"6\" r=\"3.6\" fill=\"var(--bg)\" "
                     "stroke=\"var(--mut)\"/></svg> first "
                     "<code>stalled</code>, <svg viewBox=\"0 0 12 12\" width=\"11\" height=\"11\" "
                     "style=\"display:inline;vertical-align:-1px\" "
                     "aria-hidden=\"true\"><circle cx=\"6\" cy=\"6\" r=\"4\" fill=\"var(--ink)\"/></svg> "
                     "<code>death</code>, in seconds after the "
                     "fault that took the last way; one pair an app, first to last from bottom to top, so that a row "
                     "is a small cumulative "
                     "curve; medians at the right.");
    pages(w, out);
    it_str_puts(out, "</p>\n");
}
