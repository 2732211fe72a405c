/* The firewall: policers, policy by protocol and port, and the flows of what has no connections: UDP and ICMP. */
#include "netsim/fw/firewall.h"

#include "netsim/fw/impl.h"
#include "netsim/box/refuse.h"
#include "netsim/core/link.h"
#include "netsim/nat/nat.h"

#include <string.h>

enum {
    PROTO_ESP = 50,
    PROTO_AH = 51,
    PROTO_DCCP = 33,
    PROTO_SCTP = 132,
    PROTO_HIP = 139,
    SCTP_HEADER = 12,
    SCTP_INIT = 1,
    PORT_IKE = 500
};

/* --- policies --- */

void it_fw_profile_init(it_fw_profile *p)
{
    memset(p, 0, sizeof *p);
    p->udp.filtering = p->tcp.filtering = IT_NAT_APD;
    /* RFC 6092 REC-14: the default should be 5 minutes. REC-35: 2 h 4 min when open, else 4 min. */
    p->udp.timeout = 300 * IT_SEC;
    p->one2one = true;
    p->tcp.timeout.est = 7440 * IT_SEC;
    p->tcp.timeout.syn = p->tcp.timeout.fin = p->tcp.timeout.close = 240 * IT_SEC;
}

static bool ports_ok(const it_fw_ports *p)
{
    return p->n <= IT_FW_PORTS;
}

static const char *times_fault(const it_fw_profile *p)
{
    const it_fw_tcp *t = &p->tcp;
    const it_time above[] = {p->udp.timeout, t->timeout.syn, t->timeout.est, t->timeout.fin, t->timeout.close};
    const it_time least[] = {p->udp.max_flow_age, t->max_flow_age, t->idle, p->until_login};
    for (size_t i = 0; i < sizeof above / sizeof *above; i++)
        if (above[i] <= 0)
            return "a time is above 0";
    for (size_t i = 0; i < sizeof least / sizeof *least; i++)
        if (least[i] < 0)
            return "a time is not below 0";
    return NULL;
}

static const char *rates_fault(const it_fw_profile *p)
{
    for (int i = 0; i < 2; i++) {
        const it_fw_rate *r = &p->police[i];
        if (r->pps > 1000000000 || r->bps < 0 || r->bps > 1000000000000 || r->bucket < 0 || r->bucket > 1 << 30)
            return "police: pps is at most 1000000000, rate 1000 Gbps, bucket 1 GiB";
        if (r->burst && !r->pps)
            return "police: burst needs pps";
        if (r->bucket && !r->bps)
            return "police: bucket needs rate";
    }
    if (p->udp.rate_pps > 1000000000)
        return "rate_pps is at most 1000000000";
    return p->udp.burst && !p->udp.rate_pps ? "burst needs rate_pps" : NULL;
}

const char *it_fw_profile_fault(const it_fw_profile *p)
{
    bool ports = ports_ok(&p->udp_out) && ports_ok(&p->tcp_out) && ports_ok(&p->udp_in) && ports_ok(&p->tcp_in) &&
                 ports_ok(&p->tcp.rst_ports);
    if (p->udp.filtering > IT_NAT_APD || p->udp.mapping > IT_NAT_APD || p->tcp.filtering > IT_NAT_APD || !ports)
        return "a field is outside its range";
    if (p->tcp.syn_in > IT_FW_SYN_HOLD || p->tcp.kill > IT_FW_KILL_LATE || p->tcp.rst_after < 0)
        return "a field is outside its range";
    if (p->tcp.kill && !p->tcp.idle && !p->tcp.max_flow_age)
        return "kill needs idle or max_flow_age";
    if (p->tcp.rst_after && !p->tcp.rst_ports.set)
        return "rst_after needs rst_ports";
    /* Fields that could say nothing else than what is so. */
    if (p->udp.mapping != IT_NAT_EI)
        return "a firewall translates nothing: its mapping is EIM";
    if (!p->one2one)
        return "a firewall translates nothing: one2one is true";
    const char *fault = times_fault(p);
    return fault ? fault : rates_fault(p);
}

