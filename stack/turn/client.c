/* The client as a protocol object: its life, its queues, its transport. */
#include "stack/turn/client_impl.h"

it_turn_client *it_turn_client_new(const it_turn_client_cfg *cfg, it_time now)
{
    it_turn_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    c->origin = cfg->server;
    c->rng = cfg->rng;
    if (c->cfg.timing.rto <= 0)
        c->cfg.timing = IT_STUN_TIMING_DEFAULT;
    if (cfg->tls) {
        c->secure = true;
        c->tls = *cfg->tls;
        c->tls.alloc = cfg->alloc;
        c->origin_name = cfg->tls->name;
    }
    IT_ASSERT(!cfg->tcp || (cfg->stream && !cfg->even && !cfg->has_token && !cfg->dont_fragment));
    if (cfg->stream) /* RFC 8489 section 6.2.2: no retransmissions, and one wait */
        c->cfg.timing = (it_stun_timing){IT_TURN_TI, 1, 1};
    it_layers_init(&c->ls, cfg->alloc, &c->s);
    c->trans = it_stun_trans_new(cfg->alloc);
    if (c->trans && it_turn_client_start(c, now) == 0)
        return c;
    it_turn_client_free(c);
    return NULL;
}

void it_turn_client_free(it_turn_client *c)
{
    if (!c)
        return;
    it_alloc *a = c->cfg.alloc;
    for (size_t i = 0; i < IT_TURN_CLIENT_HELD; i++)
        it_free(a, c->held[i].data.p);
    for (size_t i = 0; i < IT_TURN_CLIENT_QUEUE; i++) {
        it_free(a, c->ring[i].p);
        it_free(a, c->said[i].data.p);
    }
    it_turn_client_conns_free(c);
    it_layers_fini(&c->ls);
    it_tls_dgram_free(c->dtls);
    it_stun_trans_free(c->trans);
    it_free(a, c->permissions);
    it_free(a, c->channels);
    it_free(a, c);
}

int it_turn_client_fill(it_turn_client *c, it_turn_client_packet *p, const it_bytes parts[3])
{
    size_t n = parts[0].n + parts[1].n + parts[2].n;
    if (p->cap < n || !p->p) {
        size_t cap = n < 256 ? 256 : n;
        uint8_t *v = it_realloc(c->cfg.alloc, p->p, cap, 1);
        if (!v)
            return IT_ERR_NOMEM;
        p->p = v;
        p->cap = cap;
    }
    p->n = 0;
    for (int i = 0; i < 3; i++) {
        if (parts[i].n)
            memcpy(p->p + p->n, parts[i].p, parts[i].n);
        p->n += parts[i].n;
    }
    return 0;
}

int it_turn_client_put(it_turn_client *c, it_time now, const it_bytes parts[3])
{
    if (c->n == IT_TURN_CLIENT_QUEUE)
        return IT_ERR_FULL;
    it_turn_client_packet *p = &c->ring[(c->first + c->n) % IT_TURN_CLIENT_QUEUE];
    int err = it_turn_client_fill(c, p, parts);
    if (err < 0)
        return err;
    if (c->cfg.stream)
        return it_turn_client_write_message(c, now, it_bytes_of(p->p, p->n));
    if (c->dtls)
        return it_turn_client_dtls_write(c, now, it_bytes_of(p->p, p->n));
    c->n++;
    return 0;
}

int it_turn_client_say(it_turn_client *c, const it_turn_client_event *ev)
{
    bool data = ev->kind == IT_TURN_CLIENT_DATA || ev->kind == IT_TURN_CLIENT_ERROR;
    uint32_t most = data ? IT_TURN_CLIENT_DATA_MAX : IT_TURN_CLIENT_QUEUE;
    if (c->n_said >= most)
        return 0;
    it_turn_client_said *said = &c->said[(c->first_said + c->n_said) % IT_TURN_CLIENT_QUEUE];
    const it_bytes parts[3] = {ev->data, {NULL, 0}, {NULL, 0}};
    int err = data ? it_turn_client_fill(c, &said->data, parts) : 0;
    if (err < 0)
        return err;
    said->ev = *ev;
    c->n_said++;
    return 0;
}

int it_turn_client_event_next(it_turn_client *c, it_turn_client_event *ev)
{
    if (c->n_said == 0)
        return it_turn_client_conns_event(c, ev);
    const it_turn_client_said *said = &c->said[c->first_said];
    c->first_said = (c->first_said + 1) % IT_TURN_CLIENT_QUEUE;
    c->n_said--;
    *ev = said->ev;
    if (ev->data.n)
        ev->data.p = said->data.p;
    return 1;
}

