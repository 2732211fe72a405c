/* The client as an object: its connection to the server, and what it tells. */
#include "stack/rtmfp/flash/client_impl.h"

#include "stack/rtmfp/wire/vlu.h"

#define KEEPALIVE_LEAST (5 * IT_SEC) /* RFC 7425 section 5.3.4: SHOULD */
#define EPD_ANCILLARY 0x0a           /* section 4.4.2.2 */

void it_rtmfp_client_tell(it_rtmfp_client *c, const it_rtmfp_client_event *ev)
{
    it_rtmfp_note *n = it_malloc(c->alloc, sizeof *n + ev->data.n);
    if (!n) {
        c->oom = true;
        return;
    }
    n->next = NULL;
    n->ev = *ev;
    if (ev->data.n)
        memcpy(n->data, ev->data.p, ev->data.n);
    n->ev.data.p = n->data;
    *c->end = n;
    c->end = &n->next;
}

void it_rtmfp_client_status(it_rtmfp_client *c, uint32_t stream, enum it_rtmfp_code code, const char *why)
{
    it_rtmfp_client_event ev = {
        .kind = IT_RTMFP_TELLS_STATUS, .stream = stream, .code = code, .why = why, .cause = c->cause};
    const it_rtmfp_netstream_of *x = stream ? it_rtmfp_stream_get(c, stream) : NULL;
    if (x) {
        ev.publisher = x->publisher;
        memcpy(ev.print, x->far, sizeof ev.print);
    }
    it_rtmfp_client_tell(c, &ev);
}

void it_rtmfp_client_done(it_rtmfp_client *c, int err)
{
    if (err == IT_ERR_NOMEM)
        c->oom = true;
}

void it_rtmfp_client_end(it_rtmfp_client *c, it_time now, uint32_t session, bool abrupt)
{
    it_rtmfp_carrier by = it_rtmfp_client_carrier(c, session);
    it_rtmfp_client_done(c, by.ops->end(by.o, now, session, abrupt));
}

int it_rtmfp_client_write(it_rtmfp_client *c, it_time now, uint32_t session, uint64_t flow, it_bytes m,
                          const it_rtmfp_write_opts *o)
{
    it_rtmfp_carrier by = it_rtmfp_client_carrier(c, session);
    return by.ops->write(by.o, now, session, flow, m, o, NULL);
}

void it_rtmfp_client_reject(it_rtmfp_client *c, it_time now, uint32_t session, uint64_t flow)
{
    it_rtmfp_carrier by = it_rtmfp_client_carrier(c, session);
    it_rtmfp_client_done(c, by.ops->reject(by.o, now, session, flow, 0));
}

/* The EPD of the server: ancillary data, the URI. */
static int client_uri(it_rtmfp_client *c, const char *uri)
{
    it_buf b;
    c->uri_n = strlen(uri);
    if (c->uri_n >= sizeof c->uri)
        return IT_ERR_RANGE;
    memcpy(c->uri, uri, c->uri_n);
    it_buf_init(&b, c->epd, sizeof c->epd);
    it_rtmfp_vlu_put(&b, c->uri_n + 1);
    it_buf_u8(&b, EPD_ANCILLARY);
    it_buf_put(&b, uri, c->uri_n);
    c->epd_n = b.len;
    return b.overflow ? IT_ERR_RANGE : 0;
}

int it_rtmfp_client_new(const it_rtmfp_client_cfg *cfg, it_time now, it_rtmfp_client **out)
{
    it_rtmfp_cfg r = {.alloc = cfg->alloc,
                      .rng = cfg->rng,
                      .identity.is_static = true, /* RFC 7425 section 4.3: a peer ID that nobody else can have */
                      .policy = {.mac = IT_RTMFP_REQUIRE, .seq = IT_RTMFP_REQUIRE},
                      .accept = true,
                      .tell_keys = cfg->tell_keys,
                      .keepalive = cfg->keepalive,
                      .death = cfg->death};
    it_rtmfp_client *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return IT_ERR_NOMEM;
    c->alloc = cfg->alloc;
    c->cfg = *cfg;
    c->cfg.uri = NULL;
    c->cfg.web = NULL;
    if (!c->cfg.open)
        c->cfg.open = IT_RTMFP_OPEN;
    c->end = &c->first;
    int err = client_uri(c, cfg->uri);
    if (err == 0)
        err = it_rtmfp_transport_new(c, cfg->web);
    if (err == 0)
        err = it_rtmfp_new(&r, now, &c->r);
    if (err == 0)
        err = it_rtmfp_client_connect(c, now);
    if (err) {
        it_rtmfp_client_free(c);
        return err;
    }
    *out = c;
    return 0;
}

