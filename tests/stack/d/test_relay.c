/* The relay object: how it opens, what it tells of silence, and every way it ends. */
#include "tests/stack/d/pair.h"

static pair *open_pair(bool ping, bool voice)
{
    pair *p = pair_new();
    for (int i = 0; i < 2; i++) {
        it_d_relay_cfg cfg = pair_cfg(p, i);
        cfg.ping = ping;
        cfg.voice = voice;
        pair_add(p, i, &cfg);
    }
    pair_run(p, IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(it_d_relay_state(p->e[i].r), IT_STATE_OPEN);
    return p;
}

static void check_death(const pair *p, int who, enum it_reason reason)
{
    const told *t = pair_told(p, who, IT_EV_DEATH);
    ck_assert_ptr_nonnull(t);
    ck_assert_msg(t->ev.reason == reason, "%s: %s", it_reason_name(t->ev.reason), t->why);
    ck_assert_int_eq(pair_count(p, who, IT_EV_DEATH), 1);
    ck_assert_ptr_eq(t, &p->e[who].log[p->e[who].n_log - 1]); /* nothing after it */
}

START_TEST(two_who_know_the_room_open_and_hear_each_other)
{
    pair *p = open_pair(true, false);
    const told *t = pair_told(p, 0, IT_EV_OPEN);
    ck_assert_int_eq(t->ev.path, IT_PATH_RELAY_TCP);
    ck_assert(t->ev.local_kind == IT_ICE_RELAY && t->ev.remote_kind == IT_ICE_RELAY);
    ck_assert_int_eq(it_d_relay_send(p->e[0].r, p->now, it_bytes_str("hello")), 0);
    pair_run(p, IT_SEC);
    t = pair_told(p, 1, IT_EV_MESSAGE);
    ck_assert_mem_eq(t->data, "hello", 5);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_PEER) + pair_count(p, 1, IT_EV_PEER), 0);
    pair_free(p);
}
END_TEST

START_TEST(who_comes_later_is_waited_for)
{
    pair *p = pair_new();
    it_d_relay_cfg cfg = pair_cfg(p, 0);
    pair_add(p, 0, &cfg);
    pair_run(p, 20 * IT_SEC);
    ck_assert_int_eq(p->e[0].n_log, 0);
    cfg = pair_cfg(p, 1);
    pair_add(p, 1, &cfg);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_OPEN);
    ck_assert_int_eq(it_d_relay_state(p->e[1].r), IT_STATE_OPEN);
    pair_free(p);
}
END_TEST

START_TEST(nobody_in_the_room_is_a_failed_connect_at_t_conn)
{
    pair *p = pair_new();
    it_d_relay_cfg cfg = pair_cfg(p, 0);
    pair_add(p, 0, &cfg);
    pair_run(p, 61 * IT_SEC);
    check_death(p, 0, IT_REASON_CONNECT_FAILED);
    ck_assert_int_eq(pair_told(p, 0, IT_EV_DEATH)->ev.at, IT_SEC + cfg.timers.connect);
    pair_run(p, 10 * IT_SEC);
    ck_assert_uint_eq(it_wsrelay_server_stat(p->s)->connections, 0); /* it has left */
    ck_assert(it_d_relay_ops.next(p->e[0].r) == IT_NEVER);
    pair_free(p);
}
END_TEST

/* The relay, or who else has the room, cannot be the other end. */
START_TEST(who_does_not_know_the_secret_is_not_talked_to)
{
    pair *p = pair_new();
    it_d_relay_cfg cfg = pair_cfg(p, 0);
    pair_add(p, 0, &cfg);
    cfg = pair_cfg(p, 1);
    cfg.secret = "between others";
    pair_add(p, 1, &cfg);
    pair_run(p, 61 * IT_SEC);
    check_death(p, 0, IT_REASON_CONNECT_FAILED);
    ck_assert_ptr_nonnull(strstr(pair_told(p, 0, IT_EV_PEER)->why, "secret"));
    pair_free(p);
}
END_TEST

