/* Packets: building, parsing, rewriting, ICMP errors, the pool. */
#include "netsim/core/packet.h"

#include "base/rng.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc A;
static it_pkt_pool Pool;

static void open_pool(void)
{
    it_alloc_init(&A);
    it_pkt_pool_init(&Pool, &A);
}

static void close_pool(void)
{
    it_pkt_pool_fini(&Pool);
    ck_assert_int_eq(A.live, 0);
}

/* The checksum of RFC 1071, the plain way; 0 over data that includes a right one. */
static uint16_t plain_sum(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* True when both checksums of |p| are right by the plain way. */
static bool sums_right(it_pkt *p)
{
    const uint8_t *b = it_pkt_ip(p), *t = it_pkt_l4(p);
    size_t n = (size_t)(p->len - p->l4);
    uint32_t pseudo = 0;
    if (p->ver == 4 && plain_sum(0, b, p->l4) != 0)
        return false;
    if (p->proto != IT_PROTO_ICMP)
        pseudo = (uint16_t)~plain_sum((uint32_t)n + p->proto, b + (p->ver == 4 ? 12 : 8), p->ver == 4 ? 8 : 32);
    return plain_sum(pseudo, t, n) == 0;
}

static it_ip ip_of(const char *text)
{
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, text), 0);
    return ip;
}

/* Both caches are the same, the bytes too. */
static void same(it_pkt *x, it_pkt *y)
{
    ck_assert(it_ip_eq(x->src, y->src) && it_ip_eq(x->dst, y->dst));
    ck_assert_uint_eq(x->sport, y->sport);
    ck_assert_uint_eq(x->dport, y->dport);
    ck_assert_uint_eq(x->len, y->len);
    ck_assert_uint_eq(x->l4, y->l4);
    ck_assert_uint_eq(x->ck, y->ck);
    ck_assert_uint_eq(x->ver, y->ver);
    ck_assert_uint_eq(x->proto, y->proto);
    ck_assert_uint_eq(x->frag, y->frag);
    ck_assert_uint_eq(x->ports, y->ports);
    ck_assert_mem_eq(it_pkt_ip(x), it_pkt_ip(y), x->len);
}

static const char *const FAMILY[2][2] = {{"192.0.2.1", "198.51.100.7"}, {"2001:db8::1", "2001:db8:ffff::fe"}};

/* --- building and parsing --- */

START_TEST(a_built_datagram_parses_to_the_same)
{
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 100, 101, 1200, 1452, 1472};
    size_t n = sizes[_i / 2];
    int v6 = _i % 2;
    uint8_t data[1500];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 200);
    it_addr src = {ip_of(FAMILY[v6][0]), 4321}, dst = {ip_of(FAMILY[v6][1]), 65535};
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *q = it_pkt_new(&Pool);
    int err = it_pkt_udp(p, src, dst, it_bytes_of(data, n));
    if (n > (v6 ? 1452u : 1472u)) {
        ck_assert_int_eq(err, IT_ERR_TOOBIG);
    } else {
        ck_assert_int_eq(err, 0);
        ck_assert(sums_right(p));
        ck_assert(it_pkt_cksum_ok(p));
        ck_assert_int_eq(it_pkt_parse(q, it_pkt_bytes(p)), 0);
        same(p, q);
        ck_assert(it_bytes_eq(it_pkt_payload(q), it_bytes_of(data, n)));
        ck_assert_uint_eq(q->sport, 4321);
        ck_assert_uint_eq(q->dport, 65535);
        ck_assert(it_ip_eq(q->src, src.ip) && it_ip_eq(q->dst, dst.ip));
        ck_assert(!it_pkt_is_icmp_error(q));
    }
    close_pool();
}
END_TEST

