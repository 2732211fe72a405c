/* From outside: sessions known and new, and what nothing lets in. */
#include "netsim/nat/impl.h"

#include "netsim/core/impl.h"

/* The protocols that "reject" of netfilter answers, of others it takes the payload for one's complement sums to 0. */
static bool may_reject(uint8_t proto)
{
    return !it_natc_portless(proto) || proto == IT_PROTO_GRE || proto == PROTO_ESP;
}

/* What nothing let in: dropped, refused, or taken by the box itself. */
static void unsolicited(it_nat *nat, it_time now, it_pkt *p, const struct it_natc_in *r)
{
    it_refusal m = {.from = it_ip4(it_natc_ip(r->ext.e)),
                    .type = ICMP_UNREACHABLE,
                    .code = CODE_PORT,
                    .reason = IT_DROP_NAT_UNSOLICITED,
                    .more = "refused: port unreachable"};
    bool refuses = nat->p.udp.unsolicited == IT_NAT_UNSOL_LOCAL ||
                   (nat->p.udp.unsolicited == IT_NAT_UNSOL_REJECT && may_reject(p->proto));
    if (!refuses || r->no.reason == IT_DROP_NAT_LIMIT) {
        it_natc_drop(nat, now, IT_NAT_WAN, p, r->no);
        return;
    }
    if (nat->p.udp.unsolicited == IT_NAT_UNSOL_LOCAL) {
        /* As netfilter without an INPUT rule: its own session now has the port towards this remote. */
        struct it_natc_session_new n = {IT_NATC_NONE, r->ext, r->remote, IT_NATC_IN};
        m.more = "delivered to the box itself, which keeps a session";
        m.code = it_natc_unreachable_code(p->proto);
        m.quoted = it_natc_udp_end(p);
        if (p->proto == IT_PROTO_SCTP && !it_natc_sctp_begins(p))
            m.more = "delivered to the box itself";
        else if (!it_natc_table_room(nat, now))
            m.more = "delivered to the box itself, session table full";
        else if (it_natc_session_make(nat, now, &n) == IT_NATC_NONE)
            it_node_oom(&nat->node);
        else
            nat->stats.poisoned++;
    }
    it_natc_refuse(nat, now, IT_NAT_WAN, p, &m);
}

static inline void session_enter(it_nat *nat, it_natc_way *w, it_pkt *p, it_natc_internal in)
{
    it_pkt_set_dst(p, it_ip4(it_natc_ip(in.e)), it_natc_port(in.e));
    nat->stats.in++;
    it_natc_send(nat, w, IT_NAT_LAN, p);
}

static IT_CORE_RARE void rewrite_in(it_nat *nat, it_natc_way *w, it_pkt *p, it_natc_internal in)
{
    it_natc_alg(nat, p, it_ip_v4(p->dst), it_natc_ip(in.e));
    session_enter(nat, w, p, in);
}

static inline void pass_in(it_nat *nat, it_natc_way *w, it_pkt *p, it_natc_internal in)
{
    if (nat->p.alg)
        rewrite_in(nat, w, p, in);
    else
        session_enter(nat, w, p, in);
}

/* Lets |p| in by |r|, unless its hop limit or size ends it; then the session it has just made ends too. */
static void let_in(it_nat *nat, it_natc_way *w, it_pkt *p, const struct it_natc_in *r)
{
    if (it_natc_forward(nat, w, IT_NAT_LAN, p))
        pass_in(nat, w, p, r->in);
    else if (r->session != IT_NATC_NONE)
        it_natc_session_end(nat, w->now, r->session);
}

