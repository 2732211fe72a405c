/* Clients of Flash and a server in a network in memory: 20 ms in each direction, nothing is lost unless |cut| says so;
 * streams, as a WebSocket needs one, have no delay. What each client tells is written down. */
#ifndef IT_TESTS_STACK_RTMFP_FLASH_PARTY_H
#define IT_TESTS_STACK_RTMFP_FLASH_PARTY_H

#include "stack/crypto/ossl.h"
#include "stack/rtmfp/flash/client.h"
#include "stack/rtmfp/server/server.h"
#include "tests/stack/rtmfp/kit.h"

#define PARTY_CLIENTS 3
#define PARTY_TOLD 256
#define PARTY_DELAY (20 * IT_MS)

typedef struct party_packet {
    it_time at;
    int from, to; /* 0: the server, else 1 + client */
    size_t n;
    uint8_t data[IT_IO_DGRAM_MAX];
} party_packet;

typedef struct party_told {
    it_time at;
    it_rtmfp_client_event ev;
    char text[64]; /* of a message */
} party_told;

typedef struct party {
    it_alloc mem;
    it_time now;
    it_rtmfp_server *server;
    it_rtmfp_client *client[PARTY_CLIENTS];
    it_addr addr[1 + PARTY_CLIENTS];
    bool cut[1 + PARTY_CLIENTS];
    bool deaf[1 + PARTY_CLIENTS];   /* its datagrams alone are cut */
    uint32_t stream[PARTY_CLIENTS]; /* of a client, by its own number; 0: there is none */
    bool silent[PARTY_CLIENTS];     /* what it tells is left for somebody else */
    party_packet *flight;
    size_t flights;
    party_told told[PARTY_CLIENTS][PARTY_TOLD];
    size_t tolds[PARTY_CLIENTS];
} party;

/* Adds client |i| of |cfg|, whose |alloc|, |rng|, |server| and |uri| are set here. */
static inline void party_join(party *p, int i, it_rtmfp_client_cfg cfg)
{
    char name[16];
    it_io in = {.kind = IT_IO_BOUND, .local = p->addr[1 + i]};
    snprintf(name, sizeof name, "client %d", i);
    cfg.alloc = &p->mem;
    it_rng_init(&cfg.rng, 1, name);
    cfg.server[0] = p->addr[0];
    cfg.servers = 1;
    cfg.uri = "rtmfp://server/app";
    ck_assert_int_eq(it_rtmfp_client_new(&cfg, p->now, &p->client[i]), 0);
    ck_assert_int_ge(it_rtmfp_client_input(p->client[i], p->now, &in), 0);
}

static inline party *party_new(const it_rtmfp_server_cfg *how)
{
    party *p = calloc(1, sizeof *p);
    it_rtmfp_server_cfg cfg = how ? *how : (it_rtmfp_server_cfg){0};
    ck_assert_int_eq(it_ossl_init(), 0);
    it_alloc_init(&p->mem);
    p->flight = calloc(4096, sizeof *p->flight);
    for (int i = 0; i <= PARTY_CLIENTS; i++) {
        char text[32];
        snprintf(text, sizeof text, "192.0.2.%d:1935", 1 + i);
        p->addr[i] = kit_addr(text);
    }
    cfg.alloc = &p->mem;
    it_rng_init(&cfg.rng, 1, "server");
    ck_assert_int_eq(it_rtmfp_server_new(&cfg, 0, &p->server), 0);
    it_io in = {.kind = IT_IO_BOUND, .local = p->addr[0]};
    ck_assert_int_ge(it_rtmfp_server_ops.input(p->server, 0, &in), 0);
    return p;
}

static inline void party_free(party *p)
{
    for (int i = 0; i < PARTY_CLIENTS; i++)
        it_rtmfp_client_free(p->client[i]);
    it_rtmfp_server_ops.free(p->server);
    ck_assert_int_eq(p->mem.live, 0);
    free(p->flight);
    free(p);
}

