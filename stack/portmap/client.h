/* A client that keeps one mapping, or holds one flow: PCP first, NAT-PMP where the server does not know it (RFC 6887
 * section 9) and can do it, sans I/O.
 *
 *     start -> asking -> mapped -> (renewal) -> mapped ... -> release
 *                  \-> failed
 *
 * Retransmissions and renewals as RFC 6887 sections 8.1.1 and 11.2.1 say (for NAT-PMP: RFC 6886 sections 3.1 and 3.3);
 * a server that lost its state, by its epoch, is asked anew at once (section 8.5). Announcements are heard when the
 * driver passes on what comes to IT_PORTMAP_GROUP_PORT. UPnP: stack/portmap/upnp_client.h. */
#ifndef IT_STACK_PORTMAP_CLIENT_H
#define IT_STACK_PORTMAP_CLIENT_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/object.h"
#include "stack/portmap/msg.h"

#define IT_PORTMAP_CLIENT_FILTERS 16

typedef struct it_portmap_client_cfg {
    it_alloc *alloc;
    it_rng rng;        /* nonce and the spread of times */
    it_addr server;    /* the gateway, port IT_PORTMAP_PORT */
    it_addr local;     /* the socket it sends from */
    uint8_t proto;     /* IP protocol: 6 or 17 */
    uint16_t internal; /* port to be mapped */
    uint16_t external; /* wanted; 0: any */
    uint32_t lifetime; /* seconds wanted; 0: 7200 */
    bool listens;      /* UPnP: the driver accepts streams at |local|, for events */
    it_time give_up;   /* without any answer it fails after this; 0: RFC 6886's 9 tries, about 128 s */
    /* PCP alone: */
    it_addr peer;        /* with a port: the flow with it is held (section 12), which |local| knows so */
    it_ip third;         /* not none: for that host (section 13.1) */
    bool prefer_failure; /* |external| or nothing (section 13.2) */
    it_portmap_filter filters[IT_PORTMAP_CLIENT_FILTERS]; /* who is let in; section 13.3 */
    size_t n_filters;                                     /* 0: everybody */
} it_portmap_client_cfg;

typedef struct it_portmap_client it_portmap_client;

typedef enum { IT_PORTMAP_EV_MAPPED, IT_PORTMAP_EV_FAILED, IT_PORTMAP_EV_LOST } it_portmap_event_kind;

typedef struct it_portmap_event {
    it_portmap_event_kind kind;
    it_addr external;  /* MAPPED; NAT-PMP: its address once it is known */
    uint32_t lifetime; /* MAPPED, seconds; FAILED: for how long the same will be refused, 0: not known */
    uint8_t result;    /* FAILED: as in the answer, IT_PORTMAP_NETWORK_FAILURE when none came */
    const char *how;   /* "pcp" or "natpmp"; static storage */
} it_portmap_event;

/* A client that begins to ask at |now|; NULL when there is no memory. NULL may be freed. */
it_portmap_client *it_portmap_client_new(const it_portmap_client_cfg *cfg, it_time now);
void it_portmap_client_free(it_portmap_client *c);

/* Gives the mapping back: sends one deletion, waits for no answer. A held flow is just not held any longer
 * (section 12.1). */
void it_portmap_client_release(it_portmap_client *c, it_time now);
/* Lets in the |n| of |f| from now on, instead of those before; 0: everybody. MAPPED or FAILED tells how it went.
 * Returns 0, IT_ERR_STATE (not mapped by PCP, a held flow) or IT_ERR_FULL (above IT_PORTMAP_CLIENT_FILTERS). */
int it_portmap_client_filter(it_portmap_client *c, it_time now, const it_portmap_filter *f, size_t n) IT_MUST_CHECK;
/* Asks the server for its epoch, once (section 14.1.2; of NAT-PMP: for its address). If it has lost its state it is
 * asked anew. */
void it_portmap_client_ask(it_portmap_client *c, it_time now);
/* The way to the server is closed (ICMP port unreachable): RFC 6886 section 3.1 ends it at once. */
void it_portmap_client_refused(it_portmap_client *c, it_time now);

/* The contract of stack/io.h, for datagrams. */
int it_portmap_client_input(it_portmap_client *c, it_time now, const it_io *in);
int it_portmap_client_tick(it_portmap_client *c, it_time now);
it_time it_portmap_client_next(const it_portmap_client *c);
int it_portmap_client_output(it_portmap_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_portmap_client_event(it_portmap_client *c, it_portmap_event *ev);

/* --- a client of either kind, as an object --- */

typedef struct it_mapper it_mapper;

/* Keeps one mapping at |cfg|->server, or with |upnp| at the gateway that it finds (stack/portmap/upnp_client.h), by the
 * first base of the gateway's family, which fills in |cfg|->local. NULL without memory. */
it_mapper *it_mapper_new(const it_portmap_client_cfg *cfg, bool upnp);
/* As it_portmap_client_release, _filter and _ask; filter and ask are nothing for UPnP, or before there is a base. */
void it_mapper_release(it_mapper *m, it_time now);
int it_mapper_filter(it_mapper *m, it_time now, const it_portmap_filter *f, size_t n) IT_MUST_CHECK;
void it_mapper_ask(it_mapper *m, it_time now);
/* Its table. Events: IT_SERVICE_MAPPED, REFUSED, LOST. */
extern const it_object_ops it_mapper_ops;

#endif
