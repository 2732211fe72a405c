/* Model E: a bare UDP socket that may only send where a handshake succeeded. Everything else is the application's.
 *
 *     it_e_test    one STUN connectivity check (RFC 8445 section 7.1, short-term credentials of RFC 8489 section 9.1)
 *     event TEST   a valid check came in and was answered; that alone permits nothing
 *     event SUCCESS  exactly the address that was asked gave an authentic answer to exactly that check: it may be sent
 * to it_e_open_media, it_e_send   only there; else IT_ERR_PERM at once, and nothing leaves it_e_probe   asks a
 * configured STUN server for our address; permits nothing
 *
 * A permission is for one 5-tuple and lapses |expiry| after its last success (RFC 7675). The far side's credentials
 * that permitted it are spent then: a new generation has new ones (RFC 8445 section 9), ours by it_e_restart. A socket
 * is bound on every address of the host, so a command may say which one to use; by default the first of the right
 * family.
 *
 * ICE is the application's: pairing, pacing, nomination, consent, failover. The socket has no role of its own: each
 * check carries the role the application names, with the socket's tie-breaker, and TEST tells what the far side claims;
 * conflicts (RFC 8445 section 7.3.1.1) are for the application to prevent, no 487 is sent. Fingerprints and who is the
 * DTLS client come by the application's wire too. What is no STUN passes the gate (stack/model/gate.h): it counts only
 * from where a check of ours has succeeded.
 *
 * Limits, so that a script cannot make strangers receive much (RFC 8445 sections 5.1.1.1, 19.5.1): one new transaction
 * every IT_E_GAP; of those that are not answered at most IT_E_UNANSWERED at a time to one IP address, whatever the
 * port, IT_E_UNANSWERED_NET into one /24 or /64, and IT_E_UNANSWERED_SUM in all. Seven interfaces of ours may test four
 * candidates of a far side at once; whoever answers, or is permitted, does not count. Not here: relays (one would be an
 * endpoint that answers checks), TCP. Contract: stack/io.h; flow numbers are bases,
 * which the owner gives and takes by it_e_add_base and it_e_remove_base, or as BOUND and UNBIND. */
#ifndef IT_STACK_E_E_H
#define IT_STACK_E_E_H

#include "stack/dtls/dtls.h"
#include "stack/model/gate.h"
#include "stack/model/model.h"
#include "stack/model/ops.h"
#include "stack/object.h"

#define IT_E_GAP (50 * IT_MS) /* between two new transactions of one socket */
#define IT_E_UNANSWERED 5     /* transactions to one IP address at a time */
#define IT_E_UNANSWERED_NET 24
#define IT_E_UNANSWERED_SUM 32
#define IT_E_SERVERS_MAX 4
#define IT_E_MEDIA_MAX 16  /* media sessions in the life of a socket */
#define IT_E_UFRAG_MAX 256 /* RFC 8839 section 5.4 */
#define IT_E_PWD_MAX 256

typedef struct it_e_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name;        /* of its random streams: "alice/e1"; copied */
    const char *ufrag, *pwd; /* ours, as it_e_credentials wants them; copied */
    it_dtls_shared *shared;
    const it_dtls_cert *cert;       /* outlives the object */
    it_addr stun[IT_E_SERVERS_MAX]; /* the servers that may be probed */
    int n_stun;
    it_timers timers;
    it_time expiry;    /* of a permission; 0: timers.death; IT_NEVER: none, as before RFC 7675 */
    bool alternatives; /* the host has another interface, up or not (the grace of T_linkdown applies) */
} it_e_cfg;

typedef struct it_e it_e;

/* 0 when these may be a socket's own credentials: RFC 8839 section 5.4, ice-chars, 4 to 256 and 22 to 256; else
 * IT_ERR_RANGE. */
int it_e_credentials(const char *ufrag, const char *pwd) IT_MUST_CHECK;

/* A socket with good credentials; NULL on no memory. */
it_e *it_e_new(const it_e_cfg *cfg);
void it_e_free(it_e *e);

/* Takes new credentials of our own for a new generation. Checks that still use the earlier ones are answered as long as
 * a permission lives, of the last three generations. Returns 0 or IT_ERR_RANGE (not it_e_credentials', or the same
 * fragment as before). */
int it_e_restart(it_e *e, it_time now, const char *ufrag, const char *pwd) IT_MUST_CHECK;

/* A base of the owner; its order is the order of preference. Returns 0, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_e_add_base(it_e *e, it_time now, int flow, it_addr base) IT_MUST_CHECK;
/* The base is gone, and with it every permission and every check and question that left by it: nothing reaches anybody
 * any more, so they leave their places under the limits. */
