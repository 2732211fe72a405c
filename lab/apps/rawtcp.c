/* The plain TCP socket: a client's one stream, or a listener's many, as legs of stack/proxy/relay.h. */
#include "lab/apps/rawtcp.h"

#include "stack/model/evq.h"
#include "stack/proxy/relay.h"

#include <stdio.h>
#include <string.h>

#define CLIENT_FLOW 1

/* One stream, and what was sent on it and has found no room in the leg yet. */
typedef struct plain_stream {
    it_leg leg;
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
    bool due;     /* of a client: OPEN is to be said */
    bool reached; /* and has been answered by the far end */
    bool closed;  /* CLOSED was told */
    it_addr to;
    it_proxy_client via;
};

static plain_stream *add_stream(it_rawtcp *t, uint32_t flow)
{
    if (it_grow(t->alloc, &t->streams, &t->cap, t->n + 1, sizeof *t->streams) < 0)
        return NULL;
    plain_stream *s = it_calloc(t->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->leg.flow = t->newest = flow;
    s->leg.alive = true;
    t->streams[t->n++] = s;
    return s;
}

static void free_stream(it_rawtcp *t, plain_stream *s)
{
    it_free(t->alloc, s->more);
    it_free(t->alloc, s);
}

/* Frees the streams that are gone: a listener may see thousands in its life. */
static void drop_gone(it_rawtcp *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->streams[i]->leg.alive)
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

it_rawtcp *it_rawtcp_connect(it_alloc *alloc, const it_via *via, it_addr to, const char *name)
{
    it_rawtcp *t = new_rawtcp(alloc);
    if (!t)
        return NULL;
    if (!add_stream(t, CLIENT_FLOW) || it_proxy_client_init(&t->via, via, to, name) < 0) {
        it_rawtcp_free(t);
        return NULL;
    }
    t->to = via->kind == IT_VIA_NONE ? to : via->proxy;
    t->due = true;
    return t;
}

it_rawtcp *it_rawtcp_listen(it_alloc *alloc, bool echo)
{
    it_rawtcp *t = new_rawtcp(alloc);
    if (t) {
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

static void tell_closed(it_rawtcp *t, it_time now, const char *by)
{
    if (!t->listens && t->closed)
        return;
    t->closed = true;
    tell_event(t, now, &(it_model_event){.kind = IT_EV_CLOSED, .by = by});
}

static plain_stream *find_stream(const it_rawtcp *t, uint32_t flow)
{
    for (size_t i = t->n; i-- > 0;)
        if (t->streams[i]->leg.flow == flow && t->streams[i]->leg.alive)
            return t->streams[i];
    return NULL;
}

/* Moves what waits behind the leg into it, as far as there is room. */
static void refill(plain_stream *s)
{
    size_t n = it_leg_put(&s->leg, it_bytes_of(s->more ? s->more + s->at : NULL, s->n));
    s->n -= n;
    s->at = s->n ? s->at + n : 0;
}

/* Appends |data| behind everything that waits. Returns 0 or IT_ERR_NOMEM. */
static int queue_bytes(it_rawtcp *t, plain_stream *s, it_bytes data)
{
    size_t direct = s->n ? 0 : it_leg_put(&s->leg, data), rest = data.n - direct;
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
    if (!s || s->leg.fin_due || (!t->listens && !t->reached))
        return IT_ERR_STATE;
    if (data.n > IT_RAWTCP_SEND)
        return IT_ERR_TOOBIG;
    if (s->leg.n + s->n && s->leg.n + s->n + data.n > IT_RELAY_BUF)
        return IT_ERR_FULL;
    return queue_bytes(t, s, data);
}

int it_rawtcp_finish(it_rawtcp *t)
{
    plain_stream *s = find_stream(t, t->newest);
    if (!s || s->leg.fin_due || !s->leg.opened || (!t->listens && !t->reached))
        return IT_ERR_STATE;
    s->leg.fin_due = true;
    return 0;
}

size_t it_rawtcp_waiting(const it_rawtcp *t, size_t k, uint32_t *flow)
{
    size_t seen = 0;
    for (size_t i = 0; i < t->n; i++) {
        const plain_stream *s = t->streams[i];
        size_t n = s->leg.alive && s->leg.opened ? s->leg.n + s->n : 0;
        if (n == 0 || seen++ < k)
            continue;
        *flow = s->leg.flow;
        return n;
    }
    return 0;
}

void it_rawtcp_close(it_rawtcp *t, it_time now, bool abort)
{
    plain_stream *s = find_stream(t, t->newest);
    if (!s)
        return;
    it_leg *leg = &s->leg;
    leg->fin_due = true;
    leg->rst_due = abort || !leg->opened;
    if (t->due) /* never began */
        leg->alive = t->due = false;
    tell_closed(t, now, "local");
}

/* --- in --- */

/* Passes on what the handshake with a proxy has to say. */
static void push_ask(it_rawtcp *t)
{
    (void)it_leg_put(&t->streams[0]->leg, it_bytes_of(t->via.out, t->via.n_out));
    t->via.n_out = 0;
}

static void reached(it_rawtcp *t, it_time now)
{
    t->reached = true;
    tell_event(t, now,
               &(it_model_event){.kind = IT_EV_OPEN,
                                 .path = t->via.via.kind == IT_VIA_NONE ? IT_PATH_DIRECT_TCP : IT_PATH_RELAY_TCP});
}

/* Bytes of a proxy's answer. Returns how many. */
static int read_answer(it_rawtcp *t, it_time now, it_bytes data)
{
    char by[32];
    int n = it_proxy_client_input(&t->via, data);
    if (n < 0)
        return n;
    push_ask(t);
    if (t->via.state == IT_VIA_OPEN)
        reached(t, now);
    if (t->via.state != IT_VIA_REFUSED)
        return n;
    snprintf(by, sizeof by, "%s %d", t->via.via.kind == IT_VIA_HTTP ? "http" : "socks", t->via.status);
    t->streams[0]->leg.fin_due = true;
    tell_closed(t, now, by);
    return (int)data.n;
}

/* Sends |data| back, never ahead of what was sent before. Returns how much of it was taken. */
static size_t echo_data(plain_stream *s, it_bytes data)
{
    size_t n = 0;
    if (!s->n)
        n = it_leg_put(&s->leg, data);
    s->leg.cut_short = n < data.n;
    return n;
}

static int data_in(it_rawtcp *t, it_time now, plain_stream *s, it_bytes data)
{
    size_t at = 0;
    if (!t->listens && !t->reached) {
        int n = (int)data.n;
        if (t->via.state != IT_VIA_REFUSED)
            n = read_answer(t, now, data);
        if (n < 0 || t->via.state == IT_VIA_REFUSED)
            return n;
        at = (size_t)n;
    }
    it_bytes rest = it_bytes_of(data.p + at, data.n - at);
    if (t->echo && !s->leg.fin_due)
        rest.n = echo_data(s, rest);
    if (rest.n)
        tell_event(t, now, &(it_model_event){.kind = IT_EV_MESSAGE, .data = rest});
    return (int)(at + rest.n);
}

static void stream_opened(it_rawtcp *t, it_time now)
{
    if (t->via.state == IT_VIA_OPEN)
        reached(t, now);
    else
        push_ask(t);
}

static int handle(it_rawtcp *t, it_time now, plain_stream *s, const it_io *in)
{
    it_leg *leg = &s->leg;
    switch (in->kind) {
    case IT_IO_DATA:
        return data_in(t, now, s, in->data);
    case IT_IO_OPENED:
    case IT_IO_WRITABLE:
        leg->opened = true;
        leg->room = in->data.n < UINT32_MAX ? (uint32_t)in->data.n : UINT32_MAX;
        if (in->kind == IT_IO_OPENED)
            stream_opened(t, now);
        return 0;
    case IT_IO_FIN:
        leg->fin_in = true;
        leg->fin_due = true; /* a plain socket closes with its peer */
        leg->alive = !leg->fin_out;
        tell_closed(t, now, "remote");
        return 0;
    case IT_IO_RST:
        leg->alive = false;
        tell_closed(t, now, "reset");
        return 0;
    default:
        return 0;
    }
}

static int input(void *o, it_time now, const it_io *in)
{
    it_rawtcp *t = o;
    int n = 0;
    if (in->kind == IT_IO_DGRAM || in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        return (int)in->data.n;
    if (in->kind == IT_IO_ACCEPTED) {
        plain_stream *s = add_stream(t, in->flow);
        if (!s)
            return IT_ERR_NOMEM;
        s->leg.opened = true;
        s->leg.room = in->data.n < UINT32_MAX ? (uint32_t)in->data.n : UINT32_MAX;
        tell_event(t, now, &(it_model_event){.kind = IT_EV_OPEN, .path = IT_PATH_DIRECT_TCP, .remote = in->remote});
    } else {
        plain_stream *s = find_stream(t, in->flow);
        if (s)
            n = handle(t, now, s, in);
        else if (in->kind == IT_IO_DATA)
            n = (int)in->data.n;
    }
    return t->events.oom ? IT_ERR_NOMEM : n;
}

/* --- out --- */

static int output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rawtcp *t = o;
    (void)now;
    if (t->due) {
        t->due = false;
        *out = (it_io){.kind = IT_IO_OPEN, .flow = CLIENT_FLOW, .remote = t->to};
        return 1;
    }
    for (size_t i = 0; i < t->n; i++) {
        it_leg *leg = &t->streams[i]->leg;
        refill(t->streams[i]);
        if (it_leg_output(leg, leg, out, buf, cap))
            return 1;
    }
    drop_gone(t);
    return 0;
}

static int tick(void *o, it_time now)
{
    (void)o, (void)now;
    return 0;
}

static it_time next(const void *o)
{
    (void)o;
    return IT_NEVER;
}

static int event(void *o, it_object_event *ev)
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
                                     .input = input,
                                     .tick = tick,
                                     .next = next,
                                     .output = output,
                                     .event = event,
                                     .nagle = nagle,
                                     .free = free_};
