/* Links: plugging in, parameters, cutting and restoring. How packets travel is in link_send.c and world.c. */
#include "netsim/core/link.h"

#include "netsim/core/impl.h"

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

static const char *steps_fault(const it_link_dir_cfg *c)
{
    it_time before = -1;
    if (c->n_steps > IT_LINK_STEPS_MAX)
        return "a trace has 4096 steps at most";
    for (uint32_t i = 0; i < c->n_steps; i++) {
        const it_link_step *s = &c->steps[i];
        if (s->at <= before || !time_ok(s->at) || (c->steps_every && s->at >= c->steps_every))
            return "the steps of a trace come in order of time, within its round";
        if (s->delay < -1 || s->delay > IT_LINK_TIME_MAX || s->loss_ppm < -1 || s->loss_ppm > 1000000)
            return "a step of a trace has a delay of up to 24 h and a loss of up to 100 %";
        before = s->at;
    }
    return c->steps_every && !c->n_steps ? "a round of a trace needs steps" : NULL;
}

typedef struct rule {
    bool bad;
    const char *why;
} rule;

/* The first rule that is broken, NULL when none is. */
static const char *broken(const rule *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].bad)
            return r[i].why;
    return NULL;
}
#define BROKEN(rules) broken(rules, sizeof rules / sizeof *rules)

static const char *queue_fault(const it_link_dir_cfg *c)
{
    bool codel = c->queueing == IT_LINK_CODEL;
    const rule rules[] = {
        {c->rate < 0, "a rate is not negative"},
        {c->queue < 0 || c->queue > QUEUE_MAX, "a queue has up to 1 GiB"},
        {c->queueing > IT_LINK_CODEL, "a queue is fifo or codel"},
        {codel && !c->rate, "codel needs a rate"},
        {codel && c->bucket, "codel and a token bucket do not go together"},
        {!time_ok(c->target) || !time_ok(c->interval), "target and interval go up to 24 h"},
        {!codel && (c->target || c->interval), "target and interval are codel's"},
        {c->bucket < 0 || c->bucket > QUEUE_MAX, "a token bucket has up to 1 GiB"},
        {c->bucket && !c->rate, "a token bucket needs a rate"},
    };
    return BROKEN(rules);
}

static const char *loss_fault(const it_link_dir_cfg *c)
{
    const uint32_t shares[] = {c->loss_ppm,    c->reorder_ppm,  c->duplicate_ppm,
                               c->corrupt_ppm, c->truncate_ppm, c->gap_ppm};
    const rule rules[] = {
        {c->burst_milli != 0 && (c->burst_milli < 1000 || c->burst_milli > 1000000),
         "a burst is 1 to 1000 places long"},
        {c->mask_bits > 64 || (c->mask_bits < 64 && c->mask >> c->mask_bits), "a mask has up to 64 places"},
        {!time_ok(c->period) || c->gap < 0 || c->gap > c->period, "a gap is part of a period of up to 24 h"},
        {c->period && !c->gap, "a period needs a gap"},
        {c->gap_ppm && !c->period, "the loss of a gap needs a period"},
    };
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (shares[i] > 1000000)
            return "a share goes up to 100 %";
    return BROKEN(rules);
}

const char *it_link_dir_fault(const it_link_dir_cfg *c)
{
    const rule rules[] = {
        {!time_ok(c->delay) || !time_ok(c->jitter), "delay and jitter go up to 24 h"},
        {c->mtu != 0 && (c->mtu < MTU_MIN || c->mtu > IT_PKT_MAX), "an MTU is 68 to 1500 B"},
        {c->mtu_silent && !c->mtu, "a silent MTU needs an MTU"},
        {!time_ok(c->steps_every), "a round of a trace lasts up to 24 h"},
    };
    const char *why = BROKEN(rules);
    why = why ? why : queue_fault(c);
    why = why ? why : loss_fault(c);
    return why ? why : steps_fault(c);
}

