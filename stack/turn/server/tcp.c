/* TCP allocations (RFC 6062): connections between relayed addresses and peers, and the clients' data connections that
 * are joined to them.
 *
 *     Connect --> CONNECTING --opened: 200, CONNECTION-ID--> PENDING --ConnectionBind--> JOINED, bytes both ways
 *     a peer connects, permitted --ConnectionAttempt-------->   |                           |
 *                     '--447 after 30 s                         '-- ended after 30 s        '-- either end ends both
 *
 * What a peer says before somebody fetches it waits with its host, whose window closes. */
#include "stack/turn/server/impl.h"

#define CONN_LIFE (30 * IT_SEC) /* sections 5.2, 5.3: to connect, and to be fetched */

/* What the peer has said goes a little behind the answer to ConnectionBind: clients (turnutils_uclient) that take it
 * all for the answer when it comes with it are not confused so. */
#define CONN_PAUSE (10 * IT_MS)

enum conn_state { CONNECTING, PENDING, JOINED, ENDING };

typedef struct it_turn_conn {
    enum conn_state state;
    it_stream s; /* with the peer */
    bool paused;
    uint32_t relay, id, client; /* flow of the data connection */
    /* of Connect, until it is answered */
    it_turn_leg leg;
    uint8_t txid[IT_STUN_TXID];
    it_stun_verdict who;
    bool fingerprint;
} conn;

static uint32_t conn_find(const it_map *m, uint64_t key)
{
    return it_map_get(m, &key);
}

static void conn_free(it_turn_server *s, uint32_t c)
{
    conn *x = s->conns[c];
    uint64_t id = x->id, flow = x->s.flow;
    it_map_del(&s->by_id, &id);
    it_map_del(&s->by_peer_flow, &flow);
    it_tourney_set(&s->conn_clock, c, IT_NEVER, c);
    it_bits_del(&s->conn_busy, c);
    it_free(s->cfg.alloc, x);
    s->conns[c] = NULL;
    s->live_conns--;
}

void it_turn_tcp_free_all(it_turn_server *s)
{
    for (uint32_t c = 0; c < s->n_conns; c++)
        if (s->conns[c])
            conn_free(s, c);
    it_free(s->cfg.alloc, s->conns);
}

/* A free place, with room in all tables; IT_TURN_NONE without memory. */
static uint32_t conn_place(it_turn_server *s)
{
    uint32_t c = 0;
    while (c < s->n_conns && s->conns[c])
        c++;
    if (it_grow(s->cfg.alloc, &s->conns, &s->cap_conns, c + 1, sizeof(conn *)) < 0)
        return IT_TURN_NONE;
    if (it_bits_grow(&s->conn_busy, c + 1) < 0 || it_tourney_grow(&s->conn_clock, c + 1) < 0)
        return IT_TURN_NONE;
    if (c == s->n_conns)
        s->conns[s->n_conns++] = NULL;
    return c;
}

/* A connection of relay |r| by stream |flow|, 0: one of our own; IT_TURN_NONE without memory. */
static uint32_t conn_new(it_turn_server *s, it_time now, uint32_t r, uint32_t flow)
{
    uint32_t c = conn_place(s);
    conn *x = c == IT_TURN_NONE ? NULL : it_calloc(s->cfg.alloc, 1, sizeof *x);
    if (!x)
        return IT_TURN_NONE;
    x->relay = r;
    x->s.flow = flow ? flow : IT_TURN_CONN_FLOW + c;
    do /* what anybody could guess anybody could fetch */
        x->id = (uint32_t)it_drbg_u64(&s->secrets);
    while (x->id == 0 || conn_find(&s->by_id, x->id) != IT_MAP_NONE);
    uint64_t id = x->id, key = x->s.flow;
    bool ok = it_map_put(&s->by_id, &id, c) == 0;
    if (ok && it_map_put(&s->by_peer_flow, &key, c) < 0) {
        it_map_del(&s->by_id, &id);
        ok = false;
    }
    if (!ok) {
        it_free(s->cfg.alloc, x);
        return IT_TURN_NONE;
    }
    s->conns[c] = x;
    s->live_conns++;
    it_tourney_set(&s->conn_clock, c, now + CONN_LIFE, c);
    it_bits_add(&s->conn_busy, c);
    return c;
}

