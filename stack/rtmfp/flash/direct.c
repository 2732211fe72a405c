/* Streams between peers (RFC 7425 section 5.4): the subscriber opens the session, and in it a flow that belongs to
 * nothing, by which it says what it wants to play; the publisher's flows are in return to that one. */
#include "stack/rtmfp/flash/client_impl.h"

#define SILENT 4 /* flows of a peer that have said nothing yet: a stranger has no more places than that */

int it_rtmfp_direct_open(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x)
{
    uint8_t epd[IT_RTMFP_PRINT_EPD];
    x->session = it_rtmfp_find(c->r, x->far);
    if (x->session) {
        x->told = true;
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_SUCCESS, NULL);
    }
    for (int i = 0; !x->session && i < IT_RTMFP_CLIENT_STREAMS; i++) { /* or one that is being opened */
        const it_rtmfp_netstream_of *o = &c->stream[i];
        if (o->no && o != x && o->kind == IT_RTMFP_FROM_PEER && memcmp(o->far, x->far, sizeof x->far) == 0)
            x->session = o->session;
    }
    if (x->session)
        return 0;
    it_rtmfp_epd_of_print(x->far, epd);
    return it_rtmfp_connect(c->r, now, it_bytes_of(epd, sizeof epd), c->cfg.server, c->cfg.servers, &x->session);
}

void it_rtmfp_direct_spare(it_rtmfp_client *c, it_time now, uint32_t session)
{
    it_rtmfp_info info;
    /* who opened a session closes it: the other end may have a refusal or last words on their way */
    if (!session || it_rtmfp_describe(c->r, session, &info) || !info.initiator)
        return;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (c->stream[i].no && c->stream[i].session == session)
            return;
    it_rtmfp_client_end(c, now, session, false);
}

void it_rtmfp_direct_impossible(it_rtmfp_client *c, it_time now)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        bool from = x->kind == IT_RTMFP_FROM_PEER && !x->told;
        bool direct = x->kind == IT_RTMFP_DIRECT && it_rtmfp_client_subscribers(c, x->no, NULL, 0) == 0;
        if (!x->no || (!from && !direct))
            continue;
        uint32_t session = x->session;
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_FAILED, "over a WebSocket nobody is introduced to anybody");
        it_rtmfp_stream_drop(c, now, x, false);
        it_rtmfp_direct_spare(c, now, session);
    }
}

/* |session| has opened: streams that waited for it play. */
static void direct_opened(it_rtmfp_client *c, it_time now, uint32_t session)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        if (!x->no || x->session != session || x->kind != IT_RTMFP_FROM_PEER || x->told)
            continue;
        x->told = true;
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_SUCCESS, NULL);
        it_rtmfp_stream_proceed(c, now, x);
    }
}

/* |session| is over, or never was. */
static void direct_over(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        if (!x->no || x->session != ev->session)
            continue;
        bool opened = x->kind == IT_RTMFP_SUBSCRIBER || x->told;
        it_rtmfp_client_status(c, x->no, opened ? IT_RTMFP_NS_CLOSED : IT_RTMFP_NS_FAILED, ev->why);
        it_rtmfp_stream_drop(c, now, x, false);
    }
}

/* |ev|->session gives way to another that leads to the same peer, and may be open already. */
static void direct_yields(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_info info;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (c->stream[i].no && c->stream[i].session == ev->session)
            c->stream[i].session = ev->other;
    if (it_rtmfp_describe(c->r, ev->other, &info) == 0 && info.state == IT_RTMFP_OPENED)
        direct_opened(c, now, ev->other);
}

/* The stream of ours that plays from |session| by flow |out|; NULL: none. */
static const it_rtmfp_netstream_of *direct_plays(const it_rtmfp_client *c, uint32_t session, uint64_t out)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        const it_rtmfp_netstream_of *x = &c->stream[i];
        if (x->no && x->session == session && x->kind == IT_RTMFP_FROM_PEER && x->out[0] == out)
            return x;
    }
    return NULL;
}

/* Flows of |session| that have not said yet what they want. */
static int direct_silent(const it_rtmfp_client *c, uint32_t session)
{
    int n = 0;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        const it_rtmfp_netstream_of *x = &c->stream[i];
        n += x->no && x->session == session && x->kind == IT_RTMFP_SUBSCRIBER && x->state == IT_RTMFP_STREAM_NEW;
    }
    return n;
}

