/* The packets of RTCP. */
#include "stack/rtp/rtcp.h"

#define SR_HEAD 24 /* behind the common header: SSRC and sender information */
#define RR_HEAD 4

int it_rtcp_next(it_bytes *rest, it_rtcp *out)
{
    if (rest->n == 0)
        return 0;
    if (rest->n < 4 || rest->p[0] >> 6 != 2)
        return IT_ERR_PARSE;
    size_t n = 4u * (it_get16(rest->p + 2) + 1u), padding = 0;
    if (n > rest->n)
        return IT_ERR_PARSE;
    if (rest->p[0] & 0x20) {
        padding = rest->p[n - 1]; /* RFC 3550 section 6.4.1: a multiple of four */
        if (padding == 0 || padding % 4 || padding > n - 4)
            return IT_ERR_PARSE;
    }
    *out = (it_rtcp){.type = rest->p[1], .count = rest->p[0] & 0x1f, .body = {rest->p + 4, n - 4 - padding}};
    *rest = it_bytes_of(rest->p + n, rest->n - n);
    return 1;
}

int it_rtcp_check(it_bytes datagram, bool reduced)
{
    it_rtcp p;
    bool padded = false;
    if (datagram.n < 4)
        return IT_ERR_PARSE;
    uint8_t first = datagram.p[1];
    if (!reduced && first != IT_RTCP_SR && first != IT_RTCP_RR)
        return IT_ERR_PARSE; /* RFC 3550 section 6.1; RFC 5506 section 3.4.2 lifts it */
    while (datagram.n) {
        if (padded)
            return IT_ERR_PARSE; /* only the last packet of a compound is padded */
        padded = datagram.p[0] & 0x20;
        int r = it_rtcp_next(&datagram, &p);
        if (r < 0)
            return r;
    }
    return 0;
}

int it_rtcp_read_sr(const it_rtcp *p, it_rtcp_sr *out)
{
    it_rd r;
    if (p->type != IT_RTCP_SR || p->body.n < SR_HEAD + (size_t)p->count * IT_RTCP_BLOCK)
        return IT_ERR_PARSE;
    it_rd_init(&r, p->body);
    out->ssrc = it_rd_u32(&r);
    out->ntp = it_rd_u64(&r);
    out->ts = it_rd_u32(&r);
    out->packets = it_rd_u32(&r);
    out->octets = it_rd_u32(&r);
    return 0;
}

int it_rtcp_read_rr(const it_rtcp *p, uint32_t *ssrc)
{
    if (p->type != IT_RTCP_RR || p->body.n < RR_HEAD + (size_t)p->count * IT_RTCP_BLOCK)
        return IT_ERR_PARSE;
    *ssrc = it_get32(p->body.p);
    return 0;
}

void it_rtcp_read_block(const it_rtcp *p, unsigned i, it_rtcp_block *out)
{
    it_rd r;
    size_t head = p->type == IT_RTCP_SR ? SR_HEAD : RR_HEAD;
    IT_ASSERT(i < p->count);
    it_rd_init(&r, it_bytes_of(p->body.p + head + (size_t)i * IT_RTCP_BLOCK, IT_RTCP_BLOCK));
    out->ssrc = it_rd_u32(&r);
    uint32_t loss = it_rd_u32(&r);
    out->fraction = (uint8_t)(loss >> 24);
    out->lost = (int32_t)(loss & 0xffffff);
    if (out->lost & 0x800000)
        out->lost -= 0x1000000;
    out->highest = it_rd_u32(&r);
    out->jitter = it_rd_u32(&r);
    out->lsr = it_rd_u32(&r);
    out->dlsr = it_rd_u32(&r);
}

/* Goes into the next chunk. Returns 1, 0 when there is none, IT_ERR_PARSE. */
static int sdes_chunk(const it_rtcp *p, it_rtcp_sdes *w)
{
    if (w->chunk == p->count)
        return 0;
    if (w->at + 4 > p->body.n)
        return IT_ERR_PARSE;
    w->ssrc = it_get32(p->body.p + w->at);
    w->at += 4;
    w->chunk++;
    w->inside = true;
    return 1;
}

int it_rtcp_next_item(const it_rtcp *p, it_rtcp_sdes *w, it_rtcp_item *out)
{
    if (p->type != IT_RTCP_SDES)
        return IT_ERR_PARSE;
    for (;;) {
        int r = w->inside ? 1 : sdes_chunk(p, w);
        if (r <= 0)
            return r;
        if (w->at >= p->body.n)
            return IT_ERR_PARSE; /* RFC 3550 section 6.5: a list of items ends with an octet of zero */
        if (p->body.p[w->at] != 0)
            break;
        w->at = (w->at + 4) & ~(size_t)3;
        w->inside = false;
    }
    size_t n = w->at + 1 < p->body.n ? p->body.p[w->at + 1] : p->body.n;
    if (w->at + 2 + n > p->body.n)
        return IT_ERR_PARSE;
    *out = (it_rtcp_item){w->ssrc, p->body.p[w->at], it_bytes_of(p->body.p + w->at + 2, n)};
    w->at += 2 + n;
    return 1;
}

