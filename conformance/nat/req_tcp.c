/* RFC 5382 (BCP 142), section 8, and what RFC 7857 adds for TCP. */
#include "conformance/nat/req.h"

#include <inttypes.h>

static it_addr x1(void)
{
    return it_xp(1, 5000);
}

static it_addr s1(void)
{
    return it_sp(1, 8000);
}

static const char *const EI_AD_APD[] = {"endpoint-independent", "address-dependent", "address-and-port-dependent"};

static enum it_req_verdict req1(it_measure_ctx *c, char *why)
{
    int64_t m = it_measure_get(c, "tcp.mapping");
    return it_req_say(why, m == IT_NAT_EI, "%s mapping", EI_AD_APD[m]);
}

static enum it_req_verdict req2(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool opens = false, closes = false;
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_tcp_open(&b, x1(), s1());
        opens = e.port != 0;
        closes = opens && it_probe_tcp_in(&b, s1(), e, IT_TCP_FIN | IT_TCP_ACK, x1()) &&
                 it_addr_eq(it_probe_tcp_out(&b, x1(), s1(), IT_TCP_ACK), e) &&
                 it_addr_eq(it_probe_tcp_out(&b, x1(), s1(), IT_TCP_FIN | IT_TCP_ACK), e) &&
                 it_probe_tcp_in(&b, s1(), e, IT_TCP_ACK, x1());
    }
    it_req_end(c, &b);
    return it_req_say(why, opens && closes, "a handshake %s, a close %s", opens ? "passes" : "does not pass",
                      closes ? "passes" : "does not pass");
}

/* REQ-2a: RFC 9293 section 3.5, figure 7; the outer SYN comes after ours. */
static enum it_req_verdict req2a(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool syn = false, ours = false, theirs = false;
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_tcp_out(&b, x1(), s1(), IT_TCP_SYN);
        syn = it_probe_tcp_in(&b, s1(), e, IT_TCP_SYN, x1());
        ours = it_addr_eq(it_probe_tcp_out(&b, x1(), s1(), IT_TCP_SYN | IT_TCP_ACK), e);
        theirs = it_probe_tcp_in(&b, s1(), e, IT_TCP_SYN | IT_TCP_ACK, x1());
    }
    it_req_end(c, &b);
    return it_req_say(why, syn && ours && theirs, "the other side's SYN %s, SYN-ACKs %s", syn ? "passes" : "is dropped",
                      ours && theirs ? "pass" : "do not");
}

static enum it_req_verdict req3(it_measure_ctx *c, char *why)
{
    int64_t f = it_measure_get(c, "tcp.filtering");
    return it_req_say(why, f != IT_NAT_APD, "%s filtering", EI_AD_APD[f]);
}

/* REQ-4: no answer to an unsolicited SYN for six seconds ... */
static enum it_req_verdict req4(it_measure_ctx *c, char *why)
{
    int64_t v = it_measure_get(c, "tcp.syn_in");
    return it_req_say(why, v == IT_NAT_SYN_DROP || v == IT_NAT_SYN_HOLD6, "%s",
                      v == IT_NAT_SYN_RST    ? "answered at once by a reset"
                      : v == IT_NAT_SYN_ICMP ? "answered at once by ICMP"
                      : v == IT_NAT_SYN_DROP ? "never answered"
                                             : "answered after 6 s by port unreachable");
}

/* ... and, when the inside's own SYN comes meanwhile, none at all: a simultaneous open. */
static enum it_req_verdict req4_open(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool quiet = false, open = false, same = false;
    if (it_measure_bench(c, &b)) {
        it_addr guess = it_addr_of(it_probe_e(0), 5000);
        it_probe_pkt syn = {.proto = IT_PROTO_TCP, .src = s1(), .dst = guess, .flags = IT_TCP_SYN, .seq = 2000};
        it_probe_send(&b, IT_SIDE_OUT, &syn);
        quiet = b.n_got == 0;
        it_probe_wait(&b, 2 * IT_SEC);
        it_addr e = it_probe_tcp_out(&b, x1(), s1(), IT_TCP_SYN);
        same = it_addr_eq(e, guess);
        it_probe_wait(&b, 10 * IT_SEC);
        quiet = quiet && b.n_got == 0;
        open = same && it_probe_tcp_in(&b, s1(), e, IT_TCP_SYN, x1());
    }
    it_req_end(c, &b);
    if (!same)
        return it_req_na(why, "no telling which port the inside's SYN will have");
    return it_req_say(why, quiet && open, "%s, the retransmitted SYN %s", quiet ? "no answer" : "answered",
                      open ? "meets the inside's" : "is dropped");
}

