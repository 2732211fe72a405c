/* The Internet checksum over 64-bit words, and CRC-32 by nibbles from a constant table. */
#include "base/cksum.h"

#include <string.h>

uint64_t it_sum_add(uint64_t sum, const void *p, size_t n)
{
    const uint8_t *b = p;
    /* Big-endian 32-bit words keep the sum independent of the machine's order; 2^32 of them fit before an overflow. */
    for (; n >= 8; b += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, b, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        v = __builtin_bswap64(v);
#endif
        sum += (v >> 32) + (v & 0xffffffff);
    }
    for (; n >= 2; b += 2, n -= 2)
        sum += (uint64_t)(b[0] << 8 | b[1]);
    if (n)
        sum += (uint64_t)b[0] << 8;
    return sum;
}

uint16_t it_sum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
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
