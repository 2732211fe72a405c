/* Reading and writing NAT-PMP and PCP. */
#include "stack/portmap/msg.h"

#include <string.h>

enum { HEADER = 24, MAP_SIZE = 36, PEER_SIZE = 56, RESPONSE = 0x80 };
enum { OPT_THIRD_PARTY = 1, OPT_PREFER_FAILURE = 2, OPT_FILTER = 3, OPT_OPTIONAL = 0x80 };

/* --- reading --- */

static int refuse_message(it_portmap_msg *m, uint8_t result)
{
    m->result = result;
    return IT_ERR_UNSUPPORTED;
}

/* RFC 6886 sections 3.2, 3.3. */
static int parse_pmp(it_portmap_msg *m, it_bytes raw)
{
    const uint8_t *p = raw.p;
    uint8_t op = p[1] & 0x7f;
    m->op = op == 0 ? IT_PORTMAP_ANNOUNCE : IT_PORTMAP_MAP;
    m->proto = op == 2 ? 6 : 17;
    if (op > 2)
        return refuse_message(m, 5); /* section 3.5: unsupported opcode */
    if (!m->response) {
        if (raw.n < (op ? 12u : 2u))
            return IT_ERR_PARSE;
        if (op) {
            m->internal = it_get16(p + 4);
            m->external.port = it_get16(p + 6);
            m->lifetime = it_get32(p + 8);
        }
        return 0;
    }
    if (raw.n < 8 || (it_get16(p + 2) == 0 && raw.n < (op ? 16u : 12u)))
        return IT_ERR_PARSE;
    m->result = (uint8_t)it_get16(p + 2);
    m->epoch = it_get32(p + 4);
    if (op == 0 && raw.n >= 12) {
        m->external.ip = it_ip4(it_get32(p + 8));
    } else if (raw.n >= 16) {
        m->internal = it_get16(p + 8);
        m->external.port = it_get16(p + 10);
        m->lifetime = it_get32(p + 12);
    }
    return 0;
}

/* The option at |*at| of |raw|, cut off: false at the end. The structure has been checked, or the rest is no option. */
static bool next_option(it_bytes raw, size_t *at, uint8_t *code, it_bytes *data)
{
    if (*at + 4 > raw.n)
        return false;
    size_t n = it_get16(raw.p + *at + 2);
    if (*at + 4 + n > raw.n)
        return false;
    *code = raw.p[*at];
    *data = it_bytes_of(raw.p + *at + 4, n);
    *at += 4 + (n + 3) / 4 * 4;
    return true;
}

/* Section 13.1. */
static int third_party(it_portmap_msg *m, it_bytes d)
{
    if (d.n != 16 || m->third_party || m->op == IT_PORTMAP_ANNOUNCE)
        return refuse_message(m, IT_PORTMAP_MALFORMED_OPTION);
    m->third_party = true;
    m->third = it_ip_from_bytes(d.p, 16);
    return 0;
}

/* Section 13.2; 11.3: with a lifetime of 0 it makes no sense. */
static int prefer_failure(it_portmap_msg *m, it_bytes d)
{
    if (m->op == IT_PORTMAP_PEER)
        return refuse_message(m, IT_PORTMAP_MALFORMED); /* section 12.1 */
    if (d.n || m->prefer_failure || m->op == IT_PORTMAP_ANNOUNCE || m->lifetime == 0 || m->external.port == 0)
        return refuse_message(m, IT_PORTMAP_MALFORMED_OPTION);
    m->prefer_failure = true;
    return 0;
}

/* Section 13.3. */
static int filter(it_portmap_msg *m, it_bytes d)
{
    if (d.n != 20 || m->op != IT_PORTMAP_MAP || m->lifetime == 0)
        return refuse_message(m, IT_PORTMAP_MALFORMED_OPTION);
    it_portmap_filter f = {{it_ip_from_bytes(d.p + 4, 16), d.p[1]}, it_get16(d.p + 2)};
    if (f.who.bits == 0) {
        /* "no filter": also those that came before it in this request. */
        m->unfilter = true;
        m->n_filters = 0;
        return 0;
    }
    if (f.who.bits > 128 || (it_ip_is4(f.who.ip) && f.who.bits < 96) || m->n_filters == IT_PORTMAP_FILTERS)
        return refuse_message(m, IT_PORTMAP_MALFORMED_OPTION);
    m->filters[m->n_filters++] = f;
    return 0;
}

