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
    MUST(b.n_cands <= IT_BLOB_CANDS);
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_blob_write(&out, &b);
    MUST(!out.oom && it_blob_read(&again, it_bytes_of(out.p, out.n), more, IT_BLOB_CANDS, NULL) == 0);
    MUST(b.session == again.session && b.serial == again.serial && b.tie_breaker == again.tie_breaker);
    MUST(b.generation == again.generation && b.setup == again.setup && b.streaming == again.streaming &&
         b.done == again.done);
    MUST(strcmp(b.ufrag, again.ufrag) == 0 && strcmp(b.pwd, again.pwd) == 0);
    MUST(b.n_prints == again.n_prints && memcmp(b.prints, again.prints, sizeof b.prints) == 0);
    MUST(again.left_out == 0 && b.n_cands == again.n_cands);
    for (size_t i = 0; i < b.n_cands; i++)
        same_cand(&b.cands[i], &again.cands[i]);
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
