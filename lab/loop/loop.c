/* The loop: by the wall clock, ppoll sleeps until the next event of anybody or a descriptor, then all catch up; in
 * virtual time nobody sleeps. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048                 /* bytes of a packet of a device */
#define PACKETS (LOOP_BUF / PACKET_MAX) /* that are read before they are looked at */
#define BURST 64                        /* packets that one device brings before the world goes on */
#define LOOKS 32                        /* descriptors that are looked at before the clock is */
#define TURN (2 * IT_MS)                /* after which those that are still ready wait for timers and the world */
#define NAP IT_SEC                      /* at most: another clock is then read */

static it_time wall_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (it_time)t.tv_sec * IT_SEC + t.tv_nsec;
}

it_loop *it_loop_new(const it_loop_cfg *cfg)
{
    it_loop *l = it_calloc(cfg->alloc, 1, sizeof *l);
    if (!l)
        return NULL;
    l->cfg = *cfg;
    l->alloc = cfg->alloc;
    l->epoll = -1;
    l->scan_at = l->listen_at = IT_NEVER;
    if (cfg->lab)
        l->cfg.world = it_lab_world(cfg->lab);
    it_map_init(&l->flows, l->alloc, 2);
    l->now = 0;
    if (l->cfg.world)
        l->now = it_world_now(l->cfg.world);
    if (cfg->clock == IT_CLOCK_VIRTUAL)
        return l;
    l->zero = wall_now() - l->now;
    l->buf = it_malloc(l->alloc, LOOP_BUF);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->buf && l->epoll >= 0)
        return l;
    it_loop_free(l);
    return NULL;
}

void it_loop_free(it_loop *l)
{
    if (!l)
        return;
    for (int i = 0; i < l->n_apps; i++)
        it_loop_remove(l, i);
    for (size_t i = 0; i < l->n_socks; i++)
        it_loop_sock_free(l, (uint32_t)i);
    if (l->epoll >= 0)
        close(l->epoll);
    it_map_fini(&l->flows);
    it_loop_batches_free(l);
    it_free(l->alloc, l->addrs);
    it_free(l->alloc, l->queue);
    it_free(l->alloc, l->socks);
    it_free(l->alloc, l->buf);
    it_free(l->alloc, l);
}

void it_loop_log(const it_loop *l, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    if (!l->cfg.log)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    l->cfg.log(l->cfg.self, text);
}

it_time it_loop_now(const it_loop *l)
{
    if (l->cfg.world)
        return it_world_now(l->cfg.world);
    return l->now;
}

/* --- devices --- */

int it_loop_plug(it_loop *l, it_node *edge, int fd)
{
    if (l->cfg.clock == IT_CLOCK_VIRTUAL)
        return IT_ERR_STATE;
    if (l->n_plugs == IT_LOOP_PLUGS)
        return IT_ERR_FULL;
    int i = it_loop_sock_new(l, LOOP_PLUG, -1, 0);
    if (i < 0)
        return i;
    l->socks[i].fd = fd;
    l->socks[i].index = (uint32_t)l->n_plugs;
    int err = it_loop_sock_arm(l, (uint32_t)i, EPOLLIN);
    if (err < 0) {
        it_loop_sock_free(l, (uint32_t)i);
        return err;
    }
    l->plugs[l->n_plugs].edge = edge;
    l->plugs[l->n_plugs].fd = fd;
    l->n_plugs++;
    return 0;
}

/* Writes what waits at plugged edge |n| to its device; false when |n| is not plugged. */
static bool drain_edge(it_loop *l, it_node *n)
{
    for (int i = 0; i < l->n_plugs; i++) {
        if (l->plugs[i].edge != n)
            continue;
        for (it_pkt *p; (p = it_edge_take(n)) != NULL; it_pkt_free(it_world_pool(l->cfg.world), p)) {
            ssize_t sent = write(l->plugs[i].fd, it_pkt_ip(p), p->len);
            (void)sent; /* a full queue loses packets, as networks do */
        }
        return true;
    }
    return false;
}

/* --- the world and the apps catch up --- */

/* Runs what there is in the world up to |t|. Returns IT_LOOP_UNTIL, IT_LOOP_READY, or an error. */
static int run_world(it_loop *l, it_time t)
{
    while (l->cfg.world) {
        int rc = l->cfg.lab ? it_lab_run(l->cfg.lab, t) : it_world_run(l->cfg.world, t);
        if (rc <= 0)
            return rc;
        it_node *n = it_world_ready(l->cfg.world);
        if (!n || !drain_edge(l, n))
            return IT_LOOP_READY;
    }
    return IT_LOOP_UNTIL;
}

static void read_clock(it_loop *l)
{
    it_time now = wall_now() - l->zero;
    if (now > l->now)
        l->now = now;
}

