/* stack/stream/relay.c: two streams back to back, what waits between them, their ends. */
#include "stack/stream/relay.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT, SERVER };
#define FLOW(i) (5 + (uint32_t)(i))

static it_relay r;
static it_io out;
static uint8_t buf[1000], many[2 * IT_STREAM_BUF];

static int tell(int i, enum it_io_kind kind, const void *p, size_t n)
{
    return it_relay_input(&r, i, &(it_io){.kind = kind, .flow = FLOW(i), .data = {p, n}});
}

/* The next thing that goes out is |kind| on stream |i|. */
static void puts_out(int i, enum it_io_kind kind)
{
    ck_assert_int_eq(it_relay_output(&r, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
    ck_assert_uint_eq(out.flow, FLOW(i));
}

static void puts_out_data(int i, const char *text)
{
    puts_out(i, IT_IO_DATA);
    ck_assert(it_bytes_eq(out.data, it_bytes_str(text)));
}

static void puts_out_nothing(void)
{
    ck_assert_int_eq(it_relay_output(&r, &out, buf, sizeof buf), 0);
}

/* A client that was accepted, and a server that is asked for: each may be sent |room| bytes. */
static void joined(size_t room)
{
    memset(&r, 0, sizeof r);
    it_stream_accept(&r.s[CLIENT], &(it_io){.kind = IT_IO_ACCEPTED, .flow = FLOW(CLIENT), .data = {NULL, room}});
    it_stream_open(&r.s[SERVER], FLOW(SERVER), (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    puts_out(SERVER, IT_IO_OPEN);
    ck_assert_int_eq(tell(SERVER, IT_IO_OPENED, NULL, room), 0);
    puts_out_nothing();
}

/* Lets stream |i| be written |room| bytes more, and counts what goes out on it. */
static size_t drains(int i, size_t room)
{
    size_t n = 0;
    ck_assert_int_eq(tell(i, IT_IO_WRITABLE, NULL, room), 0);
    while (it_relay_output(&r, &out, buf, sizeof buf)) {
        if (out.kind != IT_IO_DATA)
            break;
        ck_assert_uint_eq(out.flow, FLOW(i));
        n += out.data.n;
    }
    return n;
}

START_TEST(what_comes_on_one_goes_out_on_the_other)
{
    joined(100);
    ck_assert_int_eq(tell(_i, IT_IO_DATA, "hello", 5), 5);
    puts_out_data(!_i, "hello");
    puts_out_nothing();
    ck_assert_uint_eq(r.bytes[_i], 5);
    ck_assert_uint_eq(r.bytes[!_i], 0);
}
END_TEST

START_TEST(bytes_come_in_their_order_however_they_are_cut)
{
    joined(1000);
    for (const char *p = "byte by byte"; *p; p++)
        ck_assert_int_eq(tell(_i, IT_IO_DATA, p, 1), 1);
    puts_out_data(!_i, "byte by byte");
    ck_assert_int_eq(tell(_i, IT_IO_DATA, "", 0), 0);
    puts_out_nothing();
}
END_TEST

START_TEST(what_comes_before_the_server_is_open_waits_for_it)
{
    memset(&r, 0, sizeof r);
    it_stream_accept(&r.s[CLIENT], &(it_io){.kind = IT_IO_ACCEPTED, .flow = FLOW(CLIENT), .data = {NULL, 100}});
    ck_assert_int_eq(tell(CLIENT, IT_IO_DATA, "early", 5), 5);
    puts_out_nothing(); /* nor was a server chosen yet */
    it_stream_open(&r.s[SERVER], FLOW(SERVER), (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    puts_out(SERVER, IT_IO_OPEN);
    ck_assert_int_eq(tell(CLIENT, IT_IO_DATA, " and late", 9), 9);
    puts_out_nothing();
    ck_assert_int_eq(tell(SERVER, IT_IO_OPENED, NULL, 100), 0);
    puts_out_data(SERVER, "early and late");
}
END_TEST

START_TEST(no_more_goes_out_than_there_is_credit_for)
{
    joined(3);
    ck_assert_int_eq(tell(_i, IT_IO_DATA, "hello", 5), 5);
    puts_out_data(!_i, "hel");
    puts_out_nothing();
    ck_assert_int_eq(tell(!_i, IT_IO_WRITABLE, NULL, 1), 0);
    puts_out_data(!_i, "l");
    puts_out_nothing();
    ck_assert_int_eq(tell(!_i, IT_IO_WRITABLE, NULL, 10), 0);
    puts_out_data(!_i, "o");
    ck_assert_uint_eq(r.bytes[_i], 5);
}
END_TEST

/* Of what comes as much is taken as there is room for; the rest is asked for when half of it is free again, once. */
START_TEST(who_does_not_read_is_not_read_from)
{
    joined(0);
    ck_assert_int_eq(tell(_i, IT_IO_DATA, many, sizeof many), IT_STREAM_BUF);
    puts_out_nothing();
    ck_assert_uint_eq(drains(!_i, IT_STREAM_BUF / 2 - 1), IT_STREAM_BUF / 2 - 1);
    puts_out_nothing(); /* less than half is free */
    ck_assert_int_eq(tell(!_i, IT_IO_WRITABLE, NULL, 1), 0);
    puts_out(!_i, IT_IO_DATA);
    puts_out(_i, IT_IO_WRITABLE);
    puts_out_nothing();
    ck_assert_int_eq(tell(_i, IT_IO_DATA, many, sizeof many), IT_STREAM_BUF / 2);
    ck_assert_uint_eq(r.bytes[_i], IT_STREAM_BUF + IT_STREAM_BUF / 2);
}
END_TEST

START_TEST(one_way_that_is_full_does_not_hold_the_other_one_back)
{
    joined(100);
    (void)tell(CLIENT, IT_IO_DATA, many, sizeof many);
    while (it_relay_output(&r, &out, buf, sizeof buf))
        continue;
    ck_assert_int_eq(tell(SERVER, IT_IO_DATA, "back", 4), 4);
    puts_out_data(CLIENT, "back");
}
END_TEST

START_TEST(an_end_goes_behind_the_last_byte_and_the_other_way_stays)
{
    joined(0);
    (void)tell(_i, IT_IO_DATA, "last", 4);
    (void)tell(_i, IT_IO_FIN, NULL, 0);
    puts_out_nothing();
    ck_assert_int_eq(tell(!_i, IT_IO_WRITABLE, NULL, 100), 0);
    puts_out_data(!_i, "last");
    puts_out(!_i, IT_IO_FIN);
    puts_out_nothing();
    ck_assert(!it_relay_over(&r));
    ck_assert_int_eq(tell(_i, IT_IO_WRITABLE, NULL, 100), 0);
    ck_assert_int_eq(tell(!_i, IT_IO_DATA, "answer", 6), 6);
    puts_out_data(_i, "answer");
    (void)tell(!_i, IT_IO_FIN, NULL, 0);
    puts_out(_i, IT_IO_FIN);
    ck_assert(it_relay_over(&r));
    puts_out_nothing();
}
END_TEST

START_TEST(a_reset_overtakes_what_waits)
{
    joined(0);
    (void)tell(_i, IT_IO_DATA, "lost", 4);
    ck_assert_int_eq(tell(_i, IT_IO_RST, NULL, 0), 0);
    puts_out(!_i, IT_IO_RST);
    ck_assert(it_relay_over(&r));
    puts_out_nothing();
    ck_assert_int_eq(tell(!_i, IT_IO_DATA, "on its way", 10), 10); /* it is not asked for again */
    puts_out_nothing();
    ck_assert_uint_eq(r.bytes[!_i], 0);
}
END_TEST

START_TEST(a_server_that_refuses_ends_the_client)
{
    memset(&r, 0, sizeof r);
    it_stream_accept(&r.s[CLIENT], &(it_io){.kind = IT_IO_ACCEPTED, .flow = FLOW(CLIENT), .data = {NULL, 100}});
    it_stream_open(&r.s[SERVER], FLOW(SERVER), (it_addr){{0, 0}, 0}, (it_addr){{0, 1}, 80});
    puts_out(SERVER, IT_IO_OPEN);
    (void)tell(CLIENT, IT_IO_DATA, "early", 5);
    it_io in = {.kind = IT_IO_RST, .flow = FLOW(SERVER), .end = IT_IO_END_REFUSED};
    ck_assert_int_eq(it_relay_input(&r, SERVER, &in), 0);
    puts_out(CLIENT, IT_IO_RST);
    ck_assert(it_relay_over(&r));
}
END_TEST

START_TEST(an_abort_resets_both)
{
    joined(0);
    (void)tell(CLIENT, IT_IO_DATA, "lost", 4);
    it_relay_abort(&r);
    puts_out(CLIENT, IT_IO_RST);
    puts_out(SERVER, IT_IO_RST);
    puts_out_nothing();
    ck_assert(it_relay_over(&r));
}
END_TEST

START_TEST(an_abort_before_the_server_was_asked_for_resets_the_client_alone)
{
    memset(&r, 0, sizeof r);
    it_stream_accept(&r.s[CLIENT], &(it_io){.kind = IT_IO_ACCEPTED, .flow = FLOW(CLIENT), .data = {NULL, 100}});
    it_relay_abort(&r);
    puts_out(CLIENT, IT_IO_RST);
    puts_out_nothing();
    ck_assert(it_relay_over(&r));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stream/relay");
    TCase *t = tcase_create("relay");
    tcase_add_loop_test(t, what_comes_on_one_goes_out_on_the_other, 0, 2);
    tcase_add_loop_test(t, bytes_come_in_their_order_however_they_are_cut, 0, 2);
    tcase_add_test(t, what_comes_before_the_server_is_open_waits_for_it);
    tcase_add_loop_test(t, no_more_goes_out_than_there_is_credit_for, 0, 2);
    tcase_add_loop_test(t, who_does_not_read_is_not_read_from, 0, 2);
    tcase_add_test(t, one_way_that_is_full_does_not_hold_the_other_one_back);
    tcase_add_loop_test(t, an_end_goes_behind_the_last_byte_and_the_other_way_stays, 0, 2);
    tcase_add_loop_test(t, a_reset_overtakes_what_waits, 0, 2);
    tcase_add_test(t, a_server_that_refuses_ends_the_client);
    tcase_add_test(t, an_abort_resets_both);
    tcase_add_test(t, an_abort_before_the_server_was_asked_for_resets_the_client_alone);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
