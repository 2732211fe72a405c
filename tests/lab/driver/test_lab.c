/* The driver's loop: whom it wakes, in which order, and whom it leaves alone. */
#include "lab/driver/lab.h"

#include "tests/lab/driver/two.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000
#define LOG 64

/* An app that says so many datagrams, ticks when told, and writes down that it was drained. */
typedef struct sleeper {
    int id, say;
    it_time next, period; /* |period| after a tick; 0: never again */
    it_time on_input;     /* what |next| becomes with an input */
    it_addr to;
    int outputs, asked, ticks, inputs;
    bool by_link[2]; /* whether the driver said so when it was told something, and when it ticked */
    uint64_t cause[2];
} sleeper;

static sleeper S[MANY];
static int Drained[LOG], Ticked[LOG];
static size_t n_drained, n_ticked;

static void note(int *log, size_t *n, int id)
{
    if (*n < LOG)
        log[(*n)++] = id;
}

static void note_cause(sleeper *s, bool tick)
{
    s->by_link[tick] = it_lab_link_changed(L);
    s->cause[tick] = it_lab_cause(L);
}

static int sleeper_input(void *o, it_time now, const it_io *in)
{
    sleeper *s = o;
    (void)now;
    note_cause(s, false);
    s->inputs += in->kind == IT_IO_DGRAM;
    if (s->on_input)
        s->next = s->on_input;
    return (int)in->data.n;
}

static int sleeper_tick(void *o, it_time now)
{
    sleeper *s = o;
    s->ticks++;
    note_cause(s, true);
    s->next = s->period ? now + s->period : IT_NEVER;
    note(Ticked, &n_ticked, s->id);
    return 0;
}

static it_time sleeper_next(const void *o)
{
    sleeper *s = (sleeper *)(uintptr_t)o;
    s->asked++;
    return s->next;
}

static int sleeper_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    sleeper *s = o;
    (void)now, (void)cap;
    s->outputs++;
    if (!s->say)
        return 0;
    s->say--;
    note(Drained, &n_drained, s->id);
    memcpy(buf, "hello", 5);
    *out = (it_io){.kind = IT_IO_DGRAM, .remote = s->to, .data = it_bytes_of(buf, 5)};
    return 1;
}

static void sleeper_free(void *o)
{
    (void)o;
}

static const it_object_ops SLEEPER = {.kind = "sleeper",
                                      .input = sleeper_input,
                                      .tick = sleeper_tick,
                                      .next = sleeper_next,
                                      .output = sleeper_output,
                                      .free = sleeper_free};
static const it_object_ops WATCHER = {.kind = "watcher",
                                      .input = sleeper_input,
                                      .tick = sleeper_tick,
                                      .next = sleeper_next,
                                      .output = sleeper_output,
                                      .free = sleeper_free,
                                      .watches = true};

static void setup(void)
{
    two_open((it_link_cfg){"l", {{.delay = IT_MS}, {.delay = IT_MS}}});
    n_drained = n_ticked = 0;
    for (int i = 0; i < MANY; i++)
        S[i] = (sleeper){.id = i, .next = IT_NEVER};
}

static void teardown(void)
{
    two_close();
}

static void add(it_host *h, const it_object_ops *ops, int i)
{
    ck_assert_int_eq(it_lab_add(L, h, ops, &S[i], "s", -1), i);
}

/* Adds |n| apps to host a, and lets all that comes of it be over. */
static void add_many(int n)
{
    for (int i = 0; i < n; i++)
        add(Ha, &SLEEPER, i);
    ck_assert_int_eq(it_lab_run(L, IT_MS), 0);
    for (int i = 0; i < n; i++)
        S[i].asked = S[i].outputs = 0;
}

static void command(int i, int say)
{
    sleeper *s = it_lab_app(L, i);
    ck_assert_ptr_eq(s, &S[i]);
    s->say = say;
}

