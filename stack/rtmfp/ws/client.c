/* The client's end: a session, its layers, and what it tells. */
#include "stack/rtmfp/ws/client.h"

#include "stack/http/message.h"
#include "stack/proxy/via.h"

#include <stdio.h>

struct it_rtws_client {
    it_rtws_client_cfg cfg;
    char host[IT_RTWS_HOST], target[IT_RTWS_TARGET], authority[IT_RTWS_HOST + 8];
    it_tls_cfg tls; /* |cfg|.tls, unless that is NULL */
    char tls_name[IT_RTWS_HOST];
    it_rtmfp_events events;
    it_rtws_link *link;  /* NULL: none yet */
    uint32_t last, flow; /* number of the session; of its stream */
    uint32_t gone;       /* a stream to be reset; 0: none */
    uint8_t buf[IT_LAYER_MESSAGE];
};

/* The Host field. RFC 9110 section 7.2: with the port where it is not the scheme's own. */
static void client_authority(it_rtws_client *c)
{
    char addr[IT_ADDR_TEXT];
    uint16_t port = c->cfg.server.port;
    if (!c->cfg.host)
        snprintf(c->authority, sizeof c->authority, "%s", it_addr_text(c->cfg.server, addr));
    else if (port == (c->cfg.tls ? 443 : 80))
        snprintf(c->authority, sizeof c->authority, "%s", c->host);
    else
        snprintf(c->authority, sizeof c->authority, "%s:%d", c->host, port);
}

/* RFC 9112 section 3.2: a target has no spaces; nor has it anything else that is not printed. */
static bool client_target(const char *target)
{
    const char *p = target;
    while (*p > ' ' && *p <= '~')
        p++;
    return *p == '\0' && p - target < IT_RTWS_TARGET;
}

/* Copies what TLS is done by. False for a name that is none. */
static bool client_tls(it_rtws_client *c)
{
    if (!c->cfg.tls)
        return true;
    c->tls = *c->cfg.tls;
    c->cfg.tls = &c->tls;
    const char *name = c->tls.name;
    if (!name || !name[0] || strlen(name) >= sizeof c->tls_name)
        return false;
    snprintf(c->tls_name, sizeof c->tls_name, "%s", name);
    c->tls.name = c->tls_name;
    return true;
}

/* Copies the texts of the configuration. False when one is none. */
static bool client_texts(it_rtws_client *c)
{
    const char *host = c->cfg.host, *target = c->cfg.target ? c->cfg.target : "/";
    if (host && (!it_tls_name_valid(it_bytes_str(host)) || strlen(host) >= sizeof c->host))
        return false;
    if (!client_target(target))
        return false;
    if (host)
        snprintf(c->host, sizeof c->host, "%s", host);
    snprintf(c->target, sizeof c->target, "%s", target);
    client_authority(c);
    return true;
}

it_rtws_client *it_rtws_client_new(const it_rtws_client_cfg *cfg)
{
    it_rtws_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    c->cfg = *cfg;
    c->last = IT_RTWS_SESSIONS;
    it_rtmfp_events_init(&c->events, cfg->alloc);
    if (client_tls(c) && client_texts(c))
        return c;
    it_free(cfg->alloc, c);
    return NULL;
}

/* Drops the link there is, whose stream may live: then its number is reset before anything else is put out. */
static void client_drop(it_rtws_client *c)
{
    if (!c->link)
        return;
    if (it_stream_alive(&c->link->s) && c->link->s.state != IT_STREAM_DUE)
        c->gone = c->flow;
    it_rtws_link_fini(c->link);
    it_free(c->cfg.alloc, c->link);
    c->link = NULL;
}

void it_rtws_client_free(it_rtws_client *c)
{
    if (!c)
        return;
    client_drop(c);
    it_rtmfp_events_fini(&c->events);
    it_free(c->cfg.alloc, c);
}

