/* The attribute table and the typed getters that it drives: a new attribute is a row here and nothing else. */
#include "stack/stun/msg.h"

#define TEXT IT_STUN_TEXT_MAX
#define READ IT_STUN_REASON_MAX
#define BIG 65532 /* the largest message length that is a multiple of 4 */

/* In ascending order of type: searched by halves. Columns as it_stun_attr_spec. */
static const it_stun_attr_spec TABLE[] = {
    {IT_STUN_MAPPED_ADDRESS, "MAPPED-ADDRESS", IT_STUN_SHAPE_ADDR, 8, 20, 20, 4, "RFC 8489 section 14.1"},
    {IT_STUN_CHANGE_REQUEST, "CHANGE-REQUEST", IT_STUN_SHAPE_U32, 4, 4, 4, 4, "RFC 5780 section 7.2"},
    {IT_STUN_SOURCE_ADDRESS, "SOURCE-ADDRESS", IT_STUN_SHAPE_ADDR, 8, 20, 20, 4, "RFC 3489 section 11.2.5"},
    {IT_STUN_CHANGED_ADDRESS, "CHANGED-ADDRESS", IT_STUN_SHAPE_ADDR, 8, 20, 20, 4, "RFC 3489 section 11.2.3"},
    {IT_STUN_USERNAME, "USERNAME", IT_STUN_SHAPE_TEXT, 0, READ, IT_STUN_USERNAME_MAX, 1, "RFC 8489 section 14.3"},
    {IT_STUN_MESSAGE_INTEGRITY, "MESSAGE-INTEGRITY", IT_STUN_SHAPE_BYTES, 20, 20, 20, 4, "RFC 8489 section 14.5"},
    {IT_STUN_ERROR_CODE, "ERROR-CODE", IT_STUN_SHAPE_ERROR, 4, 4 + READ, 4 + TEXT, 1, "RFC 8489 section 14.8"},
    {IT_STUN_UNKNOWN_ATTRIBUTES, "UNKNOWN-ATTRIBUTES", IT_STUN_SHAPE_TYPES, 0, BIG, BIG, 2, "RFC 8489 section 14.13"},
    {IT_STUN_CHANNEL_NUMBER, "CHANNEL-NUMBER", IT_STUN_SHAPE_U16, 4, 4, 4, 4, "RFC 8656 section 18.1"},
    {IT_STUN_LIFETIME, "LIFETIME", IT_STUN_SHAPE_U32, 4, 4, 4, 4, "RFC 8656 section 18.2"},
    {IT_STUN_XOR_PEER_ADDRESS, "XOR-PEER-ADDRESS", IT_STUN_SHAPE_XADDR, 8, 20, 20, 4, "RFC 8656 section 18.3"},
    {IT_STUN_DATA_ATTR, "DATA", IT_STUN_SHAPE_BYTES, 0, BIG, BIG, 1, "RFC 8656 section 18.4"},
    {IT_STUN_REALM, "REALM", IT_STUN_SHAPE_TEXT, 0, READ, TEXT, 1, "RFC 8489 section 14.9"},
    {IT_STUN_NONCE, "NONCE", IT_STUN_SHAPE_TEXT, 0, READ, TEXT, 1, "RFC 8489 section 14.10"},
    {IT_STUN_XOR_RELAYED_ADDRESS, "XOR-RELAYED-ADDRESS", IT_STUN_SHAPE_XADDR, 8, 20, 20, 4, "RFC 8656 section 18.5"},
    {IT_STUN_REQUESTED_ADDRESS_FAMILY, "REQUESTED-ADDRESS-FAMILY", IT_STUN_SHAPE_U8, 4, 4, 4, 4,
     "RFC 8656 section 18.6"},
    {IT_STUN_EVEN_PORT, "EVEN-PORT", IT_STUN_SHAPE_U8, 1, 1, 1, 1, "RFC 8656 section 18.7"},
    {IT_STUN_REQUESTED_TRANSPORT, "REQUESTED-TRANSPORT", IT_STUN_SHAPE_U8, 4, 4, 4, 4, "RFC 8656 section 18.8"},
    {IT_STUN_DONT_FRAGMENT, "DONT-FRAGMENT", IT_STUN_SHAPE_FLAG, 0, 0, 0, 1, "RFC 8656 section 18.9"},
    {IT_STUN_MESSAGE_INTEGRITY_SHA256, "MESSAGE-INTEGRITY-SHA256", IT_STUN_SHAPE_BYTES, 16, 32, 32, 4,
     "RFC 8489 section 14.6"},
    {IT_STUN_PASSWORD_ALGORITHM, "PASSWORD-ALGORITHM", IT_STUN_SHAPE_ALGOS, 4, BIG, TEXT, 1, "RFC 8489 section 14.12"},
    {IT_STUN_USERHASH, "USERHASH", IT_STUN_SHAPE_BYTES, 32, 32, 32, 4, "RFC 8489 section 14.4"},
    {IT_STUN_XOR_MAPPED_ADDRESS, "XOR-MAPPED-ADDRESS", IT_STUN_SHAPE_XADDR, 8, 20, 20, 4, "RFC 8489 section 14.2"},
    {IT_STUN_RESERVATION_TOKEN, "RESERVATION-TOKEN", IT_STUN_SHAPE_BYTES, 8, 8, 8, 4, "RFC 8656 section 18.10"},
    {IT_STUN_PRIORITY, "PRIORITY", IT_STUN_SHAPE_U32, 4, 4, 4, 4, "RFC 8445 section 16.1"},
    {IT_STUN_USE_CANDIDATE, "USE-CANDIDATE", IT_STUN_SHAPE_FLAG, 0, 0, 0, 1, "RFC 8445 section 16.1"},
    {IT_STUN_PADDING, "PADDING", IT_STUN_SHAPE_BYTES, 0, BIG, BIG, 1, "RFC 5780 section 7.6"},
    {IT_STUN_RESPONSE_PORT, "RESPONSE-PORT", IT_STUN_SHAPE_U16, 2, 4, 4, 2, "RFC 5780 section 7.5"},
    {IT_STUN_CONNECTION_ID, "CONNECTION-ID", IT_STUN_SHAPE_U32, 4, 4, 4, 4, "RFC 6062 section 6.2.1"},
    {IT_STUN_ADDITIONAL_ADDRESS_FAMILY, "ADDITIONAL-ADDRESS-FAMILY", IT_STUN_SHAPE_U8, 4, 4, 4, 4,
     "RFC 8656 section 18.11"},
    {IT_STUN_ADDRESS_ERROR_CODE, "ADDRESS-ERROR-CODE", IT_STUN_SHAPE_ERROR, 4, 4 + READ, 4 + TEXT, 1,
     "RFC 8656 section 18.12"},
    {IT_STUN_PASSWORD_ALGORITHMS, "PASSWORD-ALGORITHMS", IT_STUN_SHAPE_ALGOS, 0, BIG, TEXT, 1,
     "RFC 8489 section 14.11"},
    {IT_STUN_ALTERNATE_DOMAIN, "ALTERNATE-DOMAIN", IT_STUN_SHAPE_TEXT, 0, 255, 255, 1, "RFC 8489 section 14.16"},
    {IT_STUN_ICMP, "ICMP", IT_STUN_SHAPE_BYTES, 8, 8, 8, 4, "RFC 8656 section 18.13"},
    {IT_STUN_SOFTWARE, "SOFTWARE", IT_STUN_SHAPE_TEXT, 0, READ, TEXT, 1, "RFC 8489 section 14.14"},
    {IT_STUN_ALTERNATE_SERVER, "ALTERNATE-SERVER", IT_STUN_SHAPE_ADDR, 8, 20, 20, 4, "RFC 8489 section 14.15"},
    {IT_STUN_FINGERPRINT, "FINGERPRINT", IT_STUN_SHAPE_U32, 4, 4, 4, 4, "RFC 8489 section 14.7"},
    {IT_STUN_ICE_CONTROLLED, "ICE-CONTROLLED", IT_STUN_SHAPE_U64, 8, 8, 8, 4, "RFC 8445 section 16.1"},
    {IT_STUN_ICE_CONTROLLING, "ICE-CONTROLLING", IT_STUN_SHAPE_U64, 8, 8, 8, 4, "RFC 8445 section 16.1"},
    {IT_STUN_RESPONSE_ORIGIN, "RESPONSE-ORIGIN", IT_STUN_SHAPE_ADDR, 8, 20, 20, 4, "RFC 5780 section 7.3"},
    {IT_STUN_OTHER_ADDRESS, "OTHER-ADDRESS", IT_STUN_SHAPE_ADDR, 8, 20, 20, 4, "RFC 5780 section 7.4"},
    {IT_STUN_MOBILITY_TICKET, "MOBILITY-TICKET", IT_STUN_SHAPE_BYTES, 0, BIG, BIG, 1, "RFC 8016 section 3.5"},
    {IT_STUN_NOMINATION, "NOMINATION", IT_STUN_SHAPE_U32, 4, 4, 4, 4, "draft-thatcher-ice-renomination"},
    {IT_STUN_DTLS_IN_STUN, "DTLS-IN-STUN-DATA", IT_STUN_SHAPE_BYTES, 0, BIG, BIG, 1, "draft-hancke-webrtc-sped-00"},
    {IT_STUN_DTLS_IN_STUN_ACK, "DTLS-IN-STUN-ACK", IT_STUN_SHAPE_BYTES, 0, BIG, BIG, 1, "draft-hancke-webrtc-sped-00"},
};