START_TEST(a_built_segment_parses_to_the_same)
{
    static const size_t sizes[][3] = {{0, 0, 0},      {4, 1, 0},    {20, 7, 8},      {40, 1, 2},
                                      {12, 700, 701}, {0, 1440, 0}, {12, 1000, 448}, {12, 1000, 449}};
    static const uint8_t options[40] = {2, 4, 5, 180, 4, 2};
    int v6 = _i % 2;
    const size_t *n = sizes[_i / 2];
    uint8_t data[1500];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 41 + 7);
    it_pkt_tcp_msg m = {{ip_of(FAMILY[v6][0]), 4321},
                        {ip_of(FAMILY[v6][1]), 80},
                        0xfffffff0,
                        0x80000001,
                        0x1234,
                        IT_TCP_ACK | IT_TCP_PSH,
                        {0},
                        {{0}}};
    m.options = it_bytes_of(options, n[0]);
    m.data[0] = it_bytes_of(data, n[1]);
    m.data[1] = it_bytes_of(data + n[1], n[2]);
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *q = it_pkt_new(&Pool);
    size_t all = (v6 ? 60 : 40) + n[0] + n[1] + n[2];
    ck_assert_int_eq(it_pkt_tcp(p, &m), all > IT_PKT_MAX ? IT_ERR_TOOBIG : 0);
    if (all <= IT_PKT_MAX) {
        ck_assert_uint_eq(p->len, all);
        ck_assert(sums_right(p) && it_pkt_cksum_ok(p));
        ck_assert_int_eq(it_pkt_parse(q, it_pkt_bytes(p)), 0);
        same(p, q);
        const uint8_t *t = it_pkt_l4(q);
        ck_assert_uint_eq(it_get32(t + 4), 0xfffffff0);
        ck_assert_uint_eq(it_get32(t + 8), 0x80000001);
        ck_assert_uint_eq(t[12], (5 + n[0] / 4) << 4);
        ck_assert_uint_eq(t[13], 0x18);
        ck_assert_uint_eq(it_get16(t + 14), 0x1234);
        ck_assert_uint_eq(it_get16(t + 18), 0);
        ck_assert(it_bytes_eq(it_bytes_of(t + 20, n[0]), m.options));
        ck_assert(it_bytes_eq(it_bytes_of(t + 20 + n[0], n[1] + n[2]), it_bytes_of(data, n[1] + n[2])));
    }
    m.options.n = 6; /* not whole words */
    ck_assert_int_eq(it_pkt_tcp(p, &m), IT_ERR_RANGE);
    close_pool();
}
END_TEST

START_TEST(an_ipv4_datagram_has_the_bytes_of_the_rfcs)
{
    /* Summed by hand: 4500 + 0020 + 0000 + 4000 + 4011 + c000 + 0201 + c633 + 6407 = 2b16c, b16e folded, its complement
     * 4e91. */
    static const uint8_t want[] = {0x45, 0,  0,   32, 0, 0,  0x40, 0,    64, 17, 0x4e, 0x91, 192, 0,   2,   1,
                                   198,  51, 100, 7,  0, 53, 0x1f, 0x90, 0,  12, 0,    0,    'p', 'i', 'n', 'g'};
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    it_addr src = {ip_of("192.0.2.1"), 53}, dst = {ip_of("198.51.100.7"), 8080};
    ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_str("ping")), 0);
    uint8_t got[32];
    memcpy(got, it_pkt_ip(p), sizeof got);
    ck_assert_uint_eq(it_get16(got + 10), 0x4e91);
    got[26] = got[27] = 0;
    ck_assert_mem_eq(got, want, sizeof got);
    close_pool();
}
END_TEST

START_TEST(families_do_not_mix)
{
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *q = it_pkt_new(&Pool);
    it_addr v4 = {ip_of("192.0.2.1"), 1}, v6 = {ip_of("2001:db8::1"), 1};
    ck_assert_int_eq(it_pkt_udp(p, v4, v6, it_bytes_of(NULL, 0)), IT_ERR_RANGE);
    ck_assert_int_eq(it_pkt_udp(p, v4, v4, it_bytes_of(NULL, 0)), 0);
    ck_assert_int_eq(it_pkt_icmp_error(q, v6.ip, p, 3, 3, 0), IT_ERR_RANGE);
    it_pkt_icmp_msg m = {.src = v6.ip, .dst = v4.ip};
    ck_assert_int_eq(it_pkt_icmp(q, &m), IT_ERR_RANGE);
    close_pool();
}
END_TEST

