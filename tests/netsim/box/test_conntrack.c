/* A connection as netfilter tracks it, step by step. What thousands of random scripts say is in tests/groundtruth; here
 * stands what each rule means. */
#include "netsim/box/conntrack.h"

#include <check.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
enum { A, B }; /* who opened, the other */

#define ISN_A 1000u
#define ISN_B 900000u

static it_time T[IT_CT_TIMES];
static it_ct C;
static it_ct_step LAST;

static void times(void)
{
    for (int i = 0; i < IT_CT_TIMES; i++)
        T[i] = (i + 1) * 10 * IT_SEC;
    T[IT_CT_EST] = 432000 * IT_SEC;
    T[IT_CT_UNACKED] = T[IT_CT_RETRANS] = 300 * IT_SEC;
}

static it_pkt *segment(uint8_t flags, uint32_t seq, uint32_t ack, uint16_t window, size_t n, it_bytes options)
{
    static it_pkt p;
    static const uint8_t DATA[1000];
    it_pkt_tcp_msg m = {.src = {it_ip4(0x0a000001), 5},
                        .dst = {it_ip4(0x0a000002), 6},
                        .seq = seq,
                        .ack = ack,
                        .window = window,
                        .flags = flags,
                        .options = options,
                        .data = {{DATA, n}, {NULL, 0}}};
    memset(&p, 0, offsetof(it_pkt, buf));
    ck_assert_int_eq(it_pkt_tcp(&p, &m), 0);
    return &p;
}

/* The next segment of |dir|, with |n| bytes. */
static enum it_ct_verdict say(int dir, uint8_t flags, uint32_t seq, uint32_t ack, size_t n)
{
    LAST = it_ct_see(&C, T, dir, segment(flags, seq, ack, 60000, n, it_bytes_of(NULL, 0)), 0);
    return LAST.verdict;
}

static it_ct_step begin(uint8_t flags, bool loose)
{
    times();
    LAST = it_ct_open(&C, T, loose, segment(flags, ISN_A, 0, 60000, 0, it_bytes_of(NULL, 0)), 0);
    return LAST;
}

static void open_connection(void)
{
    ck_assert_int_eq(begin(SYN, false).verdict, IT_CT_PASS);
    ck_assert_int_eq(say(B, SYN | ACK, ISN_B, ISN_A + 1, 0), IT_CT_PASS);
    ck_assert_int_eq(say(A, ACK, ISN_A + 1, ISN_B + 1, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_EST);
    ck_assert(C.assured);
}

START_TEST(nine_combinations_of_flags_are_valid)
{
    static const uint8_t GOOD[] = {SYN,       SYN | URG,       SYN | ACK, RST,      RST | ACK,
                                   FIN | ACK, FIN | ACK | URG, ACK,       ACK | URG};
    uint32_t n = 0;
    for (uint32_t f = 0; f < 64; f++) {
        bool good = memchr(GOOD, (int)(f & ~(uint32_t)PSH), sizeof GOOD) != NULL;
        ck_assert_int_eq(it_ct_valid(segment((uint8_t)f, 1, 1, 1, 0, it_bytes_of(NULL, 0))), good);
        n += good;
    }
    ck_assert_uint_eq(n, 18); /* each with PSH and without */
}
END_TEST

START_TEST(a_conversation_goes_through_its_phases)
{
    static const struct {
        int dir;
        uint8_t flags;
        uint32_t seq, ack;
        uint8_t phase;
    } STEPS[] = {
        {B, SYN | ACK, ISN_B, ISN_A + 1, IT_CT_RECV},         {A, ACK, ISN_A + 1, ISN_B + 1, IT_CT_EST},
        {A, FIN | ACK, ISN_A + 1, ISN_B + 1, IT_CT_FIN_WAIT}, {B, ACK, ISN_B + 1, ISN_A + 2, IT_CT_CLOSE_WAIT},
        {B, FIN | ACK, ISN_B + 1, ISN_A + 2, IT_CT_LAST_ACK}, {A, ACK, ISN_A + 2, ISN_B + 2, IT_CT_TIME_WAIT},
    };
    ck_assert_int_eq(begin(SYN, false).idle, T[IT_CT_SENT]);
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        ck_assert_int_eq(say(STEPS[i].dir, STEPS[i].flags, STEPS[i].seq, STEPS[i].ack, 0), IT_CT_PASS);
        ck_assert_uint_eq(C.phase, STEPS[i].phase);
        it_time idle = STEPS[i].phase == IT_CT_EST ? T[IT_CT_EST] : T[STEPS[i].phase];
        ck_assert_int_eq(LAST.idle, idle < T[IT_CT_UNACKED] ? idle : LAST.idle);
    }
    /* RFC 9293 section 3.6.1: a SYN may reopen it. */
    ck_assert_int_eq(say(A, SYN, ISN_A + 5000, 0, 0), IT_CT_REOPEN);
}
END_TEST

