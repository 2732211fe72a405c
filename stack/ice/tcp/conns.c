/* Connections that carry messages. */
#include "stack/ice/tcp/conns.h"

#include "stack/stream/rfc4571.h"
#include "stack/turn/frame.h"

#include <string.h>

enum { HEAD = 2 }; /* of a message that waits: its length */

/* --- messages --- */

static int messages_put(it_alloc *a, it_ice_messages *m, it_bytes data)
{
    if (m->at > m->n / 2) { /* what was taken makes room, also of one that is never empty */
        memmove(m->p, m->p + m->at, m->n - m->at);
        m->n -= m->at;
        m->at = 0;
    }
    if (it_grow(a, &m->p, &m->cap, m->n + HEAD + data.n, 1) < 0)
        return IT_ERR_NOMEM;
    m->p[m->n] = (uint8_t)(data.n >> 8);
    m->p[m->n + 1] = (uint8_t)data.n;
    if (data.n)
        memcpy(m->p + m->n + HEAD, data.p, data.n);
    m->n += HEAD + data.n;
    return 0;
}

static bool messages_any(const it_ice_messages *m)
{
    return m->at < m->n;
}

/* The first of those that are there. */
static it_bytes messages_first(const it_ice_messages *m)
{
    const uint8_t *p = m->p + m->at;
    return it_bytes_of(p + HEAD, (size_t)p[0] << 8 | p[1]);
}

static void messages_drop(it_ice_messages *m)
{
    m->at += HEAD + messages_first(m).n;
}

/* --- the table --- */

void it_ice_conns_init(it_ice_conns *cs, it_alloc *alloc)
{
    *cs = (it_ice_conns){.alloc = alloc};
}

static void conn_free(it_ice_conns *cs, it_ice_conn *c)
{
    if (c->framing.ops)
        c->framing.ops->free(c->framing.l);
    it_free(cs->alloc, c->waiting.p);
    it_free(cs->alloc, c->taken.p);
    it_free(cs->alloc, c);
}

void it_ice_conns_fini(it_ice_conns *cs)
{
    for (size_t i = 0; i < cs->n; i++)
        conn_free(cs, cs->v[i]);
    it_free(cs->alloc, cs->v);
}

static void conn_remove(it_ice_conns *cs, size_t i)
{
    conn_free(cs, cs->v[i]);
    memmove(&cs->v[i], &cs->v[i + 1], (cs->n - i - 1) * sizeof *cs->v);
    cs->n--;
}

/* Tells that |c| has ended because of |why|. Of more than there is room for the rest is as good as told: nobody has so
 * many. */
static void conn_ended(it_ice_conns *cs, const it_ice_conn *c, const char *why)
{
    if (cs->n_ended < IT_ICE_CONNS_MAX)
        cs->ended[cs->n_ended++] = (struct it_ice_conn_end){c->base, c->remote, why};
}

static bool is_alive(const it_ice_conn *c)
{
    return c->state == IT_ICE_CONN_WANTED || c->state == IT_ICE_CONN_OPENING || c->state == IT_ICE_CONN_OPEN;
}

it_ice_conn *it_ice_conns_find(const it_ice_conns *cs, int base, it_addr remote)
{
    for (size_t i = 0; i < cs->n; i++)
        if (cs->v[i]->base == base && it_addr_eq(cs->v[i]->remote, remote) && is_alive(cs->v[i]))
            return cs->v[i];
    return NULL;
}

/* A new one at the end of the table; NULL without memory. */
static it_ice_conn *conn_add(it_ice_conns *cs, bool bare)
{
    if (it_grow(cs->alloc, &cs->v, &cs->cap, cs->n + 1, sizeof *cs->v) < 0)
        return NULL;
    it_ice_conn *c = it_calloc(cs->alloc, 1, sizeof *c);
    if (!c)
        return NULL;
    if (bare)
        c->framing = it_turn_frame(cs->alloc, IT_TURN_FRAME_MAX);
    else
        c->framing = it_rfc4571(cs->alloc, IT_RFC4571_MAX);
    if (!c->framing.ops) {
        it_free(cs->alloc, c);
        return NULL;
    }
    cs->v[cs->n++] = c;
    return c;
}

it_ice_conn *it_ice_conns_open(it_ice_conns *cs, int base, it_addr local, it_addr remote, bool bare)
{
    it_ice_conn *c = cs->n < IT_ICE_CONNS_MAX ? conn_add(cs, bare) : NULL;
    if (!c)
        return NULL;
    c->flow = IT_ICE_CONN_FLOW + cs->opened++;
    c->base = base;
    c->local = local;
    c->remote = remote;
    return c;
}

