/* Model B's last way: a relay of datagrams over WebSocket (stack/wsrelay/client.h), where a network lets out nothing
 * but the web, by a proxy where it wants that.
 *
 *     far side heard -> |after| -> join -> UP: a tunnel of ICE, whose pair comes after all others -> checks, DTLS
 *                         ^          |
 *                         +- pause --+- DOWN: the next target; where the selected pair went by it, a restart
 *
 * Each transport has a room of its own, whose name both sides know by their descriptions and nobody else; nothing is
 * told but that there is such a relay. What is not selected is given back when another pair is. */
#include "stack/b/impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WEB_FLOW 0x08000000u      /* of the tunnels, by number of transport */
#define WEB_STREAM 0x0c000000u    /* of the clients' streams */
#define WEB_RETRY (4 * IT_SEC)    /* where there is no base for any way */
#define WEB_FAREWELL (5 * IT_SEC) /* until a stream that is not closed is reset */
#define WEB_ROOM 40               /* hexadecimal digits of a room */

static uint32_t web_flow(int t)
{
    return WEB_FLOW + (uint32_t)t;
}

int it_b_web_transport(uint32_t flow)
{
    return flow >= WEB_FLOW && flow < WEB_FLOW + B_TRANSPORTS ? (int)(flow - WEB_FLOW) : -1;
}

/* What end |which| of transport |t|'s tunnel is called (RFC 6666). */
static it_addr web_addr(int t, int which)
{
    return it_addr_of((it_ip){UINT64_C(0x0100) << 48, (uint64_t)which}, (uint16_t)(t + 1));
}

/* Both sides order themselves alike, by the numbers of their sessions. */
static int own_end(const it_b *b)
{
    return b->session < b->far_session ? 1 : 2;
}

/* True when the selected pair of transport |t| is its tunnel. */
static bool web_selected(const it_b *b, int t)
{
    const b_transport *x = &b->transport[t];
    it_ice_pair_view pair;
    return it_ice_selected(b->ice, x->stream, x->component, &pair) == 0 && pair.local.flow == (int)web_flow(t);
}

/* True while transport |t| has no pair in this generation. */
static bool web_wanted(const it_b *b, int t)
{
    const b_transport *x = &b->transport[t];
    return b->web_met && it_b_lives(x) && x->selected_generation != b->generation + 1;
}

it_addr it_b_web_server(const it_b *b, int t)
{
    return b->cfg.web.target[b->transport[t].web.turn.at].server;
}

/* --- joining --- */

static it_time web_after(const it_b *b)
{
    return b->cfg.web.after ? b->cfg.web.after : IT_B_WEB_AFTER;
}

/* The room of transport |t|: a secret of the two, as their descriptions are. */
static void room_name(const it_b *b, int t, char out[IT_WSRELAY_ROOM + 1])
{
    const uint8_t *own = it_dtls_cert_fingerprint(b->cfg.cert), *far = b->far_prints[0];
    bool first = own_end(b) == 1;
    uint8_t digest[IT_SHA256_SIZE];
    char numbers[64];
    snprintf(numbers, sizeof numbers, "icetank relay %" PRIu64 " %" PRIu64 " %d", first ? b->session : b->far_session,
             first ? b->far_session : b->session, t);
    it_sha256(digest, it_bytes_str(numbers), it_bytes_of(first ? own : far, IT_SHA256_SIZE),
              it_bytes_of(first ? far : own, IT_SHA256_SIZE));
    it_bytes_hex(it_bytes_of(digest, WEB_ROOM / 2), out);
}

/* Lets |w| try the next target that may be reached; false: there is none. */
static bool target_next(const it_b *b, b_web *w)
{
    bool four = false, six = false;
    for (int i = 0; i < b->n_bases; i++) {
        bool is4 = it_ip_is4(b->bases[i].base.ip);
        four |= is4;
        six |= !is4;
    }
    return it_wsrelay_turn_next(&w->turn, b->cfg.web.target, b->cfg.web.n, four, six);
}

static void web_join(it_b *b, it_time now, int t)
{
    b_web *w = &b->transport[t].web;
    char room[IT_WSRELAY_ROOM + 1], name[24], stream[B_NAME + 32];
    it_time patience = it_wsrelay_turn_patience(&w->turn, b->cfg.web.n);
    if (!target_next(b, w)) {
        w->at = now + WEB_RETRY;
        return;
    }
    const it_wsrelay_way *target = &b->cfg.web.target[w->turn.at];
    it_tls_cfg tls = b->cfg.web.tls;
    tls.client = true;
    tls.name = b->cfg.web.name;
    room_name(b, t, room);
    snprintf(name, sizeof name, "%016" PRIx64, b->session);
    it_wsrelay_client_cfg cfg = {.alloc = b->alloc,
                                 .server = target->server,
                                 .host = target->via.kind == IT_VIA_NONE ? b->cfg.web.name : NULL,
                                 .room = room,
                                 .name = name,
                                 .via = target->via,
                                 .tls = target->tls ? &tls : NULL,
                                 .patience = patience};
    snprintf(stream, sizeof stream, "%s/web/%d.%" PRIu32, b->name, t, b->last_web);
    it_rng_init(&cfg.rng, b->cfg.seed, stream);
    w->client = it_wsrelay_client_new(&cfg);
    w->stream = WEB_STREAM + b->last_web++;
    w->leaving = w->aborted = w->up = false;
    w->idle_at = w->at = IT_NEVER;
    if (!w->client)
        b->events.oom = true;
}

