/* Ports and addresses of new mappings, and what happens when they are taken or used up (RFC 4787 section 4.2, RFC
 * 6888). */
#include "conformance/nat/measure.h"

#define HOSTS 8
#define SAMPLE 64

static const char *const MODES[] = {"preserve", "random", "sequential", "det"};
static const char *const CLASHES[] = {"random", "next", "drop", "overload"};
static const char *const POOLS[] = {"paired", "arbitrary", "persistent"};

static uint16_t inside_port(int k)
{
    return (uint16_t)(20000 + k * 37); /* odd and even ones, no two neighbours */
}

/* SAMPLE mappings of one host towards one remote, in order; ports 0 where nothing came out. */
static bool sample(it_measure_ctx *c, it_addr *got)
{
    it_probe b;
    bool ok = it_measure_bench(c, &b);
    for (int k = 0; ok && k < SAMPLE; k++)
        got[k] = it_probe_map(&b, it_xp(1, inside_port(k)), it_sp(1, 80));
    it_probe_fini(&b);
    return ok;
}

static int kept(const it_addr *got)
{
    int n = 0;
    for (int k = 0; k < SAMPLE; k++)
        n += got[k].port == inside_port(k);
    return n;
}

/* The step from port to port, when there is a constant one; 0 when not. */
static int constant_step(const it_addr *got)
{
    int step = got[1].port - got[0].port;
    for (int k = 1; k < SAMPLE; k++)
        if (got[k].port - got[k - 1].port != step)
            return 0;
    return step;
}

static int64_t mode(it_measure_ctx *c)
{
    it_addr one[SAMPLE], two[SAMPLE];
    it_measure_ctx other = *c;
    other.seed++;
    if (!sample(c, one) || !sample(&other, two))
        return IT_MEASURE_NONE;
    if (kept(one) == SAMPLE)
        return IT_NAT_PRESERVE;
    if (constant_step(one))
        return IT_NAT_SEQUENTIAL;
    for (int k = 0; k < SAMPLE; k++)
        if (!it_addr_eq(one[k], two[k]))
            return IT_NAT_RANDOM; /* another seed, other ports */
    return IT_NAT_DET;
}

static int64_t declared_mode(const it_nat_profile *p)
{
    return p->udp.alloc.mode;
}

static int64_t ports_step(it_measure_ctx *c)
{
    it_addr got[SAMPLE];
    if (!sample(c, got) || kept(got) == SAMPLE)
        return IT_MEASURE_NONE;
    int s = constant_step(got);
    return s ? s : IT_MEASURE_NONE;
}

static int64_t declared_step(const it_nat_profile *p)
{
    return p->udp.alloc.mode == IT_NAT_SEQUENTIAL ? p->udp.alloc.step : IT_MEASURE_NONE;
}

/* A bench with X1's port 5000 mapped towards S1; sets |*first| and a host |*other| that has the same external address.
 */
static bool shared_address(it_measure_ctx *c, it_probe *b, it_addr *first, int *other)
{
    bool found = false;
    if (!it_measure_bench(c, b))
        return false;
    *first = it_probe_map(b, it_xp(1, 5000), it_sp(1, 80));
    for (*other = 2; !found && *other < 60; ++*other)
        found = it_ip_eq(it_probe_map(b, it_xp(*other, 6000), it_sp(3, 80)).ip, first->ip);
    --*other;
    return found && first->port == 5000;
}

