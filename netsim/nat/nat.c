/* The NAT as a node: what arrives, by which side, and what becomes of it.
 *
 * A packet of a known session costs one look-up in the session table. Everything else (the box's own addresses,
 * hairpins, first packets) is decided only after that look-up has failed. */
#include "netsim/nat/impl.h"

#include "netsim/core/impl.h" /* whether anybody observes: texts are made for observers only */

#include <stdio.h>

#define SURE_FIT 576 /* RFC 791 section 3.1: what every link here carries */

/* --- leaving --- */

void it_natc_count_drop(it_nat *nat, it_time now, enum it_drop reason)
{
    nat->stats.drops[reason]++;
    if (reason == IT_DROP_NAT_LIMIT || reason == IT_DROP_NAT_PORTS)
        nat->stats.no_room = now;
}

void it_natc_drop(it_nat *nat, it_time now, int port, it_pkt *p, it_natc_no no)
{
    it_natc_count_drop(nat, now, no.reason);
    it_node_drop(&nat->node, now, port, p, no.reason, no.more);
}

void it_natc_send(it_nat *nat, const it_natc_way *w, int to, it_pkt *p)
{
    /* Inside, the destination itself. */
    p->hop = to == IT_NAT_LAN ? (it_ip){0, 0} : nat->hop_out;
    if (p->frag == 1)
        it_natc_frag_learn(nat, w, to, p);
    else if (w->mtu || w->cut)
        it_natc_frag_send(nat, w, to, p);
    else
        it_natc_emit(nat, w->now, to, p);
}

void it_natc_say(it_nat *nat, it_time now, int port, it_pkt *p)
{
    p->hop = port == IT_NAT_LAN ? (it_ip){0, 0} : nat->hop_out;
    it_natc_emit(nat, now, port, p);
}

/* Where an error about |p| comes from, that arrived on |port|: what its sender knows of the box on its side, or took
 * for the destination. RFC 1812 section 4.3.2.4; RFC 5508 REQ-5c. */
static it_ip error_source(const it_nat *nat, int port, const it_pkt *p)
{
    if (it_natc_is_ext(nat, it_ip_v4(p->dst)))
        return p->dst;
    if (port == IT_NAT_LAN)
        return it_natc_own_ip(nat);
    return nat->n_addrs ? it_ip4(nat->addrs[0]) : (it_ip){0, 0};
}

/* True when |p|, which is for somebody else, was dropped because its hop limit ends here: RFC 1812 section 5.3.1. */
bool it_natc_dies(it_nat *nat, const it_natc_way *w, it_pkt *p)
{
    it_refusal m = it_refusal_of(4, IT_REFUSE_TIME_EXCEEDED, error_source(nat, w->port, p), IT_DROP_TTL);
    if (it_pkt_ip(p)[8] > 1)
        return false;
    it_natc_refuse(nat, w->now, w->port, p, &m);
    return true;
}

/* True when |p| was dropped for its size. */
static bool too_big(it_nat *nat, it_natc_way *w, int to, it_pkt *p)
{
    uint32_t mtu = it_link_mtu(&nat->node, to), len = w->cut ? w->cut->largest : p->len;
    if (nat->p.family && to == IT_NAT_LAN && it_natc64_cut(p, &mtu)) {
        w->mtu = mtu;
        return false;
    }
    if (len <= mtu)
        return false;
    if (it_pkt_may_fragment(p)) {
        w->mtu = mtu; /* RFC 4787 REQ-13a: it leaves in fragments */
        w->cut = NULL;
        return false;
    }
    /* RFC 4787 REQ-13: fragmentation needed and DF set. */
    it_refusal m = it_refusal_of(4, IT_REFUSE_TOO_BIG, error_source(nat, w->port, p), IT_DROP_MTU);
    m.rest = mtu;
    it_natc_refuse(nat, w->now, w->port, p, &m);
    return true;
}

bool it_natc_forward(it_nat *nat, it_natc_way *w, int to, it_pkt *p)
{
    if (it_natc_dies(nat, w, p))
        return false;
    if (p->len > SURE_FIT && too_big(nat, w, to, p))
        return false;
    return it_pkt_hop(p);
}

void it_natc_note_map(it_nat *nat, it_time now, const it_natc_map *m, const char *what)
{
    char text[32 + 2 * IT_ADDR_TEXT], in[IT_ADDR_TEXT], ext[IT_ADDR_TEXT];
    if (!nat->node.world->n_obs)
        return;
    it_addr_text(it_natc_addr(m->in.e), in);
    it_addr_text(it_natc_addr(m->ext.e), ext);
    snprintf(text, sizeof text, "%s %s -> %s", what, in, ext);
    it_node_note(&nat->node, now, text);
}

/* --- the way of most packets --- */

