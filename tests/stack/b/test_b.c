/* Model B end to end: opening, glare, blobs under bad luck, stalls and silence, death exactly once, refusals. */
#include "stack/ice/impl.h"
#include "tests/stack/b/pair.h"

static pair *P;

static void open_pair(uint64_t seed)
{
    P = pair_new(seed, NULL, NULL);
}

static void close_pair(void)
{
    pair_free(P);
    P = NULL;
}

static void both_open(void)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(P->e[i].err, 0);
        ck_assert_int_eq(pair_count(P, i, IT_EV_OPEN), 1);
        ck_assert_int_eq(it_b_path(P->e[i].b), IT_PATH_DIRECT_UDP);
    }
}

/* What holds for any history: final events once and last, never anything out of state. */
static void orderly(int i)
{
    const pair_end *e = &P->e[i];
    int finals = 0, opens = 0;
    bool stalled = false;
    for (size_t k = 0; k < e->n_ev; k++) {
        const pair_event *ev = &e->ev[k];
        ck_assert_msg(!finals || ev->kind == IT_EV_SECRET, "%s after the end", it_model_event_name(ev->kind));
        ck_assert(k == 0 || ev->at >= e->ev[k - 1].at);
        finals += ev->kind == IT_EV_DEATH || ev->kind == IT_EV_CLOSED;
        opens += ev->kind == IT_EV_OPEN;
        if (ev->kind == IT_EV_DEATH && !opens)
            ck_assert(ev->reason == IT_REASON_CONNECT_FAILED || ev->reason == IT_REASON_SECURITY ||
                      ev->reason == IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
        if (ev->kind == IT_EV_STALLED) {
            ck_assert(opens && !stalled);
            stalled = true;
        }
        if (ev->kind == IT_EV_RESUMED) {
            ck_assert(stalled);
            stalled = false;
        }
    }
    ck_assert_int_le(finals, 1);
    ck_assert_int_le(opens, 1);
    enum it_state s = it_b_state(e->b);
    ck_assert_int_eq(finals, s == IT_STATE_DEAD || s == IT_STATE_CLOSED);
    ck_assert_int_eq(s == IT_STATE_STALLED, stalled && !finals);
}

/* --- opening --- */

START_TEST(both_may_start_at_once)
{
    open_pair(1);
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    both_open();
    ck_assert_int_lt(pair_find(P, 0, IT_EV_OPEN)->at, IT_SEC);
    ck_assert(it_ice_controlling(it_b_ice(P->e[0].b)) != it_ice_controlling(it_b_ice(P->e[1].b)));
    close_pair();
}
END_TEST

static void different_pace(it_b_cfg *cfg, int i)
{
    cfg->timers.ta = i ? 20 * IT_MS : 120 * IT_MS;
}

/* RFC 8445 section 14.2. */
START_TEST(both_go_by_the_larger_of_the_paces_they_propose)
{
    pair *p = pair_new(1, different_pace, NULL);
    pair_start(p);
    pair_run(p, 3 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(it_ice_ta(it_b_ice(p->e[i].b)), 120 * IT_MS);
    pair_free(p);
}
END_TEST

/* The other side starts later, by up to 10 s, before or after it got blobs. */
START_TEST(one_may_start_later)
{
    open_pair(1);
    P->repeat = IT_SEC; /* what came too early comes again */
    it_b_start(P->e[_i & 1].b, 0);
    P->repeat_at = IT_SEC;
    pair_run(P, (it_time)(_i >> 1) * 2500 * IT_MS);
    it_b_start(P->e[1 - (_i & 1)].b, P->now);
    pair_run(P, P->now + 6 * IT_SEC);
    both_open();
    close_pair();
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bytes)
{
    uint64_t h[2];
    for (int i = 0; i < 2; i++) {
        open_pair(7);
        pair_start(P);
        pair_run(P, 6 * IT_SEC);
        h[i] = P->hash;
        close_pair();
    }
    ck_assert_uint_eq(h[0], h[1]);
    open_pair(8);
    pair_start(P);
    pair_run(P, 6 * IT_SEC);
    ck_assert_uint_ne(h[0], P->hash);
    close_pair();
}
END_TEST

START_TEST(messages_and_voice_arrive)
{
    it_conn_stats s;
    open_pair(1);
    pair_start(P);
    pair_run(P, 2 * IT_SEC);
    ck_assert_int_eq(it_b_send(P->e[0].b, P->now, it_bytes_str("hello")), 0);
    pair_run(P, 12 * IT_SEC);
    ck_assert_int_eq(pair_count(P, 1, IT_EV_MESSAGE), 1);
    ck_assert_str_eq(pair_find(P, 1, IT_EV_MESSAGE)->text, "hello");
    for (int i = 0; i < 2; i++) {
        it_b_stats(P->e[i].b, &s);
        ck_assert_uint_gt(s.voice_received, 490);
        ck_assert_uint_eq(s.lost + s.late + s.duplicate, 0);
        ck_assert_int_le(s.longest_gap, 20 * IT_MS);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED), 0);
        orderly(i);
    }
    close_pair();
}
END_TEST

