/* stack/e/whitelist.c: what a success permits, and for how long. */
#include "stack/e/whitelist.h"

#include <check.h>
#include <stdlib.h>

static it_alloc alloc;
static it_whitelist w;

static it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

#define FAR at("198.51.100.1:5000")

static void setup(void)
{
    it_alloc_init(&alloc);
    it_whitelist_init(&w, &alloc, 30 * IT_SEC);
}

static void teardown(void)
{
    it_whitelist_fini(&w);
    ck_assert_int_eq(alloc.live, 0);
}

static void allow(it_time now, int flow, it_addr remote, it_time sent)
{
    it_white e = {.flow = flow, .remote = remote, .reflexive = at("192.0.2.1:1"), .far = 9};
    ck_assert_int_eq(it_whitelist_allow(&w, now, &e, sent), 0);
}

START_TEST(an_empty_list_permits_nothing)
{
    ck_assert_ptr_null(it_whitelist_find(&w, 0, -1, FAR));
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 1, FAR));
}
END_TEST

START_TEST(a_success_permits_one_socket_one_address_one_port)
{
    allow(0, 1, FAR, 0);
    ck_assert_ptr_nonnull(it_whitelist_find(&w, 0, 1, FAR));
    ck_assert_ptr_nonnull(it_whitelist_find(&w, 0, -1, FAR));
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 2, FAR));
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 1, at("198.51.100.1:5001")));
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 1, at("198.51.100.2:5000")));
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 1, at("[2001:db8::1]:5000")));
}
END_TEST

START_TEST(it_lapses_exactly_its_life_after_the_last_success)
{
    allow(IT_SEC, 1, FAR, 0);
    ck_assert_ptr_nonnull(it_whitelist_find(&w, 31 * IT_SEC - 1, 1, FAR));
    ck_assert_ptr_null(it_whitelist_find(&w, 31 * IT_SEC, 1, FAR));
    allow(20 * IT_SEC, 1, FAR, 19 * IT_SEC);
    ck_assert_ptr_nonnull(it_whitelist_find(&w, 50 * IT_SEC - 1, 1, FAR));
    ck_assert_ptr_null(it_whitelist_find(&w, 50 * IT_SEC, 1, FAR));
    ck_assert_uint_eq(w.n, 1);
}
END_TEST

START_TEST(an_endless_life_never_lapses)
{
    w.life = IT_NEVER;
    allow(0, 1, FAR, 0);
    ck_assert_ptr_nonnull(it_whitelist_find(&w, IT_NEVER - 1, 1, FAR));
    ck_assert_int_eq(it_whitelist_until(&w, it_whitelist_find(&w, 5, 1, FAR)), IT_NEVER);
}
END_TEST

/* RFC 7675 section 5.1: after consent is lost, the same ICE credentials MUST NOT be used on the affected 5-tuple again.
 */
START_TEST(the_credentials_that_lapsed_never_permit_again_and_new_ones_do)
{
    it_white e = {.flow = 1, .remote = FAR, .creds = 77};
    ck_assert_int_eq(it_whitelist_allow(&w, 0, &e, 0), 0);
    ck_assert(!it_whitelist_spent(&w, 30 * IT_SEC - 1, 1, FAR, 77));
    ck_assert(it_whitelist_spent(&w, 30 * IT_SEC, 1, FAR, 77));
    ck_assert(!it_whitelist_spent(&w, 30 * IT_SEC, 1, FAR, 78));
    ck_assert(!it_whitelist_spent(&w, 30 * IT_SEC, 2, FAR, 77));
    ck_assert_int_eq(it_whitelist_allow(&w, 30 * IT_SEC, &e, 29 * IT_SEC), IT_ERR_PERM);
    ck_assert_ptr_null(it_whitelist_find(&w, 30 * IT_SEC, 1, FAR));
    e.creds = 78;
    ck_assert_int_eq(it_whitelist_allow(&w, 40 * IT_SEC, &e, 40 * IT_SEC), 0);
    ck_assert_ptr_nonnull(it_whitelist_find(&w, 40 * IT_SEC, 1, FAR));
    it_whitelist_revoke(&w, 1, FAR);
    ck_assert_int_eq(it_whitelist_allow(&w, 41 * IT_SEC, &e, 41 * IT_SEC), IT_ERR_PERM);
}
END_TEST

