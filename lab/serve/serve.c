/* The table of services. A new one: its file, and a row here. */
#include "lab/serve/serve.h"

#include <string.h>

const it_service IT_SERVICES[] = {
    {"stun", "a STUN server (RFC 8489); with two --listen of a family also NAT behavior discovery (RFC 5780)", 3478,
     it_serve_stun},
    {"signal", "a signal server: messages between mailboxes by WebSocket or HTTP long poll (docs/signal.md)", 80,
     it_serve_signal},
    {"rtmfp", "a rendezvous server of RTMFP (RFC 7016): introduces peers by their peer IDs", 1935, it_serve_rtmfp},
    {NULL, NULL, 0, NULL},
};

const it_service *it_service_of(const char *name)
{
    for (const it_service *s = IT_SERVICES; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}