START_TEST(nothing_can_be_sent_before_open_or_after_the_end)
{
    open_pair(1);
    ck_assert_int_eq(it_b_send(P->e[0].b, 0, it_bytes_str("x")), IT_ERR_STATE);
    ck_assert_int_eq(it_b_signal(P->e[0].b, 0, it_bytes_str("x")), IT_ERR_STATE);
    pair_start(P);
    ck_assert_int_eq(it_b_send(P->e[0].b, 0, it_bytes_str("x")), IT_ERR_STATE);
    pair_run(P, 2 * IT_SEC);
    static const uint8_t big[2000];
    ck_assert_int_eq(it_b_send(P->e[0].b, P->now, it_bytes_of(big, sizeof big)), IT_ERR_TOOBIG);
    it_b_close(P->e[0].b, P->now);
    ck_assert_int_eq(it_b_send(P->e[0].b, P->now, it_bytes_str("x")), IT_ERR_STATE);
    pair_run(P, 3 * IT_SEC);
    ck_assert(pair_find(P, 0, IT_EV_CLOSED)->local && !pair_find(P, 1, IT_EV_CLOSED)->local);
    orderly(0);
    orderly(1);
    close_pair();
}
END_TEST

/* --- blobs --- */

/* The carrier loses 30 % of the blobs, doubles 30 %, delays each by up to 2 s; every fifth gets through and the latest
 * are repeated. */
START_TEST(blobs_may_be_lost_doubled_and_overtaken)
{
    open_pair((uint64_t)_i + 1);
    P->unlucky = true;
    P->repeat = 3 * IT_SEC;
    pair_start(P);
    pair_run(P, 25 * IT_SEC);
    both_open();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pair_count(P, i, IT_EV_PEER), 0);
        orderly(i);
    }
    /* and both may restart at once, several times */
    for (int k = 0; k < 3; k++) {
        it_b_restart(P->e[k & 1].b, P->now);
        if (_i & 1)
            it_b_restart(P->e[1 - (k & 1)].b, P->now);
        pair_run(P, P->now + 25 * IT_SEC);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
            ck_assert_int_eq(it_b_path(P->e[i].b), IT_PATH_DIRECT_UDP);
        }
        ck_assert_int_eq((int)it_ice_generation(it_b_ice(P->e[0].b)), (int)it_ice_generation(it_b_ice(P->e[1].b)));
    }
    close_pair();
}
END_TEST

static const char *const BAD_BLOBS[] = {"", "v=0", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n", "\xff\xfe",
                                        "a=candidate:1 1 UDP"};

START_TEST(a_bad_blob_is_named_and_changes_nothing)
{
    open_pair(1);
    pair_start(P);
    ck_assert_int_eq(it_b_signal(P->e[0].b, 0, it_bytes_str(BAD_BLOBS[_i])), IT_ERR_PARSE);
    pair_run(P, 3 * IT_SEC);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_PEER), 1);
    ck_assert_uint_gt(strlen(pair_find(P, 0, IT_EV_PEER)->text), 5);
    both_open();
    close_pair();
}
END_TEST

START_TEST(a_blob_beyond_the_limit_is_refused)
{
    static char big[IT_BLOB_MAX + 2];
    memset(big, 'x', sizeof big - 1);
    open_pair(1);
    pair_start(P);
    ck_assert_int_eq(it_b_signal(P->e[0].b, 0, it_bytes_str(big)), IT_ERR_PARSE);
    close_pair();
}
END_TEST

START_TEST(a_blob_of_a_third_party_is_refused)
{
    open_pair(1);
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    pair *kept = P;
    open_pair(99); /* strangers */
    pair_start(P);
    pair_run(P, IT_SEC);
    ck_assert_int_eq(it_b_signal(kept->e[0].b, kept->now, it_bytes_of(P->latest[1], P->n_latest[1])), IT_ERR_PARSE);
    close_pair();
    P = kept;
    pair_run(P, 5 * IT_SEC);
    ck_assert_int_eq(it_b_state(P->e[0].b), IT_STATE_OPEN);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_PEER), 1);
    close_pair();
}
END_TEST

