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

typedef struct rule {
    bool bad;
    const char *why;
} rule;

/* The first rule that is broken, NULL when none is. */
static const char *first_broken(const rule *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].bad)
            return r[i].why;
    return NULL;
}
#define BROKEN(rules) first_broken(rules, sizeof rules / sizeof *rules)

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

static const char *step_fault(const it_link_dir_cfg *c, const it_link_step *s, it_time before)
{
    static const char ORDER[] = "the steps of a trace come in order of time, within its round";
    static const char VALUES[] = "a step of a trace has a delay of up to 24 h and a loss of up to 100 %";
    const rule rules[] = {
        {s->at <= before, ORDER},
        {!time_ok(s->at), ORDER},
        {c->steps_every && s->at >= c->steps_every, ORDER},
        {s->delay < -1, VALUES},
        {s->delay > IT_LINK_TIME_MAX, VALUES},
        {s->loss_ppm < -1, VALUES},
        {s->loss_ppm > 1000000, VALUES},
    };
    return BROKEN(rules);
}

static const char *steps_fault(const it_link_dir_cfg *c)
{
    it_time before = -1;
    const char *why = NULL;
    if (c->n_steps > IT_LINK_STEPS_MAX)
        return "a trace has 4096 steps at most";
    if (c->steps_every && c->n_steps == 0)
        return "a round of a trace needs steps";
    for (uint32_t i = 0; i < c->n_steps && !why; i++) {
        why = step_fault(c, &c->steps[i], before);
        before = c->steps[i].at;
    }
    return why;
}

static const char *ge_fault(const it_link_ge *g)
{
    uint32_t sum = g->p + g->r, decided = sum < 1000000 ? sum : 2000000 - sum;
    const rule rules[] = {
        {g->p > 1000000 || g->r > 1000000 || g->good > 1000000 || g->bad > 1000000, "a share goes up to 100 %"},
        {(g->p == 0) != (g->r == 0), "a Gilbert-Elliott model needs p and r above 0"},
        {g->r == 0 && (g->good || g->bad), "a Gilbert-Elliott model needs p and r above 0"},
        {g->good > g->bad, "a Gilbert-Elliott model loses no more in its good state than in its bad one"},
        {g->r && decided < 1000, "the states of a Gilbert-Elliott model last 1000 places together at most (p + r)"},
    };
    return BROKEN(rules);
}

static const char *gap_fault(const it_link_dir_cfg *c)
{
    static const char PART[] = "a gap is part of a period of up to 24 h";
    const rule rules[] = {
        {!time_ok(c->period), PART},
        {c->gap < 0, PART},
        {c->gap > c->period, PART},
        {c->period && !c->gap, "a period needs a gap"},
        {c->gap_ppm && !c->period, "the loss of a gap needs a period"},
    };
    return BROKEN(rules);
}

static const char *loss_fault(const it_link_dir_cfg *c)
{
    static const char PLACES[] = "a mask has up to 64 places";
    const uint32_t shares[] = {c->loss_ppm,    c->reorder_ppm,  c->duplicate_ppm,
                               c->corrupt_ppm, c->truncate_ppm, c->gap_ppm};
    const rule rules[] = {
        {c->burst_milli != 0 && c->burst_milli < 1000, "a burst is 1 to 1000 places long"},
        {c->burst_milli > 1000000, "a burst is 1 to 1000 places long"},
        {c->mask_bits > 64, PLACES},
        {c->mask_bits < 64 && c->mask >> c->mask_bits, PLACES},
    };
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (shares[i] > 1000000)
            return "a share goes up to 100 %";
    const char *why = BROKEN(rules);
    why = why ? why : gap_fault(c);
    return why ? why : ge_fault(&c->ge);
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
        d->blackhole = c->swallow;
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
    d->depth = c->bucket ? wire_time(d, c->bucket) : 0;
    if (d->busy == 0)
        d->busy = -d->depth; /* a bucket begins full */
    d->each = c->jitter > 0 || c->reorder_ppm > 0;
    d->impaired = it_core_impairs(c);
    it_core_impairment_init(d);
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
    it_heap_init(&d->reordered, w->alloc);
    return configure(w, d, &cfg->dir[i]);
}

void it_core_link_free(it_world *w, it_core_link *l)
{
    for (int dir = 0; dir < 2; dir++) {
        it_core_dir *d = &l->dir[dir];
        it_free(w->alloc, d->fifo.v);
        it_free(w->alloc, d->codel.v);
        it_free(w->alloc, (void *)(uintptr_t)d->cfg.steps); /* ours, const to readers only */
        it_free(w->alloc, d->reordered.v);
    }
    it_free(w->alloc, l->name);
    it_free(w->alloc, l);
}

/* The link itself and room for it in the world's tables; NULL on no memory. */
static it_core_link *new_link(it_world *w, const char *name)
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

static void plug_end(it_core_dir *d, size_t link, uint8_t end)
{
    it_port *p = &d->node->ports[d->port];
    p->out = d;
    p->link = (int32_t)link;
    p->end = end;
    p->carrier = true;
}

static bool has_port(const it_node *n, int port)
{
    return port >= 0 && (uint32_t)port < n->n_ports;
}

static bool is_cfg(const it_link_cfg *c)
{
    if (!c->name || !c->name[0])
        return false;
    return !it_link_dir_fault(&c->dir[0]) && !it_link_dir_fault(&c->dir[1]);
}