/* RFC 6887 section 7.3: the structure of all options first, then each in its turn. */
static int parse_options(it_portmap_msg *m, it_bytes raw, size_t from)
{
    uint8_t code;
    it_bytes d;
    size_t at = from;
    while (next_option(raw, &at, &code, &d))
        ;
    if (at < raw.n)
        return refuse_message(m, IT_PORTMAP_MALFORMED_OPTION);
    at = from;
    while (next_option(raw, &at, &code, &d)) {
        int err = code == OPT_THIRD_PARTY      ? third_party(m, d)
                  : code == OPT_PREFER_FAILURE ? prefer_failure(m, d)
                  : code == OPT_FILTER         ? filter(m, d)
                  : code < OPT_OPTIONAL        ? refuse_message(m, IT_PORTMAP_UNSUPP_OPTION)
                                               : 0;
        if (err < 0)
            return err;
    }
    return 0;
}

static size_t size_of(uint8_t op)
{
    return op == IT_PORTMAP_MAP ? MAP_SIZE : op == IT_PORTMAP_PEER ? PEER_SIZE : 0;
}

/* Section 13.1: of a response, whose mapping it tells of. */
static void find_third(it_portmap_msg *m, it_bytes raw, size_t at)
{
    uint8_t code;
    it_bytes d;
    while (next_option(raw, &at, &code, &d)) {
        if (code != OPT_THIRD_PARTY || d.n != 16)
            continue;
        m->third_party = true;
        m->third = it_ip_from_bytes(d.p, 16);
    }
}

/* Sections 7.1, 7.2. */
static int parse_pcp(it_portmap_msg *m, it_bytes raw)
{
    const uint8_t *p = raw.p;
    if (raw.n < HEADER)
        return IT_ERR_PARSE;
    m->op = p[1] & 0x7f;
    m->lifetime = it_get32(p + 4);
    if (m->response) {
        m->result = p[3];
        m->epoch = it_get32(p + 8);
    } else {
        m->client = it_ip_from_bytes(p + 8, 16);
    }
    size_t size = size_of(m->op);
    bool wrong = raw.n > IT_PORTMAP_MAX || raw.n % 4 || raw.n < HEADER + size;
    if (wrong || (m->response && m->op > IT_PORTMAP_PEER))
        return m->response ? IT_ERR_PARSE
                           : refuse_message(m, IT_PORTMAP_MALFORMED); /* section 8.3: such a response is ignored */
    if (m->op > IT_PORTMAP_PEER)
        return refuse_message(m, IT_PORTMAP_UNSUPP_OPCODE);
    if (size) {
        const uint8_t *b = p + HEADER;
        memcpy(m->nonce, b, 12);
        m->proto = b[12];
        m->internal = it_get16(b + 16);
        m->external = it_addr_of(it_ip_from_bytes(b + 20, 16), it_get16(b + 18));
        if (m->op == IT_PORTMAP_PEER)
            m->peer = it_addr_of(it_ip_from_bytes(b + 40, 16), it_get16(b + 36));
    }
    if (!m->response)
        return parse_options(m, raw, HEADER + size);
    find_third(m, raw, HEADER + size);
    return 0;
}

int it_portmap_parse(it_portmap_msg *m, it_bytes raw)
{
    memset(m, 0, sizeof *m);
    if (raw.n < 2)
        return IT_ERR_PARSE;
    m->version = raw.p[0];
    m->response = (raw.p[1] & RESPONSE) != 0;
    if (m->version == IT_PORTMAP_NATPMP)
        return parse_pmp(m, raw);
    if (m->version == IT_PORTMAP_PCP)
        return parse_pcp(m, raw);
    m->op = raw.p[1] & 0x7f;
    return refuse_message(m, IT_PORTMAP_UNSUPP_VERSION);
}

/* --- writing --- */

/* RFC 6886 sections 3.2, 3.3: the address, a UDP or a TCP mapping. */
static uint8_t pmp_opcode(const it_portmap_msg *m)
{
    if (m->op == IT_PORTMAP_ANNOUNCE)
        return 0;
    return m->proto == 6 ? 2 : 1;
}

static void write_pmp(it_buf *b, const it_portmap_msg *m)
{
    uint8_t op = pmp_opcode(m);
    it_buf_u8(b, 0);
    it_buf_u8(b, (uint8_t)(op | (m->response ? RESPONSE : 0)));
    if (!m->response && op == 0)
        return;
    it_buf_u16(b, m->response ? m->result : 0);
    if (m->response)
        it_buf_u32(b, m->epoch);
    if (op == 0) {
        it_buf_u32(b, it_ip_is4(m->external.ip) ? it_ip_v4(m->external.ip) : 0);
        return;
    }
    it_buf_u16(b, m->internal);
    it_buf_u16(b, m->external.port);
    it_buf_u32(b, m->lifetime);
}

