/* TCP through the firewall: what may begin a connection, its phases and their timers, SYNs nobody asked for (RFC 6092
 * section 3.3.1), and what hostile boxes do to connections: end idle or old ones, and inject resets.
 *
 * Two trackers: netsim/box/tcptrack.h, which RFC 6092 asks for and resets are made from, and with |conntrack|
 * netsim/box/conntrack.h, which then says what passes and for how long. */
#include "netsim/fw/impl.h"

#include <string.h>

#define HOLD (6 * IT_SEC)

/* Bytes of payload of |in|. */
static uint32_t tcp_payload(const it_fwc_in *in)
{
    const it_pkt *p = in->p;
    size_t n = (size_t)(p->len - p->l4) + in->extra, header = (size_t)(p->buf[p->head + p->l4 + 12] >> 4) * 4;
    return n > header ? (uint32_t)(n - header) : 0;
}

/* How long flow |t| may be silent; |*idle|: it is then the idle killer's. */
static it_time tcp_idle(const it_fw *fw, const it_tcpt *t, bool *idle)
{
    const it_fw_tcp *p = &fw->p.tcp;
    const it_time by_state[] = {
        [IT_TCPT_INIT] = p->timeout.syn, [IT_TCPT_EST] = p->timeout.est,     [IT_TCPT_FIN] = p->timeout.fin,
        [IT_TCPT_FIN2] = p->timeout.fin, [IT_TCPT_TRANS] = p->timeout.close,
    };
    *idle = t->state == IT_TCPT_EST && p->idle && p->idle < p->timeout.est;
    return *idle ? p->idle : by_state[t->state];
}

/* --- SYNs that are held --- */

static it_fwc_held *held_at(it_fw *fw, uint32_t i)
{
    return &fw->held[(fw->held_at + i) % IT_FWC_HELD];
}

void it_fwc_hold(const it_fwc_in *in, const it_fwc_key *key)
{
    it_fw *fw = in->fw;
    if (fw->n_held == IT_FWC_HELD || in->rest) {
        it_fwc_drop(in, IT_DROP_FW_STATE, in->rest ? "in fragments" : "too many are held");
        return;
    }
    it_fwc_held *h = held_at(fw, fw->n_held++);
    h->key = *key;
    h->p = in->p;
    h->at = in->now + HOLD;
}

void it_fwc_release(it_fw *fw, it_time now, const it_fwc_key *key)
{
    for (uint32_t i = 0; i < fw->n_held; i++) {
        it_fwc_held *h = held_at(fw, i);
        if (!h->p || memcmp(&h->key, key, sizeof h->key) != 0)
            continue;
        it_fwc_in in = {.fw = fw, .now = now, .port = IT_FW_OUT, .p = h->p};
        it_fwc_drop(&in, IT_DROP_FW_STATE, "held until the same came from inside");
        h->p = NULL;
    }
}

void it_fwc_held_run(it_fw *fw, it_time now)
{
    while (fw->n_held && (!held_at(fw, 0)->p || held_at(fw, 0)->at <= now)) {
        it_fwc_in in = {.fw = fw, .now = now, .port = IT_FW_OUT, .p = held_at(fw, 0)->p};
        fw->held_at = (fw->held_at + 1) % IT_FWC_HELD;
        fw->n_held--;
        if (in.p)
            it_fwc_prohibit(&in, IT_DROP_FW_STATE, "held 6 s, nothing from inside came");
    }
}

it_time it_fwc_held_next(const it_fw *fw)
{
    return fw->n_held ? fw->held[fw->held_at].at : IT_NEVER;
}

void it_fwc_held_flush(it_fw *fw)
{
    for (uint32_t i = 0; i < fw->n_held; i++)
        if (held_at(fw, i)->p)
            it_pkt_free(it_world_pool(fw->node.world), held_at(fw, i)->p);
    fw->n_held = 0;
}

/* --- what begins a flow --- */

