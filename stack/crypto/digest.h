/* Digests and HMACs as STUN needs them: keys are prepared once, their pads cached (RFC 2104 section 4). */
#ifndef IT_STACK_CRYPTO_DIGEST_H
#define IT_STACK_CRYPTO_DIGEST_H

#include "base/bytes.h"
#include "base/err.h"

#define IT_SHA1_SIZE 20
#define IT_SHA256_SIZE 32
#define IT_MD5_SIZE 16

/* One-shot digests of up to three views in a row (empty ones are skipped). */
void it_md5(uint8_t out[IT_MD5_SIZE], it_bytes a, it_bytes b, it_bytes c);
void it_sha1(uint8_t out[IT_SHA1_SIZE], it_bytes a, it_bytes b, it_bytes c);
void it_sha256(uint8_t out[IT_SHA256_SIZE], it_bytes a, it_bytes b, it_bytes c);

/* A key with its inner and outer pads already hashed, for both HMAC-SHA1 and HMAC-SHA256. Plain data: copy it freely.
 */
typedef struct it_hmac_key {
    uint32_t sha1[2][5];
    uint32_t sha256[2][8];
} it_hmac_key;

/* Prepares |key| of any length. */
void it_hmac_key_init(it_hmac_key *k, it_bytes key);

/* HMAC over |a| then |b|. */
void it_hmac_sha1(const it_hmac_key *k, uint8_t out[IT_SHA1_SIZE], it_bytes a, it_bytes b);
void it_hmac_sha256(const it_hmac_key *k, uint8_t out[IT_SHA256_SIZE], it_bytes a, it_bytes b);

/* True when |n| bytes at |a| and |b| are equal, in time that depends on |n| alone. */
bool it_equal_ct(const void *a, const void *b, size_t n);

#endif
