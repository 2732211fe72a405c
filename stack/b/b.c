/* Model B's API: construction, commands and the functions of the object contract. */
#include "stack/b/impl.h"

#include <stdio.h>
#include <string.h>

static it_ice *make_ice(it_b *b)
{
    char name[B_NAME + 8];
    it_ice_cfg ice;
    it_ice_cfg_default(&ice);
    snprintf(name, sizeof name, "%s/ice", b->name);
    ice.alloc = b->alloc;
    ice.seed = b->cfg.seed;
    ice.name = name;
    ice.controlling = true; /* until the far side's tie-breaker is known */
    memcpy(ice.stun, b->cfg.stun, sizeof ice.stun);
    ice.n_stun = b->cfg.n_stun;
    memcpy(ice.turn, b->cfg.turn, sizeof ice.turn);
    ice.n_turn = b->cfg.n_turn;
    ice.tls = b->cfg.tls;
    ice.timing.rto = b->cfg.timers.rto;
    ice.ta = b->cfg.timers.ta;
    ice.keepalive = b->cfg.timers.keepalive;
    ice.consent_interval = b->cfg.timers.consent;
    ice.consent_timeout = b->cfg.timers.death;
    ice.behaviour = b->cfg.behaviour;
    ice.stream_creds = !b->cfg.behaviour.shared_creds && it_b_ice_streams(b) > 1;
    ice.tcp = b->cfg.tcp;
    it_ice *a = it_ice_new(&ice);
    for (int i = 0; a && i < b->n_transports; i++) {
        bool last = i + 1 == b->n_transports || b->transport[i + 1].stream != b->transport[i].stream;
        if (last && it_ice_add_stream(a, b->transport[i].component) < 0) {
            it_ice_free(a);
            a = NULL;
        }
    }
    return a;
}

it_b *it_b_new(const it_b_cfg *cfg)
{
    it_b *b = it_calloc(cfg->alloc, 1, sizeof *b);
    if (!b)
        return NULL;
    b->cfg = *cfg;
    b->alloc = cfg->alloc;
    snprintf(b->name, sizeof b->name, "%s", cfg->name);
    b->cfg.name = b->name;
    b->began_at = b->restart_at = b->old_until = IT_NEVER;
    b->lead = -1;
    it_evq_init(&b->events, b->alloc);
    it_evq_init(&b->inner, b->alloc);
    it_gate_init(&b->gate, b->alloc);
    it_str_init(&b->text, b->alloc);
    it_str_init(&b->offer, b->alloc);
    it_rng rng;
    char name[B_NAME + 16];
    snprintf(name, sizeof name, "%s/session", b->name);
    it_rng_init(&rng, cfg->seed, name);
    b->session = it_rng_u64(&rng) >> 1; /* RFC 8866 section 5.2: numeric; 63 bits suit everybody */
    if (it_b_streams_init(b) == 0)
        b->read = it_calloc(b->alloc, IT_BLOB_CANDS, sizeof *b->read);
    b->ice = b->read ? make_ice(b) : NULL;
    if (!b->ice) {
        it_b_free(b);
        return NULL;
    }
    return b;
}

void it_b_free(it_b *b)
{
    if (!b)
        return;
    if (b->transport)
        it_b_web_fini(b);
    for (int i = 0; i < b->n_transports && b->transport; i++)
        it_conn_fini(&b->transport[i].conn);
    it_free(b->alloc, b->transport);
    for (int i = 0; i < IT_B_STREAMS; i++)
        it_free(b->alloc, b->cands[i].v);
    it_free(b->alloc, b->socket);
    it_gate_fini(&b->gate);
    it_ice_free(b->ice);
    it_evq_fini(&b->events);
    it_evq_fini(&b->inner);
    it_str_fini(&b->text);
    it_str_fini(&b->offer);
    it_free(b->alloc, b->read);
    it_free(b->alloc, b);
}

/* --- commands --- */

void it_b_start(it_b *b, it_time now)
{
    if (b->started || it_b_over(b))
        return;
    b->started = true;
    /* What was closed before stays so. */
    for (int i = 0; i < b->n_transports; i++)
        if (it_b_lives(&b->transport[i]))
            it_conn_begin(&b->transport[i].conn, now);
    for (int k = 0; k < b->n_streams; k++)
        if (b->stream[k].told == IT_STATE_NEW)
            b->stream[k].told = IT_STATE_CONNECTING;
    b->told = IT_STATE_CONNECTING;
    b->dirty = true;
    it_b_gather(b, now);
    it_b_pump(b, now);
}

void it_b_restart(it_b *b, it_time now)
{
    if (!b->started || it_b_over(b))
        return;
    it_b_begin_restart(b, now, b->generation + 1);
    it_b_pump(b, now);
}

/* --- state --- */

