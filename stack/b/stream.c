/* Model B's media streams: which transports carry them, and what the connections on these come to for each stream and
 * for the whole (stack/model/model.h). */
#include "stack/b/impl.h"

#include <stdio.h>
#include <string.h>

/* --- set-up --- */

static int components_of(const it_b_cfg *cfg, int k)
{
    return cfg->n_streams && cfg->stream[k].components ? cfg->stream[k].components : 1;
}

static bool stream_ok(const it_b_cfg *cfg, int k)
{
    int n = components_of(cfg, k);
    if (n < 1 || n > B_COMPONENTS)
        return false;
    /* RFC 9143 section 9.3: what is bundled has RTP and RTCP on one component. */
    if (cfg->bundle && n > 1)
        return false;
    /* RFC 8834 section 4.5: RTP and RTCP are muxed. Frames are of RTP alone. */
    if (cfg->media == IT_B_MEDIA_SRTP)
        return n == 1;
    return !cfg->stream[k].video;
}

static bool cfg_ok(const it_b_cfg *cfg)
{
    if (cfg->web.n < 0 || cfg->web.n > IT_WSRELAY_WAYS || (cfg->web.n && !cfg->web.name[0]))
        return false;
    if (cfg->n_streams < 0 || cfg->n_streams > IT_B_STREAMS)
        return false;
    for (int k = 0; k < cfg->n_streams; k++)
        if (!stream_ok(cfg, k))
            return false;
    return true;
}

/* Transport |i| for component |component| of ICE's stream |stream|; media streams |k| to |k| + |flows| - 1 are on it.
 */
static void transport_init(it_b *b, int i, int stream, int component, int k, int flows)
{
    b_transport *t = &b->transport[i];
    unsigned voice = 0;
    /* Of two components the first carries RTP. */
    for (int f = 0; f < flows && component == 1; f++)
        voice |= (unsigned)it_b_streams_voice(b, k + f) << f;
    it_conn_cfg conn = {.timers = b->cfg.timers,
                        .voice = voice,
                        .alternatives = b->cfg.alternatives,
                        .media = b->several ? i : -1,
                        .flows = flows,
                        .rtp = b->cfg.media == IT_B_MEDIA_SRTP};
    it_conn_init(&t->conn, &conn, b->several ? &b->inner : &b->events);
    t->stream = stream;
    t->component = component;
    t->valid_until = t->free_at = IT_NEVER;
    t->web.at = t->web.idle_at = IT_NEVER;
}

/* Gives each media stream its transports. */
static void spread_streams(it_b *b, bool bundle)
{
    for (int k = 0; k < b->n_streams; k++) {
        b_stream *s = &b->stream[k];
        if (bundle)
            *s = (b_stream){.first = 0, .n = 1, .flow = k};
        else
            *s = (b_stream){.first = b->n_transports, .n = components_of(&b->cfg, k)};
        b->n_transports = s->first + s->n;
    }
}

static void init_transports(it_b *b, bool bundle)
{
    int flows = bundle ? b->n_streams : 1, n = bundle ? 1 : b->n_streams;
    for (int k = 0; k < n; k++)
        for (int c = 0; c < b->stream[k].n; c++)
            transport_init(b, b->stream[k].first + c, k, c + 1, k, flows);
}

int it_b_streams_init(it_b *b)
{
    const it_b_cfg *cfg = &b->cfg;
    if (!cfg_ok(cfg))
        return IT_ERR_RANGE;
    b->n_streams = cfg->n_streams ? cfg->n_streams : 1;
    bool bundle = cfg->bundle && b->n_streams > 1;
    spread_streams(b, bundle);
    b->several = b->n_streams > 1 || b->n_transports > 1;
    b->transport = it_calloc(b->alloc, (size_t)b->n_transports, sizeof *b->transport);
    if (!b->transport)
        return IT_ERR_NOMEM;
    init_transports(b, bundle);
    it_b_media_init(b);
    return 0;
}

/* --- what the parts come to --- */

static bool state_over(enum it_state s)
{
    return s == IT_STATE_DEAD || s == IT_STATE_CLOSED;
}

static bool state_open(enum it_state s)
{
    return s == IT_STATE_OPEN || s == IT_STATE_STALLED;
}