/* Notes by how much the world is behind the clock. */
static void note_lateness(it_loop *l)
{
    it_time due = l->cfg.world ? it_world_next(l->cfg.world) : IT_NEVER;
    if (due < l->now && l->now - due > l->late)
        l->late = l->now - due;
}

it_time it_loop_late(const it_loop *l)
{
    return l->late;
}

/* Lets everybody catch up with the wall clock. As run_world. */
static int catch_up(it_loop *l)
{
    read_clock(l);
    note_lateness(l);
    int rc = it_loop_tick(l);
    if (rc == 0)
        rc = it_loop_flush(l);
    if (rc == 0 && l->listen_at <= l->now)
        rc = it_loop_tcp_retry_listeners(l);
    if (rc == 0 && l->scan_at <= l->now)
        rc = it_loop_bases_follow(l);
    if (rc < 0)
        return rc;
    return run_world(l, l->now);
}

/* --- packets of devices --- */

/* Reads what device |i| has into |l|->buf, |size| bytes each. Returns how many packets, or IT_ERR_IO; |gone|: nobody
 * writes to it any more. */
static int read_packets(it_loop *l, uint32_t i, size_t size[PACKETS], bool gone)
{
    for (int k = 0; k < PACKETS; k++) {
        ssize_t n = read(l->plugs[i].fd, l->buf + (size_t)k * PACKET_MAX, PACKET_MAX);
        if (n == 0 && gone)
            return IT_ERR_IO;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? k : IT_ERR_IO;
        size[k] = (size_t)n;
    }
    return PACKETS;
}

/* Takes some packets of device |i|: how many, or an error. They are of the time at which they have been read: an
 * earlier one would cut the delays of links short by as much as the machine was busy with others. */
static int receive_packets(it_loop *l, uint32_t i, bool gone)
{
    size_t size[PACKETS];
    int n = read_packets(l, i, size, gone);
    if (n <= 0)
        return n;
    read_clock(l);
    int rc = run_world(l, l->now); /* where a script has its turn first, the world's time is theirs */
    for (int k = 0; k < n && rc >= 0; k++) {
        it_bytes ip = it_bytes_of(l->buf + (size_t)k * PACKET_MAX, size[k]);
        int err = it_edge_send(l->plugs[i].edge, it_world_now(l->cfg.world), ip, 0);
        rc = err == IT_ERR_NOMEM ? err : 0;
    }
    return rc < 0 ? rc : n;
}

static int plug_ready(it_loop *l, uint32_t i, uint32_t events)
{
    int n = PACKETS;
    for (int burst = 0; burst < BURST && n == PACKETS; burst += PACKETS)
        n = receive_packets(l, i, events & EPOLLHUP);
    return n < 0 ? n : 0;
}

/* --- sleeping --- */

/* When anybody has something to do, |until| at the latest. */
static it_time next_of_all(const it_loop *l, it_time until)
{
    const it_time times[] = {until,
                             it_loop_apps_next(l),
                             l->listen_at,
                             l->scan_at,
                             l->cfg.lab ? it_lab_next(l->cfg.lab) : IT_NEVER,
                             l->cfg.world ? it_world_next(l->cfg.world) : IT_NEVER};
    it_time t = IT_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i] < t)
            t = times[i];
    return t;
}

/* How long ppoll may sleep: not past what comes next, so that it wakes up when that is due and does not spin. */
static struct timespec nap(const it_loop *l, it_time until)
{
    it_time left = next_of_all(l, until) - (wall_now() - l->zero);
    if (left < 0)
        left = 0;
    if (left > NAP)
        left = NAP;
    return (struct timespec){left / IT_SEC, (long)(left % IT_SEC)};
}

/* --- descriptors --- */

/* Acts on |events| of slot |i|. */
static int sock_ready(it_loop *l, uint32_t i, uint32_t events)
{
    switch (l->socks[i].kind) {
    case LOOP_PLUG:
        return plug_ready(l, l->socks[i].index, events);
    case LOOP_ROUTES:
        it_loop_routes_ready(l, i);
        return 0;
    case LOOP_SIGNALS:
        l->stopped = true;
        return 0;
    case LOOP_BASE:
    case LOOP_BIND:
        return it_loop_udp_ready(l, i, events);
    case LOOP_LISTEN:
    case LOOP_STREAM:
        return it_loop_tcp_ready(l, i, events);
    case LOOP_FREE:
        break;
    }
    return 0;
}

