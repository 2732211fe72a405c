/* A TURN client: one allocation at one server, kept while it is wanted (RFC 8656), over a datagram socket that its
 * owner has, or over a byte stream that it opens.
 *
 *     new --> allocating --ALLOCATED--> allocated --close--> deleting --> closed
 *                 |  ^                      |
 *                 |  '---- wait 60 s <------+ LOST (437, expiry, the stream's end)
 *                 '--FAILED--> failed       '
 *
 * Data goes to peers by their addresses. The first to a peer's address waits for a permission (up to
 * IT_TURN_CLIENT_HELD datagrams do); a peer that is sent to often gets a channel, with Send indications until it is
 * bound. Permissions are refreshed after four minutes, channels and the allocation a minute before they end. Sans I/O
 * as stack/io.h; the driver gives it what comes to |flow| from |server|, and what its owner knows to be for it.
 *
 * With |tcp| the relayed address is one of TCP (RFC 6062), and instead of datagrams there are connections with peers,
 * each by a data connection of its own to the server, with TLS where the control connection has it:
 *
 *     connect --Connect--> 200 ---.                             .--> CONN_READABLE, CONN_WRITABLE, CONN_FIN
 *                                  +--> ConnectionBind --> CONN_OPEN
 *     CONN_ATTEMPT --accept-------'                             '--> CONN_ENDED
 *
 * Not here: resolving the server (stack/turn/uri.h reads URIs). */
#ifndef IT_STACK_TURN_CLIENT_H
#define IT_STACK_TURN_CLIENT_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/io.h"
#include "stack/stun/trans.h"
#include "stack/tls/tls.h"

#define IT_TURN_CLIENT_HELD 16   /* datagrams that wait for permissions */
#define IT_TURN_CLIENT_PEERS 256 /* addresses with permissions, and peers with channels, at most */
#define IT_TURN_CLIENT_QUEUE 64  /* datagrams and events that wait for output */
#define IT_TURN_CLIENT_CONNS 64  /* connections with peers at a time, those asked for and offered included */

typedef struct it_turn_client_cfg {
    it_alloc *alloc;
    it_rng rng;
    const char *software;            /* NULL: none. These three outlive the client */
    const char *username, *password; /* in OpaqueString form (RFC 8265) */

    uint32_t flow; /* of the socket, or the one that the stream is to have */
    it_addr local; /* of the socket; of a stream where it is to leave from, none: anywhere */
    it_addr server;
    bool stream;
    const it_tls_cfg *tls; /* over a stream TLS, over datagrams DTLS (RFC 7350) with the server, whose certificate must
                              be |name|'s (RFC 8489 section 6.2.3); NULL: neither. Copied; |shared|, |name| and |trust|
                              outlive the client */
    it_stun_timing timing; /* all zeros: RFC 8489 section 6.2.1 */

    uint32_t lifetime;  /* seconds to ask for; 0: the server's default */
    uint32_t family;    /* REQUESTED-ADDRESS-FAMILY: 1, 2; 0: IPv4, without the attribute */
    bool additional;    /* both families, and |family| is 0 (ADDITIONAL-ADDRESS-FAMILY) */
    bool even, reserve; /* EVEN-PORT, with R */
    bool has_token;     /* RESERVATION-TOKEN, and none of those above */
    uint8_t token[8];
    bool dont_fragment;  /* asks whether DONT-FRAGMENT is supported; goes on without where it is not */
    uint32_t bind_after; /* a peer gets a channel after so many datagrams to it; 0: when it_turn_client_bind asks */
    bool tcp;            /* a relayed address of TCP (RFC 6062): needs |stream|, and has none of |even|, |has_token|,
                            |dont_fragment| */
    uint32_t conn_flow;  /* of its data connections: from here IT_TURN_CLIENT_CONNS flows */
    bool mobility;       /* asks for a ticket to move with (RFC 8016); goes on without where the server forbids it */
    bool persist;        /* after 486, 508 and a loss allocates again, a minute later where section 7.4 says so */
} it_turn_client_cfg;

enum it_turn_client_kind {
    IT_TURN_CLIENT_ALLOCATED, /* |relayed|, |mapped|, |lifetime|, |token|; |code| of a family that was refused */
    IT_TURN_CLIENT_FAILED,    /* |code|, |why|: no allocation, and none will be tried before |lifetime| seconds with
                                 |persist|; 437: it_turn_client_rebase with another socket */
    IT_TURN_CLIENT_PERMITTED, /* |peer|'s address */
    IT_TURN_CLIENT_REFUSED,   /* the same: |code| */
    IT_TURN_CLIENT_DATA,      /* |data| from |peer| */
    IT_TURN_CLIENT_ERROR,     /* ICMP |icmp| about |peer| (section 11.6) */
    IT_TURN_CLIENT_LOST,      /* the allocation is gone: |code|, |why| */
    IT_TURN_CLIENT_CLOSED,    /* as it_turn_client_close wanted */
    IT_TURN_CLIENT_MOVED,     /* the allocation is at the new socket: |lifetime| */
    /* Of TCP allocations: connection |conn| with |peer|. None of them is ever lost. */
    IT_TURN_CLIENT_CONN_ATTEMPT,  /* the peer has connected: it_turn_client_accept within 30 s */
    IT_TURN_CLIENT_CONN_OPEN,     /* bytes pass */
    IT_TURN_CLIENT_CONN_READABLE, /* bytes of the peer are there; told again once all were read */
    IT_TURN_CLIENT_CONN_WRITABLE, /* there is room again, after a write that was taken in part */
    IT_TURN_CLIENT_CONN_FIN,      /* the peer will send no more, and all was read */
    IT_TURN_CLIENT_CONN_ENDED     /* it did not come to be, or is gone: |code| of the error, 0: closed on both sides or
                                     reset, as |why| says. The number may come again from now on */
};

