/* IP/ICMP translation (RFC 7915): one packet from IPv6 to IPv4 or back, headers, ICMP and the packet inside an ICMP
 * error.
 *
 * Stateless: which address becomes which is asked of the caller. Nothing is taken off the hop limit, and nothing is
 * cut: who calls has done that (RFC 7915 sections 4.1 and 5.1 leave both to the router around it). Extension headers
 * but the fragment header are passed over (section 5.1), IPv4 options too (4.1); fragmented ICMP is not translated, but
 * an atomic fragment is no fragment (RFC 6946). */
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

/* What can be said of |p|, IPv6, before it is translated. Where Segments Left of a routing header stands when that is
 * not 0 (such a packet is not translated: RFC 7915 section 5.1); 0: all may be well. The size that it will have, 0 when
 * it makes no sense; whether it may be fragmented on its way then. */
uint32_t it_xlat_segments_left(const it_pkt *p);
uint32_t it_xlat_64_size(const it_pkt *p);
bool it_xlat_64_may_fragment(const it_pkt *p);

/* Makes |p|, IPv6, an IPv4 packet, its cache filled anew. Returns 0, or with |p| unusable IT_ERR_UNSUPPORTED (what RFC
 * 7915 does not translate), IT_ERR_NOROUTE (an address without a counterpart) or IT_ERR_PARSE (nonsense inside). */
int it_xlat_64(const it_xlat *x, it_pkt *p) IT_MUST_CHECK;
/* Makes |p|, IPv4, an IPv6 packet; results as above. */
int it_xlat_46(const it_xlat *x, it_pkt *p) IT_MUST_CHECK;

#endif
