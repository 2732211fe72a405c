/* ICMP through a NAT: queries with their identifiers, errors with the packet inside them, in both directions and
 * hairpinned. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile base(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    return p;
}

/* --- RFC 5508 section 3: queries --- */

START_TEST(a_query_and_its_reply_are_translated)
{
    static const uint8_t ASK[] = {8, 13, 15, 17}, REPLY[] = {0, 14, 16, 18};
    it_nat_profile p = base();
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), ASK[_i], 77);
    it_pkt *q = box_got(&B, IT_NAT_WAN);
    ck_assert_ptr_nonnull(q);
    ck_assert(it_ip_eq(q->src, I("203.0.113.1")));
    ck_assert_uint_eq(q->sport, 77);
    box_query(&B, IT_NAT_WAN, I("198.51.100.1"), I("203.0.113.1"), REPLY[_i], 77);
    it_pkt *r = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(r);
    ck_assert(it_ip_eq(r->dst, I("10.0.0.2")));
    ck_assert_uint_eq(r->sport, 77);
    box_close(&B);
}
END_TEST

START_TEST(two_hosts_with_one_identifier_get_two)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), 8, 77);
    box_query(&B, IT_NAT_LAN, I("10.0.0.3"), I("198.51.100.1"), 8, 77);
    uint16_t id = box_got(&B, IT_NAT_WAN)->sport;
    ck_assert_uint_ne(id, 77);
    box_query(&B, IT_NAT_WAN, I("198.51.100.1"), I("203.0.113.1"), 0, id);
    it_pkt *r = box_got(&B, IT_NAT_LAN);
    ck_assert(it_ip_eq(r->dst, I("10.0.0.3")));
    ck_assert_uint_eq(r->sport, 77);
    box_close(&B);
}
END_TEST

START_TEST(a_query_identifier_does_not_depend_on_the_destination)
{
    /* REQ-1a, even where UDP depends on the endpoint. */
    it_nat_profile p = base();
    p.udp.mapping = IT_NAT_APD;
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.3"), I("198.51.100.1"), 8, 77);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), 8, 77);
    uint16_t one = box_got(&B, IT_NAT_WAN)->sport;
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.2"), 8, 77);
    ck_assert_uint_eq(box_got(&B, IT_NAT_WAN)->sport, one);
    box_close(&B);
}
END_TEST

START_TEST(a_reply_without_a_query_does_not_pass)
{
    it_nat_profile p = base();
    p.udp.filtering = IT_NAT_EI;
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), 8, 77);
    box_query(&B, IT_NAT_WAN, I("198.51.100.2"), I("203.0.113.1"), 0, 77);
    ck_assert_ptr_null(box_got(&B, IT_NAT_LAN));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_ICMP);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.9"), 0, 78);
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_ICMP);
    box_close(&B);
}
END_TEST

START_TEST(identifiers_are_drawn_where_all_of_a_flow_is)
{
    /* As "masquerade random" does, against RFC 5508 REQ-1a: another one for another host. */
    it_nat_profile p = base();
    p.udp.mapping = IT_NAT_APD;
    p.udp.alloc.mode = IT_NAT_RANDOM;
    box_open(&B, &p);
    uint16_t id[2];
    for (uint32_t i = 0; i < 2; i++) {
        box_query(&B, IT_NAT_LAN, I("10.0.0.2"), it_ip4(0xc6336401u + i), 8, 77);
        it_pkt *out = box_got(&B, IT_NAT_WAN);
        ck_assert_ptr_nonnull(out);
        id[i] = out->sport;
        ck_assert_uint_ne(id[i], 77);
    }
    ck_assert_uint_ne(id[0], id[1]);
    box_query(&B, IT_NAT_WAN, it_ip4(0xc6336402u), I("203.0.113.1"), 0, id[1]);
    it_pkt *in = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(in);
    ck_assert_uint_eq(in->sport, 77);
    box_close(&B);
}
END_TEST

