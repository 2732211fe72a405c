/* Nodes: names, ports, timers, what a node tells observers, and the list of edges that wait for the driver. */
#include "netsim/core/impl.h"

#include <string.h>

/* Copies |name| to |out|; false when it is empty or too long. */
static bool take_name(char out[IT_NAME_MAX], const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n >= IT_NAME_MAX)
        return false;
    memcpy(out, name, n + 1);
    return true;
}

int it_node_init(it_node *n, it_world *w, const it_node_ops *ops, const char *name)
{
    memset(n, 0, sizeof *n);
    n->ops = ops;
    n->world = w;
    n->wake = IT_NEVER;
    n->stirred = ops->next != NULL;
    if (!take_name(n->name, name))
        return IT_ERR_RANGE;
    if (it_world_find(w, name))
        return IT_ERR_EXISTS;
    if (it_grow(w->alloc, &w->nodes, &w->cap_nodes, w->n_nodes + 1, sizeof *w->nodes) < 0)
        return IT_ERR_NOMEM;
    n->index = (uint32_t)w->n_nodes;
    w->nodes[w->n_nodes++] = n;
    return 0;
}

void it_core_unadd(it_node *n)
{
    it_world *w = n->world;
    IT_ASSERT(w->n_nodes > 0 && w->nodes[w->n_nodes - 1] == n);
    w->n_nodes--;
    w->n_taps -= n->n_ports;
    it_free(w->alloc, n->ports);
}

int it_node_add_port(it_node *n, const char *name)
{
    it_world *w = n->world;
    it_port port = {.link = -1, .up = true, .tap = (uint16_t)w->n_taps};
    if (!take_name(port.name, name) || w->n_taps > UINT16_MAX)
        return IT_ERR_RANGE;
    if (it_grow(w->alloc, &n->ports, &n->cap_ports, n->n_ports + 1, sizeof *n->ports) < 0)
        return IT_ERR_NOMEM;
    w->n_taps++;
    n->ports[n->n_ports] = port;
    return (int)n->n_ports++;
}

/* The directions of the link at |port| look at it again. */
static void look_again(it_node *n, uint32_t port)
{
    it_core_dir *out = n->ports[port].out;
    if (!out)
        return;
    it_core_link *l = n->world->links[out->id >> 1];
    it_core_set_special(&l->dir[0]);
    it_core_set_special(&l->dir[1]);
}

void it_node_port_up(it_node *n, int port, bool up)
{
    n->ports[port].up = up;
    look_again(n, (uint32_t)port);
}

void it_node_power(it_node *n, bool on)
{
    n->down = !on;
    for (uint32_t i = 0; i < n->n_ports; i++)
        look_again(n, i);
}

it_node *it_world_find(const it_world *w, const char *name)
{
    for (size_t i = 0; i < w->n_nodes; i++)
        if (strcmp(w->nodes[i]->name, name) == 0)
            return w->nodes[i];
    return NULL;
}

it_node *it_world_node(const it_world *w, uint32_t i)
{
    return i < w->n_nodes ? w->nodes[i] : NULL;
}

void it_node_drop(it_node *n, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more)
{
    it_world *w = n->world;
    it_core_print(w, n, p, (uint64_t)reason);
    if (w->n_obs) {
        it_seen_packet seen = {IT_SEEN_DROP, now, n, port, p, reason, more};
        it_core_show(w, &seen);
    }
    it_pkt_free(&w->pool, p);
}

void it_node_note(it_node *n, it_time now, const char *text)
{
    it_seen_packet seen = {.kind = IT_SEEN_NOTE, .now = now, .node = n, .port = -1, .note = text};
    it_core_show(n->world, &seen);
}

void it_node_wake(it_node *n)
{
    it_core_wake(n->world, n);
}

it_pkt *it_core_packet(it_world *w)
{
    it_pkt *p = it_pkt_new(&w->pool);
    if (p)
        p->id = ++w->ids;
    return p;
}

it_pkt *it_node_packet(it_node *n)
{
    it_pkt *p = it_core_packet(n->world);
    if (!p)
        n->world->oom = true;
    return p;
}

void it_node_oom(it_node *n)
{
    n->world->oom = true;
}

it_pkt *it_split_next(it_split *s, it_node *n, uint32_t mtu)
{
    it_pkt *q = s->p ? it_node_packet(n) : NULL;
    if (!q)
        return NULL;
    int at = it_pkt_fragment(q, s->p, (size_t)s->at, mtu);
    if (at < 0) {
        it_pkt_free(it_world_pool(n->world), q);
        return NULL;
    }
    s->at = at;
    if (at == 0) {
        it_pkt_free(it_world_pool(n->world), s->p);
        s->p = NULL;
    }
    return q;
}

void it_node_send_split(it_node *n, it_time now, int port, it_pkt *p, uint32_t mtu)
{
    it_split s = {.p = p};
    for (it_pkt *q; (q = it_split_next(&s, n, mtu)) != NULL;)
        it_node_send(n, now, port, q);
    if (s.p)
        it_node_drop(n, now, port, s.p, IT_DROP_MTU, "no room for a fragment");
}

/* --- boxes that are upset --- */

uint64_t it_world_upsets(const it_world *w)
{
    return w->upsets;
}

void it_world_upset(it_world *w)
{
    w->upsets++;
}

/* --- edges that wait --- */

it_node *it_world_ready(const it_world *w)
{
    return w->ready;
}

void it_world_mark_ready(it_world *w, it_node *n)
{
    if (n->ready)
        return;
    n->ready = true;
    n->ready_next = NULL;
    *(w->ready ? &w->ready_tail->ready_next : &w->ready) = n;
    w->ready_tail = n;
}

void it_world_clear_ready(it_world *w, it_node *n)
{
    it_node *before = NULL;
    if (!n->ready)
        return;
    if (w->ready != n)
        for (before = w->ready; before->ready_next != n;)
            before = before->ready_next;
    *(before ? &before->ready_next : &w->ready) = n->ready_next;
    if (w->ready_tail == n)
        w->ready_tail = before;
    n->ready = false;
    n->ready_next = NULL;
}
