/* A rate limit before a server: an object around an object, that passes on datagrams of a source only as fast as a
 * token bucket of that source fills. A server whose answers are larger than what asks for them must not be of use to
 * who writes other people's addresses into his packets (RFC 8489 section 15.1.2 on such reflection; RFC 4732).
 *
 * A source is an IPv4 address or an IPv6 /64 (base/table/buckets.h). Everything else passes, but streams beyond those
 * that one source may have at a time. */
#ifndef IT_LAB_SERVE_LIMIT_H
#define IT_LAB_SERVE_LIMIT_H

#include "base/alloc.h"
#include "stack/object.h"

typedef struct it_limit_cfg {
    uint32_t rate;  /* datagrams a second of one source in the long run; 0: no limit */
    uint32_t depth; /* and at once; at least 1 */
    /* Counts only what is answered before anybody has said who he is: STUN requests that come to a base, and streams
     * that are accepted, which are reset beyond the rate. Data of TURN clients and their peers passes. */
    bool requests;
    uint32_t streams; /* accepted ones that one source has at a time; more are reset. 0: no limit */
} it_limit_cfg;

typedef struct it_limit_count {
    uint64_t taken, dropped; /* datagrams, or what is counted in their place */
} it_limit_count;

typedef struct it_limit it_limit;

/* Wraps |inner| and its |ops|, which becomes the limit's, also when there is no memory (NULL). |count| is the caller's.
 */
it_limit *it_limit_new(it_alloc *alloc, const it_limit_cfg *cfg, uint64_t secret, const it_object_ops *ops, void *inner,
                       it_limit_count *count);

/* Drive a limit by these, as it were the object inside. */
extern const it_object_ops it_limit_ops;

#endif
