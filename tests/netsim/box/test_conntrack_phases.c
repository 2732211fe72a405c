/* The phases of a connection as netfilter has them, and which idle time begins when. What is here was seen with
 * netfilter (make groundtruth MODE=slow compares the two on random conversations). */
#include "netsim/box/conntrack.h"

#include <check.h>
#include <string.h>

enum { F = IT_TCP_FIN, S = IT_TCP_SYN, R = IT_TCP_RST, A = IT_TCP_ACK };
enum { SENT = 101, SENT2, RECV, EST, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSED, STUCK = 200, GOES_ON = 0 };

static const it_time TIMES[IT_CT_TIMES] = {
    [IT_CT_NONE] = SENT,
    [IT_CT_SENT] = SENT,
    [IT_CT_SENT2] = SENT2,
    [IT_CT_RECV] = RECV,
    [IT_CT_EST] = 1000,
    [IT_CT_FIN_WAIT] = FIN_WAIT,
    [IT_CT_CLOSE_WAIT] = CLOSE_WAIT,
    [IT_CT_LAST_ACK] = LAST_ACK,
    [IT_CT_TIME_WAIT] = TIME_WAIT,
    [IT_CT_CLOSED] = CLOSED,
    [IT_CT_UNACKED] = STUCK,
    [IT_CT_RETRANS] = STUCK,
};
static it_ct C;
static int Opener;
static enum it_ct_verdict Verdict; /* of the last packet */

static it_pkt segment(uint8_t flags, uint32_t seq, uint32_t ack, const char *data, uint16_t window)
{
    it_pkt p;
    memset(&p, 0, offsetof(it_pkt, buf));
    it_pkt_tcp_msg m = {.seq = seq, .ack = ack, .window = window, .flags = flags};
    m.src = it_addr_of(it_ip4(1), 1);
    m.dst = it_addr_of(it_ip4(2), 2);
    m.data[0] = it_bytes_str(data);
    ck_assert_int_eq(it_pkt_tcp(&p, &m), 0);
    return p;
}

/* The idle time that |p| begins; of one that is not of the connection the one that it may shorten it to. */
static it_time take(int dir, const it_pkt *p)
{
    it_ct_step step = {.verdict = IT_CT_INVALID};
    if (it_ct_valid(p))
        step = it_ct_see(&C, TIMES, dir != Opener, p, 0);
    Verdict = step.verdict;
    return step.shorten ? STUCK : step.idle;
}

static it_time see(int dir, uint8_t flags, uint32_t seq, uint32_t ack, const char *data)
{
    it_pkt p = segment(flags, seq, ack, data, 1000);
    return take(dir, &p);
}

static it_time begin(int dir, uint8_t flags, uint32_t seq)
{
    it_pkt p = segment(flags, seq, flags & A ? 500 : 0, "", 1000);
    Opener = dir;
    return it_ct_open(&C, TIMES, true, &p, 0).idle;
}

/* 101 and 501 are next of direction 0 and 1. */
static void established(void)
{
    ck_assert_int_eq(begin(0, S, 100), SENT);
    ck_assert_int_eq(see(1, S | A, 500, 101, ""), RECV);
    ck_assert_int_eq(see(0, A, 101, 501, ""), 1000);
}

START_TEST(a_connection_goes_through_every_phase)
{
    int flip = _i; /* who ends first */
    established();
    ck_assert_int_eq(see(flip, F | A, flip ? 501 : 101, flip ? 101 : 501, ""), FIN_WAIT);
    ck_assert_int_eq(see(!flip, A, flip ? 101 : 501, flip ? 502 : 102, ""), CLOSE_WAIT);
    ck_assert_int_eq(see(!flip, F | A, flip ? 101 : 501, flip ? 502 : 102, ""), LAST_ACK);
    ck_assert_int_eq(see(flip, A, flip ? 502 : 102, flip ? 102 : 502, ""), TIME_WAIT);
    ck_assert_int_eq(see(!flip, F | A, flip ? 101 : 501, flip ? 502 : 102, ""), TIME_WAIT);
    ck_assert_int_eq(see(flip, R, flip ? 502 : 102, 0, ""), CLOSED);
    ck_assert_int_eq(see(flip, A, flip ? 502 : 102, flip ? 102 : 502, ""), CLOSED);
}
END_TEST

START_TEST(a_syn_sent_again_does_not_prolong)
{
    begin(0, S, 100);
    ck_assert_int_eq(see(0, S, 100, 0, ""), GOES_ON);
    ck_assert_int_eq(see(1, A, 500, 77, ""), GOES_ON); /* of another connection: ignored, but an answer */
    ck_assert_int_eq(see(0, S, 100, 0, ""), SENT);
}
END_TEST

