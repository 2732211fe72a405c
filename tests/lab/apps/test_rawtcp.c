/* lab/apps/rawtcp.c as an object: what a plain socket says, takes and tells, alone and through a proxy; without memory.
 */
#include "lab/apps/rawtcp.h"

#include "stack/stream/stream.h"

#include <check.h>
#include <string.h>

static it_alloc mem;
static it_rawtcp *T;
static const it_object_ops *const OPS = &it_app_rawtcp;
static char said[2 << 20];
static size_t n_said;
static int opens, fins, resets, asks;

static it_addr A(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static int in(uint32_t flow, enum it_io_kind kind, const void *data, size_t n)
{
    it_io io = {.kind = kind, .flow = flow, .remote = A("10.0.0.2:5"), .data = it_bytes_of(data, n)};
    return OPS->input(T, 7, &io);
}

static void drain(void)
{
    uint8_t buf[1000];
    it_io io;
    while (OPS->output(T, 7, &io, buf, sizeof buf) == 1) {
        if (io.kind == IT_IO_DATA) {
            memcpy(said + n_said, io.data.p, io.data.n);
            n_said += io.data.n;
        }
        opens += io.kind == IT_IO_OPEN;
        fins += io.kind == IT_IO_FIN;
        resets += io.kind == IT_IO_RST;
        asks += io.kind == IT_IO_WRITABLE;
    }
    said[n_said] = 0;
}

static void start(it_rawtcp *t)
{
    T = t;
    n_said = 0;
    opens = fins = resets = asks = 0;
    ck_assert_ptr_nonnull(t);
    drain();
}

static it_rawtcp *connect_by(const char *url)
{
    it_via via = {.kind = IT_VIA_NONE};
    it_alloc_init(&mem);
    ck_assert(!url || it_via_parse(&via, url) == 0);
    return it_rawtcp_connect(&mem, &via, A("198.51.100.1:443"), NULL, NULL);
}

static void stop(void)
{
    OPS->free(T);
    ck_assert_int_eq(mem.live, 0);
}

/* The next event of |T|, taken by its table. */
static int next_event(it_model_event *ev)
{
    it_object_event any;
    int n = OPS->event(T, &any);
    if (n == 1) {
        ck_assert(any.kind == IT_TELLS_MODEL && any.part == -1);
        *ev = *any.u.model;
    }
    return n;
}

static bool next_is(enum it_model_event_kind kind, const char *text)
{
    char closed[IT_CLOSED_TEXT];
    it_model_event ev;
    if (next_event(&ev) != 1 || ev.kind != kind || ev.at != 7)
        return false;
    if (kind == IT_EV_CLOSED)
        return strcmp(it_closed_text(ev.by, ev.status, closed), text) == 0;
    return kind != IT_EV_MESSAGE || it_bytes_eq(ev.data, it_bytes_str(text));
}

static bool quiet(void)
{
    it_model_event ev;
    return next_event(&ev) == 0;
}

START_TEST(a_socket_opens_talks_and_closes_with_its_peer)
{
    start(connect_by(NULL));
    ck_assert_int_eq(opens, 1);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("early")), IT_ERR_STATE);
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 3), 0);
    ck_assert(next_is(IT_EV_OPEN, ""));
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("hello")), 0);
    drain();
    ck_assert_str_eq(said, "hel"); /* no more than there is room */
    ck_assert_int_eq(in(1, IT_IO_WRITABLE, NULL, 100), 0);
    drain();
    ck_assert_str_eq(said, "hello");
    ck_assert_int_eq(in(1, IT_IO_DATA, "yes", 3), 3);
    ck_assert(next_is(IT_EV_MESSAGE, "yes"));
    ck_assert_int_eq(in(1, IT_IO_FIN, NULL, 0), 0);
    ck_assert(next_is(IT_EV_CLOSED, "remote"));
    drain();
    ck_assert_int_eq(fins, 1);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("late")), IT_ERR_STATE);
    ck_assert(quiet());
    stop();
}
END_TEST

START_TEST(an_attempt_that_fails_says_why)
{
    static const struct {
        enum it_io_end end;
        const char *by;
    } WHY[] = {{IT_IO_END_REFUSED, "refused"},
               {IT_IO_END_TIMEOUT, "timeout"},
               {IT_IO_END_UNREACHABLE, "unreachable"},
               {IT_IO_END_RESET, "reset"},
               {IT_IO_END_LOCAL, "local"}};
    it_io rst = {.kind = IT_IO_RST, .flow = 1, .end = WHY[_i / 2].end};
    start(connect_by(_i % 2 ? "http://10.9.9.9:3128" : NULL)); /* of the stream to the proxy, too */
    ck_assert_int_eq(OPS->input(T, 7, &rst), 0);
    ck_assert(next_is(IT_EV_CLOSED, WHY[_i / 2].by));
    ck_assert(quiet());
    stop();
}
END_TEST

