/* DTLS-SRTP as a channel: the handshake and messages by DTLS, media by RTP sessions whose packets SRTP protects with
 * the keys that the handshake exports (RFC 5764).
 *
 *     DTLS --exported keys--> SRTP out, SRTP in
 *     RTP session of a media stream --packet--> SRTP out --> datagram        datagram --> SRTP in --> session, by
 *                                                                            payload type or SSRC */
#include "stack/model/channel_impl.h"
#include "stack/rtp/session.h"
#include "stack/srtp/srtp.h"

#include <openssl/crypto.h>
#include <stdio.h>

#define CNAME_MAX 64
#define SECRET_MAX 288        /* the name of a profile, and twice a key of 32 bytes and a salt of 14 in hexadecimal */
#define VOICE_BANDWIDTH 80000 /* bit/s, of which RTCP takes a twentieth */

typedef struct srtp_flow {
    it_channel_flow cfg;
    it_rtp_session *rtp; /* NULL before the channel is open */
    uint32_t came;       /* bytes of payload not told yet */
    uint32_t packets;    /* and their packets */
    bool bye;            /* a goodbye not told yet */
    it_time rtt;
} srtp_flow;

typedef struct srtp_channel {
    it_alloc *alloc;
    it_dtls *dtls;
    it_rng rng; /* of RTCP's intervals and of media */
    bool client, closed;
    bool mute; /* the far side has ended it: nothing is sent any more */
    it_srtp_session *out, *in;
    uint16_t profile;
    char cname[CNAME_MAX];
    srtp_flow flow[IT_CHANNEL_FLOWS];
    int n_flows;
    uint64_t refused;
    char secret[SECRET_MAX]; /* the keys, for captures */
    bool secret_due;
    it_time now; /* of the latest call */
} srtp_channel;

bool it_channel_srtp_takes(it_bytes datagram)
{
    return it_dtls_is(datagram) || it_rtp_kind(datagram) != IT_RTP_NONE;
}

/* --- opening --- */

static it_rtp_source_cfg flow_source(const it_channel_flow *f, it_rng rng)
{
    it_rtp_source_cfg c = it_rtp_voice(f->ssrc, f->pt, rng);
    if (f->video)
        c = it_rtp_video(f->ssrc, f->pt, f->bitrate, rng);
    c.rate = f->rate;
    return c;
}

/* A stream of its own for a part: |r|'s next draws are its state. */
static it_rng rng_child(it_rng *r)
{
    it_rng child;
    for (int i = 0; i < 4; i++)
        child.s[i] = it_rng_u64(r);
    return child;
}

static int flow_begin(srtp_channel *c, srtp_flow *f)
{
    it_rtp_session_cfg cfg = {.alloc = c->alloc,
                              .formats = {{f->cfg.far_pt, f->cfg.far_rate, f->cfg.video}},
                              .cname = c->cname,
                              .bandwidth = f->cfg.video ? f->cfg.bitrate : VOICE_BANDWIDTH,
                              .deadline = f->cfg.deadline,
                              .probation = 1, /* what comes is authentic */
                              .rng = rng_child(&c->rng)};
    cfg.source = flow_source(&f->cfg, rng_child(&c->rng));
    if (cfg.bandwidth < VOICE_BANDWIDTH)
        cfg.bandwidth = VOICE_BANDWIDTH;
    return it_rtp_session_new(&cfg, c->now, &f->rtp);
}

/* The sessions of both directions. Returns 0 or an error. */
static int keys_load(srtp_channel *c, const it_dtls_event *ev)
{
    it_srtp_cfg out = {.alloc = c->alloc}, in = {.alloc = c->alloc};
    int err = it_srtp_exported(ev->srtp, ev->data, c->client, &out, &in);
    if (err == 0)
        err = it_srtp_new(&out, &c->out);
    if (err == 0)
        err = it_srtp_new(&in, &c->in);
    OPENSSL_cleanse(&out, sizeof out);
    OPENSSL_cleanse(&in, sizeof in);
    return err;
}

/* Writes the master keys as a line that a key log may have: to readers of TLS's it is a comment. RFC 5764 section 4.2:
 * the keys of client and server, then their salts. */
static void keys_tell(srtp_channel *c, const it_dtls_event *d)
{
    const it_srtp_params *q = it_srtp_params_of(d->srtp);
    const uint8_t *p = d->data.p;
    const struct {
        const char *word;
        const uint8_t *bytes;
        size_t n;
    } PARTS[] = {{" client ", p, q->key},
                 {" ", p + 2 * q->key, q->salt},
                 {" server ", p + q->key, q->key},
                 {" ", p + 2 * q->key + q->salt, q->salt}};
    int at = snprintf(c->secret, sizeof c->secret, "# %s", q->name);
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        at += snprintf(c->secret + at, sizeof c->secret - (size_t)at, "%s", PARTS[i].word);
        for (size_t k = 0; k < PARTS[i].n; k++)
            at += snprintf(c->secret + at, sizeof c->secret - (size_t)at, "%02x", PARTS[i].bytes[k]);
    }
    c->secret_due = true;
}

