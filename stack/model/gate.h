/* The gate of every model: what comes in and is no STUN message passes only from where the far side has proved to be.
 *
 *     datagram, not STUN --> vouched (base, remote)? --yes--> the connection (DTLS, raw)
 *                                   | no
 *                                   v
 *                      held: 8 datagrams, 16 kB a base, 2 s --a check vouches--> the connection, in order
 *                                   | no room, or nobody vouched
 *                                   v
 *                            dropped, with a reason
 *
 * Who vouches is the owner's to say: a full agent's own connectivity check that succeeded on that (base, remote), in
 * this generation or in one that is still answered (RFC 8445 sections 7.2.5.3, 8.3, 9); a lite agent's authentic check
 * that it answered; for DTLS carried in STUN, the message's integrity.
 *
 * This departs from RFC 8445 section 12.2, by which an agent must be ready to take data on any candidate it told the
 * far side of: everybody who guesses a port could then speak to the DTLS stack before its handshake is done. What a far
 * side that is ahead of us sends waits the time it takes our own check to succeed.
 *
 * A place from which an authentic check came is |known|: it cannot vouch, but what comes from there is kept before what
 * comes from elsewhere. A datagram that is held or dropped changes nothing else. Knows neither ICE nor DTLS, and has no
 * timer: what has waited too long goes when the gate is next used. */
#ifndef IT_STACK_MODEL_GATE_H
#define IT_STACK_MODEL_GATE_H

#include "base/alloc.h"
#include "stack/io.h"

#define IT_GATE_EARLY 8           /* datagrams held a base */
#define IT_GATE_EARLY_BYTES 16384 /* and their bytes */
#define IT_GATE_WAIT (2 * IT_SEC) /* for a check that vouches */
#define IT_GATE_PLACES 256        /* vouched (base, remote) at a time; the one vouched for longest ago gives way */
#define IT_GATE_KNOWN 32          /* places from which authentic checks came */

enum it_gate_verdict { IT_GATE_PASS, IT_GATE_HELD, IT_GATE_REFUSED };

enum it_gate_reason {
    IT_GATE_UNVOUCHED, /* no check on its (base, remote) succeeded within IT_GATE_WAIT */
    IT_GATE_NO_ROOM,   /* the base holds all it may */
    IT_GATE_BASE_GONE, /* the base it came to went */
    IT_GATE_REASONS
};
/* "unvouched", "no_room", "base_gone". Static storage. */
const char *it_gate_reason_name(enum it_gate_reason r);

/* One end of the net as a base sees it. */
typedef struct it_gate_place {
    int flow;
    it_addr remote;
    bool earlier;  /* vouched for by an earlier generation */
    it_time until; /* IT_NEVER: as long as its generation */
} it_gate_place;

typedef struct it_gate_held {
    int flow;
    it_addr local, remote;
    it_time at;
    size_t n;
    uint8_t *data; /* owned */
} it_gate_held;

typedef struct it_gate {
    it_alloc *alloc;
    it_gate_place *places; /* vouched, the latest last */
    size_t n_places, cap_places;
    it_gate_place known[IT_GATE_KNOWN];
    int n_known, known_at; /* |known_at|: the next one to be written over */
    it_gate_held *held;    /* in order of arrival */
    size_t n_held, cap_held;
    uint8_t *taken; /* what it_gate_take gave last */
    uint64_t dropped[IT_GATE_REASONS];
} it_gate;

/* An empty gate (allocates nothing) that lets nobody pass; frees what it holds. */
void it_gate_init(it_gate *g, it_alloc *alloc);
void it_gate_fini(it_gate *g);

/* Vouches for |remote| as seen by base |flow|. What waits from there is it_gate_take's from now on. Returns 0 or
 * IT_ERR_NOMEM. */
int it_gate_vouch(it_gate *g, it_time now, int flow, it_addr remote) IT_MUST_CHECK;
/* An authentic check came from there. */
void it_gate_know(it_gate *g, int flow, it_addr remote);
/* Nobody vouches for that place any more (the far side ended consent). */
void it_gate_revoke(it_gate *g, int flow, it_addr remote);
/* A new ICE generation begins: what was vouched for stays so until it_gate_settle. */
void it_gate_restart(it_gate *g);
/* The new generation has its path: earlier ones are answered until |until|, and vouch as long. */
void it_gate_settle(it_gate *g, it_time until);
/* The base is gone, and all that came to it. */
void it_gate_drop_base(it_gate *g, int flow);

/* True when |flow|, |remote| is vouched for. */
bool it_gate_vouched(const it_gate *g, it_time now, int flow, it_addr remote);

/* Judges the datagram |in|. HELD: a copy waits. REFUSED: it is counted under its reason. IT_ERR_NOMEM: it is lost. */
int it_gate_input(it_gate *g, it_time now, const it_io *in);
/* The oldest held datagram that is vouched for by now: 1, or 0 when there is none. Its bytes live until the next call
 * on the gate. */
int it_gate_take(it_gate *g, it_time now, it_io *out);

/* Datagrams dropped so far, for all reasons. */
uint64_t it_gate_dropped(const it_gate *g);

#endif
