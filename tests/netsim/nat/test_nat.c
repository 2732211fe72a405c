/* The NAT as a node: mapping, filtering, hairpinning, unsolicited packets, addresses that may not appear. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    return p;
}

/* The |i|-th of the nine classes of mapping and filtering. */
static it_nat_profile class_of(int i)
{
    it_nat_profile p = base();
    p.udp.mapping = (uint8_t)(i / 3);
    p.udp.filtering = (uint8_t)(i % 3);
    p.udp.alloc.mode = IT_NAT_RANDOM;
    p.udp.alloc.parity = false;
    return p;
}

/* --- mapping --- */

START_TEST(a_mapping_depends_on_what_the_profile_says)
{
    it_nat_profile p = class_of(_i);
    box_open(&B, &p);
    it_addr first = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_addr same = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_addr port = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:101");
    it_addr host = udp_out(&B, "10.0.0.2:5000", "198.51.100.2:100");
    it_addr other = udp_out(&B, "10.0.0.2:5001", "198.51.100.1:100");
    ck_assert(it_addr_eq(first, same));
    ck_assert(it_addr_eq(first, port) == (p.udp.mapping != IT_NAT_APD));
    ck_assert(it_addr_eq(first, host) == (p.udp.mapping == IT_NAT_EI));
    ck_assert(!it_addr_eq(first, other));
    ck_assert_uint_eq(it_nat_stat(B.nat)->out, 5);
    box_close(&B);
}
END_TEST

/* --- filtering --- */

START_TEST(a_mapping_lets_in_whom_the_profile_says)
{
    it_nat_profile p = class_of(_i);
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    ck_addr(udp_in(&B, "198.51.100.1:100", ext), "10.0.0.2:5000");
    it_addr port = udp_in(&B, "198.51.100.1:101", ext);
    enum it_drop port_drop = B.drop;
    it_addr host = udp_in(&B, "198.51.100.2:100", ext);
    ck_assert(it_ip_none(port.ip) == (p.udp.filtering == IT_NAT_APD));
    ck_assert(it_ip_none(host.ip) == (p.udp.filtering != IT_NAT_EI));
    if (p.udp.filtering == IT_NAT_APD)
        ck_assert_int_eq(port_drop, IT_DROP_NAT_FILTER_PORT);
    if (p.udp.filtering != IT_NAT_EI)
        ck_assert_int_eq(B.drop, p.udp.filtering == IT_NAT_AD ? IT_DROP_NAT_FILTER_ADDR : IT_DROP_NAT_FILTER_PORT);
    box_close(&B);
}
END_TEST

START_TEST(a_port_without_a_mapping_lets_nobody_in)
{
    it_nat_profile p = class_of(_i);
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    it_addr free_port = A("203.0.113.1:9");
    ck_none(udp_in(&B, "198.51.100.1:100", free_port));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_NO_MAPPING);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(the_filter_belongs_to_the_mapping_not_to_the_host)
{
    it_nat_profile p = class_of(1); /* EIM, ADF */
    box_open(&B, &p);
    it_addr one = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_addr two = udp_out(&B, "10.0.0.2:5001", "198.51.100.2:100");
    ck_none(udp_in(&B, "198.51.100.2:7", one));
    ck_none(udp_in(&B, "198.51.100.1:7", two));
    ck_some(udp_in(&B, "198.51.100.1:7", one));
    box_close(&B);
}
END_TEST

/* --- sessions for what comes in --- */

START_TEST(an_answer_leaves_from_the_port_its_question_came_to)
{
    it_nat_profile p = class_of(6); /* APDM, EIF */
    p.udp.inbound_session = _i == 0;
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    ck_addr(udp_in(&B, "198.51.100.9:900", ext), "10.0.0.2:5000");
    it_addr answer = udp_out(&B, "10.0.0.2:5000", "198.51.100.9:900");
    ck_assert(it_addr_eq(answer, ext) == p.udp.inbound_session);
    box_close(&B);
}
END_TEST

