/* The trace writer. */
#include "netsim/see/trace.h"

#include "netsim/core/link.h"

#include <stdio.h>
#include <string.h>

#define FOLDS_MAX 2
#define RUNS_MAX 48           /* flows folded at a time; what finds no place is written singly */
#define RUN_GAP (100 * IT_MS) /* silence that ends a run */

/* An unbroken row of like packets. It outlives the world it was seen in. */
typedef struct run {
    char node[IT_NAME_MAX], port_name[IT_NAME_MAX];
    uint32_t index; /* of the node */
    enum it_seen kind;
    enum it_drop reason;
    int port, label; /* which of those that are folded */
    it_addr src, dst;
    it_time first, last;
    uint64_t first_id, last_id;
    uint64_t n, bytes;
} run;

/* What is known of a box beside what its node tells. */
typedef struct box {
    char node[IT_NAME_MAX], profile[IT_NAME_MAX], class[IT_NAME_MAX];
} box;

struct it_trace {
    it_alloc *alloc;
    it_str out;
    int64_t seq;
    int64_t fault; /* seq of the fault noted last, -1: none */
    bool begun;
    const it_world *world;
    char fold[FOLDS_MAX][IT_TAP_MAX]; /* labels of packets to be folded */
    int n_folds;
    run runs[RUNS_MAX];
    size_t n_runs;
    box *boxes;
    size_t n_boxes, cap_boxes;
};

