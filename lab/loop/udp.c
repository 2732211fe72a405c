/* Datagrams on real sockets: what their IP header says goes as ancillary data, ICMP errors come from the socket's error
 * queue (IP_RECVERR). */
#include "lab/loop/impl.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BURST 64    /* datagrams that one socket brings before others have their turn */
#define SMALL6 1232 /* as LOOP_SMALL, of IPv6: RFC 8200 section 5 */

/* --- opening --- */

static bool set_number(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* Errors, hop limit and DSCP of what comes, and where it came to when the socket is of every address. */
static bool set_options(int fd, bool is4, bool any)
{
    static const int OPTIONS4[] = {IP_RECVERR, IP_RECVTTL, IP_RECVTOS},
                     OPTIONS6[] = {IPV6_RECVERR, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_V6ONLY};
    bool ok = true;
    if (is4) {
        for (size_t i = 0; i < sizeof OPTIONS4 / sizeof *OPTIONS4; i++)
            ok &= set_number(fd, IPPROTO_IP, OPTIONS4[i], 1);
        return ok && set_number(fd, IPPROTO_IP, IP_PKTINFO, any);
    }
    for (size_t i = 0; i < sizeof OPTIONS6 / sizeof *OPTIONS6; i++)
        ok &= set_number(fd, IPPROTO_IPV6, OPTIONS6[i], 1);
    return ok && set_number(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, any);
}

/* Lets what leaves be fragmented, or not. */
static bool set_df(int fd, bool is4, bool df)
{
    if (is4)
        return set_number(fd, IPPROTO_IP, IP_MTU_DISCOVER, df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
    return set_number(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, df ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT) &&
           set_number(fd, IPPROTO_IPV6, IPV6_DONTFRAG, df);
}

/* The payload that leaves the interface of |ip| in one piece; 0: not known. */
static uint32_t payload_of(it_loop *l, it_ip ip)
{
    uint32_t mtu = it_loop_mtu(l, ip), size = 0;
    if (mtu > it_loop_headers(ip))
        size = mtu - it_loop_headers(ip);
    return size > IT_LOOP_DGRAM ? IT_LOOP_DGRAM : size;
}

static bool bind_to(it_loop *l, int fd, it_addr local)
{
    loop_sa sa;
    socklen_t n = it_loop_sa_own(l, &sa, local);
    bool any = it_loop_any(local.ip), is4 = it_ip_is4(local.ip);
    return set_options(fd, is4, any) && set_df(fd, is4, true) && bind(fd, &sa.sa, n) == 0;
}

int it_loop_udp_open(it_loop *l, uint32_t i, it_addr local)
{
    loop_sock *s = &l->socks[i];
    int family = it_ip_is4(local.ip) ? AF_INET : AF_INET6;
    if (it_loop_batches(l) < 0)
        return IT_ERR_NOMEM;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return it_loop_err(errno);
    if (!bind_to(l, fd, local)) {
        int err = it_loop_err(errno);
        close(fd);
        return err;
    }
    s->fd = fd;
    s->any = it_loop_any(local.ip);
    s->frag = false;
    s->local = it_loop_sockname(fd);
    it_loop_routes_open(l); /* its interface's MTU may change */
    s = &l->socks[i];       /* which has taken a slot */
    s->size = s->any ? 0 : payload_of(l, s->local.ip);
    int err = it_loop_sock_arm(l, i, EPOLLIN);
    if (err < 0) {
        close(fd);
        s->fd = -1;
        s->local = (it_addr){{0, 0}, 0};
    }
    return err;
}

/* --- sending --- */

void it_loop_put_ancillary(struct msghdr *m, int level, int type, const void *data, size_t n)
{
    struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)m->msg_control + m->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(c), data, n);
    m->msg_controllen += CMSG_SPACE(n);
}

