/* A client of a relay by UDP: as stack/wsrelay/client.h, without a stream.
 *
 *     JOIN -> COOKIE -> JOIN with it -> IN: in the room -> here: UP, datagrams pass -> not here: DOWN "peer"
 *       ^ every 500 ms until answered                   | KEEP every second while alone, else every |ping_every|
 *                                                       | unanswered twice: JOIN anew, which moves it to where it is
 *                                                       +-- unanswered for ping_every + ping_wait: DOWN "ping"
 *
 * It sends from a base of its owner's, whichever that names. What cannot leave is lost. Contract: stack/io.h. */
#ifndef IT_STACK_WSRELAY_DGRAM_CLIENT_H
#define IT_STACK_WSRELAY_DGRAM_CLIENT_H

#include "base/rng.h"
#include "stack/object.h"
#include "stack/wsrelay/client.h"
#include "stack/wsrelay/dgram.h"

typedef struct it_wsrelay_dgram_cfg {
    it_alloc *alloc;
    it_addr server;
    const char *room, *name; /* as in wire.h; copied */
    it_time patience;        /* to be in the room; 0: 10 s */
    it_time ping_every;      /* 0: 5 s */
    it_time ping_wait;       /* 0: 5 s */
} it_wsrelay_dgram_cfg;

typedef struct it_wsrelay_dgram_client it_wsrelay_dgram_client;

/* NULL without memory, or with a room or name that is none. */
it_wsrelay_dgram_client *it_wsrelay_dgram_new(const it_wsrelay_dgram_cfg *cfg);
/* Sends from base |flow|, whose address is |local|, from now on: joins from there. Returns 0 or IT_ERR_NOMEM.
 */
int it_wsrelay_dgram_use(it_wsrelay_dgram_client *c, it_time now, uint32_t flow, it_addr local) IT_MUST_CHECK;
/* Sends |data|, of up to IT_WSRELAY_DGRAM_DATA bytes. Returns 0, IT_ERR_STATE: the other one is not there,
 * IT_ERR_TOOBIG or IT_ERR_NOMEM. */
int it_wsrelay_dgram_send(it_wsrelay_dgram_client *c, it_time now, it_bytes data) IT_MUST_CHECK;
/* Leaves the room; no event tells of it. */
void it_wsrelay_dgram_close(it_wsrelay_dgram_client *c, it_time now);
/* True when it has ended and has nothing more to say. */
bool it_wsrelay_dgram_over(const it_wsrelay_dgram_client *c);

/* Its table. Events as of it_wsrelay_client_ops: UP, DOWN, MESSAGE. */
extern const it_object_ops it_wsrelay_dgram_ops;

#endif
