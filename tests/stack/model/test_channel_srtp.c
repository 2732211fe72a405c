/* stack/model/channel_srtp.c: two channels face to face: keys, media, what is told apart, what is refused, goodbyes. */
#include "stack/crypto/ossl.h"
#include "stack/model/channel.h"
#include "stack/srtp/srtp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static it_dtls_shared *shared;
static it_dtls_cert *cert[2];
static it_alloc outside, mem;
static it_channel end[2];
static it_time now;
static uint64_t came[2], octets[2], opened[2], byes[2], closed[2];
static const char *why[2];
static char text[64];
static char keys[2][300];     /* the line that a key log gets */
static uint8_t first[2][200]; /* the first RTP packet that left each end */
static size_t n_first[2];

static void once(void)
{
    it_alloc_init(&outside);
    ck_assert_int_eq(it_ossl_init(), 0);
    shared = it_dtls_shared_new(&outside);
    for (int i = 0; i < 2; i++) {
        it_rng r;
        it_rng_init(&r, 1, i ? "bob/cert" : "alice/cert");
        cert[i] = it_dtls_cert_new(&outside, &r, 0);
    }
}

static void once_end(void)
{
    for (int i = 0; i < 2; i++)
        it_dtls_cert_free(cert[i]);
    it_dtls_shared_free(shared);
    it_ossl_fini();
}

static it_channel_srtp_cfg usual(int i)
{
    it_channel_srtp_cfg c = {
        .dtls = {.alloc = &mem, .shared = shared, .cert = cert[i], .client = i == 0, .n_prints = 1},
        .profiles = {7, 1},
        .cname = "someone",
        .n_flows = 2};
    static const uint8_t *print;
    print = it_dtls_cert_fingerprint(cert[1 - i]);
    c.dtls.prints = (const uint8_t(*)[IT_SHA256_SIZE])(const void *)print;
    it_rng_init(&c.dtls.rng, 5, i ? "bob/dtls" : "alice/dtls");
    it_rng_init(&c.media_rng, 5, i ? "bob/media" : "alice/media");
    c.flow[0] =
        (it_channel_flow){.ssrc = 100 + (uint32_t)i, .pt = 111, .far_pt = 111, .rate = 48000, .far_rate = 48000};
    c.flow[1] = (it_channel_flow){.video = true,
                                  .ssrc = 200 + (uint32_t)i,
                                  .pt = 96,
                                  .far_pt = 96,
                                  .rate = 90000,
                                  .far_rate = 90000,
                                  .bitrate = 300000};
    return c;
}

static void make(it_channel_srtp_cfg a, it_channel_srtp_cfg b)
{
    it_alloc_init(&mem);
    now = 0;
    for (int i = 0; i < 2; i++) {
        came[i] = octets[i] = opened[i] = byes[i] = closed[i] = 0;
        why[i] = "";
    }
    a.dtls.alloc = b.dtls.alloc = &mem;
    end[0] = it_channel_srtp(&a, 0);
    end[1] = it_channel_srtp(&b, 0);
    ck_assert(end[0].ops && end[1].ops);
    for (int i = 0; i < 2; i++)
        end[i].ops->use_path(end[i].o, 0);
}

static void teardown(void)
{
    for (int i = 0; i < 2; i++)
        if (end[i].ops)
            end[i].ops->free(end[i].o);
    end[0] = end[1] = (it_channel){NULL, NULL};
    ck_assert_int_eq(mem.live, 0);
}

static void events(int i)
{
    it_channel_event ev;
    while (end[i].ops->event(end[i].o, &ev)) {
        opened[i] += ev.kind == IT_CHANNEL_OPEN;
        byes[i] += ev.kind == IT_CHANNEL_BYE;
        closed[i] += ev.kind == IT_CHANNEL_CLOSED;
        if (ev.kind == IT_CHANNEL_CAME) {
            came[i]++;
            octets[i] += ev.data.n;
        }
        if (ev.kind == IT_CHANNEL_DATA)
            snprintf(text, sizeof text, "%.*s", (int)ev.data.n, (const char *)ev.data.p);
        if (ev.kind == IT_CHANNEL_FAILED)
            why[i] = ev.why;
        if (ev.kind == IT_CHANNEL_SECRET && ev.data.p[0] == '#')
            snprintf(keys[i], sizeof keys[i], "%.*s", (int)ev.data.n, (const char *)ev.data.p);
    }
}

