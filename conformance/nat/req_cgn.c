/* RFC 6888 (carrier-grade NATs), judged of boxes that serve several subscribers from a pool or by blocks, and what RFC
 * 7857 says of ports. Requirements of configuration (REQ-3, 4a, 5a, 6) are judged by configuring the box so. */
#include "conformance/nat/req.h"

#include "stack/portmap/msg.h"

#include <inttypes.h>

static bool carrier(const it_measure_ctx *c)
{
    return c->p->pool.size > 1 || c->p->block.size || c->p->limits.ports_per_host || c->p->limits.sessions_per_host;
}

#define CARRIER_ONLY                                                                                                   \
    if (!carrier(c))                                                                                                   \
    return it_req_na(why, "no carrier NAT")

/* |c| with another personality. */
static it_measure_ctx with(const it_measure_ctx *c, const it_nat_profile *p)
{
    return (it_measure_ctx){.alloc = c->alloc, .p = p, .seed = c->seed};
}

static enum it_req_verdict req2(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    int64_t mode = it_measure_get(c, "pool.mode");
    if (mode == IT_MEASURE_NONE)
        return it_req_na(why, "one external address");
    return it_req_say(why, mode != IT_NAT_POOL_ARBITRARY,
                      mode == IT_NAT_POOL_ARBITRARY ? "one subscriber on several addresses"
                                                    : "a subscriber keeps its address");
}

static enum it_req_verdict req3(it_measure_ctx *c, char *why)
{
    it_probe b;
    int n = 0;
    CARRIER_ONLY;
    if (it_measure_bench(c, &b)) {
        it_ip ext[IT_NAT_ADDRS_MAX];
        for (uint32_t i = 0; i < c->p->pool.size; i++)
            ext[i] = it_ip4(0xcb007100u + 3 + i * i * 2); /* with gaps */
        if (it_probe_renumber(&b, ext, c->p->pool.size) < 0)
            b.err = IT_ERR_RANGE;
        for (int k = 0; k < 100; k++) {
            it_ip e = it_probe_map(&b, it_xp(1 + k, 5000), it_sp(1, 8000)).ip;
            bool known = false;
            for (uint32_t i = 0; i < c->p->pool.size; i++)
                known = known || it_ip_eq(e, ext[i]);
            n += known;
        }
    }
    it_req_end(c, &b);
    return it_req_say(why, n == 100, "%d of 100 subscribers served from a pool with gaps", n);
}

/* How many UDP mappings X1 gets, and whether X2 still gets one then. */
static int granted(it_measure_ctx *c, bool *others, int most)
{
    it_probe b;
    int n = 0;
    if (it_measure_bench(c, &b)) {
        while (n < most && it_probe_map(&b, it_xp(1, (uint16_t)(2000 + n)), it_sp(1, 8000)).port)
            n++;
        *others = it_probe_map(&b, it_xp(2, 2000), it_sp(1, 8000)).port != 0;
    }
    it_req_end(c, &b);
    return n;
}

static enum it_req_verdict req4(it_measure_ctx *c, char *why)
{
    it_nat_profile p = *c->p;
    it_measure_ctx limited = with(c, &p);
    bool others = false;
    CARRIER_ONLY;
    p.limits.ports_per_host = 17;
    int n = granted(&limited, &others, 100);
    c->err = c->err ? c->err : limited.err;
    return it_req_say(why, n == 17 && others, "set to 17, a subscriber gets %d ports, others %s", n,
                      others ? "still some" : "none");
}

static enum it_req_verdict req5(it_measure_ctx *c, char *why)
{
    it_nat_profile p = *c->p;
    it_measure_ctx limited = with(c, &p);
    bool others = false;
    CARRIER_ONLY;
    p.limits.sessions_per_host = 9;
    int n = granted(&limited, &others, 100);
    c->err = c->err ? c->err : limited.err;
    return it_req_say(why, n == 9 && others, "set to 9, a subscriber gets %d sessions, others %s", n,
                      others ? "still some" : "none");
}

static enum it_req_verdict req5b(it_measure_ctx *c, char *why)
{
    it_nat_profile p = *c->p;
    it_measure_ctx limited = with(c, &p);
    it_probe b;
    int n = 0;
    bool later = false;
    CARRIER_ONLY;
    p.limits.new_per_s = 12;
    if (it_measure_bench(&limited, &b)) {
        while (n < 100 && it_probe_map(&b, it_xp(1, (uint16_t)(2000 + n)), it_sp(1, 8000)).port)
            n++;
        it_probe_wait(&b, IT_SEC);
        later = it_probe_map(&b, it_xp(1, 3000), it_sp(1, 8000)).port != 0;
    }
    it_req_end(c, &b);
    return it_req_say(why, n == 12 && later, "set to 12 a second, %d at once, %s after a second", n,
                      later ? "more" : "none");
}

