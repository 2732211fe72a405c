/* How the two ends in a room of a relay find out who the other one is, before anything of theirs is said.
 *
 *     type, version, flags, 0      1 byte each
 *     number                       8: of this end, drawn at random; the larger one begins the handshake of DTLS
 *     heard                        8: the number that was heard of the other end, 0: none
 *     fingerprint                  32: SHA-256 of this end's certificate (RFC 8122 section 5)
 *     tag                          32: HMAC-SHA-256 of all that under the secret of the two (RFC 2104)
 *
 * Who knows the secret and says the number that this end has just drawn is there now; what was recorded earlier does
 * not say it. The type is none of those by which DTLS, STUN, RTP and TURN are told apart (RFC 7983 section 7). */
#ifndef IT_STACK_D_HELLO_H
#define IT_STACK_D_HELLO_H

#include "base/bytes.h"
#include "base/err.h"
#include "stack/crypto/digest.h"

#include <stdbool.h>

#define IT_D_HELLO_TYPE 0xd1
#define IT_D_HELLO_SIZE (20 + 2 * IT_SHA256_SIZE)

typedef struct it_d_hello {
    bool streams; /* it will stream voice */
    bool asks;    /* it has not been answered yet */
    uint64_t number, heard;
    uint8_t print[IT_SHA256_SIZE];
} it_d_hello;

/* The key of the two who know |room| and |secret| (may be empty). */
void it_d_hello_key(it_hmac_key *key, it_bytes room, it_bytes secret);
/* True when |datagram| is meant as one. */
static inline bool it_d_hello_is(it_bytes datagram)
{
    return datagram.n > 0 && datagram.p[0] == IT_D_HELLO_TYPE;
}
/* Writes |h| into |out| of IT_D_HELLO_SIZE bytes. */
void it_d_hello_write(const it_d_hello *h, const it_hmac_key *key, uint8_t *out);
/* Reads one. Returns 0, IT_ERR_PARSE (no such message) or IT_ERR_AUTH: the tag is not that of |key|. */
int it_d_hello_read(it_d_hello *h, const it_hmac_key *key, it_bytes datagram) IT_MUST_CHECK;

#endif
