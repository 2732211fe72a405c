/* The server's side of the long-term credential mechanism (RFC 8489 section 9.2): who may, and what to say to those who
 * may not.
 *
 * Shared by every server that wants credentials (STUN here, TURN elsewhere). It keeps no state per client: a nonce
 * carries the time it was made and a keyed hash over it and the client's address, so it can be checked without being
 * remembered. Strings are taken to be in OpaqueString form (RFC 8265) already. Building and sending the responses is
 * the server's. */
#ifndef IT_STACK_STUN_GUARD_H
#define IT_STACK_STUN_GUARD_H

#include "base/alloc.h"
#include "base/rng.h"
#include "base/time.h"
#include "stack/stun/auth.h"

#define IT_STUN_COOKIE_PREFIX                                                                                          \
    "obMatJos2"                 /* RFC 8489 section 9.2: starts the NONCE of a server of this specification            \
                                 */
#define IT_STUN_NONCE_COOKIE 13 /* bytes: the prefix and four characters of features */

/* Security features, RFC 8489 section 18.1: bit 0 is the most significant of 24. */
#define IT_STUN_FEATURE_ALGORITHMS 0x800000u
#define IT_STUN_FEATURE_ANONYMITY 0x400000u

/* Reads the security features of a nonce cookie; false when |nonce| does not start with one. */
bool it_stun_nonce_features(it_bytes nonce, uint32_t *features);

typedef struct it_stun_user {
    const char *name, *password;
} it_stun_user;

/* Whom a server lets in: the same for each. A guard copies all of it. */
typedef struct it_stun_credentials {
    const char *realm;         /* 1 to 509 bytes; NULL, of a server: nobody is asked who he is */
    const it_stun_user *users; /* |n_users| */
    size_t n_users;
    it_time nonce_life; /* 0: one hour */
    bool no_algorithms; /* behave as a server of RFC 5389: MD5 and MESSAGE-INTEGRITY, no PASSWORD-ALGORITHMS */
    bool anonymity;     /* ask for USERHASH instead of USERNAME */
} it_stun_credentials;

typedef struct it_stun_guard_cfg {
    it_alloc *alloc;
    it_rng rng; /* for the secret under the nonces */
    it_stun_credentials auth;
} it_stun_guard_cfg;

typedef struct it_stun_guard it_stun_guard;

/* Prepares the keys of all users. NULL when there is no memory. */
it_stun_guard *it_stun_guard_new(const it_stun_guard_cfg *cfg);
void it_stun_guard_free(it_stun_guard *g);

/* What became of a request. */
typedef struct it_stun_verdict {
    int code;               /* 0: authenticated; else the error code to answer with: 400, 401 or 438 */
    size_t user;            /* index into the users, when authenticated */
    const it_hmac_key *key; /* to sign the response with, when authenticated; the guard's */
    uint16_t integrity;     /* the attribute to sign with: MESSAGE-INTEGRITY or -SHA256 */
} it_stun_verdict;

/* Checks a request that came from |from| in the order of RFC 8489 section 9.2.4. */
it_stun_verdict it_stun_guard_check(const it_stun_guard *g, it_time now, const it_stun_msg *req, it_addr from);

/* Puts what the error response |code| must carry besides ERROR-CODE: REALM, a fresh NONCE for |from| and
 * PASSWORD-ALGORITHMS for 401 and 438, nothing for others. */
void it_stun_guard_challenge(const it_stun_guard *g, it_time now, it_addr from, int code, it_buf *b);

/* Signs a response to an authenticated request; nothing for an unauthenticated one. */
void it_stun_guard_sign(const it_stun_verdict *v, it_buf *b);

#endif
