/* The event queue's heap: sift up, sift down, entries inline. */
#include "base/table/heap.h"

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

static inline int item_before(it_time time, uint64_t seq, const it_heap_item *b)
{
    return time < b->time || (time == b->time && seq < b->seq);
}

int it_heap_push(it_heap *h, it_heap_item item)
{
    if (h->n == h->cap && it_grow(h->alloc, &h->v, &h->cap, h->n + 1, sizeof *h->v) < 0)
        return IT_ERR_NOMEM;
    size_t i = h->n++;
    while (i) {
        size_t up = (i - 1) / 2;
        if (!item_before(item.time, item.seq, &h->v[up]))
            break;
        h->v[i] = h->v[up];
        i = up;
    }
    h->v[i] = item;
    return 0;
}

/* Puts an entry where the hole at the top settles. Its parts come one by one, to stay in registers: a struct would go
 * through memory, written in parts and read as a whole, and wait for that. */
static void sift_down(it_heap *h, it_time time, uint64_t seq, uint64_t id)
{
    it_heap_item *v = h->v;
    size_t i = 0, n = h->n;
    for (size_t c = 1; c < n; c = 2 * i + 1) {
        if (c + 1 < n && item_before(v[c + 1].time, v[c + 1].seq, &v[c]))
            c++;
        if (!item_before(v[c].time, v[c].seq, &(it_heap_item){time, seq, id}))
            break;
        v[i].time = v[c].time;
        v[i].seq = v[c].seq;
        v[i].id = v[c].id;
        i = c;
    }
    v[i].time = time;
    v[i].seq = seq;
    v[i].id = id;
}

void it_heap_pop(it_heap *h)
{
    IT_ASSERT(h->n > 0);
    it_heap_item *last = &h->v[--h->n];
    if (h->n)
        sift_down(h, last->time, last->seq, last->id);
}

void it_heap_replace_top(it_heap *h, it_time time, uint64_t seq, uint64_t id)
{
    IT_ASSERT(h->n > 0);
    sift_down(h, time, seq, id);
}
