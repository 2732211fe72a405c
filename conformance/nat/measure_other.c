/* ICMP (RFC 5508), fragments, the loss of state, and what RFC 5780 finds. */
#include "conformance/nat/measure.h"

/* --- RFC 5508 REQ-2 --- */

static const it_pkt *ping(it_probe *b, uint16_t id)
{
    it_probe_pkt q = {.proto = IT_PROTO_ICMP, .src = it_xp(1, id), .dst = it_sp(1, 0), .size = 16};
    return it_probe_send(b, IT_SIDE_IN, &q) ? it_probe_out(b, IT_SIDE_OUT, 0) : NULL;
}

static bool alive_query(it_probe *b, it_time t, it_time arg)
{
    const it_pkt *out = ping(b, 700);
    (void)arg;
    if (!out)
        return false;
    it_probe_pkt r = {.proto = IT_PROTO_ICMP,
                      .flags = 1,
                      .src = it_addr_of(it_probe_s(1), out->sport),
                      .dst = it_addr_of(out->src, 0),
                      .size = 16};
    it_probe_wait(b, t);
    it_probe_send(b, IT_SIDE_OUT, &r);
    const it_pkt *in = it_probe_out(b, IT_SIDE_IN, 0);
    return in && in->proto == IT_PROTO_ICMP && in->sport == 700 && it_ip_eq(in->dst, it_probe_x(1));
}

static int64_t query_timeout(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_query, 0, IT_MEASURE_MOST);
}

static int64_t declared_query_timeout(const it_nat_profile *p)
{
    return p->icmp.query_timeout;
}

/* --- RFC 5508 REQ-4, RFC 4787 REQ-12 --- */

/* A server answers a datagram with port unreachable. Sets |*passed|: the error reached the host, translated back;
 * |*lives|: the mapping is still there afterwards. */
static void packet_refused(it_measure_ctx *c, int64_t *passed, int64_t *killed)
{
    it_probe b;
    it_addr x = it_xp(1, 5000), s = it_sp(1, 80), src, dst;
    *passed = *killed = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_map(&b, x, s);
        const it_pkt *out = it_probe_out(&b, IT_SIDE_OUT, 0);
        it_pkt about = out ? *out : (it_pkt){0};
        if (out)
            it_probe_error(&b, IT_SIDE_OUT, s.ip, &about, 3, 3, 0);
        const it_pkt *in = it_probe_out(&b, IT_SIDE_IN, 0);
        *passed = in && it_probe_inner(in, &src, &dst) && it_addr_eq(src, x) && it_addr_eq(dst, s);
        *killed = !it_probe_reach(&b, s, e, x);
    }
    it_probe_fini(&b);
}

static int64_t errors(it_measure_ctx *c)
{
    int64_t passed, killed;
    packet_refused(c, &passed, &killed);
    return passed;
}

static int64_t kills(it_measure_ctx *c)
{
    int64_t passed, killed;
    packet_refused(c, &passed, &killed);
    return killed;
}

static int64_t declared_errors(const it_nat_profile *p)
{
    return p->icmp.errors;
}

static int64_t declared_kills(const it_nat_profile *p)
{
    return p->icmp.kills;
}

/* --- fragments: RFC 4787 section 11 --- */

/* A datagram in two fragments from inside, the second one first when |backwards|: how many come out, |*early| of them
 * before the other went in. */
static uint32_t in_two(it_probe *b, bool backwards, uint32_t *early)
{
    uint8_t ip[IT_PKT_MAX];
    it_pkt whole = {0}, part[2] = {{0}, {0}};
    it_probe_pkt q = {.proto = IT_PROTO_UDP, .src = it_xp(1, 5000), .dst = it_sp(1, 80), .size = 600};
    uint32_t n = 0;
    *early = 0;
    whole.head = part[0].head = part[1].head = IT_PKT_HEADROOM;
    int at = it_pkt_parse(&whole, it_bytes_of(ip, it_probe_build(b, &q, ip)));
    if (at == 0)
        at = it_pkt_fragment(&part[0], &whole, 0, 400);
    if (at <= 0 || it_pkt_fragment(&part[1], &whole, (size_t)at, 400) != 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        it_probe_raw(b, IT_SIDE_IN, it_pkt_bytes(&part[i ^ backwards]));
        for (uint32_t k = 0; it_probe_out(b, IT_SIDE_OUT, k); k++)
            n++;
        if (i == 0)
            *early = n;
    }
    return n;
}

