/* Token buckets by source. */
#include "base/table/buckets.h"

#include <check.h>
#include <stdlib.h>

static it_alloc A;
static it_buckets B;

static void begin(uint32_t rate, uint32_t depth)
{
    it_alloc_init(&A);
    ck_assert_int_eq(it_buckets_init(&B, &A, 12345, rate, depth), 0);
}

static void end(void)
{
    it_buckets_fini(&B);
    ck_assert_int_eq(A.live, 0);
}

START_TEST(a_source_takes_as_many_as_its_bucket_is_deep_and_then_its_rate)
{
    it_ip ip = it_ip4(0xc0000201);
    begin(10, 3);
    for (int i = 0; i < 3; i++)
        ck_assert(it_buckets_take(&B, 0, ip));
    ck_assert(!it_buckets_take(&B, 0, ip));
    ck_assert_int_eq(it_buckets_when(&B, 0, ip), 100 * IT_MS);
    ck_assert(!it_buckets_take(&B, 100 * IT_MS - 1, ip));
    ck_assert(it_buckets_take(&B, 100 * IT_MS, ip));
    ck_assert(it_buckets_take(&B, 0, it_ip4(0xc0000202)));
    end();
}
END_TEST

START_TEST(an_ipv6_source_is_a_64)
{
    begin(1, 1);
    ck_assert(it_buckets_take(&B, 0, (it_ip){5, 1}));
    ck_assert(!it_buckets_take(&B, 0, (it_ip){5, 2}));
    ck_assert(it_buckets_take(&B, 0, (it_ip){6, 1}));
    ck_assert(it_ip_eq(it_ip_source((it_ip){5, 7}), it_ip_source((it_ip){5, 9})));
    ck_assert(!it_ip_eq(it_ip_source(it_ip4(7)), it_ip_source(it_ip4(9))));
    ck_assert(it_buckets_share(&B, (it_ip){5, 7}, (it_ip){5, 9}));
    ck_assert(!it_buckets_share(&B, (it_ip){5, 7}, (it_ip){6, 7}));
    end();
}
END_TEST

START_TEST(without_a_rate_everybody_may)
{
    begin(0, 0);
    ck_assert_int_eq(A.live, 0);
    for (int i = 0; i < 1000; i++)
        ck_assert(it_buckets_take(&B, 0, it_ip4(1)));
    ck_assert_int_eq(it_buckets_when(&B, 7, it_ip4(1)), 7);
    ck_assert(it_buckets_share(&B, (it_ip){5, 7}, (it_ip){5, 9}) && !it_buckets_share(&B, it_ip4(1), it_ip4(2)));
    end();
}
END_TEST

START_TEST(without_memory_there_is_nothing_to_free)
{
    it_alloc_init_countdown(&A, 0);
    ck_assert_int_eq(it_buckets_init(&B, &A, 1, 10, 10), IT_ERR_NOMEM);
    ck_assert_int_eq(A.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/table/buckets");
    TCase *t = tcase_create("buckets");
    tcase_add_test(t, a_source_takes_as_many_as_its_bucket_is_deep_and_then_its_rate);
    tcase_add_test(t, an_ipv6_source_is_a_64);
    tcase_add_test(t, without_a_rate_everybody_may);
    tcase_add_test(t, without_memory_there_is_nothing_to_free);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
