/* A relay of datagrams over WebSocket: two clients that know the name of a room hear each other, whatever walls they
 * are behind, as long as these let the web out. What it says and hears: stack/wsrelay/wire.h.
 *
 *     ACCEPTED -> (TLS) -> request -> 101: in the room -> HERE to both when there are two -> DATA both ways -> GONE
 *                            +-- 400, 404, 405, 409 (two are there), 426, 503 (as many rooms as there may be)
 *
 * Every datagram waits for the connection it is to leave by, the latest 64 and none longer than |age|; what is dropped
 * is counted, and told to who sent it. A connection that is silent is asked, and ended when it does not answer; so is
 * one that does not ask for a room. Contract: stack/io.h. */
#ifndef IT_STACK_WSRELAY_SERVER_H
#define IT_STACK_WSRELAY_SERVER_H

#include "base/rng.h"
#include "stack/object.h"
#include "stack/tls/tls.h"
#include "stack/wsrelay/wire.h"

/* As a signal server has it: three round trips of 10 s, of TLS 1.2 and the request (RFC 5246 section 7.3). */
#define IT_WSRELAY_REQUEST (30 * IT_SEC)

typedef struct it_wsrelay_server_cfg {
    it_alloc *alloc;
    it_rng rng;
    const it_tls_cfg *tls; /* a server's, of streams that come to |tls_port|; copied, its |alloc| and stream are ours;
                              NULL: none */
    uint16_t tls_port;
    size_t connections; /* at once; 0: 1,024. More are reset */
    size_t rooms;       /* 0: 512 */
    it_time patience;   /* for a request, TLS and proxies before it; 0: IT_WSRELAY_REQUEST */
    it_time ping_every; /* silence after which a ping goes out; 0: 15 s */
    it_time ping_wait;  /* 0: 10 s */
    it_time age;        /* datagrams wait so long; 0: 500 ms */
} it_wsrelay_server_cfg;

typedef struct it_wsrelay_server_stats {
    uint64_t joined;      /* clients that came into a room */
    uint64_t replaced;    /* by another with the same name */
    uint64_t relayed;     /* datagrams */
    uint64_t bytes;       /* of them */
    uint64_t dropped;     /* of those that had to wait */
    uint64_t refused;     /* requests that got another answer than 101 */
    uint64_t silent;      /* connections ended for silence */
    uint64_t reset;       /* beyond |connections| */
    uint32_t connections; /* now */
    uint32_t rooms;       /* now, with one or two in them */
} it_wsrelay_server_stats;

/* What has become of a client, for a log. */
enum it_wsrelay_tale_kind {
    IT_WSRELAY_TALE_JOINED,  /* it is |name| in |room| now */
    IT_WSRELAY_TALE_LEFT,    /* it is no more */
    IT_WSRELAY_TALE_REFUSED, /* its request was answered with |status| */
    IT_WSRELAY_TALE_RESET    /* a connection too many */
};

typedef struct it_wsrelay_tale {
    enum it_wsrelay_tale_kind kind;
    it_addr client;
    int status;
    char room[IT_WSRELAY_ROOM + 1], name[IT_WSRELAY_NAME + 1]; /* JOINED, LEFT. Who knows the room may enter it */
} it_wsrelay_tale;

#define IT_WSRELAY_TALES 32 /* that are kept: the latest */

typedef struct it_wsrelay_server it_wsrelay_server;

/* NULL without memory. */
it_wsrelay_server *it_wsrelay_server_new(const it_wsrelay_server_cfg *cfg);
/* From now on streams to |port| have TLS, as |tls| says: as the configuration has it. */
void it_wsrelay_server_tls(it_wsrelay_server *s, const it_tls_cfg *tls, uint16_t port);
/* The counts so far. */
const it_wsrelay_server_stats *it_wsrelay_server_stat(const it_wsrelay_server *s);
/* What has happened since it was last asked, in order: 1 and |*tale|, or 0. */
int it_wsrelay_server_tale(it_wsrelay_server *s, it_wsrelay_tale *tale);

/* It is about to be freed: closes every WebSocket with 1001 (RFC 6455 section 7.4.1: going away). */
void it_wsrelay_server_stop(it_wsrelay_server *s, it_time now);

/* Its table; no events. */
extern const it_object_ops it_wsrelay_server_ops;

#endif
