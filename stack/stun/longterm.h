/* The client's side of the long-term credential mechanism (RFC 8489 sections 9.2.3 and 9.2.5).
 *
 *   no challenge yet --401--> challenged --signed response--> proven
 *                                 ^---------438, 401 of another realm---------'
 *
 * Plain data without allocation, one per server. Put its attributes into every request after the request's own, sign as
 * the last step before FINGERPRINT, and show it every response. It neither sends nor retransmits; a retry needs a new
 * transaction id. Username and password are taken to be in OpaqueString form (RFC 8265). */
#ifndef IT_STACK_STUN_LONGTERM_H
#define IT_STACK_STUN_LONGTERM_H

#include "stack/stun/auth.h"

#define IT_STUN_ALGOS_MAX 128 /* bytes of PASSWORD-ALGORITHMS that can be kept to be echoed */
#define IT_STUN_STALE_MAX 8   /* refusals of the latest challenge in a row: the bound that RFC 8489 does not set */

typedef struct it_stun_longterm {
    it_bytes username, password; /* borrowed */
    bool prefers_sha256; /* of a list with both algorithms SHA-256 is taken (RFC 8656 section 6); else the first one
                            (RFC 8489 section 9.2.5). The owner's to set */
    bool challenged;     /* realm and nonce below are the server's */
    bool proven;         /* a response to a signed request was authentic */
    bool userhash;       /* the server wants USERHASH instead of USERNAME */
    bool has_algos;      /* the server sent PASSWORD-ALGORITHMS, kept below */
    enum it_stun_algo algo;
    uint32_t refusals; /* of the latest challenge, in a row */
    it_hmac_key key;
    uint16_t realm_n, nonce_n, algos_n;
    uint8_t realm[IT_STUN_REASON_MAX];
    uint8_t nonce[IT_STUN_REASON_MAX];
    uint8_t algos[IT_STUN_ALGOS_MAX];
} it_stun_longterm;

/* What to do with a response. */
enum it_stun_longterm_act {
    IT_STUN_LONGTERM_ACCEPT, /* it counts: authentic, or the request was not signed and there is nothing to check */
    IT_STUN_LONGTERM_RETRY,  /* end the transaction and send the request again, with a new id and new attributes from
                                here */
    IT_STUN_LONGTERM_FAIL,   /* end the transaction: the server refuses, and a retry is not allowed */
    IT_STUN_LONGTERM_DISCARD /* as if it had never come. Over a reliable transport, or when the transaction times out
                                after this: the integrity was violated */
};

/* Starts without a challenge; |username| and |password| must outlive |lt|. */
void it_stun_longterm_init(it_stun_longterm *lt, it_bytes username, it_bytes password);

/* Puts USERNAME or USERHASH, REALM, NONCE, PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM; nothing before the first
 * challenge (RFC 8489 sections 9.2.3.1, 9.2.3.2, 9.2.5). */
void it_stun_longterm_put(const it_stun_longterm *lt, it_buf *b);

/* Signs the request; nothing before the first challenge. */
void it_stun_longterm_sign(const it_stun_longterm *lt, it_buf *b);

/* Judges the response |resp| to |request| (the bytes that were sent) and learns from it. On RETRY, FAIL and DISCARD
 * |why| (may be NULL) is a short English reason with its RFC section, static storage. Whether |resp| belongs to a
 * transaction and whether it has unknown comprehension-required attributes is the caller's to check. */
enum it_stun_longterm_act it_stun_longterm_response(it_stun_longterm *lt, const it_stun_msg *resp, it_bytes request,
                                                    const char **why);

#endif
