/* stack/rtmfp/inside.c: keepalive, mobility and closing, RFC 7016 sections 3.5.4, 3.5.5. */
#include "tests/stack/rtmfp/net.h"

static net *n;

static void setup(void)
{
    n = net_new(1, NULL);
    n->cfg[0].policy.mac = IT_RTMFP_REQUIRE;
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

/* Sends |chunks| as end |i| would, in |mode|, from |from|. */
static void say_as(int i, it_addr from, enum it_rtmfp_mode mode, it_bytes chunks)
{
    uint8_t plain[1400], d[IT_IO_DGRAM_MAX];
    it_buf b;
    it_rtmfp_session *s = it_rtmfp_session_no(n->end[i], net_session(n, i));
    ck_assert_ptr_nonnull(s);
    it_buf_init(&b, plain, sizeof plain);
    it_rtmfp_head_put(&b, &(it_rtmfp_head){.mode = mode});
    it_buf_put(&b, chunks.p, chunks.n);
    int size = it_rtmfp_seal(&s->keys, s->tx_sid, kit_buf(&b), d, sizeof d);
    ck_assert_int_gt(size, 0);
    net_give(n, !i, from, it_bytes_of(d, (size_t)size));
}

/* The same of end 1, which is the initiator, as it is. */
static void say(const char *hex)
{
    uint8_t room[1400];
    say_as(1, n->outer[1], IT_RTMFP_BY_INITIATOR, kit_hex(room, hex));
}

START_TEST(silence_is_broken_by_a_ping_and_answered)
{
    net_pair(n);
    uint64_t before = n->sent[0] + n->sent[1];
    net_run(n, 4 * NET_DELAY + 10 * IT_SEC - 1);
    ck_assert_uint_eq(n->sent[0] + n->sent[1], before);
    net_run(n, n->now + IT_SEC);
    ck_assert_uint_eq(n->sent[0] + n->sent[1], before + 2); /* one of them pings, not both */
    net_run(n, 3600 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_CLOSED) + net_count(n, 1, IT_RTMFP_EV_CLOSED), 0);
}
END_TEST

/* A Ping at 10 s after the last packet, and then for 20 s and an ERTO without an answer. */
START_TEST(a_dead_peer_is_noticed_within_its_limit)
{
    net_pair(n);
    n->loss = 1000000;
    net_run(n, 120 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_CLOSED);
    ck_assert(e && e->ev.cause == IT_RTMFP_CAUSE_SILENCE);
    ck_assert(e->at > 30 * IT_SEC && e->at < 42 * IT_SEC);
    it_rtmfp_info info;
    ck_assert_int_eq(it_rtmfp_describe(n->end[1], e->ev.session, &info), IT_ERR_NOTFOUND);
}
END_TEST

START_TEST(no_keepalive_means_none)
{
    for (int i = 0; i < 2; i++)
        n->cfg[i].keepalive = IT_NEVER;
    net_pair(n);
    uint64_t before = n->sent[1];
    net_run(n, 3600 * IT_SEC);
    ck_assert_uint_eq(n->sent[1], before);
    ck_assert(it_rtmfp_next(n->end[1]) == IT_NEVER);
}
END_TEST

/* RFC 7016 section 3.5.4: the reply copies the message. */
START_TEST(a_ping_is_answered_at_once)
{
    net_pair(n);
    uint64_t before = n->sent[0];
    say("01 0003 616263 01 0000");
    ck_assert_uint_eq(n->sent[0], before + 2);
}
END_TEST

/* Section 3.5.4.2: a moved peer is found in one round trip after its next packet. */
START_TEST(a_peer_that_moves_is_followed_after_one_round_trip)
{
    net_pair(n);
    n->outer[1] = kit_addr("203.0.113.77:7");
    n->now += IT_SEC;
    it_rtmfp_ping(n->end[1], n->now, it_rtmfp_session_no(n->end[1], net_session(n, 1)));
    it_time begun = n->now;
    net_run(n, n->now + IT_SEC);
    const net_event *e = net_last(n, 0, IT_RTMFP_EV_MOVED);
    ck_assert(e && it_addr_eq(e->ev.path.remote, n->outer[1]) && e->at - begun == 3 * NET_DELAY);
    ck_assert(it_addr_eq(net_info(n, 0).path.remote, n->outer[1]));
    net_run(n, n->now + 120 * IT_SEC);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_CLOSED));
    ck_assert_ptr_null(net_last(n, 1, IT_RTMFP_EV_CLOSED));
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_MOVED), 1);
}
END_TEST

/* RFC 7016 section 5: without a secret that proves packets it would be hijacking support. */
START_TEST(with_checksums_alone_nobody_is_followed_unless_that_is_wanted)
{
    n->cfg[0].policy.mac = IT_RTMFP_ALLOW;
    n->cfg[0].move_unproven = _i;
    net_pair(n);
    n->outer[1] = kit_addr("203.0.113.77:7");
    net_run(n, n->now + 60 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_MOVED), _i ? 1 : 0);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_CLOSED), _i ? 0 : 1);
}
END_TEST

