/* itp/1: any bytes to a peer, cut in two anywhere, are lines of JSON back. It has one base on loopback, which an agent
 * does not use, so nothing leaves. */
#include "lab/itp/peer.h"
#include "stack/crypto/ossl.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

static void must_be_lines(it_bytes out)
{
    const char *p = (const char *)out.p;
    for (size_t left = out.n; left;) {
        const char *nl = memchr(p, '\n', left);
        json_t *m = nl ? json_loadb(p, (size_t)(nl - p), JSON_REJECT_DUPLICATES, NULL) : NULL;
        MUST(m && json_is_string(json_object_get(m, "ev")));
        json_decref(m);
        left -= (size_t)(nl + 1 - p);
        p = nl + 1;
    }
}

/* OpenSSL's context and what hangs on it are made once: they cost more than everything else. */
static it_dtls_shared *shared(void)
{
    static it_alloc mem;
    static it_dtls_shared *s;
    if (s)
        return s;
    it_alloc_init(&mem);
    MUST(it_ossl_init() == 0 && it_ossl_use_system() == 0);
    s = it_dtls_shared_new(&mem);
    MUST(s);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    const it_addr base = {{0, 0xffff7f000001}, 0};
    fuzz f = {data, size};
    size_t cut = fuzz_u16(&f);
    it_alloc_init(&mem);
    it_itp_peer_cfg cfg = {.alloc = &mem, .shared = shared(), .bases = &base, .n_bases = 1};
    cfg.loop = it_loop_new(&(it_loop_cfg){.alloc = &mem, .clock = IT_CLOCK_WALL});
    it_itp_peer *p = it_itp_peer_new(&cfg);
    MUST(p);
    if (cut > f.n)
        cut = f.n;
    MUST(it_itp_peer_input(p, it_bytes_of(f.p, cut)) == 0);
    MUST(it_loop_wait(cfg.loop, it_loop_now(cfg.loop), NULL, 0) >= 0);
    MUST(it_itp_peer_input(p, it_bytes_of(f.p + cut, f.n - cut)) == 0);
    MUST(it_itp_peer_eof(p) == 0);
    must_be_lines(it_itp_peer_output(p));
    it_itp_peer_free(p);
    it_loop_free(cfg.loop);
    MUST(mem.live == 0);
    return 0;
}
