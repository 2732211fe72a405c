/* RFC 4787 (BCP 127), section 12: UDP. */
#include "conformance/nat/req.h"

#include "base/cksum.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const EI_AD_APD[] = {"endpoint-independent", "address-dependent", "address-and-port-dependent"};

static enum it_req_verdict req1(it_measure_ctx *c, char *why)
{
    int64_t m = it_measure_get(c, "udp.mapping");
    return it_req_say(why, m == IT_NAT_EI, "%s mapping", EI_AD_APD[m]);
}

static enum it_req_verdict req2(it_measure_ctx *c, char *why)
{
    int64_t mode = it_measure_get(c, "pool.mode");
    if (mode == IT_MEASURE_NONE)
        return it_req_na(why, "one external address");
    return it_req_say(why, mode != IT_NAT_POOL_ARBITRARY,
                      mode == IT_NAT_POOL_ARBITRARY ? "one host on several addresses" : "a host keeps its address");
}

/* More flows at once than one address has ports: three hosts towards three remotes. Only where every flow has a
 * mapping. */
static bool more_than_ports(it_measure_ctx *c)
{
    it_probe b;
    int n = 0;
    if (it_measure_get(c, "udp.mapping") == IT_NAT_EI || c->p->pool.size > 1)
        return false;
    if (it_measure_bench(c, &b))
        for (int k = 1; k <= 3; k++)
            for (int port = 1, refused = 0; port <= 65535 && refused < 200;
                 port++) { /* a class of ports may end before the others */
                bool out = it_probe_map(&b, it_xp(k, (uint16_t)port), it_sp(k, 80)).port != 0;
                refused = out ? 0 : refused + 1;
                n += out;
            }
    it_req_end(c, &b);
    return n > 65535;
}

static enum it_req_verdict req3(it_measure_ctx *c, char *why)
{
    if (it_measure_get(c, "udp.overload") == 1)
        return it_req_say(why, false, "two hosts share an external port towards different remotes");
    bool shares = more_than_ports(c);
    return it_req_say(why, !shares,
                      shares ? "more flows at once than there are ports" : "no port serves two endpoints");
}

/* REQ-3a: system ports (below 1024) stay below, others above. */
static enum it_req_verdict req3a(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool low = false, high = false;
    if (it_measure_bench(c, &b)) {
        it_addr l = it_probe_map(&b, it_xp(1, 700), it_sp(1, 8000)),
                h = it_probe_map(&b, it_xp(1, 7000), it_sp(1, 8000));
        low = l.port != 0 && l.port < 1024;
        high = h.port >= 1024;
    }
    it_req_end(c, &b);
    return it_req_say(why, low && high, "700 %s below 1024, 7000 %s above", low ? "stays" : "does not stay",
                      high ? "stays" : "does not stay");
}

static enum it_req_verdict req4(it_measure_ctx *c, char *why)
{
    int64_t kept = it_measure_get(c, "udp.alloc.parity");
    if (kept == IT_MEASURE_NONE)
        return it_req_say(why, true, "ports are kept as they are");
    return it_req_say(why, kept == 1, kept ? "an even port stays even" : "parity is lost");
}

static it_time shortest(it_measure_ctx *c)
{
    static const char *const STAGES[] = {"udp.timeout.initial", "udp.timeout.replied", "udp.timeout.stream"};
    it_time least = IT_NEVER;
    for (int i = 0; i < 3; i++) {
        it_time t = it_measure_get(c, STAGES[i]);
        least = t < least ? t : least;
    }
    return least;
}

static enum it_req_verdict at_least(it_measure_ctx *c, char *why, it_time want)
{
    it_time t = shortest(c);
    return it_req_say(why, t >= want, "a mapping can end after %" PRId64 " s", t / IT_SEC);
}

static enum it_req_verdict req5(it_measure_ctx *c, char *why)
{
    return at_least(c, why, 120 * IT_SEC);
}

