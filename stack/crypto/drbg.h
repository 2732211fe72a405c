/* HMAC_DRBG with SHA-256 (NIST SP 800-90A revision 1 section 10.1.2): bytes that tell nothing of those before and after
 * them, from a seed. The same seed gives the same bytes. For what goes over a wire and must not be guessed; as secret
 * as its seed. */
#ifndef IT_STACK_CRYPTO_DRBG_H
#define IT_STACK_CRYPTO_DRBG_H

#include "stack/crypto/digest.h"

typedef struct it_drbg {
    uint8_t key[IT_SHA256_SIZE], v[IT_SHA256_SIZE];
} it_drbg;

/* Seeds it with |seed| (entropy, nonce and personalization in a row), at least 32 bytes of which nobody knows. */
void it_drbg_init(it_drbg *d, it_bytes seed);
/* Fills |p| with |n| bytes. */
void it_drbg_bytes(it_drbg *d, void *p, size_t n);
/* 64 bits, the same on every machine. */
uint64_t it_drbg_u64(it_drbg *d);

#endif
