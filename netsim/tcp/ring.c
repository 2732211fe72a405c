/* Ring buffers and ranges of sequence numbers: what a connection remembers of its streams. */
#include "netsim/tcp/impl.h"

#define RING_MIN 2048

/* Copies the content of |r| to |to|, laid out from 0 on; bytes behind the end too. */
static void unroll_ring(const it_tcp_ring *r, uint8_t *to)
{
    uint32_t first = r->cap - r->head;
    memcpy(to, r->p + r->head, first);
    memcpy(to + first, r->p, r->head);
}

static int grow_ring(it_tcp_ring *r, it_alloc *a, uint32_t need)
{
    uint32_t cap = r->cap ? r->cap : RING_MIN;
    while (cap < need)
        cap *= 2;
    if (cap == r->cap)
        return 0;
    uint8_t *p = it_malloc(a, cap);
    if (!p)
        return IT_ERR_NOMEM;
    if (r->cap)
        unroll_ring(r, p);
    it_free(a, r->p);
    r->p = p;
    r->cap = cap;
    r->head = 0;
    return 0;
}

int it_tcp_ring_put(it_tcp_ring *r, it_alloc *a, uint32_t off, it_bytes data)
{
    uint32_t n = (uint32_t)data.n;
    if (n == 0)
        return 0;
    if (grow_ring(r, a, off + n) < 0)
        return IT_ERR_NOMEM;
    uint32_t at = (r->head + off) & (r->cap - 1);
    uint32_t first = it_tcp_less(n, r->cap - at);
    memcpy(r->p + at, data.p, first);
    memcpy(r->p, data.p + first, n - first);
    return 0;
}

void it_tcp_ring_get(const it_tcp_ring *r, uint32_t off, uint32_t n, it_bytes piece[2])
{
    piece[0] = piece[1] = it_bytes_of(NULL, 0);
    if (n == 0)
        return;
    IT_ASSERT(off + n <= r->cap);
    uint32_t at = (r->head + off) & (r->cap - 1);
    uint32_t first = it_tcp_less(n, r->cap - at);
    piece[0] = it_bytes_of(r->p + at, first);
    if (n > first)
        piece[1] = it_bytes_of(r->p, n - first);
}

void it_tcp_ring_drop(it_tcp_ring *r, uint32_t n)
{
    IT_ASSERT(n <= r->n);
    r->n -= n;
    if (r->cap)
        r->head = (r->head + n) & (r->cap - 1);
}

void it_tcp_ring_free(it_tcp_ring *r, it_alloc *a)
{
    it_free(a, r->p);
    *r = (it_tcp_ring){.p = NULL};
}

/* --- ranges --- */

int64_t it_tcp_ranges_add(it_tcp_ranges *r, it_alloc *a, uint32_t lo, uint32_t hi)
{
    uint32_t i = 0, had = 0;
    while (i < r->n && it_tcp_lt(r->v[i].hi, lo))
        i++;
    uint32_t j = i;
    uint32_t from = lo, to = hi;
    for (; j < r->n && it_tcp_le(r->v[j].lo, hi); j++) {
        had += r->v[j].hi - r->v[j].lo;
        from = it_tcp_min(from, r->v[j].lo);
        to = it_tcp_max(to, r->v[j].hi);
    }
    if (j == i) { /* touches nothing: a new one at i */
        if (r->n == TCP_RANGES)
            return IT_ERR_FULL;
        if (it_grow(a, &r->v, &r->cap, r->n + 1, sizeof *r->v) < 0)
            return IT_ERR_NOMEM;
        memmove(&r->v[i + 1], &r->v[i], (r->n - i) * sizeof *r->v);
        r->n++;
    } else { /* i to before j become one */
        memmove(&r->v[i + 1], &r->v[j], (r->n - j) * sizeof *r->v);
        r->n -= j - i - 1;
    }
    r->v[i] = (it_tcp_range){from, to, ++r->stamp};
    return (int64_t)(to - from) - had;
}

void it_tcp_ranges_cut(it_tcp_ranges *r, uint32_t seq)
{
    uint32_t gone = 0;
    while (gone < r->n && it_tcp_le(r->v[gone].hi, seq))
        gone++;
    if (gone) {
        r->n -= gone;
        memmove(r->v, r->v + gone, r->n * sizeof *r->v);
    }
    if (r->n && it_tcp_lt(r->v[0].lo, seq))
        r->v[0].lo = seq;
}

void it_tcp_ranges_free(it_tcp_ranges *r, it_alloc *a)
{
    it_free(a, r->v);
    *r = (it_tcp_ranges){.v = NULL};
}
