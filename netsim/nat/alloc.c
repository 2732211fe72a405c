/* The choice of an external address and port for a new mapping (RFC 4787 sections 4.1 to 4.2.3, RFC 6056, RFC 7422).
 *
 * All randomness comes from the box's own streams; nothing is computed in floating point, the Poisson process of other
 * hosts' ports included. */
#include "netsim/nat/impl.h"

#include "base/wide.h"

#define TRIES_LEAST 16 /* of netfilter: a window below that is the last one */
#define DRAWS 32       /* random ports tried before going through all of them */
#define NOISE_MAX                                                                                                      \
    1000000 /* ports of others worked out one by one; after more the place in the range is random anyway */

/* A choice being made on one address. */
typedef struct attempt {
    it_nat *nat;
    const it_natc_flow *f;
    uint32_t h;
    uint32_t addr; /* index */
    struct it_natc_choice *c;
    it_natc_no *no;
} attempt;

/* Ports |first|, |first| + |stride|, ...: |n| of them. */
typedef struct span {
    uint32_t first, stride, n;
} span;

static const it_nat_range QUERY_IDS = {1, 65535};

/* --- which ports --- */

static uint16_t in_port(const attempt *t)
{
    return it_natc_port(t->f->in.e);
}

/* The first class that does not end below |port|, else the last one. RFC 4787 REQ-3a: privileged ports stay so. */
static it_nat_range class_of(const it_nat_alloc *a, uint16_t port)
{
    uint32_t i = 0;
    while (i + 1 < a->n_classes && a->classes[i].hi < port)
        i++;
    return a->classes[i];
}

static it_nat_range range_for(const it_nat *nat, const it_natc_flow *f)
{
    const it_nat_alloc *a = &nat->p.udp.alloc;
    if (f->proto == IT_PROTO_ICMP)
        return QUERY_IDS;
    return a->n_classes ? class_of(a, it_natc_port(f->in.e)) : a->range;
}

/* The ports of |r| that |t| may have. RFC 4787 REQ-4: of the internal port's parity, for UDP (RFC 6146
 * section 3.5.2.3). */
static span span_of(const attempt *t, it_nat_range r)
{
    bool parity = t->nat->p.udp.alloc.parity && t->f->proto == IT_PROTO_UDP;
    span s = {r.lo, 1, 0};
    if (parity) {
        s.first += (s.first ^ in_port(t)) & 1;
        s.stride = 2;
    }
    if (s.first <= r.hi)
        s.n = (r.hi - s.first) / s.stride + 1;
    return s;
}

bool it_natc_usable(const it_nat *nat, const it_natc_flow *f, it_natc_external ext)
{
    if (it_natc_session_at(nat, ext, f->remote) != IT_NATC_NONE || it_natc_reuse_delayed(nat, ext, it_natc_ip(f->in.e)))
        return false;
    uint32_t m = it_natc_map_at(nat, ext);
    if (m != IT_NATC_NONE && !nat->p.udp.overload)
        return false;
    while (m != IT_NATC_NONE && !nat->maps[m].is_explicit)
        m = nat->maps[m].sharer;
    return m == IT_NATC_NONE;
}

/* |port| of the address that |t| is about. */
static it_natc_external port_at(const attempt *t, uint32_t port)
{
    return it_natc_external_of(t->f->proto, it_natc_end_of(t->nat->addrs[t->addr], (uint16_t)port));
}

static bool take_port(attempt *t, uint32_t port)
{
    t->c->ext = port_at(t, port);
    return true;
}

static bool try_port(attempt *t, uint32_t port)
{
    return it_natc_usable(t->nat, t->f, port_at(t, port)) && take_port(t, port);
}

/* --- the modes --- */

/* Goes through |s| from its |from|-th port on. */
static bool linear(attempt *t, span s, uint32_t from)
{
    for (uint32_t i = 0; i < s.n; i++)
        if (try_port(t, s.first + (from + i) % s.n * s.stride))
            return true;
    return false;
}

/* Goes through |tries| ports of |s| in a row from a random one on, then through half as many from another, and so on
 * down to 8: with more in use than that finds, the flow is lost although ports are free. As netfilter does, but for
 * TCP's last tries, in which it takes the port of a connection in TIME_WAIT. */
static bool windows(attempt *t, span s, uint32_t tries)
{
    uint32_t n = tries < s.n ? tries : s.n;
    for (;;) {
        uint32_t at = (uint32_t)it_rng_below(&t->nat->rng_port, s.n);
        for (uint32_t i = 0; i < n; i++)
            if (try_port(t, s.first + (at + i) % s.n * s.stride))
                return true;
        if (n >= s.n || n < TRIES_LEAST)
            return false;
        n /= 2;
    }
}

