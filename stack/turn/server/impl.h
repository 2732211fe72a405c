/* What the files of the server share: its state, and one message on its way through the passes. */
#ifndef IT_STACK_TURN_SERVER_IMPL_H
#define IT_STACK_TURN_SERVER_IMPL_H

#include "stack/crypto/drbg.h"
#include "stack/stream/layers.h"
#include "stack/tls/dgram.h"
#include "stack/turn/attrs.h"
#include "stack/turn/channel.h"
#include "stack/turn/frame.h"
#include "stack/turn/server/server.h"

#define IT_TURN_IDLE (60 * IT_SEC)   /* a stream without an allocation and without messages is reset then */
#define IT_TURN_CONN_FLOW 0x10000u   /* flows of connections that it opens: beyond all bases */
#define IT_TURN_ANSWER 2048          /* bytes of a response at most */
#define IT_TURN_STREAM_KEEP 4096     /* room of a stream that data leaves to responses */
#define IT_TURN_TLS_OVERHEAD 64      /* bytes that a record has besides, and more */
#define IT_TURN_MESSAGE_LARGEST 9216 /* bytes of a message on a stream */

/* A datagram that waits for output. */
typedef struct it_turn_waiting {
    it_io io; /* without data */
    uint8_t *p;
    size_t n, cap;
} it_turn_waiting;

/* A client's byte stream. */
typedef struct it_turn_stream {
    it_stream s;
    it_layers ls;
    it_turn_leg leg;
    bool joined;   /* a data connection (RFC 6062): no messages, but bytes, */
    uint32_t conn; /* of this connection with a peer; IT_TURN_NONE: that is gone */
} it_turn_stream;

typedef struct it_turn_base {
    uint32_t flow;
    it_addr addr;
} it_turn_base;

struct it_turn_server {
    it_turn_server_cfg cfg;
    it_tls_cfg tls; /* its stream gives every connection one of its own */
    /* What tells messages apart, on datagrams and on streams, with the channel numbers that are taken. */
    enum it_turn_message (*kind)(it_bytes d);
    it_layer (*framing)(it_alloc *alloc, size_t largest);
    uint32_t channel_last;
    it_drbg secrets;      /* tokens, tickets, keys */
    it_rng rng;           /* transaction ids, which anybody may see */
    it_stun_guard *guard; /* NULL: everybody may */
    it_hmac_key ticket;   /* signs tickets */
    it_turn_table t;
    it_turn_base bases[IT_TURN_SERVER_BASES];
    size_t n_bases;
    it_turn_waiting ring[IT_TURN_SERVER_QUEUE];
    uint32_t first, n;
    it_turn_stream **streams; /* NULL: free */
    size_t n_streams, cap_streams;
    uint32_t live_streams;
    it_map by_flow;               /* of streams */
    it_bits busy;                 /* streams that may have something to put out */
    it_tourney idle;              /* of streams */
    struct it_turn_assoc *assocs; /* of DTLS: dtls.c */
    size_t n_assocs, cap_assocs;
    uint32_t live_assocs;
    it_map by_assoc;
    it_tourney assoc_clock;
    struct it_turn_conn **conns; /* of peers, by TCP: tcp.c; NULL: a free place */
    size_t n_conns, cap_conns;
    uint32_t live_conns;
    it_map by_id, by_peer_flow;
    it_bits conn_busy; /* those that may have something to put out */
    it_tourney conn_clock;
    it_tls_dgram *stranger; /* hears those who have none; NULL: nobody has come */
    it_hmac_key cookie;     /* signs what they must show */
    it_turn_server_stats stats;
};

/* A request as it passes through, and what is to be answered. */
typedef struct it_turn_job {
    it_time now;
    it_turn_leg leg;
    it_stun_msg req;
    it_stun_verdict who;
    uint32_t user;
    uint32_t allocation; /* of the 5-tuple; IT_TURN_NONE */
    int code;            /* of the error; 0: success */
    uint16_t unknown[IT_STUN_ATTRS_MAX];
    int n_unknown;
    bool fingerprint;
    bool later;          /* the answer waits for sockets, or there is none */
    uint32_t lifetime;   /* of Refresh, seconds */
    bool ticket;         /* of Refresh: it moved, and gets a new ticket */
    uint32_t connection; /* of Connect: the CONNECTION-ID */
    int err;             /* IT_ERR_NOMEM */
} it_turn_job;

