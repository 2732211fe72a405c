/* UDP and what has no connections at all: flows of two ends, kept as long as something is heard of them. */
#include "netsim/fw/impl.h"

#include "netsim/nat/nat.h"

enum {
    PROTO_DCCP = 33,
    PROTO_ESP = 50,
    EXT_NONE = 59,
    PROTO_SCTP = 132,
    PROTO_HIP = 139,
    SCTP_HEADER = 12,
    SCTP_INIT = 1,
    PORT_IKE = 500
};

#define STREAM_AFTER (2 * IT_SEC) /* netfilter: a flow that is still alive then is a stream */

/* Why a flow of UDP that begins with |in| may not be; NULL when it may. |*state|: for want of a flow, not by a rule. */
static const char *udp_forbidden(const it_fwc_in *in, const it_fwc_key *key, bool *state)
{
    const it_fw_profile *p = &in->fw->p;
    *state = false;
    if (in->port == IT_FW_IN)
        return it_fw_ports_allow(&p->udp_out, in->p->dport) ? NULL : "udp_out";
    if (!it_fw_udp_stateful(p) || (p->udp_in.set && it_fw_ports_allow(&p->udp_in, in->p->dport)))
        return NULL;
    if (it_fwc_filter_lets_in(in->fw, key, p->udp.filtering))
        return NULL;
    *state = !p->udp_in.set;
    return p->udp_in.set ? "udp_in" : "";
}

/* Why a flow of another protocol may not begin; NULL when it may. RFC 6092 section 3.2.1 leaves queries open; they are
 * held to the filtering of UDP. */
static const char *other_forbidden(const it_fwc_in *in, const it_fwc_key *key)
{
    bool icmp = in->p->proto == IT_PROTO_ICMP || in->p->proto == IT_PROTO_ICMP6;
    if (in->port == IT_FW_OUT)
        return it_fwc_filter_lets_in(in->fw, key, in->fw->p.udp.filtering) ? NULL : "";
    return icmp && !it_fwc_icmp_begins(in) ? "a reply to no query" : NULL;
}

/* How long flow |f| of |proto| may be silent from |now| on. What has connections that are not looked into is given the
 * time of an open one, RFC 6092 REC-40, 44. */
static it_time flow_idle(const it_fw *fw, it_time now, const it_fwc_flow *f, uint8_t proto)
{
    const it_fw_profile *p = &fw->p;
    switch (proto) {
    case IT_PROTO_UDP:
        if (p->udp.stream && f->replied && now - f->created >= STREAM_AFTER)
            return p->udp.stream;
        return p->udp.timeout;
    case IT_PROTO_ICMP:
    case IT_PROTO_ICMP6:
        return p->icmp ? p->icmp : p->udp.timeout;
    case PROTO_SCTP:
    case PROTO_DCCP:
        return p->other ? p->other : p->tcp.timeout.est;
    default:
        return p->other ? p->other : p->udp.timeout;
    }
}

/* The flow that |in| begins; IT_MAP_NONE when it was dropped. */
static uint32_t flow_begin(const it_fwc_in *in, const it_fwc_key *key)
{
    bool state = in->port == IT_FW_OUT, udp = in->p->proto == IT_PROTO_UDP;
    const char *why = NULL;
    if (udp)
        why = udp_forbidden(in, key, &state);
    else
        why = other_forbidden(in, key);
    if (why) {
        bool by_rule = udp && !state;
        it_fwc_drop(in, by_rule ? IT_DROP_FW_POLICY : IT_DROP_FW_STATE, *why ? why : NULL);
        return IT_MAP_NONE;
    }
    if (!it_fwc_checksum_ok(in)) {
        it_fwc_drop(in, IT_DROP_CHECKSUM, "it begins no flow");
        return IT_MAP_NONE;
    }
    uint32_t i = it_fwc_flow_new(in->fw, in->now, in->port, key, in->now);
    if (i == IT_MAP_NONE)
        it_fwc_drop(in, IT_DROP_FW_STATE, "flow table full");
    return i;
}

