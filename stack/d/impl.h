/* What the files of the relay object share.
 *
 *     relay.c   the API, the connection and its clocks
 *     meet.c    who the other end is: hello
 *     leg.c     the way to the relay and back
 */
#ifndef IT_STACK_D_IMPL_H
#define IT_STACK_D_IMPL_H

#include "stack/d/hello.h"
#include "stack/d/relay.h"
#include "stack/model/conn.h"
#include "stack/wsrelay/client.h"
#include "stack/wsrelay/dgram_client.h"

#define D_BASES 16
#define D_NAME 64

/* The way to the relay. */
typedef struct d_leg {
    const it_object_ops *ops; /* NULL: none; by WebSocket or by UDP */
    void *client;             /* it_wsrelay_client, it_wsrelay_dgram_client */
    uint32_t stream;          /* our number of its stream */
    int base;                 /* the base that it sends from by UDP; -1: none */
    uint32_t made;            /* clients so far */
    it_wsrelay_turn turn;
    bool here;             /* the other end is in the room */
    bool leaving, aborted; /* it has ended: its stream is closed in order, or reset */
    it_time at;            /* when the next one is made, where there is none; IT_NEVER: not */
    it_time idle_at;       /* when one that leaves is reset; IT_NEVER */
} d_leg;

struct it_d_relay {
    it_d_relay_cfg cfg;
    it_alloc *alloc;
    char name[D_NAME], room[IT_WSRELAY_ROOM + 1], id[IT_WSRELAY_NAME + 1];
    it_evq events;
    it_model_event latest; /* told by its table */
    it_conn conn;
    it_conn_socket base[D_BASES];
    int n_bases;
    d_leg leg;
    it_time gone_at; /* since when there is no path, of one that is open; IT_NEVER: there is one */
    /* the other end */
    it_hmac_key key;
    uint64_t number, far; /* ours; its own, 0: not known */
    it_time hello_at;     /* the next hello, IT_NEVER */
    /* liveness */
    it_time asked_at; /* the latest question; IT_NEVER: none */
    it_time first_at; /* the first one since something came; IT_NEVER likewise */
};

/* relay.c */
/* Tells that the other end, or the relay, broke a rule. */
void it_d_blame(it_d_relay *r, it_time now, const char *why);
/* The other end can be reached from now on; it cannot. */
void it_d_found(it_d_relay *r, it_time now);
void it_d_missed(it_d_relay *r, it_time now);

/* meet.c */
/* Says hello when that is due. */
void it_d_hello_tick(it_d_relay *r, it_time now);
/* Takes one. */
void it_d_hello_input(it_d_relay *r, it_time now, it_bytes datagram);

/* leg.c */
/* Sends |data| to the other end; where that is not there it is lost, as datagrams are. */
void it_d_leg_send(it_d_relay *r, it_time now, it_bytes data);
/* A base has come or gone: by UDP another one may have to be used. */
void it_d_leg_bases(it_d_relay *r, it_time now);
/* The path by it. */
it_conn_path it_d_leg_path(const it_d_relay *r);
/* Takes what the leg has to report: 1 for a datagram, |*data|, that lives until the next call, 0 for none. */
int it_d_leg_take(it_d_relay *r, it_time now, it_bytes *data);
/* The object is over, and all it had to say was sent: gives the way back. */
void it_d_leg_leave(it_d_relay *r, it_time now);
/* As stack/io.h. Negative: IT_ERR_NOMEM. */
int it_d_leg_input(it_d_relay *r, it_time now, const it_io *in);
int it_d_leg_tick(it_d_relay *r, it_time now);
it_time it_d_leg_next(const it_d_relay *r);
int it_d_leg_output(it_d_relay *r, it_time now, it_io *out, uint8_t *buf, size_t cap);
void it_d_leg_fini(it_d_relay *r);

#endif
