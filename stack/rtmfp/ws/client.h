/* RTWebSocket to a server: one session at a time, over a stream that it opens itself, through a proxy and TLS where the
 * configuration says so.
 *
 *     connect -> stream -> (CONNECT, SOCKS) -> (TLS) -> upgrade -> OPEN -> flows -> CLOSED
 *                   +---------+------------------+---------+-> FAILED
 *
 * Its events are those of sessions and flows (stack/rtmfp/flow/event.h), without anything that comes of keys: an end of
 * a WebSocket has no peer ID, and nobody can be introduced to it. Contract: stack/io.h. */
#ifndef IT_STACK_RTMFP_WS_CLIENT_H
#define IT_STACK_RTMFP_WS_CLIENT_H

#include "base/rng.h"
#include "stack/proxy/client.h"
#include "stack/rtmfp/ws/link.h"
#include "stack/tls/tls.h"

#define IT_RTWS_HOST 256   /* room for a host, with NUL */
#define IT_RTWS_TARGET 256 /* room for a target */

typedef struct it_rtws_client_cfg {
    it_alloc *alloc;
    it_rng rng;
    it_addr server;
    const char *host;   /* the Host field, and by a proxy whom it is asked for; copied; NULL: the address */
    const char *target; /* of the request; copied; NULL: "/" */
    it_via via;
    const it_tls_cfg
        *tls; /* a client's, with a name; copied with that, its |alloc| and stream are ours; NULL: no TLS */
    it_time keepalive, death; /* as it_rtws_cfg */
} it_rtws_client_cfg;

typedef struct it_rtws_client it_rtws_client;

/* NULL without memory, or with a host, a target or a name of TLS that is none. */
it_rtws_client *it_rtws_client_new(const it_rtws_client_cfg *cfg);
/* Begins a session, |*session| is its number: OPEN or FAILED follows. The one before, which has to be over, is reset
 * where its closing handshake still goes on. Returns 0, IT_ERR_STATE or IT_ERR_NOMEM. */
int it_rtws_client_connect(it_rtws_client *c, it_time now, uint32_t *session);
/* Its commands. Live as long as |c|. */
it_rtmfp_carrier it_rtws_client_carrier(it_rtws_client *c);
/* Of the last session: */
typedef struct it_rtws_client_info {
    it_addr local;      /* where its stream leaves from; port 0: not known yet */
    it_time unanswered; /* since when a ping waits for its reply; IT_NEVER: none does */
    it_time rtt;        /* the last round trip; 0: none was measured */
} it_rtws_client_info;
it_rtws_client_info it_rtws_client_describe(const it_rtws_client *c);
/* The next line of the key log of its TLS, as it_tls_secret: 1, or 0. */
int it_rtws_client_secret(const it_rtws_client *c, char line[IT_TLS_LINE_MAX]);

/* As stack/io.h. Streams have the numbers 1 and 2 in turn. */
int it_rtws_client_input(it_rtws_client *c, it_time now, const it_io *in);
int it_rtws_client_tick(it_rtws_client *c, it_time now);
it_time it_rtws_client_next(const it_rtws_client *c);
int it_rtws_client_output(it_rtws_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_rtws_client_event_next(it_rtws_client *c, it_rtmfp_event *out);
void it_rtws_client_free(it_rtws_client *c);

#endif
