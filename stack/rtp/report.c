/* RTCP of a session. */
#include "stack/rtp/clock.h"
#include "stack/rtp/session_impl.h"

#define FIR_ENTRY 8 /* SSRC, number, reserved */

/* --- ours --- */

/* A block for every source that was heard since the last report (RFC 3550 section 6.4). */
static unsigned report_blocks(it_rtp_session *s, it_time now, it_rtcp_block *v)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_members; i++) {
        it_rtp_member *m = &s->members[i];
        if (!m->reported)
            continue;
        it_rtcp_block *b = &v[n++];
        it_rtp_stats_report(&m->stats, b);
        b->ssrc = m->ssrc;
        b->lsr = m->lsr;
        b->dlsr = m->lsr ? it_rtp_short(now - m->sr_came) : 0;
        m->reported = false;
    }
    return n;
}

static it_rtcp_sr report_sender(const it_rtp_session *s, it_time now)
{
    return (it_rtcp_sr){.ssrc = s->cfg.source.ssrc,
                        .ntp = it_rtp_ntp(now),
                        .ts = it_rtp_source_ts(&s->source, now),
                        .packets = s->source.packets,
                        .octets = s->source.octets};
}

int it_rtp_report_write(it_rtp_session *s, it_time now, uint8_t *buf, size_t cap)
{
    it_rtcp_block blocks[IT_RTP_MEMBERS];
    it_buf b;
    unsigned n = report_blocks(s, now, blocks);
    it_buf_init(&b, buf, cap);
    /* Section 6.4: an SR if data was sent since the report before the last. */
    bool sent = s->source.packets > 0 && s->source.sent >= s->reports[1];
    it_rtcp_sr sr = report_sender(s, now);
    if (sent)
        it_rtcp_put_sr(&b, &sr, blocks, n);
    else
        it_rtcp_put_rr(&b, sr.ssrc, blocks, n);
    it_rtcp_put_cname(&b, sr.ssrc, it_bytes_str(s->cname));
    if (s->rtcp.leaving)
        it_rtcp_put_bye(&b, &sr.ssrc, 1, it_bytes_of(NULL, 0));
    s->left = s->rtcp.leaving;
    s->reports[1] = s->reports[0];
    s->reports[0] = now;
    s->rtcp.we_sent = !s->left && s->source.packets > 0 && s->source.sent >= s->reports[1]; /* section 6.3.8 */
    it_rtcp_interval_sent(&s->rtcp, now, (uint32_t)b.len + IT_RTP_LOWER);
    s->counts.rtcp_sent++;
    return b.overflow ? IT_ERR_FULL : (int)b.len;
}

/* --- those of others --- */

/* Section 6.4.1: A - LSR - DLSR, in 1/65536 s; what comes out negative is nothing. */
static it_time report_rtt(it_time now, const it_rtcp_block *b)
{
    if (b->lsr == 0)
        return IT_NEVER;
    uint32_t a = (uint32_t)(it_rtp_ntp(now) >> 16);
    int32_t rtt = (int32_t)(a - b->lsr - b->dlsr);
    return rtt < 0 ? 0 : it_rtp_time(rtt, 65536);
}

static void take_blocks(it_rtp_session *s, it_time now, uint32_t from, const it_rtcp *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        it_rtp_event ev = {.kind = IT_RTP_EV_REPORT, .ssrc = from};
        it_rtcp_read_block(p, i, &ev.report);
        if (ev.report.ssrc != s->cfg.source.ssrc)
            continue;
        ev.rtt = report_rtt(now, &ev.report);
        it_rtp_session_tell(s, &ev);
    }
}

/* The member that sent a report; NULL when it is none, or ourselves. */
static it_rtp_member *take_member(it_rtp_session *s, it_time now, uint32_t ssrc)
{
    if (ssrc == s->cfg.source.ssrc) {
        s->counts.collisions++;
        return NULL;
    }
    return it_rtp_session_hear(s, now, ssrc);
}

static bool take_sr(it_rtp_session *s, it_time now, const it_rtcp *p)
{
    it_rtcp_sr sr;
    if (it_rtcp_read_sr(p, &sr) < 0)
        return false;
    it_rtp_member *m = take_member(s, now, sr.ssrc);
    if (!m)
        return true;
    m->lsr = (uint32_t)(sr.ntp >> 16);
    m->sr_came = now;
    take_blocks(s, now, sr.ssrc, p);
    return true;
}

static bool take_rr(it_rtp_session *s, it_time now, const it_rtcp *p)
{
    uint32_t ssrc;
    if (it_rtcp_read_rr(p, &ssrc) < 0)
        return false;
    if (take_member(s, now, ssrc))
        take_blocks(s, now, ssrc, p);
    return true;
}

