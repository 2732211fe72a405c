/* A relay's client: one stream with its layers, and what waits to leave by it. What came is read when it is asked for,
 * so that it waits in the stream. */
#include "stack/wsrelay/client.h"

#include "stack/http/message.h"
#include "stack/proxy/stage.h"
#include "stack/proxy/via.h"
#include "stack/stream/layers.h"
#include "stack/ws/ws.h"
#include "stack/wsrelay/queue.h"

#include <stdio.h>
#include <string.h>

enum { HOST = 256, BODY = 4096 };

enum client_state {
    CLIENT_OPENING,
    CLIENT_ALONE, /* in the room */
    CLIENT_UP,
    CLIENT_OVER
};

struct it_wsrelay_client {
    it_wsrelay_client_cfg cfg;
    char host[HOST], target[IT_WSRELAY_TARGET], authority[HOST + 8];
    it_stream s;
    it_layers ls;
    it_layer via, tls, ws; /* ops NULL: none */
    enum client_state state;
    bool begun, oom;
    it_stages stages; /* of CLIENT_OPENING, once it has begun */
    it_time now;
    bool reset;         /* the stream is gone */
    enum it_io_end end; /* and why */
    bool tell_up, tell_down;
    enum it_wsrelay_why why;
    int status;
    it_wsrelay_queue q;
    it_wsrelay_client_stats stats;
    uint8_t buf[IT_LAYER_MESSAGE];
};

const char *it_wsrelay_why_name(enum it_wsrelay_why why)
{
    static const char *const NAMES[] = {[IT_WSRELAY_PEER] = "peer",
                                        [IT_WSRELAY_REFUSED] = "refused",
                                        [IT_WSRELAY_TIMEOUT] = "timeout",
                                        [IT_WSRELAY_RESET] = "reset",
                                        [IT_WSRELAY_UNREACHABLE] = "unreachable",
                                        [IT_WSRELAY_LOCAL] = "local",
                                        [IT_WSRELAY_PROXY] = "proxy",
                                        [IT_WSRELAY_TLS] = "tls",
                                        [IT_WSRELAY_HTTP] = "http",
                                        [IT_WSRELAY_PING] = "ping",
                                        [IT_WSRELAY_BROKEN] = "broken",
                                        [IT_WSRELAY_CLOSED] = "closed"};
    return NAMES[why];
}

/* --- life --- */

static void time_or(it_time *v, it_time normal)
{
    *v = *v ? *v : normal;
}

/* The Host field. RFC 9110 section 7.2: with the port where it is not the scheme's own. */
static void write_authority(it_wsrelay_client *c)
{
    char addr[IT_ADDR_TEXT];
    uint16_t port = c->cfg.server.port;
    if (!c->cfg.host)
        snprintf(c->authority, sizeof c->authority, "%s", it_addr_text(c->cfg.server, addr));
    else if (port == (c->cfg.tls ? 443 : 80))
        snprintf(c->authority, sizeof c->authority, "%s", c->cfg.host);
    else
        snprintf(c->authority, sizeof c->authority, "%s:%d", c->cfg.host, port);
}

/* Copies the texts of |c|->cfg. False when one is none. */
static bool take_texts(it_wsrelay_client *c)
{
    const it_wsrelay_client_cfg *cfg = &c->cfg;
    if (!it_wsrelay_room_valid(it_bytes_str(cfg->room)) || !it_wsrelay_name_valid(it_bytes_str(cfg->name)))
        return false;
    if (cfg->host && (!it_tls_name_valid(it_bytes_str(cfg->host)) || strlen(cfg->host) >= HOST))
        return false;
    if (cfg->host)
        snprintf(c->host, sizeof c->host, "%s", cfg->host);
    write_authority(c);
    snprintf(c->target, sizeof c->target, "/relay/%s/%s", cfg->room, cfg->name);
    return true;
}

static int push(it_wsrelay_client *c, it_layer l)
{
    return l.ops ? it_layers_push(&c->ls, l) : IT_ERR_NOMEM;
}

static int push_tls(it_wsrelay_client *c)
{
    if (!c->cfg.tls)
        return 0;
    it_tls_cfg tls = *c->cfg.tls;
    tls.alloc = c->cfg.alloc;
    tls.alpn = "http/1.1";
    it_rng_init(&tls.rng, it_rng_u64(&c->cfg.rng), "tls");
    c->tls = it_tls_layer(&tls);
    return push(c, c->tls);
}