START_TEST(commands_are_drained_in_the_order_of_numbers_not_of_commands)
{
    static const int want[] = {0, 7, 7, 63, 64, 999};
    add_many(MANY);
    command(999, 1);
    command(64, 1);
    command(7, 2);
    command(63, 1);
    command(0, 1);
    ck_assert_int_eq(it_lab_flush(L), 0);
    ck_assert_uint_eq(n_drained, 6);
    ck_assert_int_eq(memcmp(Drained, want, sizeof want), 0);
}
END_TEST

START_TEST(whom_nothing_concerns_is_not_asked)
{
    add_many(MANY);
    S[500].period = IT_MS;
    ((sleeper *)it_lab_app(L, 500))->next = 2 * IT_MS;
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0);
    ck_assert_int_eq(S[500].ticks, 999);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(i == 500 ? 0 : S[i].asked + S[i].outputs, 0);
    (void)it_lab_app_state(L, 3); /* who only looks wakes nobody */
    ck_assert_int_eq(it_lab_run(L, 2 * IT_SEC), 0);
    ck_assert_int_eq(S[3].asked + S[3].outputs, 0);
}
END_TEST

START_TEST(at_one_instant_apps_tick_in_the_order_of_numbers)
{
    static const int want[] = {1, 2, 3, 5, 4};
    add_many(6);
    for (int i = 1; i < 6; i++)
        ((sleeper *)it_lab_app(L, i))->next = i == 4 ? 9 * IT_MS : 8 * IT_MS;
    ck_assert_int_eq(it_lab_run(L, 10 * IT_MS), 0);
    ck_assert_uint_eq(n_ticked, 5);
    ck_assert_int_eq(memcmp(Ticked, want, sizeof want), 0);
}
END_TEST

START_TEST(what_is_overdue_after_a_halt_ticks_in_the_order_of_numbers_too)
{
    static const int want[] = {0, 1, 2};
    add_many(3);
    for (int i = 0; i < 3; i++)
        ((sleeper *)it_lab_app(L, i))->next = (10 - i) * IT_MS; /* the last is due first */
    it_lab_halt(L, Ha);
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0);
    ck_assert_uint_eq(n_ticked, 0);
    ck_assert_int_eq(it_lab_go_on(L, Ha, 0), 0);
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0);
    ck_assert_uint_eq(n_ticked, 3);
    ck_assert_int_eq(memcmp(Ticked, want, sizeof want), 0);
}
END_TEST

START_TEST(a_command_to_a_halted_app_leaves_when_it_goes_on)
{
    add_many(2);
    it_lab_halt(L, Ha);
    command(1, 1);
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0);
    ck_assert_uint_eq(n_drained, 0);
    ck_assert_int_eq(it_lab_go_on(L, Ha, 0), 0);
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0);
    ck_assert_uint_eq(n_drained, 1);
}
END_TEST

START_TEST(an_input_moves_the_next_tick)
{
    it_addr at;
    add(Ha, &SLEEPER, 0);
    add(Hb, &SLEEPER, 1);
    ck_assert_int_eq(it_lab_run(L, IT_MS), 0);
    ck_assert(it_lab_app_addr(L, 1, 0, &at));
    S[0].to = at;
    S[1].on_input = 5 * IT_MS;
    command(0, 1);
    ck_assert_int_eq(it_lab_run(L, 5 * IT_MS - 1), 0);
    ck_assert(S[1].inputs == 1 && S[1].ticks == 0);
    ck_assert_int_eq(it_lab_run(L, 5 * IT_MS), 0);
    ck_assert_int_eq(S[1].ticks, 1);
}
END_TEST

