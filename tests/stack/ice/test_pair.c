/* stack/ice/pair.c: pair priorities, what pairs with what, order, pruning, the limit. */
#include "tests/stack/ice/far.h"

/* An agent whose checklists a test fills by hand; at most |max| pairs. */
static far *agent(bool controlling, int streams, int comps, int max)
{
    far *f = far_new(controlling, streams, comps, NULL);
    f->a->cfg.max_pairs = max;
    return f;
}

static it_ice_cand local(int component, int flow)
{
    it_ice_cand c = far_cand(IT_ICE_HOST, component, "198.51.100.7:5000", 65535, "1");
    c.addr.port = (uint16_t)(5000 + flow);
    c.base = c.addr;
    c.flow = flow;
    return c;
}

/* A remote candidate with |port| and |priority|. */
static it_ice_cand far_end(int component, uint16_t port, uint32_t priority)
{
    it_ice_cand c = far_cand(IT_ICE_HOST, component, "203.0.113.7:1", 65535, "1");
    c.addr.port = port;
    c.priority = priority;
    return c;
}

static it_ice_pair *put(far *f, int stream, it_ice_cand l, it_ice_cand r)
{
    it_ice_pair *p;
    ck_assert_int_eq(it_ice_pair_add(f->a, stream, &l, &r, &p), 0);
    return p;
}

static bool has(far *f, int stream, const it_ice_pair *p)
{
    bool found = false;
    for (size_t i = 0; i < f->a->streams[stream].n_pairs; i++)
        found |= f->a->streams[stream].pairs[i] == p;
    return found;
}

/* --- 6.1.2.3 --- */

static const struct {
    uint32_t g, d;
    uint64_t want; /* 2^32 * MIN(G,D) + 2 * MAX(G,D) + (G > D ? 1 : 0), worked out by hand */
} WORKED[] = {
    {1, 1, UINT64_C(4294967298)},
    {1, 2, UINT64_C(4294967300)},
    {2, 1, UINT64_C(4294967301)},
    {2130706431, 1694498815, UINT64_C(7277816997797167103)},
    {1694498815, 2130706431, UINT64_C(7277816997797167102)},
    {2147483647, 2147483647, UINT64_C(9223372036854775806)},
    {2147483647, 1, UINT64_C(8589934591)},
    {5, 7, UINT64_C(21474836494)},
    {7, 5, UINT64_C(21474836495)},
    {5, 5, UINT64_C(21474836490)},
    {UINT32_MAX, UINT32_MAX - 1, UINT64_C(18446744073709551615)}, /* nothing overflows, whatever a far side says */
};

START_TEST(the_pair_priority_is_that_of_the_formula_on_both_sides)
{
    ck_assert_uint_eq(it_ice_pair_prio(true, WORKED[_i].g, WORKED[_i].d), WORKED[_i].want);
    ck_assert_uint_eq(it_ice_pair_prio(false, WORKED[_i].d, WORKED[_i].g), WORKED[_i].want);
}
END_TEST

START_TEST(both_sides_come_to_the_same_pair_priority)
{
    for (uint32_t l = 1; l < 2000; l += 37)
        for (uint32_t r = 1; r < 2000; r += 41)
            ck_assert_uint_eq(it_ice_pair_prio(true, l, r), it_ice_pair_prio(false, r, l));
}
END_TEST

START_TEST(the_checklist_is_in_falling_priority_whatever_the_order_of_coming)
{
    static const uint32_t prio[] = {500, 900, 100, 700, 300, 900, 1, 800};
    far *f = agent(true, 1, 1, 100);
    for (int i = 0; i < 8; i++)
        ck_assert_ptr_nonnull(put(f, 0, local(1, 0), far_end(1, (uint16_t)(6000 + i), prio[i])));
    static const uint16_t want[] = {6001, 6005, 6007, 6003, 6000, 6004, 6002, 6006}; /* equal ones: the elder first */
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(f->a->streams[0].pairs[i]->remote.addr.port, want[i]);
    far_free(f);
}
END_TEST

START_TEST(among_equals_the_lower_component_comes_first)
{
    far *f = agent(true, 1, 2, 100);
    it_ice_cand l1 = local(1, 0), l2 = local(2, 1);
    l1.priority = l2.priority = 77;
    it_ice_pair *second = put(f, 0, l2, far_end(2, 6001, 50));
    it_ice_pair *first = put(f, 0, l1, far_end(1, 6000, 50));
    ck_assert_uint_eq(first->prio, second->prio);
    ck_assert_ptr_eq(f->a->streams[0].pairs[0], first);
    far_free(f);
}
END_TEST

