/* stack/rtp/report.c: what a session says and understands in RTCP. */
#include "stack/rtp/clock.h"
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

/* Goes on until end 0 writes RTCP; it is left in |buf|. */
static it_bytes next_report(uint8_t *buf, size_t cap)
{
    for (;;) {
        it_io out;
        while (it_rtp_session_output(x.end[0], x.now, &out, buf, cap) > 0)
            if (it_rtp_kind(out.data) == IT_RTP_CONTROL)
                return out.data;
        x.now = it_rtp_session_next(x.end[0]);
        ck_assert(x.now < 100 * IT_SEC);
        ck_assert_int_eq(it_rtp_session_tick(x.end[0], x.now), 0);
    }
}

static void give(const char *hex)
{
    uint8_t b[128];
    it_io in = {.kind = IT_IO_DGRAM, .data = kit_hex(b, hex)};
    ck_assert_int_eq(it_rtp_session_input(x.end[0], x.now, &in), (int)in.data.n);
}

START_TEST(a_receiver_reports_rr_and_a_sender_sr)
{
    uint8_t buf[1472];
    it_rtcp p;
    it_rtcp_sr sr;
    it_bytes d = next_report(buf, sizeof buf);
    ck_assert_int_eq(it_rtcp_check(d, false), 0);
    ck_assert_int_eq(it_rtcp_next(&d, &p), 1);
    ck_assert(p.type == IT_RTCP_RR && p.count == 0);
    ck_assert_int_eq(it_rtcp_next(&d, &p), 1);
    ck_assert_int_eq(p.type, IT_RTCP_SDES);
    ck_assert_int_eq(it_rtcp_next(&d, &p), 0);
    it_time start = x.now;
    it_rtp_session_start(x.end[0], start);
    d = next_report(buf, sizeof buf);
    ck_assert_int_eq(it_rtcp_next(&d, &p), 1);
    ck_assert_int_eq(it_rtcp_read_sr(&p, &sr), 0);
    const it_rtp_source *s = it_rtp_session_source(x.end[0]);
    ck_assert(sr.ssrc == 100 && sr.packets == s->packets && sr.octets == s->octets && sr.ntp == it_rtp_ntp(x.now));
    ck_assert_uint_eq(
        sr.ts, s->ts_first + (uint32_t)((x.now - start) / (IT_SEC / 1000) * 48 + (x.now - start) % IT_MS * 48 / IT_MS));
    it_rtp_session_stop(x.end[0], x.now);
    next_report(buf, sizeof buf);
    next_report(buf, sizeof buf);
    d = next_report(buf, sizeof buf); /* nothing since the report before the last */
    ck_assert_int_eq(it_rtcp_next(&d, &p), 1);
    ck_assert_int_eq(p.type, IT_RTCP_RR);
}
END_TEST

START_TEST(a_block_is_there_for_who_sent_since_the_last_report)
{
    uint8_t buf[1472];
    it_rtcp p;
    it_rtcp_block b;
    it_bytes d;
    give("806f 0001 00000000 00000007 00");
    give("80c80006 00000007 1234567890abcdef 00000000 00000001 00000001");
    d = next_report(buf, sizeof buf);
    ck_assert(it_rtcp_next(&d, &p) == 1 && p.count == 1);
    it_rtcp_read_block(&p, 0, &b);
    ck_assert(b.ssrc == 7 && b.highest == 1 && b.lost == 0 && b.lsr == 0x567890ab);
    ck_assert_uint_eq(b.dlsr, it_rtp_short(x.now));
    d = next_report(buf, sizeof buf);
    ck_assert(it_rtcp_next(&d, &p) == 1 && p.count == 0);
}
END_TEST

START_TEST(feedback_about_us_is_told_and_asks_for_a_key_frame)
{
    it_rtp_event ev;
    it_rtp_session_cfg cfg = pair_cfg(&x, 0);
    cfg.source = it_rtp_video(100, IT_RTP_PT_VIDEO, 1000000, cfg.rng);
    cfg.reduced = true;
    it_rtp_session_free(x.end[0]);
    pair_join(&x, 0, &cfg);
    ck_assert(!it_rtp_session_source(x.end[0])->key_wanted);
    give("81ce0002 00000007 00000065"); /* PLI of another's media */
    ck_assert(!it_rtp_session_source(x.end[0])->key_wanted && it_rtp_session_event(x.end[0], &ev) == 0);
    give("81cd0003 00000007 00000064 00050001"); /* NACK */
    ck_assert(!it_rtp_session_source(x.end[0])->key_wanted && it_rtp_session_event(x.end[0], &ev) == 1);
    ck_assert(ev.kind == IT_RTP_EV_FEEDBACK && ev.ssrc == 7 && ev.feedback.type == IT_RTCP_RTPFB);
    ck_assert(ev.feedback.fci.n == 4 && it_get32(ev.feedback.fci.p) == 0x50001);
    give("81ce0002 00000007 00000064"); /* PLI */
    ck_assert(it_rtp_session_source(x.end[0])->key_wanted && it_rtp_session_event(x.end[0], &ev) == 1);
}
END_TEST

