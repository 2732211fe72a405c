/* The relay object: its connection, liveness, and the table of all objects. */
#include "stack/d/impl.h"

#include <stdio.h>
#include <string.h>

/* --- life --- */

static bool take_texts(it_d_relay *r)
{
    const it_d_relay_cfg *cfg = &r->cfg;
    it_bytes secret = cfg->secret ? it_bytes_str(cfg->secret) : it_bytes_of(NULL, 0);
    if (!it_wsrelay_room_valid(it_bytes_str(cfg->room)) || !it_wsrelay_name_valid(it_bytes_str(cfg->id)))
        return false;
    if (cfg->n_ways < 1 || cfg->n_ways > IT_WSRELAY_WAYS || secret.n > IT_D_RELAY_SECRET)
        return false;
    if (!it_tls_name_valid(it_bytes_str(cfg->host)))
        return false;
    (void)snprintf(r->name, sizeof r->name, "%s", cfg->name);
    (void)snprintf(r->room, sizeof r->room, "%s", cfg->room);
    (void)snprintf(r->id, sizeof r->id, "%s", cfg->id);
    it_d_hello_key(&r->key, it_bytes_str(r->room), secret);
    r->cfg.name = r->name;
    r->cfg.room = r->room;
    r->cfg.id = r->id;
    r->cfg.secret = NULL; /* the key has it */
    return true;
}

static uint64_t draw_number(const it_d_relay *r)
{
    char stream[D_NAME + 8];
    it_rng rng;
    (void)snprintf(stream, sizeof stream, "%s/number", r->name);
    it_rng_init(&rng, r->cfg.seed, stream);
    return it_rng_u64(&rng) | 1; /* never 0 */
}

it_d_relay *it_d_relay_new(const it_d_relay_cfg *cfg)
{
    it_d_relay *r = it_calloc(cfg->alloc, 1, sizeof *r);
    if (!r)
        return NULL;
    r->cfg = *cfg;
    r->alloc = cfg->alloc;
    if (!take_texts(r)) {
        it_free(cfg->alloc, r);
        return NULL;
    }
    it_evq_init(&r->events, r->alloc);
    it_conn_cfg conn = {.timers = cfg->timers, .voice = cfg->voice, .alternatives = cfg->alternatives, .media = -1};
    conn.mute = !cfg->ping;
    it_conn_init(&r->conn, &conn, &r->events);
    r->number = draw_number(r);
    r->leg.at = r->leg.idle_at = r->hello_at = r->gone_at = r->asked_at = r->first_at = IT_NEVER;
    return r;
}

void it_d_relay_free(it_d_relay *r)
{
    if (!r)
        return;
    it_d_leg_fini(r);
    it_conn_fini(&r->conn);
    it_evq_fini(&r->events);
    it_free(r->alloc, r);
}

/* --- the path --- */

void it_d_blame(it_d_relay *r, it_time now, const char *why)
{
    if (!it_conn_over(&r->conn))
        it_conn_emit(&r->conn, now, (it_model_event){.kind = IT_EV_PEER, .why = why});
}

void it_d_found(it_d_relay *r, it_time now)
{
    if (!r->leg.here || !r->conn.channel.ops || r->conn.has_path || it_conn_over(&r->conn))
        return;
    it_conn_path path = it_d_leg_path(r);
    r->gone_at = IT_NEVER;
    it_conn_use(&r->conn, now, &path);
    (void)it_conn_settle(&r->conn, now);
}

void it_d_missed(it_d_relay *r, it_time now)
{
    if (!r->conn.has_path)
        return;
    it_conn_lose(&r->conn);
    r->gone_at = now;
}

/* --- liveness --- */

static it_time relay_earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

static bool relay_lives(const it_d_relay *r)
{
    return r->cfg.ping && r->conn.opened && !it_conn_over(&r->conn);
}

/* When the other end is asked next: it has been silent for as long as between two consent checks. */
static it_time ask_due(const it_d_relay *r)
{
    if (!relay_lives(r) || !r->conn.has_path)
        return IT_NEVER;
    it_time last = r->conn.live.last_rx;
    if (r->asked_at != IT_NEVER && r->asked_at > last)
        last = r->asked_at;
    return last + r->cfg.timers.consent;
}

