/* RTWebSocket from the server's end: it accepts streams, with TLS on one of its ports where the configuration says so,
 * and each that asks for a WebSocket, whatever its target, becomes a session.
 *
 *     ACCEPTED -> (TLS) -> request -> 101: OPEN -> flows -> CLOSED
 *                             +-- 400, 405, 426
 *
 * A connection that does not ask for one is reset after a while, a session that is silent is asked and given up. What
 * a client cannot take waits in its flows, which are bounded. Contract: stack/io.h. */
#ifndef IT_STACK_RTMFP_WS_SERVER_H
#define IT_STACK_RTMFP_WS_SERVER_H

#include "base/rng.h"
#include "stack/rtmfp/ws/link.h"
#include "stack/tls/tls.h"

#define IT_RTWS_CONNECTIONS 1024

typedef struct it_rtws_server_cfg {
    it_alloc *alloc;
    it_rng rng;
    uint32_t connections;     /* at once; 0: 1,024. More are reset */
    it_time patience;         /* for a request, TLS and proxies before it; 0: IT_RTWS_REQUEST */
    it_time keepalive, death; /* as it_rtws_cfg */
} it_rtws_server_cfg;

typedef struct it_rtws_server_stats {
    uint32_t connections; /* now */
    uint64_t refused;     /* requests that got another answer than 101 */
    uint64_t silent;      /* connections reset for not asking */
    uint64_t reset;       /* beyond |connections| */
    uint64_t broken;      /* sessions whose far end has broken the protocol */
} it_rtws_server_stats;

typedef struct it_rtws_server it_rtws_server;

/* NULL without memory. */
it_rtws_server *it_rtws_server_new(const it_rtws_server_cfg *cfg);
/* From now on streams to |port| have TLS, as |tls| says: copied, its |alloc| and stream are ours. */
void it_rtws_server_tls(it_rtws_server *s, const it_tls_cfg *tls, uint16_t port);
/* Its commands. Live as long as |s|. */
it_rtmfp_carrier it_rtws_server_carrier(it_rtws_server *s);
it_rtws_server_stats it_rtws_server_stat(const it_rtws_server *s);
/* The next line of the key log of any of its TLS connections: 1, or 0. */
int it_rtws_server_secret(it_rtws_server *s, char line[IT_TLS_LINE_MAX]);
/* It is about to be freed: closes every WebSocket with 1001 (RFC 6455 section 7.4.1: going away). Returns 0 or
 * IT_ERR_NOMEM. */
int it_rtws_server_stop(it_rtws_server *s, it_time now);

/* As stack/io.h; what is no stream is nothing to it. */
int it_rtws_server_input(it_rtws_server *s, it_time now, const it_io *in);
int it_rtws_server_tick(it_rtws_server *s, it_time now);
it_time it_rtws_server_next(const it_rtws_server *s);
int it_rtws_server_output(it_rtws_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_rtws_server_event_next(it_rtws_server *s, it_rtmfp_event *out);
void it_rtws_server_free(it_rtws_server *s);

#endif
