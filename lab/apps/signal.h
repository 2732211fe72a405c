/* Signaling as apps of the driver: an application's session with a signal server, a signal client
 * (stack/signal/client.h) whose events wait for the script, as those of models do; and the server, which is that of a
 * rendezvous, too. */
#ifndef IT_LAB_APPS_SIGNAL_H
#define IT_LAB_APPS_SIGNAL_H

#include "lab/driver/lab.h"
#include "stack/signal/client.h"
#include "stack/rendezvous/server.h"

typedef struct it_signal_app it_signal_app;

/* A client as |cfg| says, by the proxy |via| ("http://10.9.9.9:3128", as it_via_parse; NULL: directly). NULL without
 * memory, or with names or a proxy that are none. */
it_signal_app *it_signal_app_new(const it_signal_client_cfg *cfg, const char *via);
/* As it_signal_client_send. */
int it_signal_app_send(it_signal_app *a, const char *to, it_bytes data) IT_MUST_CHECK;
/* As it_signal_client_exits. */
void it_signal_app_exits(it_signal_app *a, const it_signal_exit *exits, size_t n);

/* Its table. Events: UP, DOWN (why), MESSAGE (data, user: whose), UNSENT (data, user: for whom, why). */
extern const it_object_ops it_app_signal;

typedef struct it_signal_server_app it_signal_server_app;

/* A server as |cfg| says. NULL without memory. */
it_signal_server_app *it_signal_server_app_new(const it_rendezvous_cfg *cfg);
/* The server itself; lives as long as |a|. */
it_signal_server *it_signal_server_app_of(it_signal_server_app *a);
/* What its rendezvous counts; likewise. */
const it_rendezvous_stats *it_signal_server_app_rendezvous(const it_signal_server_app *a);

/* Its table. Events: SECRET of TLS that logs its keys. */
extern const it_object_ops it_app_signal_server;

#endif