/* True when session |i| is that of UDP datagrams of direction |dir| from |src| to |dst|. */
static IT_CORE_HOT bool is_between(const it_nat *nat, uint32_t i, int dir, it_natc_end src, it_natc_end dst)
{
    const it_natc_session *s = &nat->sessions[i];
    if (dir == IT_NATC_OUT)
        return it_natc_internal_eq(s->in, it_natc_internal_of(IT_PROTO_UDP, src)) &&
               it_natc_remote_eq(s->remote, it_natc_remote_of(dst));
    return it_natc_external_eq(s->ext, it_natc_external_of(IT_PROTO_UDP, dst)) &&
           it_natc_remote_eq(s->remote, it_natc_remote_of(src));
}

/* The session of UDP datagrams of direction |dir| from |src| to |dst|, when nothing but to translate is left to do;
 * else IT_NATC_NONE. */
static IT_CORE_HOT uint32_t look_up(const it_nat *nat, int dir, it_natc_end src, it_natc_end dst)
{
    uint32_t i;
    if (dir == IT_NATC_OUT)
        i = it_natc_session_of(nat, it_natc_internal_of(IT_PROTO_UDP, src), it_natc_remote_of(dst));
    else
        i = it_natc_session_at(nat, it_natc_external_of(IT_PROTO_UDP, dst), it_natc_remote_of(src));
    if (i == IT_NATC_NONE || nat->sessions[i].detour || nat->sessions[i].map == IT_NATC_NONE)
        return IT_NATC_NONE;
    return i;
}

/* The session of |p|, a small UDP datagram of direction |dir|, when all that is left to do is to translate it; else
 * IT_NATC_NONE. Most packets are of the session of the one before them. */
static IT_CORE_HOT uint32_t session_known(it_nat *nat, const it_pkt *p, int dir)
{
    if (p->proto != IT_PROTO_UDP || p->frag || p->len > SURE_FIT)
        return IT_NATC_NONE;
    it_natc_end src = it_natc_end_of(it_ip_v4(p->src), p->sport), dst = it_natc_end_of(it_ip_v4(p->dst), p->dport);
    uint32_t i = nat->last[dir];
    if (i != IT_NATC_NONE && is_between(nat, i, dir, src, dst))
        return i;
    i = look_up(nat, dir, src, dst);
    if (i != IT_NATC_NONE)
        nat->last[dir] = i;
    return i;
}

/* Does in one go what outbound or inbound would do to |p|; false, and nothing is done, when it takes more than that. */
static IT_CORE_HOT bool nat_pass(it_nat *nat, it_time now, it_pkt *p, int dir)
{
    uint32_t i = session_known(nat, p, dir);
    if (i == IT_NATC_NONE || !it_pkt_hop(p))
        return false;
    it_natc_session *s = &nat->sessions[i];
    bool out = dir == IT_NATC_OUT;
    it_natc_session_stage(nat, now, s, dir);
    if (it_natc_refreshes(nat, dir))
        s->last = now;
    it_natc_session_expires(nat, s, s->last + it_natc_session_idle(nat, s));
    it_natc_end end = out ? s->ext.e : s->in.e;
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

/* The way of a packet whose checksum is right, or of no account. */
static IT_CORE_APART void slowly(it_nat *nat, it_natc_way *w, it_pkt *p)
{
    if (w->port == IT_NAT_LAN)
        it_natc_outbound(nat, w, p);
    else
        it_natc_inbound(nat, w, p);
}

/* True when the transport checksum of whole packet |p| is right as netfilter counts it: of UDP over all that the IP
 * header says there is, though its length may say less; of UDP-Lite with UDP's number in the pseudo header, so that
 * what is right by RFC 3828 section 3.1 never is (measured: a Linux NAT that drops what is invalid passes no UDP-Lite).
 */
static bool sums_up(const it_pkt *p)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t n = (size_t)(p->len - p->l4);
    if (p->ports != IT_PKT_PORTS_PAIR || (p->proto != IT_PROTO_UDP && p->proto != IT_PROTO_UDPLITE))
        return it_pkt_cksum_ok(p);
    uint16_t length = it_get16(t + 4), sum = it_get16(t + 6);
    if (p->proto == IT_PROTO_UDP && (sum == 0 || length == n))
        return it_pkt_cksum_ok(p);
    size_t covered = p->proto == IT_PROTO_UDPLITE && length ? length : n;
    return it_sum_fold(it_sum_add(IT_PROTO_UDP + n + it_sum_two(t - p->l4 + 12), t, covered)) == 0;
}

/* pass by side: each direction has code of its own. */
static IT_CORE_APART bool pass_either(it_nat *nat, it_time now, int port, it_pkt *p)
{
    if (port == IT_NAT_LAN)
        return nat_pass(nat, now, p, IT_NATC_OUT);
    return nat_pass(nat, now, p, IT_NATC_IN);
}

void it_natc_dispatch(it_nat *nat, it_natc_way *w, it_pkt *p)
{
    if (w->cut || !pass_either(nat, w->now, w->port, p))
        slowly(nat, w, p);
}

/* True when a datagram to |dst| that is of no flow is the box's own to answer. */
static bool answers_for(const it_nat *nat, int port, uint32_t dst)
{
    bool ext = it_natc_is_ext(nat, dst);
    if (port == IT_NAT_LAN)
        return (ext || dst == nat->own) && !nat->self;
    return ext && nat->p.udp.unsolicited == IT_NAT_UNSOL_LOCAL;
}

