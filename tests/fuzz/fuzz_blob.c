/* Blobs of model B and candidate lines: read, written, read again, the same. The first byte 1: the rest is one
 * candidate line. */
#include "stack/b/blob.h"
#include "tests/fuzz/fuzz.h"

static void same_cand(const it_ice_cand *a, const it_ice_cand *b)
{
    MUST(a->kind == b->kind && a->component == b->component && a->priority == b->priority);
    MUST(it_addr_eq(a->addr, b->addr) && strcmp(a->foundation, b->foundation) == 0);
    MUST(a->kind == IT_ICE_HOST || it_addr_eq(a->base, b->base));
}

static void same_section(const it_blob_section *a, const it_blob_section *b)
{
    MUST(strcmp(a->mid, b->mid) == 0 && strcmp(a->ufrag, b->ufrag) == 0 && strcmp(a->pwd, b->pwd) == 0);
    MUST(a->closed == b->closed && a->bundled == b->bundled && a->mux == b->mux);
    MUST(a->streaming == b->streaming && a->done == b->done && a->n_cands == b->n_cands);
    for (size_t i = 0; i < a->n_cands; i++)
        same_cand(&a->cands[i], &b->cands[i]);
}

static void one_line(it_bytes text)
{
    it_alloc mem;
    it_str out;
    it_ice_cand c, again;
    if (it_ice_cand_read(&c, text) < 0)
        return;
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_ice_cand_write(&out, &c);
    MUST(!out.oom && it_ice_cand_read(&again, it_bytes_of(out.p, out.n)) == 0);
    same_cand(&c, &again);
    it_str_fini(&out);
    MUST(mem.live == 0);
}

/* The answer to |text|, which was read as |b| of another's: as many media lines, in their order, of which ours is the
 * first that is understood. */
static void answered(it_bytes text, const it_blob *b)
{
    static it_sdp offer, answer;
    static it_blob ours;
    it_alloc mem;
    it_str out;
    int of[1] = {-1};
    for (size_t i = 0; i < b->n_sections && of[0] < 0; i++)
        if (b->section[i].kind == IT_BLOB_AUDIO && !b->section[i].closed)
            of[0] = (int)i;
    if (of[0] < 0)
        return;
    ours = (it_blob){.session = 1, .serial = 1, .setup = IT_SETUP_ACTIVE, .n_prints = 1, .n_sections = 1};
    ours.section[0] = b->section[of[0]];
    ours.section[0].mux = ours.section[0].bundled = true;
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_blob_answer(&out, &ours, text, of);
    MUST(!out.oom && it_sdp_read(&offer, text, NULL) == 0);
    MUST(it_sdp_read(&answer, it_bytes_of(out.p, out.n), NULL) == 0 && answer.n_left == 0);
    MUST(answer.n_media == offer.n_media);
    for (size_t i = 0; i < answer.n_media; i++) {
        const it_sdp_media *a = &answer.media[i], *o = &offer.media[i];
        MUST(it_bytes_eq(a->kind, o->kind) && it_bytes_eq(a->protocol, o->protocol) && it_bytes_eq(a->mid, o->mid));
        MUST((a->port != 0) == ((int)i == of[0]) && a->bundled <= o->bundled);
    }
    it_str_fini(&out);
    MUST(mem.live == 0);
}

static void whole(it_bytes text)
{
    static it_ice_cand cands[IT_BLOB_CANDS], more[IT_BLOB_CANDS];
    it_alloc mem;
    it_str out;
    it_blob b, again;
    const char *why = NULL;
    if (it_blob_read(&b, text, cands, IT_BLOB_CANDS, &why) < 0) {
        MUST(why && *why);
        return;
    }
    size_t n = 0;
    MUST(b.n_sections >= 1 && b.n_sections <= IT_BLOB_SECTIONS);
    for (size_t i = 0; i < b.n_sections; i++)
        n += b.section[i].n_cands;
    MUST(n <= IT_BLOB_CANDS);
    if (b.foreign) {
        answered(text, &b);
        return; /* what we write is ours, and reads otherwise */
    }
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_blob_write(&out, &b);
    MUST(!out.oom && it_blob_read(&again, it_bytes_of(out.p, out.n), more, IT_BLOB_CANDS, NULL) == 0);
    MUST(b.session == again.session && b.serial == again.serial && b.tie_breaker == again.tie_breaker);
    MUST(b.generation == again.generation && b.setup == again.setup);
    MUST(b.n_prints == again.n_prints && memcmp(b.prints, again.prints, sizeof b.prints) == 0);
    MUST(again.left_out == 0 && b.n_sections == again.n_sections);
    for (size_t i = 0; i < b.n_sections; i++)
        same_section(&b.section[i], &again.section[i]);
    it_str_fini(&out);
    MUST(mem.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 1)
        one_line(it_bytes_of(data + 1, size - 1));
    else
        whole(it_bytes_of(data, size));
    return 0;
}
