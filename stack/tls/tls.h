/* TLS 1.2 and 1.3 as a layer (stack/stream/layer.h), client or server, over OpenSSL: bytes of records below, plain
 * bytes above. RFC 8446, 5246, 6066 (server name), 7301 (ALPN), 9525 (whose certificate it is).
 *
 *     OPENED or ACCEPTED below -> handshake -> OPENED above -> DATA both ways -> close_notify (FIN) each way
 *                                    |                              |
 *                                    +------------ RST above, and it_tls_info says why: a fatal alert of either side,
 *                                                  no TLS, a stream that ends without close_notify
 *
 * A record at a time is given to OpenSSL, and the next only once what was in it has been taken above; what is written
 * above waits while ciphertext waits below. So a layer never holds more than a record each way and a flight of the
 * handshake; all memory of ours is had when it is made. FIN above sends close_notify and FIN below; in TLS 1.3 the far
 * side may go on (RFC 8446 section 6.1), in TLS 1.2 it answers in kind at once (RFC 5246 section 7.2.1).
 *
 * No renegotiation, tickets, session cache, early data, compression or client certificates. Randomness and time are the
 * caller's (stack/crypto/ossl.h). */
#ifndef IT_STACK_TLS_TLS_H
#define IT_STACK_TLS_TLS_H

#include "stack/stream/layer.h"
#include "stack/tls/alert.h"
#include "stack/tls/cert.h"
#include "stack/tls/name.h"

#define IT_TLS_PROTOCOL_MAX 32 /* room for the name of an ALPN protocol, with NUL */
#define IT_TLS_LINE_MAX 256    /* room for a line of a key log, with NUL */

/* The SSL_CTX of clients and servers, made once under a constant stream. */
typedef struct it_tls_shared it_tls_shared;
/* Needs it_ossl_init. Outlives every layer made with it. NULL without memory or when OpenSSL refuses. */
it_tls_shared *it_tls_shared_new(it_alloc *alloc);
void it_tls_shared_free(it_tls_shared *s);

enum it_tls_version { IT_TLS_ANY, IT_TLS_1_2 = 12, IT_TLS_1_3 = 13 };

typedef struct it_tls_cfg {
    it_alloc *alloc;
    it_rng rng; /* becomes the layer's own */
    const it_tls_shared *shared;
    bool client;
    enum it_tls_version version; /* this one only; ANY: 1.3 where both can, else 1.2 */
    const char *name;            /* client: whose certificate it must be, and the server name asked for unless it is an
                                    address; copied */
    const it_tls_trust *trust;   /* client: outlives the layer */
    const it_tls_cert *cert;     /* server: outlives the layer */
    const char *alpn;            /* "http/1.1" or "h2,http/1.1", best first; NULL: none. A server takes the first of its
                                    own that is offered, and refuses a client that offers others alone */
    bool log_keys;               /* it_tls_secret has lines */
} it_tls_cfg;

/* Why a TLS connection ended, or could not begin. */
enum it_tls_end {
    IT_TLS_END_NONE,
    IT_TLS_END_CLOSED,     /* close_notify came */
    IT_TLS_END_TRUNCATED,  /* the stream ended without it (RFC 8446 section 6.1) */
    IT_TLS_END_NO_TLS,     /* what came is none (section 5.1) */
    IT_TLS_END_OVERFLOW,   /* a record is too long (section 5.2) */
    IT_TLS_END_ALERT,      /* the far side sent the fatal alert |alert| */
    IT_TLS_END_UNKNOWN_CA, /* no trusted root signed the chain (RFC 5280 section 6) */
    IT_TLS_END_NAME,       /* the certificate is somebody else's (RFC 9525 section 6) */
    IT_TLS_END_EXPIRED,    /* it is over (RFC 5280 section 4.1.2.5) */
    IT_TLS_END_NOT_YET,    /* it has not begun */
    IT_TLS_END_CERT,       /* the chain is wrong in another way */
    IT_TLS_END_PROTOCOL,   /* something else: our own fatal alert |alert| says what */
    IT_TLS_END_LIBRARY     /* OpenSSL had no memory */
};

typedef struct it_tls_info {
    bool open; /* the handshake is done */
    enum it_tls_end end;
    int alert;                          /* fatal, sent or received: enum it_tls_alert; -1: none */
    enum it_tls_version version;        /* once open */
    char protocol[IT_TLS_PROTOCOL_MAX]; /* by ALPN; "": none */
} it_tls_info;

/* Makes the layer. No layer (ops NULL) without memory, or when |cfg|->name is neither a DNS name nor an address, |alpn|
 * has an empty or a too long protocol, or OpenSSL refuses. */
it_layer it_tls_layer(const it_tls_cfg *cfg);
/* What it has come to. Lives as long as the layer. */
const it_tls_info *it_tls_layer_info(const it_layer *l);
/* A word for |end| ("unknown-ca"). Static storage. */
const char *it_tls_end_name(enum it_tls_end end);
/* A sentence on |end| with its RFC section; NULL for NONE and CLOSED. Static storage. */
const char *it_tls_end_why(enum it_tls_end end);

/* The next line of the key log (NSS format, without its end): 1, or 0. Whoever captures takes all of them before it
 * lets out what the layer has put below: then every secret is known before the first byte that it opens. */
int it_tls_secret(const it_layer *l, char line[IT_TLS_LINE_MAX]);

#endif
