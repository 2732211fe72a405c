/* Targets and messages of a relay. */
#include "stack/wsrelay/wire.h"

#include <check.h>

START_TEST(targets_are_a_room_and_a_name)
{
    static const struct {
        const char *target;
        int err;
    } ALL[] = {{"/relay/0123456789abcdef/alice", 0},
               {"/relay/0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmno/a", 0},
               {"/relay/0123456789abcde/alice", IT_ERR_PARSE},
               {"/relay/0123456789abcdef/", IT_ERR_PARSE},
               {"/relay/0123456789abcdef", IT_ERR_PARSE},
               {"/relay/0123456789abcd f/a", IT_ERR_PARSE},
               {"/relay/0123456789abcdef/a?b", IT_ERR_PARSE},
               {"/relay/0123456789abcdef/abcdefghijklmnopqrstuvwxyz0123456", IT_ERR_PARSE},
               {"/Relay/0123456789abcdef/a", IT_ERR_PARSE},
               {"", IT_ERR_PARSE}};
    it_bytes room, name;
    ck_assert_int_eq(it_wsrelay_target_read(it_bytes_str(ALL[_i].target), &room, &name), ALL[_i].err);
}
END_TEST

START_TEST(messages_are_read_as_they_were_written)
{
    static const it_wsrelay_frame ALL[] = {{.type = IT_WSRELAY_DATA, .data = {(const uint8_t *)"xyz", 3}},
                                           {.type = IT_WSRELAY_DATA},
                                           {.type = IT_WSRELAY_HERE},
                                           {.type = IT_WSRELAY_GONE},
                                           {.type = IT_WSRELAY_LOST, .lost = 0x12345678}};
    uint8_t out[IT_WSRELAY_FRAME];
    it_wsrelay_frame back;
    int n = it_wsrelay_frame_write(&ALL[_i], out);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(it_wsrelay_frame_read(it_bytes_of(out, (size_t)n), &back), 0);
    ck_assert_int_eq(back.type, ALL[_i].type);
    ck_assert(it_bytes_eq(back.data, ALL[_i].data));
    ck_assert_uint_eq(back.lost, ALL[_i].lost);
}
END_TEST

START_TEST(what_is_no_message_is_refused)
{
    static const struct {
        const char *bytes;
        size_t n;
    } BAD[] = {{"", 0}, {"\x04", 1}, {"\x01x", 2}, {"\x02x", 2}, {"\x03\0\0\0", 4}, {"\x03\0\0\0\0\0", 6}, {"\xff", 1}};
    it_wsrelay_frame f;
    ck_assert_int_eq(it_wsrelay_frame_read(it_bytes_of(BAD[_i].bytes, BAD[_i].n), &f), IT_ERR_PARSE);
}
END_TEST

START_TEST(datagrams_have_a_largest_size)
{
    static uint8_t big[IT_WSRELAY_DATAGRAM + 2], out[IT_WSRELAY_FRAME];
    it_wsrelay_frame f = {.type = IT_WSRELAY_DATA, .data = {big, IT_WSRELAY_DATAGRAM}};
    ck_assert_int_eq(it_wsrelay_frame_write(&f, out), IT_WSRELAY_FRAME);
    f.data.n++;
    ck_assert_int_eq(it_wsrelay_frame_write(&f, out), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_wsrelay_frame_read(it_bytes_of(big, IT_WSRELAY_FRAME), &f), 0);
    ck_assert_int_eq(it_wsrelay_frame_read(it_bytes_of(big, IT_WSRELAY_FRAME + 1), &f), IT_ERR_PARSE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/wsrelay/wire");
    TCase *t = tcase_create("wire");
    tcase_add_loop_test(t, targets_are_a_room_and_a_name, 0, 10);
    tcase_add_loop_test(t, messages_are_read_as_they_were_written, 0, 5);
    tcase_add_loop_test(t, what_is_no_message_is_refused, 0, 7);
    tcase_add_test(t, datagrams_have_a_largest_size);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
