/* The plain TCP socket: a client's one stream or a listener's many, maybe with layers over them: the way through a
 * proxy, TLS. */
#include "lab/apps/rawtcp.h"

#include "stack/model/evq.h"
#include "stack/proxy/via.h"
#include "stack/stream/layers.h"
#include "stack/stream/pass.h"

#include <stdio.h>
#include <string.h>

#define CLIENT_FLOW 1

/* One stream, and what was sent on it and has found no room there yet. */
typedef struct plain_stream {
    it_stream s;
    it_layers ls;       /* of a client by a proxy, of TLS; else none */
    int tls;            /* which of them is TLS; -1: none */
    enum it_io_end end; /* layered: why the stream below is gone */
    bool finish;        /* FIN behind it */
    uint8_t *more;
    size_t at, n, cap;
} plain_stream;

struct it_rawtcp {
    it_alloc *alloc;
    it_evq events;
    it_model_event latest;  /* told by its table */
    plain_stream **streams; /* those that live, oldest first; of a client: one */
    size_t n, cap;
    uint32_t newest; /* flow of the stream that came last */
    bool listens, echo, nodelay;
    bool reached;   /* and has been answered by the far end */
    bool closed;    /* CLOSED was told */
    bool by_proxy;  /* a client's first layer is the way through it */
    bool has_tls;   /* streams have TLS over them, as |tls| says */
    it_tls_cfg tls; /* its stream gives every layer one of its own */
    it_time now;    /* of the latest call */
};

static plain_stream *add_stream(it_rawtcp *t, uint32_t flow)
{
    if (it_grow(t->alloc, &t->streams, &t->cap, t->n + 1, sizeof *t->streams) < 0)
        return NULL;
    plain_stream *s = it_calloc(t->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    t->newest = flow;
    t->streams[t->n++] = s;
    s->tls = -1;
    it_layers_init(&s->ls, t->alloc, &s->s);
    return s;
}

static void free_stream(it_rawtcp *t, plain_stream *s)
{
    it_layers_fini(&s->ls);
    it_free(t->alloc, s->more);
    it_free(t->alloc, s);
}

/* Frees the streams that are gone: a listener may see thousands in its life. */
static void drop_gone(it_rawtcp *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (it_stream_alive(&t->streams[i]->s))
            t->streams[kept++] = t->streams[i];
        else
            free_stream(t, t->streams[i]);
    }
    t->n = kept;
}