/* A peer begins to say what it wants to play, by a flow of stream |id|. False: there is no room for it. */
static bool direct_subscriber(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev, uint32_t id)
{
    it_rtmfp_info info;
    if (it_rtmfp_describe(c->r, ev->session, &info) || direct_silent(c, ev->session) >= SILENT)
        return false;
    it_rtmfp_netstream_of *x = it_rtmfp_stream_new(c, now, IT_RTMFP_SUBSCRIBER);
    if (!x)
        return false;
    if (!it_rtmfp_heard_add(c, ev->session, ev->flow, x->no)) {
        x->no = 0;
        return false;
    }
    x->session = ev->session;
    x->id = id;
    x->returns = ev->flow;
    memcpy(x->far, info.print, sizeof x->far);
    return true;
}

/* A flow of a peer's: in return to the one of a stream that plays from it; or by itself, of one that wants to play. */
static void direct_flow(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_tc tc;
    bool taken = it_rtmfp_tc_get(ev->data, &tc) && tc.stream != 0; /* RFC 7425 section 5.4: MUST */
    if (taken && ev->returns) {
        const it_rtmfp_netstream_of *x = direct_plays(c, ev->session, ev->returns);
        taken = x && it_rtmfp_heard_add(c, ev->session, ev->flow, x->no);
    } else if (taken) {
        taken = direct_subscriber(c, now, ev, tc.stream);
    }
    if (!taken)
        it_rtmfp_client_reject(c, now, ev->session, ev->flow);
}

void it_rtmfp_direct_accept(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x)
{
    static const enum it_rtmfp_code TOLD[] = {IT_RTMFP_PLAY_RESET, IT_RTMFP_PLAY_START};
    uint8_t room[IT_RTMFP_COMMAND_MOST];
    it_buf b;
    it_rtmfp_control begin = {.event = IT_RTMFP_STREAM_BEGIN, .a = x->id};
    x->state = IT_RTMFP_STREAM_ACTIVE;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_control_put(&b, &begin);
    it_rtmfp_client_done(c, it_rtmfp_stream_put(c, now, x, 0, it_bytes_of(b.p, b.len), NULL));
    for (size_t i = 0; i < sizeof TOLD / sizeof *TOLD; i++) {
        it_buf_init(&b, room, sizeof room);
        it_rtmfp_status_put(&b, TOLD[i]);
        it_rtmfp_client_done(c, it_rtmfp_stream_put(c, now, x, 0, it_bytes_of(b.p, b.len), NULL));
    }
}

int it_rtmfp_client_accept(it_rtmfp_client *c, it_time now, uint32_t stream, bool take)
{
    it_rtmfp_netstream_of *x = it_rtmfp_stream_get(c, stream);
    if (!x)
        return IT_ERR_NOTFOUND;
    if (x->kind != IT_RTMFP_SUBSCRIBER || x->state != IT_RTMFP_STREAM_WAITS)
        return IT_ERR_STATE;
    if (!take)
        return it_rtmfp_client_close_stream(c, now, stream); /* its flow is rejected: that is the refusal */
    it_rtmfp_direct_accept(c, now, x);
    bool oom = c->oom;
    c->oom = false;
    return oom ? IT_ERR_NOMEM : 0;
}

/* The stream that is published to peers under |name|; NULL: none. */
static const it_rtmfp_netstream_of *direct_named(const it_rtmfp_client *c, it_bytes name)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        const it_rtmfp_netstream_of *x = &c->stream[i];
        bool published = x->no && x->kind == IT_RTMFP_DIRECT && x->state == IT_RTMFP_STREAM_ACTIVE;
        if (published && it_bytes_eq(name, it_bytes_of(x->name, x->name_n)))
            return x;
    }
    return NULL;
}

/* A subscriber says what it wants. Names that are not published here are refused like persons are: who asks does not
 * learn which. */
static void direct_asked(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, const it_rtmfp_event *ev)
{
    it_rtmfp_message m;
    it_rtmfp_command cmd;
    it_bytes name;
    if (!it_rtmfp_message_get(ev->data, &m) || !it_rtmfp_command_get(&m, &cmd))
        return;
    if (x->state != IT_RTMFP_STREAM_NEW || !it_bytes_eq(cmd.name, it_bytes_str("play")))
        return;
    const it_rtmfp_netstream_of *p = it_rtmfp_name_get(&cmd, &name) ? direct_named(c, name) : NULL;
    if (!p) {
        it_rtmfp_stream_drop(c, now, x, true);
        return;
    }
    x->publisher = p->no;
    x->state = IT_RTMFP_STREAM_WAITS;
    it_rtmfp_client_event out = {.kind = IT_RTMFP_TELLS_PEER, .stream = x->no, .publisher = p->no};
    memcpy(out.print, x->far, sizeof out.print);
    it_rtmfp_client_tell(c, &out);
    if (!c->cfg.ask)
        it_rtmfp_direct_accept(c, now, x);
}

