/* Out of memory at a TURN server and its clients, over datagrams and streams: a clean error, and every block is given
 * back. TIMEOUT */
#include "tests/stack/turn/net.h"
#include "tests/oom/stairs.h"

static int life(it_alloc *a)
{
    net *n = net_new(1, a);
    it_addr peer = net_addr("203.0.113.7:7777");
    n->echo = true;
    n->scfg.mobility = true;
    n->ccfg.bind_after = 2;
    n->ccfg.even = n->ccfg.reserve = true;
    net_serve(n);
    for (int i = 0; i < 2 && n->err == 0; i++) {
        n->ccfg.stream = i;
        net_join(n, i);
        net_run(n, n->now + IT_SEC);
    }
    for (int t = 0; t < 40 && n->err == 0; t++) {
        for (int i = 0; i < 2 && n->err == 0; i++) {
            int r = it_turn_client_send(n->c[i], n->now, peer, it_bytes_str("hello"), t % 4 == 0);
            net_note(n, r == IT_ERR_NOMEM ? r : 0);
        }
        net_run(n, n->now + 20 * IT_SEC);
    }
    for (int i = 0; i < 2 && n->err == 0; i++) {
        ck_assert_uint_gt(n->counts[i][IT_TURN_CLIENT_DATA], 0);
        net_note(n, it_turn_client_close(n->c[i], n->now));
        net_run(n, n->now + IT_SEC);
    }
    int err = n->err;
    net_free(n);
    return err;
}

START_TEST(from_the_nth_on_there_is_none)
{
    ck_assert_uint_gt(stairs_climb(life, false, 100, 5), 50);
}
END_TEST

START_TEST(the_nth_alone_is_refused)
{
    ck_assert_uint_gt(stairs_climb(life, true, 100, 5), 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("oom/turn");
    TCase *tc = tcase_create("out of memory");
    SRunner *sr;
    int failed;
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, from_the_nth_on_there_is_none);
    tcase_add_test(tc, the_nth_alone_is_refused);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
