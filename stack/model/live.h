/* Liveness of one connection: is data due, did it come, was its absence announced, does it flow faster or slower than
 * it did.
 *
 * Shared by models. "Due" means that the far side is declared to be streaming, or that one of our checks is unanswered;
 * only then silence counts. Integer arithmetic throughout. Knows nothing of packets: it is told of receipts and asked
 * for verdicts. */
#ifndef IT_STACK_MODEL_LIVE_H
#define IT_STACK_MODEL_LIVE_H

#include "stack/model/model.h"

#define IT_RATE_WINDOW IT_SEC           /* one sample of the delivered rate */
#define IT_RATE_REFRACTORY (3 * IT_SEC) /* after a rate event none for this long */

typedef struct it_live {
    it_time stall; /* T_stall */
    bool stalled;
    it_time last_rx;     /* last authentic receipt; the time of opening before any */
    it_time due_since;   /* since when silence counts; IT_NEVER while it does not */
    it_time freeze;      /* longest silence so far that was due and not announced */
    it_time window_end;  /* of the running rate sample; IT_NEVER while closed */
    uint64_t bytes;      /* in it */
    uint64_t reference;  /* bytes a window, smoothed over about five; 0: none yet */
    int samples, low;    /* good samples since the last change; low ones in a row */
    it_time quiet_until; /* end of the refractory time */
} it_live;

/* Starts before the connection is open; |stall| is T_stall. */
void it_live_init(it_live *l, it_time stall);

/* The connection opened at |now|. */
void it_live_open(it_live *l, it_time now);

/* Something authentic came: |bytes| of application data (0 for a check's answer). Returns 1 when that ends a stall. */
int it_live_rx(it_live *l, it_time now, size_t bytes);

/* Tells what is due: |streaming| as declared by the far side, |unanswered| since when a check waits (IT_NEVER: none
 * does). */
void it_live_due(it_live *l, it_time now, bool streaming, it_time unanswered);

/* When it_live_tick has something to say. */
it_time it_live_next(const it_live *l);

/* Runs the clocks. Returns IT_EV_STALLED, IT_EV_RATE_UP or IT_EV_RATE_DOWN when that begins now, else -1. Call again
 * until -1. */
int it_live_tick(it_live *l, it_time now);

#endif