START_TEST(a_box_that_drops_the_unsolicited_answers_no_ping_from_outside)
{
    it_nat_profile p = base();
    p.udp.unsolicited = IT_NAT_UNSOL_DROP;
    box_open(&B, &p);
    box_query(&B, IT_NAT_WAN, I("198.51.100.1"), I("203.0.113.1"), 8, 5);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_ICMP);
    box_close(&B);
}
END_TEST

START_TEST(the_box_answers_echo_requests_to_its_own_addresses)
{
    static const struct {
        int side;
        const char *from, *to;
    } C[] = {{IT_NAT_WAN, "198.51.100.1", "203.0.113.1"},
             {IT_NAT_LAN, "10.0.0.2", "10.0.0.1"},
             {IT_NAT_LAN, "10.0.0.2", "203.0.113.1"}};
    it_nat_profile p = base();
    p.udp.unsolicited = IT_NAT_UNSOL_REJECT;
    box_open(&B, &p);
    box_query(&B, C[_i].side, I(C[_i].from), I(C[_i].to), 8, 5);
    it_pkt *r = box_got(&B, C[_i].side);
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_eq(it_pkt_l4(r)[0], 0);
    ck_assert(it_ip_eq(r->src, I(C[_i].to)) && it_ip_eq(r->dst, I(C[_i].from)));
    ck_assert_uint_eq(r->sport, 5);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

/* --- RFC 5508 sections 4 and 5: errors --- */

/* The flow all errors here are about; the packet as it is outside. */
static it_pkt flow_out(void)
{
    ck_some(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"));
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    return *box_got(&B, IT_NAT_WAN);
}

static const struct {
    uint8_t type, code;
} KINDS[] = {{3, 0}, {3, 1}, {3, 3}, {3, 4}, {3, 13}, {11, 0}, {11, 1}, {12, 0}, {4, 0}};

START_TEST(an_error_from_outside_reaches_the_host_with_its_own_packet_inside)
{
    /* REQ-4. A router on the way complains, not the destination. */
    it_nat_profile p = base();
    box_open(&B, &p);
    it_pkt out = flow_out();
    ck_assert_uint_ne(out.sport, 5000);
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, KINDS[_i].type, KINDS[_i].code);
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    ck_assert(it_ip_eq(e->src, I("192.0.2.77")) && it_ip_eq(e->dst, I("10.0.0.2")));
    ck_assert_uint_eq(it_pkt_l4(e)[0], KINDS[_i].type);
    ck_assert_uint_eq(it_pkt_l4(e)[1], KINDS[_i].code);
    inner_of in = box_inner(e);
    ck_addr(in.src, "10.0.0.2:5000");
    ck_addr(in.dst, "198.51.100.1:100");
    ck_assert_uint_eq(it_nat_stat(B.nat)->icmp_errors, 1);
    if (KINDS[_i].type == 3 && KINDS[_i].code == 4)
        ck_assert_uint_eq(it_get16(it_pkt_l4(e) + 6), 1280); /* the next hop's MTU stays */
    box_close(&B);
}
END_TEST

START_TEST(the_datagram_inside_is_the_one_that_was_sent)
{
    /* REQ-4a: bytes, checksums included, but for the hop limit. */
    it_nat_profile p = base();
    uint8_t sent[IT_PKT_MAX];
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"));
    it_bytes d = box_udp_bytes(sent, A("10.0.0.2:5000"), A("198.51.100.1:100"), 64);
    box_put(&B, IT_NAT_LAN, d);
    it_pkt out = *box_got(&B, IT_NAT_WAN);
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 3, 3);
    const uint8_t *in = it_pkt_l4(box_got(&B, IT_NAT_LAN)) + 8;
    ck_assert_mem_eq(in + 12, sent + 12, d.n - 12);
    ck_assert_uint_eq(in[8], sent[8] - 1);
    box_close(&B);
}
END_TEST

