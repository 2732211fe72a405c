/* The TURN server on real sockets, over UDP, TCP and TLS at the same addresses: one object, behind the rate limit, and
 * what people want to know of it. */
#include "lab/serve/serve.h"

#include "base/version.h"

#include <inttypes.h>
#include <string.h>

#define TAKES 32 /* datagrams before it is asked for those that it sends: a quarter of its queue */

typedef struct turn_service {
    it_alloc *alloc;
    it_turn_server *server;
    const it_stun_user *users;
} turn_service;

static void turn_tell(it_serve_log *log, const turn_service *t, const it_turn_tale *tale)
{
    char client[IT_ADDR_TEXT], relayed[IT_ADDR_TEXT];
    const char *who = t->users ? t->users[tale->user].name : "somebody";
    it_addr_text(tale->client, client);
    switch (tale->kind) {
    case IT_TURN_TALE_ALLOCATED:
        it_serve_log_line(log, "turn: %s, %.100s, has %s", client, who, it_addr_text(tale->relayed, relayed));
        break;
    case IT_TURN_TALE_REFUSED:
        it_serve_log_line(log, "turn: %s is refused: %d", client, tale->code);
        break;
    case IT_TURN_TALE_ENDED:
        it_serve_log_line(log, "turn: %s has left", client);
        break;
    }
}

static void service_news(void *o, it_serve_log *log)
{
    const turn_service *t = o;
    it_turn_tale tale;
    while (it_turn_server_tale(t->server, &tale) > 0)
        turn_tell(log, t, &tale);
}

static void service_sum(void *o, it_serve_log *log)
{
    const it_turn_server_stats *s = it_turn_server_stats_of(((const turn_service *)o)->server);
    it_serve_log_line(log,
                      "turn: %" PRIu64 " datagrams (%" PRIu64 " bytes) to peers, %" PRIu64 " (%" PRIu64
                      ") to clients, %" PRIu64 " without permission, %" PRIu64 " beyond a quota, %" PRIu64
                      " dropped; %" PRIu64 " requests, %" PRIu64 " refused",
                      s->up, s->bytes_up, s->down, s->bytes_down, s->denied, s->quota, s->dropped, s->requests,
                      s->refused);
}

/* --- the object: the server --- */

static int service_input(void *o, it_time now, const it_io *in)
{
    return it_turn_server_input(((turn_service *)o)->server, now, in);
}

static int service_tick(void *o, it_time now)
{
    return it_turn_server_tick(((turn_service *)o)->server, now);
}

static it_time service_next(const void *o)
{
    return it_turn_server_next(((const turn_service *)o)->server);
}

static int service_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_turn_server_output(((turn_service *)o)->server, now, out, buf, cap);
}

static bool service_relay(void *o, it_time now, const it_io *in, uint8_t *bytes, it_io *out)
{
    return it_turn_server_relay(((turn_service *)o)->server, now, in, bytes, out);
}

static void service_free(void *o)
{
    turn_service *t = o;
    it_turn_server_free(t->server);
    it_free(t->alloc, t);
}

static const it_object_ops SERVICE_OPS = {.kind = "turn",
                                          .input = service_input,
                                          .tick = service_tick,
                                          .next = service_next,
                                          .output = service_output,
                                          .free = service_free,
                                          .relay = service_relay,
                                          .errors = true};

/* --- starting --- */

static it_turn_server *new_server(const it_serve_cfg *cfg)
{
    const it_serve_turn_cfg *t = &cfg->turn;
    it_tls_cfg tls;
    it_turn_server_cfg s = {.alloc = cfg->alloc, .software = "icetank " IT_VERSION, .relayed_peers = true};
    s.tcp_peers = true;
    s.channels_5766 = true; /* its port is its own: libraries of that time and coturn's tools draw such numbers */
    if (t->n_users)
        s.auth = (it_stun_credentials){.realm = t->realm, .users = t->users, .n_users = t->n_users};
    s.relay4 = t->relay4;
    s.relay6 = t->relay6;
    s.limits.relays = t->allocations;
    s.limits.user_relays = t->n_users ? t->user_allocations : 0;
    s.limits.source_relays = t->n_users ? 0 : cfg->limit.streams; /* who is nobody is known by his address */
    s.policy = (it_turn_policy){.allow = t->allow, .n_allow = t->n_allow, .deny = t->deny, .n_deny = t->n_deny};
    if (cfg->tls && it_serve_tls_cfg(cfg->tls, cfg->alloc, NULL, &tls) < 0)
        return NULL;
    s.tls = cfg->tls ? &tls : NULL;
    /* All of the generator's state is the system's: nonces and tickets hang on it. */
    for (size_t i = 0; i < sizeof s.rng.s / sizeof *s.rng.s; i++)
        if (it_loop_seed(&s.rng.s[i]) < 0)
            return NULL;
    return it_turn_server_new(&s);
}

/* The server behind its log and the rate limit; NULL without memory. */
static it_limit *new_service(const it_serve_cfg *cfg)
{
    turn_service *t = it_calloc(cfg->alloc, 1, sizeof *t);
    if (!t)
        return NULL;
    *t = (turn_service){.alloc = cfg->alloc};
    t->users = cfg->turn.n_users ? cfg->turn.users : NULL;
    t->server = new_server(cfg);
    if (!t->server) {
        it_free(cfg->alloc, t);
        return NULL;
    }
    it_serve_log_cfg log = {.name = "turn", .ops = &SERVICE_OPS, .inner = t, .news = service_news, .sum = service_sum};
    return it_serve_logged(cfg, cfg->seed, log);
}

/* Where datagrams are taken: at every address and, where there is DTLS, on its port of each host once (RFC 7350 section
 * 3: the one of TLS). Returns how many. */
static size_t turn_bases(const it_serve_cfg *cfg, it_addr out[2 * IT_SERVE_ADDRS])
{
    size_t n = cfg->n_addrs;
    memcpy(out, cfg->addrs, n * sizeof *out);
    for (size_t k = 0; cfg->tls && cfg->tls->port && k < cfg->n_addrs; k++) {
        it_addr at = it_addr_of(cfg->addrs[k].ip, cfg->tls->port);
        bool there = false;
        for (size_t i = 0; i < n; i++)
            there = there || it_addr_eq(out[i], at);
        if (!there)
            out[n++] = at;
    }
    return n;
}

int it_serve_turn(const it_serve_cfg *cfg, it_addr *bad)
{
    it_addr bases[2 * IT_SERVE_ADDRS];
    it_loop_app_cfg app = {.name = "turn", .bases = bases, .n_bases = turn_bases(cfg, bases), .loopback = true};
    uint16_t tls_port = 0;
    app.burst = TAKES;
    app.bound = cfg->bound;
    app.self = cfg->self;
    app.port_first = cfg->turn.port_first;
    app.port_last = cfg->turn.port_last;
    it_limit *l = new_service(cfg);
    if (!l)
        return IT_ERR_NOMEM;
    int i = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    return i < 0 ? i : it_serve_streams(cfg, i, &tls_port, bad);
}
