/* The NAT as a node: what arrives, by which side, and what becomes of it.
 *
 * A packet of a known session costs one look-up in the session table. Everything else (the box's own addresses,
 * hairpins, first packets) is decided only after that look-up has failed. */
#include "netsim/nat/impl.h"

#include "netsim/core/mcast.h"
#include "netsim/core/impl.h" /* whether anybody observes: texts are made for observers only */

#include <stdio.h>

#define SURE_FIT 576 /* RFC 791 section 3.1: what every link here carries */

enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_ECHO = 8, ICMP_TIME_EXCEEDED = 11 };

/* --- leaving --- */

void it_natc_drop(it_nat *nat, it_time now, int port, it_pkt *p, it_natc_no no)
{
    nat->stats.drops[no.reason]++;
    it_node_drop(&nat->node, now, port, p, no.reason, no.more);
}

static void drop(it_nat *nat, it_time now, int port, it_pkt *p, enum it_drop reason)
{
    it_natc_drop(nat, now, port, p, (it_natc_no){reason, NULL});
}

void it_natc_send(it_nat *nat, it_time now, int port, it_pkt *p)
{
    /* Inside, the destination itself. */
    p->hop = port == IT_NAT_LAN ? (it_ip){0, 0} : nat->hop_out;
    if (p->frag == 1)
        it_natc_frag_learn(nat, now, port, p);
    else if (nat->split)
        it_natc_frag_send(nat, now, port, p, nat->split);
    else
        it_natc_emit(nat, now, port, p);
}

/* The box's address on the side of |port|. */
static uint32_t address_at(const it_nat *nat, int port)
{
    return port == IT_NAT_LAN ? nat->own : nat->n_addrs ? nat->addrs[0] : 0;
}

static bool too_big(it_nat *nat, it_time now, int port, int to, it_pkt *p)
{
    uint32_t mtu = it_link_mtu(&nat->node, to);
    if (nat->p.family && to == IT_NAT_LAN && it_natc64_cut(p, &mtu)) {
        nat->split = mtu;
        return false;
    }
    if (p->len <= mtu)
        return false;
    if (it_pkt_may_fragment(p)) {
        nat->split = mtu; /* RFC 4787 REQ-13a: it leaves in fragments */
        return false;
    }
    /* RFC 4787 REQ-13: fragmentation needed and DF set. */
    it_natc_refuse(nat, now, port, p,
                   &(struct it_natc_icmp){address_at(nat, port), ICMP_UNREACHABLE, 4, mtu, {IT_DROP_MTU, NULL}});
    return true;
}

bool it_natc_forward(it_nat *nat, it_time now, int port, int to, it_pkt *p)
{
    if (p->len > SURE_FIT && too_big(nat, now, port, to, p))
        return false;
    if (it_pkt_hop(p))
        return true;
    /* RFC 1812 section 5.3.1. */
    it_natc_refuse(nat, now, port, p,
                   &(struct it_natc_icmp){address_at(nat, port), ICMP_TIME_EXCEEDED, 0, 0, {IT_DROP_TTL, NULL}});
    return false;
}

void it_natc_note_map(it_nat *nat, it_time now, const it_natc_map *m, const char *what)
{
    char text[32 + 2 * IT_ADDR_TEXT], in[IT_ADDR_TEXT], ext[IT_ADDR_TEXT];
    if (!nat->node.world->n_obs)
        return;
    it_addr_text(it_natc_addr(m->in), in);
    it_addr_text(it_natc_addr(m->ext), ext);
    snprintf(text, sizeof text, "%s %s -> %s", what, in, ext);
    it_node_note(&nat->node, now, text);
}

/* --- addresses that may not appear --- */

static bool is_inside(const it_nat *nat, uint32_t ip)
{
    return nat->own && (ip & nat->mask) == nat->net;
}

/* A packet of direction |dir| passes through session |i|. */
static inline void touch(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p)
{
    if (p->proto == IT_PROTO_TCP)
        it_natc_tcp_touch(nat, now, i, dir, p);
    else
        it_natc_session_touch(nat, now, &nat->sessions[i], dir);
}

/* What comes in finds a session or makes one where it may: true when it is let in. */
static bool enters(it_nat *nat, it_time now, it_pkt *p, struct it_natc_in *r)
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

/* --- from inside --- */

