/* A TURN server: relayed addresses for clients over UDP and over accepted byte streams (RFC 8656), with mobility
 * (RFC 8016) when it is switched on. Answers Binding requests too. Sans I/O as stack/io.h.
 *
 *     client --(base or stream: STUN, ChannelData)--> [ server ] --(relayed socket: datagrams)--> peer
 *
 * Bases and accepted streams are told by the driver; the server binds its relayed sockets itself, so an Allocate
 * request is answered when the BIND is. It keeps no answers: retransmitted requests are processed again and lead to the
 * same (section 5, the "stateless stack approach"). All that it keeps is bounded by |limits|.
 *
 * With |tcp_peers| clients over streams may have relayed addresses of TCP (RFC 6062), whose connections they fetch by
 * connections of their own. Not here: third-party authorization (RFC 7635). A malformed attribute
 * makes a message malformed, which is dropped (RFC 8489 section 6.3), where RFC 8656 section 7.2 would have a 400. */
#ifndef IT_STACK_TURN_SERVER_H
#define IT_STACK_TURN_SERVER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"
#include "stack/stun/guard.h"
#include "stack/tls/tls.h"
#include "stack/turn/server/allocation.h"
#include "stack/turn/server/policy.h"

#define IT_TURN_SERVER_QUEUE 128 /* datagrams that may wait for output; what comes beyond is dropped */
#define IT_TURN_SERVER_BASES 32

typedef struct it_turn_server_cfg {
    it_alloc *alloc;
    it_rng rng;           /* for nonces, tokens, tickets, transaction ids */
    const char *software; /* SOFTWARE, at most 509 bytes; NULL: none. Outlives the server */

    const it_tls_cfg *tls; /* of a server; NULL: none. Accepted streams may have TLS, datagrams DTLS (RFC 7350), and
                              show it by their first byte (RFC 8489 section 8.1, RFC 7983). Copied; |shared| and |cert|
                              outlive the server */

    it_stun_credentials auth; /* long-term credentials (RFC 8489 section 9.2); copied */

    it_ip relay4, relay6;      /* where relayed addresses are; none: on the base that the request came to, else on the
                                  first one of the family */
    bool no_relay4, no_relay6; /* the family is not offered: 440 */
    bool no_dont_fragment;     /* DONT-FRAGMENT is not supported: 420 */
    it_turn_policy policy;     /* its lists outlive the server */
    const it_prefix *own; /* of its host besides bases and relay4, relay6: other interfaces, a NAT's address before it;
                             such peers are denied. Outlives the server */
    size_t n_own;
    bool relayed_peers; /* relayed addresses of this server may be peers: two clients that both reach only it */
    it_turn_limits limits;

    it_addr alternate4, alternate6; /* ALTERNATE-SERVER for clients of the family, with 300; none: no such answer.
                                       Where nobody is asked who he is they get 400 (RFC 8489 section 14.8) */
    uint32_t alternate_from;        /* from so many relayed addresses in use */
    const char *alternate_domain;   /* ALTERNATE-DOMAIN (RFC 8489 section 14.16); NULL: none. Outlives the server */

    bool tcp_peers;     /* TCP allocations (RFC 6062); else 442 */
    bool mobility;      /* RFC 8016 */
    bool channels_5766; /* clients of RFC 5766 may draw channel numbers up to 0x7FFF; else these are refused with 400 */
} it_turn_server_cfg;

typedef struct it_turn_server_stats {
    uint64_t requests, refused; /* that were answered; with an error */
    uint64_t up, down;          /* datagrams relayed to peers, to clients */
    uint64_t connections;       /* with peers, that a client has fetched */
    uint64_t bytes_up, bytes_down;
    uint64_t denied;  /* datagrams without permission, channel or allocation */
    uint64_t quota;   /* beyond the bandwidth of their user */
    uint64_t dropped; /* no room, or no hop left */
} it_turn_server_stats;

typedef struct it_turn_server it_turn_server;

/* NULL when there is no memory. */
it_turn_server *it_turn_server_new(const it_turn_server_cfg *cfg);
void it_turn_server_free(it_turn_server *s);

/* As stack/io.h. What is no message of TURN is silently dropped. IT_ERR_NOMEM: what came in was lost. */
int it_turn_server_input(it_turn_server *s, it_time now, const it_io *in);
int it_turn_server_tick(it_turn_server *s, it_time now);
it_time it_turn_server_next(const it_turn_server *s);
int it_turn_server_output(it_turn_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* The shortcut of stack/object.h (shortcut.c), for what goes by channels to and from clients that have no stream. The
 * same comes of it as of input and output. */
bool it_turn_server_relay(it_turn_server *s, it_time now, const it_io *in, uint8_t *bytes, it_io *out);

/* What has become of allocations, in order: 1 and |*tale|, or 0. */
int it_turn_server_tale(it_turn_server *s, it_turn_tale *tale);

/* What it has done so far; how many allocations there are. */
const it_turn_server_stats *it_turn_server_stats_of(const it_turn_server *s);
uint32_t it_turn_server_allocations(const it_turn_server *s);
/* How many permissions and channels there are in all. */
uint32_t it_turn_server_permissions(const it_turn_server *s);
uint32_t it_turn_server_channels(const it_turn_server *s);

/* The same as a table. */
extern const it_object_ops it_turn_server_ops;

#endif