START_TEST(without_a_secret_the_room_is_one)
{
    pair *p = pair_new();
    for (int i = 0; i < 2; i++) {
        it_d_relay_cfg cfg = pair_cfg(p, i);
        cfg.secret = NULL;
        pair_add(p, i, &cfg);
    }
    pair_run(p, IT_SEC);
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_OPEN);
    pair_free(p);
}
END_TEST

START_TEST(voice_flows_both_ways)
{
    it_conn_stats s;
    pair *p = open_pair(true, true);
    pair_run(p, 10 * IT_SEC);
    it_d_relay_stats(p->e[0].r, &s);
    ck_assert_uint_ge(s.voice_received, 500);
    ck_assert_uint_eq(s.lost, 0);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_STALLED), 0);
    pair_free(p);
}
END_TEST

START_TEST(a_goodbye_is_told_to_the_other)
{
    pair *p = open_pair(true, false);
    it_d_relay_close(p->e[0].r, p->now);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(pair_told(p, 0, IT_EV_CLOSED)->ev.by, IT_CLOSED_LOCAL);
    ck_assert_int_eq(pair_told(p, 1, IT_EV_CLOSED)->ev.by, IT_CLOSED_REMOTE);
    ck_assert_int_eq(it_d_relay_send(p->e[1].r, p->now, it_bytes_str("x")), IT_ERR_STATE);
    pair_run(p, 10 * IT_SEC);
    ck_assert_uint_eq(it_wsrelay_server_stat(p->s)->connections, 0);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_DEATH) + pair_count(p, 1, IT_EV_DEATH), 0);
    pair_free(p);
}
END_TEST

/* --- silence --- */

START_TEST(an_idle_room_stays_open)
{
    pair *p = open_pair(true, false);
    pair_run(p, 600 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_d_relay_state(p->e[i].r), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(p, i, IT_EV_STALLED), 0);
    }
    pair_free(p);
}
END_TEST

/* |_i|: with voice, T_stall after the last packet; idle, after an interval of consent and five questions. */
START_TEST(silence_is_a_stall_and_then_death)
{
    pair *p = open_pair(true, _i);
    it_time from = p->now;
    p->e[0].mute = true;
    pair_run(p, 40 * IT_SEC);
    const told *t = pair_told(p, 0, IT_EV_STALLED);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_le(t->ev.at - from, (_i ? 2100 : 9000) * IT_MS);
    const told *d = pair_told(p, 0, IT_EV_DEATH);
    ck_assert(d->ev.reason == IT_REASON_KEEPALIVE_TIMEOUT || d->ev.reason == IT_REASON_SERVER_LOST);
    ck_assert_int_le(d->ev.at - from, 31 * IT_SEC);
    ck_assert_int_ge(d->ev.at - from, 24 * IT_SEC);
    /* the other one's relay says so when it knows, and it waits for T_death */
    ck_assert_ptr_nonnull(pair_told(p, 1, IT_EV_STALLED));
    check_death(p, 1, IT_REASON_KEEPALIVE_TIMEOUT);
    pair_free(p);
}
END_TEST

START_TEST(a_short_silence_is_told_to_be_over)
{
    pair *p = open_pair(true, true);
    it_time from = p->now;
    p->e[0].mute = true;
    pair_run(p, 4 * IT_SEC);
    p->e[0].mute = false;
    pair_run(p, 4 * IT_SEC);
    /* what a stream lost cannot be made up for here: frames are whole in this wire */
    ck_assert_int_eq(pair_count(p, 0, IT_EV_STALLED), 1);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_RESUMED), 1);
    ck_assert_int_ge(pair_told(p, 0, IT_EV_RESUMED)->ev.at, from + 4 * IT_SEC);
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_OPEN);
    pair_free(p);
}
END_TEST

