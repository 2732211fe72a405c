/* The flows of one session (RFC 7016 section 3.6): messages in order or not, whole or abandoned, each flow by itself,
 * all of them under one congestion window. No packets here: an owner gives chunks that are authentic and takes chunks
 * for the packets that it sends.
 *
 * Receiving flows are the far end's and have its IDs; sending flows are ours. A message may be given up before it has
 * arrived: the receiver is then told of a gap, and never of a part. */
#ifndef IT_STACK_RTMFP_FLOW_FLOW_H
#define IT_STACK_RTMFP_FLOW_FLOW_H

#include "stack/rtmfp/flow/congestion.h"
#include "stack/rtmfp/flow/event.h"
#include "stack/rtmfp/wire/chunk.h"
#include "stack/rtmfp/wire/rtt.h"

#define IT_RTMFP_METADATA 512           /* bytes at most (section 2.3.11.1.1: SHOULD) */
#define IT_RTMFP_PART_MOST 1080         /* bytes of a fragment's data and startup options */
#define IT_RTMFP_FLOWS 256              /* of each direction in a session */
#define IT_RTMFP_SEND_QUEUE (1 << 20)   /* bytes that wait in one sending flow */
#define IT_RTMFP_WINDOW_FIRST 65536     /* of either direction (section 3.6.2.1) */
#define IT_RTMFP_MESSAGE_MOST (8 << 20) /* bytes that a receiving flow buffers at most; beyond it is rejected */
#define IT_RTMFP_BURST 6                /* packets of user data between acknowledgments (section 3.5.2.3) */
#define IT_RTMFP_NAKS 3                 /* until a fragment is lost (section 3.6.2.5) */
#define IT_RTMFP_SEND_LINGER (130 * IT_SEC)
#define IT_RTMFP_RECV_LINGER (120 * IT_SEC)
#define IT_RTMFP_URGENT (800 * IT_MS) /* how long time-critical data is remembered (appendix A.2) */

typedef struct it_rtmfp_send it_rtmfp_send;
typedef struct it_rtmfp_recv it_rtmfp_recv;

/* What the sessions of an end share: when any of them has sent a packet with the flag time critical. */
typedef struct it_rtmfp_shared {
    it_time tc_sent_at;
} it_rtmfp_shared;

typedef struct it_rtmfp_flows {
    it_alloc *alloc;
    it_rtmfp_events *events;
    it_rtmfp_rtt *rtt;
    it_rtmfp_shared *shared;
    uint32_t session;
    size_t window; /* of receiving flows that begin; the owner may change it */
    it_rtmfp_congestion cc;

    it_rtmfp_send **send;
    it_rtmfp_recv **recv;
    size_t sends, send_cap, recvs, recv_cap;
    uint64_t last_id, next_tsn, max_tsn_ack;
    uint64_t cut_tsn; /* the last that had been sent when a loss cut the window: those up to it cut it no more */
    uint64_t outstanding;
    uint32_t burst; /* packets of user data since the last acknowledgment */
    it_time timeout_at, delack_at;
    bool ack_now;
    uint32_t data_packets;      /* since the last acknowledgment was sent */
    it_time tc_sent_at, tcr_at; /* this session's */

    it_rtmfp_data last; /* of the packet that is being taken: its last user data */
    bool has_last, any_data, any_ack;
    bool stalled, answered; /* for the owner, who clears them: a timeout with loss; something new was acknowledged */
    int err;
} it_rtmfp_flows;

/* How a sending flow is to be. */
typedef struct it_rtmfp_flow_opts {
    it_bytes metadata;
    uint64_t returns;  /* the receiving flow that it is in return to; 0: to none */
    uint32_t priority; /* higher ones go first */
    bool urgent;       /* time critical: its packets say so (section 3.5.2.1) */
} it_rtmfp_flow_opts;

