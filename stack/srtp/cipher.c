/* AES in counter mode and in GCM, over contexts whose key is set once.
 *
 * Counter mode is ECB over counter blocks: OpenSSL's own CTR takes its IV by a second call, which costs more than the
 * ten blocks of a voice packet. */
#include "stack/crypto/ossl.h"
#include "stack/srtp/impl.h"

#define BLOCKS 32 /* counter blocks encrypted in one call */

EVP_CIPHER_CTX *it_srtp_cipher_new(const char *name, const uint8_t *key, bool encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(it_ossl_ctx(), name, NULL);
    bool ok = ctx && cipher && EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypt, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;

    EVP_CIPHER_free(cipher); /* the context has a reference of its own */
    if (ok)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

static void cm_xor(uint8_t *p, const uint8_t *stream, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t a, b;
        memcpy(&a, p + i, 8);
        memcpy(&b, stream + i, 8);
        a ^= b;
        memcpy(p + i, &a, 8);
    }
    for (; i < n; i++)
        p[i] ^= stream[i];
}

bool it_srtp_cm(EVP_CIPHER_CTX *ctx, const uint8_t iv[IT_SRTP_BLOCK], uint8_t *p, size_t n)
{
    uint8_t stream[BLOCKS * IT_SRTP_BLOCK];
    uint16_t counter = it_get16(iv + (IT_SRTP_BLOCK - 2));

    for (size_t done = 0; done < n; done += sizeof stream) {
        size_t part = n - done < sizeof stream ? n - done : sizeof stream;
        size_t blocks = (part + IT_SRTP_BLOCK - 1) / IT_SRTP_BLOCK;
        int len;
        for (size_t i = 0; i < blocks; i++) {
            memcpy(stream + i * IT_SRTP_BLOCK, iv, IT_SRTP_BLOCK - 2);
            it_put16(stream + i * IT_SRTP_BLOCK + (IT_SRTP_BLOCK - 2), counter++);
        }
        if (EVP_EncryptUpdate(ctx, stream, &len, stream, (int)(blocks * IT_SRTP_BLOCK)) != 1)
            return false;
        cm_xor(p + done, stream, part);
    }
    return true;
}

void it_srtp_cm_iv(const it_srtp_keys *k, uint32_t ssrc, uint64_t index, uint8_t iv[IT_SRTP_BLOCK])
{
    /* RFC 3711 section 4.1.1: (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16) */
    memcpy(iv, k->salt, 14);
    iv[14] = iv[15] = 0;
    it_put32(iv + 4, it_get32(iv + 4) ^ ssrc);
    it_put64(iv + 8, it_get64(iv + 8) ^ index << 16);
}

void it_srtp_gcm_iv(const it_srtp_keys *k, uint32_t ssrc, uint64_t index, uint8_t iv[IT_SRTP_GCM_IV])
{
    memcpy(iv, k->salt, IT_SRTP_GCM_IV);
    it_put32(iv + 2, it_get32(iv + 2) ^ ssrc);
    it_put16(iv + 6, it_get16(iv + 6) ^ (uint16_t)(index >> 32));
    it_put32(iv + 8, it_get32(iv + 8) ^ (uint32_t)index);
}

/* All but the tag and the end. */
static bool gcm_run(EVP_CIPHER_CTX *ctx, const it_srtp_gcm *g)
{
    int len;
    if (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, g->iv, -1) != 1)
        return false;
    if (EVP_CipherUpdate(ctx, NULL, &len, g->head.p, (int)g->head.n) != 1)
        return false;
    if (g->more.n && EVP_CipherUpdate(ctx, NULL, &len, g->more.p, (int)g->more.n) != 1)
        return false;
    return g->n == 0 || EVP_CipherUpdate(ctx, g->data, &len, g->data, (int)g->n) == 1;
}

int it_srtp_gcm_seal(EVP_CIPHER_CTX *ctx, const it_srtp_gcm *g)
{
    int len;
    uint8_t none[IT_SRTP_BLOCK];
    bool ok = gcm_run(ctx, g) && EVP_CipherFinal_ex(ctx, none, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, g->tag) == 1;
    return ok ? 0 : IT_ERR_CRYPTO;
}

int it_srtp_gcm_open(EVP_CIPHER_CTX *ctx, const it_srtp_gcm *g)
{
    int len;
    uint8_t none[IT_SRTP_BLOCK];
    if (!gcm_run(ctx, g) || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, g->tag) != 1)
        return IT_ERR_CRYPTO;
    return EVP_CipherFinal_ex(ctx, none, &len) == 1 ? 0 : IT_ERR_AUTH;
}
