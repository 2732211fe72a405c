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

/* True for what may be the address of one host: not none, a multicast or (IPv4) broadcast, 0.0.0.0/8, 127.0.0.0/8 or
 * 240.0.0.0/4. RFC 1122 section 3.2.1.3, RFC 1812 section 5.3.7, RFC 4291 section 2.7. */
static inline bool it_ip_unicast(it_ip ip)
{
    if (!it_ip_is4(ip))
        return !it_ip_none(ip) && ip.hi >> 56 != 0xff;
    uint32_t v4 = it_ip_v4(ip);
    return v4 >> 28 < 0xe && v4 >> 24 != 0 && v4 >> 24 != 127;
}

#endif