bool it_fw_udp_stateful(const it_fw_profile *p)
{
    return p->udp.stateful || p->udp_out.set || p->udp_in.set;
}

bool it_fw_tcp_stateful(const it_fw_profile *p)
{
    return p->tcp.stateful || p->tcp_out.set || p->tcp_in.set || p->tcp.idle;
}

bool it_fw_ports_allow(const it_fw_ports *ports, uint16_t port)
{
    if (!ports->set || ports->any)
        return true;
    for (uint32_t i = 0; i < ports->n; i++)
        if (ports->port[i] == port)
            return true;
    return false;
}

/* --- passing, dropping, complaining --- */

void it_fwc_drop(it_fw *fw, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more)
{
    fw->stats.drops[reason]++;
    it_node_drop(&fw->node, now, port, p, reason, more);
}

void it_fwc_send(it_fw *fw, it_time now, int port, it_pkt *p)
{
    p->hop = port == IT_FW_OUT ? p->ver == 4 ? fw->gateway4 : fw->gateway6 : (it_ip){0, 0};
    it_node_send(&fw->node, now, port, p);
}

static it_ip self_for(const it_fw *fw, const it_pkt *p)
{
    return p->ver == 4 ? fw->self4 : fw->self6;
}

/* Drops |p|, which came by |port|, and answers it. */
static void fw_refuse(it_fw *fw, it_time now, int port, it_pkt *p, const it_refusal *why)
{
    fw->stats.drops[why->reason]++;
    it_pkt *e = it_refuse(&fw->node, now, port, p, why);
    if (e)
        it_fwc_send(fw, now, port, e);
}

void it_fwc_prohibit(it_fw *fw, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more)
{
    it_ip self = self_for(fw, p);
    it_refusal why = it_refusal_of(p->ver, IT_REFUSE_PROHIBITED, it_ip_none(self) ? p->dst : self, reason);
    why.more = more;
    fw_refuse(fw, now, port, p, &why);
}

/* Sends IPv4 packet |p| out of |to| in fragments. RFC 791 section 3.2. */
static void fw_split(it_fw *fw, it_time now, int to, it_pkt *p, uint32_t mtu)
{
    int at = 0;
    do {
        it_pkt *q = it_node_packet(&fw->node);
        at = q ? it_pkt_fragment(q, p, (size_t)at, mtu) : 0;
        if (q && at >= 0)
            it_node_send(&fw->node, now, to, q);
        else if (q)
            it_pkt_free(it_world_pool(fw->node.world), q);
    } while (at > 0);
    it_pkt_free(it_world_pool(fw->node.world), p);
}

/* Refuses |p|, too big for the link on the other side of |port|: one end of a tunnel is a router. RFC 1191 section 4,
 * RFC 8201 section 3. */
static void fw_too_big(it_fw *fw, it_time now, int port, it_pkt *p, uint32_t mtu)
{
    it_refusal why = it_refusal_of(p->ver, IT_REFUSE_TOO_BIG, self_for(fw, p), IT_DROP_MTU);
    why.rest = mtu;
    why.more = "the tunnel";
    fw_refuse(fw, now, port, p, &why);
}

void it_fwc_pass(it_fw *fw, it_time now, int port, it_pkt *p)
{
    int to = port == IT_FW_IN ? IT_FW_OUT : IT_FW_IN;
    uint32_t mtu = it_link_mtu(&fw->node, to);
    bool fits = p->len <= mtu || it_ip_none(self_for(fw, p));
    if (!fits && !it_pkt_may_fragment(p)) {
        fw_too_big(fw, now, port, p, mtu);
        return;
    }
    *(port == IT_FW_IN ? &fw->stats.out : &fw->stats.in) += 1;
    if (fits)
        it_node_send(&fw->node, now, to, p);
    else
        fw_split(fw, now, to, p, mtu);
}

/* --- policers --- */

/* A bucket of |room| ns that fills by itself: what costs |cost| ns goes over it, or takes its place. */
static bool over(it_time *tat, it_time now, it_time cost, it_time room)
{
    if (*tat - now > room)
        return true;
    *tat = (*tat > now ? *tat : now) + cost;
    return false;
}

