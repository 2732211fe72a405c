/* A server with a host that binds its sockets, and a client that is a list of attributes: request, response, by hand.
 */
#ifndef IT_TESTS_STACK_TURN_SERVER_RIG_H
#define IT_TESTS_STACK_TURN_SERVER_RIG_H

#include "stack/stun/longterm.h"
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"
#include "stack/turn/server/server.h"

#include <check.h>
#include <stdio.h>

#define RIG_SENT 64

static const it_stun_user RIG_USERS[] = {{"alice", "secret"}, {"bob", "hunter2"}};

typedef struct rig_sent {
    it_io io;
    uint8_t data[2048];
} rig_sent;

typedef struct rig {
    it_alloc own, *mem;
    it_turn_server_cfg cfg;
    it_turn_server *s;
    it_time now;
    it_stun_longterm lt;
    const char *user;
    it_turn_leg leg;
    it_addr client, here;
    uint16_t port; /* the next that the host gives */
    bool refuse;   /* it gives none */
    bool hold;     /* it does not answer BIND yet */
    it_io asked[8];
    size_t n_asked;
    uint32_t stream;         /* the flow of the accepted stream that the client has; 0: datagrams */
    uint32_t unbound;        /* UNBINDs so far */
    rig_sent sent[RIG_SENT]; /* datagrams that were put out */
    size_t n_sent;
    uint8_t serial;
    uint8_t wire[2048];
    it_buf b;
    it_stun_msg resp;
    int err; /* of the last input */
} rig;

static inline it_addr rig_addr(const char *text)
{
    it_addr a;
    ck_assert_int_eq(it_addr_parse(&a, text), 0);
    return a;
}

static inline it_ip rig_ip(const char *text)
{
    it_ip ip;
    ck_assert_int_eq(it_ip_parse(&ip, text), 0);
    return ip;
}

static inline void rig_init(rig *r)
{
    memset(r, 0, sizeof *r);
    it_alloc_init(&r->own);
    r->mem = &r->own;
    it_rng_init(&r->cfg.rng, 1, "turn");
    r->cfg.software = "icetank";
    r->cfg.auth.realm = "example.org";
    r->cfg.auth.users = RIG_USERS;
    r->cfg.auth.n_users = 2;
    r->client = rig_addr("192.0.2.9:4444");
    r->here = rig_addr("198.51.100.1:3478");
    r->port = 50000;
    r->user = "alice";
}

static inline void rig_input(rig *r, it_io in)
{
    r->err = it_turn_server_input(r->s, r->now, &in);
    ck_assert_msg(r->err == (int)in.data.n || r->err == IT_ERR_NOMEM, "%d", r->err);
}

/* The host's answer to a BIND. */
static inline void rig_bind(rig *r, const it_io *io)
{
    uint16_t ports = io->port == IT_IO_PORT_PAIR ? 2 : 1;
    if (r->port % 2 && io->port != IT_IO_PORT_ANY)
        r->port++;
    for (uint16_t i = 0; i < ports; i++) {
        it_addr a = it_addr_of(io->local.ip, r->refuse ? 0 : r->port++);
        rig_input(r, (it_io){.kind = io->kind == IT_IO_LISTEN ? IT_IO_LISTENING : IT_IO_BOUND,
                             .flow = io->flow + i,
                             .local = a});
        if (r->refuse)
            return;
    }
}

/* Fetches all that the server has to say. */
static inline void rig_drain(rig *r)
{
    uint8_t buf[65536];
    it_io out;
    int n;
    while ((n = it_turn_server_output(r->s, r->now, &out, buf, sizeof buf)) == 1) {
        if (out.kind == IT_IO_BIND && r->hold)
            r->asked[r->n_asked++] = out;
        else if (out.kind == IT_IO_BIND || out.kind == IT_IO_LISTEN)
            rig_bind(r, &out);
        else if (out.kind == IT_IO_UNBIND)
            r->unbound++;
        else if ((out.kind == IT_IO_DGRAM || out.kind == IT_IO_DATA) && r->n_sent < RIG_SENT) {
            rig_sent *s = &r->sent[r->n_sent++];
            s->io = out;
            ck_assert_uint_le(out.data.n, sizeof s->data);
            if (out.data.n)
                memcpy(s->data, out.data.p, out.data.n);
            s->io.data.p = s->data;
        }
    }
    ck_assert(n == 0 || n == IT_ERR_NOMEM);
}

