/* A client and a server of TCP allocations (RFC 6062), and peers, joined by byte streams with windows: a writer that
 * exceeds its room fails, what a reader does not take waits. Everything that moves moves at once. */
#ifndef IT_TESTS_STACK_TURN_WIRES_H
#define IT_TESTS_STACK_TURN_WIRES_H

#include "stack/turn/client.h"
#include "stack/turn/server/server.h"

#include <check.h>
#include <stdlib.h>

enum { WIRES = 200, WIRES_WINDOW = 5000, WIRES_EVENTS = 512, WIRES_FLOW = 7, WIRES_DATA_FLOW = 100 };
enum wires_who { WIRES_CLIENT, WIRES_SERVER, WIRES_PEER };
enum wires_peer { WIRES_ACCEPTS, WIRES_REFUSES, WIRES_IS_SILENT };

static const it_stun_user WIRES_USERS[] = {{"alice", "secret"}};

/* One end of a stream, and what is on its way to it. */
typedef struct wires_end {
    enum wires_who who;
    uint32_t flow;
    uint8_t buf[WIRES_WINDOW];
    size_t n;
    bool stuck; /* it did not take all, and has not asked */
    bool fin, fin_given;
    size_t got; /* of a peer: bytes of the pattern */
    bool saw_fin, saw_rst;
} wires_end;

typedef struct wire {
    bool used, slow; /* |slow|: a peer that reads nothing */
    wires_end e[2];  /* the first has opened it */
    it_addr from, to;
} wire;

typedef struct wires {
    it_alloc own, *mem;
    it_time now, skew; /* the server's clock is |skew| ahead */
    it_turn_server_cfg scfg;
    it_turn_client_cfg ccfg;
    it_turn_server *s;
    it_turn_client *c;
    it_addr server, relayed;
    uint16_t port;
    uint32_t accepted; /* flows given so far */
    enum wires_peer peers;
    bool no_data; /* data connections do not come to be */
    wire w[WIRES];
    it_turn_client_event ev[WIRES_EVENTS];
    size_t n_ev;
    int err;
} wires;

static inline uint8_t wires_pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 251);
}

static inline it_addr wires_addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static inline wires *wires_new(it_alloc *mem)
{
    wires *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    it_alloc_init(&t->own);
    t->mem = mem ? mem : &t->own;
    t->server = wires_addr("198.51.100.1:3478");
    t->port = 50000;
    it_rng_init(&t->scfg.rng, 1, "server");
    t->scfg.auth.realm = "example.org";
    t->scfg.auth.users = WIRES_USERS;
    t->scfg.auth.n_users = 1;
    t->scfg.tcp_peers = true;
    it_rng_init(&t->ccfg.rng, 1, "client");
    t->ccfg.username = "alice";
    t->ccfg.password = "secret";
    t->ccfg.flow = WIRES_FLOW;
    t->ccfg.conn_flow = WIRES_DATA_FLOW;
    t->ccfg.server = t->server;
    t->ccfg.local = wires_addr("192.0.2.1:0");
    t->ccfg.stream = t->ccfg.tcp = true;
    return t;
}

static inline void wires_free(wires *t)
{
    it_turn_client_free(t->c);
    it_turn_server_free(t->s);
    ck_assert_int_eq(t->mem->live, 0);
    free(t);
}

/* Gives |in| to |who|. Returns the bytes taken. */
static inline size_t wires_give(wires *t, enum wires_who who, const it_io *in)
{
    int n = 0;
    if (who == WIRES_SERVER)
        n = it_turn_server_input(t->s, t->now + t->skew, in);
    else if (who == WIRES_CLIENT)
        n = it_turn_client_input(t->c, t->now, in);
    if (n < 0 && t->err == 0)
        t->err = n;
    return n > 0 ? (size_t)n : 0;
}

static inline wire *wires_place(wires *t)
{
    for (int i = 0; i < WIRES; i++)
        if (!t->w[i].used)
            return &t->w[i];
    ck_abort_msg("no more wires");
    return NULL;
}

static inline it_io wires_room(enum it_io_kind kind, const wires_end *to, size_t room)
{
    static const uint8_t ROOM[1];
    return (it_io){.kind = kind, .flow = to->flow, .data = it_bytes_of(ROOM, room)};
}

