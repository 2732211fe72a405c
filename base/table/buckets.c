/* Token buckets by source. */
#include "base/table/buckets.h"

#include "base/rng.h"

it_ip it_ip_source(it_ip ip)
{
    if (it_ip_is4(ip))
        return ip;
    return (it_ip){ip.hi, 0};
}

int it_buckets_init(it_buckets *b, it_alloc *alloc, uint64_t secret, uint32_t rate, uint32_t depth)
{
    *b = (it_buckets){.alloc = alloc, .secret = secret, .rate = rate, .depth = depth};
    if (!rate)
        return 0;
    b->full_at = it_calloc(alloc, IT_BUCKETS, sizeof *b->full_at);
    return b->full_at ? 0 : IT_ERR_NOMEM;
}

void it_buckets_fini(it_buckets *b)
{
    it_free(b->alloc, b->full_at);
    b->full_at = NULL;
}

static it_time *bucket_of(const it_buckets *b, it_ip ip)
{
    it_ip source = it_ip_source(ip);
    uint64_t h = it_hash_mix(it_hash_mix(b->secret, source.hi), source.lo);
    return &b->full_at[h % IT_BUCKETS];
}

bool it_buckets_share(const it_buckets *b, it_ip one, it_ip other)
{
    if (b->full_at)
        return bucket_of(b, one) == bucket_of(b, other);
    return it_ip_eq(it_ip_source(one), it_ip_source(other));
}

it_time it_buckets_when(const it_buckets *b, it_time now, it_ip ip)
{
    if (!b->full_at)
        return now;
    it_time step = IT_SEC / b->rate, at = *bucket_of(b, ip) + step - step * b->depth;
    return at > now ? at : now;
}

bool it_buckets_take(it_buckets *b, it_time now, it_ip ip)
{
    if (!b->full_at)
        return true;
    if (it_buckets_when(b, now, ip) > now)
        return false;
    it_time *full_at = bucket_of(b, ip), from = *full_at > now ? *full_at : now;
    *full_at = from + IT_SEC / b->rate;
    return true;
}
