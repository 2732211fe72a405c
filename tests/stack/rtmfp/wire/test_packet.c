/* stack/rtmfp/wire/packet.c: plain packets, RFC 7016 section 2.2.4. */
#include "stack/rtmfp/wire/packet.h"

#include "tests/stack/rtmfp/kit.h"

START_TEST(every_header_is_read_as_it_was_written)
{
    uint8_t room[8];
    it_buf b;
    it_rd r;
    it_rtmfp_head got, h = {.mode = (enum it_rtmfp_mode)(1 + _i % 3),
                            .tc = _i & 4,
                            .tcr = _i & 8,
                            .has_ts = _i & 16,
                            .has_echo = _i & 32,
                            .ts = 0x1234,
                            .echo = 0xfedc};
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_head_put(&b, &h);
    ck_assert_uint_eq(b.len, it_rtmfp_head_size(&h));
    room[0] |= 0x30; /* reserved */
    ck_assert_int_eq(it_rtmfp_head_get(&r, kit_buf(&b), &got), 0);
    ck_assert(got.mode == h.mode && got.tc == h.tc && got.tcr == h.tcr);
    ck_assert(got.has_ts == h.has_ts && got.has_echo == h.has_echo);
    ck_assert_uint_eq(got.ts, h.has_ts ? h.ts : 0);
    ck_assert_uint_eq(got.echo, h.has_echo ? h.echo : 0);
}
END_TEST

/* RFC 7016 section 2.2.4. */
START_TEST(mode_0_and_a_cut_header_are_refused)
{
    static const char *const BAD[] = {"", "00", "08aaaa", "0b12", "0f1234", "0f1234aa"};
    uint8_t room[8];
    it_rd r;
    it_rtmfp_head h;
    ck_assert_int_eq(it_rtmfp_head_get(&r, kit_hex(room, BAD[_i]), &h), IT_ERR_PARSE);
}
END_TEST

START_TEST(chunks_end_where_one_does_not_fit_and_padding_is_none)
{
    uint8_t room[64];
    it_rd r;
    it_rtmfp_chunk c;
    it_rd_init(&r, kit_hex(room, "01 0002 6162 00 0001 77 ff 0000 41 0000 ff ffff ffff"));
    ck_assert(it_rtmfp_chunk_next(&r, &c) && c.type == IT_RTMFP_PING && c.payload.n == 2);
    ck_assert(it_rtmfp_chunk_next(&r, &c) && c.type == IT_RTMFP_PING_REPLY && c.payload.n == 0);
    ck_assert(!it_rtmfp_chunk_next(&r, &c));
    it_rd_init(&r, kit_hex(room, "01 0003 6162"));
    ck_assert(!it_rtmfp_chunk_next(&r, &c));
    it_rd_init(&r, kit_hex(room, "01 00"));
    ck_assert(!it_rtmfp_chunk_next(&r, &c));
}
END_TEST

START_TEST(a_chunk_that_does_not_fit_can_be_taken_back)
{
    uint8_t room[12];
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    size_t one = it_rtmfp_chunk_begin(&b, IT_RTMFP_PING);
    it_buf_put(&b, "ab", 2);
    it_rtmfp_chunk_end(&b, one);
    size_t two = it_rtmfp_chunk_begin(&b, IT_RTMFP_PING_REPLY);
    it_buf_put(&b, "abcdefgh", 8);
    it_rtmfp_chunk_end(&b, two);
    ck_assert(b.overflow);
    it_rtmfp_chunk_undo(&b, two);
    kit_expect(kit_buf(&b), "01 0002 6162");
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, every_header_is_read_as_it_was_written, 0, 64);
    tcase_add_loop_test(t, mode_0_and_a_cut_header_are_refused, 0, 6);
    tcase_add_test(t, chunks_end_where_one_does_not_fit_and_padding_is_none);
    tcase_add_test(t, a_chunk_that_does_not_fit_can_be_taken_back);
}

int main(void)
{
    return kit_main("rtmfp/wire/packet", add);
}
