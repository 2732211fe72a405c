/* What the tests of the passive judge share: messages made by hand, sent at a time from an address to another, and what
 * was found. */
#ifndef IT_TESTS_CONFORMANCE_PASSIVE_KIT_H
#define IT_TESTS_CONFORMANCE_PASSIVE_KIT_H

#include "base/cksum.h"
#include "conformance/passive/passive.h"
#include "conformance/passive/view.h"
#include "stack/crypto/digest.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALICE_PWD "alicepasswordalicepassword"
#define BOB_PWD "bobpasswordbobpasswordbob1"

/* A message being written; what it says of its own length is right after each attribute. */
typedef struct msg {
    uint8_t p[2048];
    size_t n;
} msg;

/* One packet of a recorded sequence. */
typedef struct packet {
    it_passive_packet k;
    uint8_t p[1600];
} packet;

typedef struct kit {
    it_alloc alloc;
    it_passive *judge;
    it_passive_creds creds;
    bool tcp;
    uint32_t seq;
    uint64_t frame;
    uint8_t ttl;    /* 0: 64 */
    packet *record; /* where packets go in place of the judge, NULL: to the judge */
    size_t n_record, record_cap;
} kit;

static inline it_addr at(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static inline void kit_open_as(kit *t, enum it_passive_profile profile, enum it_passive_vantage vantage)
{
    static it_passive_cred v[3];
    *t = (kit){.seq = 1000};
    it_alloc_init(&t->alloc);
    v[0] = (it_passive_cred){false, it_bytes_str("alic"), it_bytes_str(ALICE_PWD)};
    v[1] = (it_passive_cred){false, it_bytes_str("bobb"), it_bytes_str(BOB_PWD)};
    v[2] = (it_passive_cred){true, it_bytes_str("user"), it_bytes_str("secret")};
    t->creds = (it_passive_creds){.n = 3, .v = v};
    it_passive_cfg cfg = {&t->alloc, profile, vantage, &t->creds};
    t->judge = it_passive_new(&cfg);
    ck_assert_ptr_nonnull(t->judge);
}

static inline void kit_open(kit *t)
{
    kit_open_as(t, IT_PASSIVE_TODAY, IT_PASSIVE_MIDDLE);
}

static inline void kit_close(kit *t)
{
    it_passive_free(t->judge);
    free(t->record);
    ck_assert_int_eq(t->alloc.live, 0);
}

/* --- messages --- */

static inline void m_begin(msg *m, enum it_pv_class cls, unsigned method, unsigned txid)
{
    unsigned c = (unsigned)cls;
    *m = (msg){.n = IT_PV_HEADER};
    it_put16(m->p,
             (uint16_t)((method & 0xf) | (method & 0x70) << 1 | (method & 0xf80) << 2 | (c & 1) << 4 | (c & 2) << 7));
    it_put32(m->p + 4, IT_PV_COOKIE);
    it_put32(m->p + 8, 0xabcd0000u + txid);
    it_put32(m->p + 12, txid * 2654435761u);
    it_put32(m->p + 16, txid);
}

static inline void m_put(msg *m, unsigned type, const void *value, size_t n)
{
    it_put16(m->p + m->n, (uint16_t)type);
    it_put16(m->p + m->n + 2, (uint16_t)n);
    if (n > 0)
        memcpy(m->p + m->n + 4, value, n);
    m->n += 4 + ((n + 3) & ~(size_t)3);
    it_put16(m->p + 2, (uint16_t)(m->n - IT_PV_HEADER));
}

static inline void m_text(msg *m, unsigned type, const char *text)
{
    m_put(m, type, text, strlen(text));
}

static inline void m_u32(msg *m, unsigned type, uint32_t v)
{
    uint8_t b[4];
    it_put32(b, v);
    m_put(m, type, b, 4);
}

static inline void m_u64(msg *m, unsigned type, uint64_t v)
{
    uint8_t b[8];
    it_put64(b, v);
    m_put(m, type, b, 8);
}

/* An address, XORed: RFC 8489 section 14.2. */
static inline void m_addr(msg *m, unsigned type, it_addr a)
{
    uint8_t b[20] = {0};
    size_t n = it_ip_to_bytes(a.ip, b + 4);
    b[1] = n == 4 ? 1 : 2;
    it_put16(b + 2, a.port ^ 0x2112);
    for (size_t i = 0; i < n; i++)
        b[4 + i] ^= m->p[4 + i];
    m_put(m, type, b, 4 + n);
}

static inline void m_error(msg *m, unsigned code, const char *reason)
{
    uint8_t b[512] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    memcpy(b + 4, reason, strlen(reason));
    m_put(m, IT_PV_ERROR_CODE, b, 4 + strlen(reason));
}

static inline void m_sign_with(msg *m, it_bytes key)
{
    it_hmac_key k;
    uint8_t out[IT_SHA1_SIZE];
    it_hmac_key_init(&k, key);
    it_put16(m->p + 2, (uint16_t)(m->n + 24 - IT_PV_HEADER));
    it_hmac_sha1(&k, out, it_bytes_of(m->p, m->n), (it_bytes){NULL, 0});
    m_put(m, IT_PV_MI, out, sizeof out);
}

static inline void m_sign(msg *m, const char *password)
{
    m_sign_with(m, it_bytes_str(password));
}

static inline void m_print(msg *m) /* FINGERPRINT */
{
    it_put16(m->p + 2, (uint16_t)(m->n + 8 - IT_PV_HEADER));
    m_u32(m, IT_PV_FINGERPRINT, it_crc32(m->p, m->n) ^ 0x5354554e);
}

/* A connectivity check of alice's as it should be, without integrity and FINGERPRINT. */
static inline void m_check_open(msg *m, unsigned txid)
{
    m_begin(m, IT_PV_REQUEST, IT_PV_BINDING, txid);
    m_text(m, IT_PV_USERNAME, "bobb:alic");
    m_u32(m, IT_PV_PRIORITY, 110u << 24 | 65535u << 8 | 255);
    m_u64(m, IT_PV_CONTROLLING, 7);
}

static inline void m_check_close(msg *m)
{
    m_sign(m, BOB_PWD);
    m_print(m);
}

static inline void m_check(msg *m, unsigned txid)
{
    m_check_open(m, txid);
    m_check_close(m);
}

/* The answer of bob's to it, which came from |from|. */
static inline void m_answer(msg *m, unsigned txid, it_addr from)
{
    m_begin(m, IT_PV_SUCCESS, IT_PV_BINDING, txid);
    m_addr(m, IT_PV_MAPPED, from);
    m_sign(m, BOB_PWD);
    m_print(m);
}

/* --- packets --- */

static inline void kit_packet(kit *t, it_time when, const char *src, const char *dst, const void *p, size_t n)
{
    it_passive_packet k = {.frame = ++t->frame, .at = when, .src = at(src), .dst = at(dst), .payload = {p, n}};
    k.ip_id = (uint32_t)t->frame;
    k.ttl = t->ttl ? t->ttl : 64;
    if (t->tcp) {
        k.tcp = true;
        k.seq = t->seq;
        t->seq += (uint32_t)n;
    }
    if (!t->record) {
        ck_assert_int_eq(it_passive_take(t->judge, &k), 0);
        return;
    }
    ck_assert_uint_lt(t->n_record, t->record_cap);
    packet *r = &t->record[t->n_record++];
    r->k = k;
    memcpy(r->p, p, n);
    r->k.payload.p = r->p;
}

static inline void kit_send(kit *t, it_time when, const char *src, const char *dst, const msg *m)
{
    kit_packet(t, when, src, dst, m->p, m->n);
}

/* --- findings --- */

/* The finding of |rule|, NULL when there is none. */
static inline const it_passive_finding *kit_finding(const kit *t, enum it_passive_id rule)
{
    size_t n;
    const it_passive_finding *f = it_passive_findings(t->judge, &n);
    for (size_t i = 0; i < n; i++)
        if (f[i].rule == rule)
            return &f[i];
    return NULL;
}

/* What was found, by ids and words, for messages of tests. */
static inline const char *kit_all(const kit *t)
{
    static char text[4096];
    size_t n, at_ = 0;
    const it_passive_finding *f = it_passive_findings(t->judge, &n);
    text[0] = '\0';
    for (size_t i = 0; i < n && at_ < sizeof text - 300; i++)
        at_ += (size_t)snprintf(text + at_, sizeof text - at_, "%s%s %s; ", f[i].inconclusive ? "? " : "",
                                IT_PASSIVE_RULES[f[i].rule].id, f[i].what);
    return text;
}

/* There is one finding, of |rule|. */
static inline void kit_only(kit *t, enum it_passive_id rule)
{
    size_t n;
    ck_assert_int_eq(it_passive_end(t->judge), 0);
    const it_passive_finding *f = it_passive_findings(t->judge, &n);
    ck_assert_msg(n == 1 && f->rule == rule, "wanted %s, found %s", IT_PASSIVE_RULES[rule].id, kit_all(t));
}

/* There is none, and |rule| was asked. */
static inline void kit_none(kit *t, enum it_passive_id rule)
{
    size_t n;
    ck_assert_int_eq(it_passive_end(t->judge), 0);
    (void)it_passive_findings(t->judge, &n);
    ck_assert_msg(n == 0, "found %s", kit_all(t));
    ck_assert_msg(it_passive_looked(t->judge, rule) > 0, "%s was not asked", IT_PASSIVE_RULES[rule].id);
}

#endif
