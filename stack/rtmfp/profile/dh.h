/* Diffie-Hellman as RFC 7425 section 4.2 has it: groups 2 (which everybody has), 5 and 14 of IKE, generator 2. */
#ifndef IT_STACK_RTMFP_PROFILE_DH_H
#define IT_STACK_RTMFP_PROFILE_DH_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"

#define IT_RTMFP_GROUPS 3
#define IT_RTMFP_DH_MOST 256   /* bytes of a public key or a secret */
#define IT_RTMFP_DH_PRIVATE 40 /* bytes of a private key */

/* One bit for each group, so that sets of them are numbers; weakest first. */
enum it_rtmfp_group {
    IT_RTMFP_GROUP_2 = 1,  /* 1,024 bits, RFC 2409 */
    IT_RTMFP_GROUP_5 = 2,  /* 1,536 bits, RFC 3526 */
    IT_RTMFP_GROUP_14 = 4, /* 2,048 bits, RFC 3526 */
    IT_RTMFP_GROUP_ALL = 7
};

typedef struct it_rtmfp_dh {
    enum it_rtmfp_group group;
    uint8_t secret[IT_RTMFP_DH_PRIVATE];
    uint8_t secret_size;
    uint16_t size;
    uint8_t pub[IT_RTMFP_DH_MOST]; /* |size| bytes, big-endian, without leading zeros */
} it_rtmfp_dh;

/* The group that has |number| on the wire; 0: it is not here. And the number of a group. */
enum it_rtmfp_group it_rtmfp_group_of(uint64_t number);
unsigned it_rtmfp_group_number(enum it_rtmfp_group g);
/* The strongest of a set; 0 for the empty one. */
enum it_rtmfp_group it_rtmfp_group_best(unsigned set);

/* Fills |p| with |n| bytes from |rng|, through OpenSSL, so that they are strong where draws are (stack/crypto/ossl.h).
 * Returns 0 or IT_ERR_CRYPTO. */
int it_rtmfp_random(it_rng *rng, it_time now, void *p, size_t n) IT_MUST_CHECK;

/* Makes a key pair of one group. Returns 0 or IT_ERR_CRYPTO. */
int it_rtmfp_dh_make(it_rtmfp_dh *d, enum it_rtmfp_group g, it_rng *rng, it_time now) IT_MUST_CHECK;
/* The same from a private key, |secret_size| bytes of |secret|, which is set. */
int it_rtmfp_dh_from_secret(it_rtmfp_dh *d) IT_MUST_CHECK;
/* Combines |d| with a far end's public key into |out|, without leading zeros (RFC 7425 section 4.6.2). Returns its
 * size; IT_ERR_RANGE when the key must not be used: out of range, or fewer than 16 ones or zeros; IT_ERR_CRYPTO. */
int it_rtmfp_dh_combine(const it_rtmfp_dh *d, it_bytes far, uint8_t out[IT_RTMFP_DH_MOST]) IT_MUST_CHECK;

#endif
