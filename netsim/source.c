/* Source address selection, RFC 6724 section 5, over the usable interfaces of a host. */
#include "netsim/host_impl.h"

/* RFC 6724 section 3.1 and 3.2: scopes, IPv4 mapped onto them. */
static int scope(it_ip ip)
{
    if (it_ip_link_local(ip) || (it_ip_is4(ip) && it_ip_v4(ip) >> 24 == 127))
        return 0x2;
    return 0xe;
}

/* RFC 6724 section 2.1: the default policy table. */
static const struct {
    uint64_t hi, lo;
    uint8_t bits, label;
} POLICY[] = {
    {0, 1, 128, 0},                             /* ::1 */
    {0, 0xffff00000000ULL, 96, 4},              /* ::ffff:0:0/96 */
    {0, 0, 96, 3},                              /* ::/96 */
    {0x2001000000000000ULL, 0, 32, 5},          /* Teredo */
    {0x2002000000000000ULL, 0, 16, 2},          /* 6to4 */
    {0x3ffe000000000000ULL, 0, 16, 12},         /* 6bone */
    {0xfec0000000000000ULL, 0, 10, 11},         /* site-local */
    {0xfc00000000000000ULL, 0, 7, 13},          /* unique local */
    {0, 0, 0, 1},                               /* everything else */
};

static int common_bits(it_ip a, it_ip b)
{
    if (a.hi != b.hi)
        return __builtin_clzll(a.hi ^ b.hi);
    return a.lo != b.lo ? 64 + __builtin_clzll(a.lo ^ b.lo) : 128;
}

static int label(it_ip ip)
{
    for (size_t i = 0; i < sizeof POLICY / sizeof *POLICY; i++) {
        it_ip net = {POLICY[i].hi, POLICY[i].lo};
        if (common_bits(net, ip) >= POLICY[i].bits)
            return POLICY[i].label;
    }
    return 1;
}

/* True when |a| is a better source for |dst| than |b|. */
static bool better(it_ip a, it_ip b, it_ip dst)
{
    int sa = scope(a), sb = scope(b), sd = scope(dst);
    if (it_ip_eq(a, dst) || it_ip_eq(b, dst)) /* rule 1: same address */
        return it_ip_eq(a, dst) && !it_ip_eq(b, dst);
    if (sa != sb) /* rule 2: appropriate scope */
        return sa < sb ? sa >= sd : sb < sd;
    bool la = label(a) == label(dst), lb = label(b) == label(dst);
    if (la != lb) /* rule 6: matching label */
        return la;
    if (it_ip_is4(dst)) /* rule 8 is of little sense across NATs for IPv4: the order of interfaces decides */
        return false;
    return common_bits(a, dst) > common_bits(b, dst); /* rule 8 */
}

static bool reaches(const host_iface *f, const host_addr *a, it_ip dst)
{
    it_prefix on_link = {a->ip, a->bits};
    return it_prefix_has(on_link, dst) || !it_ip_none(it_ip_is4(dst) ? f->gw4 : f->gw6);
}

int it_host_source(const it_host *h, it_ip dst, it_ip *src)
{
    int best = IT_ERR_NOROUTE;
    for (size_t i = 0; i < h->n_ifaces; i++) {
        const host_iface *f = &h->ifaces[i];
        if (!it_host_iface_usable(h, (int)i))
            continue;
        for (int k = 0; k < f->n; k++) {
            it_ip ip = f->addr[k].ip;
            if (it_ip_is4(ip) != it_ip_is4(dst) || !reaches(f, &f->addr[k], dst))
                continue;
            if (best < 0 || better(ip, *src, dst)) {
                best = (int)i;
                *src = ip;
            }
        }
    }
    return best;
}
