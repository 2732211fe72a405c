/* Model B's path: what ICE reports becomes the connection's path, restarts and death. */
#include "stack/b/impl.h"

#define B_LINGER (3 * IT_SEC) /* RFC 8445 section 8.3.1: how long a superseded generation is still answered */

/* A pair as the connection sees it. */
static it_conn_path path_of(const it_ice_pair_view *p)
{
    bool relay = p->local.kind == IT_ICE_RELAY || p->remote.kind == IT_ICE_RELAY;
    return (it_conn_path){.flow = p->local.flow,
                          .path = relay ? IT_PATH_RELAY_UDP : IT_PATH_DIRECT_UDP,
                          .local_kind = p->local.kind,
                          .remote_kind = p->remote.kind,
                          .local = p->local.base,
                          .remote = p->remote.addr};
}

/* What the connection's progress means for the clocks here. */
static void path_heed(it_b *b, it_time now, int flags)
{
    if (flags & IT_CONN_OPENED)
        b->conn.answered_at = now;
    if (flags & IT_CONN_RESUMED) {
        b->restart_at = IT_NEVER;
        b->restart_gap = 0;
    }
    if (flags & IT_CONN_ENDED) /* RFC 7675 section 5.2: an authenticated end revokes consent at once. */
        it_ice_revoke(b->ice, now);
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
    it_conn_path path = path_of(&ev->pair);
    enum it_path old = b->told_path;
    b->stalled_generation = 0;
    it_gate_settle(&b->gate, now + B_LINGER);
    it_conn_use(&b->conn, now, &path);
    b->valid_until = b->restart_at = IT_NEVER;
    b->restart_gap = 0;
    b->conn.answered_at = now;
    b->told = ev->pair;
    b->told_path = path.path;
    if (!same)
        it_conn_failover(&b->conn, now, old);
    it_conn_rtt(&b->conn, ev->pair.rtt);
    path_heed(b, now, it_conn_alive(&b->conn, now, 0));
    path_heed(b, now, it_conn_settle(&b->conn, now));
}

static void gate_vouch(it_b *b, it_time now, const it_ice_pair_view *p)
{
    if (it_gate_vouch(&b->gate, now, p->local.flow, p->remote.addr) < 0)
        b->events.oom = true;
}

/* Tries again with a new generation before the connection is open: T_conn says for how long. False when that is not B's
 * to do. */
static bool retry_connecting(it_b *b, it_time now)
{
    if (b->conn.opened || !b->cfg.restart || !b->heard || b->n_bases == 0)
        return false;
    it_b_begin_restart(b, now, b->generation + 1);
    return true;
}

static void on_consent_lost(it_b *b, it_time now)
{
    it_conn_lose(&b->conn);
    if (!retry_connecting(b, now)) /* RFC 7675 section 5.1: a restart may regain consent */
        it_conn_die(&b->conn, now, IT_REASON_CONSENT_EXPIRED,
                    "no valid answer for the whole time (RFC 7675 section 5.1)");
}

/* No pair can succeed any more in this generation. */
static void on_failed(it_b *b, it_time now, const it_ice_event *ev)
{
    if (b->conn.opened)
        return;
    /* There was a way, and its nomination failed. */
    if (!ev->valid || !retry_connecting(b, now))
        it_conn_die(&b->conn, now, IT_REASON_CONNECT_FAILED, ev->why);
}

static void on_ice(it_b *b, it_time now, const it_ice_event *ev)
{
    it_conn_path path;
    switch (ev->kind) {
    case IT_ICE_CANDIDATE:
        it_b_on_candidate(b, ev->cand);
        break;
    case IT_ICE_GATHERED:
        b->gathered = b->dirty = true;
        break;
    case IT_ICE_VALID:
        if (!b->conn.settled) {
            path = path_of(&ev->pair);
            it_conn_use(&b->conn, now, &path);
            b->valid_until = ev->pair.last_response + b->cfg.timers.death;
        }
        break;
    case IT_ICE_SELECTED:
        on_selected(b, now, ev);
        break;
    case IT_ICE_LOST:
        it_conn_lost(&b->conn, now);
        break;
    case IT_ICE_CONSENT_LOST:
        on_consent_lost(b, now);
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
        it_conn_emit(&b->conn, now, (it_model_event){.kind = IT_EV_PEER, .why = ev->why});
        break;
    default:
        break;
    }
}

