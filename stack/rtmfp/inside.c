/* Packets of open and closing sessions: keepalive (RFC 7016 section 3.5.4.1), mobility (section 3.5.4.2), closing
 * (section 3.5.5). */
#include "stack/rtmfp/impl.h"

#define MOVE_AGAIN IT_SEC /* section 3.5.4.2: between two checks */

/* One chunk of |type| with |payload| over |s|. */
static void chunk_send(it_rtmfp *r, const it_rtmfp_session *s, enum it_rtmfp_type type, it_bytes payload)
{
    uint8_t chunk[IT_RTMFP_DATAGRAM];
    it_buf b;
    it_buf_init(&b, chunk, it_rtmfp_seal_room(&s->keys, IT_RTMFP_DATAGRAM) - IT_RTMFP_HEAD_MAX);
    it_rtmfp_plain_put(&b, type, payload);
    if (!b.overflow)
        it_rtmfp_note(r, it_rtmfp_queue_session(r, s, it_bytes_of(b.p, b.len)));
}

void it_rtmfp_ping(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    if (!s->pinging)
        s->ping_first = now;
    s->pinging = true;
    s->ping_due = now + s->rtt.erto;
    chunk_send(r, s, IT_RTMFP_PING, it_bytes_of(NULL, 0));
}

/* Sends a marked Ping to where a packet of |s| has come from. */
static void mark_send(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path)
{
    uint8_t mark[IT_RTMFP_MARK], chunk[IT_RTMFP_MARK + IT_RTMFP_CHUNK_HEAD];
    it_buf b;
    if (now - s->mob_tx < MOVE_AGAIN)
        return;
    s->mob_tx = now;
    it_rtmfp_mark_make(&r->secret, now, s->rx_sid, path->remote, mark);
    it_buf_init(&b, chunk, sizeof chunk);
    it_rtmfp_plain_put(&b, IT_RTMFP_PING, it_bytes_of(mark, sizeof mark));
    it_rtmfp_note(r, it_rtmfp_queue_elsewhere(r, s, path, it_bytes_of(b.p, b.len)));
}

/* Whether |s| may be somewhere else than where it was. RFC 7016 section 5: only where a secret proves packets, else it
 * could be hijacked. */
static bool move_allowed(const it_rtmfp *r, const it_rtmfp_session *s)
{
    return s->keys.mac_rx_size > 0 || r->cfg.move_unproven;
}

static bool path_same(const it_rtmfp_path *a, const it_rtmfp_path *b)
{
    return a->flow == b->flow && it_addr_eq(a->remote, b->remote);
}

static void ping_answered(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes message)
{
    it_time at;
    s->pinging = false;
    if (!it_rtmfp_mark_check(&r->secret, now, s->rx_sid, path->remote, message, &at))
        return;
    if (at <= s->mob_rx || !move_allowed(r, s)) /* section 3.5.4.2: each mark moves it once */
        return;
    s->mob_rx = at;
    if (path_same(&s->path, path))
        return;
    it_rtmfp_session_move(r, s, path);
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_MOVED, .session = s->no, .path = *path};
    it_rtmfp_tell(r, &ev);
}

static void close_requested(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    if (s->state == IT_RTMFP_OPENED)
        it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_FAR, true); /* which answers, and lingers */
    else
        chunk_send(r, s, IT_RTMFP_CLOSE_ACK, it_bytes_of(NULL, 0));
}

static void close_acknowledged(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    if (s->state == IT_RTMFP_OPENED)
        it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_FAR, false);
    else if (s->state == IT_RTMFP_NEARCLOSE)
        it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_NEAR, false);
    else
        it_rtmfp_session_drop(r, s);
}

/* A chunk that has its place in open sessions only. */
static bool chunk_open(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path,
                       const it_rtmfp_chunk *c)
{
    switch (c->type) {
    case IT_RTMFP_PING:
        chunk_send(r, s, IT_RTMFP_PING_REPLY, c->payload);
        return true;
    case IT_RTMFP_PING_REPLY:
        ping_answered(r, now, s, path, c->payload);
        return true;
    case IT_RTMFP_FIHELLO:
        return it_rtmfp_take_fihello(r, now, s, c->payload);
    default:
        return it_rtmfp_flows_chunk(&s->flows, now, c);
    }
}

