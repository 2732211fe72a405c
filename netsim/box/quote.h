/* The packet quoted in an ICMP error: its ends, read behind options and extension headers of any kind. */
#ifndef IT_NETSIM_BOX_QUOTE_H
#define IT_NETSIM_BOX_QUOTE_H

#include "netsim/core/packet.h"

typedef struct it_quote {
    it_ip src, dst;
    const uint8_t *l4;     /* the transport header, or what is there of it; in the error itself */
    size_t n;              /* bytes at |l4| */
    uint32_t id;           /* of a fragment */
    uint16_t sport, dport; /* of UDP and TCP */
    uint8_t proto;
    uint8_t frag; /* as of it_pkt: 0 whole, 1 first, 2 later, which has no transport header */
} it_quote;

/* Reads the packet quoted in ICMP error |error|. False when there is no whole IP header of the error's family, its
 * extension headers do not say what follows them, or a transport header that it has is cut off before its ends can be
 * known (4 bytes of ports, 8 of an ICMP query). RFC 792, RFC 1812 section 4.3.2.3, RFC 4443 section 3, RFC 8200
 * section 4. */
bool it_quote_read(it_quote *q, const it_pkt *error);

#endif
