/* stack/e/media.c: sessions on permitted addresses: opening, moving, lapsing, dying. */
#include "tests/stack/e/pair.h"

static pair *p;

static void setup(void)
{
    p = pair_new(NULL);
}

static void teardown(void)
{
    pair_free(p);
}

static bool nothing_passes(const packet *q)
{
    (void)q;
    return false;
}

static it_e_media to_b(void)
{
    it_e_media m = {.to = B1, .client = true, .remote_kind = IT_ICE_HOST};
    memcpy(m.fingerprint, it_dtls_cert_fingerprint(p->cert[1]), IT_SHA256_SIZE);
    return m;
}

static it_e_media to_a(void)
{
    it_e_media m = {.to = A1, .remote_kind = IT_ICE_HOST};
    memcpy(m.fingerprint, it_dtls_cert_fingerprint(p->cert[0]), IT_SHA256_SIZE);
    return m;
}

/* Both ends meet and open a session, number 0 at both. */
static void open_both(bool voice)
{
    meet(p);
    it_e_media a = to_a(), b = to_b();
    a.voice = b.voice = a.far_voice = b.far_voice = voice;
    ck_assert_int_eq(it_e_open_media(p->b.e, p->now, &a), 0);
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), 0);
    run(p, p->now + IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_OPEN, 0), 1);
    ck_assert_int_eq(count(&p->b, IT_EV_OPEN, 0), 1);
}

/* Consent for |s| seconds: both ask each other every four. */
static void consent_for(int s)
{
    for (it_time until = p->now + s * IT_SEC; p->now < until;) {
        ck_assert_int_eq(test_b(p, B1), 0);
        ck_assert_int_eq(test_a(p, A1), 0);
        run(p, p->now + 4 * IT_SEC);
    }
}

/* H-KE3: it fails immediately. */
START_TEST(without_a_success_it_fails_at_once_and_nothing_leaves)
{
    it_e_media m = to_b();
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &m), IT_ERR_PERM);
    int events = p->a.n_log;
    ck_assert_int_eq(test_a(p, A1), 0); /* bob asks and is answered: still none of ours */
    run(p, IT_SEC);
    int sent = p->a.n_sent;
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &m), IT_ERR_PERM);
    ck_assert(!drain(p, &p->a));
    ck_assert_int_eq(p->a.n_sent, sent);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
    ck_assert_int_ge(p->a.n_log, events);
    ck_assert_int_eq(it_e_media_state(p->a.e, 0), IT_STATE_NEW);
}
END_TEST

START_TEST(it_opens_and_carries_messages_both_ways)
{
    open_both(false);
    const told *t = last(&p->a, IT_EV_OPEN, 0);
    ck_assert_int_eq(t->ev.path, IT_PATH_DIRECT_UDP);
    ck_assert_int_eq(t->ev.local_kind, IT_ICE_HOST);
    ck_assert_int_eq(t->ev.remote_kind, IT_ICE_HOST);
    ck_assert(it_addr_eq(t->ev.local, A1));
    ck_assert(it_addr_eq(t->ev.remote, B1));
    ck_assert_int_eq(it_e_media_path(p->a.e, 0), IT_PATH_DIRECT_UDP);
    ck_assert_int_eq(it_e_media_send(p->a.e, p->now, 0, it_bytes_str("ping")), 0);
    run(p, p->now + IT_SEC / 10);
    ck_assert_int_eq(it_e_media_send(p->b.e, p->now, 0, it_bytes_str("pong")), 0);
    run(p, p->now + IT_SEC / 10);
    ck_assert_mem_eq(last(&p->b, IT_EV_MESSAGE, 0)->data, "ping", 4);
    ck_assert_mem_eq(last(&p->a, IT_EV_MESSAGE, 0)->data, "pong", 4);
    ck_assert_int_eq(count(&p->a, IT_EV_SECRET, 0) > 0, 1);
}
END_TEST

START_TEST(voice_is_counted)
{
    it_conn_stats s;
    open_both(true);
    run(p, p->now + 4 * IT_SEC);
    ck_assert(it_e_media_stats(p->a.e, 0, &s));
    ck_assert_uint_ge(s.voice_received, 240);
    ck_assert_uint_eq(s.lost, 0);
    ck_assert(!it_e_media_stats(p->a.e, 1, &s));
}
END_TEST

/* The hello of the far side, which has proved to be there, overtakes our own opening: it must not cost a
 * retransmission. */
START_TEST(a_hello_before_the_session_is_kept)
{
    meet(p);
    it_e_media a = to_a(), b = to_b();
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), 0);
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(it_e_open_media(p->b.e, p->now, &a), 0);
    run(p, p->now + 200 * IT_MS);
    ck_assert_int_eq(count(&p->a, IT_EV_OPEN, 0), 1);
}
END_TEST