/* The WebSocket of 2010. */
START_TEST(without_pings_nothing_is_asked_and_no_silence_told)
{
    it_conn_stats s;
    pair *p = open_pair(false, _i);
    p->e[0].mute = true;
    pair_run(p, 20 * IT_SEC);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_STALLED) + pair_count(p, 1, IT_EV_STALLED), 0);
    pair_run(p, 3600 * IT_SEC);
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_OPEN);
    it_d_relay_stats(p->e[0].r, &s);
    ck_assert_uint_eq(s.questions, 0);
    ck_assert_int_eq(s.patience, 0);
    /* it is measured all the same, where something is due */
    ck_assert_int_ge(s.freeze_silent, (_i ? 3600 : 0) * IT_SEC);
    pair_free(p);
}
END_TEST

/* --- ends --- */

START_TEST(who_leaves_the_room_may_come_back_in_time)
{
    pair *p = open_pair(true, true);
    pair_reset(p, 1, IT_IO_END_RESET);
    pair_run(p, 3 * IT_SEC);
    check_death(p, 1, IT_REASON_TRANSPORT_RESET);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_STALLED), 1); /* no path: T_stall after the relay said so */
    ck_assert_int_eq(pair_count(p, 0, IT_EV_DEATH), 0);
    /* a new object of the same name: another connection, and the old one is over at once */
    it_d_relay_free(p->e[1].r);
    it_d_relay_cfg cfg = pair_cfg(p, 1);
    cfg.name = "bob/again";
    pair_add(p, 1, &cfg);
    pair_run(p, IT_SEC);
    check_death(p, 0, IT_REASON_TRANSPORT_RESET);
    ck_assert_ptr_nonnull(strstr(pair_told(p, 0, IT_EV_DEATH)->why, "anew"));
    pair_free(p);
}
END_TEST

START_TEST(the_end_of_the_stream_is_the_end)
{
    static const struct {
        enum it_io_end end;
        enum it_reason reason;
    } ALL[] = {{IT_IO_END_RESET, IT_REASON_TRANSPORT_RESET},
               {IT_IO_END_TIMEOUT, IT_REASON_TRANSPORT_RESET},
               {IT_IO_END_LOCAL, IT_REASON_TRANSPORT_RESET}};
    pair *p = open_pair(true, false);
    it_time from = p->now;
    pair_reset(p, 0, ALL[_i].end);
    pair_run(p, IT_SEC);
    check_death(p, 0, ALL[_i].reason);
    ck_assert_int_le(pair_told(p, 0, IT_EV_DEATH)->ev.at, from + WIRE);
    pair_free(p);
}
END_TEST

START_TEST(a_relay_that_goes_away_is_lost)
{
    pair *p = open_pair(true, false);
    it_wsrelay_server_stop(p->s, p->now);
    pair_run(p, IT_SEC);
    check_death(p, 0, IT_REASON_SERVER_LOST);
    check_death(p, 1, IT_REASON_SERVER_LOST);
    pair_free(p);
}
END_TEST

START_TEST(the_last_interface_is_missed_at_once)
{
    pair *p = open_pair(true, false);
    it_io gone = {.kind = IT_IO_UNBIND, .flow = 1};
    ck_assert_int_eq(it_d_relay_ops.input(p->e[0].r, p->now, &gone), 0);
    pair_drain(p);
    check_death(p, 0, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert_int_eq(pair_told(p, 0, IT_EV_DEATH)->ev.at, p->now);
    ck_assert_ptr_nonnull(pair_told(p, 0, IT_EV_NETWORK));
    pair_free(p);
}
END_TEST

START_TEST(every_way_is_tried_in_turn)
{
    pair *p = pair_new();
    for (int i = 0; i < 2; i++) {
        it_d_relay_cfg cfg = pair_cfg(p, i);
        cfg.way[1] = cfg.way[0];
        cfg.n_ways = 2;
        p->e[i].deaf = i == 0;
        pair_add(p, i, &cfg);
    }
    pair_run(p, 3 * IT_SEC);
    p->e[0].deaf = false;
    pair_run(p, IT_SEC / 2);
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_CONNECTING);
    pair_run(p, IT_SEC); /* the first has had its 4 s */
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_OPEN);
    ck_assert(!p->e[0].open[1] && p->e[0].open[2]);
    pair_free(p);
}
END_TEST

