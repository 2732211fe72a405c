/* Restarts and generations: RFC 8445 section 9, RFC 8838 section 9. */
#include "tests/ice/far.h"

/* Both connected at a second and a half. */
static net *connected(void)
{
    net *n = net_new(1);
    net_start(n, NAT_EIM_APDF, NAT_EIM_APDF);
    net_run(n, 3 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(n->p[i].events[IT_ICE_COMPLETED], 1);
    return n;
}

START_TEST(a_restart_has_fresh_credentials_and_keeps_the_role)
{
    far *f = far_usual(true);
    char ufrag[IT_ICE_UFRAG_MAX + 1], pwd[IT_ICE_PWD_MAX + 1];
    snprintf(ufrag, sizeof ufrag, "%s", it_ice_ufrag(f->a));
    snprintf(pwd, sizeof pwd, "%s", it_ice_pwd(f->a));
    ck_assert_uint_ge(strlen(ufrag), 4);
    ck_assert_uint_ge(strlen(pwd), 22);
    it_ice_restart(f->a, f->now);
    ck_assert_str_ne(it_ice_ufrag(f->a), ufrag);
    ck_assert_str_ne(it_ice_pwd(f->a), pwd);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    ck_assert(it_ice_controlling(f->a));
    far_free(f);
}
END_TEST

/* Whoever restarts, both select anew, and until then nothing is lost. */
START_TEST(the_selected_pair_works_until_its_successor_does)
{
    net *n = connected();
    it_ice_pair_view v;
    it_ice_restart(n->p[_i].a, n->now);
    net_run(n, n->now + 50 * IT_MS);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(it_ice_selected(n->p[i].a, 0, 1, &v), 0);
    net_run(n, 8 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        const net_peer *p = &n->p[i];
        ck_assert_int_eq(p->err, 0);
        ck_assert_uint_eq(it_ice_generation(p->a), 1);
        ck_assert_int_eq(p->events[IT_ICE_SELECTED], 2);
        ck_assert_int_eq(p->events[IT_ICE_COMPLETED], 2);
        ck_assert_int_eq(p->events[IT_ICE_LOST] + p->events[IT_ICE_CONSENT_LOST] + p->events[IT_ICE_FAILED] + p->events[IT_ICE_PEER], 0);
    }
    net_free(n);
}
END_TEST

START_TEST(both_may_restart_at_once)
{
    net *n = connected();
    it_ice_restart(n->p[0].a, n->now);
    it_ice_restart(n->p[1].a, n->now);
    net_run(n, 8 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_ice_generation(n->p[i].a), 1);
        ck_assert_int_eq(n->p[i].events[IT_ICE_COMPLETED], 2);
        ck_assert_int_eq(n->p[i].events[IT_ICE_PEER], 0);
    }
    net_free(n);
}
END_TEST

/* A restart that nobody hears of: the old pair keeps asking consent and keeps working. */
START_TEST(consent_goes_on_over_a_restart_that_hangs)
{
    net *n = connected();
    it_ice_pair_view v;
    n->p[0].mute = true;
    it_ice_restart(n->p[0].a, n->now);
    net_run(n, 90 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(n->p[i].events[IT_ICE_CONSENT_LOST], 0);
        ck_assert_int_eq(it_ice_selected(n->p[i].a, 0, 1, &v), 0);
        ck_assert_int_ge(v.last_response, 80 * IT_SEC);
    }
    net_free(n);
}
END_TEST

START_TEST(fresh_credentials_of_the_far_side_restart_us_once)
{
    far *f = far_usual(true);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, FAR_PWD), 0);
    ck_assert_uint_eq(it_ice_generation(f->a), 0);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "newU", "newPasswordOf22Letters"), 1);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "newU", "newPasswordOf22Letters"), 0);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    /* what it said before its restart is late now */
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, FAR_UFRAG, FAR_PWD), 0);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    ck_assert_uint_eq(it_ice_pairs_total(f->a), 0);
    far_free(f);
}
END_TEST

START_TEST(the_far_sides_answer_to_our_restart_is_no_restart)
{
    far *f = far_usual(false);
    it_ice_restart(f->a, f->now);
    ck_assert_int_eq(it_ice_set_remote(f->a, f->now, "newU", "newPasswordOf22Letters"), 0);
    ck_assert_uint_eq(it_ice_generation(f->a), 1);
    far_free(f);
}
END_TEST

START_TEST(credentials_of_another_form_are_refused)
{
    static const char *const BAD[][2] = {
        {"abc", FAR_PWD}, {"", FAR_PWD}, {"farU", "21-letters-are-too-fe"}, {"fa:U", FAR_PWD}, {"far U", FAR_PWD}, {"farU", "with a space of 22 chars"}};
    far *f = far_new(true, 1, 1, NULL);
    ck_assert_int_eq(it_ice_set_remote(f->a, 0, BAD[_i][0], BAD[_i][1]), IT_ERR_RANGE);
    far_free(f);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("ice/restart");
    TCase *t = tcase_create("RFC 8445 section 9");
    tcase_add_test(t, a_restart_has_fresh_credentials_and_keeps_the_role);
    tcase_add_loop_test(t, the_selected_pair_works_until_its_successor_does, 0, 2);
    tcase_add_test(t, both_may_restart_at_once);
    tcase_add_test(t, consent_goes_on_over_a_restart_that_hangs);
    tcase_add_test(t, fresh_credentials_of_the_far_side_restart_us_once);
    tcase_add_test(t, the_far_sides_answer_to_our_restart_is_no_restart);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 8839 section 5.4");
    tcase_add_loop_test(t, credentials_of_another_form_are_refused, 0, 6);
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
