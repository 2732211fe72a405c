/* What the channel and the clocks report becomes open, message, stalled, resumed, closed and death. */
#include "stack/model/conn.h"

#include <string.h>

void it_conn_init(it_conn *c, const it_conn_cfg *cfg, it_evq *events)
{
    *c = (it_conn){.cfg = *cfg, .events = events, .state = IT_STATE_NEW};
    if (c->cfg.flows == 0)
        c->cfg.flows = 1;
    IT_ASSERT(c->cfg.flows > 0 && c->cfg.flows <= IT_CONN_FLOWS);
    it_live_init(&c->live, cfg->timers.stall);
    c->live.mute = cfg->mute;
    for (int f = 0; f < c->cfg.flows; f++) {
        it_voice_tx_init(&c->flow[f].tx);
        it_voice_rx_init(&c->flow[f].rx);
        c->flow[f].t_first_media = IT_NEVER;
    }
    c->connect_by = c->linkdown_by = c->death_by = IT_NEVER;
    c->stats.t_open = c->stats.t_first_media = c->stats.t_detect = c->stats.t_death = c->stats.t_recover = IT_NEVER;
}

void it_conn_fini(it_conn *c)
{
    if (c->channel.ops)
        c->channel.ops->free(c->channel.o);
    c->channel = (it_channel){NULL, NULL};
}

enum it_path it_conn_path_kind(const it_conn *c)
{
    bool open = c->state == IT_STATE_OPEN || c->state == IT_STATE_STALLED;
    return open && c->settled ? c->path.path : IT_PATH_NONE;
}

void it_conn_emit(it_conn *c, it_time now, it_model_event ev)
{
    ev.at = now;
    it_evq_put(c->events, &ev, c->cfg.media);
}

it_model_event it_conn_path_event(const it_conn *c, enum it_model_event_kind kind)
{
    const it_conn_path *p = &c->path;
    return (it_model_event){.kind = kind,
                            .path = p->path,
                            .local_kind = p->local_kind,
                            .remote_kind = p->remote_kind,
                            .local = p->local,
                            .remote = p->remote};
}

void it_conn_begin(it_conn *c, it_time now)
{
    c->state = IT_STATE_CONNECTING;
    c->connect_by = now + c->cfg.timers.connect;
}

/* --- the channel --- */

int it_conn_carry(it_conn *c, it_channel channel)
{
    c->channel = channel;
    return channel.ops ? 0 : IT_ERR_NOMEM;
}

int it_conn_input(it_conn *c, it_time now, const it_io *in)
{
    return c->channel.ops ? c->channel.ops->input(c->channel.o, now, in) : 0;
}

static it_time channel_next(const it_conn *c)
{
    return c->channel.ops ? c->channel.ops->next(c->channel.o) : IT_NEVER;
}

int it_conn_tick(it_conn *c, it_time now)
{
    return !it_conn_over(c) && channel_next(c) <= now ? c->channel.ops->tick(c->channel.o, now) : 0;
}

static int channel_send(it_conn *c, it_time now, enum it_channel_payload payload, it_bytes data)
{
    return c->channel.ops->send(c->channel.o, now, payload, data);
}

static int channel_event(it_conn *c, it_channel_event *ev)
{
    return c->channel.ops ? c->channel.ops->event(c->channel.o, ev) : 0;
}

/* --- the path --- */

void it_conn_use(it_conn *c, it_time now, const it_conn_path *p)
{
    c->path = *p;
    c->has_path = true;
    if (c->on_its_way)
        it_conn_start(c, now);
    else if (c->channel.ops && !c->channel_open)
        c->channel.ops->use_path(c->channel.o, now);
}

void it_conn_start(it_conn *c, it_time now)
{
    if (c->channel.ops && !c->channel_open)
        c->channel.ops->start(c->channel.o, now);
}

static void channel_stream(it_conn *c, it_time now, int flow, enum it_channel_stream what)
{
    if (c->channel.ops && c->channel.ops->stream)
        c->channel.ops->stream(c->channel.o, now, flow, what);
}

