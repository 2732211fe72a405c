/* stack/b/foreign.c: media as RTP, and descriptions of other stacks, offered and answered. */
#include "stack/sdp/sdp.h"
#include "tests/stack/b/pair.h"

static pair *P;
static int n_streams = 1;
static bool bundle, videos;

static void rtp(it_b_cfg *cfg, int i)
{
    (void)i;
    cfg->media = IT_B_MEDIA_SRTP;
    cfg->n_streams = n_streams;
    cfg->bundle = bundle;
    for (int k = 0; k < n_streams; k++)
        cfg->stream[k] = (it_b_stream_cfg){.voice = true, .video = videos && k % 2 == 1};
}

static void begin(int streams, bool bundled, bool video, void (*tweak)(it_b_cfg *, int))
{
    n_streams = streams;
    bundle = bundled;
    videos = video;
    P = pair_new(21, tweak, NULL);
}

static void teardown(void)
{
    if (P)
        pair_free(P);
    P = NULL;
}

/* The media numbers of stream |k| of end |i|, which has some. */
static it_media_stats media(int i, int k)
{
    it_media_stats s;
    ck_assert(it_b_stream_media(P->e[i].b, k, &s));
    return s;
}

/* The latest blob of end |i| as text. */
static const char *latest(int i)
{
    static char text[IT_SDP_MAX];
    memcpy(text, P->latest[i], P->n_latest[i]);
    text[P->n_latest[i]] = 0;
    return text;
}

/* --- media as RTP between two of ours --- */

static const struct {
    int streams;
    bool bundle, video;
} SHAPES[] = {{1, false, false}, {2, true, true}, {2, false, true}, {8, true, true}, {1, true, false}};
enum { N_SHAPES = sizeof SHAPES / sizeof *SHAPES };

START_TEST(voice_and_video_are_rtp_and_counted_by_both_ends)
{
    begin(SHAPES[_i].streams, SHAPES[_i].bundle, SHAPES[_i].video, rtp);
    pair_start(P);
    pair_run(P, 20 * IT_SEC);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < n_streams; k++) {
            it_media_stats s = media(i, k), far = media(1 - i, k);
            it_conn_stats c;
            bool video = videos && k % 2;
            ck_assert_uint_gt(s.received, video ? 1000 : 900);
            ck_assert_uint_le(far.sent - s.received, 8); /* on its way: a frame */
            ck_assert_uint_eq(s.lost + s.late + s.duplicate + s.refused + s.malformed, 0);
            ck_assert(s.profile == 7 && s.reports_sent > 1 && s.reports_received > 1);
            ck_assert_int_le(llabs(s.rtt - 40 * IT_MS), IT_MS); /* told in 1/65536 s */
            ck_assert_uint_eq(s.freezes, 0);
            ck_assert_uint_gt(s.shown, video ? 500 : 900);
            ck_assert(it_b_stream_stats(P->e[i].b, k, &c));
            ck_assert(c.voice_received == s.received && c.voice_sent == s.sent && c.t_first_media < 2 * IT_SEC);
            ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_PEER), 0);
        }
}
END_TEST

static int every, n_dropped;
static bool lossy(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)p, (void)src, (void)dst;
    if (from != 0 || d.n < 2 || d.p[0] >> 6 != 2 || (d.p[1] >= 192 && d.p[1] <= 223))
        return false;
    return n_dropped++ % every == every - 1;
}

START_TEST(what_is_lost_of_rtp_is_counted_and_reported_back)
{
    begin(1, false, false, rtp);
    P->drop = lossy;
    every = 10;
    n_dropped = 0;
    pair_start(P);
    pair_run(P, 30 * IT_SEC);
    it_media_stats s = media(1, 0);
    ck_assert_uint_ge(s.lost, (uint64_t)n_dropped / 10 - 1);
    ck_assert_uint_le(s.lost, (uint64_t)n_dropped / 10);
    ck_assert_int_eq(s.longest_gap, 40 * IT_MS);
    ck_assert_uint_eq(media(0, 0).lost, 0);
}
END_TEST

static it_time silent_from, silent_to;
static bool silenced(pair *p, int from, it_addr src, it_addr dst, it_bytes d)
{
    (void)src, (void)dst, (void)d;
    return from == 0 && p->now >= silent_from && p->now < silent_to;
}

