/* IPv4 addresses inside IPv6 ones (RFC 6052 section 2.2): what a NAT64 translates and a DNS64 makes. */
#ifndef IT_BASE_PREF64_H
#define IT_BASE_PREF64_H

#include "base/addr.h"

/* True for a prefix that may hold IPv4 addresses: of IPv6, of 32, 40, 48, 56, 64 or 96 bits. */
bool it_pref64_ok(it_prefix pref);

/* The IPv6 address that stands for |v4| under |pref|. */
it_ip it_pref64_embed(it_prefix pref, uint32_t v4);
/* The IPv4 address that |v6| stands for under |pref|, in |*v4|; false when |v6| is not in |pref|. */
bool it_pref64_extract(it_prefix pref, it_ip v6, uint32_t *v4);

#endif