START_TEST(who_ends_it_is_told_once)
{
    start(connect_by(NULL));
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 100), 0);
    ck_assert(next_is(IT_EV_OPEN, ""));
    if (_i == 0)
        ck_assert_int_eq(in(1, IT_IO_RST, NULL, 0), 0);
    else
        it_rawtcp_close(T, 7, _i == 2);
    drain();
    ck_assert(next_is(IT_EV_CLOSED, _i == 0 ? "reset" : "local"));
    ck_assert(fins == (_i == 1) && resets == (_i == 2));
    ck_assert_int_eq(in(1, IT_IO_FIN, NULL, 0), 0);
    it_rawtcp_close(T, 7, false);
    ck_assert(quiet());
    stop();
}
END_TEST

START_TEST(what_does_not_fit_is_refused_whole)
{
    static char big[IT_STREAM_BUF];
    start(connect_by(NULL));
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 0), 0);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big, sizeof big - 1)), 0);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big, 2)), IT_ERR_FULL);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big, 1)), 0);
    stop();
}
END_TEST

START_TEST(through_a_proxy_it_opens_when_the_proxy_says_so)
{
    start(connect_by("http://10.9.9.9:3128"));
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 1000), 0);
    drain();
    ck_assert_ptr_nonnull(strstr(said, "CONNECT 198.51.100.1:443 HTTP/1.1\r\n"));
    ck_assert(quiet());
    ck_assert_int_eq(in(1, IT_IO_DATA, "HTTP/1.1 200 OK\r\n\r\nfirst", 24), 24);
    ck_assert(next_is(IT_EV_OPEN, "") && next_is(IT_EV_MESSAGE, "first") && quiet());
    stop();
    start(connect_by("http://10.9.9.9:3128"));
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 1000), 0);
    ck_assert_int_eq(in(1, IT_IO_DATA, "HTTP/1.1 407 No\r\n\r\nbody", 23), 23);
    ck_assert(next_is(IT_EV_CLOSED, "http 407"));
    drain();
    ck_assert_int_eq(fins, 1);
    stop();
}
END_TEST

START_TEST(an_echo_takes_no_more_than_it_can_send_back)
{
    static char big[3 * IT_STREAM_BUF];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + i % 23);
    it_alloc_init(&mem);
    start(it_rawtcp_listen(&mem, true, NULL));
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW, IT_IO_ACCEPTED, NULL, 0), 0);
    ck_assert(next_is(IT_EV_OPEN, ""));
    size_t at = 0;
    for (int i = 0; i < 100 && n_said < 30000; i++) {
        if (asks || i == 0) {
            asks = 0;
            int n = in(IT_IO_ACCEPTED_FLOW, IT_IO_DATA, big + at, 30000 - at);
            ck_assert_int_ge(n, 0);
            at += (size_t)n;
            ck_assert_uint_le(at - n_said, IT_STREAM_BUF);
        }
        ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW, IT_IO_WRITABLE, NULL, 3000), 0);
        drain();
    }
    ck_assert_uint_eq(n_said, 30000);
    ck_assert_int_eq(memcmp(said, big, 30000), 0);
    stop();
}
END_TEST

START_TEST(a_large_message_is_taken_where_nothing_waits_and_keeps_its_order)
{
    static char big[100000];
    uint32_t flow = 0;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + i % 23);
    start(connect_by(NULL));
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 0), 0);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big, 36000)), 0);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big, 1)), IT_ERR_FULL);
    ck_assert_uint_eq(it_rawtcp_waiting(T, 0, &flow), 36000);
    ck_assert_uint_eq(flow, 1);
    ck_assert_uint_eq(it_rawtcp_waiting(T, 1, &flow), 0);
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(in(1, IT_IO_WRITABLE, NULL, 5000), 0);
        drain();
    }
    ck_assert_uint_eq(n_said, 35000);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big + 36000, 2000)), 0);
    it_rawtcp_close(T, 7, false);
    ck_assert_int_eq(in(1, IT_IO_WRITABLE, NULL, 5000), 0);
    drain();
    ck_assert_uint_eq(n_said, 38000);
    ck_assert_int_eq(memcmp(said, big, 38000), 0);
    ck_assert_int_eq(fins, 1); /* behind the last byte */
    stop();
    start(connect_by(NULL));
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 0), 0);
    static char huge[IT_RAWTCP_SEND + 1];
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(huge, sizeof huge)), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(huge, sizeof huge - 1)), 0);
    stop();
}
END_TEST

START_TEST(an_echo_stays_behind_what_was_sent_before)
{
    static char big[30000];
    memset(big, 'x', sizeof big);
    it_alloc_init(&mem);
    start(it_rawtcp_listen(&mem, true, NULL));
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW, IT_IO_ACCEPTED, NULL, 0), 0);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_of(big, sizeof big)), 0);
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW, IT_IO_DATA, "echo", 4), 0); /* not yet */
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW, IT_IO_WRITABLE, NULL, 5000), 0);
        drain();
    }
    ck_assert_int_eq(asks, 1); /* and it asks for the rest by itself */
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW, IT_IO_DATA, "echo", 4), 4);
    drain();
    ck_assert_uint_eq(n_said, 30004);
    ck_assert_int_eq(memcmp(said + 30000, "echo", 4), 0);
    stop();
}
END_TEST

