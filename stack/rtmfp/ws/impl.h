/* What the files of a session of RTWebSocket know of each other; nobody else includes this.
 *
 *     session.c   messages in and out, timers        send.c   sending flows        recv.c   receiving flows */
#ifndef IT_STACK_RTMFP_WS_IMPL_H
#define IT_STACK_RTMFP_WS_IMPL_H

#include "stack/rtmfp/ws/session.h"
#include "stack/rtmfp/ws/wire.h"

/* A message that waits in a sending flow. */
typedef struct it_rtws_item {
    struct it_rtws_item *next;
    it_time until; /* IT_NEVER: as reliable as the stream */
    size_t at, n;  /* so much of it was sent */
    uint8_t data[];
} it_rtws_item;

typedef struct it_rtws_send {
    uint64_t id, returns; /* |returns|: on the wire, where |associated| */
    bool associated, opened, closing, closed, full;
    uint32_t priority;
    it_rtws_item *first, **end;
    size_t queued;
    uint64_t abandoned;   /* messages, to be told */
    uint64_t sent, acked; /* user data, with headers */
    uint64_t buffer;      /* that the receiver had room for when it said |acked| */
    size_t metadata_n;
    uint8_t metadata[IT_RTMFP_METADATA];
} it_rtws_send;

typedef struct it_rtws_recv {
    uint64_t id, wire;
    bool rejected, due, gap; /* |due|: an acknowledgment is; |gap|: messages were abandoned since the last one */
    uint64_t got, said;      /* user data since the last acknowledgment; the room it told of */
    bool parts;              /* a message is being assembled */
    uint8_t *part;
    size_t part_n, part_cap;
} it_rtws_recv;

/* A message that waits to be given. */
typedef struct it_rtws_control {
    struct it_rtws_control *next;
    size_t n;
    uint8_t data[];
} it_rtws_control;

/* session.c: queues |m|; tells |ev| of flow |flow|, |*data| as it_rtmfp_events_put; notes an error. */
void it_rtws_control_put(it_rtws *s, const it_rtws_msg *m);
void it_rtws_tell(it_rtws *s, it_rtmfp_event *ev, uint64_t flow, uint8_t **data);
void it_rtws_note(it_rtws *s, int err);

/* send.c: by number; NULL: none. Frees it, which is in no list any more. */
it_rtws_send *it_rtws_send_find(const it_rtws *s, uint64_t id);
void it_rtws_send_free(it_rtws *s, it_rtws_send *f);
/* Messages of the receiver: false, and why: they break the protocol. */
const char *it_rtws_send_ack(it_rtws *s, it_time now, const it_rtws_msg *m);
const char *it_rtws_send_close_ack(it_rtws *s, const it_rtws_msg *m);
const char *it_rtws_send_exception(it_rtws *s, const it_rtws_msg *m);
/* Gives up what is too late; when the next is, IT_NEVER: none. */
void it_rtws_send_expire(it_rtws *s, it_rtws_send *f, it_time now);
it_time it_rtws_send_expiry(const it_rtws_send *f);
/* Appends the next message of the flow whose turn it is: false: none has any. */
bool it_rtws_send_give(it_rtws *s, it_time now, it_buf *b);

/* recv.c: by its number, and by that on the wire; frees it, which is in no list any more. */
it_rtws_recv *it_rtws_recv_find(const it_rtws *s, uint64_t id);
void it_rtws_recv_free(it_rtws *s, it_rtws_recv *f);
/* Messages of the sender. NULL, or why they break the protocol. */
const char *it_rtws_recv_open(it_rtws *s, it_time now, const it_rtws_msg *m);
const char *it_rtws_recv_data(it_rtws *s, it_time now, const it_rtws_msg *m, size_t size);
const char *it_rtws_recv_abandon(it_rtws *s, const it_rtws_msg *m);
const char *it_rtws_recv_close(it_rtws *s, it_time now, const it_rtws_msg *m);
/* Queues all acknowledgments that are due. */
void it_rtws_recv_acks(it_rtws *s);

#endif
