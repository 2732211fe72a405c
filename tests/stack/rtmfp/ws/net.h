/* A server of RTWebSocket and a client, joined by a stream without delay that a test may cut or keep silent,
 * or give little room; or
 * the server and bytes that a test writes by hand. */
#ifndef IT_TESTS_STACK_RTMFP_WS_NET_H
#define IT_TESTS_STACK_RTMFP_WS_NET_H

#include "stack/rtmfp/ws/client.h"
#include "stack/rtmfp/ws/server.h"
#include "tests/stack/rtmfp/kit.h"

enum { ROOMY = 1 << 20, TOLD = 64 };

typedef struct told {
    enum it_rtmfp_event_kind kind;
    uint32_t session;
    uint64_t flow;
    enum it_rtmfp_cause cause;
    char why[96], text[64];
    size_t n;
} told;

typedef struct net {
    it_alloc mem;
    it_time now;
    it_rtws_server *s;
    it_rtws_client *c;
    uint32_t flow;    /* of the client's stream at the client; 0: there is none */
    bool mute;        /* nothing passes */
    size_t room;      /* that the streams say they have, again and again */
    told at[2][TOLD]; /* what the client, the server has told */
    int tolds[2];
    char raw[65536]; /* what the server has said to a stream of a test */
    size_t raws;
    bool fin, rst; /* and how that ended */
} net;

static inline net *net_new(const it_rtws_server_cfg *server, const it_rtws_client_cfg *client)
{
    net *w = calloc(1, sizeof *w);
    it_rtws_server_cfg s = server ? *server : (it_rtws_server_cfg){0};
    it_rtws_client_cfg c = client ? *client : (it_rtws_client_cfg){0};
    it_alloc_init(&w->mem);
    w->room = ROOMY;
    s.alloc = c.alloc = &w->mem;
    it_rng_init(&s.rng, 1, "server");
    it_rng_init(&c.rng, 1, "client");
    c.server = kit_addr("192.0.2.1:80");
    w->s = it_rtws_server_new(&s);
    w->c = it_rtws_client_new(&c);
    ck_assert(w->s && w->c);
    return w;
}

static inline void net_free(net *w)
{
    it_rtws_client_free(w->c);
    it_rtws_server_free(w->s);
    ck_assert_int_eq(w->mem.live, 0);
    free(w);
}

static inline void net_hear(net *w, int i)
{
    it_rtmfp_event ev;
    while (i ? it_rtws_server_event_next(w->s, &ev) : it_rtws_client_event_next(w->c, &ev)) {
        told *t = &w->at[i][w->tolds[i]++];
        ck_assert_int_lt(w->tolds[i], TOLD);
        *t = (told){.kind = ev.kind, .session = ev.session, .flow = ev.flow, .cause = ev.cause, .n = ev.data.n};
        snprintf(t->why, sizeof t->why, "%s", ev.why ? ev.why : "");
        snprintf(t->text, sizeof t->text, "%.*s", (int)ev.data.n, (const char *)ev.data.p);
    }
}

static inline void to_server(net *w, const it_io *in)
{
    it_io io = *in;
    io.flow = IT_IO_ACCEPTED_FLOW;
    int n = it_rtws_server_input(w->s, w->now, &io);
    ck_assert_int_ge(n, 0);
    if (in->kind == IT_IO_DATA)
        ck_assert_uint_eq((size_t)n, in->data.n);
    net_hear(w, 1);
}

static inline void to_client(net *w, const it_io *in)
{
    it_io io = *in;
    io.flow = w->flow;
    int n = it_rtws_client_input(w->c, w->now, &io);
    ck_assert_int_ge(n, 0);
    if (in->kind == IT_IO_DATA)
        ck_assert_uint_eq((size_t)n, in->data.n);
    net_hear(w, 0);
}

/* What the client puts out. */
static inline void from_client(net *w, const it_io *out)
{
    it_io in = *out;
    if (out->kind == IT_IO_OPEN) {
        w->flow = out->flow;
        in = (it_io){.kind = IT_IO_ACCEPTED, .local = out->remote, .remote = kit_addr("198.51.100.1:1")};
        in.data.n = w->room;
        to_server(w, &in);
        to_client(w, &(it_io){.kind = IT_IO_OPENED, .remote = out->remote, .data = {NULL, w->room}});
        return;
    }
    if (out->flow != w->flow || w->mute)
        return;
    to_server(w, &in);
    if (out->kind == IT_IO_DATA)
        to_client(w, &(it_io){.kind = IT_IO_WRITABLE, .data = {NULL, w->room}});
    if (out->kind == IT_IO_RST)
        w->flow = 0;
}