static it_rawtcp *new_rawtcp(it_alloc *alloc)
{
    it_rawtcp *t = it_calloc(alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    it_evq_init(&t->events, alloc);
    return t;
}

static int add_proxy(it_rawtcp *t, plain_stream *s, const it_via *via, it_addr to, const char *name)
{
    t->by_proxy = true;
    it_layer l = it_via_layer(t->alloc, via, to, name);
    return l.ops ? it_layers_push(&s->ls, l) : IT_ERR_NOMEM;
}

/* Puts TLS over |s|, where the socket has it. */
static int add_tls(it_rawtcp *t, plain_stream *s)
{
    if (!t->has_tls)
        return 0;
    it_tls_cfg cfg = t->tls;
    it_rng_init(&cfg.rng, it_rng_u64(&t->tls.rng), "tls");
    it_layer l = it_tls_layer(&cfg);
    s->tls = s->ls.n;
    return l.ops ? it_layers_push(&s->ls, l) : IT_ERR_NOMEM;
}

static void keep_tls(it_rawtcp *t, const it_tls_cfg *tls)
{
    t->has_tls = tls != NULL;
    if (!tls)
        return;
    t->tls = *tls;
    t->tls.alloc = t->alloc;
    t->tls.log_keys = true;
}

it_rawtcp *it_rawtcp_connect(it_alloc *alloc, const it_via *via, it_addr to, const char *name, const it_tls_cfg *tls)
{
    it_rawtcp *t = new_rawtcp(alloc);
    if (!t)
        return NULL;
    keep_tls(t, tls);
    plain_stream *s = add_stream(t, CLIENT_FLOW);
    int err = s ? 0 : IT_ERR_NOMEM;
    if (err == 0 && via->kind != IT_VIA_NONE)
        err = add_proxy(t, s, via, to, name);
    if (err == 0)
        err = add_tls(t, s);
    if (err < 0) {
        it_rawtcp_free(t);
        return NULL;
    }
    it_stream_open(&s->s, CLIENT_FLOW, (it_addr){{0, 0}, 0}, via->kind == IT_VIA_NONE ? to : via->proxy);
    return t;
}

it_rawtcp *it_rawtcp_listen(it_alloc *alloc, bool echo, const it_tls_cfg *tls)
{
    it_rawtcp *t = new_rawtcp(alloc);
    if (t) {
        keep_tls(t, tls);
        t->listens = true;
        t->echo = echo;
    }
    return t;
}

void it_rawtcp_nodelay(it_rawtcp *t)
{
    t->nodelay = true;
}

void it_rawtcp_free(it_rawtcp *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        free_stream(t, t->streams[i]);
    it_free(t->alloc, t->streams);
    it_evq_fini(&t->events);
    it_free(t->alloc, t);
}

static void tell_event(it_rawtcp *t, it_time now, const it_model_event *what)
{
    it_model_event ev = *what;
    ev.at = now;
    it_evq_put(&t->events, &ev, -1);
}

static void tell_ended(it_rawtcp *t, it_time now, const it_model_event *ev)
{
    if (!t->listens && t->closed)
        return;
    t->closed = true;
    tell_event(t, now, ev);
}

static void tell_closed(it_rawtcp *t, it_time now, enum it_closed_by by)
{
    tell_ended(t, now, &(it_model_event){.kind = IT_EV_CLOSED, .by = by});
}

static plain_stream *find_stream(const it_rawtcp *t, uint32_t flow)
{
    for (size_t i = t->n; i-- > 0;)
        if (t->streams[i]->s.flow == flow && it_stream_alive(&t->streams[i]->s))
            return t->streams[i];
    return NULL;
}

void it_rawtcp_from(it_rawtcp *t, uint16_t port)
{
    plain_stream *s = find_stream(t, CLIENT_FLOW);
    if (s && s->s.state == IT_STREAM_DUE)
        s->s.local.port = port;
}

/* Puts |data| on its way. Returns how much found room. */
static size_t put_bytes(it_rawtcp *t, plain_stream *s, it_bytes data)
{
    if (!s->ls.n)
        return it_stream_write(&s->s, data);
    int n = it_layers_write(&s->ls, t->now, &(it_io){.kind = IT_IO_DATA, .data = data});
    t->events.oom = t->events.oom || n == IT_ERR_NOMEM;
    return n < 0 ? 0 : (size_t)n;
}

/* Moves what waits behind the stream into it, as far as there is room. */
static void refill(it_rawtcp *t, plain_stream *s)
{
    size_t n = s->n ? put_bytes(t, s, it_bytes_of(s->more + s->at, s->n)) : 0;
    s->n -= n;
    s->at = s->n ? s->at + n : 0;
    if (!s->finish || s->n)
        return;
    if (!s->ls.n)
        it_stream_finish(&s->s);
    else if (it_layers_write(&s->ls, t->now, &(it_io){.kind = IT_IO_FIN}) < 0)
        t->events.oom = true;
}

/* Appends |data| behind everything that waits. Returns 0 or IT_ERR_NOMEM. */
static int queue_bytes(it_rawtcp *t, plain_stream *s, it_bytes data)
{
    size_t direct = s->n ? 0 : put_bytes(t, s, data), rest = data.n - direct;
    if (rest == 0)
        return 0;
    if (s->at) {
        memmove(s->more, s->more + s->at, s->n);
        s->at = 0;
    }
    if (it_grow(t->alloc, &s->more, &s->cap, s->n + rest, 1) < 0)
        return IT_ERR_NOMEM;
    memcpy(s->more + s->n, data.p + direct, rest);
    s->n += rest;
    return 0;
}

int it_rawtcp_send(it_rawtcp *t, it_bytes data)
{
    plain_stream *s = find_stream(t, t->newest);
    if (!s || s->finish || (!t->listens && !t->reached))
        return IT_ERR_STATE;
    if (data.n > IT_RAWTCP_SEND)
        return IT_ERR_TOOBIG;
    if (s->s.wait.n + s->n && s->s.wait.n + s->n + data.n > IT_STREAM_BUF)
        return IT_ERR_FULL;
    return queue_bytes(t, s, data);
}

int it_rawtcp_finish(it_rawtcp *t)
{
    plain_stream *s = find_stream(t, t->newest);
    if (!s || s->finish || s->s.state != IT_STREAM_OPEN || (!t->listens && !t->reached))
        return IT_ERR_STATE;
    s->finish = true;
    return 0;
}

size_t it_rawtcp_waiting(const it_rawtcp *t, size_t k, uint32_t *flow)
{
    size_t seen = 0;
    for (size_t i = 0; i < t->n; i++) {
        const plain_stream *s = t->streams[i];
        size_t n = s->s.state == IT_STREAM_OPEN ? s->s.wait.n + s->n : 0;
        if (n == 0 || seen++ < k)
            continue;
        *flow = s->s.flow;
        return n;
    }
    return 0;
}

void it_rawtcp_close(it_rawtcp *t, it_time now, bool abort)
{
    plain_stream *s = find_stream(t, t->newest);
    if (!s)
        return;
    s->finish = true;
    if (abort || s->s.state != IT_STREAM_OPEN)
        it_stream_reset(&s->s);
    tell_closed(t, now, IT_CLOSED_LOCAL);
}

/* --- in --- */

static void reached(it_rawtcp *t, it_time now)
{
    t->reached = true;
    tell_event(t, now,
               &(it_model_event){.kind = IT_EV_OPEN, .path = t->by_proxy ? IT_PATH_RELAY_TCP : IT_PATH_DIRECT_TCP});
}

/* How scripts call an end of a stream. */
static enum it_closed_by closed_by(enum it_io_end end)
{
    static const enum it_closed_by BY[] = {[IT_IO_END_RESET] = IT_CLOSED_RESET,
                                           [IT_IO_END_REFUSED] = IT_CLOSED_REFUSED,
                                           [IT_IO_END_TIMEOUT] = IT_CLOSED_TIMEOUT,
                                           [IT_IO_END_UNREACHABLE] = IT_CLOSED_UNREACHABLE,
                                           [IT_IO_END_LOCAL] = IT_CLOSED_LOCAL};
    return BY[end];
}

/* Why TLS ended |s|: false where it did not. */
static bool tell_tls(it_rawtcp *t, it_time now, const plain_stream *s)
{
    char why[64];
    if (s->tls < 0)
        return false;
    const it_tls_info *info = it_tls_layer_info(&s->ls.v[s->tls]);
    if (info->end == IT_TLS_END_NONE || info->end == IT_TLS_END_CLOSED)
        return false;
    if (info->end == IT_TLS_END_ALERT)
        snprintf(why, sizeof why, "alert %s", it_tls_alert_name(info->alert));
    else
        snprintf(why, sizeof why, "%s", it_tls_end_name(info->end));
    tell_ended(t, now, &(it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_TLS, .why = why});
    return true;
}

/* The proxy's word for what it refused, that of TLS, or why the stream is gone. */
static void tell_reset(it_rawtcp *t, it_time now, const plain_stream *s, enum it_io_end end)
{
    const it_proxy_client *c = t->by_proxy ? it_via_client(&s->ls.v[0]) : NULL;
    if (c && c->state == IT_VIA_REFUSED) {
        enum it_closed_by by = c->via.kind == IT_VIA_HTTP ? IT_CLOSED_HTTP : IT_CLOSED_SOCKS;
        tell_ended(t, now, &(it_model_event){.kind = IT_EV_CLOSED, .by = by, .status = c->status});
    } else if (!tell_tls(t, now, s)) {
        tell_closed(t, now, closed_by(end));
    }
}

/* Sends |data| back, never ahead of what was sent before. Returns how much of it was taken; all of what came through
 * layers, of which no more is read before it has gone. */
static size_t echo_data(it_rawtcp *t, plain_stream *s, it_bytes data)
{
    size_t n = 0;
    if (s->ls.n) {
        t->events.oom = t->events.oom || queue_bytes(t, s, data) < 0;
        return data.n;
    }
    if (!s->n)
        n = it_stream_write(&s->s, data);
    (void)it_stream_took(&s->s, data.n, n);
    return n;
}

static int data_in(it_rawtcp *t, it_time now, plain_stream *s, it_bytes data)
{
    if (t->echo && !s->finish)
        data.n = echo_data(t, s, data);
    if (data.n)
        tell_event(t, now, &(it_model_event){.kind = IT_EV_MESSAGE, .data = data});
    return (int)data.n;
}

/* A stream is there for its owner: a client's own, or one that a listener has taken. */
static void tell_open(it_rawtcp *t, it_time now, const plain_stream *s)
{
    if (t->listens)
        tell_event(t, now, &(it_model_event){.kind = IT_EV_OPEN, .path = IT_PATH_DIRECT_TCP, .remote = s->s.remote});
    else
        reached(t, now);
}

/* What came on |s|, from the stream or from above the layers. Returns the bytes taken. */
static int rawtcp_handle(it_rawtcp *t, it_time now, plain_stream *s, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_DATA:
        return data_in(t, now, s, in->data);
    case IT_IO_OPENED:
        tell_open(t, now, s);
        return 0;
    case IT_IO_FIN:
        s->finish = true; /* a plain socket closes with its peer */
        tell_closed(t, now, IT_CLOSED_REMOTE);
        return 0;
    case IT_IO_RST:
        tell_reset(t, now, s, s->ls.n ? s->end : in->end);
        return 0;
    default:
        return 0;
    }
}

