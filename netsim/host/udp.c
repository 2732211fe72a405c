/* The host's UDP sockets and echo requests: packets out. */
#include "base/cksum.h"
#include "netsim/host/impl.h"

#include <string.h>

#define EPHEMERAL_LO 49152 /* RFC 6335 section 6 */
#define EPHEMERAL_N 16384

int it_host_on_port(const it_host *h, uint16_t port)
{
    const uint64_t key = port;
    uint32_t first = it_map_get(&h->ports, &key);
    return first == IT_MAP_NONE ? -1 : (int)first;
}

static bool port_taken(const it_host *h, it_addr local)
{
    for (int i = it_host_on_port(h, local.port); i >= 0; i = h->sockets[i].after) {
        it_ip theirs = h->sockets[i].local.ip;
        if (it_ip_none(local.ip) || it_ip_none(theirs) || it_ip_eq(local.ip, theirs))
            return true;
    }
    return false;
}

/* Whether |local| is free, and with |pair| the port behind it too. */
static bool port_free(const it_host *h, it_addr local, bool pair)
{
    return !port_taken(h, local) && (!pair || !port_taken(h, it_addr_of(local.ip, (uint16_t)(local.port + 1))));
}

/* RFC 6056 section 3.3.1: a random start, then upwards in steps of |step| until a port is free, with |pair| two in a
 * row. With 2 as |step| it is even. */
static int ephemeral(it_host *h, it_addr *local, uint64_t step, bool pair)
{
    uint64_t start = it_rng_below(&h->rng, EPHEMERAL_N) / step * step;
    for (uint64_t i = 0; i < EPHEMERAL_N; i += step) {
        local->port = (uint16_t)(EPHEMERAL_LO + (start + i) % EPHEMERAL_N);
        if (port_free(h, *local, pair))
            return 0;
    }
    return IT_ERR_EXISTS;
}

/* Whether |ip| is an address of |iface|, or of any for -1. */
static bool is_at(const it_host *h, it_ip ip, int iface)
{
    int owner = it_host_iface_of(h, ip);
    return owner >= 0 && (iface < 0 || owner == iface);
}

/* The least free number of a socket, maybe behind all there are; -1 without memory. */
static int free_socket(it_host *h)
{
    uint32_t i = it_bits_next(&h->unused, 0);
    if (i != IT_BITS_NONE)
        return (int)i;
    i = (uint32_t)h->n_sockets;
    if (it_grow(it_world_alloc(h->node.world), &h->sockets, &h->cap_sockets, i + 1, sizeof *h->sockets) < 0 ||
        it_bits_grow(&h->unused, i + 1) < 0)
        return -1;
    h->sockets[h->n_sockets++] = (host_socket){.open = false};
    it_bits_add(&h->unused, i);
    return (int)i;
}

/* Puts socket |i| among those on its port, in the order of numbers. Returns 0 or IT_ERR_NOMEM. */
static int join_port(it_host *h, int i)
{
    host_socket *s = &h->sockets[i];
    const uint64_t key = s->local.port;
    int at = it_host_on_port(h, s->local.port);
    s->after = at;
    if (at < 0 || at > i)
        return it_map_put(&h->ports, &key, (uint32_t)i);
    while (h->sockets[at].after >= 0 && h->sockets[at].after < i)
        at = h->sockets[at].after;
    s->after = h->sockets[at].after;
    h->sockets[at].after = i;
    return 0;
}

static void leave_port(it_host *h, int i)
{
    const host_socket *s = &h->sockets[i];
    const uint64_t key = s->local.port;
    int at = it_host_on_port(h, s->local.port);
    if (at == i && s->after < 0)
        (void)it_map_del(&h->ports, &key);
    else if (at == i)
        (void)it_map_put(&h->ports, &key, (uint32_t)s->after); /* in place of what is there: needs no memory */
    for (; at >= 0 && at != i; at = h->sockets[at].after)
        if (h->sockets[at].after == i)
            h->sockets[at].after = s->after;
}

int it_host_udp(it_host *h, it_addr local, int iface)
{
    if (!it_ip_none(local.ip) && !is_at(h, local.ip, iface))
        return IT_ERR_NOROUTE;
    if (local.port && port_taken(h, local))
        return IT_ERR_EXISTS;
    if (!local.port && ephemeral(h, &local, 1, false) < 0)
        return IT_ERR_EXISTS;
    int i = free_socket(h);
    if (i < 0)
        return IT_ERR_NOMEM;
    h->sockets[i] = (host_socket){.open = true, .local = local, .iface = iface};
    if (join_port(h, i) < 0) {
        h->sockets[i].open = false;
        return IT_ERR_NOMEM;
    }
    it_bits_del(&h->unused, (uint32_t)i);
    return i;
}

