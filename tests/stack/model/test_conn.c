/* stack/model/conn.c: what two ends over a plain pipe show of their connection. */
#include "stack/model/conn.h"

#include "stack/crypto/ossl.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct side {
    it_evq events;
    it_conn c;
    int n[IT_EV_COUNT];
    it_model_event last[IT_EV_COUNT];
    int after_end; /* events behind death or closed */
} side;

static it_alloc alloc;
static it_dtls_shared *shared;
static it_dtls_cert *cert[2];
static side s[2];
static it_time now;
static bool cut;

static const it_conn_path PATH = {
    .flow = 4, .path = IT_PATH_DIRECT_UDP, .local_kind = IT_ICE_HOST, .remote_kind = IT_ICE_SRFLX};
static const it_conn_path DETOUR = {
    .flow = 5, .path = IT_PATH_RELAY_UDP, .local_kind = IT_ICE_RELAY, .remote_kind = IT_ICE_SRFLX};

/* Gives end |i| a DTLS channel to whom |print| is of; end 0 is the client. */
static void carry(int i, const uint8_t print[IT_SHA256_SIZE])
{
    uint8_t prints[1][IT_SHA256_SIZE];
    it_channel_dtls_cfg how = {.alloc = &alloc, .shared = shared, .cert = cert[i], .client = i == 0, .n_prints = 1};
    memcpy(prints[0], print, sizeof prints[0]);
    how.prints = (const uint8_t(*)[IT_SHA256_SIZE])prints;
    it_rng_init(&how.rng, 1, i ? "bob/dtls" : "alice/dtls");
    ck_assert_int_eq(it_conn_carry(&s[i].c, it_channel_dtls(&how, 0)), 0);
}

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&alloc);
    now = 0;
    cut = false;
    shared = it_dtls_shared_new(&alloc);
    memset(s, 0, sizeof s);
    for (int i = 0; i < 2; i++) {
        it_rng rng;
        it_rng_init(&rng, 1, i ? "b" : "a");
        cert[i] = it_dtls_cert_new(&alloc, &rng, 0);
        it_evq_init(&s[i].events, &alloc);
        it_conn_cfg cfg = {.media = i};
        ck_assert_int_eq(it_timers_named(&cfg.timers, "rfc"), 0);
        it_conn_init(&s[i].c, &cfg, &s[i].events);
    }
    for (int i = 0; i < 2; i++)
        carry(i, it_dtls_cert_fingerprint(cert[1 - i]));
}

static void teardown(void)
{
    for (int i = 0; i < 2; i++) {
        it_conn_fini(&s[i].c);
        it_evq_fini(&s[i].events);
        it_dtls_cert_free(cert[i]);
    }
    it_dtls_shared_free(shared);
    ck_assert_int_eq(alloc.live, 0);
    it_ossl_fini();
}

static void note(side *x, int number)
{
    it_model_event ev;
    int media;
    while (it_evq_take(&x->events, &ev, &media) > 0) {
        ck_assert_int_eq(media, number);
        ck_assert_int_eq(ev.at, now);
        if (x->n[IT_EV_DEATH] || x->n[IT_EV_CLOSED])
            x->after_end += ev.kind != IT_EV_SECRET;
        x->n[ev.kind]++;
        x->last[ev.kind] = ev;
    }
}

/* Datagrams pass at once, both ways, until none is left. */
static void exchange(void)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    bool any = true;
    while (any) {
        any = false;
        for (int i = 0; i < 2; i++) {
            note(&s[i], i);
            while (it_conn_output(&s[i].c, now, &io, buf, sizeof buf) > 0) {
                ck_assert_int_eq((int)io.flow, s[i].c.path.flow);
                any = true;
                if (!cut && !it_conn_over(&s[1 - i].c)) {
                    ck_assert_int_eq(it_conn_input(&s[1 - i].c, now, &io), 0);
                    (void)it_conn_pump(&s[1 - i].c, now);
                    note(&s[1 - i], 1 - i);
                }
            }
        }
    }
}

static void open_both(void)
{
    for (int i = 1; i >= 0; i--) {
        it_conn_use(&s[i].c, now, &PATH);
        (void)it_conn_settle(&s[i].c, now);
    }
    exchange();
    ck_assert_int_eq(s[0].n[IT_EV_OPEN], 1);
    ck_assert_int_eq(s[1].n[IT_EV_OPEN], 1);
}

