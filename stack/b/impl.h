/* What the files of model B share.
 *
 *     b.c         the API: input, tick, output, commands
 *     signal.c  blobs out and in, generations, restarts
 *     path.c    what ICE reports: paths, restarts, death; conn.c has the rest */
#ifndef IT_STACK_B_IMPL_H
#define IT_STACK_B_IMPL_H

#include "stack/b/b.h"
#include "stack/b/blob.h"
#include "stack/model/conn.h"
#include "stack/model/gate.h"

#define B_BASES 16
#define B_NAME 64
#define B_RESTART_GAP                                                                                                  \
    (10 * IT_SEC) /* until a restart that brought nothing is repeated; then twice as long each time                    \
                   */
#define B_RESTART_GAP_MAX (640 * IT_SEC) /* up to that */

struct it_b {
    it_b_cfg cfg;
    it_alloc *alloc;
    char name[B_NAME];
    it_ice *ice;
    it_evq events;
    it_model_event latest; /* told by its table */
    it_conn conn;          /* its channel is made when the roles are known */
    it_gate gate;          /* before all that is no STUN */
    uint64_t signal_bytes, signal_messages;

    it_conn_socket bases[B_BASES]; /* that are there */
    int n_bases;

    /* signaling, ours */
    uint32_t generation; /* both sides use the same number; a restart takes the next one */
    uint64_t session, serial;
    bool dirty; /* something changed that the far side must hear */
    bool gathered;
    it_ice_cand *cands; /* of this generation */
    size_t n_cands, cap_cands;
    /* signaling, theirs */
    bool heard; /* any blob */
    uint64_t far_session, far_serial;
    uint32_t far_generation; /* of the last blob taken */
    uint8_t far_prints[IT_BLOB_PRINTS][IT_SHA256_SIZE];
    size_t n_far_prints;
    unsigned left_out; /* what was told of their blobs already */
    it_ice_cand *read; /* room for a blob's candidates, IT_BLOB_CANDS */
    it_str text;       /* the blob being written */

    /* the path */
    bool dtls_client;
    it_ice_pair_view told; /* the selected pair the application knows of */
    enum it_path told_path;
    it_time valid_until;         /* consent to use a valid pair before one is selected (RFC 7675 section 5.1) */
    it_time restart_at;          /* next try while stalled; IT_NEVER */
    it_time began_at;            /* when the last restart began; IT_NEVER before the first */
    it_time restart_gap;         /* until the one after it */
    uint32_t stalled_generation; /* 1 + the generation begun for a stall before the opening, 0: none */
};

/* signal.c */
void it_b_forget_cands(it_b *b);
void it_b_on_candidate(it_b *b, const it_ice_cand *c);
void it_b_begin_restart(it_b *b, it_time now, uint32_t generation);
/* Restarts now, or when the restart under way has had two fifths of T_linkdown: a network that flaps must not keep it
 * from coming to its end. */
void it_b_want_restart(it_b *b, it_time now);
/* Writes the blob and queues the signal event when something changed. */
void it_b_signal_if_dirty(it_b *b, it_time now);

/* path.c */
/* Takes everything ICE and DTLS have to report and runs the clocks of liveness. */
void it_b_pump(it_b *b, it_time now);
it_time it_b_consent_late(const it_b *b);
/* Takes one datagram that the gate let pass. Returns 0 or IT_ERR_NOMEM. */
int it_b_data(it_b *b, it_time now, const it_io *in);
/* When the clocks of the path that b.c does not know have something to do. */
it_time it_b_path_next(const it_b *b);
void it_b_base_gone(it_b *b, it_time now, const it_conn_socket *s);

#endif
