/* NAT64 and NPTv6: translation of headers both ways, of ICMP and what is inside it, fragments, state, and plain IPv6
 * beside. */
#include "base/pref64.h"
#include "netsim/nat/impl.h"
#include "netsim/box/xlat.h"

#include "tests/netsim/box.h"

static box B;

#define H "[2001:db8:6::2]:5000" /* a host inside */
#define S "198.51.100.1:80"
#define S6 "[64:ff9b::c633:6401]:80" /* S seen from inside */
#define X "203.0.113.1:5000"

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.family = 64;
    ck_assert_int_eq(it_prefix_parse(&p.prefix, "64:ff9b::/96"), 0);
    p.udp.timeout.initial = p.udp.timeout.replied = p.udp.timeout.stream = 300 * IT_SEC;
    p.udp.filtering = p.tcp.filtering = IT_NAT_AD;
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    return p;
}

static void open64(const it_nat_profile *p)
{
    it_ip ext[4] = {I("203.0.113.1"), I("203.0.113.2"), I("203.0.113.3"), I("203.0.113.4")};
    box_start(&B, 1);
    B.nat = it_nat_new(B.w, "nat", p);
    ck_assert_ptr_nonnull(B.nat);
    box_wire(&B, it_nat_node(B.nat));
    ck_assert_int_eq(it_nat_inside(B.nat, I("2001:db8:6::1"), 64), 0);
    ck_assert_int_eq(it_nat_outside(B.nat, ext, p->pool.size, (it_ip){0, 0}), 0);
}

static it_pkt *only(int side)
{
    ck_assert_uint_eq(B.n_got, 1);
    ck_assert_int_eq(B.got[0].side, side);
    return &B.got[0].p;
}

/* RFC 6146 section 3.5.2.2, ESTABLISHED: at the end of its time the host inside is asked; whoever answers goes on. */
START_TEST(an_idle_connection_is_probed_before_it_ends)
{
    it_nat_profile p = base();
    const it_time est = p.tcp.timeout.est, trans = p.tcp.timeout.close;
    open64(&p);
    seg syn = {A(H), A(S6), SYN, 1000, 0, 0}, syn_ack = {A(S), A(X), SYN | ACK, 2000, 1001, 0},
        ack = {A(H), A(S6), ACK, 1001, 2001, 0};
    box_tcp(&B, IT_NAT_LAN, &syn);
    box_tcp(&B, IT_NAT_WAN, &syn_ack);
    box_tcp(&B, IT_NAT_LAN, &ack);
    it_time t = it_world_now(B.w);
    for (int round = 0; round < 3; round++) {
        B.n_got = 0;
        box_at(&B, t + est - 1);
        ck_assert_uint_eq(B.n_got, 0);
        box_at(&B, t + est);
        it_pkt *o = only(IT_NAT_LAN);
        const uint8_t *tcp = it_pkt_l4(o);
        ck_addr(it_addr_of(o->src, o->sport), S6);
        ck_addr(it_addr_of(o->dst, o->dport), H);
        ck_assert(tcp[13] == ACK && it_get32(tcp + 4) == 0 && it_get32(tcp + 8) == 0 && o->len == 60);
        ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
        if (round == 2)
            break;
        box_at(&B, t + est + trans - 1);
        if (round == 0)
            box_tcp(&B, IT_NAT_LAN, &ack); /* from either side */
        else
            box_tcp(&B, IT_NAT_WAN, &(seg){A(S), A(X), ACK, 2001, 1001, 0});
        ck_assert_uint_eq(B.n_got, 1);
        t = it_world_now(B.w);
    }
    B.n_got = 0;
    box_at(&B, t + est + trans - 1);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
    box_at(&B, t + est + trans);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

/* --- RFC 6052 --- */

/* A home router of both families: IPv4 is translated, IPv6 handed on, or knows no way. RFC 8200 section 3. */
START_TEST(a_nat_of_ipv4_may_hand_on_ipv6_as_it_is)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    box_open(&B, &p);
    box_udp(&B, IT_NAT_LAN, A(H), A("[2001:db8:7::1]:80"));
    ck_assert(B.n_got == 0 && B.drop == IT_DROP_NAT_PROTO);
    it_nat_route6(B.nat, I("2001:db8:9::2"), I("fe80::1"));
    for (int side = 0; side < 2; side++) {
        const char *ends[] = {H, "[2001:db8:7::1]:80"};
        box_udp(&B, side, A(ends[side]), A(ends[!side]));
        it_pkt *q = only(!side);
        ck_assert(it_addr_eq(it_addr_of(q->src, q->sport), A(ends[side])) &&
                  it_addr_eq(it_addr_of(q->dst, q->dport), A(ends[!side])));
        ck_assert_uint_eq(it_pkt_ip(q)[7], 63);
    }
    box_query(&B, IT_NAT_WAN, I("2001:db8:7::1"), I("2001:db8:9::2"), 128, 7);
    ck_assert_uint_eq(it_pkt_l4(only(IT_NAT_WAN))[0], 129);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:80"));
    box_close(&B);
}
END_TEST

