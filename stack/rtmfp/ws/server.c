/* The server's end: connections, what they ask for, and the sessions that they become. */
#include "stack/rtmfp/ws/server.h"

#include "base/table/bits.h"
#include "base/table/map.h"
#include "base/table/tourney.h"
#include "stack/http/message.h"

#include <stdio.h>

#define GOING_AWAY 1001 /* RFC 6455 section 7.4.1 */

struct it_rtws_server {
    it_rtws_server_cfg cfg;
    it_tls_cfg tls;
    uint16_t tls_port; /* 0: none */
    it_rtmfp_events events;
    it_rtws_link **v; /* NULL: a free place */
    uint32_t n, last; /* places; the last session's number */
    size_t cap;
    it_map by_flow, by_session; /* -> place */
    it_bits busy;               /* places that may have something to put out */
    it_tourney due;
    uint32_t *refused; /* flows to reset */
    size_t n_refused, cap_refused;
    it_rtws_server_stats stats;
    uint8_t buf[IT_LAYER_MESSAGE];
};

it_rtws_server *it_rtws_server_new(const it_rtws_server_cfg *cfg)
{
    it_rtws_server *s = it_calloc(cfg->alloc, 1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = *cfg;
    if (!s->cfg.connections)
        s->cfg.connections = IT_RTWS_CONNECTIONS;
    if (!s->cfg.patience)
        s->cfg.patience = IT_RTWS_REQUEST;
    s->last = IT_RTWS_SESSIONS;
    it_rtmfp_events_init(&s->events, cfg->alloc);
    it_map_init(&s->by_flow, cfg->alloc, 1);
    it_map_init(&s->by_session, cfg->alloc, 1);
    it_bits_init(&s->busy, cfg->alloc);
    if (it_tourney_init(&s->due, cfg->alloc) == 0)
        return s;
    it_free(cfg->alloc, s);
    return NULL;
}

void it_rtws_server_tls(it_rtws_server *s, const it_tls_cfg *tls, uint16_t port)
{
    s->tls = *tls;
    s->tls.alloc = s->cfg.alloc;
    s->tls.alpn = "http/1.1";
    s->tls_port = port;
}

static void link_free(it_rtws_server *s, uint32_t i)
{
    it_rtws_link *l = s->v[i];
    if (!l)
        return;
    uint64_t flow = l->s.flow, session = l->session.cfg.session;
    it_map_del(&s->by_flow, &flow);
    it_map_del(&s->by_session, &session);
    it_bits_del(&s->busy, i);
    it_tourney_set(&s->due, i, IT_NEVER, i);
    it_rtws_link_fini(l);
    it_free(s->cfg.alloc, l);
    s->v[i] = NULL;
    s->stats.connections--;
}

void it_rtws_server_free(it_rtws_server *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n; i++)
        link_free(s, i);
    it_bits_fini(&s->busy);
    it_tourney_fini(&s->due);
    it_map_fini(&s->by_flow);
    it_map_fini(&s->by_session);
    it_rtmfp_events_fini(&s->events);
    it_free(s->cfg.alloc, s->v);
    it_free(s->cfg.alloc, s->refused);
    it_free(s->cfg.alloc, s);
}

it_rtws_server_stats it_rtws_server_stat(const it_rtws_server *s)
{
    return s->stats;
}

int it_rtws_server_secret(it_rtws_server *s, char line[IT_TLS_LINE_MAX])
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->v[i] && s->v[i]->tls.ops && it_tls_secret(&s->v[i]->tls, line))
            return 1;
    return 0;
}

/* Something has been done to link |i|: it may have something to say, and another timer. */
static void link_touch(it_rtws_server *s, uint32_t i)
{
    it_bits_add(&s->busy, i);
    it_tourney_set(&s->due, i, it_rtws_link_next(s->v[i]), i);
}

/* --- commands --- */

/* The link of open |session|, about to be given a command; NULL: there is none. */
static it_rtws_link *server_open(it_rtws_server *s, uint32_t session, uint32_t *i)
{
    *i = it_map_get1(&s->by_session, session);
    it_rtws_link *l = *i == IT_MAP_NONE ? NULL : s->v[*i];
    return l && l->open && !l->over ? l : NULL;
}

