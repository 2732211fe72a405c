/* Whether a host reaches a server in the internet through its boxes, by UDP or TCP: what relays, proxies and signaling
 * hang on, before any of them says a word.
 *
 *     base --> box --> box --> internet --> server     out: policies, logins, what a box answers in the server's place
 *          <--     <--     <--          <--            back: by the state that the way out has made, while it lives
 *
 * No step of this is a packet, and nothing is filled or used up on the way: a host's first exchange with a server meets
 * no limit. Policers let single packets pass, and what a wire loses is repeated. */
#ifndef IT_LAB_JUDGE_ORACLE_REACH_H
#define IT_LAB_JUDGE_ORACLE_REACH_H

#include "lab/judge/oracle/oracle.h"

enum it_oracle_transport { IT_ORACLE_UDP, IT_ORACLE_TCP };

/* Of what the boxes of one way say the first in this order counts. */
enum it_oracle_reached {
    IT_ORACLE_REACH_NONE,   /* nothing comes back */
    IT_ORACLE_REACH_EITHER, /* it hangs on delays that are left open, and may be none */
    IT_ORACLE_REACH_CAUGHT, /* a box answers in the server's place; what it understands it may hand on */
    IT_ORACLE_REACH_CUT,    /* it answers, and the connection is reset once more than |bytes| have passed */
    IT_ORACLE_REACH_OPEN    /* the server answers */
};

typedef struct it_oracle_reach {
    enum it_oracle_reached outcome;
    uint8_t families; /* by which: bits IT_ORACLE_V4, V6, of the host's addresses; 0: NONE */
    it_time since;    /* from when on, since the world began: after a login; 0: at once */
    int64_t bytes;    /* CUT: of payload, both ways together */
    uint8_t box;      /* CAUGHT: 1 + the index of the box that answers; else 0 */
    char why[256];    /* the deciding rule, one sentence */
} it_oracle_reach;

/* Decides for host |side| of |q|, of which boxes, bases, |now| and |patience| are read, whether it reaches |server| by
 * |transport|; of its addresses and the server's the best ones count. IPv4 is reached from IPv6 through a NAT64 (RFC
 * 6146). |*r| is written whole. Sources: RFC 4787, 5382, 6092 for the state that lets answers in. */
void it_oracle_reach_server(const it_oracle_query *q, int side, const it_oracle_server *server,
                            enum it_oracle_transport transport, it_oracle_reach *r);

/* "none", "either", "caught", "cut", "open". */
const char *it_oracle_reached_name(enum it_oracle_reached outcome);

#endif