static enum it_req_verdict req5c(it_measure_ctx *c, char *why)
{
    return at_least(c, why, 300 * IT_SEC);
}

static enum it_req_verdict req6(it_measure_ctx *c, char *why)
{
    bool yes = it_measure_get(c, "udp.refresh.out") == 1;
    return it_req_say(why, yes, "outbound packets %s the mapping", yes ? "refresh" : "do not refresh");
}

/* REQ-7: an external address that conflicts with the inside is avoided or translated in spite of it. */
static enum it_req_verdict req7(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool refused = false, leaves = false;
    if (it_measure_bench(c, &b)) {
        it_ip ext[IT_NAT_ADDRS_MAX];
        uint32_t n = c->p->pool.size < 64 ? c->p->pool.size : 64;
        for (uint32_t i = 0; i < n; i++)
            ext[i] = it_ip4(0xc0a80180u + i); /* 192.168.1.128 ..., in the inside's own prefix */
        refused = it_probe_renumber(&b, ext, n) < 0;
        it_probe_pkt p = {
            .proto = IT_PROTO_UDP, .src = it_xp(1, 5000), .dst = it_addr_of(it_ip4(0xc0a801f0u), 8000), .size = 8};
        leaves = !refused && it_probe_send(&b, IT_SIDE_IN, &p) && it_probe_out(&b, IT_SIDE_OUT, 0);
    }
    it_req_end(c, &b);
    return it_req_say(why, refused || leaves,
                      refused  ? "a conflicting address is refused"
                      : leaves ? "translated in spite of the conflict"
                               : "the outside host of the same number is out of reach");
}

static enum it_req_verdict req8(it_measure_ctx *c, char *why)
{
    int64_t f = it_measure_get(c, "udp.filtering");
    return it_req_say(why, f != IT_NAT_APD, "%s filtering", EI_AD_APD[f]);
}

static enum it_req_verdict req9(it_measure_ctx *c, char *why)
{
    bool yes = it_measure_get(c, "hairpin") != IT_NAT_HAIRPIN_NONE;
    return it_req_say(why, yes, yes ? "neighbours meet at their external endpoints" : "nothing comes back inside");
}

static enum it_req_verdict req9a(it_measure_ctx *c, char *why)
{
    int64_t h = it_measure_get(c, "hairpin");
    if (h == IT_NAT_HAIRPIN_NONE)
        return it_req_na(why, "no hairpinning");
    return it_req_say(why, h == IT_NAT_HAIRPIN_EXT,
                      h == IT_NAT_HAIRPIN_EXT ? "the external source is shown" : "the internal source is shown");
}

/* REQ-10: no ALG changes a payload, be it of a protocol that an ALG may know, or an address alone (RFC 8489
 * section 14.2). */
static enum it_req_verdict req10(it_measure_ctx *c, char *why)
{
    static const char SIP[] = "INVITE sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11:5060\r\n\r\n";
    it_probe b;
    bool same = false;
    if (it_measure_bench(c, &b)) {
        it_probe_pkt p = {
            .proto = IT_PROTO_UDP, .src = it_xp(1, 5060), .dst = it_sp(1, 5060), .data = SIP, .size = sizeof SIP - 1};
        const it_pkt *out = it_probe_send(&b, IT_SIDE_IN, &p);
        same = out && it_bytes_eq(it_pkt_payload(out), it_bytes_of(SIP, sizeof SIP - 1));
    }
    it_req_end(c, &b);
    if (same && it_measure_get(c, "alg") == 1)
        return it_req_say(why, false, "an address in a payload is changed");
    return it_req_say(why, same, same ? "a SIP message and addresses pass unchanged" : "a SIP message is changed");
}

/* REQ-11: two hosts use the same port, towards different remotes and then towards the same one. Does the second host's
 * mapping behave as one without company does? */
