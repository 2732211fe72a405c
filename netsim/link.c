/* Links: plugging in, parameters, cutting and restoring. How packets travel is in link_send.c and world.c. */
#include "netsim/link.h"

#include "netsim/core.h"

#include <stdio.h>
#include <string.h>

#define QUEUE_DEFAULT (64 * 1024)
#define QUEUE_MAX ((int64_t)1 << 30)
#define ROOM_MAX (1000 * 24 * 3600 * IT_SEC)
#define MTU_MIN 68 /* RFC 791 section 3.2 */
#define NOTE 96

/* --- parameters --- */

static bool time_ok(it_time t)
{
    return t >= 0 && t <= IT_LINK_TIME_MAX;
}

static bool cfg_ok(const it_link_dir_cfg *c)
{
    if (!time_ok(c->delay) || !time_ok(c->jitter) || c->rate < 0 || c->queue < 0 || c->queue > QUEUE_MAX)
        return false;
    if (c->loss_ppm > 1000000 || (c->burst_milli != 0 && (c->burst_milli < 1000 || c->burst_milli > 1000000)))
        return false;
    if (c->mtu != 0 && (c->mtu < MTU_MIN || c->mtu > IT_PKT_MAX))
        return false;
    return c->reorder_ppm == 0 && c->duplicate_ppm == 0 && c->corrupt_ppm == 0;
}

/* Whether the way of a packet has to look at more than delay and rate. */
static void set_special(it_core_dir *d)
{
    d->special = d->cut || d->hole || d->picks > 0 || d->cfg.loss_ppm > 0 || d->cfg.jitter > 0;
}

static void configure(it_core_dir *d, const it_link_dir_cfg *c)
{
    d->cfg = *c;
    d->delay = c->delay;
    d->rate = c->rate;
    d->mtu = c->mtu ? c->mtu : IT_PKT_MAX;
    d->tx_len = 0;
    d->tx = 0;
    d->room = 0;
    if (c->rate) {
        it_time room = (c->queue ? c->queue : QUEUE_DEFAULT) * 8 * IT_SEC / c->rate;
        d->room = room < ROOM_MAX ? room : ROOM_MAX;
    }
    d->each = c->jitter > 0;
    it_core_luck_init(d);
    set_special(d);
}

/* --- plugging in --- */

int it_link_find(const it_world *w, const char *name)
{
    for (size_t i = 0; i < w->n_links; i++)
        if (strcmp(w->links[i]->name, name) == 0)
            return (int)i;
    return -1;
}

/* Prepares direction |i| of a link of which |node| is the end that sends. */
static void init_dir(it_world *w, it_core_dir *d, const it_link_cfg *cfg, int i)
{
    d->id = (uint32_t)w->n_links * 2 + (uint32_t)i;
    d->hash = it_hash_mix(it_hash_mix(w->seed, it_hash_str(cfg->name)), (uint64_t)i);
    d->slot = -1;
    it_heap_init(&d->loose, w->alloc);
    configure(d, &cfg->dir[i]);
}

/* The link itself and room for it in the world's tables; NULL on no memory. */
static it_core_link *make(it_world *w, const char *name)
{
    it_core_link *l = it_calloc(w->alloc, 1, sizeof *l);
    if (!l)
        return NULL;
    l->name = it_strdup(w->alloc, name);
    if (!l->name || it_grow(w->alloc, &w->links, &w->cap_links, w->n_links + 1, sizeof *w->links) < 0 ||
        it_grow(w->alloc, &w->dirs, &w->cap_dirs, w->n_dirs + 2, sizeof *w->dirs) < 0) {
        it_free(w->alloc, l->name);
        it_free(w->alloc, l);
        return NULL;
    }
    return l;
}

static void plug(it_core_dir *d, size_t link, uint8_t end)
{
    it_port *p = &d->node->ports[d->port];
    p->out = d;
    p->link = (int32_t)link;
    p->end = end;
    p->carrier = true;
}

int it_link_new(it_world *w, const it_link_cfg *cfg, it_node *a, int pa, it_node *b, int pb)
{
    if (!cfg->name || !cfg->name[0] || !cfg_ok(&cfg->dir[0]) || !cfg_ok(&cfg->dir[1]))
        return IT_ERR_RANGE;
    if (pa < 0 || pb < 0 || (uint32_t)pa >= a->n_ports || (uint32_t)pb >= b->n_ports)
        return IT_ERR_RANGE;
    if (a->ports[pa].link >= 0 || b->ports[pb].link >= 0 || (a == b && pa == pb))
        return IT_ERR_STATE;
    if (it_link_find(w, cfg->name) >= 0)
        return IT_ERR_EXISTS;
    it_core_link *l = make(w, cfg->name);
    if (!l)
        return IT_ERR_NOMEM;
    init_dir(w, &l->dir[0], cfg, 0);
    init_dir(w, &l->dir[1], cfg, 1);
    l->dir[0].node = l->dir[1].to = a;
    l->dir[0].to = l->dir[1].node = b;
    l->dir[0].port = l->dir[1].to_port = pa;
    l->dir[0].to_port = l->dir[1].port = pb;
    plug(&l->dir[0], w->n_links, 0);
    plug(&l->dir[1], w->n_links, 1);
    w->dirs[w->n_dirs++] = &l->dir[0];
    w->dirs[w->n_dirs++] = &l->dir[1];
    w->links[w->n_links] = l;
    return (int)w->n_links++;
}

/* --- questions --- */

static it_core_link *at(const it_world *w, int link)
{
    IT_ASSERT(link >= 0 && (size_t)link < w->n_links);
    return w->links[link];
}