const uint8_t *it_rtmfp_client_near(const it_rtmfp_client *c)
{
    return it_rtmfp_print(c->r);
}

bool it_rtmfp_client_connected(const it_rtmfp_client *c)
{
    return c->conn.state == IT_RTMFP_CONNECTION_UP;
}

const uint8_t *it_rtmfp_client_far(const it_rtmfp_client *c)
{
    return it_rtmfp_client_connected(c) && !it_rtmfp_client_over_ws(c) ? c->server_print : NULL;
}

int it_rtmfp_client_connect(it_rtmfp_client *c, it_time now)
{
    if (c->server)
        return IT_ERR_STATE;
    c->conn = (it_rtmfp_connection){.session = 0};
    c->server_by = now + c->cfg.open;
    return it_rtmfp_transport_connect(c, now);
}

/* Tells the server where this end is (RFC 7425 section 5.3.3). */
static void client_peer_info(it_rtmfp_client *c, it_time now)
{
    it_addr own[IT_RTMFP_BASES];
    for (size_t i = 0; i < c->bases; i++)
        own[i] = c->base[i].addr;
    it_rtmfp_client_done(c, it_rtmfp_connection_peer_info(&c->conn, now, own, c->bases));
}

/* A base has come, or gone. What scripts hear of it is that something has changed, at once; whether the connection
 * outlives it shows later. */
static void client_base(it_rtmfp_client *c, it_time now, const it_io *in)
{
    size_t n = 0;
    for (size_t i = 0; i < c->bases; i++)
        if (c->base[i].flow != in->flow)
            c->base[n++] = c->base[i];
    c->bases = n;
    if (in->kind == IT_IO_BOUND && in->local.port && n < IT_RTMFP_BASES) {
        c->base[n].flow = in->flow;
        c->base[c->bases++].addr = in->local;
    }
    if (!it_rtmfp_client_connected(c))
        return;
    it_rtmfp_client_status(c, 0, IT_RTMFP_NC_NETWORK_CHANGE, NULL);
    client_peer_info(c, now);
}

/* The connection is over: what stood on the server goes with it, and the rest where that is wanted. */
static void client_over(it_rtmfp_client *c, it_time now, enum it_rtmfp_code code, const char *why)
{
    c->server = 0;
    c->conn = (it_rtmfp_connection){.session = 0};
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        bool server = x->no && x->kind == IT_RTMFP_VIA_SERVER;
        bool cascaded = x->no && !server && x->kind != IT_RTMFP_DIRECT && c->cfg.cascade;
        if (!server && !cascaded)
            continue;
        uint32_t session = x->session;
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_CLOSED, why);
        it_rtmfp_stream_drop(c, now, x, cascaded);
        if (cascaded)
            it_rtmfp_direct_spare(c, now, session);
    }
    it_rtmfp_client_status(c, 0, code, why);
}

/* The state of the connection has changed. */
static void client_changed(it_rtmfp_client *c, it_time now)
{
    uint32_t session = c->server;
    switch (c->conn.state) {
    case IT_RTMFP_CONNECTION_UP:
        it_rtmfp_client_status(c, 0, IT_RTMFP_NC_SUCCESS, NULL);
        if (it_rtmfp_client_over_ws(c))
            it_rtmfp_direct_impossible(c, now);
        client_peer_info(c, now);
        for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++)
            if (c->stream[i].no)
                it_rtmfp_stream_proceed(c, now, &c->stream[i]);
        break;
    case IT_RTMFP_CONNECTION_REFUSED:
        client_over(c, now, IT_RTMFP_NC_REJECTED, NULL);
        it_rtmfp_client_end(c, now, session, false);
        break;
    case IT_RTMFP_CONNECTION_CLOSED:
        client_over(c, now, IT_RTMFP_NC_CLOSED, "the server has closed it");
        it_rtmfp_client_end(c, now, session, false);
        break;
    default:
        break;
    }
}

