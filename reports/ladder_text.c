/* A trace as a ladder diagram in text: a column for every host and box, a row for every packet from where it began to where it ended.
 *
 *      t/ms  alice               alice-gw            stun
 *     0.000    |--Binding request->|------------------>|
 *    50.000    |--Binding request->x                    x alice-gw-lan: nobody has the address (RFC 1812 section 4.3.3.1)
 *
 * Rows stand in the order the packets began. Packets of one kind that follow each other and all arrive are drawn once and counted.
 * It knows nothing of the world but the trace: who stands beside whom comes from the ways packets took. */
#include "reports/report.h"

#include "reports/lines.h"
#include "reports/results.h"

#include <inttypes.h>
#include <string.h>

#define NODES_MAX 64
#define PACKETS_MAX 50000000 /* numbers beyond this are no packets of ours */
#define LEFT 14              /* of the first lifeline */
#define STEP 20              /* between two */
#define WIDTH_MAX (LEFT + STEP * NODES_MAX)

typedef struct node {
    char name[48];
    int outer;   /* the box that what it sends comes to first, -1 unknown */
    int column;  /* -1: not drawn */
    bool origin; /* packets begin here */
    bool met;    /* packets come here */
} node;

/* A packet on its way, by number. */
typedef struct way {
    int row;    /* 1 + the row that shows it, 0: none yet */
    int16_t at; /* the node it came from */
    int16_t here; /* the node it has come to and not left, -1 none */
    bool over;  /* it has crossed the internet */
} way;

enum row_kind { PACKET, SIGNAL, EVENT };

typedef struct row {
    enum row_kind kind;
    int64_t t;
    int from, to;   /* nodes; |from| -1: nobody's event */
    bool dropped;
    int again;      /* further packets like it, counted here */
    bool hidden;    /* counted in another row */
    char label[64];
    char *text;     /* the drop's reason or the event's words; NULL none */
} row;

typedef struct ladder {
    it_alloc *alloc;
    node nodes[NODES_MAX];
    int n_nodes, internet;
    row *rows;
    size_t n_rows, cap_rows;
    way *ways;
    size_t n_ways, cap_ways;
    int column[NODES_MAX]; /* column -> node */
    int n_columns;
} ladder;

/* --- reading --- */

/* The number of the node called |name|, made when it is new; -1 when there are too many. */
static int node_of(ladder *l, const char *name)
{
    for (int i = 0; i < l->n_nodes; i++)
        if (strcmp(l->nodes[i].name, name) == 0)
            return i;
    if (l->n_nodes == NODES_MAX || !*name)
        return -1;
    node *n = &l->nodes[l->n_nodes];
    *n = (node){.outer = -1, .column = -1};
    snprintf(n->name, sizeof n->name, "%s", name);
    if (strcmp(name, "internet") == 0)
        l->internet = l->n_nodes;
    return l->n_nodes++;
}

static row *add_row(ladder *l, enum row_kind kind, int64_t t, int from)
{
    if (it_grow(l->alloc, &l->rows, &l->cap_rows, l->n_rows + 1, sizeof *l->rows) < 0)
        return NULL;
    row *r = &l->rows[l->n_rows++];
    *r = (row){.kind = kind, .t = t, .from = from, .to = from};
    return r;
}

static way *way_of(ladder *l, int64_t id)
{
    if (id < 0 || id > PACKETS_MAX)
        return NULL;
    size_t i = (size_t)id;
    if (i >= l->n_ways) {
        if (it_grow(l->alloc, &l->ways, &l->cap_ways, i + 1, sizeof *l->ways) < 0)
            return NULL;
        for (; l->n_ways <= i; l->n_ways++)
            l->ways[l->n_ways] = (way){0, -1, -1, false};
    }
    return &l->ways[i];
}

/* A packet leaves node |n|. */
static int sent(ladder *l, way *w, int n, int64_t t, const json_t *o)
{
    if (!w->row) {
        row *r = add_row(l, PACKET, t, n);
        if (!r)
            return IT_ERR_NOMEM;
        snprintf(r->label, sizeof r->label, "%s", *it_results_str(o, "label") ? it_results_str(o, "label") : "packet");
        w->row = (int)l->n_rows;
        l->nodes[n].origin = true;
    } else if (w->here == n && w->at >= 0 && !w->over && l->nodes[w->at].outer < 0 && w->at != n) {
        l->nodes[w->at].outer = n; /* it passes packets on: a box */
    }
    w->over = w->over || n == l->internet;
    w->at = (int16_t)n;
    w->here = -1;
    return 0;
}

static int dropped(ladder *l, way *w, int n, int64_t t, const json_t *o)
{
    char text[400];
    const char *rfc = it_results_str(o, "rfc"), *note = it_results_str(o, "note");
    if (!w->row && sent(l, w, n, t, o) < 0)
        return IT_ERR_NOMEM;
    row *r = &l->rows[w->row - 1];
    snprintf(text, sizeof text, "%s: %s%s%s%s%s%s", it_results_str(o, "node"), it_results_str(o, "rule"), *rfc ? " (" : "", rfc, *rfc ? ")" : "",
             *note ? ", " : "", note);
    it_free(l->alloc, r->text);
    r->text = it_strdup(l->alloc, text);
    r->dropped = true;
    r->to = n;
    return r->text ? 0 : IT_ERR_NOMEM;
}