/* Sends |p|, whose session is |i|, back inside: RFC 4787 section 6. Its outbound half is done, the other end decides as
 * for a packet from outside. */
static void hairpin(it_nat *nat, it_time now, it_pkt *p, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    uint64_t from = s->ext & 0xffffffffffffULL;
    struct it_natc_in r = {.ext = it_natc_key(p->proto, s->remote), .remote = from};
    uint64_t key[2] = {r.ext, r.remote};
    r.session = it_map_get(&nat->by_out, key);
    if (r.session != IT_NATC_NONE) {
        r.in = nat->sessions[r.session].in;
        touch(nat, now, r.session, IT_NATC_IN, p);
    } else if (!enters(nat, now, p, &r)) {
        it_natc_drop(nat, now, IT_NAT_LAN, p, r.no);
        return;
    }
    /* RFC 4787 REQ-9a: the external source; with IT_NAT_HAIRPIN_INT the internal one stays. */
    if (nat->p.hairpin == IT_NAT_HAIRPIN_EXT)
        it_pkt_set_src(p, it_ip4(it_natc_ip(from)), it_natc_port(from));
    if (nat->p.alg)
        it_natc_alg(nat, p, it_ip_v4(p->dst), it_natc_ip(r.in));
    it_pkt_set_dst(p, it_ip4(it_natc_ip(r.in)), it_natc_port(r.in));
    nat->stats.hairpin++;
    it_natc_send(nat, now, IT_NAT_LAN, p);
}

static inline void leave(it_nat *nat, it_time now, it_pkt *p, const it_natc_session *s)
{
    it_pkt_set_src(p, it_ip4(it_natc_ip(s->ext)), it_natc_port(s->ext));
    nat->stats.out++;
    it_natc_send(nat, now, IT_NAT_WAN, p);
}

/* The rest of the way of |p| of session |i| when more than its header is to be translated. */
static IT_CORE_RARE void detour(it_nat *nat, it_time now, it_pkt *p, uint32_t i)
{
    const it_natc_session *s = &nat->sessions[i];
    if (s->detour & IT_NATC_ALG)
        it_natc_alg(nat, p, it_natc_ip(s->in), it_natc_ip(s->ext));
    if (s->detour & IT_NATC_BACK)
        hairpin(nat, now, p, i);
    else
        leave(nat, now, p, s);
}

/* Sends |p| of session |i| on, its hop limit already counted. */
static inline void pass_out(it_nat *nat, it_time now, it_pkt *p, uint32_t i)
{
    if (nat->sessions[i].detour)
        detour(nat, now, p, i);
    else
        leave(nat, now, p, &nat->sessions[i]);
}

/* Refuses |p|, which came from inside to an address of the box's own where nobody listens: RFC 1122 section 3.2.2.1,
 * and measured on netfilter, where an external address without a hairpin is nothing but that. */
static void refuse_inside(it_nat *nat, it_time now, it_pkt *p, it_natc_no no)
{
    if (p->proto == IT_PROTO_TCP)
        it_natc_reset(nat, now, IT_NAT_LAN, p, no);
    else
        it_natc_refuse(nat, now, IT_NAT_LAN, p, &(struct it_natc_icmp){it_ip_v4(p->dst), ICMP_UNREACHABLE, 3, 0, no});
}

/* True when no mapping has the external endpoint that |p| from inside is for. */
static bool nobody_at(const it_nat *nat, const it_pkt *p)
{
    uint64_t ext = it_natc_key(p->proto, it_natc_end(it_ip_v4(p->dst), p->dport));
    return !nat->p.one2one && it_natc_map_at(nat, ext) == IT_NATC_NONE;
}