static int flow_open(void *o, it_time now, uint32_t session, const it_rtmfp_flow_opts *f, uint64_t *id)
{
    uint32_t i;
    it_rtws_link *l = server_open(o, session, &i);
    (void)now;
    if (!l)
        return IT_ERR_NOTFOUND;
    int err = it_rtws_flow_open(&l->session, f, id);
    link_touch(o, i);
    return err;
}

static int flow_write(void *o, it_time now, uint32_t session, uint64_t id, it_bytes data, const it_rtmfp_write_opts *w,
                      uint64_t *message)
{
    uint32_t i;
    it_rtws_link *l = server_open(o, session, &i);
    if (!l)
        return IT_ERR_NOTFOUND;
    int err = it_rtws_flow_write(&l->session, now, id, data, w, message);
    link_touch(o, i);
    return err;
}

static int flow_close(void *o, it_time now, uint32_t session, uint64_t id, bool abandon)
{
    uint32_t i;
    it_rtws_link *l = server_open(o, session, &i);
    (void)now;
    if (!l)
        return IT_ERR_NOTFOUND;
    int err = it_rtws_flow_close(&l->session, id, abandon);
    link_touch(o, i);
    return err;
}

static int flow_reject(void *o, it_time now, uint32_t session, uint64_t id, uint64_t code)
{
    uint32_t i;
    it_rtws_link *l = server_open(o, session, &i);
    if (!l)
        return IT_ERR_NOTFOUND;
    int err = it_rtws_flow_reject(&l->session, now, id, code);
    link_touch(o, i);
    return err;
}

static int session_keepalive(void *o, it_time now, uint32_t session, it_time after)
{
    uint32_t i;
    it_rtws_link *l = server_open(o, session, &i);
    (void)now;
    if (!l)
        return IT_ERR_NOTFOUND;
    it_rtws_keepalive(&l->session, after);
    link_touch(o, i);
    return 0;
}

static int session_end(void *o, it_time now, uint32_t session, bool abrupt)
{
    it_rtws_server *s = o;
    uint32_t i;
    it_rtws_link *l = server_open(s, session, &i);
    if (!l)
        return IT_ERR_NOTFOUND;
    int err = it_rtws_link_flush(l, now, s->buf); /* what was said before is on its way */
    if (err == 0)
        err = it_rtws_link_end(l, now, abrupt ? 0 : 1000);
    link_touch(s, i);
    return err;
}

it_rtmfp_carrier it_rtws_server_carrier(it_rtws_server *s)
{
    static const it_rtmfp_carrier_ops OPS = {.open = flow_open,
                                             .write = flow_write,
                                             .close = flow_close,
                                             .reject = flow_reject,
                                             .keepalive = session_keepalive,
                                             .end = session_end};
    return (it_rtmfp_carrier){&OPS, s};
}

int it_rtws_server_stop(it_rtws_server *s, it_time now)
{
    int first = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (!s->v[i] || !s->v[i]->open || s->v[i]->over)
            continue;
        int err = it_rtws_link_end(s->v[i], now, GOING_AWAY);
        if (first == 0)
            first = err;
        link_touch(s, i);
    }
    return first;
}

/* --- requests --- */

/* Answers with |status| and closes. RFC 9110 section 15. */
static int request_refuse(it_rtws_server *s, it_time now, it_rtws_link *l, int status)
{
    static const struct {
        int status;
        const char *text;
    } ANSWERS[] = {{405, "405 Method Not Allowed\r\nAllow: GET"},
                   {426, "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"},
                   {400, "400 Bad Request"}};
    char text[256];
    size_t k = 0;
    while (ANSWERS[k].status != status && ANSWERS[k].status != 400)
        k++;
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ANSWERS[k].text);
    s->stats.refused++;
    int n = it_layers_write(&l->ls, now, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(text)});
    return n == IT_ERR_NOMEM ? n : 0;
}

