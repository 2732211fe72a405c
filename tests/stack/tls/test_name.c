/* Whose certificate it is: names against identifiers. RFC 9525. */
#include "stack/tls/name.h"

#include <check.h>

static const struct {
    const char *presented, *wanted;
    bool match;
} PAIRS[] = {
    {"a.example", "a.example", true},
    {"A.Example", "a.eXAMPLE", true},
    {"a.example", "a.example.", true},
    {"a.example.", "a.example", true},
    {"a.example", "b.example", false},
    {"a.example", "aa.example", false},
    {"example", "a.example", false},
    {"*.example", "a.example", true},
    {"*.EXAMPLE", "a.example", true},
    {"*.example", "a.b.example", false},
    {"*.example", "example", false},
    {"*.example", ".example", false},
    {"*.b.example", "a.b.example", true},
    {"*.b.example", "a.c.example", false},
    /* section 6.3: any other star makes the identifier void */
    {"a*.example", "ab.example", false},
    {"*a.example", "ba.example", false},
    {"a.*.example", "a.b.example", false},
    {"*.*.example", "a.b.example", false},
    {"*", "example", false},
    {"*.", "example", false},
    {"**.example", "a.example", false},
    {"", "", false},
    {".", ".", false},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", true},
};

START_TEST(names_match_as_rfc_9525_says)
{
    ck_assert_int_eq(it_tls_name_matches(it_bytes_str(PAIRS[_i].presented), it_bytes_str(PAIRS[_i].wanted)),
                     PAIRS[_i].match);
}
END_TEST

START_TEST(a_nul_inside_a_name_ends_nothing)
{
    ck_assert(!it_tls_name_matches(it_bytes_of("a.example\0.evil", 15), it_bytes_str("a.example")));
    ck_assert(!it_tls_name_matches(it_bytes_of("*.example\0", 10), it_bytes_str("a.example")));
}
END_TEST

START_TEST(labels_and_names_have_their_sizes)
{
    char label[65], name[260];
    memset(label, 'a', sizeof label);
    ck_assert(it_tls_name_valid(it_bytes_of(label, 63)));
    ck_assert(!it_tls_name_valid(it_bytes_of(label, 64)));
    memset(name, 'a', sizeof name);
    for (size_t i = 2; i < sizeof name; i += 3)
        name[i] = '.';
    ck_assert(it_tls_name_valid(it_bytes_of(name, 254)));
    ck_assert(!it_tls_name_valid(it_bytes_of(name, 257)));
}
END_TEST

START_TEST(what_is_no_label_is_no_name)
{
    static const char *const BAD[] = {"", ".", "a..b", ".a", "a b", "a/b", "\xc3\xa4", "*.a", "a:1"};
    ck_assert(!it_tls_name_valid(it_bytes_str(BAD[_i])));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/tls/name");
    TCase *t = tcase_create("RFC 9525");
    tcase_add_loop_test(t, names_match_as_rfc_9525_says, 0, (int)(sizeof PAIRS / sizeof *PAIRS));
    tcase_add_test(t, a_nul_inside_a_name_ends_nothing);
    tcase_add_test(t, labels_and_names_have_their_sizes);
    tcase_add_loop_test(t, what_is_no_label_is_no_name, 0, 9);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
