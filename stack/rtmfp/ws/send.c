/* Sending flows of a session of RTWebSocket. */
#include "stack/rtmfp/ws/impl.h"

it_rtws_send *it_rtws_send_find(const it_rtws *s, uint64_t id)
{
    for (size_t i = 0; i < s->sends; i++)
        if (s->send[i]->id == id)
            return s->send[i];
    return NULL;
}

/* Takes the first message out of the queue of |f|. */
static void item_remove(it_rtws *s, it_rtws_send *f)
{
    it_rtws_item *m = f->first;
    f->queued -= m->n;
    f->first = m->next;
    if (!f->first)
        f->end = &f->first;
    it_free(s->cfg.alloc, m);
}

/* Gives up the first message; one that was sent in part is part of the count as well. */
static void item_abandon(it_rtws *s, it_rtws_send *f)
{
    f->abandoned++;
    item_remove(s, f);
}

/* Tells the owner that |f| takes messages again. */
static void send_writable(it_rtws *s, it_rtws_send *f)
{
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_WRITABLE};
    if (!f->full || f->closing || f->queued > IT_RTMFP_SEND_QUEUE / 2)
        return;
    f->full = false;
    it_rtws_tell(s, &ev, f->id, NULL);
}

void it_rtws_send_free(it_rtws *s, it_rtws_send *f)
{
    while (f->first)
        item_remove(s, f);
    it_free(s->cfg.alloc, f);
}

/* --- commands --- */

int it_rtws_flow_open(it_rtws *s, const it_rtmfp_flow_opts *o, uint64_t *id)
{
    const it_rtws_recv *to = o->returns ? it_rtws_recv_find(s, o->returns) : NULL;
    if (s->why)
        return IT_ERR_STATE;
    if (o->metadata.n > IT_RTMFP_METADATA)
        return IT_ERR_RANGE;
    if (o->returns && (!to || to->rejected))
        return IT_ERR_NOTFOUND;
    if (s->sends == IT_RTMFP_FLOWS)
        return IT_ERR_FULL;
    if (it_grow(s->cfg.alloc, &s->send, &s->send_cap, s->sends + 1, sizeof *s->send) < 0)
        return IT_ERR_NOMEM;
    it_rtws_send *f = it_calloc(s->cfg.alloc, 1, sizeof *f);
    if (!f)
        return IT_ERR_NOMEM;
    f->id = ++s->last_send;
    f->associated = to != NULL;
    f->returns = to ? to->wire : 0;
    f->priority = o->priority;
    f->buffer = IT_RTWS_BUFFER;
    f->end = &f->first;
    f->metadata_n = o->metadata.n;
    if (o->metadata.n)
        memcpy(f->metadata, o->metadata.p, o->metadata.n);
    s->send[s->sends++] = f;
    *id = f->id;
    return 0;
}

int it_rtws_flow_write(it_rtws *s, it_time now, uint64_t id, it_bytes data, const it_rtmfp_write_opts *o,
                       uint64_t *message)
{
    it_rtws_send *f = it_rtws_send_find(s, id);
    (void)now;
    if (!f)
        return IT_ERR_NOTFOUND;
    if (f->closing || s->why)
        return IT_ERR_STATE;
    if (f->first && f->queued + data.n > IT_RTMFP_SEND_QUEUE) {
        f->full = true;
        return IT_ERR_FULL;
    }
    it_rtws_item *m = it_malloc(s->cfg.alloc, sizeof *m + data.n);
    if (!m)
        return IT_ERR_NOMEM;
    *m = (it_rtws_item){.until = o && o->until ? o->until : IT_NEVER, .n = data.n};
    if (data.n)
        memcpy(m->data, data.p, data.n);
    *f->end = m;
    f->end = &m->next;
    f->queued += data.n;
    if (message)
        *message = 0; /* there are no numbers to give up single ones by */
    return 0;
}

int it_rtws_flow_close(it_rtws *s, uint64_t id, bool abandon)
{
    it_rtws_send *f = it_rtws_send_find(s, id);
    if (!f)
        return IT_ERR_NOTFOUND;
    if (f->closing)
        return IT_ERR_STATE;
    f->closing = true;
    while (abandon && f->first)
        item_abandon(s, f);
    return 0;
}

/* --- messages of the receiver --- */

/* The least round trip that is known; 0: none is. */
static it_time base_of(const it_rtws *s)
{
    if (s->base_before && (!s->base || s->base_before < s->base))
        return s->base_before;
    return s->base;
}

static void base_take(it_rtws *s, it_time now, it_time rtt)
{
    if (now - s->base_at >= IT_RTWS_BASE_FOR) {
        s->base_before = s->base;
        s->base = 0;
        s->base_at = now;
    }
    if (!s->base || rtt < s->base)
        s->base = rtt;
}

/* What has been acknowledged since the mark was sent in the round trip that ends: so much the path takes, and its own
 * delay and a little queue are filled with it. */
static void flight_measure(it_rtws *s, it_time now)
{
    if (s->mark_at < 0 || s->acked <= s->mark)
        return;
    uint64_t bytes = s->sent - s->mark_end;
    s->rtt = now > s->mark_at ? now - s->mark_at : 1;
    s->mark_at = -1;
    s->mark_end = s->sent;
    base_take(s, now, s->rtt);
    if (bytes + IT_RTWS_ACK_LEAST < s->most)
        return; /* it was the owner who had no more to say */
    uint64_t us = (uint64_t)(s->rtt / IT_US), full = (uint64_t)((base_of(s) + IT_RTWS_QUEUE_DELAY) / IT_US);
    s->most = bytes * full / (us ? us : 1);
    if (s->most < IT_RTWS_FLIGHT)
        s->most = IT_RTWS_FLIGHT;
}

