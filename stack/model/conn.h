/* A connection as every model shows it, from the path upwards: a channel over whatever path it is given, application
 * datagrams and voice inside, liveness, the clocks T_conn, T_linkdown and T_death, the shared states and their events.
 *
 * Several media streams may share it (RFC 8843): each has its messages, its voice and its numbers, and may end by
 * itself; path, liveness and clocks are the connection's and one for all.
 *
 * Part of a model's object, which owns sockets, checks and the choice of path: it calls these functions, passes the
 * channel's datagrams in and sends what comes out. Knows neither ICE nor whitelists nor what kind its channel is. State
 * machine: stack/model/model.h. */
#ifndef IT_STACK_MODEL_CONN_H
#define IT_STACK_MODEL_CONN_H

#include "stack/model/channel.h"
#include "stack/model/evq.h"
#include "stack/model/live.h"
#include "stack/model/voice.h"

#define IT_CONN_ASKED 32 /* questions of which an answer is still of use */
#define IT_CONN_FLOWS 8  /* media streams that share a connection */

/* A socket of the owner that came or went. */
typedef struct it_conn_socket {
    int flow;
    bool up;
    it_addr base;
} it_conn_socket;

/* Where the datagrams of a connection go. */
typedef struct it_conn_path {
    int flow; /* the owner's socket */
    enum it_path path;
    enum it_ice_kind local_kind, remote_kind;
    it_addr local, remote; /* the socket's own address, the far end's */
} it_conn_path;

typedef struct it_conn_cfg {
    it_timers timers;
    unsigned voice;    /* bit f: media stream f streams voice as soon as open */
    bool alternatives; /* the host has another interface, up or not: T_linkdown applies when the one in use goes */
    int media;         /* the number in its events, -1: none */
    int flows;         /* media streams that share it, 0: one */
    bool rtp;          /* media is the channel's own: its numbers are those of RTP */
    bool mute;         /* no liveness: silence is measured, and neither asked about nor told */
} it_conn_cfg;

/* One media stream of a connection. */
typedef struct it_conn_flow {
    bool over; /* ended, by us or by the far side */
    it_voice_tx tx;
    it_voice_rx rx;
    uint64_t sent, received, voice_sent; /* as of it_conn_stats, of |received| the messages alone */
    it_time t_first_media;               /* IT_NEVER: none came */
} it_conn_flow;

typedef struct it_conn {
    it_conn_cfg cfg;
    it_evq *events; /* the owner's */
    enum it_state state;
    it_channel channel; /* none until it_conn_carry */
    it_live live;
    it_conn_flow flow[IT_CONN_FLOWS];
    it_conn_stats stats; /* what is the connection's own; the rest is the streams' */
    it_conn_path path;
    it_time asked[IT_CONN_ASKED]; /* when our last questions left, by number modulo; IT_NEVER: answered */
    uint32_t n_asked;
    bool has_path; /* |path| may be used */
    bool settled;  /* it is the one chosen for good: opening waits for that */
    bool channel_open, opened;
    bool on_its_way;     /* what the handshake has written has left by other ways: a path repeats none of it */
    bool foreign;        /* the far side speaks nothing of ours inside the channel: RTP alone */
    it_time connect_by;  /* T_conn; this and the next two IT_NEVER while they do not run */
    it_time linkdown_by; /* T_linkdown */
    it_time death_by;    /* T_death without a path */
    it_time lost_at;     /* when the chosen path went */
    it_time answered_at; /* when the last answer came to a check of the path in use */
} it_conn;

/* What happened in a call, for the owner's own clocks. */
enum { IT_CONN_ANY = 1, IT_CONN_OPENED = 2, IT_CONN_RESUMED = 4, IT_CONN_ENDED = 8 };

/* An unconnected one, state NEW; its events go to |events|. */
void it_conn_init(it_conn *c, const it_conn_cfg *cfg, it_evq *events);
void it_conn_fini(it_conn *c);

/* Dead or closed. */
static inline bool it_conn_over(const it_conn *c)
{
    return c->state == IT_STATE_DEAD || c->state == IT_STATE_CLOSED;
}
/* The path in use, IT_PATH_NONE unless open or stalled on one. */
enum it_path it_conn_path_kind(const it_conn *c);
/* Queues |ev| with its time set. */
void it_conn_emit(it_conn *c, it_time now, it_model_event ev);

/* Begins to connect: T_conn runs. */
void it_conn_begin(it_conn *c, it_time now);
/* Takes |channel|, from now on the connection's. Returns 0, or IT_ERR_NOMEM when it is none. */
int it_conn_carry(it_conn *c, it_channel channel) IT_MUST_CHECK;
/* Gives the channel one datagram from the path. Returns 0 or IT_ERR_NOMEM. */
int it_conn_input(it_conn *c, it_time now, const it_io *in) IT_MUST_CHECK;
/* Runs the channel's timers. Returns 0 or IT_ERR_NOMEM. */
int it_conn_tick(it_conn *c, it_time now) IT_MUST_CHECK;

