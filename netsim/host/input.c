/* Packets and carrier changes that reached a host: to a socket, answered, or dropped with a reason. */
#include "base/cksum.h"
#include "netsim/core/refuse.h"
#include "netsim/host/impl.h"
#include "netsim/host/transport.h"

/* Whether |p| is what the host tells itself (it_host_frag_refuse), which no wire has carried. */
static bool own_word(const it_pkt *p)
{
    return it_ip_eq(p->src, p->dst);
}

static void drop_packet(it_host *h, it_time now, it_pkt *p, enum it_drop why)
{
    it_node_drop(&h->node, now, (int)p->at, p, why, NULL);
}

static int find_socket(const it_host *h, it_addr local, int iface)
{
    for (int i = it_host_on_port(h, local.port); i >= 0; i = h->sockets[i].after) {
        const host_socket *s = &h->sockets[i];
        bool here = s->iface < 0 || s->iface == iface;
        if (here && (it_ip_none(s->local.ip) || it_ip_eq(s->local.ip, local.ip)))
            return i;
    }
    return -1;
}

/* The socket that hears what is sent to a group, on |iface|: that of the port, whatever address of the interface it is
 * bound to. */
static int find_member(const it_host *h, it_addr group, int iface)
{
    for (int i = it_host_on_port(h, group.port); i >= 0; i = h->sockets[i].after) {
        const host_socket *s = &h->sockets[i];
        bool here = s->iface < 0 || s->iface == iface;
        bool bound = it_ip_none(s->local.ip) ||
                     (it_host_iface_of(h, s->local.ip) == iface && it_ip_is4(s->local.ip) == it_ip_is4(group.ip));
        if (here && bound)
            return i;
    }
    return -1;
}

static bool is_stun(it_bytes d)
{
    return d.n >= 20 && (d.p[0] & 0xc0) == 0 && it_get32(d.p + 4) == 0x2112A442u; /* RFC 8489 section 5 */
}

/* Drops |p|, for which nobody listens, and says so. */
static void unreachable(it_host *h, it_time now, it_pkt *p)
{
    int iface = (int)p->at;
    it_refusal why = it_refusal_of(p->ver, IT_REFUSE_NO_PORT, p->dst, IT_DROP_NO_SOCKET);
    it_pkt *e = it_refuse(&h->node, now, iface, p, &why);
    if (e)
        (void)it_host_emit(h, now, iface, e);
}

/* The transport header of |p| and all behind it, where a datagram put together has them beside the packet. */
static it_bytes transport(const it_host *h, const it_pkt *p)
{
    return h->whole ? it_bytes_of(h->whole, h->whole_n) : it_bytes_of(p->buf + p->head + p->l4, (size_t)p->len - p->l4);
}

/* it_pkt_cksum_ok for a datagram too large for a packet, of which |p| is the first fragment. */
static bool cksum_ok(const it_host *h, const it_pkt *p)
{
    const uint8_t *b = p->buf + p->head;
    if (!h->whole)
        return it_pkt_cksum_ok(p);
    if (p->proto == IT_PROTO_UDP && it_get16(h->whole + 6) == 0)
        return p->ver == 4;
    uint64_t sum = p->proto == IT_PROTO_ICMP
                       ? 0
                       : it_sum_add(p->proto + h->whole_n, b + (p->ver == 4 ? 12 : 8), p->ver == 4 ? 8 : 32);
    return it_sum_fold(it_sum_add(sum, h->whole, h->whole_n)) == 0;
}

/* What the header of |p| says, which came in fragments when it was |joined|. RFC 791 section 3.1, RFC 8200 section 3.
 */
static it_host_meta meta_of(const it_pkt *p, bool joined)
{
    const uint8_t *b = p->buf + p->head;
    if (p->ver == 6)
        return (it_host_meta){joined, b[7], (uint8_t)(it_get16(b) >> 4)};
    return (it_host_meta){joined || !(b[6] & 0x40), b[8], b[1]};
}

static int on_udp(it_host *h, it_time now, it_pkt *p)
{
    int iface = (int)p->at;
    it_bytes data = transport(h, p);
    if (h->whole && it_get16(data.p + 4) != data.n) {
        drop_packet(h, now, p, IT_DROP_MALFORMED); /* RFC 768: the length is that of header and data */
        return 0;
    }
    data = h->whole ? it_bytes_of(data.p + 8, data.n - 8) : it_pkt_payload(p);
    if (!cksum_ok(h, p)) {
        drop_packet(h, now, p, IT_DROP_CHECKSUM);
        return 0;
    }
    if (is_stun(data)) /* whether or not somebody listens: it has arrived */
        h->stats.rx_stun_bytes += data.n;
    bool group = it_ip_multicast(p->dst);
    it_addr to = it_addr_of(p->dst, p->dport);
    int s = h->silent ? -1 : group ? find_member(h, to, iface) : find_socket(h, to, iface);
    if (s < 0) {
        unreachable(h, now, p);
        return 0;
    }
    it_host_event ev = {.kind = IT_HOST_DATAGRAM, .socket = s, .iface = iface, .data = data, .packet = p->id};
    ev.local = to;
    ev.remote = it_addr_of(p->src, p->sport);
    ev.meta = meta_of(p, h->joined);
    if (it_host_push(h, ev) < 0) {
        it_pkt_free(it_world_pool(h->node.world), p);
        return IT_ERR_NOMEM;
    }
    h->held = p; /* freed when the next event is asked for */
    return 0;
}

