/* Reading and writing DNS messages. */
#include "stack/dns/msg.h"

#include <string.h>

#define HEADER 12
#define JUMPS 32 /* compression pointers in one name */

enum { QR = 0x8000, AA = 0x400, TC = 0x200, RD = 0x100, RA = 0x80, AD = 0x20, CD = 0x10, EDNS_DO = 0x8000 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool it_dns_same(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == 0 && *b == 0;
}

bool it_dns_name_ok(const char *name)
{
    size_t n = strlen(name), label = 0;
    if (n > 253)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '.' ? label == 0 : !letter(lower(name[i])) || label == 63)
            return false;
        label = name[i] == '.' ? 0 : label + 1;
    }
    return n == 0 || label > 0;
}

/* --- reading --- */

/* Reads the name at |*at| and moves |*at| behind it. RFC 1035 section 4.1.4. */
static int read_name(it_bytes raw, size_t *at, char out[IT_DNS_NAME])
{
    size_t i = *at, end = 0, n = 0, before = raw.n;
    for (int jumps = 0;;) {
        if (i >= raw.n)
            return IT_ERR_PARSE;
        uint8_t len = raw.p[i];
        if ((len & 0xc0) == 0xc0) {
            if (i + 2 > raw.n || ++jumps > JUMPS)
                return IT_ERR_PARSE;
            size_t to = (size_t)it_get16(raw.p + i) & 0x3fff;
            end = end ? end : i + 2;
            if (to >= i || to >= before) /* backwards, ever further: no loops */
                return IT_ERR_PARSE;
            before = i = to;
            continue;
        }
        if (len & 0xc0 || i + 1 + len > raw.n)
            return IT_ERR_PARSE;
        i++;
        if (len == 0)
            break;
        if (n + len + 2 > IT_DNS_NAME)
            return IT_ERR_PARSE;
        if (n)
            out[n++] = '.';
        for (uint8_t k = 0; k < len; k++) {
            char c = lower((char)raw.p[i + k]);
            if (!letter(c))
                return IT_ERR_PARSE;
            out[n++] = c;
        }
        i += len;
    }
    out[n] = 0;
    *at = end ? end : i;
    return 0;
}

static int read_addr(it_dns_rr *rr, size_t n)
{
    if (rr->data.n != n)
        return IT_ERR_PARSE;
    rr->ip = it_ip_from_bytes(rr->data.p, n);
    return 0;
}

/* What follows the first name of a SOA, up to |end|: another name and five numbers. RFC 1035 section 3.3.13. */
static int read_soa(it_bytes raw, size_t *at, size_t end, it_dns_rr *rr)
{
    char other[IT_DNS_NAME];
    int err = read_name(raw, at, other);
    if (err == 0 && *at + 20 == end)
        rr->minimum = it_get32(raw.p + *at + 16);
    *at += 20;
    return err;
}

/* Reads what the type of |rr|, whose data begins at |at|, says. */
static int read_data(it_bytes raw, size_t at, it_dns_rr *rr)
{
    size_t end = at + rr->data.n;
    switch (rr->type) {
    case IT_DNS_A:
        return read_addr(rr, 4);
    case IT_DNS_AAAA:
        return read_addr(rr, 16);
    case IT_DNS_CNAME:
    case IT_DNS_NS:
    case IT_DNS_PTR:
    case IT_DNS_SOA:
        break;
    default:
        return 0;
    }
    int err = read_name(raw, &at, rr->target);
    if (err == 0 && rr->type == IT_DNS_SOA)
        err = read_soa(raw, &at, end, rr);
    return err < 0 || at != end ? IT_ERR_PARSE : 0;
}

/* The record at |*at|. */
static int read_rr(it_bytes raw, size_t *at, it_dns_rr *rr)
{
    memset(rr, 0, sizeof *rr);
    if (read_name(raw, at, rr->name) < 0 || *at + 10 > raw.n)
        return IT_ERR_PARSE;
    const uint8_t *p = raw.p + *at;
    size_t n = it_get16(p + 8);
    *at += 10;
    if (*at + n > raw.n)
        return IT_ERR_PARSE;
    rr->type = it_get16(p);
    rr->class = it_get16(p + 2);
    rr->ttl = it_get32(p + 4);
    rr->data = it_bytes_of(raw.p + *at, n);
    int err = read_data(raw, *at, rr);
    *at += n;
    return err;
}

static void read_opt(it_dns_msg *m, const it_dns_rr *rr)
{
    m->edns = true;
    m->dnssec = (rr->ttl & EDNS_DO) != 0;
    if (rr->class > IT_DNS_SIZE)
        m->size = rr->class;
}

