/* SOCKS5 UDP ASSOCIATE: datagrams with a header between client and proxy, bare ones between proxy and the world. RFC
 * 1928 section 7.
 *
 * All associations send from one port, that of the proxy; what comes back belongs to the association that last sent to
 * its source address and port. An association lives as long as the connection that asked for it. Fragments are dropped,
 * as section 7 allows. */
#include "stack/proxy/server_impl.h"

int it_proxy_add_base(it_proxy *p, it_time now, int flow, it_addr base)
{
    (void)now;
    if (p->n_bases < IT_PROXY_BASES)
        p->bases[p->n_bases++] = (it_proxy_base){(uint32_t)flow, base};
    return 0;
}

void it_proxy_associate(it_proxy *p, it_tunnel *t)
{
    uint8_t out[IT_SOCKS_MAX];
    p->stats.connects++;
    (void)it_leg_put(&t->r.leg[0], it_bytes_of(out, it_socks_msg_write(out, IT_SOCKS_OK, t->wanted)));
    t->phase = IT_TUNNEL_UDP;
}

/* The association of the client that sends from |from| to |local|. */
static it_tunnel *of_client(const it_proxy *p, it_addr local, it_addr from)
{
    for (size_t i = 0; i < p->n; i++) {
        it_tunnel *t = p->v[i];
        bool same = t->phase == IT_TUNNEL_UDP && it_ip_eq(local.ip, t->wanted.ip) && it_ip_eq(from.ip, t->client.ip);
        if (same && (t->udp.port == 0 || t->udp.port == from.port))
            return t;
    }
    return NULL;
}

/* The association that last sent to |remote|. */
static it_tunnel *of_remote(const it_proxy *p, it_addr remote)
{
    for (size_t i = 0; i < p->n_peers; i++)
        for (size_t k = 0; k < p->n && it_addr_eq(p->peers[i].remote, remote); k++)
            if (p->v[k]->phase == IT_TUNNEL_UDP && p->v[k]->r.leg[0].flow == p->peers[i].client)
                return p->v[k];
    return NULL;
}

static int remember(it_proxy *p, it_addr remote, const it_tunnel *t)
{
    size_t i = 0;
    while (i < p->n_peers && !it_addr_eq(p->peers[i].remote, remote))
        i++;
    if (i == IT_PROXY_PEERS) /* the place of the one that came longest ago */
        i = p->next_peer++ % IT_PROXY_PEERS;
    if (it_grow(p->cfg.alloc, &p->peers, &p->cap_peers, i + 1, sizeof *p->peers) < 0)
        return IT_ERR_NOMEM;
    p->peers[i] = (it_proxy_peer){remote, t->r.leg[0].flow};
    p->n_peers = i < p->n_peers ? p->n_peers : i + 1;
    return 0;
}

static int from_client(it_proxy *p, it_tunnel *t, const it_io *in)
{
    it_socks_msg m;
    int n = it_socks_read_datagram(in->data, &m);
    if (n < 0)
        return 0;
    if (!it_proxy_allows(p, m.addr.port)) {
        p->stats.denied++;
        return 0;
    }
    if (m.name.n)
        m.addr.ip = it_proxy_known_ip(p, m.name);
    if (it_ip_none(m.addr.ip)) {
        /* RFC 1928 section 7: what cannot be relayed is dropped silently; those behind it find the name known. */
        int err = m.name.n ? it_proxy_ask(p, t, m.name, false) : IT_ERR_NOTFOUND;
        p->stats.failed += err == IT_ERR_NOTFOUND;
        return err == IT_ERR_NOMEM ? err : 0;
    }
    const it_proxy_base *b = it_proxy_base_for(p, it_ip_is6(m.addr.ip), t->wanted.ip);
    if (!b)
        return 0;
    t->udp = in->remote;
    if (remember(p, m.addr, t) < 0)
        return IT_ERR_NOMEM;
    it_io io = {.kind = IT_IO_DGRAM, .flow = b->flow, .local = b->addr, .remote = m.addr};
    p->stats.bytes_up += in->data.n - (size_t)n;
    return it_proxy_answer_put(p, &io, it_bytes_of(NULL, 0), it_bytes_of(in->data.p + n, in->data.n - (size_t)n));
}

static int to_client(it_proxy *p, it_tunnel *t, const it_io *in)
{
    uint8_t head[IT_SOCKS_MAX];
    if (t->udp.port == 0)
        return 0;
    size_t n = it_socks_datagram(head, in->remote);
    for (size_t i = 0; i < p->n_bases; i++) {
        if (!it_ip_eq(p->bases[i].addr.ip, t->wanted.ip))
            continue;
        it_io io = {.kind = IT_IO_DGRAM, .flow = p->bases[i].flow, .local = p->bases[i].addr, .remote = t->udp};
        p->stats.bytes_down += in->data.n;
        return it_proxy_answer_put(p, &io, it_bytes_of(head, n), in->data);
    }
    return 0;
}

int it_proxy_udp(it_proxy *p, it_time now, const it_io *in)
{
    it_tunnel *t = of_client(p, in->local, in->remote);
    bool client = t != NULL;
    if (!t)
        t = of_remote(p, in->remote);
    if (!t)
        return (int)in->data.n;
    t->active = now;
    int err = client ? from_client(p, t, in) : to_client(p, t, in);
    return err < 0 ? err : (int)in->data.n;
}
