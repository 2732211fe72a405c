/* A client of a relay: how it comes up, and every way it goes down. */
#include "tests/stack/wsrelay/net.h"

static net w;
static const it_wsrelay_server_cfg PLAIN;
static const it_wsrelay_client_cfg CLIENT;

static void pair(void)
{
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &CLIENT);
    net_client(&w, 1, ROOM, &CLIENT);
    net_run(&w);
    ck_assert(w.e[0].up && w.e[1].up);
}

START_TEST(two_of_a_room_hear_each_other_datagram_by_datagram)
{
    pair();
    ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_str("one")), 0);
    ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_str("")), 0);
    ck_assert_int_eq(net_say(&w, 0, "three"), 0);
    ck_assert_int_eq(w.e[1].messages, 3);
    ck_assert_mem_eq(w.e[1].last, "three", 5);
    ck_assert_int_eq(net_say(&w, 1, "back"), 0);
    ck_assert_mem_eq(w.e[0].last, "back", 4);
    ck_assert_uint_eq(it_wsrelay_client_stat(w.e[0].c).sent, 3);
    ck_assert_uint_eq(it_wsrelay_client_stat(w.e[1].c).received, 3);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->relayed, 4);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->bytes, 12);
    net_fini(&w);
}
END_TEST

START_TEST(the_largest_datagram_passes_and_no_larger_one)
{
    static uint8_t big[IT_WSRELAY_DATAGRAM + 1];
    pair();
    ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_of(big, sizeof big)), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_of(big, sizeof big - 1)), 0);
    net_run(&w);
    ck_assert_uint_eq(w.e[1].n_last, IT_WSRELAY_DATAGRAM);
    net_fini(&w);
}
END_TEST

START_TEST(alone_there_is_nobody_to_send_to)
{
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &CLIENT);
    net_run(&w);
    ck_assert(!w.e[0].up && w.e[0].downs == 0);
    ck_assert_int_eq(net_say(&w, 0, "x"), IT_ERR_STATE);
    net_fini(&w);
}
END_TEST

START_TEST(who_leaves_is_missed_and_may_come_back)
{
    pair();
    it_wsrelay_client_close(w.e[1].c, w.now);
    net_run(&w);
    ck_assert(!w.e[0].up && w.e[0].why == IT_WSRELAY_PEER);
    ck_assert_int_eq(w.e[1].downs, 0); /* it knows */
    ck_assert_int_eq(net_say(&w, 0, "x"), IT_ERR_STATE);
    net_client(&w, 2, ROOM, &CLIENT);
    net_run(&w);
    ck_assert(w.e[0].up && w.e[2].up && w.e[0].ups == 2);
    ck_assert_int_eq(net_say(&w, 0, "again"), 0);
    ck_assert_int_eq(w.e[2].messages, 1);
    net_fini(&w);
}
END_TEST

START_TEST(a_silent_relay_is_found_by_a_ping)
{
    pair();
    w.e[0].mute = true;
    net_wait(&w, w.now + 9900 * IT_MS);
    ck_assert_int_eq(w.e[0].downs, 0);
    net_wait(&w, w.now + 200 * IT_MS);
    ck_assert(w.e[0].downs == 1 && w.e[0].why == IT_WSRELAY_PING);
    ck_assert(it_wsrelay_client_ops.next(w.e[0].c) == IT_NEVER);
    net_fini(&w);
}
END_TEST

START_TEST(pings_keep_a_quiet_room)
{
    pair();
    net_wait(&w, w.now + 3600 * IT_SEC);
    ck_assert(w.e[0].up && w.e[1].up && w.e[0].downs == 0);
    net_fini(&w);
}
END_TEST

START_TEST(a_stream_that_ends_says_why)
{
    static const struct {
        enum it_io_end end;
        enum it_wsrelay_why why;
    } ALL[] = {{IT_IO_END_RESET, IT_WSRELAY_RESET},
               {IT_IO_END_REFUSED, IT_WSRELAY_REFUSED},
               {IT_IO_END_TIMEOUT, IT_WSRELAY_TIMEOUT},
               {IT_IO_END_UNREACHABLE, IT_WSRELAY_UNREACHABLE},
               {IT_IO_END_LOCAL, IT_WSRELAY_LOCAL}};
    pair();
    net_to_client(&w, 0, (it_io){.kind = IT_IO_RST, .end = ALL[_i].end});
    net_run(&w);
    ck_assert(w.e[0].downs == 1 && w.e[0].why == ALL[_i].why);
    ck_assert_int_eq(net_say(&w, 0, "x"), IT_ERR_STATE);
    net_fini(&w);
}
END_TEST

