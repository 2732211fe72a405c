/* RFC 5780 in a small world of its own: a client behind one NAT and a server with two addresses, until everything is
 * found out.
 *
 *     client 10.0.0.2 -- NAT 10.0.0.1 | 203.0.113.1, ... -- server 198.51.100.1 and .2, ports 3478 and 3479
 *
 * It measures a profile as anybody outside can; what the profile declares is for the caller to compare. Either end may
 * be a real program instead, whose packets come and go by a device (lab/loop/loop.h); the world then runs by the wall
 * clock:
 *
 *     real client | kernel | device == NAT == server of ours       client of ours == NAT == device | kernel | real
 * server */
#ifndef IT_LAB_JUDGE_DISCOVER_H
#define IT_LAB_JUDGE_DISCOVER_H

#include "netsim/nat/nat.h"
#include "stack/stun/discover.h"

enum it_lab_discover_real { IT_LAB_REAL_NONE, IT_LAB_REAL_CLIENT, IT_LAB_REAL_SERVER };

typedef struct it_lab_discover_cfg {
    it_alloc *alloc;
    uint64_t seed;
    const it_nat_profile *nat; /* NULL: no NAT between */
    bool lifetimes;
    it_time limit; /* as it_stun_discover_cfg */

    enum it_lab_discover_real real; /* which end has the addresses above on the other side of |device|, non-blocking */
    int device;
    int until; /* IT_LAB_REAL_CLIENT: a pipe; the run is over when nobody writes to it any more */
} it_lab_discover_cfg;

/* Runs the discovery. |out| stays as it is with IT_LAB_REAL_CLIENT, which knows what it finds by itself. Returns 0,
 * IT_ERR_NOMEM, IT_ERR_RANGE (a profile with a fault), IT_ERR_LOOP (it does not end) or IT_ERR_IO (the device). */
int it_lab_discover(const it_lab_discover_cfg *cfg, it_stun_behavior *out) IT_MUST_CHECK;

#endif
