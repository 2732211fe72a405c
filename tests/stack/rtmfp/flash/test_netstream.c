/* stack/rtmfp/flash/netstream.c and the server's relay: streams by way of the server, RFC 7425 section 5.3.5. */
#include "tests/stack/rtmfp/flash/party.h"

static party *p;

static void setup(void)
{
    p = party_new(NULL);
    for (int i = 0; i < PARTY_CLIENTS; i++)
        party_join(p, i, (it_rtmfp_client_cfg){0});
    party_run(p, IT_SEC);
}

static void teardown(void)
{
    party_free(p);
}

static uint32_t publish(int i, const char *name)
{
    uint32_t s = party_stream(p, i, IT_RTMFP_VIA_SERVER, -1);
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[i], p->now, s, it_bytes_str(name)), 0);
    return s;
}

static uint32_t play(int i, const char *name)
{
    uint32_t s = party_stream(p, i, IT_RTMFP_VIA_SERVER, -1);
    ck_assert_int_eq(it_rtmfp_client_play(p->client[i], p->now, s, it_bytes_str(name)), 0);
    return s;
}

START_TEST(what_one_publishes_others_play)
{
    uint32_t a = publish(0, "song"), b = play(1, "song"), c = play(2, "other");
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, a, IT_RTMFP_PUBLISH_START), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_RESET), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_START), 1);
    it_time sent = p->now;
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "do");
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "re");
    party_say(p, 0, a, IT_RTMFP_MSG_DATA, "data");
    party_run(p, IT_SEC);
    ck_assert_str_eq(party_heard(p, 1, b), "do,re,data,");
    ck_assert_str_eq(party_heard(p, 2, c), "");
    const party_told *last = &p->told[1][p->tolds[1] - 1];
    ck_assert_int_eq(last->at, sent + 2 * PARTY_DELAY); /* to the server, and on */
    ck_assert_int_eq(last->ev.type, IT_RTMFP_MSG_DATA);
    ck_assert_uint_eq(last->ev.timestamp, 1000);
    it_rtmfp_server_stats s = it_rtmfp_server_stat(p->server);
    ck_assert(s.published == 1 && s.played == 2 && s.relayed == 2 && s.dropped == 0);
}
END_TEST

START_TEST(who_plays_first_is_told_when_it_is_published_and_when_not_any_more)
{
    uint32_t b = play(1, "song");
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_START), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_PUBLISH), 0);
    uint32_t a = publish(0, "song");
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_PUBLISH), 1);
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[0], p->now, a), 0);
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_UNPUBLISH), 1);
    a = publish(2, "song"); /* by somebody else */
    party_run(p, IT_SEC);
    party_say(p, 2, a, IT_RTMFP_MSG_VIDEO, "again");
    party_run(p, IT_SEC);
    ck_assert_str_eq(party_heard(p, 1, b), "again,");
}
END_TEST

START_TEST(a_name_has_one_publisher)
{
    uint32_t a = publish(0, "song");
    party_run(p, IT_SEC);
    uint32_t b = publish(1, "song");
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PUBLISH_BAD_NAME), 1);
    ck_assert_int_eq(party_count(p, 0, a, IT_RTMFP_PUBLISH_START), 1);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PUBLISH_START), 0);
}
END_TEST

START_TEST(a_publisher_that_dies_is_missed_and_a_player_that_leaves_is_not)
{
    uint32_t a = publish(0, "song"), b = play(1, "song"), c = play(2, "song");
    party_run(p, IT_SEC);
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[2], p->now, c), 0);
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[2], p->now, c), IT_ERR_NOTFOUND);
    party_run(p, IT_SEC);
    party_say(p, 0, a, IT_RTMFP_MSG_AUDIO, "x");
    party_run(p, IT_SEC);
    ck_assert_uint_eq(it_rtmfp_server_stat(p->server).relayed, 1);
    p->cut[1] = true; /* client 0 */
    party_run(p, 60 * IT_SEC);
    ck_assert_int_eq(party_count(p, 1, b, IT_RTMFP_PLAY_UNPUBLISH), 1);
    ck_assert_int_eq(party_count(p, 0, a, IT_RTMFP_NS_CLOSED), 1);
}
END_TEST

