/* The ladder as a drawing, and the same as a table. */
#include "reports/html/html.h"
#include "base/time.h"
#include "reports/read/ladder.h"

#include <string.h>

enum {
    LEFT = 1500,
    RIGHT = 7000,
    NOTES = 7360,
    TOP = 740,
    STEP = 250,
    LINE = 74 /* characters of a note */
};            /* tenths of a pixel */

static int64_t column_x(const it_rtrace *t, int column)
{
    return t->columns < 2 ? LEFT : LEFT + (int64_t)(RIGHT - LEFT) * column / (t->columns - 1);
}

static int64_t node_x(const it_rtrace *t, int node)
{
    return node < 0 ? LEFT : column_x(t, t->nodes[node].column);
}

static void num(it_str *out, const char *before, int64_t tenths)
{
    it_str_puts(out, before);
    it_html_dec(out, tenths);
}

static const char *name(const it_rtrace *t, int node)
{
    return node < 0 ? "" : t->nodes[node].name;
}

/* --- words --- */

static void label_text(it_str *out, const it_lrow *r)
{
    const it_rmsg *m = r->m;
    if (r->both) {
        it_str_puts(out, "DTLS handshake, ");
        it_html_count(out, (int64_t)r->n, "datagram", "datagrams");
        return;
    }
    it_html_text(out, m->label);
    if (m->kind == IT_RT_VOICE) {
        it_str_puts(out, ", ");
        it_html_count(out, (int64_t)r->n, "datagram", "datagrams");
    } else if (r->n > 1) {
        it_str_puts(out, " ×" NBSP);
        it_html_num(out, (int64_t)r->n);
    }
}

/* What stands at the right of a row, into |text|. */
static void note_of(const it_rtrace *t, const it_lrow *r, char text[256])
{
    const it_rmsg *m = r->m;
    *text = '\0';
    if (m->kind == IT_RT_SIGNAL)
        snprintf(text, 256, "signaling%s", m->dropped ? ", not delivered" : "");
    else if (m->kind == IT_RT_EVENT || m->kind == IT_RT_FAULT)
        snprintf(text, 256, "%s", m->text);
    else if (m->dropped)
        snprintf(text, 256, "%s: %s%s%s", name(t, m->to), m->rule, *m->rfc ? ", " : "", m->rfc);
    else if (r->last - m->t > 1000000000)
        snprintf(text, 256, "until %lld.%03d s", (long long)(r->last / 1000000000), (int)(r->last / 1000000 % 1000));
    else if (m->kind == IT_RT_PACKET)
        snprintf(text, 256, "%s", m->text);
}

/* The note, on two lines when it is long. */
static void draw_note(it_str *out, const char *text, int64_t y)
{
    size_t n = strlen(text), cut = n;
    const char *source = strstr(text, ", RFC ");
    if (n > LINE && source && source - text < LINE)
        cut = (size_t)(source - text) + 1;
    else if (n > LINE)
        for (cut = LINE; cut > LINE / 2 && text[cut] != ' ';)
            cut--;
    it_str_puts(out, "<text class=\"m\" x=\"");
    it_html_dec(out, NOTES);
    it_str_puts(out, "\" y=\"");
    it_html_dec(out, y + (cut < n ? -20 : 40));
    it_str_puts(out, "\">");
    it_html_textn(out, text, cut);
    if (cut < n) {
        it_str_puts(out, "<tspan x=\"");
        it_html_dec(out, NOTES);
        it_str_puts(out, "\" dy=\"11.5\">");
        it_html_text(out, text + cut + (text[cut] == ' '));
        it_str_puts(out, "</tspan>");
    }
    it_str_puts(out, "</text>");
}

/* --- drawing --- */

static void stroke_of(const it_rmsg *m, const char **colour, const char **style)
{
    *colour = m->kind == IT_RT_VOICE ? "var(--d)" : m->kind == IT_RT_SIGNAL ? "var(--mut)" : "var(--ink)";
    *style = m->kind == IT_RT_VOICE    ? "stroke-width=\"3\""
             : m->kind == IT_RT_SIGNAL ? "stroke-width=\"1.3\" stroke-dasharray=\"5 3\""
                                       : "stroke-width=\"1.3\"";
}

