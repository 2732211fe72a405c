/* The writer of model B's blobs. */
#include "stack/b/blob.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBERS_MAX (96 + IT_BLOB_RELAY)

static void put_candidates(it_str *out, const it_blob_section *s)
{
    for (size_t i = 0; i < s->n_cands; i++) {
        it_str_puts(out, "a=");
        it_ice_cand_write(out, &s->cands[i]);
        it_str_puts(out, "\r\n");
    }
}

static void put_format(it_str *out, const it_blob_section *s)
{
    if (s->kind != IT_BLOB_AUDIO && s->kind != IT_BLOB_VIDEO)
        return;
    if (s->codec.n)
        it_str_printf(out, "a=rtpmap:%u %.*s\r\n", s->pt, (int)s->codec.n, (const char *)s->codec.p);
    if (s->ssrc)
        it_str_printf(out, "a=ssrc:%" PRIu32 " cname:%s\r\n", s->ssrc, s->name); /* RFC 5576 section 6.1 */
}

/* The lines of all sections, in a row; where each of them begins into |at|, the end behind the last. */
static void put_lines(it_str *lines, const it_blob *b, const char *numbers, size_t *at)
{
    for (size_t i = 0; i < b->n_sections; i++) {
        at[i] = lines->n;
        it_str_puts(lines, i == 0 ? numbers : "");
        put_format(lines, &b->section[i]);
        put_candidates(lines, &b->section[i]);
    }
    at[b->n_sections] = lines->n;
}

static void fill_level(it_sdp_level *l, const it_blob *b)
{
    for (size_t i = 0; i < b->n_prints; i++) {
        l->print[i] = (it_sdp_print){.hash = IT_SDP_SHA256, .n = IT_SHA256_SIZE};
        memcpy(l->print[i].value, b->prints[i], IT_SHA256_SIZE);
    }
    l->n_prints = b->n_prints;
    l->options =
        IT_SDP_ICE2 | IT_SDP_TRICKLE | (b->renominates ? IT_SDP_RENOMINATION : 0u) | (b->sped ? IT_SDP_SPED : 0u);
    l->setup = b->setup;
}

/* Tells the credentials of the sections at the level of the session. */
static void share_creds(it_sdp *s)
{
    for (size_t i = 0; i < s->n_media; i++) {
        it_sdp_level *own = &s->media[i].own;
        if (own->ufrag.n && !s->all.ufrag.n) {
            s->all.ufrag = own->ufrag;
            s->all.pwd = own->pwd;
        }
        own->ufrag = own->pwd = it_bytes_of(NULL, 0);
    }
}

static void fill_media(it_sdp_media *m, const it_blob_section *s, char formats[4])
{
    static const struct {
        const char *kind, *protocol;
    } LINES[] = {[IT_BLOB_DATA] = {"application", "UDP/DTLS"},
                 [IT_BLOB_AUDIO] = {"audio", "UDP/TLS/RTP/SAVPF"},
                 [IT_BLOB_VIDEO] = {"video", "UDP/TLS/RTP/SAVPF"},
                 [IT_BLOB_OTHER] = {"application", "UDP/DTLS"}};
    bool rtp = s->kind == IT_BLOB_AUDIO || s->kind == IT_BLOB_VIDEO;
    m->kind = it_bytes_str(LINES[s->kind].kind);
    m->protocol = it_bytes_str(LINES[s->kind].protocol);
    snprintf(formats, 4, "%u", s->pt & 127u);
    m->formats = it_bytes_str(rtp ? formats : "icetank");
    /* RFC 8839 section 4.3.1: no default destination, so port 9. */
    m->port = s->closed ? 0 : 9;
    m->mid = it_bytes_str(s->mid);
    m->bundled = s->bundled;
    m->mux = s->mux;
    m->done = s->done;
    m->own.ufrag = it_bytes_str(s->ufrag);
    m->own.pwd = it_bytes_str(s->pwd);
    m->own.direction = s->streaming ? IT_SDP_SENDRECV : IT_SDP_INACTIVE;
    if (rtp && !s->streaming && !s->deaf)
        m->own.direction = IT_SDP_RECV;
    if (rtp && s->streaming && s->deaf)
        m->own.direction = IT_SDP_SEND;
}

/* What a writer works on. */
typedef struct writing {
    it_sdp s;
    it_str lines, group;
    char numbers[NUMBERS_MAX];
    char formats[IT_BLOB_SECTIONS][4];
} writing;

/* RFC 9143 section 7.2: the names of the group in the order of their sections. */
static void fill_group(writing *w, const it_blob *b)
{
    for (size_t i = 0; i < b->n_sections; i++)
        if (b->section[i].bundled)
            it_str_printf(&w->group, " %s", b->section[i].mid);
    if (w->group.n)
        w->s.group = it_bytes_of(w->group.p, w->group.n);
}

