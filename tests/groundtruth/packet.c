/* Packets of the ground truth: built and read here, independently of netsim, whose own code is on trial. */
#include "tests/groundtruth/gt.h"

#include "base/cksum.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, GRE = 47, ESP = 50, SCTP = 132, UDPLITE = 136 };

static uint64_t pseudo(uint32_t src, uint32_t dst, uint8_t proto, size_t n)
{
    uint8_t h[12];
    it_put32(h, src);
    it_put32(h + 4, dst);
    it_put16(h + 8, proto);
    it_put16(h + 10, (uint16_t)n);
    return it_sum_add(0, h, sizeof h);
}

int gt_sum_at(uint8_t proto)
{
    switch (proto) {
    case ICMP:
        return 2;
    case TCP:
        return 16;
    case UDP:
    case UDPLITE:
        return 6;
    default:
        return -1;
    }
}

/* CRC-32c of |n| bytes, RFC 9260 appendix A, the four at |hole| taken for 0. */
static uint32_t crc32c(const uint8_t *p, size_t n, size_t hole)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        c ^= i >= hole && i < hole + 4 ? 0 : p[i];
        for (int b = 0; b < 8; b++)
            c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
    }
    return __builtin_bswap32(~c);
}

void gt_sum_ip(gt_raw *p)
{
    size_t head = (size_t)(p->b[0] & 15) * 4;
    it_put16(p->b + 10, 0);
    it_put16(p->b + 10, it_sum_fold(it_sum_add(0, p->b, head)));
}

void gt_sum_l4(gt_raw *p, size_t len)
{
    uint8_t *h = p->b, *t = h + (size_t)(h[0] & 15) * 4;
    int at = gt_sum_at(h[9]);
    if (h[9] == SCTP && len >= 12)
        it_put32(t + 8, crc32c(t, len, 8));
    if (at < 0)
        return;
    uint64_t sum = h[9] == ICMP ? 0 : pseudo(it_get32(h + 12), it_get32(h + 16), h[9], len);
    it_put16(t + at, 0);
    it_put16(t + at, it_sum_fold(it_sum_add(sum, t, len)));
    if (h[9] == UDP && it_get16(t + at) == 0)
        it_put16(t + at, 0xffff); /* RFC 768: 0 would mean none */
}

/* An SCTP packet of one chunk of type |m|->type, RFC 9260 section 3. Either end has one verification tag for good. */
static size_t build_sctp(uint8_t *t, const gt_make *m)
{
    bool init = m->type == 1 || m->type == 2;
    it_put32(t + 4, m->type == 1 ? 0 : m->seq);
    t[12] = m->type;
    it_put16(t + 14, (uint16_t)((init ? 20 : 4) + m->n));
    if (!init)
        return 16;
    it_put32(t + 16, m->ack);
    it_put32(t + 20, 65536);
    it_put32(t + 24, 1 << 16 | 1);
    it_put32(t + 28, 1);
    return 32;
}

static size_t build_l4(uint8_t *t, const gt_make *m)
{
    switch (m->proto) {
    case ICMP:
        t[0] = m->type;
        t[1] = m->code;
        it_put16(t + 4, m->sport);
        return 8;
    case GRE: /* RFC 2784: no checksum, IPv4 inside */
        it_put16(t + 2, 0x0800);
        return 4;
    case ESP: /* RFC 4303 section 2 */
        it_put32(t, 0x1000 + m->dport);
        it_put32(t + 4, 1);
        return 8;
    case UDP:
    case UDPLITE:
    case TCP:
    case SCTP:
        break;
    default:
        return 0;
    }
    it_put16(t, m->sport);
    it_put16(t + 2, m->dport);
    if (m->proto == SCTP)
        return build_sctp(t, m);
    if (m->proto != TCP) {
        it_put16(t + 4, m->proto == UDP ? (uint16_t)(8 + m->n) : 0);
        return 8;
    }
    it_put32(t + 4, m->seq);
    it_put32(t + 8, m->ack);
    t[12] = 5 << 4;
    t[13] = m->flags;
    it_put16(t + 14, 60000);
    return 20;
}

void gt_build(gt_raw *out, const gt_make *m)
{
    uint8_t *h = out->b, *t = h + 20;
    memset(h, 0, 80);
    size_t head = build_l4(t, m), len = head + m->n;
    if (m->n)
        memcpy(t + head, m->body, m->n);
    h[0] = 0x45;
    it_put16(h + 2, (uint16_t)(20 + len));
    h[6] = 0x40;
    h[8] = 64;
    h[9] = m->proto;
    it_put32(h + 12, m->src);
    it_put32(h + 16, m->dst);
    out->n = (uint16_t)(20 + len);
    gt_sum_ip(out);
    gt_sum_l4(out, len);
}

/* --- what is compared --- */

