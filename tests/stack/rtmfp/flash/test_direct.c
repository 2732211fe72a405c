/* stack/rtmfp/flash/direct.c: streams between peers, RFC 7425 section 5.4. */
#include "tests/stack/rtmfp/flash/party.h"

static party *p;
static it_rtmfp_client_cfg how;

static void begin(void)
{
    p = party_new(NULL);
    for (int i = 0; i < PARTY_CLIENTS; i++)
        party_join(p, i, how);
    party_run(p, IT_SEC);
}

static void setup(void)
{
    how = (it_rtmfp_client_cfg){0};
}

static void teardown(void)
{
    party_free(p);
}

static uint32_t publish(int i, const char *name)
{
    uint32_t s = party_stream(p, i, IT_RTMFP_DIRECT, -1);
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[i], p->now, s, it_bytes_str(name)), 0);
    return s;
}

static uint32_t play(int i, int far, const char *name)
{
    uint32_t s = party_stream(p, i, IT_RTMFP_FROM_PEER, far);
    ck_assert_int_eq(it_rtmfp_client_play(p->client[i], p->now, s, it_bytes_str(name)), 0);
    return s;
}

START_TEST(a_peer_plays_what_another_publishes_without_the_server)
{
    begin();
    uint32_t a = publish(0, "song"), b = play(1, 0, "song"), sub;
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_SUCCESS), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_RESET), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_START), 1);
    const it_rtmfp_client_event *peer = party_peer(p, 0);
    ck_assert(peer && peer->publisher == a);
    ck_assert_mem_eq(peer->print, it_rtmfp_client_near(p->client[1]), IT_RTMFP_PRINT);
    ck_assert_uint_eq(it_rtmfp_client_subscribers(p->client[0], a, &sub, 1), 1);
    ck_assert_uint_eq(sub, peer->stream);
    p->cut[0] = true; /* the server is not needed any more */
    it_time sent = p->now;
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "do");
    party_say(p, 0, a, IT_RTMFP_MSG_VIDEO, "picture");
    party_run(p, IT_SEC);
    ck_assert_str_eq(party_heard(p, 1, b), "do,picture,");
    ck_assert_int_eq(p->told[1][p->tolds[1] - 1].at, sent + PARTY_DELAY);
    it_rtmfp_info info;
    bool relayed;
    ck_assert_int_eq(it_rtmfp_client_path(p->client[1], b, &info, &relayed), 0);
    ck_assert(!relayed && it_addr_eq(info.path.remote, p->addr[1]));
}
END_TEST

/* All streams between two peers are of one session, in either direction. */
START_TEST(two_peers_share_one_session)
{
    begin();
    uint32_t a = publish(0, "a"), b = publish(1, "b");
    uint32_t from_b = play(0, 1, "b"), from_a = play(1, 0, "a"), again = play(1, 0, "a");
    party_run(p, 5 * IT_SEC);
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "x");
    party_say(p, 1, b, IT_RTMFP_MSG_AUDIO, "y");
    party_run(p, IT_SEC);
    ck_assert_str_eq(party_heard(p, 0, from_b), "y,");
    ck_assert_str_eq(party_heard(p, 1, from_a), "x,");
    ck_assert_str_eq(party_heard(p, 1, again), "x,");
    it_rtmfp_info one, two;
    bool relayed;
    ck_assert_int_eq(it_rtmfp_client_path(p->client[1], from_a, &one, &relayed), 0);
    ck_assert_int_eq(it_rtmfp_client_path(p->client[1], again, &two, &relayed), 0);
    ck_assert_mem_eq(one.near_nonce, two.near_nonce, sizeof one.near_nonce);
    ck_assert_int_eq(it_rtmfp_client_path(p->client[0], from_b, &two, &relayed), 0);
    ck_assert_mem_eq(one.near_nonce, two.far_nonce, sizeof one.near_nonce);
    uint32_t late = play(1, 0, "a"); /* over the session that stands: at once */
    party_drain(p);
    ck_assert_int_eq(party_when(p, 1, late, IT_RTMFP_NS_SUCCESS), p->now);
}
END_TEST

START_TEST(a_name_that_is_not_published_is_refused)
{
    begin();
    uint32_t b = play(1, 0, "nothing");
    party_run(p, 2 * IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_REJECTED), 1);
    ck_assert(!party_peer(p, 0));
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[1], p->now, b), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(who_asks_decides_about_each_subscriber)
{
    how.ask = true;
    begin();
    uint32_t a = publish(0, "song"), b = play(1, 0, "song"), sub;
    party_run(p, 2 * IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_START), 0);
    ck_assert_uint_eq(it_rtmfp_client_subscribers(p->client[0], a, &sub, 1), 0);
    sub = party_peer(p, 0)->stream;
    ck_assert_int_eq(it_rtmfp_client_accept(p->client[0], p->now, a, true), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_client_accept(p->client[0], p->now, 999, true), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtmfp_client_accept(p->client[0], p->now, sub, _i == 1), 0);
    ck_assert_int_eq(it_rtmfp_client_accept(p->client[0], p->now, sub, _i == 1), _i ? IT_ERR_STATE : IT_ERR_NOTFOUND);
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_START), _i);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_REJECTED), !_i);
}
END_TEST

