/* Model B's API: construction, commands and the functions of the object contract. */
#include "stack/model/b_impl.h"

#include <stdio.h>
#include <string.h>

bool it_b_over(const it_b *b)
{
    return b->state == IT_STATE_DEAD || b->state == IT_STATE_CLOSED;
}

void it_b_emit(it_b *b, it_time now, it_model_event ev)
{
    ev.at = now;
    it_evq_put(&b->events, &ev, -1);
}

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
    b->connect_by = b->death_by = b->linkdown_by = b->restart_at = IT_NEVER;
    it_evq_init(&b->events, b->alloc);
    it_str_init(&b->text, b->alloc);
    it_live_init(&b->live, cfg->timers.stall);
    it_voice_tx_init(&b->tx);
    it_voice_rx_init(&b->rx);
    b->stats.t_open = b->stats.t_first_media = b->stats.t_detect = b->stats.t_death = b->stats.t_recover = IT_NEVER;
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
    it_dtls_free(b->dtls);
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
    if (it_b_over(b))
        return 0;
    if (b->n_flows == B_BASES)
        return IT_ERR_FULL;
    int err = it_ice_add_base(b->ice, now, 0, 1, flow, base);
    if (err < 0)
        return err;
    b->flows[b->n_flows++] = flow;
    if (b->state == IT_STATE_NEW)
        return 0;
    it_b_emit(b, now, (it_model_event){.kind = IT_EV_NETWORK, .flow = flow, .up = true, .local = base});
    /* After the end of gathering a new base can be told to the far side by a restart only (RFC 8838 section 13). */
    if (b->cfg.restart && !b->selected && b->heard)
        it_b_begin_restart(b, now, b->generation + 1);
    it_b_pump(b, now);
    return 0;
}

void it_b_remove_base(it_b *b, it_time now, int flow)
{
    for (int i = 0; i < b->n_flows; i++) {
        if (b->flows[i] != flow)
            continue;
        memmove(&b->flows[i], &b->flows[i + 1], (size_t)(b->n_flows - i - 1) * sizeof *b->flows);
        b->n_flows--;
        if (it_b_over(b))
            return;
        it_ice_remove_base(b->ice, now, flow);
        it_b_base_gone(b, now, flow);
        it_b_pump(b, now);
        return;
    }
}

/* --- commands --- */

void it_b_start(it_b *b, it_time now)
{
    if (b->state != IT_STATE_NEW)
        return;
    b->state = IT_STATE_CONNECTING;
    b->connect_by = now + b->cfg.timers.connect;
    b->dirty = true;
    it_ice_gather(b->ice, now);
    it_b_pump(b, now);
}

void it_b_restart(it_b *b, it_time now)
{
    if (b->state == IT_STATE_NEW || it_b_over(b))
        return;
    it_b_begin_restart(b, now, b->generation + 1);
    it_b_pump(b, now);
}

int it_b_send(it_b *b, it_time now, it_bytes data)
{
    if (b->state != IT_STATE_OPEN && b->state != IT_STATE_STALLED)
        return IT_ERR_STATE;
    uint8_t buf[IT_DTLS_DATA_MAX];
    int n = it_app_message(data, buf, sizeof buf);
    if (n < 0)
        return IT_ERR_TOOBIG;
    int err = it_dtls_send(b->dtls, now, it_bytes_of(buf, (size_t)n));
    if (err < 0)
        return err;
    b->stats.sent++;
    return 0;
}

void it_b_close(it_b *b, it_time now)
{
    if (it_b_over(b))
        return;
    it_voice_stop(&b->tx);
    if (b->dtls)
        it_dtls_close(b->dtls, now);
    b->state = IT_STATE_CLOSED;
    it_b_emit(b, now, (it_model_event){.kind = IT_EV_CLOSED, .by = "local"});
}

/* --- state --- */

enum it_state it_b_state(const it_b *b)
{
    return b->state;
}

enum it_path it_b_path(const it_b *b)
{
    bool open = b->state == IT_STATE_OPEN || b->state == IT_STATE_STALLED;
    if (!open || !b->selected)
        return IT_PATH_NONE;
    return b->pair.local.kind == IT_ICE_RELAY || b->pair.remote.kind == IT_ICE_RELAY ? IT_PATH_RELAY_UDP : IT_PATH_DIRECT_UDP;
}

void it_b_stats(const it_b *b, it_conn_stats *s)
{
    *s = b->stats;
    s->received += b->rx.received;
    s->voice_received = b->rx.received;
    s->duplicate = b->rx.duplicate;
    s->late = b->rx.late;
    s->lost = it_voice_lost(&b->rx);
    s->longest_gap = b->rx.longest_gap;
    s->freeze_silent = b->live.freeze;
}

const it_ice *it_b_ice(const it_b *b)
{
    return b->ice;
}

/* --- the object contract --- */

int it_b_input(it_b *b, it_time now, const it_io *in)
{
    int err = 0;
    if (it_b_over(b) || b->state == IT_STATE_NEW)
        return (int)in->data.n;
    if (it_stun_is(in->data))
        err = it_ice_input(b->ice, now, in);
    else if (b->dtls && it_dtls_is(in->data)) /* RFC 7983: the first byte tells them apart */
        err = it_dtls_input(b->dtls, now, in);
    it_b_pump(b, now);
    return err < 0 ? err : b->events.oom ? IT_ERR_NOMEM : (int)in->data.n;
}

int it_b_tick(it_b *b, it_time now)
{
    int err = 0;
    /* A clock may start work that is due at once (a restart gathers): again until nothing is. */
    for (int round = 0; round < 16 && err >= 0 && it_b_next(b) <= now; round++) {
        if (it_ice_next(b->ice) <= now)
            err = it_ice_tick(b->ice, now);
        if (err >= 0 && b->dtls && it_dtls_next(b->dtls) <= now)
            err = it_dtls_tick(b->dtls, now);
        it_b_pump(b, now);
    }
    return err < 0 ? err : b->events.oom ? IT_ERR_NOMEM : 0;
}

static it_time earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_b_next(const it_b *b)
{
    if (b->state == IT_STATE_NEW || it_b_over(b))
        return IT_NEVER;
    it_time t = it_ice_next(b->ice);
    if (b->dtls)
        t = earlier(t, it_dtls_next(b->dtls));
    t = earlier(earlier(t, b->connect_by), b->death_by);
    t = earlier(earlier(t, b->linkdown_by), b->restart_at);
    if (b->opened)
        t = earlier(earlier(t, it_live_next(&b->live)), b->tx.due);
    return t;
}

int it_b_output(it_b *b, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (b->state == IT_STATE_NEW || b->state == IT_STATE_DEAD)
        return 0;
    int n = b->state == IT_STATE_CLOSED ? 0 : it_ice_output(b->ice, now, out, buf, cap);
    if (n != 0)
        return n;
    if (!b->dtls || !b->has_pair)
        return 0;
    n = it_dtls_output(b->dtls, now, out, buf, cap);
    if (n > 0) {
        out->flow = (uint32_t)b->pair.local.flow;
        out->local = b->pair.local.base;
        out->remote = b->pair.remote.addr;
        it_ice_sent_data(b->ice, now, 0, 1);
    }
    return n;
}

int it_b_event_next(it_b *b, it_model_event *ev)
{
    return it_evq_take(&b->events, ev, NULL);
}
