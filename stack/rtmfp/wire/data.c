/* The payloads of chunks of flows: user data and what is said about it (RFC 7016 sections 2.3.11 to 2.3.16). */
#include "stack/rtmfp/wire/chunk.h"

#define DATA_OPTIONS 0x80
#define DATA_PART 0x30
#define DATA_PART_SHIFT 4
#define DATA_ABANDONED 0x02
#define DATA_FINAL 0x01

/* The flags |flags| say, and what follows the numbers. */
static bool data_tail_get(it_rd *r, uint8_t flags, it_rtmfp_data *out)
{
    out->part = (enum it_rtmfp_part)((flags & DATA_PART) >> DATA_PART_SHIFT);
    out->abandoned = flags & DATA_ABANDONED;
    out->final = flags & DATA_FINAL;
    out->has_options = flags & DATA_OPTIONS;
    out->options = it_bytes_of(NULL, 0);
    if (out->has_options)
        out->options = it_rtmfp_options_get(r);
    out->data = it_bytes_of(r->p, r->n);
    if (out->abandoned) /* RFC 7016 section 2.3.11: its data is ignored */
        out->data.n = 0;
    return !r->fail;
}

bool it_rtmfp_data_get(it_bytes payload, it_rtmfp_data *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    *out = (it_rtmfp_data){.part = IT_RTMFP_WHOLE};
    uint8_t flags = it_rd_u8(&r);
    out->flow = it_rtmfp_vlu_get(&r);
    out->seq = it_rtmfp_vlu_get(&r);
    uint64_t offset = it_rtmfp_vlu_get(&r);
    if (!data_tail_get(&r, flags, out))
        return false;
    if (out->seq == 0 || offset > out->seq)
        return false;
    if (offset == 0 && !out->abandoned)
        return false;
    out->fsn = out->seq - offset;
    return true;
}

bool it_rtmfp_next_data_get(it_bytes payload, it_rtmfp_data *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    uint8_t flags = it_rd_u8(&r);
    if (out->seq == UINT64_MAX) /* sequence numbers do not wrap */
        return false;
    out->seq++;
    return data_tail_get(&r, flags, out);
}

bool it_rtmfp_ack_get(uint8_t type, it_bytes payload, it_rtmfp_ack *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    *out = (it_rtmfp_ack){.bitmap = type == IT_RTMFP_ACK_BITMAP};
    out->flow = it_rtmfp_vlu_get(&r);
    out->blocks = it_rtmfp_vlu_get(&r);
    out->cum = it_rtmfp_vlu_get(&r);
    out->rest = r;
    out->at = out->cum;
    out->bit = 8;
    return !r.fail;
}

/* Bit i of the first byte is number cum + 2 + i, and so on (section 2.3.13). */
static bool ack_bit_next(it_rtmfp_ack *a, uint64_t *from, uint64_t *to)
{
    while (a->rest.n) {
        uint64_t at = a->bit == 8 && a->at == a->cum ? a->cum + 2 : a->at + 1;
        if (at <= a->cum) /* beyond 64 bits */
            return false;
        a->bit %= 8;
        bool set = a->rest.p[0] >> a->bit & 1;
        a->at = at;
        if (++a->bit == 8)
            it_rd_u8(&a->rest);
        if (set) {
            *from = *to = at;
            return true;
        }
    }
    return false;
}

bool it_rtmfp_ack_next(it_rtmfp_ack *a, uint64_t *from, uint64_t *to)
{
    if (a->bitmap)
        return ack_bit_next(a, from, to);
    if (a->rest.n == 0 || a->rest.fail)
        return false;
    uint64_t holes = it_rtmfp_vlu_get(&a->rest), more = it_rtmfp_vlu_get(&a->rest);
    if (a->rest.fail) /* RFC 7016 section 2.3.14: the pairs before it hold */
        return false;
    uint64_t room = UINT64_MAX - a->at;
    if (room < 2 || holes > room - 2 || more > room - 2 - holes) {
        a->rest.fail = true;
        return false;
    }
    *from = a->at + holes + 2;
    *to = a->at = *from + more;
    return true;
}

bool it_rtmfp_exception_get(it_bytes payload, it_rtmfp_exception *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    out->flow = it_rtmfp_vlu_get(&r);
    out->code = it_rtmfp_vlu_get(&r);
    return !r.fail;
}

void it_rtmfp_probe_put(it_buf *b, uint64_t flow)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_BUFFER_PROBE);
    it_rtmfp_vlu_put(b, flow);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_exception_put(it_buf *b, uint64_t flow, uint64_t code)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_FLOW_EXCEPTION);
    it_rtmfp_vlu_put(b, flow);
    it_rtmfp_vlu_put(b, code);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_data_put(it_buf *b, const it_rtmfp_data *d, bool next)
{
    size_t at = it_rtmfp_chunk_begin(b, next ? IT_RTMFP_NEXT_USER_DATA : IT_RTMFP_USER_DATA);
    uint8_t flags = (uint8_t)(d->part << DATA_PART_SHIFT);
    if (d->has_options)
        flags |= DATA_OPTIONS;
    if (d->abandoned)
        flags |= DATA_ABANDONED;
    if (d->final)
        flags |= DATA_FINAL;
    it_buf_u8(b, flags);
    if (!next) {
        it_rtmfp_vlu_put(b, d->flow);
        it_rtmfp_vlu_put(b, d->seq);
        it_rtmfp_vlu_put(b, d->seq - d->fsn);
    }
    if (d->has_options) {
        it_buf_put(b, d->options.p, d->options.n);
        it_rtmfp_marker_put(b);
    }
    it_buf_put(b, d->data.p, d->data.n);
    it_rtmfp_chunk_end(b, at);
}

size_t it_rtmfp_ack_put(it_buf *b, uint64_t flow, uint64_t blocks, uint64_t cum)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_ACK_RANGES);
    it_rtmfp_vlu_put(b, flow);
    it_rtmfp_vlu_put(b, blocks);
    it_rtmfp_vlu_put(b, cum);
    return at;
}

void it_rtmfp_ack_range_put(it_buf *b, uint64_t at, uint64_t from, uint64_t to)
{
    it_rtmfp_vlu_put(b, from - at - 2);
    it_rtmfp_vlu_put(b, to - from);
}
