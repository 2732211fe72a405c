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

typedef struct it_ice_cand {
    enum it_ice_kind kind;
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

/* RFC 8445 section 5.1.2.1 with the recommended type preferences (126, 100, 110, 0). |local_pref| 0 to 65535. */
uint32_t it_ice_priority(enum it_ice_kind kind, uint16_t local_pref, uint16_t component);

/* True for an address that a candidate may have. RFC 8445 section 5.1.1.1 forbids loopback, IPv4-compatible and
 * site-local addresses; an unspecified, multicast or broadcast one, and port 0, are no place where a check could be
 * answered. */
bool it_ice_addr_usable(it_addr a);

/* Appends "candidate:..." (the value of an a= line, without "a=" and line end); RFC 8839 section 5.1. */
void it_ice_cand_write(it_str *out, const it_ice_cand *c);

/* Parses such a value. Unknown extensions are skipped. Returns 0, IT_ERR_PARSE, or IT_ERR_UNSUPPORTED for a well-formed
 * candidate that the caller is to ignore: a transport other than UDP, an unknown kind, an address that is a name or of
 * an unknown version (RFC 8839 section 5.1: MUST ignore), one that it_ice_addr_usable refuses. "0.0.0.0" and "::" with
 * port 9, which say "none yet" as a default destination (RFC 8839 sections 4.2.5, 4.3.1), are among the latter: no
 * failure either. */
int it_ice_cand_read(it_ice_cand *c, it_bytes text) IT_MUST_CHECK;

#endif