/* What a packet from inside without a session is, if not the first of a flow: true when that settled it. */
static bool no_flow(it_nat *nat, it_time now, it_pkt *p)
{
    uint32_t src = it_ip_v4(p->src), dst = it_ip_v4(p->dst);
    bool to_ext = it_natc_is_ext(nat, dst), to_box = dst == nat->own;
    if (nat->self && p->proto == IT_PROTO_UDP && it_ip_multicast(p->dst) && it_ip_unicast(p->src)) {
        it_natc_to_self(nat, now, IT_NAT_LAN, p); /* a search for the box's services; it goes no further */
    } else if (!it_ip_unicast(p->src) || !it_ip_unicast(p->dst) || src == nat->own || it_natc_is_ext(nat, src)) {
        drop(nat, now, IT_NAT_LAN, p, IT_DROP_MARTIAN);
    } else if ((to_ext || to_box) && p->proto == IT_PROTO_ICMP) {
        it_natc_echo(nat, now, IT_NAT_LAN, p);
    } else if (to_box && nat->self) {
        it_natc_to_self(nat, now, IT_NAT_LAN, p);
    } else if (to_box) {
        refuse_inside(nat, now, p, (it_natc_no){IT_DROP_NO_SOCKET, "to the box itself"});
    } else if (to_ext && (nat->p.hairpin == IT_NAT_HAIRPIN_NONE || nobody_at(nat, p))) {
        refuse_inside(nat, now, p, (it_natc_no){IT_DROP_NAT_NO_HAIRPIN, NULL});
    } else if (is_inside(nat, dst)) {
        if (it_natc_forward(nat, now, IT_NAT_LAN, IT_NAT_LAN, p))
            it_natc_send(nat, now, IT_NAT_LAN, p);
    } else {
        return false;
    }
    return true;
}

/* Drops |p|, for which there is no session. Existing ones stay (RFC 6888 REQ-11d). */
static void no_room(it_nat *nat, it_time now, it_pkt *p, it_natc_no no)
{
    const it_nat_profile *f = &nat->p;
    bool quota = f->block.size || f->limits.ports_per_host || f->limits.sessions_per_host || f->limits.new_per_s;
    /* RFC 6888 REQ-11b: out of resources or over a quota, a carrier's box says host unreachable; RFC 5508 REQ-8: others
     * say administratively prohibited. */
    struct it_natc_icmp m = {nat->own, ICMP_UNREACHABLE, quota ? 1 : 13, 0, no};
    if (no.reason == IT_DROP_NAT_PORTS || no.reason == IT_DROP_NAT_LIMIT)
        it_natc_refuse(nat, now, IT_NAT_LAN, p, &m);
    else
        it_natc_drop(nat, now, IT_NAT_LAN, p, no);
}

static void first_out(it_nat *nat, it_time now, it_pkt *p, const it_natc_flow *f)
{
    it_natc_no no;
    if (no_flow(nat, now, p) || (p->proto == IT_PROTO_TCP && !it_natc_tcp_may_open(nat, now, p, f)))
        return;
    int to = it_natc_is_ext(nat, it_natc_ip(f->remote)) ? IT_NAT_LAN : IT_NAT_WAN;
    if (!it_natc_forward(nat, now, IT_NAT_LAN, to, p))
        return;
    uint32_t i = it_natc_open_out(nat, now, f, &no);
    if (i == IT_NATC_NONE)
        no_room(nat, now, p, no);
    else if (p->proto == IT_PROTO_TCP && !it_natc_tcp_opened(nat, now, i, IT_NATC_OUT, p))
        it_natc_drop(nat, now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_NAT_LIMIT, "out of memory"});
    else
        pass_out(nat, now, p, i);
}

/* True for ICMP queries that ask (echo, timestamp, information, mask), false for their replies. */
static bool asks(it_pkt *p)
{
    uint8_t type = *it_pkt_l4(p);
    return type == ICMP_ECHO || (type != ICMP_ECHO_REPLY && type % 2 == 1);
}

/* What cannot have a session: true when |p| was dropped or is an ICMP error, dealt with. |asked|: whether queries or
 * replies may.
 */
static bool odd(it_nat *nat, it_time now, int port, it_pkt *p, bool asked)
{
    if (p->proto != IT_PROTO_UDP && p->proto != IT_PROTO_ICMP && p->proto != IT_PROTO_TCP)
        drop(nat, now, port, p, IT_DROP_NAT_PROTO);
    else if (p->proto != IT_PROTO_ICMP)
        return false;
    else if (it_pkt_is_icmp_error(p))
        it_natc_icmp_error(nat, now, port, p);
    else if (p->ports == IT_PKT_PORTS_ID && asks(p) == asked)
        return false;
    else if (p->ports == IT_PKT_PORTS_ID && !asked && nat->p.udp.unsolicited != IT_NAT_UNSOL_DROP &&
             it_natc_is_ext(nat, it_ip_v4(p->dst)))
        it_natc_echo(nat, now, port, p);
    else
        drop(nat, now, port, p, IT_DROP_NAT_ICMP);
    return true;
}