START_TEST(a_cut_of_a_second_is_a_gap_and_a_freeze_and_no_stall)
{
    begin(2, true, true, rtp);
    silent_from = 10 * IT_SEC;
    silent_to = 11 * IT_SEC;
    P->drop = silenced;
    pair_start(P);
    pair_run(P, 20 * IT_SEC);
    for (int k = 0; k < 2; k++) {
        it_media_stats s = media(1, k);
        ck_assert_int_ge(s.longest_gap, IT_SEC);
        ck_assert_int_ge(s.longest_freeze, IT_SEC);
        ck_assert_uint_eq(s.freezes, 1);
        ck_assert_uint_gt(s.lost, 40);
    }
    ck_assert_int_eq(pair_count(P, 1, IT_EV_STALLED), 0);
    silent_from = 20 * IT_SEC;
    silent_to = 25 * IT_SEC;
    pair_run(P, 30 * IT_SEC);
    ck_assert_int_eq(pair_count_of(P, 1, -1, IT_EV_STALLED), 1);
    ck_assert_int_eq(pair_count_of(P, 1, -1, IT_EV_RESUMED), 1);
}
END_TEST

START_TEST(messages_go_beside_rtp_and_a_closed_stream_sends_no_more)
{
    begin(2, true, false, rtp);
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    ck_assert_int_eq(it_b_stream_send(P->e[0].b, P->now, 1, it_bytes_str("hello")), 0);
    pair_run(P, 6 * IT_SEC);
    ck_assert_str_eq(pair_find_of(P, 1, 1, IT_EV_MESSAGE)->text, "hello");
    it_b_stream_close(P->e[0].b, P->now, 1);
    pair_run(P, 7 * IT_SEC);
    it_media_stats was[2] = {media(0, 1), media(1, 1)};
    pair_run(P, 12 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(media(i, 1).sent, was[i].sent);
        ck_assert_uint_gt(media(i, 0).received, 500);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED), 0);
    }
    it_b_close(P->e[0].b, P->now);
    pair_run(P, 13 * IT_SEC);
    ck_assert_int_eq(it_b_state(P->e[1].b), IT_STATE_CLOSED);
}
END_TEST

/* RTP changes nothing of it: blobs that are lost, doubled and overtaken open the call, through restarts of both sides.
 */
START_TEST(an_unlucky_carrier_opens_and_restarts_a_call_with_rtp)
{
    n_streams = 2;
    bundle = videos = _i % 2;
    P = pair_new(60 + (uint64_t)_i, rtp, NULL);
    P->unlucky = true;
    P->repeat = 500 * IT_MS;
    pair_start(P);
    pair_run(P, 15 * IT_SEC);
    it_b_restart(P->e[0].b, P->now);
    it_b_restart(P->e[1].b, P->now);
    pair_run(P, 40 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_uint_ge(it_ice_generation(it_b_ice(P->e[i].b)), 1);
        ck_assert_uint_eq(media(i, 0).lost, 0);
        ck_assert_int_eq(pair_count(P, i, IT_EV_PEER) + pair_count(P, i, IT_EV_DEATH), 0);
    }
}
END_TEST

static void one_with_rtp(it_b_cfg *cfg, int i)
{
    if (i == 0)
        rtp(cfg, i);
}

START_TEST(one_side_with_rtp_and_one_without_say_so)
{
    begin(1, false, false, one_with_rtp);
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(strstr(pair_find(P, i, IT_EV_DEATH)->text, "as RTP"));
}
END_TEST

static const uint16_t OFFERS[][2][IT_DTLS_SRTP_MAX] = {{{1}, {1, 7}}, {{8, 1}, {8}}, {{2}, {2}}, {{7}, {1}}};
static int offers;
static void profiles(it_b_cfg *cfg, int i)
{
    rtp(cfg, i);
    memcpy(cfg->profiles, OFFERS[offers][i], sizeof cfg->profiles);
}