/* A well-formed packet of |kind| (proto * 2 + v6), from builders or by hand. Returns its length. */
static size_t sample(uint8_t out[IT_PKT_MAX], int proto, int v6)
{
    static const uint8_t tcp[24] = {0x12, 0x34, 0x00, 0x50, 1, 2, 3, 4, 0,   0,   0,   0,
                                    0x50, 2,    0xff, 0xff, 0, 0, 0, 0, 'd', 'a', 't', 'a'};
    it_pkt *p = it_pkt_new(&Pool);
    it_addr src = {ip_of(FAMILY[v6][0]), 4660}, dst = {ip_of(FAMILY[v6][1]), 80};
    it_pkt_icmp_msg echo = {
        .src = src.ip, .dst = dst.ip, .type = v6 ? 128 : 8, .rest = 0x12340001, .body = it_bytes_str("echo!")};
    if (proto == IT_PROTO_ICMP) {
        ck_assert_int_eq(it_pkt_icmp(p, &echo), 0);
    } else {
        ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_of(tcp, 16)), 0);
        if (proto == IT_PROTO_TCP) {
            uint8_t *b = it_pkt_ip(p), *t = it_pkt_l4(p);
            b[v6 ? 6 : 9] = IT_PROTO_TCP;
            memcpy(t, tcp, sizeof tcp);
            if (!v6) {
                it_put16(b + 10, 0);
                it_put16(b + 10, plain_sum(0, b, 20));
            }
            uint16_t pseudo = (uint16_t)~plain_sum(sizeof tcp + IT_PROTO_TCP, b + (v6 ? 8 : 12), v6 ? 32 : 8);
            it_put16(t + 16, plain_sum(pseudo, t, sizeof tcp));
        }
    }
    size_t n = p->len;
    memcpy(out, it_pkt_ip(p), n);
    it_pkt_free(&Pool, p);
    return n;
}

static const int PROTOS[3] = {IT_PROTO_UDP, IT_PROTO_TCP, IT_PROTO_ICMP};

START_TEST(every_truncation_is_refused)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    size_t n = sample(b, PROTOS[_i / 2], _i % 2);
    it_pkt *p = it_pkt_new(&Pool);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, i)), IT_ERR_PARSE);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    ck_assert(sums_right(p));
    ck_assert(it_pkt_cksum_ok(p));
    /* Bytes behind the length in the header are padding. */
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n + 10)), 0);
    ck_assert_uint_eq(p->len, n);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, IT_PKT_MAX + 1)), IT_ERR_TOOBIG);
    close_pool();
}
END_TEST

START_TEST(a_flipped_bit_is_noticed)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    size_t n = sample(b, PROTOS[_i / 2], _i % 2);
    it_pkt *p = it_pkt_new(&Pool);
    /* IPv6 has no checksum of its own, but its addresses and all that follows are summed with the transport. The
     * version (bits 4 to 7 here) is left alone: it makes another kind of packet. */
    for (size_t bit = _i % 2 ? 64 : 0; bit < n * 8; bit++) {
        if (bit >= 4 && bit < 8)
            continue;
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int err = it_pkt_parse(p, it_bytes_of(b, n));
        ck_assert_msg(err < 0 || (p->ck && !it_pkt_cksum_ok(p)), "bit %zu", bit);
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    close_pool();
}
END_TEST

/* One byte of a good UDP packet changed; the IPv4 header checksum is made right again. */
struct harm {
    int v6;
    size_t at;
    uint8_t v;
};

START_TEST(contradictions_are_refused)
{
    static const struct harm cases[] = {
        {0, 0, 0x55}, /* version 5 */
        {0, 0, 0x44}, /* a header of 16 bytes */
        {0, 0, 0x4f}, /* of 60: beyond the end */
        {0, 3, 19},   /* a total below the header */
        {0, 3, 200},  /* above the bytes */
        {0, 25, 7},   /* UDP length below 8 */
        {0, 25, 25},  /* above the packet */
        {1, 0, 0x75}, /* version 7 */
        {1, 5, 25},   /* payload above the bytes */
        {1, 5, 7},    /* too short for UDP */
        {1, 6, 0},    /* hop-by-hop options that are none: 0x1234 0x0050 ... 8 * 0x35 bytes */
    };
    const struct harm *h = &cases[_i];
    uint8_t b[IT_PKT_MAX];
    open_pool();
    size_t n = sample(b, IT_PROTO_UDP, h->v6);
    it_pkt *p = it_pkt_new(&Pool);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    b[h->at] = h->v;
    if (!h->v6 && (b[0] & 15) == 5) {
        it_put16(b + 10, 0);
        it_put16(b + 10, plain_sum(0, b, 20));
    }
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), IT_ERR_PARSE);
    close_pool();
}
END_TEST

