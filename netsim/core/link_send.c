/* The way of a packet onto a link: what may stop it, its turn on the wire, its place in the queues. */
#include "netsim/core/impl.h"

#include <string.h>

/* Counts |p| in the rules of this direction and notes in |x| what those whose turn has come do to it. True: it is
 * dropped. */
static bool picked(const it_world *w, it_core_dir *d, const it_pkt *p, it_core_impairment *x)
{
    it_core_link *l = w->links[d->id >> 1];
    const char *label = it_world_label_text(w, p->label);
    bool drop = false;
    for (int i = 0; i < IT_CORE_PICKS; i++) {
        it_core_pick *k = &l->pick[i];
        if (k->left == 0 || !(k->dirs >> (d->id & 1) & 1) || strncmp(label, k->label, strlen(k->label)) != 0)
            continue;
        if (--k->left)
            continue;
        for (int dir = 0; dir < 2; dir++) {
            l->dir[dir].picks -= k->dirs >> dir & 1;
            it_core_set_special(&l->dir[dir]);
        }
        x->late += k->delay;
        x->duplicate |= k->action == IT_LINK_DUPLICATE;
        x->corrupt |= k->action == IT_LINK_CORRUPT;
        x->truncate |= k->action == IT_LINK_TRUNCATE;
        drop |= k->action == IT_LINK_DROP;
    }
    return drop;
}

/* Returns why |p| does not leave, apart from queue and loss; IT_DROP_NONE when it does. */
static enum it_drop refusal_of(const it_world *w, it_core_dir *d, const it_pkt *p, it_core_impairment *x)
{
    if (d->cut)
        return IT_DROP_CUT;
    if (d->blackhole)
        return IT_DROP_BLACKHOLE;
    if (p->len > d->mtu)
        return IT_DROP_MTU;
    if (d->picks && picked(w, d, p, x))
        return IT_DROP_CHOSEN;
    return IT_DROP_NONE;
}

/* Serialises |len| bytes behind the queue; they have left at |*end|. False: the queue is full. */
static bool serialise(it_core_dir *d, it_time now, uint32_t len, it_time *end)
{
    *end = now;
    if (d->busy - now > d->room)
        return false;
    if (d->busy > now)
        *end = d->busy;
    *end += it_core_tx(d, len);
    d->busy = *end;
    return true;
}

/* The same through a token bucket of |d|->depth: |busy| is when its rate alone would have sent everything. */
static bool serialise_bucket(it_core_dir *d, it_time now, uint32_t len, it_time *end)
{
    it_time from = d->busy > now - d->depth ? d->busy : now - d->depth;
    *end = now;
    if (d->busy - now > d->room)
        return false;
    d->busy = from + it_core_tx(d, len);
    if (d->busy > now)
        *end = d->busy;
    return true;
}

static bool serialise_any(it_core_dir *d, it_time now, uint32_t len, it_time *end)
{
    return d->cfg.bucket ? serialise_bucket(d, now, len, end) : serialise(d, now, len, end);
}

/* Doubles ring |r| and moves its packets to the beginning. False: no memory. */
static IT_CORE_RARE bool grow_ring(it_world *w, it_core_ring *r)
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

/* Frees |p|, for which there is no memory in a queue. */
static IT_CORE_RARE void lose_packet(it_world *w, it_pkt *p)
{
    w->oom = true;
    it_pkt_free(&w->pool, p);
}

/* Queues |p| to arrive |at|, or behind those before it. */
static void enqueue_fifo(it_world *w, it_core_dir *d, it_pkt *p, it_time at)
{
    if (d->fifo.n == d->fifo.cap && !grow_ring(w, &d->fifo))
        lose_packet(w, p);
    else
        it_core_enqueue(w, d, p, at);
}

/* Queues |p| with an event of its own. Where |reordered| it may overtake and be overtaken. */
static void enqueue_reordered(it_world *w, it_core_dir *d, it_pkt *p, it_time at, bool reordered)
{
    if (!reordered) {
        if (at < d->last)
            at = d->last;
        d->last = at;
    }
    uint64_t seq = w->seq++;
    if (it_heap_push(&d->reordered, (it_heap_item){at, seq, (uint64_t)(uintptr_t)p}) < 0) {
        lose_packet(w, p);
        return;
    }
    it_core_push(w, at, seq, (uint64_t)d->id << 2 | IT_CORE_REORDERED);
}

void it_core_refuse(it_world *w, it_core_dir *d, it_pkt *p, enum it_drop why, const char *more)
{
    if (why == IT_DROP_LOSS)
        d->stats.lost++;
    else
        d->stats.dropped++;
    it_node_drop(d->node, w->now, d->port, p, why, more);
}

