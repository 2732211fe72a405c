/* Fragments that reach a host become datagrams again: RFC 791 section 3.2, RFC 8200 section 4.5, RFC 1122
 * section 3.3.2.
 *
 * A datagram keeps its fragments as they came, sorted by their place. A fragment that overlaps another ends its
 * datagram, and those that still come are dropped too until its time is over (RFC 5722 section 4; RFC 791 leaves IPv4
 * the choice); an exact copy is left out alone. A small datagram becomes a packet in place of its first fragment, a
 * large one bytes beside it.
 *
 * Not here: the combination of ECN marks (RFC 3168 section 5.3), of which no socket hears. */
#include "base/cksum.h"
#include "netsim/core/refuse.h"
#include "netsim/host/impl.h"

#include <string.h>

enum { NEXT_FRAGMENT = 44, NEXT_AUTH = 51, MORE4 = 0x2000, OFFSET4 = 0x1fff, ICMP6_PARAMETER = 4 };

#define WAIT (60 * IT_SEC) /* RFC 8200 section 4.5; RFC 1122 section 3.3.2 recommends 60 to 120 */
#define TOTAL_MAX 65535    /* bytes of an IPv4 datagram, and behind the header of an IPv6 packet */

typedef struct dgram {
    it_pkt *list; /* its fragments by their place, through |next| */
    it_ip src, dst;
    it_time until;
    uint64_t born; /* order of creation; 0: a free slot */
    uint32_t id;
    uint32_t got, end; /* bytes there, and of the whole; |end| 0: not known */
    uint8_t proto;     /* IPv4 alone has it in the key */
    bool dead;         /* fragments overlapped */
} dgram;

struct host_join {
    dgram v[IT_HOST_JOIN_MAX];
    uint64_t born;
    uint32_t held;
};

/* A fragment as its header says. */
typedef struct piece {
    uint32_t id, off, n;
    size_t head; /* bytes of the packet in front of the data */
    uint8_t proto;
    bool more;
} piece;

static piece piece_of(const it_pkt *p)
{
    const uint8_t *b = p->buf + p->head;
    if (p->ver == 4) {
        size_t head = (size_t)(b[0] & 15) * 4;
        uint16_t w = it_get16(b + 6);
        return (piece){it_get16(b + 4), (w & OFFSET4) * 8u, (uint32_t)(p->len - head), head, b[9], (w & MORE4) != 0};
    }
    /* The parser has followed these headers: there is a fragment header behind them. */
    uint8_t next = b[6];
    size_t at = 40;
    while (next != NEXT_FRAGMENT) {
        uint8_t kind = next;
        next = b[at];
        at += kind == NEXT_AUTH ? ((size_t)b[at + 1] + 2) * 4 : ((size_t)b[at + 1] + 1) * 8;
    }
    uint16_t w = it_get16(b + at + 2);
    return (piece){it_get32(b + at + 4), w & 0xfff8u, (uint32_t)(p->len - at - 8), at + 8, b[at], w & 1};
}

/* --- the table --- */

static dgram *find_dgram(struct host_join *j, const it_pkt *p, const piece *f)
{
    uint8_t proto = p->ver == 4 ? f->proto : 0;
    for (int i = 0; i < IT_HOST_JOIN_MAX; i++) {
        dgram *d = &j->v[i];
        if (d->born && d->id == f->id && d->proto == proto && it_ip_eq(d->src, p->src) && it_ip_eq(d->dst, p->dst))
            return d;
    }
    return NULL;
}

/* The datagram that waits longest, of those with fragments when |full|; NULL: there is none. */
static dgram *oldest(struct host_join *j, bool full)
{
    dgram *o = NULL;
    for (int i = 0; i < IT_HOST_JOIN_MAX; i++) {
        dgram *d = &j->v[i];
        if (d->born && (!full || d->list) && (!o || d->born < o->born))
            o = d;
    }
    return o;
}

/* Drops the fragments of |d|: inside the host, not at its port, where they were received long ago. */
static void drop_all(it_host *h, it_time now, dgram *d, enum it_drop why, const char *more)
{
    while (d->list) {
        it_pkt *p = d->list;
        d->list = p->next;
        p->next = NULL;
        h->join->held--;
        it_node_drop(&h->node, now, -1, p, why, more);
    }
    d->got = 0;
}

static void dgram_forget(it_host *h, it_time now, dgram *d, enum it_drop why, const char *more)
{
    drop_all(h, now, d, why, more);
    d->born = 0;
}

static dgram *new_dgram(it_host *h, it_time now, const it_pkt *p, const piece *f)
{
    struct host_join *j = h->join;
    dgram *d = NULL;
    for (int i = 0; i < IT_HOST_JOIN_MAX && !d; i++)
        d = j->v[i].born ? NULL : &j->v[i];
    if (!d) {
        d = oldest(j, false);
        dgram_forget(h, now, d, IT_DROP_FRAG_LIMIT, "too many datagrams in fragments");
    }
    *d = (dgram){.src = p->src, .dst = p->dst, .id = f->id, .proto = p->ver == 4 ? f->proto : 0};
    d->until = now + WAIT;
    d->born = ++j->born;
    it_node_wake(&h->node);
    return d;
}

