/* The table of the loop's sockets: slots, what epoll waits for, and the list of those that have something to tell. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void flow_key(int app, uint32_t flow, uint64_t key[2])
{
    key[0] = (uint64_t)app;
    key[1] = flow;
}

uint32_t it_loop_sock_of(const it_loop *l, int app, uint32_t flow)
{
    return it_map_get2(&l->flows, (uint64_t)app, flow);
}

/* A slot that nobody uses, maybe made: its index, or an error. */
static int free_slot(it_loop *l)
{
    for (size_t i = 0; i < l->n_socks; i++)
        if (l->socks[i].kind == LOOP_FREE)
            return (int)i;
    if (l->n_socks == IT_LOOP_SOCKETS)
        return IT_ERR_FULL;
    if (it_grow(l->alloc, &l->socks, &l->cap_socks, l->n_socks + 1, sizeof *l->socks) < 0)
        return IT_ERR_NOMEM;
    l->socks[l->n_socks] = (loop_sock){.kind = LOOP_FREE};
    return (int)l->n_socks++;
}

int it_loop_sock_new(it_loop *l, enum loop_kind kind, int app, uint32_t flow)
{
    uint64_t key[2];
    flow_key(app, flow, key);
    if (app >= 0 && it_map_get(&l->flows, key) != IT_MAP_NONE)
        return IT_ERR_EXISTS;
    int i = free_slot(l);
    if (i < 0)
        return i;
    if (app >= 0 && it_map_put(&l->flows, key, (uint32_t)i) < 0)
        return IT_ERR_NOMEM;
    loop_sock *s = &l->socks[i];
    *s = (loop_sock){.kind = kind, .turn = s->turn + 1, .fd = -1, .app = app, .flow = flow, .queued = s->queued};
    return i;
}

/* What epoll_ctl has refused: a machine that has run out of watches or memory, or a mistake. */
static int epoll_err(int no)
{
    return no == ENOMEM || no == ENOSPC ? IT_ERR_LIMIT : IT_ERR_IO;
}

int it_loop_sock_arm(it_loop *l, uint32_t i, uint32_t events)
{
    loop_sock *s = &l->socks[i];
    struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)s->turn << 32 | i};
    if (s->armed == events && events)
        return 0;
    /* With nothing to wait for the kernel still tells of errors and ends: such a socket is taken out altogether. */
    int op = EPOLL_CTL_MOD;
    if (!events)
        op = EPOLL_CTL_DEL;
    else if (!s->armed)
        op = EPOLL_CTL_ADD;
    if (epoll_ctl(l->epoll, op, s->fd, &ev) < 0 && !(op == EPOLL_CTL_DEL && errno == ENOENT))
        return epoll_err(errno);
    s->armed = events;
    return 0;
}

void it_loop_sock_reset(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    if (it_loop_sends(l)) /* maybe by this one */
        it_loop_send_now(l);
    if (s->fd >= 0 && s->armed)
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL); /* a copy of it may live in a child */
    if (s->fd >= 0 && s->kind != LOOP_PLUG)                    /* whose descriptor is the caller's */
        close(s->fd);
    s->fd = -1;
    s->armed = 0;
    s->turn++;
}

void it_loop_sock_free(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    uint64_t key[2];
    if (s->kind == LOOP_FREE)
        return;
    flow_key(s->app, s->flow, key);
    if (s->app >= 0)
        (void)it_map_del(&l->flows, key);
    it_loop_sock_reset(l, i);
    it_free(l->alloc, s->sent);
    it_free(l->alloc, s->in);
    it_free(l->alloc, s->out);
    *s = (loop_sock){.kind = LOOP_FREE, .turn = s->turn, .fd = -1, .queued = s->queued};
}

int it_loop_sock_tell(it_loop *l, uint32_t i, unsigned tell)
{
    loop_sock *s = &l->socks[i];
    if (!s->queued && it_grow(l->alloc, &l->queue, &l->cap_queue, l->n_queue + 1, sizeof *l->queue) < 0)
        return IT_ERR_NOMEM;
    if (!s->queued)
        l->queue[l->n_queue++] = i;
    s->queued = true;
    s->tell |= tell;
    return 0;
}
