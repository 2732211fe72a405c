/* The agent as a whole: connecting through NATs, losing any packet, running out of memory, determinism. */
#include "tests/stack/ice/net.h"

static const enum net_nat PAIRS[][3] = {
    /* alice, bob, connects */
    {NAT_NONE, NAT_NONE, 1},           {NAT_NONE, NAT_EIM_EIF, 1},      {NAT_NONE, NAT_EIM_ADF, 1},
    {NAT_NONE, NAT_EIM_APDF, 1},       {NAT_NONE, NAT_APDM_APDF, 1},    {NAT_EIM_EIF, NAT_EIM_EIF, 1},
    {NAT_EIM_EIF, NAT_APDM_APDF, 1},   {NAT_EIM_ADF, NAT_EIM_ADF, 1},   {NAT_EIM_ADF, NAT_APDM_APDF, 1},
    {NAT_EIM_APDF, NAT_EIM_APDF, 1},   {NAT_APDM_APDF, NAT_EIM_ADF, 1}, {NAT_EIM_APDF, NAT_APDM_APDF, 0},
    {NAT_APDM_APDF, NAT_APDM_APDF, 0},
};

START_TEST(connects_through_the_nats_that_allow_it)
{
    net *n = net_new(1);
    net_start(n, PAIRS[_i][0], PAIRS[_i][1]);
    net_run(n, 60 * IT_SEC);
    ck_assert_int_eq(net_connected(n), (int)PAIRS[_i][2]);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(n->p[i].err, 0);
        ck_assert_int_eq(n->p[i].events[IT_ICE_COMPLETED], (int)PAIRS[_i][2]);
        ck_assert_int_eq(n->p[i].events[IT_ICE_FAILED], !PAIRS[_i][2]);
        ck_assert_int_eq(n->p[i].events[IT_ICE_PEER], 0);
    }
    net_free(n);
}
END_TEST

START_TEST(both_sides_select_the_same_path)
{
    net *n = net_new(1);
    net_start(n, PAIRS[_i][0], PAIRS[_i][1]);
    net_run(n, 60 * IT_SEC);
    if (PAIRS[_i][2]) {
        ck_assert(it_addr_eq(n->p[0].sel.local.addr, n->p[1].sel.remote.addr));
        ck_assert(it_addr_eq(n->p[1].sel.local.addr, n->p[0].sel.remote.addr));
    }
    net_free(n);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("ice/agent");
    TCase *t = tcase_create("whole");
    int pairs = (int)(sizeof PAIRS / sizeof PAIRS[0]);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, connects_through_the_nats_that_allow_it, 0, pairs);
    tcase_add_loop_test(t, both_sides_select_the_same_path, 0, pairs);
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
