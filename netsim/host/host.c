/* The host as a node: inbox, interfaces, addresses, power. */
#include "netsim/host/impl.h"

#include "netsim/core/link.h"
#include "netsim/host/transport.h"

#include <stdio.h>
#include <string.h>

void it_host_receive(it_host *h, int i, it_pkt *p)
{
    p->next = NULL;
    p->at = i;
    if (h->in_tail)
        h->in_tail->next = p;
    else
        h->in_head = p;
    h->in_tail = p;
    it_world_mark_ready(h->node.world, &h->node);
}

static void host_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    (void)now;
    it_host_receive((it_host *)n, port, p);
}

static void tell_link(it_host *h, int i)
{
    if (i < 32)
        h->link_event[i] = true;
    it_world_mark_ready(h->node.world, &h->node);
}

static void host_carrier(it_node *n, it_time now, int port, bool up)
{
    (void)now;
    (void)up;
    tell_link((it_host *)n, port);
}

static void host_free(it_node *n)
{
    it_host *h = (it_host *)n;
    it_alloc *a = it_world_alloc(n->world);
    it_tcp_host_free(h);
    it_host_join_free(h);
    for (size_t i = 0; i < h->n_ifaces; i++)
        it_free(a, h->ifaces[i].near);
    it_free(a, h->ifaces);
    it_free(a, h->sockets);
    it_bits_fini(&h->unused);
    it_map_fini(&h->ports);
    it_free(a, h->events);
    it_free(a, h);
}

/* The timers of TCP and of fragments. */
static it_time host_next(const it_node *n)
{
    const it_host *h = (const it_host *)n;
    it_time tcp = it_tcp_next(h), join = h->join ? it_host_join_next(h) : IT_NEVER;
    return tcp < join ? tcp : join;
}

static void host_run(it_node *n, it_time now)
{
    it_tcp_tick((it_host *)n, now);
    it_host_join_run((it_host *)n, now);
}

static const it_node_ops OPS = {.kind = "host",
                                .deliver = host_deliver,
                                .next = host_next,
                                .run = host_run,
                                .carrier = host_carrier,
                                .free = host_free};

it_host *it_host_new(it_world *w, const char *name)
{
    it_host *h = it_calloc(it_world_alloc(w), 1, sizeof *h);
    if (!h)
        return NULL;
    char stream[IT_NAME_MAX + 8];
    snprintf(stream, sizeof stream, "%s/ports", name);
    it_rng_init(&h->rng, it_world_seed(w), stream);
    it_bits_init(&h->unused, it_world_alloc(w));
    it_map_init(&h->ports, it_world_alloc(w), 1);
    if (it_node_init(&h->node, w, &OPS, name) < 0) {
        it_free(it_world_alloc(w), h);
        return NULL;
    }
    return h;
}

it_node *it_host_node(it_host *h)
{
    return &h->node;
}

it_host *it_host_of(it_node *n)
{
    return n && n->ops == &OPS ? (it_host *)n : NULL;
}

int it_host_iface(it_host *h, const char *name)
{
    if (it_grow(it_world_alloc(h->node.world), &h->ifaces, &h->cap_ifaces, h->n_ifaces + 1, sizeof *h->ifaces) < 0)
        return IT_ERR_NOMEM;
    int port = it_node_add_port(&h->node, name);
    if (port < 0)
        return port;
    h->ifaces[h->n_ifaces++] = (host_iface){.n = 0};
    return port;
}

int it_host_n_ifaces(const it_host *h)
{
    return (int)h->n_ifaces;
}

int it_host_addr(it_host *h, int i, it_ip ip, uint8_t bits)
{
    host_iface *f = &h->ifaces[i];
    if (f->n == HOST_ADDRS)
        return IT_ERR_FULL;
    f->addr[f->n++] = (host_addr){ip, bits};
    tell_link(h, i);
    return 0;
}

int it_host_unaddr(it_host *h, it_time now, int i, it_ip ip)
{
    host_iface *f = &h->ifaces[i];
    (void)now;
    for (int k = 0; k < f->n; k++) {
        if (!it_ip_eq(f->addr[k].ip, ip))
            continue;
        memmove(&f->addr[k], &f->addr[k + 1], (size_t)(f->n - k - 1) * sizeof f->addr[0]);
        f->n--;
        tell_link(h, i);
        return 0;
    }
    return IT_ERR_NOTFOUND;
}