START_TEST(an_error_about_nothing_is_dropped)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    it_pkt out = flow_out();
    it_pkt other = out;
    it_pkt_set_src(&other, I("203.0.113.1"), 9);
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &other, 3, 3);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_ICMP);
    box_close(&B);
}
END_TEST

START_TEST(an_error_about_an_ended_session_needs_a_filter_without_remotes)
{
    /* The port may be another host's by now: APDF tells, EIF has nothing to tell by. */
    it_nat_profile p = base();
    p.udp.alloc.mode = IT_NAT_PRESERVE;
    p.udp.filtering = _i ? IT_NAT_EI : IT_NAT_APD;
    box_open(&B, &p);
    box_udp(&B, IT_NAT_LAN, A("10.0.0.2:5000"), A("198.51.100.1:100"));
    it_pkt out = *box_got(&B, IT_NAT_WAN);
    box_at(&B, 31 * IT_SEC);
    ck_some(udp_out(&B, "10.0.0.3:5000", "198.51.100.9:100"));
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 3, 3);
    ck_assert((box_got(&B, IT_NAT_LAN) != NULL) == (_i == 1));
    box_close(&B);
}
END_TEST

START_TEST(an_error_with_a_bad_checksum_is_dropped)
{
    /* REQ-3: the outer; 3a: the embedded IP header's; 3c: the embedded transport's is not looked at. */
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    box_open(&B, &p);
    it_pkt about = flow_out(), e;
    memset(&e, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_icmp_error(&e, I("192.0.2.77"), &about, 3, 3, 0), 0);
    memcpy(buf, it_pkt_ip(&e), e.len);
    static const size_t AT[] = {22, 28 + 11, 28 + 26};
    buf[AT[_i]] ^= 0x5a;
    if (_i > 0) {
        it_put16(buf + 22, 0);
        it_put16(buf + 22, it_sum_fold(it_sum_add(0, buf + 20, e.len - 20u)));
    }
    box_put(&B, IT_NAT_WAN, it_bytes_of(buf, e.len));
    ck_assert((box_got(&B, IT_NAT_LAN) != NULL) == (_i == 2));
    if (_i < 2)
        ck_assert_int_eq(B.drop, _i ? IT_DROP_NAT_ICMP : IT_DROP_CHECKSUM);
    box_close(&B);
}
END_TEST

START_TEST(options_inside_are_passed_over)
{
    /* REQ-3b. */
    it_nat_profile p = base();
    uint8_t in[64], buf[IT_PKT_MAX], icmp[80];
    box_open(&B, &p);
    it_pkt about = flow_out();
    memcpy(in, it_pkt_ip(&about), 20);
    memset(in + 20, 1, 8); /* no operation */
    memcpy(in + 28, it_pkt_l4(&about), 20);
    in[0] = 0x47;
    it_put16(in + 2, 48);
    it_put16(in + 10, 0);
    it_put16(in + 10, it_sum_fold(it_sum_add(0, in, 28)));
    memset(icmp, 0, 8);
    icmp[0] = icmp[1] = 3;
    memcpy(icmp + 8, in, 48);
    it_put16(icmp + 2, it_sum_fold(it_sum_add(0, icmp, 56)));
    box_put(&B, IT_NAT_WAN, box_ip_bytes(buf, I("192.0.2.77"), I("203.0.113.1"), 1, it_bytes_of(icmp, 56)));
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    ck_addr(box_inner(e).src, "10.0.0.2:5000");
    box_close(&B);
}
END_TEST

START_TEST(an_error_from_inside_leaves_with_the_outside_packet_inside)
{
    /* REQ-5: the host refuses what it was sent. */
    it_nat_profile p = base();
    box_open(&B, &p);
    it_pkt out = flow_out();
    it_addr ext = it_addr_of(out.src, out.sport);
    ck_some(udp_in(&B, "198.51.100.1:100", ext));
    it_pkt at_host = *box_got(&B, IT_NAT_LAN);
    box_error(&B, IT_NAT_LAN, _i ? I("10.0.0.77") : I("10.0.0.2"), &at_host, 3, 3);
    it_pkt *e = box_got(&B, IT_NAT_WAN);
    ck_assert_ptr_nonnull(e);
    ck_assert(it_ip_eq(e->src, I("203.0.113.1")) && it_ip_eq(e->dst, I("198.51.100.1")));
    inner_of in = box_inner(e);
    ck_addr(in.src, "198.51.100.1:100");
    ck_assert(it_addr_eq(in.dst, ext));
    box_close(&B);
}
END_TEST