START_TEST(an_unanswered_session_gives_way_to_the_question)
{
    /* We sent first from port X, the peer did not hear it and asks at port Y: the answer must leave from Y. */
    it_nat_profile p = class_of(6);
    box_open(&B, &p);
    it_addr known = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_addr x = udp_out(&B, "10.0.0.2:5000", "198.51.100.9:900");
    ck_assert(!it_addr_eq(known, x));
    ck_some(udp_in(&B, "198.51.100.9:900", known));
    it_addr answer = udp_out(&B, "10.0.0.2:5000", "198.51.100.9:900");
    ck_assert(it_addr_eq(answer, known));
    box_close(&B);
}
END_TEST

START_TEST(an_answered_session_does_not_give_way)
{
    it_nat_profile p = class_of(6);
    box_open(&B, &p);
    it_addr known = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    it_addr x = udp_out(&B, "10.0.0.2:5000", "198.51.100.9:900");
    ck_some(udp_in(&B, "198.51.100.9:900", x));
    ck_some(udp_in(&B, "198.51.100.9:900", known));
    ck_assert(it_addr_eq(udp_out(&B, "10.0.0.2:5000", "198.51.100.9:900"), x));
    box_close(&B);
}
END_TEST

/* --- hairpinning --- */

/* |in| is ICMP port unreachable from |by|. */
static void ck_refused(it_pkt *in, it_ip by)
{
    ck_assert_ptr_nonnull(in);
    ck_assert(it_ip_eq(in->src, by) && in->proto == IT_PROTO_ICMP);
    ck_assert_uint_eq(it_pkt_l4(in)[0], 3);
    ck_assert_uint_eq(it_pkt_l4(in)[1], 3);
}

START_TEST(a_hairpin_shows_the_source_the_profile_says)
{
    it_nat_profile p = class_of(_i / 3);
    p.hairpin = (uint8_t)(_i % 3);
    box_open(&B, &p);
    it_addr two = udp_out(&B, "10.0.0.3:6000", "198.51.100.1:100");
    it_addr one = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5000"), two);
    it_pkt *in = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    if (p.hairpin == IT_NAT_HAIRPIN_NONE) {
        /* It is for the box itself then, where nobody listens (as measured with netfilter). */
        ck_refused(in, two.ip);
        ck_assert_int_eq(B.drop, IT_DROP_NAT_NO_HAIRPIN);
    } else if (p.udp.filtering != IT_NAT_EI) {
        /* RFC 4787 REQ-9 does not lift the filter. */
        ck_assert_ptr_null(in);
        ck_assert_int_eq(B.drop, p.udp.filtering == IT_NAT_AD ? IT_DROP_NAT_FILTER_ADDR : IT_DROP_NAT_FILTER_PORT);
    } else {
        ck_assert_ptr_nonnull(in);
        ck_addr(it_addr_of(in->dst, in->dport), "10.0.0.3:6000");
        it_addr src = it_addr_of(in->src, in->sport);
        if (p.hairpin == IT_NAT_HAIRPIN_INT)
            ck_addr(src, "10.0.0.2:5000");
        else
            ck_assert(it_ip_eq(src.ip, one.ip) && it_addr_eq(src, one) == (p.udp.mapping == IT_NAT_EI));
        ck_assert_uint_eq(it_nat_stat(B.nat)->hairpin, 1);
    }
    box_close(&B);
}
END_TEST

START_TEST(two_hosts_behind_one_filter_punch_a_hairpin)
{
    it_nat_profile p = class_of(2); /* EIM, APDF */
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    it_addr one = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"),
            two = udp_out(&B, "10.0.0.3:6000", "198.51.100.1:100");
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5000"), two);
    ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    box_udp(&B, IT_NAT_LAN, A("10.0.0.3:6000"), one);
    it_pkt *in = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(in);
    ck_assert(it_addr_eq(it_addr_of(in->src, in->sport), two));
    ck_addr(it_addr_of(in->dst, in->dport), "10.0.0.2:5000");
    box_close(&B);
}
END_TEST

