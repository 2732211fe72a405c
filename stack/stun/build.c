/* Building: each put appends one attribute to an it_buf whose overflow is sticky; end is the one place that reports it.
 *
 * The header's length is corrected whenever something is computed over it: before integrity, fingerprint and at the
 * end. */
#include "stack/stun/msg.h"

#include "base/cksum.h"

void it_stun_begin(it_buf *b, enum it_stun_class cls, uint16_t method, const uint8_t txid[IT_STUN_TXID])
{
    /* RFC 8489 section 5, figure 3: M11..M7 C1 M6..M4 C0 M3..M0 */
    unsigned m = method, c = (unsigned)cls;
    unsigned type = (m & 0x0f) | (m & 0x70) << 1 | (m & 0xf80) << 2 | (c & 1) << 4 | (c & 2) << 7;

    IT_ASSERT(b->len == 0 && method <= 0xfff);
    it_buf_u16(b, (uint16_t)type);
    it_buf_u16(b, 0);
    it_buf_u32(b, IT_STUN_COOKIE);
    it_buf_put(b, txid, IT_STUN_TXID);
}

/* Writes a length into the header that counts |ahead| more bytes than are there. */
static void set_length(it_buf *b, size_t ahead)
{
    if (b->overflow || b->len < IT_STUN_HEADER || b->len + ahead - IT_STUN_HEADER > 0xffff)
        b->overflow = true;
    else
        it_put16(b->p + 2, (uint16_t)(b->len + ahead - IT_STUN_HEADER));
}

/* Opens an attribute of |n| bytes; the caller appends the value and its padding. */
static void head(it_buf *b, uint16_t type, size_t n)
{
    it_buf_u16(b, type);
    it_buf_u16(b, (uint16_t)n);
}

/* RFC 8489 section 14: padding up to 32 bits, zero on sending. */
static void pad(it_buf *b, size_t n)
{
    it_buf_fill(b, 0, (4 - n % 4) % 4);
}

void it_stun_put(it_buf *b, uint16_t type, it_bytes value)
{
    const it_stun_attr_spec *spec = it_stun_attr_find(type);
    size_t n = value.n;

    if (n > 0xffff || (spec && (n < spec->min || n > spec->put_max || n % spec->unit != 0))) {
        b->overflow = true;
        return;
    }
    head(b, type, n);
    if (n > 0)
        it_buf_put(b, value.p, n);
    pad(b, n);
}

void it_stun_put_addr(it_buf *b, uint16_t type, it_addr a)
{
    const it_stun_attr_spec *spec = it_stun_attr_find(type);
    uint8_t v[20] = {0};
    size_t n;

    IT_ASSERT(spec && (spec->shape == IT_STUN_SHAPE_ADDR || spec->shape == IT_STUN_SHAPE_XADDR));
    if (it_ip_none(a.ip) || b->overflow) {
        b->overflow = true;
        return;
    }
    v[1] = it_ip_is4(a.ip) ? 1 : 2; /* RFC 8489 section 14.1 */
    it_put16(v + 2, a.port);
    n = 4 + it_ip_to_bytes(a.ip, v + 4);
    if (spec->shape == IT_STUN_SHAPE_XADDR) {
        /* RFC 8489 section 14.2: cookie and transaction id, in a row at byte 4 of the header */
        v[2] ^= b->p[4];
        v[3] ^= b->p[5];
        for (size_t i = 4; i < n; i++)
            v[i] ^= b->p[i];
    }
    it_stun_put(b, type, it_bytes_of(v, n));
}

/* A number of at most |max_width| bytes, then reserved zeros up to the row's size. */
static void put_number(it_buf *b, uint16_t type, int max_width, uint64_t v)
{
    const it_stun_attr_spec *spec = it_stun_attr_find(type);
    int width = spec ? it_stun_shape_width(spec->shape) : -1;
    uint8_t bytes[8] = {0};

    IT_ASSERT(width >= 0 && width <= max_width && spec->put_max <= sizeof(bytes));
    for (int i = 0; i < width; i++)
        bytes[i] = (uint8_t)(v >> 8 * (width - 1 - i));
    it_stun_put(b, type, it_bytes_of(bytes, spec->put_max));
}

void it_stun_put_u32(it_buf *b, uint16_t type, uint32_t v)
{
    put_number(b, type, 4, v);
}

void it_stun_put_u64(it_buf *b, uint16_t type, uint64_t v)
{
    put_number(b, type, 8, v);
}

