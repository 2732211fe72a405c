/* An end of RTMFP as an app of the driver, as a client of Flash is one: it keeps a NetConnection to a rendezvous
 * server, calls other ends by their peer IDs and is called by them, and exchanges messages over one flow in each
 * direction. Its events wait for the script, as those of models do. */
#ifndef IT_LAB_APPS_RTMFP_RTMFP_H
#define IT_LAB_APPS_RTMFP_RTMFP_H

#include "lab/driver/lab.h"
#include "stack/rtmfp/rtmfp.h"

#define IT_RTMFP_APP_SERVERS 4 /* addresses of the server */

typedef struct it_rtmfp_app_cfg {
    it_alloc *alloc;
    it_rng rng;
    it_addr server[IT_RTMFP_APP_SERVERS]; /* all are asked, the first that answers is taken */
    int servers;
    it_time keepalive, death; /* as it_rtmfp_cfg */
    size_t window;            /* the same: bytes that a flow of its peer's may have under way */
} it_rtmfp_app_cfg;

typedef struct it_rtmfp_app it_rtmfp_app;

/* Makes one with a static certificate, and begins to call its server; a session that is lost is sought anew. Needs
 * it_ossl_init. Returns 0 or what it_rtmfp_new does. */
int it_rtmfp_app_new(const it_rtmfp_app_cfg *cfg, it_time now, it_rtmfp_app **out) IT_MUST_CHECK;
/* Its peer ID: IT_RTMFP_PRINT bytes. */
const uint8_t *it_rtmfp_app_print(const it_rtmfp_app *a);
/* Calls |print| by way of the server. OPEN or DEATH follows. Returns 0, IT_ERR_STATE while a call is on, IT_ERR_FULL,
 * IT_ERR_NOMEM, IT_ERR_CRYPTO. */
int it_rtmfp_app_call(it_rtmfp_app *a, it_time now, const uint8_t print[IT_RTMFP_PRINT]);
/* Sends a message to the peer. Returns 0, IT_ERR_STATE without a peer, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_rtmfp_app_send(it_rtmfp_app *a, it_time now, it_bytes data);
/* Ends the session with the peer, or the call. Returns 0 or IT_ERR_STATE. */
int it_rtmfp_app_hang_up(it_rtmfp_app *a, it_time now);

/* Its table. Events: UP, DOWN of the NetConnection; OPEN, MESSAGE, FAILOVER (the peer has moved), DEATH,
 * CLOSED of that with the peer. */
extern const it_object_ops it_app_rtmfp;

#endif
