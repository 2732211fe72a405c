/* What the files of model B share.
 *
 *     b.c         the API: input, tick, output, commands
 *     socket.c    bases, and the sockets that further transports bind beside them
 *     signal.c    blobs out and in, generations, restarts
 *     foreign.c   what a description of another's stack comes to; the channels
 *     path.c      what ICE reports: paths, restarts, death; conn.c has the rest
 *     web.c       the relay over WebSocket
 *     sped.c      the handshakes of DTLS that checks carry
 *     stream.c    what the transports come to: the media streams, and the whole
 *
 *     media stream --> one transport a component, or the one that all share (BUNDLE) --> a connection, a component of
 * ICE
 */
#ifndef IT_STACK_B_IMPL_H
#define IT_STACK_B_IMPL_H

#include "stack/b/b.h"
#include "stack/b/blob.h"
#include "stack/model/conn.h"
#include "stack/model/gate.h"
#include "stack/wsrelay/client.h"

#define B_BASES 16
#define B_NAME 64
#define B_CODEC 24
#define B_CNAME 24
#define B_COMPONENTS 2 /* RTP and RTCP */
#define B_TRANSPORTS (IT_B_STREAMS * B_COMPONENTS)
#define B_LINGER (3 * IT_SEC) /* RFC 8445 section 8.3.1: how long what is superseded is still answered */
#define B_RESTART_GAP                                                                                                  \
    (10 * IT_SEC) /* until a restart that brought nothing is repeated; then twice as long each time                    \
                   */
#define B_RESTART_GAP_MAX (640 * IT_SEC) /* up to that */

/* The relay over WebSocket of one transport. */
typedef struct b_web {
    it_wsrelay_client *client; /* NULL: none */
    uint32_t stream;           /* our number of its stream */
    it_wsrelay_turn turn;      /* which of the configuration's it goes to */
    bool up;                   /* ICE has its tunnel */
    bool leaving, aborted;     /* it has ended: its stream is closed in order, or reset */
    it_time at;                /* when the next one is made, where there is none; IT_NEVER: not */
    it_time idle_at;           /* when it is given back, or reset; IT_NEVER */
} b_web;

/* One component of one stream of ICE, with a channel of its own (RFC 5764 section 3.1). */
typedef struct b_transport {
    int stream, component; /* of ICE, which counts components from 1 */
    bool unused;           /* the far side has no such component */
    bool ending;           /* it is over, and its stream of ICE ends when its last word is out */
    it_time free_at;       /* when its sockets are given back, IT_NEVER while it may live */
    b_web web;
    it_conn conn;          /* its channel is made when the roles are known */
    it_ice_pair_view told; /* the selected pair the application knows of */
    enum it_path told_path;
    it_time valid_until;          /* consent to use a valid pair before one is selected (RFC 7675 section 5.1) */
    uint32_t stalled_generation;  /* 1 + the generation begun for a stall before the opening, 0: none */
    uint32_t selected_generation; /* 1 + that of the selected pair, 0: none */
    uint64_t flight_at;           /* |batch| in which the flight that checks carry was written */
} b_transport;

/* A media stream. */
typedef struct b_stream {
    enum it_state told; /* what the application knows */
    int first, n;       /* the transports that carry it */
    int flow;           /* its number on them */
    /* of SRTP */
    uint32_t ssrc;
    uint8_t pt; /* both ways */
    uint32_t rate;
    char codec[B_CODEC]; /* "opus/48000/2" */
    int of;              /* which media description of the far side's it is */
    uint32_t far_ssrc;   /* what that one names as its source, 0: none (RFC 5576) */
    uint64_t far_ufrag;  /* hash of its latest credentials at a foreign far side, 0: none were told */
} b_stream;

/* A socket beside base |of|, for a transport other than the first. */
typedef struct b_socket {
    uint32_t flow;
    int of, transport;
    bool asked, bound; /* BIND is out; it was answered */
    bool leaving;      /* UNBIND is due */
    it_addr local;     /* before: the address alone */
} b_socket;

/* Our candidates of this generation for one stream of ICE. */
typedef struct b_cands {
    it_ice_cand *v;
    size_t n, cap;
} b_cands;

struct it_b {
    it_b_cfg cfg;
    it_alloc *alloc;
    char name[B_NAME];
    it_ice *ice;
    it_evq events;
    it_model_event latest; /* told by its table */
    bool started;
    it_gate gate; /* before all that is no STUN */
    uint64_t signal_bytes, signal_messages;

    b_transport *transport;
    int n_transports;
    b_stream stream[IT_B_STREAMS];
    int n_streams;
    bool released;      /* it is over: its relays are being given back, its connections closed */
    bool several;       /* streams, or components: their events go by |inner| and stream.c */
    it_evq inner;       /* of the connections, by number of transport */
    enum it_state told; /* what the application knows of the whole; of |several| */

