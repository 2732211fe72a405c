/* Sets of sequence numbers. */
#include "stack/rtmfp/flow/ranges.h"

#include <string.h>

void it_rtmfp_ranges_init(it_rtmfp_ranges *s, it_alloc *alloc)
{
    *s = (it_rtmfp_ranges){.alloc = alloc};
}

void it_rtmfp_ranges_fini(it_rtmfp_ranges *s)
{
    it_free(s->alloc, s->v);
    s->v = NULL;
}

/* The first range that ends at |x| or above. */
static size_t ranges_find(const it_rtmfp_ranges *s, uint64_t x)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid].to < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool it_rtmfp_ranges_has(const it_rtmfp_ranges *s, uint64_t x)
{
    if (x <= s->cum)
        return true;
    size_t i = ranges_find(s, x);
    return i < s->n && s->v[i].from <= x;
}

static void ranges_cut(it_rtmfp_ranges *s, size_t at, size_t n)
{
    memmove(s->v + at, s->v + at + n, (s->n - at - n) * sizeof *s->v);
    s->n -= n;
}

void it_rtmfp_ranges_fill(it_rtmfp_ranges *s, uint64_t to)
{
    size_t gone = 0;
    if (to > s->cum)
        s->cum = to;
    while (gone < s->n && s->v[gone].from - 1 <= s->cum) {
        if (s->v[gone].to > s->cum)
            s->cum = s->v[gone].to;
        gone++;
    }
    if (gone)
        ranges_cut(s, 0, gone);
}

int it_rtmfp_ranges_add(it_rtmfp_ranges *s, uint64_t x)
{
    if (it_rtmfp_ranges_has(s, x))
        return 0;
    if (x == s->cum + 1) {
        it_rtmfp_ranges_fill(s, x);
        return 0;
    }
    size_t i = ranges_find(s, x);
    bool joins = i < s->n && s->v[i].from == x + 1;
    if (i > 0 && s->v[i - 1].to + 1 == x) {
        s->v[i - 1].to = joins ? s->v[i].to : x;
        if (joins)
            ranges_cut(s, i, 1);
        return 0;
    }
    if (joins) {
        s->v[i].from = x;
        return 0;
    }
    if (s->n == IT_RTMFP_RANGES_MOST)
        return IT_ERR_FULL;
    int err = it_grow(s->alloc, &s->v, &s->cap, s->n + 1, sizeof *s->v);
    if (err)
        return err;
    memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof *s->v);
    s->v[i] = (it_rtmfp_range){x, x};
    s->n++;
    return 0;
}
