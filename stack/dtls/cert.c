/* Self-signed ECDSA P-256 certificates, made from a stream: equal stream and time, equal bytes. */
#include "stack/crypto/ossl.h"
#include "stack/dtls/impl.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define DAY 86400L
#define SERIAL_SIZE 8

bool it_dtls_fingerprint(X509 *x, uint8_t out[IT_SHA256_SIZE])
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);

    if (n <= 0)
        return false;
    it_sha256(out, it_bytes_of(der, (size_t)n), it_bytes_of(NULL, 0), it_bytes_of(NULL, 0));
    OPENSSL_free(der);
    return true;
}

/* RFC 5280 section 4.1.2.2: a positive integer of at most 20 octets. */
static bool set_serial(X509 *x, it_rng *stream)
{
    uint8_t b[SERIAL_SIZE];

    it_rng_bytes(stream, b, sizeof(b));
    b[0] = (uint8_t)((b[0] & 0x3f) | 0x40); /* positive, and always of one length */
    BIGNUM *n = BN_bin2bn(b, sizeof(b), NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_name(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"icetank", -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1;
}

static bool set_times(X509 *x)
{
    return X509_gmtime_adj(X509_getm_notBefore(x), -DAY) && X509_gmtime_adj(X509_getm_notAfter(x), 30 * DAY);
}

static bool fill_cert(it_dtls_cert *c, it_rng *stream, const EVP_MD *md)
{
    if (X509_set_version(c->x509, X509_VERSION_3) != 1 || !set_serial(c->x509, stream))
        return false;
    if (!set_times(c->x509) || !set_name(c->x509))
        return false;
    if (X509_set_pubkey(c->x509, c->key) != 1 || X509_sign(c->x509, c->key, md) <= 0)
        return false;
    return it_dtls_fingerprint(c->x509, c->fingerprint);
}

/* Between enter and leave: the gmtime calls read the virtual clock. */
static bool make_cert(it_dtls_cert *c, it_rng *stream)
{
    EVP_MD *md = EVP_MD_fetch(it_ossl_ctx(), "SHA256", NULL);

    c->key = EVP_PKEY_Q_keygen(it_ossl_ctx(), NULL, "EC", "P-256");
    c->x509 = X509_new_ex(it_ossl_ctx(), NULL);
    bool ok = md && c->key && c->x509 && fill_cert(c, stream, md);
    EVP_MD_free(md);
    return ok;
}

it_dtls_cert *it_dtls_cert_new(it_alloc *alloc, it_rng *stream, it_time now)
{
    it_dtls_cert *c = it_calloc(alloc, 1, sizeof(*c));

    if (!c)
        return NULL;
    c->alloc = alloc;
    it_ossl_enter(stream, now);
    bool ok = make_cert(c, stream);
    it_ossl_leave();
    if (!ok) {
        it_dtls_cert_free(c);
        return NULL;
    }
    return c;
}

void it_dtls_cert_free(it_dtls_cert *c)
{
    if (!c)
        return;
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    it_free(c->alloc, c);
}

const uint8_t *it_dtls_cert_fingerprint(const it_dtls_cert *c)
{
    return c->fingerprint;
}
