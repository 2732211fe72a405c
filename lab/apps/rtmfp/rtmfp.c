/* An end of RTMFP whose events are those of the script. */
#include "lab/apps/rtmfp/rtmfp.h"

#include "stack/model/evq.h"
#include "stack/rtmfp/flash/connection.h"

#define REDIAL (2 * IT_SEC) /* after the session with the server was lost, or could not be opened */

#define SERVER_URI "rtmfp://rendezvous"
/* RFC 7425 section 4.4.2.2: ancillary data, the URI of what is called. */
static const uint8_t SERVER_EPD[] = "\x13\x0a" SERVER_URI;

struct it_rtmfp_app {
    it_alloc *alloc;
    it_rtmfp_app_cfg cfg;
    it_rtmfp *r;
    uint32_t server, peer; /* sessions; 0: none */
    bool server_open, peer_open;
    it_rtmfp_connection conn; /* to the server */
    struct {
        uint32_t flow;
        it_addr addr;
    } base[IT_RTMFP_BASES];
    size_t bases;
    it_time redial_at;
    uint64_t flow; /* to the peer; 0: not begun */
    uint8_t called[IT_RTMFP_PRINT];
    it_time now; /* of the last call */
    it_evq events;
    it_model_event latest;
};

static int server_call(it_rtmfp_app *a, it_time now)
{
    a->redial_at = IT_NEVER;
    int err = it_rtmfp_connect(a->r, now, it_bytes_of(SERVER_EPD, sizeof SERVER_EPD - 1), a->cfg.server,
                               (size_t)a->cfg.servers, &a->server);
    if (err)
        a->redial_at = now + REDIAL;
    return err == IT_ERR_NOMEM || err == IT_ERR_CRYPTO ? err : 0;
}

int it_rtmfp_app_new(const it_rtmfp_app_cfg *cfg, it_time now, it_rtmfp_app **out)
{
    it_rtmfp_cfg r = {.alloc = cfg->alloc,
                      .rng = cfg->rng,
                      .identity.is_static = true,
                      .policy = {.mac = IT_RTMFP_REQUIRE, .seq = IT_RTMFP_REQUIRE},
                      .accept = true,
                      .tell_keys = true,
                      .keepalive = cfg->keepalive,
                      .death = cfg->death,
                      .window = cfg->window};
    it_rtmfp_app *a = it_calloc(cfg->alloc, 1, sizeof *a);
    if (!a)
        return IT_ERR_NOMEM;
    a->alloc = cfg->alloc;
    a->cfg = *cfg;
    it_evq_init(&a->events, cfg->alloc);
    int err = it_rtmfp_new(&r, now, &a->r);
    if (err == 0)
        err = server_call(a, now);
    if (err) {
        it_app_rtmfp.free(a);
        return err;
    }
    *out = a;
    return 0;
}

const uint8_t *it_rtmfp_app_print(const it_rtmfp_app *a)
{
    return it_rtmfp_print(a->r);
}

int it_rtmfp_app_call(it_rtmfp_app *a, it_time now, const uint8_t print[IT_RTMFP_PRINT])
{
    uint8_t epd[IT_RTMFP_PRINT_EPD];
    if (a->peer)
        return IT_ERR_STATE;
    memcpy(a->called, print, sizeof a->called);
    it_rtmfp_epd_of_print(print, epd);
    return it_rtmfp_connect(a->r, now, it_bytes_of(epd, sizeof epd), a->cfg.server, (size_t)a->cfg.servers, &a->peer);
}

int it_rtmfp_app_send(it_rtmfp_app *a, it_time now, it_bytes data)
{
    if (!a->peer_open)
        return IT_ERR_STATE;
    if (!a->flow) {
        it_rtmfp_flow_opts o = {.metadata = it_bytes_str("icetank")};
        int err = it_rtmfp_flow_open(a->r, now, a->peer, &o, &a->flow);
        if (err)
            return err;
    }
    return it_rtmfp_flow_write(a->r, now, a->peer, a->flow, data, NULL, NULL);
}

int it_rtmfp_app_hang_up(it_rtmfp_app *a, it_time now)
{
    int err = a->peer ? it_rtmfp_close(a->r, now, a->peer) : IT_ERR_STATE;
    return err == IT_ERR_NOTFOUND ? IT_ERR_STATE : err;
}