static int take_packet(ladder *l, const json_t *o, int n, int64_t t, const char *kind)
{
    way *w = way_of(l, json_integer_value(json_object_get(o, "packet")));
    l->nodes[n].met = true;
    if (!w)
        return json_is_integer(json_object_get(o, "packet")) ? IT_ERR_NOMEM : 0;
    if (strcmp(kind, "send") == 0)
        return sent(l, w, n, t, o);
    if (strcmp(kind, "drop") == 0)
        return dropped(l, w, n, t, o);
    if (w->row) {
        l->rows[w->row - 1].to = n;
        w->here = (int16_t)n;
    }
    return 0;
}

/* A folded row of packets: at the host that sent it, where it came to, or where it was dropped. */
static int take_run(ladder *l, const json_t *o, int n, int64_t t)
{
    way *w = way_of(l, json_integer_value(json_object_get(o, "packet")));
    int rc = w ? take_packet(l, o, n, t, it_results_str(o, "what")) : 0;
    if (w && rc == 0 && w->row && strcmp(it_results_str(o, "what"), "send") == 0)
        l->rows[w->row - 1].again = (int)json_integer_value(json_object_get(o, "packets")) - 1;
    return rc;
}

/* A message of a carrier from one host to another. */
static int take_signal(ladder *l, const json_t *o, int n, int64_t t)
{
    int peer = node_of(l, it_results_str(o, "peer"));
    row *r = add_row(l, SIGNAL, t, n);
    if (!r)
        return IT_ERR_NOMEM;
    r->to = peer < 0 ? n : peer;
    l->nodes[n].origin = l->nodes[r->to].origin = true;
    snprintf(r->label, sizeof r->label, "signal");
    return 0;
}

/* Things apps and the scenario do. */
static int take_event(ladder *l, const json_t *o, int n, int64_t t, const char *kind)
{
    static const char *const NOT_DRAWN[] = {"addr", "node", "link", "note", "message", "signaled"};
    char text[400];
    for (size_t i = 0; i < sizeof NOT_DRAWN / sizeof *NOT_DRAWN; i++)
        if (strcmp(kind, NOT_DRAWN[i]) == 0)
            return 0;
    row *r = add_row(l, EVENT, t, n);
    if (!r)
        return IT_ERR_NOMEM;
    snprintf(text, sizeof text, "%s: %s", kind, it_results_str(o, "text"));
    r->text = it_strdup(l->alloc, text);
    return r->text ? 0 : IT_ERR_NOMEM;
}

