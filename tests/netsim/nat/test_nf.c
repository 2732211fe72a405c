/* A NAT like netfilter and packets out of the ordinary: the values are those that tests/groundtruth measures. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile like_netfilter(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.udp.alloc.n_classes = 1;
    p.udp.alloc.classes[0] = (it_nat_range){1024, 65535};
    p.udp.overload = p.udp.clash_edm = true;
    p.udp.refresh.dropped = p.verify = p.reserved = p.other.pass = p.silent = true;
    p.fragments = IT_NAT_FRAGMENTS_REASSEMBLE;
    p.icmp.sessions = true;
    p.icmp.verify_inner = false;
    p.tcp.strict = p.tcp.loose = true;
    return p;
}

static void open_box(void)
{
    it_nat_profile p = like_netfilter();
    box_open(&B, &p);
}

/* Puts in a packet of |proto| with |n| bytes |data| behind its header. */
static it_pkt *raw(int side, const char *from, const char *to, uint8_t proto, const uint8_t *data, size_t n)
{
    uint8_t ip[IT_PKT_MAX];
    box_put(&B, side, box_ip_bytes(ip, I(from), I(to), proto, it_bytes_of(data, n)));
    return box_got(&B, !side);
}

START_TEST(a_protocol_without_ports_is_one_hosts_towards_a_remote)
{
    static const uint8_t DATA[12] = {1, 2, 3, 4};
    open_box();
    it_pkt *p = raw(IT_NAT_LAN, "10.0.0.2", "198.51.100.1", 50, DATA, sizeof DATA);
    ck_assert(p && it_ip_eq(p->src, I("203.0.113.1")) && it_ip_eq(p->dst, I("198.51.100.1")));
    ck_assert_ptr_null(raw(IT_NAT_LAN, "10.0.0.3", "198.51.100.1", 50, DATA, sizeof DATA));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_CLASH);
    ck_assert_uint_eq(B.n_got, 0); /* in silence */
    ck_assert_ptr_nonnull(raw(IT_NAT_LAN, "10.0.0.3", "198.51.100.2", 50, DATA, sizeof DATA));
    p = raw(IT_NAT_WAN, "198.51.100.1", "203.0.113.1", 50, DATA, sizeof DATA);
    ck_assert(p && it_ip_eq(p->dst, I("10.0.0.2")));
    ck_assert_ptr_null(raw(IT_NAT_WAN, "198.51.100.3", "203.0.113.1", 50, DATA, sizeof DATA));
    box_close(&B);
}
END_TEST

/* RFC 9260 section 5.1: nothing but an INIT begins, and its tag is answered before anything else is right. */
START_TEST(an_association_of_sctp_begins_with_an_init)
{
    uint8_t d[32] = {0x13, 0x88, 0, 80, [12] = 1, [15] = 20};
    open_box();
    d[12] = 0;
    it_put32(d + 8, it_crc32c(d, sizeof d, 8));
    ck_assert_ptr_null(raw(IT_NAT_LAN, "10.0.0.2", "198.51.100.1", IT_PROTO_SCTP, d, sizeof d));
    d[12] = 1;
    it_put32(d + 8, it_crc32c(d, sizeof d, 8));
    it_pkt *p = raw(IT_NAT_LAN, "10.0.0.2", "198.51.100.1", IT_PROTO_SCTP, d, sizeof d);
    ck_assert(p && p->sport == 5000 && it_pkt_cksum_ok(p));
    d[12] = 10;
    it_put32(d + 8, it_crc32c(d, sizeof d, 8));
    ck_assert_ptr_null(raw(IT_NAT_LAN, "10.0.0.2", "198.51.100.1", IT_PROTO_SCTP, d, sizeof d));
    d[9] ^= 1; /* a wrong sum */
    ck_assert_ptr_null(raw(IT_NAT_LAN, "10.0.0.2", "198.51.100.1", IT_PROTO_SCTP, d, sizeof d));
    ck_assert_int_eq(B.drop, IT_DROP_CHECKSUM);
    box_close(&B);
}
END_TEST

