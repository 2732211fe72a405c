/* RTCP packets (RFC 3550 section 6): compound ones, and those of reduced size (RFC 5506). Feedback (RFC 4585), APP and
 * XR are kept as views. */
#ifndef IT_STACK_RTP_RTCP_H
#define IT_STACK_RTP_RTCP_H

#include "base/bytes.h"
#include "base/err.h"

#define IT_RTCP_BLOCKS_MAX 31
#define IT_RTCP_BLOCK 24 /* bytes of a report block */

enum it_rtcp_type {
    IT_RTCP_SR = 200,
    IT_RTCP_RR = 201,
    IT_RTCP_SDES = 202,
    IT_RTCP_BYE = 203,
    IT_RTCP_APP = 204,
    IT_RTCP_RTPFB = 205, /* RFC 4585 */
    IT_RTCP_PSFB = 206,
    IT_RTCP_XR = 207 /* RFC 3611 */
};

enum { IT_RTCP_SDES_CNAME = 1, IT_RTCP_PSFB_PLI = 1, IT_RTCP_PSFB_FIR = 4, IT_RTCP_RTPFB_NACK = 1 };

/* One packet of a compound. */
typedef struct it_rtcp {
    uint8_t type;  /* an enum it_rtcp_type, or another */
    uint8_t count; /* five bits: blocks, chunks, SSRCs; of feedback its format */
    it_bytes body; /* behind the header of four bytes, without padding */
} it_rtcp;

/* Takes the first packet off |*rest|. Returns 1, 0 when nothing is left, or IT_ERR_PARSE. */
int it_rtcp_next(it_bytes *rest, it_rtcp *out);

/* Holds a whole datagram against the rules of RFC 3550 section 6.1 and appendix A.2: every packet fits, the first is SR
 * or RR, padding is the last one's alone. With |reduced|, where RFC 5506 was agreed on, the first may be any. Returns 0
 * or IT_ERR_PARSE. */
int it_rtcp_check(it_bytes datagram, bool reduced);

/* What a sender says of itself. */
typedef struct it_rtcp_sr {
    uint32_t ssrc;
    uint64_t ntp; /* seconds since 1900, 32 bits, and their fraction */
    uint32_t ts, packets, octets;
} it_rtcp_sr;

/* What a receiver says of a source. */
typedef struct it_rtcp_block {
    uint32_t ssrc;
    uint8_t fraction; /* lost since the last report, of 256 */
    int32_t lost;     /* 24 bits with sign */
    uint32_t highest, jitter;
    uint32_t lsr, dlsr; /* middle of the last SR's |ntp|; the delay since, in 1/65536 s */
} it_rtcp_block;

/* Reads the head of an SR. Returns 0, or IT_ERR_PARSE when it is none, or its blocks do not fit. */
int it_rtcp_read_sr(const it_rtcp *p, it_rtcp_sr *out);
/* Reads who sent an RR. Returns as above. */
int it_rtcp_read_rr(const it_rtcp *p, uint32_t *ssrc);
/* Reads report block |i| of an SR or RR that was read, |i| below |p|->count. */
void it_rtcp_read_block(const it_rtcp *p, unsigned i, it_rtcp_block *out);

typedef struct it_rtcp_item {
    uint32_t ssrc;
    uint8_t type; /* IT_RTCP_SDES_CNAME, or another */
    it_bytes text;
} it_rtcp_item;

/* Where a reader is in an SDES packet; zeros at first. */
typedef struct it_rtcp_sdes {
    size_t at;
    unsigned chunk;
    bool inside;
    uint32_t ssrc;
} it_rtcp_sdes;

/* The next item of SDES packet |p|. Returns 1, 0 after the last, or IT_ERR_PARSE. */
int it_rtcp_next_item(const it_rtcp *p, it_rtcp_sdes *where, it_rtcp_item *out);

/* Reads a BYE: its |p|->count identifiers as a view of four bytes each, and why, maybe empty. Returns 0 or
 * IT_ERR_PARSE. */
int it_rtcp_read_bye(const it_rtcp *p, it_bytes *ssrcs, it_bytes *why);

/* Feedback: who sent it, about whose media, and what it says. Returns 0 or IT_ERR_PARSE. */
typedef struct it_rtcp_feedback {
    uint8_t type, format;
    uint32_t sender, media;
    it_bytes fci;
} it_rtcp_feedback;
int it_rtcp_read_feedback(const it_rtcp *p, it_rtcp_feedback *out);

/* Each appends one packet to |b|; what does not fit shows in |b|->overflow. At most IT_RTCP_BLOCKS_MAX blocks or
 * identifiers, and 255 bytes of text; more is our own fault and aborts. */
void it_rtcp_put_sr(it_buf *b, const it_rtcp_sr *sr, const it_rtcp_block *blocks, unsigned n);
void it_rtcp_put_rr(it_buf *b, uint32_t ssrc, const it_rtcp_block *blocks, unsigned n);
void it_rtcp_put_cname(it_buf *b, uint32_t ssrc, it_bytes cname);
void it_rtcp_put_bye(it_buf *b, const uint32_t *ssrcs, unsigned n, it_bytes why);
void it_rtcp_put_feedback(it_buf *b, const it_rtcp_feedback *f);

#endif