START_TEST(addresses_embed_as_in_the_table)
{
    /* Section 2.4: 192.0.2.33 under prefixes of every length. */
    static const char *const T[][2] = {
        {"2001:db8::/32", "2001:db8:c000:221::"},
        {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
        {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
        {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
        {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
        {"2001:db8:122:344::/96", "2001:db8:122:344::c000:221"},
    };
    it_prefix p;
    uint32_t v4;
    ck_assert_int_eq(it_prefix_parse(&p, T[_i][0]), 0);
    ck_assert(it_pref64_ok(p));
    ck_assert(it_ip_eq(it_pref64_embed(p, 0xc0000221u), I(T[_i][1])));
    ck_assert(it_pref64_extract(p, I(T[_i][1]), &v4));
    ck_assert_uint_eq(v4, 0xc0000221u);
    ck_assert(!it_pref64_extract(p, I("2002::1"), &v4));
}
END_TEST

/* --- UDP and TCP --- */

START_TEST(udp_passes_both_ways)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    size_t n = (size_t)_i * 250;
    open64(&p);
    it_bytes d = box_udp_bytes(buf, A(H), A(S6), n);
    buf[0] = 0x6b; /* traffic class 0xb8 */
    buf[1] = 0x80;
    box_put(&B, IT_NAT_LAN, d);
    it_pkt *o = only(IT_NAT_WAN);
    ck_addr(it_addr_of(o->src, o->sport), X);
    ck_addr(it_addr_of(o->dst, o->dport), S);
    ck_assert_uint_eq(o->len, 28 + n);
    ck_assert_uint_eq(it_pkt_ip(o)[1], 0xb8);
    ck_assert_uint_eq(it_pkt_ip(o)[8], 63);
    ck_assert(it_pkt_may_fragment(o) == (o->len <= 1260)); /* RFC 7915 section 5.1 */
    ck_assert_mem_eq(it_pkt_payload(o).p, buf + 48, n);
    box_udp(&B, IT_NAT_WAN, A(S), A(X));
    it_pkt *i = only(IT_NAT_LAN);
    ck_addr(it_addr_of(i->src, i->sport), S6);
    ck_addr(it_addr_of(i->dst, i->dport), H);
    ck_assert(it_ip_eq(i->hop, i->dst));
    ck_assert_uint_eq(it_pkt_ip(i)[7], 63);
    box_close(&B);
}
END_TEST

START_TEST(a_connection_passes_both_ways)
{
    it_nat_profile p = base();
    open64(&p);
    seg s = {A(H), A(S6), SYN, 1000, 0, 0};
    box_tcp(&B, IT_NAT_LAN, &s);
    ck_addr(it_addr_of(only(IT_NAT_WAN)->src, only(IT_NAT_WAN)->sport), X);
    seg a = {A(S), A(X), SYN | ACK, 9000, 1001, 0};
    box_tcp(&B, IT_NAT_WAN, &a);
    ck_addr(it_addr_of(only(IT_NAT_LAN)->dst, only(IT_NAT_LAN)->dport), H);
    box_close(&B);
}
END_TEST

START_TEST(a_datagram_without_a_checksum_gets_one)
{
    /* RFC 7915 section 4.5; and from IPv6 it is nothing (RFC 8200 section 8.1). */
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    open64(&p);
    ck_assert_ptr_nonnull((box_udp(&B, IT_NAT_LAN, A(H), A(S6)), box_got(&B, IT_NAT_WAN)));
    it_bytes d = box_udp_bytes(buf, A(S), A(X), 33);
    it_put16(buf + 26, 0);
    box_put(&B, IT_NAT_WAN, d);
    ck_assert_uint_ne(it_get16(it_pkt_l4(only(IT_NAT_LAN)) + 6), 0); /* box_at has checked it */
    d = box_udp_bytes(buf, A(H), A(S6), 33);
    it_put16(buf + 46, 0);
    box_put(&B, IT_NAT_LAN, d);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

/* RFC 768: a computed checksum of 0 is sent as all ones; in IPv6 0 would be none (RFC 8200 section 8.1). */
START_TEST(a_checksum_of_zero_is_sent_as_ones)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    it_bytes d = box_udp_bytes(buf, A(S), A(X), 32);
    uint16_t ck = 0;
    for (int round = 0; round < 2; round++) {
        uint32_t word = (uint32_t)it_get16(buf + 28) + ck; /* what was missing from the sum */
        it_put16(buf + 28, (uint16_t)((word & 0xffff) + (word >> 16)));
        it_put16(buf + 26, 0);
        box_put(&B, IT_NAT_WAN, d);
        ck = it_get16(it_pkt_l4(only(IT_NAT_LAN)) + 6);
    }
    ck_assert_uint_eq(ck, 0xffff);
    box_close(&B);
}
END_TEST

/* RFC 7915 section 5.1: a routing header with segments left is not translated; one that is used up is passed over. */
START_TEST(a_source_route_does_not_pass)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    open64(&p);
    it_bytes d = box_udp_bytes(buf, A(H), A(S6), 12);
    memmove(buf + 48, buf + 40, d.n - 40);
    memset(buf + 40, 0, 8);
    buf[40] = 17;
    buf[6] = 43;
    it_put16(buf + 4, (uint16_t)(d.n - 40 + 8));
    buf[43] = (uint8_t)_i;
    box_put(&B, IT_NAT_LAN, it_bytes_of(buf, d.n + 8));
    it_pkt *o = box_got(&B, IT_NAT_WAN);
    ck_assert_int_eq(o != NULL, _i == 0);
    if (o)
        ck_addr(it_addr_of(o->src, o->sport), X);
    box_close(&B);
}
END_TEST

/* RFC 7915 section 4.2: IPv6 is never told of less than its minimum. */
START_TEST(an_mtu_below_ipv6s_is_told_as_1280)
{
    static const uint16_t MTUS[][2] = {{0, 1280}, {68, 1280}, {576, 1280}, {1259, 1280}, {1261, 1281}, {1300, 1320}};
    it_nat_profile p = base();
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    it_pkt e, o = *only(IT_NAT_WAN);
    memset(&e, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&e, I("192.0.2.77"), &o, 3, 4, MTUS[_i][0]), 0);
    box_put(&B, IT_NAT_WAN, it_pkt_bytes(&e));
    ck_assert_uint_eq(it_get32(it_pkt_l4(only(IT_NAT_LAN)) + 4), MTUS[_i][1]);
    box_close(&B);
}
END_TEST

/* RFC 7915 section 4.2, RFC 1191 section 7: a router that says 0 means a plateau below what it complains of. */
START_TEST(an_mtu_of_0_is_a_plateau)
{
    static const uint16_t TOTALS[][2] = {{1500, 1492}, {1493, 1492}, {1492, 1280},
                                         {1300, 1280}, {60, 1280},   {2003, 1500}};
    it_nat_profile p = base();
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    it_pkt e, o = *only(IT_NAT_WAN);
    uint8_t *q = it_pkt_ip(&o);
    it_put16(q + 2, TOTALS[_i][0]);
    it_put16(q + 10, 0);
    it_put16(q + 10, it_sum_fold(it_sum_add(0, q, 20)));
    memset(&e, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&e, I("192.0.2.77"), &o, 3, 4, 0), 0);
    box_put(&B, IT_NAT_WAN, it_pkt_bytes(&e));
    ck_assert_uint_eq(it_get32(it_pkt_l4(only(IT_NAT_LAN)) + 4), TOTALS[_i][1]);
    box_close(&B);
}
END_TEST