START_TEST(only_a_syn_or_an_ack_begins)
{
    ck_assert_int_eq(begin(SYN | ACK, true).verdict, IT_CT_INVALID);
    ck_assert_int_eq(begin(FIN | ACK, true).verdict, IT_CT_INVALID);
    ck_assert_int_eq(begin(RST, true).verdict, IT_CT_INVALID);
    ck_assert_int_eq(begin(ACK, false).verdict, IT_CT_INVALID);
    ck_assert_int_eq(begin(ACK, true).verdict, IT_CT_PASS);
    ck_assert_int_eq(LAST.idle, T[IT_CT_UNACKED]); /* until it is answered */
}
END_TEST

START_TEST(an_acknowledgment_of_what_was_not_sent_is_invalid)
{
    open_connection();
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 1, 0), IT_CT_PASS);
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 2, 0), IT_CT_INVALID);
    ck_assert_int_eq(say(A, ACK, ISN_A + 1, ISN_B + 1, 100), IT_CT_PASS);
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 101, 0), IT_CT_PASS);
}
END_TEST

START_TEST(data_beyond_the_window_is_invalid)
{
    open_connection();
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 1, 0), IT_CT_PASS); /* offers 60000 */
    ck_assert_int_eq(say(A, ACK, ISN_A + 1 + 60000, ISN_B + 1, 0), IT_CT_PASS);
    ck_assert_int_eq(say(A, ACK, ISN_A + 1 + 60001 + 60000, ISN_B + 1, 10), IT_CT_INVALID);
}
END_TEST

/* RFC 5961 section 3.2. */
START_TEST(a_reset_counts_where_the_next_byte_is_expected)
{
    open_connection();
    ck_assert_int_eq(say(A, ACK, ISN_A + 1, ISN_B + 1, 0), IT_CT_PASS);
    ck_assert_int_eq(say(B, RST, ISN_B, 0, 0), IT_CT_INVALID); /* before what was acknowledged */
    ck_assert_int_eq(say(B, RST, ISN_B + 11, 0, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_EST); /* it may be challenged */
    ck_assert_int_eq(say(B, RST, ISN_B + 1, 0, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_CLOSED);
    ck_assert_int_eq(LAST.idle, T[IT_CT_CLOSED]);
}
END_TEST

START_TEST(what_only_a_reset_answers_is_forgotten)
{
    begin(SYN, false);
    ck_assert_int_eq(say(B, RST | ACK, 0, ISN_A + 1, 0), IT_CT_PASS_AND_END);
    begin(SYN, false);
    ck_assert_int_eq(say(B, RST | ACK, 0, ISN_A + 7, 0), IT_CT_INVALID); /* nobody's: the connection goes on */
    ck_assert_int_eq(say(B, SYN | ACK, ISN_B, ISN_A + 1, 0), IT_CT_PASS);
}
END_TEST

START_TEST(a_syn_sent_again_does_not_prolong)
{
    begin(SYN, false);
    ck_assert_int_eq(say(A, SYN, ISN_A, 0, 0), IT_CT_PASS);
    ck_assert_int_eq(LAST.idle, 0);
}
END_TEST

START_TEST(both_may_open_at_once)
{
    begin(SYN, false);
    ck_assert_int_eq(say(B, SYN, ISN_B, 0, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_SENT2);
    ck_assert_int_eq(say(A, SYN | ACK, ISN_A, ISN_B + 1, 0), IT_CT_PASS);
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 1, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_EST);
}
END_TEST

/* The two ends are in step, the tracker was not: its SYN is let through, and what answers it counts. */
START_TEST(an_answered_syn_on_an_open_connection_begins_it_anew)
{
    open_connection();
    ck_assert_int_eq(say(A, SYN, ISN_A + 70000, 0, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_EST);
    ck_assert_int_eq(say(B, SYN | ACK, ISN_B + 70000, ISN_A + 70001, 0), IT_CT_PASS);
    ck_assert_uint_eq(C.phase, IT_CT_RECV);
    ck_assert_int_eq(say(B, SYN, ISN_B + 5, 0, 0), IT_CT_INVALID); /* servers do not begin */
}
END_TEST

START_TEST(unanswered_data_and_the_same_again_shorten_the_time)
{
    open_connection();
    ck_assert_int_eq(LAST.idle, T[IT_CT_EST]);
    ck_assert_int_eq(say(A, ACK | PSH, ISN_A + 1, ISN_B + 1, 10), IT_CT_PASS);
    ck_assert_int_eq(LAST.idle, T[IT_CT_UNACKED]);
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 11, 0), IT_CT_PASS);
    ck_assert_int_eq(LAST.idle, T[IT_CT_EST]);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 11, 0), IT_CT_PASS);
        ck_assert_int_eq(LAST.idle, i < 3 ? T[IT_CT_EST] : T[IT_CT_RETRANS]);
    }
}
END_TEST