START_TEST(syns_that_cross_are_established_by_an_ack_of_either_side)
{
    begin(0, S, 100);
    ck_assert_int_eq(see(1, S, 500, 0, ""), GOES_ON);
    ck_assert_int_eq(see(1, S, 500, 0, ""), SENT2);
    ck_assert_int_eq(see(0, S | A, 100, 501, ""), RECV);
    ck_assert_int_eq(_i ? see(1, A, 501, 101, "") : see(0, A, 101, 501, ""), 1000);
}
END_TEST

START_TEST(an_ack_of_the_other_side_does_not_establish)
{
    begin(0, S, 100);
    ck_assert_int_eq(see(1, S | A, 500, 101, ""), RECV);
    ck_assert_int_eq(see(1, A, 501, 101, ""), RECV);
}
END_TEST

START_TEST(data_that_is_not_acknowledged_shortens)
{
    established();
    ck_assert_int_eq(see(0, A, 101, 501, "hello"), STUCK);
    ck_assert_int_eq(see(1, A, 501, 103, ""), STUCK);    /* not all of it */
    ck_assert_int_eq(see(1, A, 501, 106, "hey"), STUCK); /* but now the other's */
    ck_assert_int_eq(see(0, A, 106, 504, ""), 1000);
    ck_assert_int_eq(see(0, F | A, 106, 504, ""), FIN_WAIT); /* which is shorter anyway */
}
END_TEST

START_TEST(a_window_of_zero_and_the_same_ack_again_and_again_shorten)
{
    established();
    if (_i) {
        it_pkt p = segment(A, 501, 101, "", 0);
        ck_assert_int_eq(take(1, &p), STUCK);
        ck_assert_int_eq(Verdict, IT_CT_PASS);
        ck_assert_int_eq(see(1, A, 501, 101, ""), 1000);
        return;
    }
    ck_assert_int_eq(see(0, A, 101, 501, ""), 1000);
    ck_assert_int_eq(see(0, A, 101, 501, ""), 1000);
    ck_assert_int_eq(see(0, A, 101, 501, ""), STUCK); /* the third time again */
    ck_assert_int_eq(see(1, A, 501, 101, ""), 1000);
}
END_TEST

START_TEST(a_connection_taken_up_in_the_middle_is_short_until_it_is_answered_twice)
{
    ck_assert_int_eq(begin(0, A, 100), STUCK);
    ck_assert_int_eq(see(0, A, 100, 500, ""), STUCK);
    ck_assert_int_eq(see(1, A, 500, 100, ""), STUCK);
    ck_assert_int_eq(see(0, A, 100, 500, ""), 1000);
}
END_TEST

/* Nothing is learnt while it acknowledges what was not seen, so the window is not known: as if it were 0. */
START_TEST(a_connection_taken_up_is_short_as_long_as_it_makes_no_sense)
{
    begin(0, A, 100);
    see(0, A, 100, 500, "unseen");
    ck_assert_int_eq(see(1, A, 500, 106, ""), STUCK);
    ck_assert_int_eq(see(0, A, 106, 500, ""),
                     STUCK); /* the other has been seen by now, so this is learnt: 106 is owed */
    ck_assert_int_eq(see(1, A, 500, 106, ""), 1000);
    begin(0, A, 100);
    see(0, A, 100, 500, "unseen");
    see(1, A, 500, 106, "");
    ck_assert_int_eq(see(1, F | A, 500, 106, ""), FIN_WAIT);
    ck_assert_uint_eq(C.last_window, 0);
}
END_TEST

/* One that is not exactly where it is expected may be challenged: the phase stays, the time is that of a reset all the
 * same. */
START_TEST(a_reset_elsewhere_in_the_window_leaves_it_open)
{
    established();
    ck_assert_int_eq(see(1, R | A, _i ? 501 : 510, 101, ""), CLOSED);
    ck_assert_int_eq(see(0, A, 101, 501, ""), _i ? CLOSED : STUCK); /* what is before 510 may be on its way */
}
END_TEST

START_TEST(a_reset_behind_the_data_it_came_with_counts)
{
    established();
    ck_assert_int_eq(see(1, A, 501, 101, "bye"), STUCK);
    ck_assert_int_eq(see(1, R | A, 504, 101, ""), CLOSED);
    ck_assert_int_eq(see(0, A, 101, 501, ""), CLOSED);
}
END_TEST

START_TEST(a_syn_in_between_is_ignored_until_it_is_answered)
{
    established();
    ck_assert_int_eq(see(0, S, 9000, 0, ""), GOES_ON);
    ck_assert_int_eq(see(1, S | A, 7000, _i ? 9001 : 1, ""), _i ? RECV : GOES_ON);
    ck_assert_int_eq(_i ? see(0, A, 9001, 7001, "") : see(0, A, 101, 501, ""), 1000);
}
END_TEST