/* Finds an even port for |local|, with |pair| one whose successor is free too. Returns as it_host_udp_even. */
static int pick_even(it_host *h, it_addr *local, int iface, bool pair)
{
    if (local->port % 2)
        return IT_ERR_RANGE;
    if (!it_ip_none(local->ip) && !is_at(h, local->ip, iface))
        return IT_ERR_NOROUTE;
    if (!local->port)
        return ephemeral(h, local, 2, pair);
    return port_free(h, *local, pair) ? 0 : IT_ERR_EXISTS;
}

int it_host_udp_even(it_host *h, it_addr local, int iface, bool pair, int out[2])
{
    out[0] = out[1] = -1;
    int err = pick_even(h, &local, iface, pair);
    if (err < 0)
        return err;
    int first = it_host_udp(h, local, iface);
    if (first < 0)
        return first;
    local.port++;
    int second = pair ? it_host_udp(h, local, iface) : -1;
    if (pair && second < 0) {
        it_host_close(h, first);
        return second;
    }
    out[0] = first;
    out[1] = second;
    return 0;
}

it_addr it_host_sockname(const it_host *h, int socket)
{
    return h->sockets[socket].local;
}

/* The socket with number |socket|, NULL when there is none. */
static const host_socket *open_socket(const it_host *h, int socket)
{
    bool open = socket >= 0 && (size_t)socket < h->n_sockets && h->sockets[socket].open;
    return open ? &h->sockets[socket] : NULL;
}

void it_host_close(it_host *h, int socket)
{
    if (!open_socket(h, socket))
        return;
    leave_port(h, socket);
    h->sockets[socket].open = false;
    it_bits_add(&h->unused, (uint32_t)socket);
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

/* The checksum of |m| with the pseudo header, which ICMP of IPv4 does not have. RFC 768, RFC 792, RFC 8200 section 8.1.
 */
static uint16_t checksum(const host_msg *m)
{
    uint8_t pseudo[40];
    it_put64(pseudo, m->src.hi);
    it_put64(pseudo + 8, m->src.lo);
    it_put64(pseudo + 16, m->dst.hi);
    it_put64(pseudo + 24, m->dst.lo);
    if (it_ip_is4(m->src)) {
        memset(pseudo, 0, 32);
        it_put32(pseudo, it_ip_v4(m->src));
        it_put32(pseudo + 4, it_ip_v4(m->dst));
    }
    it_put32(pseudo + 32, (uint32_t)m->l4.n);
    it_put32(pseudo + 36, m->proto);
    uint64_t sum = m->proto == IT_PROTO_ICMP ? 0 : it_sum_add(0, pseudo, sizeof pseudo);
    return it_sum_fold(it_sum_add(sum, m->l4.p, m->l4.n));
}

int it_host_message(it_host *h, it_time now, int i, const host_msg *m, const uint8_t head[8])
{
    it_alloc *a = it_world_alloc(h->node.world);
    host_msg all = *m;
    bool udp = m->proto == IT_PROTO_UDP;
    if (m->l4.n + 8 > UINT16_MAX)
        return IT_ERR_TOOBIG;
    uint8_t *b = it_malloc(a, m->l4.n + 8);
    if (!b)
        return IT_ERR_NOMEM;
    memcpy(b, head, 8);
    if (m->l4.n)
        memcpy(b + 8, m->l4.p, m->l4.n);
    all.l4 = it_bytes_of(b, m->l4.n + 8);
    uint16_t ck = checksum(&all);
    it_put16(b + (udp ? 6 : 2), udp && ck == 0 ? 0xffff : ck); /* RFC 768: a computed zero is sent as all ones */
    int err = it_host_frag_send(h, now, i, &all);
    it_free(a, b);
    return err;
}

static int send_large(it_host *h, it_time now, int i, const host_msg *m, uint32_t ports)
{
    uint8_t head[8] = {0};
    it_put32(head, ports);
    it_put16(head + 4, (uint16_t)(m->l4.n + 8));
    return it_host_message(h, now, i, m, head);
}

/* |m| is larger than |mtu| and must not be cut: says so to its sender. */
static int refuse_large(it_host *h, int i, const host_msg *m, uint32_t ports, uint32_t mtu)
{
    uint8_t start[8 + IT_PKT_MAX] = {0};
    host_msg quoted = *m;
    size_t n = m->l4.n < IT_PKT_MAX ? m->l4.n : IT_PKT_MAX, total = m->l4.n + 8;
    if (total > UINT16_MAX)
        return IT_ERR_TOOBIG; /* it would be no packet */
    it_put32(start, ports);
    it_put16(start + 4, (uint16_t)total);
    memcpy(start + 8, m->l4.p, n);
    quoted.l4 = it_bytes_of(start, 8 + n);
    it_host_frag_refuse(h, i, &quoted, total, mtu);
    return IT_ERR_TOOBIG;
}

/* Makes the header of |p|, new from it_pkt_udp, say what |m| says. Returns 0 or IT_ERR_NOMEM. */
static int put_meta(it_host *h, it_pkt *p, it_host_meta m)
{
    uint8_t *b = it_pkt_ip(p);
    if (p->ver == 6) {
        it_put16(b, (uint16_t)(0x6000 | m.tos << 4)); /* RFC 8200 section 3 */
        b[7] = m.ttl ? m.ttl : b[7];
        return 0;
    }
    b[1] = m.tos;
    b[8] = m.ttl ? m.ttl : b[8];
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, p->l4)));
    return m.frag ? it_host_frag_allow(h, p) : 0;
}