START_TEST(a_host_hairpins_to_its_own_mapping)
{
    it_nat_profile p = class_of(0);
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    it_addr one = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5000"), one);
    it_pkt *in = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(in);
    ck_assert(it_addr_eq(it_addr_of(in->src, in->sport), one));
    ck_addr(it_addr_of(in->dst, in->dport), "10.0.0.2:5000");
    box_close(&B);
}
END_TEST

START_TEST(an_external_endpoint_of_nobody_is_the_box_itself)
{
    it_nat_profile p = class_of(0);
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5000"), A("203.0.113.1:777"));
    ck_refused(box_got(&B, IT_NAT_LAN), I("203.0.113.1"));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_NO_HAIRPIN);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    box_close(&B);
}
END_TEST

START_TEST(another_socket_of_the_same_host_hairpins)
{
    /* RFC 5780 section 3.4 tests from another port. */
    it_nat_profile p = class_of(0);
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    it_addr one = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5001"), one);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
    box_close(&B);
}
END_TEST

START_TEST(of_those_who_share_a_port_the_first_gets_what_all_let_in)
{
    it_nat_profile p = class_of(_i); /* EIM, EIF or ADF */
    p.udp.alloc.mode = IT_NAT_PRESERVE;
    p.udp.overload = p.udp.clash_edm = true;
    box_open(&B, &p);
    it_addr one = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    box_at(&B, it_world_now(B.w) + IT_MS);
    it_addr two = udp_out(&B, "10.0.0.3:5000", "198.51.100.2:100");
    ck_assert(it_addr_eq(one, two));
    box_at(&B, it_world_now(B.w) + IT_MS);
    /* With address-dependent filtering the first is who first sent to that address, not whose mapping is older. */
    udp_out(&B, "10.0.0.2:5000", "198.51.100.2:101");
    box_udp(&B, IT_NAT_WAN, A("198.51.100.2:900"), one);
    it_pkt *in = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(in);
    ck_addr(it_addr_of(in->dst, in->dport), _i == IT_NAT_EI ? "10.0.0.2:5000" : "10.0.0.3:5000");
    box_close(&B);
}
END_TEST

/* --- unsolicited packets --- */

START_TEST(an_unsolicited_packet_meets_what_the_profile_says)
{
    it_nat_profile p = base();
    p.udp.unsolicited = (uint8_t)_i;
    p.udp.clash_edm = true;
    p.udp.overload = true;
    box_open(&B, &p);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.1:100"), A("203.0.113.1:5000"));
    it_pkt *e = box_got(&B, IT_NAT_WAN);
    ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    if (_i == IT_NAT_UNSOL_DROP) {
        ck_assert_ptr_null(e);
        ck_assert_int_eq(B.drop, IT_DROP_NAT_NO_MAPPING);
    } else {
        ck_assert_ptr_nonnull(e);
        ck_assert(it_ip_eq(e->src, I("203.0.113.1")) && it_ip_eq(e->dst, I("198.51.100.1")));
        ck_assert_uint_eq(it_pkt_l4(e)[0], 3);
        ck_assert_uint_eq(it_pkt_l4(e)[1], 3);
        ck_assert_int_eq(B.drop, IT_DROP_NAT_UNSOLICITED);
    }
    /* Only a box that took the packet itself cannot preserve the port any more, and only towards this remote. */
    it_addr same = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    ck_assert((same.port == 5000) == (_i != IT_NAT_UNSOL_LOCAL));
    ck_assert_uint_eq(it_nat_stat(B.nat)->poisoned, _i == IT_NAT_UNSOL_LOCAL);
    box_close(&B);
}
END_TEST

START_TEST(a_poisoned_port_is_free_towards_others_and_after_its_time)
{
    it_nat_profile p = base();
    p.udp.unsolicited = IT_NAT_UNSOL_LOCAL;
    p.udp.overload = p.udp.clash_edm = true;
    box_open(&B, &p);
    box_udp(&B, IT_NAT_WAN, A("198.51.100.1:100"), A("203.0.113.1:5000"));
    ck_addr(udp_out(&B, "10.0.0.3:5000", "198.51.100.2:100"), "203.0.113.1:5000");
    box_at(&B, 30 * IT_SEC - 1);
    ck_assert(udp_out(&B, "10.0.0.4:5000", "198.51.100.1:100").port != 5000);
    box_at(&B, 30 * IT_SEC);
    ck_addr(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), "203.0.113.1:5000");
    box_close(&B);
}
END_TEST

