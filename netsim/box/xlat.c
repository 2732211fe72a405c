/* Header translation between IPv4 and IPv6. What stands behind the transport header stays where it is in the buffer;
 * the new IP header is written in front of it. ICMP errors are rare and are built anew, beside. */
#include "netsim/box/xlat.h"

#include "base/cksum.h"

#include <string.h>

enum { H4 = 20, H6 = 40, HF = 8, NEXT_FRAGMENT = 44, NEXT_ROUTING = 43 };
enum { MORE = 0x2000, DONT = 0x4000, OFFSET = 0x1fff };
enum { MIN_MTU6 = 1280 }; /* RFC 8200 section 5 */

/* --- sums --- */

static uint64_t xlat_sum_ip(it_ip ip)
{
    return it_ip_is4(ip) ? it_ip_v4(ip) : (ip.hi >> 32) + (ip.hi & 0xffffffff) + (ip.lo >> 32) + (ip.lo & 0xffffffff);
}

/* Adds |plus| to and takes |minus| from the checksum at |ck|. RFC 1624: one's complement subtraction adds the
 * complement. */
static void xlat_adjust(uint8_t *ck, uint64_t plus, uint64_t minus)
{
    uint64_t s = (uint16_t)~it_get16(ck) + plus + (uint16_t)it_sum_fold(minus);
    it_put16(ck, it_sum_fold(s));
}

/* A transport checksum after the addresses of its pseudo header changed. |n|: bytes there are. */
static void xlat_adjust_l4(uint8_t *t, size_t n, uint8_t proto, uint64_t plus, uint64_t minus)
{
    size_t at = proto == IT_PROTO_TCP ? 16 : 6;
    if ((proto != IT_PROTO_TCP && proto != IT_PROTO_UDP) || n < at + 2)
        return;
    bool udp = proto == IT_PROTO_UDP;
    if (udp && it_get16(t + at) == 0)
        return;
    xlat_adjust(t + at, plus, minus);
    if (udp && it_get16(t + at) == 0)
        it_put16(t + at, 0xffff);
}

/* The checksum of an ICMP message at |t|, whose first word was |word| and is translated: only ICMPv6 counts the
 * |pseudo| header. */
static void xlat_adjust_icmp(uint8_t *t, uint16_t word, uint64_t pseudo, bool to4)
{
    if (to4)
        xlat_adjust(t + 2, it_get16(t), word + pseudo);
    else
        xlat_adjust(t + 2, it_get16(t) + pseudo, word);
}

/* --- ICMP types --- */

typedef struct icmp_map {
    uint8_t type, code; /* 255: any code, kept */
    uint8_t to_type, to_code;
} icmp_map;

#define ANY 255
#define NO_POINTER 255

/* RFC 7915 section 5.2. "Too big" and pointers are seen to beside. */
static const icmp_map TO4[] = {
    {128, ANY, 8, ANY}, {129, ANY, 0, ANY}, {1, 0, 3, 1},      {1, 1, 3, 10}, {1, 2, 3, 1}, {1, 3, 3, 1},
    {1, 4, 3, 3},       {2, ANY, 3, 4},     {3, ANY, 11, ANY}, {4, 0, 12, 0}, {4, 1, 3, 2},
};
/* Section 4.2. */
static const icmp_map TO6[] = {
    {8, ANY, 128, ANY}, {0, ANY, 129, ANY}, {3, 0, 1, 0},      {3, 1, 1, 0},  {3, 2, 4, 1},
    {3, 3, 1, 4},       {3, 4, 2, 0},       {3, 5, 1, 0},      {3, 6, 1, 0},  {3, 7, 1, 0},
    {3, 8, 1, 0},       {3, 9, 1, 1},       {3, 10, 1, 1},     {3, 11, 1, 0}, {3, 12, 1, 0},
    {3, 13, 1, 1},      {3, 15, 1, 1},      {11, ANY, 3, ANY}, {12, 0, 4, 0}, {12, 2, 4, 0},
};