static bool over_udp_rate(it_fw *fw, it_time now, int port)
{
    uint32_t rate = fw->p.udp.rate_pps, burst = fw->p.udp.burst ? fw->p.udp.burst : 1;
    if (rate == 0)
        return false;
    it_time gap = IT_SEC / rate;
    return over(&fw->tat[port], now, gap, gap * (it_time)(burst - 1));
}

/* The policer of everything, packets and bytes. A packet that one bucket refuses takes nothing from the other. */
static bool over_police(it_fw *fw, it_time now, int port, const it_pkt *p)
{
    const it_fw_rate *r = &fw->p.police[port];
    it_time gap = r->pps ? IT_SEC / r->pps : 0;
    if (r->pps && fw->tat_pps[port] - now > gap * (it_time)(r->burst ? r->burst - 1 : 0))
        return true;
    if (r->bps) {
        int64_t bucket = r->bucket ? r->bucket : IT_PKT_MAX;
        it_time cost = (it_time)p->len * 8 * IT_SEC / r->bps,
                room = (bucket - p->len) * 8 * (IT_SEC / 1000) / r->bps * 1000;
        if (bucket < p->len || over(&fw->tat_bps[port], now, cost, room))
            return true;
    }
    if (r->pps)
        fw->tat_pps[port] = (fw->tat_pps[port] > now ? fw->tat_pps[port] : now) + gap;
    return false;
}

/* --- UDP and ICMP --- */

/* Why a flow that begins with |p|, arriving on |port|, may not be; NULL when it may. */
static const char *udp_forbidden(const it_fw *fw, int port, const it_pkt *p, const uint64_t key[IT_FWC_KEY],
                                 bool *state)
{
    *state = false;
    if (port == IT_FW_IN)
        return it_fw_ports_allow(&fw->p.udp_out, p->dport) ? NULL : "udp_out";
    if (!it_fw_udp_stateful(&fw->p) || (fw->p.udp_in.set && it_fw_ports_allow(&fw->p.udp_in, p->dport)) ||
        it_fwc_filter_lets_in(fw, key, fw->p.udp.filtering))
        return NULL;
    *state = !fw->p.udp_in.set;
    return fw->p.udp_in.set ? "udp_in" : "";
}

/* How long a flow of |proto| may be silent. What has connections that are not looked into is given the time of an open
 * one, RFC 6092 REC-40, 44. */
static it_time idle_time(const it_fw *fw, uint8_t proto)
{
    return proto == PROTO_SCTP || proto == PROTO_DCCP ? fw->p.tcp.timeout.est : fw->p.udp.timeout;
}

/* Follows the flow of |p|: passes or drops it. */
static void follow(it_fw *fw, it_time now, int port, it_pkt *p, const uint64_t key[IT_FWC_KEY])
{
    uint32_t i = it_map_get(&fw->by_key, key);
    if (i == IT_MAP_NONE) {
        bool state = port == IT_FW_OUT;
        const char *why = NULL;
        if (p->proto == IT_PROTO_UDP)
            why = udp_forbidden(fw, port, p, key, &state);
        else if (port == IT_FW_OUT && !it_fwc_filter_lets_in(fw, key, fw->p.udp.filtering))
            why = ""; /* RFC 6092 section 3.2.1 leaves queries open; they are held to the filtering of UDP */
        if (why) {
            it_fwc_drop(fw, now, port, p, state ? IT_DROP_FW_STATE : IT_DROP_FW_POLICY, *why ? why : NULL);
            return;
        }
        i = it_fwc_flow_new(fw, now, key, now + idle_time(fw, p->proto));
        if (i == IT_MAP_NONE) {
            it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "flow table full");
            return;
        }
    }
    it_fwc_flow *f = &fw->flows[i];
    if (now + idle_time(fw, p->proto) > f->expires)
        it_fwc_flow_until(fw, i, now + idle_time(fw, p->proto));
    if (fw->p.udp.max_flow_age && now - f->created >= fw->p.udp.max_flow_age && p->proto == IT_PROTO_UDP) {
        fw->stats.killed += !f->dead;
        f->dead = true;
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_POLICY, "max_flow_age");
        return;
    }
    it_fwc_pass(fw, now, port, p);
}