/* A SYN that no flow or rule lets in. */
static void tcp_unsolicited(const it_fwc_in *in, const it_fwc_key *key)
{
    switch (in->fw->p.tcp.syn_in) {
    case IT_FW_SYN_RST:
        it_fwc_reset_back(in, IT_DROP_FW_STATE, "answered with a RST");
        break;
    case IT_FW_SYN_ICMP:
        it_fwc_prohibit(in, IT_DROP_FW_STATE, "answered with ICMP");
        break;
    case IT_FW_SYN_HOLD:
        it_fwc_hold(in, key);
        break;
    default:
        it_fwc_drop(in, IT_DROP_FW_STATE, NULL);
    }
}

/* Whether a rule or the filtering lets SYN |in| from outside in. */
static bool tcp_lets_in(const it_fwc_in *in, const it_fwc_key *key)
{
    const it_fw_profile *p = &in->fw->p;
    bool ruled = p->tcp_in.set && it_fw_ports_allow(&p->tcp_in, in->p->dport);
    return ruled || it_fwc_filter_lets_in(in->fw, key, p->tcp.filtering);
}

/* Drops |in|, a segment without state that begins none. RFC 6092 section 3.3.1. */
static void tcp_of_no_flow(const it_fwc_in *in)
{
    if (in->port == IT_FW_IN && in->fw->p.tcp.kill == IT_FW_KILL_LATE)
        it_fwc_reset_back(in, IT_DROP_FW_STATE, "no flow: answered with a RST");
    else
        it_fwc_drop(in, IT_DROP_FW_STATE, "a segment of no flow");
}

/* Whether |in|, which belongs to no flow and comes from inside, may begin one; else it is gone. */
static bool tcp_may_begin_out(const it_fwc_in *in)
{
    const it_fw_profile *p = &in->fw->p;
    if (!it_fw_ports_allow(&p->tcp_out, in->p->dport)) {
        it_fwc_drop(in, IT_DROP_FW_POLICY, "tcp_out");
        return false;
    }
    bool loose = p->tcp.loose && !(it_tcpt_flags(in->p) & IT_TCP_RST);
    if (it_tcpt_is_syn(in->p) || loose || !it_fw_tcp_stateful(p))
        return true;
    tcp_of_no_flow(in);
    return false;
}

/* Whether |in|, which belongs to no flow, may begin one; else it is gone. */
static bool tcp_may_begin(const it_fwc_in *in, const it_fwc_key *key)
{
    if (in->port == IT_FW_IN)
        return tcp_may_begin_out(in);
    if (!it_fw_tcp_stateful(&in->fw->p))
        return true;
    if (!it_tcpt_is_syn(in->p)) {
        tcp_of_no_flow(in);
        return false;
    }
    if (tcp_lets_in(in, key))
        return true;
    tcp_unsolicited(in, key);
    return false;
}

/* Makes the flow |key|, which |in| begins, to live until |expires|; IT_MAP_NONE when |in| was dropped. */
static uint32_t tcp_make(const it_fwc_in *in, const it_fwc_key *key, it_time expires)
{
    it_fw *fw = in->fw;
    uint32_t i = it_fwc_flow_new(fw, in->now, in->port, key, expires);
    if (i != IT_MAP_NONE && it_grow(fw->timers.alloc, &fw->tcps, &fw->cap_tcps, (size_t)i + 1, sizeof *fw->tcps) < 0) {
        it_node_oom(&fw->node);
        it_fwc_flow_end(fw, i);
        i = IT_MAP_NONE;
    }
    if (i == IT_MAP_NONE)
        it_fwc_drop(in, IT_DROP_FW_STATE, "flow table full");
    return i;
}

