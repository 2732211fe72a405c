/* Packets of the firewall's ground truth: built, cut and made comparable here, independently of netsim. */
#include "tests/groundtruth/fw.h"

#include "base/cksum.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58, HOP = 0, ROUTING = 43, FRAGMENT = 44, DEST = 60 };
enum { H4 = 20, H6 = 40, HF = 8 };

static void put_host(uint8_t *to, uint8_t ver, uint16_t salt, uint8_t host)
{
    bool inside = host < 4;
    uint8_t last = (uint8_t)(10 + (host & 3));
    if (ver == 4) {
        it_put32(to, inside ? 0x0a000000u | (uint32_t)salt << 8 | last : 0xcb007100u | last);
        return;
    }
    memset(to, 0, 16);
    it_put32(to, 0x20010db8);
    it_put16(to + 4, inside ? 1 : 2);
    it_put16(to + 6, inside ? salt : 0);
    to[15] = last;
}

/* Writes the extension headers of |ext| at |b|; returns their size, |*next| leads to the first. */
static size_t put_ext(uint8_t *b, uint8_t ext, uint8_t *next, uint32_t id)
{
    static const uint8_t ORDER[] = {FW_EXT_HOP, FW_EXT_DEST, FW_EXT_ROUTING, FW_EXT_ATOMIC};
    static const uint8_t KIND[] = {HOP, DEST, ROUTING, FRAGMENT};
    size_t n = 0;
    uint8_t after = *next, *link = next;
    for (size_t i = 0; i < sizeof ORDER; i++) {
        if (!(ext & ORDER[i]))
            continue;
        uint8_t *h = b + n;
        memset(h, 0, 8);
        *link = KIND[i];
        link = h;
        if (KIND[i] == HOP || KIND[i] == DEST) {
            h[2] = 1; /* PadN */
            h[3] = 4;
        } else if (KIND[i] == ROUTING) {
            h[2] = 253; /* RFC 4727; no segments left */
        } else {
            it_put32(h + 4, id);
        }
        n += 8;
    }
    *link = after;
    return n;
}

static size_t sum_at(uint8_t proto)
{
    return proto == UDP ? 6 : proto == TCP ? 16 : 2;
}

static bool has_sum(uint8_t proto)
{
    return proto == UDP || proto == TCP || proto == ICMP || proto == ICMP6;
}

static void put_sum(const fw_make *m, const uint8_t *h, uint8_t *t, uint8_t proto)
{
    size_t at = sum_at(proto), n = m->n;
    uint64_t sum = 0;
    if (!has_sum(proto) || n < at + 2 || m->no_sum)
        return;
    if (proto == UDP && !m->sum_all && it_get16(t + 4) <= n)
        n = it_get16(t + 4);
    if (proto != ICMP)
        sum = it_sum_add((uint64_t)proto + n, h + (m->ver == 4 ? 12 : 8), m->ver == 4 ? 8 : 32);
    uint16_t ck = it_sum_fold(it_sum_add(sum, t, n));
    if (proto == UDP && ck == 0)
        ck = 0xffff; /* RFC 768 */
    if (m->bad_sum)
        ck ^= 0x5555;
    it_put16(t + at, ck);
}

void fw_build(gt_raw *out, const fw_make *m, uint32_t id)
{
    uint8_t *h = out->b, proto = m->ver == 6 && m->proto == ICMP ? (uint8_t)ICMP6 : m->proto;
    size_t head = H4;
    memset(h, 0, H6);
    if (m->ver == 4) {
        h[0] = 0x45;
        it_put16(h + 2, (uint16_t)(H4 + m->n));
        it_put16(h + 4, (uint16_t)id);
        h[8] = 60;
        h[9] = proto;
        put_host(h + 12, 4, m->salt, m->src);
        put_host(h + 16, 4, m->salt, m->dst);
        it_put16(h + 10, it_sum_fold(it_sum_add(0, h, H4)));
    } else {
        h[0] = 0x60;
        h[6] = proto;
        h[7] = 60;
        put_host(h + 8, 6, m->salt, m->src);
        put_host(h + 24, 6, m->salt, m->dst);
        head = H6 + put_ext(h + H6, m->ext, h + 6, id);
        it_put16(h + 4, (uint16_t)(head - H6 + m->n));
    }
    memcpy(h + head, m->l4, m->n);
    put_sum(m, h, h + head, proto);
    out->n = (uint16_t)(head + m->n);
}

