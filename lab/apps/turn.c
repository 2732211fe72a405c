/* Sockets of its own before a server that is told of bases: numbers are translated both ways.
 *
 *     driver:  base 0, 1 ...     OURS + k, a datagram socket     LISTENS + k       BOUND + r, relayed     accepted
 *     server:  (nothing)         base k                          (nothing)         the same               the same */
#include "lab/apps/turn.h"

#include "lab/apps/named.h"
#include "stack/model/model.h"

#include <string.h>

#define OURS (IT_IO_BOUND_FLOW + 0x20000000u) /* beyond all relayed sockets of a server */
#define LISTENS (IT_IO_BOUND_FLOW + 0x30000000u)
#define SOCKETS IT_TURN_SERVER_BASES

typedef struct turn_socket {
    it_addr local;
    bool asked, bound;
} turn_socket;

typedef struct turn_app {
    it_alloc *alloc;
    it_turn_app_cfg cfg;
    it_turn_server *s;
    turn_socket socket[SOCKETS]; /* of datagrams: number k is OURS + k */
    int n_sockets;
    uint16_t ports[2 * IT_TURN_APP_PORTS], udp[2 * IT_TURN_APP_PORTS]; /* of streams, of datagrams */
    uint32_t n_udp;
    uint32_t n_ports, listens; /* so many were said */
    int waiting;               /* sockets without an answer */
    bool refused, told;
    it_model_event event;
} turn_app;

/* Appends |ports| to the |*n| in |out|. */
static void take_ports(uint16_t out[2 * IT_TURN_APP_PORTS], uint32_t *n, const uint16_t ports[IT_TURN_APP_PORTS])
{
    for (int i = 0; i < IT_TURN_APP_PORTS && ports[i]; i++)
        out[(*n)++] = ports[i];
}

void *it_turn_app_new(const it_turn_app_cfg *cfg)
{
    turn_app *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = cfg->alloc;
    a->cfg = *cfg;
    it_turn_server_cfg s = {.alloc = cfg->alloc,
                            .rng = cfg->rng,
                            .software = "icetank",
                            .auth = cfg->auth,
                            .no_relay4 = cfg->no_relay4,
                            .no_relay6 = cfg->no_relay6,
                            .relayed_peers = true, /* two peers that both reach nothing but this server */
                            .mobility = cfg->mobility,
                            .tcp_peers = cfg->tcp_peers};
    s.policy.allow = a->cfg.allow;
    s.policy.deny = a->cfg.deny;
    s.policy.n_allow = cfg->n_allow;
    s.policy.n_deny = cfg->n_deny;
    s.limits.lifetime = (uint32_t)(cfg->lifetime / IT_SEC);
    s.limits.max_lifetime = (uint32_t)(cfg->max_lifetime / IT_SEC);
    s.limits.user_relays = cfg->user_relays;
    s.tls = cfg->secure.shared ? &cfg->secure : NULL;
    a->s = it_turn_server_new(&s);
    if (!a->s) {
        it_free(a->alloc, a);
        return NULL;
    }
    take_ports(a->ports, &a->n_ports, cfg->tcp);
    take_ports(a->ports, &a->n_ports, cfg->tls);
    take_ports(a->udp, &a->n_udp, cfg->udp);
    take_ports(a->udp, &a->n_udp, cfg->dtls);
    a->waiting = (int)a->n_ports;
    return a;
}

const it_turn_server *it_turn_app_server(const void *app)
{
    return ((const turn_app *)app)->s;
}

/* The host has an address: a socket on each port of it. Without such ports the server learns it all the same, so that
 * it can lend addresses there: what comes to the base itself is dropped. Returns 0 or IT_ERR_NOMEM. */
static int turn_base(turn_app *a, it_time now, const it_io *in)
{
    it_ip ip = in->local.ip;
    if (a->n_udp == 0) {
        int n = it_turn_server_input(a->s, now, in);
        return n < 0 ? n : 0;
    }
    for (uint32_t i = 0; i < a->n_udp && a->n_sockets < SOCKETS; i++) {
        a->socket[a->n_sockets++] = (turn_socket){.local = it_addr_of(ip, a->udp[i])};
        a->waiting++;
    }
    return 0;
}

/* A socket of ours was bound, or refused. Returns 0 or IT_ERR_NOMEM. */
static int turn_bound(turn_app *a, it_time now, uint32_t k, it_addr local)
{
    if (k >= (uint32_t)a->n_sockets || a->socket[k].bound)
        return 0;
    a->waiting--;
    a->socket[k].bound = local.port != 0;
    a->refused |= local.port == 0;
    if (local.port == 0)
        return 0;
    int n = it_turn_server_input(a->s, now, &(it_io){.kind = IT_IO_BOUND, .flow = k, .local = local});
    return n < 0 ? n : 0;
}

