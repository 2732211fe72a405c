/* Reading trace.jsonl. */
#include "reports/read/trace_impl.h"

#include "base/rng.h"
#include "base/time.h"
#include "reports/read/lines.h"
#include "reports/read/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_GAP (100 * IT_MS) /* silence that ends a row of voice */

/* The text, kept once; "" when there is no memory. */
static const char *intern(it_rtrace *t, const char *s)
{
    uint64_t key = it_hash_str(s);
    for (;; key++) {
        uint32_t i = it_map_get(&t->text_map, &key);
        if (i == IT_MAP_NONE)
            break;
        if (strcmp(t->texts[i], s) == 0)
            return t->texts[i];
    }
    char *copy = it_strdup(t->alloc, s);
    if (!copy || it_grow(t->alloc, &t->texts, &t->cap_texts, t->n_texts + 1, sizeof *t->texts) < 0 ||
        it_map_put(&t->text_map, &key, (uint32_t)t->n_texts) < 0) {
        it_free(t->alloc, copy);
        t->oom = true;
        return "";
    }
    t->texts[t->n_texts++] = copy;
    return copy;
}

static void trace_copy(char *out, size_t cap, const char *s)
{
    snprintf(out, cap, "%.*s", (int)cap - 1, s);
}

/* --- the world --- */

static int node_of(it_rtrace *t, const char *name)
{
    int i = it_rtrace_node(t, name);
    if (i >= 0 || !*name || t->n_nodes == IT_RTRACE_NODES || strlen(name) >= IT_RTRACE_NAME)
        return i;
    it_rnode *n = &t->nodes[t->n_nodes];
    *n = (it_rnode){.column = -1};
    trace_copy(n->name, sizeof n->name, name);
    return t->n_nodes++;
}

static int on_node(it_rtrace *t, const json_t *o)
{
    int i = node_of(t, it_results_str(o, "node"));
    if (i < 0)
        return 0;
    it_rnode *n = &t->nodes[i];
    trace_copy(n->what, sizeof n->what, it_results_str(o, "what"));
    trace_copy(n->profile, sizeof n->profile, it_results_str(o, "profile"));
    trace_copy(n->class, sizeof n->class, it_results_str(o, "class"));
    return 0;
}

static int on_addr(it_rtrace *t, const json_t *o)
{
    int i = node_of(t, it_results_str(o, "node"));
    if (i < 0)
        return 0;
    it_rnode *n = &t->nodes[i];
    const char *text = it_results_str(o, "text");
    int k = 0;
    while (k < IT_RTRACE_ADDRS && *n->addr[k] && strcmp(n->addr[k], text) != 0)
        k++;
    if (k < IT_RTRACE_ADDRS)
        trace_copy(n->addr[k], sizeof n->addr[k], text);
    return 0;
}

static int on_link(it_rtrace *t, const json_t *o)
{
    int a = node_of(t, it_results_str(o, "node")), b = node_of(t, it_results_str(o, "peer"));
    if (a < 0 || b < 0)
        return 0;
    if (it_grow(t->alloc, &t->links, &t->cap_links, t->n_links + 1, sizeof *t->links) < 0)
        return IT_ERR_NOMEM;
    t->links[t->n_links++] = (it_rlink){a, b};
    return 0;
}

/* --- messages --- */

static it_rmsg *trace_add(it_rtrace *t, enum it_rkind kind, const json_t *o)
{
    if (it_grow(t->alloc, &t->v, &t->cap, t->n + 1, sizeof *t->v) < 0)
        return NULL;
    it_rmsg *m = &t->v[t->n++];
    *m = (it_rmsg){.kind = kind,
                   .t = it_results_time(o, "t_ns", 0),
                   .to = -1,
                   .n = 1,
                   .label = "",
                   .text = "",
                   .reason = "",
                   .rule = "",
                   .rfc = "",
                   .note = ""};
    m->t_end = m->t;
    m->order = t->n;
    m->from = node_of(t, it_results_str(o, "node"));
    m->packet = (uint64_t)it_results_int(o, "packet", 0);
    m->cause = (uint64_t)it_results_int(o, "cause", 0);
    return m;
}

