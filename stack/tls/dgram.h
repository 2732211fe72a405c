/* DTLS 1.2 of clients and servers that prove who they are by certificates and names, as RFC 7350 has it for STUN and
 * TURN: an association is to datagrams what a layer of stack/tls/tls.h is to a stream. RFC 6347, over OpenSSL.
 *
 *     client: start --hello--> [verify request, hello again] --handshake--> open --datagrams both ways--> ended
 *     server: hello (by an association that is nobody's yet) --the cookie is right--> handshake --> open --> ended
 *
 * A server keeps nothing of a client, and sends it less than it was sent, before that has shown by a cookie that it is
 * where it says (RFC 6347 section 4.2.1): it_tls_dgram_hello takes the datagrams of all strangers, one association for
 * all of them, and becomes the association of the first whose cookie is right.
 *
 * What cannot be part of an association is dropped (section 4.1.2.7). Its peers are told apart by their owner, who sees
 * to what becomes of one that falls silent. Not for peers who know fingerprints alone: stack/dtls. */
#ifndef IT_STACK_TLS_DGRAM_H
#define IT_STACK_TLS_DGRAM_H

#include "base/addr.h"
#include "stack/crypto/digest.h"
#include "stack/tls/tls.h"

#define IT_TLS_DGRAM_MTU 1200          /* bytes of UDP payload that a flight's datagrams keep to */
#define IT_TLS_DGRAM_OVERHEAD 37       /* bytes that a datagram has besides, at most: header, nonce, tag */
#define IT_TLS_DGRAM_QUEUE 65536       /* bytes that wait each way at most: more is lost */
#define IT_TLS_COOKIE_SLOT IT_SEC * 60 /* a cookie is good for one to two of these */

typedef struct it_tls_dgram it_tls_dgram;

/* An association as |cfg| says, of which |version|, |alpn| and |log_keys| count for nothing. NULL without memory, or
 * when |cfg|->name is neither a DNS name nor an address, or OpenSSL refuses. */
it_tls_dgram *it_tls_dgram_new(const it_tls_cfg *cfg);
void it_tls_dgram_free(it_tls_dgram *d);

/* A client begins: its ClientHello is to be sent. Returns 0 or IT_ERR_NOMEM. */
int it_tls_dgram_start(it_tls_dgram *d, it_time now);
/* Takes a datagram of |peer|, who has no association, with a server's |secret|, which outlives |d|. Returns 1: its
 * cookie is right, |d| is its association from now on, and goes on as with input; 0: it is answered by a request for a
 * cookie, or dropped; IT_ERR_NOMEM. */
int it_tls_dgram_hello(it_tls_dgram *d, it_time now, const it_hmac_key *secret, it_addr peer, it_bytes in);
/* True when |in| begins with a ClientHello in clear, as who begins anew sends it; its random is that of |d|'s own, so
 * it is late and nothing new. */
bool it_tls_dgram_is_hello(it_bytes in);
bool it_tls_dgram_is_own_hello(const it_tls_dgram *d, it_bytes in);

/* Takes a datagram of the peer. Returns 0, or IT_ERR_NOMEM: something was lost. */
int it_tls_dgram_input(it_tls_dgram *d, it_time now, it_bytes in);
/* Sends |data| to the peer, in one datagram. Returns 0, IT_ERR_STATE (not open), IT_ERR_TOOBIG (more than
 * IT_TLS_PLAIN_MAX), IT_ERR_RANGE (nothing), IT_ERR_NOMEM. */
int it_tls_dgram_write(it_tls_dgram *d, it_time now, it_bytes data);
/* Says close_notify, when it is open, and ends. */
void it_tls_dgram_close(it_tls_dgram *d, it_time now);
/* The next datagram to send, the next one that has come: its bytes in |buf| of |cap|, and how many; 0: none. One that
 * does not fit is lost. */
size_t it_tls_dgram_output(it_tls_dgram *d, uint8_t *buf, size_t cap);
size_t it_tls_dgram_read(it_tls_dgram *d, uint8_t *buf, size_t cap);
/* True when something waits to be sent. */
bool it_tls_dgram_waits(const it_tls_dgram *d);
/* True when |in| may be a record of DTLS: first byte 20 to 63 (RFC 7983 section 7). */
static inline bool it_tls_dgram_is(it_bytes in)
{
    return in.n > 0 && in.p[0] >= 20 && in.p[0] <= 63;
}

/* Flights that are not answered are sent again: after a second, doubled up to 60 s (RFC 6347 section 4.2.4.1). */
int it_tls_dgram_tick(it_tls_dgram *d, it_time now);
it_time it_tls_dgram_next(const it_tls_dgram *d);

/* What it has come to. Lives as long as it. A sentence on why it ended, static storage; NULL: it has not. */
const it_tls_info *it_tls_dgram_info(const it_tls_dgram *d);
const char *it_tls_dgram_why(const it_tls_dgram *d);

#endif
