/* The lowest layer: alloc, bytes, cksum, err, heap, json, rng, str. Known answers come from the RFCs and reference code
 * named beside them. */
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/cksum.h"
#include "base/err.h"
#include "base/table/heap.h"
#include "base/text/json.h"
#include "base/rng.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;

static void setup(void)
{
    it_alloc_init(&alloc);
}

static void teardown(void)
{
    ck_assert_int_eq(alloc.live, 0);
}

/* --- alloc --- */

START_TEST(the_countdown_grants_so_many_and_no_more)
{
    it_alloc a;
    it_alloc_init_countdown(&a, 2);
    ck_assert_uint_eq(a.refused, 0);
    void *p = it_malloc(&a, 10);
    ck_assert_ptr_nonnull(p);
    void *q = it_realloc(&a, p, 2, 100); /* growing counts */
    ck_assert_ptr_nonnull(q);
    ck_assert_ptr_null(it_malloc(&a, 1));
    ck_assert_ptr_null(it_realloc(&a, q, 3, 100));
    ck_assert_int_eq(a.live, 1);
    it_free(&a, q);
    it_free(&a, NULL);
    ck_assert_int_eq(a.live, 0);
    ck_assert_uint_gt(a.refused, 0);
}
END_TEST

START_TEST(products_that_overflow_are_refused)
{
    ck_assert_ptr_null(it_calloc(&alloc, SIZE_MAX / 2, 3));
    ck_assert_ptr_null(it_realloc(&alloc, NULL, SIZE_MAX / 2, 3));
    uint8_t *z = it_calloc(&alloc, 0, 8), *c = it_calloc(&alloc, 100, 3);
    ck_assert(z && c);
    for (int i = 0; i < 300; i++)
        ck_assert_uint_eq(c[i], 0);
    it_free(&alloc, z);
    it_free(&alloc, c);
}
END_TEST

START_TEST(an_array_grows_by_doubling_and_survives_refusal)
{
    it_alloc a;
    uint32_t *v = NULL;
    size_t cap = 0;
    it_alloc_init_countdown(&a, 2);
    ck_assert_int_eq(it_grow(&a, &v, &cap, 1, sizeof *v), 0);
    ck_assert_uint_eq(cap, 8);
    v[7] = 7;
    ck_assert_int_eq(it_grow(&a, &v, &cap, 8, sizeof *v), 0);
    ck_assert_int_eq(it_grow(&a, &v, &cap, 9, sizeof *v), 0);
    ck_assert_uint_eq(cap, 16);
    uint32_t *was = v;
    ck_assert_int_eq(it_grow(&a, &v, &cap, 17, sizeof *v), IT_ERR_NOMEM);
    ck_assert(v == was && cap == 16 && v[7] == 7);
    ck_assert_int_eq(it_grow(&a, &v, &cap, SIZE_MAX, sizeof *v), IT_ERR_NOMEM);
    it_free(&a, v);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

/* --- bytes --- */

START_TEST(the_writer_stops_for_good_at_the_first_overflow)
{
    uint8_t room[8] = {0};
    it_buf b;
    it_buf_init(&b, room, 7);
    it_buf_u8(&b, 1);
    it_buf_u16(&b, 0x0203);
    it_buf_u32(&b, 0x04050607);
    ck_assert(!b.overflow && b.len == 7);
    it_buf_u8(&b, 9);
    ck_assert(b.overflow && b.len == 7);
    it_buf_put(&b, "", 0);
    ck_assert_mem_eq(room, "\1\2\3\4\5\6\7\0", 8);
    it_buf_init(&b, room, 7);
    it_buf_u64(&b, 1);
    it_buf_u8(&b, 1); /* would fit, but is not reached */
    ck_assert(b.overflow && b.len == 0);
}
END_TEST

START_TEST(the_reader_gives_zeros_behind_the_end)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    it_rd r;
    it_rd_init(&r, it_bytes_of(in, sizeof in));
    ck_assert_uint_eq(it_rd_u8(&r), 1);
    ck_assert_uint_eq(it_rd_u16(&r), 0x0203);
    ck_assert_uint_eq(it_rd_u32(&r), 0x04050607);
    ck_assert_uint_eq(it_rd_u64(&r), 0x08090a0b0c0d0e0fULL);
    ck_assert_uint_eq(it_rd_u16(&r), 0);
    ck_assert(r.fail);
    ck_assert_uint_eq(it_rd_u8(&r), 0); /* the last byte is not given any more */
    ck_assert_ptr_null(it_rd_take(&r, 0).p);
}
END_TEST

/* --- cksum --- */

