/* Frames of any bytes before the passive judge: it never crashes, and judges the same twice.
 *
 * An input is a list of frames: how much time has passed, the link type, the length, the bytes. */
#include "conformance/passive/passive.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const int LINKS[] = {1, 101, 113, 276, 0};

/* Judges all frames of |f|; how many findings there are. */
static size_t judge_frames(fuzz f, it_alloc *alloc)
{
    it_passive_cred v[2] = {{false, it_bytes_str("bobb"), it_bytes_str("p")},
                            {true, it_bytes_str("u"), it_bytes_str("p")}};
    it_passive_creds creds = {.n = 2, .v = v};
    it_passive_cfg cfg = {alloc, IT_PASSIVE_TODAY, IT_PASSIVE_SERVER, &creds};
    it_passive *p = it_passive_new(&cfg);
    it_time at = 0;
    size_t n = 0;
    MUST(p);
    for (uint64_t frame = 1; f.n > 0; frame++) {
        at += (it_time)fuzz_u8(&f) * 10 * IT_MS;
        int link = LINKS[fuzz_u8(&f) % (sizeof LINKS / sizeof *LINKS)];
        size_t size = fuzz_u8(&f) * 2u;
        it_passive_packet k = {.frame = frame, .at = at};
        it_bytes d = {f.p, size < f.n ? size : f.n};
        f.p += d.n;
        f.n -= d.n;
        if (!it_passive_decode(&k, link, d, 0))
            MUST(it_passive_take(p, &k) == 0);
    }
    MUST(it_passive_end(p) == 0);
    const it_passive_finding *found = it_passive_findings(p, &n);
    for (size_t i = 0; i < n; i++)
        MUST(found[i].n > 0 && found[i].what[0] && found[i].frame[0] > 0);
    it_passive_free(p);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc alloc;
    it_alloc_init(&alloc);
    size_t first = judge_frames((fuzz){data, size}, &alloc);
    MUST(judge_frames((fuzz){data, size}, &alloc) == first);
    MUST(alloc.live == 0);
    return 0;
}