START_TEST(a_profile_that_both_have_is_used_and_without_one_it_fails)
{
    static const uint16_t WANT[] = {1, 8, 2, 0};
    offers = _i;
    begin(1, false, false, profiles);
    pair_start(P);
    pair_run(P, 5 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        if (WANT[_i]) {
            ck_assert_uint_eq(media(i, 0).profile, WANT[_i]);
            ck_assert_uint_gt(media(i, 0).received, 100);
        }
    }
    if (!WANT[_i])
        ck_assert_ptr_nonnull(strstr(pair_find(P, 0, IT_EV_DEATH)->text, "no profile"));
}
END_TEST

/* --- real offers --- */

static it_bytes real(const char *name)
{
    static char text[IT_SDP_MAX];
    char path[128];
    snprintf(path, sizeof path, "tests/fuzz/corpus/sdp/%s", name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s: not found; run from the top folder", path);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    return it_bytes_of(text, n);
}

static const struct {
    const char *name;
    int streams;
    bool video;
    const char *ports; /* of the answer's media lines: '9' or '0' */
    const char *group;
} REAL[] = {
    {"aiortc_audio_offer", 1, false, "9", "a=group:BUNDLE 0\r\n"},
    {"aiortc_all_offer", 1, false, "900", "a=group:BUNDLE 0\r\n"},
    {"aiortc_all_offer", 2, true, "990", "a=group:BUNDLE 0 1\r\n"},
    {"chromium_audio_offer", 1, false, "9", "a=group:BUNDLE 0\r\n"},
    {"chromium_all_offer", 1, false, "900", "a=group:BUNDLE 0\r\n"},
    {"chromium_all_offer", 2, true, "990", "a=group:BUNDLE 0 1\r\n"},
    {"chromium_max_bundle_offer", 2, true, "990", "a=group:BUNDLE 0 1\r\n"},
    {"chromium_two_video_offer", 2, true, "990", "a=group:BUNDLE 0 1\r\n"},
    {"chromium_sped_offer", 1, false, "9", "a=group:BUNDLE 0\r\n"},
    {"firefox_audio_offer", 1, false, "9", "a=group:BUNDLE 0\r\n"},
    {"firefox_all_offer", 2, true, "990", "a=group:BUNDLE 0 1\r\n"},
    {"pion_audio_offer", 1, false, "9", "a=group:BUNDLE 0\r\n"},
    {"pion_all_offer", 2, true, "990", "a=group:BUNDLE 0 1\r\n"},
    {"janus_audio_offer", 1, false, "9", "a=group:BUNDLE 0\r\n"},
};
enum { N_REAL = sizeof REAL / sizeof *REAL };

START_TEST(a_real_offer_is_taken_and_answered_line_by_line)
{
    static it_sdp offer, answer;
    begin(REAL[_i].streams, REAL[_i].streams > 1, REAL[_i].video, rtp);
    it_b_start(P->e[0].b, 0);
    pair_run(P, IT_SEC);
    it_bytes text = real(REAL[_i].name);
    ck_assert_int_eq(it_b_signal(P->e[0].b, P->now, text), 0);
    pair_pump(P);
    ck_assert(it_b_is_foreign(P->e[0].b) && !it_ice_controlling(it_b_ice(P->e[0].b)));
    ck_assert_int_eq(pair_count(P, 0, IT_EV_PEER) + pair_count(P, 0, IT_EV_DEATH), 0);
    it_b_restart(P->e[0].b, P->now); /* makes it say all it knows */
    pair_pump(P);
    const char *ours = latest(0);
    ck_assert_msg(strstr(ours, REAL[_i].group) != NULL, "%s", ours);
    ck_assert_int_eq(it_sdp_read(&offer, text, NULL) + it_sdp_read(&answer, it_bytes_str(ours), NULL), 0);
    ck_assert_uint_eq(answer.n_media, offer.n_media);
    for (size_t i = 0; i < answer.n_media; i++) {
        const it_sdp_media *a = &answer.media[i], *o = &offer.media[i];
        ck_assert(it_bytes_eq(a->kind, o->kind) && it_bytes_eq(a->protocol, o->protocol) &&
                  it_bytes_eq(a->mid, o->mid));
        ck_assert_uint_eq(a->port, (unsigned)(REAL[_i].ports[i] - '0'));
        if (!a->port)
            continue;
        ck_assert(a->mux && it_sdp_ufrag(&answer, a).n >= 4);
        it_bytes formats = o->formats, want = a->formats, w;
        bool offered = false;
        while ((w = it_sdp_word(&formats)).n)
            offered |= it_bytes_eq(w, want);
        ck_assert_msg(offered, "a payload type that was not offered: %.*s", (int)want.n, (const char *)want.p);
    }
    ck_assert_uint_eq(answer.n_left, 0);
}
END_TEST

/* RFC 8445 section 6.1.1: who is not lite controls, though it answers. */
START_TEST(a_real_lite_offer_makes_us_control)
{
    begin(1, false, false, rtp);
    it_b_start(P->e[0].b, 0);
    ck_assert_int_eq(it_b_signal(P->e[0].b, P->now, real("janus_lite_offer")), 0);
    pair_pump(P);
    ck_assert(it_b_is_foreign(P->e[0].b) && it_ice_controlling(it_b_ice(P->e[0].b)));
    ck_assert_int_eq(pair_count(P, 0, IT_EV_PEER) + pair_count(P, 0, IT_EV_DEATH), 0);
}
END_TEST

START_TEST(an_offer_without_what_we_have_is_the_end_with_its_reason)
{
    begin(2, true, true, rtp);
    it_b_start(P->e[0].b, 0);
    ck_assert_int_eq(it_b_signal(P->e[0].b, P->now, real(_i ? "aiortc_data_offer" : "chromium_audio_offer")), 0);
    pair_pump(P);
    ck_assert_ptr_nonnull(strstr(pair_find(P, 0, IT_EV_DEATH)->text, _i ? "no audio" : "no video"));
}
END_TEST

START_TEST(without_rtp_of_our_own_a_real_offer_is_refused_in_words)
{
    P = pair_new(21, NULL, NULL);
    it_b_start(P->e[0].b, 0);
    ck_assert_int_eq(it_b_signal(P->e[0].b, P->now, real("chromium_audio_offer")), 0);
    pair_pump(P);
    ck_assert_ptr_nonnull(strstr(pair_find(P, 0, IT_EV_DEATH)->text, "RTP"));
}
END_TEST

START_TEST(what_is_unknown_in_an_offer_is_told_once_with_its_lines)
{
    static char text[IT_SDP_MAX];
    begin(1, false, false, rtp);
    it_b_start(P->e[0].b, 0);
    it_bytes real_one = real("aiortc_audio_offer");
    int n = snprintf(text, sizeof text, "%.*sa=frobnicate:1\r\na=candidate:bad\r\n", (int)real_one.n,
                     (const char *)real_one.p);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(it_b_signal(P->e[0].b, P->now, it_bytes_of(text, (size_t)n)), 0);
    pair_pump(P);
    ck_assert_int_eq(pair_count(P, 0, IT_EV_PEER), 2);
    bool told = false;
    for (size_t i = 0; i < P->e[0].n_ev; i++)
        told |= strstr(P->e[0].ev[i].text, "line 27 (a=frobnicate)") != NULL;
    ck_assert(told);
}
END_TEST

/* --- a far side that knows nothing of ours: alice offers, bob answers; neither sees the other's attributes --- */

/* Takes the lines that begin with a=x- out. Bob's word counts once he has answered. */
static it_bytes strange(pair *p, int from, it_bytes blob)
{
    static char text[IT_SDP_MAX];
    size_t n = 0;
    if (from == 1 && !it_b_is_foreign(p->e[1].b))
        return it_bytes_of(NULL, 0);
    while (blob.n) {
        const uint8_t *nl = memchr(blob.p, '\n', blob.n);
        size_t len = nl ? (size_t)(nl - blob.p) + 1 : blob.n;
        if (len < 4 || memcmp(blob.p, "a=x-", 4) != 0) {
            memcpy(text + n, blob.p, len);
            n += len;
        }
        blob = it_bytes_of(blob.p + len, blob.n - len);
    }
    return it_bytes_of(text, n);
}

static void strangers(int streams, bool bundled, bool video, uint64_t seed)
{
    n_streams = streams;
    bundle = bundled;
    videos = video;
    P = pair_new(seed, rtp, NULL);
    P->edit = strange;
    pair_start(P);
}

/* Bob's first blob is on its way nowhere: he repeats himself after he has heard of alice. */
START_TEST(strangers_open_and_stream_by_offer_and_answer)
{
    strangers(SHAPES[_i].streams, SHAPES[_i].bundle, SHAPES[_i].video, 31);
    P->repeat = P->repeat_at = IT_SEC;
    pair_run(P, 20 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert(it_b_is_foreign(P->e[i].b));
        ck_assert_int_eq(it_ice_controlling(it_b_ice(P->e[i].b)), i == 0);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        for (int k = 0; k < n_streams; k++)
            ck_assert_uint_gt(media(i, k).received, 500);
        ck_assert_int_eq(pair_count(P, i, IT_EV_PEER) + pair_count(P, i, IT_EV_STALLED), 0);
        ck_assert_int_eq(it_b_stream_send(P->e[i].b, P->now, 0, it_bytes_str("x")), IT_ERR_UNSUPPORTED);
    }
}
END_TEST

/* Who answers is the DTLS client (RFC 8842 section 5.3), whatever the tie-breakers are. */
START_TEST(strangers_restart_from_either_side)
{
    strangers(2, true, true, 40 + (uint64_t)_i);
    P->repeat = P->repeat_at = IT_SEC;
    pair_run(P, 10 * IT_SEC);
    it_b_restart(P->e[_i % 2].b, P->now);
    pair_run(P, 25 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_ice_generation(it_b_ice(P->e[i].b)), 1);
        ck_assert_int_eq(it_b_state(P->e[i].b), IT_STATE_OPEN);
        ck_assert_int_eq(pair_count(P, i, IT_EV_STALLED) + pair_count(P, i, IT_EV_DEATH) + pair_count(P, i, IT_EV_PEER),
                         0);
    }
}
END_TEST

