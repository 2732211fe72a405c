/* The choice of external addresses and ports: modes, classes, parity, contiguity, clashes, pools. */
#include "tests/netsim/box.h"

static box B;

static it_nat_profile with(uint8_t mode, uint16_t lo, uint16_t hi)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.udp.alloc.mode = mode;
    p.udp.alloc.range = (it_nat_range){lo, hi};
    p.udp.alloc.parity = false;
    return p;
}

static uint16_t port_of(uint16_t in, uint32_t host)
{
    char from[IT_ADDR_TEXT];
    return udp_out(&B, it_addr_text(it_addr_of(it_ip4(0x0a000000u + host), in), from), "198.51.100.1:100").port;
}

/* --- preserving --- */

START_TEST(a_free_port_is_preserved)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 1024, 65535);
    box_open(&B, &p);
    for (uint32_t i = 0; i < 64; i++) {
        uint16_t in = (uint16_t)(40000 + i * 101);
        ck_assert_uint_eq(port_of(in, 2 + i), in);
    }
    ck_assert_uint_eq(it_nat_stat(B.nat)->clashes, 0);
    box_close(&B);
}
END_TEST

START_TEST(on_a_clash_the_profile_decides)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 1024, 65535);
    p.udp.alloc.on_clash = (uint8_t)_i;
    box_open(&B, &p);
    ck_assert_uint_eq(port_of(5000, 2), 5000);
    uint16_t second = port_of(5000, 3);
    ck_assert_uint_eq(it_nat_stat(B.nat)->clashes, 1);
    if (_i == IT_NAT_CLASH_RANDOM) {
        ck_assert(second != 0 && second != 5000 && second != 5001);
    } else if (_i == IT_NAT_CLASH_NEXT) {
        ck_assert_uint_eq(second, 5001);
        ck_assert_uint_eq(port_of(5000, 4), 5002);
    } else if (_i == IT_NAT_CLASH_DROP) {
        ck_assert_uint_eq(second, 0);
        ck_assert_int_eq(B.drop, IT_DROP_NAT_CLASH);
    } else {
        ck_assert_uint_eq(second, 5000);
        /* RFC 4787 section 4.2.1: the newest gets what comes in. */
        ck_addr(udp_in(&B, "198.51.100.1:100", A("203.0.113.1:5000")), "10.0.0.3:5000");
    }
    box_close(&B);
}
END_TEST

START_TEST(next_wraps_around_at_the_end_of_the_range)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 5000, 5003);
    p.udp.alloc.on_clash = IT_NAT_CLASH_NEXT;
    box_open(&B, &p);
    ck_assert_uint_eq(port_of(5003, 2), 5003);
    ck_assert_uint_eq(port_of(5003, 3), 5000);
    ck_assert_uint_eq(port_of(5003, 4), 5001);
    ck_assert_uint_eq(port_of(5003, 5), 5002);
    ck_assert_uint_eq(port_of(5003, 6), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PORTS);
    box_close(&B);
}
END_TEST

START_TEST(a_port_outside_the_range_is_not_preserved)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 2000, 2999);
    box_open(&B, &p);
    uint16_t port = port_of(5000, 2);
    ck_assert(port >= 2000 && port <= 2999);
    box_close(&B);
}
END_TEST

START_TEST(a_port_stays_in_its_class)
{
    /* RFC 4787 REQ-3a; the classes of netfilter. */
    it_nat_profile p = with(_i ? IT_NAT_PRESERVE : IT_NAT_RANDOM, 1024, 65535);
    static const it_nat_range C[] = {{1, 511}, {600, 1023}, {1024, 65535}};
    static const uint16_t IN[] = {1, 53, 511, 512, 599, 600, 1023, 1024, 40000, 65535};
    memcpy(p.udp.alloc.classes, C, sizeof C);
    p.udp.alloc.n_classes = 3;
    box_open(&B, &p);
    for (size_t i = 0; i < sizeof IN / sizeof *IN; i++) {
        /* The first is preserved where that is the mode; the second must be moved. */
        uint16_t one = port_of(IN[i], 2), two = port_of(IN[i], 3);
        const it_nat_range *c = &C[IN[i] < 512 ? 0 : IN[i] < 1024 ? 1 : 2];
        if (_i)
            ck_assert_uint_eq(one, IN[i]);
        else
            ck_assert(one >= c->lo && one <= c->hi);
        ck_assert(two >= c->lo && two <= c->hi && two != one);
    }
    box_close(&B);
}
END_TEST

