/* The signal server on real sockets: streams that its object takes as they come, behind the rate limit. */
#include "lab/serve/serve.h"

#include "stack/signal/server.h"

static int start_signal(const it_serve_cfg *cfg, it_signal_server *server, it_limit *l, it_addr *bad)
{
    it_loop_app_cfg app = {.name = "signal", .no_bases = true, .loopback = true};
    it_tls_cfg tls;
    uint16_t tls_port = 0;
    int i = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    int err = i < 0 ? i : it_serve_streams(cfg, i, &tls_port, bad);
    if (err == 0 && cfg->tls)
        err = it_serve_tls_cfg(cfg->tls, cfg->alloc, "http/1.1", &tls);
    if (err == 0 && cfg->tls)
        it_signal_server_tls(server, &tls, tls_port);
    return err;
}

int it_serve_signal(const it_serve_cfg *cfg, it_addr *bad)
{
    it_signal_server_cfg s = {.alloc = cfg->alloc};
    it_limit_cfg limit = cfg->limit;
    it_rng_init(&s.rng, cfg->seed, "signal");
    it_signal_server *server = it_signal_server_new(&s);
    if (!server)
        return IT_ERR_NOMEM;
    limit.requests = true;
    it_limit *l = it_limit_new(cfg->alloc, &limit, cfg->seed, &it_signal_server_ops, server, cfg->count);
    if (!l)
        return IT_ERR_NOMEM;
    return start_signal(cfg, server, l, bad);
}
