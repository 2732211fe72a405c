/* What a packet is: of a session, a query, a protocol that is translated, or none of that; and what counts for its
 * session. */
#include "netsim/nat/impl.h"

/* The type of the first chunk of SCTP packet |p|; -1: it has none. RFC 9260 section 3.2. */
int it_natc_sctp_chunk(const it_pkt *p)
{
    bool any = p->ports == IT_PKT_PORTS_PAIR && p->len > p->l4 + SCTP_HEADER;
    return any ? p->buf[p->head + p->l4 + SCTP_HEADER] : -1;
}

bool it_natc_sctp_begins(const it_pkt *p)
{
    switch (it_natc_sctp_chunk(p)) {
    case SCTP_INIT:
    case SCTP_HEARTBEAT:
    case SCTP_HEARTBEAT_ACK:
    case SCTP_SHUTDOWN_ACK:
        return true;
    default:
        return false;
    }
}

/* RFC 9260 section 8.5: until the INIT ACK has said which tag the opener is to use, nothing but its INIT can be right.
 */
bool it_natc_sctp_fits(const it_nat *nat, uint32_t i, int dir, const it_pkt *p)
{
    const it_natc_session *s = &nat->sessions[i];
    return s->stage != IT_NATC_INITIAL || dir != s->first || it_natc_sctp_chunk(p) == SCTP_INIT;
}

/* A packet of direction |dir| passes through session |i|. */
void it_natc_touch(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p)
{
    if (p->proto == IT_PROTO_TCP)
        it_natc_tcp_touch(nat, now, i, dir, p);
    else if (p->proto == IT_PROTO_SCTP && it_natc_sctp_chunk(p) != SCTP_INIT_ACK)
        it_natc_session_touch(nat, now, &nat->sessions[i], nat->sessions[i].first); /* no answer */
    else
        it_natc_session_touch(nat, now, &nat->sessions[i], dir);
}

/* What comes in finds a session or makes one where it may: true when it is let in. */
bool it_natc_enters(it_nat *nat, it_time now, it_pkt *p, struct it_natc_in *r)
{
    if (p->proto == IT_PROTO_TCP && !it_tcpt_is_syn(p))
        return it_natc_tcp_passes_in(nat, r);
    if (!it_natc_open_in(nat, now, r))
        return false;
    if (p->proto != IT_PROTO_TCP || r->session == IT_NATC_NONE ||
        it_natc_tcp_opened(nat, now, r->session, IT_NATC_IN, p))
        return true;
    r->no = (it_natc_no){IT_DROP_NAT_LIMIT, "out of memory"};
    return false;
}

/* What a host without a socket for |proto| says by ICMP "unreachable" (RFC 1122 section 3.2.2.1): protocol, or port. */
uint8_t it_natc_unreachable_code(uint8_t proto)
{
    bool known = !it_natc_portless(proto) && proto != IT_PROTO_SCTP;
    return known ? CODE_PORT : CODE_PROTOCOL;
}

/* Where UDP datagram |p| ends by its own length; 0: nowhere else. What a host refuses it has cut there before. */
uint16_t it_natc_udp_end(it_pkt *p)
{
    if (p->proto != IT_PROTO_UDP || p->ports != IT_PKT_PORTS_PAIR || p->frag)
        return 0;
    return (uint16_t)(p->l4 + it_get16(it_pkt_l4(p) + 4));
}

/* True for the directed broadcast of the inside's prefix: RFC 919 section 7, RFC 3021 for short ones. */
bool it_natc_is_broadcast(const it_nat *nat, uint32_t ip)
{
    return it_natc_is_inside(nat, ip) && ~nat->mask > 1 && (ip | nat->mask) == UINT32_MAX;
}

/* True for ICMP queries that ask (echo, timestamp, information, mask), false for their replies. */
static bool asks(it_pkt *p)
{
    uint8_t type = *it_pkt_l4(p);
    return type == ICMP_ECHO || (type != ICMP_ECHO_REPLY && type % 2 == 1);
}

