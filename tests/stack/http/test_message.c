/* stack/http/message.c and body.c: whole messages over a stream, both roles. */
#include "stack/http/message.h"

#include "stack/stream/layers.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 100

static it_alloc alloc;
static it_stream s;
static it_layers ls;
static it_io out;
static uint8_t buf[IT_LAYER_MESSAGE];

static void make(enum it_http_role role)
{
    it_alloc_init(&alloc);
    memset(&s, 0, sizeof s);
    it_layers_init(&ls, &alloc, &s);
    ck_assert_int_eq(it_layers_push(&ls, it_http_messages(&alloc, role, LARGEST)), 0);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 3, .data = {NULL, 100000}};
    it_stream_accept(&s, &in);
    ck_assert_int_eq(it_layers_input(&ls, 0, &in), 0);
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_OPENED);
}

static void client(void)
{
    make(IT_HTTP_CLIENT);
}

static void server(void)
{
    make(IT_HTTP_SERVER);
}

static void teardown(void)
{
    it_layers_fini(&ls);
    ck_assert_int_eq(alloc.live, 0);
}

/* Bytes come from the far side; returns how many were taken. */
static int comes(const char *text)
{
    return it_layers_input(&ls, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)});
}

static void ends(void)
{
    ck_assert_int_eq(it_layers_input(&ls, 0, &(it_io){.kind = IT_IO_FIN}), 0);
}

static int writes(const char *text)
{
    return it_layers_write(&ls, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)});
}

static void reads(const char *text)
{
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_msg(it_bytes_eq(out.data, it_bytes_str(text)), "%.*s", (int)out.data.n, (const char *)out.data.p);
}

static void reads_end(enum it_io_kind kind)
{
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
}

static void reads_nothing(void)
{
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 0);
}

static void sends(const char *text)
{
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_msg(it_bytes_eq(out.data, it_bytes_str(text)), "%.*s", (int)out.data.n, (const char *)out.data.p);
}

static void sends_end(enum it_io_kind kind)
{
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, kind);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

START_TEST(a_request_with_a_body_comes_in_one_piece)
{
    static const char POST[] = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    for (size_t cut = 1; cut < sizeof POST - 1; cut++) {
        for (size_t at = 0; at < sizeof POST - 1; at += cut) {
            size_t n = sizeof POST - 1 - at < cut ? sizeof POST - 1 - at : cut;
            it_io in = {.kind = IT_IO_DATA, .data = it_bytes_of(POST + at, n)};
            ck_assert_int_eq(it_layers_input(&ls, 0, &in), (int)n);
        }
        reads(POST);
        ck_assert_int_eq(writes(OK), sizeof OK - 1);
        sends(OK);
    }
}
END_TEST

START_TEST(chunks_are_taken_out)
{
    comes("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;why=not\r\nhello\r\n1\r\n!\r\n0\r\nA: "
          "b\r\n\r\n");
    reads("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nhello!");
}
END_TEST

START_TEST(the_next_request_waits_for_the_answer)
{
    ck_assert_int_eq(comes(GET GET), sizeof GET - 1);
    reads(GET);
    reads_nothing();
    ck_assert_int_eq(comes(GET), 0);
    ck_assert_int_eq(writes(OK), sizeof OK - 1);
    sends(OK);
    ck_assert_int_eq(comes(GET), sizeof GET - 1);
    reads(GET);
}
END_TEST

START_TEST(a_server_does_not_answer_what_was_not_asked)
{
    ck_assert_int_eq(writes(OK), IT_ERR_FULL);
    ck_assert_int_eq(writes("no message"), IT_ERR_RANGE);
}
END_TEST

