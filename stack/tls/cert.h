/* Certificates of a world: a root that is made from its seed, leaves under it with the names of servers, and the roots
 * that a host trusts. RFC 5280; ECDSA P-256 throughout.
 *
 *     root (CA:TRUE, signs certificates) --> leaf (SAN: names and addresses, serverAuth)
 *
 * Equal stream, names and times give equal bytes, on every build of OpenSSL that draws alike. */
#ifndef IT_STACK_TLS_CERT_H
#define IT_STACK_TLS_CERT_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"

#define IT_TLS_NAMES 8   /* of one leaf */
#define IT_TLS_CHAIN 8   /* certificates of one chain file */
#define IT_TLS_PEM 65536 /* bytes of a PEM file at most */

/* A certificate with its key, and the chain that a server sends behind it. */
typedef struct it_tls_cert it_tls_cert;

typedef struct it_tls_cert_cfg {
    it_alloc *alloc;
    it_rng *stream;           /* draws the key, the serial and the signature */
    it_time now;              /* of the call */
    const char *subject;      /* its common name, which proves nothing; at most 64 bytes */
    const char *const *names; /* of a leaf: DNS names, "*.name", addresses as text */
    size_t n_names;
    it_time from, until; /* its validity, whole seconds of world time; |from| may be negative */
} it_tls_cert_cfg;

/* Makes a root, signed by itself. NULL without memory, or when OpenSSL refuses. */
it_tls_cert *it_tls_root_new(const it_tls_cert_cfg *cfg);
/* Makes a leaf signed by |root|, which must outlive the call only. NULL as above, or when a name is neither a DNS name
 * nor an address, or there are more than IT_TLS_NAMES. */
it_tls_cert *it_tls_leaf_new(const it_tls_cert_cfg *cfg, const it_tls_cert *root);

/* What is wrong with a chain and a key. */
enum it_tls_pem {
    IT_TLS_PEM_MEMORY, /* nothing: there was no memory */
    IT_TLS_PEM_CHAIN,  /* the chain has no certificate first, or too many; it is too large, or empty */
    IT_TLS_PEM_KEY,    /* there is no private key, or one with a password */
    IT_TLS_PEM_PAIR    /* the key is another certificate's */
};

/* Reads a chain, the server's own certificate first, and its private key, both PEM. NULL without memory, or when they
 * cannot be read or are not of each other: |*why|, unless NULL, then says which. Needs no stream: the key draws where
 * it is used. */
it_tls_cert *it_tls_cert_read(it_alloc *alloc, it_bytes chain, it_bytes key, enum it_tls_pem *why);
void it_tls_cert_free(it_tls_cert *c);
/* Writes the certificate as PEM into |out| of |cap| bytes, without a NUL. Returns the length or IT_ERR_TOOBIG. */
int it_tls_cert_pem(const it_tls_cert *c, char *out, size_t cap) IT_MUST_CHECK;

/* Roots that a client trusts. */
typedef struct it_tls_trust it_tls_trust;
it_tls_trust *it_tls_trust_new(it_alloc *alloc);
void it_tls_trust_free(it_tls_trust *t);
/* Trusts |root|. Returns 0 or IT_ERR_NOMEM. */
int it_tls_trust_add(it_tls_trust *t, const it_tls_cert *root) IT_MUST_CHECK;
/* Trusts every certificate of |pem|. Returns how many, IT_ERR_PARSE (none, or something else in between) or
 * IT_ERR_NOMEM. */
int it_tls_trust_read(it_tls_trust *t, it_bytes pem) IT_MUST_CHECK;

#endif
