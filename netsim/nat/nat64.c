/* NAT64 (RFC 6146) and NPTv6 (RFC 6296): boxes whose inside is IPv6.
 *
 * A NAT64 is the NAT44 of the other files with a translator (netsim/box/xlat.h) at its inner port: an IPv6 host inside
 * has a stand-in, an IPv4 address out of 198.18.0.0/15 that nobody else has (RFC 2544 keeps it for benchmarks), so that
 * mappings, sessions, filters, limits, fragments, hairpins and ICMP are what they are in a NAT44. The box itself stands
 * inside as 192.0.0.8 (RFC 7600 section 4.8). What is for IPv6 addresses outside Pref64 is routed as it is, in both
 * directions. NPTv6 keeps no state at all. */
#include "netsim/nat/impl.h"

#include "base/cksum.h"
#include "base/pref64.h"
#include "netsim/core/link.h"
#include "netsim/box/xlat.h"

#define STAND_IN 0xc6120000u /* 198.18.0.0/15 */
#define STAND_IN_MASK 0xfffe0000u
#define STAND_INS 0x1fffe
#define BOX4 0xc0000008u  /* 192.0.0.8 */
#define CALLERS_MAX 65536 /* inside hosts that the box's own host answers */

enum { ICMP6_PARAMETER = 4, ICMP6_ECHO = 128 };

/* --- stand-ins --- */

static bool six_is_stand_in(uint32_t ip)
{
    return (ip & STAND_IN_MASK) == STAND_IN;
}

/* They are given in turn, so that one that was free again is not somebody else's at once. */
uint32_t it_natc64_stand_in(it_nat *nat, it_ip ip)
{
    uint64_t key[2] = {ip.hi, ip.lo};
    uint32_t i = it_map_get(&nat->six_by, key);
    if (i != IT_MAP_NONE)
        return STAND_IN + 1 + i;
    if (nat->six_by.n >= STAND_INS)
        return 0;
    for (i = nat->six_next % STAND_INS; i < nat->n_six && !it_ip_none(nat->six[i].ip); i = (i + 1) % STAND_INS)
        ;
    if (it_grow(nat->timers.alloc, &nat->six, &nat->cap_six, (size_t)i + 1, sizeof *nat->six) < 0 ||
        it_map_put(&nat->six_by, key, i) < 0) {
        it_node_oom(&nat->node);
        return 0;
    }
    nat->n_six = i >= nat->n_six ? i + 1 : nat->n_six;
    nat->six[i] = (struct it_natc_six){ip, 0};
    nat->six_next = i + 1;
    return STAND_IN + 1 + i;
}

void it_natc64_release(it_nat *nat, uint32_t ip)
{
    uint64_t host = ip;
    uint32_t i = ip - STAND_IN - 1;
    if (!six_is_stand_in(ip) || i >= nat->n_six || it_ip_none(nat->six[i].ip) || nat->six[i].pins)
        return;
    if (it_map_get(&nat->by_ip, &host) != IT_MAP_NONE)
        return;
    uint64_t key[2] = {nat->six[i].ip.hi, nat->six[i].ip.lo};
    it_map_del(&nat->six_by, key);
    nat->six[i].ip = (it_ip){0, 0};
}

it_ip it_natc64_real(const it_nat *nat, uint32_t ip)
{
    uint32_t i = ip - STAND_IN - 1;
    return six_is_stand_in(ip) && i < nat->n_six ? nat->six[i].ip : (it_ip){0, 0};
}

/* --- addresses for the translator --- */

static bool six_to4(void *self, it_ip v6, uint32_t *v4)
{
    it_nat *nat = self;
    if (it_pref64_extract(nat->p.prefix, v6, v4))
        return !six_is_stand_in(*v4) && *v4 != BOX4;
    if (it_ip_eq(v6, nat->own6)) {
        *v4 = BOX4;
        return true;
    }
    *v4 = it_natc64_stand_in(nat, v6);
    return *v4 != 0;
}

static bool six_to6(void *self, uint32_t v4, it_ip *v6)
{
    const it_nat *nat = self;
    *v6 = v4 == BOX4 ? nat->own6 : six_is_stand_in(v4) ? it_natc64_real(nat, v4) : it_pref64_embed(nat->p.prefix, v4);
    return !it_ip_none(*v6);
}

static uint32_t six_mtu(const it_nat *nat, int port)
{
    return it_link_mtu(&nat->node, port);
}

static it_xlat six_translator(it_nat *nat)
{
    return (it_xlat){nat, six_to4, six_to6, six_mtu(nat, IT_NAT_WAN), six_mtu(nat, IT_NAT_LAN), ++nat->ip_id};
}