/* A request: it becomes a WebSocket, or is refused. */
static int request_take(it_rtws_server *s, it_time now, it_rtws_link *l, it_bytes message)
{
    it_bytes head, body;
    it_ws_cfg cfg = {.alloc = s->cfg.alloc, .largest = IT_RTWS_MESSAGE, .binary = true};
    it_http_split(message, &head, &body);
    int status = it_ws_judge(head);
    if (status != 101)
        return request_refuse(s, now, l, status ? status : 426); /* RFC 9110 section 15.5.22 */
    it_rng_init(&cfg.rng, it_rng_u64(&s->cfg.rng), "ws");
    l->ws = it_ws_server(&cfg, head);
    return it_rtws_link_push(l, l->ws);
}

/* --- in --- */

static int link_take(it_rtws_server *s, it_time now, it_rtws_link *l, const it_io *in)
{
    if (l->ws.ops) {
        int err = it_rtws_link_take(l, now, in);
        s->stats.broken += l->over && l->session.why != NULL && in->kind == IT_IO_DATA;
        return err;
    }
    if (in->kind == IT_IO_DATA)
        return request_take(s, now, l, in->data);
    if (in->kind == IT_IO_FIN)
        return it_layers_write(&l->ls, now, &(it_io){.kind = IT_IO_FIN});
    return 0;
}

/* Reads what link |l| has said, unless so much waits for it that it has to wait itself. Returns 0 or IT_ERR_NOMEM. */
static int link_read(it_rtws_server *s, it_time now, it_rtws_link *l)
{
    it_io in;
    while (!it_rtws_full(&l->session)) {
        int n = it_layers_read(&l->ls, now, &in, s->buf, sizeof s->buf);
        if (n <= 0)
            return n;
        int err = link_take(s, now, l, &in);
        if (err < 0)
            return err;
    }
    return 0;
}

static int stream_refuse(it_rtws_server *s, const it_io *in)
{
    if (it_grow(s->cfg.alloc, &s->refused, &s->cap_refused, s->n_refused + 1, sizeof *s->refused) < 0)
        return IT_ERR_NOMEM;
    s->stats.reset++;
    s->refused[s->n_refused++] = in->flow;
    return 0;
}

static int push_layers(it_rtws_server *s, it_rtws_link *l, uint16_t port)
{
    if (s->tls_port && port == s->tls_port) {
        it_tls_cfg tls = s->tls;
        it_rng_init(&tls.rng, it_rng_u64(&s->cfg.rng), "tls");
        l->tls = it_tls_layer(&tls);
        int err = it_rtws_link_push(l, l->tls);
        if (err < 0)
            return err;
    }
    return it_rtws_link_push(l, it_http_messages(s->cfg.alloc, IT_HTTP_SERVER, IT_RTWS_BODY));
}

/* A free place, with room in everything that has one for each; IT_ERR_NOMEM. */
static int place_take(it_rtws_server *s, uint32_t *place)
{
    uint32_t i = 0;
    while (i < s->n && s->v[i])
        i++;
    *place = i;
    if (i < s->n)
        return 0;
    if (it_grow(s->cfg.alloc, &s->v, &s->cap, i + 1, sizeof(it_rtws_link *)) < 0 || it_bits_grow(&s->busy, i + 1) < 0 ||
        it_tourney_grow(&s->due, i + 1) < 0)
        return IT_ERR_NOMEM;
    s->v[s->n++] = NULL;
    return 0;
}

/* Takes the stream of |in| into place |i|. */
static int link_accept(it_rtws_server *s, it_time now, uint32_t i, const it_io *in)
{
    it_rtws_cfg cfg = {.alloc = s->cfg.alloc,
                       .events = &s->events,
                       .session = s->last + 1,
                       .keepalive = s->cfg.keepalive,
                       .death = s->cfg.death};
    it_rtws_link *l = it_malloc(s->cfg.alloc, sizeof *l);
    if (!l)
        return IT_ERR_NOMEM;
    it_rtws_link_init(l, &cfg, now);
    s->v[i] = l;
    s->last++;
    s->stats.connections++;
    l->remote = in->remote;
    l->deadline = now + s->cfg.patience;
    it_stream_accept(&l->s, in);
    uint64_t flow = in->flow, session = cfg.session;
    int err = push_layers(s, l, in->local.port);
    if (err == 0)
        err = it_map_put(&s->by_flow, &flow, i);
    if (err == 0)
        err = it_map_put(&s->by_session, &session, i);
    if (err < 0) {
        link_free(s, i);
        return IT_ERR_NOMEM;
    }
    err = it_layers_input(&l->ls, now, in);
    link_touch(s, i);
    return err;
}

