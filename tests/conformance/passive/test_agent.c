/* Agents: tiebreakers, pace, nominations. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"

static msg m;
static unsigned txid;

/* alice's check to |to|, with her role and tiebreaker; answered unless |code|, an error, is not 0. */
static void check_as(kit *t, it_time when, const char *to, bool controlling, uint64_t tie, bool nominate, unsigned code)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, ++txid);
    m_text(&m, IT_PV_USERNAME, "bobb:alic");
    m_u32(&m, IT_PV_PRIORITY, 110u << 24 | 65535u << 8 | 255);
    m_u64(&m, controlling ? IT_PV_CONTROLLING : IT_PV_CONTROLLED, tie);
    if (nominate)
        m_put(&m, IT_PV_USE_CANDIDATE, "", 0);
    m_check_close(&m);
    kit_send(t, when, A, to, &m);
    if (code) {
        m_begin(&m, IT_PV_ERROR, IT_PV_BINDING, txid);
        m_error(&m, code, "no");
        m_sign(&m, BOB_PWD);
        m_print(&m);
    } else {
        m_answer(&m, txid, at(A));
    }
    kit_send(t, when + IT_MS, to, A, &m);
}

#define B "198.51.100.2:2000"
#define C "198.51.100.3:2000"

START_TEST(a_tiebreaker_that_changes_for_no_reason_is_found)
{
    kit t;
    kit_open(&t);
    check_as(&t, 0, B, true, 7, false, 0);
    check_as(&t, 100 * IT_MS, B, true, 8, false, 0);
    kit_only(&t, IT_RULE_TIEBREAKER);
    ck_assert(!kit_finding(&t, IT_RULE_TIEBREAKER)->inconclusive);
    kit_close(&t);
}
END_TEST

START_TEST(a_tiebreaker_that_changes_with_an_unseen_conflict_is_doubted)
{
    kit t;
    kit_open(&t);
    check_as(&t, 0, B, true, 7, false, 0);
    check_as(&t, 100 * IT_MS, B, false, 8, false, 0);
    kit_only(&t, IT_RULE_TIEBREAKER);
    ck_assert(kit_finding(&t, IT_RULE_TIEBREAKER)->inconclusive);
    kit_close(&t);
}
END_TEST

START_TEST(a_tiebreaker_that_is_kept_after_487_is_found)
{
    for (int kept = 0; kept < 2; kept++) {
        kit t;
        kit_open(&t);
        check_as(&t, 0, B, true, 7, false, 487);
        check_as(&t, 100 * IT_MS, B, false, kept ? 7 : 8, false, 0);
        if (kept)
            kit_only(&t, IT_RULE_CONFLICT_TIEBREAKER);
        else
            kit_none(&t, IT_RULE_CONFLICT_TIEBREAKER);
        kit_close(&t);
    }
}
END_TEST

START_TEST(an_agent_that_nominates_by_every_check_is_found)
{
    for (int n = 2; n < 5; n++) { /* of two the tap may have missed one */
        kit t;
        kit_open(&t);
        for (int i = 0; i < n; i++)
            check_as(&t, i * 100 * IT_MS, B, true, 7, true, 0);
        kit_only(&t, IT_RULE_AGGRESSIVE);
        ck_assert_int_eq(kit_finding(&t, IT_RULE_AGGRESSIVE)->inconclusive, n == 2);
        kit_close(&t);
    }
}
END_TEST

START_TEST(two_nominated_pairs_of_one_component_are_found)
{
    kit t;
    kit_open(&t);
    check_as(&t, 0, B, true, 7, false, 0);
    check_as(&t, 100 * IT_MS, C, true, 7, false, 0);
    check_as(&t, 200 * IT_MS, B, true, 7, true, 0);
    check_as(&t, 300 * IT_MS, C, true, 7, true, 0);
    kit_only(&t, IT_RULE_ONE_PAIR);
    ck_assert_str_eq(kit_finding(&t, IT_RULE_ONE_PAIR)->what, "component 1: the pair to " B ", then that to " C);
    kit_close(&t);
}
END_TEST

START_TEST(four_checks_within_10_ms_are_too_fast)
{
    kit t;
    kit_open(&t);
    for (int i = 0; i < 4; i++)
        check_as(&t, i * 2 * IT_MS, B, true, 7, false, 0);
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    ck_assert_ptr_nonnull(kit_finding(&t, IT_RULE_PACE));
    ck_assert_int_eq(it_passive_level_of(t.judge, IT_RULE_TA), IT_PASSIVE_INFO);
    kit_close(&t);
}
END_TEST

START_TEST(checks_50_ms_apart_are_no_remark)
{
    kit t;
    kit_open(&t);
    for (int i = 0; i < 9; i++)
        check_as(&t, i * 50 * IT_MS, B, true, 7, false, 0);
    kit_none(&t, IT_RULE_TA);
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("agents");
    tcase_add_test(c, a_tiebreaker_that_changes_for_no_reason_is_found);
    tcase_add_test(c, a_tiebreaker_that_changes_with_an_unseen_conflict_is_doubted);
    tcase_add_test(c, a_tiebreaker_that_is_kept_after_487_is_found);
    tcase_add_test(c, an_agent_that_nominates_by_every_check_is_found);
    tcase_add_test(c, two_nominated_pairs_of_one_component_are_found);
    tcase_add_test(c, four_checks_within_10_ms_are_too_fast);
    tcase_add_test(c, checks_50_ms_apart_are_no_remark);
    return run_case("passive agent", c);
}
