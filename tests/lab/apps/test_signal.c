/* lab/apps/signal.c: what a signal client tells in the words of models, and what it draws for its proxies. */
#include "lab/apps/signal.h"

#include "stack/model/model.h"
#include "tests/stack/tls/ends.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static it_alloc Mem;
static it_signal_app *App;
static it_model_event Ev;
static it_time Now;
static uint8_t Buf[70000];

static void setup(void)
{
    it_alloc_init(&Mem);
    Now = IT_SEC;
    App = NULL;
}

static void teardown(void)
{
    if (App)
        it_app_signal.free(App);
    ck_assert_int_eq(Mem.live, 0);
}

static void make_app(uint64_t seed, const char *via)
{
    it_signal_client_cfg cfg = {.alloc = &Mem, .box = "alice"};
    ck_assert_int_eq(it_addr_parse(&cfg.server, "198.51.100.9:80"), 0);
    it_rng_init(&cfg.rng, seed, "app");
    App = it_signal_app_new(&cfg, via);
    ck_assert_ptr_nonnull(App);
}

static void input(it_io in)
{
    ck_assert_int_ge(it_app_signal.input(App, Now, &in), 0);
}

static void says(uint32_t flow, const char *text)
{
    input((it_io){.kind = IT_IO_DATA, .flow = flow, .data = it_bytes_str(text)});
}

/* The next output of |kind|, all before it passed over. */
static it_io puts_out(enum it_io_kind kind)
{
    it_io out;
    int got;
    ck_assert_int_eq(it_app_signal.tick(App, Now), 0);
    while ((got = it_app_signal.output(App, Now, &out, Buf, sizeof Buf)) == 1 && out.kind != kind)
        continue;
    ck_assert_int_eq(got, 1);
    return out;
}

/* The next event into |Ev|; false: there is none. */
static bool tells(void)
{
    it_object_event ev;
    if (it_app_signal.event(App, &ev) != 1)
        return false;
    ck_assert_int_eq(ev.kind, IT_TELLS_MODEL);
    Ev = *ev.u.model;
    return true;
}

/* Opens the next stream that is asked for, and answers to the proxy's first question with a challenge by Digest: the
 * cnonce of the second one into |cnonce|. */
static void challenge(char cnonce[64])
{
    it_io out = puts_out(IT_IO_OPEN);
    uint32_t flow = out.flow;
    input((it_io){.kind = IT_IO_OPENED, .flow = flow, .data = {NULL, 100000}});
    (void)puts_out(IT_IO_DATA);
    says(flow, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nProxy-Authenticate: Digest "
               "realm=\"r\", qop=\"auth\", algorithm=SHA-256, nonce=\"n\"\r\n\r\n");
    out = puts_out(IT_IO_DATA);
    const char *at = memmem(out.data.p, out.data.n, "cnonce=\"", 8);
    ck_assert_ptr_nonnull(at);
    snprintf(cnonce, 64, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    input((it_io){.kind = IT_IO_RST, .flow = flow, .end = IT_IO_END_RESET});
}

/* RFC 7616 section 3.3: a cnonce is nobody else's. By a proxy of all, of an address, and of an address that came later.
 */
START_TEST(each_client_has_a_cnonce_of_its_own)
{
    char cnonce[2][64];
    for (int k = 0; k < 2; k++) {
        it_signal_exit one = {.local = it_ip4(0x0a000001u)};
        make_app((uint64_t)k + 1, _i == 0 ? "http://u:p@10.9.9.9:3128" : NULL);
        ck_assert_int_eq(it_via_parse(&one.via, "http://u:p@10.9.9.9:3128"), 0);
        if (_i)
            it_signal_app_exits(App, &one, 1);
        input((it_io){.kind = IT_IO_BOUND, .flow = 1, .local = {it_ip4(0x0a000001u), 5000}});
        challenge(cnonce[k]);
        it_app_signal.free(App);
        App = NULL;
    }
    ck_assert_str_ne(cnonce[0], cnonce[1]);
}
END_TEST

START_TEST(proxies_that_are_told_anew_are_asked_with_another_cnonce)
{
    char cnonce[2][64];
    it_signal_exit one = {.local = it_ip4(0x0a000001u)};
    make_app(1, NULL);
    ck_assert_int_eq(it_via_parse(&one.via, "http://u:p@10.9.9.9:3128"), 0);
    input((it_io){.kind = IT_IO_BOUND, .flow = 1, .local = {it_ip4(0x0a000001u), 5000}});
    for (int k = 0; k < 2; k++) {
        it_signal_app_exits(App, &one, 1);
        challenge(cnonce[k]);
        Now = it_app_signal.next(App);
    }
    ck_assert_str_ne(cnonce[0], cnonce[1]);
}
END_TEST

/* Answers the request that goes out next on |flow| with |lines|. */
static void answers_request(uint32_t flow, const char *lines)
{
    char text[1000];
    (void)puts_out(IT_IO_DATA);
    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(lines), lines);
    says(flow, text);
}

