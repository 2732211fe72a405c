/* A certificate authority for the net of clients and servers: what both ends of TLS and DTLS are configured with. */
#ifndef IT_TESTS_STACK_TURN_PKI_H
#define IT_TESTS_STACK_TURN_PKI_H

#include "stack/crypto/ossl.h"
#include "stack/tls/tls.h"

#include <check.h>

typedef struct pki {
    it_alloc own;
    it_rng ca;
    it_tls_shared *shared;
    it_tls_cert *root, *leaf;
    it_tls_trust *trust, *nobody;
    it_tls_cfg client, server;
} pki;

static inline it_tls_cert_cfg pki_cert(pki *p, const char *subject)
{
    return (it_tls_cert_cfg){
        .alloc = &p->own, .stream = &p->ca, .subject = subject, .from = -86400 * IT_SEC, .until = 90 * 86400 * IT_SEC};
}

static inline it_tls_cert *pki_leaf(pki *p, const char *name)
{
    it_tls_cert_cfg c = pki_cert(p, "server");
    c.names = &name;
    c.n_names = 1;
    return it_tls_leaf_new(&c, p->root);
}

static inline void pki_init(pki *p)
{
    memset(p, 0, sizeof *p);
    it_alloc_init(&p->own);
    ck_assert_int_eq(it_ossl_init(), 0);
    it_rng_init(&p->ca, 1, "ca");
    it_tls_cert_cfg c = pki_cert(p, "root");
    p->shared = it_tls_shared_new(&p->own);
    p->root = it_tls_root_new(&c);
    p->leaf = pki_leaf(p, "turn.example");
    p->trust = it_tls_trust_new(&p->own);
    p->nobody = it_tls_trust_new(&p->own);
    ck_assert(p->shared && p->root && p->leaf && p->trust && p->nobody);
    ck_assert_int_eq(it_tls_trust_add(p->trust, p->root), 0);
    p->client = (it_tls_cfg){.shared = p->shared, .client = true, .name = "turn.example", .trust = p->trust};
    p->server = (it_tls_cfg){.shared = p->shared, .cert = p->leaf};
    it_rng_init(&p->client.rng, 2, "client");
    it_rng_init(&p->server.rng, 2, "server");
}

static inline void pki_fini(pki *p)
{
    it_tls_cert_free(p->leaf);
    it_tls_cert_free(p->root);
    it_tls_trust_free(p->trust);
    it_tls_trust_free(p->nobody);
    it_tls_shared_free(p->shared);
    ck_assert_int_eq(p->own.live, 0);
}

#endif