static it_core_dir *dir_at(const it_world *w, int link, int dir)
{
    IT_ASSERT(dir == 0 || dir == 1);
    return &at(w, link)->dir[dir];
}

int it_link_at(const it_node *n, int port)
{
    return port >= 0 && (uint32_t)port < n->n_ports ? n->ports[port].link : -1;
}

const char *it_link_name(const it_world *w, int link)
{
    return link >= 0 && (size_t)link < w->n_links ? w->links[link]->name : NULL;
}

it_node *it_link_end(const it_world *w, int link, int end, int *port)
{
    const it_core_dir *d = dir_at(w, link, end);
    *port = d->port;
    return d->node;
}

uint32_t it_link_mtu(const it_node *n, int port)
{
    int link = it_link_at(n, port);
    return link < 0 ? IT_PKT_MAX : n->ports[port].out->mtu;
}

const it_link_dir_cfg *it_link_get(const it_world *w, int link, int dir)
{
    return &dir_at(w, link, dir)->cfg;
}

bool it_link_whole(const it_world *w, int link)
{
    const it_core_link *l = at(w, link);
    return !l->dir[0].cut && !l->dir[0].hole && !l->dir[1].hole;
}

it_link_stats it_link_stat(const it_world *w, int link, int dir)
{
    return dir_at(w, link, dir)->stats;
}

/* --- faults --- */

/* Tells observers at both ends, or at |only| (0 or 1), what happened to the link. */
static void note(const it_core_link *l, it_time now, int only, const char *what)
{
    char text[NOTE];
    snprintf(text, sizeof text, "link %.60s %s", l->name, what);
    for (int i = 0; i < 2; i++)
        if (only < 0 || only == i)
            it_node_note(l->dir[i].node, now, text);
}

/* Sets the carrier of both ends and tells their nodes. */
static void set_carrier(it_core_link *l, it_time now, bool up)
{
    l->dark = !up;
    for (int i = 0; i < 2; i++)
        l->dir[i].node->ports[l->dir[i].port].carrier = up;
    for (int i = 0; i < 2; i++) {
        it_node *n = l->dir[i].node;
        if (n->ops->carrier)
            n->ops->carrier(n, now, l->dir[i].port, up);
        it_node_wake(n);
    }
}

static void drop_cut(it_core_dir *d, it_time now, it_pkt *p)
{
    d->stats.dropped++;
    it_node_drop(d->node, now, d->port, p, IT_DROP_CUT, NULL);
}

/* Drops what is in flight, in the order in which it would have arrived; the events are stale from now on. */
static void drop_all(it_core_dir *d, it_time now)
{
    while (d->fifo.n) {
        it_pkt *p = it_core_slot_at(&d->fifo, 0)->p;
        d->fifo.head++;
        d->fifo.n--;
        drop_cut(d, now, p);
    }
    const it_heap_item *first;
    while ((first = it_heap_top(&d->loose))) {
        it_pkt *p = (it_pkt *)(uintptr_t)first->id;
        it_heap_pop(&d->loose);
        drop_cut(d, now, p);
    }
}

void it_link_cut(it_world *w, it_time now, int link, bool signal)
{
    it_core_link *l = at(w, link);
    if (!l->dir[0].cut)
        note(l, now, -1, signal ? "cut, carrier lost" : "cut");
    for (int i = 0; i < 2; i++) {
        it_core_dir *d = &l->dir[i];
        d->cut = true;
        drop_all(d, now);
        d->busy = d->last = now;
        set_special(d);
    }
    if (signal && !l->dark)
        set_carrier(l, now, false);
}

void it_link_blackhole(it_world *w, it_time now, int link, int from)
{
    it_core_link *l = at(w, link);
    IT_ASSERT(from >= -1 && from <= 1);
    note(l, now, from, "swallows");
    for (int i = 0; i < 2; i++) {
        if (from < 0 || from == i)
            l->dir[i].hole = true;
        set_special(&l->dir[i]);
    }
}

int it_link_restore(it_world *w, it_time now, int link)
{
    it_core_link *l = at(w, link);
    if (it_link_whole(w, link))
        return IT_ERR_STATE;
    note(l, now, -1, "restored");
    for (int i = 0; i < 2; i++) {
        l->dir[i].cut = l->dir[i].hole = false;
        set_special(&l->dir[i]);
    }
    if (l->dark)
        set_carrier(l, now, true);
    return 0;
}

int it_link_set(it_world *w, it_time now, int link, int dir, const it_link_dir_cfg *cfg)
{
    it_core_dir *d = dir_at(w, link, dir);
    if (!cfg_ok(cfg))
        return IT_ERR_RANGE;
    configure(d, cfg);
    note(at(w, link), now, dir, "changed");
    return 0;
}

int it_link_pick(it_world *w, int link, int from, uint32_t nth, const char *label, it_time delay)
{
    it_core_link *l = at(w, link);
    if (nth == 0 || !time_ok(delay) || from < 0 || from > 1)
        return IT_ERR_RANGE;
    for (int i = 0; i < IT_CORE_PICKS; i++) {
        it_core_pick *k = &l->pick[i];
        if (k->left)
            continue;
        *k = (it_core_pick){.left = nth, .dir = (uint8_t)from, .delay = delay};
        if (label)
            memcpy(k->label, label, strnlen(label, IT_CORE_LABEL - 1));
        l->dir[from].picks++;
        set_special(&l->dir[from]);
        return 0;
    }
    return IT_ERR_FULL;
}
