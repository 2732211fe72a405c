/* What RFC 8489 says of one message, whatever it is for. */
#include "conformance/passive/impl.h"

#include "base/cksum.h"

#include <stdio.h>

#define LOOKS(t) (sizeof(t) / sizeof *(t))

static bool is_request(const it_pv_msg *m)
{
    return m->cls == IT_PV_REQUEST;
}

static bool is_response(const it_pv_msg *m)
{
    return m->cls == IT_PV_SUCCESS || m->cls == IT_PV_ERROR;
}

static bool is_error(const it_pv_msg *m)
{
    return m->cls == IT_PV_ERROR;
}

static bool is_420(const it_pv_msg *m)
{
    return m->cls == IT_PV_ERROR && it_pv_error(m) == 420;
}

static bool is_binding_success(const it_pv_msg *m)
{
    return m->method == IT_PV_BINDING && m->cls == IT_PV_SUCCESS;
}

static bool has_fingerprint(const it_pv_msg *m)
{
    return it_pv_has(m, IT_PV_FINGERPRINT);
}

static bool has_mi(const it_pv_msg *m)
{
    return it_pv_has(m, IT_PV_MI);
}

static bool has_mi256(const it_pv_msg *m)
{
    return it_pv_has(m, IT_PV_MI256);
}

static bool asks_by_nonce(const it_pv_msg *m)
{
    return m->cls == IT_PV_REQUEST && it_pv_has(m, IT_PV_NONCE);
}

/* RFC 8489 section 5. */
static bool length_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    size_t says = it_get16(m->raw.p + 2);
    snprintf(why, IT_PV_WHY, "its length is %zu, in a datagram of %zu bytes", says, k->payload.n);
    return says % 4 == 0 && (k->tcp || says + IT_PV_HEADER == k->payload.n);
}

/* Section 14: attributes are padded to 4 bytes, none goes beyond the end. */
static bool walk_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "the attribute behind %zu others does not fit", m->n);
    return m->whole || m->n == IT_PV_ATTRS;
}

/* Section 6.1: 576 bytes of IPv4, 1,280 of IPv6, when the path is not known. */
static bool size_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    size_t most = it_ip_is4(k->dst.ip) ? 548 : 1232;
    snprintf(why, IT_PV_WHY, "%zu bytes", m->raw.n);
    return k->tcp || m->raw.n <= most;
}

/* Section 14: "the padding bits MUST be set to zero on sending". */
static bool padding_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    for (size_t i = 0; i < m->n; i++)
        for (size_t b = 0; b < m->attr[i].pad.n; b++)
            if (m->attr[i].pad.p[b] != 0) {
                snprintf(why, IT_PV_WHY, "attribute 0x%04x is padded with 0x%02x", m->attr[i].type,
                         m->attr[i].pad.p[b]);
                return false;
            }
    return true;
}

/* Section 14.7. */
static bool order_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "attribute 0x%04x is behind FINGERPRINT", m->attr[m->n - 1].type);
    return m->attr[m->n - 1].type == IT_PV_FINGERPRINT;
}

/* Section 14.7: over the message up to the attribute, its length as if it ended with it. */
static bool crc_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    const it_pv_attr *a = it_pv_get(m, IT_PV_FINGERPRINT);
    uint8_t d[65536];
    if (a->value.n != 4) {
        snprintf(why, IT_PV_WHY, "FINGERPRINT has %zu bytes", a->value.n);
        return false;
    }
    memcpy(d, m->raw.p, a->at);
    it_put16(d + 2, (uint16_t)(a->at + 8 - IT_PV_HEADER));
    uint32_t is = it_get32(a->value.p), should = it_crc32(d, a->at) ^ 0x5354554e;
    snprintf(why, IT_PV_WHY, "it is 0x%08x, 0x%08x would be right", is, should);
    return is == should;
}

/* Section 14.5. */
static bool mi_length_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    size_t n = it_pv_get(m, IT_PV_MI)->value.n;
    snprintf(why, IT_PV_WHY, "it has %zu bytes", n);
    return n == 20;
}

/* Section 14.6. */
static bool mi256_length_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    size_t n = it_pv_get(m, IT_PV_MI256)->value.n;
    snprintf(why, IT_PV_WHY, "it has %zu bytes", n);
    return n >= 16 && n <= 32 && n % 4 == 0;
}