/* The handshake is done; when media cannot go on, |ev| says why. */
static void channel_open(srtp_channel *c, const it_dtls_event *d, it_channel_event *ev)
{
    int err = d->srtp ? keys_load(c, d) : IT_ERR_UNSUPPORTED;
    for (int i = 0; i < c->n_flows && err == 0; i++)
        err = flow_begin(c, &c->flow[i]);
    if (err == 0) {
        c->profile = d->srtp;
        keys_tell(c, d);
        ev->data = it_bytes_of(NULL, 0);
        return;
    }
    it_dtls_close(c->dtls, c->now);
    c->closed = true;
    *ev = (it_channel_event){.kind = IT_CHANNEL_FAILED, .cause = IT_CHANNEL_CAUSE_PROTOCOL};
    ev->why = "no memory for the keys of SRTP";
    if (!d->srtp)
        ev->why = "the far side agreed to no profile of SRTP (RFC 5764 section 4.1)";
}

/* --- in --- */

/* The media stream that takes payload type |pt|; -1: none does. */
static int flow_of_type(const srtp_channel *c, uint8_t pt)
{
    for (int i = 0; i < c->n_flows; i++)
        if (c->flow[i].cfg.far_pt == pt)
            return i;
    return -1;
}

static bool flow_knows(const srtp_flow *f, uint32_t ssrc)
{
    const it_rtp_member *m;
    for (unsigned i = 0; (m = it_rtp_session_member(f->rtp, i)) != NULL; i++)
        if (m->ssrc == ssrc)
            return true;
    return false;
}

/* The media stream that a report of |ssrc| is of: where that one sends, else the first (RFC 9143 section 9.2 has MID
 * for who has not sent yet). */
static int flow_of_source(const srtp_channel *c, uint32_t ssrc)
{
    for (int i = 0; i < c->n_flows; i++)
        if (flow_knows(&c->flow[i], ssrc))
            return i;
    return 0;
}

static void flow_events(srtp_flow *f)
{
    it_rtp_event ev;
    while (it_rtp_session_event(f->rtp, &ev) > 0) {
        if (ev.kind == IT_RTP_EV_REPORT && ev.rtt != IT_NEVER)
            f->rtt = ev.rtt;
        f->bye = f->bye || ev.kind == IT_RTP_EV_BYE;
    }
}

static void rtp_input(srtp_channel *c, it_time now, uint8_t *p, size_t n)
{
    it_rtp packet;
    int size = it_srtp_unprotect(c->in, p, n), i;
    if (size < 0) {
        c->refused++;
        return;
    }
    it_io plain = {.kind = IT_IO_DGRAM, .data = {p, (size_t)size}};
    if (it_rtp_parse(&packet, plain.data) < 0 || (i = flow_of_type(c, packet.pt)) < 0)
        return;
    (void)it_rtp_session_input(c->flow[i].rtp, now, &plain);
    c->flow[i].came += (uint32_t)packet.payload.n;
    c->flow[i].packets++;
    flow_events(&c->flow[i]);
}

static void rtcp_input(srtp_channel *c, it_time now, uint8_t *p, size_t n)
{
    int size = it_srtp_unprotect_rtcp(c->in, p, n);
    if (size < 8) {
        c->refused++;
        return;
    }
    it_io plain = {.kind = IT_IO_DGRAM, .data = {p, (size_t)size}};
    srtp_flow *f = &c->flow[flow_of_source(c, it_get32(p + 4))];
    (void)it_rtp_session_input(f->rtp, now, &plain);
    flow_events(f);
}

static int srtp_input(void *o, it_time now, const it_io *in)
{
    srtp_channel *c = o;
    uint8_t buf[IT_IO_DGRAM_MAX];
    enum it_rtp_kind kind = it_rtp_kind(in->data);
    c->now = now;
    if (kind == IT_RTP_NONE) {
        int n = it_dtls_input(c->dtls, now, in);
        return n < 0 ? n : 0;
    }
    if (!c->in || c->closed || in->data.n > sizeof buf)
        return 0; /* before there are keys it is as good as lost */
    memcpy(buf, in->data.p, in->data.n);
    if (kind == IT_RTP_DATA)
        rtp_input(c, now, buf, in->data.n);
    else
        rtcp_input(c, now, buf, in->data.n);
    return 0;
}