/* RFC 7915 section 5.1: Type 4, Code 0, the pointer at Segments Left. */
START_TEST(the_sender_of_a_source_route_is_answered)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    size_t before = _i ? 8 : 0; /* a header of options in front */
    open64(&p);
    it_bytes d = box_udp_bytes(buf, A(H), A(S6), 12);
    memmove(buf + 48 + before, buf + 40, d.n - 40);
    memset(buf + 40, 0, 8 + before);
    uint8_t *routing = buf + 40 + before;
    buf[6] = 43;
    if (before) {
        buf[6] = 60;
        buf[40] = 43;
        buf[42] = 1;
        buf[43] = 4;
    }
    routing[0] = 17;
    routing[3] = 2;
    it_put16(buf + 4, (uint16_t)(d.n - 40 + 8 + before));
    box_put(&B, IT_NAT_LAN, it_bytes_of(buf, d.n + 8 + before));
    it_pkt *e = only(IT_NAT_LAN);
    const uint8_t *t = it_pkt_l4(e);
    ck_assert(t[0] == 4 && t[1] == 0);
    ck_assert_uint_eq(it_get32(t + 4), 43 + before);
    ck_assert_int_eq(memcmp(t + 8, buf, d.n + 8 + before), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PROTO);
    box_close(&B);
}
END_TEST

/* RFC 6946 section 4: an atomic fragment is all of a packet. */
START_TEST(an_echo_in_an_atomic_fragment_is_translated)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    it_pkt q;
    open64(&p);
    memset(&q, 0, offsetof(it_pkt, buf));
    it_pkt_icmp_msg m = {
        .src = A(H).ip, .dst = A(S6).ip, .type = 128, .rest = 7u << 16, .body = it_bytes_of("abcd", 4)};
    ck_assert_int_eq(it_pkt_icmp(&q, &m), 0);
    memcpy(buf, it_pkt_ip(&q), 40);
    memset(buf + 40, 0, 8);
    memcpy(buf + 48, it_pkt_l4(&q), 12);
    buf[6] = 44;
    buf[40] = IT_PROTO_ICMP6;
    it_put32(buf + 44, 77);
    it_put16(buf + 4, 20);
    box_put(&B, IT_NAT_LAN, it_bytes_of(buf, 60));
    it_pkt *o = only(IT_NAT_WAN);
    ck_assert(o->ver == 4 && o->frag == 0 && it_pkt_l4(o)[0] == 8);
    ck_assert_int_eq(memcmp(it_pkt_l4(o) + 8, "abcd", 4), 0);
    /* A real fragment of one is not: RFC 7915 section 1.2. */
    buf[43] = 1;
    box_put(&B, IT_NAT_LAN, it_bytes_of(buf, 60));
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    box_close(&B);
}
END_TEST

