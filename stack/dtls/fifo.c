/* Byte strings in a row, each behind its length. */
#include "stack/dtls/impl.h"

#include <string.h>

bool it_dtls_fifo_push(it_alloc *alloc, it_dtls_fifo *f, const void *p, size_t n)
{
    uint32_t size = (uint32_t)n;

    if (f->head > 0) {
        memmove(f->p, f->p + f->head, f->len - f->head);
        f->len -= f->head;
        f->head = 0;
    }
    if (it_grow(alloc, &f->p, &f->cap, f->len + sizeof(size) + n, 1) < 0)
        return false;
    memcpy(f->p + f->len, &size, sizeof(size));
    memcpy(f->p + f->len + sizeof(size), p, n);
    f->len += sizeof(size) + n;
    return true;
}

it_bytes it_dtls_fifo_first(const it_dtls_fifo *f)
{
    uint32_t size;

    if (f->head == f->len)
        return it_bytes_of(NULL, 0);
    memcpy(&size, f->p + f->head, sizeof(size));
    return it_bytes_of(f->p + f->head + sizeof(size), size);
}

void it_dtls_fifo_pop(it_dtls_fifo *f)
{
    f->head += sizeof(uint32_t) + it_dtls_fifo_first(f).n;
}
