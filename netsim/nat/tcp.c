/* TCP in the NAT: when a segment may open a session, what a session's state means for its timer, and SYNs nobody asked
 * for.
 *
 * Sessions of TCP are those of UDP with a tracker beside them (netsim/box/tcptrack.h); |stage| is the tracker's state.
 * The choice of ports, overloading and clashes follow the profile's udp fields, in a name space of ports of TCP's own
 * (RFC 7857 section 5). */
#include "netsim/nat/impl.h"

#define HELD_MAX                                                                                                       \
    256 /* SYNs held at once; what is above is dropped: RFC 5382 section 9, an attacker must not fill the box */
#define HOLD (6 * IT_SEC)
#define CROSSED (120 * IT_SEC) /* a strict box, when SYNs have crossed; netfilter has no name for it either */

/* --- sessions --- */

it_time it_natc_tcp_idle(const it_nat *nat, uint32_t i)
{
    const it_nat_tcp *p = &nat->p.tcp;
    if (nat->sessions[i].tracked)
        return nat->lives[i].idle;
    const it_time by_state[] = {
        [IT_TCPT_INIT] = p->timeout.syn,      [IT_TCPT_EST] = p->timeout.est,     [IT_TCPT_FIN] = p->timeout.fin,
        [IT_TCPT_FIN2] = p->timeout.timewait, [IT_TCPT_TRANS] = p->timeout.close,
    };
    return by_state[nat->sessions[i].stage];
}

/* The idle times of a strict box, by phase. */
static void phase_times(const it_nat *nat, it_time t[IT_CT_TIMES])
{
    const it_nat_tcp *p = &nat->p.tcp;
    t[IT_CT_NONE] = t[IT_CT_SENT] = p->timeout.syn;
    t[IT_CT_SENT2] = CROSSED;
    t[IT_CT_RECV] = p->timeout.syn_recv;
    t[IT_CT_EST] = p->timeout.est;
    t[IT_CT_FIN_WAIT] = p->timeout.fin;
    t[IT_CT_CLOSE_WAIT] = p->timeout.close_wait;
    t[IT_CT_LAST_ACK] = p->timeout.last_ack;
    t[IT_CT_TIME_WAIT] = p->timeout.timewait;
    t[IT_CT_CLOSED] = p->timeout.close;
    t[IT_CT_UNACKED] = t[IT_CT_RETRANS] = p->timeout.unacked;
}

/* The state of RFC 6146 that a phase is part of. */
static uint8_t state_of(const it_natc_life *life)
{
    static const uint8_t STATES[IT_CT_PHASES] = {
        [IT_CT_NONE] = IT_TCPT_INIT,      [IT_CT_SENT] = IT_TCPT_INIT,     [IT_CT_SENT2] = IT_TCPT_INIT,
        [IT_CT_RECV] = IT_TCPT_INIT,      [IT_CT_EST] = IT_TCPT_EST,       [IT_CT_FIN_WAIT] = IT_TCPT_FIN,
        [IT_CT_CLOSE_WAIT] = IT_TCPT_FIN, [IT_CT_LAST_ACK] = IT_TCPT_FIN2, [IT_CT_TIME_WAIT] = IT_TCPT_FIN2,
        [IT_CT_CLOSED] = IT_TCPT_TRANS,
    };
    return life->blank ? (uint8_t)IT_TCPT_INIT : STATES[life->ct.phase];
}

/* Makes room for the tracker of session |i|. */
static bool tracker_room(it_nat *nat, uint32_t i)
{
    it_alloc *a = nat->timers.alloc;
    size_t n = (size_t)i + 1;
    int err = nat->p.tcp.strict ? it_grow(a, &nat->lives, &nat->cap_lives, n, sizeof *nat->lives)
                                : it_grow(a, &nat->tcps, &nat->cap_tcps, n, sizeof *nat->tcps);
    if (err < 0)
        it_node_oom(&nat->node);
    return err == 0;
}

/* The first packet |p|, of direction |dir|, of strict session |i|: INVALID for what begins none. */
static it_ct_step open_strictly(it_nat *nat, const it_time times[IT_CT_TIMES], uint32_t i, int dir, const it_pkt *p)
{
    it_natc_life *life = &nat->lives[i];
    it_ct_step step = it_ct_open(&life->ct, times, true, p, 0);
    if (step.verdict == IT_CT_INVALID)
        return step;
    life->blank = false;
    life->opener = (uint8_t)dir;
    return step;
}