START_TEST(a_third_one_is_not_let_in_and_disturbs_nobody)
{
    pair *p = open_pair(true, true);
    it_d_relay_cfg cfg = pair_cfg(p, 2);
    pair_add(p, 2, &cfg);
    pair_run(p, 61 * IT_SEC);
    check_death(p, 2, IT_REASON_CONNECT_FAILED);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(p->e[i].n_log, 1); /* open */
    pair_free(p);
}
END_TEST

/* --- by UDP --- */

static pair *udp_pair(bool ws_too)
{
    pair *p = pair_new();
    for (int i = 0; i < 2; i++) {
        it_d_relay_cfg cfg = pair_cfg(p, i);
        cfg.voice = true;
        cfg.way[1] = cfg.way[0];
        cfg.n_ways = 1 + ws_too;
        cfg.way[0] = (it_wsrelay_way){.server = pair_addr("203.0.113.9:443"), .udp = true};
        pair_add(p, i, &cfg);
    }
    return p;
}

START_TEST(by_udp_the_path_is_relay_udp_and_all_else_the_same)
{
    it_conn_stats s;
    pair *p = udp_pair(false);
    pair_run(p, 10 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pair_told(p, i, IT_EV_OPEN)->ev.path, IT_PATH_RELAY_UDP);
    it_d_relay_stats(p->e[0].r, &s);
    ck_assert_uint_ge(s.voice_received, 450);
    ck_assert_int_eq(it_d_relay_send(p->e[0].r, p->now, it_bytes_str("hello")), 0);
    pair_run(p, IT_SEC);
    ck_assert_mem_eq(pair_told(p, 1, IT_EV_MESSAGE)->data, "hello", 5);
    it_d_relay_close(p->e[0].r, p->now);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(pair_told(p, 1, IT_EV_CLOSED)->ev.by, IT_CLOSED_REMOTE);
    ck_assert_uint_eq(it_wsrelay_server_stat(p->s)->rooms, 0);
    ck_assert_uint_eq(it_wsrelay_server_stat(p->s)->connections, 0);
    pair_free(p);
}
END_TEST

START_TEST(who_cannot_by_udp_meets_the_other_by_websocket)
{
    pair *p = udp_pair(true);
    p->e[0].no_udp = true;
    pair_run(p, 6 * IT_SEC);
    ck_assert_int_eq(pair_told(p, 0, IT_EV_OPEN)->ev.path, IT_PATH_RELAY_TCP);
    ck_assert_int_eq(pair_told(p, 1, IT_EV_OPEN)->ev.path, IT_PATH_RELAY_UDP);
    it_d_relay_close(p->e[0].r, p->now); /* the goodbye comes before the word that it has left */
    pair_run(p, IT_SEC);
    ck_assert_ptr_nonnull(pair_told(p, 1, IT_EV_CLOSED));
    pair_free(p);
}
END_TEST

/* The next way begins when the stream of the one before is gone, which is known when nothing is put out any more: what
 * it has to say does not wait for a tick. */
START_TEST(ways_in_vain_by_udp_follow_each_other)
{
    pair *p = pair_new();
    it_d_relay_cfg cfg = pair_cfg(p, 0);
    for (int i = 0; i < 3; i++)
        cfg.way[i] = (it_wsrelay_way){.server = pair_addr("203.0.113.9:443"), .udp = true};
    cfg.n_ways = 3;
    p->e[0].no_udp = true;
    pair_add(p, 0, &cfg);
    for (it_time until = p->now + 61 * IT_SEC; p->now < until;) {
        pair_run(p, 100 * IT_MS);
        ck_assert(it_d_relay_ops.next(p->e[0].r) > p->now);
    }
    check_death(p, 0, IT_REASON_CONNECT_FAILED);
    ck_assert_int_gt(p->to_relay, 60); /* a JOIN every 500 ms, but for the pauses */
    pair_free(p);
}
END_TEST

