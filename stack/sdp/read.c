/* The reader: lines, media descriptions, and the list of what was left out. */
#include "stack/sdp/impl.h"

const char *it_sdp_why_text(enum it_sdp_why why)
{
    static const char *const TEXT[IT_SDP_WHYS] = {
        "an unknown line was left out (RFC 8866 section 5)",
        "a malformed line was left out (RFC 8866 section 5)",
        "a line of another level was left out (RFC 8866 section 5.13)",
        "a line beyond 4,096 bytes was left out",
        "media descriptions beyond the sixteenth were left out",
        "fingerprints beyond the eighth of a level were left out",
        "a fingerprint by an unknown hash function was left out (RFC 8122 section 5.1)",
        "a malformed fingerprint was left out (RFC 8122 section 5)",
        "a second BUNDLE group was left out (RFC 9143 section 7.1)",
    };
    return TEXT[why];
}

static void leave_out(it_sdp_reading *r, enum it_sdp_why why, unsigned line, it_bytes text, const char *rule)
{
    it_sdp *s = r->s;
    if (s->n_left < IT_SDP_LEFT)
        s->left[s->n_left] = (it_sdp_left){why, line, text, rule};
    s->n_left++;
}

/* RFC 8866 section 5.2: user, session, version, and where that came from, which is not looked at. */
static bool read_origin(it_sdp *s, it_bytes v)
{
    s->user = it_sdp_word(&v);
    it_bytes id = it_sdp_word(&v), serial = it_sdp_word(&v);
    return s->user.n && it_sdp_number(id, &s->session) && it_sdp_number(serial, &s->serial);
}

/* RFC 8866 section 5.14: media, port or ports, protocol, formats. */
static int read_media(it_sdp_reading *r, it_bytes v)
{
    it_sdp_media m = {.kind = it_sdp_word(&v)};
    it_bytes port = it_sdp_word(&v);
    const uint8_t *slash = port.n ? memchr(port.p, '/', port.n) : NULL;
    uint64_t n;
    m.protocol = it_sdp_word(&v);
    if (slash)
        port.n = (size_t)(slash - port.p);
    while (v.n && v.p[0] == ' ')
        v = it_bytes_of(v.p + 1, v.n - 1);
    m.formats = v;
    if (!m.kind.n || !m.protocol.n || !v.n || !it_sdp_number(port, &n) || n > UINT16_MAX)
        return IT_SDP_MALFORMED;
    m.port = (uint16_t)n;
    if (r->s->n_media == IT_SDP_MEDIA)
        return IT_SDP_MANY_MEDIA;
    r->m = &r->s->media[r->s->n_media++];
    *r->m = m;
    r->level = &r->m->own;
    return SDP_TAKEN;
}

/* A media line begins what is its own, whether it is taken or not. */
static int on_media(it_sdp_reading *r, it_bytes v)
{
    int why = read_media(r, v);
    r->skips = why != SDP_TAKEN;
    return why;
}

static int on_attr(it_sdp_reading *r, it_bytes line, const char **rule)
{
    it_bytes name, value;
    it_sdp_split(line, &name, &value);
    const it_sdp_attr *a = it_sdp_attr_of(name);
    if (!a)
        return IT_SDP_UNKNOWN;
    if (!(a->levels & (r->m ? SDP_MEDIA : SDP_SESSION)))
        return IT_SDP_MISPLACED;
    if (!a->take)
        return SDP_TAKEN;
    *rule = a->rule;
    return a->take(r, value);
}

/* Takes the line |line|, "x=...". */
static int take_line(it_sdp_reading *r, it_bytes line, const char **rule)
{
    it_bytes v = it_bytes_of(line.p + 2, line.n - 2);
    switch (line.p[0]) {
    case 'm':
        return on_media(r, v);
    case 'a':
        return on_attr(r, line, rule);
    case 's':
        /* RFC 8866 section 5.3: "-" or a space is no name. */
        if (!r->m && !it_bytes_eq(v, it_bytes_str("-")) && !it_bytes_eq(v, it_bytes_str(" ")))
            r->s->name = v;
        return SDP_TAKEN;
    default:
        /* RFC 8866 section 5: connection, times, bandwidth and what is for people say nothing that ICE does not know
         * better. */
        return strchr("iuepcbtrzk", line.p[0]) ? SDP_TAKEN : IT_SDP_UNKNOWN;
    }
}

/* Takes line |line|, whatever it is. Returns SDP_TAKEN, also for what stands in a media description that is skipped, or
 * why it is left out. */
static int read_line(it_sdp_reading *r, it_bytes line, const char **rule)
{
    if (line.n > IT_SDP_LINE)
        return IT_SDP_LONG;
    if (line.n < 2 || line.p[1] != '=' || !line.p[0])
        return IT_SDP_MALFORMED;
    if (r->skips && line.p[0] != 'm')
        return SDP_TAKEN;
    return take_line(r, line, rule);
}

/* The lines of the level we are in reach up to |end|; those of a new one begin there, behind its media line. */
static void level_extend(it_sdp_reading *r, const uint8_t *end)
{
    it_bytes *lines = &r->level->lines;
    if (lines->p == NULL)
        *lines = it_bytes_of(end, 0);
    else if (!r->skips)
        lines->n = (size_t)(end - lines->p);
}

static void read_lines(it_sdp_reading *r, it_bytes text)
{
    r->level->lines = it_bytes_of(text.p, 0);
    for (unsigned n = 3; text.n; n++) {
        const char *rule = "";
        it_bytes line = it_sdp_line(&text);
        if (line.n == 0)
            continue; /* a line that is empty says nothing */
        int why = read_line(r, line, &rule);
        if (why != SDP_TAKEN)
            leave_out(r, (enum it_sdp_why)why, n, line, why == IT_SDP_MALFORMED ? rule : "");
        level_extend(r, text.p);
    }
}

static bool in_group(it_bytes group, it_bytes mid)
{
    while (mid.n && group.n) {
        it_bytes w = it_sdp_word(&group);
        if (w.n && it_bytes_eq(w, mid))
            return true;
    }
    return false;
}

int it_sdp_read(it_sdp *s, it_bytes text, const char **why)
{
    const char *unused;
    if (!why)
        why = &unused;
    *s = (it_sdp){.session = 0};
    if (text.n > IT_SDP_MAX) {
        *why = "the description is above 65,536 bytes";
        return IT_ERR_TOOBIG;
    }
    it_sdp_reading r = {.s = s, .level = &s->all};
    if (!it_bytes_eq(it_sdp_line(&text), it_bytes_str("v=0"))) {
        *why = "the description's version is not 0 (RFC 8866 section 5.1)";
        return IT_ERR_PARSE;
    }
    it_bytes o = it_sdp_line(&text);
    if (o.n < 2 || o.p[0] != 'o' || o.p[1] != '=' || !read_origin(s, it_bytes_of(o.p + 2, o.n - 2))) {
        *why = "no valid origin line (RFC 8866 section 5.2)";
        return IT_ERR_PARSE;
    }
    read_lines(&r, text);
    for (size_t i = 0; i < s->n_media; i++) {
        s->media[i].bundled = in_group(s->group, s->media[i].mid);
        s->media[i].done |= s->done;
    }
    return 0;
}