static bool is_ours(uint32_t flow)
{
    return flow >= OURS && flow < LISTENS;
}

/* Something of a base, which is of no use but to know addresses by. */
static int turn_base_input(turn_app *a, it_time now, const it_io *in)
{
    if (in->kind == IT_IO_BOUND)
        return turn_base(a, now, in);
    if (in->kind == IT_IO_UNBIND && a->n_udp == 0)
        return it_turn_server_input(a->s, now, in);
    return (int)in->data.n;
}

/* Something of a socket that accepts streams; one that is gone says nothing more. */
static int turn_listener_input(turn_app *a, const it_io *in)
{
    if (in->kind == IT_IO_LISTENING) {
        a->waiting--;
        a->refused |= in->local.port == 0;
    }
    return (int)in->data.n;
}

static int turn_input(void *o, it_time now, const it_io *in)
{
    turn_app *a = o;
    it_io io = *in;
    if (in->flow < IT_TURN_APP_BASES)
        return turn_base_input(a, now, in);
    if (in->flow >= LISTENS && in->flow < IT_IO_ACCEPTED_FLOW)
        return turn_listener_input(a, in);
    if (!is_ours(in->flow))
        return it_turn_server_input(a->s, now, in);
    if (in->kind == IT_IO_BOUND)
        return turn_bound(a, now, in->flow - OURS, in->local);
    io.flow = in->flow - OURS;
    return it_turn_server_input(a->s, now, &io);
}

static int turn_tick(void *o, it_time now)
{
    return it_turn_server_tick(((turn_app *)o)->s, now);
}

static it_time turn_next(const void *o)
{
    return it_turn_server_next(((const turn_app *)o)->s);
}

/* The next socket that is to be opened: 1, or 0. */
static int turn_open(turn_app *a, it_io *out)
{
    if (a->listens < a->n_ports) {
        uint32_t i = a->listens++;
        *out = (it_io){.kind = IT_IO_LISTEN, .flow = LISTENS + i, .local = {{0, 0}, a->ports[i]}};
        return 1;
    }
    for (uint32_t k = 0; k < (uint32_t)a->n_sockets; k++) {
        if (a->socket[k].asked)
            continue;
        a->socket[k].asked = true;
        *out = (it_io){.kind = IT_IO_BIND, .flow = OURS + k, .local = a->socket[k].local};
        return 1;
    }
    return 0;
}

static int turn_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    turn_app *a = o;
    if (turn_open(a, out))
        return 1;
    int n = it_turn_server_output(a->s, now, out, buf, cap);
    if (n == 1 && out->kind == IT_IO_DGRAM && out->flow < IT_IO_BOUND_FLOW)
        out->flow += OURS;
    return n;
}

static void turn_event_of(turn_app *a, const it_turn_tale *tale)
{
    a->event = (it_model_event){.kind = IT_EV_DOWN, .remote = tale->client, .status = tale->code};
    switch (tale->kind) {
    case IT_TURN_TALE_ALLOCATED:
        a->event.kind = IT_EV_UP;
        a->event.local = tale->relayed;
        break;
    case IT_TURN_TALE_REFUSED:
        a->event.why = it_stun_reason(tale->code);
        break;
    case IT_TURN_TALE_ENDED:
        a->event.why = "ended";
        break;
    }
}

static int turn_event(void *o, it_object_event *ev)
{
    turn_app *a = o;
    it_turn_tale tale;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->event};
    if (!a->told && a->waiting == 0 && (a->n_sockets > 0 || a->n_udp == 0)) {
        a->told = true;
        a->event = (it_model_event){.kind = a->refused ? IT_EV_CLOSED : IT_EV_OPEN};
        return 1;
    }
    if (!it_turn_server_tale(a->s, &tale))
        return 0;
    turn_event_of(a, &tale);
    return 1;
}

static void turn_free(void *o)
{
    turn_app *a = o;
    it_turn_server_free(a->s);
    it_free(a->alloc, a);
}

const it_object_ops it_app_turn = {.kind = "turn",
                                   .input = turn_input,
                                   .tick = turn_tick,
                                   .next = turn_next,
                                   .output = turn_output,
                                   .event = turn_event,
                                   .free = turn_free,
                                   .errors = true};

/* host:serve { "turn", port = 3478 }: by UDP and TCP, for the user "tank" with the password "tank". */
static void *turn_make(it_alloc *alloc, uint16_t port)
{
    static const it_stun_user USER = {"tank", "tank"};
    it_turn_app_cfg cfg = {.alloc = alloc, .udp = {port}, .tcp = {port}};
    cfg.auth = (it_stun_credentials){.realm = "icetank", .users = &USER, .n_users = 1};
    it_rng_init(&cfg.rng, port, "serve/turn");
    return it_turn_app_new(&cfg);
}

const it_named_app it_named_turn = {&it_app_turn, turn_make};
