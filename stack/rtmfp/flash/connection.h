/* A NetConnection to a server over a session with flows, from the client's end (RFC 7425 sections 5.3.1
 * to 5.3.3, 5.3.6): a control flow, "connect" and its answer, "setPeerInfo". It stands on one session of a carrier; the
 * owner gives it that session's events. Streams are not here. */
#ifndef IT_STACK_RTMFP_FLASH_CONNECTION_H
#define IT_STACK_RTMFP_FLASH_CONNECTION_H

#include "stack/rtmfp/flash/message.h"
#include "stack/rtmfp/flow/carrier.h"

enum it_rtmfp_connection_state {
    IT_RTMFP_CONNECTION_NONE,
    IT_RTMFP_CONNECTION_ASKED,   /* "connect" was sent */
    IT_RTMFP_CONNECTION_UP,      /* and answered by "_result" */
    IT_RTMFP_CONNECTION_REFUSED, /* by "_error", or the control flow was rejected */
    IT_RTMFP_CONNECTION_CLOSED   /* the server has closed its control flow, or rejected ours later */
};

typedef struct it_rtmfp_connection {
    enum it_rtmfp_connection_state state;
    it_rtmfp_carrier by;
    uint32_t session;
    uint64_t control, back; /* flows: ours; the server's canonical one, 0: not yet */
} it_rtmfp_connection;

/* Opens the control flow over open |session| of |by| and sends "connect" to |uri|. Returns 0, or what opening a flow
 * and writing do. */
int it_rtmfp_connection_open(it_rtmfp_connection *c, it_rtmfp_carrier by, it_time now, uint32_t session, it_bytes uri);
/* Takes |ev|. True when it was the connection's: |c|->state may have changed. Flows that it does not know are
 * rejected. */
bool it_rtmfp_connection_event(it_rtmfp_connection *c, it_time now, const it_rtmfp_event *ev);
/* Tells the server our own addresses (section 5.3.3), without those that are link-local or loopback; |n| may be 0.
 * Returns 0, IT_ERR_STATE while it is not up, or as above. */
int it_rtmfp_connection_peer_info(it_rtmfp_connection *c, it_time now, const it_addr *addrs, size_t n);

#endif
