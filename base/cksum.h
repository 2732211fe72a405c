/* The Internet checksum (RFC 1071), its incremental update (RFC 1624 eqn. 3) and CRC-32 (RFC 8489 FINGERPRINT). */
#ifndef IT_BASE_CKSUM_H
#define IT_BASE_CKSUM_H

#include "base/bytes.h"

/* Adds |n| bytes at |p| to the running one's complement sum |sum|; a trailing odd byte counts as its high half. */
uint64_t it_sum_add(uint64_t sum, const void *p, size_t n);

/* The sum of the two, or the five, 32-bit words at |p|: the addresses of an IPv4 header, and all of one that has no
 * options. RFC 1071 section 2 (C). */
static inline uint64_t it_sum_two(const uint8_t *p)
{
    return (uint64_t)it_get32(p) + it_get32(p + 4);
}
static inline uint64_t it_sum_five(const uint8_t *p)
{
    return it_sum_two(p) + it_sum_two(p + 8) + it_get32(p + 16);
}

/* The CRC-32c of |n| bytes at |p| as it stands in a big-endian header (RFC 9260 appendix A), the four at |hole|, its
 * own place, taken for 0. Bit by bit: it is rare. */
uint32_t it_crc32c(const uint8_t *p, size_t n, size_t hole);

/* Folds |sum| to 16 bits and complements: the value that goes into a header. */
static inline uint16_t it_sum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* --- words that change under a checksum ---
 *
 * Here all arithmetic is done in the byte order of the machine, in which a one's complement sum is as good (RFC 1071
 * section 2 (B)): it_swap16 and it_swap32 write a word in network order and return the change in that order,
 * it_sum_swap applies changes.
 */

/* Writes |v| at |p| in network order; returns what that adds to a sum. RFC 1624 section 3, eqn. 3: the new word and the
 * complement of the old one. */
static inline uint32_t it_swap16(uint8_t *p, uint16_t v)
{
    uint16_t from, to = it_net16(v);
    memcpy(&from, p, 2);
    memcpy(p, &to, 2);
    return (uint32_t)(uint16_t)~from + to;
}
static inline uint32_t it_swap32(uint8_t *p, uint32_t v)
{
    uint32_t from, to = it_net32(v);
    memcpy(&from, p, 4);
    memcpy(p, &to, 4);
    from = ~from;
    return (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff);
}

/* Applies |delta|, a sum of those above, to the checksum at |p|; returns the new one, in the machine's order. */
static inline uint16_t it_sum_swap(uint8_t *p, uint32_t delta)
{
    uint16_t ck;
    memcpy(&ck, p, 2);
    uint32_t s = (uint32_t)(uint16_t)~ck + delta;
    s = (s & 0xffff) + (s >> 16);
    ck = (uint16_t) ~((s & 0xffff) + (s >> 16));
    memcpy(p, &ck, 2);
    return ck;
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
    uint32_t s = (uint32_t)(uint16_t)~ck + (uint16_t) ~(from >> 16) + (uint16_t)~from + (to >> 16) + (to & 0xffff);
    s = (s >> 16) + (s & 0xffff);
    s += s >> 16;
    return (uint16_t)~s;
}

/* CRC-32 as in ITU V.42 (reflected 0xedb88320), of |n| bytes. */
uint32_t it_crc32(const void *p, size_t n);

#endif