bool it_natc64_cut(const it_pkt *p, uint32_t *mtu)
{
    uint32_t grown = p->len + 20u + (p->frag ? 8u : 0u);
    /* RFC 7915 section 4: what may be fragmented fits 1280 bytes of IPv6; the fragment header counts. */
    if (it_pkt_may_fragment(p) && grown > 1280) {
        *mtu = 1280 - 28;
        return true;
    }
    *mtu = *mtu > 28 ? *mtu - (p->frag ? 28 : 20) : 0;
    return false;
}

void it_natc64_emit(it_nat *nat, it_time now, it_pkt *p)
{
    it_xlat x = six_translator(nat);
    if (it_xlat_46(&x, p) < 0) {
        /* Its bytes may be half done: as a drop it has no content. */
        p->len = 0;
        p->ck = 0;
        it_natc_drop(nat, now, IT_NAT_WAN, p, (it_natc_no){IT_DROP_NAT_PROTO, "not translated to IPv6: RFC 7915"});
        return;
    }
    p->hop = p->dst;
    it_node_send(&nat->node, now, IT_NAT_LAN, p);
}

/* --- IPv6 as it is --- */

/* The box's IPv6 address as the side of |port| knows it. */
static it_ip six_self(const it_nat *nat, int port)
{
    it_ip self = nat->own6;
    if (nat->p.family == 66 && port == IT_NAT_WAN && !it_natc66_map(nat->inside6, nat->p.prefix, &self))
        return (it_ip){0, 0};
    return self;
}

/* Drops |p|, which came in through |port| and is as it came, and tells its sender by ICMPv6. */
static void six_refuse(it_nat *nat, it_time now, int port, it_pkt *p, it_refusal why)
{
    why.from = six_self(nat, port);
    it_natc_count_drop(nat, now, why.reason);
    it_pkt *e = it_refuse(&nat->node, now, port, p, &why);
    if (!e)
        return;
    e->hop = port == IT_NAT_LAN ? e->dst : nat->hop_out6;
    it_node_send(&nat->node, now, port, e);
}

/* Takes one off the hop limit of |p|, which came through |port| and is to leave by |to| as long as it is: false when it
 * was refused. To be asked before anything is rewritten, so that the error quotes what came. RFC 8200 section 3. */
static bool six_forward(it_nat *nat, it_time now, int port, int to, it_pkt *p)
{
    uint32_t mtu = six_mtu(nat, to);
    it_refusal why;
    if (p->len <= mtu && it_pkt_hop(p))
        return true;
    if (p->len > mtu) {
        why = it_refusal_of(6, IT_REFUSE_TOO_BIG, (it_ip){0, 0}, IT_DROP_MTU);
        why.rest = mtu;
    } else {
        why = it_refusal_of(6, IT_REFUSE_TIME_EXCEEDED, (it_ip){0, 0}, IT_DROP_TTL);
    }
    six_refuse(nat, now, port, p, why);
    return false;
}

/* Sends |p|, IPv6, from |port| out of the other one. */
static void six_send(it_nat *nat, it_time now, int port, it_pkt *p)
{
    *(port == IT_NAT_LAN ? &nat->stats.out : &nat->stats.in) += 1;
    p->hop = port == IT_NAT_LAN ? nat->hop_out6 : p->dst;
    it_node_send(&nat->node, now, !port, p);
}

/* Whether IPv6 goes beyond a link with |ip|. RFC 4291 sections 2.5.6, 2.7. */
static bool six_routable(it_ip ip)
{
    return it_ip_unicast(ip) && !it_ip_link_local(ip);
}

/* Routes |p|, IPv6, which came through |port|, as it is. */
static void six_route(it_nat *nat, it_time now, int port, it_pkt *p)
{
    if (!six_routable(p->src) || !six_routable(p->dst))
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_MARTIAN, NULL});
    else if (six_forward(nat, now, port, !port, p))
        six_send(nat, now, port, p);
}

void it_natc_to_self(it_nat *nat, it_time now, int port, it_pkt *p)
{
    uint64_t key[2] = {p->src.hi, p->src.lo};
    if (port == IT_NAT_LAN && nat->callers.n < CALLERS_MAX && it_map_put(&nat->callers, key, 1) < 0)
        it_node_oom(&nat->node);
    p->hop = p->dst;
    it_node_send(&nat->node, now, nat->self, p);
}

