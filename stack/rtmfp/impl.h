/* What the files of stack/rtmfp know of each other; nobody else includes this, but their tests.
 *
 *     end.c       the object: bases, datagrams in, output     session.c   slots, indices, timers, ways to end
 *     initiate.c  opening a session                           respond.c   answering those who open one
 *     inside.c    packets of open and closing sessions        queue.c     what waits for output, and for the owner
 *     flows.c     between a session and its flows           carrier.c   all of it as a table */
#ifndef IT_STACK_RTMFP_IMPL_H
#define IT_STACK_RTMFP_IMPL_H

#include "base/table/bits.h"
#include "base/table/map.h"
#include "base/table/tourney.h"
#include "stack/rtmfp/profile/cookie.h"
#include "stack/rtmfp/rtmfp.h"
#include "stack/rtmfp/wire/frag.h"
#include "stack/rtmfp/wire/rtt.h"

#define IT_RTMFP_TAG 16          /* bytes of ours */
#define IT_RTMFP_COOKIE_MOST 256 /* bytes of one that is taken */
#define IT_RTMFP_EARLY 16        /* packets of a session that overtook its RIKeying */
#define IT_RTMFP_QUEUE 256       /* packets that wait for output */
#define IT_RTMFP_FORWARDED 10    /* FIHellos a second, of one session, that are answered */
#define IT_RTMFP_LONG_AGO (-(IT_NEVER / 2))

typedef struct it_rtmfp_candidate {
    it_addr addr;
    it_time due;
    uint32_t tries;
} it_rtmfp_candidate;

typedef struct it_rtmfp_early {
    it_rtmfp_path path;
    size_t n;
    uint8_t *p;
} it_rtmfp_early;

/* What a session needs until it is open. */
typedef struct it_rtmfp_opening {
    it_time deadline;
    uint8_t tag[IT_RTMFP_TAG];
    size_t epd_n, n, cookie_n, chunk_n, early_n;
    it_rtmfp_candidate candidate[IT_RTMFP_CANDIDATES];
    bool cookie_changed;
    it_time due; /* of the IIKeying */
    uint32_t tries;
    it_rtmfp_near near;
    it_rtmfp_early early[IT_RTMFP_EARLY];
    uint8_t epd[IT_RTMFP_EPD_MOST];
    uint8_t cookie[IT_RTMFP_COOKIE_MOST];
    uint8_t chunk[IT_RTMFP_DATAGRAM]; /* the IIKeying */
} it_rtmfp_opening;

typedef struct it_rtmfp_session {
    uint32_t no, slot;
    enum it_rtmfp_state state;
    bool initiator, trusted;
    uint32_t rx_sid, tx_sid;
    it_rtmfp_path path; /* DESTADDR */
    it_rtmfp_keys keys;
    it_rtmfp_cert far;
    uint8_t *far_raw;          /* what |far| is in */
    it_rtmfp_opening *opening; /* NULL once it is open */
    uint8_t near_nonce[IT_SHA256_SIZE], far_nonce[IT_SHA256_SIZE];

    uint8_t asked[IT_SHA256_SIZE]; /* responder: what its IIKeying was */
    uint8_t *answer;               /* and the RIKeying, for when it comes again */
    size_t answer_n;

    it_rtmfp_rtt rtt;
    it_rtmfp_flows flows; /* while it is open */
    it_time opened_at, rx_at, tx_at;
    it_time keepalive; /* 0: that of the object */
    bool pinging;
    it_time ping_first, ping_due;
    it_time mob_tx, mob_rx; /* MOB_TX_TS, MOB_RX_TS of section 3.5.4.2 */
    it_time close_due, close_end;
    it_time forwarded_at;
    uint32_t forwarded; /* FIHellos answered since |forwarded_at| */
} it_rtmfp_session;

/* A packet that waits: chunks without a header. */
typedef struct it_rtmfp_packet {
    struct it_rtmfp_packet *next;
    bool startup;   /* sealed by the default key, to |sid| */
    bool elsewhere; /* of a session, but over |path| */
    uint32_t sid;
    uint32_t session; /* its number; 0: of none */
    it_rtmfp_path path;
    size_t n;
    uint8_t chunks[];
} it_rtmfp_packet;

typedef struct it_rtmfp_base {
    uint32_t flow;
    it_addr local;
    uint32_t size; /* of datagrams; 0: not known */
} it_rtmfp_base;

/* A session that has received a packet with the flag time critical, and when. */
typedef struct it_rtmfp_urgent {
    uint32_t session;
    it_time at;
} it_rtmfp_urgent;

struct it_rtmfp {
    it_rtmfp_cfg cfg;
    it_alloc *alloc;
    it_rng rng;
    it_rtmfp_identity id;
    it_rtmfp_keys startup;
    it_hmac_key secret; /* of cookies and marks */
    it_rtmfp_stats stats;
    it_rtmfp_frags frags;
    it_rtmfp_base base[IT_RTMFP_BASES];
    uint32_t bases;

    it_rtmfp_session **slot;
    uint32_t slots, last_no;
    it_tourney due;
    it_map by_no, by_sid; /* -> slot */
    it_map by_addr;       /* DESTADDR of open sessions -> slot */
    it_map by_print;      /* peer ID of open sessions -> slot */

    it_rtmfp_packet *out, **out_end;
    uint32_t outs;
    it_rtmfp_events events;
    it_rtmfp_shared shared;
    it_bits ready; /* slots of sessions whose flows may have something to send */
    it_rtmfp_urgent urgent[2];
    int err; /* the first one of the call that goes on */
    uint8_t plain[IT_RTMFP_FRAG_BYTES];
};

