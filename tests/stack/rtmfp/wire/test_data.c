/* stack/rtmfp/wire/data.c: payloads of flows, RFC 7016 sections 2.3.11 to 2.3.16. */
#include "stack/rtmfp/wire/chunk.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[512];

START_TEST(user_data_is_that_of_the_known_answer)
{
    uint8_t meta[8];
    it_buf b;
    it_rd r;
    it_rtmfp_head h = {.mode = IT_RTMFP_BY_INITIATOR, .has_ts = true, .ts = 0x0203};
    it_rtmfp_chunk c;
    it_rtmfp_data got, d = {.flow = 2, .seq = 1, .fsn = 0, .has_options = true, .data = it_bytes_str("hello")};
    d.options = kit_hex(meta, "050054430400");
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_head_put(&b, &h);
    it_rtmfp_data_put(&b, &d, false);
    kit_expect(kit_buf(&b), "090203100010800201010500544304000068656c6c6f");
    ck_assert_int_eq(it_rtmfp_head_get(&r, kit_buf(&b), &h), 0);
    ck_assert(it_rtmfp_chunk_next(&r, &c) && c.type == IT_RTMFP_USER_DATA);
    ck_assert(it_rtmfp_data_get(c.payload, &got));
    ck_assert(got.part == IT_RTMFP_WHOLE && !got.abandoned && !got.final && got.has_options);
    ck_assert(got.flow == 2 && got.seq == 1 && got.fsn == 0);
    ck_assert(it_bytes_eq(got.options, d.options) && it_bytes_eq(got.data, d.data));
}
END_TEST

START_TEST(next_user_data_is_of_the_same_flow_and_the_next_number)
{
    it_buf b;
    it_rd r;
    it_rtmfp_chunk c;
    it_rtmfp_data got, d = {.flow = 300, .seq = 20, .fsn = 7, .part = IT_RTMFP_BEGIN, .data = it_bytes_str("a")};
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_data_put(&b, &d, false);
    d.part = IT_RTMFP_END;
    d.final = true;
    it_rtmfp_data_put(&b, &d, true);
    it_rd_init(&r, kit_buf(&b));
    ck_assert(it_rtmfp_chunk_next(&r, &c) && it_rtmfp_data_get(c.payload, &got) && got.part == IT_RTMFP_BEGIN);
    ck_assert(it_rtmfp_chunk_next(&r, &c) && c.type == IT_RTMFP_NEXT_USER_DATA);
    ck_assert_uint_eq(c.payload.n, 2);
    ck_assert(it_rtmfp_next_data_get(c.payload, &got));
    ck_assert(got.flow == 300 && got.seq == 21 && got.fsn == 7 && got.final && got.part == IT_RTMFP_END);
}
END_TEST

/* RFC 7016 section 2.3.11: neither must be sent. */
START_TEST(numbers_that_must_not_be_sent_void_the_chunk)
{
    it_rtmfp_data d;
    ck_assert(!it_rtmfp_data_get(it_bytes_of("\x00\x02\x00\x00", 4), &d)); /* sequence number 0 */
    ck_assert(!it_rtmfp_data_get(it_bytes_of("\x00\x02\x03\x04", 4), &d)); /* an offset beyond it */
    ck_assert(!it_rtmfp_data_get(it_bytes_of("\x00\x02\x03\x00", 4), &d)); /* offset 0 */
    ck_assert(it_rtmfp_data_get(it_bytes_of("\x02\x02\x03\x00", 4), &d));  /* which an abandoned one may have */
    ck_assert(d.fsn == 3 && d.abandoned);
}
END_TEST

/* RFC 7016 section 2.3.11: MUST be ignored. */
START_TEST(what_is_abandoned_has_no_data)
{
    it_rtmfp_data d;
    ck_assert(it_rtmfp_data_get(it_bytes_of("\x02\x02\x03\x01xyz", 7), &d));
    ck_assert_uint_eq(d.data.n, 0);
}
END_TEST

START_TEST(options_without_an_end_void_the_chunk)
{
    it_rtmfp_data d;
    ck_assert(!it_rtmfp_data_get(it_bytes_of("\x80\x02\x03\x01\x02\x00\x61", 7), &d));
}
END_TEST

