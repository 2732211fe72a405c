/* Datagrams many at a time: what a socket has is received by one call, and what objects put out while descriptors are
 * looked at is sent by one call a socket. Those in a row that differ in their bytes alone are one message to the
 * kernel, which cuts it (UDP_SEGMENT, Linux 4.18): the way through it is what costs. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <linux/udp.h>
#include <string.h>
#include <unistd.h>

#define LOOP_WHOLE 60000 /* bytes of a message that is cut: below what an IP packet holds */

_Static_assert(LOOP_BATCH <= 64, "the kernel cuts no message into more (UDP_MAX_SEGMENTS)");

/* Datagrams in a row from one socket to one address, alike but for their bytes and, of the last, their number. */
typedef struct tx_group {
    struct msghdr m;
    loop_sa addr;
    loop_ancillary control;
    uint32_t slot; /* of the sending socket */
    it_addr remote;
    it_ip local;
    it_io_meta meta;
    size_t first, n; /* which */
    size_t size;     /* of each but the last one, which may be smaller: */
    size_t whole;    /* all together */
    bool later;      /* not the first of its socket */
    size_t next;     /* of its socket; LOOP_BATCH: none */
} tx_group;

struct loop_tx {
    tx_group g[LOOP_BATCH];
    struct iovec v[LOOP_BATCH];
    size_t n_groups, n;
    bool segments; /* the kernel cuts messages */
    uint8_t *bytes;
};

static loop_tx *tx_new(it_alloc *a)
{
    loop_tx *b = it_calloc(a, 1, sizeof *b);
    if (!b)
        return NULL;
    b->bytes = it_malloc(a, (size_t)LOOP_BATCH * LOOP_STRIDE);
    for (size_t k = 0; k < LOOP_BATCH; k++)
        b->g[k].m = (struct msghdr){.msg_name = &b->g[k].addr, .msg_iovlen = 1};
    if (b->bytes)
        return b;
    it_free(a, b);
    return NULL;
}

/* Whether the kernel cuts messages: one that does not know how takes the wish for nothing, and sends them whole. */
static bool kernel_segments(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size;
    socklen_t n = sizeof size;
    bool can = fd >= 0 && getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &n) == 0;
    if (fd >= 0)
        close(fd);
    return can;
}

int it_loop_batches(it_loop *l)
{
    if (!l->rx)
        l->rx = it_loop_rx_new(l->alloc);
    if (l->rx && !l->tx) {
        l->tx = tx_new(l->alloc);
        if (l->tx)
            l->tx->segments = kernel_segments();
    }
    return l->rx && l->tx ? 0 : IT_ERR_NOMEM;
}

void it_loop_batches_free(it_loop *l)
{
    it_loop_rx_free(l->alloc, l->rx);
    if (l->tx)
        it_free(l->alloc, l->tx->bytes);
    it_free(l->alloc, l->tx);
    l->rx = NULL;
    l->tx = NULL;
}

uint8_t *it_loop_room(it_loop *l)
{
    if (!l->tx)
        return l->buf;
    if (l->tx->n == LOOP_BATCH)
        it_loop_send_now(l);
    return l->tx->bytes + l->tx->n * LOOP_STRIDE;
}

/* Whether |io|'s header is that of |g|. */
static inline bool group_head(const tx_group *g, const it_io *io)
{
    return it_ip_eq(g->local, io->local.ip) && g->meta.ttl == io->meta.ttl && g->meta.tos == io->meta.tos;
}

/* Whether |io| from |s|, of which |g| is the last group, may be one of it. */
static inline bool group_takes(const loop_tx *b, const loop_sock *s, const tx_group *g, const it_io *io)
{
    size_t n = io->data.n;
    if (!b->segments || s->alone)
        return false;
    if (n == 0 || n > g->size)
        return false;
    if (g->whole != g->n * g->size) /* a smaller one was the last */
        return false;
    if (g->whole + n > LOOP_WHOLE)
        return false;
    if (!it_addr_eq(g->remote, io->remote))
        return false;
    return group_head(g, io);
}

/* The last group of |s|, which is slot |i|; LOOP_BATCH: there is none. */
static size_t group_last(const loop_tx *b, const loop_sock *s, uint32_t i)
{
    if (s->tx < b->n_groups && b->g[s->tx].slot == i)
        return s->tx;
    return LOOP_BATCH;
}

static tx_group *group_new(loop_tx *b, loop_sock *s, uint32_t i, const it_io *io)
{
    size_t last = group_last(b, s, i);
    s->tx = (uint32_t)b->n_groups++;
    if (last < LOOP_BATCH)
        b->g[last].next = s->tx;
    tx_group *g = &b->g[s->tx];
    g->slot = i;
    g->remote = io->remote;
    g->local = io->local.ip;
    g->meta = io->meta;
    g->first = b->n;
    g->n = 0;
    g->size = io->data.n;
    g->whole = 0;
    g->later = last < LOOP_BATCH;
    g->next = LOOP_BATCH;
    g->m.msg_namelen = it_loop_sa(&g->addr, io->remote);
    g->m.msg_control = g->control.bytes;
    g->m.msg_controllen = 0;
    return g;
}