START_TEST(a_change_of_role_reorders)
{
    far *f = agent(true, 1, 1, 100);
    it_ice_cand l1 = local(1, 0), l2 = local(1, 1);
    l1.priority = 9;
    l2.priority = 5;
    it_ice_pair *x = put(f, 0, l1, far_end(1, 6000, 5)); /* G 9, D 5 */
    it_ice_pair *y = put(f, 0, l2, far_end(1, 6001, 9)); /* G 5, D 9 */
    ck_assert_ptr_eq(f->a->streams[0].pairs[0], x);
    it_ice_switch_role(f->a, false);
    ck_assert_ptr_eq(f->a->streams[0].pairs[0], y);
    ck_assert_uint_eq(y->prio, it_ice_pair_prio(false, 5, 9));
    ck_assert_uint_eq(x->prio, it_ice_pair_prio(false, 9, 5));
    far_free(f);
}
END_TEST

static void one_server(it_ice_cfg *cfg, int i)
{
    (void)i;
    cfg->stun[0] = net_addr("192.0.2.1:3478");
    cfg->n_stun = 1;
}

/* --- 6.1.2.2 --- */

static const struct {
    const char *local, *remote;
    int cl, cr;
    bool pairs;
} FAMILIES[] = {
    {"198.51.100.7:1", "203.0.113.7:1", 1, 1, true},
    {"198.51.100.7:1", "203.0.113.7:1", 1, 2, false},
    {"198.51.100.7:1", "203.0.113.7:1", 2, 1, false},
    {"198.51.100.7:1", "203.0.113.7:1", 2, 2, true},
    {"198.51.100.7:1", "[2001:db8::1]:1", 1, 1, false},
    {"[2001:db8::1]:1", "203.0.113.7:1", 1, 1, false},
    {"[2001:db8::1]:1", "[2001:db8::2]:1", 1, 1, true},
    {"[2001:db8::1]:1", "[fd00::1]:1", 1, 1, true},
    {"[fe80::1]:1", "[fe80::2]:1", 1, 1, true},
    {"[febf::1]:1", "[fe80::2]:1", 1, 1, true}, /* fe80::/10 */
    {"[fe80::1]:1", "[2001:db8::1]:1", 1, 1, false},
    {"[2001:db8::1]:1", "[fe80::1]:1", 1, 1, false},
    {"[fec0::1]:1", "[fe80::1]:1", 1, 1, false},
    {"169.254.0.1:1", "203.0.113.7:1", 1, 1, true}, /* the rule is about IPv6 */
};

START_TEST(the_same_component_and_family_pair_and_link_local_only_with_its_like)
{
    it_ice_cand l = far_cand(IT_ICE_HOST, FAMILIES[_i].cl, FAMILIES[_i].local, 1, "1");
    it_ice_cand r = far_cand(IT_ICE_HOST, FAMILIES[_i].cr, FAMILIES[_i].remote, 1, "1");
    ck_assert(it_ice_pairable(&l, &r) == FAMILIES[_i].pairs);
}
END_TEST

START_TEST(every_base_is_paired_with_every_candidate_of_its_family_and_component)
{
    far *f = far_new(true, 1, 2, NULL);
    far_base(f, 0, 1, 0, "198.51.100.7:5000");
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    far_base(f, 0, 2, 2, "198.51.100.7:5001");
    far_base(f, 0, 1, 3, "[2001:db8::7]:5000");
    far_base(f, 0, 1, 4, "[fe80::7]:5000");
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "203.0.113.7:6000", 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, "203.0.113.8:6000", 65535, "2"));
    it_ice_gather(f->a, 0); /* those that are known already, and those that come */
    far_add(f, 0, far_cand(IT_ICE_HOST, 2, "203.0.113.7:6001", 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "[2001:db8::9]:6000", 65535, "3"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "[fe80::9]:6000", 65535, "4"));
    ck_assert_uint_eq(far_pairs(f), 2 * 2 + 1 + 1 + 1);
    far_has(f, "0.2 frozen host 198.51.100.7:5001 -> host 203.0.113.7:6001");
    far_has(f, "0.1 frozen host [2001:db8::7]:5000 -> host [2001:db8::9]:6000");
    far_has(f, "0.1 frozen host [fe80::7]:5000 -> host [fe80::9]:6000");
    far_free(f);
}
END_TEST

/* RFC 8445 section 7.3.1.3: a learned candidate is paired with the local candidate that its check came to, and no
 * other. */
START_TEST(a_learned_candidate_is_paired_with_no_later_base)
{
    far *f = far_new(false, 1, 1, one_server);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, 0);
    far_creds(f);
    (void)far_request(f, (far_req){.from = "203.0.113.50:7000"});
    ck_assert_uint_eq(far_pairs(f), 1);
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    ck_assert_uint_eq(far_pairs(f), 1);
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, "203.0.113.50:7000", 65535, "1")); /* now it is told */
    ck_assert_uint_eq(far_pairs(f), 2);
    far_free(f);
}
END_TEST

