/* A server of RTMFP as an app of the driver, whose TLS connections log their secrets, so that captures can be read. */
#ifndef IT_LAB_APPS_RTMFP_SERVER_H
#define IT_LAB_APPS_RTMFP_SERVER_H

#include "lab/driver/lab.h"
#include "stack/rtmfp/server/server.h"

typedef struct it_rtmfp_server_app it_rtmfp_server_app;

/* Makes one as |cfg| says. Returns 0 or what it_rtmfp_server_new does. */
int it_rtmfp_server_app_new(const it_rtmfp_server_cfg *cfg, it_time now, it_rtmfp_server_app **out) IT_MUST_CHECK;
/* The server itself; lives as long as |a|. */
it_rtmfp_server *it_rtmfp_server_app_of(it_rtmfp_server_app *a);

/* Its table. Events: SECRET of TLS that logs its keys. */
extern const it_object_ops it_app_rtmfp_server;

#endif
