/* The driver of one simulated case: a world, the protocol objects on its hosts, and the events they have for the
 * script.
 *
 *     script --command--> object --output--> host socket --packet--> world --packet--> host socket --input--> object
 * --event--> script
 *
 * An app is one protocol object (a model, a STUN server) on one host. The driver opens its sockets, feeds it, ticks it,
 * sends what it puts out, follows the host's interfaces, labels packets, and hands its events on. Time moves only in
 * it_lab_run, and stops as soon as an event waits for the script. It knows nothing of Lua, files or verdicts. */
#ifndef IT_LAB_DRIVER_LAB_H
#define IT_LAB_DRIVER_LAB_H

#include "netsim/host/host.h"
#include "netsim/core/world.h"
#include "netsim/tcp/tcp.h"
#include "stack/dtls/dtls.h"
#include "stack/model/model.h"
#include "stack/object.h"

typedef struct it_lab it_lab;

/* An event for the script, its data copied. */
typedef struct it_lab_event {
    int app;           /* which, dense from 0 in order of creation */
    int media;         /* E: the media session, else -1 */
    it_model_event ev; /* data, user, why and by live until the next it_lab_event_next */
} it_lab_event;

/* One who is told what models do, besides the script: trace and capture. NULL entries are skipped. */
typedef struct it_lab_listener {
    void *self;
    void (*event)(void *self, it_time now, const it_node *host, const char *app, int media, const it_model_event *ev);
    void (*secret)(void *self, it_bytes line);
} it_lab_listener;

/* One who is told what services say (stack/service.h), when they say it: time does not stop for that. */
typedef struct it_lab_services {
    void *self;
    int (*told)(void *self, int app, const it_service_event *ev); /* 0, or an error that ends the run */
} it_lab_services;

typedef struct it_lab_cfg {
    it_alloc *alloc;
    uint64_t seed;
} it_lab_cfg;

/* An empty lab with an empty world; NULL when there is no memory. */
it_lab *it_lab_new(const it_lab_cfg *cfg);
void it_lab_free(it_lab *lab);
it_world *it_lab_world(it_lab *lab);
it_time it_lab_now(const it_lab *lab);
void it_lab_listen(it_lab *lab, it_lab_listener l);
void it_lab_listen_services(it_lab *lab, it_lab_services s);

/* The host's certificate, made on first use from the stream "HOST/cert". NULL on failure. */
const it_dtls_cert *it_lab_cert(it_lab *lab, it_host *host);

/* Puts object |o| (now owned by the lab) on |host| under |name|. With |port| >= 0 one socket on that port of every
 * address is opened at once; with -1 an ephemeral one for every usable interface address, followed as interfaces come
 * and go. Each is told as BOUND, with the least flow number that is free. Returns the app's number, or an error, |o|
 * then freed. */
int it_lab_add(it_lab *lab, it_host *host, const it_object_ops *ops, void *o, const char *name, int port) IT_MUST_CHECK;

/* Lets app |i| accept TCP streams on |port| of every address of its host, as if it had said LISTEN (stack/io.h), but
 * without a number of its own, an answer or an end before the app's. Returns 0, IT_ERR_EXISTS, IT_ERR_FULL
 * (IT_BINDS_MAX) or IT_ERR_NOMEM.
 * What the app opens and accepts is carried by its host's TCP (stack/io.h); all of it ends with the app. */
int it_lab_serve(it_lab *lab, int i, uint16_t port) IT_MUST_CHECK;

/* The same on |local| alone, an address of its host. IT_ERR_NOROUTE when it is none. */
int it_lab_serve_on(it_lab *lab, int i, it_addr local) IT_MUST_CHECK;

/* How long a stream stood still for no reason outside the hosts at its ends (it_tcp_info.still), and how long it may:
 * 1 s, or the retransmission time-out where that is longer, which is when a sender overrides what it waits for (RFC
 * 9293 section 3.8.6.2.1). */