static void voice_start(it_conn *c, it_time now, int flow)
{
    if (c->cfg.rtp)
        channel_stream(c, now, flow, IT_CHANNEL_START);
    else
        it_voice_start(&c->flow[flow].tx, now);
}

static void voice_stop(it_conn *c, it_time now, int flow)
{
    if (c->cfg.rtp)
        channel_stream(c, now, flow, IT_CHANNEL_STOP);
    else
        it_voice_stop(&c->flow[flow].tx);
}

void it_conn_direct(it_conn *c, it_time now, int flow, bool sends, bool comes)
{
    it_conn_flow *f = &c->flow[flow];
    bool sent = c->cfg.voice >> flow & 1;
    c->cfg.voice = (c->cfg.voice & ~(1u << flow)) | (unsigned)sends << flow;
    if (!comes)
        f->rx.streaming = false; /* its silence is no stall */
    if (!c->opened || it_conn_over(c) || f->over || sends == sent)
        return;
    if (sends)
        voice_start(c, now, flow);
    else
        voice_stop(c, now, flow);
}

static int open_if_ready(it_conn *c, it_time now)
{
    if (c->opened || !c->settled || !c->channel_open)
        return 0;
    c->opened = true;
    c->state = IT_STATE_OPEN;
    c->connect_by = IT_NEVER;
    c->stats.t_open = now;
    it_live_open(&c->live, now);
    it_conn_emit(c, now, it_conn_path_event(c, IT_EV_OPEN));
    for (int f = 0; f < c->cfg.flows; f++)
        if (c->cfg.voice >> f & 1 && !c->flow[f].over)
            voice_start(c, now, f);
    return IT_CONN_OPENED;
}

int it_conn_settle(it_conn *c, it_time now)
{
    c->settled = true;
    c->linkdown_by = c->death_by = IT_NEVER;
    return open_if_ready(c, now);
}

void it_conn_failover(it_conn *c, it_time now, enum it_path old)
{
    if (!c->opened)
        return;
    it_model_event ev = it_conn_path_event(c, IT_EV_FAILOVER);
    ev.old_path = old;
    c->stats.t_recover = now;
    it_live_rtt_forget(&c->live);
    it_conn_emit(c, now, ev);
}

void it_conn_lose(it_conn *c)
{
    c->has_path = c->settled = false;
}

void it_conn_lost(it_conn *c, it_time now)
{
    it_conn_lose(c);
    c->lost_at = now;
    c->death_by = c->answered_at + c->cfg.timers.death;
    if (c->death_by <= now)
        c->death_by = now + 1;
}

void it_conn_network(it_conn *c, it_time now, const it_conn_socket *s, int left)
{
    if (it_conn_over(c))
        return;
    it_conn_emit(c, now, (it_model_event){.kind = IT_EV_NETWORK, .flow = s->flow, .up = s->up, .base = s->base});
    it_conn_sockets(c, now, left);
}

void it_conn_sockets(it_conn *c, it_time now, int left)
{
    if (left == 0 && !c->cfg.alternatives)
        it_conn_die(c, now, IT_REASON_LINK_DOWN_NO_ALTERNATIVE, "the only interface is down");
}

void it_conn_link_down(it_conn *c, it_time now)
{
    c->linkdown_by = now + c->cfg.timers.linkdown;
}

/* --- what comes in --- */

int it_conn_alive(it_conn *c, it_time now, size_t bytes)
{
    if (!c->opened || it_conn_over(c) || !it_live_rx(&c->live, now, bytes))
        return 0;
    c->state = IT_STATE_OPEN;
    c->stats.t_recover = now;
    it_conn_emit(c, now, it_conn_path_event(c, IT_EV_RESUMED));
    return IT_CONN_RESUMED;
}

/* Sends question |number| or the answer to it. One that finds no path or no memory is as good as lost. */
static void send_ping(it_conn *c, it_time now, enum it_app_kind kind, uint32_t number)
{
    uint8_t buf[IT_APP_PING_SIZE];
    int n = it_app_ping(kind, number, buf, sizeof buf);
    if (n > 0 && c->has_path && !c->foreign)
        (void)channel_send(c, now, IT_CHANNEL_MESSAGE, it_bytes_of(buf, (size_t)n));
}

