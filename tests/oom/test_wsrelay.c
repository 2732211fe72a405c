/* Out of memory in a relay over WebSocket: the server and its clients, each in turn. */
#include "tests/oom/stairs.h"
#include "tests/stack/wsrelay/net.h"

static bool short_server;

static int life(it_alloc *a)
{
    static net w;
    it_wsrelay_server_cfg s = {.alloc = short_server ? a : NULL};
    it_wsrelay_client_cfg c = {.patience = 0};
    net_init(&w, &s);
    if (!short_server)
        w.cmem = a;
    for (int i = 0; i < 2 && !w.err; i++)
        net_client(&w, i, "0123456789abcdef", &c);
    net_run(&w);
    if (!w.err)
        net_note(&w, net_say(&w, 0, "hello"));
    if (!w.err)
        net_wait(&w, 20 * IT_SEC);
    if (!w.err) {
        ck_assert_int_eq(w.e[1].messages, 1);
        it_wsrelay_client_close(w.e[0].c, w.now);
        net_run(&w);
    }
    int err = w.err;
    net_fini(&w);
    return err;
}

START_TEST(who_has_no_memory_says_so)
{
    short_server = _i;
    ck_assert_uint_gt(stairs_climb(life, false, 400, 7), 10);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("oom/wsrelay");
    TCase *t = tcase_create("stairs");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, who_has_no_memory_says_so, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
