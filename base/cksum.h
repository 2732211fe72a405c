/* The Internet checksum (RFC 1071), its incremental update (RFC 1624 eqn. 3) and CRC-32 (RFC 8489 FINGERPRINT). */
#ifndef IT_BASE_CKSUM_H
#define IT_BASE_CKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds |n| bytes at |p| to the running one's complement sum |sum|; a trailing odd byte counts as its high half. */
uint64_t it_sum_add(uint64_t sum, const void *p, size_t n);

/* Folds |sum| to 16 bits and complements: the value that goes into a header. */
static inline uint16_t it_sum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The checksum field |ck| after one 16-bit word under it changed from |from| to |to|. RFC 1624 section 3, eqn. 3. */
static inline uint16_t it_cksum_fix16(uint16_t ck, uint16_t from, uint16_t to)
{
    uint32_t s = (uint32_t)(uint16_t)~ck + (uint16_t)~from + to;
    s = (s >> 16) + (s & 0xffff);
    s += s >> 16;
    return (uint16_t)~s;
}

/* The same for a 32-bit word. */
static inline uint16_t it_cksum_fix32(uint16_t ck, uint32_t from, uint32_t to)
{
    uint32_t s = (uint32_t)(uint16_t)~ck + (uint16_t)~(from >> 16) + (uint16_t)~from + (to >> 16) + (to & 0xffff);
    s = (s >> 16) + (s & 0xffff);
    s += s >> 16;
    return (uint16_t)~s;
}

/* CRC-32 as in ITU V.42 (reflected 0xedb88320), of |n| bytes. */
uint32_t it_crc32(const void *p, size_t n);

#endif
