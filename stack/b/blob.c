/* The reader of model B's blobs: what a session description says for us. blob_write.c has the writer. */
#include "stack/b/blob.h"

#include <stdio.h>

const char *it_blob_left_out_text(enum it_blob_left_out what)
{
    static const char *const TEXT[IT_BLOB_LEFT_OUT] = {
        "a malformed candidate was left out (RFC 8839 section 5.1)",
        "a candidate with a .local name was left out: nobody here asks the LAN (RFC 6762; "
        "draft-ietf-mmusic-mdns-ice-candidates section 3.2)",
        "candidates beyond the hundredth were left out",
        "a malformed fingerprint was left out (RFC 8122 section 5)",
        "a fingerprint by another hash function was left out (RFC 8122 section 5.1)",
        "fingerprints beyond the fourth were left out",
        "media streams beyond the eighth were left out (RFC 3264 section 6)",
        "a second BUNDLE group was left out (RFC 9143 section 7.1)",
    };
    return TEXT[what];
}

/* What a read has come to. */
typedef struct reading {
    it_blob *b;
    const it_sdp *s;
    it_ice_cand *cands;
    size_t cap, n; /* room for candidates; how many there are */
    const char *why;
} reading;

static int blob_refuse(reading *r, const char *why)
{
    r->why = why;
    return IT_ERR_PARSE;
}

/* --- attributes of our own --- */

/* Finds |name|: its value is that of the session or of the first media description; empty when it stands in another
 * one, where it has no meaning. False when there is none. */
static bool own_attr(const it_sdp *s, const char *name, it_bytes *value)
{
    it_bytes lines = s->all.lines;
    if (it_sdp_next(&lines, name, value))
        return true;
    for (size_t i = 0; i < s->n_media; i++) {
        lines = s->media[i].own.lines;
        if (!it_sdp_next(&lines, name, value))
            continue;
        if (i > 0)
            value->n = 0;
        return true;
    }
    return false;
}

static bool read_tie_breaker(it_bytes v, uint64_t *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    uint64_t n = 0;
    if (v.n != 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        uint8_t c = v.p[i] >= 'A' && v.p[i] <= 'F' ? (uint8_t)(v.p[i] + 32) : v.p[i];
        const char *at = c ? strchr(DIGITS, c) : NULL;
        if (!at)
            return false;
        n = n << 4 | (uint64_t)(at - DIGITS);
    }
    *out = n;
    return true;
}