/* Tells the server where this end is (RFC 7425 section 5.3.3). */
static int tell_own(it_rtmfp_app *a, it_time now)
{
    it_addr own[IT_RTMFP_BASES];
    for (size_t i = 0; i < a->bases; i++)
        own[i] = a->base[i].addr;
    int err = it_rtmfp_connection_peer_info(&a->conn, now, own, a->bases);
    return err == IT_ERR_NOMEM ? err : 0;
}

/* A base has come, or gone. */
static int base_changed(it_rtmfp_app *a, it_time now, const it_io *in)
{
    size_t n = 0;
    for (size_t i = 0; i < a->bases; i++)
        if (a->base[i].flow != in->flow)
            a->base[n++] = a->base[i];
    a->bases = n;
    if (in->kind == IT_IO_BOUND && in->local.port && n < IT_RTMFP_BASES) {
        a->base[n].flow = in->flow;
        a->base[a->bases++].addr = in->local;
    }
    return tell_own(a, now);
}

static it_time app_next(const void *o)
{
    const it_rtmfp_app *a = o;
    it_time at = it_rtmfp_next(a->r);
    return at < a->redial_at ? at : a->redial_at;
}

static int app_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_rtmfp_app *a = o;
    a->now = now;
    return it_rtmfp_output(a->r, now, out, buf, cap);
}

/* The NetConnection is up, was refused, or has ended. */
static int connection_changed(it_rtmfp_app *a, it_time now, const it_rtmfp_event *e)
{
    it_model_event ev = {.kind = IT_EV_UP, .remote = e->path.remote};
    if (a->conn.state == IT_RTMFP_CONNECTION_UP) {
        a->server_open = true;
        it_evq_put(&a->events, &ev, -1);
        return tell_own(a, now);
    }
    if (a->conn.state == IT_RTMFP_CONNECTION_REFUSED || a->conn.state == IT_RTMFP_CONNECTION_CLOSED)
        return it_rtmfp_close(a->r, now, a->server);
    return 0;
}

/* The session with the server is over, or never was. */
static void server_over(it_rtmfp_app *a, it_time now, const it_rtmfp_event *e)
{
    it_model_event ev = {.kind = IT_EV_DOWN, .remote = e->path.remote, .why = e->why};
    a->server = 0;
    a->conn = (it_rtmfp_connection){.session = 0};
    a->redial_at = now + REDIAL;
    if (a->server_open || e->kind == IT_RTMFP_EV_FAILED)
        it_evq_put(&a->events, &ev, -1);
    a->server_open = false;
}

/* What is said of the session with the server. */
static int hear_server(it_rtmfp_app *a, it_time now, const it_rtmfp_event *e)
{
    enum it_rtmfp_connection_state before = a->conn.state;
    if (e->kind == IT_RTMFP_EV_OPEN) {
        int err = it_rtmfp_trust(a->r, a->server); /* it may introduce others */
        if (err == 0)
            err =
                it_rtmfp_connection_open(&a->conn, it_rtmfp_carrier_of(a->r), now, a->server, it_bytes_str(SERVER_URI));
        return err;
    }
    if (e->kind == IT_RTMFP_EV_CLOSED || e->kind == IT_RTMFP_EV_FAILED)
        server_over(a, now, e);
    else if (it_rtmfp_connection_event(&a->conn, now, e) && a->conn.state != before)
        return connection_changed(a, now, e);
    return 0;
}

/* The session with the peer is over, or never was. */
static void peer_over(it_rtmfp_app *a, const it_rtmfp_event *e)
{
    it_model_event ev = {.kind = IT_EV_CLOSED, .by = IT_CLOSED_RESET, .why = e->why};
    if (e->cause == IT_RTMFP_CAUSE_FAR)
        ev.by = IT_CLOSED_REMOTE;
    if (e->cause == IT_RTMFP_CAUSE_NEAR)
        ev.by = IT_CLOSED_LOCAL;
    if (e->cause == IT_RTMFP_CAUSE_SILENCE || e->cause == IT_RTMFP_CAUSE_TIMEOUT) {
        ev.kind = IT_EV_DEATH;
        ev.reason = IT_REASON_KEEPALIVE_TIMEOUT;
        if (e->kind == IT_RTMFP_EV_FAILED)
            ev.reason = IT_REASON_CONNECT_FAILED;
    }
    a->peer = 0;
    a->peer_open = false;
    a->flow = 0;
    it_evq_put(&a->events, &ev, -1);
}