static inline void rig_start(rig *r)
{
    r->cfg.alloc = r->mem;
    r->s = it_turn_server_new(&r->cfg);
    if (!r->s)
        return;
    rig_input(r, (it_io){.kind = IT_IO_BOUND, .flow = 0, .local = r->here});
    rig_input(r, (it_io){.kind = IT_IO_BOUND, .flow = 1, .local = rig_addr("[2001:db8:1::1]:3478")});
}

static inline void rig_fini(rig *r)
{
    it_turn_server_free(r->s);
    ck_assert_int_eq(r->mem->live, 0);
}

static inline void rig_login(rig *r, const char *user)
{
    const char *password = strcmp(user, "bob") == 0 ? "hunter2" : "secret";
    r->user = user;
    it_stun_longterm_init(&r->lt, it_bytes_str(user), it_bytes_str(password));
}

static inline void rig_begin(rig *r, uint16_t method)
{
    uint8_t txid[IT_STUN_TXID] = {++r->serial};
    it_buf_init(&r->b, r->wire, sizeof r->wire);
    it_stun_begin(&r->b, IT_STUN_REQUEST, method, txid);
}

/* The client has accepted stream |flow| from |client| on. */
static inline void rig_connect(rig *r, uint32_t flow, const char *client)
{
    static const uint8_t ROOM[1];
    r->stream = flow;
    r->client = rig_addr(client);
    rig_input(r, (it_io){.kind = IT_IO_ACCEPTED, .flow = flow, .local = r->here, .remote = r->client});
    it_io room = {.kind = IT_IO_WRITABLE, .flow = flow, .data = it_bytes_of(ROOM, 1 << 20)};
    (void)it_turn_server_input(r->s, r->now, &room);
}

/* Puts in what the client says. */
static inline void rig_client(rig *r, it_bytes d, it_io_meta meta)
{
    it_io in = {.kind = r->stream ? IT_IO_DATA : IT_IO_DGRAM,
                .flow = r->stream ? r->stream : it_ip_is6(r->client.ip),
                .local = r->here,
                .remote = r->client,
                .meta = meta,
                .data = d};
    rig_input(r, in);
}

/* Puts what is in |r|->wire in; true when a response came, which is the last datagram sent. */
static inline bool rig_again(rig *r, size_t n)
{
    r->n_sent = 0;
    rig_client(r, it_bytes_of(r->wire, n), (it_io_meta){.ttl = 0});
    rig_drain(r);
    if (r->n_sent == 0)
        return false;
    return it_stun_parse(&r->resp, r->sent[r->n_sent - 1].io.data) == 0 && r->resp.cls >= IT_STUN_SUCCESS;
}

/* Sends the request that was built, with credentials when there was a challenge. Returns the code of the response, 0:
 * success, -1: none. */
static inline int rig_ask(rig *r)
{
    int code = 0;
    it_stun_longterm_put(&r->lt, &r->b);
    it_stun_longterm_sign(&r->lt, &r->b);
    int n = it_stun_end(&r->b);
    ck_assert_int_gt(n, 0);
    if (!rig_again(r, (size_t)n))
        return -1;
    (void)it_stun_longterm_response(&r->lt, &r->resp, it_bytes_of(r->wire, (size_t)n), NULL);
    if (r->resp.cls == IT_STUN_ERROR)
        ck_assert_int_eq(it_stun_get_error(&r->resp, &code, NULL), 0);
    return code;
}

/* Learns realm and nonce, as |user| at |client|. */
static inline void rig_challenge(rig *r, const char *user)
{
    rig_login(r, user);
    rig_begin(r, IT_STUN_ALLOCATE);
    ck_assert_int_eq(rig_ask(r), 401);
}

static inline void rig_allocate_begin(rig *r)
{
    rig_begin(r, IT_STUN_ALLOCATE);
    it_stun_put_u32(&r->b, IT_STUN_REQUESTED_TRANSPORT, IT_TURN_UDP);
}

