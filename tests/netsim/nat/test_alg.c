/* The generic ALG: what it rewrites in a payload, what it leaves alone, and checksums that stay what they were. */
#include "tests/netsim/box.h"

static box B;

#define X "10.0.0.2"    /* the inside host */
#define E "203.0.113.1" /* the box outside */
#define S "198.51.100.1"

static it_nat_profile generic(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.udp.filtering = IT_NAT_EI;
    p.alg = IT_NAT_ALG_GENERIC;
    return p;
}

static uint32_t v4(const char *ip)
{
    return it_ip_v4(I(ip));
}

/* Sends |d| as a datagram in on |side|; the payload that came out on |to|, of nothing when none did. box.h checks its
 * checksum. */
static it_bytes through(int side, const char *from, const char *dst, it_bytes d, int to)
{
    it_pkt p;
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_udp(&p, A(from), A(dst), d), 0);
    box_put(&B, side, it_pkt_bytes(&p));
    it_pkt *out = box_got(&B, to);
    return out ? it_pkt_payload(out) : it_bytes_of(NULL, 0);
}

/* |n| bytes 0xee with |ip| at each of up to three places, -1: none. */
static it_bytes with(uint8_t *buf, size_t n, const char *ip, int a, int b, int c)
{
    const int at[] = {a, b, c};
    memset(buf, 0xee, n);
    for (int i = 0; i < 3; i++)
        if (at[i] >= 0)
            it_put32(buf + at[i], v4(ip));
    return it_bytes_of(buf, n);
}

#define ck_bytes(got, want) ck_assert_msg(it_bytes_eq(got, want), "%zu bytes, not %zu, or others", (got).n, (want).n)

/* lengths, places: even and odd ones, at both ends, side by side */
static const struct {
    size_t n;
    int a, b, c;
} PLACES[] = {{4, 0, -1, -1}, {5, 1, -1, -1},  {5, 0, -1, -1},  {12, 0, 4, 8},
              {13, 1, 5, 9},  {64, 0, 31, 60}, {63, 3, 30, 59}, {1000, 0, 501, 996}};
#define N_PLACES (int)(sizeof PLACES / sizeof *PLACES)

START_TEST(an_address_of_a_mapping_is_rewritten_wherever_it_stands)
{
    uint8_t a[IT_PKT_MAX], b[IT_PKT_MAX];
    it_nat_profile p = generic();
    size_t n = PLACES[_i].n;
    int at[3] = {PLACES[_i].a, PLACES[_i].b, PLACES[_i].c};
    box_open(&B, &p);
    it_bytes out = through(IT_NAT_LAN, X ":5000", S ":80", with(a, n, X, at[0], at[1], at[2]), IT_NAT_WAN);
    ck_bytes(out, with(b, n, E, at[0], at[1], at[2]));
    it_bytes in = through(IT_NAT_WAN, S ":80", E ":5000", with(a, n, E, at[0], at[1], at[2]), IT_NAT_LAN);
    ck_bytes(in, with(b, n, X, at[0], at[1], at[2]));
    ck_assert_uint_eq(it_nat_stat(B.nat)->alg, 2);
    box_close(&B);
}
END_TEST

START_TEST(other_addresses_stay)
{
    static const char *const OUT[] = {E, S, "10.0.0.3", "10.0.0.1"}, *const IN[] = {X, S, "203.0.113.2", "10.0.0.1"};
    uint8_t a[64], b[64];
    it_nat_profile p = generic();
    box_open(&B, &p);
    ck_some(udp_out(&B, X ":5000", S ":80"));
    for (int i = 0; i < 4; i++) {
        ck_bytes(through(IT_NAT_LAN, X ":5000", S ":80", with(a, 40, OUT[i], 0, 9, 20), IT_NAT_WAN),
                 with(b, 40, OUT[i], 0, 9, 20));
        ck_bytes(through(IT_NAT_WAN, S ":80", E ":5000", with(a, 40, IN[i], 0, 9, 20), IT_NAT_LAN),
                 with(b, 40, IN[i], 0, 9, 20));
    }
    for (size_t n = 0; n < 4; n++) { /* shorter than an address */
        it_put32(a, v4(X));
        ck_bytes(through(IT_NAT_LAN, X ":5000", S ":80", it_bytes_of(a, n), IT_NAT_WAN), it_bytes_of(a, n));
    }
    it_bytes text = it_bytes_str("c=IN IP4 " X);
    ck_bytes(through(IT_NAT_LAN, X ":5000", S ":80", text, IT_NAT_WAN), text);
    ck_assert_uint_eq(it_nat_stat(B.nat)->alg, 0);
    box_close(&B);
}
END_TEST