/* The handshake begins without a path: what it writes is it_conn_unrouted's. */
void it_conn_start(it_conn *c, it_time now);
/* One datagram of the channel while there is no path, without flow and addresses: 1, or 0 when there is none. */
int it_conn_unrouted(it_conn *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* Data may go over |p| from now on; the handshake starts, or repeats its last flight, there. */
void it_conn_use(it_conn *c, it_time now, const it_conn_path *p);
/* The path in use is the chosen one: the connection opens on it as soon as the handshake is done, and the clocks that
 * ran without it stop. Returns IT_CONN_OPENED or 0. */
int it_conn_settle(it_conn *c, it_time now);
/* The chosen path changed: after opening, failover with |old| as the path before. */
void it_conn_failover(it_conn *c, it_time now, enum it_path old);
/* There is no path that may be used any more. */
void it_conn_lose(it_conn *c);
/* The chosen path is gone: T_death runs from the last answer on it. */
void it_conn_lost(it_conn *c, it_time now);
/* Tells that a socket of the owner came or went, of |left| that there are now, and judges it. */
void it_conn_network(it_conn *c, it_time now, const it_conn_socket *s, int left);
/* There are |left| sockets now: with the last one and no alternative the connection dies. */
void it_conn_sockets(it_conn *c, it_time now, int left);
/* The interface of the chosen path is gone: another one has T_linkdown to take over. */
void it_conn_link_down(it_conn *c, it_time now);

/* A sign of life with |bytes| of application data, 0 for the answer to a check. Returns IT_CONN_RESUMED when it ends a
 * stall. */
int it_conn_alive(it_conn *c, it_time now, size_t bytes);
/* Takes what the channel has to report. Returns a sum of the flags above; IT_CONN_ENDED: the far side closed,
 * authentically.
 */
int it_conn_pump(it_conn *c, it_time now);
/* A check of the path in use, sent once, was answered after |sample|. */
void it_conn_rtt(it_conn *c, it_time sample);
/* The latest answer to a check of the path in use came at |when| after |sample|: news unless it is the one before.
 * Returns as it_conn_alive. */
int it_conn_answered(it_conn *c, it_time now, it_time when, it_time sample);
/* Dies when T_conn, T_linkdown or T_death is over. */
void it_conn_expire(it_conn *c, it_time now);
/* The checks of the owner that wait for an answer, and since when there is no path. */
typedef struct it_conn_checks {
    it_time unanswered; /* since when the first one waits; IT_NEVER: none does */
    it_time asked;      /* when the latest one left; IT_NEVER likewise */
    it_time no_path;    /* IT_NEVER: there is one */
} it_conn_checks;
/* Judges silence and asks inside the channel when an answer is late. Returns true when a stall begins. */
bool it_conn_live(it_conn *c, it_time now, const it_conn_checks *checks);
/* Asks the far side inside the channel: the answer is a sign of life, and a round-trip time. */
void it_conn_ask(it_conn *c, it_time now);
/* Sends the voice that is due. */
void it_conn_voice(it_conn *c, it_time now);

/* Dies for |reason|, which |why| says in words (static storage or copied, never NULL), unless it is over. */
void it_conn_die(it_conn *c, it_time now, enum it_reason reason, const char *why);
/* Sends one message of media stream |flow|. Returns 0, IT_ERR_STATE unless OPEN or STALLED and the stream goes on,
 * IT_ERR_TOOBIG, IT_ERR_RANGE when empty, IT_ERR_NOMEM, IT_ERR_UNSUPPORTED to a foreign far side. */
int it_conn_send(it_conn *c, it_time now, int flow, it_bytes data) IT_MUST_CHECK;
void it_conn_close(it_conn *c, it_time now);
/* Ends media stream |flow| alone and tells the far side, which is told CLOSED with its |part|. The connection stays. */
void it_conn_close_flow(it_conn *c, it_time now, int flow);
/* The numbers of media stream |flow| as RTP; false where it is none, or not open yet. */
bool it_conn_get_media(const it_conn *c, int flow, it_media_stats *s);
/* The far side is another's stack, which takes media and no messages; before the channel opens. */
void it_conn_be_foreign(it_conn *c);
/* Ends media stream |flow| alone, without a word to anybody: both sides know. */
void it_conn_end_flow(it_conn *c, it_time now, int flow);
/* The far side is declared to stream |flow|: its silence counts. */
void it_conn_expect(it_conn *c, int flow);
/* What both sides agree on anew of |flow| (RFC 3264 section 8.4): whether we stream it, from the opening on, and
 * whether anything is to come. */
void it_conn_direct(it_conn *c, it_time now, int flow, bool sends, bool comes);
/* The far side has closed it, authentically: CLOSED is told, unless it is over. */
void it_conn_closed(it_conn *c, it_time now);
/* The numbers of media stream |flow|, and the connection's that it shares. */
void it_conn_get_stats(const it_conn *c, int flow, it_conn_stats *s);
/* An event of |kind| that tells of the path: its kinds and addresses. */
it_model_event it_conn_path_event(const it_conn *c, enum it_model_event_kind kind);

/* When its own clocks or its channel have something to do. */
it_time it_conn_next(const it_conn *c);
/* One datagram of the channel with the path's flow and addresses: 1, or 0 when there is none or no path. */
int it_conn_output(it_conn *c, it_time now, it_io *out, uint8_t *buf, size_t cap);

#endif
