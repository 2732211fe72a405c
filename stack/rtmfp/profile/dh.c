/* Groups, key pairs, secrets. */
#include "stack/rtmfp/profile/dh.h"

#include "stack/crypto/ossl.h"

#include <openssl/bn.h>
#include <openssl/rand.h>

#define LEAST_BITS 16 /* ones, and zeros, that a public key has at least */

typedef struct group_row {
    enum it_rtmfp_group group;
    unsigned number;    /* RFC 7425 section 4.2: those of IKE */
    size_t secret_size; /* bytes: twice the strength of the group and more */
    BIGNUM *(*prime)(BIGNUM *);
} group_row;

static const group_row GROUPS[IT_RTMFP_GROUPS] = {{IT_RTMFP_GROUP_2, 2, 28, BN_get_rfc2409_prime_1024},
                                                  {IT_RTMFP_GROUP_5, 5, 32, BN_get_rfc3526_prime_1536},
                                                  {IT_RTMFP_GROUP_14, 14, 40, BN_get_rfc3526_prime_2048}};

enum it_rtmfp_group it_rtmfp_group_of(uint64_t number)
{
    for (int i = 0; i < IT_RTMFP_GROUPS; i++)
        if (GROUPS[i].number == number)
            return GROUPS[i].group;
    return (enum it_rtmfp_group)0;
}

static const group_row *group_find(enum it_rtmfp_group g)
{
    for (int i = 0; i < IT_RTMFP_GROUPS; i++)
        if (GROUPS[i].group == g)
            return &GROUPS[i];
    return NULL;
}

unsigned it_rtmfp_group_number(enum it_rtmfp_group g)
{
    const group_row *row = group_find(g);
    return row ? row->number : 0;
}

enum it_rtmfp_group it_rtmfp_group_best(unsigned set)
{
    for (int i = IT_RTMFP_GROUPS; i-- > 0;)
        if (set & GROUPS[i].group)
            return GROUPS[i].group;
    return (enum it_rtmfp_group)0;
}

int it_rtmfp_random(it_rng *rng, it_time now, void *p, size_t n)
{
    it_ossl_enter(rng, now);
    int ok = RAND_priv_bytes_ex(it_ossl_ctx(), p, n, 0);
    it_ossl_leave();
    return ok == 1 ? 0 : IT_ERR_CRYPTO;
}

/* The numbers of one calculation. */
typedef struct dh_work {
    BN_CTX *ctx;
    BIGNUM *prime, *base, *secret, *out;
} dh_work;

static void dh_end(dh_work *w)
{
    BN_free(w->prime);
    BN_free(w->base);
    BN_clear_free(w->secret);
    BN_clear_free(w->out);
    BN_CTX_free(w->ctx);
}

static bool dh_begin(dh_work *w, const it_rtmfp_dh *d)
{
    const group_row *row = group_find(d->group);
    *w = (dh_work){.ctx = BN_CTX_secure_new_ex(it_ossl_ctx()), .base = BN_new(), .out = BN_new()};
    w->prime = row ? row->prime(NULL) : NULL;
    w->secret = BN_bin2bn(d->secret, d->secret_size, NULL);
    if (!w->ctx || !w->prime || !w->base || !w->secret || !w->out)
        return false;
    BN_set_flags(w->secret, BN_FLG_CONSTTIME);
    return true;
}

/* |base| to the power of |secret| into |bytes|; its size, or IT_ERR_CRYPTO. */
static int dh_power(dh_work *w, uint8_t bytes[IT_RTMFP_DH_MOST])
{
    if (BN_mod_exp_mont_consttime(w->out, w->base, w->secret, w->prime, w->ctx, NULL) != 1)
        return IT_ERR_CRYPTO;
    return BN_bn2bin(w->out, bytes);
}

int it_rtmfp_dh_from_secret(it_rtmfp_dh *d)
{
    dh_work w;
    int n = IT_ERR_CRYPTO;
    if (dh_begin(&w, d) && BN_set_word(w.base, 2) == 1)
        n = dh_power(&w, d->pub);
    dh_end(&w);
    if (n < 0)
        return n;
    d->size = (uint16_t)n;
    return 0;
}

int it_rtmfp_dh_make(it_rtmfp_dh *d, enum it_rtmfp_group g, it_rng *rng, it_time now)
{
    const group_row *row = group_find(g);
    *d = (it_rtmfp_dh){.group = g};
    if (!row)
        return IT_ERR_CRYPTO;
    d->secret_size = (uint8_t)row->secret_size;
    int err = it_rtmfp_random(rng, now, d->secret, d->secret_size);
    if (err)
        return err;
    d->secret[0] |= 0x80; /* of full length */
    return it_rtmfp_dh_from_secret(d);
}

/* RFC 7425 section 4.6.2: 2^24 <= y <= p - 2^24, 16 ones at least, 16 zeros not counting the leading ones. */
static bool dh_usable(dh_work *w, const BIGNUM *y)
{
    int ones = 0, bits = BN_num_bits(y);
    for (int i = 0; i < bits; i++)
        ones += BN_is_bit_set(y, i);
    if (bits <= 24 || ones < LEAST_BITS || bits - ones < LEAST_BITS)
        return false;
    if (BN_copy(w->out, w->prime) == NULL || BN_sub_word(w->out, 1 << 24) != 1)
        return false;
    return BN_cmp(y, w->out) <= 0;
}

int it_rtmfp_dh_combine(const it_rtmfp_dh *d, it_bytes far, uint8_t out[IT_RTMFP_DH_MOST])
{
    dh_work w;
    int n = IT_ERR_CRYPTO;
    if (far.n > 2 * IT_RTMFP_DH_MOST) /* leading zeros are harmless, a flood of them is not */
        return IT_ERR_RANGE;
    if (dh_begin(&w, d) && BN_bin2bn(far.p, (int)far.n, w.base)) {
        n = IT_ERR_RANGE;
        if (dh_usable(&w, w.base))
            n = dh_power(&w, out);
    }
    dh_end(&w);
    return n;
}