/* --- out --- */

/* Protects what a session has written at |buf|, |n| bytes. Returns 1, or 0 when it cannot be sent. */
static int srtp_protect(srtp_channel *c, it_io *out, uint8_t *buf, size_t n, size_t cap)
{
    bool control = it_rtp_kind(it_bytes_of(buf, n)) == IT_RTP_CONTROL;
    int size = control ? it_srtp_protect_rtcp(c->out, buf, n, cap) : it_srtp_protect(c->out, buf, n, cap);
    if (size < 0)
        return 0;
    *out = (it_io){.kind = IT_IO_DGRAM, .data = {buf, (size_t)size}};
    return 1;
}

static int srtp_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    srtp_channel *c = o;
    c->now = now;
    /* Media first: the goodbye of RTCP leaves before that of DTLS. */
    for (int i = 0; i < c->n_flows && c->out && !c->mute && cap > IT_SRTP_RTCP_GROWTH; i++) {
        int n = it_rtp_session_output(c->flow[i].rtp, now, out, buf, cap - IT_SRTP_RTCP_GROWTH);
        if (n > 0 && srtp_protect(c, out, buf, out->data.n, cap))
            return 1;
    }
    return it_dtls_output(c->dtls, now, out, buf, cap);
}

static void srtp_start(void *o, it_time now)
{
    srtp_channel *c = o;
    c->now = now;
    it_dtls_start(c->dtls, now);
}

static void srtp_use_path(void *o, it_time now)
{
    srtp_channel *c = o;
    c->now = now;
    it_dtls_start(c->dtls, now);
    it_dtls_kick(c->dtls, now);
}

static int srtp_tick(void *o, it_time now)
{
    srtp_channel *c = o;
    c->now = now;
    for (int i = 0; i < c->n_flows && c->out; i++)
        if (it_rtp_session_next(c->flow[i].rtp) <= now) {
            (void)it_rtp_session_tick(c->flow[i].rtp, now);
            flow_events(&c->flow[i]);
        }
    return it_dtls_next(c->dtls) <= now ? it_dtls_tick(c->dtls, now) : 0;
}

static it_time srtp_next(const void *o)
{
    const srtp_channel *c = o;
    it_time t = it_dtls_next(c->dtls);
    for (int i = 0; i < c->n_flows && c->out && !c->closed; i++)
        if (it_rtp_session_next(c->flow[i].rtp) < t)
            t = it_rtp_session_next(c->flow[i].rtp);
    return t;
}

static int srtp_send(void *o, it_time now, enum it_channel_payload payload, it_bytes data)
{
    srtp_channel *c = o;
    c->now = now;
    return payload == IT_CHANNEL_MEDIA ? IT_ERR_UNSUPPORTED : it_dtls_send(c->dtls, now, data);
}

static void srtp_stream(void *o, it_time now, int flow, enum it_channel_stream what)
{
    srtp_channel *c = o;
    if (!c->out || flow >= c->n_flows)
        return;
    it_rtp_session *s = c->flow[flow].rtp;
    c->now = now;
    if (what == IT_CHANNEL_START)
        it_rtp_session_start(s, now);
    else if (what == IT_CHANNEL_STOP)
        it_rtp_session_stop(s, now);
    else
        it_rtp_session_leave(s, now);
}

static void srtp_close(void *o, it_time now)
{
    srtp_channel *c = o;
    for (int i = 0; i < c->n_flows; i++)
        srtp_stream(c, now, i, IT_CHANNEL_LEAVE);
    c->closed = true;
    it_dtls_close(c->dtls, now);
}

/* --- events and numbers --- */

static int srtp_event(void *o, it_channel_event *ev)
{
    srtp_channel *c = o;
    it_dtls_event d;
    if (c->secret_due) {
        c->secret_due = false;
        *ev = (it_channel_event){.kind = IT_CHANNEL_SECRET, .data = it_bytes_str(c->secret)};
        return 1;
    }
    for (int i = 0; i < c->n_flows && !c->closed; i++) {
        srtp_flow *f = &c->flow[i];
        if (f->packets) {
            *ev = (it_channel_event){.kind = IT_CHANNEL_CAME, .flow = i, .data = {NULL, f->came}};
            f->came = f->packets = 0;
            return 1;
        }
        if (f->bye) {
            f->bye = false;
            *ev = (it_channel_event){.kind = IT_CHANNEL_BYE, .flow = i};
            return 1;
        }
    }
    if (it_dtls_event_next(c->dtls, &d) <= 0)
        return 0;
    it_channel_dtls_event(&d, ev);
    if (d.kind == IT_DTLS_OPEN)
        channel_open(c, &d, ev);
    c->mute |= d.kind == IT_DTLS_CLOSED || d.kind == IT_DTLS_FAILED;
    return 1;
}

