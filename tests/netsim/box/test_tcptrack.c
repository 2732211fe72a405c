/* The tracker of a connection alone: states by flags, resets by sequence numbers, window scaling. */
#include "netsim/box/tcptrack.h"

#include <check.h>
#include <string.h>

enum { F = IT_TCP_FIN, S = IT_TCP_SYN, R = IT_TCP_RST, A = IT_TCP_ACK };

static it_tcpt T;

static it_pkt segment(uint8_t flags, uint32_t seq, uint32_t ack, it_bytes options, uint16_t window)
{
    it_pkt p;
    memset(&p, 0, offsetof(it_pkt, buf));
    it_pkt_tcp_msg m = {.src = {it_ip4(1), 1},
                        .dst = {it_ip4(2), 2},
                        .seq = seq,
                        .ack = ack,
                        .window = window,
                        .flags = flags,
                        .options = options};
    ck_assert_int_eq(it_pkt_tcp(&p, &m), 0);
    return p;
}

static bool see(int dir, uint8_t flags, uint32_t seq, uint32_t ack)
{
    it_pkt p = segment(flags, seq, ack, it_bytes_of(NULL, 0), 1000);
    return it_tcpt_see(&T, dir, &p);
}

static void begin(int dir, uint8_t flags, uint32_t seq)
{
    it_pkt p = segment(flags, seq, 0, it_bytes_of(NULL, 0), 1000);
    it_tcpt_open(&T, dir, &p);
}

START_TEST(states_follow_the_figure)
{
    static const struct {
        int dir;
        uint8_t flags;
        enum it_tcpt_state state;
        bool lives;
    } STEPS[] = {
        {1, S | A, IT_TCPT_EST, true},  {0, A, IT_TCPT_EST, true},   {1, A, IT_TCPT_EST, true},
        {0, F | A, IT_TCPT_FIN, true},  {1, A, IT_TCPT_FIN, true},   {0, A, IT_TCPT_FIN, true},
        {1, F | A, IT_TCPT_FIN2, true}, {0, A, IT_TCPT_FIN2, false}, {1, F | A, IT_TCPT_FIN2, false},
        {0, R, IT_TCPT_FIN2, false},    {0, S, IT_TCPT_INIT, true},
    };
    int flip = _i; /* whichever side opens */
    begin(flip, S, 100);
    ck_assert_int_eq(T.state, IT_TCPT_INIT);
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        ck_assert(see(STEPS[i].dir ^ flip, STEPS[i].flags, 101, 101) == STEPS[i].lives);
        ck_assert_int_eq(T.state, STEPS[i].state);
    }
}
END_TEST

/* RFC 7323 sections 2.2, 2.3 */
START_TEST(a_scale_is_at_most_14_and_not_for_the_syn_itself)
{
    static const uint8_t SCALES[][2] = {{0, 0}, {7, 7}, {14, 14}, {15, 14}, {255, 14}};
    for (size_t i = 0; i < sizeof SCALES / sizeof *SCALES; i++) {
        const uint8_t opt[] = {1, 3, 3, SCALES[i][0]};
        it_pkt p = segment(S, 100, 0, it_bytes_of(opt, 4), 1000);
        it_tcpt_open(&T, 0, &p);
        ck_assert_uint_eq(T.end[0].scale, SCALES[i][1]);
        p = segment(S | A, 200, 101, it_bytes_of(opt, 4), 1000);
        ck_assert(it_tcpt_see(&T, 1, &p));
        ck_assert_uint_eq(T.end[1].win, 1000);
        ck_assert(see(1, A, 201, 101));
        ck_assert_uint_eq(T.end[1].win, 1000u << SCALES[i][1]);
    }
}
END_TEST

START_TEST(a_reset_ends_the_opening)
{
    begin(0, S, 100);
    ck_assert(see(1, S, 200, 0));
    ck_assert(see(0, R | A, 101, 201));
    ck_assert(see(1, A, 201, 101));
}
END_TEST

START_TEST(sequence_numbers_wrap)
{
    begin(0, S, 0xfffffff0u);
    ck_assert(see(1, S | A, 0xffffff00u, 0xfffffff1u));
    it_pkt p = segment(A, 0xfffffff1u, 0xffffff01u, it_bytes_of(NULL, 0), 1000);
    ck_assert(it_tcpt_see(&T, 0, &p));
    ck_assert(see(1, A, 0xffffff01u, 0x10));
    ck_assert(see(0, A, 0x10, 0xffffff01u));
    ck_assert(!see(1, R, 0xffffff00u, 0));
    ck_assert(see(1, R, 0xffffff01u + 500, 0)); /* within the window, which wraps */
    ck_assert_int_eq(T.state, IT_TCPT_TRANS);
}
END_TEST

START_TEST(a_scaled_window_counts_as_it_is_meant)
{
    /* RFC 7323 section 2.2; the options before it are stepped over. */
    static const uint8_t OPT[] = {2, 4, 5, 180, 1, 3, 3, 7};
    static const uint8_t BAD[] = {3, 0, 1, 1};
    it_bytes opt = _i == 0   ? it_bytes_of(OPT, sizeof OPT)
                   : _i == 1 ? it_bytes_of(BAD, sizeof BAD)
                             : it_bytes_of(NULL, 0);
    it_pkt syn = segment(S, 100, 0, opt, 1000);
    it_tcpt_open(&T, 0, &syn);
    ck_assert(see(1, S | A, 900, 101));
    ck_assert(see(0, A, 101, 901));
    bool fits = see(1, R, 901 + 1000 * 128, 0);
    ck_assert(fits == (_i == 0));
}
END_TEST

START_TEST(a_closed_window_takes_a_reset_at_its_edge)
{
    begin(0, S, 100);
    ck_assert(see(1, S | A, 900, 101));
    it_pkt p = segment(A, 101, 901, it_bytes_of(NULL, 0), 0);
    ck_assert(it_tcpt_see(&T, 0, &p));
    ck_assert(!see(1, R, 903, 0));
    ck_assert(see(1, R, 901, 0));
}
END_TEST

START_TEST(a_connection_joined_late_is_reset_by_what_is_known)
{
    begin(0, A, 5000);
    ck_assert_int_eq(T.state, IT_TCPT_EST);
    ck_assert(!see(1, R, 99999, 0)); /* all that is known of side 1 is what side 0 acknowledged */
    ck_assert(see(0, R, 5000, 0));
    begin(0, F | A, 5000);
    ck_assert_int_eq(T.state, IT_TCPT_FIN);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcptrack");
    TCase *t = tcase_create("RFC 6146 3.5.2.2, RFC 7857 2");
    tcase_add_loop_test(t, states_follow_the_figure, 0, 2);
    tcase_add_test(t, a_scale_is_at_most_14_and_not_for_the_syn_itself);
    tcase_add_test(t, a_reset_ends_the_opening);
    tcase_add_test(t, sequence_numbers_wrap);
    tcase_add_loop_test(t, a_scaled_window_counts_as_it_is_meant, 0, 3);
    tcase_add_test(t, a_closed_window_takes_a_reset_at_its_edge);
    tcase_add_test(t, a_connection_joined_late_is_reset_by_what_is_known);
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