START_TEST(lapsed_entries_do_not_pile_up)
{
    for (int i = 1; i <= 3 * IT_WHITELIST_MAX; i++)
        allow(i * IT_SEC, 1, it_addr_of(FAR.ip, (uint16_t)i), 0);
    ck_assert_uint_eq(w.n, IT_WHITELIST_MAX);
    for (int i = 0; i < 29; i++) /* those that still permit are all there */
        ck_assert_ptr_nonnull(it_whitelist_find(&w, 3 * IT_WHITELIST_MAX * IT_SEC, 1,
                                                it_addr_of(FAR.ip, (uint16_t)(3 * IT_WHITELIST_MAX - i))));
}
END_TEST

START_TEST(any_socket_means_the_one_with_the_latest_success)
{
    allow(1, 7, FAR, 0);
    allow(5, 3, FAR, 0);
    ck_assert_int_eq(it_whitelist_find(&w, 6, -1, FAR)->flow, 3);
    allow(9, 7, FAR, 0);
    ck_assert_int_eq(it_whitelist_find(&w, 9, -1, FAR)->flow, 7);
    allow(9, 3, FAR, 0); /* of equal ones the lower socket, whatever the order */
    ck_assert_int_eq(it_whitelist_find(&w, 9, -1, FAR)->flow, 3);
}
END_TEST

START_TEST(what_is_taken_back_is_gone_and_nothing_else)
{
    allow(0, 1, FAR, 0);
    allow(0, 2, FAR, 0);
    allow(0, 2, at("198.51.100.9:9"), 0);
    it_whitelist_revoke(&w, 1, FAR);
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 1, FAR));
    ck_assert_ptr_nonnull(it_whitelist_find(&w, 0, 2, FAR));
    it_whitelist_drop(&w, 2);
    it_whitelist_drop(&w, 1);
    ck_assert_uint_eq(w.n, 0);
}
END_TEST

START_TEST(a_later_answer_settles_what_went_missing_before_it)
{
    allow(10, 1, FAR, 5);
    it_white *e = it_whitelist_find(&w, 10, 1, FAR);
    e->missed = 20;
    allow(30, 1, FAR, 15); /* the answer to an earlier check says nothing about the later one */
    ck_assert_int_eq(e->missed, 20);
    allow(40, 1, FAR, 25);
    ck_assert_int_eq(e->missed, IT_NEVER);
    allow(50, 1, FAR, 12);
    ck_assert_int_eq(e->answered, 25);
}
END_TEST

START_TEST(without_memory_nothing_is_permitted)
{
    it_alloc_init_countdown(&alloc, 0);
    it_white e = {.flow = 1, .remote = FAR};
    ck_assert_int_eq(it_whitelist_allow(&w, 0, &e, 0), IT_ERR_NOMEM);
    ck_assert_ptr_null(it_whitelist_find(&w, 0, 1, FAR));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/whitelist");
    TCase *tc = tcase_create("RFC 7675 section 5.1");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_empty_list_permits_nothing);
    tcase_add_test(tc, a_success_permits_one_socket_one_address_one_port);
    tcase_add_test(tc, it_lapses_exactly_its_life_after_the_last_success);
    tcase_add_test(tc, an_endless_life_never_lapses);
    tcase_add_test(tc, the_credentials_that_lapsed_never_permit_again_and_new_ones_do);
    tcase_add_test(tc, lapsed_entries_do_not_pile_up);
    tcase_add_test(tc, any_socket_means_the_one_with_the_latest_success);
    tcase_add_test(tc, what_is_taken_back_is_gone_and_nothing_else);
    tcase_add_test(tc, a_later_answer_settles_what_went_missing_before_it);
    tcase_add_test(tc, without_memory_nothing_is_permitted);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