/* --- liveness --- */

/* Random outages, each a window in which one way or both lose everything. */
typedef struct outages {
    it_time from[12], to[12];
    int way[12]; /* 0, 1: from that end; 2: both */
    int n;
} outages;

static bool outage(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)src;
    (void)dst;
    (void)d;
    const outages *o = p->arg;
    for (int i = 0; i < o->n; i++)
        if (p->now >= o->from[i] && p->now < o->to[i] && (o->way[i] == 2 || o->way[i] == from))
            return true;
    return false;
}

START_TEST(no_outage_freezes_the_call_in_silence)
{
    static const it_time LONG[] = {500 * IT_MS, 1900 * IT_MS, 2500 * IT_MS, 5 * IT_SEC,
                                   15 * IT_SEC, 29 * IT_SEC,  31 * IT_SEC};
    outages o = {.n = 0};
    it_rng r;
    it_conn_stats s;
    it_rng_init(&r, (uint64_t)_i, "outages");
    it_time at = 3 * IT_SEC;
    for (; o.n < 8; o.n++) {
        at += (it_time)it_rng_below(&r, 8000) * IT_MS;
        o.from[o.n] = at;
        at += LONG[it_rng_below(&r, sizeof LONG / sizeof *LONG)];
        o.to[o.n] = at;
        o.way[o.n] = (int)it_rng_below(&r, 3);
    }
    open_pair((uint64_t)_i);
    P->drop = outage;
    P->arg = &o;
    pair_start(P);
    pair_run(P, at + 40 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        orderly(i);
        ck_assert_int_eq(pair_count(P, i, IT_EV_OPEN), 1);
        it_b_stats(P->e[i].b, &s);
        ck_assert_msg(s.freeze_silent <= 2 * IT_SEC, "%lld ns of silence", (long long)s.freeze_silent);
        if (it_b_state(P->e[i].b) == IT_STATE_OPEN)
            ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED), pair_count(P, i, IT_EV_RESUMED));
    }
    close_pair();
}
END_TEST

/* Loses the first transmission of every STUN request: consent checks have no other (RFC 7675 section 5.1). */
static bool lose_first(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    static uint8_t seen[1024][IT_STUN_TXID];
    static int n;
    (void)from;
    (void)src;
    (void)dst;
    if (p->now < 2 * IT_SEC) {
        n = 0;
        return false;
    }
    if (!it_stun_is(d) || (d.p[0] & 1) != 0) /* a response's class has a bit in the first byte */
        return false;
    for (int i = 0; i < n; i++)
        if (memcmp(seen[i], d.p + 8, IT_STUN_TXID) == 0)
            return false;
    ck_assert_int_lt(n, 1024);
    memcpy(seen[n++], d.p + 8, IT_STUN_TXID);
    return true;
}

/* Voice flows all the while: no alarm. Consent is regained by restarts before it is lost. */
START_TEST(a_call_outlives_the_loss_of_every_consent_check)
{
    open_pair(1);
    P->drop = lose_first;
    pair_start(P);
    pair_run(P, 300 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        orderly(i);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED), 0);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
    }
    close_pair();
}
END_TEST

static bool cut(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)from;
    (void)src;
    (void)dst;
    (void)d;
    return p->now >= 5 * IT_SEC;
}

typedef struct unconfirmed {
    it_time since; /* the first nomination, which is lost like all that follows */
    it_time dtls;  /* the last datagram of DTLS */
} unconfirmed;

static bool no_nomination(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)from;
    (void)src;
    (void)dst;
    unconfirmed *u = p->arg;
    it_stun_msg m;
    if (it_dtls_is(d))
        u->dtls = p->now;
    else if (u->since == 0 && it_stun_parse(&m, d) == 0 && it_stun_get(&m, IT_STUN_USE_CANDIDATE))
        u->since = p->now;
    return u->since != 0;
}

static void patient(it_b_cfg *cfg, int i)
{
    (void)i;
    cfg->timers.connect = 120 * IT_SEC;
    cfg->restart = false;
}

/* RFC 7675 section 5.1: consent is for 30 s, on a pair that was never selected, too. */
START_TEST(nothing_but_checks_is_sent_30_s_after_the_last_answer_though_no_pair_is_selected)
{
    unconfirmed u = {0, 0};
    P = pair_new(1, patient, NULL);
    P->drop = no_nomination;
    P->arg = &u;
    pair_start(P);
    pair_run(P, 200 * IT_SEC);
    ck_assert(u.since > 0 && u.since < IT_SEC);
    ck_assert(u.dtls > u.since); /* it was tried */
    ck_assert_msg(u.dtls < u.since + 30 * IT_SEC, "DTLS %lld ms after", (long long)((u.dtls - u.since) / IT_MS));
    for (int i = 0; i < 2; i++)
        orderly(i);
    close_pair();
}
END_TEST