static void head(it_str *out, int64_t x, int64_t y, bool right, const char *colour)
{
    num(out, "<path d=\"M", x);
    num(out, " ", y);
    it_str_printf(out, "l%s7-3.6v7.2z\" fill=\"%s\"/>", right ? "-" : "", colour);
}

static void cross(it_str *out, int64_t x, int64_t y)
{
    num(out, "<path class=\"x\" d=\"M", x - 45);
    num(out, " ", y - 45);
    it_str_puts(out, "l9 9m0-9l-9 9\" stroke-width=\"2\"/>");
}

static void line(it_str *out, int64_t x0, int64_t x1, int64_t y, const it_rmsg *m)
{
    const char *colour, *style;
    stroke_of(m, &colour, &style);
    num(out, "<path d=\"M", x0);
    num(out, " ", y);
    num(out, "H", x1);
    it_str_printf(out, "\" stroke=\"%s\" %s fill=\"none\"/>", colour, style);
}

/* Open dots where a NAT changed addresses on the way. */
static void dots(it_str *out, const it_rtrace *t, const it_rmsg *m, int64_t y)
{
    for (int c = 0; c < t->columns; c++)
        if (m->rewritten & (1u << c)) {
            num(out, "<circle cx=\"", column_x(t, c));
            num(out, "\" cy=\"", y);
            it_str_puts(out, "\" r=\"2.6\" fill=\"var(--bg)\" stroke=\"var(--ink)\" stroke-width=\"1.2\"/>");
        }
}

static void arrow(it_str *out, const it_rtrace *t, const it_lrow *r, int64_t y)
{
    const it_rmsg *m = r->m;
    const char *colour, *style;
    int64_t x0 = node_x(t, m->from), x1 = node_x(t, m->to);
    bool right = x1 != x0 ? x1 > x0 : x0 < (LEFT + RIGHT) / 2;
    int64_t way = right ? 1 : -1;
    stroke_of(m, &colour, &style);
    if (m->dropped && x1 == x0)
        x1 = x0 + way * 400; /* the wire that leaves here */
    bool lost = m->dropped && m->kind != IT_RT_SIGNAL;
    line(out, x0 + way * (r->both ? 60 : 0), x1 - way * (lost ? 60 : 70), y, m);
    if (lost)
        cross(out, x1, y);
    else
        head(out, x1 - way * 10, y, right, colour);
    if (r->both)
        head(out, x0 + way * 10, y, !right, colour);
    dots(out, t, m, y);
    num(out, "<text x=\"", x0 + way * 140);
    num(out, "\" y=\"", y - 45);
    it_str_printf(out, "\" text-anchor=\"%s\" class=\"h\">", right ? "start" : "end");
    label_text(out, r);
    it_str_puts(out, "</text>");
}

static void words(it_str *out, int64_t x, int64_t y, const char *anchor, const char *text)
{
    num(out, "<text x=\"", x);
    num(out, "\" y=\"", y);
    it_str_printf(out, "\" text-anchor=\"%s\" class=\"b h\">", anchor);
    it_html_text(out, text);
    it_str_puts(out, "</text>");
}

static void ladder_fault(it_str *out, const it_rmsg *m, int64_t y)
{
    num(out, "<path class=\"flt\" d=\"M", LEFT - 100);
    num(out, " ", y);
    num(out, "H", RIGHT + 100);
    it_str_puts(out, "\"/>");
    words(out, LEFT + 140, y - 45, "start", m->text);
}

/* The mark of event |label|: a cross, a diamond, a triangle. */
static void ladder_mark(it_str *out, const char *label, int64_t x, int64_t y)
{
    if (strcmp(label, "death") == 0) {
        cross(out, x, y);
        return;
    }
    bool stalled = strcmp(label, "stalled") == 0;
    num(out, stalled ? "<path class=\"mk\" d=\"M" : "<path class=\"up\" d=\"M", x);
    num(out, " ", y - (stalled ? 42 : 55));
    it_str_puts(out, stalled ? "l4.2 4.2-4.2 4.2-4.2-4.2z\"/>" : "l4 9h-8z\"/>");
}

static void ladder_event(it_str *out, const it_rtrace *t, const it_lrow *r, int64_t y)
{
    const it_rmsg *m = r->m;
    if (m->kind == IT_RT_FAULT) {
        ladder_fault(out, m, y);
        return;
    }
    bool far = m->from >= 0 && t->nodes[m->from].side > 0;
    int64_t x = node_x(t, m->from);
    ladder_mark(out, m->label, x, y);
    words(out, far ? x - 100 : x + 100, y + 40, far ? "end" : "start", m->label);
}