/* Figure 6 of RFC 7915 (IPv6 pointer to IPv4) and figure 3 (back): ranges that begin at |from|; 255: not translated. */
static const uint8_t PTR4[][2] = {{0, 0}, {1, 1}, {2, 255}, {4, 2}, {6, 9}, {7, 8}, {8, 12}, {24, 16}, {40, 255}};
static const uint8_t PTR6[][2] = {{0, 0}, {1, 1},    {2, 4},  {4, 255}, {8, 7},
                                  {9, 6}, {10, 255}, {12, 8}, {16, 24}, {20, 255}};

static uint8_t xlat_pointer(const uint8_t (*table)[2], size_t n, uint32_t ptr)
{
    uint8_t to = 255;
    for (size_t i = 0; i < n; i++)
        if (ptr >= table[i][0])
            to = table[i][1];
    return to;
}

static bool xlat_map_type(const icmp_map *m, size_t n, uint8_t *t)
{
    for (size_t i = 0; i < n; i++) {
        if (m[i].type != t[0] || (m[i].code != ANY && m[i].code != t[1]))
            continue;
        t[0] = m[i].to_type;
        t[1] = m[i].to_code == ANY ? t[1] : m[i].to_code;
        return true;
    }
    return false;
}

static uint32_t xlat_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What a router from before RFC 1191, which says 0, is likely to mean: the greatest plateau (RFC 1191 section 7) below
 * the |total| length of the packet it complains of that IPv6 can have. RFC 7915 section 4.2. */
static uint32_t xlat_plateau_below(uint32_t total)
{
    static const uint32_t PLATEAUS[] = {32000, 17914, 8166, 4352, 2002, 1492};
    for (size_t i = 0; i < sizeof PLATEAUS / sizeof *PLATEAUS; i++)
        if (PLATEAUS[i] < total)
            return PLATEAUS[i];
    return MIN_MTU6;
}

/* The largest IPv4 packet that fits both links. */
static uint32_t xlat_most_for(const it_xlat *x)
{
    return xlat_least(x->mtu4, x->mtu6 > 20 ? x->mtu6 - 20 : 0);
}

/* What "too big" with |mtu| of IPv6 says in IPv4. RFC 7915 section 5.2. */
static uint32_t xlat_mtu4_for(const it_xlat *x, uint32_t mtu)
{
    return xlat_least(mtu > 20 ? mtu - 20 : 0, xlat_most_for(x));
}

/* What IPv4's "too big" |t| of |n| bytes says in IPv6, which never says less than 1280. RFC 7915 section 4.2. */
static uint32_t xlat_mtu6_for(const it_xlat *x, const uint8_t *t, size_t n)
{
    uint32_t mtu = it_get16(t + 6);
    if (mtu == 0 && n < 8 + 4)
        return MIN_MTU6;
    if (mtu == 0)
        return xlat_least(xlat_plateau_below(it_get16(t + 8 + 2)), xlat_most_for(x) + 20);
    mtu = xlat_least(mtu, xlat_most_for(x)) + 20;
    return mtu < MIN_MTU6 ? MIN_MTU6 : mtu;
}

/* Bytes 4 to 7 of |t|, the header of IPv6 error |old| whose type and code were |was|, as IPv4 has them. False: not
 * translated. RFC 7915 section 5.2. */
static bool xlat_map_rest4(const it_xlat *x, const uint8_t was[2], const uint8_t *old, uint8_t *t)
{
    it_put32(t + 4, 0);
    if (was[0] == 2)
        it_put32(t + 4, xlat_mtu4_for(x, it_get32(old + 4)));
    if (was[0] != 4 || was[1] != 0)
        return true;
    uint8_t ptr = xlat_pointer(PTR4, sizeof PTR4 / sizeof *PTR4, it_get32(old + 4));
    t[4] = ptr;
    return ptr != NO_POINTER;
}

