/* TLS of servers on real sockets: a certificate and its key, read from two PEM files, and what a server needs to make a
 * layer (stack/tls/tls.h) of each stream that it accepts on its TLS port.
 *
 *     --cert, --key --> it_serve_tls_read --> it_serve_tls_cfg --> the server's own it_tls_layer or it_tls_or_plain
 *
 * Every draw is the system's (it_ossl_use_system). */
#ifndef IT_LAB_SERVE_TLS_H
#define IT_LAB_SERVE_TLS_H

#include "stack/tls/tls.h"

#define IT_SERVE_TLS_WHY 512 /* of a sentence about what is wrong, with NUL */

typedef struct it_serve_tls {
    it_tls_shared *shared; /* NULL: there is no TLS */
    it_tls_cert *cert;
    uint16_t port; /* on every host that is served; 0: any free one, the same on all. Set by the caller */
} it_serve_tls;

/* Reads the certificate of file |cert|, its chain behind it, and the private key of file |key|. Starts OpenSSL
 * (it_ossl_init, it_ossl_use_system). Returns 0; IT_ERR_PARSE, |why| "FILE: a sentence without end": a file cannot be
 * read, or has not what it should have; IT_ERR_NOMEM or IT_ERR_CRYPTO, |why| likewise. */
int it_serve_tls_read(it_serve_tls *t, it_alloc *alloc, const char *cert, const char *key,
                      char why[IT_SERVE_TLS_WHY]) IT_MUST_CHECK;
/* Frees it, after every server that has its configuration; all zeros is allowed. */
void it_serve_tls_fini(it_serve_tls *t);

/* Fills |cfg| for a server of |t|, which offers protocols |alpn| (static storage; NULL: none). What is made of it draws
 * from |cfg|->rng, seeded by the system: a server gives each layer a stream of its own. Returns 0 or IT_ERR_IO (the
 * system gives no randomness). */
int it_serve_tls_cfg(const it_serve_tls *t, it_alloc *alloc, const char *alpn, it_tls_cfg *cfg) IT_MUST_CHECK;

#endif