/* RFC 4443 section 2.4 (c): as much as fits 1280 bytes; RFC 7915 section 5: the MTU outside and 20. */
START_TEST(too_big_for_the_outside_is_told_with_all_that_fits)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    it_link_dir_cfg small = {.mtu = 1400};
    open64(&p);
    ck_assert_int_eq(it_link_set(B.w, 0, B.link[IT_NAT_WAN], 1, &small), 0);
    box_put(&B, IT_NAT_LAN, box_udp_bytes(buf, A(H), A(S6), 1372));
    ck_assert_uint_eq(only(IT_NAT_WAN)->len, 1400);
    it_bytes d = box_udp_bytes(buf, A(H), A(S6), 1373);
    box_put(&B, IT_NAT_LAN, d);
    it_pkt *e = only(IT_NAT_LAN);
    ck_assert_uint_eq(e->len, 1280);
    ck_assert_uint_eq(it_get32(it_pkt_l4(e) + 4), 1420);
    ck_assert_int_eq(memcmp(it_pkt_l4(e) + 8, d.p, 1232), 0);
    box_close(&B);
}
END_TEST

START_TEST(filter_timer_and_tables_are_those_of_a_nat)
{
    it_nat_profile p = base();
    uint32_t pos = 0;
    it_nat_entry e;
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    box_udp(&B, IT_NAT_WAN, A("198.51.100.1:81"), A(X));
    ck_assert_uint_eq(B.n_got, 1);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.2:80"), A(X));
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_FILTER_ADDR);
    ck_assert(it_nat_next_mapping(B.nat, &pos, &e));
    ck_addr(e.internal, H);
    ck_addr(e.ext, X);
    box_at(&B, 300 * IT_SEC - 1);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 1);
    box_at(&B, 300 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    box_udp(&B, IT_NAT_WAN, A(S), A(X));
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(two_hosts_hairpin)
{
    /* RFC 6146 section 3.8. */
    it_nat_profile p = base();
    p.udp.filtering = IT_NAT_EI;
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A("[2001:db8:6::3]:6000"), A(S6));
    box_udp(&B, IT_NAT_LAN, A(H), A("[64:ff9b::cb00:7101]:6000"));
    it_pkt *i = only(IT_NAT_LAN);
    ck_addr(it_addr_of(i->src, i->sport), "[64:ff9b::cb00:7101]:5000");
    ck_addr(it_addr_of(i->dst, i->dport), "[2001:db8:6::3]:6000");
    box_close(&B);
}
END_TEST

START_TEST(explicit_mappings_are_of_ipv6_hosts)
{
    it_nat_profile p = base();
    it_addr ext;
    it_ip next[] = {I("192.0.2.99")};
    open64(&p);
    struct it_nat_map_request r = {
        .proto = IT_PROTO_UDP, .internal = A(H), .ext = A("203.0.113.1:8080"), .until = IT_NEVER};
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, &ext), 0);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.9:9"), ext);
    ck_addr(it_addr_of(only(IT_NAT_LAN)->dst, only(IT_NAT_LAN)->dport), H);
    ck_assert_int_eq(it_nat_renumber(B.nat, 0, next, 1, (it_ip){0, 0}), 0);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.9:9"), A("192.0.2.99:8080"));
    ck_addr(it_addr_of(only(IT_NAT_LAN)->dst, only(IT_NAT_LAN)->dport), H);
    ck_assert_int_eq(it_nat_map_del(B.nat, 0, IT_PROTO_UDP, A(H)), 0);
    r.internal = A("10.0.0.2:1");
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, &ext), IT_ERR_RANGE);
    box_close(&B);
}
END_TEST

START_TEST(a_million_hosts_leave_no_trace)
{
    /* Stand-ins come back with their hosts: what was refused or has ended holds none. */
    it_nat_profile p = base();
    p.udp.timeout.initial = IT_SEC;
    p.limits.sessions_per_dest = 100;
    open64(&p);
    for (uint32_t i = 0; i < 2000; i++) {
        it_ip host = {0x20010db800060000ULL, 0x10000u + i};
        box_udp(&B, IT_NAT_LAN, it_addr_of(host, 7), A(S6));
        ck_assert_uint_le(B.nat->six_by.n, 101);
        if (i % 100 == 99)
            box_at(&B, it_world_now(B.w) + IT_SEC);
    }
    ck_assert_uint_eq(B.nat->six_by.n, 0);
    box_close(&B);
}
END_TEST