/* The same of IPv4 error |old| of |n| bytes, as IPv6 has them. RFC 7915 section 4.2. */
static bool xlat_map_rest6(const it_xlat *x, const uint8_t was[2], const uint8_t *old, size_t n, uint8_t *t)
{
    enum { UNREACHABLE = 3, PROTOCOL = 2, TOO_BIG = 4, PARAMETER = 12, NEXT_HEADER_AT = 6 };
    it_put32(t + 4, 0);
    if (was[0] == UNREACHABLE && was[1] == TOO_BIG)
        it_put32(t + 4, xlat_mtu6_for(x, old, n));
    if (was[0] == UNREACHABLE && was[1] == PROTOCOL)
        it_put32(t + 4, NEXT_HEADER_AT);
    if (was[0] != PARAMETER)
        return true;
    uint8_t ptr = xlat_pointer(PTR6, sizeof PTR6 / sizeof *PTR6, old[4]);
    it_put32(t + 4, ptr);
    return ptr != NO_POINTER;
}

/* --- headers --- */

/* What one IP header says, of either family. */
typedef struct head {
    it_ip src, dst;
    uint8_t tos, hops, proto;
    uint16_t id, frag; /* IPv4's fields: DF, MF, offset */
    size_t size;       /* of the header, extensions included */
    size_t total;      /* of the packet as it says */
    bool fragment;     /* a fragment header, or MF or an offset; see xlat_is_piece */
    size_t segments;   /* where Segments Left stands when it is not 0; 0: it is, or there is no routing header */
} head;

/* Whether |h| is of a piece of a packet: an atomic fragment is all of one (RFC 6946 section 4). */
static bool xlat_is_piece(const head *h)
{
    return h->frag & (MORE | OFFSET);
}

static int xlat_read4(const uint8_t *b, size_t n, head *h)
{
    if (n < H4 || b[0] >> 4 != 4)
        return IT_ERR_PARSE;
    h->size = (size_t)(b[0] & 15) * 4;
    h->total = it_get16(b + 2);
    if (h->size < H4 || h->size > n || h->total < h->size)
        return IT_ERR_PARSE;
    h->tos = b[1];
    h->id = it_get16(b + 4);
    h->frag = it_get16(b + 6);
    h->fragment = (h->frag & (MORE | OFFSET)) != 0;
    h->hops = b[8];
    h->proto = b[9] == IT_PROTO_ICMP ? IT_PROTO_ICMP6 : b[9];
    h->src = it_ip4(it_get32(b + 12));
    h->dst = it_ip4(it_get32(b + 16));
    return 0;
}

/* True for extension headers that are passed over. */
static bool xlat_is_ext(uint8_t next)
{
    return next == 0 || next == 60 || next == NEXT_ROUTING || next == NEXT_FRAGMENT;
}

static int xlat_read6(const uint8_t *b, size_t n, head *h)
{
    if (n < H6 || b[0] >> 4 != 6)
        return IT_ERR_PARSE;
    memset(h, 0, sizeof *h);
    h->tos = (uint8_t)(it_get16(b) >> 4);
    h->hops = b[7];
    h->src = it_ip_from_bytes(b + 8, 16);
    h->dst = it_ip_from_bytes(b + 24, 16);
    h->total = H6 + (size_t)it_get16(b + 4);
    h->size = H6;
    h->proto = b[6];
    for (int i = 0; xlat_is_ext(h->proto); i++) {
        const uint8_t *e = b + h->size;
        if (i == 8 || h->size + 8 > n)
            return IT_ERR_PARSE;
        if (h->proto == NEXT_ROUTING && e[3] != 0) {
            h->segments = h->size + 3;
            return IT_ERR_UNSUPPORTED; /* RFC 7915 section 5.1 */
        }
        size_t size = h->proto == NEXT_FRAGMENT ? HF : ((size_t)e[1] + 1) * 8;
        if (h->proto == NEXT_FRAGMENT) {
            uint16_t off = it_get16(e + 2);
            h->fragment = true;
            h->frag = (uint16_t)(off >> 3 | (off & 1 ? MORE : 0));
            h->id = it_get16(e + 6);
        }
        if (h->size + size > n)
            return IT_ERR_PARSE;
        h->proto = e[0];
        h->size += size;
        if (h->frag & OFFSET)
            break; /* what follows is payload */
    }
    return 0;
}

