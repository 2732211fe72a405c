/* A LAN segment: an ideal switch that knows which address lives behind which port. */
#include "netsim/box/router.h"

#include "base/table/map.h"

typedef struct lan {
    it_node node;
    it_map where; /* address -> port */
} lan;

/* A copy to every port but |port|, in their order; |p| is the last one's. */
static void flood(it_node *n, it_time now, int port, it_pkt *p)
{
    int last = -1;
    for (int i = 0; i < (int)n->n_ports; i++)
        last = i != port ? i : last;
    for (int i = 0; i < last; i++) {
        it_pkt *copy = i != port ? it_node_packet(n) : NULL;
        if (!copy)
            continue;
        it_pkt_copy(copy, p);
        it_node_send(n, now, i, copy);
    }
    if (last < 0)
        it_node_drop(n, now, port, p, IT_DROP_NO_NEIGHBOR, NULL);
    else
        it_node_send(n, now, last, p);
}

/* The port behind which |ip| lives, as seen from |port|: IT_MAP_NONE when no other port has it. */
static uint32_t port_of(const lan *l, it_ip ip, int port)
{
    uint32_t out = it_map_get2(&l->where, ip.hi, ip.lo);
    return out == (uint32_t)port ? IT_MAP_NONE : out;
}

/* Delivers |p| to the port of its destination when that is on the segment, else to the port of the next hop. A sender
 * that does not know its neighbour names a router as the next hop; the router's Redirect would teach it the neighbour
 * (RFC 1812 section 5.2.7.2, RFC 1122 section 3.3.1.2, RFC 4861 section 8.3). The segment knows from the start. */
static void lan_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    lan *l = (lan *)n;
    if (it_ip_multicast(p->dst)) {
        flood(n, now, port, p);
        return;
    }
    uint32_t out = port_of(l, p->dst, port);
    if (out == IT_MAP_NONE && !it_ip_none(p->hop))
        out = port_of(l, p->hop, port);
    if (out == IT_MAP_NONE)
        it_node_drop(n, now, port, p, IT_DROP_NO_NEIGHBOR, NULL);
    else
        it_node_send(n, now, (int)out, p);
}

static void lan_free(it_node *n)
{
    lan *l = (lan *)n;
    it_alloc *a = it_world_alloc(n->world);
    it_map_fini(&l->where);
    it_free(a, l);
}

static const it_node_ops OPS = {.kind = "lan", .down = IT_DROP_ROUTER_DOWN, .deliver = lan_deliver, .free = lan_free};

it_node *it_lan_new(it_world *w, const char *name)
{
    lan *l = it_calloc(it_world_alloc(w), 1, sizeof *l);
    if (!l)
        return NULL;
    it_map_init(&l->where, it_world_alloc(w), 2);
    if (it_node_init(&l->node, w, &OPS, name) < 0) {
        it_free(it_world_alloc(w), l);
        return NULL;
    }
    return &l->node;
}

int it_lan_learn(it_node *n, it_ip ip, int port)
{
    lan *l = (lan *)n;
    IT_ASSERT(n->ops == &OPS);
    uint64_t key[2] = {ip.hi, ip.lo};
    return it_map_put(&l->where, key, (uint32_t)port);
}

void it_lan_forget(it_node *n, it_ip ip)
{
    lan *l = (lan *)n;
    IT_ASSERT(n->ops == &OPS);
    uint64_t key[2] = {ip.hi, ip.lo};
    (void)it_map_del(&l->where, key);
}