/* A box without an INPUT rule keeps an entry for these, and has the port towards their sender. */
START_TEST(sctp_to_the_box_itself_keeps_an_entry_by_its_first_chunk)
{
    uint8_t d[32] = {0, 80, 0x13, 0x88, [12] = (uint8_t)_i, [15] = 20};
    bool begins = _i == 1 || _i == 4 || _i == 5 || _i == 8;
    it_nat_profile p = like_netfilter();
    p.udp.unsolicited = IT_NAT_UNSOL_LOCAL;
    box_open(&B, &p);
    it_put32(d + 8, it_crc32c(d, sizeof d, 8));
    ck_assert_ptr_null(raw(IT_NAT_WAN, "198.51.100.1", "203.0.113.1", IT_PROTO_SCTP, d, sizeof d));
    ck_assert_uint_eq(it_nat_stat(B.nat)->poisoned, begins);
    box_close(&B);
}
END_TEST

/* A packet with a wrong checksum is nobody's; one that ends for its hop limit is the session's. */
START_TEST(what_refreshes_is_what_was_seen_not_what_was_sent_on)
{
    uint8_t ip[IT_PKT_MAX];
    open_box();
    it_addr e = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9");
    box_at(&B, 20 * IT_SEC);
    it_bytes d = box_udp_bytes(ip, A("10.0.0.2:5000"), A("198.51.100.1:9"), 12);
    if (_i == 0) {
        ip[8] = 1;
        it_put16(ip + 10, 0);
        it_put16(ip + 10, it_sum_fold(it_sum_add(0, ip, 20)));
    } else {
        ip[26] ^= 0x40;
    }
    box_put(&B, IT_NAT_LAN, d);
    ck_assert_int_eq(B.drop, _i == 0 ? IT_DROP_TTL : IT_DROP_CHECKSUM);
    ck_assert_uint_eq(B.n_got, _i == 0);
    box_at(&B, 40 * IT_SEC);
    if (_i == 0)
        ck_addr(udp_in(&B, "198.51.100.1:9", e), "10.0.0.2:5000");
    else
        ck_none(udp_in(&B, "198.51.100.1:9", e));
    box_close(&B);
}
END_TEST

/* RFC 792: a query of another type or code is another one, its reply has the code and the type above. */
START_TEST(a_query_is_known_by_type_and_code)
{
    static const uint8_t KINDS[][2] = {{8, 0}, {8, 5}, {13, 0}, {15, 0}, {17, 0}};
    it_pkt *p;
    open_box();
    for (size_t i = 0; i < 5; i++) {
        uint8_t d[12] = {KINDS[i][0], KINDS[i][1], 0, 0, 0x02, 0xbc};
        it_put16(d + 2, it_sum_fold(it_sum_add(0, d, sizeof d)));
        p = raw(IT_NAT_LAN, "10.0.0.2", "198.51.100.1", IT_PROTO_ICMP, d, sizeof d);
        ck_assert_msg(p && p->sport == 700, "query %zu", i);
        ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, i + 1);
        d[0] = d[0] == 8 ? 0 : (uint8_t)(d[0] + 1);
        for (int wrong = 1; wrong >= 0; wrong--) {
            d[1] = (uint8_t)(KINDS[i][1] + 7 * wrong);
            d[2] = d[3] = 0;
            it_put16(d + 2, it_sum_fold(it_sum_add(0, d, sizeof d)));
            p = raw(IT_NAT_WAN, "198.51.100.1", "203.0.113.1", IT_PROTO_ICMP, d, sizeof d);
            ck_assert_msg((p != NULL) == !wrong, "reply %zu, wrong code %d", i, wrong);
        }
    }
    box_close(&B);
}
END_TEST