static inline int party_output(party *p, int i, it_io *io, uint8_t *buf)
{
    if (i == 0)
        return it_rtmfp_server_ops.output(p->server, p->now, io, buf, IT_IO_DGRAM_MAX);
    return p->client[i - 1] ? it_rtmfp_client_output(p->client[i - 1], p->now, io, buf, IT_IO_DGRAM_MAX) : 0;
}

/* Gives |in| to the server, or to client |i| - 1. */
static inline void party_give(party *p, int i, const it_io *in)
{
    int n = i ? it_rtmfp_client_input(p->client[i - 1], p->now, in) : it_rtmfp_server_ops.input(p->server, p->now, in);
    ck_assert_int_ge(n, 0);
}

/* |io| of a stream, which |i| has put out, is at its other end. False: it is none. */
static inline bool party_stream_io(party *p, int i, const it_io *io)
{
    it_io in = *io, room = {.kind = IT_IO_WRITABLE, .data = {NULL, 1 << 20}};
    int k = i ? i : 1 + (int)(io->flow - IT_IO_ACCEPTED_FLOW);
    if (io->kind == IT_IO_OPEN) {
        p->stream[i - 1] = io->flow;
        in = (it_io){.kind = IT_IO_ACCEPTED, .flow = IT_IO_ACCEPTED_FLOW + (uint32_t)i - 1, .data = room.data};
        party_give(p, 0, &in);
        in = (it_io){.kind = IT_IO_OPENED, .flow = io->flow, .data = room.data};
        party_give(p, i, &in);
        return true;
    }
    if (io->kind != IT_IO_DATA && io->kind != IT_IO_FIN && io->kind != IT_IO_RST)
        return io->kind == IT_IO_WRITABLE;
    in.flow = i ? IT_IO_ACCEPTED_FLOW + (uint32_t)i - 1 : p->stream[k - 1];
    room.flow = io->flow;
    if (p->cut[k] || p->cut[0])
        return true;
    party_give(p, i ? 0 : k, &in);
    if (io->kind == IT_IO_DATA)
        party_give(p, i, &room);
    return true;
}

/* Takes what all of them send and tell. */
static inline void party_drain(party *p)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io io;
    for (int i = 0; i <= PARTY_CLIENTS; i++)
        while (party_output(p, i, &io, buf) == 1) {
            if (party_stream_io(p, i, &io)) {
                i = 0; /* the other end may have something to say */
                continue;
            }
            int to = 0;
            while (to <= PARTY_CLIENTS && !it_addr_eq(io.remote, p->addr[to]))
                to++;
            if (to > PARTY_CLIENTS || p->cut[to] || p->cut[i] || p->deaf[to] || p->deaf[i])
                continue;
            party_packet *q = &p->flight[p->flights++];
            ck_assert_uint_lt(p->flights, 4096);
            *q = (party_packet){.at = p->now + PARTY_DELAY, .from = i, .to = to, .n = io.data.n};
            memcpy(q->data, io.data.p, io.data.n);
        }
    for (int i = 0; i < PARTY_CLIENTS; i++)
        for (it_rtmfp_client_event ev;
             p->client[i] && !p->silent[i] && it_rtmfp_client_event_next(p->client[i], &ev);) {
            party_told *t = &p->told[i][p->tolds[i]++];
            ck_assert_uint_lt(p->tolds[i], PARTY_TOLD);
            t->at = p->now;
            t->ev = ev;
            snprintf(t->text, sizeof t->text, "%.*s", (int)ev.data.n, (const char *)ev.data.p);
        }
}

static inline it_time party_next(const party *p)
{
    it_time at = it_rtmfp_server_ops.next(p->server);
    for (size_t k = 0; k < p->flights; k++)
        at = p->flight[k].at < at ? p->flight[k].at : at;
    for (int i = 0; i < PARTY_CLIENTS; i++)
        if (p->client[i] && it_rtmfp_client_next(p->client[i]) < at)
            at = it_rtmfp_client_next(p->client[i]);
    return at;
}

