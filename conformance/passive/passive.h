/* Judges what a capture shows of STUN, TURN and ICE by the rules of rules.h.
 *
 *     frames -> packet.h -> it_passive_take -> (stream.c) -> message -> message.c turn.c ice.c  -> findings
 *                                                               '----> trans.c pair.c agent.c -------'
 *
 * What one message shows is judged at once; what several show together when they have come, or at the end. A packet
 * that the tap missed, saw twice or out of order must not make an innocent guilty: where that could be, the verdict is
 * "inconclusive". Each tap of a capture is judged as a capture of its own. Nothing of stack/stun is used. */
#ifndef IT_CONFORMANCE_PASSIVE_PASSIVE_H
#define IT_CONFORMANCE_PASSIVE_PASSIVE_H

#include "conformance/passive/creds.h"
#include "conformance/passive/read/packet.h"
#include "conformance/passive/rules.h"

/* Where the capture was taken: with it goes what may be said of addresses that a NAT changes on its way. */
enum it_passive_vantage { IT_PASSIVE_MIDDLE, IT_PASSIVE_CLIENT, IT_PASSIVE_SERVER };

/* A rule, and one address that breaks it at one tap. */
typedef struct it_passive_finding {
    enum it_passive_id rule;
    bool inconclusive; /* it may be the tap's doing */
    it_addr who;       /* the first of its addresses that did */
    int tap;
    uint64_t n;              /* how often */
    uint64_t frame[3], last; /* the first three, and the last one */
    it_time at;              /* of the first */
    char what[160];          /* what was seen in the first */
} it_passive_finding;

typedef struct it_passive_cfg {
    it_alloc *alloc;
    enum it_passive_profile profile;
    enum it_passive_vantage vantage;
    const it_passive_creds *creds; /* outlives the judge; NULL: none are known */
} it_passive_cfg;

typedef struct it_passive it_passive;
/* A judge that has seen nothing; NULL when there is no memory. Freeing NULL is allowed. */
it_passive *it_passive_new(const it_passive_cfg *cfg);
void it_passive_free(it_passive *p);

/* Looks at the next packet of the capture; |k| is borrowed for the call. Returns 0 or IT_ERR_NOMEM. */
int it_passive_take(it_passive *p, const it_passive_packet *k) IT_MUST_CHECK;
/* The capture has ended: what only the whole shows is judged. Returns 0 or IT_ERR_NOMEM. */
int it_passive_end(it_passive *p) IT_MUST_CHECK;

/* What was found, in the order of the rules, then of taps and addresses; their count is |*n|. After the end. */
const it_passive_finding *it_passive_findings(const it_passive *p, size_t *n);
/* How often |rule| was looked at: 0 is no verdict at all. */
uint64_t it_passive_looked(const it_passive *p, enum it_passive_id rule);
/* How much a finding of |rule| weighs under the profile. */
enum it_passive_level it_passive_level_of(const it_passive *p, enum it_passive_id rule);

/* What there was to see. */
typedef struct it_passive_counts {
    uint64_t packets, stun, channel_data, other; /* datagrams, and messages from TCP streams */
    uint64_t copies;                             /* packets that a tap has seen twice */
    uint64_t parted;                             /* that were several datagrams, which the network card parts */
    uint64_t old;                                /* messages of RFC 3489 */
    uint64_t lost;                               /* bytes of TCP streams that the tap has missed */
    uint64_t other_streams;                      /* TCP streams that carry something else */
} it_passive_counts;
void it_passive_count(const it_passive *p, it_passive_counts *c);

#endif