/* --- ICMP --- */

START_TEST(an_echo_passes_both_ways)
{
    it_nat_profile p = base();
    open64(&p);
    box_query(&B, IT_NAT_LAN, I("2001:db8:6::2"), I("64:ff9b::c633:6401"), 128, 77);
    it_pkt *q = only(IT_NAT_WAN);
    ck_assert_uint_eq(it_pkt_l4(q)[0], 8);
    ck_assert_uint_eq(q->sport, 77);
    box_query(&B, IT_NAT_WAN, I("198.51.100.1"), I("203.0.113.1"), 0, 77);
    it_pkt *r = only(IT_NAT_LAN);
    ck_assert_uint_eq(it_pkt_l4(r)[0], 129);
    ck_assert(it_ip_eq(r->src, I("64:ff9b::c633:6401")) && it_ip_eq(r->dst, I("2001:db8:6::2")));
    box_close(&B);
}
END_TEST

static const uint8_t TO6[][4] = {{3, 0, 1, 0},  {3, 1, 1, 0},  {3, 2, 4, 1},  {3, 3, 1, 4},
                                 {3, 4, 2, 0},  {3, 9, 1, 1},  {3, 10, 1, 1}, {3, 13, 1, 1},
                                 {3, 15, 1, 1}, {11, 0, 3, 0}, {11, 1, 3, 1}, {12, 0, 4, 0}};

START_TEST(an_error_from_outside_is_one_of_ipv6)
{
    it_nat_profile p = base();
    uint8_t sent[IT_PKT_MAX];
    open64(&p);
    it_bytes d = box_udp_bytes(sent, A(H), A(S6), 40);
    box_put(&B, IT_NAT_LAN, d);
    it_pkt o = *only(IT_NAT_WAN);
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &o, TO6[_i][0], TO6[_i][1]);
    it_pkt *e = only(IT_NAT_LAN);
    ck_assert_uint_eq(it_pkt_l4(e)[0], TO6[_i][2]);
    ck_assert_uint_eq(it_pkt_l4(e)[1], TO6[_i][3]);
    ck_assert(it_ip_eq(e->src, I("64:ff9b::c000:24d")) && it_ip_eq(e->dst, I("2001:db8:6::2")));
    inner_of in = box_inner(e);
    ck_addr(in.src, H);
    ck_addr(in.dst, S6);
    ck_assert_mem_eq(it_pkt_l4(e) + 8 + 40, sent + 40, 48); /* the datagram as it was sent, checksum included */
    if (TO6[_i][0] == 3 && TO6[_i][1] == 4)
        ck_assert_uint_eq(it_get32(it_pkt_l4(e) + 4), 1300); /* 1280, and the larger header */
    box_close(&B);
}
END_TEST

START_TEST(what_has_no_counterpart_is_not_translated)
{
    static const uint8_t T[][2] = {{3, 14}, {4, 0}};
    it_nat_profile p = base();
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    it_pkt o = *only(IT_NAT_WAN);
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &o, T[_i][0], T[_i][1]);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PROTO);
    box_close(&B);
}
END_TEST

START_TEST(an_error_from_inside_is_one_of_ipv4)
{
    static const uint8_t T[][4] = {{1, 0, 3, 1}, {1, 1, 3, 10}, {1, 4, 3, 3},
                                   {2, 0, 3, 4}, {3, 0, 11, 0}, {4, 1, 3, 2}};
    it_nat_profile p = base();
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    box_udp(&B, IT_NAT_WAN, A(S), A(X));
    it_pkt at_host = *only(IT_NAT_LAN);
    box_error(&B, IT_NAT_LAN, I("2001:db8:6::2"), &at_host, T[_i][0], T[_i][1]);
    it_pkt *e = only(IT_NAT_WAN);
    ck_assert_uint_eq(it_pkt_l4(e)[0], T[_i][2]);
    ck_assert_uint_eq(it_pkt_l4(e)[1], T[_i][3]);
    ck_assert(it_ip_eq(e->src, I("203.0.113.1")) && it_ip_eq(e->dst, I("198.51.100.1")));
    ck_addr(box_inner(e).src, S);
    ck_addr(box_inner(e).dst, X);
    if (T[_i][0] == 2)
        ck_assert_uint_eq(it_get16(it_pkt_l4(e) + 6), 1260);
    box_close(&B);
}
END_TEST

/* --- fragments and sizes --- */

