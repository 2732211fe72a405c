/* base/text/near.c: the nearest name, and none when none is near. */
#include "base/text/near.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *nearest(const char *word)
{
    static const char *const NAMES[] = {"run",        "replay",           "report",
                                        "linux-masq", "linux-masq-range", "compare/death/model=B"};
    it_near n;
    it_near_init(&n, word);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        it_near_try(&n, NAMES[i]);
    return n.best ? n.best : "";
}

static const struct {
    const char *word, *best;
} CASES[] = {
    {"run", "run"},
    {"rnu", "run"},
    {"un", "run"},
    {"runn", "run"},
    {"ran", "run"},
    {"nur", ""},
    {"x", ""},
    {"", ""},
    {"reprot", "report"},
    {"repay", "replay"},
    {"repot", "report"},
    {"linux-msaq", "linux-masq"},
    {"linux-masq-rang", "linux-masq-range"},
    {"compare/deth/model=A", "compare/death/model=B"},
    {"frobnicate", ""},
};

START_TEST(finds_the_nearest)
{
    ck_assert_str_eq(nearest(CASES[_i].word), CASES[_i].best);
}
END_TEST

START_TEST(of_two_equally_near_the_first_stays)
{
    it_near n;
    it_near_init(&n, "bat");
    it_near_try(&n, "cat");
    it_near_try(&n, "hat");
    ck_assert_str_eq(n.best, "cat");
}
END_TEST

START_TEST(what_is_too_long_is_never_near)
{
    static char a[IT_NEAR_MAX + 2], b[IT_NEAR_MAX + 2];
    memset(a, 'a', IT_NEAR_MAX + 1);
    memset(b, 'a', IT_NEAR_MAX + 1);
    it_near n;
    it_near_init(&n, a);
    it_near_try(&n, b);
    ck_assert_ptr_null(n.best);
    a[IT_NEAR_MAX] = b[IT_NEAR_MAX] = '\0';
    it_near_init(&n, a);
    it_near_try(&n, b);
    ck_assert_ptr_eq(n.best, b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/near");
    TCase *c = tcase_create("near");
    tcase_add_loop_test(c, finds_the_nearest, 0, (int)(sizeof CASES / sizeof *CASES));
    tcase_add_test(c, of_two_equally_near_the_first_stays);
    tcase_add_test(c, what_is_too_long_is_never_near);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
