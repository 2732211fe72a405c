/* Parsing: the header, the walk over the attributes, what integrity hides, the fingerprint; and the label of a message.
 */
#include "stack/stun/msg.h"

#include "base/cksum.h"

#include <stdio.h>

bool it_stun_is(it_bytes d)
{
    /* RFC 8489 section 5: two zero bits, the magic cookie, a length that is a multiple of 4. RFC 7983 section 7: first
     * byte 0 to 3, which the zero bits and the twelve bits of the method leave to STUN. */
    if (d.n < IT_STUN_HEADER || d.p[0] & 0xc0 || it_get32(d.p + 4) != IT_STUN_COOKIE)
        return false;
    return it_get16(d.p + 2) % 4 == 0 && IT_STUN_HEADER + (size_t)it_get16(d.p + 2) <= d.n;
}

/* RFC 8489 section 5, figure 3: the class bits C1 and C0 stand between the bits of the method. */
static void read_type(it_stun_msg *m, uint16_t type)
{
    m->cls = (enum it_stun_class)((type >> 7 & 2) | (type >> 4 & 1));
    m->method = (uint16_t)((type & 0x0f) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
}

/* How much of the message integrity covers so far. */
enum seal { OPEN, SEALED_SHA1, SEALED_SHA256 };

/* RFC 8489 section 9: after MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT count, after -SHA256 only
 * FINGERPRINT. */
static bool counts(enum seal seal, uint16_t type)
{
    if (seal == OPEN || type == IT_STUN_FINGERPRINT)
        return true;
    return seal == SEALED_SHA1 && type == IT_STUN_MESSAGE_INTEGRITY_SHA256;
}

/* The size that the table wants. */
static bool size_fits(uint16_t type, size_t n)
{
    const it_stun_attr_spec *spec = it_stun_attr_find(type);

    return !spec || (n >= spec->min && n <= spec->max && n % spec->unit == 0);
}

/* RFC 8489 section 14.7: FINGERPRINT is the last attribute and the CRC-32 of all before it, XOR'ed. */
static bool fingerprint_right(it_bytes d, const it_stun_attr *a)
{
    return a->value.n == 4 && a->offset + 8 == d.n &&
           it_get32(a->value.p) == (it_crc32(d.p, a->offset) ^ IT_STUN_FINGERPRINT_XOR);
}

/* Reads the attribute at |*at| and moves behind its padding. */
static int read_attr(it_bytes d, size_t *at, it_stun_attr *a)
{
    size_t n, padded;

    if (d.n - *at < 4)
        return IT_ERR_PARSE;
    n = it_get16(d.p + *at + 2);
    padded = (n + 3) & ~(size_t)3;
    /* RFC 8489 section 14: every attribute ends on a 32-bit boundary, so its padding lies in the message, too. */
    if (padded > d.n - *at - 4)
        return IT_ERR_PARSE;
    a->type = it_get16(d.p + *at);
    a->offset = (uint32_t)*at;
    a->value = it_bytes_of(d.p + *at + 4, n);
    *at += 4 + padded;
    return 0;
}

static int read_attrs(it_stun_msg *m, it_bytes d)
{
    enum seal seal = OPEN;
    it_stun_attr a;

    for (size_t at = IT_STUN_HEADER; at < d.n;) {
        int err = read_attr(d, &at, &a);

        if (err)
            return err;
        if (a.type == IT_STUN_FINGERPRINT && !fingerprint_right(d, &a))
            return IT_ERR_PARSE;
        if (!counts(seal, a.type))
            continue;
        if (!size_fits(a.type, a.value.n))
            return IT_ERR_PARSE;
        if (m->n_attrs == IT_STUN_ATTRS_MAX)
            return IT_ERR_FULL;
        m->attrs[m->n_attrs++] = a;
        if (a.type == IT_STUN_MESSAGE_INTEGRITY)
            seal = SEALED_SHA1;
        else if (a.type == IT_STUN_MESSAGE_INTEGRITY_SHA256)
            seal = SEALED_SHA256;
    }
    return 0;
}

int it_stun_parse(it_stun_msg *m, it_bytes d)
{
    /* RFC 8489 section 6.3: a length that is not sensible is an error; one datagram carries one message. */
    if (!it_stun_is(d) || IT_STUN_HEADER + (size_t)it_get16(d.p + 2) != d.n)
        return IT_ERR_PARSE;
    read_type(m, it_get16(d.p));
    memcpy(m->txid, d.p + 8, IT_STUN_TXID);
    m->raw = d;
    m->n_attrs = 0;
    return read_attrs(m, d);
}

static bool listed(const uint16_t *list, int n, uint16_t type)
{
    for (int i = 0; i < n; i++)
        if (list[i] == type)
            return true;
    return false;
}

/* RFC 8489 section 18.3, below 0x8000: understood by all that speak STUN, expected or not. */
static const uint16_t OWN[] = {IT_STUN_MAPPED_ADDRESS,
                               IT_STUN_USERNAME,
                               IT_STUN_MESSAGE_INTEGRITY,
                               IT_STUN_ERROR_CODE,
                               IT_STUN_UNKNOWN_ATTRIBUTES,
                               IT_STUN_REALM,
                               IT_STUN_NONCE,
                               IT_STUN_MESSAGE_INTEGRITY_SHA256,
                               IT_STUN_PASSWORD_ALGORITHM,
                               IT_STUN_USERHASH,
                               IT_STUN_XOR_MAPPED_ADDRESS};
#define N_OWN ((int)(sizeof(OWN) / sizeof(OWN[0])))

int it_stun_unknown(const it_stun_msg *m, const uint16_t *known, int n, uint16_t *out, int cap)
{
    uint16_t found[IT_STUN_ATTRS_MAX];
    int count = 0;

    for (uint32_t i = 0; i < m->n_attrs; i++) {
        uint16_t type = m->attrs[i].type;

        /* RFC 8489 section 14: types below 0x8000 are comprehension-required. */
        if (type < 0x8000 && !listed(OWN, N_OWN, type) && !listed(known, n, type) && !listed(found, count, type))
            found[count++] = type;
    }
    for (int i = 0; i < count && i < cap; i++)
        out[i] = found[i];
    return count;
}

/* Method names as IANA writes them. */
static const char *method_name(uint16_t method)
{
    static const char *const NAMES[] = {
        [IT_STUN_BINDING] = "Binding",
        [IT_STUN_ALLOCATE] = "Allocate",
        [IT_STUN_REFRESH] = "Refresh",
        [IT_STUN_SEND] = "Send",
        [IT_STUN_DATA] = "Data",
        [IT_STUN_CREATE_PERMISSION] = "CreatePermission",
        [IT_STUN_CHANNEL_BIND] = "ChannelBind",
        [IT_STUN_CONNECT] = "Connect",
        [IT_STUN_CONNECTION_BIND] = "ConnectionBind",
        [IT_STUN_CONNECTION_ATTEMPT] = "ConnectionAttempt",
    };

    return method < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[method] : NULL;
}

char *it_stun_label(const it_stun_msg *m, char out[64])
{
    static const char *const CLASSES[] = {"request", "indication", "success", "error"};
    const char *name = method_name(m->method);
    char number[16];
    int code;

    if (!name) {
        snprintf(number, sizeof(number), "Method 0x%03x", (unsigned)m->method);
        name = number;
    }
    if (m->cls == IT_STUN_ERROR && it_stun_get_error(m, &code, NULL) == 0)
        snprintf(out, 64, "%s error %d", name, code);
    else
        snprintf(out, 64, "%s %s", name, CLASSES[m->cls]);
    return out;
}
