/* Behaviours that differ from the RFCs', as an agent shows them: nomination, conflicts, consent; renomination. */
#include "tests/stack/ice/far.h"

static it_ice_behaviour wanted; /* of the next agent; tests run one at a time in a process of their own */

static void behave(it_ice_cfg *c, int i)
{
    (void)i;
    c->behaviour = wanted;
}

/* An agent with |b|, the far side known with two host candidates, the first the better one. */
static far *agent(bool controlling, it_ice_behaviour b, bool far_renominates)
{
    wanted = b;
    far *f = far_new(controlling, 1, 1, behave);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, f->now);
    it_ice_set_remote_traits(f->a, false, far_renominates);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "203.0.113.8:1", 65534, "2"));
    it_ice_remote_done(f->a, f->now);
    far_pump(f);
    return f;
}

static bool goes_to(const far *f, size_t i, const char *addr)
{
    return it_addr_eq(f->out[i].remote, net_addr(addr));
}

/* Answers every request that is still to be read and goes to |addr|, or to anybody. */
static void answer_all(far *f, const char *addr)
{
    it_stun_msg m;
    while (far_next_request(f, &f->read, &m))
        if (!addr || goes_to(f, f->read - 1, addr))
            far_answer(f, f->read - 1, (far_ans){0});
}

static void run_for(far *f, it_time d, const char *addr)
{
    it_time end = f->now + d;
    while (f->now < end) {
        far_after(f, 10 * IT_MS);
        answer_all(f, addr);
    }
}

static const struct {
    enum it_ice_nomination nomination;
    bool first; /* the first check nominates */
} FIRST[] = {{IT_ICE_REGULAR, false}, {IT_ICE_SEMI_AGGRESSIVE, true}, {IT_ICE_AGGRESSIVE, true}};

START_TEST(only_aggressive_agents_nominate_by_their_first_check)
{
    far *f = agent(true, (it_ice_behaviour){.nomination = FIRST[_i].nomination}, false);
    it_stun_msg m;
    size_t i = far_wait_request(f, &m);
    ck_assert_int_eq(it_stun_get(&m, IT_STUN_USE_CANDIDATE) != NULL, FIRST[_i].first);
    far_answer(f, i, (far_ans){0});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), FIRST[_i].first);
    far_free(f);
}
END_TEST

START_TEST(a_better_pair_that_is_under_way_replaces_an_aggressive_nomination)
{
    far *f = agent(true, (it_ice_behaviour){.nomination = IT_ICE_AGGRESSIVE}, false);
    it_stun_msg m;
    size_t better = far_wait_request(f, &m), worse = far_wait_request(f, &m);
    ck_assert(goes_to(f, better, FAR_ADDR) && goes_to(f, worse, "203.0.113.8:1"));
    far_answer(f, worse, (far_ans){0});
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr("203.0.113.8:1")));
    far_answer(f, better, (far_ans){0});
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    far_free(f);
}
END_TEST

START_TEST(to_a_lite_side_an_aggressive_agent_nominates_what_works)
{
    far *f = agent(true, (it_ice_behaviour){.nomination = IT_ICE_AGGRESSIVE}, false);
    it_ice_set_remote_traits(f->a, true, false);
    it_stun_msg m;
    (void)far_wait_request(f, &m);
    ck_assert_ptr_null(it_stun_get(&m, IT_STUN_USE_CANDIDATE));
    far_free(f);
}
END_TEST

START_TEST(consent_checks_nominate_and_come_evenly_where_the_behaviour_says_so)
{
    bool odd = _i == 1;
    far *f = agent(true, (it_ice_behaviour){.consent_nominates = odd, .consent_fixed = odd}, false);
    it_stun_msg m;
    run_for(f, IT_SEC, NULL);
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    it_time last = 0, least = IT_NEVER, most = 0;
    for (int k = 0; k < 30; k++) {
        size_t i = far_wait_request(f, &m);
        ck_assert_int_eq(it_stun_get(&m, IT_STUN_USE_CANDIDATE) != NULL, odd);
        it_time gap = f->out[i].at - last;
        last = f->out[i].at;
        if (k > 0) {
            least = gap < least ? gap : least;
            most = gap > most ? gap : most;
        }
        far_answer(f, i, (far_ans){0});
    }
    ck_assert_int_eq(least == most, odd);
    ck_assert(!odd || least == 5 * IT_SEC);
    far_free(f);
}
END_TEST