/* RFC 6056 section 3.3.1. */
static bool random_in(attempt *t, it_nat_range r)
{
    span s = span_of(t, r);
    uint32_t at = 0;
    if (s.n == 0)
        return false;
    if (t->nat->p.udp.alloc.tries)
        return windows(t, s, t->nat->p.udp.alloc.tries);
    for (int i = 0; i < DRAWS; i++) {
        at = (uint32_t)it_rng_below(&t->nat->rng_port, s.n);
        if (try_port(t, s.first + at * s.stride))
            return true;
    }
    return linear(t, s, at);
}

/* The first port above the internal one that is free, then from the bottom. */
static bool next_in(attempt *t, it_nat_range r)
{
    span s = span_of(t, r);
    if (s.n == 0)
        return false;
    uint32_t port = in_port(t), from = 0;
    if (port >= s.first)
        from = (port - s.first) / s.stride + 1;
    return linear(t, s, from);
}

static it_nat_range det_range(const attempt *t)
{
    /* RFC 7422 section 2: the block follows from the internal address alone. */
    const it_nat *nat = t->nat;
    uint32_t host = (it_natc_ip(t->f->in.e) & ~nat->mask) % nat->blocks_per_addr;
    return it_natc_block_range(nat, host);
}

static bool in_blocks(attempt *t, it_time now)
{
    it_nat *nat = t->nat;
    for (uint32_t b = nat->hosts[t->h].blocks; b != IT_NATC_NONE; b = nat->blocks[b].next) {
        if (b / nat->blocks_per_addr == t->addr && !it_natc_block_full(nat, b, t->f->proto) &&
            random_in(t, it_natc_block_range(nat, b))) {
            t->c->block = b;
            return true;
        }
    }
    uint32_t b = it_natc_block_take(nat, t->h, t->addr, t->no);
    if (b == IT_NATC_NONE)
        return false;
    t->c->block = b;
    if (random_in(t, it_natc_block_range(nat, b)))
        return true;
    /* Nothing in it fits: used and left at once, it goes back. */
    it_natc_block_use(nat, now, b, t->f->proto, 1);
    it_natc_block_use(nat, now, b, t->f->proto, -1);
    return false;
}

static bool anywhere(attempt *t, it_time now)
{
    bool blocks = t->nat->p.block.size && t->f->proto != IT_PROTO_ICMP;
    return blocks ? in_blocks(t, now) : random_in(t, range_for(t->nat, t->f));
}

/* |e|, without its protocol, at the port |by| above its own. */
static it_natc_end port_beside(it_natc_end e, int by)
{
    return it_natc_end_of(it_natc_ip(e), (uint16_t)(it_natc_port(e) + by));
}

/* RFC 4787 section 4.2.3: beside the external port of the internal port below or above. */
static bool beside(attempt *t, int by)
{
    it_nat *nat = t->nat;
    it_natc_flow f = *t->f;
    if (by < 0 ? in_port(t) == 0 : in_port(t) == 65535)
        return false;
    f.in = it_natc_internal_of(f.proto, port_beside(f.in.e, by));
    if (nat->p.udp.mapping == IT_NAT_APD)
        f.remote = it_natc_remote_of(port_beside(f.remote.e, by));
    uint32_t m = it_natc_map_find(nat, &f);
    if (m == IT_NATC_NONE || it_natc_ip(nat->maps[m].ext.e) != nat->addrs[t->addr])
        return false;
    int64_t port = (int64_t)it_natc_port(nat->maps[m].ext.e) - by;
    it_nat_range r = range_for(nat, t->f);
    uint32_t b = nat->maps[m].block;
    if (b != IT_NATC_NONE)
        r = it_natc_block_range(nat, b);
    if (port < r.lo || port > r.hi || !try_port(t, (uint32_t)port))
        return false;
    t->c->block = b;
    return true;
}

static bool contiguous(attempt *t)
{
    return t->nat->p.udp.alloc.contiguity && t->f->proto == IT_PROTO_UDP && (beside(t, -1) || beside(t, 1));
}

/* True when |t| may keep its port at all. */
static bool may_preserve(attempt *t)
{
    const it_nat *nat = t->nat;
    it_nat_range r = range_for(nat, t->f);
    uint16_t port = in_port(t);
    if (t->f->proto == IT_PROTO_ICMP)
        return true;
    if (nat->p.block.size) {
        t->c->block = it_natc_block_with(nat, t->h, t->addr, port);
        return t->c->block != IT_NATC_NONE;
    }
    /* A port in the gap below its class is preserved: netfilter looks at classes only when it has to choose. */
    return (port > 0 || nat->p.udp.alloc.n_classes) && port <= r.hi && (port >= r.lo || nat->p.udp.alloc.n_classes);
}