/* The IPv4 header of |h| for |n| bytes behind it, addresses given. */
static void xlat_write4(uint8_t *b, const head *h, uint32_t src, uint32_t dst, size_t n)
{
    b[0] = 0x45;
    b[1] = h->tos;
    it_put16(b + 2, (uint16_t)(H4 + n));
    it_put16(b + 4, h->id);
    it_put16(b + 6, h->frag);
    b[8] = h->hops;
    b[9] = h->proto == IT_PROTO_ICMP6 ? IT_PROTO_ICMP : h->proto;
    it_put16(b + 10, 0);
    it_put32(b + 12, src);
    it_put32(b + 16, dst);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, H4)));
}

/* The IPv6 header of |h|, with a fragment header where there are fragments. Returns its size. */
static size_t xlat_write6(uint8_t *b, const head *h, it_ip src, it_ip dst, size_t n)
{
    size_t size = h->fragment ? H6 + HF : H6;
    it_put32(b, 0x60000000u | (uint32_t)h->tos << 20);
    it_put16(b + 4, (uint16_t)(size - H6 + n));
    b[6] = h->fragment ? NEXT_FRAGMENT : h->proto;
    b[7] = h->hops;
    it_ip_to_bytes(src, b + 8);
    it_ip_to_bytes(dst, b + 24);
    if (h->fragment) {
        b[H6] = h->proto;
        b[H6 + 1] = 0;
        it_put16(b + H6 + 2, (uint16_t)((h->frag & OFFSET) << 3 | (h->frag & MORE ? 1 : 0)));
        it_put32(b + H6 + 4, h->id);
    }
    return size;
}

/* Both addresses of |h| in the other family. */
static bool xlat_both4(const it_xlat *x, const head *h, uint32_t *src, uint32_t *dst)
{
    return x->to4(x->self, h->src, src) && x->to4(x->self, h->dst, dst);
}

static bool xlat_both6(const it_xlat *x, const head *h, it_ip *src, it_ip *dst)
{
    return x->to6(x->self, it_ip_v4(h->src), src) && x->to6(x->self, it_ip_v4(h->dst), dst);
}

/* --- the packet inside an error --- */

/* The header of |h| inside an error, translated to |to|; its pseudo header's sum afterwards is |*sum|. Returns its
 * size, or an error. */
static int xlat_inner_head(const it_xlat *x, const head *h, size_t body, bool to4, uint8_t *to, uint64_t *sum)
{
    uint32_t s4 = 0, d4 = 0;
    it_ip s6 = {0, 0}, d6 = {0, 0};
    if (to4) {
        if (!xlat_both4(x, h, &s4, &d4))
            return IT_ERR_NOROUTE;
        xlat_write4(to, h, s4, d4, body);
        *sum = (uint64_t)s4 + d4;
        return H4;
    }
    if (!xlat_both6(x, h, &s6, &d6))
        return IT_ERR_NOROUTE;
    *sum = xlat_sum_ip(s6) + xlat_sum_ip(d6);
    return (int)xlat_write6(to, h, s6, d6, body);
}

/* The transport header of |h| inside an error, |rest| bytes at |t| of |body|, for new addresses. 0 or an error. */
static int xlat_inner_l4(const head *h, uint8_t *t, size_t rest, size_t body, bool to4, uint64_t now)
{
    uint64_t was = xlat_sum_ip(h->src) + xlat_sum_ip(h->dst);
    if (h->frag & OFFSET)
        return 0;
    if (h->proto != IT_PROTO_ICMP6 || rest < 8) {
        xlat_adjust_l4(t, rest, h->proto, now, was);
        return 0;
    }
    uint16_t type = it_get16(t);
    if (!xlat_map_type(to4 ? TO4 : TO6, 2, t)) /* an echo, nothing else may be in an error */
        return IT_ERR_UNSUPPORTED;
    xlat_adjust_icmp(t, type, (to4 ? was : now) + IT_PROTO_ICMP6 + body, to4);
    return 0;
}