/* What the layers of |s| have for us; an echo reads no more than it can send. Returns 0 or an error. */
static int read_layers(it_rawtcp *t, it_time now, plain_stream *s)
{
    uint8_t buf[IT_PASS_BUF];
    char line[IT_TLS_LINE_MAX];
    it_io up;
    int n = 0;
    while (!(t->echo && s->n) && (n = it_layers_read(&s->ls, now, &up, buf, sizeof buf)) > 0)
        (void)rawtcp_handle(t, now, s, &up);
    while (s->tls >= 0 && it_tls_secret(&s->ls.v[s->tls], line))
        tell_event(t, now, &(it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(line)});
    return n < 0 ? n : 0;
}

/* What came on |s|, by its layers. */
static int handle_layered(it_rawtcp *t, it_time now, plain_stream *s, const it_io *in)
{
    if (in->kind == IT_IO_RST)
        s->end = in->end;
    int n = it_layers_input(&s->ls, now, in), err = n < 0 ? n : read_layers(t, now, s);
    return err < 0 ? err : n;
}

static int accept_stream(it_rawtcp *t, it_time now, const it_io *in)
{
    plain_stream *s = add_stream(t, in->flow);
    if (!s || add_tls(t, s) < 0)
        return IT_ERR_NOMEM;
    it_stream_accept(&s->s, in);
    if (s->ls.n)
        return handle_layered(t, now, s, in);
    tell_open(t, now, s);
    return 0;
}

