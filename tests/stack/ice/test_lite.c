/* Lite implementations: RFC 8445 sections 5.2, 6.1.1, 7.3.2, 8.2. */
#include "tests/stack/ice/far.h"

static void lite(it_ice_cfg *c, int i)
{
    (void)i;
    c->behaviour.lite = true;
    c->stun[0] = net_addr("203.0.113.2:3478");
    c->n_stun = 1;
}

/* A lite agent and the far side's credentials; |far_lite|: it is lite, too. */
static far *lite_agent(bool far_lite)
{
    far *f = far_new(true, 1, 1, lite);
    far_base(f, 0, 1, 0, OWN_ADDR);
    it_ice_gather(f->a, f->now);
    it_ice_set_remote_traits(f->a, far_lite, false);
    ck_assert_int_eq(it_ice_set_role(f->a, true), 0);
    far_creds(f);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, FAR_ADDR, 65535, "1"));
    far_pump(f);
    return f;
}

START_TEST(a_lite_agent_has_host_candidates_alone_and_sends_no_check)
{
    far *f = lite_agent(false);
    far_after(f, 60 * IT_SEC);
    ck_assert_uint_eq(f->n_out, 0);
    ck_assert_uint_eq(far_events(f, IT_ICE_CANDIDATE), 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_GATHERED), 1);
    far_free(f);
}
END_TEST

START_TEST(of_a_lite_and_a_full_side_the_full_one_controls)
{
    far *f = lite_agent(false);
    ck_assert(!it_ice_controlling(f->a));
    far_free(f);
    f = far_new(false, 1, 1, NULL);
    it_ice_set_remote_traits(f->a, true, false);
    ck_assert_int_eq(it_ice_set_role(f->a, false), 0);
    ck_assert(it_ice_controlling(f->a));
    far_free(f);
}
END_TEST

START_TEST(what_the_full_side_nominates_is_selected_at_once)
{
    far *f = lite_agent(false);
    size_t i = far_request(f, (far_req){.tie = 1});
    it_stun_msg m;
    far_parse(f, i, &m);
    ck_assert_int_eq(m.cls, IT_STUN_SUCCESS);
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 0);
    (void)far_request(f, (far_req){.tie = 1, .use = true, .from = "203.0.113.9:77"});
    const it_ice_event *e = far_event(f, IT_ICE_SELECTED);
    ck_assert(it_addr_eq(e->pair.remote.addr, net_addr("203.0.113.9:77")));
    ck_assert_int_eq(e->pair.remote.kind, IT_ICE_PRFLX);
    ck_assert_uint_eq(far_events(f, IT_ICE_CHECKED), 1); /* data from there is the far side's */
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 0);
    far_free(f);
}
END_TEST

START_TEST(of_several_nominations_the_better_pair_is_used)
{
    far *f = lite_agent(false);
    (void)far_request(f, (far_req){.tie = 1, .use = true, .from = "203.0.113.9:77", .priority = 1000});
    (void)far_request(f, (far_req){.tie = 1, .use = true});
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    (void)far_request(f, (far_req){.tie = 1, .use = true, .from = "203.0.113.9:77"});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 2);
    far_free(f);
}
END_TEST

START_TEST(a_lite_side_lives_by_the_checks_that_come_and_dies_30_s_after_the_last)
{
    far *f = lite_agent(false);
    (void)far_request(f, (far_req){.tie = 1, .use = true});
    for (int k = 0; k < 20; k++) {
        far_after(f, 5 * IT_SEC);
        (void)far_request(f, (far_req){.tie = 1});
    }
    it_time last = f->now;
    far_until(f, last + 30 * IT_SEC - 1);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    far_until(f, last + 30 * IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 1);
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 0);
    far_free(f);
}
END_TEST

START_TEST(two_lite_sides_take_the_best_pair_without_a_check_and_never_ask)
{
    far *f = lite_agent(true);
    far_add(f, 0, far_cand(IT_ICE_HOST, 1, "203.0.113.8:1", 65534, "2"));
    ck_assert(!it_ice_asks(f->a));
    far_after(f, IT_SEC);
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 0); /* more candidates may come */
    it_ice_remote_done(f->a, f->now);
    far_pump(f);
    ck_assert(it_addr_eq(far_event(f, IT_ICE_SELECTED)->pair.remote.addr, net_addr(FAR_ADDR)));
    ck_assert_uint_eq(far_events(f, IT_ICE_COMPLETED), 1);
    far_after(f, 100 * IT_SEC);
    ck_assert_uint_eq(far_count(f, 0, IT_STUN_REQUEST), 0);
    ck_assert_uint_gt(far_count(f, 0, IT_STUN_INDICATION), 4); /* section 11: keepalives all the same */
    ck_assert_uint_eq(far_events(f, IT_ICE_CONSENT_LOST), 0);
    far_free(f);
}
END_TEST

START_TEST(a_lite_side_restarts_like_any_other)
{
    far *f = lite_agent(false);
    (void)far_request(f, (far_req){.tie = 1, .use = true});
    it_ice_restart(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "farV", "farPasswordOf22Lettert"), 0);
    far_pump(f);
    (void)far_request(f, (far_req){.tie = 1, .use = true, .ufrag = "farV"});
    ck_assert_uint_eq(far_events(f, IT_ICE_SELECTED), 2);
    far_free(f);
}
END_TEST

static void add_all(Suite *s)
{
    TCase *t = tcase_create("RFC 8445 sections 5.2, 6.1.1, 7.3.2, 8.2");
    tcase_add_test(t, a_lite_agent_has_host_candidates_alone_and_sends_no_check);
    tcase_add_test(t, of_a_lite_and_a_full_side_the_full_one_controls);
    tcase_add_test(t, what_the_full_side_nominates_is_selected_at_once);
    tcase_add_test(t, of_several_nominations_the_better_pair_is_used);
    tcase_add_test(t, a_lite_side_lives_by_the_checks_that_come_and_dies_30_s_after_the_last);
    tcase_add_test(t, two_lite_sides_take_the_best_pair_without_a_check_and_never_ask);
    tcase_add_test(t, a_lite_side_restarts_like_any_other);
    suite_add_tcase(s, t);
}

IT_ICE_TEST_MAIN("stack/ice/lite", add_all)
