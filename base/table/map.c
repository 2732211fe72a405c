/* The ordered map: entries in an array in order of insertion, an open-addressing table of their indices beside it. */
#include "base/table/map.h"

#include "base/err.h"

#include <string.h>

void it_map_init(it_map *m, it_alloc *alloc, uint32_t words)
{
    IT_ASSERT(words >= 1 && words <= IT_MAP_WORDS_MAX);
    *m = (it_map){.alloc = alloc, .words = words};
}

void it_map_fini(it_map *m)
{
    it_free(m->alloc, m->keys);
    it_free(m->alloc, m->vals);
    it_free(m->alloc, m->slots);
    it_map_init(m, m->alloc, m->words);
}

static inline uint32_t hash(const it_map *m, const uint64_t *key)
{
    uint64_t h = IT_MAP_HASH;
    for (uint32_t i = 0; i < m->words; i++)
        h = it_map_mix(h, key[i]);
    return (uint32_t)h & m->mask;
}

static inline bool key_same(const it_map *m, uint32_t entry, const uint64_t *key)
{
    const uint64_t *k = m->keys + (size_t)entry * m->words;
    for (uint32_t i = 0; i < m->words; i++)
        if (k[i] != key[i])
            return false;
    return true;
}

/* The slot of |key|, or the empty one where it would go. */
static inline uint32_t map_find(const it_map *m, const uint64_t *key)
{
    uint32_t s = hash(m, key);
    while (m->slots[s] && !key_same(m, m->slots[s] - 1, key))
        s = (s + 1) & m->mask;
    return s;
}

uint32_t it_map_get(const it_map *m, const uint64_t *key)
{
    if (!m->n)
        return IT_MAP_NONE;
    uint32_t e = m->slots[map_find(m, key)];
    return e ? m->vals[e - 1] : IT_MAP_NONE;
}

/* Moves living entries together. */
static void compact(it_map *m)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < m->used; i++) {
        if (m->vals[i] == IT_MAP_NONE)
            continue;
        if (to != i) {
            memcpy(m->keys + (size_t)to * m->words, m->keys + (size_t)i * m->words, m->words * sizeof *m->keys);
            m->vals[to] = m->vals[i];
        }
        to++;
    }
    m->used = to;
}

/* Fills the slots from the entries, all of them living. */
static void index_all(it_map *m)
{
    memset(m->slots, 0, ((size_t)m->mask + 1) * sizeof *m->slots);
    for (uint32_t i = 0; i < m->used; i++)
        m->slots[map_find(m, m->keys + (size_t)i * m->words)] = i + 1;
}

static int grow_entries(it_map *m)
{
    size_t cap = m->entry_cap ? m->entry_cap * 2 : 8;
    uint64_t *keys = it_realloc(m->alloc, m->keys, cap, m->words * sizeof *m->keys);
    if (!keys)
        return IT_ERR_NOMEM;
    m->keys = keys;
    uint32_t *vals = it_realloc(m->alloc, m->vals, cap, sizeof *vals);
    if (!vals)
        return IT_ERR_NOMEM;
    m->vals = vals;
    m->entry_cap = cap;
    return 0;
}

/* Makes room for one more entry: by dropping the dead ones when they are the majority, else by growing. Load stays at
 * or below 1/2. */
static int make_room(it_map *m)
{
    if (m->used < m->entry_cap)
        return 0;
    if (m->used && m->n <= m->used / 2) {
        compact(m);
        index_all(m);
        return 0;
    }
    if (grow_entries(m) < 0)
        return IT_ERR_NOMEM;
    size_t want = m->entry_cap * 2;
    uint32_t *slots = it_realloc(m->alloc, m->slots, want, sizeof *slots);
    if (!slots) {
        m->entry_cap = m->used; /* the slots rule: no entry beyond what they can index */
        return IT_ERR_NOMEM;
    }
    m->slots = slots;
    m->mask = (uint32_t)(want - 1);
    compact(m);
    index_all(m);
    return 0;
}

int it_map_put(it_map *m, const uint64_t *key, uint32_t val)
{
    IT_ASSERT(val != IT_MAP_NONE);
    if (m->slots) {
        uint32_t e = m->slots[map_find(m, key)];
        if (e) {
            m->vals[e - 1] = val;
            return 0;
        }
    }
    if (make_room(m) < 0)
        return IT_ERR_NOMEM;
    uint32_t s = map_find(m, key), i = m->used++;
    memcpy(m->keys + (size_t)i * m->words, key, m->words * sizeof *m->keys);
    m->vals[i] = val;
    m->slots[s] = i + 1;
    m->n++;
    return 0;
}

/* Closes the gap at slot |s| by moving back what probed past it (Knuth 6.4, algorithm R). */
static void unslot(it_map *m, uint32_t s)
{
    for (uint32_t i = (s + 1) & m->mask; m->slots[i]; i = (i + 1) & m->mask) {
        uint32_t home = hash(m, m->keys + (size_t)(m->slots[i] - 1) * m->words);
        if (((i - home) & m->mask) >= ((i - s) & m->mask)) {
            m->slots[s] = m->slots[i];
            s = i;
        }
    }
    m->slots[s] = 0;
}

bool it_map_del(it_map *m, const uint64_t *key)
{
    if (!m->n)
        return false;
    uint32_t s = map_find(m, key), e = m->slots[s];
    if (!e)
        return false;
    unslot(m, s);
    m->vals[e - 1] = IT_MAP_NONE;
    m->n--;
    while (m->used && m->vals[m->used - 1] == IT_MAP_NONE)
        m->used--;
    return true;
}

bool it_map_next(const it_map *m, uint32_t *pos, const uint64_t **key, uint32_t *val)
{
    while (*pos < m->used) {
        uint32_t i = (*pos)++;
        if (m->vals[i] == IT_MAP_NONE)
            continue;
        if (key)
            *key = m->keys + (size_t)i * m->words;
        if (val)
            *val = m->vals[i];
        return true;
    }
    return false;
}