static void udp(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[IT_FWC_KEY];
    bool pair = p->ports == IT_PKT_PORTS_PAIR;
    if (fw->p.udp.block) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_POLICY, "UDP is blocked");
    } else if (over_udp_rate(fw, now, port)) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_RATE, "rate_pps");
    } else if ((!it_fw_udp_stateful(&fw->p) && !fw->p.udp.max_flow_age) ||
               (fw->p.ipsec && pair && p->dport == PORT_IKE)) {
        it_fwc_pass(fw, now, port, p); /* RFC 6092 REC-24: UDP to port 500 */
    } else if (!pair) {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "a fragment without ports");
    } else {
        it_fwc_key(key, port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), IT_PROTO_UDP);
        follow(fw, now, port, p, key);
    }
}

/* The flow that the packet inside ICMP error |p| belongs to; false when it cannot be read. It went the other way. */
static bool inner_key(uint64_t key[IT_FWC_KEY], int port, it_pkt *p)
{
    size_t n = (size_t)(p->len - p->l4), header = p->ver == 4 ? 20 : 40;
    const uint8_t *ip = it_pkt_l4(p) + 8;
    if (n < 8 + header + 8 || ip[0] >> 4 != p->ver)
        return false;
    if (p->ver == 4)
        header = (size_t)(ip[0] & 15) * 4;
    if (header < 20 || n < 8 + header + 8)
        return false;
    /* IPv6 extension headers in an error are not followed: such a packet then matches no flow. */
    uint8_t proto = ip[p->ver == 4 ? 9 : 6];
    const uint8_t *l4 = ip + header;
    size_t at = p->ver == 4 ? 12 : 8, len = p->ver == 4 ? 4 : 16;
    bool ports = proto == IT_PROTO_UDP || proto == IT_PROTO_TCP, id = proto == IT_PROTO_ICMP || proto == IT_PROTO_ICMP6;
    it_addr src = {it_ip_from_bytes(ip + at, len), ports ? it_get16(l4) : id ? it_get16(l4 + 4) : 0};
    it_addr dst = {it_ip_from_bytes(ip + at + len, len), ports ? it_get16(l4 + 2) : src.port};
    it_fwc_key(key, port == IT_FW_IN ? IT_FW_OUT : IT_FW_IN, src, dst, proto);
    return true;
}

/* Whether an error about a packet of |proto| needs a flow of it. */
static bool error_needs_flow(const it_fw *fw, uint8_t proto)
{
    if (proto == PROTO_ESP || proto == PROTO_AH || proto == PROTO_HIP)
        return !fw->p.ipsec; /* RFC 6092 REC-23 */
    if (proto == IT_PROTO_UDP || proto == IT_PROTO_TCP)
        return proto == IT_PROTO_UDP ? it_fw_udp_stateful(&fw->p) : it_fw_tcp_stateful(&fw->p);
    return true;
}

static void icmp(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[IT_FWC_KEY];
    if (!it_fw_udp_stateful(&fw->p) && !it_fw_tcp_stateful(&fw->p)) {
        it_fwc_pass(fw, now, port, p);
    } else if (it_pkt_is_icmp_error(p)) {
        /* RFC 6092 REC-10, 20, 36, RFC 4890 section 4.3.1: errors about flows pass, and end none (REC-19, 37). */
        bool read = inner_key(key, port, p);
        if (read && (!error_needs_flow(fw, (uint8_t)(key[4] >> 32)) || it_map_get(&fw->by_key, key) != IT_MAP_NONE))
            it_fwc_pass(fw, now, port, p);
        else
            it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "ICMP error about no flow");
    } else if (p->ports == IT_PKT_PORTS_ID) {
        it_fwc_key(key, port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), p->proto);
        follow(fw, now, port, p, key);
    } else {
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_STATE, "ICMP that belongs to no flow");
    }
}

