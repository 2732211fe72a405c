/* lab/run/pool.c: every case is done once by some worker, whatever happens to the others. */
#include "lab/run/pool.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASES 40
#define BAD 7 /* the case that something happens to */

enum how { WELL, EXITS, KILLED, HANGS, FAILS };

typedef struct bench {
    enum how how;
    bool add; /* case 3 asks for case 100 too */
    it_pool *pool;
    int done[CASES], died, extra;
    char why[128];
    int open_fails;
} bench;

static void begin(void *self, it_pool *p)
{
    ((bench *)self)->pool = p;
}

static int open_(void *self, char err[IT_POOL_ERR])
{
    const bench *b = self;
    if (b->open_fails)
        snprintf(err, IT_POOL_ERR, "it does not open");
    return b->open_fails ? IT_ERR_CRYPTO : 0;
}

static void close_(void *self)
{
    (void)self;
}

/* Case i gives i bytes of x and a number, the last one more than a pipe holds. */
static int work(void *self, size_t i, it_str *out, char err[IT_POOL_ERR])
{
    const bench *b = self;
    if (i == BAD && b->how == EXITS)
        _exit(3);
    if (i == BAD && b->how == KILLED)
        raise(SIGKILL);
    while (i == BAD && b->how == HANGS)
        pause();
    if (i == BAD && b->how == FAILS) {
        snprintf(err, IT_POOL_ERR, "case %zu cannot be written", i);
        return IT_ERR_IO;
    }
    for (size_t k = 0; k < (i == CASES - 1 ? 300000 : i); k++)
        it_str_putc(out, 'x');
    it_str_printf(out, "%zu", i);
    return 0;
}

static int done(void *self, size_t i, it_bytes text, char err[IT_POOL_ERR])
{
    bench *b = self;
    char want[32];
    (void)err;
    int n = snprintf(want, sizeof want, "%zu", i);
    ck_assert_uint_eq(text.n, (i == CASES - 1 ? 300000 : i) + (size_t)n);
    ck_assert_int_eq(memcmp(text.p + text.n - n, want, (size_t)n), 0);
    if (i >= CASES) {
        b->extra++;
        return 0;
    }
    b->done[i]++;
    return b->add && i == 3 ? it_pool_add(b->pool, 100) : 0;
}

static int died(void *self, size_t i, const char *why, char err[IT_POOL_ERR])
{
    bench *b = self;
    (void)err;
    ck_assert_uint_eq(i, BAD);
    snprintf(b->why, sizeof b->why, "%s", why);
    b->died++;
    return 0;
}

static int run(bench *b, int jobs, size_t n, bool *interrupted, char err[IT_POOL_ERR])
{
    it_alloc a;
    it_alloc_init(&a);
    it_pool_cfg cfg = {&a, jobs, b->how == HANGS ? 1 : 60, n};
    it_pool_ops ops = {b, begin, open_, work, close_, done, died};
    int rc = it_pool_run(&cfg, &ops, interrupted, err);
    ck_assert_int_eq(a.live, 0);
    ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0, "a worker is left behind");
    return rc;
}

static const int JOBS[] = {1, 2, 7, 64};

START_TEST(every_case_is_done_once)
{
    bench b = {.how = WELL, .add = true};
    bool interrupted = true;
    char err[IT_POOL_ERR] = "";
    ck_assert_int_eq(run(&b, JOBS[_i], CASES, &interrupted, err), 0);
    ck_assert(!interrupted);
    for (int i = 0; i < CASES; i++)
        ck_assert_int_eq(b.done[i], 1);
    ck_assert_int_eq(b.extra, 1);
    ck_assert_int_eq(b.died, 0);
}
END_TEST

static const struct {
    enum how how;
    const char *why;
} ENDS[] = {
    {EXITS, "the worker process ended with code 3 before this case was finished"},
    {KILLED, "the worker process was ended by signal 9 (Killed) before this case was finished"},
    {HANGS, "stuck: not finished after 1 s"},
};

START_TEST(a_worker_that_ends_costs_its_case_alone)
{
    for (size_t k = 0; k < 2; k++) {
        bench b = {.how = ENDS[_i].how, .add = true};
        bool interrupted;
        char err[IT_POOL_ERR] = "";
        ck_assert_int_eq(run(&b, JOBS[k], CASES, &interrupted, err), 0);
        for (int i = 0; i < CASES; i++)
            ck_assert_int_eq(b.done[i], i != BAD);
        ck_assert_int_eq(b.died, 1);
        ck_assert_int_eq(b.extra, 1);
        ck_assert_str_eq(b.why, ENDS[_i].why);
    }
}
END_TEST

START_TEST(what_a_worker_cannot_do_stops_everything)
{
    bench b = {.how = FAILS};
    bool interrupted;
    char err[IT_POOL_ERR] = "";
    ck_assert_int_eq(run(&b, 3, CASES, &interrupted, err), IT_ERR_IO);
    ck_assert_str_eq(err, "case 7 cannot be written");
}
END_TEST

START_TEST(a_worker_that_cannot_begin_says_why)
{
    bench b = {.how = WELL, .open_fails = 1};
    bool interrupted;
    char err[IT_POOL_ERR] = "";
    ck_assert_int_eq(run(&b, 2, CASES, &interrupted, err), IT_ERR_CRYPTO);
    ck_assert_str_eq(err, "it does not open");
}
END_TEST

START_TEST(no_cases_are_no_work)
{
    bench b = {.how = WELL};
    bool interrupted;
    char err[IT_POOL_ERR] = "";
    ck_assert_int_eq(run(&b, 4, 0, &interrupted, err), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/pool");
    TCase *c = tcase_create("pool");
    tcase_add_loop_test(c, every_case_is_done_once, 0, (int)(sizeof JOBS / sizeof *JOBS));
    tcase_add_loop_test(c, a_worker_that_ends_costs_its_case_alone, 0, (int)(sizeof ENDS / sizeof *ENDS));
    tcase_add_test(c, what_a_worker_cannot_do_stops_everything);
    tcase_add_test(c, a_worker_that_cannot_begin_says_why);
    tcase_add_test(c, no_cases_are_no_work);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
