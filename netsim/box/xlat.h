/* IP/ICMP translation (RFC 7915): one packet from IPv6 to IPv4 or back, headers, ICMP and the packet inside an ICMP
 * error.
 *
 * Stateless: which address becomes which is asked of the caller. Nothing is taken off the hop limit, and nothing is
 * cut: who calls has done that (RFC 7915 sections 4.1 and 5.1 leave both to the router around it). Extension headers
 * but the fragment header are passed over (section 5.1), IPv4 options too (4.1); fragmented ICMP is not translated. */
#ifndef IT_NETSIM_BOX_XLAT_H
#define IT_NETSIM_BOX_XLAT_H

#include "netsim/core/packet.h"

typedef struct it_xlat {
    void *self;
    /* The address in the other family; false: it has none. */
    bool (*to4)(void *self, it_ip v6, uint32_t *v4);
    bool (*to6)(void *self, uint32_t v4, it_ip *v6);
    uint32_t mtu4, mtu6; /* of the links on both sides, for "too big" (RFC 7915 sections 4.2, 5.2) */
    uint16_t ip_id;      /* identification for an IPv4 packet that may be fragmented */
} it_xlat;

/* Makes |p|, IPv6, an IPv4 packet, its cache filled anew. Returns 0, or with |p| unusable IT_ERR_UNSUPPORTED (what RFC
 * 7915 does not translate), IT_ERR_NOROUTE (an address without a counterpart) or IT_ERR_PARSE (nonsense inside). */
int it_xlat_64(const it_xlat *x, it_pkt *p) IT_MUST_CHECK;
/* Makes |p|, IPv4, an IPv6 packet; results as above. */
int it_xlat_46(const it_xlat *x, it_pkt *p) IT_MUST_CHECK;

#endif
