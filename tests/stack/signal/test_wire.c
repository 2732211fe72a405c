/* stack/signal/wire.c: records, names, data. */
#include "stack/signal/wire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(good_records_are_read)
{
    it_signal_record r;
    ck_assert_int_eq(
        it_signal_read(it_bytes_str(" { \"to\" : \"bob\", \"id\":7 ,\"data\":\"a\\\"b\",\"x\":null} "), &r), 0);
    ck_assert_uint_eq(r.has, IT_SIGNAL_TO | IT_SIGNAL_ID | IT_SIGNAL_DATA);
    ck_assert(it_bytes_eq(r.to, it_bytes_str("bob")));
    ck_assert_uint_eq(r.id, 7);
    ck_assert_int_eq(it_signal_read(it_bytes_str("{}"), &r), 0);
    ck_assert_uint_eq(r.has, 0);
}
END_TEST

START_TEST(bad_records_are_not)
{
    static const char *const BAD[] = {"",
                                      "{",
                                      "[]",
                                      "{\"to\":\"b b\"}",
                                      "{\"id\":-1}",
                                      "{\"id\":1.5}",
                                      "{\"id\":\"1\"}",
                                      "{\"id\":01}",
                                      "{\"to\":1}",
                                      "{\"to\":\"\"}",
                                      "{\"a\":{}}",
                                      "{\"a\":[1]}",
                                      "{\"id\":1,}",
                                      "{\"id\":1} x",
                                      "{\"id\":1,\"id\":2}",
                                      "{\"data\":\"a\",\"base64\":\"YQ==\"}",
                                      "{\"a\":tru}",
                                      "{\"a\" 1}",
                                      "{\"data\":\"a\nb\"}",
                                      "{\"data\":\"a",
                                      "{\"id\":9999999999999999999}"};
    it_signal_record r;
    ck_assert_msg(it_signal_read(it_bytes_str(BAD[_i]), &r) == IT_ERR_PARSE, "%s", BAD[_i]);
}
END_TEST
enum { BADS = 21 };

static int decode(const char *data, uint8_t *out, size_t cap)
{
    it_signal_record r = {.has = IT_SIGNAL_DATA, .data = it_bytes_str(data)};
    return it_signal_decode(&r, out, cap);
}

START_TEST(escapes_are_read)
{
    uint8_t out[32];
    ck_assert_int_eq(decode("\\u00e9\\n\\ud83d\\ude00\\/", out, sizeof out), 8);
    ck_assert_mem_eq(out, "\xc3\xa9\n\xf0\x9f\x98\x80/", 8);
    ck_assert_int_eq(decode("\\ud83d", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("\\ude00", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("\\x", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("\\u12g4", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("\xff", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("\xc0\x80", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("\xed\xa0\x80", out, sizeof out), IT_ERR_PARSE);
    ck_assert_int_eq(decode("abc", out, 2), IT_ERR_TOOBIG);
}
END_TEST

START_TEST(any_bytes_come_back)
{
    it_alloc a;
    it_str s;
    it_alloc_init(&a);
    for (unsigned k = 0; k < 70000; k += 7) {
        uint8_t raw[5] = {(uint8_t)k, (uint8_t)(k >> 8), (uint8_t)(k * 31), 'x', (uint8_t)(k >> 3)}, out[8];
        it_signal_record r;
        it_str_init(&s, &a);
        it_str_puts(&s, "{");
        it_signal_write_data(&s, it_bytes_of(raw, k % 6 % 5 + 1));
        it_str_puts(&s, "}");
        ck_assert_int_eq(it_signal_read(it_bytes_of(s.p, s.n), &r), 0);
        ck_assert_int_eq(it_signal_decode(&r, out, sizeof out), (int)(k % 6 % 5 + 1));
        ck_assert_mem_eq(out, raw, k % 6 % 5 + 1);
        it_str_fini(&s);
    }
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(queries_are_read)
{
    it_signal_who w;
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/p?box=bob&key=k&run=r&seen=8&hold=25&more=x"), &w), 0);
    ck_assert(it_bytes_eq(w.box, it_bytes_str("bob")) && w.seen == 8 && w.hold == 25);
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/p"), &w), IT_ERR_PARSE);
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/?box=&key=k"), &w), IT_ERR_PARSE);
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/?box=a/b&key=k"), &w), IT_ERR_PARSE);
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/?box=a&key=k&hold=12345678901234567890123"), &w), 0);
    ck_assert_uint_eq(w.hold, UINT64_MAX); /* as much as is granted */
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/?box=a&key=k&hold=1234567890123456789012x"), &w), IT_ERR_PARSE);
    ck_assert_int_eq(it_signal_read_who(it_bytes_str("/?box=a&key=k&hold=-1"), &w), IT_ERR_PARSE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("signal_wire");
    TCase *t = tcase_create("wire");
    tcase_add_test(t, good_records_are_read);
    tcase_add_loop_test(t, bad_records_are_not, 0, BADS);
    tcase_add_test(t, escapes_are_read);
    tcase_add_test(t, any_bytes_come_back);
    tcase_add_test(t, queries_are_read);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