/* Stacks the layers: the way through a proxy, TLS, HTTP, WebSocket. */
static int push_layers(it_wsrelay_client *c)
{
    it_ws_cfg ws = {.alloc = c->cfg.alloc,
                    .largest = IT_WSRELAY_FRAME,
                    .binary = true,
                    .protocol = IT_WSRELAY_PROTOCOL,
                    .ping_every = c->cfg.ping_every,
                    .ping_wait = c->cfg.ping_wait};
    int err = 0;
    it_rng_init(&ws.rng, it_rng_u64(&c->cfg.rng), "ws");
    if (c->cfg.via.kind != IT_VIA_NONE) {
        c->cfg.via.salt = it_rng_u64(&c->cfg.rng);
        c->via = it_via_layer(c->cfg.alloc, &c->cfg.via, c->cfg.server, c->cfg.host ? c->host : NULL);
        err = push(c, c->via);
    }
    if (err == 0)
        err = push_tls(c);
    if (err == 0)
        err = push(c, it_http_messages(c->cfg.alloc, IT_HTTP_CLIENT, BODY));
    if (err < 0)
        return err;
    c->ws = it_ws_client(&ws, c->authority, c->target);
    return push(c, c->ws);
}

static void client_free(void *o)
{
    it_wsrelay_client *c = o;
    it_layers_fini(&c->ls);
    it_wsrelay_queue_fini(&c->q, c->cfg.alloc);
    it_free(c->cfg.alloc, c);
}

it_wsrelay_client *it_wsrelay_client_new(const it_wsrelay_client_cfg *cfg)
{
    it_wsrelay_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    time_or(&c->cfg.patience, IT_WSRELAY_TRIP);
    time_or(&c->cfg.ping_every, 5 * IT_SEC);
    time_or(&c->cfg.ping_wait, 5 * IT_SEC);
    time_or(&c->cfg.age, 500 * IT_MS);
    it_layers_init(&c->ls, cfg->alloc, &c->s);
    if (!take_texts(c) || push_layers(c) < 0) {
        client_free(c);
        return NULL;
    }
    it_stream_open(&c->s, IT_WSRELAY_STREAM, (it_addr){{0, 0}, 0},
                   cfg->via.kind != IT_VIA_NONE ? cfg->via.proxy : cfg->server);
    return c;
}

/* --- how it ends --- */

static void go_down(it_wsrelay_client *c, enum it_wsrelay_why why, int status)
{
    if (c->state == CLIENT_OVER)
        return;
    c->state = why == IT_WSRELAY_PEER ? CLIENT_ALONE : CLIENT_OVER;
    c->tell_down = true;
    c->why = why;
    c->status = status;
}

/* The reason of a proxy or of TLS: false where neither ended it. */
static bool judge_below(it_wsrelay_client *c)
{
    const it_proxy_client *p = c->via.ops ? it_via_client(&c->via) : NULL;
    const it_tls_info *t = c->tls.ops ? it_tls_layer_info(&c->tls) : NULL;
    if (p && p->state == IT_VIA_REFUSED) {
        go_down(c, IT_WSRELAY_PROXY, p->status);
        return true;
    }
    if (!t || t->end == IT_TLS_END_NONE || t->end == IT_TLS_END_CLOSED)
        return false;
    go_down(c, IT_WSRELAY_TLS, (int)t->end);
    return true;
}

/* The stream ended: for a reason of a layer's, from the bottom, or its own. */
static void judge_end(it_wsrelay_client *c)
{
    static const enum it_wsrelay_why BY[] = {[IT_IO_END_RESET] = IT_WSRELAY_RESET,
                                             [IT_IO_END_REFUSED] = IT_WSRELAY_REFUSED,
                                             [IT_IO_END_TIMEOUT] = IT_WSRELAY_TIMEOUT,
                                             [IT_IO_END_UNREACHABLE] = IT_WSRELAY_UNREACHABLE,
                                             [IT_IO_END_LOCAL] = IT_WSRELAY_LOCAL};
    const it_ws_state *w = it_ws_state_of(&c->ws);
    if (judge_below(c))
        return;
    switch (w->fault) {
    case IT_WS_FAULT_HANDSHAKE:
        go_down(c, IT_WSRELAY_HTTP, w->status);
        return;
    case IT_WS_FAULT_SILENCE:
        go_down(c, IT_WSRELAY_PING, 0);
        return;
    case IT_WS_FAULT_PROTOCOL:
        go_down(c, IT_WSRELAY_BROKEN, w->code);
        return;
    default:
        go_down(c, c->reset ? BY[c->end] : IT_WSRELAY_RESET, 0);
        return;
    }
}

