/* The plain TCP socket: a client's one stream, or a listener's many, as legs of stack/proxy/relay.h. */
#include "lab/apps/rawtcp.h"

#include "stack/model/evq.h"
#include "stack/proxy/relay.h"

#include <stdio.h>
#include <string.h>

#define CLIENT_FLOW 1

struct it_rawtcp {
    it_alloc *alloc;
    it_evq events;
    it_leg **legs; /* of a client: one */
    size_t n, cap;
    bool listens, echo;
    bool due;     /* of a client: OPEN is to be said */
    bool reached; /* and has been answered by the far end */
    bool closed;  /* CLOSED was told */
    it_addr to;
    it_proxy_client via;
};

static it_leg *add(it_rawtcp *t, uint32_t flow)
{
    if (it_grow(t->alloc, &t->legs, &t->cap, t->n + 1, sizeof *t->legs) < 0)
        return NULL;
    it_leg *leg = it_calloc(t->alloc, 1, sizeof *leg);
    if (!leg)
        return NULL;
    leg->flow = flow;
    leg->alive = true;
    t->legs[t->n++] = leg;
    return leg;
}

static it_rawtcp *new_(it_alloc *alloc)
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
    it_rawtcp *t = new_(alloc);
    if (!t)
        return NULL;
    if (!add(t, CLIENT_FLOW) || it_proxy_client_init(&t->via, via, to, name) < 0) {
        it_rawtcp_free(t);
        return NULL;
    }
    t->to = via->kind == IT_VIA_NONE ? to : via->proxy;
    t->due = true;
    return t;
}

it_rawtcp *it_rawtcp_listen(it_alloc *alloc, bool echo)
{
    it_rawtcp *t = new_(alloc);
    if (t) {
        t->listens = true;
        t->echo = echo;
    }
    return t;
}

void it_rawtcp_free(it_rawtcp *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        it_free(t->alloc, t->legs[i]);
    it_free(t->alloc, t->legs);
    it_evq_fini(&t->events);
    it_free(t->alloc, t);
}

static void tell(it_rawtcp *t, it_time now, const it_model_event *what)
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
    tell(t, now, &(it_model_event){.kind = IT_EV_CLOSED, .by = by});
}

/* The latest stream that lives. */
static it_leg *latest(const it_rawtcp *t)
{
    return t->n && t->legs[t->n - 1]->alive ? t->legs[t->n - 1] : NULL;
}

int it_rawtcp_send(it_rawtcp *t, it_bytes data)
{
    it_leg *leg = latest(t);
    if (!leg || leg->fin_due || (!t->listens && !t->reached))
        return IT_ERR_STATE;
    if (leg->n + data.n > IT_RELAY_BUF)
        return IT_ERR_FULL;
    (void)it_leg_put(leg, data);
    return 0;
}

void it_rawtcp_close(it_rawtcp *t, it_time now, bool abort)
{
    it_leg *leg = latest(t);
    if (!leg)
        return;
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
    (void)it_leg_put(t->legs[0], it_bytes_of(t->via.out, t->via.n_out));
    t->via.n_out = 0;
}

static void reached(it_rawtcp *t, it_time now)
{
    t->reached = true;
    tell(t, now,
         &(it_model_event){.kind = IT_EV_OPEN,
                           .path = t->via.via.kind == IT_VIA_NONE ? IT_PATH_DIRECT_TCP : IT_PATH_RELAY_TCP});
}

/* Bytes of a proxy's answer. Returns how many. */
static int ask(it_rawtcp *t, it_time now, it_bytes data)
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
    t->legs[0]->fin_due = true;
    tell_closed(t, now, by);
    return (int)data.n;
}

static int data_in(it_rawtcp *t, it_time now, it_leg *leg, it_bytes data)
{
    size_t at = 0;
    if (!t->listens && t->via.state == IT_VIA_REFUSED)
        return (int)data.n;
    if (!t->listens && !t->reached) {
        int n = ask(t, now, data);
        if (n < 0 || t->via.state == IT_VIA_REFUSED)
            return n;
        at = (size_t)n;
    }
    it_bytes rest = it_bytes_of(data.p + at, data.n - at);
    if (t->echo && !leg->fin_due) {
        rest.n = it_leg_put(leg, rest);
        leg->cut_short = at + rest.n < data.n;
    }
    if (rest.n)
        tell(t, now, &(it_model_event){.kind = IT_EV_MESSAGE, .data = rest});
    return (int)(at + rest.n);
}

static it_leg *find(const it_rawtcp *t, uint32_t flow)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->legs[i]->flow == flow && t->legs[i]->alive)
            return t->legs[i];
    return NULL;
}

static void opened(it_rawtcp *t, it_time now)
{
    if (t->via.state == IT_VIA_OPEN)
        reached(t, now);
    else
        push_ask(t);
}

static int handle(it_rawtcp *t, it_time now, it_leg *leg, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_DATA:
        return data_in(t, now, leg, in->data);
    case IT_IO_OPENED:
    case IT_IO_WRITABLE:
        leg->opened = true;
        leg->credit = in->data.n < UINT32_MAX ? (uint32_t)in->data.n : UINT32_MAX;
        if (in->kind == IT_IO_OPENED)
            opened(t, now);
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
    if (in->kind == IT_IO_DGRAM)
        return (int)in->data.n;
    if (in->kind == IT_IO_ACCEPTED) {
        it_leg *leg = add(t, in->flow);
        if (!leg)
            return IT_ERR_NOMEM;
        leg->opened = true;
        leg->credit = in->data.n < UINT32_MAX ? (uint32_t)in->data.n : UINT32_MAX;
        tell(t, now, &(it_model_event){.kind = IT_EV_OPEN, .path = IT_PATH_DIRECT_TCP, .remote = in->remote});
    } else {
        it_leg *leg = find(t, in->flow);
        n = leg ? handle(t, now, leg, in) : in->kind == IT_IO_DATA ? (int)in->data.n : 0;
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
    for (size_t i = 0; i < t->n; i++)
        if (it_leg_output(t->legs[i], t->legs[i], out, buf, cap))
            return 1;
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

static int event(void *o, it_model_event *ev, int *media)
{
    *media = -1;
    return it_evq_take(&((it_rawtcp *)o)->events, ev, NULL);
}

static void free_(void *o)
{
    it_rawtcp_free(o);
}

const it_app_ops it_app_rawtcp = {
    .kind = "tcp", .input = input, .tick = tick, .next = next, .output = output, .event = event, .free = free_};
