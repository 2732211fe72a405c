/* Opening, closing and resetting connections, segment by segment. */
#include "tests/netsim/drill.h"

#include <stdlib.h>

static drill D;

static void setup(void)
{
    drill_setup(&D, false);
    classic(&D);
}

static void teardown(void)
{
    drill_done(&D);
}

/* --- RFC 9293 section 3.5 --- */

START_TEST(an_active_open_takes_three_segments)
{
    drill_done(&D);
    drill_setup(&D, _i);
    classic(&D);
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    it_tcp_info i;
    ck_assert(it_host_tcp_info(D.h, D.s, &i));
    ck_assert_uint_ge(i.local.port, 49152);
    D.local.port = i.local.port;
    drill_seg *g = expect(&D, 0, "S", 0, 0, 0);
    ck_assert_int_eq(g->mss, _i ? 1440 : 1460);
    ck_assert_int_eq(g->ws, 3); /* 256 KiB */
    ck_assert(g->sack_ok && g->ts);
    ck_assert_uint_eq(g->tsecr, 0);
    ck_assert_uint_eq(g->wnd, 65535);
    ck_assert_int_eq(state(&D), IT_TCP_SYN_SENT);
    to(&D, 30);
    with_syn_options(&D);
    D.tsval = 777;
    D.tsecr = g->tsval;
    put(&D, "SA", 0, 1, 0);
    g = expect(&D, 30, "A", 1, 1, 0);
    ck_assert_uint_eq(g->tsecr, 777);
    ck_assert_uint_eq(g->wnd, 262144 >> 3);
    ck_assert_int_eq(g->mss, -1);
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_OPENED)->socket, D.s);
    ck_assert(it_host_tcp_info(D.h, D.s, &i));
    ck_assert(i.sack && i.timestamps && i.wscale);
    ck_assert_uint_eq(i.mss, 1000);
    ck_assert_uint_eq(i.snd_wnd, 65535); /* RFC 7323 section 2.2: never scaled in a SYN */
    ck_assert_int_eq(i.srtt, 30 * IT_MS);
    quiet(&D, 1000);
}
END_TEST

START_TEST(a_passive_open_answers_only_options_that_were_offered)
{
    /* |_i|: bits for SACK, timestamps, window scale */
    D.o.sack = _i & 1;
    D.o.timestamps = _i & 2;
    D.o.wscale = _i & 4;
    D.local.port = 80;
    it_tcp_opts all;
    it_tcp_opts_init(&all);
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 8, &all);
    with_syn_options(&D);
    put(&D, "S", 0, 0, 0);
    drill_seg *g = expect(&D, 0, "SA", 0, 1, 0);
    ck_assert_int_eq(g->sack_ok, D.o.sack);
    ck_assert_int_eq(g->ts, D.o.timestamps);
    ck_assert_int_eq(g->ws, D.o.wscale ? 7 : -1); /* for the 6 MiB that its window may grow to */
    no_event(&D);
    put(&D, "A", 1, 1, 0);
    it_host_event *ev = event(&D, IT_HOST_TCP_ACCEPTED);
    ck_assert_int_eq(ev->listener, D.listener);
    ck_assert(it_addr_eq(ev->remote, D.peer) && it_addr_eq(ev->local, D.local));
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
    quiet(&D, 1000);
}
END_TEST

START_TEST(both_may_open_at_once)
{
    /* Figure 7. */
    D.s = it_host_tcp_connect(D.h, 0, it_addr_of(D.local.ip, 4000), D.peer, &D.o);
    D.local.port = 4000;
    expect(&D, 0, "S", 0, 0, 0);
    to(&D, 10);
    with_syn_options(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 10, "SA", 0, 1, 0);
    ck_assert_int_eq(state(&D), IT_TCP_SYN_RCVD);
    no_event(&D);
    to(&D, 20);
    if (_i == 0) { /* line 6: SYN,ACK */
        with_syn_options(&D);
        put(&D, "SA", 0, 1, 0);
    } else {
        put(&D, "A", 1, 1, 0);
    }
    event(&D, IT_HOST_TCP_OPENED);
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
    quiet(&D, 5000);
    write_n(&D, 5);
    expect(&D, 5000, "PA", 1, 1, 5);
}
END_TEST

START_TEST(a_syn_is_sent_seven_times_in_127_seconds)
{
    static const double at[] = {0, 1000, 3000, 7000, 15000, 31000, 63000};
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    for (int i = 0; i < 7; i++)
        expect(&D, at[i], "S", 0, 0, 0);
    quiet(&D, 126999);
    no_event(&D);
    to(&D, 127000);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_TIMEOUT);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSED);
    quiet(&D, 500000);
}
END_TEST