START_TEST(no_answer_at_all_is_a_timeout)
{
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &CLIENT);
    w.e[0].mute = true;
    net_run(&w);
    net_wait(&w, w.now + 9 * IT_SEC);
    ck_assert_int_eq(w.e[0].downs, 0);
    net_wait(&w, w.now + 2 * IT_SEC);
    ck_assert(w.e[0].downs == 1 && w.e[0].why == IT_WSRELAY_TIMEOUT);
    net_fini(&w);
}
END_TEST

/* Answers at |now| what client 0 has put out. */
static void slowly(it_time now, enum it_io_kind kind, const char *text)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out, in = {.kind = kind, .flow = IT_WSRELAY_STREAM, .data = it_bytes_of(NULL, ROOMY)};
    if (text)
        in.data = it_bytes_str(text);
    while (it_wsrelay_client_ops.output(w.e[0].c, w.now, &out, buf, sizeof buf) == 1)
        ;
    ck_assert_int_gt(it_wsrelay_client_ops.next(w.e[0].c), now); /* it is waited for */
    w.now = now;
    ck_assert_int_ge(it_wsrelay_client_ops.input(w.e[0].c, now, &in), 0);
}

/* The proxy and its answer have a time of their own each. */
START_TEST(each_stage_of_opening_has_its_own_time)
{
    it_wsrelay_client_cfg cfg = CLIENT;
    ck_assert_int_eq(it_via_parse(&cfg.via, "http://10.9.9.9:3128"), 0);
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &cfg);
    slowly(9 * IT_SEC, IT_IO_OPENED, NULL);
    slowly(28 * IT_SEC, IT_IO_DATA, "HTTP/1.1 200 OK\r\n\r\n");
    ck_assert_int_eq(it_wsrelay_client_ops.next(w.e[0].c), 38 * IT_SEC);
    net_fini(&w);
}
END_TEST

/* What is no message of the relay ends it, and is no datagram. */
START_TEST(a_relay_that_speaks_otherwise_is_left)
{
    static const uint8_t EMPTY[] = {0x82, 0}, UNKNOWN[] = {0x82, 3, 0xee, 'n', 'o'};
    pair();
    int heard = w.e[0].messages;
    it_bytes said = _i ? it_bytes_of(UNKNOWN, sizeof UNKNOWN) : it_bytes_of(EMPTY, sizeof EMPTY);
    net_to_client(&w, 0, (it_io){.kind = IT_IO_DATA, .data = said});
    net_run(&w);
    ck_assert(w.e[0].downs == 1 && w.e[0].why == IT_WSRELAY_BROKEN);
    ck_assert_int_eq(w.e[0].messages, heard);
    net_fini(&w);
}
END_TEST

START_TEST(a_no_of_the_relay_is_told_by_its_status)
{
    pair();
    net_client(&w, 2, ROOM, &CLIENT);
    net_run(&w);
    ck_assert(w.e[2].downs == 1 && w.e[2].why == IT_WSRELAY_HTTP && w.e[2].status == 409);
    ck_assert(w.e[0].up && w.e[1].up);
    net_fini(&w);
}
END_TEST

START_TEST(a_no_of_a_proxy_is_told_by_its_status)
{
    it_wsrelay_client_cfg c = CLIENT;
    ck_assert_int_eq(it_via_parse(&c.via, "http://10.9.9.9:3128"), 0);
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &c);
    w.e[0].mute = true;
    net_run(&w);
    const char no[] = "HTTP/1.1 403 No\r\n\r\n";
    net_to_client(&w, 0, (it_io){.kind = IT_IO_DATA, .data = it_bytes_str(no)});
    net_run(&w);
    ck_assert(w.e[0].downs == 1 && w.e[0].why == IT_WSRELAY_PROXY && w.e[0].status == 403);
    net_fini(&w);
}
END_TEST

