/* What the files of a Flash client know of each other; nobody else includes this.
 *
 *     client.c       the object, its connection, events     netstream.c   streams, and what is said on them
 *     direct.c       sessions with peers, and subscribers    transport.c   by which way the server is reached */
#ifndef IT_STACK_RTMFP_FLASH_CLIENT_IMPL_H
#define IT_STACK_RTMFP_FLASH_CLIENT_IMPL_H

#include "stack/rtmfp/flash/client.h"
#include "stack/rtmfp/flash/connection.h"

/* How far a stream is. */
enum it_rtmfp_stream_state {
    IT_RTMFP_STREAM_NEW,    /* without a name */
    IT_RTMFP_STREAM_WAITS,  /* has one, but no number at the server, or no open session, or is not accepted */
    IT_RTMFP_STREAM_ACTIVE, /* the verb was sent; a subscriber has been accepted */
};

typedef struct it_rtmfp_netstream_of {
    uint32_t no; /* 0: this one is free */
    enum it_rtmfp_stream_kind kind;
    enum it_rtmfp_stream_state state;
    bool publishes;
    bool told;           /* of a FROM_PEER stream: Connect.Success was */
    uint32_t session;    /* 0: none */
    uint32_t id;         /* on the wire; 0: not known yet */
    int64_t transaction; /* of its createStream, while it waits for the answer */
    uint32_t publisher;  /* of a subscriber; 0: it has not said whose it wants */
    uint64_t returns;    /* of a subscriber: the flow that it plays by */
    uint64_t out[IT_RTMFP_CLASSES];
    it_time began;
    uint8_t far[IT_RTMFP_PRINT];
    uint8_t name[IT_RTMFP_NAME_MOST];
    size_t name_n;
} it_rtmfp_netstream_of;

/* A receiving flow, and whose it is. */
typedef struct it_rtmfp_heard {
    uint32_t session, stream;
    uint64_t flow;
} it_rtmfp_heard;

#define IT_RTMFP_HEARD (IT_RTMFP_CLIENT_STREAMS * 4)

typedef struct it_rtmfp_note {
    struct it_rtmfp_note *next;
    it_rtmfp_client_event ev;
    uint8_t data[];
} it_rtmfp_note;

struct it_rtmfp_client {
    it_alloc *alloc;
    it_rtmfp_client_cfg cfg;
    it_rtmfp *r;
    it_rtws_client *web; /* NULL: there is no such way */
    it_addr web_at;
    it_time fall_at; /* when UDP has been tried for long enough */
    uint8_t uri[IT_RTMFP_URI_MOST], epd[IT_RTMFP_URI_MOST + 8];
    size_t uri_n, epd_n;
    uint32_t server; /* session; 0: none */
    it_time server_by;
    it_rtmfp_connection conn;
    uint8_t server_print[IT_RTMFP_PRINT];
    int64_t transaction; /* the last one */
    struct {
        uint32_t flow;
        it_addr addr;
    } base[IT_RTMFP_BASES];
    size_t bases;
    it_rtmfp_netstream_of stream[IT_RTMFP_CLIENT_STREAMS];
    uint32_t last_no, last_peer_id;
    it_rtmfp_heard heard[IT_RTMFP_HEARD];
    size_t heards;
    it_rtmfp_note *first, **end, *given;
    enum it_rtmfp_cause cause; /* of the session whose end is being told */
    bool oom;
};

/* client.c: tells |code| of |stream|; |ev|. Without memory the client notes it, and the call that goes on returns so.
 */
void it_rtmfp_client_status(it_rtmfp_client *c, uint32_t stream, enum it_rtmfp_code code, const char *why);
void it_rtmfp_client_tell(it_rtmfp_client *c, const it_rtmfp_client_event *ev);
/* The result of a command to the end: out of memory is noted; what else went wrong shows in that session's events. */
void it_rtmfp_client_done(it_rtmfp_client *c, int err);
/* What carries |session|; ends it; writes a whole message over one of its flows (returns what that does); rejects a
 * flow of the far end's. */