/* RFC 1122 section 3.2.2.6, RFC 4443 section 4.2: an echo reply with the same identifier, sequence and data. */
static void echo_reply(it_host *h, it_time now, const it_pkt *p, it_bytes l4)
{
    it_pkt_icmp_msg m = {.src = p->dst, .dst = p->src, .type = p->ver == 4 ? 0 : 129, .rest = it_get32(l4.p + 4)};
    m.body = it_bytes_of(l4.p + 8, l4.n - 8);
    if (it_host_echo(h, now, (int)p->at, &m) == IT_ERR_NOMEM)
        it_node_oom(&h->node);
}

/* Where UDP begins in the IPv4 packet |in|, of which the rest may be cut off; 0 where there is none, as in a later
 * fragment. */
static size_t udp_in_4(it_bytes in)
{
    size_t ihl = in.n ? (size_t)(in.p[0] & 15) * 4 : 0;
    if (ihl < 20 || in.n < ihl)
        return 0;
    bool first = (it_get16(in.p + 6) & 0x1fff) == 0;
    return first && in.p[9] == IT_PROTO_UDP ? ihl : 0;
}

/* The same of IPv6, behind a fragment header too. */
static size_t udp_in_6(it_bytes in)
{
    if (in.n < 48)
        return 0;
    if (in.p[6] == IT_PROTO_UDP)
        return 40;
    bool first = (it_get16(in.p + 42) & 0xfff8) == 0;
    return first && in.p[6] == 44 && in.p[40] == IT_PROTO_UDP ? 48 : 0;
}

/* Reads the addresses, ports and payload of the UDP packet, or of its first fragment, inside an ICMP error at |inner|;
 * false when it is none of ours. */
static bool embedded(const it_pkt *p, it_bytes inner, it_host_event *ev)
{
    bool v4 = p->ver == 4;
    size_t ihl = v4 ? udp_in_4(inner) : udp_in_6(inner), at = v4 ? 12 : 8, w = v4 ? 4 : 16;
    if (ihl == 0 || inner.n < ihl + 8)
        return false;
    ev->local = it_addr_of(it_ip_from_bytes(inner.p + at, w), it_get16(inner.p + ihl));
    ev->remote = it_addr_of(it_ip_from_bytes(inner.p + at + w, w), it_get16(inner.p + ihl + 2));
    ev->data = it_bytes_of(inner.p + ihl + 8, inner.n - ihl - 8);
    return true;
}

/* The MTU of the next hop that ICMP error |l4| tells, 0 when it tells none. RFC 1191 section 4, RFC 4443 section 3.2.
 */
static uint32_t mtu_told(const it_pkt *p, const uint8_t *l4)
{
    if (p->ver == 4)
        return l4[0] == 3 && l4[1] == 4 ? it_get16(l4 + 6) : 0;
    return l4[0] == 2 ? it_get32(l4 + 4) : 0;
}

/* Whether the IPv4 packet quoted at |in| was larger than |mtu|, which some ICMP error says stopped it, and not to be
 * cut: RFC 1191 section 3. Else nobody has turned it down. RFC 5927 section 7.2. */
static bool larger4(const uint8_t *in, uint32_t mtu)
{
    return mtu && it_get16(in + 2) > mtu && in[6] & 0x40;
}

/* The size of what passes to |ev|->remote is learned from |p|, an ICMP error |l4| that tells one, unless nobody can
 * have said so. */
static void learn_path(it_host *h, it_time now, it_pkt *p, it_host_event *ev, it_bytes l4)
{
    uint32_t before = it_host_size(h, now, ev->iface, ev->remote.ip);
    if (p->ver == 6)
        it_host_frag_too_big(h, now, p);
    else if (ev->socket >= 0 && larger4(l4.p + 8, ev->mtu))
        it_host_frag_learn(h, now, ev->remote.ip, ev->mtu);
    uint32_t after = it_host_size(h, now, ev->iface, ev->remote.ip);
    ev->size = after < before ? after : 0;
}

