/* A router: longest prefix first, one hop less, ICMP for what cannot go on. Routes are found by maps: whole addresses
 * in one, and the other prefixes in another, which is asked once for each length that there is. */
#include "netsim/box/router.h"

#include "netsim/core/refuse.h"
#include "netsim/core/impl.h"

#include <string.h>

typedef struct route {
    it_prefix prefix;
    int port;
    it_ip via;
} route;

#define LOCAL (-1) /* port of a route that ends here: an address of the router's own */
#define SEEN 8     /* ports whose last destination is remembered, by number */

typedef struct router {
    it_node node;
    struct {
        it_ip dst;
        const route *to; /* NULL: nothing is remembered */
    } seen[SEEN];
    it_map hosts; /* whole addresses -> index of a route in |v| */
    it_map nets;  /* (prefix, bits) -> the same, of the others */
    uint8_t bits[128];
    size_t n_bits; /* the lengths that those have, the longest first */
    route *v;      /* longest prefix first */
    size_t n, cap;
    struct own {
        it_ip four, six; /* none: it has none */
    } * own;             /* addresses of each port */
    size_t cap_own;
} router;

/* The key of what is of the family of |ip| and has its first |bits| bits (below 128). */
static void net_key(it_ip ip, uint8_t bits, uint64_t key[3])
{
    uint64_t hi = bits == 0 ? 0 : UINT64_MAX, lo = bits <= 64 ? 0 : UINT64_MAX << (128 - bits);
    if (bits > 0 && bits < 64)
        hi <<= 64 - bits;
    key[0] = ip.hi & hi;
    key[1] = ip.lo & lo;
    key[2] = (uint64_t)it_ip_is4(ip) << 8 | bits;
}

static const route *route_lookup(const router *r, it_ip dst)
{
    uint64_t key[3];
    uint32_t i = it_map_get2(&r->hosts, dst.hi, dst.lo);
    for (size_t k = 0; i == IT_MAP_NONE && k < r->n_bits; k++) {
        net_key(dst, r->bits[k], key);
        i = it_map_get(&r->nets, key);
    }
    return i == IT_MAP_NONE ? NULL : &r->v[i];
}

/* The route of |p|, which came in by |port|: most packets go where the one before them went. */
static IT_CORE_HOT const route *route_of(router *r, int port, const it_pkt *p)
{
    size_t i = (size_t)port % SEEN;
    if (r->seen[i].to && it_ip_eq(r->seen[i].dst, p->dst))
        return r->seen[i].to;
    r->seen[i].dst = p->dst;
    r->seen[i].to = route_lookup(r, p->dst);
    return r->seen[i].to;
}

/* Sends |e|, which the router made itself, by the route of its destination; frees it when there is none. */
static void send_own(router *r, it_time now, it_pkt *e)
{
    const route *to = route_lookup(r, e->dst);
    if (!to || to->port == LOCAL) {
        it_pkt_free(it_world_pool(r->node.world), e);
        return;
    }
    e->hop = to->via;
    it_node_send(&r->node, now, to->port, e);
}

/* Drops |p|, which came in by |port|, and tells its sender when the port has an address of the family. |mtu|: of the
 * link it does not fit, else 0. */
static void router_refuse(router *r, it_time now, int port, it_pkt *p, enum it_refuse_kind kind, enum it_drop reason,
                          uint32_t mtu)
{
    struct own own = (size_t)port < r->cap_own ? r->own[port] : (struct own){{0, 0}, {0, 0}};
    it_refusal why = it_refusal_of(p->ver, kind, p->ver == 4 ? own.four : own.six, reason);
    why.rest = mtu;
    it_pkt *e = it_refuse(&r->node, now, port, p, &why);
    if (e)
        send_own(r, now, e);
}

/* Answers |p|, an echo request to an address of the router's own: RFC 1812 section 4.3.3.6, RFC 4443 section 4.2. */
static void router_echo(router *r, it_time now, it_pkt *p)
{
    const uint8_t *t = it_pkt_l4(p);
    it_pkt_icmp_msg m = {.src = p->dst, .dst = p->src, .type = p->ver == 4 ? 0 : 129, .rest = it_get32(t + 4)};
    m.body = it_bytes_of(t + 8, (size_t)(p->len - p->l4 - 8));
    it_pkt *e = it_node_packet(&r->node);
    if (e && it_pkt_icmp(e, &m) == 0) {
        e->cause = p->id;
        e->label = p->label;
        send_own(r, now, e);
    } else if (e) {
        it_pkt_free(it_world_pool(r->node.world), e);
    }
    it_pkt_free(it_world_pool(r->node.world), p);
}

/* Takes |p|, which is for an address of the router's own, where no socket is ever open. */
static void deliver_here(router *r, it_time now, int port, it_pkt *p)
{
    bool icmp = p->proto == IT_PROTO_ICMP || p->proto == IT_PROTO_ICMP6;
    bool asks = icmp && !p->frag && p->len >= p->l4 + 8 && *it_pkt_l4(p) == (p->ver == 4 ? 8 : 128);
    if (asks && it_pkt_cksum_ok(p))
        router_echo(r, now, p);
    else
        router_refuse(r, now, port, p, IT_REFUSE_NO_PORT, IT_DROP_NO_SOCKET, 0);
}

/* |p|, which came in by |port|, does not fit the link of |to|: it leaves in pieces, or its sender hears of it, quoted
 * as it came. */
