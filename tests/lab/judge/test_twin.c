/* lab/judge/twin.c: two runs are the same, or the first difference in time is named. */
#include "lab/judge/twin.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_twin *t;

static void setup(void)
{
    it_alloc_init(&alloc);
    t = it_twin_new(&alloc);
    ck_assert_ptr_nonnull(t);
}

static void teardown(void)
{
    it_twin_free(t);
    ck_assert_int_eq(alloc.live, 0);
}

/* What a run does: a letter is a source, its case the content, '.' a second. */
static void run(const char *deeds)
{
    it_time now = 0;
    for (; *deeds; deeds++) {
        char name[2] = {(char)(*deeds | 32), 0};
        if (*deeds == '.')
            now += IT_SEC;
        else
            it_twin_note(t, now, name, (uint64_t)*deeds, "a deed");
    }
}

static const struct {
    const char *alone, *attacked, *why; /* NULL: the same */
} ROWS[] = {
    {"ab.a.b", "ab.a.b", NULL},
    {"ab.a.b", "ba.a.b", NULL}, /* at one instant the order between sources says nothing */
    {"", "", NULL},
    {"ab.a.b", "ab.A.b", "a: a deed is another one with the attacker at 1."},
    {"ab.a.b", "ab..ab", "a: a deed does not come with the attacker at 1."},
    {"ab..a", "ab.a.", "a: a deed comes earlier with the attacker at 1."},
    {"ab", "ab.b", "b: a deed comes only with the attacker at 1."},
    {"ab.a.", "ab", "a: what it did alone does not come with the attacker at 1."},
    {"ab.b.a", "ab.B.A", "b: a deed is another one with the attacker at 1."},
    {"a..b", "a.c.", "c: a deed comes only with the attacker at 1."},
};

START_TEST(a_difference_is_the_first_one_in_time)
{
    char why[IT_TWIN_TEXT];
    uint64_t n;
    run(ROWS[_i].alone);
    it_twin_compare(t);
    run(ROWS[_i].attacked);
    ck_assert_int_eq(it_twin_end(t, &n, why), ROWS[_i].why != NULL);
    if (ROWS[_i].why)
        ck_assert_msg(strncmp(why, ROWS[_i].why, strlen(ROWS[_i].why)) == 0, "%s", why);
    else
        ck_assert_uint_eq(n, *ROWS[_i].alone ? 4u : 0u);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("judge/twin");
    TCase *c = tcase_create("twin");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, a_difference_is_the_first_one_in_time, 0, (int)(sizeof ROWS / sizeof *ROWS));
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