/* Joins, unless another pair works already and only waits to be chosen. */
static void web_begin(it_b *b, it_time now, int t)
{
    b_transport *x = &b->transport[t];
    if (x->conn.has_path && !x->conn.settled)
        x->web.at = now + web_after(b);
    else
        web_join(b, now, t);
}

static void web_free(b_web *w)
{
    it_wsrelay_client_ops.free(w->client);
    w->client = NULL;
}

/* --- what it comes to --- */

static int web_up(it_b *b, it_time now, int t)
{
    b_transport *x = &b->transport[t];
    int end = own_end(b);
    x->web.turn.tries = 0;
    if (x->web.up || !it_b_lives(x))
        return 0;
    int err = it_ice_add_tunnel(b->ice, now, x->stream, x->component, (int)web_flow(t), web_addr(t, end),
                                web_addr(t, 3 - end));
    x->web.up = err == 0;
    return err == IT_ERR_NOMEM ? err : 0;
}

/* ICE is to do without the tunnel of transport |t|. */
static void web_drop(it_b *b, it_time now, int t)
{
    b_transport *x = &b->transport[t];
    if (!x->web.up)
        return;
    x->web.up = false;
    it_gate_drop_base(&b->gate, (int)web_flow(t));
    if (x->conn.has_path && x->conn.path.flow == (int)web_flow(t))
        it_conn_lose(&x->conn);
    it_ice_remove_base(b->ice, now, (int)web_flow(t));
}

/* The client of transport |t| has ended, or the far side has left its room. */
static void web_down(it_b *b, it_time now, int t, const it_service_event *ev)
{
    b_web *w = &b->transport[t].web;
    bool ours = web_selected(b, t);
    /* Who comes back finds a path that has only been silent. */
    if (ev->code == IT_WSRELAY_PEER && ours)
        return;
    web_drop(b, now, t);
    if (ev->code == IT_WSRELAY_PEER)
        return;
    w->leaving = true;
    w->idle_at = now + WEB_FAREWELL;
    w->at = now + it_wsrelay_turn_pause(&w->turn, b->cfg.web.n);
    if (!ours)
        return;
    it_conn_lost(&b->transport[t].conn, now);
    it_b_stream_ended(b, now, &b->transport[t], "the relay over WebSocket has ended");
}

/* Gives the client of transport |t| back, in order. */
static void web_leave(it_b *b, it_time now, int t)
{
    b_web *w = &b->transport[t].web;
    web_drop(b, now, t);
    it_wsrelay_client_close(w->client, now);
    w->leaving = true;
    w->idle_at = now + WEB_FAREWELL;
}

void it_b_web_begin(it_b *b, it_time now)
{
    for (int t = 0; t < b->n_transports && b->web_met; t++) {
        b->transport[t].web.at = now + web_after(b);
        b->transport[t].web.turn.tries = 0;
    }
}

/* What transport |t|'s client is of use for: until when, and of one that leaves, until when it may take its time. */
static void web_heed(const it_b *b, it_time now, int t, b_web *w)
{
    bool wanted = web_wanted(b, t);
    if (w->leaving) {
        if (wanted && w->at < w->idle_at)
            w->idle_at = w->at;
        return;
    }
    if (wanted || web_selected(b, t))
        w->idle_at = IT_NEVER;
    else if (w->idle_at == IT_NEVER)
        w->idle_at = now + B_LINGER;
}

void it_b_web_heed(it_b *b, it_time now)
{
    for (int t = 0; t < b->n_transports; t++)
        if (b->transport[t].web.client && !b->transport[t].web.aborted)
            web_heed(b, now, t, &b->transport[t].web);
}

/* --- the contract --- */

static void web_secrets(it_b *b, it_time now, const b_web *w)
{
    char line[IT_TLS_LINE_MAX];
    while (it_wsrelay_client_secret(w->client, line)) {
        it_model_event ev = {.kind = IT_EV_SECRET, .at = now, .data = it_bytes_str(line)};
        it_evq_put(&b->events, &ev, -1);
    }
}

