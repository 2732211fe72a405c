/* SOCKS5 UDP ASSOCIATE: datagrams with a header between client and proxy, bare ones between proxy and the world. RFC
 * 1928 section 7.
 *
 * An association has sockets of its own, bound when it is asked for (stack/io.h): one that its client sends to
 * (BND.PORT) and one a family towards the world. So two clients never share a port: the NATs and servers beyond see
 * two, and an answer finds its client by the port it comes to. What comes from where the association has not sent is
 * dropped, as is what comes from another address than the client's, or from another port than it sent from first. An
 * association lives as long as the connection that asked for it. Fragments are dropped, as section 7 allows. */
#include "stack/proxy/server_impl.h"

void it_proxy_base_input(it_proxy *p, const it_io *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n_bases; i++)
        if (p->bases[i].flow != in->flow)
            p->bases[kept++] = p->bases[i];
    p->n_bases = kept;
    if (in->kind == IT_IO_BOUND && p->n_bases < IT_PROXY_BASES)
        p->bases[p->n_bases++] = (it_proxy_base){in->flow, in->local};
}

/* --- sockets --- */

static void want_port(it_proxy *p, it_udp_port *u, it_ip ip)
{
    *u = (it_udp_port){.state = IT_UDP_DUE, .flow = IT_IO_BOUND_FLOW + p->ports++ % IT_IO_BOUND_FLOW, .addr = {ip, 0}};
}

void it_proxy_associate(it_proxy *p, it_tunnel *t)
{
    want_port(p, &t->port[IT_UDP_INSIDE], t->inside);
    for (int six = 0; six < 2; six++) {
        const it_proxy_base *b = it_proxy_base_for(p, six, t->inside);
        if (b)
            want_port(p, &t->port[IT_UDP_V4 + six], b->addr.ip);
    }
    t->phase = IT_TUNNEL_BINDING;
}

/* The socket with number |flow|, and its association in |*t|; NULL when there is none. */
static it_udp_port *find_port(const it_proxy *p, uint32_t flow, it_tunnel **t)
{
    for (size_t i = 0; i < p->n; i++) {
        *t = p->v[i];
        for (int k = 0; k < IT_UDP_PORTS; k++)
            if ((*t)->port[k].state != IT_UDP_NONE && (*t)->port[k].flow == flow)
                return &(*t)->port[k];
    }
    return NULL;
}

/* Answers the client, now that every BIND was. */
static void udp_settle(it_proxy *p, it_tunnel *t)
{
    uint8_t out[IT_SOCKS_MAX];
    bool inside = t->port[IT_UDP_INSIDE].state == IT_UDP_BOUND;
    bool outside = t->port[IT_UDP_V4].state == IT_UDP_BOUND || t->port[IT_UDP_V6].state == IT_UDP_BOUND;
    if (!inside || !outside) {
        p->stats.failed++;
        it_proxy_refuse(p, t, it_bytes_of(out, it_socks_msg_write(out, IT_SOCKS_FAILURE, (it_addr){{0, 0}, 0})));
        return;
    }
    p->stats.connects++;
    t->phase = IT_TUNNEL_UDP;
    size_t n = it_socks_msg_write(out, IT_SOCKS_OK, t->port[IT_UDP_INSIDE].addr);
    (void)it_stream_write(&t->r.s[0], it_bytes_of(out, n));
}

void it_proxy_bound(it_proxy *p, const it_io *in)
{
    it_tunnel *t;
    it_udp_port *u = find_port(p, in->flow, &t);
    if (!u || u->state != IT_UDP_ASKED)
        return;
    u->state = in->local.port ? IT_UDP_BOUND : IT_UDP_NONE;
    u->addr = in->local;
    for (int k = 0; k < IT_UDP_PORTS; k++)
        if (t->port[k].state == IT_UDP_DUE || t->port[k].state == IT_UDP_ASKED)
            return;
    if (t->phase == IT_TUNNEL_BINDING)
        udp_settle(p, t);
}

void it_proxy_unbound(it_proxy *p, const it_io *in)
{
    it_tunnel *t;
    it_udp_port *u = find_port(p, in->flow, &t);
    if (!u)
        return;
    u->state = IT_UDP_NONE;
    it_relay_abort(&t->r);
}

int it_proxy_dissociate(it_proxy *p, it_tunnel *t)
{
    for (int k = 0; k < IT_UDP_PORTS; k++) {
        it_udp_port *u = &t->port[k];
        bool open = u->state == IT_UDP_ASKED || u->state == IT_UDP_BOUND;
        u->state = IT_UDP_NONE;
        if (!open)
            continue;
        if (it_grow(p->cfg.alloc, &p->unbind, &p->cap_unbind, p->n_unbind + 1, sizeof *p->unbind) < 0)
            return IT_ERR_NOMEM;
        p->unbind[p->n_unbind++] = u->flow;
    }
    return 0;
}

