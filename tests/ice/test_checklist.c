/* Checklists: priorities, pairing, pruning, the limit, freezing and thawing, pacing, failure and patience
 * (RFC 8445 sections 5.1.2, 6.1.2, 6.1.4, 7.2.5.3.3, 7.2.5.4; RFC 8838 sections 8, 10, 12; RFC 8863 section 4). */
#include "tests/ice/far.h"

#include <inttypes.h>

static size_t pairs(const far *f, int stream)
{
    return f->a->streams[stream].n_pairs;
}

/* The pair of |stream| towards |remote|; fails when there is none. */
static const it_ice_pair *pair_to(const far *f, int stream, const char *remote)
{
    for (size_t i = 0; i < pairs(f, stream); i++)
        if (it_addr_eq(f->a->streams[stream].pairs[i]->remote.addr, net_addr(remote)))
            return f->a->streams[stream].pairs[i];
    ck_abort_msg("no pair to %s", remote);
    return NULL;
}

static void is(const far *f, int stream, const char *remote, enum it_ice_pstate want)
{
    const it_ice_pair *p = pair_to(f, stream, remote);
    ck_assert_msg(p->state == want, "stream %d to %s: state %d, not %d", stream, remote, (int)p->state, (int)want);
}

/* The next request must go out exactly at |at|, to |remote|. */
static size_t goes(far *f, it_time at, const char *remote)
{
    it_stun_msg m;
    far_until(f, at);
    ck_assert_msg(far_next_request(f, &f->read, &m), "nothing at %" PRId64, at);
    ck_assert_int_eq(f->out[f->read - 1].at, at);
    ck_assert(it_addr_eq(f->out[f->read - 1].remote, net_addr(remote)));
    return f->read - 1;
}

/* Streams of one component and a base each, gathered, the far side's credentials known. */
static far *streams(int n, bool controlling)
{
    static const char *const OWN[] = {"198.51.100.7:5000", "198.51.100.7:5001", "198.51.100.7:5002"};
    far *f = far_new(controlling, n, 1, NULL);
    for (int i = 0; i < n; i++)
        far_base(f, i, 1, i, OWN[i]);
    it_ice_gather(f->a, f->now);
    far_creds(f);
    return f;
}

static void host(far *f, int stream, const char *addr, uint16_t pref, const char *foundation)
{
    far_add(f, stream, far_cand(IT_ICE_HOST, 1, addr, pref, foundation));
}

/* --- priorities --- */

