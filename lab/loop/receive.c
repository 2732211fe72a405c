/* Receiving datagrams many at a time: what a socket has comes by one call, what their IP headers say as ancillary data,
 * and what an object relays in its place is sent from where it was received. */
#include "lab/loop/impl.h"

#include <netinet/in.h>
#include <string.h>

#define BURST 64       /* datagrams that one socket brings before others have their turn */
#define RECEIVE_MIN 16 /* at least so many are received by one call */

_Static_assert(LOOP_STRIDE >= LOOP_BUF + 2 * IT_RELAY_ROOM, "a datagram has room around it");

/* Headers that point at addresses, ancillary data and bytes of their own, each of which has room for any datagram;
 * memory that no datagram has needed is not there. */
struct loop_rx {
    struct mmsghdr m[LOOP_BATCH];
    struct iovec v[LOOP_BATCH];
    loop_sa addr[LOOP_BATCH];
    loop_ancillary control[LOOP_BATCH];
    size_t first, n; /* of the last call; those before may still wait to be sent */
    uint8_t *bytes;
};

loop_rx *it_loop_rx_new(it_alloc *a)
{
    loop_rx *b = it_calloc(a, 1, sizeof *b);
    if (!b)
        return NULL;
    b->bytes = it_malloc(a, (size_t)LOOP_BATCH * LOOP_STRIDE);
    if (!b->bytes) {
        it_free(a, b);
        return NULL;
    }
    for (size_t k = 0; k < LOOP_BATCH; k++) {
        b->v[k] = (struct iovec){b->bytes + k * LOOP_STRIDE + IT_RELAY_ROOM, LOOP_BUF};
        b->m[k].msg_hdr = (struct msghdr){.msg_name = &b->addr[k], .msg_iov = &b->v[k], .msg_iovlen = 1};
        b->m[k].msg_hdr.msg_control = b->control[k].bytes;
    }
    return b;
}

void it_loop_rx_free(it_alloc *a, loop_rx *b)
{
    if (b)
        it_free(a, b->bytes);
    it_free(a, b);
}

/* Receives what |fd| has into |l|'s batch; true when that was all. */
static bool receive_batch(it_loop *l, int fd)
{
    loop_rx *b = l->rx;
    /* What was received before and is relayed in its place has not been sent yet. */
    b->first += b->n;
    if (LOOP_BATCH - b->first < RECEIVE_MIN)
        it_loop_send_now(l);
    if (!it_loop_sends(l))
        b->first = 0;
    size_t room = LOOP_BATCH - b->first;
    for (size_t k = b->first; k < LOOP_BATCH; k++) { /* the kernel has written into those that it gave */
        if (b->m[k].msg_hdr.msg_controllen == sizeof b->control[k])
            break;
        b->m[k].msg_hdr.msg_namelen = sizeof b->addr[k];
        b->m[k].msg_hdr.msg_controllen = sizeof b->control[k];
    }
    int n = recvmmsg(fd, b->m + b->first, (unsigned)room, MSG_DONTWAIT, NULL);
    b->n = n > 0 ? (size_t)n : 0;
    return b->n < room;
}

/* --- what the header says --- */

static uint8_t small_number(const struct cmsghdr *c)
{
    int v;
    if (c->cmsg_len < CMSG_LEN(sizeof v)) /* IP_RECVTOS gives one byte */
        return *CMSG_DATA(c);
    memcpy(&v, CMSG_DATA(c), sizeof v);
    return (uint8_t)v;
}

/* Where a datagram to a socket of every address went. */
static it_ip destination(const struct cmsghdr *c)
{
    struct in_pktinfo to4;
    struct in6_pktinfo to6;
    if (c->cmsg_level == IPPROTO_IP) {
        memcpy(&to4, CMSG_DATA(c), sizeof to4);
        return it_ip_from_bytes((const uint8_t *)&to4.ipi_addr, 4);
    }
    memcpy(&to6, CMSG_DATA(c), sizeof to6);
    return it_ip_from_bytes((const uint8_t *)&to6.ipi6_addr, 16);
}

static void take_ancillary4(const struct cmsghdr *c, it_io *in)
{
    switch (c->cmsg_type) {
    case IP_TTL:
        in->meta.ttl = small_number(c);
        break;
    case IP_TOS:
        in->meta.tos = small_number(c);
        break;
    case IP_PKTINFO:
        in->local.ip = destination(c);
        break;
    default:
        break;
    }
}

static void take_ancillary6(const struct cmsghdr *c, it_io *in)
{
    switch (c->cmsg_type) {
    case IPV6_HOPLIMIT:
        in->meta.ttl = small_number(c);
        break;
    case IPV6_TCLASS:
        in->meta.tos = small_number(c);
        break;
    case IPV6_PKTINFO:
        in->local.ip = destination(c);
        break;
    default:
        break;
    }
}