static int rawtcp_input(void *o, it_time now, const it_io *in)
{
    it_rawtcp *t = o;
    int n = 0;
    t->now = now;
    if (in->kind == IT_IO_DGRAM || in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        return (int)in->data.n;
    plain_stream *s = in->kind == IT_IO_ACCEPTED ? NULL : find_stream(t, in->flow);
    if (in->kind == IT_IO_ACCEPTED) {
        n = accept_stream(t, now, in);
    } else if (!s) {
        n = in->kind == IT_IO_DATA ? (int)in->data.n : 0;
    } else if (s->ls.n) {
        n = handle_layered(t, now, s, in);
    } else {
        it_stream_input(&s->s, in);
        n = rawtcp_handle(t, now, s, in);
    }
    return t->events.oom ? IT_ERR_NOMEM : n;
}

/* --- out --- */

static int rawtcp_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rawtcp *t = o;
    t->now = now;
    for (size_t i = 0; i < t->n; i++) {
        plain_stream *p = t->streams[i];
        it_stream *s = &p->s;
        refill(t, p);
        int n = p->ls.n ? read_layers(t, now, p) : 0;
        if (n == 0)
            n = p->ls.n ? it_layers_output(&p->ls, now, out, buf, cap) : it_stream_output(s, out, buf, cap);
        if (n < 0)
            return n;
        if (n == 0)
            continue;
        /* An echo makes room for what it has not taken. */
        if (out->kind == IT_IO_DATA && it_stream_space(s) >= IT_STREAM_BUF / 2)
            it_stream_read_on(s);
        return 1;
    }
    drop_gone(t);
    return 0;
}

static int rawtcp_tick(void *o, it_time now)
{
    (void)o, (void)now;
    return 0;
}

static it_time rawtcp_next(const void *o)
{
    (void)o;
    return IT_NEVER;
}

static int rawtcp_event(void *o, it_object_event *ev)
{
    it_rawtcp *t = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &t->latest};
    return it_evq_take(&t->events, &t->latest, NULL);
}

static bool nagle(const void *o)
{
    return !((const it_rawtcp *)o)->nodelay;
}

static void free_(void *o)
{
    it_rawtcp_free(o);
}

const it_object_ops it_app_rawtcp = {.kind = "tcp",
                                     .input = rawtcp_input,
                                     .tick = rawtcp_tick,
                                     .next = rawtcp_next,
                                     .output = rawtcp_output,
                                     .event = rawtcp_event,
                                     .nagle = nagle,
                                     .free = free_};
