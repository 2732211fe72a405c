/* The log before a server: everything passes, and what the server says becomes lines. */
#include "lab/serve/log.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

typedef struct inner {
    int inputs, ticks, outputs, events, news;
    bool freed;
} inner;

static it_alloc ALLOC;
static inner INNER;
static it_serve_log *LOG;
static char LINES[1024];

static int inner_input(void *o, it_time now, const it_io *in)
{
    ((inner *)o)->inputs++;
    return now == 5 ? IT_ERR_NOMEM : (int)in->data.n / 2;
}

static int inner_tick(void *o, it_time now)
{
    ((inner *)o)->ticks++;
    return now == 5 ? IT_ERR_NOMEM : 0;
}

static it_time inner_next(const void *o)
{
    (void)o;
    return 77;
}

static int inner_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now, (void)buf, (void)cap;
    out->kind = IT_IO_FIN;
    return ((inner *)o)->outputs++ == 0;
}

static int inner_event(void *o, it_object_event *ev)
{
    (void)ev;
    return ((inner *)o)->events++ < 2;
}

static bool inner_nagle(const void *o)
{
    (void)o;
    return true;
}

static void inner_free(void *o)
{
    ((inner *)o)->freed = true;
}

static const it_object_ops FULL = {.kind = "full",
                                   .input = inner_input,
                                   .tick = inner_tick,
                                   .next = inner_next,
                                   .output = inner_output,
                                   .event = inner_event,
                                   .free = inner_free,
                                   .nagle = inner_nagle};
static const it_object_ops BARE = {.kind = "bare", .free = inner_free};

static void take_line(void *self, const char *text)
{
    ck_assert_ptr_eq(self, &LOG);
    strcat(strcat(LINES, text), "\n");
}

static void news(void *o, it_serve_log *log)
{
    it_serve_log_line(log, "news %d", ++((inner *)o)->news);
}

static void sum(void *o, it_serve_log *log)
{
    it_serve_log_line(log, "%d inputs", ((inner *)o)->inputs);
}

static void begin(const it_object_ops *ops, bool lines)
{
    it_alloc_init(&ALLOC);
    INNER = (inner){.freed = false};
    LINES[0] = '\0';
    it_serve_log_cfg cfg = {
        .alloc = &ALLOC, .name = "full", .ops = ops, .inner = &INNER, .self = &LOG, .news = news, .sum = sum};
    if (lines)
        cfg.log = take_line;
    LOG = it_serve_log_new(&cfg);
    ck_assert_ptr_nonnull(LOG);
}

static void end(void)
{
    it_serve_log_ops.free(LOG);
    ck_assert(INNER.freed);
    ck_assert_int_eq(ALLOC.live, 0);
}

