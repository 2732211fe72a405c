/* A session of RTWebSocket over its stream. */
#include "stack/rtmfp/ws/link.h"

#include "stack/proxy/via.h"
#include "stack/tls/tls.h"

void it_rtws_link_init(it_rtws_link *l, const it_rtws_cfg *cfg, it_time now)
{
    *l = (it_rtws_link){.alloc = cfg->alloc, .deadline = IT_NEVER};
    it_layers_init(&l->ls, cfg->alloc, &l->s);
    it_rtws_init(&l->session, cfg, now);
}

void it_rtws_link_fini(it_rtws_link *l)
{
    it_layers_fini(&l->ls);
    it_rtws_fini(&l->session);
    it_free(l->alloc, l->wait);
    l->wait = NULL;
    l->wait_n = 0;
}

int it_rtws_link_push(it_rtws_link *l, it_layer layer)
{
    return layer.ops ? it_layers_push(&l->ls, layer) : IT_ERR_NOMEM;
}

/* --- ends --- */

/* Tells once that the session is over, or never was. */
static int link_over(it_rtws_link *l, enum it_rtmfp_cause cause, const char *why)
{
    it_rtmfp_event ev = {.kind = l->open ? IT_RTMFP_EV_CLOSED : IT_RTMFP_EV_FAILED,
                         .session = l->session.cfg.session,
                         .initiator = l->initiator,
                         .cause = cause,
                         .why = why,
                         .path.remote = l->remote};
    if (l->over)
        return 0;
    l->over = true;
    return it_rtmfp_events_put(l->session.cfg.events, &ev, NULL);
}

/* Why a proxy said no: a sentence. */
static const char *proxy_why(int status)
{
    switch (status) {
    case 403:
        return "the proxy does not allow it (RFC 9110 section 15.5.4)";
    case 407:
        return "the proxy wants another password, or one at all (RFC 9110 section 15.5.8)";
    case 502:
    case 503:
    case 504:
        return "the proxy has no way to the server (RFC 9110 section 15.6)";
    default:
        return "the proxy has refused";
    }
}

/* Why the stream itself is gone. */
static const char *stream_why(const it_rtws_link *l)
{
    static const char *const BY[] = {[IT_IO_END_RESET] = "the stream was reset",
                                     [IT_IO_END_REFUSED] = "nobody accepts streams there",
                                     [IT_IO_END_TIMEOUT] = "nobody has answered for too long",
                                     [IT_IO_END_UNREACHABLE] = "it is unreachable",
                                     [IT_IO_END_LOCAL] = "this host has ended the stream"};
    return l->reset ? BY[l->end] : "the stream has ended";
}

/* Why the proxy or TLS has ended it; NULL: neither did. */
static const char *below_why(const it_rtws_link *l)
{
    const it_proxy_client *p = l->via.ops ? it_via_client(&l->via) : NULL;
    if (p && p->state == IT_VIA_REFUSED)
        return proxy_why(p->status);
    return l->tls.ops ? it_tls_end_why(it_tls_layer_info(&l->tls)->end) : NULL;
}

/* The layers have ended: for a reason of one of them, from the bottom, or the stream's own. */
static int link_judge(it_rtws_link *l)
{
    const char *below = below_why(l), *why = it_layers_why(&l->ls);
    if (below)
        return link_over(l, IT_RTMFP_CAUSE_STREAM, below);
    enum it_ws_fault fault = l->ws.ops ? it_ws_state_of(&l->ws)->fault : IT_WS_FAULT_NONE;
    if (fault == IT_WS_FAULT_PROTOCOL)
        return link_over(l, IT_RTMFP_CAUSE_PROTOCOL, why);
    /* that the stream ended says nothing of why it did */
    return link_over(l, IT_RTMFP_CAUSE_STREAM, why && fault != IT_WS_FAULT_STREAM ? why : stream_why(l));
}

int it_rtws_link_end(it_rtws_link *l, it_time now, uint16_t code)
{
    int err = link_over(l, IT_RTMFP_CAUSE_NEAR, "this end has closed it");
    l->deadline = now + IT_RTWS_PATIENCE;
    if (code && l->ws.ops && l->open)
        it_ws_close(&l->ws, now, code);
    else
        it_stream_reset(&l->s);
    return err;
}

