/* stack/srtp/window.c: indices from sequence numbers, and what was seen. */
#include "stack/srtp/window.h"

#include "base/rng.h"

#include <check.h>
#include <stdlib.h>

#define SIZE 128

static uint64_t bits[SIZE / 64];

static it_srtp_window begun_at(uint64_t index)
{
    it_srtp_window w;
    bits[0] = bits[1] = 0;
    it_srtp_window_init(&w, bits, SIZE);
    it_srtp_window_mark(&w, index);
    return w;
}

static const struct {
    uint64_t highest;
    uint16_t seq;
    uint64_t index;
} ROWS[] = {
    {100, 101, 101},
    {100, 99, 99},
    {0, 0x8000, 0x8000},
    {0, 0x8001, 0x8001}, /* with ROC 0 there is no turn before: a leap ahead */
    {0x7fff, 0xffff, 0xffff},
    {0x8000, 0, 0},
    {0x8001, 0, 0x10000},
    {0xffff, 0, 0x10000},
    {0xffff, 0x7ffe, 0x17ffe},
    {0xffff, 0x7fff, 0x7fff},
    {0x10000, 0xffff, 0xffff},
    {0x10000, 0x8001, 0x8001},
    {0x10000, 0x8000, 0x18000}, /* exactly half: ahead (RFC 3711 appendix A: more than 2^15 is behind) */
    {0x17fff, 0xffff, 0x1ffff},
    {0x17ffe, 0xffff, 0xffff},
    {0x20005, 0xfff0, 0x1fff0},
    {0xffffffff0001, 0xffff, 0xfffffffeffff},
    {0xffffffffffff, 0, 0x1000000000000}, /* beyond the end: for the caller to refuse */
};

START_TEST(an_index_is_the_one_nearest_to_the_highest)
{
    it_srtp_window w = begun_at(ROWS[_i].highest);
    uint64_t want = ROWS[_i].index;
    ck_assert_msg(it_srtp_window_estimate(&w, ROWS[_i].seq) == want, "row %d", _i);
}
END_TEST

START_TEST(the_first_index_has_the_rollover_counter_that_was_set)
{
    it_srtp_window w;
    it_srtp_window_init(&w, bits, SIZE);
    ck_assert_uint_eq(it_srtp_window_estimate(&w, 0xffff), 0xffff);
    ck_assert_int_eq(it_srtp_window_check(&w, 0), 0);
    w.highest = 7ULL << 16;
    ck_assert_uint_eq(it_srtp_window_estimate(&w, 0xffff), 0x7ffff);
    ck_assert_uint_eq(it_srtp_window_estimate(&w, 0), 0x70000);
}
END_TEST

START_TEST(the_window_reaches_back_exactly_its_size)
{
    it_srtp_window w = begun_at(1000);
    ck_assert_int_eq(it_srtp_window_check(&w, 1000), IT_ERR_REPLAY);
    ck_assert_int_eq(it_srtp_window_check(&w, 1000 - SIZE + 1), 0);
    ck_assert_int_eq(it_srtp_window_check(&w, 1000 - SIZE), IT_ERR_OLD);
    it_srtp_window_mark(&w, 1000 - SIZE + 1);
    ck_assert_int_eq(it_srtp_window_check(&w, 1000 - SIZE + 1), IT_ERR_REPLAY);
    it_srtp_window_mark(&w, 1001); /* the same bit */
    ck_assert_int_eq(it_srtp_window_check(&w, 1001 - SIZE), IT_ERR_OLD);
    ck_assert_int_eq(it_srtp_window_check(&w, 1001), IT_ERR_REPLAY);
    ck_assert_int_eq(it_srtp_window_check(&w, 1001 - SIZE + 1), 0);
}
END_TEST

/* A list of all that was ever marked agrees, whatever the steps. */
START_TEST(the_window_agrees_with_a_list_of_everything)
{
    static bool seen[200000];
    it_rng r;
    it_rng_init(&r, 1, "window");
    it_srtp_window w = begun_at(500);
    memset(seen, 0, sizeof seen);
    seen[500] = true;
    for (int i = 0; i < 20000; i++) {
        int64_t step = it_rng_chance(&r, 20000) ? it_rng_range(&r, 60, 300) : it_rng_range(&r, -140, 6);
        int64_t index = (int64_t)w.highest + step;
        if (index < 0 || index >= 200000)
            continue;
        int want = 0;
        if (index + SIZE <= (int64_t)w.highest)
            want = IT_ERR_OLD;
        else if (seen[index])
            want = IT_ERR_REPLAY;
        ck_assert_int_eq(it_srtp_window_check(&w, (uint64_t)index), want);
        if (want == 0) {
            it_srtp_window_mark(&w, (uint64_t)index);
            seen[index] = true;
        }
    }
    ck_assert_uint_gt(w.highest, 20000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/window");
    TCase *t = tcase_create("window");
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, an_index_is_the_one_nearest_to_the_highest, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, the_first_index_has_the_rollover_counter_that_was_set);
    tcase_add_test(t, the_window_reaches_back_exactly_its_size);
    tcase_add_test(t, the_window_agrees_with_a_list_of_everything);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
