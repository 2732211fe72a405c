/* stack/rtmfp/initiate.c: opening a session, RFC 7016 sections 3.5.1.1.1, 3.5.1.2, 3.5.1.4. */
#include "tests/stack/rtmfp/net.h"

static net *n;
static it_addr nobody, stranger;

static void setup(void)
{
    n = net_new(1, NULL);
    nobody = kit_addr("198.51.100.9:9");
    stranger = kit_addr("198.51.100.8:8");
}

static void teardown(void)
{
    ck_assert_int_eq(n->err, 0);
    net_free(n);
}

START_TEST(a_session_opens_in_two_round_trips)
{
    net_pair(n);
    const net_event *i = net_last(n, 1, IT_RTMFP_EV_OPEN), *r = net_last(n, 0, IT_RTMFP_EV_OPEN);
    ck_assert(r->at == 3 * NET_DELAY && i->at == 4 * NET_DELAY);
    ck_assert(i->ev.initiator && !r->ev.initiator);
    ck_assert_mem_eq(i->print, it_rtmfp_print(n->end[0]), IT_RTMFP_PRINT);
    ck_assert_mem_eq(r->print, it_rtmfp_print(n->end[1]), IT_RTMFP_PRINT);
    ck_assert(it_addr_eq(i->ev.path.remote, n->outer[0]) && it_addr_eq(r->ev.path.remote, n->outer[1]));
    it_rtmfp_info a = net_info(n, 1), b = net_info(n, 0);
    ck_assert_mem_eq(a.near_nonce, b.far_nonce, sizeof a.near_nonce);
    ck_assert_mem_eq(a.far_nonce, b.near_nonce, sizeof a.near_nonce);
}
END_TEST

/* RFC 7425 section 4.6: static and ephemeral ends, groups, and the four modes of integrity. */
START_TEST(every_kind_of_certificate_opens_in_every_mode_of_integrity)
{
    for (int i = 0; i < 2; i++) {
        n->cfg[i].identity.is_static = _i >> i & 1;
        n->cfg[i].identity.groups = 1u << _i / 16;
        n->cfg[i].policy.mac = _i & 4 ? IT_RTMFP_REQUIRE : IT_RTMFP_ALLOW;
        n->cfg[i].policy.seq = _i & 8 ? IT_RTMFP_REQUIRE : IT_RTMFP_ALLOW;
    }
    net_pair(n);
    it_rtmfp_info a = net_info(n, 1);
    ck_assert_uint_eq(a.mac_tx, _i & 4 ? 16 : 0);
    ck_assert_uint_eq(a.mac_rx, _i & 4 ? 16 : 0);
    ck_assert(a.seq_tx == !!(_i & 8) && a.seq_rx == !!(_i & 8));
    net_run(n, 60 * IT_SEC); /* Pings pass */
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_CLOSED), 0);
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).forged + it_rtmfp_stats_get(n->end[1]).forged, 0);
    ck_assert(net_info(n, 1).srtt > 30 * IT_MS && net_info(n, 1).srtt < 50 * IT_MS);
}
END_TEST

START_TEST(it_opens_over_a_network_that_loses_a_third_and_reorders)
{
    net_free(n);
    n = net_new((uint64_t)_i, NULL);
    n->loss = 330000;
    n->twice = 200000;
    n->jitter_ms = 200;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, 94 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_OPEN), 1);
}
END_TEST

