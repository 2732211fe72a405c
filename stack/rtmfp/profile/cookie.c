/* Cookies and marks. */
#include "stack/rtmfp/profile/cookie.h"

#define TIME 8 /* bytes of a time */
#define OWN 24 /* of the proof that a cookie is ours at all */
#define MARK 'M'

enum proof_kind { PROOF_OWN = 'c', PROOF_COOKIE = 'C', PROOF_MARK = 'M' };

/* The HMAC of |kind|, |at|, |sid| and |a|. */
static void proof_make(const it_hmac_key *secret, enum proof_kind kind, it_time at, uint32_t sid, it_addr a,
                       uint8_t out[IT_SHA256_SIZE])
{
    uint8_t bytes[64];
    it_buf b;
    it_buf_init(&b, bytes, sizeof bytes);
    it_buf_u8(&b, (uint8_t)kind);
    it_buf_u64(&b, (uint64_t)at);
    it_buf_u32(&b, sid);
    it_buf_u64(&b, a.ip.hi);
    it_buf_u64(&b, a.ip.lo);
    it_buf_u16(&b, a.port);
    it_hmac_sha256(secret, out, it_bytes_of(b.p, b.len), it_bytes_of(NULL, 0));
}

void it_rtmfp_cookie_make(const it_hmac_key *secret, it_time now, it_addr to, uint8_t out[IT_RTMFP_COOKIE])
{
    uint8_t own[IT_SHA256_SIZE];
    it_put64(out, (uint64_t)now);
    proof_make(secret, PROOF_OWN, now, 0, (it_addr){.port = 0}, own);
    memcpy(out + TIME, own, OWN);
    proof_make(secret, PROOF_COOKIE, now, 0, to, out + TIME + OWN);
}

/* True when |at|, read from what came in, is not after |now| and not longer ago than |life|. */
static bool proof_fresh(it_time now, it_time at, it_time life)
{
    return at >= 0 && at <= now && now - at <= life;
}

enum it_rtmfp_cookie_verdict it_rtmfp_cookie_check(const it_hmac_key *secret, it_time now, it_addr from,
                                                   it_bytes cookie, it_time *at)
{
    uint8_t want[IT_SHA256_SIZE];
    if (cookie.n != IT_RTMFP_COOKIE)
        return IT_RTMFP_COOKIE_FOREIGN;
    *at = (it_time)it_get64(cookie.p);
    if (!proof_fresh(now, *at, IT_RTMFP_COOKIE_LIFE))
        return IT_RTMFP_COOKIE_FOREIGN;
    proof_make(secret, PROOF_OWN, *at, 0, (it_addr){.port = 0}, want);
    if (!it_equal_ct(want, cookie.p + TIME, OWN))
        return IT_RTMFP_COOKIE_FOREIGN;
    proof_make(secret, PROOF_COOKIE, *at, 0, from, want);
    if (!it_equal_ct(want, cookie.p + TIME + OWN, sizeof want))
        return IT_RTMFP_COOKIE_ELSEWHERE;
    return IT_RTMFP_COOKIE_GOOD;
}

void it_rtmfp_mark_make(const it_hmac_key *secret, it_time now, uint32_t sid, it_addr to, uint8_t out[IT_RTMFP_MARK])
{
    out[0] = MARK;
    it_put64(out + 1, (uint64_t)now);
    proof_make(secret, PROOF_MARK, now, sid, to, out + 1 + TIME);
}

bool it_rtmfp_mark_check(const it_hmac_key *secret, it_time now, uint32_t sid, it_addr from, it_bytes message,
                         it_time *at)
{
    uint8_t want[IT_SHA256_SIZE];
    if (message.n != IT_RTMFP_MARK || message.p[0] != MARK)
        return false;
    *at = (it_time)it_get64(message.p + 1);
    if (!proof_fresh(now, *at, IT_RTMFP_MARK_LIFE))
        return false;
    proof_make(secret, PROOF_MARK, *at, sid, from, want);
    return it_equal_ct(want, message.p + 1 + TIME, sizeof want);
}