static int take_line(void *self, json_t *o)
{
    ladder *l = self;
    const char *kind = it_results_str(o, "kind"), *name = it_results_str(o, "node");
    int64_t t = json_integer_value(json_object_get(o, "t_ns"));
    int n = node_of(l, name);
    if (n < 0 && *name)
        return 0; /* a node too many: not drawn */
    if (n >= 0 && (strcmp(kind, "send") == 0 || strcmp(kind, "recv") == 0 || strcmp(kind, "drop") == 0))
        return take_packet(l, o, n, t, kind);
    if (n >= 0 && strcmp(kind, "run") == 0)
        return take_run(l, o, n, t);
    if (n >= 0 && strcmp(kind, "signal") == 0)
        return take_signal(l, o, n, t);
    return take_event(l, o, n, t, kind);
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

static void place(ladder *l, int n)
{
    if (n < 0 || n == l->internet || l->nodes[n].column >= 0)
        return;
    l->nodes[n].column = l->n_columns;
    l->column[l->n_columns++] = n;
}

static bool is_box(const ladder *l, int n)
{
    for (int i = 0; i < l->n_nodes; i++)
        if (l->nodes[i].outer == n)
            return true;
    return false;
}

/* Host |n| and its boxes; outwards, or from outside in. */
static void place_chain(ladder *l, int n, bool outwards)
{
    int chain[NODES_MAX], k = 0;
    for (int at = n; at >= 0 && at != l->internet && k < NODES_MAX; at = l->nodes[at].outer)
        chain[k++] = at;
    for (int i = 0; i < k; i++)
        place(l, outwards ? chain[i] : chain[k - 1 - i]);
}

/* The first host and its boxes at the left, servers in the middle, the other hosts behind their boxes at the right. */
static void lay_out(ladder *l)
{
    int first = -1;
    for (int i = 0; i < l->n_nodes && first < 0; i++)
        if (l->nodes[i].origin && !is_box(l, i) && !is_server(l->nodes[i].name) && i != l->internet)
            first = i;
    if (first >= 0)
        place_chain(l, first, true);
    for (int i = 0; i < l->n_nodes; i++)
        if (is_server(l->nodes[i].name) && l->nodes[i].met)
            place(l, i);
    for (int i = 0; i < l->n_nodes; i++)
        if (l->nodes[i].origin && !is_box(l, i) && !is_server(l->nodes[i].name))
            place_chain(l, i, false);
    for (int i = 0; i < l->n_nodes; i++)
        if (is_box(l, i))
            place(l, i);
}

/* --- counting what repeats --- */

static bool alike(const row *a, const row *b)
{
    bool same = a->from == b->from && a->to == b->to, back = a->from == b->to && a->to == b->from;
    return a->kind == PACKET && b->kind == PACKET && !a->dropped && !b->dropped && (same || back) && strcmp(a->label, b->label) == 0;
}

/* Counts packets like one before them in that one's row; one row each way stays. Anything else between them starts anew. */
static void count_repeats(ladder *l)
{
    size_t start = 0;
    for (size_t i = 0; i < l->n_rows; i++) {
        row *r = &l->rows[i];
        if (!alike(&l->rows[start], r)) {
            start = i;
            continue;
        }
        for (size_t k = start; k < i; k++)
            if (!l->rows[k].hidden && l->rows[k].from == r->from) {
                l->rows[k].again++;
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
    fputs(tail && *tail ? "   " : "", out);
    for (const unsigned char *p = (const unsigned char *)(tail ? tail : ""); *p; p++)
        fputc(*p < 0x20 || *p == 0x7f ? '?' : *p, out);
    fputc('\n', out);
}

/* An arrow from column |a| to |b| with the label behind its first lifeline. */
static void arrow(char *line, int a, int b, char dash, bool dropped, const char *label)
{
    int x = x_of(a), y = x_of(b), step = a < b ? 1 : -1;
    for (int i = x + step; i != y; i += step)
        if (line[i] != '|')
            line[i] = dash;
        else
            line[i - step] = step > 0 ? '>' : '<';
    line[y - step] = dropped ? 'x' : step > 0 ? '>' : '<';
    int at = step > 0 ? x + 3 : x - STEP + 3, room = STEP - 4;
    for (int i = 0; i < room && label[i]; i++)
        line[at + i] = label[i];
}

static void draw_packet(const ladder *l, const row *r, FILE *out)
{
    char line[WIDTH_MAX], tail[520] = "";
    int a = l->nodes[r->from].column, b = l->nodes[r->to].column;
    lifelines(l, line);
    if (a < 0)
        return; /* begun by something that is not drawn */
    if (r->dropped)
        snprintf(tail, sizeof tail, "x %s", r->text);
    else if (r->again)
        snprintf(tail, sizeof tail, "and %d more like it", r->again);
    if (b >= 0 && a != b) {
        arrow(line, a, b, r->kind == SIGNAL ? '~' : '-', r->dropped, r->label);
    } else { /* lost on a wire or in a segment: half an arrow, towards the other columns */
        int step = a == l->n_columns - 1 && a > 0 ? -1 : 1;
        char half[STEP + 1];
        snprintf(half, sizeof half, "%-.*s", STEP - 4, r->label);
        size_t n = strlen(half);
        int at = x_of(a) + (step > 0 ? 3 : -(int)n - 3);
        line[x_of(a) + step] = line[x_of(a) + 2 * step] = '-';
        memcpy(line + at, half, n);
        int head = step > 0 ? at + (int)n : at - 1;
        line[head] = r->dropped ? 'x' : '-';
    }
    put_row_text(out, line, r->t, tail);
}

static void draw_event(const ladder *l, const row *r, FILE *out)
{
    char line[WIDTH_MAX], text[500];
    lifelines(l, line);
    int c = r->from >= 0 ? l->nodes[r->from].column : -1;
    if (c >= 0)
        line[x_of(c)] = '*';
    snprintf(text, sizeof text, "%s %s", c >= 0 ? "*" : "=", r->text);
    put_row_text(out, line, r->t, text);
}

static void draw(const ladder *l, FILE *out)
{
    fprintf(out, "%11s", "t/ms");
    for (int i = 0, at = 11; i < l->n_columns; i++) {
        const char *name = l->nodes[l->column[i]].name;
        int n = (int)strnlen(name, STEP - 2), x = x_of(i) - n / 2;
        fprintf(out, "%*s%.*s", x > at ? x - at : 1, "", n, name);
        at = (x > at ? x : at + 1) + n;
    }
    fputc('\n', out);
    for (size_t i = 0; i < l->n_rows; i++) {
        const row *r = &l->rows[i];
        if (r->hidden)
            continue;
        if (r->kind != EVENT)
            draw_packet(l, r, out);
        else
            draw_event(l, r, out);
    }
}

int it_ladder_text(it_alloc *alloc, const char *path, FILE *out, char err[512])
{
    ladder *l = it_calloc(alloc, 1, sizeof *l);
    if (!l) {
        snprintf(err, 512, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    l->alloc = alloc;
    l->internet = -1;
    int rc = it_lines_read(&(it_lines){.what = "a trace", .self = l, .take = take_line}, path, err);
    if (rc == 0) {
        lay_out(l);
        count_repeats(l);
        draw(l, out);
    }
    for (size_t i = 0; i < l->n_rows; i++)
        it_free(alloc, l->rows[i].text);
    it_free(alloc, l->rows);
    it_free(alloc, l->ways);
    it_free(alloc, l);
    return rc;
}
