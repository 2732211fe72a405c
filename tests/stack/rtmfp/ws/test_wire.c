/* stack/rtmfp/ws/wire.c */
#include "stack/rtmfp/ws/wire.h"
#include "tests/stack/rtmfp/kit.h"

static enum it_rtws_read reads(const char *hex, it_rtws_msg *m)
{
    static uint8_t room[256];
    return it_rtws_get(kit_hex(room, hex), m);
}

static const struct {
    const char *hex;
    it_rtws_msg m;
    const char *data;
} ALL[] = {
    {"01", {.type = IT_RTWS_PING}, ""},
    {"01 6869", {.type = IT_RTWS_PING}, "hi"},
    {"41 6869", {.type = IT_RTWS_PING_REPLY}, "hi"},
    {"0a 9570", {.type = IT_RTWS_ACK_WINDOW, .count = 2800}, ""},
    {"10 05 544304", {.type = IT_RTWS_OPEN, .flow = 5}, "TC\4"},
    {"10 00", {.type = IT_RTWS_OPEN}, ""},
    {"30 8100 07 6d", {.type = IT_RTWS_OPEN_RETURN, .flow = 128, .associated = 7}, "m"},
    {"3d 05 6162", {.type = IT_RTWS_MORE, .flow = 5}, "ab"},
    {"1d 05", {.type = IT_RTWS_LAST, .flow = 5}, ""},
    {"1d 81ffffffffffffffff7f 61", {.type = IT_RTWS_LAST, .flow = UINT64_MAX}, "a"},
    {"1a 05", {.type = IT_RTWS_ABANDON, .flow = 5}, ""},
    {"1a 05 02", {.type = IT_RTWS_ABANDON, .flow = 5, .count = 2}, ""},
    {"1c 05", {.type = IT_RTWS_CLOSE, .flow = 5}, ""},
    {"5a 05 822c ffff7f", {.type = IT_RTWS_ACK, .flow = 5, .count = 300, .buffer = 2097151}, ""},
    {"5c 05", {.type = IT_RTWS_CLOSE_ACK, .flow = 5}, ""},
    {"5e 05", {.type = IT_RTWS_EXCEPTION, .flow = 5}, ""},
    {"5e 05 03", {.type = IT_RTWS_EXCEPTION, .flow = 5, .code = 3}, ""},
    {"5e 05 00 6e6f", {.type = IT_RTWS_EXCEPTION, .flow = 5}, "no"},
};

START_TEST(every_message_is_read_and_written_the_same)
{
    uint8_t room[256];
    it_rtws_msg m, want = ALL[_i].m;
    it_buf b;
    ck_assert_int_eq(reads(ALL[_i].hex, &m), IT_RTWS_READ);
    ck_assert_int_eq(m.type, want.type);
    ck_assert_uint_eq(m.flow, want.flow);
    ck_assert_uint_eq(m.associated, want.associated);
    ck_assert_uint_eq(m.count, want.count);
    ck_assert_uint_eq(m.buffer, want.buffer);
    ck_assert_uint_eq(m.code, want.code);
    ck_assert(it_bytes_eq(m.data, it_bytes_str(ALL[_i].data)));
    it_buf_init(&b, room, sizeof room);
    it_rtws_put(&b, &m);
    kit_expect(kit_buf(&b), ALL[_i].hex);
}
END_TEST

START_TEST(what_is_unknown_or_empty_is_ignored)
{
    static const char *const SOME[] = {"", "00", "02 01", "ff", "11 05 61"};
    it_rtws_msg m;
    for (size_t i = 0; i < sizeof SOME / sizeof *SOME; i++)
        ck_assert_int_eq(reads(SOME[i], &m), IT_RTWS_IGNORE);
}
END_TEST

/* Every integer that has to be there, missing, cut, and of more than 64 bits. */
START_TEST(a_field_that_is_cut_or_too_large_breaks)
{
    static const char *const SOME[] = {"0a",
                                       "0a 80",
                                       "10",
                                       "10 81",
                                       "30",
                                       "30 05",
                                       "30 05 81",
                                       "3d",
                                       "3d 80",
                                       "1d",
                                       "1a",
                                       "1a 05 81",
                                       "1c",
                                       "1c ff",
                                       "5a",
                                       "5a 05",
                                       "5a 05 01",
                                       "5a 05 01 81",
                                       "5c",
                                       "5e",
                                       "5e 05 81",
                                       "1c 83ffffffffffffffff7f",
                                       "5e 05 ffffffffffffffffffff7f"};
    it_rtws_msg m;
    for (size_t i = 0; i < sizeof SOME / sizeof *SOME; i++)
        ck_assert_int_eq(reads(SOME[i], &m), IT_RTWS_BROKEN);
}
END_TEST

START_TEST(longer_integers_than_needed_and_bytes_behind_fields_are_taken)
{
    it_rtws_msg m;
    ck_assert_int_eq(reads("1c 8005 616263", &m), IT_RTWS_READ);
    ck_assert_uint_eq(m.flow, 5);
    ck_assert_uint_eq(m.data.n, 0);
    ck_assert_int_eq(reads("5a 05 01 02 03", &m), IT_RTWS_READ);
    ck_assert_uint_eq(m.buffer, 2);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, every_message_is_read_and_written_the_same, 0, sizeof ALL / sizeof *ALL);
    tcase_add_test(t, what_is_unknown_or_empty_is_ignored);
    tcase_add_test(t, a_field_that_is_cut_or_too_large_breaks);
    tcase_add_test(t, longer_integers_than_needed_and_bytes_behind_fields_are_taken);
}

int main(void)
{
    return kit_main("rtmfp/ws/wire", add);
}
