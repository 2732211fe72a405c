/* The session as an object. */
#include "stack/rtp/session.h"

#include "stack/rtp/session_impl.h"

static bool cfg_good(const it_rtp_session_cfg *c)
{
    if (!c->cname || c->cname[0] == 0 || strlen(c->cname) > 255)
        return false;
    return c->bandwidth >= 1000 && c->rtcp_least >= 0 && c->deadline >= 0;
}

/* The size of a first report: RR with a block, CNAME. */
static uint32_t report_size(const it_rtp_session *s)
{
    return (uint32_t)(IT_RTP_LOWER + 8 + IT_RTCP_BLOCK + 12 + strlen(s->cname));
}

int it_rtp_session_new(const it_rtp_session_cfg *cfg, it_time now, it_rtp_session **out)
{
    *out = NULL;
    if (!cfg_good(cfg))
        return IT_ERR_RANGE;
    it_rtp_session *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return IT_ERR_NOMEM;
    s->alloc = cfg->alloc;
    s->cfg = *cfg;
    memcpy(s->cname, cfg->cname, strlen(cfg->cname) + 1);
    s->cfg.cname = s->cname;
    s->ticked = -1;
    s->reports[0] = s->reports[1] = now;
    if (it_rtp_source_init(&s->source, &cfg->source) < 0) {
        it_free(s->alloc, s);
        return IT_ERR_RANGE;
    }
    it_rtcp_interval_init(&s->rtcp, now, cfg->rng, cfg->bandwidth / 8 / 20, report_size(s), cfg->rtcp_least);
    *out = s;
    return 0;
}

void it_rtp_session_free(it_rtp_session *s)
{
    if (s)
        it_free(s->alloc, s);
}

void it_rtp_session_tell(it_rtp_session *s, const it_rtp_event *ev)
{
    if (s->ev_n == IT_RTP_EVENTS) {
        s->counts.missed++;
        return;
    }
    unsigned at = (s->ev_head + s->ev_n++) % IT_RTP_EVENTS;
    s->events[at] = *ev;
    it_bytes *fci = &s->events[at].feedback.fci;
    fci->n = fci->n > IT_RTP_FCI_MAX ? IT_RTP_FCI_MAX : fci->n;
    if (fci->n)
        memcpy(s->fci[at], fci->p, fci->n);
    fci->p = s->fci[at];
}

/* --- members --- */

/* Tells the intervals how many there are, ourselves among them. */
static void members_count(it_rtp_session *s, it_time now)
{
    uint32_t members = 1, senders = s->rtcp.we_sent;
    for (unsigned i = 0; i < s->n_members; i++) {
        members += !s->members[i].gone;
        senders += s->members[i].sends;
    }
    if (!s->rtcp.leaving)
        it_rtcp_interval_members(&s->rtcp, now, members, senders);
}

it_rtp_member *it_rtp_session_find(it_rtp_session *s, uint32_t ssrc)
{
    for (unsigned i = 0; i < s->n_members; i++)
        if (s->members[i].ssrc == ssrc)
            return &s->members[i];
    return NULL;
}

/* A place for a new member: that of one who has gone when all are taken. */
static it_rtp_member *members_place(it_rtp_session *s)
{
    if (s->n_members < IT_RTP_MEMBERS)
        return &s->members[s->n_members++];
    for (unsigned i = 0; i < s->n_members; i++)
        if (s->members[i].gone)
            return &s->members[i];
    return NULL;
}

it_rtp_member *it_rtp_session_hear(it_rtp_session *s, it_time now, uint32_t ssrc)
{
    it_rtp_member *m = it_rtp_session_find(s, ssrc);
    if (m && m->gone && now < m->deaf)
        return NULL;
    if (m && !m->gone) {
        m->heard = now;
        return m;
    }
    if (!m) {
        m = members_place(s);
        if (!m) {
            s->counts.unknown++;
            return NULL;
        }
        *m = (it_rtp_member){.ssrc = ssrc};
    }
    m->gone = false;
    m->heard = now;
    members_count(s, now);
    return m;
}

void it_rtp_session_remove(it_rtp_session *s, it_time now, it_rtp_member *m, enum it_rtp_event_kind why)
{
    it_rtp_session_tell(s, &(it_rtp_event){.kind = why, .ssrc = m->ssrc});
    m->gone = true;
    m->sends = m->told = false;
    m->deaf = why == IT_RTP_EV_BYE ? now + 2 * it_rtcp_interval_td(&s->rtcp, false) : now;
    it_rtp_stats_end(&m->stats);
    members_count(s, now);
}

/* RFC 3550 section 6.3.5: who has been silent is no member, or no sender, any more. */
static void members_expire(it_rtp_session *s, it_time now)
{
    it_time td = it_rtcp_interval_td(&s->rtcp, false);
    for (unsigned i = 0; i < s->n_members; i++) {
        it_rtp_member *m = &s->members[i];
        if (m->gone)
            continue;
        if (now - m->heard >= IT_RTCP_TIMEOUT * td)
            it_rtp_session_remove(s, now, m, IT_RTP_EV_TIMEOUT);
        else if (m->sends && now - m->heard_rtp >= 2 * td)
            m->sends = false;
    }
    members_count(s, now);
}