START_TEST(what_the_client_says_is_told_in_the_words_of_models)
{
    it_signal_client_cfg cfg = {.alloc = &Mem, .box = "alice", .mode = IT_SIGNAL_POLL};
    ck_assert_int_eq(it_addr_parse(&cfg.server, "198.51.100.9:80"), 0);
    it_rng_init(&cfg.rng, 1, "app");
    App = it_signal_app_new(&cfg, NULL);
    ck_assert_int_eq(it_signal_app_send(App, "bob", it_bytes_str("for bob")), 1);
    uint32_t flow = puts_out(IT_IO_OPEN).flow;
    input((it_io){.kind = IT_IO_OPENED, .flow = flow, .data = {NULL, 100000}});
    answers_request(flow, "{\"hello\":\"r\",\"taken\":0}\n{\"seq\":1,\"from\":\"carol\",\"data\":\"hi\"}\n");
    ck_assert(tells() && Ev.kind == IT_EV_UP && Ev.remote.port == 80);
    ck_assert(tells() && Ev.kind == IT_EV_MESSAGE && strcmp(Ev.user, "carol") == 0);
    ck_assert(it_bytes_eq(Ev.data, it_bytes_str("hi")));
    ck_assert(!tells());
    answers_request(flow, "{\"hello\":\"r\",\"taken\":0}\n{\"refused\":1,\"why\":\"full\"}\n");
    ck_assert(tells() && Ev.kind == IT_EV_UNSENT && strcmp(Ev.user, "bob") == 0 && strcmp(Ev.why, "full") == 0);
    ck_assert(it_bytes_eq(Ev.data, it_bytes_str("for bob")));
    (void)puts_out(IT_IO_DATA);
    input((it_io){.kind = IT_IO_RST, .flow = flow, .end = IT_IO_END_RESET});
    ck_assert(tells() && Ev.kind == IT_EV_DOWN && strcmp(Ev.why, "reset") == 0);
    ck_assert(!tells());
}
END_TEST

START_TEST(what_is_no_proxy_makes_no_client)
{
    it_signal_client_cfg cfg = {.alloc = &Mem, .box = "alice"};
    ck_assert_ptr_null(it_signal_app_new(&cfg, "ftp://10.0.0.1:21"));
    cfg.box = "no name";
    ck_assert_ptr_null(it_signal_app_new(&cfg, NULL));
}
END_TEST

/* The server: every connection by TLS logs what opens it, and one without has nothing to log. */
START_TEST(the_server_logs_the_secrets_of_each_connection)
{
    ends w;
    it_io out;
    ends_init(&w);
    it_tls_cfg client = ends_cfg(&w, CLIENT), server = ends_cfg(&w, SERVER);
    it_rendezvous_cfg cfg = {.signal = {.alloc = &Mem}};
    it_rng_init(&cfg.signal.rng, 1, "server");
    it_signal_server_app *a = it_signal_server_app_new(&cfg);
    ck_assert_ptr_nonnull(a);
    server.log_keys = _i > 0;
    it_signal_server_tls(it_signal_server_app_of(a), &server, 443);
    ends_begin(&w, CLIENT, &client);
    ck_assert_int_eq(it_layers_output(&w.e[CLIENT].ls, w.now, &out, Buf, sizeof Buf), 1);
    int n = 0;
    for (uint32_t k = 0; k < 3; k++) {
        it_addr local = {{0, 0}, k == 1 ? 80 : 443};
        it_io in = {.kind = IT_IO_ACCEPTED, .flow = k, .local = local, .data = {NULL, 100000}};
        it_object_event ev;
        ck_assert_int_eq(it_app_signal_server.input(a, w.now, &in), 0);
        in = (it_io){.kind = IT_IO_DATA, .flow = k, .data = k == 1 ? it_bytes_str("GET / HTTP/1.1\r\n") : out.data};
        ck_assert_int_eq(it_app_signal_server.input(a, w.now, &in), (int)in.data.n);
        int before = n;
        for (; it_app_signal_server.event(a, &ev) == 1; n++)
            ck_assert(ev.kind == IT_TELLS_MODEL && ev.u.model->kind == IT_EV_SECRET && ev.u.model->data.n > 100);
        ck_assert_int_eq(n > before, _i && k != 1);
    }
    it_app_signal_server.free(a);
    ends_fini(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/apps/signal");
    TCase *t = tcase_create("client");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, each_client_has_a_cnonce_of_its_own, 0, 2);
    tcase_add_test(t, proxies_that_are_told_anew_are_asked_with_another_cnonce);
    tcase_add_test(t, what_the_client_says_is_told_in_the_words_of_models);
    tcase_add_test(t, what_is_no_proxy_makes_no_client);
    suite_add_tcase(s, t);
    t = tcase_create("server");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, the_server_logs_the_secrets_of_each_connection, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
