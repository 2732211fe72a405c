/* The oracle: from the boxes of both chains, and nothing else, which direct paths ICE may find.
 *
 * It runs no packet. Where boxes keep state, it iterates over mapping and filter tables to a fixed point: what each
 * side may send, where that appears, what comes back. Every connectivity case is compared with it; a disagreement is a
 * bug in stack, world or oracle. It knows the models only through what ICE with host, srflx and prflx candidates can
 * do; relays are not here. */
#ifndef IT_LAB_JUDGE_ORACLE_H
#define IT_LAB_JUDGE_ORACLE_H

#include "netsim/core/world.h"

#define IT_ORACLE_BOXES 8  /* in one chain */
#define IT_ORACLE_CHAINS 8 /* interfaces of a host, one for each family of its addresses */

/* The way of one interface to the internet. */
typedef struct it_oracle_chain {
    it_node *box[IT_ORACLE_BOXES]; /* NATs and firewalls, host outwards; the same node in both chains is a common box */
    int n_boxes;
    it_time delay; /* one way from the host to the internet's core */
    it_time back;  /* and from there to the host */
    it_time slack; /* how much longer a question and its answer may take by chance: jitter, or lost and asked again */
    uint32_t segment; /* node index of what the interface is plugged into: equal means same LAN */
    bool v4, v6;      /* families of its addresses */
} it_oracle_chain;

typedef struct it_oracle_side {
    it_oracle_chain chain[IT_ORACLE_CHAINS];
    int n_chains;
} it_oracle_side;

typedef struct it_oracle_query {
    it_oracle_side side[2];
    it_time signal_least[2], signal_most[2]; /* of a blob from side 0 to 1, from 1 to 0: how long it takes */
    it_time stun, stun_slack; /* there and back between the core and the STUN server, and as in it_oracle_chain */
    it_time pace;             /* Ta: after its question to the STUN server a side checks no earlier */
} it_oracle_query;

enum { IT_ORACLE_V4 = 1, IT_ORACLE_V6 = 2 };

typedef struct it_oracle_verdict {
    bool direct; /* a direct UDP path must be found (else none can be, unless |either|) */
    bool either; /* it hangs on luck: found only when an arbitrary pool (RFC 4787 section 4.1) gives an address twice */
    uint8_t families;  /* by which of them: bits IT_ORACLE_V4, V6 */
    uint32_t pairs[2]; /* allowed (local, remote) kinds as seen by each side: bit 4 * local + remote, kinds as enum
                          it_ice_kind */
    char why[256];     /* the deciding rule, one sentence */
} it_oracle_verdict;

/* Decides |q|. Sources: the mapping and filtering behaviours of RFC 4787 sections 4.1 and 5, hairpinning section 6, RFC
 * 8445. Delays decide whether a server-reflexive candidate may still be unknown when its address is met, and then
 * counts as peer-reflexive. */
void it_oracle(const it_oracle_query *q, it_oracle_verdict *v);

#endif
