/* Model E's whitelist: which addresses a socket may send to, and until when.
 *
 * An entry is one 5-tuple: a socket and exactly one address and port. Only the owner's proof of a successful check
 * makes or renews one; it lapses |life| after its last success, or when the far side takes consent back (RFC 7675
 * sections 5.1, 5.2). One that has lapsed stays as a memory: the same credentials never permit that 5-tuple again, new
 * ones do. Knows nothing of messages. */
#ifndef IT_STACK_E_WHITELIST_H
#define IT_STACK_E_WHITELIST_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/time.h"

#include <stdbool.h>

typedef struct it_white {
    int flow;
    it_addr remote;
    it_addr reflexive; /* as the far end saw us */
    uint64_t far;      /* hash of the far side's fragment */
    uint64_t creds;    /* of its fragment and password */
    bool revoked;
    it_time success;  /* the last one */
    it_time answered; /* when the latest answered check was first sent */
    it_time rtt;      /* of the last success that was sent once, 0: of none yet */
    it_time took;     /* from the first transmission of the last success to its answer: a round trip at most */
    it_time missed;   /* since when a check that timed out went unanswered, IT_NEVER: none did since |answered| */
} it_white;

#define IT_WHITELIST_MAX 1024 /* entries; the one whose success is longest ago gives way, first those that lapsed */

typedef struct it_whitelist {
    it_alloc *alloc;
    it_time life; /* IT_NEVER: entries stay */
    it_white *v;
    size_t n, cap;
} it_whitelist;

/* Starts an empty list (allocates nothing) whose entries live for |life|; frees them. */
void it_whitelist_init(it_whitelist *w, it_alloc *alloc, it_time life);
void it_whitelist_fini(it_whitelist *w);

/* True when |creds| have permitted |flow|, |remote| and do no longer (RFC 7675 section 5.1: after consent is lost, the
 * same ICE credentials MUST NOT be used on the affected 5-tuple again). */
bool it_whitelist_spent(const it_whitelist *w, it_time now, int flow, it_addr remote, uint64_t creds);

/* The check from socket |e|->flow to |e|->remote that was first sent at |sent| has succeeded. Returns 0, IT_ERR_PERM
 * when its credentials are spent there, or IT_ERR_NOMEM. */
int it_whitelist_allow(it_whitelist *w, it_time now, const it_white *e, it_time sent) IT_MUST_CHECK;

/* The live entry for |remote| from socket |flow|; with |flow| -1 from any socket, the latest success first. NULL: not
 * permitted. The pointer lives until the list changes. */
it_white *it_whitelist_find(it_whitelist *w, it_time now, int flow, it_addr remote);

/* The first instant at which |e| no longer permits, IT_NEVER with an endless life. */
it_time it_whitelist_until(const it_whitelist *w, const it_white *e);

/* Takes back the permission for one address; forgets all of a socket, which is gone. */
void it_whitelist_revoke(it_whitelist *w, int flow, it_addr remote);
void it_whitelist_drop(it_whitelist *w, int flow);

#endif
