/* What tests of the signal server and its clients share: objects joined by streams without a network. What one puts out
 * the other takes at once; a stream can be refused, cut, and closed to bytes from the server. */
#ifndef IT_TESTS_STACK_SIGNAL_NET_H
#define IT_TESTS_STACK_SIGNAL_NET_H

#include "stack/signal/client.h"
#include "stack/signal/server.h"
#include "stack/stream/layer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET_STREAMS 64
#define NET_CLIENTS 8
#define NET_ROOM 100000
#define NET_LOG 4096

typedef struct net_stream {
    bool open;
    int client;
    uint32_t flow, far; /* the client's number and the server's */
    uint16_t port;
    it_ip from;
} net_stream;

typedef struct net {
    it_alloc alloc;
    it_time now;
    it_signal_server *server;
    it_signal_client *c[NET_CLIENTS];
    char log[NET_CLIENTS][NET_LOG]; /* "UP", "DOWN refused", "alice: hello", a line each */
    net_stream v[NET_STREAMS];
    uint32_t streams;
    bool refuses;                     /* streams to the server are refused */
    uint16_t refused, silent, broken; /* ports of it: refused; without an answer; reset with the first byte */
    it_ip lost;                       /* an address of the clients from which nothing comes through */
    uint64_t opens;                   /* attempts */
    bool mute;                        /* what clients say after OPEN does not come */
    bool deaf;                        /* what the server says does not */
    uint64_t bytes[2];
    uint8_t buf[IT_LAYER_MESSAGE];
} net;

static inline void net_serve(net *n, it_signal_server_cfg cfg)
{
    cfg.alloc = &n->alloc;
    it_rng_init(&cfg.rng, (uint64_t)n->now + 1, "server");
    n->server = it_signal_server_new(&cfg);
    ck_assert_ptr_nonnull(n->server);
}

static inline void net_begin(net *n)
{
    memset(n, 0, sizeof *n);
    it_alloc_init(&n->alloc);
    n->now = IT_SEC;
    net_serve(n, (it_signal_server_cfg){0});
}

static inline void net_end(net *n)
{
    for (int i = 0; i < NET_CLIENTS; i++)
        if (n->c[i])
            it_signal_client_ops.free(n->c[i]);
    if (n->server)
        it_signal_server_ops.free(n->server);
    ck_assert_int_eq(n->alloc.live, 0);
}

static inline void net_client(net *n, int i, const char *box, enum it_signal_mode mode)
{
    it_signal_client_cfg cfg = {.alloc = &n->alloc, .mode = mode, .box = box, .also = 443};
    ck_assert_int_eq(it_addr_parse(&cfg.server, "198.51.100.9:80"), 0);
    it_rng_init(&cfg.rng, (uint64_t)i + (uint64_t)n->now, box);
    n->c[i] = it_signal_client_new(&cfg);
    ck_assert_ptr_nonnull(n->c[i]);
}

static inline net_stream *net_find(net *n, int client, uint32_t flow)
{
    for (int i = 0; i < NET_STREAMS; i++) {
        net_stream *s = &n->v[i];
        if (s->open && (client < 0 ? s->far == flow : s->client == client && s->flow == flow))
            return s;
    }
    return NULL;
}

static inline void net_to_client(net *n, int i, it_io io)
{
    ck_assert_int_ge(it_signal_client_ops.input(n->c[i], n->now, &io), 0);
}

static inline void net_to_server(net *n, it_io io)
{
    if (n->server)
        ck_assert_int_ge(it_signal_server_ops.input(n->server, n->now, &io), 0);
}

static inline void net_open(net *n, int i, const it_io *out)
{
    n->opens++;
    if (out->remote.port == n->silent || (!it_ip_none(n->lost) && it_ip_eq(out->local.ip, n->lost)))
        return;
    if (n->refuses || !n->server || out->remote.port == n->refused) {
        net_to_client(n, i, (it_io){.kind = IT_IO_RST, .flow = out->flow, .end = IT_IO_END_REFUSED});
        return;
    }
    net_stream *s = n->v;
    while (s->open)
        s++;
    ck_assert_ptr_ne(s, n->v + NET_STREAMS);
    *s = (net_stream){true, i, out->flow, IT_IO_ACCEPTED_FLOW + n->streams++, out->remote.port, out->local.ip};
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = s->far, .local = out->remote, .data = {NULL, NET_ROOM}};
    in.remote = it_addr_of(it_ip4(0xc0000201u + (uint32_t)i), 1024);
    net_to_server(n, in);
    in.kind = IT_IO_OPENED;
    in.flow = out->flow;
    net_to_client(n, i, in);
}

