/* stack/srtp against libsrtp2: both protect, both take off what the other has protected, packet by packet, over a
 * network that loses, reorders, repeats and forges. Equal verdicts, equal bytes. */
#include "tests/stack/srtp/kit.h"

#include <srtp2/srtp.h>

#define PACKETS 6000
#define SSRCS 5
#define SIZE 400
#define LATE 48

static it_alloc mem;

/* A protected packet under way. */
typedef struct wire {
    uint8_t p[SIZE];
    size_t n, clear;
    bool rtcp;
} wire;

/* Two ends of each kind. */
typedef struct ends {
    it_srtp_session *out, *in;
    srtp_t their_out, their_in;
    it_rng rng;
    uint16_t seq[SSRCS];
    uint32_t rtcp_ppm; /* share of RTCP */
    int taken, replayed, old, forged;
} ends;

static void setup(void)
{
    it_alloc_init(&mem);
    ck_assert_int_eq(srtp_init(), srtp_err_status_ok);
}

static void teardown(void)
{
    srtp_shutdown();
    ck_assert_int_eq(mem.live, 0);
}

static srtp_t their_session(const it_srtp_cfg *cfg, srtp_ssrc_type_t type)
{
    static const srtp_profile_t NAMES[] = {[IT_SRTP_AES128_CM_HMAC_SHA1_80] = srtp_profile_aes128_cm_sha1_80,
                                           [IT_SRTP_AES128_CM_HMAC_SHA1_32] = srtp_profile_aes128_cm_sha1_32,
                                           [IT_SRTP_AEAD_AES_128_GCM] = srtp_profile_aead_aes_128_gcm,
                                           [IT_SRTP_AEAD_AES_256_GCM] = srtp_profile_aead_aes_256_gcm};
    const it_srtp_params *q = it_srtp_params_of(cfg->profile);
    uint8_t key[IT_SRTP_KEY_MAX + IT_SRTP_SALT_MAX];
    srtp_policy_t policy = {.ssrc = {type, 0}, .key = key, .window_size = cfg->window};
    srtp_t s;
    memcpy(key, cfg->key, q->key);
    memcpy(key + q->key, cfg->salt, q->salt);
    ck_assert_int_eq(srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, NAMES[cfg->profile]), srtp_err_status_ok);
    ck_assert_int_eq(srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, NAMES[cfg->profile]),
                     srtp_err_status_ok);
    ck_assert_int_eq(srtp_create(&s, &policy), srtp_err_status_ok);
    return s;
}

static int our_verdict(srtp_err_status_t e)
{
    switch (e) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_auth_fail:
        return IT_ERR_AUTH;
    case srtp_err_status_replay_fail:
        return IT_ERR_REPLAY;
    case srtp_err_status_replay_old:
        return IT_ERR_OLD;
    case srtp_err_status_cant_check:
        return IT_ERR_PERM;
    case srtp_err_status_key_expired:
        return IT_ERR_LIMIT;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
        return IT_ERR_PARSE;
    default:
        return -1000 - (int)e;
    }
}

static ends ends_new(enum it_srtp_profile profile, unsigned window, const char *stream)
{
    /* The window of libsrtp2's SRTCP has 128 places whatever is asked for. */
    ends e = {.rtcp_ppm = window == 128 ? 200000 : 0};
    it_srtp_cfg cfg = kit_cfg(&mem, profile, IT_SRTP_OUT);
    cfg.window = window;
    e.out = kit_new(&cfg);
    e.their_out = their_session(&cfg, ssrc_any_outbound);
    cfg.way = IT_SRTP_IN;
    e.in = kit_new(&cfg);
    e.their_in = their_session(&cfg, ssrc_any_inbound);
    it_rng_init(&e.rng, profile, stream);
    /* Not far from the turn, and at the very beginning. libsrtp2 and we begin with the index of the first packet. */
    for (int i = 0; i < SSRCS; i++)
        e.seq[i] = (uint16_t)(i == 0 ? 0 : it_rng_range(&e.rng, 64000, 65000));
    return e;
}

static void ends_free(ends *e)
{
    it_srtp_free(e->out);
    it_srtp_free(e->in);
    srtp_dealloc(e->their_out);
    srtp_dealloc(e->their_in);
}

/* Protects with both; RTP gives the same bytes. libsrtp2 begins SRTCP with index 1, RFC 3711 section 3.4 with 0, and
 * so the bytes are not the same: theirs are kept in every second packet. */
