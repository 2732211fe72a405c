/* The packet of RTP. */
#include "stack/rtp/rtp.h"

enum it_rtp_kind it_rtp_kind(it_bytes d)
{
    if (d.n < 2 || d.p[0] < 128 || d.p[0] > 191)
        return IT_RTP_NONE;
    return d.p[1] >= 192 && d.p[1] <= 223 ? IT_RTP_CONTROL : IT_RTP_DATA;
}

static void rtp_extension(it_rtp *r, it_rd *in)
{
    r->ext_profile = it_rd_u16(in);
    r->ext = it_rd_take(in, 4u * it_rd_u16(in));
}

int it_rtp_parse(it_rtp *r, it_bytes packet)
{
    it_rd in;
    it_rd_init(&in, packet);
    *r = (it_rtp){.marker = false};
    uint8_t first = it_rd_u8(&in), second = it_rd_u8(&in);
    r->marker = second & 0x80;
    r->pt = second & 0x7f;
    r->seq = it_rd_u16(&in);
    r->ts = it_rd_u32(&in);
    r->ssrc = it_rd_u32(&in);
    r->csrc = it_rd_take(&in, 4u * (first & 0x0f));
    r->has_ext = first & 0x10;
    if (r->has_ext)
        rtp_extension(r, &in);
    if (in.fail || first >> 6 != 2)
        return IT_ERR_PARSE;
    r->payload = it_rd_take(&in, in.n);
    if (!(first & 0x20))
        return 0;
    /* RFC 3550 section 5.1: the last octet counts the padding, itself among it. */
    r->padding = r->payload.n ? r->payload.p[r->payload.n - 1] : 0;
    if (r->padding == 0 || r->padding > r->payload.n)
        return IT_ERR_PARSE;
    r->payload.n -= r->padding;
    return 0;
}

static bool rtp_good(const it_rtp *r)
{
    if (r->pt > 127 || r->csrc.n % 4 || r->csrc.n / 4 > IT_RTP_CSRC_MAX)
        return false;
    return r->ext.n % 4 == 0 && r->ext.n / 4 <= UINT16_MAX && (r->has_ext || r->ext.n == 0);
}

int it_rtp_build(const it_rtp *r, uint8_t *buf, size_t cap)
{
    it_buf b;
    if (!rtp_good(r))
        return IT_ERR_RANGE;
    it_buf_init(&b, buf, cap);
    unsigned padding = r->padding ? 0x20 : 0, ext = r->has_ext ? 0x10 : 0, marker = r->marker ? 0x80 : 0;
    it_buf_u8(&b, (uint8_t)(0x80 | padding | ext | r->csrc.n / 4));
    it_buf_u8(&b, (uint8_t)(marker | r->pt));
    it_buf_u16(&b, r->seq);
    it_buf_u32(&b, r->ts);
    it_buf_u32(&b, r->ssrc);
    it_buf_put(&b, r->csrc.p, r->csrc.n);
    if (r->has_ext) {
        it_buf_u16(&b, r->ext_profile);
        it_buf_u16(&b, (uint16_t)(r->ext.n / 4));
        it_buf_put(&b, r->ext.p, r->ext.n);
    }
    it_buf_put(&b, r->payload.p, r->payload.n);
    if (r->padding) {
        it_buf_fill(&b, 0, r->padding - 1u);
        it_buf_u8(&b, r->padding);
    }
    return b.overflow ? IT_ERR_FULL : (int)b.len;
}

uint32_t it_rtp_csrc(const it_rtp *r, size_t i)
{
    return it_get32(r->csrc.p + 4 * i);
}

/* The element at |*at|, whose head has |head| bytes. */
static bool ext_take(const it_rtp *r, size_t *at, size_t head, size_t n, it_rtp_ext *out)
{
    if (*at + head > r->ext.n || n > r->ext.n - *at - head)
        return false;
    out->data = it_bytes_of(r->ext.p + *at + head, n);
    *at += head + n;
    return true;
}

/* RFC 8285 section 4.2: identifier and length share an octet. */
static bool ext_one_byte(const it_rtp *r, size_t *at, it_rtp_ext *out)
{
    uint8_t head = r->ext.p[*at];
    out->id = head >> 4;
    if (out->id == 15 || out->id == 0)
        return false; /* nothing behind 15, nor behind a 0 with a length, is to be looked at */
    return ext_take(r, at, 1, (head & 0x0fu) + 1, out);
}

/* Section 4.3: they have one each. */
static bool ext_two_byte(const it_rtp *r, size_t *at, it_rtp_ext *out)
{
    out->id = r->ext.p[*at];
    if (*at + 1 == r->ext.n)
        return false;
    return ext_take(r, at, 2, r->ext.p[*at + 1], out);
}

bool it_rtp_ext_next(const it_rtp *r, size_t *at, it_rtp_ext *out)
{
    while (*at < r->ext.n && r->ext.p[*at] == 0)
        ++*at; /* in both forms an octet of zero is padding */
    if (*at >= r->ext.n)
        return false;
    if (r->ext_profile == IT_RTP_ONE_BYTE)
        return ext_one_byte(r, at, out);
    return (r->ext_profile & 0xfff0) == IT_RTP_TWO_BYTE && ext_two_byte(r, at, out);
}