START_TEST(a_mapped_address_in_an_ipv6_header_is_refused)
{
    uint8_t b[IT_PKT_MAX];
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    size_t n = sample(b, IT_PROTO_UDP, 1);
    memcpy(b + (_i ? 24 : 8), mapped, 16);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), IT_ERR_PARSE);
    close_pool();
}
END_TEST

START_TEST(ipv4_fragments_are_told_apart)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    size_t n = sample(b, IT_PROTO_UDP, 0);
    static const struct {
        uint16_t field;
        int frag;
    } cases[] = {{0x4000, 0}, {0x0000, 0}, {0x8000, 0}, {0x2000, 1}, {0x2001, 2}, {0x0001, 2}, {0x1fff, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        it_put16(b + 6, cases[i].field);
        it_put16(b + 10, 0);
        it_put16(b + 10, plain_sum(0, b, 20));
        ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
        ck_assert_int_eq(p->frag, cases[i].frag);
        ck_assert_uint_eq(p->sport, cases[i].frag == 2 ? 0 : 4660);
        ck_assert_int_eq(p->ports, cases[i].frag == 2 ? IT_PKT_PORTS_NONE : IT_PKT_PORTS_PAIR);
        ck_assert(it_pkt_cksum_ok(p));
        ck_assert_uint_eq(it_pkt_payload(p).n, cases[i].frag ? 0 : 16);
    }
    close_pool();
}
END_TEST

/* Puts |n| bytes of extension headers, the first of kind |kind|, between the IPv6 header and the transport of |b|. */
static size_t insert(uint8_t *b, size_t len, uint8_t kind, const uint8_t *ext, size_t n)
{
    memmove(b + 40 + n, b + 40, len - 40);
    memcpy(b + 40, ext, n);
    b[6] = kind;
    it_put16(b + 4, (uint16_t)(it_get16(b + 4) + n));
    return len + n;
}

START_TEST(ipv6_extension_headers_are_walked)
{
    static const uint8_t chain[] = {
        60, 0, 1, 4,    0,    0,    0, 0,                         /* hop-by-hop: pad */
        43, 1, 1, 12,   0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* destination options, 16 bytes */
        51, 0, 0, 0,    0,    0,    0, 0,                         /* routing */
        44, 1, 0, 0,    0,    0,    0, 1, 0, 0, 0, 1,             /* authentication: (1 + 2) * 4 bytes */
        17, 0, 0, 0x00, 0xca, 0xfe, 0, 1,                         /* an atomic fragment (RFC 6946) */
    };
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    size_t n = insert(b, sample(b, IT_PROTO_UDP, 1), 0, chain, sizeof chain);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    ck_assert_uint_eq(p->l4, 40 + sizeof chain);
    ck_assert_uint_eq(p->proto, IT_PROTO_UDP);
    ck_assert_uint_eq(p->dport, 80);
    ck_assert_int_eq(p->frag, 0);
    ck_assert(it_pkt_cksum_ok(p));
    /* The first fragment, then a later one. */
    it_put16(b + 40 + sizeof chain - 6, 0x0001);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    ck_assert_int_eq(p->frag, 1);
    ck_assert_uint_eq(p->dport, 80);
    it_put16(b + 40 + sizeof chain - 6, 0x0008);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    ck_assert_int_eq(p->frag, 2);
    ck_assert_uint_eq(p->proto, IT_PROTO_UDP);
    ck_assert_uint_eq(p->dport, 0);
    close_pool();
}
END_TEST

