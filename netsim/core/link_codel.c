/* The CoDel queue of a direction, RFC 8289 section 5: which packet gets the wire is decided when the wire is free, by
 * how long packets have waited. Packets wait in a ring; one event tells when the wire is free. Everything else about a
 * packet, its impairments included, was drawn when it was sent. */
#include "netsim/core/impl.h"

#define TARGET_DEFAULT (5 * IT_MS)     /* RFC 8289 section 4.4 */
#define INTERVAL_DEFAULT (100 * IT_MS) /* RFC 8289 section 4.3 */
#define MAXPACKET 1500                 /* RFC 8289 section 5.3: SHOULD use interface MTU */
#define ROOT_BITS 16                   /* of the fraction of a square root */

/* The square root of |v|, rounded down. */
static uint64_t root(uint64_t v)
{
    uint64_t r = 0;
    for (uint64_t bit = 1ULL << 31; bit; bit >>= 1)
        if ((r + bit) * (r + bit) <= v)
            r += bit;
    return r;
}

it_time it_core_codel_step(it_time interval, uint32_t count)
{
    /* RFC 8289 section 4.2: INTERVAL / sqrt(count), with 16 bits of fraction. */
    uint64_t r = root((uint64_t)count << 2 * ROOT_BITS);
    return (interval << ROOT_BITS) / (it_time)r;
}

static it_time interval_of(const it_core_dir *d)
{
    return d->cfg.interval ? d->cfg.interval : INTERVAL_DEFAULT;
}

static uint32_t maxpacket(const it_core_dir *d)
{
    return d->mtu < MAXPACKET ? d->mtu : MAXPACKET;
}

static it_core_waiting *waiting_at(it_core_codel *q, uint32_t i)
{
    return &q->v[(q->head + i) & (q->cap - 1)];
}

static bool grow_codel(it_world *w, it_core_codel *q)
{
    uint32_t cap = q->cap ? q->cap * 2 : 16;
    it_core_waiting *v = it_realloc(w->alloc, NULL, cap, sizeof *v);
    if (!v)
        return false;
    for (uint32_t i = 0; i < q->n; i++)
        v[i] = *waiting_at(q, i);
    it_free(w->alloc, q->v);
    q->v = v;
    q->head = 0;
    q->cap = cap;
    return true;
}

static it_core_waiting codel_pop(it_core_codel *q)
{
    it_core_waiting x = *waiting_at(q, 0);
    q->head++;
    q->n--;
    q->bytes -= x.p->len;
    return x;
}

it_pkt *it_core_codel_take(it_core_dir *d)
{
    return d->codel.n ? codel_pop(&d->codel).p : NULL;
}

/* dodequeue of RFC 8289 section 5.6: the next packet, NULL when there is none; |*ok| when it may be dropped. */
static it_core_waiting codel_next(it_core_dir *d, it_time now, bool *ok)
{
    it_core_codel *q = &d->codel;
    it_time target = d->cfg.target ? d->cfg.target : TARGET_DEFAULT;
    it_core_waiting x = {0};
    *ok = false;
    if (q->n == 0) {
        q->first_above = 0;
        return x;
    }
    x = codel_pop(q);
    if (now - x.since < target || q->bytes <= maxpacket(d))
        q->first_above = 0;
    else if (q->first_above == 0)
        q->first_above = now + interval_of(d);
    else
        *ok = now >= q->first_above;
    return x;
}

/* dequeue of RFC 8289 section 5.5. */
static it_core_waiting dequeue(it_world *w, it_core_dir *d)
{
    it_core_codel *q = &d->codel;
    it_time now = w->now, interval = interval_of(d);
    bool ok;
    it_core_waiting x = codel_next(d, now, &ok);
    if (d->cfg.queueing != IT_LINK_CODEL)
        return x; /* what is left of when it was */
    if (q->dropping) {
        q->dropping = ok;
        while (q->dropping && now >= q->drop_next) {
            it_core_refuse(w, d, x.p, IT_DROP_AQM, NULL);
            q->count++;
            x = codel_next(d, now, &ok);
            q->dropping = ok;
            if (ok)
                q->drop_next += it_core_codel_step(interval, q->count);
        }
    } else if (ok) {
        it_core_refuse(w, d, x.p, IT_DROP_AQM, NULL);
        x = codel_next(d, now, &ok);
        q->dropping = true;
        uint32_t delta = q->count - q->lastcount;
        q->count = delta > 1 && now - q->drop_next < 16 * interval ? delta : 1;
        q->drop_next = now + it_core_codel_step(interval, q->count);
        q->lastcount = q->count;
    }
    return x;
}

static void transmit(it_world *w, it_core_dir *d, it_pkt *p, const it_core_impairment *x)
{
    d->busy = w->now + (d->rate ? it_core_tx(d, p->len) : 0);
    it_core_launch(w, d, p, d->busy, x);
}

/* Asks for the wire when it is free again. */
static void ask_wire(it_world *w, it_core_dir *d)
{
    d->codel.seq = w->seq++;
    it_core_push(w, d->busy, d->codel.seq, (uint64_t)d->id << 2 | IT_CORE_WIRE);
}

void it_core_codel_send(it_world *w, it_core_dir *d, it_pkt *p, const it_core_impairment *x)
{
    it_core_codel *q = &d->codel;
    if (q->n == 0 && d->busy <= w->now) {
        q->first_above = 0; /* the queue is empty: nothing is above the target */
        q->dropping = false;
        transmit(w, d, p, x);
        return;
    }
    /* RFC 8289 section 5.4: drops by a full buffer do not count for CoDel. */
    if (q->bytes > it_core_queue_bytes(d)) {
        it_core_refuse(w, d, p, IT_DROP_QUEUE, NULL);
        return;
    }
    if (q->n == q->cap && !grow_codel(w, q)) {
        w->oom = true;
        it_pkt_free(&w->pool, p);
        return;
    }
    *waiting_at(q, q->n) = (it_core_waiting){p, w->now, *x};
    q->bytes += p->len;
    if (q->n++ == 0)
        ask_wire(w, d);
}

void it_core_codel_wire(it_world *w, it_core_dir *d, uint64_t seq)
{
    if (seq != d->codel.seq || d->codel.n == 0)
        return;
    it_core_waiting x = dequeue(w, d);
    if (x.p)
        transmit(w, d, x.p, &x.impairment);
    if (d->codel.n)
        ask_wire(w, d);
}
