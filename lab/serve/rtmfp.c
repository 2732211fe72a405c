/* The server of RTMFP on real sockets: one object for all of them, as a peer of one family may ask for one that is seen
 * by another, and clients by UDP and by WebSocket hear each other. */
#include "lab/serve/serve.h"

#include "stack/crypto/ossl.h"
#include "stack/rtmfp/server/server.h"

static void rtmfp_stop(void *o, it_time now)
{
    (void)it_rtmfp_server_stop(o, now); /* without memory clients hear nothing, and find out by themselves */
}

/* Lets |server|, app |app|, accept WebSockets where it has its sockets, and with TLS on the port of that. Returns 0, or
 * as it_serve_streams. */
static int rtmfp_streams(const it_serve_cfg *cfg, it_rtmfp_server *server, int app, it_addr *bad)
{
    it_tls_cfg tls;
    uint16_t tls_port = 0;
    int err = it_serve_streams(cfg, app, &tls_port, bad);
    if (err < 0 || !cfg->tls)
        return err;
    err = it_serve_tls_cfg(cfg->tls, cfg->alloc, NULL, &tls);
    if (err == 0)
        it_rtmfp_server_tls(server, &tls, tls_port);
    return err;
}

int it_serve_rtmfp(const it_serve_cfg *cfg, it_addr *bad)
{
    it_rtmfp_server_cfg s = {.alloc = cfg->alloc, .each = cfg->limit.streams};
    it_rtmfp_server *server;
    if (cfg->n_addrs > IT_RTMFP_BASES)
        return IT_ERR_FULL;
    int err = it_ossl_init();
    if (err == 0)
        err = it_ossl_use_system();
    if (err)
        return err;
    it_rng_init(&s.rng, cfg->seed, "rtmfp");
    err = it_rtmfp_server_new(&s, 0, &server);
    if (err)
        return err;
    it_limit *l = it_limit_new(cfg->alloc, &cfg->limit, it_rng_u64(&s.rng), &it_rtmfp_server_ops, server, cfg->count);
    if (!l)
        return IT_ERR_NOMEM;
    it_loop_app_cfg app = {.name = "rtmfp", .bases = cfg->addrs, .n_bases = cfg->n_addrs, .loopback = true};
    app.bound = cfg->bound;
    app.self = cfg->self;
    int number = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    err = number < 0 ? number : rtmfp_streams(cfg, server, number, bad);
    if (err == 0)
        *cfg->stop = (it_serve_stop){.app = number, .run = rtmfp_stop, .o = server};
    return err;
}
