/* Model B's path: what ICE reports becomes the connection's path, restarts and death. */
#include "stack/b/impl.h"

/* By which kind of way |p| goes. A relay is told by our side of it: how the far side reaches its own is not known. */
static enum it_path path_kind(const it_b *b, const it_ice_pair_view *p)
{
    if (it_ice_relay_is_tcp(b->ice, (uint32_t)p->local.flow) || it_b_web_transport((uint32_t)p->local.flow) >= 0)
        return IT_PATH_RELAY_TCP;
    if (it_ice_relay_base(b->ice, (uint32_t)p->local.flow) != (uint32_t)p->local.flow)
        return IT_PATH_RELAY_UDP;
    if (p->remote.kind == IT_ICE_RELAY)
        return IT_PATH_RELAY_UDP;
    return p->local.transport == IT_ICE_UDP ? IT_PATH_DIRECT_UDP : IT_PATH_DIRECT_TCP;
}

/* A pair as the connection sees it. */
static it_conn_path path_of(const it_b *b, const it_ice_pair_view *p)
{
    int web = it_b_web_transport((uint32_t)p->local.flow);
    it_conn_path path = {.flow = p->local.flow,
                         .path = path_kind(b, p),
                         .local_kind = p->local.kind,
                         .remote_kind = p->remote.kind,
                         .local = p->local.base,
                         .remote = p->remote.addr};
    if (web < 0)
        return path;
    /* A tunnel's own addresses say nothing to anybody. */
    path.local = (it_addr){{0, 0}, 0};
    path.remote = it_b_web_server(b, web);
    return path;
}

/* True when a transport that lives has been silent for long enough to say so. */
static bool any_stalled(const it_b *b)
{
    for (int i = 0; i < b->n_transports; i++)
        if (it_b_lives(&b->transport[i]) && b->transport[i].conn.state == IT_STATE_STALLED)
            return true;
    return false;
}

/* What the progress of |t| means for the clocks here. */
static void path_heed(it_b *b, it_time now, b_transport *t, int flags)
{
    if (flags & IT_CONN_OPENED)
        t->conn.answered_at = now;
    if (flags & IT_CONN_RESUMED && !any_stalled(b)) {
        b->restart_at = IT_NEVER;
        b->restart_gap = 0;
    }
    /* RFC 7675 section 5.2: an authenticated end revokes consent at once. Of several streams that one is ended alone
     * (stream.c). */
    if (flags & IT_CONN_ENDED && !b->several)
        it_ice_revoke(b->ice, now);
}

/* The same path: the same candidates at both ends. A new mapping of the same socket is another path. */
static bool same_path(const it_ice_pair_view *a, const it_ice_pair_view *b)
{
    return it_addr_eq(a->local.base, b->local.base) && it_addr_eq(a->local.addr, b->local.addr) &&
           it_addr_eq(a->remote.addr, b->remote.addr);
}

/* True when every transport that lives has its pair of this generation. */
static bool all_selected(const it_b *b)
{
    for (int i = 0; i < b->n_transports; i++)
        if (it_b_lives(&b->transport[i]) && b->transport[i].selected_generation != b->generation + 1)
            return false;
    return true;
}

static void path_use(it_b *b, it_time now, b_transport *t, const it_conn_path *path)
{
    t->conn.on_its_way = it_b_sped_on_its_way(b, t);
    it_conn_use(&t->conn, now, path);
}

static void on_selected(it_b *b, it_time now, b_transport *t, const it_ice_event *ev)
{
    bool same = same_path(&t->told, &ev->pair);
    it_conn_path path = path_of(b, &ev->pair);
    enum it_path old = t->told_path;
    t->stalled_generation = 0;
    t->selected_generation = b->generation + 1;
    t->valid_until = IT_NEVER;
    path_use(b, now, t, &path);
    if (all_selected(b)) {
        it_gate_settle(&b->gate, now + B_LINGER);
        it_b_sockets_settled(b, now);
        b->restart_at = IT_NEVER;
        b->restart_gap = 0;
    }
    t->conn.answered_at = now;
    t->told = ev->pair;
    t->told_path = path.path;
    if (!same)
        it_conn_failover(&t->conn, now, old);
    it_conn_rtt(&t->conn, ev->pair.rtt);
    path_heed(b, now, t, it_conn_alive(&t->conn, now, 0));
    path_heed(b, now, t, it_conn_settle(&t->conn, now));
}

static void gate_vouch(it_b *b, it_time now, const it_ice_pair_view *p)
{
    if (it_gate_vouch(&b->gate, now, p->local.flow, p->remote.addr) < 0)
        b->events.oom = true;
}

/* Tries again with a new generation before |t| is open: T_conn says for how long. False when that is not B's to do. */
static bool retry_connecting(it_b *b, it_time now, const b_transport *t)
{
    if (t->conn.opened || !b->cfg.restart || !b->heard || b->n_bases == 0)
        return false;
    it_b_begin_restart(b, now, b->generation + 1);
    return true;
}

