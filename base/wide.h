/* Products of 64-bit numbers and their quotients, in 128 bits, on machines of any word size.
 *
 * For the few places where 64 bits do not hold what comes in between. All results are exact. */
#ifndef IT_BASE_WIDE_H
#define IT_BASE_WIDE_H

#include "base/err.h"

#include <stdint.h>

/* hi * 2^64 + lo */
typedef struct it_wide {
    uint64_t hi, lo;
} it_wide;

/* |a| times |b|. */
static inline it_wide it_wide_mul(uint64_t a, uint64_t b)
{
    uint64_t al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
    uint64_t low = al * bl, mid = ah * bl + (low >> 32), other = al * bh + (mid & 0xffffffff);
    return (it_wide){ah * bh + (mid >> 32) + (other >> 32), other << 32 | (low & 0xffffffff)};
}

/* |v| shifted right by |n| (0 to 63). What is above 64 bits then is lost. */
static inline uint64_t it_wide_shift(it_wide v, int n)
{
    return n == 0 ? v.lo : v.hi << (64 - n) | v.lo >> n;
}

/* |v| divided by |d|, which is not 0; |*rest| is what is left. */
static inline it_wide it_wide_div(it_wide v, uint64_t d, uint64_t *rest)
{
    IT_ASSERT(d != 0);
    it_wide q = {v.hi / d, 0};
    uint64_t r = v.hi % d;
    for (int i = 63; i >= 0; i--) { /* by the school's method, a bit at a time: |r| is below |d| */
        uint64_t top = r >> 63;
        r = r << 1 | (v.lo >> i & 1);
        if (!top && r < d)
            continue;
        r -= d;
        q.lo |= (uint64_t)1 << i;
    }
    *rest = r;
    return q;
}

#endif