START_TEST(half_a_close_goes_on_reading)
{
    start(connect_by(NULL));
    ck_assert_int_eq(it_rawtcp_finish(T), IT_ERR_STATE);
    ck_assert_int_eq(in(1, IT_IO_OPENED, NULL, 100), 0);
    ck_assert(next_is(IT_EV_OPEN, ""));
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("all")), 0);
    ck_assert_int_eq(it_rawtcp_finish(T), 0);
    drain();
    ck_assert_str_eq(said, "all");
    ck_assert_int_eq(fins, 1);
    ck_assert(quiet());
    ck_assert_int_eq(it_rawtcp_finish(T), IT_ERR_STATE);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("more")), IT_ERR_STATE);
    ck_assert_int_eq(in(1, IT_IO_DATA, "answer", 6), 6);
    ck_assert(next_is(IT_EV_MESSAGE, "answer"));
    ck_assert_int_eq(in(1, IT_IO_FIN, NULL, 0), 0);
    ck_assert(next_is(IT_EV_CLOSED, "remote") && quiet());
    stop();
}
END_TEST

START_TEST(a_listener_forgets_the_streams_that_are_gone)
{
    /* As many as come in a long run, each with 16 KiB of buffer: no block stays. */
    it_alloc_init(&mem);
    start(it_rawtcp_listen(&mem, true, NULL));
    int64_t most = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t flow = IT_IO_ACCEPTED_FLOW + i;
        ck_assert_int_eq(in(flow, IT_IO_ACCEPTED, NULL, 100), 0);
        ck_assert_int_eq(in(flow, IT_IO_DATA, "abc", 3), 3);
        drain();
        ck_assert_int_eq(in(flow, i % 2 ? IT_IO_FIN : IT_IO_RST, NULL, 0), 0);
        drain();
        while (!quiet())
            ;
        most = mem.live > most ? mem.live : most;
    }
    ck_assert_int_lt(most, 20);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("to nobody")), IT_ERR_STATE);
    /* The latest one is meant, not an older one that happens to live. */
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW + 6000, IT_IO_ACCEPTED, NULL, 100), 0);
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW + 6001, IT_IO_ACCEPTED, NULL, 100), 0);
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("second")), 0);
    drain();
    ck_assert_int_eq(in(IT_IO_ACCEPTED_FLOW + 6001, IT_IO_RST, NULL, 0), 0);
    drain();
    ck_assert_int_eq(it_rawtcp_send(T, it_bytes_str("first?")), IT_ERR_STATE);
    stop();
}
END_TEST

static int scene(it_alloc *a, bool listens)
{
    it_via via = {.kind = IT_VIA_NONE};
    T = listens ? it_rawtcp_listen(a, true, NULL) : it_rawtcp_connect(a, &via, A("198.51.100.1:443"), NULL, NULL);
    if (!T)
        return IT_ERR_NOMEM;
    int err = listens ? in(IT_IO_ACCEPTED_FLOW, IT_IO_ACCEPTED, NULL, 100) : in(1, IT_IO_OPENED, NULL, 100);
    if (err >= 0)
        err = in(listens ? IT_IO_ACCEPTED_FLOW : 1, IT_IO_DATA, "abc", 3);
    if (err >= 0) {
        static const char big[20000]; /* more than the leg holds */
        err = it_rawtcp_send(T, it_bytes_of(big, sizeof big));
        err = err == IT_ERR_FULL ? 0 : err;
    }
    OPS->free(T);
    return err < 0 ? err : 0;
}

START_TEST(every_failed_allocation_is_said_and_leaves_nothing)
{
    for (uint64_t n = 0;; n++) {
        ck_assert_uint_lt(n, 30);
        it_alloc_init_countdown(&mem, n);
        int err = scene(&mem, _i);
        ck_assert_int_eq(mem.live, 0);
        if (err == 0)
            break;
        ck_assert_int_eq(err, IT_ERR_NOMEM);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/rawtcp");
    TCase *t = tcase_create("plain sockets");
    tcase_add_test(t, a_socket_opens_talks_and_closes_with_its_peer);
    tcase_add_loop_test(t, who_ends_it_is_told_once, 0, 3);
    tcase_add_loop_test(t, an_attempt_that_fails_says_why, 0, 10);
    tcase_add_test(t, what_does_not_fit_is_refused_whole);
    tcase_add_test(t, through_a_proxy_it_opens_when_the_proxy_says_so);
    tcase_add_test(t, an_echo_takes_no_more_than_it_can_send_back);
    tcase_add_test(t, a_large_message_is_taken_where_nothing_waits_and_keeps_its_order);
    tcase_add_test(t, an_echo_stays_behind_what_was_sent_before);
    tcase_add_test(t, half_a_close_goes_on_reading);
    tcase_add_test(t, a_listener_forgets_the_streams_that_are_gone);
    tcase_add_loop_test(t, every_failed_allocation_is_said_and_leaves_nothing, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
