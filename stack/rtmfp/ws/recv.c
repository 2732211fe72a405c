/* Receiving flows of a session of RTWebSocket. */
#include "stack/rtmfp/ws/impl.h"

it_rtws_recv *it_rtws_recv_find(const it_rtws *s, uint64_t id)
{
    for (size_t i = 0; i < s->recvs; i++)
        if (s->recv[i]->id == id)
            return s->recv[i];
    return NULL;
}

static it_rtws_recv *recv_wire(const it_rtws *s, uint64_t wire)
{
    for (size_t i = 0; i < s->recvs; i++)
        if (s->recv[i]->wire == wire)
            return s->recv[i];
    return NULL;
}

void it_rtws_recv_free(it_rtws *s, it_rtws_recv *f)
{
    it_free(s->cfg.alloc, f->part);
    it_free(s->cfg.alloc, f);
}

/* What was assembled of a message is dropped. */
static void part_drop(it_rtws *s, it_rtws_recv *f)
{
    it_free(s->cfg.alloc, f->part);
    f->part = NULL;
    f->part_n = f->part_cap = 0;
    f->parts = false;
}

/* An acknowledgment of |f| is due: at once, or soon. */
static void recv_due(it_rtws *s, it_time now, it_rtws_recv *f, bool at_once)
{
    f->due = true;
    if (at_once)
        s->ack_now = true;
    if (s->ack_at == IT_NEVER)
        s->ack_at = now + IT_RTWS_ACK_WAIT;
}

/* Rejects |f|: nothing more of it is told, and its sender has no room any more. */
static void recv_reject(it_rtws *s, it_time now, it_rtws_recv *f, uint64_t code, const char *text)
{
    it_rtws_msg m = {.type = IT_RTWS_EXCEPTION, .flow = f->wire, .code = code, .data = it_bytes_str(text)};
    f->rejected = true;
    part_drop(s, f);
    it_rtws_control_put(s, &m);
    recv_due(s, now, f, true);
}

int it_rtws_flow_reject(it_rtws *s, it_time now, uint64_t id, uint64_t code)
{
    it_rtws_recv *f = it_rtws_recv_find(s, id);
    if (!f || f->rejected)
        return IT_ERR_NOTFOUND;
    s->err = 0;
    recv_reject(s, now, f, code, "");
    return s->err;
}

/* --- messages of the sender --- */

const char *it_rtws_recv_open(it_rtws *s, it_time now, const it_rtws_msg *m)
{
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_FLOW};
    uint8_t *data;
    if (recv_wire(s, m->flow))
        return "a flow is opened that is open already";
    if (s->recvs == IT_RTMFP_FLOWS)
        return "too many flows";
    if (it_grow(s->cfg.alloc, &s->recv, &s->recv_cap, s->recvs + 1, sizeof *s->recv) < 0) {
        it_rtws_note(s, IT_ERR_NOMEM);
        return NULL;
    }
    it_rtws_recv *f = it_calloc(s->cfg.alloc, 1, sizeof *f);
    if (!f) {
        it_rtws_note(s, IT_ERR_NOMEM);
        return NULL;
    }
    f->id = ++s->last_recv;
    f->wire = m->flow;
    s->recv[s->recvs++] = f;
    recv_due(s, now, f, true);
    if (m->type == IT_RTWS_OPEN_RETURN) {
        const it_rtws_send *to = it_rtws_send_find(s, m->associated);
        if (!to || to->closing) {
            recv_reject(s, now, f, 0, "the flow that it is in return to is not open");
            return NULL;
        }
        ev.returns = to->id;
    }
    ev.data = m->data;
    it_rtws_tell(s, &ev, f->id, &data);
    return NULL;
}

