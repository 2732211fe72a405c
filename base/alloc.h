/* The allocator every object takes, so that tests can make the n-th allocation fail.
 *
 * One function does all: resize from NULL allocates, resize to 0 frees. */
#ifndef IT_BASE_ALLOC_H
#define IT_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

typedef struct it_alloc it_alloc;

struct it_alloc {
    /* As realloc(3); |size| 0 frees and returns NULL. NULL for a |size| above 0 means no memory, |p| stays valid. */
    void *(*resize)(it_alloc *self, void *p, size_t size);
    uint64_t countdown; /* allocations still granted; UINT64_MAX: no limit */
    int64_t live;       /* blocks allocated and not yet freed */
    uint64_t refused;   /* how often there was no memory: whoever lost something by it may not have said so */
};

/* Makes |a| the C library's allocator without a limit. */
void it_alloc_init(it_alloc *a);

/* Makes |a| grant |n| allocations (growing a block counts as one) and refuse all later ones. For out-of-memory tests.
 */
void it_alloc_init_countdown(it_alloc *a, uint64_t n);

/* |size| bytes, uninitialised; NULL when there is no memory. |size| 0 is taken as 1. */
void *it_malloc(it_alloc *a, size_t size);

/* |n| times |size| bytes of zeros; NULL when there is no memory or the product overflows. */
void *it_calloc(it_alloc *a, size_t n, size_t size);

/* Grows or shrinks |p| (NULL allowed) to |n| times |size| bytes; NULL, with |p| untouched, when that fails. */
void *it_realloc(it_alloc *a, void *p, size_t n, size_t size);

/* A copy of the string |s|; NULL when there is no memory. */
char *it_strdup(it_alloc *a, const char *s);

/* Frees |p|; NULL is allowed. */
void it_free(it_alloc *a, void *p);

/* Ensures that array |*p| of |*cap| elements of |size| bytes has room for |need|, doubling from 8.
 * Returns 0 or IT_ERR_NOMEM, the array then as it was. */
int it_grow(it_alloc *a, void *p, size_t *cap, size_t need, size_t size);

#endif
