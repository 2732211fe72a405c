/* Reading STUN leniently. */
#include "conformance/passive/view.h"

#include <stdio.h>

bool it_pv_is(it_bytes d)
{
    return d.n >= IT_PV_HEADER && d.p[0] < 0x40 && it_get32(d.p + 4) == IT_PV_COOKIE;
}

/* RFC 3489 section 11.1: types 0x0001, 0x0101, 0x0111, the length without the header. */
bool it_pv_is_old(it_bytes d)
{
    if (d.n < IT_PV_HEADER || it_get32(d.p + 4) == IT_PV_COOKIE)
        return false;
    uint16_t type = it_get16(d.p);
    return (type == 0x0001 || type == 0x0101 || type == 0x0111) && it_get16(d.p + 2) + (size_t)IT_PV_HEADER == d.n;
}

/* The attribute at |at|, of which |left| bytes are there: how many it takes, 0 when it goes beyond the end. */
static size_t attr_read(it_pv_attr *a, const uint8_t *p, size_t at, size_t left)
{
    if (left < 4)
        return 0;
    size_t n = it_get16(p + at + 2), padded = (n + 3) & ~(size_t)3;
    if (4 + n > left)
        return 0;
    if (4 + padded > left)
        padded = left - 4;
    *a = (it_pv_attr){it_get16(p + at), (uint32_t)at, {p + at + 4, n}, {p + at + 4 + n, padded - n}};
    return 4 + padded;
}

void it_pv_read(it_pv_msg *m, it_bytes d)
{
    uint16_t type = it_get16(d.p);
    size_t says = it_get16(d.p + 2) + (size_t)IT_PV_HEADER, at = IT_PV_HEADER, step;
    *m = (it_pv_msg){.raw = {d.p, says < d.n ? says : d.n}, .txid = d.p + 8};
    m->cls = (enum it_pv_class)((type >> 4 & 1) | (type >> 7 & 2));
    m->method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
    while (at < m->raw.n && m->n < IT_PV_ATTRS) {
        step = attr_read(&m->attr[m->n], d.p, at, m->raw.n - at);
        if (step == 0)
            return;
        at += step;
        m->n++;
    }
    m->whole = at == says;
}

const it_pv_attr *it_pv_get(const it_pv_msg *m, uint16_t type)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->attr[i].type == type)
            return &m->attr[i];
    return NULL;
}

size_t it_pv_count(const it_pv_msg *m, uint16_t type)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->attr[i].type == type;
    return n;
}

bool it_pv_has(const it_pv_msg *m, uint16_t type)
{
    return it_pv_get(m, type) != NULL;
}

bool it_pv_addr(const it_pv_msg *m, uint16_t type, it_addr *a)
{
    const it_pv_attr *x = it_pv_get(m, type);
    uint8_t ip[16];
    if (!x || x->value.n < 4)
        return false;
    size_t n = x->value.p[1] == 1 ? 4 : x->value.p[1] == 2 ? 16 : 0;
    if (n == 0 || x->value.n != 4 + n)
        return false;
    for (size_t i = 0; i < n; i++) /* with the cookie, then the transaction ID: 16 bytes of the header in a row */
        ip[i] = x->value.p[4 + i] ^ m->raw.p[4 + i];
    *a = it_addr_of(it_ip_from_bytes(ip, n), it_get16(x->value.p + 2) ^ (uint16_t)(IT_PV_COOKIE >> 16));
    return true;
}

int it_pv_error(const it_pv_msg *m)
{
    const it_pv_attr *x = it_pv_get(m, IT_PV_ERROR_CODE);
    return x && x->value.n >= 4 ? (x->value.p[2] & 7) * 100 + x->value.p[3] : 0;
}

bool it_pv_is_check(const it_pv_msg *m)
{
    static const uint16_t ICE[] = {IT_PV_PRIORITY, IT_PV_USE_CANDIDATE, IT_PV_CONTROLLED, IT_PV_CONTROLLING};
    const it_pv_attr *user = it_pv_get(m, IT_PV_USERNAME);
    if (m->method != IT_PV_BINDING || m->cls != IT_PV_REQUEST)
        return false;
    for (size_t i = 0; i < sizeof ICE / sizeof *ICE; i++)
        if (it_pv_has(m, ICE[i]))
            return true;
    return user && user->value.n > 0 && memchr(user->value.p, ':', user->value.n) && !it_pv_has(m, IT_PV_REALM);
}

char *it_pv_name(const it_pv_msg *m, char out[IT_PV_NAME])
{
    static const struct {
        uint16_t method;
        const char *name;
    } NAMES[] = {{IT_PV_BINDING, "Binding"},
                 {IT_PV_ALLOCATE, "Allocate"},
                 {IT_PV_REFRESH, "Refresh"},
                 {IT_PV_SEND, "Send"},
                 {IT_PV_DATA, "Data"},
                 {IT_PV_PERMISSION, "CreatePermission"},
                 {IT_PV_CHANNEL_BIND, "ChannelBind"},
                 {0x00A, "Connect"},
                 {0x00B, "ConnectionBind"},
                 {0x00C, "ConnectionAttempt"}};
    static const char *const CLASSES[] = {"request", "indication", "success response", "error response"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].method == m->method) {
            snprintf(out, IT_PV_NAME, "%s %s", NAMES[i].name, CLASSES[m->cls]);
            return out;
        }
    snprintf(out, IT_PV_NAME, "method 0x%03x %s", (unsigned)m->method, CLASSES[m->cls]);
    return out;
}
