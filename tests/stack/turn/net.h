/* Clients and a server joined directly: datagrams that are delayed, lost, doubled and reordered by a seeded stream,
 * byte streams that are not, a host that binds sockets, and peers that answer. */
#ifndef IT_TESTS_STACK_TURN_NET_H
#define IT_TESTS_STACK_TURN_NET_H

#include "stack/stream/layer.h"
#include "stack/turn/client.h"
#include "stack/turn/server/server.h"

#include <check.h>
#include <stdlib.h>

enum { NET_CLIENTS = 4, NET_PACKETS = 4096, NET_SOCKETS = 64, NET_EVENTS = 512, NET_IO = 4096 };

static const it_stun_user NET_USERS[] = {{"alice", "secret"}};

typedef struct net_packet {
    bool used;
    it_time at;
    uint64_t seq;
    it_io io;
    int to; /* -1: the server; else the client; -2: a peer */
    uint8_t data[NET_IO];
} net_packet;

typedef struct net_event {
    it_turn_client_event ev;
    it_time at;
    uint8_t data[1500];
} net_event;

typedef struct net {
    it_alloc own, *mem;
    it_rng rng;
    it_time now, delay;
    uint32_t loss, twice, late; /* of a million */
    bool deaf;                  /* the server hears nothing */
    bool echo;                  /* peers answer */
    it_turn_server_cfg scfg;
    it_turn_client_cfg ccfg;
    it_turn_server *s;
    it_turn_client *c[NET_CLIENTS];
    it_addr host[NET_CLIENTS], server;
    struct {
        uint32_t flow;
        it_addr addr;
    } sockets[NET_SOCKETS];
    uint16_t port;
    uint64_t joined;
    net_packet *packets;
    uint64_t seq;
    net_event *events;
    size_t n_events;
    uint32_t counts[NET_CLIENTS][16]; /* of events, by kind */
    uint32_t at_peers;                /* datagrams */
    uint32_t client_bytes_out[NET_CLIENTS], client_out[NET_CLIENTS];
    int err;
} net;

static inline it_addr net_addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static inline net *net_new(uint64_t seed, it_alloc *mem)
{
    net *n = calloc(1, sizeof *n);
    ck_assert_ptr_nonnull(n);
    n->packets = calloc(NET_PACKETS, sizeof *n->packets);
    n->events = calloc(NET_EVENTS, sizeof *n->events);
    it_alloc_init(&n->own);
    n->mem = mem ? mem : &n->own;
    it_rng_init(&n->rng, seed, "net");
    it_rng_init(&n->scfg.rng, seed, "server");
    n->scfg.auth.realm = "example.org";
    n->scfg.auth.users = NET_USERS;
    n->scfg.auth.n_users = 1;
    n->server = net_addr("198.51.100.1:3478");
    n->port = 50000;
    n->delay = 10 * IT_MS;
    n->ccfg.username = "alice";
    n->ccfg.password = "secret";
    n->ccfg.software = "icetank";
    n->ccfg.flow = 3;
    for (int i = 0; i < NET_CLIENTS; i++)
        n->host[i] = it_addr_of(it_ip4(0xc0000201u + (uint32_t)i), (uint16_t)(4000 + i));
    return n;
}

static inline void net_note(net *n, int err)
{
    if (err < 0 && n->err == 0)
        n->err = err;
}

static inline void net_serve(net *n)
{
    n->scfg.alloc = n->mem;
    n->s = it_turn_server_new(&n->scfg);
    if (!n->s) {
        n->err = IT_ERR_NOMEM;
        return;
    }
    it_io in = {.kind = IT_IO_BOUND, .flow = 0, .local = n->server};
    net_note(n, it_turn_server_input(n->s, n->now, &in));
}

/* Client |i|, as |n|->ccfg says. */
static inline void net_join(net *n, int i)
{
    it_turn_client_cfg cfg = n->ccfg;
    cfg.alloc = n->mem;
    cfg.local = n->host[i];
    cfg.server = n->server;
    it_rng_init(&cfg.rng, n->joined++, "client");
    n->c[i] = it_turn_client_new(&cfg, n->now);
    if (!n->c[i])
        n->err = IT_ERR_NOMEM;
}

static inline void net_free(net *n)
{
    for (int i = 0; i < NET_CLIENTS; i++)
        it_turn_client_free(n->c[i]);
    it_turn_server_free(n->s);
    free(n->packets);
    free(n->events);
    ck_assert_int_eq(n->mem->live, 0);
    free(n);
}

