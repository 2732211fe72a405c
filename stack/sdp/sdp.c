/* Views of a description that was read: words, numbers, what holds for a media description. */
#include "stack/sdp/impl.h"

it_bytes it_sdp_line(it_bytes *text)
{
    const uint8_t *nl = text->n ? memchr(text->p, '\n', text->n) : NULL;
    size_t n = nl ? (size_t)(nl - text->p) : text->n, skip = nl ? n + 1 : n;
    it_bytes line = it_bytes_of(text->p, n && text->p[n - 1] == '\r' ? n - 1 : n);
    *text = it_bytes_of(text->p + skip, text->n - skip);
    return line;
}

it_bytes it_sdp_word(it_bytes *rest)
{
    size_t i = 0, n;
    while (i < rest->n && rest->p[i] == ' ')
        i++;
    for (n = i; n < rest->n && rest->p[n] != ' ';)
        n++;
    it_bytes w = it_bytes_of(rest->p + i, n - i);
    *rest = it_bytes_of(rest->p + n, rest->n - n);
    return w;
}

bool it_sdp_number(it_bytes w, uint64_t *v)
{
    uint64_t n = 0;
    if (w.n == 0 || w.n > 20)
        return false;
    for (size_t i = 0; i < w.n; i++) {
        unsigned d = (unsigned)w.p[i] - '0';
        if (d > 9 || n > (UINT64_MAX - d) / 10)
            return false;
        n = n * 10 + d;
    }
    *v = n;
    return true;
}

bool it_sdp_is(it_bytes w, const char *lower)
{
    if (w.n != strlen(lower))
        return false;
    for (size_t i = 0; i < w.n; i++) {
        char c = (char)w.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != lower[i])
            return false;
    }
    return true;
}

it_bytes it_sdp_ufrag(const it_sdp *s, const it_sdp_media *m)
{
    return m->own.ufrag.n ? m->own.ufrag : s->all.ufrag;
}

it_bytes it_sdp_pwd(const it_sdp *s, const it_sdp_media *m)
{
    return m->own.pwd.n ? m->own.pwd : s->all.pwd;
}

enum it_setup it_sdp_setup(const it_sdp *s, const it_sdp_media *m)
{
    return m->own.setup != IT_SETUP_NONE ? m->own.setup : s->all.setup;
}

enum it_sdp_direction it_sdp_direction(const it_sdp *s, const it_sdp_media *m)
{
    if (m->own.direction != IT_SDP_NONE)
        return m->own.direction;
    return s->all.direction != IT_SDP_NONE ? s->all.direction : IT_SDP_SENDRECV;
}

const it_sdp_print *it_sdp_prints(const it_sdp *s, const it_sdp_media *m, size_t *n)
{
    /* RFC 8122 section 5: a session-level one holds for every media description without any. */
    const it_sdp_level *l = m->own.n_prints ? &m->own : &s->all;
    *n = l->n_prints;
    return l->print;
}

unsigned it_sdp_options(const it_sdp *s, const it_sdp_media *m)
{
    return m->own.options | s->all.options;
}

bool it_sdp_closed(const it_sdp_media *m)
{
    return m->port == 0 && !m->bundle_only;
}

bool it_sdp_next(it_bytes *lines, const char *name, it_bytes *value)
{
    it_bytes want = it_bytes_str(name), have;
    while (lines->n) {
        it_bytes line = it_sdp_line(lines);
        if (line.n > IT_SDP_LINE || line.n < 2 || line.p[0] != 'a' || line.p[1] != '=')
            continue;
        it_sdp_split(line, &have, value);
        if (it_bytes_eq(have, want))
            return true;
    }
    return false;
}

/* RFC 3551 section 6. */
static const struct {
    uint8_t pt;
    const char *name;
    uint32_t rate;
} STATIC[] = {{0, "PCMU/8000", 8000}, {3, "GSM/8000", 8000},     {8, "PCMA/8000", 8000},    {9, "G722/8000", 8000},
              {13, "CN/8000", 8000},  {26, "JPEG/90000", 90000}, {31, "H261/90000", 90000}, {34, "H263/90000", 90000}};

/* The clock of "opus/48000/2": 0 when there is none. */
static uint32_t format_rate(it_bytes name)
{
    const uint8_t *slash = name.n ? memchr(name.p, '/', name.n) : NULL;
    if (!slash)
        return 0;
    it_bytes rest = it_bytes_of(slash + 1, name.n - (size_t)(slash + 1 - name.p));
    const uint8_t *end = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
    uint64_t v;
    if (end)
        rest.n = (size_t)(end - rest.p);
    return it_sdp_number(rest, &v) && v <= UINT32_MAX ? (uint32_t)v : 0;
}

bool it_sdp_format(const it_sdp_media *m, unsigned pt, it_bytes *name, uint32_t *rate)
{
    it_bytes lines = m->own.lines, value;
    uint64_t v;
    while (it_sdp_next(&lines, "rtpmap", &value)) {
        if (!it_sdp_number(it_sdp_word(&value), &v) || v != pt)
            continue;
        *name = it_sdp_word(&value);
        *rate = format_rate(*name);
        return *rate > 0;
    }
    for (size_t i = 0; i < sizeof STATIC / sizeof *STATIC; i++)
        if (STATIC[i].pt == pt) {
            *name = it_bytes_str(STATIC[i].name);
            *rate = STATIC[i].rate;
            return true;
        }
    return false;
}