/* True when relay |r| may have one more. */
static bool conn_room(const it_turn_server *s, uint32_t r)
{
    uint32_t n = 0;
    for (uint32_t c = 0; c < s->n_conns; c++)
        n += s->conns[c] && s->conns[c]->relay == r && s->conns[c]->state != ENDING;
    return n < s->t.limits.connections && s->live_conns < s->t.limits.streams;
}

/* Ends connection |c| at once, and the data connection with it (section 5.5). Returns 0 or IT_ERR_NOMEM. */
static int conn_end(it_turn_server *s, it_time now, uint32_t c)
{
    conn *x = s->conns[c];
    it_turn_stream *st = x->state == JOINED ? it_turn_stream_of(s, x->client) : NULL;
    it_stream_reset(&x->s);
    x->state = ENDING;
    x->relay = IT_TURN_NONE;
    it_tourney_set(&s->conn_clock, c, IT_NEVER, c);
    it_bits_add(&s->conn_busy, c);
    if (!st)
        return 0;
    st->conn = IT_TURN_NONE;
    return it_turn_stream_end(s, now, st, true);
}

/* --- Connect --- */

static it_turn_job job_of(it_time now, const conn *x)
{
    it_turn_job j;
    j.now = now;
    j.leg = x->leg;
    j.req.method = IT_STUN_CONNECT;
    memcpy(j.req.txid, x->txid, sizeof x->txid);
    j.who = x->who;
    j.user = 0;
    j.allocation = IT_TURN_NONE;
    j.connection = x->id;
    j.fingerprint = x->fingerprint;
    j.code = j.n_unknown = j.err = 0;
    j.later = j.ticket = false;
    j.lifetime = 0;
    return j;
}

/* Answers the Connect request that connection |c| was opened for. Returns 0 or IT_ERR_NOMEM. */
static int conn_answer(it_turn_server *s, it_time now, uint32_t c, int code)
{
    it_turn_job j = job_of(now, s->conns[c]);
    j.code = code;
    j.user = (uint32_t)j.who.user;
    it_turn_respond(s, &j);
    return j.err;
}

void it_turn_put_connected(const it_turn_server *s, const it_turn_job *j, it_buf *b)
{
    (void)s;
    it_stun_put_u32(b, IT_STUN_CONNECTION_ID, j->connection);
}

/* True when relay |r| has a connection with |peer|. */
static bool conn_exists(const it_turn_server *s, uint32_t r, it_addr peer)
{
    for (uint32_t c = 0; c < s->n_conns; c++)
        if (s->conns[c] && s->conns[c]->relay == r && it_addr_eq(s->conns[c]->s.remote, peer))
            return true;
    return false;
}

/* RFC 6062 section 5.2: what is wrong with |j|, 0: nothing, then |*r| and |*peer|. */
static int connect_check(const it_turn_server *s, const it_turn_job *j, uint32_t *r, it_addr *peer)
{
    const it_stun_attr *to = it_stun_get(&j->req, IT_STUN_XOR_PEER_ADDRESS);
    if (!to || !it_turn_allocation_at(&s->t, j->allocation)->tcp)
        return 400;
    int code = it_turn_peer_relay(s, j, (uint32_t)(to - j->req.attrs), peer, r);
    if (code)
        return code;
    if (conn_exists(s, *r, *peer))
        return 446;
    if (!it_turn_peer_allowed(s, *peer, true))
        return 403;
    return conn_room(s, *r) ? 0 : 508;
}

