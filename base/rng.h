/* Named random streams: xoshiro256** seeded by splitmix64 from (seed, name).
 *
 * One stream per (host, object, purpose), per link, per box. Nothing else enters a stream, so equal names meet equal
 * luck. Not for cryptography outside the simulation. Never write two draws into one expression: C leaves their order
 * open. */
#ifndef IT_BASE_RNG_H
#define IT_BASE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct it_rng {
    uint64_t s[4];
} it_rng;

/* Starts the stream of |name| (for example "alice/ice/tiebreaker") under |seed|. */
void it_rng_init(it_rng *r, uint64_t seed, const char *name);

/* The next 64 bits. */
uint64_t it_rng_u64(it_rng *r);

/* Uniform in [0, |n|), without modulo bias; |n| above 0. */
uint64_t it_rng_below(it_rng *r, uint64_t n);

/* Uniform in [|lo|, |hi|], both included. */
int64_t it_rng_range(it_rng *r, int64_t lo, int64_t hi);

/* True with probability |ppm| / 1,000,000. Draws once whatever |ppm| is. */
bool it_rng_chance(it_rng *r, uint32_t ppm);

/* Fills |p| with |n| random bytes. */
void it_rng_bytes(it_rng *r, void *p, size_t n);

/* Fills |out| with |n| characters of |alphabet| (a string of at most 256) and a final NUL; |out| has |n| + 1 bytes. */
void it_rng_text(it_rng *r, char *out, size_t n, const char *alphabet);

/* A 64-bit hash of the string |s| (FNV-1a, then mixed). */
uint64_t it_hash_str(const char *s);

/* Mixes |v| into hash state |h|: a stateless random function of everything mixed in. */
static inline uint64_t it_hash_mix(uint64_t h, uint64_t v)
{
    uint64_t z = h ^ (v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2));
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

#endif
