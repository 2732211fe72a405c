/* By which way a client reaches its server: RTMFP over UDP, or RTWebSocket. */
#include "stack/rtmfp/flash/client_impl.h"

#include <stdio.h>

int it_rtmfp_transport_new(it_rtmfp_client *c, const it_rtws_client_cfg *web)
{
    c->fall_at = IT_NEVER;
    if (!c->cfg.fallback)
        c->cfg.fallback = IT_RTMFP_FALLBACK;
    if (c->cfg.fallback > c->cfg.open / 2)
        c->cfg.fallback = c->cfg.open / 2;
    if (!web) {
        c->cfg.transport = IT_RTMFP_UDP_ONLY;
        return 0;
    }
    if (c->cfg.transport == IT_RTMFP_UDP_ONLY)
        return 0;
    it_rtws_client_cfg cfg = *web;
    it_rng rng = c->cfg.rng; /* a copy: what the end over UDP draws is the same with this way and without it */
    cfg.alloc = c->alloc;
    cfg.keepalive = c->cfg.keepalive;
    cfg.death = c->cfg.death;
    it_rng_init(&cfg.rng, it_rng_u64(&rng), "rtws");
    c->web_at = web->server;
    c->web = it_rtws_client_new(&cfg);
    return c->web ? 0 : IT_ERR_RANGE;
}

int it_rtmfp_transport_connect(it_rtmfp_client *c, it_time now)
{
    c->fall_at = IT_NEVER;
    if (c->cfg.transport == IT_RTMFP_WS_ONLY)
        return it_rtws_client_connect(c->web, now, &c->server);
    int err = it_rtmfp_connect(c->r, now, it_bytes_of(c->epd, c->epd_n), c->cfg.server, c->cfg.servers, &c->server);
    if (err == IT_ERR_RANGE && c->web) /* it has no address for UDP */
        return it_rtws_client_connect(c->web, now, &c->server);
    if (err == 0 && c->web)
        c->fall_at = now + c->cfg.fallback;
    return err;
}

bool it_rtmfp_transport_fall(it_rtmfp_client *c, it_time now)
{
    uint32_t udp = c->server;
    if (c->fall_at == IT_NEVER)
        return false;
    c->fall_at = IT_NEVER;
    int err = it_rtws_client_connect(c->web, now, &c->server);
    it_rtmfp_client_done(c, err);
    if (err)
        return false;
    (void)it_rtmfp_abort(c->r, now, udp); /* it may be over already; its end is nobody's any more */
    return true;
}

void it_rtmfp_transport_opened(it_rtmfp_client *c)
{
    c->fall_at = IT_NEVER;
}

bool it_rtmfp_client_seeks(const it_rtmfp_client *c)
{
    return c->server != 0;
}

bool it_rtmfp_client_over_ws(const it_rtmfp_client *c)
{
    return c->server >= IT_RTWS_SESSIONS;
}

int it_rtmfp_client_secret(const it_rtmfp_client *c, char line[IT_TLS_LINE_MAX])
{
    return c->web ? it_rtws_client_secret(c->web, line) : 0;
}

it_rtmfp_carrier it_rtmfp_client_carrier(const it_rtmfp_client *c, uint32_t session)
{
    return session >= IT_RTWS_SESSIONS ? it_rtws_client_carrier(c->web) : it_rtmfp_carrier_of(c->r);
}

int it_rtmfp_client_describe(const it_rtmfp_client *c, uint32_t session, it_rtmfp_info *out)
{
    if (session < IT_RTWS_SESSIONS)
        return it_rtmfp_describe(c->r, session, out);
    if (session != c->server)
        return IT_ERR_NOTFOUND;
    it_rtws_client_info web = it_rtws_client_describe(c->web);
    *out = (it_rtmfp_info){.state = c->conn.state == IT_RTMFP_CONNECTION_NONE ? IT_RTMFP_KEYING_SENT : IT_RTMFP_OPENED,
                           .initiator = true,
                           .stream = true,
                           .path = {.local = web.local, .remote = c->web_at},
                           .srtt = web.rtt,
                           .unanswered = web.unanswered};
    return 0;
}