/* When it has been silent for too long. */
static it_time death_due(const it_d_relay *r)
{
    return relay_lives(r) ? r->conn.live.last_rx + r->cfg.timers.death : IT_NEVER;
}

static void ask_if_due(it_d_relay *r, it_time now)
{
    if (r->first_at != IT_NEVER && r->conn.live.last_rx >= r->first_at)
        r->first_at = IT_NEVER; /* it was answered, or something else came */
    if (now < ask_due(r))
        return;
    it_conn_ask(&r->conn, now);
    r->asked_at = now;
    if (r->first_at == IT_NEVER)
        r->first_at = now;
}

static void run_clocks(it_d_relay *r, it_time now)
{
    it_conn_expire(&r->conn, now);
    if (now >= death_due(r))
        it_conn_die(&r->conn, now, IT_REASON_KEEPALIVE_TIMEOUT, "nothing came for T_death");
    if (!r->conn.opened || it_conn_over(&r->conn))
        return;
    ask_if_due(r, now);
    it_conn_checks checks = {.unanswered = r->first_at, .asked = r->asked_at, .no_path = r->gone_at};
    (void)it_conn_live(&r->conn, now, &checks);
    it_conn_voice(&r->conn, now);
}

/* --- what comes and goes --- */

static void take_datagram(it_d_relay *r, it_time now, it_bytes data)
{
    it_io in = {.kind = IT_IO_DGRAM, .data = data};
    if (it_conn_over(&r->conn))
        return;
    if (it_d_hello_is(data)) {
        it_d_hello_input(r, now, data);
        return;
    }
    if (!r->conn.channel.ops || !r->conn.channel.ops->takes(data))
        return; /* ahead of its hello: DTLS repeats it */
    if (it_conn_input(&r->conn, now, &in) < 0)
        r->events.oom = true;
}

/* Hands the channel's datagrams to the leg. True when there were any. */
static bool flush_channel(it_d_relay *r, it_time now)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    int n;
    bool any = false;
    while ((n = it_conn_output(&r->conn, now, &out, buf, sizeof buf)) > 0) {
        it_d_leg_send(r, now, out.data);
        any = true;
    }
    r->events.oom |= n < 0;
    return any;
}

static void relay_pump(it_d_relay *r, it_time now)
{
    it_bytes data;
    for (bool any = true; any && !r->events.oom;) {
        any = false;
        while (it_d_leg_take(r, now, &data)) {
            any = true;
            take_datagram(r, now, data);
        }
        it_d_hello_tick(r, now);
        any |= it_conn_pump(&r->conn, now) != 0;
        if (!any)
            run_clocks(r, now);
        any |= flush_channel(r, now);
    }
    if (it_conn_over(&r->conn))
        it_d_leg_leave(r, now);
}

/* --- commands --- */

void it_d_relay_start(it_d_relay *r, it_time now)
{
    if (r->conn.state != IT_STATE_NEW)
        return;
    it_conn_begin(&r->conn, now);
    r->leg.at = now;
}

int it_d_relay_send(it_d_relay *r, it_time now, it_bytes data)
{
    int err = it_conn_send(&r->conn, now, 0, data);
    relay_pump(r, now);
    return err;
}

void it_d_relay_stream(it_d_relay *r, it_time now, bool on)
{
    r->cfg.voice = on;
    it_conn_direct(&r->conn, now, 0, on, true);
    relay_pump(r, now);
}

void it_d_relay_close(it_d_relay *r, it_time now)
{
    it_conn_close(&r->conn, now);
    relay_pump(r, now);
}

enum it_state it_d_relay_state(const it_d_relay *r)
{
    return r->conn.state;
}

enum it_path it_d_relay_path(const it_d_relay *r)
{
    return it_conn_path_kind(&r->conn);
}

void it_d_relay_stats(const it_d_relay *r, it_conn_stats *s)
{
    it_conn_get_stats(&r->conn, 0, s);
}

/* --- interfaces --- */

static int base_at(const it_d_relay *r, uint32_t flow)
{
    for (int i = 0; i < r->n_bases; i++)
        if (r->base[i].flow == (int)flow)
            return i;
    return -1;
}

