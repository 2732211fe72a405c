/* stack/ws: the handshake's vectors, both ends over a pipe, refusals, silence, closing. */
#include "stack/ws/ws.h"

#include "stack/http/message.h"
#include "stack/stream/layers.h"
#include "stack/ws/handshake.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 1000000
#define LARGEST 4000

enum { CLIENT, SERVER };

static it_alloc A;
static it_stream S[2];
static it_layers L[2];
static it_layer W[2];
static uint8_t buf[IT_LAYER_MESSAGE], other[IT_LAYER_MESSAGE];
static it_time now;
static char got[2][1 << 16]; /* messages, and "<open>", "<fin>", "<rst>" */
static bool cut;             /* nothing passes */
static const char *answer;   /* the server says this instead of 101 */

static it_ws_cfg config(void)
{
    it_ws_cfg cfg = {.alloc = &A, .largest = LARGEST, .protocol = "p", .open_wait = IT_SEC};
    cfg.ping_every = 10 * IT_SEC;
    cfg.ping_wait = 3 * IT_SEC;
    it_rng_init(&cfg.rng, 1, "ws");
    return cfg;
}

static void note(int k, const char *text, size_t n)
{
    size_t at = strlen(got[k]);
    ck_assert_uint_lt(at + n, sizeof got[k]);
    memcpy(got[k] + at, text, n);
    got[k][at + n] = 0;
}

/* The server reads a request: it answers, or becomes a WebSocket. */
static void serve(it_bytes message)
{
    it_bytes head, body;
    it_http_split(message, &head, &body);
    int status = it_ws_judge(head);
    ck_assert_int_eq(status, 101);
    if (answer) {
        ck_assert_int_ge(it_layers_write(&L[SERVER], now, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(answer)}),
                         0);
        return;
    }
    it_ws_cfg cfg = config();
    cfg.ping_every = 0;
    W[SERVER] = it_ws_server(&cfg, head);
    ck_assert_int_eq(it_layers_push(&L[SERVER], W[SERVER]), 0);
}

static bool read_end(int k)
{
    static const char *const END[] = {[IT_IO_OPENED] = "<open>", [IT_IO_FIN] = "<fin>", [IT_IO_RST] = "<rst>"};
    it_io in;
    int n = it_layers_read(&L[k], now, &in, buf, sizeof buf);
    ck_assert_int_ge(n, 0);
    if (n == 0)
        return false;
    if (in.kind == IT_IO_DATA && k == SERVER && !W[SERVER].ops)
        serve(in.data);
    else if (in.kind == IT_IO_DATA)
        note(k, (const char *)in.data.p, in.data.n);
    else if (W[k].ops)
        note(k, END[in.kind], strlen(END[in.kind]));
    return true;
}

static bool write_end(int k)
{
    it_io out;
    int n = it_layers_output(&L[k], now, &out, other, sizeof other);
    ck_assert_int_ge(n, 0);
    if (n == 0)
        return false;
    if (cut || out.kind == IT_IO_OPEN || out.kind == IT_IO_WRITABLE)
        return true;
    if (out.kind == IT_IO_DATA)
        it_stream_input(&S[k], &(it_io){.kind = IT_IO_WRITABLE, .data = {NULL, ROOM}});
    for (size_t at = 0; at < out.data.n || at == 0;) {
        it_io in = {.kind = out.kind, .data = it_bytes_of(out.data.p + at, out.data.n - at)};
        n = it_layers_input(&L[!k], now, &in);
        ck_assert_int_ge(n, 0);
        if (out.kind != IT_IO_DATA)
            break;
        at += (size_t)n;
        while (read_end(!k))
            continue;
    }
    return true;
}

static void settle(void)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (int k = 0; k < 2; k++) {
            while (read_end(k))
                moved = true;
            while (write_end(k))
                moved = true;
        }
    }
}

