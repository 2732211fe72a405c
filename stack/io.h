/* The shape of every protocol object: pulled, never calling back, never blocking.
 *
 *     int     it_X_input (it_X *x, it_time now, const it_io *in);      takes what came in; bytes taken, fewer of DATA
 *     int     it_X_tick  (it_X *x, it_time now);                       runs timers; afterwards it_X_next() > now
 *     it_time it_X_next  (const it_X *x);                              when to tick; IT_NEVER when no timer runs
 *     int     it_X_output(it_X *x, it_time now, it_io *out, uint8_t *buf, size_t cap);   1: one io written, 0: none
 *     int     it_X_event (it_X *x, it_X_event *out);                   1: one event, 0: none
 *
 * and all of them as a table, it_X_ops (stack/object.h).
 *
 * Commands only queue. The driver drains outputs, then events, until both are empty. An input's bytes are borrowed for
 * the call; an output's bytes lie in the caller's |buf| until the caller reuses it, and its io is written whole,
 * whatever was in it. What an event points to lives until
 * the next call on the object. A negative result is our own fault or the caller's; a peer's misbehaviour is an event
 * with its RFC section.
 *
 * Datagrams leave from sockets: the bases, which the driver opens for the object, and those the object binds for
 * itself. A base comes in as BOUND, with its address and the driver's number for it, below IT_IO_BOUND_FLOW: the least
 * that this object has free, whatever number the socket has on its host. UNBIND says that a base is gone; its number
 * may then come again. Nothing answers these, and an object that has no use for them takes them and does nothing. BIND
 * names an address of the host (port 0: any free one) and the object's |flow|, from IT_IO_BOUND_FLOW up to
 * IT_IO_ACCEPTED_FLOW; BOUND answers it, with the address, or with port 0 when it was refused: the address is not the
 * host's, the port is taken, there are too many. With |port| EVEN any even port is taken, with PAIR an even one and the
 * one after it, which becomes |flow| + 1 and has a BOUND of its own (RFC 8656 section 7.2, RFC 3550 section 11); both
 * or neither. UNBIND closes it, without an answer; coming in, UNBIND says that it is gone, as the host lost the
 * address. After a refusal or UNBIND the number is free. LISTEN, LISTENING and UNBIND are the same of a socket that
 * accepts streams: |local| of ACCEPTED names it, and what it has accepted outlives it.
 *
 * Sizes. BOUND tells the |size| of datagrams that leave its interface in one piece, SIZE that of the path from |local|
 * to |remote| as the host has learned it since from one that was too large (RFC 1191, RFC 8201); it is believed for ten
 * minutes. A larger one does not leave and is answered by ERROR (type 3 code 4, of IPv6 type 2), whose writer is the
 * host itself; with |frag| it leaves in fragments instead. Every datagram says for itself which of the two it wants. An
 * output buffer has at least IT_IO_DGRAM_MAX bytes; an object drops, whole, what it cannot write into |cap|.
 *
 * Errors. What comes back as an ICMP error is told as ERROR, with the quote; whether it is believed is the object's to
 * decide. ERROR and SIZE are told to objects that ask for them (it_object_ops.errors).
 *
 * Streams. The object picks the |flow| of what it opens, below IT_IO_BOUND_FLOW, and may use the number again when
 * the stream is gone; the driver picks those of what it accepts, from there up. OPENED, ACCEPTED and WRITABLE say how
 * many bytes of DATA may go out from then on (the room). An object that has used most of it is told WRITABLE as soon as
 * there is more, at the same instant or once the peer has acknowledged: it may wait for that without asking. Bytes come
 * in as far as the object takes them: when it took fewer it says WRITABLE itself
 * once it wants the rest. FIN comes after the last byte was taken. A stream is gone after RST in either direction (an
 * OPEN that fails is a RST), whose |end| says why, and after FIN in both. */
#ifndef IT_STACK_IO_H
#define IT_STACK_IO_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/time.h"

#include <stdbool.h>

#define IT_IO_DGRAM_MAX 1472 /* UDP payload of a 1500-byte IPv4 packet: room that every output buffer has */

#define IT_IO_BOUND_FLOW 0x40000000u
#define IT_IO_ACCEPTED_FLOW 0x80000000u

