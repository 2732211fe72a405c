/* The protection of packets (RFC 7016 section 2.2.2, RFC 7425 section 4.7): a scrambled session ID, AES-128 in CBC mode
 * with an initialization vector of zeros, and one of two proofs of integrity, each with session sequence numbers or
 * without:
 *
 *     session ID | AES( [sequence number] [checksum] plain packet, 0xff... ) [MAC]
 *
 * A checksum is inside where there is no MAC, HMAC-SHA256 cut to a negotiated length. Which it is may differ between
 * the two directions. */
#ifndef IT_STACK_RTMFP_PROFILE_SEAL_H
#define IT_STACK_RTMFP_PROFILE_SEAL_H

#include "base/bytes.h"
#include "base/err.h"
#include "stack/crypto/digest.h"

#include <openssl/types.h>

#define IT_RTMFP_KEY 16    /* bytes of an AES key */
#define IT_RTMFP_BLOCK 16  /* of AES */
#define IT_RTMFP_SID 4     /* bytes before the encrypted packet */
#define IT_RTMFP_WINDOW 64 /* sequence numbers: section 4.7.3.3 demands 32 at least */
#define IT_RTMFP_MAC_LEAST 4
#define IT_RTMFP_MAC_MOST 32

/* What both ends have agreed on (RFC 7425 section 4.6). Of the default key only |encrypt| and |decrypt|. */
typedef struct it_rtmfp_secrets {
    uint8_t encrypt[IT_RTMFP_KEY], decrypt[IT_RTMFP_KEY];
    uint8_t mac_tx[IT_SHA256_SIZE], mac_rx[IT_SHA256_SIZE]; /* keys */
    uint8_t mac_tx_size, mac_rx_size;                       /* bytes of a MAC; 0: checksums instead */
    bool seq_tx, seq_rx;                                    /* session sequence numbers */
} it_rtmfp_secrets;

typedef struct it_rtmfp_keys {
    EVP_CIPHER_CTX *encrypt, *decrypt;
    it_hmac_key mac_tx, mac_rx;
    uint8_t mac_tx_size, mac_rx_size;
    bool seq_tx, seq_rx;
    uint64_t next;  /* the sequence number of the next packet */
    uint64_t above; /* the highest received plus 1; 0: none yet */
    uint64_t seen;  /* bit i: above - 1 - i was */
} it_rtmfp_keys;

/* Makes keys of |s|. Returns 0 or IT_ERR_CRYPTO, nothing then to wipe. */
int it_rtmfp_keys_init(it_rtmfp_keys *k, const it_rtmfp_secrets *s) IT_MUST_CHECK;
/* The well-known ones of startup (RFC 7425 section 4.1): "Adobe Systems 02", checksums, no sequence numbers. */
int it_rtmfp_keys_init_default(it_rtmfp_keys *k) IT_MUST_CHECK;
/* Frees keys; those that are all zeros are allowed. */
void it_rtmfp_keys_wipe(it_rtmfp_keys *k);

/* The session that |datagram| is for; 0 is startup. False when it is too short to have one. */
bool it_rtmfp_sid(it_bytes datagram, uint32_t *sid);

/* Seals |plain| for session |sid| of the far end into |out|. Returns the size of the datagram; IT_ERR_RANGE when
 * |plain| is empty, IT_ERR_FULL when |cap| is too small, IT_ERR_LIMIT when all sequence numbers are used,
 * IT_ERR_CRYPTO. */
int it_rtmfp_seal(it_rtmfp_keys *k, uint32_t sid, it_bytes plain, uint8_t *out, size_t cap) IT_MUST_CHECK;
/* How large a plain packet may be that becomes a datagram of at most |max| bytes. */
size_t it_rtmfp_seal_room(const it_rtmfp_keys *k, size_t max);

/* Verifies and decrypts |datagram| into |out| of |cap| bytes, at least its size; |*plain| is then there. Only one that
 * is authentic and new marks its sequence number as seen; any other changes nothing (RFC 7425 section 4.7). Returns 0;
 * IT_ERR_AUTH: not whole blocks, a wrong MAC or checksum; IT_ERR_REPLAY, IT_ERR_OLD; IT_ERR_CRYPTO. */
int it_rtmfp_open(it_rtmfp_keys *k, it_bytes datagram, uint8_t *out, size_t cap, it_bytes *plain) IT_MUST_CHECK;

/* The checksum of RFC 7425 section 4.7.3.1: that of RFC 1071, but that a last single byte is the low one of its word.
 */
uint16_t it_rtmfp_checksum(it_bytes b);

#endif