static void writing_begin(writing *w, it_alloc *alloc, const it_blob *b)
{
    bool plain = b->n_sections == 1 && !b->section[0].mid[0];
    size_t at[IT_BLOB_SECTIONS + 1];
    *w = (writing){.s = {.session = b->session, .serial = b->serial, .name = it_bytes_str("icetank-b")}};
    it_str_init(&w->lines, alloc);
    it_str_init(&w->group, alloc);
    snprintf(w->numbers, sizeof w->numbers, "a=x-generation:%" PRIu32 "\r\na=x-tie-breaker:%016" PRIx64 "\r\n",
             b->generation, b->tie_breaker);
    if (b->relay[0]) {
        size_t n = strlen(w->numbers);
        snprintf(w->numbers + n, sizeof w->numbers - n, "a=x-relay:%s\r\n", b->relay);
    }
    put_lines(&w->lines, b, plain ? w->numbers : "", at);
    w->s.has_pacing = true;
    w->s.pacing = b->pacing;
    w->s.lite = b->lite;
    fill_level(&w->s.all, b);
    if (!plain)
        w->s.all.lines = it_bytes_str(w->numbers);
    fill_group(w, b);
    for (size_t i = 0; i < b->n_sections && !w->lines.oom; i++) {
        it_sdp_media *m = &w->s.media[w->s.n_media++];
        fill_media(m, &b->section[i], w->formats[i]);
        if (w->lines.n)
            m->own.lines = it_bytes_of(w->lines.p + at[i], at[i + 1] - at[i]);
    }
    if (b->shared_creds)
        share_creds(&w->s);
}

static void writing_end(writing *w, it_str *out)
{
    it_sdp_write(out, &w->s);
    out->oom |= w->lines.oom || w->group.oom;
    it_str_fini(&w->lines);
    it_str_fini(&w->group);
}

void it_blob_write(it_str *out, const it_blob *b)
{
    writing w;
    writing_begin(&w, out->alloc, b);
    writing_end(&w, out);
}

/* RFC 3264 section 6.1: who was offered to receive alone does not send, and who was offered to send alone does not
 * receive. */
static enum it_sdp_direction answer_direction(enum it_sdp_direction asked, enum it_sdp_direction ours)
{
    unsigned both = (unsigned)ours & IT_SDP_SENDRECV;
    if (!(asked & IT_SDP_RECV))
        both &= ~(unsigned)IT_SDP_SEND;
    if (!(asked & IT_SDP_SEND))
        both &= ~(unsigned)IT_SDP_RECV;
    return both ? (enum it_sdp_direction)both : IT_SDP_INACTIVE;
}

/* RFC 3264 section 6: as many media lines as the offer has, in its order; of what is rejected its own line with port 0.
 */
static it_sdp_media answer_media(const it_sdp *offer, const it_sdp_media *asked, const it_sdp_media *ours)
{
    if (!ours)
        return (it_sdp_media){
            .kind = asked->kind, .protocol = asked->protocol, .formats = asked->formats, .mid = asked->mid};
    it_sdp_media m = *ours;
    m.kind = asked->kind;
    m.protocol = asked->protocol;
    m.mid = asked->mid;
    m.mux = ours->mux && asked->mux;                  /* RFC 5761 section 5.1.1 */
    m.bundled = asked->bundled && !it_sdp_closed(&m); /* RFC 9143 section 7.3 */
    m.own.direction = answer_direction(it_sdp_direction(offer, asked), ours->own.direction);
    return m;
}

/* The group has the offer's names of what was accepted. */
static void answer_group(writing *w)
{
    it_str_clear(&w->group);
    for (size_t i = 0; i < w->s.n_media; i++)
        if (w->s.media[i].bundled)
            it_str_printf(&w->group, " %.*s", (int)w->s.media[i].mid.n, (const char *)w->s.media[i].mid.p);
    w->s.group = w->group.n ? it_bytes_of(w->group.p, w->group.n) : it_bytes_of(NULL, 0);
}

void it_blob_answer(it_str *out, const it_blob *b, it_bytes offer, const int *of)
{
    writing w;
    it_sdp asked;
    if (it_sdp_read(&asked, offer, NULL) < 0)
        return; /* it was read before */
    writing_begin(&w, out->alloc, b);
    it_sdp_media ours[IT_BLOB_SECTIONS];
    size_t n = w.s.n_media;
    memcpy(ours, w.s.media, n * sizeof *ours);
    w.s.n_media = asked.n_media;
    for (size_t i = 0; i < asked.n_media; i++) {
        const it_sdp_media *mine = NULL;
        for (size_t k = 0; k < n; k++)
            if (of[k] == (int)i)
                mine = &ours[k];
        w.s.media[i] = answer_media(&asked, &asked.media[i], mine);
    }
    answer_group(&w);
    writing_end(&w, out);
}