START_TEST(a_consent_check_without_use_candidate_gets_no_answer_where_that_is_wanted)
{
    far *f = agent(false, (it_ice_behaviour){.consent_needs_use = true}, false);
    far_connect(f);
    size_t i = far_request(f, (far_req){.tie = 1});
    ck_assert_uint_eq(f->n_out, i);
    i = far_request(f, (far_req){.tie = 1, .use = true});
    ck_assert_uint_eq(f->n_out, i + 1);
    far_free(f);
}
END_TEST

static const struct {
    enum it_ice_conflict conflict;
    bool redrawn, switches, answers;
} CONFLICTS[] = {
    {IT_ICE_CONFLICT_REDRAWS, true, true, true},
    {IT_ICE_CONFLICT_KEEPS, false, true, true},
    {IT_ICE_CONFLICT_IGNORES, false, false, false},
};

START_TEST(what_a_487_does_hangs_on_the_behaviour)
{
    it_ice_behaviour b = {.conflict = CONFLICTS[_i].conflict, .has_tiebreaker = true, .tiebreaker = 77};
    far *f = agent(true, b, false);
    it_stun_msg m;
    ck_assert_uint_eq(it_ice_tiebreaker(f->a), 77);
    far_answer(f, far_wait_request(f, &m), (far_ans){.code = 487});
    ck_assert_int_eq(it_ice_controlling(f->a), !CONFLICTS[_i].switches);
    ck_assert_int_eq(it_ice_tiebreaker(f->a) != 77, CONFLICTS[_i].redrawn);
    far_free(f);
}
END_TEST

START_TEST(who_ignores_conflicts_drops_the_checks_that_conflict)
{
    it_ice_behaviour b = {.conflict = CONFLICTS[_i].conflict, .has_tiebreaker = true, .tiebreaker = 77};
    far *f = agent(true, b, false);
    size_t i = far_request(f, (far_req){.same_role = true, .tie = 5});
    ck_assert_int_eq(f->n_out > i, CONFLICTS[_i].answers);
    ck_assert(it_ice_controlling(f->a)); /* its tie-breaker is the larger one */
    far_free(f);
}
END_TEST

START_TEST(a_role_that_is_forced_overrules_what_signaling_says)
{
    wanted = (it_ice_behaviour){.role = _i ? IT_ICE_ROLE_CONTROLLING : IT_ICE_ROLE_CONTROLLED};
    far *f = far_new(_i == 0, 1, 1, behave);
    ck_assert_int_eq(it_ice_controlling(f->a), _i);
    ck_assert_int_eq(it_ice_set_role(f->a, _i == 0), 0);
    ck_assert_int_eq(it_ice_controlling(f->a), _i);
    far_free(f);
}
END_TEST

/* --- renomination --- */

static const it_ice_behaviour RENOMINATES = {.renominates = true};

static uint32_t number_of(const far *f, size_t i)
{
    it_stun_msg m;
    uint32_t n = 0;
    far_parse(f, i, &m);
    (void)it_stun_get_u32(&m, IT_STUN_NOMINATION, &n);
    return n;
}

START_TEST(nominations_have_numbers_where_both_sides_renominate_and_nowhere_else)
{
    far *f = agent(true, _i & 1 ? RENOMINATES : (it_ice_behaviour){0}, _i & 2);
    run_for(f, IT_SEC, NULL);
    uint32_t n = 0;
    for (size_t i = 0; i < f->n_out; i++)
        n += number_of(f, i);
    ck_assert_uint_eq(n, _i == 3);
    far_free(f);
}
END_TEST

START_TEST(a_silent_selected_pair_is_left_for_one_that_answers)
{
    far *f = agent(true, RENOMINATES, true);
    run_for(f, IT_SEC, NULL);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    it_time from = f->now;
    run_for(f, 12 * IT_SEC, "203.0.113.8:1"); /* the other one falls silent */
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr("203.0.113.8:1")));
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 2);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    uint32_t highest = 0;
    for (size_t i = 0; i < f->n_out; i++)
        highest = number_of(f, i) > highest ? number_of(f, i) : highest;
    ck_assert_uint_eq(highest, 2);
    ck_assert_int_gt(from, 0);
    run_for(f, 15 * IT_SEC, NULL); /* and is back: the better one again */
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 3);
    far_free(f);
}
END_TEST

