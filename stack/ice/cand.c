/* Candidate kinds and priorities (RFC 8445 section 5.1.2). */
#include "stack/ice/cand.h"

static const struct {
    const char *name;
    uint32_t preference; /* RFC 8445 section 5.1.2.2 */
} KINDS[] = {
    [IT_ICE_HOST] = {"host", 126},
    [IT_ICE_SRFLX] = {"srflx", 100},
    [IT_ICE_PRFLX] = {"prflx", 110},
    [IT_ICE_RELAY] = {"relay", 0},
};

const char *it_ice_kind_name(enum it_ice_kind kind)
{
    IT_ASSERT((size_t)kind < sizeof KINDS / sizeof KINDS[0]);
    return KINDS[kind].name;
}

uint32_t it_ice_priority(enum it_ice_kind kind, uint16_t local_pref, uint16_t component)
{
    IT_ASSERT((size_t)kind < sizeof KINDS / sizeof KINDS[0]);
    IT_ASSERT(component >= 1 && component <= 256);
    /* RFC 8445 section 5.1.2.1. A relayed candidate of component 256 with preference 0 would come to 0, which is no priority. */
    uint32_t p = KINDS[kind].preference << 24 | (uint32_t)local_pref << 8 | (256u - component);
    return p ? p : 1;
}