/* One event of transport |t|'s client: 1 for a datagram, which is |*in| then, 0 for none, or an error. */
static int web_event(it_b *b, it_time now, int t, it_io *in)
{
    b_web *w = &b->transport[t].web;
    it_object_event ev;
    int n, err = 0, end = own_end(b);
    while (err == 0 && w->client && (n = it_wsrelay_client_ops.event(w->client, &ev)) != 0) {
        if (n < 0)
            return n;
        if (ev.u.service.kind == IT_SERVICE_UP)
            err = web_up(b, now, t);
        else if (ev.u.service.kind == IT_SERVICE_DOWN)
            web_down(b, now, t, &ev.u.service);
        else if (ev.u.service.kind == IT_SERVICE_MESSAGE && w->up) {
            *in = (it_io){.kind = IT_IO_DGRAM,
                          .flow = web_flow(t),
                          .local = web_addr(t, end),
                          .remote = web_addr(t, 3 - end),
                          .data = ev.u.service.data};
            return 1;
        }
    }
    return err;
}

bool it_b_web_take(it_b *b, it_time now, it_io *in)
{
    for (int t = 0; t < b->n_transports; t++) {
        b_web *w = &b->transport[t].web;
        if (!w->client)
            continue;
        int n = web_event(b, now, t, in);
        if (n < 0)
            b->events.oom = true;
        if (n > 0)
            return true;
        web_secrets(b, now, w);
    }
    return false;
}

bool it_b_web_input(it_b *b, it_time now, const it_io *in, int *taken)
{
    for (int t = 0; b->cfg.web.n && t < b->n_transports; t++) {
        b_web *w = &b->transport[t].web;
        if (!w->client || w->stream != in->flow || in->kind == IT_IO_DGRAM)
            continue;
        it_io own = *in;
        own.flow = IT_WSRELAY_STREAM;
        *taken = it_wsrelay_client_ops.input(w->client, now, &own);
        return true;
    }
    return false;
}

bool it_b_web_send(it_b *b, it_time now, const it_io *io)
{
    int t = io->kind == IT_IO_DGRAM ? it_b_web_transport(io->flow) : -1;
    if (t < 0 || t >= b->n_transports)
        return false;
    b_web *w = &b->transport[t].web;
    /* Where the far side is not there what is sent is lost, as datagrams are. */
    if (w->client && it_wsrelay_client_send(w->client, now, io->data) == IT_ERR_NOMEM)
        b->events.oom = true;
    return true;
}

/* What transport |t|'s client has to say: 1, 0 or an error. One that is over makes room for the next. */
static int web_out(it_b *b, it_time now, int t, it_io *out, uint8_t *buf, size_t cap)
{
    b_web *w = &b->transport[t].web;
    while (w->client) {
        int n = it_wsrelay_client_ops.output(w->client, now, out, buf, cap);
        if (n != 0 || !w->leaving || !it_wsrelay_client_over(w->client))
            return n;
        web_free(w);
        if (web_wanted(b, t) && w->at <= now)
            web_begin(b, now, t);
    }
    return 0;
}

int it_b_web_output(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (int t = 0; b->cfg.web.n && t < b->n_transports; t++) {
        int n = web_out(b, now, t, out, buf, cap);
        if (n == 0)
            continue;
        out->flow = b->transport[t].web.stream;
        return n;
    }
    return 0;
}

/* Transport |t|'s client, as far as the time has come for something. Returns 0 or an error. */
static int web_tick(it_b *b, it_time now, int t)
{
    b_web *w = &b->transport[t].web;
    int err = 0;
    if (!w->client) {
        if (web_wanted(b, t) && w->at <= now)
            web_begin(b, now, t);
        return 0;
    }
    if (it_wsrelay_client_ops.next(w->client) <= now)
        err = it_wsrelay_client_ops.tick(w->client, now);
    if (w->idle_at > now)
        return err;
    if (!w->leaving) {
        web_leave(b, now, t);
        return err;
    }
    w->idle_at = IT_NEVER;
    w->aborted = true;
    it_wsrelay_client_abort(w->client); /* what is left of it goes with the RST */
    return err;
}

int it_b_web_tick(it_b *b, it_time now)
{
    int err = 0;
    if (b->cfg.web.n == 0)
        return 0;
    it_b_web_heed(b, now);
    for (int t = 0; t < b->n_transports && err >= 0; t++)
        err = web_tick(b, now, t);
    return err < 0 ? err : 0;
}

static it_time web_earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_b_web_next(const it_b *b)
{
    it_time at = IT_NEVER;
    for (int t = 0; b->cfg.web.n && t < b->n_transports; t++) {
        const b_web *w = &b->transport[t].web;
        if (w->client)
            at = web_earlier(at, web_earlier(w->idle_at, it_wsrelay_client_ops.next(w->client)));
        else if (web_wanted(b, t))
            at = web_earlier(at, w->at);
    }
    return at;
}

void it_b_web_release(it_b *b, it_time now)
{
    for (int t = 0; t < b->n_transports; t++)
        if (b->transport[t].web.client && !b->transport[t].web.leaving)
            web_leave(b, now, t);
}

bool it_b_web_over(const it_b *b)
{
    for (int t = 0; t < b->n_transports; t++)
        if (b->transport[t].web.client)
            return false;
    return true;
}

void it_b_web_fini(it_b *b)
{
    for (int t = 0; t < b->n_transports; t++)
        if (b->transport[t].web.client)
            web_free(&b->transport[t].web);
}