static int64_t on_clash(it_measure_ctx *c)
{
    it_probe b;
    it_addr first;
    int other;
    int64_t v = IT_MEASURE_NONE;
    if (shared_address(c, &b, &first, &other) && it_measure_get(c, "udp.alloc.mode") == IT_NAT_PRESERVE) {
        it_addr e = it_probe_map(&b, it_xp(other, 5000), it_sp(1, 80));
        v = e.port == 0               ? IT_NAT_CLASH_DROP
            : e.port == 5000          ? IT_NAT_CLASH_OVERLOAD
            : e.port - 5000u - 1u < 2 ? IT_NAT_CLASH_NEXT
                                      : IT_NAT_CLASH_RANDOM;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_on_clash(const it_nat_profile *p)
{
    bool shows = p->udp.alloc.mode == IT_NAT_PRESERVE && !p->one2one;
    return shows ? p->udp.alloc.on_clash : IT_MEASURE_NONE;
}

/* True when a port that cannot be kept is not replaced by another. */
static bool never_moves(it_measure_ctx *c)
{
    int64_t clash = it_measure_get(c, "udp.alloc.on_clash");
    return clash == IT_NAT_CLASH_DROP || clash == IT_NAT_CLASH_OVERLOAD;
}

/* Whether the port keeps the parity of the internal one where it cannot keep the port itself (RFC 4787 REQ-4). */
static int64_t parity(it_measure_ctx *c)
{
    it_probe b;
    int even = 0, n = 0;
    bool preserves = it_measure_get(c, "udp.alloc.mode") == IT_NAT_PRESERVE;
    if (preserves && never_moves(c))
        return IT_MEASURE_NONE;
    if (it_measure_bench(c, &b))
        for (int k = 0; k < SAMPLE; k++) {
            uint16_t port = preserves ? (uint16_t)(7000 + (k & 1)) : inside_port(k);
            it_addr e = it_probe_map(&b, it_xp(1 + k, port), it_sp(1, 80));
            bool moved = e.port != 0 && e.port != port;
            n += moved;
            even += moved && (e.port & 1) == (port & 1);
        }
    it_probe_fini(&b);
    return n < SAMPLE / 4 ? IT_MEASURE_NONE : n == even;
}

static int64_t declared_parity(const it_nat_profile *p)
{
    const it_nat_alloc *a = &p->udp.alloc;
    bool moves = a->on_clash == IT_NAT_CLASH_RANDOM || a->on_clash == IT_NAT_CLASH_NEXT;
    bool shows = a->mode == IT_NAT_RANDOM || (a->mode == IT_NAT_PRESERVE && moves && !p->one2one);
    if (a->mode == IT_NAT_SEQUENTIAL)
        return a->step % 2 == 0 || a->parity;
    return shows ? a->parity : IT_MEASURE_NONE;
}

/* Two hosts with the same port towards different remotes: do they share the external port (RFC 4787 REQ-3, RFC 7857
 * section 3)?
 */
static int64_t overload(it_measure_ctx *c)
{
    it_probe b;
    it_addr first;
    int other;
    int64_t v = IT_MEASURE_NONE;
    if (shared_address(c, &b, &first, &other))
        v = it_addr_eq(it_probe_map(&b, it_xp(other, 5000), it_sp(2, 80)), first);
    it_probe_fini(&b);
    return v;
}

static int64_t declared_overload(const it_nat_profile *p)
{
    if (p->udp.alloc.mode != IT_NAT_PRESERVE || p->one2one)
        return IT_MEASURE_NONE;
    return p->udp.overload || p->udp.alloc.on_clash == IT_NAT_CLASH_OVERLOAD;
}

/* Two hosts share a port towards different remotes; then the second one turns to the first one's. */
static int64_t clash_edm(it_measure_ctx *c)
{
    it_probe b;
    it_addr first;
    int other;
    int64_t v = IT_MEASURE_NONE;
    if (shared_address(c, &b, &first, &other) && it_addr_eq(it_probe_map(&b, it_xp(other, 5000), it_sp(2, 80)), first))
        v = it_probe_map(&b, it_xp(other, 5000), it_sp(1, 80)).port != 0;
    it_probe_fini(&b);
    return v;
}

static int64_t declared_clash_edm(const it_nat_profile *p)
{
    bool shows =
        declared_overload(p) == 1 && p->udp.mapping == IT_NAT_EI && p->udp.alloc.on_clash != IT_NAT_CLASH_OVERLOAD;
    return shows ? p->udp.clash_edm : IT_MEASURE_NONE;
}

/* A stranger is let in: does the answer leave from the port that it came to? Shows where mapping depends on the remote.
 */
static int64_t inbound_session(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), e = it_probe_map(&b, x, it_sp(1, 80));
        if (it_probe_reach(&b, it_sp(2, 80), e, x))
            v = it_addr_eq(it_probe_map(&b, x, it_sp(2, 80)), e);
    }
    it_probe_fini(&b);
    /* An endpoint-independent mapping answers from there anyway. */
    return c->p->udp.mapping == IT_NAT_EI ? IT_MEASURE_NONE : v;
}

