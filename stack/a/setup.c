/* What a specifier and a configuration come to: the servers of the calls, the client of the rendezvous. */
#include "stack/a/impl.h"

#include <stdio.h>
#include <string.h>

#define RENDEZVOUS_PORT 80
#define RENDEZVOUS_TLS_PORT 443

static int setup_fail(it_a_fault *fault, int err, const char *why)
{
    *fault = (it_a_fault){0, why};
    return err;
}

/* What is known of |name|, or of the literal |ip|; false: nothing. */
static bool setup_host(const it_a_cfg *cfg, const char *name, it_ip ip, it_a_host *h)
{
    *h = (it_a_host){.name = name, .full_name = name};
    for (size_t i = 0; i < cfg->n_hosts; i++) {
        if (strcmp(cfg->hosts[i].name, name) != 0)
            continue;
        *h = cfg->hosts[i];
        h->full_name = h->full_name ? h->full_name : name;
        return true;
    }
    if (it_ip_none(ip))
        return false;
    h->ip[!it_ip_is4(ip)] = ip;
    return true;
}

static int setup_stun(it_a *a, const it_a_cfg *cfg, it_a_fault *fault)
{
    for (int i = 0; i < a->spec.n_stun; i++) {
        it_a_host h;
        if (!setup_host(cfg, a->spec.stun[i].host, a->spec.stun[i].ip, &h))
            return setup_fail(fault, IT_ERR_NOTFOUND, "no address is known of a STUN server");
        for (int k = 0; k < 2; k++) {
            if (it_ip_none(h.ip[k]))
                continue;
            if (a->cfg.b.n_stun == IT_ICE_SERVERS_MAX)
                return setup_fail(fault, IT_ERR_FULL, "more than 4 addresses of STUN servers");
            a->cfg.b.stun[a->cfg.b.n_stun++] = it_addr_of(h.ip[k], a->spec.stun[i].port);
        }
    }
    return 0;
}

static int setup_turn(it_a *a, const it_a_cfg *cfg, it_a_fault *fault)
{
    for (int i = 0; i < a->spec.n_turn && !cfg->direct_only; i++) {
        it_ice_turn *t = &a->cfg.b.turn[a->cfg.b.n_turn];
        const it_turn_uri *u = &a->spec.turn[i];
        it_ip ips[2];
        size_t n = 0;
        it_a_host h;
        if (a->cfg.b.n_turn == IT_ICE_TURN_MAX)
            return setup_fail(fault, IT_ERR_FULL, "more than 8 TURN servers");
        if (!setup_host(cfg, u->host, u->ip, &h))
            return setup_fail(fault, IT_ERR_NOTFOUND, "no address is known of a TURN server");
        for (int k = 0; k < 2; k++)
            if (!it_ip_none(h.ip[k]))
                ips[n++] = h.ip[k];
        if (u->secure && !cfg->b.tls.shared)
            return setup_fail(fault, IT_ERR_UNSUPPORTED, "a TURN server by TLS, and there is no TLS");
        if (it_ice_turn_of_uri(t, u, ips, n, a->spec.user, a->spec.password) < 0)
            return setup_fail(fault, IT_ERR_NOTFOUND, "no address is known of a TURN server");
        if (it_ip_none(u->ip))
            snprintf(t->name, sizeof t->name, "%s", h.full_name);
        a->cfg.b.n_turn++;
    }
    return 0;
}

