/* What the tests of stack/srtp share: hexadecimal, configs, packets. */
#ifndef IT_TESTS_STACK_SRTP_KIT_H
#define IT_TESTS_STACK_SRTP_KIT_H

#include "base/rng.h"
#include "stack/srtp/srtp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const enum it_srtp_profile PROFILES[] = {IT_SRTP_AES128_CM_HMAC_SHA1_80, IT_SRTP_AES128_CM_HMAC_SHA1_32,
                                                IT_SRTP_AEAD_AES_128_GCM, IT_SRTP_AEAD_AES_256_GCM};
#define N_PROFILES 4

/* Reads hexadecimal digits, with spaces between words; returns how many bytes they are. */
static inline size_t kit_unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned v;
    int used;
    for (; sscanf(hex, " %2x%n", &v, &used) == 1; hex += used)
        out[n++] = (uint8_t)v;
    return n;
}

static inline void kit_expect(const uint8_t *got, const char *hex)
{
    uint8_t want[256];
    ck_assert_mem_eq(got, want, kit_unhex(want, hex));
}

/* A config with a key that hangs on nothing but the profile. */
static inline it_srtp_cfg kit_cfg(it_alloc *alloc, enum it_srtp_profile profile, enum it_srtp_way way)
{
    it_srtp_cfg cfg = {.alloc = alloc, .profile = profile, .way = way};
    for (int i = 0; i < IT_SRTP_KEY_MAX; i++)
        cfg.key[i] = (uint8_t)(i * 7 + (int)profile);
    for (int i = 0; i < IT_SRTP_SALT_MAX; i++)
        cfg.salt[i] = (uint8_t)(i * 11 + 3);
    return cfg;
}

static inline it_srtp_session *kit_new(const it_srtp_cfg *cfg)
{
    it_srtp_session *s;
    ck_assert_int_eq(it_srtp_new(cfg, &s), 0);
    return s;
}

/* Writes an RTP packet with |n| bytes of payload to |p|; returns its size. */
static inline size_t kit_rtp(uint8_t *p, uint32_t ssrc, uint16_t seq, size_t n)
{
    p[0] = 0x80;
    p[1] = 111;
    it_put16(p + 2, seq);
    it_put32(p + 4, seq * 160u);
    it_put32(p + 8, ssrc);
    for (size_t i = 0; i < n; i++)
        p[12 + i] = (uint8_t)(seq + i);
    return 12 + n;
}

/* An RTCP receiver report with |n| bytes behind its first eight. */
static inline size_t kit_rtcp(uint8_t *p, uint32_t ssrc, size_t n)
{
    p[0] = 0x81;
    p[1] = 201;
    it_put16(p + 2, (uint16_t)(1 + n / 4));
    it_put32(p + 4, ssrc);
    for (size_t i = 0; i < n; i++)
        p[8 + i] = (uint8_t)(i * 5);
    return 8 + n;
}

#endif