static enum it_req_verdict req5(it_measure_ctx *c, char *why)
{
    it_time t = it_measure_get(c, "tcp.timeout.est");
    return it_req_say(why, t >= 7440 * IT_SEC, "an established connection ends after %" PRId64 " s", t / IT_SEC);
}

static enum it_req_verdict req5_transitory(it_measure_ctx *c, char *why)
{
    it_time s = it_measure_get(c, "tcp.timeout.syn"), f = it_measure_get(c, "tcp.timeout.fin"),
            t = it_measure_get(c, "tcp.timeout.timewait");
    it_time least = s < f ? s : f;
    least = t < least ? t : least;
    return it_req_say(why, least >= 240 * IT_SEC, "a half-open or closing one ends after %" PRId64 " s",
                      least / IT_SEC);
}

static enum it_req_verdict req6(it_measure_ctx *c, char *why)
{
    static const char FTP[] = "PORT 192,168,1,11,19,136\r\n";
    it_probe b;
    bool same = false;
    if (it_measure_bench(c, &b)) {
        it_addr s = it_sp(1, 21);
        it_probe_tcp_open(&b, x1(), s);
        it_probe_pkt p = {.proto = IT_PROTO_TCP,
                          .src = x1(),
                          .dst = s,
                          .flags = IT_TCP_ACK | IT_TCP_PSH,
                          .seq = 1001,
                          .ack = 2001,
                          .data = FTP,
                          .size = sizeof FTP - 1};
        const it_pkt *out = it_probe_send(&b, IT_SIDE_IN, &p);
        it_bytes ip = out ? it_pkt_bytes(out) : it_bytes_of(NULL, 0);
        same = ip.n == 40 + sizeof FTP - 1 && memcmp(ip.p + 40, FTP, sizeof FTP - 1) == 0;
    }
    it_req_end(c, &b);
    return it_req_say(why, same, same ? "an FTP PORT command passes unchanged" : "an FTP PORT command is changed");
}

static enum it_req_verdict req7(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool shared = false;
    if (it_measure_bench(c, &b)) {
        it_addr first = it_probe_tcp_out(&b, x1(), s1(), IT_TCP_SYN);
        for (int h = 2; h < 40 && !shared; h++)
            shared = it_addr_eq(it_probe_tcp_out(&b, it_xp(h, 5000), it_sp(h, 8000), IT_TCP_SYN), first);
    }
    it_req_end(c, &b);
    return it_req_say(why, !shared,
                      shared ? "two hosts share an external port towards different remotes"
                             : "no port serves two hosts");
}

static enum it_req_verdict hairpin(it_measure_ctx *c, char *why, bool source)
{
    it_probe b;
    bool arrives = false, external = false;
    it_addr x2 = it_xp(2, 6000);
    if (it_measure_bench(c, &b)) {
        it_addr e2 = it_probe_tcp_open(&b, x2, s1()), e1 = it_probe_tcp_open(&b, x1(), s1());
        it_probe_pkt back = {.proto = IT_PROTO_TCP, .src = x2, .dst = e1, .flags = IT_TCP_SYN, .seq = 3000};
        it_probe_pkt syn = {.proto = IT_PROTO_TCP, .src = x1(), .dst = e2, .flags = IT_TCP_SYN, .seq = 1000};
        it_probe_send(&b, IT_SIDE_IN, &back); /* opens filters that want it */
        it_probe_send(&b, IT_SIDE_IN, &syn);
        const it_pkt *in = it_probe_out(&b, IT_SIDE_IN, 0);
        arrives = in && in->proto == IT_PROTO_TCP && it_addr_eq(it_addr_of(in->dst, in->dport), x2);
        external = arrives && !it_ip_eq(in->src, x1().ip);
    }
    it_req_end(c, &b);
    if (!source)
        return it_req_say(why, arrives,
                          arrives ? "neighbours meet at their external endpoints" : "nothing comes back inside");
    if (!arrives)
        return it_req_na(why, "no hairpinning");
    return it_req_say(why, external, external ? "the external source is shown" : "the internal source is shown");
}

static enum it_req_verdict req8(it_measure_ctx *c, char *why)
{
    return hairpin(c, why, false);
}

static enum it_req_verdict req8a(it_measure_ctx *c, char *why)
{
    return hairpin(c, why, true);
}

