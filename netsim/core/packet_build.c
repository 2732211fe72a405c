/* Packets made from nothing: UDP datagrams, ICMP messages, ICMP errors about other packets. */
#include "base/cksum.h"
#include "netsim/core/packet.h"

#include <string.h>

#define HOPS 64 /* RFC 1122 section 3.2.1.7 and the list of assigned numbers */

/* The words of an address, summed. Sums are taken from values, not from bytes just written: reading those back at
 * another width waits for the write. */
static uint64_t sum_ip(it_ip ip)
{
    if (it_ip_is4(ip))
        return it_ip_v4(ip);
    return (ip.hi >> 32) + (ip.hi & 0xffffffff) + (ip.lo >> 32) + (ip.lo & 0xffffffff);
}

static void head4(it_pkt *p, uint64_t addrs, uint8_t hops)
{
    uint8_t *b = it_pkt_ip(p);
    /* DF: RFC 6864 section 4.1 then leaves the identification free, here 0. */
    uint32_t first = 0x45000000u | p->len, second = 0x00004000u,
             third = (uint32_t)hops << 24 | (uint32_t)p->proto << 16;
    third |= it_sum_fold(addrs + first + second + third);
    it_put32(b, first);
    it_put32(b + 4, second);
    it_put32(b + 8, third);
    it_put32(b + 12, it_ip_v4(p->src));
    it_put32(b + 16, it_ip_v4(p->dst));
}

static void head6(it_pkt *p, uint8_t hops)
{
    uint8_t *b = it_pkt_ip(p);
    it_put32(b, 0x60000000u);
    it_put16(b + 4, (uint16_t)(p->len - 40));
    b[6] = p->proto;
    b[7] = hops;
    it_put64(b + 8, p->src.hi);
    it_put64(b + 16, p->src.lo);
    it_put64(b + 24, p->dst.hi);
    it_put64(b + 32, p->dst.lo);
}

/* Makes |p| an IP packet with |n| bytes of |proto| behind the header, |p|->src and dst being set. |*sum| is that of the
 * pseudo header (RFC 768, RFC 8200 section 8.1). Returns where the bytes go, or NULL when they do not fit. */
static inline __attribute__((always_inline)) uint8_t *begin_packet(it_pkt *p, uint8_t proto, uint8_t hops, size_t n,
                                                                   uint64_t *sum)
{
    bool v4 = it_ip_is4(p->src);
    size_t hdr = v4 ? 20 : 40;
    if (n > IT_PKT_MAX - hdr)
        return NULL;
    p->head = IT_PKT_HEADROOM;
    p->len = (uint16_t)(hdr + n);
    p->l4 = (uint16_t)hdr;
    p->ver = v4 ? 4 : 6;
    p->proto = proto;
    p->frag = 0;
    p->summed = true; /* the caller makes the checksum with the bytes */
    uint64_t addrs = sum_ip(p->src) + sum_ip(p->dst);
    *sum = addrs + proto + n;
    if (v4)
        head4(p, addrs, hops);
    else
        head6(p, hops);
    return it_pkt_ip(p) + hdr;
}

int it_pkt_udp(it_pkt *p, it_addr src, it_addr dst, it_bytes payload)
{
    if (it_ip_is4(src.ip) != it_ip_is4(dst.ip))
        return IT_ERR_RANGE;
    if (payload.n > IT_PKT_MAX)
        return IT_ERR_TOOBIG;
    size_t n = payload.n + 8;
    uint64_t sum;
    p->src = src.ip;
    p->dst = dst.ip;
    uint8_t *t = begin_packet(p, IT_PROTO_UDP, HOPS, n, &sum);
    if (!t)
        return IT_ERR_TOOBIG;
    sum += ((uint64_t)src.port << 16) + dst.port + n;
    uint16_t ck = it_sum_fold(it_sum_add(sum, payload.p, payload.n));
    it_put16(t, src.port);
    it_put16(t + 2, dst.port);
    it_put16(t + 4, (uint16_t)n);
    /* RFC 768: a computed zero is sent as all ones. */
    it_put16(t + 6, ck ? ck : 0xffff);
    if (payload.n)
        memcpy(t + 8, payload.p, payload.n);
    p->ck = (uint16_t)(p->l4 + 6);
    p->ports = IT_PKT_PORTS_PAIR;
    p->sport = src.port;
    p->dport = dst.port;
    return 0;
}