static enum it_req_verdict req7(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    bool ei = it_measure_get(c, "udp.filtering") == IT_NAT_EI;
    return it_req_say(why, ei, "%s", ei ? "endpoint-independent filtering" : "stricter filtering");
}

/* REQ-8: nobody else gets a freed port for 120 s, where filtering is endpoint-independent (8c: else at once). A box
 * with two ports. */
static enum it_req_verdict req8(it_measure_ctx *c, char *why)
{
    it_nat_profile p = *c->p;
    it_measure_ctx small = with(c, &p);
    it_probe b;
    int early = 0;
    bool late = false;
    CARRIER_ONLY;
    if (it_measure_get(c, "udp.filtering") != IT_NAT_EI)
        return it_req_na(why, "REQ-8c: filtering is not endpoint-independent");
    p.pool.size = 1;
    p.block.size = p.block.max = 0;
    p.udp.alloc.n_classes = 0;
    p.udp.alloc.range = (it_nat_range){40000, 40001};
    it_time idle = p.udp.timeout.initial;
    if (it_measure_bench(&small, &b)) {
        it_probe_map(&b, it_xp(1, 2000), it_sp(1, 8000));
        it_probe_map(&b, it_xp(1, 2001), it_sp(1, 8000));
        it_probe_wait(&b, idle);
        early += it_probe_map(&b, it_xp(2, 2000), it_sp(1, 8000)).port != 0;
        it_probe_wait(&b, 119 * IT_SEC);
        early += it_probe_map(&b, it_xp(2, 2000), it_sp(1, 8000)).port != 0;
        it_probe_wait(&b, IT_SEC);
        late = it_probe_map(&b, it_xp(2, 2000), it_sp(1, 8000)).port != 0;
    }
    it_req_end(c, &b);
    return it_req_say(why, early == 0 && late, "a freed port is %s within 120 s, %s then",
                      early ? "given to another" : "not given away", late ? "is" : "is not");
}

/* REQ-9, REQ-11: what a subscriber meets at its limit. */
typedef struct limit {
    bool dropped, told, kept;
} limit;

static limit at_limit(it_measure_ctx *c)
{
    it_nat_profile p = *c->p;
    it_measure_ctx limited = with(c, &p);
    it_probe b;
    limit l = {false, false, false};
    p.limits.ports_per_host = 3;
    if (it_measure_bench(&limited, &b)) {
        it_addr s = it_sp(1, 8000), e = it_probe_map(&b, it_xp(1, 2000), s);
        it_probe_map(&b, it_xp(1, 2001), s);
        it_probe_map(&b, it_xp(1, 2002), s);
        l.dropped = it_probe_map(&b, it_xp(1, 2003), s).port == 0;
        const it_pkt *m = it_probe_icmp(&b, IT_SIDE_IN);
        it_bytes raw = m ? it_pkt_bytes(m) : it_bytes_of(NULL, 0);
        l.told = m && raw.p[m->l4] == 3 && raw.p[m->l4 + 1] == 1;
        l.kept = it_probe_reach(&b, s, e, it_xp(1, 2000));
    }
    it_req_end(c, &b);
    return l;
}

/* A host asks the box for a mapping by PCP (RFC 6887 section 11): the answer in |*m|, false when there is none. */
static bool ask(it_probe *b, it_portmap_msg *m)
{
    uint8_t buf[IT_PORTMAP_MAX];
    *m = (it_portmap_msg){.version = IT_PORTMAP_PCP,
                          .op = IT_PORTMAP_MAP,
                          .lifetime = 3600,
                          .client = it_probe_x(1),
                          .proto = IT_PROTO_UDP};
    m->internal = 5000;
    m->external.ip = it_ip4(0);
    it_bytes raw = it_portmap_write(m, buf, sizeof buf);
    it_probe_pkt p = {IT_PROTO_UDP, it_xp(1, 40000), it_addr_of(it_probe_box(), IT_PORTMAP_PORT), .data = raw.p,
                      .size = raw.n};
    const it_pkt *a = it_probe_send(b, IT_SIDE_IN, &p);
    if (!a || a->proto != IT_PROTO_UDP || a->sport != IT_PORTMAP_PORT || a->dport != 40000 ||
        !it_ip_eq(a->dst, it_probe_x(1)))
        return false;
    it_bytes ip = it_pkt_bytes(a);
    return it_portmap_parse(m, it_bytes_of(ip.p + a->l4 + 8, ip.n - a->l4 - 8)) == 0 && m->response;
}

static enum it_req_verdict req9(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    it_probe b;
    it_portmap_msg m = {0};
    bool told = false, in = false;
    if (it_measure_bench(c, &b) && it_probe_serve(&b) == 0) {
        told = ask(&b, &m);
        in = told && m.result == IT_PORTMAP_OK && it_probe_reach(&b, it_sp(2, 9), m.external, it_xp(1, 5000));
    }
    it_req_end(c, &b);
    if (!told)
        return it_req_say(why, false, "nobody answers a request of PCP");
    if (m.result != IT_PORTMAP_OK)
        return it_req_say(why, false, "a request of PCP is refused with %d", m.result);
    return it_req_say(why, in, "by PCP a host gets a mapping, through which a stranger is %s",
                      in ? "let in" : "not let in");
}