void it_b_base_gone(it_b *b, it_time now, const it_conn_socket *s)
{
    if (b->conn.state == IT_STATE_NEW)
        return;
    it_conn_network(&b->conn, now, s, b->n_bases);
    it_ice_pair_view pair;
    if (it_conn_over(&b->conn) || it_ice_selected(b->ice, 0, 1, &pair) == 0)
        return;
    it_conn_link_down(&b->conn, now);
    if (b->n_bases > 0 && b->cfg.restart && b->heard)
        it_b_want_restart(b, now);
}

/* --- clocks --- */

/* The checks that wait for an answer, as of now; takes the answers that came. */
static it_conn_checks checks(it_b *b, it_time now)
{
    it_ice_pair_view pair;
    if (it_ice_selected(b->ice, 0, 1, &pair) != 0)
        return (it_conn_checks){IT_NEVER, IT_NEVER, b->conn.lost_at};
    path_heed(b, now, it_conn_answered(&b->conn, now, pair.last_response, pair.rtt));
    return (it_conn_checks){pair.unanswered, pair.asked, IT_NEVER};
}

/* When a restart is due because consent is running out although the far side may well be there: two thirds of T_death
 * without an answer. Its checks are retransmitted, a consent check is not (RFC 7675 section 5.1), so that many losses
 * in a row do not end a call whose data flows. IT_NEVER: not so. */
it_time it_b_consent_late(const it_b *b)
{
    if (!b->conn.opened || !b->conn.has_path || !b->cfg.restart)
        return IT_NEVER;
    it_time late = b->conn.answered_at + b->cfg.timers.death / 3 * 2;
    it_time ripe = b->began_at == IT_NEVER ? 0 : b->began_at + 4 * b->cfg.timers.linkdown / 5;
    return late > ripe ? late : ripe;
}

static void restart_if_due(it_b *b, it_time now)
{
    if (now >= b->restart_at && !it_conn_over(&b->conn))
        it_b_begin_restart(b, now, b->generation + 1);
}

/* When the selected pair of a connection that is not open yet has left a check unanswered for T_stall, IT_NEVER: it has
 * not. No stall is told before the opening, but another pair may still open it. */
static it_time connecting_stalled(const it_b *b)
{
    it_ice_pair_view pair;
    if (b->conn.opened || !b->cfg.restart || !b->heard || b->n_bases == 0 ||
        it_ice_selected(b->ice, 0, 1, &pair) != 0 || b->stalled_generation == b->generation + 1 ||
        pair.unanswered == IT_NEVER)
        return IT_NEVER;
    return pair.unanswered + b->cfg.timers.stall;
}

it_time it_b_path_next(const it_b *b)
{
    return connecting_stalled(b);
}

/* Once a generation: the earlier one's pair stays selected, and silent, until the new one has its own. */
static void retry_stalled(it_b *b, it_time now)
{
    if (retry_connecting(b, now))
        b->stalled_generation = b->generation + 1;
}

static void run_clocks(it_b *b, it_time now)
{
    it_conn_expire(&b->conn, now);
    if (now >= b->valid_until) {
        it_conn_lose(&b->conn);
        b->valid_until = IT_NEVER;
    }
    restart_if_due(b, now);
    if (it_conn_over(&b->conn))
        return;
    if (!b->conn.opened) {
        if (now >= connecting_stalled(b))
            retry_stalled(b, now);
        return;
    }
    it_conn_checks waiting = checks(b, now);
    if (it_conn_live(&b->conn, now, &waiting) && b->cfg.restart && b->restart_at == IT_NEVER)
        b->restart_at = now;
    if (now >= it_b_consent_late(b))
        b->restart_at = now;
    restart_if_due(b, now);
    it_conn_voice(&b->conn, now);
}

int it_b_data(it_b *b, it_time now, const it_io *in)
{
    const it_channel_ops *ops = b->conn.channel.ops;
    return ops && ops->takes(in->data) ? it_conn_input(&b->conn, now, in) : 0;
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

void it_b_pump(it_b *b, it_time now)
{
    it_ice_event ice;
    bool any = true;
    while (any && !it_conn_over(&b->conn)) {
        any = false;
        while (!it_conn_over(&b->conn) && it_ice_event_next(b->ice, &ice) > 0) {
            any = true;
            on_ice(b, now, &ice);
        }
        any |= take_early(b, now);
        int flags = it_conn_pump(&b->conn, now);
        any |= flags != 0;
        path_heed(b, now, flags);
        if (!any && !it_conn_over(&b->conn))
            run_clocks(b, now);
    }
    (void)it_conn_pump(&b->conn, now); /* secrets, to the last */
    it_b_signal_if_dirty(b, now);
}