it_rtmfp_carrier it_rtmfp_client_carrier(const it_rtmfp_client *c, uint32_t session);
/* As it_rtmfp_describe, of either. */
int it_rtmfp_client_describe(const it_rtmfp_client *c, uint32_t session, it_rtmfp_info *out);
void it_rtmfp_client_end(it_rtmfp_client *c, it_time now, uint32_t session, bool abrupt);
int it_rtmfp_client_write(it_rtmfp_client *c, it_time now, uint32_t session, uint64_t flow, it_bytes m,
                          const it_rtmfp_write_opts *o);
void it_rtmfp_client_reject(it_rtmfp_client *c, it_time now, uint32_t session, uint64_t flow);

/* transport.c: makes the way by WebSocket, where |web| describes one. Returns 0, IT_ERR_RANGE, IT_ERR_NOMEM. */
int it_rtmfp_transport_new(it_rtmfp_client *c, const it_rtws_client_cfg *web);
/* Begins a session with the server. Returns 0 or what it_rtmfp_connect does. */
int it_rtmfp_transport_connect(it_rtmfp_client *c, it_time now);
/* The session over UDP did not open, for whatever reason: goes on by WebSocket. False: there is no such way, or this
 * was it. */
bool it_rtmfp_transport_fall(it_rtmfp_client *c, it_time now);
/* The server's session has opened: nothing else is tried. */
void it_rtmfp_transport_opened(it_rtmfp_client *c);

/* netstream.c: the stream of number |no|, NULL: none; a new one of |kind|, NULL: too many. */
it_rtmfp_netstream_of *it_rtmfp_stream_get(it_rtmfp_client *c, uint32_t no);
it_rtmfp_netstream_of *it_rtmfp_stream_new(it_rtmfp_client *c, it_time now, enum it_rtmfp_stream_kind kind);
/* Writes a whole message over the flow of |class|. Returns 0 or what it_rtmfp_flow_open and _write do. */
int it_rtmfp_stream_put(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, int class, it_bytes m,
                        const it_rtmfp_write_opts *o);
/* The connection is up, or the server has given |x| its number: what waits goes on. */
void it_rtmfp_stream_proceed(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x);
/* Its flows are closed and it is forgotten. |there|: the session still is. */
void it_rtmfp_stream_drop(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, bool there);
/* Receiving flow |flow| is of |stream|; it is none any more. */
bool it_rtmfp_heard_add(it_rtmfp_client *c, uint32_t session, uint64_t flow, uint32_t stream);
it_rtmfp_netstream_of *it_rtmfp_heard_of(it_rtmfp_client *c, uint32_t session, uint64_t flow);
/* |flow| of |stream| has ended: how many it has left. */
size_t it_rtmfp_heard_end(it_rtmfp_client *c, uint32_t session, uint64_t flow, uint32_t stream);
/* FLOW, MESSAGE, COMPLETE, EXCEPTION of a stream via the server; false: not of any. */
bool it_rtmfp_stream_event(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev);
/* A message of a stream, from either. */
void it_rtmfp_stream_said(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, const it_rtmfp_event *ev);

/* direct.c: the connection is over a WebSocket: streams with peers that are not open have failed, those published for
 * peers that have none, too. */
void it_rtmfp_direct_impossible(it_rtmfp_client *c, it_time now);
/* Begins the session of |x| from its peer. Returns 0 or what it_rtmfp_connect does. */
int it_rtmfp_direct_open(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x);
/* An event of a session that is not the server's. */
void it_rtmfp_direct_event(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev);
/* A subscriber, as the owner wants. */
void it_rtmfp_direct_accept(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x);
/* Streams from peers that have not opened in time have failed; when the first one will. */
void it_rtmfp_direct_tick(it_rtmfp_client *c, it_time now);
it_time it_rtmfp_direct_next(const it_rtmfp_client *c);
/* No stream needs |session| any more, unless one does: it is closed, if it was opened here. */
void it_rtmfp_direct_spare(it_rtmfp_client *c, it_time now, uint32_t session);

#endif
