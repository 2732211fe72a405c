/* The Internet checksum over 64-bit words, and CRC-32 by nibbles from a constant table. */
#include "base/cksum.h"

#include <string.h>

/* The sum of the last |n| bytes, less than 8. */
static inline uint64_t tail(const uint8_t *b, size_t n)
{
    uint32_t w = 0;
    uint16_t h = 0, last = 0;
    if (n & 4)
        memcpy(&w, b, 4);
    if (n & 2)
        memcpy(&h, b + (n & 4), 2);
    if (n & 1)
        memcpy(&last, b + (n & 6), 1);
    return (uint64_t)w + h + last;
}

/* Adds the 8 bytes at |b|; 1 when that overflows. */
static inline uint64_t sum_add(uint64_t *acc, const uint8_t *b)
{
    uint64_t v;
    memcpy(&v, b, 8);
    *acc += v;
    return *acc < v;
}

/* The one's complement sum of words may be taken in either byte order, and of longer words too (RFC 1071 section 2, B
 * and C): here 64 bits at a time as the machine reads them, carries counted aside, turned round at the end. */
uint64_t it_sum_add(uint64_t sum, const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t acc = 0, carry = 0;
    for (; n >= 32; b += 32, n -= 32) {
        carry += sum_add(&acc, b);
        carry += sum_add(&acc, b + 8);
        carry += sum_add(&acc, b + 16);
        carry += sum_add(&acc, b + 24);
    }
    for (; n >= 8; b += 8, n -= 8)
        carry += sum_add(&acc, b);
    carry += tail(b, n);
    acc = (acc & 0xffffffff) + (acc >> 32) + carry;
    acc = (acc & 0xffffffff) + (acc >> 32);
    return sum + it_net32((uint32_t)acc) + it_net32((uint32_t)(acc >> 32));
}

/* CRC-32 of each nibble: two look-ups a byte. */
static const uint32_t NIBBLE[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t it_crc32(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c = NIBBLE[(c ^ b[i]) & 15] ^ (c >> 4);
        c = NIBBLE[(c ^ (uint32_t)(b[i] >> 4)) & 15] ^ (c >> 4);
    }
    return ~c;
}

uint32_t it_crc32c(const uint8_t *p, size_t n, size_t hole)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= i >= hole && i < hole + 4 ? 0 : p[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
    }
    return __builtin_bswap32(~c);
}