static inline void net_carry(net *n, const it_io *io, int to, it_time at)
{
    for (int i = 0; i < NET_PACKETS; i++) {
        net_packet *p = &n->packets[i];
        if (p->used)
            continue;
        ck_assert_uint_le(io->data.n, sizeof p->data);
        p->used = true;
        p->at = at;
        p->seq = n->seq++;
        p->to = to;
        p->io = *io;
        if (io->data.n)
            memcpy(p->data, io->data.p, io->data.n);
        p->io.data.p = p->data;
        return;
    }
    ck_abort_msg("the net is full");
}

static inline void net_datagram(net *n, const it_io *io, int to)
{
    if (it_rng_chance(&n->rng, n->loss))
        return;
    it_time at = n->now + n->delay;
    if (it_rng_chance(&n->rng, n->late))
        at += (it_time)it_rng_below(&n->rng, (uint64_t)(50 * IT_MS));
    net_carry(n, io, to, at);
    if (it_rng_chance(&n->rng, n->twice))
        net_carry(n, io, to, at + 1);
}

/* A datagram of peer |from| to the relayed address |to|. */
static inline void net_peer_send(net *n, it_addr from, it_addr to, it_bytes data)
{
    for (int i = 0; i < NET_SOCKETS; i++)
        if (n->sockets[i].addr.port && it_addr_eq(n->sockets[i].addr, to)) {
            it_io io = {.kind = IT_IO_DGRAM, .flow = n->sockets[i].flow, .local = to, .remote = from, .data = data};
            net_datagram(n, &io, -1);
            return;
        }
}

static inline int net_client_at(const net *n, it_addr a)
{
    for (int i = 0; i < NET_CLIENTS; i++)
        if (it_addr_eq(n->host[i], a))
            return i;
    return -2;
}

static inline void net_bind(net *n, const it_io *out)
{
    uint32_t ports = out->port == IT_IO_PORT_PAIR ? 2 : 1, i = 0;
    n->port = (uint16_t)(n->port + (out->port != IT_IO_PORT_ANY && n->port % 2));
    for (uint32_t k = 0; k < ports; k++) {
        while (n->sockets[i].addr.port && i < NET_SOCKETS - 1)
            i++;
        ck_assert_uint_eq(n->sockets[i].addr.port, 0);
        n->sockets[i].flow = out->flow + k;
        n->sockets[i].addr = it_addr_of(out->local.ip, n->port++);
        it_io in = {.kind = IT_IO_BOUND, .flow = out->flow + k, .local = n->sockets[i].addr};
        net_note(n, it_turn_server_input(n->s, n->now, &in));
    }
}

/* What the server puts out, by kind. */
static inline void net_server_out(net *n, const it_io *out)
{
    if (out->kind == IT_IO_BIND) {
        net_bind(n, out);
    } else if (out->kind == IT_IO_UNBIND) {
        for (int i = 0; i < NET_SOCKETS; i++)
            if (n->sockets[i].flow == out->flow)
                n->sockets[i].addr.port = 0;
    } else if (out->kind == IT_IO_DGRAM && out->flow >= IT_IO_BOUND_FLOW) {
        n->at_peers++;
        if (n->echo)
            net_peer_send(n, out->remote, out->local, out->data);
    } else if (out->kind == IT_IO_DGRAM) {
        it_io io = *out;
        int to = net_client_at(n, out->remote);
        io.flow = n->ccfg.flow;
        io.local = out->remote;
        io.remote = out->local;
        if (to >= 0)
            net_datagram(n, &io, to);
    } else {
        it_io io = *out;
        io.flow = n->ccfg.flow;
        if (io.kind != IT_IO_WRITABLE)
            net_carry(n, &io, (int)(out->flow - IT_IO_ACCEPTED_FLOW), n->now + n->delay);
    }
}

static inline void net_client_out(net *n, int i, const it_io *out)
{
    it_io io = *out;
    n->client_out[i]++;
    n->client_bytes_out[i] += (uint32_t)out->data.n;
    if (out->kind == IT_IO_WRITABLE || n->deaf)
        return;
    if (out->kind == IT_IO_DGRAM) {
        io.flow = 0;
        io.local = out->remote;
        io.remote = n->host[i];
        net_datagram(n, &io, -1);
        return;
    }
    io.flow = IT_IO_ACCEPTED_FLOW + (uint32_t)i;
    if (out->kind == IT_IO_OPEN) {
        io.kind = IT_IO_ACCEPTED;
        io.local = out->remote;
        io.remote = n->host[i];
        io.data = it_bytes_of(NULL, 0);
        it_io back = {.kind = IT_IO_OPENED, .flow = n->ccfg.flow, .local = n->host[i], .remote = n->server};
        net_carry(n, &back, i, n->now + 2 * n->delay);
    }
    net_carry(n, &io, -1, n->now + n->delay);
}

