/* The servers that `icetank serve` runs on this machine's sockets: a table. A row names a service and starts it on a
 * loop; what it needs of the stack is in a file of its own. */
#ifndef IT_LAB_SERVE_SERVE_H
#define IT_LAB_SERVE_SERVE_H

#include "lab/loop/loop.h"
#include "lab/serve/limit.h"
#include "lab/serve/log.h"
#include "lab/serve/tls.h"
#include "stack/signal/server.h"
#include "stack/turn/server/server.h"

#define IT_SERVE_ADDRS 16
#define IT_SERVE_RECORDS 20 /* records of signaling by WebSocket are read for each request that the rate allows */
#define IT_SERVE_PEERS 16   /* prefixes of peers that are allowed, or denied */
#define IT_SERVE_ROOMS 1024 /* of a relay that answers checks */

/* What a TURN server alone is told. All of it outlives the loop. */
typedef struct it_serve_turn_cfg {
    const char *realm;
    const it_stun_user *users; /* |n_users|; none: everybody may */
    size_t n_users;
    it_ip relay4, relay6;           /* where relayed addresses are; none: where the client has asked */
    uint16_t port_first, port_last; /* of relayed addresses */
    uint32_t allocations;           /* relayed addresses at a time */
    uint32_t user_allocations;      /* of one user; 0: no limit */
    const it_prefix *allow, *deny;  /* peers: stack/turn/server/policy.h */
    size_t n_allow, n_deny;
} it_serve_turn_cfg;

/* What a server wants to say to its clients before it is freed. */
typedef struct it_serve_stop {
    int app;
    void (*run)(void *o, it_time now); /* NULL: nothing */
    void *o;
} it_serve_stop;

typedef struct it_serve_cfg {
    it_alloc *alloc;
    it_loop *loop;
    uint64_t seed;
    const it_addr *addrs;    /* where to serve; 0.0.0.0 and :: stand for every address of their family */
    size_t n_addrs;          /* at least 1, at most IT_SERVE_ADDRS */
    it_limit_cfg limit;      /* |streams| is how much of anything else one source has as well */
    it_limit_count *count;   /* the caller's; outlives the loop */
    const it_serve_tls *tls; /* outlives the loop; NULL: none */
    it_serve_turn_cfg turn;
    size_t rooms; /* of a relay that answers checks: 1 to IT_SERVE_ROOMS */
    /* Takes a line for programs, which belongs to what is printed when all addresses are had; may be NULL. */
    void (*tell)(void *self, const char *line);
    it_serve_stop *stop;                       /* filled by starting; all zeros before */
    void (*log)(void *self, const char *text); /* takes a line for people; may be NULL */
    /* Takes every address that is served from now on, or no longer; |transport| is "udp", "tcp" or "tls". */
    void (*bound)(void *self, const char *transport, it_addr a, bool up);
    void *self;
} it_serve_cfg;

typedef struct it_service {
    const char *name, *help; /* a sentence */
    const char *alias;       /* another name of it; NULL: none */
    const char *counts;      /* what its limit counts */
    uint16_t port;           /* where it is found when nobody says otherwise */
    uint16_t tls_port;       /* and with TLS; 0: it has none */
    /* Adds its objects to the loop. Returns 0, or an error as it_loop_add, |*bad| then the address. */
    int (*start)(const it_serve_cfg *cfg, it_addr *bad);
} it_service;

extern const it_service IT_SERVICES[]; /* the last has no name */

/* The row of |name|, which may be an alias; NULL: there is none. */
const it_service *it_service_of(const char *name);

/* The server that |log| describes, but for its |alloc|, |log| and |self|, which are of |cfg|, behind its log and behind
 * the rate limit, which draws from |seed| and counts requests. It is freed with them, also when there is no memory
 * (NULL). */
it_limit *it_serve_logged(const it_serve_cfg *cfg, uint64_t seed, it_serve_log_cfg log);

/* Lets app |app| accept streams on all addresses of |cfg| and, where |cfg| has TLS, on port |*tls_port| of the same
 * hosts, each once; tells of them. Returns 0 or as it_loop_listen, |*bad| then the address. */
int it_serve_streams(const it_serve_cfg *cfg, int app, uint16_t *tls_port, it_addr *bad);

/* Lets the server say goodbye, as far as the kernel takes it at once. Returns 0 or as it_loop_flush. */
int it_serve_goodbye(it_loop *loop, const it_serve_stop *stop);

/* STUN (stun.c): RFC 8489 by UDP and TCP. Where exactly two addresses of a family are given, which differ, with NAT
 * behavior discovery (RFC 5780) on them: the first one is the primary, the second one's port the alternate, or the next
 * higher one where they are the same. */
int it_serve_stun(const it_serve_cfg *cfg, it_addr *bad);

/* Signaling (signal.c): WebSocket and HTTP long poll on TCP and TLS, docs/signal.md. The limit counts accepted streams;
 * its own limits are those of stack/signal/server.h. */
int it_serve_signal(const it_serve_cfg *cfg, it_addr *bad);

/* A signal server |server|, or what stands on one, called |name|, behind its |log|, which owns it: with TLS where |cfg|
 * has it, and a goodbye. Returns as it_serve_signal. */
int it_serve_signal_as(const it_serve_cfg *cfg, const char *name, it_signal_server *server, it_serve_log_cfg log,
                       it_addr *bad);
/* Tells |log| what has become of requests to |s|, which is called |name|. */
void it_serve_signal_news(it_signal_server *s, it_serve_log *log, const char *name);

/* A rendezvous server (rendezvous.c), docs/rendezvous.md: what signaling has, and in addition names and calls. */
int it_serve_rendezvous(const it_serve_cfg *cfg, it_addr *bad);

/* A relay of datagrams over WebSocket (ws.c) on TCP and TLS. The limit counts accepted streams; its own limits are
 * those of stack/wsrelay/server.h. */
int it_serve_ws(const it_serve_cfg *cfg, it_addr *bad);

/* TURN (turn.c): RFC 8656 over UDP and over TCP at the same addresses, with DTLS and TLS on their port and there, with
 * long-term credentials when there are users. Its relays' peers may be relayed addresses of its own, as of two clients
 * that reach each other only through it. The limit counts requests and accepted streams; what is relayed is the users'
 * (stack/turn/server/allocation.h). */
int it_serve_turn(const it_serve_cfg *cfg, it_addr *bad);

/* A relay that answers checks, for model E (checkrelay.c): stack/checkrelay by UDP, with |rooms| for good, of whose two
 * ends each one's credentials are told: "room 1 end 1 UFRAG PASSWORD UFRAG PASSWORD". The limit counts checks; a room
 * passes 10 Mbit/s. */
int it_serve_checkrelay(const it_serve_cfg *cfg, it_addr *bad);

/* A server of RTMFP (rtmfp.c): RFC 7016, in the profile of RFC 7425, with RTWebSocket (stack/rtmfp/ws) on TCP at the
 * same addresses, and on TLS: introductions, and streams that it relays. Makes OpenSSL draw from the system. At most 8
 * addresses. The limit counts datagrams; accepted streams are at most 1,024 at a time. */
int it_serve_rtmfp(const it_serve_cfg *cfg, it_addr *bad);

#endif
