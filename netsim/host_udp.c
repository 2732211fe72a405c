/* The host's UDP sockets and echo requests: packets out. */
#include "netsim/host_impl.h"

#define EPHEMERAL_LO 49152 /* RFC 6335 section 6 */
#define EPHEMERAL_N 16384

static bool taken(const it_host *h, it_addr local)
{
    for (size_t i = 0; i < h->n_sockets; i++) {
        const host_socket *s = &h->sockets[i];
        bool same_ip = it_ip_none(local.ip) || it_ip_none(s->local.ip) || it_ip_eq(local.ip, s->local.ip);
        if (s->open && s->local.port == local.port && same_ip)
            return true;
    }
    return false;
}

/* RFC 6056 section 3.3.1: a random start, then upwards until a port is free. */
static int ephemeral(it_host *h, it_addr *local)
{
    uint64_t start = it_rng_below(&h->rng, EPHEMERAL_N);
    for (uint64_t i = 0; i < EPHEMERAL_N; i++) {
        local->port = (uint16_t)(EPHEMERAL_LO + (start + i) % EPHEMERAL_N);
        if (!taken(h, *local))
            return 0;
    }
    return IT_ERR_EXISTS;
}

int it_host_udp(it_host *h, it_addr local, int iface)
{
    if (!it_ip_none(local.ip)) {
        int owner = it_host_iface_of(h, local.ip);
        if (owner < 0 || (iface >= 0 && owner != iface))
            return IT_ERR_NOROUTE;
    }
    if (local.port ? taken(h, local) : ephemeral(h, &local) < 0)
        return IT_ERR_EXISTS;
    size_t i = 0;
    while (i < h->n_sockets && h->sockets[i].open)
        i++;
    if (it_grow(it_world_alloc(h->node.world), &h->sockets, &h->cap_sockets, i + 1, sizeof *h->sockets) < 0)
        return IT_ERR_NOMEM;
    h->sockets[i] = (host_socket){true, local, iface};
    if (i == h->n_sockets)
        h->n_sockets++;
    return (int)i;
}

it_addr it_host_sockname(const it_host *h, int socket)
{
    return h->sockets[socket].local;
}

void it_host_close(it_host *h, int socket)
{
    if (socket >= 0 && (size_t)socket < h->n_sockets)
        h->sockets[socket].open = false;
}

/* Where a packet from |local| to |dst| leaves; fills an unset source. */
static int leave_by(const it_host *h, const host_socket *s, it_ip dst, it_ip *src)
{
    if (it_ip_none(s->local.ip))
        return it_host_source(h, dst, src);
    *src = s->local.ip;
    int i = it_host_iface_of(h, *src); /* strong host model, RFC 1122 section 3.3.4.2 */
    return i < 0 ? IT_ERR_NOROUTE : i;
}

int it_host_send(it_host *h, it_time now, int socket, it_addr to, it_bytes data, uint16_t label)
{
    if (socket < 0 || (size_t)socket >= h->n_sockets || !h->sockets[socket].open || h->silent)
        return IT_ERR_STATE;
    const host_socket *s = &h->sockets[socket];
    it_ip src;
    int i = leave_by(h, s, to.ip, &src);
    if (i < 0)
        return i;
    if (it_ip_is4(src) != it_ip_is4(to.ip))
        return IT_ERR_NOROUTE;
    it_pkt *p = it_node_packet(&h->node);
    if (!p)
        return IT_ERR_NOMEM;
    int err = it_pkt_udp(p, it_addr_of(src, s->local.port), to, data);
    if (err < 0) {
        it_pkt_free(it_world_pool(h->node.world), p);
        return err;
    }
    p->label = label;
    p->cause = h->cause;
    h->sent = p->id;
    return it_host_emit(h, now, i, p);
}

void it_host_cause(it_host *h, uint64_t packet)
{
    h->cause = packet;
}

uint64_t it_host_sent(const it_host *h)
{
    return h->sent;
}

int it_host_ping(it_host *h, it_time now, it_ip to, uint16_t seq, uint8_t hop_limit)
{
    it_ip src;
    int i = it_host_source(h, to, &src);
    if (i < 0)
        return i;
    it_pkt *p = it_node_packet(&h->node);
    if (!p)
        return IT_ERR_NOMEM;
    it_pkt_icmp_msg m = {.src = src, .dst = to, .type = it_ip_is4(to) ? 8 : 128, .hops = hop_limit, .rest = 0x10000u | seq};
    int err = it_pkt_icmp(p, &m);
    if (err < 0) {
        it_pkt_free(it_world_pool(h->node.world), p);
        return err;
    }
    return it_host_emit(h, now, i, p);
}