static enum it_req_verdict req11a(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    limit l = at_limit(c);
    return it_req_say(why, l.dropped, "beyond the limit a packet %s", l.dropped ? "is dropped" : "passes");
}

static enum it_req_verdict req11b(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    limit l = at_limit(c);
    return it_req_say(why, l.told, "the host %s by host unreachable", l.told ? "is told" : "is not told");
}

static enum it_req_verdict req11d(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    limit l = at_limit(c);
    return it_req_say(why, l.kept, "the mappings there are %s", l.kept ? "stay" : "suffer");
}

static enum it_req_verdict req15(it_measure_ctx *c, char *why)
{
    CARRIER_ONLY;
    bool random = it_measure_get(c, "udp.alloc.mode") == IT_NAT_RANDOM;
    return it_req_say(why, random, "ports are %s", random ? "random" : "to be guessed");
}

/* --- RFC 7857 --- */

/* Section 4: a host whose address has no port left gets no other address. */
static enum it_req_verdict paired_out(it_measure_ctx *c, char *why)
{
    it_nat_profile p = *c->p;
    it_measure_ctx small = with(c, &p);
    it_probe b;
    int n = 0;
    if (it_measure_get(c, "pool.mode") == IT_MEASURE_NONE || it_measure_get(c, "pool.mode") == IT_NAT_POOL_ARBITRARY)
        return it_req_na(why, "pooling is not paired");
    p.block.size = p.block.max = 0;
    p.udp.alloc.n_classes = 0;
    p.udp.alloc.range = (it_nat_range){40000, 40003};
    p.udp.overload = false;
    if (it_measure_bench(&small, &b))
        for (int k = 0; k < 20; k++)
            n += it_probe_map(&b, it_xp(1, (uint16_t)(40000 + k)), it_sp(1, 8000)).port != 0;
    it_req_end(c, &b);
    return it_req_say(why, n == 4, "of 20 flows on an address of 4 ports %d pass", n);
}

/* Section 7: what a filter drops does not keep a mapping alive. */
static enum it_req_verdict filtered(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool alive = false;
    it_time t = it_measure_get(c, "udp.timeout.initial");
    if (it_measure_get(c, "udp.filtering") == IT_NAT_EI)
        return it_req_na(why, "nothing is filtered");
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), s = it_sp(1, 8000), e = it_probe_map(&b, x, s);
        it_probe_wait(&b, t / 2);
        it_probe_reach(&b, it_sp(2, 9), e, x);
        it_probe_wait(&b, t / 2 + 1);
        alive = it_probe_reach(&b, s, e, x);
    }
    it_req_end(c, &b);
    return it_req_say(why, !alive, "a dropped packet %s", alive ? "refreshes" : "does not refresh");
}

/* Section 9: a box that does not preserve ports makes all of them hard to guess (RFC 6056). */
static enum it_req_verdict obfuscated(it_measure_ctx *c, char *why)
{
    int64_t mode = it_measure_get(c, "udp.alloc.mode");
    if (mode == IT_NAT_PRESERVE)
        return it_req_na(why, "ports are preserved");
    return it_req_say(why, mode == IT_NAT_RANDOM, "ports are %s", mode == IT_NAT_RANDOM ? "random" : "to be guessed");
}

const it_req it_req_cgn[] = {
    {"RFC6888-REQ-2", "MUST", "pooling is paired", req2},
    {"RFC6888-REQ-3", "MUST", "a pool may have gaps", req3},
    {"RFC6888-REQ-4", "MUST", "a subscriber's ports can be limited", req4},
    {"RFC6888-REQ-5", "SHOULD", "a subscriber's sessions can be limited", req5},
    {"RFC6888-REQ-5b", "SHOULD", "a subscriber's new sessions a second can be limited", req5b},
    {"RFC6888-REQ-7", "RECOMMENDED", "filtering is endpoint-independent", req7},
    {"RFC6888-REQ-8", "SHOULD", "a freed port rests for 120 s", req8},
    {"RFC6888-REQ-9", "MUST", "hosts can ask for mappings", req9},
    {"RFC6888-REQ-11a", "MUST", "beyond a limit packets are dropped", req11a},
    {"RFC6888-REQ-11b", "SHOULD", "and the host is told", req11b},
    {"RFC6888-REQ-11d", "MUST NOT", "and no mapping is deleted for it", req11d},
    {"RFC6888-REQ-15", "SHOULD", "ports are hard to guess", req15},
    {"RFC7857-4", "SHOULD", "a paired host whose address is full gets no other", paired_out},
    {"RFC7857-7", "SHOULD NOT", "what a filter drops does not refresh", filtered},
    {"RFC7857-9", "SHOULD", "ports that are not preserved are hard to guess", obfuscated},
    {0},
};
