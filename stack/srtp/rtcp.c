/* SRTCP packets (RFC 3711 section 3.4, RFC 7714 section 9).
 *
 *     AES-CM  header of 8 | encrypted            | E, index | tag
 *     AES-GCM header of 8 | encrypted      | tag | E, index            */
#include "stack/srtp/impl.h"

#define HEADER 8
#define WORD 4

/* Where a packet has its parts. */
typedef struct place {
    uint8_t *p;
    size_t n; /* of the RTCP packet */
    uint32_t ssrc, index;
    bool encrypted;
    uint8_t *word, *tag; /* E flag and index; tag */
} place;

static void rtcp_place(const it_srtp_session *s, place *at)
{
    uint8_t *end = at->p + at->n;
    at->tag = s->params->aead ? end : end + WORD;
    at->word = s->params->aead ? end + s->params->rtcp_tag : end;
    at->ssrc = it_get32(at->p + 4);
}

static int rtcp_cm(it_srtp_session *s, const place *at)
{
    uint8_t iv[IT_SRTP_BLOCK];
    if (!at->encrypted)
        return 0;
    it_srtp_cm_iv(&s->rtcp, at->ssrc, at->index, iv);
    return it_srtp_cm(s->rtcp.cipher, iv, at->p + HEADER, at->n - HEADER) ? 0 : IT_ERR_CRYPTO;
}

static it_srtp_gcm rtcp_gcm(it_srtp_session *s, const place *at, uint8_t iv[IT_SRTP_GCM_IV])
{
    /* RFC 7714 section 9.2; 9.3: what is not encrypted is associated data as a whole. */
    size_t clear = at->encrypted ? HEADER : at->n;
    it_srtp_gcm_iv(&s->rtcp, at->ssrc, at->index, iv);
    return (it_srtp_gcm){.iv = iv,
                         .head = {at->p, clear},
                         .more = {at->word, WORD},
                         .data = at->p + clear,
                         .n = at->n - clear,
                         .tag = at->tag};
}

static void rtcp_tag(const it_srtp_session *s, const place *at, uint8_t tag[IT_SHA1_SIZE])
{
    it_hmac_sha1(&s->rtcp.auth, tag, it_bytes_of(at->p, at->n + WORD), it_bytes_of(NULL, 0));
}

static int rtcp_seal(it_srtp_session *s, const place *at)
{
    uint8_t iv[IT_SRTP_GCM_IV], tag[IT_SHA1_SIZE];
    if (s->params->aead) {
        it_srtp_gcm g = rtcp_gcm(s, at, iv);
        return it_srtp_gcm_seal(s->rtcp.cipher, &g);
    }
    int r = rtcp_cm(s, at);
    rtcp_tag(s, at, tag);
    memcpy(at->tag, tag, s->params->rtcp_tag);
    return r;
}

static int rtcp_open(it_srtp_session *s, const place *at)
{
    uint8_t iv[IT_SRTP_GCM_IV], tag[IT_SHA1_SIZE];
    if (s->params->aead) {
        it_srtp_gcm g = rtcp_gcm(s, at, iv);
        return it_srtp_gcm_open(s->rtcp.cipher, &g);
    }
    rtcp_tag(s, at, tag);
    if (!it_equal_ct(tag, at->tag, s->params->rtcp_tag))
        return IT_ERR_AUTH;
    return rtcp_cm(s, at);
}

static bool rtcp_is(const uint8_t *p, size_t n)
{
    return n >= HEADER && n <= IT_SRTP_PACKET_MAX && p[0] >> 6 == 2;
}

int it_srtp_protect_rtcp(it_srtp_session *s, uint8_t *p, size_t n, size_t cap)
{
    place at = {.p = p, .n = n, .encrypted = !s->plain_rtcp};
    if (s->way != IT_SRTP_OUT)
        return IT_ERR_STATE;
    if (!rtcp_is(p, n))
        return IT_ERR_PARSE;
    if (cap < n || cap - n < (size_t)s->params->rtcp_tag + WORD)
        return IT_ERR_FULL;
    rtcp_place(s, &at);
    it_srtp_stream *x = it_srtp_stream_find(s, at.ssrc);
    if (s->left_rtcp == 0)
        return IT_ERR_LIMIT;
    if (!x)
        x = it_srtp_stream_add(s, at.ssrc);
    if (!x || x->rtcp_next == IT_SRTP_E_FLAG)
        return IT_ERR_LIMIT; /* RFC 3711 section 9.2: at most 2^31 packets */
    at.index = x->rtcp_next;
    it_put32(at.word, at.index | (at.encrypted ? IT_SRTP_E_FLAG : 0));
    int r = rtcp_seal(s, &at);
    if (r < 0)
        return r;
    x->rtcp_next++;
    s->left_rtcp--;
    return (int)(n + s->params->rtcp_tag + WORD);
}

/* 0 when the packet may be looked at: no replay, no limit reached. */
static int rtcp_check(const it_srtp_session *s, const it_srtp_stream *x, const place *at)
{
    if (at->encrypted == s->plain_rtcp)
        return IT_ERR_PERM;
    if (s->left_rtcp == 0 || (!x && s->n == s->cap))
        return IT_ERR_LIMIT;
    return x ? it_srtp_window_check(&x->rtcp, at->index) : 0;
}

int it_srtp_unprotect_rtcp(it_srtp_session *s, uint8_t *p, size_t n)
{
    if (s->way != IT_SRTP_IN)
        return IT_ERR_STATE;
    if (n < (size_t)s->params->rtcp_tag + WORD || !rtcp_is(p, n - s->params->rtcp_tag - WORD))
        return IT_ERR_PARSE;
    place at = {.p = p, .n = n - s->params->rtcp_tag - WORD};
    rtcp_place(s, &at);
    uint32_t word = it_get32(at.word);
    at.encrypted = word & IT_SRTP_E_FLAG;
    at.index = word & ~IT_SRTP_E_FLAG;
    it_srtp_stream *x = it_srtp_stream_find(s, at.ssrc);
    int r = rtcp_check(s, x, &at);
    if (r == 0)
        r = rtcp_open(s, &at);
    if (r < 0)
        return r;
    if (!x)
        x = it_srtp_stream_add(s, at.ssrc);
    it_srtp_window_mark(&x->rtcp, at.index);
    s->left_rtcp--;
    return (int)at.n;
}
