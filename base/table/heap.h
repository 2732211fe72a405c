/* An inline binary heap of {time, seq, id}: the event queue.
 *
 * Entries of equal time leave in the order of |seq|, so the order of events never depends on the shape of the heap. */
#ifndef IT_BASE_TABLE_HEAP_H
#define IT_BASE_TABLE_HEAP_H

#include "base/alloc.h"
#include "base/time.h"

typedef struct it_heap_item {
    it_time time;
    uint64_t seq;
    uint64_t id; /* the owner's: an index or a tagged index */
} it_heap_item;

typedef struct it_heap {
    it_alloc *alloc;
    it_heap_item *v;
    size_t n, cap;
} it_heap;

/* Starts an empty heap (allocates nothing); gives its memory back. */
void it_heap_init(it_heap *h, it_alloc *alloc);
void it_heap_fini(it_heap *h);

/* Adds an entry. Returns 0 or IT_ERR_NOMEM. */
int it_heap_push(it_heap *h, it_heap_item item);

/* The earliest entry, NULL when empty; valid until the next push or pop. */
static inline const it_heap_item *it_heap_top(const it_heap *h)
{
    return h->n ? &h->v[0] : NULL;
}

/* Removes the earliest entry; the heap must not be empty. */
void it_heap_pop(it_heap *h);

/* Replaces the earliest entry by another: cheaper than pop and push. The heap must not be empty. */
void it_heap_replace_top(it_heap *h, it_time time, uint64_t seq, uint64_t id);

#endif
