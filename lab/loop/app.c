/* Protocol objects on real sockets: whose turn it is. */
#include "lab/loop/impl.h"

#include <stdio.h>
#include <string.h>

loop_app *it_loop_app_of(const it_loop *l, int i)
{
    return i >= 0 && i < l->n_apps && l->apps[i].ops ? (loop_app *)&l->apps[i] : NULL;
}

int it_loop_input(it_loop *l, int i, const it_io *in)
{
    loop_app *a = it_loop_app_of(l, i);
    if (!a)
        return 0;
    a->touched = true;
    if (a->ops->input)
        return a->ops->input(a->o, l->now, in);
    return (int)in->data.n;
}

int it_loop_inform(it_loop *l, int i, const it_io *in)
{
    int n = it_loop_input(l, i, in);
    return n < 0 ? n : 0;
}

/* --- outputs and events --- */

static int send_out(it_loop *l, int app, const it_io *io)
{
    uint32_t i;
    switch (io->kind) {
    case IT_IO_DGRAM:
        i = it_loop_sock_of(l, app, io->flow);
        if (i == IT_MAP_NONE) /* gone: the news and the datagram crossed */
            return 0;
        return it_loop_udp_send(l, i, io, false);
    case IT_IO_BIND:
    case IT_IO_LISTEN:
    case IT_IO_UNBIND:
        return it_loop_bind_out(l, app, io);
    default:
        return it_loop_tcp_out(l, app, io);
    }
}

/* Outputs first, then events. Returns 1 when app |i| may have more of either: it has told something, or was given
 * something meanwhile; 0, or an error. */
static int drain_once(it_loop *l, int i)
{
    loop_app *a = &l->apps[i];
    it_object_event ev;
    int any = 0, rc = 0;
    a->touched = false;
    while (a->ops->output) {
        it_io out = {.flow = 0}; /* what an object has no word for is none */
        rc = a->ops->output(a->o, l->now, &out, it_loop_room(l), IT_LOOP_DGRAM);
        if (rc > 0)
            rc = send_out(l, i, &out);
        else
            break;
        if (rc < 0)
            return rc;
    }
    while (rc >= 0 && a->ops->event && a->ops->event(a->o, &ev) > 0) {
        any = 1;
        rc = 0;
        if (a->cfg.told)
            rc = a->cfg.told(a->cfg.self, i, &ev);
    }
    return rc < 0 ? rc : any || a->touched;
}

/* Drains app |i| until it has nothing more, and asks when it wants to tick. */
static int settle_app(it_loop *l, int i)
{
    loop_app *a = &l->apps[i];
    int rc = 1;
    for (int rounds = 0; rc > 0; rounds++) {
        rc = IT_ERR_LOOP;
        if (rounds < LOOP_ROUNDS_MAX)
            rc = drain_once(l, i);
    }
    a->touched = false;
    a->next = IT_NEVER;
    if (a->ops->next)
        a->next = a->ops->next(a->o);
    return rc;
}

/* Tells what slot |i| has to tell. */
static int tell_slot(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    unsigned tell = s->tell;
    s->queued = false;
    s->tell = 0;
    if (s->kind == LOOP_STREAM)
        return it_loop_tcp_tell(l, i, tell);
    if (!(tell & LOOP_TELL_BOUND))
        return 0;
    it_io in = {.kind = s->kind == LOOP_LISTEN ? IT_IO_LISTENING : IT_IO_BOUND,
                .flow = s->flow,
                .local = s->local,
                .size = s->size};
    int app = s->app;
    if (s->fd < 0)
        it_loop_sock_free(l, i); /* refused: |local| is none, the number is free */
    return it_loop_inform(l, app, &in);
}

/* Tells what waits to be told. Returns 1 when there was any, 0, or an error. */
static int tell_queued(it_loop *l)
{
    size_t n = l->n_queue;
    int err = 0;
    for (size_t k = 0; k < n && err == 0; k++)
        err = tell_slot(l, l->queue[k]);
    memmove(l->queue, l->queue + n, (l->n_queue - n) * sizeof *l->queue);
    l->n_queue -= n;
    return err < 0 ? err : n > 0;
}

int it_loop_settle(it_loop *l)
{
    int rc = 0;
    for (int i = 0; i < l->n_apps && rc >= 0; i++)
        if (l->apps[i].ops && l->apps[i].touched)
            rc = settle_app(l, i);
    return rc;
}

int it_loop_flush(it_loop *l)
{
    int rc = 1;
    for (int rounds = 0; rc > 0; rounds++) {
        if (rounds == LOOP_ROUNDS_MAX)
            return IT_ERR_LOOP;
        rc = it_loop_settle(l);
        if (rc >= 0 && l->n_queue)
            rc = tell_queued(l);
    }
    if (!l->hold)
        it_loop_send_now(l);
    return rc;
}

