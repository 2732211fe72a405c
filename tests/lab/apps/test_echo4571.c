/* The echo server over RFC 4571, driven by hand: it listens for itself, and messages come back whole. */
#include "lab/apps/named.h"

#include "stack/model/model.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static it_alloc Mem;
static const it_named_app *App;
static void *O;
static uint8_t Said[200000];
static size_t N_said;
static int N_fin, N_rst, N_listen, N_asked;

static int in(uint32_t flow, enum it_io_kind kind, const void *data, size_t n)
{
    it_io io = {.kind = kind, .flow = flow, .data = it_bytes_of(data, n)};
    return App->ops->input(O, 7, &io);
}

static void drain(void)
{
    uint8_t buf[1000];
    it_io io;
    while (App->ops->output(O, 7, &io, buf, sizeof buf) == 1) {
        if (io.kind == IT_IO_DATA) {
            memcpy(Said + N_said, io.data.p, io.data.n);
            N_said += io.data.n;
        }
        N_fin += io.kind == IT_IO_FIN;
        N_rst += io.kind == IT_IO_RST;
        N_asked += io.kind == IT_IO_WRITABLE;
        N_listen += io.kind == IT_IO_LISTEN && io.local.port == 7000 && it_ip_none(io.local.ip);
    }
}

static void listening(uint16_t port)
{
    it_io io = {.kind = IT_IO_LISTENING, .flow = IT_IO_BOUND_FLOW, .local = {{0, 0}, port}};
    ck_assert_int_eq(App->ops->input(O, 7, &io), 0);
}

static bool told(enum it_model_event_kind kind)
{
    it_object_event ev;
    return App->ops->event(O, &ev) == 1 && ev.u.model->kind == kind && App->ops->event(O, &ev) == 0;
}

static void setup(void)
{
    it_alloc_init(&Mem);
    App = it_named_app_of("echo4571");
    ck_assert_ptr_nonnull(App);
    O = App->make(&Mem, 7000);
    N_said = 0;
    N_fin = N_rst = N_listen = N_asked = 0;
    drain();
    ck_assert_int_eq(N_listen, 1);
}

static void teardown(void)
{
    App->ops->free(O);
    ck_assert_int_eq(Mem.live, 0);
}

#define FLOW(i) (IT_IO_ACCEPTED_FLOW + (uint32_t)(i))

START_TEST(it_tells_whether_it_serves)
{
    listening(_i ? 0 : 7000);
    ck_assert(told(_i ? IT_EV_CLOSED : IT_EV_OPEN));
    if (_i)
        return;
    ck_assert_int_eq(in(IT_IO_BOUND_FLOW, IT_IO_UNBIND, NULL, 0), 0);
    ck_assert(told(IT_EV_CLOSED));
}
END_TEST

START_TEST(messages_in_any_pieces_come_back)
{
    static const char sent[] = "\0\0\0\5hello\0\3abc";
    size_t n = sizeof sent - 1, piece = (size_t)_i + 1;
    ck_assert_int_eq(in(FLOW(0), IT_IO_ACCEPTED, NULL, 100000), 0);
    for (size_t at = 0; at < n;) { /* what it does not take at once it asks for */
        size_t now = n - at < piece ? n - at : piece;
        int asked = N_asked, taken = in(FLOW(0), IT_IO_DATA, sent + at, now);
        drain();
        ck_assert_int_gt(taken, 0);
        ck_assert(taken == (int)now || N_asked > asked);
        at += (size_t)taken;
    }
    ck_assert(N_said == n && memcmp(Said, sent, n) == 0);
    ck_assert_int_eq(in(FLOW(0), IT_IO_FIN, NULL, 0), 0);
    drain();
    ck_assert(N_fin == 1 && N_rst == 0);
}
END_TEST

START_TEST(who_reads_nothing_is_not_read_from)
{
    static uint8_t sent[2 + 60000] = {60000 >> 8, 60000 & 255};
    size_t taken = 0;
    ck_assert_int_eq(in(FLOW(0), IT_IO_ACCEPTED, NULL, 10), 0); /* room for 10 bytes */
    for (int i = 0; i < 20; i++) {
        int n = in(FLOW(0), IT_IO_DATA, sent, sizeof sent);
        ck_assert_int_ge(n, 0);
        drain();
        taken += (size_t)n;
        if ((size_t)n < sizeof sent)
            break;
    }
    ck_assert_uint_lt(taken, 6 * sizeof sent);
    ck_assert_uint_eq(N_said, 10);
}
END_TEST

START_TEST(half_a_message_is_reset_and_clients_are_apart)
{
    ck_assert_int_eq(in(FLOW(0), IT_IO_ACCEPTED, NULL, 100), 0);
    ck_assert_int_eq(in(FLOW(1), IT_IO_ACCEPTED, NULL, 100), 0);
    ck_assert_int_eq(in(FLOW(0), IT_IO_DATA, "\0\5he", 4), 4);
    ck_assert_int_eq(in(FLOW(1), IT_IO_DATA, "\0\2ok", 4), 4);
    ck_assert_int_eq(in(FLOW(0), IT_IO_FIN, NULL, 0), 0);
    drain();
    ck_assert(N_rst == 1 && N_fin == 0 && N_said == 4 && memcmp(Said, "\0\2ok", 4) == 0);
}
END_TEST

START_TEST(there_is_a_most_of_clients)
{
    for (int i = 0; i < 65; i++) {
        ck_assert_int_eq(in(FLOW(i), IT_IO_ACCEPTED, NULL, 100), 0);
        drain();
        ck_assert_int_eq(N_rst, i == 64);
    }
    ck_assert_int_eq(in(FLOW(3), IT_IO_RST, NULL, 0), 0);
    drain();
    ck_assert_int_eq(in(FLOW(65), IT_IO_ACCEPTED, NULL, 100), 0);
    drain();
    ck_assert_int_eq(N_rst, 1);
}
END_TEST

/* Also of those that come before anything goes out. */
START_TEST(everybody_beyond_is_reset)
{
    for (int i = 0; i < 64 + 5; i++)
        ck_assert_int_eq(in(FLOW(i), IT_IO_ACCEPTED, NULL, 100), 0);
    drain();
    ck_assert_int_eq(N_rst, 5);
}
END_TEST

START_TEST(apps_have_names)
{
    ck_assert_str_eq(it_named_app_name(0), "echo4571");
    for (int i = 0; it_named_app_name(i); i++)
        ck_assert_ptr_nonnull(it_named_app_of(it_named_app_name(i)));
    ck_assert_ptr_null(it_named_app_of("echo"));
    ck_assert_ptr_null(it_named_app_name(-1));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/apps/echo4571");
    TCase *t = tcase_create("echo");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, it_tells_whether_it_serves, 0, 2);
    tcase_add_loop_test(t, messages_in_any_pieces_come_back, 0, 14);
    tcase_add_test(t, who_reads_nothing_is_not_read_from);
    tcase_add_test(t, half_a_message_is_reset_and_clients_are_apart);
    tcase_add_test(t, there_is_a_most_of_clients);
    tcase_add_test(t, everybody_beyond_is_reset);
    tcase_add_test(t, apps_have_names);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
