/* Candidate kinds, priorities and addresses (RFC 8445 sections 5.1.1.1 and 5.1.2). */
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
    /* RFC 8445 section 5.1.2.1. A relayed candidate of component 256 with preference 0 would come to 0, which is no
     * priority. */
    uint32_t p = KINDS[kind].preference << 24 | (uint32_t)local_pref << 8 | (256u - component);
    return p ? p : 1;
}

const char *it_ice_transport_name(enum it_ice_transport transport)
{
    static const char *const NAMES[IT_ICE_TRANSPORTS] = {"udp", "active", "passive", "so"};
    IT_ASSERT((size_t)transport < IT_ICE_TRANSPORTS);
    return NAMES[transport];
}

/* Type preferences of candidates by TCP. RFC 6544 section 4.2: for real-time media any by UDP goes before any by TCP,
 * but relayed ones stay last. */
static const uint32_t TCP_TYPE[] = {[IT_ICE_HOST] = 90, [IT_ICE_SRFLX] = 80, [IT_ICE_PRFLX] = 85, [IT_ICE_RELAY] = 0};

uint32_t it_ice_tcp_priority(enum it_ice_kind kind, enum it_ice_transport transport, uint32_t other_pref,
                             uint16_t component)
{
    /* RFC 6544 section 4.2, recommended: the direction of host and relayed candidates, and of reflexive ones. */
    static const uint32_t DIRECTION[2][IT_ICE_TRANSPORTS] = {
        {[IT_ICE_TCP_ACTIVE] = 6, [IT_ICE_TCP_PASSIVE] = 4, [IT_ICE_TCP_SO] = 2},
        {[IT_ICE_TCP_SO] = 6, [IT_ICE_TCP_ACTIVE] = 4, [IT_ICE_TCP_PASSIVE] = 2}};
    IT_ASSERT(transport != IT_ICE_UDP && other_pref < 8192);
    bool reflexive = kind == IT_ICE_SRFLX || kind == IT_ICE_PRFLX;
    uint32_t pref = DIRECTION[reflexive][transport] << 13 | other_pref;
    uint32_t p = TCP_TYPE[kind] << 24 | pref << 8 | (256u - component);
    return p ? p : 1;
}

uint32_t it_ice_prflx_priority(const it_ice_cand *local)
{
    uint16_t pref = (uint16_t)(local->priority >> 8);
    if (local->transport == IT_ICE_UDP)
        return it_ice_priority(IT_ICE_PRFLX, pref, local->component);
    return it_ice_tcp_priority(IT_ICE_PRFLX, local->transport, pref & 8191, local->component);
}

/* RFC 1122 section 3.2.1.3: not "this network", loopback, multicast or limited broadcast. */
static bool is_usable_ipv4(uint32_t v)
{
    return v >> 24 != 0 && v >> 24 != 127 && v >> 28 != 0xe && v != UINT32_MAX;
}

bool it_ice_addr_usable(it_addr a)
{
    if (a.port == 0 || it_ip_none(a.ip))
        return false;
    if (it_ip_is4(a.ip))
        return is_usable_ipv4(it_ip_v4(a.ip));
    /* RFC 4291 section 2.5: ::1 and the deprecated ::a.b.c.d; fec0::/10; multicast. */
    if (a.ip.hi == 0 && a.ip.lo >> 32 == 0)
        return false;
    return a.ip.hi >> 54 != 0xfec0 >> 6 && a.ip.hi >> 56 != 0xff;
}