/* The flow that |in| begins; IT_MAP_NONE when it was dropped. */
static uint32_t tcp_begin(const it_fwc_in *in, const it_fwc_key *key)
{
    it_fw *fw = in->fw;
    it_fwc_tcp c = {.bytes = 0};
    it_time times[IT_CT_TIMES];
    bool idle;
    if (!tcp_may_begin(in, key))
        return IT_MAP_NONE;
    if (!it_fwc_checksum_ok(in)) {
        it_fwc_drop(in, IT_DROP_CHECKSUM, "it begins no flow");
        return IT_MAP_NONE;
    }
    if (in->port == IT_FW_IN && it_tcpt_is_syn(in->p))
        it_fwc_release(fw, in->now, key);
    it_tcpt_open(&c.t, in->port, in->p);
    it_time silent = tcp_idle(fw, &c.t, &idle);
    if (fw->p.conntrack) {
        it_fwc_tcp_times(&fw->p.tcp, times);
        it_ct_step step = it_ct_open(&c.ct, times, fw->p.tcp.loose, in->p, in->extra);
        silent = step.idle;
        if (step.verdict == IT_CT_INVALID) {
            it_fwc_drop(in, IT_DROP_FW_INVALID, "it begins no connection");
            return IT_MAP_NONE;
        }
    }
    uint32_t i = tcp_make(in, key, in->now + silent);
    if (i != IT_MAP_NONE)
        fw->tcps[i] = c;
    return i;
}

/* --- what happens to one --- */

/* A flow that has lived too long: its segments are dropped, once with resets if that is the way. */
static bool tcp_too_old(const it_fwc_in *in, uint32_t i)
{
    it_fw *fw = in->fw;
    it_fwc_flow *f = &fw->flows[i];
    if (!fw->p.tcp.max_flow_age || in->now - f->created < fw->p.tcp.max_flow_age)
        return false;
    if (!f->dead && fw->p.tcp.kill == IT_FW_KILL_RST)
        it_fwc_reset_both(fw, in->now, i);
    fw->stats.killed += !f->dead;
    f->dead = true;
    if (in->port == IT_FW_IN && fw->p.tcp.kill == IT_FW_KILL_LATE)
        it_fwc_reset_back(in, IT_DROP_FW_POLICY, "max_flow_age");
    else
        it_fwc_drop(in, IT_DROP_FW_POLICY, "max_flow_age");
    return true;
}

/* The injector: true when |n| more bytes carry a flow to |outside_port| over the limit. */
static bool tcp_injects(const it_fw *fw, const it_fwc_tcp *c, uint16_t outside_port, uint32_t n)
{
    const it_fw_ports *ports = &fw->p.tcp.rst_ports;
    return ports->set && n && it_fw_ports_allow(ports, outside_port) && c->bytes > (uint64_t)fw->p.tcp.rst_after;
}

/* Passes |in| of flow |i|, and resets it where the injector says so. */
static void tcp_pass(const it_fwc_in *in, uint32_t i)
{
    it_fw *fw = in->fw;
    it_fwc_tcp *c = &fw->tcps[i];
    uint32_t n = tcp_payload(in);
    c->bytes += n;
    bool inject = tcp_injects(fw, c, it_fwc_end(&fw->flows[i].key, IT_FW_OUT).port, n);
    it_fwc_pass(in);
    if (inject)
        it_fwc_reset_both(fw, in->now, i);
}

/* Follows |in| of flow |i|. */
static void tcp_go_on(const it_fwc_in *in, uint32_t i, bool fresh)
{
    it_fw *fw = in->fw;
    bool idle;
    if (tcp_too_old(in, i))
        return;
    /* RFC 6092 REC-34: a SYN from inside, answering one from outside, ends the wait for it. */
    if (fresh || it_tcpt_see(&fw->tcps[i].t, in->port, in->p))
        it_fwc_flow_until(fw, i, in->now + tcp_idle(fw, &fw->tcps[i].t, &idle));
    tcp_pass(in, i);
}

/* |in| is not part of flow |i|, which may end the sooner for it. */
static void tcp_invalid(const it_fwc_in *in, uint32_t i, it_ct_step step, it_time unacked)
{
    it_time left = in->fw->flows[i].expires - in->now;
    if (it_ct_shortens(step, left, unacked))
        it_fwc_flow_until(in->fw, i, in->now + unacked);
    it_fwc_drop(in, IT_DROP_FW_INVALID, "it does not fit the connection");
}