/* Nobody's answer is as no answer; the interval grows by 1.5 s. */
START_TEST(an_ihello_is_repeated_on_its_schedule_and_given_up_after_95_s)
{
    static const int AT[] = {0, 1000, 3500, 7500, 13000, 20000, 28500, 38500, 50000, 63000, 77500, 93500};
    net_start(n, 0);
    net_start(n, 1);
    net_connect_at(n, 1, 0, &nobody, 1);
    for (size_t i = 0; i < 12; i++) {
        net_run(n, AT[i] * IT_MS);
        ck_assert_uint_eq(n->sent[1], i + 1);
        if (i)
            ck_assert_ptr_null(net_last(n, 1, IT_RTMFP_EV_FAILED));
    }
    net_run(n, 95 * IT_SEC - 1);
    ck_assert_ptr_null(net_last(n, 1, IT_RTMFP_EV_FAILED));
    net_run(n, 200 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_FAILED);
    ck_assert(e && e->at == 95 * IT_SEC && e->ev.cause == IT_RTMFP_CAUSE_TIMEOUT);
    ck_assert_uint_eq(n->sent[1], 12);
}
END_TEST

START_TEST(every_candidate_is_asked_and_the_first_answer_wins_whatever_its_source)
{
    it_addr at[3] = {nobody, n->outer[0], stranger};
    net_start(n, 0);
    net_start(n, 1);
    net_connect_at(n, 1, 0, at, 3);
    n->outer[0].port = 7; /* its answer comes from elsewhere */
    net_drain_all(n);
    ck_assert_uint_eq(n->sent[1], 3);
    n->outer[0].port = 1935;
    net_run(n, NET_DELAY);
    n->outer[0].port = 1935;
    net_run(n, IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
}
END_TEST

START_TEST(addresses_that_no_host_has_are_left_out)
{
    it_addr bad[4] = {kit_addr("224.0.0.1:1"), kit_addr("0.0.0.0:1"), kit_addr("192.0.2.1:0"), kit_addr("[ff02::1]:1")};
    uint8_t epd[IT_RTMFP_PRINT_EPD] = {33, 15};
    uint32_t s = 0;
    net_start(n, 1);
    ck_assert_int_eq(it_rtmfp_connect(n->end[1], 0, it_bytes_of(epd, sizeof epd), bad, 4, &s), IT_ERR_RANGE);
    ck_assert_int_eq(it_rtmfp_connect(n->end[1], 0, it_bytes_of(epd, 3), &nobody, 1, &s), IT_ERR_RANGE);
    ck_assert_int_eq(it_rtmfp_connect(n->end[1], 0, it_bytes_of(epd, sizeof epd), &nobody, 1, &s), 0);
}
END_TEST

START_TEST(there_are_as_many_sessions_as_were_allowed)
{
    uint8_t epd[IT_RTMFP_PRINT_EPD] = {33, 15};
    uint32_t s = 0;
    n->cfg[1].sessions = 2;
    net_start(n, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(it_rtmfp_connect(n->end[1], 0, it_bytes_of(epd, sizeof epd), &nobody, 1, &s),
                         i < 2 ? 0 : IT_ERR_FULL);
}
END_TEST

/* A chunk to the opening session of end 1, with its tag. */
static it_bytes tag_of(int i)
{
    for (uint32_t k = 0; k < n->end[i]->slots; k++)
        if (n->end[i]->slot[k])
            return it_bytes_of(n->end[i]->slot[k]->opening->tag, IT_RTMFP_TAG);
    ck_abort();
}

static void redirect(it_addr from, it_bytes tag, const it_rtmfp_addr *a, size_t count)
{
    uint8_t room[1024];
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_redirect_put(&b, tag, a, count);
    net_startup(n, 1, from, 0, kit_buf(&b));
}

START_TEST(a_redirect_adds_candidates_at_once_up_to_24)
{
    it_rtmfp_addr a[40];
    for (uint16_t i = 0; i < 40; i++)
        a[i] = (it_rtmfp_addr){it_addr_of(it_ip4(0xc6336464), (uint16_t)(100 + i)), IT_RTMFP_ORIGIN_OBSERVED};
    a[0].addr = n->outer[0];
    a[1].addr = kit_addr("239.1.1.1:1"); /* RFC 7016 section 5: nobody is flooded */
    net_start(n, 0);
    net_start(n, 1);
    net_connect_at(n, 1, 0, &nobody, 1);
    net_drain_all(n);
    redirect(nobody, it_bytes_str("another tag"), a, 40); /* ignored: section 3.5.1.1.1 */
    ck_assert_uint_eq(n->sent[1], 1);
    redirect(nobody, tag_of(1), a, 40);
    ck_assert_uint_eq(n->sent[1], IT_RTMFP_CANDIDATES);
    redirect(nobody, tag_of(1), a + 30, 10);
    ck_assert_uint_eq(n->sent[1], IT_RTMFP_CANDIDATES);
    net_run(n, IT_SEC - 1);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
    uint64_t before = n->sent[1];
    redirect(nobody, it_bytes_of("0123456789abcdef", 16), a + 30, 10); /* and none is heard any more */
    ck_assert_uint_eq(n->sent[1], before);
}
END_TEST

/* RFC 7016 section 2.3.5. */
START_TEST(an_empty_redirect_means_its_source)
{
    net_start(n, 0);
    net_start(n, 1);
    net_connect_at(n, 1, 0, &nobody, 1);
    redirect(n->outer[0], tag_of(1), NULL, 0);
    net_run(n, IT_SEC - 1);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
}
END_TEST

static void rhello(it_bytes tag, it_bytes cert)
{
    uint8_t room[1024];
    it_buf b;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_rhello_put(&b, tag, it_bytes_str("cookie"), cert);
    net_startup(n, 1, stranger, 0, kit_buf(&b));
}

START_TEST(an_rhello_that_does_not_fit_is_ignored)
{
    net_start(n, 0);
    net_start(n, 1);
    net_start(n, 2);
    net_connect(n, 1, 0);
    net_drain_all(n);
    rhello(it_bytes_str("another tag"), n->end[0]->id.cert.raw);
    rhello(tag_of(1), n->end[2]->id.cert.raw); /* not the one that was asked for */
    rhello(tag_of(1), it_bytes_str("\x01\x15"));
    ck_assert_uint_eq(n->sent[1], 1);
    rhello(tag_of(1), n->end[0]->id.cert.raw);
    ck_assert_uint_eq(n->sent[1], 2); /* the IIKeying */
    uint64_t chunks = it_rtmfp_stats_get(n->end[1]).chunks;
    rhello(tag_of(1), n->end[0]->id.cert.raw); /* a second one */
    ck_assert_uint_eq(n->sent[1], 2);
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[1]).chunks, chunks + 1);
}
END_TEST