START_TEST(the_challenge_to_a_syn_does_not_end_the_last_phase)
{
    established();
    see(0, F | A, 101, 501, "");
    see(1, F | A, 501, 102, "");
    ck_assert_int_eq(see(0, S, 9000, 0, ""), GOES_ON);
    ck_assert_int_eq(see(1, A, 502, 102, ""), GOES_ON); /* the challenge */
    ck_assert_int_eq(see(1, A, 502, 102, ""), TIME_WAIT);
}
END_TEST

START_TEST(an_acknowledgment_from_long_ago_says_nothing)
{
    ck_assert_int_eq(begin(0, S, 100), SENT);
    ck_assert_int_eq(see(1, S | A, 500000, 101, ""), RECV);
    ck_assert_int_eq(see(0, A, 101, 500001, ""), 1000);
    ck_assert_int_eq(see(0, R | A, 101, 500001 - 66001, ""), GOES_ON);
    ck_assert_int_eq(see(0, F | A, 101, 500001 - 66000, ""), FIN_WAIT);
    ck_assert_int_eq(see(0, R | A, 102, 1, ""), CLOSED); /* now it is ending */
}
END_TEST

START_TEST(the_ack_of_an_ignored_syn_is_no_ack_of_the_last_fin)
{
    established();
    see(0, F | A, 101, 501, "");
    see(1, F | A, 501, 102, "");
    see(0, S, 9000, 0, "");
    ck_assert_int_eq(see(0, A, 9001, 502, ""), GOES_ON);
    ck_assert_int_eq(C.phase, IT_CT_LAST_ACK);
    see(0, S, 9000, 0, "");
    ck_assert_int_eq(Verdict, IT_CT_PASS);
    see(1, A, 502, 102, "");
    ck_assert_int_eq(see(0, A, 102, 502, ""), TIME_WAIT);
    see(_i, S, 9000, 0, "");
    ck_assert_int_eq(Verdict, IT_CT_REOPEN);
}
END_TEST

/* RFC 9293 section 3.8.4: a keepalive repeats the byte before the next one, its answer acknowledges one byte more than
 * the box has seen; that byte is then known, and an answer to what is beyond it is not. */
START_TEST(a_connection_picked_up_by_a_keepalive_knows_the_byte_its_answer_acknowledges)
{
    ck_assert_int_eq(begin(0, A, 100), STUCK);
    ck_assert_uint_eq(C.end[0].end, 100);
    see(1, A, 500, _i ? 102 : 101, "");
    ck_assert_uint_eq(C.end[0].end, _i ? 100 : 101);
    ck_assert_int_eq(Verdict, IT_CT_PASS); /* picked up: nothing is out of its windows */
}
END_TEST

/* Windows (van Rooij's rules): data up to the limit that the other end has set, acknowledgments of what was sent. */
START_TEST(what_is_out_of_the_windows_is_invalid)
{
    static const struct {
        uint8_t flags;
        uint32_t seq, ack;
        enum it_ct_verdict v;
    } T[] = {
        {A, 101, 501, IT_CT_PASS},        {A, 101, 502, IT_CT_INVALID},
        {A, 1101, 501, IT_CT_PASS},       {A, 101 + 4000, 501, IT_CT_INVALID},
        {F | A, 101, 502, IT_CT_INVALID}, {R, 100, 0, IT_CT_INVALID},
        {R, 101, 0, IT_CT_PASS},          {S | F, 101, 0, IT_CT_INVALID},
        {0, 101, 501, IT_CT_INVALID},     {S | A, 101, 501, IT_CT_INVALID},
        {S, 9000, 0, IT_CT_PASS},
    };
    established();
    see(0, T[_i].flags, T[_i].seq, T[_i].ack, "");
    ck_assert_int_eq(Verdict, T[_i].v);
}
END_TEST

START_TEST(a_reset_that_answers_the_only_syn_ends_it_and_a_wrong_one_does_not)
{
    begin(0, S, 100);
    see(1, R | A, 0, _i ? 101 : 777, "");
    ck_assert_int_eq(Verdict, _i ? IT_CT_PASS_AND_END : IT_CT_INVALID);
}
END_TEST