START_TEST(a_packet_of_the_boxes_own_session_is_refused_again)
{
    it_nat_profile p = base();
    p.udp.unsolicited = IT_NAT_UNSOL_LOCAL;
    box_open(&B, &p);
    for (int i = 0; i < 3; i++) {
        box_udp(&B, IT_NAT_WAN, A("198.51.100.1:100"), A("203.0.113.1:5000"));
        ck_assert_ptr_nonnull(box_got(&B, IT_NAT_WAN));
    }
    ck_assert_uint_eq(it_nat_stat(B.nat)->poisoned, 1);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 1);
    box_close(&B);
}
END_TEST

/* --- addresses and other packets --- */

static const struct {
    int side;
    const char *from, *to;
    enum it_drop why;
} ODD[] = {
    {IT_NAT_LAN, "127.0.0.1:1", "198.51.100.1:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "10.0.0.2:1", "127.0.0.1:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "10.0.0.2:1", "224.0.0.1:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "10.0.0.2:1", "255.255.255.255:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "0.0.0.0:1", "198.51.100.1:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "203.0.113.1:1", "198.51.100.1:1", IT_DROP_MARTIAN},
    {IT_NAT_LAN, "10.0.0.1:1", "198.51.100.1:1", IT_DROP_MARTIAN},
    {IT_NAT_WAN, "198.51.100.1:1", "203.0.113.9:1", IT_DROP_NOT_MINE},
    {IT_NAT_WAN, "198.51.100.1:1", "10.0.0.2:1", IT_DROP_NOT_MINE},
    {IT_NAT_WAN, "203.0.113.1:1", "203.0.113.1:1", IT_DROP_MARTIAN},
    {IT_NAT_WAN, "127.0.0.1:1", "203.0.113.1:1", IT_DROP_MARTIAN},
};

START_TEST(the_box_refuses_what_is_for_itself)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:1"), A("10.0.0.1:1"));
    ck_refused(box_got(&B, IT_NAT_LAN), I("10.0.0.1"));
    ck_assert_int_eq(B.drop, IT_DROP_NO_SOCKET);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

START_TEST(what_may_not_appear_is_dropped_without_state)
{
    it_nat_profile p = base();
    p.udp.filtering = IT_NAT_EI;
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    box_udp(&B, ODD[_i].side, A(ODD[_i].from), A(ODD[_i].to));
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, ODD[_i].why);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    ck_assert_uint_eq(it_nat_stat(B.nat)->drops[ODD[_i].why], 1);
    box_close(&B);
}
END_TEST

START_TEST(what_stays_inside_is_sent_back_inside_untranslated)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5"), A("10.0.0.7:6"));
    it_pkt *in = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(in);
    ck_addr(it_addr_of(in->src, in->sport), "10.0.0.2:5");
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

START_TEST(every_packet_loses_one_hop_and_the_last_hop_is_answered)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    box_open(&B, &p);
    it_bytes d = box_udp_bytes(buf, A("10.0.0.2:5"), A("198.51.100.1:6"), 10);
    box_put(&B, IT_NAT_LAN, d);
    ck_assert_uint_eq(it_pkt_ip(box_got(&B, IT_NAT_WAN))[8], 63);
    buf[8] = 1;
    it_put16(buf + 10, 0);
    it_put16(buf + 10, it_sum_fold(it_sum_add(0, buf, 20)));
    box_put(&B, IT_NAT_LAN, d);
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    ck_assert_ptr_nonnull(e);
    ck_assert_uint_eq(it_pkt_l4(e)[0], 11);
    ck_assert(it_ip_eq(e->src, I("10.0.0.1")) && it_ip_eq(e->dst, I("10.0.0.2")));
    ck_addr(box_inner(e).src, "10.0.0.2:5");
    ck_assert_int_eq(B.drop, IT_DROP_TTL);
    box_close(&B);
}
END_TEST

