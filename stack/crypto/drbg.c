/* Update and generate, without additional input; a world is far too short to need a reseed. */
#include "stack/crypto/drbg.h"

#include <string.h>

static void drbg_hmac(const it_drbg *d, it_bytes a, it_bytes b, uint8_t out[IT_SHA256_SIZE])
{
    it_hmac_key k;
    it_hmac_key_init(&k, it_bytes_of(d->key, sizeof d->key));
    it_hmac_sha256(&k, out, a, b);
}

/* K = HMAC(K, V || |mark| || |data|), V = HMAC(K, V). */
static void drbg_step(it_drbg *d, uint8_t mark, it_bytes data)
{
    uint8_t head[IT_SHA256_SIZE + 1], out[IT_SHA256_SIZE];
    memcpy(head, d->v, sizeof d->v);
    head[IT_SHA256_SIZE] = mark;
    drbg_hmac(d, it_bytes_of(head, sizeof head), data, out);
    memcpy(d->key, out, sizeof out);
    drbg_hmac(d, it_bytes_of(d->v, sizeof d->v), it_bytes_of(NULL, 0), out);
    memcpy(d->v, out, sizeof out);
}

/* Section 10.1.2.2. */
static void drbg_update(it_drbg *d, it_bytes data)
{
    drbg_step(d, 0, data);
    if (data.n)
        drbg_step(d, 1, data);
}

void it_drbg_init(it_drbg *d, it_bytes seed)
{
    memset(d->key, 0, sizeof d->key);
    memset(d->v, 1, sizeof d->v);
    drbg_update(d, seed);
}

void it_drbg_bytes(it_drbg *d, void *p, size_t n)
{
    uint8_t *at = p, out[IT_SHA256_SIZE];
    while (n > 0) {
        size_t part = n < sizeof out ? n : sizeof out;
        drbg_hmac(d, it_bytes_of(d->v, sizeof d->v), it_bytes_of(NULL, 0), out);
        memcpy(d->v, out, sizeof out);
        memcpy(at, out, part);
        at += part;
        n -= part;
    }
    drbg_update(d, it_bytes_of(NULL, 0));
}

uint64_t it_drbg_u64(it_drbg *d)
{
    uint8_t p[8];
    it_drbg_bytes(d, p, sizeof p);
    return it_get64(p);
}