/* The far end of |x| has gone, and its session stays where others use it. */
static void direct_left(it_rtmfp_client *c, it_time now, it_rtmfp_netstream_of *x, enum it_rtmfp_code code,
                        const char *why)
{
    uint32_t session = x->session;
    bool asked = x->kind != IT_RTMFP_SUBSCRIBER || x->publisher;
    if (asked)
        it_rtmfp_client_status(c, x->no, code, why);
    it_rtmfp_stream_drop(c, now, x, true);
    it_rtmfp_direct_spare(c, now, session);
}

/* The far end will say nothing more by |ev|->flow. A stream is over with the last of its flows. */
static void direct_complete(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_netstream_of *x = it_rtmfp_heard_of(c, ev->session, ev->flow);
    if (x && it_rtmfp_heard_end(c, ev->session, ev->flow, x->no) == 0)
        direct_left(c, now, x, IT_RTMFP_NS_CLOSED, "the far end has closed it");
}

/* The far end has rejected a flow of ours: a publisher refuses, a subscriber has had enough. */
static void direct_exception(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        if (!x->no || x->session != ev->session)
            continue;
        for (int k = 0; k < IT_RTMFP_CLASSES; k++) {
            if (x->out[k] != ev->flow)
                continue;
            bool heard = x->kind == IT_RTMFP_SUBSCRIBER;
            for (size_t h = 0; h < c->heards; h++)
                heard |= c->heard[h].stream == x->no;
            direct_left(c, now, x, heard ? IT_RTMFP_NS_CLOSED : IT_RTMFP_NS_REJECTED, "the far end has rejected it");
            return;
        }
    }
}

void it_rtmfp_direct_event(it_rtmfp_client *c, it_time now, const it_rtmfp_event *ev)
{
    it_rtmfp_netstream_of *x;
    switch (ev->kind) {
    case IT_RTMFP_EV_OPEN:
        direct_opened(c, now, ev->session);
        break;
    case IT_RTMFP_EV_FAILED:
    case IT_RTMFP_EV_CLOSED:
        direct_over(c, now, ev);
        break;
    case IT_RTMFP_EV_DUPLICATE:
        direct_yields(c, now, ev);
        break;
    case IT_RTMFP_EV_FLOW:
        direct_flow(c, now, ev);
        break;
    case IT_RTMFP_EV_MESSAGE:
        x = it_rtmfp_heard_of(c, ev->session, ev->flow);
        if (x && x->kind == IT_RTMFP_SUBSCRIBER)
            direct_asked(c, now, x, ev);
        else if (x)
            it_rtmfp_stream_said(c, now, x, ev);
        break;
    case IT_RTMFP_EV_COMPLETE:
        direct_complete(c, now, ev);
        break;
    case IT_RTMFP_EV_EXCEPTION:
        direct_exception(c, now, ev);
        break;
    default:
        break;
    }
}

/* When |x| has failed unless its session opens, or what wants to play says what; IT_NEVER: it is, or has. */
static it_time direct_by(const it_rtmfp_client *c, const it_rtmfp_netstream_of *x)
{
    bool silent = x->kind == IT_RTMFP_SUBSCRIBER && x->state == IT_RTMFP_STREAM_NEW;
    if (!x->no || (!silent && (x->kind != IT_RTMFP_FROM_PEER || x->told)))
        return IT_NEVER;
    return x->began + c->cfg.open;
}

void it_rtmfp_direct_tick(it_rtmfp_client *c, it_time now)
{
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++) {
        it_rtmfp_netstream_of *x = &c->stream[i];
        if (now < direct_by(c, x))
            continue;
        uint32_t session = x->session;
        if (x->kind == IT_RTMFP_SUBSCRIBER) {
            it_rtmfp_stream_drop(c, now, x, true);
            continue;
        }
        it_rtmfp_client_status(c, x->no, IT_RTMFP_NS_FAILED, "no answer within its time");
        it_rtmfp_stream_drop(c, now, x, false);
        it_rtmfp_direct_spare(c, now, session);
    }
}

it_time it_rtmfp_direct_next(const it_rtmfp_client *c)
{
    it_time at = IT_NEVER;
    for (int i = 0; i < IT_RTMFP_CLIENT_STREAMS; i++)
        if (direct_by(c, &c->stream[i]) < at)
            at = direct_by(c, &c->stream[i]);
    return at;
}