START_TEST(the_checksum_stays_right_and_none_stays_none)
{
    /* RFC 3022 section 4.1, RFC 768: box_at checks every checksum; here a datagram without one. */
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    box_open(&B, &p);
    it_bytes d = box_udp_bytes(buf, A("10.0.0.2:5"), A("198.51.100.1:6"), 9);
    it_put16(buf + 26, 0);
    box_put(&B, IT_NAT_LAN, d);
    it_pkt *out = box_got(&B, IT_NAT_WAN);
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(it_get16(it_pkt_l4(out) + 6), 0);
    box_close(&B);
}
END_TEST

START_TEST(other_protocols_are_not_translated)
{
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    static const int PROTO[] = {47, 50, 132};
    box_open(&B, &p);
    for (size_t i = 0; i < 3; i++) {
        it_bytes d =
            box_ip_bytes(buf, I("10.0.0.2"), I("198.51.100.1"), (uint8_t)PROTO[i], it_bytes_str("sixteen bytes..."));
        box_put(&B, IT_NAT_LAN, d);
        ck_assert_uint_eq(B.n_got, 0);
        ck_assert_int_eq(B.drop, IT_DROP_NAT_PROTO);
    }
    box_close(&B);
}
END_TEST

START_TEST(ipv6_does_not_pass_a_nat44)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    box_udp(&B, IT_NAT_LAN, A("[2001:db8::1]:5"), A("[2001:db8::2]:6"));
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PROTO);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat");
    TCase *t = tcase_create("RFC 4787 4.1 mapping");
    tcase_add_loop_test(t, a_mapping_depends_on_what_the_profile_says, 0, 9);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4787 5 filtering");
    tcase_add_loop_test(t, a_mapping_lets_in_whom_the_profile_says, 0, 9);
    tcase_add_loop_test(t, a_port_without_a_mapping_lets_nobody_in, 0, 9);
    tcase_add_test(t, the_filter_belongs_to_the_mapping_not_to_the_host);
    suite_add_tcase(s, t);
    t = tcase_create("inbound sessions");
    tcase_add_loop_test(t, an_answer_leaves_from_the_port_its_question_came_to, 0, 2);
    tcase_add_test(t, an_unanswered_session_gives_way_to_the_question);
    tcase_add_test(t, an_answered_session_does_not_give_way);
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, of_those_who_share_a_port_the_first_gets_what_all_let_in, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4787 6 hairpinning");
    tcase_add_loop_test(t, a_hairpin_shows_the_source_the_profile_says, 0, 27);
    tcase_add_test(t, two_hosts_behind_one_filter_punch_a_hairpin);
    tcase_add_test(t, a_host_hairpins_to_its_own_mapping);
    tcase_add_test(t, an_external_endpoint_of_nobody_is_the_box_itself);
    tcase_add_test(t, the_box_refuses_what_is_for_itself);
    tcase_add_test(t, another_socket_of_the_same_host_hairpins);
    suite_add_tcase(s, t);
    t = tcase_create("unsolicited");
    tcase_add_loop_test(t, an_unsolicited_packet_meets_what_the_profile_says, 0, 3);
    tcase_add_test(t, a_poisoned_port_is_free_towards_others_and_after_its_time);
    tcase_add_test(t, a_packet_of_the_boxes_own_session_is_refused_again);
    suite_add_tcase(s, t);
    t = tcase_create("odd packets");
    tcase_add_loop_test(t, what_may_not_appear_is_dropped_without_state, 0, (int)(sizeof ODD / sizeof *ODD));
    tcase_add_test(t, what_stays_inside_is_sent_back_inside_untranslated);
    tcase_add_test(t, every_packet_loses_one_hop_and_the_last_hop_is_answered);
    tcase_add_test(t, the_checksum_stays_right_and_none_stays_none);
    tcase_add_test(t, other_protocols_are_not_translated);
    tcase_add_test(t, ipv6_does_not_pass_a_nat44);
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
