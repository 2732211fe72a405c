/* xoshiro256** (Blackman and Vigna, public domain reference) seeded by splitmix64 from seed and name. */
#include "base/rng.h"

#include "base/err.h"

#include <string.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

uint64_t it_hash_str(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3ULL;
    return it_hash_mix(h, 0);
}

void it_rng_init(it_rng *r, uint64_t seed, const char *name)
{
    uint64_t x = it_hash_mix(it_hash_str(name), seed);
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&x);
}

static inline uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t it_rng_u64(it_rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t it_rng_below(it_rng *r, uint64_t n)
{
    IT_ASSERT(n > 0);
    /* Values below 2^64 mod n would make small results likelier: draw again. */
    uint64_t low = (0 - n) % n, v;
    do
        v = it_rng_u64(r);
    while (v < low);
    return v % n;
}

int64_t it_rng_range(it_rng *r, int64_t lo, int64_t hi)
{
    IT_ASSERT(lo <= hi);
    uint64_t span = (uint64_t)hi - (uint64_t)lo;
    uint64_t v = span == UINT64_MAX ? it_rng_u64(r) : it_rng_below(r, span + 1);
    return (int64_t)((uint64_t)lo + v);
}

bool it_rng_chance(it_rng *r, uint32_t ppm)
{
    return it_rng_below(r, 1000000) < ppm;
}

void it_rng_bytes(it_rng *r, void *p, size_t n)
{
    uint8_t *out = p;
    while (n) {
        uint64_t v = it_rng_u64(r);
        size_t k = n < 8 ? n : 8;
        for (size_t i = 0; i < k; i++)
            out[i] = (uint8_t)(v >> (8 * i));
        out += k;
        n -= k;
    }
}

void it_rng_text(it_rng *r, char *out, size_t n, const char *alphabet)
{
    size_t size = strlen(alphabet);
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[it_rng_below(r, size)];
    out[n] = '\0';
}