void it_natc_from_self(it_nat *nat, it_time now, it_pkt *p)
{
    uint64_t key[2] = {p->dst.hi, p->dst.lo};
    bool v4 = p->ver == 4, in = it_ip_multicast(p->dst) || it_map_get(&nat->callers, key) != IT_MAP_NONE ||
                                (v4 && (it_ip_v4(p->dst) & nat->mask) == nat->net);
    if (v4 && (!in || nat->p.family)) {
        /* Its address is of no use outside, and nothing of the box's own needs more. */
        it_natc_drop(nat, now, nat->self, p, (it_natc_no){IT_DROP_NO_ROUTE, NULL});
        return;
    }
    p->hop = in ? p->dst : nat->hop_out6;
    it_node_send(&nat->node, now, in ? IT_NAT_LAN : IT_NAT_WAN, p);
}

/* Answers echo request |p| to the box's own address; what else is for it goes to its own host, or is dropped. */
static void six_own(it_nat *nat, it_time now, int port, it_pkt *p)
{
    const uint8_t *t = it_pkt_l4(p);
    if (nat->self && p->proto != IT_PROTO_ICMP6) {
        it_natc_to_self(nat, now, port, p);
        return;
    }
    if (p->proto != IT_PROTO_ICMP6 || p->frag || *t != ICMP6_ECHO || !it_pkt_cksum_ok(p)) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NO_SOCKET, "to the box itself"});
        return;
    }
    it_pkt_icmp_msg m = {.src = p->dst, .dst = p->src, .type = 129, .rest = it_get32(t + 4)};
    m.body = it_bytes_of(t + 8, (size_t)(p->len - p->l4 - 8));
    it_pkt *e = it_node_packet(&nat->node);
    if (e && it_pkt_icmp(e, &m) == 0) {
        e->cause = p->id;
        e->hop = port == IT_NAT_LAN ? e->dst : nat->hop_out6;
        it_node_send(&nat->node, now, port, e);
    } else if (e) {
        it_pkt_free(it_world_pool(nat->node.world), e);
    }
    it_pkt_free(it_world_pool(nat->node.world), p);
}

/* --- NAT64 --- */

/* RFC 6052 section 3.1: the well-known prefix stands for public addresses only. */
static bool six_is_private(uint32_t ip)
{
    return ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 || it_ip4_loopback(ip) || ip >> 16 == 0xa9fe;
}

static bool six_is_well_known(it_prefix p)
{
    return p.bits == 96 && p.ip.hi == 0x0064ff9b00000000ULL && p.ip.lo == 0;
}

/* Refuses |p|, from inside to |v4| by Pref64, as an IPv6 router would, before it is translated: true when it is gone.
 * RFC 7915 sections 5, 5.1. */
static bool six_refused(it_nat *nat, it_time now, it_pkt *p, uint32_t v4)
{
    it_refusal why = {.type = ICMP6_PARAMETER, .reason = IT_DROP_NAT_PROTO};
    uint32_t mtu = six_mtu(nat, IT_NAT_WAN);
    why.rest = it_xlat_segments_left(p);
    if (why.rest) {
        why.more = "a routing header with segments left: RFC 7915 section 5.1";
        six_refuse(nat, now, IT_NAT_LAN, p, why);
        return true;
    }
    if (it_natc_is_ext(nat, v4))
        return false; /* to the box itself, or back inside: judged when that is known */
    if (it_xlat_64_size(p) > mtu && !it_xlat_64_may_fragment(p)) {
        why = it_refusal_of(6, IT_REFUSE_TOO_BIG, (it_ip){0, 0}, IT_DROP_MTU);
        why.rest = mtu + 20;
    } else if (it_pkt_ip(p)[7] <= 1) {
        why = it_refusal_of(6, IT_REFUSE_TIME_EXCEEDED, (it_ip){0, 0}, IT_DROP_TTL);
    } else {
        return false;
    }
    six_refuse(nat, now, IT_NAT_LAN, p, why);
    return true;
}

