/* stack/stream/queue.c: bytes come out as they went in, and no more than fit. */
#include "stack/stream/queue.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_queue q;
static uint8_t in[IT_QUEUE_MAX + 7], out[IT_QUEUE_MAX + 7];

static void setup(void)
{
    memset(&q, 0, sizeof q);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + i / 251);
}

START_TEST(an_empty_one_gives_nothing)
{
    ck_assert_uint_eq(it_queue_take(&q, out, 9), 0);
    ck_assert_uint_eq(it_queue_put(&q, it_bytes_of(NULL, 0)), 0);
}
END_TEST

START_TEST(it_takes_as_much_as_it_holds)
{
    ck_assert_uint_eq(it_queue_put(&q, it_bytes_of(in, sizeof in)), IT_QUEUE_MAX);
    ck_assert_uint_eq(it_queue_put(&q, it_bytes_of(in, 1)), 0);
    ck_assert_uint_eq(it_queue_take(&q, out, sizeof out), IT_QUEUE_MAX);
    ck_assert_mem_eq(out, in, IT_QUEUE_MAX);
}
END_TEST

/* The block is filled to its end and moved to its front, over and over. */
START_TEST(bytes_come_in_order_however_they_are_cut)
{
    size_t put = 0, taken = 0;
    for (size_t round = 1; taken < 20 * sizeof in; round++) {
        for (size_t k = 0; k < round * 37 % 9000; k++)
            put += it_queue_put(&q, it_bytes_of(&in[put % sizeof in], 1));
        size_t n = it_queue_take(&q, out, round * 53 % 8000 + 1);
        for (size_t k = 0; k < n; k++)
            ck_assert_uint_eq(out[k], in[(taken + k) % sizeof in]);
        taken += n;
        ck_assert_uint_eq(q.n, put - taken);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream/queue");
    TCase *tc = tcase_create("bytes");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, an_empty_one_gives_nothing);
    tcase_add_test(tc, it_takes_as_much_as_it_holds);
    tcase_add_test(tc, bytes_come_in_order_however_they_are_cut);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
