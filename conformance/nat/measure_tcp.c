/* TCP, in the terms of RFC 5382 and RFC 7857. Segments here are bare: the box sees flags, numbers that fit and no
 * options. */
#include "conformance/nat/measure.h"

static const char *const MAPPING[] = {"M"}, *const FILTERING[] = {"F"};
static const char *const SYN_IN[] = {"drop", "rst", "icmp", "hold6"};

static const uint16_t XPORT = 5000, SPORT = 8000;

static it_addr x1(void)
{
    return it_xp(1, XPORT);
}

static it_addr s1(void)
{
    return it_sp(1, SPORT);
}

static int64_t mapping(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr first = it_probe_tcp_out(&b, x1(), s1(), IT_TCP_SYN),
                port = it_probe_tcp_out(&b, x1(), it_sp(1, 8001), IT_TCP_SYN),
                host = it_probe_tcp_out(&b, x1(), it_sp(2, SPORT), IT_TCP_SYN);
        v = it_addr_eq(first, host) ? IT_NAT_EI : it_addr_eq(first, port) ? IT_NAT_AD : IT_NAT_APD;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_mapping(const it_nat_profile *p)
{
    return p->tcp.mapping;
}

static int64_t filtering(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_tcp_open(&b, x1(), s1());
        bool port = it_probe_tcp_in(&b, it_sp(1, 8001), e, IT_TCP_SYN, x1()),
             host = it_probe_tcp_in(&b, it_sp(2, SPORT), e, IT_TCP_SYN, x1());
        v = host ? IT_NAT_EI : port ? IT_NAT_AD : IT_NAT_APD;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_filtering(const it_nat_profile *p)
{
    return p->tcp.filtering;
}

/* --- RFC 5382 REQ-4 --- */

static int64_t syn_in(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    it_probe_pkt syn = {
        .proto = IT_PROTO_TCP, .src = s1(), .dst = it_addr_of(it_probe_e(0), 40000), .flags = IT_TCP_SYN, .seq = 1};
    if (it_measure_bench(c, &b)) {
        it_probe_send(&b, IT_SIDE_OUT, &syn);
        const it_pkt *p = it_probe_out(&b, IT_SIDE_OUT, 0);
        v = !p ? IT_NAT_SYN_DROP : p->proto == IT_PROTO_TCP ? IT_NAT_SYN_RST : IT_NAT_SYN_ICMP;
        if (!p) { /* late answers: silent until six seconds are over */
            it_probe_wait(&b, 6 * IT_SEC - 1);
            bool early = b.n_got > 0;
            it_probe_wait(&b, 1);
            if (!early && it_probe_icmp(&b, IT_SIDE_OUT))
                v = IT_NAT_SYN_HOLD6;
        }
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_syn_in(const it_nat_profile *p)
{
    return p->tcp.syn_in;
}

/* --- timers --- */

static bool alive_syn(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_out(b, x1(), s1(), IT_TCP_SYN);
    (void)arg;
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_SYN | IT_TCP_ACK, x1());
}

static bool alive_est(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    (void)arg;
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_ACK, x1());
}

/* The inside has finished, the outside goes on. */
static bool alive_fin(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    (void)arg;
    it_probe_tcp_out(b, x1(), s1(), IT_TCP_FIN | IT_TCP_ACK);
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_ACK, x1());
}

static bool alive_timewait(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    (void)arg;
    it_probe_tcp_out(b, x1(), s1(), IT_TCP_FIN | IT_TCP_ACK);
    it_probe_tcp_in(b, s1(), e, IT_TCP_FIN | IT_TCP_ACK, x1());
    it_probe_tcp_out(b, x1(), s1(), IT_TCP_ACK);
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_FIN | IT_TCP_ACK, x1());
}

/* --- what strict boxes tell apart; elsewhere the timers above run on --- */

/* The SYN is answered, the answer is not acknowledged. */
static bool alive_syn_recv(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_out(b, x1(), s1(), IT_TCP_SYN);
    (void)arg;
    it_probe_tcp_in(b, s1(), e, IT_TCP_SYN | IT_TCP_ACK, x1());
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_SYN | IT_TCP_ACK, x1());
}

/* The inside has finished, the outside has acknowledged that. */
static bool alive_close_wait(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    (void)arg;
    it_probe_tcp_out(b, x1(), s1(), IT_TCP_FIN | IT_TCP_ACK);
    it_probe_tcp_in(b, s1(), e, IT_TCP_ACK, x1());
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_ACK, x1());
}

/* Both have finished, the second FIN is not acknowledged. */
static bool alive_last_ack(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    (void)arg;
    it_probe_tcp_out(b, x1(), s1(), IT_TCP_FIN | IT_TCP_ACK);
    it_probe_tcp_in(b, s1(), e, IT_TCP_FIN | IT_TCP_ACK, x1());
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_FIN | IT_TCP_ACK, x1());
}

/* The outside has sent what the inside does not acknowledge. */
static bool alive_unacked(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    it_probe_pkt data = {
        .proto = IT_PROTO_TCP, .src = s1(), .dst = e, .flags = IT_TCP_ACK, .seq = 2001, .ack = 1001, .size = 10};
    (void)arg;
    it_probe_send(b, IT_SIDE_OUT, &data);
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_ACK, x1());
}

