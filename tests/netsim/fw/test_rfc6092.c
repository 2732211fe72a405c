/* Firewalls: policies by protocol and port, flows and their timers, policers, connections, ICMP; IPv4 and IPv6 alike.
 */
#include "tests/netsim/box.h"

static box B;

static const char *const IN[] = {"10.0.0.2:5000", "[2001:db8:1::2]:5000"};
static const char *const OUT[] = {"198.51.100.1:80", "[2001:db8:2::1]:80"};
static const char *const OUT_PORT[] = {"198.51.100.1:81", "[2001:db8:2::1]:81"};
static const char *const OUT_HOST[] = {"198.51.100.2:80", "[2001:db8:2::2]:80"};

static it_fw_profile stateful(uint8_t filtering)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = true;
    p.udp.filtering = filtering;
    return p;
}

static bool passes(int side, const char *from, const char *to)
{
    box_udp(&B, side, A(from), A(to));
    it_pkt *p = box_got(&B, !side);
    if (p) {
        ck_assert(it_addr_eq(it_addr_of(p->src, p->sport), A(from)) && it_addr_eq(it_addr_of(p->dst, p->dport), A(to)));
        ck_assert_uint_eq(it_pkt_ip(p)[p->ver == 4 ? 8 : 7], 64); /* it is no hop */
    }
    return p != NULL;
}

static bool tcp(int side, const char *from, const char *to, uint8_t flags, uint32_t seq, uint32_t ack)
{
    seg s = {A(from), A(to), flags, seq, ack, 0};
    box_tcp(&B, side, &s);
    return box_got(&B, !side) != NULL;
}

START_TEST(without_a_policy_everything_passes)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    box_open_fw(&B, &p);
    ck_assert(passes(IT_FW_OUT, OUT[_i], IN[_i]) && passes(IT_FW_IN, IN[_i], OUT[_i]));
    ck_assert(tcp(IT_FW_OUT, OUT[_i], IN[_i], SYN, 1, 0));
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_stateful_policy_filters_as_it_says)
{
    /* RFC 6092 REC-17. */
    it_fw_profile p = stateful((uint8_t)(_i / 2));
    int v = _i % 2;
    box_open_fw(&B, &p);
    ck_assert(!passes(IT_FW_OUT, OUT[v], IN[v]));
    ck_assert_int_eq(B.drop, IT_DROP_FW_STATE);
    ck_assert(passes(IT_FW_IN, IN[v], OUT[v]));
    ck_assert(passes(IT_FW_OUT, OUT[v], IN[v]));
    ck_assert(passes(IT_FW_OUT, OUT_PORT[v], IN[v]) == (p.udp.filtering != IT_NAT_APD));
    ck_assert(passes(IT_FW_OUT, OUT_HOST[v], IN[v]) == (p.udp.filtering == IT_NAT_EI));
    box_close(&B);
}
END_TEST

START_TEST(a_flow_lives_its_time_from_its_last_packet)
{
    /* REC-14. */
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(passes(IT_FW_IN, IN[1], OUT[1]));
    box_at(&B, 200 * IT_SEC);
    ck_assert(passes(IT_FW_OUT, OUT[1], IN[1]));
    box_at(&B, 500 * IT_SEC - 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    box_at(&B, 500 * IT_SEC);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    ck_assert(!passes(IT_FW_OUT, OUT[1], IN[1]));
    box_close(&B);
}
END_TEST

START_TEST(blocked_udp_and_named_ports)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.block = _i == 0;
    p.udp_out = (it_fw_ports){.port = {80}, .n = _i == 1, .set = _i == 1};
    box_open_fw(&B, &p);
    ck_assert(passes(IT_FW_IN, IN[0], OUT[0]) == (_i == 1));
    ck_assert(!passes(IT_FW_IN, IN[0], OUT_PORT[0]));
    ck_assert_int_eq(B.drop, IT_DROP_FW_POLICY);
    ck_assert(passes(IT_FW_OUT, OUT[0], IN[0]) == (_i == 1));
    ck_assert(!passes(IT_FW_OUT, OUT_HOST[0], IN[0]));
    box_close(&B);
}
END_TEST

