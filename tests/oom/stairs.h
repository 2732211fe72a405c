/* The out-of-memory staircase: the same life again and again, each time with memory for one allocation more.
 *
 *     granted   0 1 2 3 4 5 ... n
 *     result    x x x x x x ... ok      x: a clean error; in every case every block is given back
 *
 * Two kinds of stairs: from the n-th on nothing is granted, or the n-th alone is refused, after which a life may go on
 * and must not stumble over what it did not get. Long lives take every step at first and then one in so many;
 * IT_STAIRS=all takes them all. */
#ifndef IT_TESTS_OOM_STAIRS_H
#define IT_TESTS_OOM_STAIRS_H

#include "base/alloc.h"
#include "base/err.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

/* An allocator that refuses its |refuse|-th allocation only, or all from there on. */
typedef struct stairs_alloc {
    it_alloc a;
    uint64_t asked, refuse;
    bool once;
} stairs_alloc;

static inline void *stairs_resize(it_alloc *self, void *p, size_t size)
{
    stairs_alloc *s = (stairs_alloc *)(void *)self;
    if (size == 0) {
        self->live -= p != NULL;
        free(p);
        return NULL;
    }
    uint64_t n = s->asked++;
    if (s->once ? n == s->refuse : n >= s->refuse)
        return NULL;
    void *q = realloc(p, size);
    ck_assert_ptr_nonnull(q);
    self->live += p == NULL;
    return q;
}

static inline void stairs_init(stairs_alloc *s, uint64_t refuse, bool once)
{
    *s = (stairs_alloc){.a = {.resize = stairs_resize, .countdown = UINT64_MAX}, .refuse = refuse, .once = once};
}

/* Climbs: |life| gets the allocator and returns 0 when all went well, IT_ERR_NOMEM when it said that memory was
 * missing; anything else is a failure. With |once| a life that never says so is right too (something was lost, and may
 * be). Returns how high the stairs are: the first step on which nothing is refused. The first |all| of them are taken
 * singly, then every |stride|-th. */
static inline uint64_t stairs_climb(int (*life)(it_alloc *), bool once, uint64_t all, uint64_t stride)
{
    stairs_alloc s;
#ifdef __SANITIZE_ADDRESS__ /* lives are longer there, and the steps in between find nothing that these do not */
    all /= 4;
    stride = 4 * stride + 1;
#endif
    if (getenv("IT_STAIRS"))
        stride = 1;
    for (uint64_t n = 0;; n += n < all ? 1 : stride) {
        stairs_init(&s, n, once);
        int r = life(&s.a);
        ck_assert_msg(r == 0 || r == IT_ERR_NOMEM, "step %llu: %s", (unsigned long long)n, it_err_name(r));
        ck_assert_msg(s.a.live == 0, "step %llu: %lld blocks left", (unsigned long long)n, (long long)s.a.live);
        if (s.asked <= n) {
            ck_assert_int_eq(r, 0); /* nothing was refused */
            return n;
        }
        ck_assert_msg(once || r == IT_ERR_NOMEM, "step %llu: nobody noticed", (unsigned long long)n);
    }
}

#endif