/* |who| has opened a stream from |from| to |to|, where |other| accepts it. */
static inline wire *wires_join(wires *t, enum wires_who who, uint32_t flow, it_addr from, it_addr to,
                               enum wires_who other)
{
    wire *w = wires_place(t);
    memset(w, 0, sizeof *w);
    w->used = true;
    w->from = from;
    w->to = to;
    w->e[0].who = who;
    w->e[0].flow = flow;
    w->e[1].who = other;
    w->e[1].flow = IT_IO_ACCEPTED_FLOW + t->accepted++;
    it_io in = wires_room(IT_IO_ACCEPTED, &w->e[1], WIRES_WINDOW);
    in.local = to;
    in.remote = from;
    (void)wires_give(t, other, &in);
    in = wires_room(IT_IO_OPENED, &w->e[0], WIRES_WINDOW);
    in.local = from;
    in.remote = to;
    (void)wires_give(t, who, &in);
    return w;
}

/* |flow| of |who|, and whose end it is; NULL. */
static inline wire *wires_of(wires *t, enum wires_who who, uint32_t flow, int *end)
{
    for (int i = 0; i < WIRES; i++)
        for (*end = 0; *end < 2; ++*end)
            if (t->w[i].used && t->w[i].e[*end].who == who && t->w[i].e[*end].flow == flow)
                return &t->w[i];
    return NULL;
}

static inline void wires_open(wires *t, enum wires_who who, const it_io *out)
{
    it_addr from = out->local;
    it_io rst = {.kind = IT_IO_RST, .flow = out->flow, .end = IT_IO_END_REFUSED};
    if (who == WIRES_CLIENT) {
        ck_assert(it_addr_eq(out->remote, t->server));
        if (t->no_data && out->flow != WIRES_FLOW)
            return;
        from.port = t->port++;
        (void)wires_join(t, who, out->flow, from, out->remote, WIRES_SERVER);
    } else if (t->peers == WIRES_ACCEPTS) {
        (void)wires_join(t, who, out->flow, from, out->remote, WIRES_PEER);
    } else if (t->peers == WIRES_REFUSES) {
        (void)wires_give(t, who, &rst);
    }
}

/* What |who| puts out. */
static inline void wires_out(wires *t, enum wires_who who, const it_io *out)
{
    int end;
    if (out->kind == IT_IO_OPEN) {
        wires_open(t, who, out);
        return;
    }
    if (out->kind == IT_IO_LISTEN) {
        t->relayed = it_addr_of(out->local.ip, t->port++);
        it_io in = {.kind = IT_IO_LISTENING, .flow = out->flow, .local = t->relayed};
        (void)wires_give(t, who, &in);
        return;
    }
    wire *w = wires_of(t, who, out->flow, &end);
    if (!w)
        return;
    wires_end *far = &w->e[!end];
    it_io rst = {.kind = IT_IO_RST, .flow = far->flow};
    switch (out->kind) {
    case IT_IO_DATA:
        ck_assert_uint_le(far->n + out->data.n, WIRES_WINDOW);
        memcpy(far->buf + far->n, out->data.p, out->data.n);
        far->n += out->data.n;
        break;
    case IT_IO_WRITABLE:
        w->e[end].stuck = false;
        break;
    case IT_IO_FIN:
        far->fin = true;
        break;
    case IT_IO_RST:
        w->used = false;
        far->saw_rst = true;
        (void)wires_give(t, far->who, &rst);
        break;
    default:
        break;
    }
}

/* What a peer does with what it is sent. */
static inline size_t wires_peer_takes(const wire *w, wires_end *e)
{
    if (w->slow)
        return 0;
    for (size_t i = 0; i < e->n; i++)
        ck_assert_uint_eq(e->buf[i], wires_pattern(e->got++));
    return e->n;
}

/* Carries what is on its way to end |k| of |w|. True when something moved. */
static inline bool wires_carry(wires *t, wire *w, int k)
{
    wires_end *e = &w->e[k], *far = &w->e[!k];
    if (e->n && !e->stuck) {
        it_io in = {.kind = IT_IO_DATA, .flow = e->flow, .data = it_bytes_of(e->buf, e->n)};
        size_t n = e->who == WIRES_PEER ? wires_peer_takes(w, e) : wires_give(t, e->who, &in);
        if (!w->used)
            return true;
        e->stuck = n < e->n && e->who != WIRES_PEER;
        memmove(e->buf, e->buf + n, e->n - n);
        e->n -= n;
        if (n == 0)
            return false;
        it_io room = wires_room(IT_IO_WRITABLE, far, WIRES_WINDOW - e->n);
        (void)wires_give(t, far->who, &room);
        return true;
    }
    if (e->n || !e->fin || e->fin_given)
        return false;
    it_io fin = {.kind = IT_IO_FIN, .flow = e->flow};
    e->fin_given = e->saw_fin = true;
    (void)wires_give(t, e->who, &fin);
    if (far->fin_given)
        w->used = false;
    return true;
}

