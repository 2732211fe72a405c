/* stack/rtp/session.c: two ends with media both ways. */
#include "tests/oom/stairs.h"
#include "tests/stack/rtp/pair.h"

static pair x;

static void setup(void)
{
    pair_init(&x);
}

static void teardown(void)
{
    pair_fini(&x);
}

static const it_rtp_member *other(int i)
{
    return it_rtp_session_member(x.end[i], 0);
}

START_TEST(a_call_without_loss_loses_nothing)
{
    it_rtp_session_start(x.end[0], 0);
    it_rtp_session_start(x.end[1], 0);
    pair_run(&x, 60 * IT_SEC);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(it_rtp_stats_expected(&other(i)->stats), 2999); /* the last are under way */
        ck_assert_uint_eq(it_rtp_stats_lost(&other(i)->stats), 0);
        ck_assert(other(i)->stats.late == 0 && other(i)->stats.jitter16 == 0 &&
                  other(i)->stats.longest_gap == 20 * IT_MS);
        ck_assert_int_eq(x.events[i][IT_RTP_EV_SOURCE], 1);
        ck_assert_int_eq(x.events[i][IT_RTP_EV_TIMEOUT], 0);
        ck_assert_uint_eq(x.last[i][IT_RTP_EV_SOURCE].ssrc, 101 - (uint32_t)i);
    }
}
END_TEST

START_TEST(losses_are_those_of_the_wire_and_are_reported)
{
    x.loss_ppm = 100000;
    it_rtp_session_start(x.end[0], 0);
    pair_run(&x, 100 * IT_SEC);
    uint64_t lost = it_rtp_stats_lost(&other(1)->stats), expected = it_rtp_stats_expected(&other(1)->stats);
    ck_assert(lost > expected * 8 / 100 && lost < expected * 12 / 100);
    ck_assert_int_gt(x.events[0][IT_RTP_EV_REPORT], 10);
    ck_assert_int_eq(x.events[1][IT_RTP_EV_REPORT], 0);
    const it_rtcp_block *b = &x.last[0][IT_RTP_EV_REPORT].report;
    ck_assert(b->ssrc == 100 && b->lost > 300 && b->fraction > 5 && b->fraction < 60);
    ck_assert_int_ge(x.last[0][IT_RTP_EV_REPORT].rtt, 60 * IT_MS - 50 * IT_US);
    ck_assert_int_le(x.last[0][IT_RTP_EV_REPORT].rtt, 60 * IT_MS + 50 * IT_US);
}
END_TEST

START_TEST(who_leaves_says_so_at_once_and_keeps_its_statistics)
{
    it_rtp_session_start(x.end[0], 0);
    pair_run(&x, 10 * IT_SEC);
    it_rtp_session_leave(x.end[0], x.now);
    pair_run(&x, 11 * IT_SEC);
    ck_assert_int_eq(x.events[1][IT_RTP_EV_BYE], 1);
    ck_assert(other(1)->gone && other(1)->stats.received == 501);
    ck_assert_int_eq(it_rtp_stats_gap(&other(1)->stats, 100 * IT_SEC), 20 * IT_MS);
    ck_assert_int_eq(it_rtp_session_next(x.end[0]), IT_NEVER);
    it_rtp_session_start(x.end[0], x.now);
    ck_assert_int_eq(it_rtp_session_next(x.end[0]), IT_NEVER);
    pair_run(&x, 100 * IT_SEC);
    ck_assert_int_eq(x.events[1][IT_RTP_EV_BYE] + x.events[1][IT_RTP_EV_TIMEOUT], 1);
}
END_TEST

/* RFC 3550 section 6.3.7. */
START_TEST(who_never_sent_anything_says_no_bye)
{
    it_rtp_counts c;
    it_rtp_session_leave(x.end[0], 0);
    pair_run(&x, 20 * IT_SEC);
    it_rtp_session_counts(x.end[1], &c);
    ck_assert_uint_eq(c.rtcp_received, 0);
}
END_TEST

START_TEST(who_is_silent_for_five_intervals_is_gone_and_may_come_back)
{
    it_rtp_session_start(x.end[0], 0);
    pair_run(&x, 20 * IT_SEC);
    x.cut[0] = true;
    pair_run(&x, 44 * IT_SEC);
    ck_assert_int_eq(x.events[1][IT_RTP_EV_TIMEOUT], 0);
    pair_run(&x, 60 * IT_SEC);
    ck_assert_int_eq(x.events[1][IT_RTP_EV_TIMEOUT], 1);
    ck_assert(other(1)->gone);
    x.cut[0] = false;
    pair_run(&x, 61 * IT_SEC);
    ck_assert(!other(1)->gone);
    ck_assert_int_eq(x.events[1][IT_RTP_EV_SOURCE], 2);
}
END_TEST

START_TEST(a_stalled_stream_shows_as_gap_and_freeze)
{
    it_rtp_session_start(x.end[0], 0);
    pair_run(&x, 20 * IT_SEC);
    x.cut[0] = true;
    pair_run(&x, 22 * IT_SEC);
    x.cut[0] = false;
    pair_run(&x, 30 * IT_SEC);
    const it_rtp_stats *s = &other(1)->stats;
    ck_assert_int_ge(s->longest_gap, 2 * IT_SEC);
    ck_assert_int_le(s->longest_gap, 2040 * IT_MS);
    ck_assert(s->freezes == 1 && s->longest_freeze == s->longest_gap);
    ck_assert_uint_ge(it_rtp_stats_lost(s), 100);
    ck_assert_uint_le(it_rtp_stats_lost(s), 101);
}
END_TEST