/* Spoils what leaves end 0, by kind: 0: nothing, 1: a byte of every RTP packet, 2: each is sent twice. */
static int spoil;

static bool pump_once(void)
{
    bool any = false;
    for (int i = 0; i < 2; i++) {
        uint8_t buf[IT_IO_DGRAM_MAX];
        it_io out;
        events(i);
        while (end[i].ops->output(end[i].o, now, &out, buf, sizeof buf) > 0) {
            any = true;
            bool rtp = buf[0] >> 6 == 2 && (buf[1] < 192 || buf[1] > 223);
            it_io in = {.kind = IT_IO_DGRAM, .data = out.data};
            ck_assert(end[1 - i].ops->takes(in.data));
            if (rtp && !n_first[i] && out.data.n <= sizeof first[i])
                memcpy(first[i], buf, n_first[i] = out.data.n);
            if (spoil == 1 && i == 0 && rtp)
                buf[out.data.n - 1] ^= 1;
            for (int k = 0; k < (spoil == 2 && i == 0 && rtp ? 2 : 1); k++) {
                ck_assert_int_eq(end[1 - i].ops->input(end[1 - i].o, now, &in), 0);
                events(1 - i);
            }
            events(i);
        }
    }
    return any;
}

static void run(it_time until)
{
    for (;;) {
        while (pump_once())
            continue;
        it_time t = IT_NEVER;
        for (int i = 0; i < 2; i++)
            t = end[i].ops->next(end[i].o) < t ? end[i].ops->next(end[i].o) : t;
        if (t > until)
            break;
        now = t > now ? t : now;
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(end[i].ops->tick(end[i].o, now), 0);
    }
    now = until;
}

static void start(int i, int flow)
{
    end[i].ops->stream(end[i].o, now, flow, IT_CHANNEL_START);
}

static it_media_stats stats(int i, int flow)
{
    it_media_stats s;
    ck_assert(end[i].ops->stats(end[i].o, flow, &s));
    return s;
}

START_TEST(voice_goes_50_times_a_second_and_video_in_frames_beside_messages)
{
    make(usual(0), usual(1));
    run(IT_SEC);
    ck_assert(opened[0] == 1 && opened[1] == 1);
    ck_assert_int_eq(end[0].ops->send(end[0].o, now, IT_CHANNEL_MESSAGE, it_bytes_str("beside")), 0);
    ck_assert_int_eq(end[0].ops->send(end[0].o, now, IT_CHANNEL_MEDIA, it_bytes_str("x")), IT_ERR_UNSUPPORTED);
    start(0, 0);
    start(1, 1);
    run(11 * IT_SEC);
    ck_assert_str_eq(text, "beside");
    it_media_stats voice = stats(1, 0), video = stats(0, 1);
    ck_assert_uint_ge(voice.received, 500);
    ck_assert_uint_le(voice.received, 501);
    ck_assert_uint_eq(octets[1], voice.received * 160);
    ck_assert_uint_ge(video.shown, 299);
    ck_assert_uint_gt(octets[0], 300000); /* a key frame of eight times the mean among them */
    ck_assert_uint_eq(voice.lost + video.lost + voice.freezes + video.freezes + voice.refused + video.refused, 0);
    ck_assert_uint_eq(stats(0, 0).received, 0);
    ck_assert(voice.profile == 7 && stats(0, 0).sent == voice.received);
}
END_TEST