/* Looks at the |n| descriptors of |ev|. Returns 0 or an error. */
static int take_some(it_loop *l, const struct epoll_event *ev, int n)
{
    int err = 0;
    l->hold++;
    for (int k = 0; k < n && err == 0; k++) {
        uint32_t i = (uint32_t)ev[k].data.u64;
        /* An earlier one of these may have closed it, and the slot be another socket's. */
        if (i < l->n_socks && l->socks[i].turn == ev[k].data.u64 >> 32)
            err = sock_ready(l, i, ev[k].events);
        if (err == 0)
            err = it_loop_flush(l);
    }
    l->hold--;
    it_loop_send_now(l);
    return err;
}

/* Looks at the descriptors that are ready, in turn, as the kernel moves each to the end of its list: the |n| of |ev|,
 * and all others whose turn comes before the time is over. */
static int take_ready(it_loop *l, struct epoll_event ev[LOOKS], int n)
{
    int err = take_some(l, ev, n);
    if (n < LOOKS)
        return err;
    it_time end = wall_now() + TURN;
    while (err == 0 && n == LOOKS && wall_now() < end && !l->stopped) {
        n = epoll_wait(l->epoll, ev, LOOKS, 0);
        if (n < 0 && errno != EINTR)
            return IT_ERR_IO;
        err = take_some(l, ev, n);
    }
    return err;
}

/* Copies what poll said of |n| descriptors; true when one of them is ready. */
static bool copy_ready(struct pollfd *to, const struct pollfd *from, nfds_t n)
{
    bool ready = false;
    for (nfds_t i = 0; i < n; i++) {
        to[i].revents = from[i].revents;
        ready |= to[i].revents != 0;
    }
    return ready;
}

static bool owner_ready(const it_loop *l)
{
    return l->cfg.ready && l->cfg.ready(l->cfg.self);
}

/* The same beside |n| descriptors of the owner's, |more|; |*ready|: one of them has what it waits for. */
static int doze_beside(it_loop *l, const struct timespec *most, struct pollfd *more, nfds_t n, bool *ready,
                       struct epoll_event ev[LOOKS])
{
    struct pollfd f[1 + IT_LOOP_WATCHED] = {{l->epoll, POLLIN, 0}};
    for (nfds_t i = 0; i < n; i++)
        f[1 + i] = more[i];
    int k = ppoll(f, 1 + n, most, NULL);
    if (k < 0)
        return k;
    *ready = copy_ready(more, f + 1, n);
    if (!f[0].revents)
        return 0;
    return epoll_wait(l->epoll, ev, LOOKS, 0);
}

/* Sleeps for |most|, or until something comes. Returns how many descriptors are in |ev|, or IT_ERR_IO. */
static int doze(it_loop *l, const struct timespec *most, struct pollfd *more, nfds_t n, bool *ready,
                struct epoll_event ev[LOOKS])
{
    int k = -1;
    errno = ENOSYS;
    if (n == 0) /* one call in place of two */
        k = epoll_pwait2(l->epoll, ev, LOOKS, most, NULL);
    if (k < 0 && errno == ENOSYS)
        k = doze_beside(l, most, more, n, ready, ev);
    if (k < 0)
        return errno == EINTR ? 0 : IT_ERR_IO;
    return k;
}

/* Sleeps, and takes what came. */
static int sleep_once(it_loop *l, it_time until, struct pollfd *more, nfds_t n)
{
    struct epoll_event ev[LOOKS];
    struct timespec most = nap(l, until);
    bool ready = false;
    int k = doze(l, &most, more, n, &ready, ev);
    if (k < 0)
        return k;
    int rc = catch_up(l);
    if (rc == 0 && k > 0)
        rc = take_ready(l, ev, k);
    if (rc == 0)
        rc = run_world(l, it_loop_now(l));
    if (rc != 0)
        return rc;
    if (l->stopped)
        return IT_LOOP_STOPPED;
    if (ready)
        return IT_LOOP_WATCHED_READY;
    return owner_ready(l) ? IT_LOOP_READY : 0;
}

static int wait_wall(it_loop *l, it_time until, struct pollfd *more, nfds_t n)
{
    int rc = catch_up(l);
    while (rc == 0) {
        if (l->stopped)
            return IT_LOOP_STOPPED;
        if (it_loop_now(l) >= until)
            return IT_LOOP_UNTIL;
        rc = sleep_once(l, until, more, n);
    }
    return rc;
}

int it_loop_wait(it_loop *l, it_time until, struct pollfd *more, nfds_t n)
{
    if (n > IT_LOOP_WATCHED)
        return IT_ERR_FULL;
    for (nfds_t i = 0; i < n; i++)
        more[i].revents = 0;
    if (l->cfg.clock == IT_CLOCK_WALL)
        return wait_wall(l, until, more, n);
    int rc = run_world(l, until);
    if (rc == 0 && until > l->now)
        l->now = until;
    return rc;
}
