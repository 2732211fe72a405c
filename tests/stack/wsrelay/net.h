/* A relay and its clients, joined by streams without delay that a test may cut, choke or keep silent. */
#ifndef IT_TESTS_STACK_WSRELAY_NET_H
#define IT_TESTS_STACK_WSRELAY_NET_H

#include "stack/wsrelay/client.h"
#include "stack/wsrelay/server.h"

#include <check.h>
#include <string.h>

#define ROOM "0123456789abcdef"
enum { CLIENTS = 4, INSIDE = 1, ROOMY = 1000000 };

typedef struct net_end {
    it_wsrelay_client *c;
    uint32_t flow; /* of its connection at the server */
    bool open;     /* the stream exists */
    bool mute;     /* nothing passes, either way */
    bool choke;    /* the server's stream has no room */
    bool up;
    int ups, downs, messages;
    enum it_wsrelay_why why;
    int status;
    uint8_t last[IT_WSRELAY_DATAGRAM];
    size_t n_last;
} net_end;

typedef struct net {
    it_alloc own, *mem; /* the server's */
    it_alloc *cmem;     /* clients' */
    it_wsrelay_server *s;
    net_end e[CLIENTS];
    it_time now;
    uint16_t port;
    int err; /* of the end whose memory is short */
} net;

static inline void net_init(net *w, const it_wsrelay_server_cfg *cfg)
{
    it_wsrelay_server_cfg c = *cfg;
    memset(w, 0, sizeof *w);
    it_alloc_init(&w->own);
    w->mem = cfg->alloc ? cfg->alloc : &w->own;
    w->cmem = &w->own;
    w->port = 80;
    w->now = IT_SEC;
    c.alloc = w->mem;
    it_rng_init(&c.rng, 1, "relay");
    w->s = it_wsrelay_server_new(&c);
    w->err = w->s ? 0 : IT_ERR_NOMEM;
}

static inline void net_fini(net *w)
{
    for (int i = 0; i < CLIENTS; i++)
        if (w->e[i].c)
            it_wsrelay_client_ops.free(w->e[i].c);
    if (w->s)
        it_wsrelay_server_ops.free(w->s);
    ck_assert_int_eq(w->own.live, 0);
}

static inline void net_note(net *w, int err)
{
    ck_assert(err >= 0 || err == IT_ERR_NOMEM);
    if (err < 0)
        w->err = err;
}

/* Makes client |i|, named "c|i|", in |room|. */
static inline void net_client(net *w, int i, const char *room, const it_wsrelay_client_cfg *more)
{
    char name[3] = {'c', (char)('0' + i), 0};
    it_wsrelay_client_cfg c = *more;
    c.alloc = w->cmem;
    it_rng_init(&c.rng, (uint64_t)i, "client");
    c.server = (it_addr){it_ip4(0xcb007101), w->port};
    c.room = room;
    c.name = more->name ? more->name : name;
    w->e[i] = (net_end){.c = it_wsrelay_client_new(&c), .flow = IT_IO_ACCEPTED_FLOW + 1 + (uint32_t)i};
    if (!w->e[i].c)
        w->err = IT_ERR_NOMEM;
}

static inline void net_to_server(net *w, it_io in, uint32_t flow)
{
    if (w->err)
        return;
    in.flow = flow;
    for (size_t at = 0; at < in.data.n || in.kind != IT_IO_DATA;) {
        it_io part = in;
        if (in.kind == IT_IO_DATA)
            part.data = it_bytes_of(in.data.p + at, in.data.n - at);
        int n = it_wsrelay_server_ops.input(w->s, w->now, &part);
        net_note(w, n);
        if (n <= 0 || in.kind != IT_IO_DATA)
            return; /* what is not taken is lost here: tests that need more say it in less */
        at += (size_t)n;
    }
}