static inline void net_events(net *n, int i)
{
    it_turn_client_event ev;
    while (it_turn_client_event_next(n->c[i], &ev)) {
        n->counts[i][ev.kind]++;
        if (n->n_events == NET_EVENTS)
            continue;
        net_event *e = &n->events[n->n_events++];
        e->ev = ev;
        e->at = n->now;
        if (ev.data.n)
            memcpy(e->data, ev.data.p, ev.data.n < sizeof e->data ? ev.data.n : sizeof e->data);
        e->ev.data.p = e->data;
    }
}

static inline void net_drain(net *n)
{
    static uint8_t buf[NET_IO];
    it_io out;
    int r = 0;
    for (int again = 1; again;) {
        again = 0;
        while (n->s && (r = it_turn_server_output(n->s, n->now, &out, buf, sizeof buf)) == 1) {
            net_server_out(n, &out);
            again = 1;
        }
        net_note(n, r);
        for (int i = 0; i < NET_CLIENTS; i++) {
            while (n->c[i] && (r = it_turn_client_output(n->c[i], n->now, &out, buf, sizeof buf)) == 1) {
                net_client_out(n, i, &out);
                again = 1;
            }
            net_note(n, n->c[i] ? r : 0);
            if (n->c[i])
                net_events(n, i);
        }
    }
}

static inline net_packet *net_first(net *n)
{
    net_packet *best = NULL;
    for (int i = 0; i < NET_PACKETS; i++) {
        net_packet *p = &n->packets[i];
        if (p->used && (!best || p->at < best->at || (p->at == best->at && p->seq < best->seq)))
            best = p;
    }
    return best;
}

/* Gives |p| to whom it is for. Streams have room without end. */
static inline void net_deliver(net *n, net_packet *p)
{
    static const uint8_t ROOM[1];
    it_io in = p->io;
    int r = 0;
    if (in.kind == IT_IO_OPENED || in.kind == IT_IO_ACCEPTED) /* the room */
        in.data = it_bytes_of(ROOM, 1 << 30);
    if (p->to == -1 && n->s && !n->deaf)
        r = it_turn_server_input(n->s, n->now, &in);
    else if (p->to >= 0 && n->c[p->to])
        r = it_turn_client_input(n->c[p->to], n->now, &in);
    net_note(n, r);
    net_drain(n);
    p->used = in.kind == IT_IO_DATA && r >= 0 && (size_t)r < in.data.n && !n->deaf;
    if (!p->used)
        return;
    /* What was not taken comes again. */
    p->at += IT_MS;
    p->io.data = it_bytes_of(in.data.p + r, in.data.n - (size_t)r);
}

/* Ticks all; the earliest that something is due. */
static inline it_time net_tick(net *n)
{
    if (n->s && it_turn_server_next(n->s) <= n->now)
        net_note(n, it_turn_server_tick(n->s, n->now));
    it_time next = n->s ? it_turn_server_next(n->s) : IT_NEVER;
    for (int i = 0; i < NET_CLIENTS; i++) {
        if (!n->c[i])
            continue;
        if (it_turn_client_next(n->c[i]) <= n->now)
            net_note(n, it_turn_client_tick(n->c[i], n->now));
        net_drain(n);
        it_time own = it_turn_client_next(n->c[i]);
        next = own < next ? own : next;
    }
    net_drain(n);
    return next;
}

static inline void net_run(net *n, it_time until)
{
    net_drain(n);
    while (n->err == 0) {
        it_time next = net_tick(n);
        net_packet *p = net_first(n);
        if (p && p->at <= n->now) {
            net_deliver(n, p);
            continue;
        }
        if (p && p->at < next)
            next = p->at;
        if (next > until)
            break;
        n->now = next > n->now ? next : n->now;
    }
    n->now = until;
}

/* The last event of |kind|; it must be there. */
static inline const net_event *net_last(const net *n, enum it_turn_client_kind kind)
{
    for (size_t i = n->n_events; i-- > 0;)
        if (n->events[i].ev.kind == kind)
            return &n->events[i];
    ck_abort_msg("no such event: %d", (int)kind);
    return NULL;
}

#endif