/* Tells the socket that sent what the ICMP error |l4| in |p| quotes, if there is one. Takes |p|. */
static int on_icmp_error(it_host *h, it_time now, it_pkt *p, it_host_event ev, it_bytes l4)
{
    ev.kind = IT_HOST_ICMP;
    ev.from = p->src;
    ev.mtu = mtu_told(p, l4.p);
    bool ours = embedded(p, it_bytes_of(l4.p + 8, l4.n - 8), &ev);
    ev.socket = ours ? find_socket(h, ev.local, ev.iface) : -1;
    if (ev.mtu && !own_word(p))
        learn_path(h, now, p, &ev, l4);
    int err = ev.socket >= 0 ? it_host_push(h, ev) : 0;
    if (ev.socket >= 0 && err == 0)
        h->held = p; /* freed when the next event is asked for */
    else
        it_pkt_free(it_world_pool(h->node.world), p);
    return err;
}

static int on_icmp(it_host *h, it_time now, it_pkt *p)
{
    it_bytes all = transport(h, p);
    const uint8_t *l4 = all.p;
    size_t n = all.n;
    int err = 0;
    it_host_event ev = {.iface = (int)p->at, .packet = p->id};
    if (n < 8 || !cksum_ok(h, p)) {
        drop_packet(h, now, p, IT_DROP_CHECKSUM);
        return 0;
    }
    ev.icmp_type = l4[0];
    ev.icmp_code = l4[1];
    if (it_pkt_is_icmp_error(p) && h->whole) {
        drop_packet(h, now, p,
                    IT_DROP_MALFORMED); /* RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c): none is that large */
        return 0;
    }
    if (it_pkt_is_icmp_error(p)) {
        it_tcp_icmp(h, now, p);
        return on_icmp_error(h, now, p, ev, all);
    } else if (l4[0] == (p->ver == 4 ? 8 : 128)) {
        if (!h->silent)
            echo_reply(h, now, p, all);
    } else if (l4[0] == (p->ver == 4 ? 0 : 129)) {
        ev.kind = IT_HOST_ECHO;
        ev.socket = -1;
        ev.remote = it_addr_of(p->src, it_get16(l4 + 6));
        err = it_host_push(h, ev);
    }
    it_pkt_free(it_world_pool(h->node.world), p);
    return err;
}

/* Forgets the bytes of a datagram put together. */
static void drop_whole(it_host *h)
{
    if (h->whole)
        it_free(it_world_alloc(h->node.world), h->whole);
    h->whole = NULL;
}

static int on_whole(it_host *h, it_time now, it_pkt *p)
{
    if (p->proto == IT_PROTO_UDP)
        return on_udp(h, now, p);
    if (p->proto == IT_PROTO_ICMP || p->proto == IT_PROTO_ICMP6)
        return on_icmp(h, now, p);
    if (p->proto == IT_PROTO_TCP && !h->whole) {
        it_tcp_input(h, now, p);
        return 0;
    }
    drop_packet(h, now, p, IT_DROP_NO_SOCKET);
    return 0;
}

static int on_packet(it_host *h, it_time now, it_pkt *p)
{
    if (!own_word(p)) {
        h->stats.rx_bytes += p->len;
        h->stats.rx_packets++;
    }
    bool group = p->proto == IT_PROTO_UDP && it_ip_multicast(p->dst);
    if (!group && it_host_iface_of(h, p->dst) != (int)p->at) {
        drop_packet(h, now, p, IT_DROP_NOT_MINE); /* RFC 1122 section 3.3.4.2 */
        return 0;
    }
    h->joined = p->frag != 0;
    if (p->frag && !(p = it_host_join(h, now, p)))
        return 0;
    int err = on_whole(h, now, p);
    if (!h->held)
        drop_whole(h);
    return err;
}

static int tell_links(it_host *h)
{
    for (int i = 0; i < (int)h->n_ifaces && i < 32; i++) {
        if (!h->link_event[i])
            continue;
        h->link_event[i] = false;
        int err = it_host_push(
            h, (it_host_event){.kind = IT_HOST_LINK, .socket = -1, .iface = i, .up = it_host_iface_usable(h, i)});
        if (err < 0)
            return err;
    }
    return 0;
}

/* One packet at a time: its event borrows its bytes. */
int it_host_input(it_host *h, it_time now)
{
    int err = tell_links(h);
    while (err == 0 && h->in_head && !h->held) {
        it_pkt *p = h->in_head;
        h->in_head = p->next;
        if (!h->in_head)
            h->in_tail = NULL;
        p->next = NULL;
        err = on_packet(h, now, p);
    }
    if (!h->in_head)
        it_world_clear_ready(h->node.world, &h->node);
    return err;
}

int it_host_event_next(it_host *h, it_host_event *ev)
{
    while (h->ev_n) {
        *ev = h->events[h->ev_head++];
        if (--h->ev_n == 0)
            h->ev_head = 0;
        if (it_tcp_event_taken(h, ev))
            return 1;
    }
    if (h->held) {
        it_pkt_free(it_world_pool(h->node.world), h->held);
        drop_whole(h);
    }
    h->held = NULL;
    return 0;
}