static enum it_req_verdict req11(it_measure_ctx *c, char *why)
{
    it_probe b;
    int64_t alone = it_measure_get(c, "udp.mapping"), together = IT_MEASURE_NONE;
    it_addr e[3] = {{{0, 0}, 0}};
    if (it_measure_bench(c, &b)) {
        it_ip first = it_probe_map(&b, it_xp(1, 5000), it_sp(1, 8000)).ip;
        int h = 2; /* a host with the same external address, if there is one */
        while (h < 60 && !it_ip_eq(it_probe_map(&b, it_xp(h, 6000), it_sp(3, 80)).ip, first))
            h++;
        e[0] = it_probe_map(&b, it_xp(h, 5000), it_sp(2, 8000));
        e[1] = it_probe_map(&b, it_xp(h, 5000), it_sp(1, 8001));
        e[2] = it_probe_map(&b, it_xp(h, 5000), it_sp(1, 8000));
        together = it_addr_eq(e[0], e[2]) && it_addr_eq(e[0], e[1]) ? IT_NAT_EI
                   : it_addr_eq(e[1], e[2])                         ? IT_NAT_AD
                                                                    : IT_NAT_APD;
    }
    it_req_end(c, &b);
    return it_req_say(why, alone == together, "%s mapping%s%s%s", EI_AD_APD[alone],
                      alone == together ? ", alone or not" : ", but ", alone == together ? "" : EI_AD_APD[together],
                      alone == together ? "" : " when another host has the port");
}

static enum it_req_verdict req12(it_measure_ctx *c, char *why)
{
    bool dead = it_measure_get(c, "icmp.kills") == 1;
    return it_req_say(why, !dead,
                      dead ? "port unreachable ends the mapping" : "port unreachable leaves the mapping alone");
}

/* Whether an error of |type| and |code| from |from| about X1's datagram reaches X1. */
static bool error_passes(it_measure_ctx *c, it_ip from, uint8_t type, uint8_t code)
{
    it_probe b;
    it_addr src, dst, x = it_xp(1, 5000), s = it_sp(1, 8000);
    bool ok = false;
    if (it_measure_bench(c, &b)) {
        it_probe_map(&b, x, s);
        const it_pkt *out = it_probe_out(&b, IT_SIDE_OUT, 0);
        it_pkt about = out ? *out : (it_pkt){0};
        const it_pkt *in = out ? it_probe_error(&b, IT_SIDE_OUT, from, &about, type, code, 0) : NULL;
        ok = in && it_probe_inner(in, &src, &dst) && it_addr_eq(src, x) && it_addr_eq(dst, s);
    }
    it_req_end(c, &b);
    return ok;
}

static enum it_req_verdict req12a(it_measure_ctx *c, char *why)
{
    bool ok = error_passes(c, it_probe_s(77), 3, 1);
    return it_req_say(why, ok, "an error by a router on the way %s", ok ? "passes" : "is dropped");
}

static enum it_req_verdict req12b(it_measure_ctx *c, char *why)
{
    bool ok = error_passes(c, it_probe_s(1), 3, 3);
    return it_req_say(why, ok, "destination unreachable %s", ok ? "passes" : "is dropped");
}

/* --- REQ-13 and REQ-14: sizes and fragments --- */

/* Makes the wire outside carry packets of |mtu| bytes at most. */
static void narrow(it_probe *b, uint32_t mtu)
{
    int link = it_link_find(b->world, "out");
    it_link_dir_cfg d = *it_link_get(b->world, link, 1);
    d.mtu = mtu;
    if (it_link_set(b->world, b->now, link, 1, &d) < 0)
        b->err = IT_ERR_RANGE;
}

