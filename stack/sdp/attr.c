/* The table of attributes, and what takes their values. */
#include "stack/sdp/impl.h"

void it_sdp_split(it_bytes line, it_bytes *name, it_bytes *value)
{
    it_bytes a = it_bytes_of(line.p + 2, line.n - 2);
    const uint8_t *colon = a.n ? memchr(a.p, ':', a.n) : NULL;
    size_t n = colon ? (size_t)(colon - a.p) : a.n;
    *name = it_bytes_of(a.p, n);
    *value = colon ? it_bytes_of(colon + 1, a.n - n - 1) : it_bytes_of(a.p + n, 0);
}

/* --- ICE: RFC 8839 --- */

/* Section 5.4: ice-char, |min| to 256 of them. */
static int take_credential(it_bytes *out, it_bytes v, size_t min)
{
    static const char CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (v.n < min || v.n > IT_SDP_CREDENTIAL)
        return IT_SDP_MALFORMED;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] == 0 || !strchr(CHARS, v.p[i]))
            return IT_SDP_MALFORMED;
    *out = v;
    return SDP_TAKEN;
}

static int on_ufrag(it_sdp_reading *r, it_bytes v)
{
    return take_credential(&r->level->ufrag, v, 4);
}

static int on_pwd(it_sdp_reading *r, it_bytes v)
{
    return take_credential(&r->level->pwd, v, 22);
}

/* Section 5.5: 1 to 10 digits. */
static int on_pacing(it_sdp_reading *r, it_bytes v)
{
    uint64_t n;
    if (v.n > 10 || !it_sdp_number(v, &n))
        return IT_SDP_MALFORMED;
    r->s->pacing = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    r->s->has_pacing = true;
    return SDP_TAKEN;
}

static int on_lite(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    r->s->lite = true;
    return SDP_TAKEN;
}

static const struct {
    const char *name;
    enum it_sdp_option bit;
} OPTIONS[] = {
    {"ice2", IT_SDP_ICE2}, {"trickle", IT_SDP_TRICKLE}, {"renomination", IT_SDP_RENOMINATION},
    {"sped", IT_SDP_SPED}, {"googspedv1", IT_SDP_SPED}, {"goog-sped-v1", IT_SDP_SPED}}; /* as libwebrtc has called it */

/* Section 5.6: what an agent does not support it ignores. */
static int on_options(it_sdp_reading *r, it_bytes v)
{
    for (it_bytes w = it_sdp_word(&v); w.n; w = it_sdp_word(&v))
        for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
            if (it_bytes_eq(w, it_bytes_str(OPTIONS[i].name)))
                r->level->options |= OPTIONS[i].bit;
    return SDP_TAKEN;
}

/* RFC 8840 section 8.2: of the session it holds for all. */
static int on_done(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    if (r->m)
        r->m->done = true;
    else
        r->s->done = true;
    return SDP_TAKEN;
}

/* --- DTLS: RFC 8122, 8842 --- */

