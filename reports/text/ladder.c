/* A trace as a ladder diagram in text: a column for every host and box, a row for every packet from where it began to
 * where it ended.
 *
 *      t/ms  alice               alice-gw            stun
 *     0.000    |--Binding request->|------------------>|
 *    50.000    |--Binding request->x                    x alice-gw-lan: nobody has the address (RFC 1812
 * section 4.3.3.1)
 *
 * Rows stand in the order the packets began, rows of voice where the first of them arrived. Packets of one kind that
 * follow each other and all arrive are drawn once and counted. */
#include "reports/text/text.h"

#include "reports/read/trace.h"

#include <inttypes.h>
#include <string.h>

#define LEFT 14 /* of the first lifeline */
#define STEP 20 /* between two */
#define WIDTH_MAX (LEFT + STEP * IT_RTRACE_NODES)

typedef struct row {
    const it_rmsg *m;
    uint64_t again; /* further packets like it, counted here */
    bool hidden;    /* counted in another row */
} row;

typedef struct ladder {
    it_rtrace t;
    row *rows;
    size_t n;
    bool met[IT_RTRACE_NODES];   /* something begins or ends here */
    int column[IT_RTRACE_NODES]; /* of a node, -1: not drawn */
    int node[IT_RTRACE_NODES];   /* of a column */
    int n_columns;
} ladder;

static bool is_packet(const it_rmsg *m)
{
    return m->kind == IT_RT_PACKET || m->kind == IT_RT_VOICE;
}

/* Everything is drawn but what apps say to each other. */
static int make_rows(ladder *l, it_alloc *alloc)
{
    l->rows = it_calloc(alloc, l->t.n + 1, sizeof *l->rows);
    for (size_t i = 0; i < l->t.n && l->rows; i++) {
        const it_rmsg *m = &l->t.v[i];
        bool event = m->kind == IT_RT_EVENT || m->kind == IT_RT_FAULT;
        if (event ? strcmp(m->label, "message") == 0 : m->from < 0)
            continue;
        l->rows[l->n++] = (row){m, m->n - 1, false};
        if (!event)
            l->met[m->from] = l->met[m->to < 0 ? m->from : m->to] = true;
    }
    return l->rows ? 0 : IT_ERR_NOMEM;
}

/* --- columns --- */

static bool is_server(const char *name)
{
    static const char *const SERVERS[] = {"signal", "stun", "turn", "relay", "rendezvous", "checkrelay"};
    for (size_t i = 0; i < sizeof SERVERS / sizeof *SERVERS; i++)
        if (strcmp(name, SERVERS[i]) == 0)
            return true;
    return false;
}

static void ladder_place(ladder *l, int n)
{
    if (l->column[n] >= 0)
        return;
    l->column[n] = l->n_columns;
    l->node[l->n_columns++] = n;
}

/* The nodes on the way at one side, from left to right. */
static void place_side(ladder *l, int side)
{
    for (int c = 0; c < l->t.columns; c++)
        for (int i = 0; i < l->t.n_nodes; i++)
            if (l->t.nodes[i].on_way && l->t.nodes[i].side == side && l->t.nodes[i].column == c)
                ladder_place(l, i);
}

/* Whatever else begins or ends packets, but the internet and segments: a third host and its boxes. */
static void place_others(ladder *l, bool servers)
{
    for (int i = 0; i < l->t.n_nodes; i++) {
        const it_rnode *n = &l->t.nodes[i];
        if (l->met[i] && n->side == 0 && strcmp(n->what, "lan") != 0 && strcmp(n->what, "router") != 0 &&
            is_server(n->name) == servers)
            ladder_place(l, i);
    }
}

/* One host and its boxes at the left, servers in the middle, the other host behind its boxes at the right, then all
 * others. */
static void lay_out(ladder *l)
{
    for (int i = 0; i < IT_RTRACE_NODES; i++)
        l->column[i] = -1;
    place_side(l, -1);
    place_others(l, true);
    place_side(l, 1);
    place_others(l, false);
}

/* --- counting what repeats --- */

static bool alike(const it_rmsg *a, const it_rmsg *b)
{
    bool same = a->from == b->from && a->to == b->to, back = a->from == b->to && a->to == b->from;
    return is_packet(a) && is_packet(b) && !a->dropped && !b->dropped && (same || back) &&
           strcmp(a->label, b->label) == 0;
}

