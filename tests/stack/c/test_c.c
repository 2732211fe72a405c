/* stack/c/c.c: what becomes of a call. */
#include "tests/stack/c/pair.h"

#include <check.h>
#include <stdlib.h>

static pair *p;
static const it_c_cfg SILENT = {.voice = false}, SOUND = {.voice = true};

static void teardown(void)
{
    if (p)
        pair_free(p);
    p = NULL;
}

static it_conn_stats stats(int i)
{
    it_conn_stats s;
    it_c_stats(p->end[i], &s);
    return s;
}

START_TEST(a_call_opens_directly_and_sound_goes_both_ways)
{
    p = pair_open("rtmfp", SOUND);
    pair_run(p, 10 * IT_SEC);
    for (int i = NEAR; i <= FAR; i++) {
        ck_assert_int_eq(it_c_path(p->end[i]), IT_PATH_DIRECT_UDP);
        ck_assert_int_eq(pair_count(p, i, IT_EV_OPEN, NULL), 1);
        ck_assert_uint_ge(stats(i).voice_received, 500);
        ck_assert_uint_eq(stats(i).lost, 0);
        ck_assert_uint_eq(stats(i).late, 0);
        ck_assert_int_eq(pair_count(p, i, IT_EV_STALLED, NULL), 0);
    }
}
END_TEST

START_TEST(messages_come_in_order_and_none_goes_before_it_is_open)
{
    p = pair_new();
    pair_join(p, NEAR, "rtmfp", SILENT);
    ck_assert_int_eq(it_c_send(p->end[NEAR], 0, it_bytes_str("early")), IT_ERR_STATE);
    teardown();
    p = pair_open("rtmfp", SILENT);
    ck_assert_int_eq(it_c_send(p->end[NEAR], p->now, it_bytes_str("one")), 0);
    ck_assert_int_eq(it_c_send(p->end[NEAR], p->now, it_bytes_str("two")), 0);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(pair_count(p, FAR, IT_EV_MESSAGE, NULL), 2);
    ck_assert_str_eq(pair_last(p, FAR, IT_EV_MESSAGE)->text, "two");
}
END_TEST

/* RFC 7016 section 3.5.4.2: the mover's next packet finds it, and nobody is asked. */
START_TEST(an_end_that_moved_is_followed_within_a_round_trip_of_its_next_packet)
{
    p = pair_open("rtmfp", SOUND);
    it_time at = p->now;
    pair_move(p, NEAR, "198.51.100.7:9");
    pair_run(p, IT_SEC);
    const pair_told *t = pair_last(p, FAR, IT_EV_FAILOVER);
    ck_assert_int_le(t->at - at, 20 * IT_MS + 3 * PAIR_DELAY + IT_MS); /* the next sound, to there, back and to there */
    ck_assert(it_addr_eq(t->ev.remote, p->seen[NEAR]));
    ck_assert_int_eq(pair_count(p, FAR, IT_EV_FAILOVER, NULL), 1);
    pair_run(p, 60 * IT_SEC);
    for (int i = NEAR; i <= FAR; i++) {
        ck_assert_int_eq(it_c_state(p->end[i]), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(p, i, IT_EV_STALLED, NULL), 0);
    }
}
END_TEST

START_TEST(two_ends_that_move_at_once_lose_each_other)
{
    p = pair_open("rtmfp", SOUND);
    pair_move(p, NEAR, "198.51.100.7:9");
    pair_move(p, FAR, "198.51.100.8:9");
    pair_run(p, 60 * IT_SEC);
    for (int i = NEAR; i <= FAR; i++) {
        ck_assert_int_eq(pair_count(p, i, IT_EV_STALLED, NULL), 1);
        ck_assert_int_eq(pair_last(p, i, IT_EV_DEATH)->ev.reason, IT_REASON_KEEPALIVE_TIMEOUT);
    }
}
END_TEST