START_TEST(parity_is_kept_when_asked_for)
{
    /* RFC 4787 REQ-4. */
    it_nat_profile p = with(IT_NAT_RANDOM, 1024, 65535);
    p.udp.alloc.parity = _i == 0;
    box_open(&B, &p);
    int same = 0;
    for (uint32_t i = 0; i < 64; i++)
        same += (port_of((uint16_t)(5000 + i), 2 + i) & 1) == (i & 1);
    if (_i == 0)
        ck_assert_int_eq(same, 64);
    else
        ck_assert(same > 16 && same < 48);
    box_close(&B);
}
END_TEST

START_TEST(parity_leaves_half_of_a_small_range)
{
    it_nat_profile p = with(IT_NAT_RANDOM, 3001, 3008);
    p.udp.alloc.parity = true;
    box_open(&B, &p);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(port_of(6000, 2 + i) & 1, 0);
    ck_assert_uint_eq(port_of(6000, 9), 0);
    ck_assert_uint_ne(port_of(6001, 9), 0);
    box_close(&B);
}
END_TEST

START_TEST(neighbours_stay_neighbours_when_asked_for)
{
    /* RFC 4787 section 4.2.3: RTP and RTCP. */
    it_nat_profile p = with(IT_NAT_RANDOM, 1024, 65535);
    p.udp.alloc.contiguity = _i == 0;
    box_open(&B, &p);
    uint16_t rtp = port_of(5004, 2), rtcp = port_of(5005, 2);
    ck_assert((rtcp == rtp + 1) == (_i == 0));
    uint16_t above = port_of(7001, 2), below = port_of(7000, 2);
    ck_assert((below + 1 == above) == (_i == 0));
    ck_assert(port_of(7002, 3) != above + 1); /* another host's neighbour is nobody's */
    box_close(&B);
}
END_TEST

START_TEST(a_neighbour_stays_in_the_range)
{
    it_nat_profile p = with(IT_NAT_RANDOM, 6000, 6001);
    p.udp.alloc.contiguity = true;
    box_open(&B, &p);
    uint16_t one = port_of(1000, 2), two = port_of(3000, 2), top = one == 6001 ? 1000 : 3000;
    ck_assert_uint_eq(one + two, 12001);
    ck_assert_uint_eq(port_of((uint16_t)(top + 1), 2), 0);                  /* not 6002 */
    ck_assert_uint_eq(port_of((uint16_t)(top == 1000 ? 2999 : 999), 2), 0); /* not 5999 */
    box_close(&B);
}
END_TEST

START_TEST(a_port_below_the_range_is_not_preserved)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 2000, 2999);
    box_open(&B, &p);
    for (uint16_t in = 1990; in < 2000; in++)
        ck_assert_uint_ge(port_of(in, 2), 2000);
    box_close(&B);
}
END_TEST

/* --- random, sequential, deterministic --- */

START_TEST(random_ports_stay_in_the_range_and_use_all_of_it)
{
    it_nat_profile p = with(IT_NAT_RANDOM, 10000, 10099);
    bool seen[100] = {false};
    box_open(&B, &p);
    for (uint32_t i = 0; i < 100; i++) {
        uint16_t port = port_of((uint16_t)(2000 + i), 2);
        ck_assert(port >= 10000 && port <= 10099 && !seen[port - 10000]);
        seen[port - 10000] = true;
    }
    ck_assert_uint_eq(port_of(3000, 2), 0);
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PORTS);
    box_close(&B);
}
END_TEST

START_TEST(an_exhausted_range_recovers_when_a_mapping_ends)
{
    it_nat_profile p = with(IT_NAT_RANDOM, 10000, 10001);
    box_open(&B, &p);
    ck_assert_uint_ne(port_of(1, 2), 0);
    box_at(&B, 10 * IT_SEC);
    ck_assert_uint_ne(port_of(2, 2), 0);
    ck_assert_uint_eq(port_of(3, 2), 0);
    box_at(&B, 30 * IT_SEC - 1);
    ck_assert_uint_eq(port_of(3, 2), 0);
    box_at(&B, 30 * IT_SEC);
    ck_assert_uint_ne(port_of(3, 2), 0);
    ck_assert_uint_eq(port_of(4, 2), 0);
    box_close(&B);
}
END_TEST

