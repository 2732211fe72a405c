/* stack/rtp/source.c: voice and paced video. */
#include "stack/rtp/source.h"

#include "tests/stack/rtp/kit.h"

static it_rng stream(uint64_t seed)
{
    it_rng r;
    it_rng_init(&r, seed, "media");
    return r;
}

static it_rtp_source made(const it_rtp_source_cfg *cfg)
{
    it_rtp_source s;
    ck_assert_int_eq(it_rtp_source_init(&s, cfg), 0);
    return s;
}

/* Takes what is due; |p| is the packet read. */
static bool take(it_rtp_source *s, it_time now, it_rtp *p)
{
    static uint8_t b[1500];
    int n = it_rtp_source_packet(s, now, b, sizeof b);
    ck_assert_int_ge(n, 0);
    if (n > 0)
        ck_assert_int_eq(it_rtp_parse(p, it_bytes_of(b, (size_t)n)), 0);
    return n > 0;
}

START_TEST(voice_is_a_packet_of_160_bytes_every_20_ms)
{
    it_rtp_source_cfg cfg = it_rtp_voice(7, IT_RTP_PT_OPUS, stream(1));
    it_rtp_source s = made(&cfg);
    it_rtp p, was = {.seq = 0};
    ck_assert(!take(&s, 0, &p) && s.due == IT_NEVER);
    it_rtp_source_start(&s, 3 * IT_SEC);
    for (int i = 0; i < 50; i++) {
        it_time now = 3 * IT_SEC + i * 20 * IT_MS;
        ck_assert_int_eq(s.due, now);
        ck_assert(!take(&s, now - 1, &p));
        ck_assert(take(&s, now, &p) && !take(&s, now, &p));
        ck_assert(p.payload.n == 160 && p.pt == 111 && p.ssrc == 7 && p.marker == (i == 0));
        ck_assert(i == 0 || (p.seq == (uint16_t)(was.seq + 1) && p.ts == was.ts + 960));
        was = p;
    }
    ck_assert(s.packets == 50 && s.octets == 8000);
    it_rtp_source_stop(&s);
    ck_assert(!take(&s, 10 * IT_SEC, &p));
}
END_TEST

/* 8 kHz; and what was not asked for in time is not made up for, but timestamps go on with time. */
START_TEST(a_late_caller_does_not_catch_up)
{
    it_rtp_source_cfg cfg = it_rtp_voice(7, IT_RTP_PT_PCMU, stream(1));
    it_rtp_source s = made(&cfg);
    it_rtp first, p;
    it_rtp_source_start(&s, 0);
    ck_assert(take(&s, 0, &first));
    ck_assert(take(&s, 105 * IT_MS, &p) && !take(&s, 105 * IT_MS, &p));
    ck_assert(p.seq == (uint16_t)(first.seq + 1) && p.ts == first.ts + 840 && s.due == 125 * IT_MS);
    it_rtp_source_stop(&s);
    it_rtp_source_start(&s, IT_SEC);
    ck_assert(take(&s, IT_SEC, &p));
    ck_assert(p.seq == (uint16_t)(first.seq + 2) && p.ts == first.ts + 8000 && p.marker);
}
END_TEST

/* Runs video for |until| by its own clock; checks each packet, and that it is paced. */
static uint64_t run_video(it_rtp_source *s, it_time until)
{
    it_rtp p, first = {.seq = 0}, was = {.seq = 0};
    uint64_t packets = 0;
    for (it_time now = 0; now < until; now = s->due) {
        ck_assert(take(s, now, &p));
        if (packets == 0)
            first = p;
        else
            ck_assert_uint_eq(p.seq, (uint16_t)(was.seq + 1));
        uint64_t frame = (uint64_t)now * 30 / (uint64_t)IT_SEC + ((uint64_t)now * 30 % (uint64_t)IT_SEC > 999999000);
        ck_assert_uint_eq((p.ts - first.ts + 1) / 3000, frame);
        ck_assert(packets == 0 || (p.ts != was.ts) == was.marker);
        ck_assert_uint_le(p.payload.n, 1100);
        ck_assert_int_gt(s->due, now);
        was = p;
        packets++;
    }
    return packets;
}

START_TEST(video_is_thirty_frames_a_second_spread_over_their_intervals)
{
    it_rtp_source_cfg cfg = it_rtp_video(9, IT_RTP_PT_VIDEO, 1500000, stream(2));
    it_rtp_source s = made(&cfg);
    it_rtp_source_start(&s, 0);
    uint64_t packets = run_video(&s, 20 * IT_SEC);
    ck_assert_uint_ge(s.frames, 600);
    ck_assert_uint_le(s.frames, 601);
    ck_assert_uint_eq(s.keys, 2);
    /* 20 s of 1.5 Mbit/s, and two key frames of eight times the mean. */
    ck_assert_uint_gt(s.octets, 3750000 * 97 / 100);
    ck_assert_uint_lt(s.octets, 3750000 * 105 / 100);
    ck_assert_uint_gt(packets, 600 * 5);
}
END_TEST