/* How long |d|'s wire takes for |bytes|. */
static it_time wire_time(const it_core_dir *d, int64_t bytes)
{
    it_time t = bytes * 8 * IT_SEC / d->rate;
    return t < ROOM_MAX ? t : ROOM_MAX;
}

int64_t it_core_queue_bytes(const it_core_dir *d)
{
    return d->cfg.queue ? d->cfg.queue : QUEUE_DEFAULT;
}

/* Makes |d| as |c| says. Returns 0, or IT_ERR_NOMEM with |d| as it was. */
static int configure(it_world *w, it_core_dir *d, const it_link_dir_cfg *c)
{
    it_link_step *steps = NULL;
    if (c->n_steps) {
        steps = it_realloc(w->alloc, NULL, c->n_steps, sizeof *steps);
        if (!steps)
            return IT_ERR_NOMEM;
        memcpy(steps, c->steps, c->n_steps * sizeof *steps);
    }
    it_free(w->alloc, (void *)(uintptr_t)d->cfg.steps); /* ours, const to readers only */
    if (c->swallow != d->cfg.swallow)
        d->hole = c->swallow;
    d->cfg = *c;
    d->cfg.steps = steps;
    d->delay = c->delay;
    d->rate = c->rate;
    d->mtu = c->mtu ? c->mtu : IT_PKT_MAX;
    d->tx_len = 0;
    d->tx = 0;
    d->room = c->rate ? wire_time(d, it_core_queue_bytes(d)) : IT_NEVER;
    if (!c->rate)
        d->busy = 0; /* nothing is on the wire */
    d->credit = c->bucket ? wire_time(d, c->bucket) : 0;
    if (d->busy == 0)
        d->busy = -d->credit; /* a bucket begins full */
    d->each = c->jitter > 0 || c->reorder_ppm > 0;
    d->luck = it_core_luck_any(c);
    it_core_luck_init(d);
    return 0;
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
static int init_dir(it_world *w, it_core_dir *d, const it_link_cfg *cfg, int i)
{
    d->id = (uint32_t)w->n_links * 2 + (uint32_t)i;
    d->base = it_hash_mix(w->seed, it_hash_str(cfg->name));
    d->hash = it_hash_mix(d->base, (uint64_t)i);
    d->slot = -1;
    it_heap_init(&d->loose, w->alloc);
    return configure(w, d, &cfg->dir[i]);
}

void it_core_link_free(it_world *w, it_core_link *l)
{
    for (int dir = 0; dir < 2; dir++) {
        it_core_dir *d = &l->dir[dir];
        it_free(w->alloc, d->fifo.v);
        it_free(w->alloc, d->codel.v);
        it_free(w->alloc, (void *)(uintptr_t)d->cfg.steps); /* ours, const to readers only */
        it_free(w->alloc, d->loose.v);
    }
    it_free(w->alloc, l->name);
    it_free(w->alloc, l);
}

/* The link itself and room for it in the world's tables; NULL on no memory. */
static it_core_link *make(it_world *w, const char *name)
{
    it_core_link *l = it_calloc(w->alloc, 1, sizeof *l);
    if (!l)
        return NULL;
    l->name = it_strdup(w->alloc, name);
    if (!l->name || it_grow(w->alloc, &w->links, &w->cap_links, w->n_links + 1, sizeof *w->links) < 0 ||
        it_grow(w->alloc, &w->dirs, &w->cap_dirs, w->n_dirs + 2, sizeof *w->dirs) < 0 ||
        it_tourney_grow(&w->fifos, (uint32_t)w->n_dirs + 2) < 0) {
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
    if (!cfg->name || !cfg->name[0] || it_link_dir_fault(&cfg->dir[0]) || it_link_dir_fault(&cfg->dir[1]))
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
    if (init_dir(w, &l->dir[0], cfg, 0) < 0 || init_dir(w, &l->dir[1], cfg, 1) < 0) {
        it_core_link_free(w, l);
        return IT_ERR_NOMEM;
    }
    l->dir[0].node = l->dir[1].to = a;
    l->dir[0].to = l->dir[1].node = b;
    l->dir[0].port = l->dir[1].to_port = pa;
    l->dir[0].to_port = l->dir[1].port = pb;
    plug(&l->dir[0], w->n_links, 0);
    plug(&l->dir[1], w->n_links, 1);
    w->dirs[w->n_dirs++] = &l->dir[0];
    w->dirs[w->n_dirs++] = &l->dir[1];
    w->links[w->n_links] = l;
    it_core_set_special(&l->dir[0]);
    it_core_set_special(&l->dir[1]);
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
    return it_link_at(n, port) < 0 ? IT_PKT_MAX : it_core_mtu(n, port);
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

/* Drops what is in flight, in the order in which it would have arrived; entries in the heap are stale from now on. */
static void drop_all(it_world *w, it_core_dir *d, it_time now)
{
    it_tourney_set(&w->fifos, d->id, IT_NEVER, 0);
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
    for (it_pkt *p; (p = it_core_codel_take(d));)
        drop_cut(d, now, p);
}

void it_link_cut(it_world *w, it_time now, int link, bool signal)
{
    it_core_link *l = at(w, link);
    if (!l->dir[0].cut)
        note(l, now, -1, signal ? "cut, carrier lost" : "cut");
    for (int i = 0; i < 2; i++) {
        it_core_dir *d = &l->dir[i];
        d->cut = true;
        drop_all(w, d, now);
        d->busy = d->last = now;
        it_core_set_special(d);
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
        it_core_set_special(&l->dir[i]);
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
        it_core_set_special(&l->dir[i]);
    }
    if (l->dark)
        set_carrier(l, now, true);
    return 0;
}

int it_link_set(it_world *w, it_time now, int link, int dir, const it_link_dir_cfg *cfg)
{
    it_core_dir *d = dir_at(w, link, dir);
    if (it_link_dir_fault(cfg))
        return IT_ERR_RANGE;
    if (configure(w, d, cfg) < 0)
        return IT_ERR_NOMEM;
    it_core_set_special(d);
    note(at(w, link), now, dir, "changed");
    return 0;
}

uint32_t it_link_waits(const it_world *w, int link, int slot)
{
    return slot >= 0 && slot < IT_CORE_PICKS ? at(w, link)->pick[slot].left : 0;
}

int it_link_choose(it_world *w, int link, const it_link_choice *c)
{
    it_core_link *l = at(w, link);
    if (c->nth == 0 || !time_ok(c->delay) || c->from < -1 || c->from > 1 || (unsigned)c->fate > IT_LINK_TRUNCATE)
        return IT_ERR_RANGE;
    for (int i = 0; i < IT_CORE_PICKS; i++) {
        it_core_pick *k = &l->pick[i];
        if (k->left)
            continue;
        uint8_t dirs = (uint8_t)(c->from < 0 ? 3u : 1u << c->from);
        *k = (it_core_pick){.left = c->nth, .dirs = dirs, .fate = (uint8_t)c->fate};
        k->delay = c->fate == IT_LINK_DELAY ? c->delay : 0;
        if (c->label)
            memcpy(k->label, c->label, strnlen(c->label, IT_CORE_LABEL - 1));
        for (int dir = 0; dir < 2; dir++) {
            l->dir[dir].picks += k->dirs >> dir & 1;
            it_core_set_special(&l->dir[dir]);
        }
        return 0;
    }
    return IT_ERR_FULL;
}

int it_link_pick(it_world *w, int link, int from, uint32_t nth, const char *label, it_time delay)
{
    it_link_choice c = {from, nth, label, delay ? IT_LINK_DELAY : IT_LINK_DROP, delay};
    return from < 0 ? IT_ERR_RANGE : it_link_choose(w, link, &c);
}
