/* Model B's path: what ICE and DTLS report becomes open, failover, stalled, resumed and death. */
#include "stack/model/b_impl.h"

#include <string.h>

void it_b_die(it_b *b, it_time now, enum it_reason reason, const char *why)
{
    if (it_b_over(b))
        return;
    b->state = IT_STATE_DEAD;
    b->stats.t_death = now;
    it_voice_stop(&b->tx);
    b->has_pair = b->selected = false;
    it_b_emit(b, now, (it_model_event){.kind = IT_EV_DEATH, .reason = reason, .why = why});
}

/* An event that tells of the path: its kinds and addresses. */
static it_model_event path_event(const it_b *b, enum it_model_event_kind kind)
{
    const it_ice_pair_view *p = &b->pair;
    it_model_event ev = {.kind = kind, .local_kind = p->local.kind, .remote_kind = p->remote.kind};
    bool relay = p->local.kind == IT_ICE_RELAY || p->remote.kind == IT_ICE_RELAY;
    ev.path = relay ? IT_PATH_RELAY_UDP : IT_PATH_DIRECT_UDP;
    ev.local = p->local.base;
    ev.remote = p->remote.addr;
    return ev;
}

static void open_if_ready(it_b *b, it_time now)
{
    if (b->opened || !b->selected || !b->dtls_open)
        return;
    b->opened = true;
    b->state = IT_STATE_OPEN;
    b->connect_by = IT_NEVER;
    b->stats.t_open = now;
    b->last_answer = now;
    it_live_open(&b->live, now);
    it_b_emit(b, now, path_event(b, IT_EV_OPEN));
    if (b->cfg.voice)
        it_voice_start(&b->tx, now);
}

/* A pair to send on: the first valid one before any is selected. The handshake starts as soon as there is one. */
static void use_pair(it_b *b, it_time now, const it_ice_pair_view *pair)
{
    b->pair = *pair;
    b->has_pair = true;
    if (b->dtls && !b->dtls_open) {
        it_dtls_start(b->dtls, now);
        it_dtls_kick(b->dtls, now);
    }
}

/* A sign of life ends a stall. */
static void alive(it_b *b, it_time now, size_t bytes)
{
    if (!b->opened || it_b_over(b) || !it_live_rx(&b->live, now, bytes))
        return;
    b->state = IT_STATE_OPEN;
    b->stats.t_recover = now;
    b->restart_at = IT_NEVER;
    b->restart_gap = 0;
    it_b_emit(b, now, path_event(b, IT_EV_RESUMED));
}

/* The same path: the same candidates at both ends. A new mapping of the same socket is another path. */
static bool same_path(const it_ice_pair_view *a, const it_ice_pair_view *b)
{
    return it_addr_eq(a->local.base, b->local.base) && it_addr_eq(a->local.addr, b->local.addr) &&
           it_addr_eq(a->remote.addr, b->remote.addr);
}

static void on_selected(it_b *b, it_time now, const it_ice_event *ev)
{
    bool same = same_path(&b->told, &ev->pair);
    enum it_path old = b->told_path;
    use_pair(b, now, &ev->pair);
    b->selected = true;
    b->death_by = b->linkdown_by = b->restart_at = IT_NEVER;
    b->restart_gap = 0;
    b->last_answer = now;
    it_model_event e = path_event(b, IT_EV_FAILOVER);
    e.old_path = old;
    b->told = ev->pair;
    b->told_path = e.path;
    if (b->opened && !same) {
        b->stats.t_recover = now;
        it_b_emit(b, now, e);
    }
    alive(b, now, 0);
    open_if_ready(b, now);
}

static void on_lost(it_b *b, it_time now)
{
    b->selected = b->has_pair = false;
    b->lost_at = now;
    b->death_by = b->last_answer + b->cfg.timers.death;
    if (b->death_by <= now)
        b->death_by = now + 1;
}

static void on_ice(it_b *b, it_time now, const it_ice_event *ev)
{
    switch (ev->kind) {
    case IT_ICE_CANDIDATE:
        it_b_on_candidate(b, ev->cand);
        break;
    case IT_ICE_GATHERED:
        b->gathered = b->dirty = true;
        break;
    case IT_ICE_VALID:
        if (!b->selected)
            use_pair(b, now, &ev->pair);
        break;
    case IT_ICE_SELECTED:
        on_selected(b, now, ev);
        break;
    case IT_ICE_LOST:
        on_lost(b, now);
        break;
    case IT_ICE_CONSENT_LOST:
        it_b_die(b, now, IT_REASON_CONSENT_EXPIRED, "no valid answer for the whole time (RFC 7675 section 5.1)");
        break;
    case IT_ICE_FAILED:
        if (!b->opened)
            it_b_die(b, now, IT_REASON_CONNECT_FAILED, ev->why);
        break;
    case IT_ICE_PEER:
        it_b_emit(b, now, (it_model_event){.kind = IT_EV_PEER, .why = ev->why});
        break;
    default:
        break;
    }
}

static void on_data(it_b *b, it_time now, it_bytes datagram)
{
    it_bytes data;
    switch (it_app_take(&b->rx, now, datagram, &data)) {
    case IT_APP_MESSAGE:
        b->stats.received++;
        alive(b, now, datagram.n);
        it_b_emit(b, now, (it_model_event){.kind = IT_EV_MESSAGE, .data = data});
        break;
    case IT_APP_VOICE:
        if (b->stats.t_first_media == IT_NEVER)
            b->stats.t_first_media = now;
        alive(b, now, datagram.n);
        break;
    case IT_APP_BAD:
        it_b_emit(b, now, (it_model_event){.kind = IT_EV_PEER, .why = "an application datagram of no known kind"});
        break;
    }
}

