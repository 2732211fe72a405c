/* Packets made from nothing: UDP datagrams, ICMP messages, ICMP errors about other packets. */
#include "base/cksum.h"
#include "netsim/packet.h"

#include <string.h>

#define HOPS 64 /* RFC 1122 section 3.2.1.7 and the list of assigned numbers */

/* Starts |p| as an IP packet from |src| to |dst| with |n| bytes of |proto| behind the header. Returns where they go, or NULL when
 * they do not fit. */
static uint8_t *begin(it_pkt *p, it_ip src, it_ip dst, uint8_t proto, size_t n)
{
    bool v4 = it_ip_is4(src);
    size_t hdr = v4 ? 20 : 40;
    if (n > IT_PKT_MAX - hdr)
        return NULL;
    p->head = IT_PKT_HEADROOM;
    p->len = (uint16_t)(hdr + n);
    p->l4 = (uint16_t)hdr;
    p->src = src;
    p->dst = dst;
    p->ver = v4 ? 4 : 6;
    p->proto = proto;
    p->frag = 0;
    uint8_t *b = it_pkt_ip(p);
    memset(b, 0, hdr);
    if (v4) {
        b[0] = 0x45;
        it_put16(b + 2, p->len);
        it_put16(b + 6, 0x4000); /* DF: RFC 6864 section 4.1 then leaves the identification free, here 0 */
        b[8] = HOPS;
        b[9] = proto;
        it_put32(b + 12, it_ip_v4(src));
        it_put32(b + 16, it_ip_v4(dst));
    } else {
        b[0] = 0x60;
        it_put16(b + 4, (uint16_t)n);
        b[6] = proto;
        b[7] = HOPS;
        it_put64(b + 8, src.hi);
        it_put64(b + 16, src.lo);
        it_put64(b + 24, dst.hi);
        it_put64(b + 32, dst.lo);
    }
    return b + hdr;
}

/* The IPv4 header checksum, once the header is complete. */
static void seal(it_pkt *p)
{
    uint8_t *b = it_pkt_ip(p);
    if (p->ver == 4)
        it_put16(b + 10, it_sum_fold(it_sum_add(0, b, 20)));
}

/* The sum of the pseudo header (RFC 768, RFC 8200 section 8.1) for |n| bytes of transport. */
static uint64_t pseudo(const it_pkt *p, size_t n)
{
    const uint8_t *b = p->buf + p->head;
    return it_sum_add(p->proto + n, b + (p->ver == 4 ? 12 : 8), p->ver == 4 ? 8 : 32);
}

int it_pkt_udp(it_pkt *p, it_addr src, it_addr dst, it_bytes payload)
{
    if (it_ip_is4(src.ip) != it_ip_is4(dst.ip))
        return IT_ERR_RANGE;
    if (payload.n > IT_PKT_MAX)
        return IT_ERR_TOOBIG;
    size_t n = payload.n + 8;
    uint8_t *t = begin(p, src.ip, dst.ip, IT_PROTO_UDP, n);
    if (!t)
        return IT_ERR_TOOBIG;
    seal(p);
    it_put16(t, src.port);
    it_put16(t + 2, dst.port);
    it_put16(t + 4, (uint16_t)n);
    it_put16(t + 6, 0);
    if (payload.n)
        memcpy(t + 8, payload.p, payload.n);
    uint16_t ck = it_sum_fold(it_sum_add(pseudo(p, n), t, n));
    /* RFC 768: a computed zero is sent as all ones. */
    it_put16(t + 6, ck ? ck : 0xffff);
    p->ck = (uint16_t)(p->l4 + 6);
    p->ports = IT_PKT_PORTS_PAIR;
    p->sport = src.port;
    p->dport = dst.port;
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
    uint8_t *t = begin(p, m->src, m->dst, v4 ? IT_PROTO_ICMP : IT_PROTO_ICMP6, n);
    if (!t)
        return IT_ERR_TOOBIG;
    if (m->hops)
        it_pkt_ip(p)[v4 ? 8 : 7] = m->hops;
    t[0] = m->type;
    t[1] = m->code;
    it_put16(t + 2, 0);
    it_put32(t + 4, m->rest);
    if (m->body.n)
        memcpy(t + 8, m->body.p, m->body.n);
    it_put16(t + 2, it_sum_fold(it_sum_add(v4 ? 0 : pseudo(p, n), t, n)));
    seal(p);
    return it_pkt_scan(p);
}

/* True when |ip| is not the address of one host: RFC 1122 section 3.2.2 and RFC 4443 section 2.4 (e) send no error to it. */
static bool nobody(it_ip ip)
{
    if (!it_ip_is4(ip))
        return it_ip_none(ip) || ip.hi >> 56 == 0xff;
    uint32_t v4 = it_ip_v4(ip);
    return v4 >> 28 >= 0xe || v4 >> 24 == 0 || v4 >> 24 == 127;
}

/* RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e). */
static bool may_complain(const it_pkt *about, uint8_t type)
{
    if (it_pkt_is_icmp_error(about) || about->frag == 2 || nobody(about->src))
        return false;
    if (about->ver == 4)
        return !nobody(about->dst);
    /* RFC 4443 section 2.4 (e.2): nor about a redirect; (e.3): about a multicast only "too big". */
    if (about->proto == IT_PROTO_ICMP6 && about->ck && about->buf[about->head + about->l4] == 137)
        return false;
    return !nobody(about->dst) || type == 2;
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
    p->cause = about->id;
    return err;
}
