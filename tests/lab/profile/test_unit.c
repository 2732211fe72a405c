/* lab/profile/unit.c: one number, one unit, whole in the base unit, and a message that says what to write. */
#include "lab/profile/unit.h"

#include <check.h>
#include <stdlib.h>

typedef struct quantity {
    enum it_unit_kind kind;
    const char *text;
    int64_t value; /* when |message| is NULL */
    const char *message;
} quantity;

#define T IT_UNIT_TIME
#define R IT_UNIT_RATE
#define Z IT_UNIT_SIZE
#define S IT_UNIT_SHARE
#define NO_UNIT_T "; one of ns, us, ms, s, min or h, without a space"

static const quantity CASES[] = {
    {T, "0s", 0, NULL},
    {T, "250us", 250000, NULL},
    {T, "1.5s", 1500000000, NULL},
    {T, "2min", 120000000000, NULL},
    {T, "1h", 3600000000000, NULL},
    {T, "0.000000001s", 1, NULL},
    {T, "1.50000000000000000000s", 1500000000, NULL},
    {T, "0.0000000005s", 0, "\"0.0000000005s\" is not whole in ns"},
    {T, "0.5ns", 0, "\"0.5ns\" is not whole in ns"},
    {T, "640000h", 2304000000000000000, NULL},
    {T, "641000h", 0, "\"641000h\" is too large"},
    {T, "99999999999999999999s", 0, "\"99999999999999999999s\" is not a time; write one like \"10ms\""},
    {T, "20", 0, "20 has no unit; write \"20ms\" or \"20s\""},
    {T, "20 ms", 0, "\"20 ms\": no unit \" ms\" for a time" NO_UNIT_T},
    {T, "20Ms", 0, "\"20Ms\": no unit \"Ms\" for a time" NO_UNIT_T},
    {T, "20sec", 0, "\"20sec\": no unit \"sec\" for a time" NO_UNIT_T},
    {T, "20Mbps", 0, "\"20Mbps\": no unit \"Mbps\" for a time" NO_UNIT_T},
    {T, "", 0, "\"\" is not a time; write one like \"10ms\""},
    {T, "ms", 0, "\"ms\" is not a time; write one like \"10ms\""},
    {T, "-1s", 0, "\"-1s\" is not a time; write one like \"10ms\""},
    {T, "+1s", 0, "\"+1s\" is not a time; write one like \"10ms\""},
    {T, ".5s", 0, "\".5s\" is not a time; write one like \"10ms\""},
    {T, "5.s", 0, "\"5.s\" is not a time; write one like \"10ms\""},
    {T, "1e3s", 0, "\"1e3s\": no unit \"e3s\" for a time" NO_UNIT_T},
    {T, "0x10s", 0, "\"0x10s\": no unit \"x10s\" for a time" NO_UNIT_T},
    {T, "1s\n", 0, "\"1s\n\": no unit \"s\n\" for a time" NO_UNIT_T},
    {R, "64kbps", 64000, NULL},
    {R, "1.5Gbps", 1500000000, NULL},
    {R, "1.5bps", 0, "\"1.5bps\" is not whole in bit/s"},
    {R, "2MBps", 0, "\"2MBps\": no unit \"MBps\" for a rate; one of bps, kbps, Mbps or Gbps, without a space"},
    {Z, "1200B", 1200, NULL},
    {Z, "20kB", 20000, NULL},
    {Z, "256KiB", 262144, NULL},
    {Z, "0.5MiB", 524288, NULL},
    {Z, "1.5B", 0, "\"1.5B\" is not whole in bytes"},
    {S, "1%", 10000, NULL},
    {S, "0.1%", 1000, NULL},
    {S, "50ppm", 50, NULL},
    {S, "100%", 1000000, NULL},
    {S, "100.0001%", 0, "\"100.0001%\" is more than 100%"},
    {S, "0.00001%", 0, "\"0.00001%\" is not whole in ppm"},
    {S, "5", 0, "5 has no unit; write \"5%\" or \"5ppm\""},
};
#define N_CASES ((int)(sizeof CASES / sizeof *CASES))

START_TEST(reads_what_is_whole_and_says_what_is_not)
{
    const quantity *q = &CASES[_i];
    char err[IT_UNIT_MSG] = "";
    int64_t v = -1;
    int rc = it_unit_parse(q->kind, q->text, &v, err);
    ck_assert_str_eq(err, q->message ? q->message : "");
    ck_assert_int_eq(rc == 0, q->message == NULL);
    if (!q->message)
        ck_assert_int_eq(v, q->value);
}
END_TEST

START_TEST(what_is_written_reads_back_as_the_same)
{
    static const int64_t V[] = {0, 1, 999, 1000, 1024, 1500, 65536, 999999, 1000000, 1234567};
    for (size_t i = 0; i < sizeof V / sizeof *V; i++) {
        char text[IT_UNIT_TEXT], err[IT_UNIT_MSG];
        int64_t back;
        if (_i == (int)S && V[i] > 1000000)
            continue;
        it_unit_text((enum it_unit_kind)_i, V[i], text);
        ck_assert_msg(it_unit_parse((enum it_unit_kind)_i, text, &back, err) == 0, "%s: %s", text, err);
        ck_assert_int_eq(back, V[i]);
    }
}
END_TEST

START_TEST(writes_the_largest_unit_that_is_exact)
{
    char text[IT_UNIT_TEXT];
    ck_assert_str_eq(it_unit_text(T, 1500000000, text), "1.5s");
    ck_assert_str_eq(it_unit_text(T, 1250000000, text), "1.25s");
    ck_assert_str_eq(it_unit_text(T, 1234000000, text), "1.234s");
    ck_assert_str_eq(it_unit_text(T, 1001000000, text), "1.001s");
    ck_assert_str_eq(it_unit_text(T, 1234500000, text), "1234.5ms");
    ck_assert_str_eq(it_unit_text(T, 20000000, text), "20ms");
    ck_assert_str_eq(it_unit_text(R, 2000000, text), "2Mbps");
    ck_assert_str_eq(it_unit_text(S, 15000, text), "1.5%");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/unit");
    TCase *c = tcase_create("scenarios.md, units");
    tcase_add_loop_test(c, reads_what_is_whole_and_says_what_is_not, 0, N_CASES);
    tcase_add_loop_test(c, what_is_written_reads_back_as_the_same, 0, IT_UNIT_KINDS);
    tcase_add_test(c, writes_the_largest_unit_that_is_exact);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