/* Translates the packet of |n| bytes at |b| inside an error into |to|, of which there are |cap|. Returns its size, or
 * an error. */
static int xlat_inner(const it_xlat *x, const uint8_t *b, size_t n, bool to4, uint8_t *to, size_t cap)
{
    head h;
    uint64_t sum = 0;
    int err;
    if (to4)
        err = xlat_read6(b, n, &h);
    else
        err = xlat_read4(b, n, &h);
    if (err < 0)
        return err;
    size_t rest = n - h.size, body = h.total > h.size ? h.total - h.size : 0;
    int size = xlat_inner_head(x, &h, body, to4, to, &sum);
    if (size < 0)
        return size;
    rest = rest < cap - (size_t)size ? rest : cap - (size_t)size;
    memcpy(to + size, b + h.size, rest);
    err = xlat_inner_l4(&h, to + size, rest, body, to4, sum);
    return err < 0 ? err : size + (int)rest;
}

/* --- whole packets --- */

/* Type and code at |t| of a message of the other family; false: it is not translated. */
static bool xlat_map_message(uint8_t *t, bool to4)
{
    if (to4)
        return xlat_map_type(TO4, sizeof TO4 / sizeof *TO4, t);
    return xlat_map_type(TO6, sizeof TO6 / sizeof *TO6, t);
}

/* Bytes 4 to 7 of |t|, as map_rest4 or map_rest6. */
static bool xlat_map_rest(const it_xlat *x, const uint8_t was[2], const uint8_t *old, size_t n, uint8_t *t, bool to4)
{
    if (to4)
        return xlat_map_rest4(x, was, old, t);
    return xlat_map_rest6(x, was, old, n, t);
}

/* Whether |type|, before it is translated, is of an echo. */
static bool xlat_is_echo(uint8_t type, bool to4)
{
    return to4 ? type == 128 || type == 129 : type == 8 || type == 0;
}

/* ICMP at |t|, |n| bytes, in a packet whose addresses are now |src| and |dst|: an error is built anew in |out|. Returns
 * the size of the message, which is at |t| when it is a query, in |out| when |*moved|. */
static int xlat_icmp(const it_xlat *x, uint8_t *t, size_t n, uint64_t old_sum, uint64_t new_sum, bool to4, uint8_t *out,
                     bool *moved)
{
    uint8_t was[2] = {t[0], t[1]};
    uint16_t word = it_get16(t);
    size_t most = to4 ? 576 - H4 : MIN_MTU6 - H6;
    *moved = false;
    if (!xlat_map_message(t, to4))
        return IT_ERR_UNSUPPORTED;
    if (xlat_is_echo(was[0], to4)) {
        xlat_adjust_icmp(t, word, (to4 ? old_sum : new_sum) + IT_PROTO_ICMP6 + n, to4);
        return (int)n;
    }
    memcpy(out, t, 8);
    if (!xlat_map_rest(x, was, t, n, out, to4))
        return IT_ERR_UNSUPPORTED;
    int body = xlat_inner(x, t + 8, n - 8, to4, out + 8, most - 8);
    if (body < 0)
        return body;
    size_t all = 8 + (size_t)body;
    it_put16(out + 2, 0);
    uint64_t pseudo = to4 ? 0 : new_sum + IT_PROTO_ICMP6 + all;
    it_put16(out + 2, it_sum_fold(it_sum_add(pseudo, out, all)));
    *moved = true;
    return (int)all;
}

/* The transport header of |p| for new addresses with the sum |new_sum|. Returns the bytes behind the IP header, moved
 * to where there is room in front when an error grew, or an error. */
