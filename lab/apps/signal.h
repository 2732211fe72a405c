/* An application's session with a signal server as an app of the driver: a signal client (stack/signal/client.h) whose
 * events wait for the script, as those of models do. */
#ifndef IT_LAB_APPS_SIGNAL_H
#define IT_LAB_APPS_SIGNAL_H

#include "lab/driver/lab.h"
#include "stack/signal/client.h"

typedef struct it_signal_app it_signal_app;

/* A client as |cfg| says, by the proxy |via| ("http://10.9.9.9:3128", as it_via_parse; NULL: directly). NULL without
 * memory, or with names or a proxy that are none. */
it_signal_app *it_signal_app_new(const it_signal_client_cfg *cfg, const char *via);
/* As it_signal_client_send. */
int it_signal_app_send(it_signal_app *a, const char *to, it_bytes data) IT_MUST_CHECK;
/* As it_signal_client_exits. */
void it_signal_app_exits(it_signal_app *a, const it_signal_exit *exits, size_t n);

/* Its table. Events: UP, DOWN (why), MESSAGE (data, user: whose). */
extern const it_object_ops it_app_signal;

#endif