static enum it_req_verdict req13(it_measure_ctx *c, char *why)
{
    it_probe b;
    bool told = false;
    if (it_measure_bench(c, &b)) {
        it_probe_pkt p = {
            .proto = IT_PROTO_UDP, .src = it_xp(1, 5000), .dst = it_sp(1, 8000), .size = 1400, .df = true};
        narrow(&b, 1300);
        it_probe_send(&b, IT_SIDE_IN, &p);
        const it_pkt *e = it_probe_icmp(&b, IT_SIDE_IN);
        it_bytes raw = e ? it_pkt_bytes(e) : it_bytes_of(NULL, 0);
        told = e && raw.p[e->l4] == 3 && raw.p[e->l4 + 1] == 4 && it_get16(raw.p + e->l4 + 6) == 1300;
    }
    it_req_end(c, &b);
    return it_req_say(why, told, told ? "fragmentation needed, with the MTU" : "a packet too big vanishes");
}

static enum it_req_verdict req13a(it_measure_ctx *c, char *why)
{
    it_probe b;
    uint32_t n = 0, bytes = 0;
    bool order = true;
    if (it_measure_bench(c, &b)) {
        it_probe_pkt p = {.proto = IT_PROTO_UDP, .src = it_xp(1, 5000), .dst = it_sp(1, 8000), .size = 1000};
        const it_pkt *f;
        narrow(&b, 600);
        it_probe_send(&b, IT_SIDE_IN, &p);
        for (; (f = it_probe_out(&b, IT_SIDE_OUT, n)); n++) {
            it_bytes raw = it_pkt_bytes(f);
            order = order && (it_get16(raw.p + 6) & 0x1fff) * 8u == bytes;
            bytes += (uint32_t)(raw.n - (raw.p[0] & 15) * 4u);
        }
    }
    it_req_end(c, &b);
    return it_req_say(why, n > 1 && order && bytes == 1008, "%u packets of %u bytes%s", n, bytes,
                      n > 1 ? order ? ", in order" : ", out of order" : "");
}

#define PIECES 3

/* Cuts the IP packet |ip| of |n| bytes into PIECES fragments; their lengths in |len|. */
static void cut(const uint8_t *ip, size_t n, uint8_t out[PIECES][IT_PKT_MAX], size_t len[PIECES])
{
    size_t body = n - 20, each = (body / PIECES + 7) / 8 * 8;
    for (size_t i = 0; i < PIECES; i++) {
        size_t at = i * each, m = i == PIECES - 1 ? body - at : each;
        memcpy(out[i], ip, 20);
        memcpy(out[i] + 20, ip + 20 + at, m);
        len[i] = 20 + m;
        it_put16(out[i] + 2, (uint16_t)len[i]);
        it_put16(out[i] + 6, (uint16_t)((i < PIECES - 1 ? 0x2000 : 0) | at / 8));
        it_put16(out[i] + 10, 0);
        it_put16(out[i] + 10, it_sum_fold(it_sum_add(0, out[i], 20)));
    }
}

/* Sends |p| in fragments, in the order of |order|, into |side|; returns the transport bytes that came out of the other
 * side rightly addressed to |to|. */
static uint32_t in_pieces(it_probe *b, enum it_side side, const it_probe_pkt *p, const int order[PIECES], it_ip to)
{
    uint8_t ip[IT_PKT_MAX], piece[PIECES][IT_PKT_MAX];
    size_t len[PIECES];
    uint32_t bytes = 0;
    cut(ip, it_probe_build(b, p, ip), piece, len);
    for (int i = 0; i < PIECES; i++) {
        const it_pkt *out;
        it_probe_raw(b, side, it_bytes_of(piece[order[i]], len[order[i]]));
        for (uint32_t k = 0; (out = it_probe_out(b, side == IT_SIDE_IN ? IT_SIDE_OUT : IT_SIDE_IN, k)); k++)
            if (it_ip_eq(out->dst, to))
                bytes += (uint32_t)(out->len - (it_pkt_bytes(out).p[0] & 15) * 4u);
    }
    return bytes;
}

