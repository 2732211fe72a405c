/* The table of kinds, and the IPv4 addresses inside of IPv6 ones. */
#include "stack/turn/server/policy.h"

#define V4(a, b, c, d) (((uint64_t)0xffff << 32) | (a) << 24 | (b) << 16 | (c) << 8 | (d))

typedef struct range {
    it_prefix of;
    enum it_turn_peer kind;
} range;

/* The first that fits decides. */
static const range RANGES[] = {
    {{{0, V4(169u, 254u, 169u, 254u)}, 128}, IT_TURN_PEER_METADATA},
    {{{0xfd000ec200000000, 0x254}, 128}, IT_TURN_PEER_METADATA},
    {{{0, V4(0u, 0u, 0u, 0u)}, 104}, IT_TURN_PEER_UNSPECIFIED},
    {{{0, 0}, 128}, IT_TURN_PEER_UNSPECIFIED},
    {{{0, V4(127u, 0u, 0u, 0u)}, 104}, IT_TURN_PEER_LOOPBACK},
    {{{0, 1}, 128}, IT_TURN_PEER_LOOPBACK},
    {{{0, V4(10u, 0u, 0u, 0u)}, 104}, IT_TURN_PEER_PRIVATE},
    {{{0, V4(172u, 16u, 0u, 0u)}, 108}, IT_TURN_PEER_PRIVATE},
    {{{0, V4(192u, 168u, 0u, 0u)}, 112}, IT_TURN_PEER_PRIVATE},
    {{{0xfc00000000000000, 0}, 7}, IT_TURN_PEER_PRIVATE},
    {{{0xfec0000000000000, 0}, 10}, IT_TURN_PEER_PRIVATE},
    {{{0, V4(100u, 64u, 0u, 0u)}, 106}, IT_TURN_PEER_SHARED},
    {{{0, V4(169u, 254u, 0u, 0u)}, 112}, IT_TURN_PEER_LINK_LOCAL},
    {{{0xfe80000000000000, 0}, 10}, IT_TURN_PEER_LINK_LOCAL},
    {{{0, V4(224u, 0u, 0u, 0u)}, 100}, IT_TURN_PEER_MULTICAST},
    {{{0xff00000000000000, 0}, 8}, IT_TURN_PEER_MULTICAST},
    {{{0, V4(240u, 0u, 0u, 0u)}, 100}, IT_TURN_PEER_RESERVED},
    {{{0, V4(192u, 0u, 0u, 0u)}, 120}, IT_TURN_PEER_RESERVED},  /* RFC 6890 section 2.2.2 */
    {{{0, V4(198u, 18u, 0u, 0u)}, 111}, IT_TURN_PEER_RESERVED}, /* RFC 2544 */
    {{{0x0100000000000000, 0}, 64}, IT_TURN_PEER_RESERVED},     /* RFC 6666 */
    {{{0x0064ff9b00010000, 0}, 48}, IT_TURN_PEER_RESERVED},     /* RFC 8215: somebody's own NAT64 */
};

const char *it_turn_peer_name(enum it_turn_peer kind)
{
    static const char *const NAMES[IT_TURN_PEERS] = {"allowed",    "unspecified", "loopback",  "private",  "shared",
                                                     "link-local", "metadata",    "multicast", "reserved", "tunnel",
                                                     "denied",     "own",         "port"};
    return NAMES[kind];
}

/* Forms of IPv6 addresses whose last 32 bits are an IPv4 one. */
static const struct {
    it_ip form, mask;
} FORMS[] = {
    {{0x0064ff9b00000000, 0}, {UINT64_MAX, 0xffffffff00000000}}, /* NAT64, RFC 6052 section 2.1 */
    {{0, 0x00005efe00000000}, {0, 0xfdffffff00000000}},          /* ISATAP, RFC 5214 section 6.1 */
    {{0, 0xffff000000000000}, {UINT64_MAX, 0xffffffff00000000}}, /* translated, RFC 2765 section 2.1 */
    {{0, 0}, {UINT64_MAX, 0xffffffff00000000}},                  /* compatible, RFC 4291 section 2.5.5.1 */
};

bool it_turn_policy_tunnel(it_ip ip)
{
    return ip.hi >> 48 == 0x2002 || ip.hi >> 32 == 0x20010000;
}

it_ip it_turn_policy_inner(const it_turn_policy *p, it_ip ip)
{
    uint32_t inside;
    if (it_ip_is4(ip) || (ip.hi == 0 && ip.lo <= 1))
        return (it_ip){0, 0};
    for (size_t i = 0; i < p->n_nat64; i++)
        if (it_pref64_extract(p->nat64[i], ip, &inside))
            return it_ip4(inside);
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        if (((ip.hi ^ FORMS[i].form.hi) & FORMS[i].mask.hi) != 0 ||
            ((ip.lo ^ FORMS[i].form.lo) & FORMS[i].mask.lo) != 0)
            continue;
        return it_ip4((uint32_t)ip.lo);
    }
    return (it_ip){0, 0};
}

/* The bits of the most specific prefix of |list| that has |ip|, -1 when none has. */
static int best_match(const it_prefix *list, size_t n, it_ip ip)
{
    int best = -1;
    for (size_t i = 0; i < n; i++)
        if (it_prefix_has(list[i], ip) && list[i].bits > best)
            best = list[i].bits;
    return best;
}

static enum it_turn_peer judge(const it_turn_policy *p, it_ip ip)
{
    int allow = best_match(p->allow, p->n_allow, ip), deny = best_match(p->deny, p->n_deny, ip);
    if (deny >= 0 && deny >= allow)
        return IT_TURN_PEER_DENIED;
    if (allow >= 0)
        return IT_TURN_PEER_ALLOWED;
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++) {
        if (!it_prefix_has(RANGES[i].of, ip))
            continue;
        return p->open >> RANGES[i].kind & 1 ? IT_TURN_PEER_ALLOWED : RANGES[i].kind;
    }
    return IT_TURN_PEER_ALLOWED;
}

enum it_turn_peer it_turn_policy_ip(const it_turn_policy *p, it_ip ip)
{
    if (it_ip_none(ip))
        return IT_TURN_PEER_UNSPECIFIED;
    if (it_turn_policy_tunnel(ip)) /* RFC 8656 section 21.4: a packet might go round through the tunnel's end */
        return IT_TURN_PEER_TUNNEL;
    it_ip inner = it_turn_policy_inner(p, ip);
    enum it_turn_peer kind = judge(p, ip);
    if (kind != IT_TURN_PEER_ALLOWED || it_ip_none(inner))
        return kind;
    return judge(p, inner);
}

bool it_turn_policy_named(const it_turn_policy *p, it_ip ip)
{
    return best_match(p->allow, p->n_allow, ip) == 128 && best_match(p->deny, p->n_deny, ip) < 128;
}
