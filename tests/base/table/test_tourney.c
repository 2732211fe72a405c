/* The tournament: against a search through all contestants. */
#include "base/table/tourney.h"

#include "base/rng.h"

#include <check.h>
#include <stdlib.h>

static it_alloc alloc;

static void setup(void)
{
    it_alloc_init(&alloc);
}

static void teardown(void)
{
    ck_assert_int_eq(alloc.live, 0);
}

/* The first of |n| by looking at each. */
static uint32_t search(const it_tourney *t, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (it_tourney_before(t, i, best))
            best = i;
    return best;
}

START_TEST(whoever_changes_the_first_is_the_one_a_search_finds)
{
    it_tourney t;
    it_rng r;
    uint64_t seq = 1;
    uint32_t n = 1;
    it_rng_init(&r, (uint64_t)_i, "tourney");
    ck_assert_int_eq(it_tourney_init(&t, &alloc), 0);
    for (int k = 0; k < 20000; k++) {
        if (n < 300 && it_rng_below(&r, 40) == 0)
            ck_assert_int_eq(it_tourney_grow(&t, ++n), 0);
        uint32_t i = it_rng_below(&r, 3) ? (uint32_t)it_rng_below(&r, n) : it_tourney_first(&t);
        bool out = it_rng_below(&r, 5) == 0;
        it_tourney_set(&t, i, out ? IT_NEVER : (it_time)it_rng_below(&r, 50), out ? 0 : seq++);
        uint32_t first = it_tourney_first(&t), want = search(&t, n);
        ck_assert_int_eq(t.time[first], t.time[want]);
        if (t.time[want] != IT_NEVER)
            ck_assert_uint_eq(first, want);
    }
    it_tourney_fini(&t);
}
END_TEST

START_TEST(equal_times_are_parted_by_the_sequence)
{
    it_tourney t;
    ck_assert_int_eq(it_tourney_init(&t, &alloc), 0);
    ck_assert_int_eq(it_tourney_grow(&t, 5), 0);
    for (uint32_t i = 0; i < 5; i++)
        it_tourney_set(&t, i, 7, 10 - i);
    for (uint32_t i = 5; i-- > 0;) {
        ck_assert_uint_eq(it_tourney_first(&t), i);
        it_tourney_set(&t, i, IT_NEVER, 0);
    }
    ck_assert_int_eq(t.time[it_tourney_first(&t)], IT_NEVER);
    it_tourney_fini(&t);
}
END_TEST

START_TEST(without_memory_it_stays_as_it_was)
{
    for (uint64_t grants = 0; grants < 3; grants++) {
        it_tourney t;
        ck_assert_int_eq(it_tourney_init(&t, &alloc), 0);
        it_tourney_set(&t, 0, 3, 4);
        alloc.countdown = grants;
        ck_assert_int_lt(it_tourney_grow(&t, 9), 0);
        alloc.countdown = UINT64_MAX;
        ck_assert_uint_eq(it_tourney_first(&t), 0);
        ck_assert_int_eq(t.time[0], 3);
        ck_assert_int_eq(it_tourney_grow(&t, 9), 0);
        ck_assert_int_eq(t.time[it_tourney_first(&t)], 3);
        it_tourney_fini(&t);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tourney");
    TCase *c = tcase_create("tourney");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, whoever_changes_the_first_is_the_one_a_search_finds, 0, 5);
    tcase_add_test(c, equal_times_are_parted_by_the_sequence);
    tcase_add_test(c, without_memory_it_stays_as_it_was);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
