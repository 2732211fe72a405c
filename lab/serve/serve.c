/* The table of services. A new one: its file, and a row here. */
#include "lab/serve/serve.h"

#include <string.h>

const it_service IT_SERVICES[] = {
    {"stun", "a STUN server (RFC 8489) over UDP and TCP; with two --listen of a family also NAT behavior discovery",
     NULL, "datagrams and connections", 3478, 0, it_serve_stun},
    {"turn", "a TURN server (RFC 8656) over UDP, TCP, TLS and DTLS, which also answers STUN", NULL,
     "requests and connections", 3478, 5349, it_serve_turn},
    {"ws", "a relay of datagrams over WebSocket: two in a room, GET /relay/ROOM/NAME (stack/wsrelay/wire.h)", "relay",
     "connections", 80, 443, it_serve_ws},
    {"signal", "a signal server: messages between mailboxes by WebSocket or HTTP long poll (docs/signal.md)", NULL,
     "connections", 80, 443, it_serve_signal},
    {"rendezvous", "a rendezvous server of model A: calls by name, over a signal server (docs/rendezvous.md)", NULL,
     "connections", 80, 443, it_serve_rendezvous},
    {"checkrelay",
     "a relay for model E, which answers checks: rooms of two ends, whose credentials it prints (stack/checkrelay)",
     NULL, "checks", 3480, 0, it_serve_checkrelay},
    {"rtmfp",
     "a server of RTMFP (RFC 7016) over UDP, and over WebSocket by TCP and TLS: introduces peers, relays streams", NULL,
     "datagrams", 1935, 443, it_serve_rtmfp},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const it_service *it_service_of(const char *name)
{
    for (const it_service *s = IT_SERVICES; s->name; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
        if (s->alias && strcmp(s->alias, name) == 0)
            return s;
    }
    return NULL;
}

/* --- streams --- */

/* Whether |a| stands for every address of its family. */
static bool is_any(it_addr a)
{
    return it_ip_none(a.ip) || (it_ip_is4(a.ip) && it_ip_v4(a.ip) == 0);
}

static int listen_at(const it_serve_cfg *cfg, int app, it_addr at, it_addr *bad)
{
    int err = it_loop_listen(cfg->loop, app, at);
    /* A machine without a family (ipv6.disable=1) has no address of it, and every one of those is served. */
    if (err == IT_ERR_NOROUTE && is_any(at))
        return 0;
    if (err < 0)
        *bad = at;
    return err;
}

/* Whether an earlier address than the |k|-th is of the same host. */
static bool has_host(const it_serve_cfg *cfg, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (it_ip_eq(cfg->addrs[i].ip, cfg->addrs[k].ip))
            return true;
    return false;
}

/* Tells of the listeners of |app| from the |k|-th. Returns how many it has. */
static int tell_listeners(const it_serve_cfg *cfg, int app, int k, const char *transport)
{
    it_addr at;
    for (; it_loop_app_listener(cfg->loop, app, k, &at); k++)
        cfg->bound(cfg->self, transport, at, true);
    return k;
}

it_limit *it_serve_logged(const it_serve_cfg *cfg, uint64_t seed, it_serve_log_cfg log)
{
    it_limit_cfg limit = cfg->limit;
    log.alloc = cfg->alloc;
    log.log = cfg->log;
    log.self = cfg->self;
    it_serve_log *l = it_serve_log_new(&log);
    if (!l)
        return NULL;
    limit.requests = true;
    return it_limit_new(cfg->alloc, &limit, seed, &it_serve_log_ops, l, cfg->count);
}

int it_serve_streams(const it_serve_cfg *cfg, int app, uint16_t *tls_port, it_addr *bad)
{
    it_addr at;
    int err = 0;
    for (size_t k = 0; k < cfg->n_addrs && err == 0; k++)
        err = listen_at(cfg, app, cfg->addrs[k], bad);
    if (err < 0)
        return err;
    int n = tell_listeners(cfg, app, 0, "tcp");
    if (!cfg->tls)
        return 0;
    *tls_port = cfg->tls->port;
    for (size_t k = 0; k < cfg->n_addrs && err == 0; k++) {
        if (has_host(cfg, k))
            continue;
        err = listen_at(cfg, app, it_addr_of(cfg->addrs[k].ip, *tls_port), bad);
        if (*tls_port == 0 && it_loop_app_listener(cfg->loop, app, n, &at))
            *tls_port = at.port;
    }
    (void)tell_listeners(cfg, app, n, "tls");
    return err;
}

int it_serve_goodbye(it_loop *loop, const it_serve_stop *stop)
{
    if (!stop->run || !it_loop_app(loop, stop->app))
        return 0;
    stop->run(stop->o, it_loop_now(loop));
    return it_loop_flush(loop);
}
