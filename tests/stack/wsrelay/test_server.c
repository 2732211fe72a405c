/* The relay: rooms, limits, and what it does with those who are slow, silent or wrong. */
#include "stack/crypto/ossl.h"
#include "tests/stack/tls/ends.h"
#include "tests/stack/wsrelay/net.h"

static net w;
static const it_wsrelay_server_cfg PLAIN;
static const it_wsrelay_client_cfg ANY;

#define RAW (IT_IO_ACCEPTED_FLOW + 100)

static char said[4096];
static size_t n_said;
static bool fin, rst;

/* What the relay says to a stream that is no client's. */
static void hear_raw(void)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    while (it_wsrelay_server_ops.output(w.s, w.now, &out, buf, sizeof buf) == 1) {
        ck_assert_uint_eq(out.flow, RAW);
        fin = fin || out.kind == IT_IO_FIN;
        rst = rst || out.kind == IT_IO_RST;
        if (out.kind != IT_IO_DATA)
            continue;
        ck_assert_uint_lt(n_said + out.data.n, sizeof said);
        memcpy(said + n_said, out.data.p, out.data.n);
        n_said += out.data.n;
    }
    said[n_said] = 0;
}

static void say_raw(const char *text)
{
    n_said = 0;
    fin = rst = false;
    net_to_server(&w, (it_io){.kind = IT_IO_ACCEPTED, .local = {it_ip4(1), 80}, .data = {NULL, ROOMY}}, RAW);
    net_to_server(&w, (it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)}, RAW);
    hear_raw();
}

#define WS                                                                                                             \
    "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"          \
    "Sec-WebSocket-Version: 13\r\n\r\n"

START_TEST(requests_get_the_answers_that_they_deserve)
{
    static const struct {
        const char *request, *answer;
    } ALL[] = {{"GET /relay/" ROOM "/a HTTP/1.1\r\n" WS, "HTTP/1.1 101 "},
               {"GET /relay/" ROOM "/a HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 "},
               {"POST /relay/" ROOM "/a HTTP/1.1\r\n" WS, "HTTP/1.1 405 "},
               {"GET /relay/short/a HTTP/1.1\r\n" WS, "HTTP/1.1 404 "},
               {"GET /relay/" ROOM " HTTP/1.1\r\n" WS, "HTTP/1.1 404 "},
               {"GET /relay/" ROOM "/a/b HTTP/1.1\r\n" WS, "HTTP/1.1 404 "},
               {"GET / HTTP/1.1\r\n" WS, "HTTP/1.1 404 "},
               {"no HTTP\r\n\r\n", "HTTP/1.1 400 "}};
    net_init(&w, &PLAIN);
    say_raw(ALL[_i].request);
    ck_assert_msg(strncmp(said, ALL[_i].answer, strlen(ALL[_i].answer)) == 0, "%s", said);
    ck_assert_int_eq(fin, _i != 0);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->refused, _i != 0);
    net_fini(&w);
}
END_TEST

START_TEST(a_stream_that_asks_for_nothing_is_reset)
{
    net_init(&w, &PLAIN);
    say_raw("");
    net_wait(&w, w.now + IT_WSRELAY_REQUEST - IT_SEC);
    hear_raw();
    ck_assert(!rst);
    w.now = IT_WSRELAY_REQUEST + IT_SEC;
    ck_assert_int_eq(it_wsrelay_server_ops.tick(w.s, w.now), 0);
    hear_raw();
    ck_assert(rst);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->silent, 1);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->connections, 0);
    net_fini(&w);
}
END_TEST

START_TEST(beyond_its_connections_it_resets)
{
    it_wsrelay_server_cfg c = PLAIN;
    c.connections = 1;
    net_init(&w, &c);
    net_client(&w, 0, ROOM, &ANY);
    net_run(&w);
    say_raw("GET / HTTP/1.1\r\n\r\n");
    ck_assert(rst && n_said == 0);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->reset, 1);
    net_fini(&w);
}
END_TEST

START_TEST(beyond_its_rooms_it_is_not_available)
{
    it_wsrelay_server_cfg c = PLAIN;
    c.rooms = 1;
    net_init(&w, &c);
    net_client(&w, 0, ROOM, &ANY);
    net_client(&w, 1, "another-room-0000", &ANY);
    net_client(&w, 2, ROOM, &ANY);
    net_run(&w);
    ck_assert(w.e[1].why == IT_WSRELAY_HTTP && w.e[1].status == 503);
    ck_assert(w.e[0].up && w.e[2].up); /* the room that is there has its second */
    it_wsrelay_client_close(w.e[0].c, w.now);
    it_wsrelay_client_close(w.e[2].c, w.now);
    net_run(&w);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->rooms, 0);
    net_client(&w, 3, "another-room-0000", &ANY);
    net_run(&w);
    ck_assert_int_eq(w.e[3].downs, 0);
    net_fini(&w);
}
END_TEST

