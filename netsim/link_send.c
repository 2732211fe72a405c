/* The way of a packet onto a link: what may stop it, its turn on the wire, its place in the queues. */
#include "netsim/core.h"

#include <string.h>

/* How a packet fares beyond the usual. */
struct extra {
    it_time jitter;
    it_time late; /* a rule's delay; the packet leaves the order */
};

/* Counts |p| for every rule of this direction that waits; true when one drops it, |*late| set when one delays it. */
static bool picked(const it_world *w, it_core_dir *d, const it_pkt *p, it_time *late)
{
    it_core_link *l = w->links[d->id >> 1];
    const char *label = it_world_label_text(w, p->label);
    bool drop = false;
    for (int i = 0; i < IT_CORE_PICKS; i++) {
        it_core_pick *k = &l->pick[i];
        if (k->left == 0 || k->dir != (d->id & 1) || strncmp(label, k->label, strlen(k->label)) != 0)
            continue;
        if (--k->left)
            continue;
        d->picks--;
        *late += k->delay;
        drop |= k->delay == 0;
    }
    return drop;
}

/* What stops |p|, apart from the queue. The draw comes first: the luck of later packets in its slot depends on how many were
 * sent, not on what became of them. */
static enum it_drop judge(const it_world *w, it_core_dir *d, const it_pkt *p, struct extra *x)
{
    bool lost = (d->cfg.loss_ppm || d->cfg.jitter) && it_core_luck(d, w->now, &x->jitter);
    if (d->cut)
        return IT_DROP_CUT;
    if (d->hole)
        return IT_DROP_BLACKHOLE;
    if (p->len > d->mtu)
        return IT_DROP_MTU;
    if (d->picks && picked(w, d, p, &x->late))
        return IT_DROP_CHOSEN;
    return lost ? IT_DROP_LOSS : IT_DROP_NONE;
}

/* Puts |len| bytes on the wire behind what is on it; false when the queue is full. The wire is free of them at |*end|. */
static inline bool wire(it_core_dir *d, it_time now, uint32_t len, it_time *end)
{
    *end = now;
    if (d->rate == 0)
        return true;
    if (d->busy - now > d->room)
        return false;
    if (d->busy > now)
        *end = d->busy;
    if (len != d->tx_len) {
        /* Rounded up: the wire is never faster than its rate. */
        d->tx_len = len;
        d->tx = ((int64_t)len * 8 * IT_SEC + d->rate - 1) / d->rate;
    }
    *end += d->tx;
    d->busy = *end;
    return true;
}

/* Doubles a ring, its packets put in order from the beginning. */
static IT_CORE_RARE bool grow(it_world *w, it_core_ring *r)
{
    uint32_t cap = r->cap ? r->cap * 2 : 4;
    it_core_slot *v = it_realloc(w->alloc, NULL, cap, sizeof *v);
    if (!v)
        return false;
    for (uint32_t i = 0; i < r->n; i++)
        v[i] = *it_core_slot_at(r, i);
    it_free(w->alloc, r->v);
    *r = (it_core_ring){v, 0, r->n, cap};
    return true;
}

/* There is no memory for the place of |p| in a queue. */
static IT_CORE_RARE void lose(it_world *w, it_pkt *p)
{
    w->oom = true;
    it_pkt_free(&w->pool, p);
}

/* Queues |p|, which would arrive |at|, behind those before it. Its place among events of equal time is given here. */
static inline void enqueue_fifo(it_world *w, it_core_dir *d, it_pkt *p, it_time at)
{
    it_core_ring *r = &d->fifo;
    if (r->n == r->cap && !grow(w, r)) {
        lose(w, p);
        return;
    }
    if (at < d->last)
        at = d->last;
    d->last = at;
    uint64_t seq = w->seq++;
    *it_core_slot_at(r, r->n) = (it_core_slot){at, seq, p};
    if (r->n++ == 0)
        it_core_push(w, at, seq, (uint64_t)d->id << 2 | IT_CORE_FIFO);
}

/* The same with an event of its own; a packet that a rule makes |late| leaves the order. */
static void enqueue_loose(it_world *w, it_core_dir *d, it_pkt *p, it_time at, it_time late)
{
    if (late)
        at += late;
    else if (at < d->last)
        at = d->last;
    if (!late)
        d->last = at;
    uint64_t seq = w->seq++;
    if (it_heap_push(&d->loose, (it_heap_item){at, seq, (uint64_t)(uintptr_t)p}) < 0) {
        lose(w, p);
        return;
    }
    it_core_push(w, at, seq, (uint64_t)d->id << 2 | IT_CORE_LOOSE);
}

static IT_CORE_RARE void refuse(it_world *w, it_core_dir *d, it_pkt *p, enum it_drop why)
{
    if (why == IT_DROP_LOSS)
        d->stats.lost++;
    else
        d->stats.dropped++;
    it_node_drop(d->node, w->now, d->port, p, why, NULL);
}

/* A packet that anything but the queue may stop, or that somebody watches. */
static IT_CORE_RARE void send_special(it_world *w, it_core_dir *d, it_pkt *p)
{
    struct extra x = {0, 0};
    it_time end = w->now;
    enum it_drop why = judge(w, d, p, &x);
    /* What is lost is lost on the way: it has its turn on the wire like any other. */
    if ((why == IT_DROP_NONE || why == IT_DROP_LOSS) && !wire(d, w->now, p->len, &end))
        why = IT_DROP_QUEUE;
    if (w->n_obs)
        it_core_see(w, IT_SEEN_SEND, d->node, d->port, p);
    if (why != IT_DROP_NONE)
        refuse(w, d, p, why);
    else if (d->each || x.late)
        enqueue_loose(w, d, p, end + d->delay + x.jitter, x.late);
    else
        enqueue_fifo(w, d, p, end + d->delay);
}

void it_node_send(it_node *n, it_time now, int port, it_pkt *p)
{
    it_world *w = n->world;
    IT_ASSERT(now == w->now && (uint32_t)port < n->n_ports);
    const it_port *from = &n->ports[port];
    it_core_dir *d = from->out;
    it_time end;
    if (!d || !from->up)
        it_node_drop(n, now, port, p, IT_DROP_IFACE_DOWN, NULL);
    else if (d->special || p->len > d->mtu || w->n_obs)
        send_special(w, d, p);
    else if (!wire(d, now, p->len, &end))
        refuse(w, d, p, IT_DROP_QUEUE);
    else
        enqueue_fifo(w, d, p, end + d->delay);
}