/* queue.c: queues chunks, sealed by the default key to |sid| over |path|; of session |s|, over its path; of |s| over
 * |path|. Return 0, IT_ERR_FULL or IT_ERR_NOMEM. */
int it_rtmfp_queue_startup(it_rtmfp *r, const it_rtmfp_path *path, uint32_t sid, it_bytes chunks);
int it_rtmfp_queue_session(it_rtmfp *r, const it_rtmfp_session *s, it_bytes chunks);
int it_rtmfp_queue_elsewhere(it_rtmfp *r, const it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes chunks);
/* The first packet, which is the caller's to free; NULL: none. */
it_rtmfp_packet *it_rtmfp_queue_pop(it_rtmfp *r);
/* Tells the owner |ev|; what it points to is copied. */
void it_rtmfp_tell(it_rtmfp *r, const it_rtmfp_event *ev);
/* Tells that |s| is |kind| for |cause|. */
void it_rtmfp_tell_end(it_rtmfp *r, const it_rtmfp_session *s, enum it_rtmfp_event_kind kind,
                       enum it_rtmfp_cause cause);
void it_rtmfp_queue_wipe(it_rtmfp *r);
/* Notes |err|, unless it is 0 or IT_ERR_FULL, which is a packet lost. */
void it_rtmfp_note(it_rtmfp *r, int err);

/* session.c: a new session with an ID of its own, over |path|; NULL when there are too many or there is no memory. */
it_rtmfp_session *it_rtmfp_session_new(it_rtmfp *r, it_time now, enum it_rtmfp_state state);
/* By number, by ID, by address of an open one; NULL: none. */
it_rtmfp_session *it_rtmfp_session_no(const it_rtmfp *r, uint32_t no);
it_rtmfp_session *it_rtmfp_session_sid(const it_rtmfp *r, uint32_t sid);
it_rtmfp_session *it_rtmfp_session_at(const it_rtmfp *r, it_addr a);
/* Frees it and takes it out of everything. */
void it_rtmfp_session_drop(it_rtmfp *r, it_rtmfp_session *s);
/* Copies certificate |raw| of the far end. Returns 0 or IT_ERR_NOMEM. */
int it_rtmfp_session_far(it_rtmfp *r, it_rtmfp_session *s, it_bytes raw);
/* It is open, with |a| and |path| and |tx_sid| set; tells so. Returns 0, IT_ERR_NOMEM, IT_ERR_CRYPTO; |s| is then to be
 * dropped. */
int it_rtmfp_session_open(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_agreed *a);
/* DESTADDR becomes |path|. */
void it_rtmfp_session_move(it_rtmfp *r, it_rtmfp_session *s, const it_rtmfp_path *path);
/* An open session ends abruptly: a Close Ack to the far end where |say|, CLOSED to the owner. */
void it_rtmfp_session_kill(it_rtmfp *r, it_time now, it_rtmfp_session *s, enum it_rtmfp_cause cause, bool say);
/* Sets its timer anew. */
void it_rtmfp_session_arm(it_rtmfp *r, it_time now, it_rtmfp_session *s);
void it_rtmfp_opening_free(it_rtmfp *r, it_rtmfp_session *s);

/* initiate.c: timers, and chunks that are for an opening session. False: out of place. */
void it_rtmfp_initiate_tick(it_rtmfp *r, it_time now, it_rtmfp_session *s);
it_time it_rtmfp_initiate_next(const it_rtmfp_session *s);
bool it_rtmfp_take_rhello(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes payload);
bool it_rtmfp_take_redirect(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes payload);
bool it_rtmfp_take_rikeying(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes payload);
bool it_rtmfp_take_cookie_change(it_rtmfp *r, it_time now, it_rtmfp_session *s, it_bytes payload);

/* respond.c: the same. |size| is that of the datagram. */
bool it_rtmfp_take_ihello(it_rtmfp *r, it_time now, const it_rtmfp_path *path, size_t size, it_bytes payload);
bool it_rtmfp_take_fihello(it_rtmfp *r, it_time now, it_rtmfp_session *s, it_bytes payload);
bool it_rtmfp_take_iikeying(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes payload);

/* inside.c: a packet of an open or closing session that is authentic, from |path|; |s| may be gone then. */
void it_rtmfp_inside(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes plain);
void it_rtmfp_inside_tick(it_rtmfp *r, it_time now, it_rtmfp_session *s);
it_time it_rtmfp_inside_next(const it_rtmfp *r, it_time now, const it_rtmfp_session *s);
/* Sends a Ping now, and again until it is answered. */
void it_rtmfp_ping(it_rtmfp *r, it_time now, it_rtmfp_session *s);

/* flows.c: |s| may have something to send; a chunk or packet of its flows, as in flow.h; errors of flows become those
 * of the call. */
void it_rtmfp_flows_touch(it_rtmfp *r, it_time now, it_rtmfp_session *s);
/* A packet with |h| has come over |s|; one is to leave over it: the flags of time-critical data (section 3.5.2.1). */
void it_rtmfp_urgent_note(it_rtmfp *r, it_time now, const it_rtmfp_session *s, const it_rtmfp_head *h);
bool it_rtmfp_urgent_elsewhere(const it_rtmfp *r, it_time now, const it_rtmfp_session *s);

/* end.c: takes datagram |d|, that came over |path|. */
void it_rtmfp_datagram(it_rtmfp *r, it_time now, const it_rtmfp_path *path, it_bytes d);
/* Whether a datagram to |a| may leave at all: a host's address and a port. */
bool it_rtmfp_addressable(it_addr a);

#endif
