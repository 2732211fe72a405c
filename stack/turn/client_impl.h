/* What the files of the client share. */
#ifndef IT_STACK_TURN_CLIENT_IMPL_H
#define IT_STACK_TURN_CLIENT_IMPL_H

#include "stack/stream/layers.h"
#include "stack/stun/longterm.h"
#include "stack/tls/dgram.h"
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"
#include "stack/turn/client.h"
#include "stack/turn/frame.h"

#define IT_TURN_TLS_OVERHEAD 64                             /* bytes that a record has besides, and more */
#define IT_TURN_TI (39500 * IT_MS)                          /* RFC 8489 section 6.2.2 */
#define IT_TURN_BACK_OFF (60 * IT_SEC)                      /* RFC 8656 section 7.4 */
#define IT_TURN_PERMISSION_REFRESH (240 * IT_SEC)           /* a minute before 300 s */
#define IT_TURN_CHANNEL_REFRESH (540 * IT_SEC)              /* a minute before 600 s */
#define IT_TURN_RETRY (5 * IT_SEC)                          /* until what was not answered is asked for again */
#define IT_TURN_REFUSED (60 * IT_SEC)                       /* for how long what was refused is not asked for again */
#define IT_TURN_CONN_LIFE (30 * IT_SEC)                     /* RFC 6062 sections 5.2, 5.3: to be fetched within */
#define IT_TURN_CONN_AGAIN (10 * IT_SEC)                    /* section 4.3: after 447 */
#define IT_TURN_CLIENT_TICKET 512                           /* bytes of a ticket that is kept at most (RFC 8016) */
#define IT_TURN_CLIENT_REDIRECTS 4                          /* servers remembered: RFC 8489 section 10 against loops */
#define IT_TURN_CLIENT_REDIRECTED (300 * IT_SEC)            /* for so long, the same section */
#define IT_TURN_CLIENT_MESSAGE 9216                         /* bytes of a message at most */
#define IT_TURN_CLIENT_DATA_MAX (IT_TURN_CLIENT_QUEUE - 16) /* events with which no more data is taken */

enum it_turn_client_state {
    IT_TURN_ALLOCATING,
    IT_TURN_ALLOCATED,
    IT_TURN_DELETING, /* a Refresh with lifetime 0 is on its way */
    IT_TURN_WAITING,  /* until |when| */
    IT_TURN_FAILED,
    IT_TURN_CLOSED
};

/* What a transaction is for: the upper half of its tag; the lower one is an index. */
enum it_turn_ask {
    IT_TURN_ASK_ALLOCATE,
    IT_TURN_ASK_REFRESH,
    IT_TURN_ASK_DELETE,
    IT_TURN_ASK_PERMIT,
    IT_TURN_ASK_BIND,
    IT_TURN_ASK_CONNECT,
    IT_TURN_ASK_FETCH, /* ConnectionBind, on the data connection */
    IT_TURN_ASK_MOVE   /* Refresh with a ticket */
};

enum it_turn_grant {
    IT_TURN_GRANT_NONE, /* a free place */
    IT_TURN_GRANT_ASKED,
    IT_TURN_GRANT_GIVEN,
    IT_TURN_GRANT_REFRESHING, /* given, and asked for again */
    IT_TURN_GRANT_REFUSED
};

static inline bool it_turn_granted(uint8_t state)
{
    return state == IT_TURN_GRANT_GIVEN || state == IT_TURN_GRANT_REFRESHING;
}

typedef struct it_turn_client_permission {
    uint8_t state; /* enum it_turn_grant */
    bool dropped;  /* not wanted any longer */
    it_ip ip;
    it_time refresh, expiry;
} it_turn_client_permission;

typedef struct it_turn_client_channel {
    uint8_t state;
    it_addr peer;
    uint16_t number; /* 0: none has been chosen */
    uint32_t sent;   /* datagrams */
    it_time used, refresh, expiry;
} it_turn_client_channel;

typedef struct it_turn_client_packet {
    uint8_t *p;
    size_t n, cap;
} it_turn_client_packet;

/* A server that was asked to allocate. */
typedef struct it_turn_client_tried {
    it_addr server;
    it_time at;
} it_turn_client_tried;

typedef struct it_turn_client_held {
    bool used, df;
    it_addr peer;
    it_turn_client_packet data;
} it_turn_client_held;

typedef struct it_turn_client_said {
    it_turn_client_event ev;
    it_turn_client_packet data;
} it_turn_client_said;

enum it_turn_client_conn_state {
    IT_TURN_CONN_HELD,    /* Connect is sent at |when| */
    IT_TURN_CONN_ASKED,   /* it was */
    IT_TURN_CONN_OFFERED, /* ConnectionAttempt has come; gone at |when| */
    IT_TURN_CONN_BINDING, /* the data connection is opened, ConnectionBind sent; given up at |when| */
    IT_TURN_CONN_OPEN,
    IT_TURN_CONN_OVER /* the place is free once that was told, its stream is gone, and |when| has passed */
};

