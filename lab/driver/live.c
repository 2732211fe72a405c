/* World time follows the wall clock: poll sleeps until the world's next event or a descriptor, then the world catches
 * up. */
#include "lab/driver/live.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

struct it_live {
    it_alloc *alloc;
    it_world *w;
    it_time base; /* wall clock at world time 0 */
    struct {
        it_node *edge;
        int fd;
    } plugs[IT_LIVE_FDS];
    int n_plugs;
};

static it_time clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (it_time)t.tv_sec * IT_SEC + t.tv_nsec;
}

it_live *it_live_new(it_alloc *alloc, it_world *w)
{
    it_live *l = it_calloc(alloc, 1, sizeof *l);
    if (!l)
        return NULL;
    l->alloc = alloc;
    l->w = w;
    l->base = clock_now() - it_world_now(w);
    return l;
}

void it_live_free(it_live *l)
{
    if (l)
        it_free(l->alloc, l);
}

int it_live_plug(it_live *l, it_node *edge, int fd)
{
    if (l->n_plugs == IT_LIVE_FDS)
        return IT_ERR_FULL;
    l->plugs[l->n_plugs].edge = edge;
    l->plugs[l->n_plugs].fd = fd;
    l->n_plugs++;
    return 0;
}

it_time it_live_now(const it_live *l)
{
    return it_world_now(l->w);
}

/* Writes what waits at plugged edge |n| to its device; false when |n| is not plugged. */
static bool drain(it_live *l, it_node *n)
{
    for (int i = 0; i < l->n_plugs; i++) {
        if (l->plugs[i].edge != n)
            continue;
        for (it_pkt *p; (p = it_edge_take(n)) != NULL; it_pkt_free(it_world_pool(l->w), p)) {
            ssize_t sent = write(l->plugs[i].fd, it_pkt_ip(p), p->len);
            (void)sent; /* a full queue loses packets, as networks do */
        }
        return true;
    }
    return false;
}

/* Lets the world catch up with the wall clock. Returns 0, 1 when an edge of the owner's is ready, or an error. */
static int catch_up(it_live *l)
{
    it_time now = clock_now() - l->base;
    for (;;) {
        int rc = it_world_run(l->w, now);
        if (rc <= 0)
            return rc;
        if (!drain(l, it_world_ready(l->w)))
            return 1;
    }
}

/* Takes one packet from device |i|: 1, 0 when there is none, or an error. */
static int receive(it_live *l, int i)
{
    uint8_t buf[2048];
    ssize_t n = read(l->plugs[i].fd, buf, sizeof buf);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : IT_ERR_IO;
    int err = it_edge_send(l->plugs[i].edge, it_world_now(l->w), it_bytes_of(buf, (size_t)n), 0);
    return err == IT_ERR_NOMEM ? err : 1;
}

/* How long poll may sleep, in ms, rounded up so that it does not spin. */
static int nap(const it_live *l, it_time until)
{
    it_time next = it_world_next(l->w), now = clock_now() - l->base;
    if (until < next)
        next = until;
    if (next <= now)
        return 0;
    it_time ms = (next - now + IT_MS - 1) / IT_MS;
    return ms > 1000 ? 1000 : (int)ms;
}

/* Takes from the devices that |f| calls readable, 64 packets of each at most. */
static int receive_ready(it_live *l, const struct pollfd *f)
{
    for (int i = 0; i < l->n_plugs; i++) {
        int rc = f[i].revents ? 1 : 0;
        for (int burst = 0; burst < 64 && rc == 1; burst++)
            rc = receive(l, i);
        if (rc < 0)
            return rc;
    }
    return 0;
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

/* Sleeps and takes what came from devices. Returns 2 when one of |more| is ready, 0, or an error. */
static int sleep_once(it_live *l, it_time until, struct pollfd *more, nfds_t n)
{
    struct pollfd f[IT_LIVE_FDS];
    nfds_t k = (nfds_t)l->n_plugs;
    for (nfds_t i = 0; i < k; i++)
        f[i] = (struct pollfd){l->plugs[i].fd, POLLIN, 0};
    for (nfds_t i = 0; i < n; i++)
        f[k + i] = more[i];
    if (poll(f, k + n, nap(l, until)) < 0)
        return errno == EINTR ? 0 : IT_ERR_IO;
    bool ready = copy_ready(more, f + k, n);
    int rc = catch_up(l);
    if (rc != 0)
        return rc;
    rc = receive_ready(l, f);
    if (rc < 0)
        return rc;
    return ready ? 2 : 0;
}

int it_live_wait(it_live *l, it_time until, struct pollfd *more, nfds_t n)
{
    if ((nfds_t)l->n_plugs + n > IT_LIVE_FDS)
        return IT_ERR_FULL;
    for (nfds_t i = 0; i < n; i++)
        more[i].revents = 0;
    for (;;) {
        int rc = catch_up(l);
        if (rc != 0)
            return rc;
        if (it_world_now(l->w) >= until)
            return 0;
        rc = sleep_once(l, until, more, n);
        if (rc != 0)
            return rc;
    }
}