START_TEST(video_is_shown_frame_by_frame)
{
    it_rtp_session_cfg cfg = pair_cfg(&x, 0);
    cfg.source = it_rtp_video(100, IT_RTP_PT_VIDEO, 1000000, cfg.rng);
    it_rtp_session_free(x.end[0]);
    pair_join(&x, 0, &cfg);
    it_rtp_session_start(x.end[0], 0);
    pair_run(&x, 20 * IT_SEC);
    ck_assert(other(1)->stats.shown >= 598 && other(1)->stats.freezes == 0);
    x.loss_ppm = 20000;
    pair_run(&x, 40 * IT_SEC);
    ck_assert(other(1)->stats.shown < 1180 && other(1)->stats.shown > 900);
}
END_TEST

static void give(const char *hex)
{
    uint8_t b[64];
    it_io in = {.kind = IT_IO_DGRAM, .data = kit_hex(b, hex)};
    ck_assert_int_eq(it_rtp_session_input(x.end[0], 0, &in), (int)in.data.n);
}

START_TEST(what_is_not_for_it_is_counted_and_dropped)
{
    it_rtp_counts c;
    give("806f");                                /* no whole header */
    give("00010000 2112a442");                   /* STUN */
    give("8005 0001 00000000 00000009");         /* a payload type that nobody agreed on */
    give("806f 0001 00000000 00000064");         /* our own SSRC */
    give("80c90001 00000064");                   /* in RTCP too */
    give("81cb0000");                            /* a BYE without its SSRC, and no compound */
    give("80c90001 00000007 80cf0001 00000007"); /* XR is not understood, and no matter */
    it_rtp_session_counts(x.end[0], &c);
    ck_assert(c.malformed == 3 && c.unknown == 1 && c.collisions == 2 && c.rtcp_received == 2);
    ck_assert_uint_eq(other(0)->ssrc, 7);
    ck_assert_ptr_null(it_rtp_session_member(x.end[0], 1));
}
END_TEST

START_TEST(no_more_members_than_a_report_has_blocks)
{
    it_rtp_counts c;
    for (unsigned i = 0; i < IT_RTP_MEMBERS + 1; i++) {
        char hex[64];
        snprintf(hex, sizeof hex, "806f 0001 00000000 %08x", 1000 + i);
        give(hex);
    }
    it_rtp_session_counts(x.end[0], &c);
    ck_assert_uint_eq(c.unknown, 1);
    ck_assert_ptr_nonnull(it_rtp_session_member(x.end[0], IT_RTP_MEMBERS - 1));
    give("80c90001 000003e9 81cb0001 000003e9"); /* one leaves, and there is room */
    give("806f 0001 00000000 00004000");
    it_rtp_session_counts(x.end[0], &c);
    ck_assert(c.unknown == 1 && it_rtp_session_member(x.end[0], 1)->ssrc == 0x4000);
}
END_TEST

START_TEST(a_config_that_cannot_be_is_refused)
{
    it_rtp_session *s;
    it_rtp_session_cfg cfg = pair_cfg(&x, 0);
    cfg.cname = "";
    ck_assert_int_eq(it_rtp_session_new(&cfg, 0, &s), IT_ERR_RANGE);
    cfg = pair_cfg(&x, 0);
    cfg.bandwidth = 999;
    ck_assert_int_eq(it_rtp_session_new(&cfg, 0, &s), IT_ERR_RANGE);
    cfg = pair_cfg(&x, 0);
    cfg.source.rate = 0;
    ck_assert_int_eq(it_rtp_session_new(&cfg, 0, &s), IT_ERR_RANGE);
    ck_assert_ptr_null(s);
}
END_TEST

static int life(it_alloc *alloc)
{
    it_rtp_session *s;
    it_rtp_session_cfg cfg = pair_cfg(&x, 0);
    cfg.alloc = alloc;
    int r = it_rtp_session_new(&cfg, 0, &s);
    it_rtp_session_free(s);
    return r;
}

START_TEST(without_memory_there_is_no_session)
{
    ck_assert_uint_eq(stairs_climb(life, false, 10, 1), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/session");
    TCase *t = tcase_create("session");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_call_without_loss_loses_nothing);
    tcase_add_test(t, losses_are_those_of_the_wire_and_are_reported);
    tcase_add_test(t, who_leaves_says_so_at_once_and_keeps_its_statistics);
    tcase_add_test(t, who_never_sent_anything_says_no_bye);
    tcase_add_test(t, who_is_silent_for_five_intervals_is_gone_and_may_come_back);
    tcase_add_test(t, a_stalled_stream_shows_as_gap_and_freeze);
    tcase_add_test(t, video_is_shown_frame_by_frame);
    tcase_add_test(t, what_is_not_for_it_is_counted_and_dropped);
    tcase_add_test(t, no_more_members_than_a_report_has_blocks);
    tcase_add_test(t, a_config_that_cannot_be_is_refused);
    tcase_add_test(t, without_memory_there_is_no_session);
    return kit_run(s);
}