START_TEST(every_host_has_the_address_of_its_own_mapping)
{
    uint8_t a[64], b[64];
    it_nat_profile p = generic();
    p.pool.size = 4;
    p.pool.mode = IT_NAT_POOL_ARBITRARY;
    p.udp.inbound_session = _i; /* without one the mapping says it */
    box_open(&B, &p);
    for (uint16_t port = 5000; port < 5010; port++) {
        char x[32], e[IT_ADDR_TEXT], ip[IT_ADDR_TEXT];
        snprintf(x, sizeof x, "10.0.0.%d:%d", 2 + port % 3, port);
        it_addr out = udp_out(&B, x, S ":80");
        ck_some(out);
        it_addr_text(out, e);
        snprintf(ip, sizeof ip, "%.*s", (int)(strchr(e, ':') - e), e);
        x[8] = 0; /* the address alone */
        ck_bytes(through(IT_NAT_WAN, S ":9999", e, with(a, 20, ip, 3, -1, -1), IT_NAT_LAN), with(b, 20, x, 3, -1, -1));
    }
    box_close(&B);
}
END_TEST

START_TEST(a_hairpin_rewrites_for_both_ends)
{
    uint8_t a[64];
    it_nat_profile p = generic();
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    ck_some(udp_out(&B, X ":5000", S ":80"));
    ck_some(udp_out(&B, "10.0.0.3:6000", S ":80"));
    it_put32(a, v4(X));
    it_put32(a + 4, v4("10.0.0.3"));
    it_bytes got = through(IT_NAT_LAN, X ":5000", E ":6000", it_bytes_of(a, 8), IT_NAT_LAN);
    ck_assert_uint_eq(got.n, 8);
    /* out it became the external address, and that is the other's too, so in it becomes the other's */
    ck_assert(it_get32(got.p) == v4("10.0.0.3") && it_get32(got.p + 4) == v4("10.0.0.3"));
    box_close(&B);
}
END_TEST

/* The UDP packet |d| with checksum |how|: 0 right, 1 none, 2 wrong. */
static it_pkt *raw(int how)
{
    static it_pkt p;
    uint8_t a[64];
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_udp(&p, A(X ":5000"), A(S ":80"), with(a, 33, X, 1, 8, 29)), 0);
    uint8_t *ck = it_pkt_l4(&p) + 6;
    it_put16(ck, how == 0 ? it_get16(ck) : how == 1 ? 0 : (uint16_t)(it_get16(ck) ^ 0x55));
    ck_assert_int_eq(it_edge_send(B.edge[IT_NAT_LAN], it_world_now(B.w), it_pkt_bytes(&p), 0), 0);
    ck_assert_int_eq(it_world_run(B.w, it_world_now(B.w)), 1);
    it_pkt *out = it_edge_take(B.edge[IT_NAT_WAN]);
    ck_assert_ptr_nonnull(out);
    p = *out;
    it_pkt_free(it_world_pool(B.w), out);
    ck_assert_int_eq(it_world_run(B.w, it_world_now(B.w)), 0);
    return &p;
}

START_TEST(a_checksum_stays_right_wrong_or_absent)
{
    it_nat_profile p = generic();
    box_open(&B, &p);
    for (int how = 0; how < 3; how++) {
        it_pkt *out = raw(how);
        ck_assert_uint_eq(it_get32(it_pkt_payload(out).p + 29), v4(E));
        ck_assert_int_eq(it_pkt_cksum_ok(out), how != 2);
        ck_assert_int_eq(it_get16(it_pkt_l4(out) + 6) == 0, how == 1);
    }
    box_close(&B);
}
END_TEST

