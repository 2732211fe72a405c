/* A set of sequence numbers, as ranges: what a receiver has seen of a flow (RFC 7016 section 3.6.3, SEQUENCE_SET). 0 is
 * always in it. */
#ifndef IT_STACK_RTMFP_FLOW_RANGES_H
#define IT_STACK_RTMFP_FLOW_RANGES_H

#include "base/alloc.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_RTMFP_RANGES_MOST 512 /* ranges of one set: a sender that makes more holes waits until some are filled */

typedef struct it_rtmfp_range {
    uint64_t from, to; /* both in it */
} it_rtmfp_range;

typedef struct it_rtmfp_ranges {
    it_alloc *alloc;
    uint64_t cum;      /* 0 to here are in it; the number above is not */
    it_rtmfp_range *v; /* those above, rising, with gaps between */
    size_t n, cap;
} it_rtmfp_ranges;

/* Begins with 0 alone; allocates nothing. */
void it_rtmfp_ranges_init(it_rtmfp_ranges *s, it_alloc *alloc);
void it_rtmfp_ranges_fini(it_rtmfp_ranges *s);

bool it_rtmfp_ranges_has(const it_rtmfp_ranges *s, uint64_t x);
/* Adds everything from 0 to |to|; needs no memory. */
void it_rtmfp_ranges_fill(it_rtmfp_ranges *s, uint64_t to);
/* Adds |x|. Returns 0; IT_ERR_FULL when there would be too many ranges, IT_ERR_NOMEM: it is not in then. */
int it_rtmfp_ranges_add(it_rtmfp_ranges *s, uint64_t x);

#endif
