/* SRTP packets. */
#include "stack/srtp/impl.h"

#define HEADER 12

/* The bytes in front of the payload of an RTP packet (RFC 3550 section 5.1, 5.3.1), 0 when it is none. */
static size_t rtp_header(const uint8_t *p, size_t n)
{
    if (n < HEADER || n > IT_SRTP_PACKET_MAX || p[0] >> 6 != 2)
        return 0;
    size_t len = HEADER + 4u * (p[0] & 0x0f);
    if (!(p[0] & 0x10))
        return len <= n ? len : 0;
    if (len + 4 > n)
        return 0;
    len += 4 + 4u * it_get16(p + len + 2);
    return len <= n ? len : 0;
}

/* Where a packet has its parts. */
typedef struct place {
    uint8_t *p;
    size_t header, n; /* before the payload, before the tag */
    uint32_t ssrc;
    uint64_t index;
} place;

static void rtp_tag(const it_srtp_session *s, const place *at, uint8_t tag[IT_SHA1_SIZE])
{
    uint8_t roc[4];
    it_put32(roc, (uint32_t)(at->index >> 16)); /* RFC 3711 section 4.2: M = authenticated portion || ROC */
    it_hmac_sha1(&s->rtp.auth, tag, it_bytes_of(at->p, at->n), it_bytes_of(roc, 4));
}

static int rtp_cm(it_srtp_session *s, const place *at)
{
    uint8_t iv[IT_SRTP_BLOCK];
    it_srtp_cm_iv(&s->rtp, at->ssrc, at->index, iv);
    return it_srtp_cm(s->rtp.cipher, iv, at->p + at->header, at->n - at->header) ? 0 : IT_ERR_CRYPTO;
}

static it_srtp_gcm rtp_gcm(it_srtp_session *s, const place *at, uint8_t iv[IT_SRTP_GCM_IV])
{
    it_srtp_gcm_iv(&s->rtp, at->ssrc, at->index, iv);
    return (it_srtp_gcm){.iv = iv,
                         .head = {at->p, at->header},
                         .data = at->p + at->header,
                         .n = at->n - at->header,
                         .tag = at->p + at->n};
}

static int rtp_seal(it_srtp_session *s, const place *at)
{
    uint8_t iv[IT_SRTP_GCM_IV], tag[IT_SHA1_SIZE];
    if (s->params->aead) {
        it_srtp_gcm g = rtp_gcm(s, at, iv);
        return it_srtp_gcm_seal(s->rtp.cipher, &g);
    }
    int r = rtp_cm(s, at);
    rtp_tag(s, at, tag);
    memcpy(at->p + at->n, tag, s->params->tag);
    return r;
}

static int rtp_open(it_srtp_session *s, const place *at)
{
    uint8_t iv[IT_SRTP_GCM_IV], tag[IT_SHA1_SIZE];
    if (s->params->aead) {
        it_srtp_gcm g = rtp_gcm(s, at, iv);
        return it_srtp_gcm_open(s->rtp.cipher, &g);
    }
    rtp_tag(s, at, tag);
    if (!it_equal_ct(tag, at->p + at->n, s->params->tag))
        return IT_ERR_AUTH;
    return rtp_cm(s, at);
}

/* The index of the packet at |at| in its stream, which may be NULL: not yet there. */
static int rtp_index(const it_srtp_session *s, const it_srtp_stream *x, place *at)
{
    uint16_t seq = it_get16(at->p + 2);
    at->index = seq;
    if (s->left_rtp == 0 || (!x && s->n == s->cap))
        return IT_ERR_LIMIT;
    if (!x)
        return 0;
    at->index = it_srtp_window_estimate(&x->rtp, seq);
    if (at->index >= IT_SRTP_INDEX_END)
        return IT_ERR_LIMIT; /* RFC 3711 section 9.2: at most 2^48 packets */
    return it_srtp_window_check(&x->rtp, at->index);
}

static void rtp_mark(it_srtp_session *s, it_srtp_stream *x, const place *at)
{
    if (!x)
        x = it_srtp_stream_add(s, at->ssrc);
    it_srtp_window_mark(&x->rtp, at->index);
    s->left_rtp--;
}

int it_srtp_protect(it_srtp_session *s, uint8_t *p, size_t n, size_t cap)
{
    place at = {.p = p, .n = n, .header = rtp_header(p, n)};
    if (s->way != IT_SRTP_OUT)
        return IT_ERR_STATE;
    if (at.header == 0)
        return IT_ERR_PARSE;
    if (cap < n || cap - n < s->params->tag)
        return IT_ERR_FULL;
    at.ssrc = it_get32(p + 8);
    it_srtp_stream *x = it_srtp_stream_find(s, at.ssrc);
    int r = rtp_index(s, x, &at);
    if (r == 0)
        r = rtp_seal(s, &at);
    if (r < 0)
        return r;
    rtp_mark(s, x, &at);
    return (int)(n + s->params->tag);
}

int it_srtp_unprotect(it_srtp_session *s, uint8_t *p, size_t n)
{
    if (s->way != IT_SRTP_IN)
        return IT_ERR_STATE;
    if (n < s->params->tag)
        return IT_ERR_PARSE;
    place at = {.p = p, .n = n - s->params->tag};
    at.header = rtp_header(p, at.n);
    if (at.header == 0)
        return IT_ERR_PARSE;
    at.ssrc = it_get32(p + 8);
    it_srtp_stream *x = it_srtp_stream_find(s, at.ssrc);
    int r = rtp_index(s, x, &at);
    if (r == 0)
        r = rtp_open(s, &at);
    if (r < 0)
        return r;
    rtp_mark(s, x, &at);
    return (int)at.n;
}