typedef struct it_turn_client_event {
    enum it_turn_client_kind kind;
    int code;                   /* STUN error code; 408: no answer; 0: none */
    const char *why;            /* a sentence, static storage; may be NULL */
    it_addr relayed[2], mapped; /* of IPv4 and IPv6; none where there is none */
    uint32_t lifetime;          /* seconds */
    bool has_token;
    uint8_t token[8];
    it_addr peer;
    uint32_t conn;
    it_io_icmp icmp;
    it_bytes data; /* lives until the next call */
} it_turn_client_event;

typedef struct it_turn_client it_turn_client;

/* Begins to allocate; the first output is due at once. NULL when there is no memory. */
it_turn_client *it_turn_client_new(const it_turn_client_cfg *cfg, it_time now);
void it_turn_client_free(it_turn_client *c);

/* Asks for a permission for |ip| and keeps it; nothing when it is there. Forget lets it end. Returns 0, IT_ERR_STATE
 * without an allocation, IT_ERR_FULL, IT_ERR_NOMEM. */
int it_turn_client_permit(it_turn_client *c, it_time now, it_ip ip);
void it_turn_client_forget(it_turn_client *c, it_ip ip);
/* Asks for a channel to |peer|, and the permission with it. As above. */
int it_turn_client_bind(it_turn_client *c, it_time now, it_addr peer);
/* Sends |data| to |peer|, with |df| not to be fragmented behind the server (goes by Send indication then). Returns 0;
 * IT_ERR_STATE without an allocation; IT_ERR_FULL: nothing sent, now; IT_ERR_PERM: the server has refused the peer;
 * IT_ERR_TOOBIG; IT_ERR_NOMEM. */
int it_turn_client_send(it_turn_client *c, it_time now, it_addr peer, it_bytes data, bool df);

/* Asks the server to connect to |peer| (RFC 6062 section 4.3); |*conn| is the connection's number, CONN_OPEN or
 * CONN_ENDED follows: 403, 446, 447 and others. After 447 the request to the same peer waits until 10 s have passed.
 * Returns 0; IT_ERR_STATE without a TCP allocation; IT_ERR_EXISTS: there is one with |peer|, or one is asked for;
 * IT_ERR_FULL; IT_ERR_NOMEM. */
int it_turn_client_connect(it_turn_client *c, it_time now, it_addr peer, uint32_t *conn);
/* Fetches the connection of CONN_ATTEMPT (section 4.4), as above. Returns 0; IT_ERR_STATE: it is none that waits;
 * IT_ERR_NOMEM. One that is not wanted is left alone: the server closes it after 30 s, and CONN_ENDED says so; or it is
 * fetched and reset. */
int it_turn_client_accept(it_turn_client *c, it_time now, uint32_t conn);
/* Writes to the peer. Returns how many bytes found room, with fewer than |data| CONN_WRITABLE follows; IT_ERR_STATE: it
 * is not open, or was finished; IT_ERR_NOMEM. */
int it_turn_client_write(it_turn_client *c, it_time now, uint32_t conn, it_bytes data);
/* Reads what the peer has said into |buf| of |cap| bytes. Returns how many bytes, 0: none for now; what is not read
 * closes the peer's window. IT_ERR_STATE as above; IT_ERR_NOMEM. */
int it_turn_client_read(it_turn_client *c, it_time now, uint32_t conn, uint8_t *buf, size_t cap);
/* Ends what is written: the peer sees the end behind the last byte. CONN_ENDED follows when the peer does the same.
 * Returns 0, IT_ERR_STATE or IT_ERR_NOMEM. */
int it_turn_client_finish(it_turn_client *c, it_time now, uint32_t conn);
/* Ends it at once, in whatever state; CONN_ENDED follows. */
void it_turn_client_reset(it_turn_client *c, it_time now, uint32_t conn);

/* Deletes the allocation (section 8), and resets the connections of a TCP allocation; CLOSED follows. */
int it_turn_client_close(it_turn_client *c, it_time now);
/* After FAILED with 437: tries again from another socket (section 7.4). */
int it_turn_client_rebase(it_turn_client *c, it_time now, uint32_t flow, it_addr local);

/* True when it has an allocation that can move (RFC 8016): datagrams or DTLS, and the server has given a ticket. */
bool it_turn_client_mobile(const it_turn_client *c);
/* The socket is gone, and |flow| at |local| is there instead: the allocation, its permissions and its channels move
 * there. Until MOVED nothing can be sent (section 3.2.2); LOST when the server does not agree. With a |local| of port 0
 * there is no socket for now, and it waits for the next call. Returns 0, IT_ERR_STATE: it is not mobile, or
 * IT_ERR_NOMEM. */
int it_turn_client_move(it_turn_client *c, it_time now, uint32_t flow, it_addr local);

/* Ends it at once, without a word to the server but the reset of its stream: its socket is gone. */
void it_turn_client_abort(it_turn_client *c);
/* The server that it speaks to: the one of the owner, or where that has sent it. */
it_addr it_turn_client_server(const it_turn_client *c);
/* True when it is closed, or has failed for good, and nothing of it is left on the wire. */
bool it_turn_client_over(const it_turn_client *c);

/* As stack/io.h. A datagram that is not for it is taken and ignored. */
int it_turn_client_input(it_turn_client *c, it_time now, const it_io *in);
int it_turn_client_tick(it_turn_client *c, it_time now);
it_time it_turn_client_next(const it_turn_client *c);
int it_turn_client_output(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_turn_client_event_next(it_turn_client *c, it_turn_client_event *ev);

#endif