/* The ranges of |type|'s |hex| as text, "3-5 7-7". */
static const char *ranges(uint8_t type, const char *hex, it_rtmfp_ack *a)
{
    static char text[256];
    uint64_t from, to;
    size_t n = 0;
    text[0] = 0;
    ck_assert(it_rtmfp_ack_get(type, kit_hex(room, hex), a));
    while (it_rtmfp_ack_next(a, &from, &to))
        n += (size_t)snprintf(text + n, sizeof text - n, n ? " %llu-%llu" : "%llu-%llu", (unsigned long long)from,
                              (unsigned long long)to);
    return text;
}

/* The example of RFC 7016 section 2.3.13: 0 to 16, 18, 21 to 24, 27, 28. */
START_TEST(a_bitmap_begins_two_above_what_is_cumulative)
{
    it_rtmfp_ack a;
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_BITMAP, "05 7f 10 79 06", &a), "18-18 21-21 22-22 23-23 24-24 27-27 28-28");
    ck_assert(a.flow == 5 && a.blocks == 127 && a.cum == 16);
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_BITMAP, "05 7f 10", &a), "");
}
END_TEST

/* That of section 2.3.14, and a last pair that is cut. */
START_TEST(ranges_hold_as_far_as_they_are_whole)
{
    it_rtmfp_ack a;
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_RANGES, "05 7f 10 00 00 01 03", &a), "18-18 21-24");
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_RANGES, "05 7f 10 00 00 01 83", &a), "18-18");
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_RANGES, "05 7f 10 00 00 01", &a), "18-18");
}
END_TEST

START_TEST(ranges_beyond_64_bits_are_none)
{
    it_rtmfp_ack a;
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_RANGES, "05 7f 10 81ffffffffffffffff7f 00", &a), "");
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_RANGES, "05 7f 10 00 81ffffffffffffffff7f", &a), "");
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_RANGES, "05 7f 81ffffffffffffffff7f 00 00", &a), "");
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_BITMAP, "05 7f 81ffffffffffffffff7f ff ff", &a), "");
    ck_assert_str_eq(ranges(IT_RTMFP_ACK_BITMAP, "05 7f 81ffffffffffffffff7d ff ff", &a),
                     "18446744073709551615-18446744073709551615");
}
END_TEST

START_TEST(an_acknowledgment_is_read_as_it_was_written)
{
    it_buf b;
    uint8_t out[64];
    it_buf_init(&b, out, sizeof out);
    size_t at = it_rtmfp_ack_put(&b, 5, 127, 16);
    it_rtmfp_ack_range_put(&b, 16, 18, 18);
    it_rtmfp_ack_range_put(&b, 18, 21, 24);
    it_rtmfp_chunk_end(&b, at);
    kit_expect(kit_buf(&b), "51 0007 05 7f 10 00 00 01 03");
}
END_TEST

START_TEST(probes_and_exceptions_are_read_as_they_were_written)
{
    it_buf b;
    uint8_t out[64];
    it_rtmfp_exception e;
    it_buf_init(&b, out, sizeof out);
    it_rtmfp_probe_put(&b, 300);
    it_rtmfp_exception_put(&b, 300, 7);
    kit_expect(kit_buf(&b), "18 0002 822c 5e 0003 822c 07");
    ck_assert(it_rtmfp_exception_get(it_bytes_of(out + 8, 3), &e) && e.flow == 300 && e.code == 7);
    ck_assert(!it_rtmfp_exception_get(it_bytes_of(out + 8, 2), &e));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, user_data_is_that_of_the_known_answer);
    tcase_add_test(t, next_user_data_is_of_the_same_flow_and_the_next_number);
    tcase_add_test(t, numbers_that_must_not_be_sent_void_the_chunk);
    tcase_add_test(t, what_is_abandoned_has_no_data);
    tcase_add_test(t, options_without_an_end_void_the_chunk);
    tcase_add_test(t, a_bitmap_begins_two_above_what_is_cumulative);
    tcase_add_test(t, ranges_hold_as_far_as_they_are_whole);
    tcase_add_test(t, ranges_beyond_64_bits_are_none);
    tcase_add_test(t, an_acknowledgment_is_read_as_it_was_written);
    tcase_add_test(t, probes_and_exceptions_are_read_as_they_were_written);
}

int main(void)
{
    return kit_main("rtmfp/wire/data", add);
}
