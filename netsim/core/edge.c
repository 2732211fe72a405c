/* A raw edge: one port, an inbox, and a driver that brings its own IP stack. */
#include "netsim/core/impl.h"

typedef struct edge {
    it_node node;
    it_core_queue inbox;
} edge;

static void edge_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    edge *e = (edge *)n;
    (void)now;
    (void)port;
    p->next = NULL;
    *(e->inbox.tail ? &e->inbox.tail->next : &e->inbox.head) = p;
    e->inbox.tail = p;
    it_world_mark_ready(n->world, n);
}

static void edge_carrier(it_node *n, it_time now, int port, bool up)
{
    (void)now;
    (void)port;
    (void)up;
    it_world_mark_ready(n->world, n);
}

static void edge_free(it_node *n)
{
    it_free(n->world->alloc, n);
}

static const it_node_ops OPS = {.kind = "edge", .deliver = edge_deliver, .carrier = edge_carrier, .free = edge_free};

it_node *it_edge_new(it_world *w, const char *name, const char *port)
{
    edge *e = it_calloc(w->alloc, 1, sizeof *e);
    if (!e)
        return NULL;
    if (it_node_init(&e->node, w, &OPS, name) < 0) {
        it_free(w->alloc, e);
        return NULL;
    }
    if (it_node_add_port(&e->node, port) < 0) {
        it_core_unadd(&e->node);
        it_free(w->alloc, e);
        return NULL;
    }
    return &e->node;
}

int it_edge_send(it_node *n, it_time now, it_bytes ip, uint16_t label)
{
    it_world *w = n->world;
    IT_ASSERT(n->ops == &OPS);
    it_pkt *p = it_core_packet(w);
    if (!p)
        return IT_ERR_NOMEM;
    int err = it_pkt_parse(p, ip);
    if (err < 0) {
        it_pkt_free(&w->pool, p);
        return err;
    }
    p->label = label;
    it_node_send(n, now, 0, p);
    return w->oom ? IT_ERR_NOMEM : 0;
}

it_pkt *it_edge_take(it_node *n)
{
    edge *e = (edge *)n;
    IT_ASSERT(n->ops == &OPS);
    it_pkt *p = e->inbox.head;
    if (p) {
        e->inbox.head = p->next;
        p->next = NULL;
    }
    if (!e->inbox.head) {
        e->inbox.tail = NULL;
        it_world_clear_ready(n->world, n);
    }
    return p;
}