/* The name of a relay: letters, digits, dots and hyphens. Another one is none, and nobody is met there. */
static void read_relay(reading *r)
{
    it_bytes name;
    if (!own_attr(r->s, "x-relay", &name) || name.n == 0 || name.n >= IT_BLOB_RELAY)
        return;
    for (size_t i = 0; i < name.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", name.p[i]) || !name.p[i])
            return;
    memcpy(r->b->relay, name.p, name.n);
    r->b->relay[name.n] = 0;
}

/* Whose it is: ours has both attributes, another's none. */
static int read_numbers(reading *r)
{
    it_bytes generation, tie;
    uint64_t n;
    bool one = own_attr(r->s, "x-generation", &generation), two = own_attr(r->s, "x-tie-breaker", &tie);
    r->b->foreign = !one && !two;
    if (r->b->foreign)
        return 0;
    if (!one || !it_sdp_number(generation, &n) || n > IT_BLOB_GENERATION_MAX)
        return blob_refuse(r, "no valid generation");
    r->b->generation = (uint32_t)n;
    if (!two || !read_tie_breaker(tie, &r->b->tie_breaker))
        return blob_refuse(r, "no valid tie-breaker");
    read_relay(r);
    return 0;
}

/* --- what was left out --- */

static bool print_is_sha256(it_bytes line)
{
    static const char START[] = "a=fingerprint:";
    it_bytes rest = it_bytes_of(line.p + sizeof START - 1, line.n - (sizeof START - 1));
    return it_sdp_is(it_sdp_word(&rest), "sha-256");
}

/* The bit of |l|, -1: it has none. */
static int left_bit(const it_sdp_left *l)
{
    switch (l->why) {
    case IT_SDP_BAD_PRINT:
        return print_is_sha256(l->text) ? IT_BLOB_BAD_PRINT : IT_BLOB_OTHER_PRINT;
    case IT_SDP_OTHER_HASH:
        return IT_BLOB_OTHER_PRINT;
    case IT_SDP_MANY_PRINTS:
        return IT_BLOB_MANY_PRINTS;
    case IT_SDP_MANY_MEDIA:
        return IT_BLOB_MANY_SECTIONS;
    case IT_SDP_SECOND_GROUP:
        return IT_BLOB_OTHER_GROUP;
    default:
        return -1;
    }
}

/* How much of |line| names it: up to a colon, or what is not printable. */
static int line_name(it_bytes line)
{
    int n = 0;
    while (n < (int)line.n && n < 24 && line.p[n] >= ' ' && line.p[n] <= '~' && line.p[n] != ':')
        n++;
    return n;
}

/* Adds what is left out of another's description to the text that tells of it; of ours unknown lines are a newer
 * writer's, and go without a word. */
static void left_tell(it_blob *b, const it_sdp_left *l)
{
    size_t n = strlen(b->left), room = sizeof b->left - n;
    if (room > 48)
        snprintf(b->left + n, room, "%s line %u (%.*s)", n ? "," : "left out:", l->line, line_name(l->text),
                 (const char *)l->text.p);
    else if (b->left[n - 1] != '.')
        snprintf(b->left + n, room, " ...");
}

/* A malformed attribute of ours is a fault of its writer; another's is left out, and what it stood for is missing. */
static int read_left(reading *r)
{
    for (size_t i = 0; i < r->s->n_left && i < IT_SDP_LEFT; i++) {
        const it_sdp_left *l = &r->s->left[i];
        int bit = left_bit(l);
        if (bit >= 0)
            r->b->left_out |= 1u << bit;
        else if (r->b->foreign)
            left_tell(r->b, l);
        else if (l->why == IT_SDP_MALFORMED && *l->rule)
            return blob_refuse(r, l->rule);
    }
    return 0;
}

/* --- fingerprints --- */

static bool print_known(const it_blob *b, size_t n, const it_sdp_print *p)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(b->prints[i], p->value, IT_SHA256_SIZE) == 0)
            return true;
    return false;
}

/* Adds those of one level, of which each that another level has too is the same one. */
static void read_prints(reading *r, const it_sdp_level *l)
{
    it_blob *b = r->b;
    size_t others = b->n_prints;
    for (size_t i = 0; i < l->n_prints; i++) {
        const it_sdp_print *p = &l->print[i];
        if (p->hash != IT_SDP_SHA256)
            b->left_out |= 1u << IT_BLOB_OTHER_PRINT;
        else if (print_known(b, others, p))
            continue;
        else if (b->n_prints == IT_BLOB_PRINTS)
            b->left_out |= 1u << IT_BLOB_MANY_PRINTS;
        else
            memcpy(b->prints[b->n_prints++], p->value, IT_SHA256_SIZE);
    }
}

/* --- sections --- */

static void read_candidate(reading *r, it_blob_section *s, it_bytes value)
{
    it_ice_cand c;
    /* |value| is what follows "candidate:"; the codec of candidates wants it with that word, which stands right before
     * it. */
    it_bytes whole = it_bytes_of(value.p - strlen("candidate:"), value.n + strlen("candidate:"));
    int err = it_ice_cand_read(&c, whole);
    if (err == IT_ERR_UNSUPPORTED)
        return;
    if (err == IT_ERR_NOTFOUND) {
        r->b->left_out |= 1u << IT_BLOB_NAMED_CANDIDATE;
    } else if (err < 0) {
        r->b->left_out |= 1u << IT_BLOB_BAD_CANDIDATE;
    } else if (r->n == r->cap) {
        r->b->left_out |= 1u << IT_BLOB_MANY_CANDIDATES;
    } else {
        r->cands[r->n++] = c;
        s->n_cands++;
    }
}