static void from_hex(const char *s, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        ck_assert_int_eq(sscanf(s + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
}

/* As whoever reads a capture does: nothing of the channels is used but their line. */
START_TEST(the_keys_of_the_log_open_what_is_on_the_wire)
{
    static const uint16_t PROFILES[] = {0x0001, 0x0002, 0x0007, 0x0008};
    it_channel_srtp_cfg cfg[2] = {usual(0), usual(1)};
    char name[64], hex[2][2][80];
    for (int i = 0; i < 2; i++) {
        memset(cfg[i].profiles, 0, sizeof cfg[i].profiles);
        cfg[i].profiles[0] = PROFILES[_i];
        keys[i][0] = 0;
        n_first[i] = 0;
    }
    make(cfg[0], cfg[1]);
    run(IT_SEC);
    start(0, 0);
    start(1, 0);
    run(2 * IT_SEC);
    ck_assert_str_eq(keys[0], keys[1]);
    ck_assert_int_eq(
        sscanf(keys[0], "# %63s client %79s %79s server %79s %79s", name, hex[0][0], hex[0][1], hex[1][0], hex[1][1]),
        5);
    const it_srtp_params *q = it_srtp_params_of(PROFILES[_i]);
    ck_assert_str_eq(name, q->name);
    for (int i = 0; i < 2; i++) {
        it_srtp_cfg c = {.alloc = &outside, .profile = q->profile, .way = IT_SRTP_IN};
        it_srtp_session *s;
        ck_assert(strlen(hex[i][0]) == 2u * q->key && strlen(hex[i][1]) == 2u * q->salt);
        from_hex(hex[i][0], c.key, q->key);
        from_hex(hex[i][1], c.salt, q->salt);
        ck_assert_int_eq(it_srtp_new(&c, &s), 0);
        ck_assert_int_eq(it_srtp_unprotect(s, first[i], n_first[i]), 12 + 160);
        it_srtp_free(s);
    }
}
END_TEST

START_TEST(packets_that_are_not_authentic_or_come_twice_count_for_nothing)
{
    make(usual(0), usual(1));
    run(IT_SEC);
    start(0, 0);
    spoil = 1;
    run(3 * IT_SEC);
    ck_assert(came[1] == 0 && stats(1, 0).received == 0);
    ck_assert_uint_ge(stats(1, 0).refused, 100);
    spoil = 2;
    run(5 * IT_SEC);
    spoil = 0;
    ck_assert_uint_ge(stats(1, 0).received, 99);
    ck_assert_uint_eq(stats(1, 0).duplicate, 0); /* the replay list takes them before they are counted */
    ck_assert_uint_ge(stats(1, 0).refused, 199);
}
END_TEST

START_TEST(a_goodbye_is_told_and_nothing_is_sent_after_it)
{
    make(usual(0), usual(1));
    run(IT_SEC);
    start(0, 0);
    run(3 * IT_SEC);
    end[0].ops->stream(end[0].o, now, 0, IT_CHANNEL_LEAVE);
    run(4 * IT_SEC);
    uint64_t was = came[1];
    ck_assert_uint_eq(byes[1], 1);
    run(20 * IT_SEC);
    ck_assert_uint_eq(came[1], was);
    start(1, 0);
    run(21 * IT_SEC);
    end[0].ops->close(end[0].o, now);
    run(22 * IT_SEC);
    ck_assert_uint_eq(closed[1], 1);
    was = came[0];
    run(24 * IT_SEC);
    ck_assert_uint_eq(came[0], was); /* who was told the end says nothing more */
}
END_TEST

START_TEST(a_far_side_without_a_common_profile_is_no_channel)
{
    it_channel_srtp_cfg b = usual(1);
    memset(b.profiles, 0, sizeof b.profiles);
    b.profiles[0] = 2;
    make(usual(0), b);
    run(5 * IT_SEC);
    ck_assert(opened[0] == 0 && opened[1] == 0);
    ck_assert_ptr_nonnull(strstr(why[0], "no profile of SRTP"));
    ck_assert_ptr_nonnull(strstr(why[1], "no profile of SRTP"));
}
END_TEST

START_TEST(media_before_the_keys_is_as_good_as_lost)
{
    uint8_t rtp[60] = {0x80, 111};
    it_media_stats s;
    make(usual(0), usual(1));
    it_io in = {.kind = IT_IO_DGRAM, .data = {rtp, sizeof rtp}};
    ck_assert_int_eq(end[1].ops->input(end[1].o, 0, &in), 0);
    ck_assert(!end[1].ops->stats(end[1].o, 0, &s));
    start(1, 0); /* nothing yet */
    run(IT_SEC);
    ck_assert(opened[1] == 1 && came[1] == 0 && came[0] == 0);
}
END_TEST

/* RFC 7983 section 7. */
/* RFC 9143 section 9.2: two streams of one payload type, as browsers offer them: by their sources, which were told, or
 * as they come. */
START_TEST(streams_of_one_payload_type_are_told_apart_by_their_sources)
{
    it_channel_srtp_cfg a = usual(0), b = usual(1);
    for (int i = 0; i < 2; i++) {
        it_channel_srtp_cfg *c = i ? &b : &a;
        c->flow[1] = c->flow[0];
        c->flow[1].ssrc = 300 + (uint32_t)i;
    }
    if (_i == 0) { /* in the other order than they come in */
        b.flow[0].far_ssrc = 300;
        b.flow[1].far_ssrc = 100;
    }
    make(a, b);
    run(2 * IT_SEC);
    start(0, 0);
    run(3 * IT_SEC);
    start(0, 1);
    run(5 * IT_SEC);
    int earlier = _i == 0;
    ck_assert_uint_ge(stats(1, earlier).received, 145);
    ck_assert_uint_ge(stats(1, 1 - earlier).received, 95);
    ck_assert_uint_le(stats(1, 1 - earlier).received, 105);
}
END_TEST

START_TEST(the_first_byte_tells_what_it_takes)
{
    for (int i = 0; i < 256; i++) {
        uint8_t d[40] = {(uint8_t)i, 111};
        bool dtls = i >= 20 && i <= 63, rtp = i >= 128 && i <= 191;
        ck_assert_int_eq(it_channel_srtp_takes(it_bytes_of(d, sizeof d)), dtls || rtp);
    }
}
END_TEST

START_TEST(flows_that_cannot_be_are_refused)
{
    it_alloc_init(&mem);
    it_channel_srtp_cfg c = usual(0);
    c.n_flows = _i == 0 ? 0 : _i == 1 ? IT_CHANNEL_FLOWS + 1 : 2;
    if (_i == 2)
        c.flow[1].far_rate = 0;
    if (_i == 3)
        c.flow[1].bitrate = 0;
    if (_i == 4)
        c.flow[0].pt = 128;
    ck_assert_ptr_null(it_channel_srtp(&c, 0).ops);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/channel_srtp");
    TCase *t = tcase_create("channel");
    tcase_add_unchecked_fixture(t, once, once_end);
    tcase_add_checked_fixture(t, NULL, teardown);
    suite_add_tcase(s, t);
    tcase_add_test(t, voice_goes_50_times_a_second_and_video_in_frames_beside_messages);
    tcase_add_loop_test(t, the_keys_of_the_log_open_what_is_on_the_wire, 0, 4);
    tcase_add_test(t, packets_that_are_not_authentic_or_come_twice_count_for_nothing);
    tcase_add_test(t, a_goodbye_is_told_and_nothing_is_sent_after_it);
    tcase_add_test(t, a_far_side_without_a_common_profile_is_no_channel);
    tcase_add_test(t, media_before_the_keys_is_as_good_as_lost);
    tcase_add_loop_test(t, streams_of_one_payload_type_are_told_apart_by_their_sources, 0, 2);
    tcase_add_test(t, the_first_byte_tells_what_it_takes);
    tcase_add_loop_test(t, flows_that_cannot_be_are_refused, 0, 5);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
