/* stack/stream/stream.c: what one end of a byte stream puts out, and when. */
#include "stack/stream/stream.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_stream s;
static it_io out;
static uint8_t buf[1000];

static void setup(void)
{
    memset(&s, 0, sizeof s);
}

static void tell(enum it_io_kind kind, size_t room)
{
    it_stream_input(&s, &(it_io){.kind = kind, .flow = 7, .remote = {{0, 1}, 80}, .data = {NULL, room}});
}

/* The next thing that goes out is |kind|. */
static void puts_out(enum it_io_kind kind)
{
    ck_assert_int_eq(it_stream_output(&s, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
    ck_assert_uint_eq(out.flow, 7);
}

static void puts_out_data(const char *text)
{
    puts_out(IT_IO_DATA);
    ck_assert(it_bytes_eq(out.data, it_bytes_str(text)));
}

static void puts_out_nothing(void)
{
    ck_assert_int_eq(it_stream_output(&s, &out, buf, sizeof buf), 0);
}

static void open_it(size_t room)
{
    it_stream_open(&s, 7, (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    puts_out(IT_IO_OPEN);
    tell(IT_IO_OPENED, room);
}

START_TEST(it_opens_once_and_sends_what_was_written_before)
{
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("early")), 5);
    puts_out_nothing();
    ck_assert(!it_stream_alive(&s));
    it_stream_open(&s, 7, (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    ck_assert(it_stream_alive(&s));
    puts_out(IT_IO_OPEN);
    ck_assert_int_eq(out.remote.port, 80);
    puts_out_nothing();
    tell(IT_IO_OPENED, 100);
    puts_out_data("early");
    puts_out_nothing();
}
END_TEST

START_TEST(no_more_goes_out_than_the_transport_grants)
{
    open_it(4);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("abcdefg")), 7);
    puts_out_data("abcd");
    puts_out_nothing();
    tell(IT_IO_WRITABLE, 2);
    puts_out_data("ef");
    puts_out_nothing();
    tell(IT_IO_WRITABLE, 9);
    puts_out_data("g");
}
END_TEST

START_TEST(a_writer_is_told_how_much_found_room)
{
    static uint8_t big[IT_STREAM_BUF];
    open_it(1000);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_of(big, sizeof big - 1)), IT_STREAM_BUF - 1);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("abc")), 1);
    ck_assert_uint_eq(it_stream_space(&s), 0);
    puts_out(IT_IO_DATA);
    ck_assert_uint_eq(out.data.n, 1000);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_of(big, sizeof big)), 1000);
}
END_TEST

START_TEST(fin_goes_behind_the_last_byte_and_both_end_it)
{
    open_it(2);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("abc")), 3);
    it_stream_finish(&s);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("x")), 0);
    puts_out_data("ab");
    puts_out_nothing();
    tell(IT_IO_WRITABLE, 2);
    puts_out_data("c");
    puts_out(IT_IO_FIN);
    puts_out_nothing();
    ck_assert(it_stream_alive(&s));
    tell(IT_IO_FIN, 0);
    ck_assert(!it_stream_alive(&s));
}
END_TEST

START_TEST(a_half_closed_stream_still_sends)
{
    open_it(10);
    tell(IT_IO_FIN, 0);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("abc")), 3);
    puts_out_data("abc");
    it_stream_finish(&s);
    puts_out(IT_IO_FIN);
    ck_assert(!it_stream_alive(&s));
}
END_TEST

START_TEST(a_reset_goes_before_everything)
{
    open_it(10);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("abc")), 3);
    it_stream_reset(&s);
    puts_out(IT_IO_RST);
    puts_out_nothing();
    ck_assert(!it_stream_alive(&s));
}
END_TEST

START_TEST(a_stream_that_never_began_just_ends)
{
    it_stream_open(&s, 7, (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    it_stream_reset(&s);
    puts_out_nothing();
    ck_assert(!it_stream_alive(&s));
}
END_TEST

START_TEST(a_reset_from_afar_leaves_nothing_to_say)
{
    open_it(10);
    it_stream_reset(&s);
    tell(IT_IO_RST, 0);
    puts_out_nothing();
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("abc")), 0);
}
END_TEST

START_TEST(what_was_not_taken_is_asked_for_once)
{
    open_it(10);
    ck_assert_int_eq(it_stream_took(&s, 5, 5), 5);
    it_stream_read_on(&s);
    puts_out_nothing();
    ck_assert_int_eq(it_stream_took(&s, 5, 3), 3);
    puts_out_nothing();
    it_stream_read_on(&s);
    it_stream_read_on(&s);
    puts_out(IT_IO_WRITABLE);
    puts_out_nothing();
}
END_TEST

START_TEST(an_accepted_stream_is_open_at_once)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 7, .remote = {{0, 2}, 9}, .data = {NULL, 10}};
    it_stream_accept(&s, &in);
    ck_assert_int_eq(s.remote.port, 9);
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("hi")), 2);
    puts_out_data("hi");
}
END_TEST

/* A server that was not reached has other addresses: what waits goes to the next one. */
START_TEST(another_try_sends_what_waited_for_the_first)
{
    ck_assert_uint_eq(it_stream_write(&s, it_bytes_str("early")), 5);
    it_stream_open(&s, 7, (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    puts_out(IT_IO_OPEN);
    it_stream_retry(&s);
    ck_assert(!it_stream_alive(&s));
    puts_out_nothing();
    open_it(10);
    puts_out_data("early");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream/stream");
    TCase *tc = tcase_create("one end");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, it_opens_once_and_sends_what_was_written_before);
    tcase_add_test(tc, no_more_goes_out_than_the_transport_grants);
    tcase_add_test(tc, a_writer_is_told_how_much_found_room);
    tcase_add_test(tc, fin_goes_behind_the_last_byte_and_both_end_it);
    tcase_add_test(tc, a_half_closed_stream_still_sends);
    tcase_add_test(tc, a_reset_goes_before_everything);
    tcase_add_test(tc, a_stream_that_never_began_just_ends);
    tcase_add_test(tc, a_reset_from_afar_leaves_nothing_to_say);
    tcase_add_test(tc, what_was_not_taken_is_asked_for_once);
    tcase_add_test(tc, an_accepted_stream_is_open_at_once);
    tcase_add_test(tc, another_try_sends_what_waited_for_the_first);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
