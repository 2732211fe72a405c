/* Base64: the vectors of RFC 4648 section 10, both ways, and what is none. */
#include "lab/itp/base64.h"

#include <check.h>

static const struct {
    const char *bytes, *text;
} VECTORS[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\xff\xfb\xef\xbe", "//vvvg=="}};
#define N ((int)(sizeof VECTORS / sizeof *VECTORS))

START_TEST(vectors_are_written_and_read)
{
    it_alloc a;
    it_str s;
    it_alloc_init(&a);
    it_str_init(&s, &a);
    it_base64_write(&s, it_bytes_str(VECTORS[_i].bytes));
    ck_assert_str_eq(it_str_c(&s), VECTORS[_i].text);
    it_str_clear(&s);
    ck_assert_int_eq(it_base64_read(&s, it_bytes_str(VECTORS[_i].text)), 0);
    ck_assert(it_bytes_eq(it_bytes_of(s.p, s.n), it_bytes_str(VECTORS[_i].bytes)));
    it_str_fini(&s);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(what_is_none_is_refused)
{
    static const char *const BAD[] = {"Z",    "Zg",       "Zg=",  "Z===", "====", "Zg==Zg==", "Zm9v\n",
                                      "Zm9-", "Zm 9v===", "Zh==", "Zm9=", "=Zm9", "Zm9vZ"};
    it_alloc a;
    it_str s;
    it_alloc_init(&a);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        it_str_init(&s, &a);
        ck_assert_msg(it_base64_read(&s, it_bytes_str(BAD[i])) == IT_ERR_PARSE, "%s", BAD[i]);
        it_str_fini(&s);
    }
    it_str_init(&s, &a);
    ck_assert_int_eq(it_base64_read(&s, it_bytes_of("Zm9\0", 4)), IT_ERR_PARSE);
    it_str_fini(&s);
}
END_TEST

START_TEST(no_memory_is_told)
{
    it_alloc a;
    it_str s;
    it_alloc_init_countdown(&a, 0);
    it_str_init(&s, &a);
    ck_assert_int_eq(it_base64_read(&s, it_bytes_str("Zm9v")), IT_ERR_NOMEM);
    it_str_fini(&s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/itp/base64");
    TCase *t = tcase_create("RFC 4648");
    tcase_add_loop_test(t, vectors_are_written_and_read, 0, N);
    tcase_add_test(t, what_is_none_is_refused);
    tcase_add_test(t, no_memory_is_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
