/* RFC 6052 section 2.2: where the four bytes stand. */
#include "base/pref64.h"

#include <string.h>

bool it_pref64_ok(it_prefix pref)
{
    return !it_ip_is4(pref.ip) && ((pref.bits >= 32 && pref.bits <= 64 && pref.bits % 8 == 0) || pref.bits == 96);
}

it_ip it_pref64_embed(it_prefix pref, uint32_t v4)
{
    uint8_t b[16];
    size_t at = pref.bits / 8u;
    it_ip_to_bytes(pref.ip, b);
    memset(b + at, 0, 16 - at);
    for (int i = 0; i < 4; i++, at++) {
        if (at == 8) /* section 2.2: bits 64 to 71 are zero */
            at++;
        b[at] = (uint8_t)(v4 >> (24 - 8 * i));
    }
    return it_ip_from_bytes(b, 16);
}

bool it_pref64_extract(it_prefix pref, it_ip v6, uint32_t *v4)
{
    uint8_t b[16];
    size_t at = pref.bits / 8u;
    if (!it_prefix_has(pref, v6))
        return false;
    it_ip_to_bytes(v6, b);
    *v4 = 0;
    for (int i = 0; i < 4; i++, at++) {
        if (at == 8)
            at++;
        *v4 = *v4 << 8 | b[at];
    }
    return true;
}