static void setup(void)
{
    it_alloc_init(&A);
    memset(S, 0, sizeof S);
    memset(W, 0, sizeof W);
    memset(got, 0, sizeof got);
    cut = false;
    answer = NULL;
    now = 0;
    it_ws_cfg cfg = config();
    for (int k = 0; k < 2; k++) {
        it_layers_init(&L[k], &A, &S[k]);
        ck_assert_int_eq(it_layers_push(&L[k], it_http_messages(&A, k ? IT_HTTP_SERVER : IT_HTTP_CLIENT, 1000)), 0);
    }
    W[CLIENT] = it_ws_client(&cfg, "h", "/t");
    ck_assert_int_eq(it_layers_push(&L[CLIENT], W[CLIENT]), 0);
}

static void teardown(void)
{
    it_layers_fini(&L[0]);
    it_layers_fini(&L[1]);
    ck_assert_int_eq(A.live, 0);
}

static void connect_ends(void)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 1, .data = {NULL, ROOM}};
    for (int k = 1; k >= 0; k--) {
        it_stream_accept(&S[k], &in);
        ck_assert_int_ge(it_layers_input(&L[k], now, &in), 0);
        in.kind = IT_IO_OPENED;
    }
    settle();
}

static void writes(int k, const char *text)
{
    ck_assert_int_eq(it_layers_write(&L[k], now, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)}),
                     (int)strlen(text));
    settle();
}

static void runs(it_time until)
{
    for (;;) {
        it_time a = it_layers_next(&L[0]), b = it_layers_next(&L[1]), t = a < b ? a : b;
        if (t > until)
            break;
        now = t > now ? t : now;
        ck_assert_int_ge(it_layers_tick(&L[0], now), 0);
        ck_assert_int_ge(it_layers_tick(&L[1], now), 0);
        settle();
    }
    now = until;
}

START_TEST(the_key_of_the_rfc_has_its_answer)
{
    char accept[IT_WS_ACCEPT + 1]; /* RFC 6455 section 1.3 */
    it_ws_accept(it_bytes_str("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

START_TEST(messages_pass_both_ways)
{
    static char large[LARGEST + 1];
    connect_ends();
    memset(large, 'x', LARGEST);
    writes(CLIENT, "one");
    writes(CLIENT, "");
    writes(SERVER, "two");
    writes(CLIENT, large);
    ck_assert_str_eq(got[CLIENT], "<open>two");
    ck_assert_uint_eq(strlen(got[SERVER]), strlen("<open>one") + LARGEST);
}
END_TEST

START_TEST(a_message_that_is_too_large_is_not_taken)
{
    static uint8_t large[LARGEST + 1];
    connect_ends();
    it_io in = {.kind = IT_IO_DATA, .data = it_bytes_of(large, sizeof large)};
    ck_assert_int_eq(it_layers_write(&L[0], now, &in), IT_ERR_TOOBIG);
}
END_TEST

START_TEST(closing_is_a_handshake)
{
    connect_ends();
    writes(SERVER, "last");
    ck_assert_int_ge(it_layers_write(&L[_i], now, &(it_io){.kind = IT_IO_FIN}), 0);
    settle();
    ck_assert_str_eq(got[CLIENT], "<open>last<fin>");
    ck_assert_str_eq(got[SERVER], "<open><fin>");
    ck_assert_int_eq(it_ws_state_of(&W[!_i])->code, 1000);
    ck_assert_int_eq(it_ws_state_of(&W[0])->phase, IT_WS_OVER);
    ck_assert_int_eq(it_ws_state_of(&W[1])->phase, IT_WS_OVER);
    ck_assert_int_eq(it_layers_next(&L[0]), IT_NEVER);
}
END_TEST

START_TEST(a_code_of_ones_own_arrives)
{
    connect_ends();
    it_ws_close(&W[SERVER], 0, 4001);
    settle();
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->code, 4001);
}
END_TEST

/* From when it closes, not from when it has heard of the other end. */
START_TEST(the_close_of_the_other_end_is_waited_for)
{
    connect_ends();
    it_ws_close(&W[SERVER], 100 * IT_SEC, 4001);
    ck_assert_int_eq(it_layers_next(&L[SERVER]), 100 * IT_SEC + IT_WS_CLOSE_WAIT);
}
END_TEST

START_TEST(an_answer_that_is_no_upgrade_fails)
{
    static const struct {
        const char *answer;
        int status;
    } CASE[] = {{"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403},
                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200},
                {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                 "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
                 101},
                {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 101}};
    answer = CASE[_i].answer;
    connect_ends();
    ck_assert_str_eq(got[CLIENT], "<rst>");
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->fault, IT_WS_FAULT_HANDSHAKE);
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->status, CASE[_i].status);
    ck_assert_ptr_nonnull(it_layers_why(&L[CLIENT]));
}
END_TEST