static void hear_peer(it_rtmfp_app *a, const it_rtmfp_event *e)
{
    it_model_event ev = {.kind = IT_EV_OPEN,
                         .path = IT_PATH_DIRECT_UDP,
                         .old_path = IT_PATH_DIRECT_UDP,
                         .local_kind = IT_ICE_HOST,
                         .remote_kind = IT_ICE_SRFLX,
                         .local = e->path.local,
                         .remote = e->path.remote};
    switch (e->kind) {
    case IT_RTMFP_EV_OPEN:
        a->peer_open = true;
        a->flow = 0;
        break;
    case IT_RTMFP_EV_MOVED:
        ev.kind = IT_EV_FAILOVER;
        break;
    case IT_RTMFP_EV_MESSAGE:
        ev.kind = IT_EV_MESSAGE;
        ev.data = e->data;
        break;
    case IT_RTMFP_EV_CLOSED:
    case IT_RTMFP_EV_FAILED:
        peer_over(a, e);
        return;
    default:
        return;
    }
    it_evq_put(&a->events, &ev, -1);
}

/* The call gives way to a session that leads to the same peer, and may be open already. */
static void call_yields(it_rtmfp_app *a, const it_rtmfp_event *e)
{
    it_rtmfp_info info;
    a->peer = e->other;
    if (it_rtmfp_describe(a->r, a->peer, &info) || info.state != IT_RTMFP_OPENED)
        return;
    it_rtmfp_event open = {.kind = IT_RTMFP_EV_OPEN, .session = a->peer, .path = info.path};
    hear_peer(a, &open);
}

/* A session that is neither the server's nor the peer's: somebody calls. Whoever calls while another is there, or is
 * being called, finds nobody. */
static int hear_other(it_rtmfp_app *a, it_time now, const it_rtmfp_event *e)
{
    if (e->kind != IT_RTMFP_EV_OPEN)
        return 0;
    bool wanted = !a->peer || (!a->peer_open && memcmp(a->called, e->print, IT_RTMFP_PRINT) == 0);
    if (!wanted)
        return it_rtmfp_abort(a->r, now, e->session);
    a->peer = e->session;
    hear_peer(a, e);
    return 0;
}

static int app_hear(it_rtmfp_app *a, it_time now)
{
    it_rtmfp_event e;
    int first = 0;
    while (it_rtmfp_event_next(a->r, &e)) {
        int err = 0;
        it_model_event secret = {.kind = IT_EV_SECRET, .data = e.data};
        if (e.kind == IT_RTMFP_EV_SECRET)
            it_evq_put(&a->events, &secret, -1);
        else if (e.session == a->server)
            err = hear_server(a, now, &e);
        else if (e.session == a->peer && e.kind == IT_RTMFP_EV_DUPLICATE)
            call_yields(a, &e);
        else if (e.session == a->peer)
            hear_peer(a, &e);
        else
            err = hear_other(a, now, &e);
        if (first == 0 && err == IT_ERR_NOMEM)
            first = err;
    }
    return first;
}

/* What a call returns that gave |r|, unless something failed besides. */
static int first_error(int r, int err)
{
    return r < 0 || err == 0 ? r : err;
}

static int app_input(void *o, it_time now, const it_io *in)
{
    it_rtmfp_app *a = o;
    int err = 0;
    a->now = now;
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        err = base_changed(a, now, in);
    int r = it_rtmfp_input(a->r, now, in);
    int heard = app_hear(a, now); /* what follows of it is for output, which comes before events */
    return first_error(first_error(r, err), heard);
}

static int app_tick(void *o, it_time now)
{
    it_rtmfp_app *a = o;
    a->now = now;
    int err = now >= a->redial_at ? server_call(a, now) : 0;
    int r = it_rtmfp_tick(a->r, now);
    return first_error(first_error(r, err), app_hear(a, now));
}

static int app_event(void *o, it_object_event *out)
{
    it_rtmfp_app *a = o;
    int err = app_hear(a, a->now);
    if (err || a->events.oom)
        return IT_ERR_NOMEM;
    *out = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &a->latest};
    return it_evq_take(&a->events, &a->latest, NULL);
}

static void app_free(void *o)
{
    it_rtmfp_app *a = o;
    it_rtmfp_free(a->r);
    it_evq_fini(&a->events);
    it_free(a->alloc, a);
}

const it_object_ops it_app_rtmfp = {.kind = "rtmfp",
                                    .input = app_input,
                                    .tick = app_tick,
                                    .next = app_next,
                                    .output = app_output,
                                    .event = app_event,
                                    .free = app_free};