START_TEST(an_error_about_a_query_reaches_the_one_who_asked)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    box_query(&B, IT_NAT_LAN, I("10.0.0.3"), I("198.51.100.1"), 8, 77);
    box_query(&B, IT_NAT_LAN, I("10.0.0.2"), I("198.51.100.1"), 8, 77);
    it_pkt out = *box_got(&B, IT_NAT_WAN);
    box_at(&B, 10 * IT_SEC);
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 11, 0);
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    ck_assert(it_ip_eq(e->dst, I("10.0.0.2")));
    ck_assert_uint_eq(it_get16(it_pkt_l4(e) + 8 + 20 + 4), 77);
    /* REQ-6: it neither refreshes nor deletes. */
    box_at(&B, 60 * IT_SEC - 1);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 2);
    box_at(&B, 60 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

START_TEST(an_error_does_not_refresh)
{
    /* RFC 7857 section 7.1 outbound, and RFC 4787 REQ-12 inbound. */
    it_nat_profile p = base();
    box_open(&B, &p);
    it_pkt out = flow_out();
    it_addr ext = it_addr_of(out.src, out.sport);
    ck_some(udp_in(&B, "198.51.100.1:100", ext));
    it_pkt at_host = *box_got(&B, IT_NAT_LAN);
    box_at(&B, 20 * IT_SEC);
    if (_i)
        box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 3, 3);
    else
        box_error(&B, IT_NAT_LAN, I("10.0.0.2"), &at_host, 3, 3);
    ck_assert_uint_eq(B.n_got, 1);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_eq(it_nat_stat(B.nat)->sessions, 0);
    box_close(&B);
}
END_TEST

START_TEST(an_error_ends_a_mapping_only_where_the_profile_says)
{
    it_nat_profile p = base();
    p.icmp.kills = _i == 0;
    box_open(&B, &p);
    it_pkt out = flow_out();
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 3, 3);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN));
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, _i == 0 ? 1 : 2);
    box_close(&B);
}
END_TEST

START_TEST(a_box_without_errors_swallows_them)
{
    it_nat_profile p = base();
    p.icmp.errors = false;
    box_open(&B, &p);
    it_pkt out = flow_out();
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 3, 3);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_ICMP);
    box_close(&B);
}
END_TEST

START_TEST(a_hairpinned_error_is_translated_twice)
{
    /* REQ-7: .2 refuses what .3 sent to .2's external endpoint. */
    it_nat_profile p = base();
    p.udp.filtering = IT_NAT_EI;
    p.hairpin = _i ? IT_NAT_HAIRPIN_INT : IT_NAT_HAIRPIN_EXT;
    box_open(&B, &p);
    it_addr two = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100");
    box_udp(&B, IT_NAT_LAN, A("10.0.0.3:6000"), two);
    it_pkt at_host = *box_got(&B, IT_NAT_LAN);
    ck_addr(it_addr_of(at_host.dst, at_host.dport), "10.0.0.2:5000");
    if (_i) /* the source it saw is inside: the error goes there directly, by the wire or by the box */
        ck_addr(it_addr_of(at_host.src, at_host.sport), "10.0.0.3:6000");
    else
        ck_addr(it_addr_of(at_host.src, at_host.sport), "203.0.113.1:6000");
    if (_i == 0) {
        box_error(&B, IT_NAT_LAN, I("10.0.0.2"), &at_host, 3, 3);
        it_pkt *e = box_got(&B, IT_NAT_LAN);
        ck_assert_ptr_nonnull(e);
        ck_assert(it_ip_eq(e->dst, I("10.0.0.3")) && it_ip_eq(e->src, two.ip));
        inner_of in = box_inner(e);
        ck_addr(in.src, "10.0.0.3:6000");
        ck_assert(it_addr_eq(in.dst, two));
    }
    box_close(&B);
}
END_TEST

