/* The SSL_CTX and BIO_METHOD that all DTLS objects share. Made under a constant stream, session cache and tickets off,
 * so that nothing of one connection reaches the next. */
#include "stack/crypto/ossl.h"
#include "stack/dtls/impl.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#define UDP_OVERHEAD 28 /* IPv4 and UDP headers */

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b, (void)num, (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: /* the owner keeps the timer */
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return IT_DTLS_MTU;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return UDP_OVERHEAD;
    default:
        return 0;
    }
}

static bool set_up_bio(it_dtls_shared *s)
{
    /* no BIO_get_new_index: it has 127 numbers for the whole process, and nobody searches for this type */
    s->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "icetank datagrams");
    return s->bio && BIO_meth_set_write(s->bio, it_dtls_bio_write) && BIO_meth_set_read(s->bio, it_dtls_bio_read) &&
           BIO_meth_set_ctrl(s->bio, bio_ctrl);
}

static bool set_up_ctx(it_dtls_shared *s)
{
    s->ctx = SSL_CTX_new_ex(it_ossl_ctx(), NULL, DTLS_method());
    if (!s->ctx)
        return false;
    /* No cookies (RFC 6347 section 4.2.1): ICE has proved that the far end answers at its address. */
    SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(s->ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(s->ctx, 1);
    /* RFC 8122 section 6.2: both sides present a certificate; the fingerprint decides, not a chain. */
    SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(s->ctx, it_dtls_verify, NULL);
    SSL_CTX_set_keylog_callback(s->ctx, it_dtls_keylog);
    return SSL_CTX_set_min_proto_version(s->ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(s->ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                                           "ECDHE-ECDSA-CHACHA20-POLY1305") == 1 &&
           SSL_CTX_set1_groups_list(s->ctx, "P-256:X25519") == 1 &&
           SSL_CTX_set1_sigalgs_list(s->ctx, "ECDSA+SHA256:ECDSA+SHA384") == 1;
}

it_dtls_shared *it_dtls_shared_new(it_alloc *alloc)
{
    it_dtls_shared *s = it_calloc(alloc, 1, sizeof(*s));
    it_rng r;

    if (!s)
        return NULL;
    s->alloc = alloc;
    it_rng_init(&r, 0, "dtls/shared");
    it_ossl_enter(&r, 0);
    bool ok = set_up_bio(s) && set_up_ctx(s);
    it_ossl_leave();
    if (!ok) {
        it_dtls_shared_free(s);
        return NULL;
    }
    return s;
}

void it_dtls_shared_free(it_dtls_shared *s)
{
    if (!s)
        return;
    SSL_CTX_free(s->ctx);
    BIO_meth_free(s->bio);
    it_free(s->alloc, s);
}
