/* lab/driver/power.c: apps of a host that stand still, go on with or without their clocks, or are lost. */
#include "lab/driver/lab.h"

#include <check.h>
#include <stdlib.h>

/* An app that ticks every second of its own clock and remembers when. */
typedef struct clockwork {
    it_time next, last;
    int ticks;
    bool *freed;
} clockwork;

static int wind(void *o, it_time now)
{
    clockwork *c = o;
    c->last = now;
    c->ticks++;
    c->next = now + IT_SEC;
    return 0;
}

static it_time due(const void *o)
{
    return ((const clockwork *)o)->next;
}

static int nothing(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)o, (void)now, (void)out, (void)buf, (void)cap;
    return 0;
}

static void drop(void *o)
{
    *((clockwork *)o)->freed = true;
}

static const it_object_ops OPS = {.kind = "clockwork", .tick = wind, .next = due, .output = nothing, .free = drop};

static it_alloc alloc;
static it_lab *lab;
static it_host *host, *other;
static clockwork mine, theirs;
static bool freed[2];

static void setup(void)
{
    it_alloc_init(&alloc);
    lab = it_lab_new(&(it_lab_cfg){.alloc = &alloc, .seed = 1});
    host = it_host_new(it_lab_world(lab), "a");
    other = it_host_new(it_lab_world(lab), "b");
    mine = (clockwork){.next = IT_SEC, .freed = &freed[0]};
    theirs = (clockwork){.next = IT_SEC, .freed = &freed[1]};
    freed[0] = freed[1] = false;
    ck_assert_int_eq(it_lab_add(lab, host, &OPS, &mine, "mine", -1), 0);
    ck_assert_int_eq(it_lab_add(lab, other, &OPS, &theirs, "theirs", -1), 1);
}

static void teardown(void)
{
    it_lab_free(lab);
    ck_assert(freed[0] && freed[1]);
    ck_assert_int_eq(alloc.live, 0);
}

static void run(it_time until)
{
    ck_assert_int_eq(it_lab_run(lab, until), 0);
}

START_TEST(what_is_halted_does_not_tick_and_the_others_do)
{
    run(5 * IT_SEC + 1);
    it_lab_halt(lab, host);
    run(9 * IT_SEC + 1);
    ck_assert_int_eq(mine.ticks, 5);
    ck_assert_int_eq(theirs.ticks, 9);
}
END_TEST

START_TEST(a_clock_that_ran_does_at_once_what_is_overdue)
{
    run(5 * IT_SEC + IT_SEC / 2);
    it_lab_halt(lab, host);
    run(9 * IT_SEC + IT_SEC / 2);
    ck_assert_int_eq(it_lab_go_on(lab, host, 0), 0);
    run(9 * IT_SEC + IT_SEC / 2);
    ck_assert_int_eq(mine.ticks, 6);
    ck_assert_int_eq(mine.last, 9 * IT_SEC + IT_SEC / 2);
    ck_assert_int_eq(it_lab_app_now(lab, 0), it_lab_now(lab));
}
END_TEST

START_TEST(a_clock_that_stood_still_goes_on_where_it_was)
{
    run(5 * IT_SEC + IT_SEC / 2);
    it_lab_halt(lab, host);
    run(9 * IT_SEC + IT_SEC / 2);
    ck_assert_int_eq(it_lab_go_on(lab, host, 4 * IT_SEC), 0);
    run(10 * IT_SEC - 1);
    ck_assert_int_eq(mine.ticks, 5);
    run(10 * IT_SEC);
    ck_assert_int_eq(mine.ticks, 6);
    ck_assert_int_eq(mine.last, 6 * IT_SEC); /* by its own clock */
    ck_assert_int_eq(it_lab_app_now(lab, 0), it_lab_now(lab) - 4 * IT_SEC);
    ck_assert_int_eq(it_lab_app_now(lab, 1), it_lab_now(lab));
}
END_TEST

START_TEST(what_a_host_loses_is_freed_and_its_number_is_nobodys)
{
    it_lab_lose(lab, host);
    ck_assert(freed[0] && !freed[1]);
    ck_assert_ptr_null(it_lab_app(lab, 0));
    run(3 * IT_SEC);
    ck_assert_int_eq(mine.ticks, 0);
    ck_assert_int_eq(theirs.ticks, 3);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("driver/power");
    TCase *t = tcase_create("power");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_halted_does_not_tick_and_the_others_do);
    tcase_add_test(t, a_clock_that_ran_does_at_once_what_is_overdue);
    tcase_add_test(t, a_clock_that_stood_still_goes_on_where_it_was);
    tcase_add_test(t, what_a_host_loses_is_freed_and_its_number_is_nobodys);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
