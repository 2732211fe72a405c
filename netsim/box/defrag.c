/* A table of datagrams in fragments, each a list of packets sorted by their place. */
#include "netsim/core/drop.h"
#include "netsim/box/defrag.h"

#include "base/cksum.h"

#include <string.h>

enum { MORE = 0x2000, OFFSET = 0x1fff, DONT = 0x4000 };

#define TOTAL_MAX 65535
#define OVERHEAD 640 /* what a fragment costs beside its bytes; Linux charges 704 to 768 for a small one */

struct it_defrag_dgram {
    uint64_t key[2];
    it_pkt *list;
    it_time until;
    uint32_t next, prev; /* by age; |next| of a free slot: the next one */
    uint32_t got, end;   /* bytes there; behind the highest that is known of */
    bool ended;          /* the last fragment has come: |end| is the datagram's */
    bool begun;          /* so has the first */
};

/* A fragment as its header says. */
typedef struct piece {
    uint32_t off, n;
    bool more;
} piece;

static size_t header_of(const it_pkt *p)
{
    return (size_t)(p->buf[p->head] & 15) * 4;
}

static piece piece_of(const it_pkt *p)
{
    uint16_t word = it_get16(p->buf + p->head + 6);
    size_t header = header_of(p);
    return (piece){(word & OFFSET) * 8u, (uint32_t)(p->len - header), (word & MORE) != 0};
}

void it_defrag_init(it_defrag *d, it_alloc *alloc)
{
    *d = (it_defrag){.alloc = alloc, .free = IT_MAP_NONE, .oldest = IT_MAP_NONE, .newest = IT_MAP_NONE};
    it_map_init(&d->by, alloc, 2);
}

void it_defrag_fini(it_defrag *d)
{
    it_map_fini(&d->by);
    it_free(d->alloc, d->v);
    d->v = NULL;
}

/* --- the table --- */

static void key_of(uint64_t key[2], const it_pkt *p)
{
    key[0] = (uint64_t)it_ip_v4(p->src) << 32 | it_ip_v4(p->dst);
    key[1] = (uint64_t)p->buf[p->head + 9] << 16 | it_get16(p->buf + p->head + 4);
}

/* The slot of a new datagram; IT_MAP_NONE without memory. */
static uint32_t dgram_new(it_defrag *d, it_time until, const uint64_t key[2])
{
    uint32_t i = d->free;
    if (i == IT_MAP_NONE) {
        if (it_grow(d->alloc, &d->v, &d->cap, d->n + 1, sizeof *d->v) < 0)
            return IT_MAP_NONE;
        i = (uint32_t)d->n++;
        d->v[i].next = IT_MAP_NONE;
        d->free = i;
    }
    if (it_map_put(&d->by, key, i) < 0)
        return IT_MAP_NONE;
    d->free = d->v[i].next;
    d->v[i] = (it_defrag_dgram){.key = {key[0], key[1]}, .until = until, .next = IT_MAP_NONE, .prev = d->newest};
    if (d->newest == IT_MAP_NONE)
        d->oldest = i;
    else
        d->v[d->newest].next = i;
    d->newest = i;
    return i;
}

/* Takes datagram |i| out of the table: its fragments. */
static it_pkt *dgram_take(it_defrag *d, uint32_t i)
{
    it_defrag_dgram *g = &d->v[i];
    it_pkt *list = g->list;
    it_map_del(&d->by, g->key);
    if (g->prev == IT_MAP_NONE)
        d->oldest = g->next;
    else
        d->v[g->prev].next = g->next;
    if (g->next == IT_MAP_NONE)
        d->newest = g->prev;
    else
        d->v[g->next].prev = g->prev;
    g->next = d->free;
    g->list = NULL;
    d->free = i;
    for (const it_pkt *p = list; p; p = p->next)
        d->held -= p->len + OVERHEAD;
    return list;
}

it_time it_defrag_next(const it_defrag *d)
{
    return d->oldest == IT_MAP_NONE ? IT_NEVER : d->v[d->oldest].until;
}

it_pkt *it_defrag_expired(it_defrag *d, it_time now)
{
    return it_defrag_next(d) <= now ? dgram_take(d, d->oldest) : NULL;
}

it_pkt *it_defrag_flush(it_defrag *d)
{
    return d->oldest == IT_MAP_NONE ? NULL : dgram_take(d, d->oldest);
}

/* --- fitting in --- */

enum fit { FITS, COPY, OVERLAP };

/* How |f| lies to what is there: |*place| is where it goes. Fragments that touch make a run. */
static enum fit fit_of(it_defrag_dgram *g, const piece *f, it_pkt ***place)
{
    it_pkt **at = &g->list;
    uint32_t run = 0, behind = 0; /* the run that the last fragment belongs to: from, to */
    for (; *at; at = &(*at)->next) {
        piece h = piece_of(*at);
        if (h.off >= f->off + f->n)
            break;
        run = h.off == behind && at != &g->list ? run : h.off;
        behind = h.off + h.n;
        *place = &(*at)->next;
        if (behind <= f->off)
            continue;
        /* It overlaps this one: a copy when the run it is in has all of it. */
        while ((*at)->next) {
            piece k = piece_of((*at)->next);
            if (k.off != behind)
                break;
            behind = k.off + k.n;
            at = &(*at)->next;
        }
        return f->off >= run && f->off + f->n <= behind ? COPY : OVERLAP;
    }
    *place = at;
    return FITS;
}