static bool take_sdes(it_rtp_session *s, it_time now, const it_rtcp *p)
{
    it_rtcp_sdes where = {.at = 0};
    it_rtcp_item item;
    int r;
    while ((r = it_rtcp_next_item(p, &where, &item)) > 0)
        if (item.type == IT_RTCP_SDES_CNAME)
            (void)take_member(s, now, item.ssrc);
    return r == 0;
}

static bool take_bye(it_rtp_session *s, it_time now, const it_rtcp *p)
{
    it_bytes ssrcs, why;
    if (it_rtcp_read_bye(p, &ssrcs, &why) < 0)
        return false;
    for (size_t i = 0; i < ssrcs.n; i += 4) {
        it_rtp_member *m = it_rtp_session_find(s, it_get32(ssrcs.p + i));
        if (m && !m->gone)
            it_rtp_session_remove(s, now, m, IT_RTP_EV_BYE);
    }
    return true;
}

/* RFC 4585 section 6.3.1. */
static bool feedback_is_pli(const it_rtcp_feedback *f)
{
    return f->type == IT_RTCP_PSFB && f->format == IT_RTCP_PSFB_PLI;
}

/* RFC 5104 section 4.3.1.1: whose media is wanted stands in the FCI, which has an entry of 8 bytes for each; the number
 * of a command, counted for each pair of who asks and who is asked, stays when the command is repeated. True for a
 * command to us that is new. */
static bool feedback_is_fir(const it_rtp_session *s, it_rtp_member *m, const it_rtcp_feedback *f)
{
    if (f->type != IT_RTCP_PSFB || f->format != IT_RTCP_PSFB_FIR)
        return false;
    for (size_t i = 0; i + FIR_ENTRY <= f->fci.n; i += FIR_ENTRY) {
        uint8_t seq = f->fci.p[i + 4];
        if (it_get32(f->fci.p + i) != s->cfg.source.ssrc || (m->fir_any && m->fir_seq == seq))
            continue;
        m->fir_any = true;
        m->fir_seq = seq;
        return true;
    }
    return false;
}

static bool take_feedback(it_rtp_session *s, it_time now, const it_rtcp *p)
{
    it_rtp_event ev = {.kind = IT_RTP_EV_FEEDBACK};
    if (it_rtcp_read_feedback(p, &ev.feedback) < 0)
        return false;
    ev.ssrc = ev.feedback.sender;
    it_rtp_member *m = take_member(s, now, ev.ssrc);
    if (!m)
        return true;
    bool about = ev.feedback.media == s->cfg.source.ssrc, fir = feedback_is_fir(s, m, &ev.feedback);
    if (fir || (about && feedback_is_pli(&ev.feedback)))
        it_rtp_source_key(&s->source);
    if (about || fir)
        it_rtp_session_tell(s, &ev);
    return true;
}

/* RFC 3550 section 6.7: APP is between those who know it. */
static bool take_app(it_rtp_session *s, it_time now, const it_rtcp *p)
{
    (void)s, (void)now;
    return p->body.n >= 8;
}

/* What takes a packet of each type; false: it is malformed. */
static bool (*const TAKE[])(it_rtp_session *, it_time, const it_rtcp *) = {
    [IT_RTCP_SR - IT_RTCP_SR] = take_sr,         [IT_RTCP_RR - IT_RTCP_SR] = take_rr,
    [IT_RTCP_SDES - IT_RTCP_SR] = take_sdes,     [IT_RTCP_BYE - IT_RTCP_SR] = take_bye,
    [IT_RTCP_APP - IT_RTCP_SR] = take_app,       [IT_RTCP_RTPFB - IT_RTCP_SR] = take_feedback,
    [IT_RTCP_PSFB - IT_RTCP_SR] = take_feedback,
};

void it_rtp_report_take(it_rtp_session *s, it_time now, it_bytes datagram)
{
    it_rtcp p;
    it_bytes rest = datagram;
    bool good = it_rtcp_check(datagram, s->cfg.reduced) == 0, bye = false;
    while (good && it_rtcp_next(&rest, &p) > 0) {
        unsigned at = p.type - (unsigned)IT_RTCP_SR;
        bye = bye || p.type == IT_RTCP_BYE;
        if (at < sizeof TAKE / sizeof *TAKE) /* section 6.1: an unknown type is ignored */
            good = TAKE[at](s, now, &p);
    }
    if (!good) {
        s->counts.malformed++;
        return;
    }
    s->counts.rtcp_received++;
    uint32_t size = (uint32_t)datagram.n + IT_RTP_LOWER;
    if (s->rtcp.leaving && bye)
        it_rtcp_interval_bye(&s->rtcp, size);
    else
        it_rtcp_interval_received(&s->rtcp, size);
}