static const it_natc_no UNFIT = {IT_DROP_NAT_NO_MAPPING, "does not fit the connection as it stands"};

/* The rest of the way out of segment |p| of session |i|, for boxes that watch connections: false when it begins a new
 * one. */
static bool tcp_out(it_nat *nat, it_time now, it_pkt *p, uint32_t i)
{
    if (it_natc_tcp_reopens(nat, i, IT_NATC_OUT, p)) {
        it_natc_session_end(nat, now, i);
        return false;
    }
    if (!it_natc_tcp_fits(nat, i, IT_NATC_OUT, p)) {
        it_natc_drop(nat, now, IT_NAT_LAN, p, UNFIT);
        return true;
    }
    if (!it_natc_forward(nat, now, IT_NAT_LAN, nat->sessions[i].detour & IT_NATC_BACK ? IT_NAT_LAN : IT_NAT_WAN, p))
        return true;
    bool ends = it_natc_tcp_ends(nat, i, p);
    touch(nat, now, i, IT_NATC_OUT, p);
    pass_out(nat, now, p, i);
    if (ends)
        it_natc_session_end(nat, now, i);
    return true;
}

static IT_CORE_APART void outbound(it_nat *nat, it_time now, it_pkt *p)
{
    if (p->proto != IT_PROTO_UDP && odd(nat, now, IT_NAT_LAN, p, true))
        return;
    uint16_t rport = p->proto == IT_PROTO_ICMP ? 0 : p->dport;
    it_natc_flow f = {p->proto, it_natc_key(p->proto, it_natc_end(it_ip_v4(p->src), p->sport)),
                      it_natc_end(it_ip_v4(p->dst), rport)};
    uint32_t i = it_map_get2(&nat->by_in, f.in, f.remote);
    if (i != IT_NATC_NONE && p->proto == IT_PROTO_TCP && tcp_out(nat, now, p, i))
        return;
    if (i == IT_NATC_NONE || p->proto == IT_PROTO_TCP) {
        first_out(nat, now, p, &f);
        return;
    }
    if (!it_natc_forward(nat, now, IT_NAT_LAN, nat->sessions[i].detour & IT_NATC_BACK ? IT_NAT_LAN : IT_NAT_WAN, p))
        return;
    touch(nat, now, i, IT_NATC_OUT, p);
    pass_out(nat, now, p, i);
}

/* --- from outside --- */

/* What nothing let in: dropped, refused, or taken by the box itself. */
static void unsolicited(it_nat *nat, it_time now, it_pkt *p, const struct it_natc_in *r)
{
    struct it_natc_icmp m = {
        it_natc_ip(r->ext), ICMP_UNREACHABLE, 3, 0, {IT_DROP_NAT_UNSOLICITED, "refused: port unreachable"}};
    if (nat->p.udp.unsolicited == IT_NAT_UNSOL_DROP || r->no.reason == IT_DROP_NAT_LIMIT) {
        it_natc_drop(nat, now, IT_NAT_WAN, p, r->no);
        return;
    }
    if (nat->p.udp.unsolicited == IT_NAT_UNSOL_LOCAL) {
        /* As netfilter without an INPUT rule: its own session now has the port towards this remote. */
        struct it_natc_session_new n = {IT_NATC_NONE, r->ext, r->remote, IT_NATC_IN};
        m.no.more = "delivered to the box itself, which keeps a session";
        if (nat->stats.sessions >= IT_NATC_SESSIONS_MAX)
            m.no.more = "delivered to the box itself, session table full";
        else if (it_natc_session_make(nat, now, &n) == IT_NATC_NONE)
            it_node_oom(&nat->node);
        else
            nat->stats.poisoned++;
    }
    it_natc_refuse(nat, now, IT_NAT_WAN, p, &m);
}

static inline void enter(it_nat *nat, it_time now, it_pkt *p, uint64_t in)
{
    it_pkt_set_dst(p, it_ip4(it_natc_ip(in)), it_natc_port(in));
    nat->stats.in++;
    it_natc_send(nat, now, IT_NAT_LAN, p);
}

static IT_CORE_RARE void rewrite_in(it_nat *nat, it_time now, it_pkt *p, uint64_t in)
{
    it_natc_alg(nat, p, it_ip_v4(p->dst), it_natc_ip(in));
    enter(nat, now, p, in);
}