/* --- 6.1.2.4 --- */

START_TEST(a_reflexive_local_candidate_makes_no_pair_beside_its_bases)
{
    far *f = far_usual(true);
    it_ice_cand c = far_cand(IT_ICE_SRFLX, 1, "192.0.2.77:777", 65535, "x");
    c.base = net_addr(OWN_ADDR);
    c.flow = 0;
    it_ice_local *l = it_ice_local_add(f->a, 0, &c, 65535, net_addr("192.0.2.1:0").ip);
    ck_assert_ptr_nonnull(l);
    ck_assert_int_eq(it_ice_pair_local(f->a, l), 0);
    ck_assert_uint_eq(far_pairs(f), 1);
    it_ice_pair_remove(f->a, &f->a->streams[0], 0);
    ck_assert_int_eq(it_ice_pair_local(f->a, l), 0); /* not even when the base's pair had to make room */
    ck_assert_uint_eq(far_pairs(f), 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "203.0.113.7:6001", 65535, "1"));
    ck_assert_uint_eq(far_pairs(f), 1);
    ck_assert_int_eq(f->a->streams[0].pairs[0]->local.kind, IT_ICE_HOST);
    far_free(f);
}
END_TEST

START_TEST(the_same_base_and_remote_address_are_one_pair)
{
    far *f = far_usual(true);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, FAR_ADDR, 65535, "2"));
    ck_assert_uint_eq(far_pairs(f), 1);
    far_has(f, "0.1 frozen host 198.51.100.7:5000 -> host 203.0.113.7:6000");
    far_free(f);
}
END_TEST

START_TEST(a_component_that_has_concluded_gets_no_new_pairs)
{
    far *f = far_usual(true);
    far_connect(f);
    size_t n = far_pairs(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "203.0.113.99:6001", 65535, "9"));
    ck_assert_uint_eq(far_pairs(f), n);
    far_free(f);
}
END_TEST

START_TEST(a_pair_that_goes_takes_its_check_with_it)
{
    far *f = far_usual(false);
    it_stun_msg m;
    (void)far_wait_request(f, &m);
    ck_assert_int_eq(f->a->streams[0].pairs[0]->state, IT_ICE_IN_PROGRESS);
    it_ice_pair_remove(f->a, &f->a->streams[0], 0);
    far_after(f, 30 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 1);
    far_free(f);
}
END_TEST

/* --- 6.1.2.5, RFC 8838 10 --- */

/* 60 far candidates with each of two bases: 120 pairs, of which the 100 of highest priority stay, whatever order they
 * came in. */
START_TEST(a_hundred_pairs_of_highest_priority_stay)
{
    far *f = far_new(true, 1, 1, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "198.51.100.8:5000");
    it_ice_gather(f->a, 0);
    for (int i = 0; i < 60; i++) {
        char addr[32], foundation[8];
        int k = (i + 1) * 37 % 60; /* the last is the lowest */
        snprintf(addr, sizeof addr, "203.0.113.7:%d", 6000 + k);
        snprintf(foundation, sizeof foundation, "%d", k);
        far_add(f, 0, far_cand(IT_ICE_HOST, 1, addr, (uint16_t)(1000 + k), foundation));
    }
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 100);
    for (size_t i = 1; i < 100; i++)
        ck_assert_uint_ge(f->a->streams[0].pairs[i - 1]->prio, f->a->streams[0].pairs[i]->prio);
    for (size_t i = 0; i < 100; i++) /* the far side's priorities are the smaller ones: they decide */
        ck_assert_uint_ge(f->a->streams[0].pairs[i]->remote.addr.port, 6010);
    far_free(f);
}
END_TEST

START_TEST(at_the_limit_the_lowest_priority_goes)
{
    far *f = agent(true, 1, 1, 3);
    it_ice_pair *p300 = put(f, 0, local(1, 0), far_end(1, 6000, 300));
    it_ice_pair *p100 = put(f, 0, local(1, 0), far_end(1, 6001, 100));
    it_ice_pair *p200 = put(f, 0, local(1, 0), far_end(1, 6002, 200));
    ck_assert_ptr_null(put(f, 0, local(1, 0), far_end(1, 6003, 50)));
    ck_assert(has(f, 0, p300) && has(f, 0, p100) && has(f, 0, p200));
    it_ice_pair *p400 = put(f, 0, local(1, 0), far_end(1, 6004, 400));
    ck_assert(has(f, 0, p400) && has(f, 0, p300) && has(f, 0, p200));
    ck_assert_uint_eq(it_ice_pairs_total(f->a), 3);
    ck_assert_ptr_null(it_ice_pair_find(&f->a->streams[0], 0, 1, net_addr("203.0.113.7:6001")));
    far_free(f);
}
END_TEST