START_TEST(the_seed_decides_random_ports)
{
    it_nat_profile p = with(IT_NAT_RANDOM, 1024, 65535);
    uint16_t port[3];
    for (int i = 0; i < 3; i++) {
        box_open_seed(&B, &p, i < 2 ? 7 : 8);
        port[i] = port_of(5000, 2);
        box_close(&B);
    }
    ck_assert_uint_eq(port[0], port[1]);
    ck_assert_uint_ne(port[0], port[2]);
}
END_TEST

START_TEST(sequential_ports_take_steps)
{
    it_nat_profile p = with(IT_NAT_SEQUENTIAL, 2000, 2999);
    p.udp.alloc.step = _i - 3;
    if (p.udp.alloc.step == 0)
        p.udp.alloc.step = 40;
    box_open(&B, &p);
    int last = port_of(1, 2);
    for (uint16_t i = 2; i < 26; i++) {
        int port = port_of(i, 2), want = 2000 + (last - 2000 + p.udp.alloc.step + 1000) % 1000;
        ck_assert_int_eq(port, want);
        last = port;
    }
    box_close(&B);
}
END_TEST

START_TEST(a_sequence_passes_over_ports_in_use)
{
    it_nat_profile p = with(IT_NAT_SEQUENTIAL, 2000, 2003);
    p.udp.timeout.initial = 10 * IT_SEC;
    box_open(&B, &p);
    uint16_t first = port_of(1, 2);
    for (uint16_t i = 2; i < 5; i++)
        ck_assert_uint_ne(port_of(i, 2), 0);
    ck_assert_uint_eq(port_of(9, 2), 0);
    box_at(&B, 9 * IT_SEC);
    for (uint16_t i = 2; i < 5; i++)
        ck_assert_uint_ne(port_of(i, 2), 0); /* all but the first live on */
    box_at(&B, 10 * IT_SEC);
    ck_assert_uint_eq(port_of(9, 2), first);
    box_close(&B);
}
END_TEST

START_TEST(others_take_ports_of_a_sequence_at_their_rate)
{
    /* A Poisson process: in 100 s at 50 a second, 5000 expected, deviation 71. */
    it_nat_profile p = with(IT_NAT_SEQUENTIAL, 1, 65535);
    p.udp.alloc.noise = 50;
    box_open(&B, &p);
    int first = port_of(1, 2);
    box_at(&B, 100 * IT_SEC);
    int taken = ((int)port_of(2, 2) - first + 65535) % 65535 - 1;
    ck_assert_msg(taken > 5000 - 4 * 71 && taken < 5000 + 4 * 71, "%d", taken);
    box_close(&B);
}
END_TEST

START_TEST(deterministic_ports_follow_from_the_inside_address)
{
    /* RFC 7422 section 2. */
    it_nat_profile p = with(IT_NAT_DET, 1024, 1024 + 255 * 16);
    p.block.size = 16;
    box_open(&B, &p);
    for (uint32_t host = 2; host < 200; host += 13) {
        uint16_t port = port_of(5000, host);
        ck_assert_uint_eq((port - 1024u) / 16, host);
    }
    it_nat_flush(B.nat, it_world_now(B.w));
    ck_assert_uint_eq((port_of(5000, 100) - 1024u) / 16, 100);
    box_close(&B);
}
END_TEST

START_TEST(a_deterministic_block_is_all_a_host_gets)
{
    it_nat_profile p = with(IT_NAT_DET, 1024, 1024 + 255 * 4);
    p.block.size = 4;
    box_open(&B, &p);
    for (uint16_t i = 0; i < 4; i++)
        ck_assert_uint_ne(port_of((uint16_t)(5000 + i), 7), 0);
    ck_assert_uint_eq(port_of(6000, 7), 0);
    ck_assert_uint_ne(port_of(6000, 8), 0);
    box_close(&B);
}
END_TEST

/* --- sharing --- */

