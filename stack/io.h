/* The shape of every protocol object: pulled, never calling back, never blocking.
 *
 *     int     it_X_input (it_X *x, it_time now, const it_io *in);      takes what came in; bytes consumed, short only for DATA
 *     int     it_X_tick  (it_X *x, it_time now);                       runs timers; afterwards it_X_next() > now
 *     it_time it_X_next  (const it_X *x);                              when to tick; IT_NEVER when no timer runs
 *     int     it_X_output(it_X *x, it_time now, it_io *out, uint8_t *buf, size_t cap);   1: one io written, 0: none
 *     int     it_X_event (it_X *x, it_X_event *out);                   1: one event, 0: none
 *
 * Commands only queue. The driver drains outputs, then events, until both are empty. An input's bytes are borrowed for the call;
 * an output's bytes lie in the caller's |buf| until the caller reuses it. What an event points to lives until the next call on
 * the object. A negative result is our own fault or the caller's; a peer's misbehaviour is an event with its RFC section. */
#ifndef IT_STACK_IO_H
#define IT_STACK_IO_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/time.h"

#define IT_IO_DGRAM_MAX 1472 /* UDP payload of a 1500-byte IPv4 packet: room that every output buffer has */

enum it_io_kind {
    IT_IO_DGRAM,    /* a datagram */
    IT_IO_OPEN,     /* out: connect |remote| */
    IT_IO_OPENED,   /* in: that succeeded */
    IT_IO_ACCEPTED, /* in: a peer connected */
    IT_IO_DATA,     /* bytes of a stream */
    IT_IO_WRITABLE, /* in: a short DATA may go on */
    IT_IO_FIN,      /* no more bytes from here */
    IT_IO_RST       /* the stream is gone */
};

typedef struct it_io {
    enum it_io_kind kind;
    uint32_t flow;         /* which stream or socket; the object and its driver agree on the numbers */
    it_addr local, remote; /* of a datagram: the base it leaves from or came to, and the other end */
    it_bytes data;
} it_io;

#endif
