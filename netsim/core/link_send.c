/* The way of a packet onto a link: what may stop it, its turn on the wire, its place in the queues. */
#include "netsim/core/impl.h"

#include <string.h>

/* Notes in |x| what the rules of this direction that wait do to |p|, counting it; true when one drops it. */
static bool picked(const it_world *w, it_core_dir *d, const it_pkt *p, it_core_luck *x)
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
        x->twice |= k->fate == IT_LINK_DUPLICATE;
        x->corrupt |= k->fate == IT_LINK_CORRUPT;
        x->truncate |= k->fate == IT_LINK_TRUNCATE;
        drop |= k->fate == IT_LINK_DROP;
    }
    return drop;
}

/* What stops |p|, apart from queue and luck. */
static enum it_drop judge(const it_world *w, it_core_dir *d, const it_pkt *p, it_core_luck *x)
{
    if (d->cut)
        return IT_DROP_CUT;
    if (d->hole)
        return IT_DROP_BLACKHOLE;
    if (p->len > d->mtu)
        return IT_DROP_MTU;
    if (d->picks && picked(w, d, p, x))
        return IT_DROP_CHOSEN;
    return IT_DROP_NONE;
}

/* Puts |len| bytes on the wire behind what is on it; false when the queue is full. The wire is free of them at |*end|.
 */
static bool wire(it_core_dir *d, it_time now, uint32_t len, it_time *end)
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

/* The same through a token bucket: |busy| is when its rate would be through with everything, of which |credit| may be
 * ahead. */
static bool wire_bucket(it_core_dir *d, it_time now, uint32_t len, it_time *end)
{
    it_time from = d->busy > now - d->credit ? d->busy : now - d->credit;
    *end = now;
    if (d->busy - now > d->room)
        return false;
    d->busy = from + it_core_tx(d, len);
    if (d->busy > now)
        *end = d->busy;
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

/* Queues |p|, which would arrive |at|, behind those before it. */
static void enqueue_fifo(it_world *w, it_core_dir *d, it_pkt *p, it_time at)
{
    if (d->fifo.n == d->fifo.cap && !grow(w, &d->fifo))
        lose(w, p);
    else
        it_core_enqueue(w, d, p, at);
}

/* The same with an event of its own; a packet that is |astray| leaves the order. */
static void enqueue_loose(it_world *w, it_core_dir *d, it_pkt *p, it_time at, bool astray)
{
    if (!astray) {
        if (at < d->last)
            at = d->last;
        d->last = at;
    }
    uint64_t seq = w->seq++;
    if (it_heap_push(&d->loose, (it_heap_item){at, seq, (uint64_t)(uintptr_t)p}) < 0) {
        lose(w, p);
        return;
    }
    it_core_push(w, at, seq, (uint64_t)d->id << 2 | IT_CORE_LOOSE);
}

void it_core_refuse(it_world *w, it_core_dir *d, it_pkt *p, enum it_drop why, const char *more)
{
    if (why == IT_DROP_LOSS)
        d->stats.lost++;
    else
        d->stats.dropped++;
    it_node_drop(d->node, w->now, d->port, p, why, more);
}

/* Flips the bit that |where| says. A packet whose headers then contradict themselves arrives, but is nobody's; its
 * cache stays that of before, so that people can see whose it was. */
static void corrupt(it_pkt *p, uint64_t where)
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
    p->fate = IT_CORE_DAMAGED;
}

/* Sends what arrives at |at| into the queue that fits. */
static void enqueue(it_world *w, it_core_dir *d, it_pkt *p, it_time at, const it_core_luck *x)
{
    bool astray = x->astray || x->late;
    if (d->each || astray)
        enqueue_loose(w, d, p, at + x->late, astray);
    else
        enqueue_fifo(w, d, p, at);
}

/* What happens to |p| on the way, after its sender has let go of it. */
static void harm(it_core_dir *d, it_pkt *p, const it_core_luck *x)
{
    d->stats.late += x->astray || x->late;
    d->stats.damaged += x->corrupt || x->truncate;
    if (x->corrupt)
        corrupt(p, x->where);
    if (x->truncate && p->len > 1) {
        p->len = (uint16_t)(1 + (x->where >> 32) % (p->len - 1u));
        p->fate = IT_CORE_SHORT;
    }
}

IT_CORE_RARE void it_core_launch(it_world *w, it_core_dir *d, it_pkt *p, it_time end, const it_core_luck *x)
{
    it_pkt *copy = NULL;
    if (x->lost) {
        it_core_refuse(w, d, p, IT_DROP_LOSS, *x->lost ? x->lost : NULL);
        return;
    }
    harm(d, p, x);
    if (x->twice) {
        copy = it_core_packet(w);
        if (!copy)
            w->oom = true;
        else
            it_pkt_copy(copy, p);
    }
    enqueue(w, d, p, end + x->delay + x->jitter, x);
    if (!copy)
        return;
    d->stats.duplicated++;
    enqueue(w, d, copy, end + x->delay + x->jitter, x);
}

/* A packet that anything but the queue may stop, or that somebody watches, out of |port| of |n|. The draw comes first:
 * the luck of later packets in its slot depends on how many were sent, not on what became of them. What is lost is lost
 * on the way: it has its turn on the wire like any other. */
static IT_CORE_RARE void send_special(it_node *n, int port, it_core_dir *d, it_pkt *p)
{
    it_world *w = n->world;
    if (!d || !n->ports[port].up) {
        it_node_drop(n, w->now, port, p, IT_DROP_IFACE_DOWN, NULL);
        return;
    }
    it_core_luck x = d->luck ? it_core_draw(d, w->now) : (it_core_luck){.delay = d->delay};
    it_time end = w->now;
    enum it_drop why = judge(w, d, p, &x);
    bool late = it_core_is_codel(d);
    if (why == IT_DROP_NONE && !late &&
        !(d->cfg.bucket ? wire_bucket(d, w->now, p->len, &end) : wire(d, w->now, p->len, &end)))
        why = IT_DROP_QUEUE;
    if (w->n_obs)
        it_core_see(w, IT_SEEN_SEND, d->node, d->port, p);
    if (why != IT_DROP_NONE)
        it_core_refuse(w, d, p, why, NULL);
    else if (late)
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
    } else if (d->fifo.n == d->fifo.cap && !grow(w, &d->fifo)) {
        lose(w, p);
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
