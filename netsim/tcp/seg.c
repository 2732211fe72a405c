/* TCP segments as bytes: header and options in (a table of kinds), options out. */
#include "netsim/tcp/impl.h"

enum { OPT_END = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACK_OK = 4, OPT_SACK = 5, OPT_TS = 8 };

static void read_mss(it_tcp_seg *s, const uint8_t *v, size_t n)
{
    (void)n;
    s->mss = it_get16(v);
}

static void read_wscale(it_tcp_seg *s, const uint8_t *v, size_t n)
{
    (void)n;
    s->has_ws = true;
    s->ws = v[0] > 14 ? 14 : v[0]; /* RFC 7323 section 2.3 */
}

static void read_sack_ok(it_tcp_seg *s, const uint8_t *v, size_t n)
{
    (void)v;
    (void)n;
    s->sack_ok = true;
}

static void read_sack(it_tcp_seg *s, const uint8_t *v, size_t n)
{
    s->n_sack = (uint8_t)(n / 8);
    for (size_t i = 0; i < s->n_sack; i++)
        s->sack[i] = (it_tcp_range){it_get32(v + i * 8), it_get32(v + i * 8 + 4), 0};
}

static void read_ts(it_tcp_seg *s, const uint8_t *v, size_t n)
{
    (void)n;
    s->has_ts = true;
    s->tsval = it_get32(v);
    s->tsecr = it_get32(v + 4);
}

/* Kinds, the lengths of their values, and whether they count only with a SYN. */
static const struct option {
    uint8_t kind, min, max, step;
    bool syn;
    void (*read)(it_tcp_seg *s, const uint8_t *v, size_t n);
} OPTIONS[] = {
    {OPT_MSS, 2, 2, 1, true, read_mss},         /* RFC 9293 section 3.7.1 */
    {OPT_WSCALE, 1, 1, 1, true, read_wscale},   /* RFC 7323 section 2.2 */
    {OPT_SACK_OK, 0, 0, 1, true, read_sack_ok}, /* RFC 2018 section 2 */
    {OPT_SACK, 8, 32, 8, false, read_sack},     /* RFC 2018 section 3 */
    {OPT_TS, 8, 8, 1, false, read_ts},          /* RFC 7323 section 3.2 */
};

static void read_option(it_tcp_seg *s, uint8_t kind, const uint8_t *v, size_t n)
{
    for (size_t i = 0; i < sizeof OPTIONS / sizeof OPTIONS[0]; i++) {
        const struct option *o = &OPTIONS[i];
        bool here = !o->syn || (s->flags & IT_TCP_SYN);
        if (o->kind == kind && here && n >= o->min && n <= o->max && n % o->step == 0)
            o->read(s, v, n);
    }
}

static void read_options(it_tcp_seg *s, const uint8_t *o, size_t n)
{
    for (size_t at = 0; at < n && o[at] != OPT_END;) {
        if (o[at] == OPT_NOP) {
            at++;
            continue;
        }
        /* RFC 9293 section 3.1, MUST-7: an illegal length must not hurt; what follows it cannot be told. */
        size_t len = at + 1 < n ? o[at + 1] : 0;
        if (len < 2 || at + len > n)
            return;
        read_option(s, o[at], o + at + 2, len - 2);
        at += len;
    }
}

void it_tcp_seg_read(const it_pkt *p, it_tcp_seg *s)
{
    const uint8_t *t = p->buf + p->head + p->l4;
    size_t head = (size_t)(t[12] >> 4) * 4; /* the parser has compared it with the length */
    *s = (it_tcp_seg){.seq = it_get32(t + 4),
                      .ack = it_get32(t + 8),
                      .flags = t[13] & 0x3f,
                      .wnd = it_get16(t + 14),
                      .packet = p->id};
    s->data = t + head;
    s->len = (uint32_t)(p->len - p->l4 - head);
    read_options(s, t + 20, head - 20);
}

/* --- options out --- */

static size_t put_ts(uint8_t *out, uint32_t val, uint32_t ecr)
{
    out[0] = OPT_TS;
    out[1] = 10;
    it_put32(out + 2, val);
    it_put32(out + 6, ecr);
    return 10;
}

static size_t put_nops(uint8_t *out, size_t n)
{
    memset(out, OPT_NOP, n);
    return n;
}

static uint16_t own_mss(const it_tcp_conn *c)
{
    uint32_t mss = it_tcp_link_mtu(c) -
                   (it_ip_is4(c->local.ip) ? 40 : 60); /* RFC 9293 section 3.7.1, MUST-67: options do not count */
    return (uint16_t)(c->o.mss && c->o.mss < mss ? c->o.mss : mss);
}

/* In the order in which Linux has them. A |reply| has only what the peer's SYN had: RFC 7323 section 2.2, 3.2, RFC 2018
 * section 2. */
size_t it_tcp_syn_options(const it_tcp_conn *c, it_time now, bool reply, uint8_t out[TCP_OPTIONS])
{
    bool sack = reply ? c->sack : c->o.sack, ts = reply ? c->ts : c->o.timestamps, ws = reply ? c->scaled : c->o.wscale;
    size_t n = 4;
    out[0] = OPT_MSS;
    out[1] = 4;
    it_put16(out + 2, own_mss(c));
    if (sack || ts) {
        if (!(sack && ts))
            n += put_nops(out + n, 2);
        if (sack) {
            out[n++] = OPT_SACK_OK;
            out[n++] = 2;
        }
        if (ts)
            n += put_ts(out + n, it_tcp_ts_now(c, now), reply ? c->ts_recent : 0);
    }
    if (ws) {
        n += put_nops(out + n, 1);
        out[n++] = OPT_WSCALE;
        out[n++] = 3;
        out[n++] = c->rcv_scale;
    }
    return n;
}

static void put_block(uint8_t *out, const it_tcp_range *r)
{
    it_put32(out, r->lo);
    it_put32(out + 4, r->hi);
}

/* The range of |r| that was touched last before |stamp|. */
static const it_tcp_range *touched_before(const it_tcp_ranges *r, uint32_t stamp)
{
    const it_tcp_range *next = NULL;
    for (uint32_t k = 0; k < r->n; k++)
        if (r->v[k].stamp < stamp && (!next || r->v[k].stamp > next->stamp))
            next = &r->v[k];
    return next;
}

/* RFC 2883 section 4: a duplicate first, with the range it lies in behind it; RFC 2018 section 4: the block with the
 * segment that came last, then those before it. */
static size_t put_sack(const it_tcp_conn *c, size_t room, uint8_t *out)
{
    size_t most = (room - 4) / 8, n = 0;
    uint32_t below = UINT32_MAX;
    if (c->dsack.lo != c->dsack.hi)
        put_block(out + 4 + 8 * n++, &c->dsack);
    while (n < most) {
        const it_tcp_range *next = touched_before(&c->ooo, below);
        if (!next)
            break;
        below = next->stamp;
        put_block(out + 4 + 8 * n++, next);
    }
    put_nops(out, 2);
    out[2] = OPT_SACK;
    out[3] = (uint8_t)(2 + n * 8);
    return 4 + n * 8;
}

size_t it_tcp_options(const it_tcp_conn *c, it_time now, uint8_t out[TCP_OPTIONS])
{
    size_t n = 0;
    if (c->ts) {
        n += put_nops(out, 2);
        n += put_ts(out + n, it_tcp_ts_now(c, now), c->ts_recent);
    }
    if (c->sack && (c->ooo.n || c->dsack.lo != c->dsack.hi))
        n += put_sack(c, TCP_OPTIONS - n, out + n);
    return n;
}