    it_conn_socket bases[B_BASES]; /* that are there */
    int n_bases;
    b_socket *socket;
    size_t n_sockets, cap_sockets;
    size_t n_pending;   /* BINDs without an answer */
    uint32_t last_flow; /* BINDs so far */
    bool gather_due;    /* as soon as none is pending */
    /* a restart with fresh sockets */
    bool renewing;       /* they are being bound */
    bool superseding;    /* there are old ones */
    uint32_t fresh_from; /* BINDs before the latest one */
    it_time old_until;   /* when those that it superseded are given back, IT_NEVER: they may be in use */

    /* signaling, ours */
    uint32_t generation; /* both sides use the same number; a restart takes the next one */
    uint64_t session, serial;
    bool dirty; /* something changed that the far side must hear */
    bool gathered;
    b_cands cands[IT_B_STREAMS];
    uint64_t untold; /* candidates beyond a stream's share of a blob */
    /* signaling, theirs */
    bool heard; /* any blob */
    uint64_t far_session, far_serial;
    uint32_t far_generation; /* of the last blob taken */
    uint8_t far_prints[IT_BLOB_PRINTS][IT_SHA256_SIZE];
    size_t n_far_prints;
    unsigned left_out; /* what was told of their blobs already */
    int lead;          /* the section whose credentials are all streams', -1: none yet */
    uint32_t lead_generation;
    bool foreign; /* the far side is another's stack */
    it_str offer; /* its latest description, to whose media lines ours keep; empty: it answered ours */
    char cname[B_CNAME];
    it_ice_cand *read; /* room for a blob's candidates, IT_BLOB_CANDS */
    it_str text;       /* the blob being written */

    bool web_met;      /* the far side has the same relay over WebSocket */
    uint32_t last_web; /* clients of it so far */

    /* the path */
    bool dtls_client;
    uint64_t batch;      /* inputs, ticks and blobs so far: what is written in one is one flight */
    it_time restart_at;  /* next try while stalled; IT_NEVER */
    it_time began_at;    /* when the last restart began; IT_NEVER before the first */
    it_time restart_gap; /* until the one after it */
};

/* True while transport |t| is of use. */
static inline bool it_b_lives(const b_transport *t)
{
    return !t->unused && !it_conn_over(&t->conn);
}
/* True when nothing of it lives. */
static inline bool it_b_over(const it_b *b)
{
    for (int i = 0; i < b->n_transports; i++)
        if (it_b_lives(&b->transport[i]))
            return false;
    return true;
}
/* Whether media stream |k| is to be streamed. */
static inline bool it_b_streams_voice(const it_b *b, int k)
{
    return b->cfg.n_streams ? b->cfg.stream[k].voice : b->cfg.voice;
}
/* How many streams ICE has: one of all when they are bundled. */
static inline int it_b_ice_streams(const it_b *b)
{
    return b->transport[b->n_transports - 1].stream + 1;
}

/* socket.c */
/* The transport that base |flow| is of; -1: there is no such base. */
int it_b_transport_of(const it_b *b, uint32_t flow);
/* Starts gathering once every socket is there. */
void it_b_gather(it_b *b, it_time now);
/* The next BIND: 1, or 0. */
int it_b_bind_out(it_b *b, it_io *out);
/* Binds a fresh socket for every one that there is, on which the restart that follows gathers. */
void it_b_renew_sockets(it_b *b, it_time now);
/* The generation that began with fresh sockets has its pairs: the old ones go as soon as what is on its way to them
 * cannot matter any more. */
void it_b_sockets_settled(it_b *b, it_time now);
/* Transport |t| has ended: its sockets are given back as soon as what is on its way to them cannot matter any more. */
void it_b_sockets_free(it_b *b, it_time now, int t);
/* Takes those out of use whose time has come; when the next one is due; the next UNBIND: 1, or 0. */
void it_b_sockets_tick(it_b *b, it_time now);
it_time it_b_sockets_next(const it_b *b);
int it_b_unbind_out(it_b *b, it_io *out);
/* Takes BOUND or UNBIND of one of our sockets. Returns 0 or an error. */
int it_b_socket_in(it_b *b, it_time now, const it_io *in);

/* signal.c */
void it_b_forget_cands(it_b *b);
void it_b_on_candidate(it_b *b, int stream, const it_ice_cand *c);
void it_b_on_removed(it_b *b, int stream, const it_ice_cand *c); /* it is gone: the next blob is without it */
void it_b_begin_restart(it_b *b, it_time now, uint32_t generation);
/* Restarts now, or when the restart under way has had two fifths of T_linkdown: a network that flaps must not keep it
 * from coming to its end. */
void it_b_want_restart(it_b *b, it_time now);
/* Writes the blob and queues the signal event when something changed. */
void it_b_signal_if_dirty(it_b *b, it_time now);
/* Tells that the far side broke a rule. */
void it_b_blame(it_b *b, it_time now, const char *why);

