/* Streams between apps and TCP sockets. */
#include "lab/driver/stream.h"

#define BACKLOG 128

struct it_stream {
    int app; /* -1: unused */
    it_host *host;
    int socket;    /* -1: an OPEN that failed */
    uint32_t flow; /* of a listener: none */
    bool listener;
    bool blocked;         /* the app took less than there was and has not asked for the rest */
    bool pending;         /* the app asked for the rest, or must be told of a failure */
    bool unpushed;        /* bytes were appended and not yet pushed */
    bool fin_in, fin_out; /* told to the app, told by it */
};

void it_streams_fini(it_streams *st, it_alloc *a)
{
    it_free(a, st->v);
    *st = (it_streams){.v = NULL};
}

static it_alloc *alloc_of(it_lab *lab)
{
    return it_world_alloc(it_lab_world(lab));
}

static it_stream *add_stream(it_streams *st, it_lab *lab, int app)
{
    size_t i = 0;
    while (i < st->n && st->v[i].app >= 0)
        i++;
    if (it_grow(alloc_of(lab), &st->v, &st->cap, i + 1, sizeof *st->v) < 0)
        return NULL;
    st->n = i == st->n ? i + 1 : st->n;
    st->v[i] = (it_stream){.app = app, .host = it_lab_app_host(lab, app), .socket = -1};
    return &st->v[i];
}

static it_stream *by_flow(it_streams *st, int app, uint32_t flow)
{
    for (size_t i = 0; i < st->n; i++)
        if (st->v[i].app == app && !st->v[i].listener && st->v[i].flow == flow)
            return &st->v[i];
    return NULL;
}

static it_stream *by_socket(it_streams *st, const it_host *h, int socket)
{
    for (size_t i = 0; i < st->n; i++)
        if (st->v[i].app >= 0 && st->v[i].host == h && st->v[i].socket == socket)
            return &st->v[i];
    return NULL;
}

/* Counts what TCP says about |s| in |worst|. */
static void judge_still(const it_stream *s, it_lab_still *worst)
{
    it_tcp_info info;
    if (s->listener || s->socket < 0 || !it_host_tcp_info(s->host, s->socket, &info))
        return;
    it_time bound = info.rto > IT_SEC ? info.rto : IT_SEC;
    if (worst->app < 0 || info.still - bound > worst->still - worst->bound)
        *worst = (it_lab_still){s->app, info.still, bound};
}

/* Takes |s| off the table. */
static void end_stream(it_streams *st, it_stream *s)
{
    if (st->ended == 0)
        st->worst.app = -1;
    judge_still(s, &st->worst);
    st->ended += !s->listener;
    st->unpushed -= s->unpushed;
    s->app = -1;
}

/* Forgets |s|; its socket goes on by itself until the peer has everything. */
static void stream_forget(it_streams *st, it_lab *lab, it_stream *s)
{
    int socket = s->socket;
    end_stream(st, s);
    if (socket >= 0)
        it_host_tcp_close(s->host, it_lab_now(lab), socket);
}

void it_streams_drop(it_streams *st, it_lab *lab, int app)
{
    for (size_t i = 0; i < st->n; i++)
        if (st->v[i].app == app)
            stream_forget(st, lab, &st->v[i]);
}

static void opts_of(const it_lab *lab, int app, it_tcp_opts *o)
{
    const it_app_ops *ops = it_lab_app_ops(lab, app);
    it_tcp_opts_init(o);
    o->nagle = ops->nagle && ops->nagle(it_lab_app(lab, app));
}

int it_streams_serve(it_streams *st, it_lab *lab, int app, it_addr local)
{
    it_tcp_opts o;
    it_stream *s = add_stream(st, lab, app);
    if (!s)
        return IT_ERR_NOMEM;
    opts_of(lab, app, &o);
    s->listener = true;
    s->socket = it_host_tcp_listen(s->host, local, BACKLOG, &o);
    if (s->socket >= 0)
        return 0;
    int err = s->socket;
    s->app = -1;
    return err;
}