/* Why |f| contradicts what is known of the length of |g|; NULL: it does not. Takes in what it says. */
static const char *length_fault(it_defrag_dgram *g, const piece *f)
{
    uint32_t end = f->off + f->n;
    if (end + 20 > TOTAL_MAX)
        return "the datagram would be larger than 65535 bytes";
    if (!f->more) {
        if (end < g->end || (g->ended && end != g->end))
            return "another end of the datagram";
        g->ended = true;
        g->end = end;
    } else if (end > g->end) {
        if (g->ended)
            return "data behind the end of the datagram";
        g->end = end;
    }
    return f->n == 0 ? "a fragment without data" : NULL;
}

/* A fragment that is not the last counts in eights: what is above is cut off, as Linux does. */
static piece trimmed(it_pkt *p)
{
    piece f = piece_of(p);
    if (f.more && f.n % 8) {
        p->len = (uint16_t)(p->len - f.n % 8);
        f.n -= f.n % 8;
    }
    return f;
}

static it_defrag_out drop_one(it_pkt *p, enum it_drop reason, const char *why)
{
    p->next = NULL;
    return (it_defrag_out){IT_DEFRAG_DROPS, p, reason, why};
}

/* Ends datagram |i|: all of it and |p| are to be dropped. */
static it_defrag_out drop_all(it_defrag *d, uint32_t i, it_pkt *p, enum it_drop reason, const char *why)
{
    p->next = dgram_take(d, i);
    return (it_defrag_out){IT_DEFRAG_DROPS, p, reason, why};
}

it_defrag_out it_defrag_input(it_defrag *d, it_time now, it_pkt *p, it_time timeout, uint64_t memory)
{
    uint64_t key[2];
    if (d->held > memory)
        return drop_one(p, IT_DROP_FRAG_LIMIT, "too many fragments wait");
    key_of(key, p);
    uint32_t i = it_map_get(&d->by, key);
    if (i == IT_MAP_NONE)
        i = dgram_new(d, now + timeout, key);
    if (i == IT_MAP_NONE)
        return drop_one(p, IT_DROP_FRAG_LIMIT, "out of memory");
    it_defrag_dgram *g = &d->v[i];
    piece f = trimmed(p);
    const char *fault = length_fault(g, &f);
    if (fault)
        return drop_all(d, i, p, IT_DROP_MALFORMED, fault);
    it_pkt **place = &g->list;
    enum fit fit = fit_of(g, &f, &place);
    if (fit == COPY)
        return drop_one(p, IT_DROP_FRAG_OVERLAP, "a copy of what is there");
    if (fit == OVERLAP)
        return drop_all(d, i, p, IT_DROP_FRAG_OVERLAP, "fragments of the datagram overlap");
    p->next = *place;
    *place = p;
    d->held += p->len + OVERHEAD;
    g->got += f.n;
    g->begun |= f.off == 0;
    if (!g->ended || !g->begun || g->got != g->end)
        return (it_defrag_out){IT_DEFRAG_WAITS, NULL, IT_DROP_NONE, NULL};
    return (it_defrag_out){IT_DEFRAG_WHOLE, dgram_take(d, i), IT_DROP_NONE, NULL};
}

/* --- whole --- */

bool it_defrag_merge(it_pkt *list)
{
    uint8_t *b = it_pkt_ip(list);
    size_t header = header_of(list), all = header, largest = 0, largest_df = 0;
    for (const it_pkt *q = list; q; q = q->next) {
        size_t n = q->len;
        all += q->len - header_of(q);
        largest = n > largest ? n : largest;
        if (!it_pkt_may_fragment(q) && n > largest_df)
            largest_df = n;
    }
    if (all > IT_PKT_MAX || list->head + all > IT_PKT_ROOM)
        return false;
    for (const it_pkt *q = list->next; q; q = q->next) {
        piece g = piece_of(q);
        memcpy(b + header + g.off, q->buf + q->head + header_of(q), g.n);
    }
    list->len = (uint16_t)all;
    it_put16(b + 2, list->len);
    it_put16(b + 6, largest == largest_df ? DONT : 0);
    it_put16(b + 10, 0);
    it_put16(b + 10, it_sum_fold(it_sum_add(0, b, header)));
    return it_pkt_scan(list) == 0;
}

bool it_defrag_sum_ok(const it_pkt *list)
{
    const uint8_t *b = list->buf + list->head;
    uint8_t proto = list->proto;
    uint64_t sum = 0, n = 0;
    if (list->ck == 0 || (proto == IT_PROTO_UDP && it_get16(b + list->ck) == 0))
        return true; /* RFC 768: 0 is "none" */
    for (const it_pkt *q = list; q; q = q->next) {
        const uint8_t *at = q->buf + q->head;
        size_t header = header_of(q);
        sum = it_sum_add(sum, at + header, q->len - header);
        n += q->len - header;
    }
    if (proto != IT_PROTO_ICMP)
        sum += proto + n + it_sum_two(b + 12);
    return it_sum_fold(sum) == 0;
}
