/* Streams between apps and TCP sockets. */
#include "lab/driver/impl.h"

struct it_stream {
    int app; /* -1: unused */
    it_host *host;
    int socket; /* -1: an OPEN that failed */
    uint32_t flow;
    enum it_io_end end;     /* of an OPEN that failed: why */
    bool blocked;           /* the app took less than there was and has not asked for the rest */
    bool fin_in, fin_out;   /* told to the app, told by it */
    uint32_t before, after; /* of the same app, in the order of slots */
};

void it_streams_init(it_streams *st, it_alloc *a)
{
    *st = (it_streams){.v = NULL};
    it_bits_init(&st->unused, a);
    it_bits_init(&st->pending, a);
    it_bits_init(&st->unpushed, a);
}

void it_streams_fini(it_streams *st)
{
    it_free(st->unused.alloc, st->v);
    it_bits_fini(&st->unused);
    it_bits_fini(&st->pending);
    it_bits_fini(&st->unpushed);
}

static uint32_t slot_of(const it_streams *st, const it_stream *s)
{
    return (uint32_t)(s - st->v);
}

/* Makes the least free slot; IT_BITS_NONE without memory. */
static uint32_t free_slot(it_streams *st)
{
    uint32_t at = it_bits_next(&st->unused, 0);
    if (at != IT_BITS_NONE)
        return at;
    at = (uint32_t)st->n;
    if (it_grow(st->unused.alloc, &st->v, &st->cap, st->n + 1, sizeof *st->v) < 0 ||
        it_bits_grow(&st->unused, at + 1) < 0 || it_bits_grow(&st->pending, at + 1) < 0 ||
        it_bits_grow(&st->unpushed, at + 1) < 0)
        return IT_BITS_NONE;
    st->n++;
    it_bits_add(&st->unused, at);
    return at;
}

/* A stream of |app|, in the order of slots among those that it has; NULL without memory. */
static it_stream *add_stream(it_streams *st, it_lab *lab, int app)
{
    lab_chain *c = &lab->apps[app].streams;
    uint32_t i = free_slot(st);
    if (i == IT_BITS_NONE)
        return NULL;
    it_stream s = {.app = app, .host = it_lab_app_host(lab, app), .socket = -1, .before = c->last};
    while (s.before != IT_BITS_NONE && s.before > i)
        s.before = st->v[s.before].before;
    s.after = s.before == IT_BITS_NONE ? c->first : st->v[s.before].after;
    *(s.before == IT_BITS_NONE ? &c->first : &st->v[s.before].after) = i;
    *(s.after == IT_BITS_NONE ? &c->last : &st->v[s.after].before) = i;
    c->n++;
    st->v[i] = s;
    it_bits_del(&st->unused, i);
    return &st->v[i];
}

/* Takes |s| off the tables. */
static void free_stream(it_streams *st, it_lab *lab, it_stream *s)
{
    uint32_t i = slot_of(st, s);
    lab_chain *c = &lab->apps[s->app].streams;
    if (it_lab_flow(lab, s->app, s->flow) == i)
        it_lab_flow_del(lab, s->app, s->flow);
    if (s->socket >= 0)
        it_lab_disown(lab, s->host, s->socket);
    *(s->before == IT_BITS_NONE ? &c->first : &st->v[s->before].after) = s->after;
    *(s->after == IT_BITS_NONE ? &c->last : &st->v[s->after].before) = s->before;
    c->n--;
    s->app = -1;
    it_bits_del(&st->pending, i);
    it_bits_del(&st->unpushed, i);
    it_bits_add(&st->unused, i);
}

/* |s| is carried by |socket| of its host from now on. Returns 0 or IT_ERR_NOMEM. */
static int own_socket(it_streams *st, it_lab *lab, it_stream *s, int socket)
{
    int err = it_lab_own(lab, s->host, socket, (lab_owned){LAB_STREAM, slot_of(st, s)});
    if (err == 0)
        s->socket = socket;
    return err;
}

static it_stream *by_flow(it_streams *st, const it_lab *lab, int app, uint32_t flow)
{
    bool bound = flow >= IT_IO_BOUND_FLOW && flow < IT_IO_ACCEPTED_FLOW;
    uint32_t i = bound ? IT_MAP_NONE : it_lab_flow(lab, app, flow);
    return i == IT_MAP_NONE ? NULL : &st->v[i];
}

static it_stream *by_socket(it_streams *st, const it_lab *lab, it_host *h, int socket)
{
    lab_owned o = it_lab_owner(lab, h, socket);
    return o.kind == LAB_STREAM ? &st->v[o.index] : NULL;
}

/* Counts what TCP says about |s| in |worst|. */
static void judge_still(const it_stream *s, it_lab_still *worst)
{
    it_tcp_info info;
    if (s->socket < 0 || !it_host_tcp_info(s->host, s->socket, &info))
        return;
    it_time bound = info.rto > IT_SEC ? info.rto : IT_SEC;
    if (worst->app < 0 || info.still - bound > worst->still - worst->bound)
        *worst = (it_lab_still){s->app, info.still, bound};
}