/* --- server.c --- */
/* Sends |parts| in a row, together one message, to the client at |leg|. |spare|: room that a stream must have left
 * then. Returns 0, IT_ERR_FULL: dropped, or IT_ERR_NOMEM. */
int it_turn_send(it_turn_server *s, it_time now, const it_turn_leg *leg, const it_bytes parts[3], it_io_meta meta,
                 size_t spare);
/* Puts a datagram into the queue; as above. */
int it_turn_queue(it_turn_server *s, const it_io *io, const it_bytes parts[3]);
/* Takes a whole message of a client. Returns 0 or IT_ERR_NOMEM. */
int it_turn_message(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes d, it_io_meta meta);

/* The 5-tuple |leg| of a stream or an association is gone, and its allocation with it, unless it can move. */
void it_turn_leg_gone(it_turn_server *s, const it_turn_leg *leg);

/* --- dtls.c --- */
/* True when |leg| has an association. */
bool it_turn_dtls_has(const it_turn_server *s, const it_turn_leg *leg);
/* True when the datagram |in| of |leg| is for its association, or for what makes one; then it is given to input, which
 * returns 0 or IT_ERR_NOMEM. */
bool it_turn_dtls_takes(const it_turn_server *s, const it_turn_leg *leg, it_bytes in);
int it_turn_dtls_input(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes in, it_io_meta meta);
/* Sends a message to |leg| where it has an association: true, |*err| then as it_turn_send. */
bool it_turn_dtls_send(it_turn_server *s, it_time now, const it_turn_leg *leg, const it_bytes parts[3], it_io_meta meta,
                       int *err);
/* Repeats flights, closes associations that are idle; when the next one is due. */
int it_turn_dtls_tick(it_turn_server *s, it_time now);
it_time it_turn_dtls_next(const it_turn_server *s);
void it_turn_dtls_free_all(it_turn_server *s);

/* --- tcp.c --- */
/* Connect and ConnectionBind (RFC 6062 sections 5.2, 5.4), and what Connect is answered with. */
void it_turn_connect(it_turn_server *s, it_turn_job *j);
void it_turn_put_connected(const it_turn_server *s, const it_turn_job *j, it_buf *b);
void it_turn_connection_bind(it_turn_server *s, it_turn_job *j);
/* For whom a nonce in |j| may have been made: of ConnectionBind the client of the control connection, who uses it again
 * on a connection of its own (turnutils_uclient reads no challenge there); else who has sent it. */