/* The message of |f| whose last part is |last|, whole. */
static void recv_deliver(it_rtws *s, it_rtws_recv *f, it_bytes last)
{
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_MESSAGE, .gap = f->gap};
    uint8_t *data = NULL;
    ev.data = it_bytes_of(NULL, f->part_n + last.n);
    it_rtws_tell(s, &ev, f->id, &data);
    if (data && f->part_n)
        memcpy(data, f->part, f->part_n);
    if (data && last.n)
        memcpy(data + f->part_n, last.p, last.n);
    f->gap = false;
    part_drop(s, f);
}

/* Keeps part |data| of a message, of which more follows. */
static void recv_keep(it_rtws *s, it_rtws_recv *f, it_bytes data)
{
    if (it_grow(s->cfg.alloc, &f->part, &f->part_cap, f->part_n + data.n, 1) < 0) {
        it_rtws_note(s, IT_ERR_NOMEM);
        return;
    }
    if (data.n)
        memcpy(f->part + f->part_n, data.p, data.n);
    f->part_n += data.n;
    f->parts = true;
}

const char *it_rtws_recv_data(it_rtws *s, it_time now, const it_rtws_msg *m, size_t size)
{
    it_rtws_recv *f = recv_wire(s, m->flow);
    if (!f)
        return "user data of a flow that is not open";
    s->got += size;
    f->got += size;
    /* at once: as much as the far end has asked for, over all flows, or half of what this one had room for */
    recv_due(s, now, f, s->got >= s->ack_window || f->got >= f->said / 2);
    s->got %= s->ack_window;
    if (f->rejected)
        return NULL;
    if (f->part_n + m->data.n > IT_RTMFP_MESSAGE_MOST) {
        it_rtmfp_event ev = {.kind = IT_RTMFP_EV_REJECTED, .why = "a message is larger than any may be"};
        recv_reject(s, now, f, 0, "the message is too large");
        it_rtws_tell(s, &ev, f->id, NULL);
        return NULL;
    }
    if (m->type == IT_RTWS_LAST)
        recv_deliver(s, f, m->data);
    else
        recv_keep(s, f, m->data);
    return NULL;
}

const char *it_rtws_recv_abandon(it_rtws *s, const it_rtws_msg *m)
{
    it_rtws_recv *f = recv_wire(s, m->flow);
    if (!f)
        return "messages of a flow that is not open are abandoned";
    part_drop(s, f); /* how many there were does not matter to anybody: one at least is missing */
    f->gap = true;
    f->due = true;
    s->ack_now = true;
    return NULL;
}

/* The flow is gone with its acknowledgments: its number may come again in the next message. */
const char *it_rtws_recv_close(it_rtws *s, it_time now, const it_rtws_msg *m)
{
    it_rtws_recv *f = recv_wire(s, m->flow);
    it_rtws_msg out = {.type = IT_RTWS_CLOSE_ACK, .flow = m->flow};
    if (!f)
        return "a flow is closed that is not open";
    it_rtmfp_event ev = {.kind = IT_RTMFP_EV_COMPLETE, .gap = f->gap || f->parts};
    recv_due(s, now, f, true);
    it_rtws_recv_acks(s);
    it_rtws_control_put(s, &out);
    size_t n = 0;
    for (size_t i = 0; i < s->recvs; i++)
        if (s->recv[i] != f)
            s->recv[n++] = s->recv[i];
    s->recvs = n;
    if (!f->rejected)
        it_rtws_tell(s, &ev, f->id, NULL);
    it_rtws_recv_free(s, f);
    return NULL;
}

void it_rtws_recv_acks(it_rtws *s)
{
    for (size_t i = 0; i < s->recvs; i++) {
        it_rtws_recv *f = s->recv[i];
        if (!f->due)
            continue;
        f->said = f->rejected ? 0 : s->cfg.window;
        it_rtws_msg m = {.type = IT_RTWS_ACK, .flow = f->wire, .count = f->got, .buffer = f->said};
        it_rtws_control_put(s, &m);
        f->got = 0;
        f->due = false;
    }
    s->ack_now = false;
    s->ack_at = IT_NEVER;
}
