/* The fragments of datagrams, kept until all of one are there: what a box does that judges datagrams and not pieces.
 *
 * Pieces are kept as they came and given back in order, so that a box can pass on what it got. A datagram is known by
 * its addresses, identification and side, in IPv4 also by its protocol (RFC 791 section 3.2, RFC 8200 section 4.5). As
 * netfilter: a piece that is there already is of no use, one that overlaps another spoils its datagram (RFC 5722
 * section 4), and so do contradictory ends. Room is bounded; the oldest datagram goes first. */
#ifndef IT_NETSIM_BOX_GATHER_H
#define IT_NETSIM_BOX_GATHER_H

#include "netsim/core/packet.h"

#define IT_GATHER_DATAGRAMS 64 /* at once */
#define IT_GATHER_PIECES 1024  /* of all of them */

/* What a fragment's own header says. */
typedef struct it_piece {
    uint32_t id, at; /* |at|: where it begins in the datagram, bytes */
    uint32_t n;      /* bytes */
    bool more;
    const uint8_t *data;
} it_piece;

/* Reads the fragment header of |p| (|p|->frag is not 0). */
it_piece it_piece_of(const it_pkt *p);

typedef struct it_gathering {
    it_pkt *pieces; /* by |next|, in order of place; NULL: a free slot */
    it_ip src, dst;
    it_time until;
    uint64_t seq;                /* the older, the smaller */
    uint32_t id, total, have, n; /* |total|: bytes, 0: its end has not come */
    uint8_t proto, side, ver;
} it_gathering;

typedef struct it_gather {
    it_gathering v[IT_GATHER_DATAGRAMS];
    uint64_t seq;
    uint32_t n; /* pieces kept */
} it_gather;

enum it_gathered {
    IT_GATHERED_KEPT,  /* it waits for others */
    IT_GATHERED_WHOLE, /* |*out|: the datagram, in order */
    IT_GATHERED_AGAIN, /* |*out|: the piece, which is there already or of no use */
    IT_GATHERED_SPOILT /* |*out|: all pieces of a datagram that contradicts itself */
};

/* Takes fragment |p|, which came by |side|. */
enum it_gathered it_gather_add(it_gather *g, it_time now, int side, it_pkt *p, it_pkt **out);

/* The pieces of a datagram whose time is over, or NULL. |*side|: where they came in. */
it_pkt *it_gather_expired(it_gather *g, it_time now, int *side);

/* The pieces of the oldest datagram, when there is no room for fragment |p|, which came by |by|; else NULL. To be
 * called before it_gather_add until it returns NULL. */
it_pkt *it_gather_crowded(it_gather *g, const it_pkt *p, int by, int *side);

/* When the next datagram's time is over; IT_NEVER. */
it_time it_gather_next(const it_gather *g);

/* Frees all pieces into |pool|. */
void it_gather_flush(it_gather *g, it_pkt_pool *pool);

#endif