/* Whether the policy has rules for protocols without any of their own: RFC 6092 section 3.2.2 has them without
 * connections, so they go by what is said of UDP, unless its ports are told one by one. */
static bool generic(const it_fw *fw)
{
    return fw->p.udp.stateful && !fw->p.udp.block && !fw->p.udp_out.set && !fw->p.udp_in.set;
}

/* Whether |p| begins an association: RFC 4960 sections 3.1, 3.3.2. */
static bool is_init(it_pkt *p)
{
    return p->proto == PROTO_SCTP && p->frag != 2 && p->len >= p->l4 + SCTP_HEADER + 4 &&
           it_pkt_l4(p)[SCTP_HEADER] == SCTP_INIT;
}

/* What has no ports, or none that are known: a flow is two addresses and a protocol. RFC 6092 REC-11, 12. */
static void follow_generic(it_fw *fw, it_time now, int port, it_pkt *p)
{
    uint64_t key[IT_FWC_KEY];
    it_fwc_key(key, port, it_addr_of(p->src, 0), it_addr_of(p->dst, 0), p->proto);
    bool init = is_init(p);
    if (init && port == IT_FW_IN)
        it_fwc_release(fw, now, key);
    bool enters = it_map_get(&fw->by_key, key) != IT_MAP_NONE || it_fwc_filter_lets_in(fw, key, fw->p.udp.filtering);
    if (init && port == IT_FW_OUT && !enters && fw->p.tcp.syn_in == IT_FW_SYN_HOLD)
        it_fwc_hold(fw, now, port, p, key); /* RFC 6092 REC-39 */
    else
        follow(fw, now, port, p, key);
}

/* Everything that is neither UDP, TCP nor ICMP. */
static void other(it_fw *fw, it_time now, int port, it_pkt *p)
{
    bool ipsec = fw->p.ipsec && (p->proto == PROTO_ESP || p->proto == PROTO_HIP); /* RFC 6092 REC-22, 26 */
    if (ipsec || (!it_fw_udp_stateful(&fw->p) && !it_fw_tcp_stateful(&fw->p)))
        it_fwc_pass(fw, now, port, p);
    else if (generic(fw))
        follow_generic(fw, now, port, p);
    else
        it_fwc_drop(fw, now, port, p, IT_DROP_NAT_PROTO, NULL);
}

/* --- the node --- */

void it_fwc_dispatch(it_fw *fw, it_time now, int port, it_pkt *p)
{
    if (p->proto == IT_PROTO_UDP)
        udp(fw, now, port, p);
    else if (p->proto == IT_PROTO_TCP)
        it_fwc_tcp_in(fw, now, port, p);
    else if (p->proto == IT_PROTO_ICMP || p->proto == IT_PROTO_ICMP6)
        icmp(fw, now, port, p);
    else
        other(fw, now, port, p);
}

static void deliver(it_node *n, it_time now, int port, it_pkt *p)
{
    it_fw *fw = (it_fw *)(void *)n;
    it_fwc_expire(fw, now);
    it_fwc_held_run(fw, now);
    if (now < fw->up_at)
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_REBOOT, NULL);
    else if (it_fwc_own(fw, now, port, p))
        return;
    else if (fw->only && p->ver != fw->only)
        it_fwc_pass(fw, now, port, p);
    else if (it_fwc_martian(fw, now, port, p))
        return;
    else if (over_police(fw, now, port, p))
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_RATE, "police");
    else if (fw->p.until_login && !it_fwc_logged_in(fw, now, port, p))
        it_fwc_drop(fw, now, port, p, IT_DROP_FW_POLICY, "before the login");
    else if (fw->p.ipsec && it_fwc_authenticated(p))
        it_fwc_pass(fw, now, port, p); /* RFC 6092 REC-21 */
    else if (p->frag)
        it_fwc_fragment(fw, now, port, p);
    else
        it_fwc_dispatch(fw, now, port, p);
}

static it_time next_timer(const it_node *n)
{
    const it_fw *fw = (const it_fw *)(const void *)n;
    const it_heap_item *top = it_heap_top(&fw->timers);
    it_time held = it_fwc_held_next(fw);
    return top && top->time < held ? top->time : held;
}