static int take_base(it_d_relay *r, it_time now, const it_io *in)
{
    if (r->n_bases == D_BASES)
        return IT_ERR_FULL;
    it_conn_socket s = {.flow = (int)in->flow, .up = true, .base = in->local};
    r->base[r->n_bases++] = s;
    if (r->conn.state == IT_STATE_NEW)
        return 0;
    it_conn_network(&r->conn, now, &s, r->n_bases);
    it_d_leg_bases(r, now);
    if (!r->leg.client && !it_conn_over(&r->conn))
        r->leg.at = relay_earlier(r->leg.at, now);
    return 0;
}

static void drop_base(it_d_relay *r, it_time now, const it_io *in)
{
    int i = base_at(r, in->flow);
    if (i < 0)
        return;
    it_conn_socket s = r->base[i];
    s.up = false;
    r->base[i] = r->base[--r->n_bases];
    if (r->conn.state == IT_STATE_NEW)
        return;
    it_conn_network(&r->conn, now, &s, r->n_bases);
    it_d_leg_bases(r, now);
}

/* --- the table of stack/object.h --- */

static int d_input(void *o, it_time now, const it_io *in)
{
    it_d_relay *r = o;
    int n = 0;
    if (in->kind == IT_IO_BOUND)
        n = take_base(r, now, in);
    else if (in->kind == IT_IO_UNBIND)
        drop_base(r, now, in);
    else
        n = it_d_leg_input(r, now, in);
    if (n < 0)
        return n;
    relay_pump(r, now);
    return r->events.oom ? IT_ERR_NOMEM : n;
}

static it_time d_next(const void *o)
{
    const it_d_relay *r = o;
    it_time at = relay_earlier(it_conn_next(&r->conn), it_d_leg_next(r));
    if (it_conn_over(&r->conn))
        return at;
    if (r->leg.here && !r->far)
        at = relay_earlier(at, r->hello_at);
    return relay_earlier(at, relay_earlier(ask_due(r), death_due(r)));
}

static int d_tick(void *o, it_time now)
{
    it_d_relay *r = o;
    int err = 0;
    for (int round = 0; round < 16 && err >= 0 && !r->events.oom && d_next(r) <= now; round++) {
        err = it_conn_tick(&r->conn, now);
        if (err >= 0)
            err = it_d_leg_tick(r, now);
        relay_pump(r, now);
    }
    return err < 0 || r->events.oom ? IT_ERR_NOMEM : 0;
}

static int d_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    it_d_relay *r = o;
    int n = it_d_leg_output(r, now, out, buf, cap);
    return r->events.oom ? IT_ERR_NOMEM : n;
}

static int d_event(void *o, it_object_event *ev)
{
    it_d_relay *r = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &r->latest};
    return it_evq_take(&r->events, &r->latest, &ev->part);
}

static void d_free(void *o)
{
    it_d_relay_free(o);
}

const it_object_ops it_d_relay_ops = {.kind = "D relay",
                                      .input = d_input,
                                      .tick = d_tick,
                                      .next = d_next,
                                      .output = d_output,
                                      .event = d_event,
                                      .free = d_free,
                                      .model = &it_d_relay_model};

/* --- the table of all models --- */

static void d_start(void *o, it_time now)
{
    it_d_relay_start(o, now);
}

static int d_send(void *o, it_time now, int media, it_bytes data)
{
    return media > 0 ? IT_ERR_NOTFOUND : it_d_relay_send(o, now, data);
}

static void d_close(void *o, it_time now, int media)
{
    if (media <= 0)
        it_d_relay_close(o, now);
}

static enum it_state d_state(const void *o, int media)
{
    return media > 0 ? IT_STATE_NEW : it_d_relay_state(o);
}

static enum it_path d_path(const void *o, int media)
{
    return media > 0 ? IT_PATH_NONE : it_d_relay_path(o);
}

static bool d_stats(const void *o, int media, it_conn_stats *s)
{
    if (media > 0)
        return false;
    it_d_relay_stats(o, s);
    return true;
}

const it_model_ops it_d_relay_model = {.name = "D",
                                       .start = d_start,
                                       .send = d_send,
                                       .close = d_close,
                                       .state = d_state,
                                       .path = d_path,
                                       .stats = d_stats};