/* Returns 0 when a link may go between the two ports, else what it_link_new returns. */
static int check_new(const it_world *w, const it_link_cfg *cfg, const it_node *a, int pa, const it_node *b, int pb)
{
    if (!is_cfg(cfg) || !has_port(a, pa) || !has_port(b, pb))
        return IT_ERR_RANGE;
    if (a->ports[pa].link >= 0 || b->ports[pb].link >= 0)
        return IT_ERR_STATE;
    if (a == b && pa == pb)
        return IT_ERR_STATE;
    return it_link_find(w, cfg->name) >= 0 ? IT_ERR_EXISTS : 0;
}

int it_link_new(it_world *w, const it_link_cfg *cfg, it_node *a, int pa, it_node *b, int pb)
{
    int err = check_new(w, cfg, a, pa, b, pb);
    if (err < 0)
        return err;
    it_core_link *l = new_link(w, cfg->name);
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
    plug_end(&l->dir[0], w->n_links, 0);
    plug_end(&l->dir[1], w->n_links, 1);
    w->dirs[w->n_dirs++] = &l->dir[0];
    w->dirs[w->n_dirs++] = &l->dir[1];
    w->links[w->n_links] = l;
    it_core_set_special(&l->dir[0]);
    it_core_set_special(&l->dir[1]);
    return (int)w->n_links++;
}

/* --- questions --- */

static it_core_link *link_of(const it_world *w, int link)
{
    IT_ASSERT(link >= 0 && (size_t)link < w->n_links);
    return w->links[link];
}

static it_core_dir *dir_at(const it_world *w, int link, int dir)
{
    IT_ASSERT(dir == 0 || dir == 1);
    return &link_of(w, link)->dir[dir];
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

it_link_faults it_link_broken(const it_world *w, int link)
{
    const it_core_link *l = link_of(w, link);
    return (it_link_faults){l->dir[0].cut, l->dark, {l->dir[0].blackhole, l->dir[1].blackhole}};
}

bool it_link_whole(const it_world *w, int link)
{
    it_link_faults f = it_link_broken(w, link);
    return !f.cut && !f.swallows[0] && !f.swallows[1];
}

it_link_stats it_link_stat(const it_world *w, int link, int dir)
{
    return dir_at(w, link, dir)->stats;
}

/* --- faults --- */

/* Tells observers at both ends, or at |only| (0 or 1), what happened to the link. */
static void note_link(const it_core_link *l, it_time now, int only, const char *what)
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
    while ((first = it_heap_top(&d->reordered))) {
        it_pkt *p = (it_pkt *)(uintptr_t)first->id;
        it_heap_pop(&d->reordered);
        drop_cut(d, now, p);
    }
    for (it_pkt *p; (p = it_core_codel_take(d));)
        drop_cut(d, now, p);
}

void it_link_cut(it_world *w, it_time now, int link, bool signal)
{
    it_core_link *l = link_of(w, link);
    if (!l->dir[0].cut)
        note_link(l, now, -1, signal ? "cut, carrier lost" : "cut");
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
    it_core_link *l = link_of(w, link);
    IT_ASSERT(from >= -1 && from <= 1);
    note_link(l, now, from, "swallows");
    for (int i = 0; i < 2; i++) {
        if (from < 0 || from == i)
            l->dir[i].blackhole = true;
        it_core_set_special(&l->dir[i]);
    }
}

int it_link_restore(it_world *w, it_time now, int link)
{
    it_core_link *l = link_of(w, link);
    if (it_link_whole(w, link))
        return IT_ERR_STATE;
    note_link(l, now, -1, "restored");
    for (int i = 0; i < 2; i++) {
        l->dir[i].cut = l->dir[i].blackhole = false;
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
    note_link(link_of(w, link), now, dir, "changed");
    return 0;
}

static bool is_choice(const it_link_choice *c)
{
    if (c->nth == 0 || !time_ok(c->delay))
        return false;
    return c->from >= -1 && c->from <= 1 && (unsigned)c->action <= IT_LINK_TRUNCATE;
}

static it_core_pick *free_pick(it_core_link *l)
{
    for (int i = 0; i < IT_CORE_PICKS; i++)
        if (l->pick[i].left == 0)
            return &l->pick[i];
    return NULL;
}

uint32_t it_link_waits(const it_world *w, int link, int slot)
{
    return slot >= 0 && slot < IT_CORE_PICKS ? link_of(w, link)->pick[slot].left : 0;
}

int it_link_choose(it_world *w, int link, const it_link_choice *c)
{
    it_core_link *l = link_of(w, link);
    if (!is_choice(c))
        return IT_ERR_RANGE;
    it_core_pick *k = free_pick(l);
    if (!k)
        return IT_ERR_FULL;
    uint8_t dirs = (uint8_t)(c->from < 0 ? 3u : 1u << c->from);
    *k = (it_core_pick){.left = c->nth, .dirs = dirs, .action = (uint8_t)c->action};
    k->delay = c->action == IT_LINK_DELAY ? c->delay : 0;
    if (c->label)
        memcpy(k->label, c->label, strnlen(c->label, IT_CORE_LABEL - 1));
    for (int dir = 0; dir < 2; dir++) {
        l->dir[dir].picks += k->dirs >> dir & 1;
        it_core_set_special(&l->dir[dir]);
    }
    return 0;
}

int it_link_pick(it_world *w, int link, int from, uint32_t nth, const char *label, it_time delay)
{
    it_link_choice c = {from, nth, label, delay ? IT_LINK_DELAY : IT_LINK_DROP, delay};
    return from < 0 ? IT_ERR_RANGE : it_link_choose(w, link, &c);
}
