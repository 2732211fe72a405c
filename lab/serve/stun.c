/* The STUN server on real sockets: one object a family by UDP, one by TCP (RFC 8489 section 12: both are a must). */
#include "lab/serve/serve.h"

#include "base/version.h"
#include "stack/stun/server_tcp.h"

#include <inttypes.h>

#define FIRST (40 * IT_SEC) /* that a client by TCP has for its request: as long as it waits for the answer (Ti) */
#define IDLE (600 * IT_SEC) /* between two requests: as long as one may need what it learned by them */

typedef struct stun_family {
    it_addr addrs[IT_SERVE_ADDRS + 2];
    size_t n;
    bool discovery;
} stun_family;

/* Picks the addresses of one family out of |cfg|. */
static void pick_family(const it_serve_cfg *cfg, bool is4, stun_family *f)
{
    f->n = 0;
    f->discovery = false;
    for (size_t i = 0; i < cfg->n_addrs; i++)
        if (it_ip_is4(cfg->addrs[i].ip) == is4)
            f->addrs[f->n++] = cfg->addrs[i];
}

static bool is_any(it_ip ip)
{
    return it_ip_none(ip) || (it_ip_is4(ip) && it_ip_v4(ip) == 0);
}

/* RFC 5780 section 6: two addresses, two ports, and all four of their combinations. Port 0 cannot be told to anybody
 * before it is known. */
static void make_square(stun_family *f)
{
    it_addr a = f->addrs[0], b = f->addrs[1];
    bool two = f->n == 2 && !it_ip_eq(a.ip, b.ip) && a.port && b.port && !is_any(a.ip) && !is_any(b.ip);
    if (!two)
        return;
    if (a.port == b.port)
        b.port = a.port == UINT16_MAX ? (uint16_t)(a.port - 1) : (uint16_t)(a.port + 1);
    f->discovery = true;
    f->addrs[1] = b;
    f->addrs[2] = it_addr_of(a.ip, b.port);
    f->addrs[3] = it_addr_of(b.ip, a.port);
    f->n = 4;
}

static int start_family(const it_serve_cfg *cfg, const stun_family *f, const char *name, it_addr *bad)
{
    it_stun_server_cfg s = {.alloc = cfg->alloc, .software = "icetank " IT_VERSION, .discovery = f->discovery};
    s.classic = true; /* RFC 8489 section 12: clients of RFC 3489 are answered where nothing else shares the port */
    it_rng_init(&s.rng, cfg->seed, name);
    if (f->discovery) {
        s.primary = f->addrs[0];
        s.alternate = f->addrs[1];
    }
    it_stun_server *server = it_stun_server_new(&s);
    if (!server)
        return IT_ERR_NOMEM;
    it_limit *l = it_limit_new(cfg->alloc, &cfg->limit, it_rng_u64(&s.rng), &it_stun_server_ops, server, cfg->count);
    if (!l)
        return IT_ERR_NOMEM;
    it_loop_app_cfg app = {.name = name, .bases = f->addrs, .n_bases = f->n, .loopback = true};
    app.bound = cfg->bound;
    app.self = cfg->self;
    int number = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    return number < 0 ? number : 0;
}

static void tcp_sum(void *o, it_serve_log *log)
{
    const it_stun_tcp_stats *s = it_stun_tcp_stat(o);
    it_serve_log_line(log,
                      "stun: %" PRIu64 " requests by TCP in %" PRIu64 " connections, of which %" PRIu64
                      " too many, %" PRIu64 " silent, %" PRIu64 " something else",
                      s->requests, s->accepted, s->reset, s->idle, s->bad);
}

/* The server by TCP behind its log and the rate limit, which counts connections; NULL without memory. */
static it_limit *new_tcp(const it_serve_cfg *cfg)
{
    static const it_stun_tcp_limits LIMITS = {.first = FIRST, .idle = IDLE};
    it_stun_server_cfg s = {.alloc = cfg->alloc, .software = "icetank " IT_VERSION};
    it_rng_init(&s.rng, cfg->seed, "stun-tcp");
    it_stun_tcp *server = it_stun_tcp_new(&s, &LIMITS);
    if (!server)
        return NULL;
    it_serve_log_cfg log = {.name = "stun", .ops = &it_stun_tcp_ops, .inner = server, .sum = tcp_sum};
    return it_serve_logged(cfg, it_rng_u64(&s.rng), log);
}

static int start_tcp(const it_serve_cfg *cfg, it_addr *bad)
{
    it_loop_app_cfg app = {.name = "stun", .no_bases = true, .loopback = true};
    uint16_t tls_port = 0;
    it_limit *l = new_tcp(cfg);
    if (!l)
        return IT_ERR_NOMEM;
    int i = it_loop_add(cfg->loop, &it_limit_ops, l, &app, bad);
    return i < 0 ? i : it_serve_streams(cfg, i, &tls_port, bad);
}

int it_serve_stun(const it_serve_cfg *cfg, it_addr *bad)
{
    stun_family f;
    int err = 0;
    for (int is4 = 1; is4 >= 0 && err == 0; is4--) {
        pick_family(cfg, is4, &f);
        make_square(&f);
        if (f.n)
            err = start_family(cfg, &f, is4 ? "stun" : "stun6", bad);
    }
    return err < 0 ? err : start_tcp(cfg, bad);
}
