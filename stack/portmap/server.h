/* The server of NAT-PMP (RFC 6886) and PCP (RFC 6887) in a box, sans I/O: it speaks the protocols, its owner makes the
 * mappings.
 *
 *     client --request--> [ server ] --it_portmap_server_want--> owner (the box)
 *            <-response--            <-it_portmap_server_done--
 *
 * A mapping, and a flow held by PEER, belongs to the nonce that made it (RFC 6887 sections 11.3, 12.3): another one may
 * not change it. Epoch counts seconds since the state was lost last. Not here: mappings of all ports or all protocols
 * (refused with UNSUPP_PROTOCOL, as section 11.3 has it), and Mapping Updates (section 14.2): a box with a new address
 * announces that it has lost its state instead. */
#ifndef IT_STACK_PORTMAP_SERVER_H
#define IT_STACK_PORTMAP_SERVER_H

#include "base/alloc.h"
#include "stack/io.h"
#include "stack/portmap/msg.h"

typedef struct it_portmap_server_cfg {
    it_alloc *alloc;
    bool natpmp, pcp;                    /* what it speaks; the other gets "unsupported version" */
    bool no_map, no_peer;                /* opcodes of PCP that hosts may not use: NOT_AUTHORIZED */
    bool third_party;                    /* hosts may ask for others; else UNSUPP_OPTION (section 13.1) */
    uint32_t quota;                      /* what an internal host may have by PCP; 0: no limit (section 11.3) */
    uint32_t lifetime_min, lifetime_max; /* seconds; 0: 120 and 86400 (RFC 6887 section 15) */
    it_ip external;                      /* for NAT-PMP's question; it_portmap_server_external changes it */
} it_portmap_server_cfg;

typedef struct it_portmap_server it_portmap_server;

/* A mapping, or with |peer| a flow, wanted of the owner. */
typedef struct it_portmap_want {
    uint8_t proto;
    it_addr internal, external; /* external: none and 0 where all will do. internal: with port 0 all of the host's are
                                   to be deleted */
    bool exactly;               /* that or nothing */
    uint32_t lifetime;          /* seconds; 0: delete; of a flow: tell */
    bool pcp;                   /* by the rules of PCP */
    it_addr peer;               /* PEER; port 0: a mapping */
    bool unfilter;              /* filters are taken away, before those are added, which live until it is done */
    const it_portmap_filter *filters;
    size_t n_filters;
} it_portmap_want;

/* What became of it: a result, with IT_PORTMAP_OK the external endpoint and the seconds that it has left now, which
 * need not be those wanted; 0: there is nothing any more. */
typedef struct it_portmap_done {
    uint8_t result;
    it_addr external;
    uint32_t lifetime;
} it_portmap_done;

/* A server whose epoch begins at |now|; NULL when there is no memory. NULL may be freed. */
it_portmap_server *it_portmap_server_new(const it_portmap_server_cfg *cfg, it_time now);
void it_portmap_server_free(it_portmap_server *s);

/* The box lost its state, or has a new address: the epoch begins anew (RFC 6886 section 3.6, RFC 6887 section 8.5). */
void it_portmap_server_reset(it_portmap_server *s, it_time now, it_ip external);

/* Tells all hosts about the epoch, from |local| on socket |flow|: ten times by multicast, 250 ms apart and then twice
 * as long each time (RFC 6886 section 3.2.1, RFC 6887 section 14.1.3). */
void it_portmap_server_announce(it_portmap_server *s, it_time now, uint32_t flow, it_addr local);

/* The contract of stack/io.h, for datagrams. After input, want and done until there is nothing wanted. */
int it_portmap_server_input(it_portmap_server *s, it_time now, const it_io *in);
int it_portmap_server_tick(it_portmap_server *s, it_time now);
it_time it_portmap_server_next(const it_portmap_server *s);
int it_portmap_server_output(it_portmap_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);

/* 1 when something is wanted, which is then in |*w|; 0 when not. */
int it_portmap_server_want(it_portmap_server *s, it_portmap_want *w);
/* What became of the one that was handed out first. */
void it_portmap_server_done(it_portmap_server *s, it_time now, const it_portmap_done *d);

#endif