START_TEST(an_endless_chain_of_extension_headers_is_refused)
{
    uint8_t b[IT_PKT_MAX], ext[9 * 8] = {0};
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    for (int i = 0; i < 9; i++)
        ext[i * 8] = i == 8 ? 17 : 60;
    size_t n = insert(b, sample(b, IT_PROTO_UDP, 1), 60, ext, sizeof ext);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), IT_ERR_PARSE);
    close_pool();
}
END_TEST

START_TEST(a_protocol_not_known_passes_without_ports)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    size_t n = sample(b, IT_PROTO_UDP, 1);
    b[6] = 59; /* no next header */
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    ck_assert_int_eq(p->ports, IT_PKT_PORTS_NONE);
    ck_assert_uint_eq(p->ck, 0);
    ck_assert(it_pkt_cksum_ok(p));
    it_pkt_set_src(p, ip_of("2001:db8::9"), 77);
    ck_assert_uint_eq(p->sport, 0);
    close_pool();
}
END_TEST

/* --- rewriting --- */

static it_ip any_ip(it_rng *rng, int v6)
{
    it_ip ip = it_ip4((uint32_t)it_rng_u64(rng));
    if (v6) {
        ip.hi = it_rng_u64(rng) | 1;
        ip.lo = it_rng_u64(rng);
    }
    return ip;
}

START_TEST(rewriting_keeps_bytes_cache_and_checksums_together)
{
    uint8_t b[IT_PKT_MAX];
    int v6 = _i % 2;
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "rewrite");
    open_pool();
    size_t n = sample(b, PROTOS[_i / 2], v6);
    it_pkt *p = it_pkt_new(&Pool), *q = it_pkt_new(&Pool);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    for (int i = 0; i < 3000; i++) {
        it_ip ip = any_ip(&rng, v6);
        uint16_t port = (uint16_t)it_rng_u64(&rng);
        if (i % 7 == 0)
            port = i % 2 ? 0 : 0xffff;
        if (i & 1)
            it_pkt_set_src(p, ip, port);
        else
            it_pkt_set_dst(p, ip, port);
        ck_assert(it_ip_eq(i & 1 ? p->src : p->dst, ip));
        ck_assert_uint_eq(i & 1 ? p->sport : p->dport, port);
        ck_assert(sums_right(p));
        ck_assert(it_pkt_cksum_ok(p));
        ck_assert_int_eq(it_pkt_parse(q, it_pkt_bytes(p)), 0);
        same(p, q);
    }
    close_pool();
}
END_TEST

START_TEST(a_udp_checksum_of_none_stays_none)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    size_t n = sample(b, IT_PROTO_UDP, _i);
    it_pkt *p = it_pkt_new(&Pool);
    it_put16(b + (_i ? 46 : 26), 0);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    it_pkt_set_src(p, ip_of(FAMILY[_i][1]), 9);
    ck_assert_uint_eq(it_get16(it_pkt_l4(p) + 6), 0);
    /* RFC 8200 section 8.1: over IPv6 none is wrong. */
    ck_assert(it_pkt_cksum_ok(p) == (_i == 0));
    close_pool();
}
END_TEST

START_TEST(a_computed_zero_is_sent_as_ones)
{
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    it_addr src = {ip_of("192.0.2.1"), 1}, dst = {ip_of("192.0.2.2"), 2};
    ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_of(NULL, 0)), 0);
    /* The checksum falls by what the port rises: add it to the port and it comes to nothing. */
    uint16_t ck = it_get16(it_pkt_l4(p) + 6);
    uint16_t port = (uint16_t)(1 + ck);
    it_pkt_set_src(p, src.ip, port);
    ck_assert_uint_eq(it_get16(it_pkt_l4(p) + 6), 0xffff);
    ck_assert(sums_right(p));
    src.port = port;
    ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_of(NULL, 0)), 0);
    ck_assert_uint_eq(it_get16(it_pkt_l4(p) + 6), 0xffff);
    close_pool();
}
END_TEST

