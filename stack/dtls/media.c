/* What a handshake may have besides: profiles of SRTP (RFC 5764), and keys other than ECDSA P-256. */
#include "stack/dtls/impl.h"

#include <openssl/srtp.h>

/* RFC 5764 section 4.1.2, RFC 7714 section 14.2; the sizes of master key and salt. */
static const struct {
    uint16_t number;
    uint8_t key, salt;
    const char *name; /* OpenSSL's */
} PROFILES[] = {
    {0x0001, 16, 14, "SRTP_AES128_CM_SHA1_80"},
    {0x0002, 16, 14, "SRTP_AES128_CM_SHA1_32"},
    {0x0007, 16, 12, "SRTP_AEAD_AES_128_GCM"},
    {0x0008, 32, 12, "SRTP_AEAD_AES_256_GCM"},
};

#define N_PROFILES (sizeof PROFILES / sizeof *PROFILES)

static int profile_find(unsigned long number)
{
    for (size_t i = 0; i < N_PROFILES; i++)
        if (PROFILES[i].number == number)
            return (int)i;
    return -1;
}

/* The offered profiles as OpenSSL wants them. False when there are none. */
static bool profile_list(const it_dtls *d, char *out, size_t cap)
{
    it_buf b;
    it_buf_init(&b, out, cap - 1);
    for (int i = 0; i < IT_DTLS_SRTP_MAX && d->media.srtp[i]; i++) {
        int at = profile_find(d->media.srtp[i]);
        if (at < 0)
            continue;
        if (b.len)
            it_buf_u8(&b, ':');
        it_buf_put(&b, PROFILES[at].name, strlen(PROFILES[at].name));
    }
    out[b.len] = 0;
    return b.len > 0;
}

/* RFC 8422 section 5.1: a certificate's curve is one of the groups that were offered, so P-384 is among them. */
static bool offer_any_key(SSL *ssl)
{
    return SSL_set_cipher_list(ssl, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") == 1 &&
           SSL_set1_groups_list(ssl, "P-256:X25519:P-384") == 1 &&
           SSL_set1_sigalgs_list(ssl, "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:rsa_pss_rsae_sha256:RSA+SHA256:"
                                      "rsa_pss_rsae_sha384:RSA+SHA384:rsa_pss_rsae_sha512:RSA+SHA512") == 1;
}

int it_dtls_set_media(it_dtls *d, const it_dtls_media *m)
{
    if (d->phase != IT_DTLS_PHASE_NEW)
        return IT_ERR_STATE;
    d->media = *m;
    return it_dtls_renew(d) ? 0 : IT_ERR_NOMEM;
}

bool it_dtls_media_offer(it_dtls *d)
{
    char list[128];
    if (d->media.any_key && !offer_any_key(d->ssl))
        return false;
    return !profile_list(d, list, sizeof list) || SSL_set_tlsext_use_srtp(d->ssl, list) == 0; /* 0: success */
}

void it_dtls_media_export(it_dtls *d)
{
    static const char LABEL[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764 section 4.2; there is no context value */
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(d->ssl);
    int at = p ? profile_find(p->id) : -1;
    if (at < 0)
        return;
    size_t n = 2u * (PROFILES[at].key + PROFILES[at].salt);
    if (SSL_export_keying_material(d->ssl, d->exported, n, LABEL, sizeof LABEL - 1, NULL, 0, 0) != 1)
        return;
    d->profile = PROFILES[at].number;
    d->n_exported = n;
}