void it_e_remove_base(it_e *e, it_time now, int flow);
/* Whether |base| is one of those that it has; of a driver's it has the first 16. */
bool it_e_has_base(const it_e *e, it_addr base);

typedef struct it_e_check {
    it_addr to;
    it_addr from;            /* one of our bases; none: the first of the family of |to| */
    const char *ufrag, *pwd; /* the far side's: 1 to 256 ice-chars each */
    uint32_t priority;       /* PRIORITY; 0: that of a peer-reflexive candidate, RFC 8445 section 7.1.1 */
    bool controlling;        /* ICE-CONTROLLING instead of ICE-CONTROLLED, section 7.1.3 */
    bool nominate;           /* USE-CANDIDATE; needs |controlling|, section 7.1.2 */
    int tries; /* transmissions, 1 to 7; 0: 7 (RFC 8489 section 6.2.1). 1 is a consent check (RFC 7675 section 5.1) */
} it_e_check;

/* Starts one check. Returns 0, IT_ERR_RATE, IT_ERR_RANGE (a field), IT_ERR_PERM (|to| can be nobody's candidate:
 * it_ice_addr_usable; or these credentials are spent on that 5-tuple, RFC 7675 section 5.1), IT_ERR_NOROUTE (no such
 * base, none of the family), IT_ERR_NOMEM. */
int it_e_test(it_e *e, it_time now, const it_e_check *t) IT_MUST_CHECK;

/* Asks |server| in |tries| transmissions, as of it_e_check; REFLEXIVE tells what it says. Same limits. Returns as
 * it_e_test, IT_ERR_PERM for a server not configured. */
int it_e_probe(it_e *e, it_time now, it_addr server, it_addr from, int tries) IT_MUST_CHECK;

/* One datagram as it is. Leaves from |from|, or from the base with the latest success. Returns 0, IT_ERR_PERM,
 * IT_ERR_RANGE when empty, IT_ERR_TOOBIG above IT_IO_DGRAM_MAX, IT_ERR_FULL (too many queued), IT_ERR_NOMEM. */
int it_e_send(it_e *e, it_time now, it_addr to, it_addr from, it_bytes data) IT_MUST_CHECK;

typedef struct it_e_media {
    it_addr to, from;                    /* as for it_e_send */
    uint8_t fingerprint[IT_SHA256_SIZE]; /* the far side's certificate must have this one */
    bool client;                         /* DTLS client (a=setup:active); the other side must take the other part */
    bool voice;                          /* stream voice as soon as open */
    bool far_voice;                      /* the far side is declared to do so: silence counts from the start */
    enum it_ice_kind remote_kind;        /* what the application knows |to| to be, for the events */
    it_time within;                      /* T_conn, what is left of it; 0: the whole */
} it_e_media;

/* Opens a media session: DTLS, then messages and voice, in the vocabulary of model.h with its number in the events.
 * Returns the number, dense from 0, or at once and without a packet IT_ERR_PERM; IT_ERR_FULL, IT_ERR_NOMEM. */
int it_e_open_media(it_e *e, it_time now, const it_e_media *m) IT_MUST_CHECK;
/* Moves a session to another permitted address (event FAILOVER when open). Returns 0, also when it is there already,
 * IT_ERR_PERM, IT_ERR_NOTFOUND (no such session), IT_ERR_STATE when it is over. */
int it_e_move(it_e *e, it_time now, int media, it_addr to, it_addr from, enum it_ice_kind remote_kind) IT_MUST_CHECK;
/* As it_b_send, and IT_ERR_NOTFOUND. */
int it_e_media_send(it_e *e, it_time now, int media, it_bytes data) IT_MUST_CHECK;
void it_e_media_close(it_e *e, it_time now, int media);

/* NEW and IT_PATH_NONE for a number that is none. */
enum it_state it_e_media_state(const it_e *e, int media);
enum it_path it_e_media_path(const it_e *e, int media);
/* False for a number that is none. */
bool it_e_media_stats(const it_e *e, int media, it_conn_stats *s);

/* The object contract of stack/io.h; negative results are IT_ERR_NOMEM. */
int it_e_input(it_e *e, it_time now, const it_io *in);
int it_e_tick(it_e *e, it_time now);
it_time it_e_next(const it_e *e);
int it_e_output(it_e *e, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* |media|: the session the event is of, -1: the socket itself. */
int it_e_event_next(it_e *e, it_model_event *ev, int *media);
/* The same as a table; bases are inputs there. */
extern const it_object_ops it_e_ops;
/* The gate, for tests and results. */
const it_gate *it_e_gate(const it_e *e);

/* The functions of a model, over an it_e. */
extern const it_model_ops it_e_model;

#endif