/* A connection with a peer (RFC 6062). */
typedef struct it_turn_client_conn {
    uint8_t state; /* enum it_turn_client_conn_state */
    it_addr peer;
    uint32_t id; /* CONNECTION-ID */
    it_time when;
    it_stun_longterm lt; /* the control connection's credentials; the nonce is this one's */
    it_stream s;         /* the data connection */
    it_layers ls;        /* over it TLS, where there is TLS, and before it is open the framing */
    it_queue in;         /* what the peer has said */
    bool eof;            /* and will say no more */
    bool finished;       /* the owner will write no more, */
    bool waits;          /* or wants to hear of room */
    bool offer_told, open_told, in_told, eof_told, end_told;
    int code; /* of its end */
    const char *why;
} it_turn_client_conn;

struct it_turn_client {
    it_turn_client_cfg cfg;
    it_rng rng;
    enum it_turn_client_state state;
    bool closing;   /* the owner wants no more */
    bool again;     /* allocate when it is deleted */
    it_addr origin; /* the server that the owner named */
    bool secure;    /* by TLS or DTLS: */
    it_tls_cfg tls; /* its stream gives every connection one of its own */
    const char *origin_name;
    it_tls_dgram *dtls;               /* over datagrams */
    bool dtls_told;                   /* its end was heard of */
    it_time dtls_until;               /* when its handshake is given up */
    char domain[IT_TLS_NAME_MAX + 1]; /* of ALTERNATE-DOMAIN, which |tls| then names */
    it_turn_client_tried tried[IT_TURN_CLIENT_REDIRECTS];
    uint32_t n_tried; /* so far; the newest are kept */
    it_time when;     /* of WAITING */
    it_time refresh, expiry;
    it_addr relayed[2];
    bool moving; /* to another socket, or waiting for one; nothing else is asked meanwhile */
    uint16_t n_ticket;
    uint8_t ticket[IT_TURN_CLIENT_TICKET];
    it_stun_longterm lt;
    it_stun_trans *trans;
    bool tampered;  /* a response was discarded: a time-out means that */
    bool held_back; /* a message waits in the stream until its event finds room */
    it_stream s;
    it_layers ls;
    enum it_io_end end; /* why the stream is gone */
    it_turn_client_permission *permissions;
    size_t n_permissions, cap_permissions;
    it_turn_client_channel *channels;
    size_t n_channels, cap_channels;
    uint16_t next_number;
    it_turn_client_conn *conns[IT_TURN_CLIENT_CONNS]; /* NULL: free */
    size_t n_conns;
    it_turn_client_held held[IT_TURN_CLIENT_HELD];
    it_turn_client_packet ring[IT_TURN_CLIENT_QUEUE];
    uint32_t first, n;
    it_turn_client_said said[IT_TURN_CLIENT_QUEUE];
    uint32_t first_said, n_said;
};

/* --- client.c --- */
/* Copies |parts|, one behind the other, into |p|. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_fill(it_turn_client *c, it_turn_client_packet *p, const it_bytes parts[3]);
/* Queues a message, |parts| in a row, to the server. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
int it_turn_client_put(it_turn_client *c, it_time now, const it_bytes parts[3]);
/* Queues an event, its data copied; one of DATA or ERROR is lost when the queue is nearly full. 0 or IT_ERR_NOMEM. */
int it_turn_client_say(it_turn_client *c, const it_turn_client_event *ev);
/* Takes a whole message of the server, on the control connection where there are several. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_message(it_turn_client *c, it_time now, it_bytes d);

/* --- client_stream.c --- */
/* Puts the layers of a connection to the server over |ls|: TLS, where the server is spoken to so, and the framing.
 * Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_layers(it_turn_client *c, it_layers *ls);
/* Why a stream is gone that |in|, FIN or RST, is the end of. */
const char *it_turn_client_end_why(const it_io *in, enum it_io_end end);
/* Opens the stream (anew). Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_open(it_turn_client *c);
/* Ends the stream, or association, behind what waits; at once where TLS has not come to be. Returns 0 or IT_ERR_NOMEM.
 */
int it_turn_client_hang_up(it_turn_client *c, it_time now);
/* Writes a whole message. Returns 0, IT_ERR_FULL or IT_ERR_NOMEM. */
int it_turn_client_write_message(it_turn_client *c, it_time now, it_bytes m);
/* Takes the messages that are there while their events find room; the rest waits in the stream, whose window closes.
 * Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_read_messages(it_turn_client *c, it_time now);
/* Takes an io of the stream; as it_turn_client_input. */
int it_turn_client_stream_input(it_turn_client *c, it_time now, const it_io *in);

