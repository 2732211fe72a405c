/* conformance/interop/known.c: the table of what does not work, and verdicts held against it. */
#include "conformance/interop/known.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_interop_known k;
static char err[IT_INTEROP_KNOWN_ERR];

START_TEST(rows_are_found_by_peer_and_pattern)
{
    static const char TEXT[] =
        "# peer, feature\n\nnice\tdtls-*\tcannot\tno DTLS\nnice\tstun\tfails\told STUN\npion\tconflict-*\tvaries\tx";
    ck_assert_int_eq(it_interop_known_read(&k, "f", TEXT, err), 0);
    ck_assert_uint_eq(k.n, 3);
    ck_assert_str_eq(it_interop_known_of(&k, "nice", "dtls-client")->reason, "no DTLS");
    ck_assert_int_eq(it_interop_known_of(&k, "nice", "stun")->line, 4);
    ck_assert_int_eq(it_interop_known_of(&k, "pion", "conflict-controlled")->kind, IT_INTEROP_KNOWN_VARIES);
    ck_assert_ptr_null(it_interop_known_of(&k, "pion", "stun"));
    ck_assert_ptr_null(it_interop_known_of(&k, "libnice", "stun"));
}
END_TEST

static const struct {
    const char *text, *err;
} WRONG[] = {
    {"a\tstun\tfails\n", "f:1: a line has four fields with tabs between: peer, feature, kind, reason"},
    {"a\tstun\tfails\t\n", "f:1: a line has four fields with tabs between: peer, feature, kind, reason"},
    {"#\na\tstum\tfails\tx\n", "f:2: no feature has such a name"},
    {"a\tstun\tfail\tx\n", "f:1: a kind is cannot, fails or varies"},
    {"a name that is longer than any peer has\tstun\tfails\tx\n", "f:1: a field is too long"},
};

START_TEST(a_mistake_has_its_line)
{
    ck_assert_int_eq(it_interop_known_read(&k, "f", WRONG[_i].text, err), IT_ERR_PARSE);
    ck_assert_str_eq(err, WRONG[_i].err);
}
END_TEST

START_TEST(a_table_has_its_size)
{
    char *text = malloc(200 * 20 + 600);
    text[0] = '\0';
    for (int i = 0; i < IT_INTEROP_KNOWN_MAX; i++)
        strcat(text, "a\tstun\tfails\tx\n");
    ck_assert_int_eq(it_interop_known_read(&k, "f", text, err), 0);
    strcat(text, "a\tstun\tfails\tx\n");
    ck_assert_int_eq(it_interop_known_read(&k, "f", text, err), IT_ERR_PARSE);
    memset(text, 'a', 512);
    text[512] = '\0';
    ck_assert_int_eq(it_interop_known_read(&k, "f", text, err), IT_ERR_PARSE);
    ck_assert_str_eq(err, "f:1: a line is too long");
    free(text);
}
END_TEST

static const struct {
    int kind; /* -1: no row */
    it_interop_verdict v;
    bool expected;
} VERDICTS[] = {
    {-1, IT_INTEROP_PASS, true},
    {-1, IT_INTEROP_FAIL, false},
    {-1, IT_INTEROP_CANNOT, false},
    {-1, IT_INTEROP_SKIP, true},
    {-1, IT_INTEROP_BROKEN, false},
    {IT_INTEROP_KNOWN_CANNOT, IT_INTEROP_CANNOT, true},
    {IT_INTEROP_KNOWN_CANNOT, IT_INTEROP_PASS, false},
    {IT_INTEROP_KNOWN_CANNOT, IT_INTEROP_FAIL, false},
    {IT_INTEROP_KNOWN_FAILS, IT_INTEROP_FAIL, true},
    {IT_INTEROP_KNOWN_FAILS, IT_INTEROP_PASS, false},
    {IT_INTEROP_KNOWN_FAILS, IT_INTEROP_BROKEN, false},
    {IT_INTEROP_KNOWN_VARIES, IT_INTEROP_PASS, true},
    {IT_INTEROP_KNOWN_VARIES, IT_INTEROP_FAIL, true},
    {IT_INTEROP_KNOWN_VARIES, IT_INTEROP_CANNOT, false},
    {IT_INTEROP_KNOWN_VARIES, IT_INTEROP_BROKEN, false},
};

START_TEST(a_verdict_is_as_known_or_not)
{
    it_interop_known_row row = {.kind = VERDICTS[_i].kind < 0 ? 0 : (it_interop_known_kind)VERDICTS[_i].kind};
    const char *why = it_interop_unexpected(VERDICTS[_i].kind < 0 ? NULL : &row, VERDICTS[_i].v);
    ck_assert_int_eq(why == NULL, VERDICTS[_i].expected);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("interop/known");
    TCase *t = tcase_create("known");
    tcase_add_test(t, rows_are_found_by_peer_and_pattern);
    tcase_add_loop_test(t, a_mistake_has_its_line, 0, (int)(sizeof WRONG / sizeof *WRONG));
    tcase_add_test(t, a_table_has_its_size);
    tcase_add_loop_test(t, a_verdict_is_as_known_or_not, 0, (int)(sizeof VERDICTS / sizeof *VERDICTS));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
