/* stack/ice/gather.c, remote.c, nominate.c: what goes in the middle of a generation, bases of the agent's own, with and
 * without continual gathering, and candidates that the far side takes back. */
#include "tests/stack/ice/far.h"

#define SECOND_ADDR "198.51.100.8:5000"
#define THIRD_ADDR "198.51.100.9:5000"
#define FAR_SECOND "203.0.113.8:1"

static void continually(it_ice_cfg *c, int i)
{
    (void)i;
    c->behaviour.continual = true;
}

/* An agent with two bases, the far side known with one host candidate. */
static far *agent(bool controlling, bool continual)
{
    far *f = far_new(controlling, 1, 1, continual ? continually : NULL);
    far_base(f, 0, 1, 0, OWN_ADDR);
    far_base(f, 0, 1, 1, SECOND_ADDR);
    it_ice_gather(f->a, f->now);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_pump(f);
    return f;
}

/* Answers every check that is still to be read, of those that leave from |from|, or from anywhere, for |d|. */
static void run_for(far *f, it_time d, const char *from)
{
    it_stun_msg m;
    it_time end = f->now + d;
    while (f->now < end) {
        far_after(f, 10 * IT_MS);
        while (far_next_request(f, &f->read, &m))
            if (!from || it_addr_eq(f->out[f->read - 1].local, net_addr(from)))
                far_answer(f, f->read - 1, (far_ans){0});
    }
}

static bool selected_is(const far *f, const char *local, const char *remote)
{
    it_ice_pair_view v;
    return it_ice_selected(f->a, 0, 1, &v) == 0 && it_addr_eq(v.local.base, net_addr(local)) &&
           it_addr_eq(v.remote.addr, net_addr(remote));
}

static it_ice_cand host(const char *addr, uint16_t pref)
{
    return far_cand(IT_ICE_HOST, 1, addr, pref, "1");
}

START_TEST(who_gathers_continually_takes_another_base_in_the_same_generation_when_the_selected_one_goes)
{
    far *f = agent(true, true);
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, OWN_ADDR, FAR_ADDR));
    it_ice_remove_base(f->a, f->now, 0);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_LOST), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_REMOVED), 1);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_REMOVED)->cand->addr, net_addr(OWN_ADDR)));
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, SECOND_ADDR, FAR_ADDR));
    ck_assert_uint_eq(it_ice_generation(f->a), 0);
    ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 2);
    far_free(f);
}
END_TEST

START_TEST(who_does_not_waits_for_a_restart_and_tells_nobody_of_what_concluded)
{
    far *f = agent(true, false);
    it_ice_remote_done(f->a, f->now);
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, OWN_ADDR, FAR_ADDR));
    it_ice_remove_base(f->a, f->now, 0);
    run_for(f, 10 * IT_SEC, NULL);
    ck_assert_uint_eq(far_events(f, IT_ICE_LOST), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_REMOVED), 0); /* RFC 8445 section 8.3 */
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 1);
    far_free(f);
}
END_TEST

START_TEST(a_candidate_that_goes_before_the_end_is_told)
{
    far *f = agent(true, false);
    it_ice_remove_base(f->a, f->now, 1);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_REMOVED), 1);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_REMOVED)->cand->addr, net_addr(SECOND_ADDR)));
    far_free(f);
}
END_TEST

START_TEST(a_base_that_comes_after_all_have_gone_is_gathered_on_and_taken)
{
    far *f = agent(true, true);
    run_for(f, IT_SEC, NULL);
    it_ice_remove_base(f->a, f->now, 0);
    it_ice_remove_base(f->a, f->now, 1);
    run_for(f, 3 * IT_SEC, NULL);
    far_base(f, 0, 1, 2, THIRD_ADDR);
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, THIRD_ADDR, FAR_ADDR));
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 3);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 0);
    far_free(f);
}
END_TEST

START_TEST(one_that_comes_after_patience_and_a_failure_revives_the_checklist)
{
    far *f = agent(true, true);
    run_for(f, IT_SEC, NULL);
    it_ice_remove_base(f->a, f->now, 0);
    it_ice_remove_base(f->a, f->now, 1);
    run_for(f, 45 * IT_SEC, NULL);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1);
    far_base(f, 0, 1, 2, THIRD_ADDR);
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, THIRD_ADDR, FAR_ADDR));
    far_free(f);
}
END_TEST

