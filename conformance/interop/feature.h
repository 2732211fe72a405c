/* The features that two adapters are asked for: one row each. */
#ifndef IT_CONFORMANCE_INTEROP_FEATURE_H
#define IT_CONFORMANCE_INTEROP_FEATURE_H

#include "conformance/interop/net.h"

#include <stddef.h>

typedef enum it_interop_then {
    IT_INTEROP_THEN_DATA,    /* bytes both ways, equal */
    IT_INTEROP_THEN_RESTART, /* a restart by |who|, then bytes */
    IT_INTEROP_THEN_HELD,    /* 36 seconds without data, then bytes (RFC 7675) */
    IT_INTEROP_THEN_CUT,     /* the link is cut: side 0 must notice in time */
    IT_INTEROP_THEN_REFUSED, /* DTLS fails at |who|, which was told another fingerprint */
} it_interop_then;

/* Side 0 is ours, side 1 the peer's. */
typedef struct it_interop_feature {
    const char *name, *help;
    const char *ours, *theirs; /* what each must be capable of, a word of "caps"; "" nothing */
    bool controlling[2], lite[2];
    bool trickle; /* the first candidate leads nowhere, the others come later (RFC 8838) */
    bool stun;    /* side 1 gathers from our server */
    /* Side |who| has a TURN server, the other project's, and nothing passes but by it. */
    enum { IT_INTEROP_DIRECT, IT_INTEROP_RELAY_UDP, IT_INTEROP_RELAY_TCP } relay; /* how it is reached */
    const char *tcp; /* candidates by TCP alone, ours being these, theirs of both kinds; NULL: by UDP */
    bool dtls;
    bool client; /* side 0 is DTLS's client */
    bool slow;   /* takes half a minute or more */
    it_interop_families families;
    it_interop_then then;
    int who; /* of then and relay */
} it_interop_feature;

extern const it_interop_feature IT_INTEROP_FEATURES[];
extern const size_t IT_INTEROP_N_FEATURES;

/* The row of |name|, NULL where there is none. */
const it_interop_feature *it_interop_feature_of(const char *name);

#endif
