/* One end of one byte stream (stack/io.h): what is to go out waits here until the transport grants room for it, FIN
 * goes behind the last byte, RST before everything.
 *
 *     write, finish, reset --> [ bytes that wait | FIN | RST ] --output--> OPEN, DATA, FIN, RST, WRITABLE
 *     input <-- OPENED, ACCEPTED, WRITABLE, FIN, RST           DATA is the owner's: it_stream_took says how much
 *
 * A part of whoever owns the flow number; it allocates nothing and knows no protocol. The buffer is bounded: a writer
 * that is told "fewer" waits until it_stream_space has grown. What comes in is not kept here: the owner takes as much
 * as it likes, the rest stays with the transport, whose window closes; it_stream_read_on asks for it. */
#ifndef IT_STACK_STREAM_STREAM_H
#define IT_STACK_STREAM_STREAM_H

#include "stack/io.h"
#include "stack/stream/queue.h"

#include <stdbool.h>

#define IT_STREAM_BUF IT_QUEUE_MAX /* bytes that wait at most */

enum it_stream_state {
    IT_STREAM_NEW,     /* there is none yet; what is written waits */
    IT_STREAM_DUE,     /* OPEN is to be said */
    IT_STREAM_OPENING, /* it was said */
    IT_STREAM_OPEN,
    IT_STREAM_GONE
};

typedef struct it_stream {
    uint32_t flow;
    uint8_t state;         /* enum it_stream_state */
    it_addr local, remote; /* its ends, as far as they are known */
    bool fin_in;           /* the peer will send no more */
    bool fin_due, fin_out; /* FIN follows what waits; it has gone out */
    bool rst_due;
    bool cut_short; /* the peer has bytes that the owner did not take */
    bool ask;       /* and wants now: say WRITABLE */
    uint32_t room;  /* bytes that may go out from now on */
    it_queue wait;  /* the bytes that are to go out */
} it_stream;

/* Begins to open stream |flow| to |remote| from |local| (none: any address, any port). All zeros is a new one. What was
 * written before goes out on it, also when an earlier attempt failed. */
void it_stream_open(it_stream *s, uint32_t flow, it_addr local, it_addr remote);
/* Takes the stream that ACCEPTED tells of. */
void it_stream_accept(it_stream *s, const it_io *in);

/* The stream did not come to be (RST while OPENING, or its owner gives it up): what was written waits for
 * it_stream_open, with another address. The old flow number is the owner's to reset. */
void it_stream_retry(it_stream *s);

/* True while the stream exists: from it_stream_open or _accept until RST in either direction or FIN in both. */
bool it_stream_alive(const it_stream *s);

/* Appends |data| to what waits, before the stream is open, too. Returns how much found room; nothing once it_stream_fin
 * was called. */
size_t it_stream_write(it_stream *s, it_bytes data);
/* How many bytes would find room. */
size_t it_stream_space(const it_stream *s);
/* Nothing more is written: FIN behind what waits. */
void it_stream_finish(it_stream *s);
/* Ends it at once, with RST; one that never began to open just ends. */
void it_stream_reset(it_stream *s);

/* Takes OPENED, ACCEPTED, WRITABLE, FIN or RST of this flow; DATA changes nothing. */
void it_stream_input(it_stream *s, const it_io *in);
/* Of |n| bytes that came the owner has taken |taken|: where these are fewer the rest waits with the transport until
 * it_stream_read_on. Returns |taken|, as input of stack/io.h does. */
int it_stream_took(it_stream *s, size_t n, size_t taken);
/* The owner wants what it did not take. */
void it_stream_read_on(it_stream *s);

/* What goes out: 1, or 0. |out|->data lies in |buf| of |cap| bytes. */
int it_stream_output(it_stream *s, it_io *out, uint8_t *buf, size_t cap);

#endif