START_TEST(a_strangers_hello_is_not_kept)
{
    meet(p);
    it_e_media a = to_a(), b = to_b();
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), 0);
    drain(p, &p->a);
    packet hello = p->a.sent[p->a.n_sent - 1];
    p->pass = nothing_passes;
    input(p, &p->b, 1, at("192.0.2.9:1000"), hello.data, hello.n);
    ck_assert_int_eq(it_e_open_media(p->b.e, p->now, &a), 0);
    int sent = p->b.n_sent;
    run(p, p->now + 200 * IT_MS);
    ck_assert_int_eq(p->b.n_sent, sent);
}
END_TEST

START_TEST(a_wrong_fingerprint_is_a_matter_of_security)
{
    meet(p);
    it_e_media a = to_a(), b = to_b();
    b.fingerprint[5] ^= 1;
    ck_assert_int_eq(it_e_open_media(p->b.e, p->now, &a), 0);
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), 0);
    run(p, p->now + IT_SEC);
    ck_assert_int_eq(last(&p->a, IT_EV_DEATH, 0)->ev.reason, IT_REASON_SECURITY);
    ck_assert_int_eq(count(&p->a, IT_EV_OPEN, 0), 0);
}
END_TEST

static void patient(it_e_cfg *cfg, int who)
{
    (void)who;
    cfg->expiry = 100 * IT_SEC;
}

START_TEST(nobody_there_is_a_failed_connect)
{
    pair_free(p);
    p = pair_new(patient);
    meet(p);
    it_e_media b = to_b();
    it_time start = p->now;
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), 0);
    run(p, start + 60 * IT_SEC - 1);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
    run(p, start + 70 * IT_SEC);
    ck_assert_int_eq(last(&p->a, IT_EV_DEATH, 0)->ev.reason, IT_REASON_CONNECT_FAILED);
    ck_assert_int_eq(last(&p->a, IT_EV_DEATH, 0)->ev.at, start + 60 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 1);
}
END_TEST

/* --- RFC 7675 --- */

START_TEST(it_dies_when_the_permission_lapses)
{
    open_both(false);
    it_time success = last(&p->a, IT_EV_SUCCESS, -1)->ev.at;
    run(p, success + 30 * IT_SEC - 1);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
    run(p, success + 40 * IT_SEC);
    const told *t = last(&p->a, IT_EV_DEATH, 0);
    ck_assert_int_eq(t->ev.reason, IT_REASON_CONSENT_EXPIRED);
    ck_assert_int_eq(t->ev.at, success + 30 * IT_SEC);
    ck_assert_int_eq(it_e_media_send(p->a.e, p->now, 0, it_bytes_str("x")), IT_ERR_STATE);
    int sent = p->a.n_sent;
    run(p, success + 100 * IT_SEC);
    ck_assert_int_eq(p->a.n_sent, sent); /* and is silent from then on */
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 1);
}
END_TEST

START_TEST(checks_that_are_answered_keep_it_alive)
{
    open_both(true);
    consent_for(120);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 0);
}
END_TEST

START_TEST(data_alone_is_no_consent)
{
    open_both(true); /* voice flows both ways all the time */
    run(p, p->now + 40 * IT_SEC);
    ck_assert_int_eq(last(&p->a, IT_EV_DEATH, 0)->ev.reason, IT_REASON_CONSENT_EXPIRED);
}
END_TEST

START_TEST(an_unanswered_check_is_a_stall_and_its_answer_the_end_of_it)
{
    open_both(false);
    run(p, 5 * IT_SEC);
    p->pass = nothing_passes;
    ck_assert_int_eq(test_b(p, B1), 0);
    run(p, 7 * IT_SEC - 1);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 0);
    run(p, 7 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 1);
    ck_assert_int_eq(it_e_media_state(p->a.e, 0), IT_STATE_STALLED);
    p->pass = NULL;
    run(p, 9 * IT_SEC); /* the fourth transmission is answered */
    ck_assert_int_eq(count(&p->a, IT_EV_RESUMED, 0), 1);
    ck_assert_int_eq(it_e_media_state(p->a.e, 0), IT_STATE_OPEN);
    run(p, 20 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 1);
}
END_TEST

static void quick(it_e_cfg *cfg, int who)
{
    (void)who;
    ck_assert_int_eq(it_timers_named(&cfg->timers, "pion"), 0); /* RTO 200 ms, T_stall 5 s */
}

START_TEST(a_check_that_timed_out_still_waits_for_its_answer)
{
    pair_free(p);
    p = pair_new(quick);
    open_both(false);
    run(p, 5 * IT_SEC);
    p->pass = nothing_passes;
    it_e_check c = ask_b(B1);
    c.tries = 1; /* over after 16 RTO, which is 3.2 s */
    ck_assert_int_eq(it_e_test(p->a.e, p->now, &c), 0);
    run(p, 10 * IT_SEC - 1);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 0);
    run(p, 10 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 1);
}
END_TEST

