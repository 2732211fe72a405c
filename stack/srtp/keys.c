/* Profiles and session keys. */
#include "stack/srtp/impl.h"

#include <openssl/crypto.h>

static const it_srtp_params PROFILES[] = {
    {IT_SRTP_AES128_CM_HMAC_SHA1_80, "SRTP_AES128_CM_SHA1_80", false, 16, 14, 10, 10},
    {IT_SRTP_AES128_CM_HMAC_SHA1_32, "SRTP_AES128_CM_SHA1_32", false, 16, 14, 4, 10}, /* SRTCP has 80 bits anyway */
    {IT_SRTP_AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM", true, 16, 12, 16, 16},
    {IT_SRTP_AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM", true, 32, 12, 16, 16},
};

const it_srtp_params *it_srtp_params_of(unsigned profile)
{
    for (size_t i = 0; i < sizeof PROFILES / sizeof *PROFILES; i++)
        if (PROFILES[i].profile == profile)
            return &PROFILES[i];
    return NULL;
}

int it_srtp_exported(unsigned profile, it_bytes exported, bool client, it_srtp_cfg *out, it_srtp_cfg *in)
{
    const it_srtp_params *q = it_srtp_params_of(profile);
    if (!q)
        return IT_ERR_UNSUPPORTED;
    if (exported.n != 2u * (q->key + q->salt))
        return IT_ERR_RANGE;
    /* RFC 5764 section 4.2: both keys, the client's first, then both salts. */
    const uint8_t *keys = exported.p, *salts = exported.p + 2 * q->key;
    size_t own = client ? 0 : 1, far = 1 - own;
    memcpy(out->key, keys + own * q->key, q->key);
    memcpy(out->salt, salts + own * q->salt, q->salt);
    memcpy(in->key, keys + far * q->key, q->key);
    memcpy(in->salt, salts + far * q->salt, q->salt);
    out->profile = in->profile = q->profile;
    out->way = IT_SRTP_OUT;
    in->way = IT_SRTP_IN;
    return 0;
}

bool it_srtp_derive(EVP_CIPHER_CTX *master, const it_srtp_cfg *cfg, unsigned label, uint8_t *out, size_t n)
{
    const it_srtp_params *q = it_srtp_params_of(cfg->profile);
    uint8_t iv[IT_SRTP_BLOCK] = {0};

    /* RFC 3711 section 4.3.1 speaks of a salt of 14 octets. One of 12 (RFC 7714) begins at the same place and is
     * continued with zeros: the text leaves that open, libsrtp2 and browsers agree on it. */
    memcpy(iv, cfg->salt, q->salt);
    iv[7] = (uint8_t)(iv[7] ^ label); /* key_id = label || r, r of 48 bits: 0 as the rate is 0 */
    memset(out, 0, n);
    return it_srtp_cm(master, iv, out, n);
}

void it_srtp_keys_wipe(it_srtp_keys *k)
{
    EVP_CIPHER_CTX_free(k->cipher); /* overwrites its key */
    OPENSSL_cleanse(k, sizeof *k);
    k->cipher = NULL;
}

int it_srtp_keys_load(it_srtp_keys *k, const it_srtp_params *params, enum it_srtp_way way, const uint8_t *key,
                      const uint8_t *salt, const uint8_t *auth)
{
    const char *name = "AES-128-ECB";
    if (params->aead)
        name = params->key == 32 ? "AES-256-GCM" : "AES-128-GCM";
    it_srtp_keys_wipe(k);
    k->cipher = it_srtp_cipher_new(name, key, !params->aead || way == IT_SRTP_OUT);
    if (!k->cipher)
        return IT_ERR_CRYPTO;
    memcpy(k->salt, salt, params->salt);
    if (auth)
        it_hmac_key_init(&k->auth, it_bytes_of(auth, IT_SRTP_AUTH_KEY));
    return 0;
}

static int keys_derive(it_srtp_keys *k, EVP_CIPHER_CTX *master, const it_srtp_cfg *cfg, unsigned first)
{
    const it_srtp_params *q = it_srtp_params_of(cfg->profile);
    uint8_t key[IT_SRTP_KEY_MAX], salt[IT_SRTP_SALT_MAX], auth[IT_SRTP_AUTH_KEY];
    int r = IT_ERR_CRYPTO;

    if (it_srtp_derive(master, cfg, first + IT_SRTP_LABEL_KEY, key, q->key) &&
        it_srtp_derive(master, cfg, first + IT_SRTP_LABEL_AUTH, auth, sizeof auth) &&
        it_srtp_derive(master, cfg, first + IT_SRTP_LABEL_SALT, salt, q->salt))
        r = it_srtp_keys_load(k, q, cfg->way, key, salt, q->aead ? NULL : auth);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(salt, sizeof salt);
    OPENSSL_cleanse(auth, sizeof auth);
    return r;
}

int it_srtp_keys_derive(it_srtp_session *s, const it_srtp_cfg *cfg)
{
    /* RFC 7714 section 11: AES-CM with the key size of the profile. */
    const char *name = s->params->key == 32 ? "AES-256-ECB" : "AES-128-ECB";
    EVP_CIPHER_CTX *master = it_srtp_cipher_new(name, cfg->key, true);
    if (!master)
        return IT_ERR_CRYPTO;
    int r = keys_derive(&s->rtp, master, cfg, 0);
    if (r == 0)
        r = keys_derive(&s->rtcp, master, cfg, IT_SRTP_LABEL_RTCP);
    EVP_CIPHER_CTX_free(master);
    return r;
}