/* |p|, whose checksum is wrong, is of no flow. What remains is what any host or router does: for a host UDP's own
 * length may leave out what makes it wrong. */
static void wrong_sum(it_nat *nat, it_time now, int port, it_pkt *p)
{
    it_natc_way w = it_natc_way_of(now, port);
    uint32_t dst = it_ip_v4(p->dst);
    bool lite = p->proto == IT_PROTO_UDPLITE, udp = lite || p->proto == IT_PROTO_UDP;
    it_refusal m = {.from = p->dst,
                    .type = ICMP_UNREACHABLE,
                    .code = CODE_PORT,
                    .reason = IT_DROP_NO_SOCKET,
                    .more = "to the box itself",
                    .quoted = it_natc_udp_end(p)};
    bool rejects = port == IT_NAT_WAN && it_natc_is_ext(nat, dst) && nat->p.udp.unsolicited == IT_NAT_UNSOL_REJECT;
    if (rejects && lite) /* of which "reject" verifies nothing */
        it_natc_refuse(nat, now, port, p, &m);
    else if (udp && answers_for(nat, port, dst) && it_pkt_cksum_ok(p))
        it_natc_refuse(nat, now, port, p, &m);
    else
        it_natc_drop_stray(nat, &w, p, IT_DROP_CHECKSUM);
}

/* |p|, whole, has arrived, and takes more than a look-up. */
static IT_CORE_APART void arrive_slowly(it_nat *nat, it_time now, int port, it_pkt *p)
{
    it_natc_way w = it_natc_way_of(now, port);
    slowly(nat, &w, p);
}

/* |p|, whole, has arrived, its checksum of no account or right. */
static IT_CORE_APART void nat_arrive(it_nat *nat, it_time now, int port, it_pkt *p)
{
    if (port == IT_NAT_LAN ? nat_pass(nat, now, p, IT_NATC_OUT) : nat_pass(nat, now, p, IT_NATC_IN))
        return;
    arrive_slowly(nat, now, port, p);
}

/* |p|, whole, has arrived: its checksum is looked at first where the box does so and our own hosts have not made it. */
static IT_CORE_RARE void arrive_unsummed(it_nat *nat, it_time now, int port, it_pkt *p)
{
    if (!sums_up(p)) {
        wrong_sum(nat, now, port, p);
        return;
    }
    p->summed = true;
    nat_arrive(nat, now, port, p);
}

/* True when IPv4 is not what a box of this family takes in at |port|: RFC 6146, RFC 6296. */
static IT_CORE_HOT bool refuses_ipv4(const it_nat *nat, int port)
{
    return nat->p.family && (port == IT_NAT_LAN || nat->p.family == 66);
}

static void nat_deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    it_nat *nat = (it_nat *)(void *)n;
    const it_heap_item *top = it_heap_top(&nat->timers);
    if (top && top->time <= now)
        it_natc_expire(nat, now);
    if (now < nat->up_at)
        it_natc_drop_as(nat, now, port, p, IT_DROP_NAT_REBOOT);
    else if (port > IT_NAT_WAN)
        it_natc_from_self(nat, now, p);
    else if (p->ver != 4)
        it_natc_deliver6(nat, now, port, p);
    else if (refuses_ipv4(nat, port))
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_PROTO, "IPv4"});
    else if (p->frag)
        it_natc_fragment(nat, now, port, p);
    else if (nat->p.verify && !p->summed)
        arrive_unsummed(nat, now, port, p);
    else
        nat_arrive(nat, now, port, p);
}

static it_time next_timer(const it_node *n)
{
    const it_nat *nat = (const it_nat *)(const void *)n;
    const it_heap_item *top = it_heap_top(&nat->timers);
    it_time frag = it_defrag_next(&nat->defrag);
    return top && top->time < frag ? top->time : frag;
}

static void run_timers(it_node *n, it_time now)
{
    it_nat *nat = (it_nat *)(void *)n;
    it_natc_expire(nat, now);
    it_natc_frag_expire(nat, now);
}

static void free_nat(it_node *n)
{
    it_nat *nat = (it_nat *)(void *)n;
    it_alloc *a = nat->timers.alloc;
    it_map *maps[] = {&nat->by_in, &nat->by_out,   &nat->map_in,  &nat->map_ext, &nat->perms,  &nat->dests,
                      &nat->by_ip, &nat->reuse_by, &nat->held_by, &nat->frag_by, &nat->six_by, &nat->callers};
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
    it_defrag_fini(&nat->defrag);
    it_heap_fini(&nat->timers);
    it_free(a, nat);
}

const it_node_ops it_natc_ops = {.kind = "nat",
                                 .down = IT_DROP_NAT_REBOOT,
                                 .deliver = nat_deliver,
                                 .next = next_timer,
                                 .stirs = true,
                                 .run = run_timers,
                                 .free = free_nat};
