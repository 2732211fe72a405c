/* What the files of the driver share: lab.c (the loop), power.c (hosts that stand still or lose everything). */
#ifndef IT_LAB_DRIVER_IMPL_H
#define IT_LAB_DRIVER_IMPL_H

#include "lab/driver/lab.h"

#include "lab/driver/bind.h"
#include "lab/driver/label.h"
#include "lab/driver/stream.h"

#define APP_NAME 64

typedef struct app_socket {
    int socket; /* of the host; also the flow number the object knows */
    int iface;
    it_addr local;
} app_socket;

typedef struct app {
    const it_app_ops *ops; /* NULL: removed */
    void *o;
    it_host *host;
    char name[APP_NAME];
    int port;            /* fixed port, or -1: ephemeral sockets that follow the interfaces */
    uint16_t group_port; /* it_lab_hear; 0: none */
    bool fragments;      /* it_lab_fragments */
    bool halted;         /* it_lab_halt: nothing of it runs */
    it_time lag;         /* its clock is behind the world's by that: it stood still while the host was suspended */
    app_socket *sockets;
    size_t n_sockets, cap_sockets;
} app;

typedef struct queued {
    it_lab_event e;
    uint8_t *bytes; /* owned copies of what the event points to, one block */
} queued;

typedef struct host_cert {
    it_host *host;
    it_dtls_cert *cert;
} host_cert;

struct it_lab {
    it_alloc *alloc;
    it_world *world;
    it_dtls_shared *shared;
    it_lab_listener listener;
    app *apps;
    size_t n_apps, cap_apps;
    queued *q;
    size_t q_head, q_n, q_cap;
    uint8_t *taken; /* bytes of the event taken last */
    host_cert *certs;
    size_t n_certs, cap_certs;
    it_labels labels; /* of what is sent */
    it_streams streams;
    it_binds binds;
    uint64_t cause; /* the packet being handled, 0: none */
    bool link_changed;
    it_time stuck_at; /* the instant being drained, and how often */
    int rounds;
};

/* The |i|-th app, NULL when it was removed or never was. */
app *it_lab_app_of(const it_lab *lab, int i);
/* Follows a change of interface |iface| of |a|'s host: sockets whose address is unusable go, new ones come. Returns 0
 * or an error of the sockets or the object. */
int it_lab_follow(it_lab *lab, app *a, int iface);
/* Now, by the clock of |a|. */
static inline it_time it_lab_clock(const it_lab *lab, const app *a)
{
    return it_world_now(lab->world) - a->lag;
}

#endif