START_TEST(running_out_of_memory_is_an_error_and_loses_nothing)
{
    it_alloc mem[2];
    for (int i = 0; i < 2; i++)
        it_alloc_init(&mem[i]);
    n_streams = 2;
    bundle = videos = true;
    it_alloc_init_countdown(&mem[0], (uint64_t)_i * 4);
    P = pair_new(12, rtp, (it_alloc *const[2]){&mem[0], &mem[1]});
    pair_start(P);
    pair_run(P, 3 * IT_SEC);
    ck_assert(P->e[0].err == 0 || P->e[0].err == IT_ERR_NOMEM);
    pair_free(P);
    P = NULL;
}
END_TEST

int main(void)
{
    Suite *s = suite_create("b/foreign");
    TCase *t = tcase_create("rtp");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_unchecked_fixture(t, NULL, pair_once_end);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    tcase_add_loop_test(t, voice_and_video_are_rtp_and_counted_by_both_ends, 0, N_SHAPES);
    tcase_add_test(t, what_is_lost_of_rtp_is_counted_and_reported_back);
    tcase_add_test(t, a_cut_of_a_second_is_a_gap_and_a_freeze_and_no_stall);
    tcase_add_test(t, messages_go_beside_rtp_and_a_closed_stream_sends_no_more);
    tcase_add_test(t, one_side_with_rtp_and_one_without_say_so);
    tcase_add_loop_test(t, an_unlucky_carrier_opens_and_restarts_a_call_with_rtp, 0, 8);
    tcase_add_loop_test(t, a_profile_that_both_have_is_used_and_without_one_it_fails, 0, 4);
    tcase_add_loop_test(t, a_real_offer_is_taken_and_answered_line_by_line, 0, N_REAL);
    tcase_add_test(t, a_real_lite_offer_makes_us_control);
    tcase_add_loop_test(t, an_offer_without_what_we_have_is_the_end_with_its_reason, 0, 2);
    tcase_add_test(t, without_rtp_of_our_own_a_real_offer_is_refused_in_words);
    tcase_add_test(t, what_is_unknown_in_an_offer_is_told_once_with_its_lines);
    tcase_add_loop_test(t, strangers_open_and_stream_by_offer_and_answer, 0, N_SHAPES);
    tcase_add_loop_test(t, strangers_restart_from_either_side, 0, 4);
    tcase_add_loop_test(t, running_out_of_memory_is_an_error_and_loses_nothing, 0, 60);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