static void first_in(it_nat *nat, it_natc_way *w, it_pkt *p, struct it_natc_in *r)
{
    uint32_t src = it_ip_v4(p->src);
    bool flow = p->proto == IT_PROTO_UDP || p->proto == IT_PROTO_TCP;
    if (!it_natc_is_ext(nat, it_ip_v4(p->dst))) {
        if (!it_natc_dies(nat, w, p))
            it_natc_drop_as(nat, w->now, IT_NAT_WAN, p, IT_DROP_NOT_MINE);
    } else if (!it_natc_unicast(nat, src) || it_natc_is_ext(nat, src) || src == nat->own) {
        it_natc_drop_as(nat, w->now, IT_NAT_WAN, p, IT_DROP_MARTIAN);
    } else if (p->proto == IT_PROTO_ICMP) {
        it_refusal m = {.from = p->dst,
                        .type = ICMP_UNREACHABLE,
                        .code = CODE_PORT,
                        .reason = IT_DROP_NAT_ICMP,
                        .more = "refused: port unreachable"};
        if (nat->p.udp.unsolicited == IT_NAT_UNSOL_REJECT)
            it_natc_refuse(nat, w->now, IT_NAT_WAN, p, &m);
        else
            it_natc_drop_as(nat, w->now, IT_NAT_WAN, p, IT_DROP_NAT_ICMP);
    } else if (flow && it_natc_enters(nat, w->now, p, r)) {
        let_in(nat, w, p, r);
    } else if (p->proto == IT_PROTO_TCP) {
        it_natc_tcp_unsolicited(nat, w->now, p, r);
    } else {
        if (!flow)
            r->no = (it_natc_no){IT_DROP_NAT_NO_MAPPING, "no flow of its protocol"};
        unsolicited(nat, w->now, p, r);
    }
}

/* |p| belongs to session |r|->session, of the box's own. */
static void own_in(it_nat *nat, it_natc_way *w, it_pkt *p, const struct it_natc_in *r)
{
    it_refusal m = {.from = it_ip4(it_natc_ip(r->ext.e)),
                    .type = ICMP_UNREACHABLE,
                    .code = it_natc_unreachable_code(p->proto),
                    .reason = IT_DROP_NAT_UNSOLICITED,
                    .more = "of the box's own session",
                    .quoted = it_natc_udp_end(p)};
    it_natc_session_touch(nat, w->now, &nat->sessions[r->session], IT_NATC_IN);
    it_natc_refuse(nat, w->now, IT_NAT_WAN, p, &m);
}

/* |p| belongs to session |r|->session. */
static void known_in(it_nat *nat, it_natc_way *w, it_pkt *p, struct it_natc_in *r)
{
    enum it_ct_verdict v = IT_CT_PASS;
    if (nat->sessions[r->session].map == IT_NATC_NONE) {
        own_in(nat, w, p, r);
        return;
    }
    if (p->proto == IT_PROTO_TCP)
        v = it_natc_tcp_judge(nat, w->now, r->session, IT_NATC_IN, p);
    if (v == IT_CT_REOPEN) {
        it_natc_session_end(nat, w->now, r->session);
        r->session = IT_NATC_NONE;
        first_in(nat, w, p, r);
        return;
    }
    if (v == IT_CT_INVALID) {
        r->no = IT_NATC_UNFIT;
        it_natc_tcp_unsolicited(nat, w->now, p, r);
        return;
    }
    if (it_natc_goes_on(nat, w, p, r->session, IT_NAT_LAN))
        pass_in(nat, w, p, nat->sessions[r->session].in);
    if (v == IT_CT_PASS_AND_END)
        it_natc_session_end(nat, w->now, r->session);
}

void it_natc_inbound(it_nat *nat, it_natc_way *w, it_pkt *p)
{
    if (p->proto != IT_PROTO_UDP && it_natc_odd(nat, w, p, false))
        return;
    it_natc_end src = it_natc_end_of(it_ip_v4(p->src), it_natc_remote_port(p, p->sport));
    it_natc_end dst = it_natc_end_of(it_ip_v4(p->dst), p->dport);
    struct it_natc_in r = {.ext = it_natc_external_of(p->proto, dst), .remote = it_natc_remote_of(src)};
    r.session = it_natc_session_at(nat, r.ext, r.remote);
    if (r.session == IT_NATC_NONE)
        first_in(nat, w, p, &r);
    else
        known_in(nat, w, p, &r);
}