/* Carries what client |i| has put out. */
static inline void net_from_client(net *n, int i, it_io out)
{
    if (out.kind == IT_IO_OPEN) {
        net_open(n, i, &out);
        return;
    }
    net_stream *s = net_find(n, i, out.flow);
    if (!s || out.kind == IT_IO_WRITABLE || n->mute || (!it_ip_none(n->lost) && it_ip_eq(s->from, n->lost)))
        return;
    if (s->port == n->broken) {
        s->open = false;
        net_to_server(n, (it_io){.kind = IT_IO_RST, .flow = s->far});
        net_to_client(n, i, (it_io){.kind = IT_IO_RST, .flow = out.flow, .end = IT_IO_END_RESET});
        return;
    }
    n->bytes[0] += out.data.n;
    uint32_t flow = out.flow;
    out.flow = s->far;
    net_to_server(n, out);
    if (out.kind == IT_IO_RST)
        s->open = false;
    if (out.kind == IT_IO_DATA)
        net_to_client(n, i, (it_io){.kind = IT_IO_WRITABLE, .flow = flow, .data = {NULL, NET_ROOM}});
}

static inline void net_from_server(net *n, it_io out)
{
    net_stream *s = net_find(n, -1, out.flow);
    if (!s || out.kind == IT_IO_WRITABLE)
        return;
    if (n->deaf)
        return;
    n->bytes[1] += out.data.n;
    out.flow = s->flow;
    if (n->c[s->client])
        net_to_client(n, s->client, out);
    if (out.kind == IT_IO_RST)
        s->open = false;
    if (out.kind == IT_IO_DATA)
        net_to_server(n, (it_io){.kind = IT_IO_WRITABLE, .flow = s->far, .data = {NULL, NET_ROOM}});
}

static inline void net_note(net *n, int i, const it_service_event *e)
{
    char *at = n->log[i] + strlen(n->log[i]);
    size_t left = NET_LOG - strlen(n->log[i]);
    if (e->kind == IT_SERVICE_UP)
        snprintf(at, left, "UP\n");
    else if (e->kind == IT_SERVICE_DOWN)
        snprintf(at, left, "DOWN %s\n", e->how);
    else if (e->kind == IT_SERVICE_UNSENT)
        snprintf(at, left, "UNSENT %d %s, to %s: %.*s\n", e->code, e->how, e->from, (int)e->data.n,
                 (const char *)e->data.p);
    else
        snprintf(at, left, "%s: %.*s\n", e->from, (int)e->data.n, (const char *)e->data.p);
}

/* Lets everything move that can, without time. */
static inline void net_settle(net *n)
{
    bool moved = true;
    it_io out;
    it_object_event ev;
    while (moved) {
        moved = false;
        for (int i = 0; i < NET_CLIENTS; i++) {
            while (n->c[i] && it_signal_client_ops.output(n->c[i], n->now, &out, n->buf, sizeof n->buf) == 1) {
                net_from_client(n, i, out);
                moved = true;
            }
            while (n->c[i] && it_signal_client_ops.event(n->c[i], &ev) == 1) {
                net_note(n, i, &ev.u.service);
                moved = true;
            }
        }
        while (n->server && it_signal_server_ops.output(n->server, n->now, &out, n->buf, sizeof n->buf) == 1) {
            net_from_server(n, out);
            moved = true;
        }
    }
}

static inline it_time net_next(const net *n)
{
    it_time least = n->server ? it_signal_server_ops.next(n->server) : IT_NEVER;
    for (int i = 0; i < NET_CLIENTS; i++) {
        it_time t = n->c[i] ? it_signal_client_ops.next(n->c[i]) : IT_NEVER;
        least = t < least ? t : least;
    }
    return least;
}

/* Lets |t| pass. */
static inline void net_run(net *n, it_time t)
{
    it_time until = n->now + t;
    net_settle(n);
    for (int steps = 0; net_next(n) <= until; steps++) {
        ck_assert_int_lt(steps, 10000);
        it_time at = net_next(n);
        n->now = at > n->now ? at : n->now;
        if (n->server)
            ck_assert_int_ge(it_signal_server_ops.tick(n->server, n->now), 0);
        for (int i = 0; i < NET_CLIENTS; i++)
            if (n->c[i])
                ck_assert_int_ge(it_signal_client_ops.tick(n->c[i], n->now), 0);
        net_settle(n);
    }
    n->now = until;
}

/* Every stream is reset, at both ends. */
static inline void net_cut(net *n)
{
    for (int i = 0; i < NET_STREAMS; i++) {
        net_stream s = n->v[i];
        if (!s.open)
            continue;
        n->v[i].open = false;
        net_to_server(n, (it_io){.kind = IT_IO_RST, .flow = s.far});
        if (n->c[s.client])
            net_to_client(n, s.client, (it_io){.kind = IT_IO_RST, .flow = s.flow, .end = IT_IO_END_RESET});
    }
}

/* The youngest stream of client |i| is reset, at the client alone. */
static inline void net_reset_youngest(net *n, int i)
{
    net_stream *s = NULL;
    for (int k = 0; k < NET_STREAMS; k++)
        if (n->v[k].open && n->v[k].client == i && (!s || n->v[k].far > s->far))
            s = &n->v[k];
    ck_assert_ptr_nonnull(s);
    s->open = false;
    net_to_client(n, i, (it_io){.kind = IT_IO_RST, .flow = s->flow, .end = IT_IO_END_RESET});
}

static inline void net_send(net *n, int i, const char *to, const char *text)
{
    ck_assert_int_gt(it_signal_client_send(n->c[i], to, it_bytes_str(text)), 0);
}

#endif