it_trace *it_trace_new(it_alloc *alloc)
{
    it_trace *t = it_calloc(alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    t->fault = -1;
    it_str_init(&t->out, alloc);
    return t;
}

void it_trace_free(it_trace *t)
{
    if (!t)
        return;
    it_str_fini(&t->out);
    it_free(t->alloc, t->boxes);
    it_free(t->alloc, t);
}

void it_trace_fold(it_trace *t, const char *label)
{
    size_t n = strnlen(label, sizeof t->fold[0] - 1);
    IT_ASSERT(t->n_folds < FOLDS_MAX);
    memcpy(t->fold[t->n_folds], label, n);
    t->fold[t->n_folds++][n] = '\0';
}

static void start_line(it_trace *t, it_json *j, it_time now, const char *node)
{
    it_json_init(j, &t->out);
    it_json_obj(j, NULL);
    it_json_int(j, "seq", t->seq++);
    it_json_int(j, "t_ns", now);
    it_json_str(j, "node", node);
}

static void trace_finish(it_json *j)
{
    it_json_end_obj(j);
    it_json_newline(j);
}

/* --- the world, once --- */

static void box_fields(const it_trace *t, const char *node, it_json *j)
{
    for (size_t i = 0; i < t->n_boxes; i++) {
        const box *b = &t->boxes[i];
        if (strcmp(b->node, node) != 0)
            continue;
        it_json_str(j, "profile", b->profile);
        if (*b->class)
            it_json_str(j, "class", b->class);
    }
}

static void write_node(it_trace *t, it_time now, const it_node *n)
{
    it_json j;
    start_line(t, &j, now, n->name);
    it_json_str(&j, "kind", "node");
    it_json_str(&j, "what", n->ops->kind);
    box_fields(t, n->name, &j);
    trace_finish(&j);
}

/* Each link once: at its end 0. */
static void write_links(it_trace *t, it_time now, const it_node *n)
{
    for (uint32_t k = 0; k < n->n_ports; k++) {
        int link = it_link_at(n, (int)k), far_port = 0;
        if (link < 0 || n->ports[k].end != 0)
            continue;
        const it_node *far = it_link_end(n->world, link, 1, &far_port);
        it_json j;
        start_line(t, &j, now, n->name);
        it_json_str(&j, "port", n->ports[k].name);
        it_json_str(&j, "kind", "link");
        it_json_str(&j, "peer", far->name);
        it_json_str(&j, "peer_port", far->ports[far_port].name);
        it_json_str(&j, "text", it_link_name(n->world, link));
        trace_finish(&j);
    }
}

static void write_world(it_trace *t, it_time now, const it_world *w)
{
    const it_node *n;
    t->begun = true;
    for (uint32_t i = 0; (n = it_world_node(w, i)); i++)
        write_node(t, now, n);
    for (uint32_t i = 0; (n = it_world_node(w, i)); i++)
        write_links(t, now, n);
}

/* --- packets --- */

static const char *kind_name(enum it_seen kind)
{
    static const char *const KINDS[] = {"recv", "send", "drop", "note"};
    return KINDS[kind];
}

static void drop_fields(it_json *j, enum it_drop reason)
{
    it_json_str(j, "reason", it_drop_key(reason));
    it_json_str(j, "rule", it_drop_rule(reason));
    it_json_str(j, "rfc", it_drop_rfc(reason));
}

static void packet_fields(it_json *j, const it_seen_packet *s)
{
    const it_pkt *p = s->packet;
    char text[IT_ADDR_TEXT];
    it_json_int(j, "packet", (int64_t)p->id);
    it_json_str(j, "src", it_addr_text(it_addr_of(p->src, p->sport), text));
    it_json_str(j, "dst", it_addr_text(it_addr_of(p->dst, p->dport), text));
    it_json_int(j, "proto", p->proto);
    it_json_int(j, "len", p->len);
    it_json_str(j, "label", it_world_label_text(s->node->world, p->label));
    if (p->cause)
        it_json_int(j, "cause", (int64_t)p->cause);
}

static void write_seen(it_trace *t, const it_seen_packet *s)
{
    it_json j;
    start_line(t, &j, s->now, s->node->name);
    if (s->port >= 0)
        it_json_str(&j, "port", s->node->ports[s->port].name);
    it_json_str(&j, "kind", kind_name(s->kind));
    if (s->packet)
        packet_fields(&j, s);
    if (s->kind == IT_SEEN_DROP)
        drop_fields(&j, s->reason);
    if (s->note)
        it_json_str(&j, "note", s->note);
    trace_finish(&j);
}

/* --- runs --- */

static void write_run(it_trace *t, const run *r)
{
    it_json j;
    char text[IT_ADDR_TEXT];
    start_line(t, &j, r->first, r->node);
    if (r->port >= 0)
        it_json_str(&j, "port", r->port_name);
    it_json_str(&j, "kind", "run");
    it_json_str(&j, "what", kind_name(r->kind));
    it_json_int(&j, "last_ns", r->last);
    it_json_int(&j, "packet", (int64_t)r->first_id);
    it_json_int(&j, "last_packet", (int64_t)r->last_id);
    it_json_int(&j, "packets", (int64_t)r->n);
    it_json_int(&j, "bytes", (int64_t)r->bytes);
    it_json_str(&j, "src", it_addr_text(r->src, text));
    it_json_str(&j, "dst", it_addr_text(r->dst, text));
    it_json_str(&j, "label", t->fold[r->label]);
    if (r->kind == IT_SEEN_DROP)
        drop_fields(&j, r->reason);
    trace_finish(&j);
}

static bool continues(const run *r, const it_seen_packet *s, int label)
{
    const it_pkt *p = s->packet;
    return r->label == label && r->index == s->node->index && r->kind == s->kind && r->port == s->port &&
           r->reason == s->reason && r->src.port == p->sport && r->dst.port == p->dport &&
           it_ip_eq(r->src.ip, p->src) && it_ip_eq(r->dst.ip, p->dst);
}

static void begin_run(run *r, const it_seen_packet *s, int label)
{
    const it_pkt *p = s->packet;
    *r = (run){.index = s->node->index,
               .kind = s->kind,
               .reason = s->reason,
               .port = s->port,
               .label = label,
               .first = s->now,
               .first_id = p->id};
    r->src = it_addr_of(p->src, p->sport);
    r->dst = it_addr_of(p->dst, p->dport);
    memcpy(r->node, s->node->name, sizeof r->node);
    if (s->port >= 0)
        memcpy(r->port_name, s->node->ports[s->port].name, sizeof r->port_name);
}

/* Counts |s|, which has folded label |label|, into its run, which it may begin. False when there is no room: the packet
 * is then written like any other.
 */
static bool fold(it_trace *t, const it_seen_packet *s, int label)
{
    const it_pkt *p = s->packet;
    size_t i = 0;
    while (i < t->n_runs && !continues(&t->runs[i], s, label))
        i++;
    run *r = &t->runs[i];
    if (i == t->n_runs) {
        if (t->n_runs == RUNS_MAX)
            return false;
        t->n_runs++;
        r->n = 0;
    } else if (s->now - r->last > RUN_GAP) {
        write_run(t, r);
        r->n = 0;
    }
    if (r->n == 0)
        begin_run(r, s, label);
    r->last = s->now;
    r->last_id = p->id;
    r->n++;
    r->bytes += p->len;
    return true;
}

/* Which of the labels to be folded |s| has; -1: none. */
static int fold_label(const it_trace *t, const it_seen_packet *s)
{
    const char *label = s->packet && t->n_folds ? it_world_label_text(s->node->world, s->packet->label) : "";
    for (int i = 0; i < t->n_folds; i++)
        if (strcmp(label, t->fold[i]) == 0)
            return i;
    return -1;
}

static bool folded(it_trace *t, const it_seen_packet *s)
{
    int label = fold_label(t, s);
    if (label < 0)
        return false;
    /* Between the hosts the way of such a packet is that of its run's first: only ends and drops are counted. */
    if (s->kind != IT_SEEN_DROP && strcmp(s->node->ops->kind, "host") != 0)
        return true;
    return fold(t, s, label);
}

static void trace_see(void *self, const it_seen_packet *s)
{
    it_trace *t = self;
    if (!t->begun)
        write_world(t, s->now, s->node->world);
    if (strcmp(s->node->ops->kind, "lan") == 0 && s->kind != IT_SEEN_DROP)
        return; /* a segment is a wire */
    if (!folded(t, s))
        write_seen(t, s);
}

it_observer it_trace_observer(it_trace *t)
{
    return (it_observer){t, trace_see};
}

/* --- everything else --- */

void it_trace_box(it_trace *t, const char *node, const char *profile, const char *class)
{
    if (it_grow(t->alloc, &t->boxes, &t->cap_boxes, t->n_boxes + 1, sizeof *t->boxes) < 0) {
        t->out.oom = true;
        return;
    }
    box *b = &t->boxes[t->n_boxes++];
    snprintf(b->node, sizeof b->node, "%s", node);
    snprintf(b->profile, sizeof b->profile, "%s", profile);
    snprintf(b->class, sizeof b->class, "%s", class);
}

void it_trace_addr(it_trace *t, it_time now, const char *node, it_ip ip)
{
    it_json j;
    char text[IT_ADDR_TEXT];
    start_line(t, &j, now, node);
    it_json_str(&j, "kind", "addr");
    it_json_str(&j, "text", it_ip_text(ip, text));
    trace_finish(&j);
}

void it_trace_event(it_trace *t, it_time now, const it_trace_note *n)
{
    it_json j;
    int64_t seq = t->seq;
    start_line(t, &j, now, n->node);
    it_json_str(&j, "kind", n->kind);
    if (n->what)
        it_json_str(&j, "what", n->what);
    if (n->peer)
        it_json_str(&j, "peer", n->peer);
    it_json_str(&j, "text", n->text);
    if (n->cause)
        it_json_int(&j, "cause", (int64_t)n->cause);
    if (n->by_fault && t->fault >= 0)
        it_json_int(&j, "fault", t->fault);
    trace_finish(&j);
    if (strcmp(n->kind, "fault") == 0)
        t->fault = seq;
}

it_bytes it_trace_bytes(it_trace *t)
{
    for (size_t i = 0; i < t->n_runs; i++)
        write_run(t, &t->runs[i]);
    t->n_runs = 0;
    return it_bytes_of(t->out.p, t->out.n);
}

bool it_trace_oom(const it_trace *t)
{
    return t->out.oom;
}