/* Found by fuzzing: RFC 1624's formula gives 0 where everything summed is zero, and there the checksum is all ones. */
START_TEST(an_echo_reply_that_becomes_all_zeros_keeps_a_right_checksum)
{
    open_pool();
    it_pkt_icmp_msg m = {.src = it_ip4(0x0a000001), .dst = it_ip4(0x0a000002), .type = 0, .rest = 0x12340000};
    it_pkt *p = it_pkt_new(&Pool);
    ck_assert_int_eq(it_pkt_icmp(p, &m), 0);
    it_pkt_set_dst(p, it_ip4(0x0a000003), 0);
    ck_assert_uint_eq(p->dport, 0);
    ck_assert_uint_eq(it_get16(it_pkt_l4(p) + 2), 0xffff);
    ck_assert(it_pkt_cksum_ok(p));
    it_pkt_set_dst(p, it_ip4(0x0a000003), 7);
    ck_assert(it_pkt_cksum_ok(p));
    it_pkt_free(&Pool, p);
    close_pool();
}
END_TEST

START_TEST(on_a_later_fragment_only_the_ip_header_changes)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    size_t n = sample(b, IT_PROTO_UDP, 0);
    it_put16(b + 6, 0x0010);
    it_put16(b + 10, 0);
    it_put16(b + 10, plain_sum(0, b, 20));
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    it_pkt_set_src(p, ip_of("203.0.113.9"), 1);
    it_pkt_set_dst(p, ip_of("203.0.113.10"), 2);
    ck_assert_mem_eq(it_pkt_l4(p), b + 20, n - 20);
    ck_assert_uint_eq(plain_sum(0, it_pkt_ip(p), 20), 0);
    ck_assert_uint_eq(p->sport, 0);
    close_pool();
}
END_TEST

START_TEST(hops_count_down_to_one)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    size_t n = sample(b, IT_PROTO_UDP, _i);
    size_t at = _i ? 7 : 8;
    b[at] = 255;
    if (!_i) {
        it_put16(b + 10, 0);
        it_put16(b + 10, plain_sum(0, b, 20));
    }
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    for (int hops = 254; hops >= 1; hops--) {
        ck_assert(it_pkt_hop(p));
        ck_assert_int_eq(it_pkt_ip(p)[at], hops);
        ck_assert(sums_right(p));
    }
    ck_assert(!it_pkt_hop(p));
    ck_assert_int_eq(it_pkt_ip(p)[at], 1);
    close_pool();
}
END_TEST

/* --- ICMP --- */

START_TEST(an_error_quotes_as_much_as_it_may)
{
    static const size_t sizes[] = {0, 100, 520, 548, 549, 1200, 1232, 1300, 1400};
    int v6 = _i % 2;
    size_t n = sizes[_i / 2], most = v6 ? 1280 : 576, hdr = v6 ? 48 : 28;
    uint8_t data[1500] = {1, 2, 3};
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *e = it_pkt_new(&Pool);
    it_addr src = {ip_of(FAMILY[v6][0]), 5}, dst = {ip_of(FAMILY[v6][1]), 6};
    it_ip router = ip_of(v6 ? "2001:db8::99" : "203.0.113.1");
    ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_of(data, n)), 0);
    p->id = 77;
    e->id = 78;
    ck_assert_int_eq(it_pkt_icmp_error(e, router, p, v6 ? 2 : 3, v6 ? 0 : 4, 1280), 0);
    ck_assert_uint_eq(e->len, hdr + p->len < most ? hdr + p->len : most);
    ck_assert_mem_eq(it_pkt_l4(e) + 8, it_pkt_ip(p), e->len - hdr);
    ck_assert(sums_right(e));
    ck_assert(it_pkt_is_icmp_error(e));
    ck_assert_uint_eq(it_get32(it_pkt_l4(e) + 4), 1280);
    ck_assert(it_ip_eq(e->src, router) && it_ip_eq(e->dst, src.ip));
    ck_assert_uint_eq(e->cause, 77);
    ck_assert_uint_eq(e->id, 78);
    ck_assert_int_eq(e->ports, IT_PKT_PORTS_NONE);
    /* RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e.1): none about an error. */
    it_pkt *f = it_pkt_new(&Pool);
    ck_assert_int_eq(it_pkt_icmp_error(f, router, e, v6 ? 1 : 3, 0, 0), IT_ERR_STATE);
    close_pool();
}
END_TEST

