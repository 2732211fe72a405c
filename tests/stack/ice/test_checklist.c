/* stack/ice/checklist.c: states of pairs, the choice of the next check, time-outs, failure and patience, completion.
 * Pairs are put into checklists by hand, or come as candidates where the agent as a whole is asked. */
#include "tests/stack/ice/far.h"

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

/* --- 6.1.2.6 --- */

START_TEST(table_1_the_first_checklist_that_has_a_foundation_unfreezes_it)
{
    static const struct {
        int stream;
        const char *foundation;
        enum it_ice_pstate want;
    } cells[] = {
        {0, "f1", IT_ICE_WAITING}, {0, "f2", IT_ICE_WAITING}, {0, "f3", IT_ICE_WAITING},
        {1, "f1", IT_ICE_FROZEN},  {1, "f2", IT_ICE_FROZEN},  {1, "f3", IT_ICE_FROZEN},
        {1, "f4", IT_ICE_WAITING}, {2, "f1", IT_ICE_FROZEN},  {2, "f5", IT_ICE_WAITING},
    };
    enum { N = sizeof cells / sizeof cells[0] };
    far *f = far_new(true, 3, 1, NULL);
    it_ice_pair *p[N];
    /* the order in which pairs come to be, and their priorities across streams, do not matter */
    for (int k = 0; k < N; k++) {
        int i = _i ? N - 1 - k : k;
        p[i] = far_put(f, cells[i].stream, 1, cells[i].foundation, (uint32_t)(_i ? 100 - i : 100 + i));
        ck_assert_int_eq(p[i]->state, IT_ICE_FROZEN);
    }
    it_ice_initial_states(f->a);
    for (int i = 0; i < N; i++)
        ck_assert_msg(p[i]->state == cells[i].want, "m%d %s", cells[i].stream + 1, cells[i].foundation);
    far_free(f);
}
END_TEST

START_TEST(within_a_checklist_the_lowest_component_and_then_the_highest_priority_is_unfrozen)
{
    far *f = far_new(true, 1, 3, NULL);
    it_ice_pair *p[] = {
        far_put(f, 0, 2, "f1", 900), far_put(f, 0, 1, "f1", 100), far_put(f, 0, 1, "f1", 200),
        far_put(f, 0, 3, "f2", 100), far_put(f, 0, 3, "f2", 101),
    };
    it_ice_initial_states(f->a);
    for (int i = 0; i < 5; i++)
        ck_assert_msg(p[i]->state == (i == 2 || i == 4 ? IT_ICE_WAITING : IT_ICE_FROZEN), "pair %d", i);
    far_free(f);
}
END_TEST

START_TEST(a_foundation_is_that_of_both_ends)
{
    far *f = far_new(true, 1, 2, NULL);
    it_ice_pair *x = far_put(f, 0, 1, "f1", 100), *y = far_put(f, 0, 2, "f1", 100);
    strcpy(y->local.foundation, "M");
    ck_assert(!it_ice_same_foundation(x, y));
    it_ice_initial_states(f->a);
    ck_assert_int_eq(x->state, IT_ICE_WAITING);
    ck_assert_int_eq(y->state, IT_ICE_WAITING);
    far_free(f);
}
END_TEST

/* --- RFC 8838 12 --- */

START_TEST(a_pair_that_comes_later_waits_when_it_tops_its_foundation_or_that_succeeded)
{
    far *f = far_new(true, 2, 2, NULL);
    far_put(f, 0, 2, "f1", 100);
    f->a->checking = true;
    ck_assert_int_eq(far_put(f, 0, 1, "f1", 50)->state, IT_ICE_WAITING); /* rule 1: lowest component */
    ck_assert_int_eq(far_put(f, 0, 1, "f1", 60)->state, IT_ICE_WAITING); /* rule 1: highest priority */
    ck_assert_int_eq(far_put(f, 0, 1, "f1", 40)->state, IT_ICE_FROZEN);  /* rule 3 */
    ck_assert_int_eq(far_put(f, 1, 1, "f1", 999)->state, IT_ICE_FROZEN); /* rule 3: a later checklist */
    ck_assert_int_eq(far_put(f, 1, 1, "f2", 1)->state, IT_ICE_WAITING);  /* a foundation of its own */
    f->a->streams[0].pairs[0]->state = IT_ICE_SUCCEEDED;
    ck_assert_int_eq(far_put(f, 1, 2, "f1", 1)->state, IT_ICE_WAITING); /* rule 2 */
    far_free(f);
}
END_TEST