static void set_way(it_rtrace *t, it_rmsg *m, const json_t *o)
{
    char text[IT_RTRACE_TEXT];
    snprintf(text, sizeof text, "%s to %s", it_results_str(o, "src"), it_results_str(o, "dst"));
    m->text = intern(t, text);
    int64_t proto = it_results_int(o, "proto", 0);
    const char *label = it_results_str(o, "label");
    m->label = intern(t, *label ? label : proto == 1 ? "ICMP" : proto == 58 ? "ICMPv6" : "packet");
}

static void set_drop(it_rtrace *t, it_rmsg *m, const json_t *o)
{
    m->dropped = true;
    m->reason = intern(t, it_results_str(o, "reason"));
    m->rule = intern(t, it_results_str(o, "rule"));
    m->rfc = intern(t, it_results_str(o, "rfc"));
    m->note = intern(t, it_results_str(o, "note"));
}

/* A packet is one message from where it was first seen to where it was last. */
static int on_hop(it_rtrace *t, const json_t *o)
{
    uint64_t id = (uint64_t)it_results_int(o, "packet", 0);
    const char *kind = it_results_str(o, "kind");
    uint32_t i = it_map_get(&t->packets, &id);
    if (i == IT_MAP_NONE) {
        it_rmsg *m = trace_add(t, IT_RT_PACKET, o);
        if (!m || it_map_put(&t->packets, &id, (uint32_t)t->n - 1) < 0)
            return IT_ERR_NOMEM;
        set_way(t, m, o);
        t->n_packets++;
        i = (uint32_t)t->n - 1;
    }
    it_rmsg *m = &t->v[i];
    m->to = node_of(t, it_results_str(o, "node"));
    m->t_end = it_results_time(o, "t_ns", 0);
    if (m->to >= 0)
        m->touched |= UINT64_C(1) << m->to;
    if (strcmp(kind, "drop") == 0)
        set_drop(t, m, o);
    return 0;
}

static int on_note(it_rtrace *t, const json_t *o)
{
    (void)t;
    (void)o;
    return 0;
}

static int on_signal(it_rtrace *t, const json_t *o)
{
    it_rmsg *m = trace_add(t, IT_RT_SIGNAL, o);
    if (!m)
        return IT_ERR_NOMEM;
    m->to = node_of(t, it_results_str(o, "peer"));
    m->label = intern(t, it_results_str(o, "text"));
    m->dropped = true; /* until it arrives */
    return 0;
}

/* Messages of a carrier arrive in order but for "mail": the oldest that is under way is taken. */
static int on_signaled(it_rtrace *t, const json_t *o)
{
    int to = node_of(t, it_results_str(o, "node")), from = node_of(t, it_results_str(o, "peer"));
    for (size_t i = 0; i < t->n; i++) {
        it_rmsg *m = &t->v[i];
        if (m->kind != IT_RT_SIGNAL || !m->dropped || m->from != from || m->to != to ||
            strcmp(m->label, it_results_str(o, "text")) != 0)
            continue;
        m->dropped = false;
        m->t_end = it_results_time(o, "t_ns", 0);
        break;
    }
    return 0;
}

static int on_event(it_rtrace *t, const json_t *o)
{
    const char *kind = it_results_str(o, "kind");
    bool fault = strcmp(kind, "fault") == 0;
    it_rmsg *m = trace_add(t, fault ? IT_RT_FAULT : IT_RT_EVENT, o);
    if (!m)
        return IT_ERR_NOMEM;
    m->label = intern(t, fault ? it_results_str(o, "what") : kind);
    m->text = intern(t, it_results_str(o, "text"));
    return 0;
}

