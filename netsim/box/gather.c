/* Datagrams in pieces. */
#include "netsim/box/gather.h"

#define WAIT4 (30 * IT_SEC) /* netfilter, ipfrag_time; a host waits 60 s and more: RFC 1122 section 3.3.2 */
#define WAIT6 (60 * IT_SEC) /* RFC 8200 section 4.5 */

enum { EXT_FRAGMENT = 44, EXT_AUTH = 51, DATAGRAM_MAX = 65535 };

/* --- pieces --- */

static it_piece piece_of4(const it_pkt *p)
{
    const uint8_t *b = p->buf + p->head;
    size_t header = (size_t)(b[0] & 15) * 4;
    uint16_t word = it_get16(b + 6);
    return (it_piece){.id = it_get16(b + 4),
                      .at = (uint32_t)(word & 0x1fff) * 8,
                      .n = (uint32_t)(p->len - header),
                      .more = word & 0x2000,
                      .data = b + header};
}

static it_piece piece_of6(const it_pkt *p)
{
    const uint8_t *b = p->buf + p->head;
    uint8_t next = b[6];
    size_t at = 40;
    while (next != EXT_FRAGMENT && at + 8 <= p->len) {
        size_t size = next == EXT_AUTH ? ((size_t)b[at + 1] + 2) * 4 : ((size_t)b[at + 1] + 1) * 8;
        next = b[at];
        at += size;
    }
    uint16_t word = it_get16(b + at + 2);
    return (it_piece){.id = it_get32(b + at + 4),
                      .at = word & 0xfff8u,
                      .n = (uint32_t)(p->len - at - 8),
                      .more = word & 1,
                      .data = b + at + 8};
}

it_piece it_piece_of(const it_pkt *p)
{
    it_piece f = p->ver == 4 ? piece_of4(p) : piece_of6(p);
    if (f.more)
        f.n &= ~7u; /* RFC 791 section 3.2: in units of 8 bytes */
    return f;
}

/* --- datagrams --- */

static bool gather_is(const it_gathering *d, const it_pkt *p, int side, uint32_t id)
{
    return d->pieces && d->id == id && d->ver == p->ver && d->side == side && (p->ver == 6 || d->proto == p->proto) &&
           it_ip_eq(d->src, p->src) && it_ip_eq(d->dst, p->dst);
}

/* The slot of the datagram of |p|, or a free one; NULL when there is neither. */
static it_gathering *gather_find(it_gather *g, const it_pkt *p, int side, uint32_t id)
{
    it_gathering *free_one = NULL;
    for (size_t i = 0; i < IT_GATHER_DATAGRAMS; i++) {
        if (gather_is(&g->v[i], p, side, id))
            return &g->v[i];
        if (!g->v[i].pieces && !free_one)
            free_one = &g->v[i];
    }
    return free_one;
}

/* Takes all pieces out of |d|. */
static it_pkt *gather_take(it_gather *g, it_gathering *d)
{
    it_pkt *p = d->pieces;
    g->n -= d->n;
    *d = (it_gathering){.pieces = NULL};
    return p;
}

/* Where piece |f| belongs among the others: the link that is to lead to it. NULL with |*again| when pieces without a
 * gap between them have all of it, without when it overlaps one. */
static it_pkt **gather_place(it_gathering *d, const it_piece *f, bool *again)
{
    uint32_t run_at = 0, run_end = 0, end = f->at + f->n;
    it_pkt **to = &d->pieces, **place = NULL;
    bool overlaps = false;
    *again = false;
    for (; *to; to = &(*to)->next) {
        it_piece o = it_piece_of(*to);
        if (o.at != run_end || to == &d->pieces)
            run_at = o.at;
        run_end = o.at + o.n;
        *again = f->at >= run_at && end <= run_end;
        if (*again)
            return NULL;
        overlaps |= f->at < run_end && o.at < end;
        if (!place && f->at < o.at)
            place = to;
    }
    if (overlaps)
        return NULL;
    return place ? place : to;
}

/* Whether the end that |f| tells agrees with what is there. */
static bool gather_end_fits(it_gathering *d, const it_piece *f, uint32_t furthest)
{
    uint32_t end = f->at + f->n;
    if (end > DATAGRAM_MAX)
        return false;
    if (!f->more) {
        if (end < furthest || (d->total && d->total != end))
            return false;
        d->total = end;
        return true;
    }
    return !d->total || end <= d->total;
}

static uint32_t gather_furthest(const it_gathering *d)
{
    uint32_t end = 0;
    for (const it_pkt *p = d->pieces; p; p = p->next) {
        it_piece f = it_piece_of(p);
        end = f.at + f.n;
    }
    return end;
}

