/* The rendezvous server on real sockets: all that the signal server below it has, its own numbers besides. */
#include "lab/serve/serve.h"

#include "stack/rendezvous/server.h"

#include <inttypes.h>

static void rendezvous_news(void *o, it_serve_log *log)
{
    it_serve_signal_news(it_rendezvous_signal(o), log, "rendezvous");
}

static void rendezvous_sum(void *o, it_serve_log *log)
{
    const it_rendezvous_stats *s = it_rendezvous_stat(o);
    it_serve_log_line(log,
                      "rendezvous: %" PRIu64 " calls reached a listener, %" PRIu64 " nobody, %" PRIu64
                      " were busy; %" PRIu64 " messages handed on; %" PRIu64 " names were taken",
                      s->calls, s->absent, s->busy, s->said, s->taken);
}

int it_serve_rendezvous(const it_serve_cfg *cfg, it_addr *bad)
{
    it_rendezvous_cfg r = {.signal = {.alloc = cfg->alloc,
                                      .each = cfg->limit.streams,
                                      .rate = cfg->limit.rate,
                                      .records = IT_SERVE_RECORDS * cfg->limit.rate}};
    it_rng_init(&r.signal.rng, cfg->seed, "rendezvous");
    it_rendezvous *server = it_rendezvous_new(&r);
    it_serve_log_cfg log = {.name = "rendezvous",
                            .ops = &it_rendezvous_ops,
                            .inner = server,
                            .news = rendezvous_news,
                            .sum = rendezvous_sum};
    return server ? it_serve_signal_as(cfg, "rendezvous", it_rendezvous_signal(server), log, bad) : IT_ERR_NOMEM;
}