/* The step of flow |i| that |in| is, already taken; drops or passes it. */
static void tcp_take_step(const it_fwc_in *in, uint32_t i, it_ct_step step, it_time unacked)
{
    it_fw *fw = in->fw;
    if (step.verdict == IT_CT_INVALID) {
        tcp_invalid(in, i, step, unacked);
        return;
    }
    if (step.idle)
        it_fwc_flow_until(fw, i, in->now + step.idle);
    tcp_pass(in, i);
    if (step.verdict == IT_CT_PASS_AND_END)
        it_fwc_flow_end(fw, i);
}

/* |in| as netfilter takes it. */
static void tcp_conntrack(const it_fwc_in *in, const it_fwc_key *key)
{
    it_fw *fw = in->fw;
    it_time times[IT_CT_TIMES];
    if (!it_ct_valid(in->p)) {
        it_fwc_drop(in, IT_DROP_FW_INVALID, "flags or header that mean nothing");
        return;
    }
    if (!it_fwc_checksum_ok(in)) {
        it_fwc_drop(in, IT_DROP_CHECKSUM, "it belongs to no flow");
        return;
    }
    it_fwc_tcp_times(&fw->p.tcp, times);
    uint32_t i = it_map_get(&fw->by_key, key->words);
    if (i != IT_MAP_NONE && !tcp_too_old(in, i)) {
        it_fwc_tcp *c = &fw->tcps[i];
        it_ct_step step = it_ct_see(&c->ct, times, in->port != fw->flows[i].opener, in->p, in->extra);
        if (step.verdict != IT_CT_REOPEN) {
            if (step.verdict != IT_CT_INVALID)
                (void)it_tcpt_see(&c->t, in->port, in->p);
            tcp_take_step(in, i, step, times[IT_CT_UNACKED]);
            return;
        }
        it_fwc_flow_end(fw, i);
    } else if (i != IT_MAP_NONE) {
        return;
    }
    i = tcp_begin(in, key);
    if (i != IT_MAP_NONE)
        tcp_pass(in, i);
}

void it_fwc_tcp_expired(it_fw *fw, it_time now, uint32_t i)
{
    bool idle;
    (void)tcp_idle(fw, &fw->tcps[i].t, &idle);
    if (!idle)
        return;
    fw->stats.killed++;
    if (fw->p.tcp.kill == IT_FW_KILL_RST)
        it_fwc_reset_both(fw, now, i);
}

static bool tcp_is_over(const it_tcpt *t)
{
    return t->state == IT_TCPT_FIN2 || t->state == IT_TCPT_TRANS;
}

/* |in| as RFC 6092 asks for. */
static void tcp_track(const it_fwc_in *in, const it_fwc_key *key)
{
    it_fw *fw = in->fw;
    uint32_t i = it_map_get(&fw->by_key, key->words);
    bool fresh = i == IT_MAP_NONE;
    if (fresh)
        i = tcp_begin(in, key);
    else if (in->port == IT_FW_OUT && tcp_is_over(&fw->tcps[i].t) && it_tcpt_is_syn(in->p) && !tcp_may_begin(in, key))
        return; /* the outside may not begin anew what the inside had begun */
    if (i != IT_MAP_NONE)
        tcp_go_on(in, i, fresh);
}

void it_fwc_tcp_in(const it_fwc_in *in)
{
    const it_fw_tcp *t = &in->fw->p.tcp;
    const it_pkt *p = in->p;
    if (t->block) {
        it_fwc_drop(in, IT_DROP_FW_POLICY, "TCP is blocked");
        return;
    }
    if (!it_fw_tcp_stateful(&in->fw->p) && !t->max_flow_age && !t->rst_ports.set) {
        it_fwc_pass(in);
        return;
    }
    if (p->ports != IT_PKT_PORTS_PAIR) {
        it_fwc_drop(in, IT_DROP_FW_STATE, "a fragment without ports");
        return;
    }
    it_fwc_key key = it_fwc_key_of(in->port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), IT_PROTO_TCP);
    if (in->fw->p.conntrack)
        tcp_conntrack(in, &key);
    else
        tcp_track(in, &key);
}