static int64_t declared_inbound_session(const it_nat_profile *p)
{
    bool shows = p->udp.mapping != IT_NAT_EI && p->udp.filtering == IT_NAT_EI;
    return shows ? p->udp.inbound_session : IT_MEASURE_NONE;
}

/* --- addresses --- */

static int64_t pool_size(it_measure_ctx *c)
{
    it_probe b;
    int64_t n = 0;
    bool seen[IT_NAT_ADDRS_MAX] = {false};
    if (it_measure_bench(c, &b))
        for (int k = 0; k < 240; k++) {
            it_ip e = it_probe_map(&b, it_xp(1 + k, 5000), it_sp(1, (uint16_t)(80 + k))).ip;
            uint32_t i = it_ip_none(e) ? IT_NAT_ADDRS_MAX : it_ip_v4(e) - it_ip_v4(it_probe_e(0));
            n += i < IT_NAT_ADDRS_MAX && !seen[i];
            if (i < IT_NAT_ADDRS_MAX)
                seen[i] = true;
        }
    it_probe_fini(&b);
    return n;
}

static int64_t declared_pool_size(const it_nat_profile *p)
{
    return p->pool.size;
}

/* The addresses that HOSTS hosts get, asked in order or backwards. */
static bool addresses(it_measure_ctx *c, bool backwards, it_ip *got)
{
    it_probe b;
    bool ok = it_measure_bench(c, &b);
    for (int k = 0; ok && k < HOSTS; k++) {
        int h = backwards ? HOSTS - 1 - k : k;
        got[h] = it_probe_map(&b, it_xp(1 + h, 5000), it_sp(1, 80)).ip;
    }
    it_probe_fini(&b);
    return ok;
}

/* True when all mappings of one host have the same address. */
static bool is_paired(it_measure_ctx *c)
{
    it_probe b;
    bool one = true;
    if (it_measure_bench(c, &b)) {
        it_ip first = it_probe_map(&b, it_xp(1, 4999), it_sp(1, 80)).ip;
        for (int k = 0; k < 32; k++)
            one = one && it_ip_eq(first, it_probe_map(&b, it_xp(1, (uint16_t)(5000 + k)), it_sp(1, 80)).ip);
    }
    it_probe_fini(&b);
    return one;
}

/* RFC 4787 section 4.1. */
static int64_t pool_mode(it_measure_ctx *c)
{
    it_ip there[HOSTS], back[HOSTS];
    bool one = is_paired(c), same = true;
    if (!addresses(c, false, there) || !addresses(c, true, back) || it_measure_get(c, "pool.size") < 2)
        return IT_MEASURE_NONE;
    for (int k = 0; k < HOSTS; k++)
        same = same && it_ip_eq(there[k], back[k]);
    if (!one)
        return IT_NAT_POOL_ARBITRARY;
    return same ? IT_NAT_POOL_PERSISTENT : IT_NAT_POOL_PAIRED;
}

static int64_t declared_pool_mode(const it_nat_profile *p)
{
    return p->pool.size > 1 ? p->pool.mode : IT_MEASURE_NONE;
}

/* --- how much there is --- */

/* What one host gets before it is refused, and whether anything still goes out then. */
static void fill_up(it_measure_ctx *c)
{
    it_probe b;
    if (c->fill.done)
        return;
    c->fill.done = true;
    c->fill.lo = UINT16_MAX;
    if (it_measure_bench(c, &b)) {
        for (; c->fill.n < 65535 && !b.err; c->fill.n++) {
            it_addr e = it_probe_map(&b, it_xp(1, (uint16_t)(1 + c->fill.n)), it_sp(1, 80));
            if (e.port == 0)
                break;
            c->fill.lo = e.port < c->fill.lo ? e.port : c->fill.lo;
            c->fill.hi = e.port > c->fill.hi ? e.port : c->fill.hi;
        }
        c->fill.others_go_on = it_probe_map(&b, it_xp(2, 5000), it_sp(1, 80)).port != 0;
        c->fill.self_elsewhere =
            c->fill.n < 65534 && it_probe_map(&b, it_xp(1, (uint16_t)(2 + c->fill.n)), it_sp(2, 80)).port != 0;
        c->fill.others_elsewhere = it_probe_map(&b, it_xp(2, 5001), it_sp(2, 80)).port != 0;
    }
    it_probe_fini(&b);
}

