/* The signal server on real sockets: streams that its object takes as they come, behind the rate limit. */
#include "lab/serve/serve.h"

#include "stack/signal/server.h"

#include <inttypes.h>

/* --- the log --- */

static void signal_tell_refused(it_serve_log *log, const char *name, const char *client, const it_signal_tale *t)
{
    if (t->status == 0)
        it_serve_log_line(log, "%s: %s has gone: %s", name, client, t->why);
    else if (t->status < 1000)
        it_serve_log_line(log, "%s: %s is refused: %d, %s", name, client, t->status, t->why);
    else
        it_serve_log_line(log, "%s: the WebSocket of %s is closed: %d, %s", name, client, t->status, t->why);
}

static void signal_tell(it_serve_log *log, const char *name, const it_signal_tale *t)
{
    char client[IT_ADDR_TEXT];
    it_addr_text(t->client, client);
    it_serve_log_missed(log, t->missed);
    switch (t->kind) {
    case IT_SIGNAL_TALE_OPENED:
        it_serve_log_line(log, "%s: %s has mailbox %s, by %s", name, client, t->box, t->ws ? "WebSocket" : "HTTP");
        break;
    case IT_SIGNAL_TALE_REFUSED:
        signal_tell_refused(log, name, client, t);
        break;
    case IT_SIGNAL_TALE_RESET:
        it_serve_log_line(log, "%s: %s is reset: there are too many connections", name, client);
        break;
    }
}

void it_serve_signal_news(it_signal_server *s, it_serve_log *log, const char *name)
{
    it_signal_tale t;
    while (it_signal_server_tale(s, &t))
        signal_tell(log, name, &t);
}

static void signal_news(void *o, it_serve_log *log)
{
    it_serve_signal_news(o, log, "signal");
}

static void signal_sum(void *o, it_serve_log *log)
{
    const it_signal_server_stats *s = it_signal_server_stat(o);
    it_serve_log_line(log,
                      "signal: %" PRIu64 " messages taken, %" PRIu64 " delivered, %" PRIu64 " sent again, %" PRIu64
                      " refused; %" PRIu64 " requests beyond a limit, %" PRIu64 " connections too many",
                      s->messages, s->delivered, s->redelivered, s->refused, s->limited, s->reset);
}

/* --- starting and stopping --- */

static void signal_stop(void *o, it_time now)
{
    (void)it_signal_server_stop(o, now); /* without memory they hear of it by the end of their streams */
}

int it_serve_signal_as(const it_serve_cfg *cfg, const char *name, it_signal_server *server, it_serve_log_cfg log,
                       it_addr *bad)
{
    it_loop_app_cfg app = {.name = name, .no_bases = true, .loopback = true};
    it_tls_cfg tls;
    uint16_t tls_port = 0;
    it_limit *l = it_serve_logged(cfg, cfg->seed, log);
    if (!l)
        return IT_ERR_NOMEM;
    int i = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    int err = i < 0 ? i : it_serve_streams(cfg, i, &tls_port, bad);
    if (err == 0)
        *cfg->stop = (it_serve_stop){.app = i, .run = signal_stop, .o = server};
    if (err < 0 || !cfg->tls)
        return err;
    err = it_serve_tls_cfg(cfg->tls, cfg->alloc, "http/1.1", &tls);
    if (err == 0)
        it_signal_server_tls(server, &tls, tls_port);
    return err;
}

int it_serve_signal(const it_serve_cfg *cfg, it_addr *bad)
{
    it_signal_server_cfg s = {.alloc = cfg->alloc,
                              .each = cfg->limit.streams,
                              .rate = cfg->limit.rate,
                              .records = IT_SERVE_RECORDS * cfg->limit.rate};
    it_rng_init(&s.rng, cfg->seed, "signal");
    it_signal_server *server = it_signal_server_new(&s);
    it_serve_log_cfg log = {
        .name = "signal", .ops = &it_signal_server_ops, .inner = server, .news = signal_news, .sum = signal_sum};
    return server ? it_serve_signal_as(cfg, "signal", server, log, bad) : IT_ERR_NOMEM;
}
