/* Connections that carry messages. */
#include "stack/ice/tcp/conns.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_ice_conns cs;
static uint8_t buf[70000];

static void setup(void)
{
    it_alloc_init(&alloc);
    it_ice_conns_init(&cs, &alloc);
}

static void teardown(void)
{
    it_ice_conns_fini(&cs);
    ck_assert_int_eq(alloc.live, 0);
}

static it_addr at(uint16_t port)
{
    return it_addr_of(it_ip4(0xcb007101u), port);
}

static int take_in(it_io in)
{
    int taken = -77;
    ck_assert(it_ice_conns_input(&cs, 0, &in, &taken));
    return taken;
}

/* An open connection of base 1 with port |port|, with |room|. */
static it_ice_conn *open_one(uint16_t port, size_t room, bool bare)
{
    it_io out;
    it_ice_conn *c = it_ice_conns_open(&cs, 1, at(0), at(port), bare);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_OPEN);
    ck_assert_int_eq(take_in((it_io){.kind = IT_IO_OPENED, .flow = out.flow, .data = {NULL, room}}), 0);
    return c;
}

START_TEST(messages_leave_behind_their_length_as_far_as_there_is_room)
{
    it_io out;
    it_ice_conn *c = open_one(5, 4, false);
    ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_str("hello")), 0);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_of("\0\5he", 4)));
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 0);
    (void)take_in((it_io){.kind = IT_IO_WRITABLE, .flow = c->flow, .data = {NULL, 100}});
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_str("llo")));
}
END_TEST

START_TEST(messages_come_whole_however_the_bytes_are_cut)
{
    static const uint8_t BYTES[] = "\0\3abc\0\0\0\2de";
    it_ice_conn *c = open_one(5, 100, false), *from;
    it_bytes data;
    bool first;
    for (size_t i = 0; i + 1 < sizeof BYTES; i++)
        ck_assert_int_eq(take_in((it_io){.kind = IT_IO_DATA, .flow = c->flow, .data = {BYTES + i, 1}}), 1);
    static const char *const WANT[] = {"abc", "", "de"};
    for (int i = 0; i < 3; i++) {
        ck_assert(it_ice_conns_take(&cs, &from, &data, &first));
        ck_assert(from == c && first == (i == 0));
        ck_assert(it_bytes_eq(data, it_bytes_str(WANT[i])));
    }
    ck_assert(!it_ice_conns_take(&cs, &from, &data, &first));
}
END_TEST

START_TEST(to_a_server_messages_go_bare)
{
    it_io out;
    it_ice_conn *c = open_one(5, 100, true);
    static const uint8_t MSG[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_of(MSG, sizeof MSG)), 0);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_of(MSG, sizeof MSG)));
}
END_TEST

START_TEST(what_waits_is_bounded)
{
    static const uint8_t BIG[30000] = {1};
    it_ice_conn *c = open_one(5, 0, false);
    ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_of(BIG, sizeof BIG)), 0);
    ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_of(BIG, sizeof BIG)), 0);
    ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_of(BIG, sizeof BIG)), IT_ERR_FULL);
}
END_TEST

START_TEST(a_queue_that_is_never_empty_takes_no_more_memory_than_twice_what_waits)
{
    static const uint8_t MSG[100] = {1};
    it_ice_conn *c = open_one(5, 0, false);
    it_io out;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_of(MSG, sizeof MSG)), 0);
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_of(MSG, sizeof MSG)), 0);
        (void)take_in((it_io){.kind = IT_IO_WRITABLE, .flow = c->flow, .data = {NULL, 102}});
        ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    }
    ck_assert_uint_le(c->waiting.cap, 4096);
}
END_TEST

START_TEST(an_end_is_told_once_with_its_reason)
{
    static const struct {
        enum it_io_kind kind;
        enum it_io_end end;
        bool open;
        const char *why;
    } ENDS[] = {
        {IT_IO_FIN, 0, true, "the far side closed the connection"},
        {IT_IO_RST, IT_IO_END_RESET, true, "the connection was reset"},
        {IT_IO_RST, IT_IO_END_TIMEOUT, true,
         "the connection was given up: nobody acknowledged for too long (RFC 9293 section 3.8.3)"},
        {IT_IO_RST, IT_IO_END_REFUSED, false, "nobody accepts connections there"},
        {IT_IO_RST, IT_IO_END_UNREACHABLE, false, "no route, or an ICMP error"},
    };
    int base;
    it_addr remote;
    const char *why;
    it_io out;
    it_ice_conn *c = ENDS[_i].open ? open_one(5, 9, false) : it_ice_conns_open(&cs, 1, at(0), at(5), false);
    if (!ENDS[_i].open)
        ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    (void)take_in((it_io){.kind = ENDS[_i].kind, .flow = c->flow, .end = ENDS[_i].end});
    ck_assert(it_ice_conns_ended(&cs, &base, &remote, &why));
    ck_assert_str_eq(why, ENDS[_i].why);
    ck_assert(base == 1 && it_addr_eq(remote, at(5)));
    ck_assert(!it_ice_conns_ended(&cs, &base, &remote, &why));
    ck_assert_ptr_null(it_ice_conns_find(&cs, 1, at(5)));
}
END_TEST

START_TEST(closing_waits_for_what_was_sent_and_says_no_end)
{
    int base;
    it_addr remote;
    const char *why;
    it_io out;
    it_ice_conn *c = open_one(5, 100, false);
    uint32_t flow = c->flow;
    ck_assert_int_eq(it_ice_conn_send(&cs, c, it_bytes_str("bye")), 0);
    it_ice_conn_close(c);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    (void)take_in((it_io){.kind = IT_IO_FIN, .flow = flow});
    ck_assert(!it_ice_conns_ended(&cs, &base, &remote, &why));
    ck_assert_uint_eq(cs.n, 0);
}
END_TEST

START_TEST(one_that_is_not_open_yet_is_given_up)
{
    it_io out;
    it_ice_conn *c = it_ice_conns_open(&cs, 1, at(0), at(5), false);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    it_ice_conn_close(c);
    ck_assert_int_eq(it_ice_conns_output(&cs, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert_uint_eq(cs.n, 0);
}
END_TEST

START_TEST(more_than_there_is_room_for_are_refused)
{
    for (int i = 0; i < IT_ICE_CONNS_MAX; i++)
        ck_assert_ptr_nonnull(it_ice_conns_open(&cs, 1, at(0), at((uint16_t)(i + 1)), false));
    ck_assert_ptr_null(it_ice_conns_open(&cs, 1, at(0), at(9999), false));
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW, .remote = at(9)};
    ck_assert_int_eq(it_ice_conns_accept(&cs, 1, &in), 0);
    ck_assert_int_eq(cs.v[cs.n - 1]->state, IT_ICE_CONN_ABORTED);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/ice/tcp/conns");
    TCase *t = tcase_create("connections");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, messages_leave_behind_their_length_as_far_as_there_is_room);
    tcase_add_test(t, messages_come_whole_however_the_bytes_are_cut);
    tcase_add_test(t, to_a_server_messages_go_bare);
    tcase_add_test(t, what_waits_is_bounded);
    tcase_add_test(t, a_queue_that_is_never_empty_takes_no_more_memory_than_twice_what_waits);
    tcase_add_loop_test(t, an_end_is_told_once_with_its_reason, 0, 5);
    tcase_add_test(t, closing_waits_for_what_was_sent_and_says_no_end);
    tcase_add_test(t, one_that_is_not_open_yet_is_given_up);
    tcase_add_test(t, more_than_there_is_room_for_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