START_TEST(a_syn_ack_is_sent_six_times_in_63_seconds_and_forgotten)
{
    static const double at[] = {0, 1000, 3000, 7000, 15000, 31000};
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o);
    with_syn_options(&D);
    put(&D, "S", 0, 0, 0);
    for (int i = 0; i < 6; i++)
        expect(&D, at[i], "SA", 0, 1, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1);
    quiet(&D, 62999);
    to(&D, 63000);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    quiet(&D, 500000);
    no_event(&D);
    /* and the place in the backlog is free again */
    D.know_iss = false;
    with_syn_options(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 500000, "SA", 0, 1, 0);
}
END_TEST

START_TEST(a_syn_that_comes_again_is_answered_again)
{
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o);
    with_syn_options(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 0, "SA", 0, 1, 0);
    to(&D, 500);
    with_syn_options(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 500, "SA", 0, 1, 0);
    put(&D, "A", 1, 1, 0);
    event(&D, IT_HOST_TCP_ACCEPTED);
    /* RFC 5681 section 3.1: the SYN,ACK may have been lost, so one segment to begin with */
    it_tcp_info i;
    it_host_tcp_info(D.h, D.s, &i);
    ck_assert_uint_eq(i.cwnd, 988);
}
END_TEST

START_TEST(a_full_backlog_drops_syns_until_an_event_is_taken)
{
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 2, &D.o);
    plain(&D);
    for (uint16_t i = 0; i < 3; i++) {
        D.peer.port = (uint16_t)(4000 + i);
        D.know_iss = false;
        put(&D, "S", 0, 0, 0);
        if (i < 2)
            expect(&D, 0, "SA", 0, 1, 0);
        else
            quiet(&D, 0);
    }
    D.peer.port = 4001;
    put(&D, "A", 1, 1, 0);
    event(&D, IT_HOST_TCP_ACCEPTED);
    D.peer.port = 4002;
    D.know_iss = false;
    put(&D, "S", 0, 0, 0);
    expect(&D, 0, "SA", 0, 1, 0);
}
END_TEST

START_TEST(data_asked_for_before_the_handshake_follows_it)
{
    D.s = it_host_tcp_connect(D.h, 0, (it_addr){{0, 0}, 0}, D.peer, &D.o);
    it_tcp_info i;
    it_host_tcp_info(D.h, D.s, &i);
    D.local.port = i.local.port;
    expect(&D, 0, "S", 0, 0, 0);
    write_n(&D, 10);
    ck_assert_int_eq(it_host_tcp_shutdown(D.h, 0, D.s), 0);
    ck_assert_int_eq(it_host_tcp_write(D.h, 0, D.s, it_bytes_str("x")), IT_ERR_STATE);
    quiet(&D, 500);
    with_syn_options(&D);
    put(&D, "SA", 0, 1, 0);
    expect(&D, 500, "FPA", 1, 1, 10);
    ck_assert_int_eq(state(&D), IT_TCP_FIN_WAIT_1);
    quiet(&D, 501);
}
END_TEST

START_TEST(initial_sequence_numbers_move_with_time_and_differ_by_pair)
{
    /* RFC 9293 section 3.4.1: a clock of 4 us */
    uint32_t first = 0;
    for (int i = 0; i < 3; i++) {
        to(&D, i * 1000);
        D.know_iss = false;
        int s = it_host_tcp_connect(D.h, it_world_now(D.w), it_addr_of(D.local.ip, i == 2 ? 4001 : 4000), D.peer, &D.o);
        expect(&D, i * 1000, "S", 0, 0, 0);
        if (i == 0)
            first = D.iss;
        else if (i == 1)
            ck_assert_uint_eq(D.iss - first, 250000);
        else
            ck_assert_uint_ne(D.iss - first, 500000);
        it_host_tcp_close(D.h, it_world_now(D.w), s);
    }
}
END_TEST

/* --- RFC 9293 section 3.5.2: resets --- */