static IT_CORE_RARE void router_too_big(router *r, it_time now, int port, it_pkt *p, const route *to)
{
    if (!it_pkt_may_fragment(p))
        router_refuse(r, now, port, p, IT_REFUSE_TOO_BIG, IT_DROP_MTU, it_link_mtu(&r->node, to->port));
    else if (it_pkt_hop(p))
        it_node_send_split(&r->node, now, to->port, p, it_link_mtu(&r->node, to->port)); /* RFC 1812 section 5.2.6 */
    else
        router_refuse(r, now, port, p, IT_REFUSE_TIME_EXCEEDED, IT_DROP_TTL, 0);
}

/* Forwards |p|, or drops it and answers with ICMP. A packet may leave by the port where it came in: RFC 1812 section
 * 5.2.7.2 asks for a Redirect beside that where the source is a neighbour of the next hop, and never for a drop. */
static void router_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    router *r = (router *)n;
    const route *to = route_of(r, port, p);
    if (!to) {
        router_refuse(r, now, port, p, IT_REFUSE_NO_ROUTE, IT_DROP_NO_ROUTE, 0);
        return;
    }
    if (to->port == LOCAL) {
        deliver_here(r, now, port, p);
        return;
    }
    p->hop = to->via;
    if (p->len > it_core_mtu(n, to->port)) {
        router_too_big(r, now, port, p, to);
        return;
    }
    /* RFC 1812 section 5.3.1 */
    if (!it_pkt_hop(p)) {
        router_refuse(r, now, port, p, IT_REFUSE_TIME_EXCEEDED, IT_DROP_TTL, 0);
        return;
    }
    it_core_send(n, to->port, p);
}

static void router_free(it_node *n)
{
    router *r = (router *)n;
    it_alloc *a = it_world_alloc(n->world);
    it_map_fini(&r->hosts);
    it_map_fini(&r->nets);
    it_free(a, r->v);
    it_free(a, r->own);
    it_free(a, r);
}

static const it_node_ops OPS = {
    .kind = "router", .down = IT_DROP_ROUTER_DOWN, .deliver = router_deliver, .free = router_free};

it_node *it_router_new(it_world *w, const char *name)
{
    router *r = it_calloc(it_world_alloc(w), 1, sizeof *r);
    if (!r)
        return NULL;
    it_map_init(&r->hosts, it_world_alloc(w), 2);
    it_map_init(&r->nets, it_world_alloc(w), 3);
    if (it_node_init(&r->node, w, &OPS, name) < 0) {
        it_free(it_world_alloc(w), r);
        return NULL;
    }
    return &r->node;
}

/* Puts the |i|-th route into its map, in place of any of the same prefix. */
static int index_route(router *r, size_t i)
{
    const it_prefix *p = &r->v[i].prefix;
    uint64_t key[3] = {p->ip.hi, p->ip.lo, 0};
    if (p->bits == 128)
        return it_map_put(&r->hosts, key, (uint32_t)i);
    net_key(p->ip, p->bits, key);
    return it_map_put(&r->nets, key, (uint32_t)i);
}

/* Works out which lengths there are. */
static void list_lengths(router *r)
{
    r->n_bits = 0;
    for (size_t i = 0; i < r->n; i++) {
        uint8_t bits = r->v[i].prefix.bits;
        if (bits < 128 && (r->n_bits == 0 || r->bits[r->n_bits - 1] != bits))
            r->bits[r->n_bits++] = bits;
    }
}

/* Rebuilds the maps after the table moved, and forgets where packets went. Of equal prefixes the first counts. */
static int index_routes(router *r)
{
    memset(r->seen, 0, sizeof r->seen);
    list_lengths(r);
    for (size_t i = r->n; i-- > 0;)
        if (index_route(r, i) < 0)
            return IT_ERR_NOMEM;
    return 0;
}

int it_router_route(it_node *n, it_prefix prefix, int port, it_ip via)
{
    router *r = (router *)n;
    IT_ASSERT(n->ops == &OPS);
    if (it_grow(it_world_alloc(n->world), &r->v, &r->cap, r->n + 1, sizeof *r->v) < 0)
        return IT_ERR_NOMEM;
    size_t i = r->n++;
    while (i > 0 && r->v[i - 1].prefix.bits < prefix.bits) {
        r->v[i] = r->v[i - 1];
        i--;
    }
    r->v[i] = (route){prefix, port, via};
    return index_routes(r);
}

int it_router_addr(it_node *n, int port, it_ip ip)
{
    router *r = (router *)n;
    IT_ASSERT(n->ops == &OPS && port >= 0);
    size_t old = r->cap_own;
    if (it_grow(it_world_alloc(n->world), &r->own, &r->cap_own, (size_t)port + 1, sizeof *r->own) < 0)
        return IT_ERR_NOMEM;
    for (size_t i = old; i < r->cap_own; i++)
        r->own[i] = (struct own){{0, 0}, {0, 0}};
    *(it_ip_is4(ip) ? &r->own[port].four : &r->own[port].six) = ip;
    uint32_t known = it_map_get2(&r->hosts, ip.hi, ip.lo); /* several ports may share an address */
    return known == IT_MAP_NONE ? it_router_route(n, (it_prefix){ip, 128}, LOCAL, (it_ip){0, 0}) : 0;
}

int it_router_unroute(it_node *n, it_prefix prefix)
{
    router *r = (router *)n;
    IT_ASSERT(n->ops == &OPS);
    size_t to = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].prefix.bits != prefix.bits || !it_ip_eq(r->v[i].prefix.ip, prefix.ip))
            r->v[to++] = r->v[i];
    int gone = (int)(r->n - to);
    r->n = to;
    uint64_t key[3] = {prefix.ip.hi, prefix.ip.lo, 0};
    if (prefix.bits == 128) {
        (void)it_map_del(&r->hosts, key);
    } else {
        net_key(prefix.ip, prefix.bits, key);
        (void)it_map_del(&r->nets, key);
    }
    (void)index_routes(r); /* only values of keys that are there change */
    return gone;
}