/* --- out of the app --- */

static int open_out(it_streams *st, it_lab *lab, int app, const it_io *io)
{
    it_tcp_opts o;
    if (by_flow(st, app, io->flow) || io->flow >= IT_IO_BOUND_FLOW)
        return IT_ERR_EXISTS;
    it_stream *s = add_stream(st, lab, app);
    if (!s)
        return IT_ERR_NOMEM;
    opts_of(lab, app, &o);
    s->flow = io->flow;
    int socket = it_host_tcp_connect(s->host, it_lab_now(lab), io->local, io->remote, &o);
    if (socket == IT_ERR_NOMEM) {
        s->app = -1;
        return socket;
    }
    s->socket = socket < 0 ? -1 : socket;
    s->pending = socket < 0;
    return 0;
}

static int data_out(it_streams *st, it_stream *s, const it_io *io)
{
    int n = it_host_tcp_append(s->host, s->socket, io->data);
    if (n == IT_ERR_NOMEM)
        return n;
    if (!s->unpushed) {
        s->unpushed = true;
        st->unpushed++;
    }
    return n >= 0 && (size_t)n < io->data.n ? IT_ERR_TOOBIG : 0; /* a stream that was reset meanwhile takes nothing */
}

static void end_if_over(it_streams *st, it_lab *lab, it_stream *s)
{
    if (s->fin_in && s->fin_out)
        stream_forget(st, lab, s);
}

int it_streams_out(it_streams *st, it_lab *lab, int app, const it_io *io)
{
    if (io->kind == IT_IO_OPEN)
        return open_out(st, lab, app, io);
    it_stream *s = by_flow(st, app, io->flow);
    if (!s || s->socket < 0)
        return 0;
    if (io->kind == IT_IO_DATA)
        return data_out(st, s, io);
    if (io->kind == IT_IO_WRITABLE && s->blocked) {
        s->blocked = false;
        s->pending = true;
    } else if (io->kind == IT_IO_FIN) {
        (void)it_host_tcp_shutdown(s->host, it_lab_now(lab), s->socket);
        s->fin_out = true;
        end_if_over(st, lab, s);
    } else if (io->kind == IT_IO_RST) {
        int socket = s->socket;
        end_stream(st, s);
        it_host_tcp_abort(s->host, it_lab_now(lab), socket);
    }
    return 0;
}

void it_streams_push(it_streams *st, it_lab *lab, int app)
{
    for (size_t i = 0; i < st->n && st->unpushed; i++) {
        it_stream *s = &st->v[i];
        if (s->app != app || !s->unpushed)
            continue;
        s->unpushed = false;
        st->unpushed--;
        it_host_tcp_push(s->host, it_lab_now(lab), s->socket);
    }
}

/* --- into the app --- */

static int tell_app(it_lab *lab, const it_stream *s, const it_io *in)
{
    return it_lab_app_ops(lab, s->app)->input(it_lab_app(lab, s->app), it_lab_app_now(lab, s->app), in);
}

/* Tells |kind| with the room that the socket grants. */
static int tell_room(it_lab *lab, it_stream *s, enum it_io_kind kind, const it_host_event *ev)
{
    uint32_t room = it_host_tcp_room(s->host, s->socket);
    it_io in = {.kind = kind, .flow = s->flow, .local = ev->local, .remote = ev->remote, .data = {NULL, room}};
    int n = tell_app(lab, s, &in);
    return n < 0 ? n : 0;
}

/* Gives the app what there is to read, as long as it takes it. */
static int feed(it_lab *lab, it_stream *s)
{
    it_bytes b;
    while (!s->blocked && (b = it_host_tcp_peek(s->host, s->socket)).n) {
        it_io in = {.kind = IT_IO_DATA, .flow = s->flow, .data = b};
        int n = tell_app(lab, s, &in);
        if (n < 0)
            return n;
        IT_ASSERT((size_t)n <= b.n);
        s->blocked = (size_t)n < b.n;
        it_host_tcp_take(s->host, it_lab_now(lab), s->socket, (size_t)n);
    }
    return 0;
}