/* --- checks --- */

/* What is no fragment of a datagram: NULL when it is one, else why not. |*at|: the field at fault, for IPv6. */
static const char *piece_fault(const it_pkt *p, const piece *f, uint32_t *at)
{
    uint32_t front =
        p->ver == 4 ? (uint32_t)f->head : (uint32_t)f->head - 48; /* headers that count in the whole's length */
    *at = 0;
    if (f->off == 0 && !f->more)
        return "two fragment headers";
    if (f->more && (f->n == 0 || f->n % 8 != 0)) {
        *at = 4; /* the payload length */
        return "a fragment that is not the last is a multiple of 8 bytes";
    }
    if (front + f->off + f->n > TOTAL_MAX) {
        *at = (uint32_t)f->head - 6; /* the offset */
        return "the datagram would be larger than 65535 bytes";
    }
    return NULL;
}

/* Drops fragment |p|. RFC 8200 section 4.5: the sender of IPv6 is told which field is wrong. */
static void refuse_fragment(it_host *h, it_time now, it_pkt *p, uint32_t at, const char *why)
{
    int iface = (int)p->at;
    it_refusal r = {.type = ICMP6_PARAMETER, .rest = at, .reason = IT_DROP_MALFORMED, .more = why};
    if (p->ver == 6 && at && !h->silent)
        r.from = p->dst;
    it_pkt *e = it_refuse(&h->node, now, iface, p, &r);
    if (e)
        (void)it_host_emit(h, now, iface, e);
}

/* How fragment |p| fits those of |d| that are there. */
enum fit { FITS, COPY, OVERLAP };

static bool piece_same(const it_pkt *p, const piece *f, const it_pkt *q, const piece *g)
{
    return f->off == g->off && f->n == g->n && f->more == g->more &&
           memcmp(p->buf + p->head + f->head, q->buf + q->head + g->head, f->n) == 0;
}

/* True when |f|, which comes before |next| (NULL: last), has a second end, or data behind the end of |d|. */
static bool contradicts_end(const dgram *d, const piece *f, const it_pkt *next)
{
    if (!f->more && (next || d->end))
        return true;
    return d->end && f->off + f->n > d->end;
}

static enum fit fits(dgram *d, const it_pkt *p, const piece *f, it_pkt ***place)
{
    it_pkt **at = &d->list;
    for (; *at; at = &(*at)->next) {
        piece g = piece_of(*at);
        if (piece_same(p, f, *at, &g))
            return COPY;
        if (g.off >= f->off + f->n)
            break;
        if (g.off + g.n > f->off)
            return OVERLAP;
    }
    *place = at;
    return contradicts_end(d, f, *at) ? OVERLAP : FITS; /* it is of another datagram */
}

/* --- whole --- */

/* Makes |p|, the first fragment of |d|, a packet of all its bytes; false when it has no room for them or they are none.
 */
static bool into_packet(it_pkt *p, const dgram *d, const piece *f)
{
    uint8_t *b = it_pkt_ip(p);
    if (p->head + f->head + d->end > IT_PKT_ROOM || f->head + d->end > IT_PKT_MAX)
        return false;
    for (const it_pkt *q = p->next; q; q = q->next) {
        piece g = piece_of(q);
        memcpy(b + f->head + g.off, q->buf + q->head + g.head, g.n);
    }
    p->len = (uint16_t)(f->head + d->end);
    if (p->ver == 4) {
        it_put16(b + 2, p->len);
        it_put16(b + 6, 0);
        it_put16(b + 10, 0);
        it_put16(b + 10, it_sum_fold(it_sum_add(0, b, f->head)));
    } else {
        /* The fragment header stays, of a packet that is whole: RFC 8200 section 4.5, RFC 6946. */
        it_put16(b + 4, (uint16_t)(p->len - 40));
        it_put16(b + f->head - 6, 0);
    }
    return true;
}

/* The bytes of |d| from the transport header on, beside its first fragment |p|. Returns 0 or IT_ERR_NOMEM. */
static int into_bytes(it_host *h, const it_pkt *p, const dgram *d, const piece *f)
{
    size_t skip = p->l4 - f->head; /* IPv6 headers behind the fragment header; the parser found them all in |p| */
    uint8_t *all = it_malloc(it_world_alloc(h->node.world), d->end);
    if (!all)
        return IT_ERR_NOMEM;
    for (const it_pkt *q = p; q; q = q->next) {
        piece g = piece_of(q);
        memcpy(all + g.off, q->buf + q->head + g.head, g.n);
    }
    memmove(all, all + skip, d->end - skip);
    h->whole = all;
    h->whole_n = d->end - skip;
    return 0;
}