static void on_dtls(it_b *b, it_time now, const it_dtls_event *ev)
{
    switch (ev->kind) {
    case IT_DTLS_OPEN:
        b->dtls_open = true;
        open_if_ready(b, now);
        break;
    case IT_DTLS_DATA:
        on_data(b, now, ev->data);
        break;
    case IT_DTLS_SECRET:
        it_b_emit(b, now, (it_model_event){.kind = IT_EV_SECRET, .data = ev->data});
        break;
    case IT_DTLS_CLOSED:
        /* RFC 7675 section 5.2: an authenticated end revokes consent at once. */
        it_ice_revoke(b->ice, now);
        b->state = IT_STATE_CLOSED;
        it_voice_stop(&b->tx);
        it_b_emit(b, now, (it_model_event){.kind = IT_EV_CLOSED, .by = "remote"});
        break;
    case IT_DTLS_FAILED:
        it_b_die(b, now, b->opened || (ev->why && strstr(ev->why, "fingerprint")) ? IT_REASON_SECURITY : IT_REASON_CONNECT_FAILED, ev->why);
        break;
    }
}

void it_b_base_gone(it_b *b, it_time now, int flow)
{
    if (b->state == IT_STATE_NEW)
        return;
    it_b_emit(b, now, (it_model_event){.kind = IT_EV_NETWORK, .flow = flow, .up = false});
    if (b->n_flows == 0 && !b->cfg.alternatives) {
        it_b_die(b, now, IT_REASON_LINK_DOWN_NO_ALTERNATIVE, "the only interface is down");
        return;
    }
    it_ice_pair_view pair;
    if (it_ice_selected(b->ice, 0, 1, &pair) == 0)
        return;
    /* Another interface, up or not, has T_linkdown to carry the call. */
    b->linkdown_by = now + b->cfg.timers.linkdown;
    if (b->n_flows > 0 && b->cfg.restart && b->heard)
        it_b_begin_restart(b, now, b->generation + 1);
}

/* --- clocks --- */

/* What is due to arrive, as of now. */
static void judge_due(it_b *b, it_time now)
{
    it_ice_pair_view pair;
    it_time unanswered = IT_NEVER;
    if (it_ice_selected(b->ice, 0, 1, &pair) == 0) {
        unanswered = pair.unanswered;
        if (pair.last_response > b->last_answer) {
            b->last_answer = pair.last_response;
            alive(b, now, 0);
        }
    } else {
        unanswered = b->lost_at; /* no path at all: silence counts until there is one */
    }
    it_live_due(&b->live, now, b->rx.streaming, unanswered);
}

static void judge_live(it_b *b, it_time now)
{
    judge_due(b, now);
    for (int kind; (kind = it_live_tick(&b->live, now)) >= 0;) {
        it_b_emit(b, now, path_event(b, (enum it_model_event_kind)kind));
        if (kind != IT_EV_STALLED)
            continue;
        b->state = IT_STATE_STALLED;
        if (b->stats.t_detect == IT_NEVER)
            b->stats.t_detect = now;
        if (b->cfg.restart && b->restart_at == IT_NEVER)
            b->restart_at = now;
    }
}

static void send_voice(it_b *b, it_time now)
{
    uint8_t buf[IT_DTLS_DATA_MAX];
    int n;
    while ((n = it_voice_packet(&b->tx, now, buf, sizeof buf)) > 0) {
        if (!b->has_pair)
            continue;
        if (it_dtls_send(b->dtls, now, it_bytes_of(buf, (size_t)n)) == 0) {
            b->stats.sent++;
            b->stats.voice_sent++;
        }
    }
}

static void run_clocks(it_b *b, it_time now)
{
    if (now >= b->connect_by)
        it_b_die(b, now, IT_REASON_CONNECT_FAILED, "not open within T_conn");
    if (now >= b->linkdown_by)
        it_b_die(b, now, IT_REASON_LINK_DOWN_NO_ALTERNATIVE, "no other interface took over within T_linkdown");
    if (now >= b->death_by)
        it_b_die(b, now, IT_REASON_CONSENT_EXPIRED, "no path for T_death");
    if (!b->opened || it_b_over(b))
        return;
    judge_live(b, now);
    if (now >= b->restart_at)
        it_b_begin_restart(b, now, b->generation + 1);
    send_voice(b, now);
}

void it_b_pump(it_b *b, it_time now)
{
    it_ice_event ice;
    it_dtls_event dtls;
    bool any = true;
    while (any && !it_b_over(b)) {
        any = false;
        while (!it_b_over(b) && it_ice_event_next(b->ice, &ice) > 0) {
            any = true;
            on_ice(b, now, &ice);
        }
        while (!it_b_over(b) && b->dtls && it_dtls_event_next(b->dtls, &dtls) > 0) {
            any = true;
            on_dtls(b, now, &dtls);
        }
        if (!any && !it_b_over(b))
            run_clocks(b, now);
    }
    /* Secrets are wanted to the last, for captures. */
    while (b->dtls && it_b_over(b) && it_dtls_event_next(b->dtls, &dtls) > 0)
        if (dtls.kind == IT_DTLS_SECRET)
            it_b_emit(b, now, (it_model_event){.kind = IT_EV_SECRET, .data = dtls.data});
    it_b_signal_if_dirty(b, now);
}