static int end_in(it_streams *st, it_lab *lab, it_stream *s, enum it_io_kind kind)
{
    it_io in = {.kind = kind, .flow = s->flow};
    int app = s->app;
    if (kind == IT_IO_FIN)
        s->fin_in = true;
    else
        stream_forget(st, lab, s);
    it_stream gone = {.app = app};
    int n = tell_app(lab, kind == IT_IO_FIN ? s : &gone, &in);
    if (kind == IT_IO_FIN)
        end_if_over(st, lab, s);
    return n < 0 ? n : 0;
}

static int accept_stream(it_streams *st, it_lab *lab, it_host *h, const it_host_event *ev)
{
    const it_stream *l = by_socket(st, h, ev->listener);
    it_stream *s = l ? add_stream(st, lab, l->app) : NULL;
    if (!s) {
        it_host_tcp_abort(h, it_lab_now(lab), ev->socket);
        return l ? IT_ERR_NOMEM : 0;
    }
    s->socket = ev->socket;
    s->flow = IT_IO_ACCEPTED_FLOW + st->accepted++;
    return tell_room(lab, s, IT_IO_ACCEPTED, ev);
}

int it_streams_event(it_streams *st, it_lab *lab, it_host *h, const it_host_event *ev)
{
    if (ev->kind == IT_HOST_TCP_ACCEPTED)
        return accept_stream(st, lab, h, ev);
    it_stream *s = by_socket(st, h, ev->socket);
    if (!s)
        return 0;
    switch (ev->kind) {
    case IT_HOST_TCP_OPENED:
        return tell_room(lab, s, IT_IO_OPENED, ev);
    case IT_HOST_TCP_WRITABLE:
        return tell_room(lab, s, IT_IO_WRITABLE, ev);
    case IT_HOST_TCP_DATA:
        return feed(lab, s);
    case IT_HOST_TCP_FIN:
        return end_in(st, lab, s, IT_IO_FIN);
    case IT_HOST_TCP_RST:
        return end_in(st, lab, s, IT_IO_RST);
    default:
        return 0;
    }
}

int it_streams_pump(it_streams *st, it_lab *lab, bool *busy)
{
    for (size_t i = 0; i < st->n; i++) {
        it_stream *s = &st->v[i];
        if (s->app < 0 || !s->pending)
            continue;
        s->pending = false;
        *busy = true;
        int err = s->socket < 0 ? end_in(st, lab, s, IT_IO_RST) : feed(lab, s);
        if (err < 0)
            return err;
    }
    return 0;
}

/* --- the calls of lab.h about streams --- */

int it_lab_serve(it_lab *lab, int i, uint16_t port)
{
    return it_lab_serve_on(lab, i, (it_addr){{0, 0}, port});
}

int it_lab_serve_on(it_lab *lab, int i, it_addr local)
{
    IT_ASSERT(it_lab_app(lab, i));
    return it_streams_serve(it_lab_streams(lab), lab, i, local);
}

uint32_t it_lab_stillest(it_lab *lab, it_lab_still *worst)
{
    const it_streams *st = it_lab_streams(lab);
    uint32_t n = st->ended;
    *worst = st->ended ? st->worst : (it_lab_still){.app = -1};
    for (size_t i = 0; i < st->n; i++) {
        if (st->v[i].app < 0 || st->v[i].listener)
            continue;
        n++;
        judge_still(&st->v[i], worst);
    }
    return n;
}

bool it_lab_stream_info(it_lab *lab, int i, uint32_t flow, it_tcp_info *info)
{
    const it_stream *s = by_flow(it_lab_streams(lab), i, flow);
    return s && s->socket >= 0 && it_host_tcp_info(s->host, s->socket, info);
}