static void put_ip(it_buf *b, it_ip ip)
{
    it_buf_u64(b, ip.hi);
    it_buf_u64(b, ip.lo);
}

static void put_option(it_buf *b, uint8_t code, uint16_t n)
{
    it_buf_u8(b, code);
    it_buf_u8(b, 0);
    it_buf_u16(b, n);
}

static void put_filter(it_buf *b, const it_portmap_filter *f)
{
    put_option(b, OPT_FILTER, 20);
    it_buf_u8(b, 0);
    it_buf_u8(b, f->who.bits);
    it_buf_u16(b, f->port);
    put_ip(b, f->who.ip);
}

static void put_options(it_buf *b, const it_portmap_msg *m)
{
    static const it_portmap_filter NONE = {{{0, 0}, 0}, 0};
    if (m->third_party) {
        put_option(b, OPT_THIRD_PARTY, 16);
        put_ip(b, m->third);
    }
    if (m->response)
        return;
    if (m->prefer_failure)
        put_option(b, OPT_PREFER_FAILURE, 0);
    if (m->unfilter)
        put_filter(b, &NONE);
    for (size_t i = 0; i < m->n_filters; i++)
        put_filter(b, &m->filters[i]);
}

static void write_pcp(it_buf *b, const it_portmap_msg *m)
{
    it_buf_u8(b, IT_PORTMAP_PCP);
    it_buf_u8(b, (uint8_t)(m->op | (m->response ? RESPONSE : 0)));
    it_buf_u8(b, 0);
    it_buf_u8(b, m->response ? m->result : 0);
    it_buf_u32(b, m->lifetime);
    if (m->response) {
        it_buf_u32(b, m->epoch);
        it_buf_fill(b, 0, 12);
    } else {
        put_ip(b, m->client);
    }
    if (m->op == IT_PORTMAP_ANNOUNCE)
        return;
    it_buf_put(b, m->nonce, 12);
    it_buf_u8(b, m->proto);
    it_buf_fill(b, 0, 3);
    it_buf_u16(b, m->internal);
    it_buf_u16(b, m->external.port);
    put_ip(b, m->external.ip);
    if (m->op == IT_PORTMAP_PEER) {
        it_buf_u16(b, m->peer.port);
        it_buf_u16(b, 0);
        put_ip(b, m->peer.ip);
    }
    put_options(b, m);
}

/* Section 8.2. The reserved fields of the header are 0 in a response. */
static it_bytes copy_as_error(const it_portmap_msg *m, it_bytes request, uint8_t *buf)
{
    size_t n = request.n < IT_PORTMAP_MAX ? request.n : IT_PORTMAP_MAX, whole = (n + 3) / 4 * 4;
    whole = whole < HEADER ? HEADER : whole;
    memset(buf, 0, whole);
    memcpy(buf, request.p, n);
    buf[0] = IT_PORTMAP_PCP;
    buf[1] |= RESPONSE;
    buf[2] = 0;
    buf[3] = m->result;
    it_put32(buf + 4, m->lifetime);
    it_put32(buf + 8, m->epoch);
    memset(buf + 12, 0, 12);
    return it_bytes_of(buf, whole);
}

it_bytes it_portmap_answer(const it_portmap_msg *m, it_bytes request, uint8_t *buf, size_t cap)
{
    it_portmap_msg plain = *m;
    it_buf b;
    uint8_t code;
    it_bytes d;
    size_t at = HEADER + size_of(m->op);
    if (cap < IT_PORTMAP_MAX)
        return it_bytes_of(NULL, 0);
    if (m->result != IT_PORTMAP_OK)
        return copy_as_error(m, request, buf);
    plain.third_party = false; /* it comes with the others */
    it_buf_init(&b, buf, cap);
    write_pcp(&b, &plain);
    while (next_option(request, &at, &code, &d)) {
        if (code >= OPT_OPTIONAL)
            continue;
        put_option(&b, code, (uint16_t)d.n);
        it_buf_put(&b, d.p, d.n);
    }
    return b.overflow ? it_bytes_of(NULL, 0) : it_bytes_of(b.p, b.len);
}

it_bytes it_portmap_write(const it_portmap_msg *m, uint8_t *buf, size_t cap)
{
    it_buf b;
    it_buf_init(&b, buf, cap);
    if (m->version == IT_PORTMAP_NATPMP)
        write_pmp(&b, m);
    else
        write_pcp(&b, m);
    return b.overflow ? it_bytes_of(NULL, 0) : it_bytes_of(b.p, b.len);
}