static bool is_error(uint8_t type)
{
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static uint16_t whole_sum(uint64_t sum)
{
    uint16_t s = it_sum_fold(sum);
    return s == 0xffff ? 0 : s; /* the two zeros are one */
}

/* Replaces the ports of transport header |t| by 0 and its checksum by the sum of both and of the addresses, which a
 * translation leaves as it is, right or wrong. */
static void canon_ports(uint8_t *t, size_t n, uint8_t proto, uint32_t src, uint32_t dst)
{
    size_t at = (size_t)gt_sum_at(proto), ports = proto == ICMP ? 2 : 4, from = proto == ICMP ? 4 : 0;
    if (n < from + ports)
        return;
    bool none = proto == UDP && n >= 8 && it_get16(t + 6) == 0; /* RFC 768 */
    uint64_t sum = it_sum_add(0, t + from, ports);
    if (proto != ICMP)
        sum += pseudo(src, dst, 0, 0);
    memset(t + from, 0, ports);
    if (n >= at + 2 && !none)
        it_put16(t + at, whole_sum(it_sum_add(sum, t + at, 2)));
}

static void canon(uint8_t *h, size_t n, bool own)
{
    size_t head = (size_t)(h[0] & 15) * 4;
    if (n < 20 || head < 20 || n < head + 8)
        return;
    uint8_t *t = h + head, proto = h[9];
    uint32_t src = it_get32(h + 12), dst = it_get32(h + 16);
    it_put16(h + 10, whole_sum(it_sum_add(0, h, head)));
    if (own)
        it_put16(h + 4, 0);
    n -= head;
    if (it_get16(h + 6) & 0x1fff)
        return;
    if (proto == ICMP && is_error(t[0])) {
        it_put16(t + 2, whole_sum(it_sum_add(0, t, n)));
        canon(t + 8, n - 8, false);
        /* RFC 5508 section 4.2: the box may translate the addresses inside, which differ_head compares. */
    } else if (proto == SCTP && n >= 12) {
        bool ok = it_get32(t + 8) == crc32c(t, n, 8);
        memset(t, 0, 4);
        it_put32(t + 8, ok);
    } else if (gt_sum_at(proto) >= 0) {
        canon_ports(t, n, proto, src, dst);
    }
}

static void parse_inner(gt_view *v, const uint8_t *p, size_t n)
{
    v->inner = n >= 28 && p[0] == 0x45;
    if (!v->inner)
        return;
    v->in_proto = p[9];
    v->in_src = it_get32(p + 12);
    v->in_dst = it_get32(p + 16);
    if (gt_sum_at(v->in_proto) < 0 && v->in_proto != SCTP)
        return;
    if (v->in_proto == ICMP) {
        v->in_sport = v->in_dport = it_get16(p + 24);
        return;
    }
    v->in_sport = it_get16(p + 20);
    v->in_dport = it_get16(p + 22);
}

static void parse_l4(gt_view *v, const uint8_t *t, size_t n)
{
    if (v->proto == ICMP) {
        v->type = t[0];
        v->code = t[1];
        if (is_error(t[0]))
            parse_inner(v, t + 8, n - 8);
        else
            v->sport = v->dport = it_get16(t + 4);
        return;
    }
    if (gt_sum_at(v->proto) < 0 && v->proto != SCTP)
        return;
    v->sport = it_get16(t);
    v->dport = it_get16(t + 2);
    if (v->proto != TCP || n < 20)
        return;
    v->type = t[13];
    v->seq = it_get32(t + 4);
    v->ack = it_get32(t + 8);
}

void gt_parse(gt_view *v, int dev, const gt_raw *p)
{
    const uint8_t *h = p->b;
    *v = (gt_view){.dev = (uint8_t)dev, .n = p->n};
    memcpy(v->b, p->b, p->n);
    size_t head = (size_t)(h[0] & 15) * 4, n = p->n - head;
    v->bad = p->n < 21 || head < 20 || it_get16(h + 2) != p->n;
    if (v->bad)
        return;
    v->ttl = h[8];
    v->proto = h[9];
    v->src = it_get32(h + 12);
    v->dst = it_get32(h + 16);
    v->frag = it_get16(h + 6) & 0x3fff;
    if ((v->frag & 0x1fff) == 0)
        parse_l4(v, h + head, n);
}

void gt_canon(gt_view *v)
{
    canon(v->b, v->n, v->own);
}

static char *ip_text(uint32_t ip, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return out;
}

void gt_view_text(const gt_view *v, char *out, size_t cap)
{
    char a[16], b[16], c[16], d[16];
    int n = snprintf(out, cap, "%s %s %s:%u > %s:%u", v->dev == GT_IN ? "inside" : "outside", gt_proto_name(v->proto),
                     ip_text(v->src, a), v->sport, ip_text(v->dst, b), v->dport);
    if (n > 0 && (size_t)n < cap && v->proto != UDP)
        n += snprintf(out + n, cap - (size_t)n, " %x/%x", v->type, v->code);
    if (n > 0 && (size_t)n < cap && v->inner)
        n += snprintf(out + n, cap - (size_t)n, " about %u %s:%u > %s:%u", v->in_proto, ip_text(v->in_src, c),
                      v->in_sport, ip_text(v->in_dst, d), v->in_dport);
    if (n > 0 && (size_t)n < cap && v->frag)
        n += snprintf(out + n, cap - (size_t)n, " fragment %u%s", (v->frag & 0x1fffu) * 8, v->frag & 0x2000 ? "+" : "");
    if (n > 0 && (size_t)n < cap)
        n += snprintf(out + n, cap - (size_t)n, " ttl %u, %u bytes%s", v->ttl, v->n, v->bad ? " NONSENSE" : "");
    for (uint32_t i = 0; i < v->n && i < 64 && n > 0 && (size_t)n + 3 < cap; i++)
        n += snprintf(out + n, cap - (size_t)n, "%s%02x", i % 4 ? "" : " ", v->b[i]);
}