void it_turn_connect(it_turn_server *s, it_turn_job *j)
{
    uint32_t r = IT_TURN_NONE;
    it_addr peer;
    j->code = connect_check(s, j, &r, &peer);
    if (j->code)
        return;
    uint32_t c = conn_new(s, j->now, r, 0);
    if (c == IT_TURN_NONE) {
        j->code = 508;
        j->err = IT_ERR_NOMEM;
        return;
    }
    conn *x = s->conns[c];
    x->leg = j->leg;
    memcpy(x->txid, j->req.txid, sizeof x->txid);
    x->who = j->who;
    x->fingerprint = j->fingerprint;
    it_stream_open(&x->s, x->s.flow, it_turn_relay_at(&s->t, r)->addr, peer);
    j->later = true;
}

/* --- ConnectionBind --- */

it_addr it_turn_tcp_owner(const it_turn_server *s, const it_turn_job *j)
{
    uint32_t id = 0;
    if (j->req.method != IT_STUN_CONNECTION_BIND || it_stun_get_u32(&j->req, IT_STUN_CONNECTION_ID, &id) < 0)
        return j->leg.remote;
    uint32_t c = conn_find(&s->by_id, id);
    if (c == IT_MAP_NONE || s->conns[c]->state != PENDING)
        return j->leg.remote;
    uint32_t a = it_turn_relay_at(&s->t, s->conns[c]->relay)->allocation;
    return a == IT_TURN_NONE ? j->leg.remote : it_turn_allocation_at(&s->t, a)->leg.remote;
}

/* RFC 6062 section 5.4. The connection in |*c|, or the code of the error. */
static int bind_check(const it_turn_server *s, const it_turn_job *j, uint32_t *c)
{
    uint32_t id = 0;
    if (!it_turn_leg_is_stream(&j->leg) || it_turn_table_find(&s->t, &j->leg) != IT_TURN_NONE)
        return 400;
    if (it_stun_get_u32(&j->req, IT_STUN_CONNECTION_ID, &id) < 0)
        return 400;
    *c = conn_find(&s->by_id, id);
    if (*c == IT_MAP_NONE || s->conns[*c]->state != PENDING)
        return 400;
    return it_turn_relay_at(&s->t, s->conns[*c]->relay)->user == j->user ? 0 : 441;
}

void it_turn_connection_bind(it_turn_server *s, it_turn_job *j)
{
    uint32_t c = IT_TURN_NONE;
    j->code = bind_check(s, j, &c);
    it_turn_stream *st = j->code ? NULL : it_turn_stream_of(s, j->leg.flow);
    if (!st)
        return;
    it_turn_respond(s, j); /* the last message of this stream */
    j->later = true;
    conn *x = s->conns[c];
    x->state = JOINED;
    x->client = j->leg.flow;
    x->paused = true;
    it_tourney_set(&s->conn_clock, c, j->now + CONN_PAUSE, c);
    it_turn_stream_join(s, st, c);
    s->stats.connections++;
    if (!x->s.fin_in)
        return;
    int err = it_turn_stream_end(s, j->now, st, false);
    j->err = j->err < 0 ? j->err : err;
}

/* --- peers --- */

/* Tells the client of relay |r| that a peer has connected (section 5.3). */
static int tell_attempt(it_turn_server *s, it_time now, uint32_t r, const conn *x)
{
    uint8_t buf[64], txid[IT_STUN_TXID];
    it_buf b;
    const it_turn_allocation *a = it_turn_allocation_at(&s->t, it_turn_relay_at(&s->t, r)->allocation);
    it_rng_bytes(&s->rng, txid, sizeof txid);
    it_buf_init(&b, buf, sizeof buf);
    it_stun_begin(&b, IT_STUN_INDICATION, IT_STUN_CONNECTION_ATTEMPT, txid);
    it_stun_put_addr(&b, IT_STUN_XOR_PEER_ADDRESS, x->s.remote);
    it_stun_put_u32(&b, IT_STUN_CONNECTION_ID, x->id);
    int n = it_stun_end(&b);
    IT_ASSERT(n > 0);
    const it_bytes parts[3] = {it_bytes_of(buf, (size_t)n), {NULL, 0}, {NULL, 0}};
    int err = a->cut ? IT_ERR_FULL : it_turn_send(s, now, &a->leg, parts, (it_io_meta){.frag = true}, 0);
    return err == IT_ERR_NOMEM ? err : 0;
}

