/* The SSL_CTX and BIO_METHOD that all TLS layers share, and those of DTLS. Made under a constant stream, session cache
 * and tickets off, so that nothing of one connection reaches the next. */
#include "stack/crypto/ossl.h"
#include "stack/tls/dgram.h"
#include "stack/tls/impl.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static bool set_up_bio(it_tls_shared *s)
{
    s->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "icetank records");
    return s->bio && BIO_meth_set_write(s->bio, it_tls_bio_write) && BIO_meth_set_read(s->bio, it_tls_bio_read) &&
           BIO_meth_set_ctrl(s->bio, bio_ctrl);
}

/* What is offered, in the server's order; RSA for servers outside of a world. RFC 9325 sections 4.2, 4.3. */
static bool set_algorithms(SSL_CTX *ctx)
{
    return SSL_CTX_set_ciphersuites(ctx,
                                    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:"
                                          "RSA+SHA384:RSA-PSS+SHA512:RSA+SHA512") == 1;
}

static bool set_up_ctx(it_tls_shared *s)
{
    s->ctx = SSL_CTX_new_ex(it_ossl_ctx(), NULL, TLS_method());
    if (!s->ctx)
        return false;
    SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                    SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(s->ctx,
                     SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(s->ctx, 2);
    SSL_CTX_set_cert_verify_callback(s->ctx, it_tls_verify, NULL);
    SSL_CTX_set_alpn_select_cb(s->ctx, it_tls_choose_protocol, NULL);
    SSL_CTX_set_keylog_callback(s->ctx, it_tls_keylog);
    return SSL_CTX_set_num_tickets(s->ctx, 0) == 1 && SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(s->ctx, TLS1_3_VERSION) == 1 && set_algorithms(s->ctx);
}

/* --- DTLS --- */

static long dgram_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b, (void)num, (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: /* the owner keeps the timer */
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return IT_TLS_DGRAM_MTU;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return 28; /* IPv4 and UDP */
    default:
        return 0;
    }
}

static bool set_up_dgram_bio(it_tls_shared *s)
{
    s->dgram_bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "icetank datagrams of TLS");
    return s->dgram_bio && BIO_meth_set_write(s->dgram_bio, it_tls_dgram_bio_write) &&
           BIO_meth_set_read(s->dgram_bio, it_tls_dgram_bio_read) && BIO_meth_set_ctrl(s->dgram_bio, dgram_ctrl);
}

static bool set_up_dgram(it_tls_shared *s)
{
    s->dgram = SSL_CTX_new_ex(it_ossl_ctx(), NULL, DTLS_method());
    if (!s->dgram)
        return false;
    /* RFC 6347 section 4.2.1: a server answers a ClientHello without a cookie by nothing but a request for one. */
    SSL_CTX_set_options(s->dgram, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU |
                                      SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_COOKIE_EXCHANGE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(s->dgram, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(s->dgram, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(s->dgram, 2);
    SSL_CTX_set_cert_verify_callback(s->dgram, it_tls_verify, NULL);
    SSL_CTX_set_cookie_generate_cb(s->dgram, it_tls_dgram_cookie);
    SSL_CTX_set_cookie_verify_cb(s->dgram, it_tls_dgram_cookie_ok);
    return SSL_CTX_set_min_proto_version(s->dgram, DTLS1_2_VERSION) == 1 && set_algorithms(s->dgram);
}

it_tls_shared *it_tls_shared_new(it_alloc *alloc)
{
    it_tls_shared *s = it_calloc(alloc, 1, sizeof *s);
    it_rng r;
    if (!s)
        return NULL;
    s->alloc = alloc;
    it_rng_init(&r, 0, "tls/shared");
    it_ossl_enter(&r, 0);
    bool ok = set_up_bio(s) && set_up_ctx(s) && set_up_dgram_bio(s) && set_up_dgram(s);
    it_ossl_leave();
    if (!ok) {
        it_tls_shared_free(s);
        return NULL;
    }
    return s;
}

void it_tls_shared_free(it_tls_shared *s)
{
    if (!s)
        return;
    SSL_CTX_free(s->ctx);
    BIO_meth_free(s->bio);
    SSL_CTX_free(s->dgram);
    BIO_meth_free(s->dgram_bio);
    it_free(s->alloc, s);
}