static int xlat_transport(const it_xlat *x, it_pkt *p, const head *h, uint64_t new_sum, bool to4)
{
    uint8_t out[1280], *t = it_pkt_ip(p) + h->size;
    size_t n = p->len - h->size;
    uint64_t old_sum = xlat_sum_ip(h->src) + xlat_sum_ip(h->dst);
    bool moved;
    if (h->proto == IT_PROTO_ICMP6) {
        /* RFC 7915 section 1.2: fragmented ICMP is not translated, its checksum cannot be. */
        if (xlat_is_piece(h) || n < 8)
            return IT_ERR_UNSUPPORTED;
        int size = xlat_icmp(x, t, n, old_sum, new_sum, to4, out, &moved);
        if (size < 0 || !moved)
            return size;
        /* The message begins where a header of either family finds room. */
        p->head = (uint16_t)(IT_PKT_HEADROOM + H6 - h->size);
        memcpy(p->buf + p->head + h->size, out, (size_t)size);
        return size;
    }
    if (h->frag & OFFSET)
        return (int)n;
    if (h->proto == IT_PROTO_UDP && n >= 8 && it_get16(t + 6) == 0) {
        /* Section 4.5: without a checksum: one is made, but not over fragments; in IPv6 there is always one. */
        if (to4 || xlat_is_piece(h))
            return IT_ERR_UNSUPPORTED;
        size_t len = it_get16(t + 4);
        if (len < 8 || len > n)
            return IT_ERR_PARSE;
        uint16_t ck = it_sum_fold(it_sum_add(new_sum + IT_PROTO_UDP + len, t, len));
        it_put16(t + 6, ck ? ck : 0xffff);
        return (int)n;
    }
    xlat_adjust_l4(t, n, h->proto, new_sum, old_sum);
    return (int)n;
}

uint32_t it_xlat_segments_left(const it_pkt *p)
{
    head h = {.segments = 0};
    (void)xlat_read6(p->buf + p->head, p->len, &h);
    return (uint32_t)h.segments;
}

uint32_t it_xlat_64_size(const it_pkt *p)
{
    head h;
    if (xlat_read6(p->buf + p->head, p->len, &h) < 0)
        return 0;
    return (uint32_t)(p->len - h.size + H4);
}

bool it_xlat_64_may_fragment(const it_pkt *p)
{
    head h;
    if (xlat_read6(p->buf + p->head, p->len, &h) < 0)
        return false;
    /* RFC 7915 section 5.1: up to 1260 bytes it may be fragmented on its way; 5.1.1: with a fragment header it may. */
    return h.fragment || p->len - h.size + H4 <= MIN_MTU6 - 20;
}

int it_xlat_64(const it_xlat *x, it_pkt *p)
{
    head h;
    uint32_t src, dst;
    int err = xlat_read6(it_pkt_ip(p), p->len, &h);
    if (err < 0)
        return err;
    if (!xlat_both4(x, &h, &src, &dst))
        return IT_ERR_NOROUTE;
    int n = xlat_transport(x, p, &h, (uint64_t)src + dst, true);
    if (n < 0)
        return n;
    if (!h.fragment) {
        /* RFC 7915 section 5.1: up to 1260 bytes it may be fragmented on its way. */
        h.frag = H4 + n <= MIN_MTU6 - 20 ? 0 : DONT;
        h.id = h.frag ? 0 : x->ip_id;
    }
    p->head = (uint16_t)(p->head + h.size - H4);
    p->len = (uint16_t)(H4 + n);
    xlat_write4(it_pkt_ip(p), &h, src, dst, (size_t)n);
    return it_pkt_scan(p);
}

int it_xlat_46(const it_xlat *x, it_pkt *p)
{
    head h;
    it_ip src, dst;
    int err = xlat_read4(it_pkt_ip(p), p->len, &h);
    if (err < 0)
        return err;
    if (!xlat_both6(x, &h, &src, &dst))
        return IT_ERR_NOROUTE;
    int n = xlat_transport(x, p, &h, xlat_sum_ip(src) + xlat_sum_ip(dst), false);
    if (n < 0)
        return n;
    size_t size = h.fragment ? H6 + HF : H6;
    if (p->head + h.size < size || size + (size_t)n > IT_PKT_MAX)
        return IT_ERR_UNSUPPORTED;
    p->head = (uint16_t)(p->head + h.size - size);
    p->len = (uint16_t)(size + (size_t)n);
    (void)xlat_write6(it_pkt_ip(p), &h, src, dst, (size_t)n);
    return it_pkt_scan(p);
}