/* Gives the first packet that is due; false: none is. */
static inline bool party_deliver(party *p)
{
    for (size_t k = 0; k < p->flights; k++) {
        if (p->flight[k].at > p->now)
            continue;
        party_packet q = p->flight[k];
        memmove(&p->flight[k], &p->flight[k + 1], (--p->flights - k) * sizeof q);
        it_io in = {.kind = IT_IO_DGRAM, .local = p->addr[q.to], .remote = p->addr[q.from], .data = {q.data, q.n}};
        if (q.to == 0)
            ck_assert_int_ge(it_rtmfp_server_ops.input(p->server, p->now, &in), 0);
        else if (p->client[q.to - 1])
            ck_assert_int_ge(it_rtmfp_client_input(p->client[q.to - 1], p->now, &in), 0);
        return true;
    }
    return false;
}

/* Runs for |d|. */
static inline void party_run(party *p, it_time d)
{
    it_time until = p->now + d;
    for (;;) {
        party_drain(p);
        it_time at = party_next(p);
        if (at > until)
            break;
        p->now = at > p->now ? at : p->now;
        if (party_deliver(p))
            continue;
        if (it_rtmfp_server_ops.next(p->server) <= p->now)
            ck_assert_int_ge(it_rtmfp_server_ops.tick(p->server, p->now), 0);
        for (int i = 0; i < PARTY_CLIENTS; i++)
            if (p->client[i] && it_rtmfp_client_next(p->client[i]) <= p->now)
                ck_assert_int_ge(it_rtmfp_client_tick(p->client[i], p->now), 0);
    }
    p->now = until;
}

/* How often client |i| has told |code| of |stream|; when, the last time. */
static inline int party_count(const party *p, int i, uint32_t stream, enum it_rtmfp_code code)
{
    int n = 0;
    for (size_t k = 0; k < p->tolds[i]; k++) {
        const it_rtmfp_client_event *e = &p->told[i][k].ev;
        n += e->kind == IT_RTMFP_TELLS_STATUS && e->stream == stream && e->code == code;
    }
    return n;
}
static inline it_time party_when(const party *p, int i, uint32_t stream, enum it_rtmfp_code code)
{
    for (size_t k = p->tolds[i]; k-- > 0;) {
        const it_rtmfp_client_event *e = &p->told[i][k].ev;
        if (e->kind == IT_RTMFP_TELLS_STATUS && e->stream == stream && e->code == code)
            return p->told[i][k].at;
    }
    return IT_NEVER;
}

/* The messages of |stream| that client |i| has told, one after the other, with a comma behind each. */
static inline const char *party_heard(const party *p, int i, uint32_t stream)
{
    static char all[4096];
    all[0] = '\0';
    for (size_t k = 0; k < p->tolds[i]; k++) {
        const party_told *t = &p->told[i][k];
        if (t->ev.kind != IT_RTMFP_TELLS_MESSAGE || t->ev.stream != stream)
            continue;
        strncat(all, t->text, sizeof all - strlen(all) - 1);
        strncat(all, ",", sizeof all - strlen(all) - 1);
    }
    return all;
}

/* The first PEER of client |i|; NULL: none. */
static inline const it_rtmfp_client_event *party_peer(const party *p, int i)
{
    for (size_t k = 0; k < p->tolds[i]; k++)
        if (p->told[i][k].ev.kind == IT_RTMFP_TELLS_PEER)
            return &p->told[i][k].ev;
    return NULL;
}

static inline uint32_t party_stream(party *p, int i, enum it_rtmfp_stream_kind kind, int far)
{
    uint32_t no;
    const uint8_t *print = far < 0 ? NULL : it_rtmfp_client_near(p->client[far]);
    ck_assert_int_eq(it_rtmfp_client_stream(p->client[i], p->now, kind, print, &no), 0);
    return no;
}

static inline void party_say(party *p, int i, uint32_t stream, uint8_t type, const char *text)
{
    ck_assert_int_eq(it_rtmfp_client_send(p->client[i], p->now, stream, type, it_bytes_str(text), NULL), 0);
}

#endif
