/* Lines of apps against time. */
#include "reports/html/html.h"

#include "base/time.h"

#include <string.h>

int64_t it_html_x(const it_html_axis *a, int64_t t)
{
    if (t <= a->t0)
        return a->x0;
    if (t >= a->t1)
        return a->x1;
    /* In microseconds, so that no product overflows within a day. */
    return a->x0 + (t - a->t0) / 1000 * (a->x1 - a->x0) / ((a->t1 - a->t0) / 1000);
}

/* --- the truth, as far as the faults tell it --- */

static void bar(it_str *out, const it_html_axis *a, const it_outage *o, int64_t y)
{
    int64_t x = it_html_x(a, o->from), w = it_html_x(a, o->until) - x;
    it_str_printf(out, "<rect class=\"%s\" x=\"", o->all ? "fault" : "half");
    it_html_dec(out, x);
    it_str_puts(out, "\" y=\"");
    it_html_dec(out, y);
    it_str_puts(out, "\" width=\"");
    it_html_dec(out, w < 15 ? 15 : w);
    it_str_puts(out, "\" height=\"8\"/>");
}

static void time_tick(it_str *out, const it_html_axis *a, int64_t t, int64_t y)
{
    it_str_puts(out, "<path class=\"inst\" d=\"M");
    it_html_dec(out, it_html_x(a, t));
    it_str_putc(out, ' ');
    it_html_dec(out, y - 20);
    it_str_puts(out, "v12\"/>");
}

/* The bars of outages in which no way was left, or of those in which one was, for every end. */
static void bars(it_str *out, const it_html_axis *a, const it_view_case *c, bool all, int64_t y)
{
    it_outage o;
    for (size_t i = 0; it_faults_outage(c->o, i, &o); i++)
        if (o.all == all && o.from <= a->t1 && o.until > a->t0)
            bar(out, a, &o, y);
}

void it_html_truth(it_str *out, const it_html_axis *a, const it_view_case *c, int64_t y)
{
    bars(out, a, c, false, y);
    bars(out, a, c, true, y);
    for (int i = 0; it_faults_time(c->o, i) >= 0; i++) {
        int64_t t = it_faults_time(c->o, i);
        if (it_faults_instant(c->o, i) && t >= a->t0 && t <= a->t1)
            time_tick(out, a, t, y);
    }
}

/* --- lines --- */

enum state { UNBORN, FLOWS, BLIND, KNOWS, OVER };

static void segment(it_str *out, const it_html_axis *a, const char *css, int64_t from, int64_t to, int64_t y)
{
    int64_t x0 = it_html_x(a, from), x1 = it_html_x(a, to);
    if (x1 <= x0)
        return;
    it_str_printf(out, "<path class=\"%s\" d=\"M", css);
    it_html_dec(out, x0);
    it_str_putc(out, ' ');
    it_html_dec(out, y);
    it_str_putc(out, 'H');
    it_html_dec(out, x1);
    it_str_puts(out, "\"/>");
}

/* Data flows from |t| to |end|, but for the times in which by the faults nothing can. */
static void flows(it_str *out, const it_html_axis *a, const it_view_case *c, int64_t t, int64_t end, int64_t y)
{
    int64_t from, until;
    while (t < end && it_faults_silence(c->o, t, &from, &until) && from < end) {
        if (until > end)
            until = end;
        segment(out, a, "flow sd", t, from, y);
        segment(out, a, "blind", from, until, y);
        t = until;
    }
    segment(out, a, "flow sd", t, end, y);
}

/* From |from| to |to| in |state|; data was last seen at |seen|, where what came at |to| tells of silence. */
static void stretch(it_str *out, const it_html_axis *a, const it_view_case *c, enum state state, int64_t from,
                    int64_t seen, int64_t to, int64_t y)
{
    if (state == KNOWS)
        segment(out, a, "know", from, to, y);
    if (state != FLOWS)
        return;
    flows(out, a, c, from, seen, y);
    segment(out, a, "blind", seen, to, y);
}

/* Since when the silence lasted that event |e| tells of: at |from| or later, its own time when it tells of none. */
static int64_t last_seen(const it_view_case *c, const json_t *e, int64_t from)
{
    int64_t t = it_results_time(e, "t", 0), after = it_faults_after(c->o, e);
    if (!it_facts_is_one("stalled death", it_results_str(e, "name")))
        return t;
    int64_t seen = it_results_time(e, "since", after < 0 ? t : t - after);
    return seen >= from && seen < t ? seen : t;
}

