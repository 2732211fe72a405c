/* stack/c/way.c: by which streams a call goes. */
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

static bool told_failed(int i)
{
    return pair_count(p, i, IT_EV_STATUS, "NetStream.Connect.Failed") > 0;
}

START_TEST(a_stream_from_a_peer_that_is_not_reached_has_failed_after_its_time_and_the_server_relays)
{
    p = pair_new();
    p->apart = true;
    pair_join(p, NEAR, "rfc", SOUND);
    pair_join(p, FAR, "rfc", SOUND);
    pair_call(p);
    it_time at = p->now;
    for (int i = NEAR; i <= FAR; i++)
        while (!told_failed(i))
            pair_run(p, 10 * IT_MS);
    ck_assert_int_le(p->now - at, 10 * IT_SEC + 20 * IT_MS);
    ck_assert_int_ge(p->now - at, 10 * IT_SEC);
    pair_both(p, NEAR, IT_C_SERVER);
    pair_both(p, FAR, IT_C_SERVER);
    pair_run(p, 5 * IT_SEC);
    for (int i = NEAR; i <= FAR; i++) {
        it_conn_stats s;
        it_c_stats(p->end[i], &s);
        ck_assert_int_eq(pair_last(p, i, IT_EV_OPEN)->ev.path, IT_PATH_RELAY_UDP);
        ck_assert_uint_ge(s.voice_received, 200);
    }
    ck_assert_uint_eq(p->between, 0);
}
END_TEST

START_TEST(a_direct_way_that_comes_later_takes_over_and_is_told_once)
{
    p = pair_relayed("rfc", SOUND);
    p->apart = false;
    pair_run(p, 5 * IT_SEC); /* the session is still tried */
    for (int i = NEAR; i <= FAR; i++) {
        ck_assert_int_eq(it_c_path(p->end[i]), IT_PATH_DIRECT_UDP);
        ck_assert_int_eq(pair_count(p, i, IT_EV_FAILOVER, NULL), 1);
        ck_assert_int_eq(pair_last(p, i, IT_EV_FAILOVER)->ev.old_path, IT_PATH_RELAY_UDP);
        ck_assert_int_eq(pair_count(p, i, IT_EV_STALLED, NULL), 0);
    }
}
END_TEST

START_TEST(an_end_whose_own_try_has_failed_plays_by_the_session_of_the_other)
{
    p = pair_new();
    pair_join(p, NEAR, "rfc", SOUND);
    p->apart = true;
    ck_assert_int_eq(it_c_call(p->end[NEAR], p->now, (const uint8_t[IT_RTMFP_PRINT]){0}), 0);
    teardown();
    p = pair_new();
    pair_join(p, NEAR, "rfc", SOUND);
    pair_join(p, FAR, "rfc", SOUND);
    ck_assert_int_eq(it_c_call(p->end[NEAR], p->now, it_c_near(p->end[FAR])), 0);
    ck_assert_int_eq(it_c_call(p->end[FAR], p->now, it_c_near(p->end[NEAR])), 0);
    pair_run(p, IT_SEC);
    p->apart = true;
    pair_both(p, NEAR, IT_C_DIRECT);
    pair_run(p, 12 * IT_SEC);
    ck_assert(told_failed(NEAR));
    p->apart = false;
    pair_both(p, FAR, IT_C_DIRECT);
    while (pair_count(p, NEAR, IT_EV_SUBSCRIBER, NULL) == 0)
        pair_run(p, 10 * IT_MS);
    ck_assert_int_eq(it_c_play(p->end[NEAR], p->now, IT_C_DIRECT), 0);
    ck_assert_int_eq(it_c_play(p->end[NEAR], p->now, IT_C_DIRECT), IT_ERR_STATE); /* it goes on */
    pair_run(p, IT_SEC);
    for (int i = NEAR; i <= FAR; i++)
        ck_assert_int_eq(it_c_path(p->end[i]), IT_PATH_DIRECT_UDP);
}
END_TEST

START_TEST(who_refuses_a_play_is_not_reached_by_any_way)
{
    p = pair_new();
    pair_join(p, NEAR, "rfc", (it_c_cfg){.ask = true});
    pair_join(p, FAR, "rfc", SILENT);
    pair_call(p);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_SUBSCRIBER, NULL), 1);
    ck_assert_int_eq(it_c_state(p->end[NEAR]), IT_STATE_CONNECTING);
    ck_assert_int_eq(it_c_accept(p->end[NEAR], p->now, false), 0);
    ck_assert_int_eq(it_c_accept(p->end[NEAR], p->now, true), IT_ERR_STATE);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(pair_last(p, FAR, IT_EV_DEATH)->ev.reason, IT_REASON_CONNECT_FAILED);
    ck_assert_int_eq(pair_count(p, FAR, IT_EV_STATUS, "NetStream.Connect.Rejected"), 1);
}
END_TEST

START_TEST(who_is_asked_and_takes_it_is_called)
{
    p = pair_new();
    pair_join(p, NEAR, "rfc", (it_c_cfg){.ask = true});
    pair_join(p, FAR, "rfc", SILENT);
    pair_call(p);
    pair_run(p, IT_SEC);
    ck_assert_int_eq(it_c_accept(p->end[NEAR], p->now, true), 0);
    pair_run(p, IT_SEC);
    for (int i = NEAR; i <= FAR; i++)
        ck_assert_int_eq(it_c_state(p->end[i]), IT_STATE_OPEN);
}
END_TEST

