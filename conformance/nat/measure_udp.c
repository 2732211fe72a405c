/* UDP: mapping and filtering behaviour, timers and what refreshes them, unsolicited packets, hairpinning (RFC 4787). */
#include "conformance/nat/measure.h"

static const char *const MAPPING[] = {"M"}, *const FILTERING[] = {"F"};
static const char *const UNSOLICITED[] = {"drop", "reject", "local"};
static const char *const HAIRPIN[] = {"none", "ext", "int"};

/* --- RFC 4787 section 4.1 --- */

static int64_t mapping(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), first = it_probe_map(&b, x, it_sp(1, 80)), port = it_probe_map(&b, x, it_sp(1, 81)),
                host = it_probe_map(&b, x, it_sp(2, 80));
        v = it_addr_eq(first, host) ? IT_NAT_EI : it_addr_eq(first, port) ? IT_NAT_AD : IT_NAT_APD;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_mapping(const it_nat_profile *p)
{
    return p->udp.mapping;
}

/* --- RFC 4787 section 5 --- */

static int64_t filtering(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), e = it_probe_map(&b, x, it_sp(1, 80));
        /* the strictest question last: an accepted stranger may open the way for others */
        bool port = it_probe_reach(&b, it_sp(1, 81), e, x), host = it_probe_reach(&b, it_sp(2, 80), e, x);
        v = host ? IT_NAT_EI : port ? IT_NAT_AD : IT_NAT_APD;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_filtering(const it_nat_profile *p)
{
    return p->udp.filtering;
}

/* --- RFC 4787 section 4.3, three stages --- */

static bool alive_initial(it_probe *b, it_time t, it_time arg)
{
    it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_map(b, x, s);
    (void)arg;
    it_probe_wait(b, t);
    return it_probe_reach(b, s, e, x);
}

static bool alive_replied(it_probe *b, it_time t, it_time arg)
{
    it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_map(b, x, s);
    (void)arg;
    it_probe_reach(b, s, e, x);
    it_probe_wait(b, t);
    return it_probe_reach(b, s, e, x);
}

/* |age|: of the session when a further packet leaves. */
static bool alive_stream(it_probe *b, it_time t, it_time age)
{
    it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_map(b, x, s);
    it_probe_reach(b, s, e, x);
    it_probe_wait(b, age);
    it_probe_map(b, x, s);
    it_probe_wait(b, t);
    return it_probe_reach(b, s, e, x);
}

static int64_t initial(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_initial, 0, IT_MEASURE_MOST);
}

static int64_t replied(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_replied, 0, IT_MEASURE_MOST);
}

static int64_t measure_stream(it_measure_ctx *c)
{
    it_time r = it_measure_get(c, "udp.timeout.replied");
    return r == IT_NEVER ? IT_NEVER : it_measure_edge(c, alive_stream, r / 2, IT_MEASURE_MOST);
}

/* Not yet promoted by a packet at age |t|: dies when |idle| is over. */
static bool not_promoted(it_probe *b, it_time t, it_time idle)
{
    return !alive_stream(b, idle, t);
}

static int64_t stream_after(it_measure_ctx *c)
{
    it_time r = it_measure_get(c, "udp.timeout.replied"), s = it_measure_get(c, "udp.timeout.stream");
    it_probe b;
    if (r >= s || c->err)
        return IT_MEASURE_NONE; /* nothing tells the stages apart */
    bool at_once = it_measure_bench(c, &b) && !not_promoted(&b, 0, r);
    it_probe_fini(&b);
    return at_once ? 0 : it_measure_edge(c, not_promoted, r, r - 1);
}

static int64_t declared_initial(const it_nat_profile *p)
{
    return p->udp.timeout.initial;
}

static int64_t declared_replied(const it_nat_profile *p)
{
    return p->udp.timeout.replied;
}

static int64_t declared_stream(const it_nat_profile *p)
{
    return p->udp.timeout.stream;
}

static int64_t declared_stream_after(const it_nat_profile *p)
{
    return p->udp.timeout.replied < p->udp.timeout.stream ? p->udp.timeout.stream_after : IT_MEASURE_NONE;
}

/* --- RFC 4787 REQ-6 --- */