/* A plain allocation of |user|. */
static inline void rig_allocate(rig *r, const char *user)
{
    rig_challenge(r, user);
    rig_allocate_begin(r);
    ck_assert_int_eq(rig_ask(r), 0);
}

static inline it_addr rig_relayed(const rig *r)
{
    it_addr a = {{0, 0}, 0};
    ck_assert_int_eq(it_stun_get_addr(&r->resp, IT_STUN_XOR_RELAYED_ADDRESS, &a), 0);
    return a;
}

static inline uint32_t rig_u32(const rig *r, uint16_t type)
{
    uint32_t v = 0;
    ck_assert_int_eq(it_stun_get_u32(&r->resp, type, &v), 0);
    return v;
}

static inline int rig_permit(rig *r, const char *peer)
{
    rig_begin(r, IT_STUN_CREATE_PERMISSION);
    it_stun_put_addr(&r->b, IT_STUN_XOR_PEER_ADDRESS, rig_addr(peer));
    return rig_ask(r);
}

static inline int rig_channel(rig *r, uint32_t number, const char *peer)
{
    rig_begin(r, IT_STUN_CHANNEL_BIND);
    it_stun_put_u32(&r->b, IT_STUN_CHANNEL_NUMBER, number);
    it_stun_put_addr(&r->b, IT_STUN_XOR_PEER_ADDRESS, rig_addr(peer));
    return rig_ask(r);
}

static inline int rig_refresh(rig *r, int lifetime)
{
    rig_begin(r, IT_STUN_REFRESH);
    if (lifetime >= 0)
        it_stun_put_u32(&r->b, IT_STUN_LIFETIME, (uint32_t)lifetime);
    return rig_ask(r);
}

/* Sends bytes of the client as they are. */
static inline void rig_raw(rig *r, it_bytes d, it_io_meta meta)
{
    r->n_sent = 0;
    rig_client(r, d, meta);
    rig_drain(r);
}

static inline void rig_send(rig *r, const char *peer, const char *text, bool df, it_io_meta meta)
{
    uint8_t txid[IT_STUN_TXID] = {9};
    it_buf_init(&r->b, r->wire, sizeof r->wire);
    it_stun_begin(&r->b, IT_STUN_INDICATION, IT_STUN_SEND, txid);
    it_stun_put_addr(&r->b, IT_STUN_XOR_PEER_ADDRESS, rig_addr(peer));
    if (df)
        it_stun_put(&r->b, IT_STUN_DONT_FRAGMENT, it_bytes_of(NULL, 0));
    it_stun_put(&r->b, IT_STUN_DATA_ATTR, it_bytes_str(text));
    int n = it_stun_end(&r->b);
    ck_assert_int_gt(n, 0);
    rig_raw(r, it_bytes_of(r->wire, (size_t)n), meta);
}

static inline void rig_channel_data(rig *r, uint16_t number, const char *text, it_io_meta meta)
{
    size_t n = strlen(text);
    it_turn_channel_head(r->wire, number, n);
    memcpy(r->wire + IT_TURN_CHANNEL_HEAD, text, n);
    rig_raw(r, it_bytes_of(r->wire, IT_TURN_CHANNEL_HEAD + n), meta);
}

/* A datagram of a peer at relayed socket |i|. */
static inline void rig_peer(rig *r, uint32_t i, const char *peer, const char *text, it_io_meta meta)
{
    r->n_sent = 0;
    rig_input(r, (it_io){.kind = IT_IO_DGRAM,
                         .flow = IT_IO_BOUND_FLOW + i,
                         .remote = rig_addr(peer),
                         .meta = meta,
                         .data = it_bytes_str(text)});
    rig_drain(r);
}

/* Runs the clock to |t|, with every tick on the way. */
static inline void rig_until(rig *r, it_time t)
{
    for (it_time next; (next = it_turn_server_next(r->s)) <= t;) {
        r->now = next;
        ck_assert_int_eq(it_turn_server_tick(r->s, r->now), 0);
        ck_assert_int_gt(it_turn_server_next(r->s), r->now);
        rig_drain(r);
    }
    r->now = t;
}

#endif