START_TEST(who_comes_with_a_name_takes_its_place)
{
    it_wsrelay_client_cfg same = ANY;
    same.name = "c0";
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &ANY);
    net_client(&w, 1, ROOM, &ANY);
    net_run(&w);
    net_client(&w, 2, ROOM, &same);
    net_run(&w);
    ck_assert(w.e[0].why == IT_WSRELAY_CLOSED && w.e[0].status == 4000);
    ck_assert(w.e[1].up && w.e[1].ups == 2 && w.e[1].downs == 1 && w.e[2].up);
    ck_assert_int_eq(net_say(&w, 2, "new"), 0);
    ck_assert_int_eq(w.e[1].messages, 1);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->replaced, 1);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->rooms, 1);
    net_fini(&w);
}
END_TEST

START_TEST(a_silent_client_is_ended_and_the_other_one_told)
{
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &ANY);
    net_client(&w, 1, ROOM, &ANY);
    net_run(&w);
    w.e[0].mute = true;
    net_wait(&w, w.now + 26 * IT_SEC);
    ck_assert(!w.e[1].up && w.e[1].why == IT_WSRELAY_PEER);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->connections, 1);
    net_fini(&w);
}
END_TEST

START_TEST(a_slow_receiver_loses_the_oldest_and_the_sender_hears_how_many)
{
    static uint8_t big[1000];
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &ANY);
    net_client(&w, 1, ROOM, &ANY);
    net_run(&w);
    net_to_server(&w, (it_io){.kind = IT_IO_WRITABLE, .data = {NULL, 0}}, w.e[1].flow);
    for (int i = 0; i < 200; i++) {
        big[0] = (uint8_t)i;
        ck_assert_int_eq(it_wsrelay_client_send(w.e[0].c, w.now, it_bytes_of(big, sizeof big)), 0);
        net_run(&w);
    }
    uint64_t dropped = it_wsrelay_server_stat(w.s)->dropped;
    ck_assert_uint_gt(dropped, 80);
    w.now += 200 * IT_MS;
    ck_assert_int_eq(net_say(&w, 0, "last"), 0);
    ck_assert_uint_eq(it_wsrelay_client_stat(w.e[0].c).lost, it_wsrelay_server_stat(w.s)->dropped);
    net_to_server(&w, (it_io){.kind = IT_IO_WRITABLE, .data = {NULL, ROOMY}}, w.e[1].flow);
    net_run(&w);
    ck_assert_mem_eq(w.e[1].last, "last", 4);
    ck_assert_uint_eq((uint64_t)w.e[1].messages + it_wsrelay_server_stat(w.s)->dropped, 201);
    net_fini(&w);
}
END_TEST

START_TEST(what_is_no_message_of_a_relay_ends_the_connection)
{
    net_init(&w, &PLAIN);
    net_client(&w, 1, ROOM, &ANY);
    net_run(&w);
    net_to_server(&w, (it_io){.kind = IT_IO_ACCEPTED, .local = {it_ip4(1), 80}, .data = {NULL, ROOMY}}, RAW);
    net_to_server(&w, (it_io){.kind = IT_IO_DATA, .data = it_bytes_str("GET /relay/" ROOM "/a HTTP/1.1\r\n" WS)}, RAW);
    net_run(&w);
    ck_assert(w.e[1].up);
    /* a masked binary frame that says HERE, which only a relay does */
    net_to_server(&w, (it_io){.kind = IT_IO_DATA, .data = it_bytes_of("\x82\x81\0\0\0\0\x01", 7)}, RAW);
    net_run(&w);
    ck_assert(!w.e[1].up && w.e[1].why == IT_WSRELAY_PEER);
    net_fini(&w);
}
END_TEST

/* RFC 6455 section 7.1.7: an unmasked frame. Whether it answers or goes on talking, it is gone soon. */
START_TEST(after_a_protocol_error_the_stream_is_gone_in_5_s)
{
    net_init(&w, &PLAIN);
    say_raw("GET /relay/" ROOM "/a HTTP/1.1\r\n" WS);
    net_to_server(&w, (it_io){.kind = IT_IO_DATA, .data = it_bytes_of("\x82\x01x", 3)}, RAW);
    hear_raw();
    ck_assert(fin && !rst);
    for (it_time until = w.now + 5 * IT_SEC; w.now < until;) {
        ck_assert(!rst);
        w.now += IT_SEC;
        net_to_server(&w, (it_io){.kind = IT_IO_DATA, .data = it_bytes_of("\x82\x01x", 3)}, RAW);
        ck_assert_int_eq(it_wsrelay_server_ops.tick(w.s, w.now), 0);
        hear_raw();
    }
    ck_assert(rst);
    ck_assert_uint_eq(it_wsrelay_server_stat(w.s)->silent, 0);
    net_fini(&w);
}
END_TEST

