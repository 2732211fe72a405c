/* The relay of datagrams over WebSocket on real sockets. */
#include "lab/serve/serve.h"

#include "stack/wsrelay/server.h"

int it_serve_relay(const it_serve_cfg *cfg, it_addr *bad)
{
    it_wsrelay_server_cfg s = {.alloc = cfg->alloc};
    it_loop_app_cfg app = {.name = "relay", .no_bases = true, .loopback = true};
    it_addr at;
    it_rng_init(&s.rng, cfg->seed, "relay");
    it_wsrelay_server *server = it_wsrelay_server_new(&s);
    int i = server ? it_loop_add(cfg->loop, &it_wsrelay_server_ops, server, &app, bad) : IT_ERR_NOMEM;
    int err = i < 0 ? i : 0;
    for (size_t k = 0; k < cfg->n_addrs && err == 0; k++)
        err = it_serve_listen(cfg, i, k, bad);
    for (int k = 0; err == 0 && it_loop_app_addr(cfg->loop, i, k, &at); k++)
        cfg->bound(cfg->self, "tcp", at, true);
    return err;
}
