/* Out of memory at two ends of RTMFP: a clean error, and every block is given back. TIMEOUT */
#include "tests/oom/stairs.h"
#include "tests/stack/rtmfp/net.h"

static int life(it_alloc *a)
{
    net *n = net_new(1, a);
    n->cfg[0].policy.mac = IT_RTMFP_REQUIRE;
    net_start(n, 0);
    if (n->err == 0)
        net_start(n, 1);
    if (n->err == 0)
        net_connect(n, 1, 0);
    if (n->err == 0)
        net_run(n, 100 * IT_SEC);
    const net_event *e = n->err ? NULL : net_last(n, 1, IT_RTMFP_EV_OPEN);
    if (e) {
        static const uint8_t big[5000] = {1};
        uint64_t id = 0;
        it_rtmfp_flow_opts o = {.metadata = it_bytes_str("m")};
        int r = it_rtmfp_flow_open(n->end[1], n->now, e->ev.session, &o, &id);
        for (int i = 0; i < 5 && r == 0; i++)
            r = it_rtmfp_flow_write(n->end[1], n->now, e->ev.session, id, it_bytes_of(big, sizeof big), NULL, NULL);
        net_note(n, r == IT_ERR_NOTFOUND ? IT_ERR_NOMEM : r);
        if (n->err == 0)
            net_run(n, n->now + 20 * IT_SEC);
        n->outer[1].port++;
        net_run(n, n->now + 30 * IT_SEC);
        net_note(n, it_rtmfp_close(n->end[1], n->now, e->ev.session));
        if (n->err == IT_ERR_NOTFOUND) /* an event was lost for want of memory, or the session */
            n->err = IT_ERR_NOMEM;
        if (n->err == 0)
            net_run(n, n->now + 100 * IT_SEC);
    }
    int err = n->err;
    net_free(n);
    return err;
}

START_TEST(from_the_nth_on_there_is_none)
{
    ck_assert_uint_gt(stairs_climb(life, false, 100, 5), 20);
}
END_TEST

START_TEST(the_nth_alone_is_refused)
{
    ck_assert_uint_gt(stairs_climb(life, true, 100, 5), 20);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, from_the_nth_on_there_is_none);
    tcase_add_test(t, the_nth_alone_is_refused);
}

int main(void)
{
    return kit_main("oom/rtmfp", add);
}