/* Takes |s| off the tables, with its last word. */
static void end_stream(it_streams *st, it_lab *lab, it_stream *s)
{
    if (st->ended == 0)
        st->worst.app = -1;
    judge_still(s, &st->worst);
    st->ended++;
    free_stream(st, lab, s);
}

/* Forgets |s|; its socket goes on by itself until the peer has everything. */
static void stream_forget(it_streams *st, it_lab *lab, it_stream *s)
{
    int socket = s->socket;
    end_stream(st, lab, s);
    if (socket >= 0)
        it_host_tcp_close(s->host, it_lab_now(lab), socket);
}

void it_streams_drop(it_streams *st, it_lab *lab, int app)
{
    while (lab->apps[app].streams.n)
        stream_forget(st, lab, &st->v[lab->apps[app].streams.first]);
}

void it_streams_opts(const it_lab *lab, int app, it_tcp_opts *o)
{
    const it_object_ops *ops = it_lab_app_ops(lab, app);
    it_host_tcp_opts(it_lab_app_host(lab, app), o);
    o->nagle = o->nagle && ops->nagle && ops->nagle(it_lab_app_state(lab, app));
}

/* --- out of the app --- */

static int open_out(it_streams *st, it_lab *lab, int app, const it_io *io)
{
    it_tcp_opts o;
    if (io->flow >= IT_IO_BOUND_FLOW || by_flow(st, lab, app, io->flow))
        return IT_ERR_EXISTS;
    it_stream *s = add_stream(st, lab, app);
    if (!s)
        return IT_ERR_NOMEM;
    it_streams_opts(lab, app, &o);
    s->flow = io->flow;
    int err = it_lab_flow_put(lab, app, io->flow, slot_of(st, s));
    if (err < 0) {
        free_stream(st, lab, s);
        return err;
    }
    int socket = it_host_tcp_connect(s->host, it_lab_now(lab), io->local, io->remote, &o);
    if (socket >= 0 && (err = own_socket(st, lab, s, socket)) < 0)
        it_host_tcp_abort(s->host, it_lab_now(lab), socket);
    if (socket == IT_ERR_NOMEM || err < 0) {
        free_stream(st, lab, s);
        return IT_ERR_NOMEM;
    }
    if (socket < 0) {
        s->end = socket == IT_ERR_NOROUTE ? IT_IO_END_UNREACHABLE : IT_IO_END_LOCAL;
        it_bits_add(&st->pending, slot_of(st, s));
    }
    return 0;
}

static int data_out(it_streams *st, it_stream *s, const it_io *io)
{
    int n = it_host_tcp_append(s->host, s->socket, io->data);
    if (n == IT_ERR_NOMEM)
        return n;
    it_bits_add(&st->unpushed, slot_of(st, s));
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
    it_stream *s = by_flow(st, lab, app, io->flow);
    if (!s || s->socket < 0)
        return 0;
    if (io->kind == IT_IO_DATA)
        return data_out(st, s, io);
    if (io->kind == IT_IO_WRITABLE && s->blocked) {
        s->blocked = false;
        it_bits_add(&st->pending, slot_of(st, s));
    } else if (io->kind == IT_IO_FIN) {
        (void)it_host_tcp_shutdown(s->host, it_lab_now(lab), s->socket);
        s->fin_out = true;
        end_if_over(st, lab, s);
    } else if (io->kind == IT_IO_RST) {
        int socket = s->socket;
        end_stream(st, lab, s);
        it_host_tcp_abort(s->host, it_lab_now(lab), socket);
    }
    return 0;
}

void it_streams_push(it_streams *st, it_lab *lab, int app)
{
    for (uint32_t i = it_bits_next(&st->unpushed, 0); i != IT_BITS_NONE; i = it_bits_next(&st->unpushed, i + 1)) {
        const it_stream *s = &st->v[i];
        if (s->app != app)
            continue;
        it_bits_del(&st->unpushed, i);
        it_host_tcp_push(s->host, it_lab_now(lab), s->socket);
    }
}

/* --- into the app --- */

/* Tells |kind| with the room that the socket grants. */
static int tell_room(it_lab *lab, it_stream *s, enum it_io_kind kind, const it_host_event *ev)
{
    uint32_t room = it_host_tcp_room(s->host, s->socket);
    it_io in = {.kind = kind, .flow = s->flow, .local = ev->local, .remote = ev->remote, .data = {NULL, room}};
    int n = it_lab_input(lab, s->app, &in);
    return n < 0 ? n : 0;
}

