/* The generic application level gateway, which is none: it knows no protocol and hunts for addresses (RFC 8489
 * section 14.2, RFC 5780 section 3.6). Wherever four bytes of a UDP payload are the address that the box replaces in
 * the header, it replaces them too.
 *
 * Outbound the address of the inside host becomes the external one of its mapping, inbound the other way round; ports
 * and addresses written as text stay, TCP stays, and so do fragments, whose checksum stands in the first one alone.
 * Such a box breaks MESSAGE-INTEGRITY, FINGERPRINT and MAPPED-ADDRESS; XOR-MAPPED-ADDRESS was invented because of it.
 */
#include "netsim/nat/impl.h"

#include "base/cksum.h"

#include <string.h>

/* Writes |to| wherever the |n| bytes at |p| are |from|; true when they were. */
static bool alg_replace(uint8_t *p, size_t n, uint32_t from, uint32_t to)
{
    bool any = false;
    for (size_t i = 0; i + 4 <= n;) {
        if (it_get32(p + i) != from) {
            i++;
            continue;
        }
        it_put32(p + i, to);
        any = true;
        i += 4;
    }
    return any;
}

void it_natc_alg(it_nat *nat, it_pkt *p, uint32_t from, uint32_t to)
{
    it_bytes d = it_pkt_payload(p); /* of fragments there is none */
    if (!(nat->p.alg & IT_NAT_ALG_GENERIC) || d.n < 4 || from == to)
        return;
    uint8_t *data = it_pkt_l4(p) + 8, *ck = it_pkt_l4(p) + 6;
    uint16_t before = it_sum_fold(it_sum_add(0, d.p, d.n));
    if (!alg_replace(data, d.n, from, to))
        return;
    nat->stats.alg++;
    if (it_get16(ck) == 0) /* RFC 768: none */
        return;
    /* RFC 1624 section 3: |before| is the complement of the old sum, so that a wrong checksum stays wrong. */
    uint16_t sum = it_sum_fold(it_sum_add((uint64_t)(uint16_t)~it_get16(ck) + before, data, d.n));
    it_put16(ck, sum ? sum : 0xffff);
}

void it_natc_alg_reset(it_nat *nat)
{
    it_natc_session_forget(nat); /* it may have to take another way now */
    for (uint32_t i = 0; i < nat->pool_s.n; i++)
        nat->sessions[i].detour = (uint8_t)((nat->sessions[i].detour & IT_NATC_BACK) | it_natc_alg_flag(nat));
}