/* A session of idle time |idle| gets a packet at half of it; does it live beyond its first end? */
static bool refreshed(it_measure_ctx *c, it_time idle, bool inbound)
{
    it_probe b;
    bool yes = false;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), s = it_sp(1, 80), e = it_probe_map(&b, x, s);
        if (inbound)
            it_probe_reach(&b, s, e, x);
        it_probe_wait(&b, idle / 2);
        if (inbound)
            it_probe_reach(&b, s, e, x);
        else
            it_probe_map(&b, x, s);
        it_probe_wait(&b, idle / 4 * 3);
        yes = it_probe_reach(&b, s, e, x);
    }
    it_probe_fini(&b);
    return yes;
}

static int64_t refresh_out(it_measure_ctx *c)
{
    return refreshed(c, it_measure_get(c, "udp.timeout.initial"), false);
}

static int64_t refresh_in(it_measure_ctx *c)
{
    return refreshed(c, it_measure_get(c, "udp.timeout.replied"), true);
}

static int64_t declared_refresh_out(const it_nat_profile *p)
{
    return p->udp.refresh.out;
}

static int64_t declared_refresh_in(const it_nat_profile *p)
{
    return p->udp.refresh.inb;
}

/* --- what nobody asked for --- */

static int64_t unsolicited(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_NAT_UNSOL_DROP;
    it_addr x = it_xp(1, 40000), s = it_sp(1, 80);
    if (it_measure_bench(c, &b)) {
        it_probe_reach(&b, s, it_addr_of(it_probe_e(0), 40000), x);
        if (it_probe_icmp(&b, IT_SIDE_OUT)) /* poisoned: the port is no longer to be had towards that remote */
            v = it_probe_map(&b, x, s).port == 40000 ? IT_NAT_UNSOL_REJECT : IT_NAT_UNSOL_LOCAL;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_unsolicited(const it_nat_profile *p)
{
    return p->udp.unsolicited;
}

/* --- RFC 4787 section 6 --- */

static int64_t hairpin(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_NAT_HAIRPIN_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr x1 = it_xp(1, 5001), x2 = it_xp(2, 5002), s = it_sp(1, 80);
        it_addr e1 = it_probe_map(&b, x1, s), e2 = it_probe_map(&b, x2, s);
        it_probe_pkt there = {.proto = IT_PROTO_UDP, .src = x1, .dst = e2, .size = 8};
        it_probe_pkt back = {.proto = IT_PROTO_UDP, .src = x2, .dst = e1, .size = 8};
        it_probe_send(&b, IT_SIDE_IN, &there); /* both have sent, so that filters let the third one pass */
        it_probe_send(&b, IT_SIDE_IN, &back);
        const it_pkt *p = it_probe_send(&b, IT_SIDE_IN, &there) ? it_probe_out(&b, IT_SIDE_IN, 0) : NULL;
        if (p && it_addr_eq(it_addr_of(p->dst, p->dport), x2))
            v = it_addr_eq(it_addr_of(p->src, p->sport), x1) ? IT_NAT_HAIRPIN_INT : IT_NAT_HAIRPIN_EXT;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_hairpin(const it_nat_profile *p)
{
    return p->hairpin;
}

const it_measure_field it_measure_udp[] = {
    {"udp.mapping", "RFC 4787 section 4.1", IT_MEASURE_DEP, MAPPING, mapping, declared_mapping},
    {"udp.filtering", "RFC 4787 section 5", IT_MEASURE_DEP, FILTERING, filtering, declared_filtering},
    {"udp.timeout.initial", "RFC 4787 section 4.3", IT_MEASURE_TIME, NULL, initial, declared_initial},
    {"udp.timeout.replied", "RFC 4787 section 4.3", IT_MEASURE_TIME, NULL, replied, declared_replied},
    {"udp.timeout.stream", "RFC 4787 section 4.3", IT_MEASURE_TIME, NULL, measure_stream, declared_stream},
    {"udp.timeout.stream_after", "", IT_MEASURE_TIME, NULL, stream_after, declared_stream_after},
    {"udp.refresh.out", "RFC 4787 REQ-6", IT_MEASURE_BOOL, NULL, refresh_out, declared_refresh_out},
    {"udp.refresh.inb", "RFC 4787 REQ-6a", IT_MEASURE_BOOL, NULL, refresh_in, declared_refresh_in},
    {"udp.unsolicited", "", IT_MEASURE_ENUM, UNSOLICITED, unsolicited, declared_unsolicited},
    {"hairpin", "RFC 4787 section 6", IT_MEASURE_ENUM, HAIRPIN, hairpin, declared_hairpin},
    {0},
};
