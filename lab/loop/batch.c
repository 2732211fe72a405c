/* Datagrams many at a time: what a socket has is received by one call, and what objects put out while descriptors are
 * looked at is sent by one call a socket. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <string.h>

/* Of either way: headers that point at addresses, ancillary data and bytes of their own, each of which has room for any
 * datagram; memory that no datagram has needed is not there. */
struct loop_batch {
    struct mmsghdr m[LOOP_BATCH];
    struct iovec v[LOOP_BATCH];
    loop_sa addr[LOOP_BATCH];
    loop_ancillary control[LOOP_BATCH];
    uint32_t slot[LOOP_BATCH]; /* of the sending socket */
    size_t n;                  /* that wait to be sent, or were received */
    uint8_t *bytes;
};

static uint8_t *batch_bytes(const loop_batch *b, size_t k)
{
    return b->bytes + k * LOOP_BUF;
}

static loop_batch *batch_new(it_alloc *a)
{
    loop_batch *b = it_calloc(a, 1, sizeof *b);
    if (!b)
        return NULL;
    b->bytes = it_malloc(a, (size_t)LOOP_BATCH * LOOP_BUF);
    for (size_t k = 0; k < LOOP_BATCH; k++) {
        b->v[k] = (struct iovec){b->bytes ? batch_bytes(b, k) : NULL, LOOP_BUF};
        b->m[k].msg_hdr = (struct msghdr){.msg_name = &b->addr[k], .msg_iov = &b->v[k], .msg_iovlen = 1};
        b->m[k].msg_hdr.msg_control = b->control[k].bytes;
    }
    if (b->bytes)
        return b;
    it_free(a, b);
    return NULL;
}

static void batch_free(it_alloc *a, loop_batch *b)
{
    if (b)
        it_free(a, b->bytes);
    it_free(a, b);
}

int it_loop_batches(it_loop *l)
{
    if (!l->rx)
        l->rx = batch_new(l->alloc);
    if (!l->tx)
        l->tx = batch_new(l->alloc);
    return l->rx && l->tx ? 0 : IT_ERR_NOMEM;
}

void it_loop_batches_free(it_loop *l)
{
    batch_free(l->alloc, l->rx);
    batch_free(l->alloc, l->tx);
    l->rx = l->tx = NULL;
}

/* --- receiving --- */

int it_loop_receive(it_loop *l, int fd)
{
    loop_batch *b = l->rx;
    /* The kernel has written into as many as it gave. */
    for (size_t k = 0; k < LOOP_BATCH && (k < b->n || !b->m[k].msg_hdr.msg_namelen); k++) {
        b->m[k].msg_hdr.msg_namelen = sizeof b->addr[k];
        b->m[k].msg_hdr.msg_controllen = sizeof b->control[k];
    }
    int n = recvmmsg(fd, b->m, LOOP_BATCH, MSG_DONTWAIT, NULL);
    b->n = n > 0 ? (size_t)n : 0;
    return (int)b->n;
}

struct msghdr *it_loop_received(it_loop *l, int k, it_io *in)
{
    loop_batch *b = l->rx;
    in->remote = it_loop_addr(&b->addr[k]);
    in->data = it_bytes_of(batch_bytes(b, (size_t)k), b->m[k].msg_len);
    return &b->m[k].msg_hdr;
}

/* --- sending --- */

uint8_t *it_loop_room(it_loop *l)
{
    if (!l->tx)
        return l->buf;
    if (l->tx->n == LOOP_BATCH)
        it_loop_send_now(l);
    return batch_bytes(l->tx, l->tx->n);
}

struct msghdr *it_loop_send_later(it_loop *l, uint32_t i, const it_io *io)
{
    loop_batch *b = l->tx;
    uint8_t *room = it_loop_room(l);
    size_t k = b->n++;
    struct msghdr *m = &b->m[k].msg_hdr;
    if (io->data.n && io->data.p != room)
        memcpy(room, io->data.p, io->data.n);
    b->slot[k] = i;
    b->v[k].iov_len = io->data.n;
    m->msg_namelen = it_loop_sa(&b->addr[k], io->remote);
    m->msg_control = b->control[k].bytes;
    m->msg_controllen = 0;
    return m;
}

/* Sends |n| datagrams of one socket. A socket keeps one error of earlier datagrams, and says it in place of sending the
 * next, which then goes again. Without a route it is lost, with a full queue are all the others; of one that is too
 * large the error queue tells. */
static void send_run(int fd, struct mmsghdr *m, size_t n, bool is4)
{
    bool again = false;
    for (size_t at = 0; at < n;) {
        int sent = sendmmsg(fd, m + at, (unsigned)(n - at), MSG_NOSIGNAL);
        if (sent > 0) {
            at += (size_t)sent;
            again = false;
            continue;
        }
        if (errno == EAGAIN || errno == ENOBUFS)
            return;
        again = !again && it_loop_udp_earlier(errno, m[at].msg_hdr.msg_iov->iov_len, is4);
        at += !again;
    }
}

void it_loop_send_now(it_loop *l)
{
    loop_batch *b = l->tx;
    struct mmsghdr run[LOOP_BATCH];
    bool gone[LOOP_BATCH] = {false};
    for (size_t first = 0; b && first < b->n; first++) {
        size_t n = 0;
        if (gone[first])
            continue;
        for (size_t k = first; k < b->n; k++) {
            if (gone[k] || b->slot[k] != b->slot[first])
                continue;
            gone[k] = true;
            run[n++] = b->m[k];
        }
        const loop_sock *s = &l->socks[b->slot[first]];
        send_run(s->fd, run, n, it_ip_is4(s->local.ip));
    }
    if (b)
        b->n = 0;
}

bool it_loop_sends(const it_loop *l)
{
    return l->tx && l->tx->n > 0;
}
