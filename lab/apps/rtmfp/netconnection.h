/* A client of Flash (stack/rtmfp/flash/client.h) as an app of the driver: what it tells becomes the events of scripts,
 * of the connection or of one of its streams by its number. */
#ifndef IT_LAB_APPS_RTMFP_NETCONNECTION_H
#define IT_LAB_APPS_RTMFP_NETCONNECTION_H

#include "lab/driver/lab.h"
#include "stack/rtmfp/flash/client.h"

typedef struct it_netconnection it_netconnection;

/* Makes one, which begins to connect. Returns 0 or what it_rtmfp_client_new does. */
int it_netconnection_new(const it_rtmfp_client_cfg *cfg, it_time now, it_netconnection **out) IT_MUST_CHECK;
/* The client itself, for commands. */
it_rtmfp_client *it_netconnection_client(it_netconnection *a);

/* Its table. Events: STATUS, with a code as |why|; MESSAGE of a stream; SUBSCRIBER of a published one, |flow| is the
 * subscriber's number and |user| its peer ID. */
extern const it_object_ops it_app_netconnection;

#endif
