/* What the files of the relay's server share.
 *
 *     server.c        its connections by WebSocket, and the object contract
 *     rooms.c         rooms, what passes between two, what is told
 *     server_dgram.c  its clients by UDP
 */
#ifndef IT_STACK_WSRELAY_SERVER_IMPL_H
#define IT_STACK_WSRELAY_SERVER_IMPL_H

#include "base/table/bits.h"
#include "stack/crypto/digest.h"
#include "stack/stream/layers.h"
#include "stack/ws/ws.h"
#include "stack/wsrelay/dgram.h"
#include "stack/wsrelay/queue.h"
#include "stack/wsrelay/server.h"

enum { NOBODY = -1 };

typedef struct relay_link {
    it_stream s;
    it_layers ls;
    it_layer http;
    it_layer tls, ws; /* ops NULL: none; ws: in a room */
    char room[IT_WSRELAY_ROOM + 1], name[IT_WSRELAY_NAME + 1];
    bool gone; /* it has left its room, or is about to */
    int peer;  /* the other one in the room */
    bool here; /* HERE is to be said */
    bool away; /* GONE */
    it_time deadline;
    uint32_t lost, told; /* of its own, dropped on their way; as far as it was told */
    it_time told_at;
    it_wsrelay_queue q; /* to it */
    /* by UDP (dgram.h) */
    bool dgram;
    uint32_t flow; /* our socket; */
    it_addr local; /* its address. The client's is |s|.remote */
    uint64_t token;
    bool say_in; /* IN is to be said */
} relay_link;

#define RELAY_REPLIES 16

/* A word to somebody of whom nothing is kept. */
typedef struct relay_reply {
    uint32_t flow;
    it_addr local, remote;
    uint8_t bytes[4 + IT_WSRELAY_COOKIE];
    size_t n;
} relay_reply;

struct it_wsrelay_server {
    it_wsrelay_server_cfg cfg;
    it_tls_cfg tls;
    relay_link **v; /* NULL: a free place */
    size_t n, cap;
    it_bits busy;      /* links that may have something to put out */
    uint32_t *refused; /* flows to reset */
    size_t n_refused, cap_refused;
    it_time now;
    it_wsrelay_server_stats stats;
    it_wsrelay_tale tales[IT_WSRELAY_TALES]; /* a ring */
    uint64_t told, heard;                    /* so many were told; and were asked for, or lost */
    uint8_t buf[IT_LAYER_MESSAGE];
    it_hmac_key cookie_key;
    bool has_key;
    relay_reply reply[RELAY_REPLIES];
    int n_replies;
};

/* rooms.c */
/* A tale of |kind| of |client|, which the caller fills. */
it_wsrelay_tale *it_wsr_tell(it_wsrelay_server *s, enum it_wsrelay_tale_kind kind, it_addr client);
/* Takes link |i| out of its room; the other one is told. */
void it_wsr_leave(it_wsrelay_server *s, size_t i);
/* The status that a request for |room| by |name| gets, which who has that name makes place for; |*other| is who else is
 * there. */
int it_wsr_judge(it_wsrelay_server *s, it_bytes room, it_bytes name, int *other);
/* Puts link |i| into |room|, where |other| is. */
void it_wsr_enter(it_wsrelay_server *s, size_t i, it_bytes room, it_bytes name, int other);
/* The datagram |message|, a frame of wire.h, goes to the other one in the room. Returns 0 or IT_ERR_NOMEM. */
int it_wsr_relay(it_wsrelay_server *s, relay_link *from, it_bytes message);
/* Drops what has waited too long for |l|. */
void it_wsr_age(it_wsrelay_server *s, relay_link *l);

/* server.c */
/* A new link: its place, IT_ERR_FULL or IT_ERR_NOMEM. */
int it_wsr_add(it_wsrelay_server *s);
void it_wsr_free(it_wsrelay_server *s, size_t i);

/* server_dgram.c */
/* Takes one datagram. Returns 0 or IT_ERR_NOMEM. */
int it_wsr_dgram_input(it_wsrelay_server *s, const it_io *in);
/* What is to be said to those of whom nothing is kept, and to link |i|: 1, or 0. */
int it_wsr_reply_output(it_wsrelay_server *s, it_io *out, uint8_t *buf, size_t cap);
int it_wsr_dgram_output(it_wsrelay_server *s, size_t i, it_io *out, uint8_t *buf, size_t cap);

#endif
