/* Reading and writing NAT-PMP and PCP. */
#include "stack/portmap/msg.h"

#include <string.h>

enum { HEADER = 24, MAP_SIZE = 36, PEER_SIZE = 56, RESPONSE = 0x80 };
enum { OPT_THIRD_PARTY = 1, OPT_PREFER_FAILURE = 2, OPT_FILTER = 3, OPT_OPTIONAL = 0x80 };

/* --- reading --- */

static int refuse(it_portmap_msg *m, uint8_t result)
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
        return refuse(m, 5); /* section 3.5: unsupported opcode */
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

/* RFC 6887 section 7.3. */
static int parse_options(it_portmap_msg *m, it_bytes raw, size_t at)
{
    while (at < raw.n) {
        if (at + 4 > raw.n)
            return refuse(m, IT_PORTMAP_MALFORMED_OPTION);
        uint8_t code = raw.p[at];
        size_t n = it_get16(raw.p + at + 2);
        if (at + 4 + n > raw.n)
            return refuse(m, IT_PORTMAP_MALFORMED_OPTION);
        m->third_party |= code == OPT_THIRD_PARTY;
        m->prefer_failure |= code == OPT_PREFER_FAILURE;
        m->filter |= code == OPT_FILTER;
        if (code < OPT_OPTIONAL && code != OPT_PREFER_FAILURE)
            return refuse(m, IT_PORTMAP_UNSUPP_OPTION);
        at += 4 + (n + 3) / 4 * 4;
    }
    return 0;
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
    if (raw.n > IT_PORTMAP_MAX || raw.n % 4)
        return refuse(m, IT_PORTMAP_MALFORMED);
    if (m->op > IT_PORTMAP_PEER)
        return refuse(m, IT_PORTMAP_UNSUPP_OPCODE);
    size_t size = m->op == IT_PORTMAP_MAP ? MAP_SIZE : m->op == IT_PORTMAP_PEER ? PEER_SIZE : 0;
    if (raw.n < HEADER + size)
        return refuse(m, IT_PORTMAP_MALFORMED);
    if (size) {
        const uint8_t *b = p + HEADER;
        memcpy(m->nonce, b, 12);
        m->proto = b[12];
        m->internal = it_get16(b + 16);
        m->external = it_addr_of(it_ip_from_bytes(b + 20, 16), it_get16(b + 18));
        if (m->op == IT_PORTMAP_PEER)
            m->peer = it_addr_of(it_ip_from_bytes(b + 40, 16), it_get16(b + 36));
    }
    return m->response ? 0 : parse_options(m, raw, HEADER + size);
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
    return refuse(m, IT_PORTMAP_UNSUPP_VERSION);
}

/* --- writing --- */

static void write_pmp(it_buf *b, const it_portmap_msg *m)
{
    uint8_t op = m->op == IT_PORTMAP_ANNOUNCE ? 0 : m->proto == 6 ? 2 : 1;
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
    if (m->prefer_failure && !m->response) {
        it_buf_u8(b, OPT_PREFER_FAILURE);
        it_buf_fill(b, 0, 3);
    }
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
