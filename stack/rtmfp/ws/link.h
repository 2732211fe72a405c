/* A session of RTWebSocket over the stream that it has, with the layers between: (proxy) (TLS) HTTP WebSocket. What
 * client and server have in common; nobody else includes this. The owner reads and writes with one buffer for all its
 * links. Contract: stack/io.h. */
#ifndef IT_STACK_RTMFP_WS_LINK_H
#define IT_STACK_RTMFP_WS_LINK_H

#include "stack/rtmfp/flow/carrier.h"
#include "stack/rtmfp/ws/session.h"
#include "stack/stream/layers.h"
#include "stack/ws/ws.h"

#define IT_RTWS_SESSIONS 0x80000000u   /* numbers of sessions: from here up, those over datagrams are below */
#define IT_RTWS_BODY 4096              /* of an HTTP message that is read */
#define IT_RTWS_PATIENCE (10 * IT_SEC) /* for the end of a closing handshake */
#define IT_RTWS_REQUEST (30 * IT_SEC)  /* for a client's request: three round trips of 10 s, of TLS 1.2 and its own */
#define IT_RTWS_PROTOCOL_ERROR 1002    /* RFC 6455 section 7.4.1 */

typedef struct it_rtws_link {
    it_alloc *alloc;
    it_stream s;
    it_layers ls;
    it_layer via, tls, ws; /* ops NULL: none */
    it_rtws session;
    bool initiator, open, over; /* |open|: the WebSocket was; |over|: nothing more is told */
    it_time deadline;           /* when it is reset unless something happens before; IT_NEVER */
    it_addr remote;             /* that OPEN tells */
    bool reset;                 /* the stream is gone */
    enum it_io_end end;         /* and why */
    uint8_t *wait;              /* a message that the layers have no room for yet */
    size_t wait_n;
} it_rtws_link;

/* Begins session |cfg|->session without layers. */
void it_rtws_link_init(it_rtws_link *l, const it_rtws_cfg *cfg, it_time now);
void it_rtws_link_fini(it_rtws_link *l);
/* Puts layer |layer| on top. Returns 0 or IT_ERR_NOMEM, also for one without |ops|. */
int it_rtws_link_push(it_rtws_link *l, it_layer layer) IT_MUST_CHECK;

/* Takes |in|, which has come up from the layers. Returns 0 or IT_ERR_NOMEM. */
int it_rtws_link_take(it_rtws_link *l, it_time now, const it_io *in) IT_MUST_CHECK;
/* Gives the layers what there is to say, as far as they have room; |buf| has IT_LAYER_MESSAGE bytes. The same. */
int it_rtws_link_flush(it_rtws_link *l, it_time now, uint8_t *buf) IT_MUST_CHECK;
/* Ends it here: in order, with |code| of RFC 6455 section 7.4, or abruptly with 0. Tells CLOSED or FAILED. */
int it_rtws_link_end(it_rtws_link *l, it_time now, uint16_t code) IT_MUST_CHECK;
/* Timers. */
int it_rtws_link_tick(it_rtws_link *l, it_time now) IT_MUST_CHECK;
it_time it_rtws_link_next(const it_rtws_link *l);

#endif