/* rtmfp-cpp's echoserver, with 10 s and 20 s, buries a silent peer after 36.9 s: 10 s, MRTO, and 26.7 s of ERTOs. */
START_TEST(an_idle_far_end_that_is_gone_is_dead_when_a_ping_is_repeated_after_the_limit)
{
    p = pair_open("rtmfp", SILENT);
    pair_run(p, 5 * IT_SEC);
    it_time at = p->now;
    p->cut[FAR] = true;
    pair_run(p, 60 * IT_SEC);
    const pair_told *t = pair_last(p, NEAR, IT_EV_DEATH);
    ck_assert_int_eq(t->ev.reason, IT_REASON_KEEPALIVE_TIMEOUT);
    ck_assert_int_ge(t->at - at, 25 * IT_SEC);
    ck_assert_int_le(t->at - at, 38 * IT_SEC);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_STALLED, NULL), 1);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_DEATH, NULL), 1);
    ck_assert_ptr_eq(t, &p->told[NEAR][p->tolds[NEAR] - 1]); /* and nothing after it */
}
END_TEST

START_TEST(silence_is_told_of_before_it_is_longer_than_t_stall)
{
    p = pair_open("rfc", SOUND);
    pair_run(p, 5 * IT_SEC);
    it_time at = p->now;
    p->cut[FAR] = true;
    pair_run(p, 3 * IT_SEC);
    ck_assert_int_le(pair_last(p, NEAR, IT_EV_STALLED)->at - at, 2 * IT_SEC + 50 * IT_MS);
    ck_assert_int_eq(it_c_state(p->end[NEAR]), IT_STATE_STALLED);
    p->cut[FAR] = false;
    pair_run(p, 5 * IT_SEC);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_RESUMED, NULL), 1);
    ck_assert_int_eq(it_c_state(p->end[NEAR]), IT_STATE_OPEN);
    ck_assert_int_le(stats(NEAR).freeze_silent, 2 * IT_SEC + 50 * IT_MS);
}
END_TEST

START_TEST(a_goodbye_is_a_call_that_was_closed_by_either_way)
{
    for (int relayed = 0; relayed < 2; relayed++) {
        p = relayed ? pair_relayed("rfc", SOUND) : pair_open("rfc", SOUND);
        it_c_close(p->end[NEAR], p->now);
        it_c_close(p->end[NEAR], p->now);
        pair_run(p, 10 * IT_SEC);
        ck_assert_int_eq(pair_last(p, NEAR, IT_EV_CLOSED)->ev.by, IT_CLOSED_LOCAL);
        ck_assert_int_eq(pair_last(p, FAR, IT_EV_CLOSED)->ev.by, IT_CLOSED_REMOTE);
        for (int i = NEAR; i <= FAR; i++) {
            ck_assert_int_eq(pair_count(p, i, IT_EV_CLOSED, NULL), 1);
            ck_assert_int_eq(pair_count(p, i, IT_EV_DEATH, NULL), 0);
            ck_assert_int_eq(it_c_ops.model->state(p->end[i], -1), IT_STATE_CLOSED);
        }
        teardown();
    }
}
END_TEST

START_TEST(the_only_interface_that_goes_is_a_death_at_once)
{
    p = pair_open("rfc", SOUND);
    pair_input(p, NEAR, &(it_io){.kind = IT_IO_UNBIND, .local = p->own[NEAR]});
    pair_drain(p);
    const pair_told *t = pair_last(p, NEAR, IT_EV_DEATH);
    ck_assert_int_eq(t->at, p->now);
    ck_assert_int_eq(t->ev.reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_NETWORK, NULL), 1);
}
END_TEST