/* What the connections of stream |s| come to: over with one of them, as RTP and RTCP belong together. */
static enum it_state state_of(const it_b *b, const b_stream *s)
{
    enum it_state v[B_COMPONENTS];
    for (int i = 0; i < s->n; i++) {
        v[i] = b->transport[s->first + i].conn.state;
        if (state_over(v[i]))
            return v[i];
    }
    return it_state_of_all(v, (size_t)s->n);
}

static enum it_state state_of_whole(const it_b *b)
{
    enum it_state v[IT_B_STREAMS];
    for (int k = 0; k < b->n_streams; k++)
        v[k] = b->stream[k].told;
    return it_state_of_all(v, (size_t)b->n_streams);
}

static const it_conn *conn_of(const it_b *b, const b_stream *s)
{
    return &b->transport[s->first].conn;
}

/* The first stream that goes on, else the first. */
static const b_stream *first_alive(const it_b *b)
{
    for (int k = 0; k < b->n_streams; k++)
        if (!state_over(b->stream[k].told))
            return &b->stream[k];
    return &b->stream[0];
}

static void put(it_b *b, it_time now, it_model_event ev, int media)
{
    ev.at = now;
    ev.part = 0;
    it_evq_put(&b->events, &ev, media);
}

/* Tells of |media| that it went from |old| to |state|, on the path of |c|; |ev|: what made it so. */
static void tell_state(it_b *b, it_time now, int media, enum it_state old, enum it_state state, const it_conn *c,
                       const it_model_event *ev)
{
    if (old == IT_STATE_CONNECTING && state_open(state)) {
        put(b, now, it_conn_path_event(c, IT_EV_OPEN), media);
        old = IT_STATE_OPEN;
    }
    if (old == IT_STATE_OPEN && state == IT_STATE_STALLED) {
        it_model_event stalled = it_conn_path_event(c, IT_EV_STALLED);
        stalled.since = ev->kind == IT_EV_STALLED ? ev->since : c->live.last_rx;
        put(b, now, stalled, media);
    } else if (old == IT_STATE_STALLED && state == IT_STATE_OPEN) {
        put(b, now, it_conn_path_event(c, IT_EV_RESUMED), media);
    }
}

/* The whole takes what one of its streams has told as |ev|; |leads|: on the path that is the whole's too. */
static void whole_take(it_b *b, it_time now, const it_model_event *ev, bool leads)
{
    if (state_over(b->told))
        return;
    if (ev->kind == IT_EV_DEATH && !state_open(b->told)) {
        b->told = IT_STATE_DEAD;
        for (int k = 0; k < b->n_streams; k++)
            it_b_stream_end(b, now, k, ev->reason, ev->why);
        put(b, now, *ev, -1);
        return;
    }
    enum it_state state = state_of_whole(b), old = b->told;
    if (state_over(state)) {
        /* It ends as the last of its streams does. */
        b->told = ev->kind == IT_EV_DEATH ? IT_STATE_DEAD : IT_STATE_CLOSED;
        put(b, now, *ev, -1);
        return;
    }
    b->told = state;
    if (leads && ev->kind == IT_EV_FAILOVER && state_open(old))
        put(b, now, *ev, -1);
    tell_state(b, now, -1, old, state, conn_of(b, first_alive(b)), ev);
}

/* --- the end of a stream --- */

/* The transports of stream |s| are nobody's any more. What they say last still goes by their paths: their stream of ICE
 * ends behind that. */
static void transports_end(it_b *b, it_time now, const b_stream *s, enum it_reason reason, const char *why)
{
    for (int i = 0; i < s->n; i++) {
        it_conn *c = &b->transport[s->first + i].conn;
        if (reason == IT_REASON_NONE)
            it_conn_close(c, now);
        else
            it_conn_die(c, now, reason, why);
        it_b_sockets_free(b, now, s->first + i);
    }
    b->transport[s->first].ending = true;
}

bool it_b_streams_leave(it_b *b, it_time now)
{
    bool any = false;
    for (int i = 0; i < b->n_transports; i++) {
        b_transport *t = &b->transport[i];
        if (!t->ending)
            continue;
        t->ending = false;
        any = true;
        it_ice_end_stream(b->ice, now, t->stream);
    }
    return any;
}

