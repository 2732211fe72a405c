/* ICMP: errors about mapped flows in both directions (RFC 5508 sections 4 and 5), and the box's own messages. */
#include "netsim/nat/impl.h"

#include "base/cksum.h"

enum { ICMP_REDIRECT = 5 };

/* --- the box's own --- */

void it_natc_refuse(it_nat *nat, it_time now, int port, it_pkt *p, const it_refusal *r)
{
    it_natc_count_drop(nat, now, r->reason);
    it_pkt *e = it_refuse(&nat->node, now, port, p, r);
    if (e)
        it_natc_say(nat, now, port, e);
}

/* Gives echo reply |e| what Linux gives it: the type of service of the request (RFC 1812 section 4.3.2.5), not DF. */
static void reply_header(it_pkt *e, it_pkt *p)
{
    uint8_t *b = it_pkt_ip(e);
    b[1] = it_pkt_ip(p)[1];
    it_put16(b + 4, (uint16_t)e->id);
    it_put16(b + 6, 0);
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_five(b)));
}

void it_natc_echo(it_nat *nat, it_time now, int port, it_pkt *p)
{
    const uint8_t *t = it_pkt_l4(p);
    if (*t != ICMP_ECHO || p->frag || !it_pkt_cksum_ok(p)) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_ICMP, "to the box itself"});
        return;
    }
    /* RFC 1812 section 4.3.3.6: a router answers echo requests. */
    it_pkt_icmp_msg m = {.src = p->dst,
                         .dst = p->src,
                         .code = t[1],
                         .rest = it_get32(t + 4),
                         .body = it_bytes_of(t + 8, (size_t)(p->len - p->l4 - 8))};
    it_pkt *e = it_node_packet(&nat->node);
    if (e && it_pkt_icmp(e, &m) == 0) {
        e->cause = p->id;
        e->label = p->label;
        reply_header(e, p);
        it_natc_say(nat, now, port, e);
    } else if (e) {
        it_pkt_free(it_world_pool(nat->node.world), e);
    }
    it_pkt_free(it_world_pool(nat->node.world), p);
}

/* --- the packet inside an error --- */

typedef struct inner {
    uint8_t *ip, *l4;
    uint8_t proto;
    size_t n;             /* bytes at |l4| */
    it_natc_end src, dst; /* a query's identifier is the port of both */
    uint16_t query;       /* it_natc_query of one */
} inner;

/* Reads the packet inside error |p|; false when it is none that a mapping could be about. */
static bool read_inner(const it_nat *nat, it_pkt *p, inner *in)
{
    size_t n = (size_t)(p->len - p->l4);
    in->ip = it_pkt_l4(p) + 8;
    if (n < 8 + 20 || in->ip[0] >> 4 != 4)
        return false;
    n -= 8;
    /* RFC 5508 REQ-3b: options are skipped. */
    size_t header = (size_t)(in->ip[0] & 15) * 4;
    if (header < 20 || n < header + 8)
        return false;
    /* REQ-3a: the embedded IP checksum is checked, but by netfilter; 3c: the transport's is not. A later fragment has
     * no ports. */
    if (nat->p.icmp.verify_inner && it_sum_fold(it_sum_add(0, in->ip, header)) != 0)
        return false;
    if (it_get16(in->ip + 6) & 0x1fff)
        return false;
    in->l4 = in->ip + header;
    in->n = n - header;
    in->proto = in->ip[9];
    uint16_t sport = it_get16(in->l4), dport = it_get16(in->l4 + 2);
    if (in->proto == IT_PROTO_ICMP) {
        sport = dport = it_get16(in->l4 + 4);
        in->query = it_natc_query(in->l4[0], in->l4[1]);
    } else if (it_natc_portless(in->proto)) {
        if (!nat->p.other.pass)
            return false;
        sport = dport = 0;
    } else if (in->proto != IT_PROTO_UDP && in->proto != IT_PROTO_TCP && !nat->p.other.pass) {
        return false;
    }
    in->src = it_natc_end_of(it_get32(in->ip + 12), sport);
    in->dst = it_natc_end_of(it_get32(in->ip + 16), dport);
    return true;
}

static void fix16(uint8_t *ck, uint16_t from, uint16_t to)
{
    it_put16(ck, it_cksum_fix16(it_get16(ck), from, to));
}

static void fix32(uint8_t *ck, uint32_t from, uint32_t to)
{
    it_put16(ck, it_cksum_fix32(it_get16(ck), from, to));
}