/* True when |p| is of a protocol that the box translates, as far as it has what that takes. */
static bool is_translated(const it_nat *nat, const it_pkt *p)
{
    if (p->proto == IT_PROTO_UDP || p->proto == IT_PROTO_TCP)
        return p->ports == IT_PKT_PORTS_PAIR;
    return p->proto == IT_PROTO_ICMP || nat->p.other.pass;
}

/* Drops |p|, of no flow, for |reason|; RFC 1812 section 5.3.1: its hop limit is looked at first if it is for somebody
 * else. */
void it_natc_drop_stray(it_nat *nat, it_natc_way *w, it_pkt *p, enum it_drop reason)
{
    uint32_t dst = it_ip_v4(p->dst);
    bool mine = it_natc_is_ext(nat, dst) || (w->port == IT_NAT_LAN && dst == nat->own);
    bool unicast =
        it_natc_unicast(nat, dst) && it_natc_unicast(nat, it_ip_v4(p->src)) && !it_natc_is_broadcast(nat, dst);
    if (mine || !unicast || !it_natc_dies(nat, w, p))
        it_natc_drop_as(nat, w->now, w->port, p, reason);
}

/* ICMP message |p| from outside to the box itself, no error and of no flow. A box that refuses says so about all that
 * may be complained of (RFC 1122 section 3.2.2: not about types that are unknown). */
static void query_in(it_nat *nat, it_time now, it_pkt *p)
{
    uint8_t type = *it_pkt_l4(p);
    it_refusal m = {.from = p->dst,
                    .type = ICMP_UNREACHABLE,
                    .code = CODE_PORT,
                    .reason = IT_DROP_NAT_ICMP,
                    .more = "refused: port unreachable"};
    if (nat->p.udp.unsolicited != IT_NAT_UNSOL_DROP && type == ICMP_ECHO)
        it_natc_echo(nat, now, IT_NAT_WAN, p);
    else if (nat->p.udp.unsolicited == IT_NAT_UNSOL_REJECT && type >= ICMP_TIMESTAMP && type <= ICMP_TYPES)
        it_natc_refuse(nat, now, IT_NAT_WAN, p, &m);
    else
        it_natc_drop_as(nat, now, IT_NAT_WAN, p, IT_DROP_NAT_ICMP);
}

/* What cannot have a session: true when |p| was dropped or is an ICMP error, dealt with. |asked|: whether queries or
 * replies may. */
bool it_natc_odd(it_nat *nat, it_natc_way *w, it_pkt *p, bool asked)
{
    if (!is_translated(nat, p)) {
        it_natc_drop_stray(nat, w, p, IT_DROP_NAT_PROTO);
        return true;
    }
    if (p->proto != IT_PROTO_ICMP)
        return false;
    if (it_pkt_is_icmp_error(p)) {
        it_natc_icmp_error(nat, w, p);
        return true;
    }
    bool query = p->ports == IT_PKT_PORTS_ID;
    if (query && asks(p) == asked)
        return false;
    if (!asked && it_natc_is_ext(nat, it_ip_v4(p->dst)))
        query_in(nat, w->now, p);
    else
        it_natc_drop_stray(nat, w, p, IT_DROP_NAT_ICMP);
    return true;
}

/* The remote port by which the flow of |p| is known, whose header says |port|. */
uint16_t it_natc_remote_port(it_pkt *p, uint16_t port)
{
    const uint8_t *t = it_pkt_l4(p);
    return p->proto == IT_PROTO_ICMP ? it_natc_query(t[0], t[1]) : port;
}

/* Sends |p| of session |i| on its way out of |to| as far as hop limit and size let it; it counts for the session's
 * timer, or does so whatever becomes of it. False when it was dropped. */
bool it_natc_goes_on(it_nat *nat, it_natc_way *w, it_pkt *p, uint32_t i, int to)
{
    int dir = w->port == IT_NAT_LAN ? IT_NATC_OUT : IT_NATC_IN;
    if (nat->p.udp.refresh.dropped)
        it_natc_touch(nat, w->now, i, dir, p);
    if (!it_natc_forward(nat, w, to, p))
        return false;
    if (!nat->p.udp.refresh.dropped)
        it_natc_touch(nat, w->now, i, dir, p);
    return true;
}
