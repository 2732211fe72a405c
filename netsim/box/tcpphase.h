/* The life of a TCP connection as netfilter divides it, for the timers of boxes that are like it (tcp.strict of a NAT).
 *
 *     SENT --SYN and ACK--> RECV --ACK--> EST --FIN--> FIN_WAIT --ACK--> CLOSE_WAIT --FIN--> LAST_ACK --ACK-->
 * TIME_WAIT |                                              any of them --RST--> CLOSED
 *      +--SYN of the other side--> SENT2
 *
 * The machine of the RFCs (netsim/box/tcptrack.h) stands beside it and says what passes and what begins anew: here
 * comes only what passes. Found out with netfilter (tests/groundtruth). Directions are 0 and 1. It holds no timers, it
 * says which starts anew. */
#ifndef IT_NETSIM_BOX_TCPPHASE_H
#define IT_NETSIM_BOX_TCPPHASE_H

#include "netsim/core/packet.h"

enum it_tcpp_phase {
    IT_TCPP_SENT,
    IT_TCPP_SENT2,
    IT_TCPP_RECV,
    IT_TCPP_EST,
    IT_TCPP_FIN_WAIT,
    IT_TCPP_CLOSE_WAIT,
    IT_TCPP_LAST_ACK,
    IT_TCPP_TIME_WAIT,
    IT_TCPP_CLOSED,
    IT_TCPP_PHASES,
    IT_TCPP_STUCK =
        IT_TCPP_PHASES, /* no phase: the longest idle time of a connection that does not get on, whatever its phase */
    IT_TCPP_TIMES
};

typedef struct it_tcpp {
    uint8_t phase, opener;
    bool replied;  /* something has passed from the side that did not open */
    bool both;     /* SYNs of both sides crossed */
    bool taken_up; /* its beginning was not seen */
    bool closing;  /* a FIN has been in it */
    struct it_tcpp_end {
        uint32_t next, ack;     /* behind what it sent; its highest acknowledgment */
        bool sent, acked, owed; /* whether |next|, |ack| are known; whether not all of |next| is acknowledged */
    } end[2];
    uint8_t last, last_dir; /* what kind of packet the last one was */
    bool challenged;        /* it was a SYN in LAST_ACK, which the other side may answer */
    uint32_t seq, last_ack, behind;
    uint16_t window; /* of the last segment that was nothing but an ACK, or was ignored */
    uint32_t again;  /* how often the same one came again */
} it_tcpp;

/* A connection whose first packet is |p| of direction |dir|. Returns its idle time, one of |times| by phase. */
it_time it_tcpp_open(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p);

/* The next packet |p| in direction |dir| passes. Returns the idle time that begins now, or 0: the one that runs goes
 * on. */
it_time it_tcpp_see(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p);

/* True when |p| in direction |dir| is a SYN of the opener that begins anew: all is over, or the opener has reset it
 * just before.
 */
bool it_tcpp_reopens(const it_tcpp *c, int dir, const it_pkt *p);

#endif