/* --- commands --- */

int it_turn_client_close(it_turn_client *c, it_time now)
{
    c->closing = true;
    c->again = false;
    switch (c->state) {
    case IT_TURN_ALLOCATED:
        it_turn_client_forget_peers(c);
        it_turn_client_conns_end(c);
        it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_REFRESH << 32);
        it_stun_trans_end_tag(c->trans, (uint64_t)IT_TURN_ASK_MOVE << 32);
        c->state = IT_TURN_DELETING;
        return it_turn_client_ask(c, now, IT_TURN_ASK_DELETE, 0);
    case IT_TURN_ALLOCATING: /* the answer may have made one: it is deleted when it comes */
    case IT_TURN_DELETING:
    case IT_TURN_CLOSED:
        return 0;
    default:
        return it_turn_client_closed(c, now);
    }
}

void it_turn_client_abort(it_turn_client *c)
{
    it_turn_client_end_transactions(c);
    c->n = 0;
    c->closing = true;
    c->state = IT_TURN_CLOSED;
    if (c->cfg.stream && it_stream_alive(&c->s))
        it_stream_reset(&c->s);
}

it_addr it_turn_client_server(const it_turn_client *c)
{
    return c->cfg.server;
}

bool it_turn_client_over(const it_turn_client *c)
{
    if (c->state != IT_TURN_CLOSED && c->state != IT_TURN_FAILED)
        return false;
    if (!c->cfg.stream)
        return c->n == 0 && !(c->dtls && it_tls_dgram_waits(c->dtls));
    return !it_stream_alive(&c->s) && !c->s.rst_due && it_turn_client_conns_over(c);
}

int it_turn_client_rebase(it_turn_client *c, it_time now, uint32_t flow, it_addr local)
{
    if (c->state != IT_TURN_FAILED)
        return IT_ERR_STATE;
    c->cfg.flow = flow;
    c->cfg.local = local;
    return it_turn_client_start(c, now);
}

/* --- in --- */

int it_turn_client_message(it_turn_client *c, it_time now, it_bytes d)
{
    it_stun_msg m;
    enum it_turn_message kind = it_turn_message_kind(d);
    if (kind == IT_TURN_MESSAGE_CHANNEL)
        return it_turn_client_from_channel(c, now, d);
    if (kind == IT_TURN_MESSAGE_OTHER || it_stun_parse(&m, d) < 0)
        return 0;
    if (m.cls == IT_STUN_REQUEST)
        return 0;
    if (m.cls != IT_STUN_INDICATION)
        return it_turn_client_response(c, now, c->cfg.flow, &m);
    if (m.method == IT_STUN_DATA)
        return it_turn_client_from_indication(c, now, &m);
    return m.method == IT_STUN_CONNECTION_ATTEMPT ? it_turn_client_attempt(c, now, &m) : 0;
}

static int client_timeouts(it_turn_client *c, it_time now)
{
    uint8_t txid[IT_STUN_TXID];
    uint64_t tag;
    int err = 0;
    while (err == 0 && it_stun_trans_timeout(c->trans, &tag, txid))
        err = it_turn_client_timeout(c, now, tag);
    return err;
}

/* Takes something of the server's on the socket. Returns 0 or IT_ERR_NOMEM. */
static int client_hear(it_turn_client *c, it_time now, const it_io *in)
{
    if (in->kind == IT_IO_ERROR)
        return it_stun_trans_error(c->trans, in) ? client_timeouts(c, now) : 0;
    if (in->kind != IT_IO_DGRAM)
        return 0;
    if (c->secure)
        return it_turn_client_dtls_input(c, now, in->data);
    return it_turn_client_message(c, now, in->data);
}

int it_turn_client_input(it_turn_client *c, it_time now, const it_io *in)
{
    it_turn_client_conn *x = it_turn_client_conn_of(c, in->flow);
    if (x)
        return it_turn_client_conn_input(c, now, x, in);
    if (c->cfg.stream)
        return it_turn_client_stream_input(c, now, in);
    /* RFC 8656 section 11: what is not from the server is not of this allocation. */
    if (in->flow != c->cfg.flow || !it_addr_eq(in->remote, c->cfg.server))
        return (int)in->data.n;
    int err = client_hear(c, now, in);
    return err < 0 ? err : (int)in->data.n;
}

