/* From inside: sessions known and new, hairpins, and what is for the box itself. */
#include "netsim/nat/impl.h"

#include "netsim/core/impl.h"

/* Sends |p|, whose session is |i|, back inside: RFC 4787 section 6. Its outbound half is done, the other end decides as
 * for a packet from outside. */
static void hairpin(it_nat *nat, it_natc_way *w, it_pkt *p, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    it_natc_end from = s->ext.e;
    struct it_natc_in r = {.ext = it_natc_external_of(p->proto, s->remote.e), .remote = it_natc_remote_of(from)};
    r.session = it_natc_session_at(nat, r.ext, r.remote);
    if (r.session != IT_NATC_NONE) {
        r.in = nat->sessions[r.session].in;
        if (p->proto == IT_PROTO_TCP && it_natc_tcp_judge(nat, w->now, r.session, IT_NATC_IN, p) == IT_CT_INVALID) {
            it_natc_drop(nat, w->now, IT_NAT_LAN, p, IT_NATC_UNFIT);
            return;
        }
        it_natc_touch(nat, w->now, r.session, IT_NATC_IN, p);
    } else if (!it_natc_enters(nat, w->now, p, &r)) {
        it_natc_drop(nat, w->now, IT_NAT_LAN, p, r.no);
        return;
    }
    /* RFC 4787 REQ-9a: the external source; with IT_NAT_HAIRPIN_INT the internal one stays. */
    if (nat->p.hairpin == IT_NAT_HAIRPIN_EXT)
        it_pkt_set_src(p, it_ip4(it_natc_ip(from)), it_natc_port(from));
    if (nat->p.alg)
        it_natc_alg(nat, p, it_ip_v4(p->dst), it_natc_ip(r.in.e));
    it_pkt_set_dst(p, it_ip4(it_natc_ip(r.in.e)), it_natc_port(r.in.e));
    nat->stats.hairpin++;
    it_natc_send(nat, w, IT_NAT_LAN, p);
}

static inline void session_leave(it_nat *nat, it_natc_way *w, it_pkt *p, const it_natc_session *s)
{
    it_pkt_set_src(p, it_ip4(it_natc_ip(s->ext.e)), it_natc_port(s->ext.e));
    nat->stats.out++;
    it_natc_send(nat, w, IT_NAT_WAN, p);
}

/* The rest of the way of |p| of session |i| when more than its header is to be translated. */
static IT_CORE_RARE void detour(it_nat *nat, it_natc_way *w, it_pkt *p, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    if (s->detour & IT_NATC_ALG)
        it_natc_alg(nat, p, it_natc_ip(s->in.e), it_natc_ip(s->ext.e));
    if (s->detour & IT_NATC_BACK)
        hairpin(nat, w, p, i);
    else
        session_leave(nat, w, p, s);
}

/* Sends |p| of session |i| on, its hop limit already counted. */
static inline void pass_out(it_nat *nat, it_natc_way *w, it_pkt *p, uint32_t i)
{
    if (nat->sessions[i].detour)
        detour(nat, w, p, i);
    else
        session_leave(nat, w, p, &nat->sessions[i]);
}

/* Refuses |p|, which came from inside to an address of the box's own where nobody listens: RFC 1122 section 3.2.2.1,
 * and measured on netfilter, where an external address without a hairpin is nothing but that. */
static void refuse_inside(it_nat *nat, it_time now, it_pkt *p, it_natc_no no)
{
    it_refusal m = {.from = p->dst,
                    .type = ICMP_UNREACHABLE,
                    .code = it_natc_unreachable_code(p->proto),
                    .reason = no.reason,
                    .more = no.more,
                    .quoted = it_natc_udp_end(p)};
    if (p->proto == IT_PROTO_TCP)
        it_natc_reset(nat, now, IT_NAT_LAN, p, no);
    else
        it_natc_refuse(nat, now, IT_NAT_LAN, p, &m);
}