static uint16_t slow_sum(const uint8_t *p, size_t n)
{
    uint32_t s = 0;
    for (size_t i = 0; i < n; i++)
        s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

/* RFC 1071 section 3: 0001 f203 f4f5 f6f7 adds up to ddf2. */
START_TEST(the_example_of_rfc_1071)
{
    static const uint8_t in[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    ck_assert_uint_eq(it_sum_fold(it_sum_add(0, in, sizeof in)), (uint16_t)~0xddf2);
}
END_TEST

START_TEST(sums_of_any_length_and_place_agree_with_the_definition)
{
    uint8_t in[600];
    it_rng r;
    it_rng_init(&r, 1, "sums");
    it_rng_bytes(&r, in, sizeof in);
    memset(in + 100, 0xff, 200); /* carries */
    for (size_t n = 0; n < 500; n++)
        for (size_t at = 0; at < 9; at++)
            ck_assert_uint_eq(it_sum_fold(it_sum_add(0, in + at, n)), slow_sum(in + at, n));
}
END_TEST

START_TEST(short_sums_agree_with_the_long_one)
{
    uint8_t in[60];
    it_rng r;
    it_rng_init(&r, 2, "sums");
    it_rng_bytes(&r, in, sizeof in);
    memset(in + 20, 0xff, 20);
    for (size_t at = 0; at <= 40; at++) {
        ck_assert_uint_eq(it_sum_fold(it_sum_two(in + at)), slow_sum(in + at, 8));
        ck_assert_uint_eq(it_sum_fold(it_sum_five(in + at)), slow_sum(in + at, 20));
    }
}
END_TEST

/* Words in an odd place, zeros and ones among them, under a checksum that stands in front. */
START_TEST(a_word_that_is_swapped_takes_its_checksum_along)
{
    static const uint32_t EDGES[] = {0, 1, 0xffff, 0x10000, 0xffff0000, 0xffffffff, 0x7f00ff80};
    it_rng r;
    it_rng_init(&r, 3, "swap");
    for (int k = 0; k < 20000; k++) {
        uint8_t b[17];
        it_rng_bytes(&r, b, sizeof b);
        memset(b + 1, 0, 2);
        it_put16(b + 1, slow_sum(b + 1, 16));
        uint32_t v = k % 3 ? (uint32_t)it_rng_u64(&r) : EDGES[k / 3 % 7];
        uint32_t delta = it_swap32(b + 5, v) + it_swap16(b + 11, (uint16_t)(v >> 7));
        it_sum_swap(b + 1, delta);
        ck_assert_uint_eq(it_get32(b + 5), v);
        ck_assert_uint_eq(it_get16(b + 11), (uint16_t)(v >> 7));
        ck_assert_uint_eq(slow_sum(b + 1, 16), 0);
    }
}
END_TEST

/* RFC 1624 section 4: checksum dd2f, a word goes from 5555 to 3285; the right answer is 0000, where eqn. 2 gives ffff.
 */
START_TEST(the_example_of_rfc_1624)
{
    ck_assert_uint_eq(it_cksum_fix16(0xdd2f, 0x5555, 0x3285), 0x0000);
    ck_assert_uint_eq(it_cksum_fix32(0xdd2f, 0x00005555, 0x00003285), 0x0000);
}
END_TEST

/* The check value of CRC-32/ISO-HDLC. */
START_TEST(the_check_value_of_crc_32)
{
    ck_assert_uint_eq(it_crc32("123456789", 9), 0xcbf43926);
    ck_assert_uint_eq(it_crc32("", 0), 0);
}
END_TEST

/* --- err --- */

START_TEST(every_error_has_a_name_and_a_sentence)
{
    for (int e = 0; e >= IT_ERR_OLD; e--) {
        ck_assert_int_eq(strncmp(it_err_name(e), "IT_", 3), 0);
        ck_assert_str_ne(it_err_name(e), "IT_ERR_?");
        ck_assert_str_ne(it_err_str(e), "unknown error");
        for (int f = 0; f > e; f--)
            ck_assert_str_ne(it_err_str(e), it_err_str(f));
    }
    ck_assert_str_eq(it_err_name(1), "IT_ERR_?");
    ck_assert_str_eq(it_err_name(-1000), "IT_ERR_?");
    ck_assert_str_eq(it_err_str(-1000), "unknown error");
}
END_TEST

START_TEST(a_broken_promise_aborts)
{
    IT_ASSERT(1 == 2);
}
END_TEST

/* --- heap --- */

START_TEST(entries_leave_by_time_then_by_sequence)
{
    it_heap h;
    it_rng r;
    uint64_t seq = 0, in = 0, out = 0;
    it_heap_item last = {-1, 0, 0};
    it_heap_init(&h, &alloc);
    it_rng_init(&r, (uint64_t)_i, "heap");
    while (in < 3000 || h.n) {
        uint64_t what = it_rng_below(&r, 3);
        if (in < 3000 && (what > 0 || !h.n)) {
            /* never before what has left: time does not run backwards */
            it_time at = last.time + (it_time)it_rng_below(&r, 5) + (last.time < 0);
            ck_assert_int_eq(it_heap_push(&h, (it_heap_item){at, seq++, in++}), 0);
            continue;
        }
        it_heap_item top = *it_heap_top(&h);
        ck_assert(top.time > last.time || (top.time == last.time && (top.seq > last.seq || out == 0)));
        last = top;
        out++;
        if (what == 0 && in < 3000) {
            it_heap_replace_top(&h, top.time + 1, seq++, in++);
        } else {
            it_heap_pop(&h);
        }
    }
    ck_assert_uint_eq(out, in);
    ck_assert_ptr_null(it_heap_top(&h));
    it_heap_fini(&h);
}
END_TEST

/* --- json --- */

START_TEST(commas_escapes_and_broken_utf_8_are_the_writers_work)
{
    it_str s;
    it_json j;
    it_str_init(&s, &alloc);
    it_json_init(&j, &s);
    it_json_obj(&j, NULL);
    it_json_str(&j, "a", "q\" b\\ n\n t\t r\r c\x01 d\x7f u\xc3\xa4");
    it_json_strn(&j, "bad", "\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82", 12);
    it_json_str(&j, "null", NULL);
    it_json_int(&j, "min", INT64_MIN);
    it_json_bool(&j, "yes", true);
    it_json_hex64(&j, "hex", 0xabc);
    it_json_arr(&j, "list");
    it_json_int(&j, NULL, 1);
    it_json_arr(&j, NULL);
    it_json_end_arr(&j);
    it_json_raw(&j, NULL, "{\"x\":2}");
    it_json_end_arr(&j);
    it_json_end_obj(&j);
    it_json_newline(&j);
    it_json_null(&j, NULL);
    ck_assert_str_eq(
        it_str_c(&s),
        "{\"a\":\"q\\\" b\\\\ n\\n t\\t r\\r c\\u0001 d\\u007f "
        "u\xc3\xa4\",\"bad\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""
        ","
        "\"null\":null,\"min\":-9223372036854775808,\"yes\":true,\"hex\":\"0000000000000abc\",\"list\":[1,[],"
        "{\"x\":2}]}\nnull");
    it_str_fini(&s);
}
END_TEST

/* --- rng --- */

/* The reference code of xoshiro256** from state {1, 2, 3, 4}. */
START_TEST(the_reference_sequence)
{
    static const uint64_t WANT[] = {11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600};
    it_rng r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++)
        ck_assert_uint_eq(it_rng_u64(&r), WANT[i]);
}
END_TEST

START_TEST(streams_differ_by_seed_and_name_and_nothing_else)
{
    it_rng a, b, c, d;
    it_rng_init(&a, 1, "alice/ice");
    it_rng_init(&b, 1, "alice/ice");
    it_rng_init(&c, 2, "alice/ice");
    it_rng_init(&d, 1, "alice/icf");
    uint64_t x = it_rng_u64(&a);
    ck_assert_uint_eq(x, it_rng_u64(&b));
    ck_assert_uint_ne(x, it_rng_u64(&c));
    ck_assert_uint_ne(x, it_rng_u64(&d));
}
END_TEST

START_TEST(draws_are_uniform_and_within_bounds)
{
    it_rng r;
    uint32_t n[7] = {0}, hits = 0;
    it_rng_init(&r, 1, "uniform");
    for (int i = 0; i < 70000; i++) {
        n[it_rng_below(&r, 7)]++;
        int64_t v = it_rng_range(&r, -3, 3);
        ck_assert(v >= -3 && v <= 3);
        hits += it_rng_chance(&r, 100000);
    }
    for (int i = 0; i < 7; i++)
        ck_assert(n[i] > 9600 && n[i] < 10400); /* 4 sigma */
    ck_assert(hits > 6680 && hits < 7320);
    ck_assert_int_eq(it_rng_range(&r, 5, 5), 5);
    (void)it_rng_range(&r, INT64_MIN, INT64_MAX);
    ck_assert(!it_rng_chance(&r, 0) && it_rng_chance(&r, 1000000));
    char text[33];
    it_rng_text(&r, text, 32, "ab");
    ck_assert(strlen(text) == 32 && strspn(text, "ab") == 32);
}
END_TEST

/* 2^64 is no multiple of 2^63 + 1: words below the remainder are drawn again, or small results were twice as likely. */
START_TEST(a_word_that_would_bias_is_drawn_again)
{
    uint64_t n = ((uint64_t)1 << 63) + 1, low = (0 - n) % n, v;
    it_rng r = {{1, 2, 3, 4}}, same = r;
    int again = -1;
    do {
        v = it_rng_u64(&same);
        again++;
    } while (v < low);
    ck_assert_int_gt(again, 3);
    ck_assert_uint_eq(it_rng_below(&r, n), v % n);
    ck_assert_uint_eq(it_rng_u64(&r), it_rng_u64(&same));
}
END_TEST

START_TEST(bytes_are_the_words_in_little_endian_order)
{
    it_rng a, b;
    uint8_t p[13];
    it_rng_init(&a, 1, "x");
    b = a;
    it_rng_bytes(&a, p, sizeof p);
    uint64_t w = it_rng_u64(&b), v = it_rng_u64(&b);
    for (int i = 0; i < 13; i++)
        ck_assert_uint_eq(p[i], (uint8_t)((i < 8 ? w : v) >> (8 * (i % 8))));
}
END_TEST

/* --- str --- */

START_TEST(text_grows_and_keeps_its_first_refusal)
{
    it_alloc a;
    it_str s;
    it_alloc_init_countdown(&a, 1);
    it_str_init(&s, &a);
    ck_assert_str_eq(it_str_c(&s), "");
    it_str_printf(&s, "%d-%s", 5, "x");
    ck_assert_str_eq(it_str_c(&s), "5-x");
    it_str_puts(&s, "0123456789"); /* needs more room */
    ck_assert(s.oom);
    it_str_putc(&s, 'y');
    ck_assert_str_eq(it_str_c(&s), "5-x");
    it_str_clear(&s);
    it_str_putc(&s, 'z');
    ck_assert(!s.oom);
    ck_assert_str_eq(it_str_c(&s), "z");
    it_str_fini(&s);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(printf_of_any_length_is_whole)
{
    it_str s;
    it_str_init(&s, &alloc);
    for (int n = 0; n < 300; n++) {
        it_str_clear(&s);
        it_str_printf(&s, "%*d", n, 7);
        ck_assert_uint_eq(s.n, (size_t)(n ? n : 1));
        ck_assert(it_str_c(&s)[s.n - 1] == '7' && it_str_c(&s)[s.n] == '\0');
    }
    it_str_fini(&s);
}
END_TEST

START_TEST(bytes_are_two_digits_each)
{
    char out[9] = "........";
    ck_assert_str_eq(it_bytes_hex(it_bytes_of("\x00\x0f\xa5\xff", 4), out), "000fa5ff");
    ck_assert_str_eq(it_bytes_hex(it_bytes_of(NULL, 0), out), "");
}
END_TEST

static void group(Suite *s, TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    suite_add_tcase(s, t);
}

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("base/lowest");
    TCase *t = tcase_create("alloc");
    tcase_add_test(t, the_countdown_grants_so_many_and_no_more);
    tcase_add_test(t, products_that_overflow_are_refused);
    tcase_add_test(t, an_array_grows_by_doubling_and_survives_refusal);
    group(s, t);
    t = tcase_create("bytes");
    tcase_add_test(t, the_writer_stops_for_good_at_the_first_overflow);
    tcase_add_test(t, the_reader_gives_zeros_behind_the_end);
    group(s, t);
    t = tcase_create("cksum, RFC 1071, RFC 1624");
    tcase_add_test(t, the_example_of_rfc_1071);
    tcase_add_test(t, sums_of_any_length_and_place_agree_with_the_definition);
    tcase_add_test(t, short_sums_agree_with_the_long_one);
    tcase_add_test(t, a_word_that_is_swapped_takes_its_checksum_along);
    tcase_add_test(t, the_example_of_rfc_1624);
    tcase_add_test(t, the_check_value_of_crc_32);
    group(s, t);
    t = tcase_create("err");
    tcase_add_test(t, every_error_has_a_name_and_a_sentence);
    tcase_add_test_raise_signal(t, a_broken_promise_aborts, 6);
    group(s, t);
    t = tcase_create("heap");
    tcase_add_loop_test(t, entries_leave_by_time_then_by_sequence, 0, 10);
    group(s, t);
    t = tcase_create("json");
    tcase_add_test(t, commas_escapes_and_broken_utf_8_are_the_writers_work);
    group(s, t);
    t = tcase_create("rng");
    tcase_add_test(t, the_reference_sequence);
    tcase_add_test(t, streams_differ_by_seed_and_name_and_nothing_else);
    tcase_add_test(t, draws_are_uniform_and_within_bounds);
    tcase_add_test(t, a_word_that_would_bias_is_drawn_again);
    tcase_add_test(t, bytes_are_the_words_in_little_endian_order);
    group(s, t);
    t = tcase_create("str");
    tcase_add_test(t, text_grows_and_keeps_its_first_refusal);
    tcase_add_test(t, printf_of_any_length_is_whole);
    tcase_add_test(t, bytes_are_two_digits_each);
    group(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