START_TEST(what_may_be_cut_goes_inside_in_ipv6_fragments)
{
    /* RFC 7915 section 4: without DF it must fit 1280 bytes. */
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX], d[IT_PKT_MAX];
    size_t n = 0;
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    it_bytes v4 = box_udp_bytes(buf, A(S), A(X), 1400);
    buf[6] = 0;
    it_put16(buf + 4, 0x1234);
    it_put16(buf + 10, 0);
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    box_put(&B, IT_NAT_WAN, v4);
    ck_assert_uint_eq(B.n_got, 2);
    for (int i = 0; i < 2; i++) {
        it_pkt *f = &B.got[i].p;
        ck_assert_uint_le(f->len, 1280);
        ck_assert_uint_eq(f->frag, (uint8_t)(i + 1));
        size_t at = it_get16(it_pkt_ip(f) + 42) & 0xfff8u;
        memcpy(d + at, it_pkt_ip(f) + 48, f->len - 48);
        n = at + f->len - 48;
    }
    ck_assert_uint_eq(n, 1408);
    ck_assert_uint_eq(it_sum_fold(it_sum_add(box_pseudo(A(S6).ip, A(H).ip, 17, n), d, n)), 0);
    box_close(&B);
}
END_TEST

START_TEST(ipv6_fragments_leave_as_ipv4_fragments)
{
    it_nat_profile p = base();
    uint8_t whole[IT_PKT_MAX], f[2][IT_PKT_MAX], d[IT_PKT_MAX];
    open64(&p);
    it_bytes v6 = box_udp_bytes(whole, A(H), A(S6), 1000);
    size_t n = v6.n - 40, cut = 504, len[2];
    for (int i = 0; i < 2; i++) {
        size_t at = i ? cut : 0, m = i ? n - cut : cut;
        memcpy(f[i], whole, 40);
        it_put16(f[i] + 4, (uint16_t)(8 + m));
        f[i][6] = 44;
        memset(f[i] + 40, 0, 8);
        f[i][40] = 17;
        it_put16(f[i] + 42, (uint16_t)(at | !i));
        it_put32(f[i] + 44, 0xabcd1234u);
        memcpy(f[i] + 48, whole + 40 + at, m);
        len[i] = 48 + m;
    }
    for (int k = 0; k < 2; k++) { /* the last one first, where asked */
        int i = _i ? 1 - k : k;
        out_pkt had = B.got[0];
        box_put(&B, IT_NAT_LAN, it_bytes_of(f[i], len[i]));
        if (!_i) {
            it_pkt *o = only(IT_NAT_WAN);
            size_t at = (it_get16(it_pkt_ip(o) + 6) & 0x1fffu) * 8;
            ck_assert(!(it_get16(it_pkt_ip(o) + 6) & 0x4000));
            memcpy(d + at, it_pkt_l4(o), o->len - 20u);
            if (k)
                ck_assert_uint_eq(it_get16(it_pkt_ip(o) + 4), it_get16(it_pkt_ip(&had.p) + 4));
        } else {
            ck_assert_uint_eq(B.n_got, k ? 2 : 0);
            for (size_t j = 0; j < B.n_got; j++) {
                it_pkt *o = &B.got[j].p;
                memcpy(d + (it_get16(it_pkt_ip(o) + 6) & 0x1fffu) * 8, it_pkt_l4(o), o->len - 20u);
            }
        }
    }
    ck_assert_uint_eq(it_sum_fold(it_sum_add(box_pseudo(A(X).ip, A(S).ip, 17, n), d, n)), 0);
    box_close(&B);
}
END_TEST

START_TEST(too_big_for_the_inside_is_told_in_ipv4_terms)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    it_link_dir_cfg small = {.mtu = 1400};
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    ck_assert_int_eq(it_link_set(B.w, 0, B.link[IT_NAT_LAN], 1, &small), 0);
    box_put(&B, IT_NAT_WAN, box_udp_bytes(buf, A(S), A(X), 1352));
    ck_assert_uint_eq(only(IT_NAT_LAN)->len, 1400);
    box_put(&B, IT_NAT_WAN, box_udp_bytes(buf, A(S), A(X), 1353));
    it_pkt *e = only(IT_NAT_WAN);
    ck_assert_uint_eq(it_pkt_l4(e)[1], 4);
    ck_assert_uint_eq(it_get16(it_pkt_l4(e) + 6), 1380);
    box_close(&B);
}
END_TEST

START_TEST(the_last_hop_is_answered_in_ipv6)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    open64(&p);
    it_bytes d = box_udp_bytes(buf, A(H), A(S6), 10);
    buf[7] = 1;
    box_put(&B, IT_NAT_LAN, d);
    it_pkt *e = only(IT_NAT_LAN);
    ck_assert_uint_eq(it_pkt_l4(e)[0], 3);
    ck_assert(it_ip_eq(e->src, I("2001:db8:6::1")));
    ck_addr(box_inner(e).src, H);
    ck_addr(box_inner(e).dst, S6);
    box_close(&B);
}
END_TEST

/* --- what else arrives --- */