const it_ice *it_b_ice(const it_b *b)
{
    return b->ice;
}

bool it_b_is_foreign(const it_b *b)
{
    return b->foreign;
}

uint64_t it_b_untold(const it_b *b)
{
    return b->untold;
}

const it_sped *it_b_sped(const it_b *b)
{
    return it_ice_sped(b->ice, b->transport[0].stream, b->transport[0].component);
}

const it_gate *it_b_gate(const it_b *b)
{
    return &b->gate;
}

/* --- the object contract --- */

/* A datagram, or an error about one, of a connection that lives. Returns 0 or an error. */
static int network_in(it_b *b, it_time now, const it_io *in)
{
    int err;
    if (in->kind != IT_IO_DGRAM && in->kind != IT_IO_ERROR)
        return 0;
    if (in->kind == IT_IO_ERROR || it_stun_is(in->data)) {
        err = it_ice_input(b->ice, now, in);
        if (err >= 0)
            err = it_b_sped_in(b, now);
    } else {
        err = it_gate_input(&b->gate, now, in);
        if (err != IT_GATE_PASS)
            return err < 0 ? err : 0;
        err = it_b_data(b, now, in);
    }
    it_b_pump(b, now);
    return err < 0 ? err : 0;
}

/* Takes what has come over relays and connections of the agent's, as if it had come from the network. Returns 0 or an
 * error. */
static int inner_in(it_b *b, it_time now)
{
    it_io inner;
    int err = 0;
    while (err >= 0 && (it_ice_relay_take(b->ice, now, &inner) || it_ice_tcp_take(b->ice, now, &inner) ||
                        it_b_web_take(b, now, &inner)))
        if (!it_b_over(b))
            err = network_in(b, now, &inner);
    return err < 0 ? err : 0;
}

/* Something of a relay or a connection. Returns the bytes taken, or an error. */
static int carried_in(it_b *b, it_time now, int taken)
{
    int err = inner_in(b, now);
    if (b->started)
        it_b_pump(b, now);
    return err < 0 ? err : taken;
}

/* A base that the driver has: one that no candidate can come of (RFC 8445 section 5.1.1.1), or one too many, does
 * nothing (stack/object.h). */
static int base_in(it_b *b, it_time now, const it_io *in)
{
    int err = it_b_add_base(b, now, (int)in->flow, in->local);
    return err == IT_ERR_RANGE || err == IT_ERR_FULL ? 0 : err;
}

/* What comes in, by kind. Returns 0 or an error. */
static int take_input(it_b *b, it_time now, const it_io *in)
{
    bool socket = in->kind == IT_IO_BOUND || in->kind == IT_IO_UNBIND;
    if (socket && in->flow >= IT_IO_BOUND_FLOW)
        return it_b_socket_in(b, now, in);
    if (in->kind == IT_IO_BOUND)
        return base_in(b, now, in);
    if (in->kind == IT_IO_UNBIND)
        it_b_remove_base(b, now, (int)in->flow);
    else if (b->started && !it_b_over(b))
        return network_in(b, now, in);
    return 0;
}

int it_b_input(it_b *b, it_time now, const it_io *in)
{
    int taken = 0, err = 0;
    b->batch++;
    if (it_b_web_input(b, now, in, &taken) || it_ice_relay_input(b->ice, now, in, &taken) ||
        it_ice_tcp_input(b->ice, now, in, &taken))
        err = taken = carried_in(b, now, taken);
    else
        err = take_input(b, now, in);
    if (err < 0 || b->events.oom)
        return err < 0 ? err : IT_ERR_NOMEM;
    return in->kind == IT_IO_DGRAM ? (int)in->data.n : taken;
}

static int tick_due(it_b *b, it_time now)
{
    int err = 0;
    b->batch++;
    it_b_sockets_tick(b, now);
    it_b_sped_out(b, now);
    if (it_ice_next(b->ice) <= now)
        err = it_ice_tick(b->ice, now);
    if (err >= 0)
        err = it_b_web_tick(b, now);
    if (err >= 0)
        err = inner_in(b, now);
    for (int i = 0; i < b->n_transports && err >= 0; i++)
        err = it_conn_tick(&b->transport[i].conn, now);
    it_b_pump(b, now);
    return err;
}

/* When it is over relays are still given back. */
static bool releasing(const it_b *b)
{
    return b->started && it_b_over(b) && !(it_ice_relay_over(b->ice) && it_b_web_over(b));
}

static int tick_end(it_b *b, it_time now)
{
    it_io none;
    int err = it_b_web_tick(b, now);
    while (it_b_web_take(b, now, &none)) {
    }
    return err < 0 ? err : it_ice_relay_tick_end(b->ice, now);
}