START_TEST(a_full_intra_request_names_its_source_inside)
{
    it_rtp_session_cfg cfg = pair_cfg(&x, 0);
    cfg.reduced = true;
    it_rtp_session_free(x.end[0]);
    pair_join(&x, 0, &cfg);
    give("84ce0004 00000007 00000000 00000065 01000000");
    ck_assert(!it_rtp_session_source(x.end[0])->key_wanted);
    give("84ce0004 00000007 00000000 00000064 01000000");
    ck_assert(it_rtp_session_source(x.end[0])->key_wanted);
}
END_TEST

START_TEST(a_round_trip_time_is_what_is_left_of_the_report)
{
    it_rtp_event ev;
    x.now = 10 * IT_SEC;
    uint32_t a = (uint32_t)(it_rtp_ntp(x.now) >> 16);
    char hex[128];
    snprintf(hex, sizeof hex, "81c90007 00000007 00000064 00000000 00000000 00000000 %08x %08x", a - 3 * 65536,
             65536 + 32768);
    give(hex);
    ck_assert_int_eq(it_rtp_session_event(x.end[0], &ev), 1);
    ck_assert(ev.kind == IT_RTP_EV_REPORT && ev.rtt == 1500 * IT_MS && ev.ssrc == 7);
    give("81c90007 00000007 00000064 00000000 00000000 00000000 00000000 00000000");
    ck_assert(it_rtp_session_event(x.end[0], &ev) == 1 && ev.rtt == IT_NEVER);
    snprintf(hex, sizeof hex, "81c90007 00000007 00000064 00000000 00000000 00000000 %08x %08x", a, 65536);
    give(hex); /* a delay longer than all of it */
    ck_assert(it_rtp_session_event(x.end[0], &ev) == 1 && ev.rtt == 0);
    give("81c90007 00000007 00000065 00000000 00000000 00000000 00000000 00000000"); /* about another */
    ck_assert_int_eq(it_rtp_session_event(x.end[0], &ev), 0);
}
END_TEST

START_TEST(events_that_nobody_takes_are_counted)
{
    it_rtp_event ev;
    it_rtp_counts c;
    int n = 0;
    for (int i = 0; i < 40; i++)
        give("81c90007 00000007 00000064 00000000 00000000 00000000 00000000 00000000");
    while (it_rtp_session_event(x.end[0], &ev))
        n++;
    it_rtp_session_counts(x.end[0], &c);
    ck_assert(n == 32 && c.missed == 8);
}
END_TEST

/* RFC 5104 section 4.3.1.1. */
START_TEST(a_full_intra_request_of_several_entries_counts_once_until_its_number_changes)
{
    static const struct {
        const char *packet;
        bool asks;
    } ROWS[] = {
        {"84ce0006 00000007 00000000 00000065 05000000 00000064 09000000", true},  /* the second entry is ours */
        {"84ce0006 00000007 00000000 00000065 06000000 00000064 09000000", false}, /* repeated */
        {"84ce0004 00000007 00000000 00000064 0a000000", true},
        {"84ce0004 00000008 00000000 00000064 0a000000", true}, /* another who asks has numbers of its own */
        {"84ce0004 00000008 00000000 00000065 0b000000", false},
    };
    it_rtp_session_cfg cfg = pair_cfg(&x, 0);
    cfg.reduced = true;
    it_rtp_session_free(x.end[0]);
    pair_join(&x, 0, &cfg);
    it_rtp_session_start(x.end[0], x.now);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        ((it_rtp_source *)it_rtp_session_source(x.end[0]))->key_wanted = false;
        give(ROWS[i].packet);
        ck_assert_msg(it_rtp_session_source(x.end[0])->key_wanted == ROWS[i].asks, "row %zu", i);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rtp/report");
    TCase *t = tcase_create("report");
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_receiver_reports_rr_and_a_sender_sr);
    tcase_add_test(t, a_block_is_there_for_who_sent_since_the_last_report);
    tcase_add_test(t, feedback_about_us_is_told_and_asks_for_a_key_frame);
    tcase_add_test(t, a_full_intra_request_names_its_source_inside);
    tcase_add_test(t, a_full_intra_request_of_several_entries_counts_once_until_its_number_changes);
    tcase_add_test(t, a_round_trip_time_is_what_is_left_of_the_report);
    tcase_add_test(t, events_that_nobody_takes_are_counted);
    return kit_run(s);
}