struct about {
    const char *src, *dst;
    uint8_t type;
    int err;
};

START_TEST(no_error_is_sent_to_many_or_to_nobody)
{
    static const struct about cases[] = {
        {"192.0.2.1", "198.51.100.1", 11, 0},
        {"192.0.2.1", "224.0.0.1", 11, IT_ERR_STATE},
        {"192.0.2.1", "255.255.255.255", 3, IT_ERR_STATE},
        {"0.0.0.0", "198.51.100.1", 3, IT_ERR_STATE},
        {"127.0.0.1", "198.51.100.1", 3, IT_ERR_STATE},
        {"239.1.2.3", "198.51.100.1", 3, IT_ERR_STATE},
        {"2001:db8::1", "2001:db8::2", 3, 0},
        {"2001:db8::1", "ff02::1", 3, IT_ERR_STATE},
        {"2001:db8::1", "ff02::1", 2, 0}, /* RFC 4443 section 2.4 (e.3): but "too big" is */
        {"ff02::1", "2001:db8::2", 2, IT_ERR_STATE},
        {"::", "2001:db8::2", 1, IT_ERR_STATE},
    };
    const struct about *c = &cases[_i];
    it_addr src = {ip_of(c->src), 1}, dst = {ip_of(c->dst), 2};
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *e = it_pkt_new(&Pool);
    ck_assert_int_eq(it_pkt_udp(p, src, dst, it_bytes_str("x")), 0);
    ck_assert_int_eq(it_pkt_icmp_error(e, ip_of(strchr(c->src, ':') ? "2001:db8::9" : "192.0.2.9"), p, c->type, 0, 0),
                     c->err);
    close_pool();
}
END_TEST

START_TEST(no_error_is_sent_about_a_later_fragment_of_ipv4)
{
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *e = it_pkt_new(&Pool);
    size_t n = sample(b, IT_PROTO_UDP, 0);
    for (int first = 0; first < 2; first++) {
        it_put16(b + 6, first ? 0x2000 : 0x2010);
        it_put16(b + 10, 0);
        it_put16(b + 10, plain_sum(0, b, 20));
        ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
        ck_assert_int_eq(it_pkt_icmp_error(e, ip_of("192.0.2.9"), p, 11, 0, 0), first ? 0 : IT_ERR_STATE);
    }
    close_pool();
}
END_TEST

START_TEST(errors_are_sent_about_every_fragment_of_ipv6)
{
    static const uint8_t fragment[] = {44, 17, 0, 0, 0x10, 0, 0, 0, 1};
    uint8_t b[IT_PKT_MAX];
    open_pool();
    it_pkt *p = it_pkt_new(&Pool), *e = it_pkt_new(&Pool);
    size_t n = insert(b, sample(b, IT_PROTO_UDP, 1), fragment[0], fragment + 1, 8);
    ck_assert_int_eq(it_pkt_parse(p, it_bytes_of(b, n)), 0);
    ck_assert_int_eq(p->frag, 2);
    ck_assert_int_eq(it_pkt_icmp_error(e, ip_of("2001:db8::9"), p, 2, 0, 1280), 0); /* RFC 4443 section 2.4 (e) */
    close_pool();
}
END_TEST

START_TEST(errors_and_queries_are_told_apart)
{
    int v6 = _i >= 256, type = _i % 256;
    it_pkt_icmp_msg m = {
        .src = ip_of(FAMILY[v6][0]), .dst = ip_of(FAMILY[v6][1]), .type = (uint8_t)type, .rest = 0xabcd0001};
    bool error = v6 ? type < 128 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    bool query = v6 ? type == 128 || type == 129 : type == 0 || type == 8 || (type >= 13 && type <= 18);
    open_pool();
    it_pkt *p = it_pkt_new(&Pool);
    m.hops = 3;
    ck_assert_int_eq(it_pkt_icmp(p, &m), 0);
    ck_assert(it_pkt_is_icmp_error(p) == error);
    ck_assert_uint_eq(p->sport, query ? 0xabcd : 0);
    ck_assert_uint_eq(p->dport, query ? 0xabcd : 0);
    ck_assert_int_eq(it_pkt_ip(p)[v6 ? 7 : 8], 3);
    ck_assert(sums_right(p));
    close_pool();
}
END_TEST

