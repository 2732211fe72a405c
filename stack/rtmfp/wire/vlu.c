/* Variable length integers, fields, options, addresses. */
#include "stack/rtmfp/wire/vlu.h"

#define ADDR_IPV6 0x80
#define ADDR_ORIGIN 0x03

size_t it_rtmfp_vlu_size(uint64_t v)
{
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

void it_rtmfp_vlu_put(it_buf *b, uint64_t v)
{
    uint8_t out[IT_RTMFP_VLU_MAX];
    size_t n = it_rtmfp_vlu_size(v);
    for (size_t i = n; i-- > 0; v >>= 7)
        out[i] = (uint8_t)((v & 0x7f) | (i + 1 < n ? 0x80 : 0));
    it_buf_put(b, out, n);
}

uint64_t it_rtmfp_vlu_get(it_rd *r)
{
    uint64_t v = 0;
    uint8_t byte;
    do {
        byte = it_rd_u8(r);
        if (v >> 57) /* RFC 7016 section 2.1.2 asks for 64 bits; there is no room for more */
            r->fail = true;
        v = v << 7 | (byte & 0x7f);
    } while (byte & 0x80 && !r->fail);
    return r->fail ? 0 : v;
}

void it_rtmfp_field_put(it_buf *b, it_bytes v)
{
    it_rtmfp_vlu_put(b, v.n);
    it_buf_put(b, v.p, v.n);
}

it_bytes it_rtmfp_field_get(it_rd *r)
{
    uint64_t n = it_rtmfp_vlu_get(r);
    if (n > r->n)
        r->fail = true;
    if (r->fail)
        return it_bytes_of(NULL, 0);
    return it_rd_take(r, (size_t)n);
}

void it_rtmfp_option_put(it_buf *b, uint64_t type, it_bytes value)
{
    it_rtmfp_vlu_put(b, it_rtmfp_vlu_size(type) + value.n);
    it_rtmfp_vlu_put(b, type);
    it_buf_put(b, value.p, value.n);
}

void it_rtmfp_marker_put(it_buf *b)
{
    it_buf_u8(b, 0);
}

bool it_rtmfp_option_get(it_rd *r, it_rtmfp_option *o)
{
    it_rd in;
    *o = (it_rtmfp_option){.marker = false};
    if (r->fail || r->n == 0)
        return false;
    it_bytes body = it_rtmfp_field_get(r);
    if (r->fail)
        return false;
    o->marker = body.n == 0;
    if (o->marker)
        return true;
    it_rd_init(&in, body);
    o->type = it_rtmfp_vlu_get(&in);
    o->value = it_bytes_of(in.p, in.n);
    r->fail |= in.fail;
    return !r->fail;
}

it_bytes it_rtmfp_options_get(it_rd *r)
{
    const uint8_t *from = r->p, *to = from;
    it_rtmfp_option o;
    while (it_rtmfp_option_get(r, &o)) {
        if (o.marker)
            return it_bytes_of(from, (size_t)(to - from));
        to = r->p;
    }
    r->fail = true; /* RFC 7016 section 2.1.4: a list ends with a marker */
    return it_bytes_of(NULL, 0);
}

void it_rtmfp_addr_put(it_buf *b, it_rtmfp_addr a)
{
    uint8_t ip[16];
    size_t n = it_ip_to_bytes(a.addr.ip, ip);
    it_buf_u8(b, (uint8_t)((n == 16 ? ADDR_IPV6 : 0) | (uint8_t)a.origin));
    it_buf_put(b, ip, n);
    it_buf_u16(b, a.addr.port);
}

it_rtmfp_addr it_rtmfp_addr_get(it_rd *r)
{
    it_rtmfp_addr a = {.origin = IT_RTMFP_ORIGIN_UNKNOWN};
    uint8_t flags = it_rd_u8(r);
    size_t n = flags & ADDR_IPV6 ? 16 : 4;
    it_bytes ip = it_rd_take(r, n);
    uint16_t port = it_rd_u16(r);
    if (r->fail)
        return a;
    a.addr = it_addr_of(it_ip_from_bytes(ip.p, ip.n), port);
    a.origin = (enum it_rtmfp_origin)(flags & ADDR_ORIGIN);
    return a;
}