static const struct {
    int side;
    const char *from, *to;
    enum it_drop why;
} ODD[] = {
    {IT_NAT_LAN, "[64:ff9b::1]:1", S6, IT_DROP_MARTIAN},       /* RFC 6146 section 3.5: a loop */
    {IT_NAT_LAN, H, "[64:ff9b::a00:1]:1", IT_DROP_MARTIAN},    /* RFC 6052 section 3.1: 10.0.0.1 */
    {IT_NAT_LAN, H, "[64:ff9b::c612:1]:1", IT_DROP_NAT_PROTO}, /* 198.18.0.1, a stand-in */
    {IT_NAT_LAN, H, "[ff02::1]:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "10.0.0.2:1", S, IT_DROP_NAT_PROTO},
    {IT_NAT_WAN, "[2001:db8::9]:1", "[64:ff9b::1]:1", IT_DROP_NOT_MINE},
    {IT_NAT_LAN, H, "[2001:db8:6::1]:1", IT_DROP_NO_SOCKET},
};

START_TEST(what_may_not_pass_does_not)
{
    it_nat_profile p = base();
    open64(&p);
    box_udp(&B, ODD[_i].side, A(ODD[_i].from), A(ODD[_i].to));
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, ODD[_i].why);
    ck_assert_uint_eq(B.nat->six_by.n, 0);
    box_close(&B);
}
END_TEST

START_TEST(plain_ipv6_is_routed)
{
    it_nat_profile p = base();
    open64(&p);
    it_nat_gateway6(B.nat, I("fe80::1"));
    box_udp(&B, IT_NAT_LAN, A(H), A("[2001:db8:99::1]:7"));
    it_pkt *o = only(IT_NAT_WAN);
    ck_addr(it_addr_of(o->src, o->sport), H);
    ck_assert(it_ip_eq(o->hop, I("fe80::1")));
    box_udp(&B, IT_NAT_WAN, A("[2001:db8:99::1]:7"), A(H));
    ck_addr(it_addr_of(only(IT_NAT_LAN)->dst, 5000), H);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_query(&B, IT_NAT_LAN, I("2001:db8:6::2"), I("2001:db8:6::1"), 128, 9);
    ck_assert_uint_eq(it_pkt_l4(only(IT_NAT_LAN))[0], 129);
    box_close(&B);
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
    it_nat_profile p = base();
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "bytes");
    open64(&p);
    box_udp(&B, IT_NAT_LAN, A(H), A(S6));
    for (int k = 0; k < 3000; k++) {
        uint8_t buf[IT_PKT_MAX];
        int side = (int)it_rng_below(&rng, 2);
        it_bytes d = box_udp_bytes(buf, side ? A(S) : A(H), side ? A(X) : A(S6), (size_t)it_rng_below(&rng, 200));
        size_t head = side ? 20 : 40;
        if (it_rng_below(&rng, 2))
            buf[side ? 9 : 6] = (uint8_t[]){1, 58, 6, 44, 0, 60, 43}[it_rng_below(&rng, 7)];
        uint64_t flips = it_rng_below(&rng, 6);
        for (uint64_t i = 0; i < flips; i++) {
            uint64_t at = it_rng_below(&rng, d.n - 6) + 6;
            at = at < head && it_rng_below(&rng, 2) ? head : at;
            buf[at < d.n ? at : 6] = (uint8_t)it_rng_below(&rng, 256);
        }
        if (side) {
            it_put16(buf + 10, 0);
            it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
        }
        if (it_edge_send(B.edge[side], it_world_now(B.w), d, 0) < 0)
            continue;
        int err;
        while ((err = it_world_run(B.w, it_world_now(B.w) + IT_MS)) == 1) {
            it_pkt *q = it_edge_take(it_world_ready(B.w));
            if (q)
                it_pkt_free(it_world_pool(B.w), q);
        }
        ck_assert_int_eq(err, 0);
    }
    box_close(&B);
}
END_TEST

/* --- NPTv6 --- */

static it_nat_profile npt(const char *prefix)
{
    it_nat_profile p = base();
    p.family = 66;
    ck_assert_int_eq(it_prefix_parse(&p.prefix, prefix), 0);
    return p;
}

START_TEST(the_example_of_the_rfc)
{
    /* RFC 6296 section 3.1, figure in 2.1 and appendix: fd01:203:405:1::1234 <-> 2001:db8:1:d550::1234. */
    it_prefix in, out;
    ck_assert_int_eq(it_prefix_parse(&in, "fd01:203:405::/48"), 0);
    ck_assert_int_eq(it_prefix_parse(&out, "2001:db8:1::/48"), 0);
    it_ip ip = I("fd01:203:405:1::1234");
    ck_assert(it_natc66_map(in, out, &ip));
    ck_assert(it_ip_eq(ip, I("2001:db8:1:d550::1234")));
    ck_assert(it_natc66_map(out, in, &ip));
    ck_assert(it_ip_eq(ip, I("fd01:203:405:1::1234")));
    ip = I("fd01:203:405:ffff::1");
    ck_assert(!it_natc66_map(in, out, &ip));
}
END_TEST