START_TEST(without_a_common_group_it_goes_on_asking)
{
    n->cfg[0].identity.groups = IT_RTMFP_GROUP_14;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, 96 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_FAILED), 1);
    ck_assert_uint_eq(n->sent[1], 12);
}
END_TEST

/* RFC 7425 section 4.6.4. */
START_TEST(an_end_that_requires_macs_opens_no_session_without)
{
    n->cfg[_i].policy.mac = IT_RTMFP_REQUIRE;
    n->cfg[!_i].policy.mac = IT_RTMFP_REFUSE;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, 96 * IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_FAILED), 1);
    ck_assert_ptr_null(net_last(n, 1, IT_RTMFP_EV_OPEN));
}
END_TEST

/* RFC 7016 section 3.5.1.1.1. */
START_TEST(a_second_session_to_the_same_peer_gives_way_to_the_first)
{
    net_pair(n);
    uint32_t first = net_session(n, 1), second = net_connect(n, 1, 0);
    net_run(n, n->now + IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_DUPLICATE);
    ck_assert(e && e->ev.session == second && e->ev.other == first);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
}
END_TEST

static int lost_rikeyings;

static bool lose_rikeying(net *w, const net_packet *p)
{
    it_rtmfp_keys k;
    it_bytes plain;
    uint8_t room[IT_IO_DGRAM_MAX];
    uint32_t sid;
    (void)w;
    ck_assert_int_eq(it_rtmfp_keys_init_default(&k), 0);
    it_bytes d = it_bytes_of(p->data, p->n);
    bool startup = it_rtmfp_open(&k, d, room, sizeof room, &plain) == 0;
    it_rtmfp_keys_wipe(&k);
    if (startup && it_rtmfp_sid(d, &sid) && sid && lost_rikeyings > 0) {
        lost_rikeyings--;
        return false;
    }
    return true;
}