START_TEST(a_cut_is_noticed_after_t_stall_and_kills_after_t_death)
{
    open_pair(1);
    P->drop = cut;
    pair_start(P);
    pair_run(P, 100 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        const pair_event *stall = pair_find(P, i, IT_EV_STALLED), *death = pair_find(P, i, IT_EV_DEATH);
        ck_assert(stall && death);
        ck_assert_int_ge(stall->at, 7 * IT_SEC - 20 * IT_MS);
        ck_assert_int_le(stall->at, 7 * IT_SEC + 40 * IT_MS);
        /* RFC 7675 section 5.1: 30 s after the last answer, which came at most one consent interval (6 s) before the
         * cut. */
        ck_assert_int_ge(death->at, 29 * IT_SEC);
        ck_assert_int_le(death->at, 35 * IT_SEC + 40 * IT_MS);
        ck_assert_int_eq(death->reason, IT_REASON_CONSENT_EXPIRED);
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 1);
        orderly(i);
    }
    ck_assert_int_eq(it_b_next(P->e[0].b), IT_NEVER);
    close_pair();
}
END_TEST

static bool all(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)p;
    (void)from;
    (void)src;
    (void)dst;
    (void)d;
    return true;
}

START_TEST(who_never_connects_dies_once)
{
    open_pair(1);
    P->drop = all;
    pair_start(P);
    pair_run(P, 200 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pair_count(P, i, IT_EV_DEATH), 1);
        ck_assert_int_eq(pair_find(P, i, IT_EV_DEATH)->reason, IT_REASON_CONNECT_FAILED);
        ck_assert_int_le(pair_find(P, i, IT_EV_DEATH)->at, 60 * IT_SEC);
        ck_assert_int_eq(pair_count(P, i, IT_EV_OPEN), 0);
        orderly(i);
    }
    close_pair();
}
END_TEST

/* A restart before the opening (an interface came up; or the far side had opened already and restarts) leaves no clock
 * behind that nobody serves. */
START_TEST(a_restart_before_the_opening_is_not_repeated)
{
    open_pair(1);
    P->drop = all;
    pair_start(P);
    pair_run(P, IT_SEC);
    pair_note(P, 0, it_b_add_base(P->e[0].b, P->now, 1, P->e[0].base[1]));
    P->e[0].has[1] = true;
    pair_run(P, 200 * IT_SEC); /* asserts that next() lies ahead after every tick */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(P->e[i].err, 0);
        ck_assert_int_eq(pair_find(P, i, IT_EV_DEATH)->reason, IT_REASON_CONNECT_FAILED);
        ck_assert_int_le(pair_find(P, i, IT_EV_DEATH)->at, 60 * IT_SEC);
        orderly(i);
    }
    close_pair();
}
END_TEST

static void other_cert(it_b_cfg *cfg, int i)
{
    if (i == 1)
        cfg->cert = pair_cert[0];
}

static void swap_print(pair *p)
{
    /* Bob's blobs say alice's fingerprint once his certificate is hers; give alice one with a digit changed. */
    char *at = strstr((char *)p->latest[1], "sha-256 ");
    ck_assert_ptr_nonnull(at);
    at[8] = at[8] == 'A' ? 'B' : 'A';
}

START_TEST(a_wrong_fingerprint_is_security)
{
    P = pair_new(1, other_cert, NULL);
    P->signal_delay = IT_SEC;
    pair_start(P);
    pair_run(P, 0);
    pair_carry(P, 1, it_bytes_str(""));
    P->latest[1] = realloc(P->latest[1], P->n_latest[1] + 1);
    P->latest[1][P->n_latest[1]] = 0;
    swap_print(P);
    ck_assert_int_eq(it_b_signal(P->e[0].b, 0, it_bytes_of(P->latest[1], P->n_latest[1])), 0);
    pair_run(P, 30 * IT_SEC);
    const pair_event *d = pair_find(P, 0, IT_EV_DEATH);
    ck_assert(d && d->reason == IT_REASON_SECURITY);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_OPEN), 0);
    orderly(0);
    close_pair();
}
END_TEST

