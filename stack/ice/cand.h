/* ICE candidates: kinds, priorities, foundations and their SDP form (RFC 8445 section 5.1, RFC 8839 section 5.1). */
#ifndef IT_STACK_ICE_CAND_H
#define IT_STACK_ICE_CAND_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/text/str.h"

#define IT_ICE_UFRAG_MAX 256
#define IT_ICE_PWD_MAX 256
#define IT_ICE_FOUNDATION_MAX 32

enum it_ice_kind { IT_ICE_HOST, IT_ICE_SRFLX, IT_ICE_PRFLX, IT_ICE_RELAY };

/* By TCP, who opens the connection (RFC 6544 section 4): this side, from any port; the far side; both at once. */
enum it_ice_transport { IT_ICE_UDP, IT_ICE_TCP_ACTIVE, IT_ICE_TCP_PASSIVE, IT_ICE_TCP_SO, IT_ICE_TRANSPORTS };

#define IT_ICE_TCP_DISCARD 9 /* the port of an active candidate: RFC 6544 section 4.5 */

typedef struct it_ice_cand {
    enum it_ice_kind kind;
    enum it_ice_transport transport;
    uint16_t component; /* 1 to 256 */
    uint32_t priority;
    it_addr addr;
    it_addr base;    /* local candidates: what it is sent from. Remote ones: related address, or none */
    it_addr related; /* local relayed ones: the address that the server saw (RFC 8839 section 5.1); none elsewhere */
    int flow;        /* local candidates: the owner's number of the base's socket; -1 for remote ones */
    char foundation[IT_ICE_FOUNDATION_MAX + 1];
} it_ice_cand;

/* "host", "srflx", "prflx", "relay". */
const char *it_ice_kind_name(enum it_ice_kind kind);

/* "udp", and what tcptype says: "active", "passive", "so" (RFC 6544 section 4.5). */
const char *it_ice_transport_name(enum it_ice_transport transport);

/* RFC 8445 section 5.1.2.1 with the recommended type preferences (126, 100, 110, 0). |local_pref| 0 to 65535. */
uint32_t it_ice_priority(enum it_ice_kind kind, uint16_t local_pref, uint16_t component);
/* The same of a candidate by TCP (RFC 6544 section 4.2), below all by UDP but the relayed ones. |other_pref| 0 to 8191.
 */
uint32_t it_ice_tcp_priority(enum it_ice_kind kind, enum it_ice_transport transport, uint32_t other_pref,
                             uint16_t component);
/* The priority of a peer-reflexive candidate whose base is that of |local| (RFC 8445 section 7.1.1). */
uint32_t it_ice_prflx_priority(const it_ice_cand *local);

/* True for an address that a candidate may have. RFC 8445 section 5.1.1.1 forbids loopback, IPv4-compatible and
 * site-local addresses; an unspecified, multicast or broadcast one, and port 0, are no place where a check could be
 * answered. */
bool it_ice_addr_usable(it_addr a);

/* Appends "candidate:..." (the value of an a= line, without "a=" and line end); RFC 8839 section 5.1. */
void it_ice_cand_write(it_str *out, const it_ice_cand *c);

/* Parses such a value. Unknown extensions are skipped, and so is the zone of an IPv6 link-local address, which means
 * something to its own host alone (RFC 4007 section 11.2). Returns 0, IT_ERR_PARSE, IT_ERR_NOTFOUND for a candidate
 * that has a name of its LAN in its address's place (".local", draft-ietf-mmusic-mdns-ice-candidates section 3.2): who
 * does not resolve it leaves it out, or IT_ERR_UNSUPPORTED for a well-formed
 * candidate that the caller is to ignore: a transport other than UDP and TCP, TCP without a tcptype that RFC 6544
 * section 4.5 has, an unknown kind, an address that is a name or of
 * an unknown version (RFC 8839 section 5.1: MUST ignore), one that it_ice_addr_usable refuses. "0.0.0.0" and "::" with
 * port 9, which say "none yet" as a default destination (RFC 8839 sections 4.2.5, 4.3.1), are among the latter: no
 * failure either. */
int it_ice_cand_read(it_ice_cand *c, it_bytes text) IT_MUST_CHECK;

#endif