/* Flips bit |where| of |p|. Where its headers then contradict themselves it arrives damaged, and is nobody's; its cache
 * stays that of before, so that a trace can say whose it was. */
static void flip_bit(it_pkt *p, uint64_t where)
{
    uint64_t bit = where % ((uint64_t)p->len * 8);
    uint16_t len = p->len;
    it_pkt_head was;
    it_pkt_keep(p, &was);
    it_pkt_ip(p)[bit / 8] ^= (uint8_t)(1u << bit % 8);
    p->summed = false;
    if (it_pkt_scan(p) == 0 && p->len == len)
        return;
    it_pkt_revert(p, &was);
    p->damage = IT_CORE_DAMAGED;
}

/* Queues |p| by itself or in the ring, as its direction and its impairments ask for. */
static void enqueue_packet(it_world *w, it_core_dir *d, it_pkt *p, it_time at, const it_core_impairment *x)
{
    bool reordered = x->reordered || x->late;
    if (d->each || reordered)
        enqueue_reordered(w, d, p, at + x->late, reordered);
    else
        enqueue_fifo(w, d, p, at);
}

/* Damages |p| as |x| says, and counts it. */
static void impair_packet(it_core_dir *d, it_pkt *p, const it_core_impairment *x)
{
    d->stats.late += x->reordered || x->late;
    d->stats.damaged += x->corrupt || x->truncate;
    if (x->corrupt)
        flip_bit(p, x->where);
    if (x->truncate && p->len > 1) {
        p->len = (uint16_t)(1 + (x->where >> 32) % (p->len - 1u));
        p->damage = IT_CORE_SHORT;
    }
}

IT_CORE_RARE void it_core_launch(it_world *w, it_core_dir *d, it_pkt *p, it_time end, const it_core_impairment *x)
{
    it_pkt *copy = NULL;
    if (x->lost) {
        it_core_refuse(w, d, p, IT_DROP_LOSS, *x->lost ? x->lost : NULL);
        return;
    }
    impair_packet(d, p, x);
    if (x->duplicate) {
        copy = it_core_packet(w);
        if (!copy)
            w->oom = true;
        else
            it_pkt_copy(copy, p);
    }
    enqueue_packet(w, d, p, end + x->delay + x->jitter, x);
    if (!copy)
        return;
    d->stats.duplicated++;
    enqueue_packet(w, d, copy, end + x->delay + x->jitter, x);
}

/* Sends |p| out of |port| of |n| by the slow path: a check beside the queue may stop it, or an observer sees it. Draws
 * first, so that the draws of later packets in the slot depend on how many were sent, not on what became of them. A
 * lost packet still takes its turn on the wire. */
static IT_CORE_RARE void send_special(it_node *n, int port, it_core_dir *d, it_pkt *p)
{
    it_world *w = n->world;
    if (!d || !n->ports[port].up) {
        it_node_drop(n, w->now, port, p, IT_DROP_IFACE_DOWN, NULL);
        return;
    }
    it_core_impairment x = d->impaired ? it_core_draw(d, w->now) : (it_core_impairment){.delay = d->delay};
    it_time end = w->now;
    enum it_drop why = refusal_of(w, d, p, &x);
    bool codel = it_core_is_codel(d);
    if (why == IT_DROP_NONE && !codel && !serialise_any(d, w->now, p->len, &end))
        why = IT_DROP_QUEUE;
    if (w->n_obs)
        it_core_see(w, IT_SEEN_SEND, d->node, d->port, p);
    if (why != IT_DROP_NONE)
        it_core_refuse(w, d, p, why, NULL);
    else if (codel)
        it_core_codel_send(w, d, p, &x);
    else
        it_core_launch(w, d, p, end, &x);
}

IT_CORE_RARE void it_core_send_rare(it_node *n, int port, it_pkt *p)
{
    it_world *w = n->world;
    it_core_dir *d = n->ports[port].out;
    if (!d || d->special || p->len > d->mtu) {
        send_special(n, port, d, p);
    } else if (d->busy - w->now > d->room) {
        it_core_refuse(w, d, p, IT_DROP_QUEUE, NULL);
    } else if (d->fifo.n == d->fifo.cap && !grow_ring(w, &d->fifo)) {
        lose_packet(w, p);
    } else {
        (void)it_core_tx(d, p->len);
        it_core_send(n, port, p);
    }
}

void it_core_fifo_starts(it_world *w, it_core_dir *d, it_time at, uint64_t seq)
{
    it_tourney_set(&w->fifos, d->id, at, seq);
}

void it_node_send(it_node *n, it_time now, int port, it_pkt *p)
{
    IT_ASSERT(now == n->world->now && (uint32_t)port < n->n_ports);
    it_core_send(n, port, p);
}