/* The server says after how much silence to Ping it, and peers: within our own bounds (section 5.3.4). */
static void client_keepalive(it_rtmfp_client *c, it_time now, const it_rtmfp_control *k)
{
    it_time server = k->a * IT_MS, peer = k->b * IT_MS;
    if (server < KEEPALIVE_LEAST)
        server = KEEPALIVE_LEAST;
    if (peer < KEEPALIVE_LEAST)
        peer = KEEPALIVE_LEAST;
    it_rtmfp_carrier by = it_rtmfp_client_carrier(c, c->server);
    it_rtmfp_client_done(c, by.ops->keepalive(by.o, now, c->server, server));
    it_rtmfp_client_done(c, it_rtmfp_keepalive(c->r, now, 0, peer));
}

/* The stream that waits for the answer to |transaction|; NULL: none. */
static it_rtmfp_netstream_of *client_waits(it_rtmfp_client *c, int64_t transaction)
{
    for (int i = 0; transaction && i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (c->stream[i].no && c->stream[i].transaction == transaction)
            return &c->stream[i];
    return NULL;
}

/* User control of stream 0, and answers to "createStream". */
static void client_control(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_message m;
    it_rtmfp_control k;
    it_rtmfp_command cmd;
    if (ev->flow != c->conn.back || !it_rtmfp_message_get(ev->data, &m))
        return;
    if (it_rtmfp_control_get(&m, &k) && k.event == IT_RTMFP_SET_KEEPALIVE)
        client_keepalive(c, now, &k);
    if (!it_rtmfp_command_get(&m, &cmd))
        return;
    it_rtmfp_netstream_of *x = client_waits(c, cmd.transaction);
    if (!x)
        return;
    x->transaction = 0;
    if (it_bytes_eq(cmd.name, it_bytes_str("_result")) && it_rtmfp_number_get(&cmd, &x->id)) {
        it_rtmfp_stream_proceed(c, now, x);
        return;
    }
    it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_FAILED, "the server has no stream for it");
    it_rtmfp_stream_drop(c, now, x, true);
}

/* What is said of the session with the server. */
static void client_server(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    enum it_rtmfp_connection_state before = c->conn.state;
    switch (ev->kind) {
    case IT_RTMFP_EV_OPEN:
        it_rtmfp_transport_opened(c);
        if (ev->print) {
            memcpy(c->server_print, ev->print, sizeof c->server_print);
            it_rtmfp_client_done(c, it_rtmfp_trust(c->r, c->server)); /* it may introduce others */
        }
        it_rtmfp_client_done(c, it_rtmfp_connection_open(&c->conn, it_rtmfp_client_carrier(c, c->server), now,
                                                         c->server, it_bytes_of(c->uri, c->uri_n)));
        return;
    case IT_RTMFP_EV_FAILED:
        if (!it_rtmfp_transport_fall(c, now))
            client_over(c, now, IT_RTMFP_NC_FAILED, ev->why);
        return;
    case IT_RTMFP_EV_CLOSED:
        client_over(c, now, before == IT_RTMFP_CONNECTION_UP ? IT_RTMFP_NC_CLOSED : IT_RTMFP_NC_FAILED, ev->why);
        return;
    default:
        break;
    }
    if (it_rtmfp_stream_event(c, now, ev))
        return;
    bool taken = it_rtmfp_connection_event(&c->conn, now, ev);
    if (taken && c->conn.state != before)
        client_changed(c, now);
    else if (taken && ev->kind == IT_RTMFP_EV_MESSAGE && it_rtmfp_client_connected(c))
        client_control(c, now, ev);
}

/* Acts on what was told. Returns whether anything was. */
static bool client_hear(it_rtmfp_client *c, it_time now)
{
    it_rtmfp_event ev;
    bool heard = false;
    while (c->web && it_rtws_client_event_next(c->web, &ev)) {
        heard = true;
        c->cause = ev.cause;
        if (c->server && ev.session == c->server)
            client_server(c, now, &ev);
    }
    while (it_rtmfp_event_next(c->r, &ev)) {
        heard = true;
        it_rtmfp_client_event secret = {.kind = IT_RTMFP_TELLS_SECRET, .data = ev.data};
        c->cause = ev.cause;
        if (ev.kind == IT_RTMFP_EV_SECRET)
            it_rtmfp_client_tell(c, &secret);
        else if (c->server && ev.session == c->server)
            client_server(c, now, &ev);
        else
            it_rtmfp_direct_event(c, now, &ev);
    }
    c->cause = IT_RTMFP_CAUSE_NONE;
    return heard;
}