static const struct {
    const char *name;
    uint8_t size;
} HASHES[IT_SDP_HASHES] = {{"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};

const char *it_sdp_hash_text(enum it_sdp_hash hash)
{
    return HASHES[hash].name;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* RFC 8122 section 5: pairs of upper-case hexadecimal digits between colons (lower case is taken too). */
static bool print_bytes(it_bytes h, uint8_t *out, size_t n)
{
    if (h.n != 3 * n - 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(h.p[3 * i]), lo = hex_digit(h.p[3 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        if (i + 1 < n && h.p[3 * i + 2] != ':')
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static int on_fingerprint(it_sdp_reading *r, it_bytes v)
{
    it_sdp_print p = {.hash = IT_SDP_SHA1};
    it_bytes name = it_sdp_word(&v);
    while (p.hash < IT_SDP_HASHES && !it_sdp_is(name, HASHES[p.hash].name))
        p.hash++;
    if (p.hash == IT_SDP_HASHES)
        return IT_SDP_OTHER_HASH;
    p.n = HASHES[p.hash].size;
    if (!print_bytes(it_sdp_word(&v), p.value, p.n))
        return IT_SDP_BAD_PRINT;
    if (r->level->n_prints == IT_SDP_PRINTS)
        return IT_SDP_MANY_PRINTS;
    r->level->print[r->level->n_prints++] = p;
    return SDP_TAKEN;
}

static const char *const SETUP[] = {"", "actpass", "active", "passive", "holdconn"};

const char *it_sdp_setup_text(enum it_setup setup)
{
    return SETUP[setup];
}

static int on_setup(it_sdp_reading *r, it_bytes v)
{
    for (int i = IT_SETUP_ACTPASS; i <= IT_SETUP_HOLDCONN; i++)
        if (it_bytes_eq(v, it_bytes_str(SETUP[i]))) {
            r->level->setup = (enum it_setup)i;
            return SDP_TAKEN;
        }
    return IT_SDP_MALFORMED;
}

/* --- media descriptions --- */

/* RFC 5888 section 4: a token. */
static int on_mid(it_sdp_reading *r, it_bytes v)
{
    if (v.n == 0 || v.n > IT_SDP_MID)
        return IT_SDP_MALFORMED;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || v.p[i] > '~')
            return IT_SDP_MALFORMED;
    r->m->mid = v;
    return SDP_TAKEN;
}

/* RFC 5888 section 5; groups of other semantics are none of ours. */
static int on_group(it_sdp_reading *r, it_bytes v)
{
    if (!it_bytes_eq(it_sdp_word(&v), it_bytes_str("BUNDLE")))
        return SDP_TAKEN;
    if (r->s->group.p)
        return IT_SDP_SECOND_GROUP;
    r->s->group = v;
    return SDP_TAKEN;
}

static int on_mux(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    r->m->mux = true;
    return SDP_TAKEN;
}

static int on_mux_only(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    r->m->mux_only = true;
    return SDP_TAKEN;
}

static int on_bundle_only(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    r->m->bundle_only = true;
    return SDP_TAKEN;
}

static int take_direction(it_sdp_reading *r, enum it_sdp_direction d)
{
    r->level->direction = d;
    return SDP_TAKEN;
}

static int on_sendrecv(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    return take_direction(r, IT_SDP_SENDRECV);
}

static int on_sendonly(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    return take_direction(r, IT_SDP_SEND);
}

static int on_recvonly(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    return take_direction(r, IT_SDP_RECV);
}

static int on_inactive(it_sdp_reading *r, it_bytes v)
{
    (void)v;
    return take_direction(r, IT_SDP_INACTIVE);
}

/* --- the table --- */

static const it_sdp_attr ATTRS[] = {
    {"bundle-only", SDP_MEDIA, on_bundle_only, ""},
    {"candidate", SDP_MEDIA, NULL, ""}, /* RFC 8839 section 5.1 */
    {"content", SDP_MEDIA, NULL, ""},
    {"cname", SDP_MEDIA, NULL, ""},
    {"end-of-candidates", SDP_BOTH, on_done, ""},
    {"extmap", SDP_BOTH, NULL, ""}, /* RFC 8285 section 5 */
    {"extmap-allow-mixed", SDP_BOTH, NULL, ""},
    {"fingerprint", SDP_BOTH, on_fingerprint, ""},
    {"fmtp", SDP_MEDIA, NULL, ""},
    {"framerate", SDP_MEDIA, NULL, ""},
    {"framesize", SDP_MEDIA, NULL, ""},
    {"group", SDP_SESSION, on_group, ""},
    {"ice-lite", SDP_SESSION, on_lite, ""},
    {"ice-mismatch", SDP_MEDIA, NULL, ""},
    {"ice-options", SDP_BOTH, on_options, ""},
    {"ice-pacing", SDP_SESSION, on_pacing, "no valid ice-pacing (RFC 8839 section 5.5)"},
    {"ice-pwd", SDP_BOTH, on_pwd, "no valid ice-pwd (RFC 8839 section 5.4)"},
    {"ice-ufrag", SDP_BOTH, on_ufrag, "no valid ice-ufrag (RFC 8839 section 5.4)"},
    {"identity", SDP_SESSION, NULL, ""},
    {"imageattr", SDP_MEDIA, NULL, ""},
    {"inactive", SDP_BOTH, on_inactive, ""},
    {"label", SDP_MEDIA, NULL, ""},
    {"lang", SDP_BOTH, NULL, ""},
    {"max-message-size", SDP_MEDIA, NULL, ""}, /* RFC 8841 section 6 */
    {"maxptime", SDP_MEDIA, NULL, ""},
    {"mid", SDP_MEDIA, on_mid, "no valid mid (RFC 5888 section 4)"},
    {"msid", SDP_BOTH, NULL, ""}, /* RFC 8830 */
    {"msid-semantic", SDP_SESSION, NULL, ""},
    {"ptime", SDP_MEDIA, NULL, ""},
    {"recvonly", SDP_BOTH, on_recvonly, ""},
    {"remote-candidates", SDP_MEDIA, NULL, ""},
    {"rid", SDP_MEDIA, NULL, ""},
    {"rtcp", SDP_MEDIA, NULL, ""}, /* RFC 3605 */
    {"rtcp-fb", SDP_MEDIA, NULL, ""},
    {"rtcp-mux", SDP_MEDIA, on_mux, ""},
    {"rtcp-mux-only", SDP_MEDIA, on_mux_only, ""},
    {"rtcp-rsize", SDP_MEDIA, NULL, ""},
    {"rtcp-xr", SDP_BOTH, NULL, ""}, /* RFC 3611 section 5.1 */
    {"rtpmap", SDP_MEDIA, NULL, ""},
    {"sctp-init", SDP_MEDIA, NULL, ""},
    {"sctp-port", SDP_MEDIA, NULL, ""},
    {"sctpmap", SDP_MEDIA, NULL, ""},
    {"sendonly", SDP_BOTH, on_sendonly, ""},
    {"sendrecv", SDP_BOTH, on_sendrecv, ""},
    {"setup", SDP_BOTH, on_setup, "an unknown setup role (RFC 8842 section 5.2)"},
    {"simulcast", SDP_MEDIA, NULL, ""},
    {"ssrc", SDP_MEDIA, NULL, ""}, /* RFC 5576 */
    {"ssrc-group", SDP_MEDIA, NULL, ""},
    {"tls-id", SDP_BOTH, NULL, ""}, /* RFC 8842 section 5.1 */
    {"tool", SDP_SESSION, NULL, ""},
};

/* RFC 8866 section 6: "X-" names are nobody's; who knows them walks to them. */
static const it_sdp_attr PRIVATE = {"x-", SDP_BOTH, NULL, ""};

const it_sdp_attr *it_sdp_attr_of(it_bytes name)
{
    if (name.n > 2 && memcmp(name.p, "x-", 2) == 0)
        return &PRIVATE;
    for (size_t i = 0; i < sizeof ATTRS / sizeof *ATTRS; i++)
        if (it_bytes_eq(name, it_bytes_str(ATTRS[i].name)))
            return &ATTRS[i];
    return NULL;
}