START_TEST(a_policer_lets_its_rate_and_burst_pass)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.rate_pps = 10;
    p.udp.burst = 5;
    box_open_fw(&B, &p);
    for (int i = 0; i < 8; i++)
        ck_assert(passes(IT_FW_IN, IN[0], OUT[0]) == (i < 5));
    ck_assert_int_eq(B.drop, IT_DROP_FW_RATE);
    ck_assert(passes(IT_FW_OUT, OUT[0], IN[0])); /* the other way has a bucket of its own */
    box_at(&B, 100 * IT_MS - 1);
    ck_assert(!passes(IT_FW_IN, IN[0], OUT[0]));
    box_at(&B, 100 * IT_MS);
    ck_assert(passes(IT_FW_IN, IN[0], OUT[0]));
    ck_assert(!passes(IT_FW_IN, IN[0], OUT[0]));
    box_close(&B);
}
END_TEST

START_TEST(a_flow_too_old_is_dead_until_it_was_silent)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.max_flow_age = 100 * IT_SEC;
    p.udp.timeout = 30 * IT_SEC;
    box_open_fw(&B, &p);
    for (int i = 0; i < 13; i++) {
        box_at(&B, i * 10 * IT_SEC);
        ck_assert(passes(IT_FW_IN, IN[0], OUT[0]) == (i < 10));
    }
    ck_assert_uint_eq(it_fw_stat(B.fw)->killed, 1);
    box_at(&B, 150 * IT_SEC);
    ck_assert(passes(IT_FW_IN, IN[0], OUT[0]));
    box_close(&B);
}
END_TEST

/* --- RFC 6092 section 3.3 --- */

START_TEST(connections_are_opened_from_inside)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(!tcp(IT_FW_OUT, OUT[_i], IN[_i], SYN, 9, 0));
    ck_assert_int_eq(B.drop, IT_DROP_FW_STATE);
    ck_assert(!tcp(IT_FW_IN, IN[_i], OUT[_i], ACK, 9, 0));
    ck_assert(tcp(IT_FW_IN, IN[_i], OUT[_i], SYN, 100, 0));
    ck_assert(tcp(IT_FW_OUT, OUT[_i], IN[_i], SYN | ACK, 900, 101));
    ck_assert(tcp(IT_FW_IN, IN[_i], OUT[_i], ACK, 101, 901));
    box_at(&B, 7440 * IT_SEC - 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    box_at(&B, 7440 * IT_SEC);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_simultaneous_open_passes)
{
    /* REC-33. */
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(tcp(IT_FW_IN, IN[1], OUT[1], SYN, 100, 0));
    ck_assert(tcp(IT_FW_OUT, OUT[1], IN[1], SYN, 900, 0));
    ck_assert(tcp(IT_FW_IN, IN[1], OUT[1], SYN | ACK, 100, 901));
    box_close(&B);
}
END_TEST

START_TEST(opening_and_closing_connections_live_four_minutes)
{
    /* REC-35. */
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(tcp(IT_FW_IN, IN[0], OUT[0], SYN, 100, 0));
    if (_i) {
        ck_assert(tcp(IT_FW_OUT, OUT[0], IN[0], SYN | ACK, 900, 101));
        box_at(&B, 1000 * IT_SEC);
        ck_assert(tcp(IT_FW_OUT, OUT[0], IN[0], _i == 1 ? RST : FIN | ACK, 901, 101));
        ck_assert(_i == 1 || tcp(IT_FW_IN, IN[0], OUT[0], FIN | ACK, 101, 902));
    }
    it_time end = (_i ? 1240 : 240) * IT_SEC;
    box_at(&B, end - 1);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    box_at(&B, end);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 0);
    box_close(&B);
}
END_TEST

START_TEST(named_ports_of_tcp)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.block = true;
    p.tcp_out = (it_fw_ports){.port = {80, 443}, .n = 2, .set = true};
    box_open_fw(&B, &p);
    ck_assert(!tcp(IT_FW_IN, IN[0], OUT_PORT[0], SYN, 1, 0));
    ck_assert_int_eq(B.drop, IT_DROP_FW_POLICY);
    ck_assert(tcp(IT_FW_IN, IN[0], OUT[0], SYN, 1, 0));
    ck_assert(tcp(IT_FW_OUT, OUT[0], IN[0], SYN | ACK, 1, 2));
    ck_assert(!tcp(IT_FW_OUT, OUT_PORT[0], IN[0], SYN, 1, 0));
    box_close(&B);
}
END_TEST

/* --- ICMP, state --- */

