/* Two streams joined back to back: what comes in on one goes out on the other, with back-pressure, half closes and
 * resets.
 *
 *     leg 0 (client)  --in-->  buffer of leg 1  --out-->  leg 1 (server)        and the same the other way
 *
 * A part of a proxy: it knows streams (stack/io.h) but no protocol. A buffer that is full makes input short, and
 * WRITABLE asks for the rest when half of it is empty again. FIN passes behind the last byte; RST at once. */
#ifndef IT_STACK_PROXY_RELAY_H
#define IT_STACK_PROXY_RELAY_H

#include "stack/io.h"

#include <stdbool.h>

#define IT_RELAY_BUF 16384

typedef struct it_leg {
    uint32_t flow;
    bool alive;            /* the stream exists */
    bool opened;           /* bytes may go out */
    bool fin_in;           /* its peer will send no more */
    bool fin_due, fin_out; /* a FIN follows what is buffered; it has gone out */
    bool rst_due;
    bool cut_short; /* its peer has bytes that found no room */
    bool ask;       /* and there is room now: say WRITABLE */
    uint32_t room;  /* bytes that may go out from now on */
    size_t at, n;   /* of |buf|: what goes out */
    uint8_t buf[IT_RELAY_BUF];
} it_leg;

typedef struct it_relay {
    it_leg leg[2];
    uint64_t bytes[2]; /* that came in on each leg and went on */
} it_relay;

/* Appends |data| to what goes out on |leg|; returns how much found room. */
size_t it_leg_put(it_leg *leg, it_bytes data);

/* What |leg| has to put out: 1, or 0. |from| is the stream whose bytes it sends, asked for more when there is room; an
 * echo names itself. */
int it_leg_output(it_leg *leg, it_leg *from, it_io *out, uint8_t *buf, size_t cap);

/* Bytes came in on leg |i|: they go to the other one. Returns how many were taken. */
int it_relay_data(it_relay *r, int i, it_bytes data);
/* FIN or RST came in on leg |i|. */
void it_relay_fin(it_relay *r, int i);
void it_relay_rst(it_relay *r, int i);
/* Asks for the bytes of leg |i| that found no room, where nobody is left who could make some. */
void it_relay_read_on(it_relay *r, int i);
/* Ends both with resets. */
void it_relay_abort(it_relay *r);
/* OPENED, ACCEPTED or WRITABLE came in on leg |i| with that much room. */
void it_relay_room(it_relay *r, int i, size_t room);

/* 1: one io written, with |buf| of |cap| bytes; 0: nothing to do. */
int it_relay_output(it_relay *r, it_io *out, uint8_t *buf, size_t cap);

/* True when neither stream exists any more. */
bool it_relay_over(const it_relay *r);

#endif