START_TEST(two_hosts_share_a_port_towards_different_destinations_only)
{
    /* RFC 7857 section 3, and what netfilter does. */
    it_nat_profile p = with(IT_NAT_PRESERVE, 1024, 65535);
    p.udp.overload = _i == 0;
    p.udp.clash_edm = true;
    box_open(&B, &p);
    ck_addr(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"), "203.0.113.1:5000");
    it_addr two = udp_out(&B, "10.0.0.3:5000", "198.51.100.2:100");
    ck_assert((two.port == 5000) == (_i == 0));
    if (_i == 0) {
        ck_addr(udp_in(&B, "198.51.100.1:100", two), "10.0.0.2:5000");
        ck_addr(udp_in(&B, "198.51.100.2:100", two), "10.0.0.3:5000");
        it_addr clash = udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100");
        ck_assert(clash.port != 5000 && clash.port != 0);
        /* ... and later destinations use the new port: conditional endpoint dependence, against RFC 4787 REQ-11. */
        ck_assert(it_addr_eq(udp_out(&B, "10.0.0.3:5000", "198.51.100.3:100"), clash));
        ck_addr(udp_out(&B, "10.0.0.3:5000", "198.51.100.2:100"), "203.0.113.1:5000");
    }
    box_close(&B);
}
END_TEST

START_TEST(without_clash_edm_a_clash_is_dropped)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 1024, 65535);
    p.udp.overload = true;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:5000", "198.51.100.1:100"));
    ck_some(udp_out(&B, "10.0.0.3:5000", "198.51.100.2:100"));
    ck_none(udp_out(&B, "10.0.0.3:5000", "198.51.100.1:100"));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_CLASH);
    box_close(&B);
}
END_TEST

/* --- pools --- */

START_TEST(a_pool_gives_addresses_as_its_mode_says)
{
    it_nat_profile p = with(IT_NAT_RANDOM, 1024, 65535);
    p.pool.size = 4;
    p.pool.mode = (uint8_t)_i;
    box_open(&B, &p);
    uint32_t used = 0, mixed = 0;
    it_ip again[8];
    for (uint32_t h = 0; h < 8; h++) {
        char from[IT_ADDR_TEXT];
        it_ip first = {0, 0};
        for (uint16_t k = 0; k < 6; k++) {
            it_addr in = {it_ip4(0x0a000002u + h), (uint16_t)(5000 + k)};
            it_addr ext = udp_out(&B, it_addr_text(in, from), "198.51.100.1:100");
            used |= 1u << (it_ip_v4(ext.ip) & 7);
            mixed += k && !it_ip_eq(ext.ip, first);
            if (k == 0)
                first = ext.ip;
        }
        again[h] = first;
    }
    /* RFC 4787 REQ-2: a paired host keeps its address. */
    ck_assert((mixed > 0) == (_i == IT_NAT_POOL_ARBITRARY));
    ck_assert(_i == IT_NAT_POOL_PERSISTENT || used == 0x1e);
    it_nat_flush(B.nat, it_world_now(B.w));
    uint32_t moved = 0;
    for (uint32_t h = 8; h-- > 0;) { /* asked in another order, so that a turn would give others */
        char from[IT_ADDR_TEXT];
        it_addr in = {it_ip4(0x0a000002u + h), 5000};
        moved += !it_ip_eq(udp_out(&B, it_addr_text(in, from), "198.51.100.1:100").ip, again[h]);
    }
    ck_assert((moved == 0) == (_i == IT_NAT_POOL_PERSISTENT));
    box_close(&B);
}
END_TEST

START_TEST(a_persistent_address_is_the_one_that_netfilter_gives)
{
    /* Measured: "snat to 198.51.100.1-198.51.100.4 persistent", kernel 6.18. */
    static const struct {
        const char *in;
        uint32_t n;
    } C[] = {{"10.0.0.10:5000", 3}, {"10.0.0.11:5000", 0}, {"10.0.0.12:5000", 0}};
    it_nat_profile p;
    it_nat_profile_init(&p);
    p.pool.size = 4;
    p.pool.mode = IT_NAT_POOL_PERSISTENT;
    box_open(&B, &p);
    it_addr ext = udp_out(&B, C[_i].in, "198.51.100.1:100");
    ck_assert(it_ip_eq(ext.ip, it_nat_external(B.nat, C[_i].n)));
    box_close(&B);
}
END_TEST

START_TEST(a_paired_host_whose_address_is_full_gets_no_other)
{
    /* RFC 7857 section 4. */
    it_nat_profile p = with(IT_NAT_RANDOM, 2000, 2001);
    p.pool.size = 2;
    p.pool.mode = (uint8_t)_i;
    box_open(&B, &p);
    uint32_t n = 0;
    for (uint16_t i = 0; i < 6; i++)
        n += port_of((uint16_t)(5000 + i), 2) != 0;
    ck_assert_uint_eq(n, _i == IT_NAT_POOL_ARBITRARY ? 4 : 2);
    box_close(&B);
}
END_TEST

