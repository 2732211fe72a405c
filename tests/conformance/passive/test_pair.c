/* Pairs: consent, data without it; and a whole call, of which a tap may miss, double or turn round what it likes. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"
#define B "198.51.100.2:2000"
#define CALL 600 /* packets of a call */

static msg m;
static unsigned txid;

/* alice checks bob at |when|, nominating or not; his answer comes 20 ms later, if he |answers|. */
static void check_at(kit *t, it_time when, bool nominate, bool answers)
{
    m_check_open(&m, ++txid);
    if (nominate)
        m_put(&m, IT_PV_USE_CANDIDATE, "", 0);
    m_check_close(&m);
    kit_send(t, when, A, B, &m);
    m_answer(&m, txid, at(A));
    if (answers)
        kit_send(t, when + 20 * IT_MS, B, A, &m);
}

/* bob checks alice. */
static void check_back(kit *t, it_time when)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, ++txid);
    m_text(&m, IT_PV_USERNAME, "alic:bobb");
    m_u32(&m, IT_PV_PRIORITY, 110u << 24 | 65535u << 8 | 255);
    m_u64(&m, IT_PV_CONTROLLED, 9);
    m_sign(&m, ALICE_PWD);
    m_print(&m);
    kit_send(t, when, B, A, &m);
    m_begin(&m, IT_PV_SUCCESS, IT_PV_BINDING, txid);
    m_addr(&m, IT_PV_MAPPED, at(B));
    m_sign(&m, ALICE_PWD);
    m_print(&m);
    kit_send(t, when + 20 * IT_MS, A, B, &m);
}

static void data_at(kit *t, it_time when, const char *src, const char *dst, unsigned char i)
{
    uint8_t d[20] = {0x80, 0, i}; /* as RTP begins */
    kit_packet(t, when, src, dst, d, sizeof d);
}

/* A call of 40 s as it should be: checks, a nomination, voice both ways, consent every 5 s. */
static void call(kit *t)
{
    txid = 100;
    check_at(t, 0, false, true);
    check_back(t, 60 * IT_MS);
    check_at(t, 120 * IT_MS, true, true);
    for (int s = 1; s < 40; s++) {
        for (int i = 0; i < 4; i++) {
            data_at(t, s * IT_SEC + i * 20 * IT_MS, A, B, (unsigned char)i);
            data_at(t, s * IT_SEC + i * 20 * IT_MS + 5 * IT_MS, B, A, (unsigned char)i);
        }
        if (s % 5 == 4) {
            check_at(t, s * IT_SEC + 300 * IT_MS, false, true);
            check_back(t, s * IT_SEC + 500 * IT_MS);
        }
    }
}

START_TEST(a_call_as_it_should_be_breaks_nothing)
{
    kit t;
    kit_open(&t);
    call(&t);
    kit_none(&t, IT_RULE_NO_CONSENT);
    ck_assert_uint_gt(it_passive_looked(t.judge, IT_RULE_CONSENT_OFTEN), 2);
    ck_assert_uint_gt(it_passive_looked(t.judge, IT_RULE_AGGRESSIVE), 0);
    ck_assert_uint_gt(it_passive_looked(t.judge, IT_RULE_ONE_PAIR), 0);
    kit_close(&t);
}
END_TEST

/* --- what a tap may do --- */

static packet recorded[CALL];
static size_t n_recorded;

static void record(void)
{
    kit t;
    kit_open(&t);
    t.record = recorded;
    t.record_cap = CALL;
    call(&t);
    n_recorded = t.n_record;
    t.record = NULL;
    kit_close(&t);
}

/* Judges the |n| packets whose places are in |order|: none may break a MUST. */
static void judge_order(const size_t *order, size_t n, const char *how, size_t which)
{
    kit t;
    size_t found;
    kit_open(&t);
    for (size_t i = 0; i < n; i++) {
        it_passive_packet k = recorded[order[i]].k;
        if (i > 0 && order[i] < order[i - 1])
            k.at = recorded[order[i - 1]].k.at; /* a tap's clock does not go back */
        ck_assert_int_eq(it_passive_take(t.judge, &k), 0);
    }
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    const it_passive_finding *f = it_passive_findings(t.judge, &found);
    for (size_t i = 0; i < found; i++)
        ck_assert_msg(f[i].inconclusive || it_passive_level_of(t.judge, f[i].rule) != IT_PASSIVE_MUST,
                      "%s packet %zu: %s", how, which, kit_all(&t));
    kit_close(&t);
}

START_TEST(a_tap_that_misses_any_packet_or_two_makes_nobody_guilty)
{
    size_t order[CALL];
    record();
    for (size_t out = 0; out < n_recorded; out++)
        for (size_t two = out; two < n_recorded && two < out + 12; two++) {
            size_t n = 0;
            for (size_t i = 0; i < n_recorded; i++)
                if (i != out && i != two)
                    order[n++] = i;
            judge_order(order, n, "without", out);
        }
}
END_TEST

