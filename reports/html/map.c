/* The world of a case as a map: near side left, far side right, the internet between them, the servers above it. Boxes
 * that stand beside each other, as behind the interfaces of one host, are drawn below each other. */
#include "reports/html/html.h"

#include <stdio.h>
#include <string.h>

/* Tenths of a pixel. */
enum { WIDTH = 5600, TOP = 1080, ROW = 1290, BELOW = 820, MARGIN = 340, SPACE = 60 };

/* Where a node is drawn. */
typedef struct spot {
    bool drawn;
    int depth; /* steps from the hub: negative on the near side, positive on the far one */
    int row;
} spot;

typedef struct map {
    const it_rtrace *t;
    spot at[IT_RTRACE_NODES];
    int stands_for[IT_RTRACE_NODES]; /* a segment's box; any other node itself; -1: a segment of no box */
    int hub;
    int rows, least, most; /* rows in use, depths at the ends */
} map;

static bool is_what(const it_rtrace *t, int i, const char *what)
{
    return strcmp(t->nodes[i].what, what) == 0;
}

/* The box that segment |lan| belongs to: the one at its other end that is no host; -1 when there is none. */
static int box_of_segment(const it_rtrace *t, int lan)
{
    int found = -1;
    for (size_t k = 0; k < t->n_links; k++) {
        const it_rlink *l = &t->links[k];
        int other = l->a == lan ? l->b : l->b == lan ? l->a : -1;
        if (other >= 0 && !is_what(t, other, "host") && !is_what(t, other, "lan") &&
            (found < 0 || t->nodes[other].side != 0))
            found = other;
    }
    return found;
}

/* The two ends of link |k| with segments replaced by their boxes; false when both are the same, or one is unknown. */
static bool ends_of_link(const map *m, size_t k, int *a, int *b)
{
    *a = m->stands_for[m->t->links[k].a];
    *b = m->stands_for[m->t->links[k].b];
    return *a >= 0 && *b >= 0 && *a != *b;
}

/* Gives |to|, a node of |side|, its depth as |from|'s neighbour when that is nearer than what it has. */
static void step_out(map *m, int side, int from, int to)
{
    const it_rnode *n = m->t->nodes;
    bool reached = from == m->hub || (m->at[from].drawn && n[from].side == side);
    if (!reached || n[to].side != side || !n[to].on_way)
        return;
    int depth = m->at[from].depth + side;
    if (!m->at[to].drawn || depth * side < m->at[to].depth * side)
        m->at[to] = (spot){true, depth, 0};
}

/* Gives every node of |side| its depth: steps from the hub over boxes of that side. */
static void find_depths(map *m, int side)
{
    for (int round = 0; round < m->t->n_nodes; round++)
        for (size_t k = 0; k < m->t->n_links; k++) {
            int a, b;
            if (!ends_of_link(m, k, &a, &b))
                continue;
            step_out(m, side, a, b);
            step_out(m, side, b, a);
        }
}

/* How far the map reaches on both sides. */
static void find_span(map *m)
{
    for (int i = 0; i < m->t->n_nodes; i++) {
        int depth = m->at[i].depth;
        if (depth < m->least)
            m->least = depth;
        if (depth > m->most)
            m->most = depth;
    }
}

/* Hosts stand at the ends, however short one of their ways is. */
static void put_hosts_outside(map *m)
{
    for (int i = 0; i < m->t->n_nodes; i++) {
        if (m->at[i].depth && is_what(m->t, i, "host"))
            m->at[i].depth = m->at[i].depth < 0 ? m->least : m->most;
    }
}

/* Gives nodes of one depth a row each. */
static void find_rows(map *m)
{
    for (int i = 0; i < m->t->n_nodes; i++) {
        if (!m->at[i].drawn || i == m->hub)
            continue;
        for (int k = 0; k < i; k++)
            m->at[i].row += m->at[k].drawn && k != m->hub && m->at[k].depth == m->at[i].depth;
        if (m->at[i].row + 1 > m->rows)
            m->rows = m->at[i].row + 1;
    }
}

static void map_init(map *m, const it_rtrace *t)
{
    memset(m, 0, sizeof *m);
    m->t = t;
    m->hub = -1;
    m->rows = 1;
    for (int i = 0; i < t->n_nodes; i++) {
        m->stands_for[i] = is_what(t, i, "lan") ? box_of_segment(t, i) : i;
        if (t->nodes[i].on_way && is_what(t, i, "router") && t->nodes[i].side == 0)
            m->hub = i;
    }
    if (m->hub < 0)
        return;
    m->at[m->hub].drawn = true;
    find_depths(m, -1);
    find_depths(m, 1);
    find_span(m);
    put_hosts_outside(m);
    find_rows(m);
}

static int64_t x_of(const map *m, int i)
{
    int span = m->most - m->least;
    return MARGIN + (span ? (int64_t)(WIDTH - 2 * MARGIN) * (m->at[i].depth - m->least) / span : 0);
}

