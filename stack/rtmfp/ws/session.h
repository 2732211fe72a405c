/* A session of RTWebSocket (stack/rtmfp/ws/wire.h): flows over the messages of one WebSocket, without the WebSocket. It
 * takes messages and gives messages, and tells what happens as an end of RTMFP does (stack/rtmfp/flow/event.h).
 *
 *     open, write, close --> [ queues of flows, by priority ] --> it_rtws_give --> WebSocket --> it_rtws_take -->
 * events
 *
 * TCP loses nothing and keeps order, so there are no sequence numbers. What bounds a sender are acknowledgments: a flow
 * has no more user data on its way than its receiver has room for, and all flows together no more than the path holds
 * with 50 ms of queue, so that what is urgent waits behind little, and a message whose time is over can be given up
 * before it was sent: that is all the partial reliability there is. A loss below delays all flows alike.
 *
 * Numbers of receiving flows are this session's own, from 1 and never again: those on the wire may be 0 and come again
 * as soon as a flow is closed. Numbers of sending flows are those on the wire. */
#ifndef IT_STACK_RTMFP_WS_SESSION_H
#define IT_STACK_RTMFP_WS_SESSION_H

#include "stack/rtmfp/flow/flow.h"

#define IT_RTWS_PART 1400                /* bytes of user data in one message: other flows wait behind no more */
#define IT_RTWS_MESSAGE 65535            /* bytes of a message that is taken */
#define IT_RTWS_BUFFER 65536             /* that a receiver has before it has said so */
#define IT_RTWS_WINDOW 2097151           /* that ours says: the most in an integer of three bytes */
#define IT_RTWS_FLIGHT 65536             /* user data on its way, at least and at first */
#define IT_RTWS_QUEUE_DELAY (50 * IT_MS) /* that user data may wait in the path besides */
#define IT_RTWS_ACK_LEAST 2800           /* bytes: what is acknowledged at once, at first and at least */
#define IT_RTWS_ACK_MOST 11200           /* that is asked for */
#define IT_RTWS_ACK_WAIT (250 * IT_MS)   /* an acknowledgment waits so long */
#define IT_RTWS_KEEPALIVE (10 * IT_SEC)  /* as sessions over datagrams */
#define IT_RTWS_DEATH (20 * IT_SEC)      /* the same */
#define IT_RTWS_CONTROL (256 * 1024)     /* bytes that wait besides user data, before nothing more is taken */
#define IT_RTWS_BASE_FOR (60 * IT_SEC)   /* the least round trip of so long, and of the time before, is believed */

typedef struct it_rtws_cfg {
    it_alloc *alloc;
    it_rtmfp_events *events; /* outlives it */
    uint32_t session;        /* what events name */
    it_time keepalive;       /* silence after which a ping is sent; 0: 10 s; IT_NEVER: none */
    it_time death;           /* how long it may stay unanswered; 0: 20 s */
    size_t window;           /* bytes that a receiving flow says it has room for; 0: IT_RTWS_WINDOW */
} it_rtws_cfg;

struct it_rtws_send;
struct it_rtws_recv;
struct it_rtws_control;

typedef struct it_rtws {
    it_rtws_cfg cfg;
    struct it_rtws_send **send;
    struct it_rtws_recv **recv;
    size_t sends, send_cap, recvs, recv_cap;
    uint64_t last_send, last_recv, turn;

    struct it_rtws_control *first, **end; /* messages that wait, before user data */
    size_t control;                       /* their bytes */

    uint64_t sent, acked;                    /* user data, with headers */
    uint64_t most;                           /* of it on its way */
    it_time mark_at;                         /* a round trip is being measured since then; -1: none is */
    uint64_t mark, mark_end;                 /* it began with so much sent; the last one ended with so much */
    it_time base, base_before, base_at, rtt; /* round trips: the least of late, of the time before; the last; 0: none */

    uint64_t ack_window, got; /* of the far end; user data since it said so */
    bool ack_now;
    it_time ack_at;

    it_time rx_at, ping_at; /* |ping_at|: a ping is unanswered since then; IT_NEVER: none is */
    const char *why;        /* it is broken: a sentence, static storage; NULL: it is not */
    int err;                /* the first one of the call that goes on */
} it_rtws;

/* Begins without flows; allocates nothing. */
void it_rtws_init(it_rtws *s, const it_rtws_cfg *cfg, it_time now);
void it_rtws_fini(it_rtws *s);

/* As those of flow.h, but that only messages that have not been sent whole are given up, and |sends| means nothing:
 * each is sent once. A flow is opened on the wire at once. IT_ERR_STATE also once the session is broken. */
int it_rtws_flow_open(it_rtws *s, const it_rtmfp_flow_opts *o, uint64_t *id);
int it_rtws_flow_write(it_rtws *s, it_time now, uint64_t id, it_bytes data, const it_rtmfp_write_opts *o,
                       uint64_t *message);
int it_rtws_flow_close(it_rtws *s, uint64_t id, bool abandon);
int it_rtws_flow_reject(it_rtws *s, it_time now, uint64_t id, uint64_t code);

/* Takes a message of the far end. Returns 0, IT_ERR_PARSE: it breaks the protocol, |s|->why says how and the session is
 * over; or IT_ERR_NOMEM. */
int it_rtws_take(it_rtws *s, it_time now, it_bytes message) IT_MUST_CHECK;
/* So much waits to be given that nothing more is to be taken. */
bool it_rtws_full(const it_rtws *s);
/* Appends the next message to |b|, which has room for IT_RTWS_MESSAGE bytes: 1, or 0: there is none; IT_ERR_NOMEM. */
int it_rtws_give(it_rtws *s, it_time now, it_buf *b) IT_MUST_CHECK;

/* Timers, as stack/io.h. True: the far end is dead. */
bool it_rtws_tick(it_rtws *s, it_time now);
it_time it_rtws_next(const it_rtws *s);
/* Pings after |after| of silence from now on. */
void it_rtws_keepalive(it_rtws *s, it_time after);

#endif
