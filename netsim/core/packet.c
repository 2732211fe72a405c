/* Packets: the pool, the parser that fills the cache, and rewriting in place.
 *
 * Everything here reads and writes inside [head, head + len): it_pkt_scan has compared every offset in the cache with
 * |len|, so the rest may trust them. */
#include "netsim/core/packet.h"

#include "base/cksum.h"

#include <string.h>

#define POOL_LINE 64
#define POOL_STRIDE ((sizeof(it_pkt) + POOL_LINE - 1) / POOL_LINE * POOL_LINE)
#define FREED 0xff /* |ver| of a packet in the pool */

enum {
    EXT_HOP = 0,
    EXT_ROUTING = 43,
    EXT_FRAGMENT = 44,
    EXT_AUTH = 51,
    EXT_DEST = 60,
    EXT_MAX = 8 /* extension headers in a row; more is taken for nonsense */
};

_Static_assert(sizeof(void *) != 8 || offsetof(it_pkt, buf) == 128, "the header of a packet begins a cache line");

void it_pkt_pool_init(it_pkt_pool *pool, it_alloc *alloc)
{
    *pool = (it_pkt_pool){.alloc = alloc};
}

void it_pkt_pool_fini(it_pkt_pool *pool)
{
    void *block = pool->blocks;
    while (block) {
        void *next;
        memcpy(&next, block, sizeof next);
        it_free(pool->alloc, block);
        block = next;
    }
    it_pkt_pool_init(pool, pool->alloc);
}

/* Doubles the pool, from 16 packets a block to 256. A block begins with the pointer to the one before it. */
static bool grow_pool(it_pkt_pool *pool)
{
    uint32_t n = pool->total < 16 ? 16 : pool->total < 256 ? pool->total : 256;
    uint8_t *block = it_malloc(pool->alloc, sizeof(void *) + POOL_LINE + n * POOL_STRIDE);
    if (!block)
        return false;
    memcpy(block, &pool->blocks, sizeof pool->blocks);
    pool->blocks = block;
    pool->total += n;
    uint8_t *at = block + sizeof(void *);
    at += (POOL_LINE - (uintptr_t)at % POOL_LINE) % POOL_LINE;
    for (uint32_t i = n; i-- > 0;) {
        it_pkt *p = (it_pkt *)(void *)(at + i * POOL_STRIDE);
        p->ver = FREED;
        p->next = pool->free;
        pool->free = p;
    }
    return true;
}

it_pkt *it_pkt_new(it_pkt_pool *pool)
{
    if (!pool->free && !grow_pool(pool))
        return NULL;
    it_pkt *p = pool->free;
    IT_ASSERT(p->ver == FREED);
    pool->free = p->next;
    pool->live++;
    /* Line by line: taken as one it becomes a slow loop. */
    memset(p, 0, POOL_LINE);
    memset((uint8_t *)p + POOL_LINE, 0, offsetof(it_pkt, buf) - POOL_LINE);
    p->head = IT_PKT_HEADROOM;
    return p;
}

void it_pkt_free(it_pkt_pool *pool, it_pkt *p)
{
    IT_ASSERT(p->ver != FREED && pool->live > 0);
    p->ver = FREED;
    p->next = pool->free;
    pool->free = p;
    pool->live--;
}

/* --- parsing --- */

/* True for the ICMP messages that carry an identifier: RFC 792 echo, timestamp, information; RFC 950 address mask; RFC
 * 4443 echo.
 */