START_TEST(a_broadcast_inside_goes_nowhere)
{
    open_box();
    ck_none(udp_out(&B, "10.0.0.2:5000", "10.0.0.255:9"));
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NO_SOCKET);
    ck_none(udp_out(&B, "10.0.0.2:5000", "255.255.255.255:9"));
    ck_assert_int_eq(B.drop, IT_DROP_MARTIAN);
    ck_some(udp_out(&B, "10.0.0.2:5000", "240.0.0.1:9"));
    box_close(&B);
}
END_TEST

/* RFC 1812 section 4.3.2.5, RFC 6864: what the box itself says. */
START_TEST(an_error_of_the_box_has_precedence_and_may_be_cut)
{
    uint8_t ip[IT_PKT_MAX];
    open_box();
    it_bytes d = box_udp_bytes(ip, A("10.0.0.2:5000"), A("10.0.0.1:9"), 12);
    ip[1] = 0xbb;
    it_put16(ip + 10, 0);
    it_put16(ip + 10, it_sum_fold(it_sum_add(0, ip, 20)));
    box_put(&B, IT_NAT_LAN, d);
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert(e && it_pkt_is_icmp_error(e));
    ck_assert_uint_eq(it_pkt_ip(e)[1], 0xc0 | (0xbb & 0x1e));
    ck_assert_uint_eq(it_get16(it_pkt_ip(e) + 6), 0);
    ck_assert_uint_ne(it_get16(it_pkt_ip(e) + 4), 0);
    box_close(&B);
}
END_TEST

START_TEST(flags_that_no_segment_has_open_and_change_nothing)
{
    static const uint8_t FLAGS[] = {SYN | FIN, SYN | RST, 0, 0x3f, 0x29, FIN, SYN | ACK | FIN, IT_TCP_URG, PSH};
    open_box();
    for (size_t i = 0; i < sizeof FLAGS; i++) {
        seg s = {A("10.0.0.2:5000"), A("198.51.100.1:80"), FLAGS[i], 1000, 0, 0};
        box_tcp(&B, IT_NAT_LAN, &s);
        ck_assert_msg(!box_got(&B, IT_NAT_WAN), "flags %02x", FLAGS[i]);
    }
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

/* A reset whose acknowledgment is not of the SYN that is out is somebody else's. */
START_TEST(a_reset_with_a_wrong_number_leaves_the_opening_alone)
{
    open_box();
    seg syn = {A("10.0.0.2:5000"), A("198.51.100.1:80"), SYN, 1000, 0, 0};
    seg rst = {A("198.51.100.1:80"), A("203.0.113.1:5000"), RST | ACK, 0, 1001 + 500, 0};
    seg answer = {A("198.51.100.1:80"), A("203.0.113.1:5000"), SYN | ACK, 9000, 1001, 0};
    box_tcp(&B, IT_NAT_LAN, &syn);
    box_tcp(&B, IT_NAT_WAN, &rst);
    ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    if (_i == 0) {
        box_tcp(&B, IT_NAT_WAN, &answer);
        ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
    } else {
        rst.ack = 1001;
        box_tcp(&B, IT_NAT_WAN, &rst);
        ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
        ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0); /* the only answer there was */
    }
    box_close(&B);
}
END_TEST

/* A host inside refuses: the connection is forgotten with it. The same as above, the other way. */
START_TEST(a_reset_from_inside_that_is_the_only_answer_ends_the_session)
{
    struct it_nat_map_request r = {
        .proto = IT_PROTO_TCP, .internal = A("10.0.0.2:80"), .ext = A("203.0.113.1:8080"), .until = IT_NEVER};
    seg syn = {A("198.51.100.1:5000"), A("203.0.113.1:8080"), SYN, 1000, 0, 0};
    seg rst = {A("10.0.0.2:80"), A("198.51.100.1:5000"), RST | ACK, 0, 1001, 0};
    open_box();
    ck_assert_int_eq(it_nat_map_add(B.nat, 0, &r, NULL), 0);
    box_tcp(&B, IT_NAT_WAN, &syn);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
    box_tcp(&B, IT_NAT_LAN, &rst);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_WAN));
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