/* Reads what the kernel has written behind one another. */
static void take_ancillary(const struct msghdr *m, it_io *in)
{
    const uint8_t *at = m->msg_control, *end = at + m->msg_controllen;
    while ((size_t)(end - at) >= sizeof(struct cmsghdr)) {
        const struct cmsghdr *c = (const struct cmsghdr *)(const void *)at;
        if (c->cmsg_level == IPPROTO_IP)
            take_ancillary4(c, in);
        else if (c->cmsg_level == IPPROTO_IPV6)
            take_ancillary6(c, in);
        at += CMSG_ALIGN(c->cmsg_len);
    }
}

/* --- giving them to whose they are --- */

/* What one call has received at a socket, as it is taken one by one. */
typedef struct loop_taking {
    const loop_app *app;
    int number;    /* of the app */
    uint32_t turn; /* of the socket */
    it_addr local;
    it_io in; /* the last one, and what its header said */
} loop_taking;

/* The same as it_loop_addr, which it is for IPv6. */
static inline it_addr addr_received(const loop_sa *sa)
{
    if (sa->sa.sa_family == AF_INET)
        return it_addr_of(it_ip4(ntohl(sa->in.sin_addr.s_addr)), ntohs(sa->in.sin_port));
    return it_loop_addr(sa);
}

/* True when what was received at |i| has the ancillary data of the one before, as most have. */
static inline bool is_alike(const loop_rx *b, size_t i)
{
    size_t n = b->m[i].msg_hdr.msg_controllen;
    return b->m[i - 1].msg_hdr.msg_controllen == n && memcmp(&b->control[i], &b->control[i - 1], n) == 0;
}

/* Reads what was received at |i|; |first|: nothing was before. */
static inline void read_received(const loop_rx *b, size_t i, bool first, loop_taking *t)
{
    t->in.remote = addr_received(&b->addr[i]);
    t->in.data = it_bytes_of(b->v[i].iov_base, b->m[i].msg_len);
    if (!first && is_alike(b, i))
        return;
    t->in.local = t->local;
    t->in.meta = (it_io_meta){.ttl = 0};
    take_ancillary(&b->m[i].msg_hdr, &t->in);
}

/* Lets the app relay the datagram that was received at |i| in its place. Returns 1, 0 when it is an input, or an
 * error. */
static inline int relay_received(it_loop *l, const loop_taking *t, size_t i)
{
    it_io out;
    if (!t->app->ops->relay || !t->app->ops->relay(t->app->o, l->now, &t->in, l->rx->v[i].iov_base, &out))
        return 0;
    if (it_loop_send_next(l, t->number, &out))
        return 1;
    uint32_t to = it_loop_sock_of(l, t->number, out.flow);
    int err = to == IT_MAP_NONE ? 0 : it_loop_udp_send(l, to, &out, true);
    return err < 0 ? err : 1;
}

/* Gives the app the |k|-th datagram that was received. */
static int take_datagram(it_loop *l, loop_taking *t, size_t k)
{
    size_t i = l->rx->first + k, burst = (size_t)t->app->cfg.burst;
    read_received(l->rx, i, k == 0, t);
    int rc = relay_received(l, t, i);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = it_loop_inform(l, t->number, &t->in);
    if (rc < 0 || (burst && (k + 1) % burst))
        return rc;
    return it_loop_flush(l);
}

/* Gives the app of slot |i| the datagrams that were received. Returns 1 when it has not closed the socket, 0, or an
 * error. */
static int take_batch(it_loop *l, uint32_t i)
{
    const loop_sock *s = &l->socks[i];
    loop_taking t = {.app = &l->apps[s->app], .number = s->app, .turn = s->turn, .local = s->local};
    int err = 0;
    t.in.kind = IT_IO_DGRAM;
    t.in.flow = s->flow;
    for (size_t k = 0; k < l->rx->n && err == 0; k++) {
        err = take_datagram(l, &t, k);
        if (l->socks[i].turn != t.turn) /* closed: it wants no more */
            return err;
    }
    if (err == 0)
        err = it_loop_flush(l);
    return err < 0 ? err : l->socks[i].turn == t.turn;
}

int it_loop_take_datagrams(it_loop *l, uint32_t i)
{
    int rc = 1;
    bool all = false;
    for (size_t burst = 0; burst < BURST && !all && rc > 0; burst += l->rx->n) {
        all = receive_batch(l, l->socks[i].fd);
        rc = take_batch(l, i);
    }
    return rc < 0 ? rc : 0;
}