START_TEST(a_closed_port_answers_with_a_reset)
{
    static const struct {
        const char *in;
        uint32_t seq, ack, len;
        const char *out;
        uint32_t out_seq, out_ack;
    } cases[] = {
        {"S", 5, 0, 0, "RA", 0, 6},   {"SA", 5, 77, 0, "R", 77, 0}, {"A", 5, 77, 9, "R", 77, 0},
        {"FA", 5, 77, 0, "R", 77, 0}, {"", 5, 0, 9, "RA", 0, 14},   {"S", 5, 0, 9, "RA", 0, 15},
        {"F", 5, 0, 9, "RA", 0, 15},  {"R", 5, 0, 0, "", 0, 0},     {"RA", 5, 77, 0, "", 0, 0},
    };
    D.local.port = 9;
    put(&D, cases[_i].in, cases[_i].seq, cases[_i].ack, cases[_i].len);
    if (cases[_i].out[0])
        expect(&D, 0, cases[_i].out, cases[_i].out_seq, cases[_i].out_ack, 0);
    quiet(&D, 1000);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(a_listener_resets_acknowledgments_and_ignores_the_rest)
{
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 8, &D.o);
    put(&D, "A", 5, 77, 0);
    expect(&D, 0, "R", 77, 0, 0);
    put(&D, "SA", 5, 77, 0);
    expect(&D, 0, "R", 77, 0, 0);
    put(&D, "RA", 5, 77, 0);
    put(&D, "R", 5, 0, 0);
    put(&D, "F", 5, 0, 0);
    quiet(&D, 1000);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(a_syn_may_be_refused)
{
    D.s = it_host_tcp_connect(D.h, 0, it_addr_of(D.local.ip, 4000), D.peer, &D.o);
    D.local.port = 4000;
    expect(&D, 0, "S", 0, 0, 0);
    put(&D, "R", 0, 0, 0);  /* without an acknowledgment: ignored */
    put(&D, "RA", 0, 2, 0); /* of what was not sent: ignored */
    put(&D, "RA", 0, 0, 0);
    put(&D, "A", 9, 1, 0); /* acceptable, but no SYN */
    no_event(&D);
    quiet(&D, 0);
    put(&D, "A", 9, 2, 0); /* a half-open connection of old: section 3.5.1 */
    expect(&D, 0, "R", 2, 0, 0);
    put(&D, "SA", 9, 0, 0);
    expect(&D, 0, "R", 0, 0, 0);
    no_event(&D);
    put(&D, "RA", 0, 1, 0);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_REFUSED);
    ck_assert_int_eq(it_host_tcp_write(D.h, 0, D.s, it_bytes_str("x")), IT_ERR_STATE);
    quiet(&D, 100000);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(a_bad_acknowledgment_of_a_syn_ack_is_reset_but_the_opening_goes_on)
{
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 8, &D.o);
    plain(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 0, "SA", 0, 1, 0);
    put(&D, "A", 1, 2, 0);
    expect(&D, 0, "R", 2, 0, 0);
    put(&D, "A", 1, 0, 0);
    expect(&D, 0, "R", 0, 0, 0);
    put(&D, "A", 1, 1, 0);
    event(&D, IT_HOST_TCP_ACCEPTED);
}
END_TEST

START_TEST(a_reset_sends_a_half_open_connection_back_to_listen)
{
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o);
    plain(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 0, "SA", 0, 1, 0);
    put(&D, _i ? "SA" : "R", 1, 1, 0); /* a SYN in the window does the same, section 3.10.7.4 fourth */
    quiet(&D, 1000);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    no_event(&D);
    D.know_iss = false;
    put(&D, "S", 0, 0, 0);
    expect(&D, 1000, "SA", 0, 1, 0);
}
END_TEST

/* --- RFC 5961 --- */

START_TEST(only_an_exact_reset_ends_a_connection)
{
    open_active(&D, 10);
    put(&D, "R", 0, 0, 0); /* left of the window */
    put(&D, "R", 1 + 262144, 0, 0);
    quiet(&D, 100);
    put(&D, "R", 2, 0, 0); /* inside, but not next */
    expect(&D, 100, "A", 1, 1, 0);
    put(&D, "R", 262144, 0, 0);
    expect(&D, 100, "A", 1, 1, 0);
    no_event(&D);
    put(&D, "R", 1, 0, 0);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_RESET);
    quiet(&D, 10000);
    put(&D, "A", 1, 1, 0);
    expect(&D, 10000, "R", 1, 0, 0);
}
END_TEST

START_TEST(a_syn_on_a_connection_is_challenged)
{
    open_active(&D, 10);
    for (uint32_t i = 0; i < 3; i++) {
        put(&D, i == 2 ? "SA" : "S", i * 1000, 1, 0);
        expect(&D, 10, "A", 1, 1, 0);
    }
    no_event(&D);
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
}
END_TEST