int it_b_tick(it_b *b, it_time now)
{
    int err = 0;
    /* A clock may start work that is due at once (a restart gathers): again until nothing is. */
    if (releasing(b))
        return tick_end(b, now);
    int round = 0;
    do
        err = tick_due(b, now);
    while (++round < 16 && err >= 0 && it_b_next(b) <= now);
    return err < 0 ? err : b->events.oom ? IT_ERR_NOMEM : 0;
}

static it_time earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_b_next(const it_b *b)
{
    if (releasing(b))
        return earlier(it_ice_relay_next(b->ice), it_b_web_next(b));
    if (!b->started || it_b_over(b))
        return IT_NEVER;
    it_time t = earlier(it_ice_next(b->ice), earlier(b->restart_at, it_b_path_next(b)));
    t = earlier(t, earlier(it_b_sockets_next(b), it_b_web_next(b)));
    for (int i = 0; i < b->n_transports; i++)
        if (it_b_lives(&b->transport[i]))
            t = earlier(t, it_conn_next(&b->transport[i].conn));
    return t;
}

/* What ICE has to send by its bases, and by the streams of its own; what is for a tunnel goes there. */
static int ice_out(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n;
    while ((n = it_ice_output(b->ice, now, out, buf, cap)) > 0)
        if (!it_b_web_send(b, now, out))
            return n;
    return n;
}

/* What waits at the agent: of one that is over what its connections and relays were given. */
static int carried_out(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (!it_b_over(b))
        return ice_out(b, now, out, buf, cap);
    int n = it_ice_tcp_output(b->ice, now, out, buf, cap);
    return n == 0 ? it_ice_relay_output(b->ice, now, out, buf, cap) : n;
}

/* The datagrams of the channels, one transport after the other; what goes by a relay or a connection is left to the
 * agent. */
static int channel_out(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    bool carried = it_b_over(b);
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        int n;
        while ((n = it_conn_output(&t->conn, now, out, buf, cap)) > 0) {
            it_ice_sent_data(b->ice, now, t->stream, t->component);
            it_b_sped_wrote(b, t, out->data);
            if (!it_b_web_send(b, now, out) && !it_ice_relay_send(b->ice, now, out) &&
                !it_ice_tcp_send(b->ice, now, out))
                return n;
            carried = true;
        }
        if (n < 0)
            return n;
    }
    if (!carried)
        return 0;
    return carried_out(b, now, out, buf, cap);
}

/* What is behind the last word of the channels: relays are given back (RFC 8656 section 8), connections end (RFC 6544
 * section 11.1), of one stream or of all, and then sockets. */
static int farewell_out(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n = 0;
    if (b->started && it_b_over(b)) {
        if (!b->released) {
            it_ice_relay_release(b->ice, now);
            it_ice_tcp_release(b->ice);
            it_b_web_release(b, now);
        }
        b->released = true;
        n = carried_out(b, now, out, buf, cap);
        if (n == 0)
            n = it_b_web_output(b, now, out, buf, cap);
    } else if (it_b_streams_leave(b, now)) {
        n = carried_out(b, now, out, buf, cap);
    }
    return n == 0 && !releasing(b) ? it_b_unbind_out(b, out) : n;
}

int it_b_output(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    int n = 0;
    if (b->n_pending)
        n = it_b_bind_out(b, out);
    if (n == 0 && b->started && !it_b_over(b)) {
        it_b_sped_out(b, now);
        n = ice_out(b, now, out, buf, cap);
    }
    if (n == 0 && b->started)
        n = channel_out(b, now, out, buf, cap);
    if (n == 0)
        n = it_b_web_output(b, now, out, buf, cap);
    if (n == 0)
        n = farewell_out(b, now, out, buf, cap);
    return n;
}

int it_b_event_next(it_b *b, it_model_event *ev, int *media)
{
    return it_evq_take(&b->events, ev, media);
}

/* --- the table of stack/object.h --- */

static int b_input(void *o, it_time now, const it_io *in)
{
    return it_b_input(o, now, in);
}

static int b_tick(void *o, it_time now)
{
    return it_b_tick(o, now);
}

static it_time b_next(const void *o)
{
    return it_b_next(o);
}

static int b_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    return it_b_output(o, now, out, buf, cap);
}

static int b_event(void *o, it_object_event *ev)
{
    it_b *b = o;
    *ev = (it_object_event){.kind = IT_TELLS_MODEL, .part = -1, .u.model = &b->latest};
    return it_b_event_next(b, &b->latest, &ev->part);
}

static void b_free(void *o)
{
    it_b_free(o);
}

const it_object_ops it_b_ops = {.kind = "B",
                                .input = b_input,
                                .tick = b_tick,
                                .next = b_next,
                                .output = b_output,
                                .event = b_event,
                                .free = b_free,
                                .link_local = true,
                                .errors = true,
                                .model = &it_b_model};