START_TEST(the_loss_of_the_only_interface_is_death)
{
    open_pair(1);
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    it_b_remove_base(P->e[0].b, P->now, 0);
    P->e[0].has[0] = false;
    pair_run(P, 4 * IT_SEC);
    ck_assert_int_eq(pair_find(P, 0, IT_EV_DEATH)->reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE);
    ck_assert_int_eq(pair_find(P, 0, IT_EV_DEATH)->at, 3 * IT_SEC);
    orderly(0);
    close_pair();
}
END_TEST

START_TEST(another_interface_carries_on)
{
    open_pair(1);
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    pair_note(P, 0, it_b_add_base(P->e[0].b, P->now, 1, P->e[0].base[1]));
    P->e[0].has[1] = true;
    it_b_remove_base(P->e[0].b, P->now, 0);
    P->e[0].has[0] = false;
    pair_run(P, 8 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_ge(pair_count(P, i, IT_EV_FAILOVER), 1);
        orderly(i);
    }
    close_pair();
}
END_TEST

/* Base |flow| of end 0 comes or goes by the table. */
static void base_by_table(enum it_io_kind kind, uint32_t flow)
{
    it_io in = {.kind = kind, .flow = flow, .local = P->e[0].base[flow]};
    pair_note(P, 0, it_b_ops.input(P->e[0].b, P->now, &in));
    P->e[0].has[flow] = kind == IT_IO_BOUND;
}

START_TEST(bases_come_and_go_as_inputs_of_its_table)
{
    it_object_event ev;
    uint64_t hash[2];
    for (int by_table = 0; by_table < 2; by_table++) {
        open_pair(1);
        pair_start(P);
        pair_run(P, 3 * IT_SEC);
        if (by_table) {
            base_by_table(IT_IO_BOUND, 1);
            base_by_table(IT_IO_UNBIND, 0);
        } else {
            pair_note(P, 0, it_b_add_base(P->e[0].b, P->now, 1, P->e[0].base[1]));
            P->e[0].has[1] = true;
            it_b_remove_base(P->e[0].b, P->now, 0);
            P->e[0].has[0] = false;
        }
        ck_assert_int_eq(it_b_ops.event(P->e[0].b, &ev), 1);
        ck_assert(ev.kind == IT_TELLS_MODEL && ev.part == -1 && ev.u.model->kind == IT_EV_NETWORK);
        pair_run(P, 8 * IT_SEC);
        ck_assert_int_eq(it_b_state(P->e[0].b), IT_STATE_OPEN);
        hash[by_table] = P->hash;
        close_pair();
    }
    ck_assert_uint_eq(hash[0], hash[1]);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
    Suite *s = suite_create("model/b");
    TCase *t = tcase_create("opening");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, pair_once, pair_once_end);
    tcase_add_test(t, both_may_start_at_once);
    tcase_add_test(t, both_go_by_the_larger_of_the_paces_they_propose);
    tcase_add_loop_test(t, one_may_start_later, 0, 10);
    tcase_add_test(t, the_same_seed_gives_the_same_bytes);
    tcase_add_test(t, messages_and_voice_arrive);
    tcase_add_test(t, nothing_can_be_sent_before_open_or_after_the_end);
    suite_add_tcase(s, t);
    t = tcase_create("blobs");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, pair_once, pair_once_end);
    tcase_add_loop_test(t, blobs_may_be_lost_doubled_and_overtaken, 0, 20);
    tcase_add_loop_test(t, a_bad_blob_is_named_and_changes_nothing, 0, (int)(sizeof BAD_BLOBS / sizeof *BAD_BLOBS));
    tcase_add_test(t, a_blob_beyond_the_limit_is_refused);
    tcase_add_test(t, a_blob_of_a_third_party_is_refused);
    suite_add_tcase(s, t);
    t = tcase_create("liveness");
    tcase_add_test(t, a_call_outlives_the_loss_of_every_consent_check);
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, pair_once, pair_once_end);
    tcase_add_loop_test(t, no_outage_freezes_the_call_in_silence, 0, 30);
    tcase_add_test(t, nothing_but_checks_is_sent_30_s_after_the_last_answer_though_no_pair_is_selected);
    tcase_add_test(t, a_cut_is_noticed_after_t_stall_and_kills_after_t_death);
    tcase_add_test(t, who_never_connects_dies_once);
    tcase_add_test(t, a_restart_before_the_opening_is_not_repeated);
    tcase_add_test(t, a_wrong_fingerprint_is_security);
    tcase_add_test(t, the_loss_of_the_only_interface_is_death);
    tcase_add_test(t, another_interface_carries_on);
    tcase_add_test(t, bases_come_and_go_as_inputs_of_its_table);
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
