/* A TURN server in a world: the server of stack/turn/server on ports of its host, over UDP, TCP, TLS and DTLS, as an
 * app of the driver.
 *
 * Its sockets are its own: beside each address of its host, which comes as a base, one datagram socket a port, and for
 * each port one that accepts streams. What becomes of allocations is told as events: UP (remote: the client, local: the
 * relayed address), DOWN (why: "ended", or "refused" with the code in status). */
#ifndef IT_LAB_APPS_TURN_H
#define IT_LAB_APPS_TURN_H

#include "lab/driver/lab.h"
#include "stack/turn/server/server.h"

#define IT_TURN_APP_PORTS 4
#define IT_TURN_APP_BASES 0x10000u /* flows from here on are the server's own */
#define IT_TURN_APP_RULES 16

typedef struct it_turn_app_cfg {
    it_alloc *alloc;
    it_rng rng;
    uint16_t udp[IT_TURN_APP_PORTS], tcp[IT_TURN_APP_PORTS];     /* 0: none more */
    uint16_t tls[IT_TURN_APP_PORTS], dtls[IT_TURN_APP_PORTS];    /* of TLS, of DTLS, with |secure| */
    it_tls_cfg secure;                                           /* of a server; |shared| NULL: none */
    it_stun_credentials auth;                                    /* copied */
    it_time lifetime, max_lifetime;                              /* of allocations; 0: RFC 8656's */
    uint32_t user_relays;                                        /* relayed addresses of a user; 0: no limit */
    it_prefix allow[IT_TURN_APP_RULES], deny[IT_TURN_APP_RULES]; /* peers; stack/turn/server/policy.h */
    size_t n_allow, n_deny;
    bool no_relay4, no_relay6;
    bool mobility;
    bool tcp_peers; /* RFC 6062 */
} it_turn_app_cfg;

/* Its object, |cfg| copied. NULL without memory. */
void *it_turn_app_new(const it_turn_app_cfg *cfg);
/* The server inside; |app| is an object of it_app_turn. */
const it_turn_server *it_turn_app_server(const void *app);

extern const it_object_ops it_app_turn;

#endif
