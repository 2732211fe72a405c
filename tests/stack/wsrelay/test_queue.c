/* Datagrams that wait: how many, how long, and which go first. */
#include "stack/wsrelay/queue.h"

#include <check.h>

static it_alloc a;
static it_wsrelay_queue q;

static void put(it_time now, const char *text, size_t most)
{
    ck_assert_int_eq(it_wsrelay_queue_put(&q, &a, now, it_bytes_str(text), most), 0);
}

static void is_first(const char *text)
{
    ck_assert(it_bytes_eq(it_wsrelay_queue_first(&q), it_bytes_str(text)));
}

START_TEST(first_in_first_out_and_round_again)
{
    it_alloc_init(&a);
    for (int i = 0; i < 3 * IT_WSRELAY_QUEUE; i++) {
        put(0, i & 1 ? "odd" : "even", IT_WSRELAY_QUEUE);
        put(0, "", IT_WSRELAY_QUEUE);
        is_first(i & 1 ? "odd" : "even");
        it_wsrelay_queue_pop(&q, &a);
        is_first("");
        it_wsrelay_queue_pop(&q, &a);
    }
    ck_assert_uint_eq(q.dropped, 0);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(of_too_many_the_oldest_go)
{
    it_alloc_init(&a);
    put(0, "a", 2);
    put(0, "b", 2);
    put(0, "c", 2);
    is_first("b");
    ck_assert_uint_eq(q.n, 2);
    ck_assert_uint_eq(q.dropped, 1);
    it_wsrelay_queue_fini(&q, &a);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(of_what_is_too_old_all_goes)
{
    it_alloc_init(&a);
    put(1, "a", 9);
    put(2, "b", 9);
    put(3, "c", 9);
    it_wsrelay_queue_age(&q, &a, 2);
    is_first("b");
    ck_assert_uint_eq(q.dropped, 1);
    it_wsrelay_queue_age(&q, &a, 4);
    ck_assert_uint_eq(q.n, 0);
    ck_assert_uint_eq(q.dropped, 3);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
    it_alloc_init(&a);
    put(0, "a", 1);
    a.countdown = 0;
    ck_assert_int_eq(it_wsrelay_queue_put(&q, &a, 0, it_bytes_str("b"), 1), IT_ERR_NOMEM);
    is_first("a");
    it_wsrelay_queue_fini(&q, &a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/wsrelay/queue");
    TCase *t = tcase_create("queue");
    tcase_add_test(t, first_in_first_out_and_round_again);
    tcase_add_test(t, of_too_many_the_oldest_go);
    tcase_add_test(t, of_what_is_too_old_all_goes);
    tcase_add_test(t, without_memory_nothing_changes);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