/* Adds |p| to |d| as one of its pieces that spoils it, and takes them all. */
static it_pkt *gather_spoil(it_gather *g, it_gathering *d, it_pkt *p)
{
    p->next = gather_take(g, d);
    return p;
}

/* Piece |p| of |d| has no bytes or contradicts others about the end. Measured: netfilter gives up the datagram in IPv4,
 * the piece alone in IPv6. */
static enum it_gathered gather_contradicts(it_gather *g, it_gathering *d, it_pkt *p, it_pkt **out)
{
    if (p->ver == 6)
        return IT_GATHERED_AGAIN;
    *out = gather_spoil(g, d, p);
    return IT_GATHERED_SPOILT;
}

static void gather_begin(it_gather *g, it_gathering *d, it_time now, int side, const it_pkt *p, uint32_t id)
{
    *d =
        (it_gathering){.src = p->src, .dst = p->dst, .id = id, .proto = p->proto, .side = (uint8_t)side, .ver = p->ver};
    d->until = now + (p->ver == 4 ? WAIT4 : WAIT6);
    d->seq = ++g->seq;
}

/* Makes the last of |list| say so. It does not where the end was told by a copy of it, which was left out: netfilter
 * takes a copy's word too, and sends on what it has put together. */
static void gather_close(it_pkt *list)
{
    it_pkt *p = list;
    while (p->next)
        p = p->next;
    it_piece f = it_piece_of(p);
    if (!f.more)
        return;
    uint8_t *b = p->buf + p->head;
    size_t header = (size_t)(f.data - b);
    p->len = (uint16_t)(header + f.n);
    if (p->ver == 6) {
        uint8_t *word = b + header - 6;
        it_put16(word, it_get16(word) & 0xfff8u);
        it_put16(b + 4, (uint16_t)(p->len - 40));
        return;
    }
    it_put16(b + 2, p->len);
    it_put16(b + 6, it_get16(b + 6) & 0xdfffu);
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, header)));
}

enum it_gathered it_gather_add(it_gather *g, it_time now, int side, it_pkt *p, it_pkt **out)
{
    it_piece f = it_piece_of(p);
    it_gathering *d = gather_find(g, p, side, f.id);
    bool again;
    p->next = NULL;
    *out = p;
    if (!d->pieces)
        gather_begin(g, d, now, side, p, f.id);
    if (f.n == 0 || !gather_end_fits(d, &f, gather_furthest(d)))
        return gather_contradicts(g, d, p, out);
    it_pkt **to = gather_place(d, &f, &again);
    if (!to && again)
        return IT_GATHERED_AGAIN;
    if (!to) {
        *out = gather_spoil(g, d, p);
        return IT_GATHERED_SPOILT;
    }
    p->next = *to;
    *to = p;
    g->n++;
    d->n++;
    d->have += f.n;
    if (!d->total || d->have != d->total)
        return IT_GATHERED_KEPT;
    *out = gather_take(g, d);
    gather_close(*out);
    return IT_GATHERED_WHOLE;
}

it_pkt *it_gather_expired(it_gather *g, it_time now, int *side)
{
    for (size_t i = 0; g->n && i < IT_GATHER_DATAGRAMS; i++) {
        it_gathering *d = &g->v[i];
        if (!d->pieces || d->until > now)
            continue;
        *side = d->side;
        return gather_take(g, d);
    }
    return NULL;
}

it_pkt *it_gather_crowded(it_gather *g, const it_pkt *p, int by, int *side)
{
    it_gathering *oldest = NULL;
    if (g->n < IT_GATHER_PIECES && gather_find(g, p, by, it_piece_of(p).id))
        return NULL;
    for (size_t i = 0; i < IT_GATHER_DATAGRAMS; i++) {
        it_gathering *d = &g->v[i];
        if (d->pieces && (!oldest || d->seq < oldest->seq))
            oldest = d;
    }
    *side = oldest->side;
    return gather_take(g, oldest);
}

it_time it_gather_next(const it_gather *g)
{
    it_time next = IT_NEVER;
    for (size_t i = 0; g->n && i < IT_GATHER_DATAGRAMS; i++)
        if (g->v[i].pieces && g->v[i].until < next)
            next = g->v[i].until;
    return next;
}

void it_gather_flush(it_gather *g, it_pkt_pool *pool)
{
    for (size_t i = 0; i < IT_GATHER_DATAGRAMS; i++) {
        it_pkt *p = gather_take(g, &g->v[i]);
        while (p) {
            it_pkt *next = p->next;
            it_pkt_free(pool, p);
            p = next;
        }
    }
}
