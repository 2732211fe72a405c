/* Which peers a relay sends to: a table of kinds of address, each denied unless allowed (RFC 8656 sections 10.2, 11.2,
 * 12.2, 21.1.7, 21.2.2, 21.4).
 *
 * A relay stands where its clients do not: what they may not reach from outside, its own host, the network it is in and
 * the services of its provider, they must not reach through it. An IPv6 address that carries an IPv4 one (NAT64,
 * ISATAP, translated, IPv4-compatible) is judged by both. One of 6to4 or Teredo is never accepted (section 21.4). */
#ifndef IT_STACK_TURN_SERVER_POLICY_H
#define IT_STACK_TURN_SERVER_POLICY_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/pref64.h"

enum it_turn_peer {
    IT_TURN_PEER_ALLOWED,
    IT_TURN_PEER_UNSPECIFIED, /* 0.0.0.0/8, :: (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.2) */
    IT_TURN_PEER_LOOPBACK,    /* 127.0.0.0/8, ::1 */
    IT_TURN_PEER_PRIVATE,     /* RFC 1918, RFC 4193, site-local (RFC 3879) */
    IT_TURN_PEER_SHARED,      /* 100.64.0.0/10, RFC 6598 */
    IT_TURN_PEER_LINK_LOCAL,  /* 169.254.0.0/16, fe80::/10 */
    IT_TURN_PEER_METADATA,    /* 169.254.169.254, fd00:ec2::254: what tells machines in a cloud their secrets */
    IT_TURN_PEER_MULTICAST,
    IT_TURN_PEER_RESERVED, /* 240.0.0.0/4 with broadcast, 192.0.0.0/24, 198.18.0.0/15, 100::/64, 64:ff9b:1::/48 */
    IT_TURN_PEER_TUNNEL,   /* 2002::/16, 2001::/32: MUST NOT be accepted, whatever is open or listed (section 21.4) */
    IT_TURN_PEER_DENIED,   /* by the list */
    IT_TURN_PEER_OWN,      /* the server's own */
    IT_TURN_PEER_PORT,     /* port 0 */
    IT_TURN_PEERS
};

/* A word for each: "loopback". Static storage. */
const char *it_turn_peer_name(enum it_turn_peer kind);

typedef struct it_turn_policy {
    uint32_t open;                 /* kinds that are allowed, from UNSPECIFIED to RESERVED: 1u << kind */
    const it_prefix *allow, *deny; /* the most specific prefix decides before the kinds do, |deny| among equals */
    size_t n_allow, n_deny;
    const it_prefix *nat64; /* besides 64:ff9b::/96: prefixes of translators near the server (RFC 6052 section 2.2) */
    size_t n_nat64;
} it_turn_policy;

/* Judges the address |ip| of a peer by |p|'s lists and kinds. The server's own addresses are the server's to judge. */
enum it_turn_peer it_turn_policy_ip(const it_turn_policy *p, it_ip ip);

/* The IPv4 address that |ip| carries; none when it carries none. */
it_ip it_turn_policy_inner(const it_turn_policy *p, it_ip ip);

/* True for an address of 6to4 (RFC 3056) or Teredo (RFC 4380). */
bool it_turn_policy_tunnel(it_ip ip);

/* True when |allow| of |p| names |ip| alone, by a prefix of all its bits, and |deny| does not. */
bool it_turn_policy_named(const it_turn_policy *p, it_ip ip);

#endif
