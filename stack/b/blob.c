/* The codec of model B's blobs: one table of lines drives the parser. */
#include "stack/b/blob.h"

#include <inttypes.h>
#include <string.h>

static const char *const SETUP[] = {"actpass", "active", "passive"};

static void write_prints(it_str *out, const it_blob *b)
{
    for (size_t k = 0; k < b->n_prints; k++) {
        it_str_puts(out, "a=fingerprint:sha-256 ");
        for (int i = 0; i < IT_SHA256_SIZE; i++)
            it_str_printf(out, i ? ":%02X" : "%02X", b->prints[k][i]);
        it_str_puts(out, "\r\n");
    }
}

static void write_options(it_str *out, const it_blob *b)
{
    it_str_printf(out, "a=ice-options:ice2 trickle%s\r\n", b->renominates ? " renomination" : "");
}

/* What all sections share besides credentials. */
static void write_shared(it_str *out, const it_blob *b)
{
    it_str_printf(out, "a=setup:%s\r\n", SETUP[b->setup]);
}

static void write_numbers(it_str *out, const it_blob *b)
{
    it_str_printf(out, "a=x-generation:%" PRIu32 "\r\na=x-tie-breaker:%016" PRIx64 "\r\n", b->generation,
                  b->tie_breaker);
}

static void write_direction(it_str *out, const it_blob_section *s)
{
    it_str_printf(out, "a=%s\r\n", s->streaming ? "sendrecv" : "inactive");
}

static void write_credentials(it_str *out, const it_blob_section *s)
{
    it_str_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", s->ufrag, s->pwd);
}

static void write_candidates(it_str *out, const it_blob_section *s)
{
    for (size_t i = 0; i < s->n_cands; i++) {
        it_str_puts(out, "a=");
        it_ice_cand_write(out, &s->cands[i]);
        it_str_puts(out, "\r\n");
    }
    if (s->done)
        it_str_puts(out, "a=end-of-candidates\r\n");
}

/* The section of a stream without a name, and with it everything that is of the session. */
static void write_plain(it_str *out, const it_blob *b)
{
    const it_blob_section *s = &b->section[0];
    write_prints(out, b);
    it_str_printf(out, "m=application %d UDP/DTLS icetank\r\n", s->closed ? 0 : 9);
    write_credentials(out, s);
    write_options(out, b);
    write_shared(out, b);
    write_direction(out, s);
    write_numbers(out, b);
    if (s->mux)
        it_str_puts(out, "a=rtcp-mux\r\n");
    write_candidates(out, s);
}

/* RFC 8843 section 7: the tagged section, the group's first, has the transport of all; RFC 8839 section 4.3.1: no
 * default destination, so port 9. */
static void write_section(it_str *out, const it_blob_section *s)
{
    it_str_printf(out, "m=application %d UDP/DTLS icetank\r\na=mid:%s\r\n", s->closed ? 0 : 9, s->mid);
    write_direction(out, s);
    if (s->mux)
        it_str_puts(out, "a=rtcp-mux\r\n");
    if (s->ufrag[0])
        write_credentials(out, s);
    write_candidates(out, s);
}

static void write_sections(it_str *out, const it_blob *b)
{
    bool group = false;
    for (size_t i = 0; i < b->n_sections; i++)
        group |= b->section[i].bundled;
    if (group)
        it_str_puts(out, "a=group:BUNDLE");
    for (size_t i = 0; i < b->n_sections; i++)
        if (b->section[i].bundled)
            it_str_printf(out, " %s", b->section[i].mid);
    if (group)
        it_str_puts(out, "\r\n");
    write_prints(out, b);
    write_options(out, b);
    write_shared(out, b);
    write_numbers(out, b);
    for (size_t i = 0; i < b->n_sections; i++)
        write_section(out, &b->section[i]);
}

void it_blob_write(it_str *out, const it_blob *b)
{
    it_str_printf(out, "v=0\r\no=- %" PRIu64 " %" PRIu64 " IN IP4 0.0.0.0\r\ns=icetank-b\r\n", b->session, b->serial);
    /* RFC 8839 section 4.3.1: no default destination. */
    it_str_printf(out, "c=IN IP4 0.0.0.0\r\nt=0 0\r\na=ice-pacing:%" PRIu32 "\r\n%s", b->pacing,
                  b->lite ? "a=ice-lite\r\n" : "");
    if (b->n_sections == 1 && !b->section[0].mid[0])
        write_plain(out, b);
    else
        write_sections(out, b);
}

#define LEFT_OUT 1 /* of a line's reader: the line does not count */

