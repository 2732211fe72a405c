/* RFC 6146: what it asks of a NAT64 beyond what the others ask of every NAT, and its timers (section 4). */
#include "conformance/nat/req.h"

#include "base/pref64.h"

#include <inttypes.h>

#define NAT64_ONLY                                                                                                     \
    if (c->p->family != 64)                                                                                            \
    return it_req_na(why, "no NAT64")

static enum it_req_verdict at_least(it_measure_ctx *c, char *why, const char *key, int64_t seconds)
{
    it_time t = it_measure_get(c, key);
    return it_req_say(why, t >= seconds * IT_SEC, "%s is %" PRId64 " s", key, t / IT_SEC);
}

static enum it_req_verdict udp_min(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    return at_least(c, why, "udp.timeout.initial", 120);
}

static enum it_req_verdict udp_default(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    return at_least(c, why, "udp.timeout.initial", 300);
}

static enum it_req_verdict tcp_est(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    return at_least(c, why, "tcp.timeout.est", 7440);
}

static enum it_req_verdict tcp_trans(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    return at_least(c, why, "tcp.timeout.close", 240);
}

static enum it_req_verdict incoming_syn(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    bool held = it_measure_get(c, "tcp.syn_in") == IT_NAT_SYN_HOLD6;
    return it_req_say(why, held, "an unsolicited SYN is %s", held ? "kept for 6 s, then refused by ICMP" : "not kept");
}

static enum it_req_verdict icmp_default(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    return at_least(c, why, "icmp.query_timeout", 60);
}

static enum it_req_verdict mapping(it_measure_ctx *c, char *why)
{
    NAT64_ONLY;
    bool ei = it_measure_get(c, "udp.mapping") == IT_NAT_EI && it_measure_get(c, "tcp.mapping") == IT_NAT_EI;
    return it_req_say(why, ei, "mapping %s on the remote", ei ? "does not depend" : "depends");
}

/* Section 3.5.4: the address of one host is the same for all its mappings. */
static enum it_req_verdict same_address(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool same = true;
    NAT64_ONLY;
    if (it_measure_bench(c, &b)) {
        it_ip first = it_probe_map(&b, it_xp(1, 5000), it_sp(1, 80)).ip;
        for (uint16_t port = 5001; port < 5050; port++)
            same = same && it_ip_eq(it_probe_map(&b, it_xp(1, port), it_sp(2, 80)).ip, first);
        same = same && it_ip_eq(it_probe_tcp_out(&b, it_xp(1, 5000), it_sp(1, 80), IT_TCP_SYN).ip, first);
    }
    it_req_end(c, &b);
    return it_req_say(why, same, "one host has %s", same ? "one address" : "several addresses");
}

/* Section 3.5: a source inside Pref64 is a loop. */
static enum it_req_verdict loop(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool dropped = false;
    NAT64_ONLY;
    if (it_measure_bench(c, &b)) {
        it_pkt p = {.head = IT_PKT_HEADROOM};
        it_addr from = it_addr_of(it_pref64_embed(c->p->prefix, it_ip_v4(it_probe_s(9))), 5000);
        it_addr to = it_addr_of(it_pref64_embed(c->p->prefix, it_ip_v4(it_probe_s(1))), 80);
        if (it_pkt_udp(&p, from, to, it_bytes_str("loop")) < 0)
            b.err = IT_ERR_PARSE;
        it_probe_put6(&b, it_pkt_bytes(&p));
        dropped = it_probe_out(&b, IT_SIDE_OUT, 0) == NULL;
    }
    it_req_end(c, &b);
    return it_req_say(why, dropped, "a source inside Pref64 is %s", dropped ? "dropped" : "translated");
}

const it_req it_req_nat64[] = {
    {"RFC6146-UDP_MIN", "MUST NOT", "no UDP session ends before 2 min", udp_min},
    {"RFC6146-UDP_DEFAULT", "SHOULD", "no UDP session ends before 5 min", udp_default},
    {"RFC6146-TCP_EST", "MUST NOT", "no established session ends before 2 h and the 4 min after a probe", tcp_est},
    {"RFC6146-TCP_TRANS", "SHOULD", "a session lives for 4 min after a reset", tcp_trans},
    {"RFC6146-TCP_INCOMING_SYN", "MUST", "an unsolicited SYN waits 6 s for one from inside", incoming_syn},
    {"RFC6146-ICMP_DEFAULT", "SHOULD", "no query session ends before 60 s", icmp_default},
    {"RFC6146-mapping", "MUST", "mapping is endpoint-independent", mapping},
    {"RFC6146-address", "SHOULD", "a host keeps its address for all its mappings", same_address},
    {"RFC6146-loop", "MUST", "a source inside Pref64 is dropped", loop},
    {0},
};
