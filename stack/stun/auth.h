/* STUN message integrity: keys of the two credential mechanisms and the check of a received message (RFC 8489 section
 * 9). */
#ifndef IT_STACK_STUN_AUTH_H
#define IT_STACK_STUN_AUTH_H

#include "stack/stun/msg.h"

/* The short-term key: OpaqueString(password), section 9.1.1. |password| is taken as it is: it must already be in that
 * form (ICE's ufrag and pwd always are). */
void it_stun_key_short(it_hmac_key *k, it_bytes password);

enum it_stun_algo { IT_STUN_ALGO_MD5 = 1, IT_STUN_ALGO_SHA256 = 2 };

/* The long-term key: MD5 or SHA-256 of username ":" realm ":" password, section 18.5.1. */
void it_stun_key_long(it_hmac_key *k, enum it_stun_algo algo, it_bytes username, it_bytes realm, it_bytes password);

/* USERHASH: SHA-256(username ":" realm), section 14.4. */
void it_stun_userhash(uint8_t out[IT_SHA256_SIZE], it_bytes username, it_bytes realm);

/* Checks the integrity attribute of |m|: -SHA256 when present, else SHA-1. Returns 0, IT_ERR_NOTFOUND when there is
 * none, or IT_ERR_AUTH. |which| (may be NULL) is set to the attribute type that was checked.
 * Sections 9.1.3, 14.5, 14.6. */
int it_stun_check(const it_stun_msg *m, const it_hmac_key *key, uint16_t *which);

/* The same for a response to a request that had |sent| and not the other attribute: IT_ERR_AUTH, too, when it was
 * signed by the other. Section 9.1.4. */
int it_stun_check_response(const it_stun_msg *m, const it_hmac_key *key, uint16_t sent);

#endif
