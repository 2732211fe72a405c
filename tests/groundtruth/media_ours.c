/* Our TCP between two hosts of a world, in virtual time. */
#include "tests/groundtruth/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ours {
    media_stack stack;
    it_alloc alloc;
    it_world *w;
    it_host *h[2];
    it_addr to;
    it_tcp_opts o;
    int s[MEDIA_FLOWS][2];
    bool open[MEDIA_FLOWS][2];
} ours;

/* The flow whose listener has |port|. */
static uint32_t flow_of(uint16_t port)
{
    return (uint32_t)(port - MEDIA_PORT);
}

static void take_event(ours *u, int end, const it_host_event *ev)
{
    if (ev->kind == IT_HOST_TCP_ACCEPTED) {
        uint32_t i = flow_of(ev->local.port);
        u->s[i][MEDIA_B] = ev->socket;
        u->open[i][MEDIA_B] = true;
    }
    for (uint32_t i = 0; ev->kind == IT_HOST_TCP_OPENED && i < MEDIA_FLOWS; i++)
        u->open[i][MEDIA_A] |= end == MEDIA_A && u->s[i][MEDIA_A] == ev->socket;
}

static bool take_events(ours *u)
{
    it_host_event ev;
    for (int end = 0; end < 2; end++) {
        if (it_host_input(u->h[end], it_world_now(u->w)) < 0)
            return false;
        while (it_host_event_next(u->h[end], &ev))
            take_event(u, end, &ev);
    }
    return true;
}

static bool ours_open(void *self, uint32_t i)
{
    ours *u = self;
    it_addr to = u->to;
    to.port = (uint16_t)(MEDIA_PORT + i);
    it_tcp_opts o = u->o;
    o.keep_idle = o.keep_interval;
    u->open[i][MEDIA_A] = u->open[i][MEDIA_B] = false;
    u->s[i][MEDIA_B] = -1;
    u->s[i][MEDIA_A] = it_host_tcp_connect(u->h[MEDIA_A], it_world_now(u->w), (it_addr){{0, 0}, 0}, to, &o);
    return u->s[i][MEDIA_A] >= 0;
}

static bool ours_ready(void *self, uint32_t i, int end)
{
    return ((ours *)self)->open[i][end];
}

static size_t ours_write(void *self, uint32_t i, int end, const uint8_t *p, size_t n)
{
    ours *u = self;
    int k = it_host_tcp_write(u->h[end], it_world_now(u->w), u->s[i][end], it_bytes_of(p, n));
    return k < 0 ? 0 : (size_t)k;
}

static size_t ours_read(void *self, uint32_t i, int end, uint8_t *p, size_t n)
{
    ours *u = self;
    it_bytes b = it_host_tcp_peek(u->h[end], u->s[i][end]);
    if (b.n > n)
        b.n = n;
    if (b.n == 0)
        return 0;
    memcpy(p, b.p, b.n);
    it_host_tcp_take(u->h[end], it_world_now(u->w), u->s[i][end], b.n);
    return b.n;
}

static void ours_close(void *self, uint32_t i)
{
    ours *u = self;
    for (int end = 0; end < 2; end++) {
        if (u->s[i][end] >= 0)
            it_host_tcp_close(u->h[end], it_world_now(u->w), u->s[i][end]);
        u->s[i][end] = -1;
        u->open[i][end] = false;
    }
}

static void ours_look(void *self, uint32_t i, uint32_t *cwnd, uint64_t *again)
{
    ours *u = self;
    it_tcp_info info;
    (void)it_host_tcp_info(u->h[MEDIA_A], u->s[i][MEDIA_A], &info);
    *cwnd = info.mss > 12 ? info.cwnd / (info.mss - 12) : 0; /* timestamps take 12 */
    *again = info.retransmits;
}

static it_time ours_now(void *self)
{
    return it_world_now(((ours *)self)->w);
}

static bool ours_wait(void *self, it_time until)
{
    ours *u = self;
    int err = it_world_run(u->w, until);
    while (err == 1 && it_world_ready(u->w))
        if (!take_events(u))
            return false;
    return err >= 0 && take_events(u);
}

static bool build_world(ours *u, const media_cell *c)
{
    static const char *const NAMES[2] = {"a", "b"};
    it_alloc_init(&u->alloc);
    u->w = it_world_new(&(it_world_cfg){&u->alloc, c->seed});
    for (int end = 0; end < 2; end++) {
        u->h[end] = it_host_new(u->w, NAMES[end]);
        if (!u->h[end] || it_host_iface(u->h[end], "eth") < 0 ||
            it_host_addr(u->h[end], 0, it_ip4(0x0a090001u + (uint32_t)end), 120) < 0)
            return false;
    }
    if (!media_path(u->w, c, it_host_node(u->h[0]), it_host_node(u->h[1])))
        return false;
    u->to = it_addr_of(it_ip4(0x0a090002u), 0);
    for (uint32_t i = 0; i < c->flows; i++)
        if (it_host_tcp_listen(u->h[MEDIA_B], it_addr_of(it_ip4(0x0a090002u), (uint16_t)(MEDIA_PORT + i)), 8, &u->o) <
            0)
            return false;
    return true;
}

media_stack *media_ours(const media_cell *c, char why[80])
{
    ours *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    it_tcp_opts_init(&u->o);
    u->o.nagle = false;
    u->o.keep_interval = c->keep; /* of who connects alone */
    u->o.keep_count = 3;
    u->o.blackhole = c->silent;
    for (int i = 0; i < MEDIA_FLOWS; i++)
        u->s[i][MEDIA_A] = u->s[i][MEDIA_B] = -1;
    if (!build_world(u, c)) {
        snprintf(why, 80, "no world");
        return NULL;
    }
    u->stack = (media_stack){u,         u->w,       ours_open, ours_ready, ours_write,
                             ours_read, ours_close, ours_look, ours_now,   ours_wait};
    return &u->stack;
}