/* --- in --- */

static const it_rtp_format *format_of(const it_rtp_session *s, uint8_t pt)
{
    for (int i = 0; i < IT_RTP_FORMATS && s->cfg.formats[i].rate; i++)
        if (s->cfg.formats[i].pt == pt)
            return &s->cfg.formats[i];
    return NULL;
}

static void rtp_take(it_rtp_session *s, it_time now, it_bytes datagram)
{
    it_rtp p;
    if (it_rtp_parse(&p, datagram) < 0) {
        s->counts.malformed++;
        return;
    }
    const it_rtp_format *f = format_of(s, p.pt);
    if (p.ssrc == s->cfg.source.ssrc) {
        s->counts.collisions++;
        return;
    }
    if (!f) {
        s->counts.unknown++;
        return;
    }
    it_rtp_member *m = it_rtp_session_hear(s, now, p.ssrc);
    if (!m)
        return;
    if (!m->have_format)
        it_rtp_stats_init(&m->stats, f->rate, f->frames, s->cfg.deadline, s->cfg.probation);
    m->have_format = true;
    enum it_rtp_verdict v = it_rtp_stats_take(&m->stats, now, &p);
    if (v == IT_RTP_UNPROVEN || v == IT_RTP_INVALID)
        return;
    m->heard_rtp = now;
    m->sends = m->reported = true;
    members_count(s, now);
    if (!m->told)
        it_rtp_session_tell(s, &(it_rtp_event){.kind = IT_RTP_EV_SOURCE, .ssrc = m->ssrc});
    m->told = true;
}

int it_rtp_session_input(it_rtp_session *s, it_time now, const it_io *in)
{
    if (in->kind != IT_IO_DGRAM)
        return (int)in->data.n;
    switch (it_rtp_kind(in->data)) {
    case IT_RTP_DATA:
        rtp_take(s, now, in->data);
        break;
    case IT_RTP_CONTROL:
        it_rtp_report_take(s, now, in->data);
        break;
    case IT_RTP_NONE:
        s->counts.malformed++;
        break;
    }
    return (int)in->data.n;
}

/* --- out --- */

void it_rtp_session_start(it_rtp_session *s, it_time now)
{
    if (!s->cfg.receive_only && !s->rtcp.leaving)
        it_rtp_source_start(&s->source, now);
}

void it_rtp_session_stop(it_rtp_session *s, it_time now)
{
    (void)now;
    it_rtp_source_stop(&s->source);
}

void it_rtp_session_leave(it_rtp_session *s, it_time now)
{
    if (s->rtcp.leaving || s->left)
        return;
    it_rtp_source_stop(&s->source);
    /* RFC 3550 section 6.3.7: who never sent anything says no BYE. */
    s->left = s->source.packets == 0 && s->counts.rtcp_sent == 0;
    it_rtcp_interval_leave(&s->rtcp, now, report_size(s) + 8);
}

int it_rtp_session_tick(it_rtp_session *s, it_time now)
{
    s->ticked = now;
    if (now >= s->rtcp.tn && !s->rtcp.leaving)
        members_expire(s, now);
    return 0;
}

it_time it_rtp_session_next(const it_rtp_session *s)
{
    it_time report = s->left ? IT_NEVER : s->rtcp.tn, media = s->source.due;
    /* What is due already leaves by the outputs that follow a tick. */
    if (report <= s->ticked)
        report = IT_NEVER;
    if (media <= s->ticked)
        media = IT_NEVER;
    return report < media ? report : media;
}

int it_rtp_session_output(it_rtp_session *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n = it_rtp_source_packet(&s->source, now, buf, cap);
    if (n > 0 && !s->rtcp.we_sent) {
        s->rtcp.we_sent = true;
        members_count(s, now);
    }
    if (n == 0 && !s->left && it_rtcp_interval_due(&s->rtcp, now))
        n = it_rtp_report_write(s, now, buf, cap);
    if (n <= 0)
        return n;
    *out = (it_io){.kind = IT_IO_DGRAM, .data = {buf, (size_t)n}};
    return 1;
}

int it_rtp_session_event(it_rtp_session *s, it_rtp_event *ev)
{
    if (s->ev_n == 0)
        return 0;
    *ev = s->events[s->ev_head];
    s->ev_head = (s->ev_head + 1) % IT_RTP_EVENTS;
    s->ev_n--;
    return 1;
}

const it_rtp_member *it_rtp_session_member(const it_rtp_session *s, unsigned i)
{
    return i < s->n_members ? &s->members[i] : NULL;
}

const it_rtp_source *it_rtp_session_source(const it_rtp_session *s)
{
    return &s->source;
}

void it_rtp_session_counts(const it_rtp_session *s, it_rtp_counts *out)
{
    *out = s->counts;
}