static bool preserve(attempt *t, it_time now)
{
    it_nat *nat = t->nat;
    uint8_t clash = t->f->proto == IT_PROTO_ICMP ? (uint8_t)IT_NAT_CLASH_RANDOM : nat->p.udp.alloc.on_clash;
    bool may = may_preserve(t);
    if (may && try_port(t, in_port(t)))
        return true;
    if (may) {
        nat->stats.clashes++;
        /* RFC 4787 section 4.2.1: "port overloading", the same port for everybody. */
        if (clash == IT_NAT_CLASH_OVERLOAD)
            return take_port(t, in_port(t));
    }
    t->c->block = IT_NATC_NONE;
    if (contiguous(t))
        return true;
    if (clash == IT_NAT_CLASH_DROP) {
        *t->no = (it_natc_no){IT_DROP_NAT_CLASH, NULL};
        return false;
    }
    return clash == IT_NAT_CLASH_NEXT && !nat->p.block.size ? next_in(t, range_for(nat, t->f)) : anywhere(t, now);
}

/* -log2(u) in 1/2^32 for u uniform in (0, 1], by repeated squaring. */
static uint64_t neg_log2(it_rng *rng)
{
    uint64_t x = (it_rng_u64(rng) >> 11) + 1; /* u = x / 2^53 */
    int whole = 63 - __builtin_clzll(x);
    uint64_t m = x << (63 - whole), log = (uint64_t)whole; /* m: 1 to 2 in 1/2^63 */
    for (int i = 0; i < 32; i++) {
        it_wide sq = it_wide_mul(m, m); /* 1 to 4 in 1/2^126 */
        uint64_t bit = sq.hi >> 63;
        m = bit ? sq.hi : it_wide_shift(sq, 63);
        log = log << 1 | bit;
    }
    return (53ULL << 32) - log;
}

/* Time to the next arrival of a Poisson process of |rate| a second: -ln(u) / rate. */
static it_time noise_gap(it_nat *nat)
{
    uint64_t rest, ln = it_wide_shift(it_wide_mul(neg_log2(&nat->rng_noise), 2977044472u), 32); /* times ln 2 */
    it_wide gap = it_wide_div(it_wide_mul(ln, (uint64_t)IT_SEC), nat->p.udp.alloc.noise, &rest);
    return (it_time)it_wide_shift(gap, 32);
}

/* Moves the counter on by what other hosts have taken until |now|. */
static void noise(it_nat *nat, it_time now, it_nat_range r)
{
    if (nat->p.udp.alloc.noise == 0)
        return;
    for (int i = 0; nat->noise_at <= now; i++) {
        if (i == NOISE_MAX) {
            nat->seq_port = it_rng_range(&nat->rng_noise, r.lo, r.hi);
            nat->noise_at = now;
        }
        nat->seq_port += nat->p.udp.alloc.step;
        nat->noise_at += noise_gap(nat);
    }
}

static bool sequential(attempt *t, it_time now)
{
    it_nat *nat = t->nat;
    it_nat_range r = range_for(nat, t->f);
    int64_t n = (int64_t)r.hi - r.lo + 1, step = nat->p.udp.alloc.step, way = step < 0 ? -1 : 1;
    span s = span_of(t, r);
    noise(nat, now, r);
    int64_t at = nat->seq_port - r.lo + step;
    for (int64_t i = 0; i < n; i++, at += way) {
        int64_t port = r.lo + (at % n + n) % n;
        bool fits = (port - s.first) % s.stride == 0;
        if (fits && try_port(t, (uint32_t)port)) {
            nat->seq_port = port;
            return true;
        }
    }
    return false;
}

/* Of a protocol without ports: one host at a time may speak with a remote. */
static bool share_address(attempt *t)
{
    t->c->block = IT_NATC_NONE;
    if (it_natc_session_at(t->nat, port_at(t, 0), t->f->remote) == IT_NATC_NONE)
        return take_port(t, 0);
    *t->no = (it_natc_no){IT_DROP_NAT_CLASH, "another host speaks its protocol with this remote"};
    return false;
}

static bool choose_port(attempt *t, it_time now)
{
    uint8_t mode = t->nat->p.udp.alloc.mode;
    if (it_natc_portless(t->f->proto))
        return share_address(t);
    /* Query identifiers are drawn only where all of a flow is. */
    if (t->f->proto == IT_PROTO_ICMP && (mode != IT_NAT_RANDOM || t->nat->p.udp.mapping == IT_NAT_EI))
        mode = IT_NAT_PRESERVE;
    *t->no = (it_natc_no){IT_DROP_NAT_PORTS, NULL};
    t->c->block = IT_NATC_NONE;
    if (mode == IT_NAT_PRESERVE)
        return preserve(t, now);
    if (contiguous(t))
        return true;
    if (mode == IT_NAT_SEQUENTIAL)
        return sequential(t, now);
    return mode == IT_NAT_DET ? random_in(t, det_range(t)) : anywhere(t, now);
}

