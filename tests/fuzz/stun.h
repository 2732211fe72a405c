/* STUN messages for fuzz targets: a hostile body made to pass the checks that nobody can guess. */
#ifndef IT_TESTS_FUZZ_STUN_H
#define IT_TESTS_FUZZ_STUN_H

#include "stack/stun/auth.h"
#include "stack/stun/guard.h"
#include "stack/stun/msg.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_PASSWORD "farPasswordOf22Letters"

enum { FUZZ_SHA1 = 1, FUZZ_SHA256 = 2, FUZZ_PRINT = 4 };

/* A copy of |body|, in memory of exactly its size |*n|, with the attributes that |flags| name behind it and the length
 * made right. Free it. Without flags the body as it is. */
static inline uint8_t *fuzz_stun_seal(it_bytes body, unsigned flags, it_bytes password, size_t *n)
{
    static uint8_t room[65536 + 512];
    it_buf b;
    it_hmac_key key;
    it_stun_key_short(&key, password);
    it_buf_init(&b, room, sizeof room);
    it_buf_put(&b, body.p, body.n);
    if (!(flags & 7) || body.n < IT_STUN_HEADER || body.n > 60000) {
        *n = body.n;
        return fuzz_exact(body);
    }
    it_buf_fill(&b, 0, (4 - body.n % 4) % 4);
    it_put16(room + 2, (uint16_t)(b.len - IT_STUN_HEADER));
    if (flags & FUZZ_SHA1)
        it_stun_put_integrity(&b, &key);
    if (flags & FUZZ_SHA256)
        it_stun_put_integrity_sha256(&b, &key);
    if (flags & FUZZ_PRINT)
        it_stun_put_fingerprint(&b);
    *n = b.len;
    it_put16(room + 2, (uint16_t)(b.len - IT_STUN_HEADER));
    return fuzz_exact(it_bytes_of(room, b.len));
}

#endif