START_TEST(without_a_path_nothing_leaves)
{
    exchange();
    ck_assert_int_eq(s[0].c.has_path, 0);
    ck_assert_int_eq(it_conn_send(&s[0].c, now, 0, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_conn_path_kind(&s[0].c), IT_PATH_NONE);
}
END_TEST

START_TEST(it_opens_when_the_handshake_is_done_and_the_path_is_chosen)
{
    it_conn_use(&s[1].c, now, &PATH);
    it_conn_use(&s[0].c, now, &PATH);
    exchange();
    ck_assert(s[0].c.channel_open && s[1].c.channel_open);
    ck_assert_int_eq(s[0].n[IT_EV_OPEN], 0); /* a path to try is not yet the path */
    now = IT_SEC;
    ck_assert_int_eq(it_conn_settle(&s[0].c, now), IT_CONN_OPENED);
    ck_assert_int_eq(it_conn_settle(&s[0].c, now), 0);
    note(&s[0], 0);
    ck_assert_int_eq(s[0].n[IT_EV_OPEN], 1);
    ck_assert_int_eq(s[0].last[IT_EV_OPEN].path, IT_PATH_DIRECT_UDP);
    ck_assert_int_eq(s[0].last[IT_EV_OPEN].remote_kind, IT_ICE_SRFLX);
    ck_assert_int_eq(it_conn_path_kind(&s[0].c), IT_PATH_DIRECT_UDP);
}
END_TEST

START_TEST(secrets_come_before_opening)
{
    open_both();
    ck_assert_int_gt(s[0].n[IT_EV_SECRET], 0);
}
END_TEST

START_TEST(a_failover_is_told_only_of_an_open_connection)
{
    it_conn_use(&s[0].c, now, &DETOUR);
    it_conn_failover(&s[0].c, now, IT_PATH_NONE);
    note(&s[0], 0);
    ck_assert_int_eq(s[0].n[IT_EV_FAILOVER], 0);
    open_both();
    it_conn_use(&s[0].c, now, &DETOUR);
    it_conn_failover(&s[0].c, now, IT_PATH_DIRECT_UDP);
    exchange();
    ck_assert_int_eq(s[0].n[IT_EV_FAILOVER], 1);
    ck_assert_int_eq(s[0].last[IT_EV_FAILOVER].old_path, IT_PATH_DIRECT_UDP);
    ck_assert_int_eq(s[0].last[IT_EV_FAILOVER].path, IT_PATH_RELAY_UDP);
}
END_TEST

START_TEST(messages_have_their_limits)
{
    static uint8_t big[IT_DTLS_DATA_MAX + 1];
    open_both();
    ck_assert_int_eq(it_conn_send(&s[0].c, now, 0, it_bytes_of(big, sizeof big)), IT_ERR_TOOBIG);
    ck_assert_int_eq(it_conn_send(&s[0].c, now, 0, it_bytes_of(big, IT_DTLS_DATA_MAX - 1)), 0);
    exchange();
    ck_assert_int_eq(s[1].n[IT_EV_MESSAGE], 1);
}
END_TEST

/* Judges silence of |x| with one check, sent at |unanswered|, that waits. */
static bool live(side *x, it_time unanswered)
{
    return it_conn_live(&x->c, now, &(it_conn_checks){unanswered, unanswered, IT_NEVER});
}

START_TEST(a_stall_begins_two_seconds_after_a_check_and_ends_with_a_sign_of_life)
{
    open_both();
    it_conn_rtt(&s[0].c, 60 * IT_MS);
    now = 5 * IT_SEC;
    ck_assert(!live(&s[0], 5 * IT_SEC));
    now = 7 * IT_SEC - 1;
    ck_assert(!live(&s[0], 5 * IT_SEC));
    now = 7 * IT_SEC;
    ck_assert(live(&s[0], 5 * IT_SEC));
    ck_assert(!live(&s[0], 5 * IT_SEC));
    ck_assert_int_eq(s[0].c.state, IT_STATE_STALLED);
    note(&s[0], 0);
    now = 8 * IT_SEC;
    ck_assert_int_eq(it_conn_alive(&s[0].c, now, 0), IT_CONN_RESUMED);
    ck_assert_int_eq(it_conn_alive(&s[0].c, now, 0), 0);
    note(&s[0], 0);
    ck_assert_int_eq(s[0].n[IT_EV_STALLED], 1);
    ck_assert_int_eq(s[0].n[IT_EV_RESUMED], 1);
    ck_assert_int_eq(s[0].c.state, IT_STATE_OPEN);
}
END_TEST

/* The opening measures the round trip; a late answer is asked for again, and what the far side says to that is a sign
 * of life and a sample. */
START_TEST(an_answer_that_is_late_is_asked_for_inside_the_channel)
{
    open_both();
    ck_assert(!live(&s[0], IT_NEVER));
    ck_assert_uint_eq(s[0].c.stats.questions, 1);
    exchange();
    it_conn_rtt(&s[0].c, 60 * IT_MS); /* no time passed in exchange() */
    now = 5 * IT_SEC;
    ck_assert(!live(&s[0], 5 * IT_SEC));
    ck_assert_uint_eq(s[0].c.stats.questions, 1);
    now += 160 * IT_MS;
    ck_assert(!live(&s[0], 5 * IT_SEC));
    ck_assert_uint_eq(s[0].c.stats.questions, 2);
    now += 20 * IT_MS;
    exchange();
    ck_assert_int_eq(s[0].c.live.last_rx, now);
    ck_assert_int_eq(s[0].c.live.rtt, (7 * 60 + 20) * IT_MS / 8);
    ck_assert_int_eq(s[1].c.live.last_rx, now); /* the question is a sign of life to whom it is asked */
    now += IT_SEC;
    ck_assert(!live(&s[0], 5 * IT_SEC)); /* answered another way */
    ck_assert_uint_eq(s[0].c.stats.questions, 2);
    ck_assert_uint_eq(s[0].c.flow[0].sent + s[1].c.flow[0].received, 0); /* no datagrams of the application */
    ck_assert_int_eq(s[0].n[IT_EV_STALLED] + s[1].n[IT_EV_MESSAGE] + s[1].n[IT_EV_PEER], 0);
}
END_TEST

START_TEST(death_comes_once_and_nothing_after_it)
{
    open_both();
    it_conn_die(&s[0].c, now, IT_REASON_CONSENT_EXPIRED, "why");
    it_conn_die(&s[0].c, now, IT_REASON_SECURITY, "again");
    it_conn_close(&s[0].c, now);
    ck_assert_int_eq(it_conn_alive(&s[0].c, now, 0), 0);
    ck_assert_int_eq(it_conn_send(&s[0].c, now, 0, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_conn_send(&s[1].c, now, 0, it_bytes_str("x")), 0);
    exchange();
    ck_assert_int_eq(s[0].n[IT_EV_DEATH], 1);
    ck_assert_int_eq(s[0].last[IT_EV_DEATH].reason, IT_REASON_CONSENT_EXPIRED);
    ck_assert_int_eq(s[0].after_end, 0);
    ck_assert_int_eq(it_conn_next(&s[0].c), IT_NEVER);
    ck_assert_int_eq(it_conn_path_kind(&s[0].c), IT_PATH_NONE);
}
END_TEST

START_TEST(a_close_reaches_the_far_side)
{
    open_both();
    it_conn_close(&s[0].c, now);
    exchange();
    ck_assert_int_eq(s[0].n[IT_EV_CLOSED], 1);
    ck_assert_int_eq(s[1].n[IT_EV_CLOSED], 1);
    ck_assert_int_eq(s[1].c.state, IT_STATE_CLOSED);
    ck_assert_int_eq(s[0].after_end + s[1].after_end, 0);
}
END_TEST

START_TEST(a_wrong_fingerprint_is_security_even_before_opening)
{
    uint8_t print[IT_SHA256_SIZE];
    it_conn_fini(&s[0].c);
    memcpy(print, it_dtls_cert_fingerprint(cert[1]), sizeof print);
    print[0] ^= 1;
    carry(0, print);
    it_conn_use(&s[1].c, now, &PATH);
    it_conn_use(&s[0].c, now, &PATH);
    exchange();
    ck_assert_int_eq(s[0].last[IT_EV_DEATH].reason, IT_REASON_SECURITY);
    ck_assert_int_eq(s[0].n[IT_EV_DEATH], 1);
}
END_TEST

START_TEST(voice_waits_for_a_path_and_is_not_made_up_for)
{
    s[0].c.cfg.voice = true;
    open_both();
    it_conn_lose(&s[0].c);
    for (now = 0; now < IT_SEC; now += IT_VOICE_INTERVAL)
        it_conn_voice(&s[0].c, now);
    exchange();
    ck_assert_uint_eq(s[0].c.flow[0].voice_sent, 0);
    it_conn_use(&s[0].c, now, &PATH);
    it_conn_voice(&s[0].c, now);
    exchange();
    ck_assert_uint_eq(s[0].c.flow[0].voice_sent, 1);
    ck_assert_uint_eq(s[1].c.flow[0].rx.received, 1);
}
END_TEST

START_TEST(not_open_within_t_conn_is_death)
{
    it_conn_begin(&s[0].c, now);
    ck_assert_int_eq(it_conn_next(&s[0].c), 60 * IT_SEC);
    now = 60 * IT_SEC - 1;
    it_conn_expire(&s[0].c, now);
    ck_assert(!it_conn_over(&s[0].c));
    now = 60 * IT_SEC;
    it_conn_expire(&s[0].c, now);
    note(&s[0], 0);
    ck_assert_int_eq(s[0].last[IT_EV_DEATH].reason, IT_REASON_CONNECT_FAILED);
}
END_TEST

START_TEST(opening_stops_t_conn)
{
    for (int i = 0; i < 2; i++)
        it_conn_begin(&s[i].c, now);
    open_both();
    ck_assert_int_lt(it_conn_next(&s[0].c), 60 * IT_SEC);
    now = 60 * IT_SEC;
    it_conn_expire(&s[0].c, now);
    ck_assert(!it_conn_over(&s[0].c));
}
END_TEST

/* T_death counts from the last answer, and not at all once a path is chosen again. */
START_TEST(a_path_that_is_lost_is_death_t_death_after_its_last_answer)
{
    open_both();
    now = 10 * IT_SEC;
    (void)it_conn_answered(&s[0].c, now, now, 60 * IT_MS);
    now = 12 * IT_SEC;
    it_conn_lost(&s[0].c, now);
    now = 40 * IT_SEC - 1;
    it_conn_expire(&s[0].c, now);
    ck_assert(!it_conn_over(&s[0].c));
    it_conn_use(&s[0].c, now, &DETOUR);
    (void)it_conn_settle(&s[0].c, now);
    now = 40 * IT_SEC;
    it_conn_expire(&s[0].c, now);
    ck_assert(!it_conn_over(&s[0].c));
    it_conn_lost(&s[0].c, now); /* the last answer is long ago: at once, but not in the past */
    ck_assert_int_eq(s[0].c.death_by, now + 1);
    it_conn_expire(&s[0].c, ++now);
    note(&s[0], 0);
    ck_assert_int_eq(s[0].last[IT_EV_DEATH].reason, IT_REASON_CONSENT_EXPIRED);
}
END_TEST

START_TEST(an_answer_counts_once)
{
    open_both();
    now = 5 * IT_SEC;
    ck_assert(!live(&s[0], IT_SEC));
    now = 9 * IT_SEC;
    ck_assert(live(&s[0], IT_SEC));
    note(&s[0], 0);
    ck_assert_int_eq(it_conn_answered(&s[0].c, now, 0, 60 * IT_MS), 0);
    ck_assert_int_eq(it_conn_answered(&s[0].c, now, now, 60 * IT_MS), IT_CONN_RESUMED);
    note(&s[0], 0);
    now = 10 * IT_SEC;
    ck_assert_int_eq(it_conn_answered(&s[0].c, now, 9 * IT_SEC, 60 * IT_MS), 0);
    ck_assert_int_eq(s[0].c.live.last_rx, 9 * IT_SEC);
}
END_TEST

START_TEST(the_last_interface_ends_a_connection_that_has_no_other)
{
    it_conn_socket up = {7, true, {{0, 0}, 9}}, down = {7, false, {{0, 0}, 9}};
    open_both();
    s[1].c.cfg.alternatives = true;
    for (int i = 0; i < 2; i++) {
        it_conn_network(&s[i].c, now, &up, 2);
        it_conn_network(&s[i].c, now, &down, 1);
        ck_assert(!it_conn_over(&s[i].c));
        it_conn_network(&s[i].c, now, &down, 0);
        note(&s[i], i);
        ck_assert_int_eq(s[i].n[IT_EV_NETWORK], 3);
        ck_assert_int_eq(s[i].last[IT_EV_NETWORK].base.port, 9);
    }
    ck_assert_int_eq(s[0].last[IT_EV_DEATH].reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert(!it_conn_over(&s[1].c));
    it_conn_link_down(&s[1].c, now);
    now += 5 * IT_SEC;
    it_conn_expire(&s[1].c, now);
    note(&s[1], 1);
    ck_assert_int_eq(s[1].last[IT_EV_DEATH].reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
}
END_TEST

/* Both ends carry |n| media streams, all of them voice. */
static void share(int n)
{
    for (int i = 0; i < 2; i++) {
        it_channel channel = s[i].c.channel;
        it_conn_cfg cfg = s[i].c.cfg;
        cfg.flows = n;
        cfg.voice = (1u << n) - 1;
        it_conn_init(&s[i].c, &cfg, &s[i].events);
        ck_assert_int_eq(it_conn_carry(&s[i].c, channel), 0);
    }
}

START_TEST(streams_that_share_a_connection_are_told_apart)
{
    it_conn_stats x;
    share(3);
    open_both();
    ck_assert_int_eq(it_conn_send(&s[0].c, now, 2, it_bytes_str("third")), 0);
    exchange();
    ck_assert_int_eq(s[1].last[IT_EV_MESSAGE].part, 3);
    for (now = 0; now < IT_SEC; now += IT_VOICE_INTERVAL)
        it_conn_voice(&s[0].c, now);
    exchange();
    for (int f = 0; f < 3; f++) {
        it_conn_get_stats(&s[1].c, f, &x);
        ck_assert_uint_eq(x.voice_received, 50);
        ck_assert_uint_eq(x.received, f == 2 ? 51 : 50);
        ck_assert_uint_eq(x.lost + x.duplicate, 0);
    }
}
END_TEST

START_TEST(a_stream_ends_alone_and_its_silence_counts_no_more)
{
    share(2);
    for (int f = 0; f < 2; f++)
        it_conn_expect(&s[1].c, f);
    open_both();
    it_conn_close_flow(&s[0].c, now, 0);
    it_conn_close_flow(&s[0].c, now, 1);
    it_conn_close_flow(&s[0].c, now, 1); /* once is enough */
    exchange();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(s[i].n[IT_EV_CLOSED], 2);
        ck_assert_int_eq(s[i].last[IT_EV_CLOSED].part, 2);
        ck_assert_int_eq(s[i].last[IT_EV_CLOSED].by, i ? IT_CLOSED_REMOTE : IT_CLOSED_LOCAL);
        ck_assert_int_eq(s[i].c.state, IT_STATE_OPEN);
        ck_assert_int_eq(it_conn_send(&s[i].c, now, 0, it_bytes_str("x")), IT_ERR_STATE);
    }
    it_conn_checks none = {IT_NEVER, IT_NEVER, IT_NEVER};
    now += 10 * IT_SEC;
    ck_assert(!it_conn_live(&s[1].c, now, &none));
}
END_TEST

START_TEST(a_stream_beyond_those_there_are_is_no_datagram_of_ours)
{
    open_both();
    s[0].c.cfg.flows = 2; /* only the sender takes itself for one of several */
    ck_assert_int_eq(it_conn_send(&s[0].c, now, 1, it_bytes_str("x")), 0);
    exchange();
    ck_assert_int_eq(s[1].n[IT_EV_MESSAGE], 0);
    ck_assert_int_eq(s[1].n[IT_EV_PEER], 1);
    it_conn_close_flow(&s[0].c, now, 0); /* a goodbye to who has one stream alone */
    exchange();
    ck_assert_int_eq(s[1].n[IT_EV_CLOSED], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/conn");
    TCase *tc = tcase_create("vocabulary");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, without_a_path_nothing_leaves);
    tcase_add_test(tc, it_opens_when_the_handshake_is_done_and_the_path_is_chosen);
    tcase_add_test(tc, secrets_come_before_opening);
    tcase_add_test(tc, a_failover_is_told_only_of_an_open_connection);
    tcase_add_test(tc, messages_have_their_limits);
    tcase_add_test(tc, a_stall_begins_two_seconds_after_a_check_and_ends_with_a_sign_of_life);
    tcase_add_test(tc, an_answer_that_is_late_is_asked_for_inside_the_channel);
    tcase_add_test(tc, death_comes_once_and_nothing_after_it);
    tcase_add_test(tc, a_close_reaches_the_far_side);
    tcase_add_test(tc, a_wrong_fingerprint_is_security_even_before_opening);
    tcase_add_test(tc, voice_waits_for_a_path_and_is_not_made_up_for);
    tcase_add_test(tc, not_open_within_t_conn_is_death);
    tcase_add_test(tc, opening_stops_t_conn);
    tcase_add_test(tc, a_path_that_is_lost_is_death_t_death_after_its_last_answer);
    tcase_add_test(tc, an_answer_counts_once);
    tcase_add_test(tc, the_last_interface_ends_a_connection_that_has_no_other);
    tcase_add_test(tc, streams_that_share_a_connection_are_told_apart);
    tcase_add_test(tc, a_stream_ends_alone_and_its_silence_counts_no_more);
    tcase_add_test(tc, a_stream_beyond_those_there_are_is_no_datagram_of_ours);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
