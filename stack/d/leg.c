/* The way to the relay: a client of it (stack/wsrelay/client.h, dgram_client.h), by one of the ways there are. */
#include "stack/d/impl.h"

#include <inttypes.h>
#include <stdio.h>

#define STREAM 1u                      /* the first stream's number */
#define RETRY (4 * IT_SEC)             /* where there is no base for any way */
#define FAREWELL (5 * IT_SEC)          /* until a stream that is not closed is reset */
#define SILENCE (1000 * 3600 * IT_SEC) /* of one that asks nothing */

/* --- joining --- */

static bool leg_turn(it_d_relay *r)
{
    bool four = false, six = false;
    for (int i = 0; i < r->n_bases; i++) {
        bool is4 = it_ip_is4(r->base[i].base.ip);
        four |= is4;
        six |= !is4;
    }
    return it_wsrelay_turn_next(&r->leg.turn, r->cfg.way, r->cfg.n_ways, four, six);
}

/* The relay is asked as often as the other end, and is as long without an answer. */
static it_time ping_every(const it_d_relay *r)
{
    return r->cfg.ping ? r->cfg.timers.consent : SILENCE;
}

static it_time ping_wait(const it_d_relay *r)
{
    if (!r->cfg.ping || r->cfg.timers.death <= r->cfg.timers.consent)
        return SILENCE;
    return r->cfg.timers.death - r->cfg.timers.consent;
}

static void join_by_stream(it_d_relay *r, const it_wsrelay_way *way, it_time patience)
{
    d_leg *l = &r->leg;
    char stream[D_NAME + 24];
    it_tls_cfg tls = r->cfg.tls;
    tls.client = true;
    tls.name = r->cfg.host;
    it_wsrelay_client_cfg cfg = {.alloc = r->alloc,
                                 .server = way->server,
                                 .host = way->via.kind == IT_VIA_NONE ? r->cfg.host : NULL,
                                 .room = r->room,
                                 .name = r->id,
                                 .via = way->via,
                                 .tls = way->tls ? &tls : NULL,
                                 .patience = patience,
                                 .ping_every = ping_every(r),
                                 .ping_wait = ping_wait(r)};
    (void)snprintf(stream, sizeof stream, "%s/leg/%" PRIu32, r->name, l->made);
    it_rng_init(&cfg.rng, r->cfg.seed, stream);
    l->ops = &it_wsrelay_client_ops;
    l->client = it_wsrelay_client_new(&cfg);
}

static void join_by_udp(it_d_relay *r, const it_wsrelay_way *way, it_time patience)
{
    d_leg *l = &r->leg;
    it_wsrelay_dgram_cfg cfg = {.alloc = r->alloc, .server = way->server, .room = r->room, .name = r->id};
    cfg.patience = patience;
    /* Of a path without a stream nobody else keeps the mapping of a NAT (RFC 4787 REQ-5). */
    cfg.ping_every = r->cfg.timers.consent;
    cfg.ping_wait = ping_wait(r);
    l->ops = &it_wsrelay_dgram_ops;
    l->client = it_wsrelay_dgram_new(&cfg);
}

static void leg_join(it_d_relay *r, it_time now)
{
    d_leg *l = &r->leg;
    it_time patience = it_wsrelay_turn_patience(&l->turn, r->cfg.n_ways);
    if (!leg_turn(r)) {
        l->at = now + RETRY;
        return;
    }
    const it_wsrelay_way *way = &r->cfg.way[l->turn.at];
    if (way->udp)
        join_by_udp(r, way, patience);
    else
        join_by_stream(r, way, patience);
    l->stream = STREAM + l->made++;
    l->leaving = l->aborted = l->here = false;
    l->at = l->idle_at = IT_NEVER;
    l->base = -1;
    if (!l->client) {
        l->ops = NULL;
        r->events.oom = true;
        return;
    }
    it_d_leg_bases(r, now);
}

static void leg_free(d_leg *l)
{
    l->ops->free(l->client);
    l->client = NULL;
    l->ops = NULL;
}

static bool by_udp(const d_leg *l)
{
    return l->ops == &it_wsrelay_dgram_ops;
}

/* The place of a base from which the relay is reached by UDP; -1. */
static int base_for(const it_d_relay *r)
{
    bool is4 = it_ip_is4(r->cfg.way[r->leg.turn.at].server.ip);
    for (int i = 0; i < r->n_bases; i++)
        if (it_ip_is4(r->base[i].base.ip) == is4)
            return i;
    return -1;
}

void it_d_leg_bases(it_d_relay *r, it_time now)
{
    d_leg *l = &r->leg;
    if (!by_udp(l) || l->leaving)
        return;
    for (int i = 0; i < r->n_bases && l->base >= 0; i++)
        if (r->base[i].flow == l->base)
            return; /* it is there */
    int i = base_for(r);
    l->base = i < 0 ? -1 : r->base[i].flow;
    if (i < 0)
        return;
    if (it_wsrelay_dgram_use(l->client, now, (uint32_t)l->base, r->base[i].base) < 0)
        r->events.oom = true;
    if (!r->conn.has_path)
        return;
    it_conn_path path = it_d_leg_path(r);
    it_conn_use(&r->conn, now, &path);
    it_conn_failover(&r->conn, now, path.path);
}

it_conn_path it_d_leg_path(const it_d_relay *r)
{
    const d_leg *l = &r->leg;
    bool udp = by_udp(l);
    it_conn_path path = {.path = udp ? IT_PATH_RELAY_UDP : IT_PATH_RELAY_TCP};
    path.local_kind = path.remote_kind = IT_ICE_RELAY;
    path.remote = r->cfg.way[l->turn.at].server;
    for (int i = 0; udp && i < r->n_bases; i++)
        if (r->base[i].flow == l->base)
            path.local = r->base[i].base;
    return path;
}

