/* Puts IPv4 fragments together for a box that works on whole datagrams: RFC 791 section 3.2, as Linux does it
 * (net/ipv4/ip_fragment.c, measured by tests/groundtruth).
 *
 *  - A fragment that lies within what has come without a gap is a copy: it is left out, whatever its bytes.
 *  - One that overlaps in any other way ends its datagram with all that came of it (RFC 5722 section 4). What comes
 *    later begins anew.
 *  - So does an end other than the first one, and data behind the end.
 *  - A datagram waits |timeout| from its first fragment on, however many follow.
 *
 * Not here: Linux's ipfrag_max_dist, which gives up a datagram when 64 others of its sender have passed it. */
#ifndef IT_NETSIM_BOX_DEFRAG_H
#define IT_NETSIM_BOX_DEFRAG_H

#include "base/table/map.h"
#include "netsim/core/drop.h"
#include "netsim/core/packet.h"

typedef struct it_defrag_dgram it_defrag_dgram;

typedef struct it_defrag {
    it_alloc *alloc;
    it_map by; /* (addresses), (protocol, identification) -> index */
    it_defrag_dgram *v;
    size_t cap, n;
    uint32_t free, oldest, newest; /* lists by index; IT_MAP_NONE: empty */
    uint64_t held;                 /* bytes charged */
} it_defrag;

/* What became of a fragment. */
enum it_defrag_fate {
    IT_DEFRAG_WAITS, /* it is kept; the object owns it */
    IT_DEFRAG_WHOLE, /* |list| is its datagram, in order, without gaps: the caller's */
    IT_DEFRAG_DROPS  /* |list| is what is to be dropped, the fragment among it: the caller's */
};

typedef struct it_defrag_out {
    enum it_defrag_fate fate;
    it_pkt *list;        /* by |next| */
    enum it_drop reason; /* of IT_DEFRAG_DROPS */
    const char *why;     /* static */
} it_defrag_out;

/* Starts an empty table; allocates nothing. */
void it_defrag_init(it_defrag *d, it_alloc *alloc);
/* Frees the table; fragments that wait stay with their pool. */
void it_defrag_fini(it_defrag *d);

/* Takes fragment |p|, that arrived at |now| on |port| (kept in its |at|). Waits |timeout| for the others; refuses every
 * fragment while more than |memory| bytes are held. */
it_defrag_out it_defrag_input(it_defrag *d, it_time now, it_pkt *p, it_time timeout, uint64_t memory);

/* When the oldest datagram has waited long enough; IT_NEVER: there is none. */
it_time it_defrag_next(const it_defrag *d);
/* Takes out the fragments, in order, of a datagram that has waited until |now|; NULL: there is none. */
it_pkt *it_defrag_expired(it_defrag *d, it_time now);
/* Takes out the fragments of any datagram; NULL: there is none any more. */
it_pkt *it_defrag_flush(it_defrag *d);

/* Makes of datagram |list|, as IT_DEFRAG_WHOLE gives it, one packet in its first fragment when it has room for all:
 * true, |list|->next then still has the others, to be freed. Its header is the first fragment's, DF set when the
 * largest fragment had it (RFC 791 leaves that open; Linux's IPSKB_FRAG_PMTU). False: larger than IT_PKT_MAX, or no
 * packet. */
bool it_defrag_merge(it_pkt *list);
/* True when the transport checksum over all of datagram |list| is right, or there is none. */
bool it_defrag_sum_ok(const it_pkt *list);

#endif
