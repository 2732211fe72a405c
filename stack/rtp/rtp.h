/* RTP packets (RFC 3550 section 5.1), their header extensions (RFC 8285), and what is RTP at all on a shared port
 * (RFC 7983, RFC 5761). */
#ifndef IT_STACK_RTP_RTP_H
#define IT_STACK_RTP_RTP_H

#include "base/bytes.h"
#include "base/err.h"

#define IT_RTP_HEADER 12
#define IT_RTP_CSRC_MAX 15
#define IT_RTP_ONE_BYTE 0xbede /* RFC 8285 section 4.2 */
#define IT_RTP_TWO_BYTE 0x1000 /* section 4.3; the low four bits are the application's */

enum it_rtp_kind { IT_RTP_NONE, IT_RTP_DATA, IT_RTP_CONTROL };

/* Tells by its first two bytes what a datagram is that came to a port of RTP and RTCP: neither unless the first byte is
 * 128 to 191 (RFC 7983 section 7), RTCP when the second is 192 to 223 (RFC 5761 section 4). SRTP and SRTCP have these
 * bytes in clear. */
enum it_rtp_kind it_rtp_kind(it_bytes d);

typedef struct it_rtp {
    bool marker;
    uint8_t pt; /* 7 bits */
    uint16_t seq;
    uint32_t ts, ssrc;
    it_bytes csrc; /* four bytes each */
    bool has_ext;
    uint16_t ext_profile;
    it_bytes ext; /* whole words */
    it_bytes payload;
    uint8_t padding; /* octets behind the payload, the last of which is this number */
} it_rtp;

/* Parses |packet| into |r|, whose views point into it. Returns 0 or IT_ERR_PARSE: another version, or parts that do not
 * fit (RFC 3550 appendix A.1). */
int it_rtp_parse(it_rtp *r, it_bytes packet);

/* Writes |r| to |buf|. Returns its size, IT_ERR_FULL, or IT_ERR_RANGE: a payload type above 127, CSRCs that are not 0
 * to 15 words, an extension that is not whole words or too long. */
int it_rtp_build(const it_rtp *r, uint8_t *buf, size_t cap);

/* The identifier at |i| of |r|->csrc; |i| below |r|->csrc.n / 4. */
uint32_t it_rtp_csrc(const it_rtp *r, size_t i);

typedef struct it_rtp_ext {
    uint8_t id;
    it_bytes data;
} it_rtp_ext;

/* The next header extension of |r|: |*at| is 0 at first and then for this function. Padding is skipped. False after the
 * last one, where one does not fit, at identifier 15 of the one-byte form, and when the extension is of neither form.
 */
bool it_rtp_ext_next(const it_rtp *r, size_t *at, it_rtp_ext *out);

#endif
