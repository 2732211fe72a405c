/* TCP through the firewall: what may begin a connection, its phases and their timers, SYNs nobody asked for (RFC 6092
 * section 3.3.1), and what hostile boxes do to connections: end idle or old ones, and inject resets. */
#include "netsim/fw/impl.h"

#include <string.h>

#define HOLD (6 * IT_SEC)

/* Bytes of payload of TCP packet |p|. */
static uint32_t payload(const it_pkt *p)
{
    size_t n = (size_t)(p->len - p->l4), header = (size_t)(p->buf[p->head + p->l4 + 12] >> 4) * 4;
    return n > header ? (uint32_t)(n - header) : 0;
}

/* How long flow |t| may be silent; |*idle|: it is then the idle killer's. */
static it_time idle_time(const it_fw *fw, const it_tcpt *t, bool *idle)
{
    const it_fw_tcp *p = &fw->p.tcp;
    const it_time by_state[] = {
        [IT_TCPT_INIT] = p->timeout.syn, [IT_TCPT_EST] = p->timeout.est,     [IT_TCPT_FIN] = p->timeout.fin,
        [IT_TCPT_FIN2] = p->timeout.fin, [IT_TCPT_TRANS] = p->timeout.close,
    };
    *idle = t->state == IT_TCPT_EST && p->idle && p->idle < p->timeout.est;
    return *idle ? p->idle : by_state[t->state];
}

/* --- resets of our own making --- */

static void send_reset(it_fw *fw, it_time now, int port, it_pkt *r)
{
    fw->stats.resets++;
    it_fwc_send(fw, now, port, r);
}

/* A RST through |port| as the other end of flow |i| would send it, from what the tracker saw. */
static void reset_end(it_fw *fw, it_time now, uint32_t i, int port)
{
    const it_fwc_tcp *c = &fw->tcps[i];
    const it_tcpt_end *to = &c->t.end[port], *from = &c->t.end[!port];
    if (!to->acked && !from->sent)
        return; /* nothing is known that its receiver would take: RFC 5961 section 3.2 */
    it_pkt *r = it_node_packet(&fw->node);
    if (!r)
        return;
    it_pkt_tcp_msg m = {.src = it_fwc_end(fw->flows[i].key, !port),
                        .dst = it_fwc_end(fw->flows[i].key, port),
                        .flags = IT_TCP_RST | IT_TCP_ACK};
    m.seq = to->acked ? to->ack : from->next;
    m.ack = to->next;
    if (it_pkt_tcp(r, &m) < 0)
        it_pkt_free(it_world_pool(fw->node.world), r);
    else
        send_reset(fw, now, port, r);
}

/* Ends both sides of flow |i| with resets. */
static void reset_both(it_fw *fw, it_time now, uint32_t i)
{
    reset_end(fw, now, i, IT_FW_IN);
    reset_end(fw, now, i, IT_FW_OUT);
}

/* Answers |p| from its destination; |p| is then dropped for |reason|. */
static void reset_back(it_fw *fw, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more)
{
    it_pkt *r = it_node_packet(&fw->node);
    if (r && it_pkt_tcp_reset(r, p) < 0) {
        it_pkt_free(it_world_pool(fw->node.world), r);
        r = NULL;
    }
    it_fwc_drop(fw, now, port, p, reason, more);
    if (r)
        send_reset(fw, now, port, r);
}

/* --- SYNs that are held --- */

static it_fwc_held *held_at(it_fw *fw, uint32_t i)
{
    return &fw->held[(fw->held_at + i) % IT_FWC_HELD];
}

void it_fwc_hold(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[IT_FWC_KEY])
{
    if (fw->n_held == IT_FWC_HELD) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "too many are held");
        return;
    }
    it_fwc_held *h = held_at(fw, fw->n_held++);
    memcpy(h->key, key, sizeof h->key);
    h->p = p;
    h->at = now + HOLD;
}

void it_fwc_release(it_fw *fw, it_time now, const uint64_t key[IT_FWC_KEY])
{
    for (uint32_t i = 0; i < fw->n_held; i++) {
        it_fwc_held *h = held_at(fw, i);
        if (!h->p || memcmp(h->key, key, sizeof h->key) != 0)
            continue;
        it_fwc_drop(fw, now, IT_FW_OUT, h->p, IT_DROP_FW_STATE, "held until the same came from inside");
        h->p = NULL;
    }
}

void it_fwc_held_run(it_fw *fw, it_time now)
{
    while (fw->n_held && (!held_at(fw, 0)->p || held_at(fw, 0)->at <= now)) {
        it_pkt *p = held_at(fw, 0)->p;
        fw->held_at = (fw->held_at + 1) % IT_FWC_HELD;
        fw->n_held--;
        if (p)
            it_fwc_prohibit(fw, now, IT_FW_OUT, p, IT_DROP_FW_STATE, "held 6 s, nothing from inside came");
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
static void unsolicited(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[IT_FWC_KEY])
{
    if (fw->p.tcp.syn_in == IT_FW_SYN_RST)
        reset_back(fw, now, port, p, IT_DROP_FW_STATE, "answered with a RST");
    else if (fw->p.tcp.syn_in == IT_FW_SYN_ICMP)
        it_fwc_prohibit(fw, now, port, p, IT_DROP_FW_STATE, "answered with ICMP");
    else if (fw->p.tcp.syn_in == IT_FW_SYN_HOLD)
        it_fwc_hold(fw, now, port, p, key);
    else
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, NULL);
}

/* Whether |p|, which belongs to no flow, may begin one; else it is gone. */
static bool may_begin(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[IT_FWC_KEY])
{
    bool stateful = it_fw_tcp_stateful(&fw->p);
    if (port == IT_FW_IN && !it_fw_ports_allow(&fw->p.tcp_out, p->dport)) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_POLICY, "tcp_out");
        return false;
    }
    bool ruled = fw->p.tcp_in.set && it_fw_ports_allow(&fw->p.tcp_in, p->dport);
    if (stateful && port == IT_FW_OUT && !ruled && it_tcpt_is_syn(p) &&
        !it_fwc_filter_lets_in(fw, key, fw->p.tcp.filtering)) {
        unsolicited(fw, now, port, p, key);
        return false;
    }
    if (!stateful || it_tcpt_is_syn(p) || (port == IT_FW_IN && fw->p.tcp.loose && !(it_tcpt_flags(p) & IT_TCP_RST)))
        return true;
    /* RFC 6092 section 3.3.1: a segment without state may be dropped. */
    if (port == IT_FW_IN && fw->p.tcp.kill == IT_FW_KILL_LATE)
        reset_back(fw, now, port, p, IT_DROP_FW_STATE, "no flow: answered with a RST");
    else
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "a segment of no flow");
    return false;
}