static int setup_web(it_a *a, const it_a_cfg *cfg, it_a_fault *fault)
{
    it_b_web_cfg *w = &a->cfg.b.web;
    for (int i = 0; i < a->spec.n_web && !cfg->direct_only; i++) {
        const it_a_place *p = &a->spec.web[i];
        it_a_host h;
        if (!setup_host(cfg, p->host, p->ip, &h))
            return setup_fail(fault, IT_ERR_NOTFOUND, "no address is known of a relay over WebSocket");
        if (strlen(h.full_name) >= sizeof w->name)
            return setup_fail(fault, IT_ERR_RANGE, "the name of a relay over WebSocket has more than 63 bytes");
        if (p->secure && !w->tls.shared)
            return setup_fail(fault, IT_ERR_UNSUPPORTED, "a relay over WebSocket by TLS, and there is no TLS");
        snprintf(w->name, sizeof w->name, "%s", h.full_name);
        for (int k = 0; k < 2; k++) {
            uint16_t port = p->port ? p->port : p->secure ? RENDEZVOUS_TLS_PORT : RENDEZVOUS_PORT;
            if (it_ip_none(h.ip[k]))
                continue;
            if (w->n == IT_WSRELAY_WAYS)
                return setup_fail(fault, IT_ERR_FULL, "more than 8 ways to a relay over WebSocket");
            w->target[w->n++] =
                (it_wsrelay_way){.server = it_addr_of(h.ip[k], port), .tls = p->secure, .via = h.via[k]};
        }
    }
    return 0;
}

static int setup_server(it_a *a, const it_a_cfg *cfg, it_a_fault *fault)
{
    const it_a_place *p = &a->spec.server;
    bool known = setup_host(cfg, p->host, p->ip, &a->server);
    if (!known && cfg->resolver.port == 0 && cfg->via.kind == IT_VIA_NONE)
        return setup_fail(fault, IT_ERR_NOTFOUND, "no address is known of the rendezvous server");
    if (p->secure && !cfg->tls)
        return setup_fail(fault, IT_ERR_UNSUPPORTED, "a rendezvous server by TLS, and there is no TLS");
    return 0;
}

int it_a_setup(it_a *a, const it_a_cfg *cfg, it_a_fault *fault)
{
    static int (*const PARTS[])(it_a *, const it_a_cfg *, it_a_fault *) = {setup_server, setup_stun, setup_turn,
                                                                           setup_web};
    int err = it_a_spec_read(&a->spec, cfg->url, fault);
    if (err == 0 && cfg->b.n_streams > 1)
        err = setup_fail(fault, IT_ERR_RANGE, "a call has one media stream");
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS && err == 0; i++)
        err = PARTS[i](a, cfg, fault);
    return err;
}

int it_a_meet(it_a *a)
{
    const it_a_place *p = &a->spec.server;
    const it_a_host *h = &a->server;
    bool six = it_ip_none(h->ip[0]), by_name = a->cfg.resolver.port != 0 || it_ip_none(h->ip[six]);
    char box[20] = "a-", stream[A_NAME + 16];
    it_rng_text(&a->rng, box + 2, 16, "0123456789abcdef");
    box[18] = '\0';
    it_signal_client_cfg s = {.alloc = a->alloc,
                              .mode = a->spec.poll ? IT_SIGNAL_POLL : IT_SIGNAL_WEBSOCKET,
                              .box = box,
                              .host = by_name && it_ip_none(p->ip) ? h->full_name : NULL,
                              .server = it_addr_of(h->ip[six], p->port),
                              .server_too = six ? (it_ip){0, 0} : h->ip[1],
                              .resolver = a->cfg.resolver,
                              .via = a->cfg.via,
                              .n_exits = a->cfg.n_exits,
                              .tls = p->secure ? a->cfg.tls : NULL};
    if (p->port == 0) { /* who is let out by 443 alone is let in there */
        s.server.port = p->secure ? RENDEZVOUS_TLS_PORT : RENDEZVOUS_PORT;
        s.also = p->secure ? 0 : RENDEZVOUS_TLS_PORT;
    }
    memcpy(s.exits, a->cfg.exits, sizeof s.exits);
    snprintf(stream, sizeof stream, "%s/rendezvous", a->name);
    it_rng_init(&s.rng, a->cfg.b.seed, stream);
    a->signal = it_signal_client_new(&s);
    return a->signal ? 0 : IT_ERR_NOMEM;
}