/* What a parse has come to. */
typedef struct reading {
    it_blob *b;
    it_ice_cand *cands;
    size_t cap, n;               /* room for candidates; how many there are */
    unsigned seen;               /* bits of the lines that must be there, in order of the table */
    bool skips;                  /* in a section beyond the last that there is room for */
    it_blob_section session, *s; /* what stands before the first section; where we are */
    it_bytes group;              /* the names of the BUNDLE group */
} reading;

/* A decimal number of at most 20 digits that fills the view. */
static bool decimal(it_bytes t, uint64_t *v)
{
    uint64_t n = 0;
    if (t.n == 0 || t.n > 20)
        return false;
    for (size_t i = 0; i < t.n; i++) {
        unsigned d = (unsigned)t.p[i] - '0';
        if (d > 9 || n > (UINT64_MAX - d) / 10)
            return false;
        n = n * 10 + d;
    }
    *v = n;
    return true;
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The next word of |*rest|. */
static it_bytes word(it_bytes *rest)
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

static int on_version(reading *r, it_bytes v)
{
    (void)r;
    return it_bytes_eq(v, it_bytes_str("0")) ? 0 : IT_ERR_PARSE; /* RFC 8866 section 5.1 */
}

static int on_origin(reading *r, it_bytes v)
{
    (void)word(&v);
    it_bytes id = word(&v), serial = word(&v);
    return decimal(id, &r->b->session) && decimal(serial, &r->b->serial) ? 0 : IT_ERR_PARSE;
}

const char *it_blob_left_out_text(enum it_blob_left_out what)
{
    static const char *const TEXT[IT_BLOB_LEFT_OUT] = {
        "a malformed candidate was left out (RFC 8839 section 5.1)",
        "candidates beyond the hundredth were left out",
        "a malformed fingerprint was left out (RFC 8122 section 5)",
        "a fingerprint by another hash function was left out (RFC 8122 section 5.1)",
        "fingerprints beyond the fourth were left out",
        "media streams beyond the eighth were left out (RFC 3264 section 6)",
        "a second BUNDLE group was left out (RFC 8843 section 7)",
    };
    return TEXT[what];
}

/* Notes that something was left out. A line that is left out is no reason to refuse the blob. */
static int leave_out(reading *r, enum it_blob_left_out what)
{
    r->b->left_out |= 1u << what;
    return LEFT_OUT;
}

/* RFC 8122 section 5: the names of hash functions are compared without regard to case. */
static bool word_is(it_bytes w, const char *lower)
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

/* RFC 8122 section 5: pairs of upper-case hexadecimal digits between colons (lower case is taken too). */
static bool read_print(it_bytes h, uint8_t out[IT_SHA256_SIZE])
{
    if (h.n != 3 * IT_SHA256_SIZE - 1)
        return false;
    for (size_t i = 0; i < IT_SHA256_SIZE; i++) {
        int hi = hex(h.p[3 * i]), lo = hex(h.p[3 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        if (i + 1 < IT_SHA256_SIZE && h.p[3 * i + 2] != ':')
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

/* RFC 8122 section 5.1: there may be several, of several hash functions and certificates; we know sha-256. */
static int on_fingerprint(reading *r, it_bytes v)
{
    uint8_t print[IT_SHA256_SIZE];
    if (!word_is(word(&v), "sha-256"))
        return leave_out(r, IT_BLOB_OTHER_PRINT);
    if (!read_print(word(&v), print))
        return leave_out(r, IT_BLOB_BAD_PRINT);
    if (r->b->n_prints == IT_BLOB_PRINTS)
        return leave_out(r, IT_BLOB_MANY_PRINTS);
    memcpy(r->b->prints[r->b->n_prints++], print, sizeof print);
    return 0;
}

static bool is_ice_char(uint8_t c)
{
    static const char CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return c != 0 && strchr(CHARS, c) != NULL;
}

/* RFC 8839 section 5.4: ice-char, |min| to 256 of them. */
static int credential(char *out, it_bytes v, size_t min)
{
    if (v.n < min || v.n > IT_ICE_UFRAG_MAX)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < v.n; i++)
        if (!is_ice_char(v.p[i]))
            return IT_ERR_PARSE;
    memcpy(out, v.p, v.n);
    out[v.n] = '\0';
    return 0;
}

static int on_ufrag(reading *r, it_bytes v)
{
    return credential(r->s->ufrag, v, 4);
}

static int on_pwd(reading *r, it_bytes v)
{
    return credential(r->s->pwd, v, 22);
}

/* RFC 8839 section 5.5: 1 to 10 digits, ms. */
static int on_pacing(reading *r, it_bytes v)
{
    uint64_t n;
    if (v.n > 10 || !decimal(v, &n))
        return IT_ERR_PARSE;
    r->b->pacing = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    return 0;
}

/* RFC 8839 section 5.3: of the session. */
static int on_lite(reading *r, it_bytes v)
{
    (void)v;
    r->b->lite = true;
    return 0;
}

/* RFC 8839 section 5.6: words; those that nobody knows are skipped. */
static int on_options(reading *r, it_bytes v)
{
    while (v.n) {
        it_bytes w = word(&v);
        if (it_bytes_eq(w, it_bytes_str("renomination")))
            r->b->renominates = true;
    }
    return 0;
}

static int on_setup(reading *r, it_bytes v)
{
    for (int i = 0; i < 3; i++)
        if (it_bytes_eq(v, it_bytes_str(SETUP[i]))) {
            r->b->setup = (enum it_setup)i;
            return 0;
        }
    return IT_ERR_PARSE;
}

static int on_sendrecv(reading *r, it_bytes v)
{
    (void)v;
    r->s->streaming = true;
    return 0;
}

static int on_generation(reading *r, it_bytes v)
{
    uint64_t n;
    if (!decimal(v, &n) || n > IT_BLOB_GENERATION_MAX)
        return IT_ERR_PARSE;
    r->b->generation = (uint32_t)n;
    return 0;
}

static int on_tie_breaker(reading *r, it_bytes v)
{
    if (v.n != 16)
        return IT_ERR_PARSE;
    uint64_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        int d = hex(v.p[i]);
        if (d < 0)
            return IT_ERR_PARSE;
        n = n << 4 | (unsigned)d;
    }
    r->b->tie_breaker = n;
    return 0;
}

static int on_candidate(reading *r, it_bytes v)
{
    it_ice_cand c;
    /* |v| is what follows "candidate:"; the codec of candidates wants it with that word, which stands right before it.
     */
    it_bytes whole = it_bytes_of(v.p - strlen("candidate:"), v.n + strlen("candidate:"));
    int err = it_ice_cand_read(&c, whole);
    if (err == IT_ERR_UNSUPPORTED)
        return 0;
    if (err < 0)
        return leave_out(r, IT_BLOB_BAD_CANDIDATE);
    if (r->n == r->cap)
        return leave_out(r, IT_BLOB_MANY_CANDIDATES);
    r->cands[r->n++] = c;
    r->s->n_cands++;
    return 0;
}

static int on_done(reading *r, it_bytes v)
{
    (void)v;
    r->s->done = true;
    return 0;
}

static int on_inactive(reading *r, it_bytes v)
{
    (void)v;
    r->s->streaming = false;
    return 0;
}

static int on_mux(reading *r, it_bytes v)
{
    (void)v;
    r->s->mux = true;
    return 0;
}

/* RFC 8866 section 5.14: media, port, protocol, formats. What stood before the first section holds for all. */
static int on_media(reading *r, it_bytes v)
{
    (void)word(&v);
    it_bytes port = word(&v);
    if (r->b->n_sections == IT_BLOB_SECTIONS) {
        r->skips = true;
        return leave_out(r, IT_BLOB_MANY_SECTIONS);
    }
    size_t first = r->b->n_sections++ ? 0 : r->session.n_cands;
    r->s = &r->b->section[r->b->n_sections - 1];
    *r->s = r->session;
    r->s->cands = &r->cands[r->n - first];
    r->s->n_cands = first;
    r->s->closed = it_bytes_eq(port, it_bytes_str("0"));
    return 0;
}

/* RFC 5888 section 4: a token. */
static int on_mid(reading *r, it_bytes v)
{
    if (v.n == 0 || v.n > IT_BLOB_MID)
        return IT_ERR_PARSE;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || v.p[i] > '~')
            return IT_ERR_PARSE;
    memcpy(r->s->mid, v.p, v.n);
    r->s->mid[v.n] = '\0';
    return 0;
}

static int on_bundle(reading *r, it_bytes v)
{
    if (v.n == 0 || v.p[0] != ' ')
        return 0; /* of another kind, whose name begins alike */
    if (r->group.n)
        return leave_out(r, IT_BLOB_OTHER_GROUP);
    r->group = v;
    return 0;
}

/* The lines that mean something; the first seven must be there. */
static const struct {
    const char *start;
    int (*take)(reading *r, it_bytes value);
    const char *wrong; /* what is said of a line that is malformed or missing */
} LINES[] = {
    {"v=", on_version, "the blob's version is not 0 (RFC 8866 section 5.1)"},
    {"o=", on_origin, "no valid origin line (RFC 8866 section 5.2)"},
    {"a=fingerprint:", on_fingerprint, "no valid sha-256 fingerprint (RFC 8122 section 5)"},
    {"a=ice-ufrag:", on_ufrag, "no valid ice-ufrag (RFC 8839 section 5.4)"},
    {"a=ice-pwd:", on_pwd, "no valid ice-pwd (RFC 8839 section 5.4)"},
    {"a=x-generation:", on_generation, "no valid generation"},
    {"a=x-tie-breaker:", on_tie_breaker, "no valid tie-breaker"},
    {"a=ice-pacing:", on_pacing, "no valid ice-pacing (RFC 8839 section 5.5)"},
    {"a=setup:", on_setup, "an unknown setup role (RFC 8842 section 5.2)"},
    {"a=ice-lite", on_lite, ""},
    {"a=ice-options:", on_options, ""},
    {"m=", on_media, ""},
    {"a=group:BUNDLE", on_bundle, ""},
    {"a=mid:", on_mid, "no valid mid (RFC 5888 section 4)"},
    {"a=rtcp-mux", on_mux, ""},
    {"a=sendrecv", on_sendrecv, ""},
    {"a=inactive", on_inactive, ""},
    {"a=candidate:", on_candidate, ""},
    {"a=end-of-candidates", on_done, ""},
};
#define N_LINES (sizeof LINES / sizeof *LINES)
#define N_NEEDED 7

/* Takes one line; unknown ones are skipped. */
static int take_line(reading *r, it_bytes line, const char **why)
{
    for (size_t i = 0; i < N_LINES; i++) {
        size_t n = strlen(LINES[i].start);
        if (line.n < n || memcmp(line.p, LINES[i].start, n) != 0)
            continue;
        int err = LINES[i].take(r, it_bytes_of(line.p + n, line.n - n));
        if (err == 0)
            r->seen |= 1u << i;
        if (err < 0)
            *why = LINES[i].wrong;
        return err;
    }
    return 0;
}

static int take_lines(reading *r, it_bytes text, const char **why)
{
    while (text.n) {
        const uint8_t *nl = memchr(text.p, '\n', text.n);
        size_t n = nl ? (size_t)(nl - text.p) : text.n;
        size_t keep = n && text.p[n - 1] == '\r' ? n - 1 : n;
        if (!r->skips && take_line(r, it_bytes_of(text.p, keep), why) < 0)
            return IT_ERR_PARSE;
        size_t skip = nl ? n + 1 : n;
        text = it_bytes_of(text.p + skip, text.n - skip);
    }
    return 0;
}

static bool in_group(it_bytes group, const char *mid)
{
    while (group.n) {
        it_bytes w = word(&group);
        if (w.n && it_bytes_eq(w, it_bytes_str(mid)))
            return true;
    }
    return false;
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

/* Several sections need names; each but the bundled ones needs credentials (RFC 8839 section 5.4). */
static int check_sections(reading *r, const char **why)
{
    bool tagged = false;
    for (size_t i = 0; i < r->b->n_sections; i++) {
        it_blob_section *s = &r->b->section[i];
        if (!is_unique(r->b, i)) {
            *why = "two media streams of one name, or without one (RFC 8843 section 7.1)";
            return IT_ERR_PARSE;
        }
        s->bundled = s->mid[0] && in_group(r->group, s->mid);
        if (!has_credentials(s, tagged)) {
            *why = "a media stream without credentials (RFC 8839 section 5.4)";
            return IT_ERR_PARSE;
        }
        tagged |= s->bundled && s->ufrag[0];
    }
    return 0;
}

int it_blob_read(it_blob *b, it_bytes text, it_ice_cand *cands, size_t cap, const char **why)
{
    const char *unused;
    if (!why)
        why = &unused;
    *b = (it_blob){.pacing = IT_BLOB_PACING};
    reading r = {.b = b, .cands = cands, .cap = cap};
    r.s = &r.session;
    if (take_lines(&r, text, why) < 0)
        return IT_ERR_PARSE;
    if (b->n_sections == 0) {
        b->section[b->n_sections++] = r.session;
        b->section[0].cands = cands;
    }
    for (size_t i = 0; i < N_NEEDED; i++)
        if (!(r.seen & 1u << i)) {
            *why = LINES[i].wrong;
            return IT_ERR_PARSE;
        }
    return check_sections(&r, why);
}