int it_pkt_tcp(it_pkt *p, const it_pkt_tcp_msg *m)
{
    if (it_ip_is4(m->src.ip) != it_ip_is4(m->dst.ip) || m->options.n % 4 || m->options.n > 40)
        return IT_ERR_RANGE;
    if (m->data[0].n > IT_PKT_MAX || m->data[1].n > IT_PKT_MAX)
        return IT_ERR_TOOBIG;
    size_t head = 20 + m->options.n, n = head + m->data[0].n + m->data[1].n;
    uint64_t sum;
    p->src = m->src.ip;
    p->dst = m->dst.ip;
    uint8_t *t = begin_packet(p, IT_PROTO_TCP, HOPS, n, &sum);
    if (!t)
        return IT_ERR_TOOBIG;
    it_put16(t, m->src.port);
    it_put16(t + 2, m->dst.port);
    it_put32(t + 4, m->seq);
    it_put32(t + 8, m->ack);
    it_put16(t + 12, (uint16_t)(head / 4 << 12 | m->flags));
    it_put16(t + 14, m->window);
    it_put32(t + 16, 0);
    if (m->options.n)
        memcpy(t + 20, m->options.p, m->options.n);
    for (size_t i = 0, at = head; i < 2; at += m->data[i++].n)
        if (m->data[i].n)
            memcpy(t + at, m->data[i].p, m->data[i].n);
    it_put16(t + 16, it_sum_fold(it_sum_add(sum, t, n)));
    p->ck = (uint16_t)(p->l4 + 16);
    p->ports = IT_PKT_PORTS_PAIR;
    p->sport = m->src.port;
    p->dport = m->dst.port;
    return 0;
}

int it_pkt_icmp(it_pkt *p, const it_pkt_icmp_msg *m)
{
    bool v4 = it_ip_is4(m->src);
    if (v4 != it_ip_is4(m->dst))
        return IT_ERR_RANGE;
    if (m->body.n > IT_PKT_MAX)
        return IT_ERR_TOOBIG;
    size_t n = m->body.n + 8;
    uint64_t sum;
    p->src = m->src;
    p->dst = m->dst;
    uint8_t *t = begin_packet(p, v4 ? IT_PROTO_ICMP : IT_PROTO_ICMP6, m->hops ? m->hops : HOPS, n, &sum);
    if (!t)
        return IT_ERR_TOOBIG;
    t[0] = m->type;
    t[1] = m->code;
    it_put16(t + 2, 0);
    it_put32(t + 4, m->rest);
    if (m->body.n)
        memcpy(t + 8, m->body.p, m->body.n);
    /* RFC 792: without a pseudo header; RFC 4443 section 2.3: with one. */
    it_put16(t + 2, it_sum_fold(it_sum_add(v4 ? 0 : sum, t, n)));
    return it_pkt_scan(p);
}

/* RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e): no error to what is not one host. */
static bool may_complain(const it_pkt *about, uint8_t type)
{
    if (it_pkt_is_icmp_error(about) || !it_ip_unicast(about->src))
        return false;
    if (about->ver ==
        4) /* RFC 4443 has no rule about later fragments, and RFC 8200 section 4.5 wants errors about them */
        return about->frag != 2 && it_ip_unicast(about->dst);
    /* RFC 4443 section 2.4 (e.2): nor about a redirect; (e.3): about a multicast only "too big". */
    if (about->proto == IT_PROTO_ICMP6 && about->ck && about->buf[about->head + about->l4] == 137)
        return false;
    return it_ip_unicast(about->dst) || type == 2;
}

/* Makes the header of ICMP error |p| what RFC 1812 asks for: section 4.3.2.5, the precedence INTERNETWORK CONTROL over
 * the type of service of |about|; not DF, since the host that hears of it may be behind a small link. RFC 6864
 * section 4.3: then the identification is a new one. */
static void error_header4(it_pkt *p, const it_pkt *about)
{
    uint8_t *b = it_pkt_ip(p);
    b[1] = (uint8_t)((about->buf[about->head + 1] & 0x1e) | 0xc0);
    it_put16(b + 4, (uint16_t)p->id);
    it_put16(b + 6, 0);
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_five(b)));
}

int it_pkt_icmp_error(it_pkt *p, it_ip src, it_pkt *about, uint8_t type, uint8_t code, uint32_t mtu)
{
    bool v4 = about->ver == 4;
    if (it_ip_is4(src) != v4)
        return IT_ERR_RANGE;
    if (!may_complain(about, type))
        return IT_ERR_STATE;
    /* RFC 1812 section 4.3.2.3: at most 576 bytes in all; RFC 4443 section 2.4 (c): at most the minimum IPv6 MTU. */
    size_t most = v4 ? 576 - 28 : 1280 - 48;
    it_bytes body = it_pkt_bytes(about);
    if (body.n > most)
        body.n = most;
    /* RFC 1191 section 4: the next-hop MTU is the low half of the word; RFC 4443 section 3.2: all of it. */
    it_pkt_icmp_msg m = {
        .src = src, .dst = about->src, .type = type, .code = code, .rest = v4 ? mtu & 0xffff : mtu, .body = body};
    int err = it_pkt_icmp(p, &m);
    if (err == 0 && v4)
        error_header4(p, about);
    p->cause = about->id;
    return err;
}