static void time_mark(it_str *out, const it_html_axis *a, const char *name, const char *css, int64_t t, int64_t y)
{
    static const struct {
        const char *names, *css, *shape;
        int dy;
    } MARKS[] = {
        {"stalled", "mk", "l4.2 4.2-4.2 4.2-4.2-4.2z", -42},
        {"resumed failover", "up", "l4 9h-8z", -55},
        {"death", "x", "m-4-4l8 8m0-8l-8 8", 0},
        {"closed", "x", "m0-5v10", 0}, /* no death: somebody hung up */
    };
    for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++) {
        if (!it_facts_is_one(MARKS[i].names, name))
            continue;
        it_str_printf(out, "<path class=\"%s%s\" d=\"M", MARKS[i].css, css);
        it_html_dec(out, it_html_x(a, t));
        it_str_putc(out, ' ');
        it_html_dec(out, y + MARKS[i].dy);
        it_str_printf(out, "%s\"/>", MARKS[i].shape);
    }
}

static enum state time_after(enum state now, const char *name)
{
    if (it_facts_is_one("open resumed failover", name))
        return FLOWS;
    if (strcmp(name, "stalled") == 0)
        return KNOWS;
    return it_facts_is_one("death closed", name) ? OVER : now;
}

void it_html_line(it_str *out, const it_html_axis *a, const it_view_case *c, const char *end, int64_t y)
{
    enum state state = UNBORN;
    int64_t since = 0, last = it_results_time(c->o, "t_end", 0);
    json_t *events = json_object_get(c->o, "events"), *e;
    size_t i;
    json_array_foreach(events, i, e)
    {
        const char *name = it_results_str(e, "name");
        int64_t t = it_results_time(e, "t", 0);
        if (strcmp(it_results_str(e, "end"), end) != 0 || time_after(state, name) == state)
            continue;
        stretch(out, a, c, state, since, last_seen(c, e, since), t, y);
        since = t;
        state = time_after(state, name);
    }
    stretch(out, a, c, state, since, last, last, y);
    json_array_foreach(events, i, e) if (strcmp(it_results_str(e, "end"), end) == 0)
        time_mark(out, a, it_results_str(e, "name"), "", it_results_time(e, "t", 0), y);
}

/* --- axis and legend --- */

void it_html_ticks(it_str *out, const it_html_axis *a, int64_t zero, int64_t top, int64_t bottom)
{
    static const int STEPS[] = {1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600, 36000};
    int64_t step = 0;
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS && (!step || (a->t1 - zero) / step > 8); i++)
        step = STEPS[i] * IT_SEC;
    for (int64_t t = zero; t <= a->t1 && (t - zero) / step <= 12; t += step) {
        int64_t x = it_html_x(a, t);
        it_str_puts(out, "<path class=\"hl\" d=\"M");
        it_html_dec(out, x);
        it_str_putc(out, ' ');
        it_html_dec(out, top);
        it_str_putc(out, 'V');
        it_html_dec(out, bottom);
        it_str_puts(out, "\"/><text class=\"m s\" x=\"");
        it_html_dec(out, x);
        it_str_puts(out, "\" y=\"");
        it_html_dec(out, bottom + 160);
        it_str_printf(out, "\" text-anchor=\"middle\">%d%s</text>", (int)((t - zero) / IT_SEC),
                      t == zero ? NBSP "s" : "");
    }
}

void it_html_line_legend(it_str *out)
{
    static const char *const ROWS[][3] = {
        {"34", "<path class=\"flow sd\" d=\"M0 6H34\"/>", "data flows, direct UDP"},
        {"34", "<path class=\"blind\" d=\"M0 6H34\"/>", "no data, nobody told"},
        {"34", "<path class=\"know\" d=\"M0 6H34\"/><path class=\"mk\" d=\"M6 1.8l4.2 4.2-4.2 4.2-4.2-4.2z\"/>",
         "<code>stalled</code>, the app knows"},
        {"12", "<path class=\"up\" d=\"M6 1l4 9h-8z\"/>", "<code>resumed</code> or <code>failover</code>"},
        {"12", "<path class=\"x\" d=\"M2 2l8 8m0-8l-8 8\"/>", "<code>death</code>"},
        {"6", "<path class=\"x\" d=\"M3 1v10\"/>", "<code>closed</code>: hung up"},
        {"30", "<rect class=\"fault\" y=\"2\" width=\"30\" height=\"8\"/>", "nothing passes"},
        {"30", "<rect class=\"half\" y=\"2\" width=\"30\" height=\"8\"/>", "an interface is gone, another is there"},
        {"6", "<path class=\"inst\" d=\"M3 0v12\"/>", "a fault that takes no way: lost state, new address or rules"},
    };
    it_str_puts(out, "<p class=\"leg keyline\">");
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        it_str_printf(out,
                      "<span><svg viewBox=\"0 0 %s 12\" width=\"%s\" height=\"12\" "
                      "aria-hidden=\"true\">%s</svg><span>%s</span></span>",
                      ROWS[i][0], ROWS[i][0], ROWS[i][1], ROWS[i][2]);
    it_str_puts(out, "</p>\n");
}