void it_rtmfp_client_close(it_rtmfp_client *c, it_time now)
{
    uint32_t session = c->server;
    bool up = it_rtmfp_client_connected(c);
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (c->stream[i].no)
            (void)it_rtmfp_client_close_stream(c, now, c->stream[i].no);
    if (!session)
        return;
    client_over(c, now, up ? IT_RTMFP_NC_CLOSED : IT_RTMFP_NC_FAILED, "it was closed here");
    it_rtmfp_client_end(c, now, session, false);
}

/* What a call returns that gave |r|, unless something else failed. */
static int client_return(it_rtmfp_client *c, int r)
{
    bool oom = c->oom;
    c->oom = false;
    return oom && r >= 0 ? IT_ERR_NOMEM : r;
}

/* Whether |in| is of a stream, or of sockets. */
static bool client_is_stream(const it_io *in)
{
    switch (in->kind) {
    case IT_IO_OPENED:
    case IT_IO_DATA:
    case IT_IO_WRITABLE:
    case IT_IO_FIN:
    case IT_IO_RST:
        return true;
    default:
        return false;
    }
}

int it_rtmfp_client_input(it_rtmfp_client *c, it_time now, const it_io *in)
{
    int r;
    if (c->web && client_is_stream(in))
        r = it_rtws_client_input(c->web, now, in);
    else
        r = it_rtmfp_input(c->r, now, in);
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        client_base(c, now, in);
    client_hear(c, now);
    return client_return(c, r);
}

/* The connection was to be up by now, or UDP to have got through. */
static void client_late(it_rtmfp_client *c, it_time now)
{
    if (!c->server || c->conn.state >= IT_RTMFP_CONNECTION_UP)
        return;
    if (now >= c->server_by) {
        uint32_t session = c->server;
        client_over(c, now, IT_RTMFP_NC_FAILED, "no answer within its time");
        it_rtmfp_client_end(c, now, session, true);
    } else if (now >= c->fall_at && !it_rtmfp_transport_fall(c, now)) {
        client_over(c, now, IT_RTMFP_NC_FAILED, "there is no memory to try another way");
    }
}

int it_rtmfp_client_tick(it_rtmfp_client *c, it_time now)
{
    int r = it_rtmfp_tick(c->r, now);
    int web = c->web ? it_rtws_client_tick(c->web, now) : 0;
    client_hear(c, now);
    client_late(c, now);
    it_rtmfp_direct_tick(c, now);
    return client_return(c, r < 0 ? r : web);
}

it_time it_rtmfp_client_next(const it_rtmfp_client *c)
{
    it_time at = it_rtmfp_next(c->r), direct = it_rtmfp_direct_next(c);
    if (c->web && it_rtws_client_next(c->web) < at)
        at = it_rtws_client_next(c->web);
    if (c->server && c->conn.state < IT_RTMFP_CONNECTION_UP) {
        at = c->server_by < at ? c->server_by : at;
        at = c->fall_at < at ? c->fall_at : at;
    }
    return direct < at ? direct : at;
}

int it_rtmfp_client_output(it_rtmfp_client *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int r;
    do {
        r = it_rtmfp_output(c->r, now, out, buf, cap);
        if (r == 0 && c->web)
            r = it_rtws_client_output(c->web, now, out, buf, cap);
    } while (r == 0 && client_hear(c, now)); /* what had waited for room was read, and may ask for more to go out */
    return client_return(c, r);
}

int it_rtmfp_client_event_next(it_rtmfp_client *c, it_rtmfp_client_event *out)
{
    it_free(c->alloc, c->given);
    c->given = c->first;
    if (!c->first)
        return 0;
    c->first = c->given->next;
    if (!c->first)
        c->end = &c->first;
    *out = c->given->ev;
    return 1;
}

void it_rtmfp_client_free(it_rtmfp_client *c)
{
    if (!c)
        return;
    it_rtmfp_free(c->r);
    it_rtws_client_free(c->web);
    it_free(c->alloc, c->given);
    while (c->first) {
        it_rtmfp_note *n = c->first;
        c->first = n->next;
        it_free(c->alloc, n);
    }
    it_free(c->alloc, c);
}
