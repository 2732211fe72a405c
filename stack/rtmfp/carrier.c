/* An end of RTMFP as what carries sessions. */
#include "stack/rtmfp/rtmfp.h"

static int carrier_open(void *o, it_time now, uint32_t session, const it_rtmfp_flow_opts *f, uint64_t *id)
{
    return it_rtmfp_flow_open(o, now, session, f, id);
}

static int carrier_write(void *o, it_time now, uint32_t session, uint64_t id, it_bytes data,
                         const it_rtmfp_write_opts *w, uint64_t *message)
{
    return it_rtmfp_flow_write(o, now, session, id, data, w, message);
}

static int carrier_close(void *o, it_time now, uint32_t session, uint64_t id, bool abandon)
{
    return it_rtmfp_flow_close(o, now, session, id, abandon);
}

static int carrier_reject(void *o, it_time now, uint32_t session, uint64_t id, uint64_t code)
{
    return it_rtmfp_flow_reject(o, now, session, id, code);
}

static int carrier_keepalive(void *o, it_time now, uint32_t session, it_time after)
{
    return it_rtmfp_keepalive(o, now, session, after);
}

static int carrier_end(void *o, it_time now, uint32_t session, bool abrupt)
{
    return abrupt ? it_rtmfp_abort(o, now, session) : it_rtmfp_close(o, now, session);
}

it_rtmfp_carrier it_rtmfp_carrier_of(it_rtmfp *r)
{
    static const it_rtmfp_carrier_ops OPS = {.open = carrier_open,
                                             .write = carrier_write,
                                             .close = carrier_close,
                                             .reject = carrier_reject,
                                             .keepalive = carrier_keepalive,
                                             .end = carrier_end};
    return (it_rtmfp_carrier){&OPS, r};
}
