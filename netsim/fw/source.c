/* The firewall's filters without state: which IPv6 packets may cross it at all, by their addresses and extension
 * headers. RFC 6092 section 3.1.
 *
 * The multicast rules (REC-1, 2) hold for every policy; the others for those that ask for them (ingress). Not here: the
 * documentation prefix, which REC-3 forbids but of which this world's internet is made; DNS and DHCPv6 servers in the
 * box (REC-8, 9), as it has none. */
#include "netsim/fw/impl.h"

enum { SCOPE_ORGANIZATION = 8 };
enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_AUTH = 51, EXT_DEST = 60, ROUTING_TYPE_0 = 0 };

static bool source_under(it_ip ip, uint64_t hi, uint64_t lo, uint8_t bits)
{
    return it_prefix_has((it_prefix){{hi, lo}, bits}, ip);
}

/* Addresses that must not stand in the header of a packet on the internet. RFC 6092 REC-3. */
static bool source_forbidden(it_ip ip)
{
    static const struct {
        uint64_t hi, lo;
        uint8_t bits;
    } BLOCKS[] = {
        {0, 0, 96},                     /* IPv4-compatible, the unspecified and the loopback address */
        {0, 0xffff00000000ULL, 96},     /* IPv4-mapped */
        {0x2001001000000000ULL, 0, 28}, /* ORCHID, 2001:10::/28 */
        {0xfe80000000000000ULL, 0, 10}, /* link-local: RFC 4291 section 2.5.6 */
        {0xfec0000000000000ULL, 0, 10}, /* site-local: RFC 3879 */
    };
    for (size_t i = 0; i < sizeof BLOCKS / sizeof *BLOCKS; i++)
        if (source_under(ip, BLOCKS[i].hi, BLOCKS[i].lo, BLOCKS[i].bits))
            return true;
    return false;
}

static bool source_unique_local(it_ip ip)
{
    return source_under(ip, 0xfc00000000000000ULL, 0, 7);
}

static bool source_is_option(uint8_t next)
{
    return next == EXT_HOP || next == EXT_ROUTING || next == EXT_DEST || next == EXT_AUTH;
}

/* Goes through the extension headers of IPv6 packet |p|: true when there is one of |kind|, of a routing header with
 * type |type|.
 */
static bool source_has_header(const it_pkt *p, uint8_t kind, uint8_t type)
{
    const uint8_t *b = p->buf + p->head;
    uint8_t next = b[6];
    size_t at = 40;
    while (at + 8 <= p->l4 && source_is_option(next)) {
        if (next == kind && (kind != EXT_ROUTING || b[at + 2] == type))
            return true;
        size_t size = ((size_t)b[at + 1] + 1) * 8;
        if (next == EXT_AUTH)
            size = ((size_t)b[at + 1] + 2) * 4;
        next = b[at];
        at += size;
    }
    return false;
}

bool it_fwc_authenticated(const it_pkt *p)
{
    return p->ver == 4 ? p->proto == EXT_AUTH : p->l4 > 40 && source_has_header(p, EXT_AUTH, 0);
}

static bool source_is_inside(const it_fw *fw, it_ip ip)
{
    if (it_map_get2(&fw->inside, ip.hi, ip.lo) != IT_MAP_NONE)
        return true;
    for (size_t i = 0; i < fw->n_prefixes; i++)
        if (it_prefix_has(fw->prefixes[i], ip))
            return true;
    return false;
}

/* Whether |p|, which came through |port|, has a unique local address that is to stay within a site whose boundary is
 * here. A box whose inside has such addresses stands within one: the boundary is another box's. RFC 6092 REC-7. */
static bool source_leaves_site(const it_fw *fw, int port, const it_pkt *p, bool known)
{
    if (!source_unique_local(p->src) && !source_unique_local(p->dst))
        return false;
    if (!known)
        return true;
    if (port == IT_FW_IN)
        return !source_unique_local(p->src);
    return !source_is_inside(fw, p->dst) || !source_unique_local(p->dst);
}

/* The rule about the source's side that |p| breaks, which came through |port|; NULL for none. */
static const char *source_side_fault(const it_fw *fw, int port, const it_pkt *p)
{
    if (!fw->n_prefixes && !fw->inside.n)
        return NULL; /* none is known */
    bool ours = source_is_inside(fw, p->src);
    if (port == IT_FW_IN && !ours)
        return "outbound, from no address of the inside: RFC 6092 REC-5";
    if (port == IT_FW_OUT && ours)
        return "inbound, from an address of the inside: RFC 6092 REC-6";
    return NULL;
}

/* The rule that |p| breaks, which came through |port|; NULL for none. */
static const char *source_fault(const it_fw *fw, int port, const it_pkt *p)
{
    if (source_forbidden(p->src) || source_forbidden(p->dst))
        return "an address that is none of the internet's: RFC 6092 REC-3";
    /* RFC 5095 */
    if (p->l4 > 40 && source_has_header(p, EXT_ROUTING, ROUTING_TYPE_0))
        return "a routing header of type 0: RFC 6092 REC-4";
    const char *why = source_side_fault(fw, port, p);
    if (why)
        return why;
    if (source_leaves_site(fw, port, p, fw->n_prefixes || fw->inside.n))
        return "a unique local address: RFC 6092 REC-7";
    return NULL;
}

bool it_fwc_martian(const it_fwc_in *in)
{
    const char *why = NULL;
    const it_fw *fw = in->fw;
    const it_pkt *p = in->p;
    if (p->ver != 6)
        return false;
    bool narrow = it_ip_multicast(p->dst) && (p->dst.hi >> 48 & 15) <= SCOPE_ORGANIZATION;
    if (it_ip_multicast(p->src))
        why = "a multicast source: RFC 6092 REC-1";
    else if (narrow && it_fw_udp_stateful(&fw->p))
        why = "a multicast destination of the organization's scope or less: RFC 6092 REC-2";
    else if (fw->p.ingress)
        why = source_fault(fw, in->port, p);
    if (why)
        it_fwc_drop(in, IT_DROP_MARTIAN, why);
    return why != NULL;
}

/* Adds |inside| to, or with !|there| takes it from, the list of prefixes. */
static int source_set_prefix(it_fw *fw, it_prefix inside, bool there)
{
    size_t i = 0;
    while (i < fw->n_prefixes && (fw->prefixes[i].bits != inside.bits || !it_ip_eq(fw->prefixes[i].ip, inside.ip)))
        i++;
    bool found = i < fw->n_prefixes;
    if (found && !there)
        fw->prefixes[i] = fw->prefixes[--fw->n_prefixes];
    if (found || !there)
        return 0;
    if (it_grow(fw->timers.alloc, &fw->prefixes, &fw->cap_prefixes, i + 1, sizeof *fw->prefixes) < 0)
        return IT_ERR_NOMEM;
    fw->prefixes[fw->n_prefixes++] = inside;
    return 0;
}

int it_fw_inside(it_fw *fw, it_prefix inside, bool there)
{
    uint64_t key[2] = {inside.ip.hi, inside.ip.lo};
    if (inside.bits > 128 || it_ip_is4(inside.ip))
        return IT_ERR_RANGE;
    if (inside.bits < 128)
        return source_set_prefix(fw, inside, there);
    if (there)
        return it_map_put(&fw->inside, key, 1);
    (void)it_map_del(&fw->inside, key);
    return 0;
}
