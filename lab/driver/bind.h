/* Sockets that apps bind for themselves (stack/io.h: BIND, BOUND, LISTEN, LISTENING, UNBIND), beside the datagram
 * sockets that the driver opens for them; and those that accept streams for an app which has not asked (it_lab_serve).
 * Part of the driver. */
#ifndef IT_LAB_DRIVER_BIND_H
#define IT_LAB_DRIVER_BIND_H

#include "base/table/bits.h"
#include "lab/driver/lab.h"

#define IT_BIND_SERVED UINT32_MAX
#define IT_BINDS_MAX 4096 /* sockets of one app; a BIND beyond is refused */

typedef struct it_bind {
    int app;       /* -1: unused */
    uint32_t flow; /* the app's number for it; IT_BIND_SERVED: none, it_lab_serve made it */
    bool listens;  /* for streams */
    int socket;    /* of the host; -1: refused */
    it_host *host;
    it_addr local;
    uint32_t before, after; /* of the same app, in the order of slots */
} it_bind;

typedef struct it_binds {
    it_bind *v;
    size_t n, cap;
    it_bits unused;  /* slots that are free: the least is taken */
    it_bits answers; /* slots whose BOUND is to be said */
} it_binds;

/* Makes an empty table; frees it. The sockets are the hosts'. */
void it_binds_init(it_binds *b, it_alloc *a);
void it_binds_fini(it_binds *b);
/* Does what app |app| put out: BIND, LISTEN or UNBIND. Returns 0, IT_ERR_NOMEM or IT_ERR_EXISTS: the flow is in use. */
int it_binds_out(it_binds *b, it_lab *lab, int app, const it_io *io) IT_MUST_CHECK;
/* See it_lab_serve_on. */
int it_binds_serve(it_binds *b, it_lab *lab, int app, it_addr local) IT_MUST_CHECK;
/* The host's datagram socket that app |app| calls |flow|; -1 when there is none. */
int it_binds_socket(const it_binds *b, const it_lab *lab, int app, uint32_t flow);
/* Passes |in|, a datagram, an error or a size, on to the app of socket |slot|, whose number for it is filled in.
 * Returns 0 or the app's error. */
int it_binds_input(const it_binds *b, it_lab *lab, uint32_t slot, it_io *in) IT_MUST_CHECK;
/* Passes on what waits here: answers to BIND and LISTEN. Sets |*busy| when there was any. */
int it_binds_pump(it_binds *b, it_lab *lab, bool *busy) IT_MUST_CHECK;
/* Closes sockets of app |app| whose address its host has lost, and tells it UNBIND. */
int it_binds_follow(it_binds *b, it_lab *lab, int app) IT_MUST_CHECK;
/* Closes everything of |app|. */
void it_binds_drop(it_binds *b, it_lab *lab, int app);

#endif