START_TEST(the_states_of_all_are_computed_when_checks_begin)
{
    far *f = far_new(true, 1, 1, NULL);
    far_put(f, 0, 1, "f1", 100);
    it_ice_pair *better = far_put(f, 0, 1, "f1", 200);
    ck_assert(!it_ice_check_send_next(f->a, 0)); /* not before the far credentials are known */
    ck_assert_int_eq(better->state, IT_ICE_FROZEN);
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    far_creds(f);
    ck_assert(it_ice_check_send_next(f->a, 0));
    ck_assert_int_eq(better->state, IT_ICE_IN_PROGRESS);
    ck_assert_int_eq(f->a->streams[0].pairs[1]->state, IT_ICE_FROZEN);
    far_free(f);
}
END_TEST

/* --- 7.2.5.3.3 --- */

START_TEST(success_unfreezes_its_foundation_in_all_checklists_and_nothing_else)
{
    far *f = far_new(true, 2, 2, NULL);
    it_ice_pair *done = far_put(f, 0, 1, "f1", 100), *here = far_put(f, 0, 2, "f1", 100),
                *there = far_put(f, 1, 1, "f1", 100);
    it_ice_pair *other = far_put(f, 1, 2, "f2", 100), *failed = far_put(f, 1, 2, "f1", 100);
    failed->state = IT_ICE_PAIR_FAILED;
    done->state = IT_ICE_SUCCEEDED;
    it_ice_unfreeze_foundation(f->a, done);
    ck_assert_int_eq(here->state, IT_ICE_WAITING);
    ck_assert_int_eq(there->state, IT_ICE_WAITING);
    ck_assert_int_eq(other->state, IT_ICE_FROZEN);
    ck_assert_int_eq(failed->state, IT_ICE_PAIR_FAILED);
    ck_assert_int_eq(done->state, IT_ICE_SUCCEEDED);
    far_free(f);
}
END_TEST

/* Two streams of two components with bases at flows 0 to 3 and one candidate for each component, all of foundation
 * |found|. */
static far *two_by_two(const char *found)
{
    far *f = far_new(false, 2, 2, NULL);
    for (int i = 0; i < 4; i++) {
        char own[32];
        (void)snprintf(own, sizeof own, "198.51.100.7:%d", 5000 + i);
        far_base(f, i / 2, 1 + i % 2, i, own);
    }
    it_ice_gather(f->a, 0);
    for (int i = 0; i < 4; i++) {
        char addr[32];
        (void)snprintf(addr, sizeof addr, "203.0.113.7:%d", 6000 + i);
        far_add(f, i / 2, far_cand(IT_ICE_HOST, 1 + i % 2, addr, 65535, found));
    }
    far_creds(f);
    return f;
}

START_TEST(an_answered_check_lets_the_other_components_and_streams_be_checked)
{
    far *f = two_by_two("1");
    it_stun_msg m;
    far_after(f, 400 * IT_MS);
    ck_assert_uint_eq(f->n_out, 1); /* one foundation, one check */
    far_answer(f, far_wait_request(f, &m), (far_ans){0});
    far_after(f, 200 * IT_MS);
    ck_assert_uint_eq(f->n_out, 4);
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
    goes(f, 50 * IT_MS,
         "203.0.113.7:6002"); /* its list's turn: nothing waits, its foundation is idle (section 6.1.4.2) */
    goes(f, 100 * IT_MS, "203.0.113.8:6000");
    far_free(f);
}
END_TEST

/* --- 6.1.4.2 --- */

START_TEST(triggered_checks_go_first_in_the_order_they_were_triggered)
{
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    it_ice_pair *p[4];
    for (int i = 0; i < 4; i++)
        p[i] = far_put(f, 0, 1, i ? "f1" : "f2", 400 - (uint32_t)i);
    far_creds(f);
    it_ice_enqueue(f->a, p[3]);
    it_ice_enqueue(f->a, p[2]);
    it_ice_enqueue(f->a, p[3]); /* keeps its place */
    static const int want[] = {3, 2, 0, 1};
    for (int i = 0; i < 4; i++) {
        ck_assert(it_ice_check_send_next(f->a, 0));
        ck_assert_msg(p[want[i]]->state == IT_ICE_IN_PROGRESS, "check %d is not of pair %d", i, want[i]);
        ck_assert_uint_eq(p[want[i]]->queued, 0);
    }
    ck_assert(!it_ice_check_send_next(f->a, 0));
    far_free(f);
}
END_TEST