/* RFC 6888 REQ-4, port blocks included: external ports a host may have while others still get some; 0: no limit. */
static int64_t ports_per_host(it_measure_ctx *c)
{
    fill_up(c);
    return c->fill.n < 65535 && c->fill.others_go_on && !c->fill.self_elsewhere ? c->fill.n : 0;
}

static int64_t declared_ports_per_host(const it_nat_profile *p)
{
    int64_t blocks = (int64_t)p->block.size * p->block.max, ports = p->limits.ports_per_host;
    return blocks && (!ports || blocks < ports) ? blocks : ports;
}

/* External ports altogether, where one host can use them up: as "lo-hi". */
static int64_t range(it_measure_ctx *c)
{
    fill_up(c);
    bool all = c->fill.n == c->fill.hi - c->fill.lo + 1 && !c->fill.others_go_on;
    return all && it_measure_get(c, "udp.alloc.mode") != IT_NAT_PRESERVE ? (int64_t)c->fill.lo << 16 | c->fill.hi
                                                                         : IT_MEASURE_NONE;
}

/* True when a box gives up before all its ports are taken. */
static bool gives_up(const it_nat_profile *p)
{
    return p->udp.alloc.tries || p->block.max || p->limits.ports_per_host || p->limits.sessions_per_host ||
           p->limits.sessions_per_dest;
}

static int64_t declared_range(const it_nat_profile *p)
{
    const it_nat_alloc *a = &p->udp.alloc;
    if (a->mode == IT_NAT_PRESERVE || p->pool.size > 1 || gives_up(p))
        return IT_MEASURE_NONE;
    it_nat_range r = a->range;
    for (int i = 0; i < a->n_classes; i++) {
        if (i > 0 && a->classes[i].lo != r.hi + 1)
            return IT_MEASURE_NONE; /* gaps */
        r.lo = i == 0 ? a->classes[i].lo : r.lo;
        r.hi = a->classes[i].hi;
    }
    return (int64_t)r.lo << 16 | r.hi;
}

static int64_t sessions_per_dest(it_measure_ctx *c)
{
    fill_up(c);
    bool all = c->fill.n == c->fill.hi - c->fill.lo + 1;
    return !c->fill.others_go_on && c->fill.others_elsewhere && c->fill.n < 65535 && !all ? c->fill.n : 0;
}

static int64_t declared_sessions_per_dest(const it_nat_profile *p)
{
    return p->limits.sessions_per_dest;
}

const it_measure_field it_measure_ports[] = {
    {"udp.alloc.mode", "RFC 4787 section 4.2", IT_MEASURE_ENUM, MODES, mode, declared_mode},
    {"udp.alloc.step", "", IT_MEASURE_NUMBER, NULL, ports_step, declared_step},
    {"udp.alloc.on_clash", "RFC 4787 section 4.2.1", IT_MEASURE_ENUM, CLASHES, on_clash, declared_on_clash},
    {"udp.alloc.parity", "RFC 4787 section 4.2.2", IT_MEASURE_BOOL, NULL, parity, declared_parity},
    {"udp.alloc.range", "RFC 4787 section 4.2", IT_MEASURE_RANGE, NULL, range, declared_range},
    {"udp.overload", "RFC 4787 REQ-3", IT_MEASURE_BOOL, NULL, overload, declared_overload},
    {"udp.clash_edm", "RFC 4787 REQ-11", IT_MEASURE_BOOL, NULL, clash_edm, declared_clash_edm},
    {"udp.inbound_session", "", IT_MEASURE_BOOL, NULL, inbound_session, declared_inbound_session},
    {"pool.size", "RFC 4787 section 4.1", IT_MEASURE_NUMBER, NULL, pool_size, declared_pool_size},
    {"pool.mode", "RFC 4787 section 4.1", IT_MEASURE_ENUM, POOLS, pool_mode, declared_pool_mode},
    {"limits.ports_per_host", "RFC 6888 REQ-4", IT_MEASURE_NUMBER, NULL, ports_per_host, declared_ports_per_host},
    {"limits.sessions_per_dest", "", IT_MEASURE_NUMBER, NULL, sessions_per_dest, declared_sessions_per_dest},
    {0},
};
