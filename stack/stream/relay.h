/* Two streams joined back to back: what comes in on one goes out on the other, with back-pressure, half closes and
 * resets.
 *
 *     stream 0 (client)  --in-->  waits at stream 1  --out-->  stream 1 (server)        and the same the other way
 *
 * A part of a proxy or relay server; it knows no protocol. When what waits fills its buffer input is short, and the
 * rest is asked for when half of it is empty again. FIN passes behind the last byte; RST at once. */
#ifndef IT_STACK_STREAM_RELAY_H
#define IT_STACK_STREAM_RELAY_H

#include "stack/stream/stream.h"

typedef struct it_relay {
    it_stream s[2];
    uint64_t bytes[2]; /* that came in on each and went on */
} it_relay;

/* Takes OPENED, ACCEPTED, WRITABLE, DATA, FIN or RST of stream |i|. Before the other stream is open, what comes waits
 * for it; when it is gone, what comes is dropped. Returns the bytes taken of DATA, else 0. */
int it_relay_input(it_relay *r, int i, const it_io *in);
/* Takes |data| that came on stream |i|, as above. */
int it_relay_data(it_relay *r, int i, it_bytes data);
/* Ends both with resets. */
void it_relay_abort(it_relay *r);

/* 1: one io written, with |buf| of |cap| bytes; 0: nothing to do. */
int it_relay_output(it_relay *r, it_io *out, uint8_t *buf, size_t cap);

/* True when neither stream exists any more. */
bool it_relay_over(const it_relay *r);

#endif