START_TEST(challenges_are_throttled)
{
    open_active(&D, 0);
    for (int i = 0; i < 30; i++)
        put(&D, "R", 2, 0, 0);
    for (int i = 0; i < 10; i++)
        expect(&D, 0, "A", 1, 1, 0);
    quiet(&D, 4999);
    to(&D, 5000);
    put(&D, "R", 2, 0, 0);
    expect(&D, 5000, "A", 1, 1, 0);
}
END_TEST

START_TEST(data_with_an_absurd_acknowledgment_is_not_taken)
{
    D.wnd = 1000;
    plain(&D);
    open_active(&D, 10);
    put(&D, "PA", 1, 2, 9); /* never sent */
    expect(&D, 10, "A", 1, 1, 0);
    put(&D, "PA", 1, 1u - 1001, 9); /* older than the largest window */
    expect(&D, 10, "A", 1, 1, 0);
    no_event(&D);
    put(&D, "PA", 1, 1u - 1000, 9);
    event(&D, IT_HOST_TCP_DATA);
}
END_TEST

START_TEST(a_reset_that_answers_a_challenge_ends_the_connection)
{
    /* RFC 5961 section 4.2: the peer has restarted and opens again from the same port */
    open_active(&D, 10);
    put(&D, "S", 5000, 0, 0);
    expect(&D, 10, "A", 1, 1, 0);
    put(&D, "R", 1, 0, 0); /* SEQ = SEG.ACK of the challenge */
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_RESET);
}
END_TEST

/* --- RFC 9293 section 3.6: closing --- */

START_TEST(the_host_closes_first)
{
    open_active(&D, 10);
    ck_assert_int_eq(it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s), 0);
    expect(&D, 10, "FA", 1, 1, 0);
    ck_assert_int_eq(state(&D), IT_TCP_FIN_WAIT_1);
    to(&D, 20);
    put(&D, "A", 1, 2, 0);
    ck_assert_int_eq(state(&D), IT_TCP_FIN_WAIT_2);
    /* half closed: the peer goes on */
    put(&D, "PA", 1, 2, 100);
    event(&D, IT_HOST_TCP_DATA);
    ck_assert_uint_eq(it_host_tcp_peek(D.h, D.s).n, 100);
    expect(&D, 60, "A", 2, 101, 0);
    quiet(&D, 200000); /* as long as it likes */
    put(&D, "FA", 101, 2, 0);
    expect(&D, 200000, "A", 2, 102, 0);
    ck_assert_int_eq(state(&D), IT_TCP_TIME_WAIT);
    no_event(&D); /* bytes are unread */
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 60);
    no_event(&D);
    it_host_tcp_take(D.h, it_world_now(D.w), D.s, 40);
    event(&D, IT_HOST_TCP_FIN);
    /* the FIN again: acknowledged again, 2 MSL start anew */
    to(&D, 230000);
    put(&D, "FA", 101, 2, 0);
    expect(&D, 230000, "A", 2, 102, 0);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    quiet(&D, 289999);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1);
    to(&D, 290000);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(the_peer_closes_first)
{
    open_active(&D, 10);
    put(&D, "FPA", 1, 1, 7);
    expect(&D, 10, "A", 1, 9, 0);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSE_WAIT);
    event(&D, IT_HOST_TCP_DATA);
    drill_read(&D);
    event(&D, IT_HOST_TCP_FIN);
    write_n(&D, 50);
    expect(&D, 10, "PA", 1, 9, 50);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "FA", 51, 9, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1); /* LAST-ACK */
    put(&D, "A", 9, 51, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1);
    put(&D, "A", 9, 52, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    quiet(&D, 100000);
}
END_TEST

START_TEST(both_close_at_once)
{
    open_active(&D, 10);
    it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "FA", 1, 1, 0);
    put(&D, "FA", 1, 1, 0);
    expect(&D, 10, "A", 2, 2, 0);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSING);
    event(&D, IT_HOST_TCP_FIN);
    put(&D, "A", 2, 2, 0);
    ck_assert_int_eq(state(&D), IT_TCP_TIME_WAIT);
    quiet(&D, 60009);
    ck_assert_int_eq(state(&D), IT_TCP_TIME_WAIT);
    to(&D, 60010);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSED);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(a_fin_and_its_acknowledgment_may_come_in_one)
{
    open_active(&D, 10);
    it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "FA", 1, 1, 0);
    put(&D, "FA", 1, 2, 0);
    expect(&D, 10, "A", 2, 2, 0);
    ck_assert_int_eq(state(&D), IT_TCP_TIME_WAIT);
}
END_TEST