/* An error about an established connection: |*passed| and |*alive| afterwards. */
static void refused(it_measure_ctx *c, bool *passed, bool *alive)
{
    it_probe b;
    it_addr src, dst;
    *passed = *alive = false;
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_tcp_open(&b, x1(), s1());
        const it_pkt *out = it_probe_out(&b, IT_SIDE_OUT, 0);
        it_pkt about = out ? *out : (it_pkt){0};
        const it_pkt *in = out ? it_probe_error(&b, IT_SIDE_OUT, it_probe_s(50), &about, 3, 1, 0) : NULL;
        *passed = in && it_probe_inner(in, &src, &dst) && it_addr_eq(src, x1()) && it_addr_eq(dst, s1());
        *alive = it_probe_tcp_in(&b, s1(), e, IT_TCP_ACK, x1());
    }
    it_req_end(c, &b);
}

static enum it_req_verdict req9(it_measure_ctx *c, char *why)
{
    bool passed, alive;
    refused(c, &passed, &alive);
    return it_req_say(why, passed, "destination unreachable %s", passed ? "passes, translated" : "is lost");
}

static enum it_req_verdict req10(it_measure_ctx *c, char *why)
{
    bool passed, alive;
    refused(c, &passed, &alive);
    return it_req_say(why, alive, "destination unreachable %s the connection", alive ? "does not end" : "ends");
}

/* --- RFC 7857 --- */

static enum it_req_verdict rst(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool passed = false;
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_tcp_open(&b, x1(), s1());
        it_probe_pkt p = {.proto = IT_PROTO_TCP, .src = s1(), .dst = e, .flags = IT_TCP_RST, .seq = 2001};
        it_probe_send(&b, IT_SIDE_OUT, &p);
        passed = it_probe_out(&b, IT_SIDE_IN, 0) != NULL;
    }
    it_req_end(c, &b);
    return it_req_say(why, passed, "a reset of the connection %s", passed ? "passes" : "is dropped");
}

static enum it_req_verdict rst_kept(it_measure_ctx *c, char *why)
{
    it_time t = it_measure_get(c, "tcp.timeout.close");
    return it_req_say(why, t >= 240 * IT_SEC, "a session lives %" PRId64 " s after a reset", t / IT_SEC);
}

static enum it_req_verdict rst_forged(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool lives = false;
    it_time t = it_measure_get(c, "tcp.timeout.close");
    if (it_measure_bench(c, &b)) {
        it_addr e = it_probe_tcp_open(&b, x1(), s1());
        it_probe_pkt p = {.proto = IT_PROTO_TCP, .src = s1(), .dst = e, .flags = IT_TCP_RST, .seq = 0x7f000000};
        it_probe_send(&b, IT_SIDE_OUT, &p);
        it_probe_wait(&b, t);
        lives = it_probe_tcp_in(&b, s1(), e, IT_TCP_ACK, x1());
    }
    it_req_end(c, &b);
    if (it_measure_get(c, "tcp.timeout.est") <= t)
        return it_req_na(why, "an idle connection ends as soon as a reset one");
    return it_req_say(why, lives, "a reset with a number far off %s", lives ? "changes nothing" : "ends the session");
}

const it_req it_req_tcp[] = {
    {"RFC5382-REQ-1", "MUST", "mapping is endpoint-independent", req1},
    {"RFC5382-REQ-2", "MUST", "handshake and close pass", req2},
    {"RFC5382-REQ-2a", "MUST", "a simultaneous open passes", req2a},
    {"RFC5382-REQ-3", "RECOMMENDED", "filtering is endpoint-independent or address-dependent", req3},
    {"RFC5382-REQ-4", "MUST NOT", "an unsolicited SYN gets no answer for 6 s", req4},
    {"RFC5382-REQ-4-open", "MUST", "a SYN from inside within that time makes it a simultaneous open", req4_open},
    {"RFC5382-REQ-5", "MUST NOT", "no established connection ends before 2 h 4 min", req5},
    {"RFC5382-REQ-5-trans", "MUST NOT", "no half-open or closing connection ends before 4 min", req5_transitory},
    {"RFC5382-REQ-6", "RECOMMENDED", "no ALG touches a payload", req6},
    {"RFC5382-REQ-7", "MUST NOT", "no external port serves two endpoints", req7},
    {"RFC5382-REQ-8", "MUST", "hairpins", req8},
    {"RFC5382-REQ-8a", "MUST", "hairpin keeps external source", req8a},
    {"RFC5382-REQ-9", "SHOULD", "destination unreachable is translated", req9},
    {"RFC5382-REQ-10", "MUST NOT", "no ICMP message ends a connection", req10},
    {"RFC7857-2.2", "MUST", "a reset passes", rst},
    {"RFC7857-2.2-kept", "SHOULD", "the session is kept for 4 min after a reset", rst_kept},
    {"RFC7857-2.2-forged", "MUST", "a reset that is not of the connection does not end it", rst_forged},
    {0},
};
