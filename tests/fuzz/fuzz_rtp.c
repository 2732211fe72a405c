/* RTP, RTCP and a session. What parses is written again, to the same bytes but for the filler of padding; a session
 * takes any datagrams at any time, what it writes is well-formed, and its statistics stay possible. */
#include "stack/rtp/session.h"
#include "tests/fuzz/fuzz.h"

static void parse_rtp(it_bytes d)
{
    it_rtp r;
    it_rtp_ext e;
    size_t at = 0, was = 0;
    uint8_t again[2048];
    if (it_rtp_parse(&r, d) < 0)
        return;
    MUST(it_rtp_build(&r, again, sizeof again) == (int)d.n);
    MUST(memcmp(again, d.p, d.n - r.padding) == 0);
    for (size_t i = 0; i < r.csrc.n / 4; i++)
        (void)it_rtp_csrc(&r, i);
    while (it_rtp_ext_next(&r, &at, &e)) {
        MUST(at > was && at <= r.ext.n && (e.data.n == 0 || e.data.p + e.data.n <= r.ext.p + r.ext.n));
        was = at;
    }
}

static void parse_sdes(const it_rtcp *p)
{
    it_rtcp_sdes where = {.at = 0};
    it_rtcp_item item;
    while (it_rtcp_next_item(p, &where, &item) > 0)
        MUST(item.text.n == 0 || item.text.p + item.text.n <= p->body.p + p->body.n);
}

static void parse_rtcp(it_bytes d)
{
    it_rtcp p;
    it_rtcp_sr sr;
    it_rtcp_block b;
    it_bytes ssrcs, why, rest = d;
    it_rtcp_feedback f;
    uint32_t who;
    size_t n = 0;
    int r;
    while ((r = it_rtcp_next(&rest, &p)) > 0) {
        n++;
        if (it_rtcp_read_sr(&p, &sr) == 0 || it_rtcp_read_rr(&p, &who) == 0)
            for (unsigned i = 0; i < p.count; i++)
                it_rtcp_read_block(&p, i, &b);
        parse_sdes(&p);
        MUST(it_rtcp_read_bye(&p, &ssrcs, &why) < 0 || ssrcs.n == 4u * p.count);
        MUST(it_rtcp_read_feedback(&p, &f) < 0 || f.fci.n == p.body.n - 8);
    }
    MUST(it_rtcp_check(d, true) < 0 || (r == 0 && n > 0));
}

static void drain(it_rtp_session *s, it_time now)
{
    it_io out;
    it_rtp_event ev;
    uint8_t buf[1472];
    int n = 0;
    while (it_rtp_session_output(s, now, &out, buf, sizeof buf) > 0) {
        it_rtp r;
        MUST(++n < 1000);
        if (it_rtp_kind(out.data) == IT_RTP_CONTROL)
            MUST(it_rtcp_check(out.data, false) == 0);
        else
            MUST(it_rtp_parse(&r, out.data) == 0);
    }
    while (it_rtp_session_event(s, &ev))
        MUST(ev.kind != IT_RTP_EV_REPORT || ev.rtt >= 0);
    MUST(it_rtp_session_next(s) > now);
}

static void possible(const it_rtp_session *s, it_time now)
{
    const it_rtp_member *m;
    for (unsigned i = 0; (m = it_rtp_session_member(s, i)); i++) {
        const it_rtp_stats *x = &m->stats;
        if (!m->have_format)
            continue;
        MUST(it_rtp_stats_lost(x) <= it_rtp_stats_expected(x) || x->restarts);
        MUST(x->duplicates + x->reordered <= x->received + 1 || x->restarts);
        MUST(x->longest_gap >= 0 && x->longest_gap <= now && x->frozen >= 0 && x->frozen <= now);
        MUST(it_rtp_stats_freeze(x, now) <= now && it_rtp_stats_jitter(x) >= 0);
    }
}

static void step(it_rtp_session *s, it_time *now, fuzz *f)
{
    uint8_t what = fuzz_u8(f);
    it_bytes d = fuzz_bytes(f);
    uint8_t *exact = fuzz_exact(d);
    it_io in = {.kind = IT_IO_DGRAM, .data = {exact, d.n}};
    *now += (it_time)(what & 0x3f) * (what & 0x40 ? IT_SEC : IT_MS);
    if (what == 0xff)
        it_rtp_session_leave(s, *now);
    parse_rtp(in.data);
    parse_rtcp(in.data);
    MUST(it_rtp_session_tick(s, *now) == 0);
    drain(s, *now);
    MUST(it_rtp_session_input(s, *now, &in) == (int)d.n);
    drain(s, *now);
    possible(s, *now);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_rtp_session *s;
    it_rng rng;
    it_time now = 0;
    fuzz f = {data, size};
    uint8_t how = fuzz_u8(&f);
    it_alloc_init(&mem);
    it_rng_init(&rng, how, "fuzz");
    it_rtp_session_cfg cfg = {.alloc = &mem,
                              .formats = {{111, 48000, false}, {96, 90000, true}},
                              .cname = "fuzz",
                              .bandwidth = 64000,
                              .probation = how & 1,
                              .reduced = how & 2,
                              .rng = rng};
    cfg.source = how & 4 ? it_rtp_video(1, 96, 500000, rng) : it_rtp_voice(1, 111, rng);
    MUST(it_rtp_session_new(&cfg, now, &s) == 0);
    if (how & 8)
        it_rtp_session_start(s, now);
    for (int i = 0; i < 200 && f.n; i++)
        step(s, &now, &f);
    it_rtp_session_free(s);
    MUST(mem.live == 0);
    return 0;
}