void it_wsrelay_client_abort(it_wsrelay_client *c)
{
    c->state = CLIENT_OVER;
    it_wsrelay_queue_fini(&c->q, c->cfg.alloc);
    it_stream_reset(&c->s);
}

bool it_wsrelay_client_over(const it_wsrelay_client *c)
{
    return c->state == CLIENT_OVER && !it_stream_alive(&c->s);
}

/* --- datagrams --- */

int it_wsrelay_client_send(it_wsrelay_client *c, it_time now, it_bytes data)
{
    uint8_t frame[IT_WSRELAY_FRAME];
    c->now = now;
    if (c->state != CLIENT_UP)
        return IT_ERR_STATE;
    int n = it_wsrelay_frame_write(&(it_wsrelay_frame){.type = IT_WSRELAY_DATA, .data = data}, frame);
    if (n < 0)
        return n;
    return it_wsrelay_queue_put(&c->q, c->cfg.alloc, now, it_bytes_of(frame, (size_t)n), IT_WSRELAY_QUEUE);
}

it_wsrelay_client_stats it_wsrelay_client_stat(const it_wsrelay_client *c)
{
    it_wsrelay_client_stats s = c->stats;
    s.dropped = c->q.dropped;
    return s;
}

int it_wsrelay_client_secret(const it_wsrelay_client *c, char line[IT_TLS_LINE_MAX])
{
    return c->tls.ops ? it_tls_secret(&c->tls, line) : 0;
}

/* Hands what waits to the layers, as far as they take it. Returns 0 or IT_ERR_NOMEM. */
static int flush_queue(it_wsrelay_client *c)
{
    it_wsrelay_queue_age(&c->q, c->cfg.alloc, c->now - c->cfg.age);
    while (c->q.n && c->state != CLIENT_OVER) {
        int n = it_layers_write(&c->ls, c->now, &(it_io){.kind = IT_IO_DATA, .data = it_wsrelay_queue_first(&c->q)});
        if (n < 0)
            return n == IT_ERR_NOMEM ? n : 0;
        it_wsrelay_queue_pop(&c->q, c->cfg.alloc);
        c->stats.sent++;
    }
    return 0;
}

void it_wsrelay_client_close(it_wsrelay_client *c, it_time now)
{
    if (c->state == CLIENT_OVER)
        return;
    c->now = now;
    c->oom = flush_queue(c) == IT_ERR_NOMEM; /* what was sent before is on its way */
    c->state = CLIENT_OVER;
    it_wsrelay_queue_fini(&c->q, c->cfg.alloc);
    if (c->begun)
        c->oom |= it_layers_write(&c->ls, now, &(it_io){.kind = IT_IO_FIN}) == IT_ERR_NOMEM;
    else
        it_stream_reset(&c->s);
}

/* A message of the relay. True: |f| is a datagram for us. */
static bool take_frame(it_wsrelay_client *c, it_bytes message, it_wsrelay_frame *f)
{
    if (it_wsrelay_frame_read(message, f) < 0) {
        it_ws_close(&c->ws, c->now, 1008); /* RFC 6455 section 7.4.1 */
        go_down(c, IT_WSRELAY_BROKEN, 1008);
        return false;
    }
    switch (f->type) {
    case IT_WSRELAY_DATA:
        c->stats.received++;
        return true;
    case IT_WSRELAY_HERE:
        c->tell_up = c->state == CLIENT_ALONE;
        c->state = CLIENT_UP;
        return false;
    case IT_WSRELAY_GONE:
        if (c->state == CLIENT_UP)
            go_down(c, IT_WSRELAY_PEER, 0);
        it_wsrelay_queue_fini(&c->q, c->cfg.alloc);
        return false;
    default:
        c->stats.lost = f->lost;
        return false;
    }
}

