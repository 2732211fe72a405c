/* Byte streams of apps (stack/io.h) carried by TCP sockets of their hosts, with back-pressure both ways. Part of the
 * driver.
 *
 * Towards the network an app writes what the socket has granted (it_host_tcp_room), so nothing is kept or counted here;
 * towards the app, what it does not take stays in the socket's buffer and closes the peer's window. */
#ifndef IT_LAB_DRIVER_STREAM_H
#define IT_LAB_DRIVER_STREAM_H

#include "base/table/bits.h"
#include "lab/driver/lab.h"
#include "netsim/tcp/tcp.h"

typedef struct it_stream it_stream;

typedef struct it_streams {
    it_stream *v;
    size_t n, cap;
    it_bits unused;    /* slots that are free: the least is taken */
    it_bits pending;   /* slots of streams whose app asked for the rest, or must be told of a failure */
    it_bits unpushed;  /* slots of streams with bytes that were appended and not yet pushed */
    uint32_t accepted; /* so many were accepted: their flow numbers */
    uint32_t ended;    /* streams that are gone, and the worst of them, as it_lab_stillest tells it */
    it_lab_still worst;
} it_streams;

/* Makes an empty table; frees it. The sockets are the hosts'. */
void it_streams_init(it_streams *st, it_alloc *a);
void it_streams_fini(it_streams *st);
/* How the TCP sockets of app |app| behave. */
void it_streams_opts(const it_lab *lab, int app, it_tcp_opts *o);
/* Does what app |app| put out: OPEN, DATA, WRITABLE, FIN, RST. Returns 0, IT_ERR_NOMEM, IT_ERR_EXISTS (the flow is in
 * use) or IT_ERR_TOOBIG (more than the
 * socket granted). Of a stream that is gone: nothing, the news and the bytes crossed. */
int it_streams_out(it_streams *st, it_lab *lab, int app, const it_io *io) IT_MUST_CHECK;
/* Sends what app |app| has put out: the pieces of its DATA since the last time leave as one write. */
void it_streams_push(it_streams *st, it_lab *lab, int app);
/* Passes on what host |h| says about a TCP socket. */
int it_streams_event(it_streams *st, it_lab *lab, it_host *h, const it_host_event *ev) IT_MUST_CHECK;
/* Passes on what waits here: failed OPENs, bytes an app asked for. Sets |*busy| when there was any. */
int it_streams_pump(it_streams *st, it_lab *lab, bool *busy) IT_MUST_CHECK;
/* Closes everything of |app|. */
void it_streams_drop(it_streams *st, it_lab *lab, int app);

#endif
