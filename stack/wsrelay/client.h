/* A client of a relay over WebSocket: datagrams to and from the other one in a room, through walls that let nothing out
 * but the web.
 *
 *     new -> stream -> (proxy) -> (TLS) -> upgrade -> in the room -> UP: the other one is there, datagrams pass
 *                                                        ^             |
 *                                                        +-- DOWN "peer": it is not ------+
 *     every other DOWN is the end: nothing comes any more, and a new client is made
 *
 * Datagrams keep their bounds. What cannot leave waits, the latest 64 of them and none longer than |age|; what is older
 * is dropped and counted, as what the server had to drop is. The server's silence is found by pings. Contract:
 * stack/io.h. */
#ifndef IT_STACK_WSRELAY_CLIENT_H
#define IT_STACK_WSRELAY_CLIENT_H

#include "base/rng.h"
#include "stack/object.h"
#include "stack/proxy/client.h"
#include "stack/tls/tls.h"
#include "stack/wsrelay/wire.h"

#define IT_WSRELAY_TRIP (10 * IT_SEC) /* a SYN is sent again after 1, 3 and 7 s (RFC 6298 section 2) */
#define IT_WSRELAY_STREAM 1           /* the number of its stream, the only one it has */

/* Why it is down. */
enum it_wsrelay_why {
    IT_WSRELAY_PEER,    /* the other one has left the room, and may come back: the only one that is no end */
    IT_WSRELAY_REFUSED, /* the stream: enum it_io_end */
    IT_WSRELAY_TIMEOUT, /* or a stage of opening took too long */
    IT_WSRELAY_RESET,
    IT_WSRELAY_UNREACHABLE,
    IT_WSRELAY_LOCAL,
    IT_WSRELAY_PROXY,  /* it said no: status */
    IT_WSRELAY_TLS,    /* status: enum it_tls_end */
    IT_WSRELAY_HTTP,   /* the relay said no: status */
    IT_WSRELAY_PING,   /* silence */
    IT_WSRELAY_BROKEN, /* what came is no WebSocket, or none of a relay */
    IT_WSRELAY_CLOSED  /* the relay has closed in order: status is the code of RFC 6455 section 7.4 */
};
/* A word for |why| ("peer", "refused"). Static storage. */
const char *it_wsrelay_why_name(enum it_wsrelay_why why);

typedef struct it_wsrelay_client_cfg {
    it_alloc *alloc;
    it_rng rng;
    it_addr server;
    const char *host;        /* the Host field, and by a proxy whom it is asked for; copied; NULL: the address */
    const char *room, *name; /* as in wire.h; copied */
    it_via via;
    const it_tls_cfg *tls; /* a client's; copied, its |alloc| and stream are ours; NULL: no TLS */
    it_time patience;      /* for a round trip of each stage of opening (stack/proxy/stage.h); 0: IT_WSRELAY_TRIP */
    it_time ping_every;    /* silence of the server after which a ping goes out; 0: 5 s */
    it_time ping_wait;     /* silence after that which is the end; 0: 5 s */
    it_time age;           /* datagrams wait so long; 0: 500 ms */
} it_wsrelay_client_cfg;

typedef struct it_wsrelay_client_stats {
    uint64_t sent, received; /* datagrams that left, that came */
    uint32_t dropped;        /* that waited here too long, or with too many others */
    uint32_t lost;           /* ours that the server had no room for, as it says */
} it_wsrelay_client_stats;

typedef struct it_wsrelay_client it_wsrelay_client;

/* NULL without memory, or with a room, name, host or proxy that is none. It begins at its first output. */
it_wsrelay_client *it_wsrelay_client_new(const it_wsrelay_client_cfg *cfg);
/* Sends |data|, of up to IT_WSRELAY_DATAGRAM bytes, to the other one. Returns 0, IT_ERR_STATE: it is not there,
 * IT_ERR_TOOBIG or IT_ERR_NOMEM. */
int it_wsrelay_client_send(it_wsrelay_client *c, it_time now, it_bytes data) IT_MUST_CHECK;
/* Leaves the room; no event tells of it. */
void it_wsrelay_client_close(it_wsrelay_client *c, it_time now);
/* Ends its stream at once, with RST; no event tells of it. */
void it_wsrelay_client_abort(it_wsrelay_client *c);
/* True when it has ended and its stream is gone: it may be freed, and nothing of it is left in the network. */
bool it_wsrelay_client_over(const it_wsrelay_client *c);
/* The counts so far. */
it_wsrelay_client_stats it_wsrelay_client_stat(const it_wsrelay_client *c);
/* The next line of the key log of its TLS, as it_tls_secret: 1, or 0. */
int it_wsrelay_client_secret(const it_wsrelay_client *c, char line[IT_TLS_LINE_MAX]);

/* Its table. Events: IT_SERVICE_UP, DOWN (|code|: enum it_wsrelay_why, |how|: its word, |lifetime|: the status),
 * MESSAGE (|data|: a datagram). */
extern const it_object_ops it_wsrelay_client_ops;

#endif