/* When |r| was, from and until, in ms: the timeline's cursor looks for it. */
static void put_when(it_str *out, const it_lrow *r)
{
    int64_t from = r->m->t / IT_MS, until = r->last > r->m->t_end ? r->last : r->m->t_end;
    it_str_printf(out, " data-t=\"%lld", (long long)from);
    if (until / IT_MS > from)
        it_str_printf(out, " %lld", (long long)(until / IT_MS));
    it_str_putc(out, '"');
}

static void row(it_str *out, const it_rtrace *t, const it_lrow *r, int64_t y)
{
    it_str_puts(out, "<g class=\"ms\"");
    if (r->number)
        it_str_printf(out, " id=\"m%d\"", r->number);
    put_when(out, r);
    it_str_putc(out, '>');
    num(out, "<rect class=\"hit\" x=\"0\" y=\"", y - 150);
    it_str_puts(out, "\" width=\"1180\" height=\"25\"/>");
    num(out, "<text class=\"m mo\" x=\"0\" y=\"", y + 40);
    it_str_puts(out, "\">");
    it_html_stamp(out, r->m->t);
    it_str_puts(out, "</text>");
    if (r->number) {
        num(out, "<text class=\"m\" x=\"94\" y=\"", y + 40);
        it_str_printf(out, "\" text-anchor=\"end\">%d</text>", r->number);
        arrow(out, t, r, y);
    } else {
        ladder_event(out, t, r, y);
    }
    char note[256];
    note_of(t, r, note);
    if (r->m->kind != IT_RT_FAULT && *note)
        draw_note(out, note, y);
    it_str_puts(out, "</g>\n");
}

/* What a box is, under its address: "linux-masq EIM/APDF", without its class where that is too wide. */
static void box_words(it_str *out, const it_rnode *n, int64_t x, int64_t room)
{
    char text[IT_RTRACE_NAME + 20];
    if (!*n->profile)
        return;
    int n_text = snprintf(text, sizeof text, "%s%s%s", n->profile, *n->class ? " " : "", n->class);
    it_html_fit(out, x, 440, room, n_text <= it_html_letters(room) ? text : n->profile);
}

static void columns(it_str *out, const it_rtrace *t, int64_t bottom)
{
    int64_t room = t->columns < 2 ? RIGHT : (RIGHT - LEFT) / (t->columns - 1) - 60;
    for (int i = 0; i < t->n_nodes; i++) {
        const it_rnode *n = &t->nodes[i];
        if (!n->on_way || n->column < 0)
            continue;
        int64_t x = column_x(t, n->column);
        num(out, "<path class=\"ax\" d=\"M", x);
        num(out, " 54V", bottom);
        num(out, "\"/><text class=\"b\" x=\"", x);
        it_str_puts(out, "\" y=\"16\" text-anchor=\"middle\">");
        it_html_text(out, n->name);
        num(out, "</text><text class=\"m s\" x=\"", x);
        it_str_puts(out, "\" y=\"31\" text-anchor=\"middle\">");
        it_html_text(out, strcmp(n->what, "router") == 0 ? "servers" : n->addr[0]);
        if (*n->addr[1] && strcmp(n->what, "host") == 0)
            it_str_puts(out, " …");
        it_str_puts(out, "</text>");
        box_words(out, n, x, room);
    }
}

/* --- the table --- */

static void table_row(it_str *out, const it_rtrace *t, const it_lrow *r)
{
    const it_rmsg *m = r->m;
    it_str_puts(out, "<tr");
    put_when(out, r);
    it_str_puts(out, "><td>");
    it_html_stamp(out, m->t);
    it_str_puts(out, "</td><td>");
    if (r->number)
        it_str_printf(out, "%d", r->number);
    it_str_puts(out, "</td><td>");
    it_html_text(out, name(t, m->from));
    if (r->number) {
        it_str_puts(out, r->both ? " ↔ " : " → ");
        it_html_text(out, name(t, m->to));
    }
    it_str_puts(out, "</td><td>");
    if (r->number)
        label_text(out, r);
    else {
        it_str_puts(out, "<b>");
        it_html_text(out, m->label);
        it_str_puts(out, "</b>");
    }
    if (m->dropped && m->kind != IT_RT_SIGNAL)
        it_str_puts(out, " <b>dropped</b>");
    it_str_puts(out, "</td><td>");
    char note[256];
    note_of(t, r, note);
    it_html_text(out, note);
    it_str_puts(out, "</td></tr>\n");
}

