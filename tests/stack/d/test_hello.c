/* Hello: what is written is read, and nothing else is. */
#include "stack/d/hello.h"

#include <check.h>
#include <string.h>

static it_hmac_key key;

static it_d_hello sample(void)
{
    it_d_hello h = {.streams = true, .number = 0x0123456789abcdef, .heard = 42};
    for (int i = 0; i < IT_SHA256_SIZE; i++)
        h.print[i] = (uint8_t)i;
    it_d_hello_key(&key, it_bytes_str("0123456789abcdef"), it_bytes_str("secret"));
    return h;
}

START_TEST(what_is_written_is_read)
{
    uint8_t out[IT_D_HELLO_SIZE];
    it_d_hello h = sample(), back;
    h.asks = _i;
    h.streams = !_i;
    it_d_hello_write(&h, &key, out);
    ck_assert(it_d_hello_is(it_bytes_of(out, sizeof out)));
    ck_assert_int_eq(it_d_hello_read(&back, &key, it_bytes_of(out, sizeof out)), 0);
    ck_assert(back.number == h.number && back.heard == h.heard && back.asks == h.asks && back.streams == h.streams);
    ck_assert_mem_eq(back.print, h.print, sizeof h.print);
}
END_TEST

START_TEST(one_bit_makes_it_none)
{
    uint8_t out[IT_D_HELLO_SIZE];
    it_d_hello h = sample(), back;
    it_d_hello_write(&h, &key, out);
    for (size_t bit = 0; bit < 8 * sizeof out; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_lt(it_d_hello_read(&back, &key, it_bytes_of(out, sizeof out)), 0);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(it_d_hello_read(&back, &key, it_bytes_of(out, sizeof out)), 0);
}
END_TEST

START_TEST(another_length_makes_it_none)
{
    uint8_t out[IT_D_HELLO_SIZE + 1] = {0};
    it_d_hello h = sample(), back;
    it_d_hello_write(&h, &key, out);
    for (size_t n = 0; n <= sizeof out; n++)
        ck_assert_int_eq(it_d_hello_read(&back, &key, it_bytes_of(out, n)), n == IT_D_HELLO_SIZE ? 0 : IT_ERR_PARSE);
}
END_TEST

/* The room and the secret are no one text: "ab" and "c" are not "a" and "bc". */
START_TEST(another_room_or_secret_is_another_key)
{
    static const char *const OTHERS[][2] = {{"0123456789abcdef", "secreT"},
                                            {"0123456789abcdeF", "secret"},
                                            {"0123456789abcdefs", "ecret"},
                                            {"0123456789abcdef", ""}};
    uint8_t out[IT_D_HELLO_SIZE];
    it_d_hello h = sample(), back;
    it_hmac_key other;
    it_d_hello_write(&h, &key, out);
    it_d_hello_key(&other, it_bytes_str(OTHERS[_i][0]), it_bytes_str(OTHERS[_i][1]));
    ck_assert_int_eq(it_d_hello_read(&back, &other, it_bytes_of(out, sizeof out)), IT_ERR_AUTH);
}
END_TEST

START_TEST(nobody_has_the_number_0)
{
    uint8_t out[IT_D_HELLO_SIZE];
    it_d_hello h = sample(), back;
    h.number = 0;
    it_d_hello_write(&h, &key, out);
    ck_assert_int_eq(it_d_hello_read(&back, &key, it_bytes_of(out, sizeof out)), IT_ERR_PARSE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/d/hello");
    TCase *t = tcase_create("hello");
    tcase_add_loop_test(t, what_is_written_is_read, 0, 2);
    tcase_add_test(t, one_bit_makes_it_none);
    tcase_add_test(t, another_length_makes_it_none);
    tcase_add_loop_test(t, another_room_or_secret_is_another_key, 0, 4);
    tcase_add_test(t, nobody_has_the_number_0);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
