/* Model C: a call over RTMFP, as Flash had it. One NetConnection to a server that introduces and relays, and under it
 * streams of one direction: each side publishes one and plays the far side's.
 *
 *     NetConnection --+-- publish, play: direct      over a session with the peer, by the server's introduction
 *                     '-- publish, play: via server  over the connection's own session
 *
 *     connect -> call -> publish, play (direct) -> OPEN direct_udp
 *                           '- NetStream.Connect.Failed: publish, play (via server) -> OPEN relay_udp, relay_tcp
 *
 * Where UDP does not get through to the server, and that has a WebSocket, the connection is had by that (RTWebSocket,
 * stack/rtmfp/ws). Nobody is introduced to such an end, so its peer ID is a name alone: streams from and to peers fail
 * at once, and by the server it publishes under that name as over UDP. Each end tells of its own leg: relay_tcp.
 *
 * Which of the two ways is tried, and when, is the script's: every status code of NetConnection and NetStream is told
 * as STATUS, and the library of the scenario language (scenarios/lib/c.lua) falls back on them in two lines. The call
 * is open on the first way by which the far end plays ours and we play the far end's. One direct way that comes to be
 * later takes over from the server.
 *
 * What the sessions do by themselves: they follow a peer whose address changes, with nobody's help (RFC 7016 section
 * 3.5.4.2: FAILOVER at the end that sees it), ask after silence, and are dead when that stays unanswered
 * (KEEPALIVE_TIMEOUT). Streams with the peer outlive the connection, or with |cascade| end with it (SERVER_LOST).
 *
 * Media is sound that is given up when its time of play-out is over; messages are reliable and in order. A stream that
 * ends with a goodbye is a call that was closed; one that ends without is PEER_CLOSED.
 *
 * Sans I/O as stack/io.h; its bases are inputs. */
#ifndef IT_STACK_C_C_H
#define IT_STACK_C_C_H

#include "stack/model/model.h"
#include "stack/model/ops.h"
#include "stack/object.h"
#include "stack/rtmfp/flash/client.h"

#define IT_C_STREAM (10 * IT_SEC) /* for a stream to open: what somebody waits for; RFC 7016 has 95 s */
#define IT_C_LIFETIME                                                                                                  \
    (100 *                                                                                                             \
     IT_MS) /* of sound, which is late after 150 (stack/model/voice.h): what stands behind it is to come in time */

/* By which way a stream goes. */
enum it_c_via { IT_C_DIRECT, IT_C_SERVER, IT_C_WAYS };

typedef struct it_c_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const char *name;                        /* of its random streams: "alice/c1"; used during new only */
    it_addr server[IT_RTMFP_CLIENT_SERVERS]; /* all are asked, the first that answers is taken */
    size_t servers;
    const char *uri; /* "rtmfp://host/app"; used during new only */
    /* |keepalive|: silence after which a Ping is sent; |death|: how long Pings and data may stay unanswered, until the
     * first time after it that a Ping is repeated; |connect|: T_conn; |stall|, |linkdown|. */
    it_timers timers;
    /* The server's WebSocket, by which the connection is had where UDP does not get through, as it_rtmfp_client_cfg;
     * NULL: none. Used during new only */
    const it_rtws_client_cfg *web;
    enum it_rtmfp_transport transport;
    it_time fallback;
    it_time stream;    /* for the connection, and for streams from peers, to open within; 0: IT_C_STREAM */
    bool voice;        /* sound is streamed as soon as it is open */
    bool alternatives; /* the host has another interface, up or not: T_linkdown applies when the one in use goes */
    bool ask;          /* the far end's play waits for it_c_accept (onPeerConnect); else it is taken */
    bool cascade;      /* when the connection is over, so is the direct way */
} it_c_cfg;

typedef struct it_c it_c;

/* Makes one, which begins to connect to its server. Needs it_ossl_init. Returns 0 or what it_rtmfp_client_new does. */
int it_c_new(const it_c_cfg *cfg, it_time now, it_c **out) IT_MUST_CHECK;
/* Its peer ID, IT_RTMFP_PRINT bytes: what calls it. */
const uint8_t *it_c_near(const it_c *c);
/* Whether it is connected to its server, or about to be; and that over a WebSocket. */
bool it_c_seeks(const it_c *c);
bool it_c_over_ws(const it_c *c);
/* Connects to the server again. Returns 0, IT_ERR_STATE while it is connected or about to be, or over. */
int it_c_connect(it_c *c, it_time now);
/* Begins a call with peer |far|: T_conn runs. Nobody else's play is taken. Returns 0, or IT_ERR_STATE for a second one.
 */
int it_c_call(it_c *c, it_time now, const uint8_t far[IT_RTMFP_PRINT]);
/* Publishes our stream by |via|, or plays the far end's; again, where that has failed or ended. Returns 0, IT_ERR_STATE
 * without a call or connection, and where it goes on already, or what the calls of the client do. */
int it_c_publish(it_c *c, it_time now, enum it_c_via via);
int it_c_play(it_c *c, it_time now, enum it_c_via via);
/* Takes or refuses the far end's play, while |ask|. Returns 0, or IT_ERR_STATE when it does not wait for that. */
int it_c_accept(it_c *c, it_time now, bool take);
/* Sends one message: as it_model_ops.send. */
int it_c_send(it_c *c, it_time now, it_bytes data);
/* Ends the call: CLOSED. The far end is told, as long as an answer may take; then the connection is closed, too. */
void it_c_close(it_c *c, it_time now);

/* Its state; the path in use, NONE unless open or stalled; its numbers. */
enum it_state it_c_state(const it_c *c);
enum it_path it_c_path(const it_c *c);
void it_c_stats(const it_c *c, it_conn_stats *s);

/* Its tables. Events besides those of every model: STATUS, |why| is the code; SUBSCRIBER: the far end plays ours,
 * |user| is its peer ID, |flow| 0. */
extern const it_object_ops it_c_ops;
extern const it_model_ops it_c_model;

#endif