START_TEST(candidate_priorities_are_those_of_the_formula)
{
    static const struct {
        enum it_ice_kind kind;
        uint16_t pref, component;
        uint32_t want;
    } rows[] = {{IT_ICE_HOST, 65535, 1, 2130706431}, {IT_ICE_PRFLX, 65535, 1, 1862270975}, {IT_ICE_SRFLX, 65535, 1, 1694498815},
                {IT_ICE_RELAY, 65535, 1, 16777215},  {IT_ICE_HOST, 65535, 2, 2130706430},  {IT_ICE_HOST, 0, 256, 2113929216},
                {IT_ICE_RELAY, 0, 256, 1 /* never 0, section 5.1.2 */}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(it_ice_priority(rows[i].kind, rows[i].pref, rows[i].component), rows[i].want);
}
END_TEST

START_TEST(pair_priorities_are_those_of_the_formula_and_equal_on_both_sides)
{
    ck_assert_uint_eq(it_ice_pair_prio(true, 5, 7), ((uint64_t)5 << 32) + 14);
    ck_assert_uint_eq(it_ice_pair_prio(true, 7, 5), ((uint64_t)5 << 32) + 15);
    ck_assert_uint_eq(it_ice_pair_prio(true, 5, 5), ((uint64_t)5 << 32) + 10);
    ck_assert_uint_eq(it_ice_pair_prio(true, UINT32_MAX, UINT32_MAX - 1), ((uint64_t)(UINT32_MAX - 1) << 32) + 2 * (uint64_t)UINT32_MAX + 1);
    for (uint32_t l = 1; l < 2000; l += 37)
        for (uint32_t r = 1; r < 2000; r += 41)
            ck_assert_uint_eq(it_ice_pair_prio(true, l, r), it_ice_pair_prio(false, r, l));
}
END_TEST

/* --- pairs --- */

START_TEST(only_the_same_component_and_family_pair_and_link_local_with_its_like)
{
    far *f = far_new(true, 1, 2, NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, "[2001:db8::1]:5000");
    far_base(f, 0, 1, 2, "[fe80::1]:5000");
    it_ice_gather(f->a, 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 2, "203.0.113.7:6001", 65535, "1"));
    ck_assert_uint_eq(pairs(f, 0), 0);
    far_add(f, 0, far_cand(IT_ICE_HOST, 3, "203.0.113.7:6002", 65535, "1"));
    ck_assert_uint_eq(pairs(f, 0), 0);
    host(f, 0, FAR_ADDR, 65535, "1");
    ck_assert_uint_eq(pairs(f, 0), 1);
    host(f, 0, "[2001:db8::2]:6000", 65534, "2");
    ck_assert_uint_eq(pairs(f, 0), 2);
    ck_assert(it_addr_eq(pair_to(f, 0, "[2001:db8::2]:6000")->local.addr, net_addr("[2001:db8::1]:5000")));
    host(f, 0, "[fe80::2]:6000", 65533, "3");
    ck_assert_uint_eq(pairs(f, 0), 3);
    ck_assert(it_addr_eq(pair_to(f, 0, "[fe80::2]:6000")->local.addr, net_addr("[fe80::1]:5000")));
    far_free(f);
}
END_TEST

START_TEST(a_redundant_candidate_makes_no_second_pair_and_the_higher_priority_stays)
{
    far *f = streams(1, true);
    far_add(f, 0, far_cand(IT_ICE_SRFLX, 1, FAR_ADDR, 65535, "2"));
    ck_assert_uint_eq(pairs(f, 0), 1);
    uint64_t low = pair_to(f, 0, FAR_ADDR)->prio;
    host(f, 0, FAR_ADDR, 65535, "1");
    ck_assert_uint_eq(pairs(f, 0), 1);
    uint64_t high = pair_to(f, 0, FAR_ADDR)->prio;
    ck_assert_uint_gt(high, low);
    far_add(f, 0, far_cand(IT_ICE_RELAY, 1, FAR_ADDR, 65535, "3"));
    ck_assert_uint_eq(pairs(f, 0), 1);
    ck_assert_uint_eq(pair_to(f, 0, FAR_ADDR)->prio, high);
    ck_assert_int_eq(pair_to(f, 0, FAR_ADDR)->remote.kind, IT_ICE_HOST);
    far_free(f);
}
END_TEST

/* 60 far candidates with each of two bases: 120 pairs, of which the 100 of highest priority stay, whatever order they came in. */
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
        host(f, 0, addr, (uint16_t)(1000 + k), foundation);
    }
    ck_assert_uint_eq(pairs(f, 0), 100);
    for (size_t i = 1; i < 100; i++)
        ck_assert_uint_ge(f->a->streams[0].pairs[i - 1]->prio, f->a->streams[0].pairs[i]->prio);
    for (size_t i = 0; i < 100; i++) /* the far side's priorities are the smaller ones: they decide */
        ck_assert_uint_ge(f->a->streams[0].pairs[i]->remote.addr.port, 6010);
    far_free(f);
}
END_TEST

/* --- freezing --- */