START_TEST(a_fin_beyond_a_hole_waits)
{
    open_active(&D, 10);
    put(&D, "FPA", 101, 1, 50);
    expect(&D, 10, "A", 1, 1, 0);
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
    no_event(&D);
    put(&D, "PA", 1, 1, 100);
    expect(&D, 10, "A", 1, 152, 0);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSE_WAIT);
    event(&D, IT_HOST_TCP_DATA);
    drill_read(&D);
    ck_assert_uint_eq(D.total, 150);
    event(&D, IT_HOST_TCP_FIN);
}
END_TEST

START_TEST(a_fin_is_sent_again_until_it_is_acknowledged)
{
    open_active(&D, 100); /* RTO 100 + max(200, 4 * 50) */
    it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s);
    expect(&D, 100, "FA", 1, 1, 0);
    expect(&D, 400, "FA", 1, 1, 0);
    expect(&D, 1000, "FA", 1, 1, 0);
    to(&D, 1100);
    put(&D, "A", 1, 2, 0);
    quiet(&D, 100000);
    ck_assert_int_eq(state(&D), IT_TCP_FIN_WAIT_2);
}
END_TEST

START_TEST(closing_with_bytes_unread_resets)
{
    open_active(&D, 10);
    put(&D, "PA", 1, 1, 100);
    event(&D, IT_HOST_TCP_DATA);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "RA", 1, 101, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    quiet(&D, 10000);
}
END_TEST

START_TEST(data_for_nobody_resets)
{
    open_active(&D, 10);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "FA", 1, 1, 0);
    put(&D, "A", 1, 2, 0);
    put(&D, "PA", 1, 2, 100);
    expect(&D, 10, "RA", 2, 1, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(a_closed_socket_waits_for_the_peers_fin_only_for_a_while)
{
    open_active(&D, 10);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "FA", 1, 1, 0);
    put(&D, "A", 1, 2, 0);
    quiet(&D, 60009);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1);
    to(&D, 60010);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

START_TEST(an_abort_resets)
{
    open_active(&D, 10);
    write_n(&D, 10);
    expect(&D, 10, "PA", 1, 1, 10);
    it_host_tcp_abort(D.h, it_world_now(D.w), D.s);
    expect(&D, 10, "RA", 11, 1, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    no_event(&D);
}
END_TEST

START_TEST(a_reset_is_taken_in_every_state)
{
    /* 0 ESTABLISHED, 1 FIN-WAIT-1, 2 FIN-WAIT-2, 3 CLOSE-WAIT, 4 CLOSING, 5 LAST-ACK, 6 TIME-WAIT */
    static const enum it_tcp_state want[] = {IT_TCP_ESTABLISHED, IT_TCP_FIN_WAIT_1, IT_TCP_FIN_WAIT_2,
                                             IT_TCP_CLOSE_WAIT,  IT_TCP_CLOSING,    IT_TCP_LAST_ACK,
                                             IT_TCP_TIME_WAIT};
    bool fin_first = _i == 3 || _i == 5, own = _i && _i != 3;
    open_active(&D, 10);
    if (fin_first)
        put(&D, "FA", 1, 1, 0);
    if (own)
        it_host_tcp_shutdown(D.h, it_world_now(D.w), D.s);
    if (_i == 2 || _i == 6)
        put(&D, "A", 1, 2, 0);
    if (_i == 4 || _i == 6)
        put(&D, "FA", 1, _i == 4 ? 1 : 2, 0);
    ck_assert_int_eq(state(&D), want[_i]);
    bool fin = fin_first || _i == 4 || _i == 6;
    to(&D, 20);
    D.head = D.n;
    D.ev_head = D.ev_n;
    put(&D, "R", fin ? 2 : 1, 0, 0);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSED);
    if (_i < 4)
        ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_RESET);
    no_event(&D);
    quiet(&D, 1000000);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
}
END_TEST

/* --- sockets --- */