/* --- the pool --- */

START_TEST(packets_come_back_clean_and_apart)
{
    enum { N = 1000 };
    static it_pkt *v[N];
    open_pool();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            v[i] = it_pkt_new(&Pool);
            ck_assert_ptr_nonnull(v[i]);
            ck_assert_uint_eq((uintptr_t)it_pkt_ip(v[i]) % 64, 0);
            ck_assert_uint_eq(v[i]->head, IT_PKT_HEADROOM);
            ck_assert(v[i]->len == 0 && v[i]->id == 0 && v[i]->cause == 0 && it_ip_none(v[i]->hop) && v[i]->label == 0);
            memset(v[i], 0x11 + round, sizeof *v[i]);
        }
        ck_assert_uint_eq(Pool.live, N);
        int64_t blocks = A.live;
        for (int i = 0; i < N; i++)
            it_pkt_free(&Pool, v[i]);
        ck_assert_uint_eq(Pool.live, 0);
        ck_assert_int_eq(A.live, blocks);
    }
    ck_assert_uint_lt(Pool.total, 2 * N);
    close_pool();
}
END_TEST

START_TEST(a_pool_without_memory_gives_nothing)
{
    it_alloc_init_countdown(&A, 1);
    it_pkt_pool_init(&Pool, &A);
    int n = 0;
    while (it_pkt_new(&Pool))
        n++;
    ck_assert_int_eq(n, 16);
    ck_assert_ptr_null(it_pkt_new(&Pool));
    close_pool();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/packet");
    TCase *t = tcase_create("build and parse");
    tcase_add_loop_test(t, a_built_datagram_parses_to_the_same, 0, 24);
    tcase_add_loop_test(t, a_built_segment_parses_to_the_same, 0, 16);
    tcase_add_test(t, an_ipv4_datagram_has_the_bytes_of_the_rfcs);
    tcase_add_test(t, families_do_not_mix);
    tcase_add_loop_test(t, every_truncation_is_refused, 0, 6);
    tcase_add_loop_test(t, a_flipped_bit_is_noticed, 0, 6);
    tcase_add_loop_test(t, contradictions_are_refused, 0, 11);
    tcase_add_loop_test(t, a_mapped_address_in_an_ipv6_header_is_refused, 0, 2);
    tcase_add_test(t, ipv4_fragments_are_told_apart);
    tcase_add_test(t, ipv6_extension_headers_are_walked);
    tcase_add_test(t, an_endless_chain_of_extension_headers_is_refused);
    tcase_add_test(t, a_protocol_not_known_passes_without_ports);
    suite_add_tcase(s, t);
    t = tcase_create("rewrite");
    tcase_add_loop_test(t, rewriting_keeps_bytes_cache_and_checksums_together, 0, 6);
    tcase_add_loop_test(t, a_udp_checksum_of_none_stays_none, 0, 2);
    tcase_add_test(t, a_computed_zero_is_sent_as_ones);
    tcase_add_test(t, an_echo_reply_that_becomes_all_zeros_keeps_a_right_checksum);
    tcase_add_test(t, on_a_later_fragment_only_the_ip_header_changes);
    tcase_add_loop_test(t, hops_count_down_to_one, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("ICMP");
    tcase_add_loop_test(t, an_error_quotes_as_much_as_it_may, 0, 18);
    tcase_add_loop_test(t, no_error_is_sent_to_many_or_to_nobody, 0, 11);
    tcase_add_test(t, no_error_is_sent_about_a_later_fragment_of_ipv4);
    tcase_add_test(t, errors_are_sent_about_every_fragment_of_ipv6);
    tcase_add_loop_test(t, errors_and_queries_are_told_apart, 0, 512);
    suite_add_tcase(s, t);
    t = tcase_create("pool");
    tcase_add_test(t, packets_come_back_clean_and_apart);
    tcase_add_test(t, a_pool_without_memory_gives_nothing);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