/* --- time --- */

int it_loop_tick(it_loop *l)
{
    int err = 0;
    for (int i = 0; i < l->n_apps && err == 0; i++) {
        loop_app *a = &l->apps[i];
        if (!a->ops || a->next > l->now)
            continue;
        err = a->ops->tick(a->o, l->now);
        if (err >= 0)
            err = settle_app(l, i);
        IT_ASSERT(err < 0 || a->next > l->now); /* stack/io.h: after a tick, next() lies ahead */
    }
    return err < 0 ? err : 0;
}

it_time it_loop_apps_next(const it_loop *l)
{
    it_time t = IT_NEVER;
    for (int i = 0; i < l->n_apps; i++)
        if (l->apps[i].ops && l->apps[i].next < t)
            t = l->apps[i].next;
    return t;
}

/* --- coming and going --- */

/* The least number that is free, -1: none. */
static int free_number(const it_loop *l)
{
    for (int i = 0; i < IT_LOOP_APPS; i++)
        if (!l->apps[i].ops)
            return i;
    return -1;
}

int it_loop_add(it_loop *l, const it_object_ops *ops, void *o, const it_loop_app_cfg *cfg, it_addr *bad)
{
    int i = free_number(l);
    if (l->cfg.clock == IT_CLOCK_VIRTUAL || i < 0 || cfg->n_bases > IT_LOOP_BASES) {
        ops->free(o);
        return l->cfg.clock == IT_CLOCK_VIRTUAL ? IT_ERR_STATE : IT_ERR_FULL;
    }
    loop_app *a = &l->apps[i];
    *a = (loop_app){.ops = ops, .o = o, .cfg = *cfg, .touched = true, .next = IT_NEVER};
    snprintf(a->name, sizeof a->name, "%s", cfg->name ? cfg->name : ops->kind);
    if (cfg->n_bases)
        memcpy(a->bases, cfg->bases, cfg->n_bases * sizeof *a->bases);
    a->cfg.name = a->name;
    a->cfg.bases = a->bases;
    if (l->n_apps <= i)
        l->n_apps = i + 1;
    int err = cfg->no_bases ? 0 : it_loop_bases_open(l, i, bad);
    if (err == 0) {
        it_loop_bases_say(l, i);
        a->announced = true;
        return i;
    }
    it_loop_remove(l, i);
    return err;
}

int it_loop_listen(it_loop *l, int i, it_addr local)
{
    /* Listeners of the owner's have numbers that no object uses: those of accepted streams, from the end. */
    uint32_t flow = UINT32_MAX;
    while (it_loop_sock_of(l, i, flow) != IT_MAP_NONE)
        flow--;
    int at = IT_ERR_NOTFOUND;
    if (it_loop_app_of(l, i))
        at = it_loop_sock_new(l, LOOP_LISTEN, i, flow);
    int err = at < 0 ? at : it_loop_tcp_listen(l, (uint32_t)at, local);
    if (at >= 0 && err < 0)
        it_loop_sock_free(l, (uint32_t)at);
    return err;
}

void *it_loop_app(it_loop *l, int i)
{
    loop_app *a = it_loop_app_of(l, i);
    if (!a)
        return NULL;
    a->touched = true;
    return a->o;
}

bool it_loop_app_addr(const it_loop *l, int i, int k, it_addr *addr)
{
    for (size_t s = 0; s < l->n_socks; s++) {
        const loop_sock *x = &l->socks[s];
        bool its = x->app == i && x->fd >= 0 && (x->kind == LOOP_BASE || x->kind == LOOP_LISTEN);
        if (!its || k-- > 0)
            continue;
        *addr = x->local;
        return true;
    }
    return false;
}

bool it_loop_app_listener(const it_loop *l, int i, int k, it_addr *addr)
{
    for (size_t s = 0; s < l->n_socks; s++) {
        const loop_sock *x = &l->socks[s];
        if (x->app != i || x->fd < 0 || x->kind != LOOP_LISTEN || k-- > 0)
            continue;
        *addr = x->local;
        return true;
    }
    return false;
}

void it_loop_remove(it_loop *l, int i)
{
    loop_app *a = it_loop_app_of(l, i);
    if (!a)
        return;
    (void)settle_app(l, i); /* its last words */
    for (uint32_t s = 0; s < l->n_socks; s++) {
        if (l->socks[s].kind == LOOP_FREE || l->socks[s].app != i)
            continue;
        if (l->socks[s].kind == LOOP_STREAM)
            it_loop_tcp_last_words(l, s);
        it_loop_sock_free(l, s);
    }
    a->ops->free(a->o);
    a->ops = NULL;
    a->o = NULL;
    a->next = IT_NEVER;
}
