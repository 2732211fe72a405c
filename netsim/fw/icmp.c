/* ICMP through the firewall: queries are flows, errors belong to those they are about. RFC 6092 sections 3.2.1, REC-10,
 * 20, 36; RFC 4890 section 4.3. */
#include "netsim/fw/impl.h"

#include "netsim/box/quote.h"

enum { PROTO_ESP = 50, PROTO_AH = 51, PROTO_HIP = 139 };

/* A query: the requests of one identifier, type and code from one side, and their replies. */
typedef struct icmp_query {
    uint16_t id;
    uint8_t request, code; /* |request|: the type */
    bool asks;             /* a request, else a reply */
} icmp_query;

/* Reads the query of |proto| at |t|; false for anything else. */
static bool icmp_read_query(icmp_query *q, uint8_t proto, const uint8_t *t)
{
    static const struct {
        uint8_t proto, request, reply;
    } KINDS[] = {
        {IT_PROTO_ICMP, 8, 0},   {IT_PROTO_ICMP, 13, 14},    {IT_PROTO_ICMP, 15, 16},
        {IT_PROTO_ICMP, 17, 18}, {IT_PROTO_ICMP6, 128, 129}, {IT_PROTO_ICMP6, 139, 140}, /* RFC 4620 */
    };
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (KINDS[i].proto != proto || (t[0] != KINDS[i].request && t[0] != KINDS[i].reply))
            continue;
        *q = (icmp_query){it_get16(t + 4), KINDS[i].request, t[1], t[0] == KINDS[i].request};
        return true;
    }
    return false;
}

/* The flow of query |q| from |src| to |dst|, which came through |port| or would have. */
static it_fwc_key icmp_key(int port, it_ip src, it_ip dst, uint8_t proto, const icmp_query *q)
{
    it_fwc_key key = it_fwc_key_of(port, it_addr_of(src, 0), it_addr_of(dst, 0), proto);
    bool from_outside = q->asks ? port == IT_FW_OUT : port == IT_FW_IN;
    key.ports = it_fwc_ports_query(proto, from_outside, q->id, (uint16_t)(q->request << 8 | q->code));
    return key;
}

bool it_fwc_icmp_begins(const it_fwc_in *in)
{
    icmp_query q;
    return icmp_read_query(&q, in->p->proto, it_pkt_l4(in->p)) && q.asks;
}

/* Whether an error about a packet of |proto| needs a flow of it. */
static bool icmp_needs_flow(const it_fw_profile *p, uint8_t proto)
{
    if (proto == PROTO_ESP || proto == PROTO_AH || proto == PROTO_HIP)
        return !p->ipsec; /* RFC 6092 REC-23 */
    if (proto == IT_PROTO_UDP)
        return it_fw_udp_stateful(p);
    if (proto == IT_PROTO_TCP)
        return it_fw_tcp_stateful(p);
    return true;
}

/* Whether there is the flow that quoted packet |q|, which went the other way than |in|, belongs to. */
static bool icmp_has_flow(const it_fwc_in *in, const it_quote *q)
{
    it_fwc_key key;
    int port = in->port == IT_FW_IN ? IT_FW_OUT : IT_FW_IN;
    icmp_query query;
    if (q->frag == 2) /* it has no ports; netfilter lets none pass, RFC 4890 section 4.3.1 says that "too big" must */
        return !in->fw->p.conntrack && it_fwc_frag_known(in->fw, in->now, q->src, q->dst, q->id);
    if (q->proto == IT_PROTO_ICMP || q->proto == IT_PROTO_ICMP6) {
        if (!icmp_read_query(&query, q->proto, q->l4))
            return false;
        key = icmp_key(port, q->src, q->dst, q->proto, &query);
    } else {
        key = it_fwc_key_of(port, it_addr_of(q->src, q->sport), it_addr_of(q->dst, q->dport), q->proto);
    }
    return it_map_get(&in->fw->by_key, key.words) != IT_MAP_NONE;
}

/* Errors about flows pass, whatever the headers of what they quote, and end none (RFC 6092 REC-19, 37). */
static void icmp_error(const it_fwc_in *in)
{
    it_quote q;
    bool read = it_quote_read(&q, in->p) && it_ip_eq(q.src, in->p->dst);
    if (read && (!icmp_needs_flow(&in->fw->p, q.proto) || icmp_has_flow(in, &q)))
        it_fwc_pass(in);
    else
        it_fwc_drop(in, IT_DROP_FW_STATE, "ICMP error about no flow");
}

/* Whether |p| is of neighbor discovery or MLD, which netfilter does not track. RFC 4861, 2710, 3810. */
static bool icmp_untracked(const it_pkt *p)
{
    uint8_t type = p->buf[p->head + p->l4];
    return p->proto == IT_PROTO_ICMP6 && ((type >= 130 && type <= 136) || type == 143);
}

void it_fwc_icmp(const it_fwc_in *in)
{
    icmp_query q;
    it_pkt *p = in->p;
    const it_fw_profile *f = &in->fw->p;
    if (!it_fw_udp_stateful(f) && !it_fw_tcp_stateful(f)) {
        it_fwc_pass(in);
    } else if (p->ck == 0 || !it_fwc_checksum_ok(in)) {
        it_fwc_drop(in, IT_DROP_CHECKSUM, "it belongs to no flow");
    } else if (it_pkt_is_icmp_error(p)) {
        icmp_error(in);
    } else if (icmp_read_query(&q, p->proto, it_pkt_l4(p))) {
        it_fwc_key key = icmp_key(in->port, p->src, p->dst, p->proto, &q);
        it_fwc_follow(in, &key);
    } else if (f->conntrack && in->port == IT_FW_IN && icmp_untracked(p)) {
        it_fwc_pass(in);
    } else {
        it_fwc_drop(in, IT_DROP_FW_STATE, "ICMP that belongs to no flow");
    }
}