int it_ice_conns_accept(it_ice_conns *cs, int base, const it_io *in)
{
    it_ice_conn *c = conn_add(cs, false);
    if (!c)
        return IT_ERR_NOMEM;
    c->flow = in->flow;
    c->base = base;
    c->local = in->local;
    c->remote = in->remote;
    c->accepted = true;
    c->room = in->data.n;
    c->state = cs->n > IT_ICE_CONNS_MAX ? IT_ICE_CONN_ABORTED : IT_ICE_CONN_OPEN;
    return c->framing.ops->from_below(c->framing.l, 0, &(it_io){.kind = IT_IO_ACCEPTED});
}

int it_ice_conn_send(it_ice_conns *cs, it_ice_conn *c, it_bytes data)
{
    if (c->waiting.n - c->waiting.at + data.n > IT_ICE_CONN_WAITING || data.n > UINT16_MAX)
        return IT_ERR_FULL;
    return messages_put(cs->alloc, &c->waiting, data);
}

void it_ice_conn_close(it_ice_conn *c)
{
    if (c->state == IT_ICE_CONN_OPEN)
        c->state = IT_ICE_CONN_CLOSING;
    else if (is_alive(c))
        c->state = IT_ICE_CONN_ABORTED;
}

void it_ice_conns_close(it_ice_conns *cs, int base)
{
    for (size_t i = 0; i < cs->n; i++)
        if (cs->v[i]->base == base)
            it_ice_conn_close(cs->v[i]);
}

bool it_ice_conns_any(const it_ice_conns *cs, int base)
{
    for (size_t i = 0; i < cs->n; i++)
        if (cs->v[i]->base == base && cs->v[i]->state != IT_ICE_CONN_CLOSED)
            return true;
    return false;
}

/* --- what comes in --- */

/* Takes the messages that are whole. Returns 0 or IT_ERR_NOMEM. */
static int conn_messages(it_ice_conns *cs, it_time now, it_ice_conn *c)
{
    uint8_t buf[IT_LAYER_MESSAGE];
    it_io up;
    while (c->framing.ops->to_above(c->framing.l, now, &up, buf, sizeof buf) > 0) {
        if (up.kind == IT_IO_DATA && messages_put(cs->alloc, &c->taken, up.data) < 0)
            return IT_ERR_NOMEM;
        if (up.kind == IT_IO_RST && is_alive(c)) {
            conn_ended(cs, c, c->framing.ops->why(c->framing.l));
            c->state = IT_ICE_CONN_ABORTED;
        }
    }
    return 0;
}

static int conn_data(it_ice_conns *cs, it_time now, it_ice_conn *c, it_bytes data)
{
    size_t at = 0;
    while (at < data.n && is_alive(c)) {
        it_io in = {.kind = IT_IO_DATA, .data = it_bytes_of(data.p + at, data.n - at)};
        int n = c->framing.ops->from_below(c->framing.l, now, &in);
        if (n < 0 || conn_messages(cs, now, c) < 0)
            return IT_ERR_NOMEM;
        if (n == 0)
            break;
        at += (size_t)n;
    }
    return (int)data.n;
}

/* Why a stream is gone, for people. */
static const char *end_text(const it_ice_conn *c, enum it_io_end end)
{
    static const char *const OPENING[] = {
        "the connection was reset while it was opened",
        "nobody accepts connections there",
        "nobody answered for too long",
        "no route, or an ICMP error",
        "the port is not to be had",
    };
    if (c->state != IT_ICE_CONN_OPEN)
        return OPENING[end];
    return end == IT_IO_END_TIMEOUT
               ? "the connection was given up: nobody acknowledged for too long (RFC 9293 section 3.8.3)"
               : "the connection was reset";
}

static size_t place_of(const it_ice_conns *cs, uint32_t flow)
{
    size_t i = 0;
    while (i < cs->n && cs->v[i]->flow != flow)
        i++;
    return i;
}

static void conn_fin(it_ice_conns *cs, size_t i)
{
    it_ice_conn *c = cs->v[i];
    c->fin_in = true;
    if (c->state == IT_ICE_CONN_OPEN) {
        conn_ended(cs, c, "the far side closed the connection");
        c->state = IT_ICE_CONN_CLOSING;
    } else if (c->state == IT_ICE_CONN_CLOSED) {
        conn_remove(cs, i);
    }
}

