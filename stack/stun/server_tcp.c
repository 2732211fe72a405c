/* STUN messages out of streams, and their answers. */
#include "stack/stun/server_tcp.h"

#include <string.h>

#define MESSAGE 1024 /* bytes of a request, and of what waits to be sent to one client */
enum { HEAD = 20 };

typedef struct client {
    uint32_t flow;
    it_addr local, remote;
    size_t room, n_in, n_out;
    bool fin, reset; /* to be said */
    uint8_t in[MESSAGE], out[MESSAGE];
} client;

struct it_stun_tcp {
    it_alloc *alloc;
    it_stun_server *server;
    client **v;
    size_t n, cap;
};

it_stun_tcp *it_stun_tcp_new(const it_stun_server_cfg *cfg)
{
    it_stun_tcp *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->alloc = cfg->alloc;
    s->server = it_stun_server_new(cfg);
    if (s->server)
        return s;
    it_free(cfg->alloc, s);
    return NULL;
}

void it_stun_tcp_free(it_stun_tcp *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        it_free(s->alloc, s->v[i]);
    it_free(s->alloc, s->v);
    it_stun_server_free(s->server);
    it_free(s->alloc, s);
}

static void client_remove(it_stun_tcp *s, size_t i)
{
    it_free(s->alloc, s->v[i]);
    memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof *s->v);
    s->n--;
}

static int client_accept(it_stun_tcp *s, const it_io *in)
{
    if (it_grow(s->alloc, &s->v, &s->cap, s->n + 1, sizeof *s->v) < 0)
        return IT_ERR_NOMEM;
    client *c = it_calloc(s->alloc, 1, sizeof *c);
    if (!c)
        return IT_ERR_NOMEM;
    c->flow = in->flow;
    c->local = in->local;
    c->remote = in->remote;
    c->room = in->data.n;
    c->reset = s->n >= IT_STUN_TCP_CONNS;
    s->v[s->n++] = c;
    return 0;
}

/* Gives the server the message of |n| bytes that |c| has sent, and takes the answer; one without room is lost. */
static int client_serve(it_stun_tcp *s, it_time now, client *c, size_t n)
{
    uint8_t buf[IT_STUN_SERVER_OUT];
    it_io io = {.kind = IT_IO_DGRAM, .flow = c->flow, .local = c->local, .remote = c->remote};
    io.data = it_bytes_of(c->in, n);
    int err = it_stun_server_input(s->server, now, &io);
    while (err >= 0 && it_stun_server_output(s->server, now, &io, buf, sizeof buf) > 0) {
        if (c->n_out + io.data.n > MESSAGE)
            continue;
        memcpy(c->out + c->n_out, io.data.p, io.data.n);
        c->n_out += io.data.n;
    }
    memmove(c->in, c->in + n, c->n_in - n);
    c->n_in -= n;
    return err < 0 ? err : 0;
}

/* The length of the message that |c| has begun; 0: not known yet. What is no STUN has one that nobody can send. */
static size_t message_length(const client *c)
{
    if (c->n_in < HEAD)
        return 0;
    bool stun = c->in[0] < 64 && it_get32(c->in + 4) == IT_STUN_COOKIE;
    return stun ? (size_t)HEAD + it_get16(c->in + 2) : SIZE_MAX;
}

static int client_data(it_stun_tcp *s, it_time now, client *c, it_bytes data)
{
    for (size_t at = 0; at < data.n && !c->reset;) {
        size_t n = data.n - at < MESSAGE - c->n_in ? data.n - at : MESSAGE - c->n_in;
        memcpy(c->in + c->n_in, data.p + at, n);
        c->n_in += n;
        at += n;
        size_t want;
        while ((want = message_length(c)) && want <= c->n_in && !c->reset)
            if (client_serve(s, now, c, want) < 0)
                return IT_ERR_NOMEM;
        c->reset = message_length(c) > MESSAGE;
    }
    return (int)data.n;
}

/* What comes of the |i|-th client. Returns the bytes taken or IT_ERR_NOMEM. */
static int client_input(it_stun_tcp *s, it_time now, size_t i, const it_io *in)
{
    switch (in->kind) {
    case IT_IO_DATA:
        return client_data(s, now, s->v[i], in->data);
    case IT_IO_WRITABLE:
        s->v[i]->room = in->data.n;
        return 0;
    case IT_IO_FIN:
        s->v[i]->fin = true;
        return 0;
    case IT_IO_RST:
        client_remove(s, i);
        return 0;
    default:
        return 0;
    }
}

int it_stun_tcp_input(it_stun_tcp *s, it_time now, const it_io *in)
{
    if (in->kind == IT_IO_ACCEPTED)
        return client_accept(s, in);
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i]->flow == in->flow)
            return client_input(s, now, i, in);
    return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
}

int it_stun_tcp_output(it_stun_tcp *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    for (size_t i = 0; i < s->n; i++) {
        client *c = s->v[i];
        size_t n = c->n_out < cap ? c->n_out : cap;
        n = n < c->room ? n : c->room;
        *out = (it_io){.flow = c->flow};
        if (c->reset || (c->fin && c->n_out == 0)) {
            out->kind = c->reset ? IT_IO_RST : IT_IO_FIN;
            client_remove(s, i);
            return 1;
        }
        if (n == 0)
            continue;
        memcpy(buf, c->out, n);
        memmove(c->out, c->out + n, c->n_out - n);
        c->n_out -= n;
        c->room -= n;
        out->kind = IT_IO_DATA;
        out->data = it_bytes_of(buf, n);
        return 1;
    }
    return 0;
}

/* --- the table of stack/object.h --- */

static int tcp_input(void *o, it_time now, const it_io *in)
{
    return it_stun_tcp_input(o, now, in);
}

static int tcp_tick(void *o, it_time now)
{
    it_stun_tcp *s = o;
    return it_stun_server_tick(s->server, now);
}

static it_time tcp_next(const void *o)
{
    const it_stun_tcp *s = o;
    return it_stun_server_next(s->server);
}

static int tcp_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_stun_tcp_output(o, now, out, buf, cap);
}

static void tcp_free(void *o)
{
    it_stun_tcp_free(o);
}

const it_object_ops it_stun_tcp_ops = {
    .kind = "stun-tcp", .input = tcp_input, .tick = tcp_tick, .next = tcp_next, .output = tcp_output, .free = tcp_free};
