/* URIs of STUN and TURN servers (RFC 7064, RFC 7065).
 *
 *     stun:example.org   stuns:[2001:db8::1]:5349   turn:192.0.2.1:3478?transport=tcp   turns:example.org
 */
#ifndef IT_STACK_TURN_URI_H
#define IT_STACK_TURN_URI_H

#include "base/addr.h"
#include "base/err.h"

#define IT_TURN_URI_HOST 256 /* room for a name, with its NUL (RFC 1035 section 2.3.4) */

enum it_turn_transport { IT_TURN_OVER_UDP, IT_TURN_OVER_TCP, IT_TURN_OVER_TLS, IT_TURN_OVER_DTLS };

typedef struct it_turn_uri {
    bool turn;                        /* else STUN */
    bool secure;                      /* "stuns", "turns" */
    enum it_turn_transport transport; /* RFC 5928 section 3, RFC 7350 section 4.6: secure and "udp" is DTLS */
    bool named_transport;             /* the URI says so; else it is the first of those to be tried */
    char host[IT_TURN_URI_HOST];      /* as written, without brackets */
    it_ip ip;                         /* of a literal; none: |host| is a name */
    uint16_t port;                    /* as written, or 3478, secure 5349 (RFC 7065 section 3.2) */
    bool named_port;                  /* the URI says so; else a name is resolved by SRV first (RFC 5928 section 3) */
} it_turn_uri;

/* Parses |s|, a whole URI. Returns 0; IT_ERR_PARSE: no such URI, or stuns with an address; IT_ERR_UNSUPPORTED: a
 * transport that is not known here. |why| (may be NULL) gets a short reason then, static storage. */
int it_turn_uri_parse(it_turn_uri *u, const char *s, const char **why) IT_MUST_CHECK;

#endif
