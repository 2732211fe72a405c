/* UDP through a firewall that tracks as netfilter does: its two times, and other protocols. */
#include "tests/netsim/box.h"

static box B;

#define IN IT_FW_IN
#define OUT IT_FW_OUT
static const char *const C[] = {"10.0.0.2:5000", "[2001:db8:1::2]:5000"};
static const char *const S[] = {"198.51.100.1:3478", "[2001:db8:2::1]:3478"};

static void start(void)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = p.conntrack = true;
    p.udp.timeout = p.icmp = 30 * IT_SEC;
    p.udp.stream = 120 * IT_SEC;
    p.other = 600 * IT_SEC;
    box_open_fw(&B, &p);
}

static bool passes(int side, int six)
{
    box_udp(&B, side, A(side == IN ? C[six] : S[six]), A(side == IN ? S[six] : C[six]));
    return box_got(&B, !side) != NULL;
}

START_TEST(an_unanswered_flow_lives_half_a_minute)
{
    start();
    ck_assert(passes(IN, _i));
    box_at(&B, 20 * IT_SEC);
    ck_assert(passes(IN, _i));
    box_at(&B, 50 * IT_SEC - 1);
    ck_assert(passes(OUT, _i));
    box_at(&B, 80 * IT_SEC);
    ck_assert(!passes(OUT, _i));
    ck_assert_int_eq(B.drop, IT_DROP_FW_STATE);
    box_close(&B);
}
END_TEST

START_TEST(an_answered_one_lives_two_minutes_from_its_next_packet_on)
{
    start();
    ck_assert(passes(IN, _i));
    ck_assert(passes(OUT, _i));
    box_at(&B, 2 * IT_SEC - 1);
    ck_assert(passes(IN, _i)); /* not old enough: half a minute again */
    box_at(&B, 30 * IT_SEC);
    ck_assert(passes(OUT, _i));
    box_at(&B, 150 * IT_SEC - 1);
    ck_assert(passes(OUT, _i));
    box_at(&B, 270 * IT_SEC);
    ck_assert(!passes(OUT, _i));
    box_close(&B);
}
END_TEST

START_TEST(other_protocols_have_a_time_of_their_own)
{
    uint8_t buf[IT_PKT_MAX];
    it_ip c = A(C[_i]).ip, s = A(S[_i]).ip;
    start();
    it_bytes out = box_ip_bytes(buf, c, s, 50, it_bytes_of("0123456789abcdef", 16));
    box_put(&B, IN, out);
    ck_assert_ptr_nonnull(box_got(&B, OUT));
    box_at(&B, 600 * IT_SEC - 1);
    it_bytes in = box_ip_bytes(buf, s, c, 50, it_bytes_of("0123456789abcdef", 16));
    box_put(&B, OUT, in);
    ck_assert_ptr_nonnull(box_got(&B, IN));
    box_at(&B, 1200 * IT_SEC);
    box_put(&B, OUT, in);
    ck_assert_ptr_null(box_got(&B, IN));
    box_close(&B);
}
END_TEST

/* What netfilter calls invalid passes neither way and prolongs nothing. */
START_TEST(what_is_invalid_prolongs_nothing)
{
    uint8_t buf[IT_PKT_MAX];
    start();
    ck_assert(passes(IN, _i));
    box_at(&B, 20 * IT_SEC);
    it_bytes d = box_udp_bytes(buf, A(C[_i]), A(S[_i]), 12);
    buf[d.n - 1] ^= 1;
    box_put(&B, IN, d);
    ck_assert_int_eq(B.drop, IT_DROP_CHECKSUM);
    ck_assert_ptr_null(box_got(&B, OUT));
    box_at(&B, 30 * IT_SEC);
    ck_assert(!passes(OUT, _i));
    box_close(&B);
}
END_TEST

/* A change of tracker leaves flows of UDP and ends those of TCP, of which it knows nothing. */
START_TEST(a_change_of_tracker_begins_tcp_anew)
{
    start();
    seg syn = {A(C[_i]), A(S[_i]), SYN, 1000, 0, 0}, answer = {A(S[_i]), A(C[_i]), SYN | ACK, 2000, 1001, 0};
    ck_assert(passes(IN, _i));
    box_tcp(&B, IN, &syn);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 2);
    it_fw_profile p = *it_fw_profile_of(B.fw);
    p.conntrack = false;
    ck_assert_int_eq(it_fw_set(B.fw, &p), 0);
    ck_assert_uint_eq(it_fw_stat(B.fw)->flows, 1);
    ck_assert(passes(OUT, _i));
    box_tcp(&B, OUT, &answer);
    ck_assert_ptr_null(box_got(&B, IN));
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/fw_udp");
    TCase *t = tcase_create("netfilter");
    tcase_add_loop_test(t, an_unanswered_flow_lives_half_a_minute, 0, 2);
    tcase_add_loop_test(t, an_answered_one_lives_two_minutes_from_its_next_packet_on, 0, 2);
    tcase_add_loop_test(t, other_protocols_have_a_time_of_their_own, 0, 2);
    tcase_add_loop_test(t, what_is_invalid_prolongs_nothing, 0, 2);
    tcase_add_loop_test(t, a_change_of_tracker_begins_tcp_anew, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
