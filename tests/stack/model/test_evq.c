/* stack/model/evq.c: order, ownership, the end of memory. */
#include "stack/model/evq.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_evq q;

static void setup(void)
{
    it_alloc_init(&alloc);
    it_evq_init(&q, &alloc);
}

static void teardown(void)
{
    it_evq_fini(&q);
    ck_assert_int_eq(alloc.live, 0);
}

/* An event whose number can be read from all it points to; what it points to dies at once. */
static void put(it_evq *to, int n)
{
    char data[32], why[32], user[32];
    int len = snprintf(data, sizeof data, "data %d", n);
    (void)snprintf(why, sizeof why, "why %d", n);
    (void)snprintf(user, sizeof user, "user %d", n);
    it_model_event ev = {.kind = IT_EV_MESSAGE, .at = n, .why = why, .user = user};
    ev.data = it_bytes_of(data, (size_t)len);
    it_evq_put(to, &ev, n);
    memset(data, 'x', sizeof data);
    memset(why, 0, sizeof why);
    memset(user, 0, sizeof user);
}

static void is(const it_model_event *ev, int media, int n)
{
    char want[32];
    ck_assert_int_eq(media, n);
    ck_assert_int_eq(ev->at, n);
    (void)snprintf(want, sizeof want, "data %d", n);
    ck_assert(it_bytes_eq(ev->data, it_bytes_str(want)));
    (void)snprintf(want, sizeof want, "why %d", n);
    ck_assert_str_eq(ev->why, want);
    (void)snprintf(want, sizeof want, "user %d", n);
    ck_assert_str_eq(ev->user, want);
}

START_TEST(events_leave_in_the_order_they_came_with_copies_of_what_they_point_to)
{
    it_model_event ev;
    int media;
    for (int i = 0; i < 100; i++)
        put(&q, i);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(it_evq_take(&q, &ev, &media), 1);
        is(&ev, media, i);
    }
    ck_assert_int_eq(it_evq_take(&q, &ev, &media), 0);
}
END_TEST

/* The queue never runs empty while it is used: room at its front is used again. */
START_TEST(coming_and_going_keeps_order_and_needs_no_more_room)
{
    it_model_event ev;
    int media, in = 0, out = 0;
    for (; in < 5; in++)
        put(&q, in);
    size_t cap = q.cap;
    for (; in < 5000; in++, out++) {
        ck_assert_int_eq(it_evq_take(&q, &ev, &media), 1);
        is(&ev, media, out);
        put(&q, in);
        is(&ev, media, out); /* what was taken lives until the next take */
    }
    ck_assert_uint_le(q.cap, 2 * cap);
    ck_assert_uint_eq(q.n, 5);
}
END_TEST

START_TEST(what_is_missing_stays_missing)
{
    static const it_model_event cases[] = {
        {.kind = IT_EV_OPEN},
        {.kind = IT_EV_PEER, .why = "x"},
        {.kind = IT_EV_CLOSED, .why = "", .user = "u"},
        {.kind = IT_EV_MESSAGE, .data = {(const uint8_t *)"abc", 3}},
    };
    it_model_event ev;
    for (size_t i = 0; i < 4; i++)
        it_evq_put(&q, &cases[i], 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(it_evq_take(&q, &ev, NULL), 1);
        ck_assert_int_eq(ev.kind, cases[i].kind);
        ck_assert((ev.why != NULL) == (cases[i].why != NULL));
        ck_assert((ev.user != NULL) == (cases[i].user != NULL));
        ck_assert(it_bytes_eq(ev.data, cases[i].data));
    }
}
END_TEST

START_TEST(an_event_that_finds_no_memory_is_reported_lost_and_the_others_stay)
{
    for (uint64_t left = 0; left < 40; left++) {
        it_alloc few;
        it_evq x;
        it_model_event ev;
        int media, kept = 0;
        it_alloc_init_countdown(&few, left);
        it_evq_init(&x, &few);
        for (int i = 0; i < 12; i++) {
            size_t before = x.n;
            put(&x, i);
            if (x.n == before)
                ck_assert(x.oom);
            kept += x.n > before;
        }
        ck_assert(x.oom == (kept < 12));
        for (int last = -1; it_evq_take(&x, &ev, &media) == 1; kept--) {
            ck_assert_int_gt(media, last);
            last = media;
            is(&ev, media, media);
        }
        ck_assert_int_eq(kept, 0);
        put(&x, 99);
        it_evq_fini(&x);
        ck_assert_int_eq(few.live, 0);
    }
}
END_TEST

START_TEST(a_queue_that_ends_full_frees_all)
{
    it_model_event ev;
    for (int i = 0; i < 10; i++)
        put(&q, i);
    ck_assert_int_eq(it_evq_take(&q, &ev, NULL), 1);
    it_evq_fini(&q);
    ck_assert_int_eq(alloc.live, 0);
    put(&q, 1); /* and may be used again */
    ck_assert_int_eq(it_evq_take(&q, &ev, NULL), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/evq");
    TCase *t = tcase_create("queue");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, events_leave_in_the_order_they_came_with_copies_of_what_they_point_to);
    tcase_add_test(t, coming_and_going_keeps_order_and_needs_no_more_room);
    tcase_add_test(t, what_is_missing_stays_missing);
    tcase_add_test(t, an_event_that_finds_no_memory_is_reported_lost_and_the_others_stay);
    tcase_add_test(t, a_queue_that_ends_full_frees_all);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