START_TEST(when_both_ends_move_at_once_the_session_dies)
{
    net_pair(n);
    n->outer[0] = kit_addr("203.0.113.78:8");
    n->outer[1] = kit_addr("203.0.113.77:7");
    net_run(n, n->now + 60 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(net_count(n, i, IT_RTMFP_EV_CLOSED), 1);
}
END_TEST

/* Section 3.5.4.2: stale, replayed, of another address: no change. */
START_TEST(a_mark_that_is_stale_or_came_before_or_of_another_address_moves_nobody)
{
    uint8_t mark[IT_RTMFP_MARK], room[64];
    it_buf b;
    net_pair(n);
    it_rtmfp_session *s = it_rtmfp_session_no(n->end[0], net_session(n, 0));
    it_addr there = kit_addr("203.0.113.77:7"), elsewhere = kit_addr("203.0.113.78:8");
    n->now += 200 * IT_SEC;
    static const struct {
        int made, wanted; /* seconds; moves so far */
        bool there;
    } ROWS[] = {{79, 0, true},  {150, 0, false}, {150, 1, true}, {150, 1, false},
                {149, 1, true}, {151, 2, false}, {150, 2, true}};
    for (int i = 0; i < 7; i++) {
        it_addr to = ROWS[i].made == 151 ? elsewhere : there;
        it_rtmfp_mark_make(&n->end[0]->secret, ROWS[i].made * IT_SEC, s->rx_sid, to, mark);
        it_buf_init(&b, room, sizeof room);
        it_rtmfp_plain_put(&b, IT_RTMFP_PING_REPLY, it_bytes_of(mark, sizeof mark));
        say_as(1, ROWS[i].there ? there : elsewhere, IT_RTMFP_BY_INITIATOR, kit_buf(&b));
        ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_MOVED), (uint32_t)ROWS[i].wanted);
    }
}
END_TEST

/* Section 3.5.4.2: one check a second. */
START_TEST(packets_from_elsewhere_are_checked_once_a_second)
{
    uint8_t room[8];
    net_pair(n);
    n->now += 5 * IT_SEC;
    uint64_t before = n->sent[0];
    for (int i = 0; i < 30; i++) {
        say_as(1, kit_addr("203.0.113.77:7"), IT_RTMFP_BY_INITIATOR, kit_hex(room, "410000"));
        n->now += 100 * IT_MS;
    }
    ck_assert_uint_eq(n->sent[0] - before, 3);
}
END_TEST

/* RFC 7016 section 2.2.4: its own packets come back, reflected. */
START_TEST(packets_in_its_own_mode_change_nothing)
{
    uint8_t room[8];
    net_pair(n);
    say_as(1, n->outer[1], IT_RTMFP_BY_RESPONDER, kit_hex(room, "0c0000"));
    say_as(1, n->outer[1], IT_RTMFP_STARTUP, kit_hex(room, "0c0000"));
    say_as(1, n->outer[1], IT_RTMFP_FORBIDDEN, kit_hex(room, "0c0000"));
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).mode, 3);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_CLOSED));
    say("0c0000");
    ck_assert_ptr_nonnull(net_last(n, 0, IT_RTMFP_EV_CLOSED));
}
END_TEST

START_TEST(unknown_and_startup_chunks_are_skipped_and_those_behind_them_taken)
{
    net_pair(n);
    uint64_t before = n->sent[0];
    say("77 0001 00 30 0002 0061 38 0001 00 78 0001 00 79 0001 00 71 0001 00 70 0001 00 0f 0001 00 01 0000");
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).chunks, 8);
    ck_assert_uint_eq(n->sent[0], before + 1);
}
END_TEST

START_TEST(an_orderly_close_is_acknowledged)
{
    net_pair(n);
    uint32_t s = net_session(n, 1);
    ck_assert_int_eq(it_rtmfp_close(n->end[1], n->now, s), 0);
    ck_assert_int_eq(it_rtmfp_close(n->end[1], n->now, s), IT_ERR_STATE);
    ck_assert_int_eq(it_rtmfp_abort(n->end[1], n->now, s), IT_ERR_STATE);
    it_time begun = n->now;
    net_run(n, n->now + IT_SEC);
    const net_event *near = net_last(n, 1, IT_RTMFP_EV_CLOSED), *far = net_last(n, 0, IT_RTMFP_EV_CLOSED);
    ck_assert(near && near->ev.cause == IT_RTMFP_CAUSE_NEAR && near->at == begun + 2 * NET_DELAY);
    ck_assert(far && far->ev.cause == IT_RTMFP_CAUSE_FAR && far->at == begun + NET_DELAY);
    ck_assert_int_eq(it_rtmfp_close(n->end[1], n->now, s), IT_ERR_NOTFOUND);
    ck_assert_uint_eq(n->end[1]->by_no.n, 0);
    ck_assert_uint_eq(n->end[0]->by_no.n, 1); /* it lingers for 19 s, and answers */
    net_run(n, begun + NET_DELAY + IT_RTMFP_CLOSE_LINGER);
    ck_assert_uint_eq(n->end[0]->by_no.n, 0);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_CLOSED), 1);
}
END_TEST

