/* The bounded writer and reader. */
#include "base/bytes.h"

void it_buf_init(it_buf *b, void *p, size_t cap)
{
    *b = (it_buf){p, 0, cap, false};
}

/* Room for |n| more bytes, or NULL with the overflow flag set. */
static uint8_t *buf_room(it_buf *b, size_t n)
{
    if (b->overflow || b->cap - b->len < n) {
        b->overflow = true;
        return NULL;
    }
    uint8_t *p = b->p + b->len;
    b->len += n;
    return p;
}

void it_buf_u8(it_buf *b, uint8_t v)
{
    uint8_t *p = buf_room(b, 1);
    if (p)
        *p = v;
}

void it_buf_u16(it_buf *b, uint16_t v)
{
    uint8_t *p = buf_room(b, 2);
    if (p)
        it_put16(p, v);
}

void it_buf_u32(it_buf *b, uint32_t v)
{
    uint8_t *p = buf_room(b, 4);
    if (p)
        it_put32(p, v);
}

void it_buf_u64(it_buf *b, uint64_t v)
{
    uint8_t *p = buf_room(b, 8);
    if (p)
        it_put64(p, v);
}

void it_buf_put(it_buf *b, const void *src, size_t n)
{
    uint8_t *p = buf_room(b, n);
    if (p && n)
        memcpy(p, src, n);
}

void it_buf_fill(it_buf *b, uint8_t v, size_t n)
{
    uint8_t *p = buf_room(b, n);
    if (p && n)
        memset(p, v, n);
}

void it_rd_init(it_rd *r, it_bytes b)
{
    *r = (it_rd){b.p, b.n, false};
}

/* The next |n| bytes, or NULL with the fail flag set. */
static const uint8_t *rd_take(it_rd *r, size_t n)
{
    if (r->fail || r->n < n) {
        r->fail = true;
        r->n = 0;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    r->n -= n;
    return p;
}

uint8_t it_rd_u8(it_rd *r)
{
    const uint8_t *p = rd_take(r, 1);
    return p ? *p : 0;
}

uint16_t it_rd_u16(it_rd *r)
{
    const uint8_t *p = rd_take(r, 2);
    return p ? it_get16(p) : 0;
}

uint32_t it_rd_u32(it_rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    return p ? it_get32(p) : 0;
}

uint64_t it_rd_u64(it_rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    return p ? it_get64(p) : 0;
}

it_bytes it_rd_take(it_rd *r, size_t n)
{
    const uint8_t *p = rd_take(r, n);
    return it_bytes_of(p, p ? n : 0);
}