/* True when a stream other than |s| that goes on has its transports. */
static bool shared(const it_b *b, const b_stream *s)
{
    for (int k = 0; k < b->n_streams; k++) {
        const b_stream *o = &b->stream[k];
        if (o != s && o->first == s->first && !state_over(o->told))
            return true;
    }
    return false;
}

/* Stream |k| ends as |ev| says; what follows from it is told first to the stream, then to the whole. */
static void stream_over(it_b *b, it_time now, int k, const it_model_event *ev)
{
    b_stream *s = &b->stream[k];
    if (state_over(s->told))
        return;
    bool dead = ev->kind == IT_EV_DEATH;
    s->told = dead ? IT_STATE_DEAD : IT_STATE_CLOSED;
    b->dirty |= !dead; /* port 0 says so too, should the goodbye be lost */
    put(b, now, *ev, k);
    if (shared(b, s))
        it_conn_end_flow(&b->transport[s->first].conn, now, s->flow);
    else
        transports_end(b, now, s, dead ? ev->reason : IT_REASON_NONE, dead ? ev->why : "");
    whole_take(b, now, ev, false);
}

void it_b_stream_end(it_b *b, it_time now, int k, enum it_reason reason, const char *why)
{
    it_model_event ev = {.kind = IT_EV_DEATH, .reason = reason, .why = why};
    if (reason == IT_REASON_NONE)
        ev = (it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_REMOTE};
    stream_over(b, now, k, &ev);
}

void it_b_stream_without(it_b *b, it_time now, int k, int component)
{
    b_stream *s = &b->stream[k];
    if (s->n < component)
        return;
    it_conn_close(&b->transport[s->first + component - 1].conn, now);
    b->transport[s->first + component - 1].unused = true;
    it_b_sockets_free(b, now, s->first + component - 1);
    s->n = component - 1;
}

/* --- events of connections --- */

/* Event |ev| of transport |i| is of stream |k|. */
static void stream_take(it_b *b, it_time now, int k, int i, const it_model_event *ev)
{
    b_stream *s = &b->stream[k];
    if (ev->kind == IT_EV_DEATH || ev->kind == IT_EV_CLOSED) {
        stream_over(b, now, k, ev);
        return;
    }
    enum it_state old = s->told, state = state_of(b, s);
    if (state_over(old) || state_over(state))
        return; /* its end is told next */
    s->told = state;
    if (ev->kind == IT_EV_FAILOVER && state_open(old))
        put(b, now, *ev, k);
    tell_state(b, now, k, old, state, conn_of(b, s), ev);
    whole_take(b, now, ev, s == first_alive(b) && i == s->first);
}

/* True when event |ev| of transport |i| is of stream |k|. */
static bool is_of(const it_b *b, int k, int i, const it_model_event *ev)
{
    const b_stream *s = &b->stream[k];
    bool carried = i >= s->first && i < s->first + s->n;
    return carried && (ev->part == 0 || ev->part == s->flow + 1);
}

/* What happened to the connection of transport |i|. */
static void transport_told(it_b *b, it_time now, int i, const it_model_event *ev)
{
    bool bundled = b->transport[i].conn.cfg.flows > 1;
    switch (ev->kind) {
    case IT_EV_SECRET:
    case IT_EV_PEER:
        put(b, now, *ev, -1);
        break;
    case IT_EV_RATE_UP:
    case IT_EV_RATE_DOWN:
        /* What shares a path has its rate in common. */
        put(b, now, *ev, bundled ? -1 : b->transport[i].stream);
        break;
    case IT_EV_MESSAGE:
        for (int k = 0; k < b->n_streams; k++)
            if (is_of(b, k, i, ev) && !state_over(b->stream[k].told))
                put(b, now, *ev, k);
        break;
    default:
        for (int k = 0; k < b->n_streams; k++)
            if (is_of(b, k, i, ev))
                stream_take(b, now, k, i, ev);
    }
}

bool it_b_streams_tell(it_b *b, it_time now)
{
    it_model_event ev;
    int transport;
    bool any = false;
    while (b->several && it_evq_take(&b->inner, &ev, &transport) > 0) {
        any = true;
        transport_told(b, now, transport, &ev);
    }
    b->events.oom |= b->inner.oom;
    return any;
}

/* --- commands and views --- */

static bool is_stream(const it_b *b, int k)
{
    return k >= 0 && k < b->n_streams;
}

