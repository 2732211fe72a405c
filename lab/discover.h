/* RFC 5780 in a small world of its own: a client behind one NAT and a server with two addresses, until everything is found out.
 *
 *     client 10.0.0.2 -- NAT 10.0.0.1 | 203.0.113.1, ... -- server 198.51.100.1 and .2, ports 3478 and 3479
 *
 * It measures a profile as anybody outside can; what the profile declares is for the caller to compare. */
#ifndef IT_LAB_DISCOVER_H
#define IT_LAB_DISCOVER_H

#include "netsim/nat.h"
#include "stack/stun/discover.h"

typedef struct it_lab_discover_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const it_nat_profile *nat; /* NULL: no NAT between */
    bool lifetimes;
    it_time limit; /* as it_stun_discover_cfg */
} it_lab_discover_cfg;

/* Runs the discovery. Returns 0, IT_ERR_NOMEM, IT_ERR_RANGE (a profile with a fault) or IT_ERR_LOOP (it does not end). */
int it_lab_discover(const it_lab_discover_cfg *cfg, it_stun_behavior *out) IT_MUST_CHECK;

#endif