/* RFC 7323 section 2.2: windows are scaled when both offer it; RFC 2018: what is behind a hole counts as acknowledged.
 */
START_TEST(windows_scale_when_both_offer_it)
{
    static const uint8_t OFFER[] = {3, 3, 4, 1};
    for (int both = 0; both < 2; both++) {
        times();
        it_bytes o = it_bytes_of(OFFER, sizeof OFFER);
        LAST = it_ct_open(&C, T, false, segment(SYN, ISN_A, 0, 1000, 0, o), 0);
        LAST = it_ct_see(&C, T, B, segment(SYN | ACK, ISN_B, ISN_A + 1, 1000, 0, both ? o : it_bytes_of(NULL, 0)), 0);
        LAST = it_ct_see(&C, T, A, segment(ACK, ISN_A + 1, ISN_B + 1, 1000, 0, it_bytes_of(NULL, 0)), 0);
        LAST = it_ct_see(&C, T, B, segment(ACK, ISN_B + 1 + 15000, ISN_A + 1, 1000, 10, it_bytes_of(NULL, 0)), 0);
        ck_assert_int_eq(LAST.verdict, both ? IT_CT_PASS : IT_CT_INVALID);
    }
}
END_TEST

START_TEST(an_invalid_end_in_each_direction_shortens_the_time)
{
    open_connection();
    ck_assert_int_eq(say(A, FIN | ACK, ISN_A + 1, ISN_B + 5000, 0), IT_CT_INVALID);
    ck_assert(!LAST.shorten);
    ck_assert_int_eq(say(B, FIN | ACK, ISN_B + 1, ISN_A + 5000, 0), IT_CT_INVALID);
    ck_assert(LAST.shorten);
}
END_TEST

START_TEST(bytes_in_later_fragments_count)
{
    open_connection();
    LAST = it_ct_see(&C, T, A, segment(ACK, ISN_A + 1, ISN_B + 1, 60000, 100, it_bytes_of(NULL, 0)), 900);
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 1001, 0), IT_CT_PASS);
    ck_assert_int_eq(say(B, ACK, ISN_B + 1, ISN_A + 1002, 0), IT_CT_INVALID);
}
END_TEST

/* RFC 9293 section 3.4.3: a SYN with another sequence number begins anew, with what it offers itself, before the other
 * side has said a word. */
START_TEST(a_syn_that_begins_anew_keeps_its_scale)
{
    static const uint8_t SCALE[] = {3, 3, 7, 1};
    times();
    it_bytes options = it_bytes_of(SCALE, sizeof SCALE);
    LAST = it_ct_open(&C, T, false, segment(SYN, ISN_A, 0, 60000, 0, options), 0);
    LAST = it_ct_see(&C, T, A, segment(SYN, ISN_A + 5000, 0, 60000, 0, options), 0);
    ck_assert_int_eq(LAST.verdict, IT_CT_PASS);
    ck_assert(C.end[A].scales && C.end[A].scale == 7);
    ck_assert_uint_eq(C.end[A].end, ISN_A + 5001);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/conntrack");
    TCase *t = tcase_create("netfilter");
    tcase_add_test(t, nine_combinations_of_flags_are_valid);
    tcase_add_test(t, a_conversation_goes_through_its_phases);
    tcase_add_test(t, only_a_syn_or_an_ack_begins);
    tcase_add_test(t, an_acknowledgment_of_what_was_not_sent_is_invalid);
    tcase_add_test(t, data_beyond_the_window_is_invalid);
    tcase_add_test(t, a_reset_counts_where_the_next_byte_is_expected);
    tcase_add_test(t, what_only_a_reset_answers_is_forgotten);
    tcase_add_test(t, a_syn_sent_again_does_not_prolong);
    tcase_add_test(t, both_may_open_at_once);
    tcase_add_test(t, an_answered_syn_on_an_open_connection_begins_it_anew);
    tcase_add_test(t, unanswered_data_and_the_same_again_shorten_the_time);
    tcase_add_test(t, a_syn_that_begins_anew_keeps_its_scale);
    tcase_add_test(t, windows_scale_when_both_offer_it);
    tcase_add_test(t, an_invalid_end_in_each_direction_shortens_the_time);
    tcase_add_test(t, bytes_in_later_fragments_count);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