int it_b_stream_send(it_b *b, it_time now, int k, it_bytes data)
{
    if (!is_stream(b, k))
        return IT_ERR_NOTFOUND;
    if (!state_open(it_b_stream_state(b, k)))
        return IT_ERR_STATE;
    const b_stream *s = &b->stream[k];
    return it_conn_send(&b->transport[s->first].conn, now, s->flow, data);
}

int it_b_send(it_b *b, it_time now, it_bytes data)
{
    return it_b_stream_send(b, now, (int)(first_alive(b) - b->stream), data);
}

void it_b_stream_close(it_b *b, it_time now, int k)
{
    if (!is_stream(b, k))
        return;
    const b_stream *s = &b->stream[k];
    if (!b->several || !shared(b, s)) {
        for (int i = 0; i < s->n; i++)
            it_conn_close(&b->transport[s->first + i].conn, now);
    } else {
        it_conn_close_flow(&b->transport[s->first].conn, now, s->flow);
    }
    (void)it_b_streams_tell(b, now);
    it_b_signal_if_dirty(b, now);
}

void it_b_close(it_b *b, it_time now)
{
    for (int i = 0; i < b->n_transports; i++)
        if (!b->transport[i].unused)
            it_conn_close(&b->transport[i].conn, now);
    (void)it_b_streams_tell(b, now);
}

enum it_state it_b_stream_state(const it_b *b, int k)
{
    if (!is_stream(b, k))
        return IT_STATE_NEW;
    return b->several ? b->stream[k].told : b->transport[0].conn.state;
}

enum it_path it_b_stream_path(const it_b *b, int k)
{
    if (!is_stream(b, k) || !state_open(it_b_stream_state(b, k)))
        return IT_PATH_NONE;
    return it_conn_path_kind(conn_of(b, &b->stream[k]));
}

enum it_state it_b_state(const it_b *b)
{
    return b->several ? b->told : b->transport[0].conn.state;
}

enum it_path it_b_path(const it_b *b)
{
    return it_b_stream_path(b, (int)(first_alive(b) - b->stream));
}

static it_time later(it_time a, it_time b)
{
    return a > b ? a : b;
}

/* Adds the numbers |x| of a further part to |s|: sums, and of times the first or the longest. */
static void stats_add(it_conn_stats *s, const it_conn_stats *x)
{
    s->sent += x->sent;
    s->received += x->received;
    s->voice_sent += x->voice_sent;
    s->voice_received += x->voice_received;
    s->lost += x->lost;
    s->late += x->late;
    s->duplicate += x->duplicate;
    s->questions += x->questions;
    s->longest_gap = later(s->longest_gap, x->longest_gap);
    s->freeze_silent = later(s->freeze_silent, x->freeze_silent);
    s->patience = later(s->patience, x->patience);
    s->t_open = later(s->t_open, x->t_open);
    s->t_first_media = x->t_first_media < s->t_first_media ? x->t_first_media : s->t_first_media;
}

bool it_b_stream_stats(const it_b *b, int k, it_conn_stats *s)
{
    if (!is_stream(b, k))
        return false;
    it_conn_get_stats(conn_of(b, &b->stream[k]), b->stream[k].flow, s);
    for (int i = 1; i < b->stream[k].n; i++) {
        it_conn_stats x;
        it_conn_get_stats(&b->transport[b->stream[k].first + i].conn, 0, &x);
        stats_add(s, &x);
    }
    return true;
}

bool it_b_stream_media(const it_b *b, int k, it_media_stats *s)
{
    return is_stream(b, k) && it_conn_get_media(conn_of(b, &b->stream[k]), b->stream[k].flow, s);
}

void it_b_stats(const it_b *b, it_conn_stats *s)
{
    (void)it_b_stream_stats(b, 0, s);
    for (int k = 1; k < b->n_streams; k++) {
        it_conn_stats x;
        (void)it_b_stream_stats(b, k, &x);
        if (b->stream[k].first == b->stream[0].first)
            x.questions = 0; /* they share a connection, whose questions are counted */
        stats_add(s, &x);
    }
    s->signal_bytes = b->signal_bytes;
    s->signal_messages = b->signal_messages;
    s->refused = it_gate_dropped(&b->gate);
}
