/* Transactions: retransmissions, IDs that are used again, responses that come from elsewhere, and what a NAT between
 * may do that breaks nothing. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#define A "192.0.2.1:1000"
#define B "198.51.100.2:3478"
#define C "198.51.100.9:3478"

static msg m;

static void request(unsigned txid)
{
    m_begin(&m, IT_PV_REQUEST, IT_PV_BINDING, txid);
}

static void response(unsigned txid)
{
    m_begin(&m, IT_PV_SUCCESS, IT_PV_BINDING, txid);
    m_addr(&m, IT_PV_MAPPED, at(A));
}

/* The times of RFC 8489 section 6.2.1: 0, 500, 1500, 3500, 7500, 15500, 31500 ms. */
static void send_at(kit *t, const int *ms, int n)
{
    request(1);
    for (int i = 0; i < n; i++)
        kit_send(t, (it_time)ms[i] * IT_MS, A, B, &m);
}

START_TEST(the_schedule_of_rfc_8489_breaks_nothing)
{
    static const int MS[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    kit t;
    kit_open(&t);
    send_at(&t, MS, 7);
    kit_none(&t, IT_RULE_BACKOFF);
    kit_close(&t);
}
END_TEST

START_TEST(a_schedule_of_which_the_tap_missed_some_breaks_nothing)
{
    static const int MS[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    for (int out = 0; out < 7; out++) {
        int left[6], n = 0;
        kit t;
        size_t found;
        for (int i = 0; i < 7; i++)
            if (i != out)
                left[n++] = MS[i];
        kit_open(&t);
        send_at(&t, left, n);
        ck_assert_int_eq(it_passive_end(t.judge), 0);
        (void)it_passive_findings(t.judge, &found);
        ck_assert_msg(found == 0, "without the %d. one: %s", out, kit_all(&t));
        kit_close(&t);
    }
}
END_TEST

START_TEST(a_hasty_retransmission_is_found)
{
    static const int MS[] = {0, 100};
    kit t;
    kit_open(&t);
    send_at(&t, MS, 2);
    kit_only(&t, IT_RULE_RTO);
    ck_assert_str_eq(kit_finding(&t, IT_RULE_RTO)->what, "sent again after 100 ms");
    kit_close(&t);
}
END_TEST

START_TEST(an_even_pace_is_no_back_off)
{
    static const int MS[] = {0, 500, 1000};
    kit t;
    kit_open(&t);
    send_at(&t, MS, 3);
    kit_only(&t, IT_RULE_BACKOFF);
    kit_close(&t);
}
END_TEST

START_TEST(an_eighth_time_is_found)
{
    static const int MS[] = {0, 500, 1500, 3500, 7500, 15500, 31500, 63500};
    kit t;
    kit_open(&t);
    send_at(&t, MS, 8);
    kit_only(&t, IT_RULE_RC);
    kit_close(&t);
}
END_TEST

START_TEST(a_packet_that_a_tap_saw_twice_is_no_retransmission)
{
    kit t;
    it_passive_counts c;
    kit_open(&t);
    request(1);
    kit_send(&t, 0, A, B, &m);
    t.frame--; /* the same IP header */
    kit_send(&t, 10 * IT_US, A, B, &m);
    kit_none(&t, IT_RULE_LENGTH);
    it_passive_count(t.judge, &c);
    ck_assert_uint_eq(c.copies, 1);
    kit_close(&t);
}
END_TEST

/* What a tap on all interfaces of a router, or captures that were merged, show: one hop further on. */
START_TEST(a_packet_that_comes_by_at_its_next_hop_is_no_retransmission)
{
    kit t;
    it_passive_counts c;
    kit_open(&t);
    request(1);
    kit_send(&t, 0, A, B, &m);
    t.frame--;
    t.ttl = 63;
    kit_send(&t, 80 * IT_MS, A, B, &m);
    kit_none(&t, IT_RULE_LENGTH);
    it_passive_count(t.judge, &c);
    ck_assert_uint_eq(c.copies, 1);
    kit_close(&t);
}
END_TEST

START_TEST(a_retransmission_with_other_contents_is_found)
{
    kit t;
    kit_open(&t);
    request(1);
    kit_send(&t, 0, A, B, &m);
    m_text(&m, IT_PV_SOFTWARE, "abcd");
    kit_send(&t, 500 * IT_MS, A, B, &m);
    kit_only(&t, IT_RULE_SAME_TXID);
    kit_close(&t);
}
END_TEST

START_TEST(an_id_used_again_for_another_server_is_found)
{
    kit t;
    kit_open(&t);
    request(1);
    kit_send(&t, 0, A, B, &m);
    kit_send(&t, 500 * IT_MS, A, C, &m);
    kit_only(&t, IT_RULE_REUSED_TXID);
    kit_close(&t);
}
END_TEST

/* What a tap on every interface of a NAT sees: the same request to the address before and behind it. */
START_TEST(a_request_that_a_nat_passes_on_is_the_same)
{
    kit t;
    kit_open_as(&t, IT_PASSIVE_TODAY, IT_PASSIVE_SERVER);
    request(1);
    kit_send(&t, 0, A, B, &m);
    kit_send(&t, 50 * IT_US, A, C, &m);
    response(1);
    kit_send(&t, IT_MS, C, A, &m);
    kit_send(&t, IT_MS + 50 * IT_US, B, A, &m);
    kit_none(&t, IT_RULE_REUSED_TXID);
    kit_close(&t);
}
END_TEST

START_TEST(a_response_from_elsewhere_is_found_at_the_server_and_doubted_in_the_middle)
{
    for (int server = 0; server < 2; server++) {
        kit t;
        kit_open_as(&t, IT_PASSIVE_TODAY, server ? IT_PASSIVE_SERVER : IT_PASSIVE_MIDDLE);
        request(1);
        kit_send(&t, 0, A, B, &m);
        response(1);
        kit_send(&t, IT_MS, C, A, &m);
        kit_only(&t, IT_RULE_SYMMETRIC);
        ck_assert_int_eq(kit_finding(&t, IT_RULE_SYMMETRIC)->inconclusive, !server);
        kit_close(&t);
    }
}
END_TEST

START_TEST(a_mapped_address_is_judged_at_the_server_alone)
{
    for (int server = 0; server < 2; server++) {
        kit t;
        kit_open_as(&t, IT_PASSIVE_TODAY, server ? IT_PASSIVE_SERVER : IT_PASSIVE_MIDDLE);
        request(1);
        kit_send(&t, 0, A, B, &m);
        m_begin(&m, IT_PV_SUCCESS, IT_PV_BINDING, 1);
        m_addr(&m, IT_PV_MAPPED, at("203.0.113.7:7"));
        kit_send(&t, IT_MS, B, A, &m);
        if (server)
            kit_only(&t, IT_RULE_MAPPED);
        else
            kit_none(&t, IT_RULE_HAS_MAPPED);
        kit_close(&t);
    }
}
END_TEST

START_TEST(a_response_without_the_integrity_of_its_request_is_found)
{
    kit t;
    kit_open(&t);
    m_check(&m, 1);
    kit_send(&t, 0, A, B, &m);
    m_begin(&m, IT_PV_SUCCESS, IT_PV_BINDING, 1);
    m_addr(&m, IT_PV_MAPPED, at(A));
    m_print(&m);
    kit_send(&t, IT_MS, B, A, &m);
    kit_only(&t, IT_RULE_SAME_INTEGRITY);
    kit_close(&t);
}
END_TEST

START_TEST(the_response_to_a_check_has_fingerprint)
{
    kit t;
    kit_open(&t);
    m_check(&m, 1);
    kit_send(&t, 0, A, B, &m);
    m_begin(&m, IT_PV_SUCCESS, IT_PV_BINDING, 1);
    m_addr(&m, IT_PV_MAPPED, at(A));
    m_sign(&m, BOB_PWD);
    kit_send(&t, IT_MS, B, A, &m);
    kit_only(&t, IT_RULE_CHECK_FINGERPRINT);
    ck_assert_int_eq(it_addr_eq(kit_finding(&t, IT_RULE_CHECK_FINGERPRINT)->who, at(B)), true);
    kit_close(&t);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("transactions");
    tcase_add_test(c, the_schedule_of_rfc_8489_breaks_nothing);
    tcase_add_test(c, a_schedule_of_which_the_tap_missed_some_breaks_nothing);
    tcase_add_test(c, a_hasty_retransmission_is_found);
    tcase_add_test(c, an_even_pace_is_no_back_off);
    tcase_add_test(c, an_eighth_time_is_found);
    tcase_add_test(c, a_packet_that_a_tap_saw_twice_is_no_retransmission);
    tcase_add_test(c, a_packet_that_comes_by_at_its_next_hop_is_no_retransmission);
    tcase_add_test(c, a_retransmission_with_other_contents_is_found);
    tcase_add_test(c, an_id_used_again_for_another_server_is_found);
    tcase_add_test(c, a_request_that_a_nat_passes_on_is_the_same);
    tcase_add_test(c, a_response_from_elsewhere_is_found_at_the_server_and_doubted_in_the_middle);
    tcase_add_test(c, a_mapped_address_is_judged_at_the_server_alone);
    tcase_add_test(c, a_response_without_the_integrity_of_its_request_is_found);
    tcase_add_test(c, the_response_to_a_check_has_fingerprint);
    return run_case("passive trans", c);
}