START_TEST(a_frozen_pair_is_unfrozen_when_nothing_of_its_foundation_is_under_way)
{
    far *f = far_new(false, 2, 1, NULL);
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    far_base(f, 1, 1, 11, "198.51.100.7:5011");
    it_ice_pair *first = far_put(f, 0, 1, "f1", 200), *same = far_put(f, 1, 1, "f1", 100),
                *more = far_put(f, 1, 1, "f1", 99);
    far_creds(f);
    ck_assert(it_ice_check_send_next(f->a, 0));
    ck_assert(!it_ice_check_send_next(f->a, 0)); /* the other checklist's are frozen behind it */
    ck_assert_int_eq(same->state, IT_ICE_FROZEN);
    first->state = IT_ICE_PAIR_FAILED;
    ck_assert(it_ice_check_send_next(f->a, 0));
    ck_assert_int_eq(same->state, IT_ICE_IN_PROGRESS);
    ck_assert_int_eq(more->state, IT_ICE_FROZEN);
    far_free(f);
}
END_TEST

START_TEST(checklists_take_turns_and_one_without_work_is_passed_over)
{
    far *f = far_new(false, 3, 1, NULL);
    static const int pairs[] = {4, 2, 1};
    static const uint32_t want[] = {1, 11, 21, 1, 11, 1, 1};
    for (int s = 0; s < 3; s++) {
        char addr[32];
        (void)snprintf(addr, sizeof addr, "198.51.100.7:%d", 5000 + s * 10 + 1);
        far_base(f, s, 1, s * 10 + 1, addr);
        for (int i = 0; i < pairs[s]; i++) {
            char found[8];
            (void)snprintf(found, sizeof found, "f%d%d", s, i);
            far_put(f, s, 1, found,
                    (uint32_t)(100 * s + 50 - i)); /* priority across checklists gives no right of way */
        }
    }
    far_creds(f);
    far_after(f, 400 * IT_MS);
    ck_assert_uint_eq(f->n_out, 7);
    for (size_t i = 0; i < 7; i++)
        ck_assert_uint_eq(f->out[i].flow, want[i]);
    far_free(f);
}
END_TEST

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

START_TEST(a_checklist_that_has_ended_checks_only_what_is_triggered)
{
    far *f = far_new(false, 1, 1, NULL);
    far_base(f, 0, 1, 1, "198.51.100.7:5001");
    it_ice_pair *x = far_put(f, 0, 1, "f1", 100), *y = far_put(f, 0, 1, "f2", 50);
    far_creds(f);
    f->a->streams[0].state = _i ? IT_ICE_LIST_FAILED : IT_ICE_LIST_COMPLETED;
    ck_assert(!it_ice_check_send_next(f->a, 0));
    it_ice_enqueue(f->a, y);
    ck_assert(it_ice_check_send_next(f->a, 0));
    ck_assert_int_eq(y->state, IT_ICE_IN_PROGRESS);
    ck_assert_int_eq(x->state, IT_ICE_WAITING);
    far_free(f);
}
END_TEST

/* --- 14.3 --- */

/* ... but for 1 s at most, or as long as those waiting or in progress take a Ta each. */
START_TEST(rto_is_ta_times_the_checks_to_do_times_those_waiting_or_in_progress)
{
    static const struct {
        int frozen, waiting, progress, succeeded, failed;
        it_time want;
    } t[] = {
        {0, 1, 0, 0, 0, 500 * IT_MS},     {0, 0, 0, 9, 9, 500 * IT_MS},    {9, 0, 0, 0, 0, 500 * IT_MS},
        {0, 3, 0, 0, 0, 500 * IT_MS},     {0, 2, 2, 0, 0, 800 * IT_MS},    {0, 1, 3, 9, 9, 800 * IT_MS},
        {6, 1, 1, 0, 0, 800 * IT_MS},     {18, 1, 1, 5, 0, 1000 * IT_MS},  {0, 5, 5, 0, 3, 1000 * IT_MS},
        {9, 1, 0, 0, 0, 500 * IT_MS},     {10, 1, 0, 0, 0, 550 * IT_MS},   {0, 20, 20, 0, 0, 2 * IT_SEC},
        {0, 0, 7, 0, 0, 1000 * IT_MS},    {0, 10, 10, 0, 0, 1000 * IT_MS}, {0, 10, 11, 0, 0, 1050 * IT_MS},
        {80, 10, 10, 0, 0, 1000 * IT_MS},
    };
    for (size_t k = 0; k < sizeof t / sizeof t[0]; k++) {
        const int n[] = {t[k].frozen, t[k].waiting, t[k].progress, t[k].succeeded, t[k].failed};
        far *f = far_new(true, 2, 1, NULL);
        int made = 0;
        for (int s = 0; s < 5; s++)
            for (int i = 0; i < n[s]; i++)
                far_put(f, made++ % 2, 1, "f1", 100)->state = (enum it_ice_pstate)s; /* both checklists count */
        ck_assert_msg(it_ice_check_timing(f->a).rto == t[k].want, "row %zu", k);
        far_free(f);
    }
}
END_TEST

