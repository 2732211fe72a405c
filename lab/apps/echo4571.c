/* An echo server over RFC 4571: messages behind their length in two bytes, each of which comes back. The example of a
 * protocol object in CONTRIBUTING.md: it listens for itself, and leaves framing to a layer.
 *
 *     LISTEN --> LISTENING        ACCEPTED, DATA --> [ stream | layer rfc4571 ] --> a message --> the same way back
 *
 * A client that ends its side gets the rest and FIN; one that breaks the framing gets RST. Back-pressure passes
 * through: while a message waits for room, nothing more is read. */
#include "lab/apps/named.h"
#include "stack/model/model.h"
#include "stack/stream/layers.h"
#include "stack/stream/rfc4571.h"

#include <string.h>

#define LISTENER IT_IO_BOUND_FLOW /* our number for the socket */
#define CLIENTS 64                /* at a time; who comes beyond is reset */

typedef struct client {
    it_stream stream;
    it_layers layers;
    it_io io; /* what was read and is to be sent, its data in |message| */
    bool full;
    uint8_t message[IT_LAYER_MESSAGE];
} client;

typedef struct echo {
    it_alloc *alloc;
    uint16_t port;
    bool asked;
    uint32_t *refused; /* flows of clients too many, to be reset */
    size_t n_refused, cap_refused;
    client *clients[CLIENTS];
    int n;
    it_model_event event; /* to be told once */
    bool event_due;
} echo;

static void *echo_new(it_alloc *alloc, uint16_t port)
{
    echo *e = it_calloc(alloc, 1, sizeof *e);
    if (!e)
        return NULL;
    e->alloc = alloc;
    e->port = port;
    return e;
}

static void client_free(echo *e, int i)
{
    it_layers_fini(&e->clients[i]->layers);
    it_free(e->alloc, e->clients[i]);
    e->clients[i] = e->clients[--e->n];
}

static void echo_free(void *o)
{
    echo *e = o;
    while (e->n)
        client_free(e, e->n - 1);
    it_free(e->alloc, e->refused);
    it_free(e->alloc, e);
}

static client *find_client(const echo *e, uint32_t flow)
{
    for (int i = 0; i < e->n; i++)
        if (e->clients[i]->stream.flow == flow)
            return e->clients[i];
    return NULL;
}

/* Returns 0 or IT_ERR_NOMEM. */
static int refuse_client(echo *e, uint32_t flow)
{
    if (it_grow(e->alloc, &e->refused, &e->cap_refused, e->n_refused + 1, sizeof *e->refused) < 0)
        return IT_ERR_NOMEM;
    e->refused[e->n_refused++] = flow;
    return 0;
}

/* Returns 0 or IT_ERR_NOMEM. */
static int accept_client(echo *e, it_time now, const it_io *in)
{
    if (e->n == CLIENTS)
        return refuse_client(e, in->flow);
    client *c = it_calloc(e->alloc, 1, sizeof *c);
    if (!c)
        return IT_ERR_NOMEM;
    it_layers_init(&c->layers, e->alloc, &c->stream);
    it_layer l = it_rfc4571(e->alloc, IT_RFC4571_MAX);
    if (!l.ops || it_layers_push(&c->layers, l) < 0) {
        it_layers_fini(&c->layers);
        it_free(e->alloc, c);
        return IT_ERR_NOMEM;
    }
    it_stream_accept(&c->stream, in);
    e->clients[e->n++] = c;
    return it_layers_input(&c->layers, now, in);
}

/* Sends back what can be sent. Returns 0 or IT_ERR_NOMEM. */
static int echo_client(client *c, it_time now)
{
    for (;;) {
        int n = 1;
        if (!c->full)
            n = it_layers_read(&c->layers, now, &c->io, c->message, sizeof c->message);
        if (n <= 0)
            return n;
        c->full = c->io.kind != IT_IO_OPENED;
        if (!c->full)
            continue;
        n = it_layers_write(&c->layers, now, &c->io);
        if (n == IT_ERR_FULL)
            return 0; /* once there is room */
        c->full = false;
        if (n == IT_ERR_NOMEM)
            return n;
    }
}

/* Tells whether it serves: the socket is there, or it was refused or lost. */
static void listening(echo *e, it_time now, const it_io *in)
{
    e->event = (it_model_event){.kind = in->local.port ? IT_EV_OPEN : IT_EV_CLOSED, .at = now};
    e->event_due = true;
}

static int echo_input(void *o, it_time now, const it_io *in)
{
    echo *e = o;
    client *c = find_client(e, in->flow);
    if (c) {
        int n = it_layers_input(&c->layers, now, in), err = n < 0 ? n : echo_client(c, now);
        return err < 0 ? err : n;
    }
    switch (in->kind) {
    case IT_IO_LISTENING:
        listening(e, now, in);
        return 0;
    case IT_IO_UNBIND:
        if (in->flow == LISTENER)
            listening(e, now, &(it_io){.kind = IT_IO_LISTENING});
        return 0;
    case IT_IO_ACCEPTED:
        return accept_client(e, now, in);
    default:
        return (int)in->data.n; /* a base of the host, or news of a stream that is gone */
    }
}

static int echo_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    echo *e = o;
    if (!e->asked) {
        e->asked = true;
        *out = (it_io){.kind = IT_IO_LISTEN, .flow = LISTENER, .local = {{0, 0}, e->port}};
        return 1;
    }
    if (e->n_refused) {
        *out = (it_io){.kind = IT_IO_RST, .flow = e->refused[--e->n_refused]};
        return 1;
    }
    for (int i = 0; i < e->n;) {
        client *c = e->clients[i];
        int err = echo_client(c, now), n = err < 0 ? err : it_layers_output(&c->layers, now, out, buf, cap);
        if (n != 0)
            return n;
        if (it_stream_alive(&c->stream))
            i++;
        else
            client_free(e, i);
    }
    return 0;
}

static int echo_event(void *o, it_object_event *ev)
{
    echo *e = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &e->event};
    bool due = e->event_due;
    e->event_due = false;
    return due;
}

static const it_object_ops OPS = {
    .kind = "echo4571", .input = echo_input, .output = echo_output, .event = echo_event, .free = echo_free};

const it_named_app it_named_echo4571 = {&OPS, echo_new};