/* The flow that |p| begins; IT_MAP_NONE when it was dropped. */
static uint32_t begin(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[IT_FWC_KEY])
{
    if (!may_begin(fw, now, port, p, key))
        return IT_MAP_NONE;
    if (port == IT_FW_IN && it_tcpt_is_syn(p))
        it_fwc_release(fw, now, key);
    it_tcpt t;
    bool idle;
    it_tcpt_open(&t, port, p);
    uint32_t i = it_fwc_flow_new(fw, now, key, now + idle_time(fw, &t, &idle));
    if (i != IT_MAP_NONE && it_grow(fw->timers.alloc, &fw->tcps, &fw->cap_tcps, (size_t)i + 1, sizeof *fw->tcps) < 0) {
        it_node_oom(&fw->node);
        it_fwc_flow_end(fw, i);
        i = IT_MAP_NONE;
    }
    if (i == IT_MAP_NONE)
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "flow table full");
    else
        fw->tcps[i] = (it_fwc_tcp){.t = t};
    return i;
}

/* --- what happens to one --- */

/* A flow that has lived too long: its segments are dropped, once with resets if that is the way. */
static bool too_old(it_fw *fw, it_time now, uint32_t i)
{
    it_fwc_flow *f = &fw->flows[i];
    if (!fw->p.tcp.max_flow_age || now - f->created < fw->p.tcp.max_flow_age)
        return false;
    if (!f->dead && fw->p.tcp.kill == IT_FW_KILL_RST)
        reset_both(fw, now, i);
    fw->stats.killed += !f->dead;
    f->dead = true;
    return true;
}

/* The injector: true when |p| of flow |i| carries it over the limit. */
static bool injects(const it_fw *fw, const it_fwc_tcp *c, uint16_t outside_port, uint32_t n)
{
    const it_fw_ports *ports = &fw->p.tcp.rst_ports;
    return ports->set && n && it_fw_ports_allow(ports, outside_port) && c->bytes > (uint64_t)fw->p.tcp.rst_after;
}

/* Follows |p| of flow |i|. */
static void go_on(it_fw *fw, it_time now, int port, it_pkt *p, uint32_t i, bool fresh)
{
    it_fwc_tcp *c = &fw->tcps[i];
    uint32_t n = payload(p);
    bool idle;
    if (too_old(fw, now, i)) {
        if (port == IT_FW_IN && fw->p.tcp.kill == IT_FW_KILL_LATE)
            reset_back(fw, now, port, p, IT_DROP_FW_POLICY, "max_flow_age");
        else
            it_fwc_drop(fw, now, port, p, IT_DROP_FW_POLICY, "max_flow_age");
        return;
    }
    /* RFC 6092 REC-34: a SYN from inside, answering one from outside, ends the wait for it. */
    if (fresh || it_tcpt_see(&c->t, port, p))
        it_fwc_flow_until(fw, i, now + idle_time(fw, &c->t, &idle));
    c->bytes += n;
    bool inject = injects(fw, c, it_fwc_end(fw->flows[i].key, IT_FW_OUT).port, n);
    it_fwc_pass(fw, now, port, p);
    if (inject)
        reset_both(fw, now, i);
}

void it_fwc_tcp_expired(it_fw *fw, it_time now, uint32_t i)
{
    bool idle;
    (void)idle_time(fw, &fw->tcps[i].t, &idle);
    if (!idle)
        return;
    fw->stats.killed++;
    if (fw->p.tcp.kill == IT_FW_KILL_RST)
        reset_both(fw, now, i);
}

static bool is_over(const it_tcpt *t)
{
    return t->state == IT_TCPT_FIN2 || t->state == IT_TCPT_TRANS;
}

void it_fwc_tcp_in(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[IT_FWC_KEY];
    const it_fw_tcp *t = &fw->p.tcp;
    if (t->block) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_POLICY, "TCP is blocked");
    } else if (!it_fw_tcp_stateful(&fw->p) && !t->max_flow_age && !t->rst_ports.set) {
        it_fwc_pass(fw, now, port, p);
    } else if (p->ports != IT_PKT_PORTS_PAIR) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "a fragment without ports");
    } else {
        it_fwc_key(key, port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), IT_PROTO_TCP);
        uint32_t i = it_map_get(&fw->by_key, key);
        bool fresh = i == IT_MAP_NONE;
        if (fresh)
            i = begin(fw, now, port, p, key);
        else if (port == IT_FW_OUT && is_over(&fw->tcps[i].t) && it_tcpt_is_syn(p) && !may_begin(fw, now, port, p, key))
            return; /* the outside may not begin anew what the inside had begun */
        if (i != IT_MAP_NONE)
            go_on(fw, now, port, p, i, fresh);
    }
}