/* The answer to question |number|: a round-trip time when it is one of our latest. */
static void take_pong(it_conn *c, it_time now, uint32_t number)
{
    it_time *asked = &c->asked[number % IT_CONN_ASKED];
    if (number >= c->n_asked || c->n_asked - number > IT_CONN_ASKED || *asked == IT_NEVER)
        return;
    it_live_rtt(&c->live, now - *asked);
    *asked = IT_NEVER;
}

void it_conn_ask(it_conn *c, it_time now)
{
    c->asked[c->n_asked % IT_CONN_ASKED] = now;
    send_ping(c, now, IT_APP_PING, c->n_asked++);
    c->stats.questions++;
}

/* The number of media stream |flow| in events: 0 where there is but one. */
static int part_of(const it_conn *c, unsigned flow)
{
    return c->cfg.flows > 1 ? (int)flow + 1 : 0;
}

void it_conn_end_flow(it_conn *c, it_time now, int flow)
{
    it_conn_flow *f = &c->flow[flow];
    f->over = true;
    f->rx.streaming = false;
    it_voice_stop(&f->tx);
    channel_stream(c, now, flow, IT_CHANNEL_LEAVE);
}

/* The far side has ended media stream |flow| of several. */
static void take_bye(it_conn *c, it_time now, unsigned flow)
{
    if (c->flow[flow].over)
        return;
    it_conn_end_flow(c, now, (int)flow);
    it_conn_emit(c, now, (it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_REMOTE, .part = part_of(c, flow)});
}

static int on_data(it_conn *c, it_time now, it_bytes datagram)
{
    it_app_data data;
    int flags = 0;
    unsigned flow = it_app_flow(datagram);
    bool known = flow < (unsigned)c->cfg.flows;
    it_conn_flow *f = &c->flow[known ? flow : 0];
    switch (known ? it_app_take(&f->rx, now, datagram, &data) : IT_APP_BAD) {
    case IT_APP_MESSAGE:
        f->received++;
        flags = it_conn_alive(c, now, datagram.n);
        it_conn_emit(c, now, (it_model_event){.kind = IT_EV_MESSAGE, .data = data.message, .part = part_of(c, flow)});
        break;
    case IT_APP_VOICE:
        if (f->t_first_media == IT_NEVER)
            f->t_first_media = now;
        flags = it_conn_alive(c, now, datagram.n);
        break;
    case IT_APP_BYE:
        flags = it_conn_alive(c, now, 0);
        if (c->cfg.flows > 1) /* who has one closes the channel */
            take_bye(c, now, flow);
        break;
    case IT_APP_PING:
        flags = it_conn_alive(c, now, 0);
        send_ping(c, now, IT_APP_PONG, data.number);
        break;
    case IT_APP_PONG:
        take_pong(c, now, data.number);
        flags = it_conn_alive(c, now, 0);
        break;
    case IT_APP_BAD:
        it_conn_emit(c, now, (it_model_event){.kind = IT_EV_PEER, .why = "an application datagram of no known kind"});
        break;
    }
    return flags;
}

static void stop_voice(it_conn *c)
{
    for (int f = 0; f < c->cfg.flows; f++)
        it_voice_stop(&c->flow[f].tx);
}

void it_conn_closed(it_conn *c, it_time now)
{
    if (it_conn_over(c))
        return;
    c->state = IT_STATE_CLOSED;
    stop_voice(c);
    it_conn_emit(c, now, (it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_REMOTE});
}

/* A packet of media that is the channel's own. */
static int on_media(it_conn *c, it_time now, const it_channel_event *ev)
{
    it_conn_flow *f = &c->flow[ev->flow];
    if (f->t_first_media == IT_NEVER)
        f->t_first_media = now;
    f->rx.any = true;
    f->rx.streaming = !f->over;
    return it_conn_alive(c, now, ev->data.n);
}