/* The responder recognises the IIKeying when it comes again, and answers with the same bytes. */
START_TEST(a_lost_rikeying_comes_again)
{
    lost_rikeyings = 3;
    n->keep = lose_rikeying;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, 20 * IT_SEC);
    ck_assert_int_eq(lost_rikeyings, 0);
    ck_assert_uint_eq(net_count(n, 0, IT_RTMFP_EV_OPEN), 1);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_OPEN);
    ck_assert(e && e->at == 7500 * IT_MS + 4 * NET_DELAY);
}
END_TEST

/* Packets that overtake the RIKeying are not lost. */
START_TEST(what_overtakes_the_rikeying_is_taken_when_it_comes)
{
    lost_rikeyings = 1;
    n->keep = lose_rikeying;
    n->cfg[0].keepalive = 300 * IT_MS; /* end 0 is open at once, and pings before end 1 is */
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, 10 * IT_SEC);
    const net_event *e = net_last(n, 1, IT_RTMFP_EV_OPEN);
    ck_assert(e && e->at == IT_SEC + 4 * NET_DELAY);
    ck_assert_ptr_null(net_last(n, 0, IT_RTMFP_EV_CLOSED));
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[1]).unknown, 0);
}
END_TEST

/* Those that wait are 16 at most; anybody may send them, who has seen the session ID. */
START_TEST(no_more_than_sixteen_packets_wait_for_the_rikeying)
{
    uint8_t junk[52] = {0};
    lost_rikeyings = 1000;
    n->keep = lose_rikeying;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, IT_SEC / 2);
    const it_rtmfp_session *s = n->end[1]->slot[0];
    ck_assert_int_eq(s->state, IT_RTMFP_KEYING_SENT);
    for (int i = 0; i < 40; i++) {
        junk[8] = (uint8_t)i; /* the scrambled session ID is its own where the blocks are zeros (section 2.2.2) */
        uint32_t sid = s->rx_sid ^ it_get32(junk + 8);
        junk[0] = (uint8_t)(sid >> 24);
        junk[1] = (uint8_t)(sid >> 16);
        junk[2] = (uint8_t)(sid >> 8);
        junk[3] = (uint8_t)sid;
        net_give(n, 1, n->outer[0], it_bytes_of(junk, sizeof junk));
    }
    ck_assert_uint_eq(s->opening->early_n, IT_RTMFP_EARLY);
}
END_TEST

/* RFC 7016 section 3.5.1.2: the address that the cookie was made for is not the one that comes back. */
START_TEST(a_cookie_is_changed_for_an_initiator_that_has_moved)
{
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, NET_DELAY + 1);
    net_run(n, 2 * NET_DELAY - 1);
    ck_assert_uint_eq(n->flights, 1); /* the RHello */
    n->flight[0].to.port = 4000;
    n->outer[1].port = 4000;
    net_run(n, IT_SEC);
    ck_assert_uint_eq(net_count(n, 1, IT_RTMFP_EV_OPEN), 1);
    ck_assert(net_last(n, 1, IT_RTMFP_EV_OPEN)->at == 6 * NET_DELAY);
    ck_assert_uint_eq(it_rtmfp_stats_get(n->end[0]).cookies, 0);
    ck_assert(it_addr_eq(net_info(n, 0).path.remote, n->outer[1]));
}
END_TEST