static void on_consent_lost(it_b *b, it_time now, b_transport *t)
{
    it_conn_lose(&t->conn);
    if (!retry_connecting(b, now, t)) /* RFC 7675 section 5.1: a restart may regain consent */
        it_conn_die(&t->conn, now, IT_REASON_CONSENT_EXPIRED,
                    "no valid answer for the whole time (RFC 7675 section 5.1)");
}

/* A restart opens another one (RFC 6544 section 11.1). */
void it_b_stream_ended(it_b *b, it_time now, b_transport *t, const char *why)
{
    if (b->cfg.restart && b->heard && b->n_bases > 0)
        it_b_want_restart(b, now);
    else
        it_conn_die(&t->conn, now, IT_REASON_TRANSPORT_RESET, why);
}

/* The selected pair of |t| is gone before it is open, with its base or its relay: another one may still open it, in
 * this generation no more. */
static void on_lost_connecting(it_b *b, it_time now, const b_transport *t)
{
    if (t->selected_generation == b->generation + 1)
        (void)retry_connecting(b, now, t);
}

/* No pair of the stream can succeed any more in this generation. */
static void on_failed(it_b *b, it_time now, const it_ice_event *ev)
{
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        if (t->stream != ev->stream || t->conn.opened || !it_b_lives(t))
            continue;
        /* There was a way, and its nomination failed. */
        if (ev->valid && retry_connecting(b, now, t))
            return;
        it_conn_die(&t->conn, now, IT_REASON_CONNECT_FAILED, ev->why);
    }
}

/* What ICE tells of the component that |t| is. */
static void on_component(it_b *b, it_time now, b_transport *t, const it_ice_event *ev)
{
    it_conn_path path;
    switch (ev->kind) {
    case IT_ICE_VALID:
        if (!t->conn.settled) {
            path = path_of(b, &ev->pair);
            path_use(b, now, t, &path);
            t->valid_until = ev->pair.last_response + b->cfg.timers.death;
        }
        break;
    case IT_ICE_SELECTED:
        on_selected(b, now, t, ev);
        break;
    case IT_ICE_LOST:
        it_conn_lost(&t->conn, now);
        if (ev->why)
            it_b_stream_ended(b, now, t, ev->why);
        else
            on_lost_connecting(b, now, t);
        break;
    case IT_ICE_CONSENT_LOST:
        on_consent_lost(b, now, t);
        break;
    default:
        break;
    }
}

/* The transport that lives of what |ev| is about; NULL: none does. */
static b_transport *transport_of(it_b *b, const it_ice_event *ev)
{
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        if (t->stream == ev->stream && t->component == ev->component)
            return it_b_lives(t) ? t : NULL;
    }
    return NULL;
}

static void on_ice(it_b *b, it_time now, const it_ice_event *ev)
{
    b_transport *t;
    switch (ev->kind) {
    case IT_ICE_CANDIDATE:
        it_b_on_candidate(b, ev->stream, ev->cand);
        break;
    case IT_ICE_REMOVED:
        it_b_on_removed(b, ev->stream, ev->cand);
        break;
    case IT_ICE_GATHERED:
        b->gathered = b->dirty = true;
        break;
    case IT_ICE_FAILED:
        on_failed(b, now, ev);
        break;
    case IT_ICE_HEARD:
        it_gate_know(&b->gate, ev->pair.local.flow, ev->pair.remote.addr);
        break;
    case IT_ICE_CHECKED:
        gate_vouch(b, now, &ev->pair);
        break;
    case IT_ICE_PEER:
        it_b_blame(b, now, ev->why);
        break;
    default:
        t = transport_of(b, ev);
        if (t)
            on_component(b, now, t, ev);
    }
}

void it_b_base_gone(it_b *b, it_time now, b_transport *t, int left)
{
    if (!b->started || !it_b_lives(t))
        return;
    it_conn_sockets(&t->conn, now, left);
    it_ice_pair_view pair;
    if (it_conn_over(&t->conn) || it_ice_selected(b->ice, t->stream, t->component, &pair) == 0)
        return;
    it_conn_link_down(&t->conn, now);
    /* Who gathers continually finds another pair by itself, or stalls, and restarts then. */
    if (b->n_bases > 0 && b->cfg.restart && b->heard && !b->cfg.behaviour.continual)
        it_b_want_restart(b, now);
}

/* --- clocks --- */

/* The checks of |t| that wait for an answer, as of now; takes the answers that came. */
static it_conn_checks checks(it_b *b, it_time now, b_transport *t)
{
    it_ice_pair_view pair;
    if (it_ice_selected(b->ice, t->stream, t->component, &pair) != 0)
        return (it_conn_checks){IT_NEVER, IT_NEVER, t->conn.lost_at};
    path_heed(b, now, t, it_conn_answered(&t->conn, now, pair.last_response, pair.rtt));
    return (it_conn_checks){pair.unanswered, pair.asked, IT_NEVER};
}