static inline void pass_in(it_nat *nat, it_time now, it_pkt *p, uint64_t in)
{
    if (nat->p.alg)
        rewrite_in(nat, now, p, in);
    else
        enter(nat, now, p, in);
}

static void first_in(it_nat *nat, it_time now, it_pkt *p, struct it_natc_in *r)
{
    uint32_t src = it_ip_v4(p->src);
    if (!it_natc_is_ext(nat, it_ip_v4(p->dst))) {
        drop(nat, now, IT_NAT_WAN, p, IT_DROP_NOT_MINE);
    } else if (!it_ip_unicast(p->src) || it_natc_is_ext(nat, src)) {
        drop(nat, now, IT_NAT_WAN, p, IT_DROP_MARTIAN);
    } else if (p->proto == IT_PROTO_ICMP) {
        struct it_natc_icmp m = {
            it_ip_v4(p->dst), ICMP_UNREACHABLE, 3, 0, {IT_DROP_NAT_ICMP, "refused: port unreachable"}};
        if (nat->p.udp.unsolicited == IT_NAT_UNSOL_REJECT)
            it_natc_refuse(nat, now, IT_NAT_WAN, p, &m);
        else
            drop(nat, now, IT_NAT_WAN, p, IT_DROP_NAT_ICMP);
    } else if (!enters(nat, now, p, r)) {
        (p->proto == IT_PROTO_TCP ? it_natc_tcp_unsolicited : unsolicited)(nat, now, p, r);
    } else if (it_natc_forward(nat, now, IT_NAT_WAN, IT_NAT_LAN, p)) {
        pass_in(nat, now, p, r->in);
    }
}

static IT_CORE_APART void inbound(it_nat *nat, it_time now, it_pkt *p)
{
    if (p->proto != IT_PROTO_UDP && odd(nat, now, IT_NAT_WAN, p, false))
        return;
    uint16_t rport = p->proto == IT_PROTO_ICMP ? 0 : p->sport;
    struct it_natc_in r = {.ext = it_natc_key(p->proto, it_natc_end(it_ip_v4(p->dst), p->dport)),
                           .remote = it_natc_end(it_ip_v4(p->src), rport)};
    r.session = it_map_get2(&nat->by_out, r.ext, r.remote);
    if (r.session == IT_NATC_NONE) {
        first_in(nat, now, p, &r);
        return;
    }
    it_natc_session *s = &nat->sessions[r.session];
    if (s->map == IT_NATC_NONE) {
        it_natc_session_touch(nat, now, s, IT_NATC_IN);
        struct it_natc_icmp m = {
            it_natc_ip(r.ext), ICMP_UNREACHABLE, 3, 0, {IT_DROP_NAT_UNSOLICITED, "of the box's own session"}};
        it_natc_refuse(nat, now, IT_NAT_WAN, p, &m);
        return;
    }
    bool tcp = p->proto == IT_PROTO_TCP;
    if (tcp && !it_natc_tcp_fits(nat, r.session, IT_NATC_IN, p)) {
        r.no = UNFIT;
        it_natc_tcp_unsolicited(nat, now, p, &r);
        return;
    }
    if (!it_natc_forward(nat, now, IT_NAT_WAN, IT_NAT_LAN, p))
        return;
    bool ends = tcp && it_natc_tcp_ends(nat, r.session, p);
    touch(nat, now, r.session, IT_NATC_IN, p);
    pass_in(nat, now, p, nat->sessions[r.session].in);
    if (ends)
        it_natc_session_end(nat, now, r.session);
}

/* --- the way of most packets --- */

/* The session of |p|, a small UDP datagram of direction |dir|, when all that is left to do is to translate it; else
 * IT_NATC_NONE. Most packets are of the session of the one before them. */
static IT_CORE_HOT uint32_t known(it_nat *nat, const it_pkt *p, int dir)
{
    if (p->proto != IT_PROTO_UDP || p->frag || p->len > SURE_FIT)
        return IT_NATC_NONE;
    bool out = dir == IT_NATC_OUT;
    uint64_t src = it_natc_end(it_ip_v4(p->src), p->sport), dst = it_natc_end(it_ip_v4(p->dst), p->dport);
    uint64_t near = it_natc_key(IT_PROTO_UDP, out ? src : dst), remote = out ? dst : src;
    uint32_t i = nat->last[dir];
    if (i != IT_NATC_NONE && (out ? nat->sessions[i].in : nat->sessions[i].ext) == near &&
        nat->sessions[i].remote == remote)
        return i;
    i = it_map_get2(out ? &nat->by_in : &nat->by_out, near, remote);
    if (i == IT_NATC_NONE || nat->sessions[i].detour || nat->sessions[i].map == IT_NATC_NONE)
        return IT_NATC_NONE;
    nat->last[dir] = i;
    return i;
}

