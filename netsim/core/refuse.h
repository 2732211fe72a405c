/* How a node turns a packet down: the drop first, then the ICMP error or the reset about it.
 *
 * Every node does this in the same order with the same rules, and differs only in how the answer finds its way back. */
#ifndef IT_NETSIM_CORE_REFUSE_H
#define IT_NETSIM_CORE_REFUSE_H

#include "netsim/core/world.h"

typedef struct it_refusal {
    it_ip from; /* the error's source; none: the node says nothing */
    uint8_t type, code;
    uint32_t rest;       /* the link's MTU of "too big", the pointer of ICMPv6's parameter problem; else 0 */
    enum it_drop reason; /* of the drop */
    uint32_t quoted;     /* bytes of the packet that the error may show; 0: as many as fit */
    const char *more;    /* added to its note; may be NULL */
} it_refusal;

/* What both families can say. */
enum it_refuse_kind {
    IT_REFUSE_NO_ROUTE,      /* RFC 792, RFC 4443 section 3.1 */
    IT_REFUSE_NO_PORT,       /* RFC 1122 section 4.1.3.1, RFC 4443 section 3.1 */
    IT_REFUSE_PROHIBITED,    /* RFC 1812 section 5.2.7.1, RFC 4443 section 3.1 */
    IT_REFUSE_TOO_BIG,       /* RFC 1191 section 4, RFC 4443 section 3.2 */
    IT_REFUSE_TIME_EXCEEDED, /* RFC 792, RFC 4443 section 3.3 */
    IT_REFUSE_REASSEMBLY     /* fragments did not come in time: the same sections */
};

/* A refusal of |kind| in the numbers of family |ver| (4, 6). */
it_refusal it_refusal_of(uint8_t ver, enum it_refuse_kind kind, it_ip from, enum it_drop reason);

/* Drops |p| (owned), which came in through |port| of |n|, and returns the ICMP error about it, which the caller sends.
 * NULL when none may be sent (it_pkt_icmp_error), |r|->from is none or of another family, or memory is short, which the
 * world reports. */
it_pkt *it_refuse(it_node *n, it_time now, int port, it_pkt *p, const it_refusal *r);

/* The error of it_refuse alone, for a packet that is dropped in another way: the caller drops it first, then sends. */
it_pkt *it_refuse_error(it_node *n, it_pkt *p, const it_refusal *r);

/* Drops segment |p| (owned), which came in through |port| of |n|, for |reason| (|more| as in it_node_drop), and returns
 * the reset that answers it (RFC 9293 section 3.5.2), which the caller sends. NULL when there is none for it, or memory
 * is short. */
it_pkt *it_refuse_reset(it_node *n, it_time now, int port, it_pkt *p, enum it_drop reason, const char *more);

#endif
