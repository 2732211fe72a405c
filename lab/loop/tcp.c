/* Streams of apps on real TCP sockets, with back-pressure both ways: what the kernel does not take waits in a bounded
 * buffer whose room the app is told; what the app does not take stays with the kernel, whose window closes. */
#include "lab/loop/impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BACKLOG 128
#define UNSENT 32768   /* bytes that the kernel takes beyond what it may send */
#define CHUNK 16384    /* bytes that are read in one go */
#define BURST 16       /* reads of one stream, or streams accepted, before others have their turn */
#define STARVED IT_SEC /* after which a listener that the machine has starved tries again */

/* --- ends --- */

static void reset_fd(int fd)
{
    struct linger now = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* What an object says goes at once, unless it wants small segments to be gathered (it_object_ops.nagle); and the kernel
 * keeps little that no window has room for: it would take megabytes, and who writes never hear of a reader that is
 * slow. */
static void set_stream(const it_loop *l, int app, int fd)
{
    const loop_app *a = &l->apps[app];
    int off = !(a->ops->nagle && a->ops->nagle(a->o));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
    int unsent = UNSENT;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

/* The stream of slot |i| is gone, for |end|: its app is told when the loop next gets to it. */
static int end_stream(it_loop *l, uint32_t i, enum it_io_end end)
{
    loop_sock *s = &l->socks[i];
    it_loop_sock_reset(l, i);
    s->end = end;
    s->n_out = 0;
    return it_loop_sock_tell(l, i, LOOP_TELL_RST);
}

/* Frees slot |i| when both sides have said all. */
static bool end_if_over(it_loop *l, uint32_t i)
{
    const loop_sock *s = &l->socks[i];
    if (!s->fin_in || !s->fin_out)
        return false;
    it_loop_sock_free(l, i);
    return true;
}

/* Waits for what the stream can do next; where the machine watches no more descriptors it is reset. */
static int arm_stream(it_loop *l, uint32_t i)
{
    const loop_sock *s = &l->socks[i];
    uint32_t events = 0;
    if (s->opening || s->n_out)
        events |= EPOLLOUT;
    if (!s->opening && !s->blocked && !s->fin_in)
        events |= EPOLLIN;
    /* Its app neither reads nor writes: the end of it is heard of when it does. */
    if (s->fd < 0)
        return 0;
    int err = it_loop_sock_arm(l, i, events);
    if (err != IT_ERR_LIMIT)
        return err;
    it_loop_log(l, "%s: a stream is reset: the machine watches no more descriptors", l->apps[s->app].name);
    reset_fd(s->fd);
    return end_stream(l, i, IT_IO_END_LOCAL);
}

/* |no| says that it works later, or, 0, that it did. */
static bool would_pass(int no)
{
    return no == 0 || no == EAGAIN || no == EWOULDBLOCK || no == EINTR || it_loop_starved(no);
}

/* --- out --- */

/* Gives the kernel what it takes of what waits. Returns 0, or the errno that ends the stream. */
static int send_waiting(loop_sock *s)
{
    size_t sent = 0;
    int no = 0;
    while (sent < s->n_out && no == 0) {
        ssize_t n = send(s->fd, s->out + sent, s->n_out - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            sent += (size_t)n;
        else if (errno != EINTR)
            no = errno;
    }
    if (sent)
        memmove(s->out, s->out + sent, s->n_out - sent);
    s->n_out -= sent;
    return would_pass(no) ? 0 : no;
}

/* An app that has used most of its room hears of more, when there is. */
static bool room_has_grown(const loop_sock *s)
{
    bool most = s->granted < IT_LOOP_BUFFER / 2;
    return !s->fin_due && most && IT_LOOP_BUFFER - s->n_out > s->granted;
}

/* Says FIN when it is due and nothing waits; true when the stream is over with it, and its slot free. */
static bool say_fin(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    if (s->n_out || !s->fin_due || s->fin_out)
        return false;
    (void)shutdown(s->fd, SHUT_WR);
    s->fin_out = true;
    return end_if_over(l, i);
}

/* Gives the kernel what it takes; FIN behind the last byte. Returns 0 or an error. */
static int push_out(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    int err = 0;
    if (s->fd < 0 || s->opening)
        return arm_stream(l, i);
    int no = send_waiting(s);
    if (no)
        return end_stream(l, i, it_loop_end(no));
    if (say_fin(l, i))
        return 0;
    if (room_has_grown(s))
        err = it_loop_sock_tell(l, i, LOOP_TELL_WRITABLE);
    if (err < 0)
        return err;
    return arm_stream(l, i);
}

static int data_out(it_loop *l, uint32_t i, it_bytes data)
{
    loop_sock *s = &l->socks[i];
    if (s->fin_due || s->fd < 0)
        return 0;
    if (data.n > s->granted)
        return IT_ERR_TOOBIG; /* more than it was told it may */
    if (it_grow(l->alloc, &s->out, &s->cap_out, s->n_out + data.n, 1) < 0)
        return IT_ERR_NOMEM;
    if (data.n)
        memcpy(s->out + s->n_out, data.p, data.n);
    s->n_out += data.n;
    s->granted -= (uint32_t)data.n;
    return it_loop_sock_tell(l, i, LOOP_TELL_SEND); /* the pieces of one turn leave together */
}

/* The listener of app |app| on |local|; -1: there is none. */
static int listener_on(const it_loop *l, int app, it_addr local)
{
    for (size_t i = 0; i < l->n_socks; i++) {
        const loop_sock *s = &l->socks[i];
        bool there = s->kind == LOOP_LISTEN && s->app == app && s->fd >= 0 && s->local.port == local.port;
        if (there && (it_ip_eq(s->local.ip, local.ip) || it_loop_any(s->local.ip)))
            return s->fd;
    }
    return -1;
}

static void set_reuse(int fd, int name, int on)
{
    (void)setsockopt(fd, SOL_SOCKET, name, &on, sizeof on);
}

/* Binds |fd| to |from|, whose port |listener| has. Linux shares the port of a listener with SO_REUSEPORT alone, which
 * is set meanwhile only: so nobody else can listen there. */
static int bind_beside(int listener, int fd, const loop_sa *from, socklen_t n)
{
    set_reuse(listener, SO_REUSEPORT, 1);
    set_reuse(fd, SO_REUSEPORT, 1);
    int rc = bind(fd, &from->sa, n), no = errno;
    set_reuse(listener, SO_REUSEPORT, 0);
    set_reuse(fd, SO_REUSEPORT, 0);
    errno = no;
    return rc;
}

/* Binds |fd| of app |app| to |local|. Streams to several remotes may have one port, also that of one that has just
 * ended and that of a listener, as ICE has them (RFC 6544 sections 5.2, 7.2). Returns 0, or -1 with errno. */
static int bind_stream(const it_loop *l, int app, int fd, it_addr local)
{
    loop_sa from;
    socklen_t n = it_loop_sa(&from, local);
    int rc, listener = -1;
    if (local.port) {
        set_reuse(fd, SO_REUSEADDR, 1);
        listener = listener_on(l, app, local);
    }
    if (listener >= 0)
        return bind_beside(listener, fd, &from, n);
    rc = bind(fd, &from.sa, n);
    if (rc == 0) /* from now on others may have it: before that the kernel would not give a free one */
        set_reuse(fd, SO_REUSEADDR, 1);
    return rc;
}

/* A socket of app |app| that begins to connect, or -1 with errno. */
static int connect_fd(const it_loop *l, int app, const it_io *io)
{
    loop_sa to;
    int no;
    socklen_t n = it_loop_sa(&to, io->remote);
    int fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_stream(l, app, fd);
    bool bound = it_ip_none(io->local.ip) && !io->local.port;
    if (!bound) {
        it_addr local = io->local;
        if (it_ip_none(local.ip) && it_ip_is4(io->remote.ip))
            local.ip = it_ip4(0);
        bound = bind_stream(l, app, fd, local) == 0;
    }
    if (bound && (connect(fd, &to.sa, n) == 0 || errno == EINPROGRESS))
        return fd;
    no = errno;
    close(fd);
    errno = no;
    return -1;
}

/* Whether the stream |flow| of app |app| is over by stack/io.h, but what it said last is still on its way. */
static bool lingers(const it_loop *l, int app, uint32_t flow)
{
    uint32_t i = it_loop_sock_of(l, app, flow);
    return i != IT_MAP_NONE && l->socks[i].kind == LOOP_STREAM && l->socks[i].fin_in && l->socks[i].fin_due;
}

static int open_out(it_loop *l, int app, const it_io *io)
{
    int i = IT_ERR_EXISTS;
    if (io->flow < IT_IO_BOUND_FLOW)
        i = it_loop_sock_new(l, LOOP_STREAM, app, io->flow);
    if (i == IT_ERR_FULL || (i == IT_ERR_EXISTS && lingers(l, app, io->flow))) {
        it_io in = {.kind = IT_IO_RST, .flow = io->flow, .end = IT_IO_END_LOCAL};
        it_loop_log(l, "%s: no room for another stream", l->apps[app].name);
        return it_loop_inform(l, app, &in);
    }
    if (i < 0)
        return i;
    loop_sock *s = &l->socks[i];
    s->remote = io->remote;
    s->opening = true;
    s->fd = connect_fd(l, app, io);
    if (s->fd >= 0)
        return arm_stream(l, (uint32_t)i);
    int no = errno;
    if (it_loop_starved(no))
        it_loop_log(l, "%s: cannot connect: %s", l->apps[app].name, strerror(no));
    return end_stream(l, (uint32_t)i, it_loop_end(no));
}

int it_loop_tcp_out(it_loop *l, int app, const it_io *io)
{
    if (io->kind == IT_IO_OPEN)
        return open_out(l, app, io);
    uint32_t i = it_loop_sock_of(l, app, io->flow);
    if (i == IT_MAP_NONE || l->socks[i].kind != LOOP_STREAM)
        return 0; /* gone: the news and this crossed */
    loop_sock *s = &l->socks[i];
    switch (io->kind) {
    case IT_IO_DATA:
        return data_out(l, i, io->data);
    case IT_IO_WRITABLE:
        if (!s->blocked)
            return 0;
        s->blocked = false;
        return it_loop_sock_tell(l, i, LOOP_TELL_DATA);
    case IT_IO_FIN:
        s->fin_due = true;
        return it_loop_sock_tell(l, i, LOOP_TELL_SEND);
    case IT_IO_RST:
        if (s->fd >= 0)
            reset_fd(s->fd);
        it_loop_sock_free(l, i);
        return 0;
    default:
        return 0;
    }
}

/* --- in --- */

/* Tells |kind| with the room that there is. */
static int tell_room(it_loop *l, uint32_t i, enum it_io_kind kind)
{
    loop_sock *s = &l->socks[i];
    s->granted = (uint32_t)(IT_LOOP_BUFFER - s->n_out);
    it_io in = {.kind = kind, .flow = s->flow, .local = s->local, .remote = s->remote, .data = {NULL, s->granted}};
    return it_loop_inform(l, s->app, &in);
}

/* Keeps what the app has not taken of |data|. */
static int keep(it_loop *l, loop_sock *s, it_bytes data)
{
    if (it_grow(l->alloc, &s->in, &s->cap_in, data.n, 1) < 0)
        return IT_ERR_NOMEM;
    memmove(s->in, data.p, data.n);
    s->n_in = data.n;
    s->blocked = true;
    return 0;
}

/* Gives the app |data|. The slot may be another one's afterwards. Returns 0 or an error. */
static int feed(it_loop *l, uint32_t i, it_bytes data)
{
    loop_sock *s = &l->socks[i];
    uint32_t turn = s->turn;
    it_io in = {.kind = IT_IO_DATA, .flow = s->flow, .data = data};
    s->n_in = 0;
    int n = it_loop_input(l, s->app, &in);
    if (n < 0)
        return n;
    IT_ASSERT((size_t)n <= data.n);
    s = &l->socks[i];
    if (s->turn == turn && (size_t)n < data.n)
        return keep(l, s, it_bytes_of(data.p + n, data.n - (size_t)n));
    return 0;
}

/* The peer has said all: FIN, once everything before it was taken. */
static int tell_fin(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    it_io in = {.kind = IT_IO_FIN, .flow = s->flow};
    s->fin_in = true;
    int app = s->app, err = arm_stream(l, i);
    (void)end_if_over(l, i);
    if (err < 0)
        return err;
    return it_loop_inform(l, app, &in);
}

/* Reads what the kernel has: 1 when there may be more, 0, or an error. */
static int read_kernel(it_loop *l, uint32_t i)
{
    uint32_t turn = l->socks[i].turn;
    ssize_t n = recv(l->socks[i].fd, l->buf, CHUNK, MSG_DONTWAIT);
    if (n < 0 && would_pass(errno))
        return errno == EINTR;
    if (n < 0)
        return end_stream(l, i, it_loop_end(errno));
    if (n == 0)
        return tell_fin(l, i);
    int err = feed(l, i, it_bytes_of(l->buf, (size_t)n));
    if (err == 0)
        err = it_loop_settle(l); /* not what others are told: this may be a part of that */
    return err < 0 ? err : l->socks[i].turn == turn;
}

/* Gives the app what it has not taken before. What the kernel has comes when epoll tells of it, so that an app which
 * takes a busy stream in small parts holds up nobody else. */
static int feed_kept(it_loop *l, uint32_t i)
{
    const loop_sock *s = &l->socks[i];
    uint32_t turn = s->turn;
    int err = 0;
    if (s->n_in)
        err = feed(l, i, it_bytes_of(s->in, s->n_in));
    bool same = l->socks[i].turn == turn && l->socks[i].kind == LOOP_STREAM;
    if (err < 0 || !same)
        return err;
    return arm_stream(l, i);
}

/* True while slot |i| is the stream that it was in |turn|, and may be read. */
static bool readable(const it_loop *l, uint32_t i, uint32_t turn)
{
    const loop_sock *s = &l->socks[i];
    bool open = s->turn == turn && s->fd >= 0 && !s->opening;
    return open && !s->blocked && !s->n_in && !s->fin_in;
}

static int read_in(it_loop *l, uint32_t i)
{
    uint32_t turn = l->socks[i].turn;
    int rc = 1;
    for (int burst = 0; burst < BURST && rc > 0 && readable(l, i, turn); burst++)
        rc = read_kernel(l, i);
    if (rc < 0)
        return rc;
    bool same = l->socks[i].turn == turn && l->socks[i].kind == LOOP_STREAM;
    if (same)
        return arm_stream(l, i);
    return 0;
}

/* The attempt to connect has ended. */
static int opened(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    int no = 0;
    socklen_t n = sizeof no;
    (void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &no, &n);
    if (no)
        return end_stream(l, i, it_loop_end(no));
    s->opening = false;
    s->local = it_loop_sockname(s->fd);
    int err = tell_room(l, i, IT_IO_OPENED);
    if (err < 0)
        return err;
    return it_loop_sock_tell(l, i, LOOP_TELL_SEND); /* a FIN that was said before this one heard of OPENED */
}

/* --- listening --- */

int it_loop_tcp_listen(it_loop *l, uint32_t i, it_addr local)
{
    loop_sock *s = &l->socks[i];
    loop_sa sa;
    int one = 1, err = 0;
    socklen_t n = it_loop_sa(&sa, local);
    int fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return it_loop_err(errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (sa.sa.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, &sa.sa, n) < 0 || listen(fd, BACKLOG) < 0) {
        err = it_loop_err(errno);
        close(fd);
        return err;
    }
    s->fd = fd;
    s->local = it_loop_sockname(fd);
    err = it_loop_sock_arm(l, i, EPOLLIN);
    if (err < 0) {
        it_loop_sock_reset(l, i);
        s->local = (it_addr){{0, 0}, 0};
    }
    return err;
}

/* The machine has no descriptor for one more: the listener rests, so that epoll does not spin. */
static int starve(it_loop *l, uint32_t i)
{
    const loop_sock *s = &l->socks[i];
    it_loop_log(l, "%s: cannot accept a connection: %s", l->apps[s->app].name, strerror(errno));
    l->listen_at = l->now + STARVED;
    return it_loop_sock_arm(l, i, 0);
}

int it_loop_tcp_retry_listeners(it_loop *l)
{
    int err = 0;
    l->listen_at = IT_NEVER;
    for (uint32_t i = 0; i < l->n_socks && err == 0; i++) {
        if (l->socks[i].kind != LOOP_LISTEN || l->socks[i].fd < 0)
            continue;
        err = it_loop_sock_arm(l, i, EPOLLIN);
        if (err != IT_ERR_LIMIT)
            continue;
        l->listen_at = l->now + STARVED;
        err = 0;
    }
    return err;
}

static int accepted_stream(it_loop *l, int app, int fd, it_addr remote)
{
    int i;
    do /* a number that is still in use, after 2^31 of them, is passed over */
        i = it_loop_sock_new(l, LOOP_STREAM, app, IT_IO_ACCEPTED_FLOW | (l->accepted++ & ~IT_IO_ACCEPTED_FLOW));
    while (i == IT_ERR_EXISTS);
    if (i < 0) {
        it_loop_log(l, "%s: a connection is refused: there are too many", l->apps[app].name);
        reset_fd(fd);
        close(fd);
        return i == IT_ERR_NOMEM ? i : 0;
    }
    loop_sock *s = &l->socks[i];
    s->fd = fd;
    s->local = it_loop_sockname(fd);
    s->remote = remote;
    set_stream(l, app, fd);
    int err = tell_room(l, (uint32_t)i, IT_IO_ACCEPTED);
    if (err < 0)
        return err;
    return arm_stream(l, (uint32_t)i);
}

static int accept_some(it_loop *l, uint32_t i)
{
    int err = 0;
    uint32_t turn = l->socks[i].turn;
    for (int burst = 0; burst < BURST && err == 0 && l->socks[i].turn == turn; burst++) {
        loop_sa from = {.sa = {.sa_family = AF_UNSPEC}};
        socklen_t n = sizeof from;
        int fd = accept4(l->socks[i].fd, &from.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && it_loop_starved(errno))
            return starve(l, i);
        if (fd < 0) /* none waits, or one that is gone again */
            return 0;
        err = accepted_stream(l, l->socks[i].app, fd, it_loop_addr(&from));
        if (err == 0)
            err = it_loop_flush(l);
    }
    return err;
}

/* --- whose turn it is --- */

int it_loop_tcp_ready(it_loop *l, uint32_t i, uint32_t events)
{
    uint32_t turn = l->socks[i].turn;
    int err = 0;
    if (l->socks[i].kind == LOOP_LISTEN)
        return accept_some(l, i);
    if (l->socks[i].opening)
        return opened(l, i);
    if (events & EPOLLOUT)
        err = push_out(l, i);
    if (err == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && l->socks[i].turn == turn)
        err = read_in(l, i);
    return err;
}

int it_loop_tcp_tell(it_loop *l, uint32_t i, unsigned tell)
{
    uint32_t turn = l->socks[i].turn;
    int err = 0;
    if (tell & LOOP_TELL_RST) {
        it_io in = {.kind = IT_IO_RST, .flow = l->socks[i].flow, .end = l->socks[i].end};
        int app = l->socks[i].app;
        it_loop_sock_free(l, i);
        return it_loop_inform(l, app, &in);
    }
    if (tell & LOOP_TELL_SEND)
        err = push_out(l, i);
    if (err == 0 && tell & LOOP_TELL_WRITABLE && l->socks[i].turn == turn)
        err = tell_room(l, i, IT_IO_WRITABLE);
    if (err == 0 && tell & LOOP_TELL_DATA && l->socks[i].turn == turn)
        err = feed_kept(l, i);
    return err;
}

void it_loop_tcp_last_words(it_loop *l, uint32_t i)
{
    loop_sock *s = &l->socks[i];
    if (s->fd < 0 || s->opening)
        return;
    (void)send_waiting(s);
    (void)shutdown(s->fd, SHUT_WR);
    /* RFC 9293 section 3.6.1: closing with bytes unread is a RST, which takes from the peer what it has not read. */
    for (int burst = 0; burst < BURST && recv(s->fd, l->buf, LOOP_BUF, MSG_DONTWAIT) > 0; burst++)
        continue;
}
