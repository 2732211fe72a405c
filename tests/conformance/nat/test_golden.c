/* What the catalogue says of some profiles, to the letter: every field as declared and as measured, every verdict and
 * the sentence that gives its reason. Judges say what they saw, so a judge that looks elsewhere says something else,
 * even where its verdict is the same. `make golden` writes the files anew. */
#include "conformance/nat/table.h"
#include "lab/profile/profile.h"
#include "tests/golden.h"

/* Each family of boxes, and all kinds of mapping, filtering, choice of ports and pool. */
static const char *const PROFILES[] = {"port-cone",          "linux-masq",    "cgn-eif-pba",
                                       "cgn-symmetric-cell", "symmetric-seq", "nat64"};

static bool known(void *self, const char *name)
{
    return it_profiles_box(self, name) != NULL;
}

START_TEST(a_profile_is_told_as_it_was)
{
    char err[IT_PROFILE_ERR], why[IT_REQ_WHY], path[128];
    it_alloc alloc;
    it_expect e;
    it_str out;
    it_alloc_init(&alloc);
    it_profiles *profiles = it_profiles_builtin(&alloc, err);
    ck_assert_ptr_nonnull(profiles);
    const it_profile *p = it_profiles_box(profiles, PROFILES[_i]);
    ck_assert_ptr_nonnull(p);
    ck_assert_msg(it_expect_load(&e, it_expect_builtin(), known, profiles, why) == 0, "%s", why);
    it_nat_result *r = malloc(sizeof *r);
    ck_assert_int_eq(it_nat_examine(r, &alloc, PROFILES[_i], &p->u.nat, &e, 1), 0);
    it_str_init(&out, &alloc);
    it_nat_heading(&out);
    it_nat_line(&out, r);
    it_nat_details(&out, r);
    it_nat_json(&out, r);
    it_str_putc(&out, '\n');
    snprintf(path, sizeof path, "tests/conformance/nat/golden/%s.txt", PROFILES[_i]);
    ck_assert_golden(path, it_str_c(&out));
    it_str_fini(&out);
    free(r);
    it_profiles_free(profiles);
    ck_assert_int_eq(alloc.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conformance/nat/golden");
    TCase *t = tcase_create("golden");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_profile_is_told_as_it_was, 0, sizeof PROFILES / sizeof *PROFILES);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
