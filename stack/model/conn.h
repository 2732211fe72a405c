/* A connection as every model shows it, from the path upwards: DTLS over whatever path it is given, application
 * datagrams and voice inside, liveness, the shared states and their events.
 *
 * Part of a model's object, which owns sockets, checks and the choice of path: it calls these functions, passes DTLS
 * datagrams in and sends what comes out. Knows neither ICE nor whitelists. State machine: stack/model/model.h. */
#ifndef IT_STACK_MODEL_CONN_H
#define IT_STACK_MODEL_CONN_H

#include "stack/dtls/dtls.h"
#include "stack/model/evq.h"
#include "stack/model/live.h"
#include "stack/model/voice.h"

#define IT_CONN_NAME 80  /* of the DTLS stream, with NUL */
#define IT_CONN_ASKED 32 /* questions of which an answer is still of use */

/* Where the datagrams of a connection go. */
typedef struct it_conn_path {
    int flow; /* the owner's socket */
    enum it_path path;
    enum it_ice_kind local_kind, remote_kind;
    it_addr local, remote; /* the socket's own address, the far end's */
} it_conn_path;

typedef struct it_conn_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name; /* of its random streams; used by it_conn_dtls only, outlives the connection */
    it_dtls_shared *shared;
    const it_dtls_cert *cert; /* outlives the connection */
    it_time stall;            /* T_stall */
    bool voice;               /* stream voice as soon as open */
    int media;                /* the number in its events, -1: none */
} it_conn_cfg;

typedef struct it_conn {
    it_conn_cfg cfg;
    it_evq *events; /* the owner's */
    enum it_state state;
    it_dtls *dtls; /* NULL until it_conn_dtls */
    it_live live;
    it_voice_tx tx;
    it_voice_rx rx;
    it_conn_stats stats;
    it_conn_path path;
    it_time asked[IT_CONN_ASKED]; /* when our last questions left, by number modulo; IT_NEVER: answered */
    uint32_t n_asked;
    bool has_path; /* |path| may be used */
    bool settled;  /* it is the one chosen for good: opening waits for that */
    bool dtls_open, opened;
} it_conn;

/* What happened in a call, for the owner's own clocks. */
enum { IT_CONN_ANY = 1, IT_CONN_OPENED = 2, IT_CONN_RESUMED = 4, IT_CONN_ENDED = 8 };

/* An unconnected one, state NEW; its events go to |events|. */
void it_conn_init(it_conn *c, const it_conn_cfg *cfg, it_evq *events);
void it_conn_fini(it_conn *c);

/* Dead or closed. */
bool it_conn_over(const it_conn *c);
/* The path in use, IT_PATH_NONE unless open or stalled on one. */
enum it_path it_conn_path_kind(const it_conn *c);
/* Queues |ev| with its time set. */
void it_conn_emit(it_conn *c, it_time now, it_model_event ev);

/* Makes the DTLS side; |client| starts when there is a path, a server listens at once. Returns 0 or IT_ERR_NOMEM. */
int it_conn_dtls(it_conn *c, it_time now, bool client, const uint8_t fingerprint[IT_SHA256_SIZE]) IT_MUST_CHECK;

/* Data may go over |p| from now on; the handshake starts, or repeats its last flight, there. */
void it_conn_use(it_conn *c, it_time now, const it_conn_path *p);
/* The path in use is the chosen one: the connection opens on it as soon as the handshake is done. Returns
 * IT_CONN_OPENED or 0. */
int it_conn_settle(it_conn *c, it_time now);
/* The chosen path changed: after opening, failover with |old| as the path before. */
void it_conn_failover(it_conn *c, it_time now, enum it_path old);
/* There is no path any more. */
void it_conn_lose(it_conn *c);

/* A sign of life with |bytes| of application data, 0 for the answer to a check. Returns IT_CONN_RESUMED when it ends a
 * stall. */
int it_conn_alive(it_conn *c, it_time now, size_t bytes);
/* Takes what DTLS has to report. Returns a sum of the flags above; IT_CONN_ENDED: the far side closed, authentically.
 */
int it_conn_pump(it_conn *c, it_time now);
/* A check of the path in use, sent once, was answered after |sample|. */
void it_conn_rtt(it_conn *c, it_time sample);
/* The checks of the owner that wait for an answer, and since when there is no path. */
typedef struct it_conn_checks {
    it_time unanswered; /* since when the first one waits; IT_NEVER: none does */
    it_time asked;      /* when the latest one left; IT_NEVER likewise */
    it_time no_path;    /* IT_NEVER: there is one */
} it_conn_checks;
/* Judges silence and asks inside the channel when an answer is late. Returns true when a stall begins. */
bool it_conn_live(it_conn *c, it_time now, const it_conn_checks *checks);
/* Sends the voice that is due. */
void it_conn_voice(it_conn *c, it_time now);

/* Dies for |reason|, which |why| says in words (static storage or copied, never NULL), unless it is over. */
void it_conn_die(it_conn *c, it_time now, enum it_reason reason, const char *why);
/* Returns 0, IT_ERR_STATE unless OPEN or STALLED, IT_ERR_TOOBIG, IT_ERR_RANGE when empty, IT_ERR_NOMEM. */
int it_conn_send(it_conn *c, it_time now, it_bytes data) IT_MUST_CHECK;
void it_conn_close(it_conn *c, it_time now);
void it_conn_get_stats(const it_conn *c, it_conn_stats *s);

/* When its own clocks (liveness, voice, DTLS) have something to do. */
it_time it_conn_next(const it_conn *c);
/* One datagram of DTLS with the path's flow and addresses: 1, or 0 when there is none or no path. */
int it_conn_output(it_conn *c, it_time now, it_io *out, uint8_t *buf, size_t cap);

#endif
