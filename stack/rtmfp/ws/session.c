/* A session of RTWebSocket: messages in, messages out, timers. */
#include "stack/rtmfp/ws/impl.h"

void it_rtws_init(it_rtws *s, const it_rtws_cfg *cfg, it_time now)
{
    *s = (it_rtws){.cfg = *cfg,
                   .most = IT_RTWS_FLIGHT,
                   .mark_at = -1,
                   .base_at = now,
                   .ack_window = IT_RTWS_ACK_LEAST,
                   .ack_at = IT_NEVER,
                   .rx_at = now,
                   .ping_at = IT_NEVER};
    if (!s->cfg.keepalive)
        s->cfg.keepalive = IT_RTWS_KEEPALIVE;
    if (!s->cfg.death)
        s->cfg.death = IT_RTWS_DEATH;
    if (!s->cfg.window)
        s->cfg.window = IT_RTWS_WINDOW;
    s->end = &s->first;
}

/* Takes the first message that waits out of the queue. */
static void control_remove(it_rtws *s)
{
    it_rtws_control *c = s->first;
    s->control -= c->n;
    s->first = c->next;
    if (!s->first)
        s->end = &s->first;
    it_free(s->cfg.alloc, c);
}

void it_rtws_fini(it_rtws *s)
{
    for (size_t i = 0; i < s->sends; i++)
        it_rtws_send_free(s, s->send[i]);
    for (size_t i = 0; i < s->recvs; i++)
        it_rtws_recv_free(s, s->recv[i]);
    while (s->first)
        control_remove(s);
    it_free(s->cfg.alloc, s->send);
    it_free(s->cfg.alloc, s->recv);
    s->send = NULL;
    s->recv = NULL;
    s->sends = s->recvs = 0;
}

void it_rtws_note(it_rtws *s, int err)
{
    if (s->err == 0)
        s->err = err;
}

void it_rtws_tell(it_rtws *s, it_rtmfp_event *ev, uint64_t flow, uint8_t **data)
{
    it_bytes bytes = ev->data;
    uint8_t *room;
    ev->session = s->cfg.session;
    ev->flow = flow;
    int err = it_rtmfp_events_put(s->cfg.events, ev, &room);
    it_rtws_note(s, err);
    if (err)
        return;
    if (bytes.p && bytes.n)
        memcpy(room, bytes.p, bytes.n);
    if (data)
        *data = room;
}

void it_rtws_control_put(it_rtws *s, const it_rtws_msg *m)
{
    it_buf b;
    size_t most = IT_RTWS_HEAD_MAX + m->data.n;
    it_rtws_control *c = it_malloc(s->cfg.alloc, sizeof *c + most);
    if (!c) {
        it_rtws_note(s, IT_ERR_NOMEM);
        return;
    }
    it_buf_init(&b, c->data, most);
    it_rtws_put(&b, m);
    IT_ASSERT(!b.overflow);
    c->next = NULL;
    c->n = b.len;
    *s->end = c;
    s->end = &c->next;
    s->control += c->n;
}

bool it_rtws_full(const it_rtws *s)
{
    return s->control >= IT_RTWS_CONTROL;
}

/* --- in --- */

/* Copies a ping into its reply. */
static void take_ping(it_rtws *s, const it_rtws_msg *m)
{
    it_rtws_msg reply = {.type = IT_RTWS_PING_REPLY, .data = m->data};
    it_rtws_control_put(s, &reply);
}

static void take_ack_window(it_rtws *s, const it_rtws_msg *m)
{
    s->ack_window = m->count > IT_RTWS_ACK_LEAST ? m->count : IT_RTWS_ACK_LEAST;
    s->got = 0;
}

/* Takes |m|, of a message of |size| bytes. NULL, or why it breaks the protocol. */
static const char *session_take(it_rtws *s, it_time now, const it_rtws_msg *m, size_t size)
{
    switch (m->type) {
    case IT_RTWS_PING:
        take_ping(s, m);
        return NULL;
    case IT_RTWS_PING_REPLY:
        return NULL; /* that it came says it */
    case IT_RTWS_ACK_WINDOW:
        take_ack_window(s, m);
        return NULL;
    case IT_RTWS_OPEN:
    case IT_RTWS_OPEN_RETURN:
        return it_rtws_recv_open(s, now, m);
    case IT_RTWS_MORE:
    case IT_RTWS_LAST:
        return it_rtws_recv_data(s, now, m, size);
    case IT_RTWS_ABANDON:
        return it_rtws_recv_abandon(s, m);
    case IT_RTWS_CLOSE:
        return it_rtws_recv_close(s, now, m);
    case IT_RTWS_ACK:
        return it_rtws_send_ack(s, now, m);
    case IT_RTWS_CLOSE_ACK:
        return it_rtws_send_close_ack(s, m);
    case IT_RTWS_EXCEPTION:
        return it_rtws_send_exception(s, m);
    }
    return NULL;
}

int it_rtws_take(it_rtws *s, it_time now, it_bytes message)
{
    it_rtws_msg m;
    if (s->why)
        return IT_ERR_PARSE;
    s->err = 0;
    s->rx_at = now;
    s->ping_at = IT_NEVER;
    switch (it_rtws_get(message, &m)) {
    case IT_RTWS_IGNORE:
        return 0;
    case IT_RTWS_BROKEN:
        s->why = "a message is cut short, or has an integer of more than 64 bits";
        return IT_ERR_PARSE;
    case IT_RTWS_READ:
        s->why = session_take(s, now, &m, message.n);
        break;
    }
    return s->why ? IT_ERR_PARSE : s->err;
}

/* --- out --- */

int it_rtws_give(it_rtws *s, it_time now, it_buf *b)
{
    s->err = 0;
    if (s->why)
        return 0;
    if (s->ack_now || now >= s->ack_at)
        it_rtws_recv_acks(s); /* all that are pending, together */
    if (s->first) {
        it_buf_put(b, s->first->data, s->first->n);
        control_remove(s);
        return s->err ? s->err : 1;
    }
    int given = it_rtws_send_give(s, now, b);
    return s->err ? s->err : given;
}

/* --- time --- */

void it_rtws_keepalive(it_rtws *s, it_time after)
{
    s->cfg.keepalive = after;
}

/* When a ping is due; when an unanswered one proves that the far end is dead. */
static it_time ping_next(const it_rtws *s)
{
    if (s->ping_at != IT_NEVER)
        return s->ping_at + s->cfg.death;
    return s->cfg.keepalive == IT_NEVER ? IT_NEVER : s->rx_at + s->cfg.keepalive;
}

bool it_rtws_tick(it_rtws *s, it_time now)
{
    it_rtws_msg ping = {.type = IT_RTWS_PING};
    s->err = 0;
    for (size_t i = 0; i < s->sends; i++)
        it_rtws_send_expire(s, s->send[i], now);
    if (now >= s->ack_at) {
        s->ack_now = true;
        s->ack_at = IT_NEVER;
    }
    if (s->why || now < ping_next(s))
        return false;
    if (s->ping_at != IT_NEVER)
        return true;
    s->ping_at = now;
    it_rtws_control_put(s, &ping);
    return false;
}

it_time it_rtws_next(const it_rtws *s)
{
    it_time at = ping_next(s);
    if (s->why)
        return IT_NEVER;
    if (s->ack_at < at)
        at = s->ack_at;
    for (size_t i = 0; i < s->sends; i++)
        if (it_rtws_send_expiry(s->send[i]) < at)
            at = it_rtws_send_expiry(s->send[i]);
    return at;
}
