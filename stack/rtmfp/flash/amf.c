/* AMF0 values, read and written. */
#include "stack/rtmfp/flash/amf.h"

#define OBJECT_END 0x09
#define MANTISSA 52 /* bits of a double's */
#define BIAS 1023

bool it_rtmfp_amf_get(it_rd *r, it_rtmfp_amf *v)
{
    if (r->fail || r->n == 0)
        return false;
    *v = (it_rtmfp_amf){.type = (enum it_rtmfp_amf_type)it_rd_u8(r)};
    switch (v->type) {
    case IT_RTMFP_AMF_NUMBER:
        v->bits = it_rd_u64(r);
        break;
    case IT_RTMFP_AMF_BOOLEAN:
        v->truth = it_rd_u8(r);
        break;
    case IT_RTMFP_AMF_STRING:
        v->text = it_rd_take(r, it_rd_u16(r));
        break;
    case IT_RTMFP_AMF_LONG_STRING:
        v->text = it_rd_take(r, it_rd_u32(r));
        break;
    case IT_RTMFP_AMF_ECMA_ARRAY:
        it_rd_u32(r); /* a hint only: its end is marked */
        break;
    case IT_RTMFP_AMF_STRICT_ARRAY:
        v->count = it_rd_u32(r);
        break;
    case IT_RTMFP_AMF_OBJECT:
    case IT_RTMFP_AMF_NULL:
    case IT_RTMFP_AMF_UNDEFINED:
        break;
    default:
        r->fail = true;
        break;
    }
    return !r->fail;
}

bool it_rtmfp_amf_key(it_rd *r, it_bytes *key)
{
    *key = it_rd_take(r, it_rd_u16(r));
    if (r->fail || key->n > 0)
        return !r->fail;
    if (it_rd_u8(r) != OBJECT_END)
        r->fail = true;
    return false;
}

/* One value and all that it is made of. */
static void amf_pass(it_rd *r, unsigned depth);

static void amf_pass_body(it_rd *r, const it_rtmfp_amf *v, unsigned depth)
{
    it_bytes key;
    if (depth == IT_RTMFP_AMF_DEPTH)
        r->fail = true;
    if (v->type == IT_RTMFP_AMF_OBJECT || v->type == IT_RTMFP_AMF_ECMA_ARRAY)
        while (!r->fail && it_rtmfp_amf_key(r, &key))
            amf_pass(r, depth + 1);
    for (uint32_t i = 0; i < v->count && !r->fail; i++)
        amf_pass(r, depth + 1);
}

static void amf_pass(it_rd *r, unsigned depth)
{
    it_rtmfp_amf v;
    if (it_rtmfp_amf_get(r, &v))
        amf_pass_body(r, &v, depth);
    else
        r->fail = true; /* a value is missing */
}

void it_rtmfp_amf_skip(it_rd *r, const it_rtmfp_amf *v)
{
    amf_pass_body(r, v, 0);
}

/* The value of a key: its text, if it is one, and it is passed over. */
static it_bytes amf_text(it_rd *r)
{
    it_rtmfp_amf v;
    if (!it_rtmfp_amf_get(r, &v)) {
        r->fail = true; /* a value is missing */
        return it_bytes_of(NULL, 0);
    }
    it_rtmfp_amf_skip(r, &v);
    return v.text;
}

it_bytes it_rtmfp_amf_text_of(it_rd *r, const char *name)
{
    it_rtmfp_amf v;
    it_bytes key, found = {NULL, 0};
    if (!it_rtmfp_amf_get(r, &v))
        return found;
    if (v.type != IT_RTMFP_AMF_OBJECT && v.type != IT_RTMFP_AMF_ECMA_ARRAY)
        return found;
    while (it_rtmfp_amf_key(r, &key)) {
        it_bytes text = amf_text(r);
        if (text.p && it_bytes_eq(key, it_bytes_str(name)))
            found = text;
    }
    if (r->fail)
        return it_bytes_of(NULL, 0);
    return found;
}

uint64_t it_rtmfp_amf_bits(int64_t n)
{
    uint64_t sign = n < 0 ? 1ULL << 63 : 0, m = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    unsigned top = 0;
    if (m == 0)
        return 0;
    while (m >> top > 1)
        top++;
    m = top <= MANTISSA ? m << (MANTISSA - top) : m >> (top - MANTISSA);
    return sign | (uint64_t)(BIAS + top) << MANTISSA | (m & ((1ULL << MANTISSA) - 1));
}

bool it_rtmfp_amf_whole(uint64_t bits, int64_t *n)
{
    uint64_t m = (bits & ((1ULL << MANTISSA) - 1)) | 1ULL << MANTISSA;
    unsigned exponent = (unsigned)(bits >> MANTISSA & 0x7ff);
    if (bits << 1 == 0) {
        *n = 0;
        return true;
    }
    if (exponent < BIAS || exponent > BIAS + MANTISSA)
        return false;
    unsigned fraction = MANTISSA - (exponent - BIAS);
    if (m & ((1ULL << fraction) - 1))
        return false;
    *n = (int64_t)(m >> fraction);
    if (bits >> 63)
        *n = -*n;
    return true;
}

void it_rtmfp_amf_put_number(it_buf *b, int64_t n)
{
    it_buf_u8(b, IT_RTMFP_AMF_NUMBER);
    it_buf_u64(b, it_rtmfp_amf_bits(n));
}

void it_rtmfp_amf_put_boolean(it_buf *b, bool v)
{
    it_buf_u8(b, IT_RTMFP_AMF_BOOLEAN);
    it_buf_u8(b, v);
}

static void amf_put_text(it_buf *b, it_bytes s)
{
    if (s.n > UINT16_MAX)
        b->overflow = true;
    it_buf_u16(b, (uint16_t)s.n);
    it_buf_put(b, s.p, s.n);
}

void it_rtmfp_amf_put_string(it_buf *b, it_bytes s)
{
    it_buf_u8(b, IT_RTMFP_AMF_STRING);
    amf_put_text(b, s);
}

void it_rtmfp_amf_put_null(it_buf *b)
{
    it_buf_u8(b, IT_RTMFP_AMF_NULL);
}

void it_rtmfp_amf_put_object(it_buf *b)
{
    it_buf_u8(b, IT_RTMFP_AMF_OBJECT);
}

void it_rtmfp_amf_put_key(it_buf *b, const char *key)
{
    amf_put_text(b, it_bytes_str(key));
}

void it_rtmfp_amf_put_end(it_buf *b)
{
    it_buf_u16(b, 0);
    it_buf_u8(b, OBJECT_END);
}