int it_proxy_udp_output(it_tunnel *t, it_io *out)
{
    for (int k = 0; k < IT_UDP_PORTS; k++) {
        it_udp_port *u = &t->port[k];
        if (u->state != IT_UDP_DUE)
            continue;
        u->state = IT_UDP_ASKED;
        *out = (it_io){.kind = IT_IO_BIND, .flow = u->flow, .local = u->addr};
        return 1;
    }
    return 0;
}

/* --- datagrams --- */

/* The place of |remote| in the table, |p|->n_peers when |t| has not sent there. */
static size_t find_peer(const it_proxy *p, it_addr remote, const it_tunnel *t)
{
    size_t i = 0;
    uint32_t client = t->r.s[0].flow;
    while (i < p->n_peers && !(p->peers[i].client == client && it_addr_eq(p->peers[i].remote, remote)))
        i++;
    return i;
}

static int udp_remember(it_proxy *p, it_addr remote, const it_tunnel *t)
{
    size_t i = find_peer(p, remote, t);
    if (i == IT_PROXY_PEERS) /* the place of the one that came longest ago */
        i = p->next_peer++ % IT_PROXY_PEERS;
    if (it_grow(p->cfg.alloc, &p->peers, &p->cap_peers, i + 1, sizeof *p->peers) < 0)
        return IT_ERR_NOMEM;
    p->peers[i] = (it_proxy_peer){remote, t->r.s[0].flow};
    p->n_peers = i < p->n_peers ? p->n_peers : i + 1;
    return 0;
}

/* What a datagram with header |m| is for, its name replaced by an address; false when it cannot be relayed, for lack of
 * memory when |*err| says so. */
static bool resolve(it_proxy *p, it_tunnel *t, it_socks_msg *m, int *err)
{
    if (m->name.n)
        m->addr.ip = it_proxy_known_ip(p, m->name);
    if (!it_ip_none(m->addr.ip))
        return true;
    /* RFC 1928 section 7: what cannot be relayed is dropped silently; those behind it find the name known. */
    int asked = m->name.n ? it_proxy_ask(p, t, m->name, false) : IT_ERR_NOTFOUND;
    p->stats.failed += asked == IT_ERR_NOTFOUND;
    *err = asked == IT_ERR_NOMEM ? asked : 0;
    return false;
}

static int from_client(it_proxy *p, it_tunnel *t, const it_io *in)
{
    it_socks_msg m;
    int err = 0;
    if (!it_ip_eq(in->remote.ip, t->client.ip) || (t->udp.port && t->udp.port != in->remote.port))
        return 0; /* section 7: from no other address than the one recorded */
    int n = it_socks_read_datagram(in->data, &m);
    if (n < 0)
        return 0;
    if (!it_proxy_allows(p, m.addr.port)) {
        p->stats.denied++;
        return 0;
    }
    if (!resolve(p, t, &m, &err))
        return err;
    const it_udp_port *out = &t->port[it_ip_is6(m.addr.ip) ? IT_UDP_V6 : IT_UDP_V4];
    if (out->state != IT_UDP_BOUND)
        return 0;
    t->udp = in->remote;
    if (udp_remember(p, m.addr, t) < 0)
        return IT_ERR_NOMEM;
    it_io io = {.kind = IT_IO_DGRAM, .flow = out->flow, .local = out->addr, .remote = m.addr};
    p->stats.bytes_up += in->data.n - (size_t)n;
    return it_proxy_answer_put(p, &io, it_bytes_of(NULL, 0), it_bytes_of(in->data.p + n, in->data.n - (size_t)n));
}

static int to_client(it_proxy *p, it_tunnel *t, const it_io *in)
{
    uint8_t head[IT_SOCKS_MAX];
    if (t->udp.port == 0 || find_peer(p, in->remote, t) == p->n_peers)
        return 0;
    const it_udp_port *u = &t->port[IT_UDP_INSIDE];
    size_t n = it_socks_datagram(head, in->remote);
    it_io io = {.kind = IT_IO_DGRAM, .flow = u->flow, .local = u->addr, .remote = t->udp};
    p->stats.bytes_down += in->data.n;
    return it_proxy_answer_put(p, &io, it_bytes_of(head, n), in->data);
}

int it_proxy_udp(it_proxy *p, it_time now, const it_io *in)
{
    it_tunnel *t;
    const it_udp_port *u = find_port(p, in->flow, &t);
    if (!u || t->phase != IT_TUNNEL_UDP)
        return (int)in->data.n;
    t->active = now;
    int err = u == &t->port[IT_UDP_INSIDE] ? from_client(p, t, in) : to_client(p, t, in);
    return err < 0 ? err : (int)in->data.n;
}