/* Begins to follow the strict session |i| with |p|; NULL: no packet of it was seen yet. */
static void follow_strictly(it_nat *nat, uint32_t i, int dir, const it_pkt *p)
{
    it_natc_life *life = &nat->lives[i];
    it_time times[IT_CT_TIMES];
    phase_times(nat, times);
    *life = (it_natc_life){.idle = nat->p.tcp.timeout.syn, .opener = (uint8_t)dir, .blank = true};
    it_ct_step step = {.verdict = IT_CT_INVALID};
    if (p)
        step = open_strictly(nat, times, i, dir, p);
    if (step.idle)
        life->idle = step.idle;
    nat->sessions[i].stage = state_of(life);
}

/* The first packet |p| of session |i|; NULL: there was none. False when there is no memory for its tracker. */
static bool begin_tracking(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p)
{
    it_natc_session *s = &nat->sessions[i];
    if (!tracker_room(nat, i))
        return false;
    s->tracked = nat->p.tcp.strict;
    if (s->tracked) {
        follow_strictly(nat, i, dir, p);
    } else {
        if (p)
            it_tcpt_open(&nat->tcps[i], dir, p);
        else
            it_tcpt_open_blank(&nat->tcps[i], dir);
        s->stage = nat->tcps[i].state;
    }
    it_natc_session_restart(nat, now, i);
    return true;
}

/* What segment |p| of direction |dir| is to strict session |i|. */
static it_ct_step step_strictly(it_nat *nat, const it_time times[IT_CT_TIMES], uint32_t i, int dir, const it_pkt *p)
{
    it_natc_life *life = &nat->lives[i];
    if (!it_ct_valid(p))
        return (it_ct_step){.verdict = IT_CT_INVALID};
    if (life->blank)
        return open_strictly(nat, times, i, dir, p);
    return it_ct_see(&life->ct, times, dir != life->opener, p, 0);
}

enum it_ct_verdict it_natc_tcp_judge(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p)
{
    it_natc_session *s = &nat->sessions[i];
    it_time times[IT_CT_TIMES];
    if (!s->tracked)
        return IT_CT_PASS;
    it_natc_life *life = &nat->lives[i];
    phase_times(nat, times);
    it_ct_step step = step_strictly(nat, times, i, dir, p);
    s->stage = state_of(life);
    if (it_ct_shortens(step, s->expires - now, times[IT_CT_UNACKED]))
        step.idle = times[IT_CT_UNACKED];
    if (step.idle) {
        life->idle = step.idle;
        it_natc_session_restart(nat, now, i);
    }
    return step.verdict;
}

void it_natc_tcp_touch(it_nat *nat, it_time now, uint32_t i, int dir, const it_pkt *p)
{
    it_natc_session *s = &nat->sessions[i];
    if (s->tracked)
        return; /* by it_natc_tcp_judge */
    bool seen = it_tcpt_see(&nat->tcps[i], dir, p);
    s->stage = nat->tcps[i].state;
    if (seen)
        it_natc_session_restart(nat, now, i);
}

bool it_natc_tcp_ask(it_nat *nat, it_time now, uint32_t i)
{
    it_natc_session *s = &nat->sessions[i];
    bool back = s->detour & IT_NATC_BACK;
    bool asks = nat->p.family == 64 && it_natc_proto(s->in.e) == IT_PROTO_TCP && s->stage == IT_TCPT_EST &&
                s->map != IT_NATC_NONE && !back;
    if (!asks)
        return false;
    /* RFC 6146 section 3.5.2.2, ESTABLISHED: a segment without data, its numbers 0, no flag but ACK; then TCP_TRANS. */
    it_pkt_tcp_msg m = {.flags = IT_TCP_ACK};
    m.src = it_natc_addr(s->remote.e);
    m.dst = it_natc_addr(s->in.e);
    s->stage = IT_TCPT_TRANS;
    if (s->tracked)
        nat->lives[i].idle = nat->p.tcp.timeout.close;
    else
        nat->tcps[i].state = IT_TCPT_TRANS;
    it_natc_session_restart(nat, now, i);
    it_pkt *p = it_node_packet(&nat->node);
    if (p && it_pkt_tcp(p, &m) == 0)
        it_natc_say(nat, now, IT_NAT_LAN, p);
    else if (p)
        it_pkt_free(it_world_pool(nat->node.world), p);
    return true;
}

/* --- SYNs that are held --- */

static uint32_t held_at(const it_nat *nat, it_natc_external ext, it_natc_remote remote)
{
    return it_map_get2(&nat->held_by, ext.e.w, remote.e.w);
}

