/* base/table/map.c against a naive list. */
#include "base/table/map.h"

#include "base/rng.h"

#include <check.h>
#include <stdlib.h>

typedef struct naive {
    uint64_t key[2];
    uint32_t val;
} naive;

static size_t naive_find(const naive *v, size_t n, const uint64_t *key)
{
    size_t i = 0;
    while (i < n && (v[i].key[0] != key[0] || v[i].key[1] != key[1]))
        i++;
    return i;
}

START_TEST(behaves_like_a_list_in_order_of_insertion)
{
    it_alloc a;
    it_alloc_init(&a);
    it_map m;
    it_map_init(&m, &a, 2);
    it_rng r;
    it_rng_init(&r, (uint64_t)_i, "map");
    static naive v[256];
    size_t n = 0;
    for (int step = 0; step < 20000; step++) {
        uint64_t key[2] = {it_rng_below(&r, 12), 0};
        key[1] = it_rng_below(&r, 12);
        uint64_t what = it_rng_below(&r, 3);
        size_t at = naive_find(v, n, key);
        if (what == 0) {
            ck_assert(it_map_del(&m, key) == (at < n));
            for (size_t i = at; at < n && i + 1 < n; i++)
                v[i] = v[i + 1];
            n -= at < n;
        } else if (what == 1) {
            ck_assert_int_eq(it_map_put(&m, key, (uint32_t)step), 0);
            v[at] = (naive){{key[0], key[1]}, (uint32_t)step};
            n += at == n;
        } else {
            ck_assert_uint_eq(it_map_get(&m, key), at < n ? v[at].val : IT_MAP_NONE);
        }
        uint32_t pos = 0, val;
        const uint64_t *k;
        bool same = true; /* millions of comparisons: one assertion for all */
        for (size_t i = 0; i < n && same; i++)
            same = it_map_next(&m, &pos, &k, &val) && k[0] == v[i].key[0] && k[1] == v[i].key[1] && val == v[i].val;
        ck_assert(same);
        ck_assert(!it_map_next(&m, &pos, &k, &val));
    }
    it_map_fini(&m);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(the_ways_of_packets_find_what_any_does)
{
    it_alloc a;
    it_map m;
    it_rng r;
    it_alloc_init(&a);
    it_map_init(&m, &a, (uint32_t)_i);
    it_rng_init(&r, (uint64_t)_i, "map");
    for (uint32_t step = 0; step < 20000; step++) {
        uint64_t key[3] = {it_rng_below(&r, 8), it_rng_below(&r, 4), it_rng_below(&r, 4)}, what = it_rng_below(&r, 3);
        if (what == 0)
            (void)it_map_del(&m, key);
        else if (what == 1)
            ck_assert_int_eq(it_map_put(&m, key, step), 0);
        uint32_t found = IT_MAP_NONE;
        if (_i == 1)
            found = it_map_get1(&m, key[0]);
        else if (_i == 2)
            found = it_map_get2(&m, key[0], key[1]);
        else
            found = it_map_get3(&m, key[0], key[1], key[2]);
        ck_assert_uint_eq(found, it_map_get(&m, key));
    }
    it_map_fini(&m);
}
END_TEST

START_TEST(out_of_memory_leaves_the_map_as_it_was)
{
    for (uint64_t grant = 0; grant < 40; grant++) {
        it_alloc a;
        it_alloc_init_countdown(&a, grant);
        it_map m;
        it_map_init(&m, &a, 1);
        uint32_t n = 0;
        for (uint64_t k = 0; k < 100; k++) {
            if (it_map_put(&m, &k, (uint32_t)k) < 0)
                break;
            n++;
        }
        for (uint64_t k = 0; k < n; k++)
            ck_assert_uint_eq(it_map_get(&m, &k), (uint32_t)k);
        ck_assert_uint_eq(m.n, n);
        it_map_fini(&m);
        ck_assert_int_eq(a.live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/map");
    TCase *t = tcase_create("map");
    tcase_add_loop_test(t, behaves_like_a_list_in_order_of_insertion, 0, 4);
    tcase_add_loop_test(t, the_ways_of_packets_find_what_any_does, 1, 4);
    tcase_add_test(t, out_of_memory_leaves_the_map_as_it_was);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