/* Where it leaves from, for a socket of every address. */
static void put_source(struct msghdr *m, it_ip ip)
{
    if (it_ip_is4(ip)) {
        struct in_pktinfo info = {.ipi_ifindex = 0};
        it_ip_to_bytes(ip, (uint8_t *)&info.ipi_spec_dst);
        it_loop_put_ancillary(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
        return;
    }
    struct in6_pktinfo info = {.ipi6_ifindex = 0};
    it_ip_to_bytes(ip, (uint8_t *)&info.ipi6_addr);
    it_loop_put_ancillary(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

static void put_meta(struct msghdr *m, const loop_sock *s, const it_io *io)
{
    bool is4 = it_ip_is4(io->remote.ip);
    int level = is4 ? IPPROTO_IP : IPPROTO_IPV6, ttl = io->meta.ttl, tos = io->meta.tos;
    if (ttl)
        it_loop_put_ancillary(m, level, is4 ? IP_TTL : IPV6_HOPLIMIT, &ttl, sizeof ttl);
    if (tos)
        it_loop_put_ancillary(m, level, is4 ? IP_TOS : IPV6_TCLASS, &tos, sizeof tos);
    if (s->any && !it_loop_any(io->local.ip))
        put_source(m, io->local.ip);
}

/* Those that ICMP errors become (icmp_err_convert, tab_unreach). Of one that is too large nobody can tell. */
bool it_loop_udp_earlier(int no, size_t n, bool is4)
{
    static const int ASYNC[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENONET,
                                ENOPROTOOPT,  EOPNOTSUPP,   EPROTO,      EACCES,    EINTR};
    if (no == EMSGSIZE)
        return n <= (is4 ? LOOP_SMALL : SMALL6);
    for (size_t i = 0; i < sizeof ASYNC / sizeof *ASYNC; i++)
        if (ASYNC[i] == no)
            return true;
    return false;
}

/* What leaves from now on may be fragmented, or not; what waits is of the other kind. */
static void change_frag(it_loop *l, loop_sock *s, bool frag)
{
    it_loop_send_now(l);
    if (set_df(s->fd, it_ip_is4(s->local.ip), !frag))
        s->frag = frag;
}

int it_loop_udp_send(it_loop *l, uint32_t i, const it_io *io, bool stays)
{
    loop_sock *s = &l->socks[i];
    bool is4 = it_ip_is4(io->remote.ip);
    if (s->fd < 0 || (s->kind != LOOP_BASE && s->kind != LOOP_BIND) || is4 != it_ip_is4(s->local.ip))
        return 0;
    if (s->frag != io->meta.frag)
        change_frag(l, s, io->meta.frag);
    struct msghdr *m = it_loop_send_later(l, i, io, stays);
    if (m)
        put_meta(m, s, io);
    if (io->meta.frag || !l->apps[s->app].ops->errors)
        return 0;
    return it_loop_sent_note(l, s, io->remote, io->data);
}

/* --- errors --- */

/* The path to |in|->remote takes packets of |mtu| bytes. */
static int tell_size(it_loop *l, const loop_sock *s, const it_io *in)
{
    uint32_t mtu = in->icmp.mtu, head = it_loop_headers(in->remote.ip);
    it_io size = {.kind = IT_IO_SIZE, .flow = s->flow, .local = in->local, .remote = in->remote};
    if (mtu <= head)
        return 0;
    size.size = mtu - head;
    return it_loop_inform(l, s->app, &size);
}

/* The extended error among the ancillary data of |m|; NULL: there is none. */
static struct cmsghdr *find_error(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        bool is4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        if (is4 || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
            return c;
    }
    return NULL;
}

/* Who wrote the ICMP packet that |c| tells of. */
static it_ip offender(struct cmsghdr *c)
{
    loop_sa from = {.sa = {.sa_family = AF_UNSPEC}};
    const struct sockaddr *at = SO_EE_OFFENDER((struct sock_extended_err *)(void *)CMSG_DATA(c));
    size_t n = c->cmsg_level == IPPROTO_IP ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memcpy(&from, at, n);
    return it_loop_addr(&from).ip;
}

/* Whose word an error is. */
enum word { WORD_NONE, WORD_NETWORK, WORD_HOST };

/* Reads the error that |m| carries, if io.h knows it. */
static enum word read_error(struct msghdr *m, const loop_sock *s, it_io *in)
{
    struct sock_extended_err e;
    struct cmsghdr *c = find_error(m);
    if (!c)
        return WORD_NONE;
    memcpy(&e, CMSG_DATA(c), sizeof e);
    in->icmp = (it_io_icmp){.type = e.ee_type, .code = e.ee_code, .from = s->local.ip};
    if (e.ee_errno == EMSGSIZE)
        in->icmp.mtu = e.ee_info;
    if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6) {
        in->icmp.from = offender(c);
        return WORD_NETWORK;
    }
    /* The host's own word for a packet that may not be fragmented: RFC 1191 section 4, RFC 4443 section 3.2. */
    bool is4 = c->cmsg_level == IPPROTO_IP;
    in->icmp.type = is4 ? 3 : 2;
    in->icmp.code = is4 ? 4 : 0;
    return e.ee_origin == SO_EE_ORIGIN_LOCAL && e.ee_errno == EMSGSIZE ? WORD_HOST : WORD_NONE;
}

/* Tells the app of slot |i| of the error |in|, and of the path's size if it is |word|'s to say. */
static int tell_error(it_loop *l, uint32_t i, const it_io *in, enum word word)
{
    int app = l->socks[i].app;
    uint32_t turn = l->socks[i].turn;
    if (!l->apps[app].ops->errors)
        return 0;
    int err = it_loop_inform(l, app, in);
    const loop_sock *s = &l->socks[i];
    if (err < 0 || s->turn != turn || !in->icmp.mtu)
        return err;
    if (word == WORD_NETWORK && !it_loop_sent_believes(s, in->remote, in->data, in->icmp.mtu))
        return 0;
    return tell_size(l, s, in);
}

/* Receives one of the error queue into |in|, its quote in the loop's buffer. False when there is none. */
static bool receive_error(it_loop *l, const loop_sock *s, loop_ancillary *a, struct msghdr *m, loop_sa *to, it_io *in)
{
    struct iovec v = {l->buf, LOOP_BUF};
    *m = (struct msghdr){.msg_name = to, .msg_namelen = sizeof *to, .msg_iov = &v, .msg_iovlen = 1};
    m->msg_control = a->bytes;
    m->msg_controllen = sizeof a->bytes;
    to->sa.sa_family = AF_UNSPEC;
    ssize_t n = recvmsg(s->fd, m, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (n < 0)
        return false;
    in->flow = s->flow;
    in->local = s->local;
    in->remote = it_loop_addr(to);
    in->data = it_bytes_of(l->buf, (size_t)n);
    return true;
}

static int take_errors(it_loop *l, uint32_t i)
{
    int err = 0, pending;
    socklen_t n = sizeof pending;
    uint32_t turn = l->socks[i].turn;
    for (int burst = 0; burst < BURST && err == 0; burst++) {
        const loop_sock *s = &l->socks[i];
        loop_ancillary a;
        struct msghdr m;
        loop_sa to;
        it_io in = {.kind = IT_IO_ERROR};
        if (s->turn != turn || s->fd < 0)
            return 0;
        if (!receive_error(l, s, &a, &m, &to, &in))
            break;
        enum word word = read_error(&m, s, &in);
        if (word != WORD_NONE)
            err = tell_error(l, i, &in, word);
        if (err == 0)
            err = it_loop_flush(l);
    }
    /* What is pending beside the queue would keep epoll awake. */
    if (l->socks[i].turn == turn && l->socks[i].fd >= 0)
        (void)getsockopt(l->socks[i].fd, SOL_SOCKET, SO_ERROR, &pending, &n);
    return err;
}

int it_loop_udp_ready(it_loop *l, uint32_t i, uint32_t events)
{
    uint32_t turn = l->socks[i].turn;
    int err = 0;
    if (events & EPOLLERR)
        err = take_errors(l, i);
    if (err < 0 || l->socks[i].turn != turn || !(events & EPOLLIN))
        return err;
    return it_loop_take_datagrams(l, i);
}
