/* Byte views, a bounded writer and a bounded reader, all in network byte order.
 *
 * Writer and reader are sticky: after the first overflow every further call does nothing, so a codec checks once, at
 * the end. */
#ifndef IT_BASE_BYTES_H
#define IT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed view; lives as long as what it points into. */
typedef struct it_bytes {
    const uint8_t *p;
    size_t n;
} it_bytes;

static inline it_bytes it_bytes_of(const void *p, size_t n)
{
    it_bytes b = {(const uint8_t *)p, n};
    return b;
}

static inline it_bytes it_bytes_str(const char *s)
{
    return it_bytes_of(s, strlen(s));
}

static inline bool it_bytes_eq(it_bytes a, it_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Writes |b| as two lower-case hexadecimal digits a byte into |out|, which has room for them and NUL; returns |out|. */
static inline char *it_bytes_hex(it_bytes b, char *out)
{
    for (size_t i = 0; i < b.n; i++) {
        out[2 * i] = "0123456789abcdef"[b.p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[b.p[i] & 15];
    }
    out[2 * b.n] = '\0';
    return out;
}

/* |v| in network byte order when it is in the machine's, and the other way round. */
static inline uint16_t it_net16(uint16_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}
static inline uint32_t it_net32(uint32_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}
static inline uint64_t it_net64(uint64_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/* Unaligned big-endian access; |p| must have room. */
static inline uint16_t it_get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return it_net16(v);
}
static inline uint32_t it_get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return it_net32(v);
}
static inline uint64_t it_get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return it_net64(v);
}
static inline void it_put16(uint8_t *p, uint16_t v)
{
    v = it_net16(v);
    memcpy(p, &v, sizeof v);
}
static inline void it_put32(uint8_t *p, uint32_t v)
{
    v = it_net32(v);
    memcpy(p, &v, sizeof v);
}
static inline void it_put64(uint8_t *p, uint64_t v)
{
    v = it_net64(v);
    memcpy(p, &v, sizeof v);
}

/* A writer into a caller's buffer. */
typedef struct it_buf {
    uint8_t *p;
    size_t len, cap;
    bool overflow; /* something did not fit; |len| then counts what did */
} it_buf;

/* Starts writing at |p|, |cap| bytes. */
void it_buf_init(it_buf *b, void *p, size_t cap);
void it_buf_u8(it_buf *b, uint8_t v);
void it_buf_u16(it_buf *b, uint16_t v);
void it_buf_u32(it_buf *b, uint32_t v);
void it_buf_u64(it_buf *b, uint64_t v);
void it_buf_put(it_buf *b, const void *p, size_t n);
/* Appends |n| bytes of value |v|. */
void it_buf_fill(it_buf *b, uint8_t v, size_t n);

/* A reader over a borrowed view. */
typedef struct it_rd {
    const uint8_t *p;
    size_t n;  /* bytes left */
    bool fail; /* something was read past the end; all later reads give 0 */
} it_rd;

/* Starts reading at the front of |b|; the getters take the next 1, 2, 4 or 8 bytes. */
void it_rd_init(it_rd *r, it_bytes b);
uint8_t it_rd_u8(it_rd *r);
uint16_t it_rd_u16(it_rd *r);
uint32_t it_rd_u32(it_rd *r);
uint64_t it_rd_u64(it_rd *r);
/* The next |n| bytes as a view, {NULL,0} after the end. */
it_bytes it_rd_take(it_rd *r, size_t n);

#endif