void it_fwc_follow(const it_fwc_in *in, const it_fwc_key *key)
{
    it_fw *fw = in->fw;
    uint8_t proto = in->p->proto;
    uint32_t i = it_map_get(&fw->by_key, key->words);
    if (i == IT_MAP_NONE)
        i = flow_begin(in, key);
    if (i == IT_MAP_NONE)
        return;
    it_fwc_flow *f = &fw->flows[i];
    it_fwc_flow_until(fw, i, in->now + flow_idle(fw, in->now, f, proto));
    f->replied |= in->port != f->opener;
    if (proto == IT_PROTO_UDP && fw->p.udp.max_flow_age && in->now - f->created >= fw->p.udp.max_flow_age) {
        fw->stats.killed += !f->dead;
        f->dead = true;
        it_fwc_drop(in, IT_DROP_FW_POLICY, "max_flow_age");
        return;
    }
    it_fwc_pass(in);
}

void it_fwc_udp(const it_fwc_in *in)
{
    const it_fw_profile *f = &in->fw->p;
    const it_pkt *p = in->p;
    bool pair = p->ports == IT_PKT_PORTS_PAIR;
    if (f->udp.block) {
        it_fwc_drop(in, IT_DROP_FW_POLICY, "UDP is blocked");
    } else if (it_fwc_over_udp_rate(in->fw, in->now, in->port)) {
        it_fwc_drop(in, IT_DROP_FW_RATE, "rate_pps");
    } else if (!it_fw_udp_stateful(f) && !f->udp.max_flow_age) {
        it_fwc_pass(in);
    } else if (f->ipsec && pair && p->dport == PORT_IKE) {
        it_fwc_pass(in); /* RFC 6092 REC-24: UDP to port 500 */
    } else if (!pair) {
        it_fwc_drop(in, IT_DROP_FW_STATE, "a fragment without ports");
    } else if (f->conntrack && !it_fwc_checksum_ok(in)) {
        it_fwc_drop(in, IT_DROP_CHECKSUM, "it belongs to no flow");
    } else {
        it_fwc_key key =
            it_fwc_key_of(in->port, it_addr_of(p->src, p->sport), it_addr_of(p->dst, p->dport), IT_PROTO_UDP);
        it_fwc_follow(in, &key);
    }
}

/* --- other protocols --- */

/* Whether the policy has rules for protocols without any of their own: RFC 6092 section 3.2.2 has them without
 * connections, so they go by what is said of UDP, unless its ports are told one by one. */
static bool other_has_rules(const it_fw_profile *p)
{
    return p->udp.stateful && !p->udp.block && !p->udp_out.set && !p->udp_in.set;
}

/* Whether |p| begins an association: RFC 4960 sections 3.1, 3.3.2. */
static bool other_is_init(it_pkt *p)
{
    return p->proto == PROTO_SCTP && p->frag != 2 && p->len >= p->l4 + SCTP_HEADER + 4 &&
           it_pkt_l4(p)[SCTP_HEADER] == SCTP_INIT;
}

/* What has no ports, or none that are known: a flow is two addresses and a protocol. RFC 6092 REC-11, 12. */
static void other_follow(const it_fwc_in *in)
{
    it_fw *fw = in->fw;
    it_fwc_key key = it_fwc_key_of(in->port, it_addr_of(in->p->src, 0), it_addr_of(in->p->dst, 0), in->p->proto);
    bool init = other_is_init(in->p);
    if (init && in->port == IT_FW_IN)
        it_fwc_release(fw, in->now, &key);
    bool enters =
        it_map_get(&fw->by_key, key.words) != IT_MAP_NONE || it_fwc_filter_lets_in(fw, &key, fw->p.udp.filtering);
    if (init && in->port == IT_FW_OUT && !enters && fw->p.tcp.syn_in == IT_FW_SYN_HOLD)
        it_fwc_hold(in, &key); /* RFC 6092 REC-39 */
    else
        it_fwc_follow(in, &key);
}

/* Whether |proto| passes without a flow. RFC 6092 REC-22, 26. */
static bool other_is_free(const it_fw_profile *p, uint8_t proto)
{
    if (p->ipsec && (proto == PROTO_ESP || proto == PROTO_HIP))
        return true;
    return !it_fw_udp_stateful(p) && !it_fw_tcp_stateful(p);
}

void it_fwc_other(const it_fwc_in *in)
{
    const it_fw_profile *p = &in->fw->p;
    uint8_t proto = in->p->proto;
    if (other_is_free(p, proto)) {
        it_fwc_pass(in);
        return;
    }
    if (p->conntrack && in->p->ver == 6 && proto == EXT_NONE) {
        it_fwc_drop(in, IT_DROP_FW_INVALID, "nothing behind its headers");
        return;
    }
    if (other_has_rules(p))
        other_follow(in);
    else
        it_fwc_drop(in, IT_DROP_FW_POLICY, "a protocol that it does not name");
}
