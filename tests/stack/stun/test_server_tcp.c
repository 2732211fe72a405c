/* A STUN server over TCP: RFC 8489 section 6.2.2. */
#include "stack/stun/server_tcp.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc alloc;
static it_stun_tcp *server;

static const it_addr FROM = {{0, 0xffffcb007109u}, 4000}, OWN = {{0, 0xffffcb007102u}, 3478};

static void setup(void)
{
    it_alloc_init(&alloc);
    it_stun_server_cfg cfg = {.alloc = &alloc};
    it_rng_init(&cfg.rng, 1, "server");
    it_stun_tcp_limits limits = {.first = 10 * IT_SEC, .idle = 60 * IT_SEC};
    server = it_stun_tcp_new(&cfg, &limits);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 7, .local = OWN, .remote = FROM, .data = {NULL, 1000}};
    ck_assert_int_eq(it_stun_tcp_input(server, 0, &in), 0);
}

static void teardown(void)
{
    it_stun_tcp_free(server);
    ck_assert_int_eq(alloc.live, 0);
}

static int put(const uint8_t *p, size_t n)
{
    return it_stun_tcp_input(server, 0, &(it_io){.kind = IT_IO_DATA, .flow = 7, .data = {p, n}});
}

static size_t request(uint8_t out[64], uint8_t id)
{
    uint8_t txid[IT_STUN_TXID] = {id};
    it_buf b;
    it_buf_init(&b, out, 64);
    it_stun_begin(&b, IT_STUN_REQUEST, IT_STUN_BINDING, txid);
    return (size_t)it_stun_end(&b);
}

