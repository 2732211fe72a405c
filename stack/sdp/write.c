/* The writer. */
#include "stack/sdp/impl.h"

#include <inttypes.h>

static void write_bytes(it_str *out, it_bytes b)
{
    it_str_put(out, b.p, b.n);
}

static void write_attr(it_str *out, const char *name, it_bytes value)
{
    it_str_printf(out, "a=%s:", name);
    write_bytes(out, value);
    it_str_puts(out, "\r\n");
}

static void write_flag(it_str *out, bool on, const char *name)
{
    if (on)
        it_str_printf(out, "a=%s\r\n", name);
}

static void write_prints(it_str *out, const it_sdp_level *l)
{
    for (size_t k = 0; k < l->n_prints; k++) {
        const it_sdp_print *p = &l->print[k];
        it_str_printf(out, "a=fingerprint:%s ", it_sdp_hash_text(p->hash));
        for (int i = 0; i < p->n; i++)
            it_str_printf(out, i ? ":%02X" : "%02X", p->value[i]);
        it_str_puts(out, "\r\n");
    }
}

static void write_options(it_str *out, unsigned options)
{
    static const struct {
        unsigned bit;
        const char *name;
    } NAMES[] = {{IT_SDP_ICE2, " ice2"},
                 {IT_SDP_TRICKLE, " trickle"},
                 {IT_SDP_RENOMINATION, " renomination"},
                 {IT_SDP_SPED, " sped googspedv1"}}; /* the draft's word, and libwebrtc's */
    const char *skip = "a=ice-options:";
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (!(options & NAMES[i].bit))
            continue;
        it_str_puts(out, skip);
        it_str_puts(out, *skip ? NAMES[i].name + 1 : NAMES[i].name);
        skip = "";
    }
    if (!*skip)
        it_str_puts(out, "\r\n");
}

static void write_direction(it_str *out, enum it_sdp_direction d)
{
    static const char *const NAMES[] = {"", "sendonly", "recvonly", "sendrecv", "inactive"};
    write_flag(out, d != IT_SDP_NONE, NAMES[d]);
}

/* What is known and not interpreted, as it stands. */
static void write_lines(it_str *out, it_bytes lines, unsigned level)
{
    it_bytes name, value;
    while (lines.n) {
        it_bytes line = it_sdp_line(&lines);
        if (line.n < 3 || line.n > IT_SDP_LINE || line.p[0] != 'a' || line.p[1] != '=')
            continue;
        it_sdp_split(line, &name, &value);
        const it_sdp_attr *a = it_sdp_attr_of(name);
        if (!a || a->take || !(a->levels & level))
            continue;
        write_bytes(out, line);
        it_str_puts(out, "\r\n");
    }
}

static void write_level(it_str *out, const it_sdp_level *l, unsigned level)
{
    if (l->ufrag.n)
        write_attr(out, "ice-ufrag", l->ufrag);
    if (l->pwd.n)
        write_attr(out, "ice-pwd", l->pwd);
    write_options(out, l->options);
    write_prints(out, l);
    if (l->setup != IT_SETUP_NONE)
        write_attr(out, "setup", it_bytes_str(it_sdp_setup_text(l->setup)));
    write_direction(out, l->direction);
    write_lines(out, l->lines, level);
}

static void write_media(it_str *out, const it_sdp_media *m, bool done)
{
    it_str_puts(out, "m=");
    write_bytes(out, m->kind);
    it_str_printf(out, " %u ", m->port);
    write_bytes(out, m->protocol);
    it_str_putc(out, ' ');
    write_bytes(out, m->formats);
    /* RFC 8839 section 4.3.1: no default destination. */
    it_str_puts(out, "\r\nc=IN IP4 0.0.0.0\r\n");
    if (m->mid.n)
        write_attr(out, "mid", m->mid);
    write_flag(out, m->bundle_only, "bundle-only");
    write_flag(out, m->mux, "rtcp-mux");
    write_flag(out, m->mux_only, "rtcp-mux-only");
    write_level(out, &m->own, SDP_MEDIA);
    write_flag(out, m->done && !done, "end-of-candidates");
}

void it_sdp_write(it_str *out, const it_sdp *s)
{
    it_str_puts(out, "v=0\r\no=");
    write_bytes(out, s->user.n ? s->user : it_bytes_str("-"));
    it_str_printf(out, " %" PRIu64 " %" PRIu64 " IN IP4 0.0.0.0\r\ns=", s->session, s->serial);
    write_bytes(out, s->name.n ? s->name : it_bytes_str("-")); /* RFC 8866 section 5.3 */
    it_str_puts(out, "\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n");
    if (s->group.p) {
        it_str_puts(out, s->group.n && s->group.p[0] != ' ' ? "a=group:BUNDLE " : "a=group:BUNDLE");
        write_bytes(out, s->group);
        it_str_puts(out, "\r\n");
    }
    write_flag(out, s->lite, "ice-lite");
    if (s->has_pacing)
        it_str_printf(out, "a=ice-pacing:%" PRIu32 "\r\n", s->pacing);
    write_level(out, &s->all, SDP_SESSION);
    write_flag(out, s->done, "end-of-candidates");
    for (size_t i = 0; i < s->n_media; i++)
        write_media(out, &s->media[i], s->done);
}
