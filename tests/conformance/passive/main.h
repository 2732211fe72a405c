/* The end of a test program with one case. */
#ifndef IT_TESTS_CONFORMANCE_PASSIVE_MAIN_H
#define IT_TESTS_CONFORMANCE_PASSIVE_MAIN_H

#include <check.h>
#include <stdlib.h>

/* Runs the tests of |c| as suite |name|; what main returns. */
static inline int run_case(const char *name, TCase *c)
{
    Suite *s = suite_create(name);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