/* The far end has broken the protocol. */
static int link_broken(it_rtws_link *l, it_time now)
{
    it_ws_close(&l->ws, now, IT_RTWS_PROTOCOL_ERROR);
    l->deadline = now + IT_RTWS_PATIENCE;
    return link_over(l, IT_RTMFP_CAUSE_PROTOCOL, l->session.why);
}

/* --- in --- */

static int link_opened(it_rtws_link *l, it_time now)
{
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_OPEN,
                         .session = l->session.cfg.session,
                         .initiator = l->initiator,
                         .path = {.local = l->s.local, .remote = l->remote}};
    l->open = true;
    l->deadline = IT_NEVER;
    l->session.rx_at = now;
    return it_rtmfp_events_put(l->session.cfg.events, &ev, NULL);
}

int it_rtws_link_take(it_rtws_link *l, it_time now, const it_io *in)
{
    int err;
    if (l->over)
        return 0; /* it is read for the closing handshake alone (RFC 6455 section 7.1.1) */
    switch (in->kind) {
    case IT_IO_OPENED:
        return link_opened(l, now);
    case IT_IO_DATA:
        err = it_rtws_take(&l->session, now, in->data);
        return err == IT_ERR_PARSE ? link_broken(l, now) : err;
    case IT_IO_FIN:
        l->deadline = now + IT_RTWS_PATIENCE;
        return link_over(l, IT_RTMFP_CAUSE_FAR, "the far end has closed it");
    case IT_IO_RST:
        return link_judge(l);
    default:
        return 0;
    }
}

/* --- out --- */

/* Writes |message|. 1: it was taken, 0: not now, or IT_ERR_NOMEM. */
static int link_write(it_rtws_link *l, it_time now, it_bytes message)
{
    int n = it_layers_write(&l->ls, now, &(it_io){.kind = IT_IO_DATA, .data = message});
    if (n == IT_ERR_NOMEM)
        return n;
    return n == IT_ERR_FULL ? 0 : 1; /* one that can never leave is as good as gone: the stream has ended */
}

/* Keeps |message|, which did not find room. */
static int link_keep(it_rtws_link *l, it_bytes message)
{
    l->wait = it_malloc(l->alloc, message.n);
    if (!l->wait)
        return IT_ERR_NOMEM;
    memcpy(l->wait, message.p, message.n);
    l->wait_n = message.n;
    return 0;
}

int it_rtws_link_flush(it_rtws_link *l, it_time now, uint8_t *buf)
{
    if (!l->open || l->over)
        return 0;
    if (l->wait) {
        int n = link_write(l, now, it_bytes_of(l->wait, l->wait_n));
        if (n <= 0)
            return n;
        it_free(l->alloc, l->wait);
        l->wait = NULL;
    }
    for (;;) {
        it_buf b;
        it_buf_init(&b, buf, IT_LAYER_MESSAGE);
        int n = it_rtws_give(&l->session, now, &b);
        if (n <= 0)
            return n;
        IT_ASSERT(!b.overflow);
        n = link_write(l, now, it_bytes_of(b.p, b.len));
        if (n < 0)
            return n;
        if (n == 0)
            return link_keep(l, it_bytes_of(b.p, b.len));
    }
}

/* --- time --- */

int it_rtws_link_tick(it_rtws_link *l, it_time now)
{
    int err = it_layers_tick(&l->ls, now);
    if (now >= l->deadline) {
        l->deadline = IT_NEVER;
        it_stream_reset(&l->s);
        int over = link_over(l, IT_RTMFP_CAUSE_TIMEOUT, "nobody has answered in time");
        return err ? err : over;
    }
    if (err || !l->open || l->over || !it_rtws_tick(&l->session, now))
        return err;
    it_stream_reset(&l->s);
    return link_over(l, IT_RTMFP_CAUSE_SILENCE, "pings stayed unanswered");
}

it_time it_rtws_link_next(const it_rtws_link *l)
{
    it_time at = it_stream_alive(&l->s) ? it_layers_next(&l->ls) : IT_NEVER;
    if (l->deadline < at)
        at = l->deadline;
    if (!l->open || l->over)
        return at;
    it_time session = it_rtws_next(&l->session);
    return session < at ? session : at;
}