typedef struct it_lab_still {
    int app; /* whose stream; -1: there was none */
    it_time still, bound;
} it_lab_still;

/* Fills |worst| with the stream of all apps, those that are gone among them, that exceeds its bound by most, or comes
 * nearest to it. Returns how many streams there were. */
uint32_t it_lab_stillest(it_lab *lab, it_lab_still *worst);

/* What TCP says about stream |flow| of app |i|; false when there is none. */
bool it_lab_stream_info(it_lab *lab, int i, uint32_t flow, it_tcp_info *info);

#define IT_LAB_LARGE 65507 /* the largest datagram of IPv4: as many bytes has the output buffer of every app */

/* Lets app |i| hear what is sent to groups on |port| (not 0, in place of any before), as other apps of its host may
 * too. Returns 0 or IT_ERR_NOMEM. */
int it_lab_hear(it_lab *lab, int i, uint16_t port) IT_MUST_CHECK;

/* How many apps were ever added; those that were removed keep their numbers. */
int it_lab_n_apps(const it_lab *lab);

/* The object of app |i|, for a command: it is drained, and asked for its next tick, before time moves. Who gives a
 * command must take the object anew, as a command to one that was not taken stays unheard. NULL when there is none. */
void *it_lab_app(it_lab *lab, int i);
/* The same to be looked at only. */
const void *it_lab_app_state(const it_lab *lab, int i);
/* What it is, its name and where it lives, NULL when there is none. */
const it_object_ops *it_lab_app_ops(const it_lab *lab, int i);
const char *it_lab_app_name(const it_lab *lab, int i);
it_host *it_lab_app_host(const it_lab *lab, int i);

/* The |k|-th socket address of app |i|; false past the end. */
bool it_lab_app_addr(const it_lab *lab, int i, int k, it_addr *a);

/* The app on |host| whose socket is bound to |local|, -1 when there is none. */
int it_lab_app_at(const it_lab *lab, const it_node *host, it_addr local);

/* Now, by the clock of app |i|, which is behind the world's when its host was suspended with its clocks. */
it_time it_lab_app_now(const it_lab *lab, int i);

/* Halts every app of |host|: no clock of theirs runs, nothing leaves, they are told nothing. */
void it_lab_halt(it_lab *lab, it_host *host);
/* Lets them go on, |lag| behind where the world's time would have them: 0, and all that is overdue happens now. They
 * first learn what has become of the host's interfaces. Returns 0 or an error of their sockets. */
int it_lab_go_on(it_lab *lab, it_host *host, it_time lag) IT_MUST_CHECK;
/* Ends every app of |host|, without a word to anybody: what happens to a machine that loses its power. */
void it_lab_lose(it_lab *lab, it_host *host);

/* Ends app |i|: its sockets are closed, its object freed. */
void it_lab_remove(it_lab *lab, int i);

/* Drains what commands queued in the apps: those that were taken by it_lab_app. Call after commands, before time moves;
 * it_lab_run does it too. */
int it_lab_flush(it_lab *lab) IT_MUST_CHECK;

/* Lets time run up to |until|. Returns 1 when events wait for the script (time then is theirs), or an edge of the world
 * that is no host's does (it_world_ready: the caller's to serve, lab/loop), 0 at |until|, or a negative error. */
int it_lab_run(it_lab *lab, it_time until) IT_MUST_CHECK;

/* When there is something to do next, in the world or for an app: until then time may pass by any clock. */
it_time it_lab_next(const it_lab *lab);

/* Takes the next event for the script: 1, or 0 when none waits. */
int it_lab_event_next(it_lab *lab, it_lab_event *ev);

/* The packet that is being handled: what apps send and say now comes from it. 0: none, a timer or a command is at work.
 */
uint64_t it_lab_cause(const it_lab *lab);
/* True while apps are told of an interface that changed. */
bool it_lab_link_changed(const it_lab *lab);

#endif
