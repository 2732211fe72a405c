/* The payloads of chunks of startup and of sessions. */
#include "stack/rtmfp/wire/chunk.h"

#define FRAGMENT_MORE 0x80

static it_bytes rest_of(const it_rd *r)
{
    return it_bytes_of(r->p, r->n);
}

bool it_rtmfp_ihello_get(it_bytes payload, it_rtmfp_ihello *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    *out = (it_rtmfp_ihello){.epd = it_rtmfp_field_get(&r)};
    out->tag = rest_of(&r);
    return !r.fail;
}

bool it_rtmfp_fihello_get(it_bytes payload, it_rtmfp_ihello *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    *out = (it_rtmfp_ihello){.epd = it_rtmfp_field_get(&r)};
    out->reply = it_rtmfp_addr_get(&r);
    out->tag = rest_of(&r);
    return !r.fail;
}

bool it_rtmfp_rhello_get(it_bytes payload, it_rtmfp_rhello *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    out->tag = it_rtmfp_field_get(&r);
    out->cookie = it_rtmfp_field_get(&r);
    out->cert = rest_of(&r);
    return !r.fail;
}

bool it_rtmfp_redirect_get(it_bytes payload, it_rtmfp_redirect *out)
{
    it_rd r, in;
    it_rd_init(&r, payload);
    out->tag = it_rtmfp_field_get(&r);
    out->addrs = rest_of(&r);
    in = r;
    while (!in.fail && in.n)
        it_rtmfp_addr_get(&in);
    return !in.fail;
}

bool it_rtmfp_cookie_change_get(it_bytes payload, it_rtmfp_cookie_change *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    out->old = it_rtmfp_field_get(&r);
    out->cookie = rest_of(&r);
    return !r.fail;
}

bool it_rtmfp_iikeying_get(it_bytes payload, it_rtmfp_iikeying *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    out->sid = it_rd_u32(&r);
    out->cookie = it_rtmfp_field_get(&r);
    out->cert = it_rtmfp_field_get(&r);
    out->component = it_rtmfp_field_get(&r);
    out->signature = rest_of(&r);
    out->told = it_bytes_of(payload.p, payload.n - r.n);
    return !r.fail && out->sid != 0; /* RFC 7016 section 2.2.2: a session's ID is not 0 */
}

bool it_rtmfp_rikeying_get(it_bytes payload, it_rtmfp_rikeying *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    out->sid = it_rd_u32(&r);
    out->component = it_rtmfp_field_get(&r);
    out->signature = rest_of(&r);
    out->told = it_bytes_of(payload.p, payload.n - r.n);
    return !r.fail && out->sid != 0;
}

bool it_rtmfp_fragment_get(it_bytes payload, it_rtmfp_fragment *out)
{
    it_rd r;
    it_rd_init(&r, payload);
    out->more = it_rd_u8(&r) & FRAGMENT_MORE;
    out->id = it_rtmfp_vlu_get(&r);
    out->number = it_rtmfp_vlu_get(&r);
    out->data = rest_of(&r);
    return !r.fail && out->data.n > 0; /* RFC 7016 section 2.3.1: an empty fragment is invalid */
}

void it_rtmfp_ihello_put(it_buf *b, it_bytes epd, it_bytes tag)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_IHELLO);
    it_rtmfp_field_put(b, epd);
    it_buf_put(b, tag.p, tag.n);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_fihello_put(it_buf *b, it_bytes epd, it_rtmfp_addr reply, it_bytes tag)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_FIHELLO);
    it_rtmfp_field_put(b, epd);
    it_rtmfp_addr_put(b, reply);
    it_buf_put(b, tag.p, tag.n);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_rhello_put(it_buf *b, it_bytes tag, it_bytes cookie, it_bytes cert)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_RHELLO);
    it_rtmfp_field_put(b, tag);
    it_rtmfp_field_put(b, cookie);
    it_buf_put(b, cert.p, cert.n);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_redirect_put(it_buf *b, it_bytes tag, const it_rtmfp_addr *addrs, size_t n)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_REDIRECT);
    it_rtmfp_field_put(b, tag);
    for (size_t i = 0; i < n; i++)
        it_rtmfp_addr_put(b, addrs[i]);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_cookie_change_put(it_buf *b, it_bytes old, it_bytes cookie)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_COOKIE_CHANGE);
    it_rtmfp_field_put(b, old);
    it_buf_put(b, cookie.p, cookie.n);
    it_rtmfp_chunk_end(b, at);
}

size_t it_rtmfp_iikeying_put(it_buf *b, uint32_t sid, it_bytes cookie, it_bytes cert, it_bytes component)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_IIKEYING);
    it_buf_u32(b, sid);
    it_rtmfp_field_put(b, cookie);
    it_rtmfp_field_put(b, cert);
    it_rtmfp_field_put(b, component);
    return at;
}

size_t it_rtmfp_rikeying_put(it_buf *b, uint32_t sid, it_bytes component)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_RIKEYING);
    it_buf_u32(b, sid);
    it_rtmfp_field_put(b, component);
    return at;
}

void it_rtmfp_plain_put(it_buf *b, enum it_rtmfp_type type, it_bytes payload)
{
    size_t at = it_rtmfp_chunk_begin(b, type);
    it_buf_put(b, payload.p, payload.n);
    it_rtmfp_chunk_end(b, at);
}

void it_rtmfp_fragment_put(it_buf *b, const it_rtmfp_fragment *f)
{
    size_t at = it_rtmfp_chunk_begin(b, IT_RTMFP_FRAGMENT);
    it_buf_u8(b, f->more ? FRAGMENT_MORE : 0);
    it_rtmfp_vlu_put(b, f->id);
    it_rtmfp_vlu_put(b, f->number);
    it_buf_put(b, f->data.p, f->data.n);
    it_rtmfp_chunk_end(b, at);
}