static enum it_req_verdict fragments(it_measure_ctx *c, char *why, const int order[PIECES], int flood)
{
    it_probe b;
    uint32_t out = 0, in = 0;
    if (it_measure_bench(c, &b)) {
        it_addr x = it_xp(1, 5000), s = it_sp(1, 8000), e = it_probe_map(&b, x, s);
        it_probe_pkt there = {.proto = IT_PROTO_UDP, .src = x, .dst = s, .size = 1200};
        it_probe_pkt back = {.proto = IT_PROTO_UDP, .src = s, .dst = e, .size = 1200};
        static const int LAST[PIECES] = {2, 2, 2};
        for (int i = 0; i < flood; i++) { /* last fragments of packets that never come */
            it_probe_pkt junk = {.proto = IT_PROTO_UDP, .src = it_sp(2 + i % 90, 9), .dst = e, .size = 1200};
            in_pieces(&b, IT_SIDE_OUT, &junk, LAST, x.ip);
        }
        out = in_pieces(&b, IT_SIDE_IN, &there, order, s.ip);
        in = in_pieces(&b, IT_SIDE_OUT, &back, order, x.ip);
    }
    it_req_end(c, &b);
    return it_req_say(why, out == 1208 && in == 1208, "%u of 1208 bytes got out, %u of 1208 in", out, in);
}

static enum it_req_verdict req14(it_measure_ctx *c, char *why)
{
    static const int BACKWARDS[PIECES] = {2, 1, 0}, FORWARDS[PIECES] = {0, 1, 2};
    enum it_req_verdict v = fragments(c, why, FORWARDS, 0);
    return v == IT_REQ_PASS ? fragments(c, why, BACKWARDS, 0) : v;
}

static enum it_req_verdict req14a(it_measure_ctx *c, char *why)
{
    static const int FORWARDS[PIECES] = {0, 1, 2};
    return fragments(c, why, FORWARDS, 5000);
}

const it_req it_req_udp[] = {
    {"RFC4787-REQ-1", "MUST", "mapping is endpoint-independent", req1},
    {"RFC4787-REQ-2", "RECOMMENDED", "pooling is paired", req2},
    {"RFC4787-REQ-3", "MUST NOT", "no external port serves two endpoints", req3},
    {"RFC4787-REQ-3a", "RECOMMENDED", "system ports stay below 1024, others above", req3a},
    {"RFC4787-REQ-4", "RECOMMENDED", "port parity is kept", req4},
    {"RFC4787-REQ-5", "MUST NOT", "no mapping ends before 2 minutes", req5},
    {"RFC4787-REQ-5c", "RECOMMENDED", "no mapping ends before 5 minutes", req5c},
    {"RFC4787-REQ-6", "MUST", "outbound packets refresh", req6},
    {"RFC4787-REQ-7", "MUST", "an outside that conflicts with the inside is avoided or translated", req7},
    {"RFC4787-REQ-8", "RECOMMENDED", "filtering is endpoint-independent or address-dependent", req8},
    {"RFC4787-REQ-9", "MUST", "hairpins", req9},
    {"RFC4787-REQ-9a", "MUST", "hairpin keeps external source", req9a},
    {"RFC4787-REQ-10", "SHOULD", "no ALG touches a payload", req10},
    {"RFC4787-REQ-11", "MUST", "behaves the same whatever other hosts do", req11},
    {"RFC4787-REQ-12", "MUST NOT", "no ICMP message ends a mapping", req12},
    {"RFC4787-REQ-12a", "SHOULD", "ICMP errors pass whoever sends them", req12a},
    {"RFC4787-REQ-12b", "RECOMMENDED", "destination unreachable passes", req12b},
    {"RFC4787-REQ-13", "MUST", "a packet too big with DF is answered with fragmentation needed", req13},
    {"RFC4787-REQ-13a", "MUST", "a packet too big without DF is fragmented, in order", req13a},
    {"RFC4787-REQ-14", "MUST", "fragments pass, in and out of order", req14},
    {"RFC4787-REQ-14a", "MUST", "a flood of fragments does not hurt those in order", req14a},
    {0},
};
