/* The ways to a relay over WebSocket, tried in turn: by either family, with TLS or without, through a proxy.
 *
 *     each attempt is given 4 s for a round trip (stack/proxy/stage.h; by datagrams: to be in the room), twice as long
 *     in every round, up to four times; after a round in vain comes a pause of 1 s, which grows likewise */
#ifndef IT_STACK_WSRELAY_WAYS_H
#define IT_STACK_WSRELAY_WAYS_H

#include "base/time.h"
#include "stack/proxy/client.h"

#include <stdbool.h>

#define IT_WSRELAY_WAYS 8

typedef struct it_wsrelay_way {
    it_addr server;
    bool tls;
    bool udp;   /* by datagrams (dgram.h), without TLS and proxies; of who can */
    it_via via; /* the proxy by which it is reached */
} it_wsrelay_way;

/* Whose turn it is among |n| ways. All zeros: nothing was tried. */
typedef struct it_wsrelay_turn {
    int at;
    unsigned tries; /* since it was last in a room */
} it_wsrelay_turn;

/* Turns to the next of the |n| ways |v| whose first hop is of a family that there is. False: there is none, which
 * counts as |n| tries. */
bool it_wsrelay_turn_next(it_wsrelay_turn *t, const it_wsrelay_way *v, int n, bool four, bool six);
/* How long a round trip of the attempt that begins now may take, before it_wsrelay_turn_next. */
it_time it_wsrelay_turn_patience(const it_wsrelay_turn *t, int n);
/* How long to wait after one in vain. */
it_time it_wsrelay_turn_pause(const it_wsrelay_turn *t, int n);

#endif
