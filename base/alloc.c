/* The C library's allocator behind a countdown. */
#include "base/alloc.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

static void *resize(it_alloc *self, void *p, size_t size)
{
    if (size == 0) {
        if (p)
            self->live--;
        free(p);
        return NULL;
    }
    if (self->countdown == 0)
        return NULL;
    void *q = realloc(p, size);
    if (!q)
        return NULL;
    if (self->countdown != UINT64_MAX)
        self->countdown--;
    if (!p)
        self->live++;
    return q;
}

void it_alloc_init(it_alloc *a)
{
    it_alloc_init_countdown(a, UINT64_MAX);
}

void it_alloc_init_countdown(it_alloc *a, uint64_t n)
{
    *a = (it_alloc){.resize = resize, .countdown = n};
}

/* |p| resized to |size| bytes, above 0; a refusal is counted. */
static void *ask(it_alloc *a, void *p, size_t size)
{
    void *q = a->resize(a, p, size);
    if (!q)
        a->refused++;
    return q;
}

void *it_malloc(it_alloc *a, size_t size)
{
    return ask(a, NULL, size ? size : 1);
}

void *it_calloc(it_alloc *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    void *p = it_malloc(a, n * size);
    if (p)
        memset(p, 0, n * size);
    return p;
}

void *it_realloc(it_alloc *a, void *p, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    size_t bytes = n * size;
    return ask(a, p, bytes ? bytes : 1);
}

char *it_strdup(it_alloc *a, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = it_malloc(a, n);
    if (p)
        memcpy(p, s, n);
    return p;
}

void it_free(it_alloc *a, void *p)
{
    if (p)
        (void)a->resize(a, p, 0);
}

int it_grow(it_alloc *a, void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return 0;
    size_t n = *cap ? *cap : 8;
    while (n < need) {
        if (n > SIZE_MAX / 2)
            return IT_ERR_NOMEM;
        n *= 2;
    }
    void *old;
    memcpy(&old, p, sizeof old); /* |p| is the address of a pointer of any type */
    void *q = it_realloc(a, old, n, size);
    if (!q)
        return IT_ERR_NOMEM;
    memcpy(p, &q, sizeof q);
    *cap = n;
    return 0;
}