/* --- what it comes to --- */

static it_time leg_earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

/* Why an open connection is over whose way has ended. */
static enum it_reason reason_of(const it_d_relay *r, int why)
{
    switch (why) {
    case IT_WSRELAY_LOCAL:
        return r->n_bases == 0 ? IT_REASON_LINK_DOWN_NO_ALTERNATIVE : IT_REASON_TRANSPORT_RESET;
    case IT_WSRELAY_RESET:
    case IT_WSRELAY_TIMEOUT:
    case IT_WSRELAY_UNREACHABLE:
        return IT_REASON_TRANSPORT_RESET;
    default:
        return IT_REASON_SERVER_LOST;
    }
}

/* The way has ended: the next is tried, unless the connection was open. */
static void leg_down(it_d_relay *r, it_time now, const it_service_event *ev)
{
    d_leg *l = &r->leg;
    char why[64];
    if (ev->code == IT_WSRELAY_PEER) {
        l->here = false;
        it_d_missed(r, now);
        return;
    }
    l->here = false;
    l->leaving = true;
    l->idle_at = now + FAREWELL;
    if (r->conn.opened) {
        (void)snprintf(why, sizeof why, "the stream to the relay has ended: %s", ev->how);
        it_conn_die(&r->conn, now, reason_of(r, ev->code), why);
        return;
    }
    it_d_missed(r, now);
    l->at = now + it_wsrelay_turn_pause(&l->turn, r->cfg.n_ways);
    l->idle_at = leg_earlier(l->idle_at, l->at);
}

void it_d_leg_leave(it_d_relay *r, it_time now)
{
    d_leg *l = &r->leg;
    l->at = IT_NEVER;
    if (!l->client || l->leaving)
        return;
    if (by_udp(l))
        it_wsrelay_dgram_close(l->client, now);
    else
        it_wsrelay_client_close(l->client, now);
    l->here = false;
    l->leaving = true;
    l->idle_at = now + FAREWELL;
}

static void leg_secrets(it_d_relay *r, it_time now)
{
    char line[IT_TLS_LINE_MAX];
    while (!by_udp(&r->leg) && it_wsrelay_client_secret(r->leg.client, line))
        it_conn_emit(&r->conn, now, (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(line)});
}

int it_d_leg_take(it_d_relay *r, it_time now, it_bytes *data)
{
    it_object_event ev;
    int n = 0;
    while (r->leg.client && (n = r->leg.ops->event(r->leg.client, &ev)) > 0) {
        const it_service_event *e = &ev.u.service;
        if (e->kind == IT_SERVICE_UP) {
            r->leg.here = true;
            r->hello_at = now;
            it_d_found(r, now);
        } else if (e->kind == IT_SERVICE_DOWN) {
            leg_down(r, now, e);
        } else if (e->kind == IT_SERVICE_MESSAGE) {
            *data = e->data;
            return 1;
        }
    }
    if (r->leg.client)
        leg_secrets(r, now);
    if (n < 0)
        r->events.oom = true;
    return 0;
}

void it_d_leg_send(it_d_relay *r, it_time now, it_bytes data)
{
    int err = 0;
    if (by_udp(&r->leg))
        err = it_wsrelay_dgram_send(r->leg.client, now, data);
    else if (r->leg.client)
        err = it_wsrelay_client_send(r->leg.client, now, data);
    if (err == IT_ERR_NOMEM)
        r->events.oom = true;
}

/* --- the contract --- */

int it_d_leg_input(it_d_relay *r, it_time now, const it_io *in)
{
    const d_leg *l = &r->leg;
    it_io own = *in;
    uint32_t flow = by_udp(l) ? (uint32_t)l->base : l->stream;
    if (!l->client || flow != in->flow || (in->kind == IT_IO_DGRAM) != by_udp(l))
        return (int)in->data.n; /* of a stream that is gone, or nobody's */
    own.flow = IT_WSRELAY_STREAM;
    return l->ops->input(l->client, now, &own);
}

int it_d_leg_tick(it_d_relay *r, it_time now)
{
    d_leg *l = &r->leg;
    int err = 0;
    if (!l->client) {
        if (l->at <= now)
            leg_join(r, now);
        return 0;
    }
    if (l->ops->next(l->client) <= now)
        err = l->ops->tick(l->client, now);
    if (l->idle_at <= now) {
        l->idle_at = IT_NEVER;
        l->aborted = true;
        if (!by_udp(l))
            it_wsrelay_client_abort(l->client); /* what is left of it goes with the RST */
    }
    return err;
}

it_time it_d_leg_next(const it_d_relay *r)
{
    const d_leg *l = &r->leg;
    if (!l->client)
        return l->at;
    return leg_earlier(l->idle_at, l->ops->next(l->client));
}

static bool leg_over(const d_leg *l)
{
    return by_udp(l) ? it_wsrelay_dgram_over(l->client) : it_wsrelay_client_over(l->client);
}

int it_d_leg_output(it_d_relay *r, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    d_leg *l = &r->leg;
    while (l->client) {
        int n = l->ops->output(l->client, now, out, buf, cap);
        if (n > 0 && !by_udp(l))
            out->flow = l->stream;
        if (n != 0)
            return n;
        if (!l->leaving || !leg_over(l))
            return 0;
        leg_free(l);
        if (l->at <= now)
            leg_join(r, now);
    }
    return 0;
}

void it_d_leg_fini(it_d_relay *r)
{
    if (r->leg.client)
        leg_free(&r->leg);
}