static void nervous(it_e_cfg *cfg, int who)
{
    (void)who;
    cfg->timers.stall = 400 * IT_MS; /* less than an RTO, and than the second in which rates are taken */
}

static int lost_checks;
static bool all_but_one(const packet *q)
{
    (void)q;
    return lost_checks++ > 0;
}

START_TEST(one_lost_check_is_no_stall_however_short_that_is)
{
    pair_free(p);
    p = pair_new(nervous);
    open_both(false);
    for (int i = 0; i < 20; i++) {
        run(p, (5 + i) * IT_SEC + i * 50 * IT_MS);
        p->pass = all_but_one;
        lost_checks = 0;
        ck_assert_int_eq(test_b(p, B1), 0);
        run(p, p->now + 900 * IT_MS);
        ck_assert_int_gt(lost_checks, 1);
        ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 0);
    }
}
END_TEST

START_TEST(an_authentic_end_takes_the_permission_back)
{
    open_both(false);
    it_e_media_close(p->b.e, p->now, 0);
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(count(&p->a, IT_EV_CLOSED, 0), 1);
    ck_assert_int_eq(say(p, B1, "x"), IT_ERR_PERM); /* RFC 7675 section 5.2 */
    ck_assert_int_eq(count(&p->b, IT_EV_CLOSED, 0), 1);
    run(p, p->now + 60 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
}
END_TEST

/* --- moving --- */

/* Gives alice a second interface and success from it. */
static void second(void)
{
    ck_assert_int_eq(it_e_add_base(p->a.e, p->now, 2, A2), 0);
    it_e_check c = ask_b(B1);
    c.from = A2;
    ck_assert_int_eq(it_e_test(p->a.e, p->now, &c), 0);
    run(p, p->now + 100 * IT_MS);
}

START_TEST(it_moves_only_to_what_has_succeeded)
{
    open_both(false);
    int sent = p->a.n_sent;
    ck_assert_int_eq(it_e_move(p->a.e, p->now, 0, B2, ANY, IT_ICE_HOST), IT_ERR_PERM);
    ck_assert_int_eq(it_e_move(p->a.e, p->now, 0, B1, A2, IT_ICE_HOST), IT_ERR_PERM);
    ck_assert_int_eq(it_e_move(p->a.e, p->now, 1, B1, ANY, IT_ICE_HOST), IT_ERR_NOTFOUND);
    ck_assert_int_eq(it_e_move(p->a.e, p->now, 0, B1, ANY, IT_ICE_HOST), 0); /* it is there */
    drain(p, &p->a);
    ck_assert_int_eq(p->a.n_sent, sent);
    ck_assert_int_eq(count(&p->a, IT_EV_FAILOVER, 0), 0);
}
END_TEST

START_TEST(a_move_is_one_failover_and_the_far_side_follows_by_the_check)
{
    open_both(false);
    second();
    ck_assert_int_eq(it_e_move(p->a.e, p->now, 0, B1, A2, IT_ICE_HOST), 0);
    ck_assert_int_eq(it_e_media_send(p->a.e, p->now, 0, it_bytes_str("moved")), 0);
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(count(&p->a, IT_EV_FAILOVER, 0), 1);
    ck_assert(it_addr_eq(last(&p->a, IT_EV_FAILOVER, 0)->ev.local, A2));
    ck_assert(it_addr_eq(p->a.sent[p->a.n_sent - 1].from, A2));
    ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, 0), 0); /* bob has not succeeded there himself */
    ck_assert_int_eq(it_e_move(p->b.e, p->now, 0, A2, ANY, IT_ICE_HOST), IT_ERR_PERM);
    ck_assert_int_eq(test_a(p, A2), 0);
    run(p, p->now + 2 * WIRE);
    ck_assert_mem_eq(last(&p->b, IT_EV_MESSAGE, 0)->data, "moved", 5); /* it waited for that */
    run(p, p->now + 100 * IT_MS);
    ck_assert_int_eq(it_e_move(p->b.e, p->now, 0, A2, ANY, IT_ICE_HOST), 0);
    ck_assert_int_eq(it_e_media_send(p->b.e, p->now, 0, it_bytes_str("back")), 0);
    run(p, p->now + 100 * IT_MS);
    ck_assert_mem_eq(last(&p->a, IT_EV_MESSAGE, 0)->data, "back", 4);
}
END_TEST