static inline bool net_events(net *w, int i)
{
    net_end *e = &w->e[i];
    it_object_event ev;
    if (!e->c || w->err)
        return false;
    int n = it_wsrelay_client_ops.event(e->c, &ev);
    net_note(w, n);
    if (n <= 0)
        return false;
    const it_service_event *s = &ev.u.service;
    if (s->kind == IT_SERVICE_MESSAGE) {
        e->messages++;
        e->n_last = s->data.n;
        if (s->data.n)
            memcpy(e->last, s->data.p, s->data.n);
        return true;
    }
    e->up = s->kind == IT_SERVICE_UP;
    e->ups += e->up;
    e->downs += !e->up;
    if (!e->up) {
        e->why = (enum it_wsrelay_why)s->code;
        e->status = (int)s->lifetime;
    }
    return true;
}

/* Gives client |i| what came; of data what it does not take at once it takes when it has told of the rest. */
static inline void net_to_client(net *w, int i, it_io in)
{
    in.flow = INSIDE;
    for (size_t at = 0; !w->err && w->e[i].c;) {
        it_io part = in;
        if (in.kind == IT_IO_DATA)
            part.data = it_bytes_of(in.data.p + at, in.data.n - at);
        int n = it_wsrelay_client_ops.input(w->e[i].c, w->now, &part);
        net_note(w, n);
        at += n > 0 ? (size_t)n : 0;
        bool more = in.kind == IT_IO_DATA && at < in.data.n;
        if (!more || (n <= 0 && !net_events(w, i)))
            return;
        while (net_events(w, i))
            continue;
    }
}

/* What client |i| puts out goes to the server. */
static inline bool net_from_client(net *w, int i)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    net_end *e = &w->e[i];
    it_io out;
    if (!e->c || w->err)
        return false;
    int n = it_wsrelay_client_ops.output(e->c, w->now, &out, buf, sizeof buf);
    net_note(w, n);
    if (n <= 0)
        return false;
    if (out.kind == IT_IO_OPEN) {
        e->open = true;
        net_to_server(w, (it_io){.kind = IT_IO_ACCEPTED, .local = {out.remote.ip, w->port}, .data = {NULL, ROOMY}},
                      e->flow);
        net_to_client(w, i, (it_io){.kind = IT_IO_OPENED, .data = {NULL, ROOMY}});
    } else if (!e->mute && out.kind != IT_IO_WRITABLE) {
        net_to_server(w, out, e->flow);
    }
    return true;
}

static inline bool net_from_server(net *w)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    if (w->err)
        return false;
    int n = it_wsrelay_server_ops.output(w->s, w->now, &out, buf, sizeof buf);
    net_note(w, n);
    if (n <= 0)
        return false;
    for (int i = 0; i < CLIENTS; i++)
        if (w->e[i].c && w->e[i].flow == out.flow && !w->e[i].mute && out.kind != IT_IO_WRITABLE)
            net_to_client(w, i, out);
    return true;
}

/* Until nothing moves. */
static inline void net_run(net *w)
{
    for (bool more = true; more && !w->err;) {
        more = false;
        for (int i = 0; i < CLIENTS; i++) {
            more |= net_from_client(w, i);
            more |= net_events(w, i);
        }
        more |= net_from_server(w);
    }
}

/* Lets time go on to |until|, with every timer on its way. */
static inline void net_wait(net *w, it_time until)
{
    while (!w->err) {
        it_time at = it_wsrelay_server_ops.next(w->s);
        for (int i = 0; i < CLIENTS; i++) {
            it_time own = w->e[i].c ? it_wsrelay_client_ops.next(w->e[i].c) : IT_NEVER;
            at = own < at ? own : at;
        }
        if (at > until)
            break;
        w->now = at > w->now ? at : w->now;
        net_note(w, it_wsrelay_server_ops.tick(w->s, w->now));
        for (int i = 0; i < CLIENTS; i++)
            if (w->e[i].c && it_wsrelay_client_ops.next(w->e[i].c) <= w->now)
                net_note(w, it_wsrelay_client_ops.tick(w->e[i].c, w->now));
        net_run(w);
    }
    w->now = until;
    net_run(w);
}

static inline int net_say(net *w, int i, const char *text)
{
    int err = it_wsrelay_client_send(w->e[i].c, w->now, it_bytes_str(text));
    net_run(w);
    return err;
}

#endif