/* Makes the transport checksum inside right again, as far as it is there (RFC 792: 8 bytes may be all there is) and
 * made of addresses: SCTP's is not. */
static void inner_sum(inner *in, uint32_t old, uint32_t ip, uint16_t old_port, uint16_t port)
{
    if (in->proto == IT_PROTO_SCTP) {
        if (in->n >= 12)
            it_put32(in->l4 + 8, it_crc32c(in->l4, in->n, 8)); /* over what is there, as netfilter */
        return;
    }
    size_t at = in->proto == IT_PROTO_TCP ? 16 : 6;
    uint8_t *ck = in->l4 + at;
    if (in->n < at + 2)
        return;
    if (in->proto == IT_PROTO_UDP && it_get16(ck) == 0)
        return; /* RFC 768: none */
    fix32(ck, old, ip);
    fix16(ck, old_port, port);
    if (in->proto == IT_PROTO_UDP && it_get16(ck) == 0)
        it_put16(ck, 0xffff);
}

/* Replaces the source or destination inside the error by |to| and makes the checksums right again, the outer ICMP one
 * included.
 */
static void rewrite_inner(it_pkt *p, inner *in, bool dst, it_natc_end to)
{
    it_natc_end was = dst ? in->dst : in->src;
    uint32_t ip = it_natc_ip(to), old = it_natc_ip(was);
    uint16_t port = it_natc_port(to), old_port = it_natc_port(was);
    it_put32(in->ip + (dst ? 16 : 12), ip);
    fix32(in->ip + 10, old, ip);
    if (in->proto == IT_PROTO_ICMP) {
        it_put16(in->l4 + 4, port);
        fix16(in->l4 + 2, old_port, port);
    } else if (!it_natc_portless(in->proto)) {
        it_put16(in->l4 + (dst ? 2 : 0), port);
        inner_sum(in, old, ip, old_port, port);
    }
    *(dst ? &in->dst : &in->src) = it_natc_bare(to);
    uint8_t *icmp = it_pkt_l4(p);
    it_put16(icmp + 2, 0);
    it_put16(icmp + 2, it_sum_fold(it_sum_add(0, icmp, (size_t)(p->len - p->l4))));
}

/* The remote endpoint of a session with |end|: that of a query has its type and code for a port. */
static it_natc_remote remote_of(const inner *in, it_natc_end end)
{
    if (in->proto == IT_PROTO_ICMP)
        end = it_natc_end_of(it_natc_ip(end), in->query);
    return it_natc_remote_of(end);
}

/* --- the errors --- */

/* The mapping an error from outside is about, by what we sent: session first, else a mapping that has the port alone.
 */
static uint32_t map_outside(const it_nat *nat, const inner *in)
{
    it_natc_external ext = it_natc_external_of(in->proto, in->src);
    uint32_t s = it_natc_session_at(nat, ext, remote_of(in, in->dst));
    if (s != IT_NATC_NONE)
        return nat->sessions[s].map;
    if (nat->p.icmp.sessions)
        return IT_NATC_NONE;
    /* Where a filter asks for the remote endpoint, nothing but a session tells that the packet was ours (measured with
     * netfilter: the port may by now belong to another host). */
    uint32_t m = it_natc_map_at(nat, ext);
    if (m == IT_NATC_NONE || nat->maps[m].sharer != IT_NATC_NONE)
        return IT_NATC_NONE;
    return it_natc_filtering(nat, in->proto) != IT_NAT_APD || nat->maps[m].is_explicit ? m : IT_NATC_NONE;
}

/* RFC 5508 REQ-4: from outside (or hairpinned, REQ-7). */
static void from_outside(it_nat *nat, it_natc_way *w, it_pkt *p, inner *in)
{
    uint32_t m = it_natc_ip(in->src) == it_ip_v4(p->dst) ? map_outside(nat, in) : IT_NATC_NONE;
    if (m == IT_NATC_NONE) {
        it_natc_drop(nat, w->now, w->port, p, (it_natc_no){IT_DROP_NAT_ICMP, "error about no mapping"});
        return;
    }
    if (w->port == IT_NAT_WAN && !it_natc_forward(nat, w, IT_NAT_LAN, p))
        return;
    /* REQ-4a, 4c: the embedded source as the sender wrote it, and the outer destination the same. 4b: type and code
     * stay. */
    it_natc_end internal = nat->maps[m].in.e;
    rewrite_inner(p, in, false, internal);
    it_pkt_set_dst(p, it_ip4(it_natc_ip(internal)), 0);
    nat->stats.icmp_errors++;
    it_natc_send(nat, w, IT_NAT_LAN, p);
    /* Against RFC 4787 REQ-12. */
    if (nat->p.icmp.kills)
        it_natc_map_end(nat, w->now, m);
}

