/* A client of a relay over WebSocket (stack/wsrelay/client.h) as an app of the driver, whose events wait for the
 * script, as those of models do. */
#ifndef IT_LAB_APPS_RELAY_H
#define IT_LAB_APPS_RELAY_H

#include "lab/driver/lab.h"
#include "stack/wsrelay/client.h"

typedef struct it_relay_app it_relay_app;

/* A client as |cfg| says. NULL without memory, or with texts that are none. */
it_relay_app *it_relay_app_new(const it_wsrelay_client_cfg *cfg);
/* As it_wsrelay_client_send. */
int it_relay_app_send(it_relay_app *a, it_time now, it_bytes data) IT_MUST_CHECK;
void it_relay_app_close(it_relay_app *a, it_time now);
it_wsrelay_client_stats it_relay_app_stat(const it_relay_app *a);

/* Its table. Events: UP, DOWN (why: "peer", "http 409", "proxy 407", "tls unknown-ca", "closed 4000", ...), MESSAGE
 * (data); SECRET of TLS. */
extern const it_object_ops it_app_relay;

#endif