static void send_packet(ends *e, wire *w)
{
    uint8_t q[SIZE];
    unsigned who = (unsigned)it_rng_below(&e->rng, SSRCS);
    size_t payload = it_rng_below(&e->rng, 300);
    w->rtcp = it_rng_chance(&e->rng, e->rtcp_ppm);
    if (w->rtcp) {
        w->clear = kit_rtcp(w->p, 100 + who, payload & ~3u);
    } else {
        e->seq[who] = (uint16_t)(e->seq[who] + 1 + (it_rng_chance(&e->rng, 3000) ? it_rng_below(&e->rng, 20000) : 0));
        w->clear = kit_rtp(w->p, 100 + who, e->seq[who], payload);
    }
    memcpy(q, w->p, w->clear);
    int n = (int)w->clear, ours;
    srtp_err_status_t theirs;
    if (w->rtcp) {
        ours = it_srtp_protect_rtcp(e->out, w->p, w->clear, SIZE);
        theirs = srtp_protect_rtcp(e->their_out, q, &n);
    } else {
        ours = it_srtp_protect(e->out, w->p, w->clear, SIZE);
        theirs = srtp_protect(e->their_out, q, &n);
    }
    ck_assert_int_eq(our_verdict(theirs), 0);
    ck_assert_int_eq(ours, n);
    if (!w->rtcp)
        ck_assert_mem_eq(w->p, q, (size_t)n);
    if (w->rtcp && e->taken % 2)
        memcpy(w->p, q, (size_t)n);
    w->n = (size_t)n;
}

static void receive_packet(ends *e, const wire *w)
{
    uint8_t p[SIZE], q[SIZE];
    int n = (int)w->n, ours;
    srtp_err_status_t theirs;
    memcpy(p, w->p, w->n);
    if (it_rng_chance(&e->rng, 30000)) {
        p[it_rng_below(&e->rng, w->n)] ^= (uint8_t)(1 << it_rng_below(&e->rng, 8));
        p[0] = w->p[0]; /* libsrtp2 does not look at the version, and counts what it cannot read as malformed */
    }
    memcpy(q, p, w->n);
    if (w->rtcp) {
        ours = it_srtp_unprotect_rtcp(e->in, p, w->n);
        theirs = srtp_unprotect_rtcp(e->their_in, q, &n);
    } else {
        ours = it_srtp_unprotect(e->in, p, w->n);
        theirs = srtp_unprotect(e->their_in, q, &n);
    }
    int verdict = our_verdict(theirs);
    ck_assert_msg((ours < 0 ? ours : 0) == verdict, "%s: ours %d, theirs %d", w->rtcp ? "RTCP" : "RTP", ours, verdict);
    e->taken += ours >= 0;
    e->replayed += ours == IT_ERR_REPLAY;
    e->old += ours == IT_ERR_OLD;
    e->forged += ours == IT_ERR_AUTH;
    if (ours >= 0) {
        ck_assert_int_eq(ours, n);
        ck_assert_mem_eq(p, q, (size_t)n);
        ck_assert_uint_eq((size_t)n, w->clear);
    }
}

/* Packets wait in |late| of which one at random is delivered, may be twice, or is lost. */
static void run(ends *e, wire *late, size_t places)
{
    for (int i = 0; i < PACKETS; i++) {
        wire *w = &late[it_rng_below(&e->rng, places)];
        if (w->n && !it_rng_chance(&e->rng, 50000))
            receive_packet(e, w);
        if (w->n && it_rng_chance(&e->rng, 100000))
            receive_packet(e, w);
        send_packet(e, w);
    }
}

START_TEST(every_verdict_is_that_of_libsrtp2)
{
    static const unsigned WINDOWS[] = {128, 64, 1024};
    static wire late[LATE * 40];
    for (size_t k = 0; k < 3; k++) {
        ends e = ends_new(PROFILES[_i], WINDOWS[k], "oracle");
        memset(late, 0, sizeof late);
        run(&e, late, LATE);
        ck_assert(e.taken > PACKETS / 2 && e.replayed > 100 && e.forged > 50);
        run(&e, late, LATE * 40); /* so late that windows are passed */
        ck_assert(e.old > 100);
        ends_free(&e);
    }
}
END_TEST

/* Four turns of the sequence number, with losses. */
START_TEST(rollover_counters_turn_together)
{
    ends e = ends_new(PROFILES[_i], 128, "turns");
    uint32_t roc = 0;
    for (uint32_t at = 65000; at < 65536 * 4; at += 1 + (uint32_t)it_rng_below(&e.rng, 25000)) {
        wire w = {.clear = kit_rtp(w.p, 7, (uint16_t)at, 160)};
        int ours = it_srtp_protect(e.out, w.p, w.clear, SIZE);
        ck_assert_int_gt(ours, 0);
        w.n = (size_t)ours;
        receive_packet(&e, &w);
    }
    ck_assert_int_eq(srtp_get_stream_roc(e.their_in, 7, &roc), srtp_err_status_ok);
    ck_assert_uint_eq(roc, 3);
    ck_assert_int_gt(e.taken, 10);
    ends_free(&e);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("srtp/oracle");
    TCase *t = tcase_create("libsrtp2");
    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, every_verdict_is_that_of_libsrtp2, 0, N_PROFILES);
    tcase_add_loop_test(t, rollover_counters_turn_together, 0, N_PROFILES);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
