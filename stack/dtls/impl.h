/* What cert.c, shared.c and dtls.c know of each other; nobody else includes this. */
#ifndef IT_STACK_DTLS_IMPL_H
#define IT_STACK_DTLS_IMPL_H

#include "stack/dtls/dtls.h"

#include <openssl/bio.h>

struct it_dtls_shared {
    it_alloc *alloc;
    SSL_CTX *ctx;
    BIO_METHOD *bio; /* reads and writes the it_dtls that is its data */
};

struct it_dtls_cert {
    it_alloc *alloc;
    EVP_PKEY *key;
    X509 *x509;
    uint8_t fingerprint[IT_SHA256_SIZE];
};

/* The SHA-256 of |x|'s DER form. False when OpenSSL has no memory. */
bool it_dtls_fingerprint(X509 *x, uint8_t out[IT_SHA256_SIZE]);

/* dtls.c, for the method and the context in shared.c. */
int it_dtls_bio_write(BIO *b, const char *p, int n);
int it_dtls_bio_read(BIO *b, char *p, int n);
int it_dtls_verify(X509_STORE_CTX *store, void *unused);
void it_dtls_keylog(const SSL *ssl, const char *line);

#endif