static inline void wires_events(wires *t)
{
    it_turn_client_event ev;
    while (it_turn_client_event_next(t->c, &ev)) {
        ck_assert_uint_lt(t->n_ev, WIRES_EVENTS);
        t->ev[t->n_ev++] = ev;
    }
}

/* Lets everything happen that can happen now; |quiet|: nobody asks the client what there is to tell. */
static inline void wires_settle(wires *t, bool quiet)
{
    static uint8_t buf[4096];
    it_io out;
    bool again = true;
    while (again && t->err == 0) {
        int n = 0;
        again = false;
        while (t->s && (n = it_turn_server_output(t->s, t->now + t->skew, &out, buf, sizeof buf)) == 1) {
            wires_out(t, WIRES_SERVER, &out);
            again = true;
        }
        t->err = n < 0 ? n : t->err;
        while (t->c && (n = it_turn_client_output(t->c, t->now, &out, buf, sizeof buf)) == 1) {
            wires_out(t, WIRES_CLIENT, &out);
            again = true;
        }
        t->err = n < 0 ? n : t->err;
        if (t->c && !quiet)
            wires_events(t);
        for (int i = 0; i < WIRES; i++)
            for (int k = 0; k < 2; k++)
                again |= t->w[i].used && wires_carry(t, &t->w[i], k);
    }
}

/* Ticks until |until|. */
static inline void wires_run(wires *t, it_time until)
{
    wires_settle(t, false);
    while (t->err == 0) {
        it_time s = it_turn_server_next(t->s), c = t->c ? it_turn_client_next(t->c) : IT_NEVER;
        s = s == IT_NEVER ? s : s - t->skew;
        it_time next = s < c ? s : c;
        if (next > until)
            break;
        t->now = next > t->now ? next : t->now;
        int n = 0;
        if (s <= t->now)
            n = it_turn_server_tick(t->s, t->now + t->skew);
        if (n == 0 && c <= t->now)
            n = it_turn_client_tick(t->c, t->now);
        t->err = n < 0 ? n : t->err;
        wires_settle(t, false);
    }
    t->now = until;
}

static inline void wires_start(wires *t)
{
    t->scfg.alloc = t->ccfg.alloc = t->mem;
    t->s = it_turn_server_new(&t->scfg);
    if (!t->s) {
        t->err = IT_ERR_NOMEM;
        return;
    }
    it_io in = {.kind = IT_IO_BOUND, .flow = 0, .local = t->server};
    (void)wires_give(t, WIRES_SERVER, &in);
    t->c = it_turn_client_new(&t->ccfg, t->now);
    if (!t->c)
        t->err = IT_ERR_NOMEM;
    wires_run(t, t->now + 100 * IT_MS);
}

/* A peer at |from| connects to the relayed address. */
static inline wire *wires_peer_connects(wires *t, const char *from)
{
    wire *w =
        wires_join(t, WIRES_PEER, IT_IO_ACCEPTED_FLOW + t->accepted++, wires_addr(from), t->relayed, WIRES_SERVER);
    wires_run(t, t->now + 50 * IT_MS);
    return w;
}

/* What the peer of |w| says, as far as there is room; it is number |at| of the pattern. Returns how many bytes. */
static inline size_t wires_peer_says(wire *w, size_t at, size_t n)
{
    wires_end *far = &w->e[w->e[0].who == WIRES_PEER];
    size_t room = WIRES_WINDOW - far->n;
    n = n < room ? n : room;
    for (size_t i = 0; i < n; i++)
        far->buf[far->n++] = wires_pattern(at + i);
    return n;
}

static inline wires_end *wires_peer_end(wire *w)
{
    return &w->e[w->e[0].who != WIRES_PEER];
}

/* The stream with the peer at |peer|; it must be there. */
static inline wire *wires_with(wires *t, it_addr peer)
{
    for (int i = 0; i < WIRES; i++)
        if (t->w[i].used && (it_addr_eq(t->w[i].to, peer) || it_addr_eq(t->w[i].from, peer)))
            return &t->w[i];
    ck_abort_msg("no such stream");
    return NULL;
}

static inline size_t wires_count(const wires *t, enum it_turn_client_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_ev; i++)
        n += t->ev[i].kind == kind;
    return n;
}

/* The last event of |kind|; it must be there. */
static inline const it_turn_client_event *wires_last(const wires *t, enum it_turn_client_kind kind)
{
    for (size_t i = t->n_ev; i-- > 0;)
        if (t->ev[i].kind == kind)
            return &t->ev[i];
    ck_abort_msg("no such event: %d", (int)kind);
    return NULL;
}

#endif