static int on_channel(it_conn *c, it_time now, const it_channel_event *ev)
{
    bool security;
    switch (ev->kind) {
    case IT_CHANNEL_OPEN:
        c->channel_open = true;
        return open_if_ready(c, now);
    case IT_CHANNEL_DATA:
        return on_data(c, now, ev->data);
    case IT_CHANNEL_CAME:
        return on_media(c, now, ev);
    case IT_CHANNEL_BYE:
        /* RFC 3550 section 6.6: its source ends, so that its silence is no stall; another may come. */
        c->flow[ev->flow].rx.streaming = false;
        break;
    case IT_CHANNEL_SECRET:
        it_conn_emit(c, now, (it_model_event){.kind = IT_EV_SECRET, .data = ev->data});
        break;
    case IT_CHANNEL_CLOSED:
        it_conn_closed(c, now);
        return IT_CONN_ENDED;
    case IT_CHANNEL_FAILED:
        security = c->opened || ev->cause == IT_CHANNEL_CAUSE_IDENTITY;
        it_conn_die(c, now, security ? IT_REASON_SECURITY : IT_REASON_CONNECT_FAILED, ev->why);
        break;
    }
    return 0;
}

int it_conn_pump(it_conn *c, it_time now)
{
    it_channel_event ev;
    int flags = 0;
    while (!it_conn_over(c) && channel_event(c, &ev) > 0)
        flags |= IT_CONN_ANY | on_channel(c, now, &ev);
    /* Secrets are wanted to the last, for captures. */
    while (it_conn_over(c) && channel_event(c, &ev) > 0)
        if (ev.kind == IT_CHANNEL_SECRET)
            it_conn_emit(c, now, (it_model_event){.kind = IT_EV_SECRET, .data = ev.data});
    return flags;
}

/* --- clocks --- */

void it_conn_rtt(it_conn *c, it_time sample)
{
    it_live_rtt(&c->live, sample);
}

int it_conn_answered(it_conn *c, it_time now, it_time when, it_time sample)
{
    if (when <= c->answered_at)
        return 0;
    c->answered_at = when;
    it_live_rtt(&c->live, sample);
    return it_conn_alive(c, now, 0);
}

void it_conn_expire(it_conn *c, it_time now)
{
    if (now >= c->connect_by)
        it_conn_die(c, now, IT_REASON_CONNECT_FAILED, "not open within T_conn");
    if (now >= c->linkdown_by)
        it_conn_die(c, now, IT_REASON_LINK_DOWN_NO_ALTERNATIVE, "no other interface took over within T_linkdown");
    if (now >= c->death_by)
        it_conn_die(c, now, IT_REASON_CONSENT_EXPIRED, "no path for T_death");
}

bool it_conn_live(it_conn *c, it_time now, const it_conn_checks *checks)
{
    bool stalled = false, streaming = false, begun = false;
    for (int f = 0; f < c->cfg.flows; f++) {
        streaming |= c->flow[f].rx.streaming && !c->flow[f].over;
        begun |= c->flow[f].rx.any;
    }
    it_live_due(&c->live, now,
                &(it_live_want){.streaming = streaming,
                                .begun = begun,
                                .unanswered = checks->unanswered,
                                .asked = checks->asked,
                                .no_path = checks->no_path});
    if (it_live_ask(&c->live, now))
        it_conn_ask(c, now);
    for (int kind; (kind = it_live_tick(&c->live, now)) >= 0;) {
        it_model_event ev = it_conn_path_event(c, (enum it_model_event_kind)kind);
        ev.since = c->live.last_rx;
        it_conn_emit(c, now, ev);
        if (kind != IT_EV_STALLED)
            continue;
        c->state = IT_STATE_STALLED;
        if (c->stats.t_detect == IT_NEVER)
            c->stats.t_detect = now;
        stalled = true;
    }
    return stalled;
}

static void flow_voice(it_conn *c, it_time now, unsigned flow)
{
    uint8_t buf[IT_CHANNEL_PAYLOAD];
    it_conn_flow *f = &c->flow[flow];
    int n;
    while ((n = it_voice_packet(&f->tx, now, buf, sizeof buf)) > 0) {
        if (!c->has_path)
            continue;
        it_app_mark(buf, flow);
        if (channel_send(c, now, IT_CHANNEL_MEDIA, it_bytes_of(buf, (size_t)n)) == 0) {
            f->sent++;
            f->voice_sent++;
        }
    }
}