/* Gives the app what there is to read, as long as it takes it. */
static int feed(it_lab *lab, it_stream *s)
{
    it_bytes b;
    while (!s->blocked && (b = it_host_tcp_peek(s->host, s->socket)).n) {
        it_io in = {.kind = IT_IO_DATA, .flow = s->flow, .data = b};
        int n = it_lab_input(lab, s->app, &in);
        if (n < 0)
            return n;
        IT_ASSERT((size_t)n <= b.n);
        s->blocked = (size_t)n < b.n;
        it_host_tcp_take(s->host, it_lab_now(lab), s->socket, (size_t)n);
    }
    return 0;
}

static int fin_in(it_streams *st, it_lab *lab, it_stream *s)
{
    it_io in = {.kind = IT_IO_FIN, .flow = s->flow};
    s->fin_in = true;
    int n = it_lab_input(lab, s->app, &in);
    end_if_over(st, lab, s);
    return n < 0 ? n : 0;
}

/* |s| is gone because of |end|. */
static int rst_in(it_streams *st, it_lab *lab, it_stream *s, enum it_io_end end)
{
    it_io in = {.kind = IT_IO_RST, .flow = s->flow, .end = end};
    int app = s->app;
    stream_forget(st, lab, s);
    int n = it_lab_input(lab, app, &in);
    return n < 0 ? n : 0;
}

/* What TCP's |reason| is to an app. RFC 1122 section 4.2.3.9, RFC 9293 section 3.10.7, RFC 5927 section 5.2. */
static enum it_io_end end_of(int reason)
{
    static const enum it_io_end END[] = {
        [IT_TCP_NONE] = IT_IO_END_LOCAL,        [IT_TCP_REFUSED] = IT_IO_END_REFUSED,
        [IT_TCP_RESET] = IT_IO_END_RESET,       [IT_TCP_TIMEOUT] = IT_IO_END_TIMEOUT,
        [IT_TCP_KEEPALIVE] = IT_IO_END_TIMEOUT, [IT_TCP_UNREACHABLE] = IT_IO_END_UNREACHABLE,
        [IT_TCP_POWER] = IT_IO_END_LOCAL};
    return END[reason];
}

static int accept_stream(it_streams *st, it_lab *lab, it_host *h, const it_host_event *ev)
{
    lab_owned l = it_lab_owner(lab, h, ev->listener);
    it_stream *s = l.kind == LAB_BIND ? add_stream(st, lab, lab->binds.v[l.index].app) : NULL;
    int err = s ? own_socket(st, lab, s, ev->socket) : IT_ERR_NOMEM;
    if (err == 0) {
        s->flow = IT_IO_ACCEPTED_FLOW + st->accepted++;
        err = it_lab_flow_put(lab, s->app, s->flow, slot_of(st, s));
    }
    if (err < 0) {
        if (s)
            free_stream(st, lab, s);
        it_host_tcp_abort(h, it_lab_now(lab), ev->socket);
        return l.kind == LAB_BIND ? err : 0;
    }
    return tell_room(lab, s, IT_IO_ACCEPTED, ev);
}

int it_streams_event(it_streams *st, it_lab *lab, it_host *h, const it_host_event *ev)
{
    if (ev->kind == IT_HOST_TCP_ACCEPTED)
        return accept_stream(st, lab, h, ev);
    it_stream *s = by_socket(st, lab, h, ev->socket);
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
        return fin_in(st, lab, s);
    case IT_HOST_TCP_RST:
        return rst_in(st, lab, s, end_of(ev->reason));
    default:
        return 0;
    }
}

int it_streams_pump(it_streams *st, it_lab *lab, bool *busy)
{
    int err = 0;
    for (uint32_t i = it_bits_next(&st->pending, 0); i != IT_BITS_NONE && err == 0;
         i = it_bits_next(&st->pending, i + 1)) {
        it_stream *s = &st->v[i];
        it_bits_del(&st->pending, i);
        *busy = true;
        if (s->socket < 0)
            err = rst_in(st, lab, s, s->end);
        else
            err = feed(lab, s);
    }
    return err;
}

/* --- the calls of lab.h about streams --- */

int it_lab_serve(it_lab *lab, int i, uint16_t port)
{
    return it_lab_serve_on(lab, i, (it_addr){{0, 0}, port});
}

int it_lab_serve_on(it_lab *lab, int i, it_addr local)
{
    IT_ASSERT(it_lab_app_of(lab, i));
    return it_binds_serve(&lab->binds, lab, i, local);
}

uint32_t it_lab_stillest(it_lab *lab, it_lab_still *worst)
{
    const it_streams *st = &lab->streams;
    uint32_t n = st->ended;
    *worst = st->ended ? st->worst : (it_lab_still){.app = -1};
    for (size_t i = 0; i < st->n; i++) {
        if (st->v[i].app < 0)
            continue;
        n++;
        judge_still(&st->v[i], worst);
    }
    return n;
}

bool it_lab_stream_info(it_lab *lab, int i, uint32_t flow, it_tcp_info *info)
{
    const it_stream *s = by_flow(&lab->streams, lab, i, flow);
    return s && s->socket >= 0 && it_host_tcp_info(s->host, s->socket, info);
}