START_TEST(by_tls_it_is_the_same)
{
    static ends t;
    ends_init(&t);
    it_tls_cfg server = ends_cfg(&t, SERVER), client = ends_cfg(&t, 0);
    it_wsrelay_server_cfg s = PLAIN;
    it_wsrelay_client_cfg c = ANY;
    char line[IT_TLS_LINE_MAX];
    s.tls = &server;
    s.tls_port = 443;
    client.log_keys = true;
    c.tls = &client;
    c.host = "relay.example";
    net_init(&w, &s);
    w.port = 443;
    net_client(&w, 0, ROOM, &c);
    net_client(&w, 1, ROOM, &c);
    client.name = "other.example";
    net_client(&w, 2, "another-room-0000", &c);
    net_run(&w);
    ck_assert(w.e[0].up && w.e[1].up);
    ck_assert(w.e[2].why == IT_WSRELAY_TLS && w.e[2].status == IT_TLS_END_NAME);
    ck_assert_int_eq(net_say(&w, 0, "secret"), 0);
    ck_assert_mem_eq(w.e[1].last, "secret", 6);
    ck_assert_int_eq(it_wsrelay_client_secret(w.e[0].c, line), 1);
    net_fini(&w);
    ends_fini(&t);
}
END_TEST

/* The next tale is of |kind|; it. */
static it_wsrelay_tale tale_of(enum it_wsrelay_tale_kind kind)
{
    it_wsrelay_tale t;
    ck_assert_int_eq(it_wsrelay_server_tale(w.s, &t), 1);
    ck_assert_int_eq(t.kind, kind);
    return t;
}

START_TEST(it_tells_who_came_went_and_was_refused)
{
    it_wsrelay_tale t;
    it_wsrelay_server_cfg c = PLAIN;
    c.connections = 2;
    net_init(&w, &c);
    net_client(&w, 0, ROOM, &ANY);
    net_run(&w);
    t = tale_of(IT_WSRELAY_TALE_JOINED);
    ck_assert_str_eq(t.room, ROOM);
    ck_assert_uint_gt(strlen(t.name), 0);
    say_raw("GET / HTTP/1.1\r\n" WS);
    ck_assert_int_eq(tale_of(IT_WSRELAY_TALE_REFUSED).status, 404);
    it_wsrelay_client_close(w.e[0].c, w.now);
    net_run(&w);
    ck_assert_str_eq(tale_of(IT_WSRELAY_TALE_LEFT).name, t.name);
    ck_assert_int_eq(it_wsrelay_server_tale(w.s, &t), 0);
    net_fini(&w);
    c.connections = 1;
    net_init(&w, &c);
    net_client(&w, 0, ROOM, &ANY);
    net_run(&w);
    (void)tale_of(IT_WSRELAY_TALE_JOINED);
    say_raw("GET / HTTP/1.1\r\n\r\n");
    (void)tale_of(IT_WSRELAY_TALE_RESET);
    net_fini(&w);
}
END_TEST

START_TEST(when_it_ends_its_clients_hear_1001)
{
    net_init(&w, &PLAIN);
    net_client(&w, 0, ROOM, &ANY);
    net_client(&w, 1, ROOM, &ANY);
    net_run(&w);
    ck_assert(w.e[0].up && w.e[1].up);
    it_wsrelay_server_stop(w.s, w.now);
    net_run(&w);
    for (int i = 0; i < 2; i++)
        ck_assert(w.e[i].why == IT_WSRELAY_CLOSED && w.e[i].status == 1001);
    net_fini(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/wsrelay/server");
    TCase *t = tcase_create("server");
    tcase_add_loop_test(t, requests_get_the_answers_that_they_deserve, 0, 8);
    tcase_add_test(t, a_stream_that_asks_for_nothing_is_reset);
    tcase_add_test(t, beyond_its_connections_it_resets);
    tcase_add_test(t, beyond_its_rooms_it_is_not_available);
    tcase_add_test(t, who_comes_with_a_name_takes_its_place);
    tcase_add_test(t, a_silent_client_is_ended_and_the_other_one_told);
    tcase_add_test(t, a_slow_receiver_loses_the_oldest_and_the_sender_hears_how_many);
    tcase_add_test(t, what_is_no_message_of_a_relay_ends_the_connection);
    tcase_add_test(t, after_a_protocol_error_the_stream_is_gone_in_5_s);
    tcase_add_test(t, by_tls_it_is_the_same);
    tcase_add_test(t, it_tells_who_came_went_and_was_refused);
    tcase_add_test(t, when_it_ends_its_clients_hear_1001);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