/* How reliable a message is to be. All zeros: as reliable as the session. */
typedef struct it_rtmfp_write_opts {
    it_time until;  /* it is abandoned at this instant unless it has arrived; 0: never */
    uint32_t sends; /* and when it was lost after having been sent so often; 0: never */
} it_rtmfp_write_opts;

/* What receiving flows are. */
typedef struct it_rtmfp_recv_opts {
    size_t window;  /* bytes it buffers; 0: none, the sender is stopped */
    bool suspended; /* messages are held */
    bool unordered; /* messages are delivered when they are complete, in whatever order */
} it_rtmfp_recv_opts;

/* Begins without flows; allocates nothing. |session| is what events name. */
void it_rtmfp_flows_init(it_rtmfp_flows *f, it_alloc *alloc, it_rtmfp_events *events, it_rtmfp_rtt *rtt,
                         it_rtmfp_shared *shared, uint32_t session);
void it_rtmfp_flows_fini(it_rtmfp_flows *f);

/* Opens a sending flow; |*id| is its number. Nothing is sent before the first message or its end. Returns 0,
 * IT_ERR_RANGE for too much metadata, IT_ERR_NOTFOUND when |returns| is not open, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_rtmfp_flows_open(it_rtmfp_flows *f, const it_rtmfp_flow_opts *o, uint64_t *id);
/* Queues a message of sending flow |id|; |*message|, when it is not NULL, is its number for abandoning. Returns 0,
 * IT_ERR_NOTFOUND, IT_ERR_STATE once it is closed, IT_ERR_FULL (WRITABLE follows), IT_ERR_NOMEM. */
int it_rtmfp_flows_write(it_rtmfp_flows *f, uint64_t id, it_bytes data, const it_rtmfp_write_opts *o,
                         uint64_t *message);
/* Abandons a message that has not arrived yet; IT_ERR_NOTFOUND when it has, or was. */
int it_rtmfp_flows_abandon(it_rtmfp_flows *f, uint64_t id, uint64_t message);
/* Closes sending flow |id|: what was queued is still sent, or with |abandon| given up. Returns 0, IT_ERR_NOTFOUND,
 * IT_ERR_STATE, IT_ERR_NOMEM. */
int it_rtmfp_flows_close(it_rtmfp_flows *f, uint64_t id, bool abandon);
/* Rejects receiving flow |id| (section 3.6.3.7). Returns 0 or IT_ERR_NOTFOUND. */
int it_rtmfp_flows_reject(it_rtmfp_flows *f, uint64_t id, uint64_t code);
/* Changes receiving flow |id|. Returns 0, IT_ERR_NOTFOUND, IT_ERR_NOMEM. */
int it_rtmfp_flows_tune(it_rtmfp_flows *f, uint64_t id, const it_rtmfp_recv_opts *o);
/* Bytes that sending flow |id| has not been told to have arrived; 0 for one that there is not. */
size_t it_rtmfp_flows_queued(const it_rtmfp_flows *f, uint64_t id);

/* A packet that is authentic: begins, with its header; its chunks, false when one is not of flows or malformed; ends.
 */
void it_rtmfp_flows_begin(it_rtmfp_flows *f, it_time now, const it_rtmfp_head *h);
bool it_rtmfp_flows_chunk(it_rtmfp_flows *f, it_time now, const it_rtmfp_chunk *c);
void it_rtmfp_flows_end(it_rtmfp_flows *f, it_time now);

/* Whether there is something to be sent at |now|. */
bool it_rtmfp_flows_ready(const it_rtmfp_flows *f, it_time now);
/* Appends what there is and fits to |b|: acknowledgments, user data, probes; |h|->tc is set where it has to. */
void it_rtmfp_flows_put(it_rtmfp_flows *f, it_time now, it_buf *b, it_rtmfp_head *h);
/* Timers, as stack/io.h. */
void it_rtmfp_flows_tick(it_rtmfp_flows *f, it_time now);
it_time it_rtmfp_flows_next(const it_rtmfp_flows *f, it_time now);

#endif