/* When a restart is due because the consent of |t| is running out although the far side may well be there: two thirds
 * of T_death without an answer. Its checks are retransmitted, a consent check is not (RFC 7675 section 5.1), so that
 * many losses in a row do not end a call whose data flows. IT_NEVER: not so. */
static it_time consent_late(const it_b *b, const b_transport *t)
{
    if (!t->conn.opened || !t->conn.has_path || !b->cfg.restart || !it_ice_asks(b->ice))
        return IT_NEVER;
    it_time late = t->conn.answered_at + b->cfg.timers.death / 3 * 2;
    it_time ripe = b->began_at == IT_NEVER ? 0 : b->began_at + 4 * b->cfg.timers.linkdown / 5;
    return late > ripe ? late : ripe;
}

static void restart_if_due(it_b *b, it_time now)
{
    if (now >= b->restart_at && !it_b_over(b))
        it_b_begin_restart(b, now, b->generation + 1);
}

/* When the selected pair of |t|, which is not open yet, has left a check unanswered for T_stall, IT_NEVER: it has not.
 * No stall is told before the opening, but another pair may still open it. */
static it_time connecting_stalled(const it_b *b, const b_transport *t)
{
    it_ice_pair_view pair;
    if (t->conn.opened || !b->cfg.restart || !b->heard || b->n_bases == 0 ||
        it_ice_selected(b->ice, t->stream, t->component, &pair) != 0 || t->stalled_generation == b->generation + 1 ||
        pair.unanswered == IT_NEVER)
        return IT_NEVER;
    return pair.unanswered + b->cfg.timers.stall;
}

static it_time path_earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_b_path_next(const it_b *b)
{
    it_time at = IT_NEVER;
    for (int i = 0; i < b->n_transports; i++) {
        const b_transport *t = &b->transport[i];
        if (it_b_lives(t))
            at = path_earlier(path_earlier(at, t->valid_until),
                              path_earlier(connecting_stalled(b, t), consent_late(b, t)));
    }
    return at;
}

/* Once a generation, which all transports share: the earlier one's pair stays selected, and silent, until the new one
 * has its own. */
static void retry_stalled(it_b *b, it_time now, const b_transport *t)
{
    if (!retry_connecting(b, now, t))
        return;
    for (int i = 0; i < b->n_transports; i++)
        b->transport[i].stalled_generation = b->generation + 1;
}

static void run_clocks(it_b *b, it_time now, b_transport *t)
{
    it_conn_expire(&t->conn, now);
    if (now >= t->valid_until) {
        it_conn_lose(&t->conn);
        t->valid_until = IT_NEVER;
    }
    restart_if_due(b, now);
    if (it_conn_over(&t->conn))
        return;
    if (!t->conn.opened) {
        if (now >= connecting_stalled(b, t))
            retry_stalled(b, now, t);
        return;
    }
    it_conn_checks waiting = checks(b, now, t);
    if (it_conn_live(&t->conn, now, &waiting) && b->cfg.restart && b->restart_at == IT_NEVER)
        b->restart_at = now;
    if (now >= consent_late(b, t))
        b->restart_at = now;
    restart_if_due(b, now);
    it_conn_voice(&t->conn, now);
}

int it_b_data(it_b *b, it_time now, const it_io *in)
{
    int i = it_b_transport_of(b, in->flow);
    it_conn *c = i < 0 ? NULL : &b->transport[i].conn;
    if (!c || !c->channel.ops || !c->channel.ops->takes(in->data))
        return 0;
    it_b_sped_read(b, &b->transport[i], in->data);
    return it_conn_input(c, now, in);
}

/* Takes what waited at the gate and is vouched for by now. True when there was something. */
static bool take_early(it_b *b, it_time now)
{
    it_io in;
    bool any = false;
    while (it_gate_take(&b->gate, now, &in) > 0) {
        any = true;
        if (it_b_data(b, now, &in) < 0)
            b->events.oom = true;
    }
    return any;
}

/* Takes what the channels report. True when there was something. */
static bool pump_channels(it_b *b, it_time now)
{
    bool any = false;
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        int flags = it_conn_pump(&t->conn, now);
        any |= flags != 0;
        path_heed(b, now, t, flags);
        it_b_sped_follow(b, t);
    }
    return any;
}

void it_b_pump(it_b *b, it_time now)
{
    it_ice_event ice;
    bool any = true;
    while (any && !it_b_over(b)) {
        any = false;
        while (!it_b_over(b) && it_ice_event_next(b->ice, &ice) > 0) {
            any = true;
            on_ice(b, now, &ice);
        }
        any |= take_early(b, now);
        any |= pump_channels(b, now);
        any |= it_b_streams_tell(b, now);
        for (int i = 0; i < b->n_transports && !any; i++)
            if (it_b_lives(&b->transport[i]))
                run_clocks(b, now, &b->transport[i]);
    }
    (void)pump_channels(b, now); /* secrets, to the last */
    (void)it_b_streams_tell(b, now);
    it_b_web_heed(b, now);
    it_b_signal_if_dirty(b, now);
}
