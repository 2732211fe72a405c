/* Out of memory in the protocol stack: an ICE agent pair, and a call of model B with all that can happen to it, each
 * side in turn. */
#include "tests/stack/ice/net.h"
#include "tests/stack/b/pair.h"
#include "tests/oom/stairs.h"

static int short_of; /* the side whose memory runs out */

/* Brings the second interface up and takes the first away, or the other way round. */
static void move(pair *p, int i)
{
    pair_end *e = &p->e[i];
    if (!e->b || e->err)
        return;
    pair_note(p, i, it_b_add_base(e->b, p->now, 1, e->base[1]));
    e->has[1] = !e->err;
    it_b_remove_base(e->b, p->now, 0);
    e->has[0] = false;
}

static void say(pair *p, int i)
{
    if (p->e[i].b && !p->e[i].err && it_b_state(p->e[i].b) == IT_STATE_OPEN)
        pair_note(p, i, it_b_send(p->e[i].b, p->now, it_bytes_str("hello")));
}

/* A call connects, talks, restarts, moves to another interface, hears nonsense, ends. */
static int call(it_alloc *a)
{
    it_alloc *mem[2] = {NULL, NULL};
    mem[short_of] = a;
    pair *p = pair_new(1, NULL, mem);
    pair_start(p);
    pair_run(p, 3 * IT_SEC);
    say(p, 0);
    say(p, 1);
    if (p->e[short_of].b && !p->e[short_of].err) {
        int r = it_b_signal(p->e[short_of].b, p->now, it_bytes_str("v=0\r\nnonsense"));
        pair_note(p, short_of, r == IT_ERR_PARSE || r == IT_ERR_STATE ? 0 : r);
    }
    if (p->e[short_of].b && !p->e[short_of].err)
        it_b_restart(p->e[short_of].b, p->now);
    pair_run(p, 5 * IT_SEC);
    move(p, short_of);
    pair_run(p, 9 * IT_SEC);
    int err = p->e[short_of].err;
    ck_assert_int_eq(p->e[1 - short_of].err, 0);
    if (!err && ((stairs_alloc *)(void *)a)->refuse >= ((stairs_alloc *)(void *)a)->asked) {
        ck_assert_int_eq(pair_count(p, short_of, IT_EV_OPEN), 1);
        ck_assert_int_eq(pair_count(p, short_of, IT_EV_MESSAGE), 1);
        ck_assert_int_ge(pair_count(p, 1 - short_of, IT_EV_FAILOVER), 1);
    }
    if (p->e[1 - short_of].b)
        it_b_close(p->e[1 - short_of].b, p->now);
    pair_run(p, 10 * IT_SEC);
    err = p->e[short_of].err;
    pair_free(p);
    return err;
}

START_TEST(a_call_without_memory_says_so_and_leaves_nothing)
{
    short_of = _i & 1;
    uint64_t steps = stairs_climb(call, _i >> 1, 400, 7);
    ck_assert_uint_gt(steps, 40);
}
END_TEST

/* Two agents with two components, through NATs, with a restart. */
static int agents(it_alloc *a)
{
    const bool roles[2] = {true, true};
    stairs_alloc *s = (stairs_alloc *)(void *)a;
    const uint64_t countdown[2] = {short_of ? UINT64_MAX : s->refuse, short_of ? s->refuse : UINT64_MAX};
    net *n = net_new_cfg(1, roles, 1, 2, NULL, countdown);
    net_nat(n, 0, NAT_EIM_APDF, "198.51.100.1:0");
    for (int i = 0; i < 2; i++)
        for (int c = 1; c <= 2 && !n->p[i].err; c++)
            (void)net_base(n, i, 0, c,
                           i        ? c == 1 ? "203.0.113.7:6000" : "203.0.113.7:6001"
                           : c == 1 ? "10.0.0.2:5000"
                                    : "10.0.0.2:5001");
    net_gather(n);
    net_run(n, 5 * IT_SEC);
    if (!n->p[short_of].err)
        it_ice_restart(n->p[short_of].a, n->now);
    net_run(n, 12 * IT_SEC);
    int err = n->p[short_of].err;
    ck_assert_int_eq(n->p[1 - short_of].err, 0);
    /* With nothing left and no error the last grant was the last wish. */
    s->asked = err ? s->refuse + 1 : 0;
    if (!err) {
        ck_assert(net_connected(n));
        ck_assert_int_eq(n->p[short_of].events[IT_ICE_COMPLETED], 2);
    }
    net_free(n);
    return err;
}

START_TEST(agents_without_memory_say_so_and_leave_nothing)
{
    short_of = _i;
    ck_assert_uint_gt(stairs_climb(agents, false, 2000, 1), 20);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("oom/stack");
    TCase *t = tcase_create("stairs");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_call_without_memory_says_so_and_leaves_nothing, 0, 4);
    tcase_add_loop_test(t, agents_without_memory_say_so_and_leave_nothing, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
