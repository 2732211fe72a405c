/* SRTP: what protecting and taking off costs, ours beside libsrtp2's, in turn in one process.
 *
 *     srtp [PACKETS [WHAT]]      WHAT: ours or theirs, which alone is then run, for callgrind
 *
 * A voice packet of 160 bytes and a video packet of 1,160, one SSRC. Prints a line each: nanoseconds of processor time
 * a packet, the least of ROUNDS; the ratio. Debian's libsrtp2 is built without OpenSSL: its AES is a table. */
#include "stack/srtp/srtp.h"

#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 9

static it_alloc mem;

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "srtp: %s\n", what);
    exit(1);
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t make_packet(uint8_t *p, uint16_t seq, size_t payload)
{
    memset(p, 0, 12 + payload);
    p[0] = 0x80;
    it_put16(p + 2, seq);
    p[11] = 1;
    return 12 + payload;
}

static it_srtp_cfg config(enum it_srtp_profile profile, enum it_srtp_way way)
{
    return (it_srtp_cfg){.alloc = &mem, .profile = profile, .way = way, .key = {1, 2, 3}, .salt = {4, 5, 6}};
}

static double ours(enum it_srtp_profile profile, uint32_t packets, size_t payload, double *off)
{
    uint8_t p[1500];
    it_srtp_session *out, *in;
    it_srtp_cfg cfg = config(profile, IT_SRTP_OUT);
    need(it_srtp_new(&cfg, &out) == 0, "no session");
    cfg = config(profile, IT_SRTP_IN);
    need(it_srtp_new(&cfg, &in) == 0, "no session");
    double on = *off = 0;
    for (uint32_t i = 0; i < packets; i++) {
        size_t n = make_packet(p, (uint16_t)i, payload);
        double a = cpu_ns();
        int r = it_srtp_protect(out, p, n, sizeof p);
        double b = cpu_ns();
        need(r > 0 && it_srtp_unprotect(in, p, (size_t)r) > 0, "refused");
        *off += cpu_ns() - b;
        on += b - a;
    }
    it_srtp_free(out);
    it_srtp_free(in);
    *off /= packets;
    return on / packets;
}

static srtp_t their_session(enum it_srtp_profile profile, srtp_ssrc_type_t type)
{
    it_srtp_cfg cfg = config(profile, IT_SRTP_OUT);
    const it_srtp_params *q = it_srtp_params_of(profile);
    srtp_profile_t name =
        profile == IT_SRTP_AEAD_AES_128_GCM ? srtp_profile_aead_aes_128_gcm : srtp_profile_aes128_cm_sha1_80;
    uint8_t key[IT_SRTP_KEY_MAX + IT_SRTP_SALT_MAX];
    srtp_policy_t policy = {.ssrc = {type, 0}, .key = key};
    srtp_t s;
    memcpy(key, cfg.key, q->key);
    memcpy(key + q->key, cfg.salt, q->salt);
    need(srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, name) == srtp_err_status_ok &&
             srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, name) == srtp_err_status_ok &&
             srtp_create(&s, &policy) == srtp_err_status_ok,
         "no libsrtp2 session");
    return s;
}

static double theirs(enum it_srtp_profile profile, uint32_t packets, size_t payload, double *off)
{
    uint32_t p[375];
    srtp_t out = their_session(profile, ssrc_any_outbound), in = their_session(profile, ssrc_any_inbound);
    double on = *off = 0;
    for (uint32_t i = 0; i < packets; i++) {
        int n = (int)make_packet((uint8_t *)p, (uint16_t)i, payload);
        double a = cpu_ns();
        need(srtp_protect(out, p, &n) == srtp_err_status_ok, "refused");
        double b = cpu_ns();
        need(srtp_unprotect(in, p, &n) == srtp_err_status_ok, "refused");
        *off += cpu_ns() - b;
        on += b - a;
    }
    srtp_dealloc(out);
    srtp_dealloc(in);
    *off /= packets;
    return on / packets;
}

/* What reading the clock adds to every figure. */
static double clock_ns(void)
{
    double least = 1e9;
    for (int i = 0; i < 1000; i++) {
        double a = cpu_ns(), b = cpu_ns();
        least = b - a < least ? b - a : least;
    }
    return least;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static void compare(const char *name, enum it_srtp_profile profile, uint32_t packets, size_t payload)
{
    double on = 1e9, off = 1e9, their_on = 1e9, their_off = 1e9, x, idle = clock_ns();
    for (int i = 0; i < ROUNDS; i++) {
        on = least(on, ours(profile, packets, payload, &x) - idle);
        off = least(off, x - idle);
        their_on = least(their_on, theirs(profile, packets, payload, &x) - idle);
        their_off = least(their_off, x - idle);
    }
    printf("srtp=%s payload=%zu protect_ns=%.1f libsrtp2_protect_ns=%.1f protect_ratio=%.4f unprotect_ns=%.1f "
           "libsrtp2_unprotect_ns=%.1f unprotect_ratio=%.4f\n",
           name, payload, on, their_on, on / their_on, off, their_off, off / their_off);
}

int main(int argc, char **argv)
{
    uint32_t packets = argc > 1 ? (uint32_t)atoi(argv[1]) : 5000;
    double off;
    need(packets > 0, "usage: srtp [PACKETS [ours|theirs]]");
    it_alloc_init(&mem);
    need(srtp_init() == srtp_err_status_ok, "no libsrtp2");
    if (argc > 2) {
        bool mine = strcmp(argv[2], "ours") == 0;
        double on = mine ? ours(IT_SRTP_AES128_CM_HMAC_SHA1_80, packets, 160, &off)
                         : theirs(IT_SRTP_AES128_CM_HMAC_SHA1_80, packets, 160, &off);
        printf("packets=%u protect_ns=%.1f\n", packets, on);
        return 0;
    }
    compare("cm-sha1-80", IT_SRTP_AES128_CM_HMAC_SHA1_80, packets, 160);
    compare("cm-sha1-80", IT_SRTP_AES128_CM_HMAC_SHA1_80, packets, 1160);
    compare("gcm-128", IT_SRTP_AEAD_AES_128_GCM, packets, 160);
    compare("gcm-128", IT_SRTP_AEAD_AES_128_GCM, packets, 1160);
    return 0;
}