START_TEST(a_tap_that_begins_late_makes_nobody_guilty)
{
    size_t order[CALL];
    record();
    for (size_t from = 0; from < n_recorded; from++) {
        size_t n = 0;
        for (size_t i = from; i < n_recorded; i++)
            order[n++] = i;
        judge_order(order, n, "from", from);
    }
}
END_TEST

START_TEST(a_tap_that_doubles_any_packet_makes_nobody_guilty)
{
    size_t order[CALL];
    record();
    for (size_t twice = 0; twice < n_recorded; twice++) {
        size_t n = 0;
        for (size_t i = 0; i < n_recorded; i++) {
            order[n++] = i;
            if (i == twice)
                order[n++] = i;
        }
        judge_order(order, n, "twice", twice);
    }
}
END_TEST

START_TEST(a_tap_that_turns_any_two_packets_round_makes_nobody_guilty)
{
    size_t order[CALL];
    record();
    for (size_t at_ = 0; at_ + 1 < n_recorded; at_++) {
        for (size_t i = 0; i < n_recorded; i++)
            order[i] = i == at_ ? i + 1 : i == at_ + 1 ? i - 1 : i;
        judge_order(order, n_recorded, "round", at_);
    }
}
END_TEST

/* --- the guilty --- */

START_TEST(data_where_no_check_was_ever_answered_is_found)
{
    kit t;
    kit_open(&t);
    for (int i = 0; i < 4; i++)
        check_at(&t, i * IT_SEC, false, false);
    for (int i = 0; i < 5; i++)
        data_at(&t, 5 * IT_SEC + i * 20 * IT_MS, A, B, (unsigned char)i);
    kit_only(&t, IT_RULE_NO_CONSENT);
    ck_assert(!kit_finding(&t, IT_RULE_NO_CONSENT)->inconclusive);
    kit_close(&t);
}
END_TEST

START_TEST(data_before_the_first_answer_is_doubted)
{
    kit t;
    kit_open(&t);
    check_at(&t, 0, false, false);
    for (int i = 0; i < 5; i++)
        data_at(&t, IT_SEC + i * 20 * IT_MS, A, B, (unsigned char)i);
    check_at(&t, 3 * IT_SEC, false, true);
    kit_only(&t, IT_RULE_NO_CONSENT);
    ck_assert(kit_finding(&t, IT_RULE_NO_CONSENT)->inconclusive);
    kit_close(&t);
}
END_TEST

/* RFC 8445 section 8.2: it sends no checks, and answers those of the other side. */
START_TEST(a_lite_agent_may_send_where_it_has_answered)
{
    kit t;
    kit_open(&t);
    check_at(&t, 0, false, true);
    check_at(&t, 100 * IT_MS, true, true);
    check_at(&t, 5 * IT_SEC, true, true);
    for (int i = 0; i < 9; i++)
        data_at(&t, IT_SEC + i * 20 * IT_MS, B, A, (unsigned char)i);
    kit_none(&t, IT_RULE_NO_CONSENT);
    kit_close(&t);
}
END_TEST

START_TEST(consent_asked_for_every_second_is_found)
{
    kit t;
    kit_open(&t);
    check_at(&t, 0, false, true);
    check_at(&t, 100 * IT_MS, true, true);
    for (int i = 5; i < 40; i++)
        check_at(&t, i * IT_SEC, false, true);
    kit_only(&t, IT_RULE_CONSENT_OFTEN);
    kit_close(&t);
}
END_TEST

START_TEST(checks_that_look_for_a_lost_path_are_no_consent_checks)
{
    kit t;
    kit_open(&t);
    check_at(&t, 0, false, true);
    check_at(&t, 100 * IT_MS, true, true);
    for (int i = 1; i < 4; i++)
        check_at(&t, i * 5 * IT_SEC, false, true);
    for (int i = 0; i < 10; i++)
        check_at(&t, 20 * IT_SEC + i * 500 * IT_MS, false, false);
    ck_assert_int_eq(it_passive_end(t.judge), 0);
    ck_assert_ptr_null(kit_finding(&t, IT_RULE_CONSENT_OFTEN));
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("pairs");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_call_as_it_should_be_breaks_nothing);
    tcase_add_test(c, a_tap_that_misses_any_packet_or_two_makes_nobody_guilty);
    tcase_add_test(c, a_tap_that_begins_late_makes_nobody_guilty);
    tcase_add_test(c, a_tap_that_doubles_any_packet_makes_nobody_guilty);
    tcase_add_test(c, a_tap_that_turns_any_two_packets_round_makes_nobody_guilty);
    tcase_add_test(c, data_where_no_check_was_ever_answered_is_found);
    tcase_add_test(c, data_before_the_first_answer_is_doubted);
    tcase_add_test(c, a_lite_agent_may_send_where_it_has_answered);
    tcase_add_test(c, consent_asked_for_every_second_is_found);
    tcase_add_test(c, checks_that_look_for_a_lost_path_are_no_consent_checks);
    return run_case("passive pair", c);
}