/* What libwebrtc does unless RTCConfiguration.enable_ice_renomination is set, whatever the far side says of itself. */
START_TEST(libwebrtc_leaves_a_silent_pair_by_use_candidate_without_numbers)
{
    it_ice_behaviour b;
    ck_assert(it_ice_behaviour_named(&b, "libwebrtc"));
    far *f = agent(true, b, _i);
    run_for(f, IT_SEC, NULL);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    run_for(f, 12 * IT_SEC, "203.0.113.8:1"); /* the other one falls silent */
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr("203.0.113.8:1")));
    run_for(f, 15 * IT_SEC, NULL); /* and is back: the better one again */
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 3);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    for (size_t i = 0; i < f->n_out; i++)
        ck_assert_uint_eq(number_of(f, i), 0);
    far_free(f);
}
END_TEST

START_TEST(the_controlled_side_goes_by_the_highest_number)
{
    far *f = agent(false, RENOMINATES, true);
    run_for(f, IT_SEC, NULL);
    (void)far_request(f, (far_req){.tie = 1, .nomination = 5});
    run_for(f, IT_SEC, NULL);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    /* A worse pair by a higher number; then an old number for the first one, which is too late. */
    (void)far_request(f, (far_req){.tie = 1, .nomination = 6, .from = "203.0.113.8:1"});
    run_for(f, IT_SEC, NULL);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr("203.0.113.8:1")));
    (void)far_request(f, (far_req){.tie = 1, .nomination = 5});
    run_for(f, IT_SEC, NULL);
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 2);
    ck_assert_uint_eq(far_events(f, IT_ICE_PEER), 0);
    far_free(f);
}
END_TEST

START_TEST(a_pair_that_stood_by_is_checked_before_it_is_taken)
{
    far *f = agent(false, RENOMINATES, true);
    run_for(f, IT_SEC, NULL);
    (void)far_request(f, (far_req){.tie = 1, .nomination = 1});
    run_for(f, 20 * IT_SEC, FAR_ADDR);
    (void)far_request(f, (far_req){.tie = 1, .nomination = 2, .from = "203.0.113.8:1"});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    run_for(f, IT_SEC, NULL);
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 2);
    it_time last = far_event(f, IT_ICE_SELECTED)->pair.last_response;
    ck_assert_int_gt(last, f->now - 2 * IT_SEC);
    far_free(f);
}
END_TEST

static void add_all(Suite *s)
{
    TCase *t = tcase_create("behaviours");
    tcase_add_loop_test(t, only_aggressive_agents_nominate_by_their_first_check, 0, 3);
    tcase_add_test(t, a_better_pair_that_is_under_way_replaces_an_aggressive_nomination);
    tcase_add_test(t, to_a_lite_side_an_aggressive_agent_nominates_what_works);
    tcase_add_loop_test(t, consent_checks_nominate_and_come_evenly_where_the_behaviour_says_so, 0, 2);
    tcase_add_test(t, a_consent_check_without_use_candidate_gets_no_answer_where_that_is_wanted);
    tcase_add_loop_test(t, what_a_487_does_hangs_on_the_behaviour, 0, 3);
    tcase_add_loop_test(t, who_ignores_conflicts_drops_the_checks_that_conflict, 0, 3);
    tcase_add_loop_test(t, a_role_that_is_forced_overrules_what_signaling_says, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("draft-thatcher-ice-renomination");
    tcase_add_loop_test(t, nominations_have_numbers_where_both_sides_renominate_and_nowhere_else, 0, 4);
    tcase_add_test(t, a_silent_selected_pair_is_left_for_one_that_answers);
    tcase_add_loop_test(t, libwebrtc_leaves_a_silent_pair_by_use_candidate_without_numbers, 0, 2);
    tcase_add_test(t, the_controlled_side_goes_by_the_highest_number);
    tcase_add_test(t, a_pair_that_stood_by_is_checked_before_it_is_taken);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("stack/ice/renominate", add_all)
