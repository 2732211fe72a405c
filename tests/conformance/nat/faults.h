/* Faults that a box may have and no profile describes, for the tests that ask whether a judge says FAIL. */
#ifndef IT_TESTS_CONFORMANCE_NAT_FAULTS_H
#define IT_TESTS_CONFORMANCE_NAT_FAULTS_H

#include "base/cksum.h"
#include "conformance/nat/probe.h"

#include <string.h>

static inline bool fault_is_error(const uint8_t *ip, size_t n)
{
    return n >= 56 && ip[9] == IT_PROTO_ICMP && (ip[20] == 3 || ip[20] == 11 || ip[20] == 12);
}

static inline void fault_seal(uint8_t *ip, size_t n)
{
    it_put16(ip + 22, 0);
    it_put16(ip + 22, it_sum_fold(it_sum_add(0, ip + 20, n - 20)));
}

/* --- what goes in --- */

static inline bool fault_no_echo(enum it_side side, uint8_t *ip, size_t n)
{
    (void)side;
    return n < 21 || ip[9] != IT_PROTO_ICMP || ip[20] != 8;
}

static inline bool fault_blind_to_sums(enum it_side side, uint8_t *ip, size_t n)
{
    (void)side;
    if (fault_is_error(ip, n))
        fault_seal(ip, n);
    return true;
}

static inline bool fault_no_options_inside(enum it_side side, uint8_t *ip, size_t n)
{
    (void)side;
    return !fault_is_error(ip, n) || (ip[28] & 15) == 5;
}

/* Checks the UDP checksum of the packet inside an error. */
static inline bool fault_checks_inside(enum it_side side, uint8_t *ip, size_t n)
{
    (void)side;
    size_t len = n >= 56 ? it_get16(ip + 28 + 2) : 0;
    if (!fault_is_error(ip, n) || ip[28 + 9] != IT_PROTO_UDP || (ip[28] & 15) != 5 || 28 + len > n || len < 28)
        return true;
    uint64_t sum = IT_PROTO_UDP + (len - 20) + it_sum_two(ip + 28 + 12);
    return it_sum_fold(it_sum_add(sum, ip + 48, len - 20)) == 0;
}

/* Takes an error about an odd port for one about the even port below. */
static inline bool fault_near_enough(enum it_side side, uint8_t *ip, size_t n)
{
    if (fault_is_error(ip, n) && side == IT_SIDE_OUT) {
        it_put16(ip + 48, it_get16(ip + 48) & 0xfffe);
        fault_seal(ip, n);
    }
    return true;
}

static inline bool fault_code0(enum it_side side, uint8_t *ip, size_t n)
{
    (void)side;
    if (fault_is_error(ip, n)) {
        ip[21] = 0;
        fault_seal(ip, n);
    }
    return true;
}

static inline bool fault_no_reset_in(enum it_side side, uint8_t *ip, size_t n)
{
    return side == IT_SIDE_IN || n < 40 || ip[9] != IT_PROTO_TCP || !(ip[33] & IT_TCP_RST);
}

/* A tracker that compares no numbers: every reset is where the next byte is expected. */
static inline bool fault_any_reset(enum it_side side, uint8_t *ip, size_t n)
{
    if (side == IT_SIDE_IN || n < 40 || ip[9] != IT_PROTO_TCP || !(ip[33] & IT_TCP_RST))
        return true;
    uint32_t was = it_get32(ip + 24), next = 2001; /* of it_probe_tcp_open */
    uint16_t ck = it_cksum_fix16(it_get16(ip + 36), (uint16_t)(was >> 16), (uint16_t)(next >> 16));
    it_put16(ip + 36, it_cksum_fix16(ck, (uint16_t)was, (uint16_t)next));
    it_put32(ip + 24, next);
    return true;
}

#define FAULT_MARK 0xb8 /* a type of service that no judge sends */

/* A box that counts what its filter drops as life of the mapping: a stranger's datagram is one of the remote that the
 * mapping was made for, up to where it would come out. */
static inline bool fault_filters_late(enum it_side side, uint8_t *ip, size_t n)
{
    bool stranger = side == IT_SIDE_OUT && n >= 28 && ip[9] == IT_PROTO_UDP && it_get16(ip + 20) == 9;
    if (!stranger)
        return true;
    it_put32(ip + 12, (uint32_t)it_probe_s(1).lo);
    it_put16(ip + 20, 8000);
    it_put16(ip + 26, 0);
    ip[1] = FAULT_MARK;
    it_put16(ip + 10, 0);
    it_put16(ip + 10, it_sum_fold(it_sum_add(0, ip, 20)));
    return true;
}

static inline bool fault_drops_marked(enum it_side side, it_pkt *p)
{
    return side == IT_SIDE_OUT || it_pkt_ip(p)[1] != FAULT_MARK;
}

/* A NAT64 that does not look where a packet comes from: one of Pref64 is one of the first host's. */
static inline bool fault_trusts_sources(enum it_side side, uint8_t *ip, size_t n)
{
    if (side == IT_SIDE_OUT || n < 48 || ip[0] >> 4 != 6 || ip[6] != IT_PROTO_UDP)
        return true;
    static const uint8_t X1[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 11};
    for (size_t i = 0; i < sizeof X1; i += 2)
        it_put16(ip + 46, it_cksum_fix16(it_get16(ip + 46), it_get16(ip + 8 + i), it_get16(X1 + i)));
    memcpy(ip + 8, X1, sizeof X1);
    return true;
}

static inline bool fault_no_syn_in(enum it_side side, uint8_t *ip, size_t n)
{
    return side == IT_SIDE_IN || n < 40 || ip[9] != IT_PROTO_TCP || (ip[33] & 0x12) != IT_TCP_SYN;
}

/* --- what comes out --- */

static inline bool fault_silent(enum it_side side, it_pkt *p)
{
    (void)side;
    return !it_pkt_is_icmp_error(p);
}

static inline bool fault_cuts_nothing(enum it_side side, it_pkt *p)
{
    (void)side;
    return p->frag == 0;
}

/* Takes the external address by the port. */
static inline bool fault_address_by_port(enum it_side side, it_pkt *p)
{
    if (side == IT_SIDE_OUT && p->proto == IT_PROTO_UDP)
        it_pkt_set_src(p, it_probe_e(p->sport & 1), p->sport);
    return true;
}

/* Changes a byte of the payload. */
static inline bool fault_scrambles(enum it_side side, it_pkt *p)
{
    if (side == IT_SIDE_OUT && p->proto == IT_PROTO_TCP && p->len > p->l4 + 20)
        p->buf[p->head + p->l4 + 20 + 5] ^= 1;
    return true;
}

static inline bool fault_drops_all(enum it_side side, it_pkt *p)
{
    (void)side;
    (void)p;
    return false;
}

#endif