static void stats_received(const srtp_flow *f, it_time now, it_media_stats *s)
{
    const it_rtp_member *m;
    for (unsigned i = 0; (m = it_rtp_session_member(f->rtp, i)) != NULL; i++) {
        const it_rtp_stats *x = &m->stats;
        if (!m->have_format || !it_rtp_stats_valid(x))
            continue;
        it_time gap = it_rtp_stats_gap(x, now), freeze = it_rtp_stats_freeze(x, now);
        s->duplicate += it_rtp_stats_duplicates(x);
        s->received += it_rtp_stats_received(x);
        s->lost += it_rtp_stats_lost(x);
        s->late += x->late;
        s->reordered += x->reordered;
        s->shown += x->shown;
        s->freezes += x->freezes;
        s->frozen += x->frozen;
        s->jitter = it_rtp_stats_jitter(x); /* the latest source's */
        s->longest_gap = gap > s->longest_gap ? gap : s->longest_gap;
        s->longest_freeze = freeze > s->longest_freeze ? freeze : s->longest_freeze;
    }
}

static bool srtp_stats(const void *o, int flow, it_media_stats *s)
{
    const srtp_channel *c = o;
    if (!c->out || flow >= c->n_flows)
        return false;
    const srtp_flow *f = &c->flow[flow];
    if (!f->rtp) /* there was no memory to begin it */
        return false;
    const it_rtp_source *source = it_rtp_session_source(f->rtp);
    it_rtp_counts counts;
    it_rtp_session_counts(f->rtp, &counts);
    *s = (it_media_stats){.sent = source->packets,
                          .sent_octets = source->octets,
                          .rtt = f->rtt,
                          .reports_sent = counts.rtcp_sent,
                          .reports_received = counts.rtcp_received,
                          .malformed = counts.malformed,
                          .profile = c->profile,
                          .refused = c->refused};
    stats_received(f, c->now, s);
    return true;
}

static void srtp_free(void *o)
{
    srtp_channel *c = o;
    for (int i = 0; i < c->n_flows; i++)
        it_rtp_session_free(c->flow[i].rtp);
    it_srtp_free(c->out);
    it_srtp_free(c->in);
    it_dtls_free(c->dtls);
    OPENSSL_cleanse(&c->rng, sizeof c->rng);
    OPENSSL_cleanse(c->secret, sizeof c->secret);
    it_free(c->alloc, c);
}

static const it_channel_ops OPS = {
    .kind = "dtls-srtp",
    .takes = it_channel_srtp_takes,
    .start = srtp_start,
    .use_path = srtp_use_path,
    .input = srtp_input,
    .tick = srtp_tick,
    .next = srtp_next,
    .output = srtp_output,
    .send = srtp_send,
    .close = srtp_close,
    .event = srtp_event,
    .free = srtp_free,
    .stream = srtp_stream,
    .stats = srtp_stats,
};

static bool flows_good(const it_channel_srtp_cfg *cfg)
{
    if (cfg->n_flows < 1 || cfg->n_flows > IT_CHANNEL_FLOWS)
        return false;
    for (int i = 0; i < cfg->n_flows; i++) {
        it_rtp_source s;
        it_rtp_source_cfg c = flow_source(&cfg->flow[i], cfg->media_rng);
        if (cfg->flow[i].far_rate == 0 || it_rtp_source_init(&s, &c) < 0)
            return false;
    }
    return true;
}

it_channel it_channel_srtp(const it_channel_srtp_cfg *cfg, it_time now)
{
    it_dtls_media media = {.any_key = true};
    it_channel none = {NULL, NULL};
    srtp_channel *c = flows_good(cfg) ? it_calloc(cfg->dtls.alloc, 1, sizeof *c) : NULL;
    if (!c)
        return none;
    c->alloc = cfg->dtls.alloc;
    c->client = cfg->dtls.client;
    c->n_flows = cfg->n_flows;
    c->now = now;
    snprintf(c->cname, sizeof c->cname, "%s", cfg->cname);
    for (int i = 0; i < cfg->n_flows; i++)
        c->flow[i] = (srtp_flow){.cfg = cfg->flow[i], .rtt = IT_NEVER};
    c->rng = cfg->media_rng;
    memcpy(media.srtp, cfg->profiles, sizeof media.srtp);
    c->dtls = it_channel_dtls_make(&cfg->dtls, &media, now);
    if (!c->dtls) {
        it_free(c->alloc, c);
        return none;
    }
    return (it_channel){&OPS, c};
}