/* Counts packets like one before them in that one's row; one row each way stays. Anything else between them starts
 * anew. */
static void count_repeats(ladder *l)
{
    size_t start = 0;
    for (size_t i = 0; i < l->n; i++) {
        row *r = &l->rows[i];
        if (!alike(l->rows[start].m, r->m)) {
            start = i;
            continue;
        }
        for (size_t k = start; k < i; k++)
            if (!l->rows[k].hidden && l->rows[k].m->from == r->m->from) {
                l->rows[k].again += r->m->n;
                r->hidden = true;
                break;
            }
    }
}

/* --- drawing --- */

static int x_of(int column)
{
    return LEFT + STEP * column;
}

/* What a trace says does not reach the terminal as anything but text. */
static char plain(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

static void lifelines(const ladder *l, char *line)
{
    memset(line, ' ', WIDTH_MAX);
    for (int i = 0; i < l->n_columns; i++)
        line[x_of(i)] = '|';
}

static void put_row_text(FILE *out, char *line, int64_t t, const char *tail)
{
    int end = WIDTH_MAX;
    while (end > 0 && line[end - 1] == ' ')
        end--;
    char time[24];
    int n = snprintf(time, sizeof time, "%7" PRId64 ".%03" PRId64, t / 1000000, t / 1000 % 1000);
    memcpy(line, time, (size_t)(n < LEFT ? n : LEFT - 1));
    fwrite(line, 1, (size_t)end, out);
    fputs(*tail ? "   " : "", out);
    for (const char *p = tail; *p; p++)
        fputc(plain(*p), out);
    fputc('\n', out);
}

/* Dashes from column |a| to |b| but over lifelines, and heads where a node on the way saw |m|. */
static void shaft(const ladder *l, char *line, const it_rmsg *m, int a, int b)
{
    int y = x_of(b), step = a < b ? 1 : -1;
    char dash = m->kind == IT_RT_SIGNAL ? '~' : '-', head = step > 0 ? '>' : '<';
    for (int i = x_of(a) + step; i != y; i += step)
        if (line[i] != '|')
            line[i] = dash;
    for (int c = a + step; c != b; c += step)
        if (m->touched >> l->node[c] & 1)
            line[x_of(c) - step] = head;
    line[y - step] = m->dropped ? 'x' : head;
}

/* An arrow of |m| from column |a| to |b| with the label behind its first lifeline. A lifeline on the way gets a head
 * only when that node saw the packet. */
static void arrow(const ladder *l, char *line, const it_rmsg *m, int a, int b, const char *label)
{
    int at = a < b ? x_of(a) + 3 : x_of(a) - STEP + 3, room = STEP - 4;
    shaft(l, line, m, a, b);
    for (int i = 0; i < room && label[i]; i++)
        line[at + i] = plain(label[i]);
}

/* Half an arrow from column |a|, towards the other columns: lost on a wire or in a segment. */
static void half_arrow(const ladder *l, char *line, int a, bool dropped, const char *label)
{
    int step = a == l->n_columns - 1 && a > 0 ? -1 : 1;
    char half[STEP + 1];
    snprintf(half, sizeof half, "%-.*s", STEP - 4, label);
    size_t n = strlen(half);
    int at = x_of(a) + (step > 0 ? 3 : -(int)n - 3);
    line[x_of(a) + step] = line[x_of(a) + 2 * step] = '-';
    for (size_t i = 0; i < n; i++)
        line[at + (int)i] = plain(half[i]);
    line[step > 0 ? at + (int)n : at - 1] = dropped ? 'x' : '-';
}

/* The column farthest from |a| that saw |m|, which ends at a node without one; |a|: no other did. */
static int reached(const ladder *l, const it_rmsg *m, int a)
{
    int best = a, far = 0;
    for (int c = 0; c < l->n_columns; c++) {
        int off = c < a ? a - c : c - a;
        if ((m->touched >> l->node[c] & 1) && off > far) {
            far = off;
            best = c;
        }
    }
    return best;
}

/* An arrow of |m| from column |a| to |b|, the last one that saw it, and a bit beyond, where it ends. */
static void arrow_beyond(const ladder *l, char *line, const it_rmsg *m, int a, int b, const char *label)
{
    it_rmsg seen = *m;
    int step = a < b ? 1 : -1;
    seen.dropped = false;
    arrow(l, line, &seen, a, b, label);
    line[x_of(b) + step] = line[x_of(b) + 2 * step] = '-';
    line[x_of(b) + 3 * step] = m->dropped ? 'x' : '-';
}

/* "x box: rule (RFC section), note"; returns how long it is. */
static size_t drop_of(const ladder *l, const it_rmsg *m, char *out, size_t cap)
{
    const char *box = m->to >= 0 ? l->t.nodes[m->to].name : "";
    const char *open = *m->rfc ? " (" : "", *close = *m->rfc ? ")" : "", *comma = *m->note ? ", " : "";
    return (size_t)snprintf(out, cap, "x %s: %s%s%s%s%s%s", box, m->rule, open, m->rfc, close, comma, m->note);
}

/* What |r| was dropped for, "and 7 more like it". */
static void tail_of(const ladder *l, const row *r, char *out, size_t cap)
{
    const it_rmsg *m = r->m;
    size_t n = 0;
    *out = '\0';
    if (m->kind == IT_RT_SIGNAL && m->dropped)
        snprintf(out, cap, "x it never arrives");
    else if (m->dropped)
        n = drop_of(l, m, out, cap);
    if (r->again && n < cap)
        snprintf(out + n, cap - n, "%sand %" PRIu64 " more like it", n ? ", " : "", r->again);
}

static void draw_packet(const ladder *l, const row *r, FILE *out)
{
    char line[WIDTH_MAX], tail[1200];
    const it_rmsg *m = r->m;
    int a = l->column[m->from], b = m->to >= 0 ? l->column[m->to] : -1;
    const char *label = m->kind == IT_RT_SIGNAL ? "signal" : m->label;
    if (a < 0)
        return; /* begun by something that is not drawn */
    lifelines(l, line);
    tail_of(l, r, tail, sizeof tail);
    if (b >= 0 && a != b)
        arrow(l, line, m, a, b, label);
    else if (b < 0 && reached(l, m, a) != a)
        arrow_beyond(l, line, m, a, reached(l, m, a), label);
    else
        half_arrow(l, line, a, m->dropped, label);
    put_row_text(out, line, m->t, tail);
}

static void draw_event(const ladder *l, const it_rmsg *m, FILE *out)
{
    char line[WIDTH_MAX], text[500];
    lifelines(l, line);
    int c = m->from >= 0 ? l->column[m->from] : -1;
    if (c >= 0)
        line[x_of(c)] = '*';
    snprintf(text, sizeof text, "%s %s: %s", c >= 0 ? "*" : "=", m->kind == IT_RT_FAULT ? "fault" : m->label, m->text);
    put_row_text(out, line, m->t, text);
}

static void ladder_draw(const ladder *l, FILE *out)
{
    fprintf(out, "%11s", "t/ms");
    for (int i = 0, at = 11; i < l->n_columns; i++) {
        const char *name = l->t.nodes[l->node[i]].name;
        int n = (int)strnlen(name, STEP - 2), x = x_of(i) - n / 2;
        fprintf(out, "%*s", x > at ? x - at : 1, "");
        for (int k = 0; k < n; k++)
            fputc(plain(name[k]), out);
        at = (x > at ? x : at + 1) + n;
    }
    fputc('\n', out);
    for (size_t i = 0; i < l->n; i++) {
        const row *r = &l->rows[i];
        if (r->m->kind == IT_RT_EVENT || r->m->kind == IT_RT_FAULT)
            draw_event(l, r->m, out);
        else if (!r->hidden)
            draw_packet(l, r, out);
    }
}

int it_ladder_text(it_alloc *alloc, const char *path, FILE *out, char err[512])
{
    static const char *const ENDS[2] = {"", ""};
    ladder *l = it_calloc(alloc, 1, sizeof *l);
    int rc = l ? it_rtrace_read(&l->t, alloc, path, ENDS, err) : IT_ERR_NOMEM;
    if (rc == 0)
        rc = make_rows(l, alloc);
    if (rc == 0) {
        lay_out(l);
        count_repeats(l);
        ladder_draw(l, out);
    } else if (rc == IT_ERR_NOMEM) {
        snprintf(err, 512, "%s", it_err_str(rc));
    }
    if (l) {
        it_free(alloc, l->rows);
        it_rtrace_fini(&l->t);
    }
    it_free(alloc, l);
    return rc;
}
