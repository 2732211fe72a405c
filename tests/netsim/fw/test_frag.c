/* Fragments through a firewall: it judges whole datagrams, in both families. */
#include "tests/netsim/box.h"

static box B;

#define IN IT_FW_IN
#define OUT IT_FW_OUT
static const char *const C[] = {"10.0.0.2:5000", "[2001:db8:1::2]:5000"};
static const char *const S[] = {"198.51.100.1:7000", "[2001:db8:2::1]:7000"};

static void start(void)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = true;
    p.udp.filtering = p.tcp.filtering = IT_NAT_APD;
    box_open_fw(&B, &p);
}

/* Sends the piece of datagram |id| that begins at |at| (a multiple of 8; 0 has the ports) with 64 bytes; whether it
 * came out. */
static bool piece(int side, const char *from, const char *to, uint32_t id, uint16_t at, bool more)
{
    uint8_t out[IT_PKT_MAX], body[80] = {0}, *data = body;
    it_addr src = A(from), dst = A(to);
    bool six = it_ip_is6(src.ip);
    size_t n = 64;
    if (six) { /* RFC 8200 section 4.5 */
        body[0] = IT_PROTO_UDP;
        it_put16(body + 2, (uint16_t)(at | more));
        it_put32(body + 4, id);
        data += 8;
        n += 8;
    }
    if (at == 0) {
        it_put16(data, src.port);
        it_put16(data + 2, dst.port);
        it_put16(data + 4, 100); /* without a checksum */
    }
    it_bytes ip = box_ip_bytes(out, src.ip, dst.ip, six ? 44 : IT_PROTO_UDP, it_bytes_of(body, n));
    if (!six) { /* RFC 791 section 3.1 */
        it_put16(out + 4, (uint16_t)id);
        it_put16(out + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
        it_put16(out + 10, 0);
        it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 20)));
    }
    box_put(&B, side, ip);
    return box_got(&B, !side) != NULL;
}

/* How many fragments the last piece let out on the other side. */
static size_t came_out(int side)
{
    size_t n = 0;
    for (size_t i = 0; i < B.n_got; i++)
        n += B.got[i].side == side;
    return n;
}

/* The first 64 bytes or the last 64 of an IPv4 datagram of 128 whose UDP ends after 100 of them, with a checksum over
 * those; |wrong| by so much. */
static void summed(bool first, uint16_t wrong)
{
    uint8_t out[IT_PKT_MAX], body[64];
    memset(body, 0x11, sizeof body);
    if (first) {
        it_put16(body, 5000);
        it_put16(body + 2, 7000);
        it_put16(body + 4, 100);
        it_put16(body + 6, 0);
    }
    it_bytes ip = box_ip_bytes(out, A(C[0]).ip, A(S[0]).ip, IT_PROTO_UDP, it_bytes_of(body, sizeof body));
    uint8_t rest[36];
    memset(rest, 0x11, sizeof rest);
    uint64_t sum = it_sum_add((uint64_t)IT_PROTO_UDP + 100, out + 12, 8);
    sum = it_sum_add(it_sum_add(sum, body, sizeof body), rest, sizeof rest);
    if (first)
        it_put16(out + 20 + 6, (uint16_t)(it_sum_fold(sum) ^ wrong));
    it_put16(out + 4, 77);
    it_put16(out + 6, first ? 0x2000 : 64 / 8);
    it_put16(out + 10, 0);
    it_put16(out + 10, it_sum_fold(it_sum_add(0, out, 20)));
    box_put(&B, IN, ip);
}

/* RFC 768: the length of UDP says what is summed, not that of IP. */
START_TEST(a_checksum_is_of_what_udp_counts_as_its_own)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    p.udp.stateful = p.tcp.stateful = true;
    p.conntrack = _i == 2; /* netfilter counts all of it, and finds the sum wrong */
    box_open_fw(&B, &p);
    summed(true, _i == 1);
    summed(false, 0);
    ck_assert_uint_eq(came_out(OUT), _i == 0 ? 2 : 0);
    box_close(&B);
}
END_TEST

START_TEST(a_datagram_passes_when_it_is_whole_and_as_it_came)
{
    const char *c = C[_i], *s = S[_i];
    start();
    ck_assert(!piece(IN, c, s, 7, 0, true) && !piece(IN, c, s, 7, 64, true));
    ck_assert_uint_eq(B.n_drops, 0);
    ck_assert(piece(IN, c, s, 7, 128, false));
    ck_assert_uint_eq(came_out(OUT), 3);
    ck_assert_uint_eq(it_fw_stat(B.fw)->out, 3);
    /* By the flow; the same number the other way is another datagram. */
    ck_assert(!piece(OUT, s, c, 7, 0, true) && piece(OUT, s, c, 7, 64, false));
    ck_assert_uint_eq(came_out(IN), 2);
    box_close(&B);
}
END_TEST

