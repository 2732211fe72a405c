/* An ordered hash map: keys of a fixed number of 64-bit words, 32-bit values, iterated in order of insertion.
 *
 * Values are usually indices into a pool of the owner. The order of iteration depends on the history of calls alone,
 * never on hashes or addresses, and removal keeps it. */
#ifndef IT_BASE_TABLE_MAP_H
#define IT_BASE_TABLE_MAP_H

#include "base/alloc.h"

#include <stdbool.h>

#define IT_MAP_NONE UINT32_MAX
#define IT_MAP_WORDS_MAX 6

typedef struct it_map {
    it_alloc *alloc;
    uint32_t words;   /* per key, 1 to IT_MAP_WORDS_MAX */
    uint32_t n;       /* living entries */
    uint32_t used;    /* entries in |keys| and |vals|, dead ones included */
    size_t entry_cap; /* room in |keys| and |vals|, in entries */
    uint32_t mask;    /* size of |slots| - 1, or 0 while there are none */
    uint64_t *keys;
    uint32_t *vals;  /* IT_MAP_NONE marks a dead entry */
    uint32_t *slots; /* entry index + 1; 0 empty */
} it_map;

/* Starts an empty map of keys of |words| words; allocates nothing. */
void it_map_init(it_map *m, it_alloc *alloc, uint32_t words);
void it_map_fini(it_map *m);

/* The value under |key|, or IT_MAP_NONE. */
uint32_t it_map_get(const it_map *m, const uint64_t *key);

#define IT_MAP_HASH 0x9e3779b97f4a7c15ULL
static inline uint64_t it_map_mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0xff51afd7ed558ccdULL;
    return h ^ h >> 32;
}

/* it_map_get for keys of one, two and three words, for the ways of packets. */
static inline uint32_t it_map_get1(const it_map *m, uint64_t key)
{
    if (!m->n)
        return IT_MAP_NONE;
    uint32_t s = (uint32_t)it_map_mix(IT_MAP_HASH, key) & m->mask;
    for (uint32_t e; (e = m->slots[s]); s = (s + 1) & m->mask)
        if (m->keys[e - 1] == key)
            return m->vals[e - 1];
    return IT_MAP_NONE;
}
static inline uint32_t it_map_get2(const it_map *m, uint64_t a, uint64_t b)
{
    if (!m->n)
        return IT_MAP_NONE;
    uint32_t s = (uint32_t)it_map_mix(it_map_mix(IT_MAP_HASH, a), b) & m->mask;
    for (uint32_t e; (e = m->slots[s]); s = (s + 1) & m->mask) {
        const uint64_t *k = m->keys + (size_t)(e - 1) * 2;
        if (k[0] == a && k[1] == b)
            return m->vals[e - 1];
    }
    return IT_MAP_NONE;
}
static inline uint32_t it_map_get3(const it_map *m, uint64_t a, uint64_t b, uint64_t c)
{
    if (!m->n)
        return IT_MAP_NONE;
    uint32_t s = (uint32_t)it_map_mix(it_map_mix(it_map_mix(IT_MAP_HASH, a), b), c) & m->mask;
    for (uint32_t e; (e = m->slots[s]); s = (s + 1) & m->mask) {
        const uint64_t *k = m->keys + (size_t)(e - 1) * 3;
        if (k[0] == a && k[1] == b && k[2] == c)
            return m->vals[e - 1];
    }
    return IT_MAP_NONE;
}

/* Sets |key| to |val| (below IT_MAP_NONE), replacing what was there. Returns 0 or IT_ERR_NOMEM, the map then as it was.
 */
int it_map_put(it_map *m, const uint64_t *key, uint32_t val);

/* Removes |key|; true when it was there. */
bool it_map_del(it_map *m, const uint64_t *key);

/* Steps through living entries in order of insertion: start with |*pos| = 0. Returns false at the end. Removing the
 * entry just returned is allowed while stepping, adding is not. |key| points into the map until the next put. */
bool it_map_next(const it_map *m, uint32_t *pos, const uint64_t **key, uint32_t *val);

#endif