START_TEST(either_end_closes_and_the_other_is_told)
{
    begin();
    uint32_t a = publish(0, "song"), b = play(1, 0, "song");
    party_run(p, IT_SEC);
    uint32_t sub = party_peer(p, 0)->stream;
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[_i], p->now, _i ? b : a), 0);
    party_run(p, IT_SEC);
    if (_i)
        ck_assert_int_eq(party_count(p, 0, sub, IT_RTMFP_NS_CLOSED), 1);
    else
        ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_CLOSED), 1);
    uint32_t none;
    ck_assert_uint_eq(it_rtmfp_client_subscribers(p->client[0], a, &none, 1), 0);
    party_run(p, 30 * IT_SEC); /* the session has ended with its last stream, and nothing more is said */
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_CLOSED) + party_count(p, 0, sub, IT_RTMFP_NS_CLOSED), 1);
}
END_TEST

START_TEST(nobody_there_is_a_failure_within_the_time_given)
{
    how.open = 10 * IT_SEC;
    begin();
    p->cut[1] = true;
    uint32_t b = play(1, 0, "song");
    it_time from = p->now;
    party_run(p, 20 * IT_SEC);
    ck_assert_int_eq(party_when(p, 1, b, IT_RTMFP_NS_FAILED), from + 10 * IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_FAILED), 1);
}
END_TEST

/* One session, one liveness, one death: all its streams are told at the same instant. */
START_TEST(a_peer_that_dies_takes_its_streams_along)
{
    begin();
    publish(0, "a");
    publish(0, "b");
    uint32_t x = play(1, 0, "a"), y = play(1, 0, "b");
    party_run(p, IT_SEC);
    p->cut[1] = true;
    party_run(p, 60 * IT_SEC);
    ck_assert_int_eq(party_count(p, 1, x, IT_RTMFP_NS_CLOSED), 1);
    ck_assert_int_eq(party_count(p, 1, y, IT_RTMFP_NS_CLOSED), 1);
    ck_assert_int_eq(party_when(p, 1, x, IT_RTMFP_NS_CLOSED), party_when(p, 1, y, IT_RTMFP_NS_CLOSED));
}
END_TEST

START_TEST(streams_with_peers_outlive_the_connection_or_do_not)
{
    how.cascade = _i;
    begin();
    uint32_t a = publish(0, "song"), b = play(1, 0, "song");
    party_run(p, IT_SEC);
    p->cut[0] = true;
    party_run(p, 60 * IT_SEC);
    ck_assert_int_eq(party_count(p, 1, 0, IT_RTMFP_NC_CLOSED), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_NS_CLOSED), _i);
    if (_i)
        return;
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "still here");
    party_run(p, IT_SEC);
    ck_assert_str_eq(party_heard(p, 1, b), "still here,");
}
END_TEST

START_TEST(subscribers_are_heard_apart)
{
    begin();
    uint32_t a = publish(0, "song"), b = play(1, 0, "song"), c = play(2, 0, "song"), sub[2];
    party_run(p, IT_SEC);
    ck_assert_uint_eq(it_rtmfp_client_subscribers(p->client[0], a, sub, 2), 2);
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "all");
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[0], p->now, sub[0]), 0);
    party_run(p, IT_SEC);
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "rest");
    party_run(p, IT_SEC);
    int closed = party_count(p, 1, b, IT_RTMFP_NS_CLOSED) + party_count(p, 2, c, IT_RTMFP_NS_CLOSED);
    ck_assert_int_eq(closed, 1);
    size_t first = strlen(party_heard(p, 1, b)), second = strlen(party_heard(p, 2, c));
    ck_assert_uint_eq(first + second, strlen("all,all,rest,"));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_peer_plays_what_another_publishes_without_the_server);
    tcase_add_test(t, two_peers_share_one_session);
    tcase_add_test(t, a_name_that_is_not_published_is_refused);
    tcase_add_loop_test(t, who_asks_decides_about_each_subscriber, 0, 2);
    tcase_add_loop_test(t, either_end_closes_and_the_other_is_told, 0, 2);
    tcase_add_test(t, nobody_there_is_a_failure_within_the_time_given);
    tcase_add_test(t, a_peer_that_dies_takes_its_streams_along);
    tcase_add_loop_test(t, streams_with_peers_outlive_the_connection_or_do_not, 0, 2);
    tcase_add_test(t, subscribers_are_heard_apart);
}

int main(void)
{
    return kit_main("rtmfp/flash/direct", add);
}