/* Which of two codecs is taken: a higher rank. */
static const struct {
    const char *name;
    enum it_blob_kind kind;
    int rank;
} CODECS[] = {{"opus/48000/2", IT_BLOB_AUDIO, 3}, {"pcmu/8000", IT_BLOB_AUDIO, 2},  {"pcma/8000", IT_BLOB_AUDIO, 1},
              {"vp8/90000", IT_BLOB_VIDEO, 4},    {"h264/90000", IT_BLOB_VIDEO, 3}, {"vp9/90000", IT_BLOB_VIDEO, 2},
              {"av1/90000", IT_BLOB_VIDEO, 1}};

static int codec_rank(it_bytes name, enum it_blob_kind kind)
{
    for (size_t i = 0; i < sizeof CODECS / sizeof *CODECS; i++)
        if (CODECS[i].kind == kind && it_sdp_is(name, CODECS[i].name))
            return CODECS[i].rank;
    return 0;
}

/* Chooses among the formats of |m|. False when there is none that is understood. */
static bool read_format(it_blob_section *s, const it_sdp_media *m)
{
    it_bytes rest = m->formats, name;
    uint64_t pt;
    uint32_t rate;
    int best = 0;
    for (it_bytes w = it_sdp_word(&rest); w.n; w = it_sdp_word(&rest)) {
        if (!it_sdp_number(w, &pt) || pt > 127 || !it_sdp_format(m, (unsigned)pt, &name, &rate))
            continue;
        int rank = codec_rank(name, s->kind);
        if (rank <= best)
            continue;
        best = rank;
        s->pt = (uint8_t)pt;
        s->rate = rate;
        s->codec = name;
    }
    return best > 0;
}

/* What |m| is of. RFC 5764 section 8, RFC 8842: RTP over DTLS. */
static enum it_blob_kind read_kind(it_blob_section *s, const it_sdp_media *m)
{
    static const char *const RTP[] = {"udp/tls/rtp/savpf", "udp/tls/rtp/savp"};
    if (it_sdp_is(m->protocol, "udp/dtls"))
        return IT_BLOB_DATA;
    if (!it_sdp_is(m->protocol, RTP[0]) && !it_sdp_is(m->protocol, RTP[1]))
        return IT_BLOB_OTHER;
    if (it_sdp_is(m->kind, "audio"))
        s->kind = IT_BLOB_AUDIO;
    else if (it_sdp_is(m->kind, "video"))
        s->kind = IT_BLOB_VIDEO;
    else
        return IT_BLOB_OTHER;
    return read_format(s, m) ? s->kind : IT_BLOB_OTHER;
}

static void read_text(char *out, it_bytes text)
{
    if (text.n)
        memcpy(out, text.p, text.n);
    out[text.n] = 0;
}

/* The source that |m| names first (RFC 5576 section 4.1), 0: none. Of several that are one stream sent again, by layers
 * or repaired (RFC 5576 section 4.2), the first is the stream itself. */
static uint32_t read_ssrc(const it_sdp_media *m)
{
    it_bytes lines = m->own.lines, value;
    uint64_t n;
    while (it_sdp_next(&lines, "ssrc", &value))
        if (it_sdp_number(it_sdp_word(&value), &n) && n > 0 && n <= UINT32_MAX)
            return (uint32_t)n;
    return 0;
}

