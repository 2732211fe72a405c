/* What the files of stack/srtp know of each other; nobody else includes this, but their tests.
 *
 *     srtp.c    the session: its config, its SSRCs         rtp.c, rtcp.c   the packets
 *     keys.c    profiles, key derivation                   cipher.c        AES-CM, AES-GCM, tags
 *     window.c  packet indices and the replay list */
#ifndef IT_STACK_SRTP_IMPL_H
#define IT_STACK_SRTP_IMPL_H

#include "stack/crypto/digest.h"
#include "stack/srtp/srtp.h"
#include "stack/srtp/window.h"

#include <openssl/evp.h>

#define IT_SRTP_BLOCK 16
#define IT_SRTP_GCM_IV 12
#define IT_SRTP_AUTH_KEY 20 /* RFC 3711 section 5.2: n_a of 160 bits */
#define IT_SRTP_E_FLAG 0x80000000u

/* RFC 3711 section 4.3.2; add 3 for SRTCP. */
enum it_srtp_label { IT_SRTP_LABEL_KEY = 0, IT_SRTP_LABEL_AUTH = 1, IT_SRTP_LABEL_SALT = 2, IT_SRTP_LABEL_RTCP = 3 };

/* Session keys, of SRTP or of SRTCP. */
typedef struct it_srtp_keys {
    EVP_CIPHER_CTX *cipher; /* AES-ECB, of which counter mode is made, or AES-GCM in the direction of the session */
    it_hmac_key auth;       /* not of AEAD */
    uint8_t salt[IT_SRTP_SALT_MAX];
} it_srtp_keys;

typedef struct it_srtp_stream {
    uint32_t ssrc;
    uint32_t rtcp_next; /* OUT: the SRTCP index to use */
    it_srtp_window rtp, rtcp;
} it_srtp_stream;

struct it_srtp_session {
    it_alloc *alloc;
    const it_srtp_params *params;
    enum it_srtp_way way;
    bool plain_rtcp;
    uint64_t left_rtp, left_rtcp; /* packets that the key may still protect */
    it_srtp_keys rtp, rtcp;

    it_srtp_stream *streams; /* |n| of |cap|, in the order they came */
    uint64_t *bits;          /* of their windows */
    uint32_t *slots;         /* by hash of the SSRC: a number of |streams| plus 1, or 0; |mask| + 1 of them */
    uint32_t n, cap, mask, window;
    uint32_t last; /* the stream found last */
};

/* srtp.c: the stream of |ssrc| or NULL; a new one, NULL when there are too many. */
it_srtp_stream *it_srtp_stream_find(it_srtp_session *s, uint32_t ssrc);
it_srtp_stream *it_srtp_stream_add(it_srtp_session *s, uint32_t ssrc);

/* keys.c: writes |n| bytes of the key derivation function (RFC 3711 section 4.3.3, RFC 6188 section 3) for |label| to
 * |out|. |master| is an AES-ECB context of the master key. False when OpenSSL fails. */
bool it_srtp_derive(EVP_CIPHER_CTX *master, const it_srtp_cfg *cfg, unsigned label, uint8_t *out, size_t n);
/* Derives the session keys of |s| from |cfg|. Returns 0, IT_ERR_NOMEM, IT_ERR_CRYPTO. */
int it_srtp_keys_derive(it_srtp_session *s, const it_srtp_cfg *cfg);
/* Sets session keys themselves. |auth| has IT_SRTP_AUTH_KEY bytes, NULL for AEAD. Returns as above. */
int it_srtp_keys_load(it_srtp_keys *k, const it_srtp_params *params, enum it_srtp_way way, const uint8_t *key,
                      const uint8_t *salt, const uint8_t *auth);
void it_srtp_keys_wipe(it_srtp_keys *k);

/* cipher.c: a context of AES-ECB or AES-GCM with its key. NULL when OpenSSL refuses. */
EVP_CIPHER_CTX *it_srtp_cipher_new(const char *name, const uint8_t *key, bool encrypt);
/* Adds the key stream that begins with counter block |iv| to |n| bytes at |p| (RFC 3711 section 4.1.1). |ctx| is
 * AES-ECB. False when OpenSSL fails. */
bool it_srtp_cm(EVP_CIPHER_CTX *ctx, const uint8_t iv[IT_SRTP_BLOCK], uint8_t *p, size_t n);
/* The initial counter block of |ssrc| and |index| (48 bits). */
void it_srtp_cm_iv(const it_srtp_keys *k, uint32_t ssrc, uint64_t index, uint8_t iv[IT_SRTP_BLOCK]);
/* The same of AES-GCM (RFC 7714 sections 8.1, 9.1). */
void it_srtp_gcm_iv(const it_srtp_keys *k, uint32_t ssrc, uint64_t index, uint8_t iv[IT_SRTP_GCM_IV]);

/* What AES-GCM works on. |data| may be empty, |more| too. */
typedef struct it_srtp_gcm {
    const uint8_t *iv;
    it_bytes head, more; /* associated data, in a row */
    uint8_t *data;
    size_t n;
    uint8_t *tag; /* 16 bytes: written, or compared with */
} it_srtp_gcm;

/* Encrypts |g|->data and writes its tag. Returns 0 or IT_ERR_CRYPTO. */
int it_srtp_gcm_seal(EVP_CIPHER_CTX *ctx, const it_srtp_gcm *g);
/* Decrypts it. Returns 0, IT_ERR_CRYPTO, or IT_ERR_AUTH when the tag is another. */
int it_srtp_gcm_open(EVP_CIPHER_CTX *ctx, const it_srtp_gcm *g);

#endif