START_TEST(a_key_frame_comes_when_it_is_asked_for)
{
    it_rtp_source_cfg cfg = it_rtp_video(9, IT_RTP_PT_VIDEO, 1000000, stream(2));
    it_rtp_source s = made(&cfg);
    it_rtp_source_start(&s, 0);
    run_video(&s, IT_SEC);
    ck_assert_uint_eq(s.keys, 1);
    uint32_t usual = s.parts;
    it_rtp_source_key(&s);
    it_rtp p;
    do
        ck_assert(take(&s, s.due, &p));
    while (!p.marker);
    while (s.keys == 1)
        ck_assert(take(&s, s.due, &p));
    ck_assert_uint_gt(s.parts, 4 * usual);
}
END_TEST

START_TEST(frames_that_nobody_asked_for_are_left_out)
{
    it_rtp_source_cfg cfg = it_rtp_video(9, IT_RTP_PT_VIDEO, 100000, stream(2));
    it_rtp_source s = made(&cfg);
    it_rtp first, p;
    it_rtp_source_start(&s, 0);
    ck_assert(take(&s, 0, &first));
    while (!first.marker)
        ck_assert(take(&s, s.due, &first));
    ck_assert(take(&s, 2 * IT_SEC, &p));
    ck_assert_uint_eq(p.ts - first.ts, 180000);
    ck_assert_uint_eq(s.frames, 2);
}
END_TEST

START_TEST(equal_streams_give_equal_packets)
{
    it_rtp_source_cfg a = it_rtp_video(9, 96, 700000, stream(5)), b = it_rtp_video(9, 96, 700000, stream(5));
    it_rtp_source_cfg c = it_rtp_video(9, 96, 700000, stream(6));
    it_rtp_source x = made(&a), y = made(&b), z = made(&c);
    it_rtp_source_start(&x, 0);
    it_rtp_source_start(&y, 0);
    it_rtp_source_start(&z, 0);
    run_video(&x, 5 * IT_SEC);
    run_video(&y, 5 * IT_SEC);
    run_video(&z, 5 * IT_SEC);
    ck_assert(x.octets == y.octets && x.seq == y.seq && x.ts == y.ts && x.due == y.due);
    ck_assert(x.octets != z.octets && x.ts != z.ts);
}
END_TEST

START_TEST(a_config_out_of_range_is_refused)
{
    it_rtp_source s;
    it_rtp_source_cfg good = it_rtp_video(9, 96, 700000, stream(5)), bad = good;
    ck_assert_int_eq(it_rtp_source_init(&s, &good), 0);
    bad.bitrate = 0;
    ck_assert_int_eq(it_rtp_source_init(&s, &bad), IT_ERR_RANGE);
    bad = good, bad.payload = 0;
    ck_assert_int_eq(it_rtp_source_init(&s, &bad), IT_ERR_RANGE);
    bad = good, bad.payload = 1401;
    ck_assert_int_eq(it_rtp_source_init(&s, &bad), IT_ERR_RANGE);
    bad = good, bad.pt = 128;
    ck_assert_int_eq(it_rtp_source_init(&s, &bad), IT_ERR_RANGE);
    bad = good, bad.rate = 0;
    ck_assert_int_eq(it_rtp_source_init(&s, &bad), IT_ERR_RANGE);
    bad = good, bad.fps = 1001;
    ck_assert_int_eq(it_rtp_source_init(&s, &bad), IT_ERR_RANGE);
}
END_TEST

/* RFC 3711 section 3.3.1: a first sequence number below 2^15 leaves no doubt about the rollover counter. */
START_TEST(the_first_sequence_number_is_below_2_15)
{
    bool high = false;
    for (uint64_t seed = 0; seed < 64; seed++) {
        it_rtp_source_cfg cfg = it_rtp_voice(7, IT_RTP_PT_OPUS, stream(seed));
        it_rtp_source s = made(&cfg);
        ck_assert_uint_lt(s.seq, 0x8000);
        high |= s.seq >= 0x4000;
    }
    ck_assert(high);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/source");
    TCase *t = tcase_create("source");
    suite_add_tcase(s, t);
    tcase_add_test(t, voice_is_a_packet_of_160_bytes_every_20_ms);
    tcase_add_test(t, a_late_caller_does_not_catch_up);
    tcase_add_test(t, video_is_thirty_frames_a_second_spread_over_their_intervals);
    tcase_add_test(t, a_key_frame_comes_when_it_is_asked_for);
    tcase_add_test(t, frames_that_nobody_asked_for_are_left_out);
    tcase_add_test(t, equal_streams_give_equal_packets);
    tcase_add_test(t, a_config_out_of_range_is_refused);
    tcase_add_test(t, the_first_sequence_number_is_below_2_15);
    return kit_run(s);
}