void it_rtmfp_inside(it_rtmfp *r, it_time now, it_rtmfp_session *s, const it_rtmfp_path *path, it_bytes plain)
{
    it_rd rd;
    it_rtmfp_head h;
    it_rtmfp_chunk c;
    enum it_rtmfp_mode far = s->initiator ? IT_RTMFP_BY_RESPONDER : IT_RTMFP_BY_INITIATOR;
    if (it_rtmfp_head_get(&rd, plain, &h) || h.mode != far) { /* section 2.2.4: its own come back, reflected */
        r->stats.mode++;
        return;
    }
    s->rx_at = now;
    it_rtmfp_rtt_receive(&s->rtt, now, &h);
    it_rtmfp_urgent_note(r, now, s, &h);
    it_rtmfp_flows_begin(&s->flows, now, &h);
    while (it_rtmfp_chunk_next(&rd, &c)) {
        if (c.type == IT_RTMFP_CLOSE_ACK) {
            close_acknowledged(r, now, s);
            return; /* it is gone */
        }
        if (c.type == IT_RTMFP_CLOSE_REQUEST)
            close_requested(r, now, s);
        else if (s->state != IT_RTMFP_OPENED || !chunk_open(r, now, s, path, &c))
            r->stats.chunks++;
    }
    if (s->state == IT_RTMFP_OPENED) {
        it_rtmfp_flows_end(&s->flows, now);
        if (!path_same(&s->path, path) && move_allowed(r, s))
            mark_send(r, now, s, path);
        it_rtmfp_flows_touch(r, now, s);
    }
    it_rtmfp_session_arm(r, now, s);
}

/* When an open session has been silent for too long in one of its directions. */
static it_time keepalive_due(const it_rtmfp *r, const it_rtmfp_session *s)
{
    it_time period = s->keepalive ? s->keepalive : r->cfg.keepalive;
    if (period == IT_NEVER)
        return IT_NEVER;
    it_time quiet = s->tx_at < s->rx_at ? s->tx_at : s->rx_at;
    return quiet + period + (s->initiator ? 0 : s->rtt.mrto); /* so that they do not ping at once */
}

int it_rtmfp_keepalive(it_rtmfp *r, it_time now, uint32_t session, it_time period)
{
    if (session) {
        it_rtmfp_session *s = it_rtmfp_session_no(r, session);
        if (!s)
            return IT_ERR_NOTFOUND;
        s->keepalive = period;
        it_rtmfp_session_arm(r, now, s);
        return 0;
    }
    r->cfg.keepalive = period;
    for (uint32_t i = 0; i < r->slots; i++)
        if (r->slot[i] && r->slot[i]->state == IT_RTMFP_OPENED)
            it_rtmfp_session_arm(r, now, r->slot[i]);
    return 0;
}

/* Section 3.5.5. */
static void closing_tick(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    if (s->state == IT_RTMFP_NEARCLOSE && now >= s->close_end) {
        it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_NEAR, false);
        return;
    }
    if (now >= s->close_end) {
        it_rtmfp_session_drop(r, s);
        return;
    }
    if (s->state == IT_RTMFP_NEARCLOSE && now >= s->close_due) {
        s->close_due = now + IT_RTMFP_CLOSE_AGAIN;
        chunk_send(r, s, IT_RTMFP_CLOSE_REQUEST, it_bytes_of(NULL, 0));
    }
    it_rtmfp_session_arm(r, now, s);
}

/* Section 3.5.4.1. */
static void open_tick(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    it_rtmfp_flows_tick(&s->flows, now);
    it_rtmfp_flows_touch(r, now, s);
    if (s->pinging && now >= s->ping_due) {
        it_rtmfp_rtt_back_off(&s->rtt);
        if (now - s->ping_first >= r->cfg.death) {
            it_rtmfp_session_kill(r, now, s, IT_RTMFP_CAUSE_SILENCE, true);
            return;
        }
        it_rtmfp_ping(r, now, s);
    } else if (!s->pinging && now >= keepalive_due(r, s)) {
        it_rtmfp_ping(r, now, s);
    }
    it_rtmfp_session_arm(r, now, s);
}

void it_rtmfp_inside_tick(it_rtmfp *r, it_time now, it_rtmfp_session *s)
{
    if (s->state == IT_RTMFP_OPENED)
        open_tick(r, now, s);
    else
        closing_tick(r, now, s);
}

it_time it_rtmfp_inside_next(const it_rtmfp *r, it_time now, const it_rtmfp_session *s)
{
    it_time flows, ping;
    switch (s->state) {
    case IT_RTMFP_OPENED:
        flows = it_rtmfp_flows_next(&s->flows, now);
        ping = s->ping_due;
        if (!s->pinging)
            ping = keepalive_due(r, s);
        return flows < ping ? flows : ping;
    case IT_RTMFP_NEARCLOSE:
        return s->close_due < s->close_end ? s->close_due : s->close_end;
    default:
        return s->close_end;
    }
}