static void conn_rst(it_ice_conns *cs, size_t i, enum it_io_end end)
{
    it_ice_conn *c = cs->v[i];
    if (is_alive(c))
        conn_ended(cs, c, end_text(c, end));
    conn_remove(cs, i);
}

bool it_ice_conns_input(it_ice_conns *cs, it_time now, const it_io *in, int *taken)
{
    size_t i = place_of(cs, in->flow);
    if (i == cs->n)
        return false;
    it_ice_conn *c = cs->v[i];
    *taken = 0;
    switch (in->kind) {
    case IT_IO_OPENED:
        c->room = in->data.n;
        if (c->state == IT_ICE_CONN_OPENING)
            c->state = IT_ICE_CONN_OPEN;
        *taken = c->framing.ops->from_below(c->framing.l, now, &(it_io){.kind = IT_IO_OPENED});
        return true;
    case IT_IO_WRITABLE:
        c->room = in->data.n;
        return true;
    case IT_IO_DATA:
        *taken = conn_data(cs, now, c, in->data);
        return true;
    case IT_IO_FIN:
        conn_fin(cs, i);
        return true;
    case IT_IO_RST:
        conn_rst(cs, i, in->end);
        return true;
    default:
        return false;
    }
}

bool it_ice_conns_take(it_ice_conns *cs, it_ice_conn **c, it_bytes *data, bool *first)
{
    for (size_t i = 0; i < cs->n; i++) {
        it_ice_conn *x = cs->v[i];
        if (!messages_any(&x->taken))
            continue;
        *c = x;
        *data = messages_first(&x->taken);
        messages_drop(&x->taken);
        *first = !x->heard;
        x->heard = true;
        return true;
    }
    return false;
}

bool it_ice_conns_ended(it_ice_conns *cs, int *base, it_addr *remote, const char **why)
{
    if (cs->n_ended == 0)
        return false;
    *base = cs->ended[0].base;
    *remote = cs->ended[0].remote;
    *why = cs->ended[0].why;
    cs->n_ended--;
    memmove(cs->ended, cs->ended + 1, cs->n_ended * sizeof *cs->ended);
    return true;
}

/* --- what goes out --- */

/* One io of |c|: 1, or 0. */
static int conn_bytes(it_ice_conn *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    size_t most = cap < c->room ? cap : c->room;
    bool writes = c->state == IT_ICE_CONN_OPEN || c->state == IT_ICE_CONN_CLOSING;
    if (most == 0 || !writes)
        return 0;
    while (c->framing.ops->to_below(c->framing.l, now, out, buf, most) <= 0) {
        if (!messages_any(&c->waiting))
            return 0;
        it_io in = {.kind = IT_IO_DATA, .data = messages_first(&c->waiting)};
        if (c->framing.ops->from_above(c->framing.l, now, &in) == IT_ERR_FULL)
            return 0;
        messages_drop(&c->waiting);
    }
    out->flow = c->flow;
    c->room -= out->kind == IT_IO_DATA ? out->data.n : 0;
    return 1;
}

/* The end of |c|, which stands at |i|: it goes from the table when both sides have ended it. */
static int conn_end(it_ice_conns *cs, size_t i, it_io *out)
{
    it_ice_conn *c = cs->v[i];
    *out = (it_io){.kind = IT_IO_FIN, .flow = c->flow};
    if (c->state == IT_ICE_CONN_ABORTED)
        out->kind = IT_IO_RST;
    c->state = IT_ICE_CONN_CLOSED;
    if (out->kind == IT_IO_RST || c->fin_in)
        conn_remove(cs, i);
    return 1;
}

int it_ice_conns_output(it_ice_conns *cs, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    for (size_t i = 0; i < cs->n; i++) {
        it_ice_conn *c = cs->v[i];
        if (c->state == IT_ICE_CONN_WANTED) {
            c->state = IT_ICE_CONN_OPENING;
            *out = (it_io){.kind = IT_IO_OPEN, .flow = c->flow, .local = c->local, .remote = c->remote};
            return 1;
        }
        if (conn_bytes(c, now, out, buf, cap) > 0)
            return 1;
        bool flushed = c->state == IT_ICE_CONN_CLOSING && c->room > 0 && !messages_any(&c->waiting);
        if (flushed || c->state == IT_ICE_CONN_ABORTED)
            return conn_end(cs, i, out);
    }
    return 0;
}