START_TEST(silence_is_asked_and_answered)
{
    connect_ends();
    runs(100 * IT_SEC);
    ck_assert_str_eq(got[CLIENT], "<open>");
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->phase, IT_WS_OPEN);
}
END_TEST

START_TEST(a_peer_that_answers_no_ping_is_given_up)
{
    connect_ends();
    runs(5 * IT_SEC);
    cut = true;
    runs(13 * IT_SEC - 1);
    ck_assert_str_eq(got[CLIENT], "<open>");
    runs(13 * IT_SEC);
    ck_assert_str_eq(got[CLIENT], "<open><rst>");
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->fault, IT_WS_FAULT_SILENCE);
}
END_TEST

START_TEST(a_handshake_that_nobody_answers_is_given_up)
{
    cut = true;
    connect_ends();
    runs(IT_SEC);
    ck_assert_str_eq(got[CLIENT], "<rst>");
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->fault, IT_WS_FAULT_SILENCE);
}
END_TEST

START_TEST(a_stream_that_ends_is_told)
{
    connect_ends();
    it_io in = {.kind = _i ? IT_IO_FIN : IT_IO_RST};
    ck_assert_int_ge(it_layers_input(&L[CLIENT], now, &in), 0);
    settle();
    ck_assert_str_eq(got[CLIENT], "<open><rst>");
    ck_assert_int_eq(it_ws_state_of(&W[CLIENT])->fault, IT_WS_FAULT_STREAM);
}
END_TEST

START_TEST(equal_streams_make_equal_masks)
{
    char first[200];
    it_ws_cfg cfg = config();
    for (int k = 0; k < 2; k++) {
        it_io out;
        it_layer w = it_ws_client(&cfg, "h", "/t");
        ck_assert_int_eq(w.ops->from_below(w.l, 0, &(it_io){.kind = IT_IO_OPENED}), 0);
        ck_assert_int_eq(w.ops->to_below(w.l, 0, &out, buf, sizeof buf), 1);
        buf[out.data.n] = 0;
        if (k == 0)
            memcpy(first, buf, sizeof first);
        else
            ck_assert_mem_eq(first, buf, 100);
        w.ops->free(w.l);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ws");
    TCase *t = tcase_create("ws");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_key_of_the_rfc_has_its_answer);
    tcase_add_test(t, messages_pass_both_ways);
    tcase_add_test(t, a_message_that_is_too_large_is_not_taken);
    tcase_add_loop_test(t, closing_is_a_handshake, 0, 2);
    tcase_add_test(t, a_code_of_ones_own_arrives);
    tcase_add_test(t, the_close_of_the_other_end_is_waited_for);
    tcase_add_loop_test(t, an_answer_that_is_no_upgrade_fails, 0, 4);
    tcase_add_test(t, silence_is_asked_and_answered);
    tcase_add_test(t, a_peer_that_answers_no_ping_is_given_up);
    tcase_add_test(t, a_handshake_that_nobody_answers_is_given_up);
    tcase_add_loop_test(t, a_stream_that_ends_is_told, 0, 2);
    tcase_add_test(t, equal_streams_make_equal_masks);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
