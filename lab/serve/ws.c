/* The relay of datagrams over WebSocket on real sockets, behind the rate limit. */
#include "lab/serve/serve.h"

#include "stack/wsrelay/server.h"

static int start_ws(const it_serve_cfg *cfg, it_wsrelay_server *server, it_limit *l, it_addr *bad)
{
    it_loop_app_cfg app = {.name = "ws", .no_bases = true, .loopback = true};
    it_tls_cfg tls;
    uint16_t tls_port = 0;
    int i = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    int err = i < 0 ? i : it_serve_streams(cfg, i, &tls_port, bad);
    if (err == 0 && cfg->tls)
        err = it_serve_tls_cfg(cfg->tls, cfg->alloc, NULL, &tls);
    if (err == 0 && cfg->tls)
        it_wsrelay_server_tls(server, &tls, tls_port);
    return err;
}

int it_serve_ws(const it_serve_cfg *cfg, it_addr *bad)
{
    it_wsrelay_server_cfg s = {.alloc = cfg->alloc};
    it_limit_cfg limit = cfg->limit;
    it_rng_init(&s.rng, cfg->seed, "relay");
    it_wsrelay_server *server = it_wsrelay_server_new(&s);
    if (!server)
        return IT_ERR_NOMEM;
    limit.requests = true;
    it_limit *l = it_limit_new(cfg->alloc, &limit, cfg->seed, &it_wsrelay_server_ops, server, cfg->count);
    if (!l)
        return IT_ERR_NOMEM;
    return start_ws(cfg, server, l, bad);
}