/* --- client_dtls.c --- */
/* Begins a new association. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_dtls_begin(it_turn_client *c, it_time now);
/* True while it has one that is not open yet: requests wait. */
bool it_turn_client_dtls_shakes_hands(const it_turn_client *c);
/* Sends a message by it. Returns 0, IT_ERR_FULL (lost) or IT_ERR_NOMEM. */
int it_turn_client_dtls_write(it_turn_client *c, it_time now, it_bytes m);
/* Takes a datagram of the server; what it has to do at |now|. Return 0 or IT_ERR_NOMEM. */
int it_turn_client_dtls_input(it_turn_client *c, it_time now, it_bytes d);
int it_turn_client_dtls_tick(it_turn_client *c, it_time now);
it_time it_turn_client_dtls_next(const it_turn_client *c); /* while it has an association */
/* What it has to send: 1, or 0. */
int it_turn_client_dtls_output(it_turn_client *c, it_io *out, uint8_t *buf, size_t cap);

/* The way to the server has ended, as |why| says. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_cut(it_turn_client *c, it_time now, const char *why);

/* --- client_request.c --- */
/* Starts the request |ask| about |i|. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_ask(it_turn_client *c, it_time now, enum it_turn_ask ask, size_t i);
/* Forgets all requests, and the peers. */
void it_turn_client_end_transactions(it_turn_client *c);
/* Begins to allocate, from nothing. */
int it_turn_client_start(it_turn_client *c, it_time now);
/* It is over, and the stream with it. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_closed(it_turn_client *c, it_time now);
/* The allocation is gone. */
int it_turn_client_lost(it_turn_client *c, it_time now, int code, const char *why);
/* There is none, and |code| says why. */
int it_turn_client_failed(it_turn_client *c, it_time now, int code, const char *why);
/* A response that has come on |flow|. */
int it_turn_client_response(it_turn_client *c, it_time now, uint32_t flow, const it_stun_msg *m);
/* The request |tag| was not answered. */
int it_turn_client_timeout(it_turn_client *c, it_time now, uint64_t tag);

/* The lifetime that a response has granted: when to refresh. */
void it_turn_client_lives(it_turn_client *c, it_time now, uint32_t seconds);

/* --- client_move.c --- */
/* Keeps the ticket in |m|, if there is one. */
void it_turn_client_keep_ticket(it_turn_client *c, const it_stun_msg *m);
void it_turn_client_put_move(const it_turn_client *c, size_t i, it_buf *b);
/* What the Refresh with the ticket was answered with. */
int it_turn_client_move_done(it_turn_client *c, it_time now, int code, const char *why, const it_stun_msg *m);

/* --- client_peer.c --- */
/* Ends the requests that are on their way; asks again for what they were about. The second returns 0 or IT_ERR_NOMEM.
 */
void it_turn_client_peers_hold(it_turn_client *c);
int it_turn_client_peers_again(it_turn_client *c, it_time now);
void it_turn_client_forget_peers(it_turn_client *c);
int it_turn_client_permit_done(it_turn_client *c, it_time now, size_t i, int code);
int it_turn_client_bind_done(it_turn_client *c, it_time now, size_t i, int code);
/* Data of the server. */
int it_turn_client_from_channel(it_turn_client *c, it_time now, it_bytes d);
int it_turn_client_from_indication(it_turn_client *c, it_time now, const it_stun_msg *m);
/* Refreshes what is due; when the next is. */
int it_turn_client_peer_tick(it_turn_client *c, it_time now);
it_time it_turn_client_peer_next(const it_turn_client *c);

/* --- client_conn.c --- */
/* Connection |i|; NULL. */
it_turn_client_conn *it_turn_client_conn_at(const it_turn_client *c, size_t i);
/* The one whose data connection has |flow|; NULL. */
it_turn_client_conn *it_turn_client_conn_of(const it_turn_client *c, uint32_t flow);
uint32_t it_turn_client_conn_flow(const it_turn_client *c, size_t i);
/* What Connect and ConnectionBind of connection |i| were answered with; |m| is NULL where there is none. */
int it_turn_client_connect_done(it_turn_client *c, it_time now, size_t i, int code, const char *why,
                                const it_stun_msg *m);
int it_turn_client_fetch_done(it_turn_client *c, it_time now, size_t i, int code, const char *why);
/* A ConnectionAttempt indication. */
int it_turn_client_attempt(it_turn_client *c, it_time now, const it_stun_msg *m);
/* Writes the request |out| to its data connection. Returns 0 or IT_ERR_NOMEM. */
int it_turn_client_conn_request(it_turn_client *c, it_time now, const it_io *out);
/* An io of a data connection; as it_turn_client_input. */
int it_turn_client_conn_input(it_turn_client *c, it_time now, it_turn_client_conn *x, const it_io *in);
int it_turn_client_conns_output(it_turn_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap);
int it_turn_client_conns_tick(it_turn_client *c, it_time now);
it_time it_turn_client_conns_next(const it_turn_client *c);
int it_turn_client_conns_event(it_turn_client *c, it_turn_client_event *ev);
/* Ends them all: the allocation is gone. Are there streams left; frees them. */
void it_turn_client_conns_end(it_turn_client *c);
bool it_turn_client_conns_over(const it_turn_client *c);
void it_turn_client_conns_free(it_turn_client *c);

#endif