void fw_cut(gt_raw *out, const uint8_t *whole, size_t size, const uint32_t *from, const uint32_t *to, size_t i,
            bool more, uint32_t id)
{
    bool v4 = whole[0] >> 4 == 4;
    size_t head = v4 ? H4 : H6, n = to[i] - from[i];
    uint8_t *h = out->b;
    (void)size;
    memcpy(h, whole, head);
    if (v4) {
        it_put16(h + 2, (uint16_t)(H4 + n));
        it_put16(h + 4, (uint16_t)id);
        it_put16(h + 6, (uint16_t)(from[i] / 8 | (more ? 0x2000 : 0)));
        it_put16(h + 10, 0);
        it_put16(h + 10, it_sum_fold(it_sum_add(0, h, H4)));
        memcpy(h + H4, whole + H4 + from[i], n);
        out->n = (uint16_t)(H4 + n);
        return;
    }
    it_put16(h + 4, (uint16_t)(HF + n));
    memset(h + H6, 0, HF);
    h[H6] = whole[6];
    h[6] = FRAGMENT;
    it_put16(h + H6 + 2, (uint16_t)(from[i] | more));
    it_put32(h + H6 + 4, id);
    memcpy(h + H6 + HF, whole + H6 + from[i], n);
    out->n = (uint16_t)(H6 + HF + n);
}

/* --- making comparable --- */

static bool is_piece(const gt_raw *p)
{
    if (p->b[0] >> 4 == 4)
        return it_get16(p->b + 6) & 0x3fff;
    return p->b[6] == FRAGMENT && (it_get16(p->b + H6 + 2) & 0xfff9);
}

/* Leaves out the header of an atomic fragment, wherever it stands. */
static void drop_atomic(struct fw_got *g)
{
    uint8_t *link = g->b + 6;
    size_t at = H6;
    while (at + 8 <= g->n && (*link == HOP || *link == DEST || *link == ROUTING)) {
        link = g->b + at;
        at += ((size_t)g->b[at + 1] + 1) * 8;
    }
    if (at + 8 > g->n || *link != FRAGMENT || it_get16(g->b + at + 2) & 0xfff9)
        return;
    *link = g->b[at];
    memmove(g->b + at, g->b + at + 8, g->n - at - 8);
    g->n -= 8;
    it_put16(g->b + 4, (uint16_t)(g->n - H6));
}

static void add_piece(struct fw_got *g, const gt_raw *p)
{
    bool v4 = p->b[0] >> 4 == 4;
    size_t head = v4 ? H4 : H6 + HF, to = v4 ? H4 : H6;
    uint32_t at = v4 ? (it_get16(p->b + 6) & 0x1fffu) * 8 : it_get16(p->b + H6 + 2) & 0xfff8u;
    if (at == 0) {
        memcpy(g->b, p->b, to);
        memset(g->b + (v4 ? 2 : 4), 0, 2); /* lengths, and what is particular to a piece */
        if (v4)
            memset(g->b + 6, 0, 2);
        else
            g->b[6] = p->b[H6];
    }
    if (to + at + p->n - head > sizeof g->b)
        return;
    memcpy(g->b + to + at, p->b + head, p->n - head);
    uint32_t end = (uint32_t)(to + at + p->n - head);
    g->n = end > g->n ? end : g->n;
}

static struct fw_got *room_for(fw_seen *s, int dev, bool piece)
{
    for (uint32_t i = 0; piece && i < s->n; i++)
        if (s->v[i].pieces && s->v[i].dev == dev)
            return &s->v[i];
    if (s->n == FW_OUT)
        return NULL;
    struct fw_got *g = &s->v[s->n++];
    memset(g, 0, sizeof *g);
    g->dev = (uint8_t)dev;
    g->pieces = piece;
    return g;
}

void fw_see(fw_seen *s, int dev, const gt_raw *raw, int hops)
{
    gt_raw p = *raw;
    bool v4 = p.b[0] >> 4 == 4, piece = is_piece(&p);
    struct fw_got *g = room_for(s, dev, piece);
    if (!g)
        return;
    p.b[v4 ? 8 : 7] = (uint8_t)(p.b[v4 ? 8 : 7] + hops);
    if (v4) {
        bool right = it_sum_fold(it_sum_add(0, raw->b, H4)) == 0;
        it_put16(p.b + 10, right ? 0 : 1);
    }
    if (piece) {
        add_piece(g, &p);
        return;
    }
    memcpy(g->b, p.b, p.n);
    g->n = p.n;
    if (!v4)
        drop_atomic(g);
}
