/* Packets of the ground truth: built and read here, independently of netsim, whose own code is on trial. */
#include "tests/groundtruth/gt.h"

#include "base/cksum.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17 };

static uint64_t pseudo(uint32_t src, uint32_t dst, uint8_t proto, size_t n)
{
    uint8_t h[12];
    it_put32(h, src);
    it_put32(h + 4, dst);
    it_put16(h + 8, proto);
    it_put16(h + 10, (uint16_t)n);
    return it_sum_add(0, h, sizeof h);
}

static size_t build_l4(uint8_t *t, const gt_make *m)
{
    if (m->proto == ICMP) {
        t[0] = m->type;
        t[1] = m->code;
        it_put16(t + 4, m->sport);
        return 8;
    }
    it_put16(t, m->sport);
    it_put16(t + 2, m->dport);
    if (m->proto == UDP) {
        it_put16(t + 4, (uint16_t)(8 + m->n));
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
    memset(h, 0, 60);
    size_t head = build_l4(t, m), len = head + m->n;
    if (m->n)
        memcpy(t + head, m->body, m->n);
    uint64_t sum = m->proto == ICMP ? 0 : pseudo(m->src, m->dst, m->proto, len);
    size_t at = m->proto == ICMP ? 2 : m->proto == UDP ? 6 : 16;
    if (m->proto == ICMP || m->proto == UDP || m->proto == TCP)
        it_put16(t + at, it_sum_fold(it_sum_add(sum, t, len)));
    if (m->proto == UDP && it_get16(t + at) == 0)
        it_put16(t + at, 0xffff); /* RFC 768: 0 would mean none */
    h[0] = 0x45;
    it_put16(h + 2, (uint16_t)(20 + len));
    h[6] = 0x40;
    h[8] = 64;
    h[9] = m->proto;
    it_put32(h + 12, m->src);
    it_put32(h + 16, m->dst);
    it_put16(h + 10, it_sum_fold(it_sum_add(0, h, 20)));
    out->n = (uint16_t)(20 + len);
}

static uint64_t hash(const uint8_t *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3ULL;
    return h;
}

static void parse_inner(gt_view *v, const uint8_t *p, size_t n)
{
    v->inner = n >= 28 && p[0] == 0x45;
    if (!v->inner)
        return;
    v->bad |= it_sum_fold(it_sum_add(0, p, 20)) != 0;
    v->in_proto = p[9];
    v->in_src = it_get32(p + 12);
    v->in_dst = it_get32(p + 16);
    if (v->in_proto == ICMP) {
        v->in_sport = v->in_dport = it_get16(p + 24);
        return;
    }
    v->in_sport = it_get16(p + 20);
    v->in_dport = it_get16(p + 22);
    /* The embedded transport checksum can be verified when all of the packet is there. */
    size_t len = it_get16(p + 2);
    if (v->in_proto == UDP && len <= n && len >= 28)
        v->bad |= it_sum_fold(it_sum_add(pseudo(v->in_src, v->in_dst, UDP, len - 20), p + 20, len - 20)) != 0;
}

static void parse_icmp(gt_view *v, const uint8_t *t, size_t n)
{
    v->bad |= it_sum_fold(it_sum_add(0, t, n)) != 0;
    v->type = t[0];
    v->code = t[1];
    bool error = t[0] == 3 || t[0] == 4 || t[0] == 5 || t[0] == 11 || t[0] == 12;
    if (error) {
        parse_inner(v, t + 8, n - 8);
        return;
    }
    v->sport = v->dport = it_get16(t + 4);
    v->payload = hash(t + 8, n - 8);
}

void gt_parse(gt_view *v, int dev, const gt_raw *p)
{
    const uint8_t *h = p->b;
    *v = (gt_view){.dev = (uint8_t)dev};
    size_t head = (size_t)(h[0] & 15) * 4, n = p->n - head;
    v->bad = p->n < 28 || head != 20 || it_get16(h + 2) != p->n || it_sum_fold(it_sum_add(0, h, head)) != 0;
    if (v->bad)
        return;
    v->ttl = h[8];
    v->proto = h[9];
    v->src = it_get32(h + 12);
    v->dst = it_get32(h + 16);
    const uint8_t *t = h + head;
    if (v->proto == ICMP) {
        parse_icmp(v, t, n);
        return;
    }
    v->bad = it_sum_fold(it_sum_add(pseudo(v->src, v->dst, v->proto, n), t, n)) != 0;
    v->sport = it_get16(t);
    v->dport = it_get16(t + 2);
    size_t skip = 8;
    if (v->proto == TCP && n >= 20) {
        skip = (size_t)(t[12] >> 4) * 4;
        v->type = t[13];
        v->seq = it_get32(t + 4);
        v->ack = it_get32(t + 8);
    }
    v->payload = skip <= n ? hash(t + skip, n - skip) : 0;
}

static char *ip_text(uint32_t ip, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    return out;
}

void gt_view_text(const gt_view *v, char *out, size_t cap)
{
    char a[16], b[16], c[16], d[16];
    int n = snprintf(out, cap, "%s %s %s:%u > %s:%u", v->dev == GT_IN ? "inside" : "outside",
                     v->proto == UDP   ? "udp"
                     : v->proto == TCP ? "tcp"
                                       : "icmp",
                     ip_text(v->src, a), v->sport, ip_text(v->dst, b), v->dport);
    if (n > 0 && (size_t)n < cap && v->proto != UDP)
        n += snprintf(out + n, cap - (size_t)n, " %x/%x", v->type, v->code);
    if (n > 0 && (size_t)n < cap && v->inner)
        n += snprintf(out + n, cap - (size_t)n, " about %u %s:%u > %s:%u", v->in_proto, ip_text(v->in_src, c),
                      v->in_sport, ip_text(v->in_dst, d), v->in_dport);
    if (n > 0 && (size_t)n < cap)
        snprintf(out + n, cap - (size_t)n, " ttl %u%s", v->ttl, v->bad ? " CHECKSUM" : "");
}