/* --- time --- */

/* Keeps the allocation and what belongs to it. */
static int client_keep(it_turn_client *c, it_time now)
{
    int err = 0;
    if (c->expiry <= now)
        return it_turn_client_lost(c, now, 408, "it was not refreshed in time (RFC 8656 section 8)");
    if (c->moving)
        return 0;
    if (c->refresh <= now) {
        c->refresh = IT_NEVER;
        err = it_turn_client_ask(c, now, IT_TURN_ASK_REFRESH, 0);
    }
    return err < 0 ? err : it_turn_client_peer_tick(c, now);
}

/* Runs the timers of requests, and of what the server is spoken to by. Returns 0 or IT_ERR_NOMEM. */
static int client_ways_tick(it_turn_client *c, it_time now)
{
    int err = it_stun_trans_tick(c->trans, now);
    if (err == 0)
        err = client_timeouts(c, now);
    if (err == 0 && c->held_back)
        err = it_turn_client_read_messages(c, now);
    if (err == 0)
        err = it_turn_client_dtls_tick(c, now);
    if (err == 0)
        err = it_turn_client_conns_tick(c, now);
    return err;
}

int it_turn_client_tick(it_turn_client *c, it_time now)
{
    int err = client_ways_tick(c, now);
    if (err < 0)
        return err;
    if (c->state == IT_TURN_WAITING && c->when <= now)
        return it_turn_client_start(c, now);
    if (c->state != IT_TURN_ALLOCATED)
        return 0;
    return client_keep(c, now);
}

static it_time earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_turn_client_next(const it_turn_client *c)
{
    it_time next = it_stun_trans_next(c->trans);
    if (c->held_back && c->n_said < IT_TURN_CLIENT_DATA_MAX)
        return 0; /* events were taken */
    if (c->dtls)
        next = earlier(next, it_turn_client_dtls_next(c));
    if (c->state == IT_TURN_WAITING)
        next = earlier(next, c->when);
    next = earlier(next, it_turn_client_conns_next(c));
    if (c->state != IT_TURN_ALLOCATED)
        return next;
    next = earlier(next, c->expiry);
    if (!c->moving)
        next = earlier(earlier(next, it_turn_client_peer_next(c)), c->refresh);
    return next;
}

/* --- out --- */

/* The next request by DTLS, once that is there. */
static int client_request_dtls(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    while (!it_turn_client_dtls_shakes_hands(c)) {
        int n = it_stun_trans_output(c->trans, now, out, buf, cap);
        n = n > 0 ? it_turn_client_dtls_write(c, now, out->data) : n;
        if (n < 0 && n != IT_ERR_FULL)
            return n;
        if (n == 0 || it_tls_dgram_waits(c->dtls))
            break;
    }
    return it_turn_client_dtls_output(c, out, buf, cap);
}

/* The next request, of a stream into the stream. */
static int client_request_out(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n = 0;
    if (c->dtls)
        return client_request_dtls(c, now, out, buf, cap);
    while (!c->cfg.stream || it_stream_space(&c->s) >= IT_IO_DGRAM_MAX) {
        n = it_stun_trans_output(c->trans, now, out, buf, cap);
        if (n <= 0 || !c->cfg.stream)
            return n;
        if (out->flow == c->cfg.flow)
            n = it_turn_client_write_message(c, now, out->data);
        else
            n = it_turn_client_conn_request(c, now, out);
        if (n < 0)
            return n == IT_ERR_NOMEM ? n : 0;
    }
    return 0;
}

/* What streams put out, the control connection first. */
static int client_stream_output(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n = it_layers_output(&c->ls, now, out, buf, cap);
    return n ? n : it_turn_client_conns_output(c, now, out, buf, cap);
}

int it_turn_client_output(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n = client_request_out(c, now, out, buf, cap);
    if (n != 0)
        return n;
    if (c->cfg.stream)
        return client_stream_output(c, now, out, buf, cap);
    while (c->n > 0) {
        const it_turn_client_packet *p = &c->ring[c->first];
        c->first = (c->first + 1) % IT_TURN_CLIENT_QUEUE;
        c->n--;
        if (p->n > cap)
            continue;
        memcpy(buf, p->p, p->n);
        *out = (it_io){.kind = IT_IO_DGRAM,
                       .flow = c->cfg.flow,
                       .local = c->cfg.local,
                       .remote = c->cfg.server,
                       .data = it_bytes_of(buf, p->n)};
        return 1;
    }
    return 0;
}