static int push_via(it_rtws_client *c, it_rtws_link *l)
{
    if (c->cfg.via.kind == IT_VIA_NONE)
        return 0;
    c->cfg.via.salt = it_rng_u64(&c->cfg.rng);
    l->via = it_via_layer(c->cfg.alloc, &c->cfg.via, c->cfg.server, c->cfg.host ? c->host : NULL);
    return it_rtws_link_push(l, l->via);
}

static int push_tls(it_rtws_client *c, it_rtws_link *l)
{
    if (!c->cfg.tls)
        return 0;
    it_tls_cfg tls = c->tls;
    tls.alloc = c->cfg.alloc;
    tls.alpn = "http/1.1";
    it_rng_init(&tls.rng, it_rng_u64(&c->cfg.rng), "tls");
    l->tls = it_tls_layer(&tls);
    return it_rtws_link_push(l, l->tls);
}

/* Stacks the layers: the way through a proxy, TLS, HTTP, WebSocket. */
static int push_layers(it_rtws_client *c, it_rtws_link *l)
{
    it_ws_cfg ws = {.alloc = c->cfg.alloc, .largest = IT_RTWS_MESSAGE, .binary = true};
    it_rng_init(&ws.rng, it_rng_u64(&c->cfg.rng), "ws");
    int err = push_via(c, l);
    if (err == 0)
        err = push_tls(c, l);
    if (err == 0)
        err = it_rtws_link_push(l, it_http_messages(c->cfg.alloc, IT_HTTP_CLIENT, IT_RTWS_BODY));
    if (err < 0)
        return err;
    l->ws = it_ws_client(&ws, c->authority, c->target);
    return it_rtws_link_push(l, l->ws);
}

int it_rtws_client_connect(it_rtws_client *c, it_time now, uint32_t *session)
{
    it_rtws_cfg cfg = {.alloc = c->cfg.alloc,
                       .events = &c->events,
                       .session = c->last + 1,
                       .keepalive = c->cfg.keepalive,
                       .death = c->cfg.death};
    if (c->link && !c->link->over)
        return IT_ERR_STATE;
    client_drop(c);
    it_rtws_link *l = it_malloc(c->cfg.alloc, sizeof *l);
    if (!l)
        return IT_ERR_NOMEM;
    it_rtws_link_init(l, &cfg, now);
    l->initiator = true;
    l->remote = c->cfg.server;
    if (push_layers(c, l) < 0) {
        it_rtws_link_fini(l);
        it_free(c->cfg.alloc, l);
        return IT_ERR_NOMEM;
    }
    c->link = l;
    c->flow = c->flow == 1 ? 2 : 1;
    *session = ++c->last;
    it_stream_open(&l->s, c->flow, (it_addr){{0, 0}, 0},
                   c->cfg.via.kind != IT_VIA_NONE ? c->cfg.via.proxy : c->cfg.server);
    return 0;
}

/* --- commands --- */

/* The link of open |session|; NULL: there is none. */
static it_rtws_link *client_open(it_rtws_client *c, uint32_t session)
{
    it_rtws_link *l = c->link;
    return l && session == c->last && l->open && !l->over ? l : NULL;
}

static int flow_open(void *o, it_time now, uint32_t session, const it_rtmfp_flow_opts *f, uint64_t *id)
{
    it_rtws_link *l = client_open(o, session);
    (void)now;
    return l ? it_rtws_flow_open(&l->session, f, id) : IT_ERR_NOTFOUND;
}

static int flow_write(void *o, it_time now, uint32_t session, uint64_t id, it_bytes data, const it_rtmfp_write_opts *w,
                      uint64_t *message)
{
    it_rtws_link *l = client_open(o, session);
    return l ? it_rtws_flow_write(&l->session, now, id, data, w, message) : IT_ERR_NOTFOUND;
}

static int flow_close(void *o, it_time now, uint32_t session, uint64_t id, bool abandon)
{
    it_rtws_link *l = client_open(o, session);
    (void)now;
    return l ? it_rtws_flow_close(&l->session, id, abandon) : IT_ERR_NOTFOUND;
}