START_TEST(at_the_limit_a_failed_pair_goes_first_even_for_a_lower_one)
{
    far *f = agent(true, 1, 1, 2);
    put(f, 0, local(1, 0), far_end(1, 6000, 300))->state = IT_ICE_PAIR_FAILED;
    it_ice_pair *low = put(f, 0, local(1, 0), far_end(1, 6001, 100));
    it_ice_pair *lower = put(f, 0, local(1, 0), far_end(1, 6002, 50));
    ck_assert(lower && has(f, 0, low) && has(f, 0, lower));
    ck_assert_uint_eq(it_ice_pairs_total(f->a), 2);
    far_free(f);
}
END_TEST

START_TEST(at_the_limit_no_pair_goes_that_is_being_checked_or_was_found_good)
{
    far *f = agent(true, 1, 1, 1);
    it_ice_pair *p = put(f, 0, local(1, 0), far_end(1, 6000, 1));
    switch (_i) {
    case 0:
        p->state = IT_ICE_IN_PROGRESS;
        break;
    case 1:
        p->state = IT_ICE_SUCCEEDED;
        break;
    case 2:
        it_ice_enqueue(f->a, p);
        break;
    default:
        p->valid = true; /* made valid by another pair's check */
    }
    ck_assert_ptr_null(put(f, 0, local(1, 0), far_end(1, 6001, 900)));
    ck_assert(has(f, 0, p));
    p->valid = false;
    far_free(f);
}
END_TEST

START_TEST(the_fullest_checklist_gives_room_to_another)
{
    far *f = agent(true, 2, 1, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(put(f, 0, local(1, 0), far_end(1, (uint16_t)(6000 + i), 900 + (uint32_t)i)));
    /* lower priority than any, but its stream has none yet */
    ck_assert_ptr_nonnull(put(f, 1, local(1, 1), far_end(1, 6010, 10)));
    ck_assert_ptr_nonnull(put(f, 1, local(1, 1), far_end(1, 6011, 11)));
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 2);
    ck_assert_uint_eq(f->a->streams[1].n_pairs, 2);
    ck_assert_uint_eq(f->a->streams[0].pairs[1]->remote.addr.port, 6002);
    /* even now: each makes room in its own */
    ck_assert_ptr_null(put(f, 1, local(1, 1), far_end(1, 6012, 9)));
    ck_assert_ptr_nonnull(put(f, 1, local(1, 1), far_end(1, 6013, 12)));
    ck_assert_uint_eq(f->a->streams[0].n_pairs, 2);
    ck_assert_uint_eq(f->a->streams[1].pairs[0]->remote.addr.port, 6013);
    far_free(f);
}
END_TEST

#define N(x) ((int)(sizeof(x) / sizeof(x)[0]))
static void add(Suite *s)
{
    TCase *t = tcase_create("6.1.2.2");
    tcase_add_loop_test(t, the_same_component_and_family_pair_and_link_local_only_with_its_like, 0, N(FAMILIES));
    tcase_add_test(t, every_base_is_paired_with_every_candidate_of_its_family_and_component);
    tcase_add_test(t, a_learned_candidate_is_paired_with_no_later_base);
    suite_add_tcase(s, t);
    t = tcase_create("6.1.2.3");
    tcase_add_loop_test(t, the_pair_priority_is_that_of_the_formula_on_both_sides, 0, N(WORKED));
    tcase_add_test(t, both_sides_come_to_the_same_pair_priority);
    tcase_add_test(t, the_checklist_is_in_falling_priority_whatever_the_order_of_coming);
    tcase_add_test(t, among_equals_the_lower_component_comes_first);
    tcase_add_test(t, a_change_of_role_reorders);
    suite_add_tcase(s, t);
    t = tcase_create("6.1.2.4");
    tcase_add_test(t, a_reflexive_local_candidate_makes_no_pair_beside_its_bases);
    tcase_add_test(t, the_same_base_and_remote_address_are_one_pair);
    tcase_add_test(t, a_component_that_has_concluded_gets_no_new_pairs);
    tcase_add_test(t, a_pair_that_goes_takes_its_check_with_it);
    suite_add_tcase(s, t);
    t = tcase_create("6.1.2.5");
    tcase_add_test(t, a_hundred_pairs_of_highest_priority_stay);
    tcase_add_test(t, at_the_limit_the_lowest_priority_goes);
    tcase_add_test(t, at_the_limit_a_failed_pair_goes_first_even_for_a_lower_one);
    tcase_add_loop_test(t, at_the_limit_no_pair_goes_that_is_being_checked_or_was_found_good, 0, 4);
    tcase_add_test(t, the_fullest_checklist_gives_room_to_another);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/pair", add)