/* --- voice --- */

/* Who sent what is received or dropped at |at|: the end host on the side it came from. */
static int sender_of(const it_rtrace *t, int at, const char *port)
{
    int near = it_rtrace_node(t, t->ends[0]), far = it_rtrace_node(t, t->ends[1]);
    if (at == near || at == far)
        return at == near ? far : near;
    if (at < 0 || t->nodes[at].side == 0)
        return -1;
    bool inside = strcmp(port, "lan") == 0 || strcmp(t->nodes[at].what, "lan") == 0;
    return (t->nodes[at].side < 0) == inside ? near : far;
}

/* Adds |n| voice datagrams seen at a node: to the row that goes on, or as a new one. What is sent is not drawn: it
 * arrives or is dropped, but for what is dropped by a link, which says so at the sender. */
static int on_voice(it_rtrace *t, const json_t *o, const char *what, uint64_t n)
{
    bool drop = strcmp(what, "drop") == 0;
    int at = node_of(t, it_results_str(o, "node"));
    if (at < 0 || (!drop && strcmp(t->nodes[at].what, "host") != 0))
        return 0;
    if (strcmp(what, "send") == 0)
        t->n_packets += n;
    if (!drop && strcmp(what, "recv") != 0)
        return 0;
    int64_t first = it_results_time(o, "t_ns", 0), last = it_results_time(o, "last_ns", first);
    const char *reason = intern(t, it_results_str(o, "reason"));
    char way[IT_RTRACE_TEXT];
    snprintf(way, sizeof way, "%s to %s", it_results_str(o, "src"), it_results_str(o, "dst"));
    const char *text = intern(t, way), *label = intern(t, it_results_str(o, "label"));
    for (size_t i = t->n; i-- > 0;) {
        it_rmsg *m = &t->v[i];
        if (m->kind != IT_RT_VOICE || m->to != at || m->dropped != drop || m->reason != reason || m->text != text ||
            m->label != label)
            continue;
        if (first - m->t_end > ROW_GAP || first < m->t)
            break;
        m->t_end = last > m->t_end ? last : m->t_end;
        m->n += n;
        return 0;
    }
    it_rmsg *m = trace_add(t, IT_RT_VOICE, o);
    if (!m)
        return IT_ERR_NOMEM;
    m->to = at;
    m->n = n;
    m->t_end = last;
    m->label = label;
    m->reason = reason;
    m->text = text;
    if (drop)
        set_drop(t, m, o);
    m->from = sender_of(t, at, it_results_str(o, "port"));
    return 0;
}

static int on_run(it_rtrace *t, const json_t *o)
{
    int64_t n = it_results_int(o, "packets", 0);
    return on_voice(t, o, it_results_str(o, "what"), n > 0 ? (uint64_t)n : 0);
}

/* --- lines --- */

static const struct {
    const char *kind;
    int (*take)(it_rtrace *t, const json_t *o);
} KINDS[] = {
    {"node", on_node}, {"addr", on_addr}, {"link", on_link}, {"send", on_hop},      {"recv", on_hop},
    {"drop", on_hop},  {"note", on_note}, {"run", on_run},   {"signal", on_signal}, {"signaled", on_signaled},
};

/* Whether a packet was sent by another host than the two whose voice is folded. */
static bool of_others(const it_rtrace *t, const json_t *o)
{
    uint64_t id = (uint64_t)it_results_int(o, "packet", 0);
    int at = it_rtrace_node(t, it_results_str(o, "node"));
    bool begins = strcmp(it_results_str(o, "kind"), "send") == 0 && at >= 0 && strcmp(t->nodes[at].what, "host") == 0;
    return it_map_get(&t->packets, &id) != IT_MAP_NONE || (begins && t->nodes[at].side == 0);
}