const char *it_rtws_send_ack(it_rtws *s, it_time now, const it_rtws_msg *m)
{
    it_rtws_send *f = it_rtws_send_find(s, m->flow);
    if (!f)
        return "an acknowledgment of a flow that there is not";
    if (m->count > f->sent - f->acked)
        return "an acknowledgment of more than was sent";
    f->acked += m->count;
    f->buffer = m->buffer;
    s->acked += m->count;
    flight_measure(s, now);
    return NULL;
}

const char *it_rtws_send_close_ack(it_rtws *s, const it_rtws_msg *m)
{
    it_rtws_send *f = it_rtws_send_find(s, m->flow);
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_SENT};
    if (!f)
        return "the close of a flow that there is not is acknowledged";
    if (!f->closed)
        return "the close of a flow that is open is acknowledged";
    size_t n = 0;
    for (size_t i = 0; i < s->sends; i++)
        if (s->send[i] != f)
            s->send[n++] = s->send[i];
    s->sends = n;
    s->acked += f->sent - f->acked; /* nothing of it is on its way any more */
    it_rtws_tell(s, &ev, f->id, NULL);
    it_rtws_send_free(s, f);
    return NULL;
}

const char *it_rtws_send_exception(it_rtws *s, const it_rtws_msg *m)
{
    it_rtws_send *f = it_rtws_send_find(s, m->flow);
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_EXCEPTION, .code = m->code};
    if (!f)
        return "an exception to a flow that there is not";
    bool told = f->closing;
    f->closing = true;
    while (f->first)
        item_abandon(s, f);
    if (!told)
        it_rtws_tell(s, &ev, f->id, NULL);
    return NULL;
}

/* --- what is given --- */

void it_rtws_send_expire(it_rtws *s, it_rtws_send *f, it_time now)
{
    while (f->first && now >= f->first->until)
        item_abandon(s, f);
    send_writable(s, f);
}

it_time it_rtws_send_expiry(const it_rtws_send *f)
{
    return f->first ? f->first->until : IT_NEVER;
}

/* Whether user data of |f| may be sent: its receiver has room for it, and the path. */
static bool send_may(const it_rtws *s, const it_rtws_send *f)
{
    return f->first && f->sent - f->acked < f->buffer && s->sent - s->acked < s->most;
}

static bool send_ready(const it_rtws *s, const it_rtws_send *f)
{
    if (!f->opened || f->abandoned)
        return true;
    if (f->closing && !f->first)
        return !f->closed;
    return send_may(s, f);
}

/* The flow that is to send next: of the highest priority; equal ones take turns. NULL: none may. */
static it_rtws_send *send_choose(const it_rtws *s)
{
    it_rtws_send *best = NULL;
    for (size_t i = 0; i < s->sends; i++) {
        it_rtws_send *f = s->send[(i + s->turn) % s->sends];
        if (send_ready(s, f) && (!best || f->priority > best->priority))
            best = f;
    }
    return best;
}

/* A round trip is measured from what is sent now, unless one is: the far end acknowledges at once from here on. */
static void flight_mark(it_rtws *s, it_time now)
{
    if (s->mark_at >= 0 || s->sent < s->mark_end)
        return;
    it_rtws_msg m = {.type = IT_RTWS_ACK_WINDOW, .count = (s->sent - s->acked) / 4};
    s->mark_at = now;
    s->mark = s->sent;
    if (m.count < IT_RTWS_ACK_LEAST)
        m.count = IT_RTWS_ACK_LEAST;
    if (m.count > IT_RTWS_ACK_MOST)
        m.count = IT_RTWS_ACK_MOST;
    it_rtws_control_put(s, &m);
}

/* A part of the first message of |f|. */
static void send_part(it_rtws *s, it_time now, it_rtws_send *f, it_buf *b)
{
    it_rtws_item *m = f->first;
    uint64_t room = f->buffer - (f->sent - f->acked);
    size_t n = m->n - m->at, begin = b->len;
    if (n > IT_RTWS_PART)
        n = IT_RTWS_PART;
    if (n > room)
        n = (size_t)room;
    it_rtws_msg out = {.type = m->at + n < m->n ? IT_RTWS_MORE : IT_RTWS_LAST, .flow = f->id};
    out.data = it_bytes_of(m->data + m->at, n);
    it_rtws_put(b, &out);
    m->at += n;
    f->sent += b->len - begin;
    s->sent += b->len - begin;
    if (m->at == m->n)
        item_remove(s, f);
    send_writable(s, f);
    flight_mark(s, now);
}

bool it_rtws_send_give(it_rtws *s, it_time now, it_buf *b)
{
    for (size_t i = 0; i < s->sends; i++)
        it_rtws_send_expire(s, s->send[i], now);
    it_rtws_send *f = send_choose(s);
    it_rtws_msg m = {.type = IT_RTWS_OPEN};
    if (!f)
        return false;
    s->turn++;
    m.flow = f->id;
    if (!f->opened) {
        f->opened = true;
        m.type = f->associated ? IT_RTWS_OPEN_RETURN : IT_RTWS_OPEN;
        m.associated = f->returns;
        m.data = it_bytes_of(f->metadata, f->metadata_n);
    } else if (f->abandoned) {
        m.type = IT_RTWS_ABANDON;
        m.count = f->abandoned - 1;
        f->abandoned = 0;
    } else if (f->first) {
        send_part(s, now, f, b);
        return true;
    } else {
        m.type = IT_RTWS_CLOSE;
        f->closed = true;
    }
    it_rtws_put(b, &m);
    return true;
}