static void legend(it_str *out)
{
    it_str_puts(out, "<p class=\"leg\"><span><svg viewBox=\"0 0 34 10\" width=\"34\" height=\"10\" "
                     "aria-hidden=\"true\"><path d=\"M0 5H34\" "
                     "stroke=\"var(--ink)\" stroke-width=\"1.3\"/></svg> STUN, DTLS</span><span><svg viewBox=\"0 0 34 "
                     "10\" width=\"34\" height=\"10\" "
                     "aria-hidden=\"true\"><path d=\"M0 5H34\" stroke=\"var(--mut)\" stroke-width=\"1.3\" "
                     "stroke-dasharray=\"5 3\"/></svg> signaling"
                     "</span><span><svg viewBox=\"0 0 34 10\" width=\"34\" height=\"10\" aria-hidden=\"true\"><path "
                     "d=\"M0 5H34\" stroke=\"var(--d)\" "
                     "stroke-width=\"3\"/></svg> media</span><span><svg viewBox=\"0 0 12 12\" width=\"12\" "
                     "height=\"12\" aria-hidden=\"true\"><path "
                     "class=\"x\" d=\"M2 2l8 8m0-8l-8 8\"/></svg> dropped, reason at the right</span><span><svg "
                     "viewBox=\"0 0 12 12\" "
                     "width=\"12\" height=\"12\" aria-hidden=\"true\"><circle cx=\"6\" cy=\"6\" r=\"2.6\" "
                     "fill=\"var(--bg)\" stroke=\"var(--ink)\"/></svg> "
                     "rewritten by a NAT</span></p>\n");
}

static void claim(it_str *out, const it_rtrace *t, const it_ladder *l)
{
    it_html_section(out, "ladder", "Ladder");
    it_html_count(out, (int64_t)t->n_packets, "packet", "packets");
    int numbers = 0;
    for (size_t i = 0; i < l->n; i++)
        numbers += l->v[i].number > 0;
    it_str_puts(out, " and the signaling, in ");
    it_html_count(out, numbers, "row", "rows");
    it_str_puts(out, l->hidden ? "; " : ".");
    if (l->hidden) {
        it_html_count(out, (int64_t)l->hidden, "more is not drawn.", "more are not drawn.");
    }
    it_html_claim_end(out);
}

void it_html_ladder(it_str *out, const it_view_case *c, const it_rtrace *t)
{
    it_ladder l;
    (void)c;
    it_ladder_make(&l, t);
    if (l.n == 0 || t->columns < 2)
        return;
    int64_t bottom = TOP + (int64_t)l.n * STEP;
    claim(out, t, &l);
    it_str_puts(
        out,
        "<p class=\"hint\">Scrolls sideways; the same as text below.</p><section class=\"scroll lad\" tabindex=\"0\" "
        "aria-label=\"Ladder diagram, scrolls sideways\"><svg viewBox=\"0 0 1180 ");
    it_html_dec(out, bottom);
    it_str_printf(out, "\" style=\"min-width:1000px\" role=\"group\" aria-label=\"%d rows between %d columns\">",
                  (int)l.n, t->columns);
    columns(out, t, bottom);
    it_str_puts(out, "<text class=\"m s\" x=\"0\" y=\"31\">seconds</text><text class=\"m s\" x=\"94\" y=\"31\" "
                     "text-anchor=\"end\">no.</text>\n");
    for (size_t i = 0; i < l.n; i++)
        row(out, t, &l.v[i], TOP + (int64_t)i * STEP);
    it_str_puts(out, "</svg></section>\n");
    legend(out);
    it_str_puts(out, "<details><summary>The same as text</summary><section class=\"scroll\" tabindex=\"0\" "
                     "aria-label=\"Ladder as text\">"
                     "<table class=\"txt\"><thead><tr><th scope=\"col\">time</th><th scope=\"col\">no.</th><th "
                     "scope=\"col\">way</th>"
                     "<th scope=\"col\">message</th><th scope=\"col\">note</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < l.n; i++)
        table_row(out, t, &l.v[i]);
    it_str_puts(out, "</tbody></table></section></details>\n");
}