/* A peer has connected to relay |r|. RFC 6062 section 5.3. */
static int peer_accepted(it_turn_server *s, it_time now, uint32_t r, const it_io *in)
{
    bool may = it_turn_table_permitted(&s->t, r, in->remote.ip) && conn_room(s, r);
    uint32_t c = conn_new(s, now, r, in->flow);
    if (c == IT_TURN_NONE)
        return IT_ERR_NOMEM;
    conn *x = s->conns[c];
    it_stream_accept(&x->s, in);
    x->state = PENDING;
    if (may)
        return tell_attempt(s, now, r, x);
    s->stats.denied++;
    return conn_end(s, now, c); /* closed as soon as it was accepted */
}

/* Bytes of the peer: to the client, or they wait. */
static int peer_data(it_turn_server *s, it_time now, uint32_t c, it_bytes data)
{
    conn *x = s->conns[c];
    it_turn_stream *st = x->state == JOINED ? it_turn_stream_of(s, x->client) : NULL;
    if (x->state == ENDING)
        return (int)data.n;
    int n = st && !x->paused ? it_turn_stream_bytes(s, now, st, data) : 0;
    if (n > 0)
        s->stats.bytes_down += (uint64_t)n;
    return n < 0 ? n : it_stream_took(&x->s, data.n, (size_t)n);
}

/* The peer's stream is gone, or will say no more. */
static int peer_ended(it_turn_server *s, it_time now, uint32_t c, const it_io *in)
{
    conn *x = s->conns[c];
    bool reset = in->kind == IT_IO_RST;
    int err = 0;
    it_stream_input(&x->s, in);
    if (x->state == CONNECTING && reset)
        err = conn_answer(s, now, c, 447);
    it_turn_stream *st = x->state == JOINED ? it_turn_stream_of(s, x->client) : NULL;
    if (st && err == 0)
        err = it_turn_stream_end(s, now, st, reset);
    if (st && reset)
        st->conn = IT_TURN_NONE;
    return err;
}

/* It is open: the client that asked for it is told. */
static int peer_opened(it_turn_server *s, it_time now, uint32_t c, const it_io *in)
{
    conn *x = s->conns[c];
    it_stream_input(&x->s, in);
    if (x->state != CONNECTING)
        return 0;
    x->state = PENDING;
    it_tourney_set(&s->conn_clock, c, now + CONN_LIFE, c);
    return conn_answer(s, now, c, 0);
}

/* Frees connection |c| when nothing of its stream is left. */
static void conn_free_if_over(it_turn_server *s, uint32_t c)
{
    const conn *x = s->conns[c];
    if (it_stream_alive(&x->s) || x->s.rst_due)
        return;
    it_turn_stream *st = x->state == JOINED ? it_turn_stream_of(s, x->client) : NULL;
    if (st)
        st->conn = IT_TURN_NONE;
    conn_free(s, c);
}

bool it_turn_tcp_input(it_turn_server *s, it_time now, const it_io *in, int *n)
{
    if (!s->cfg.tcp_peers)
        return false;
    uint32_t c = conn_find(&s->by_peer_flow, in->flow);
    if (c == IT_MAP_NONE) {
        uint32_t r = IT_TURN_NONE;
        if (in->kind == IT_IO_ACCEPTED)
            r = it_turn_table_by_addr(&s->t, in->local, true);
        *n = r == IT_TURN_NONE ? 0 : peer_accepted(s, now, r, in);
        return r != IT_TURN_NONE;
    }
    it_bits_add(&s->conn_busy, c);
    if (in->kind == IT_IO_DATA) {
        *n = peer_data(s, now, c, in->data);
        return true;
    }
    *n = 0;
    if (in->kind == IT_IO_OPENED)
        *n = peer_opened(s, now, c, in);
    else if (in->kind == IT_IO_FIN || in->kind == IT_IO_RST)
        *n = peer_ended(s, now, c, in);
    else
        it_stream_input(&s->conns[c]->s, in);
    conn_free_if_over(s, c);
    return true;
}