START_TEST(the_top_pair_of_each_foundation_begins_waiting_and_the_others_frozen)
{
    far *f = streams(2, true);
    host(f, 0, "203.0.113.7:6000", 65535, "1");
    host(f, 0, "203.0.113.7:6001", 65534, "1");
    host(f, 0, "203.0.113.8:6000", 65533, "2");
    host(f, 1, "203.0.113.7:6002", 65535, "1");
    host(f, 1, "203.0.113.9:6002", 65534, "3");
    ck_assert(!f->a->checking);
    f->a->checking = true;
    it_ice_initial_states(f->a);
    is(f, 0, "203.0.113.7:6000", IT_ICE_WAITING);
    is(f, 0, "203.0.113.7:6001", IT_ICE_FROZEN);
    is(f, 0, "203.0.113.8:6000", IT_ICE_WAITING);
    is(f, 1, "203.0.113.7:6002", IT_ICE_FROZEN);
    is(f, 1, "203.0.113.9:6002", IT_ICE_WAITING);
    far_free(f);
}
END_TEST

START_TEST(a_success_thaws_its_foundation_in_all_checklists)
{
    far *f = streams(2, false);
    host(f, 0, "203.0.113.7:6000", 65535, "1");
    host(f, 1, "203.0.113.7:6002", 65535, "1");
    size_t first = goes(f, 0, "203.0.113.7:6000");
    far_until(f, 130 * IT_MS); /* the other has its foundation under way and stays frozen, however idle its list */
    is(f, 1, "203.0.113.7:6002", IT_ICE_FROZEN);
    far_answer(f, first, (far_ans){0});
    is(f, 0, "203.0.113.7:6000", IT_ICE_SUCCEEDED);
    is(f, 1, "203.0.113.7:6002", IT_ICE_WAITING);
    goes(f, 130 * IT_MS, "203.0.113.7:6002");
    far_free(f);
}
END_TEST

START_TEST(a_failure_thaws_nothing_but_leaves_its_foundation_idle)
{
    far *f = streams(2, false);
    host(f, 0, "203.0.113.7:6000", 65535, "1");
    host(f, 0, "203.0.113.8:6000", 65534, "2");
    host(f, 1, "203.0.113.7:6002", 65535, "1");
    size_t first = goes(f, 0, "203.0.113.7:6000");
    far_answer(f, first, (far_ans){.code = 500});
    is(f, 0, "203.0.113.7:6000", IT_ICE_PAIR_FAILED);
    is(f, 1, "203.0.113.7:6002", IT_ICE_FROZEN);
    goes(f, 50 * IT_MS, "203.0.113.7:6002"); /* its list's turn: nothing waits, its foundation is idle (section 6.1.4.2) */
    goes(f, 100 * IT_MS, "203.0.113.8:6000");
    far_free(f);
}
END_TEST

/* RFC 8838 section 12: a pair that comes during the checks. */
START_TEST(a_trickled_pair_waits_only_for_its_foundation)
{
    far *f = streams(2, false);
    host(f, 0, "203.0.113.7:6000", 65535, "1");
    size_t first = goes(f, 0, "203.0.113.7:6000");
    host(f, 1, "203.0.113.7:6002", 65535, "1");
    is(f, 1, "203.0.113.7:6002", IT_ICE_FROZEN);
    host(f, 1, "203.0.113.8:6002", 65534, "2");
    is(f, 1, "203.0.113.8:6002", IT_ICE_WAITING);
    far_answer(f, first, (far_ans){0});
    host(f, 1, "203.0.113.7:6004", 65533, "1");
    is(f, 1, "203.0.113.7:6004", IT_ICE_WAITING);
    far_free(f);
}
END_TEST

/* --- pacing and order --- */

START_TEST(one_check_leaves_per_ta_lists_take_turns_and_priority_decides_within)
{
    far *f = streams(3, true);
    host(f, 0, "203.0.113.7:6001", 100, "1");
    host(f, 0, "203.0.113.8:6001", 200, "2");
    host(f, 2, "203.0.113.7:6003", 200, "3");
    host(f, 2, "203.0.113.8:6003", 100, "4");
    goes(f, 0, "203.0.113.8:6001");
    goes(f, 50 * IT_MS, "203.0.113.7:6003");
    goes(f, 100 * IT_MS, "203.0.113.7:6001");
    goes(f, 150 * IT_MS, "203.0.113.8:6003");
    far_free(f);
}
END_TEST

