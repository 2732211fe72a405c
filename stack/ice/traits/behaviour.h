/* What agents do differently though all of them say that they speak ICE: which checks nominate, who gives way in a role
 * conflict, what a consent check says and needs. The RFCs' behaviour is one row of a table, those of stacks in use are
 * others, each value with its source (behaviour.c). Timers are not here: stack/model/model.h. */
#ifndef IT_STACK_ICE_TRAITS_BEHAVIOUR_H
#define IT_STACK_ICE_TRAITS_BEHAVIOUR_H

#include <stdbool.h>
#include <stdint.h>

/* Which checks of the controlling side carry USE-CANDIDATE. */
enum it_ice_nomination {
    IT_ICE_REGULAR,         /* the one that repeats the check of the chosen pair: RFC 8445 section 8.1.1 */
    IT_ICE_SEMI_AGGRESSIVE, /* those of the selected pair and of better ones; all of them while none is selected */
    IT_ICE_AGGRESSIVE,      /* every one: RFC 5245 section 8.1.1.2 */
    IT_ICE_NOMINATIONS
};

/* What comes of two agents of one role. */
enum it_ice_conflict {
    IT_ICE_CONFLICT_REDRAWS, /* who is told of it by 487 takes the other role and a new tie-breaker: RFC 8445
                                section 7.2.5.1 */
    IT_ICE_CONFLICT_KEEPS,   /* likewise, but its tie-breaker stays: RFC 5245 section 7.1.3.1 */
    IT_ICE_CONFLICT_IGNORES, /* never gives way: drops the checks that conflict, and every 487 */
    IT_ICE_CONFLICTS
};

/* The role that an agent takes when it learns who the far side is. */
enum it_ice_role {
    IT_ICE_ROLE_AGREED, /* as signaling and tie-breakers have it (RFC 8445 section 6.1.1) */
    IT_ICE_ROLE_CONTROLLING,
    IT_ICE_ROLE_CONTROLLED,
    IT_ICE_ROLES
};

typedef struct it_ice_behaviour {
    enum it_ice_nomination nomination;
    enum it_ice_conflict conflict;
    enum it_ice_role role;
    bool lite;              /* RFC 8445 section 2.5: answers checks, sends none */
    bool consent_nominates; /* the controlling side's consent checks carry USE-CANDIDATE */
    bool consent_fixed;     /* they leave at equal intervals, not randomised as RFC 7675 section 5.1 wants */
    bool consent_needs_use; /* consent checks without USE-CANDIDATE get no answer */
    bool renominates;       /* draft-thatcher-ice-renomination, where both sides do */
    bool switches;          /* it leaves the selected pair at any time, by USE-CANDIDATE alone, whoever answers */
    bool continual;         /* gathers on interfaces that come at any time, without a restart and without an end */
    bool fresh;             /* a restart gathers on new sockets, which RFC 8445 section 9 leaves open */
    bool shared_creds;      /* all streams have the same credentials, told for the session: RFC 8839 section 5.4 */
    bool sped;              /* checks carry the DTLS handshake, where both sides have it: draft-hancke-webrtc-sped */
    bool has_tiebreaker;    /* |tiebreaker| is the first one, instead of a random one */
    uint64_t tiebreaker;
} it_ice_behaviour;

/* Writes the behaviour called |name| into |b|: "rfc", "libwebrtc", "firefox", "pion", "libnice", "libjuice". False, |b|
 * untouched, when there is none. */
bool it_ice_behaviour_named(it_ice_behaviour *b, const char *name);
/* The |i|-th name, and where its values come from; NULL past the end. Static storage. */
const char *it_ice_behaviour_name(int i);
const char *it_ice_behaviour_source(int i);

/* The words for values of the enumerations above, "regular" "semi-aggressive" "aggressive", "redraws" "keeps"
 * "ignores", "agreed" "controlling" "controlled". */
const char *it_ice_nomination_name(enum it_ice_nomination v);
const char *it_ice_conflict_name(enum it_ice_conflict v);
const char *it_ice_role_name(enum it_ice_role v);

#endif
