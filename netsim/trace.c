/* The trace writer. */
#include "netsim/trace.h"

#include <string.h>

struct it_trace {
    it_alloc *alloc;
    it_str out;
    int64_t seq;
};

it_trace *it_trace_new(it_alloc *alloc)
{
    it_trace *t = it_calloc(alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    it_str_init(&t->out, alloc);
    return t;
}

void it_trace_free(it_trace *t)
{
    if (!t)
        return;
    it_str_fini(&t->out);
    it_free(t->alloc, t);
}

static void start(it_trace *t, it_json *j, it_time now, const char *node)
{
    it_json_init(j, &t->out);
    it_json_obj(j, NULL);
    it_json_int(j, "seq", t->seq++);
    it_json_int(j, "t_ns", now);
    it_json_str(j, "node", node);
}

static void finish(it_json *j)
{
    it_json_end_obj(j);
    it_json_newline(j);
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

static void see(void *self, const it_seen_packet *s)
{
    static const char *const KINDS[] = {"recv", "send", "drop", "note"};
    it_trace *t = self;
    it_json j;
    if (strcmp(s->node->ops->kind, "lan") == 0 && s->kind != IT_SEEN_DROP)
        return; /* a segment is a wire */
    start(t, &j, s->now, s->node->name);
    if (s->port >= 0)
        it_json_str(&j, "port", s->node->ports[s->port].name);
    it_json_str(&j, "kind", KINDS[s->kind]);
    if (s->packet)
        packet_fields(&j, s);
    if (s->kind == IT_SEEN_DROP) {
        it_json_str(&j, "reason", it_drop_key(s->reason));
        it_json_str(&j, "rule", it_drop_rule(s->reason));
        it_json_str(&j, "rfc", it_drop_rfc(s->reason));
    }
    if (s->note)
        it_json_str(&j, "note", s->note);
    finish(&j);
}

it_observer it_trace_observer(it_trace *t)
{
    return (it_observer){t, see};
}

void it_trace_event(it_trace *t, it_time now, const char *node, const char *kind, const char *text)
{
    it_json j;
    start(t, &j, now, node);
    it_json_str(&j, "kind", kind);
    it_json_str(&j, "text", text);
    finish(&j);
}

it_bytes it_trace_bytes(const it_trace *t)
{
    return it_bytes_of(t->out.p, t->out.n);
}

bool it_trace_oom(const it_trace *t)
{
    return t->out.oom;
}
