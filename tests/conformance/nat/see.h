/* What a bench sees of the keys that say how a box treats packets out of the ordinary; each begins with a box of its
 * own. For test_keys.c. */
#ifndef IT_TESTS_CONFORMANCE_NAT_SEE_H
#define IT_TESTS_CONFORMANCE_NAT_SEE_H

#include "base/cksum.h"
#include "conformance/nat/measure.h"

#include <string.h>

/* X1's datagram to S1 as bytes in |ip|; returns how many. */
static size_t see_bytes(it_probe *b, uint8_t ip[IT_PKT_MAX], it_ip to)
{
    it_probe_pkt q = {.proto = IT_PROTO_UDP, .src = it_xp(1, 5000), .dst = it_addr_of(to, 80), .size = 64};
    return it_probe_build(b, &q, ip);
}

static void see_seal(uint8_t *ip)
{
    it_put16(ip + 10, 0);
    it_put16(ip + 10, it_sum_fold(it_sum_add(0, ip, 20)));
}

/* How many of 1,000 flows of one host find one of 1,000 ports. */
static int64_t see_tries(it_probe *b)
{
    int64_t n = 0;
    for (uint16_t i = 0; i < 1000; i++)
        n += it_probe_map(b, it_xp(1, (uint16_t)(5000 + i)), it_sp(1, 80)).port != 0;
    return n;
}

/* Whether a session of 30 s lives after 40 s in which a packet came to an end in the box. */
static int64_t see_dropped(it_probe *b)
{
    uint8_t ip[IT_PKT_MAX];
    it_addr e = it_probe_map(b, it_xp(1, 5000), it_sp(1, 80));
    size_t n = see_bytes(b, ip, it_probe_s(1));
    it_probe_wait(b, 20 * IT_SEC);
    ip[8] = 1;
    see_seal(ip);
    (void)it_probe_raw(b, IT_SIDE_IN, it_bytes_of(ip, n));
    it_probe_wait(b, 20 * IT_SEC);
    return it_probe_reach(b, it_sp(1, 80), e, it_xp(1, 5000));
}

/* Whether an error about a mapping comes in, of which no session is with that host; 2: one with a wrong checksum inside
 * about what there is. */
static int64_t see_error(it_probe *b, bool other, bool wrong)
{
    uint8_t ip[IT_PKT_MAX];
    it_addr e = it_probe_map(b, it_xp(1, 5000), it_sp(1, 80));
    it_probe_pkt q = {.proto = IT_PROTO_UDP, .src = e, .dst = it_sp(other ? 2 : 1, 80), .size = 8};
    it_pkt about = {.head = IT_PKT_HEADROOM}, error = {.head = IT_PKT_HEADROOM};
    if (it_pkt_parse(&about, it_bytes_of(ip, it_probe_build(b, &q, ip))) < 0 ||
        it_pkt_icmp_error(&error, q.dst.ip, &about, 3, 3, 0) < 0)
        return -1;
    uint8_t *t = it_pkt_l4(&error);
    t[8 + 10] ^= wrong ? 0x11 : 0;
    it_put16(t + 2, 0);
    it_put16(t + 2, it_sum_fold(it_sum_add(0, t, (size_t)(error.len - error.l4))));
    return it_probe_raw(b, IT_SIDE_OUT, it_pkt_bytes(&error)) != NULL;
}

static int64_t see_error_of_other(it_probe *b)
{
    return see_error(b, true, false);
}
static int64_t see_error_wrong_inside(it_probe *b)
{
    return see_error(b, false, true);
}

/* Puts in one half of a datagram of X1 under |id|; how many fragments come out. */
static int64_t see_half(it_probe *b, uint16_t id, bool last)
{
    uint8_t ip[IT_PKT_MAX];
    it_pkt whole = {.head = IT_PKT_HEADROOM}, part = {.head = IT_PKT_HEADROOM};
    int64_t n = 0;
    size_t len = see_bytes(b, ip, it_probe_s(1));
    it_put16(ip + 4, id);
    ip[6] = 0;
    see_seal(ip);
    if (it_pkt_parse(&whole, it_bytes_of(ip, len)) < 0 || it_pkt_fragment(&part, &whole, last ? 40 : 0, 64) < 0)
        return -1;
    (void)it_probe_raw(b, IT_SIDE_IN, it_pkt_bytes(&part));
    while (it_probe_out(b, IT_SIDE_OUT, (uint32_t)n))
        n++;
    return n;
}

/* What comes out when the second half comes 20 s after the first. */
static int64_t see_reassembly(it_probe *b)
{
    int64_t first = see_half(b, 1, false);
    it_probe_wait(b, 20 * IT_SEC);
    return 10 * first + see_half(b, 1, true);
}

/* The same at once, while the first halves of eight others wait. */
static int64_t see_memory(it_probe *b)
{
    for (uint16_t i = 0; i < 8; i++)
        (void)see_half(b, (uint16_t)(100 + i), false);
    (void)see_half(b, 1, false);
    return see_half(b, 1, true);
}

static int64_t see_wrong_sum(it_probe *b)
{
    it_probe_pkt q = {
        .proto = IT_PROTO_UDP, .src = it_xp(1, 5000), .dst = it_sp(1, 80), .size = 8, .bad_checksum = true};
    return it_probe_send(b, IT_SIDE_IN, &q) != NULL;
}

static int64_t see_reserved(it_probe *b)
{
    uint8_t ip[IT_PKT_MAX];
    size_t n = see_bytes(b, ip, it_ip4(0xf0000001));
    return it_probe_raw(b, IT_SIDE_IN, it_bytes_of(ip, n)) != NULL;
}

/* A packet of |proto| from |from| to |to|: whether it gets through. */
static bool see_through(it_probe *b, enum it_side side, uint8_t proto, it_ip from, it_ip to)
{
    uint8_t ip[40] = {0x45, [3] = 40, [8] = 64};
    ip[9] = proto;
    it_put32(ip + 12, it_ip_v4(from));
    it_put32(ip + 16, it_ip_v4(to));
    see_seal(ip);
    return it_probe_raw(b, side, it_bytes_of(ip, sizeof ip)) != NULL;
}

/* Whether a flow of |proto| goes out, and what comes back after 20 s, after 100 s and after 250 s more comes in. */
static int64_t see_protocol(it_probe *b, uint8_t proto)
{
    int64_t v = see_through(b, IT_SIDE_IN, proto, it_probe_x(1), it_probe_s(1));
    static const it_time WAITS[] = {20 * IT_SEC, 100 * IT_SEC, 250 * IT_SEC};
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++) {
        it_probe_wait(b, WAITS[i]);
        v = 2 * v + see_through(b, IT_SIDE_OUT, proto, it_probe_s(1), it_probe_e(0));
    }
    return v;
}
static int64_t see_esp(it_probe *b)
{
    return see_protocol(b, 50);
}
static int64_t see_gre(it_probe *b)
{
    return see_protocol(b, IT_PROTO_GRE);
}

/* Whether a host hears that there is no room for its second flow. */
static int64_t see_refusal(it_probe *b)
{
    (void)it_probe_map(b, it_xp(1, 5000), it_sp(1, 80));
    (void)it_probe_map(b, it_xp(1, 5001), it_sp(1, 80));
    return it_probe_icmp(b, IT_SIDE_IN) != NULL;
}

#endif
