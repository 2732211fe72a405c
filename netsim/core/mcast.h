/* What kind of address it is: of one host, or of many.
 *
 * Multicast, as far as the simulated network knows it: a LAN segment delivers it to everybody, a host takes what a
 * socket's port is for (joining is implicit, without IGMP or MLD), a NAT shows what comes from inside to its own host,
 * and no router forwards it. */
#ifndef IT_NETSIM_CORE_MCAST_H
#define IT_NETSIM_CORE_MCAST_H

#include "base/addr.h"

/* True for 224.0.0.0/4 (RFC 5771) and ff00::/8 (RFC 4291 section 2.7). */
static inline bool it_ip_multicast(it_ip ip)
{
    return it_ip_is4(ip) ? it_ip_v4(ip) >> 28 == 0xe : ip.hi >> 56 == 0xff;
}

#endif
