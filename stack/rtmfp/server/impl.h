/* What the files of stack/rtmfp/server know of each other; nobody else includes this.
 *
 *     server.c    the object, and introductions      clients.c   NetConnections of its sessions
 *     streams.c   NetStreams of a connection         names.c     what is published, and who plays it */
#ifndef IT_STACK_RTMFP_SERVER_IMPL_H
#define IT_STACK_RTMFP_SERVER_IMPL_H

#include "base/table/map.h"
#include "stack/rtmfp/flash/command.h"
#include "stack/rtmfp/server/server.h"

#define IT_RTMFP_SERVER_OWN 8      /* addresses that a client may say it has: callers send IHellos to each */
#define IT_RTMFP_SERVER_STREAMS 16 /* of one client */
#define IT_RTMFP_SERVER_NONE UINT32_MAX

struct it_rtmfp_name;
struct it_rtmfp_client_of;

/* What a client does with a stream. */
enum it_rtmfp_role { IT_RTMFP_IDLE, IT_RTMFP_PUBLISHES, IT_RTMFP_PLAYS };

/* A NetStream of a client (RFC 7425 section 5.3.5). */
typedef struct it_rtmfp_netstream {
    bool used;
    uint32_t no; /* in its connection, from 1 */
    struct it_rtmfp_client_of *client;
    uint64_t in[IT_RTMFP_CLASSES];  /* flows of the client; 0: none */
    uint64_t out[IT_RTMFP_CLASSES]; /* ours */
    enum it_rtmfp_role role;
    struct it_rtmfp_name *name;      /* unless it is idle */
    struct it_rtmfp_netstream *next; /* player of that name */
} it_rtmfp_netstream;

/* What a session has of a NetConnection. */
typedef struct it_rtmfp_client_of {
    bool used;
    it_rtmfp_carrier by; /* of its session */
    uint32_t session;
    uint64_t control, back;           /* flows: the client's; ours, 0: it has not asked to connect */
    it_addr own[IT_RTMFP_SERVER_OWN]; /* what it says of itself */
    size_t n;
    it_rtmfp_netstream *streams; /* IT_RTMFP_SERVER_STREAMS, once it has asked for one */
} it_rtmfp_client_of;

/* A name that is published or played. It is there as long as either. */
typedef struct it_rtmfp_name {
    struct it_rtmfp_name *next;
    uint8_t text[IT_RTMFP_NAME_MOST];
    size_t n;
    it_rtmfp_netstream *publisher, *players;
} it_rtmfp_name;

/* A token bucket: |left| thousandths of a token at |at|. */
typedef struct it_rtmfp_bucket {
    it_time at;
    uint32_t left;
} it_rtmfp_bucket;

#define IT_RTMFP_COUNTERS 1024 /* a power of two; one that is shared by two counts for both: less for each */
#define IT_RTMFP_NAMES 256     /* lists of names by their hashes, a power of two */

struct it_rtmfp_server {
    it_alloc *alloc;
    it_rtmfp *r;
    it_rtws_server *web;
    it_rtmfp_server_cfg cfg;
    it_rtmfp_server_stats stats;
    uint64_t salt; /* of the counters, so that nobody chooses whose he shares */
    it_rtmfp_bucket asks[IT_RTMFP_COUNTERS], asked[IT_RTMFP_COUNTERS];
    it_map by_session; /* -> client */
    it_rtmfp_client_of *clients;
    uint32_t n_clients;
    it_rtmfp_name *names[IT_RTMFP_NAMES];
};

/* clients.c: the client of |session|, NULL: none; one comes, one goes. */
it_rtmfp_client_of *it_rtmfp_client_find(const it_rtmfp_server *s, uint32_t session);
int it_rtmfp_client_add(it_rtmfp_server *s, it_rtmfp_carrier by, uint32_t session);
void it_rtmfp_client_remove(it_rtmfp_server *s, it_time now, uint32_t session);
/* FLOW, MESSAGE, COMPLETE of a client; a flow of ours that it has rejected takes nothing more. Returns 0, or
 * IT_ERR_NOMEM. */
int it_rtmfp_client_flow(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev);
int it_rtmfp_client_message(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev);
int it_rtmfp_client_complete(it_rtmfp_server *s, it_time now, const it_rtmfp_event *ev);

/* streams.c: commands of the control flow; a flow of a stream has begun (false: it is none of any), said something,
 * ended. */
int it_rtmfp_stream_create(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, int64_t transaction);
int it_rtmfp_stream_delete(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, uint32_t no);
bool it_rtmfp_stream_flow(it_rtmfp_client_of *c, uint32_t no, uint64_t flow);
int it_rtmfp_stream_message(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, const it_rtmfp_event *ev);
int it_rtmfp_stream_complete(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c, uint64_t flow);
/* All streams of |c| end, because it has gone. */
void it_rtmfp_streams_end(it_rtmfp_server *s, it_time now, it_rtmfp_client_of *c);
/* Sends message |m| to the client of |x|, by the flow of |class|. Returns 0 also when it is dropped, or IT_ERR_NOMEM.
 */
int it_rtmfp_stream_write(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, int class, it_bytes m,
                          const it_rtmfp_write_opts *o);
/* onStatus of |code|, or user control, to the client of |x|. */
int it_rtmfp_stream_status(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, enum it_rtmfp_code code);

/* names.c: |x| begins to publish or to play |name|, and ends with it; what it publishes goes to all who play. */
int it_rtmfp_name_publish(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, it_bytes name);
int it_rtmfp_name_play(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, it_bytes name);
int it_rtmfp_name_leave(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x);
int it_rtmfp_name_relay(it_rtmfp_server *s, it_time now, it_rtmfp_netstream *x, uint8_t type, it_bytes message);
void it_rtmfp_names_free(it_rtmfp_server *s);

#endif
