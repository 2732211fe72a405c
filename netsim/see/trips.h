/* Which trips from host to host had to pass, one after the other, before something came: of first media, the round
 * trips of its setup. By the same events that a trace is written from (netsim/see/trace.h).
 *
 *     came (a packet at a host) <- left (its sender) <- the packet that came there last before <- ... <- since
 *
 * No trip of such a row could begin before the one before it had ended; what lies between them is waiting: pacing,
 * timers, the script. A packet has its number from host to host, whatever boxes do to it; what a server sends on is a
 * packet of its own, and yet one trip from one end to the other. */
#ifndef IT_NETSIM_SEE_TRIPS_H
#define IT_NETSIM_SEE_TRIPS_H

#include "netsim/core/world.h"

#define IT_TRIPS_MAX 64    /* of a row */
#define IT_TRIPS_SEEN 8192 /* packets that leave hosts and come to them, of which is kept; later ones are not seen */
#define IT_TRIPS_MEDIA 100 /* packets of media, told by their labels: "voice", "SRTP", also behind other words */

typedef struct it_trip {
    const it_node *from, *to, *via; /* |via|: a server between them, the first of several; NULL: none */
    it_time left, came;
    const char *what; /* the packet's label; borrowed from the world */
} it_trip;

typedef struct it_trips it_trips;

/* Watches |w|, which it outlives not, until IT_TRIPS_MEDIA packets of media have come to each of |ends|; NULL on no
 * memory, or when the world has too many observers. */
it_trips *it_trips_new(it_alloc *alloc, it_world *w, const it_node *const ends[2]);
void it_trips_free(it_trips *t);

/* A message that is no packet came from |from| to |to|, which it left at |left|: a computed carrier's. */
void it_trips_carried(it_trips *t, const it_node *from, it_time left, const it_node *to, it_time came,
                      const char *what);

/* What is asked for: between which ends, and when. */
typedef struct it_trips_ask {
    const it_node *at, *other; /* the row ends at |at| */
    it_time when, since; /* with what came there last, no later than |when|; what left before |since| is no trip */
} it_trips_ask;

/* Writes the trips of |ask|, oldest first. What goes from one end by servers to the other is one trip, what comes back
 * to the end that it left is two: there and back. Returns how many there are; 0: nothing came, or not all of that time
 * was seen. */
int it_trips_row(const it_trips *t, const it_trips_ask *ask, it_trip out[IT_TRIPS_MAX]);

/* Whether memory was short: rows are not to be believed. */
bool it_trips_oom(const it_trips *t);

#endif