START_TEST(what_cannot_be_read_is_answered_with_400)
{
    static const char *const BAD[] = {
        "nonsense\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\rx\na\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: \rb\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    };
    comes(BAD[_i]);
    reads_end(IT_IO_RST);
    sends("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    sends_end(IT_IO_FIN);
    ck_assert_ptr_nonnull(it_layers_why(&ls));
    ck_assert_int_eq(writes(OK), IT_ERR_STATE);
}
END_TEST

START_TEST(a_length_that_is_too_large_is_413_before_the_body)
{
    (void)comes("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    sends("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}
END_TEST

/* RFC 9110 section 10.1.1 */
START_TEST(a_client_that_waits_for_leave_to_send_its_body_gets_it)
{
    (void)comes("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    sends("HTTP/1.1 100 Continue\r\n\r\n");
    ck_assert_int_eq(comes("hi"), 2);
    reads("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi");
    ck_assert_int_gt(writes("HTTP/1.1 204 No Content\r\n\r\n"), 0);
    sends("HTTP/1.1 204 No Content\r\n\r\n");
}
END_TEST

START_TEST(who_does_not_wait_or_cannot_gets_no_leave)
{
    (void)comes("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nh");
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 0);
    (void)comes("i");
    reads("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    ck_assert_int_gt(writes("HTTP/1.1 204 No Content\r\n\r\n"), 0);
    sends("HTTP/1.1 204 No Content\r\n\r\n");
    (void)comes("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 0);
}
END_TEST

START_TEST(a_body_that_is_too_large_is_413)
{
    static char text[300] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n";
    memset(text + strlen(text), 'x', 101);
    comes(text);
    sends("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    sends_end(IT_IO_FIN);
}
END_TEST

START_TEST(a_head_that_is_too_large_is_431)
{
    static char text[9000] = "GET / HTTP/1.1\r\nA: ";
    memset(text + strlen(text), 'x', 8500);
    comes(text);
    sends("HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}
END_TEST

START_TEST(an_answer_that_closes_closes_the_stream)
{
    comes(GET);
    reads(GET);
    ck_assert_int_gt(writes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-it, Close\r\n\r\n"), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    sends_end(IT_IO_FIN);
    ck_assert_int_eq(comes(GET), sizeof GET - 1); /* nobody reads it */
    reads_nothing();
}
END_TEST

START_TEST(after_101_both_sides_speak_bytes)
{
    comes(GET);
    reads(GET);
    ck_assert_int_gt(writes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(comes("abc"), 3);
    reads("abc");
    ck_assert_int_eq(writes("de"), 2);
    sends("de");
}
END_TEST

START_TEST(a_client_asks_again_when_it_has_the_answer)
{
    ck_assert_int_eq(writes(GET), sizeof GET - 1);
    sends(GET);
    ck_assert_int_eq(writes(GET), IT_ERR_FULL);
    comes("HTTP/1.1 100 Continue\r\n\r\n" OK);
    reads(OK);
    ck_assert_int_eq(writes(GET), sizeof GET - 1);
}
END_TEST

START_TEST(a_head_has_no_body_whatever_its_fields_say)
{
    ck_assert_int_gt(writes("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    comes("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    reads("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
}
END_TEST

START_TEST(a_body_without_a_length_ends_with_the_stream)
{
    ck_assert_int_gt(writes(GET), 0);
    comes("HTTP/1.1 200 OK\r\n\r\nall ");
    comes("of it");
    reads_nothing();
    ends();
    reads("HTTP/1.1 200 OK\r\n\r\nall of it");
    reads_end(IT_IO_FIN);
}
END_TEST

START_TEST(an_end_inside_a_message_is_a_reset)
{
    ck_assert_int_gt(writes(GET), 0);
    sends(GET);
    comes("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhal");
    ends();
    reads_end(IT_IO_RST);
    sends_end(IT_IO_RST);
    ck_assert_str_eq(it_layers_why(&ls), "the stream ended inside a message (RFC 9112 section 8)");
}
END_TEST

START_TEST(connect_that_succeeds_is_a_tunnel)
{
    ck_assert_int_gt(writes("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0);
    comes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    reads("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    comes("bytes");
    reads("bytes");
}
END_TEST

#define CLOSES "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: a\r\nConnection: close\r\n\r\n"

/* RFC 9112 section 9.3: also where HTTP/1.0 says nothing. */
START_TEST(a_request_that_closes_is_the_last)
{
    static const char *const LAST[] = {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                                       "GET / HTTP/1.0\r\n\r\n"};
    comes(LAST[_i]);
    reads(LAST[_i]);
    ck_assert_int_eq(writes(OK), sizeof OK - 1);
    sends(OK);
    sends_end(IT_IO_FIN);
}
END_TEST

START_TEST(a_server_answers_one_behind_the_other)
{
    static char big[16000] = "HTTP/1.1 200 OK\r\nContent-Length: 15900\r\n\r\n";
    memset(big + strlen(big), 'x', 15900);
    ck_assert_int_eq(it_layers_input(&ls, 0, &(it_io){.kind = IT_IO_WRITABLE, .data = {NULL, 0}}), 0);
    for (int k = 0; k < 5; k++) { /* more than the stream below keeps */
        int n = comes(GET);
        if (n == 0)
            return;
        reads(GET);
        ck_assert_int_gt(writes(big), 0);
    }
    ck_abort_msg("requests are read that cannot be answered");
}
END_TEST

START_TEST(an_answer_that_closes_is_the_last)
{
    static const char *const LAST[] = {CLOSES, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"};
    ck_assert_int_gt(writes(GET), 0);
    sends(GET);
    comes(LAST[_i]);
    reads(LAST[_i]);
    ck_assert_int_eq(writes(GET), IT_ERR_STATE);
    sends_end(IT_IO_FIN);
    reads_end(IT_IO_FIN);
    ends();
    reads_nothing();
}
END_TEST

START_TEST(an_answer_of_http_1_0_that_keeps_alive_is_not_the_last)
{
    static const char KEEPS[] = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n";
    ck_assert_int_gt(writes(GET), 0);
    comes(KEEPS);
    reads(KEEPS);
    ck_assert_int_gt(writes(GET), 0);
}
END_TEST

START_TEST(what_nobody_asked_for_ends_the_stream)
{
    if (_i) { /* behind a response that is still read */
        ck_assert_int_gt(writes(GET), 0);
        sends(GET);
        ck_assert_int_eq(comes(OK "\r\nmore"), sizeof OK - 1 + 6);
        reads(OK);
    } else {
        ck_assert_int_eq(comes(OK), sizeof OK - 1);
    }
    reads_end(IT_IO_RST);
    sends_end(IT_IO_RST);
    ck_assert_str_eq(it_layers_why(&ls), "bytes that nobody asked for (RFC 9112 section 9.2)");
}
END_TEST

START_TEST(line_ends_behind_an_answer_are_nothing)
{
    ck_assert_int_gt(writes(GET), 0);
    ck_assert_int_eq(comes(OK "\r\n"), sizeof OK + 1);
    reads(OK);
    ck_assert_int_eq(comes("\r\n"), 2);
    reads_nothing();
    ck_assert_int_gt(writes(GET), 0);
}
END_TEST

/* RFC 9112 section 9.6: a half-closed stream ends no request that was whole. */
START_TEST(who_closes_its_half_has_its_answer_and_no_other_one)
{
    (void)comes("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ends();
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    ck_assert_int_gt(writes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_DATA);
    ck_assert_int_eq(it_layers_output(&ls, 0, &out, buf, sizeof buf), 1);
    ck_assert_int_eq(out.kind, IT_IO_FIN);
    ck_assert_int_eq(writes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), IT_ERR_STATE);
}
END_TEST

START_TEST(who_has_reset_the_stream_has_no_answer)
{
    (void)comes("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(it_layers_read(&ls, 0, &out, buf, sizeof buf), 1);
    if (_i)
        ends();
    ck_assert_int_eq(it_layers_input(&ls, 0, &(it_io){.kind = IT_IO_RST}), 0);
    while (it_layers_read(&ls, 0, &out, buf, sizeof buf) == 1)
        continue;
    ck_assert_int_eq(writes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), IT_ERR_STATE);
}
END_TEST

START_TEST(what_it_answers_by_itself_can_be_asked_for)
{
    const it_layer *l = &ls.v[0];
    ck_assert_int_eq(it_http_answered(l), 0);
    (void)comes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n");
    ck_assert_int_eq(it_http_answered(l), 413);
}
END_TEST

START_TEST(a_message_is_split_where_its_head_ends)
{
    it_bytes head, body;
    it_http_split(it_bytes_str(OK), &head, &body);
    ck_assert(it_bytes_eq(body, it_bytes_str("hi")));
    it_http_split(it_bytes_str("a\n\nb"), &head, &body);
    ck_assert(it_bytes_eq(head, it_bytes_str("a\n\n")));
    it_http_split(it_bytes_str("no end"), &head, &body);
    ck_assert_uint_eq(body.n, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http/message");
    TCase *tc = tcase_create("server");
    tcase_add_checked_fixture(tc, server, teardown);
    tcase_add_test(tc, a_request_with_a_body_comes_in_one_piece);
    tcase_add_test(tc, chunks_are_taken_out);
    tcase_add_test(tc, the_next_request_waits_for_the_answer);
    tcase_add_test(tc, a_server_does_not_answer_what_was_not_asked);
    tcase_add_loop_test(tc, what_cannot_be_read_is_answered_with_400, 0, 18);
    tcase_add_test(tc, a_body_that_is_too_large_is_413);
    tcase_add_test(tc, a_length_that_is_too_large_is_413_before_the_body);
    tcase_add_test(tc, a_client_that_waits_for_leave_to_send_its_body_gets_it);
    tcase_add_test(tc, who_does_not_wait_or_cannot_gets_no_leave);
    tcase_add_test(tc, a_head_that_is_too_large_is_431);
    tcase_add_test(tc, an_answer_that_closes_closes_the_stream);
    tcase_add_test(tc, after_101_both_sides_speak_bytes);
    tcase_add_loop_test(tc, a_request_that_closes_is_the_last, 0, 2);
    tcase_add_test(tc, a_server_answers_one_behind_the_other);
    tcase_add_test(tc, who_closes_its_half_has_its_answer_and_no_other_one);
    tcase_add_loop_test(tc, who_has_reset_the_stream_has_no_answer, 0, 2);
    tcase_add_test(tc, what_it_answers_by_itself_can_be_asked_for);
    tcase_add_test(tc, a_message_is_split_where_its_head_ends);
    suite_add_tcase(suite, tc);
    tc = tcase_create("client");
    tcase_add_checked_fixture(tc, client, teardown);
    tcase_add_test(tc, a_client_asks_again_when_it_has_the_answer);
    tcase_add_test(tc, a_head_has_no_body_whatever_its_fields_say);
    tcase_add_test(tc, a_body_without_a_length_ends_with_the_stream);
    tcase_add_test(tc, an_end_inside_a_message_is_a_reset);
    tcase_add_test(tc, connect_that_succeeds_is_a_tunnel);
    tcase_add_loop_test(tc, an_answer_that_closes_is_the_last, 0, 2);
    tcase_add_test(tc, an_answer_of_http_1_0_that_keeps_alive_is_not_the_last);
    tcase_add_loop_test(tc, what_nobody_asked_for_ends_the_stream, 0, 2);
    tcase_add_test(tc, line_ends_behind_an_answer_are_nothing);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