/* Takes the held SYN |i| out of the table. */
static it_pkt *syn_release(it_nat *nat, uint32_t i)
{
    it_natc_held *h = &nat->held[i];
    uint64_t key[2] = {h->ext.e.w, h->remote.e.w};
    it_pkt *p = h->p;
    it_map_del(&nat->held_by, key);
    h->p = NULL;
    h->gen++;
    it_natc_give(&nat->pool_held, i);
    return p;
}

/* Keeps SYN |p| for six seconds; false when it could not. */
static bool syn_hold(it_nat *nat, it_time now, const struct it_natc_in *r, it_pkt *p)
{
    uint64_t key[2] = {r->ext.e.w, r->remote.e.w};
    if (nat->held_by.n >= HELD_MAX)
        return false;
    uint32_t i = it_natc_take(nat, &nat->pool_held, sizeof *nat->held);
    nat->held = nat->pool_held.v;
    if (i == IT_NATC_NONE) {
        it_node_oom(&nat->node);
        return false;
    }
    it_natc_held *h = &nat->held[i];
    if (it_map_put(&nat->held_by, key, i) < 0 || it_natc_timer(nat, now + HOLD, IT_NATC_T_SYN, i, h->gen) < 0) {
        it_map_del(&nat->held_by, key);
        it_natc_give(&nat->pool_held, i);
        it_node_oom(&nat->node);
        return false;
    }
    h->ext = r->ext;
    h->remote = r->remote;
    h->p = p;
    return true;
}

void it_natc_syn_timer(it_nat *nat, it_time now, uint32_t i, uint32_t gen)
{
    it_natc_held *h = &nat->held[i];
    if (h->gen != gen || !h->p)
        return;
    /* RFC 5382 REQ-4: nobody wanted it; port unreachable for the original SYN. */
    it_refusal m = {.from = it_ip4(it_natc_ip(h->ext.e)),
                    .type = ICMP_UNREACHABLE,
                    .code = 3,
                    .reason = IT_DROP_NAT_UNSOLICITED,
                    .more = "held 6 s, no SYN from inside came"};
    it_natc_refuse(nat, now, IT_NAT_WAN, syn_release(nat, i), &m);
}

void it_natc_syn_flush(it_nat *nat, it_time now)
{
    uint32_t pos = 0, i;
    const uint64_t *key;
    while (it_map_next(&nat->held_by, &pos, &key, &i))
        it_natc_drop(nat, now, IT_NAT_WAN, syn_release(nat, i),
                     (it_natc_no){IT_DROP_NAT_UNSOLICITED, "the box lost its state"});
}

/* --- from inside --- */

bool it_natc_tcp_opened(it_nat *nat, it_time now, uint32_t i, int dir, it_pkt *p)
{
    if (!begin_tracking(nat, now, i, dir, p)) {
        it_natc_session_end(nat, now, i);
        return false;
    }
    uint32_t h = dir == IT_NATC_OUT ? held_at(nat, nat->sessions[i].ext, nat->sessions[i].remote) : IT_MAP_NONE;
    if (h != IT_MAP_NONE && it_tcpt_is_syn(p)) {
        /* RFC 5382 REQ-4: the SYN that came before is dropped silently; RFC 6146 section 3.5.2.2, V4 INIT: it has been
         * the other half of a simultaneous open all the same. */
        it_pkt *syn = syn_release(nat, h);
        (void)it_natc_tcp_judge(nat, now, i, IT_NATC_IN, syn);
        it_natc_tcp_touch(nat, now, i, IT_NATC_IN, syn);
        it_natc_drop(nat, now, IT_NAT_WAN, syn,
                     (it_natc_no){IT_DROP_NAT_UNSOLICITED, "held until the SYN from inside came"});
    }
    return true;
}

bool it_natc_tcp_blank(it_nat *nat, it_time now, uint32_t i)
{
    bool ok = begin_tracking(nat, now, i, IT_NATC_OUT, NULL);
    if (!ok)
        it_natc_session_end(nat, now, i);
    return ok;
}

void it_natc_reset(it_nat *nat, it_time now, int port, it_pkt *p, it_natc_no no)
{
    it_natc_count_drop(nat, now, no.reason);
    it_pkt *e = it_refuse_reset(&nat->node, now, port, p, no.reason, no.more);
    if (e)
        it_natc_say(nat, now, port, e);
}

