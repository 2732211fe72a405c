/* A TCP connection as netfilter tracks it: which segments belong to it, in which phase it is, how long it may be idle.
 *
 *     SENT --SYN,ACK--> RECV --ACK--> EST --FIN--> FIN_WAIT --ACK--> CLOSE_WAIT --FIN--> LAST_ACK --ACK--> TIME_WAIT
 *      +--SYN of the other side--> SENT2                      any of them --RST--> CLOSED
 *
 * Phases go by a table of (direction, kind of segment, phase). Numbers are judged by four bounds from what both ends
 * have said (Rooij, Real Stateful TCP Packet Filtering in IP Filter, 2001): a segment's data is not beyond the
 * receiver's window nor a window behind what was sent, its acknowledgment neither of what was never sent nor a window
 * old. Held against kernel 6.18 by tests/groundtruth, beneath
 * the firewall and beneath NATs. Directions are 0 (of the first packet) and 1. It holds no
 * timers and drops nothing: it says what to do. */
#ifndef IT_NETSIM_BOX_CONNTRACK_H
#define IT_NETSIM_BOX_CONNTRACK_H

#include "netsim/core/packet.h"

enum it_ct_phase {
    IT_CT_NONE, /* before the first packet */
    IT_CT_SENT,
    IT_CT_RECV,
    IT_CT_EST,
    IT_CT_FIN_WAIT,
    IT_CT_CLOSE_WAIT,
    IT_CT_LAST_ACK,
    IT_CT_TIME_WAIT,
    IT_CT_CLOSED,
    IT_CT_SENT2,
    IT_CT_PHASES,
    IT_CT_UNACKED = IT_CT_PHASES, /* no phase: the longest idle time while something is unacknowledged, ... */
    IT_CT_RETRANS,                /* ... or the same segment comes again and again */
    IT_CT_TIMES
};

/* What becomes of a segment. */
enum it_ct_verdict {
    IT_CT_PASS,
    IT_CT_PASS_AND_END, /* it passes, and the connection is forgotten */
    IT_CT_REOPEN,       /* the connection is forgotten, and the segment judged as one of none */
    IT_CT_INVALID       /* it is not part of the connection */
};

typedef struct it_ct_end {
    uint32_t end;    /* behind what it has sent */
    uint32_t maxend; /* behind what it may send */
    uint32_t maxwin; /* the largest window it has offered, scaled; 0: nothing was seen of it */
    uint32_t maxack; /* its highest acknowledgment, where |acked| */
    uint8_t scale;   /* of its windows (RFC 7323 section 2.2) */
    bool scales, sack, liberal, acked, owed, closer; /* options; bounds do not count; |owed|: not all is acknowledged;
                                                       |closer|: its FIN was the first */
} it_ct_end;

typedef struct it_ct {
    it_ct_end end[2];
    uint8_t phase;
    bool replied;            /* something has passed from the side that did not open */
    bool assured;            /* an acknowledgment of an open connection has passed after that */
    bool crossed, challenge; /* SYNs of both sides crossed; a SYN in LAST_ACK may be answered by a challenge */
    /* The last segment. */
    uint8_t last_kind, last_dir, last_scale, again;
    bool last_scales, last_sack;
    uint16_t last_window;
    uint32_t last_seq, last_ack, last_end;
} it_ct;

/* What a segment brought about. */
typedef struct it_ct_step {
    enum it_ct_verdict verdict;
    it_time idle; /* it begins to be idle now, so long at most; 0: the time that runs goes on */
    bool shorten; /* of an INVALID one: if 120 s or more are left, no more than times[IT_CT_UNACKED] from now on */
} it_ct_step;

/* True when INVALID |step| lets a connection that has |left| yet end |unacked| from now: netfilter leaves alone what
 * has less than 120 s. */
static inline bool it_ct_shortens(it_ct_step step, it_time left, it_time unacked)
{
    return step.shorten && left >= 120 * IT_SEC && left > unacked;
}

/* True when TCP packet |p| is well formed for a tracker: its header whole and its flags one of the nine combinations
 * that mean something. The checksum is the caller's to look at. */
bool it_ct_valid(const it_pkt *p);

/* The first segment |p| (valid) of a connection unknown so far, of direction 0: INVALID for what begins none. |loose|:
 * an ACK may take one up in the middle. |extra|: bytes of data in later fragments. */
it_ct_step it_ct_open(it_ct *c, const it_time times[IT_CT_TIMES], bool loose, const it_pkt *p, uint32_t extra);

/* The next segment |p| (valid) of direction |dir|. */
it_ct_step it_ct_see(it_ct *c, const it_time times[IT_CT_TIMES], int dir, const it_pkt *p, uint32_t extra);

#endif