/* |*ext|: the external endpoint behind which the sender of an error from inside got the packet it complains about.
 * False when there is none. */
static bool ext_of(const it_nat *nat, const inner *in, it_natc_external *ext)
{
    it_natc_flow f = {in->proto, it_natc_internal_of(in->proto, in->dst), remote_of(in, in->src)};
    uint32_t s = it_natc_session_of(nat, f.in, f.remote);
    if (s != IT_NATC_NONE) {
        *ext = nat->sessions[s].ext;
        return true;
    }
    if (nat->p.icmp.sessions)
        return false;
    uint32_t m = it_natc_map_find(nat, &f);
    if (m == IT_NATC_NONE)
        return false;
    *ext = nat->maps[m].ext;
    return true;
}

/* RFC 5508 REQ-5: from inside. */
static void from_inside(it_nat *nat, it_natc_way *w, it_pkt *p, inner *in)
{
    it_natc_external ext;
    if (!ext_of(nat, in, &ext) || it_natc_ip(in->src) != it_ip_v4(p->dst)) {
        it_natc_drop(nat, w->now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_NAT_ICMP, "error about no mapping"});
        return;
    }
    bool back = it_natc_is_ext(nat, it_ip_v4(p->dst));
    if (!it_natc_forward(nat, w, back ? IT_NAT_LAN : IT_NAT_WAN, p))
        return;
    /* REQ-5a, 5c: the embedded destination and the outer source as they are outside. */
    rewrite_inner(p, in, true, ext.e);
    it_pkt_set_src(p, it_ip4(it_natc_ip(ext.e)), 0);
    if (back) {
        from_outside(nat, w, p, in);
        return;
    }
    nat->stats.icmp_errors++;
    it_natc_send(nat, w, IT_NAT_WAN, p);
}

/* The part of error_fault that is of where |p| goes to. */
static it_natc_no error_to_fault(const it_nat *nat, const it_natc_way *w, const it_pkt *p)
{
    uint32_t dst = it_ip_v4(p->dst);
    if (w->port == IT_NAT_WAN && !it_natc_is_ext(nat, dst))
        return (it_natc_no){IT_DROP_NOT_MINE, NULL};
    if (w->port == IT_NAT_LAN && dst == nat->own)
        return (it_natc_no){IT_DROP_NAT_ICMP, "to the box itself"};
    return (it_natc_no){IT_DROP_NONE, NULL};
}

/* Why error |p| is not translated, its packet inside read into |in|; reason 0: it is. */
static it_natc_no error_fault(const it_nat *nat, const it_natc_way *w, it_pkt *p, inner *in)
{
    uint32_t src = it_ip_v4(p->src);
    if (!it_natc_unicast(nat, src) || it_natc_is_ext(nat, src) || src == nat->own)
        return (it_natc_no){IT_DROP_MARTIAN, NULL};
    if (!nat->p.icmp.errors)
        return (it_natc_no){IT_DROP_NAT_ICMP, "icmp.errors = false"};
    if (p->frag) /* no box or host makes one so large: RFC 1812 section 4.3.2.3 */
        return (it_natc_no){IT_DROP_NAT_ICMP, "an error in fragments"};
    if (*it_pkt_l4(p) == ICMP_REDIRECT)
        return (it_natc_no){IT_DROP_NAT_ICMP, "redirect"};
    if (!it_pkt_cksum_ok(p))
        return (it_natc_no){IT_DROP_CHECKSUM, "RFC 5508 REQ-3"};
    if (!read_inner(nat, p, in))
        return (it_natc_no){IT_DROP_NAT_ICMP, "error about nothing that is translated"};
    return error_to_fault(nat, w, p);
}

void it_natc_icmp_error(it_nat *nat, it_natc_way *w, it_pkt *p)
{
    inner in;
    it_natc_no no = error_fault(nat, w, p, &in);
    if (no.reason != IT_DROP_NONE)
        it_natc_drop(nat, w->now, w->port, p, no);
    else if (w->port == IT_NAT_WAN)
        from_outside(nat, w, p, &in);
    else
        from_inside(nat, w, p, &in);
}
