/* Token buckets by source, which is an IPv4 address or an IPv6 /64: what one of them may ask for in a time.
 *
 * A table of fixed size, found by a hash that only its owner knows: two sources may share a bucket, and nobody chooses
 * with whom. A bucket is kept as the time at which it will be full: each token is a step of that, and as many as it is
 * deep may be taken ahead of time. */
#ifndef IT_BASE_TABLE_BUCKETS_H
#define IT_BASE_TABLE_BUCKETS_H

#include "base/addr.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/time.h"

#define IT_BUCKETS 4096

typedef struct it_buckets {
    it_alloc *alloc;
    uint64_t secret;
    uint32_t rate, depth;
    it_time *full_at; /* NULL: everybody may take what they like */
} it_buckets;

/* The source that |ip| is of: an IPv6 address without its last 64 bits. */
it_ip it_ip_source(it_ip ip);

/* Buckets that |rate| tokens a second fill, and that hold |depth|, at least 1; |rate| 0: no limit. Returns 0 or
 * IT_ERR_NOMEM, there is nothing to free then. */
int it_buckets_init(it_buckets *b, it_alloc *alloc, uint64_t secret, uint32_t rate, uint32_t depth) IT_MUST_CHECK;
void it_buckets_fini(it_buckets *b);

/* When the source of |ip| may take a token: |now|, or later. */
it_time it_buckets_when(const it_buckets *b, it_time now, it_ip ip);
/* Whether |one| and |other| take tokens of the same bucket: of one source, or of two that share it. */
bool it_buckets_share(const it_buckets *b, it_ip one, it_ip other);
/* Takes a token of the source of |ip|; false: it has none now. */
bool it_buckets_take(it_buckets *b, it_time now, it_ip ip);

#endif
