/* The world: its life, the event loop, the fingerprint, observers and labels. Nodes are in node.c, links in link*.c. */
#include "netsim/core/world.h"

#include "netsim/core/impl.h"

#include <string.h>

it_world *it_world_new(const it_world_cfg *cfg)
{
    it_world *w = it_calloc(cfg->alloc, 1, sizeof *w);
    if (!w)
        return NULL;
    w->alloc = cfg->alloc;
    w->seed = cfg->seed;
    w->hash = 0x6963657461 ^ cfg->seed;
    if (it_tourney_init(&w->fifos, w->alloc) < 0) {
        it_free(w->alloc, w);
        return NULL;
    }
    it_heap_init(&w->heap, w->alloc);
    it_pkt_pool_init(&w->pool, w->alloc);
    it_map_init(&w->label_map, w->alloc, 1);
    return w;
}

static void free_nodes(it_world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++) {
        it_node *n = w->nodes[i];
        it_free(w->alloc, n->ports);
        n->ports = NULL;
        if (n->ops->free)
            n->ops->free(n);
    }
}

void it_world_free(it_world *w)
{
    if (!w)
        return;
    it_alloc *a = w->alloc;
    free_nodes(w);
    for (size_t i = 0; i < w->n_links; i++)
        it_core_link_free(w, w->links[i]);
    for (size_t i = 0; i < w->n_labels; i++)
        it_free(a, w->labels[i]);
    it_free(a, w->labels);
    it_free(a, w->nodes);
    it_free(a, w->links);
    it_free(a, w->dirs);
    it_map_fini(&w->label_map);
    it_heap_fini(&w->heap);
    it_tourney_fini(&w->fifos);
    it_pkt_pool_fini(&w->pool);
    it_free(a, w);
}

it_alloc *it_world_alloc(it_world *w)
{
    return w->alloc;
}

uint64_t it_world_seed(const it_world *w)
{
    return w->seed;
}

it_pkt_pool *it_world_pool(it_world *w)
{
    return &w->pool;
}

it_time it_world_now(const it_world *w)
{
    return w->now;
}

/* --- the event loop --- */

/* Takes the head of the queue in order; the next one takes its place. */
static IT_CORE_HOT it_pkt *take_fifo(it_world *w, it_core_dir *d)
{
    it_core_ring *r = &d->fifo;
    it_pkt *p = it_core_slot_at(r, 0)->p;
    r->head++;
    if (--r->n == 0) {
        it_tourney_set(&w->fifos, d->id, IT_NEVER, 0);
        return p;
    }
    const it_core_slot *next = it_core_slot_at(r, 0);
    __builtin_prefetch(next->p);
    __builtin_prefetch(next->p->buf + IT_PKT_HEADROOM);
    __builtin_prefetch(next->p->buf + IT_PKT_HEADROOM + 64);
    it_tourney_set(&w->fifos, d->id, next->at, next->seq);
    return p;
}

/* Takes the packet of event |seq| out of the heap of reordered packets; NULL when the event is stale. */
static IT_CORE_RARE it_pkt *take_reordered(it_core_dir *d, uint64_t seq)
{
    const it_heap_item *first = it_heap_top(&d->reordered);
    if (!first || first->seq != seq)
        return NULL;
    it_pkt *p = (it_pkt *)(uintptr_t)first->id;
    it_heap_pop(&d->reordered);
    return p;
}

/* Counts |p|, which arrives. */
static IT_CORE_HOT void count_arrival(it_world *w, it_core_dir *d, const it_pkt *p)
{
    d->stats.packets++;
    d->stats.bytes += p->len;
    it_core_print(w, d->to, p, 0);
}

static IT_CORE_HOT void world_deliver(it_world *w, it_core_dir *d, it_pkt *p)
{
    it_node *n = d->to;
    n->ops->deliver(n, w->now, d->to_port, p);
    if (n->stirred)
        it_core_wake(w, n);
}

/* Delivers |p| to observers and, unless the port or the node is down or |p| is damaged, to the node. */
static IT_CORE_RARE void arrive_guarded(it_world *w, it_core_dir *d, it_pkt *p)
{
    it_node *n = d->to;
    if (!n->ports[d->to_port].up) {
        it_node_drop(n, w->now, d->to_port, p, IT_DROP_IFACE_DOWN, NULL);
        return;
    }
    count_arrival(w, d, p);
    if (w->n_obs)
        it_core_see(w, IT_SEEN_RECV, n, d->to_port, p);
    bool cut_short = p->damage == IT_CORE_SHORT;
    if (p->damage != IT_CORE_SOUND)
        it_node_drop(n, w->now, d->to_port, p, cut_short ? IT_DROP_MALFORMED : IT_DROP_CHECKSUM,
                     cut_short ? "cut short on the link" : "its header was damaged on the link");
    else if (n->down)
        it_node_drop(n, w->now, d->to_port, p, n->ops->down ? (enum it_drop)n->ops->down : IT_DROP_HOST_DOWN, NULL);
    else
        world_deliver(w, d, p);
}

/* Hands |p|, at the end of direction |d|, to the node there. */
static IT_CORE_HOT void world_arrive(it_world *w, it_core_dir *d, it_pkt *p)
{
    p->next = NULL;
    if (d->guarded || p->damage) {
        arrive_guarded(w, d, p);
        return;
    }
    count_arrival(w, d, p);
    world_deliver(w, d, p);
}

/* Runs the timer of |n| unless it is stale (the node has another one) or early (what was due was put off). */
static IT_CORE_RARE void fire_timer(it_world *w, it_node *n)
{
    if (n->wake != w->now)
        return;
    n->wake = IT_NEVER;
    if (n->ops->next(n) <= w->now && n->ops->run)
        n->ops->run(n, w->now);
    it_core_wake(w, n);
}