/* One io from above the layers. True: |f| is a datagram for us. */
static bool take_up(it_wsrelay_client *c, const it_io *in, it_wsrelay_frame *f)
{
    switch (in->kind) {
    case IT_IO_OPENED:
        c->state = CLIENT_ALONE;
        return false;
    case IT_IO_DATA:
        return take_frame(c, in->data, f);
    case IT_IO_FIN:
        go_down(c, IT_WSRELAY_CLOSED, it_ws_state_of(&c->ws)->code);
        return false;
    default:
        judge_end(c);
        return false;
    }
}

/* --- the contract --- */

static int client_input(void *o, it_time now, const it_io *in)
{
    it_wsrelay_client *c = o;
    c->now = now;
    if (in->flow != IT_WSRELAY_STREAM || in->kind == IT_IO_DGRAM || in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        return (int)in->data.n;
    if (in->kind == IT_IO_RST) {
        c->reset = true;
        c->end = in->end;
    }
    int n = it_layers_input(&c->ls, now, in);
    if (in->kind == IT_IO_OPENED || in->kind == IT_IO_DATA)
        it_stages_heard(&c->stages, now, &c->s, &c->via, &c->tls);
    return n;
}

/* When its opening is given up; IT_NEVER: it does not open. */
static it_time client_deadline(const it_wsrelay_client *c)
{
    return c->begun && c->state == CLIENT_OPENING ? it_stages_due(&c->stages, c->cfg.patience) : IT_NEVER;
}

static int client_tick(void *o, it_time now)
{
    it_wsrelay_client *c = o;
    c->now = now;
    if (client_deadline(c) <= now) {
        go_down(c, IT_WSRELAY_TIMEOUT, 0);
        it_stream_reset(&c->s);
    }
    return it_layers_tick(&c->ls, now);
}

static it_time client_next(const void *o)
{
    const it_wsrelay_client *c = o;
    it_time layers = it_stream_alive(&c->s) ? it_layers_next(&c->ls) : IT_NEVER;
    it_time deadline = client_deadline(c);
    return deadline < layers ? deadline : layers;
}

static int client_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_wsrelay_client *c = o;
    c->now = now;
    if (!c->begun && c->state == CLIENT_OPENING) {
        c->begun = true;
        it_stages_begin(&c->stages, now);
    }
    int err = c->oom ? IT_ERR_NOMEM : flush_queue(c);
    return err < 0 ? err : it_layers_output(&c->ls, now, out, buf, cap);
}

static int tell(it_object_event *out, const it_service_event *e)
{
    *out = (it_object_event){.kind = IT_TELLS_SERVICE, .part = -1};
    out->u.service = *e;
    return 1;
}

/* What was noticed and is to be told: 1, or 0. */
static int tell_state(it_wsrelay_client *c, it_object_event *out)
{
    if (c->tell_up) {
        c->tell_up = false;
        return tell(out, &(it_service_event){.kind = IT_SERVICE_UP, .addr = c->cfg.server});
    }
    if (!c->tell_down)
        return 0;
    c->tell_down = false;
    return tell(out, &(it_service_event){.kind = IT_SERVICE_DOWN,
                                         .code = (int)c->why,
                                         .how = it_wsrelay_why_name(c->why),
                                         .lifetime = (uint32_t)c->status});
}

static int client_event(void *o, it_object_event *out)
{
    it_wsrelay_client *c = o;
    it_wsrelay_frame f;
    it_io in;
    for (;;) {
        if (tell_state(c, out))
            return 1;
        if (c->state == CLIENT_OVER && !it_stream_alive(&c->s))
            return 0;
        int n = it_layers_read(&c->ls, c->now, &in, c->buf, sizeof c->buf);
        if (n <= 0)
            return n;
        /* What comes behind the end is read for the sake of the closing handshake alone (RFC 6455 section 7.1.1). */
        if (c->state != CLIENT_OVER && take_up(c, &in, &f))
            return tell(out, &(it_service_event){.kind = IT_SERVICE_MESSAGE, .data = f.data});
    }
}

const it_object_ops it_wsrelay_client_ops = {.kind = "relay client",
                                             .input = client_input,
                                             .tick = client_tick,
                                             .next = client_next,
                                             .output = client_output,
                                             .event = client_event,
                                             .free = client_free};