int it_dns_parse(it_dns_msg *m, it_bytes raw)
{
    it_dns_rr rr;
    memset(m, 0, sizeof *m);
    if (raw.n < HEADER || it_get16(raw.p + 4) != 1)
        return IT_ERR_PARSE;
    uint16_t flags = it_get16(raw.p + 2);
    m->raw = raw;
    m->id = it_get16(raw.p);
    m->response = flags & QR;
    m->opcode = (uint8_t)(flags >> 11 & 15);
    m->aa = flags & AA;
    m->tc = flags & TC;
    m->rd = flags & RD;
    m->ra = flags & RA;
    m->ad = flags & AD;
    m->cd = flags & CD;
    m->rcode = flags & 15;
    m->size = IT_DNS_SIZE;
    size_t at = HEADER;
    if (read_name(raw, &at, m->name) < 0 || at + 4 > raw.n)
        return IT_ERR_PARSE;
    m->type = it_get16(raw.p + at);
    m->class = it_get16(raw.p + at + 2);
    m->records = at += 4;
    uint32_t n = 0;
    for (int i = 0; i < 3; i++) {
        m->count[i] = it_get16(raw.p + 6 + 2 * i);
        n += m->count[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        if (read_rr(raw, &at, &rr) < 0)
            return IT_ERR_PARSE;
        if (rr.type == IT_DNS_OPT)
            read_opt(m, &rr);
    }
    return at == raw.n ? 0 : IT_ERR_PARSE;
}

bool it_dns_next(const it_dns_msg *m, size_t *pos, it_dns_rr *rr)
{
    /* |*pos|: the offset in the low half, the number of records before in the high one. */
    size_t at = *pos & 0xffff, n = *pos >> 16;
    uint32_t total = (uint32_t)m->count[0] + m->count[1] + m->count[2];
    if (n == 0)
        at = m->records;
    if (n >= total || read_rr(m->raw, &at, rr) < 0)
        return false;
    rr->section = n < m->count[0]                         ? IT_DNS_ANSWER
                  : n < (size_t)m->count[0] + m->count[1] ? IT_DNS_AUTHORITY
                                                          : IT_DNS_ADDITIONAL;
    *pos = (n + 1) << 16 | at;
    return true;
}

/* --- writing --- */

static void put_name(it_buf *b, const char *name)
{
    while (*name) {
        const char *dot = strchr(name, '.');
        size_t n = dot ? (size_t)(dot - name) : strlen(name);
        it_buf_u8(b, (uint8_t)n);
        it_buf_put(b, name, n);
        name += n + (dot != NULL);
    }
    it_buf_u8(b, 0);
}

/* A pointer to the question for a name equal to it. */
static void put_owner(it_dns_out *o, const char *name)
{
    if (*name && it_dns_same(name, o->name))
        it_buf_u16(&o->b, 0xc000 | HEADER);
    else
        put_name(&o->b, name);
}

static void begin_message(it_dns_out *o, void *buf, size_t cap, uint16_t id, uint16_t flags)
{
    memset(o, 0, sizeof *o);
    it_buf_init(&o->b, buf, cap);
    it_buf_u16(&o->b, id);
    it_buf_u16(&o->b, flags);
    it_buf_u16(&o->b, 1);
    it_buf_fill(&o->b, 0, 6);
}

static void question(it_dns_out *o, const char *name, uint16_t type, uint16_t class)
{
    IT_ASSERT(it_dns_name_ok(name));
    strcpy(o->name, name);
    put_name(&o->b, name);
    it_buf_u16(&o->b, type);
    it_buf_u16(&o->b, class);
}

void it_dns_query(it_dns_out *o, void *buf, size_t cap, uint16_t id, const char *name, uint16_t type)
{
    begin_message(o, buf, cap, id, RD);
    question(o, name, type, 1);
}

void it_dns_answer(it_dns_out *o, void *buf, size_t cap, const it_dns_msg *q, uint8_t rcode, bool aa)
{
    uint16_t flags = (uint16_t)(QR | q->opcode << 11 | (aa ? AA : 0) | (q->rd ? RD : 0) | (aa ? 0 : RA) |
                                (q->cd ? CD : 0) | (rcode & 15));
    begin_message(o, buf, cap, q->id, flags);
    question(o, q->name, q->type, q->class);
}

void it_dns_put(it_dns_out *o, const it_dns_rr *rr)
{
    uint8_t ip[16];
    put_owner(o, rr->name);
    it_buf_u16(&o->b, rr->type);
    it_buf_u16(&o->b, rr->class ? rr->class : 1);
    it_buf_u32(&o->b, rr->ttl);
    size_t at = o->b.len;
    it_buf_u16(&o->b, 0);
    if (rr->type == IT_DNS_A || rr->type == IT_DNS_AAAA) {
        it_buf_put(&o->b, ip, it_ip_to_bytes(rr->ip, ip));
    } else if (rr->type == IT_DNS_CNAME || rr->type == IT_DNS_NS || rr->type == IT_DNS_PTR) {
        put_name(&o->b, rr->target);
    } else if (rr->type == IT_DNS_SOA) {
        put_name(&o->b, rr->target);
        put_name(&o->b, "");
        for (int i = 0; i < 4; i++) /* serial, refresh, retry, expire: of no use to who asks */
            it_buf_u32(&o->b, 1);
        it_buf_u32(&o->b, rr->minimum);
    } else {
        it_buf_put(&o->b, rr->data.p, rr->data.n);
    }
    if (!o->b.overflow)
        it_put16(o->b.p + at, (uint16_t)(o->b.len - at - 2));
    o->count[rr->section]++;
}

void it_dns_put_opt(it_dns_out *o, uint16_t size)
{
    it_buf_u8(&o->b, 0);
    it_buf_u16(&o->b, IT_DNS_OPT);
    it_buf_u16(&o->b, size);
    it_buf_u32(&o->b, 0);
    it_buf_u16(&o->b, 0);
    o->count[IT_DNS_ADDITIONAL]++;
}

it_bytes it_dns_end(it_dns_out *o)
{
    if (o->b.overflow)
        return it_bytes_of(NULL, 0);
    for (int i = 0; i < 3; i++)
        it_put16(o->b.p + 6 + 2 * i, o->count[i]);
    return it_bytes_of(o->b.p, o->b.len);
}
