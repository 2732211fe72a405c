/* IPv4 fragmentation: a packet in pieces that fit. RFC 791 section 3.2. */
#include "base/cksum.h"
#include "netsim/core/packet.h"

#include <string.h>

enum { MORE = 0x2000, OFFSET = 0x1fff, DONT = 0x4000, OPT_END = 0, OPT_NOP = 1, OPT_COPIED = 0x80 };

bool it_pkt_may_fragment(const it_pkt *p)
{
    return p->ver == 4 && !(it_get16(p->buf + p->head + 6) & DONT);
}

/* The length of the option at |o|, |left| bytes before the end of the header; 0 for one that contradicts itself. */
static size_t option_size(const uint8_t *o, size_t left)
{
    if (o[0] == OPT_NOP)
        return 1;
    if (left < 2 || o[1] < 2 || o[1] > left)
        return 0;
    return o[1];
}

/* Writes the header of a later fragment: of |from|'s options only those that say so are copied. Returns its length. */
static size_t later_header(uint8_t *to, const uint8_t *from, size_t header)
{
    size_t n = 20;
    memcpy(to, from, 20);
    for (size_t i = 20; i < header && from[i] != OPT_END;) {
        size_t len = option_size(from + i, header - i);
        if (len == 0)
            break;
        if (from[i] & OPT_COPIED) {
            memcpy(to + n, from + i, len);
            n += len;
        }
        i += len;
    }
    while (n % 4)
        to[n++] = OPT_END;
    to[0] = (uint8_t)(0x40 | n / 4);
    return n;
}

int it_pkt_fragment(it_pkt *q, const it_pkt *p, size_t at, size_t mtu)
{
    const uint8_t *b = p->buf + p->head;
    size_t header = (size_t)(b[0] & 15) * 4, total = p->len - header;
    uint8_t *to = it_pkt_ip(q);
    size_t h = header;
    IT_ASSERT(p->ver == 4 && at < total && at % 8 == 0);
    if (at == 0)
        memcpy(to, b, header);
    else
        h = later_header(to, b, header);
    size_t n = mtu > h ? (mtu - h) / 8 * 8 : 0;
    if (n == 0)
        return IT_ERR_TOOBIG;
    uint16_t word = it_get16(b + 6);
    bool last = at + n >= total;
    n = last ? total - at : n;
    uint32_t more = last ? word & MORE : MORE, off = (word & OFFSET) + (uint32_t)(at / 8);
    word = (uint16_t)((word & DONT) | more | off);
    memcpy(to + h, b + header + at, n);
    q->len = (uint16_t)(h + n);
    it_put16(to + 2, q->len);
    it_put16(to + 6, word);
    it_put16(to + 10, 0);
    it_put16(to + 10, it_sum_fold(it_sum_add(0, to, h)));
    q->cause = p->id;
    q->label = p->label;
    q->hop = p->hop;
    int err = it_pkt_scan(q);
    return err < 0 ? err : last ? 0 : (int)(at + n);
}