static bool is_query(uint8_t proto, uint8_t type)
{
    if (proto == IT_PROTO_ICMP6)
        return type == 128 || type == 129;
    return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static int scan_udp(it_pkt *p, const uint8_t *t, size_t n)
{
    /* RFC 768: the length counts header and data; a first fragment has less than that. */
    size_t len = n >= 8 ? it_get16(t + 4) : 0;
    if (len < 8 || (p->frag == 0 && len > n))
        return IT_ERR_PARSE;
    p->ck = (uint16_t)(p->l4 + 6);
    return 0;
}

static int scan_tcp(it_pkt *p, const uint8_t *t, size_t n)
{
    /* RFC 9293 section 3.1: the data offset counts 32-bit words, five at least. */
    if (n < 20 || (size_t)(t[12] >> 4) * 4 < 20 || (p->frag == 0 && (size_t)(t[12] >> 4) * 4 > n))
        return IT_ERR_PARSE;
    p->ck = (uint16_t)(p->l4 + 16);
    return 0;
}

/* UDP-Lite (RFC 3828 section 3.1: the coverage is 0, all, or 8 at least) and SCTP (RFC 9260 section 3.1), whose
 * checksum a change of ports or addresses does not touch, or is made anew (rewrite). */
static int scan_lite(it_pkt *p, const uint8_t *t, size_t n)
{
    size_t covers = n >= 8 ? it_get16(t + 4) : 1;
    if (covers != 0 && (covers < 8 || (p->frag == 0 && covers > n)))
        return IT_ERR_PARSE;
    p->ck = (uint16_t)(p->l4 + 6);
    return 0;
}

static int scan_icmp(it_pkt *p, const uint8_t *t, size_t n)
{
    if (n < 8)
        return IT_ERR_PARSE;
    p->ck = (uint16_t)(p->l4 + 2);
    if (is_query(p->proto, t[0])) {
        p->ports = IT_PKT_PORTS_ID;
        p->sport = p->dport = it_get16(t + 4);
    }
    return 0;
}

/* Reads the transport header of a packet whose |proto|, |l4| and |frag| are known. */
static int scan_l4(it_pkt *p)
{
    const uint8_t *t = it_pkt_l4(p);
    size_t n = (size_t)(p->len - p->l4);
    int err;
    if (p->frag == 2)
        return 0;
    if (p->proto == IT_PROTO_UDP)
        err = scan_udp(p, t, n);
    else if (p->proto == IT_PROTO_TCP)
        err = scan_tcp(p, t, n);
    else if (p->proto == IT_PROTO_UDPLITE)
        err = scan_lite(p, t, n);
    else if (p->proto == IT_PROTO_SCTP)
        err = n < 12 ? IT_ERR_PARSE : 0;
    else if (p->proto == (p->ver == 4 ? IT_PROTO_ICMP : IT_PROTO_ICMP6))
        return scan_icmp(p, t, n);
    else
        return 0;
    if (err < 0)
        return err;
    p->ports = IT_PKT_PORTS_PAIR;
    p->sport = it_get16(t);
    p->dport = it_get16(t + 2);
    return 0;
}

static int scan4(it_pkt *p)
{
    const uint8_t *b = it_pkt_ip(p);
    size_t words = b[0] & 15;
    if (p->len < 20 || words < 5 || words * 4 > p->len)
        return IT_ERR_PARSE;
    size_t total = it_get16(b + 2);
    if (total < words * 4 || total > p->len)
        return IT_ERR_PARSE;
    /* RFC 1122 section 3.2.1.2: a host must verify the header checksum. */
    if (it_sum_fold(it_sum_five(b) + it_sum_add(0, b + 20, words * 4 - 20)) != 0)
        return IT_ERR_PARSE;
    p->ver = 4;
    p->len = (uint16_t)total;
    p->l4 = (uint16_t)(words * 4);
    p->proto = b[9];
    p->src = it_ip4(it_get32(b + 12));
    p->dst = it_ip4(it_get32(b + 16));
    /* RFC 791 section 3.1: more fragments is the third bit, the offset the 13 after it. */
    uint16_t frag = it_get16(b + 6) & 0x3fff;
    p->frag = frag == 0 ? 0 : frag == 0x2000 ? 1 : 2;
    return scan_l4(p);
}

/* The length of the extension header of |kind| at |at|, of which 8 bytes are there; 0 for what is none. RFC 8200
 * section 4.2: in units of 8 bytes, the first not counted; RFC 4302 section 2.2: of 4 bytes, less two. */
static size_t ext_size(uint8_t kind, const uint8_t *at)
{
    switch (kind) {
    case EXT_HOP:
    case EXT_ROUTING:
    case EXT_DEST:
        return ((size_t)at[1] + 1) * 8;
    case EXT_FRAGMENT:
        return 8;
    case EXT_AUTH:
        return ((size_t)at[1] + 2) * 4;
    default:
        return 0;
    }
}

static bool is_ext(uint8_t kind)
{
    static const uint8_t any[8];
    return ext_size(kind, any) > 0;
}

/* One extension header at |at|, |n| bytes left there: sets |*size| and follows |*next|. 1: another may follow; 0:
 * |*next| is the upper-layer protocol. */
static int scan_ext(it_pkt *p, const uint8_t *at, size_t n, uint8_t *next, size_t *size)
{
    uint8_t kind = *next;
    *size = 0;
    if (!is_ext(kind))
        return 0;
    if (n < 8)
        return IT_ERR_PARSE;
    *size = ext_size(kind, at);
    if (*size > n)
        return IT_ERR_PARSE;
    *next = at[0];
    if (kind != EXT_FRAGMENT)
        return 1;
    /* RFC 8200 section 4.5: the offset is the upper 13 bits, the lowest says that more follow. */
    uint16_t off = it_get16(at + 2);
    p->frag = off & 0xfff8 ? 2 : off & 1 ? 1 : 0;
    return p->frag != 2;
}

static int scan6(it_pkt *p)
{
    const uint8_t *b = it_pkt_ip(p);
    if (p->len < 40)
        return IT_ERR_PARSE;
    size_t total = 40 + (size_t)it_get16(b + 4);
    if (total > p->len)
        return IT_ERR_PARSE;
    p->ver = 6;
    p->len = (uint16_t)total;
    p->src = it_ip_from_bytes(b + 8, 16);
    p->dst = it_ip_from_bytes(b + 24, 16);
    /* A mapped address never stands in a header; taken in, it would pass for IPv4 in the cache (RFC 4291
     * section 2.5.5.2). */
    if (it_ip_is4(p->src) || it_ip_is4(p->dst))
        return IT_ERR_PARSE;
    uint8_t next = b[6];
    size_t at = 40, size;
    int more = 1;
    for (int i = 0; more == 1; i++) {
        more = i < EXT_MAX ? scan_ext(p, b + at, total - at, &next, &size) : IT_ERR_PARSE;
        if (more < 0)
            return more;
        at += size;
    }
    p->proto = next;
    p->l4 = (uint16_t)at;
    return scan_l4(p);
}

int it_pkt_scan(it_pkt *p)
{
    IT_ASSERT((size_t)p->head + p->len <= IT_PKT_ROOM);
    p->sport = p->dport = p->l4 = p->ck = 0;
    p->proto = p->frag = 0;
    p->ports = IT_PKT_PORTS_NONE;
    uint8_t ver = p->len ? p->buf[p->head] >> 4 : 0;
    /* RFC 1122 section 3.2.1.1, RFC 8200 section 3. */
    return ver == 4 ? scan4(p) : ver == 6 ? scan6(p) : IT_ERR_PARSE;
}

int it_pkt_parse(it_pkt *p, it_bytes ip)
{
    if (ip.n > IT_PKT_MAX)
        return IT_ERR_TOOBIG;
    p->head = IT_PKT_HEADROOM;
    p->len = (uint16_t)ip.n;
    if (ip.n)
        memcpy(it_pkt_ip(p), ip.p, ip.n);
    return it_pkt_scan(p);
}

/* --- copying --- */

void it_pkt_copy(it_pkt *to, const it_pkt *p)
{
    uint64_t id = to->id;
    memcpy(to, p, offsetof(it_pkt, buf));
    memcpy(to->buf + p->head, p->buf + p->head, p->len);
    to->next = NULL;
    to->id = id;
    to->cause = p->id;
}

void it_pkt_keep(const it_pkt *p, it_pkt_head *h)
{
    *h = (it_pkt_head){p->src, p->dst, p->sport, p->dport, p->len, p->l4, p->ck, p->ver, p->proto, p->frag, p->ports};
}

void it_pkt_revert(it_pkt *p, const it_pkt_head *h)
{
    p->src = h->src;
    p->dst = h->dst;
    p->sport = h->sport;
    p->dport = h->dport;
    p->len = h->len;
    p->l4 = h->l4;
    p->ck = h->ck;
    p->ver = h->ver;
    p->proto = h->proto;
    p->frag = h->frag;
    p->ports = h->ports;
}

/* --- rewriting --- */

/* Adds |delta| (a sum of new words and of complements of old ones) to the checksum at |ck|. RFC 1624 section 3, eqn. 3.
 */
static inline void fix(uint8_t *ck, uint32_t delta)
{
    uint32_t s = (uint32_t)(uint16_t)~it_get16(ck) + delta;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    it_put16(ck, (uint16_t)~s);
}

static uint32_t sum32(uint32_t v)
{
    return (v >> 16) + (v & 0xffff);
}

static uint32_t sum64(uint64_t v)
{
    return sum32((uint32_t)(v >> 32)) + sum32((uint32_t)v);
}

/* Writes |ip| at |at| in the IP header; returns what that adds to a checksum over the pseudo header. */
static inline uint32_t put_ip(it_pkt *p, it_ip was, it_ip ip, bool dst)
{
    uint8_t *b = it_pkt_ip(p);
    if (p->ver == 4) {
        uint32_t delta = sum32(~it_ip_v4(was)) + sum32(it_ip_v4(ip));
        it_put32(b + (dst ? 16 : 12), it_ip_v4(ip));
        fix(b + 10, delta);
        return delta;
    }
    it_put64(b + (dst ? 24 : 8), ip.hi);
    it_put64(b + (dst ? 32 : 16), ip.lo);
    return sum64(~was.hi) + sum64(~was.lo) + sum64(ip.hi) + sum64(ip.lo);
}

/* Fixes the transport checksum after |addr| changed in the addresses and |port| in the ports. */
static inline void fix_l4(it_pkt *p, uint32_t addr, uint32_t port)
{
    uint8_t *ck = it_pkt_ip(p) + p->ck;
    if (p->proto == IT_PROTO_UDP) {
        /* RFC 768: all zeros means that there is no checksum, so a computed zero is sent as all ones. */
        if (it_get16(ck) == 0)
            return;
        fix(ck, addr + port);
        if (it_get16(ck) == 0)
            it_put16(ck, 0xffff);
        return;
    }
    /* ICMP for IPv4 has no pseudo header (RFC 792); ICMPv6 has one (RFC 4443 section 2.3). */
    fix(ck, p->proto == IT_PROTO_ICMP ? port : addr + port);
    /* Without one a message may have become all zeros (an echo reply): its checksum is all ones, where RFC 1624 gives
     * 0. */
    if (it_get16(ck) == 0 && it_sum_add(0, it_pkt_l4(p), (size_t)(p->len - p->l4)) == 0)
        it_put16(ck, 0xffff);
}

/* RFC 9260 section 6.8: it knows no pseudo header, so that a NAT that writes ports makes it anew. */
static uint32_t crc_sctp(const it_pkt *p)
{
    return it_crc32c(p->buf + p->head + p->l4, (size_t)(p->len - p->l4), 8);
}

static void sum_sctp(it_pkt *p)
{
    it_put32(it_pkt_l4(p) + 8, crc_sctp(p));
}

static void rewrite(it_pkt *p, it_ip ip, uint16_t port, bool dst)
{
    it_ip *cached = dst ? &p->dst : &p->src;
    IT_ASSERT(it_ip_is4(ip) == (p->ver == 4));
    uint32_t addr = put_ip(p, *cached, ip, dst), delta = 0;
    *cached = ip;
    if (p->ports == IT_PKT_PORTS_PAIR) {
        uint16_t *was = dst ? &p->dport : &p->sport;
        delta = (uint32_t)(uint16_t) ~*was + port;
        it_put16(it_pkt_l4(p) + (dst ? 2 : 0), port);
        *was = port;
    } else if (p->ports == IT_PKT_PORTS_ID) {
        delta = (uint32_t)(uint16_t)~p->sport + port;
        it_put16(it_pkt_l4(p) + 4, port);
        p->sport = p->dport = port;
    }
    if (p->ck)
        fix_l4(p, addr, delta);
    else if (p->proto == IT_PROTO_SCTP && p->frag == 0)
        sum_sctp(p);
}

static inline bool is_udp4(const it_pkt *p)
{
    return p->ver == 4 && p->proto == IT_PROTO_UDP && p->ports == IT_PKT_PORTS_PAIR;
}

void it_pkt_set_src(it_pkt *p, it_ip ip, uint16_t port)
{
    if (it_ip_is4(ip) && is_udp4(p))
        it_pkt_set_udp4(p, false, it_ip_v4(ip), port);
    else
        rewrite(p, ip, port, false);
}

void it_pkt_set_dst(it_pkt *p, it_ip ip, uint16_t port)
{
    if (it_ip_is4(ip) && is_udp4(p))
        it_pkt_set_udp4(p, true, it_ip_v4(ip), port);
    else
        rewrite(p, ip, port, true);
}

/* --- questions --- */

bool it_pkt_cksum_ok(const it_pkt *p)
{
    const uint8_t *b = p->buf + p->head, *t = b + p->l4;
    size_t n = (size_t)(p->len - p->l4);
    if (p->proto == IT_PROTO_SCTP && p->frag == 0)
        return it_get32(t + 8) == crc_sctp(p);
    if (p->ck == 0 || p->frag != 0)
        return true;
    size_t covers = n;
    if (p->proto == IT_PROTO_UDPLITE && it_get16(t + 4) != 0)
        covers = it_get16(t + 4);
    if (p->proto == IT_PROTO_UDP) {
        /* RFC 768: 0 is "none"; RFC 8200 section 8.1: over IPv6 there is always one. */
        if (it_get16(t + 6) == 0)
            return p->ver == 4;
        n = covers = it_get16(t + 4);
    }
    uint64_t sum = 0;
    if (p->proto != IT_PROTO_ICMP)
        sum = p->proto + n + (p->ver == 4 ? it_sum_two(b + 12) : it_sum_add(0, b + 8, 32));
    return it_sum_fold(it_sum_add(sum, t, covers)) == 0;
}

bool it_pkt_is_icmp_error(const it_pkt *p)
{
    if (p->ck == 0)
        return false;
    uint8_t type = p->buf[p->head + p->l4];
    if (p->proto == IT_PROTO_ICMP)
        /* RFC 1122 section 3.2.2: unreachable, source quench, redirect, time exceeded, parameter problem. */
        return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    /* RFC 4443 section 2.1: the high bit is clear in errors. */
    return p->proto == IT_PROTO_ICMP6 && type < 128;
}

it_bytes it_pkt_payload(const it_pkt *p)
{
    if (p->proto != IT_PROTO_UDP || p->frag != 0 || p->ck == 0)
        return it_bytes_of(NULL, 0);
    const uint8_t *t = p->buf + p->head + p->l4;
    return it_bytes_of(t + 8, (size_t)it_get16(t + 4) - 8);
}
