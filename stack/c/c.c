/* The object: it drives the client, gives what that tells to the ways, and lets the connection's clocks run. */
#include "stack/c/impl.h"

int it_c_new(const it_c_cfg *cfg, it_time now, it_c **out)
{
    it_c *c = it_calloc(cfg->alloc, 1, sizeof *c);
    if (!c)
        return IT_ERR_NOMEM;
    c->alloc = cfg->alloc;
    c->cfg = *cfg;
    if (!c->cfg.stream)
        c->cfg.stream = IT_C_STREAM;
    c->used = -1;
    c->mend_by = c->close_at = IT_NEVER;
    it_evq_init(&c->events, c->alloc);
    it_conn_init(
        &c->conn,
        &(it_conn_cfg){.timers = cfg->timers, .voice = cfg->voice, .alternatives = cfg->alternatives, .media = -1},
        &c->events);
    it_rtmfp_client_cfg flash = {.alloc = cfg->alloc,
                                 .servers = cfg->servers,
                                 .uri = cfg->uri,
                                 .keepalive = cfg->timers.keepalive,
                                 .death = cfg->timers.death,
                                 .open = c->cfg.stream,
                                 .tell_keys = true,
                                 .ask = true,
                                 .web = cfg->web,
                                 .transport = cfg->transport,
                                 .fallback = cfg->fallback,
                                 .cascade = cfg->cascade};
    memcpy(flash.server, cfg->server, sizeof flash.server);
    it_rng_init(&flash.rng, cfg->seed, cfg->name);
    int err = it_rtmfp_client_new(&flash, now, &c->client);
    if (err == 0)
        err = it_conn_carry(&c->conn, it_c_channel(c));
    if (err) {
        it_c_ops.free(c);
        return err;
    }
    it_bytes_hex(it_bytes_of(it_c_near(c), IT_RTMFP_PRINT), c->names[0]);
    c->cfg.name = c->cfg.uri = NULL;
    c->cfg.web = NULL;
    *out = c;
    return 0;
}

const uint8_t *it_c_near(const it_c *c)
{
    return it_rtmfp_client_near(c->client);
}

bool it_c_seeks(const it_c *c)
{
    return it_rtmfp_client_seeks(c->client);
}

bool it_c_over_ws(const it_c *c)
{
    return it_rtmfp_client_over_ws(c->client);
}

/* --- what follows of anything --- */

/* The call is over: nothing is to be said any more, at once or once the far end had time to hear the goodbye. */
static void c_finish(it_c *c, it_time now)
{
    if (c->finished || !it_conn_over(&c->conn) || (c->close_at != IT_NEVER && now < c->close_at))
        return;
    c->finished = true;
    c->close_at = IT_NEVER;
    it_rtmfp_client_close(c->client, now);
}

/* Judges silence: of the far end's sound, of Pings. */
static void c_live(it_c *c, it_time now)
{
    it_conn_checks checks = {.unanswered = IT_NEVER, .asked = IT_NEVER, .no_path = IT_NEVER};
    it_rtmfp_info info;
    if (!c->conn.opened || it_conn_over(&c->conn))
        return;
    if (it_c_session(c, &info))
        checks.unanswered = checks.asked = info.unanswered;
    if (!c->conn.has_path)
        checks.no_path = c->conn.lost_at;
    (void)it_conn_live(&c->conn, now, &checks);
}

/* Takes what the client has told, and lets time do its work. */
static int c_pump(it_c *c, it_time now)
{
    it_rtmfp_client_event ev;
    while (it_rtmfp_client_event_next(c->client, &ev))
        it_c_heard(c, now, &ev);
    it_c_judge(c, now);
    it_conn_expire(&c->conn, now);
    c_live(c, now);
    if (c->conn.opened && !it_conn_over(&c->conn))
        it_conn_voice(&c->conn, now);
    c_finish(c, now);
    return c->events.oom ? IT_ERR_NOMEM : 0;
}

/* What a call returns that gave |r|, unless something else failed. */
static int c_return(int r, int err)
{
    return r < 0 || err == 0 ? r : err;
}

/* --- commands --- */

int it_c_connect(it_c *c, it_time now)
{
    if (it_conn_over(&c->conn))
        return IT_ERR_STATE;
    return it_rtmfp_client_connect(c->client, now);
}

int it_c_call(it_c *c, it_time now, const uint8_t far[IT_RTMFP_PRINT])
{
    if (c->called)
        return IT_ERR_STATE;
    c->called = true;
    memcpy(c->far, far, sizeof c->far);
    it_bytes_hex(it_bytes_of(far, IT_RTMFP_PRINT), c->names[1]);
    it_conn_begin(&c->conn, now);
    return 0;
}

