/* stack/rtmfp/flow/ranges.c: sets of sequence numbers. */
#include "stack/rtmfp/flow/ranges.h"

#include "tests/stack/rtmfp/kit.h"

static it_alloc mem;
static it_rtmfp_ranges set;

static void setup(void)
{
    it_alloc_init(&mem);
    it_rtmfp_ranges_init(&set, &mem);
}

static void teardown(void)
{
    it_rtmfp_ranges_fini(&set);
    ck_assert_int_eq(mem.live, 0);
}

START_TEST(zero_is_always_in_it)
{
    ck_assert(it_rtmfp_ranges_has(&set, 0) && !it_rtmfp_ranges_has(&set, 1));
    ck_assert_uint_eq(set.cum, 0);
}
END_TEST

START_TEST(neighbours_become_one_range)
{
    static const uint64_t ADD[] = {5, 7, 6, 9, 3, 2, 10};
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(it_rtmfp_ranges_add(&set, ADD[i]), 0);
    ck_assert_uint_eq(set.n, 3);
    ck_assert(set.v[0].from == 2 && set.v[0].to == 3);
    ck_assert(set.v[1].from == 5 && set.v[1].to == 7);
    ck_assert(set.v[2].from == 9 && set.v[2].to == 10);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, 1), 0);
    ck_assert(set.cum == 3 && set.n == 2);
    it_rtmfp_ranges_fill(&set, 6);
    ck_assert(set.cum == 7 && set.n == 1);
    it_rtmfp_ranges_fill(&set, 8);
    ck_assert(set.cum == 10 && set.n == 0);
}
END_TEST

START_TEST(there_is_a_limit_and_what_fills_a_hole_is_still_taken)
{
    for (uint64_t i = 0; i < IT_RTMFP_RANGES_MOST; i++)
        ck_assert_int_eq(it_rtmfp_ranges_add(&set, 2 + 2 * i), 0);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, 5000), IT_ERR_FULL);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, 3), 0);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, 1), 0);
    ck_assert_uint_eq(set.cum, 4);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, 5000), 0);
}
END_TEST

START_TEST(the_highest_numbers_do_not_wrap)
{
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, UINT64_MAX), 0);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, UINT64_MAX - 1), 0);
    ck_assert(set.n == 1 && it_rtmfp_ranges_has(&set, UINT64_MAX) && !it_rtmfp_ranges_has(&set, UINT64_MAX - 2));
    it_rtmfp_ranges_fill(&set, UINT64_MAX - 2);
    ck_assert(set.cum == UINT64_MAX && set.n == 0);
    ck_assert_int_eq(it_rtmfp_ranges_add(&set, UINT64_MAX), 0);
}
END_TEST

START_TEST(it_agrees_with_a_list_of_everything)
{
    bool in[400] = {true};
    it_rng rng;
    it_rng_init(&rng, (uint64_t)_i, "ranges");
    for (int step = 0; step < 2000; step++) {
        uint64_t x = 1 + it_rng_below(&rng, 399);
        if (it_rng_below(&rng, 200) == 0) {
            it_rtmfp_ranges_fill(&set, x);
            memset(in, 1, x + 1);
        } else {
            ck_assert_int_eq(it_rtmfp_ranges_add(&set, x), 0);
            in[x] = true;
        }
        uint64_t cum = 0;
        while (cum + 1 < 400 && in[cum + 1])
            cum++;
        ck_assert_uint_eq(set.cum, cum);
        x = it_rng_below(&rng, 400);
        ck_assert(it_rtmfp_ranges_has(&set, x) == in[x]);
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, zero_is_always_in_it);
    tcase_add_test(t, neighbours_become_one_range);
    tcase_add_test(t, there_is_a_limit_and_what_fills_a_hole_is_still_taken);
    tcase_add_test(t, the_highest_numbers_do_not_wrap);
    tcase_add_loop_test(t, it_agrees_with_a_list_of_everything, 0, 10);
}

int main(void)
{
    return kit_main("rtmfp/flow/ranges", add);
}
