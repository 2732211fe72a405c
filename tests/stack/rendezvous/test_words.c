/* Words of the rendezvous (docs/rendezvous.md). */
#include "stack/rendezvous/words.h"

#include <check.h>
#include <string.h>

static const char *const GOOD[] = {
    "listen bob",
    "listen a b  c",
    "listen b\xc3\xb6"
    "b",
    "leave bob",
    "call 00000000000000ff 60 bob",
    "call 00000000000000ff 0 the name",
    "call 00000000000000ff 3600 x",
    "call 0123456789abcdef",
    "busy 0123456789abcdef",
    "join 0123456789abcdef",
    "listening bob",
    "taken bob",
    "absent 0123456789abcdef",
    "joined 0123456789abcdef",
    "unknown 0123456789abcdef",
    "lost 0123456789abcdef",
    "more 0123456789abcdef\nhalf",
    "say 0123456789abcdef\nof it\nall",
    "say 0123456789abcdef\n",
    "end 0123456789abcdef",
};

START_TEST(what_is_written_is_what_was_read)
{
    it_rendezvous_words w;
    char line[IT_RENDEZVOUS_LINE];
    it_bytes text = it_bytes_str(GOOD[_i]);
    ck_assert_int_eq(it_rendezvous_read(text, &w), 0);
    size_t n = it_rendezvous_line(&w, line);
    ck_assert_uint_eq(n + w.body.n, text.n);
    ck_assert(memcmp(line, text.p, n) == 0);
    ck_assert(w.body.n == 0 || memcmp(w.body.p, text.p + n, w.body.n) == 0);
}
END_TEST

static const char *const BAD[] = {
    "",
    "listen",
    "listen ",
    "Listen bob",
    "listen bob\n",
    "listen \xff",
    "listen \xc2\x85",
    "listen a\tb",
    "call",
    "call 0",
    "call 0123456789abcdeg",
    "call 0123456789ABCDEF",
    "call 0000000000000000 0 bob",
    "call 0123456789abcdef bob",
    "call 0123456789abcdef 3601 bob",
    "call 0123456789abcdef 12345 bob",
    "call 0123456789abcdef 5",
    "call 0123456789abcdef  bob",
    "call 0123456789abcdef 5 bob\nbody",
    "end 0123456789abcdef x",
    "end 0123456789abcdef\n",
    "say 0123456789abcdef",
    "say 0123456789abcdef x\nbody",
    "shout 0123456789abcdef",
};

START_TEST(what_is_none_is_refused)
{
    it_rendezvous_words w;
    ck_assert_msg(it_rendezvous_read(it_bytes_str(BAD[_i]), &w) == IT_ERR_PARSE, "%s", BAD[_i]);
}
END_TEST

START_TEST(a_name_has_64_bytes_at_most)
{
    char name[66];
    memset(name, 'x', sizeof name);
    ck_assert(it_rendezvous_is_name(it_bytes_of(name, 64)));
    ck_assert(!it_rendezvous_is_name(it_bytes_of(name, 65)));
    ck_assert(!it_rendezvous_is_name(it_bytes_of(name, 0)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/rendezvous/words");
    TCase *tc = tcase_create("words");
    tcase_add_loop_test(tc, what_is_written_is_what_was_read, 0, (int)(sizeof GOOD / sizeof *GOOD));
    tcase_add_loop_test(tc, what_is_none_is_refused, 0, (int)(sizeof BAD / sizeof *BAD));
    tcase_add_test(tc, a_name_has_64_bytes_at_most);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