/* The same section: nothing proves it, so only one that knows the cookie is believed, and once. */
START_TEST(a_cookie_change_is_believed_once_and_from_who_knows_the_cookie)
{
    uint8_t room[512];
    it_buf b;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_drain_all(n);
    rhello(tag_of(1), n->end[0]->id.cert.raw);
    uint32_t sid = n->end[1]->slot[0]->rx_sid;
    uint64_t sent = n->sent[1];
    static const struct {
        const char *old, *fresh;
        uint64_t sends;
    } ROWS[] = {{"other", "fresh", 0}, {"cookie", "fresh", 1}, {"fresh", "again", 1}, {"cookie", "again", 1}};
    for (int i = 0; i < 4; i++) {
        it_buf_init(&b, room, sizeof room);
        it_rtmfp_cookie_change_put(&b, it_bytes_str(ROWS[i].old), it_bytes_str(ROWS[i].fresh));
        net_startup(n, 1, stranger, sid, kit_buf(&b));
        ck_assert_uint_eq(n->sent[1], sent + ROWS[i].sends);
    }
}
END_TEST

/* RFC 7425 section 4.6.2, and everything else that is wrong with an RIKeying: ignored, and a true one is taken. */
START_TEST(a_forged_rikeying_is_ignored_and_the_true_one_opens)
{
    static const char *const BAD[] = {"00000005 04 030d0201", "00000005 03 021d02", "00000000 00", "0000"};
    uint8_t room[512], payload[64];
    it_buf b;
    lost_rikeyings = 1;
    n->keep = lose_rikeying;
    net_start(n, 0);
    net_start(n, 1);
    net_connect(n, 1, 0);
    net_run(n, IT_SEC - 1);
    for (int i = 0; i < 4; i++) {
        it_buf_init(&b, room, sizeof room);
        it_rtmfp_plain_put(&b, IT_RTMFP_RIKEYING, kit_hex(payload, BAD[i]));
        net_startup(n, 1, n->outer[0], n->end[1]->slot[0]->rx_sid, kit_buf(&b));
    }
    ck_assert_ptr_null(net_last(n, 1, IT_RTMFP_EV_OPEN));
    net_run(n, 3 * IT_SEC);
    ck_assert_ptr_nonnull(net_last(n, 1, IT_RTMFP_EV_OPEN));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_session_opens_in_two_round_trips);
    tcase_add_loop_test(t, every_kind_of_certificate_opens_in_every_mode_of_integrity, 0, 48);
    tcase_add_loop_test(t, it_opens_over_a_network_that_loses_a_third_and_reorders, 0, 40);
    tcase_add_test(t, an_ihello_is_repeated_on_its_schedule_and_given_up_after_95_s);
    tcase_add_test(t, every_candidate_is_asked_and_the_first_answer_wins_whatever_its_source);
    tcase_add_test(t, addresses_that_no_host_has_are_left_out);
    tcase_add_test(t, there_are_as_many_sessions_as_were_allowed);
    tcase_add_test(t, a_redirect_adds_candidates_at_once_up_to_24);
    tcase_add_test(t, an_empty_redirect_means_its_source);
    tcase_add_test(t, an_rhello_that_does_not_fit_is_ignored);
    tcase_add_test(t, without_a_common_group_it_goes_on_asking);
    tcase_add_loop_test(t, an_end_that_requires_macs_opens_no_session_without, 0, 2);
    tcase_add_test(t, a_second_session_to_the_same_peer_gives_way_to_the_first);
    tcase_add_test(t, a_lost_rikeying_comes_again);
    tcase_add_test(t, no_more_than_sixteen_packets_wait_for_the_rikeying);
    tcase_add_test(t, what_overtakes_the_rikeying_is_taken_when_it_comes);
    tcase_add_test(t, a_cookie_is_changed_for_an_initiator_that_has_moved);
    tcase_add_test(t, a_cookie_change_is_believed_once_and_from_who_knows_the_cookie);
    tcase_add_test(t, a_forged_rikeying_is_ignored_and_the_true_one_opens);
}

int main(void)
{
    return kit_main("rtmfp/initiate", add);
}