START_TEST(addresses_and_options_are_checked)
{
    it_tcp_opts bad = D.o;
    bad.rcv_buf = 1;
    it_addr none = {{0, 0}, 0}, foreign = it_addr_of(it_ip4(0x0a000063), 80);
    ck_assert_int_eq(it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &bad), IT_ERR_RANGE);
    ck_assert_int_eq(it_host_tcp_listen(D.h, foreign, 1, &D.o), IT_ERR_NOROUTE);
    int l = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o);
    ck_assert_int_gt(l, 0);
    ck_assert_int_eq(it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o), IT_ERR_EXISTS);
    it_host_tcp_close(D.h, 0, l);
    int l2 = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o);
    ck_assert_int_ne(l, l2); /* a number is not used again at once */
    ck_assert_int_eq(it_host_tcp_connect(D.h, 0, none, it_addr_of(it_ip4(0x08080808), 80), &D.o), IT_ERR_NOROUTE);
    ck_assert_int_eq(it_host_tcp_connect(D.h, 0, foreign, D.peer, &D.o), IT_ERR_NOROUTE);
    int s = it_host_tcp_connect(D.h, 0, it_addr_of(D.local.ip, 4000), D.peer, &D.o);
    ck_assert_int_gt(s, 0);
    ck_assert_int_eq(it_host_tcp_connect(D.h, 0, it_addr_of(D.local.ip, 4000), D.peer, &D.o), IT_ERR_EXISTS);
    it_host_tcp_close(D.h, 0, s);
    it_host_tcp_close(D.h, 0, s); /* harmless */
    ck_assert_int_eq(it_host_tcp_write(D.h, 0, s, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_host_tcp_shutdown(D.h, 0, s), IT_ERR_STATE);
    ck_assert_uint_eq(it_host_tcp_peek(D.h, s).n, 0);
}
END_TEST

START_TEST(a_host_without_power_forgets_and_answers_resets_or_nothing)
{
    open_active(&D, 10);
    it_host_power(D.h, it_world_now(D.w), false, _i);
    ck_assert_int_eq(event(&D, IT_HOST_TCP_RST)->reason, IT_TCP_POWER);
    put(&D, "PA", 1, 1, 10);
    if (!_i)
        expect(&D, 10, "R", 1, 0, 0);
    quiet(&D, 100);
    ck_assert_int_eq(it_host_tcp_connect(D.h, it_world_now(D.w), (it_addr){{0, 0}, 0}, D.peer, &D.o), IT_ERR_STATE);
    it_host_power(D.h, it_world_now(D.w), true, _i);
    put(&D, "PA", 1, 1, 10);
    expect(&D, 100, "R", 1, 0, 0); /* rebooted: it knows nothing of the connection */
    quiet(&D, 10000);
}
END_TEST

START_TEST(an_interface_without_its_address_breaks_nothing_by_itself)
{
    open_active(&D, 100);
    if (_i)
        it_host_iface_set(D.h, it_world_now(D.w), 0, false);
    else
        ck_assert_int_eq(it_host_unaddr(D.h, it_world_now(D.w), 0, D.local.ip), 0);
    write_n(&D, 10);
    quiet(&D, 350);
    if (_i)
        it_host_iface_set(D.h, it_world_now(D.w), 0, true);
    else
        ck_assert_int_eq(it_host_addr(D.h, 0, D.local.ip, 120), 0);
    expect(&D, 400, "PA", 1, 1, 10);
    no_event(&D);
}
END_TEST

START_TEST(a_listener_that_stops_resets_what_is_half_open)
{
    D.local.port = 80;
    D.listener = it_host_tcp_listen(D.h, (it_addr){{0, 0}, 80}, 1, &D.o);
    plain(&D);
    put(&D, "S", 0, 0, 0);
    expect(&D, 0, "SA", 0, 1, 0);
    it_host_tcp_close(D.h, 0, D.listener);
    expect(&D, 0, "RA", 1, 1, 0);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    put(&D, "S", 0, 0, 0);
    expect(&D, 0, "RA", 0u - D.iss, 1, 0);
}
END_TEST

/* --- the second of a kind --- */

/* Connects from port 4000 to the peer; the peer answers. Leaves the socket in |D|.s. */
static void open_from_4000(double ms)
{
    D.know_iss = false;
    D.local.port = 4000;
    D.s = it_host_tcp_connect(D.h, it_world_now(D.w), it_addr_of(D.local.ip, 4000), D.peer, &D.o);
    ck_assert_int_ge(D.s, 0);
    expect(&D, ms, "S", 0, 0, 0);
    with_syn_options(&D);
    put(&D, "SA", 0, 1, 0);
    expect(&D, ms, "A", 1, 1, 0);
    event(&D, IT_HOST_TCP_OPENED);
}

