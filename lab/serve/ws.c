/* The relay of datagrams over WebSocket on real sockets, behind the rate limit. */
#include "lab/serve/serve.h"

#include "stack/wsrelay/server.h"

#include <inttypes.h>

/* --- the log --- */

enum { ROOM_SHOWN = 6 }; /* letters of a room: who knows all of them may enter it */

/* Why a request was answered with |status|. */
static const char *ws_why(int status)
{
    static const struct {
        int status;
        const char *why;
    } WHY[] = {{400, "no request of HTTP"},
               {404, "its target names no room (GET /relay/ROOM/NAME)"},
               {405, "no GET"},
               {409, "two are in that room"},
               {413, "it has a body"},
               {426, "it asks for no WebSocket, or for another version"},
               {431, "its head is longer than 8,192 bytes"},
               {503, "there are as many rooms as there may be"}};
    for (size_t i = 0; i < sizeof WHY / sizeof *WHY; i++)
        if (WHY[i].status == status)
            return WHY[i].why;
    return "no handshake of a WebSocket";
}

static void ws_tell(it_serve_log *log, const it_wsrelay_tale *t)
{
    char client[IT_ADDR_TEXT];
    it_addr_text(t->client, client);
    switch (t->kind) {
    case IT_WSRELAY_TALE_JOINED:
        it_serve_log_line(log, "ws: %s is %s in room %.*s...", client, t->name, ROOM_SHOWN, t->room);
        break;
    case IT_WSRELAY_TALE_LEFT:
        it_serve_log_line(log, "ws: %s, %s, has left room %.*s...", client, t->name, ROOM_SHOWN, t->room);
        break;
    case IT_WSRELAY_TALE_REFUSED:
        it_serve_log_line(log, "ws: %s is refused: %d, %s", client, t->status, ws_why(t->status));
        break;
    case IT_WSRELAY_TALE_RESET:
        it_serve_log_line(log, "ws: %s is reset: there are too many connections", client);
        break;
    }
}

static void ws_news(void *o, it_serve_log *log)
{
    it_wsrelay_tale t;
    while (it_wsrelay_server_tale(o, &t))
        ws_tell(log, &t);
}

static void ws_sum(void *o, it_serve_log *log)
{
    const it_wsrelay_server_stats *s = it_wsrelay_server_stat(o);
    it_serve_log_line(log,
                      "ws: %" PRIu64 " joined, %" PRIu64 " replaced, %" PRIu64 " refused, %" PRIu64 " silent; %" PRIu64
                      " datagrams (%" PRIu64 " bytes) relayed, %" PRIu64 " dropped; %" PRIu64 " connections too many",
                      s->joined, s->replaced, s->refused, s->silent, s->relayed, s->bytes, s->dropped, s->reset);
}

/* --- starting and stopping --- */

static void ws_stop(void *o, it_time now)
{
    it_wsrelay_server_stop(o, now);
}

int it_serve_ws(const it_serve_cfg *cfg, it_addr *bad)
{
    it_wsrelay_server_cfg s = {.alloc = cfg->alloc};
    it_loop_app_cfg app = {.name = "ws", .no_bases = true, .loopback = true};
    it_tls_cfg tls;
    uint16_t tls_port = 0;
    it_rng_init(&s.rng, cfg->seed, "relay");
    it_wsrelay_server *server = it_wsrelay_server_new(&s);
    it_serve_log_cfg log = {
        .name = "ws", .ops = &it_wsrelay_server_ops, .inner = server, .news = ws_news, .sum = ws_sum};
    it_limit *l = server ? it_serve_logged(cfg, cfg->seed, log) : NULL;
    if (!l)
        return IT_ERR_NOMEM;
    int i = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    int err = i < 0 ? i : it_serve_streams(cfg, i, &tls_port, bad);
    if (err == 0)
        *cfg->stop = (it_serve_stop){.app = i, .run = ws_stop, .o = server};
    if (err < 0 || !cfg->tls)
        return err;
    err = it_serve_tls_cfg(cfg->tls, cfg->alloc, NULL, &tls);
    if (err == 0)
        it_wsrelay_server_tls(server, &tls, tls_port);
    return err;
}