/* In a full table a session that nobody has answered gives way; what is answered stays. */
START_TEST(a_full_table_lets_go_of_what_was_not_answered)
{
    it_nat_profile p = like_netfilter();
    p.table.size = 4;
    p.table.evict = _i == 0;
    box_open(&B, &p);
    char to[32];
    int out = 0;
    for (int i = 1; i <= 12; i++) {
        ck_assert_int_eq(it_nat_stat(B.nat)->no_room, i < 6 ? 0 : it_world_now(B.w));
        box_at(&B, it_world_now(B.w) + IT_MS);
        snprintf(to, sizeof to, "198.51.100.%d:9", i);
        out += !it_ip_none(udp_out(&B, "10.0.0.2:5000", to).ip);
    }
    ck_assert_int_eq(out, _i == 0 ? 12 : 4);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 4);
    ck_assert_uint_eq(it_nat_stat(B.nat)->evicted, _i == 0 ? 8 : 0);
    ck_assert_uint_eq(B.n_got, _i == 0 ? 1 : 0); /* and nothing is said */
    box_close(&B);
}
END_TEST

START_TEST(a_stream_does_not_give_way)
{
    it_nat_profile p = like_netfilter();
    p.table.size = 1;
    p.table.evict = true;
    box_open(&B, &p);
    it_addr e = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9");
    (void)udp_in(&B, "198.51.100.1:9", e);
    box_at(&B, 3 * IT_SEC);
    (void)udp_out(&B, "10.0.0.2:5000", "198.51.100.1:9");
    ck_none(udp_out(&B, "10.0.0.2:5000", "198.51.100.2:9"));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    ck_addr(udp_in(&B, "198.51.100.1:9", e), "10.0.0.2:5000");
    box_close(&B);
}
END_TEST

/* 128 + 64 + 32 + 16 + 8 tries: with one of 1,000 ports free some flows do not find it. */
START_TEST(a_port_that_is_left_is_not_always_found)
{
    it_nat_profile p = like_netfilter();
    p.udp.alloc = (it_nat_alloc){.mode = IT_NAT_RANDOM, .range = {10000, 10999}, .tries = _i ? 0 : 128};
    box_open(&B, &p);
    int lost = 0;
    for (int i = 0; i < 1000; i++) {
        it_addr from = A("10.0.0.2:0");
        from.port = (uint16_t)(2000 + i);
        box_udp(&B, IT_NAT_LAN, from, A("198.51.100.1:9"));
        lost += !box_got(&B, IT_NAT_WAN);
        ck_assert_uint_le(B.n_got, 1);
    }
    ck_assert(_i ? lost == 0 : lost > 0 && lost < 20);
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/nat like netfilter");
    TCase *t = tcase_create("packets out of the ordinary");
    tcase_add_test(t, a_protocol_without_ports_is_one_hosts_towards_a_remote);
    tcase_add_test(t, an_association_of_sctp_begins_with_an_init);
    tcase_add_loop_test(t, sctp_to_the_box_itself_keeps_an_entry_by_its_first_chunk, 0, 16);
    tcase_add_loop_test(t, what_refreshes_is_what_was_seen_not_what_was_sent_on, 0, 2);
    tcase_add_test(t, a_query_is_known_by_type_and_code);
    tcase_add_test(t, a_broadcast_inside_goes_nowhere);
    tcase_add_test(t, an_error_of_the_box_has_precedence_and_may_be_cut);
    tcase_add_test(t, flags_that_no_segment_has_open_and_change_nothing);
    tcase_add_loop_test(t, a_reset_with_a_wrong_number_leaves_the_opening_alone, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("limits");
    tcase_add_test(t, a_reset_from_inside_that_is_the_only_answer_ends_the_session);
    tcase_add_loop_test(t, a_full_table_lets_go_of_what_was_not_answered, 0, 2);
    tcase_add_test(t, a_stream_does_not_give_way);
    tcase_add_loop_test(t, a_port_that_is_left_is_not_always_found, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
