/* A hostile host: what it can write, and what it knows of those whom it attacks.
 *
 * It writes any datagram from any source address, as a host does whose network does not filter sources (RFC 2827 not
 * applied): DTLS records and STUN messages of the shapes below, or bytes. Of a call it is told the addresses that each
 * end sends to, which an attacker may guess; on the path it also sees the transaction ids of their requests. It never
 * knows a password or a key. Every transaction id of its own begins with IT_ATTACK_TXID, so that answers to it can be
 * told from answers to others. Deterministic: a stream of its own. */
#ifndef IT_LAB_APPS_ATTACKER_H
#define IT_LAB_APPS_ATTACKER_H

#include "base/alloc.h"
#include "base/rng.h"
#include "netsim/core/world.h"
#include "stack/stun/msg.h"

#define IT_ATTACK_MAX 1400    /* bytes of a datagram */
#define IT_ATTACK_TXID "atk!" /* how its transaction ids begin, 4 bytes */
#define IT_ATTACK_FLOWS 8     /* addresses remembered of a host, the latest */
#define IT_ATTACK_HOSTS 32    /* hosts watched */

enum it_attack_shape {
    IT_ATTACK_ALERT,      /* a fatal alert in clear */
    IT_ATTACK_CLOSE,      /* close_notify in clear */
    IT_ATTACK_JUNK,       /* application data in clear */
    IT_ATTACK_DATA,       /* application data of the epoch in use, of no key */
    IT_ATTACK_BIG,        /* the same, as large as a datagram may be */
    IT_ATTACK_EPOCH,      /* of an epoch that never comes */
    IT_ATTACK_SHORT,      /* of the epoch in use, too short for its tag */
    IT_ATTACK_HELLO,      /* a ClientHello, in order */
    IT_ATTACK_HELLO_JUNK, /* a ClientHello of noise */
    IT_ATTACK_HANDSHAKE,  /* any handshake message of noise */
    IT_ATTACK_FRAGMENT,   /* the first part of one that never ends */
    IT_ATTACK_CCS,        /* ChangeCipherSpec */
    IT_ATTACK_BINDING,    /* a Binding request as to a STUN server */
    IT_ATTACK_CHECK,      /* a connectivity check without integrity */
    IT_ATTACK_SIGNED,     /* one with wrong integrity, nominating */
    IT_ATTACK_RESPONSE,   /* a success response with wrong integrity */
    IT_ATTACK_BARE,       /* a success response without integrity */
    IT_ATTACK_ERROR,      /* an error response, 487 */
    IT_ATTACK_INDICATION, /* a Binding indication */
    IT_ATTACK_NOISE,      /* random bytes */
    IT_ATTACK_SHAPES
};
/* "alert", "close", ... as scenarios write them; NULL past the end. Static storage. */
const char *it_attack_shape_name(int shape);

/* Where a host sent to, as far as the attacker knows. */
typedef struct it_attack_flow {
    it_addr remote;
    bool asked; /* by a STUN request, whose id is |txid| */
    uint8_t txid[IT_STUN_TXID];
} it_attack_flow;

typedef struct it_attacker it_attacker;

/* An attacker whose noise comes from the stream |name| of |seed|; NULL on no memory. Freeing NULL is allowed. */
it_attacker *it_attacker_new(it_alloc *alloc, uint64_t seed, const char *name);
void it_attacker_free(it_attacker *a);

/* The payload of the datagram that a host sends in |s|, as long as its packet; |p| is NULL when |s| is anything else.
 */
it_bytes it_attacker_overhears(const it_seen_packet *s);

/* What it sees of a world: give it to it_world_observe. Lives as long as |a|. */
it_observer it_attacker_observer(it_attacker *a);
/* The latest addresses that |host| sent UDP to, servers of port 3478 and |self| left out: how many were written to
 * |out|, the latest first. */
int it_attacker_flows(const it_attacker *a, const it_node *host, it_ip self, it_attack_flow out[IT_ATTACK_FLOWS]);

/* Writes a datagram of |shape| into |out|; responses are to |txid| (NULL: one it makes up). Returns its size. */
size_t it_attacker_make(it_attacker *a, enum it_attack_shape shape, const uint8_t *txid, uint8_t out[IT_ATTACK_MAX]);

#endif
