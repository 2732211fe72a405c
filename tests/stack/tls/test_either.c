/* TLS and none on one port. */
#include "stack/tls/either.h"
#include "tests/stack/tls/ends.h"

static ends w;
static it_tls_cfg c, s;

static void set_up(void)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 1, .data = {NULL, 1000000}};
    ends_init(&w);
    c = ends_cfg(&w, CLIENT);
    s = ends_cfg(&w, SERVER);
    it_layers_init(&w.e[SERVER].ls, &w.own, &w.e[SERVER].s);
    ck_assert_int_eq(it_layers_push(&w.e[SERVER].ls, it_tls_or_plain(&s)), 0);
    it_stream_accept(&w.e[SERVER].s, &in);
    ck_assert_int_eq(it_layers_input(&w.e[SERVER].ls, w.now, &in), 0);
}

static void tear_down(void)
{
    ends_fini(&w);
}

START_TEST(who_begins_with_a_handshake_has_tls)
{
    w.chunk = _i ? 1 : 100000;
    ends_begin(&w, CLIENT, &c);
    ends_run(&w);
    ck_assert(w.e[CLIENT].opened && w.e[SERVER].opened);
    (void)ends_say(&w, CLIENT, it_bytes_str("ping"));
    (void)ends_say(&w, SERVER, it_bytes_str("pong"));
    ends_run(&w);
    ck_assert_mem_eq(w.e[SERVER].heard, "ping", 4);
    ck_assert_mem_eq(w.e[CLIENT].heard, "pong", 4);
}
END_TEST

START_TEST(its_tls_logs_secrets_before_it_says_a_word)
{
    char line[IT_TLS_LINE_MAX];
    const it_layer *l = &w.e[SERVER].ls.v[0];
    int n = 0;
    it_layers_fini(&w.e[SERVER].ls);
    s.log_keys = true;
    it_layers_init(&w.e[SERVER].ls, &w.own, &w.e[SERVER].s);
    ck_assert_int_eq(it_layers_push(&w.e[SERVER].ls, it_tls_or_plain(&s)), 0);
    ck_assert_int_eq(it_tls_either_secret(l, line), 0); /* it is not decided */
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    ends_begin(&w, CLIENT, &c);
    ck_assert_int_eq(it_layers_output(&w.e[CLIENT].ls, w.now, &out, buf, sizeof buf), 1); /* the ClientHello */
    ck_assert_uint_eq(ends_give(&w, SERVER, &(it_io){.kind = IT_IO_DATA, .data = out.data}), out.data.n);
    ck_assert_uint_eq(w.e[SERVER].sent, 0);
    while (it_tls_either_secret(l, line))
        n += strstr(line, "_HANDSHAKE_TRAFFIC_SECRET ") != NULL;
    ck_assert_int_eq(n, 2); /* RFC 8446 section 7.1: of either way */
}
END_TEST

START_TEST(who_begins_with_text_has_none)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    (void)ends_give(&w, SERVER, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str("GET /")});
    while (ends_read(&w, SERVER))
        continue;
    ck_assert(w.e[SERVER].opened);
    ck_assert_uint_eq(w.e[SERVER].n_heard, 5);
    ck_assert_uint_eq(ends_say(&w, SERVER, it_bytes_str("HTTP")), 4);
    ck_assert_int_eq(it_layers_output(&w.e[SERVER].ls, w.now, &out, buf, sizeof buf), 1);
    ck_assert(it_bytes_eq(out.data, it_bytes_str("HTTP")));
    (void)ends_give(&w, SERVER, &(it_io){.kind = IT_IO_FIN});
    while (ends_read(&w, SERVER))
        continue;
    ck_assert(w.e[SERVER].fin && !w.e[SERVER].rst);
}
END_TEST

START_TEST(who_says_nothing_ends_in_order)
{
    (void)ends_give(&w, SERVER, &(it_io){.kind = IT_IO_FIN});
    while (ends_read(&w, SERVER))
        continue;
    ck_assert(w.e[SERVER].fin && !w.e[SERVER].rst);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/tls/either");
    TCase *t = tcase_create("either");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, who_begins_with_a_handshake_has_tls, 0, 2);
    tcase_add_test(t, its_tls_logs_secrets_before_it_says_a_word);
    tcase_add_test(t, who_begins_with_text_has_none);
    tcase_add_test(t, who_says_nothing_ends_in_order);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
