/* A TCP connection as netfilter follows it, for boxes that are like it (tcp.strict of a NAT): its phase, the window of
 * each end as far as the other end has opened it, and what of that says that a packet is none of the connection.
 *
 *     SENT --SYN and ACK--> RECV --ACK--> EST --FIN--> FIN_WAIT --ACK--> CLOSE_WAIT --FIN--> LAST_ACK --ACK-->
 * TIME_WAIT |                                                              any of them --RST--> CLOSED
 *      +--SYN of the other side--> SENT2
 *
 * The rules are those of van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2001), with netfilter's
 * exceptions for boxes that are out of step with the ends; found out with netfilter (tests/groundtruth). Directions are
 * 0 and 1. It holds no timers, it says which starts anew, and drops nothing: the box does. */
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
    /* no phase: the longest idle time of a connection that does not get on, whatever its phase */
    IT_TCPP_STUCK = IT_TCPP_PHASES,
    IT_TCPP_TIMES
};

/* What becomes of a packet. */
enum it_tcpp_verdict {
    IT_TCPP_PASSES,
    IT_TCPP_INVALID, /* not of this connection, or out of its windows */
    IT_TCPP_AGAIN,   /* a SYN that begins a new connection: this one is over */
    IT_TCPP_ENDS     /* passes, and the connection is forgotten: a reset is the only answer there was */
};

/* What is known of one end. */
typedef struct it_tcpp_end {
    uint32_t end;     /* behind what it has sent */
    uint32_t limit;   /* behind what it may send */
    uint32_t window;  /* the largest it has offered, scaled; 0: nothing was seen of it */
    uint32_t ack;     /* its highest acknowledgment, when |acked| */
    bool acked, owed; /* |owed|: not all of |end| is acknowledged */
    bool scales;      /* its SYN had a window scale (RFC 7323 section 2.2) */
    bool sack;        /* and permitted SACK (RFC 2018 section 2) */
    bool liberal;     /* it was met in the middle: its windows are not looked at */
    bool closes;      /* it was the first to send a FIN */
    uint8_t scale;
} it_tcpp_end;

typedef struct it_tcpp {
    uint8_t phase, opener;
    bool blank;   /* no packet was seen at all */
    bool replied; /* something has passed from the side that did not open */
    bool assured; /* both have gone on after the handshake */
    bool both;    /* SYNs of both sides crossed */
    it_tcpp_end end[2];
    uint8_t last, last_dir; /* what kind of packet the last one was that counted, or was ignored */
    bool challenged;        /* it was a SYN in LAST_ACK, which the other side may answer */
    bool last_scales, last_sack;
    uint8_t last_scale;
    uint32_t seq, last_ack, behind; /* of the last segment that was nothing but an ACK, or was ignored */
    uint16_t window;
    uint32_t again; /* how often the same one came again */
} it_tcpp;

/* A connection whose first packet is |p| of direction |dir|. Returns its idle time, one of |times| by phase. */
it_time it_tcpp_open(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p);

/* A connection that is known of, but no packet of it was seen: the next one but a reset counts as the first. */
void it_tcpp_open_blank(it_tcpp *c);

/* The next packet |p| in direction |dir|: what becomes of it. Sets |*idle| to the idle time that begins now, or to 0:
 * the one that runs goes on. */
enum it_tcpp_verdict it_tcpp_input(it_tcpp *c, const it_time times[IT_TCPP_TIMES], int dir, const it_pkt *p,
                                   it_time *idle);

#endif