START_TEST(too_big_with_df_is_told_to_the_sender)
{
    /* RFC 4787 REQ-13. */
    it_nat_profile p = base();
    uint8_t buf[IT_PKT_MAX];
    it_link_dir_cfg small = {.mtu = 1000};
    box_open(&B, &p);
    ck_assert_int_eq(it_link_set(B.w, 0, B.link[IT_NAT_WAN], 1, &small), 0);
    box_put(&B, IT_NAT_LAN, box_udp_bytes(buf, A("10.0.0.2:5000"), A("198.51.100.1:100"), 972));
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_WAN));
    box_put(&B, IT_NAT_LAN, box_udp_bytes(buf, A("10.0.0.2:5000"), A("198.51.100.1:100"), 973));
    ck_assert_ptr_null(box_got(&B, IT_NAT_WAN));
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    ck_assert_uint_eq(it_pkt_l4(e)[0], 3);
    ck_assert_uint_eq(it_pkt_l4(e)[1], 4);
    ck_assert_uint_eq(it_get16(it_pkt_l4(e) + 6), 1000);
    ck_addr(box_inner(e).src, "10.0.0.2:5000");
    ck_assert_int_eq(B.drop, IT_DROP_MTU);
    box_close(&B);
}
END_TEST

START_TEST(redirects_do_not_pass)
{
    it_nat_profile p = base();
    box_open(&B, &p);
    it_pkt out = flow_out();
    box_error(&B, IT_NAT_WAN, I("192.0.2.77"), &out, 5, 1);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_ICMP);
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_icmp");
    TCase *t = tcase_create("RFC 5508 3 queries");
    tcase_add_loop_test(t, a_query_and_its_reply_are_translated, 0, 4);
    tcase_add_test(t, two_hosts_with_one_identifier_get_two);
    tcase_add_test(t, a_query_identifier_does_not_depend_on_the_destination);
    tcase_add_test(t, a_reply_without_a_query_does_not_pass);
    tcase_add_loop_test(t, the_box_answers_echo_requests_to_its_own_addresses, 0, 3);
    tcase_add_test(t, identifiers_are_drawn_where_all_of_a_flow_is);
    tcase_add_test(t, a_box_that_drops_the_unsolicited_answers_no_ping_from_outside);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5508 4 and 5 errors");
    tcase_add_loop_test(t, an_error_from_outside_reaches_the_host_with_its_own_packet_inside, 0,
                        (int)(sizeof KINDS / sizeof *KINDS));
    tcase_add_test(t, the_datagram_inside_is_the_one_that_was_sent);
    tcase_add_test(t, an_error_about_nothing_is_dropped);
    tcase_add_loop_test(t, an_error_about_an_ended_session_needs_a_filter_without_remotes, 0, 2);
    tcase_add_loop_test(t, an_error_with_a_bad_checksum_is_dropped, 0, 3);
    tcase_add_test(t, options_inside_are_passed_over);
    tcase_add_loop_test(t, an_error_from_inside_leaves_with_the_outside_packet_inside, 0, 2);
    tcase_add_test(t, an_error_about_a_query_reaches_the_one_who_asked);
    tcase_add_loop_test(t, an_error_does_not_refresh, 0, 2);
    tcase_add_loop_test(t, an_error_ends_a_mapping_only_where_the_profile_says, 0, 2);
    tcase_add_test(t, a_box_without_errors_swallows_them);
    tcase_add_loop_test(t, a_hairpinned_error_is_translated_twice, 0, 2);
    tcase_add_test(t, too_big_with_df_is_told_to_the_sender);
    tcase_add_test(t, redirects_do_not_pass);
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