/* Sends |data|, which is no larger than the path takes, as one packet. */
static int send_packet(it_host *h, it_time now, int i, const host_msg *m, uint16_t sport, uint16_t dport, bool frag)
{
    it_pkt *p = it_node_packet(&h->node);
    if (!p)
        return IT_ERR_NOMEM;
    int err = it_pkt_udp(p, it_addr_of(m->src, sport), it_addr_of(m->dst, dport), m->l4);
    if (err == 0 && (frag || m->hops || m->tos))
        err = put_meta(h, p, (it_host_meta){frag, m->hops, m->tos});
    if (err < 0) {
        it_pkt_free(it_world_pool(h->node.world), p);
        return err;
    }
    p->label = m->label;
    p->cause = h->cause;
    h->sent = p->id;
    return it_host_emit(h, now, i, p);
}

int it_host_send_as(it_host *h, it_time now, int socket, it_addr to, it_bytes data, uint16_t label, it_host_meta m)
{
    const host_socket *s = open_socket(h, socket);
    if (!s || h->silent)
        return IT_ERR_STATE;
    host_msg out = {.dst = to.ip, .proto = IT_PROTO_UDP, .hops = m.ttl, .tos = m.tos, .label = label, .l4 = data};
    int i = leave_by(h, s, to.ip, &out.src);
    if (i < 0)
        return i;
    if (it_ip_is4(out.src) != it_ip_is4(to.ip))
        return IT_ERR_NOROUTE;
    uint32_t mtu = it_host_frag_mtu(h, now, i, to.ip), ports = (uint32_t)s->local.port << 16 | to.port;
    if (data.n + (it_ip_is4(out.src) ? 28 : 48) <= mtu)
        return send_packet(h, now, i, &out, s->local.port, to.port, m.frag);
    if (m.frag)
        return send_large(h, now, i, &out, ports);
    return refuse_large(h, i, &out, ports, mtu);
}

int it_host_send(it_host *h, it_time now, int socket, it_addr to, it_bytes data, uint16_t label)
{
    return it_host_send_as(h, now, socket, to, data, label, (it_host_meta){.frag = false});
}

void it_host_cause(it_host *h, uint64_t packet)
{
    h->cause = packet;
}

uint64_t it_host_sent(const it_host *h)
{
    return h->sent;
}

int it_host_echo(it_host *h, it_time now, int i, const it_pkt_icmp_msg *m)
{
    uint8_t head[8] = {m->type, m->code};
    bool v4 = it_ip_is4(m->src);
    if (m->body.n + (v4 ? 28 : 48) > it_host_frag_mtu(h, now, i, m->dst)) {
        host_msg large = {.src = m->src, .dst = m->dst, .hops = m->hops, .l4 = m->body};
        large.proto = v4 ? IT_PROTO_ICMP : IT_PROTO_ICMP6;
        it_put32(head + 4, m->rest);
        return it_host_message(h, now, i, &large, head);
    }
    it_pkt *p = it_node_packet(&h->node);
    if (!p)
        return IT_ERR_NOMEM;
    int err = it_pkt_icmp(p, m);
    if (err < 0) {
        it_pkt_free(it_world_pool(h->node.world), p);
        return err;
    }
    return it_host_emit(h, now, i, p);
}

/* An echo request from the source that is right for |m|->dst. */
static int ping(it_host *h, it_time now, it_pkt_icmp_msg *m, uint16_t seq)
{
    int i = it_host_source(h, m->dst, &m->src);
    if (i < 0)
        return i;
    m->type = it_ip_is4(m->dst) ? 8 : 128;
    m->rest = 0x10000u | seq;
    return it_host_echo(h, now, i, m);
}

int it_host_ping(it_host *h, it_time now, it_ip to, uint16_t seq, uint8_t hop_limit)
{
    it_pkt_icmp_msg m = {.dst = to, .hops = hop_limit};
    return ping(h, now, &m, seq);
}

int it_host_ping_sized(it_host *h, it_time now, it_ip to, uint16_t seq, size_t size)
{
    static const uint8_t zeros[UINT16_MAX];
    it_pkt_icmp_msg m = {.dst = to, .body = it_bytes_of(zeros, size)};
    return size > sizeof zeros ? IT_ERR_TOOBIG : ping(h, now, &m, seq);
}