/* foreign.c */
/* Sets up what SRTP needs of each stream. */
void it_b_media_init(it_b *b);
/* Makes a description |blob| of another's fit our streams, whose order its sections have afterwards, and gives it its
 * generation. Returns NULL, or why it cannot be. */
const char *it_b_adapt(it_b *b, it_blob *blob);
/* A description |blob| of another's is taken: who it is, and, of an offer, the media lines of |text| that our answer
 * keeps to. Returns 0 or IT_ERR_NOMEM. */
int it_b_adapted(it_b *b, it_time now, const it_blob *blob, it_bytes text);
/* Whether we control, and whether we are the DTLS client, by the first |blob| of the far side. */
bool it_b_controls(const it_b *b, const it_blob *blob);
bool it_b_is_client(const it_b *b, const it_blob *blob, bool controls);
/* The channel of transport |i|. Returns 0 or IT_ERR_NOMEM. */
int it_b_carry(it_b *b, it_time now, int i);

/* path.c */
/* Takes everything ICE and DTLS have to report and runs the clocks of liveness. */
void it_b_pump(it_b *b, it_time now);
/* Takes one datagram that the gate let pass. Returns 0 or IT_ERR_NOMEM. */
int it_b_data(it_b *b, it_time now, const it_io *in);
/* When the clocks of the paths that b.c does not know have something to do. */
it_time it_b_path_next(const it_b *b);
/* A socket of |t| is gone, |left| are there now. */
void it_b_base_gone(it_b *b, it_time now, b_transport *t, int left);

/* The stream that carried |t| has ended, as |why| says: a restart where that is B's to do, else the end. */
void it_b_stream_ended(it_b *b, it_time now, b_transport *t, const char *why);

/* web.c */
/* A generation begins, or the far side was heard of for the first time: the relay is joined later. */
void it_b_web_begin(it_b *b, it_time now);
/* The transport whose tunnel |flow| is, -1; the relay that its client goes to. */
int it_b_web_transport(uint32_t flow);
it_addr it_b_web_server(const it_b *b, int t);
/* Takes |in| when it is of a client's stream: true, |*taken| then being the bytes of DATA or an error. */
bool it_b_web_input(it_b *b, it_time now, const it_io *in, int *taken);
/* The next datagram that came by a tunnel: true, its data lives until the next call; what else there is to hear is
 * heeded. */
bool it_b_web_take(it_b *b, it_time now, it_io *in);
/* Sends |io| when its flow is a tunnel's: true. */
bool it_b_web_send(it_b *b, it_time now, const it_io *io);
/* Notices which clients are of use. */
void it_b_web_heed(it_b *b, it_time now);
/* As stack/io.h. */
int it_b_web_tick(it_b *b, it_time now);
it_time it_b_web_next(const it_b *b);
int it_b_web_output(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* Gives every client back; whether all are; frees those that are left. */
void it_b_web_release(it_b *b, it_time now);
bool it_b_web_over(const it_b *b);
void it_b_web_fini(it_b *b);

/* sped.c */
/* The far side is known, |far|: its checks carry handshakes as well; those of ours begin that do not need a path. */
void it_b_sped_meet(it_b *b, it_time now, bool far);
/* Gives the channels what came in checks. Returns 0 or IT_ERR_NOMEM. */
int it_b_sped_in(it_b *b, it_time now);
/* Takes what the channels have written for which there is no path, before checks leave. */
void it_b_sped_out(it_b *b, it_time now);
/* A datagram of |t|'s channel leaves by its path, or has come by it. */
void it_b_sped_wrote(it_b *b, b_transport *t, it_bytes datagram);
void it_b_sped_read(it_b *b, const b_transport *t, it_bytes datagram);
/* True when checks have taken along all that the handshake of |t| has written. */
bool it_b_sped_on_its_way(it_b *b, const b_transport *t);
/* Follows the handshake of |t|. */
void it_b_sped_follow(it_b *b, const b_transport *t);

/* stream.c */
/* Sets streams and transports up as the configuration says. Returns 0, IT_ERR_RANGE or IT_ERR_NOMEM. */
int it_b_streams_init(it_b *b);
/* Tells the application what the events of the connections come to. True when there were any. */
bool it_b_streams_tell(it_b *b, it_time now);
/* Ends media stream |k|: its transports where nobody shares them. */
void it_b_stream_end(it_b *b, it_time now, int k, enum it_reason reason, const char *why);
/* Ends the streams of ICE whose transports are over. True when there were any. */
bool it_b_streams_leave(it_b *b, it_time now);
/* Component |component| of stream |k| has no counterpart at the far side (RFC 8445 section 6.1.2.2). */
void it_b_stream_without(it_b *b, it_time now, int k, int component);

#endif
