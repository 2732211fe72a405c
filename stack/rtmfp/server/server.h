/* A rendezvous server of RTMFP: peers keep sessions with it, and it introduces one to another by their peer IDs
 * (RFC 7016 section 3.5.1.6, RFC 7425 section 5.4). An IHello that names a peer is answered by a Redirect to where that
 * peer is seen, and forwarded to it, so that both ends open their NATs.
 *
 * What a stranger can make it send is bounded: an RHello has 3.5 times the bytes of its IHello at most, a Redirect
 * fewer than it; introductions are counted by the second for each address that asks and for each peer that is asked
 * for, as each makes that peer send too (section 5). Cookies expire. It opens no sessions itself (section 3.5.1.4).
 *
 * A client may make a NetConnection (RFC 7425 section 5.3): "connect" is answered, and what it says of its own
 * addresses by "setPeerInfo" is told to who asks for it, beside where it is seen.
 *
 * Over it, NetStreams (section 5.3.5): what one client publishes under a name goes to all who play that name, by way of
 * the server, audio, video and the rest on flows of their own, so that a player without a way to the publisher has one.
 * What a player cannot take is dropped for that player alone. All other flows are rejected.
 *
 * Streams that it accepts are RTWebSocket (stack/rtmfp/ws): NetConnections over them are the same, and clients of both
 * kinds publish to each other. Nobody is introduced to those, as they prove no peer ID. */
#ifndef IT_STACK_RTMFP_SERVER_SERVER_H
#define IT_STACK_RTMFP_SERVER_SERVER_H

#include "stack/object.h"
#include "stack/rtmfp/rtmfp.h"
#include "stack/rtmfp/ws/server.h"

#define IT_RTMFP_PORT 1935 /* RFC 7425 section 6.1 */

typedef struct it_rtmfp_server_cfg {
    it_alloc *alloc;
    it_rng rng;
    const char *host; /* in its certificate; NULL: none. Used during new only */
    it_rtmfp_policy policy;
    uint32_t sessions;        /* at most; 0: 1,024 */
    uint32_t each;            /* of one IPv4 address or IPv6 /64; 0: no limit */
    uint32_t asks;            /* introductions a second for one address that asks; 0: 10 */
    uint32_t asked;           /* and to one peer; 0: 10 */
    bool no_redirect;         /* only forwards */
    bool no_forward;          /* only redirects */
    it_time keepalive, death; /* as it_rtmfp_cfg */
    /* What clients are told to do (section 5.3.4): after how much silence to Ping it, and each other. 0: nothing. */
    it_time client_keepalive, peer_keepalive;
    uint32_t web;     /* connections for RTWebSocket at most; 0: 1,024 */
    it_time lifetime; /* of audio and video that is relayed, after which it is abandoned; 0: it is reliable */
} it_rtmfp_server_cfg;

typedef struct it_rtmfp_server_stats {
    uint32_t sessions; /* open now */
    uint64_t opened, closed;
    uint64_t introduced;        /* IHellos answered for a peer that is here */
    uint64_t absent;            /* that named nobody who is */
    uint64_t limited;           /* beyond a limit */
    uint64_t rejected;          /* flows */
    uint64_t connected;         /* NetConnections */
    uint64_t published, played; /* names, by streams */
    it_rtws_server_stats web;
    uint64_t relayed, dropped; /* audio and video that were sent on; messages that a player did not take */
} it_rtmfp_server_stats;

typedef struct it_rtmfp_server it_rtmfp_server;

/* Makes one, with an ephemeral certificate that takes ancillary data. Needs it_ossl_init. Returns 0 or what
 * it_rtmfp_new does. */
int it_rtmfp_server_new(const it_rtmfp_server_cfg *cfg, it_time now, it_rtmfp_server **out) IT_MUST_CHECK;
it_rtmfp_server_stats it_rtmfp_server_stat(const it_rtmfp_server *s);
/* From now on streams to |port| have TLS, as it_rtws_server_tls. */
void it_rtmfp_server_tls(it_rtmfp_server *s, const it_tls_cfg *tls, uint16_t port);
/* The next line of the key log of any of its TLS connections: 1, or 0. */
int it_rtmfp_server_secret(it_rtmfp_server *s, char line[IT_TLS_LINE_MAX]);
/* It is about to be freed: says goodbye over every WebSocket. Returns 0 or IT_ERR_NOMEM. */
int it_rtmfp_server_stop(it_rtmfp_server *s, it_time now);
/* Its own fingerprint: IT_RTMFP_PRINT bytes. */
const uint8_t *it_rtmfp_server_print(const it_rtmfp_server *s);

/* Its table; it has no events. */
extern const it_object_ops it_rtmfp_server_ops;

#endif
