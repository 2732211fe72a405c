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
    ice.timing.rto = b->cfg.timers.rto;
    ice.ta = b->cfg.timers.ta;
    ice.keepalive = b->cfg.timers.keepalive;
    ice.consent_interval = b->cfg.timers.consent;
    ice.consent_timeout = b->cfg.timers.death;
    it_ice *a = it_ice_new(&ice);
    if (a && it_ice_add_stream(a, 1) < 0) {
        it_ice_free(a);
        a = NULL;
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
    b->began_at = b->valid_until = b->restart_at = IT_NEVER;
    it_evq_init(&b->events, b->alloc);
    it_gate_init(&b->gate, b->alloc);
    it_str_init(&b->text, b->alloc);
    it_conn_cfg conn = {cfg->timers, cfg->voice, cfg->alternatives, -1};
    it_conn_init(&b->conn, &conn, &b->events);
    it_rng rng;
    char name[B_NAME + 16];
    snprintf(name, sizeof name, "%s/session", b->name);
    it_rng_init(&rng, cfg->seed, name);
    b->session = it_rng_u64(&rng) >> 1; /* RFC 8866 section 5.2: numeric; 63 bits suit everybody */
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
    it_conn_fini(&b->conn);
    it_gate_fini(&b->gate);
    it_ice_free(b->ice);
    it_evq_fini(&b->events);
    it_str_fini(&b->text);
    it_free(b->alloc, b->cands);
    it_free(b->alloc, b->read);
    it_free(b->alloc, b);
}

/* --- bases --- */

int it_b_add_base(it_b *b, it_time now, int flow, it_addr base)
{
    if (it_conn_over(&b->conn))
        return 0;
    if (b->n_bases == B_BASES)
        return IT_ERR_FULL;
    int err = it_ice_add_base(b->ice, now, 0, 1, flow, base);
    if (err < 0)
        return err;
    b->bases[b->n_bases++] = (it_conn_socket){flow, true, base};
    if (b->conn.state == IT_STATE_NEW)
        return 0;
    it_conn_network(&b->conn, now, &b->bases[b->n_bases - 1], b->n_bases);
    /* After the end of gathering a new base can be told to the far side by a restart only (RFC 8838 section 13). */
    if (b->cfg.restart && !b->conn.settled && b->heard)
        it_b_want_restart(b, now);
    it_b_pump(b, now);
    return 0;
}

void it_b_remove_base(it_b *b, it_time now, int flow)
{
    for (int i = 0; i < b->n_bases; i++) {
        it_conn_socket s = b->bases[i];
        if (s.flow != flow)
            continue;
        s.up = false;
        memmove(&b->bases[i], &b->bases[i + 1], (size_t)(b->n_bases - i - 1) * sizeof *b->bases);
        b->n_bases--;
        if (it_conn_over(&b->conn))
            return;
        it_gate_drop_base(&b->gate, flow);
        if (b->conn.has_path && b->conn.path.flow == flow)
            it_conn_lose(&b->conn);
        it_ice_remove_base(b->ice, now, flow);
        it_b_base_gone(b, now, &s);
        it_b_pump(b, now);
        return;
    }
}

/* --- commands --- */

void it_b_start(it_b *b, it_time now)
{
    if (b->conn.state != IT_STATE_NEW)
        return;
    it_conn_begin(&b->conn, now);
    b->dirty = true;
    it_ice_gather(b->ice, now);
    it_b_pump(b, now);
}

void it_b_restart(it_b *b, it_time now)
{
    if (b->conn.state == IT_STATE_NEW || it_conn_over(&b->conn))
        return;
    it_b_begin_restart(b, now, b->generation + 1);
    it_b_pump(b, now);
}

int it_b_send(it_b *b, it_time now, it_bytes data)
{
    return it_conn_send(&b->conn, now, data);
}

void it_b_close(it_b *b, it_time now)
{
    it_conn_close(&b->conn, now);
}

/* --- state --- */

enum it_state it_b_state(const it_b *b)
{
    return b->conn.state;
}

enum it_path it_b_path(const it_b *b)
{
    return it_conn_path_kind(&b->conn);
}

void it_b_stats(const it_b *b, it_conn_stats *s)
{
    it_conn_get_stats(&b->conn, s);
    s->signal_bytes = b->signal_bytes;
    s->signal_messages = b->signal_messages;
    s->refused = it_gate_dropped(&b->gate);
}

const it_ice *it_b_ice(const it_b *b)
{
    return b->ice;
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
    } else {
        err = it_gate_input(&b->gate, now, in);
        if (err != IT_GATE_PASS)
            return err < 0 ? err : 0;
        err = it_b_data(b, now, in);
    }
    it_b_pump(b, now);
    return err < 0 ? err : 0;
}

int it_b_input(it_b *b, it_time now, const it_io *in)
{
    int err = 0;
    if (in->kind == IT_IO_BOUND)
        err = it_b_add_base(b, now, (int)in->flow, in->local);
    else if (in->kind == IT_IO_UNBIND)
        it_b_remove_base(b, now, (int)in->flow);
    else if (!it_conn_over(&b->conn) && b->conn.state != IT_STATE_NEW)
        err = network_in(b, now, in);
    if (err < 0 || b->events.oom)
        return err < 0 ? err : IT_ERR_NOMEM;
    return in->kind == IT_IO_DGRAM ? (int)in->data.n : 0;
}

static int tick_due(it_b *b, it_time now)
{
    int err = 0;
    if (it_ice_next(b->ice) <= now)
        err = it_ice_tick(b->ice, now);
    if (err >= 0)
        err = it_conn_tick(&b->conn, now);
    it_b_pump(b, now);
    return err;
}

int it_b_tick(it_b *b, it_time now)
{
    int err = 0;
    /* A clock may start work that is due at once (a restart gathers): again until nothing is. */
    for (int round = 0; round < 16 && err >= 0 && it_b_next(b) <= now; round++)
        err = tick_due(b, now);
    return err < 0 ? err : b->events.oom ? IT_ERR_NOMEM : 0;
}

static it_time earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_b_next(const it_b *b)
{
    if (b->conn.state == IT_STATE_NEW || it_conn_over(&b->conn))
        return IT_NEVER;
    it_time t = earlier(it_ice_next(b->ice), it_conn_next(&b->conn));
    t = earlier(t, it_b_path_next(b));
    return earlier(earlier(t, b->valid_until), earlier(b->restart_at, it_b_consent_late(b)));
}

int it_b_output(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (b->conn.state == IT_STATE_NEW || b->conn.state == IT_STATE_DEAD)
        return 0;
    int n = b->conn.state == IT_STATE_CLOSED ? 0 : it_ice_output(b->ice, now, out, buf, cap);
    if (n != 0)
        return n;
    n = it_conn_output(&b->conn, now, out, buf, cap);
    if (n > 0)
        it_ice_sent_data(b->ice, now, 0, 1);
    return n;
}

int it_b_event_next(it_b *b, it_model_event *ev)
{
    return it_evq_take(&b->events, ev, NULL);
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
    return it_b_event_next(b, &b->latest);
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
                                .errors = true,
                                .model = &it_b_model};