static int flow_reject(void *o, it_time now, uint32_t session, uint64_t id, uint64_t code)
{
    it_rtws_link *l = client_open(o, session);
    return l ? it_rtws_flow_reject(&l->session, now, id, code) : IT_ERR_NOTFOUND;
}

static int session_keepalive(void *o, it_time now, uint32_t session, it_time after)
{
    it_rtws_link *l = client_open(o, session);
    (void)now;
    if (!l)
        return IT_ERR_NOTFOUND;
    it_rtws_keepalive(&l->session, after);
    return 0;
}

static int session_end(void *o, it_time now, uint32_t session, bool abrupt)
{
    it_rtws_client *c = o;
    it_rtws_link *l = c->link;
    if (!l || session != c->last)
        return IT_ERR_NOTFOUND;
    if (l->over)
        return IT_ERR_STATE;
    int err = it_rtws_link_flush(l, now, c->buf); /* what was said before is on its way */
    return err < 0 ? err : it_rtws_link_end(l, now, abrupt ? 0 : 1000);
}

it_rtmfp_carrier it_rtws_client_carrier(it_rtws_client *c)
{
    static const it_rtmfp_carrier_ops OPS = {.open = flow_open,
                                             .write = flow_write,
                                             .close = flow_close,
                                             .reject = flow_reject,
                                             .keepalive = session_keepalive,
                                             .end = session_end};
    return (it_rtmfp_carrier){&OPS, c};
}

it_rtws_client_info it_rtws_client_describe(const it_rtws_client *c)
{
    const it_rtws_link *l = c->link;
    it_rtws_client_info none = {.unanswered = IT_NEVER};
    if (!l)
        return none;
    return (it_rtws_client_info){.local = l->s.local, .unanswered = l->session.ping_at, .rtt = l->session.rtt};
}

int it_rtws_client_secret(const it_rtws_client *c, char line[IT_TLS_LINE_MAX])
{
    return c->link && c->link->tls.ops ? it_tls_secret(&c->link->tls, line) : 0;
}

/* --- the contract --- */

/* Reads what has come, unless so much waits to be said that it has to wait itself. Returns 0 or IT_ERR_NOMEM. */
static int client_read(it_rtws_client *c, it_time now)
{
    it_io in;
    while (c->link && !it_rtws_full(&c->link->session)) {
        int n = it_layers_read(&c->link->ls, now, &in, c->buf, sizeof c->buf);
        if (n <= 0)
            return n;
        int err = it_rtws_link_take(c->link, now, &in);
        if (err < 0)
            return err;
    }
    return 0;
}

int it_rtws_client_input(it_rtws_client *c, it_time now, const it_io *in)
{
    if (!c->link || in->flow != c->flow || !it_stream_alive(&c->link->s))
        return (int)in->data.n;
    if (in->kind == IT_IO_RST) {
        c->link->reset = true;
        c->link->end = in->end;
    }
    int n = it_layers_input(&c->link->ls, now, in);
    int err = n < 0 ? n : client_read(c, now);
    return err < 0 ? err : n;
}

int it_rtws_client_tick(it_rtws_client *c, it_time now)
{
    int err = c->link ? it_rtws_link_tick(c->link, now) : 0;
    return err < 0 ? err : client_read(c, now);
}

it_time it_rtws_client_next(const it_rtws_client *c)
{
    return c->link ? it_rtws_link_next(c->link) : IT_NEVER;
}

int it_rtws_client_output(it_rtws_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (c->gone) {
        *out = (it_io){.kind = IT_IO_RST, .flow = c->gone};
        c->gone = 0;
        return 1;
    }
    if (!c->link)
        return 0;
    int err = client_read(c, now); /* what waited for room may be read now */
    if (err == 0)
        err = it_rtws_link_flush(c->link, now, c->buf);
    if (err == 0)
        err = it_layers_output(&c->link->ls, now, out, buf, cap);
    if (err == 0 && !it_stream_alive(&c->link->s))
        c->link->deadline = IT_NEVER;
    return err;
}

int it_rtws_client_event_next(it_rtws_client *c, it_rtmfp_event *out)
{
    return it_rtmfp_events_take(&c->events, out);
}
