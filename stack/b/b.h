/* Model B: one connection object; the application carries its blobs to the far side by whatever means it has.
 *
 * Inside: one ICE agent, DTLS over the selected pairs, messages and voice inside DTLS, liveness.
 *
 * Media streams. By default there is one, of one component. Several share one transport when they are bundled (RFC
 * 8843): one ICE stream with one component, one DTLS association. Else each has a stream of ICE for itself, with one
 * component, which RTP and RTCP share (RFC 5761), or two; each component has its own pair, its own DTLS association
 * (RFC 5764 section 3.1) and its own liveness. Where one side has two components and the other one, one is used (RFC
 * 8445 section 6.1.2.2). How many streams there are, and whether they are bundled, both sides must have been told
 * alike; a side that has it otherwise dies before it opens. What streams and whole come to: stack/model/model.h. A
 * restart is of all streams, as they have their credentials in common; those whose pair has not changed tell nothing.
 * For every transport but the first B binds a socket beside each base (BIND of stack/io.h).
 *
 * Blobs are session descriptions (stack/b/blob.h), versioned and cumulative: each contains all that the far side must
 * know of this generation, so loss (with repetition by a later blob), duplication and reordering are harmless. Both
 * sides may start: the larger ICE tie-breaker controls and is the DTLS client.
 *
 * With SRTP the far side may be another's stack. Its description is an offer when it says actpass: our next blob is the
 * answer, with its media lines in their order, of which those that are none of our streams are rejected; else it is the
 * answer to ours (RFC 3264). Who offers controls, unless it is lite, and who answers is the DTLS client (RFC 8842
 * section 5.3). It gets media and no messages: data channels (SCTP) are absent.
 *
 * What is no STUN passes the gate
 * (stack/model/gate.h): it counts only from where a check of ours succeeded. Contract: stack/io.h; flow numbers are
 * bases, which the owner gives and takes by it_b_add_base and it_b_remove_base, or as BOUND and UNBIND. */
#ifndef IT_STACK_B_B_H
#define IT_STACK_B_B_H

#include "stack/dtls/dtls.h"
#include "stack/ice/agent.h"
#include "stack/model/gate.h"
#include "stack/model/model.h"
#include "stack/model/ops.h"
#include "stack/object.h"
#include "stack/tls/tls.h"
#include "stack/wsrelay/ways.h"

#define IT_BLOB_MAX 16384   /* bytes of a blob: a hundred candidates of the longest */
#define IT_B_STREAMS 8      /* media streams */
#define IT_B_BITRATE 600000 /* of video, bit/s */

/* How media is carried. */
enum it_b_media {
    IT_B_MEDIA_DTLS, /* inside DTLS, as messages are */
    IT_B_MEDIA_SRTP  /* RTP and RTCP beside it (RFC 5764), in descriptions that others take and give */
};

typedef struct it_b_stream_cfg {
    bool voice;       /* stream as soon as open; declared to the far side in the blob (a=sendrecv) */
    bool video;       /* of SRTP: frames of |bitrate| in place of voice */
    uint32_t bitrate; /* bit/s, 0: IT_B_BITRATE */
    int components;   /* 1 or 2; 0: 1; of SRTP 1 */
} it_b_stream_cfg;

#define IT_B_WEB_NAME 64
#define IT_B_WEB_AFTER (1 * IT_SEC)

/* The relay over WebSocket that is left when there is no other pair (stack/wsrelay/client.h). Both sides must have one
 * of the same name. Its pair stands behind all others, and is nominated two seconds after it works. */
typedef struct it_b_web_cfg {
    char name[IT_B_WEB_NAME];               /* whose certificate it has; letters, digits, dots, hyphens */
    it_wsrelay_way target[IT_WSRELAY_WAYS]; /* tried in turn */
    int n;                                  /* 0: none */
    it_tls_cfg tls; /* of TLS: |shared| and |trust| outlive the object, |version|, |log_keys|; the rest is B's */
    it_time after;  /* from the far side's description, or a restart, until it is joined; 0: IT_B_WEB_AFTER */
} it_b_web_cfg;

