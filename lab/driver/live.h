/* The real-time driver: a world runs by the wall clock, and raw edges of it are plugged into TUN devices (or anything
 * else that carries one IP packet a read and write).
 *
 *     real program | kernel | TUN fd <--read, write--> edge | links, boxes, hosts of ours | ...
 *
 * World time is wall time since it_live_new, CLOCK_MONOTONIC. The owner waits with it_live_wait, which moves packets
 * and time; hosts of its own that have something to take are his to serve. It opens no devices, knows nothing of
 * sockets and threads, and what happens is not reproducible: for that there is virtual time. */
#ifndef IT_LAB_DRIVER_LIVE_H
#define IT_LAB_DRIVER_LIVE_H

#include "netsim/core/world.h"

#include <poll.h>

#define IT_LIVE_FDS 16 /* TUN devices and watched descriptors */

typedef struct it_live it_live;

/* Time of |w| begins to run. The world stays the caller's and outlives the driver. NULL on no memory. */
it_live *it_live_new(it_alloc *alloc, it_world *w);
void it_live_free(it_live *l);

/* Plugs non-blocking |fd| (the caller's) into raw edge |edge|. Packets that are none or too big are ignored, what the
 * device does not take is lost. Returns 0 or IT_ERR_FULL. */
int it_live_plug(it_live *l, it_node *edge, int fd) IT_MUST_CHECK;

/* The time now, as far as the world has come: never ahead of the wall clock. Commands to hosts take it. */
it_time it_live_now(const it_live *l);

/* Runs until |until|, an edge that is not plugged is ready (see it_world_ready; serve it, then call again), or one of
 * the |n| descriptors in |more| has what it waits for (their |revents| are set). Returns 0, 1 or 2 for these, or
 * IT_ERR_NOMEM, IT_ERR_LOOP, IT_ERR_IO (poll or a device failed) or IT_ERR_FULL (too many descriptors). */
int it_live_wait(it_live *l, it_time until, struct pollfd *more, nfds_t n) IT_MUST_CHECK;

#endif