START_TEST(a_pair_used_again_is_not_that_of_the_dead_socket_before)
{
    D.o.timestamps = false;
    open_from_4000(0);
    int dead = D.s;
    ck_assert_int_eq(it_host_tcp_connect(D.h, 0, it_addr_of(D.local.ip, 4000), D.peer, &D.o), IT_ERR_EXISTS);
    put(&D, "R", 1, 0, 0);
    event(&D, IT_HOST_TCP_RST);
    ck_assert_int_eq(state(&D), IT_TCP_CLOSED); /* and kept until its holder closes it */
    to(&D, 10);
    open_from_4000(10);
    ck_assert_int_ne(D.s, dead);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 2);
    /* Neither what the dead one is asked for nor its end touches the new one. */
    ck_assert_int_eq(it_host_tcp_write(D.h, it_world_now(D.w), dead, it_bytes_str("x")), IT_ERR_STATE);
    it_host_tcp_close(D.h, it_world_now(D.w), dead);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1);
    quiet(&D, 10);
    put(&D, "PA", 1, 1, 5);
    expect(&D, 10 + 40, "A", 1, 6, 0); /* it is found, and no reset answers */
    event(&D, IT_HOST_TCP_DATA);
    ck_assert_int_eq(it_host_tcp_connect(D.h, it_world_now(D.w), it_addr_of(D.local.ip, 4000), D.peer, &D.o),
                     IT_ERR_EXISTS);
    write_n(&D, 3);
    expect(&D, 50, "PA", 1, 6, 3);
    to(&D, 60);
    put(&D, "A", 6, 4, 0);
    /* And a third, once the second is reset and gone. */
    put(&D, "R", 6, 0, 0);
    event(&D, IT_HOST_TCP_RST);
    it_host_tcp_close(D.h, it_world_now(D.w), D.s);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 0);
    open_from_4000(60);
    ck_assert_uint_eq(it_host_tcp_count(D.h), 1);
}
END_TEST