/* Puts |io|, whose bytes are at |bytes|, behind the others of |g|, which is the last group. */
static inline void group_add(loop_tx *b, tx_group *g, const it_io *io, const uint8_t *bytes)
{
    g->n++;
    g->whole += io->data.n;
    b->v[b->n++] = (struct iovec){(void *)(uintptr_t)bytes, io->data.n};
}

bool it_loop_send_next(it_loop *l, int app, const it_io *io)
{
    loop_tx *b = l->tx;
    if (b->n_groups == 0 || b->n == LOOP_BATCH || io->data.n > LOOP_SMALL)
        return false;
    tx_group *g = &b->g[b->n_groups - 1];
    const loop_sock *s = &l->socks[g->slot];
    if (s->app != app || s->flow != io->flow || s->frag != io->meta.frag || !group_takes(b, s, g, io))
        return false;
    group_add(b, g, io, io->data.p);
    return true;
}

struct msghdr *it_loop_send_later(it_loop *l, uint32_t i, const it_io *io, bool stays)
{
    loop_tx *b = l->tx;
    loop_sock *s = &l->socks[i];
    uint8_t *room = it_loop_room(l);
    struct msghdr *m = NULL;
    tx_group *g = b->n_groups ? &b->g[b->n_groups - 1] : NULL;
    if (!g || g->slot != i || !group_takes(b, s, g, io)) {
        g = group_new(b, s, i, io);
        m = &g->m;
    }
    if (!stays && io->data.n && io->data.p != room)
        memcpy(room, io->data.p, io->data.n);
    group_add(b, g, io, stays ? io->data.p : room);
    return m;
}

/* Sends the datagrams of |g| one by one: some are to go though the message did not. */
static void send_apart(int fd, bool is4, const loop_tx *b, const tx_group *g)
{
    struct msghdr m = g->m;
    m.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
    if (!m.msg_controllen)
        m.msg_control = NULL;
    m.msg_iovlen = 1;
    for (size_t k = 0; k < g->n; k++) {
        m.msg_iov = (struct iovec *)&b->v[g->first + k];
        if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0 && it_loop_udp_earlier(errno, m.msg_iov->iov_len, is4))
            (void)sendmsg(fd, &m, MSG_NOSIGNAL);
    }
}

/* Has the message of |g| as the kernel wants it. */
static void group_finish(loop_tx *b, tx_group *g)
{
    uint16_t size = (uint16_t)g->size;
    g->m.msg_iov = &b->v[g->first];
    g->m.msg_iovlen = g->n;
    if (g->n > 1)
        it_loop_put_ancillary(&g->m, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size);
    if (!g->m.msg_controllen)
        g->m.msg_control = NULL;
}

/* Sends |n| messages of socket |s|, which are the groups |g|. A socket keeps one error of earlier datagrams, and says
 * it in place of sending the next, which then goes again. Without a route it is lost, with a full queue are all the
 * others; of one that is too large the error queue tells. */
static void send_run(loop_sock *s, const loop_tx *b, tx_group *const *g, struct mmsghdr *m, size_t n)
{
    bool again = false, is4 = it_ip_is4(s->local.ip);
    for (size_t at = 0; at < n;) {
        int sent = sendmmsg(s->fd, m + at, (unsigned)(n - at), MSG_NOSIGNAL);
        if (sent > 0) {
            at += (size_t)sent;
            again = false;
            continue;
        }
        if (errno == EAGAIN || errno == ENOBUFS)
            return;
        again = !again && it_loop_udp_earlier(errno, g[at]->size, is4);
        if (again)
            continue;
        if (g[at]->n > 1) {
            s->alone |= errno == EIO; /* its interface leaves checksums to the sender */
            send_apart(s->fd, is4, b, g[at]);
        }
        at++;
    }
}

void it_loop_send_now(it_loop *l)
{
    loop_tx *b = l->tx;
    struct mmsghdr m[LOOP_BATCH];
    tx_group *run[LOOP_BATCH];
    for (size_t first = 0; b && first < b->n_groups; first++) {
        size_t n = 0;
        if (b->g[first].later)
            continue;
        for (size_t k = first; k < LOOP_BATCH; k = b->g[k].next) {
            group_finish(b, &b->g[k]);
            run[n] = &b->g[k];
            m[n++].msg_hdr = b->g[k].m;
        }
        send_run(&l->socks[b->g[first].slot], b, run, m, n);
    }
    if (b)
        b->n_groups = b->n = 0;
}

bool it_loop_sends(const it_loop *l)
{
    return l->tx && l->tx->n > 0;
}