enum it_io_kind {
    IT_IO_DGRAM,    /* a datagram */
    IT_IO_OPEN,     /* out: connect |remote| */
    IT_IO_OPENED,   /* in: that succeeded */
    IT_IO_ACCEPTED, /* in: a peer connected */
    IT_IO_DATA,     /* bytes of a stream */
    IT_IO_WRITABLE, /* in: the room has grown; out: a DATA that was taken in part may go on */
    IT_IO_FIN,      /* no more bytes from here */
    IT_IO_RST,      /* the stream is gone */
    IT_IO_BIND,     /* out: a datagram socket on |local| */
    IT_IO_BOUND,    /* in: |local| is its address; port 0: refused. Below IT_IO_BOUND_FLOW: a base */
    IT_IO_UNBIND,   /* out: no longer wanted; in: the host has lost its address, or a base is gone */
    IT_IO_ERROR,    /* in: an ICMP error about a datagram that left from |local| to |remote|: |icmp| */
    IT_IO_SIZE,     /* in: datagrams of |size| bytes pass from |local| to |remote| in one piece */
    IT_IO_LISTEN,   /* out: accept streams on |local| */
    IT_IO_LISTENING /* in: |local| is its address; port 0: refused */
};

/* Which port a BIND asks for where |local| names none. */
enum it_io_port { IT_IO_PORT_ANY, IT_IO_PORT_EVEN, IT_IO_PORT_PAIR };

/* Why a stream is gone. */
enum it_io_end {
    IT_IO_END_RESET,       /* the other end said so; out: this one does */
    IT_IO_END_REFUSED,     /* nobody accepts it there */
    IT_IO_END_TIMEOUT,     /* nobody answered for too long (RFC 9293 section 3.8.3) */
    IT_IO_END_UNREACHABLE, /* an ICMP error, or no route */
    IT_IO_END_LOCAL        /* the host's own doing: it lost power, the address or the port is not to be had */
};

/* What a datagram's IP header says besides its ends. All zeros: nothing special. */
typedef struct it_io_meta {
    bool frag;   /* may be cut into fragments; false: DF is set, as most want it. In: it might have been, or was */
    uint8_t ttl; /* hop limit; out, 0: the host's own default */
    uint8_t tos; /* DSCP and ECN */
} it_io_meta;

/* What an ICMP error says (RFC 792, RFC 4443). */
typedef struct it_io_icmp {
    uint8_t type, code; /* as in the packet, of the family of |remote| */
    it_ip from;         /* whose packet it was */
    uint32_t mtu;       /* of the next hop, where it says so; else 0 */
} it_io_icmp;

typedef struct it_io {
    enum it_io_kind kind;
    uint32_t flow;         /* which stream or socket; the object and its driver agree on the numbers */
    it_addr local, remote; /* of a datagram: the base it leaves from or came to, and the other end; of OPEN (local may
                              be none), OPENED, ACCEPTED: the stream's ends; of BIND, BOUND: the socket's address */
    it_bytes data;         /* of OPENED, ACCEPTED, WRITABLE in: no bytes, |data|.n is the room; of ERROR: what it quotes
                              of the datagram, maybe nothing */
    it_io_icmp icmp;       /* of ERROR */
    it_io_meta meta;       /* of DGRAM, both ways */
    enum it_io_port port;  /* of BIND */
    enum it_io_end end;    /* of RST */
    uint32_t size;         /* of BOUND, SIZE: UDP payload in bytes; 0: not known */
} it_io;

/* True when |e|, an ERROR, says that nobody will ever take such datagrams: a hard error, RFC 1122 section 4.2.3.9
 * (protocol or port unreachable; that a datagram is too large is another matter), RFC 4443 sections 3.1, 3.4. Anybody
 * may write such a packet: an object believes it where the quote proves that its writer has seen the datagram (RFC 5927
 * section 4). */
static inline bool it_io_hard_error(const it_io *e)
{
    if (it_ip_is4(e->remote.ip))
        return e->icmp.type == 3 && (e->icmp.code == 2 || e->icmp.code == 3);
    return (e->icmp.type == 1 && e->icmp.code == 4) || (e->icmp.type == 4 && e->icmp.code == 1);
}

#endif
