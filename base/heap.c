/* The event queue's heap: sift up, sift down, entries inline. */
#include "base/heap.h"

#include "base/err.h"

void it_heap_init(it_heap *h, it_alloc *alloc)
{
    *h = (it_heap){alloc, NULL, 0, 0};
}

void it_heap_fini(it_heap *h)
{
    it_free(h->alloc, h->v);
    it_heap_init(h, h->alloc);
}

static inline int before(const it_heap_item *a, const it_heap_item *b)
{
    return a->time < b->time || (a->time == b->time && a->seq < b->seq);
}

int it_heap_push(it_heap *h, it_heap_item item)
{
    if (it_grow(h->alloc, &h->v, &h->cap, h->n + 1, sizeof *h->v) < 0)
        return IT_ERR_NOMEM;
    size_t i = h->n++;
    while (i) {
        size_t up = (i - 1) / 2;
        if (!before(&item, &h->v[up]))
            break;
        h->v[i] = h->v[up];
        i = up;
    }
    h->v[i] = item;
    return 0;
}

/* Puts |item| where the hole at the top settles. */
static void sift_down(it_heap *h, it_heap_item item)
{
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= h->n)
            break;
        if (c + 1 < h->n && before(&h->v[c + 1], &h->v[c]))
            c++;
        if (!before(&h->v[c], &item))
            break;
        h->v[i] = h->v[c];
        i = c;
    }
    h->v[i] = item;
}

void it_heap_pop(it_heap *h)
{
    IT_ASSERT(h->n > 0);
    it_heap_item last = h->v[--h->n];
    if (h->n)
        sift_down(h, last);
}

void it_heap_replace_top(it_heap *h, it_heap_item item)
{
    IT_ASSERT(h->n > 0);
    sift_down(h, item);
}