it_addr it_turn_tcp_owner(const it_turn_server *s, const it_turn_job *j);
/* Takes |in| when it is of a connection with a peer, or a peer's that begins: true, |*n| then as input returns. */
bool it_turn_tcp_input(it_turn_server *s, it_time now, const it_io *in, int *n);
int it_turn_tcp_output(it_turn_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* The client's end of connection |c|, stream |st|, has taken bytes, or may; or it is gone, by a reset or not. */
int it_turn_tcp_client_bytes(it_turn_server *s, it_time now, it_turn_stream *st, it_bytes data);
void it_turn_tcp_client_fin(it_turn_server *s, uint32_t c);
void it_turn_tcp_client_gone(it_turn_server *s, uint32_t c);
void it_turn_tcp_read_on(it_turn_server *s, uint32_t c);
size_t it_turn_tcp_space(const it_turn_server *s, uint32_t c);
/* Ends what has waited too long, and the connections of relayed addresses that are gone; when the next one is due. */
int it_turn_tcp_tick(it_turn_server *s, it_time now);
int it_turn_tcp_tidy(it_turn_server *s, it_time now);
it_time it_turn_tcp_next(const it_turn_server *s);
void it_turn_tcp_free_all(it_turn_server *s);

/* --- peer.c --- */
/* Where relayed addresses of the family (0: IPv4, 1: IPv6) are for a client at |leg|; none: not offered. */
it_ip it_turn_relay_ip(const it_turn_server *s, int six, const it_turn_leg *leg);
/* May |ip| be a peer's, may |peer| be sent to. */
bool it_turn_peer_ip_allowed(const it_turn_server *s, it_ip ip);
bool it_turn_peer_allowed(const it_turn_server *s, it_addr peer, bool tcp);
/* May |client| have an allocation: not from a tunnel, not from a relayed address of this server. */
bool it_turn_client_allowed(const it_turn_server *s, it_addr client, bool tcp);
/* The relay of allocation |i| that reaches |ip|; IT_TURN_NONE: it has none of the family, or waits for it. */
uint32_t it_turn_relay_for(const it_turn_server *s, uint32_t i, it_ip ip);

/* --- request.c --- */
void it_turn_request(it_turn_server *s, it_turn_job *j);
/* Answers |j|. */
void it_turn_respond(it_turn_server *s, it_turn_job *j);
/* The lifetime that a request asks for, seconds (section 7.2). */
uint32_t it_turn_lifetime(const it_turn_server *s, const it_stun_msg *req);
/* The relay for attribute |i| of |j|, an XOR-PEER-ADDRESS, in |*r|; else the code of the error. */
int it_turn_peer_relay(const it_turn_server *s, const it_turn_job *j, uint32_t i, it_addr *peer, uint32_t *r);

/* --- allocate.c --- */
void it_turn_allocate(it_turn_server *s, it_turn_job *j);
void it_turn_put_allocated(const it_turn_server *s, const it_turn_job *j, it_buf *b);
/* BOUND has come. Returns 0 or IT_ERR_NOMEM. */
int it_turn_bound(it_turn_server *s, it_time now, const it_io *in);

/* --- mobility.c --- */
/* Gives allocation |i| a new ticket. Returns 0 or IT_ERR_NOMEM. */
int it_turn_ticket_new(it_turn_server *s, uint32_t i);
void it_turn_ticket_put(const it_turn_server *s, const it_turn_allocation *a, it_buf *b);
/* The allocation that Refresh |j| is about, by ticket: sets |j|'s allocation or code. */
void it_turn_move(it_turn_server *s, it_turn_job *j);
/* Data has come from |leg| for allocation |i|: if it was moving it has moved. */
void it_turn_moved(it_turn_server *s, uint32_t i, const it_turn_leg *leg);

/* --- relay.c --- */
/* A ChannelData message and a Send indication of a client, a datagram and an ICMP error at a relayed address. Return 0
 * or IT_ERR_NOMEM. */
int it_turn_from_channel(it_turn_server *s, it_time now, const it_turn_leg *leg, it_bytes d, it_io_meta meta);
int it_turn_from_send(it_turn_server *s, it_time now, const it_turn_leg *leg, const it_stun_msg *m, it_io_meta meta);
int it_turn_from_peer(it_turn_server *s, it_time now, const it_io *in);
int it_turn_from_icmp(it_turn_server *s, it_time now, const it_io *in);

/* --- stream.c --- */
/* An io of an accepted stream. Returns as input does. */
int it_turn_stream_input(it_turn_server *s, it_time now, const it_io *in);
/* Writes a whole message; as it_turn_send. */
int it_turn_stream_send(it_turn_server *s, it_time now, uint32_t flow, const it_bytes parts[3], size_t spare);
/* The client's stream |flow|; NULL. Makes it the data connection of |c|. Writes bytes of the peer: how many were taken,
 * or IT_ERR_NOMEM. Ends it behind what waits, or at once. */
it_turn_stream *it_turn_stream_of(it_turn_server *s, uint32_t flow);
void it_turn_stream_join(it_turn_server *s, it_turn_stream *st, uint32_t c);
int it_turn_stream_bytes(it_turn_server *s, it_time now, it_turn_stream *st, it_bytes data);
int it_turn_stream_end(it_turn_server *s, it_time now, it_turn_stream *st, bool reset);
/* Lets the peer have what waits of the client. Returns 0 or IT_ERR_NOMEM. */
int it_turn_stream_pull(it_turn_server *s, it_time now, it_turn_stream *st);
int it_turn_stream_output(it_turn_server *s, it_time now, it_io *out, uint8_t *buf, size_t cap);
/* Resets the streams that have been idle for too long; when the next will be. */
void it_turn_stream_tick(it_turn_server *s, it_time now);
it_time it_turn_stream_next(const it_turn_server *s);
void it_turn_stream_free_all(it_turn_server *s);

#endif