/* Runs the event on top of the heap. Its heap slot is freed last: what the event pushes takes it, which saves a sift.
 */
static IT_CORE_RARE void world_step(it_world *w, uint64_t seq, uint64_t id)
{
    w->slot_free = true;
    if ((id & 3) == IT_CORE_TIMER) {
        fire_timer(w, w->nodes[id >> 2]);
    } else if ((id & 3) == IT_CORE_WIRE) {
        it_core_codel_wire(w, w->dirs[id >> 2], seq);
    } else {
        it_core_dir *d = w->dirs[id >> 2];
        it_pkt *p = take_reordered(d, seq);
        if (p)
            world_arrive(w, d, p);
    }
    if (w->slot_free) {
        w->slot_free = false;
        it_heap_pop(&w->heap);
    }
}

/* True when the event on top of the heap comes before the head of queue |first|. */
static inline bool heap_first(const it_world *w, uint32_t first)
{
    const it_heap_item *top = it_heap_top(&w->heap);
    it_time head = w->fifos.time[first];
    return top && top->time <= head && (top->time < head || top->seq < w->fifos.seq[first]);
}

it_time it_world_next(const it_world *w)
{
    uint32_t first = it_tourney_first(&w->fifos);
    return heap_first(w, first) ? it_heap_top(&w->heap)->time : w->fifos.time[first];
}

/* Moves the time to |at|. False when it has stood still for too long. */
static inline bool world_advance(it_world *w, it_time at)
{
    if (at != w->now) {
        w->now = at;
        w->still = 0;
        return true;
    }
    return ++w->still <= IT_CORE_EVENTS;
}

int it_world_run(it_world *w, it_time until)
{
    IT_ASSERT(until >= w->now);
    for (;;) {
        if (w->oom)
            return IT_ERR_NOMEM;
        if (w->ready)
            return 1;
        uint32_t first = it_tourney_first(&w->fifos);
        bool heap = heap_first(w, first);
        it_time at = heap ? w->heap.v[0].time : w->fifos.time[first];
        if (at > until || at == IT_NEVER)
            break;
        if (!world_advance(w, at))
            return IT_ERR_LOOP;
        if (heap) {
            world_step(w, w->heap.v[0].seq, w->heap.v[0].id);
        } else {
            it_core_dir *d = w->dirs[first];
            world_arrive(w, d, take_fifo(w, d));
        }
    }
    /* Without an end the world stays at its last event, so that it can still be given something. */
    if (until != IT_NEVER && until > w->now) {
        w->now = until;
        w->still = 0;
    }
    return 0;
}

/* --- fingerprint and observers --- */

uint64_t it_world_fingerprint(const it_world *w)
{
    return it_hash_mix(w->hash, 0);
}

void it_world_mix(it_world *w, uint64_t v)
{
    w->hash = it_core_mix(w->hash, v);
}

int it_world_observe(it_world *w, it_observer o)
{
    if (w->n_obs == IT_CORE_OBSERVERS)
        return IT_ERR_FULL;
    w->obs[w->n_obs++] = o;
    for (size_t i = 0; i < w->n_dirs; i++)
        it_core_set_special(w->dirs[i]);
    return 0;
}

void it_world_unobserve(it_world *w, const void *self)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n_obs; i++)
        if (w->obs[i].self != self)
            w->obs[n++] = w->obs[i];
    w->n_obs = n;
    for (size_t i = 0; i < w->n_dirs; i++)
        it_core_set_special(w->dirs[i]);
}

void it_core_show(it_world *w, const it_seen_packet *seen)
{
    for (uint32_t i = 0; i < w->n_obs;) {
        const void *self = w->obs[i].self;
        w->obs[i].see(w->obs[i].self, seen);
        i += i < w->n_obs && w->obs[i].self == self; /* unless it watches no more */
    }
}

void it_core_see(it_world *w, enum it_seen kind, const it_node *n, int port, const it_pkt *p)
{
    it_seen_packet seen = {.kind = kind, .now = w->now, .node = n, .port = port, .packet = p};
    it_core_show(w, &seen);
}

/* --- labels --- */

/* The place of |text| in the map: the number under its key, or IT_MAP_NONE and the key to add it under. Equal hashes of
 * different texts step on by one. */
static uint32_t find_label(const it_world *w, const char *text, uint64_t *key)
{
    for (*key = it_hash_str(text);; ++*key) {
        uint32_t label = it_map_get(&w->label_map, key);
        if (label == IT_MAP_NONE || strcmp(w->labels[label - 1], text) == 0)
            return label;
    }
}

uint16_t it_world_label(it_world *w, const char *text)
{
    char cut[IT_CORE_LABEL];
    uint64_t key;
    size_t n = strnlen(text, IT_CORE_LABEL - 1);
    memcpy(cut, text, n);
    cut[n] = '\0';
    uint32_t label = n ? find_label(w, cut, &key) : 0;
    if (label != IT_MAP_NONE)
        return (uint16_t)label;
    if (w->n_labels == UINT16_MAX ||
        it_grow(w->alloc, &w->labels, &w->cap_labels, w->n_labels + 1, sizeof *w->labels) < 0)
        return 0;
    char *copy = it_strdup(w->alloc, cut);
    if (!copy)
        return 0;
    if (it_map_put(&w->label_map, &key, (uint32_t)w->n_labels + 1) < 0) {
        it_free(w->alloc, copy);
        return 0;
    }
    w->labels[w->n_labels++] = copy;
    return (uint16_t)w->n_labels;
}

const char *it_world_label_text(const it_world *w, uint16_t label)
{
    return label == 0 || label > w->n_labels ? "" : w->labels[label - 1];
}