/* True when no mapping has the external endpoint that |p| from inside is for. */
static bool nobody_at(const it_nat *nat, const it_pkt *p)
{
    it_natc_external ext = it_natc_external_of(p->proto, it_natc_end_of(it_ip_v4(p->dst), p->dport));
    return !nat->p.one2one && it_natc_map_at(nat, ext) == IT_NATC_NONE;
}

/* |p| from inside to one of the box's own addresses, |ext| to an external one: true when that settled it, else it is
 * for a mapping. */
static bool to_box(it_nat *nat, it_time now, it_pkt *p, bool ext)
{
    bool flow = p->proto == IT_PROTO_UDP || p->proto == IT_PROTO_TCP;
    if (p->proto == IT_PROTO_ICMP)
        it_natc_echo(nat, now, IT_NAT_LAN, p);
    else if (!ext && nat->self)
        it_natc_to_self(nat, now, IT_NAT_LAN, p);
    else if (!ext)
        refuse_inside(nat, now, p, (it_natc_no){IT_DROP_NO_SOCKET, "to the box itself"});
    else if (!flow || nat->p.hairpin == IT_NAT_HAIRPIN_NONE || nobody_at(nat, p))
        refuse_inside(nat, now, p, (it_natc_no){IT_DROP_NAT_NO_HAIRPIN, NULL});
    else
        return false;
    return true;
}

/* True when |p| is a search for the box's services. */
static bool is_search(const it_nat *nat, const it_pkt *p)
{
    if (!nat->self || p->proto != IT_PROTO_UDP || !it_ip_multicast(p->dst))
        return false;
    return it_natc_unicast(nat, it_ip_v4(p->src));
}

/* True when nothing of the inside is from |src| or goes to |dst|. */
static bool is_martian(const it_nat *nat, uint32_t src, uint32_t dst)
{
    if (!it_natc_unicast(nat, src) || !it_natc_unicast(nat, dst))
        return true;
    return src == nat->own || it_natc_is_ext(nat, src);
}

/* What a packet from inside without a session is, if not the first of a flow: true when that settled it. */
static bool no_flow(it_nat *nat, it_natc_way *w, it_pkt *p)
{
    uint32_t src = it_ip_v4(p->src), dst = it_ip_v4(p->dst);
    bool ext = it_natc_is_ext(nat, dst);
    if (is_search(nat, p)) {
        it_natc_to_self(nat, w->now, IT_NAT_LAN, p); /* it goes no further */
        return true;
    }
    if (is_martian(nat, src, dst)) {
        it_natc_drop_as(nat, w->now, IT_NAT_LAN, p, IT_DROP_MARTIAN);
        return true;
    }
    if (ext || dst == nat->own)
        return to_box(nat, w->now, p, ext);
    if (it_natc_is_broadcast(nat, dst)) {
        /* RFC 2644: not forwarded; nobody of the box's own listens to it. */
        it_natc_drop(nat, w->now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_NO_SOCKET, "a broadcast inside: RFC 2644"});
        return true;
    }
    if (!it_natc_is_inside(nat, dst))
        return false;
    if (it_natc_forward(nat, w, IT_NAT_LAN, p))
        it_natc_send(nat, w, IT_NAT_LAN, p);
    return true;
}

/* Drops |p|, for which there is no session. Existing ones stay (RFC 6888 REQ-11d). */
static void no_room(it_nat *nat, it_time now, it_pkt *p, it_natc_no no)
{
    const it_nat_profile *f = &nat->p;
    bool quota = f->block.size || f->limits.ports_per_host || f->limits.sessions_per_host || f->limits.new_per_s;
    /* RFC 6888 REQ-11b: out of resources or over a quota, a carrier's box says host unreachable; RFC 5508 REQ-8: others
     * say administratively prohibited. */
    it_refusal m = {.from = it_natc_own_ip(nat),
                    .type = ICMP_UNREACHABLE,
                    .code = quota ? 1 : 13,
                    .reason = no.reason,
                    .more = no.more};
    if (!nat->p.silent && (no.reason == IT_DROP_NAT_PORTS || no.reason == IT_DROP_NAT_LIMIT))
        it_natc_refuse(nat, now, IT_NAT_LAN, p, &m);
    else
        it_natc_drop(nat, now, IT_NAT_LAN, p, no);
}

