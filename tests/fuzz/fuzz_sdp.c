/* Session descriptions: read, written, read again, the same; and what is left out is listed with its line. */
#include "stack/sdp/sdp.h"
#include "tests/fuzz/fuzz.h"

static void same_level(const it_sdp_level *a, const it_sdp_level *b)
{
    MUST(it_bytes_eq(a->ufrag, b->ufrag) && it_bytes_eq(a->pwd, b->pwd));
    MUST(a->setup == b->setup && a->direction == b->direction && a->options == b->options);
    MUST(a->n_prints == b->n_prints);
    for (size_t i = 0; i < a->n_prints; i++)
        MUST(a->print[i].hash == b->print[i].hash && a->print[i].n == b->print[i].n &&
             memcmp(a->print[i].value, b->print[i].value, a->print[i].n) == 0);
}

/* Both have the same values of an attribute that is known and not interpreted, in the same order. */
static void same_lines(it_bytes a, it_bytes b, const char *name)
{
    it_bytes va, vb;
    while (it_sdp_next(&a, name, &va))
        MUST(it_sdp_next(&b, name, &vb) && it_bytes_eq(va, vb));
    MUST(!it_sdp_next(&b, name, &vb));
}

static void same_media(const it_sdp_media *a, const it_sdp_media *b)
{
    static const char *const NAMES[] = {"candidate", "rtpmap", "fmtp", "ssrc"};
    MUST(it_bytes_eq(a->kind, b->kind) && it_bytes_eq(a->protocol, b->protocol) && it_bytes_eq(a->formats, b->formats));
    MUST(a->port == b->port && it_bytes_eq(a->mid, b->mid) && a->bundled == b->bundled && a->mux == b->mux);
    MUST(a->mux_only == b->mux_only && a->bundle_only == b->bundle_only && a->done == b->done);
    same_level(&a->own, &b->own);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        same_lines(a->own.lines, b->own.lines, NAMES[i]);
}

static void same(const it_sdp *a, const it_sdp *b)
{
    MUST(it_bytes_eq(a->user, b->user) && a->session == b->session && a->serial == b->serial);
    MUST(it_bytes_eq(a->name, b->name) && a->lite == b->lite && a->done == b->done);
    MUST(a->has_pacing == b->has_pacing && a->pacing == b->pacing);
    MUST((a->group.p != NULL) == (b->group.p != NULL) && it_bytes_eq(a->group, b->group));
    same_level(&a->all, &b->all);
    MUST(a->n_media == b->n_media);
    for (size_t i = 0; i < a->n_media; i++)
        same_media(&a->media[i], &b->media[i]);
}

static void listed(const it_sdp *s, it_bytes text)
{
    for (size_t i = 0; i < s->n_left && i < IT_SDP_LEFT; i++) {
        const it_sdp_left *l = &s->left[i];
        MUST(l->why < IT_SDP_WHYS && l->line >= 3 && l->rule && *it_sdp_why_text(l->why));
        MUST(l->text.p >= text.p && l->text.p + l->text.n <= text.p + text.n);
        MUST(i == 0 || l->line > s->left[i - 1].line);
    }
}

static void views(const it_sdp *s)
{
    it_bytes name;
    uint32_t rate;
    size_t n;
    for (size_t i = 0; i < s->n_media; i++) {
        const it_sdp_media *m = &s->media[i];
        it_bytes formats = m->formats, w;
        uint64_t pt;
        MUST(it_sdp_direction(s, m) != IT_SDP_NONE && it_sdp_prints(s, m, &n) && n <= IT_SDP_PRINTS);
        MUST(it_sdp_ufrag(s, m).n <= IT_SDP_CREDENTIAL && it_sdp_pwd(s, m).n <= IT_SDP_CREDENTIAL);
        while ((w = it_sdp_word(&formats)).n)
            if (it_sdp_number(w, &pt) && pt < 128 && it_sdp_format(m, (unsigned)pt, &name, &rate))
                MUST(rate > 0 && name.n > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static it_sdp s, again;
    it_alloc mem;
    it_str out;
    const char *why = NULL;
    it_bytes text = it_bytes_of(data, size);
    if (it_sdp_read(&s, text, &why) < 0) {
        MUST(why && *why);
        return 0;
    }
    listed(&s, text);
    views(&s);
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_sdp_write(&out, &s);
    MUST(!out.oom && it_sdp_read(&again, it_bytes_of(out.p, out.n), NULL) == 0);
    MUST(again.n_left == 0);
    same(&s, &again);
    it_str_fini(&out);
    MUST(mem.live == 0);
    return 0;
}