START_TEST(another_interface_carries_on_or_has_its_grace)
{
    p = pair_open("rfc", (it_c_cfg){.voice = true, .alternatives = true});
    it_addr other = kit_addr("203.0.113.9:7");
    pair_input(p, NEAR, &(it_io){.kind = IT_IO_UNBIND, .local = p->own[NEAR]});
    pair_run(p, 2 * IT_SEC);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_DEATH, NULL), 0);
    p->own[NEAR] = p->seen[NEAR] = other;
    pair_input(p, NEAR, &(it_io){.kind = IT_IO_BOUND, .flow = 1, .local = other});
    pair_run(p, 10 * IT_SEC);
    ck_assert_int_eq(it_c_state(p->end[NEAR]), IT_STATE_OPEN);
    ck_assert(it_addr_eq(pair_last(p, NEAR, IT_EV_FAILOVER)->ev.local, other));
    ck_assert(it_addr_eq(pair_last(p, FAR, IT_EV_FAILOVER)->ev.remote, other));
    pair_input(p, NEAR, &(it_io){.kind = IT_IO_UNBIND, .flow = 1, .local = other});
    it_time at = p->now;
    pair_run(p, 10 * IT_SEC);
    ck_assert_int_eq(pair_last(p, NEAR, IT_EV_DEATH)->ev.reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert_int_eq(pair_last(p, NEAR, IT_EV_DEATH)->at - at, 5 * IT_SEC);
}
END_TEST

START_TEST(what_does_not_open_within_t_conn_has_failed_once)
{
    p = pair_new();
    p->cut[SERVER] = true;
    pair_join(p, NEAR, "rfc", SILENT);
    ck_assert_int_eq(it_c_call(p->end[NEAR], 0, it_c_near(p->end[NEAR])), 0);
    ck_assert_int_eq(it_c_call(p->end[NEAR], 0, it_c_near(p->end[NEAR])), IT_ERR_STATE);
    pair_run(p, 90 * IT_SEC);
    ck_assert_int_eq(pair_last(p, NEAR, IT_EV_DEATH)->at, 60 * IT_SEC);
    ck_assert_int_eq(pair_last(p, NEAR, IT_EV_DEATH)->ev.reason, IT_REASON_CONNECT_FAILED);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_DEATH, NULL), 1);
    ck_assert_int_eq(it_c_connect(p->end[NEAR], p->now), IT_ERR_STATE);
}
END_TEST

START_TEST(without_memory_nothing_is_left)
{
    it_c_cfg cfg = {.name = "x", .uri = "rtmfp://server/app", .servers = 1};
    it_alloc mem;
    it_c *c = NULL;
    cfg.alloc = &mem;
    cfg.server[0] = kit_addr("192.0.2.1:1935");
    ck_assert_int_eq(it_timers_named(&cfg.timers, "rtmfp"), 0);
    ck_assert_int_eq(it_ossl_init(), 0);
    for (uint64_t n = 0;; n++) {
        it_alloc_init_countdown(&mem, n);
        if (it_c_new(&cfg, 0, &c) == 0)
            break;
        ck_assert_int_eq(mem.live, 0);
        ck_assert_uint_lt(n, 1000);
    }
    it_c_ops.free(c);
    ck_assert_int_eq(mem.live, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/c/c");
    TCase *t = tcase_create("c");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_call_opens_directly_and_sound_goes_both_ways);
    tcase_add_test(t, messages_come_in_order_and_none_goes_before_it_is_open);
    tcase_add_test(t, an_end_that_moved_is_followed_within_a_round_trip_of_its_next_packet);
    tcase_add_test(t, two_ends_that_move_at_once_lose_each_other);
    tcase_add_test(t, an_idle_far_end_that_is_gone_is_dead_when_a_ping_is_repeated_after_the_limit);
    tcase_add_test(t, silence_is_told_of_before_it_is_longer_than_t_stall);
    tcase_add_test(t, a_goodbye_is_a_call_that_was_closed_by_either_way);
    tcase_add_test(t, the_only_interface_that_goes_is_a_death_at_once);
    tcase_add_test(t, another_interface_carries_on_or_has_its_grace);
    tcase_add_test(t, what_does_not_open_within_t_conn_has_failed_once);
    tcase_add_test(t, without_memory_nothing_is_left);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
