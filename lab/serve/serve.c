/* The table of services. A new one: its file, and a row here. */
#include "lab/serve/serve.h"

#include <string.h>

const it_service IT_SERVICES[] = {
    {"stun", "a STUN server (RFC 8489); with two --listen of a family also NAT behavior discovery (RFC 5780)", 3478,
     it_serve_stun},
    {"turn", "a TURN server (RFC 8656) over UDP and TCP, which also answers STUN", 3478, it_serve_turn},
    {"signal", "a signal server: messages between mailboxes by WebSocket or HTTP long poll (docs/signal.md)", 80,
     it_serve_signal},
    {"relay", "a relay of datagrams over WebSocket: two in a room, GET /relay/ROOM/NAME (stack/wsrelay/wire.h)", 80,
     it_serve_relay},
    {"rtmfp", "a rendezvous server of RTMFP (RFC 7016): introduces peers by their peer IDs", 1935, it_serve_rtmfp},
    {NULL, NULL, 0, NULL},
};

/* Whether |a| stands for every address of its family. */
static bool is_any(it_addr a)
{
    return it_ip_none(a.ip) || (it_ip_is4(a.ip) && it_ip_v4(a.ip) == 0);
}

int it_serve_listen(const it_serve_cfg *cfg, int app, size_t k, it_addr *bad)
{
    int err = it_loop_listen(cfg->loop, app, cfg->addrs[k]);
    /* A machine without a family (ipv6.disable=1) has no address of it, and every one of those is served. */
    if (err == IT_ERR_NOROUTE && is_any(cfg->addrs[k]))
        return 0;
    if (err < 0)
        *bad = cfg->addrs[k];
    return err;
}

const it_service *it_service_of(const char *name)
{
    for (const it_service *s = IT_SERVICES; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}
