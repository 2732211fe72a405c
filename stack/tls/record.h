/* The framing of TLS in clear: records in a stream of bytes, and the ClientHello in the first of them. RFC 8446
 * sections 5.1, 4.1.2; RFC 5246 section 6.2. No cryptography. */
#ifndef IT_STACK_TLS_RECORD_H
#define IT_STACK_TLS_RECORD_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_TLS_HEADER 5
#define IT_TLS_PLAIN_MAX 16384                           /* RFC 8446 section 5.1 */
#define IT_TLS_RECORD_MAX (IT_TLS_HEADER + 16384 + 2048) /* RFC 5246 section 6.2.3; of TLS 1.3 256 less */
#define IT_TLS_HELLO_MAX 16384                           /* bytes of a ClientHello, as OpenSSL takes them at most */

enum it_tls_type { IT_TLS_CCS = 20, IT_TLS_ALERT = 21, IT_TLS_HANDSHAKE = 22, IT_TLS_DATA = 23 };

/* The bytes of the record that |in| begins with, its header among them; 0: the header is not whole; IT_ERR_PARSE: this
 * is no TLS; IT_ERR_TOOBIG: no record is so long. */
int it_tls_record_size(it_bytes in) IT_MUST_CHECK;

/* What a ClientHello says that a box on its way may want to know. Views into |msg|. */
typedef struct it_tls_hello {
    it_bytes name;                 /* host_name of server_name (RFC 6066 section 3); empty: none */
    it_bytes alpn;                 /* the protocols, each behind its length (RFC 7301 section 3.1); empty: none */
    bool v13;                      /* TLS 1.3 is offered (RFC 8446 section 4.2.1) */
    size_t n;                      /* bytes of |msg| */
    uint8_t msg[IT_TLS_HELLO_MAX]; /* the message, out of its records */
} it_tls_hello;

/* Reads the ClientHello at the beginning of |in|, all that has come of a stream. Returns the bytes of the records that
 * it is in, 0 when more must come, or IT_ERR_PARSE: the stream does not begin with one; IT_ERR_TOOBIG. */
int it_tls_hello_read(it_tls_hello *h, it_bytes in) IT_MUST_CHECK;

/* True when |h| offers protocol |name| by ALPN. */
bool it_tls_hello_offers(const it_tls_hello *h, const char *name);

#endif
