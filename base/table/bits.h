/* A set of small numbers that is walked in rising order, and tells its least member, however few there are of many.
 *
 * Words of 64 bits, and above them levels in which a bit stands for a word below that is not empty: finding a member
 * costs a step a level, 64 numbers need one level and 262,144 three. */
#ifndef IT_BASE_TABLE_BITS_H
#define IT_BASE_TABLE_BITS_H

#include "base/alloc.h"

#include <stdbool.h>

#define IT_BITS_NONE UINT32_MAX
#define IT_BITS_LEVELS 5

typedef struct it_bits {
    it_alloc *alloc;
    uint64_t *level[IT_BITS_LEVELS]; /* [0]: a bit a number; the last one in use has one word */
    uint32_t levels;
    uint32_t cap; /* numbers that there is room for: 0, or 64 times a power of two */
} it_bits;

/* Starts an empty set without room; allocates nothing. */
void it_bits_init(it_bits *b, it_alloc *alloc);
void it_bits_fini(it_bits *b);

/* Makes room for numbers 0 to |n| - 1, |n| at most 2^30. Returns 0 or IT_ERR_NOMEM, |b| then as it was. */
int it_bits_grow(it_bits *b, uint32_t n);

/* Adds |i|, or takes it out; there must be room for it. */
void it_bits_add(it_bits *b, uint32_t i);
void it_bits_del(it_bits *b, uint32_t i);

static inline bool it_bits_has(const it_bits *b, uint32_t i)
{
    return i < b->cap && (b->level[0][i / 64] >> i % 64 & 1);
}

/* The least member from |from| on, IT_BITS_NONE when there is none. Members may come and go while walking. */
uint32_t it_bits_next(const it_bits *b, uint32_t from);

#endif