static void run_timers(it_node *n, it_time now)
{
    it_fwc_expire((it_fw *)(void *)n, now);
    it_fwc_held_run((it_fw *)(void *)n, now);
}

static void free_fw(it_node *n)
{
    it_fw *fw = (it_fw *)(void *)n;
    it_alloc *a = fw->timers.alloc;
    it_map_fini(&fw->by_key);
    it_map_fini(&fw->ends);
    it_map_fini(&fw->perms);
    it_map_fini(&fw->inside);
    it_map_fini(&fw->logins);
    it_heap_fini(&fw->timers);
    it_free(a, fw->flows);
    it_free(a, fw->tcps);
    it_free(a, fw->free);
    it_free(a, fw->steers);
    it_free(a, fw->prefixes);
    it_free(a, fw->frags);
    it_free(a, fw);
}

static const it_node_ops OPS = {.kind = "firewall",
                                .down = IT_DROP_FW_REBOOT,
                                .deliver = deliver,
                                .next = next_timer,
                                .run = run_timers,
                                .free = free_fw};

it_fw *it_fw_new(it_world *w, const char *name, const it_fw_profile *p)
{
    it_alloc *a = it_world_alloc(w);
    it_fw *fw = it_fw_profile_fault(p) ? NULL : it_calloc(a, 1, sizeof *fw);
    if (!fw)
        return NULL;
    fw->p = *p;
    it_heap_init(&fw->timers, a);
    it_map_init(&fw->by_key, a, IT_FWC_KEY);
    it_map_init(&fw->ends, a, 3);
    it_map_init(&fw->perms, a, IT_FWC_KEY);
    it_map_init(&fw->inside, a, 2);
    it_map_init(&fw->logins, a, 2);
    if (it_node_init(&fw->node, w, &OPS, name) < 0) {
        it_free(a, fw);
        return NULL;
    }
    /* Without its ports the box stays in the world, which frees it. */
    if (it_node_add_port(&fw->node, "in") < 0 || it_node_add_port(&fw->node, "out") < 0)
        return NULL;
    return fw;
}

it_node *it_fw_node(it_fw *fw)
{
    return &fw->node;
}

it_fw *it_fw_of(it_node *n)
{
    return n->ops == &OPS ? (it_fw *)(void *)n : NULL;
}

void it_fw_address(it_fw *fw, it_ip ip)
{
    *(it_ip_is4(ip) ? &fw->self4 : &fw->self6) = ip;
}

void it_fw_gateway(it_fw *fw, it_ip ip)
{
    *(it_ip_is4(ip) ? &fw->gateway4 : &fw->gateway6) = ip;
}

void it_fw_only(it_fw *fw, uint8_t ver)
{
    IT_ASSERT(ver == 0 || ver == 4 || ver == 6);
    fw->only = ver;
}

int it_fw_set(it_fw *fw, const it_fw_profile *p)
{
    if (it_fw_profile_fault(p))
        return IT_ERR_RANGE;
    fw->p = *p;
    return 0;
}

void it_fw_flush(it_fw *fw, it_time now)
{
    (void)now;
    for (uint32_t i = 0; i < fw->n_flows; i++)
        if (fw->flows[i].live)
            it_fwc_flow_end(fw, i);
    fw->timers.n = 0;
    fw->n_steers = fw->next_steer = 0;
    fw->n_frags = fw->next_frag = 0;
    it_map_fini(&fw->logins);
    it_map_init(&fw->logins, fw->timers.alloc, 2);
    it_fwc_held_flush(fw);
}

void it_fw_reboot(it_fw *fw, it_time now, it_time down)
{
    it_node_note(&fw->node, now, "reboot");
    fw->up_at = now + down;
    it_fw_flush(fw, now);
}

const it_fw_stats *it_fw_stat(const it_fw *fw)
{
    return &fw->stats;
}

const it_fw_profile *it_fw_profile_of(const it_fw *fw)
{
    return &fw->p;
}