int it_host_neighbor(it_host *h, int i, it_ip ip, bool there)
{
    host_iface *f = &h->ifaces[i];
    size_t k = 0;
    while (k < f->n_near && !it_ip_eq(f->near[k], ip))
        k++;
    if (!there && k < f->n_near)
        f->near[k] = f->near[--f->n_near];
    if (!there || k < f->n_near)
        return 0;
    if (it_grow(it_world_alloc(h->node.world), &f->near, &f->cap_near, f->n_near + 1, sizeof *f->near) < 0)
        return IT_ERR_NOMEM;
    f->near[f->n_near++] = ip;
    return 0;
}

void it_host_gateway(it_host *h, int i, it_ip gw)
{
    *(it_ip_is4(gw) ? &h->ifaces[i].gw4 : &h->ifaces[i].gw6) = gw;
}

bool it_host_nth_addr(const it_host *h, int i, int k, it_ip *ip)
{
    if (k >= h->ifaces[i].n)
        return false;
    *ip = h->ifaces[i].addr[k].ip;
    return true;
}

void it_host_iface_set(it_host *h, it_time now, int i, bool up)
{
    (void)now;
    if (h->node.ports[i].up == up)
        return;
    it_node_port_up(&h->node, i, up);
    tell_link(h, i);
}

bool it_host_iface_usable(const it_host *h, int i)
{
    const it_port *p = &h->node.ports[i];
    return p->up && p->carrier && p->link >= 0 && !h->node.down;
}

void it_host_power(it_host *h, it_time now, bool on, bool silent)
{
    /* Off and silent the world drops what comes; off and not silent the host still answers that nobody is there. */
    if (!on) {
        it_tcp_power_off(h);
        it_host_join_forget(h, now, IT_DROP_HOST_DOWN);
    }
    h->silent = !on;
    it_node_power(&h->node, on || !silent);
}

void it_host_suspend(it_host *h, bool off)
{
    h->silent = off;
    it_node_power(&h->node, !off);
}

int it_host_iface_of(const it_host *h, it_ip ip)
{
    for (size_t i = 0; i < h->n_ifaces; i++)
        for (int k = 0; k < h->ifaces[i].n; k++)
            if (it_ip_eq(h->ifaces[i].addr[k].ip, ip))
                return (int)i;
    return -1;
}

int it_host_push(it_host *h, it_host_event ev)
{
    if (h->ev_head && h->ev_head + h->ev_n == h->ev_cap) {
        memmove(h->events, h->events + h->ev_head, h->ev_n * sizeof *h->events);
        h->ev_head = 0;
    }
    if (it_grow(it_world_alloc(h->node.world), &h->events, &h->ev_cap, h->ev_head + h->ev_n + 1, sizeof *h->events) < 0)
        return IT_ERR_NOMEM;
    h->events[h->ev_head + h->ev_n++] = ev;
    return 0;
}

int it_host_emit(it_host *h, it_time now, int i, it_pkt *p)
{
    it_pkt_pool *pool = it_world_pool(h->node.world);
    const host_iface *f = &h->ifaces[i];
    int err = it_ip_multicast(p->dst) ? 0 : IT_ERR_NOROUTE;
    for (int k = 0; k < f->n && err; k++) {
        it_prefix on_link = {f->addr[k].ip, f->addr[k].bits};
        if (it_prefix_has(on_link, p->dst))
            err = 0;
    }
    if (err) {
        p->hop = p->ver == 4 ? f->gw4 : f->gw6;
        err = it_ip_none(p->hop) ? IT_ERR_NOROUTE : 0;
    }
    if (!err && !it_host_iface_usable(h, i))
        err = IT_ERR_NOROUTE;
    if (!err && p->len > it_link_mtu(&h->node, i))
        err = IT_ERR_TOOBIG;
    if (err) {
        it_pkt_free(pool, p);
        return err;
    }
    h->stats.tx_bytes += p->len;
    h->stats.tx_packets++;
    it_node_send(&h->node, now, i, p);
    return 0;
}

it_host_stats it_host_stat(const it_host *h)
{
    return h->stats;
}
