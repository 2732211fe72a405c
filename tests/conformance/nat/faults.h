/* Faults that a box may have and no profile describes, for the tests that ask whether a judge says FAIL. */
#ifndef IT_TESTS_CONFORMANCE_NAT_FAULTS_H
#define IT_TESTS_CONFORMANCE_NAT_FAULTS_H

#include "conformance/nat/probe.h"

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

/* Every reset is where the next byte is expected: nothing is compared. */
static inline bool fault_no_syn_in(enum it_side side, uint8_t *ip, size_t n)
{
    return side == IT_SIDE_IN || n < 40 || ip[9] != IT_PROTO_TCP || (ip[33] & 0x12) != IT_TCP_SYN;
}

static inline bool fault_no_fragments(enum it_side side, uint8_t *ip, size_t n)
{
    (void)side;
    return n < 20 || !(it_get16(ip + 6) & 0x3fff);
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

/* Replaces the external address in payloads. */
static inline bool fault_scrambles(enum it_side side, it_pkt *p)
{
    if (side == IT_SIDE_OUT && p->proto == IT_PROTO_TCP && p->len > p->l4 + 20)
        p->buf[p->head + p->l4 + 20 + 5] ^= 1;
    return true;
}

/* The hop limit of everything is kept, and the ports of what leaves count up. */
static inline bool fault_drops_all(enum it_side side, it_pkt *p)
{
    (void)side;
    (void)p;
    return false;
}

static const it_probe_fault FAULTS_OF_BOXES[] = {
    {fault_no_echo, NULL},       {fault_blind_to_sums, NULL}, {fault_no_options_inside, NULL},
    {fault_checks_inside, NULL}, {fault_near_enough, NULL},   {fault_code0, NULL},
    {fault_no_reset_in, NULL},   {fault_no_syn_in, NULL},     {fault_no_fragments, NULL},
    {NULL, fault_silent},        {NULL, fault_cuts_nothing},  {NULL, fault_scrambles},
    {NULL, fault_drops_all},
};

#endif
