/* Source address selection, RFC 6724 section 5, over the usable interfaces of a host. */
#include "netsim/host/impl.h"

/* RFC 6724 section 3.1 and 3.2: scopes, IPv4 mapped onto them; of a multicast address its own (RFC 4291 section 2.7).
 */
static int scope(it_ip ip)
{
    if (it_ip_is6(ip) && it_ip_multicast(ip))
        return (int)(ip.hi >> 48 & 0xf);
    if (it_ip_link_local(ip) || (it_ip_is4(ip) && it_ip4_loopback(it_ip_v4(ip))))
        return 0x2;
    return 0xe;
}

/* RFC 6724 section 2.1: the default policy table. */
static const struct {
    uint64_t hi, lo;
    uint8_t bits, label;
} POLICY[] = {
    {0, 1, 128, 0},                     /* ::1 */
    {0, 0xffff00000000ULL, 96, 4},      /* ::ffff:0:0/96 */
    {0, 0, 96, 3},                      /* ::/96 */
    {0x2001000000000000ULL, 0, 32, 5},  /* Teredo */
    {0x2002000000000000ULL, 0, 16, 2},  /* 6to4 */
    {0x3ffe000000000000ULL, 0, 16, 12}, /* 6bone */
    {0xfec0000000000000ULL, 0, 10, 11}, /* site-local */
    {0xfc00000000000000ULL, 0, 7, 13},  /* unique local */
    {0, 0, 0, 1},                       /* everything else */
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

/* RFC 6724 section 2.2: common bits up to the length of the source's prefix. */
static int common_prefix(const host_addr *s, it_ip dst)
{
    int n = common_bits(s->ip, dst);
    return n < s->bits ? n : s->bits;
}

/* A source address and the interface that has it. */
typedef struct candidate {
    const host_iface *iface;
    const host_addr *addr;
} candidate;

static bool on_link(const candidate *c, it_ip dst)
{
    if (it_prefix_has((it_prefix){c->addr->ip, c->addr->bits}, dst))
        return true;
    for (size_t i = 0; i < c->iface->n_near; i++)
        if (it_ip_eq(c->iface->near[i], dst))
            return true;
    return false;
}

/* True when |x| is a better source for |dst| than |y|. */
static bool better(const candidate *x, const candidate *y, it_ip dst)
{
    it_ip a = x->addr->ip, b = y->addr->ip;
    int sa = scope(a), sb = scope(b), sd = scope(dst);
    if (it_ip_eq(a, dst) || it_ip_eq(b, dst)) /* rule 1: same address */
        return it_ip_eq(a, dst) && !it_ip_eq(b, dst);
    if (sa != sb) /* rule 2: appropriate scope */
        return sa < sb ? sa >= sd : sb < sd;
    if (on_link(x, dst) !=
        on_link(y, dst)) /* rule 5: of the interface it leaves by, a direct way being the more specific one */
        return on_link(x, dst);
    bool la = label(a) == label(dst), lb = label(b) == label(dst);
    if (la != lb) /* rule 6: matching label */
        return la;
    if (it_ip_is4(dst)) /* rule 8 is of little sense across NATs for IPv4: the order of interfaces decides */
        return false;
    return common_prefix(x->addr, dst) > common_prefix(y->addr, dst); /* rule 8 */
}

static bool reaches(const candidate *c, it_ip dst)
{
    if (on_link(c, dst) || it_ip_multicast(dst))
        return true;
    return !it_ip_none(it_ip_is4(dst) ? c->iface->gw4 : c->iface->gw6);
}

int it_host_source(const it_host *h, it_ip dst, it_ip *src)
{
    int best = IT_ERR_NOROUTE;
    candidate chosen = {NULL, NULL};
    for (size_t i = 0; i < h->n_ifaces; i++) {
        const host_iface *f = &h->ifaces[i];
        if (!it_host_iface_usable(h, (int)i))
            continue;
        for (int k = 0; k < f->n; k++) {
            candidate c = {f, &f->addr[k]};
            if (it_ip_is4(c.addr->ip) != it_ip_is4(dst) || !reaches(&c, dst))
                continue;
            if (!chosen.addr || better(&c, &chosen, dst)) {
                best = (int)i;
                chosen = c;
                *src = c.addr->ip;
            }
        }
    }
    return best;
}
