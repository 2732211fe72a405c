/* STUN messages out of streams, and their answers. */
#include "stack/stun/server_tcp.h"

#include <string.h>

enum { HEAD = 20, OUT = 2 * IT_STUN_SERVER_OUT };

typedef struct client {
    uint32_t flow;
    it_addr local, remote;
    size_t room, n_in, n_out;
    bool fin, reset; /* to be said */
    bool cut_short;  /* bytes that came were not taken */
    it_time until;   /* when it has been silent for too long */
    uint8_t in[IT_STUN_TCP_MESSAGE], out[OUT];
} client;

struct it_stun_tcp {
    it_alloc *alloc;
    it_stun_tcp_limits limits;
    it_stun_tcp_stats stats;
    it_stun_server *server;
    client **v;
    size_t n, cap;
};

it_stun_tcp *it_stun_tcp_new(const it_stun_server_cfg *cfg, const it_stun_tcp_limits *limits)
{
    it_stun_tcp *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->alloc = cfg->alloc;
    if (limits)
        s->limits = *limits;
    if (!s->limits.conns)
        s->limits.conns = IT_STUN_TCP_CONNS;
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

const it_stun_tcp_stats *it_stun_tcp_stat(const it_stun_tcp *s)
{
    return &s->stats;
}

static void client_remove(it_stun_tcp *s, size_t i)
{
    it_free(s->alloc, s->v[i]);
    memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof *s->v);
    s->n--;
}

/* |limit| from |now| on; for ever where there is none. */
static it_time client_until(it_time now, it_time limit)
{
    if (limit)
        return now + limit;
    return IT_NEVER;
}

static int client_accept(it_stun_tcp *s, it_time now, const it_io *in)
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
    c->reset = s->n >= s->limits.conns;
    c->until = client_until(now, s->limits.first);
    s->stats.accepted++;
    s->stats.reset += c->reset;
    s->v[s->n++] = c;
    return 0;
}

/* Gives the server the message of |n| bytes that |c| has sent, and takes the answer. */
static int client_serve(it_stun_tcp *s, it_time now, client *c, size_t n)
{
    it_io io = {.kind = IT_IO_DGRAM, .flow = c->flow, .local = c->local, .remote = c->remote};
    io.data = it_bytes_of(c->in, n);
    int err = it_stun_server_input(s->server, now, &io);
    while (err >= 0 && it_stun_server_output(s->server, now, &io, c->out + c->n_out, OUT - c->n_out) > 0)
        c->n_out += io.data.n;
    c->until = client_until(now, s->limits.idle);
    c->n_in = 0;
    s->stats.requests++;
    return err < 0 ? err : 0;
}

/* The length of the message that |c| has begun, HEAD before it is known; 0: it is no STUN, or too long. */
static size_t message_length(const client *c)
{
    if (c->n_in < HEAD)
        return HEAD;
    bool stun = c->in[0] < 64 && it_get32(c->in + 4) == IT_STUN_COOKIE;
    size_t n = (size_t)HEAD + it_get16(c->in + 2);
    return stun && n <= IT_STUN_TCP_MESSAGE ? n : 0;
}

/* Takes a part of |data|, up to the end of the message that |c| has begun, or of its head. Returns the bytes taken, or
 * IT_ERR_NOMEM. */
static int client_part(it_stun_tcp *s, it_time now, client *c, it_bytes data)
{
    size_t want = message_length(c), n = want - c->n_in;
    if (n > data.n)
        n = data.n;
    memcpy(c->in + c->n_in, data.p, n);
    c->n_in += n;
    want = message_length(c);
    if (want == 0) {
        c->reset = true;
        s->stats.bad++;
    }
    if (want == c->n_in && c->n_in >= HEAD && client_serve(s, now, c, c->n_in) < 0)
        return IT_ERR_NOMEM;
    return (int)n;
}

static bool client_has_room(const client *c)
{
    return OUT - c->n_out >= IT_STUN_SERVER_OUT;
}

static int client_data(it_stun_tcp *s, it_time now, client *c, it_bytes data)
{
    size_t at = 0;
    while (at < data.n && !c->reset && client_has_room(c)) {
        int n = client_part(s, now, c, it_bytes_of(data.p + at, data.n - at));
        if (n < 0)
            return n;
        at += (size_t)n;
    }
    if (c->reset)
        return (int)data.n;
    c->cut_short = at < data.n;
    return (int)at;
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
        return client_accept(s, now, in);
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i]->flow == in->flow)
            return client_input(s, now, i, in);
    return in->kind == IT_IO_DATA ? (int)in->data.n : 0;
}

/* --- out --- */

/* The end of the |i|-th client: 1, or 0 when it has not come. */
static int client_end(it_stun_tcp *s, size_t i, it_io *out)
{
    const client *c = s->v[i];
    *out = (it_io){.kind = IT_IO_RST, .flow = c->flow};
    if (!c->reset && (!c->fin || c->n_out))
        return 0;
    if (!c->reset)
        out->kind = IT_IO_FIN;
    client_remove(s, i);
    return 1;
}

/* Bytes of |c|, or that it may go on: 1, or 0. */
static int client_bytes(client *c, it_io *out, uint8_t *buf, size_t cap)
{
    size_t n = c->n_out < cap ? c->n_out : cap;
    n = n < c->room ? n : c->room;
    *out = (it_io){.kind = IT_IO_DATA, .flow = c->flow, .data = {buf, n}};
    if (n) {
        memcpy(buf, c->out, n);
        memmove(c->out, c->out + n, c->n_out - n);
        c->n_out -= n;
        c->room -= n;
        return 1;
    }
    if (!c->cut_short || !client_has_room(c))
        return 0;
    c->cut_short = false;
    *out = (it_io){.kind = IT_IO_WRITABLE, .flow = c->flow};
    return 1;
}

int it_stun_tcp_output(it_stun_tcp *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    for (size_t i = 0; i < s->n; i++) {
        if (client_end(s, i, out) || client_bytes(s->v[i], out, buf, cap))
            return 1;
    }
    return 0;
}

/* --- time --- */

int it_stun_tcp_tick(it_stun_tcp *s, it_time now)
{
    for (size_t i = 0; i < s->n; i++) {
        client *c = s->v[i];
        if (c->reset || c->until > now)
            continue;
        c->reset = true;
        s->stats.idle++;
    }
    return it_stun_server_tick(s->server, now);
}

it_time it_stun_tcp_next(const it_stun_tcp *s)
{
    it_time least = it_stun_server_next(s->server);
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i]->reset && s->v[i]->until < least)
            least = s->v[i]->until;
    return least;
}

/* --- the table of stack/object.h --- */

static int tcp_input(void *o, it_time now, const it_io *in)
{
    return it_stun_tcp_input(o, now, in);
}

static int tcp_tick(void *o, it_time now)
{
    return it_stun_tcp_tick(o, now);
}

static it_time tcp_next(const void *o)
{
    return it_stun_tcp_next(o);
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
