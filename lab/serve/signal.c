/* The signal server on real sockets: streams that its object takes as they come. */
#include "lab/serve/serve.h"

#include "stack/signal/server.h"

int it_serve_signal(const it_serve_cfg *cfg, it_addr *bad)
{
    it_signal_server_cfg s = {.alloc = cfg->alloc};
    it_loop_app_cfg app = {.name = "signal", .no_bases = true, .loopback = true};
    it_addr at;
    it_rng_init(&s.rng, cfg->seed, "signal");
    it_signal_server *server = it_signal_server_new(&s);
    int i = server ? it_loop_add(cfg->loop, &it_signal_server_ops, server, &app, bad) : IT_ERR_NOMEM;
    int err = i < 0 ? i : 0;
    for (size_t k = 0; k < cfg->n_addrs && err == 0; k++)
        err = it_serve_listen(cfg, i, k, bad);
    for (int k = 0; err == 0 && it_loop_app_addr(cfg->loop, i, k, &at); k++)
        cfg->bound(cfg->self, "tcp", at, true);
    return err;
}