/* Every five seconds, for ninety. */
START_TEST(a_close_that_nobody_hears_ends_after_90_s)
{
    net_pair(n);
    uint64_t before = n->sent[1];
    n->loss = 1000000;
    it_time begun = n->now;
    ck_assert_int_eq(it_rtmfp_close(n->end[1], n->now, net_session(n, 1)), 0);
    net_run(n, n->now + 200 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_CLOSED);
    ck_assert(e && e->at == begun + IT_RTMFP_CLOSE_END);
    ck_assert_uint_eq(n->sent[1] - before, 18);
}
END_TEST

START_TEST(closing_sessions_answer_and_take_nothing_else)
{
    net_pair(n);
    uint32_t s = net_session(n, 0);
    ck_assert_int_eq(it_rtmfp_close(n->end[0], n->now, s), 0);
    net_drain(n, 0);
    uint64_t before = n->sent[0];
    say("01 0000"); /* no Ping */
    ck_assert_uint_eq(n->sent[0], before);
    say("0c 0000");
    ck_assert_uint_eq(n->sent[0], before + 1);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_CLOSED));
    say("4c 0000");
    ck_assert_ptr_nonnull(net_last(n, 0, IT_RTMFP_EV_CLOSED));
    ck_assert_uint_eq(n->end[0]->by_no.n, 0);
}
END_TEST

START_TEST(an_abrupt_close_is_heard_by_the_far_end)
{
    net_pair(n);
    ck_assert_int_eq(it_rtmfp_abort(n->end[1], n->now, net_session(n, 1)), 0);
    net_drain(n, 1);
    ck_assert_ptr_nonnull(net_last(n, 1, IT_RTMFP_EV_CLOSED));
    net_run(n, n->now + IT_SEC);
    const net_event *e = net_last(n, 0, IT_RTMFP_EV_CLOSED);
    ck_assert(e && e->ev.cause == IT_RTMFP_CAUSE_FAR);
    ck_assert_uint_eq(n->end[0]->by_no.n, 0);
}
END_TEST

/* A base that is lost, and another that comes: the far end finds it by the Ping that is sent at once. */
START_TEST(a_session_goes_on_over_another_base)
{
    net_pair(n);
    it_io io = {.kind = IT_IO_UNBIND, .flow = 0};
    ck_assert_int_eq(it_rtmfp_input(n->end[1], n->now, &io), 0);
    net_run(n, n->now + 2 * IT_SEC);
    n->inner[1] = n->outer[1] = kit_addr("203.0.113.77:7");
    it_time begun = n->now;
    net_bind(n, 1);
    net_run(n, n->now + IT_SEC);
    const net_event *e = net_last(n, 0, IT_RTMFP_EV_MOVED);
    ck_assert(e && it_addr_eq(e->ev.path.remote, n->outer[1]) && e->at == begun + 3 * NET_DELAY);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, silence_is_broken_by_a_ping_and_answered);
    tcase_add_test(t, a_dead_peer_is_noticed_within_its_limit);
    tcase_add_test(t, no_keepalive_means_none);
    tcase_add_test(t, a_ping_is_answered_at_once);
    tcase_add_test(t, a_peer_that_moves_is_followed_after_one_round_trip);
    tcase_add_loop_test(t, with_checksums_alone_nobody_is_followed_unless_that_is_wanted, 0, 2);
    tcase_add_test(t, when_both_ends_move_at_once_the_session_dies);
    tcase_add_test(t, a_mark_that_is_stale_or_came_before_or_of_another_address_moves_nobody);
    tcase_add_test(t, packets_from_elsewhere_are_checked_once_a_second);
    tcase_add_test(t, packets_in_its_own_mode_change_nothing);
    tcase_add_test(t, unknown_and_startup_chunks_are_skipped_and_those_behind_them_taken);
    tcase_add_test(t, an_orderly_close_is_acknowledged);
    tcase_add_test(t, a_close_that_nobody_hears_ends_after_90_s);
    tcase_add_test(t, closing_sessions_answer_and_take_nothing_else);
    tcase_add_test(t, an_abrupt_close_is_heard_by_the_far_end);
    tcase_add_test(t, a_session_goes_on_over_another_base);
}

int main(void)
{
    return kit_main("rtmfp/inside", add);
}
