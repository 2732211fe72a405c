/* SRTP and SRTCP at the receiver. The first byte chooses profile, kind and what is done: bytes are taken as they are,
 * or are protected first and then changed in one place. What was not protected, or was changed, is never taken, and
 * what a sender protects is taken once. */
#include "stack/srtp/srtp.h"
#include "tests/fuzz/fuzz.h"

#define CAP 4096

static const enum it_srtp_profile PROFILES[4] = {IT_SRTP_AES128_CM_HMAC_SHA1_80, IT_SRTP_AES128_CM_HMAC_SHA1_32,
                                                 IT_SRTP_AEAD_AES_128_GCM, IT_SRTP_AEAD_AES_256_GCM};

typedef struct ends {
    it_srtp_session *out, *in;
    bool rtcp;
} ends;

static int ends_off(const ends *e, it_bytes packet)
{
    uint8_t *p = fuzz_exact(packet);
    int r = e->rtcp ? it_srtp_unprotect_rtcp(e->in, p, packet.n) : it_srtp_unprotect(e->in, p, packet.n);
    MUST(r <= (int)packet.n);
    free(p);
    return r;
}

/* Protects a packet, changes |bit| of it, and gives both to the receiver, the true one twice. */
static void there_and_back(const ends *e, it_bytes clear, uint16_t bit)
{
    uint8_t p[CAP], q[CAP];
    memcpy(p, clear.p, clear.n);
    int n = e->rtcp ? it_srtp_protect_rtcp(e->out, p, clear.n, CAP) : it_srtp_protect(e->out, p, clear.n, CAP);
    if (n < 0)
        return;
    size_t size = (size_t)n;
    MUST(size > clear.n && size <= clear.n + IT_SRTP_RTCP_GROWTH);
    memcpy(q, p, size);
    q[bit / 8u % size] ^= (uint8_t)(1 << bit % 8);
    MUST(ends_off(e, it_bytes_of(q, size)) < 0);
    MUST(ends_off(e, it_bytes_of(p, size)) == (int)clear.n);
    MUST(ends_off(e, it_bytes_of(p, size)) == IT_ERR_REPLAY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    fuzz f = {data, size};
    it_alloc_init(&mem);
    uint8_t what = fuzz_u8(&f);
    it_srtp_cfg cfg = {.alloc = &mem, .profile = PROFILES[what & 3], .ssrcs = 4, .window = 64, .key = {1}, .salt = {2}};
    ends e = {.rtcp = what & 4};
    cfg.plain_rtcp = what & 8;
    MUST(it_srtp_new(&cfg, &e.out) == 0);
    cfg.way = IT_SRTP_IN;
    MUST(it_srtp_new(&cfg, &e.in) == 0);
    while (f.n) {
        uint16_t bit = fuzz_u16(&f);
        it_bytes b = fuzz_bytes(&f);
        if (what & 16)
            MUST(ends_off(&e, b) < 0); /* the key is not in the input */
        else
            there_and_back(&e, b, bit);
    }
    MUST(it_srtp_ssrcs(e.in) <= 4 && it_srtp_ssrcs(e.out) <= 4);
    it_srtp_free(e.out);
    it_srtp_free(e.in);
    MUST(mem.live == 0);
    return 0;
}
