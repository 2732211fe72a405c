/* 128-bit products and quotients: by hand at the edges, and against the compiler's own where it has them. */
#include "base/wide.h"

#include "base/rng.h"

#include <check.h>
#include <stdlib.h>

#define MAX UINT64_MAX

static const struct {
    uint64_t a, b, hi, lo;
} PRODUCTS[] = {
    {0, MAX, 0, 0},
    {1, MAX, 0, MAX},
    {MAX, MAX, MAX - 1, 1},
    {0x100000000, 0x100000000, 1, 0},
    {0xffffffff, 0xffffffff, 0, 0xfffffffe00000001},
    {0x123456789abcdef0, 0xfedcba9876543210, 0x121fa00ad77d7422, 0x236d88fe5618cf00},
};

START_TEST(products_are_exact)
{
    it_wide v = it_wide_mul(PRODUCTS[_i].a, PRODUCTS[_i].b), w = it_wide_mul(PRODUCTS[_i].b, PRODUCTS[_i].a);
    ck_assert(v.hi == PRODUCTS[_i].hi && v.lo == PRODUCTS[_i].lo);
    ck_assert(w.hi == v.hi && w.lo == v.lo);
}
END_TEST

START_TEST(a_product_divided_by_a_factor_is_the_other)
{
    uint64_t rest;
    it_wide v = it_wide_mul(PRODUCTS[_i].a, PRODUCTS[_i].b);
    if (PRODUCTS[_i].a == 0)
        return;
    it_wide q = it_wide_div(v, PRODUCTS[_i].a, &rest);
    ck_assert(q.hi == 0 && q.lo == PRODUCTS[_i].b && rest == 0);
}
END_TEST

START_TEST(quotients_have_a_rest)
{
    uint64_t rest;
    it_wide q = it_wide_div((it_wide){MAX, MAX}, MAX, &rest);
    ck_assert(q.hi == 1 && q.lo == 1 && rest == 0);
    q = it_wide_div((it_wide){MAX, MAX}, 1, &rest);
    ck_assert(q.hi == MAX && q.lo == MAX && rest == 0);
    q = it_wide_div((it_wide){1, 0}, 10, &rest); /* 2^64 = 10 * 1844674407370955161 + 6 */
    ck_assert(q.hi == 0 && q.lo == 1844674407370955161 && rest == 6);
    q = it_wide_div((it_wide){0x7fffffffffffffff, 5}, 0x8000000000000000, &rest);
    ck_assert(q.hi == 0 && q.lo == 0xfffffffffffffffe && rest == 5);
    ck_assert_uint_eq(it_wide_shift((it_wide){3, 1}, 0), 1);
    ck_assert_uint_eq(it_wide_shift((it_wide){3, 1}, 1), 0x8000000000000000);
    ck_assert_uint_eq(it_wide_shift((it_wide){3, 1}, 63), 6);
}
END_TEST

#ifdef __SIZEOF_INT128__
START_TEST(all_is_as_the_compiler_has_it)
{
    it_rng r;
    it_rng_init(&r, 1, "wide");
    for (int i = 0; i < 200000; i++) {
        uint64_t a = it_rng_u64(&r) >> it_rng_below(&r, 64), b = it_rng_u64(&r) >> it_rng_below(&r, 64), rest;
        uint64_t d = (it_rng_u64(&r) >> it_rng_below(&r, 64)) | 1;
        unsigned __int128 want = (unsigned __int128)a * b;
        it_wide v = it_wide_mul(a, b), q = it_wide_div(v, d, &rest);
        ck_assert(v.hi == (uint64_t)(want >> 64) && v.lo == (uint64_t)want);
        ck_assert(q.hi == (uint64_t)(want / d >> 64) && q.lo == (uint64_t)(want / d) && rest == (uint64_t)(want % d));
        ck_assert(it_wide_shift(v, i % 64) == (uint64_t)(want >> i % 64));
    }
}
END_TEST
#endif

int main(void)
{
    Suite *s = suite_create("base/wide");
    TCase *t = tcase_create("128 bits");
    tcase_add_loop_test(t, products_are_exact, 0, sizeof PRODUCTS / sizeof *PRODUCTS);
    tcase_add_loop_test(t, a_product_divided_by_a_factor_is_the_other, 0, sizeof PRODUCTS / sizeof *PRODUCTS);
    tcase_add_test(t, quotients_have_a_rest);
#ifdef __SIZEOF_INT128__
    tcase_add_test(t, all_is_as_the_compiler_has_it);
#endif
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