START_TEST(texts_that_are_none_make_no_client)
{
    static const struct {
        const char *room, *name, *host;
    } BAD[] = {{"short", "a", NULL}, {"0123456789abcde/", "a", NULL}, {ROOM, "", NULL},
               {ROOM, "a b", NULL},  {ROOM, "a", "no host"},          {ROOM ROOM ROOM ROOM "0", "a", NULL}};
    it_wsrelay_client_cfg c = {.room = BAD[_i].room, .name = BAD[_i].name, .host = BAD[_i].host};
    it_alloc a;
    it_alloc_init(&a);
    c.alloc = &a;
    ck_assert_ptr_null(it_wsrelay_client_new(&c));
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(what_waits_too_long_or_with_too_many_is_dropped_the_oldest_first)
{
    pair();
    w.e[0].mute = true;
    net_to_client(&w, 0, (it_io){.kind = IT_IO_WRITABLE, .data = {NULL, 0}});
    static uint8_t big[1000];
    int put = 0;
    for (; it_wsrelay_client_stat(w.e[0].c).dropped == 0 && put < 500; put++) {
        big[0] = (uint8_t)put;
        ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_of(big, sizeof big)), 0);
        net_run(&w);
    }
    ck_assert_int_lt(put, 120); /* what its layers and stream hold, and 64 */
    w.now += 501 * IT_MS;
    net_run(&w);
    ck_assert_uint_eq(it_wsrelay_client_stat(w.e[0].c).dropped, 65); /* all that waited */
    net_fini(&w);
}
END_TEST

START_TEST(what_was_sent_before_an_end_comes_through_and_both_streams_end)
{
    static const char *const LAST[] = {"one", "two", "goodbye"};
    pair();
    for (int k = 0; k < 3; k++)
        ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_str(LAST[k])), 0);
    it_wsrelay_client_close(w.e[0].c, w.now);
    ck_assert(!it_wsrelay_client_over(w.e[0].c));
    net_run(&w);
    ck_assert_int_eq(w.e[1].messages, 3);
    ck_assert_mem_eq(w.e[1].last, "goodbye", 7);
    ck_assert(!w.e[1].up);
    ck_assert_int_eq(w.e[1].why, IT_WSRELAY_PEER);
    ck_assert(it_wsrelay_client_over(w.e[0].c)); /* FIN both ways */
    ck_assert_int_eq(w.e[0].downs, 0);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->connections, 1);
    net_fini(&w);
}
END_TEST

START_TEST(who_is_in_a_hurry_resets)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &CLIENT);
    net_run(&w);
    it_wsrelay_client_abort(w.e[0].c);
    ck_assert_int_eq(it_wsrelay_client_ops.output(w.e[0].c, w.now, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_RST);
    ck_assert(it_wsrelay_client_over(w.e[0].c));
    ck_assert_int_eq(it_wsrelay_client_ops.next(w.e[0].c), IT_NEVER);
    net_fini(&w);
}
END_TEST

START_TEST(every_why_has_a_word)
{
    for (int k = IT_WSRELAY_PEER; k <= IT_WSRELAY_CLOSED; k++)
        ck_assert_uint_gt(strlen(it_wsrelay_why_name((enum it_wsrelay_why)k)), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/wsrelay/client");
    TCase *t = tcase_create("client");
    tcase_add_test(t, two_of_a_room_hear_each_other_datagram_by_datagram);
    tcase_add_test(t, the_largest_datagram_passes_and_no_larger_one);
    tcase_add_test(t, alone_there_is_nobody_to_send_to);
    tcase_add_test(t, who_leaves_is_missed_and_may_come_back);
    tcase_add_test(t, a_silent_relay_is_found_by_a_ping);
    tcase_add_test(t, pings_keep_a_quiet_room);
    tcase_add_loop_test(t, a_stream_that_ends_says_why, 0, 5);
    tcase_add_test(t, no_answer_at_all_is_a_timeout);
    tcase_add_test(t, each_stage_of_opening_has_its_own_time);
    tcase_add_loop_test(t, a_relay_that_speaks_otherwise_is_left, 0, 2);
    tcase_add_test(t, a_no_of_the_relay_is_told_by_its_status);
    tcase_add_test(t, a_no_of_a_proxy_is_told_by_its_status);
    tcase_add_loop_test(t, texts_that_are_none_make_no_client, 0, 6);
    tcase_add_test(t, what_waits_too_long_or_with_too_many_is_dropped_the_oldest_first);
    tcase_add_test(t, what_was_sent_before_an_end_comes_through_and_both_streams_end);
    tcase_add_test(t, who_is_in_a_hurry_resets);
    tcase_add_test(t, every_why_has_a_word);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