bool it_natc_tcp_may_open(it_nat *nat, it_natc_way *w, it_pkt *p, const it_natc_flow *f)
{
    it_time now = w->now;
    /* netfilter takes up a connection that it has not seen begin by an ACK alone. */
    bool ack = (it_tcpt_flags(p) & (IT_TCP_SYN | IT_TCP_ACK | IT_TCP_FIN | IT_TCP_RST)) == IT_TCP_ACK;
    if (nat->p.tcp.strict && !it_ct_valid(p)) {
        it_natc_drop(nat, now, IT_NAT_LAN, p,
                     (it_natc_no){IT_DROP_NAT_NO_MAPPING, "flags or header that mean nothing"});
        return false;
    }
    if (it_tcpt_is_syn(p) || (nat->p.tcp.loose && ack))
        return true;
    uint32_t m = it_natc_map_find(nat, f);
    if (m != IT_NATC_NONE && !nat->p.tcp.strict && !nat->p.tcp.rst_on_expired &&
        !it_natc_is_ext(nat, it_natc_ip(f->remote.e))) {
        /* RFC 6146 section 3.5.2.2, CLOSED: "If there is a corresponding entry in the TCP BIB, the packet SHOULD be
         * translated and forwarded"; it makes no session. */
        if (!it_natc_forward(nat, w, IT_NAT_WAN, p))
            return false;
        it_natc_end ext = nat->maps[m].ext.e;
        it_pkt_set_src(p, it_ip4(it_natc_ip(ext)), it_natc_port(ext));
        nat->stats.out++;
        it_natc_send(nat, w, IT_NAT_WAN, p);
        return false;
    }
    it_natc_no no = {IT_DROP_NAT_NO_MAPPING, "no connection, and not a SYN"};
    if (nat->p.tcp.rst_on_expired)
        it_natc_reset(nat, now, IT_NAT_LAN, p,
                      (it_natc_no){IT_DROP_NAT_NO_MAPPING, "the connection is forgotten: reset"});
    else
        it_natc_drop(nat, now, IT_NAT_LAN, p, no);
    return false;
}

/* --- from outside --- */

/* Makes the type of service of |p| 0. */
static void plain_tos(it_pkt *p)
{
    uint8_t *b = it_pkt_ip(p);
    it_put16(b + 10, it_cksum_fix16(it_get16(b + 10), b[1], 0));
    b[1] = 0;
}

void it_natc_tcp_unsolicited(it_nat *nat, it_time now, it_pkt *p, const struct it_natc_in *r)
{
    bool syn = it_tcpt_is_syn(p);
    uint8_t how = r->no.reason == IT_DROP_NAT_LIMIT ? (uint8_t)IT_NAT_SYN_DROP : nat->p.tcp.syn_in;
    it_refusal m = {.from = it_ip4(it_natc_ip(r->ext.e)),
                    .type = ICMP_UNREACHABLE,
                    .code = 3,
                    .reason = IT_DROP_NAT_UNSOLICITED,
                    .more = "refused: port unreachable"};
    if (how == IT_NAT_SYN_RST) {
        /* The box itself answers, as a host without the port does, whatever the segment. */
        if (nat->p.udp.unsolicited == IT_NAT_UNSOL_REJECT)
            plain_tos(p); /* what netfilter's "reject" makes has none */
        it_natc_reset(nat, now, IT_NAT_WAN, p, (it_natc_no){IT_DROP_NAT_UNSOLICITED, "refused: reset"});
    } else if (how == IT_NAT_SYN_ICMP && syn) {
        it_natc_refuse(nat, now, IT_NAT_WAN, p, &m);
    } else if (how == IT_NAT_SYN_HOLD6 && syn && held_at(nat, r->ext, r->remote) == IT_MAP_NONE) {
        if (!syn_hold(nat, now, r, p))
            it_natc_drop(nat, now, IT_NAT_WAN, p, r->no);
    } else {
        it_natc_drop(nat, now, IT_NAT_WAN, p, r->no);
    }
}

bool it_natc_tcp_passes_in(const it_nat *nat, struct it_natc_in *r)
{
    /* RFC 6146 section 3.5.2.2, CLOSED: without a SYN a mapping and its filter suffice, no session is made. */
    uint32_t m = it_natc_map_at(nat, r->ext);
    r->no = (it_natc_no){IT_DROP_NAT_NO_MAPPING, "no connection, and not a SYN"};
    while (m != IT_NATC_NONE && !it_natc_lets_in(nat, &nat->maps[m], r->remote))
        m = nat->maps[m].sharer;
    if (m == IT_NATC_NONE)
        return false;
    r->in = nat->maps[m].in;
    return true;
}