START_TEST(a_prefix_is_translated_without_state_or_checksums)
{
    it_nat_profile p = npt(_i ? "2001:db8:1:7::/64" : "2001:db8:1::/48");
    uint8_t buf[IT_PKT_MAX];
    box_start(&B, 1);
    B.nat = it_nat_new(B.w, "nat", &p);
    ck_assert_ptr_nonnull(B.nat);
    box_wire(&B, it_nat_node(B.nat));
    ck_assert_int_eq(it_nat_inside(B.nat, I("fd01:203:405:1::1"), _i ? 64 : 48), 0);
    it_bytes d = box_udp_bytes(buf, A("[fd01:203:405:1::1234]:5"), A("[2001:db8:9::9]:6"), 30);
    box_put(&B, IT_NAT_LAN, d);
    it_pkt o = *only(IT_NAT_WAN);
    ck_assert(it_prefix_has(p.prefix, o.src));
    ck_assert_uint_eq(it_get16(it_pkt_l4(&o) + 6), it_get16(buf + 46)); /* neutral to the checksum */
    box_udp(&B, IT_NAT_WAN, A("[2001:db8:77::1]:1"), it_addr_of(o.src, 5));
    ck_assert(it_ip_eq(only(IT_NAT_LAN)->dst, I("fd01:203:405:1::1234")));
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    /* An error about what went out comes back with the inside address in it. */
    box_error(&B, IT_NAT_WAN, I("2001:db8:9::1"), &o, 1, 0);
    it_pkt *e = only(IT_NAT_LAN);
    ck_addr(box_inner(e).src, "[fd01:203:405:1::1234]:5");
    /* Hairpin: by the outside address. */
    box_udp(&B, IT_NAT_LAN, A("[fd01:203:405:1::77]:5"), it_addr_of(o.src, 5));
    it_pkt *h = only(IT_NAT_LAN);
    ck_assert(it_ip_eq(h->dst, I("fd01:203:405:1::1234")) && it_prefix_has(p.prefix, h->src));
    box_udp(&B, IT_NAT_LAN, A("[fd99::1]:5"), A("[2001:db8:9::9]:6"));
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_MARTIAN);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat64");
    TCase *t = tcase_create("RFC 6052 addresses");
    tcase_add_loop_test(t, addresses_embed_as_in_the_table, 0, 6);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6146 state");
    tcase_add_test(t, a_nat_of_ipv4_may_hand_on_ipv6_as_it_is);
    tcase_add_loop_test(t, udp_passes_both_ways, 0, 6);
    tcase_add_test(t, a_connection_passes_both_ways);
    tcase_add_test(t, an_idle_connection_is_probed_before_it_ends);
    tcase_add_test(t, a_datagram_without_a_checksum_gets_one);
    tcase_add_test(t, a_checksum_of_zero_is_sent_as_ones);
    tcase_add_loop_test(t, a_source_route_does_not_pass, 0, 2);
    tcase_add_loop_test(t, an_mtu_below_ipv6s_is_told_as_1280, 0, 6);
    tcase_add_loop_test(t, an_mtu_of_0_is_a_plateau, 0, 6);
    tcase_add_loop_test(t, the_sender_of_a_source_route_is_answered, 0, 2);
    tcase_add_test(t, an_echo_in_an_atomic_fragment_is_translated);
    tcase_add_test(t, too_big_for_the_outside_is_told_with_all_that_fits);
    tcase_add_test(t, filter_timer_and_tables_are_those_of_a_nat);
    tcase_add_test(t, two_hosts_hairpin);
    tcase_add_test(t, explicit_mappings_are_of_ipv6_hosts);
    tcase_add_test(t, a_million_hosts_leave_no_trace);
    tcase_add_loop_test(t, what_may_not_pass_does_not, 0, (int)(sizeof ODD / sizeof *ODD));
    tcase_add_test(t, plain_ipv6_is_routed);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 7915 ICMP");
    tcase_add_test(t, an_echo_passes_both_ways);
    tcase_add_loop_test(t, an_error_from_outside_is_one_of_ipv6, 0, (int)(sizeof TO6 / sizeof *TO6));
    tcase_add_loop_test(t, what_has_no_counterpart_is_not_translated, 0, 2);
    tcase_add_loop_test(t, an_error_from_inside_is_one_of_ipv4, 0, 6);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 7915 sizes");
    tcase_add_test(t, what_may_be_cut_goes_inside_in_ipv6_fragments);
    tcase_add_loop_test(t, ipv6_fragments_leave_as_ipv4_fragments, 0, 2);
    tcase_add_test(t, too_big_for_the_inside_is_told_in_ipv4_terms);
    tcase_add_test(t, the_last_hop_is_answered_in_ipv6);
    tcase_add_loop_test(t, random_bytes_do_no_harm, 0, 8);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6296 NPTv6");
    tcase_add_test(t, the_example_of_the_rfc);
    tcase_add_loop_test(t, a_prefix_is_translated_without_state_or_checksums, 0, 2);
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