START_TEST(requests_are_answered_in_order_however_the_bytes_are_cut)
{
    uint8_t bytes[128], out[256], got[256];
    size_t n = request(bytes, 1), have = 0;
    n += request(bytes + n, 2);
    size_t step = (size_t)_i + 1;
    for (size_t at = 0; at < n; at += step)
        ck_assert_int_ge(put(bytes + at, n - at < step ? n - at : step), 0);
    it_io io;
    while (it_stun_tcp_output(server, 0, &io, out, sizeof out) == 1) {
        ck_assert(io.kind == IT_IO_DATA && io.flow == 7);
        memcpy(got + have, io.data.p, io.data.n);
        have += io.data.n;
    }
    for (uint8_t id = 1; id <= 2; id++) {
        it_stun_msg m;
        it_addr mapped;
        size_t one = have / 2;
        ck_assert_int_eq(it_stun_parse(&m, it_bytes_of(got + (id - 1) * one, one)), 0);
        ck_assert_int_eq(m.txid[0], id);
        ck_assert_int_eq(it_stun_get_addr(&m, IT_STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
        ck_assert(it_addr_eq(mapped, FROM));
    }
}
END_TEST

START_TEST(what_is_no_stun_or_too_long_is_reset)
{
    static const uint8_t BAD[][20] = {"GET / HTTP/1.1\r\nHost", {0, 1, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42}};
    uint8_t out[64];
    it_io io;
    ck_assert_int_eq(put(BAD[_i], 20), 20);
    ck_assert_int_eq(it_stun_tcp_output(server, 0, &io, out, sizeof out), 1);
    ck_assert_int_eq(io.kind, IT_IO_RST);
    ck_assert_int_eq(it_stun_tcp_output(server, 0, &io, out, sizeof out), 0);
}
END_TEST

START_TEST(a_client_that_has_ended_is_ended_behind_its_answer)
{
    uint8_t bytes[64], out[256];
    it_io io;
    ck_assert_int_ge(put(bytes, request(bytes, 1)), 20);
    ck_assert_int_eq(it_stun_tcp_input(server, 0, &(it_io){.kind = IT_IO_FIN, .flow = 7}), 0);
    ck_assert_int_eq(it_stun_tcp_output(server, 0, &io, out, sizeof out), 1);
    ck_assert_int_eq(io.kind, IT_IO_DATA);
    ck_assert_int_eq(it_stun_tcp_output(server, 0, &io, out, sizeof out), 1);
    ck_assert_int_eq(io.kind, IT_IO_FIN);
}
END_TEST

START_TEST(one_client_too_many_is_reset_and_the_others_stay)
{
    uint8_t out[64];
    it_io io;
    for (uint32_t i = 1; i <= IT_STUN_TCP_CONNS; i++) {
        it_io in = {.kind = IT_IO_ACCEPTED, .flow = 100 + i, .local = OWN, .remote = FROM, .data = {NULL, 1000}};
        ck_assert_int_eq(it_stun_tcp_input(server, 0, &in), 0);
    }
    ck_assert_int_eq(it_stun_tcp_output(server, 0, &io, out, sizeof out), 1);
    ck_assert(io.kind == IT_IO_RST && io.flow == 100 + IT_STUN_TCP_CONNS);
    ck_assert_int_eq(it_stun_tcp_output(server, 0, &io, out, sizeof out), 0);
}
END_TEST

START_TEST(every_request_of_a_client_that_does_not_read_is_answered_and_no_more_taken_than_that)
{
    enum { N = 2000 };
    static uint8_t bytes[N * 64];
    uint8_t out[256];
    size_t n = 0, at = 0, answers = 0;
    it_io io;
    for (int k = 0; k < N; k++)
        n += request(bytes + n, (uint8_t)k);
    int took = put(bytes, n);
    ck_assert_int_gt(took, 0);
    ck_assert_uint_lt((size_t)took, n / 4);
    ck_assert_int_eq(put(bytes + took, n - (size_t)took), 0); /* nothing of it until there is room */
    at = (size_t)took;
    while (it_stun_tcp_output(server, 0, &io, out, sizeof out) == 1) {
        ck_assert(io.kind == IT_IO_DATA || io.kind == IT_IO_WRITABLE);
        answers += io.kind == IT_IO_DATA ? io.data.n : 0;
        if (io.kind == IT_IO_WRITABLE)
            at += (size_t)put(bytes + at, n - at);
        ck_assert_int_eq(
            it_stun_tcp_input(server, 0, &(it_io){.kind = IT_IO_WRITABLE, .flow = 7, .data = {NULL, 1000}}), 0);
    }
    ck_assert_uint_eq(at, n);
    ck_assert_uint_eq(it_stun_tcp_stat(server)->requests, N);
    ck_assert_uint_eq(answers % N, 0); /* all of one size */
    ck_assert_uint_gt(answers, 0);
}
END_TEST

START_TEST(a_client_that_is_silent_for_too_long_is_reset_and_one_that_asks_is_not)
{
    uint8_t bytes[64], out[256];
    it_io io;
    it_time at = 9 * IT_SEC;
    ck_assert_int_eq(it_stun_tcp_next(server), 10 * IT_SEC);
    size_t n = request(bytes, 1);
    it_io in = {.kind = IT_IO_DATA, .flow = 7, .data = {bytes, n - 1}};
    ck_assert_int_eq(it_stun_tcp_input(server, at, &in), (int)n - 1);
    ck_assert_int_eq(it_stun_tcp_next(server), 10 * IT_SEC); /* a part of a request is none */
    in.data = it_bytes_of(bytes + n - 1, 1);
    ck_assert_int_eq(it_stun_tcp_input(server, at, &in), 1);
    ck_assert_int_eq(it_stun_tcp_next(server), at + 60 * IT_SEC);
    ck_assert_int_eq(it_stun_tcp_output(server, at, &io, out, sizeof out), 1);
    ck_assert_int_eq(it_stun_tcp_tick(server, at + 60 * IT_SEC - 1), 0);
    ck_assert_int_eq(it_stun_tcp_output(server, at + 60 * IT_SEC - 1, &io, out, sizeof out), 0);
    ck_assert_int_eq(it_stun_tcp_tick(server, at + 60 * IT_SEC), 0);
    ck_assert_int_eq(it_stun_tcp_next(server), IT_NEVER);
    ck_assert_int_eq(it_stun_tcp_output(server, at + 60 * IT_SEC, &io, out, sizeof out), 1);
    ck_assert(io.kind == IT_IO_RST && io.flow == 7);
    ck_assert_uint_eq(it_stun_tcp_stat(server)->idle, 1);
}
END_TEST

START_TEST(one_that_never_asks_is_reset_sooner)
{
    uint8_t out[64];
    it_io io;
    ck_assert_int_eq(it_stun_tcp_tick(server, 10 * IT_SEC), 0);
    ck_assert_int_eq(it_stun_tcp_output(server, 10 * IT_SEC, &io, out, sizeof out), 1);
    ck_assert_int_eq(io.kind, IT_IO_RST);
}
END_TEST

START_TEST(without_limits_of_time_none_passes)
{
    it_stun_server_cfg cfg = {.alloc = &alloc};
    it_rng_init(&cfg.rng, 1, "server");
    it_stun_tcp *s = it_stun_tcp_new(&cfg, NULL);
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 7, .local = OWN, .remote = FROM, .data = {NULL, 1000}};
    ck_assert_int_eq(it_stun_tcp_input(s, 0, &in), 0);
    ck_assert_int_eq(it_stun_tcp_next(s), IT_NEVER);
    it_stun_tcp_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/stun/server_tcp");
    TCase *t = tcase_create("RFC 8489 section 6.2.2");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, requests_are_answered_in_order_however_the_bytes_are_cut, 0, 45);
    tcase_add_loop_test(t, what_is_no_stun_or_too_long_is_reset, 0, 2);
    tcase_add_test(t, a_client_that_has_ended_is_ended_behind_its_answer);
    tcase_add_test(t, one_client_too_many_is_reset_and_the_others_stay);
    tcase_add_test(t, every_request_of_a_client_that_does_not_read_is_answered_and_no_more_taken_than_that);
    tcase_add_test(t, a_client_that_is_silent_for_too_long_is_reset_and_one_that_asks_is_not);
    tcase_add_test(t, one_that_never_asks_is_reset_sooner);
    tcase_add_test(t, without_limits_of_time_none_passes);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
