/* WebSocket (RFC 6455) as a framing layer (stack/stream/layer.h) over the messages of HTTP (stack/http/message.h):
 * below are the opening handshake and then the bytes of the tunnel, above whole messages. Framing is wslay's.
 *
 *     client:  it_ws_client                                       on top of it_http_messages(IT_HTTP_CLIENT)
 *     server:  request -> it_ws_judge -> 101 -> it_ws_server      on top of it_http_messages(IT_HTTP_SERVER)
 *
 * OPENED goes up when the handshake is done. A message is a text frame, or a binary one, as the configuration says;
 * on its way in either, or fragments of one. FIN from above begins the closing handshake with 1000, it_ws_close with
 * another code; FIN goes up when the peer has closed in order, RST with a reason when the connection failed. Pings are
 * answered; where the configuration says so the peer is asked when it was silent, and given up when it does not answer.
 * Masks and keys come from the random stream. No extensions. */
#ifndef IT_STACK_WS_WS_H
#define IT_STACK_WS_WS_H

#include "base/alloc.h"
#include "base/rng.h"
#include "stack/stream/layer.h"

#define IT_WS_CLOSE_WAIT (5 * IT_SEC) /* for the peer's half of the closing handshake */
#define IT_WS_FRAGMENTS 256           /* of a message; one of more ends the connection with 1009 (section 10.4) */

typedef struct it_ws_cfg {
    it_alloc *alloc;
    it_rng rng;           /* masks (RFC 6455 section 5.3), the key of the handshake (section 4.1) */
    size_t largest;       /* bytes of a message; the peer's larger one ends the connection with 1009 */
    bool binary;          /* messages go out as binary frames (section 5.6), else as text */
    const char *protocol; /* the subprotocol (section 1.9), static storage; NULL: none */
    it_time open_wait;    /* for the handshake; 0: for ever */
    it_time ping_every;   /* silence after which a ping goes out; 0: never */
    it_time ping_wait;    /* silence after that which ends the connection */
} it_ws_cfg;

enum it_ws_phase { IT_WS_OPENING, IT_WS_OPEN, IT_WS_CLOSING, IT_WS_OVER };

/* Why a connection failed, where it was not the stream below. */
enum it_ws_fault {
    IT_WS_FAULT_NONE,
    IT_WS_FAULT_STREAM,    /* it went away: |end| */
    IT_WS_FAULT_HANDSHAKE, /* the answer was no upgrade: |status| */
    IT_WS_FAULT_SILENCE,   /* no answer to the handshake or to a ping */
    IT_WS_FAULT_PROTOCOL   /* what came is no WebSocket: |code| */
};

typedef struct it_ws_state {
    enum it_ws_phase phase;
    enum it_ws_fault fault;
    enum it_io_end end; /* of the stream */
    int status;         /* of the response; 0: none came */
    int sent;           /* the code of our close frame; 0: none has gone */
    int code;           /* that closed it (section 7.4), the peer's where it sent one; 1005, 1006 as in section 7.1.5 */
} it_ws_state;

/* The client's layer: asks |host| (the Host field) for |target|. No layer (ops NULL) without memory, or when both have
 * more than 2,000 bytes. */
it_layer it_ws_client(const it_ws_cfg *cfg, const char *host, const char *target);

/* What a server answers request |head|: 0, it asks for no WebSocket; 101; or 400, 405, 426 (RFC 6455 sections 4.2.1,
 * 4.4). */
int it_ws_judge(it_bytes head) IT_MUST_CHECK;
/* The server's layer for a request that was judged 101. |cfg|->protocol is agreed to where the client offers it. */
it_layer it_ws_server(const it_ws_cfg *cfg, it_bytes head);

/* What it has come to. Lives as long as the layer. */
const it_ws_state *it_ws_state_of(const it_layer *l);
/* Asks the peer at |now| whether it is there, which must answer within |wait|; nothing while it is being asked. Returns
 * 0 or IT_ERR_NOMEM. */
int it_ws_ping(const it_layer *l, it_time now, it_time wait) IT_MUST_CHECK;
/* Closes with |code| (section 7.4) at |now|; nothing more is written. */
void it_ws_close(const it_layer *l, it_time now, uint16_t code);

#endif