int it_rtcp_read_bye(const it_rtcp *p, it_bytes *ssrcs, it_bytes *why)
{
    it_rd r;
    if (p->type != IT_RTCP_BYE)
        return IT_ERR_PARSE;
    it_rd_init(&r, p->body);
    *ssrcs = it_rd_take(&r, 4u * p->count);
    *why = it_bytes_of(NULL, 0);
    if (!r.fail && r.n)
        *why = it_rd_take(&r, it_rd_u8(&r));
    return r.fail ? IT_ERR_PARSE : 0;
}

int it_rtcp_read_feedback(const it_rtcp *p, it_rtcp_feedback *out)
{
    if ((p->type != IT_RTCP_RTPFB && p->type != IT_RTCP_PSFB) || p->body.n < 8)
        return IT_ERR_PARSE;
    *out = (it_rtcp_feedback){.type = p->type,
                              .format = p->count,
                              .sender = it_get32(p->body.p),
                              .media = it_get32(p->body.p + 4),
                              .fci = {p->body.p + 8, p->body.n - 8}};
    return 0;
}

/* The common header of a packet with |n| bytes behind it. */
static void put_head(it_buf *b, enum it_rtcp_type type, unsigned count, size_t n)
{
    IT_ASSERT(count <= IT_RTCP_BLOCKS_MAX && n % 4 == 0);
    it_buf_u8(b, (uint8_t)(0x80 | count));
    it_buf_u8(b, (uint8_t)type);
    it_buf_u16(b, (uint16_t)(n / 4));
}

/* The number of packets lost in 24 bits (RFC 3550 appendix A.3: clamped, never wrapped). */
static uint32_t block_loss(int32_t lost)
{
    if (lost > 0x7fffff)
        return 0x7fffff;
    if (lost < -0x800000)
        return 0x800000;
    return (uint32_t)lost & 0xffffff;
}

static void put_blocks(it_buf *b, const it_rtcp_block *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        it_buf_u32(b, v[i].ssrc);
        it_buf_u32(b, (uint32_t)v[i].fraction << 24 | block_loss(v[i].lost));
        it_buf_u32(b, v[i].highest);
        it_buf_u32(b, v[i].jitter);
        it_buf_u32(b, v[i].lsr);
        it_buf_u32(b, v[i].dlsr);
    }
}

void it_rtcp_put_sr(it_buf *b, const it_rtcp_sr *sr, const it_rtcp_block *blocks, unsigned n)
{
    put_head(b, IT_RTCP_SR, n, SR_HEAD + (size_t)n * IT_RTCP_BLOCK);
    it_buf_u32(b, sr->ssrc);
    it_buf_u64(b, sr->ntp);
    it_buf_u32(b, sr->ts);
    it_buf_u32(b, sr->packets);
    it_buf_u32(b, sr->octets);
    put_blocks(b, blocks, n);
}

void it_rtcp_put_rr(it_buf *b, uint32_t ssrc, const it_rtcp_block *blocks, unsigned n)
{
    put_head(b, IT_RTCP_RR, n, RR_HEAD + (size_t)n * IT_RTCP_BLOCK);
    it_buf_u32(b, ssrc);
    put_blocks(b, blocks, n);
}

void it_rtcp_put_cname(it_buf *b, uint32_t ssrc, it_bytes cname)
{
    size_t items = 2 + cname.n, whole = (4 + items + 4) & ~(size_t)3; /* one to four octets of zero end the list */
    IT_ASSERT(cname.n <= 255);
    put_head(b, IT_RTCP_SDES, 1, whole);
    it_buf_u32(b, ssrc);
    it_buf_u8(b, IT_RTCP_SDES_CNAME);
    it_buf_u8(b, (uint8_t)cname.n);
    it_buf_put(b, cname.p, cname.n);
    it_buf_fill(b, 0, whole - 4 - items);
}

void it_rtcp_put_bye(it_buf *b, const uint32_t *ssrcs, unsigned n, it_bytes why)
{
    size_t text = why.n ? (1 + why.n + 3) & ~(size_t)3 : 0;
    IT_ASSERT(why.n <= 255);
    put_head(b, IT_RTCP_BYE, n, 4u * n + text);
    for (unsigned i = 0; i < n; i++)
        it_buf_u32(b, ssrcs[i]);
    if (why.n == 0)
        return;
    it_buf_u8(b, (uint8_t)why.n);
    it_buf_put(b, why.p, why.n);
    it_buf_fill(b, 0, text - 1 - why.n);
}

void it_rtcp_put_feedback(it_buf *b, const it_rtcp_feedback *f)
{
    put_head(b, f->type, f->format, 8 + f->fci.n);
    it_buf_u32(b, f->sender);
    it_buf_u32(b, f->media);
    it_buf_put(b, f->fci.p, f->fci.n);
}
