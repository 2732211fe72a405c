/* Model D's client-server object: as a WebSocket it is opened by a URL, and what the other one in the room says comes
 * out of it. The direct connection is another object's business (stack/a); which of the two is used when, the
 * application decides.
 *
 *     start -> [way to the relay] -> in the room -> the other one is there -> hello (stack/d/hello.h) -> DTLS -> OPEN
 *                 ^   | in vain                          | it has left: no path, until it comes back or T_death
 *                 +---+ the next way, until T_conn       | the relay is lost, or the stream: DEAD, at once
 *
 * Everything between the two ends is inside DTLS, whose certificates they tell each other under a secret: the relay,
 * and who else knows the room, can drop what passes and read nothing. Without a secret the room itself is the secret,
 * and the relay, which knows it, could stand between.
 *
 * As of a WebSocket its end is final: there is no second way, no restart and no reconnection in it. A new object may
 * take its place in the room.
 *
 * Liveness is an option. With |ping| both the relay (RFC 6455 section 5.5.2) and the other end are asked when they are
 * silent: STALLED after T_stall, DEAD (keepalive_timeout, server_lost) after T_death. Without, it is the WebSocket API
 * of 2010: no question is asked and no silence is told; what its stream reports is all there is.
 *
 * Contract: stack/io.h. Its bases, as BOUND and UNBIND, tell it what interfaces there are. */
#ifndef IT_STACK_D_RELAY_H
#define IT_STACK_D_RELAY_H

#include "stack/dtls/dtls.h"
#include "stack/model/model.h"
#include "stack/model/ops.h"
#include "stack/object.h"
#include "stack/tls/tls.h"
#include "stack/wsrelay/ways.h"

#define IT_D_RELAY_HOST 64
#define IT_D_RELAY_SECRET 128

typedef struct it_d_relay_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name; /* of its random streams: "alice/d1"; copied */
    it_dtls_shared *shared;
    const it_dtls_cert *cert;            /* outlives the object */
    it_wsrelay_way way[IT_WSRELAY_WAYS]; /* to the one relay, tried in turn */
    int n_ways;
    char host[IT_D_RELAY_HOST]; /* the relay's name, which its certificate has */
    it_tls_cfg tls;             /* of wss: |shared| and |trust| outlive the object, |version|, |log_keys| */
    const char *room, *id;      /* as stack/wsrelay/wire.h has room and name; copied */
    const char *secret;         /* of the two, up to IT_D_RELAY_SECRET bytes; NULL: there is none; copied */
    it_timers timers;
    bool voice;        /* stream as soon as open */
    bool ping;         /* liveness */
    bool alternatives; /* the host has another interface, up or not */
} it_d_relay_cfg;

typedef struct it_d_relay it_d_relay;

/* One in state NEW, |cfg| copied; NULL without memory, without a way, or with a room, id, host or secret that is none.
 * Freeing NULL is allowed. */
it_d_relay *it_d_relay_new(const it_d_relay_cfg *cfg);
void it_d_relay_free(it_d_relay *r);

/* Begins to connect. Once. */
void it_d_relay_start(it_d_relay *r, it_time now);
/* Sends one message. Returns 0, IT_ERR_STATE unless OPEN or STALLED, IT_ERR_RANGE when empty, IT_ERR_TOOBIG,
 * IT_ERR_NOMEM.
 */
int it_d_relay_send(it_d_relay *r, it_time now, it_bytes data) IT_MUST_CHECK;
/* Streams voice from now on, or from the opening on, or no more; the other one is told that a stream has ended. */
void it_d_relay_stream(it_d_relay *r, it_time now, bool on);
/* Ends it; the other one is told. */
void it_d_relay_close(it_d_relay *r, it_time now);

/* How it stands. */
enum it_state it_d_relay_state(const it_d_relay *r);
enum it_path it_d_relay_path(const it_d_relay *r);
void it_d_relay_stats(const it_d_relay *r, it_conn_stats *s);
/* Its table, and its functions as a model. */
extern const it_object_ops it_d_relay_ops;
extern const it_model_ops it_d_relay_model;

#endif
