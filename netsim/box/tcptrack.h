/* What a box in the middle knows of a TCP connection: the state machine of RFC 6146 section 3.5.2.2 and RFC 7857
 * section 2, and as much of the sequence numbers as it takes to tell a reset of the connection from a forged one.
 *
 *     INIT --SYN of the other side--> EST --FIN--> FIN --FIN of the other side--> FIN2
 *      |                               ^ \
 *      +--------RST-------> TRANS -----+  +--RST--> TRANS         (TRANS: any packet but an RST goes back to EST)
 *
 * A SYN in TRANS or FIN2 begins anew: hosts use ports again. Directions are 0 and 1. It holds no timers and drops
 * nothing: the NAT and the firewall decide by the state. */
#ifndef IT_NETSIM_BOX_TCPTRACK_H
#define IT_NETSIM_BOX_TCPTRACK_H

#include "netsim/core/packet.h"

enum it_tcpt_state { IT_TCPT_INIT, IT_TCPT_EST, IT_TCPT_FIN, IT_TCPT_FIN2, IT_TCPT_TRANS };

typedef struct it_tcpt_end {
    uint32_t next;     /* the sequence number behind what it sent */
    uint32_t ack, win; /* its last acknowledgment and window, scaled */
    bool sent, acked;  /* whether |next|, |ack| are known */
    bool syn, fin;     /* what it has sent */
    uint8_t scale;     /* of its windows (RFC 7323 section 2.2) */
} it_tcpt_end;

typedef struct it_tcpt {
    it_tcpt_end end[2];
    uint8_t state;  /* enum it_tcpt_state */
    uint8_t opener; /* direction of the first packet */
    bool answered;  /* a SYN was answered by a SYN and ACK, or the beginning was not seen */
    bool blank;     /* no packet was seen at all */
} it_tcpt;

/* The flags of TCP packet |p|, the first fragment at least. */
static inline uint8_t it_tcpt_flags(const it_pkt *p)
{
    return p->buf[p->head + p->l4 + 13];
}

/* True for a SYN without ACK or RST: what opens a connection. */
static inline bool it_tcpt_is_syn(const it_pkt *p)
{
    return (it_tcpt_flags(p) & (IT_TCP_SYN | IT_TCP_ACK | IT_TCP_RST)) == IT_TCP_SYN;
}

/* A connection whose first packet seen is |p| in direction |dir|: INIT for a SYN, else EST, its beginning unseen. */
void it_tcpt_open(it_tcpt *t, int dir, const it_pkt *p);

/* A connection that is known of, but no packet of it was seen: the next one but a reset counts as the first. */
void it_tcpt_open_blank(it_tcpt *t, int dir);

/* The next packet |p| in direction |dir|. True when it counts as life of the connection: not for a forged reset, nor
 * for a reset of what has been reset (RFC 7857 section 7.1). */
bool it_tcpt_see(it_tcpt *t, int dir, const it_pkt *p);

#endif