START_TEST(fragments_and_tcp_stay)
{
    uint8_t a[512];
    it_nat_profile p = generic();
    it_pkt whole, part;
    box_open(&B, &p);
    memset(&whole, 0, offsetof(it_pkt, buf));
    memset(&part, 0, offsetof(it_pkt, buf));
    part.head = IT_PKT_HEADROOM;
    ck_assert_int_eq(it_pkt_udp(&whole, A(X ":5000"), A(S ":80"), with(a, 300, X, 0, 40, 200)), 0);
    ck_assert_int_gt(it_pkt_fragment(&part, &whole, 0, 120), 0);
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&part));
    ck_assert_uint_eq(it_get32(it_pkt_l4(box_got(&B, IT_NAT_WAN)) + 8), v4(X));
    it_pkt_tcp_msg m = {.src = A(X ":5000"), .dst = A(S ":80"), .flags = IT_TCP_SYN, .data = {it_bytes_of(a, 100)}};
    memset(&whole, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_tcp(&whole, &m), 0);
    box_put(&B, IT_NAT_LAN, it_pkt_bytes(&whole));
    ck_assert_uint_eq(it_get32(it_pkt_l4(box_got(&B, IT_NAT_WAN)) + 20), v4(X));
    ck_assert_uint_eq(it_nat_stat(B.nat)->alg, 0);
    box_close(&B);
}
END_TEST

START_TEST(it_can_be_switched_while_sessions_last)
{
    uint8_t a[64], b[64];
    it_nat_profile on = generic(), off = on; /* RFC 4787 REQ-10a */
    off.alg = 0;
    box_open(&B, &off);
    for (int i = 0; i < 4; i++) {
        bool yes = i % 2;
        ck_assert_int_eq(it_nat_set(B.nat, yes ? &on : &off), 0);
        for (int k = 0; k < 2; k++) {
            ck_bytes(through(IT_NAT_LAN, X ":5000", S ":80", with(a, 20, X, 3, -1, -1), IT_NAT_WAN),
                     with(b, 20, yes ? E : X, 3, -1, -1));
            ck_bytes(through(IT_NAT_WAN, S ":80", E ":5000", with(a, 20, E, 3, -1, -1), IT_NAT_LAN),
                     with(b, 20, yes ? X : E, 3, -1, -1));
        }
    }
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions_created, 1);
    box_close(&B);
}
END_TEST

START_TEST(the_other_gateways_and_nat64_are_refused_by_name)
{
    it_nat_profile p = generic();
    ck_assert_ptr_null(it_nat_profile_fault(&p));
    p.alg |= IT_NAT_ALG_SIP;
    ck_assert_ptr_nonnull(strstr(it_nat_profile_unbuilt(&p), "generic, ftp, sip, h323, rtsp and pptp"));
    ck_assert_ptr_eq(it_nat_profile_fault(&p), it_nat_profile_unbuilt(&p));
    p.alg = IT_NAT_ALG_GENERIC;
    p.family = 64;
    ck_assert_int_eq(it_prefix_parse(&p.prefix, "64:ff9b::/96"), 0);
    ck_assert_ptr_nonnull(strstr(it_nat_profile_fault(&p), "IPv4"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/nat_alg");
    TCase *t = tcase_create("RFC 8489 14.2, RFC 5780 3.6");
    tcase_add_loop_test(t, an_address_of_a_mapping_is_rewritten_wherever_it_stands, 0, N_PLACES);
    tcase_add_test(t, other_addresses_stay);
    tcase_add_loop_test(t, every_host_has_the_address_of_its_own_mapping, 0, 2);
    tcase_add_test(t, a_hairpin_rewrites_for_both_ends);
    tcase_add_test(t, a_checksum_stays_right_wrong_or_absent);
    tcase_add_test(t, fragments_and_tcp_stay);
    tcase_add_test(t, it_can_be_switched_while_sessions_last);
    tcase_add_test(t, the_other_gateways_and_nat64_are_refused_by_name);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