START_TEST(without_any_answer_a_checklist_that_never_ends_gathering_fails_when_patience_ends)
{
    far *f = agent(true, true);
    far_after(f, 39 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 0);
    far_after(f, IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_FAILED), 1); /* RFC 8863 section 4 */
    far_free(f);
}
END_TEST

START_TEST(a_candidate_that_is_taken_back_goes_with_its_pairs_and_another_one_is_nominated)
{
    far *f = agent(true, false);
    far_add(f, 0, host(FAR_SECOND, 65534));
    it_ice_remote_done(f->a, f->now);
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, OWN_ADDR, FAR_ADDR));
    const it_ice_cand left = host(FAR_SECOND, 65534);
    it_ice_keep_remote(f->a, f->now, 0, &left, 1);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_LOST), 1);
    it_ice_pair_info p;
    for (size_t i = 0; it_ice_pair_at(f->a, 0, i, &p); i++)
        ck_assert(it_addr_eq(p.remote.addr, net_addr(FAR_SECOND)));
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, OWN_ADDR, FAR_SECOND));
    far_free(f);
}
END_TEST

START_TEST(one_that_stays_and_one_that_was_learned_are_not_touched)
{
    far *f = agent(false, false);
    far_request(f, (far_req){.from = "203.0.113.99:9", .use = true});
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, OWN_ADDR, "203.0.113.99:9"));
    const it_ice_cand all[] = {host(FAR_ADDR, 65535), host(FAR_SECOND, 65534)};
    it_ice_keep_remote(f->a, f->now, 0, all, 2);
    it_ice_keep_remote(f->a, f->now, 0, NULL, 0);
    far_pump(f);
    ck_assert_uint_eq(far_events(f, IT_ICE_LOST), 0);
    ck_assert(selected_is(f, OWN_ADDR, "203.0.113.99:9"));
    it_ice_keep_remote(f->a, f->now, 7, NULL, 0); /* no such stream */
    far_free(f);
}
END_TEST

START_TEST(what_the_far_side_nominated_besides_is_taken_when_its_first_choice_goes_if_its_answer_is_young)
{
    far *f = agent(false, true);
    far_add(f, 0, host(FAR_SECOND, 65534));
    run_for(f, IT_SEC, NULL);
    far_request(f, (far_req){.from = FAR_ADDR, .use = true});
    far_request(f, (far_req){.from = FAR_SECOND, .use = true});
    far_pump(f);
    ck_assert(selected_is(f, OWN_ADDR, FAR_ADDR));
    const it_ice_cand left = host(FAR_SECOND, 65534);
    if (_i)
        run_for(f, 16 * IT_SEC, NULL);
    it_ice_keep_remote(f->a, f->now, 0, &left, 1);
    far_pump(f);
    it_ice_pair_view v;
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), _i ? IT_ERR_NOTFOUND : 0);
    /* An old answer is no consent (RFC 7675 section 5.1): its nomination counts once it is checked again. */
    far_request(f, (far_req){.from = FAR_SECOND, .use = true});
    run_for(f, IT_SEC, NULL);
    ck_assert(selected_is(f, OWN_ADDR, FAR_SECOND));
    ck_assert_int_eq(it_ice_selected(f->a, 0, 1, &v), 0);
    ck_assert_int_gt(v.last_response, f->now - (_i ? 2 : 19) * IT_SEC);
    far_free(f);
}
END_TEST

static void add_all(Suite *s)
{
    TCase *t = tcase_create("bases that go");
    tcase_add_test(t, who_gathers_continually_takes_another_base_in_the_same_generation_when_the_selected_one_goes);
    tcase_add_test(t, who_does_not_waits_for_a_restart_and_tells_nobody_of_what_concluded);
    tcase_add_test(t, a_candidate_that_goes_before_the_end_is_told);
    tcase_add_test(t, a_base_that_comes_after_all_have_gone_is_gathered_on_and_taken);
    tcase_add_test(t, one_that_comes_after_patience_and_a_failure_revives_the_checklist);
    tcase_add_test(t, without_any_answer_a_checklist_that_never_ends_gathering_fails_when_patience_ends);
    suite_add_tcase(s, t);
    t = tcase_create("candidates that are taken back");
    tcase_add_test(t, a_candidate_that_is_taken_back_goes_with_its_pairs_and_another_one_is_nominated);
    tcase_add_test(t, one_that_stays_and_one_that_was_learned_are_not_touched);
    tcase_add_loop_test(
        t, what_the_far_side_nominated_besides_is_taken_when_its_first_choice_goes_if_its_answer_is_young, 0, 2);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("stack/ice/remove", add_all)