START_TEST(fragments_come_in_any_order_and_leave_in_order)
{
    const char *c = C[_i], *s = S[_i];
    size_t header = _i ? 48 : 20;
    start();
    ck_assert(!piece(IN, c, s, 7, 128, false) && !piece(IN, c, s, 7, 64, true) && piece(IN, c, s, 7, 0, true));
    ck_assert_uint_eq(came_out(OUT), 3);
    ck_assert(B.got[0].p.frag == 1 && B.got[1].p.frag == 2 && B.got[2].p.frag == 2);
    ck_assert_uint_eq(B.got[2].p.len, header + 64);
    box_close(&B);
}
END_TEST

START_TEST(a_datagram_of_no_flow_is_dropped_whole)
{
    const char *c = C[_i], *s = S[_i];
    start();
    ck_assert(!piece(OUT, s, c, 7, 64, false) && !piece(OUT, s, c, 7, 0, true));
    ck_assert_uint_eq(B.n_drops, 2);
    ck_assert_int_eq(B.drop, IT_DROP_FW_STATE);
    ck_assert_uint_eq(it_fw_stat(B.fw)->drops[IT_DROP_FW_STATE], 2);
    box_close(&B);
}
END_TEST

START_TEST(fragments_wait_for_their_time_and_not_beyond_a_reboot)
{
    const char *c = C[_i], *s = S[_i];
    it_time wait = (_i ? 60 : 30) * IT_SEC;
    start();
    ck_assert(!piece(IN, c, s, 7, 0, true));
    box_at(&B, wait - 1);
    ck_assert(piece(IN, c, s, 7, 64, false));
    ck_assert(!piece(IN, c, s, 8, 0, true));
    box_at(&B, 2 * wait - 1); /* by itself, nothing comes */
    ck_assert_int_eq(B.drop, IT_DROP_FW_FRAGMENT);
    ck_assert_str_eq(B.why, "the others did not come");
    ck_assert(!piece(IN, c, s, 8, 64, false));
    it_fw_flush(B.fw, 2 * wait - 1);
    ck_assert(!piece(IN, c, s, 8, 0, true));
    box_close(&B);
}
END_TEST

START_TEST(the_oldest_of_65_datagrams_is_forgotten)
{
    const char *c = C[_i], *s = S[_i];
    start();
    for (uint32_t id = 0; id < 65; id++)
        ck_assert(!piece(IN, c, s, id, 0, true));
    ck_assert_int_eq(B.drop, IT_DROP_FW_FRAGMENT);
    ck_assert(piece(IN, c, s, 1, 64, false) && piece(IN, c, s, 64, 64, false));
    ck_assert(!piece(IN, c, s, 0, 64, false));
    box_close(&B);
}
END_TEST

/* RFC 5722 section 4. */
START_TEST(an_overlap_spoils_the_datagram_and_a_duplicate_does_not)
{
    const char *c = C[_i], *s = S[_i];
    start();
    ck_assert(!piece(IN, c, s, 7, 0, true) && !piece(IN, c, s, 7, 0, true));
    ck_assert_str_eq(B.why, "it is there already");
    ck_assert(piece(IN, c, s, 7, 64, false));
    ck_assert(!piece(IN, c, s, 8, 0, true) && !piece(IN, c, s, 8, 32, true));
    ck_assert_uint_eq(B.n_drops, 2);
    ck_assert_str_eq(B.why, "fragments of its datagram overlap or contradict each other");
    ck_assert(!piece(IN, c, s, 8, 64, false));
    box_close(&B);
}
END_TEST

/* Without state there is nothing to know. */
START_TEST(a_policy_without_state_lets_any_fragment_pass)
{
    it_fw_profile p;
    it_fw_profile_init(&p);
    box_open_fw(&B, &p);
    ck_assert(piece(OUT, S[_i], C[_i], 7, 64, false));
    box_close(&B);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/fw_frag");
    TCase *t = tcase_create("RFC 791 section 3.2, RFC 8200 section 4.5");
    tcase_add_loop_test(t, a_checksum_is_of_what_udp_counts_as_its_own, 0, 3);
    tcase_add_loop_test(t, a_datagram_passes_when_it_is_whole_and_as_it_came, 0, 2);
    tcase_add_loop_test(t, fragments_come_in_any_order_and_leave_in_order, 0, 2);
    tcase_add_loop_test(t, a_datagram_of_no_flow_is_dropped_whole, 0, 2);
    tcase_add_loop_test(t, fragments_wait_for_their_time_and_not_beyond_a_reboot, 0, 2);
    tcase_add_loop_test(t, the_oldest_of_65_datagrams_is_forgotten, 0, 2);
    tcase_add_loop_test(t, an_overlap_spoils_the_datagram_and_a_duplicate_does_not, 0, 2);
    tcase_add_loop_test(t, a_policy_without_state_lets_any_fragment_pass, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