/* A column with fewer nodes than rows stands in the middle. */
static int64_t y_of(const map *m, int i)
{
    int n = 0;
    for (int k = 0; k < m->t->n_nodes; k++)
        n += m->at[k].drawn && m->at[k].depth == m->at[i].depth && (k == m->hub) == (i == m->hub);
    return TOP + (int64_t)ROW * m->at[i].row + (int64_t)ROW * (m->rows - n) / 2;
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

static void draw_router(it_str *out, const it_rnode *n, int64_t x, int64_t y)
{
    num(out, "<ellipse cx=\"", x);
    num(out, "\" cy=\"", y);
    it_str_puts(out, "\" rx=\"36\" ry=\"19\" style=\"fill:var(--bg)\" class=\"ax\" stroke-width=\"1.5\"/>");
    words(out, x, y + 40, "m", n->name);
}

/* What a box is: "nat EIM/APDF", "firewall APDF". */
static void draw_class(it_str *out, const it_rnode *n, int64_t x, int64_t y)
{
    char text[40];
    snprintf(text, sizeof text, "%s%s%s", n->what, *n->class ? " " : "", n->class);
    words(out, x, y, "m s", text);
}

/* |room|: how wide its texts may be. */
static void draw_node(it_str *out, const it_rnode *n, int64_t x, int64_t y, int64_t room)
{
    int64_t line = y + 400;
    if (strcmp(n->what, "host") == 0) {
        num(out, "<circle cx=\"", x);
        num(out, "\" cy=\"", y);
        it_str_puts(out, "\" r=\"15\" fill=\"var(--bg)\" stroke=\"var(--ink)\" stroke-width=\"1.6\"/>");
    } else {
        num(out, "<rect x=\"", x - 150);
        num(out, "\" y=\"", y - 220);
        it_str_puts(out, "\" width=\"30\" height=\"44\" fill=\"var(--bg)\" stroke=\"var(--ink)\" "
                         "stroke-width=\"1.6\"/>");
        num(out, "<path class=\"ax\" d=\"M", x - 150);
        num(out, " ", y);
        it_str_puts(out, "h30\"/>");
        draw_class(out, n, x, y - 300);
    }
    words(out, x, line, "b", n->name);
    if (*n->profile)
        it_html_fit(out, x, line += 130, room, n->profile);
    int shown = strcmp(n->what, "host") == 0 ? IT_RTRACE_ADDRS : 1;
    for (int k = 0; k < shown && *n->addr[k]; k++)
        words(out, x, line += 130, "m s", n->addr[k]);
}

/* How wide the texts of a node may be, so that those beside it have room. */
static int64_t room_of(const map *m)
{
    int span = m->most - m->least;
    return span ? (WIDTH - 2 * MARGIN) / span - SPACE : WIDTH;
}

/* A line for each pair of nodes that a wire joins. */
static void draw_wires(const map *m, it_str *out)
{
    for (size_t k = 0; k < m->t->n_links; k++) {
        int a, b;
        if (!ends_of_link(m, k, &a, &b) || !m->at[a].drawn || !m->at[b].drawn)
            continue;
        num(out, "<path class=\"ax\" stroke-width=\"1.5\" d=\"M", x_of(m, a));
        num(out, " ", y_of(m, a));
        num(out, "L", x_of(m, b));
        num(out, " ", y_of(m, b));
        it_str_puts(out, "\"/>");
    }
}

static bool is_server(const it_rtrace *t, int i)
{
    return !t->nodes[i].on_way && is_what(t, i, "host");
}

/* The servers in a row at the top, each joined to the internet. */
static void draw_servers(const map *m, it_str *out)
{
    int count = 0, k = 0;
    int64_t middle = x_of(m, m->hub), below = y_of(m, m->hub) - 180;
    for (int i = 0; i < m->t->n_nodes; i++)
        count += is_server(m->t, i);
    for (int i = 0; i < m->t->n_nodes; i++) {
        if (!is_server(m->t, i))
            continue;
        int64_t x = middle + ((int64_t)k++ * 2 - count + 1) * 420;
        num(out, "<path class=\"ax\" d=\"M", x);
        num(out, " 46L", middle);
        num(out, " ", below);
        num(out, "\"/><rect x=\"", x - 370);
        it_str_puts(out, "\" y=\"16\" width=\"74\" height=\"30\" fill=\"var(--bg)\" class=\"ax\"/>");
        words(out, x, 290, "b", m->t->nodes[i].name);
        words(out, x, 410, "m s", m->t->nodes[i].addr[0]);
    }
}

/* The names from left to right, for who does not see the drawing. */
static void say_names(const map *m, it_str *out)
{
    for (int depth = m->least; depth <= m->most; depth++)
        for (int i = 0; i < m->t->n_nodes; i++)
            if (m->at[i].drawn && m->at[i].depth == depth) {
                it_str_putc(out, ' ');
                it_html_text(out, m->t->nodes[i].name);
            }
}

void it_html_map(it_str *out, const it_rtrace *t)
{
    map m;
    map_init(&m, t);
    if (m.hub < 0 || m.least == m.most)
        return;
    it_str_puts(out,
                "<section class=\"scroll\" tabindex=\"0\" aria-label=\"The world, a map\"><svg viewBox=\"0 0 560 ");
    it_html_dec(out, TOP + (int64_t)(m.rows - 1) * ROW + BELOW);
    it_str_puts(out, "\" width=\"560\" style=\"min-width:520px\" role=\"img\" aria-label=\"From left to right:");
    say_names(&m, out);
    it_str_puts(out, "\">");
    draw_wires(&m, out);
    draw_servers(&m, out);
    for (int i = 0; i < t->n_nodes; i++)
        if (m.at[i].drawn && is_what(t, i, "router"))
            draw_router(out, &t->nodes[i], x_of(&m, i), y_of(&m, i));
        else if (m.at[i].drawn)
            draw_node(out, &t->nodes[i], x_of(&m, i), y_of(&m, i), room_of(&m));
    it_str_puts(out, "</svg></section>\n");
}