/* --- which address --- */

/* Basic NAT: an address of its own for each host, the port as it is. */
static bool bind(attempt *t)
{
    it_nat *nat = t->nat;
    it_natc_host *host = &nat->hosts[t->h];
    uint64_t used = 0;
    for (uint32_t i = 0; i < nat->pool_h.n; i++)
        if (nat->hosts[i].live && nat->hosts[i].addr != IT_NATC_NONE)
            used |= 1ULL << nat->hosts[i].addr;
    for (uint32_t a = 0; host->addr == IT_NATC_NONE && a < nat->n_addrs; a++)
        if (!(used >> a & 1))
            host->addr = a;
    if (host->addr == IT_NATC_NONE) {
        *t->no = (it_natc_no){IT_DROP_NAT_PORTS, "no external address left"};
        return false;
    }
    t->addr = host->addr;
    t->c->block = IT_NATC_NONE;
    return take_port(t, in_port(t));
}

static uint32_t rol(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

/* Which of |n| addresses internal address |ip| has for good: Jenkins' lookup3 hash as netfilter takes it (measured: the
 * same address that "snat to ... persistent" gives). */
static uint32_t persistent(uint32_t ip, uint32_t n)
{
    uint32_t a = 0xdeadbeefu + 16, b = a, c = a;
    a += __builtin_bswap32(ip);
    a = (a - c) ^ rol(c, 4), c += b;
    b = (b - a) ^ rol(a, 6), a += c;
    c = (c - b) ^ rol(b, 8), b += a;
    a = (a - c) ^ rol(c, 16), c += b;
    b = (b - a) ^ rol(a, 19), a += c;
    c = (c - b) ^ rol(b, 4), b += a;
    c = (c ^ b) - rol(b, 14);
    a = (a ^ c) - rol(c, 11);
    b = (b ^ a) - rol(a, 25);
    c = (c ^ b) - rol(b, 16);
    a = (a ^ c) - rol(c, 4);
    b = (b ^ a) - rol(a, 14);
    c = (c ^ b) - rol(b, 24);
    return (uint32_t)((uint64_t)c * n >> 32);
}

/* The address of host |h| where it has one of its own. */
static uint32_t address_of(it_nat *nat, uint32_t h)
{
    it_natc_host *host = &nat->hosts[h];
    if (nat->p.udp.alloc.mode == IT_NAT_DET)
        return (host->ip & ~nat->mask) / nat->blocks_per_addr % nat->n_addrs;
    if (nat->p.pool.mode == IT_NAT_POOL_PERSISTENT) {
        /* An IPv6 host's stand-in would not survive, its address does. */
        it_ip six = it_natc64_real(nat, host->ip);
        uint64_t fold = six.hi ^ six.lo;
        return persistent(nat->p.family ? (uint32_t)(fold >> 32 ^ fold) : host->ip, nat->n_addrs);
    }
    /* RFC 4787 REQ-2, RFC 7857 section 4: paired. */
    if (host->addr == IT_NATC_NONE)
        host->addr = nat->next_addr++ % nat->n_addrs;
    return host->addr;
}

bool it_natc_alloc(it_nat *nat, it_time now, const it_natc_flow *f, uint32_t h, struct it_natc_choice *c,
                   it_natc_no *no)
{
    attempt t = {nat, f, h, 0, c, no};
    if (nat->n_addrs == 0) {
        *no = (it_natc_no){IT_DROP_NAT_PORTS, "no external address"};
        return false;
    }
    if (nat->p.one2one)
        return bind(&t);
    if (nat->p.pool.mode != IT_NAT_POOL_ARBITRARY || nat->p.udp.alloc.mode == IT_NAT_DET) {
        t.addr = address_of(nat, h);
        return choose_port(&t, now);
    }
    uint32_t start = (uint32_t)it_rng_below(&nat->rng_pool, nat->n_addrs);
    for (uint32_t i = 0; i < nat->n_addrs; i++) {
        t.addr = (start + i) % nat->n_addrs;
        if (choose_port(&t, now))
            return true;
    }
    return false;
}

void it_natc_alloc_reset(it_nat *nat, it_time now)
{
    const it_nat_alloc *a = &nat->p.udp.alloc;
    it_nat_range r = a->n_classes ? a->classes[a->n_classes - 1] : a->range;
    nat->next_addr = 0;
    nat->seq_port = it_rng_range(&nat->rng_port, r.lo, r.hi);
    nat->noise_at = now;
    if (a->noise)
        nat->noise_at += noise_gap(nat);
}
