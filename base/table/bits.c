/* The levels of a set. */
#include "base/table/bits.h"

#include "base/err.h"

#include <string.h>

void it_bits_init(it_bits *b, it_alloc *alloc)
{
    *b = (it_bits){.alloc = alloc};
}

void it_bits_fini(it_bits *b)
{
    for (uint32_t k = 0; k < b->levels; k++)
        it_free(b->alloc, b->level[k]);
    it_bits_init(b, b->alloc);
}

/* Makes the levels of |b|, which has none, for |b|->cap numbers. */
static int make_levels(it_bits *b)
{
    for (uint32_t n = b->cap; b->levels == 0 || n > 1; b->levels++) {
        n = (n + 63) / 64;
        b->level[b->levels] = it_calloc(b->alloc, n, sizeof **b->level);
        if (!b->level[b->levels]) {
            it_bits_fini(b);
            return IT_ERR_NOMEM;
        }
    }
    return 0;
}

int it_bits_grow(it_bits *b, uint32_t n)
{
    if (n <= b->cap)
        return 0;
    it_bits next = {.alloc = b->alloc, .cap = b->cap ? b->cap : 64};
    while (next.cap < n)
        next.cap *= 2;
    int err = make_levels(&next);
    if (err < 0)
        return err;
    for (uint32_t i = it_bits_next(b, 0); i != IT_BITS_NONE; i = it_bits_next(b, i + 1))
        it_bits_add(&next, i);
    it_bits_fini(b);
    *b = next;
    return 0;
}

void it_bits_add(it_bits *b, uint32_t i)
{
    IT_ASSERT(i < b->cap);
    for (uint32_t k = 0; k < b->levels; k++, i /= 64)
        b->level[k][i / 64] |= (uint64_t)1 << i % 64;
}

void it_bits_del(it_bits *b, uint32_t i)
{
    IT_ASSERT(i < b->cap);
    for (uint32_t k = 0; k < b->levels; k++, i /= 64) {
        b->level[k][i / 64] &= ~((uint64_t)1 << i % 64);
        if (b->level[k][i / 64])
            return;
    }
}

uint32_t it_bits_next(const it_bits *b, uint32_t from)
{
    uint32_t i = from, size = b->cap; /* of level |k|: where to look from, and how many numbers it has */
    for (uint32_t k = 0; k < b->levels && i < size; k++) {
        uint64_t rest = b->level[k][i / 64] >> i % 64;
        if (!rest) {
            i = i / 64 + 1;
            size = (size + 63) / 64;
            continue;
        }
        for (i += (uint32_t)__builtin_ctzll(rest); k > 0; k--)
            i = i * 64 + (uint32_t)__builtin_ctzll(b->level[k - 1][i]);
        return i;
    }
    return IT_BITS_NONE;
}
