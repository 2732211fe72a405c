/* The world of a case as a map: the chain between the two hosts, the servers above the internet. */
#include "reports/html/html.h"

#include <string.h>

enum { WIDTH = 5600, WIRE = 1080, MARGIN = 340 };

static int64_t place(const it_rtrace *t, int column)
{
    return MARGIN + (t->columns > 1 ? (int64_t)(WIDTH - 2 * MARGIN) * column / (t->columns - 1) : 0);
}

static void num(it_str *out, const char *before, int64_t tenths)
{
    it_str_puts(out, before);
    it_html_dec(out, tenths);
}

static void words(it_str *out, int64_t x, int64_t y, const char *css, const char *text)
{
    it_str_printf(out, "<text class=\"%s\" x=\"", css);
    it_html_dec(out, x);
    num(out, "\" y=\"", y);
    it_str_puts(out, "\" text-anchor=\"middle\">");
    it_html_text(out, text);
    it_str_puts(out, "</text>");
}

static void box(it_str *out, const it_rnode *n, int64_t x)
{
    if (strcmp(n->what, "router") == 0) {
        num(out, "<ellipse cx=\"", x);
        it_str_puts(out, "\" cy=\"108\" rx=\"36\" ry=\"19\" fill=\"var(--bg)\" class=\"ax\" stroke-width=\"1.5\"/>");
        words(out, x, WIRE + 40, "m", n->name);
        return;
    }
    if (strcmp(n->what, "host") == 0) {
        num(out, "<circle cx=\"", x);
        it_str_puts(out, "\" cy=\"108\" r=\"15\" fill=\"var(--bg)\" stroke=\"var(--ink)\" stroke-width=\"1.6\"/>");
    } else {
        num(out, "<rect x=\"", x - 150);
        it_str_puts(
            out,
            "\" y=\"86\" width=\"30\" height=\"44\" fill=\"var(--bg)\" stroke=\"var(--ink)\" stroke-width=\"1.6\"/>");
        num(out, "<path class=\"ax\" d=\"M", x - 150);
        it_str_puts(out, " 108h30\"/>");
        words(out, x, 780, "m s", n->what);
    }
    words(out, x, 1480, "b", n->name);
    words(out, x, 1610, "m s", n->addr);
}

static bool is_server(const it_rtrace *t, int i)
{
    const it_rnode *n = &t->nodes[i];
    return !n->on_way && strcmp(n->what, "host") == 0;
}

static void servers(it_str *out, const it_rtrace *t, int64_t middle)
{
    int count = 0, k = 0;
    for (int i = 0; i < t->n_nodes; i++)
        count += is_server(t, i);
    for (int i = 0; i < t->n_nodes; i++) {
        if (!is_server(t, i))
            continue;
        int64_t x = middle + ((int64_t)k++ * 2 - count + 1) * 420;
        num(out, "<path class=\"ax\" d=\"M", x);
        num(out, " 46L", middle);
        num(out, " 90\"/><rect x=\"", x - 370);
        it_str_puts(out, "\" y=\"16\" width=\"74\" height=\"30\" fill=\"var(--bg)\" class=\"ax\"/>");
        words(out, x, 290, "b", t->nodes[i].name);
        words(out, x, 410, "m s", t->nodes[i].addr);
    }
}

void it_html_map(it_str *out, const it_view_case *c, const it_rtrace *t)
{
    (void)c;
    if (t->columns < 2)
        return;
    it_str_puts(out, "<section class=\"scroll\" tabindex=\"0\" aria-label=\"The world, a map\"><svg viewBox=\"0 0 560 "
                     "176\" width=\"560\" "
                     "style=\"min-width:520px\" role=\"img\" aria-label=\"From left to right:");
    for (int k = 0; k < t->columns; k++)
        for (int i = 0; i < t->n_nodes; i++)
            if (t->nodes[i].on_way && t->nodes[i].column == k) {
                it_str_putc(out, ' ');
                it_html_text(out, t->nodes[i].name);
            }
    num(out, "\"><path class=\"ax\" stroke-width=\"1.5\" d=\"M", place(t, 0));
    num(out, " 108H", place(t, t->columns - 1));
    it_str_puts(out, "\"/>");
    for (int i = 0; i < t->n_nodes; i++)
        if (t->nodes[i].on_way && strcmp(t->nodes[i].what, "router") == 0)
            servers(out, t, place(t, t->nodes[i].column));
    for (int i = 0; i < t->n_nodes; i++)
        if (t->nodes[i].on_way && t->nodes[i].column >= 0)
            box(out, &t->nodes[i], place(t, t->nodes[i].column));
    it_str_puts(out, "</svg></section>\n");
}
