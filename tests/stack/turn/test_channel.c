/* ChannelData and demultiplexing (RFC 8656 section 12, RFC 7983 section 7). */
#include "stack/turn/channel.h"

#include <check.h>

START_TEST(the_first_byte_tells_what_a_message_is)
{
    uint8_t b = (uint8_t)_i;
    enum it_turn_message want = IT_TURN_MESSAGE_OTHER;
    if (b <= 3)
        want = IT_TURN_MESSAGE_STUN;
    else if (b >= 64 && b <= 79)
        want = IT_TURN_MESSAGE_CHANNEL;
    ck_assert_int_eq(it_turn_message_kind(it_bytes_of(&b, 1)), want);
}
END_TEST

START_TEST(with_rfc_5766_channels_go_up_to_0x7fff)
{
    uint8_t b[8] = {(uint8_t)_i, 0, 0, 1, 'x'};
    uint16_t number;
    it_bytes data;
    enum it_turn_message want = it_turn_message_kind(it_bytes_of(b, 5));
    if (_i >= 64 && _i <= 127)
        want = IT_TURN_MESSAGE_CHANNEL;
    ck_assert_int_eq(it_turn_message_kind_5766(it_bytes_of(b, 5)), want);
    int err = it_turn_channel_read_5766(it_bytes_of(b, 5), &number, &data);
    ck_assert_int_eq(err, want == IT_TURN_MESSAGE_CHANNEL ? 0 : IT_ERR_PARSE);
}
END_TEST

START_TEST(nothing_is_no_message)
{
    ck_assert_int_eq(it_turn_message_kind(it_bytes_of(NULL, 0)), IT_TURN_MESSAGE_OTHER);
}
END_TEST

START_TEST(numbers_from_0x4000_to_0x4fff_can_be_bound)
{
    ck_assert(!it_turn_channel_valid(0x3fff));
    ck_assert(it_turn_channel_valid(0x4000));
    ck_assert(it_turn_channel_valid(0x4fff));
    ck_assert(!it_turn_channel_valid(0x5000));
    ck_assert(!it_turn_channel_valid(0x14000));
}
END_TEST

START_TEST(what_is_written_is_read)
{
    uint8_t b[16] = "....hello";
    uint16_t number;
    it_bytes data;
    it_turn_channel_head(b, 0x4abc, 5);
    ck_assert_int_eq(it_turn_channel_read(it_bytes_of(b, 9), &number, &data), 0);
    ck_assert_uint_eq(number, 0x4abc);
    ck_assert(it_bytes_eq(data, it_bytes_str("hello")));
    ck_assert_int_eq(it_turn_channel_read(it_bytes_of(b, 12), &number, &data), 0); /* padding */
    ck_assert_uint_eq(data.n, 5);
    for (size_t n = 0; n < 9; n++)
        ck_assert_int_eq(it_turn_channel_read(it_bytes_of(b, n), &number, &data), IT_ERR_PARSE);
    it_turn_channel_head(b, 0x5000, 5);
    ck_assert_int_eq(it_turn_channel_read(it_bytes_of(b, 9), &number, &data), IT_ERR_PARSE);
    it_turn_channel_head(b, 0x4000, 0);
    ck_assert_int_eq(it_turn_channel_read(it_bytes_of(b, 4), &number, &data), 0);
    ck_assert_uint_eq(data.n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/turn/channel");
    TCase *tc = tcase_create("RFC 8656 section 12");
    SRunner *sr;
    int failed;
    tcase_add_loop_test(tc, the_first_byte_tells_what_a_message_is, 0, 256);
    tcase_add_loop_test(tc, with_rfc_5766_channels_go_up_to_0x7fff, 0, 256);
    tcase_add_test(tc, nothing_is_no_message);
    tcase_add_test(tc, numbers_from_0x4000_to_0x4fff_can_be_bound);
    tcase_add_test(tc, what_is_written_is_read);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
