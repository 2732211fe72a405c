/* Carrier-grade resources: limits of ports and sessions for each host, port blocks, exhaustion that recovers. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile cgn(void)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.udp.alloc.mode = IT_NAT_RANDOM;
    p.udp.alloc.parity = false;
    p.udp.alloc.range = (it_nat_range){1024, 1024 + 63};
    return p;
}

static uint16_t port_of(uint16_t in, uint32_t host)
{
    char from[IT_ADDR_TEXT];
    return udp_out(&B, it_addr_text(it_addr_of(it_ip4(0x0a000000u + host), in), from), "198.51.100.1:100").port;
}

static uint16_t session(uint32_t host, const char *to)
{
    char from[IT_ADDR_TEXT];
    return udp_out(&B, it_addr_text(it_addr_of(it_ip4(0x0a000000u + host), 5000), from), to).port;
}

/* --- RFC 6888 REQ-4, REQ-5: limits --- */

START_TEST(a_host_gets_only_so_many_ports)
{
    it_nat_profile p = cgn();
    p.limits.ports_per_host = 5;
    box_open(&B, &p);
    for (uint16_t i = 0; i < 5; i++)
        ck_assert_uint_ne(port_of((uint16_t)(5000 + i), 2), 0);
    ck_assert_uint_eq(port_of(6000, 2), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    ck_assert_uint_ne(port_of(6000, 3), 0); /* others are not hurt */
    ck_assert_uint_ne(port_of(5000, 2), 0); /* REQ-11d: nor are existing mappings */
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_ne(port_of(6000, 2), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_host_gets_only_so_many_sessions)
{
    it_nat_profile p = cgn();
    p.limits.sessions_per_host = 2;
    box_open(&B, &p);
    ck_assert_uint_ne(session(2, "198.51.100.1:1"), 0);
    ck_assert_uint_ne(session(2, "198.51.100.1:2"), 0);
    ck_assert_uint_eq(session(2, "198.51.100.1:3"), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    ck_assert_uint_ne(session(3, "198.51.100.1:3"), 0);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_ne(session(2, "198.51.100.1:3"), 0);
    box_close(&B);
}
END_TEST

START_TEST(strangers_count_against_the_sessions_of_a_host)
{
    it_nat_profile p = cgn();
    p.limits.sessions_per_host = 2;
    p.udp.filtering = IT_NAT_EI;
    box_open(&B, &p);
    it_addr ext = udp_out(&B, "10.0.0.2:5000", "198.51.100.1:1");
    ck_some(udp_in(&B, "198.51.100.2:2", ext));
    ck_none(udp_in(&B, "198.51.100.3:3", ext));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    ck_assert_uint_eq(B.n_got, 0); /* no ICMP to a stranger */
    box_close(&B);
}
END_TEST

START_TEST(a_destination_gets_only_so_many_sessions)
{
    it_nat_profile p = cgn();
    p.limits.sessions_per_dest = 2;
    box_open(&B, &p);
    ck_assert_uint_ne(session(2, "198.51.100.1:1"), 0);
    ck_assert_uint_ne(session(3, "198.51.100.1:1"), 0);
    ck_assert_uint_eq(session(4, "198.51.100.1:1"), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    ck_assert_uint_ne(session(4, "198.51.100.1:2"), 0);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_ne(session(4, "198.51.100.1:1"), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_host_opens_only_so_many_sessions_a_second)
{
    it_nat_profile p = cgn();
    p.limits.new_per_s = 4;
    box_open(&B, &p);
    for (uint16_t i = 0; i < 4; i++)
        ck_assert_uint_ne(port_of((uint16_t)(5000 + i), 2), 0);
    ck_assert_uint_eq(port_of(6000, 2), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_LIMIT);
    ck_assert_uint_ne(port_of(6000, 3), 0);
    box_at(&B, IT_SEC / 4 - 1);
    ck_assert_uint_eq(port_of(6000, 2), 0);
    box_at(&B, IT_SEC / 4);
    ck_assert_uint_ne(port_of(6000, 2), 0);
    ck_assert_uint_eq(port_of(6001, 2), 0);
    box_at(&B, 10 * IT_SEC);
    for (uint16_t i = 0; i < 4; i++)
        ck_assert_uint_ne(port_of((uint16_t)(7000 + i), 2), 0);
    ck_assert_uint_eq(port_of(7009, 2), 0);
    box_close(&B);
}
END_TEST

/* Found by fuzzing: a host first seen after the start had used up its rate already. */
START_TEST(a_host_that_comes_late_opens_as_many)
{
    it_nat_profile p = cgn();
    p.limits.new_per_s = 4;
    box_open(&B, &p);
    box_at(&B, 7 * IT_MS);
    for (uint16_t i = 0; i < 4; i++)
        ck_assert_uint_ne(port_of((uint16_t)(5000 + i), 2), 0);
    ck_assert_uint_eq(port_of(6000, 2), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_refused_host_is_told_and_keeps_what_it_has)
{
    /* RFC 6888 REQ-11: the packet is dropped, ICMP host unreachable sent, existing mappings stay. */
    it_nat_profile p = cgn();
    p.limits.ports_per_host = 1;
    box_open(&B, &p);
    uint16_t one = port_of(5000, 2);
    ck_assert_uint_eq(port_of(5001, 2), 0);
    it_pkt *e = box_got(&B, IT_NAT_LAN);
    ck_assert_ptr_nonnull(e);
    ck_assert_uint_eq(it_pkt_l4(e)[0], 3);
    ck_assert_uint_eq(it_pkt_l4(e)[1], 1);
    ck_assert(it_ip_eq(e->src, I("10.0.0.1")));
    ck_addr(box_inner(e).src, "10.0.0.2:5001");
    ck_assert_uint_eq(port_of(5000, 2), one);
    box_close(&B);
}
END_TEST

/* --- RFC 6888 REQ-8: how long a port rests --- */

START_TEST(a_freed_port_rests_before_another_host_gets_it)
{
    it_nat_profile p = cgn();
    p.udp.alloc.range = (it_nat_range){2000, 2000};
    p.port_reuse = 120 * IT_SEC;
    box_open(&B, &p);
    ck_assert_uint_eq(port_of(1, 2), 2000);
    box_at(&B, 30 * IT_SEC); /* ended */
    ck_assert_uint_eq(it_nat_stat(B.nat)->mappings, 0);
    ck_assert_uint_eq(port_of(1, 3), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PORTS);
    box_at(&B, 150 * IT_SEC - 1);
    ck_assert_uint_eq(port_of(1, 3), 0);
    box_at(&B, 150 * IT_SEC);
    ck_assert_uint_eq(port_of(1, 3), 2000);
    box_close(&B);
}
END_TEST

START_TEST(a_port_does_not_rest_from_the_host_that_had_it)
{
    it_nat_profile p = cgn();
    p.udp.alloc.range = (it_nat_range){2000, 2000};
    p.port_reuse = 120 * IT_SEC;
    box_open(&B, &p);
    ck_assert_uint_eq(port_of(1, 2), 2000);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_eq(port_of(7, 2), 2000);
    box_close(&B);
}
END_TEST

START_TEST(ports_rest_after_a_loss_of_state_too)
{
    it_nat_profile p = cgn();
    p.udp.alloc.range = (it_nat_range){2000, 2000};
    p.port_reuse = 120 * IT_SEC;
    box_open(&B, &p);
    ck_assert_uint_eq(port_of(1, 2), 2000);
    it_nat_flush(B.nat, it_world_now(B.w));
    ck_assert_uint_eq(port_of(1, 3), 0);
    box_at(&B, 120 * IT_SEC);
    ck_assert_uint_eq(port_of(1, 3), 2000);
    box_close(&B);
}
END_TEST

/* --- RFC 7422, RFC 6888 REQ-14: blocks --- */

static it_nat_profile blocks(uint32_t size, uint32_t max)
{
    it_nat_profile p = cgn();
    p.block.size = size;
    p.block.max = max;
    return p;
}

START_TEST(the_ports_of_a_host_lie_in_its_blocks)
{
    it_nat_profile p = blocks(8, 2);
    box_open(&B, &p);
    uint32_t of[8] = {0};
    for (uint32_t h = 2; h < 6; h++)
        for (uint16_t i = 0; i < 16; i++) {
            uint16_t port = port_of((uint16_t)(5000 + i), h);
            ck_assert_uint_ne(port, 0);
            uint32_t b = (port - 1024u) / 8;
            ck_assert(of[b] == 0 || of[b] == h);
            of[b] = h;
        }
    ck_assert_uint_eq(port_of(9000, 2), 0); /* its two blocks are full */
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PORTS);
    ck_assert_uint_eq(port_of(9000, 7), 0); /* and no block is left */
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PORTS);
    ck_assert_ptr_nonnull(box_got(&B, IT_NAT_LAN)); /* REQ-11b */
    box_close(&B);
}
END_TEST

START_TEST(an_empty_block_goes_back_when_its_lifetime_is_over)
{
    it_nat_profile p = blocks(64, 1);
    p.block.lifetime = 100 * IT_SEC;
    box_open(&B, &p);
    ck_assert_uint_ne(port_of(5000, 2), 0);
    ck_assert_uint_eq(port_of(5000, 3), 0);
    box_at(&B, 130 * IT_SEC - 1);
    ck_assert_uint_eq(port_of(5000, 3), 0);
    box_at(&B, 130 * IT_SEC);
    ck_assert_uint_ne(port_of(5000, 3), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_block_used_again_in_time_stays)
{
    it_nat_profile p = blocks(64, 1);
    p.block.lifetime = 100 * IT_SEC;
    box_open(&B, &p);
    ck_assert_uint_ne(port_of(5000, 2), 0);
    box_at(&B, 100 * IT_SEC); /* empty since 30 s */
    ck_assert_uint_ne(port_of(5001, 2), 0);
    box_at(&B, 130 * IT_SEC);
    ck_assert_uint_eq(port_of(5000, 3), 0);
    box_at(&B, 230 * IT_SEC);
    ck_assert_uint_ne(port_of(5000, 3), 0);
    box_close(&B);
}
END_TEST

START_TEST(without_a_lifetime_an_empty_block_goes_back_at_once)
{
    it_nat_profile p = blocks(64, 1);
    box_open(&B, &p);
    ck_assert_uint_ne(port_of(5000, 2), 0);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_ne(port_of(5000, 3), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_flush_gives_all_blocks_back)
{
    it_nat_profile p = blocks(64, 1);
    p.block.lifetime = 1000 * IT_SEC;
    box_open(&B, &p);
    ck_assert_uint_ne(port_of(5000, 2), 0);
    it_nat_flush(B.nat, it_world_now(B.w));
    ck_assert_uint_ne(port_of(5000, 3), 0);
    box_close(&B);
}
END_TEST

START_TEST(a_preserving_box_preserves_within_its_blocks)
{
    it_nat_profile p = blocks(8, 0);
    p.udp.alloc.mode = IT_NAT_PRESERVE;
    box_open(&B, &p);
    uint16_t any = port_of(1, 2); /* takes a block */
    uint16_t lo = (uint16_t)(1024 + (any - 1024) / 8 * 8), want = any == lo ? (uint16_t)(lo + 1) : lo;
    ck_assert_uint_eq(port_of(want, 2), want);
    ck_assert_uint_ne(port_of(want, 3), want); /* not its block */
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_block");
    TCase *t = tcase_create("RFC 6888 REQ-4, 5, 11 limits");
    tcase_add_test(t, a_host_gets_only_so_many_ports);
    tcase_add_test(t, a_host_gets_only_so_many_sessions);
    tcase_add_test(t, strangers_count_against_the_sessions_of_a_host);
    tcase_add_test(t, a_destination_gets_only_so_many_sessions);
    tcase_add_test(t, a_host_opens_only_so_many_sessions_a_second);
    tcase_add_test(t, a_host_that_comes_late_opens_as_many);
    tcase_add_test(t, a_refused_host_is_told_and_keeps_what_it_has);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6888 REQ-8 resting ports");
    tcase_add_test(t, a_freed_port_rests_before_another_host_gets_it);
    tcase_add_test(t, a_port_does_not_rest_from_the_host_that_had_it);
    tcase_add_test(t, ports_rest_after_a_loss_of_state_too);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6888 REQ-14 blocks");
    tcase_add_test(t, the_ports_of_a_host_lie_in_its_blocks);
    tcase_add_test(t, an_empty_block_goes_back_when_its_lifetime_is_over);
    tcase_add_test(t, a_block_used_again_in_time_stays);
    tcase_add_test(t, without_a_lifetime_an_empty_block_goes_back_at_once);
    tcase_add_test(t, a_flush_gives_all_blocks_back);
    tcase_add_test(t, a_preserving_box_preserves_within_its_blocks);
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