typedef struct it_b_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name; /* of its random streams: "alice/b1"; copied */
    it_dtls_shared *shared;
    const it_dtls_cert *cert; /* outlives the object */
    it_addr stun[IT_ICE_SERVERS_MAX];
    int n_stun;
    it_ice_turn turn[IT_ICE_TURN_MAX];
    int n_turn;
    it_tls_cfg tls; /* as it_ice_cfg has it */
    it_timers timers;
    it_ice_behaviour behaviour; /* all zeros: as the RFCs have it */
    unsigned tcp;               /* candidates by TCP, IT_ICE_WITH_ACTIVE, ... */
    it_b_web_cfg web;
    bool voice; /* of the one stream, where |n_streams| is 0 */
    it_b_stream_cfg stream[IT_B_STREAMS];
    int n_streams; /* 0: one, which has no name in blobs */
    bool bundle;   /* they share one transport; each then has one component */
    enum it_b_media media;
    uint16_t profiles[IT_DTLS_SRTP_MAX]; /* of SRTP, by preference; none: AEAD-AES-128-GCM, then AES-CM with SHA1_80 */
    it_time deadline;                    /* of play-out, of SRTP; 0: 150 ms */
    bool restart;      /* restart by itself when stalled, or when the nomination of every valid pair failed */
    bool alternatives; /* the host has another interface, up or not (the grace of T_linkdown applies) */
} it_b_cfg;

typedef struct it_b it_b;
/* A connection in state NEW, |cfg| copied; NULL when there is no memory, or |cfg| has a number of streams or components
 * that cannot be. Freeing NULL is allowed. */
it_b *it_b_new(const it_b_cfg *cfg);
void it_b_free(it_b *b);

/* A socket of the owner: before start, and whenever an interface comes up. Returns 0, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_b_add_base(it_b *b, it_time now, int flow, it_addr base) IT_MUST_CHECK;
/* The socket's interface is gone (the local machine saw it). */
void it_b_remove_base(it_b *b, it_time now, int flow);

/* Begins: gathering, signals, checks. */
void it_b_start(it_b *b, it_time now);
/* Takes a blob of the far side. Returns 0 (also for one that is old or known), IT_ERR_PARSE (dropped, an event says
 * why), IT_ERR_STATE. */
int it_b_signal(it_b *b, it_time now, it_bytes blob) IT_MUST_CHECK;
void it_b_restart(it_b *b, it_time now);
/* Sends one message, of the first stream that goes on. Returns 0, IT_ERR_STATE unless OPEN or STALLED, IT_ERR_TOOBIG.
 */
int it_b_send(it_b *b, it_time now, it_bytes data) IT_MUST_CHECK;
void it_b_close(it_b *b, it_time now);

/* How it stands as a whole: its state, the path of the first stream that goes on, the numbers of all streams, added or
 * the worst of them. The agent is for oracles and traces. */
enum it_state it_b_state(const it_b *b);
enum it_path it_b_path(const it_b *b);
void it_b_stats(const it_b *b, it_conn_stats *s);

/* The same of media stream |k|. Besides IT_ERR_NOTFOUND, NEW, NONE and false for a number that is none. */
int it_b_stream_send(it_b *b, it_time now, int k, it_bytes data) IT_MUST_CHECK;
/* Ends that stream alone, the whole with the last one. */
void it_b_stream_close(it_b *b, it_time now, int k);
enum it_state it_b_stream_state(const it_b *b, int k);
enum it_path it_b_stream_path(const it_b *b, int k);
bool it_b_stream_stats(const it_b *b, int k, it_conn_stats *s);
/* Its numbers as RTP; false for a number that is none, without SRTP, and before it is open. */
bool it_b_stream_media(const it_b *b, int k, it_media_stats *s);
/* True when the far side is another's stack. */
bool it_b_is_foreign(const it_b *b);
const it_ice *it_b_ice(const it_b *b);
/* How many candidates of ours were never told, as a blob has room for IT_BLOB_CANDS, of which each stream of ICE has an
 * equal share: those that are gathered last, of the bases and servers named last. */
uint64_t it_b_untold(const it_b *b);
const it_gate *it_b_gate(const it_b *b);
/* What the checks of the first transport carry of DTLS; NULL where |behaviour|.sped is not set. */
const it_sped *it_b_sped(const it_b *b);

/* The object contract of stack/io.h; negative results are IT_ERR_NOMEM. */
int it_b_input(it_b *b, it_time now, const it_io *in);
int it_b_tick(it_b *b, it_time now);
it_time it_b_next(const it_b *b);
int it_b_output(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* |media|: the stream the event is of, -1: the whole; may be NULL. */
int it_b_event_next(it_b *b, it_model_event *ev, int *media);
/* The same as a table; bases are inputs there. */
extern const it_object_ops it_b_ops;

/* The functions of a model, over an it_b. */
extern const it_model_ops it_b_model;

#endif