/* |p| from inside to an address in Pref64. */
static void six_from_inside(it_nat *nat, it_time now, it_pkt *p)
{
    uint32_t v4 = 0;
    it_xlat x = six_translator(nat);
    bool in_pref = it_pref64_extract(nat->p.prefix, p->dst, &v4);
    if (in_pref && six_is_well_known(nat->p.prefix) && six_is_private(v4)) {
        it_natc_drop(nat, now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_MARTIAN, "RFC 6052 section 3.1"});
        return;
    }
    if (six_refused(nat, now, p, v4))
        return;
    uint32_t now_in = it_natc64_stand_in(nat, p->src), number = now_in - STAND_IN - 1;
    if (now_in)
        nat->six[number].pins++; /* whatever ends meanwhile, the packet's own source stays what it is */
    int err = now_in ? it_xlat_64(&x, p) : IT_ERR_NOROUTE;
    bool frag = err == 0 && p->frag;
    if (err < 0) {
        p->len = 0;
        p->ck = 0;
        it_natc_drop(nat, now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_NAT_PROTO, "not translated to IPv4: RFC 7915"});
    } else if (frag) {
        it_natc_fragment(nat, now, IT_NAT_LAN, p);
    } else {
        it_natc_way w = it_natc_way_of(now, IT_NAT_LAN);
        it_natc_dispatch(nat, &w, p);
    }
    if (now_in)
        nat->six[number].pins--;
    if (!frag || !it_natc_frag_uses(nat, now_in))
        it_natc64_release(nat, now_in);
}

static void six_deliver64(it_nat *nat, it_time now, int port, it_pkt *p)
{
    uint32_t v4;
    bool to_pref = it_pref64_extract(nat->p.prefix, p->dst, &v4);
    if (it_pref64_extract(nat->p.prefix, p->src, &v4)) {
        /* RFC 6146 section 3.5: or a packet could go round for ever. */
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_MARTIAN, "source inside Pref64"});
    } else if (port == IT_NAT_LAN && to_pref) {
        six_from_inside(nat, now, p);
    } else if (it_ip_eq(p->dst, nat->own6)) {
        six_own(nat, now, port, p);
    } else if (to_pref) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NOT_MINE, "Pref64 from outside"});
    } else {
        six_route(nat, now, port, p);
    }
}

/* --- NPTv6 --- */

/* The one's complement sum of the words of |ip|. */
static uint16_t npt_sum(it_ip ip)
{
    uint64_t s = (ip.hi >> 32) + (uint32_t)ip.hi + (ip.lo >> 32) + (uint32_t)ip.lo;
    return (uint16_t)~it_sum_fold(s);
}

static uint16_t npt_word(it_ip ip, int i)
{
    return (uint16_t)((i < 4 ? ip.hi : ip.lo) >> (48 - 16 * (i & 3)));
}

static void npt_set_word(it_ip *ip, int i, uint16_t v)
{
    uint64_t *half = i < 4 ? &ip->hi : &ip->lo;
    int shift = 48 - 16 * (i & 3);
    *half = (*half & ~(0xffffULL << shift)) | (uint64_t)v << shift;
}

static it_ip six_prefix_mask(uint8_t bits)
{
    it_ip m = {bits >= 64 ? UINT64_MAX
               : bits     ? UINT64_MAX << (64 - bits)
                          : 0,
               bits > 64 ? UINT64_MAX << (128 - bits) : 0};
    return m;
}

bool it_natc66_map(it_prefix from, it_prefix to, it_ip *ip)
{
    it_ip m = six_prefix_mask(from.bits), out = *ip;
    out.hi = (to.ip.hi & m.hi) | (ip->hi & ~m.hi);
    out.lo = (to.ip.lo & m.lo) | (ip->lo & ~m.lo);
    /* RFC 6296 section 3.1: the change of the prefix is undone in one 16-bit word, so that the address's sum stays.
     * Section 3.4: with a prefix of 48 bits or less the word is the subnet, bits 48 to 63; 3.5: with a longer one the
     * first of the interface identifier that is not all ones. */
    int w = 3;
    if (from.bits > 48)
        for (w = 4; w < 8 && npt_word(out, w) == 0xffff; w++)
            ;
    if (w == 8 || (w == 3 && npt_word(*ip, 3) == 0xffff))
        return false; /* section 3.4: subnet 0xffff is not translated */
    uint32_t v = npt_word(out, w) + (uint32_t)npt_sum(*ip) + (uint16_t)~npt_sum(out);
    v = (v & 0xffff) + (v >> 16);
    v = (v & 0xffff) + (v >> 16);
    npt_set_word(&out, w, v == 0xffff ? 0 : (uint16_t)v); /* section 3.1: zero, never all ones */
    *ip = out;
    return true;
}

/* Translates the packet inside ICMPv6 error |p| the other way round. Neutral to the checksum like everything here. */
static void npt_inner(const it_nat *nat, it_pkt *p, bool out)
{
    uint8_t *b = it_pkt_l4(p) + 8;
    if (!it_pkt_is_icmp_error(p) || p->len < p->l4 + 8 + 40)
        return;
    /* What a host inside complains of came from outside: its destination is one of ours, and the other way round. */
    uint8_t *at = b + (out ? 24 : 8);
    it_ip ip = it_ip_from_bytes(at, 16);
    it_prefix from = out ? nat->inside6 : nat->p.prefix, to = out ? nat->p.prefix : nat->inside6;
    if (it_prefix_has(from, ip) && it_natc66_map(from, to, &ip))
        it_ip_to_bytes(ip, at);
}