static int server_accept(it_rtws_server *s, it_time now, const it_io *in)
{
    uint32_t i;
    if (s->stats.connections >= s->cfg.connections)
        return stream_refuse(s, in);
    int err = place_take(s, &i);
    return err < 0 ? err : link_accept(s, now, i, in);
}

/* The place of the link whose stream |in| is of; IT_MAP_NONE: of none. */
static uint32_t server_find(const it_rtws_server *s, const it_io *in)
{
    uint32_t i;
    switch (in->kind) {
    case IT_IO_DATA:
    case IT_IO_WRITABLE:
    case IT_IO_FIN:
    case IT_IO_RST:
        i = it_map_get1(&s->by_flow, in->flow);
        return i != IT_MAP_NONE && it_stream_alive(&s->v[i]->s) ? i : IT_MAP_NONE;
    default:
        return IT_MAP_NONE;
    }
}

int it_rtws_server_input(it_rtws_server *s, it_time now, const it_io *in)
{
    if (in->kind == IT_IO_ACCEPTED)
        return server_accept(s, now, in);
    uint32_t i = server_find(s, in);
    if (i == IT_MAP_NONE)
        return (int)in->data.n;
    it_rtws_link *l = s->v[i];
    if (in->kind == IT_IO_RST) {
        l->reset = true;
        l->end = in->end;
    }
    int n = it_layers_input(&l->ls, now, in);
    int err = n < 0 ? n : link_read(s, now, l);
    link_touch(s, i);
    return err < 0 ? err : n;
}

/* --- out --- */

/* What link |i| puts out: 1, 0: nothing now, or IT_ERR_NOMEM. */
static int link_output(it_rtws_server *s, it_time now, uint32_t i, it_io *out, uint8_t *buf, size_t cap)
{
    it_rtws_link *l = s->v[i];
    int n = link_read(s, now, l); /* what waited for room may be read now */
    if (n == 0)
        n = it_rtws_link_flush(l, now, s->buf);
    if (n == 0)
        n = it_layers_output(&l->ls, now, out, buf, cap);
    if (l->s.fin_due && l->deadline == IT_NEVER) /* RFC 6455 section 7.1.7: the far side has a moment for its own end */
        l->deadline = now + IT_WS_CLOSE_WAIT;
    it_tourney_set(&s->due, i, it_rtws_link_next(l), i);
    return n;
}

/* The stream of |l| is gone. What of it was never told is told. */
static int link_gone(it_rtws_link *l)
{
    return l->open && !l->over ? it_rtws_link_take(l, 0, &(it_io){.kind = IT_IO_RST}) : 0;
}

int it_rtws_server_output(it_rtws_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (s->n_refused) {
        *out = (it_io){.kind = IT_IO_RST, .flow = s->refused[--s->n_refused]};
        return 1;
    }
    for (uint32_t i; (i = it_bits_next(&s->busy, 0)) != IT_BITS_NONE;) {
        int n = link_output(s, now, i, out, buf, cap);
        if (n != 0)
            return n;
        it_bits_del(&s->busy, i);
        if (it_stream_alive(&s->v[i]->s))
            continue;
        int err = link_gone(s->v[i]);
        link_free(s, i);
        if (err < 0)
            return err;
    }
    return 0;
}

/* --- time --- */

int it_rtws_server_tick(it_rtws_server *s, it_time now)
{
    while (it_rtws_server_next(s) <= now) {
        uint32_t i = it_tourney_first(&s->due);
        it_rtws_link *l = s->v[i];
        s->stats.silent += !l->open && l->deadline <= now;
        int err = it_rtws_link_tick(l, now);
        link_touch(s, i);
        if (err < 0)
            return err;
    }
    return 0;
}

it_time it_rtws_server_next(const it_rtws_server *s)
{
    return s->n ? s->due.time[it_tourney_first(&s->due)] : IT_NEVER;
}

int it_rtws_server_event_next(it_rtws_server *s, it_rtmfp_event *out)
{
    return it_rtmfp_events_take(&s->events, out);
}
