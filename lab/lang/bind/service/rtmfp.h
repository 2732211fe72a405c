/* What clients of RTMFP servers in scenarios have in common. */
#ifndef IT_LAB_LANG_BIND_SERVICE_RTMFP_H
#define IT_LAB_LANG_BIND_SERVICE_RTMFP_H

#include "lab/lang/bind/impl.h"
#include "stack/rtmfp/flash/client.h"

/* How a server's WebSocket is reached. */
typedef struct it_script_rtmfp_web {
    it_rtws_client_cfg cfg;
    it_tls_cfg tls;
    enum it_rtmfp_transport transport;
    it_time fallback;
} it_script_rtmfp_web;

/* Reads field "web" of the table at |index| into |*web|: { addr =, host =, via =, tls = whose certificate, managed =,
 * fallback = in ns, only = }. False: there is none. What |*web| points to is itself, |label| and what stays on the
 * stack. Raises an error for a proxy that is none. */
bool it_script_rtmfp_web_of(lua_State *L, int index, const char *label, it_script_rtmfp_web *web);

#endif
