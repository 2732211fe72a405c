/* stack/rtmfp/wire/vlu.c: the elementary encodings of RFC 7016 section 2.1. */
#include "stack/rtmfp/wire/vlu.h"

#include "tests/stack/rtmfp/kit.h"

static const struct {
    uint64_t v;
    const char *hex;
} ROWS[] = {{0, "00"},
            {1, "01"},
            {127, "7f"},
            {128, "8100"},
            {300, "822c"},
            {16383, "ff7f"},
            {16384, "818000"},
            {2000001, "fa8901"},
            {UINT32_MAX, "8fffffff7f"},
            {UINT64_MAX, "81ffffffffffffffff7f"}};

START_TEST(a_vlu_is_written_in_its_shortest_form_and_read_back)
{
    uint8_t room[16];
    it_buf b;
    it_rd r;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_vlu_put(&b, ROWS[_i].v);
    kit_expect(kit_buf(&b), ROWS[_i].hex);
    ck_assert_uint_eq(it_rtmfp_vlu_size(ROWS[_i].v), b.len);
    it_rd_init(&r, kit_buf(&b));
    ck_assert_uint_eq(it_rtmfp_vlu_get(&r), ROWS[_i].v);
    ck_assert(!r.fail && r.n == 0);
}
END_TEST

START_TEST(a_longer_form_than_necessary_is_read)
{
    uint8_t room[64];
    it_rd r;
    it_rd_init(&r, kit_hex(room, "8007"));
    ck_assert_uint_eq(it_rtmfp_vlu_get(&r), 7);
    it_rd_init(&r, kit_hex(room, "8080808080808080808080808080808007"));
    ck_assert_uint_eq(it_rtmfp_vlu_get(&r), 7);
    ck_assert(!r.fail);
}
END_TEST

START_TEST(more_than_64_bits_or_a_cut_end_is_a_syntax_error)
{
    static const char *const BAD[] = {"82ffffffffffffffff7f", "ffffffffffffffffffff7f", "", "80", "ffff"};
    uint8_t room[64];
    it_rd r;
    it_rd_init(&r, kit_hex(room, BAD[_i]));
    ck_assert_uint_eq(it_rtmfp_vlu_get(&r), 0);
    ck_assert(r.fail);
}
END_TEST

START_TEST(a_field_is_a_length_and_as_many_bytes)
{
    uint8_t room[16];
    it_buf b;
    it_rd r;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_field_put(&b, it_bytes_str("abc"));
    kit_expect(kit_buf(&b), "03616263");
    it_rd_init(&r, kit_buf(&b));
    ck_assert(it_bytes_eq(it_rtmfp_field_get(&r), it_bytes_str("abc")));
    it_rd_init(&r, it_bytes_of(room, 3));
    ck_assert_ptr_null(it_rtmfp_field_get(&r).p);
    ck_assert(r.fail);
}
END_TEST

/* RFC 7016 section 2.1.3: the length counts the type too. */
START_TEST(an_option_has_a_type_and_a_value_and_a_marker_has_neither)
{
    uint8_t room[64];
    it_buf b;
    it_rd r;
    it_rtmfp_option o;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_option_put(&b, 0x0a, it_bytes_str("rtmfp://localhost/app"));
    it_rtmfp_option_put(&b, 8192, it_bytes_of(NULL, 0));
    it_rtmfp_marker_put(&b);
    kit_expect(kit_buf(&b), "160a72746d66703a2f2f6c6f63616c686f73742f617070 02c000 00");
    it_rd_init(&r, kit_buf(&b));
    ck_assert(it_rtmfp_option_get(&r, &o) && o.type == 0x0a && o.value.n == 21);
    ck_assert(it_rtmfp_option_get(&r, &o) && o.type == 8192 && o.value.n == 0);
    ck_assert(it_rtmfp_option_get(&r, &o) && o.marker);
    ck_assert(!it_rtmfp_option_get(&r, &o) && !r.fail);
}
END_TEST

START_TEST(an_option_that_does_not_fit_is_a_syntax_error)
{
    static const char *const BAD[] = {"0201", "0180", "83"};
    uint8_t room[8];
    it_rd r;
    it_rtmfp_option o;
    it_rd_init(&r, kit_hex(room, BAD[_i]));
    ck_assert(!it_rtmfp_option_get(&r, &o));
    ck_assert(r.fail);
}
END_TEST

START_TEST(a_list_of_options_ends_with_a_marker)
{
    uint8_t room[16];
    it_rd r;
    it_rd_init(&r, kit_hex(room, "0201ff 020a05 00 6162"));
    kit_expect(it_rtmfp_options_get(&r), "0201ff 020a05");
    ck_assert_uint_eq(r.n, 2);
    it_rd_init(&r, kit_hex(room, "00"));
    ck_assert_uint_eq(it_rtmfp_options_get(&r).n, 0);
    ck_assert(!r.fail);
    it_rd_init(&r, kit_hex(room, "0201ff 020a05"));
    it_rtmfp_options_get(&r);
    ck_assert(r.fail);
}
END_TEST

START_TEST(an_address_has_a_family_and_an_origin)
{
    uint8_t room[32];
    it_buf b;
    it_rd r;
    it_rtmfp_addr v4 = {kit_addr("192.0.2.1:50000"), IT_RTMFP_ORIGIN_OBSERVED};
    it_rtmfp_addr v6 = {kit_addr("[2001:db8::2]:50002"), IT_RTMFP_ORIGIN_REPORTED};
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_addr_put(&b, v4);
    kit_expect(kit_buf(&b), "02c0000201c350");
    it_rtmfp_addr_put(&b, v6);
    ck_assert_uint_eq(b.len, 7 + IT_RTMFP_ADDR_MAX);
    room[7] |= 0x7c; /* reserved bits are ignored */
    it_rd_init(&r, kit_buf(&b));
    it_rtmfp_addr a = it_rtmfp_addr_get(&r);
    ck_assert(it_addr_eq(a.addr, v4.addr) && a.origin == v4.origin);
    a = it_rtmfp_addr_get(&r);
    ck_assert(it_addr_eq(a.addr, v6.addr) && a.origin == v6.origin);
    it_rd_init(&r, it_bytes_of(room, 6));
    it_rtmfp_addr_get(&r);
    ck_assert(r.fail);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, a_vlu_is_written_in_its_shortest_form_and_read_back, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, a_longer_form_than_necessary_is_read);
    tcase_add_loop_test(t, more_than_64_bits_or_a_cut_end_is_a_syntax_error, 0, 5);
    tcase_add_test(t, a_field_is_a_length_and_as_many_bytes);
    tcase_add_test(t, an_option_has_a_type_and_a_value_and_a_marker_has_neither);
    tcase_add_loop_test(t, an_option_that_does_not_fit_is_a_syntax_error, 0, 3);
    tcase_add_test(t, a_list_of_options_ends_with_a_marker);
    tcase_add_test(t, an_address_has_a_family_and_an_origin);
}

int main(void)
{
    return kit_main("rtmfp/wire/vlu", add);
}