/* True when |p| may open flow |f|; else it is settled. */
static bool may_open(it_nat *nat, it_natc_way *w, it_pkt *p, const it_natc_flow *f)
{
    if (no_flow(nat, w, p) || it_natc_dies(nat, w, p))
        return false;
    if (p->proto == IT_PROTO_TCP)
        return it_natc_tcp_may_open(nat, w, p, f);
    if (p->proto == IT_PROTO_SCTP && it_natc_sctp_chunk(p) != SCTP_INIT) { /* RFC 9260 section 5.1 */
        it_natc_drop(nat, w->now, IT_NAT_LAN, p,
                     (it_natc_no){IT_DROP_NAT_NO_MAPPING, "no association, and not an INIT"});
        return false;
    }
    return true;
}

static void first_out(it_nat *nat, it_natc_way *w, it_pkt *p, const it_natc_flow *f)
{
    it_natc_no no;
    if (!may_open(nat, w, p, f))
        return;
    int to = it_natc_is_ext(nat, it_natc_ip(f->remote.e)) ? IT_NAT_LAN : IT_NAT_WAN;
    if (!it_natc_forward(nat, w, to, p))
        return;
    uint32_t i = it_natc_open_out(nat, w->now, f, &no);
    if (i == IT_NATC_NONE)
        no_room(nat, w->now, p, no);
    else if (p->proto == IT_PROTO_TCP && !it_natc_tcp_opened(nat, w->now, i, IT_NATC_OUT, p))
        it_natc_drop(nat, w->now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_NAT_LIMIT, "out of memory"});
    else
        pass_out(nat, w, p, i);
}

/* The side that session |i| sends its packets out to. */
static int way_out(const it_nat *nat, uint32_t i)
{
    return nat->sessions[i].detour & IT_NATC_BACK ? IT_NAT_LAN : IT_NAT_WAN;
}

/* Segment |p| from inside of session |i|. False when it begins a new one. */
static bool tcp_out(it_nat *nat, it_natc_way *w, it_pkt *p, uint32_t i)
{
    enum it_ct_verdict v = it_natc_tcp_judge(nat, w->now, i, IT_NATC_OUT, p);
    if (v == IT_CT_REOPEN) {
        it_natc_session_end(nat, w->now, i);
        return false;
    }
    if (v == IT_CT_INVALID) {
        if (!it_natc_dies(nat, w, p))
            it_natc_drop(nat, w->now, IT_NAT_LAN, p, IT_NATC_UNFIT);
        return true;
    }
    if (it_natc_goes_on(nat, w, p, i, way_out(nat, i)))
        pass_out(nat, w, p, i);
    if (v == IT_CT_PASS_AND_END)
        it_natc_session_end(nat, w->now, i);
    return true;
}

void it_natc_outbound(it_nat *nat, it_natc_way *w, it_pkt *p)
{
    if (p->proto != IT_PROTO_UDP && it_natc_odd(nat, w, p, true))
        return;
    it_natc_end src = it_natc_end_of(it_ip_v4(p->src), p->sport);
    it_natc_end dst = it_natc_end_of(it_ip_v4(p->dst), it_natc_remote_port(p, p->dport));
    it_natc_flow f = {p->proto, it_natc_internal_of(p->proto, src), it_natc_remote_of(dst)};
    uint32_t i = it_natc_session_of(nat, f.in, f.remote);
    if (i == IT_NATC_NONE) {
        first_out(nat, w, p, &f);
        return;
    }
    if (p->proto == IT_PROTO_TCP) {
        if (!tcp_out(nat, w, p, i))
            first_out(nat, w, p, &f);
        return;
    }
    if (p->proto == IT_PROTO_SCTP && !it_natc_sctp_fits(nat, i, IT_NATC_OUT, p))
        it_natc_drop_stray(nat, w, p, IT_DROP_NAT_NO_MAPPING);
    else if (it_natc_goes_on(nat, w, p, i, way_out(nat, i)))
        pass_out(nat, w, p, i);
}
