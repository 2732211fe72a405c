/* Records, and what stands in clear in a ClientHello. */
#include "stack/tls/record.h"

enum { CLIENT_HELLO = 1, MESSAGE_HEADER = 4, HOST_NAME = 0, RANDOM = 32 };
enum { EXT_SERVER_NAME = 0, EXT_ALPN = 16, EXT_VERSIONS = 43 };

int it_tls_record_size(it_bytes in)
{
    /* RFC 8446 section 5.1: the type, then 3 as the major version whatever is spoken. */
    if (in.n > 0 && (in.p[0] < IT_TLS_CCS || in.p[0] > IT_TLS_DATA))
        return IT_ERR_PARSE;
    if (in.n > 1 && in.p[1] != 3)
        return IT_ERR_PARSE;
    if (in.n < IT_TLS_HEADER)
        return 0;
    size_t n = IT_TLS_HEADER + (size_t)it_get16(in.p + 3);
    if (n > IT_TLS_RECORD_MAX)
        return IT_ERR_TOOBIG; /* section 5.2: record_overflow */
    return (int)n;
}

/* The name in extension |body|; RFC 6066 section 3. */
static it_bytes read_name(it_bytes body)
{
    it_rd r;
    it_rd_init(&r, body);
    it_bytes list = it_rd_take(&r, it_rd_u16(&r));
    it_rd_init(&r, list);
    uint8_t type = it_rd_u8(&r);
    it_bytes name = it_rd_take(&r, it_rd_u16(&r));
    if (r.fail || type != HOST_NAME)
        return it_bytes_of(NULL, 0);
    return name;
}

/* RFC 7301 section 3.1: at least one protocol, none of them empty. */
static it_bytes read_alpn(it_bytes body)
{
    it_rd r;
    it_rd_init(&r, body);
    it_bytes list = it_rd_take(&r, it_rd_u16(&r));
    for (size_t at = 0; at < list.n; at += 1u + list.p[at])
        if (list.p[at] == 0 || list.p[at] > list.n - at - 1)
            return it_bytes_of(NULL, 0);
    return list;
}

/* RFC 8446 section 4.2.1. */
static bool offers_v13(it_bytes body)
{
    it_rd r;
    it_rd_init(&r, body);
    it_bytes list = it_rd_take(&r, it_rd_u8(&r));
    for (size_t at = 0; at + 2 <= list.n; at += 2)
        if (it_get16(list.p + at) == 0x0304)
            return true;
    return false;
}

static void read_extension(it_tls_hello *h, unsigned type, it_bytes body)
{
    if (type == EXT_SERVER_NAME)
        h->name = read_name(body);
    else if (type == EXT_ALPN)
        h->alpn = read_alpn(body);
    else if (type == EXT_VERSIONS)
        h->v13 = offers_v13(body);
}

/* RFC 8446 section 4.1.2. */
static int read_hello(it_tls_hello *h)
{
    it_rd r;
    it_rd_init(&r, it_bytes_of(h->msg, h->n));
    (void)it_rd_take(&r, MESSAGE_HEADER + 2 + RANDOM);
    (void)it_rd_take(&r, it_rd_u8(&r));  /* session id */
    (void)it_rd_take(&r, it_rd_u16(&r)); /* cipher suites */
    (void)it_rd_take(&r, it_rd_u8(&r));  /* compression */
    if (r.fail)
        return IT_ERR_PARSE;
    if (r.n == 0)
        return 0; /* RFC 5246 section 7.4.1.2: no extensions at all */
    it_bytes all = it_rd_take(&r, it_rd_u16(&r));
    if (r.fail || r.n > 0)
        return IT_ERR_PARSE;
    it_rd_init(&r, all);
    while (r.n > 0 && !r.fail) {
        unsigned type = it_rd_u16(&r);
        it_bytes body = it_rd_take(&r, it_rd_u16(&r));
        if (!r.fail)
            read_extension(h, type, body);
    }
    return r.fail ? IT_ERR_PARSE : 0;
}

/* The bytes of the message that |h|->msg begins with; 0: not known yet; or an error. */
static int hello_size(const it_tls_hello *h)
{
    if (h->n > 0 && h->msg[0] != CLIENT_HELLO)
        return IT_ERR_PARSE;
    if (h->n < MESSAGE_HEADER)
        return 0;
    size_t n = MESSAGE_HEADER + ((size_t)h->msg[1] << 16 | it_get16(h->msg + 2));
    return n > IT_TLS_HELLO_MAX ? IT_ERR_TOOBIG : (int)n;
}

/* Appends the body of a record. Returns 1 when the message is whole, 0, or an error. */
static int add_record(it_tls_hello *h, it_bytes body)
{
    if (body.n == 0)
        return IT_ERR_PARSE; /* RFC 8446 section 5.1: handshake records are never empty */
    if (body.n > sizeof h->msg - h->n)
        return IT_ERR_TOOBIG;
    memcpy(h->msg + h->n, body.p, body.n);
    h->n += body.n;
    int n = hello_size(h);
    if (n <= 0 || h->n < (size_t)n)
        return n < 0 ? n : 0;
    if (h->n > (size_t)n)
        return IT_ERR_PARSE; /* section 5.1: nothing may follow it in its record */
    return 1;
}

/* The bytes of the record at |in|, of a handshake and whole; 0: not yet; or an error. |first|: it begins the stream. */
static int next_record(it_bytes in, bool first)
{
    int n = it_tls_record_size(in);
    if (n < 0)
        return n;
    if (in.n > 0 && in.p[0] != IT_TLS_HANDSHAKE)
        return IT_ERR_PARSE;
    if (first && in.n > IT_TLS_HEADER && in.p[IT_TLS_HEADER] != CLIENT_HELLO)
        return IT_ERR_PARSE;
    return in.n < (size_t)n ? 0 : n;
}

int it_tls_hello_read(it_tls_hello *h, it_bytes in)
{
    size_t at = 0;
    h->name = h->alpn = it_bytes_of(NULL, 0);
    h->v13 = false;
    h->n = 0;
    for (int whole = 0; !whole;) {
        int n = next_record(it_bytes_of(in.p + at, in.n - at), at == 0);
        if (n <= 0)
            return n;
        whole = add_record(h, it_bytes_of(in.p + at + IT_TLS_HEADER, (size_t)n - IT_TLS_HEADER));
        if (whole < 0)
            return whole;
        at += (size_t)n;
    }
    int err = read_hello(h);
    return err < 0 ? err : (int)at;
}

bool it_tls_hello_offers(const it_tls_hello *h, const char *name)
{
    for (size_t at = 0; at < h->alpn.n; at += 1u + h->alpn.p[at])
        if (it_bytes_eq(it_bytes_of(h->alpn.p + at + 1, h->alpn.p[at]), it_bytes_str(name)))
            return true;
    return false;
}