START_TEST(a_number_of_a_socket_that_is_gone_is_nobodys)
{
    it_tcp_info i;
    D.o.timestamps = false;
    open_from_4000(0);
    int first = D.s;
    it_host_tcp_abort(D.h, 0, first);
    expect(&D, 0, "RA", 1, 1, 0);
    open_from_4000(0); /* in the same slot */
    ck_assert_int_ne(D.s, first);
    ck_assert(!it_host_tcp_info(D.h, first, &i));
    ck_assert_int_eq(it_host_tcp_write(D.h, 0, first, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_host_tcp_shutdown(D.h, 0, first), IT_ERR_STATE);
    ck_assert_uint_eq(it_host_tcp_room(D.h, first), 0);
    ck_assert_uint_eq(it_host_tcp_peek(D.h, first).n, 0);
    it_host_tcp_close(D.h, 0, first);
    it_host_tcp_abort(D.h, 0, first);
    ck_assert_int_eq(state(&D), IT_TCP_ESTABLISHED);
    quiet(&D, 100);
}
END_TEST

START_TEST(listeners_on_one_port_are_apart_by_address_and_by_life)
{
    it_addr any = {{0, 0}, 80}, one = it_addr_of(D.local.ip, 80);
    int all = it_host_tcp_listen(D.h, any, 1, &D.o), own = it_host_tcp_listen(D.h, one, 1, &D.o);
    ck_assert(all >= 0 && own >= 0 && all != own);
    ck_assert_int_eq(it_host_tcp_listen(D.h, any, 1, &D.o), IT_ERR_EXISTS);
    ck_assert_int_eq(it_host_tcp_listen(D.h, one, 1, &D.o), IT_ERR_EXISTS);
    /* The one that names the address goes first; once it is closed, the other answers. */
    D.local.port = 80;
    for (int k = 0; k < 2; k++) {
        D.know_iss = false;
        D.peer.port = (uint16_t)(5000 + k);
        put(&D, "S", 0, 0, 0);
        expect(&D, 0, "SA", 0, 1, 0);
        put(&D, "A", 1, 1, 0);
        ck_assert_int_eq(event(&D, IT_HOST_TCP_ACCEPTED)->listener, k ? all : own);
        it_host_tcp_close(D.h, 0, own);
    }
    /* A new listener in the old place has another number. */
    int again = it_host_tcp_listen(D.h, one, 1, &D.o);
    ck_assert(again >= 0 && again != own && again != all);
    it_host_tcp_close(D.h, 0, own); /* means nothing any more */
    it_tcp_info i;
    ck_assert(it_host_tcp_info(D.h, again, &i) && i.state == IT_TCP_LISTEN && it_addr_eq(i.local, one));
    ck_assert(!it_host_tcp_info(D.h, own, &i));
}
END_TEST

START_TEST(a_backlog_has_room_again_after_every_end)
{
    /* 0: the peer resets the half-open one, 1: its event is taken, 2: it is never answered and forgotten. Twice each: a
     * count that did not fall, or fell twice, would show. */
    D.o.synack_retries = 0;
    D.s = it_host_tcp_listen(D.h, it_addr_of(D.local.ip, 80), 1, &D.o);
    D.local.port = 80;
    for (int k = 0; k < 4; k++) {
        double ms = k * 2000;
        to(&D, ms);
        D.know_iss = false;
        D.peer.port = (uint16_t)(5000 + 2 * k);
        put(&D, "S", 0, 0, 0);
        expect(&D, ms, "SA", 0, 1, 0);
        D.peer.port++;
        put(&D, "S", 0, 0, 0);
        quiet(&D, ms); /* one may wait, no second */
        D.peer.port--;
        if (_i == 0)
            put(&D, "R", 1, 0, 0);
        if (_i == 1) {
            put(&D, "A", 1, 1, 0);
            (void)event(&D, IT_HOST_TCP_ACCEPTED);
        }
    }
    ck_assert_uint_eq(it_host_tcp_count(D.h), _i == 0 ? 0 : _i == 1 ? 4 : 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("netsim/tcp connections");
    TCase *t = tcase_create("RFC 9293 section 3.5: opening");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, an_active_open_takes_three_segments, 0, 2);
    tcase_add_loop_test(t, a_passive_open_answers_only_options_that_were_offered, 0, 8);
    tcase_add_loop_test(t, both_may_open_at_once, 0, 2);
    tcase_add_test(t, a_syn_is_sent_seven_times_in_127_seconds);
    tcase_add_test(t, a_syn_ack_is_sent_six_times_in_63_seconds_and_forgotten);
    tcase_add_test(t, a_syn_that_comes_again_is_answered_again);
    tcase_add_test(t, a_full_backlog_drops_syns_until_an_event_is_taken);
    tcase_add_test(t, data_asked_for_before_the_handshake_follows_it);
    tcase_add_test(t, initial_sequence_numbers_move_with_time_and_differ_by_pair);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 9293 section 3.5.2: resets");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_closed_port_answers_with_a_reset, 0, 9);
    tcase_add_test(t, a_listener_resets_acknowledgments_and_ignores_the_rest);
    tcase_add_test(t, a_syn_may_be_refused);
    tcase_add_test(t, a_bad_acknowledgment_of_a_syn_ack_is_reset_but_the_opening_goes_on);
    tcase_add_loop_test(t, a_reset_sends_a_half_open_connection_back_to_listen, 0, 2);
    tcase_add_loop_test(t, a_reset_is_taken_in_every_state, 0, 7);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 5961: blind attacks");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, only_an_exact_reset_ends_a_connection);
    tcase_add_test(t, a_syn_on_a_connection_is_challenged);
    tcase_add_test(t, challenges_are_throttled);
    tcase_add_test(t, data_with_an_absurd_acknowledgment_is_not_taken);
    tcase_add_test(t, a_reset_that_answers_a_challenge_ends_the_connection);
    suite_add_tcase(s, t);
    t = tcase_create("RFC 9293 section 3.6: closing");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_host_closes_first);
    tcase_add_test(t, the_peer_closes_first);
    tcase_add_test(t, both_close_at_once);
    tcase_add_test(t, a_fin_and_its_acknowledgment_may_come_in_one);
    tcase_add_test(t, a_fin_beyond_a_hole_waits);
    tcase_add_test(t, a_fin_is_sent_again_until_it_is_acknowledged);
    tcase_add_test(t, closing_with_bytes_unread_resets);
    tcase_add_test(t, data_for_nobody_resets);
    tcase_add_test(t, a_closed_socket_waits_for_the_peers_fin_only_for_a_while);
    tcase_add_test(t, an_abort_resets);
    suite_add_tcase(s, t);
    t = tcase_create("sockets");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, addresses_and_options_are_checked);
    tcase_add_loop_test(t, a_host_without_power_forgets_and_answers_resets_or_nothing, 0, 2);
    tcase_add_loop_test(t, an_interface_without_its_address_breaks_nothing_by_itself, 0, 2);
    tcase_add_test(t, a_listener_that_stops_resets_what_is_half_open);
    suite_add_tcase(s, t);
    t = tcase_create("the second of a kind");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_pair_used_again_is_not_that_of_the_dead_socket_before);
    tcase_add_test(t, a_number_of_a_socket_that_is_gone_is_nobodys);
    tcase_add_test(t, listeners_on_one_port_are_apart_by_address_and_by_life);
    tcase_add_loop_test(t, a_backlog_has_room_again_after_every_end, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
