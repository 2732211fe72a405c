/* Reads what an ICMP error quotes. */
#include "netsim/box/quote.h"

#include <string.h>

enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_AUTH = 51, EXT_NONE = 59, EXT_DEST = 60, EXT_MAX = 16 };
enum { OFFSET4 = 0x1fff, MORE4 = 0x2000, OFFSET6 = 0xfff8 };

static bool quote_read4(it_quote *q, const uint8_t *b, size_t n)
{
    size_t header = n < 20 ? 0 : (size_t)(b[0] & 15) * 4;
    if (header < 20 || header > n)
        return false;
    uint16_t frag = it_get16(b + 6);
    if (frag & OFFSET4)
        q->frag = 2;
    else if (frag & MORE4)
        q->frag = 1;
    q->id = it_get16(b + 4);
    q->proto = b[9];
    q->src = it_ip_from_bytes(b + 12, 4);
    q->dst = it_ip_from_bytes(b + 16, 4);
    q->l4 = b + header;
    q->n = n - header;
    return true;
}

static bool quote_is_ext(uint8_t next)
{
    return next == EXT_HOP || next == EXT_ROUTING || next == EXT_FRAGMENT || next == EXT_AUTH || next == EXT_DEST;
}

/* The size of extension header |kind| at |e|. RFC 8200 section 4, RFC 4302 section 2.2. */
static size_t quote_ext_size(uint8_t kind, const uint8_t *e)
{
    if (kind == EXT_FRAGMENT)
        return 8;
    if (kind == EXT_AUTH)
        return ((size_t)e[1] + 2) * 4;
    return ((size_t)e[1] + 1) * 8;
}

static bool quote_read6(it_quote *q, const uint8_t *b, size_t n)
{
    if (n < 40)
        return false;
    size_t at = 40;
    q->proto = b[6];
    q->src = it_ip_from_bytes(b + 8, 16);
    q->dst = it_ip_from_bytes(b + 24, 16);
    for (int i = 0; quote_is_ext(q->proto) && q->frag != 2; i++) {
        const uint8_t *e = b + at;
        /* What says how long it is, and of a fragment which one, must be there; the rest may be cut off. */
        if (i == EXT_MAX || at + (q->proto == EXT_FRAGMENT ? 4 : 2) > n)
            return false;
        size_t size = quote_ext_size(q->proto, e);
        if (q->proto == EXT_FRAGMENT) {
            uint16_t word = it_get16(e + 2);
            q->id = at + 8 <= n ? it_get32(e + 4) : 0;
            if (word & OFFSET6)
                q->frag = 2;
            else if (word & 1)
                q->frag = 1;
        }
        q->proto = e[0];
        at += size < n - at ? size : n - at;
    }
    q->l4 = b + at;
    q->n = n - at;
    return q->proto != EXT_NONE;
}

/* Reads the ends in the transport header. */
static bool quote_read_l4(it_quote *q)
{
    if (q->frag == 2)
        return true;
    if (q->proto == IT_PROTO_ICMP || q->proto == IT_PROTO_ICMP6)
        return q->n >= 8;
    if (q->proto != IT_PROTO_UDP && q->proto != IT_PROTO_TCP)
        return true;
    if (q->n < 4)
        return false;
    q->sport = it_get16(q->l4);
    q->dport = it_get16(q->l4 + 2);
    return true;
}

bool it_quote_read(it_quote *q, const it_pkt *error)
{
    const uint8_t *b = error->buf + error->head + error->l4 + 8;
    size_t n = (size_t)(error->len - error->l4);
    memset(q, 0, sizeof *q);
    if (n < 8 + 20 || b[0] >> 4 != error->ver)
        return false;
    bool read = error->ver == 4 ? quote_read4(q, b, n - 8) : quote_read6(q, b, n - 8);
    return read && quote_read_l4(q);
}