START_TEST(errors_about_flows_pass_and_others_do_not)
{
    /* REC-10, RFC 4890 section 4.3.1. */
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(passes(IT_FW_IN, IN[_i], OUT[_i]));
    it_pkt o = *box_got(&B, IT_FW_OUT);
    box_error(&B, IT_FW_OUT, _i ? I("2001:db8:9::9") : I("192.0.2.9"), &o, _i ? 1 : 3, _i ? 4 : 3);
    ck_assert_ptr_nonnull(box_got(&B, IT_FW_IN));
    it_pkt other = o;
    it_pkt_set_src(&other, other.src, 77);
    box_error(&B, IT_FW_OUT, _i ? I("2001:db8:9::9") : I("192.0.2.9"), &other, _i ? 1 : 3, _i ? 4 : 3);
    ck_assert_uint_eq(B.n_got, 0);
    ck_assert_int_eq(B.drop, IT_DROP_FW_STATE);
    box_query(&B, IT_FW_IN, A(IN[_i]).ip, A(OUT[_i]).ip, _i ? 128 : 8, 5);
    box_query(&B, IT_FW_OUT, A(OUT[_i]).ip, A(IN[_i]).ip, _i ? 129 : 0, 5);
    ck_assert_ptr_nonnull(box_got(&B, IT_FW_IN));
    box_query(&B, IT_FW_OUT, A(OUT_HOST[_i]).ip, A(IN[_i]).ip, _i ? 128 : 8, 6);
    ck_assert_uint_eq(B.n_got, 0);
    box_close(&B);
}
END_TEST

START_TEST(a_reboot_is_silent_and_forgets)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    box_open_fw(&B, &p);
    ck_assert(passes(IT_FW_IN, IN[0], OUT[0]));
    it_fw_reboot(B.fw, 0, IT_SEC);
    box_at(&B, IT_SEC - 1);
    ck_assert(!passes(IT_FW_IN, IN[0], OUT[0]));
    ck_assert_int_eq(B.drop, IT_DROP_FW_REBOOT);
    box_at(&B, IT_SEC);
    ck_assert(!passes(IT_FW_OUT, OUT[0], IN[0]));
    ck_assert(passes(IT_FW_IN, IN[0], OUT[0]));
    it_fw_flush(B.fw, IT_SEC);
    ck_assert(!passes(IT_FW_OUT, OUT[0], IN[0]));
    box_close(&B);
}
END_TEST

START_TEST(policies_have_faults)
{
    it_fw_profile p = stateful(IT_NAT_APD);
    p.udp.timeout = _i == 0 ? 0 : p.udp.timeout;
    p.udp.filtering = _i == 1 ? 3 : p.udp.filtering;
    p.udp.burst = _i == 2;
    p.udp.rate_pps = _i == 3 ? 1000000001u : 0;
    ck_assert_ptr_nonnull(it_fw_profile_fault(&p));
    it_fw_profile good = stateful(IT_NAT_APD);
    box_open_fw(&B, &good);
    ck_assert_int_eq(it_fw_set(B.fw, &p), IT_ERR_RANGE);
    good.udp.filtering = IT_NAT_EI;
    ck_assert_int_eq(it_fw_set(B.fw, &good), 0);
    ck_assert_uint_eq(it_fw_profile_of(B.fw)->udp.filtering, IT_NAT_EI);
    ck_assert(it_fw_of(it_fw_node(B.fw)) == B.fw && !it_fw_of(B.edge[0]));
    box_close(&B);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/fw_rfc6092");
    TCase *t = tcase_create("RFC 6092 3.2 UDP");
    tcase_add_loop_test(t, without_a_policy_everything_passes, 0, 2);
    tcase_add_loop_test(t, a_stateful_policy_filters_as_it_says, 0, 6);
    tcase_add_test(t, a_flow_lives_its_time_from_its_last_packet);
    tcase_add_loop_test(t, blocked_udp_and_named_ports, 0, 2);
    tcase_add_test(t, a_policer_lets_its_rate_and_burst_pass);
    tcase_add_test(t, a_flow_too_old_is_dead_until_it_was_silent);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6092 3.3 TCP");
    tcase_add_loop_test(t, connections_are_opened_from_inside, 0, 2);
    tcase_add_test(t, a_simultaneous_open_passes);
    tcase_add_loop_test(t, opening_and_closing_connections_live_four_minutes, 0, 3);
    tcase_add_test(t, named_ports_of_tcp);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 6092 REC-10 and state");
    tcase_add_loop_test(t, errors_about_flows_pass_and_others_do_not, 0, 2);
    tcase_add_test(t, a_reboot_is_silent_and_forgets);
    tcase_add_loop_test(t, policies_have_faults, 0, 4);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