/* --- the client's end --- */

int it_turn_tcp_client_bytes(it_turn_server *s, it_time now, it_turn_stream *st, it_bytes data)
{
    (void)now;
    if (st->conn == IT_TURN_NONE)
        return (int)data.n;
    conn *x = s->conns[st->conn];
    size_t n = it_stream_write(&x->s, data);
    it_bits_add(&s->conn_busy, st->conn);
    s->stats.bytes_up += n;
    return (int)n;
}

void it_turn_tcp_client_fin(it_turn_server *s, uint32_t c)
{
    it_stream_finish(&s->conns[c]->s);
    it_bits_add(&s->conn_busy, c);
}

void it_turn_tcp_client_gone(it_turn_server *s, uint32_t c)
{
    conn *x = s->conns[c];
    x->state = ENDING;
    if (!x->s.fin_in || !x->s.fin_due)
        it_stream_reset(&x->s);
    it_bits_add(&s->conn_busy, c);
}

void it_turn_tcp_read_on(it_turn_server *s, uint32_t c)
{
    it_stream_read_on(&s->conns[c]->s);
    it_bits_add(&s->conn_busy, c);
}

size_t it_turn_tcp_space(const it_turn_server *s, uint32_t c)
{
    return it_stream_space(&s->conns[c]->s);
}

/* --- out, and time --- */

int it_turn_tcp_output(it_turn_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (uint32_t c = it_bits_next(&s->conn_busy, 0); c != IT_BITS_NONE; c = it_bits_next(&s->conn_busy, c + 1)) {
        conn *x = s->conns[c];
        int n = it_stream_output(&x->s, out, buf, cap);
        it_turn_stream *st = n > 0 || x->state != JOINED ? NULL : it_turn_stream_of(s, x->client);
        if (st) { /* there is room for what the client says */
            n = it_turn_stream_pull(s, now, st);
            n = n < 0 ? n : it_stream_output(&x->s, out, buf, cap);
        }
        if (n == 0)
            it_bits_del(&s->conn_busy, c);
        conn_free_if_over(s, c);
        if (n != 0)
            return n;
    }
    return 0;
}

int it_turn_tcp_tick(it_turn_server *s, it_time now)
{
    int err = 0;
    while (it_turn_tcp_next(s) <= now) {
        uint32_t c = it_tourney_first(&s->conn_clock);
        if (s->conns[c]->state == JOINED) {
            s->conns[c]->paused = false;
            it_tourney_set(&s->conn_clock, c, IT_NEVER, c);
            it_turn_tcp_read_on(s, c);
            continue;
        }
        int one = s->conns[c]->state == CONNECTING ? conn_answer(s, now, c, 447) : 0;
        int end = conn_end(s, now, c);
        one = one < 0 ? one : end;
        err = err < 0 ? err : one;
    }
    return err;
}

int it_turn_tcp_tidy(it_turn_server *s, it_time now)
{
    int err = 0;
    if (!s->cfg.tcp_peers)
        return 0;
    for (uint32_t r = it_bits_next(&s->t.ended, 0); r != IT_BITS_NONE; r = it_bits_next(&s->t.ended, r + 1)) {
        it_bits_del(&s->t.ended, r);
        for (uint32_t c = 0; c < s->n_conns; c++) {
            if (!s->conns[c] || s->conns[c]->relay != r)
                continue;
            int one = conn_end(s, now, c);
            err = err < 0 ? err : one;
        }
    }
    return err;
}

it_time it_turn_tcp_next(const it_turn_server *s)
{
    return s->live_conns ? s->conn_clock.time[it_tourney_first(&s->conn_clock)] : IT_NEVER;
}