/* --- failure --- */

static void all_refused(far *f)
{
    host(f, 0, FAR_ADDR, 65535, "1");
    far_answer(f, goes(f, f->now, FAR_ADDR), (far_ans){.code = 500});
    is(f, 0, FAR_ADDR, IT_ICE_PAIR_FAILED);
}

START_TEST(no_checklist_fails_before_patience_ends)
{
    far *f = streams(1, true);
    all_refused(f);
    it_ice_remote_done(f->a, f->now);
    far_until(f, 39500 * IT_MS - 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    far_until(f, 39500 * IT_MS);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1);
    ck_assert(strstr(far_event(f, IT_ICE_FAILED)->why, "RFC 8445 section 7.2.5.4"));
    far_until(f, 100 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1);
    far_free(f);
}
END_TEST

START_TEST(without_any_candidate_patience_ends_too)
{
    far *f = streams(1, false);
    it_ice_remote_done(f->a, f->now);
    far_until(f, 39500 * IT_MS - 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    far_until(f, 39500 * IT_MS);
    ck_assert(strstr(far_event(f, IT_ICE_FAILED)->why, "RFC 8863 section 4"));
    far_free(f);
}
END_TEST

START_TEST(a_candidate_that_comes_late_saves_the_list)
{
    far *f = streams(1, true);
    all_refused(f);
    far_until(f, 39 * IT_SEC);
    host(f, 0, "203.0.113.9:6000", 100, "9");
    size_t i = goes(f, 39 * IT_SEC, "203.0.113.9:6000");
    far_until(f, 45 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    far_answer(f, i, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_VALID), 1);
    far_free(f);
}
END_TEST

START_TEST(a_candidate_after_the_end_of_candidates_is_blamed_and_ignored)
{
    far *f = streams(1, true);
    host(f, 0, FAR_ADDR, 65535, "1");
    it_ice_remote_done(f->a, f->now);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "203.0.113.9:6000", 100, "9"));
    far_pump(f);
    ck_assert_uint_eq(pairs(f, 0), 1);
    ck_assert(strstr(far_event(f, IT_ICE_PEER)->why, "RFC 8838 section 14"));
    far_free(f);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("ice/checklist");
    TCase *t = tcase_create("RFC 8445 sections 5.1.2, 6.1.2.3");
    tcase_add_test(t, candidate_priorities_are_those_of_the_formula);
    tcase_add_test(t, pair_priorities_are_those_of_the_formula_and_equal_on_both_sides);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 sections 6.1.2.2, 6.1.2.4, 6.1.2.5");
    tcase_add_test(t, only_the_same_component_and_family_pair_and_link_local_with_its_like);
    tcase_add_test(t, a_redundant_candidate_makes_no_second_pair_and_the_higher_priority_stays);
    tcase_add_test(t, a_hundred_pairs_of_highest_priority_stay);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 sections 6.1.2.6, 7.2.5.3.3, RFC 8838 section 12");
    tcase_add_test(t, the_top_pair_of_each_foundation_begins_waiting_and_the_others_frozen);
    tcase_add_test(t, a_success_thaws_its_foundation_in_all_checklists);
    tcase_add_test(t, a_failure_thaws_nothing_but_leaves_its_foundation_idle);
    tcase_add_test(t, a_trickled_pair_waits_only_for_its_foundation);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 section 6.1.4.2");
    tcase_add_test(t, one_check_leaves_per_ta_lists_take_turns_and_priority_decides_within);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8445 section 7.2.5.4, RFC 8863 section 4");
    tcase_add_test(t, no_checklist_fails_before_patience_ends);
    tcase_add_test(t, without_any_candidate_patience_ends_too);
    tcase_add_test(t, a_candidate_that_comes_late_saves_the_list);
    tcase_add_test(t, a_candidate_after_the_end_of_candidates_is_blamed_and_ignored);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