START_TEST(data_from_a_strangers_address_is_dropped)
{
    open_both(false);
    ck_assert_int_eq(it_e_media_send(p->a.e, p->now, 0, it_bytes_str("stolen")), 0);
    p->pass = nothing_passes;
    run(p, p->now + 10 * IT_MS);
    packet q = p->a.sent[p->a.n_sent - 1];
    input(p, &p->b, 1, at("192.0.2.9:1000"), q.data, q.n);
    ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, 0), 0);
    input(p, &p->b, 1, A1, q.data, q.n);
    ck_assert_int_eq(count(&p->b, IT_EV_MESSAGE, 0), 1);
}
END_TEST

/* --- the local interface --- */

START_TEST(the_only_interface_down_is_death_at_once)
{
    open_both(true);
    it_e_remove_base(p->a.e, p->now, 1);
    drain(p, &p->a);
    const told *t = last(&p->a, IT_EV_DEATH, 0);
    ck_assert_int_eq(t->ev.reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert_int_eq(t->ev.at, p->now);
    ck_assert_int_eq(count(&p->a, IT_EV_NETWORK, 0), 1);
}
END_TEST

static void two_interfaces(it_e_cfg *cfg, int who)
{
    cfg->alternatives = who == 0;
}

START_TEST(another_interface_has_five_seconds_to_take_over)
{
    pair_free(p);
    p = pair_new(two_interfaces);
    open_both(true);
    it_time gone = p->now;
    it_e_remove_base(p->a.e, p->now, 1);
    p->pass = nothing_passes;
    p->n_wire = 0;
    run(p, gone + 2 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_STALLED, 0), 1); /* no silent freeze meanwhile */
    run(p, gone + 5 * IT_SEC - 1);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
    run(p, gone + 10 * IT_SEC);
    ck_assert_int_eq(last(&p->a, IT_EV_DEATH, 0)->ev.reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert_int_eq(last(&p->a, IT_EV_DEATH, 0)->ev.at, gone + 5 * IT_SEC);
}
END_TEST

START_TEST(moved_in_time_it_lives_on)
{
    pair_free(p);
    p = pair_new(two_interfaces);
    open_both(true);
    it_time gone = p->now;
    it_e_remove_base(p->a.e, p->now, 1);
    second();
    ck_assert_int_eq(it_e_move(p->a.e, p->now, 0, B1, ANY, IT_ICE_HOST), 0);
    run(p, gone + 10 * IT_SEC);
    ck_assert_int_eq(count(&p->a, IT_EV_DEATH, 0), 0);
    ck_assert_int_eq(count(&p->a, IT_EV_FAILOVER, 0), 1);
}
END_TEST

START_TEST(sixteen_sessions_are_the_limit)
{
    meet(p);
    it_e_media b = to_b();
    for (int i = 0; i < IT_E_MEDIA_MAX; i++)
        ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), i);
    ck_assert_int_eq(it_e_open_media(p->a.e, p->now, &b), IT_ERR_FULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/e_media");
    TCase *open = tcase_create("H-KE3"), *consent = tcase_create("RFC 7675"), *move = tcase_create("moving"),
          *net = tcase_create("interfaces");
    TCase *all[] = {open, consent, move, net};
    tcase_add_test(open, without_a_success_it_fails_at_once_and_nothing_leaves);
    tcase_add_test(open, it_opens_and_carries_messages_both_ways);
    tcase_add_test(open, voice_is_counted);
    tcase_add_test(open, a_hello_before_the_session_is_kept);
    tcase_add_test(open, a_strangers_hello_is_not_kept);
    tcase_add_test(open, a_wrong_fingerprint_is_a_matter_of_security);
    tcase_add_test(open, nobody_there_is_a_failed_connect);
    tcase_add_test(open, sixteen_sessions_are_the_limit);
    tcase_add_test(consent, it_dies_when_the_permission_lapses);
    tcase_add_test(consent, checks_that_are_answered_keep_it_alive);
    tcase_add_test(consent, data_alone_is_no_consent);
    tcase_add_test(consent, an_unanswered_check_is_a_stall_and_its_answer_the_end_of_it);
    tcase_add_test(consent, a_check_that_timed_out_still_waits_for_its_answer);
    tcase_add_test(consent, one_lost_check_is_no_stall_however_short_that_is);
    tcase_add_test(consent, an_authentic_end_takes_the_permission_back);
    tcase_add_test(move, it_moves_only_to_what_has_succeeded);
    tcase_add_test(move, a_move_is_one_failover_and_the_far_side_follows_by_the_check);
    tcase_add_test(move, data_from_a_strangers_address_is_dropped);
    tcase_add_test(net, the_only_interface_down_is_death_at_once);
    tcase_add_test(net, another_interface_has_five_seconds_to_take_over);
    tcase_add_test(net, moved_in_time_it_lives_on);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tcase_add_checked_fixture(all[i], setup, teardown);
        tcase_set_timeout(all[i], 30);
        suite_add_tcase(s, all[i]);
    }
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