/* |p| from inside to an address of the outside prefix: both ends are translated, and it goes back inside. RFC 6296
 * section 2.5. */
static void npt_hairpin(it_nat *nat, it_time now, it_pkt *p)
{
    it_ip src = p->src, dst = p->dst;
    bool maps = it_natc66_map(nat->p.prefix, nat->inside6, &dst) && it_natc66_map(nat->inside6, nat->p.prefix, &src);
    if (nat->p.hairpin == IT_NAT_HAIRPIN_NONE || !maps) {
        it_natc_drop(nat, now, IT_NAT_LAN, p, (it_natc_no){IT_DROP_NAT_NO_HAIRPIN, NULL});
        return;
    }
    if (!six_forward(nat, now, IT_NAT_LAN, IT_NAT_LAN, p))
        return;
    if (nat->p.hairpin == IT_NAT_HAIRPIN_EXT)
        it_pkt_set_src(p, src, p->sport);
    it_pkt_set_dst(p, dst, p->dport);
    nat->stats.hairpin++;
    p->hop = p->dst;
    it_node_send(&nat->node, now, IT_NAT_LAN, p);
}

static void npt_deliver(it_nat *nat, it_time now, int port, it_pkt *p)
{
    bool out = port == IT_NAT_LAN;
    it_prefix from = out ? nat->inside6 : nat->p.prefix, to = out ? nat->p.prefix : nat->inside6;
    it_ip ip = out ? p->src : p->dst, other = out ? p->dst : p->src;
    if (it_ip_eq(p->dst, six_self(nat, port))) {
        six_own(nat, now, port, p);
        return;
    }
    if (!it_prefix_has(from, ip)) {
        it_natc_drop(nat, now, port, p, (it_natc_no){out ? IT_DROP_MARTIAN : IT_DROP_NOT_MINE, NULL});
        return;
    }
    if (out && it_prefix_has(nat->p.prefix, p->dst)) {
        npt_hairpin(nat, now, p);
        return;
    }
    if (!it_natc66_map(from, to, &ip)) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_MARTIAN, "RFC 6296 section 3.4: subnet 0xffff"});
        return;
    }
    if (!six_routable(other)) {
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_MARTIAN, NULL});
        return;
    }
    if (!six_forward(nat, now, port, !port, p))
        return;
    npt_inner(nat, p, out);
    if (out)
        it_pkt_set_src(p, ip, p->sport);
    else
        it_pkt_set_dst(p, ip, p->dport);
    six_send(nat, now, port, p);
}

void it_natc_deliver6(it_nat *nat, it_time now, int port, it_pkt *p)
{
    if (nat->p.family == 64)
        six_deliver64(nat, now, port, p);
    else if (nat->p.family == 66)
        npt_deliver(nat, now, port, p);
    else if (it_ip_none(nat->own6))
        it_natc_drop(nat, now, port, p, (it_natc_no){IT_DROP_NAT_PROTO, "IPv6"});
    else if (it_ip_eq(p->dst, nat->own6))
        six_own(nat, now, port, p);
    else
        six_route(nat, now, port, p);
}

/* --- configuration --- */

int it_natc64_inside(it_nat *nat, it_ip own, uint8_t bits)
{
    if (it_ip_is4(own) || it_ip_none(own) || bits > 128)
        return IT_ERR_RANGE;
    it_ip m = six_prefix_mask(bits);
    nat->own6 = own;
    nat->inside6 = (it_prefix){{own.hi & m.hi, own.lo & m.lo}, bits};
    if (nat->p.family == 64) {
        nat->own = nat->net = BOX4;
        nat->mask = UINT32_MAX;
        return 0;
    }
    /* RFC 6296 section 3: both prefixes have one length. */
    return bits == nat->p.prefix.bits ? 0 : IT_ERR_RANGE;
}

void it_nat_route6(it_nat *nat, it_ip own, it_ip gateway)
{
    IT_ASSERT(!nat->p.family && it_ip_is6(own));
    nat->own6 = own;
    nat->hop_out6 = gateway;
}

void it_nat_gateway6(it_nat *nat, it_ip gateway)
{
    nat->hop_out6 = gateway;
}