START_TEST(by_udp_another_interface_takes_over_and_the_other_end_hears_nothing_of_it)
{
    pair *p = udp_pair(false);
    pair_run(p, IT_SEC);
    it_io more = {.kind = IT_IO_BOUND, .flow = 2, .local = pair_base(0, 2)}, gone = {.kind = IT_IO_UNBIND, .flow = 1};
    ck_assert_int_eq(it_d_relay_ops.input(p->e[0].r, p->now, &more), 0);
    ck_assert_int_eq(it_d_relay_ops.input(p->e[0].r, p->now, &gone), 0);
    pair_run(p, 10 * IT_SEC);
    ck_assert_int_eq(pair_count(p, 0, IT_EV_FAILOVER), 1);
    ck_assert_int_eq(it_d_relay_state(p->e[0].r), IT_STATE_OPEN);
    ck_assert_int_eq(p->e[1].n_log, 1);
    pair_free(p);
}
END_TEST

START_TEST(by_udp_silence_is_a_stall_and_then_death)
{
    pair *p = udp_pair(false);
    pair_run(p, IT_SEC);
    it_time from = p->now;
    p->e[0].mute = true;
    pair_run(p, 40 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_le(pair_told(p, i, IT_EV_STALLED)->ev.at - from, 2100 * IT_MS);
        ck_assert_int_le(pair_told(p, i, IT_EV_DEATH)->ev.at - from, 31 * IT_SEC);
        ck_assert_int_eq(pair_count(p, i, IT_EV_DEATH), 1);
    }
    pair_free(p);
}
END_TEST

START_TEST(what_is_none_is_refused)
{
    pair *p = pair_new();
    it_d_relay_cfg cfg = pair_cfg(p, 0), bad = cfg;
    bad.room = "short";
    ck_assert_ptr_null(it_d_relay_new(&bad));
    bad = cfg;
    bad.id = "";
    ck_assert_ptr_null(it_d_relay_new(&bad));
    bad = cfg;
    bad.n_ways = 0;
    ck_assert_ptr_null(it_d_relay_new(&bad));
    bad = cfg;
    bad.n_ways = IT_WSRELAY_WAYS + 1;
    ck_assert_ptr_null(it_d_relay_new(&bad));
    bad = cfg;
    bad.host[0] = 0;
    ck_assert_ptr_null(it_d_relay_new(&bad));
    it_d_relay_free(NULL);
    pair_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/d/relay");
    TCase *t = tcase_create("relay");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, two_who_know_the_room_open_and_hear_each_other);
    tcase_add_test(t, who_comes_later_is_waited_for);
    tcase_add_test(t, nobody_in_the_room_is_a_failed_connect_at_t_conn);
    tcase_add_test(t, who_does_not_know_the_secret_is_not_talked_to);
    tcase_add_test(t, without_a_secret_the_room_is_one);
    tcase_add_test(t, voice_flows_both_ways);
    tcase_add_test(t, a_goodbye_is_told_to_the_other);
    tcase_add_test(t, an_idle_room_stays_open);
    tcase_add_loop_test(t, silence_is_a_stall_and_then_death, 0, 2);
    tcase_add_test(t, a_short_silence_is_told_to_be_over);
    tcase_add_loop_test(t, without_pings_nothing_is_asked_and_no_silence_told, 0, 2);
    tcase_add_test(t, who_leaves_the_room_may_come_back_in_time);
    tcase_add_loop_test(t, the_end_of_the_stream_is_the_end, 0, 3);
    tcase_add_test(t, a_relay_that_goes_away_is_lost);
    tcase_add_test(t, the_last_interface_is_missed_at_once);
    tcase_add_test(t, every_way_is_tried_in_turn);
    tcase_add_test(t, a_third_one_is_not_let_in_and_disturbs_nobody);
    tcase_add_test(t, by_udp_the_path_is_relay_udp_and_all_else_the_same);
    tcase_add_test(t, who_cannot_by_udp_meets_the_other_by_websocket);
    tcase_add_test(t, ways_in_vain_by_udp_follow_each_other);
    tcase_add_test(t, by_udp_another_interface_takes_over_and_the_other_end_hears_nothing_of_it);
    tcase_add_test(t, by_udp_silence_is_a_stall_and_then_death);
    tcase_add_test(t, what_is_none_is_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