const char *it_stun_reason(int code)
{
    static const struct {
        int code;
        const char *text;
    } REASONS[] = {
        {300, "Try Alternate"},                  /* RFC 8489 section 14.8 */
        {400, "Bad Request"},                    /* RFC 8489 section 14.8 */
        {401, "Unauthenticated"},                /* RFC 8489 section 14.8 */
        {403, "Forbidden"},                      /* RFC 8656 section 19 */
        {405, "Mobility Forbidden"},             /* RFC 8016 section 3.6 */
        {420, "Unknown Attribute"},              /* RFC 8489 section 14.8 */
        {437, "Allocation Mismatch"},            /* RFC 8656 section 19 */
        {438, "Stale Nonce"},                    /* RFC 8489 section 14.8 */
        {440, "Address Family not Supported"},   /* RFC 8656 section 19 */
        {441, "Wrong Credentials"},              /* RFC 8656 section 19 */
        {442, "Unsupported Transport Protocol"}, /* RFC 8656 section 19 */
        {443, "Peer Address Family Mismatch"},   /* RFC 8656 section 19 */
        {446, "Connection Already Exists"},      /* RFC 6062 section 6.3 */
        {447, "Connection Timeout or Failure"},  /* RFC 6062 section 6.3 */
        {486, "Allocation Quota Reached"},       /* RFC 8656 section 19 */
        {487, "Role Conflict"},                  /* RFC 8445 section 16.2 */
        {500, "Server Error"},                   /* RFC 8489 section 14.8 */
        {508, "Insufficient Capacity"},          /* RFC 8656 section 19 */
    };

    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
        if (REASONS[i].code == code)
            return REASONS[i].text;
    return "Error";
}

void it_stun_put_error(it_buf *b, int code, const char *reason)
{
    uint8_t v[4 + IT_STUN_TEXT_MAX] = {0};
    const char *text = reason ? reason : it_stun_reason(code);
    size_t n = strlen(text);

    IT_ASSERT(code >= 300 && code <= 699);
    if (n > IT_STUN_TEXT_MAX) {
        b->overflow = true;
        return;
    }
    v[2] = (uint8_t)(code / 100); /* RFC 8489 section 14.8 */
    v[3] = (uint8_t)(code % 100);
    memcpy(v + 4, text, n);
    it_stun_put(b, IT_STUN_ERROR_CODE, it_bytes_of(v, 4 + n));
}

void it_stun_put_types(it_buf *b, uint16_t type, const uint16_t *types, int n)
{
    IT_ASSERT(n >= 0 && n <= 0x7fff);
    head(b, type, 2 * (size_t)n);
    for (int i = 0; i < n; i++)
        it_buf_u16(b, types[i]);
    pad(b, 2 * (size_t)n);
}

void it_stun_put_algos(it_buf *b, uint16_t type, const uint16_t *algos, int n)
{
    IT_ASSERT(n >= 0 && n <= 0x3ffe);
    head(b, type, 4 * (size_t)n);
    for (int i = 0; i < n; i++) {
        it_buf_u16(b, algos[i]);
        it_buf_u16(b, 0); /* RFC 8489 section 18.5.1: MD5 and SHA-256 have no parameters */
    }
}

void it_stun_put_integrity(it_buf *b, const it_hmac_key *key)
{
    uint8_t mac[IT_SHA1_SIZE];

    /* RFC 8489 section 14.5: over all before it, the header's length as if this were the last attribute. */
    set_length(b, 4 + IT_SHA1_SIZE);
    if (b->overflow)
        return;
    it_hmac_sha1(key, mac, it_bytes_of(b->p, b->len), it_bytes_of(NULL, 0));
    it_stun_put(b, IT_STUN_MESSAGE_INTEGRITY, it_bytes_of(mac, sizeof(mac)));
}

void it_stun_put_integrity_sha256(it_buf *b, const it_hmac_key *key)
{
    uint8_t mac[IT_SHA256_SIZE];

    /* RFC 8489 section 14.6: the same with SHA-256; never truncated, since no usage here allows that. */
    set_length(b, 4 + IT_SHA256_SIZE);
    if (b->overflow)
        return;
    it_hmac_sha256(key, mac, it_bytes_of(b->p, b->len), it_bytes_of(NULL, 0));
    it_stun_put(b, IT_STUN_MESSAGE_INTEGRITY_SHA256, it_bytes_of(mac, sizeof(mac)));
}

void it_stun_put_fingerprint(it_buf *b)
{
    /* RFC 8489 section 14.7: the length already counts the attribute itself. */
    set_length(b, 8);
    if (!b->overflow)
        it_stun_put_u32(b, IT_STUN_FINGERPRINT, it_crc32(b->p, b->len) ^ IT_STUN_FINGERPRINT_XOR);
}

int it_stun_end(it_buf *b)
{
    set_length(b, 0);
    return b->overflow ? IT_ERR_FULL : (int)b->len;
}