/* Does in one go what outbound or inbound would do to |p|; false, and nothing is done, when it takes more than that. */
static IT_CORE_HOT bool pass(it_nat *nat, it_time now, it_pkt *p, int dir)
{
    uint32_t i = known(nat, p, dir);
    if (i == IT_NATC_NONE || !it_pkt_hop(p))
        return false;
    it_natc_session *s = &nat->sessions[i];
    bool out = dir == IT_NATC_OUT;
    it_natc_session_stage(nat, now, s, dir);
    if (it_natc_refreshes(nat, dir))
        s->last = now;
    it_natc_session_expires(nat, s, s->last + it_natc_session_idle(nat, s));
    uint64_t end = out ? s->ext : s->in;
    it_pkt_set_udp4(p, !out, it_natc_ip(end), it_natc_port(end));
    ++*(out ? &nat->stats.out : &nat->stats.in);
    p->hop = out ? nat->hop_out : (it_ip){0, 0};
    if (nat->p.family && !out)
        it_natc64_emit(nat, now, p);
    else
        it_core_send(&nat->node, out ? IT_NAT_WAN : IT_NAT_LAN, p);
    return true;
}

/* --- the node --- */

void it_natc_dispatch(it_nat *nat, it_time now, int port, it_pkt *p)
{
    nat->split = 0;
    if (port == IT_NAT_LAN && !pass(nat, now, p, IT_NATC_OUT))
        outbound(nat, now, p);
    else if (port != IT_NAT_LAN && !pass(nat, now, p, IT_NATC_IN))
        inbound(nat, now, p);
}

static void deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    it_nat *nat = (it_nat *)(void *)n;
    const it_heap_item *top = it_heap_top(&nat->timers);
    if (top && top->time <= now)
        it_natc_expire(nat, now);
    if (now < nat->up_at)
        drop(nat, now, port, p, IT_DROP_NAT_REBOOT);
    else if (port > IT_NAT_WAN)
        it_natc_from_self(nat, now, p);
    else if (p->ver != 4)
        it_natc_deliver6(nat, now, port, p);
    else if (nat->p.family && (port == IT_NAT_LAN || nat->p.family == 66))
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_PROTO, "IPv4"});
    else if (p->frag)
        it_natc_fragment(nat, now, port, p);
    else
        it_natc_dispatch(nat, now, port, p);
}

static it_time next_timer(const it_node *n)
{
    const it_heap_item *top = it_heap_top(&((const it_nat *)(const void *)n)->timers);
    return top ? top->time : IT_NEVER;
}

static void run_timers(it_node *n, it_time now)
{
    it_natc_expire((it_nat *)(void *)n, now);
}

static void free_nat(it_node *n)
{
    it_nat *nat = (it_nat *)(void *)n;
    it_alloc *a = nat->timers.alloc;
    it_map *maps[] = {&nat->by_in, &nat->by_out,  &nat->map_in,  &nat->map_ext, &nat->perms,  &nat->dests,
                      &nat->by_ip, &nat->resting, &nat->held_by, &nat->frag_by, &nat->six_by, &nat->callers};
    it_natc_pool *pools[] = {&nat->pool_s, &nat->pool_m, &nat->pool_h, &nat->pool_r, &nat->pool_held, &nat->pool_f};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        it_map_fini(maps[i]);
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        it_free(a, pools[i]->v);
        it_free(a, pools[i]->free);
    }
    it_free(a, nat->blocks);
    it_free(a, nat->tcps);
    it_free(a, nat->holds);
    it_free(a, nat->filters);
    it_free(a, nat->lives);
    it_free(a, nat->six);
    it_heap_fini(&nat->timers);
    it_free(a, nat);
}

const it_node_ops it_natc_ops = {.kind = "nat",
                                 .down = IT_DROP_NAT_REBOOT,
                                 .deliver = deliver,
                                 .next = next_timer,
                                 .stirs = true,
                                 .run = run_timers,
                                 .free = free_nat};
