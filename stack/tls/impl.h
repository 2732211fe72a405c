/* What the files of TLS share. Not for anybody else. */
#ifndef IT_STACK_TLS_IMPL_H
#define IT_STACK_TLS_IMPL_H

#include "stack/tls/record.h"
#include "stack/tls/tls.h"

#include <openssl/types.h>
#include <openssl/x509.h>

#define IT_TLS_OUT (2 * IT_TLS_RECORD_MAX) /* ciphertext that waits below */
#define IT_TLS_ALPN_MAX 64                 /* bytes of all protocols */
#define IT_TLS_LINES 8                     /* of the key log: one in TLS 1.2, five in 1.3 */

struct it_tls_shared {
    it_alloc *alloc;
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    SSL_CTX *dgram; /* of DTLS */
    BIO_METHOD *dgram_bio;
};

struct it_tls_cert {
    it_alloc *alloc;
    X509 *x509;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* behind it, without a root; NULL: nothing */
};

struct it_tls_trust {
    it_alloc *alloc;
    X509_STORE *store;
};

/* Whose certificate is wanted, and why one was refused: what it_tls_verify has of an SSL object's owner, the first of
 * its fields. */
typedef struct it_tls_who {
    char name[IT_TLS_NAME_MAX + 2];
    enum it_tls_end refused;
} it_tls_who;

typedef struct it_tls {
    it_tls_who who;
    it_alloc *alloc;
    it_rng rng;
    SSL *ssl;
    bool client, log_keys;
    uint8_t alpn[IT_TLS_ALPN_MAX]; /* ours, each behind its length */
    size_t n_alpn;
    it_tls_info info;

    uint8_t in[IT_TLS_RECORD_MAX]; /* the record that has begun */
    size_t n_in, at_in;            /* bytes that have come; that OpenSSL has read */
    bool whole;                    /* all of it has come */
    uint8_t plain[IT_TLS_PLAIN_MAX];
    size_t n_plain, at_plain; /* bytes that came in it; that were taken above */
    uint8_t out[IT_TLS_OUT];
    size_t n_out, at_out;

    int alert_in, alert_out;                            /* fatal; -1: none */
    bool stuck;                                         /* OpenSSL waits for room in |out| */
    bool read_over;                                     /* nothing more is read: close_notify came, or all is over */
    bool write_over;                                    /* close_notify has left */
    bool close_wanted;                                  /* above has finished before the handshake has */
    bool over;                                          /* by a fatal alert or a reset */
    bool opened_up, fin_up, rst_up, fin_down, rst_down; /* to be passed on */
    enum it_io_end end_up;                              /* of the RST */

    char lines[IT_TLS_LINES][IT_TLS_LINE_MAX];
    int n_lines, at_lines;
} it_tls;

/* who.c. Keeps |name| for a client; false: it is neither a DNS name nor an address. Lets a client verify by |trust| and
 * ask for the name, a server show |c|; false: OpenSSL refuses. */
bool it_tls_who_take(it_tls_who *w, const char *name);
bool it_tls_who_client(SSL *ssl, const it_tls_who *w, const it_tls_trust *trust);
bool it_tls_who_server(SSL *ssl, const it_tls_cert *c);

/* dgram.c, for the method and the context in shared.c. */
int it_tls_dgram_bio_read(BIO *b, char *p, int n);
int it_tls_dgram_bio_write(BIO *b, const char *p, int n);
int it_tls_dgram_cookie(SSL *ssl, unsigned char *cookie, unsigned *n);
int it_tls_dgram_cookie_ok(SSL *ssl, const unsigned char *cookie, unsigned n);

/* tls.c, for the method and the context in shared.c. */
int it_tls_bio_read(BIO *b, char *p, int n);
int it_tls_bio_write(BIO *b, const char *p, int n);
void it_tls_keylog(const SSL *ssl, const char *line);
/* verify.c */
int it_tls_verify(X509_STORE_CTX *store, void *unused);
int it_tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in,
                           unsigned n_in, void *unused);
/* Reads "h2,http/1.1" into |out|, each behind its length. Returns the bytes or IT_ERR_RANGE. RFC 7301 section 3.1. */
int it_tls_alpn_list(uint8_t out[IT_TLS_ALPN_MAX], const char *text);

#endif