/* Characters of UTF-8: bytes that do not continue one. */
static size_t characters(it_bytes t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++)
        n += (t.p[i] & 0xc0) != 0x80;
    return n;
}

/* Section 14.8: class 3 to 6, number 0 to 99. */
static bool error_code_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    const it_pv_attr *a = it_pv_get(m, IT_PV_ERROR_CODE);
    if (!a || a->value.n < 4) {
        snprintf(why, IT_PV_WHY, a ? "ERROR-CODE is too short" : "there is no ERROR-CODE");
        return false;
    }
    unsigned class = a->value.p[2] & 7u, number = a->value.p[3];
    it_bytes reason = {a->value.p + 4, a->value.n - 4};
    snprintf(why, IT_PV_WHY, "class %u, number %u, a reason of %zu characters", class, number, characters(reason));
    return class >= 3 && class <= 6 && number <= 99 && characters(reason) < 128;
}

/* Sections 14.9, 14.10, 14.14. */
static bool texts_hold(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    static const uint16_t TEXTS[] = {IT_PV_REALM, IT_PV_NONCE, IT_PV_SOFTWARE};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        const it_pv_attr *a = it_pv_get(m, TEXTS[i]);
        if (a && characters(a->value) > 127) {
            snprintf(why, IT_PV_WHY, "attribute 0x%04x has %zu characters", a->type, characters(a->value));
            return false;
        }
    }
    return true;
}

/* Section 6.3.1. */
static bool unknown_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    const it_pv_attr *a = it_pv_get(m, IT_PV_UNKNOWN);
    snprintf(why, IT_PV_WHY, a ? "UNKNOWN-ATTRIBUTES is empty" : "there is no UNKNOWN-ATTRIBUTES");
    return a && a->value.n >= 2 && a->value.n % 2 == 0;
}

/* Section 6.3.1.1. */
static bool has_mapped(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    it_addr a;
    bool there = it_pv_has(m, IT_PV_MAPPED);
    snprintf(why, IT_PV_WHY, there ? "XOR-MAPPED-ADDRESS is no address" : "there is no XOR-MAPPED-ADDRESS");
    return it_pv_addr(m, IT_PV_MAPPED, &a);
}

/* Section 9.2.3.2. */
static bool long_term_holds(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    bool realm = it_pv_has(m, IT_PV_REALM), user = it_pv_has(m, IT_PV_USERNAME) || it_pv_has(m, IT_PV_USERHASH);
    bool integrity = has_mi(m) || has_mi256(m);
    snprintf(why, IT_PV_WHY, "it lacks%s%s%s", realm ? "" : " REALM", user ? "" : " USERNAME",
             integrity ? "" : " MESSAGE-INTEGRITY");
    return realm && user && integrity;
}

/* Sections 9.1.3, 9.2.4. */
static bool no_username(const it_passive_packet *k, const it_pv_msg *m, char why[IT_PV_WHY])
{
    (void)k;
    snprintf(why, IT_PV_WHY, "it has USERNAME");
    return !it_pv_has(m, IT_PV_USERNAME);
}

static const it_pv_look STUN[] = {
    {IT_RULE_LENGTH, NULL, length_holds},
    {IT_RULE_WALK, NULL, walk_holds},
    {IT_RULE_SIZE, is_request, size_holds},
    {IT_RULE_PADDING, NULL, padding_holds},
    {IT_RULE_ORDER, has_fingerprint, order_holds},
    {IT_RULE_CRC, has_fingerprint, crc_holds},
    {IT_RULE_MI_LENGTH, has_mi, mi_length_holds},
    {IT_RULE_MI256_LENGTH, has_mi256, mi256_length_holds},
    {IT_RULE_ERROR_CODE, is_error, error_code_holds},
    {IT_RULE_TEXTS, NULL, texts_hold},
    {IT_RULE_UNKNOWN, is_420, unknown_holds},
    {IT_RULE_HAS_MAPPED, is_binding_success, has_mapped},
    {IT_RULE_LONG_TERM, asks_by_nonce, long_term_holds},
    {IT_RULE_NO_USERNAME, is_response, no_username},
};

void it_pv_ask_stun(it_passive *p, const it_passive_packet *k, const it_pv_msg *m)
{
    it_pv_ask(p, STUN, LOOKS(STUN), k, m);
}
