/* What carries sessions, for those who stand on their flows and need not know by which way these go: an end of RTMFP
 * over datagrams (stack/rtmfp/rtmfp.h), or RTWebSocket over a stream (stack/rtmfp/ws). Both tell what happens as
 * it_rtmfp_event. Sessions of the one and of the other never have the same number. */
#ifndef IT_STACK_RTMFP_FLOW_CARRIER_H
#define IT_STACK_RTMFP_FLOW_CARRIER_H

#include "stack/rtmfp/flow/flow.h"

/* Each as in stack/rtmfp/flow/flow.h for |session|; IT_ERR_NOTFOUND: it is not open. */
typedef struct it_rtmfp_carrier_ops {
    int (*open)(void *o, it_time now, uint32_t session, const it_rtmfp_flow_opts *f, uint64_t *id);
    int (*write)(void *o, it_time now, uint32_t session, uint64_t id, it_bytes data, const it_rtmfp_write_opts *w,
                 uint64_t *message);
    int (*close)(void *o, it_time now, uint32_t session, uint64_t id, bool abandon);
    int (*reject)(void *o, it_time now, uint32_t session, uint64_t id, uint64_t code);
    /* After how much silence |session| asks whether the far end is there; 0: those that say nothing else. */
    int (*keepalive)(void *o, it_time now, uint32_t session, it_time after);
    /* Ends |session| in an orderly way, or |abrupt|ly, also one that is not open yet. */
    int (*end)(void *o, it_time now, uint32_t session, bool abrupt);
} it_rtmfp_carrier_ops;

typedef struct it_rtmfp_carrier {
    const it_rtmfp_carrier_ops *ops;
    void *o;
} it_rtmfp_carrier;

#endif