START_TEST(everything_passes_and_its_answers_come_back)
{
    it_io out, in = {.kind = IT_IO_DATA, .data = it_bytes_str("1234")};
    begin(&FULL, true);
    ck_assert_int_eq(it_serve_log_ops.input(LOG, 0, &in), 2);
    ck_assert_int_eq(it_serve_log_ops.input(LOG, 5, &in), IT_ERR_NOMEM);
    ck_assert_int_eq(it_serve_log_ops.tick(LOG, 0), 0);
    ck_assert_int_eq(it_serve_log_ops.tick(LOG, 5), IT_ERR_NOMEM);
    ck_assert_int_eq(it_serve_log_ops.next(LOG), 77);
    ck_assert_int_eq(it_serve_log_ops.output(LOG, 0, &out, NULL, 0), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    ck_assert_int_eq(it_serve_log_ops.output(LOG, 0, &out, NULL, 0), 0);
    ck_assert(it_serve_log_ops.nagle(LOG));
    ck_assert(INNER.inputs == 2 && INNER.ticks == 2);
    end();
}
END_TEST

START_TEST(an_object_that_has_not_all_of_the_table_is_served_as_well)
{
    it_io out, in = {.kind = IT_IO_DATA, .data = it_bytes_str("1234")};
    it_object_event ev;
    begin(&BARE, true);
    ck_assert_int_eq(it_serve_log_ops.input(LOG, 0, &in), 4);
    ck_assert_int_eq(it_serve_log_ops.tick(LOG, 0), 0);
    ck_assert_int_eq(it_serve_log_ops.next(LOG), IT_NEVER);
    ck_assert_int_eq(it_serve_log_ops.output(LOG, 0, &out, NULL, 0), 0);
    ck_assert_int_eq(it_serve_log_ops.event(LOG, &ev), 0);
    ck_assert(!it_serve_log_ops.nagle(LOG));
    end();
}
END_TEST

START_TEST(errors_go_only_to_who_asks_for_them)
{
    it_io in = {.kind = IT_IO_ERROR, .data = it_bytes_str("quote")};
    begin(&FULL, true);
    ck_assert_int_eq(it_serve_log_ops.input(LOG, 0, &in), 5);
    ck_assert_int_eq(INNER.inputs, 0);
    end();
}
END_TEST

START_TEST(news_are_lines_after_each_turn_and_at_the_end_the_sum)
{
    it_object_event ev;
    it_io in = {.kind = IT_IO_ACCEPTED};
    begin(&FULL, true);
    ck_assert_int_eq(it_serve_log_ops.input(LOG, 0, &in), 0);
    ck_assert_int_eq(it_serve_log_ops.event(LOG, &ev), 0);
    ck_assert_int_eq(INNER.events, 3); /* its events are drained, and are the log's */
    ck_assert_str_eq(LINES, "news 1\n");
    end();
    ck_assert_str_eq(LINES, "news 1\nnews 2\n1 inputs\n");
    begin(&FULL, true);
    end(); /* a server that did not start has done nothing */
    ck_assert_str_eq(LINES, "news 1\n");
}
END_TEST

START_TEST(without_a_reader_nothing_is_said)
{
    it_object_event ev;
    begin(&FULL, false);
    ck_assert_int_eq(it_serve_log_ops.event(LOG, &ev), 0);
    end();
    ck_assert_str_eq(LINES, "");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
    static char text[2 * IT_SERVE_LINE];
    begin(&BARE, true);
    memset(text, 'x', sizeof text - 1);
    it_serve_log_line(LOG, "%s", text);
    ck_assert_uint_eq(strlen(LINES), IT_SERVE_LINE); /* without its NUL, with our end of line */
    end();
}
END_TEST

START_TEST(without_memory_the_object_is_freed_all_the_same)
{
    it_serve_log_cfg cfg = {.alloc = &ALLOC, .name = "full", .ops = &FULL, .inner = &INNER};
    it_alloc_init_countdown(&ALLOC, 0);
    INNER = (inner){.freed = false};
    ck_assert_ptr_null(it_serve_log_new(&cfg));
    ck_assert(INNER.freed);
}
END_TEST

static void talk(void *o, it_serve_log *log)
{
    it_serve_log_line(log, "news %d", ++((inner *)o)->news);
}

/* A flood of what has happened fills no disk, and how much was left out is said. */
START_TEST(a_flood_of_lines_is_cut_to_a_rate)
{
    it_object_event ev;
    it_io in = {.kind = IT_IO_ACCEPTED};
    size_t n = 0;
    it_alloc_init(&ALLOC);
    INNER = (inner){.freed = false};
    LINES[0] = '\0';
    it_serve_log_cfg cfg = {.alloc = &ALLOC, .name = "full", .ops = &FULL, .inner = &INNER, .self = &LOG, .news = talk};
    cfg.log = take_line;
    LOG = it_serve_log_new(&cfg);
    for (int k = 0; k < 1000; k++)
        (void)it_serve_log_ops.event(LOG, &ev);
    for (const char *at = LINES; (at = strchr(at, '\n')); at++)
        n++;
    ck_assert_uint_eq(n, IT_SERVE_LOG_BURST);
    LINES[0] = '\0';
    ck_assert_int_eq(it_serve_log_ops.input(LOG, 2 * IT_SEC / IT_SERVE_LOG_RATE, &in), 0);
    (void)it_serve_log_ops.event(LOG, &ev);
    ck_assert_str_eq(LINES, "full: 950 lines more were left out\nnews 1001\n");
    (void)it_serve_log_ops.event(LOG, &ev);
    (void)it_serve_log_ops.event(LOG, &ev);
    it_serve_log_missed(LOG, 7);
    LINES[0] = '\0';
    end();
    ck_assert_str_eq(LINES, "full: 9 lines more were left out\n");
}
END_TEST

/* While it lasts the rate is that of lines which say something; how many were left out is said once a second. */
START_TEST(a_flood_that_goes_on_is_still_told_of)
{
    it_object_event ev;
    it_io in = {.kind = IT_IO_ACCEPTED};
    size_t news = 0, sums = 0;
    it_alloc_init(&ALLOC);
    INNER = (inner){.freed = false};
    it_serve_log_cfg cfg = {.alloc = &ALLOC, .name = "signal", .ops = &FULL, .inner = &INNER, .self = &LOG};
    cfg.news = talk;
    cfg.log = take_line;
    LOG = it_serve_log_new(&cfg);
    for (int k = 0; k < 1000; k++) { /* 100 a second */
        LINES[0] = '\0';
        ck_assert_int_eq(it_serve_log_ops.input(LOG, k * 10 * IT_MS, &in), 0);
        (void)it_serve_log_ops.event(LOG, &ev);
        news += strstr(LINES, "news ") != NULL;
        sums += strstr(LINES, "signal: ") != NULL;
    }
    ck_assert_uint_eq(news, IT_SERVE_LOG_BURST + 99);
    ck_assert_uint_ge(sums, 8);
    ck_assert_uint_le(sums, 10);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/serve/log");
    TCase *t = tcase_create("lines");
    tcase_add_test(t, everything_passes_and_its_answers_come_back);
    tcase_add_test(t, an_object_that_has_not_all_of_the_table_is_served_as_well);
    tcase_add_test(t, errors_go_only_to_who_asks_for_them);
    tcase_add_test(t, news_are_lines_after_each_turn_and_at_the_end_the_sum);
    tcase_add_test(t, without_a_reader_nothing_is_said);
    tcase_add_test(t, a_long_line_is_cut);
    tcase_add_test(t, a_flood_of_lines_is_cut_to_a_rate);
    tcase_add_test(t, a_flood_that_goes_on_is_still_told_of);
    tcase_add_test(t, without_memory_the_object_is_freed_all_the_same);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