void it_conn_voice(it_conn *c, it_time now)
{
    for (int f = 0; f < c->cfg.flows; f++)
        flow_voice(c, now, (unsigned)f);
}

/* --- commands --- */

void it_conn_die(it_conn *c, it_time now, enum it_reason reason, const char *why)
{
    if (it_conn_over(c))
        return;
    c->state = IT_STATE_DEAD;
    c->stats.t_death = now;
    stop_voice(c);
    it_conn_lose(c);
    it_conn_emit(c, now, (it_model_event){.kind = IT_EV_DEATH, .reason = reason, .why = why, .since = c->live.last_rx});
}

int it_conn_send(it_conn *c, it_time now, int flow, it_bytes data)
{
    if ((c->state != IT_STATE_OPEN && c->state != IT_STATE_STALLED) || c->flow[flow].over)
        return IT_ERR_STATE;
    if (c->foreign)
        return IT_ERR_UNSUPPORTED;
    uint8_t buf[IT_CHANNEL_PAYLOAD];
    int n = it_app_message(data, buf, sizeof buf);
    if (n < 0)
        return IT_ERR_TOOBIG;
    it_app_mark(buf, (unsigned)flow);
    int err = channel_send(c, now, IT_CHANNEL_MESSAGE, it_bytes_of(buf, (size_t)n));
    if (err < 0)
        return err;
    c->flow[flow].sent++;
    return 0;
}

void it_conn_close(it_conn *c, it_time now)
{
    if (it_conn_over(c))
        return;
    stop_voice(c);
    if (c->channel.ops)
        c->channel.ops->close(c->channel.o, now);
    c->state = IT_STATE_CLOSED;
    it_conn_emit(c, now, (it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_LOCAL});
}

void it_conn_close_flow(it_conn *c, it_time now, int flow)
{
    uint8_t buf[IT_APP_BYE_SIZE];
    if (it_conn_over(c) || c->flow[flow].over)
        return;
    it_conn_end_flow(c, now, flow);
    int n = it_app_bye(buf, sizeof buf);
    it_app_mark(buf, (unsigned)flow);
    /* As RTCP's BYE it may be lost: what comes then is no more than a stream that fell silent. */
    if (n > 0 && c->channel_open && !c->foreign)
        (void)channel_send(c, now, IT_CHANNEL_MESSAGE, it_bytes_of(buf, (size_t)n));
    it_conn_emit(c, now,
                 (it_model_event){.kind = IT_EV_CLOSED, .by = IT_CLOSED_LOCAL, .part = part_of(c, (unsigned)flow)});
}

void it_conn_expect(it_conn *c, int flow)
{
    c->flow[flow].rx.streaming = !c->flow[flow].over;
}

void it_conn_be_foreign(it_conn *c)
{
    c->foreign = true;
}

/* --- the object contract --- */

static it_time earlier(it_time a, it_time b)
{
    return a < b ? a : b;
}

it_time it_conn_next(const it_conn *c)
{
    if (it_conn_over(c))
        return IT_NEVER;
    it_time t = earlier(channel_next(c), earlier(c->connect_by, earlier(c->linkdown_by, c->death_by)));
    if (!c->opened)
        return t;
    for (int f = 0; f < c->cfg.flows; f++)
        t = earlier(t, c->flow[f].tx.due);
    return earlier(t, it_live_next(&c->live));
}

int it_conn_unrouted(it_conn *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (!c->channel.ops || c->has_path || it_conn_over(c))
        return 0;
    return c->channel.ops->output(c->channel.o, now, out, buf, cap);
}

int it_conn_output(it_conn *c, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    if (!c->channel.ops || !c->has_path || c->state == IT_STATE_DEAD)
        return 0;
    int n = c->channel.ops->output(c->channel.o, now, out, buf, cap);
    if (n > 0) {
        out->flow = (uint32_t)c->path.flow;
        out->local = c->path.local;
        out->remote = c->path.remote;
    }
    return n;
}