static int64_t fragments(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_NAT_FRAGMENTS_NONE;
    if (it_measure_bench(c, &b)) {
        uint32_t first, none;
        uint32_t forwards = in_two(&b, false, &first), backwards = in_two(&b, true, &none);
        if (forwards == 2 && first == 0)
            v = IT_NAT_FRAGMENTS_REASSEMBLE;
        else if (forwards == 2)
            v = backwards == 2 ? IT_NAT_FRAGMENTS_ANY : IT_NAT_FRAGMENTS_ORDERED;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_fragments(const it_nat_profile *p)
{
    return p->fragments;
}

/* --- payloads: RFC 4787 section 7 --- */

/* |payload|, of which the 4 bytes at 5 are |ip|, sent through to |to|: whether others come out. */
static bool rewritten(it_probe *b, enum it_side side, it_addr from, it_addr to, it_ip ip)
{
    uint8_t data[16] = {1, 2, 3, 4, 5};
    it_put32(data + 5, it_ip_v4(ip));
    it_probe_pkt q = {.proto = IT_PROTO_UDP, .src = from, .dst = to, .data = data, .size = sizeof data};
    it_probe_send(b, side, &q);
    const it_pkt *out = it_probe_out(b, side == IT_SIDE_IN ? IT_SIDE_OUT : IT_SIDE_IN, 0);
    return out && !it_bytes_eq(it_pkt_payload(out), it_bytes_of(data, sizeof data));
}

/* An address of its own in what a host sends, or in what it gets, becomes another. */
static int64_t alg(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_map(&b, x, s);
        bool out = it_ip_is4(x.ip) && rewritten(&b, IT_SIDE_IN, x, s, x.ip);
        v = rewritten(&b, IT_SIDE_OUT, s, e, e.ip) || out;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_alg(const it_nat_profile *p)
{
    return p->alg != 0;
}

/* --- reboot --- */

static int64_t state_loss(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_map(&b, x, s);
        it_nat_reboot(b.nat, b.now, IT_MS);
        it_probe_wait(&b, 2 * IT_MS);
        v = !it_probe_reach(&b, s, e, x);
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_state_loss(const it_nat_profile *p)
{
    return p->state_loss_on_reboot;
}

/* --- the same as a host finds it out: RFC 5780, against a server with two addresses --- */

static const char *const MAPPING[] = {"M"}, *const FILTERING[] = {"F"};
static const char *const HAIRPIN[] = {"none", "ext", "int"}, *const FRAGMENTS[] = {"any", "ordered", "none",
                                                                                   "reassemble"};

static const it_stun_behavior *discover(it_measure_ctx *c)
{
    it_lab_discover_cfg cfg = {.alloc = c->alloc, .seed = c->seed, .nat = c->p};
    if (!c->discovery.done && c->p->family == 0) {
        int rc = it_lab_discover(&cfg, &c->discovery.found);
        c->err = c->err ? c->err : rc;
    }
    c->discovery.done = true;
    return &c->discovery.found;
}

/* |found| counted from 1, 0 being unknown. */
static int64_t packet_known(int found)
{
    return found ? found - 1 : IT_MEASURE_NONE;
}

static int64_t stun_mapping(it_measure_ctx *c)
{
    return packet_known((int)discover(c)->mapping);
}

static int64_t stun_filtering(it_measure_ctx *c)
{
    return packet_known((int)discover(c)->filtering);
}

static int64_t stun_hairpin(it_measure_ctx *c)
{
    return packet_known((int)discover(c)->hairpin);
}

static int64_t stun_fragments(it_measure_ctx *c)
{
    return packet_known((int)discover(c)->fragments);
}

static int64_t stun_hairpin_fragments(it_measure_ctx *c)
{
    return packet_known((int)discover(c)->hairpin_fragments);
}

static int64_t stun_alg(it_measure_ctx *c)
{
    return packet_known((int)discover(c)->alg);
}

static int64_t declared_stun_alg(const it_nat_profile *p)
{
    return p->family ? IT_MEASURE_NONE : p->alg != 0;
}

static int64_t declared_stun_mapping(const it_nat_profile *p)
{
    return p->family ? IT_MEASURE_NONE : p->udp.mapping;
}

static int64_t declared_stun_filtering(const it_nat_profile *p)
{
    return p->family ? IT_MEASURE_NONE : p->udp.filtering;
}

static int64_t declared_stun_hairpin(const it_nat_profile *p)
{
    return p->family ? IT_MEASURE_NONE : p->hairpin;
}

static int64_t declared_stun_fragments(const it_nat_profile *p)
{
    return p->family ? IT_MEASURE_NONE : p->fragments != IT_NAT_FRAGMENTS_NONE;
}

static int64_t declared_stun_hairpin_fragments(const it_nat_profile *p)
{
    return p->family || p->hairpin == IT_NAT_HAIRPIN_NONE ? IT_MEASURE_NONE : p->fragments != IT_NAT_FRAGMENTS_NONE;
}

const it_measure_field it_measure_other[] = {
    {"icmp.query_timeout", "RFC 5508 REQ-2", IT_MEASURE_TIME, NULL, query_timeout, declared_query_timeout},
    {"icmp.errors", "RFC 5508 REQ-4", IT_MEASURE_BOOL, NULL, errors, declared_errors},
    {"icmp.kills", "RFC 4787 REQ-12", IT_MEASURE_BOOL, NULL, kills, declared_kills},
    {"fragments", "RFC 4787 REQ-14", IT_MEASURE_ENUM, FRAGMENTS, fragments, declared_fragments},
    {"alg", "RFC 4787 REQ-10", IT_MEASURE_BOOL, NULL, alg, declared_alg},
    {"state_loss_on_reboot", "", IT_MEASURE_BOOL, NULL, state_loss, declared_state_loss},
    {"rfc5780.mapping", "RFC 5780 section 4.3", IT_MEASURE_DEP, MAPPING, stun_mapping, declared_stun_mapping},
    {"rfc5780.filtering", "RFC 5780 section 4.4", IT_MEASURE_DEP, FILTERING, stun_filtering, declared_stun_filtering},
    {"rfc5780.hairpin", "RFC 5780 section 3.4", IT_MEASURE_ENUM, HAIRPIN, stun_hairpin, declared_stun_hairpin},
    {"rfc5780.fragments", "RFC 5780 section 3.5", IT_MEASURE_BOOL, NULL, stun_fragments, declared_stun_fragments},
    {"rfc5780.hairpin-frags", "RFC 5780 section 3.5", IT_MEASURE_BOOL, NULL, stun_hairpin_fragments,
     declared_stun_hairpin_fragments},
    {"rfc5780.alg", "RFC 5780 section 3.6", IT_MEASURE_BOOL, NULL, stun_alg, declared_stun_alg},
    {0},
};