/* Whether a line of |kind| is about one packet at a port. */
static bool is_hop(const char *kind)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(kind, KINDS[i].kind) == 0)
            return KINDS[i].take == on_hop;
    return false;
}

/* Whether packets of that label are drawn as rows. */
static bool is_media(const char *label)
{
    return strcmp(label, "voice") == 0 || strcmp(label, "SRTP") == 0;
}

static int trace_take(it_rtrace *t, const json_t *o)
{
    const char *kind = it_results_str(o, "kind");
    bool packet = is_hop(kind);
    if (t->columns == 0 && (packet || strcmp(kind, "run") == 0))
        it_rtrace_columns(t); /* the world is known by now */
    if (packet && is_media(it_results_str(o, "label")) && !of_others(t, o))
        return on_voice(t, o, kind, 1);
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(kind, KINDS[i].kind) == 0)
            return KINDS[i].take(t, o);
    return on_event(t, o);
}

/* Where a packet was rewritten: needs each hop's addresses, so it is done from the line as it passes. */
static void see_rewrite(it_rtrace *t, const json_t *o)
{
    uint64_t id = (uint64_t)it_results_int(o, "packet", 0);
    uint32_t i = it_map_get(&t->packets, &id);
    int at = it_rtrace_node(t, it_results_str(o, "node"));
    if (i == IT_MAP_NONE || at < 0 || t->nodes[at].column < 0 || strcmp(it_results_str(o, "kind"), "send") != 0)
        return;
    char way[IT_RTRACE_TEXT];
    snprintf(way, sizeof way, "%s to %s", it_results_str(o, "src"), it_results_str(o, "dst"));
    bool nat = strcmp(t->nodes[at].what, "nat") == 0;
    if (nat && strcmp(t->v[i].text, way) != 0)
        t->v[i].rewritten |= (uint16_t)(1u << t->nodes[at].column);
}

static int trace_compare(const void *a, const void *b)
{
    const it_rmsg *x = a, *y = b;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    if ((x->kind == IT_RT_VOICE) != (y->kind == IT_RT_VOICE))
        return x->kind == IT_RT_VOICE ? -1 : 1; /* a run is written late, and what it brought came after it */
    return x->order < y->order ? -1 : x->order > y->order;
}

static int take_line(void *self, json_t *o)
{
    it_rtrace *t = self;
    int rc = trace_take(t, o);
    t->lines++;
    see_rewrite(t, o);
    return rc == 0 && t->oom ? IT_ERR_NOMEM : rc;
}

int it_rtrace_read(it_rtrace *t, it_alloc *alloc, const char *path, const char *const ends[2], char err[512])
{
    const it_lines l = {.what = "a trace", .self = t, .take = take_line};
    *t = (it_rtrace){.alloc = alloc, .ends = {ends[0], ends[1]}};
    it_map_init(&t->text_map, alloc, 1);
    it_map_init(&t->packets, alloc, 1);
    int rc = it_lines_read(&l, path, err);
    if (t->columns == 0)
        it_rtrace_columns(t);
    if (t->n)
        qsort(t->v, t->n, sizeof *t->v, trace_compare);
    return rc;
}

bool it_rmsg_told(const it_rmsg *m)
{
    static const char *const TOLD[] = {"open", "stalled", "resumed", "failover", "death", "closed", "peer"};
    bool told = false;
    for (size_t i = 0; i < sizeof TOLD / sizeof *TOLD; i++)
        told = told || strcmp(m->label, TOLD[i]) == 0;
    return m->kind == IT_RT_EVENT && m->from >= 0 && told;
}

void it_rtrace_fini(it_rtrace *t)
{
    for (size_t i = 0; i < t->n_texts; i++)
        it_free(t->alloc, t->texts[i]);
    it_free(t->alloc, t->texts);
    it_free(t->alloc, t->links);
    it_free(t->alloc, t->v);
    it_map_fini(&t->text_map);
    it_map_fini(&t->packets);
}