START_TEST(a_client_has_sixteen_streams_of_the_server_and_gets_those_back_that_it_closes)
{
    uint32_t s[17];
    for (int i = 0; i < 17; i++)
        s[i] = party_stream(p, 0, IT_RTMFP_VIA_SERVER, -1);
    party_run(p, IT_SEC);
    for (int i = 0; i < 17; i++)
        ck_assert_int_eq(party_count(p, 0, s[i], IT_RTMFP_NS_FAILED), i == 16);
    ck_assert_int_eq(it_rtmfp_client_close_stream(p->client[0], p->now, s[3]), 0);
    uint32_t again = publish(0, "x");
    party_run(p, IT_SEC);
    ck_assert_int_eq(party_count(p, 0, again, IT_RTMFP_PUBLISH_START), 1);
}
END_TEST

START_TEST(a_stream_has_one_name_and_one_direction)
{
    uint32_t a = publish(0, "song"), b = play(1, "song"), none = 999;
    uint32_t direct = party_stream(p, 0, IT_RTMFP_DIRECT, -1);
    char text[65];
    memset(text, 'n', sizeof text);
    party_run(p, IT_SEC);
    it_bytes x = it_bytes_str("x");
    ck_assert_int_eq(it_rtmfp_client_play(p->client[0], p->now, a, x), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[0], p->now, a, x), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_client_play(p->client[0], p->now, direct, x), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[0], p->now, direct, it_bytes_of(text, 65)), IT_ERR_RANGE);
    ck_assert_int_eq(it_rtmfp_client_publish(p->client[0], p->now, none, x), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtmfp_client_send(p->client[1], p->now, b, IT_RTMFP_MSG_AUDIO, x, NULL), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_client_send(p->client[1], p->now, none, IT_RTMFP_MSG_AUDIO, x, NULL), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_rtmfp_client_send(p->client[0], p->now, direct, IT_RTMFP_MSG_AUDIO, x, NULL), IT_ERR_STATE);
    static uint8_t big[IT_IO_DGRAM_MAX];
    it_bytes much = it_bytes_of(big, sizeof big);
    ck_assert_int_eq(it_rtmfp_client_send(p->client[0], p->now, a, IT_RTMFP_MSG_AUDIO, much, NULL), IT_ERR_TOOBIG);
}
END_TEST

START_TEST(where_a_stream_goes_is_told)
{
    uint32_t a = publish(0, "song"), d = party_stream(p, 0, IT_RTMFP_DIRECT, -1);
    it_rtmfp_info info;
    bool relayed;
    ck_assert_int_eq(it_rtmfp_client_path(p->client[0], a, &info, &relayed), 0);
    ck_assert(relayed && it_addr_eq(info.path.remote, p->addr[0]));
    ck_assert_int_eq(it_rtmfp_client_path(p->client[0], d, &info, &relayed), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_client_path(p->client[0], 0, &info, &relayed), IT_ERR_NOTFOUND);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_one_publishes_others_play);
    tcase_add_test(t, who_plays_first_is_told_when_it_is_published_and_when_not_any_more);
    tcase_add_test(t, a_name_has_one_publisher);
    tcase_add_test(t, a_publisher_that_dies_is_missed_and_a_player_that_leaves_is_not);
    tcase_add_test(t, a_client_has_sixteen_streams_of_the_server_and_gets_those_back_that_it_closes);
    tcase_add_test(t, a_stream_has_one_name_and_one_direction);
    tcase_add_test(t, where_a_stream_goes_is_told);
}

int main(void)
{
    return kit_main("rtmfp/flash/netstream", add);
}
