/* TCP connections as places for datagrams: each is known by the base that it belongs to and its far end, carries whole
 * messages, and keeps those that wait.
 *
 *     messages -> [ waiting ] -> framing -> bytes -> stream         RFC 6544 section 7.1: by RFC 4571's length
 *     messages <- [ taken   ] <- framing <- bytes <-                to a STUN server: by their own (RFC 8489
 * section 6.2.2)
 *
 * Knows nothing of ICE. What is not sent within IT_ICE_CONN_WAITING bytes is dropped, as a full socket would. */
#ifndef IT_STACK_ICE_TCP_CONNS_H
#define IT_STACK_ICE_TCP_CONNS_H

#include "base/alloc.h"
#include "stack/io.h"
#include "stack/stream/layer.h"

#define IT_ICE_CONNS_MAX 256         /* connections at a time */
#define IT_ICE_CONN_WAITING 65536    /* bytes of messages that wait for one */
#define IT_ICE_CONN_FLOW 0x38000000u /* flows of those that are opened here, below IT_IO_BOUND_FLOW */

enum it_ice_conn_state {
    IT_ICE_CONN_WANTED,  /* OPEN is to leave */
    IT_ICE_CONN_OPENING, /* it has left */
    IT_ICE_CONN_OPEN,
    IT_ICE_CONN_CLOSING, /* FIN is to leave, behind what waits */
    IT_ICE_CONN_CLOSED,  /* FIN has left */
    IT_ICE_CONN_ABORTED  /* RST is to leave */
};

/* Messages one behind the other, each behind its length. */
typedef struct it_ice_messages {
    uint8_t *p;
    size_t at, n, cap;
} it_ice_messages;

typedef struct it_ice_conn {
    uint32_t flow; /* the driver's number */
    int base;      /* the owner's number of what it belongs to */
    it_addr local, remote;
    enum it_ice_conn_state state;
    bool accepted;
    bool fin_in; /* the far side has ended */
    bool heard;  /* a message has come */
    size_t room; /* bytes that may go out */
    it_layer framing;
    it_ice_messages waiting, taken;
} it_ice_conn;

typedef struct it_ice_conns {
    it_alloc *alloc;
    it_ice_conn **v;
    size_t n, cap;
    uint32_t opened; /* so many were opened: their flows */
    size_t n_ended;  /* connections that ended and were not told yet */
    struct it_ice_conn_end {
        int base;
        it_addr remote;
        const char *why;
    } ended[IT_ICE_CONNS_MAX];
} it_ice_conns;

void it_ice_conns_init(it_ice_conns *cs, it_alloc *alloc);
void it_ice_conns_fini(it_ice_conns *cs);

/* The connection of |base| with |remote| that can be written, or may come to be; NULL: there is none. */
it_ice_conn *it_ice_conns_find(const it_ice_conns *cs, int base, it_addr remote);
/* Opens one from |local| (port 0: any); |bare|: without RFC 4571's framing, to a STUN server. NULL without memory or
 * room for another one. */
it_ice_conn *it_ice_conns_open(it_ice_conns *cs, int base, it_addr local, it_addr remote, bool bare);
/* Takes the ACCEPTED |in| for |base|. Returns 0 or IT_ERR_NOMEM; one beyond IT_ICE_CONNS_MAX is reset. */
int it_ice_conns_accept(it_ice_conns *cs, int base, const it_io *in) IT_MUST_CHECK;
/* Queues |data|, a whole message. Returns 0, IT_ERR_FULL (dropped) or IT_ERR_NOMEM. */
int it_ice_conn_send(it_ice_conns *cs, it_ice_conn *c, it_bytes data) IT_MUST_CHECK;
/* Ends it, behind what waits; before it is open at once. It is not told as ended. */
void it_ice_conn_close(it_ice_conn *c);
/* Closes every connection of |base|. */
void it_ice_conns_close(it_ice_conns *cs, int base);
/* Whether |base| has any, closed ones that the far side has not closed too left aside. */
bool it_ice_conns_any(const it_ice_conns *cs, int base);

/* Takes OPENED, DATA, WRITABLE, FIN or RST when it is of a connection here: true, |*taken| then being the bytes of DATA
 * or IT_ERR_NOMEM. */
bool it_ice_conns_input(it_ice_conns *cs, it_time now, const it_io *in, int *taken);
/* The next message that came, of |*c|: true; its data lives until the next call. |*first|: the first of that
 * connection.
 */
bool it_ice_conns_take(it_ice_conns *cs, it_ice_conn **c, it_bytes *data, bool *first);
/* The next connection that has ended by itself, or could not be opened: true, and why, a sentence. */
bool it_ice_conns_ended(it_ice_conns *cs, int *base, it_addr *remote, const char **why);
/* As stack/io.h. */
int it_ice_conns_output(it_ice_conns *cs, it_time now, it_io *out, uint8_t *buf, size_t cap);

#endif
