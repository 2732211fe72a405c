/* What the files of the driver share: lab.c (the loop), app.c (apps by number and by host), socket.c (datagram sockets
 * that the driver opens), bind.c (those that apps bind, and what accepts streams), stream.c (streams), power.c (hosts
 * that stand still or lose everything).
 *
 * The driver wakes whom it concerns. An app is touched by an input, a tick, a command and a change of its sockets; only
 * touched apps are drained, in the order of their numbers, and asked when they want to tick, which a tournament keeps.
 * What a host tells of a socket finds its app by tables, so that neither idle apps nor idle sockets cost anything. */
#ifndef IT_LAB_DRIVER_IMPL_H
#define IT_LAB_DRIVER_IMPL_H

#include "lab/driver/lab.h"

#include "base/table/bits.h"
#include "base/table/map.h"
#include "base/table/tourney.h"
#include "lab/driver/bind.h"
#include "lab/driver/label.h"
#include "lab/driver/stream.h"

#define APP_NAME 64

typedef struct lab_socket {
    uint32_t flow; /* the app's number for it: the least that was free */
    int socket;    /* of the host */
    int iface;
    it_addr local;
} lab_socket;

/* The streams, or the bound sockets, of one app: a chain in the order of their slots. IT_BITS_NONE ends it. */
typedef struct lab_chain {
    uint32_t first, last, n;
} lab_chain;

typedef struct lab_app {
    const it_object_ops *ops; /* NULL: removed */
    void *o;
    it_host *host;
    char name[APP_NAME];
    int port;            /* fixed port, or -1: ephemeral sockets that follow the interfaces */
    uint16_t group_port; /* it_lab_hear; 0: none */
    bool halted;         /* it_lab_halt: nothing of it runs */
    it_time lag;         /* its clock is behind the world's by that: it stood still while the host was suspended */
    int before, after;   /* on its host, in the order of numbers; -1: none */
    int hears_next;      /* the next of its host that hears |group_port|, in the order of numbers; -1: none */
    lab_chain streams, binds;
    lab_socket *sockets;
    size_t n_sockets, cap_sockets;
} lab_app;

/* What the driver keeps of a host, by the index of its node. */
typedef struct lab_host {
    int first, last; /* of its apps, in the order of numbers; -1: none */
    it_dtls_cert *cert;
} lab_host;

typedef struct queued {
    it_lab_event e;
    uint8_t *bytes; /* owned copies of what the event points to, one block */
} queued;

/* What a socket number of a host stands for. */
enum lab_owner { LAB_NOBODY, LAB_APP, LAB_BIND, LAB_STREAM };

typedef struct lab_owned {
    enum lab_owner kind;
    uint32_t index; /* of the app, the bound socket, the stream */
} lab_owned;

struct it_lab {
    it_alloc *alloc;
    it_world *world;
    it_lab_listener listener;
    it_lab_services services;
    lab_app *apps;
    size_t n_apps, cap_apps;
    lab_host *hosts;
    size_t n_hosts, cap_hosts;
    it_bits touched;  /* apps to be drained */
    it_bits due;      /* scratch of tick_apps: apps whose time has come */
    it_bits watchers; /* apps whose ops watch more than their inputs */
    uint64_t upsets;  /* of the world, when the watchers were touched last */
    it_tourney next;  /* when apps want to tick, by the world's clock */
    it_map owners;    /* (host, socket) -> kind and index */
    it_map flows;     /* (app, flow) -> index of the bound socket or the stream */
    it_map places;    /* (host, address) -> app: sockets that the driver opened */
    it_map hears;     /* (host, group port) -> the first app that hears it */
    queued *q;
    size_t q_head, q_n, q_cap;
    uint8_t *taken;   /* bytes of the event taken last */
    it_labels labels; /* of what is sent */
    it_streams streams;
    it_binds binds;
    uint64_t cause; /* the packet being handled, 0: none */
    bool link_changed;
    it_time stuck_at; /* the instant being drained, and how often */
    int rounds;
};

/* --- app.c --- */

/* The |i|-th app, NULL when it was removed or never was. */
lab_app *it_lab_app_of(const it_lab *lab, int i);
/* The first app of |h|, and the one after |i| on the same host, in the order of their numbers; -1: none. */
int it_lab_first_on(const it_lab *lab, it_host *h);
int it_lab_after(const it_lab *lab, int i);
/* App |i| is concerned: it is drained and asked for its next tick before time moves. */
static inline void it_lab_touch(it_lab *lab, int i)
{
    it_bits_add(&lab->touched, (uint32_t)i);
}
/* Asks app |i|, which exists or did, when it wants to tick. */
void it_lab_ask_next(it_lab *lab, int i);
/* Gives |in| to app |i|, which must exist, by its own clock. Returns the bytes it took or its error. */
int it_lab_input(it_lab *lab, int i, const it_io *in);

/* Says what |socket| of |h| is, or that it is nobody's. Returns 0 or IT_ERR_NOMEM. */
int it_lab_own(it_lab *lab, it_host *h, int socket, lab_owned what) IT_MUST_CHECK;
void it_lab_disown(it_lab *lab, it_host *h, int socket);
lab_owned it_lab_owner(const it_lab *lab, it_host *h, int socket);

/* The slot of what app |app| calls |flow| (a bound socket's or a stream's, which the number tells), IT_MAP_NONE when it
 * is none; giving it a slot (0 or IT_ERR_NOMEM), taking it away. */
uint32_t it_lab_flow(const it_lab *lab, int app, uint32_t flow);
int it_lab_flow_put(it_lab *lab, int app, uint32_t flow, uint32_t slot) IT_MUST_CHECK;
void it_lab_flow_del(it_lab *lab, int app, uint32_t flow);

/* --- socket.c --- */

/* Opens a socket for every usable address of |a|'s host that has none. Returns 0 or an error of the sockets or the
 * object. */
int it_lab_open_sockets(it_lab *lab, lab_app *a);
void it_lab_close_sockets(it_lab *lab, lab_app *a);
/* The socket that |a| calls |flow|, or that the host calls |socket|, or by which it hears a group |ev| was sent to: one
 * of the interface and the family. NULL when there is none. */
const lab_socket *it_lab_socket_of_flow(const lab_app *a, uint32_t flow);
const lab_socket *it_lab_socket_of(const lab_app *a, int socket);
const lab_socket *it_lab_socket_for_group(const lab_app *a, const it_host_event *ev);
/* Takes |a| off the list of those that hear groups. */
void it_lab_deafen(it_lab *lab, lab_app *a);
/* Follows a change of interface |iface| of |a|'s host: sockets whose address is unusable go, new ones come. Returns 0
 * or an error of the sockets or the object. */
int it_lab_follow(it_lab *lab, lab_app *a, int iface);

/* Now, by the clock of |a|. */
static inline it_time it_lab_clock(const it_lab *lab, const lab_app *a)
{
    return it_world_now(lab->world) - a->lag;
}

#endif