/* What the server puts out. */
static inline void from_server(net *w, const it_io *out)
{
    if (w->mute)
        return;
    w->fin |= out->kind == IT_IO_FIN;
    w->rst |= out->kind == IT_IO_RST;
    if (!w->flow) {
        ck_assert_uint_lt(w->raws + out->data.n, sizeof w->raw);
        if (out->data.n)
            memcpy(w->raw + w->raws, out->data.p, out->data.n);
        w->raws += out->data.n;
        w->raw[w->raws] = '\0';
        return;
    }
    to_client(w, out);
    if (out->kind == IT_IO_DATA)
        to_server(w, &(it_io){.kind = IT_IO_WRITABLE, .data = {NULL, w->room}});
}

static inline void net_settle(net *w)
{
    uint8_t buf[4096];
    it_io out;
    for (int any = 1; any > 0;) {
        any = it_rtws_client_output(w->c, w->now, &out, buf, sizeof buf);
        ck_assert_int_ge(any, 0);
        net_hear(w, 0);
        if (any) {
            from_client(w, &out);
            continue;
        }
        any = it_rtws_server_output(w->s, w->now, &out, buf, sizeof buf);
        ck_assert_int_ge(any, 0);
        net_hear(w, 1);
        if (any)
            from_server(w, &out);
    }
}

/* Runs for |d|. */
static inline void net_run(net *w, it_time d)
{
    it_time until = w->now + d;
    for (;;) {
        net_settle(w);
        it_time at = it_rtws_server_next(w->s), c = it_rtws_client_next(w->c);
        at = c < at ? c : at;
        if (at > until)
            break;
        w->now = at > w->now ? at : w->now;
        ck_assert_int_eq(it_rtws_server_tick(w->s, w->now), 0);
        ck_assert_int_eq(it_rtws_client_tick(w->c, w->now), 0);
        ck_assert(it_rtws_server_next(w->s) > w->now && it_rtws_client_next(w->c) > w->now);
        net_hear(w, 0);
        net_hear(w, 1);
    }
    w->now = until;
}

/* How often end |i| has told |kind|; the last time. */
static inline int net_count(const net *w, int i, enum it_rtmfp_event_kind kind)
{
    int n = 0;
    for (int k = 0; k < w->tolds[i]; k++)
        n += w->at[i][k].kind == kind;
    return n;
}
static inline const told *net_last(const net *w, int i, enum it_rtmfp_event_kind kind)
{
    for (int k = w->tolds[i]; k-- > 0;)
        if (w->at[i][k].kind == kind)
            return &w->at[i][k];
    ck_abort_msg("end %d has not told %d", i, kind);
    return NULL;
}

/* The client is connected: its session, and the server's. */
static inline void net_up(net *w, uint32_t session[2])
{
    ck_assert_int_eq(it_rtws_client_connect(w->c, w->now, &session[0]), 0);
    net_settle(w);
    ck_assert_uint_eq(net_last(w, 0, IT_RTMFP_EV_OPEN)->session, session[0]);
    session[1] = net_last(w, 1, IT_RTMFP_EV_OPEN)->session;
}

static inline it_rtmfp_carrier net_carrier(net *w, int i)
{
    return i ? it_rtws_server_carrier(w->s) : it_rtws_client_carrier(w->c);
}

/* A stream of the test's own comes to the server; it says |text|. */
static inline void net_raw(net *w)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .local = kit_addr("192.0.2.1:80"), .remote = kit_addr("198.51.100.1:1")};
    in.data.n = ROOMY;
    to_server(w, &in);
}
static inline void net_say(net *w, it_bytes data)
{
    to_server(w, &(it_io){.kind = IT_IO_DATA, .data = data});
    net_settle(w);
}

#define NET_REQUEST                                                                                                    \
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                       \
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"

#endif