START_TEST(basic_nat_gives_each_host_an_address_and_keeps_ports)
{
    /* RFC 3022 section 2.1. */
    it_nat_profile p = with(IT_NAT_PRESERVE, 1024, 65535);
    p.one2one = true;
    p.pool.size = 2;
    box_open(&B, &p);
    ck_addr(udp_out(&B, "10.0.0.2:7", "198.51.100.1:100"), "203.0.113.1:7");
    ck_addr(udp_out(&B, "10.0.0.3:7", "198.51.100.1:100"), "203.0.113.2:7");
    ck_none(udp_out(&B, "10.0.0.4:7", "198.51.100.1:100"));
    ck_assert_int_eq(B.drop, IT_DROP_NAT_PORTS);
    box_at(&B, 3600 * IT_SEC);
    ck_addr(udp_out(&B, "10.0.0.3:8", "198.51.100.1:100"), "203.0.113.2:8");
    box_close(&B);
}
END_TEST

START_TEST(an_unfiltered_basic_nat_is_reachable_on_every_port)
{
    it_nat_profile p = with(IT_NAT_PRESERVE, 1024, 65535);
    p.one2one = true;
    p.udp.filtering = (uint8_t)_i;
    box_open(&B, &p);
    ck_some(udp_out(&B, "10.0.0.2:7", "198.51.100.1:100"));
    it_addr in = udp_in(&B, "198.51.100.77:1", A("203.0.113.1:80"));
    ck_assert(it_ip_none(in.ip) == (_i != IT_NAT_EI));
    if (_i == IT_NAT_EI)
        ck_assert(it_addr_eq(in, A("10.0.0.2:80")));
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/nat_alloc");
    TCase *t = tcase_create("RFC 4787 4.2.1 preserving");
    tcase_add_test(t, a_free_port_is_preserved);
    tcase_add_loop_test(t, on_a_clash_the_profile_decides, 0, 4);
    tcase_add_test(t, next_wraps_around_at_the_end_of_the_range);
    tcase_add_test(t, a_port_outside_the_range_is_not_preserved);
    tcase_add_test(t, a_port_below_the_range_is_not_preserved);
    tcase_add_test(t, a_neighbour_stays_in_the_range);
    tcase_add_loop_test(t, a_port_stays_in_its_class, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 4787 4.2.2 and 4.2.3");
    tcase_add_loop_test(t, parity_is_kept_when_asked_for, 0, 2);
    tcase_add_test(t, parity_leaves_half_of_a_small_range);
    tcase_add_loop_test(t, neighbours_stay_neighbours_when_asked_for, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("modes");
    tcase_add_test(t, random_ports_stay_in_the_range_and_use_all_of_it);
    tcase_add_test(t, an_exhausted_range_recovers_when_a_mapping_ends);
    tcase_add_test(t, the_seed_decides_random_ports);
    tcase_add_loop_test(t, sequential_ports_take_steps, 0, 8);
    tcase_add_test(t, a_sequence_passes_over_ports_in_use);
    tcase_add_test(t, others_take_ports_of_a_sequence_at_their_rate);
    tcase_add_test(t, deterministic_ports_follow_from_the_inside_address);
    tcase_add_test(t, a_deterministic_block_is_all_a_host_gets);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 7857 3 overlapping");
    tcase_add_loop_test(t, two_hosts_share_a_port_towards_different_destinations_only, 0, 2);
    tcase_add_test(t, without_clash_edm_a_clash_is_dropped);
    suite_add_tcase(s, t);
    t = tcase_create("pools");
    tcase_add_loop_test(t, a_persistent_address_is_the_one_that_netfilter_gives, 0, 3);
    tcase_add_loop_test(t, a_pool_gives_addresses_as_its_mode_says, 0, 3);
    tcase_add_loop_test(t, a_paired_host_whose_address_is_full_gets_no_other, 0, 3);
    tcase_add_test(t, basic_nat_gives_each_host_an_address_and_keeps_ports);
    tcase_add_loop_test(t, an_unfiltered_basic_nat_is_reachable_on_every_port, 0, 3);
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