static void read_section(reading *r, const it_sdp_media *m)
{
    it_blob_section *s = &r->b->section[r->b->n_sections++];
    it_bytes lines = m->own.lines, value;
    enum it_sdp_direction d = it_sdp_direction(r->s, m);
    read_text(s->mid, m->mid);
    read_text(s->ufrag, it_sdp_ufrag(r->s, m));
    read_text(s->pwd, it_sdp_pwd(r->s, m));
    s->kind = read_kind(s, m);
    s->closed = it_sdp_closed(m);
    r->b->renominates |= (it_sdp_options(r->s, m) & IT_SDP_RENOMINATION) != 0;
    r->b->sped |= (it_sdp_options(r->s, m) & IT_SDP_SPED) != 0;
    s->bundled = m->bundled;
    s->ssrc = read_ssrc(m);
    s->mux = m->mux;
    /* RFC 8866 section 6.7: nothing said is sendrecv; ours always says it. */
    s->streaming = d & IT_SDP_SEND && (r->b->foreign || m->own.direction || r->s->all.direction);
    s->deaf = !(d & IT_SDP_RECV);
    /* RFC 8838 section 3: who does not trickle has told all. */
    s->done = m->done || (r->b->foreign && !(it_sdp_options(r->s, m) & IT_SDP_TRICKLE));
    s->cands = &r->cands[r->n];
    while (it_sdp_next(&lines, "candidate", &value))
        read_candidate(r, s, value);
    if (r->b->setup == IT_SETUP_NONE)
        r->b->setup = it_sdp_setup(r->s, m);
}

static bool is_unique(const it_blob *b, size_t i)
{
    bool unique = b->n_sections == 1 || b->section[i].mid[0];
    for (size_t k = 0; k < i; k++)
        unique &= strcmp(b->section[i].mid, b->section[k].mid) != 0;
    return unique;
}

/* True when |s| has both credentials, or none and needs none: it is over, or the |tagged| section has its transport. */
static bool has_credentials(const it_blob_section *s, bool tagged)
{
    if (s->ufrag[0] && s->pwd[0])
        return true;
    if (s->ufrag[0] || s->pwd[0])
        return false;
    return s->closed || (s->bundled && tagged);
}

/* Several sections need names; each but the bundled ones needs credentials (RFC 8839 section 5.4). Another's may do
 * without names, which RFC 5888 does not ask for. */
static int check_sections(reading *r)
{
    bool tagged = false;
    for (size_t i = 0; i < r->b->n_sections; i++) {
        const it_blob_section *s = &r->b->section[i];
        if (!is_unique(r->b, i) && !(r->b->foreign && !s->mid[0]))
            return blob_refuse(r, "two media streams of one name, or without one (RFC 8843 section 7.1)");
        if (!has_credentials(s, tagged))
            return blob_refuse(r, r->b->n_sections > 1 ? "a media stream without credentials (RFC 8839 section 5.4)"
                                  : s->ufrag[0]        ? "no valid ice-pwd (RFC 8839 section 5.4)"
                                                       : "no valid ice-ufrag (RFC 8839 section 5.4)");
        tagged |= s->bundled && s->ufrag[0];
    }
    return 0;
}

static int read_all(reading *r)
{
    it_blob *b = r->b;
    const it_sdp *s = r->s;
    if (read_numbers(r) < 0 || read_left(r) < 0)
        return IT_ERR_PARSE;
    if (s->n_media == 0)
        return blob_refuse(r, "no media description (RFC 8866 section 5.14)");
    read_prints(r, &s->all);
    for (size_t i = 0; i < s->n_media; i++) {
        read_prints(r, &s->media[i].own);
        if (i < IT_BLOB_SECTIONS)
            read_section(r, &s->media[i]);
        else
            b->left_out |= 1u << IT_BLOB_MANY_SECTIONS;
    }
    if (b->n_prints == 0)
        return blob_refuse(r, "no valid sha-256 fingerprint (RFC 8122 section 5)");
    return check_sections(r);
}

int it_blob_read(it_blob *b, it_bytes text, it_ice_cand *cands, size_t cap, const char **why)
{
    it_sdp s;
    const char *unused;
    if (!why)
        why = &unused;
    *b = (it_blob){.pacing = IT_BLOB_PACING};
    if (it_sdp_read(&s, text, why) < 0)
        return IT_ERR_PARSE;
    b->session = s.session;
    b->serial = s.serial;
    b->lite = s.lite;
    if (s.has_pacing)
        b->pacing = s.pacing;
    reading r = {.b = b, .s = &s, .cands = cands, .cap = cap};
    if (read_all(&r) < 0) {
        *why = r.why;
        return IT_ERR_PARSE;
    }
    return 0;
}