START_TEST(its_ta_is_the_one_in_force)
{
    far *f = far_new(true, 1, 1, NULL);
    for (int i = 0; i < 4; i++)
        far_put(f, 0, 1, "f1", 100)->state = IT_ICE_WAITING;
    it_ice_set_remote_pacing(f->a, 100 * IT_MS);
    ck_assert_int_eq(it_ice_check_timing(f->a).rto, 800 * IT_MS);
    far_creds(f);
    ck_assert_int_eq(it_ice_check_timing(f->a).rto, 1000 * IT_MS);
    far_free(f);
}
END_TEST

/* --- 6.1.2.2, 8.1.2 --- */

START_TEST(components_that_the_far_side_lacks_do_not_count_once_it_has_told_all)
{
    far *f = far_new(true, 2, 4, NULL);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 2, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    ck_assert_int_eq(it_ice_components(f->a, 0), 4);
    it_ice_remote_done(f->a, 0);
    ck_assert_int_eq(it_ice_components(f->a, 0), 2);
    ck_assert_int_eq(it_ice_components(f->a, 1), 4); /* nothing is known of that one */
    far_free(f);
}
END_TEST

START_TEST(completed_is_said_once_when_every_component_of_every_checklist_is_nominated)
{
    far *f = two_by_two("1");
    it_stun_msg m;
    for (int i = 0; i < 4; i++) {
        char from[32];
        ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 0);
        (void)snprintf(from, sizeof from, "203.0.113.7:%d", 6000 + i);
        (void)far_request(f, (far_req){.flow = i, .from = from, .use = true, .tie = 1});
        far_after(f, 200 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            far_answer(f, f->read - 1, (far_ans){0});
    }
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 4);
    ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 1);
    ck_assert_int_eq(f->a->streams[0].state, IT_ICE_LIST_COMPLETED);
    far_free(f);
}
END_TEST

/* --- 7.2.5.4, RFC 8863 4 --- */

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

static void add(Suite *s)
{
    TCase *t = tcase_create("6.1.2.6");
    tcase_add_loop_test(t, table_1_the_first_checklist_that_has_a_foundation_unfreezes_it, 0, 2);
    tcase_add_test(t, within_a_checklist_the_lowest_component_and_then_the_highest_priority_is_unfrozen);
    tcase_add_test(t, a_foundation_is_that_of_both_ends);
    tcase_add_test(t, the_states_of_all_are_computed_when_checks_begin);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8838 12");
    tcase_add_test(t, a_pair_that_comes_later_waits_when_it_tops_its_foundation_or_that_succeeded);
    suite_add_tcase(s, t);
    t = tcase_create("7.2.5.3.3");
    tcase_add_test(t, success_unfreezes_its_foundation_in_all_checklists_and_nothing_else);
    tcase_add_test(t, an_answered_check_lets_the_other_components_and_streams_be_checked);
    tcase_add_test(t, a_success_thaws_its_foundation_in_all_checklists);
    tcase_add_test(t, a_failure_thaws_nothing_but_leaves_its_foundation_idle);
    suite_add_tcase(s, t);
    t = tcase_create("6.1.4.2");
    tcase_add_test(t, triggered_checks_go_first_in_the_order_they_were_triggered);
    tcase_add_test(t, a_frozen_pair_is_unfrozen_when_nothing_of_its_foundation_is_under_way);
    tcase_add_test(t, checklists_take_turns_and_one_without_work_is_passed_over);
    tcase_add_test(t, one_check_leaves_per_ta_lists_take_turns_and_priority_decides_within);
    tcase_add_loop_test(t, a_checklist_that_has_ended_checks_only_what_is_triggered, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("14.3");
    tcase_add_test(t, rto_is_ta_times_the_checks_to_do_times_those_waiting_or_in_progress);
    tcase_add_test(t, its_ta_is_the_one_in_force);
    suite_add_tcase(s, t);
    t = tcase_create("7.2.5.4 and RFC 8863 4");
    tcase_add_test(t, no_checklist_fails_before_patience_ends);
    tcase_add_test(t, without_any_candidate_patience_ends_too);
    tcase_add_test(t, a_candidate_that_comes_late_saves_the_list);
    suite_add_tcase(s, t);
    t = tcase_create("6.1.2.2 and 8.1.2");
    tcase_add_test(t, components_that_the_far_side_lacks_do_not_count_once_it_has_told_all);
    tcase_add_test(t, completed_is_said_once_when_every_component_of_every_checklist_is_nominated);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("ice/checklist", add)
