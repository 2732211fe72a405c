/* The set of small numbers: against an array of flags. */
#include "base/table/bits.h"

#include "base/err.h"
#include "base/rng.h"

#include <check.h>
#include <stdlib.h>

#define MOST 20000 /* three levels */

static it_alloc alloc;
static it_bits B;
static bool flags[MOST];

static void setup(void)
{
    it_alloc_init(&alloc);
    it_bits_init(&B, &alloc);
    for (uint32_t i = 0; i < MOST; i++)
        flags[i] = false;
}

static void teardown(void)
{
    it_bits_fini(&B);
    ck_assert_int_eq(alloc.live, 0);
}

static uint32_t search(uint32_t from)
{
    while (from < MOST && !flags[from])
        from++;
    return from < MOST ? from : IT_BITS_NONE;
}

static void change(uint32_t i, bool in)
{
    flags[i] = in;
    if (in)
        it_bits_add(&B, i);
    else
        it_bits_del(&B, i);
    ck_assert(it_bits_has(&B, i) == in);
}

START_TEST(the_next_member_is_the_one_a_search_finds)
{
    it_rng r;
    uint32_t n = 1;
    it_rng_init(&r, (uint64_t)_i, "bits");
    ck_assert_uint_eq(it_bits_next(&B, 0), IT_BITS_NONE);
    ck_assert(!it_bits_has(&B, 0));
    for (int k = 0; k < 30000; k++) {
        if (n < MOST && it_rng_below(&r, 20) == 0)
            n += (uint32_t)it_rng_below(&r, n) < MOST - n ? (uint32_t)it_rng_below(&r, n / 64 + 2) : 0;
        n = n < MOST ? n : MOST;
        ck_assert_int_eq(it_bits_grow(&B, n), 0);
        change((uint32_t)it_rng_below(&r, n), it_rng_below(&r, _i == 0 ? 2 : 12) == 0); /* dense, and sparse */
        uint32_t from = (uint32_t)it_rng_below(&r, n + 70);
        ck_assert_uint_eq(it_bits_next(&B, from), search(from < MOST ? from : MOST));
        ck_assert_uint_eq(it_bits_next(&B, 0), search(0));
    }
}
END_TEST

START_TEST(a_walk_meets_every_member_once_in_rising_order)
{
    static const uint32_t in[] = {0, 63, 64, 4095, 4096, 8191, 12000, MOST - 1};
    ck_assert_int_eq(it_bits_grow(&B, MOST), 0);
    for (size_t i = sizeof in / sizeof *in; i-- > 0;)
        it_bits_add(&B, in[i]);
    size_t met = 0;
    for (uint32_t i = it_bits_next(&B, 0); i != IT_BITS_NONE; i = it_bits_next(&B, i + 1)) {
        ck_assert_uint_eq(i, in[met++]);
        it_bits_del(&B, i); /* what was met may go */
    }
    ck_assert_uint_eq(met, sizeof in / sizeof *in);
    ck_assert_uint_eq(it_bits_next(&B, 0), IT_BITS_NONE);
    ck_assert_uint_eq(it_bits_next(&B, UINT32_MAX), IT_BITS_NONE);
}
END_TEST

START_TEST(without_memory_it_stays_as_it_was)
{
    ck_assert_int_eq(it_bits_grow(&B, 10), 0);
    it_bits_add(&B, 7);
    alloc.countdown = (uint64_t)_i;
    ck_assert_int_eq(it_bits_grow(&B, 5000), IT_ERR_NOMEM);
    ck_assert_uint_eq(it_bits_next(&B, 0), 7);
    alloc.countdown = UINT64_MAX;
    ck_assert_int_eq(it_bits_grow(&B, 5000), 0);
    ck_assert_uint_eq(it_bits_next(&B, 0), 7);
    ck_assert_uint_eq(it_bits_next(&B, 8), IT_BITS_NONE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bits");
    TCase *t = tcase_create("bits");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_next_member_is_the_one_a_search_finds, 0, 4);
    tcase_add_test(t, a_walk_meets_every_member_once_in_rising_order);
    tcase_add_loop_test(t, without_memory_it_stays_as_it_was, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