START_TEST(who_is_not_called_is_refused)
{
    p = pair_open("rfc", SILENT);
    pair_join(p, STRANGER, "rfc", SILENT);
    ck_assert_int_eq(it_c_call(p->end[STRANGER], p->now, it_c_near(p->end[NEAR])), 0);
    pair_run(p, IT_SEC);
    pair_both(p, STRANGER, IT_C_DIRECT);
    pair_run(p, 5 * IT_SEC);
    ck_assert_int_eq(pair_last(p, STRANGER, IT_EV_DEATH)->ev.reason, IT_REASON_CONNECT_FAILED);
    ck_assert_int_eq(pair_count(p, NEAR, IT_EV_SUBSCRIBER, NULL), 1);
    ck_assert_int_eq(it_c_state(p->end[NEAR]), IT_STATE_OPEN);
    ck_assert_int_eq(it_c_state(p->end[FAR]), IT_STATE_OPEN);
}
END_TEST

START_TEST(without_its_server_a_direct_call_goes_on_or_ends_as_it_is_told)
{
    for (int cascade = 0; cascade < 2; cascade++) {
        p = pair_open("rtmfp", (it_c_cfg){.voice = true, .cascade = cascade != 0});
        p->cut[SERVER] = true;
        pair_run(p, 60 * IT_SEC);
        for (int i = NEAR; i <= FAR; i++) {
            if (cascade)
                ck_assert_int_eq(pair_count(p, i, IT_EV_DEATH, NULL), 1);
            else
                ck_assert_int_eq(pair_count(p, i, IT_EV_STATUS, "NetConnection.Connect.Closed"), 1);
            ck_assert_int_eq(it_c_state(p->end[i]), cascade ? IT_STATE_DEAD : IT_STATE_OPEN);
        }
        for (int i = NEAR; cascade && i <= FAR; i++)
            ck_assert_int_eq(pair_last(p, i, IT_EV_DEATH)->ev.reason, IT_REASON_SERVER_LOST);
        teardown();
    }
}
END_TEST

START_TEST(the_far_end_of_who_lost_its_server_hears_of_a_stream_that_has_ended)
{
    p = pair_new();
    pair_join(p, NEAR, "rtmfp", (it_c_cfg){.voice = true, .cascade = true});
    pair_join(p, FAR, "rtmfp", SOUND);
    pair_call(p);
    pair_run(p, IT_SEC);
    p->cut[SERVER] = true;
    pair_run(p, 60 * IT_SEC);
    ck_assert_int_eq(pair_last(p, NEAR, IT_EV_DEATH)->ev.reason, IT_REASON_SERVER_LOST);
    ck_assert_int_eq(pair_last(p, FAR, IT_EV_DEATH)->ev.reason, IT_REASON_PEER_CLOSED);
}
END_TEST

START_TEST(without_its_server_a_relayed_call_is_over)
{
    p = pair_relayed("rtmfp", SOUND);
    p->cut[SERVER] = true;
    pair_run(p, 60 * IT_SEC);
    for (int i = NEAR; i <= FAR; i++) {
        ck_assert_int_eq(pair_count(p, i, IT_EV_STALLED, NULL), 1);
        ck_assert_int_eq(pair_count(p, i, IT_EV_DEATH, NULL), 1);
        ck_assert_int_eq(pair_last(p, i, IT_EV_DEATH)->ev.reason, IT_REASON_SERVER_LOST);
    }
}
END_TEST

START_TEST(commands_without_a_call_are_refused)
{
    p = pair_new();
    pair_join(p, NEAR, "rfc", SILENT);
    for (int via = 0; via < IT_C_WAYS; via++) {
        ck_assert_int_eq(it_c_publish(p->end[NEAR], 0, (enum it_c_via)via), IT_ERR_STATE);
        ck_assert_int_eq(it_c_play(p->end[NEAR], 0, (enum it_c_via)via), IT_ERR_STATE);
    }
    ck_assert_int_eq(it_c_accept(p->end[NEAR], 0, true), IT_ERR_STATE);
    ck_assert_int_eq(it_c_connect(p->end[NEAR], 0), IT_ERR_STATE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stack/c/way");
    TCase *t = tcase_create("way");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_stream_from_a_peer_that_is_not_reached_has_failed_after_its_time_and_the_server_relays);
    tcase_add_test(t, a_direct_way_that_comes_later_takes_over_and_is_told_once);
    tcase_add_test(t, an_end_whose_own_try_has_failed_plays_by_the_session_of_the_other);
    tcase_add_test(t, who_refuses_a_play_is_not_reached_by_any_way);
    tcase_add_test(t, who_is_asked_and_takes_it_is_called);
    tcase_add_test(t, who_is_not_called_is_refused);
    tcase_add_test(t, without_its_server_a_direct_call_goes_on_or_ends_as_it_is_told);
    tcase_add_test(t, the_far_end_of_who_lost_its_server_hears_of_a_stream_that_has_ended);
    tcase_add_test(t, without_its_server_a_relayed_call_is_over);
    tcase_add_test(t, commands_without_a_call_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