/* RFC 9293 section 3.10.7.3: the number of the reset is what the ACK acknowledged. */
static const struct {
    uint32_t acks[2]; /* of the ACKs that come before the reset; 0: none */
    uint32_t seq;     /* of the reset, which acknowledges 77777, what nobody has sent */
    enum it_ct_verdict v;
} REFUSALS[] = {
    {{101, 0}, 101, IT_CT_PASS},
    {{5000, 0}, 5000, IT_CT_PASS},
    {{101, 5000}, 5000, IT_CT_PASS},
    {{5000, 0}, 5001, IT_CT_INVALID},
    {{101, 5000}, 101, IT_CT_INVALID},
    {{5000, 101}, 5000, IT_CT_INVALID},
    {{4000000000u, 0}, 4000000000u, IT_CT_PASS},
};

START_TEST(a_reset_that_answers_an_ack_of_another_connection_has_its_number)
{
    begin(0, S, 100);
    for (int i = 0; i < 2 && REFUSALS[_i].acks[i]; i++)
        see(1, A, 900000, REFUSALS[_i].acks[i], "");
    see(0, A, 101, 1, ""); /* out of the windows: counts for nothing */
    ck_assert_int_eq(Verdict, IT_CT_INVALID);
    it_time idle = see(0, R | A, REFUSALS[_i].seq, 77777, "");
    ck_assert_int_eq(Verdict, REFUSALS[_i].v);
    ck_assert_int_eq(idle, REFUSALS[_i].v == IT_CT_PASS ? CLOSED : GOES_ON);
}
END_TEST

START_TEST(a_reset_without_ack_closes_what_syns_have_crossed_from_any_number)
{
    begin(0, S, 100);
    see(1, S, 500, 0, "");
    ck_assert_int_eq(see(0, R | (_i ? A : 0), 90000, 0, ""), CLOSED); /* the field is 0 in both */
    ck_assert_int_eq(Verdict, IT_CT_PASS);
}
END_TEST

START_TEST(an_ignored_ack_counts_with_those_that_are_the_same)
{
    begin(0, S, 100);
    see(1, A, 900001, 100 + (uint32_t)_i, "");
    ck_assert_int_eq(see(1, S | A, 900000, 101, ""), RECV);
    ck_assert_int_eq(see(1, A, 900001, 101, ""), RECV);
    ck_assert_uint_eq(C.again, (uint32_t)_i);
}
END_TEST

START_TEST(a_reset_is_no_answer_to_an_ack_when_syns_have_crossed)
{
    begin(0, S, 100);
    see(1, S, 500, 0, "");
    see(1, A, 501, 101, "");
    see(0, R | A, 101, 77777, "");
    ck_assert_int_eq(Verdict, IT_CT_INVALID);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/conntrack_phases");
    TCase *t = tcase_create("as netfilter");
    tcase_add_loop_test(t, a_connection_goes_through_every_phase, 0, 2);
    tcase_add_test(t, a_syn_sent_again_does_not_prolong);
    tcase_add_loop_test(t, syns_that_cross_are_established_by_an_ack_of_either_side, 0, 2);
    tcase_add_test(t, an_ack_of_the_other_side_does_not_establish);
    tcase_add_test(t, data_that_is_not_acknowledged_shortens);
    tcase_add_loop_test(t, a_window_of_zero_and_the_same_ack_again_and_again_shorten, 0, 2);
    tcase_add_test(t, a_connection_taken_up_in_the_middle_is_short_until_it_is_answered_twice);
    tcase_add_test(t, a_connection_taken_up_is_short_as_long_as_it_makes_no_sense);
    tcase_add_loop_test(t, a_reset_elsewhere_in_the_window_leaves_it_open, 0, 2);
    tcase_add_test(t, a_reset_behind_the_data_it_came_with_counts);
    tcase_add_loop_test(t, a_syn_in_between_is_ignored_until_it_is_answered, 0, 2);
    tcase_add_test(t, the_challenge_to_a_syn_does_not_end_the_last_phase);
    tcase_add_test(t, an_acknowledgment_from_long_ago_says_nothing);
    tcase_add_loop_test(t, the_ack_of_an_ignored_syn_is_no_ack_of_the_last_fin, 0, 2);
    tcase_add_loop_test(t, a_connection_picked_up_by_a_keepalive_knows_the_byte_its_answer_acknowledges, 0, 2);
    tcase_add_loop_test(t, what_is_out_of_the_windows_is_invalid, 0, 11);
    tcase_add_loop_test(t, a_reset_that_answers_the_only_syn_ends_it_and_a_wrong_one_does_not, 0, 2);
    tcase_add_loop_test(t, a_reset_that_answers_an_ack_of_another_connection_has_its_number, 0, 7);
    tcase_add_loop_test(t, a_reset_without_ack_closes_what_syns_have_crossed_from_any_number, 0, 2);
    tcase_add_loop_test(t, an_ignored_ack_counts_with_those_that_are_the_same, 0, 2);
    tcase_add_test(t, a_reset_is_no_answer_to_an_ack_when_syns_have_crossed);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
