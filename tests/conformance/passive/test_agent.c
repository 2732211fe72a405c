/* Agents: tiebreakers, pace, nominations. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"

static msg m;
static unsigned txid;
static const char *from = A;

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
    kit_send(t, when, from, to, &m);
    if (code) {
        m_begin(&m, IT_PV_ERROR, IT_PV_BINDING, txid);
        m_error(&m, code, "no");
        m_sign(&m, BOB_PWD);
        m_print(&m);
    } else {
        m_answer(&m, txid, at(from));
    }
    kit_send(t, when + IT_MS, to, from, &m);
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

/* Of one pair they may be consent checks of a call that the tap came to late. */
START_TEST(an_agent_that_nominates_by_every_check_is_found)
{
    for (int pairs = 1; pairs < 3; pairs++) {
        kit t;
        kit_open(&t);
        for (int i = 0; i < 4; i++) /* the second pair fails: RFC 8445 section 8.1.1 is not broken by that */
            check_as(&t, i * 100 * IT_MS, i % pairs == 1 ? C : B, true, 7, true, i % pairs == 1 ? 400 : 0);
        kit_only(&t, IT_RULE_AGGRESSIVE);
        ck_assert_int_eq(kit_finding(&t, IT_RULE_AGGRESSIVE)->inconclusive, pairs == 1);
        kit_close(&t);
    }
}
END_TEST

/* Two streams share a fragment (RFC 8839 section 5.4), each with its component 1. */
START_TEST(pairs_of_two_addresses_are_two_streams_as_it_may_be)
{
    kit t;
    kit_open(&t);
    check_as(&t, 0, B, true, 7, false, 0);
    check_as(&t, 100 * IT_MS, B, true, 7, true, 0);
    from = "192.0.2.1:1002";
    check_as(&t, 200 * IT_MS, C, true, 7, false, 0);
    check_as(&t, 300 * IT_MS, C, true, 7, true, 0);
    from = A;
    kit_only(&t, IT_RULE_ONE_PAIR);
    ck_assert(kit_finding(&t, IT_RULE_ONE_PAIR)->inconclusive);
    kit_close(&t);
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

/* Elsewhere a queue may have brought them together. */
START_TEST(four_checks_within_10_ms_are_too_fast_where_they_are_sent)
{
    for (int client = 0; client < 2; client++) {
        kit t;
        kit_open_as(&t, IT_PASSIVE_TODAY, client ? IT_PASSIVE_CLIENT : IT_PASSIVE_MIDDLE);
        for (int i = 0; i < 4; i++)
            check_as(&t, i * 2 * IT_MS, B, true, 7, false, 0);
        ck_assert_int_eq(it_passive_end(t.judge), 0);
        ck_assert_ptr_nonnull(kit_finding(&t, IT_RULE_PACE));
        ck_assert_int_eq(kit_finding(&t, IT_RULE_PACE)->inconclusive, !client);
        kit_close(&t);
    }
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

/* RFC 8445 section 7.3.1.1: it switches by the other's check, with the tiebreaker it has. */
START_TEST(a_role_that_turned_by_the_others_check_is_doubted)
{
    kit t;
    kit_open(&t);
    m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, 77);
    m_text(&m, IT_PV_USERNAME, "alic:bobb");
    m_u32(&m, IT_PV_PRIORITY, 110u << 24 | 65535u << 8 | 255);
    m_u64(&m, IT_PV_CONTROLLING, 99);
    m_sign(&m, ALICE_PWD);
    m_print(&m);
    kit_send(&t, 0, B, A, &m);
    check_as(&t, 10 * IT_MS, B, true, 7, false, 487);
    check_as(&t, 110 * IT_MS, B, false, 7, false, 0);
    kit_only(&t, IT_RULE_CONFLICT_TIEBREAKER);
    ck_assert(kit_finding(&t, IT_RULE_CONFLICT_TIEBREAKER)->inconclusive);
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
    tcase_add_test(c, pairs_of_two_addresses_are_two_streams_as_it_may_be);
    tcase_add_test(c, four_checks_within_10_ms_are_too_fast_where_they_are_sent);
    tcase_add_test(c, a_role_that_turned_by_the_others_check_is_doubted);
    tcase_add_test(c, checks_50_ms_apart_are_no_remark);
    return run_case("passive agent", c);
}