#define ROWS (sizeof(TABLE) / sizeof(TABLE[0]))

const it_stun_attr_spec *it_stun_attr_find(uint16_t type)
{
    size_t lo = 0, hi = ROWS;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (TABLE[mid].type == type)
            return &TABLE[mid];
        if (TABLE[mid].type < type)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const it_stun_attr_spec *it_stun_attr_at(size_t i)
{
    return i < ROWS ? &TABLE[i] : NULL;
}

int it_stun_shape_width(enum it_stun_shape shape)
{
    switch (shape) {
    case IT_STUN_SHAPE_FLAG:
        return 0;
    case IT_STUN_SHAPE_U8:
        return 1;
    case IT_STUN_SHAPE_U16:
        return 2;
    case IT_STUN_SHAPE_U32:
        return 4;
    case IT_STUN_SHAPE_U64:
        return 8;
    default:
        return -1;
    }
}

const it_stun_attr *it_stun_get(const it_stun_msg *m, uint16_t type)
{
    /* RFC 8489 section 14: only the first of a type counts. */
    for (uint32_t i = 0; i < m->n_attrs; i++)
        if (m->attrs[i].type == type)
            return &m->attrs[i];
    return NULL;
}

/* The first attribute of |type| and its row; 0, IT_ERR_NOTFOUND, or IT_ERR_PARSE for a type outside the table. */
static int attr_lookup(const it_stun_msg *m, uint16_t type, const it_stun_attr **a, const it_stun_attr_spec **spec)
{
    *a = it_stun_get(m, type);
    if (!*a)
        return IT_ERR_NOTFOUND;
    *spec = it_stun_attr_find(type);
    return *spec ? 0 : IT_ERR_PARSE;
}

int it_stun_get_addr(const it_stun_msg *m, uint16_t type, it_addr *a)
{
    const it_stun_attr *attr;
    const it_stun_attr_spec *spec;
    int err = attr_lookup(m, type, &attr, &spec);
    uint8_t v[20];
    size_t n;

    if (err)
        return err;
    if (spec->shape != IT_STUN_SHAPE_ADDR && spec->shape != IT_STUN_SHAPE_XADDR)
        return IT_ERR_PARSE;
    /* RFC 8489 section 14.1: the first byte is ignored, family 1 has 32 bits, family 2 has 128. */
    n = attr->value.n;
    if (n < 8 || n > sizeof v || n != (attr->value.p[1] == 1 ? 8u : attr->value.p[1] == 2 ? 20u : 0u))
        return IT_ERR_PARSE;
    memcpy(v, attr->value.p, n);
    if (spec->shape == IT_STUN_SHAPE_XADDR) {
        /* RFC 8489 section 14.2: the port against the cookie's first half, the address against cookie and transaction
         * id, in a row at byte 4 of the header. */
        v[2] ^= m->raw.p[4];
        v[3] ^= m->raw.p[5];
        for (size_t i = 4; i < n && i < sizeof v; i++) /* gcc -O3 does not see that n is 8 or 20 */
            v[i] ^= m->raw.p[i];
    }
    a->port = it_get16(v + 2);
    a->ip = it_ip_from_bytes(v + 4, n - 4);
    return 0;
}

/* The number at the front of the first attribute of |type|, whose shape must be at least |min_width| and at most
 * |max_width|. */
static int get_number(const it_stun_msg *m, uint16_t type, int min_width, int max_width, uint64_t *v)
{
    const it_stun_attr *attr;
    const it_stun_attr_spec *spec;
    int err = attr_lookup(m, type, &attr, &spec);
    int width;

    if (err)
        return err;
    width = it_stun_shape_width(spec->shape);
    if (width < min_width || width > max_width || attr->value.n < (size_t)width)
        return IT_ERR_PARSE;
    *v = 0;
    for (int i = 0; i < width; i++)
        *v = *v << 8 | attr->value.p[i];
    return 0;
}

int it_stun_get_u32(const it_stun_msg *m, uint16_t type, uint32_t *v)
{
    uint64_t wide = 0;
    int err = get_number(m, type, 1, 4, &wide);

    if (!err)
        *v = (uint32_t)wide;
    return err;
}

int it_stun_get_u64(const it_stun_msg *m, uint16_t type, uint64_t *v)
{
    return get_number(m, type, 8, 8, v);
}

int it_stun_get_error(const it_stun_msg *m, int *code, it_bytes *reason)
{
    const it_stun_attr *a = it_stun_get(m, IT_STUN_ERROR_CODE);
    int cls, number;

    if (!a)
        return IT_ERR_NOTFOUND;
    if (a->value.n < 4)
        return IT_ERR_PARSE;
    /* RFC 8489 section 14.8: reserved bits are ignored, the class is 3 to 6, the number 0 to 99. */
    cls = a->value.p[2] & 7;
    number = a->value.p[3];
    if (cls < 3 || cls > 6 || number > 99)
        return IT_ERR_PARSE;
    *code = cls * 100 + number;
    if (reason)
        *reason = it_bytes_of(a->value.p + 4, a->value.n - 4);
    return 0;
}

int it_stun_get_algos(const it_stun_msg *m, uint16_t type, uint16_t *out, int cap)
{
    const it_stun_attr *a;
    const it_stun_attr_spec *spec;
    int err = attr_lookup(m, type, &a, &spec);
    int n = 0;
    it_rd r;

    if (err)
        return err;
    if (spec->shape != IT_STUN_SHAPE_ALGOS)
        return IT_ERR_PARSE;
    it_rd_init(&r, a->value);
    while (r.n > 0) {
        uint16_t algo = it_rd_u16(&r);
        size_t params = it_rd_u16(&r);

        /* RFC 8489 section 14.11: parameters are padded to 32 bits. The last one's padding may be missing: the
         * attribute's length is counted before its padding. */
        it_rd_take(&r, params);
        if (!r.fail && r.n > 0)
            it_rd_take(&r, (4 - params % 4) % 4 < r.n ? (4 - params % 4) % 4 : r.n);
        if (r.fail)
            return IT_ERR_PARSE;
        if (n < cap)
            out[n] = algo;
        n++;
    }
    return n;
}

int it_stun_get_types(const it_stun_msg *m, uint16_t type, uint16_t *out, int cap)
{
    const it_stun_attr *a;
    const it_stun_attr_spec *spec;
    int err = attr_lookup(m, type, &a, &spec);
    int n;

    if (err)
        return err;
    if (spec->shape != IT_STUN_SHAPE_TYPES || a->value.n % 2 != 0)
        return IT_ERR_PARSE;
    n = (int)(a->value.n / 2);
    for (int i = 0; i < n && i < cap; i++)
        out[i] = it_get16(a->value.p + 2 * i);
    return n;
}