/* Takes |d|, which is complete, out of the table: its datagram as it_host_join says, under |id|. */
static it_pkt *dgram_complete(it_host *h, it_time now, dgram *d, uint64_t id)
{
    it_pkt_pool *pool = it_world_pool(h->node.world);
    it_pkt *p = d->list;
    piece f = piece_of(p);
    bool packed = into_packet(p, d, &f);
    int err = packed ? 0 : into_bytes(h, p, d, &f);
    for (it_pkt *q = p->next, *next; q; q = next) {
        next = q->next;
        h->join->held--;
        it_pkt_free(pool, q);
    }
    h->join->held--;
    d->list = p->next = NULL;
    d->born = 0;
    p->id = id;
    if (err < 0) {
        it_node_oom(&h->node);
        it_pkt_free(pool, p);
        return NULL;
    }
    /* Another fragment header in the data is nonsense. */
    if (packed ? it_pkt_scan(p) < 0 || p->frag : p->frag != 1) {
        it_node_drop(&h->node, now, (int)p->at, p, IT_DROP_MALFORMED, "put together it is no packet");
        return NULL;
    }
    return p;
}

/* Drops |p| of |d|, whose fragments overlap, with all the others; those to come follow. */
static void overlap(it_host *h, it_time now, dgram *d, it_pkt *p)
{
    drop_all(h, now, d, IT_DROP_FRAG_OVERLAP, "another fragment of it overlaps");
    d->dead = true;
    it_node_drop(&h->node, now, (int)p->at, p, IT_DROP_FRAG_OVERLAP, NULL);
}

/* Puts |p| into |d| at |place|; what makes room for it may be |d| itself: then false, and |p| dropped. */
static bool put_piece(it_host *h, it_time now, dgram *d, it_pkt *p, it_pkt **place)
{
    struct host_join *j = h->join;
    while (j->held >= IT_HOST_JOIN_HELD) {
        dgram *o = oldest(j, true);
        dgram_forget(h, now, o, IT_DROP_FRAG_LIMIT, "too many fragments");
        if (o == d) {
            it_node_drop(&h->node, now, (int)p->at, p, IT_DROP_FRAG_LIMIT, "too many fragments");
            return false;
        }
    }
    p->next = *place;
    *place = p;
    j->held++;
    return true;
}

it_pkt *it_host_join(it_host *h, it_time now, it_pkt *p)
{
    piece f = piece_of(p);
    uint64_t id = p->id;
    uint32_t at;
    it_pkt **place = NULL;
    const char *why = piece_fault(p, &f, &at);
    if (why) {
        refuse_fragment(h, now, p, at, why);
        return NULL;
    }
    if (!h->join && !(h->join = it_calloc(it_world_alloc(h->node.world), 1, sizeof *h->join))) {
        it_node_oom(&h->node);
        it_pkt_free(it_world_pool(h->node.world), p);
        return NULL;
    }
    dgram *d = find_dgram(h->join, p, &f);
    if (!d)
        d = new_dgram(h, now, p, &f);
    enum fit fit = d->dead ? OVERLAP : fits(d, p, &f, &place);
    if (fit == COPY) {
        it_node_drop(&h->node, now, (int)p->at, p, IT_DROP_FRAG_OVERLAP, "a copy of one that is there");
        return NULL;
    }
    if (fit == OVERLAP) {
        overlap(h, now, d, p);
        return NULL;
    }
    if (!put_piece(h, now, d, p, place))
        return NULL;
    d->got += f.n;
    if (!f.more)
        d->end = f.off + f.n;
    return d->end && d->got == d->end ? dgram_complete(h, now, d, id) : NULL;
}

/* --- time --- */

it_time it_host_join_next(const it_host *h)
{
    it_time next = IT_NEVER;
    for (int i = 0; h->join && i < IT_HOST_JOIN_MAX; i++)
        if (h->join->v[i].born && h->join->v[i].until < next)
            next = h->join->v[i].until;
    return next;
}

/* RFC 1122 section 3.3.2, RFC 8200 section 4.5: whose first fragment is there is told. */
static void give_up(it_host *h, it_time now, dgram *d)
{
    it_pkt *p = d->list, *e = NULL;
    int iface = p ? (int)p->at : -1;
    if (p && p->frag == 1 && !h->silent) {
        it_refusal why = it_refusal_of(p->ver, IT_REFUSE_REASSEMBLY, p->dst, IT_DROP_FRAG_TIMEOUT);
        e = it_refuse_error(&h->node, p, &why);
    }
    dgram_forget(h, now, d, IT_DROP_FRAG_TIMEOUT, NULL);
    if (e)
        (void)it_host_emit(h, now, iface, e);
}

void it_host_join_run(it_host *h, it_time now)
{
    for (dgram *d; h->join && (d = oldest(h->join, false)) && d->until <= now;)
        give_up(h, now, d);
}

void it_host_join_forget(it_host *h, it_time now, enum it_drop why)
{
    for (dgram *d; h->join && (d = oldest(h->join, false));)
        dgram_forget(h, now, d, why, NULL);
}

void it_host_join_free(it_host *h)
{
    it_alloc *a = it_world_alloc(h->node.world);
    it_free(a, h->join);
    it_free(a, h->frag);
    it_free(a, h->whole);
}