/* What a command returned |r| for: its consequences are drawn. */
static int c_command(it_c *c, it_time now, int r)
{
    return c_return(r, c_pump(c, now));
}

int it_c_publish(it_c *c, it_time now, enum it_c_via via)
{
    return c_command(c, now, it_c_way_publish(c, now, via));
}

int it_c_play(it_c *c, it_time now, enum it_c_via via)
{
    return c_command(c, now, it_c_way_play(c, now, via));
}

int it_c_accept(it_c *c, it_time now, bool take)
{
    return c_command(c, now, it_c_way_accept(c, now, take));
}

int it_c_send(it_c *c, it_time now, it_bytes data)
{
    return it_conn_send(&c->conn, now, 0, data);
}

void it_c_close(it_c *c, it_time now)
{
    if (it_conn_over(&c->conn))
        return;
    c->close_at = now + (c->conn.opened ? 2 * it_live_answer(&c->conn.live) : 0);
    it_conn_close(&c->conn, now);
    c_finish(c, now);
}

enum it_state it_c_state(const it_c *c)
{
    return c->conn.state;
}

enum it_path it_c_path(const it_c *c)
{
    return it_conn_path_kind(&c->conn);
}

void it_c_stats(const it_c *c, it_conn_stats *s)
{
    it_conn_get_stats(&c->conn, 0, s);
}

/* --- the object --- */

/* The base that the path leaves by is gone: the session has another by now, or the call waits for one. */
static void base_lost(it_c *c, it_time now, it_addr gone)
{
    it_rtmfp_info info;
    it_conn *n = &c->conn;
    if (it_conn_over(n) || !n->opened || !it_c_leaves_by(n, gone))
        return;
    if (it_c_session(c, &info) && !info.stream && !it_addr_eq(info.path.local, gone))
        return; /* it_c_judge follows it */
    it_conn_lose(n);
    n->lost_at = now;
    it_conn_link_down(n, now);
}

/* A base has come, or gone. */
static void base_changed(it_c *c, it_time now, const it_io *in)
{
    int n = 0;
    it_addr gone = {.port = 0};
    for (int i = 0; i < c->bases; i++) {
        if (c->base[i].flow == in->flow)
            gone = c->base[i].addr;
        else
            c->base[n++] = c->base[i];
    }
    c->bases = n;
    bool up = in->kind == IT_IO_BOUND && in->local.port && n < (int)IT_RTMFP_BASES;
    if (up)
        c->base[c->bases++] = (c_base){in->flow, in->local};
    it_conn_socket s = {.flow = (int)in->flow, .up = up, .base = up ? in->local : gone};
    if (c->conn.state != IT_STATE_NEW && s.base.port)
        it_conn_network(&c->conn, now, &s, c->bases);
    if (gone.port)
        base_lost(c, now, gone);
}

static int c_input(void *o, it_time now, const it_io *in)
{
    it_c *c = o;
    int r = it_rtmfp_client_input(c->client, now, in);
    if (in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND)
        base_changed(c, now, in);
    return c_return(r, c_pump(c, now));
}

static int c_tick(void *o, it_time now)
{
    it_c *c = o;
    int r = it_rtmfp_client_tick(c->client, now);
    return c_return(r, c_pump(c, now));
}

static it_time c_next(const void *o)
{
    const it_c *c = o;
    it_time at = it_rtmfp_client_next(c->client), conn = it_conn_next(&c->conn);
    if (c->mend_by < at)
        at = c->mend_by;
    if (c->close_at < at)
        at = c->close_at;
    return conn < at ? conn : at;
}

static int c_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_c *c = o;
    return it_rtmfp_client_output(c->client, now, out, buf, cap);
}

static int c_event(void *o, it_object_event *out)
{
    it_c *c = o;
    if (c->events.oom)
        return IT_ERR_NOMEM;
    *out = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &c->latest};
    if (it_evq_take(&c->events, &c->latest, NULL))
        return 1;
    if (!it_rtmfp_client_secret(c->client, c->line))
        return 0;
    /* a line of the key log of its TLS: what it opens has not left yet */
    c->latest = (it_model_event){.kind = IT_EV_SECRET, .data = it_bytes_str(c->line)};
    return 1;
}

static void c_free(void *o)
{
    it_c *c = o;
    it_conn_fini(&c->conn);
    it_rtmfp_client_free(c->client);
    it_evq_fini(&c->events);
    it_free(c->alloc, c);
}

const it_object_ops it_c_ops = {.kind = "C",
                                .input = c_input,
                                .tick = c_tick,
                                .next = c_next,
                                .output = c_output,
                                .event = c_event,
                                .free = c_free,
                                .model = &it_c_model};
