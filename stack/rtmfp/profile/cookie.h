/* Proofs that an end gives out and recognises later, without keeping anything (RFC 7016): cookies of a responder
 * (section 3.5.1.1.2), which bind a handshake to an address, and the marked Pings that verify a new address of a peer
 * (section 3.5.4.2). Both are HMACs of a time and an address under a secret of the end's own. */
#ifndef IT_STACK_RTMFP_PROFILE_COOKIE_H
#define IT_STACK_RTMFP_PROFILE_COOKIE_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/time.h"
#include "stack/crypto/digest.h"

#define IT_RTMFP_COOKIE 64                  /* bytes: as many as other implementations insist on */
#define IT_RTMFP_COOKIE_LIFE (120 * IT_SEC) /* 95 s at least (section 3.5.1.1.2), and not forever */
#define IT_RTMFP_MARK 41                    /* bytes of a marked Ping */
#define IT_RTMFP_MARK_LIFE (120 * IT_SEC)   /* section 3.5.4.2 */

enum it_rtmfp_cookie_verdict {
    IT_RTMFP_COOKIE_FOREIGN,   /* not ours, or expired */
    IT_RTMFP_COOKIE_ELSEWHERE, /* ours, of another address: section 3.5.1.2 */
    IT_RTMFP_COOKIE_GOOD
};

/* Makes the cookie of |to| at |now|. */
void it_rtmfp_cookie_make(const it_hmac_key *secret, it_time now, it_addr to, uint8_t out[IT_RTMFP_COOKIE]);
/* Judges |cookie|, which came back from |from|; |*at| is when it was made, unless it is foreign. */
enum it_rtmfp_cookie_verdict it_rtmfp_cookie_check(const it_hmac_key *secret, it_time now, it_addr from,
                                                   it_bytes cookie, it_time *at);

/* Makes the message of a Ping to |to|, where session |sid| may have moved. */
void it_rtmfp_mark_make(const it_hmac_key *secret, it_time now, uint32_t sid, it_addr to, uint8_t out[IT_RTMFP_MARK]);
/* Whether |message| is one that was made for |from|, |*at| then when. False: no mark, older than IT_RTMFP_MARK_LIFE, of
 * another address or session. */
bool it_rtmfp_mark_check(const it_hmac_key *secret, it_time now, uint32_t sid, it_addr from, it_bytes message,
                         it_time *at);

#endif
