/* The messages of RTWebSocket, the protocol by which the author of RFC 7016 carries flows like those of RTMFP over
 * WebSocket: one binary message (RFC 6455 section 5.6) is one of these, a type and its fields. Integers are those of
 * RFC 7016 section 2.1.2. The protocol is published with its author's implementations, no RFC has it.
 *
 *     01 message                     ping                41 message      its reply, which copies it
 *     0a bytes                       how much of user data is acknowledged at once
 *     10 flow metadata               flow open           30 flow associated metadata    the same, in return to another
 *     3d flow bytes                  user data, more of the message follows             1d flow bytes    its last part
 *     1a flow [messages - 1]         abandon             1c flow         flow close
 *     5a flow bytes buffer           acknowledgment      5c flow         of a flow close
 *     5e flow [code [text]]          exception: the receiver rejects the flow
 *
 * Readers borrow from the message; nothing is allocated. */
#ifndef IT_STACK_RTMFP_WS_WIRE_H
#define IT_STACK_RTMFP_WS_WIRE_H

#include "base/bytes.h"

#include <stdbool.h>

enum it_rtws_type {
    IT_RTWS_PING = 0x01,
    IT_RTWS_ACK_WINDOW = 0x0a,
    IT_RTWS_OPEN = 0x10,
    IT_RTWS_ABANDON = 0x1a,
    IT_RTWS_CLOSE = 0x1c,
    IT_RTWS_LAST = 0x1d,
    IT_RTWS_OPEN_RETURN = 0x30,
    IT_RTWS_MORE = 0x3d,
    IT_RTWS_PING_REPLY = 0x41,
    IT_RTWS_ACK = 0x5a,
    IT_RTWS_CLOSE_ACK = 0x5c,
    IT_RTWS_EXCEPTION = 0x5e
};

#define IT_RTWS_HEAD_MAX 31 /* bytes of a type and three integers */

typedef struct it_rtws_msg {
    enum it_rtws_type type;
    uint64_t flow;       /* but of PING, PING_REPLY, ACK_WINDOW */
    uint64_t associated; /* of OPEN_RETURN: the flow of the other direction */
    uint64_t count;      /* of ACK_WINDOW, ACK: bytes; of ABANDON: messages less one */
    uint64_t buffer;     /* of ACK: bytes that the receiver has room for */
    uint64_t code;       /* of EXCEPTION */
    it_bytes data;       /* what is behind these: of PING, PING_REPLY, OPEN, OPEN_RETURN, MORE, LAST, EXCEPTION */
} it_rtws_msg;

enum it_rtws_read {
    IT_RTWS_READ,   /* |m| is it */
    IT_RTWS_IGNORE, /* of a type that this end does not know, or without one */
    IT_RTWS_BROKEN  /* a field is cut, or has more than 64 bits: the end of the session */
};

/* Reads |message|. What is behind the fields of a type without data is ignored. */
enum it_rtws_read it_rtws_get(it_bytes message, it_rtws_msg *m);
/* Appends |m|; optional fields are left out where they say nothing. */
void it_rtws_put(it_buf *b, const it_rtws_msg *m);

#endif
