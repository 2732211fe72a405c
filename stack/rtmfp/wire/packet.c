/* Headers and chunks of plain packets. */
#include "stack/rtmfp/wire/packet.h"

#define TIME_CRITICAL 0x80
#define TIME_CRITICAL_REVERSE 0x40
#define TIMESTAMP 0x08
#define TIMESTAMP_ECHO 0x04
#define MODE 0x03

int it_rtmfp_head_get(it_rd *r, it_bytes plain, it_rtmfp_head *h)
{
    it_rd_init(r, plain);
    uint8_t flags = it_rd_u8(r);
    *h = (it_rtmfp_head){.mode = (enum it_rtmfp_mode)(flags & MODE),
                         .tc = flags & TIME_CRITICAL,
                         .tcr = flags & TIME_CRITICAL_REVERSE,
                         .has_ts = flags & TIMESTAMP,
                         .has_echo = flags & TIMESTAMP_ECHO};
    if (h->has_ts)
        h->ts = it_rd_u16(r);
    if (h->has_echo)
        h->echo = it_rd_u16(r);
    if (r->fail || h->mode == IT_RTMFP_FORBIDDEN)
        return IT_ERR_PARSE;
    return 0;
}

bool it_rtmfp_chunk_next(it_rd *r, it_rtmfp_chunk *c)
{
    while (!r->fail && r->n >= IT_RTMFP_CHUNK_HEAD) {
        size_t n = it_get16(r->p + 1);
        if (n > r->n - IT_RTMFP_CHUNK_HEAD)
            return false;
        c->type = it_rd_u8(r);
        it_rd_u16(r);
        c->payload = it_rd_take(r, n);
        if (c->type != 0 && c->type != IT_RTMFP_PADDING) /* RFC 7016 section 2.3: both are padding */
            return true;
    }
    return false;
}

size_t it_rtmfp_head_size(const it_rtmfp_head *h)
{
    size_t n = 1;
    if (h->has_ts)
        n += 2;
    if (h->has_echo)
        n += 2;
    return n;
}

void it_rtmfp_head_put(it_buf *b, const it_rtmfp_head *h)
{
    uint8_t flags = (uint8_t)h->mode;
    if (h->tc)
        flags |= TIME_CRITICAL;
    if (h->tcr)
        flags |= TIME_CRITICAL_REVERSE;
    if (h->has_ts)
        flags |= TIMESTAMP;
    if (h->has_echo)
        flags |= TIMESTAMP_ECHO;
    it_buf_u8(b, flags);
    if (h->has_ts)
        it_buf_u16(b, h->ts);
    if (h->has_echo)
        it_buf_u16(b, h->echo);
}

size_t it_rtmfp_chunk_begin(it_buf *b, enum it_rtmfp_type type)
{
    size_t begin = b->len;
    it_buf_u8(b, (uint8_t)type);
    it_buf_u16(b, 0);
    return begin;
}

void it_rtmfp_chunk_end(it_buf *b, size_t begin)
{
    if (b->overflow)
        return;
    size_t n = b->len - begin - IT_RTMFP_CHUNK_HEAD;
    if (n > UINT16_MAX)
        b->overflow = true;
    else
        it_put16(b->p + begin + 1, (uint16_t)n);
}

void it_rtmfp_chunk_undo(it_buf *b, size_t begin)
{
    b->len = begin;
    b->overflow = false;
}