/* What an app does by itself comes neither from a packet nor from an interface, whatever came before. */
START_TEST(a_cause_lasts_as_long_as_what_it_causes)
{
    it_addr at;
    add(Ha, &SLEEPER, 0);
    add(Hb, &SLEEPER, 1);
    ck_assert_int_eq(it_lab_run(L, IT_MS), 0);
    ck_assert(it_lab_app_addr(L, 1, 0, &at));
    S[0].to = at;
    S[1].on_input = 5 * IT_MS;
    command(0, 1);
    ck_assert_int_eq(it_lab_run(L, 5 * IT_MS), 0);
    ck_assert(S[1].inputs == 1 && S[1].cause[0] != 0 && !S[1].by_link[0]);
    ck_assert(S[1].ticks == 1 && S[1].cause[1] == 0 && !S[1].by_link[1]);
    S[1].on_input = 10 * IT_MS;
    it_link_cut(it_lab_world(L), it_lab_now(L), Link, true);
    ck_assert_int_eq(it_lab_run(L, 10 * IT_MS), 0);
    ck_assert(S[1].cause[0] == 0 && S[1].by_link[0]);
    ck_assert(S[1].ticks == 2 && S[1].cause[1] == 0 && !S[1].by_link[1]);
}
END_TEST

START_TEST(who_watches_the_boxes_is_asked_when_one_was_upset)
{
    add(Ha, &SLEEPER, 0);
    add(Ha, &WATCHER, 1);
    add(Ha, &WATCHER, 2);
    ck_assert_int_eq(it_lab_run(L, IT_MS), 0);
    it_lab_remove(L, 2);
    S[0].next = S[1].next = S[2].next = 0; /* no command: nobody knows */
    ck_assert_int_eq(it_lab_run(L, 2 * IT_MS), 0);
    ck_assert_uint_eq(n_ticked, 0);
    it_world_upset(it_lab_world(L));
    ck_assert_int_eq(it_lab_run(L, 3 * IT_MS), 0);
    ck_assert_uint_eq(n_ticked, 1);
    ck_assert_int_eq(Ticked[0], 1);
}
END_TEST

/* --- services --- */

static int Told;
static it_service_event Last;

static int service_told(void *self, int app, const it_service_event *ev)
{
    ck_assert_ptr_eq(self, &Told);
    ck_assert_int_eq(app, 0);
    Last = *ev;
    return ++Told == 3 ? IT_ERR_FULL : 0;
}

static int service_event(void *o, it_object_event *ev)
{
    sleeper *s = o;
    *ev = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    ev->u.service = (it_service_event){.kind = IT_SERVICE_LOGIN, .code = s->say};
    return s->say > 0 ? s->say-- > 0 : 0;
}

static const it_object_ops SERVICE = {.kind = "service", .event = service_event, .free = sleeper_free};

START_TEST(what_a_service_says_is_passed_on_and_time_goes_on)
{
    it_lab_event e;
    Told = 0;
    add(Ha, &SERVICE, 0);
    it_lab_listen_services(L, (it_lab_services){&Told, service_told});
    command(0, 2);
    ck_assert_int_eq(it_lab_run(L, IT_SEC), 0); /* not 1: nothing waits for the script */
    ck_assert(Told == 2 && Last.kind == IT_SERVICE_LOGIN && Last.code == 1);
    ck_assert_int_eq(it_lab_event_next(L, &e), 0);
    command(0, 1);
    ck_assert_int_eq(it_lab_flush(L), IT_ERR_FULL); /* who listens may end the run */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("driver/lab");
    TCase *t = tcase_create("whom it wakes");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, commands_are_drained_in_the_order_of_numbers_not_of_commands);
    tcase_add_test(t, whom_nothing_concerns_is_not_asked);
    tcase_add_test(t, at_one_instant_apps_tick_in_the_order_of_numbers);
    tcase_add_test(t, what_is_overdue_after_a_halt_ticks_in_the_order_of_numbers_too);
    tcase_add_test(t, a_command_to_a_halted_app_leaves_when_it_goes_on);
    tcase_add_test(t, an_input_moves_the_next_tick);
    tcase_add_test(t, a_cause_lasts_as_long_as_what_it_causes);
    tcase_add_test(t, who_watches_the_boxes_is_asked_when_one_was_upset);
    tcase_add_test(t, what_a_service_says_is_passed_on_and_time_goes_on);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