/* The outside has reset; RFC 7857 section 2.2. The probe is a packet from outside that is no reset. */
static bool alive_close(it_probe *b, it_time t, it_time arg)
{
    it_addr e = it_probe_tcp_open(b, x1(), s1());
    it_probe_pkt rst = {
        .proto = IT_PROTO_TCP, .src = s1(), .dst = e, .flags = IT_TCP_RST | IT_TCP_ACK, .seq = 2001, .ack = 1001};
    (void)arg;
    it_probe_send(b, IT_SIDE_OUT, &rst);
    it_probe_wait(b, t);
    return it_probe_tcp_in(b, s1(), e, IT_TCP_ACK, x1());
}

static int64_t syn(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_syn, 0, IT_MEASURE_MOST);
}

static int64_t est(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_est, 0, IT_MEASURE_MOST);
}

static int64_t fin(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_fin, 0, IT_MEASURE_MOST);
}

static int64_t timewait(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_timewait, 0, IT_MEASURE_MOST);
}

static int64_t close_(it_measure_ctx *c)
{
    return it_measure_edge(c, alive_close, 0, IT_MEASURE_MOST);
}

static int64_t strict_alone(it_measure_ctx *c, bool (*alive)(it_probe *b, it_time t, it_time arg))
{
    return c->p->tcp.strict ? it_measure_edge(c, alive, 0, IT_MEASURE_MOST) : IT_MEASURE_NONE;
}

static int64_t syn_recv(it_measure_ctx *c)
{
    return strict_alone(c, alive_syn_recv);
}

static int64_t close_wait(it_measure_ctx *c)
{
    return strict_alone(c, alive_close_wait);
}

static int64_t last_ack(it_measure_ctx *c)
{
    return strict_alone(c, alive_last_ack);
}

static int64_t unacked(it_measure_ctx *c)
{
    return strict_alone(c, alive_unacked);
}

#define DECLARED(name)                                                                                                 \
    static int64_t declared_##name(const it_nat_profile *p)                                                            \
    {                                                                                                                  \
        return p->tcp.timeout.name;                                                                                    \
    }
DECLARED(syn)
DECLARED(fin)
DECLARED(close)
DECLARED(timewait)

#define DECLARED_STRICT(name)                                                                                          \
    static int64_t declared_##name(const it_nat_profile *p)                                                            \
    {                                                                                                                  \
        return p->tcp.strict ? p->tcp.timeout.name : IT_MEASURE_NONE;                                                  \
    }
DECLARED_STRICT(syn_recv)
DECLARED_STRICT(close_wait)
DECLARED_STRICT(last_ack)
DECLARED_STRICT(unacked)

/* RFC 6146 section 3.5.2.2: a NAT64 probes then and waits for TCP_TRANS. */
static int64_t declared_est(const it_nat_profile *p)
{
    return p->tcp.timeout.est + (p->family == 64 ? p->tcp.timeout.close : 0);
}

/* --- a segment from before a loss of state --- */

enum { LOST_DROP, LOST_PASS, LOST_RST };
static const char *const LOST[] = {"drop", "pass", "rst"};

static int64_t connection_lost(it_measure_ctx *c)
{
    it_probe b;
    int64_t v = IT_MEASURE_NONE;
    it_probe_pkt data = {
        .proto = IT_PROTO_TCP, .src = x1(), .dst = s1(), .flags = IT_TCP_ACK, .seq = 1001, .ack = 2001, .size = 10};
    if (it_measure_bench(c, &b)) {
        it_probe_send(&b, IT_SIDE_IN, &data);
        const it_pkt *in = it_probe_out(&b, IT_SIDE_IN, 0), *out = it_probe_out(&b, IT_SIDE_OUT, 0);
        v = out ? LOST_PASS : in && in->proto == IT_PROTO_TCP ? LOST_RST : LOST_DROP;
    }
    it_probe_fini(&b);
    return v;
}

static int64_t declared_lost(const it_nat_profile *p)
{
    return p->tcp.loose ? LOST_PASS : p->tcp.rst_on_expired ? LOST_RST : LOST_DROP;
}

const it_measure_field it_measure_tcp[] = {
    {"tcp.mapping", "RFC 5382 REQ-1", IT_MEASURE_DEP, MAPPING, mapping, declared_mapping},
    {"tcp.filtering", "RFC 5382 REQ-3", IT_MEASURE_DEP, FILTERING, filtering, declared_filtering},
    {"tcp.syn_in", "RFC 5382 REQ-4", IT_MEASURE_ENUM, SYN_IN, syn_in, declared_syn_in},
    {"tcp.timeout.syn", "RFC 5382 REQ-5", IT_MEASURE_TIME, NULL, syn, declared_syn},
    {"tcp.timeout.est", "RFC 5382 REQ-5", IT_MEASURE_TIME, NULL, est, declared_est},
    {"tcp.timeout.fin", "RFC 5382 REQ-5", IT_MEASURE_TIME, NULL, fin, declared_fin},
    {"tcp.timeout.close", "RFC 7857 section 2.2", IT_MEASURE_TIME, NULL, close_, declared_close},
    {"tcp.timeout.timewait", "RFC 7857 section 2", IT_MEASURE_TIME, NULL, timewait, declared_timewait},
    {"tcp.timeout.syn_recv", "", IT_MEASURE_TIME, NULL, syn_recv, declared_syn_recv},
    {"tcp.timeout.close_wait", "", IT_MEASURE_TIME, NULL, close_wait, declared_close_wait},
    {"tcp.timeout.last_ack", "", IT_MEASURE_TIME, NULL, last_ack, declared_last_ack},
    {"tcp.timeout.unacked", "", IT_MEASURE_TIME, NULL, unacked, declared_unacked},
    {"tcp.without-state", "", IT_MEASURE_ENUM, LOST, connection_lost, declared_lost},
    {0},
};
